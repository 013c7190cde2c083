//! Answers about the ACL.

use std::collections::BTreeMap;

use super::Style;
use super::lists::{channels, limited, listed_grants, lists, paged, plain, role_for, rooms};
use super::message::{CommandName, Line, Message, Tone, channel, minutes, op, spans, subject, text};
use super::why::{Explained, MOST_GRANTS, explanation, sentence, who_can};
use crate::domain::access::plan::{Senseless, Step};
use crate::domain::access::{
    Able, AclChange, AclView, Attention, AuthorisedChannel, ChangedEntry, Effect, Footing, Grant, Helpers,
    Hindered, Hindrance, LockOut, NotEdited, Role, RoomScope,
};
use crate::domain::audit::OperationId;
use crate::domain::command::{Family, Listed, Part, Place};
use crate::domain::principal::{Principal, Subject};
use crate::domain::room::RoomId;

/// An answer about the ACL. It is for the caller alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AclAnswer {
    /// An edit that was made.
    Edited {
        /// The entries before and after.
        changed: Vec<ChangedEntry>,
        /// Whether it gives the caller something.
        is_for_oneself: bool,
        /// What is in the way of an entry that was given.
        hindered: Hindered,
    },
    /// An edit that was not made.
    NotEdited(NotEdited),
    /// The caller's own id, groups and rights.
    WhoAmI {
        /// The caller.
        principal: Principal,
        /// The channel.
        place: Place,
        /// How the caller stands here.
        footing: Box<Footing>,
        /// Whom to ask.
        helpers: Helpers,
    },
    /// A page of the grants.
    Grants {
        /// Which part of them.
        listed: Listed,
        /// How many pages there are.
        pages: u32,
        /// The page's grants, and why somebody should look at each if that was asked for.
        grants: Vec<(Grant, Option<Attention>)>,
        /// Ended ones that are not shown.
        left_out: usize,
        /// What people were called when they were last seen, where no chat shows it.
        names: Names,
    },
    /// A page of the authorised channels.
    Channels {
        /// Which page.
        page: u32,
        /// How many pages there are.
        pages: u32,
        /// The page's channels.
        entries: Vec<AuthorisedChannel>,
        /// Removed ones that are not shown.
        left_out: usize,
    },
    /// The whole ACL, and what people were called when they were last seen.
    Whole(AclView, Names),
    /// What would have to change for the ACL to be what a file says.
    Planned {
        /// The ACL as it is.
        acl: AclView,
        /// The changes; or why the file cannot be meant.
        steps: Result<Vec<Step>, Senseless>,
        /// Why they would not be made.
        refusal: Option<NotEdited>,
    },
    /// What is decided about somebody.
    Explained(Box<Explained>),
    /// Who may hand a room over.
    WhoCan {
        /// The room.
        room: RoomId,
        /// Those who may.
        able: Vec<Able>,
        /// The groups that cannot be read right now, to which a grant gives it or a deny entry takes it.
        unread: Vec<(Effect, Subject)>,
    },
    /// The question is on record, but the ACL could not be read.
    Unreadable,
}

/// What people were called when they were last seen: a caption, never an id.
pub type Names = BTreeMap<Subject, String>;

pub(super) fn acl(operation: OperationId, answer: &AclAnswer, name: &CommandName) -> Message {
    let name = name.of(Family::Acl);
    let mut message = match answer {
        AclAnswer::Edited { changed, is_for_oneself, hindered } => edited(changed, *is_for_oneself, hindered),
        AclAnswer::NotEdited(why) => not_edited(why, &name),
        AclAnswer::WhoAmI { principal, place, footing, helpers } => {
            whoami(principal, place, footing, helpers)
        }
        AclAnswer::Grants { listed, pages, grants, left_out, .. } => {
            let mut message = listed_grants(*listed, grants, *left_out, &name);
            paged(&mut message, listed.page, *pages, lists(listed.part), &name);
            message
        }
        AclAnswer::Channels { page, pages, entries, .. } => {
            let mut message = channels(entries, &name);
            paged(&mut message, *page, *pages, lists(Part::Channels), &name);
            message
        }
        AclAnswer::Explained(explained) => explanation(explained),
        AclAnswer::WhoCan { room, able, unread } => who_can(room, able, unread),
        AclAnswer::Whole(..) | AclAnswer::Planned { .. } => {
            plain(Tone::Plain, text("This is a file on the command line."), Vec::new())
        }
        AclAnswer::Unreadable => plain(
            Tone::Failed,
            text("The ACL cannot be read right now."),
            vec![text("Try again; tell whoever runs the bot if it stays like this.")],
        ),
    };
    let page = message.footer.take();
    let mut footer = op(operation);
    footer.0.extend(page.unwrap_or_default().0);
    message.footer = Some(footer);
    message
}

/// What a role lets people do.
#[must_use]
pub fn meaning(role: Role) -> &'static str {
    match role {
        Role::Moderator => "hand rooms over, and see who owns them",
        Role::Auditor => "read the audit log, and see who owns rooms",
        Role::Admin => "edit the ACL, read the audit log, and hand rooms over",
    }
}

fn edited(changed: &[ChangedEntry], is_for_oneself: bool, hindered: &Hindered) -> Message {
    let mut lines = Vec::new();
    for entry in changed {
        let Told { headline, meaning, limits } = change(entry, hindered);
        lines.push(headline);
        lines.extend(meaning);
        lines.extend(hindrances(entry, hindered).into_iter().map(sentence));
        lines.extend(limits);
    }
    if is_for_oneself {
        lines.push(text("You gave this to yourself; the audit log marks it."));
    }
    let headline = if lines.is_empty() { text("Nothing was changed.") } else { lines.remove(0) };
    let tone = if is_for_oneself || hindered.wholly { Tone::Warning } else { Tone::Done };
    plain(tone, headline, lines)
}

/// A change in words.
pub struct Told {
    /// The change.
    pub headline: Line,
    /// Who gains or loses what by it; nothing if nobody does.
    pub meaning: Option<Line>,
    /// Where and until when it holds, and why it was made.
    pub limits: Vec<Line>,
}

/// What a change is, and who gains or loses what by it, as far as nothing is in its way.
#[must_use]
pub fn change(changed: &ChangedEntry, hindered: &Hindered) -> Told {
    match changed {
        ChangedEntry::Grant { after, .. } => grant_change(after, hindered),
        ChangedEntry::Channel { before, after } => channel_change(before.as_ref(), after),
    }
}

fn grant_change(grant: &Grant, hindered: &Hindered) -> Told {
    let is_revoked = grant.revoked_at.is_some();
    let who = subject(&grant.subject);
    let what = role_for(grant.role, &grant.rooms);
    let does = meaning(grant.role);
    let (headline, meaning) = match (grant.effect, is_revoked) {
        (Effect::Permit, false) if hindered.wholly => {
            (who.text(" is given ").and(what).text(", but gains nothing by it now"), None)
        }
        (Effect::Deny, false) if hindered.wholly => {
            (who.text(" is denied ").and(what).text(", but loses nothing by it now"), None)
        }
        (Effect::Permit, false) => (who.text(" is now ").and(what), Some(format!("Gains: {does}."))),
        (Effect::Permit, true) => (
            who.text(" is no longer ").and(what),
            Some(format!("Loses: {does}, unless another grant gives it.")),
        ),
        (Effect::Deny, false) => {
            (who.text(" is denied ").and(what), Some(format!("Loses: {does}, whatever else gives it.")))
        }
        (Effect::Deny, true) => (
            who.text(" is no longer denied ").and(what),
            Some(format!("Regains: {does}, where a grant gives it.")),
        ),
    };
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
    Told { headline: headline.text("."), meaning: meaning.map(text), limits }
}

/// What is in the way of an entry that was given, each without a full stop.
#[must_use]
pub fn hindrances(changed: &ChangedEntry, hindered: &Hindered) -> Vec<Line> {
    let ChangedEntry::Grant { after, .. } = changed else { return Vec::new() };
    let mut lines: Vec<Line> =
        hindered.by.iter().take(MOST_GRANTS).map(|hindrance| in_the_way(after, hindrance)).collect();
    if hindered.by.len() > MOST_GRANTS {
        lines.push(text(hindered.by.len() - MOST_GRANTS).text(" more things are in its way"));
    }
    lines
}

fn in_the_way(grant: &Grant, hindrance: &Hindrance) -> Line {
    match hindrance {
        Hindrance::Denied(denial) => {
            let line = text("grant ").text(denial.id).text(" denies ");
            let whom = if denial.subject == grant.subject { text("them") } else { subject(&denial.subject) };
            let line = line.and(whom).text(" ").and(role_for(denial.role, &denial.rooms));
            line.and(limited(denial)).text(", which wins over every grant until it is taken back")
        }
        Hindrance::Unread(denial) => {
            let line = text("grant ").text(denial.id).text(" denies ").and(subject(&denial.subject));
            let line = line.text(" ").and(role_for(denial.role, &denial.rooms)).and(limited(denial));
            line.text(", and who is in that group cannot be read right now")
        }
        Hindrance::Already(id) => text("grant ").text(id).text(match grant.effect {
            Effect::Permit => " gives them that already",
            Effect::Deny => " denies them that already",
        }),
        Hindrance::Elsewhere(place) => channel(place)
            .text(" is of another workspace or server than ")
            .and(subject(&grant.subject))
            .text(", so this can never count there"),
        Hindrance::NotAuthorised(place) => {
            channel(place).text(" is not authorised, so nobody can use the bot there")
        }
        Hindrance::ForOtherRooms(place, scope) => {
            channel(place).text(" is authorised for ").code(scope).text(" only")
        }
        Hindrance::NoChannel => text("no channel is authorised from which they could use it"),
        Hindrance::NotLookedUp => text(
            "SLACK_BOT_TOKEN is not set, so user groups of Slack are not looked up and this grant matches nobody",
        ),
        Hindrance::Local => {
            text("the command line needs no grant: whoever is on the bot's machine may do everything")
        }
    }
}

/// Who would gain or lose what by a change. `None` for a grant that does not exist.
#[must_use]
pub fn planned(change: &AclChange, grants: &[Grant], channels: &[AuthorisedChannel]) -> Option<Line> {
    let of = |who: &Subject, effect: Effect, given: bool, role: Role, scope: &RoomScope| {
        let verb = match (effect, given) {
            (Effect::Permit, true) => " gains ",
            (Effect::Permit, false) => " loses ",
            (Effect::Deny, true) => " is denied ",
            (Effect::Deny, false) => " is no longer denied ",
        };
        subject(who).text(verb).and(role_for(role, scope))
    };
    Some(match change {
        AclChange::Grant(new) => {
            let mut line = of(&new.subject, new.effect, true, new.role, &new.rooms);
            for (n, only) in new.channels.iter().enumerate() {
                line = line.text(if n == 0 { ", only in " } else { ", " }).and(channel(only));
            }
            match new.expires_at {
                Some(end) => line.text(", until ").text(minutes(end)),
                None => line,
            }
        }
        AclChange::Revoke(id) => {
            let grant = grants.iter().find(|grant| grant.id == *id)?;
            let line = of(&grant.subject, grant.effect, false, grant.role, &grant.rooms).and(limited(grant));
            line.text(" (grant ").text(id).text(")")
        }
        AclChange::AllowChannel { channel: place, rooms: scope } => {
            let line = channel(place).text(" is authorised for ").and(rooms(scope));
            match channels.iter().rfind(|entry| entry.channel == *place && entry.removed_at.is_none()) {
                Some(before) => line.text(" (now: ").and(rooms(&before.rooms)).text(")"),
                None => line,
            }
        }
        AclChange::RemoveChannel(place) => channel(place).text(" is authorised no more"),
    })
}

fn channel_change(before: Option<&AuthorisedChannel>, after: &AuthorisedChannel) -> Told {
    let here = channel(&after.channel);
    let (headline, meaning) = if after.removed_at.is_some() {
        (
            here.text(" is no longer authorised."),
            "Nobody can use the bot there any more; their grants stay and hold in other channels.",
        )
    } else {
        let line = here.text(" is now authorised for ").and(rooms(&after.rooms));
        let line = match before {
            Some(before) if before.rooms != after.rooms => {
                line.text(" (was: ").and(rooms(&before.rooms)).text(")")
            }
            _ => line,
        };
        (line.text("."), "Whoever has a grant may use it there.")
    };
    let reason = after.reason.as_ref().filter(|_| after.removed_at.is_none());
    let limits = reason.map(|reason| text("Reason given: ").code(reason)).into_iter().collect();
    Told { headline, meaning: Some(text(meaning)), limits }
}

fn not_edited(why: &NotEdited, name: &CommandName) -> Message {
    let list = || text("See ").code(name.line(&lists(Part::Live))).text(".");
    let (why, next) = match why {
        NotEdited::NoGrant(id) => (text("there is no grant ").text(id), list()),
        NotEdited::RevokedAlready(id) => (text("grant ").text(id).text(" was taken back before"), list()),
        NotEdited::NotAuthorised(place) => (
            channel(place).text(" is not authorised"),
            text("See ").code(name.line(&lists(Part::Channels))).text("."),
        ),
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
        NotEdited::Senseless(error) => (spans(&error.to_string()), text("Mend the file.")),
    };
    plain(Tone::Stop, text("Nothing was changed: ").and(why).text("."), vec![next])
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

fn whoami(principal: &Principal, place: &Place, footing: &Footing, whom: &Helpers) -> Message {
    let Footing { rights, denials, unread, is_authorised } = footing;
    let mut body = Vec::new();
    if !principal.groups.is_empty() {
        let mut line = text("Your groups: ");
        for (n, group) in principal.groups.iter().take(MOST_GRANTS).enumerate() {
            line = line.text(if n == 0 { "" } else { ", " }).and(subject(group));
        }
        body.push(line.text("."));
    }
    if let Place::Channel(here) = place {
        let line = text("This channel is ").code(here);
        body.push(if *is_authorised {
            line.text(".")
        } else {
            line.text(". It is not authorised, so nobody can use the bot here.")
        });
    }
    body.push(match rights.as_slice() {
        [] => text("You have no role here."),
        rights => {
            let mut line = text("Here you are ");
            for (n, right) in rights.iter().enumerate() {
                line = line.text(if n == 0 { "" } else { ", " }).and(role_for(right.role, &right.rooms));
            }
            line.text(".")
        }
    });
    body.extend(denied(denials));
    body.extend(unknown(unread));
    body.push(helpers(whom));
    plain(Tone::Plain, text("You are ").code(&principal.subject).text("."), body)
}

/// What somebody is denied, and by which entry.
pub(super) fn denied(denials: &[Grant]) -> Option<Line> {
    let mut line = text("You are denied ");
    for (n, denial) in denials.iter().take(MOST_GRANTS).enumerate() {
        let what = role_for(denial.role, &denial.rooms);
        line = line.text(if n == 0 { "" } else { ", " }).and(what);
        line = line.text(" (grant ").text(denial.id).text(")");
    }
    if denials.len() > MOST_GRANTS {
        line = line.text(" and by ").text(denials.len() - MOST_GRANTS).text(" more entries");
    }
    (!denials.is_empty()).then(|| line.text(", which wins over every grant."))
}

/// What somebody is refused as long as a group cannot be read.
pub(super) fn unknown(unread: &[Grant]) -> Option<Line> {
    let (first, more) = unread.split_first()?;
    let line = text("Refused right now: ").and(role_for(first.role, &first.rooms)).text(". Grant ");
    let line = line.text(first.id).text(" denies it to ").and(subject(&first.subject));
    let line = line.text(", which cannot be read, so that nobody knows whether you are in it");
    Some(match more.len() {
        0 => line.text("."),
        more => line.text("; and ").text(more).text(" more entries like it."),
    })
}

/// Whom to ask.
pub(super) fn helpers(whom: &Helpers) -> Line {
    let Some((first, more)) = whom.admins.split_first() else {
        return text(if whom.is_anybody_admin {
            "No other admin can help: ask whoever runs the bot."
        } else {
            "Nobody is an admin yet: whoever runs the bot gives the first role on its machine."
        });
    };
    let line = text("Admins who can help: ").and(subject(first));
    more.iter().fold(line, |line, admin| line.text(", ").and(subject(admin))).text(".")
}
