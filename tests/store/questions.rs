//! Questions to the audit log.

use room_owner::app::ports::Store as _;
use room_owner::domain::access::{
    AclView, Action, AuthorisedChannel, Decision, Effect, EffectiveScope, Grant, Role, decide,
};
use room_owner::domain::audit::{AuditEntry, AuditFilter, OperationId, OperationKind, OutcomeKind};
use room_owner::domain::command::Place;
use room_owner::domain::principal::{Channel, Principal};

use super::world::{
    ALICE, MALLORY, NOON, OPS, World, allow, ask, grant, later, recorded, refused, succeeded, unknown,
};

const BO: &str = "slack:T1:U2";

#[tokio::test]
async fn without_a_filter_everything_is_shown_newest_first() {
    let world = a_day().await;
    assert_eq!(world.ask(AuditFilter::default()).await, [9, 8, 7, 6, 5, 4, 3, 2, 1]);
}

#[tokio::test]
async fn each_filter_alone() {
    let world = a_day().await;
    let all = AuditFilter::default;
    let room = |room: &str| AuditFilter { room: Some(room.parse().unwrap()), ..all() };
    let actor = |actor: &str| AuditFilter { actor: Some(actor.parse().unwrap()), ..all() };
    let outcomes = |words: &str| AuditFilter { outcomes: words.parse().unwrap(), ..all() };
    let outcome = |outcome: OutcomeKind| outcomes(outcome.name());
    let kind = |kind| AuditFilter { kind: Some(kind), ..all() };
    let request = |id: &str| AuditFilter { request_id: Some(id.to_owned()), ..all() };

    assert_eq!(world.ask(room("live-1")).await, [8, 6, 4]);
    assert_eq!(world.ask(room("live-*")).await, [0; 0], "a room, not a scope");
    assert_eq!(world.ask(room("LIVE-1")).await, [0; 0]);
    assert_eq!(world.ask(actor(ALICE)).await, [7, 6, 4]);
    assert_eq!(world.ask(actor("cli:ana")).await, [3, 2, 1]);
    assert_eq!(world.ask(actor("slack:T2:U1")).await, [0; 0]);
    assert_eq!(world.ask(outcome(OutcomeKind::Refused)).await, [8]);
    assert_eq!(world.ask(outcome(OutcomeKind::Succeeded)).await, [4, 3, 2, 1]);
    assert_eq!(world.ask(outcome(OutcomeKind::Unknown)).await, [7]);
    assert_eq!(world.ask(outcome(OutcomeKind::Pending)).await, [9]);
    assert_eq!(world.ask(outcome(OutcomeKind::Duplicate)).await, [6]);
    assert_eq!(world.ask(outcome(OutcomeKind::Denied)).await, [5]);
    assert_eq!(world.ask(outcome(OutcomeKind::Invalid)).await, [0; 0]);
    assert_eq!(world.ask(outcomes("refused,denied")).await, [8, 5]);
    assert_eq!(world.ask(outcomes("Denied, succeeded")).await, [5, 4, 3, 2, 1]);
    assert_eq!(world.ask(outcomes("failed")).await, [8, 5]);
    assert_eq!(world.ask(kind(OperationKind::Transfer)).await, [8, 7, 6, 5, 4]);
    assert_eq!(world.ask(kind(OperationKind::Show)).await, [9]);
    assert_eq!(world.ask(request("req-1")).await, [4]);
    assert_eq!(world.ask(request("req-2")).await, [8]);
    assert_eq!(world.ask(request("req")).await, [0; 0]);
    assert_eq!(world.ask(AuditFilter { since: Some(later(7_000)), ..all() }).await, [9, 8, 7]);
    assert_eq!(world.ask(AuditFilter { since: Some(later(7_001)), ..all() }).await, [9, 8]);
    assert_eq!(world.ask(AuditFilter { until: Some(later(4_000)), ..all() }).await, [3, 2, 1]);
    assert_eq!(world.ask(AuditFilter { until: Some(later(4_001)), ..all() }).await, [4, 3, 2, 1]);
    assert_eq!(world.ask(AuditFilter { limit: Some(2), ..all() }).await, [9, 8]);
    assert_eq!(world.ask(AuditFilter { limit: Some(0), ..all() }).await, [0; 0]);
    assert_eq!(world.ask(AuditFilter { limit: Some(u32::MAX), ..all() }).await.len(), 9);
}

/// Every combination of filters shows what each of them shows, and the limit cuts the oldest off.
#[tokio::test]
async fn filters_combine() {
    let world = a_day().await;
    // By the text index, and too short for it; before the index has any of it, and after.
    for text in ["BOB", "bo"] {
        filters_combine_with(&world, text).await;
    }
}

async fn filters_combine_with(world: &Day, text: &str) {
    let single = [
        AuditFilter { room: Some("live-1".parse().unwrap()), ..AuditFilter::default() },
        AuditFilter { actor: Some(ALICE.parse().unwrap()), ..AuditFilter::default() },
        AuditFilter { outcomes: [OutcomeKind::Succeeded].into_iter().collect(), ..AuditFilter::default() },
        AuditFilter { kind: Some(OperationKind::Transfer), ..AuditFilter::default() },
        AuditFilter { request_id: Some("req-1".to_owned()), ..AuditFilter::default() },
        AuditFilter { since: Some(later(2_000)), ..AuditFilter::default() },
        AuditFilter { until: Some(later(6_001)), ..AuditFilter::default() },
        AuditFilter { channel: Some(OPS.parse().unwrap()), ..AuditFilter::default() },
        AuditFilter { text: Some(text.to_owned()), ..AuditFilter::default() },
        AuditFilter { before: Some(world.operations[7]), ..AuditFilter::default() },
        AuditFilter { without_readings: true, ..AuditFilter::default() },
    ];
    let everything = world.ask(AuditFilter::default()).await;
    let mut shown = Vec::new();
    for filter in &single {
        shown.push(world.ask(filter.clone()).await);
    }
    let mut hits = 0;
    for set in 0_usize..1 << single.len() {
        let mut combined = AuditFilter::default();
        let mut expected = everything.clone();
        for (bit, filter) in single.iter().enumerate().filter(|(bit, _)| set >> bit & 1 == 1) {
            expected.retain(|operation| shown[bit].contains(operation));
            combined = merged(combined, filter.clone());
        }
        assert_eq!(world.ask(combined.clone()).await, expected, "{combined:?}");
        hits += expected.len();
        let limited = AuditFilter { limit: Some(2), ..combined };
        expected.truncate(2);
        assert_eq!(world.ask(limited.clone()).await, expected, "{limited:?}");
    }
    assert!(hits > 64, "the combinations mostly show something: {hits}");
}

/// In SQL as in the rule.
#[tokio::test]
async fn a_reach_shows_the_rooms_that_it_covers_and_no_others() {
    let day = a_day().await;
    let everything = day.world.store.audit(&AuditFilter::default()).await.unwrap();
    let scopes = ["*", "live-*", "live-1", "l*", "t*", "test"];
    let (mut tried, mut hits) = (0, 0);
    for granted in scopes {
        for here in scopes {
            for denied in [&[][..], &["live-1"], &["live-*"], &["test", "l*"], &["vip-*"]] {
                let Some(reach) = reach(granted, here, denied) else { continue };
                let covered = |entry: &&AuditEntry| {
                    reach.is_everything() || entry.room.as_ref().is_some_and(|room| reach.covers(room))
                };
                let expected: Vec<_> =
                    everything.iter().filter(covered).map(|entry| entry.operation).collect();
                let filter = AuditFilter { reach: Some(reach.clone()), ..AuditFilter::default() };
                let shown = day.world.store.audit(&filter).await.unwrap();
                let shown: Vec<_> = shown.iter().map(|entry| entry.operation).collect();
                assert_eq!(shown, expected, "{granted} {here} {denied:?}");
                tried += 1;
                hits += expected.len();
            }
        }
    }
    assert!(tried > 100 && hits > 100, "{tried} {hits}");
}

/// How far an auditor of some rooms sees in a channel for some, who is denied some; `None` if nothing is left.
fn reach(granted: &str, here: &str, denied: &[&str]) -> Option<EffectiveScope> {
    let auditor = |id, effect, rooms: &str| Grant {
        id,
        subject: ALICE.parse().unwrap(),
        role: Role::Auditor,
        effect,
        rooms: rooms.parse().unwrap(),
        channels: Vec::new(),
        expires_at: None,
        granted_by: "cli:ana".parse().unwrap(),
        granted_at: NOON,
        revoked_at: None,
        reason: None,
    };
    let channel: Channel = OPS.parse().unwrap();
    let open = AuthorisedChannel {
        channel: channel.clone(),
        rooms: here.parse().unwrap(),
        allowed_by: "cli:ana".parse().unwrap(),
        allowed_at: NOON,
        removed_at: None,
        reason: None,
    };
    let mut grants = vec![auditor(1, Effect::Permit, granted)];
    grants.extend(denied.iter().map(|rooms| auditor(2, Effect::Deny, rooms)));
    let acl = AclView { grants, channels: vec![open], ..AclView::default() };
    let who = Principal::new(ALICE.parse().unwrap());
    match decide(&who, &Place::Channel(channel), Action::ReadAudit, &acl, NOON) {
        Decision::Permit(permit) => Some(permit.reach().clone()),
        Decision::Deny(_) => None,
    }
}

#[tokio::test]
async fn a_filter_is_a_value_and_never_sql() {
    let world = a_day().await;
    let nasty = "x' OR '1'='1";
    let by_room = AuditFilter { room: Some(nasty.parse().unwrap()), ..AuditFilter::default() };
    let by_id = AuditFilter { request_id: Some(nasty.to_owned()), ..AuditFilter::default() };
    assert_eq!(world.ask(by_room).await, [0; 0]);
    assert_eq!(world.ask(by_id).await, [0; 0]);
}

#[tokio::test]
async fn an_operation_is_found_by_its_number_and_only_by_it() {
    let world = a_day().await.world;
    let entry = world.store.operation(OperationId::new(4)).await.unwrap().unwrap();
    assert_eq!(entry.request_id.as_deref(), Some("req-1"));
    for number in [0, -1, 999, i64::MAX] {
        assert!(world.store.operation(OperationId::new(number)).await.unwrap().is_none());
    }
    // The number of an event that began no operation.
    let ended = world.entry(OperationId::new(4)).await.operation.seq() + 1;
    assert!(world.store.operation(OperationId::new(ended)).await.unwrap().is_none());
}

// Helpers --------------------------------------------------------------------------------------------------

struct Day {
    world: World,
    /// The operations in their order: the first is 1, whatever its number.
    operations: Vec<OperationId>,
}

/// Nine operations, one a second.
async fn a_day() -> Day {
    let world = World::empty().await;
    allow("slack:T1:C1", "*").apply_at(&world.store, later(1_000)).await;
    grant(ALICE, "moderator", "*").apply_at(&world.store, later(2_000)).await;
    grant(BO, "moderator", "*").apply_at(&world.store, later(3_000)).await;

    let ask_at = async |ask: super::world::Ask, at| ask.admit_at(&world.store, later(at)).await;
    let first = super::world::attempt(ask_at(ask("live-1 bob").delivered("1"), 4_000).await).operation();
    world.finish(first, &succeeded("req-1")).await;
    recorded(ask_at(ask("live-2 bob").by(MALLORY), 5_000).await);
    ask_at(ask("live-1 bob").delivered("1"), 6_000).await;
    let unclear = super::world::attempt(ask_at(ask("live-2 bob"), 7_000).await).operation();
    world.finish(unclear, &unknown(None)).await;
    let second = super::world::attempt(ask_at(ask("live-1 carol").by(BO), 8_000).await).operation();
    world.finish(second, &refused("req-2")).await;
    recorded(ask_at(ask("live-3").by(BO), 9_000).await);

    let operations = world.log().await.iter().map(|entry| entry.operation).collect();
    Day { world, operations }
}

impl Day {
    async fn ask(&self, filter: AuditFilter) -> Vec<usize> {
        let entries = self.world.store.audit(&filter).await.unwrap();
        let place = |operation| self.operations.iter().position(|other| *other == operation).unwrap() + 1;
        entries.iter().map(|entry| place(entry.operation)).collect()
    }
}

fn merged(one: AuditFilter, other: AuditFilter) -> AuditFilter {
    AuditFilter {
        room: one.room.or(other.room),
        actor: one.actor.or(other.actor),
        channel: one.channel.or(other.channel),
        outcomes: if one.outcomes.named().is_empty() { other.outcomes } else { one.outcomes },
        kind: one.kind.or(other.kind),
        request_id: one.request_id.or(other.request_id),
        operation: one.operation.or(other.operation),
        text: one.text.or(other.text),
        since: one.since.or(other.since),
        until: one.until.or(other.until),
        before: one.before.or(other.before),
        without_readings: one.without_readings || other.without_readings,
        reach: one.reach.or(other.reach),
        limit: one.limit.or(other.limit),
    }
}
