//! `discord register`: differences and nothing else.

use insta::assert_snapshot;
use room_owner::bot;
use room_owner::discord::register::Registrar;
use room_owner::redact::Redactor;
use serde_json::{Value, json};

use super::fakes::discord::{Discord, Fault, Route, TOKEN};
use super::world::settings_for;

async fn registrar(discord: &Discord) -> Registrar {
    bot::install_cryptography();
    Registrar::new(&settings_for(discord), Redactor::default()).await.unwrap()
}

#[tokio::test]
async fn the_second_run_writes_nothing() {
    let discord = Discord::start().await;
    discord.put_command("applications/42", json!({ "id": "90", "name": "other", "type": 1 }));
    for guild in [None, Some("700")] {
        let registrar = registrar(&discord).await;
        let plan = registrar.plan(guild).await.unwrap();
        assert!(plan.difference().starts_with("+ /room-owner\n"));
        registrar.apply(&plan).await.unwrap();
        assert!(registrar.plan(guild).await.unwrap().is_empty());
        assert_eq!(registrar.plan(guild).await.unwrap().difference(), "");
    }
    let (everywhere, there) = ("POST applications/42/commands", "POST applications/42/guilds/700/commands");
    assert_eq!(discord.writes(), [[everywhere; 4], [there; 4]].concat());
    let names: Vec<_> = discord.commands("applications/42").iter().map(|it| it["name"].clone()).collect();
    assert_eq!(
        names,
        ["other", "room-owner", "room-acl", "room-audit", "Hand a room to…"],
        "others' commands stay"
    );
    assert_eq!(discord.problems(), Vec::<String>::new());
}

#[tokio::test]
async fn only_the_fields_that_differ_are_written() {
    let discord = Discord::start().await;
    let first = registrar(&discord).await;
    first.apply(&first.plan(None).await.unwrap()).await.unwrap();
    let mut registered = discord.commands("applications/42");
    let named = |it: &Value| it["name"] == "list";
    let options = registered[2]["options"].as_array_mut().unwrap();
    let list = options.iter_mut().find(|it| named(it)).unwrap();
    let limit = list["options"].as_array_mut().unwrap().last_mut().unwrap();
    assert_eq!(limit["name"], "limit");
    limit["max_value"] = json!(7);
    let mut stale = registered.remove(0);
    stale["description"] = json!("Something else");
    stale["default_member_permissions"] = json!("0");

    let discord = Discord::start().await;
    discord.put_command("applications/42", json!({ "id": "8", "name": "room-owner", "type": 2 }));
    discord.put_command("applications/42", stale);
    registered.into_iter().for_each(|command| discord.put_command("applications/42", command));
    let registrar = registrar(&discord).await;
    let plan = registrar.plan(None).await.unwrap();
    let difference = plan.difference();
    let (of_owner, of_audit) = difference.split_once("~ /room-audit\n").unwrap();
    assert!(of_audit.starts_with("    - options: [") && of_audit.lines().count() == 2, "{of_audit}");
    assert_snapshot!(of_owner, @r#"
    ~ /room-owner
        - description: "Something else"
        + description: "Hand a live room to a new owner, or show who owns it"
    "#);
    registrar.apply(&plan).await.unwrap();
    assert_eq!(discord.writes(), ["PATCH applications/42/commands/2", "PATCH applications/42/commands/4"]);
    assert_eq!(discord.problems(), Vec::<String>::new());
    assert!(registrar.plan(None).await.unwrap().is_empty());
}

#[tokio::test]
async fn discord_is_waited_for_when_it_asks_and_names_the_application() {
    let discord = Discord::start().await;
    bot::install_cryptography();
    let mut settings = settings_for(&discord);
    settings.application_id = None;
    discord.fail(Route::Commands, Fault::Slower(0.01), 2);
    let registrar = Registrar::new(&settings, Redactor::default()).await.unwrap();
    assert!(!registrar.plan(None).await.unwrap().is_empty());

    discord.fail(Route::Commands, Fault::Code(403, 50_001), 1);
    let error = registrar.plan(None).await.unwrap_err().to_string();
    assert_snapshot!(error, @"discord answered 403, code 50001: code 50001");
    settings.bot_token = None;
    assert!(Registrar::new(&settings, Redactor::default()).await.is_err());
}

/// `room-owner discord register` with this fake Discord: its exit code and what it prints.
async fn run(discord: &Discord, arguments: &[&str]) -> (Option<i32>, String) {
    let (code, output, _) = run_to_the_end(discord, arguments).await;
    (code, output)
}

/// The same, with what is meant for people alone.
async fn run_to_the_end(discord: &Discord, arguments: &[&str]) -> (Option<i32>, String, String) {
    let folder = tempfile::tempdir().unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_room-owner"));
    command
        .args(["discord", "register"])
        .args(arguments)
        .env_clear()
        .env("DISCORD_BOT_TOKEN", TOKEN)
        .env("DISCORD_API_BASE_URL", &discord.base)
        .env("COMMAND_PREFIX", "staging-")
        .current_dir(folder.path());
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    assert!(std::fs::read_dir(folder.path()).unwrap().next().is_none(), "it makes no database");
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[tokio::test]
async fn a_token_or_a_server_that_discord_does_not_take_is_an_error_that_says_what_to_do() {
    let failed = async |fault, arguments: &[&str]| {
        let discord = Discord::start().await;
        discord.fail(Route::Commands, fault, 1);
        let (code, _, said) = run_to_the_end(&discord, arguments).await;
        assert_eq!(code, Some(1), "{said}");
        said
    };
    assert_snapshot!(failed(Fault::Code(401, 0), &[]).await, @"error: discord answered 401: code 0: copy the token from the Bot page of the application (Reset Token) to DISCORD_BOT_TOKEN");
    assert_snapshot!(failed(Fault::Code(403, 50_001), &["--guild", "700"]).await, @"error: discord answered 403, code 50001: code 50001: invite the bot to that server with the scope `applications.commands`, or check the server's id");
    assert_snapshot!(failed(Fault::Status(502), &[]).await, @"error: discord answered 502");
}

/// What a start has to say of what is registered.
async fn checked(discord: &Discord) -> String {
    match registrar(discord).await.check().await.unwrap() {
        Ok(()) => "as it should be".to_owned(),
        Err((what, remedy)) => format!("{what} -> {remedy}"),
    }
}

#[tokio::test]
async fn a_start_looks_at_every_server_and_says_in_a_line_what_is_wrong() {
    let discord = Discord::start().await;
    discord.is_in("700");
    discord.is_in("701");
    assert_snapshot!(checked(&discord).await, @"not registered: `/room-owner`, `/room-acl`, `/room-audit`, `Hand a room to…` -> `room-owner discord register`");
    let registrar = registrar(&discord).await;
    let register = async |guild| registrar.apply(&registrar.plan(guild).await.unwrap()).await.unwrap();
    register(Some("700")).await;
    assert_snapshot!(checked(&discord).await, @"as it should be");
    register(None).await;
    assert_snapshot!(checked(&discord).await, @"registered twice, everywhere and in guild 700, so that each shows twice there: `/room-owner`, `/room-acl`, `/room-audit`, `Hand a room to…` -> `room-owner discord register --prune`");
    for plan in registrar.twice(None).await.unwrap() {
        registrar.apply(&plan).await.unwrap();
    }
    assert_snapshot!(checked(&discord).await, @"as it should be");

    // Somebody else's are not looked at, and a wrong one is found in a server alone.
    let discord = Discord::start().await;
    discord.is_in("700");
    discord.put_command("applications/42/guilds/700", json!({ "id": "90", "name": "other", "type": 1 }));
    let command = json!({ "id": "91", "name": "room-acl", "description": "Something else", "type": 1 });
    discord.put_command("applications/42/guilds/700", command);
    assert_snapshot!(checked(&discord).await, @"not registered, or otherwise, in guild 700: `/room-owner`, `/room-acl`, `/room-audit`, `Hand a room to…` -> `room-owner discord register --guild <guild>`");
    assert_eq!(discord.problems(), Vec::<String>::new());
}

#[tokio::test]
async fn what_is_registered_twice_is_removed_where_somebody_asks_for_it() {
    let discord = Discord::start().await;
    discord.is_in("700");
    discord.put_command("applications/42/guilds/700", json!({ "id": "90", "name": "other", "type": 1 }));
    assert_eq!(run(&discord, &["--guild", "700"]).await.0, Some(0));
    assert_eq!(run(&discord, &[]).await.0, Some(0));
    assert_eq!(discord.commands("applications/42/guilds/700").len(), 5, "nothing is removed unasked");
    let (exit, said) = run(&discord, &["--prune"]).await;
    assert_eq!(exit, Some(0));
    assert_snapshot!(said, @"
    - /staging-room-owner in guild 700
    - /staging-room-acl in guild 700
    - /staging-room-audit in guild 700
    - Hand a room to… in guild 700
    Registered /staging-room-owner, /staging-room-acl, /staging-room-audit, Hand a room to… everywhere.
    ");
    let names = |scope: &str| {
        let names = discord.commands(scope).into_iter().map(|it| it["name"].as_str().unwrap().to_owned());
        names.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(names("applications/42/guilds/700"), "other");
    assert_eq!(
        names("applications/42"),
        "staging-room-owner staging-room-acl staging-room-audit Hand a room to…"
    );
    let (exit, said) = run(&discord, &["--guild", "700", "--prune", "--format", "json"]).await;
    assert_eq!(exit, Some(0));
    let written: Value = serde_json::from_str(&said).unwrap();
    let written: Vec<String> = written
        .as_array()
        .unwrap()
        .iter()
        .map(|it| format!("{} {} {}", it["change"], it["command"], it["guild"]))
        .collect();
    assert_snapshot!(written.join("\n"), @r#"
    "create" "/staging-room-owner" "700"
    "create" "/staging-room-acl" "700"
    "create" "/staging-room-audit" "700"
    "create" "Hand a room to…" "700"
    "remove" "/staging-room-owner" null
    "remove" "/staging-room-acl" null
    "remove" "/staging-room-audit" null
    "remove" "Hand a room to…" null
    "#);
    assert_eq!(
        names("applications/42/guilds/700"),
        "other staging-room-owner staging-room-acl staging-room-audit Hand a room to…"
    );
    assert_eq!(names("applications/42"), "");
    assert_eq!(run(&discord, &["--guild", "700", "--format", "json"]).await.1, "[]\n");
    assert_eq!(discord.problems(), Vec::<String>::new());
}

#[tokio::test]
async fn the_program_prints_the_difference_and_says_when_there_is_none() {
    let discord = Discord::start().await;
    let (exit, said) = run(&discord, &["--guild", "700"]).await;
    assert_eq!(exit, Some(0));
    assert!(said.starts_with("+ /staging-room-owner\n"), "{said}");
    assert!(
        said.ends_with(
            "Registered /staging-room-owner, /staging-room-acl, /staging-room-audit, Hand a room to… in guild 700.\n"
        ),
        "{said}"
    );
    let (exit, said) = run(&discord, &["--guild", "700"]).await;
    assert_eq!(exit, Some(0));
    assert_snapshot!(said, @"Discord shows /staging-room-owner, /staging-room-acl, /staging-room-audit, Hand a room to… in guild 700 as it should: nothing was written.");
    assert_eq!(discord.writes().len(), 4);
    assert_eq!(discord.problems(), Vec::<String>::new());
    assert_eq!(run(&discord, &["--guild", "mods"]).await.0, Some(2));
    discord.fail(Route::Commands, Fault::Code(403, 50_001), 9);
    assert_eq!(run(&discord, &[]).await.0, Some(1));
}
