//! Nothing reaches Tencent before Discord has taken the acknowledgement, for which it is given all the time that it
//! gives us.

use futures_util::future::join_all;
use room_owner::tencent::simulator::FaultKind;

use super::fakes::discord::{Fault, Route, direct};
use super::world::{ALICE, MODS, OTTO, World, command, read_message, token, transfer};

#[tokio::test]
async fn without_an_acknowledgement_nothing_is_done() {
    let mut cases = Vec::new();
    for fault in [
        Fault::Code(404, 10_062),
        Fault::Code(400, 40_060),
        Fault::Status(502),
        Fault::Slower(0.5),
        Fault::Slower(1e18),
        Fault::Code(401, 50_027),
        Fault::Hang,
        Fault::Late(3_200),
    ] {
        for interaction in [transfer(ALICE), command(ALICE, &[("room", "test")])] {
            cases.push(async move {
                let world = World::start().await;
                world.discord.fail(Route::Callback, fault, 99);
                world.send(&interaction).await;
                let ended = world.end().await;
                assert_eq!((ended.outcomes(), ended.calls), (vec!["declined"], 0), "{fault:?}");
                let info = ended.audit[0].error_info.as_deref().unwrap();
                assert!(info.starts_with("not acknowledged in time: discord "), "{info}");
            });
        }
    }
    join_all(cases).await;
}

/// Commands whose first answers meet these faults, one after the other, are carried out and answered.
async fn are_carried_out(cases: &[&[Fault]]) {
    let mut worlds = Vec::new();
    for faults in cases {
        for (user, outcome) in [(ALICE, "succeeded"), (OTTO, "denied")] {
            worlds.push((World::start().await, *faults, user, outcome));
        }
    }
    // All at once, for the time that Discord waits is real.
    join_all(worlds.into_iter().map(async |(world, faults, user, outcome)| {
        for fault in faults {
            world.discord.fail(Route::Callback, *fault, 1);
        }
        let reply = world.says(&transfer(user)).await;
        let ended = world.end().await;
        assert_eq!(ended.outcomes(), [outcome], "{faults:?}: {reply}");
        assert_eq!(ended.changes, usize::from(user == ALICE), "{faults:?}");
        assert_eq!(ended.notes, [], "{faults:?}: it was simply delivered");
    }))
    .await;
}

#[tokio::test]
async fn the_whole_window_of_discord_is_used() {
    are_carried_out(&[
        &[Fault::Late(1_600)],
        &[Fault::Late(2_000); 9],
        &[Fault::Hang],
        &[Fault::Status(502); 4],
        &[Fault::Slower(0.5); 3],
        &[Fault::Status(502), Fault::Slower(0.2), Fault::Hang],
    ])
    .await;
}

#[tokio::test]
async fn an_acknowledgement_that_discord_took_in_silence_is_one() {
    are_carried_out(&[
        &[Fault::DoneThenHang],
        &[Fault::DoneThen(502)],
        &[Fault::DoneThenHang, Fault::Hang],
        &[Fault::DoneThen(500), Fault::Status(502), Fault::Slower(0.1)],
        &[Fault::Hang, Fault::DoneThenHang],
        &[Fault::Late(2_000), Fault::Hang],
    ])
    .await;
}

#[tokio::test]
async fn an_acknowledgement_without_an_answer_is_followed_by_the_truth() {
    let world = World::start().await;
    world.discord.fail(Route::Callback, Fault::DoneThenHang, 1);
    world.discord.fail(Route::Callback, Fault::Hang, 99);
    // What is said of a webhook that is young.
    world.discord.fail(Route::Edit, Fault::Code(404, 10_015), 4);
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
    assert_eq!(
        ended.notes,
        [("edited", "discord answered 404, code 10015: code 10015".to_owned())],
        "repeated until Discord took it"
    );
}

#[tokio::test]
async fn what_was_declined_in_silence_is_sent_in_another_way_if_there_is_nothing_to_edit() {
    // Discord took no acknowledgement, so that it knows nothing of a first answer.
    let world = World::start().await;
    world.discord.fail(Route::Callback, Fault::Hang, 99);
    world.send(&transfer(ALICE)).await;
    let posted = world.discord.has_posted(MODS, 1).await;
    assert!(read_message(&posted[0]).contains("Nothing was done"), "{posted:?}");
    let ended = world.end().await;
    assert!(matches!(ended.notes.as_slice(), [("posted", _)]), "{:?}", ended.notes);
    assert_eq!((ended.outcomes(), ended.calls), (vec!["declined"], 0));

    // A lookup is nobody else's business.
    let world = World::start().await;
    world.discord.fail(Route::Callback, Fault::Hang, 99);
    world.send(&command(ALICE, &[("room", "test")])).await;
    let sent = world.discord.has_posted(&direct(ALICE), 1).await;
    assert!(read_message(&sent[0]).contains("not acknowledged in time"), "{sent:?}");
    assert!(matches!(&world.notes(1).await[..], [("sent", _)]));
    assert!(world.discord.channel(MODS).is_empty());
    assert_eq!(world.end().await.outcomes(), ["declined"]);
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
    // The bot is asked to end meanwhile, and finishes.
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
