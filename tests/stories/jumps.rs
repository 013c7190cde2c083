//! A clock that jumps, forwards or back. A request that was signed more than five minutes away from the bot's clock is
//! refused, whichever of the two is wrong: nothing is done and nothing recorded, for nobody knows who sent it. When
//! the clock is right again, so is everything. What was done once is never done again because it is fresh once more.

use jiff::SignedDuration;
use room_owner::app::limits::Limits;
use room_owner::app::ports::Clock as _;

use super::clock::NOON;
use super::doors::{Door, assert_snapshot, at_every_door};
use super::logs;
use super::slack::{ALICE, MODS};
use super::world::{Stage, World, run};

const LINE: &str = "/room-owner test user2";
/// Days, hours, and one second more than a request is good for.
const LONG: i64 = 100 * 86_400;
const JUMPS: [i64; 6] = [-2_592_000, -3_600, -301, 301, 3_600, 2_592_000];

at_every_door! {
    whatever_the_clock_does_tencent_is_spoken_to_with_a_signature_that_holds,
    a_clock_that_is_set_back_keeps_nobody_out_for_longer_than_a_minute,
    a_right_holds_from_its_beginning_to_its_end_by_whatever_the_clock_says,
}

/// Long after the grants were given, so that they count whichever way the clock jumps.
fn long_after(bot: &Stage) {
    bot.clock.pass(LONG);
}

/// Nothing was done, and nothing recorded.
async fn nothing_came_of_it(bot: &Stage, jump: i64) {
    assert_eq!(bot.audit().await.len(), bot.other_operations, "{jump}");
    assert!(bot.tencent().calls().is_empty(), "{jump}");
}

#[tokio::test]
async fn a_jump_keeps_slack_s_requests_out_for_as_long_as_it_lasts() {
    for jump in JUMPS {
        run(World::usual(), async |bot| {
            long_after(bot);
            let signed = || bot.slack(ALICE).delivered("1.2.3").about(LINE).signed();
            let (first, second, third) = (signed(), signed(), signed());
            bot.clock.pass(jump);
            let (status, said) = first.status_and_body().await;
            assert_eq!((status, said.as_str()), (401, "not signed by Slack\n"), "{jump}");
            let line = b"requests refused: check this machine's clock";
            assert!(
                memchr::memmem::find(&logs::so_far(), line).is_some(),
                "whoever runs the bot can read it"
            );
            nothing_came_of_it(bot, jump).await;
            // Set right, it takes what it would not take, once.
            bot.clock.pass(-jump);
            let reply = second.answered().await;
            assert!(reply.says("now belongs to `user2`"), "{jump}: {reply}");
            // What is old is refused, and what becomes fresh again by a jump back is known.
            bot.clock.pass(jump);
            assert_eq!(signed_at(bot, jump).await, 200, "what is signed by the same clock is taken");
            bot.clock.pass(-jump);
            let reply = third.answered().await;
            assert!(reply.says("Already handled as op"), "{jump}: {reply}");
            assert_eq!(bot.changes().len(), 1);
        })
        .await;
    }
}

/// Somebody asks by the clock as it is now.
async fn signed_at(bot: &Stage, jump: i64) -> u16 {
    let (status, said) = bot.slack(ALICE).about("/room-owner nowhere").signed().status_and_body().await;
    // Long before the grant was given, or after it: it has no end, and so it counts.
    assert!(said.contains("could not be read"), "{jump}: {said}");
    bot.workspace.recorded.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
    status
}

#[tokio::test]
async fn a_jump_keeps_discord_s_requests_out_for_as_long_as_it_lasts() {
    for jump in JUMPS {
        run(World::usual().at(Door::DiscordOverHttp), async |bot| {
            long_after(bot);
            let now = bot.clock.now().as_second();
            let guild = bot.guild.clone().unwrap();
            let alice = || bot.chat(ALICE).delivered("1.2.3").member();
            bot.clock.pass(jump);
            assert_eq!(alice().arrives_as_signed_at(LINE, now).await, 401, "{jump}");
            nothing_came_of_it(bot, jump).await;
            bot.clock.pass(-jump);
            let reply = bot.chat(ALICE).delivered("1.2.3").says(LINE).await;
            assert!(reply.says("now belongs to `user2`"), "{jump}: {reply}");
            bot.clock.pass(jump);
            assert_eq!(alice().arrives_as_signed_at(LINE, now).await, 401, "{jump}");
            bot.clock.pass(-jump);
            alice().sends_again(LINE).await;
            bot.repetitions("1.2.3", 1).await;
            assert_eq!(bot.changes().len(), 1);
            assert_eq!(guild.discord.problems(), Vec::<String>::new());
        })
        .await;
    }
}

async fn whatever_the_clock_does_tencent_is_spoken_to_with_a_signature_that_holds(door: Door) {
    run(World::usual().at(door), async |bot| {
        long_after(bot);
        // Tencent's clock jumps along: what was signed before is from the future, or has long expired.
        for (n, jump) in JUMPS.into_iter().enumerate() {
            for passes in [jump, -jump] {
                bot.clock.pass(passes);
                let owner = format!("user{n}{}", if passes == jump { "a" } else { "b" });
                let reply = bot.chat(ALICE).says(&format!("/room-owner test {owner}")).await;
                assert!(reply.says(&format!("now belongs to `{owner}`")), "{passes}: {reply}");
            }
        }
        assert_eq!(bot.changes().len(), 2 * JUMPS.len(), "none had to be sent twice");
    })
    .await;
}

async fn a_clock_that_is_set_back_keeps_nobody_out_for_longer_than_a_minute(door: Door) {
    for jump in [-3_600, -30, 61, 3_600] {
        let limits = Limits { per_person: Some(2), ..Limits::default() };
        run(World::usual().limits(limits).at(door), async |bot| {
            long_after(bot);
            for _ in 0..2 {
                let reply = bot.chat(ALICE).says("/room-owner test").await;
                assert!(reply.says("carol"), "{reply}");
            }
            let reply = bot.chat(ALICE).says("/room-owner test").await;
            assert!(reply.says("within a minute"), "{reply}");
            bot.clock.pass(jump);
            for _ in 0..2 {
                let reply = bot.chat(ALICE).says("/room-owner test").await;
                assert!(reply.says("carol"), "{jump}: {reply}");
            }
            let reply = bot.chat(ALICE).says("/room-owner test").await;
            assert!(reply.says("within a minute"), "it counts on by the new time: {reply}");
            bot.clock.pass(61);
            let reply = bot.chat(ALICE).says("/room-owner test").await;
            assert!(reply.says("carol"), "{jump}: {reply}");
        })
        .await;
    }
}

async fn a_right_holds_from_its_beginning_to_its_end_by_whatever_the_clock_says(door: Door) {
    let world = World::empty().room("test", "carol").channel(MODS, "*");
    let world = world.grant_but(ALICE, "moderator", "*", |grant| {
        grant.expires_at = Some(NOON + SignedDuration::from_hours(8));
    });
    run(world.at(door), async |bot| {
        bot.clock.pass(LONG);
        let reply = bot.chat(ALICE).says(LINE).await;
        assert!(reply.says("Nothing was done"), "months ahead it has ended: {reply}");
        bot.clock.pass(-LONG - 86_400);
        let reply = bot.chat(ALICE).says(LINE).await;
        assert!(reply.says("Nothing was done"), "a day behind it has not begun: {reply}");
        assert_eq!(
            bot.entry(&reply).await.at,
            NOON - SignedDuration::from_hours(24),
            "the log says what it said"
        );
        assert!(bot.tencent().calls().is_empty());
        bot.clock.pass(86_400 + 3_600);
        let reply = bot.chat(ALICE).says(LINE).await;
        assert!(reply.says("now belongs to `user2`"), "set right, it holds: {reply}");
    })
    .await;
}

#[tokio::test]
async fn a_bot_that_is_days_behind_is_refused_by_tencent_and_says_what_to_look_at() {
    run(World::usual().tencent_has_gone_on(3 * 86_400), async |bot| {
        // What it signs has expired when it is signed.
        let reply = bot.slack(ALICE).says(LINE).await;
        assert_snapshot!(reply, @r"
        (only visible to you)
        ❌ The owner of `test` was not changed.
        Tencent's error 70001: `the UserSig has expired: sign a new one, and check the clock`
        The bot's UserSig has expired: an admin has to check the clock of the bot's machine.
        op 4 · RequestId Id-9dc6366a2003d418ace6b6c74e29980f-O-Seq-2
        ");
        assert_eq!(bot.tencent().calls().len(), 2, "signed anew once, and no more");
        assert_eq!(bot.owner_of("test"), "carol");
        bot.clock.pass(3 * 86_400 + 1);
        let reply = bot.slack(ALICE).says(LINE).await;
        assert!(reply.says("now belongs to `user2`"), "{reply}");
    })
    .await;
}
