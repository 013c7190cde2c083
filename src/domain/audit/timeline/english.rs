//! The sentences of a timeline in English.

use jiff::Timestamp;

use super::StepWords;
use crate::domain::audit::event::{AskedAccess, Observed, OwnerChange, Request, SystemChange};
use crate::domain::audit::{Announced, OperationId, Outcome, OutcomeKind, millis};
use crate::domain::principal::Channel;
use crate::domain::reply_note::ReplyNote;
use crate::domain::room::{AccountId, RoomId};

/// English.
#[derive(Debug, Clone, Copy)]
pub struct English;

impl StepWords for English {
    fn received(&self, who: Option<&str>, place: Option<&Channel>, command: &str) -> String {
        let place = place.map(|channel| format!(" in {channel}")).unwrap_or_default();
        format!("{}{place}: {command}", who.unwrap_or("somebody unnamed"))
    }

    fn permitted(&self, request: &Request) -> String {
        let authority = request.authority.as_deref().unwrap_or_default();
        let Some(grant) = &request.grant else { return format!("permitted: {authority}") };
        let until = grant.expires_at.map(|end| format!(" until {}", millis(end))).unwrap_or_default();
        let member = match &request.member_of {
            Some(group) => format!(", as a member of {group}"),
            None => String::new(),
        };
        format!("permitted: {authority}, {} for {}{until}{member}", grant.role, grant.rooms)
    }

    fn denied(&self, reason: &str) -> String {
        format!("denied: {reason}")
    }

    fn asked(&self, asks: &AskedAccess, room: &RoomId) -> String {
        let until = millis(asks.lapses_at);
        format!("for the role {} for {room}; an admin can answer until {until}", asks.role)
    }

    fn access_answered(&self, by: OperationId, until: Option<Timestamp>) -> String {
        match until {
            Some(until) => format!("operation {by} gives the access until {}", millis(until)),
            None => format!("operation {by} does not give the access"),
        }
    }

    fn approved(&self, asker: &str, of: OperationId) -> String {
        format!("asked for by {asker} as operation {of}")
    }

    fn attempted(&self, room: &RoomId, to: Option<&AccountId>) -> String {
        match to {
            Some(owner) => format!("written down, then sent: hand {room} over to {owner}"),
            None => format!("written down, then asked: who owns {room}"),
        }
    }

    fn noted(&self, previous: &AccountId) -> String {
        format!("the call takes its time; the owner before is {previous}")
    }

    fn answered(&self, outcome: OutcomeKind, why: Option<&str>) -> String {
        with_detail(outcome.to_string(), why)
    }

    fn ended(&self, outcome: &Outcome) -> String {
        let mut what = outcome.kind().to_string();
        let problem = outcome.problem();
        if let Some(code) = problem.and_then(|problem| problem.code) {
            what.push_str(&format!(", code {code}"));
        }
        let mut what = with_detail(what, problem.map(|problem| problem.info.as_str()));
        match (outcome, outcome.previous_owner()) {
            (Outcome::Shown(owner), _) => what.push_str(&format!("; the owner is {owner}")),
            (_, Some(owner)) => what.push_str(&format!("; the owner before was {owner}")),
            _ => {}
        }
        if let Some(id) = outcome.request_id() {
            what.push_str(&format!("; RequestId {id}"));
        }
        what
    }

    fn read_back(&self, was_read: bool) -> String {
        let what = if was_read { "was read back" } else { "was not read back in time" };
        format!("the new owner {what}")
    }

    fn settled_by_callback(&self, owner_now: Option<&AccountId>) -> String {
        let now = owner_now.map(|owner| format!("; {owner} owns the room by now")).unwrap_or_default();
        format!("Tencent's callback reported the change{now}")
    }

    fn left_unknown(&self, owner_now: &AccountId) -> String {
        format!("{owner_now} owns the room by now; nothing more can be found out")
    }

    fn overridden(&self, by: OperationId) -> String {
        format!("operation {by} overrides it; it is not looked at any more")
    }

    fn callback(&self, change: &OwnerChange, owner_now: Option<&AccountId>) -> String {
        let at = millis(change.event_at);
        let mut what = format!("Tencent's callback reported the change, made at {at} by Tencent's clock");
        if let Some(operator) = &change.operator {
            what.push_str(&format!(", by {operator}"));
        }
        if let Some(owner) = &change.original_owner {
            what.push_str(&format!("; the owner before was {owner}"));
        }
        if let Some(owner) = owner_now {
            what.push_str(&format!("; the owner read back is {owner}"));
        }
        if !change.signed {
            what.push_str("; it was not signed, so who and from whom is only said");
        }
        what
    }

    fn observed(&self, observed: &Observed) -> String {
        let Observed { room, new_owner, outcome, doubt, .. } = observed;
        with_detail(format!("{outcome}: {room} belongs to {new_owner}"), doubt.as_deref())
    }

    fn changed(&self, change: &SystemChange) -> String {
        change.command()
    }

    fn reply(&self, note: &ReplyNote) -> String {
        note.to_string()
    }

    fn announced(&self, announced: &Announced) -> String {
        if let Some(person) = &announced.to {
            return match &announced.problem {
                None => format!("to {person} in a direct message"),
                Some(why) => format!("not to {person}: {why}"),
            };
        }
        let channel = &announced.channel;
        match (announced.link(), &announced.problem) {
            (Some(link), _) => format!("in {channel}: {link}"),
            (None, Some(why)) => format!("not in {channel}: {why}"),
            (None, None) => format!("in {channel}"),
        }
    }
}

fn with_detail(what: String, detail: Option<&str>) -> String {
    match detail {
        Some(detail) => format!("{what}: {detail}"),
        None => what,
    }
}
