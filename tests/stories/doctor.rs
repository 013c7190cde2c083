//! What somebody reads who looks whether everything works, beside a bot that serves.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;

use axum::Router;
use axum::response::IntoResponse as _;
use insta::assert_snapshot;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use sqlx::Connection as _;
use tokio::net::TcpListener;

use super::program::{Program, Serving};
use super::slack::{MODS, TEAM};
use super::world::secret;
use crate::fakes::discord::{Discord, TOKEN};
use crate::fakes::slack::SlackApi;
use crate::fakes::socket::{self, Answer, Fake};

/// Discord's key of the application.
const KEY: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

/// Everything is as it should be, and the bot serves.
struct Right {
    program: Program,
    _serving: Serving,
    slack: SlackApi,
    _discord: Discord,
}

impl Right {
    async fn new() -> Self {
        let mut program = Program::new().await;
        let token = secret("xoxb");
        let slack = SlackApi::start(token.expose_secret()).await;
        let discord = Discord::start().await;
        for (name, value) in [
            ("SLACK_BOT_TOKEN", token.expose_secret()),
            ("SLACK_API_BASE_URL", slack.base()),
            ("SLACK_TEAM_IDS", TEAM),
            ("DISCORD_BOT_TOKEN", TOKEN),
            ("DISCORD_API_BASE_URL", &discord.base),
            ("DISCORD_PUBLIC_KEY", KEY),
            ("DISCORD_APPLICATION_ID", "42"),
            ("TENCENT_CALLBACK_TOKEN", "a-token-of-our-own"),
        ] {
            program.set(name, value);
        }
        let serving = program.serves().await;
        let url = format!("http://{}", program.workspace.bot.lock().unwrap());
        program.set("PUBLIC_URL", &url);
        discord.has_application("name", json!("Room Owner"));
        discord.has_application("verify_key", json!(KEY));
        discord.has_application("interactions_endpoint_url", json!(format!("{url}/discord/interactions")));
        std::fs::write(program.path(".env"), "# nothing\n").unwrap();
        std::fs::set_permissions(program.path(".env"), Permissions::from_mode(0o600)).unwrap();
        for words in [
            "discord register",
            &format!("tencent callbacks set {url}/tencent/callbacks"),
            &format!("acl channel allow slack:{TEAM}:{MODS}"),
            &format!("acl grant slack:{TEAM}:U0ADMIN admin"),
        ] {
            let ran = program.runs(words).await;
            assert_eq!(ran.code, 0, "{words}: {}{}", ran.out, ran.err);
        }
        Self { program, _serving: serving, slack, _discord: discord }
    }

    /// A proxy before the bot that does not pass what people press.
    async fn passing_commands_alone(&self) -> String {
        const LOG: &str = "x-room-owner-log";
        let bot = self.program.setting("PUBLIC_URL");
        let healthy = self.program.workspace.http.get(format!("{bot}/healthz")).send().await.unwrap();
        let log = healthy.headers()[LOG].to_str().unwrap().to_owned();
        let commands =
            axum::routing::post(async move || (axum::http::StatusCode::UNAUTHORIZED, [(LOG, log)]));
        let proxy = axum::Router::new().route("/slack/commands", commands);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, proxy).await.unwrap() });
        url
    }

    /// What is found, a line each, without what differs from run to run; and the exit code.
    async fn found(&self, with: &[(&str, &str)], is_of_interest: impl Fn(&str) -> bool) -> (i32, String) {
        let ran = self.program.runs_with(with, "doctor --format json").await;
        let said = format!("{}{}", ran.out, ran.err);
        for name in ["TENCENT_SECRET_KEY", "SLACK_SIGNING_SECRET", "SLACK_BOT_TOKEN", "DISCORD_BOT_TOKEN"] {
            let given = with.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
            let value = given.unwrap_or_else(|| self.program.setting(name));
            assert!(value.is_empty() || !said.contains(&value), "{name}: {said}");
        }
        let checks: Vec<Value> =
            serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {said}"));
        let mut lines = String::new();
        for check in &checks {
            let text = |name: &str| check[name].as_str().unwrap_or_default();
            if is_of_interest(text("state")) {
                lines += &format!("{:8} {}: {}\n", text("state"), text("name"), text("detail"));
                if !text("remedy").is_empty() {
                    lines += &format!("         -> {}\n", text("remedy"));
                }
            }
        }
        (ran.code, self.without_what_differs(&lines))
    }

    fn without_what_differs(&self, text: &str) -> String {
        let folder = self.program.path("").display().to_string();
        let text = text.replace(folder.trim_end_matches('/'), "/srv");
        let url = format!("http://{}", self.program.workspace.bot.lock().unwrap());
        let text = text.replace(&url, "https://rooms.example.com");
        let text = text.replace(&self.program.setting("TENCENT_API_BASE_URL"), "https://tencent.example");
        let mut text = text.replace(&self.slack.base().replace("/api", ""), "http://slack.example");
        for (before, behind) in [
            ("SQLite ", ""),
            ("signed, ", " events"),
            ("process ", " serves it"),
            ("disk: ", " free"),
            ("log: ", "; every"),
        ] {
            text = masked(&text, before, behind);
        }
        let mut text = masked(&text, "(RequestId ", ")");
        text = masked(&text, "this machine's is ", " s ");
        text = masked(&text, "U0NIGHT`, at ", "");
        text
    }
}

/// What stands between the two, on a line, as `..`.
fn masked(text: &str, before: &str, behind: &str) -> String {
    let line = |line: &str| {
        let Some((start, rest)) = line.split_once(before) else { return line.to_owned() };
        let end = if behind.is_empty() { Some(rest.len()) } else { rest.find(behind) };
        end.map_or_else(|| line.to_owned(), |end| format!("{start}{before}..{}", &rest[end..]))
    };
    text.lines().map(|it| line(it) + "\n").collect()
}

#[tokio::test]
async fn everything_is_as_it_should_be() {
    let right = Right::new().await;
    let (code, found) = right.found(&[], |_| true).await;
    assert_snapshot!(found, @"
    ok       settings: `serve` takes commands from Slack and Discord
    ok       .env: only its owner can read it
    ok       tencent: 127.0.0.1 takes calls of `administrator` for 1400000000
    ok       callbacks: signed, to `https://rooms.example.com/tencent/callbacks`
    ok       clock: this machine's agrees with Tencent's
    ok       slack: the token is of `room-owner` in `Team` (T0TEAM)
    ok       slack scopes: commands, usergroups:read, chat:write
    ok       discord: the token is of `Room Owner` (42)
    ok       discord delivery: over HTTP, to `https://rooms.example.com/discord/interactions`
    ok       discord commands: registered as this program knows them
    ok       public url: `https://rooms.example.com/` reaches this bot
    ok       database: `room-owner.db`, SQLite ..
    ok       served by: process .. serves it
    ok       schema: of this version, with every trigger that guards the log
    ok       files: only their owner can read them, and there is one name for each
    ok       disk: .. free
    ok       write-ahead log: ..; every commit is synced (FULL)
    ok       signing key: it can be used, and nobody else can read it
    ok       audit log: its end is as it was signed, .. events (`audit verify` checks all)
    ok       admins: 1 grant makes an admin
    ok       channels: 1 channel is authorised
    ok       grants: 1 is live
    ok       lapses: no grant ends within 24 hours
    ");
    assert_eq!(code, 0);
    let ran = right.program.runs("doctor --strict").await;
    assert_eq!((ran.code, ran.err.as_str()), (0, "everything is as it should be\n"), "{}", ran.out);
    assert!(ran.out.lines().all(|line| line.chars().count() <= 80), "{}", ran.out);
}

#[tokio::test]
async fn each_thing_that_is_wrong_is_said_with_what_to_do() {
    let right = Right::new().await;
    let late = late_clock().await;
    let nobody = "http://127.0.0.1:9";
    let commands_alone = right.passing_commands_alone().await;
    let mut all = String::new();
    for (kind, with) in [
        ("a wrong folder", &[("DATABASE_URL", "sqlite://other.db")][..]),
        ("a wrong secret key", &[("TENCENT_SECRET_KEY", "the-key-of-another-application")]),
        ("a wrong application", &[("TENCENT_SDK_APP_ID", "1400000001")]),
        ("nobody at Tencent's address", &[("TENCENT_API_BASE_URL", nobody)]),
        (
            "somebody else at Tencent's address",
            &[("TENCENT_API_BASE_URL", right.slack.base().trim_end_matches("/api"))],
        ),
        ("a clock that is off", &[("TENCENT_API_BASE_URL", late.as_str())]),
        ("callbacks that are signed otherwise", &[("TENCENT_CALLBACK_TOKEN", "a-token-of-somebody")]),
        ("a wrong Slack token", &[("SLACK_BOT_TOKEN", "xoxb-of-somebody-else")]),
        ("another workspace", &[("SLACK_TEAM_IDS", "T0OTHER")]),
        ("no Slack token", &[("SLACK_BOT_TOKEN", "")]),
        ("a wrong Discord token", &[("DISCORD_BOT_TOKEN", "the-token-of-somebody-else")]),
        (
            "a wrong public key",
            &[("DISCORD_PUBLIC_KEY", "efeacba63a238dda5383e7229b6fc6f516621e0ed0f33fbdf22243b8100ceed3")],
        ),
        ("the gateway, and an endpoint", &[("DISCORD_PUBLIC_KEY", "")]),
        ("another application", &[("DISCORD_APPLICATION_ID", "43")]),
        ("commands that are not registered", &[("COMMAND_PREFIX", "staging-")]),
        ("no public address", &[("PUBLIC_URL", "")]),
        ("nobody at the public address", &[("PUBLIC_URL", nobody)]),
        (
            "somebody else at the public address",
            &[("PUBLIC_URL", right.slack.base().trim_end_matches("/api"))],
        ),
        ("a proxy that passes commands alone", &[("PUBLIC_URL", &commands_alone)]),
        ("a setting that cannot be used", &[("BIND_ADDR", "somewhere")]),
        ("no chat", &[("SLACK_SIGNING_SECRET", ""), ("DISCORD_PUBLIC_KEY", ""), ("DISCORD_BOT_TOKEN", "")]),
    ] {
        let (code, found) = right.found(with, |state| state == "failure" || state == "warning").await;
        let found = found.replace(&commands_alone, "http://proxy.example");
        all += &format!("# {kind}: exit {code}\n{found}");
    }
    right.slack.has_scopes("commands,chat:write");
    let (code, found) = right.found(&[], |state| state != "ok").await;
    all += &format!("# a missing scope: exit {code}\n{found}");
    assert_eq!(right.program.runs("doctor --strict").await.code, 1, "a warning counts with --strict");
    assert_snapshot!(all, @"
    # a wrong folder: exit 1
    failure  database: there is no database `other.db` in `/srv`
             -> go to its folder, set DATABASE_URL, or make it with `room-owner init`
    # a wrong secret key: exit 1
    failure  tencent: 127.0.0.1 refuses calls: 70009 the UserSig was not signed with this application's secret key: check the key (RequestId ..)
             -> Tencent did not accept the bot's UserSig: TENCENT_SECRET_KEY belongs to another app.
    # a wrong application: exit 1
    failure  tencent: 127.0.0.1 refuses calls: 60006 SDKAppID `1400000001` is unknown: check it, and the data centre (RequestId ..)
             -> Tencent does not know the app here: an admin has to check TENCENT_SDK_APP_ID and TENCENT_REGION.
    # nobody at Tencent's address: exit 1
    failure  tencent: 127.0.0.1: tencent cannot be reached: Connection refused (os error 111)
             -> Tencent may be down or out of reach: try again in a moment; if it stays, an admin has to check the bot's network and TENCENT_API_BASE_URL.
    # somebody else at Tencent's address: exit 1
    failure  tencent: 127.0.0.1: HTTP status 404
             -> What answers does not look like Tencent's API: an admin has to check TENCENT_API_BASE_URL.
    # a clock that is off: exit 1
    warning  callbacks: tencent's callbacks could not be read or set: 100004 no such room; There is no such room, or it is dissolved: check the spelling; the stream may have ended.
             -> `room-owner tencent callbacks show` asks again
    failure  clock: this machine's is .. s ahead of Tencent's, so that signatures are refused
             -> set it, and have it kept: `timedatectl set-ntp true`
    # callbacks that are signed otherwise: exit 0
    warning  callbacks: they are not signed with TENCENT_CALLBACK_TOKEN, so that the bot refuses them
             -> `room-owner tencent callbacks set https://rooms.example.com/tencent/callbacks`
    # a wrong Slack token: exit 1
    failure  slack: auth.test: invalid_auth
             -> copy the Bot User OAuth Token (`xoxb-...`) of the installed app to SLACK_BOT_TOKEN and start anew
    # another workspace: exit 1
    failure  slack: the token is of `Team` (T0TEAM), which is none of SLACK_TEAM_IDS
             -> correct SLACK_TEAM_IDS, or copy the token of the app in that workspace
    warning  grants: grant 1: `slack:T0TEAM:U0ADMIN` is of a workspace that SLACK_TEAM_IDS does not name
             -> give it to the right id and `room-owner acl revoke 1`, or add its workspace to SLACK_TEAM_IDS
    # no Slack token: exit 0
    # a wrong Discord token: exit 1
    failure  discord: discord answered 401: code 0
             -> copy the token from the Bot page of the application (Reset Token) to DISCORD_BOT_TOKEN
    # a wrong public key: exit 1
    failure  discord delivery: DISCORD_PUBLIC_KEY is not the key of `Room Owner`, so that every command is refused
             -> copy the Public Key from the application's General Information
    # the gateway, and an endpoint: exit 1
    failure  discord delivery: Discord posts commands to `https://rooms.example.com/discord/interactions`, so that none come over the gateway
             -> clear the Interactions Endpoint URL (General Information), or set DISCORD_PUBLIC_KEY
    # another application: exit 1
    failure  discord: the token is of `Room Owner` (42), and DISCORD_APPLICATION_ID is 43
             -> copy both from the same application
    warning  discord commands: not registered: `/room-owner`, `/room-acl`, `/room-audit`, `Hand a room to…`
             -> `room-owner discord register`
    # commands that are not registered: exit 0
    warning  discord commands: not registered: `/staging-room-owner`, `/staging-room-acl`, `/staging-room-audit`
             -> `room-owner discord register`
    # no public address: exit 0
    warning  public url: PUBLIC_URL is not set, so nobody knows whether the platforms reach the bot
             -> set it to the https address that your proxy serves: `PUBLIC_URL=https://rooms.example.com`
    # nobody at the public address: exit 1
    warning  callbacks: they go to `https://rooms.example.com/tencent/callbacks`
             -> `room-owner tencent callbacks set http://127.0.0.1:9/tencent/callbacks --replace`
    warning  discord delivery: Discord posts commands to `https://rooms.example.com/discord/interactions`
             -> enter `http://127.0.0.1:9/discord/interactions` as Interactions Endpoint URL (General Information)
    failure  public url: `http://127.0.0.1:9/` cannot be reached: Connection refused (os error 111)
             -> check its name, its certificate and what listens there
    # somebody else at the public address: exit 1
    warning  callbacks: they go to `https://rooms.example.com/tencent/callbacks`
             -> `room-owner tencent callbacks set http://slack.example/tencent/callbacks --replace`
    warning  discord delivery: Discord posts commands to `https://rooms.example.com/discord/interactions`
             -> enter `http://slack.example/discord/interactions` as Interactions Endpoint URL (General Information)
    failure  public url: `http://slack.example/` answers with status 404, and it is not this bot that answers
             -> start `room-owner serve`, and have the proxy pass /slack/, /discord/ and /tencent/ to 127.0.0.1:0
    # a proxy that passes commands alone: exit 0
    warning  callbacks: they go to `https://rooms.example.com/tencent/callbacks`
             -> `room-owner tencent callbacks set http://proxy.example/tencent/callbacks --replace`
    warning  discord delivery: Discord posts commands to `https://rooms.example.com/discord/interactions`
             -> enter `http://proxy.example/discord/interactions` as Interactions Endpoint URL (General Information)
    warning  public url: `http://proxy.example/` reaches this bot, but answers with status 404 at /slack/interactions: buttons in Slack do nothing
             -> have the proxy pass /slack/interactions, as deploy/nginx.conf does
    # a setting that cannot be used: exit 1
    failure  settings: BIND_ADDR: `somewhere` is not an address and a port: write `127.0.0.1:8080` to be reached from this machine alone, or `0.0.0.0:8080` from everywhere
             -> the address to listen on; a reverse proxy with TLS belongs in front of it, and in a container it is 0.0.0.0:8080; for example `BIND_ADDR=127.0.0.1:8080`
    # no chat: exit 1
    failure  settings: SLACK_SIGNING_SECRET: is not set, and neither is SLACK_APP_TOKEN, but SLACK_TEAM_IDS is
             -> the app's signing secret: api.slack.com/apps, your app, Basic Information; while it is being changed, both, separated by a comma
    failure  settings: DISCORD_PUBLIC_KEY: is not set, and neither is DISCORD_BOT_TOKEN, but DISCORD_APPLICATION_ID is
             -> the application's Public Key: discord.com/developers/applications, your application, General Information; commands then come over HTTP, at `https://<your host>/discord/interactions`; for example `DISCORD_PUBLIC_KEY=efeacba63a238dda5383e7229b6fc6f516621e0ed0f33fbdf22243b8100ceed3`
    # a missing scope: exit 0
    warning  slack scopes: the token lacks `usergroups:read`
             -> add it under OAuth & Permissions, Bot Token Scopes, and install the app anew
    ");
}

#[tokio::test]
async fn channels_to_which_nothing_can_be_posted_are_named() {
    let right = Right::new().await;
    let found = async |settings: &[(&str, &str)]| {
        let (_, found) = right.found(settings, |_| true).await;
        let (_, rest) = found.split_once("announcements: ").unwrap_or_default();
        rest.lines().take(2).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(found(&[]).await, "", "nothing is announced anywhere");
    for channel in [&format!("slack:{TEAM}:{MODS}"), "discord:1:9"] {
        assert_eq!(right.program.runs(&format!("acl announce here {channel}")).await.code, 0);
    }
    assert_eq!(found(&[]).await, "2 channels have them");
    assert_snapshot!(found(&[("DISCORD_BOT_TOKEN", "")]).await, @"
    nothing can be posted to discord:1:9: the bot has no token there
             -> set DISCORD_BOT_TOKEN, or `room-owner acl announce off discord:1:9`
    ");
}

#[tokio::test]
async fn a_database_that_is_not_as_it_should_be_is_said_with_what_to_do() {
    let right = Right::new().await;
    let program = &right.program;
    let mut all = String::new();
    let mut note = async |kind: &str| {
        let (code, found) = right.found(&[], |state| state == "failure" || state == "warning").await;
        all += &format!("# {kind}: exit {code}\n{found}");
    };
    let file = program.path("room-owner.db");
    std::fs::set_permissions(program.path(".env"), Permissions::from_mode(0o644)).unwrap();
    std::fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
    note("files that others can read").await;
    std::fs::set_permissions(program.path(".env"), Permissions::from_mode(0o600)).unwrap();
    std::fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();

    let key = program.path("room-owner.db.key");
    std::fs::set_permissions(&key, Permissions::from_mode(0o644)).unwrap();
    note("a key that others can read").await;
    std::fs::rename(&key, program.path("away")).unwrap();
    note("a key that is gone").await;
    std::fs::rename(program.path("away"), &key).unwrap();
    std::fs::set_permissions(&key, Permissions::from_mode(0o600)).unwrap();

    std::fs::hard_link(&file, program.path("again.db")).unwrap();
    note("a second name").await;
    std::fs::remove_file(program.path("again.db")).unwrap();

    for words in ["acl grant slack:T0TEAM:U0NIGHT moderator --for 8h", "acl grant slack:T0ELSE:U0X moderator"]
    {
        assert_eq!(program.runs(words).await.code, 0);
    }
    note("a grant that ends soon, and one of another workspace").await;

    for words in [
        "acl revoke 1 --force",
        "acl revoke 2 --force",
        "acl revoke 3 --force",
        &format!("acl channel remove slack:{TEAM}:{MODS} --force"),
    ] {
        let ran = program.runs(words).await;
        assert_eq!(ran.code, 0, "{words}: {}", ran.err);
    }
    note("nobody, and nowhere").await;

    let mut raw = program.raw().await;
    sqlx::query("DROP TRIGGER audit_events_never_updated").execute(&mut raw).await.unwrap();
    raw.close().await.unwrap();
    note("a trigger that was taken off").await;
    assert_snapshot!(all, @"
    # files that others can read: exit 0
    warning  .env: it holds secrets, and other users can read or write it (mode 0644)
             -> `chmod 600 .env`, and if somebody may have read it, change its secrets
    warning  files: open to other users: `room-owner.db` (0640)
             -> `chmod 600 room-owner.db`
    # a key that others can read: exit 1
    failure  signing key: the signing key `room-owner.db.key` is open to other users (mode 0644), who could sign a forged log
             -> `chmod 600 room-owner.db.key`, and if they may have read it, go over to a new one (`room-owner audit key --new`)
    # a key that is gone: exit 1
    failure  signing key: the key that signs the audit log, `room-owner.db.key`, is gone
             -> put it back; if it is lost, `room-owner audit key --new > room-owner.db.key` and `chmod 600 room-owner.db.key`
    # a second name: exit 1
    failure  files: the database has 2 names (hard links), and under another name records get lost
             -> keep one of them (`find / -xdev -samefile <file>` lists them)
    # a grant that ends soon, and one of another workspace: exit 0
    warning  grants: grant 3: `slack:T0ELSE:U0X` is of a workspace that SLACK_TEAM_IDS does not name
             -> give it to the right id and `room-owner acl revoke 3`, or add its workspace to SLACK_TEAM_IDS
    warning  lapses: these end within 24 hours: grant 2 of `slack:T0TEAM:U0NIGHT`, at ..
             -> give it again if it is still needed: `room-owner acl grant`
    # nobody, and nowhere: exit 0
    warning  admins: nobody can change the ACL from chat
             -> `room-owner acl grant <subject> admin`, such as slack:T0123456789:U0123456789
    warning  channels: commands are taken from no channel
             -> `room-owner acl channel allow <channel>`, such as slack:T0123456789:C0123456789
    warning  grants: nobody has a role
             -> `room-owner acl grant <subject> moderator`
    # a trigger that was taken off: exit 1
    failure  schema: the database lacks trigger `audit_events_never_updated`: restore a backup and find out who dropped it
             -> `room-owner audit verify` tells more
    warning  admins: nobody can change the ACL from chat
             -> `room-owner acl grant <subject> admin`, such as slack:T0123456789:U0123456789
    warning  channels: commands are taken from no channel
             -> `room-owner acl channel allow <channel>`, such as slack:T0123456789:C0123456789
    warning  grants: nobody has a role
             -> `room-owner acl grant <subject> moderator`
    ");
}

#[tokio::test]
async fn an_older_copy_and_another_journal_are_found_without_the_bot() {
    let program = Program::new().await;
    program.serves().await.ends_when_asked().await;
    let (file, copy) = (program.path("room-owner.db"), program.path("copy.db"));
    std::fs::copy(&file, &copy).unwrap();
    let found = async |name: &str| {
        let checks = program.runs("doctor --format json").await.json();
        let check = checks.as_array().unwrap().iter().find(|check| check["name"] == name).unwrap().clone();
        format!("{}: {}", check["state"].as_str().unwrap(), check["detail"].as_str().unwrap())
    };
    assert_eq!(program.runs("acl grant slack:T0TEAM:U0ADMIN admin").await.code, 0);
    assert!(found("audit log").await.starts_with("ok: its end is as it was signed, "));
    std::fs::copy(&copy, &file).unwrap();
    assert_snapshot!(found("audit log").await, @"failure: the audit log ends at event 0, and 1 were signed, as `room-owner.db.checkpoint` says: records were taken out or altered, its write-ahead log was removed while it was in use, or an older copy was put in place. `room-owner audit verify` tells more. If you restored a copy, move `room-owner.db.checkpoint` away and keep it");

    std::fs::remove_file(program.path("room-owner.db.checkpoint")).unwrap();
    let mut raw = program.raw().await;
    sqlx::query("PRAGMA journal_mode = DELETE").execute(&mut raw).await.unwrap();
    raw.close().await.unwrap();
    assert_snapshot!(found("write-ahead log").await, @"failure: the database is not in WAL mode: something else than this program changed that");
}

/// Something like Tencent, some minutes behind.
async fn late_clock() -> String {
    let answer = async || {
        let date = [("date", "Sun, 06 Nov 1994 08:49:37 GMT")];
        (date, r#"{"ActionStatus":"FAIL","ErrorCode":100004,"ErrorInfo":"no such room"}"#).into_response()
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(axum::serve(listener, Router::new().fallback(answer)).into_future());
    url
}

#[tokio::test]
async fn whether_socket_mode_works_is_looked_at_by_opening_a_connection() {
    let mut fake = Fake::start().await;
    let mut program = Program::new().await;
    program.set("SLACK_SIGNING_SECRET", "");
    program.set("SLACK_APP_TOKEN", socket::TOKEN);
    program.set("SLACK_API_BASE_URL", &fake.base);
    let mut found = String::new();
    let look = async |program: &Program| {
        let ran = program.runs("doctor --format json").await;
        let said = format!("{}{}", ran.out, ran.err);
        assert!(!said.contains(socket::TOKEN) && !said.contains(socket::TICKET), "{said}");
        let checks: Vec<Value> = serde_json::from_str(&ran.out).unwrap();
        let of_interest = checks
            .iter()
            .filter(|check| ["slack socket mode", "public url"].contains(&check["name"].as_str().unwrap()));
        let line = |check: &Value| {
            let text = |name: &str| check[name].as_str().unwrap_or_default().to_owned();
            let remedy = match text("remedy") {
                none if none.is_empty() => none,
                remedy => format!("\n         -> {remedy}"),
            };
            format!("{:8} {}: {}{remedy}\n", text("state"), text("name"), text("detail"))
        };
        of_interest.map(line).collect::<String>()
    };
    for connections in [1, 3] {
        let (lines, connection) = tokio::join!(look(&program), async {
            let connection = fake.connection().await;
            connection.hello(connections);
            connection
        });
        found += &lines;
        connection.is_gone().await;
    }
    let (lines, _) =
        tokio::join!(look(&program), async { fake.connection().await.disconnect("link_disabled") });
    found += &lines;
    for no in ["missing_scope", "account_inactive", "team_disabled", "internal_error"] {
        fake.answers([Answer::No(no)]);
        found += &look(&program).await;
    }
    program.set("SLACK_APP_TOKEN", "xapp-1-A0APP-2-another-token");
    found += &look(&program).await;
    assert_snapshot!(found, @"
    ok       slack socket mode: a connection opens
    skipped  public url: PUBLIC_URL is not set, and no platform posts to the bot
    ok       slack socket mode: a connection opens; Slack counts 2 more
    skipped  public url: PUBLIC_URL is not set, and no platform posts to the bot
    failure  slack socket mode: Socket Mode is off for this app
             -> switch it on under Socket Mode at api.slack.com/apps, or unset SLACK_APP_TOKEN
    skipped  public url: PUBLIC_URL is not set, and no platform posts to the bot
    failure  slack socket mode: Slack refuses the app's token, `missing_scope`
             -> make an app-level token with the scope `connections:write` (Basic Information, App-Level Tokens) and set SLACK_APP_TOKEN to it
    skipped  public url: PUBLIC_URL is not set, and no platform posts to the bot
    failure  slack socket mode: Slack refuses the app's token, `account_inactive`
             -> copy the app-level token (`xapp-...`) from the app's Basic Information to SLACK_APP_TOKEN
    skipped  public url: PUBLIC_URL is not set, and no platform posts to the bot
    failure  slack socket mode: Slack refuses the app's token, `team_disabled`
             -> ask an admin of the Slack workspace to let the app in
    skipped  public url: PUBLIC_URL is not set, and no platform posts to the bot
    failure  slack socket mode: slack answers `internal_error` (docs.slack.dev/reference/methods/apps.connections.open)
             -> check the network of this machine, and SLACK_API_BASE_URL if it is set
    skipped  public url: PUBLIC_URL is not set, and no platform posts to the bot
    failure  slack socket mode: Slack refuses the app's token, `invalid_auth`
             -> copy the app-level token (`xapp-...`) from the app's Basic Information to SLACK_APP_TOKEN
    skipped  public url: PUBLIC_URL is not set, and no platform posts to the bot
    ");
}
