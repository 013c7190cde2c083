//! Nothing reaches Tencent before Discord has taken the acknowledgement.

use room_owner::tencent::simulator::FaultKind;

use super::fakes::discord::{Fault, Route};
use super::world::{ALICE, World, command, token, transfer};

#[tokio::test]
async fn without_an_acknowledgement_nothing_is_done() {
    for fault in [
        Fault::Code(404, 10_062),
        Fault::Code(400, 40_060),
        Fault::Status(502),
        Fault::Slower(0.5),
        Fault::Code(401, 50_027),
    ] {
        for interaction in [transfer(ALICE), command(ALICE, &[("room", "test")])] {
            let world = World::start().await;
            world.discord.fail(Route::Callback, fault, 1);
            world.send(&interaction).await;
            let ended = world.end().await;
            assert_eq!((ended.outcomes(), ended.calls), (vec!["declined"], 0), "{fault:?}");
            let info = ended.audit[0].error_info.as_deref().unwrap();
            assert!(info.starts_with("not acknowledged in time: discord answered"), "{info}");
        }
    }
}

#[tokio::test]
async fn a_discord_that_does_not_answer_is_not_waited_for() {
    let world = World::start().await;
    world.discord.fail(Route::Callback, Fault::Hang, 1);
    let began = std::time::Instant::now();
    world.send(&transfer(ALICE)).await;
    let ended = world.end().await;
    assert!(began.elapsed().as_millis() < 3_000, "{:?}", began.elapsed());
    assert_eq!((ended.outcomes(), ended.calls), (vec!["declined"], 0));
}

#[tokio::test]
async fn an_acknowledgement_that_discord_took_in_silence_is_followed_by_the_truth() {
    let world = World::start().await;
    world.discord.fail(Route::Callback, Fault::DoneThenHang, 1);
    insta::assert_snapshot!(world.says(&transfer(ALICE)).await, @r"
    (everybody)
    ❌ Nothing was done: `test` keeps its owner.
    What went wrong: `not acknowledged in time: discord did not answer: timed out`
    It is safe to send the command again.
    Room: `test`
    Asked for: `user2`
    Asked by: `alice`
    Operation: `3`
    ");
    let ended = world.end().await;
    assert_eq!((ended.outcomes(), ended.calls), (vec!["declined"], 0));
}

#[tokio::test]
async fn a_declined_transfer_does_not_keep_the_room() {
    let world = World::start().await;
    world.discord.fail(Route::Callback, Fault::Code(404, 10_062), 1);
    world.send(&transfer(ALICE)).await;
    world.until_something_was("declined").await;
    assert!(world.says(&transfer(ALICE)).await.contains("now belongs to"));
    assert_eq!(world.end().await.outcomes(), ["declined", "succeeded"]);
}

#[tokio::test]
async fn while_tencent_is_slow_the_person_sees_that_it_is_worked_on() {
    let world = World::start().await;
    world.next_change(FaultKind::Stall { millis: 400, when: Default::default() });
    let interaction = transfer(ALICE);
    world.send(&interaction).await;
    let shown = world.discord.until(token(&interaction), |it| it.callback.is_some()).await;
    assert_eq!(shown.callback.unwrap()["type"], 5);
    assert!(shown.edited.is_none());
    // The bot is told to end meanwhile, and finishes.
    let discord = world.discord.clone();
    assert_eq!(world.end().await.outcomes(), ["succeeded"]);
    assert!(discord.interaction(token(&interaction)).edited.is_some());
}

#[tokio::test]
async fn an_interaction_that_comes_twice_is_carried_out_once() {
    let world = World::start().await;
    let interaction = transfer(ALICE);
    let (first, second) = tokio::join!(world.send(&interaction), world.send(&interaction));
    assert!(first.is_success() && second.is_success());
    let reply = world.discord.until(token(&interaction), |it| it.edited.is_some()).await;
    assert!(super::world::read(&reply).contains("now belongs to"));
    world.send(&interaction).await;
    let ended = world.end().await;
    assert_eq!((ended.outcomes(), ended.changes), (vec!["succeeded", "duplicate", "duplicate"], 1));
    assert_eq!(ended.audit[1].reason, Some(format!("repeats operation {}", ended.audit[0].operation)));
}
