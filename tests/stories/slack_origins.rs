//! Which of Slack's apps and workspaces are served, and where.

use insta::assert_snapshot;
use room_owner::domain::audit::DecisionKind;

use super::slack::{ALICE, TEAM};
use super::world::{World, run};

#[tokio::test]
async fn another_app_is_not_served() {
    run(World::usual().for_app("A0APP"), async |bot| {
        let reply = bot.slack(ALICE).with("api_app_id", "A0OTHER").says("/room-owner test user2").await;
        assert_snapshot!(reply, @r"
        (only visible to you)
        ⛔ Not served: this bot does not take commands from the app `A0OTHER`.
        Use the app that your own workspace installed; an admin of the bot can add this one.
        Nothing was done.
        op 4
        ");
        let entry = bot.entry(&reply).await;
        assert_eq!((entry.outcome.name(), entry.decision), ("denied", Some(DecisionKind::Deny)));
        let reply = bot.slack(ALICE).without("api_app_id").says("/room-owner test user2").await;
        assert!(reply.says("Not served"), "{reply}");
        assert!(bot.tencent().calls().is_empty());
    })
    .await;
}

#[tokio::test]
async fn another_workspace_is_not_served() {
    run(World::usual().for_team("T0OTHER").for_team(TEAM), async |bot| {
        let mallory = bot.slack(ALICE).with("team_id", "T0EVIL");
        let reply = mallory.says("/room-owner test user2").await;
        assert_snapshot!(reply, @r"
        (only visible to you)
        ⛔ Not served: this bot does not take commands from the workspace `T0EVIL`.
        Use the app that your own workspace installed; an admin of the bot can add this one.
        Nothing was done.
        op 4
        ");
        let entry = bot.entry(&reply).await;
        assert_eq!(entry.outcome.name(), "denied");
        assert_eq!(entry.actor.unwrap().to_string(), "slack:T0EVIL:U0ALICE");
        let reply = bot.slack(ALICE).says("/room-owner test user2").await;
        assert!(reply.says("confirmed"), "{reply}");
    })
    .await;
}

#[tokio::test]
async fn the_same_user_id_in_another_workspace_is_somebody_else() {
    run(World::usual(), async |bot| {
        let namesake = bot.slack(ALICE).with("team_id", "T0EVIL");
        let reply = namesake.says("/room-owner test user2").await;
        assert!(reply.says("Not here"), "{reply}");
        assert!(bot.changes().is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_trailing_slash_is_served_and_not_redirected() {
    run(World::usual(), async |bot| {
        let alice = bot.slack(ALICE).at_path("/slack/commands/");
        let reply = alice.says("/room-owner test user2").await;
        assert!(reply.says("`test` now belongs to `user2`"));
    })
    .await;
}
