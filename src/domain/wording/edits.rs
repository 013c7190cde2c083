//! Changes of the ACL: what they give and take, what is in their way, and why one was not made.

use super::Style;
use super::lists::{MOST_GRANTS, limited, role_for, rooms, to_list};
use super::message::{
    CommandName, Line, Message, Tone, capitalised, channel, code, sentence, several, spans, subject, text,
};
use crate::domain::access::{
    AclSetting, AnnouncementChannel, AuthorisedChannel, ChangedEntry, Effect, Grant, GrantWarning,
    GrantWarnings, LockOut, Mark, NotEdited, Role, RoomScope, Setting, SettingKey,
};
use crate::domain::command::Section;
use crate::domain::principal::{Channel, Subject};

/// What a role lets people do, with `and` or `or` in front of the last.
fn meaning(role: Role, last: &str) -> String {
    match role {
        Role::Moderator => format!("hand rooms over {last} see who owns them"),
        Role::Auditor => format!("read the audit log {last} see who owns rooms"),
        Role::Admin => format!("edit the ACL, read the audit log {last} hand rooms over"),
    }
}

pub(super) fn edited(changed: &[(ChangedEntry, GrantWarnings)], is_for_oneself: bool) -> Message {
    let mut lines: Vec<Line> = Vec::new();
    let mut scopes = Vec::new();
    // What is the same for several is said once, behind them.
    let mut behind: Vec<Line> = Vec::new();
    for (entry, warnings) in changed {
        let ChangeText { mut headline, meaning, mut limits } = change(entry, warnings);
        if let (ChangedEntry::Grant { after, .. }, [_, _, ..]) = (entry, changed) {
            headline.0.pop();
            headline = headline.and(limited(after)).text(" (grant ").text(after.id).text(").");
            limits.remove(0);
        }
        lines.push(headline);
        let more =
            meaning.into_iter().chain(warning_lines(entry, warnings).into_iter().map(sentence)).chain(limits);
        for line in more.filter(|line| !behind.contains(line)).collect::<Vec<_>>() {
            behind.push(line);
        }
        if let ChangedEntry::Grant { before: None, after } = entry {
            scopes.extend(pattern_as_room(&after.rooms).map(sentence).filter(|line| !scopes.contains(line)));
        }
    }
    lines.extend(scopes.iter().cloned());
    lines.extend(behind);
    if is_for_oneself {
        lines.push(text("You gave this to yourself; the audit log marks it."));
    }
    let headline = if lines.is_empty() { text("Nothing was changed.") } else { lines.remove(0) };
    let is_without_effect = changed.iter().any(|(_, warnings)| warnings.wholly) || !scopes.is_empty();
    let tone = if is_for_oneself || is_without_effect { Tone::Warning } else { Tone::Done };
    Message::new(tone, headline, lines)
}

/// That an entry is for one room whose id looks like a pattern of another kind than ours, without a full stop.
pub fn pattern_as_room(scope: &RoomScope) -> Option<Line> {
    let RoomScope::Exact(room) = scope else { return None };
    let begin = room.as_str().split(['?', '%', '[', '(', '{', '|', '+', '^', '$']).next().unwrap_or_default();
    (begin.len() < room.as_str().len()).then(|| {
        let line = code(room).text(" is taken for the id of a single room: every room that begins with ");
        line.code(begin).text(" is ").code(format!("{begin}*"))
    })
}

/// A change in words.
pub struct ChangeText {
    /// The change.
    pub headline: Line,
    /// Who gains or loses what by it; nothing if nobody does.
    pub meaning: Option<Line>,
    /// Where and until when it holds, and why it was made.
    pub limits: Vec<Line>,
}

/// What a change is, and who gains or loses what by it, as far as nothing is in its way.
pub fn change(changed: &ChangedEntry, warnings: &GrantWarnings) -> ChangeText {
    match changed {
        ChangedEntry::Grant { after, .. } => grant_change(after, warnings),
        ChangedEntry::Channel { before, after } => channel_change(before.as_ref(), after),
        ChangedEntry::Announcement { before, after } => announcement_change(before.as_ref(), after),
        ChangedEntry::Setting { before, after } => setting_change(before.as_ref(), after),
    }
}

fn grant_change(grant: &Grant, warnings: &GrantWarnings) -> ChangeText {
    let is_revoked = grant.revoked_at.is_some();
    let who = subject(&grant.subject);
    let what = role_for(grant.role, &grant.rooms);
    let they = if grant.subject.is_group() { "Its members" } else { "They" };
    let (becomes, can, last, unless) = match (grant.effect, is_revoked) {
        (Effect::Permit, false) => (" is now ", "now", "and", ""),
        (Effect::Permit, true) => (" is no longer ", "no longer", "or", ", unless another grant lets them"),
        (Effect::Deny, false) => (" is denied ", "no longer", "or", ", whatever a grant says"),
        (Effect::Deny, true) => (" is no longer denied ", "again", "and", ", where a grant lets them"),
    };
    let mut headline = who.text(becomes).and(what);
    if warnings.wholly {
        headline = headline.text(", but this has no effect");
    }
    let meaning =
        (!warnings.wholly).then(|| format!("{they} can {can} {}{unless}.", meaning(grant.role, last)));
    let mut limits = text("Grant ").text(grant.id);
    if !is_revoked {
        limits = limits.and(limited(grant));
    }
    let mut limits = vec![limits.text(".")];
    if let Some(reason) = &grant.reason
        && !is_revoked
    {
        limits.push(text("Reason given: ").code(reason));
    }
    ChangeText { headline: headline.text("."), meaning: meaning.map(text), limits }
}

/// What is in the way of an entry that was given, each without a full stop.
pub fn warning_lines(changed: &ChangedEntry, warnings: &GrantWarnings) -> Vec<Line> {
    let after = match changed {
        ChangedEntry::Grant { after, .. } => after,
        ChangedEntry::Announcement { after, .. } => {
            return warnings.by.iter().map(|_| cannot_post(&after.channel)).collect();
        }
        ChangedEntry::Setting { after, .. } => {
            return warnings.by.iter().filter_map(|warning| beside_setting(after, warning)).collect();
        }
        ChangedEntry::Channel { .. } => return Vec::new(),
    };
    let mut lines: Vec<Line> =
        warnings.by.iter().take(MOST_GRANTS).map(|warning| in_the_way(after, warning)).collect();
    if warnings.by.len() > MOST_GRANTS {
        lines.push(text(warnings.by.len() - MOST_GRANTS).text(" more things are in its way"));
    }
    lines
}

fn in_the_way(grant: &Grant, warning: &GrantWarning) -> Line {
    match warning {
        GrantWarning::Denied(denial) => {
            let line = text("grant ").text(denial.id).text(" denies ");
            let whom = if denial.subject == grant.subject { text("them") } else { subject(&denial.subject) };
            let line = line.and(whom).text(" ").and(role_for(denial.role, &denial.rooms));
            line.and(limited(denial)).text(", which wins over every grant until it is taken back")
        }
        GrantWarning::Unread(denial) => {
            let line = text("grant ").text(denial.id).text(" denies ").and(subject(&denial.subject));
            let line = line.text(" ").and(role_for(denial.role, &denial.rooms)).and(limited(denial));
            line.text(", and who is in that group cannot be read right now")
        }
        GrantWarning::Already(id) => text("grant ").text(id).text(match grant.effect {
            Effect::Permit => " gives them that already",
            Effect::Deny => " denies them that already",
        }),
        GrantWarning::Elsewhere(place) => channel(place)
            .text(" is of another workspace or server than ")
            .and(subject(&grant.subject))
            .text(", so this can never count there"),
        GrantWarning::NotAuthorised(place) => {
            channel(place).text(" is not authorised, so nobody can use the bot there")
        }
        GrantWarning::ForOtherRooms(place, scope) => {
            channel(place).text(" is authorised for ").code(scope).text(" only")
        }
        GrantWarning::NoChannel => text("no channel is authorised from which they could use it"),
        GrantWarning::NotLookedUp => text(
            "SLACK_BOT_TOKEN is not set, so user groups of Slack are not looked up and this grant matches nobody",
        ),
        GrantWarning::NoSuchGroup => text("Slack knows no group ")
            .and(subject(&grant.subject))
            .text(", so this names nobody: check the id"),
        GrantWarning::NotChecked => text("whether Slack knows ")
            .and(subject(&grant.subject))
            .text(" could not be checked: ")
            .code("/readyz")
            .text(" says it in a minute"),
        GrantWarning::CannotPost | GrantWarning::SharedWith(_) | GrantWarning::Stricter(_) => Line::default(),
        GrantWarning::Local => {
            text("the command line needs no grant: whoever is on the bot's machine may do everything")
        }
    }
}

/// What else there is to know of a setting, without a full stop.
fn beside_setting(entry: &AclSetting, warning: &GrantWarning) -> Option<Line> {
    Some(match warning {
        GrantWarning::SharedWith(people) => {
            let (is, them) = if people.len() == 1 { (" is", "they") } else { (" are", "all of them") };
            let line = several(people, MOST_GRANTS, subject).text(is);
            line.text(format!(" linked to it too: {them} count as one person"))
        }
        GrantWarning::Stricter(marks) => {
            let still = if entry.removed_at.is_some() {
                "a mark still holds: "
            } else {
                "a stricter mark still holds: "
            };
            let mark = |(scope, mark): &(RoomScope, Mark)| rooms(scope).text(format!(" {mark}"));
            text(still).and(several(marks, MOST_GRANTS, mark))
        }
        _ => return None,
    })
}

/// That the bot has no token to post to a channel with, without a full stop.
fn cannot_post(channel: &Channel) -> Line {
    let setting = match channel {
        Channel::Slack { .. } => "SLACK_BOT_TOKEN",
        Channel::Discord { .. } => "DISCORD_BOT_TOKEN",
    };
    text("nothing is posted yet: the bot has no token of its own there; set ")
        .code(setting)
        .text(" on the bot's machine")
}

fn announcement_change(before: Option<&AnnouncementChannel>, after: &AnnouncementChannel) -> ChangeText {
    let here = channel(&after.channel);
    let (headline, meaning) = if after.removed_at.is_some() {
        (text("Nothing more is announced in ").and(here).text("."), None)
    } else {
        let line = text("What happens to ").and(rooms(&after.rooms)).text(" is now announced in ").and(here);
        let line = line.and(were(before.map(|before| &before.rooms), &after.rooms));
        let line = if after.for_admins { line.text(", where admins read it") } else { line };
        (line.text("."), Some(text(may_post(&after.channel))))
    };
    let reason = after.reason.as_ref().filter(|_| after.removed_at.is_none());
    let limits = reason.map(|reason| text("Reason given: ").code(reason)).into_iter().collect();
    ChangeText { headline, meaning, limits }
}

fn setting_change(before: Option<&AclSetting>, after: &AclSetting) -> ChangeText {
    let is_removed = after.removed_at.is_some();
    let headline = if is_removed { unset(&after.setting.key()) } else { set(&after.setting, "is now") };
    let headline = capitalised(headline);
    let was = before.filter(|before| !is_removed && before.setting != after.setting);
    let headline =
        headline.and_if(was, |line, before| line.text(" (was: ").and(value(&before.setting)).text(")"));
    let meaning = match &after.setting {
        _ if is_removed => None,
        Setting::Link { .. } => Some("Rooms can be handed to them by name."),
        Setting::Mark { mark, .. } => Some(takes(*mark)),
    };
    let reason = after.reason.as_ref().filter(|_| !is_removed);
    let limits = reason.map(|reason| text("Reason given: ").code(reason)).into_iter().collect();
    ChangeText { headline: headline.text("."), meaning: meaning.map(text), limits }
}

/// What a hand-over of marked rooms takes.
fn takes(mark: Mark) -> &'static str {
    match mark {
        Mark::Confirm => "Whoever hands such a room over has to confirm it.",
        Mark::TwoPerson => "It takes a second person to hand such a room over.",
    }
}

fn value(setting: &Setting) -> Line {
    match setting {
        Setting::Link { account, .. } => Line::default().code(account),
        Setting::Mark { mark, .. } => text(mark),
    }
}

pub(super) fn set(setting: &Setting, is: &str) -> Line {
    match setting {
        Setting::Link { person, account } => {
            subject(person).text(format!(" {is} linked to the account ")).code(account)
        }
        Setting::Mark { rooms: scope, mark } => {
            text("the mark of ").and(rooms(scope)).text(format!(" {is} ")).text(mark)
        }
    }
}

pub(super) fn unset(key: &SettingKey) -> Line {
    match key {
        SettingKey::Link(person) => subject(person).text(" is linked to no account any more"),
        SettingKey::Mark(scope) => text("the mark of ").and(rooms(scope)).text(" is off"),
    }
}

/// Which rooms it was for before, if others.
fn were(before: Option<&RoomScope>, after: &RoomScope) -> Line {
    match before {
        Some(before) if before != after => text(" (was: ").and(rooms(before)).text(")"),
        _ => Line::default(),
    }
}

/// What lets the bot post to a channel.
fn may_post(channel: &Channel) -> &'static str {
    match channel {
        Channel::Slack { .. } => "The bot has to be in the channel: invite it there if it is not.",
        Channel::Discord { .. } => {
            "The bot needs View Channel, Send Messages and Embed Links there: give it what is missing."
        }
    }
}

fn channel_change(before: Option<&AuthorisedChannel>, after: &AuthorisedChannel) -> ChangeText {
    let here = channel(&after.channel);
    let (headline, meaning) = if after.removed_at.is_some() {
        (
            here.text(" is no longer authorised."),
            "Nobody can use the bot there any more; their grants stay and hold in other channels.",
        )
    } else {
        let line = here.text(" is now authorised for ").and(rooms(&after.rooms));
        let line = line.and(were(before.map(|before| &before.rooms), &after.rooms));
        (line.text("."), "Whoever has a grant may use it there.")
    };
    let reason = after.reason.as_ref().filter(|_| after.removed_at.is_none());
    let limits = reason.map(|reason| text("Reason given: ").code(reason)).into_iter().collect();
    ChangeText { headline, meaning: Some(text(meaning)), limits }
}

pub(super) fn not_edited(why: &NotEdited, name: &CommandName) -> Message {
    let see = |part| text("See ").code(to_list(part, name)).text(".");
    let (why, next) = match why {
        NotEdited::NoGrant(id) => (text("there is no grant ").text(id), see(Section::Live)),
        NotEdited::RevokedAlready(id) => {
            (text("grant ").text(id).text(" was taken back before"), see(Section::Live))
        }
        NotEdited::NotAuthorised(place) => {
            (channel(place).text(" is not authorised"), see(Section::Channels))
        }
        NotEdited::NotAnnounced(place) => {
            (text("nothing is announced in ").and(channel(place)), see(Section::Announcements))
        }
        NotEdited::NotSet(SettingKey::Link(person)) => {
            (subject(person).text(" is linked to no account"), see(Section::Links))
        }
        NotEdited::NotSet(SettingKey::Mark(scope)) => {
            (text("no mark is set for ").and(rooms(scope)), see(Section::Rooms))
        }
        NotEdited::SetAlready(setting @ Setting::Link { .. }) => {
            (set(setting, "is").text(" already"), see(Section::Links))
        }
        NotEdited::SetAlready(setting @ Setting::Mark { .. }) => {
            (set(setting, "is").text(" already"), see(Section::Rooms))
        }
        NotEdited::LockOut(lock_out) => {
            let why = match lock_out {
                LockOut::GroupUnread(group) => text("nobody knows right now who is in ")
                    .and(subject(group))
                    .text(", and every admin who could undo it may be"),
                other => text(other),
            };
            let force = match name.1 {
                Style::Shell => " Or use --force.",
                Style::Words | Style::Options => " Only the command line on the bot's machine can force it.",
            };
            (why, text(instead(lock_out)).text(force))
        }
        NotEdited::AdminBeyond(admin) => (
            text("it could take something from ")
                .and(subject(admin))
                .text(", an admin for more rooms than you"),
            text("Ask an admin for all of these rooms."),
        ),
        NotEdited::NotLookedUp(group) => (
            text("nobody looks up who is in ").and(subject(group)),
            text("Everybody who may be in it would be refused. Set ")
                .code("SLACK_BOT_TOKEN")
                .text(" on the bot's machine, or deny it to people."),
        ),
        NotEdited::ChangedSince(_) | NotEdited::NoVersion => {
            (text(why), text("Plan it again: the plan ends with the line that applies it."))
        }
        NotEdited::InvalidPlan(error) => (spans(&error.to_string()), text("Mend the file.")),
    };
    Message::new(Tone::Stop, text("Nothing was changed: ").and(why).text("."), vec![next])
}

/// What to do instead of locking everybody out.
fn instead(lock_out: &LockOut) -> &'static str {
    match lock_out {
        LockOut::NoAdmin | LockOut::NoAdminOfAllRooms => "Make somebody else an admin first.",
        LockOut::NoChannel => "Authorise another channel first.",
        LockOut::OutOfReach => "Give somebody else the role, or another channel all rooms, first.",
        LockOut::GroupUnread(Subject::DiscordRole { .. }) => {
            "Deny it to people, or ask an admin who does not have the role: Discord says only of whoever asks who has it."
        }
        LockOut::GroupUnread(_) => {
            "Deny it to people, or give the group another role first: it is read within a minute, then try again."
        }
    }
}
