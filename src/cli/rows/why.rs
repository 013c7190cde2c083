//! What is decided about somebody, and by which grants.

use serde::Serialize;

use crate::cli::print::Row;
use crate::domain::access::{Explanation, Grant, GrantMatch, Mark, Standing};
use crate::domain::audit::millis;
use crate::domain::principal::{Channel, Membership, Subject};
use crate::domain::reply::Explained;
use crate::domain::room::RoomId;

/// The answer, for programs.
#[derive(Serialize)]
pub(in crate::cli) struct Why<'a> {
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
    /// What a hand-over of the room takes beyond the right to it.
    mark: Option<Mark>,
}

/// A grant and how it bears on the question.
#[derive(Serialize)]
struct Bearing<'a> {
    #[serde(flatten)]
    grant: &'a Grant,
    bearing: &'static str,
}

impl Row for Why<'_> {
    const FIELDS: &'static [&'static str] =
        &["subject", "channel", "room", "at", "decision", "authority", "channel_standing", "grants", "mark"];
}

impl<'a> From<&'a Explained> for Why<'a> {
    fn from(explained: &'a Explained) -> Self {
        let Explanation { decision, grants, open, channel } = &explained.explanation;
        let (decision, authority) = match decision {
            Ok(authority) => ("permit", authority.to_string()),
            Err(denial) if open.is_empty() => ("deny", denial.to_string()),
            Err(denial) => ("unknown", denial.to_string()),
        };
        let bearing = |(grant, fit): &'a (Grant, GrantMatch)| {
            let is_member = explained.principal.membership(&grant.subject) == Membership::In;
            let bearing = match fit {
                GrantMatch::Matches if is_member => "matches",
                GrantMatch::Matches => "matches members",
                GrantMatch::OtherChannels => "other channels",
                GrantMatch::OutOfScope => "other rooms",
                GrantMatch::WrongRole => "other actions",
                GrantMatch::NotYet(_) => "begins later",
                GrantMatch::Ended(_) => "ended",
            };
            Bearing { grant, bearing }
        };
        Self {
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
            grants: grants.iter().map(bearing).collect(),
            mark: explained.mark,
        }
    }
}
