//! The same rule told twice: `decide` compared with a second telling on random ACLs.

use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

use super::*;

/// The rule in the words of the design, on texts and numbers: allowed iff the channel is authorised for
/// the room, no live deny entry matches, and at least one live grant does.
pub(super) fn model(question: &Question) -> bool {
    let subject = question.principal.subject.to_string();
    let here = match &question.place {
        Place::Local => return subject.starts_with("cli:"),
        Place::Channel(channel) => channel.to_string(),
    };
    let now = question.now.as_second();
    let within = |begin: Timestamp, ends: &[Option<Timestamp>]| {
        let mut held = now >= begin.as_second();
        for end in ends.iter().flatten() {
            held &= now < end.as_second();
        }
        held
    };
    // What is asked about, as a set of room ids: one, all that begin with something, or none in particular.
    let (asked, is_start) = match &question.action {
        Action::ShowOwner(room) | Action::Transfer(room) | Action::Override(room) => {
            (room.to_string(), false)
        }
        Action::EditAcl(scope) => {
            let text = scope.as_ref().unwrap().to_string();
            (text.trim_end_matches('*').to_owned(), text.ends_with('*'))
        }
        Action::ReadAudit | Action::ReadAcl => (String::new(), false),
    };
    let about_rooms = !matches!(question.action, Action::ReadAudit | Action::ReadAcl);
    let holds_all = |pattern: &RoomScope| match pattern.to_string().split_once('*') {
        _ if !about_rooms => true,
        Some((start, _)) => asked.len() >= start.len() && &asked[..start.len()] == start,
        None => !is_start && asked == pattern.to_string(),
    };
    let holds_some = |pattern: &RoomScope| {
        let text = pattern.to_string();
        holds_all(pattern) || (is_start && text.trim_end_matches('*').starts_with(&asked))
    };
    let (mut authorised, mut granted, mut denied) = (false, false, false);
    for entry in &question.acl.channels {
        authorised |= entry.channel.to_string() == here
            && within(entry.allowed_at, &[entry.removed_at])
            && holds_all(&entry.rooms);
    }
    for grant in &question.acl.grants {
        let named = grant.subject.to_string();
        let names_me = named == subject || question.principal.groups.iter().any(|g| g.to_string() == named);
        let only_here = grant.channels.is_empty() || grant.channels.iter().any(|c| c.to_string() == here);
        let enough = match (&question.action, grant.role.name()) {
            (_, "admin") | (Action::ShowOwner(_), _) => true,
            (Action::Transfer(_), role) => role == "moderator",
            (Action::ReadAudit, role) => role == "auditor",
            (Action::Override(_) | Action::ReadAcl | Action::EditAcl(_), _) => false,
        };
        let live = within(grant.granted_at, &[grant.expires_at, grant.revoked_at]);
        if names_me && only_here && enough && live {
            match grant.effect.name() {
                "deny" => denied |= holds_some(&grant.rooms),
                _ => granted |= holds_all(&grant.rooms),
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
                prop_assert!(!scopes.is_empty() && !scopes.iter().any(|scope| question.action.is_within(scope)));
            }
            Decision::Deny(Denial::WrongRole(roles)) => {
                prop_assert!(!roles.is_empty() && !roles.iter().any(|role| role.allows(&question.action)));
            }
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
        // A look at the log or the ACL is permitted even where no room is in reach.
        let is_a_look = matches!(question.action, Action::ReadAudit | Action::ReadAcl);
        if question.is_permitted() && !is_a_look {
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
            Decision::Permit(permit) => match permit.authority() {
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
pub(super) struct Question {
    pub(super) principal: Principal,
    pub(super) place: Place,
    pub(super) action: Action,
    pub(super) acl: AclView,
    pub(super) now: Timestamp,
}

impl Question {
    pub(super) fn decide(&self) -> Decision {
        decide(&self.principal, &self.place, self.action.clone(), &self.acl, self.now)
    }

    pub(super) fn is_permitted(&self) -> bool {
        matches!(self.decide(), Decision::Permit(_))
    }
}

pub(super) fn question() -> impl Strategy<Value = Question> {
    let groups = prop::sample::subsequence(vec![subject(HOSTS), subject("discord:1:role:3")], 0..=2);
    let action = prop_oneof![
        4 => select(&ROOMS).prop_map(|id| Action::Transfer(room(id))),
        2 => select(&ROOMS).prop_map(|id| Action::Override(room(id))),
        4 => select(&ROOMS).prop_map(|id| Action::ShowOwner(room(id))),
        1 => Just(Action::ReadAudit),
        1 => Just(Action::ReadAcl),
        3 => a_scope().prop_map(|scope| Action::EditAcl(Some(scope))),
    ];
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

pub(super) fn a_subject() -> impl Strategy<Value = Subject> {
    select(&[ALICE, ALICE, ALICE, "slack:T2:U1", HOSTS, "discord:1:role:3", "cli:ana"]).prop_map(subject)
}

pub(super) fn a_scope() -> impl Strategy<Value = RoomScope> {
    select(&["*", "*", "*", "*", "live-*", "l*", "live-1", "test"]).prop_map(scope)
}

pub(super) fn moment() -> impl Strategy<Value = Timestamp> {
    (10..14_i64).prop_map(|n| hour(u8::try_from(n).unwrap()))
}

pub(super) fn grant() -> impl Strategy<Value = Grant> {
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

pub(super) fn entry() -> impl Strategy<Value = AuthorisedChannel> {
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
