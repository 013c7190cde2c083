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

/// The columns of a table; in JSON, what is absent in every entry has no field.
fn columns() -> String {
    FIELDS
        .split_whitespace()
        .chain(["announced", "new_owner_person", "requested_by", "requested_by_name"])
        .collect::<Vec<_>>()
        .join(",")
}

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
    assert_eq!(csv.out.lines().next().unwrap(), columns());
    assert_eq!(csv.out.lines().count(), 5);
    // All of it comes a part at a time, and reads the same.
    for (format, part) in [("json", &json), ("csv", &csv)] {
        let all = program.runs(&format!("audit list --limit 0 --format {format}")).await;
        assert_eq!(all.out, part.out, "{format}: {}", all.err);
        let none = program.runs(&format!("audit list --limit 0 --format {format} --room nowhere")).await;
        assert_eq!(none.out, program.runs(&format!("audit list --format {format} --room nowhere")).await.out);
    }
    let table = program.runs("audit list").await;
    for part in ["How and why", "  transfer test user2", "was carol", "100004", "invalid"] {
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
        ("--limit 0 --room nowhere", 0),
        ("--actor slack:T1:U1", 0),
        ("--room test --outcome refused", 0),
        ("--operation 2", 1),
        ("--operation 99", 0),
        ("--text HOST+LEFT", 1),
        ("--text gone", 1),
        ("--text grant+slack", 1),
        ("--text nobody+said+this", 0),
        ("--channel slack:T1:C1", 0),
        ("--before 2", 1),
        ("--since 2020-01-01+14:03+Europe/Berlin", 4),
        ("--since today --until now --zone Asia/Shanghai --limit 3", 3),
        ("--readings --text transfer+test", 2),
        (&format!("--actor {actor}"), 4),
        (&format!("--request-id {id}"), 1),
    ] {
        assert_eq!(count(filter).await, expected, "{filter}");
    }
    let cut = program.runs("audit list --limit 2 --format jsonl").await;
    let last: serde_json::Value = serde_json::from_str(cut.out.lines().last().unwrap()).unwrap();
    let last = last["operation"].as_str().unwrap();
    let says =
        format!("these are 2; older ones are left out: --before {last} goes on, --limit 0 shows all\n");
    assert!(cut.err.starts_with(&says), "{}", cut.err);
    let rest = program.runs(&format!("audit list --limit 2 --format jsonl --before {last}")).await;
    assert_eq!(rest.out.lines().count(), 2);
    assert!(!rest.err.contains("older ones"), "{}", rest.err);
    let nowhere = program.runs("audit list --before 99999").await;
    assert_eq!((nowhere.code, nowhere.out.as_str()), (1, ""));
    for wrong in [
        "--outcome lost",
        "--since soon",
        "--room tést",
        "--actor alice",
        "--limit -1",
        "--zone Mars",
        "--since 2026-10-25+02:30 --zone Europe/Berlin",
        "--text ",
        "--since 2h --until 3h",
    ] {
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
        (r"room-owner/[0-9a-f]{8}", "room-owner/[log]"),
        (r"[A-Za-z0-9+/]{43,}=", "[base64]"),
    ] }, {
        assert_snapshot!(shown.out, @"
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

        The signed head of the log that covers it:

        room-owner/[log]
        8
        [base64]

        — room-owner/[log] [base64]
        ");
    });

    // A note about its reply is a line for people; the fields of the entry stay as they are.
    let store = SqliteStore::open(&program.database_url(), IfMissing::Fail).await.unwrap();
    let note = ReplyNote { how: HowReplied::Posted, why: "discord answered 404\u{1b}[2J".to_owned() };
    let at = "2026-11-23T12:00:05Z".parse().unwrap();
    store.note_reply(OperationId::new(2), &note, at).await.unwrap();
    store.close().await;
    let noted = program.runs("audit show 2").await;
    let line = "the reply was posted to the channel instead (discord answered 404\u{fffd}[2J) at 2026-11-23T12:00:05.000Z";
    assert!(noted.err.lines().any(|said| said == line), "{}", noted.err);
    // A copy says all of it, the signed head too.
    assert_eq!(program.runs("backup copy.db").await.code, 0);
    let copied = program.runs("audit show 2 --database copy.db").await;
    assert_eq!((copied.code, &copied.out), (0, &noted.out), "{}", copied.err);
    assert_eq!(copied.err, format!("note: this is a copy; reading it is not recorded\n{line}\n"));
    let checked = program.runs("audit verify").await;
    assert_eq!(checked.code, 0, "{}{}", checked.out, checked.err);
    assert_eq!(names(&program.runs("audit show 2 --format json").await.out), FIELDS);

    let missing = program.runs("audit show 99").await;
    assert_eq!((missing.code, missing.out.as_str()), (1, ""));
    assert_eq!(missing.err, "error: there is no operation `99`: `room-owner audit list` shows the latest\n");
    assert_eq!(program.runs("audit show last").await.code, 2);
}

#[tokio::test]
async fn a_time_that_a_clock_shows_twice_is_asked_back() {
    let program = a_night().await;
    let twice = program.runs("audit owner-at test 2026-10-25+02:30+Europe/Berlin").await;
    assert_eq!((twice.code, twice.out.as_str()), (2, ""));
    assert_snapshot!(twice.err, @"error: `2026-10-25 02:30 Europe/Berlin` comes twice in Europe/Berlin: the clock is set back there; write 2026-10-25T02:30:00+02:00 or 2026-10-25T02:30:00+01:00");
    let coming = program.runs("audit owner-at test 2099-01-01 --zone UTC").await;
    assert_eq!((coming.code, coming.out.as_str()), (2, ""));
    let answer = "error: `2099-01-01` is still to come: it means 2099-01-01T00:00:00Z, and it is 20";
    assert!(coming.err.starts_with(answer), "{}", coming.err);
    for words in ["list", "stats", "export"] {
        let ran =
            program.runs(&format!("audit {words} --since 2026-10-02 --until 2026-10-01 --zone UTC")).await;
        assert_eq!((ran.code, ran.out.as_str()), (2, ""));
        assert_eq!(
            ran.err,
            "error: the end `2026-10-01` (2026-10-01T00:00:00Z) lies before the start `2026-10-02` \
             (2026-10-02T00:00:00Z): give the earlier time as the start\n"
        );
    }
    let readings = program.runs("audit list --readings --text owner-at --format jsonl").await;
    assert_eq!(
        readings.out.lines().count(),
        3,
        "the questions are recorded, answered or not: {}",
        readings.out
    );
}

/// What differs from run to run.
fn steady(text: &str) -> String {
    match text.split_once("RequestId ") {
        Some((before, _)) => format!("{before}RequestId [id]"),
        None => text.to_owned(),
    }
}

#[tokio::test]
async fn who_owned_a_room_at_a_time() {
    let program = a_night().await;
    let answer = program.runs("audit owner-at test now --format json").await.json();
    assert_eq!(
        (&answer["owner"], &answer["certainty"], &answer["basis"]),
        (&"user2".into(), &"known".into(), &"confirmed".into())
    );
    assert_eq!((&answer["operation"], &answer["next_operation"]), (&"2".into(), &serde_json::Value::Null));
    assert_eq!(answer["explanation"], "operation 2 handed it over; nothing later speaks against it");
    let history = program.runs("audit history test --format json").await.json();
    let newest = &history[0];
    assert_eq!((&newest["owner"], &newest["since"]), (&answer["owner"], &answer["since"]), "{history}");
    let people = program.runs("audit history test --zone UTC").await;
    assert!(
        people.out.contains("Who owned `test`, newest first:") && people.out.contains("(op 2)"),
        "{}",
        people.out
    );
    assert_eq!(program.runs("audit history test --since 2099-01-01").await.code, 2);
    let answer = program.runs("audit owner-at test 1h --format json").await.json();
    assert_eq!(
        (&answer["owner"], &answer["certainty"], &answer["basis"]),
        (&"carol".into(), &"inferred".into(), &"next".into())
    );
    assert_eq!(answer["next_operation"], "2");

    let people = program.runs("audit owner-at nowhere now").await;
    insta::with_settings!({ filters => [(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "[time]")] }, {
        assert_snapshot!(people.out, @r#"
        room            nowhere
        time            [time]
        certainty       unknown
        explanation     no earlier entry says who owned it, and nothing later says who owned it
        "#);
    });
    let names = names(&program.runs("audit owner-at test now --format json").await.out);
    assert_eq!(names, "room time owner certainty basis since operation next_operation explanation");
}

#[tokio::test]
async fn people_read_times_in_the_zone_that_they_name_and_programs_in_utc() {
    let program = a_night().await;
    let clocks = |text: &str| -> Vec<String> {
        let is_clock =
            |word: &&str| word.len() >= 8 && word[..8].chars().all(|c| c.is_ascii_digit() || c == ':');
        text.split_whitespace().filter(is_clock).map(|word| word[8..].to_owned()).collect()
    };
    for (zone, heading, offset) in [
        ("", "At (UTC)", ""),
        (" --zone UTC", "At (UTC)", ""),
        (" --zone Asia/Kolkata", "At (Asia/Kolkata)", "+05:30"),
    ] {
        let ran = program.runs(&format!("audit list{zone}")).await;
        assert!(ran.out.contains(heading), "{}", ran.out);
        assert_eq!(clocks(&ran.out), vec![offset; 4], "{}", ran.out);
        for format in ["json", "csv"] {
            let ran = program.runs(&format!("audit list --limit 1 --format {format}{zone}")).await;
            assert!(ran.out.contains('Z') && !ran.out.contains("+05:30"), "{}", ran.out);
        }
    }
    let answer = program.runs("audit owner-at test 2024-01-01+14:03 --zone Asia/Kolkata").await;
    assert!(answer.out.contains("time            2024-01-01 14:03:00+05:30\n"), "{}", answer.out);
    let answer = program.runs("audit owner-at test 2024-01-01+14:03+Asia/Kolkata --format json").await.json();
    assert_eq!(answer["time"], "2024-01-01T08:33:00.000Z");
    let counted = program.runs("audit stats --zone Asia/Kolkata").await;
    assert!(
        counted.out.contains("First (Asia/Kolkata)") && counted.out.contains("+05:30"),
        "{}",
        counted.out
    );
}

#[tokio::test]
async fn what_happened_when_within_an_operation() {
    let program = a_night().await;
    let steps = program.runs("audit timeline 2 --format jsonl").await;
    assert_eq!(names(steps.out.lines().next().unwrap()), "operation seq at step what wait_ms");
    let line = |line: &str| {
        let step: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(step["wait_ms"].is_null() == (step["step"] == "received"), "{line}");
        let what = step["what"].as_str().unwrap().replace(step_actor(&step).as_str(), "[user]");
        format!("{} {}: {}", step["seq"], step["step"].as_str().unwrap(), steady(&what))
    };
    let lines: Vec<String> = steps.out.lines().map(line).collect();
    assert_snapshot!(lines.join("\n"), @r#"
    2 received: [user]: room-owner transfer test user2 --reason 'host left'
    2 decided: permitted: local
    2 attempted: written down, then sent: hand test over to user2
    3 answered: succeeded; the owner before was carol; RequestId [id]
    3 confirmed: the new owner was read back
    "#);
    let missing = program.runs("audit timeline 99").await;
    assert_eq!((missing.code, missing.out.as_str()), (1, ""));
}

fn step_actor(step: &serde_json::Value) -> String {
    let what = step["what"].as_str().unwrap();
    if step["step"] == "received" { what[..what.find(": ").unwrap()].to_owned() } else { "\0".to_owned() }
}

#[tokio::test]
async fn operations_are_counted() {
    let program = a_night().await;
    let stats = program.runs("audit stats --format json").await.json();
    let keys: Vec<_> = stats.as_array().unwrap().iter().map(|row| row["key"].as_str().unwrap()).collect();
    assert_eq!(keys, ["succeeded", "invalid", "refused"]);
    assert_eq!(stats[0]["operations"], 2);
    let rooms = program.runs("audit stats --by room --outcome refused --format jsonl").await;
    assert_eq!(rooms.out.lines().count(), 1);
    assert_eq!(names(&rooms.out), "by key operations done refused denied open other first last");
    let cut = program.runs("audit stats --limit 1").await;
    assert!(cut.err.contains("these are 1; more are left out: --limit 0 shows all"), "{}", cut.err);
    assert_eq!(program.runs("audit stats --by weather").await.code, 2);
}

#[tokio::test]
async fn the_log_is_taken_elsewhere_a_part_at_a_time() {
    let program = a_night().await;
    let all = program.runs("audit export --cursor-file cursor").await;
    assert_eq!((all.code, all.out.lines().count()), (0, 4), "{}", all.err);
    assert_eq!(names(all.out.lines().next().unwrap()), FIELDS);
    assert!(all.out.starts_with(r#"{"operation":"1","#), "oldest first: {}", all.out);
    assert!(all.err.contains("4 operations written; --after "), "{}", all.err);
    let cursor = all.err.split("--after ").nth(1).unwrap().split(' ').next().unwrap();

    let none = program.runs("audit export --cursor-file cursor").await;
    assert_eq!((none.code, none.out.as_str()), (0, ""), "{}", none.err);
    assert_eq!(program.runs("transfer test user3").await.code, 0);
    for way in ["--cursor-file cursor".to_owned(), format!("--after {cursor}"), format!("--since {cursor}")] {
        let more = program.runs(&format!("audit export --format cloudevents {way}")).await;
        let event: serde_json::Value = serde_json::from_str(&more.out).unwrap();
        assert_eq!((&event["specversion"], &event["subject"]), (&"1.0".into(), &"test".into()));
        assert_eq!(event["data"]["unmapped"]["new_owner"], "user3");
        assert_eq!(event["data"]["class_uid"], 6003);
        let key = program.runs("audit key").await.out;
        assert_eq!(event["source"], format!("/{}", key.split('+').next().unwrap()));
    }
    let csv = program.runs("audit export --format csv --room test").await;
    assert_eq!(csv.out.lines().next().unwrap(), columns());
    assert_eq!(csv.out.lines().count(), 3);
    let empty = program.runs("audit export --format csv --room nowhere").await;
    assert_eq!(empty.out.lines().count(), 1, "the header");

    for stray in ["audit list --since 4", "audit stats --since 4", "audit export --since 4 --after 4"] {
        let stray = program.runs(stray).await;
        assert_eq!((stray.code, stray.out.as_str()), (2, ""));
        assert!(stray.err.contains("`--since 4` is a cursor"), "{}", stray.err);
    }
    let ahead = program.runs("audit export --after 99999").await;
    assert_eq!((ahead.code, ahead.out.as_str()), (1, ""));
    assert!(ahead.err.contains("is this another database"), "{}", ahead.err);
    std::fs::write(program.path("cursor"), "nonsense").unwrap();
    let broken = program.runs("audit export --cursor-file cursor").await;
    assert_eq!((broken.code, broken.out.as_str()), (1, ""));
    assert!(broken.err.contains("`cursor` does not hold a cursor: delete it"), "{}", broken.err);
}

#[tokio::test]
async fn who_reads_the_log_is_in_the_log() {
    let program = a_night().await;
    for words in [
        "audit list",
        "audit show 2",
        "audit owner-at test now",
        "audit timeline 2",
        "audit stats",
        "audit export",
    ] {
        assert_eq!(program.runs(words).await.code, 0);
    }
    let shown = program.runs("audit list --limit 0").await;
    assert!(!shown.out.contains("room-owner audit"), "{}", shown.out);
    assert!(shown.err.contains("6 readings of the log are left out: --readings shows them"), "{}", shown.err);
    let readings = program.runs("audit list --readings --text room-owner+audit --format json").await.json();
    let answer: Vec<_> =
        readings.as_array().unwrap().iter().map(|entry| entry["command"].as_str().unwrap()).collect();
    assert_eq!(
        answer,
        [
            "room-owner audit list --readings --text 'room-owner audit' --format json",
            "room-owner audit list --limit 0",
            "room-owner audit export",
            "room-owner audit stats",
            "room-owner audit timeline 2",
            "room-owner audit owner-at test now",
            "room-owner audit show 2",
            "room-owner audit list",
        ]
    );
    for entry in readings.as_array().unwrap() {
        assert_eq!((&entry["authority"], &entry["outcome"]), (&"local".into(), &"succeeded".into()));
    }
}

#[tokio::test]
async fn of_exports_that_bring_nothing_the_first_of_the_day_is_recorded() {
    let program = a_night().await;
    let export = "audit export --format jsonl --cursor-file cursor";
    let polls = async || {
        let listed = program.runs("audit list --readings --limit 0 --text cursor-file --format jsonl").await;
        listed.out.lines().filter(|line| line.contains(export)).count()
    };
    let mut rows = Vec::new();
    for _ in 0..4 {
        let ran = program.runs(export).await;
        assert_eq!(ran.code, 0, "{}", ran.err);
        rows.push(ran.out.lines().count());
    }
    assert_eq!((rows, polls().await), (vec![4, 0, 0, 0], 1));
    assert_eq!(program.runs("transfer test user3").await.code, 0);
    assert_eq!(program.runs(export).await.out.lines().count(), 1);
    assert_eq!(polls().await, 2, "what brings something is recorded");
    // In another form it is another reading.
    let other = program.runs("audit export --format csv --cursor-file cursor").await;
    assert_eq!(other.out.lines().count(), 1, "{}", other.out);
    let listed = program.runs("audit list --readings --text csv --format jsonl").await;
    assert_eq!(listed.out.lines().filter(|line| line.contains("audit export")).count(), 1);
}

#[tokio::test]
async fn what_cannot_be_recorded_is_not_shown() {
    let program = a_night().await;
    let file = program.path("room-owner.db");
    let copy = program.path("copy.db");
    std::fs::copy(&file, &copy).unwrap();
    // Another process holds the write lock for longer than is waited.
    let mut holder = program.raw().await;
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut holder).await.unwrap();
    for words in ["audit list", "audit show 2", "audit export", "audit stats", "audit timeline 2"] {
        let ran = program.runs(words).await;
        assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{words}: {}", ran.err);
        assert!(
            ran.err.contains("Nothing was done: the audit log cannot be written right now"),
            "{}",
            ran.err
        );
    }
    let ran = program.runs("audit list --database copy.db --format jsonl").await;
    assert_eq!((ran.code, ran.out.lines().count()), (0, 4), "{}", ran.err);
    assert_eq!(ran.err, "note: this is a copy; reading it is not recorded\n");
    // By another name it is the log all the same.
    std::fs::hard_link(&file, program.path("linked.db")).unwrap();
    std::os::unix::fs::symlink(&file, program.path("pointing.db")).unwrap();
    for name in ["room-owner.db", "./room-owner.db", "linked.db", "pointing.db"] {
        let ran = program.runs(&format!("audit list --database {name}")).await;
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{name}: {}", ran.err);
        assert_eq!(
            ran.err,
            format!(
                "error: `{name}` is the log itself, not a copy: leave out --database, and the reading is recorded; \
                 `room-owner backup <file>` makes a copy\n"
            )
        );
    }
    let ran = program.runs("audit list --database nowhere.db").await;
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    assert!(ran.err.contains("there is no file `nowhere.db`"), "{}", ran.err);
}

#[tokio::test]
async fn what_keeps_the_log_answers_programs_too() {
    let program = Program::new().await;
    assert_eq!(program.runs("transfer test user2").await.code, 0);
    let proofs = program.runs("audit prove 1 --format json").await.json();
    let first = &proofs[0];
    assert_eq!((&first["event"], proofs.as_array().unwrap().len()), (&serde_json::json!(1), 2), "{proofs}");
    assert!(first["leaf"].as_str().unwrap().starts_with('{'), "{first}");
    assert!(first["proof"].as_str().unwrap().starts_with("c2sp.org/tlog-proof@v1"), "{first}");
    let ran = program.runs("audit prove 1 --out proof --format json").await;
    assert_eq!(ran.json(), proofs);
    assert!(ran.err.contains("wrote `proof/event-1.json`"), "{}", ran.err);

    let copy = program.runs("backup copy.db --format json").await;
    assert_eq!((copy.code, &copy.json()["sound"]), (0, &serde_json::json!(true)), "{}", copy.err);
    let none = program.runs("audit archive --before 2h none.archive --format json").await;
    let nothing = serde_json::json!({
        "operation": null, "first": null, "last": null, "file": null, "removed": 0, "held_up_by": null,
    });
    assert_eq!((none.code, none.json()), (0, nothing), "{}", none.err);
}

#[tokio::test]
async fn a_list_without_a_row_says_what_to_do_next() {
    let program = Program::new().await;
    let mut all = String::new();
    for words in [
        "acl list",
        "acl list slack:T0123456789:U0123456789",
        "acl list --attention",
        "acl channel list",
        "acl who-can test",
        "audit list --room gone",
        "audit list --room gone --limit 0",
        "audit stats --room gone",
        "tencent callbacks show",
    ] {
        let ran = program.runs(words).await;
        assert_eq!(ran.code, 0, "{words}: {}", ran.err);
        all += &format!("# {words}\n{}{}", ran.out, ran.err);
    }
    assert_snapshot!(all, @"
    # acl list
    nobody may do anything yet: `room-owner acl grant <subject> <role>` gives the first role
    # acl list slack:T0123456789:U0123456789
    no live grant names slack:T0123456789:U0123456789: `room-owner acl grant slack:T0123456789:U0123456789 <role>` gives one, --all shows ended ones
    # acl list --attention
    no grant ends within 24 hours, and none was unused for 90 days: without --attention, all are shown
    # acl channel list
    no channel is authorised yet: `room-owner acl channel allow <channel>` authorises the first
    # acl who-can test
    nobody can hand `test` over from chat: `room-owner acl why` says why somebody in particular cannot
    # audit list --room gone
    no entry matches: leave a filter out, or take a longer time; `room-owner audit list` shows the latest
    # audit list --room gone --limit 0
    no entry matches: leave a filter out, or take a longer time; `room-owner audit list` shows the latest
    # audit stats --room gone
    no entry matches: leave a filter out, or take a longer time; `room-owner audit list` shows the latest
    # tencent callbacks show
    Tencent sends no callbacks. `room-owner tencent callbacks set <url>` has them sent.
    ");
}

#[tokio::test]
async fn a_case_is_made_while_the_bot_runs() {
    let program = a_night().await;
    let serving = program.serves().await;
    let ran = program.runs_with(&[("LANG", "zh_CN.UTF-8")], "audit case --room test --out case").await;
    assert_eq!((ran.code, ran.out.as_str()), (0, ""), "{}", ran.err);
    let page = std::fs::read_to_string(program.path("case/case.html")).unwrap();
    assert!(
        page.contains("<html lang=\"zh-CN\">") && page.contains("<h1>事件卷宗：房间 test</h1>"),
        "{page}"
    );
    let rows = std::fs::read_to_string(program.path("case/operations.jsonl")).unwrap();
    assert_eq!(rows, program.runs("audit list --room test --format jsonl").await.out);
    drop(serving);
    // The settings' secrets are in none of its files.
    for entry in std::fs::read_dir(program.path("case")).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        for name in ["TENCENT_SECRET_KEY", "SLACK_SIGNING_SECRET"] {
            assert!(!text.contains(&program.setting(name)), "{name}");
        }
    }
    let readings = program.runs("audit list --readings --text audit+case --format jsonl").await;
    assert!(
        readings.out.contains("\"command\":\"room-owner audit case --room test --out case\""),
        "{}",
        readings.out
    );
}
