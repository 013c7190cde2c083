//! Entries as CloudEvents 1.0 with a body of OCSF, for a SIEM.
//!
//! The body is OCSF 1.6.0, class API Activity (6003), of the category Application Activity: a person, whose
//! right was decided upon, has a service do something to a resource. (Entity Management, 3004, is about
//! accounts and groups, and has no place for the decision.) README.md has the table of the fields.

use serde_json::{Map, Value, json};

use crate::domain::audit::{AuditEntry, OutcomeKind, millis};

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

/// One entry as a CloudEvent. Its `id` names the operation and its outcome: an operation that is exported
/// again because it ended in the meantime is another event.
pub(super) fn event(entry: &AuditEntry, source: &str) -> Value {
    let mut event = json!({
        "specversion": "1.0",
        "id": format!("{}-{}", entry.operation, entry.outcome),
        "source": source,
        "type": "room-owner.operation",
        "time": millis(entry.at),
        "datacontenttype": "application/json",
        "dataschema": format!("https://schema.ocsf.io/{OCSF}/classes/api_activity"),
        "data": body(entry),
    });
    if let (Some(room), Value::Object(event)) = (&entry.room, &mut event) {
        event.insert("subject".to_owned(), room.as_str().into());
    }
    event
}

fn body(entry: &AuditEntry) -> Value {
    let (operation, activity, activity_name) = match (&entry.room, &entry.new_owner) {
        (_, Some(_)) => ("change_room_owner", 3, "Update"),
        (Some(_), None) => ("get_room_owner", 2, "Read"),
        (None, None) => ("command", 99, "Other"),
    };
    let (status, status_name) = match entry.outcome {
        OutcomeKind::Succeeded | OutcomeKind::Unchanged => (1, "Success"),
        OutcomeKind::Refused | OutcomeKind::Denied | OutcomeKind::Declined | OutcomeKind::Invalid => {
            (2, "Failure")
        }
        OutcomeKind::Unknown | OutcomeKind::Pending => (0, "Unknown"),
        OutcomeKind::Duplicate => (99, "Other"),
    };
    let detail = match entry.outcome {
        OutcomeKind::Denied => entry.authority.as_ref(),
        OutcomeKind::Duplicate => entry.reason.as_ref(),
        _ => entry.error_info.as_ref(),
    };
    let door = match (&entry.actor, &entry.channel) {
        (Some(actor), _) => actor.to_string(),
        (None, Some(channel)) => channel.to_string(),
        (None, None) => "tencent".to_owned(),
    };
    let door = door.split(':').next().unwrap_or_default();

    let actor = match &entry.actor {
        Some(actor) => some([
            (
                "user",
                Some(some([("uid", Some(actor.to_string().into())), ("name", text(&entry.actor_name))])),
            ),
            (
                "authorizations",
                entry.decision.map(|decision| {
                    json!([some([
                        ("decision", Some(json!(decision))),
                        ("policy", entry.authority.as_ref().map(|authority| json!({ "name": authority }))),
                    ])])
                }),
            ),
        ]),
        None => json!({ "app_name": door }),
    };
    let api = some([
        ("operation", Some(operation.into())),
        ("service", Some(json!({ "name": "room-owner" }))),
        ("request", entry.request_id.as_ref().map(|id| json!({ "uid": id }))),
        (
            "response",
            (entry.error_code.is_some() || entry.error_info.is_some()).then(|| {
                some([
                    ("code", entry.error_code.map(Value::from)),
                    ("error_message", text(&entry.error_info)),
                ])
            }),
        ),
    ]);
    some([
        ("class_uid", Some(CLASS.into())),
        ("class_name", Some("API Activity".into())),
        ("category_uid", Some(6.into())),
        ("category_name", Some("Application Activity".into())),
        ("activity_id", Some(activity.into())),
        ("activity_name", Some(activity_name.into())),
        ("type_uid", Some((CLASS * 100 + activity).into())),
        ("type_name", Some(format!("API Activity: {activity_name}").into())),
        ("severity_id", Some(1.into())),
        ("severity", Some("Informational".into())),
        ("time", Some(entry.at.as_millisecond().into())),
        ("duration", entry.duration_ms.map(Value::from)),
        ("status_id", Some(status.into())),
        ("status", Some(status_name.into())),
        ("status_code", Some(entry.outcome.name().into())),
        ("status_detail", detail.map(|detail| detail.as_str().into())),
        ("message", Some(entry.command.as_str().into())),
        (
            "metadata",
            Some(json!({
                "version": OCSF,
                "uid": entry.operation.to_string(),
                "log_name": "audit",
                "product": { "name": "room-owner", "vendor_name": "room-owner", "version": env!("CARGO_PKG_VERSION") },
            })),
        ),
        ("actor", Some(actor)),
        ("api", Some(api)),
        (
            "src_endpoint",
            Some(some([
                ("svc_name", Some(door.into())),
                ("uid", entry.channel.as_ref().map(|channel| channel.to_string().into())),
            ])),
        ),
        ("resources", entry.room.as_ref().map(|room| json!([{ "uid": room, "type": "room" }]))),
        (
            "unmapped",
            Some(some([
                ("new_owner", text(&entry.new_owner)),
                ("previous_owner", text(&entry.previous_owner)),
                ("reason", text(&entry.reason)),
                ("delivery_id", text(&entry.delivery_id)),
            ])),
        ),
    ])
}

fn text(value: &Option<String>) -> Option<Value> {
    value.as_deref().map(Value::from)
}

/// An object of what is there.
fn some<const N: usize>(fields: [(&str, Option<Value>); N]) -> Value {
    let fields = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(fields.collect::<Map<_, _>>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::audit::DecisionKind;
    use crate::domain::audit::OperationId;

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
            "id": "17-succeeded",
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
        assert_eq!(event(&entry(), "/room-owner/a1"), expected);
    }

    #[test]
    fn a_refusal_carries_tencents_words_and_a_denial_its_reason() {
        let refused = AuditEntry {
            outcome: OutcomeKind::Refused,
            error_code: Some(100_004),
            error_info: Some("no such room".to_owned()),
            ..entry()
        };
        let data = &event(&refused, "/a")["data"];
        assert_eq!((&data["status_id"], &data["status_detail"]), (&2.into(), &"no such room".into()));
        assert_eq!(data["api"]["response"], json!({ "code": 100_004, "error_message": "no such room" }));

        let denied = AuditEntry {
            decision: Some(DecisionKind::Deny),
            authority: Some("no grant".to_owned()),
            outcome: OutcomeKind::Denied,
            ..entry()
        };
        let data = &event(&denied, "/a")["data"];
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
                let event = event(&entry, "/a");
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
