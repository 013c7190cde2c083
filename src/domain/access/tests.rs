//! `decide`, first in sentences, then compared with a second telling of the rule on random ACLs.

use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

use super::*;

const ALICE: &str = "slack:T1:U1";
const HOSTS: &str = "slack:T1:group:S1";
const OPS: &str = "slack:T1:C1";
const LOUNGE: &str = "slack:T1:C2";

// What is permitted ----------------------------------------------------------------------------------------

#[test]
fn a_moderator_transfers_in_an_authorised_channel() {
    let world = World::new().grant(ALICE, "moderator", "*");
    assert_eq!(world.transfer("test"), "permit by grant 1");
    assert_eq!(world.show("test"), "permit by grant 1");
}

#[test]
fn an_admin_transfers_and_an_auditor_does_not() {
    let admin = World::new().grant(ALICE, "admin", "*");
    assert_eq!(admin.transfer("test"), "permit by grant 1");
    let auditor = World::new().grant(ALICE, "auditor", "*");
    assert_eq!(auditor.transfer("test"), "role auditor is not enough");
    assert_eq!(auditor.show("test"), "permit by grant 1");
}

#[test]
fn a_grant_to_a_group_counts_for_those_whom_the_platform_puts_in_it() {
    let world = World::new().grant(HOSTS, "moderator", "*");
    assert_eq!(world.transfer("test"), "no grant");
    assert_eq!(world.asked_by(ALICE, &[HOSTS]).transfer("test"), "permit by grant 1");
}

#[test]
fn the_grant_that_matches_is_the_authority_not_the_first_one() {
    let world = World::new()
        .grant(ALICE, "auditor", "*")
        .grant(ALICE, "moderator", "live-*")
        .grant(ALICE, "moderator", "*")
        .but(|grant| grant.revoked_at = Some(hour(10)))
        .grant(ALICE, "moderator", "test");
    assert_eq!(world.transfer("test"), "permit by grant 4");
    assert_eq!(world.transfer("live-7"), "permit by grant 2");
    assert_eq!(world.show("other"), "permit by grant 1");
}

#[test]
fn a_permit_says_what_was_permitted_and_on_which_acl() {
    let mut world = World::new().grant(ALICE, "moderator", "*");
    world.acl.version = 42;
    let Decision::Permit(permit) = world.decide(Action::Transfer(room("test"))) else { panic!("denied") };
    assert_eq!(permit.action(), &Action::Transfer(room("test")));
    assert_eq!(permit.authority(), &Authority::Grant(1));
    assert_eq!(permit.acl_version(), 42);
}

#[test]
fn the_command_line_is_for_those_on_the_machine_alone() {
    let world = World::empty().at(Place::Local);
    assert_eq!(world.asked_by("cli:ana", &[]).transfer("test"), "permit by local");
    for stranger in [ALICE, HOSTS, "discord:1:2", "discord:1:role:3"] {
        let world = World::new().grant(stranger, "admin", "*").at(Place::Local).asked_by(stranger, &[]);
        assert_eq!(world.transfer("test"), "channel not authorised", "{stranger}");
    }
}

#[test]
fn somebody_of_the_machine_has_no_rights_by_it_in_a_channel() {
    assert_eq!(World::new().asked_by("cli:ana", &[]).transfer("test"), "no grant");
}

// What is denied, and why ----------------------------------------------------------------------------------

#[test]
fn an_empty_acl_denies_everybody_everywhere() {
    for who in [ALICE, HOSTS, "discord:1:2", "discord:1:role:3", "cli:ana"] {
        for channel in [OPS, LOUNGE, "discord:1:9"] {
            let world = World::empty().at(in_channel(channel)).asked_by(who, &[HOSTS]);
            assert_eq!(world.transfer("test"), "channel not authorised", "{who} {channel}");
            assert_eq!(world.show("test"), "channel not authorised", "{who} {channel}");
        }
    }
}

#[test]
fn a_channel_alone_permits_nobody() {
    assert_eq!(World::new().transfer("test"), "no grant");
}

#[test]
fn a_grant_alone_is_good_nowhere() {
    let world = World::empty().grant(ALICE, "admin", "*");
    assert_eq!(world.transfer("test"), "channel not authorised");
}

#[test]
fn a_grant_is_good_in_the_authorised_channel_only() {
    let world = World::new().grant(ALICE, "moderator", "*").at(in_channel(LOUNGE));
    assert_eq!(world.transfer("test"), "channel not authorised");
}

#[test]
fn a_channel_is_good_for_the_rooms_of_its_scope() {
    let world = World::empty().allow(OPS, "live-*").grant(ALICE, "admin", "*");
    assert_eq!(world.transfer("live-7"), "permit by grant 1");
    assert_eq!(world.transfer("test"), "channel authorised for rooms live-* only");
}

#[test]
fn a_removed_channel_and_one_of_the_future_are_not_authorised() {
    let world = World::new().grant(ALICE, "moderator", "*");
    let removed = |at| {
        let mut world = world.clone();
        world.acl.channels[0].removed_at = Some(at);
        world.transfer("test")
    };
    assert_eq!(removed(hour(12)), "channel not authorised");
    assert_eq!(removed(just_after(hour(12))), "permit by grant 1");

    let mut future = world.clone();
    future.acl.channels[0].allowed_at = just_after(hour(12));
    assert_eq!(future.transfer("test"), "channel not authorised");
}

#[test]
fn a_deny_entry_wins_over_every_permit() {
    let world = World::new()
        .grant(ALICE, "admin", "*")
        .grant(HOSTS, "admin", "*")
        .grant(ALICE, "moderator", "*")
        .but(|grant| grant.effect = Effect::Deny)
        .asked_by(ALICE, &[HOSTS]);
    assert_eq!(world.transfer("test"), "denied by grant 3");
    assert_eq!(world.show("test"), "denied by grant 3");
}

#[test]
fn a_deny_entry_for_a_group_wins_over_a_permit_for_the_person() {
    let world = World::new()
        .grant(ALICE, "admin", "*")
        .grant(HOSTS, "moderator", "*")
        .but(|grant| grant.effect = Effect::Deny);
    assert_eq!(world.transfer("test"), "permit by grant 1");
    assert_eq!(world.asked_by(ALICE, &[HOSTS]).transfer("test"), "denied by grant 2");
}

#[test]
fn a_deny_entry_is_named_in_an_unauthorised_channel_too() {
    let world = World::empty().grant(ALICE, "moderator", "*").but(|grant| grant.effect = Effect::Deny);
    assert_eq!(world.transfer("test"), "denied by grant 1");
}

#[test]
fn a_deny_entry_takes_no_more_than_its_scope_its_channels_its_time_and_its_role() {
    let world = |change: fn(&mut Grant)| {
        World::new()
            .grant(ALICE, "moderator", "*")
            .grant(ALICE, "moderator", "*")
            .but(|grant| grant.effect = Effect::Deny)
            .but(change)
    };
    assert_eq!(world(|_| ()).transfer("test"), "denied by grant 2");
    assert_eq!(world(|grant| grant.rooms = scope("live-*")).transfer("test"), "permit by grant 1");
    assert_eq!(world(|grant| grant.channels = vec![channel(LOUNGE)]).transfer("test"), "permit by grant 1");
    assert_eq!(world(|grant| grant.channels = vec![channel(OPS)]).transfer("test"), "denied by grant 2");
    assert_eq!(world(|grant| grant.expires_at = Some(hour(12))).transfer("test"), "permit by grant 1");
    assert_eq!(world(|grant| grant.revoked_at = Some(hour(12))).transfer("test"), "permit by grant 1");
    assert_eq!(world(|grant| grant.granted_at = hour(13)).transfer("test"), "permit by grant 1");
    assert_eq!(world(|grant| grant.role = Role::Auditor).transfer("test"), "permit by grant 1");
    assert_eq!(world(|grant| grant.role = Role::Auditor).show("test"), "denied by grant 2");
}

#[test]
fn a_grant_ends_at_the_instant_of_its_expiry() {
    let world =
        |expiry| World::new().grant(ALICE, "moderator", "*").but(|grant| grant.expires_at = Some(expiry));
    assert_eq!(world(just_after(hour(12))).transfer("test"), "permit by grant 1");
    assert_eq!(world(hour(12)).transfer("test"), "grant 1 ended 2026-03-01T12:00:00Z");
    assert_eq!(world(hour(11)).transfer("test"), "grant 1 ended 2026-03-01T11:00:00Z");
}

#[test]
fn a_grant_ends_at_the_instant_of_its_revocation() {
    let world =
        |revoked| World::new().grant(ALICE, "moderator", "*").but(|grant| grant.revoked_at = Some(revoked));
    assert_eq!(world(just_after(hour(12))).transfer("test"), "permit by grant 1");
    assert_eq!(world(hour(12)).transfer("test"), "grant 1 ended 2026-03-01T12:00:00Z");
}

#[test]
fn of_expiry_and_revocation_the_earlier_ends_a_grant() {
    let world = World::new().grant(ALICE, "moderator", "*").but(|grant| {
        grant.expires_at = Some(hour(11));
        grant.revoked_at = Some(hour(10));
    });
    assert_eq!(world.transfer("test"), "grant 1 ended 2026-03-01T10:00:00Z");
}

#[test]
fn of_ended_grants_the_last_to_end_is_named() {
    let ended =
        |world: World, at| world.grant(ALICE, "moderator", "*").but(move |grant| grant.expires_at = Some(at));
    let world = ended(ended(ended(World::new(), hour(9)), hour(11)), hour(10));
    assert_eq!(world.transfer("test"), "grant 2 ended 2026-03-01T11:00:00Z");
}

#[test]
fn a_grant_begins_at_its_instant_and_not_before() {
    let world = |begin| World::new().grant(ALICE, "moderator", "*").but(|grant| grant.granted_at = begin);
    assert_eq!(world(hour(12)).transfer("test"), "permit by grant 1");
    assert_eq!(world(hour(13)).transfer("test"), "grant 1 begins 2026-03-01T13:00:00Z");
}

#[test]
fn the_same_user_id_in_another_workspace_is_somebody_else() {
    for other in ["slack:T2:U1", "slack:T1:u1", "slack:T1:U2", "slack:T1:group:U1", "discord:1:1"] {
        let world = World::new().grant(ALICE, "moderator", "*").asked_by(other, &[]);
        assert_eq!(world.transfer("test"), "no grant", "{other}");
    }
}

#[test]
fn the_same_channel_id_in_another_workspace_is_another_channel() {
    let world = World::new().grant(ALICE, "moderator", "*").at(in_channel("slack:T2:C1"));
    assert_eq!(world.transfer("test"), "channel not authorised");
}

#[test]
fn a_grant_for_some_channels_is_good_in_these_only() {
    let world = World::new()
        .allow(LOUNGE, "*")
        .grant(ALICE, "moderator", "*")
        .but(|grant| grant.channels = vec![channel(OPS), channel("discord:1:9")]);
    assert_eq!(world.transfer("test"), "permit by grant 1");
    assert_eq!(world.at(in_channel(LOUNGE)).transfer("test"), "grant 1 is for other channels");
}

#[test]
fn a_prefix_covers_what_begins_with_it_and_an_exact_scope_itself_alone() {
    let prefix = World::new().grant(ALICE, "moderator", "live-*");
    assert_eq!(prefix.transfer("live-"), "permit by grant 1");
    assert_eq!(prefix.transfer("live-7"), "permit by grant 1");
    assert_eq!(prefix.transfer("live"), "granted for rooms live-* only");
    assert_eq!(prefix.transfer("Live-7"), "granted for rooms live-* only");
    assert_eq!(prefix.transfer("a live-7"), "granted for rooms live-* only");

    let exact = World::new().grant(ALICE, "moderator", "live-7");
    assert_eq!(exact.transfer("live-7"), "permit by grant 1");
    assert_eq!(exact.transfer("live-77"), "granted for rooms live-7 only");
    assert_eq!(exact.transfer("live-"), "granted for rooms live-7 only");
}

#[test]
fn a_denial_names_every_scope_and_every_role_once() {
    let scopes = World::new().grant(ALICE, "moderator", "live-*").grant(ALICE, "admin", "demo").grant(
        ALICE,
        "moderator",
        "live-*",
    );
    assert_eq!(scopes.transfer("test"), "granted for rooms live-*, demo only");
    let roles = World::new().grant(ALICE, "auditor", "*").grant(ALICE, "auditor", "live-*");
    assert_eq!(roles.transfer("test"), "role auditor is not enough");
}

#[test]
fn a_request_of_another_workspace_is_denied_in_these_words() {
    assert_eq!(Denial::ForeignOrigin("team T9".into()).to_string(), "not served: team T9");
}

// Rights, which help shows ---------------------------------------------------------------------------------

#[test]
fn help_shows_the_rights_that_hold_here_and_now() {
    let world = World::new()
        .grant(ALICE, "moderator", "live-*")
        .grant(HOSTS, "auditor", "*")
        .grant(ALICE, "admin", "*")
        .but(|grant| grant.expires_at = Some(hour(12)))
        .grant(ALICE, "moderator", "test")
        .but(|grant| grant.channels = vec![channel(LOUNGE)]);
    assert_eq!(world.rights(), ["moderator live-*"]);
    assert_eq!(world.clone().asked_by(ALICE, &[HOSTS]).rights(), ["moderator live-*", "auditor *"]);
    assert!(world.clone().at(in_channel(LOUNGE)).rights().is_empty(), "the lounge is not authorised");
    assert_eq!(World::empty().at(Place::Local).asked_by("cli:ana", &[]).rights(), ["admin *"]);
}

#[test]
fn help_promises_nothing_on_the_command_line_to_somebody_who_is_not_of_the_machine() {
    assert!(World::new().grant(ALICE, "admin", "*").at(Place::Local).rights().is_empty());
}

// The same rule told twice ---------------------------------------------------------------------------------

/// The rule in the words of the design, on texts and numbers: allowed iff the channel is authorised for
/// the room, no live deny entry matches, and at least one live grant does.
fn model(question: &Question) -> bool {
    let subject = question.principal.subject.to_string();
    let here = match &question.place {
        Place::Local => return subject.starts_with("cli:"),
        Place::Channel(channel) => channel.to_string(),
    };
    let room = question.action.room().as_str();
    let now = question.now.as_second();
    let within = |begin: Timestamp, ends: &[Option<Timestamp>]| {
        let mut held = now >= begin.as_second();
        for end in ends.iter().flatten() {
            held &= now < end.as_second();
        }
        held
    };
    let matches = |pattern: &RoomScope| match pattern.to_string().split_once('*') {
        Some((start, _)) => room.len() >= start.len() && &room[..start.len()] == start,
        None => room == pattern.to_string(),
    };
    let (mut authorised, mut granted, mut denied) = (false, false, false);
    for entry in &question.acl.channels {
        authorised |= entry.channel.to_string() == here
            && within(entry.allowed_at, &[entry.removed_at])
            && matches(&entry.rooms);
    }
    for grant in &question.acl.grants {
        let named = grant.subject.to_string();
        let names_me = named == subject || question.principal.groups.iter().any(|g| g.to_string() == named);
        let only_here = grant.channels.is_empty() || grant.channels.iter().any(|c| c.to_string() == here);
        let enough = !(matches!(question.action, Action::Transfer(_)) && grant.role.name() == "auditor");
        let live = within(grant.granted_at, &[grant.expires_at, grant.revoked_at]);
        if names_me && only_here && enough && live && matches(&grant.rooms) {
            match grant.effect.name() {
                "deny" => denied = true,
                _ => granted = true,
            }
        }
    }
    authorised && granted && !denied
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn decide_agrees_with_the_model(question in question()) {
        prop_assert_eq!(question.is_permitted(), model(&question));
    }

    #[test]
    fn a_deny_entry_never_turns_a_no_into_a_yes(question in question(), entry in grant()) {
        let mut after = question.clone();
        after.acl.grants.push(Grant { effect: Effect::Deny, id: 99, ..entry });
        prop_assert!(question.is_permitted() || !after.is_permitted());
    }

    #[test]
    fn taking_a_permit_away_never_turns_a_no_into_a_yes(question in question()) {
        for index in 0..question.acl.grants.len() {
            let mut after = question.clone();
            if after.acl.grants.remove(index).effect == Effect::Permit {
                prop_assert!(question.is_permitted() || !after.is_permitted());
            }
        }
    }

    #[test]
    fn taking_a_channel_away_never_turns_a_no_into_a_yes(question in question()) {
        for index in 0..question.acl.channels.len() {
            let mut after = question.clone();
            after.acl.channels.remove(index);
            prop_assert!(question.is_permitted() || !after.is_permitted());
        }
    }

    #[test]
    fn leaving_a_group_never_lends_a_right_that_its_grants_did_not_deny(question in question()) {
        let mut after = question.clone();
        after.acl.grants.retain(|grant| grant.effect == Effect::Permit);
        let before = after.is_permitted();
        after.principal.groups.clear();
        prop_assert!(before || !after.is_permitted());
    }

    #[test]
    fn the_order_of_the_entries_does_not_matter(question in question()) {
        let mut reversed = question.clone();
        reversed.acl.grants.reverse();
        reversed.acl.channels.reverse();
        prop_assert_eq!(question.is_permitted(), reversed.is_permitted());
    }

    #[test]
    fn entries_that_name_somebody_or_somewhere_else_do_not_matter(question in question()) {
        let mut relevant = question.clone();
        relevant.acl.grants.retain(|grant| question.principal.subjects().any(|subject| *subject == grant.subject));
        relevant.acl.channels.retain(|entry| Place::Channel(entry.channel.clone()) == question.place);
        prop_assert_eq!(question.decide(), relevant.decide());
    }

    #[test]
    fn a_reason_is_true_and_an_authority_is_a_grant_that_matches(question in question()) {
        let find = |id: GrantId| question.acl.grants.iter().find(|grant| grant.id == id).unwrap();
        match question.decide() {
            Decision::Permit(permit) => {
                prop_assert_eq!(permit.action(), &question.action);
                if let Authority::Grant(id) = permit.authority() {
                    prop_assert!(find(*id).effect == Effect::Permit && is_live(find(*id), question.now));
                    let mut alone = question.clone();
                    alone.acl.grants = vec![find(*id).clone()];
                    prop_assert!(model(&alone), "grant {} is enough by itself", id);
                }
            }
            Decision::Deny(Denial::DeniedBy(id)) => {
                prop_assert!(find(id).effect == Effect::Deny && is_live(find(id), question.now));
            }
            Decision::Deny(Denial::Lapsed(id, at)) => {
                prop_assert!(at <= question.now && !is_live(find(id), question.now));
            }
            Decision::Deny(Denial::NotYet(id, at)) => {
                prop_assert!(at > question.now && find(id).granted_at == at);
            }
            Decision::Deny(Denial::OtherChannels(id)) => {
                prop_assert!(is_live(find(id), question.now) && !find(id).channels.is_empty());
            }
            Decision::Deny(Denial::OutOfScope(scopes)) => {
                prop_assert!(!scopes.is_empty() && !scopes.iter().any(|s| s.covers(question.action.room())));
            }
            Decision::Deny(Denial::WrongRole(roles)) => prop_assert_eq!(roles, vec![Role::Auditor]),
            Decision::Deny(Denial::NoGrant) => {
                let mut permits = question.acl.grants.iter().filter(|grant| grant.effect == Effect::Permit);
                let named = permits.any(|grant| question.principal.subjects().any(|s| *s == grant.subject));
                prop_assert!(!named);
            }
            Decision::Deny(_) => {}
        }
    }

    /// Whoever may do anything is shown a right; and without deny entries and limits of the channel, who
    /// is shown a right may do something.
    #[test]
    fn rights_are_empty_iff_nothing_is_permitted(question in question()) {
        let rights = |question: &Question| {
            rights(&question.principal, &question.place, &question.acl, question.now)
        };
        if question.is_permitted() {
            prop_assert!(!rights(&question).is_empty());
        }
        let mut plain = question.clone();
        plain.acl.grants.retain(|grant| grant.effect == Effect::Permit);
        for entry in &mut plain.acl.channels {
            entry.rooms = RoomScope::All;
        }
        let is_any_permitted = ROOMS.iter().any(|id| {
            Question { action: Action::ShowOwner(room(id)), ..plain.clone() }.is_permitted()
        });
        prop_assert_eq!(rights(&plain).is_empty(), !is_any_permitted);
        for right in rights(&plain) {
            let covered = ROOMS.iter().find(|id| right.rooms.covers(&room(id))).unwrap();
            let deed = Question { action: Action::Transfer(room(covered)), ..plain.clone() };
            prop_assert!(right.role == Role::Auditor || deed.is_permitted());
        }
    }
}

/// The properties above say something only if the questions are answered with yes and with each of the
/// noes often enough.
#[test]
fn the_random_questions_meet_every_answer() {
    let mut runner = TestRunner::deterministic();
    let mut met = std::collections::BTreeMap::<&str, usize>::new();
    for _ in 0..4_000 {
        let question = question().new_tree(&mut runner).unwrap().current();
        let answer = match question.decide() {
            Decision::Permit(permit) => match permit.authority {
                Authority::Grant(_) => "permit by a grant",
                Authority::Local => "permit by being local",
            },
            Decision::Deny(denial) => match denial {
                Denial::ChannelNotAuthorised => "channel not authorised",
                Denial::ChannelNotForRoom(_) => "channel not for room",
                Denial::NoGrant => "no grant",
                Denial::DeniedBy(_) => "denied",
                Denial::Lapsed(..) => "lapsed",
                Denial::NotYet(..) => "not yet",
                Denial::OutOfScope(_) => "out of scope",
                Denial::OtherChannels(_) => "other channels",
                Denial::WrongRole(_) => "wrong role",
                Denial::ForeignOrigin(_) => unreachable!("the door says this, not the rule"),
            },
        };
        *met.entry(answer).or_default() += 1;
    }
    assert_eq!(met.len(), 11, "{met:?}");
    assert!(met["permit by a grant"] > 300, "{met:?}");
    assert!(met.values().all(|count| *count >= 20), "{met:?}");
}

// Random questions: few names, so that they meet -----------------------------------------------------------

const ROOMS: [&str; 4] = ["live-1", "live-2", "test", "l"];

/// Everything that `decide` is told.
#[derive(Debug, Clone)]
struct Question {
    principal: Principal,
    place: Place,
    action: Action,
    acl: AclView,
    now: Timestamp,
}

impl Question {
    fn decide(&self) -> Decision {
        decide(&self.principal, &self.place, self.action.clone(), &self.acl, self.now)
    }

    fn is_permitted(&self) -> bool {
        matches!(self.decide(), Decision::Permit(_))
    }
}

fn question() -> impl Strategy<Value = Question> {
    let groups = prop::sample::subsequence(vec![subject(HOSTS), subject("discord:1:role:3")], 0..=2);
    let action = (any::<bool>(), select(&ROOMS)).prop_map(|(is_transfer, id)| match is_transfer {
        true => Action::Transfer(room(id)),
        false => Action::ShowOwner(room(id)),
    });
    let place = prop_oneof![
        1 => Just(Place::Local),
        16 => Just(in_channel(OPS)),
        2 => Just(in_channel(LOUNGE)),
    ];
    let acl = (prop::collection::vec(grant(), 0..6), prop::collection::vec(entry(), 0..5), 0..9_i64)
        .prop_map(|(mut grants, channels, version)| {
            for (grant, id) in grants.iter_mut().zip(1..) {
                grant.id = id;
            }
            AclView { version, grants, channels }
        });
    (a_subject(), groups, place, action, acl, moment()).prop_map(
        |(subject, groups, place, action, acl, now)| Question {
            principal: Principal { groups, ..Principal::new(subject) },
            place,
            action,
            acl,
            now,
        },
    )
}

fn a_subject() -> impl Strategy<Value = Subject> {
    select(&[ALICE, ALICE, ALICE, "slack:T2:U1", HOSTS, "discord:1:role:3", "cli:ana"]).prop_map(subject)
}

fn a_scope() -> impl Strategy<Value = RoomScope> {
    select(&["*", "*", "*", "*", "live-*", "l*", "live-1", "test"]).prop_map(scope)
}

fn moment() -> impl Strategy<Value = Timestamp> {
    (10..14_i64).prop_map(|n| hour(u8::try_from(n).unwrap()))
}

fn grant() -> impl Strategy<Value = Grant> {
    let channels = prop_oneof![
        3 => Just(Vec::new()),
        1 => Just(vec![channel(OPS)]),
        1 => Just(vec![channel(LOUNGE)]),
    ];
    let effect = prop_oneof![5 => Just(Effect::Permit), 1 => Just(Effect::Deny)];
    let begin = prop_oneof![5 => Just(hour(10)), 1 => moment()];
    let end = || prop_oneof![3 => Just(None), 1 => moment().prop_map(Some)];
    (a_subject(), select(&Role::ALL), effect, a_scope(), channels, begin, end(), end()).prop_map(
        |(subject, role, effect, rooms, channels, granted_at, expires_at, revoked_at)| Grant {
            effect,
            channels,
            granted_at,
            expires_at,
            revoked_at,
            ..plain_grant(0, subject, role, rooms)
        },
    )
}

fn entry() -> impl Strategy<Value = AuthorisedChannel> {
    let begin = prop_oneof![5 => Just(hour(10)), 1 => moment()];
    let end = prop_oneof![3 => Just(None), 1 => moment().prop_map(Some)];
    (select(&[OPS, OPS, OPS, LOUNGE]), a_scope(), begin, end).prop_map(
        |(id, rooms, allowed_at, removed_at)| AuthorisedChannel {
            allowed_at,
            removed_at,
            ..plain_entry(id, rooms)
        },
    )
}

// The world of the sentences -------------------------------------------------------------------------------

/// Alice asks, in the channel OPS, at noon.
#[derive(Clone)]
struct World {
    principal: Principal,
    place: Place,
    acl: AclView,
}

impl World {
    /// Nothing is granted and no channel is authorised.
    fn empty() -> Self {
        Self { principal: Principal::new(subject(ALICE)), place: in_channel(OPS), acl: AclView::default() }
    }

    /// Only OPS is authorised.
    fn new() -> Self {
        Self::empty().allow(OPS, "*")
    }

    fn allow(mut self, id: &str, rooms: &str) -> Self {
        self.acl.channels.push(plain_entry(id, scope(rooms)));
        self
    }

    /// The next grant, numbered from 1.
    fn grant(mut self, to: &str, role: &str, rooms: &str) -> Self {
        let id = self.acl.grants.len() as GrantId + 1;
        self.acl.grants.push(plain_grant(id, subject(to), role.parse().unwrap(), scope(rooms)));
        self
    }

    /// The last grant, but changed.
    fn but(mut self, change: impl FnOnce(&mut Grant)) -> Self {
        change(self.acl.grants.last_mut().unwrap());
        self
    }

    fn at(mut self, place: Place) -> Self {
        self.place = place;
        self
    }

    fn asked_by(mut self, who: &str, groups: &[&str]) -> Self {
        self.principal = Principal::new(subject(who));
        self.principal.groups = groups.iter().copied().map(subject).collect();
        self
    }

    fn decide(&self, action: Action) -> Decision {
        decide(&self.principal, &self.place, action, &self.acl, hour(12))
    }

    fn answer(&self, action: Action) -> String {
        match self.decide(action) {
            Decision::Permit(permit) => format!("permit by {}", permit.authority()),
            Decision::Deny(denial) => denial.to_string(),
        }
    }

    fn transfer(&self, id: &str) -> String {
        self.answer(Action::Transfer(room(id)))
    }

    fn show(&self, id: &str) -> String {
        self.answer(Action::ShowOwner(room(id)))
    }

    fn rights(&self) -> Vec<String> {
        let rights = rights(&self.principal, &self.place, &self.acl, hour(12));
        rights.iter().map(|right| format!("{} {}", right.role, right.rooms)).collect()
    }
}

fn plain_grant(id: GrantId, subject: Subject, role: Role, rooms: RoomScope) -> Grant {
    Grant {
        id,
        subject,
        role,
        effect: Effect::Permit,
        rooms,
        channels: Vec::new(),
        expires_at: None,
        granted_by: Subject::Cli { user: "root".to_owned() },
        granted_at: hour(8),
        revoked_at: None,
        reason: None,
    }
}

fn plain_entry(id: &str, rooms: RoomScope) -> AuthorisedChannel {
    AuthorisedChannel {
        channel: channel(id),
        rooms,
        allowed_by: Subject::Cli { user: "root".to_owned() },
        allowed_at: hour(8),
        removed_at: None,
        reason: None,
    }
}

fn subject(text: &str) -> Subject {
    text.parse().unwrap()
}

fn channel(text: &str) -> Channel {
    text.parse().unwrap()
}

fn in_channel(text: &str) -> Place {
    Place::Channel(channel(text))
}

fn room(text: &str) -> RoomId {
    text.parse().unwrap()
}

fn scope(text: &str) -> RoomScope {
    text.parse().unwrap()
}

/// An hour of the day on which all of this happens.
fn hour(hour: u8) -> Timestamp {
    format!("2026-03-01T{hour:02}:00:00Z").parse().unwrap()
}

fn just_after(at: Timestamp) -> Timestamp {
    Timestamp::from_nanosecond(at.as_nanosecond() + 1).unwrap()
}
