//! The same rule written twice: `decide` compared with the other on random ACLs.

use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

use super::*;
use crate::domain::principal::Membership;

/// Ids that stand for all rooms: no two of the scopes that are asked about differ without one of these in one and
/// not in the other.
pub(super) const OF_EACH_KIND: [&str; 6] = ["live-1", "live-2", "l", "test", "other", "a live-1"];

/// The rule in the words of the design, on texts, numbers and sets of rooms.
pub(super) fn model(question: &Question) -> bool {
    let subject = question.principal.subject.to_string();
    let here = match &question.place {
        Place::Local => return subject.starts_with("cli:"),
        Place::Channel(channel) => channel.to_string(),
    };
    let workspace = |id: &str| id.split(':').take(2).collect::<Vec<_>>().join(":");
    let now = question.now.as_second();
    let within = |begin: Timestamp, ends: &[Option<Timestamp>]| {
        let mut held = now >= begin.as_second();
        for end in ends.iter().flatten() {
            held &= now < end.as_second();
        }
        held
    };
    let holds = |pattern: &str, id: &str| match pattern.split_once('*') {
        Some((start, _)) => id.starts_with(start),
        None => id == pattern,
    };
    // What is asked about, as patterns; nothing in particular is `None`.
    let asked: Option<Vec<String>> = match &question.action {
        Action::ShowOwner(room) | Action::Transfer(room) | Action::Override(room) => {
            Some(vec![room.to_string()])
        }
        Action::EditAcl(scopes) if !scopes.is_empty() => {
            Some(scopes.iter().map(ToString::to_string).collect())
        }
        Action::EditAcl(_) | Action::ReadAudit | Action::UseConsole | Action::ReadAcl(_) => None,
    };
    let is_in_all = |outer: &str, inner: &str| match (outer.strip_suffix('*'), inner.strip_suffix('*')) {
        (Some(start), Some(longer)) => longer.starts_with(start),
        (None, Some(_)) => false,
        (_, None) => holds(outer, inner),
    };
    let meet = |one: &str, other: &str| is_in_all(one, other) || is_in_all(other, one);

    let (mut open, mut permits, mut denials) = (Vec::new(), Vec::new(), Vec::new());
    for entry in &question.acl.channels {
        if entry.channel.to_string() == here && within(entry.allowed_at, &[entry.removed_at]) {
            open.push(entry.rooms.to_string());
        }
    }
    for grant in &question.acl.grants {
        let named = grant.subject.to_string();
        let is_group = named.contains(":group:") || named.contains(":role:");
        let is_in = named == subject || question.principal.groups.iter().any(|g| g.to_string() == named);
        let is_outside = match &question.principal.outside {
            Outside::AllOthers => true,
            Outside::These(groups) => groups.iter().any(|g| g.to_string() == named),
        };
        let may_be_in = is_in || (is_group && !is_outside && workspace(&named) == workspace(&subject));
        let only_here = grant.channels.is_empty() || grant.channels.iter().any(|c| c.to_string() == here);
        let enough = match (&question.action, grant.role.name()) {
            (_, "admin") | (Action::ShowOwner(_) | Action::UseConsole, _) => true,
            (Action::Transfer(_), role) => role == "moderator",
            (Action::ReadAudit, role) => role == "auditor",
            (Action::Override(_) | Action::ReadAcl(_) | Action::EditAcl(_), _) => false,
        };
        if only_here && enough && within(grant.granted_at, &[grant.expires_at, grant.revoked_at]) {
            match grant.effect.name() {
                "permit" if is_in => permits.push(grant.rooms.to_string()),
                "deny" if may_be_in => denials.push(grant.rooms.to_string()),
                _ => {}
            }
        }
    }
    let is_denied = |id: &str| denials.iter().any(|denied| holds(denied, id));
    let is_given = match (&question.action, asked) {
        (_, Some(asked)) => asked.iter().all(|asked| {
            open.iter().any(|open| is_in_all(open, asked))
                && permits.iter().any(|permit| is_in_all(permit, asked))
                && !denials.iter().any(|denied| meet(denied, asked))
        }),
        // Of some grant, a room is left.
        (action, None) => {
            let left = |permit: &String| OF_EACH_KIND.iter().any(|id| holds(permit, id) && !is_denied(id));
            let is_about_a_denied_room = action.room().is_some_and(|room| is_denied(&room.to_string()));
            !open.is_empty() && permits.iter().any(left) && !is_about_a_denied_room
        }
    };
    is_given && workspace(&subject) == workspace(&here)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES))]

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
    fn knowing_less_of_somebodys_groups_never_turns_a_no_into_a_yes(question in question()) {
        let mut after = question.clone();
        after.principal.outside = Outside::These(Vec::new());
        prop_assert!(question.is_permitted() || !after.is_permitted());
        after.principal.groups.clear();
        prop_assert!(question.is_permitted() || !after.is_permitted());
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
        relevant.acl.grants.retain(|grant| match question.principal.membership(&grant.subject) {
            Membership::In => true,
            Membership::Unknown => grant.effect == Effect::Deny,
            Membership::Out => false,
        });
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
                    // Of several scopes, it gives the first.
                    if let Action::EditAcl(scopes) = &mut alone.action {
                        scopes.truncate(1);
                    }
                    prop_assert!(model(&alone), "grant {} is enough by itself", id);
                }
            }
            Decision::Deny(Denial::DeniedBy(id)) => {
                prop_assert!(find(id).effect == Effect::Deny && is_live(find(id), question.now));
            }
            Decision::Deny(Denial::GroupUnread(id, group)) => {
                let grant = find(id);
                prop_assert!(grant.effect == Effect::Deny && is_live(grant, question.now) && grant.subject == group);
                prop_assert!(group.is_group() && question.principal.membership(&group) == Membership::Unknown);
                let mut without = question.clone();
                without.principal.outside = Outside::AllOthers;
                let is_of_several = matches!(&question.action, Action::EditAcl(scopes) if scopes.len() > 1);
                prop_assert!(is_of_several || without.is_permitted(), "whoever is not in it may");
            }
            Decision::Deny(Denial::Elsewhere) => {
                let Place::Channel(channel) = &question.place else { panic!("no channel") };
                prop_assert!(!question.principal.subject.is_of(channel));
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
        if question.is_permitted() && !is_a_look(&question.action) {
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
            let asked = Question { action: Action::Transfer(room(covered)), ..plain.clone() };
            prop_assert!(right.role == Role::Auditor || asked.is_permitted());
        }
    }

    /// Help shows what a role is for to whoever may do it; and to nobody who may not, where deny entries are for every
    /// room.
    #[test]
    fn rights_let_people_do_what_is_permitted(question in question()) {
        let rights = |question: &Question| {
            rights(&question.principal, &question.place, &question.acl, question.now)
        };
        let lets = |question: &Question, role| rights(question).iter().any(|right| right.lets(role));
        let of_role = match question.action {
            Action::ShowOwner(_) => Some(None),
            Action::Transfer(_) => Some(Some(Role::Moderator)),
            Action::Override(_) => Some(Some(Role::Admin)),
            Action::ReadAudit | Action::UseConsole | Action::ReadAcl(_) | Action::EditAcl(_) => None,
        };
        if let Some(role) = of_role && question.is_permitted() {
            prop_assert!(lets(&question, role));
        }
        let mut plain = question.clone();
        for denial in plain.acl.grants.iter_mut().filter(|grant| grant.effect == Effect::Deny) {
            denial.rooms = RoomScope::All;
        }
        for entry in &mut plain.acl.channels {
            entry.rooms = RoomScope::All;
        }
        let may = |action: &dyn Fn(&str) -> Action| {
            ROOMS.iter().any(|id| Question { action: action(id), ..plain.clone() }.is_permitted())
        };
        prop_assert_eq!(lets(&plain, None), may(&|id| Action::ShowOwner(room(id))));
        prop_assert_eq!(lets(&plain, Some(Role::Moderator)), may(&|id| Action::Transfer(room(id))));
        prop_assert_eq!(lets(&plain, Some(Role::Admin)), may(&|id| Action::Override(room(id))));
        prop_assert_eq!(lets(&plain, Some(Role::Auditor)), may(&|_| Action::ReadAudit));
    }
}

/// Whether an action is permitted even where no room is in reach.
pub(super) fn is_a_look(action: &Action) -> bool {
    matches!(action, Action::ReadAudit | Action::UseConsole | Action::ReadAcl(_))
        || *action == Action::EditAcl(Vec::new())
}

/// The properties above say something only if the questions are answered with yes and with each of the
/// noes often enough.
#[test]
fn the_random_questions_meet_every_answer() {
    let mut runner = TestRunner::deterministic();
    let mut met = std::collections::BTreeMap::<&str, usize>::new();
    for _ in 0..10_000 {
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
                Denial::GroupUnread(..) => "group unread",
                Denial::Elsewhere => "elsewhere",
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
    assert_eq!(met.len(), 13, "{met:?}");
    assert!(met["permit by a grant"] > 300, "{met:?}");
    assert!(met.values().all(|count| *count >= 20), "{met:?}");
}

// Random questions: few names, so that they meet -----------------------------------------------------------

const ROOMS: [&str; 4] = ["live-1", "live-2", "test", "l"];

/// Everything that `decide` takes.
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
    let look = prop_oneof![
        2 => Just(Action::ReadAudit),
        1 => Just(Action::UseConsole),
        1 => Just(Action::ReadAcl(None)),
        1 => select(&ROOMS).prop_map(|id| Action::ReadAcl(Some(room(id)))),
        1 => Just(Action::EditAcl(Vec::new())),
    ];
    question_about(prop_oneof![5 => look, 13 => an_action()])
}

/// What is about certain rooms.
pub(super) fn an_action() -> impl Strategy<Value = Action> {
    prop_oneof![
        4 => select(&ROOMS).prop_map(|id| Action::Transfer(room(id))),
        2 => select(&ROOMS).prop_map(|id| Action::Override(room(id))),
        4 => select(&ROOMS).prop_map(|id| Action::ShowOwner(room(id))),
        3 => prop::collection::vec(a_scope(), 1..3).prop_map(Action::EditAcl),
    ]
}

pub(super) fn question_about(action: impl Strategy<Value = Action>) -> impl Strategy<Value = Question> {
    let some = || prop::sample::subsequence(vec![subject(HOSTS), subject("discord:1:role:3")], 0..=2);
    let groups = prop_oneof![1 => Just(Vec::new()), 1 => some()];
    let outside = prop_oneof![
        1 => Just(Outside::AllOthers),
        3 => Just(Outside::These(Vec::new())),
        1 => some().prop_map(Outside::These),
    ];
    let place = prop_oneof![
        1 => Just(Place::Local),
        16 => Just(in_channel(OPS)),
        2 => Just(in_channel(LOUNGE)),
        1 => Just(in_channel("discord:1:9")),
    ];
    let acl = (prop::collection::vec(grant(), 0..8), prop::collection::vec(entry(), 0..6), 0..9_i64)
        .prop_map(|(mut grants, channels, version)| {
            for (grant, id) in grants.iter_mut().zip(1..) {
                grant.id = id;
            }
            AclView { version, grants, channels, ..AclView::default() }
        });
    (an_asker(), groups, outside, place, action, acl, moment()).prop_map(
        |(subject, mut groups, outside, place, action, acl, now)| {
            // A platform names groups of its own.
            groups.retain(|group| group.is_beside(&subject));
            let principal = Principal { groups, outside, ..Principal::new(subject) };
            Question { principal, place, action, acl, now }
        },
    )
}

/// Who asks: mostly Alice.
fn an_asker() -> impl Strategy<Value = Subject> {
    let others = vec!["slack:T1:U2", "slack:T2:U1", "discord:1:2", HOSTS, "discord:1:role:3", "cli:ana"];
    prop_oneof![3 => Just(ALICE), 2 => select(others)].prop_map(subject)
}

/// Whom a grant names, and whether it denies: to groups as often as not.
fn a_subject_and_effect() -> impl Strategy<Value = (Subject, Effect)> {
    let people = vec![ALICE, ALICE, ALICE, "slack:T1:U2", "slack:T2:U1", "discord:1:2", "cli:ana"];
    let effect = |deny| prop_oneof![5 => Just(Effect::Permit), deny => Just(Effect::Deny)];
    let group = prop_oneof![3 => Just(HOSTS), 1 => Just("discord:1:role:3")];
    let subject = |text: &str| subject(text);
    prop_oneof![
        7 => (select(people).prop_map(subject), effect(1)),
        3 => (group.prop_map(subject), effect(5)),
    ]
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
    let begin = prop_oneof![5 => Just(hour(10)), 1 => moment()];
    let end = || prop_oneof![3 => Just(None), 1 => moment().prop_map(Some)];
    (a_subject_and_effect(), select(Role::ALL), a_scope(), channels, begin, end(), end()).prop_map(
        |((subject, effect), role, rooms, channels, granted_at, expires_at, revoked_at)| Grant {
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
    (select(&[OPS, OPS, OPS, LOUNGE, "discord:1:9"]), a_scope(), begin, end).prop_map(
        |(id, rooms, allowed_at, removed_at)| AuthorisedChannel {
            allowed_at,
            removed_at,
            ..plain_entry(id, rooms)
        },
    )
}
