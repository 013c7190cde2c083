//! The parts of the ACL as tables.

use jiff::Timestamp;

use crate::domain::access::{
    AclSetting, Action, AnnouncementChannel, Attention, AuthorisedChannel, Grant, RoomScope, Setting, is_live,
};
use crate::domain::asking::AccessRequest;
use crate::domain::principal::{Channel, Subject};
use crate::domain::reply::Names;
use crate::domain::room::visible;
use crate::page::{Heading, Pen, When};
use crate::web::kinds::{Change, Part, Piece};
use crate::web::log::clipped;
use crate::web::words::{AccessLabel, Words};

use super::names::who;

/// A table: its headings and rows.
pub(super) struct Table {
    pub(super) heads: Vec<&'static str>,
    pub(super) rows: Vec<Row>,
}

impl Table {
    /// Whether something can be done about one of its rows.
    pub(super) fn has_buttons(&self) -> bool {
        self.rows.iter().any(|row| row.button.is_some())
    }
}

/// A row: a cell for each heading but that of what can be done.
pub(super) struct Row {
    pub(super) cells: Vec<Vec<Piece>>,
    /// What can be done about it.
    pub(super) button: Option<RowButton>,
}

/// A button that plans a change of the entry in its row.
pub(super) struct RowButton {
    pub(super) change: Change,
    pub(super) label: &'static str,
    /// What it is for, for whoever does not see the row.
    pub(super) of: String,
    pub(super) given: Vec<(&'static str, String)>,
}

/// A request for access that waits.
pub(super) struct Waiting {
    pub(super) operation: i64,
    pub(super) who: Vec<Piece>,
    pub(super) room: String,
    pub(super) channel: String,
    pub(super) reason: String,
    pub(super) asked_at: When,
    pub(super) lapses_at: When,
    /// The length of time that was typed, and not taken.
    pub(super) typed: String,
    /// Whether the visitor may answer it.
    pub(super) can_answer: bool,
}

/// What rows are made with: the language, the names, and what the visitor may change.
pub(super) struct Writer<'a> {
    pub(super) said: &'static dyn Words,
    pub(super) names: &'a Names,
    pub(super) may: &'a dyn Fn(Action) -> bool,
    pub(super) now: Timestamp,
}

impl Writer<'_> {
    fn heads(&self, labels: &[AccessLabel]) -> Vec<&'static str> {
        let reason = self.said.page().heading(Heading::Reason);
        let before = labels.iter().map(|label| self.said.access(*label));
        before.chain([self.said.access(AccessLabel::MadeBy), reason]).collect()
    }

    fn rooms(&self, scope: &RoomScope) -> Vec<Piece> {
        vec![match self.said.every_room(scope) {
            Some(every) => Piece::Text(every.to_owned()),
            None => Piece::Code(visible(&scope.to_string())),
        }]
    }

    fn time(&self, at: Timestamp) -> Piece {
        Piece::Time(Pen::new(self.said.page(), None).when(at))
    }

    /// Who made an entry and when, and why.
    fn made(&self, by: &Subject, at: Timestamp, reason: Option<&String>) -> [Vec<Piece>; 2] {
        let mut made = who(by, self.names);
        made.extend([Piece::Text(" ".to_owned()), self.time(at)]);
        let reason = reason.map(|reason| Piece::Code(clipped(reason)));
        [made, reason.into_iter().collect()]
    }

    fn button(
        &self,
        rooms: &RoomScope,
        (change, label): (Change, AccessLabel),
        of: String,
        given: Vec<(&'static str, String)>,
    ) -> Option<RowButton> {
        let is_permitted = (self.may)(Action::EditAcl(vec![rooms.clone()]));
        is_permitted.then(|| RowButton { change, label: self.said.access(label), of: visible(&of), given })
    }

    /// Grants and deny entries; those that ended too, if there are any.
    pub(super) fn grants(&self, grants: &[(Grant, Option<Attention>)]) -> Table {
        let has_notes = grants.iter().any(|(_, why)| why.is_some());
        let labels = [
            AccessLabel::Number,
            AccessLabel::Who,
            AccessLabel::Role,
            AccessLabel::Rooms,
            AccessLabel::Channels,
            AccessLabel::Until,
        ];
        let mut heads = self.heads(&labels);
        if has_notes {
            heads.insert(labels.len(), self.said.access(AccessLabel::Note));
        }
        Table { heads, rows: grants.iter().map(|(grant, why)| self.grant(grant, *why, has_notes)).collect() }
    }

    fn grant(&self, grant: &Grant, why: Option<Attention>, has_notes: bool) -> Row {
        let mut cells = vec![
            vec![Piece::Text(grant.id.to_string())],
            who(&grant.subject, self.names),
            vec![Piece::Text(self.said.role(grant.role, grant.effect))],
            self.rooms(&grant.rooms),
            self.channels(&grant.channels),
            self.until(grant),
        ];
        if has_notes {
            cells.push(why.map(|why| Piece::Text(self.said.attention(why))).into_iter().collect());
        }
        cells.extend(self.made(&grant.granted_by, grant.granted_at, grant.reason.as_ref()));
        let of = format!("{} {}", grant.id, grant.subject);
        let given = vec![("grant", grant.id.to_string())];
        let is_there = is_live(grant, self.now);
        let button = is_there
            .then(|| self.button(&grant.rooms, (Change::Revoke, AccessLabel::Revoke), of, given))
            .flatten();
        Row { cells, button }
    }

    fn channels(&self, channels: &[Channel]) -> Vec<Piece> {
        if channels.is_empty() {
            return vec![Piece::Text(self.said.access(AccessLabel::EveryChannel).to_owned())];
        }
        let pieces = channels
            .iter()
            .flat_map(|channel| [Piece::Code(channel.to_string()), Piece::Text(" ".to_owned())]);
        pieces.collect()
    }

    fn until(&self, grant: &Grant) -> Vec<Piece> {
        match (grant.revoked_at, grant.expires_at) {
            (Some(revoked), _) => {
                let taken = format!("{} ", self.said.access(AccessLabel::TakenBack));
                vec![Piece::Text(taken), self.time(revoked)]
            }
            (None, Some(end)) => vec![self.time(end)],
            (None, None) => vec![Piece::Text(self.said.access(AccessLabel::NoEnd).to_owned())],
        }
    }

    /// The authorised channels.
    pub(super) fn authorised(&self, entries: &[AuthorisedChannel]) -> Table {
        let row = |entry: &AuthorisedChannel| {
            let mut cells = vec![vec![Piece::Code(entry.channel.to_string())], self.rooms(&entry.rooms)];
            cells.extend(self.made(&entry.allowed_by, entry.allowed_at, entry.reason.as_ref()));
            let of = entry.channel.to_string();
            let given = vec![("channel", of.clone())];
            Row { cells, button: self.button(&entry.rooms, (Change::Remove, AccessLabel::Remove), of, given) }
        };
        let heads = self.heads(&[AccessLabel::Channel, AccessLabel::Rooms]);
        Table { heads, rows: entries.iter().map(row).collect() }
    }

    /// The announcement channels.
    pub(super) fn announcements(&self, entries: &[AnnouncementChannel]) -> Table {
        let row = |entry: &AnnouncementChannel| {
            let note =
                entry.for_admins.then(|| Piece::Text(self.said.access(AccessLabel::AdminsRead).to_owned()));
            let channel = vec![Piece::Code(entry.channel.to_string())];
            let mut cells = vec![channel, self.rooms(&entry.rooms), note.into_iter().collect()];
            cells.extend(self.made(&entry.set_by, entry.set_at, entry.reason.as_ref()));
            let of = entry.channel.to_string();
            let given = vec![("channel", of.clone())];
            Row {
                cells,
                button: self.button(&entry.rooms, (Change::StopAnnouncing, AccessLabel::Stop), of, given),
            }
        };
        let heads = self.heads(&[AccessLabel::Channel, AccessLabel::Rooms, AccessLabel::Note]);
        Table { heads, rows: entries.iter().map(row).collect() }
    }

    /// Who has which account, or which rooms are marked.
    pub(super) fn settings(&self, part: Part, entries: &[AclSetting]) -> Table {
        let labels = match part {
            Part::Links => [AccessLabel::Who, AccessLabel::Account],
            _ => [AccessLabel::Rooms, AccessLabel::Mark],
        };
        Table { heads: self.heads(&labels), rows: entries.iter().map(|entry| self.setting(entry)).collect() }
    }

    fn setting(&self, entry: &AclSetting) -> Row {
        let key = entry.setting.key();
        let (mut cells, button) = match &entry.setting {
            Setting::Link { person, account } => {
                let cells = vec![who(person, self.names), vec![Piece::Code(visible(account.as_str()))]];
                let of = person.to_string();
                let given = vec![("who", of.clone())];
                (cells, self.button(key.rooms(), (Change::Unlink, AccessLabel::Unlink), of, given))
            }
            Setting::Mark { rooms, mark } => {
                let mark = self.said.choice_of_access(mark.name()).to_owned();
                let of = rooms.to_string();
                let given = vec![("rooms", of.clone()), ("mark", "off".to_owned())];
                (
                    vec![self.rooms(rooms), vec![Piece::Text(mark)]],
                    self.button(rooms, (Change::Mark, AccessLabel::Unmark), of, given),
                )
            }
        };
        cells.extend(self.made(&entry.set_by, entry.set_at, entry.reason.as_ref()));
        Row { cells, button }
    }

    /// A request for access, which `me` reads.
    pub(super) fn waiting(&self, ask: &AccessRequest, me: &Subject) -> Waiting {
        let when = |at| Pen::new(self.said.page(), None).when(at);
        Waiting {
            operation: ask.operation.seq(),
            who: who(&ask.person, self.names),
            room: visible(ask.room.as_str()),
            channel: ask.channel.to_string(),
            reason: visible(ask.reason.as_deref().unwrap_or_default()),
            asked_at: when(ask.asked_at),
            lapses_at: when(ask.lapses_at),
            typed: String::new(),
            can_answer: ask.person != *me && (self.may)(ask.action()),
        }
    }
}
