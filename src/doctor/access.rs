//! The ACL: whether anybody can use the bot, from anywhere, and for how long.

use jiff::Timestamp;

use crate::app::replies::Platform;
use crate::domain::access::{Attention, Grant, Known, attention, is_live, is_open, list, live_admins};
use crate::domain::check::Check;
use crate::domain::principal::{Channel, Subject};
use crate::store::health::Acl;

pub(super) const NAME: &str = "grants";
const ADMINS: &str = "admins";
const CHANNELS: &str = "channels";
const LAPSES: &str = "lapses";
const ANNOUNCEMENTS: &str = "announcements";

/// `can_post` says whether the bot has a token of its own where a channel is.
pub(super) fn checks(
    acl: &Acl,
    known: &Known,
    can_post: &dyn Fn(&Channel) -> bool,
    now: Timestamp,
) -> Vec<Check> {
    let live: Vec<&Grant> = acl.grants.iter().filter(|grant| is_live(grant, now)).collect();
    let mut checks =
        vec![admins(&acl.grants, now), channels(acl, now), grants(&live, known), lapses(acl, now)];
    checks.extend(announcements(acl, can_post, now));
    checks
}

/// Nothing where nothing is announced.
fn announcements(acl: &Acl, can_post: &dyn Fn(&Channel) -> bool, now: Timestamp) -> Option<Check> {
    let live: Vec<&Channel> =
        acl.announcements.iter().filter(|entry| entry.is_live(now)).map(|entry| &entry.channel).collect();
    if live.is_empty() {
        return None;
    }
    let silent: Vec<&Channel> = live.iter().copied().filter(|channel| !can_post(channel)).collect();
    let Some(first) = silent.first() else {
        return Some(Check::ok(ANNOUNCEMENTS, counted(live.len(), "channel has them", "channels have them")));
    };
    Some(Check::warning(
        ANNOUNCEMENTS,
        format!("nothing can be posted to {}: the bot has no token there", list(&silent)),
        format!("set {}, or `room-owner acl announce off {first}`", Platform::of(first).token_setting()),
    ))
}

fn admins(grants: &[Grant], now: Timestamp) -> Check {
    match live_admins(grants, now).count() {
        0 => Check::warning(
            ADMINS,
            "nobody can change the ACL from chat",
            "`room-owner acl grant <subject> admin`, such as slack:T0123456789:U0123456789",
        ),
        count => Check::ok(ADMINS, counted(count, "grant makes an admin", "grants make admins")),
    }
}

fn channels(acl: &Acl, now: Timestamp) -> Check {
    let open: Vec<&Channel> =
        acl.channels.iter().filter(|entry| is_open(entry, now)).map(|entry| &entry.channel).collect();
    let wrong = open.iter().filter_map(|channel| Channel::written(&channel.to_string()).err());
    let wrong: Vec<String> = wrong.map(|error| error.to_string()).collect();
    if !wrong.is_empty() {
        return Check::warning(CHANNELS, wrong.join("; "), "`room-owner acl channel remove <channel>`");
    }
    match open.len() {
        0 => Check::warning(
            CHANNELS,
            "commands are taken from no channel",
            "`room-owner acl channel allow <channel>`, such as slack:T0123456789:C0123456789",
        ),
        count => Check::ok(CHANNELS, counted(count, "channel is authorised", "channels are authorised")),
    }
}

fn grants(live: &[&Grant], known: &Known) -> Check {
    if live.is_empty() {
        return Check::warning(NAME, "nobody has a role", "`room-owner acl grant <subject> moderator`");
    }
    let wrong = live.iter().filter_map(|grant| {
        let why = match Subject::written(&grant.subject.to_string()) {
            Err(error) => error.to_string(),
            Ok(_) if !known.serves(&grant.subject) => {
                format!("`{}` is of a workspace that SLACK_TEAM_IDS does not name", grant.subject)
            }
            Ok(_) => return None,
        };
        Some((grant.id, why))
    });
    let wrong: Vec<_> = wrong.collect();
    let Some((first, _)) = wrong.first() else {
        return Check::ok(NAME, counted(live.len(), "is live", "are live"));
    };
    let detail = wrong.iter().map(|(id, why)| format!("grant {id}: {why}")).collect::<Vec<_>>().join("; ");
    Check::warning(
        NAME,
        detail,
        format!(
            "give it to the right id and `room-owner acl revoke {first}`, or add its workspace to SLACK_TEAM_IDS"
        ),
    )
}

fn lapses(acl: &Acl, now: Timestamp) -> Check {
    let ends = attention(&acl.grants, &acl.uses, now).into_iter().filter_map(|(grant, why)| match why {
        Attention::EndsSoon(end) => Some(format!("grant {} of `{}`, at {end:.0}", grant.id, grant.subject)),
        Attention::Unused(_) => None,
    });
    let ends: Vec<String> = ends.collect();
    if ends.is_empty() {
        return Check::ok(LAPSES, "no grant ends within 24 hours");
    }
    let detail = format!("these end within 24 hours: {}", ends.join(", "));
    Check::warning(LAPSES, detail, "give it again if it is still needed: `room-owner acl grant`")
}

fn counted(count: usize, one: &str, more: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { more })
}
