//! `/metrics`, the alerts and the dashboard: what they name is there, also before anything has happened.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::crash::allowed;
use super::program::{Program, Serving};
use super::slack::ALICE;

/// A bot with all that has metrics: Slack with groups, and Discord's gateway, of which nothing is heard.
async fn serving() -> (Program, Serving) {
    let mut program = Program::new().await;
    allowed(&program).await;
    for (name, value) in [
        ("SLACK_BOT_TOKEN", "xoxb-1-the-token"),
        ("SLACK_API_BASE_URL", "http://127.0.0.1:9/api"),
        ("DISCORD_BOT_TOKEN", "the-token"),
        ("DISCORD_API_BASE_URL", "http://127.0.0.1:9"),
    ] {
        program.set(name, value);
    }
    let serving = program.serves().await;
    (program, serving)
}

/// The value of a series.
fn value(scrape: &str, series: &str) -> f64 {
    let line = scrape.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("`{series}` is not in\n{scrape}")).parse().unwrap()
}

#[tokio::test]
async fn what_happens_is_counted_and_what_has_not_happened_is_0() {
    let (program, serving) = serving().await;
    let scrape = program.page("/metrics").await.1;
    for series in [
        r#"room_owner_commands_total{command="transfer",door="slack",outcome="succeeded"}"#,
        r#"room_owner_commands_total{command="acl_edit",door="discord",outcome="denied"}"#,
        "room_owner_command_duration_seconds_count",
        r#"room_owner_step_duration_seconds_count{step="admission"}"#,
        r#"room_owner_tencent_calls_total{api="change_room_owner",code="0"}"#,
        r#"room_owner_tencent_call_duration_seconds_count{api="get_room_info"}"#,
        r#"room_owner_requests_refused_total{from="slack",reason="no_signature"}"#,
        r#"room_owner_callbacks_total{end="observed"}"#,
        r#"room_owner_unusual_replies_total{how="lost"}"#,
        "room_owner_replies_pending",
        "room_owner_log_lines_dropped_total",
        r#"room_owner_gateway_up{platform="discord"}"#,
        "room_owner_draining",
    ] {
        assert_eq!(value(&scrape, series), 0.0, "{series}");
    }

    let reply = program.slack(ALICE).says("/room-owner test user2").await;
    assert!(reply.says("now belongs to `user2`"), "{reply}");
    let request = program.slack(ALICE).about("/room-owner test mallory").signed();
    request.without_header("x-slack-signature").status_and_body().await;
    let press = program.slack(ALICE).pressing(&reply, &reply.button("Undo"));
    press.without_header("x-slack-signature").status_and_body().await;
    let scrape = program.page("/metrics").await.1;
    for (series, expected) in [
        (r#"room_owner_commands_total{command="transfer",door="slack",outcome="succeeded"}"#, 1.0),
        (r#"room_owner_presses_total{door="slack",outcome="succeeded"}"#, 0.0),
        ("room_owner_command_duration_seconds_count", 1.0),
        (r#"room_owner_step_duration_seconds_count{step="queue"}"#, 1.0),
        (r#"room_owner_step_duration_seconds_count{step="admission"}"#, 1.0),
        (r#"room_owner_step_duration_seconds_count{step="outcome"}"#, 1.0),
        (r#"room_owner_tencent_calls_total{api="change_room_owner",code="0"}"#, 1.0),
        (r#"room_owner_requests_refused_total{from="slack",reason="no_signature"}"#, 2.0),
        (concat!("room_owner_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"}"), 1.0),
    ] {
        assert_eq!(value(&scrape, series), expected, "{series}");
    }
    let events = value(&scrape, "room_owner_audit_log_events");
    assert!(events >= 4.0 && value(&scrape, "room_owner_audit_head_events") == events, "{scrape}");
    let commits = value(&scrape, "room_owner_commits_total");
    assert!(commits >= 2.0 && value(&scrape, "room_owner_commit_writes_total") >= commits, "{scrape}");
    assert!(value(&scrape, "room_owner_wal_size_bytes") > 0.0, "{scrape}");
    if cfg!(target_os = "linux") {
        for series in ["process_start_time_seconds", "process_resident_memory_bytes", "process_open_fds"] {
            assert!(value(&scrape, series) > 0.0, "{series}");
        }
    }
    serving.ends_when_asked().await;
}

/// The names of the metrics in an expression.
fn named(expression: &str) -> impl Iterator<Item = &str> {
    let words = expression.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words.filter(|word| word.starts_with("room_owner_") || word.starts_with("process_"))
}

/// Every `expr` in a document.
fn expressions(document: &Value, found: &mut Vec<String>) {
    match document {
        Value::Array(parts) => parts.iter().for_each(|part| expressions(part, found)),
        Value::Object(parts) => {
            found.extend(parts.get("expr").and_then(Value::as_str).map(str::to_owned));
            parts.values().for_each(|part| expressions(part, found));
        }
        _ => {}
    }
}

fn deploy(file: &str) -> String {
    std::fs::read_to_string(format!("{}/deploy/{file}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

#[tokio::test]
async fn every_metric_of_the_alerts_and_of_the_dashboard_is_in_a_scrape() {
    let (program, serving) = serving().await;
    program.slack(ALICE).says("/room-owner test user2").await;
    let scrape = program.page("/metrics").await.1;
    serving.ends_when_asked().await;
    let names = |line: &str| line.split(['{', ' ']).next().unwrap().to_owned();
    let scraped: BTreeSet<String> = scrape.lines().filter(|line| !line.starts_with('#')).map(names).collect();
    let mut dashboard = Vec::new();
    expressions(&serde_json::from_str(&deploy("grafana-dashboard.json")).unwrap(), &mut dashboard);
    // An expression may go over several lines, and nothing else in the file begins like a metric.
    let alerts = deploy("alerts.yml");
    assert!(dashboard.len() > 15 && named(&alerts).count() > 10);
    for name in dashboard.iter().flat_map(|expression| named(expression)).chain(named(&alerts)) {
        let is_there = scraped.contains(name) || !cfg!(target_os = "linux") && name.starts_with("process_");
        assert!(is_there, "`{name}` is not in a scrape");
    }
    // What is there and shown nowhere is no use to anybody.
    for name in scraped.iter().filter(|name| name.starts_with("room_owner_")) {
        let name =
            ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
        let is_shown = dashboard.iter().any(|expression| expression.contains(name)) || alerts.contains(name);
        assert!(is_shown, "`{name}` is on no panel and in no alert");
    }
}

/// Runs a tool, unless it is not installed; `input` is its stdin.
fn runs(tool: &str, arguments: &[&str], input: &str) {
    let mut command = Command::new(tool);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let Ok(mut child) = command.spawn() else {
        return println!("skipped: {tool} is not installed");
    };
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{tool}: {said}");
}

#[tokio::test]
async fn prometheus_has_nothing_to_say_against_the_metrics_and_the_alerts() {
    let (program, serving) = serving().await;
    program.slack(ALICE).says("/room-owner test user2").await;
    runs("promtool", &["check", "metrics"], &program.page("/metrics").await.1);
    let alerts = format!("{}/deploy/alerts.yml", env!("CARGO_MANIFEST_DIR"));
    runs("promtool", &["check", "rules", &alerts], "");
    serving.ends_when_asked().await;
}

#[tokio::test]
async fn a_log_line_of_an_operation_has_its_number_and_one_that_holds_back_the_log_is_named() {
    let mut program = Program::new().await;
    allowed(&program).await;
    program.set("RUST_LOG", "room_owner=debug");
    // Somebody reads for long while much is written.
    let mut reader = program.raw().await;
    sqlx::query("BEGIN").execute(&mut reader).await.unwrap();
    sqlx::query("SELECT * FROM audit_events").fetch_all(&mut reader).await.unwrap();
    let mut writer = program.raw().await;
    let much = "UPDATE write_probe SET filler = randomblob(70000000)";
    sqlx::query(much).execute(&mut writer).await.unwrap();
    sqlx::Connection::close(writer).await.unwrap();

    let serving = program.serves().await;
    let line: Value = serde_json::from_str(&serving.has_logged("write-ahead log").await).unwrap();
    assert!(line["bytes"].as_u64().unwrap() > 70_000_000, "{line}");
    if cfg!(target_os = "linux") {
        let own = format!("process {} (", std::process::id());
        assert!(line["readers"].as_str().unwrap().contains(&own), "{line}");
    }
    drop(reader);

    program.tencent.remove_room("test");
    let reply = program.slack(ALICE).says("/room-owner test user2").await;
    assert!(reply.says("100004"), "{reply}");
    let operation = program.runs("audit list --format json").await.json()[0]["operation"].clone();
    for says in ["tencent refused", "command answered"] {
        let line: Value = serde_json::from_str(&serving.has_logged(says).await).unwrap();
        assert_eq!(line["op"].to_string(), operation.to_string().replace('"', ""), "{line}");
    }
    serving.ends_when_asked().await;
}
