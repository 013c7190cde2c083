//! More than can be done at once: everybody is answered in time, whoever is turned away reads that nothing was done,
//! and one busy room costs the others a turn.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use room_owner::app::limits::Limits;
use room_owner::tencent::simulator::{Api, Fault, FaultKind, When};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::doors::{Door, at_every_door};
use super::slack::{ALICE, RITA};
use super::world::{World, run};

at_every_door! {
    a_busy_room_costs_another_one_a_single_turn,
}

async fn a_busy_room_costs_another_one_a_single_turn(door: Door) {
    let limits = Limits { at_once: 1, patience: Duration::from_secs(60), ..Limits::default() };
    let limits = Limits { per_person: None, per_room: None, ..limits };
    run(World::usual().room("quiet", "erin").limits(limits).at(door), async |bot| {
        let stall = FaultKind::Stall { when: When::Before, millis: 1_000 };
        bot.tencent().inject(Fault::new(stall).on(Api::ChangeRoomOwner).once());
        let first = tokio::spawn(bot.chat(ALICE).says("/room-owner test user0"));
        bot.tencent().until(|tencent| tencent.max_concurrent_changes("test") == 1).await;
        let hot: Vec<_> = (1..=12)
            .map(|n| {
                let alice = bot.chat(ALICE);
                tokio::spawn(async move { alice.says(&format!("/room-owner test user{n}")).await })
            })
            .collect();
        // All of them come while the first one is at Tencent.
        let quiet = bot.chat(ALICE).says("/room-owner quiet user2").await;
        assert!(quiet.says("`quiet` now belongs to `user2`"), "{quiet}");
        for saying in std::iter::once(first).chain(hot) {
            let reply = saying.await.unwrap();
            assert!(reply.says("`test` now belongs to"), "{reply}");
        }
        let rooms: Vec<_> = bot.changes().into_iter().map(|call| call.room.unwrap()).collect();
        let place = rooms.iter().position(|room| room == "quiet").unwrap();
        assert!(place <= 2, "behind the one under way and at most one more: {rooms:?}");
        assert_eq!(rooms.len(), 14);
    })
    .await;
}

#[tokio::test]
async fn in_a_flood_everybody_is_answered_in_time_and_with_the_truth() {
    const FLOOD: usize = 120;
    let limits = Limits { at_once: 2, waiting: 8, patience: Duration::from_millis(400), ..Limits::default() };
    let limits = Limits { per_person: None, per_room: None, ..limits };
    let world = (0..6).fold(World::usual(), |world, n| world.room(&format!("live-{n}"), "carol"));
    run(world.ticking().limits(limits), async |bot| {
        let stall = FaultKind::Stall { when: When::Before, millis: 50 };
        bot.tencent().inject(Fault::new(stall).on(Api::ChangeRoomOwner));
        let began = Instant::now();
        let says = |n: usize| {
            let alice = bot.slack(ALICE);
            async move {
                let reply = alice.says(&format!("/room-owner live-{} user{n}", n % 6)).await;
                (n, reply, began.elapsed())
            }
        };
        let replies = join_all((0..FLOOD).map(says)).await;
        let mut done = BTreeMap::new();
        for (n, reply, after) in &replies {
            assert!(*after < Duration::from_millis(2_500), "answered before Slack gives up: {after:?}");
            if reply.says("now belongs to") {
                done.insert(format!("user{n}"), reply.operation());
            } else if reply.says("the bot is busy") {
                assert!(reply.says("Nothing was done") && !reply.is_public(), "{reply}");
            } else {
                assert!(reply.says("is still under way"), "{reply}");
                assert!(reply.says("Nothing was done"), "{reply}");
            }
        }
        let changed: Vec<_> = bot.changes().into_iter().map(|call| call.new_owner.unwrap()).collect();
        assert_eq!(changed.len(), done.len(), "what was answered as done was done, and nothing else");
        assert!(changed.iter().all(|owner| done.contains_key(owner)));
        assert!((1..FLOOD / 2).contains(&done.len()), "{} of {FLOOD} were done", done.len());
        // Every one of them is on record.
        assert_eq!(bot.audit().await.len() - bot.other_operations, FLOOD);
    })
    .await;
}

#[tokio::test]
async fn tencent_s_limit_is_held_in_every_second_of_a_rush() {
    const RATE: usize = 20;
    let rooms = (0..30).fold(World::usual(), |world, n| world.room(&format!("live-{n}"), "carol"));
    // Tencent itself refuses the first call that is too many.
    let world = rooms.ticking().rate_limit(RATE as u32).tencent(|it| it.rate_limit_per_second = RATE as u32);
    run(world, async |bot| {
        let says = |n: usize| {
            let alice = bot.slack(ALICE);
            async move { alice.says(&format!("/room-owner live-{n} user{n}")).await }
        };
        let replies = join_all((0..30).map(says)).await;
        let mut late = Vec::new();
        for reply in replies {
            late.push(if reply.says("Working on") { bot.late(&reply).await } else { reply });
        }
        for api in [Api::ChangeRoomOwner, Api::GetRoomInfo] {
            let calls = bot.tencent().calls();
            let times: Vec<_> = calls.iter().filter(|call| call.api == api).map(|call| call.at).collect();
            for (n, from) in times.iter().enumerate() {
                let within =
                    times[n..].iter().filter(|at| at.duration_since(*from).as_millis() < 1_000).count();
                assert!(within <= RATE, "{within} calls of {api:?} within a second");
            }
        }
        let done = late.iter().filter(|reply| reply.says("now belongs to")).count();
        for reply in &late {
            let is_told =
                reply.says("now belongs to") || reply.says("too many calls are waiting for Tencent");
            assert!(is_told, "{reply}");
        }
        assert_eq!(bot.changes().len(), done);
        assert!(done >= RATE, "{done}");
    })
    .await;
}

#[tokio::test]
async fn the_limits_of_one_person_and_one_room_are_theirs_alone() {
    let limits = Limits { per_person: Some(3), per_room: Some(4), ..Limits::default() };
    run(World::usual().room("other", "carol").limits(limits), async |bot| {
        for _ in 0..3 {
            let reply = bot.slack(ALICE).says("/room-owner test").await;
            assert!(reply.says("belongs to"), "{reply}");
        }
        let reply = bot.slack(ALICE).says("/room-owner other").await;
        assert!(reply.says("you have given 3 commands within a minute"), "in every room: {reply}");
        let reply = bot.slack(RITA).says("/room-owner test").await;
        assert!(reply.says("belongs to"), "what was turned away used up nothing of the room: {reply}");
        let reply = bot.slack(RITA).says("/room-owner test").await;
        assert!(reply.says("this room has had 4 commands"), "{reply}");
        let reply = bot.slack(RITA).says("/room-owner other").await;
        assert!(reply.says("belongs to"), "{reply}");
        assert_eq!(bot.tencent().calls().len(), 5);
    })
    .await;
}

#[tokio::test]
async fn many_connections_and_headers_of_every_size_are_answered_or_closed() {
    run(World::usual(), async |bot| {
        let mut held = Vec::new();
        for n in 0..400_usize {
            let mut stream = TcpStream::connect(bot.address()).await.unwrap();
            let headers: String = (0..n).map(|n| format!("x-{n}: {}\r\n", "y".repeat(n))).collect();
            // The bot may hang up before all of it is there.
            drop(
                stream.write_all(format!("GET /healthz HTTP/1.1\r\nhost: bot\r\n{headers}").as_bytes()).await,
            );
            held.push(stream);
        }
        let began = Instant::now();
        for n in 0..20 {
            let reply = bot.slack(ALICE).says(&format!("/room-owner test user{n}")).await;
            assert!(reply.says("now belongs to"), "{reply}");
        }
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
        assert_eq!(bot.page("/healthz").await.0, 200);
    })
    .await;
}
