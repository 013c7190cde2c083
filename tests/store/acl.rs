//! Edits of the ACL: what they change, and what they leave behind.

use jiff::Timestamp;
use room_owner::app::ports::{AclChanged, Admission, Admitted, Store as _};
use room_owner::domain::access::{AuthorisedChannel, Effect, Grant, Reading, Role, is_live};
use room_owner::domain::audit::{DecisionKind, OperationId, OutcomeKind};
use room_owner::domain::command::Place;
use room_owner::domain::principal::{Principal, Subject};
use serde_json::{Value, json};

use super::world::{
    ALICE, NOON, OPS, World, allow, ask, channel_entry, grant, later, recorded, remove, revoke,
};

#[tokio::test]
async fn a_grant_comes_back_with_its_number_and_all_that_was_asked() {
    let world = World::empty().await;
    let edit = grant(ALICE, "moderator", "live-*").because("covers the night").but(|new| {
        new.effect = Effect::Deny;
        new.channels = vec![OPS.parse().unwrap(), "discord:1:9".parse().unwrap()];
        new.expires_at = Some(later(3_600_000));
    });
    let (_, given) = edit.granted(&world.store).await;
    let expected = Grant {
        id: 1,
        subject: ALICE.parse().unwrap(),
        role: Role::Moderator,
        effect: Effect::Deny,
        rooms: "live-*".parse().unwrap(),
        channels: vec![OPS.parse().unwrap(), "discord:1:9".parse().unwrap()],
        expires_at: Some(later(3_600_000)),
        granted_by: "cli:ana".parse().unwrap(),
        granted_at: NOON,
        revoked_at: None,
        reason: Some("covers the night".to_owned()),
    };
    assert_eq!(given, expected);
    let expected = [expected];
    assert_eq!(world.store.grants().await.unwrap(), expected);
    assert_eq!(world.reopened().await.store.grants().await.unwrap(), expected);
}

/// The rule learns whoever may be in a group with what the group is denied.
#[tokio::test]
async fn a_decision_is_read_with_what_is_denied_to_the_groups_of_its_own_workspace() {
    let world = World::empty().await;
    let deny = |subject: &str| grant(subject, "moderator", "*").but(|new| new.effect = Effect::Deny);
    for (n, subject) in
        ["slack:T1:group:S1", "slack:T1:group:S2", "slack:T10:group:S1", "slack:T1:U7", "discord:1:role:3"]
            .into_iter()
            .enumerate()
    {
        deny(subject).apply(&world.store).await;
        grant(subject, "moderator", "*").apply(&world.store).await;
        assert_eq!(world.store.grants().await.unwrap().len(), 2 * (n + 1));
    }
    let read = async |who: &str, channel: &str| -> Vec<i64> {
        let principal = Principal::new(who.parse().unwrap());
        let place = Place::Channel(channel.parse().unwrap());
        let view = world.store.acl_for(&principal, &place).await.unwrap();
        view.grants.iter().map(|grant| grant.id).collect()
    };
    assert_eq!(read("slack:T1:U1", OPS).await, [1, 3]);
    assert_eq!(read("slack:T1:U7", OPS).await, [1, 3, 7, 8]);
    assert_eq!(read("slack:T10:U1", "slack:T10:C1").await, [5]);
    assert_eq!(read("slack:T1:group:S1", OPS).await, [1, 2, 3]);
    assert_eq!(read("discord:1:2", "discord:1:9").await, [0; 0], "Discord says which roles they have");
    revoke(3).apply(&world.store).await;
    assert_eq!(read("slack:T1:U1", OPS).await, [1]);
    let alice = Principal::new(ALICE.parse().unwrap());
    let past = world.store.acl_history_for(&alice, &OPS.parse().unwrap()).await.unwrap();
    assert_eq!(past.grants.iter().map(|grant| grant.id).collect::<Vec<_>>(), [1, 3]);
}

#[tokio::test]
async fn readings_of_groups_are_kept_as_long_as_a_grant_names_the_group() {
    let world = World::empty().await;
    let group = |id: &str| format!("slack:T1:group:{id}").parse::<Subject>().unwrap();
    for id in ["S1", "S2"] {
        grant(&group(id).to_string(), "moderator", "*").apply(&world.store).await;
    }
    let read =
        Reading { members: ["U1".to_owned(), "U2".to_owned()].into(), as_of: Some(later(5)), problem: None };
    let failed = Reading { problem: Some("fatal_error: see there".to_owned()), ..Reading::default() };
    let readings = [(group("S1"), read.clone()), (group("S2"), failed.clone()), (group("S3"), read.clone())];
    world.store.keep_group_readings(readings.into()).await.unwrap();
    let known = [(group("S1"), read.clone()), (group("S2"), failed)].into();
    assert_eq!(world.store.group_readings().await.unwrap(), known, "no grant names S3");
    let again = Reading { members: ["U3".to_owned()].into(), as_of: Some(later(9)), problem: None };
    revoke(1).apply(&world.store).await;
    world.store.keep_group_readings([(group("S2"), again.clone())].into()).await.unwrap();
    let kept = world.reopened().await.store.group_readings().await.unwrap();
    assert_eq!(kept, [(group("S2"), again)].into());
}

#[tokio::test]
async fn a_grant_is_revoked_once() {
    let world = World::empty().await;
    let (_, given) = grant(ALICE, "moderator", "*").granted(&world.store).await;

    revoke(1).apply_at(&world.store, later(5)).await;
    let revoked = Grant { revoked_at: Some(later(5)), ..given };
    let revoked = [revoked];
    assert_eq!(world.store.grants().await.unwrap(), revoked);

    let again = revoke(1).apply_at(&world.store, later(9)).await;
    assert_nothing(&world, again, "grant 1 is revoked already").await;
    assert_eq!(world.store.grants().await.unwrap(), revoked, "the first revocation stands");
}

#[tokio::test]
async fn a_grant_that_never_was_cannot_be_revoked_and_the_try_is_recorded() {
    let world = World::empty().await;
    let tried = revoke(7).apply(&world.store).await;
    assert_nothing(&world, tried, "there is no grant 7").await;
}

#[tokio::test]
async fn of_several_changes_all_are_made_or_none() {
    let world = World::empty().await;
    let both = grant(ALICE, "moderator", "*").and(revoke(7)).apply(&world.store).await;
    assert_nothing(&world, both, "there is no grant 7").await;
    assert_eq!(world.store.grants().await.unwrap(), []);
    let both = grant(ALICE, "moderator", "*").and(allow(OPS, "*")).apply(&world.store).await;
    let AclChanged::Changed(operation, changed) = both else { panic!("{both:?}") };
    assert_eq!((changed.len(), world.log().await.len()), (2, 2));
    assert_eq!(world.entry(operation).await.outcome, OutcomeKind::Succeeded);
}

#[tokio::test]
async fn numbers_of_grants_are_never_given_twice() {
    let world = World::empty().await;
    for expected in 1..=3 {
        let (_, given) = grant(ALICE, "moderator", "*").granted(&world.store).await;
        assert_eq!(given.id, expected);
        revoke(given.id).apply(&world.store).await;
    }
}

#[tokio::test]
async fn a_channel_keeps_its_history() {
    let world = World::empty().await;
    allow(OPS, "live-*").because("the show").apply_at(&world.store, later(1)).await;
    allow(OPS, "*").apply_at(&world.store, later(2)).await;
    let removed = channel_entry(remove(OPS).apply_at(&world.store, later(3)).await);
    let allowed = channel_entry(allow(OPS, "test").apply_at(&world.store, later(4)).await);

    let entry = |rooms: &str, from, until: Option<Timestamp>, reason: Option<&str>| AuthorisedChannel {
        channel: OPS.parse().unwrap(),
        rooms: rooms.parse().unwrap(),
        allowed_by: "cli:ana".parse().unwrap(),
        allowed_at: from,
        removed_at: until,
        reason: reason.map(str::to_owned),
    };
    let history = world.store.channels().await.unwrap();
    assert_eq!(
        history,
        [
            entry("live-*", later(1), Some(later(2)), Some("the show")),
            entry("*", later(2), Some(later(3)), None),
            entry("test", later(4), None, None),
        ]
    );
    assert_eq!((removed, allowed), (history[1].clone(), history[2].clone()));
}

#[tokio::test]
async fn a_channel_that_is_not_authorised_cannot_be_removed_and_the_try_is_recorded() {
    let world = World::empty().await;
    let text = "`slack:T1:C1` is not authorised";
    let tried = remove(OPS).apply(&world.store).await;
    assert_nothing(&world, tried, text).await;
    allow(OPS, "*").apply(&world.store).await;
    remove(OPS).apply(&world.store).await;
    let tried = remove(OPS).apply(&world.store).await;
    assert_nothing(&world, tried, text).await;
}

#[tokio::test]
async fn every_edit_leaves_an_entry_with_actor_command_and_authority() {
    let world = World::empty().await;
    grant("discord:1:2", "admin", "*").apply(&world.store).await;
    allow("discord:1:9", "*").apply(&world.store).await;
    let edits = [
        grant(ALICE, "moderator", "*").because("new on the team"),
        allow(OPS, "*"),
        allow(OPS, "live-*"),
        remove(OPS),
        revoke(2),
    ];
    for mut edit in edits {
        edit.place = Place::Channel("discord:1:9".parse().unwrap());
        edit.principal =
            Principal { name: Some("Ana".to_owned()), ..Principal::new("discord:1:2".parse().unwrap()) };
        let operation = match edit.apply(&world.store).await {
            AclChanged::Changed(operation, _) => operation,
            other => panic!("{other:?}"),
        };
        let entry = world.entry(operation).await;
        assert_eq!(entry.at, NOON);
        assert_eq!(entry.actor, Some("discord:1:2".parse().unwrap()));
        assert_eq!(entry.actor_name.as_deref(), Some("Ana"));
        assert_eq!(entry.channel, Some("discord:1:9".parse().unwrap()));
        assert_eq!(entry.command, edit.typed);
        assert_eq!(entry.reason, edit.reason);
        assert_eq!(entry.decision, Some(DecisionKind::Permit));
        assert_eq!(entry.authority.as_deref(), Some("grant 1"));
        assert_eq!(entry.outcome, OutcomeKind::Succeeded);
    }
    assert_eq!(world.log().await.len(), 7);
    assert_eq!(world.open_operations().await, []);
}

#[tokio::test]
async fn the_event_of_an_edit_shows_the_row_before_and_after() {
    let world = World::empty().await;
    grant(ALICE, "moderator", "live-*").apply_at(&world.store, later(1)).await;
    revoke(1).apply_at(&world.store, later(2)).await;
    revoke(1).apply_at(&world.store, later(3)).await;
    allow(OPS, "*").apply_at(&world.store, later(4)).await;
    allow(OPS, "test").apply_at(&world.store, later(5)).await;
    remove(OPS).apply_at(&world.store, later(6)).await;

    let given = json!({
        "id": 1, "subject": ALICE, "role": "moderator", "effect": "permit", "rooms": "live-*", "channels": [],
        "expires_at": null, "granted_by": "cli:ana", "granted_at": "2026-03-01T12:00:00.001Z",
        "revoked_at": null, "reason": null,
    });
    let revoked = with(&given, "revoked_at", "2026-03-01T12:00:00.002Z");
    let wide = json!({
        "channel": OPS, "rooms": "*", "allowed_by": "cli:ana", "allowed_at": "2026-03-01T12:00:00.004Z",
        "removed_at": null, "reason": null,
    });
    let narrow = with(&with(&wide, "rooms", "test"), "allowed_at", "2026-03-01T12:00:00.005Z");
    let removed = with(&narrow, "removed_at", "2026-03-01T12:00:00.006Z");
    let changes: Vec<Value> = world
        .events()
        .await
        .iter()
        .map(|event| event.body["what"]["requested"]["acl_changes"].clone())
        .collect();
    assert_eq!(
        changes,
        [
            json!([{ "grant": { "before": null, "after": given } }]),
            json!([{ "grant": { "before": given, "after": revoked } }]),
            Value::Null,
            json!([{ "channel": { "before": null, "after": wide } }]),
            json!([{ "channel": { "before": wide, "after": narrow } }]),
            json!([{ "channel": { "before": narrow, "after": removed } }]),
        ]
    );
}

#[tokio::test]
async fn a_delivery_edits_the_acl_once() {
    let world = World::empty().await;
    let (first, _) = grant(ALICE, "moderator", "*").delivered("1").granted(&world.store).await;
    let again = grant(ALICE, "moderator", "*").delivered("1").apply(&world.store).await;
    let text = format!("repeats operation {first}");
    let AclChanged::Duplicate { operation, .. } = again else { panic!("done again: {again:?}") };
    let entry = world.entry(operation).await;
    assert_eq!((entry.outcome, entry.reason), (OutcomeKind::Duplicate, Some(text)));
    assert_eq!(world.store.grants().await.unwrap().len(), 1);

    // The claim is one for all kinds of requests.
    allow(OPS, "*").delivered("2").apply(&world.store).await;
    let other = ask("test bob").delivered("2").admit(&world.store).await;
    assert!(matches!(other, room_owner::app::ports::Admitted::Duplicate { .. }), "{other:?}");
    let help = recorded(ask("").delivered("3").admit(&world.store).await);
    match remove(OPS).delivered("3").apply(&world.store).await {
        AclChanged::Duplicate { first, .. } => assert_eq!(first.operation, help),
        other => panic!("done: {other:?}"),
    }
}

#[tokio::test]
async fn the_view_of_a_caller_holds_what_names_the_caller_or_the_groups_and_the_open_channel() {
    let world = World::empty().await;
    for subject in [ALICE, "slack:T1:group:S1", "slack:T1:U2", "slack:T2:U1"] {
        grant(subject, "moderator", "*").apply(&world.store).await;
    }
    revoke(1).apply(&world.store).await;
    allow(OPS, "live-*").apply(&world.store).await;
    allow(OPS, "*").apply(&world.store).await;
    allow("slack:T1:C2", "*").apply(&world.store).await;

    let mut alice = Principal::new(ALICE.parse().unwrap());
    alice.groups = vec!["slack:T1:group:S1".parse().unwrap(), "slack:T1:group:S2".parse().unwrap()];
    let view = world.store.acl_for(&alice, &Place::Channel(OPS.parse().unwrap())).await.unwrap();
    let ids: Vec<i64> = view.grants.iter().map(|grant| grant.id).collect();
    assert_eq!(ids, [1, 2], "the revoked one too: it explains a denial");
    let scopes: Vec<String> = view.channels.iter().map(|entry| entry.rooms.to_string()).collect();
    assert_eq!(scopes, ["*"]);

    let before = view.version;
    revoke(2).apply(&world.store).await;
    let view = world.store.acl_for(&alice, &Place::Channel(OPS.parse().unwrap())).await.unwrap();
    assert!(view.version > before);
}

/// What the store leaves out, the rule would leave out too.
#[tokio::test]
async fn the_live_grants_are_those_that_hold() {
    let world = World::empty().await;
    let mut n = 0;
    for rooms in ["*", "live-*", "live-7", "live-77", "l*", "liv", "Live-7", "vip-*", "a b"] {
        for (from, until) in [(0, None), (0, Some(10)), (0, Some(20)), (10, None), (11, None), (5, Some(11))]
        {
            n += 1;
            let edit = grant(ALICE, "moderator", rooms).but(|new| new.expires_at = until.map(later));
            edit.apply_at(&world.store, later(from)).await;
            if n % 4 == 0 {
                revoke(n).apply_at(&world.store, later(from + 3)).await;
            }
        }
    }
    let all = world.store.grants().await.unwrap();
    for (millis, nanos) in [(0, 0), (9, 999_999), (10, 0), (10, 1), (11, 0), (20, 0), (30, 0)] {
        let now = later(millis) + jiff::SignedDuration::from_nanos(nanos);
        // What was taken back is gone from then on, and before that, the whole history alone has it.
        let holds = |grant: &&Grant| is_live(grant, now) && grant.revoked_at.is_none();
        let live: Vec<Grant> = all.iter().filter(holds).cloned().collect();
        assert_eq!(world.store.live_grants(now).await.unwrap(), live);
        for room in ["live-7", "live-77", "vip-1", "l", "x", "a b", "a"] {
            let room = room.parse().unwrap();
            let covering: Vec<Grant> =
                live.iter().filter(|grant| grant.rooms.covers(&room)).cloned().collect();
            assert_eq!(world.store.live_grants_for(&room, now).await.unwrap(), covering, "{room}");
        }
        let mut paged = Vec::new();
        for page in 1..=(live.len() as u32).div_ceil(5) {
            let shown = world.store.grants_page(Some(now), page, 5).await.unwrap();
            assert_eq!((shown.page, shown.pages as usize), (page, live.len().div_ceil(5)));
            assert_eq!(shown.left_out, all.len() - live.len());
            paged.extend(shown.grants);
        }
        assert_eq!(paged, live);
    }
    let last = world.store.grants_page(None, 99, 20).await.unwrap();
    assert_eq!((last.page, last.pages, last.left_out), (3, 3, 0));
    assert_eq!(last.grants, all[40..]);
    let none = World::empty().await.store.grants_page(None, 0, 20).await.unwrap();
    assert_eq!((none.page, none.pages, none.grants.len()), (1, 1, 0));
}

// Helpers --------------------------------------------------------------------------------------------------

/// Nothing was there to take back, and an entry says that somebody tried.
async fn assert_nothing(world: &World, changed: AclChanged, text: &str) {
    let AclChanged::Declined(operation, why) = changed else { panic!("something: {changed:?}") };
    assert_eq!(why.to_string(), text);
    let entry = world.entry(operation).await;
    assert_eq!((entry.outcome, entry.error_info.as_deref()), (OutcomeKind::Declined, Some(text)));
    assert_eq!(world.log().await.last().map(|last| last.operation), Some(operation));
    assert_ne!(operation, OperationId::new(0));
}

fn with(row: &Value, key: &str, value: &str) -> Value {
    let mut row = row.clone();
    row[key] = json!(value);
    row
}

#[tokio::test]
async fn what_is_held_in_memory_decides_nothing_after_another_process_changed_the_acl() {
    let world = World::new().await;
    let other = world.another().await;
    let alice = Principal::new(ALICE.parse().unwrap());
    let ops = Place::Channel(OPS.parse().unwrap());
    let grants = |view: &room_owner::domain::access::AclView| {
        view.grants.iter().filter(|grant| grant.revoked_at.is_none()).count()
    };
    let number =
        other.grants().await.unwrap().iter().find(|grant| grant.subject == alice.subject).unwrap().id;
    // Held from here on.
    let held = world.store.recent_acl_for(&alice, &ops).await.unwrap();
    assert_eq!((grants(&held), &world.store.recent_acl_for(&alice, &ops).await.unwrap()), (1, &held));
    let late = ask("test bob").decided(&world.store).await;
    let late_help = |acl_version| {
        let request = room_owner::domain::command::CommandRequest {
            principal: alice.clone(),
            place: ops.clone(),
            delivery: None,
            typed: "/room-owner".to_owned(),
            command: Ok(room_owner::domain::command::Command::Help(
                room_owner::domain::command::CommandGroup::Owner,
            )),
            pressed: None,
            if_owner: None,
        };
        let verdict = room_owner::domain::admission::Verdict::Open;
        Admission::Request {
            request: Box::new(request),
            verdict,
            acl_version,
            decline_if_busy: false,
            is_answered_later: false,
        }
    };

    revoke(number).apply(&other).await;
    assert_eq!(
        world.store.recent_acl_for(&alice, &ops).await.unwrap(),
        held,
        "nothing notified this process"
    );
    // A permit of the old version is worth nothing, and neither is any other decision.
    assert!(matches!(world.store.admit(late, NOON).await.unwrap(), Admitted::AclChanged));
    let stale = world.store.admit(late_help(Some(held.version)), NOON).await.unwrap();
    assert!(matches!(stale, Admitted::AclChanged), "{stale:?}");
    // By then the new one is known.
    let fresh = world.store.recent_acl_for(&alice, &ops).await.unwrap();
    assert_eq!((grants(&fresh), fresh.version), (0, world.store.acl_version().await.unwrap()));
    recorded(world.store.admit(late_help(Some(fresh.version)), NOON).await.unwrap());
}
