//! What is decided about somebody and why, and who can hand a room over.

use jiff::Timestamp;

use super::lists::{MOST_GRANTS, limited, role_for};
use super::message::{Line, Message, Tone, channel, code, sentence, several, subject, text};
use crate::domain::access::{
    Effect, EligibleSubject, Grant, GrantMatch, Mark, RoomScope, Standing, UnreadGroup, list,
};
use crate::domain::principal::{Membership, Subject};
use crate::domain::reply::Explained;
use crate::domain::room::RoomId;

/// How many people or groups an answer names who can hand a room over, and how many channels for each:
/// what fits a message on every platform.
const MOST_ABLE: usize = 20;
const MOST_CHANNELS: usize = 4;

/// What is decided about somebody, and what bears on it.
pub fn explanation(explained: &Explained) -> Message {
    let Explained { principal, is_caller, channel: here, room, at, explanation, mark } = explained;
    let who = if *is_caller { text("you") } else { subject(&principal.subject) };
    let action = |line: Line| line.text(" hand ").code(room).text(" over in ").and(channel(here));
    let (tone, headline) = match &explanation.decision {
        Ok(authority) => {
            (Tone::Done, action(text("Yes: ").and(who).text(" may")).text(", by ").text(authority).text("."))
        }
        Err(_) if !explanation.open.is_empty() => {
            let one = explanation.open.len() == 1;
            let why = if one { ": group grant " } else { ": group grants " };
            let what = if one { " matches" } else { " match" };
            let line = action(text("Cannot tell whether ").and(who).text(" may"));
            let line = line.text(why).text(list(&explanation.open)).text(what);
            (Tone::Warning, line.text(", and who is in the group is not known here."))
        }
        Err(denial) => {
            (Tone::Stop, action(text("No: ").and(who).text(" may not")).text(": ").text(denial).text("."))
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
    if !principal.groups.is_empty() {
        let groups = several(&principal.groups, MOST_GRANTS, subject);
        body.push(text("Counted as a member of ").and(groups).text("."));
    }
    body.extend(mark.map(|mark| {
        code(room).text(" is marked ").text(mark).text(": ").text(match mark {
            Mark::Confirm => "whoever hands it over has to confirm it.",
            Mark::TwoPerson => "it takes a second person to hand it over.",
        })
    }));
    body.extend(scope_as_room(room).map(sentence));
    Message::new(tone, headline, body)
}

/// What groups that cannot be read mean for an answer, each line without a full stop.
pub fn unread_groups(unread: &[UnreadGroup]) -> Vec<Line> {
    let of = |effect, is_looked_up, why: &str| {
        let is_it = |it: &&UnreadGroup| it.effect == effect && it.is_looked_up == is_looked_up;
        let groups: Vec<Subject> = unread.iter().filter(is_it).map(|it| it.group.clone()).collect();
        (!groups.is_empty()).then(|| text(why).and(several(&groups, MOST_GRANTS, subject)))
    };
    let lines = [
        of(Effect::Permit, true, "not counted, because it cannot be read right now: "),
        of(
            Effect::Permit,
            false,
            "not counted, because the bot has no SLACK_BOT_TOKEN for that workspace, which whoever runs it sets: ",
        ),
        of(Effect::Deny, true, "refused until it can be read: whoever may be in "),
        of(
            Effect::Deny,
            false,
            "refused until whoever runs the bot sets SLACK_BOT_TOKEN for that workspace: whoever may be in ",
        ),
    ];
    lines.into_iter().flatten().collect()
}

/// That a room is asked about whose id looks like a scope, without a full stop: a copied scope easily comes to
/// where a room is meant.
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
        Standing::Removed(at) => Some(text("The channel was authorised until ").time(*at).text(".")),
        Standing::NotAuthorised => Some(text("The channel is not authorised.")),
    }
}

fn bearing(
    grant: &Grant,
    fit: GrantMatch,
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
        (GrantMatch::Matches, Effect::Permit) if !is_known => {
            line.and(what()).text(": permits it to members of ").and(subject(&grant.subject)).text(".")
        }
        (GrantMatch::Matches, Effect::Permit) if is_permitted => line.and(what()).text(": permits it."),
        (GrantMatch::Matches, Effect::Permit) => line.and(what()).text(": would permit it."),
        (GrantMatch::Matches, Effect::Deny) if !is_known => {
            let line = line.and(what()).text(": denies it to members of ").and(subject(&grant.subject));
            line.text(match grant.subject {
                Subject::DiscordRole { .. } => ".",
                _ => ", which cannot be read right now.",
            })
        }
        (GrantMatch::Matches, Effect::Deny) => line.and(what()).text(": denies it."),
        (GrantMatch::OutOfScope, _) => line.and(what()).text(", not for ").code(room).text("."),
        (GrantMatch::OtherChannels, _) => line.and(what()).text(", not here."),
        (GrantMatch::WrongRole, _) => line.and(what()).text(", which does not hand rooms over."),
        (GrantMatch::NotYet(begin), _) => {
            line.and(what()).text(", begins in ").text(span(begin, now)).text(".")
        }
        (GrantMatch::Ended(end), _) => {
            let how = if grant.revoked_at == Some(end) { " was taken back " } else { " expired " };
            line.text(how).text(span(end, now)).text(" ago").and(what()).text(".")
        }
    }
}

/// How long it is between two times, in one unit: `2 h`.
pub fn span(one: Timestamp, other: Timestamp) -> String {
    let seconds = one.duration_since(other).as_secs().unsigned_abs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

pub(super) fn who_can(room: &RoomId, able: &[EligibleSubject], unread: &[UnreadGroup]) -> Message {
    let headline = match able.len() {
        0 => text("Nobody can hand ").code(room).text(" over from chat."),
        _ => text("Who can hand ").code(room).text(" over:"),
    };
    let mut body: Vec<Line> = able
        .iter()
        .take(MOST_ABLE)
        .map(|able| {
            let line = subject(&able.subject).text(" · grant ").text(able.grant).text(" · in ");
            let line = line.and(several(&able.channels, MOST_CHANNELS, channel));
            line.and_if(able.until, |line, end| line.text(" · until ").time(end))
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
    Message::new(Tone::Plain, headline, body)
}
