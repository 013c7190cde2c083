//! An id is taken as it is, or refused: nothing that is typed around it changes in silence which room or account is
//! meant.

use room_owner::domain::access::Effect;
use room_owner::domain::command::quoted;
use room_owner::domain::room::{AccountId, Accounts};

use super::doors::{Door, assert_snapshot, at_every_door};
use super::program::Program;
use super::slack::{ALICE, MODS, OTTO, TEAM};
use super::world::{Stage, World, run};

/// Rooms that all exist, and would be one if anything were taken off them.
const ROOMS: [&str; 10] = [
    "live-1",
    "live-1 ",
    " live-1",
    "live-1.",
    "`live-1`",
    "<live-1>",
    "\"live-1\"",
    "'live-1'",
    "*live-1*",
    "live\\1",
];

/// Accounts, of which Tencent has the first two.
const ACCOUNTS: [&str; 14] = [
    "user2",
    "_user2_",
    "user2 ",
    " user2",
    "user2.",
    "`user2`",
    "<user2>",
    "[user2]",
    "*user2*",
    "\"user2\"",
    "?",
    "🎉",
    ":tada:",
    "user2\u{200b}",
];

fn rooms(world: World) -> World {
    ROOMS.into_iter().fold(world, |world, room| world.room(room, "carol"))
}

/// What was done is what was asked for, byte by byte, or nothing was.
fn is_taken_as_it_is(bot: &Stage, room: &str, owner: &str, so_far: usize) {
    let changes = bot.tencent().owner_changes();
    match owner {
        "user2" | "user3" | "user4" | "_user2_" => {
            let change = changes.last().unwrap();
            assert_eq!((change.room.as_str(), change.to.as_str()), (room, owner));
            assert_eq!(changes.len(), so_far + 1, "{room:?} {owner:?}");
        }
        _ => assert_eq!(changes.len(), so_far, "{room:?} {owner:?}"),
    }
}

at_every_door! {
    a_decorated_account_is_refused_with_the_line_that_was_meant,
    what_no_account_is_left_of_is_refused_in_words,
    an_application_may_have_other_accounts,
}

async fn a_decorated_account_is_refused_with_the_line_that_was_meant(door: Door) {
    run(World::usual().at(door), async |bot| {
        let reply = bot.chat(ALICE).says("/room-owner test <user2> reason: host crashed").await;
        assert_snapshot!(reply, @r"
        (only visible to you)
        ❌ An account is made of letters, digits, - and _; `<user2>` holds “<” (U+003C).
        Type: `/room-owner test user2 reason: host crashed`
        Nothing was done.
        op 4
        ");
        let entry = bot.entry(&reply).await;
        assert_eq!((entry.outcome.name(), entry.new_owner), ("invalid", None));
        for account in
            ["[user2]", "(user2)", "*user2*", "user2.", "user2,", "user2?", "**user2**,", "us\u{200b}er2"]
        {
            let reply = bot.chat(ALICE).says(&format!("/room-owner test {account}")).await;
            assert!(reply.says("Type: `/room-owner test user2`"), "{account}: {reply}");
        }
        assert!(bot.tencent().calls().is_empty());
        let reply = bot.chat(ALICE).says("/room-owner test user2 reason: host crashed").await;
        assert!(reply.says("`test` now belongs to `user2`"), "{reply}");
    })
    .await;
}

async fn what_no_account_is_left_of_is_refused_in_words(door: Door) {
    run(World::usual().at(door), async |bot| {
        let reply = bot.chat(ALICE).says("/room-owner test ?").await;
        assert_snapshot!(reply, @r"
        (only visible to you)
        ❌ An account is made of letters, digits, - and _; `?` holds “?” (U+003F).
        Type: `/room-owner test <new_owner>`
        Nothing was done.
        op 4
        ");
        for account in ["🎉", ":tada:", "->", "→", "<new_owner>", "user.2", "用户2"] {
            let reply = bot.chat(ALICE).says(&format!("/room-owner test {account}")).await;
            assert!(reply.says("Type: `/room-owner test <new_owner>`"), "{account}: {reply}");
            assert_eq!(bot.last().await.outcome.name(), "invalid", "{account}");
        }
        assert!(bot.tencent().calls().is_empty());
    })
    .await;
}

async fn an_application_may_have_other_accounts(door: Door) {
    run(World::usual().at(door).with_any_account(), async |bot| {
        for account in ["用户2", "O'Neil", "user2.", "a:b"] {
            let reply = bot.chat(ALICE).says(&format!("/room-owner test {account}")).await;
            assert!(reply.says(&format!("`test` now belongs to `{account}`")), "{reply}");
            assert_eq!(bot.owner_of("test"), account);
        }
        let reply = bot.chat(ALICE).says("/room-owner test us\u{200b}er2").await;
        assert!(reply.says("An account is made of visible characters; `us"), "{reply}");
        assert!(reply.says("Type: `/room-owner test user2`"), "{reply}");
        assert_eq!(bot.changes().len(), 4);
    })
    .await;
}

#[tokio::test]
async fn in_slack_what_stands_in_quotes_is_taken_as_it_is() {
    run(rooms(World::usual()), async |bot| {
        for room in ROOMS {
            for owner in ACCOUNTS {
                let so_far = bot.tencent().owner_changes().len();
                let line = format!("/room-owner {} {}", quoted(room), quoted(owner));
                bot.slack(ALICE).says(&line).await.text();
                is_taken_as_it_is(bot, room, owner, so_far);
            }
        }
    })
    .await;
}

#[tokio::test]
async fn in_slack_code_marks_around_a_word_are_quotes() {
    run(rooms(World::usual()).room("my room", "carol").room("a\\\\b", "carol"), async |bot| {
        for (line, room, owner) in [
            ("test `user2`", "test", "user2"),
            ("`test` `user3`", "test", "user3"),
            ("`my room` user2", "my room", "user2"),
            ("``test`` ```user4```", "test", "user4"),
            ("`live-1 ` user2", "live-1 ", "user2"),
            // Code holds nothing but itself: a backslash is one.
            ("`a\\\\b` user2", "a\\\\b", "user2"),
        ] {
            let so_far = bot.tencent().owner_changes().len();
            let reply = bot.slack(ALICE).says(&format!("/room-owner {line}")).await;
            assert!(reply.says("now belongs to"), "{line}: {reply}");
            is_taken_as_it_is(bot, room, owner, so_far);
        }
        // What stands behind a mark is no account either.
        let reply = bot.slack(ALICE).says("/room-owner test `user2`.").await;
        assert_snapshot!(reply, @r#"
        (only visible to you)
        ❌ There is no space between the closing quote and `.`.
        Type: `/room-owner test user2`
        Nothing was done.
        op 16
        "#);
        let reply = bot.slack(ALICE).says("/room-owner test `user2").await;
        assert!(reply.says("A quote is opened and never closed."), "{reply}");
    })
    .await;
}

#[tokio::test]
async fn at_the_command_line_an_argument_is_taken_as_it_is() {
    let mut program = Program::new().await;
    for room in ROOMS {
        program.tencent.put_room(room, "carol");
        let ran = program.runs(&format!("transfer {} user2", room.replace(' ', "+"))).await;
        assert_eq!(ran.code, 0, "{}", ran.err);
        assert_eq!(program.tencent.owner_changes().last().unwrap().room, room);
    }
    let changes = program.changes();
    for owner in ACCOUNTS.into_iter().skip(2) {
        let ran = program.runs(&format!("transfer live-1 {}", owner.replace(' ', "+"))).await;
        assert_eq!((ran.code, program.changes()), (2, changes), "{owner:?}: {}", ran.err);
    }
    let ran = program.runs("transfer live-1+ user2. --reason host+left").await;
    assert!(
        ran.err.contains("Type: `room-owner transfer 'live-1 ' user2 --reason 'host left'`"),
        "{}",
        ran.err
    );
    let ran = program.runs("transfer my+$room ?").await;
    assert!(ran.err.contains("Type: `room-owner transfer 'my $room' <new_owner>`"), "{}", ran.err);
    for words in ["simulator --room test=carol.", "simulator --room test=carol+"] {
        let ran = program.runs(words).await;
        assert_eq!(ran.code, 2, "{words}: {}", ran.err);
        assert!(ran.err.contains("an account is made of letters, digits, - and _"), "{}", ran.err);
    }
    program.set("TENCENT_ACCOUNTS", "any");
    assert_eq!(program.runs("transfer live-1 user2.").await.code, 0);
    assert_eq!(program.tencent.owner_of("live-1").unwrap(), "user2.");
    program.set("TENCENT_ACCOUNTS", "all");
    let ran = program.runs("transfer live-1 user2").await;
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("TENCENT_ACCOUNTS: `all` is neither `tencent` nor `any`"), "{}", ran.err);
}

#[tokio::test]
async fn a_scope_is_taken_as_it_is_on_the_command_line_and_in_a_file() {
    let program = Program::new().await;
    let scopes = ["+*", "live-1+", "+live-1", "live-?", "*+"];
    for scope in scopes {
        let ran = program.runs(&format!("acl grant slack:T1:U1 moderator --rooms {scope}")).await;
        let is_scope = scope != "*+";
        assert_eq!(ran.code, if is_scope { 0 } else { 2 }, "{scope}: {}", ran.err);
    }
    let grants = program.runs("acl list --format json").await.json();
    let rooms: Vec<&str> =
        grants.as_array().unwrap().iter().map(|it| it["rooms"].as_str().unwrap()).collect();
    assert_eq!(rooms, [" *", "live-1 ", " live-1", "live-?"]);
    let exported = program.runs("acl export").await.out;
    std::fs::write(program.path("acl.toml"), &exported).unwrap();
    let ran = program.runs("acl plan acl.toml").await;
    assert!(ran.err.contains("nothing to change"), "{}", ran.err);
    std::fs::write(program.path("acl.toml"), exported.replace("\" *\"", "\"*\"")).unwrap();
    let ran = program.runs("acl plan acl.toml").await;
    assert!(ran.err.contains("2 changes"), "another scope: {}", ran.err);
}

#[tokio::test]
async fn the_kind_of_an_id_is_never_taken_from_its_text() {
    let world = World::usual().grant_but(OTTO, "moderator", "*", |grant| {
        grant.subject = format!("slack:{TEAM}:group:S0GRP").parse().unwrap();
    });
    let world = world.grant_but(OTTO, "moderator", "*", |grant| {
        grant.subject = format!("slack:{TEAM}:group:S0OUT").parse().unwrap();
        grant.effect = Effect::Deny;
    });
    run(world, async |bot| {
        let group_of_the_team = format!("{TEAM}:group");
        for (field, value) in [
            ("user_id", "group:S0GRP"),
            ("user_id", "U0ALICE:S0GRP"),
            ("user_id", "U0ALICE "),
            ("user_id", " U0ALICE"),
            ("user_id", "<@U0ALICE>"),
            ("user_id", "group"),
            ("team_id", group_of_the_team.as_str()),
            ("team_id", "T0TEAM "),
            ("channel_id", "C0MODS:C0MODS"),
            ("channel_id", "C0MODS "),
        ] {
            let reply = bot.slack(ALICE).with(field, value).says("/room-owner test user2").await;
            assert!(reply.says("id"), "{field} {value}: {reply}");
            let entry = bot.entry(&reply).await;
            assert_eq!(entry.outcome.name(), "invalid", "{field} {value}");
            let is_about_channel = field == "channel_id";
            assert_eq!(entry.actor.is_some(), is_about_channel, "{field} {value}: {:?}", entry.actor);
            assert!(entry.channel.is_none_or(|it| it.to_string() == format!("slack:{TEAM}:{MODS}")));
        }
        // A mention says by its sign what it is.
        let reply = bot.slack(ALICE).sends("/room-acl why <@group:S0GRP> test").await;
        assert!(reply.says("`<@group:S0GRP>` is only text here"), "{reply}");
        assert!(bot.tencent().calls().is_empty());
    })
    .await;
}

#[test]
fn the_accounts_of_these_stories_are_kept_apart_as_they_say() {
    let is_taken = |account: &&str| {
        account.parse::<AccountId>().is_ok_and(|account| Accounts::Tencent.check(&account).is_ok())
    };
    assert_eq!(ACCOUNTS.iter().filter(|account| is_taken(account)).count(), 2);
}
