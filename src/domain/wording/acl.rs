//! Answers about the ACL.

use jiff::Timestamp;

use super::denial::{helpers, minutes};
use super::edits::{edited, not_edited, sentence};
use super::lists::{MOST_GRANTS, channels, limited, listed_grants, lists, paged, plain, role_for};
use super::message::{CommandName, Line, Message, Tone, channel, code, op, subject, text};
use crate::domain::access::{
    Able, Attention, AuthorisedChannel, ChangedEntry, Effect, Explanation, Fit, Footing, Grant, Helpers,
    Hindered, NotEdited, RoomScope, Standing,
};
use crate::domain::audit::OperationId;
use crate::domain::command::{Family, Listed, Part, Place};
use crate::domain::principal::{Channel, Membership, Principal, Subject};
use crate::domain::room::RoomId;

/// An answer about the ACL. It is for the caller alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AclAnswer {
    /// An edit that was made.
    Edited {
        /// The entries before and after, and what is in the way of each.
        changed: Vec<(ChangedEntry, Hindered)>,
        /// Whether it gives the caller something.
        is_for_oneself: bool,
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
    },
    /// A page of the authorised channels.
    Channels {
        /// Which page.
        page: u32,
        /// How many pages there are.
        pages: u32,
        /// The page's channels.
        entries: Vec<AuthorisedChannel>,
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

impl AclAnswer {
    /// Whom it names.
    #[must_use]
    pub fn subjects(&self) -> Vec<&Subject> {
        match self {
            Self::Edited { changed, .. } => changed
                .iter()
                .filter_map(|(entry, _)| match entry {
                    ChangedEntry::Grant { after, .. } => Some(&after.subject),
                    ChangedEntry::Channel { .. } => None,
                })
                .collect(),
            Self::Grants { grants, .. } => {
                grants.iter().flat_map(|(grant, _)| [&grant.subject, &grant.granted_by]).collect()
            }
            Self::Channels { entries, .. } => entries.iter().map(|entry| &entry.allowed_by).collect(),
            Self::Explained(explained) => explained.principal.subjects().collect(),
            Self::WhoCan { able, .. } => able.iter().map(|able| &able.subject).collect(),
            Self::NotEdited(NotEdited::AdminBeyond(admin)) => vec![admin],
            Self::NotEdited(_) | Self::WhoAmI { .. } | Self::Unreadable => Vec::new(),
        }
    }
}

/// A question about somebody's right to hand a room over, and what is decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// About whom, with the groups that were taken into account.
    pub principal: Principal,
    /// Whether that is the caller.
    pub is_caller: bool,
    /// Where.
    pub channel: Channel,
    /// Which room.
    pub room: RoomId,
    /// At what time.
    pub at: Timestamp,
    /// What is decided, and what bears on it.
    pub explanation: Explanation,
}

/// How many people or groups an answer names who can hand a room over, and how many channels for each:
/// what fits a message on every platform.
const MOST_ABLE: usize = 20;
const MOST_CHANNELS: usize = 4;

pub(super) fn acl(operation: OperationId, answer: &AclAnswer, name: &CommandName) -> Message {
    let name = name.of(Family::Acl);
    let mut message = match answer {
        AclAnswer::Edited { changed, is_for_oneself } => edited(changed, *is_for_oneself),
        AclAnswer::NotEdited(why) => not_edited(why, &name),
        AclAnswer::WhoAmI { principal, place, footing, helpers } => {
            whoami(principal, place, footing, helpers)
        }
        AclAnswer::Grants { listed, pages, grants, left_out } => {
            let mut message = listed_grants(listed, grants, *left_out, &name);
            paged(&mut message, listed.page, *pages, lists(listed.part, listed.who.as_ref()), &name);
            message
        }
        AclAnswer::Channels { page, pages, entries } => {
            let mut message = channels(entries, &name);
            paged(&mut message, *page, *pages, lists(Part::Channels, None), &name);
            message
        }
        AclAnswer::Explained(explained) => explanation(explained),
        AclAnswer::WhoCan { room, able, unread } => who_can(room, able, unread),
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
        body.push(match (is_authorised, whom.in_direct_message) {
            (true, _) => line.text("."),
            (false, false) => line.text(". It is not authorised, so nobody can use the bot here."),
            (false, true) => text("This is a direct message, where nobody can use the bot."),
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

/// What is decided about somebody, and what bears on it.
#[must_use]
pub fn explanation(explained: &Explained) -> Message {
    let Explained { principal, is_caller, channel: here, room, at, explanation } = explained;
    let who = if *is_caller { text("you") } else { subject(&principal.subject) };
    let deed = |line: Line| line.text(" hand ").code(room).text(" over in ").and(channel(here));
    let (tone, headline) = match &explanation.decision {
        Ok(authority) => {
            (Tone::Done, deed(text("Yes: ").and(who).text(" may")).text(", by ").text(authority).text("."))
        }
        Err(denial) => {
            (Tone::Stop, deed(text("No: ").and(who).text(" may not")).text(": ").text(denial).text("."))
        }
    };
    let mut body: Vec<Line> = standing(&explanation.channel).into_iter().collect();
    let grants = &explanation.grants;
    let is_permitted = explanation.decision.is_ok();
    body.extend(grants.iter().take(MOST_GRANTS).map(|(grant, fit)| {
        let is_known = principal.membership(&grant.subject) == Membership::In;
        bearing(grant, *fit, is_permitted, is_known, room, *at)
    }));
    if grants.len() > MOST_GRANTS {
        body.push(text(grants.len() - MOST_GRANTS).text(" more grants are further from it."));
    }
    if grants.is_empty() {
        body.push(text(if *is_caller { "No grant names you." } else { "No grant names them." }));
    }
    match principal.groups.as_slice() {
        [] if *is_caller => {}
        [] => {
            body.push(text("Grants to their groups and roles count too; which those are is not known here."))
        }
        groups => {
            let mut line = text("Counted as a member of ");
            for (n, group) in groups.iter().take(MOST_GRANTS).enumerate() {
                line = line.text(if n == 0 { "" } else { ", " }).and(subject(group));
            }
            body.push(line.text("."));
        }
    }
    body.extend(scope_as_room(room).map(sentence));
    plain(tone, headline, body)
}

/// What groups that cannot be read mean for an answer, each line without a full stop.
#[must_use]
pub fn unread_groups(unread: &[(Effect, Subject)]) -> Vec<Line> {
    let of = |effect, why: &str| {
        let groups: Vec<&Subject> =
            unread.iter().filter(|(its, _)| *its == effect).map(|(_, group)| group).collect();
        let mut line = text(why);
        for (n, group) in groups.iter().take(MOST_GRANTS).enumerate() {
            line = line.text(if n == 0 { "" } else { ", " }).and(subject(group));
        }
        if groups.len() > MOST_GRANTS {
            line = line.text(" and ").text(groups.len() - MOST_GRANTS).text(" more");
        }
        (!groups.is_empty()).then_some(line)
    };
    let permits = of(Effect::Permit, "not counted, because it cannot be read right now: ");
    let denials = of(Effect::Deny, "refused until it can be read: whoever may be in ");
    permits.into_iter().chain(denials).collect()
}

/// That a room is asked about whose id looks like a scope, without a full stop: a copied scope easily comes to
/// where a room is meant.
#[must_use]
pub fn scope_as_room(room: &RoomId) -> Option<Line> {
    // An id may hold a star, so that there may be such a room.
    let is_like_a_scope = matches!(room.as_str().parse(), Ok(RoomScope::All | RoomScope::Prefix(_)));
    is_like_a_scope.then(|| {
        code(room).text(" is taken for the id of a single room, not for a scope: name one of the rooms")
    })
}

fn standing(standing: &Standing) -> Option<Line> {
    match standing {
        Standing::Local | Standing::Authorised(RoomScope::All) => None,
        Standing::Authorised(scope) => Some(text("The channel is authorised for ").code(scope).text(".")),
        Standing::ForOtherRooms(scope) => {
            Some(text("The channel is authorised for ").code(scope).text(" only."))
        }
        Standing::Removed(at) => Some(text("The channel was authorised until ").text(minutes(*at)).text(".")),
        Standing::NotAuthorised => Some(text("The channel is not authorised.")),
    }
}

fn bearing(
    grant: &Grant,
    fit: Fit,
    is_permitted: bool,
    is_known: bool,
    room: &RoomId,
    now: Timestamp,
) -> Line {
    let line = text("Grant ").text(grant.id);
    let what = || {
        let denied = if grant.effect == Effect::Deny { "denied " } else { "" };
        text(": ").text(denied).and(role_for(grant.role, &grant.rooms)).and(limited(grant))
    };
    match (fit, grant.effect) {
        (Fit::Matches, Effect::Permit) if is_permitted => line.and(what()).text(": permits it."),
        (Fit::Matches, Effect::Permit) => line.and(what()).text(": would permit it."),
        (Fit::Matches, Effect::Deny) if !is_known => {
            let line = line.and(what()).text(": denies it to ").and(subject(&grant.subject));
            line.text(", and who is in that group cannot be read right now.")
        }
        (Fit::Matches, Effect::Deny) => line.and(what()).text(": denies it."),
        (Fit::OutOfScope, _) => line.and(what()).text(", not for ").code(room).text("."),
        (Fit::OtherChannels, _) => line.and(what()).text(", not here."),
        (Fit::WrongRole, _) => line.and(what()).text(", which does not hand rooms over."),
        (Fit::NotYet(begin), _) => line.and(what()).text(", begins in ").text(span(begin, now)).text("."),
        (Fit::Ended(end), _) => {
            let how = if grant.revoked_at == Some(end) { " was taken back " } else { " expired " };
            line.text(how).text(span(end, now)).text(" ago").and(what()).text(".")
        }
    }
}

/// How long it is between two times, in one unit: `2 h`.
#[must_use]
pub fn span(one: Timestamp, other: Timestamp) -> String {
    let seconds = one.duration_since(other).as_secs().unsigned_abs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

fn who_can(room: &RoomId, able: &[Able], unread: &[(Effect, Subject)]) -> Message {
    let headline = match able.len() {
        0 => text("Nobody can hand ").code(room).text(" over from chat."),
        _ => text("Who can hand ").code(room).text(" over:"),
    };
    let mut body: Vec<Line> = able
        .iter()
        .take(MOST_ABLE)
        .map(|able| {
            let mut line = subject(&able.subject).text(" · grant ").text(able.grant);
            for (n, place) in able.channels.iter().take(MOST_CHANNELS).enumerate() {
                line = line.text(if n == 0 { " · in " } else { ", " }).and(channel(place));
            }
            if able.channels.len() > MOST_CHANNELS {
                line = line.text(" and ").text(able.channels.len() - MOST_CHANNELS).text(" more");
            }
            match able.until {
                Some(end) => line.text(" · until ").text(minutes(end)),
                None => line,
            }
        })
        .collect();
    if able.len() > MOST_ABLE {
        body.push(
            text("and ")
                .text(able.len() - MOST_ABLE)
                .text(" more: ")
                .code("room-owner acl who-can")
                .text(" on the bot's machine names all."),
        );
    }
    body.extend(unread_groups(unread).into_iter().map(sentence));
    if !able.is_empty() {
        body.push(text("A deny entry for a group may still take it from one of its members."));
    }
    body.extend(scope_as_room(room).map(sentence));
    plain(Tone::Plain, headline, body)
}
