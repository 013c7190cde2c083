//! What Slack did not send.

use std::sync::atomic::Ordering;

use insta::assert_snapshot;
use reqwest::Method;
use room_owner::app::ports::Clock as _;
use room_owner::slack::signature;
use secrecy::SecretString;

use super::slack::{ALICE, Signed, Slack};
use super::world::{Stage, World, run};

const LINE: &str = "/room-owner test user2";

fn request(bot: &Stage) -> Slack {
    bot.slack(ALICE).about(LINE)
}

/// The request is refused, and leaves nothing behind.
async fn refused(bot: &Stage, why: &str, request: Signed) {
    let before = bot.audit().await.len();
    let (status, body) = request.status_and_body().await;
    assert_eq!((status, body.as_str()), (401, "not signed by Slack\n"), "{why}");
    assert_eq!(bot.audit().await.len(), before, "{why} left a record");
    assert!(bot.tencent().calls().is_empty(), "{why}");
}

#[tokio::test]
async fn what_slack_did_not_sign_is_refused_unread_and_leaves_no_record() {
    run(World::usual(), async |bot| {
        let (time, sign) = ("x-slack-request-timestamp", "x-slack-signature");
        let now = bot.clock.now().as_second();
        let forged = signature::sign(&SecretString::from("guess"), &now.to_string(), &request(bot).body());
        let cases = [
            ("another secret", request(bot).signed().without_header(sign).and_header(sign, &forged)),
            ("no signature", request(bot).signed().without_header(sign)),
            ("no timestamp", request(bot).signed().without_header(time)),
            ("no headers", request(bot).signed().without_header(sign).without_header(time)),
            ("an empty signature", request(bot).signed().without_header(sign).and_header(sign, "")),
            ("the version alone", request(bot).signed().without_header(sign).and_header(sign, "v0=")),
            ("two signatures", request(bot).signed().and_header(sign, &forged)),
            ("two timestamps", request(bot).signed().and_header(time, &now.to_string())),
            (
                "another time",
                request(bot).signed().without_header(time).and_header(time, &(now - 1).to_string()),
            ),
            ("no number", request(bot).signed().without_header(time).and_header(time, "noon")),
            ("a sign", request(bot).signed().without_header(time).and_header(time, &format!("+{now}"))),
        ];
        for (why, case) in cases {
            refused(bot, why, case).await;
        }
        let twice = request(bot).signed();
        let same = twice.header(sign);
        refused(bot, "one signature twice", twice.and_header(sign, &same)).await;
        let mut altered = request(bot).signed();
        altered.body.extend_from_slice(b"&text=test+mallory");
        refused(bot, "an altered body", altered).await;
        let upper = request(bot).signed();
        let shouted = upper.header(sign).to_uppercase();
        refused(bot, "an altered signature", upper.without_header(sign).and_header(sign, &shouted)).await;
    })
    .await;
}

#[tokio::test]
async fn a_request_is_good_for_five_minutes_either_way() {
    run(World::usual(), async |bot| {
        // Behind the grants, either way.
        bot.clock.pass(1_000);
        for (away, is_fresh) in [(301, false), (-301, false), (300, true), (-300, true)] {
            let signed = bot.slack(ALICE).about("/room-owner test").signed();
            bot.clock.pass(away);
            if is_fresh {
                let reply = signed.answered().await;
                assert!(reply.says("belongs to `carol`"), "{away}: {reply}");
            } else {
                refused(bot, "stale or future", signed).await;
            }
            bot.clock.pass(-away);
        }
    })
    .await;
}

#[tokio::test]
async fn a_body_over_the_limit_is_not_read() {
    run(World::usual(), async |bot| {
        let huge = bot.slack(ALICE).about(&format!("/room-owner {}", "x".repeat(65 * 1_024)));
        assert_eq!(huge.clone().signed().status_and_body().await.0, 413);
        assert_eq!(chunked(bot, &huge.body()).await, "HTTP/1.1 413 Payload Too Large");
        assert_eq!(bot.audit().await.len(), bot.other_operations);
    })
    .await;
}

/// Sends a body without saying how long it is; returns the status line.
async fn chunked(bot: &Stage, body: &[u8]) -> String {
    use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};

    let address = *bot.workspace.bot.lock().unwrap();
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let (reader, mut writer) = stream.into_split();
    let head = "POST /slack/commands HTTP/1.1\r\nhost: bot\r\ntransfer-encoding: chunked\r\n\r\n";
    writer.write_all(head.as_bytes()).await.unwrap();
    for chunk in body.chunks(16 * 1_024) {
        let framed = [format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat();
        // The bot may have answered and closed already.
        if writer.write_all(&framed).await.is_err() {
            break;
        }
    }
    drop(writer.write_all(b"0\r\n\r\n").await);
    let mut line = String::new();
    BufReader::new(reader).read_line(&mut line).await.unwrap();
    line.trim_end().to_owned()
}

#[tokio::test]
async fn the_endpoint_takes_posts_only() {
    run(World::usual(), async |bot| {
        for method in [Method::GET, Method::PUT, Method::DELETE] {
            let (status, _) = request(bot).signed().by_method(method).status_and_body().await;
            assert_eq!(status, 405);
        }
        let (status, _) = request(bot).at_path("/slack/command").signed().status_and_body().await;
        assert_eq!(status, 404);
    })
    .await;
}

#[tokio::test]
async fn slack_s_probe_gets_answer_and_is_no_command() {
    run(World::usual(), async |bot| {
        let unsigned = |body: &str| {
            let signed = bot.slack(ALICE).signed_body(body.as_bytes().to_vec());
            signed.without_header("x-slack-signature").without_header("x-slack-request-timestamp")
        };
        assert_eq!(unsigned("ssl_check=1&token=x").status_and_body().await, (200, String::new()));
        let signed = bot.slack(ALICE).and("ssl_check", "1").about(LINE).signed();
        assert_eq!(signed.status_and_body().await, (200, String::new()));
        let smuggled = "ssl_check=1&command=%2Froom-owner&text=test+user2";
        refused(bot, "a command behind a probe", unsigned(smuggled)).await;
        assert_eq!(bot.audit().await.len(), bot.other_operations, "a probe leaves no record");
    })
    .await;
}

#[tokio::test]
async fn signed_nonsense_gets_answer_in_words_and_recorded() {
    run(World::usual(), async |bot| {
        let twice = bot.slack(ALICE).and("text", "test mallory").about(LINE);
        let reply = twice.gets_answer().await;
        assert_snapshot!(reply, @r"
        (only visible to you)
        ❌ The bot could not use this request, so nothing was done: the field `text` comes twice.
        Type the command again. If this comes back, tell an admin the operation number.
        op 4
        ");
        assert_eq!(bot.entry(&reply).await.outcome.name(), "invalid");

        let mut body = request(bot).body();
        body.extend_from_slice(b"&more=\xff\xfe");
        let reply = bot.slack(ALICE).signed_body(body).answered().await;
        assert!(reply.says("the request is not UTF-8 text"), "{reply}");

        let mut body = request(bot).body();
        body.extend_from_slice(b"&more=%ff");
        let reply = bot.slack(ALICE).signed_body(body).answered().await;
        assert!(reply.says("the field `more` is not UTF-8 text"), "{reply}");

        for field in ["team_id", "channel_id", "user_id", "command", "trigger_id"] {
            let reply = bot.slack(ALICE).about(LINE).without(field).gets_answer().await;
            assert!(reply.says(&format!("Slack did not send the field `{field}`")), "{reply}");
            let entry = bot.entry(&reply).await;
            assert_eq!(entry.outcome.name(), "invalid");
            assert_eq!(entry.actor.is_some(), field != "team_id" && field != "user_id");
        }
        let reply = bot.slack(ALICE).with("trigger_id", "").says(LINE).await;
        assert_snapshot!(reply, @r"
        (only visible to you)
        ❌ The bot could not use this request, so nothing was done: Slack did not send the field `trigger_id`.
        Type the command again. If this comes back, tell an admin the operation number.
        op 12
        ");
        let reply = bot.slack(ALICE).with("user_id", "U 1:2").says(LINE).await;
        assert!(reply.says("not named by an id"), "{reply}");
        let reply = bot.slack(ALICE).signed_body(Vec::new()).answered().await;
        assert!(reply.says("did not send the field"), "{reply}");
        assert!(bot.tencent().calls().is_empty());
        assert_eq!(bot.workspace.recorded.load(Ordering::SeqCst), 11);
    })
    .await;
}

#[tokio::test]
async fn both_secrets_are_good_while_one_is_changed() {
    run(World::usual(), async |bot| {
        // The bot knows a former secret too; the stories' is the second.
        let reply = bot.slack(ALICE).says(LINE).await;
        assert!(reply.says("confirmed"), "{reply}");
    })
    .await;
}
