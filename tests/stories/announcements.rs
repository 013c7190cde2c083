//! What happens to rooms is announced in the channels that admins chose, once, with where it stands in the log.

use std::time::Duration;

use insta::assert_snapshot;
use room_owner::app::ports::Store as _;
use room_owner::domain::audit::{AuditEntry, What};
use room_owner::domain::principal::Channel;
use room_owner::slack::{Lookup, RefreshIntervals};
use room_owner::tencent::simulator::{Api, Fault, FaultKind};
use secrecy::ExposeSecret as _;

use super::clock::FOREVER;
use super::doors::Door;
use super::pending_replies::read;
use super::slack::{ADAM, ALICE, BORIS, MODS, RANDOM, Reply, TEAM};
use super::world::{Stage, World, run, secret};
use crate::fakes::discord::{Fault as DiscordFault, Route};
use crate::fakes::slack::{SlackApi, Taken};

const LINE: &str = "/room-owner test user2";

/// The bot has a token of its own.
async fn with_a_token(world: World, story: impl AsyncFnOnce(&mut Stage, &SlackApi)) {
    let token = secret("xoxb");
    let api = SlackApi::start(token.expose_secret()).await;
    let base_url = api.base().parse().unwrap();
    let intervals = RefreshIntervals { look: FOREVER, read: FOREVER };
    let world = world.looking_up_groups(Some(Lookup { token, base_url, intervals }));
    run(world, async |bot| story(bot, &api).await).await;
}

fn announcing() -> World {
    World::usual().grant(ADAM, "admin", "*").announces(RANDOM, "*")
}

/// Asks until the entry is announced so often, posted or given up.
async fn announced(bot: &Stage, reply: &Reply, times: usize) -> AuditEntry {
    bot.until_entry(reply, |entry| entry.announced.len() == times).await
}

/// Why announcements of the operation were given up, as the log has it.
async fn problems(bot: &Stage, entry: &AuditEntry) -> Vec<String> {
    let events = bot.store.log().events(entry.operation).await.unwrap();
    let problem = |what| match what {
        What::Announced(announced) => announced.problem,
        _ => None,
    };
    events.into_iter().filter_map(|event| problem(event.what)).collect()
}

#[tokio::test]
async fn a_hand_over_is_announced_in_another_channel_and_found_from_the_log() {
    with_a_token(announcing(), async |bot, api| {
        let reply = bot.slack(ALICE).says(LINE).await;
        let posted = api.has_posted(1).await;
        assert_eq!((posted[0].method.as_str(), posted[0].channel.as_str()), ("chat.postMessage", RANDOM));
        assert_snapshot!(read(&posted[0]), @"
        ✅ `test` now belongs to `user2` (was `carol`) · confirmed · by `alice`
        op 6 · RequestId Id-9dc6366a2003d418ace6b6c74e29980f-O-Seq-2 · log …
        ");
        announced(bot, &reply, 1).await;
        let shown = bot.slack(ADAM).says(&format!("/room-audit show {}", reply.operation())).await;
        assert!(shown.says(&format!("https://slack.com/archives/{RANDOM}/p1795435200000001")), "{shown}");
        reply.text();
        assert_eq!(api.posted().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn it_is_announced_at_discord_likewise() {
    for door in [Door::DiscordOverHttp, Door::DiscordOverTheGateway] {
        run(World::usual().grant(ADAM, "admin", "*").at(door), async |bot| {
            let set = bot.chat(ADAM).says("/room-acl announce here #random").await;
            assert!(set.says("is now announced in #random.") && set.says("Send Messages"), "{set}");
            let reply = bot.chat(ALICE).says(LINE).await;
            let guild = bot.guild.clone().unwrap();
            let posted = guild.discord.has_posted("501", 1).await;
            let embed = &posted[0]["embeds"][0];
            insta::allow_duplicates! {
                assert_snapshot!(embed["title"].as_str().unwrap(), @"✅ `test` now belongs to `user2` (was `carol`) · confirmed · by `alice`");
            }
            assert!(embed["footer"]["text"].as_str().unwrap().starts_with("op 6 · RequestId "), "{embed}");
            assert_eq!(posted[0]["allowed_mentions"]["parse"], serde_json::json!([]));
            let entry = announced(bot, &reply, 1).await;
            let link = entry.announced[0].link().unwrap();
            assert_eq!(link, "https://discord.com/channels/700/501/7000");
            let shown = bot.chat(ADAM).says(&format!("/room-audit {}", reply.operation())).await;
            assert!(shown.says(&link), "{shown}");
            reply.text();
        })
        .await;
    }
}

#[tokio::test]
async fn what_everybody_in_the_channel_read_as_the_reply_is_not_said_again_there() {
    with_a_token(World::usual().announces(MODS, "*").announces(RANDOM, "*"), async |bot, api| {
        let reply = bot.slack(ALICE).says(LINE).await;
        assert!(reply.says("now belongs") && reply.is_public());
        let entry = announced(bot, &reply, 1).await;
        assert_eq!(api.posted()[0].channel, RANDOM);
        // A refusal is between the bot and the person, so that the channel has not read it.
        let refused = bot.slack(ALICE).says("/room-owner nowhere user2").await;
        assert!(refused.says("was not changed") && !refused.is_public());
        announced(bot, &refused, 2).await;
        let mut channels: Vec<_> = api.posted()[1..].iter().map(|posted| posted.channel.clone()).collect();
        channels.sort();
        assert_eq!(channels, [MODS, RANDOM]);
        assert_eq!(bot.entry(&reply).await, entry);
    })
    .await;
    with_a_token(World::usual().private().announces(MODS, "*"), async |bot, api| {
        let reply = bot.slack(ALICE).says(LINE).await;
        reply.text();
        announced(bot, &reply, 1).await;
        assert_eq!(api.posted()[0].channel, MODS, "the reply was for Alice alone");
    })
    .await;
}

#[tokio::test]
async fn the_reply_that_everybody_reads_at_discord_serves_likewise() {
    run(World::usual().announces(MODS, "*").at(Door::DiscordOverHttp), async |bot| {
        bot.chat(ALICE).says(LINE).await.text();
        let refused = bot.chat(ALICE).says("/room-owner nowhere user2").await;
        announced(bot, &refused, 1).await;
        let posted = bot.guild.clone().unwrap().discord.channel("500");
        let titles: Vec<_> = posted.iter().map(|it| it["embeds"][0]["title"].as_str().unwrap()).collect();
        assert_eq!(titles, ["❌ The owner of `nowhere` was not changed · by `alice`"]);
        refused.text();
    })
    .await;
}

#[tokio::test]
async fn an_unknown_outcome_is_announced_and_so_is_what_came_of_it() {
    with_a_token(World::usual().announces(MODS, "*").announces(RANDOM, "*"), async |bot, api| {
        bot.next_change(FaultKind::ResetAfter);
        let saying = tokio::spawn(bot.slack(ALICE).says(LINE));
        bot.tencent().until(|tencent| !tencent.calls().is_empty()).await;
        bot.tencent().inject(Fault::new(FaultKind::ResetBefore).on(Api::GetRoomInfo));
        let reply = saying.await.unwrap();
        assert!(reply.says("Unknown: nobody can tell yet"), "{reply}");
        assert_snapshot!(read(&api.has_posted(1).await[0]), @"
        ⚠️ Unknown: nobody can tell yet whether `test` belongs to `user2` · by `alice`
        Tencent's answer was lost (`the connection broke: connection closed before message completed`), and the change may still come true. Do not send it again.
        op 6 · log …
        ");
        announced(bot, &reply, 1).await;
        bot.tencent().clear_faults();
        bot.clock.tell();
        // In #mods the news to Alice serves as the announcement.
        let entry = announced(bot, &reply, 3).await;
        let posted = api.posted();
        assert_eq!(posted.len(), 3);
        let news = posted.iter().rfind(|posted| posted.channel == RANDOM).unwrap();
        assert_snapshot!(read(news), @"
        ✅ Now known: `test` now belongs to `user2` (was `carol`) · confirmed · by `alice`
        Tencent's answer was lost on the way; the new owner was read back.
        op 6 · log …
        ");
        let in_mods = entry.announced.iter().filter(|it| it.channel.to_string().ends_with(MODS)).count();
        assert_eq!(in_mods, 1);
    })
    .await;
}

#[tokio::test]
async fn a_refusal_by_tencent_is_announced_and_no_denial_and_no_question() {
    with_a_token(announcing(), async |bot, api| {
        bot.slack(BORIS).says(LINE).await.text();
        bot.slack(ALICE).says("/room-owner show test").await.text();
        bot.slack(ALICE).says("/room-owner test carol").await.text();
        let refused = bot.slack(ALICE).says("/room-owner nowhere user2").await;
        refused.text();
        announced(bot, &refused, 1).await;
        assert_eq!(api.posted().len(), 1);
        assert_snapshot!(read(&api.posted()[0]), @"
        ❌ The owner of `nowhere` was not changed · by `alice`
        Tencent's error 100004: `room `nowhere` does not exist or has been dissolved: check the id`
        op 11 · RequestId Id-ecbe93f9c7fbf3c6a01b3bff4b6ecdd8-O-Seq-3 · log …
        ");
    })
    .await;
}

#[tokio::test]
async fn two_channels_get_what_is_of_their_rooms_and_off_ends_it() {
    let world = World::usual()
        .room("live-7", "carol")
        .grant(ADAM, "admin", "*")
        .announces(MODS, "live-*")
        .announces(RANDOM, "test");
    with_a_token(world.private(), async |bot, api| {
        let test = bot.slack(ALICE).says(LINE).await;
        let live = bot.slack(ALICE).says("/room-owner live-7 user2").await;
        announced(bot, &test, 1).await;
        announced(bot, &live, 1).await;
        let told = |room: &str| {
            api.posted()
                .iter()
                .filter(|it| read(it).says(room))
                .map(|it| it.channel.clone())
                .collect::<Vec<_>>()
        };
        assert_eq!((told("`test`"), told("`live-7`")), (vec![RANDOM.to_owned()], vec![MODS.to_owned()]));
        test.text();
        live.text();
        let off = bot.slack(ADAM).says("/room-acl announce off #random").await;
        assert_snapshot!(off, @"
        (only visible to you)
        ✅ Nothing more is announced in #random.
        op 13
        ");
        let test = bot.slack(ALICE).says("/room-owner test user3").await;
        let live = bot.slack(ALICE).says("/room-owner live-7 user3").await;
        test.text();
        live.text();
        announced(bot, &live, 1).await;
        assert_eq!(api.posted().len(), 3);
        let again = bot.slack(ADAM).says("/room-acl announce off #random").await;
        assert_snapshot!(again, @"
        (only visible to you)
        ⛔ Nothing was changed: nothing is announced in #random.
        See `/room-acl announce list`.
        op 19
        ");
    })
    .await;
}

#[tokio::test]
async fn an_admin_sets_it_here_for_the_rooms_of_the_channel() {
    let world = World::empty()
        .channel(MODS, "live-*")
        .grant(ADAM, "admin", "*")
        .grant(BORIS, "admin", "live-7")
        .grant(ALICE, "moderator", "*");
    with_a_token(world, async |bot, _| {
        assert_snapshot!(bot.slack(ADAM).says("/room-acl announce here admin reason: for the record").await, @"
        (only visible to you)
        ✅ What happens to `live-*` is now announced in #mods, where admins read it.
        The bot has to be in the channel: invite it there if it is not.
        Reason given: `for the record`
        op 5
        ");
        assert_snapshot!(bot.slack(ADAM).says("/room-acl list").await, @"
        (only visible to you)
        ℹ️ The live grants.
        1 · @adam · admin for every room · by `cli:ana`
        2 · @boris · admin for `live-7` · by `cli:ana`
        3 · @alice · moderator for every room · by `cli:ana`
        Announced in #mods for `live-*`, read by admins.
        op 6
        ");
        assert_snapshot!(bot.slack(ADAM).says("/room-acl list announcements").await, @"
        (only visible to you)
        ℹ️ The announcement channels.
        #mods for `live-*`, read by admins · by @adam · `for the record`
        op 7
        ");
        // Nobody changes it for more rooms than are theirs, and a moderator not at all.
        assert!(bot.slack(BORIS).says("/room-acl announce here").await.says("⛔"));
        assert!(bot.slack(ALICE).says("/room-acl announce off").await.says("⛔"));
        assert_snapshot!(bot.slack(BORIS).says("/room-acl announce here #random").await, @"
        (only visible to you)
        ✅ What happens to `live-7` is now announced in #random.
        The bot has to be in the channel: invite it there if it is not.
        op 10
        ");
        assert_snapshot!(bot.slack(ADAM).says("/room-acl announce #random rooms: vip-*").await, @"
        (only visible to you)
        ⛔ Not here: this channel is authorised for `live-*` only, and this change is about `live-7, vip-*`.
        Use a moderators' channel, or ask an admin to authorise this one.
        Nothing was done.
        op 11
        ");
        assert_snapshot!(bot.slack(ADAM).says("/room-acl announce nowhere").await, @"
        (only visible to you)
        ❌ `nowhere` is only text here: choose the channel from the list that the chat offers, or give the id.
        Type: `/room-acl announce here`
        Nothing was done.
        op 12
        ");
    })
    .await;
}

#[tokio::test]
async fn without_a_token_it_is_said_when_it_is_set() {
    run(World::usual().grant(ADAM, "admin", "*"), async |bot| {
        assert_snapshot!(bot.slack(ADAM).says("/room-acl announce here").await, @"
        (only visible to you)
        ⚠️ What happens to every room is now announced in #mods.
        The bot has to be in the channel: invite it there if it is not.
        Nothing is posted yet: the bot has no token of its own there; set `SLACK_BOT_TOKEN` on the bot's machine.
        op 5
        ");
        let reply = bot.slack(ALICE).says("/room-owner nowhere user2").await;
        let entry = announced(bot, &reply, 1).await;
        let why = ["the bot has no token to post with: set SLACK_BOT_TOKEN"];
        assert_eq!(problems(bot, &entry).await, why);
        reply.text();
    })
    .await;
}

#[tokio::test]
async fn slack_may_want_a_pause_and_fail_for_a_while() {
    with_a_token(announcing(), async |bot, api| {
        api.takes(&[Taken::NotBefore(7), Taken::Status(503), Taken::AndNoAnswer]);
        let reply = bot.slack(ALICE).says(LINE).await;
        announced(bot, &reply, 1).await;
        let posted = api.posted();
        // Of the second and the third nobody knows whether they arrived.
        assert_eq!((posted.len(), api.calls().len()), (2, 4));
        for posted in &posted {
            assert!(read(posted).says("Perhaps posted before: "), "{}", read(posted));
        }
        reply.text();
        let slept = bot.clock.slept();
        assert!(slept.contains(&Duration::from_secs(7)), "{slept:?}");
    })
    .await;
}

#[tokio::test]
async fn where_the_bot_may_not_post_the_log_says_what_to_do() {
    with_a_token(announcing(), async |bot, api| {
        api.takes(&[Taken::No("not_in_channel")]);
        let reply = bot.slack(ALICE).says(LINE).await;
        let entry = announced(bot, &reply, 1).await;
        let why = ["slack answered not_in_channel: invite the bot to the channel"];
        reply.text();
        assert_eq!(problems(bot, &entry).await, why);
        let shown = bot.slack(ADAM).says(&format!("/room-audit show {}", reply.operation())).await;
        assert!(shown.says(why[0]), "{shown}");
        assert_eq!(api.posted().len(), 0);
    })
    .await;
    run(announcing().at(Door::DiscordOverHttp), async |bot| {
        let guild = bot.guild.clone().unwrap();
        guild.discord.fail(Route::Channel, DiscordFault::Slower(3.0), 1);
        guild.discord.fail(Route::Channel, DiscordFault::Code(403, 50_013), 1);
        let reply = bot.chat(ALICE).says(LINE).await;
        let entry = announced(bot, &reply, 1).await;
        reply.text();
        assert_snapshot!(problems(bot, &entry).await.join("\n"), @"discord answered 403, code 50013: code 50013: give the bot View Channel, Send Messages and Embed Links in the channel");
        assert!(bot.clock.slept().contains(&Duration::from_secs(3)), "{:?}", bot.clock.slept());
    })
    .await;
}

#[tokio::test]
async fn two_messages_to_one_channel_are_a_second_apart() {
    with_a_token(announcing(), async |bot, api| {
        for owner in ["user2", "user3", "user4"] {
            bot.slack(ALICE).says(&format!("/room-owner test {owner}")).await.text();
        }
        api.has_posted(3).await;
        let pauses = bot.clock.slept().into_iter().filter(|slept| *slept == Duration::from_secs(1)).count();
        assert!(pauses >= 2, "{:?}", bot.clock.slept());
    })
    .await;
}

#[tokio::test]
async fn a_grant_that_lapses_is_announced_once_with_the_line_that_renews_it() {
    let world = World::usual().grant(ADAM, "admin", "*").grant_but(BORIS, "moderator", "live-*", |new| {
        new.expires_at = Some(super::clock::NOON + jiff::SignedDuration::from_hours(30));
    });
    with_a_token(world, async |bot, api| {
        let line = "/room-acl announce here #random rooms: live-7 admin";
        assert!(bot.slack(ADAM).says(line).await.says("is now announced in #random, where admins read it"));
        bot.clock.pass(7 * 3_600);
        bot.clock.tell();
        assert_snapshot!(read(&api.has_posted(1).await[0]), @"
        ⏳ `slack:T0TEAM:U0BORIS` stops being moderator for `live-*` at 2026-11-24 18:00 UTC.
        To renew it: `/room-acl grant slack:T0TEAM:U0BORIS moderator rooms: live-* for: 30h` · by `adam`
        grant 4
        ");
        bot.restart().await;
        bot.clock.pass(600);
        bot.clock.tell();
        let refused = bot.slack(ALICE).says("/room-owner live-7 user2").await;
        announced(bot, &refused, 1).await;
        refused.text();
        assert_eq!(api.posted().len(), 2, "it is not said again");
    })
    .await;
}

#[tokio::test]
async fn a_grant_for_several_channels_is_renewed_in_several_lines() {
    let world = World::usual().announces(RANDOM, "*").grant_but(BORIS, "moderator", "*", |new| {
        new.channels = vec![MODS, RANDOM].into_iter().map(in_slack).collect();
        new.expires_at = Some(super::clock::NOON + jiff::SignedDuration::from_hours(3));
    });
    with_a_token(world, async |bot, api| {
        bot.clock.pass(600);
        bot.clock.tell();
        let posted = read(&api.has_posted(1).await[0]);
        let line = "/room-acl grant slack:T0TEAM:U0BORIS moderator in: slack:T0TEAM:C0MODS for: 3h";
        assert!(
            posted.says(&format!("To renew it: `{line}`, and the same for its other channel")),
            "{posted}"
        );
    })
    .await;
}

fn in_slack(channel: &str) -> Channel {
    Channel::slack(TEAM, channel).unwrap()
}

#[tokio::test]
async fn a_name_is_no_markup_and_notifies_nobody() {
    with_a_token(World::usual().room("<!here>", "carol").announces(RANDOM, "*"), async |bot, api| {
        let reply =
            bot.slack(ALICE).with("user_name", "<@U0BORIS> *x*").says("/room-owner \"<!here>\" user2").await;
        reply.text();
        let posted = api.has_posted(1).await;
        let text = posted[0].message.to_string();
        assert!(!text.contains("\"type\":\"user\"") && !text.contains("<!here>\\n"), "{text}");
        assert!(posted[0].message["text"].as_str().unwrap().contains("&lt;!"), "{text}");
        assert_eq!(posted[0].message["parse"], "none");
    })
    .await;
}
