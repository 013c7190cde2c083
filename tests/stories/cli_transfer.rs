//! The command line hands rooms over too, and says how it went in its exit code.

use std::net::TcpListener;

use insta::assert_snapshot;
use room_owner::tencent::simulator::{Api, Fault, FaultKind, When};

use super::cli_acl::names;
use super::program::Program;

#[tokio::test]
async fn a_transfer_is_done_answered_and_recorded() {
    let program = Program::new().await;
    let ran = program.runs("transfer test user2 --reason host+left --format json").await;
    assert_eq!(ran.code, 0, "{}", ran.err);
    insta::with_settings!({ filters => [(r"by `\S+`", "by `cli:[user]`"), (r"log 2:[0-9a-f]{12}", "log 2:…")] }, {
        assert_snapshot!(ran.err, @"
        ✅ `test` now belongs to `user2` (was `carol`) · confirmed
           Reason given: `host left`
           op 1 · RequestId `Id-9dc6366a2003d418ace6b6c74e29980f-O-Seq-2` · by `cli:[user]` · log 2:… · undo: `room-owner transfer test carol`
        ");
    });
    assert!(names(&ran.out).starts_with("operation at actor"));
    let entry = ran.json();
    assert_eq!((&entry["authority"], &entry["decision"]), (&"local".into(), &"permit".into()));
    assert_eq!(
        (&entry["command"], &entry["reason"]),
        (&"room-owner transfer test user2 --reason 'host left' --format json".into(), &"host left".into(),)
    );
    assert_eq!(program.owner(), "user2");
}

#[tokio::test]
async fn the_exit_code_tells_how_it_ended() {
    let mut program = Program::new().await;
    let done = program.runs("transfer test user2").await;
    assert_eq!((done.code, done.out.as_str()), (0, ""), "{}", done.err);
    assert_eq!(program.runs("transfer test user2").await.code, 0, "already the owner");
    assert_eq!(program.runs("transfer gone user2").await.code, 4, "refused by Tencent");
    assert_eq!(program.runs("transfer tést user2").await.code, 2, "no room id");
    assert_eq!(program.runs("transfer test").await.code, 2, "half a command");

    program.set("TENCENT_API_BASE_URL", "http://127.0.0.1:9");
    let down = program.runs("transfer test user3").await;
    assert_eq!(down.code, 1, "nothing was done: {}", down.err);
}

#[tokio::test]
async fn an_unknown_outcome_has_a_code_of_its_own() {
    let program = Program::new().await;
    program.tencent.inject(Fault::new(FaultKind::ResetAfter).on(Api::ChangeRoomOwner).once());
    // The second look at the owner takes long enough for a third hand.
    let slow = FaultKind::Stall { when: When::Before, millis: 300 };
    program.tencent.inject(Fault::new(FaultKind::ShuffledKeys).on(Api::GetRoomInfo).once());
    program.tencent.inject(Fault::new(slow).on(Api::GetRoomInfo).once());
    let running = program.runs("transfer test user2");
    let taking = async {
        program.until(|tencent| tencent.owner_of("test").unwrap() == "user2").await;
        program.tencent.put_room("test", "mallory");
    };
    let (ran, ()) = tokio::join!(running, taking);
    assert_eq!(ran.code, 5, "{}", ran.err);
    assert!(ran.err.contains("which is not what was asked for"), "{}", ran.err);
}

#[tokio::test]
async fn whoever_is_asked_to_look_asks_and_takes_nothing_back() {
    let program = Program::new().await;
    program.tencent.put_room("my $room", "carol");
    let stale = FaultKind::StaleRead { reads: 4 };
    program.tencent.inject(Fault::new(stale).on(Api::ChangeRoomOwner).once());
    let ran = program.runs("transfer my+$room bob").await;
    assert_eq!(ran.code, 0, "{}", ran.err);
    insta::with_settings!({ filters => [(r"by `\S+`", "by `cli:[user]`"), (r"log 2:[0-9a-f]{12}", "log 2:…")] }, {
        assert_snapshot!(ran.err, @"
        ✅ `my $room` now belongs to `bob` (was `carol`) · accepted, not yet confirmed
           Tencent accepted the change; it was not read back yet. Check in a moment with `room-owner owner 'my $room'`.
           op 1 · RequestId `Id-9dc6366a2003d418ace6b6c74e29980f-O-Seq-2` · by `cli:[user]` · log 2:… · undo: `room-owner transfer 'my $room' carol`
        ");
    });
    // Somebody else hands the room on before they look.
    program.tencent.put_room("my $room", "zed");
    let looked = program.runs("owner my+$room").await;
    assert_eq!((looked.code, looked.out.as_str()), (0, ""));
    assert_snapshot!(looked.err, @r"
    ℹ️ `my $room` belongs to `zed`.
       op 3
    ");
    assert_eq!(program.tencent.owner_of("my $room").unwrap(), "zed");
    assert_eq!(program.changes(), 1);
}

#[tokio::test]
async fn a_question_for_the_owner_is_recorded_and_tells_how_it_ended() {
    let mut program = Program::new().await;
    let ran = program.runs("owner test --format json").await;
    assert_eq!(ran.code, 0, "{}", ran.err);
    let entry = ran.json();
    assert_eq!(
        (&entry["command"], &entry["room"], &entry["previous_owner"], &entry["outcome"], &entry["authority"]),
        (
            &"room-owner owner test --format json".into(),
            &"test".into(),
            &"carol".into(),
            &"succeeded".into(),
            &"local".into()
        )
    );
    let gone = program.runs("owner gone").await;
    assert_eq!(gone.code, 4, "{}", gone.err);
    assert_snapshot!(gone.err, @r"
    ❌ The owner of `gone` could not be read.
       Tencent's error 100004: `room `gone` does not exist or has been dissolved: check the id`
       There is no such room, or it is dissolved: check the spelling; the stream may have ended.
       op 3 · RequestId `Id-9dc6366a2003d418ace6b6c74e29980f-O-Seq-2`
    ");
    let wrong = program.runs("owner tést --format json").await;
    assert_eq!(
        (wrong.code, &wrong.json()["outcome"]),
        (2, &"invalid".into()),
        "the wrong usage is recorded too"
    );
    assert_snapshot!(wrong.err, @r"
    ❌ A room id is plain ASCII, `tést` holds “é” (U+00E9).
       Type: `room-owner owner <room>`
       Nothing was done.
       op 5
    ");
    program.set("TENCENT_API_BASE_URL", "http://127.0.0.1:9");
    let down = program.runs("owner test").await;
    assert_eq!(down.code, 1, "nobody could be asked: {}", down.err);
    assert_eq!(program.changes(), 0);
}

#[tokio::test]
async fn wrong_settings_are_named_all_at_once_with_an_example() {
    let mut program = Program::new().await;
    program.set("TENCENT_SDK_APP_ID", "my app");
    program.set("TENCENT_SECRET_KEY", "");
    program.set("SLACK_SIGNING_SECRET", "");
    let ran = program.runs("serve").await;
    assert_eq!((ran.code, ran.out.as_str()), (2, ""));
    assert_snapshot!(ran.err, @"
    error: the settings cannot be used:
      TENCENT_SDK_APP_ID: `my app` is not the number of an application
          the application's number: console.trtc.io (or console.cloud.tencent.com/trtc), Applications, SDKAppID; for example `TENCENT_SDK_APP_ID=1400000000`
      TENCENT_SECRET_KEY: is not set
          the application's secret key, next to its SDKAppID in the console: whoever has it can do anything to every room; for example `TENCENT_SECRET_KEY=5bd2850fff3ecb11d7c805251c51ee463a25727bddc2385f3fa8bfee1bb93b5e`
      SLACK_SIGNING_SECRET: is not set, so there is no chat to take commands from, and neither SLACK_APP_TOKEN nor DISCORD_PUBLIC_KEY is
          the app's signing secret: api.slack.com/apps, your app, Basic Information; while it is being changed, both, separated by a comma; for example `SLACK_SIGNING_SECRET=8f742231b10e8888abcd99yyyzzz85a5`
    ");
    assert_eq!(program.runs("transfer test user2").await.code, 2);
}

#[tokio::test]
async fn what_is_typed_wrong_is_wrong_usage_and_said_in_words() {
    let program = Program::new().await;
    let mut said = String::new();
    for words in [
        "acl grant moderator slack:T1:U1",
        "acl revoke abc",
        "acl apply acl.toml --version abc",
        "audit list --limit abc",
        "audit list --limit 99999999999999999999",
        "audit export --after nope",
        "audit show abc",
        "audit verify --key junk",
        "audit verify-proof p.txt --key junk",
        "audit verify-archive a.archive --key junk",
        "simulator --bind nope",
        "simulator --room nope",
        "simulator --room tést=carol",
        "bench --commands 0",
        "bench --rate 0",
        "bench --audit 5",
    ] {
        let ran = program.runs(words).await;
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{words}: {}", ran.err);
        let (error, help) = ran.err.split_once('\n').unwrap();
        assert!(error.starts_with("error: ") && !help.contains("error"), "{words}: {}", ran.err);
        said.push_str(&format!("$ {words}\n{error}\n"));
    }
    assert_snapshot!(said, @"
    $ acl grant moderator slack:T1:U1
    error: invalid value 'moderator' for '<SUBJECT>': the role comes second: `room-owner acl grant <subject> moderator`
    $ acl revoke abc
    error: invalid value 'abc' for '<GRANT>': a grant is named by its number: `room-owner acl list` shows it
    $ acl apply acl.toml --version abc
    error: invalid value 'abc' for '--version <VERSION>': a version of the ACL is a number: `room-owner acl plan` tells it
    $ audit list --limit abc
    error: invalid value 'abc' for '--limit <LIMIT>': it is not a whole number, 0 or more
    $ audit list --limit 99999999999999999999
    error: invalid value '99999999999999999999' for '--limit <LIMIT>': it is too large
    $ audit export --after nope
    error: invalid value 'nope' for '--after <CURSOR>': it is not a cursor: an export ends with one, a number
    $ audit show abc
    error: invalid value 'abc' for '<OPERATION>': `abc` is not an operation: it is the number behind `op` in the bot's replies, such as `17`
    $ audit verify --key junk
    error: `junk` is not a verifier key: it reads `<name>+<id>+<key>`, as `room-owner audit key` prints it
    $ audit verify-proof p.txt --key junk
    error: `junk` is not a verifier key: it reads `<name>+<id>+<key>`, as `room-owner audit key` prints it
    $ audit verify-archive a.archive --key junk
    error: `junk` is not a verifier key: it reads `<name>+<id>+<key>`, as `room-owner audit key` prints it
    $ simulator --bind nope
    error: invalid value 'nope' for '--bind <BIND>': it is not an address and a port, such as 127.0.0.1:9000
    $ simulator --room nope
    error: invalid value 'nope' for '--room <ROOM=OWNER>': it is not a room and its owner: write --room test=carol
    $ simulator --room tést=carol
    error: invalid value 'tést=carol' for '--room <ROOM=OWNER>': a room id is plain ASCII, `tést` holds “é” (U+00E9)
    $ bench --commands 0
    error: invalid value '0' for '--commands <COMMANDS>': it has to be 1 or more
    $ bench --rate 0
    error: invalid value '0' for '--rate <RATE>': it has to be 1 or more
    $ bench --audit 5
    error: `--audit 5`: from 1000 to 100000000 events can be measured
    ");
}

#[tokio::test]
async fn a_command_that_stands_elsewhere_is_named() {
    let program = Program::new().await;
    for (words, tip) in [
        ("grant slack:T1:U1 moderator", "tip: there is `room-owner acl grant`"),
        (
            "list",
            "tip: there is `room-owner acl list`, `room-owner acl channel list`, `room-owner acl announce list`, `room-owner audit list`",
        ),
        ("audit allow slack:T1:C1", "tip: there is `room-owner acl channel allow`"),
    ] {
        let ran = program.runs(words).await;
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{words}: {}", ran.err);
        assert_eq!(ran.err.lines().last(), Some(tip), "{words}: {}", ran.err);
    }
    let nowhere = program.runs("hand-over test user2").await;
    assert!(!nowhere.err.contains("there is"), "{}", nowhere.err);
}

#[tokio::test]
async fn a_broken_line_of_dot_env_is_named_by_its_number() {
    let program = Program::new().await;
    std::fs::write(program.path(".env"), "BIND_ADDR=127.0.0.1:0\n\nTENCENT hush\n").unwrap();
    let ran = program.runs("acl list").await;
    assert_eq!(ran.code, 2);
    assert_snapshot!(ran.err, @r"
    error: the settings cannot be used:
      .env: line 3 cannot be read (at its character 9): a line is `NAME=value`, a value with spaces in single quotes
    ");
}

#[tokio::test]
async fn a_port_that_is_taken_is_said_to_be_so() {
    let mut program = Program::new().await;
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    program.set("BIND_ADDR", &address);
    let ran = program.runs("serve").await;
    assert_eq!(ran.code, 1);
    // The log lines before it are JSON: here, that a key was made.
    let message: Vec<&str> = ran.err.lines().filter(|line| !line.starts_with('{')).collect();
    let message = message.join("\n").replace(&address, "[address]");
    assert_snapshot!(message, @"error: cannot listen on `[address]`: Address already in use (os error 98); another program listens there: end it, or set BIND_ADDR to another port");
}

#[tokio::test]
async fn serve_says_that_it_is_ready_when_it_is() {
    let mut program = Program::new().await;
    let serving = program.serves().await;
    let line = serving.has_logged(r#""ready""#).await;
    assert!(line.contains("INFO"), "{line}");
    program.until_readiness(200, "ready").await;
    let log = serving.log();
    let (doors, _) = log.split_once(&line).unwrap();
    assert!(doors.contains("listening") && doors.contains("taking commands from Slack"), "{log}");
    serving.ends_when_asked().await;

    // Discord's gateway, of which nothing is heard, is waited for.
    program.set("SLACK_SIGNING_SECRET", "");
    program.set("DISCORD_BOT_TOKEN", "the-token");
    program.set("DISCORD_API_BASE_URL", "http://127.0.0.1:9");
    let serving = program.serves().await;
    program.until_readiness(503, "discord: not ready; gateway: ").await;
    assert!(!serving.log().contains(r#""ready""#), "{}", serving.log());
    serving.ends_when_asked().await;
}

#[tokio::test]
async fn the_simulator_takes_the_place_of_tencent() {
    let mut program = Program::new().await;
    let (simulator, base_url) = program.simulates("--room stage=carol").await;
    program.set("TENCENT_API_BASE_URL", &base_url);
    let ran = program.runs("transfer stage user2").await;
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.err.contains("`stage` now belongs to `user2` (was `carol`) · confirmed"), "{}", ran.err);
    let (status, _) = simulator.ends_when_asked().await;
    assert!(status.success());
    assert_eq!(program.changes(), 0, "this story's other Tencent was not asked");
}

#[tokio::test]
async fn the_demo_tells_its_story_and_exits() {
    let program = Program::new().await;
    let ran = program.runs("demo --once").await;
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("confirmed") && ran.out.contains("How and why"), "{}", ran.out);
}

#[tokio::test]
async fn who_may_goes_past_an_outcome_that_nobody_knows_and_the_log_stays_whole() {
    let program = Program::new().await;
    program.tencent.inject(Fault::new(FaultKind::ResetAfter).on(Api::ChangeRoomOwner).once());
    let losing = program.runs("transfer test user2");
    let cutting = async {
        program.until(|tencent| !tencent.calls().is_empty()).await;
        program.tencent.inject(Fault::new(FaultKind::ResetBefore).on(Api::GetRoomInfo));
    };
    let (lost, ()) = tokio::join!(losing, cutting);
    assert_eq!(lost.code, 5, "{}", lost.err);
    assert!(
        lost.err.contains("Look with `room-owner owner test` before you do anything else"),
        "{}",
        lost.err
    );
    let without = program.runs("transfer test user3 --override 1").await;
    assert_eq!(without.code, 2, "a reason is asked for: {}", without.err);
    for blank in ["", "++"] {
        let ran = program.runs(&format!("transfer test user3 --override 1 --reason {blank}")).await;
        assert_eq!(ran.code, 2, "{}", ran.err);
        assert!(ran.err.contains("nothing can be read in it; write why"), "{}", ran.err);
    }
    let other = program.runs("transfer test user3 --override 99 --reason hurry").await;
    assert!(other.err.contains("Nothing was done: op 1 on `test` has an outcome"), "{}", other.err);
    let ran = program.runs("transfer test user3 --override 1 --reason hurry --format json").await;
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(program.owner(), "user3");
    let past = ran.json()["operation"].as_str().unwrap().to_owned();
    let shown = program.runs("audit show 1 --format json").await.json();
    assert_eq!(shown["outcome"], "unknown");
    assert!(
        shown["error_info"].as_str().unwrap().ends_with(&format!("overridden by operation {past}")),
        "{shown}"
    );
    let again = program.runs("transfer test user4 --override 1 --reason hurry").await;
    assert_eq!((again.code, program.owner().as_str()), (1, "user3"), "nobody holds it: {}", again.err);
    assert!(again.err.contains("op 1 does not hold `test`.") && again.err.contains("leave `--override` out"));
    let checked = program.runs("audit verify").await;
    assert_eq!(checked.code, 0, "{}{}", checked.out, checked.err);
}
