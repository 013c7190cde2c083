//! Entries as CloudEvents 1.0 with a body of OCSF, for a SIEM.
//!
//! The body is OCSF 1.6.0, class API Activity (6003), of the category Application Activity: a person, whose
//! right was decided upon, has a service do something to a resource. (Entity Management, 3004, is about
//! accounts and groups, and has no place for the decision.) docs/audit-log.md has the table of the fields.

use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::domain::audit::{Announced, AuditEntry, OutcomeKind, millis};

const OCSF: &str = "1.6.0";
const CLASS: u32 = 6_003;

/// Which bot it is from: the name of its log, as a path; with it the `id` is unique. A log without a signed
/// head has no name.
pub(super) fn source(log: Option<&str>) -> String {
    let log = log.unwrap_or("room-owner");
    // RFC 3986: what may stand in a path as it is, and the slash between its parts.
    let as_it_is = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    let mut source = String::from("/");
    for byte in log.bytes() {
        if as_it_is(byte) {
            source.push(char::from(byte));
        } else {
            source.push_str(&format!("%{byte:02X}"));
        }
    }
    source
}

/// One entry as a CloudEvent; of a change that a callback reported, with Tencent's time of it. Its `id` names the
/// operation and what is known of it: an operation that is exported again with more to it is another event, and one id
/// never stands for two contents.
pub(super) fn event(entry: &AuditEntry, changed_at: Option<Timestamp>, source: &str) -> Value {
    let known = json!([entry, changed_at.map(millis)]).to_string();
    let known = hex::encode(&Sha256::digest(known)[..6]);
    let mut event = json!({
        "specversion": "1.0",
        "id": format!("{}-{}-{known}", entry.operation, entry.outcome),
        "source": source,
        "type": "room-owner.operation",
        "subject": entry.room,
        "time": millis(entry.at),
        "datacontenttype": "application/json",
        "dataschema": "https://schema.ocsf.io/1.6.0/classes/api_activity",
        "data": activity(entry, changed_at),
    });
    leave_out_nulls(&mut event);
    event
}

fn activity(entry: &AuditEntry, changed_at: Option<Timestamp>) -> Value {
    let (operation, activity_id, activity_name, type_name) = match (&entry.room, &entry.new_owner) {
        (_, Some(_)) => ("change_room_owner", 3, "Update", "API Activity: Update"),
        (Some(_), None) => ("get_room_owner", 2, "Read", "API Activity: Read"),
        (None, None) => ("command", 99, "Other", "API Activity: Other"),
    };
    let (status_id, status) = match entry.outcome {
        OutcomeKind::Succeeded | OutcomeKind::Unchanged => (1, "Success"),
        OutcomeKind::Refused | OutcomeKind::Denied | OutcomeKind::Declined | OutcomeKind::Invalid => {
            (2, "Failure")
        }
        OutcomeKind::Unknown | OutcomeKind::Pending => (0, "Unknown"),
        OutcomeKind::Duplicate => (99, "Other"),
    };
    let status_detail = match entry.outcome {
        OutcomeKind::Denied => &entry.authority,
        OutcomeKind::Duplicate => &entry.reason,
        _ => &entry.error_info,
    };
    let door = door(entry);
    let policy = entry.authority.as_ref().map(|name| json!({ "name": name }));
    let authorizations =
        entry.decision.map(|decision| json!([{ "decision": decision.name(), "policy": policy }]));
    let actor = match (&entry.actor, &entry.actor_name) {
        (Some(actor), name) => json!({
            "user": { "uid": actor, "name": name },
            "authorizations": authorizations,
        }),
        // By Tencent's callback, who made the change in the app.
        (None, Some(operator)) => json!({ "user": { "uid": operator }, "app_name": door }),
        (None, None) => json!({ "app_name": door }),
    };
    let links: Vec<String> = entry.announced.iter().filter_map(Announced::link).collect();
    let has_answer = entry.error_code.is_some() || entry.error_info.is_some();
    json!({
        "class_uid": CLASS,
        "class_name": "API Activity",
        "category_uid": 6,
        "category_name": "Application Activity",
        "activity_id": activity_id,
        "activity_name": activity_name,
        "type_uid": CLASS * 100 + activity_id,
        "type_name": type_name,
        "severity_id": 1,
        "severity": "Informational",
        "time": entry.at.as_millisecond(),
        "duration": entry.duration_ms,
        "status_id": status_id,
        "status": status,
        "status_code": entry.outcome.name(),
        "status_detail": status_detail,
        "message": entry.command,
        "metadata": {
            "version": OCSF,
            "uid": entry.operation,
            "log_name": "audit",
            "product": {
                "name": "room-owner", "vendor_name": "room-owner", "version": env!("CARGO_PKG_VERSION"),
            },
        },
        "actor": actor,
        "api": {
            "operation": operation,
            "service": { "name": "room-owner" },
            "request": entry.request_id.as_ref().map(|uid| json!({ "uid": uid })),
            "response": has_answer
                .then(|| json!({ "code": entry.error_code, "error_message": entry.error_info })),
        },
        "src_endpoint": { "svc_name": door, "uid": entry.channel },
        "resources": entry.room.as_ref().map(|uid| json!([{ "uid": uid, "type": "room" }])),
        "unmapped": {
            "new_owner": entry.new_owner,
            "new_owner_person": entry.new_owner_person,
            "previous_owner": entry.previous_owner,
            "reason": entry.reason,
            "requested_by": entry.requested_by,
            "delivery_id": entry.delivery_id,
            "event_at": changed_at.map(millis),
            "announced": (!links.is_empty()).then_some(links),
        },
    })
}

/// What is not known has no field.
fn leave_out_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, value| !value.is_null());
            fields.values_mut().for_each(leave_out_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(leave_out_nulls),
        _ => {}
    }
}

/// By which way it came: what an id begins with.
fn door(entry: &AuditEntry) -> String {
    let mut door = match (&entry.actor, &entry.channel) {
        (Some(actor), _) => actor.to_string(),
        (None, Some(channel)) => channel.to_string(),
        (None, None) => "tencent".to_owned(),
    };
    door.truncate(door.find(':').unwrap_or(door.len()));
    door
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::audit::{DecisionKind, OperationId};

    fn entry() -> AuditEntry {
        AuditEntry {
            operation: OperationId::new(17),
            at: "2026-11-23T14:03:00.25Z".parse().unwrap(),
            actor: Some("slack:T1:U1".parse().unwrap()),
            actor_name: Some("alice".to_owned()),
            channel: Some("slack:T1:C1".parse().unwrap()),
            command: "/room-owner test user2 reason: host crashed".to_owned(),
            room: Some("test".parse().unwrap()),
            new_owner: Some("user2".to_owned()),
            previous_owner: Some("carol".to_owned()),
            reason: Some("host crashed".to_owned()),
            decision: Some(DecisionKind::Permit),
            authority: Some("grant 3".to_owned()),
            outcome: OutcomeKind::Succeeded,
            error_code: None,
            error_info: None,
            request_id: Some("Id-1".to_owned()),
            delivery_id: Some("slack:1.2".to_owned()),
            duration_ms: Some(120),
            announced: Vec::new(),
            new_owner_person: None,
            requested_by: None,
            requested_by_name: None,
        }
    }

    #[test]
    fn the_source_is_the_logs_name_as_a_path() {
        assert_eq!(source(Some("room-owner/7450dde0")), "/room-owner/7450dde0");
        assert_eq!(source(Some("Bühne?#%")), "/B%C3%BChne%3F%23%25");
        assert_eq!(source(None), "/room-owner");
    }

    /// Written by hand from the specification of CloudEvents 1.0 and the class API Activity of OCSF.
    #[test]
    fn a_transfer_is_an_update_of_a_room() {
        let expected = json!({
            "specversion": "1.0",
            "id": "17-succeeded-06fe7b6e8270",
            "source": "/room-owner/a1",
            "type": "room-owner.operation",
            "subject": "test",
            "time": "2026-11-23T14:03:00.250Z",
            "datacontenttype": "application/json",
            "dataschema": "https://schema.ocsf.io/1.6.0/classes/api_activity",
            "data": {
                "class_uid": 6003, "class_name": "API Activity",
                "category_uid": 6, "category_name": "Application Activity",
                "activity_id": 3, "activity_name": "Update",
                "type_uid": 600_303, "type_name": "API Activity: Update",
                "severity_id": 1, "severity": "Informational",
                "time": 1_795_442_580_250_i64, "duration": 120,
                "status_id": 1, "status": "Success", "status_code": "succeeded",
                "message": "/room-owner test user2 reason: host crashed",
                "metadata": {
                    "version": "1.6.0", "uid": "17", "log_name": "audit",
                    "product": { "name": "room-owner", "vendor_name": "room-owner", "version": "0.1.0" },
                },
                "actor": {
                    "user": { "uid": "slack:T1:U1", "name": "alice" },
                    "authorizations": [{ "decision": "permit", "policy": { "name": "grant 3" } }],
                },
                "api": {
                    "operation": "change_room_owner",
                    "service": { "name": "room-owner" },
                    "request": { "uid": "Id-1" },
                },
                "src_endpoint": { "svc_name": "slack", "uid": "slack:T1:C1" },
                "resources": [{ "uid": "test", "type": "room" }],
                "unmapped": {
                    "new_owner": "user2", "previous_owner": "carol", "reason": "host crashed",
                    "delivery_id": "slack:1.2",
                },
            },
        });
        assert_eq!(event(&entry(), None, "/room-owner/a1"), expected);
    }

    #[test]
    fn a_change_in_the_app_tells_who_made_it_and_when() {
        let changed_at = "2026-11-23T14:02:57.125Z".parse().unwrap();
        let observed = AuditEntry {
            actor: None,
            actor_name: Some("administrator".to_owned()),
            channel: None,
            command: "(observed) owner change".to_owned(),
            ..entry()
        };
        let data = &event(&observed, Some(changed_at), "/a")["data"];
        assert_eq!(data["actor"], json!({ "user": { "uid": "administrator" }, "app_name": "tencent" }));
        assert_eq!(data["unmapped"]["event_at"], "2026-11-23T14:02:57.125Z");
    }

    /// Whatever is known of an operation, an id means it alone, and means it always.
    #[test]
    fn an_id_means_one_thing() {
        let changed_at = "2026-11-23T14:02:57.125Z".parse().ok();
        let mut exported: Vec<(AuditEntry, Option<Timestamp>)> = vec![(entry(), None), (entry(), changed_at)];
        exported.push((AuditEntry { previous_owner: None, ..entry() }, None));
        exported.push((
            AuditEntry { error_info: Some("overridden by operation 19".to_owned()), ..entry() },
            None,
        ));
        exported.push((AuditEntry { duration_ms: Some(121), ..entry() }, None));
        exported.push((AuditEntry { outcome: OutcomeKind::Unknown, ..entry() }, None));
        let id = |(entry, at): &(AuditEntry, Option<Timestamp>)| event(entry, *at, "/a")["id"].to_string();
        let ids: std::collections::BTreeSet<String> = exported.iter().map(id).collect();
        assert_eq!(ids.len(), exported.len(), "{ids:?}");
        assert_eq!(ids, exported.iter().map(id).collect());
    }

    #[test]
    fn a_refusal_carries_tencents_words_and_a_denial_its_reason() {
        let refused = AuditEntry {
            outcome: OutcomeKind::Refused,
            error_code: Some(100_004),
            error_info: Some("no such room".to_owned()),
            ..entry()
        };
        let data = &event(&refused, None, "/a")["data"];
        assert_eq!((&data["status_id"], &data["status_detail"]), (&2.into(), &"no such room".into()));
        assert_eq!(data["api"]["response"], json!({ "code": 100_004, "error_message": "no such room" }));

        let denied = AuditEntry {
            decision: Some(DecisionKind::Deny),
            authority: Some("no grant".to_owned()),
            outcome: OutcomeKind::Denied,
            ..entry()
        };
        let data = &event(&denied, None, "/a")["data"];
        assert_eq!((&data["status"], &data["status_detail"]), (&"Failure".into(), &"no grant".into()));
        assert_eq!(data["actor"]["authorizations"][0]["decision"], "deny");
    }

    /// What the class requires is there in every entry: the least that an entry can hold.
    #[test]
    fn nothing_that_the_class_requires_is_missing() {
        for outcome in OutcomeKind::ALL {
            let bare = AuditEntry {
                actor: None,
                actor_name: None,
                channel: None,
                room: None,
                new_owner: None,
                previous_owner: None,
                reason: None,
                decision: None,
                authority: None,
                request_id: None,
                delivery_id: None,
                duration_ms: None,
                outcome: *outcome,
                ..entry()
            };
            for entry in [bare, AuditEntry { outcome: *outcome, ..entry() }] {
                let event = event(&entry, None, "/a");
                for name in ["specversion", "id", "source", "type"] {
                    assert!(event[name].as_str().is_some_and(|text| !text.is_empty()), "{name}");
                }
                let data = &event["data"];
                for name in ["activity_id", "category_uid", "class_uid", "severity_id", "time", "type_uid"] {
                    assert!(data[name].is_i64() || data[name].is_u64(), "{name}");
                }
                for name in ["actor", "api", "metadata", "src_endpoint"] {
                    assert!(data[name].as_object().is_some_and(|object| !object.is_empty()), "{name}");
                }
                assert!(data["api"]["operation"].is_string() && data["metadata"]["version"] == "1.6.0");
                let endpoint = &data["src_endpoint"];
                assert!(endpoint["svc_name"].as_str().is_some_and(|name| !name.is_empty()));
            }
        }
    }
}
