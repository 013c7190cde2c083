//! What the program says of settings that it cannot use, of the wrong folder, and never: a secret.

use std::os::unix::fs::PermissionsExt as _;

use super::doors::assert_snapshot;
use super::program::{Program, Ran};

/// Without the name of the folder, and of its private one on some systems.
fn said(program: &Program, ran: &Ran) -> String {
    let folder = program.path("");
    let full = folder.canonicalize().unwrap();
    let err = ran.err.replace(full.to_str().unwrap().trim_end_matches('/'), "/srv/bot");
    err.replace(folder.to_str().unwrap().trim_end_matches('/'), "/srv/bot")
}

#[tokio::test]
async fn in_a_wrong_folder_no_command_but_serve_makes_a_database() {
    let program = Program::without_database().await;
    let acl = "acl = []\n";
    std::fs::write(program.path("acl.toml"), acl).unwrap();
    for words in [
        "acl grant slack:T1:U1 admin",
        "acl revoke 1",
        "acl list",
        "acl why slack:T1:U1 --in slack:T1:C1 --room test",
        "acl who-can test",
        "acl channel allow slack:T1:C1",
        "acl channel list",
        "acl export",
        "transfer test user2",
        "owner test",
        "audit list",
        "audit stats",
        "audit export",
        "audit verify",
        "audit key",
        "audit prove 1 --out proof",
        "audit archive --before 2h old.archive",
        "audit rebuild",
        "backup copy.db",
    ] {
        let ran = program.runs(words).await;
        assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{words}: {}", ran.err);
        assert_eq!(
            said(&program, &ran),
            "error: there is no database `/srv/bot/room-owner.db`: run this in the bot's folder or set `DATABASE_URL`; \
             `room-owner init` or `room-owner serve` makes a new one\n",
            "{words}"
        );
    }
    let files = std::fs::read_dir(program.path("")).unwrap().count();
    assert_eq!(files, 1, "nothing was made");
    assert!(program.tencent.calls().is_empty());
    program.serves().await.dies();
    let ran = program.runs("acl grant slack:T1:U1 admin").await;
    assert_eq!(ran.code, 0, "{}", ran.err);
}

#[tokio::test]
async fn what_changes_something_names_the_database_and_what_asks_does_not() {
    let program = Program::new().await;
    let names_it = async |words: &str| {
        let ran = program.runs(words).await;
        assert_eq!(ran.code, 0, "{words}: {}", ran.err);
        let file = program.path("room-owner.db");
        assert!(["", &format!("database: {}", file.display())].contains(&&*ran.database), "{}", ran.database);
        !ran.database.is_empty()
    };
    for words in [
        "acl grant slack:T1:U1 admin",
        "acl channel allow slack:T1:C1",
        "transfer test user2",
        "audit rebuild",
    ] {
        assert!(names_it(words).await, "{words}");
    }
    for words in ["acl list", "audit list", "owner test", "acl export", "audit verify"] {
        assert!(!names_it(words).await, "{words}");
    }
}

#[tokio::test]
async fn what_serve_cannot_use_is_said_all_at_once() {
    let mut program = Program::new().await;
    std::fs::write(program.path(".env"), "SLACK_TEAM_ID=T0123456789\n").unwrap();
    program.set("BIND_ADDR", ":8080");
    program.set("RUST_LOG", "warning");
    let ran = program.runs("serve").await;
    assert_eq!(ran.code, 2, "{}", ran.err);
    assert_snapshot!(said(&program, &ran), @"
    error: the settings cannot be used:
      SLACK_TEAM_ID: `.env` sets it, but it is not a setting: did you mean `SLACK_TEAM_IDS`?
      RUST_LOG: `warning` is not a filter: each part of it is a level (error, warn, info, debug, trace, off) or `module=level`; did you mean `warn`?
          which log lines: error, warn, info, debug, trace, off, or such as info,room_owner=debug; for example `RUST_LOG=info`
      BIND_ADDR: `:8080` is not an address and a port: write `127.0.0.1:8080` to be reached from this machine alone, or `0.0.0.0:8080` from everywhere
          the address to listen on; a reverse proxy with TLS belongs in front of it, and in a container it is 0.0.0.0:8080; for example `BIND_ADDR=127.0.0.1:8080`
    ");
}

#[tokio::test]
async fn what_any_command_cannot_use_is_said_all_at_once() {
    let mut program = Program::new().await;
    for (name, value) in [
        ("LOG_FORMAT", "xml"),
        ("TENCENT_SDK_APP_ID", "my-app"),
        ("TENCENT_UNCLEAR_SECONDS", "0"),
        ("TENCENT_ACCOUNTS", "some"),
        ("DISCORD_PUBLIC_KEY", "key"),
    ] {
        program.set(name, value);
    }
    for (words, needed) in [
        ("transfer test user2", &["TENCENT_SDK_APP_ID", "TENCENT_ACCOUNTS", "TENCENT_UNCLEAR_SECONDS"][..]),
        ("owner test", &["TENCENT_SDK_APP_ID", "TENCENT_ACCOUNTS", "TENCENT_UNCLEAR_SECONDS"]),
        ("tencent callbacks show", &["TENCENT_SDK_APP_ID", "TENCENT_ACCOUNTS"]),
        ("simulator", &["TENCENT_SDK_APP_ID", "TENCENT_ACCOUNTS"]),
        ("discord register", &["DISCORD_PUBLIC_KEY", "DISCORD_BOT_TOKEN"]),
        (
            "serve",
            &["TENCENT_SDK_APP_ID", "TENCENT_ACCOUNTS", "TENCENT_UNCLEAR_SECONDS", "DISCORD_PUBLIC_KEY"],
        ),
    ] {
        let ran = program.runs(words).await;
        assert_eq!(ran.code, 2, "{words}: {}", ran.err);
        let named: Vec<&str> = ran
            .err
            .lines()
            .filter_map(|line| line.strip_prefix("  ")?.split_once(": "))
            .map(|it| it.0)
            .filter(|it| !it.starts_with(' '))
            .collect();
        assert_eq!(named, [&["LOG_FORMAT"], needed].concat(), "{words}: {}", ran.err);
    }
}

#[tokio::test]
async fn a_start_whose_port_is_taken_leaves_nothing_behind() {
    let mut program = Program::without_database().await;
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    program.set("BIND_ADDR", &taken.local_addr().unwrap().to_string());
    let ran = program.runs("serve").await;
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(ran.err.contains("another program listens there"), "{}", ran.err);
    let left: Vec<_> = std::fs::read_dir(program.path("")).unwrap().map(|it| it.unwrap().path()).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn what_may_be_a_mistake_is_said_and_nothing_else_changes() {
    let mut program = Program::new().await;
    program.set("LOG_FORMAT", "");
    program.set("SLACK_TEAM_ID", "T0123456789");
    program.set("TZ", "Europe/Berlim");
    let env = program.path(".env");
    std::fs::write(&env, "SLACK_BOT_TOKEN=xoxb-of-this-story\n").unwrap();
    std::fs::set_permissions(&env, std::fs::Permissions::from_mode(0o644)).unwrap();
    let ran = program.runs("acl list").await;
    assert_eq!(ran.code, 0, "{}", ran.err);
    // Without the times.
    let said = said(&program, &ran);
    let lines = said.lines().map(|line| line.split_once("WARN").map_or(line, |(_, words)| words.trim()));
    assert_snapshot!(lines.collect::<Vec<_>>().join("\n"), @"
    room_owner: `.env` holds secrets and every user can read it: `chmod 600 .env`
    room_owner: `SLACK_TEAM_ID` is set, but it is not a setting: did you mean `SLACK_TEAM_IDS`?
    room_owner: TZ is set to no time zone, so times are in UTC: did you mean `Europe/Berlin`?
    nobody may do anything yet: `room-owner acl grant <subject> <role>` gives the first role
    ");
}

#[tokio::test]
async fn a_program_with_its_secrets_in_files_works() {
    let mut program = Program::new().await;
    let key = program.setting("TENCENT_SECRET_KEY");
    let file = program.path("tencent-key");
    std::fs::write(&file, format!("{key}\n")).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    program.set("TENCENT_SECRET_KEY", "");
    program.set("TENCENT_SECRET_KEY_FILE", file.to_str().unwrap());
    let ran = program.runs("transfer test user2").await;
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(program.owner(), "user2");
    // It is known as a secret: nobody puts it on record.
    let ran = program.runs(&format!("transfer test user1 --reason {key}")).await;
    assert!(ran.code == 2 && !ran.err.contains(&key), "{}", ran.err);
}

#[tokio::test]
async fn no_setting_that_holds_a_password_is_repeated() {
    for (name, value) in [
        ("DATABASE_URL", "postgres://user:hunter2@db/x"),
        ("DATABASE_URL", "sqlite://x.db?key=hunter2"),
        ("TENCENT_API_BASE_URL", "https://user:hunter2@tencent.example"),
        ("TENCENT_API_BASE_URL", "https://user:hunter2@ten cent"),
        ("SLACK_API_BASE_URL", "http://user:hunter2@slack.example/api"),
        ("SLACK_RESPONSE_URL_HOSTS", "user:hunter2@hooks.example"),
        ("SLACK_RESPONSE_URL_HOSTS", "https://user:hunter2@hooks.example"),
        ("DISCORD_API_BASE_URL", "https://user:hunter2@discord.example/api/v10"),
        ("BIND_ADDR", "hunter2hunter2:80"),
        ("HTTPS_PROXY", "socks5://user:hunter2@proxy.example"),
        ("TENCENT_SDK_APP_ID", "hunter2hunter2"),
        ("TENCENT_REGION", "hunter2hunter2"),
        ("COMMAND_PREFIX", "hunter2hunter2/"),
        ("RUST_LOG", "hunter2hunter2"),
        ("TENCENT_SECRET_KEY_FILE", "hunter2hunter2"),
    ] {
        let mut program = Program::new().await;
        program.set(name, value);
        for words in ["serve", "transfer test user2"] {
            let Ran { code, out, err, .. } = program.runs(words).await;
            // What the command does not need is not looked at.
            let is_needless = words != "serve" && code == 0;
            assert!(code == 2 && err.contains(name) || is_needless, "{name}: {code} {err}");
            assert!(!out.contains("hunter2") && !err.contains("hunter2"), "{name}: {out}{err}");
            if is_needless {
                break;
            }
        }
    }
}
