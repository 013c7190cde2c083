//! Lock-outs: who is left after a change, told twice and compared on random ACLs.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

use super::model::{Question, a_scope, entry, grant, model, moment, question};
use super::told::{CHANNELS, as_new, by_itself, carry_out, keep_one_open, known, read};
use super::*;

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
