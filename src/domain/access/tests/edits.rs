//! Changes of the ACL before they are made, on random ACLs: what is in the way of none can be made, and its entry is
//! what the change says.

use proptest::prelude::*;
use proptest::sample::select;

use super::answers::CHANNELS;
use super::model::{Question, a_scope, grant, question};
use super::*;

fn a_change() -> impl Strategy<Value = AclChange> {
    let channels = || select(&CHANNELS[..]).prop_map(channel);
    let people = || select(&["slack:T1:U1", "slack:T1:U2"][..]).prop_map(subject);
    let account = || select(&["alice", "bob"][..]).prop_map(|account| account.parse().unwrap());
    let link = || (people(), account()).prop_map(|(person, account)| Setting::Link { person, account });
    let marks = || (a_scope(), select(&[Mark::Confirm, Mark::TwoPerson][..]));
    let setting = || prop_oneof![link(), marks().prop_map(|(rooms, mark)| Setting::Mark { rooms, mark })];
    prop_oneof![
        grant().prop_map(|grant| AclChange::Grant((&grant).into())),
        (0..9_i64).prop_map(AclChange::Revoke),
        (channels(), a_scope()).prop_map(|(channel, rooms)| AclChange::AllowChannel { channel, rooms }),
        channels().prop_map(AclChange::RemoveChannel),
        (channels(), a_scope(), any::<bool>()).prop_map(|(channel, rooms, for_admins)| AclChange::Announce {
            channel,
            rooms,
            for_admins
        }),
        channels().prop_map(AclChange::StopAnnouncing),
        setting().prop_map(AclChange::Set),
        setting().prop_map(|setting| AclChange::Unset(setting.key())),
    ]
}

/// Why the change is not made by somebody who forces it, and its entry.
fn of(question: &Question, change: &AclChange) -> (Option<NotEdited>, Option<ChangedEntry>) {
    let reach = EffectiveScope::default();
    let by = Author { principal: &question.principal, reach: &reach, force: true };
    let why = obstacle(&question.acl, std::slice::from_ref(change), &by, &Known::default(), question.now);
    (why, change.entry(&question.acl, 99, &question.principal.subject, question.now, None))
}

/// The ACL with the entry.
fn with(acl: &AclView, entry: &ChangedEntry) -> AclView {
    let mut acl = acl.clone();
    match entry.clone() {
        ChangedEntry::Grant { after, .. } => {
            acl.grants.retain(|grant| grant.id != after.id);
            acl.grants.push(after);
        }
        ChangedEntry::Channel { after, .. } => {
            acl.channels.retain(|entry| entry.channel != after.channel);
            acl.channels.push(after);
        }
        ChangedEntry::Announcement { after, .. } => {
            acl.announcements.retain(|entry| entry.channel != after.channel);
            acl.announcements.push(after);
        }
        ChangedEntry::Setting { after, .. } => {
            acl.settings.retain(|entry| entry.setting.key() != after.setting.key());
            acl.settings.push(after);
        }
    }
    acl
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES))]

    #[test]
    fn what_nothing_is_in_the_way_of_has_its_entry(
        question in question(),
        first in a_change(),
        second in a_change(),
    ) {
        let mut question = question;
        for change in [first, second.clone(), second] {
            let (why, entry) = of(&question, &change);
            if why.is_some() {
                continue;
            }
            let entry = entry.expect("nothing is in its way");
            prop_assert_eq!(entry.change(), change.clone());
            question.acl = with(&question.acl, &entry);
            // What takes something back, or sets it, is made once.
            let again = of(&question, &change).0;
            let is_once = !matches!(
                change,
                AclChange::Grant(_) | AclChange::AllowChannel { .. } | AclChange::Announce { .. }
            );
            prop_assert_eq!(again.is_some(), is_once, "{:?}", change);
        }
    }
}
