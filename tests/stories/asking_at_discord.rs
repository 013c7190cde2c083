//! The same at Discord: in a channel of admins, and in direct messages.

use insta::{allow_duplicates, assert_snapshot};
use room_owner::app::ports::Store as _;
use serde_json::{Value, json};

use super::asking::is_said;
use super::doors::Door;
use super::guild::visible;
use super::slack::{ADAM, BORIS, RANDOM};
use super::world::{Stage, World, run};
use crate::fakes::discord::{Discord, Fault, Route, direct};
use crate::fakes::interaction::press;

const LINE: &str = "/room-owner test user2 reason: host crashed";

fn discord(bot: &Stage) -> Discord {
    bot.guild.clone().unwrap().discord.clone()
}

fn labels(message: &Value) -> Vec<&str> {
    let rows = message["components"].as_array().into_iter().flatten();
    rows.flat_map(|row| row["components"].as_array().unwrap())
        .map(|it| it["label"].as_str().unwrap())
        .collect()
}

/// Presses the button of a message that the bot posted by itself; what came of it.
async fn presses(
    bot: &Stage,
    channel: &str,
    message: &Value,
    label: &str,
    is_direct: bool,
) -> super::slack::Reply {
    let row = message["components"][0]["components"].as_array().unwrap();
    let name = &row.iter().find(|it| it["label"] == label).unwrap()["custom_id"];
    let mut message = message.clone();
    message["id"] = json!("7000");
    let mut interaction = press((ADAM.snowflake, ADAM.name), channel, name, &message, false);
    if is_direct {
        let user = interaction["member"]["user"].clone();
        let fields = interaction.as_object_mut().unwrap();
        for field in ["guild_id", "guild", "member", "guild_locale"] {
            fields.remove(field);
        }
        interaction["user"] = user;
        interaction["context"] = json!(1);
        interaction["channel"] = json!({ "id": channel, "type": 1 });
        interaction["authorizing_integration_owners"] = json!({ "0": "0" });
    }
    bot.guild.clone().unwrap().sends(&interaction).await
}

#[tokio::test]
async fn in_a_channel_of_admins() {
    for door in [Door::DiscordOverHttp, Door::DiscordOverTheGateway] {
        let world = World::usual().grant(ADAM, "admin", "*").announces_to_admins(RANDOM, "*");
        run(world.at(door), async |bot| {
            let denied = bot.chat(BORIS).says(LINE).await;
            assert_eq!(denied.labels(), ["Ask for access"]);
            allow_duplicates! { assert_snapshot!(denied, @"
            (only visible to you)
            ⛔ Not allowed: you have no role for `test`.
            Press the button to ask for access, or type `/room-owner test ask: yes`; @adam can give it.
            Nothing was done.
            op 6
            "); }
            let press = bot.chat(BORIS).presses(&denied, "Ask for access").await;
            let asked = bot.came_of(&press).await;
            allow_duplicates! { assert_snapshot!(asked, @"
            (only visible to you)
            ⏳ Asked for access to `test` here: the admins see it in #random.
            You get a message with the answer. An admin can answer until 2026-11-24 12:00 UTC.
            op 7
            "); }
            let discord = discord(bot);
            let shown = discord.has_posted("501", 1).await.remove(0);
            is_said(bot, asked.operation(), 1).await;
            assert_eq!(labels(&shown), ["8 h", "1 h", "No"]);
            allow_duplicates! { assert_snapshot!(visible(&shown), @"
            ⏳ `boris` asks for access to `test` in #mods.
            Reason given: `host crashed`
            Moderator for this room, in that channel alone: for how long?
            op 7 · asked 2026-11-23 12:00 UTC · id discord:700:902 · or type /room-acl answer operation:7 answer:8h
            "); }
            let answered = presses(bot, "501", &shown, "1 h", false).await;
            allow_duplicates! { assert_snapshot!(answered, @"
            (only visible to you)
            ✅ @boris may now hand `test` over, only in #mods, until 2026-11-23 13:00 UTC (grant 4).
            They get a message that says so.
            op 9
            "); }
            let told = discord.has_posted(&direct(BORIS.snowflake), 1).await;
            allow_duplicates! { assert_snapshot!(visible(&told[0]), @"
            ✅ You may hand `test` over in #mods until 2026-11-23 13:00 UTC · answered by `adam`
            `/room-owner test <new_owner>`
            op 9 · asked in op 7
            "); }
            let edited = discord.loses_buttons_in("501").await;
            allow_duplicates! { assert_snapshot!(visible(&edited), @"
            ✅ `boris` asked for access to `test` in #mods.
            Reason given: `host crashed`
            Given until 2026-11-23 13:00 UTC by `adam` (op 9).
            op 7 · asked 2026-11-23 12:00 UTC · id discord:700:902
            "); }
            assert!(bot.chat(BORIS).says(LINE).await.says("now belongs"));
            // Where options are filled in, asking is one of them.
            let already = bot.chat(BORIS).says("/room-owner test ask: yes").await;
            assert!(already.says("you may hand `test` over here already"), "{already}");
        })
        .await;
    }
}

#[tokio::test]
async fn in_direct_messages() {
    for door in [Door::DiscordOverHttp, Door::DiscordOverTheGateway] {
        run(World::usual().grant(ADAM, "admin", "*").at(door), async |bot| {
            let asked = bot.chat(BORIS).says("/room-owner test ask: yes reason: host crashed").await;
            allow_duplicates! { assert_snapshot!(asked, @"
            (only visible to you)
            ⏳ Asked for access to `test` here: an admin has a message from the bot.
            You get a message with the answer. An admin can answer until 2026-11-24 12:00 UTC.
            op 5
            "); }
            let discord = discord(bot);
            let own = direct(ADAM.snowflake);
            let shown = discord.has_posted(&own, 1).await.remove(0);
            is_said(bot, asked.operation(), 1).await;
            let answered = presses(bot, &own, &shown, "8 h", true).await;
            allow_duplicates! { assert_snapshot!(answered, @"
            (only visible to you)
            ✅ @boris may now hand `test` over, only in #mods, until 2026-11-23 20:00 UTC (grant 4).
            They get a message that says so.
            op 7
            "); }
            let entry = bot.entry(&answered).await;
            assert_eq!(
                entry.channel.unwrap().to_string(),
                format!("discord:700:{own}"),
                "where it was pressed"
            );
            assert_eq!(entry.actor_name.as_deref(), Some("adam"));
            let told = discord.has_posted(&direct(BORIS.snowflake), 1).await;
            assert!(visible(&told[0]).contains("You may hand `test` over"), "{told:?}");
            discord.loses_buttons_in(&own).await;
            is_said(bot, asked.operation(), 3).await;
            let second = presses(bot, &own, &shown, "No", true).await;
            allow_duplicates! { assert_snapshot!(second, @"
            (only visible to you)
            ⛔ Nothing was changed: op 5 was answered before.
            Given until 2026-11-23 20:00 UTC by `adam` (op 7).
            op 11
            "); }
        })
        .await;
    }
}

#[tokio::test]
async fn who_has_left_the_server_answers_nobody() {
    run(World::usual().grant(ADAM, "admin", "*").at(Door::DiscordOverHttp), async |bot| {
        let asked = bot.chat(BORIS).says("/room-owner test ask: yes").await;
        let discord = discord(bot);
        let own = direct(ADAM.snowflake);
        let shown = discord.has_posted(&own, 1).await.remove(0);
        is_said(bot, asked.operation(), 1).await;
        asked.text();
        discord.fail(Route::Member, Fault::Code(404, 10_007), 1);
        let refused = presses(bot, &own, &shown, "8 h", true).await;
        assert_snapshot!(refused, @"
        (only visible to you)
        ❌ The bot could not use this request, so nothing was done: it was not used in a server.
        Use it in a moderators' channel of the server, where the bot can see your roles.
        op 7
        ");
        assert_eq!(bot.store.grants().await.unwrap().len(), 3);
        assert!(presses(bot, &own, &shown, "8 h", true).await.says("may now hand `test` over"));
        discord.loses_buttons_in(&own).await;
    })
    .await;
}
