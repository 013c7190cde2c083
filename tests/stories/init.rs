//! From an empty folder to a bot that serves.

use std::os::unix::fs::PermissionsExt as _;

use insta::assert_snapshot;

use super::fakes::socket::{self, Fake};
use super::program::Program;

/// A machine on which nothing is set up yet; Tencent is simulated. How it is called is in files.
async fn empty() -> (Program, String) {
    let mut program = Program::without_database().await;
    let flags = format!(
        "init --tencent-sdk-app-id {} --tencent-admin-user-id {} --tencent-secret-key-file key --tencent-api-base-url {}",
        program.setting("TENCENT_SDK_APP_ID"),
        program.setting("TENCENT_ADMIN_USER_ID"),
        program.setting("TENCENT_API_BASE_URL"),
    );
    for (setting, file) in [("TENCENT_SECRET_KEY", "key"), ("SLACK_SIGNING_SECRET", "signing")] {
        std::fs::write(program.path(file), format!("{}\n", program.setting(setting))).unwrap();
    }
    for name in [
        "TENCENT_API_BASE_URL",
        "TENCENT_SDK_APP_ID",
        "TENCENT_ADMIN_USER_ID",
        "TENCENT_SECRET_KEY",
        "SLACK_SIGNING_SECRET",
        "BIND_ADDR",
        "LOG_FORMAT",
    ] {
        program.set(name, "");
    }
    (program, flags)
}

fn env(program: &Program) -> String {
    std::fs::read_to_string(program.path(".env")).unwrap_or_default()
}

/// What was said, without the addresses and sizes of this machine, and without the table of checks.
fn said(text: &str) -> String {
    let is_check = |line: &&str| {
        let first = line.split_whitespace().next().unwrap_or_default();
        ["ok", "warning", "failure", "skipped"].contains(&first) || line.starts_with("          ")
    };
    text.lines().filter(|line| !is_check(line)).map(|line| format!("{line}\n")).collect()
}

#[tokio::test]
async fn where_nobody_can_be_asked_the_flags_are_named_and_nothing_is_written() {
    let (program, _) = empty().await;
    let ran = program.runs("init --tencent-region singapore").await;
    assert_eq!((ran.code, ran.out.as_str()), (2, ""));
    assert_snapshot!(ran.err, @"
    error: settings are missing, and there is no terminal to ask for them: give these flags, or set them in the environment or in .env
      --tencent-sdk-app-id <value>
      --tencent-admin-user-id <value>
      --tencent-secret-key-file <file>
    ");
    assert!(!program.path(".env").exists() && !program.path("room-owner.db").exists());
    let ran = program.runs("init --tencent-region mars").await;
    assert_eq!(ran.code, 2);
    assert_snapshot!(ran.err, @"error: TENCENT_REGION: `mars` is not a region: use china, singapore, usa, indonesia, korea, japan or germany");
}

#[tokio::test]
async fn a_bot_is_set_up_by_flags_and_a_second_run_changes_nothing() {
    let (program, flags) = empty().await;
    let ran = program.runs(&flags).await;
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.starts_with("display_information:\n"), "the manifest is on stdout: {}", ran.out);
    assert_snapshot!(said(&ran.err), @"
    wrote TENCENT_SDK_APP_ID, TENCENT_ADMIN_USER_ID, TENCENT_SECRET_KEY, TENCENT_API_BASE_URL to `.env`, which only its owner can read
    made the database `room-owner.db` and the key of its log, `room-owner.db.key`



    Next:
     1. set the https address of your proxy: `room-owner init --public-url https://...`
     2. Slack: make an app from this manifest at https://api.slack.com/apps and install it
     3. run `room-owner init` again with its Signing Secret and its bot token (or with those of Discord)
     4. name the moderators' channel: `room-owner init --channel slack:T...:C...`
     5. name the first admin: `room-owner init --admin slack:T...:U...`
     6. start it, `room-owner serve`, and type /room-owner in that channel
    ");
    let mode = |name: &str| std::fs::metadata(program.path(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(".env"), mode("room-owner.db"), mode("room-owner.db.key")), (0o600, 0o600, 0o600));
    assert!(env(&program).contains("\n#BIND_ADDR=127.0.0.1:8080\n"), "comments stay");

    // The app is there now.
    let flags = "init --slack-signing-secret-file signing --public-url https://rooms.example.com \
                 --channel slack:T0TEAM:C0MODS --admin slack:T0TEAM:U0ADMIN";
    let ran = program.runs(flags).await;
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.contains("url: https://rooms.example.com/slack/commands"), "{}", ran.out);
    assert_snapshot!(said(&ran.err), @"
    wrote PUBLIC_URL, SLACK_SIGNING_SECRET to `.env`, which only its owner can read
    `room-owner.db` is there already
    ✅ `slack:T0TEAM:C0MODS` is now authorised for every room.
       Whoever has a grant may use it there.
       op 1
    ✅ `slack:T0TEAM:U0ADMIN` is now admin for every room.
       They can now edit the ACL, read the audit log and hand rooms over.
       Grant 1.
       op 2



    Next:
     1. Slack: compare the app's manifest with this one (App Manifest), and install it
     2. start it, `room-owner serve`, and type /room-owner in that channel
    ");
    let list = program.runs("audit list --format json").await.json();
    let commands: Vec<_> = list.as_array().unwrap().iter().filter_map(|it| it["command"].as_str()).collect();
    assert!(
        commands.iter().any(|line| line.starts_with("room-owner init --slack")),
        "recorded: {commands:?}"
    );

    let before = env(&program);
    let again = program.runs(flags).await;
    assert_eq!((again.code, env(&program)), (0, before.clone()));
    assert_snapshot!(said(&again.err), @"
    `.env` is as it should be
    `room-owner.db` is there already
    slack:T0TEAM:C0MODS is authorised already
    slack:T0TEAM:U0ADMIN is an admin already



    Next:
     1. Slack: compare the app's manifest with this one (App Manifest), and install it
     2. start it, `room-owner serve`, and type /room-owner in that channel
    ");
    let entries = |json: serde_json::Value| json.as_array().unwrap().len();
    assert_eq!(entries(program.runs("acl list --format json").await.json()), 1);

    let other = "init --public-url https://other.example.com";
    let refused = program.runs(other).await;
    assert_eq!((refused.code, env(&program)), (2, before));
    assert_snapshot!(refused.err, @"error: `.env` has another PUBLIC_URL already: leave the flag out to keep it, or overwrite it with --force");
    let forced = program.runs(&format!("{other} --force")).await;
    assert_eq!(forced.code, 0, "{}", forced.err);
    assert!(env(&program).contains("\nPUBLIC_URL=https://other.example.com\n"));
}

#[tokio::test]
async fn the_simulator_tells_its_settings_and_writes_them() {
    let (mut program, _) = empty().await;
    std::fs::write(program.path(".env"), "TENCENT_ADMIN_USER_ID=boss\nMINE=1\n").unwrap();
    let (simulator, url) = program.simulates("--write-env .env").await;
    let text = env(&program);
    assert!(text.starts_with("TENCENT_ADMIN_USER_ID=boss\nMINE=1\n"), "{text}");
    assert!(text.contains(&format!("\nTENCENT_API_BASE_URL={url}\n")), "{text}");
    program.set("SLACK_SIGNING_SECRET", "a-signing-secret");
    let ran = program.runs("doctor --format jsonl").await;
    assert!(ran.out.lines().any(|line| line.contains(r#""tencent","state":"ok""#)), "{}", ran.out);
    simulator.dies();
}

#[tokio::test]
async fn a_container_asks_in_one_line_whether_the_bot_is_ready() {
    let mut program = Program::new().await;
    program.set("BIND_ADDR", "127.0.0.1:9");
    let ran = program.runs("healthcheck").await;
    assert_eq!(ran.code, 1);
    assert_snapshot!(format!("{}{}", ran.out, ran.err), @"127.0.0.1:9 does not answer: Connection refused (os error 111)");
    program.set("BIND_ADDR", "127.0.0.1:0");
    let _serving = program.serves().await;
    program.until_readiness(200, "ready").await;
    let address = *program.workspace.bot.lock().unwrap();
    program.set("BIND_ADDR", &format!("0.0.0.0:{}", address.port()));
    let ran = program.runs("healthcheck").await;
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (0, "ready\n", ""));
    std::fs::rename(program.path("room-owner.db-shm"), program.path("away")).unwrap();
    program.until_readiness(503, "not ready").await;
    let ran = program.runs("healthcheck").await;
    assert_eq!(ran.code, 1);
    assert_snapshot!(ran.out.replace(program.path("").to_str().unwrap(), "/srv/"), @"not ready: store; store: not ready; the database cannot be written: `/srv/room-owner.db-shm` was removed or replaced while in use, so nothing is recorded any more: put it back, or end the bot (not with `kill -9`, so that it saves what it has) and start it");
}

#[tokio::test]
async fn the_start_says_what_there_is_and_what_is_missing_and_looks_at_what_it_needs() {
    let mut program = Program::new().await;
    program.set("SLACK_BOT_TOKEN", "xoxb-of-somebody-else");
    let slack = crate::fakes::slack::SlackApi::start("xoxb-the-right-one").await;
    program.set("SLACK_API_BASE_URL", slack.base());
    let serving = program.serves().await;
    let line = serving.has_logged(r#""starting""#).await;
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!((&line["doors"], &line["grants"], &line["channels"]), (&"slack".into(), &0.into(), &0.into()));
    assert_eq!(line["version"], env!("CARGO_PKG_VERSION"));
    assert!(line["database"].as_str().unwrap().ends_with("/room-owner.db"), "{line}");
    serving.has_logged("nobody has a role yet: `room-owner init --admin <subject>`").await;
    serving.has_logged("no channel is authorised yet").await;
    let line = serving.has_logged("auth.test: invalid_auth").await;
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!((&line["level"], &line["check"]), (&"ERROR".into(), &"slack".into()));
    assert!(line["remedy"].as_str().unwrap().starts_with("copy the Bot User OAuth Token"), "{line}");
}

#[tokio::test]
async fn the_manifest_is_printed_for_whoever_asks() {
    let mut program = Program::new().await;
    let ran = program.runs("slack manifest").await;
    assert_eq!(ran.code, 0);
    assert_snapshot!(ran.err, @"note: PUBLIC_URL is not set, so that `https://rooms.example.com` stands for it: set it to the https address at which Slack reaches the bot, or add --socket for a bot without one");
    let ran = program.runs("slack manifest --socket").await;
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    assert!(ran.out.contains("socket_mode_enabled: true") && !ran.out.contains("url:"), "{}", ran.out);
    program.set("PUBLIC_URL", "https://bot.example.com:8443/");
    program.set("COMMAND_PREFIX", "staging-");
    let ran = program.runs("slack manifest --format json").await;
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    let command = &ran.json()["features"]["slash_commands"][0];
    assert_eq!(command["command"], "/staging-room-owner");
    assert_eq!(command["url"], "https://bot.example.com:8443/slack/commands");
}

#[tokio::test]
async fn with_an_app_level_token_nobody_needs_an_address() {
    let mut fake = Fake::start().await;
    let mut program = Program::without_database().await;
    program.set("SLACK_SIGNING_SECRET", "");
    program.set("SLACK_API_BASE_URL", &fake.base);
    std::fs::write(program.path("app-token"), socket::TOKEN).unwrap();
    let words = format!("init --slack-app-token-file {}", program.path("app-token").display());
    let (ran, _) = tokio::join!(program.runs(&words), fake.session());
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.contains("socket_mode_enabled: true") && !ran.out.contains("url:"), "{}", ran.out);
    assert!(ran.err.contains("a connection opens") && !ran.err.contains("https address"), "{}", ran.err);
    assert!(std::fs::read_to_string(program.path(".env")).unwrap().contains(socket::TOKEN));
    assert!(!ran.err.contains(socket::TOKEN), "{}", ran.err);
}
