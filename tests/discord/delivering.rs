//! A reply that cannot be delivered never changes what was done.

use super::fakes::discord::{Fault, Route, TOKEN, direct};
use super::logs;
use super::world::{ALICE, MODS, OTTO, World, command, read_message, token, transfer};

#[tokio::test]
async fn a_reply_is_delivered_with_patience() {
    for fault in [Fault::Status(500), Fault::Slower(0.2), Fault::Code(404, 10_015)] {
        let world = World::start().await;
        world.discord.fail(Route::Edit, fault, 3);
        assert!(world.says(&transfer(ALICE)).await.contains("now belongs to"), "{fault:?}");
        let ended = world.end().await;
        assert_eq!((ended.outcomes(), ended.changes), (vec!["succeeded"], 1));
        let [("edited", why)] = ended.notes.as_slice() else { panic!("{:?}", ended.notes) };
        assert!(why.starts_with("discord answered "), "{why}");
    }
}

/// `World::end` looks for the tokens in the log lines and the database.
#[tokio::test]
async fn what_discord_echoes_and_what_people_paste_is_noted_without_the_tokens() {
    let echoed = |routes: &'static [Route]| async move {
        let world = World::start().await;
        for route in routes {
            world.discord.fail(*route, Fault::Echo(400), 99);
        }
        let pasted = [("room", "test"), ("new_owner", "user2"), ("reason", TOKEN)];
        world.send(&command(ALICE, &pasted)).await;
        let ended = world.end().await;
        assert_eq!(ended.audit[0].reason.as_deref(), Some("[redacted]"));
        ended
    };
    let ended = echoed(&[Route::Callback]).await;
    assert_eq!(ended.outcomes(), ["declined"]);
    let info = ended.audit[0].error_info.as_deref().unwrap();
    assert!(info.contains("/[redacted]/callback"), "{info}");
    let ended = echoed(&[Route::Edit]).await;
    let [("posted", why)] = ended.notes.as_slice() else { panic!("{:?}", ended.notes) };
    assert!(why.contains("/[redacted]/messages/@original"), "{why}");
    echoed(&[Route::Edit, Route::Channel, Route::Direct]).await;
    assert!(logs::so_far().contains("channels/500/messages Bot [redacted]"));
}

#[tokio::test]
async fn a_reply_that_goes_as_usual_leaves_no_note() {
    let world = World::start().await;
    world.says(&transfer(ALICE)).await;
    world.says(&command(ALICE, &[("room", "test")])).await;
    world.says(&transfer(OTTO)).await;
    assert_eq!(world.end().await.notes, []);
}

#[tokio::test]
async fn an_answer_at_once_that_discord_does_not_take_is_noted_as_lost() {
    let world = World::start().await;
    world.discord.fail(Route::Callback, Fault::Code(404, 10_062), 1);
    world.send(&transfer(OTTO)).await;
    let ended = world.end().await;
    assert_eq!(ended.outcomes(), ["denied"]);
    assert_eq!(ended.notes, [("lost", "discord answered 404, code 10062: code 10062".to_owned())]);
}

#[tokio::test]
async fn what_cannot_be_edited_is_posted_to_the_channel() {
    // For good, for too long, or with more patience than the token has.
    let faults =
        [Fault::Code(401, 50_027), Fault::Code(404, 10_008), Fault::Status(503), Fault::Slower(901.0)];
    for fault in faults {
        let world = World::start().await;
        world.discord.fail(Route::Edit, fault, 99);
        world.send(&transfer(ALICE)).await;
        let discord = world.discord.clone();
        let ended = world.end().await;
        assert_eq!((ended.outcomes(), ended.changes), (vec!["succeeded"], 1), "{fault:?}");
        let posted = discord.channel(MODS);
        assert_eq!(posted.len(), 1, "{fault:?}");
        assert!(read_message(&posted[0]).contains("now belongs to"));
        assert!(matches!(ended.notes.as_slice(), [("posted", _)]), "{:?}", ended.notes);
    }
}

#[tokio::test]
async fn what_was_private_is_not_posted_to_the_channel() {
    let world = World::start().await;
    world.discord.fail(Route::Edit, Fault::Code(401, 50_027), 99);
    world.send(&command(ALICE, &[("room", "test")])).await;
    let discord = world.discord.clone();
    assert_eq!(world.end().await.outcomes(), ["succeeded"]);
    assert!(discord.channel(MODS).is_empty());

    let world = World::with(|settings| settings.private_replies = true).await;
    world.discord.fail(Route::Edit, Fault::Code(401, 50_027), 99);
    world.send(&transfer(ALICE)).await;
    let discord = world.discord.clone();
    assert_eq!(world.end().await.outcomes(), ["succeeded"]);
    assert!(discord.channel(MODS).is_empty());
}

/// Neither with buttons under it.
#[tokio::test]
async fn what_was_asked_in_private_is_not_answered_in_the_channel() {
    let world = World::start().await;
    world.discord.fail(Route::Edit, Fault::Code(404, 10_008), 99);
    world.send(&command(ALICE, &[("room", "tset")])).await;
    let told = world.discord.has_posted(&direct(ALICE), 1).await;
    assert!(read_message(&told[0]).contains("tset"), "{told:?}");
    assert_eq!(told[0]["components"], serde_json::json!([]));
    let discord = world.discord.clone();
    world.end().await;
    assert!(discord.channel(MODS).is_empty());
}

#[tokio::test]
async fn without_a_bot_token_the_log_alone_has_it() {
    let world = World::with(|settings| settings.bot_token = None).await;
    world.discord.fail(Route::Edit, Fault::Code(404, 10_008), 99);
    let interaction = transfer(ALICE);
    world.send(&interaction).await;
    let discord = world.discord.clone();
    let ended = world.end().await;
    assert_eq!(ended.outcomes(), ["succeeded"]);
    assert_eq!(ended.notes, [("lost", "discord answered 404, code 10008: code 10008".to_owned())]);
    assert!(discord.channel(MODS).is_empty());
    assert!(discord.interaction(token(&interaction)).edited.is_none());
}

#[tokio::test]
async fn what_the_channel_does_not_take_either_the_person_is_notified_directly() {
    let world = World::start().await;
    world.discord.fail(Route::Edit, Fault::Code(404, 10_008), 99);
    world.discord.fail(Route::Channel, Fault::Code(403, 50_013), 2);
    world.send(&transfer(ALICE)).await;
    let sent = world.discord.has_posted(&direct(ALICE), 1).await;
    assert!(read_message(&sent[0]).contains("now belongs to"), "{sent:?}");
    assert_eq!(sent[0]["components"], serde_json::json!([]), "nothing can be pressed from there");
    let [("sent", why)] = &world.notes(1).await[..] else { panic!("a note of another kind") };
    assert_eq!(why, "discord answered 403, code 50013: code 50013");
    assert_eq!(world.end().await.outcomes(), ["succeeded"]);
}

#[tokio::test]
async fn who_takes_no_direct_message_either_finds_it_in_the_log() {
    let world = World::start().await;
    world.discord.fail(Route::Edit, Fault::Code(404, 10_008), 99);
    world.discord.fail(Route::Channel, Fault::Code(403, 50_007), 99);
    world.send(&transfer(ALICE)).await;
    let [("lost", why)] = &world.notes(1).await[..] else { panic!("a note of another kind") };
    assert!(why.ends_with("then discord answered 403, code 50007: code 50007"), "{why}");
    assert_eq!(world.end().await.outcomes(), ["succeeded"]);
}
