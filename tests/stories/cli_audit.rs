//! A reviewer reads the log.

use insta::assert_snapshot;
use room_owner::app::ports::Store as _;
use room_owner::domain::audit::OperationId;
use room_owner::domain::reply_note::{HowReplied, ReplyNote};
use room_owner::store::{IfMissing, SqliteStore};

use super::cli_acl::names;
use super::program::Program;

const FIELDS: &str = "operation at actor actor_name channel command room new_owner previous_owner reason \
                      decision authority outcome error_code error_info request_id delivery_id duration_ms";

/// A log with one grant and three transfers: done, refused, and not understood.
async fn a_night() -> Program {
    let program = Program::new().await;
    for (words, code) in [
        ("acl grant slack:T1:U1 moderator", 0),
        ("transfer test user2 --reason host+left", 0),
        ("transfer gone user2", 4),
        ("transfer tést user2", 2),
    ] {
        let ran = program.runs(words).await;
        assert_eq!(ran.code, code, "{words}: {}", ran.err);
    }
    program
}

#[tokio::test]
async fn the_log_is_printed_in_four_forms_each_alone_on_stdout() {
    let program = a_night().await;
    let json = program.runs("audit list --format json").await;
    assert_eq!(json.json().as_array().unwrap().len(), 4);
    let lines = program.runs("audit list --format jsonl").await;
    let lines: Vec<_> = lines.out.lines().collect();
    assert_eq!(lines.len(), 4);
    for line in &lines {
        assert_eq!(names(line), FIELDS);
    }
    let csv = program.runs("audit list --format csv").await;
    assert_eq!(csv.out.lines().next().unwrap(), FIELDS.split_whitespace().collect::<Vec<_>>().join(","));
    assert_eq!(csv.out.lines().count(), 5);
    let table = program.runs("audit list").await;
    for part in ["How and why", "room-owner transfer test user2", "was carol", "100004", "invalid"] {
        assert!(table.out.contains(part), "{part}: {}", table.out);
    }
}

#[tokio::test]
async fn the_log_is_asked_by_what_one_knows() {
    let program = a_night().await;
    let count = async |filter: &str| {
        let ran = program.runs(&format!("audit list --format jsonl {filter}")).await;
        assert_eq!(ran.code, 0, "{filter}: {}", ran.err);
        ran.out.lines().count()
    };
    let newest = program.runs("audit list --room test --format json").await.json();
    let (actor, id) = (newest[0]["actor"].as_str().unwrap(), newest[0]["request_id"].as_str().unwrap());
    for (filter, expected) in [
        ("--room test", 1),
        ("--room gone", 1),
        ("--room other", 0),
        ("--outcome refused", 1),
        ("--outcome succeeded", 2),
        ("--outcome invalid", 1),
        ("--since 1h", 4),
        ("--until 1h", 0),
        ("--since 2099-01-01", 0),
        ("--until 2099-01-01T00:00:00Z", 4),
        ("--limit 2", 2),
        ("--limit 0", 4),
        ("--actor slack:T1:U1", 0),
        ("--room test --outcome refused", 0),
        (&format!("--actor {actor}"), 4),
        (&format!("--request-id {id}"), 1),
    ] {
        assert_eq!(count(filter).await, expected, "{filter}");
    }
    let cut = program.runs("audit list --limit 2").await;
    assert!(cut.err.contains("older ones are left out"), "{}", cut.err);
    for wrong in ["--outcome lost", "--since soon", "--room tést", "--actor alice", "--limit -1"] {
        let ran = program.runs(&format!("audit list {wrong}")).await;
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{wrong}: {}", ran.err);
    }
}

#[tokio::test]
async fn one_operation_is_shown_whole() {
    let program = a_night().await;
    let json = program.runs("audit show 2 --format json").await;
    assert_eq!(names(&json.out), FIELDS);
    let entry = json.json();
    assert_eq!(entry["operation"], "2");
    assert_eq!((&entry["previous_owner"], &entry["new_owner"]), (&"carol".into(), &"user2".into()));
    assert_eq!(
        (&entry["channel"], &entry["delivery_id"]),
        (&serde_json::Value::Null, &serde_json::Value::Null)
    );

    let shown = program.runs("audit show 2").await;
    insta::with_settings!({ filters => [
        (r"\d{4}-\d\d-\d\dT[\d:.]+Z", "[time]"),
        (r"cli:\S+", "cli:[user]"),
        (r"duration_ms     \d+", "duration_ms     [ms]"),
    ] }, {
        assert_snapshot!(shown.out, @r#"
        operation       2
        at              [time]
        actor           cli:[user]
        command         room-owner transfer test user2 --reason 'host left'
        room            test
        new_owner       user2
        previous_owner  carol
        reason          host left
        decision        permit
        authority       local
        outcome         succeeded
        request_id      Id-9dc6366a2003d418ace6b6c74e29980f-O-Seq-2
        duration_ms     [ms]
        "#);
    });

    // A note about its reply is a line for people; the fields of the entry stay as they are.
    let store = SqliteStore::open(&program.database_url(), IfMissing::Fail).await.unwrap();
    let note = ReplyNote { how: HowReplied::Posted, why: "discord answered 404\u{1b}[2J".to_owned() };
    let at = "2026-11-23T12:00:05Z".parse().unwrap();
    store.note_reply(OperationId::new(2), &note, at).await.unwrap();
    store.close().await;
    let noted = program.runs("audit show 2").await;
    let last = noted.out.lines().last().unwrap();
    assert_eq!(
        last,
        "reply           posted to the channel instead (discord answered 404\u{fffd}[2J) at 2026-11-23T12:00:05Z"
    );
    assert_eq!(names(&program.runs("audit show 2 --format json").await.out), FIELDS);

    let missing = program.runs("audit show 99").await;
    assert_eq!((missing.code, missing.out.as_str()), (1, ""));
    assert_eq!(missing.err, "there is no operation 99: `room-owner audit list` shows the latest\n");
    assert_eq!(program.runs("audit show last").await.code, 2);
}
