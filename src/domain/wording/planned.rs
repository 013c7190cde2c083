//! Changes of the ACL before they are made: who would gain or lose what.

use super::edits::{set, unset, warning_lines};
use super::lists::{limited, limits, role_for, rooms};
use super::message::{Line, Message, Tone, channel, sentence, subject, text};
use crate::domain::access::{AclChange, AclView, ChangedEntry, Effect, GrantWarnings, Role, RoomScope};
use crate::domain::principal::Subject;
use crate::domain::reply::{Names, Preview};

/// A change as it would be made.
pub struct PlannedText {
    /// Whether it gives something; otherwise it takes something.
    pub gains: bool,
    /// Who would gain or lose what, without a full stop.
    pub line: Line,
}

impl PlannedText {
    /// `+` or `-`
    pub fn sign(&self) -> char {
        if self.gains { '+' } else { '-' }
    }
}

/// Who would gain or lose what by a change of `acl`. `None` for a grant that does not exist.
pub fn planned(change: &AclChange, acl: &AclView) -> Option<PlannedText> {
    let of = |who: &Subject, effect: Effect, given: bool, role: Role, scope: &RoomScope| {
        let verb = match (effect, given) {
            (Effect::Permit, true) => " gains ",
            (Effect::Permit, false) => " loses ",
            (Effect::Deny, true) => " is denied ",
            (Effect::Deny, false) => " is no longer denied ",
        };
        subject(who).text(verb).and(role_for(role, scope))
    };
    let (gains, line) = match change {
        AclChange::Grant(new) => {
            let line = of(&new.subject, new.effect, true, new.role, &new.rooms);
            (new.effect == Effect::Permit, line.and(limits(&new.channels, new.expires_at)))
        }
        AclChange::Revoke(id) => {
            let grant = acl.grant(*id)?;
            let line = of(&grant.subject, grant.effect, false, grant.role, &grant.rooms).and(limited(grant));
            (grant.effect == Effect::Deny, line.text(" (grant ").text(id).text(")"))
        }
        AclChange::AllowChannel { channel: place, rooms: scope } => {
            let line = channel(place).text(" is authorised for ").and(rooms(scope));
            let before =
                acl.channels.iter().rfind(|entry| entry.channel == *place && entry.removed_at.is_none());
            (true, line.and_if(before, |line, it| line.text(" (now: ").and(rooms(&it.rooms)).text(")")))
        }
        AclChange::RemoveChannel(place) => (false, channel(place).text(" is authorised no more")),
        AclChange::Announce { channel: place, rooms: scope, for_admins } => {
            let line =
                text("what happens to ").and(rooms(scope)).text(" is announced in ").and(channel(place));
            (true, if *for_admins { line.text(", where admins read it") } else { line })
        }
        AclChange::StopAnnouncing(place) => {
            (false, text("nothing more is announced in ").and(channel(place)))
        }
        AclChange::Set(setting) => (true, set(setting, "is")),
        AclChange::Unset(key) => (false, unset(key)),
    };
    Some(PlannedText { gains, line })
}

/// The same of an entry before and after the change, by name where one is known; and what is in its way.
pub fn planned_entry(
    entry: &ChangedEntry,
    warnings: &GrantWarnings,
    names: &Names,
) -> Option<(PlannedText, Vec<Line>)> {
    let mut planned = planned(&entry.change(), &entry.before())?;
    let mut beside: Vec<Line> = warning_lines(entry, warnings).into_iter().map(sentence).collect();
    beside.iter_mut().chain([&mut planned.line]).for_each(|line| line.caption(names));
    Some((planned, beside))
}

/// What an edit would do, line by line.
pub(super) fn previewed(preview: &Preview) -> Message {
    let mut lines = Vec::new();
    for (entry, warnings) in &preview.changed {
        let Some((planned, beside)) = planned_entry(entry, warnings, &Names::new()) else { continue };
        lines.push(text(planned.sign()).text(" ").and(sentence(planned.line)));
        lines.extend(beside);
    }
    let (tone, headline) = match &preview.refusal {
        None => (Tone::Plain, text("This is what would change:")),
        Some(why) => (Tone::Stop, text("This would not be changed: ").text(why).text(".")),
    };
    Message::new(tone, headline, lines)
}
