//! Grants that somebody should look at.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};

use super::{Effect, Grant, GrantId, GrantUse, LAPSES_SOON, is_live};

/// After how long without use a grant is shown.
const LONG: SignedDuration = SignedDuration::from_hours(90 * 24);

/// Why somebody should look at a grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attention {
    /// It ends within 24 hours.
    EndsSoon(Timestamp),
    /// It was not used for 90 days; when it was, if ever.
    Unused(Option<Timestamp>),
}

/// The live grants that somebody should look at, those that end first, then those unused for longest. A
/// deny entry is not used by permitting, so it is never shown as unused.
#[must_use]
pub fn attention(grants: &[Grant], uses: &[GrantUse], now: Timestamp) -> Vec<(Grant, Attention)> {
    let last: HashMap<GrantId, Timestamp> = uses.iter().map(|used| (used.grant, used.at)).collect();
    let mut ending = Vec::new();
    let mut unused = Vec::new();
    for grant in grants.iter().filter(|grant| is_live(grant, now)) {
        let used = last.get(&grant.id).copied();
        let since = used.unwrap_or(grant.granted_at).max(grant.granted_at);
        match grant.expires_at {
            Some(end) if end.duration_since(now) <= LAPSES_SOON => ending.push((end, grant)),
            _ if grant.effect == Effect::Permit && now.duration_since(since) >= LONG => {
                unused.push((since, used, grant));
            }
            _ => {}
        }
    }
    ending.sort_by_key(|(end, grant)| (*end, grant.id));
    unused.sort_by_key(|(since, _, grant)| (*since, grant.id));
    let ending = ending.into_iter().map(|(end, grant)| (grant.clone(), Attention::EndsSoon(end)));
    ending
        .chain(unused.into_iter().map(|(_, used, grant)| (grant.clone(), Attention::Unused(used))))
        .collect()
}
