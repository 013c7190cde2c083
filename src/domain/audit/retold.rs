//! An outcome read again from its record, to be put into the same words once more.

use serde_json::Value;

use super::{AuditEntry, Outcome, OutcomeKind, RecordedEvent, Refusal};
use crate::domain::room::AccountId;

/// How the record of a change that a callback confirmed names the owner by now.
const OWNS_BY_NOW: &str = " owns the room by now";

/// What is added to what went wrong when `owner` has the room by now.
#[must_use]
pub fn owns_by_now(owner: &AccountId) -> String {
    format!("; {owner}{OWNS_BY_NOW}")
}

fn who_owns_by_now(info: &str) -> Option<AccountId> {
    let (_, owner) = info.strip_suffix(OWNS_BY_NOW)?.rsplit_once("; ")?;
    Some(AccountId::from_tencent(owner.to_owned()))
}

/// What came of an operation on a room, from its entry and its events; `None` while nobody knows, and for what
/// never went to Tencent. `remedy` says what to do after an error code.
#[must_use]
pub fn retold(
    entry: &AuditEntry,
    events: &[RecordedEvent],
    remedy: impl Fn(i64) -> String,
) -> Option<Outcome> {
    let account = |id: &String| AccountId::from_tencent(id.clone());
    let previous = entry.previous_owner.as_ref().map(account);
    let ended = events
        .iter()
        .rev()
        .filter_map(|event| serde_json::from_str::<Value>(&event.body).ok())
        .find(|body| body["event"] == "ended")
        .unwrap_or_default();
    let refusal = |usual: &str| Refusal {
        code: entry.error_code,
        info: entry.error_info.clone().unwrap_or_default(),
        request_id: entry.request_id.clone(),
        remedy: entry.error_code.map_or_else(|| usual.to_owned(), &remedy),
    };
    let look_first = "Look at the room's owner before you try again.";
    Some(match (entry.outcome, &entry.new_owner, ended["confirmed"].as_bool()) {
        (OutcomeKind::Succeeded, None, _) => Outcome::Shown(previous?),
        (OutcomeKind::Succeeded, Some(_), Some(confirmed)) => Outcome::Succeeded {
            previous,
            confirmed,
            request_id: entry.request_id.clone(),
            unclear: entry.error_info.is_some().then(|| refusal(look_first)),
        },
        // Succeeded without a read-back: a callback confirmed it.
        (OutcomeKind::Succeeded, Some(_), None) => Outcome::ConfirmedByCallback {
            previous,
            owner_now: entry.error_info.as_deref().and_then(who_owns_by_now),
            unclear: refusal(look_first),
        },
        (OutcomeKind::Unchanged, ..) => Outcome::Unchanged,
        (OutcomeKind::Refused, ..) => Outcome::Refused { previous, refusal: refusal(look_first) },
        (OutcomeKind::Unknown, ..) => Outcome::Unknown {
            previous,
            problem: refusal(look_first),
            owner_now: ended["owner_now"].as_str().map(|owner| AccountId::from_tencent(owner.to_owned())),
        },
        (OutcomeKind::Declined, ..) => Outcome::Declined(refusal("It is safe to send the command again.")),
        (OutcomeKind::Pending | OutcomeKind::Denied | OutcomeKind::Invalid | OutcomeKind::Duplicate, ..) => {
            return None;
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::audit::OperationId;
    use crate::domain::command::{RejectedRequest, Rejection};
    use serde_json::json;

    fn account(id: &str) -> AccountId {
        AccountId::from_tencent(id.to_owned())
    }

    /// What is read again after `outcome` was recorded as the store does it.
    fn again(outcome: &Outcome, new_owner: Option<&str>) -> Option<Outcome> {
        let request = RejectedRequest {
            principal: None,
            channel: None,
            delivery: None,
            typed: String::new(),
            rejection: Rejection::Unusable(String::new().into()),
        };
        let mut entry = AuditEntry::rejected(OperationId::new(1), jiff::Timestamp::UNIX_EPOCH, &request);
        entry.new_owner = new_owner.map(str::to_owned);
        entry.end(outcome, jiff::Timestamp::UNIX_EPOCH);
        let confirmed = match outcome {
            Outcome::Succeeded { confirmed, .. } => Some(*confirmed),
            _ => None,
        };
        let owner_now = match outcome {
            Outcome::Unknown { owner_now, .. } => owner_now.as_ref().map(ToString::to_string),
            _ => None,
        };
        let body = json!({ "event": "ended", "confirmed": confirmed, "owner_now": owner_now });
        let events = ["requested", "ended"].map(|event| {
            let body = if event == "ended" { body.clone() } else { json!({ "event": event }) };
            RecordedEvent { seq: 1, body: body.to_string() }
        });
        retold(&entry, &events, |code| format!("remedy of {code}"))
    }

    fn refusal(code: Option<i64>, info: &str, remedy: &str) -> Refusal {
        Refusal {
            code,
            info: info.to_owned(),
            request_id: Some("Id-1".to_owned()),
            remedy: remedy.to_owned(),
        }
    }

    #[test]
    fn every_outcome_is_read_again_as_it_was() {
        let previous = Some(account("carol"));
        let look = "Look at the room's owner before you try again.";
        let lost = refusal(None, "no answer", look);
        let told = |by_now: &str| refusal(None, &format!("no answer; a callback tells{by_now}"), look);
        let transfers = [
            Outcome::Succeeded {
                previous: previous.clone(),
                confirmed: false,
                request_id: Some("Id-1".to_owned()),
                unclear: None,
            },
            Outcome::Succeeded {
                previous: None,
                confirmed: true,
                request_id: Some("Id-1".to_owned()),
                unclear: Some(lost.clone()),
            },
            Outcome::ConfirmedByCallback { previous: previous.clone(), owner_now: None, unclear: told("") },
            Outcome::ConfirmedByCallback {
                previous: previous.clone(),
                owner_now: Some(account("erin")),
                unclear: told(&owns_by_now(&account("erin"))),
            },
            Outcome::Unchanged,
            Outcome::Refused {
                previous: previous.clone(),
                refusal: refusal(Some(100_005), "x", "remedy of 100005"),
            },
            Outcome::Unknown { previous: previous.clone(), problem: lost.clone(), owner_now: None },
            Outcome::Unknown { previous, problem: lost, owner_now: Some(account("erin")) },
            Outcome::Declined(refusal(None, "busy", "It is safe to send the command again.")),
        ];
        for outcome in &transfers {
            assert_eq!(again(outcome, Some("user2")).as_ref(), Some(outcome));
        }
        let shown = Outcome::Shown(account("carol"));
        assert_eq!(again(&shown, None), Some(shown));
    }
}
