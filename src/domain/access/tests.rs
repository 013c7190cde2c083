//! `decide` in sentences. [`model`] compares it with a second telling of the rule on random ACLs, and what is
//! said of it is held against it in [`answers`] and [`lock_outs`].

mod answers;
mod clearances;
mod edits;
mod lock_outs;
mod model;

use super::*;
use crate::domain::principal::{Outside, Place, Principal};

/// Of each property, if `PROPTEST_CASES` does not say otherwise. Rare mistakes took 20,000 to show.
const CASES: u32 = 3_000;

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

#[test]
fn the_log_is_for_auditors_and_admins_the_acl_for_admins() {
    let may = |role: &str, action: Action| World::new().grant(ALICE, role, "*").answer(action);
    for (role, audit, acl) in [
        ("moderator", "role moderator is not enough", "role moderator is not enough"),
        ("auditor", "permit by grant 1", "role auditor is not enough"),
        ("admin", "permit by grant 1", "permit by grant 1"),
    ] {
        assert_eq!(may(role, Action::ReadAudit), audit);
        assert_eq!(may(role, Action::ReadAcl(None)), acl);
        assert_eq!(may(role, Action::ReadAcl(Some(room("test")))), acl);
        assert_eq!(may(role, Action::EditAcl(vec![RoomScope::All])), acl);
    }
}

#[test]
fn nobody_gives_away_more_rooms_than_are_theirs() {
    let world = World::new().grant(ALICE, "admin", "live-*");
    let edit = |rooms: &str| world.answer(Action::EditAcl(vec![scope(rooms)]));
    assert_eq!(edit("live-*"), "permit by grant 1");
    assert_eq!(edit("live-7"), "permit by grant 1");
    assert_eq!(edit("live-vip-*"), "permit by grant 1");
    for wider in ["*", "l*", "test"] {
        assert_eq!(edit(wider), "granted for rooms live-* only", "{wider}");
    }
    let world = World::empty().allow(OPS, "live-*").grant(ALICE, "admin", "*");
    assert_eq!(world.answer(Action::EditAcl(vec![scope("*")])), "channel authorised for rooms live-* only");
    assert_eq!(world.answer(Action::EditAcl(vec![scope("live-7")])), "permit by grant 1");
}

#[test]
fn a_deny_entry_for_some_rooms_stops_an_edit_that_would_touch_them() {
    let world = World::new().grant(ALICE, "admin", "*").grant(ALICE, "admin", "vip-*");
    let world = world.but(|grant| grant.effect = Effect::Deny);
    assert_eq!(world.answer(Action::EditAcl(vec![scope("*")])), "denied by grant 2");
    assert_eq!(world.answer(Action::EditAcl(vec![scope("vip-1")])), "denied by grant 2");
    assert_eq!(world.answer(Action::EditAcl(vec![scope("live-*")])), "permit by grant 1");
}

#[test]
fn a_permit_reaches_the_rooms_of_its_grants_in_a_channel_that_is_for_them() {
    let world = World::empty().allow(OPS, "live-*").grant(ALICE, "auditor", "live-1");
    let world = world.grant(ALICE, "auditor", "vip-*");
    let Decision::Permit(permit) = world.decide(Action::ReadAudit) else { panic!("denied") };
    assert!(permit.reach().covers(&room("live-1")) && !permit.reach().is_everything());
    assert!(!permit.reach().covers(&room("live-2")) && !permit.reach().covers(&room("vip-1")));
    let world = World::new().grant(ALICE, "auditor", "live-1").grant(ALICE, "admin", "*");
    let Decision::Permit(permit) = world.decide(Action::ReadAudit) else { panic!("denied") };
    assert!(permit.reach().is_everything());
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

// What nobody knows ----------------------------------------------------------------------------------------

/// Alice is moderator, and something is denied to a group in which she may be.
fn with_a_deny_for_hosts(rooms: &str) -> World {
    let world = World::new().grant(ALICE, "moderator", "*").grant(HOSTS, "moderator", rooms);
    world.but(|grant| grant.effect = Effect::Deny)
}

#[test]
fn as_long_as_a_group_is_not_known_whoever_may_be_in_it_is_denied_what_it_is_denied() {
    let world = with_a_deny_for_hosts("live-*");
    let refused = "grant 2 denies slack:T1:group:S1, which cannot be read right now";
    assert_eq!(world.clone().outside(&[]).transfer("live-7"), refused);
    assert_eq!(world.clone().outside(&[]).show("live-7"), refused);
    assert_eq!(world.clone().outside(&["slack:T1:group:S2"]).transfer("live-7"), refused);
    assert_eq!(world.clone().outside(&[]).transfer("test"), "permit by grant 1", "for other rooms");
    assert_eq!(world.clone().outside(&[HOSTS]).transfer("live-7"), "permit by grant 1", "she is not in it");
    assert_eq!(world.clone().asked_by(ALICE, &[HOSTS]).transfer("live-7"), "denied by grant 2", "she is");
    let ended = world.but(|grant| grant.expires_at = Some(hour(12)));
    assert_eq!(ended.outside(&[]).transfer("live-7"), "permit by grant 1");
}

#[test]
fn a_group_that_is_not_known_gives_nothing_and_takes_from_its_own_workspace_alone() {
    let world = World::new().grant(HOSTS, "moderator", "*").outside(&[]);
    assert_eq!(world.transfer("test"), "no grant");
    for (who, place) in [("slack:T2:U1", "slack:T2:C1"), ("discord:1:2", "discord:1:9")] {
        let world = with_a_deny_for_hosts("*").allow(place, "*").grant(who, "moderator", "*");
        let asked = world.asked_by(who, &[]).outside(&[]).at(in_channel(place));
        assert_eq!(asked.transfer("test"), "permit by grant 3", "{who}");
    }
    let local = with_a_deny_for_hosts("*").asked_by("cli:ana", &[]).outside(&[]).at(Place::Local);
    assert_eq!(local.transfer("test"), "permit by local");
}

#[test]
fn whoever_would_not_be_permitted_anyway_reads_the_nearer_reason() {
    let deny = |grant: &mut Grant| grant.effect = Effect::Deny;
    let stranger = World::new().grant(HOSTS, "moderator", "*").but(deny).outside(&[]);
    assert_eq!(stranger.transfer("test"), "no grant");
    assert_eq!(stranger.at(in_channel(LOUNGE)).transfer("test"), "channel not authorised");
    let denied = with_a_deny_for_hosts("*").grant(ALICE, "moderator", "*").but(deny).outside(&[]);
    assert_eq!(denied.transfer("test"), "denied by grant 3");
}

#[test]
fn help_leaves_out_what_a_group_that_is_not_known_may_take() {
    assert_eq!(with_a_deny_for_hosts("*").outside(&[HOSTS]).rights(), ["moderator *"]);
    assert!(with_a_deny_for_hosts("*").outside(&[]).rights().is_empty());
    let caller_rights = |world: World| caller_rights(&world.principal, &world.place, &world.acl, hour(12));
    let unread: Vec<_> = caller_rights(with_a_deny_for_hosts("vip-*").outside(&[])).unread;
    assert_eq!(unread.iter().map(|grant| grant.id).collect::<Vec<_>>(), [2]);
    assert!(caller_rights(with_a_deny_for_hosts("vip-*").outside(&[HOSTS])).unread.is_empty());
    let stranger = World::new().grant(HOSTS, "moderator", "*").but(|grant| grant.effect = Effect::Deny);
    assert!(
        caller_rights(stranger.outside(&[])).unread.is_empty(),
        "nothing is taken from whoever has nothing"
    );
}

// What a deny entry takes, and what it leaves --------------------------------------------------------------

#[test]
fn a_deny_entry_takes_its_rooms_from_a_look_and_leaves_the_others() {
    let deny = |grant: &mut Grant| grant.effect = Effect::Deny;
    let world = World::new().grant(ALICE, "auditor", "*").grant(ALICE, "admin", "vip-*").but(deny);
    let Decision::Permit(permit) = world.decide(Action::ReadAudit) else { panic!("denied") };
    let reach = permit.reach();
    assert!(reach.covers(&room("live-1")) && !reach.covers(&room("vip-1")) && !reach.is_everything());
    assert_eq!(reach.denied(), [scope("vip-*")]);

    let narrow = World::new().grant(ALICE, "auditor", "vip-1").grant(ALICE, "admin", "vip-*").but(deny);
    assert_eq!(narrow.answer(Action::ReadAudit), "denied by grant 2", "nothing is left");
    let all = World::new().grant(ALICE, "auditor", "vip-1").grant(ALICE, "auditor", "*").but(deny);
    assert_eq!(all.answer(Action::ReadAudit), "denied by grant 2");
    assert_eq!(all.at(in_channel(LOUNGE)).answer(Action::ReadAudit), "denied by grant 2");
}

#[test]
fn an_admin_who_is_denied_some_rooms_sees_the_acl_and_asks_about_the_others() {
    let world = World::new().grant(ALICE, "admin", "*").grant(HOSTS, "admin", "vip-*");
    let world = world.but(|grant| grant.effect = Effect::Deny).asked_by(ALICE, &[HOSTS]);
    assert_eq!(world.answer(Action::ReadAcl(None)), "permit by grant 1");
    assert_eq!(world.answer(Action::ReadAcl(Some(room("live-1")))), "permit by grant 1");
    assert_eq!(world.answer(Action::ReadAcl(Some(room("vip-1")))), "denied by grant 2");
    assert_eq!(world.answer(Action::EditAcl(Vec::new())), "permit by grant 1", "a change that is none");
    let unread = world.asked_by(ALICE, &[]).outside(&[]);
    assert_eq!(unread.answer(Action::ReadAcl(None)), "permit by grant 1");
    let refused = "grant 2 denies slack:T1:group:S1, which cannot be read right now";
    assert_eq!(unread.answer(Action::EditAcl(vec![scope("vip-1")])), refused);
}

/// An admin of whose rooms none is left is no admin, whatever room they name.
#[test]
fn a_grant_that_is_taken_away_whole_gives_no_look_at_the_acl() {
    let deny = |grant: &mut Grant| grant.effect = Effect::Deny;
    let world = World::new().grant(ALICE, "admin", "vip-1").grant(ALICE, "admin", "other").but(deny);
    let world = world.grant(ALICE, "admin", "vip-*").but(deny);
    for looked_at in [None, Some(room("live-1")), Some(room("vip-1"))] {
        assert_eq!(world.answer(Action::ReadAcl(looked_at)), "denied by grant 3");
    }
}

#[test]
fn what_is_known_is_named_before_a_group_that_cannot_be_read() {
    let deny = |grant: &mut Grant| grant.effect = Effect::Deny;
    let world = World::new().grant(ALICE, "auditor", "vip-*").grant(HOSTS, "auditor", "*").but(deny);
    let world = world.grant(ALICE, "auditor", "vip-*").but(deny).outside(&[]);
    assert_eq!(world.answer(Action::ReadAudit), "denied by grant 3", "it is refused whoever is in the group");
}

#[test]
fn an_edit_of_several_scopes_needs_the_role_for_each() {
    let world = World::new().grant(ALICE, "admin", "a*").grant(ALICE, "admin", "b*");
    let edit = |scopes: &[&str]| world.answer(Action::EditAcl(scopes.iter().copied().map(scope).collect()));
    assert_eq!(edit(&["a*", "b*"]), "permit by grant 1");
    assert_eq!(edit(&["b-1", "a-1"]), "permit by grant 2");
    assert_eq!(edit(&["a*", "c*"]), "granted for rooms a*, b* only");
    assert_eq!(edit(&["*"]), "granted for rooms a*, b* only");
}

#[test]
fn nobody_uses_a_grant_in_another_workspace() {
    for (who, place) in
        [(ALICE, "slack:T2:C1"), (ALICE, "discord:1:9"), ("discord:1:2", OPS), ("discord:2:2", "discord:1:9")]
    {
        let world = World::empty().allow(place, "*").grant(who, "admin", "*").asked_by(who, &[]);
        let world = world.at(in_channel(place));
        assert_eq!(world.transfer("test"), "channel of another workspace or server", "{who} {place}");
        assert!(world.rights().is_empty());
    }
}

#[test]
fn nobody_denies_anything_to_an_admin_for_more_rooms() {
    let team = World::new().grant("slack:T1:U2", "admin", "*").grant("discord:1:2", "admin", "*");
    let team =
        team.grant("slack:T1:U3", "moderator", "x").grant(ALICE, "admin", "x").grant(ALICE, "admin", "y*");
    let beyond = |who: &str, rooms: &str, known: &Known| {
        let Decision::Permit(permit) = team.decide(Action::EditAcl(vec![scope(rooms)])) else {
            panic!("denied")
        };
        let plain = plain_grant(0, subject(who), Role::Admin, scope(rooms));
        let new = NewGrant { effect: Effect::Deny, ..answers::as_new(&plain) };
        admin_beyond(&new, &team.principal, permit.reach(), &team.acl.grants, known, hour(12))
            .map(ToString::to_string)
    };
    let unread = Known::default();
    assert_eq!(beyond("slack:T1:U2", "x", &unread).as_deref(), Some("slack:T1:U2"), "the admin by name");
    assert_eq!(beyond("slack:T1:U3", "x", &unread), None, "a moderator");
    assert_eq!(beyond(ALICE, "x", &unread), None, "oneself");
    assert_eq!(beyond("slack:T2:group:S1", "x", &unread), None, "a group of another workspace");
    assert_eq!(beyond(HOSTS, "x", &unread).as_deref(), Some("slack:T1:U2"), "who may be in it");
    assert_eq!(beyond("discord:1:role:3", "y-1", &unread).as_deref(), Some("discord:1:2"), "from Slack too");
    let read = |members: &[&str]| answers::read(&[(HOSTS, members)], hour(12));
    assert_eq!(beyond(HOSTS, "x", &read(&["U2", "U3"])).as_deref(), Some("slack:T1:U2"));
    assert_eq!(beyond(HOSTS, "x", &read(&["U3"])), None);
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
        let alice = Principal::new(subject(ALICE)).only_in(Vec::new());
        Self { principal: alice, place: in_channel(OPS), acl: AclView::default() }
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
        let groups = groups.iter().copied().map(subject).collect();
        self.principal = Principal::new(subject(who)).only_in(groups);
        self
    }

    /// Nobody knows in which other groups the caller is, but for those that they are outside of.
    fn outside(mut self, groups: &[&str]) -> Self {
        self.principal.outside = Outside::These(groups.iter().copied().map(subject).collect());
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
    let (channel, allowed_by) = (channel(id), Subject::Cli { user: "root".to_owned() });
    AuthorisedChannel { channel, rooms, allowed_by, allowed_at: hour(8), removed_at: None, reason: None }
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
