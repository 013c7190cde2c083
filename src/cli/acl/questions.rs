//! `acl why` and `acl who-can`.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use crate::app::ports::Store;
use crate::cli::print::{self, Row};
use crate::cli::{Exit, Format, WrongUsage, one_line, say};
use crate::domain::access::{
    Able, Action, Attention, Explanation, Fit, Grant, Known, Standing, explain, list, unread_groups,
    who_can as who,
};
use crate::domain::audit::{Moment, millis};
use crate::domain::command::Place;
use crate::domain::principal::{Channel, Membership, Subject};
use crate::domain::room::RoomId;
use crate::domain::wording;
use crate::domain::wording::acl::Explained;
use crate::domain::wording::acl::{explanation, scope_as_room, span};

/// Whose right is to be explained.
pub(super) struct Why {
    pub(super) subject: Subject,
    pub(super) groups: Vec<Subject>,
    pub(super) channel: Channel,
    pub(super) room: RoomId,
    pub(super) at: Option<Moment>,
}

/// The answer, for programs.
#[derive(Serialize)]
struct Answer<'a> {
    subject: &'a Subject,
    channel: &'a Channel,
    room: &'a RoomId,
    at: String,
    decision: &'static str,
    /// The grant that permits, or the reason of the denial.
    authority: String,
    channel_standing: String,
    /// The grants that name the subject or its groups, the nearest first.
    grants: Vec<Bearing<'a>>,
}

/// A grant and how it bears on the question.
#[derive(Serialize)]
struct Bearing<'a> {
    #[serde(flatten)]
    grant: &'a Grant,
    bearing: &'static str,
}

impl Row for Answer<'_> {
    const HEADINGS: &'static [&'static str] = &[];
    const FIELDS: &'static [&'static str] =
        &["subject", "channel", "room", "at", "decision", "authority", "channel_standing", "grants"];

    fn cells(&self) -> Vec<String> {
        Vec::new()
    }
}

pub(super) async fn why(
    store: &dyn Store,
    now: Timestamp,
    question: Why,
    known: &Known,
    format: Format,
) -> anyhow::Result<Exit> {
    let Why { subject, groups, channel, room, at } = question;
    let at = at.map(|at| at.resolve(now, &TimeZone::system())).transpose();
    let at = at.map_err(WrongUsage::of)?.unwrap_or(now);
    let mut principal = known.principal(subject, at);
    for group in groups {
        if principal.membership(&group) != Membership::In {
            principal.groups.push(group);
        }
    }
    let acl = store.acl_history_for(&principal, &channel).await?;
    let place = Place::Channel(channel.clone());
    let explained = Explained {
        explanation: explain(&principal, &place, &Action::Transfer(room.clone()), &acl, at),
        principal,
        is_caller: false,
        channel,
        room,
        at,
    };
    if format == Format::Table {
        if at != now {
            tell!("as of {at:.0}:");
        }
        say(&explanation(&explained));
    } else {
        print::one(&answer(&explained), format)?;
    }
    Ok(Exit::Done)
}

fn answer(explained: &Explained) -> Answer<'_> {
    let Explanation { decision, grants, channel } = &explained.explanation;
    let (decision, authority) = match decision {
        Ok(authority) => ("permit", authority.to_string()),
        Err(denial) => ("deny", denial.to_string()),
    };
    Answer {
        subject: &explained.principal.subject,
        channel: &explained.channel,
        room: &explained.room,
        at: millis(explained.at),
        decision,
        authority,
        channel_standing: match channel {
            Standing::Local => "local".to_owned(),
            Standing::Authorised(rooms) => format!("authorised for {rooms}"),
            Standing::ForOtherRooms(rooms) => format!("authorised for {rooms} only"),
            Standing::Removed(at) => format!("removed {}", millis(*at)),
            Standing::NotAuthorised => "not authorised".to_owned(),
        },
        grants: grants.iter().map(|(grant, fit)| Bearing { grant, bearing: bearing(*fit) }).collect(),
    }
}

fn bearing(fit: Fit) -> &'static str {
    match fit {
        Fit::Matches => "matches",
        Fit::OtherChannels => "other channels",
        Fit::OutOfScope => "other rooms",
        Fit::WrongRole => "other deeds",
        Fit::NotYet(_) => "begins later",
        Fit::Ended(_) => "ended",
    }
}

impl Row for Able {
    const HEADINGS: &'static [&'static str] = &["Subject", "Grant", "Until", "Channels"];
    const FIELDS: &'static [&'static str] = &["subject", "grant", "until", "channels"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.subject.to_string(),
            self.grant.to_string(),
            self.until.map(|until| format!("{until:.0}")).unwrap_or_default(),
            list(&self.channels),
        ]
    }
}

pub(super) async fn who_can(
    store: &dyn Store,
    now: Timestamp,
    room: RoomId,
    known: &Known,
    format: Format,
) -> anyhow::Result<Exit> {
    let grants = store.live_grants_for(&room, now).await?;
    let able = who(&room, &grants, &store.channels().await?, known, now);
    if able.is_empty() {
        tell!(
            "nobody can hand `{room}` over from chat: `room-owner acl why` says why somebody in particular cannot"
        );
    } else {
        tell!("a deny entry for a group may still take it from one of its members");
    }
    for line in wording::acl::unread_groups(&unread_groups(&room, &grants, known, now)) {
        tell!("note: {}", one_line(&line));
    }
    if let Some(line) = scope_as_room(&room) {
        tell!("note: {}", one_line(&line));
    }
    print::rows(&able, format)?;
    Ok(Exit::Done)
}

/// Why somebody should look at a grant.
pub(super) fn attention(why: &Attention, now: Timestamp) -> String {
    match why {
        Attention::EndsSoon(end) => format!("ends in {}", span(*end, now)),
        Attention::Unused(Some(last)) => format!("last used {} ago", span(*last, now)),
        Attention::Unused(None) => "never used".to_owned(),
    }
}
