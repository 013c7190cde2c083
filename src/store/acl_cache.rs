//! Parts of the ACL held in memory, as long as they are the newest that this process knows of.
//!
//! Another process may change the ACL without this one noticing. So nothing is done by what is in here: a
//! decision made by it is written down only at the version at which it was made, which the writer looks at
//! inside its transaction ([`AclCache::saw`]), and is made again otherwise.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::domain::access::AclView;
use crate::domain::principal::{Channel, Principal, Subject};

/// How many views are held, and how many grants and channel entries in all of them. All are let go when there
/// would be more: who still matters comes back with the next command.
const MOST_VIEWS: usize = 10_000;
const MOST_ENTRIES: usize = 100_000;

/// Who asks, with all groups, and where.
type Key = (Vec<Subject>, Channel);

#[derive(Default)]
struct Held {
    views: HashMap<Key, AclView>,
    entries: usize,
}

/// The views, and the newest version of the ACL that this process has seen.
pub(super) struct AclCache {
    newest: AtomicI64,
    held: Mutex<Held>,
}

impl AclCache {
    pub(super) fn new() -> Self {
        Self { newest: AtomicI64::new(i64::MIN), held: Mutex::default() }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A write transaction found the ACL at this version, or left it there.
    pub(super) fn saw(&self, version: i64) {
        self.newest.store(version, Ordering::Release);
    }

    /// The view, unless a newer version is known.
    pub(super) fn get(&self, key: &Key) -> Option<AclView> {
        let newest = self.newest.load(Ordering::Acquire);
        self.held().views.get(key).filter(|view| view.version == newest).cloned()
    }

    /// Holds a view that was read.
    pub(super) fn put(&self, key: Key, view: AclView) {
        let before = self.newest.fetch_max(view.version, Ordering::AcqRel);
        if before > view.version {
            return;
        }
        let entries = weight(&view);
        let mut held = self.held();
        if held.views.len() >= MOST_VIEWS || held.entries + entries > MOST_ENTRIES {
            *held = Held::default();
        }
        if entries > MOST_ENTRIES {
            return;
        }
        held.entries += entries;
        if let Some(old) = held.views.insert(key, view) {
            held.entries = held.entries.saturating_sub(weight(&old));
        }
    }
}

fn weight(view: &AclView) -> usize {
    view.grants.len() + view.channels.len() + view.settings.len()
}

/// What a view is kept under.
pub(super) fn key(principal: &Principal, channel: &Channel) -> Key {
    (principal.subjects().cloned().collect(), channel.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key_of(user: &str) -> Key {
        (vec![format!("slack:T1:{user}").parse().unwrap()], "slack:T1:C1".parse().unwrap())
    }

    fn at(version: i64) -> AclView {
        AclView { version, ..AclView::default() }
    }

    #[test]
    fn a_view_is_held_until_a_newer_version_is_seen() {
        let cache = AclCache::new();
        assert_eq!(cache.get(&key_of("U1")), None);
        cache.put(key_of("U1"), at(3));
        assert_eq!(cache.get(&key_of("U1")), Some(at(3)));
        assert_eq!(cache.get(&key_of("U2")), None, "another person's");
        cache.saw(4);
        assert_eq!(cache.get(&key_of("U1")), None);
    }

    #[test]
    fn a_view_that_was_read_before_a_change_is_never_given_out_after_it() {
        let cache = AclCache::new();
        cache.saw(4);
        cache.put(key_of("U1"), at(3));
        assert_eq!(cache.get(&key_of("U1")), None);
        // Read from another process's newer state, before this process has written anything.
        cache.put(key_of("U2"), at(5));
        assert_eq!(cache.get(&key_of("U2")), Some(at(5)));
    }

    #[test]
    fn a_version_that_was_turned_back_by_hand_lets_no_older_view_live_on() {
        let cache = AclCache::new();
        cache.put(key_of("U1"), at(7));
        cache.saw(2);
        assert_eq!(cache.get(&key_of("U1")), None);
    }

    #[test]
    fn what_is_held_is_bounded() {
        let cache = AclCache::new();
        for n in 0..MOST_VIEWS * 2 + 1 {
            cache.put(key_of(&format!("U{n}")), at(1));
            assert!(cache.held().views.len() <= MOST_VIEWS);
        }
        assert_eq!(cache.get(&key_of(&format!("U{}", MOST_VIEWS * 2))), Some(at(1)), "the newest stays");
    }
}
