//! Too much at once: people are answered, nothing is done, and everybody else is served.

use std::time::Duration;

use room_owner::app::limits::Limits;
use room_owner::tencent::simulator::{Api, Fault, FaultKind, When};
use sqlx::Connection as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::bad_days::locked;
use super::doors::{Door, assert_snapshot, at_every_door};
use super::slack::{ALICE, RITA};
use super::world::{World, run};

at_every_door! {
    a_person_is_refused_when_it_is_too_much,
    a_busy_bot_says_so_and_does_nothing,
}

async fn a_person_is_refused_when_it_is_too_much(door: Door) {
    let limits = Limits { per_person: Some(2), ..Limits::default() };
    run(World::usual().limits(limits).at(door), async |bot| {
        let reply = bot.chat(ALICE).says("/room-owner test").await;
        assert!(reply.says("carol"), "{reply}");
        let reply = bot.chat(ALICE).says("/room-owner test user2").await;
        assert!(reply.says("confirmed"), "{reply}");
        let calls = bot.tencent().calls().len();
        let reply = bot.chat(ALICE).delivered("9.9.9").says("/room-owner test user3").await;
        assert_snapshot!(reply, @r"
        (only visible to you)
        ⏳ Nothing was done: you have given 2 commands within a minute, and no more are taken.
        It is safe to send it again in a minute.
        op 8
        ");
        assert_eq!(bot.tencent().calls().len(), calls);
        let entry = bot.entry(&reply).await;
        assert_eq!(entry.outcome.name(), "declined");
        assert_eq!(entry.error_info.as_deref(), Some("over the limit of 2 commands a minute for one person"));
        assert_eq!(entry.decision, None);
        let reply = bot.chat(RITA).says("/room-owner test").await;
        assert!(reply.says("user2"), "another person is served: {reply}");
        bot.clock.pass(61);
        let reply = bot.chat(ALICE).says("/room-owner test user3").await;
        assert!(reply.says("confirmed"), "{reply}");
    })
    .await;
}

async fn a_busy_bot_says_so_and_does_nothing(door: Door) {
    let limits = Limits { at_once: 1, waiting: 1, patience: Duration::from_millis(50), ..Limits::default() };
    run(World::usual().room("other", "carol").limits(limits).at(door), async |bot| {
        let stall = FaultKind::Stall { when: When::Before, millis: 60_000 };
        bot.tencent().inject(Fault::new(stall).on(Api::ChangeRoomOwner).once());
        let slow = tokio::spawn(bot.chat(ALICE).says("/room-owner test user2"));
        bot.tencent().until(|tencent| tencent.max_concurrent_changes("test") == 1).await;
        let reply = bot.chat(RITA).says("/room-owner other").await;
        assert_snapshot!(reply, @r"
        (only visible to you)
        ⏳ Nothing was done: the bot is busy.
        It is safe to try again in a moment; tell an admin if it stays like this.
        op 5
        ");
        let entry = bot.entry(&reply).await;
        assert_eq!(entry.outcome.name(), "declined");
        assert_eq!(entry.error_info.as_deref(), Some("busy: more commands than can be worked on"));
        // The client gives up, and the owner is read back.
        let reply = slow.await.unwrap();
        let reply = if reply.says("Working on") { bot.late(&reply).await } else { reply };
        assert!(reply.says("nobody can tell yet"), "{reply}");
    })
    .await;
}

#[tokio::test]
async fn only_what_is_permitted_uses_up_a_room() {
    let limits = Limits { per_room: Some(2), ..Limits::default() };
    run(World::usual().room("other", "carol").limits(limits), async |bot| {
        for _ in 0..4 {
            let reply = bot.slack(RITA).says("/room-owner test user9").await;
            assert!(!reply.says("within a minute"), "{reply}");
        }
        for owner in ["user2", "user3"] {
            let reply = bot.slack(ALICE).says(&format!("/room-owner test {owner}")).await;
            assert!(reply.says("confirmed"), "{reply}");
        }
        let reply = bot.slack(ALICE).says("/room-owner test user4").await;
        assert_snapshot!(reply, @r"
        (only visible to you)
        ⏳ Nothing was done: this room has had 2 commands within a minute, and no more are carried out.
        It is safe to send it again in a minute. Somebody may be handing the room back and forth.
        op 12
        ");
        assert_eq!(bot.owner_of("test"), "user3");
        let reply = bot.slack(ALICE).says("/room-owner other user4").await;
        assert!(reply.says("confirmed"), "another room is served: {reply}");
    })
    .await;
}

#[tokio::test]
async fn clients_that_dawdle_and_headers_without_end_keep_nobody_from_being_served() {
    run(World::usual(), async |bot| {
        let address = bot.address();
        let mut dawdling = Vec::new();
        for n in 0..300 {
            let mut client = TcpStream::connect(address).await.unwrap();
            let begun: &[u8] = match n % 3 {
                0 => b"",
                1 => b"POST /slack/comm",
                _ => b"POST /slack/commands HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\nteam",
            };
            client.write_all(begun).await.unwrap();
            dawdling.push(client);
        }
        let mut shouting = TcpStream::connect(address).await.unwrap();
        let header = format!("GET /healthz HTTP/1.1\r\nx: {}\r\n\r\n", "x".repeat(200_000));
        // The bot may hang up before it has read it all.
        drop(shouting.write_all(header.as_bytes()).await);
        let mut answer = Vec::new();
        drop(shouting.read_to_end(&mut answer).await);
        assert!(!answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
        let reply = bot.slack(ALICE).says("/room-owner test user2").await;
        assert!(reply.says("confirmed"), "{reply}");
    })
    .await;
}

/// So many records at once would be waited for that those who are served would feel it.
#[tokio::test]
async fn in_a_flood_the_rest_is_turned_away_without_a_record() {
    const RECORDS: usize = 256;
    const MORE: usize = 20;
    let limits = Limits { per_person: Some(1), ..Limits::default() };
    run(World::usual().limits(limits), async |bot| {
        let reply = bot.slack(ALICE).says("/room-owner test").await;
        assert!(reply.says("carol"), "{reply}");
        let lock = locked(bot).await;
        let mut flood = JoinSet::new();
        for _ in 0..RECORDS + MORE {
            flood.spawn(bot.slack(ALICE).says("/room-owner test user2"));
        }
        // Nobody can write, so whoever has an answer has it without a record.
        for _ in 0..MORE {
            let reply = flood.join_next().await.unwrap().unwrap();
            assert_snapshot!(reply, @r"
            (only visible to you)
            ⏳ Nothing was done: you have given 1 command within a minute, and no more are taken.
            It is safe to send it again in a minute.
            ");
        }
        lock.close().await.unwrap();
        let recorded = flood.join_all().await;
        assert_eq!(recorded.len(), RECORDS);
        for reply in recorded {
            let reply = if reply.says("Working on") { bot.late(&reply).await } else { reply };
            assert_eq!(bot.entry(&reply).await.outcome.name(), "declined", "{reply}");
        }
        assert!(bot.changes().is_empty());
        let reply = bot.slack(RITA).says("/room-owner test").await;
        assert!(reply.says("carol"), "another person is served: {reply}");
    })
    .await;
}
