//! Lock-outs: who is left after a change, worked out twice and compared on random ACLs.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

use super::answers::{CHANNELS, as_new, by_itself, carry_out, keep_one_open, known, read};
use super::model::{OF_EACH_KIND, Question, a_scope, entry, grant, model, moment, question};
use super::*;
use crate::domain::principal::Membership;

/// Who is left, worked out again: on texts, and by the model of the rule.
#[derive(Debug, Default)]
struct Left {
    admin: bool,
    admin_of_all: bool,
    channel: bool,
    /// Of some room, of every room, and of each of the scopes that the change is about: whether somebody is known to
    /// edit its entries.
    edits: Vec<bool>,
    /// Whether somebody may.
    may_edit: Vec<bool>,
}

fn left(acl: &AclView, about: &[RoomScope], by: &Principal, known: &Known, now: Timestamp) -> Left {
    let mut left = Left::default();
    let mut scopes = vec![OF_EACH_KIND.map(|id| RoomScope::Exact(room(id))).to_vec(), vec![RoomScope::All]];
    scopes.extend(about.iter().map(|rooms| vec![rooms.clone()]));
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
    let edit = |who: &[Principal], any_of: &Vec<RoomScope>| {
        who.iter().filter(|who| is_served(who)).any(|who| {
            open.iter().any(|entry| {
                any_of.iter().any(|rooms| {
                    model(&Question {
                        principal: who.clone(),
                        place: Place::Channel(entry.channel.clone()),
                        action: Action::EditAcl(vec![rooms.clone()]),
                        acl: AclView { channels: vec![(*entry).clone()], ..acl.clone() },
                        now,
                    })
                })
            })
        })
    };
    left.edits = scopes.iter().map(|any_of| edit(&sure, any_of)).collect();
    left.may_edit = scopes.iter().map(|any_of| edit(&perhaps, any_of)).collect();
    left
}

/// For which rooms the one who takes the changes back edits entries of admins and of channels.
fn about(acl: &AclView, changes: &[AclChange], now: Timestamp) -> Vec<RoomScope> {
    let before = |channel: &Channel| {
        let open = acl.channels.iter().filter(|entry| entry.channel == *channel && is_open(entry, now));
        open.map(|entry| entry.rooms.clone()).collect::<Vec<_>>()
    };
    let of_one = |change: &AclChange| match change {
        AclChange::Grant(new) => vec![new.rooms.clone(); usize::from(new.role == Role::Admin)],
        AclChange::Revoke(id) => {
            let grant = &acl.grants[usize::try_from(*id).unwrap() - 1];
            vec![grant.rooms.clone(); usize::from(grant.role == Role::Admin)]
        }
        AclChange::AllowChannel { channel, rooms } => [before(channel), vec![rooms.clone()]].concat(),
        AclChange::RemoveChannel(channel) => before(channel),
        AclChange::Announce { .. }
        | AclChange::StopAnnouncing(_)
        | AclChange::Set(_)
        | AclChange::Unset(_) => Vec::new(),
    };
    changes.iter().flat_map(of_one).collect()
}

fn lost(before: &Left, after: &Left) -> Option<LockOut> {
    let is_one_lost =
        |before: &[bool], after: &[bool]| before.iter().zip(after).any(|(before, after)| *before && !after);
    let found = [
        (before.admin && !after.admin, LockOut::NoAdmin),
        (before.admin_of_all && !after.admin_of_all, LockOut::NoAdminOfAllRooms),
        (before.channel && !after.channel, LockOut::NoChannel),
        (is_one_lost(&before.edits, &after.edits), LockOut::OutOfReach),
        (is_one_lost(&before.may_edit, &after.may_edit), LockOut::OutOfReach),
    ];
    found.into_iter().find(|(is_lost, _)| *is_lost).map(|(_, lock_out)| lock_out)
}

/// What is refused, whatever the cause.
fn refused(
    acl: &AclView,
    changes: &[AclChange],
    by: &Principal,
    known: &Known,
    now: Timestamp,
) -> Option<LockOut> {
    let mut after = acl.clone();
    carry_out(&mut after, changes, now);
    let about = about(acl, changes, now);
    lost(&left(acl, &about, by, known, now), &left(&after, &about, by, known, now))
}

fn plainly(lock_out: LockOut) -> LockOut {
    if let LockOut::GroupUnread(_) = lock_out { LockOut::OutOfReach } else { lock_out }
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
            (AclView { grants, channels, ..AclView::default() }, changes, now)
        },
    )
}

/// Whoever makes a change: on the machine, or from a chat that says something of their groups.
fn an_editor() -> impl Strategy<Value = Principal> {
    let asked = question().prop_map(|question| question.principal);
    let local = Principal::new(subject("cli:ana"));
    prop_oneof![1 => Just(local), 2 => asked.prop_filter("a person", |who| !who.subject.is_group())]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES))]

    #[test]
    fn a_change_is_refused_iff_it_takes_the_last_hand_away(
        (acl, changes, now) in change_of_admins(), by in an_editor(), known in known(),
    ) {
        let found = lock_out(&acl.grants, &acl.channels, &changes, &by, &known, now);
        prop_assert_eq!(found.clone().map(plainly), refused(&acl, &changes, &by, &known, now));
        // A group is named only if, without what is denied to groups that are not read, nobody is locked out.
        if let Some(LockOut::GroupUnread(group)) = found {
            prop_assert!(known.members(&group, now).is_none() && by.membership(&group) != Membership::In);
            let is_of_unread = |change: &AclChange| matches!(change, AclChange::Grant(new)
                if new.effect == Effect::Deny && new.subject.is_group() && known.members(&new.subject, now).is_none());
            let others: Vec<AclChange> = changes.into_iter().filter(|change| !is_of_unread(change)).collect();
            prop_assert_eq!(refused(&acl, &others, &by, &known, now), None);
        }
    }
}

#[test]
fn the_random_changes_meet_every_lock_out() {
    let mut runner = TestRunner::deterministic();
    let mut met = BTreeMap::<String, usize>::new();
    for _ in 0..10_000 {
        let (acl, changes, now) = change_of_admins().new_tree(&mut runner).unwrap().current();
        let by = an_editor().new_tree(&mut runner).unwrap().current();
        let found = lock_out(&acl.grants, &acl.channels, &changes, &by, &Known::default(), now);
        let found = match found {
            Some(LockOut::GroupUnread(_)) => "group unread".to_owned(),
            found => found.map_or("none".to_owned(), |lock_out| lock_out.to_string()),
        };
        *met.entry(found).or_default() += 1;
    }
    assert_eq!(met.len(), 6, "{met:?}");
    assert!(met.values().all(|count| *count >= 20), "{met:?}");
}

#[test]
fn what_locks_everybody_out_in_sentences() {
    let world = World::new().grant(ALICE, "admin", "*");
    let found = |world: &World, change: AclChange| {
        let by = Principal::new(subject("cli:ana"));
        lock_out(&world.acl.grants, &world.acl.channels, &[change], &by, &Known::default(), hour(12))
            .map(|found| found.to_string())
    };
    let deny = |rooms: &str| {
        let plain = plain_grant(0, subject(ALICE), Role::Admin, scope(rooms));
        AclChange::Grant(NewGrant { effect: Effect::Deny, ..as_new(&plain) })
    };
    let out_of_reach = Some("no admin would be left who could undo it from an authorised channel".to_owned());
    assert_eq!(found(&world, AclChange::Revoke(1)).as_deref(), Some("no admin would be left"));
    assert_eq!(found(&world, deny("*")).as_deref(), Some("no admin would be left"));
    assert_eq!(found(&world, deny("vip-1")), out_of_reach, "she could not take this back");
    let narrow = AclChange::AllowChannel { channel: channel(OPS), rooms: scope("live-*") };
    assert_eq!(found(&world, narrow), out_of_reach, "she could not widen it again");

    let of_some = World::new().grant(ALICE, "admin", "live-*");
    assert_eq!(
        found(&of_some, deny("live-7")),
        out_of_reach,
        "nor this, though she is an admin of other rooms"
    );
    assert_eq!(found(&of_some, deny("vip-1")), None, "it takes nothing from her");
    let some_and_others = of_some.grant("slack:T1:U2", "admin", "vip-*");
    assert_eq!(found(&some_and_others, AclChange::Revoke(1)), out_of_reach, "only she could give that again");
    let partly = World::empty().allow(OPS, "test").grant(ALICE, "admin", "*");
    let partly = partly.grant(ALICE, "admin", "live-*").but(|grant| grant.effect = Effect::Deny);
    let wider = AclChange::AllowChannel { channel: channel(OPS), rooms: RoomScope::All };
    assert_eq!(found(&partly, wider), None, "what widens a channel locks nobody out");

    let elsewhere = world.clone().but(|grant| grant.channels = vec![channel(OPS)]).allow(LOUNGE, "*");
    assert_eq!(found(&elsewhere, AclChange::RemoveChannel(channel(OPS))), out_of_reach);
    assert_eq!(found(&elsewhere, AclChange::RemoveChannel(channel(LOUNGE))), None);

    let local = world.grant("cli:ana", "admin", "*");
    assert_eq!(
        found(&local, AclChange::Revoke(1)).as_deref(),
        Some("no admin would be left"),
        "the command line is not chat"
    );
    assert_eq!(found(&World::empty().grant(ALICE, "moderator", "*"), AclChange::Revoke(1)), None);
}

#[test]
fn an_admin_counts_only_where_they_can_be_and_through_a_grant_that_is_known_to_hold() {
    let out_of_reach = Some(LockOut::OutOfReach);
    let found = |world: &World, by: &Principal, known: &Known, change: AclChange| {
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
        assert_eq!(found(&world, by, &unread, AclChange::RemoveChannel(ops.clone())), out_of_reach);
        let narrower = AclChange::AllowChannel { channel: ops.clone(), rooms: scope("live-*") };
        assert_eq!(found(&world, by, &unread, narrower), out_of_reach);
        assert_eq!(found(&world, by, &unread, denied(ALICE, vec![ops])), out_of_reach);
        let other = AclChange::RemoveChannel(channel("discord:1:9"));
        assert_eq!(found(&world, by, &unread, other), None);
    }

    // One remains, but cannot act: not served, not read, empty, a role of which nobody is known.
    for other in ["slack:T1:U2", HOSTS, "discord:1:role:3"] {
        let world = world.clone().grant(other, "admin", "*");
        let revoke = || AclChange::Revoke(1);
        let expected = if other == "slack:T1:U2" { None } else { out_of_reach.clone() };
        assert_eq!(found(&world, &ana, &unread, revoke()), expected, "{other}");
        let elsewhere = Known { served_teams: vec!["T1".to_owned()], ..Known::default() };
        assert_eq!(found(&world, &ana, &elsewhere, revoke()), expected, "{other}");
    }
    let world =
        World::new().allow("slack:T2:C1", "*").grant(ALICE, "admin", "*").grant("slack:T2:U2", "admin", "*");
    let one_team = Known { served_teams: vec!["T1".to_owned()], ..Known::default() };
    assert_eq!(found(&world, &ana, &unread, AclChange::Revoke(1)), None);
    assert_eq!(found(&world, &ana, &one_team, AclChange::Revoke(1)), out_of_reach, "T2 is not served");

    // A group that is known counts by its members, with all that bears on them.
    let world = World::new().grant(ALICE, "admin", "*").grant(HOSTS, "admin", "*");
    let revoke = || AclChange::Revoke(1);
    assert_eq!(found(&world, &ana, &read(&[(HOSTS, &["U7"])], hour(12)), revoke()), None);
    assert_eq!(found(&world, &ana, &read(&[(HOSTS, &[])], hour(12)), revoke()), out_of_reach);
    assert_eq!(found(&world, &ana, &read(&[(HOSTS, &["U7"])], hour(11)), revoke()), out_of_reach, "stale");
    let world = world.grant("slack:T1:U7", "admin", "*").but(|grant| grant.effect = Effect::Deny);
    assert_eq!(found(&world, &ana, &read(&[(HOSTS, &["U7"])], hour(12)), revoke()), out_of_reach);

    // A deny entry for a group that nobody has read may name every admin of the workspace.
    let world = World::new().grant(ALICE, "admin", "*");
    let unread_group = |group: &str| Some(LockOut::GroupUnread(subject(group)));
    assert_eq!(found(&world, &ana, &unread, denied(HOSTS, Vec::new())), unread_group(HOSTS));
    assert_eq!(
        found(&world, &ana, &read(&[(HOSTS, &["U1"])], hour(12)), denied(HOSTS, Vec::new())),
        out_of_reach
    );
    assert_eq!(found(&world, &ana, &read(&[(HOSTS, &["U7"])], hour(12)), denied(HOSTS, Vec::new())), None);
    let role = || denied("discord:1:role:3", Vec::new());
    let world = World::empty().allow("discord:1:9", "*").grant("discord:1:2", "admin", "*");
    let role_unknown = unread_group("discord:1:role:3");
    assert_eq!(found(&world, &ana, &unread, role()), role_unknown, "Discord alone knows who has the role");
    let member = Principal::new(subject("discord:1:2")).only_in(vec![subject("discord:1:role:4")]);
    assert_eq!(found(&world, &member, &unread, role()), None, "who denies it is an admin and has it not");
}
