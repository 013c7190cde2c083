use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::domain::access::{Effect, Role};
use crate::domain::audit::DecisionKind;

const NOW: Timestamp = Timestamp::constant(1_795_435_200, 0);

fn channel(n: usize, rooms: &str) -> AnnouncementChannel {
    AnnouncementChannel {
        channel: format!("slack:T1:C{n}").parse().unwrap(),
        rooms: rooms.parse().unwrap(),
        for_admins: false,
        set_by: "cli:ana".parse().unwrap(),
        set_at: NOW,
        removed_at: None,
        reason: None,
    }
}

fn entry(room: &str, outcome: OutcomeKind) -> AuditEntry {
    AuditEntry {
        room: Some(room.parse().unwrap()),
        new_owner: Some("bob".to_owned()),
        decision: Some(DecisionKind::Permit),
        outcome,
        ..AuditEntry::default()
    }
}

fn announced(entry: &AuditEntry, channels: &[AnnouncementChannel]) -> Vec<String> {
    channels_for(entry, channels).map(ToString::to_string).collect()
}

#[test]
fn a_channel_gets_what_happens_to_its_rooms() {
    let channels = [channel(1, "*"), channel(2, "live-*"), channel(3, "live-7"), channel(4, "vip-*")];
    let all = |room| announced(&entry(room, OutcomeKind::Succeeded), &channels);
    assert_eq!(all("live-7"), ["slack:T1:C1", "slack:T1:C2", "slack:T1:C3"]);
    assert_eq!(all("live-8"), ["slack:T1:C1", "slack:T1:C2"]);
    assert_eq!(all("vip-1"), ["slack:T1:C1", "slack:T1:C4"]);
    let removed = AnnouncementChannel { removed_at: Some(NOW), ..channel(1, "*") };
    assert_eq!(announced(&entry("live-7", OutcomeKind::Succeeded), &[removed]), [""; 0]);
}

#[test]
fn what_may_have_happened_to_a_room_is_announced_and_nothing_else_is() {
    for outcome in OutcomeKind::ALL {
        let is_announced =
            matches!(outcome, OutcomeKind::Succeeded | OutcomeKind::Unknown | OutcomeKind::Refused);
        let announced = announced(&entry("live-7", *outcome), &[channel(1, "*")]);
        assert_eq!(!announced.is_empty(), is_announced, "{outcome}");
        // A question for the owner changes nothing.
        let question = AuditEntry { new_owner: None, ..entry("live-7", *outcome) };
        assert_eq!(channels_for(&question, &[channel(1, "*")]).count(), 0, "{outcome}");
    }
}

fn grant(rooms: &str, ends_in: Option<i64>) -> Grant {
    Grant {
        id: 7,
        subject: "slack:T1:U1".parse().unwrap(),
        role: Role::Moderator,
        effect: Effect::Permit,
        rooms: rooms.parse().unwrap(),
        channels: Vec::new(),
        expires_at: ends_in.map(|hours| NOW + SignedDuration::from_hours(hours)),
        granted_by: "cli:ana".parse().unwrap(),
        granted_at: NOW - SignedDuration::from_hours(1),
        revoked_at: None,
        reason: None,
    }
}

#[test]
fn a_grant_that_lapses_within_a_day_is_announced_where_some_of_its_rooms_are() {
    let announced = |rooms: &str, grant: &Grant| channel(1, rooms).covers_end_of(grant, NOW);
    assert!(announced("*", &grant("live-*", Some(24))) && announced("live-7", &grant("live-*", Some(1))));
    assert!(announced("live-*", &grant("*", Some(1))));
    assert!(!announced("vip-*", &grant("live-*", Some(1))), "other rooms");
    assert!(!announced("*", &grant("*", Some(25))) && !announced("*", &grant("*", None)), "not soon");
    assert!(!announced("*", &grant("*", Some(0))), "it has lapsed");
    let revoked = Grant { revoked_at: Some(NOW), ..grant("*", Some(1)) };
    assert!(!announced("*", &revoked));
}

proptest! {
    #[test]
    fn a_channel_gets_exactly_what_its_scope_covers(
        room in select(&["live-7", "live-8", "l", "vip-1"]),
        scopes in prop::collection::vec(select(&["*", "live-*", "l*", "live-7", "vip-1"]), 0..5),
    ) {
        let channels: Vec<_> = scopes.iter().enumerate().map(|(n, rooms)| channel(n, rooms)).collect();
        let announced = announced(&entry(room, OutcomeKind::Refused), &channels);
        let covers = |rooms: &&&str| match rooms.split_once('*') {
            Some((begin, _)) => room.starts_with(begin),
            None => **rooms == room,
        };
        prop_assert_eq!(announced.len(), scopes.iter().filter(covers).count());
    }
}
