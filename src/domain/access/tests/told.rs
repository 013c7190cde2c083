//! What is told of the rule is the rule: explanations, who can, lock-outs and plans on random ACLs.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

use super::model::{Question, a_scope, entry, grant, is_a_look, model, moment, question};
use super::*;
use crate::domain::access::plan::{Senseless, Wanted, WantedChannel, WantedGrant, plan};
use crate::domain::access::rule::fit;
use crate::domain::principal::{Membership, Outside};

const CHANNELS: [&str; 3] = [OPS, LOUNGE, "discord:1:9"];

// Explanations ---------------------------------------------------------------------------------------------

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn an_explanation_never_differs_from_the_decision(question in question()) {
        let told = explained(&question);
        let decided = match question.decide() {
            Decision::Permit(permit) => Ok(permit.authority().clone()),
            Decision::Deny(denial) => Err(denial),
        };
        prop_assert_eq!(told.decision, decided);
    }

    #[test]
    fn the_grants_that_are_said_to_match_are_those_that_decide(question in question()) {
        let Explanation { decision, grants, channel } = explained(&question);
        if question.place == Place::Local {
            prop_assert!(grants.is_empty() && channel == Standing::Local);
            return Ok(());
        }
        let Place::Channel(here) = &question.place else { unreachable!() };
        let is_known = |grant: &Grant| question.principal.membership(&grant.subject) == Membership::In;
        let bears = |grant: &&Grant| match question.principal.membership(&grant.subject) {
            Membership::In => true,
            Membership::Unknown => {
                grant.effect == Effect::Deny && fit(grant, &question.action, here, question.now) == Fit::Matches
            }
            Membership::Out => false,
        };
        prop_assert_eq!(grants.len(), question.acl.grants.iter().filter(bears).count());
        let matching = |effect| -> Vec<&Grant> {
            let fits = grants.iter().filter(|(grant, fit)| grant.effect == effect && *fit == Fit::Matches);
            fits.map(|(grant, _)| grant).collect()
        };
        let (permits, denials) = (matching(Effect::Permit), matching(Effect::Deny));
        let named = |grants: &[&Grant], id| grants.iter().any(|grant| grant.id == id);
        let is_authorised = matches!(channel, Standing::Authorised(_));
        // What is about many rooms, or about several scopes, is not decided by one entry.
        let is_about_one = match &question.action {
            Action::ReadAudit | Action::ReadAcl(None) => false,
            Action::EditAcl(scopes) => scopes.len() == 1,
            _ => true,
        };
        match decision {
            Ok(Authority::Grant(id)) if is_about_one => {
                prop_assert!(named(&permits, id) && denials.is_empty() && is_authorised);
            }
            Ok(Authority::Grant(_)) => {}
            Ok(Authority::Local) => prop_assert!(false, "in a channel nobody is local"),
            Err(Denial::DeniedBy(id) | Denial::GroupUnread(id, _)) => prop_assert!(named(&denials, id)),
            Err(Denial::Elsewhere) => prop_assert!(!question.principal.subject.is_of(here)),
            Err(_) if is_about_one => {
                prop_assert!(!denials.iter().any(|denial| is_known(denial)));
                prop_assert!(permits.is_empty() || !is_authorised);
            }
            Err(_) => {}
        }
        // Each by itself decides as it is said to.
        for (grant, fit) in grants.iter().filter(|(grant, _)| is_known(grant)) {
            let mut alone = question.clone();
            alone.acl.grants = vec![Grant { effect: Effect::Permit, ..grant.clone() }];
            alone.acl.channels = vec![AuthorisedChannel { allowed_at: hour(8), ..entry_here(&question) }];
            let would = *fit == Fit::Matches && question.principal.subject.is_of(here);
            let is_wider_as_denial = grant.effect == Effect::Deny
                && matches!(question.action, Action::EditAcl(_) | Action::ReadAcl(_));
            prop_assert!(model(&alone) == would || is_wider_as_denial, "{:?} {:?}", grant, fit);
        }
    }

    /// Brute force: every subject in every channel.
    #[test]
    fn who_can_names_exactly_those_whom_the_rule_permits(question in question(), known in known()) {
        let Some(room) = question.action.room().cloned() else { return Ok(()) };
        let able = who_can(&room, &question.acl.grants, &question.acl.channels, &known, question.now);
        let mut subjects: Vec<&Subject> = question.acl.grants.iter().map(|grant| &grant.subject).collect();
        subjects.sort_unstable();
        subjects.dedup();
        let mut named = able.iter();
        let bears = |subject: &Subject| {
            question.acl.grants.iter().any(|grant| {
                grant.subject == *subject
                    && is_live(grant, question.now)
                    && grant.role.allows(&Action::Transfer(room.clone()))
                    && grant.rooms.covers(&room)
            })
        };
        for subject in subjects.into_iter().filter(|subject| bears(subject)) {
            let is_empty = known.members(subject, question.now).is_none_or(|members| members.is_empty());
            if matches!(subject, Subject::SlackGroup { .. }) && is_empty {
                continue;
            }
            let mut permits = Vec::new();
            let mut channels: Vec<Channel> = CHANNELS.iter().copied().map(channel).collect();
            channels.sort_unstable();
            for channel in channels {
                let asked = Question {
                    principal: known.principal(subject.clone(), question.now),
                    place: Place::Channel(channel.clone()),
                    action: Action::Transfer(room.clone()),
                    ..question.clone()
                };
                if let Decision::Permit(permit) = asked.decide() {
                    permits.push((channel, permit.authority().clone()));
                }
            }
            let Some((_, Authority::Grant(first))) = permits.first().cloned() else { continue };
            let named = named.next();
            prop_assert!(named.is_some(), "{} is not named", subject);
            let named = named.unwrap();
            prop_assert_eq!((&named.subject, named.grant), (subject, first));
            let until = question.acl.grants.iter().find(|grant| grant.id == first).unwrap().expires_at;
            prop_assert_eq!(named.until, until);
            prop_assert_eq!(&named.channels, &permits.into_iter().map(|(channel, _)| channel).collect::<Vec<_>>());
        }
        prop_assert_eq!(named.next(), None, "somebody is named who may not");
    }
}

// Hindrances -----------------------------------------------------------------------------------------------

/// The question as the subject of a grant by itself would ask it, if a platform could name that subject in
/// the channel.
fn asked_by_the_subject_of(grant: &Grant, question: &Question) -> Option<Question> {
    let Place::Channel(channel) = &question.place else { return None };
    let of = |id: String| id.split(':').take(2).map(str::to_owned).collect::<Vec<_>>();
    let is_theirs = of(grant.subject.to_string()) == of(channel.to_string());
    is_theirs.then(|| Question { principal: by_itself(&grant.subject), ..question.clone() })
}

fn by_itself(subject: &Subject) -> Principal {
    Principal::new(subject.clone()).only_in(Vec::new())
}

/// What is known of the one group: nothing, too little, or who is in it.
pub(super) fn known() -> impl Strategy<Value = Known> {
    let members = prop::sample::subsequence(vec!["U1", "U2", "U7"], 0..=3);
    let as_of = prop_oneof![2 => Just(0_i64), 1 => Just(-3_600), 1 => Just(60)];
    let served = prop_oneof![3 => Just(Vec::new()), 1 => Just(vec!["T1".to_owned()]), 1 => Just(vec!["T2".to_owned()])];
    (prop::option::of((members, as_of)), moment(), served).prop_map(|(reading, now, served_teams)| {
        let of_hosts = reading.map(|(members, offset)| {
            let as_of = Timestamp::from_second(now.as_second() + offset).unwrap();
            read(&[(HOSTS, &members)], as_of)
        });
        Known { served_teams, ..of_hosts.unwrap_or_default() }
    })
}

/// Groups as they were read at a time.
pub(super) fn read(groups: &[(&str, &[&str])], as_of: Timestamp) -> Known {
    let reading = |(group, members): &(&str, &[&str])| {
        let members = members.iter().map(|user| (*user).to_owned()).collect();
        (subject(group), Reading { members, as_of: Some(as_of), problem: None })
    };
    Known { looks_up_groups: true, readings: groups.iter().map(reading).collect(), ..Known::default() }
}

/// Of each live grant, whether it is hindered wholly.
fn hindered_wholly(question: &Question) -> Vec<(Grant, bool)> {
    let live = question.acl.grants.iter().filter(|grant| is_live(grant, question.now));
    live.map(|grant| {
        let theirs = question.acl.grants.iter().filter(|other| other.subject == grant.subject);
        let beside = AclView { grants: theirs.cloned().collect(), ..question.acl.clone() };
        (grant.clone(), hindered(grant, &by_itself(&grant.subject), &beside, question.now).wholly)
    })
    .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn an_entry_that_is_said_to_do_nothing_changes_no_decision(question in question()) {
        prop_assume!(!is_a_look(&question.action));
        for (grant, wholly) in hindered_wholly(&question) {
            let Some(with) = asked_by_the_subject_of(&grant, &question) else { continue };
            let mut without = with.clone();
            without.acl.grants.retain(|other| other.id != grant.id);
            prop_assert!(!wholly || with.is_permitted() == without.is_permitted(), "{:?}", grant);
        }
    }

    #[test]
    fn a_grant_by_itself_is_said_to_do_nothing_where_nothing_is_permitted(question in question()) {
        for index in 0..question.acl.grants.len() {
            let mut alone = question.clone();
            alone.acl.grants = vec![Grant { effect: Effect::Permit, ..question.acl.grants[index].clone() }];
            let Some((grant, wholly)) = hindered_wholly(&alone).pop() else { continue };
            let is_any_permitted = CHANNELS.iter().any(|place| {
                alone.place = in_channel(place);
                let Some(asked) = asked_by_the_subject_of(&grant, &alone) else { return false };
                ["live-1", "test", "l"].iter().any(|id| {
                    Question { action: Action::ShowOwner(room(id)), ..asked.clone() }.is_permitted()
                })
            });
            prop_assert_eq!(wholly, !is_any_permitted, "{:?}", grant);
        }
    }
}

fn explained(question: &Question) -> Explanation {
    explain(&question.principal, &question.place, &question.action, &question.acl, question.now)
}

/// An entry that authorises the question's own channel for every room.
fn entry_here(question: &Question) -> AuthorisedChannel {
    match &question.place {
        Place::Channel(channel) => plain_entry(&channel.to_string(), RoomScope::All),
        Place::Local => unreachable!("channels do not apply"),
    }
}

// Lock-outs ------------------------------------------------------------------------------------------------

/// Who is left, told again: on texts, and by the model of the rule.
#[derive(Debug, Default, PartialEq, PartialOrd, Clone, Copy)]
struct Left {
    admin: bool,
    admin_of_all: bool,
    channel: bool,
    undoes_theirs: bool,
    undoes_all: bool,
    may_undo_theirs: bool,
    may_undo_all: bool,
}

fn left(acl: &AclView, by: &Principal, known: &Known, now: Timestamp) -> Left {
    let mut left = Left::default();
    let open: Vec<&AuthorisedChannel> = acl.channels.iter().filter(|entry| is_open(entry, now)).collect();
    left.channel = !open.is_empty();
    let in_chat = |grant: &&Grant| {
        grant.role.name() == "admin" && is_live(grant, now) && !grant.subject.to_string().starts_with("cli:")
    };
    let held: Vec<&Grant> = acl.grants.iter().filter(in_chat).collect();
    // Whom a grant names, as far as it is known; and by itself.
    let (mut sure, mut perhaps) = (vec![by.clone()], Vec::new());
    let members_of_hosts = known.readings.get(&subject(HOSTS)).filter(|reading| {
        let age = now.as_second() - reading.as_of.unwrap().as_second();
        (0..=600).contains(&age)
    });
    let slack = |text: &str| {
        let mut person = Principal::new(subject(text));
        if let (Some(reading), Some(user)) = (members_of_hosts, text.strip_prefix("slack:T1:")) {
            let groups = vec![subject(HOSTS)];
            match reading.members.contains(user) {
                true => person.groups = groups,
                false => person.outside = Outside::These(groups),
            }
        }
        person
    };
    for grant in held.iter().filter(|grant| grant.effect == Effect::Permit) {
        let takes_all_of_it = |denial: &&&Grant| {
            let (theirs, its) = (denial.rooms.to_string(), grant.rooms.to_string());
            let within =
                theirs == its || theirs.strip_suffix('*').is_some_and(|start| its.starts_with(start));
            let everywhere = denial.channels.is_empty()
                || (!grant.channels.is_empty() && grant.channels.iter().all(|c| denial.channels.contains(c)));
            denial.effect == Effect::Deny && denial.subject == grant.subject && within && everywhere
        };
        if held.iter().any(|denial| takes_all_of_it(&denial)) {
            continue;
        }
        left.admin = true;
        left.admin_of_all |= grant.rooms.to_string() == "*";
        let text = grant.subject.to_string();
        match text.as_str() {
            HOSTS => {
                let members = members_of_hosts.iter().flat_map(|reading| &reading.members);
                sure.extend(members.map(|user| slack(&format!("slack:T1:{user}"))));
            }
            "discord:1:role:3" => {}
            text if text.starts_with("slack:") => sure.push(slack(text)),
            text if text != by.subject.to_string() => sure.push(Principal::new(subject(text))),
            _ => {}
        }
        let is_known_to_be_empty =
            text == HOSTS && members_of_hosts.is_some_and(|reading| reading.members.is_empty());
        if !is_known_to_be_empty {
            perhaps.push(by_itself(&grant.subject));
        }
    }
    let is_served = |who: &Principal| {
        let text = who.subject.to_string();
        let mut teams = known.served_teams.iter().map(|team| format!("slack:{team}:"));
        known.served_teams.is_empty()
            || !text.starts_with("slack:")
            || teams.any(|team| text.starts_with(&team))
    };
    for entry in &open {
        let may_edit = |who: &Principal, rooms: &RoomScope| {
            model(&Question {
                principal: who.clone(),
                place: Place::Channel(entry.channel.clone()),
                action: Action::EditAcl(vec![rooms.clone()]),
                acl: AclView { channels: vec![(*entry).clone()], ..acl.clone() },
                now,
            })
        };
        let some = |who: &Principal| {
            held.iter().filter(|grant| grant.rooms.overlaps(&entry.rooms)).any(|grant| {
                let both = if entry.rooms.contains(&grant.rooms) { &grant.rooms } else { &entry.rooms };
                may_edit(who, both)
            })
        };
        let (sure, perhaps) =
            (|| sure.iter().filter(|who| is_served(who)), || perhaps.iter().filter(|who| is_served(who)));
        left.undoes_theirs |= sure().any(some);
        left.undoes_all |= sure().any(|who| may_edit(who, &RoomScope::All));
        left.may_undo_theirs |= perhaps().any(some);
        left.may_undo_all |= perhaps().any(|who| may_edit(who, &RoomScope::All));
    }
    left
}

fn lost(before: Left, after: Left) -> Option<LockOut> {
    let told = [
        (before.admin, after.admin, LockOut::NoAdmin),
        (before.admin_of_all, after.admin_of_all, LockOut::NoAdminOfAllRooms),
        (before.channel, after.channel, LockOut::NoChannel),
        (before.undoes_theirs, after.undoes_theirs, LockOut::OutOfReach),
        (before.undoes_all, after.undoes_all, LockOut::OutOfReach),
        (before.may_undo_theirs, after.may_undo_theirs, LockOut::OutOfReach),
        (before.may_undo_all, after.may_undo_all, LockOut::OutOfReach),
    ];
    told.into_iter().find(|(before, after, _)| *before && !after).map(|(_, _, lock_out)| lock_out)
}

/// An ACL, and changes that its numbers and channels fit.
fn change_of_admins() -> impl Strategy<Value = (AclView, Vec<AclChange>, Timestamp)> {
    let an_admin = || {
        let role = prop_oneof![5 => Just(Role::Admin), 1 => Just(Role::Moderator)];
        (grant(), role).prop_map(|(grant, role)| Grant { role, revoked_at: None, ..grant })
    };
    let change = prop_oneof![
        3 => (1..5_i64).prop_map(AclChange::Revoke),
        2 => an_admin().prop_map(|grant| AclChange::Grant(as_new(&grant))),
        1 => (select(&CHANNELS), a_scope())
            .prop_map(|(id, rooms)| AclChange::AllowChannel { channel: channel(id), rooms }),
        2 => select(&CHANNELS).prop_map(|id| AclChange::RemoveChannel(channel(id))),
    ];
    let grants = prop::collection::vec(an_admin(), 0..5);
    (grants, prop::collection::vec(entry(), 0..3), prop::collection::vec(change, 1..4), moment()).prop_map(
        |(mut grants, mut channels, mut changes, now)| {
            for (grant, id) in grants.iter_mut().zip(1..) {
                grant.id = id;
            }
            // The store refuses to revoke what is not there when the edit begins.
            let is_there = |id: GrantId| id <= grants.len() as GrantId;
            changes.retain(|change| !matches!(change, AclChange::Revoke(id) if !is_there(*id)));
            keep_one_open(&mut channels, now);
            (AclView { version: 0, grants, channels }, changes, now)
        },
    )
}

/// As in the store: one open entry for a channel.
fn keep_one_open(channels: &mut Vec<AuthorisedChannel>, now: Timestamp) {
    let mut seen = Vec::new();
    channels.retain(|entry| {
        let is_second = is_open(entry, now) && seen.contains(&entry.channel);
        if is_open(entry, now) {
            seen.push(entry.channel.clone());
        }
        !is_second
    });
}

pub(super) fn as_new(grant: &Grant) -> NewGrant {
    NewGrant {
        subject: grant.subject.clone(),
        role: grant.role,
        effect: grant.effect,
        rooms: grant.rooms.clone(),
        channels: grant.channels.clone(),
        expires_at: grant.expires_at,
    }
}

/// Carries changes out, as the store does.
fn carry_out<'a>(acl: &mut AclView, changes: impl IntoIterator<Item = &'a AclChange>, now: Timestamp) {
    for change in changes {
        match change {
            AclChange::Grant(new) => {
                let id = acl.grants.iter().map(|grant| grant.id).max().unwrap_or_default() + 1;
                let plain = plain_grant(id, new.subject.clone(), new.role, new.rooms.clone());
                acl.grants.push(Grant {
                    effect: new.effect,
                    channels: new.channels.clone(),
                    expires_at: new.expires_at,
                    granted_at: now,
                    ..plain
                });
            }
            AclChange::Revoke(id) => {
                let grant = acl.grants.iter_mut().find(|grant| grant.id == *id);
                grant.into_iter().for_each(|grant| grant.revoked_at = Some(now));
            }
            AclChange::AllowChannel { channel, rooms } => {
                close(acl, channel, now);
                let plain = plain_entry(&channel.to_string(), rooms.clone());
                acl.channels.push(AuthorisedChannel { allowed_at: now, ..plain });
            }
            AclChange::RemoveChannel(channel) => close(acl, channel, now),
        }
    }
}

fn close(acl: &mut AclView, channel: &Channel, now: Timestamp) {
    let open = acl.channels.iter_mut().filter(|entry| entry.channel == *channel && is_open(entry, now));
    open.for_each(|entry| entry.removed_at = Some(now));
}

/// Whoever makes a change: on the machine, or from a chat that says something of their groups.
fn an_editor() -> impl Strategy<Value = Principal> {
    let asked = question().prop_map(|question| question.principal);
    let local = Principal::new(subject("cli:ana"));
    prop_oneof![1 => Just(local), 2 => asked.prop_filter("a person", |who| !who.subject.is_group())]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_change_is_refused_iff_it_takes_the_last_hand_away(
        (acl, changes, now) in change_of_admins(), by in an_editor(), known in known(),
    ) {
        let mut after = acl.clone();
        carry_out(&mut after, &changes, now);
        let expected = lost(left(&acl, &by, &known, now), left(&after, &by, &known, now));
        prop_assert_eq!(lock_out(&acl.grants, &acl.channels, &changes, &by, &known, now), expected);
    }
}

#[test]
fn the_random_changes_meet_every_lock_out() {
    let mut runner = TestRunner::deterministic();
    let mut met = BTreeMap::<String, usize>::new();
    for _ in 0..4_000 {
        let (acl, changes, now) = change_of_admins().new_tree(&mut runner).unwrap().current();
        let by = an_editor().new_tree(&mut runner).unwrap().current();
        let told = lock_out(&acl.grants, &acl.channels, &changes, &by, &Known::default(), now);
        *met.entry(told.map_or("none".to_owned(), |lock_out| lock_out.to_string())).or_default() += 1;
    }
    assert_eq!(met.len(), 5, "{met:?}");
    assert!(met.values().all(|count| *count >= 20), "{met:?}");
}

#[test]
fn what_locks_everybody_out_in_sentences() {
    let world = World::new().grant(ALICE, "admin", "*");
    let told = |world: &World, change: AclChange| {
        let by = Principal::new(subject("cli:ana"));
        lock_out(&world.acl.grants, &world.acl.channels, &[change], &by, &Known::default(), hour(12))
            .map(|told| told.to_string())
    };
    let deny = |rooms: &str| {
        let plain = plain_grant(0, subject(ALICE), Role::Admin, scope(rooms));
        AclChange::Grant(NewGrant { effect: Effect::Deny, ..as_new(&plain) })
    };
    let out_of_reach = Some("no admin would be left who could undo it from an authorised channel".to_owned());
    assert_eq!(told(&world, AclChange::Revoke(1)).as_deref(), Some("no admin would be left"));
    assert_eq!(told(&world, deny("*")).as_deref(), Some("no admin would be left"));
    assert_eq!(told(&world, deny("vip-1")), out_of_reach, "she could not take this back");
    let narrow = AclChange::AllowChannel { channel: channel(OPS), rooms: scope("live-*") };
    assert_eq!(told(&world, narrow), out_of_reach, "she could not widen it again");

    let elsewhere = world.clone().but(|grant| grant.channels = vec![channel(OPS)]).allow(LOUNGE, "*");
    assert_eq!(told(&elsewhere, AclChange::RemoveChannel(channel(OPS))), out_of_reach);
    assert_eq!(told(&elsewhere, AclChange::RemoveChannel(channel(LOUNGE))), None);

    let local = world.grant("cli:ana", "admin", "*");
    assert_eq!(
        told(&local, AclChange::Revoke(1)).as_deref(),
        Some("no admin would be left"),
        "the command line is not chat"
    );
    assert_eq!(told(&World::empty().grant(ALICE, "moderator", "*"), AclChange::Revoke(1)), None);
}

#[test]
fn an_admin_counts_only_where_they_can_be_and_through_a_grant_that_is_known_to_hold() {
    let out_of_reach = Some(LockOut::OutOfReach);
    let told = |world: &World, by: &Principal, known: &Known, change: AclChange| {
        lock_out(&world.acl.grants, &world.acl.channels, &[change], by, known, hour(12))
    };
    let (alice, ana) = (by_itself(&subject(ALICE)), Principal::new(subject("cli:ana")));
    let unread = Known::default();
    let denied = |who: &str, channels: Vec<Channel>| {
        let plain = plain_grant(0, subject(who), Role::Admin, RoomScope::All);
        AclChange::Grant(NewGrant { effect: Effect::Deny, channels, ..as_new(&plain) })
    };

    // The only admin is in Slack, and a Discord channel would remain.
    let world = World::new().allow("discord:1:9", "*").allow("slack:T2:C1", "*").grant(ALICE, "admin", "*");
    for by in [&alice, &ana] {
        let ops = channel(OPS);
        assert_eq!(told(&world, by, &unread, AclChange::RemoveChannel(ops.clone())), out_of_reach);
        let narrower = AclChange::AllowChannel { channel: ops.clone(), rooms: scope("live-*") };
        assert_eq!(told(&world, by, &unread, narrower), out_of_reach);
        assert_eq!(told(&world, by, &unread, denied(ALICE, vec![ops])), out_of_reach);
        let other = AclChange::RemoveChannel(channel("discord:1:9"));
        assert_eq!(told(&world, by, &unread, other), None);
    }

    // One remains, but cannot act: not served, not read, empty, a role of which nobody is known.
    for other in ["slack:T1:U2", HOSTS, "discord:1:role:3"] {
        let world = world.clone().grant(other, "admin", "*");
        let revoke = || AclChange::Revoke(1);
        let expected = if other == "slack:T1:U2" { None } else { out_of_reach };
        assert_eq!(told(&world, &ana, &unread, revoke()), expected, "{other}");
        let elsewhere = Known { served_teams: vec!["T1".to_owned()], ..Known::default() };
        assert_eq!(told(&world, &ana, &elsewhere, revoke()), expected, "{other}");
    }
    let world =
        World::new().allow("slack:T2:C1", "*").grant(ALICE, "admin", "*").grant("slack:T2:U2", "admin", "*");
    let one_team = Known { served_teams: vec!["T1".to_owned()], ..Known::default() };
    assert_eq!(told(&world, &ana, &unread, AclChange::Revoke(1)), None);
    assert_eq!(told(&world, &ana, &one_team, AclChange::Revoke(1)), out_of_reach, "T2 is not served");

    // A group that is known counts by its members, with all that bears on them.
    let world = World::new().grant(ALICE, "admin", "*").grant(HOSTS, "admin", "*");
    let revoke = || AclChange::Revoke(1);
    assert_eq!(told(&world, &ana, &read(&[(HOSTS, &["U7"])], hour(12)), revoke()), None);
    assert_eq!(told(&world, &ana, &read(&[(HOSTS, &[])], hour(12)), revoke()), out_of_reach);
    assert_eq!(told(&world, &ana, &read(&[(HOSTS, &["U7"])], hour(11)), revoke()), out_of_reach, "stale");
    let world = world.grant("slack:T1:U7", "admin", "*").but(|grant| grant.effect = Effect::Deny);
    assert_eq!(told(&world, &ana, &read(&[(HOSTS, &["U7"])], hour(12)), revoke()), out_of_reach);

    // A deny entry for a group that nobody has read may name every admin of the workspace.
    let world = World::new().grant(ALICE, "admin", "*");
    assert_eq!(told(&world, &ana, &unread, denied(HOSTS, Vec::new())), out_of_reach);
    assert_eq!(told(&world, &ana, &read(&[(HOSTS, &["U7"])], hour(12)), denied(HOSTS, Vec::new())), None);
    let role = || denied("discord:1:role:3", Vec::new());
    let world = World::empty().allow("discord:1:9", "*").grant("discord:1:2", "admin", "*");
    assert_eq!(told(&world, &ana, &unread, role()), out_of_reach, "Discord alone knows who has the role");
    let member = Principal::new(subject("discord:1:2")).only_in(vec![subject("discord:1:role:4")]);
    assert_eq!(told(&world, &member, &unread, role()), None, "who denies it is an admin and has it not");
}

// Plans ----------------------------------------------------------------------------------------------------

/// An ACL, and another that is wanted: part of it, and more.
fn wish() -> impl Strategy<Value = (AclView, Wanted, Timestamp)> {
    let more = prop::collection::vec(grant(), 0..3);
    let channels = prop::collection::vec((select(&CHANNELS), a_scope()), 0..3);
    (question(), any::<[bool; 6]>(), more, channels, any::<bool>()).prop_map(
        |(question, keeps, more, channels, keeps_channels)| {
            let Question { mut acl, now, .. } = question;
            keep_one_open(&mut acl.channels, now);
            let kept = acl.grants.iter().zip(keeps).filter(|(grant, keeps)| *keeps && is_live(grant, now));
            let mut wanted = Wanted::default();
            for grant in kept.map(|(grant, _)| grant).chain(&more) {
                let new = wanted_grant(grant);
                let has_ended = new.expires_at.is_some_and(|end| end <= now);
                if !has_ended && !wanted.grants.contains(&new) {
                    wanted.grants.push(new);
                }
            }
            let open = acl.channels.iter().filter(|entry| keeps_channels && is_open(entry, now));
            let open = open.map(|entry| (entry.channel.clone(), entry.rooms.clone()));
            for (channel, rooms) in open.chain(channels.into_iter().map(|(id, rooms)| (channel(id), rooms))) {
                if !wanted.channels.iter().any(|known| known.channel == channel) {
                    wanted.channels.push(WantedChannel { channel, rooms, reason: None });
                }
            }
            (acl, wanted, now)
        },
    )
}

fn wanted_grant(grant: &Grant) -> WantedGrant {
    let NewGrant { subject, role, effect, rooms, mut channels, expires_at } = as_new(grant);
    channels.sort();
    WantedGrant { subject, role, effect, rooms, channels, expires_at, reason: None }
}

/// What is wanted, as texts in an order of their own.
fn told(wanted: &Wanted) -> Vec<String> {
    let grants = wanted.grants.iter().map(|new| format!("{new:?}"));
    let mut told: Vec<String> = grants.chain(wanted.channels.iter().map(|new| format!("{new:?}"))).collect();
    told.sort();
    told.dedup();
    told
}

/// What holds, as if it were wanted.
fn standing(acl: &AclView, now: Timestamp) -> Wanted {
    let open = acl.channels.iter().filter(|entry| is_open(entry, now));
    Wanted {
        grants: acl.grants.iter().filter(|grant| is_live(grant, now)).map(wanted_grant).collect(),
        channels: open
            .map(|entry| WantedChannel {
                channel: entry.channel.clone(),
                rooms: entry.rooms.clone(),
                reason: None,
            })
            .collect(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_plan_makes_exactly_what_is_wanted_and_then_there_is_nothing_left((acl, wanted, now) in wish()) {
        let steps = plan(&acl.grants, &acl.channels, &wanted, now).unwrap();
        let mut after = acl.clone();
        carry_out(&mut after, steps.iter().map(|(change, _)| change), now);
        prop_assert_eq!(told(&standing(&after, now)), told(&wanted));
        prop_assert_eq!(plan(&after.grants, &after.channels, &wanted, now), Ok(Vec::new()));
    }

    #[test]
    fn a_plan_leaves_alone_what_is_wanted_already((acl, _, now) in wish()) {
        let wanted = standing(&acl, now);
        let steps = plan(&acl.grants, &acl.channels, &wanted, now).unwrap();
        prop_assert!(steps.is_empty(), "{:?}", steps);
    }
}

#[test]
fn what_makes_no_sense_is_no_plan() {
    let plain = wanted_grant(&plain_grant(0, subject(ALICE), Role::Admin, RoomScope::All));
    let planned = |grants: Vec<WantedGrant>, ids: &[&str]| {
        let channels =
            ids.iter().map(|id| WantedChannel { channel: channel(id), rooms: scope("*"), reason: None });
        plan(&[], &[], &Wanted { grants, channels: channels.collect() }, hour(12))
    };
    let ended = WantedGrant { expires_at: Some(hour(12)), ..plain.clone() };
    assert_eq!(planned(vec![ended], &[]), Err(Senseless::Ended(subject(ALICE), Role::Admin, hour(12))));
    let twice = vec![plain.clone(), plain.clone()];
    assert_eq!(planned(twice, &[]), Err(Senseless::GrantTwice(subject(ALICE), Role::Admin)));
    assert_eq!(planned(vec![plain], &[OPS, OPS]), Err(Senseless::ChannelTwice(channel(OPS))));
}
