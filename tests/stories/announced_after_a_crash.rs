//! The process ends between an outcome and its announcement; the next one posts it, once.

use std::time::Duration;

use insta::assert_snapshot;
use secrecy::ExposeSecret as _;
use serde_json::Value;

use super::pending_replies::read;
use super::program::{PATIENCE, Program};
use super::slack::{ALICE, MODS, RANDOM, TEAM};
use super::world::secret;
use crate::fakes::slack::{SlackApi, Taken};

/// The program serves Alice in #mods, and announces everything in #random.
async fn announcing() -> (Program, SlackApi) {
    let mut program = Program::new().await;
    let token = secret("xoxb");
    let slack = SlackApi::start(token.expose_secret()).await;
    program.set("SLACK_BOT_TOKEN", token.expose_secret());
    program.set("SLACK_API_BASE_URL", slack.base());
    for words in [
        format!("acl grant {} moderator", ALICE.subject()),
        format!("acl channel allow slack:{TEAM}:{MODS}"),
        format!("acl announce here slack:{TEAM}:{RANDOM}"),
    ] {
        let ran = program.runs(&words).await;
        assert_eq!(ran.code, 0, "{}", ran.err);
    }
    (program, slack)
}

/// Waits until nothing is to be announced any more.
pub(crate) async fn is_settled(program: &Program) {
    let mut raw = program.raw().await;
    let settled = async {
        let sql = "SELECT count(*) FROM announcements_due";
        while sqlx::query_scalar::<_, i64>(sql).fetch_one(&mut raw).await.unwrap() > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, settled).await.expect("something is to be announced for ever");
}

#[tokio::test]
async fn what_a_program_that_has_ended_recorded_is_posted_by_the_one_that_serves() {
    let (program, slack) = announcing().await;
    let ran = program.runs("transfer test user2").await;
    assert_eq!((ran.code, slack.posted().len()), (0, 0), "{}", ran.err);
    let serving = program.serves().await;
    let posted = read(&slack.has_posted(1).await[0]);
    assert!(posted.says("`test` now belongs to `user2` (was `carol`) · confirmed · by `cli:"), "{posted}");
    is_settled(&program).await;
    serving.ends_when_asked().await;
    // And nobody posts it again.
    let serving = program.serves().await;
    let link = format!("https://slack.com/archives/{RANDOM}/p1795435200000001");
    let shown = program.runs("audit show 4").await;
    assert!(shown.out.contains(&format!("announced       {link}\n")), "{}", shown.out);
    let shown = program.runs("audit show 4 --format json").await.json();
    assert_eq!(shown["announced"], serde_json::json!([link]));
    let events = program.runs("audit export --format cloudevents").await;
    let event = |line| serde_json::from_str::<Value>(line).unwrap();
    let mut links = events.out.lines().map(|line| event(line)["data"]["unmapped"]["announced"].clone());
    assert!(links.any(|links| links == serde_json::json!([link])), "{}", events.out);
    let timeline = program.runs("audit timeline 4").await;
    assert!(timeline.out.contains(&link), "{}", timeline.out);
    assert_eq!(slack.posted().len(), 1);
    serving.dies();
    let verified = program.runs("audit verify").await;
    assert_eq!(verified.code, 0, "{}{}", verified.out, verified.err);
}

#[tokio::test]
async fn who_dies_while_slack_is_silent_is_followed_by_one_that_says_so() {
    let (program, slack) = announcing().await;
    slack.takes(&[Taken::AndSilence]);
    let ran = program.runs("transfer test user2").await;
    assert_eq!(ran.code, 0, "{}", ran.err);
    let serving = program.serves().await;
    slack.has_posted(1).await;
    serving.dies();
    let serving = program.serves().await;
    let posted = slack.has_posted(2).await;
    assert!(!read(&posted[0]).says("Perhaps"), "{}", read(&posted[0]));
    assert!(read(&posted[1]).says("Perhaps posted before: `test` now belongs to `user2`"));
    is_settled(&program).await;
    assert_eq!(slack.posted().len(), 2);
    serving.dies();
}

#[tokio::test]
async fn where_a_room_is_not_announced_any_more_what_was_due_of_it_is_not_posted() {
    let (program, slack) = announcing().await;
    for line in
        ["transfer test user2".to_owned(), format!("acl announce here slack:{TEAM}:{RANDOM} --rooms live-*")]
    {
        let ran = program.runs(&line).await;
        assert_eq!(ran.code, 0, "{}", ran.err);
    }
    let serving = program.serves().await;
    is_settled(&program).await;
    assert_eq!(slack.calls(), Vec::<String>::new());
    serving.dies();
}

#[tokio::test]
async fn what_becomes_due_while_slack_wants_a_pause_waits_too() {
    let (program, slack) = announcing().await;
    program.tencent.put_room("live-7", "carol");
    slack.takes(&[Taken::NotBefore(600)]);
    let serving = program.serves().await;
    for (room, waiting) in [("test", 1), ("live-7", 2)] {
        let reply = program.slack(ALICE).says(&format!("/room-owner {room} user2")).await;
        reply.text();
        let mut raw = program.raw().await;
        let put_off = async {
            let sql = "SELECT count(*) FROM announcements_due WHERE not_before > 0 AND tries > 0";
            while sqlx::query_scalar::<_, i64>(sql).fetch_one(&mut raw).await.unwrap() < waiting {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, put_off).await.expect("it is not put off");
    }
    assert_eq!(slack.calls().len(), 1, "{:?}", slack.calls());
    serving.dies();
}

#[tokio::test]
async fn a_copy_that_is_put_in_place_says_that_it_may_have_been_posted() {
    let (program, slack) = announcing().await;
    for line in ["transfer test user2", "backup copy.db"] {
        let ran = program.runs(line).await;
        assert_eq!(ran.code, 0, "{}", ran.err);
    }
    let serving = program.serves().await;
    let posted = slack.has_posted(1).await;
    assert!(!read(&posted[0]).says("Perhaps"), "{}", read(&posted[0]));
    is_settled(&program).await;
    serving.ends_when_asked().await;
    for end in ["", "-wal", "-shm", ".checkpoint"] {
        let there = program.path(&format!("room-owner.db{end}"));
        if there.exists() {
            std::fs::rename(&there, program.path(&format!("old.db{end}"))).unwrap();
        }
    }
    for end in ["", ".checkpoint"] {
        let copy = program.path(&format!("copy.db{end}"));
        std::fs::rename(copy, program.path(&format!("room-owner.db{end}"))).unwrap();
    }
    let serving = program.serves().await;
    let posted = slack.has_posted(2).await;
    assert!(read(&posted[1]).says("Perhaps posted before: `test` now belongs"), "{}", read(&posted[1]));
    is_settled(&program).await;
    serving.dies();
}

#[tokio::test]
async fn the_channels_are_part_of_the_acls_file() {
    let (program, _) = announcing().await;
    let set = program.runs("acl announce here discord:1:9 --rooms live-* --admin --reason the+record").await;
    assert_eq!(set.code, 0, "{}", set.err);
    assert_snapshot!(set.err, @"
    ✅ What happens to `live-*` is now announced in `discord:1:9`, where admins read it.
       The bot needs View Channel, Send Messages and Embed Links there: give it what is missing.
       Reason given: `the record`
       op 4
    ");
    let exported = program.runs("acl export").await.out;
    std::fs::write(program.path("acl.toml"), &exported).unwrap();
    let (_, announcements) = exported.split_once("\n[[announcement]]").unwrap();
    assert_snapshot!(announcements.split_once("\n[[grant]]").unwrap().0, @r#"

    channel = "slack:T0TEAM:C0RANDOM"

    [[announcement]]
    channel = "discord:1:9"
    rooms = "live-*"
    admin = true
    reason = "the record"
    "#);
    let unchanged = program.runs("acl plan acl.toml --check").await;
    assert_eq!(unchanged.code, 0, "{}{}", unchanged.out, unchanged.err);
    let here = format!("channel = \"slack:{TEAM}:{RANDOM}\"");
    let other = exported.replace("admin = true\n", "").replace(&here, "channel = \"slack:T1:C7\"");
    std::fs::write(program.path("acl.toml"), other).unwrap();
    let plan = program.runs("acl plan acl.toml --format jsonl").await;
    assert_snapshot!(plan.out, @r#"
    {"change":"announce","subject":null,"channel":"slack:T1:C7","rooms":"*","what":"what happens to every room is announced in `slack:T1:C7`"}
    {"change":"announce","subject":null,"channel":"discord:1:9","rooms":"live-*","what":"what happens to `live-*` is announced in `discord:1:9`"}
    {"change":"announce off","subject":null,"channel":"slack:T0TEAM:C0RANDOM","rooms":"*","what":"nothing more is announced in `slack:T0TEAM:C0RANDOM`"}
    "#);
    let applied = program.runs("acl apply acl.toml").await;
    assert_eq!(applied.code, 0, "{}", applied.err);
    let listed = program.runs("acl announce list --all --format jsonl").await;
    let rows: Vec<Value> = listed.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let live =
        rows.iter().filter(|row| row["removed_at"].is_null()).map(|row| row["channel"].as_str().unwrap());
    assert_eq!((rows.len(), live.collect()), (4, vec!["slack:T1:C7", "discord:1:9"]));
    let off = program.runs("acl announce off discord:1:9").await;
    assert_eq!(off.code, 0, "{}", off.err);
    let off = program.runs("acl announce off discord:1:9").await;
    assert_snapshot!(off.err, @"
    ⛔ Nothing was changed: nothing is announced in `discord:1:9`.
       See `room-owner acl announce list`.
       op 11
    ");
    let list = program.runs("acl list").await;
    assert!(list.err.contains("announced in slack:T1:C7: what happens to *"), "{}", list.err);
}
