//! A log with an event of each kind, and rows of each kind in every table.

use std::collections::BTreeMap;
use std::fs;

use jiff::Timestamp;
use room_owner::app::acl::local_permit;
use room_owner::app::announcements::{Announcements as _, DueAnnouncement};
use room_owner::app::ports::{AclChanged, Admitted, NewGrant, OwnerChangeEvent, ReadBack, Store as _};
use room_owner::clock::SystemClock;
use room_owner::domain::access::{Effect, Mark, Reading};
use room_owner::domain::announcement::Topic;
use room_owner::domain::audit::{Announced, OperationId, Outcome};
use room_owner::domain::command::DeliveryId;
use room_owner::domain::principal::{Channel, Principal};
use room_owner::domain::reply_note::{HowReplied, ReplyNote};
use room_owner::domain::room::AccountId;
use room_owner::merkle::SigningKey;
use room_owner::store::archive::Order;
use room_owner::store::verify::{Evidence, verify};
use secrecy::ExposeSecret as _;

use super::files::beside;
use super::replay;
use super::world::{
    ALICE, Edit, MALLORY, NOON, OPS, World, allow, announce, approve, ask, foreign, grant, later, link, mark,
    problem, read, recorded, refused, remove, revoke, silence, succeeded, unknown, unmark,
};

const BORIS: &str = "slack:T1:U2";
const CAROL: &str = "slack:T1:U3";
const NIGHT_SHIFT: &str = "slack:T1:group:S1";
const MINUTE: i64 = 60_000;

/// The world, its store open, two transfers not over; its oldest events are in `oldest.archive` beside it.
pub(crate) async fn everything() -> World {
    let world = World::empty().await;
    access(&world).await;
    decisions(&world).await;
    asking(&world).await;
    outcomes(&world).await;
    let world = callbacks(world).await;
    archive(&world).await;
    let world = after_a_break(world).await;
    linked_and_marked(&world).await;
    still_open(&world).await;
    world
}

#[tokio::test]
async fn whatever_happened_the_tables_tell_what_another_reader_makes_of_it() {
    let world = everything().await;
    let mut raw = world.raw().await;
    let mut events = replay::archived(&world.file().with_file_name("oldest.archive"));
    events.extend(replay::events(&mut raw).await);
    replay::assert_tables_follow(&events, &mut raw).await;
    let report = verify(&world.file(), Evidence { indexes: true, ..Evidence::default() }).await.unwrap();
    assert!(report.sound, "{:?}", report.findings);
}

async fn access(world: &World) {
    let store = &world.store;
    allow(OPS, "live-*").because("night shift").apply(store).await;
    allow(OPS, "*").apply(store).await;
    allow("discord:1:2", "test").and(allow("slack:T1:C2", "live-*")).apply(store).await;
    remove("discord:1:2").apply(store).await;
    remove("discord:1:2").apply(store).await;
    grant(ALICE, "moderator", "*").because("on call").apply(store).await;
    grant(BORIS, "admin", "*").delivered("a").apply(store).await;
    grant(BORIS, "admin", "*").delivered("a").apply(store).await;
    let of_the_shift = grant(NIGHT_SHIFT, "moderator", "live-*").but(|new| {
        new.channels = vec![OPS.parse().unwrap()];
        new.expires_at = Some("2126-03-01T12:00:00.5Z".parse().unwrap());
    });
    of_the_shift.apply(store).await;
    grant(CAROL, "moderator", "live-7").but(|new| new.effect = Effect::Deny).apply(store).await;
    grant("cli:bo", "auditor", "live-*").apply(store).await;
    revoke(5).apply(store).await;
    revoke(5).apply(store).await;
    announce(OPS, "vip-*").because("for the record").apply(store).await;
    announce("discord:1:2", "vip-1").and(announce(OPS, "vip-2")).apply(store).await;
    silence("discord:1:2").apply(store).await;
    silence("discord:1:2").apply(store).await;
    let read = Reading {
        members: ["U3".to_owned()].into(),
        as_of: Some(NOON),
        problem: Some("slack answered 429".to_owned()),
    };
    store.keep_group_readings(BTreeMap::from([(NIGHT_SHIFT.parse().unwrap(), read)])).await.unwrap();
}

async fn decisions(world: &World) {
    let store = &world.store;
    recorded(ask("test bob").by(MALLORY).delivered("m").admit(store).await);
    recorded(ask("live-7 bob").by(CAROL).member_of(NIGHT_SHIFT).admit(store).await);
    recorded(ask("test bob").in_channel("slack:T1:C9").admit(store).await);
    recorded(ask("a b c").admit(store).await);
    store.admit(foreign("f"), later(1)).await.unwrap();
    read(world, later(1)).await;
}

/// Three ask for access: one of them gets it, one does not, and one waits.
async fn asking(world: &World) {
    let store = &world.store;
    let first = recorded(ask("ask vip-1 reason: on call").by(MALLORY).delivered("ask").admit(store).await);
    let second = recorded(ask("ask vip-1").by("slack:T1:U5").admit(store).await);
    let again = ask("ask vip-1").by(MALLORY).admit(store).await;
    assert!(matches!(again, Admitted::AskedBefore { .. }), "{again:?}");
    recorded(ask("ask vip-2").by(MALLORY).admit(store).await);
    let hour = |new: &mut NewGrant| new.expires_at = Some(later(3_600_000));
    let given = grant(MALLORY, "moderator", "vip-1").but(hour).answering(first);
    assert!(matches!(given.apply(store).await, AclChanged::Changed(..)));
    let refused = Edit { changes: Vec::new(), ..given.clone().answering(second) };
    assert!(matches!(refused.apply(store).await, AclChanged::Changed(..)));
    assert!(matches!(given.apply(store).await, AclChanged::NotAnswered(..)));
}

async fn outcomes(world: &World) {
    let store = &world.store;
    let asked = ask("test bob reason: host \"crashed\" \u{1F525}").delivered("1");
    let first = asked.attempt(store).await.operation();
    store.note_previous_owner(first, &"carol".parse().unwrap(), later(2)).await.unwrap();
    world.finish(first, &succeeded("req-1")).await;
    recorded_as_duplicate(world, asked).await;
    for (how, why) in [
        (HowReplied::Edited, "the first try timed out"),
        (HowReplied::Posted, "slack answered 404"),
        (HowReplied::Sent, "the process ended before"),
        (HowReplied::Lost, "slack answered 410"),
    ] {
        store.note_reply(first, &ReplyNote { how, why: why.to_owned() }, later(50)).await.unwrap();
    }
    for (message, problem) in
        [(Some("1772366400.000001"), None), (None, Some("slack answered not_in_channel"))]
    {
        announced(world, first, message, problem).await;
    }
    let shown = recorded(ask("test").admit(store).await);
    world.finish(shown, &Outcome::Shown("bob".parse().unwrap())).await;
    let of_the_shift = ask("live-8 dave").by(CAROL).member_of(NIGHT_SHIFT);
    for (asked, outcome) in [
        (ask("live-1 bob"), Outcome::Unchanged),
        (ask("live-2 bob"), refused("req-2")),
        (ask("live-3 bob"), unknown(Some("eve"))),
        (ask("live-4 bob"), Outcome::Declined(problem("the connection was refused", None))),
        (of_the_shift, succeeded("req-3")),
    ] {
        let operation = asked.attempt(store).await.operation();
        assert!(world.finish(operation, &outcome).await);
    }
    // Not known, and then seen; and one over which an admin hands the room on.
    let lost = ask("live-5 bob").attempt(store).await.operation();
    world.finish(lost, &unknown(None)).await;
    let seen = Outcome::Succeeded {
        previous: None,
        confirmed: true,
        request_id: None,
        unclear: Some(problem("the connection was cut", Some("req-4"))),
    };
    world.finish(lost, &seen).await;
    let lost = ask("live-6 bob").attempt(store).await.operation();
    world.finish(lost, &unknown(None)).await;
    ask("live-6 dave").admit(store).await;
    let over = ask(&format!("live-6 dave override: {lost} reason: host is on the phone")).by(BORIS);
    let over = over.attempt(store).await.operation();
    world.finish(over, &succeeded("req-5")).await;
}

/// What became of the announcement of the operation's last outcome.
async fn announced(world: &World, operation: OperationId, message: Option<&str>, problem: Option<&str>) {
    let channel: Channel = OPS.parse().unwrap();
    let event = world.store.log().newest_event().await.unwrap();
    let due = DueAnnouncement {
        id: 0,
        channel: channel.clone(),
        person: None,
        topic: Topic::Operation(operation, event),
        since: NOON,
        perhaps_posted: false,
        tries: 0,
    };
    let (message, problem) = (message.map(str::to_owned), problem.map(str::to_owned));
    let announced = Announced { channel, event, message, problem, to: None };
    world.store.settle(&due, Some(announced), later(60)).await.unwrap();
}

async fn recorded_as_duplicate(world: &World, asked: super::world::Ask) {
    let admitted = asked.admit(&world.store).await;
    assert!(matches!(admitted, room_owner::app::ports::Admitted::Duplicate { .. }), "{admitted:?}");
}

fn account(id: &str) -> AccountId {
    AccountId::from_tencent(id.to_owned())
}

fn notice(room: &str, new_owner: &str, event_at: Timestamp) -> OwnerChangeEvent {
    OwnerChangeEvent {
        delivery: DeliveryId::new("tencent", &format!("{room}:{new_owner}")).unwrap(),
        room: room.parse().unwrap(),
        new_owner: account(new_owner),
        original_owner: Some(account("carol")),
        operator: Some(account("administrator")),
        is_own_account: true,
        event_at,
        is_signed: true,
    }
}

async fn callbacks(world: World) -> World {
    let foreign = |room: &str, new_owner: &str| OwnerChangeEvent {
        operator: Some(account("app")),
        is_own_account: false,
        ..notice(room, new_owner, later(MINUTE))
    };
    let seen = |owner: &str| Some(ReadBack::Owner(account(owner)));
    for (notice, seen) in [
        // One confirms the change, one corrects an outcome that nobody knew; and what Tencent refused stands.
        (notice("test", "bob", NOON), None),
        (notice("live-3", "bob", NOON), None),
        (notice("live-2", "bob", NOON), seen("bob")),
        (foreign("app-1", "dave"), seen("dave")),
        (foreign("app-2", "erin"), seen("frank")),
        (OwnerChangeEvent { is_signed: false, ..foreign("app-3", "erin") }, seen("erin")),
        (foreign("app-4", "erin"), Some(ReadBack::Nothing("the room is gone".to_owned()))),
    ] {
        world.store.observe(&notice, seen.as_ref(), later(MINUTE + 500)).await.unwrap();
    }
    world
}

async fn archive(world: &World) {
    let principal = Principal::new("cli:ana".parse().unwrap());
    let permit = local_permit(&world.store, &SystemClock, &principal).await.unwrap();
    let file = world.file().with_file_name("oldest.archive");
    let typed = "room-owner audit archive oldest.archive".to_owned();
    let order = Order { principal, permit, typed, before: later(1), file };
    let report = world.store.archive(order, later(2 * MINUTE)).await.unwrap();
    assert!(report.archive.is_some(), "{report:?}");
}

/// Another file, another key, no head beside it; and the clock goes wrong.
async fn after_a_break(world: World) -> World {
    let copied = |suffix: &str| {
        let file = beside(&world.file(), suffix);
        let bytes = fs::read(&file).unwrap();
        fs::remove_file(&file).unwrap();
        fs::write(&file, bytes).unwrap();
    };
    world.store.close().await;
    copied("");
    let world = world.reopened().await;
    world.store.close().await;
    fs::write(beside(&world.file(), ".key"), SigningKey::generate().expose_secret()).unwrap();
    fs::rename(beside(&world.file(), ".checkpoint"), beside(&world.file(), ".earlier-head")).unwrap();
    let world = world.reopened().await;
    allow("discord:1:5", "*").apply_at(&world.store, later(3 * MINUTE)).await;
    world
}

/// A link that becomes another one, a mark that is taken off, one that stays, and what a second person approved.
async fn linked_and_marked(world: &World) {
    for edit in [
        link(CAROL, "carol"),
        link(CAROL, "dave"),
        mark("vip-*", Mark::Confirm),
        unmark("vip-*"),
        mark("live-7", Mark::TwoPerson),
    ] {
        edit.apply_at(&world.store, later(3 * MINUTE)).await;
    }
    approve("live-4 bob", &world.store).await;
}

async fn still_open(world: &World) {
    let at = later(4 * MINUTE);
    let lost = ask("live-9 bob").delivered("lost").admit_at(&world.store, at).await;
    let lost = super::world::attempt(lost).operation();
    world.store.finish(lost, &unknown(None), later(4 * MINUTE + 90)).await.unwrap();
    ask("live-10 bob").delivered("pending").answered_later().admit_at(&world.store, at).await;
    assert_eq!(world.open_operations().await.len(), 2);
}
