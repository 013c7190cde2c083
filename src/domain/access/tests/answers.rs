//! What is said of the rule is the rule: explanations, who can, warnings and plans on random ACLs.

use proptest::prelude::*;
use proptest::sample::select;

use super::model::{Question, a_scope, an_action, grant, model, moment, question, question_about};
use super::*;
use crate::domain::access::plan::{
    InvalidPlan, Wanted, WantedAnnouncement, WantedChannel, WantedGrant, WantedSetting, plan,
};
use crate::domain::access::rule::grant_match;
use crate::domain::principal::Membership;
use crate::domain::room::Accounts;

pub(super) const CHANNELS: [&str; 3] = [OPS, LOUNGE, "discord:1:9"];

// Explanations ---------------------------------------------------------------------------------------------

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES))]

    #[test]
    fn an_explanation_never_differs_from_the_decision(question in question()) {
        let explanation = explained(&question);
        let decided = match question.decide() {
            Decision::Permit(permit) => Ok(permit.authority().clone()),
            Decision::Deny(denial) => Err(denial),
        };
        prop_assert_eq!(explanation.decision, decided);
    }

    /// Whether a platform puts somebody into groups or not, whose grants are not named as open, decides nothing.
    #[test]
    fn what_is_not_known_of_groups_is_named_where_it_decides(question in question(), joins in any::<u8>()) {
        let explanation = explained(&question);
        let unknown = |grant: &&Grant| question.principal.membership(&grant.subject) == Membership::Unknown;
        let mut as_known = question.clone();
        if matches!(question.principal.subject, Subject::DiscordUser { .. }) {
            as_known.principal.outside = crate::domain::principal::Outside::AllOthers;
        }
        let groups = question.acl.grants.iter().filter(unknown).map(|grant| grant.subject.clone());
        let joined = groups.enumerate().filter(|(n, _)| joins >> (n % 8) & 1 == 1).map(|(_, group)| group);
        as_known.principal.groups.extend(joined);
        prop_assert!(explanation.decision.is_ok() || !explanation.open.is_empty() || !as_known.is_permitted());
        prop_assert!(explanation.open.is_empty() || explanation.decision.is_err());
        for open in &explanation.open {
            prop_assert!(explanation.grants.iter().any(|(grant, fit)| grant.id == *open && *fit == GrantMatch::Matches));
        }
    }

    #[test]
    fn the_grants_that_are_said_to_match_are_those_that_decide(question in question()) {
        let Explanation { decision, grants, open, channel } = explained(&question);
        if question.place == Place::Local {
            prop_assert!(grants.is_empty() && channel == Standing::Local);
            return Ok(());
        }
        let Place::Channel(here) = &question.place else { unreachable!() };
        let is_known = |grant: &Grant| question.principal.membership(&grant.subject) == Membership::In;
        let bears = |grant: &&Grant| match question.principal.membership(&grant.subject) {
            Membership::In => true,
            Membership::Unknown => {
                let matches = grant_match(grant, &question.action, here, question.now) == GrantMatch::Matches;
                matches && (grant.effect == Effect::Deny || open.contains(&grant.id))
            }
            Membership::Out => false,
        };
        prop_assert_eq!(grants.len(), question.acl.grants.iter().filter(bears).count());
        let matching = |effect| -> Vec<&Grant> {
            let fits = grants.iter().filter(|(grant, fit)| grant.effect == effect && *fit == GrantMatch::Matches);
            fits.map(|(grant, _)| grant).collect()
        };
        let (permits, denials) = (matching(Effect::Permit), matching(Effect::Deny));
        let named = |grants: &[&Grant], id| grants.iter().any(|grant| grant.id == id);
        let is_authorised = matches!(channel, Standing::Authorised(_));
        // What is about many rooms, or about several scopes, is not decided by one entry.
        let is_about_one = match &question.action {
            Action::ReadAudit | Action::UseConsole | Action::ReadAcl(_) => false,
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
                prop_assert!(!permits.iter().any(|permit| is_known(permit)) || !is_authorised);
            }
            Err(_) => {}
        }
        // Each by itself decides as it is said to.
        for (grant, fit) in grants.iter().filter(|(grant, _)| is_known(grant)) {
            let mut alone = question.clone();
            alone.acl.grants = vec![Grant { effect: Effect::Permit, ..grant.clone() }];
            alone.acl.channels = vec![AuthorisedChannel { allowed_at: hour(8), ..entry_here(&question) }];
            let would = *fit == GrantMatch::Matches && question.principal.subject.is_of(here);
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

// Warnings -------------------------------------------------------------------------------------------------

/// The question as the subject of a grant by itself would ask it, if a platform could name that subject in
/// the channel.
fn asked_by_the_subject_of(grant: &Grant, question: &Question) -> Option<Question> {
    let Place::Channel(channel) = &question.place else { return None };
    let of = |id: String| id.split(':').take(2).map(str::to_owned).collect::<Vec<_>>();
    let is_theirs = of(grant.subject.to_string()) == of(channel.to_string());
    is_theirs.then(|| Question { principal: by_itself(&grant.subject), ..question.clone() })
}

pub(super) fn by_itself(subject: &Subject) -> Principal {
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

/// User groups are looked up.
fn looked_up() -> Known {
    Known { looks_up_groups: true, ..Known::default() }
}

/// Of each live grant, whether anything takes its effect away.
fn hindered_wholly(question: &Question) -> Vec<(Grant, bool)> {
    let live = question.acl.grants.iter().filter(|grant| is_live(grant, question.now));
    live.map(|grant| {
        let theirs = question.acl.grants.iter().filter(|other| other.subject == grant.subject);
        let beside = AclView { grants: theirs.cloned().collect(), ..question.acl.clone() };
        (
            grant.clone(),
            warnings(grant, &by_itself(&grant.subject), &beside, &looked_up(), question.now).wholly,
        )
    })
    .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES))]

    #[test]
    fn an_entry_that_is_said_to_do_nothing_changes_no_decision(question in question_about(an_action())) {
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

// Changes ------------------------------------------------------------------------------------------------

pub(super) fn as_new(grant: &Grant) -> NewGrant {
    grant.into()
}

/// Carries changes out, as the store does.
pub(super) fn carry_out<'a>(
    acl: &mut AclView,
    changes: impl IntoIterator<Item = &'a AclChange>,
    now: Timestamp,
) {
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
            AclChange::Announce { channel, rooms, for_admins } => {
                stop(acl, channel, now);
                acl.announcements.push(announcement(channel.clone(), rooms.clone(), *for_admins, now));
            }
            AclChange::StopAnnouncing(channel) => stop(acl, channel, now),
            AclChange::Set(setting) => {
                unset(acl, &setting.key(), now);
                acl.settings.push(set(setting.clone(), now));
            }
            AclChange::Unset(key) => unset(acl, key, now),
        }
    }
}

fn set(setting: Setting, set_at: Timestamp) -> AclSetting {
    AclSetting {
        setting,
        set_by: Subject::Cli { user: "root".to_owned() },
        set_at,
        removed_at: None,
        reason: None,
    }
}

fn unset(acl: &mut AclView, key: &SettingKey, now: Timestamp) {
    let live = acl.settings.iter_mut().filter(|entry| entry.removed_at.is_none());
    live.filter(|entry| entry.setting.key() == *key).for_each(|entry| entry.removed_at = Some(now));
}

fn announcement(
    channel: Channel,
    rooms: RoomScope,
    for_admins: bool,
    set_at: Timestamp,
) -> AnnouncementChannel {
    let set_by = subject("cli:ana");
    AnnouncementChannel { channel, rooms, for_admins, set_by, set_at, removed_at: None, reason: None }
}

fn stop(acl: &mut AclView, channel: &Channel, now: Timestamp) {
    let live = acl.announcements.iter_mut().filter(|entry| entry.channel == *channel && entry.is_live(now));
    live.for_each(|entry| entry.removed_at = Some(now));
}

fn close(acl: &mut AclView, channel: &Channel, now: Timestamp) {
    let open = acl.channels.iter_mut().filter(|entry| entry.channel == *channel && is_open(entry, now));
    open.for_each(|entry| entry.removed_at = Some(now));
}

/// As in the store: one open entry for a channel.
pub(super) fn keep_one_open(channels: &mut Vec<AuthorisedChannel>, now: Timestamp) {
    let mut seen = Vec::new();
    channels.retain(|entry| {
        let is_second = is_open(entry, now) && seen.contains(&entry.channel);
        if is_open(entry, now) {
            seen.push(entry.channel.clone());
        }
        !is_second
    });
}

// Plans ----------------------------------------------------------------------------------------------------

/// An ACL, and another that is wanted: part of it, and more.
fn wish() -> impl Strategy<Value = (AclView, Wanted, Timestamp)> {
    let more = prop::collection::vec(grant(), 0..3);
    let channels = prop::collection::vec((select(&CHANNELS), a_scope()), 0..3);
    let announcements = || prop::collection::btree_map(select(&CHANNELS), (a_scope(), any::<bool>()), 0..3);
    let announcements = (announcements(), announcements());
    let settings = (settings(), settings());
    (question(), any::<[bool; 6]>(), more, channels, any::<bool>(), announcements, settings).prop_map(
        |(question, keeps, more, channels, keeps_channels, (announced, announces), (there, wished))| {
            let Question { mut acl, now, .. } = question;
            for (id, (rooms, for_admins)) in announced {
                acl.announcements.push(announcement(channel(id), rooms, for_admins, hour(10)));
            }
            acl.settings.extend(there.into_iter().map(|setting| set(setting, hour(10))));
            keep_one_open(&mut acl.channels, now);
            let kept = acl.grants.iter().zip(keeps).filter(|(grant, keeps)| *keeps && is_live(grant, now));
            let mut wanted = Wanted::default();
            for grant in kept.map(|(grant, _)| grant).chain(&more) {
                let new = wanted_grant(grant);
                let has_ended = new.grant.expires_at.is_some_and(|end| end <= now);
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
            for (id, (rooms, for_admins)) in announces {
                let new = WantedAnnouncement { channel: channel(id), rooms, for_admins, reason: None };
                wanted.announcements.push(new);
            }
            wanted.settings =
                wished.into_iter().map(|setting| WantedSetting { setting, reason: None }).collect();
            (acl, wanted, now)
        },
    )
}

/// One for each person and each scope.
fn settings() -> impl Strategy<Value = Vec<Setting>> {
    let links =
        prop::collection::btree_map(select(&["slack:T1:U1", "discord:1:2"]), select(&["bob", "ann"]), 0..3);
    let marks = prop::collection::btree_map(select(&["*", "live-*", "vip"]), select(Mark::ALL), 0..3);
    (links, marks).prop_map(|(links, marks)| {
        let links = links.into_iter().map(|(person, account)| Setting::Link {
            person: subject(person),
            account: account.parse().unwrap(),
        });
        let marks = marks.into_iter().map(|(rooms, mark)| Setting::Mark { rooms: scope(rooms), mark });
        links.chain(marks).collect()
    })
}

fn wanted_grant(grant: &Grant) -> WantedGrant {
    let mut grant = as_new(grant);
    grant.channels.sort();
    WantedGrant { grant, reason: None }
}

/// What is wanted, as texts in an order of their own.
fn shown(wanted: &Wanted) -> Vec<String> {
    let grants = wanted.grants.iter().map(|new| format!("{new:?}"));
    let announcements = wanted.announcements.iter().map(|new| format!("{new:?}"));
    let channels = wanted.channels.iter().map(|new| format!("{new:?}"));
    let settings = wanted.settings.iter().map(|new| format!("{new:?}"));
    let mut shown: Vec<String> = grants.chain(channels).chain(announcements).chain(settings).collect();
    shown.sort();
    shown.dedup();
    shown
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
        announcements: acl
            .announcements
            .iter()
            .filter(|entry| entry.is_live(now))
            .map(|entry| WantedAnnouncement {
                channel: entry.channel.clone(),
                rooms: entry.rooms.clone(),
                for_admins: entry.for_admins,
                reason: None,
            })
            .collect(),
        settings: acl
            .settings
            .iter()
            .filter(|entry| entry.is_live(now))
            .map(|entry| WantedSetting { setting: entry.setting.clone(), reason: None })
            .collect(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES))]

    #[test]
    fn a_plan_makes_exactly_what_is_wanted_and_then_there_is_nothing_left((acl, wanted, now) in wish()) {
        let steps = plan(&acl, &wanted, Accounts::Tencent, now).unwrap();
        let mut after = acl.clone();
        carry_out(&mut after, steps.iter().map(|(change, _)| change), now);
        prop_assert_eq!(shown(&standing(&after, now)), shown(&wanted));
        prop_assert_eq!(plan(&after, &wanted, Accounts::Tencent, now), Ok(Vec::new()));
    }

    #[test]
    fn a_plan_leaves_alone_what_is_wanted_already((acl, _, now) in wish()) {
        let wanted = standing(&acl, now);
        let steps = plan(&acl, &wanted, Accounts::Tencent, now).unwrap();
        prop_assert!(steps.is_empty(), "{:?}", steps);
    }
}

#[test]
fn what_makes_no_sense_is_no_plan() {
    let plain = wanted_grant(&plain_grant(0, subject(ALICE), Role::Admin, RoomScope::All));
    let planned = |grants: Vec<WantedGrant>, ids: &[&str]| {
        let channels =
            ids.iter().map(|id| WantedChannel { channel: channel(id), rooms: scope("*"), reason: None });
        plan(
            &AclView::default(),
            &Wanted { grants, channels: channels.collect(), ..Wanted::default() },
            Accounts::Tencent,
            hour(12),
        )
    };
    let grant = NewGrant { expires_at: Some(hour(12)), ..plain.grant.clone() };
    let ended = WantedGrant { grant, reason: None };
    assert_eq!(planned(vec![ended], &[]), Err(InvalidPlan::Ended(subject(ALICE), Role::Admin, hour(12))));
    let twice = vec![plain.clone(), plain.clone()];
    assert_eq!(planned(twice, &[]), Err(InvalidPlan::GrantTwice(subject(ALICE), Role::Admin)));
    assert_eq!(planned(vec![plain], &[OPS, OPS]), Err(InvalidPlan::ChannelTwice(channel(OPS))));

    let planned = |settings: Vec<Setting>| {
        let settings = settings.into_iter().map(|setting| WantedSetting { setting, reason: None }).collect();
        let wanted = Wanted { settings, ..Wanted::default() };
        plan(&AclView::default(), &wanted, Accounts::Tencent, hour(12)).map_err(|why| why.to_string())
    };
    let link = |person: &str, account: &str| Setting::Link {
        person: subject(person),
        account: account.parse().unwrap(),
    };
    for (settings, why) in [
        (vec![link(ALICE, "a"), link(ALICE, "b")], "`slack:T1:U1` is linked twice"),
        (vec![link("slack:T1:group:S1", "a")], "`slack:T1:group:S1` is not a person of a chat"),
        (vec![link("cli:ana", "a")], "`cli:ana` is not a person of a chat"),
        (vec![link(ALICE, "a b")], "the account of `slack:T1:U1` cannot be one: an account is made of"),
        (
            vec![Mark::Confirm, Mark::TwoPerson]
                .into_iter()
                .map(|mark| Setting::Mark { rooms: scope("live-*"), mark })
                .collect(),
            "the rooms `live-*` are marked twice",
        ),
    ] {
        let refused = planned(settings).unwrap_err();
        assert!(refused.starts_with(why), "{refused}");
    }
}

proptest! {
    /// The person meant by an account is one who has it; the caller's own workspace goes first, and nobody is guessed.
    #[test]
    fn the_person_with_an_account_is_the_only_one_near(links in settings(), near in select(&["slack:T1:U9", "discord:1:9", "slack:T2:U9"])) {
        let entries: Vec<AclSetting> = links.iter().map(|setting| set(setting.clone(), hour(10))).collect();
        let (caller, account) = (subject(near), "bob".parse().unwrap());
        let found = person_with(&entries, &account, &caller, hour(12));
        let have: Vec<&Subject> = links.iter().filter_map(|setting| match setting {
            Setting::Link { person, account: theirs } if *theirs == account => Some(person),
            _ => None,
        }).collect();
        let beside: Vec<&Subject> = have.iter().copied().filter(|person| person.is_beside(&caller)).collect();
        match (beside.as_slice(), have.as_slice()) {
            ([only], _) | ([], [only]) => prop_assert_eq!(found, Some(*only)),
            _ => prop_assert_eq!(found, None),
        }
        for person in have {
            prop_assert_eq!(account_of(&entries, person, hour(12)), Some(&account));
            prop_assert_eq!(account_of(&entries, person, hour(9)), None);
        }
    }
}
