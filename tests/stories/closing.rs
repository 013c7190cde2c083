//! What must hold after every story.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use room_owner::app::ports::Clock as _;
use room_owner::domain::audit::OutcomeKind;
use room_owner::store::verify::{Evidence, verify};
use room_owner::tencent::user_sig;
use secrecy::ExposeSecret as _;
use sqlx::Connection as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

use super::clock::NOON;
use super::logs;
use super::replay::{self, Row};
use super::world::{ADMIN, SDK_APP_ID, Stage};
use crate::fakes::discord::TOKEN;
use crate::fakes::interaction::TOKENS;
use crate::fakes::socket;

pub(crate) async fn check(stage: &Stage) {
    every_message_was_read(stage);
    every_operation_has_ended(stage).await;
    every_request_left_one_record(stage).await;
    let events = the_tables_follow(stage).await;
    the_log_verifies(stage).await;
    every_call_was_written_down_first(stage, &events);
    nothing_gave_a_secret_away(stage);
}

/// The tables tell what somebody else makes of the events; those are returned.
async fn the_tables_follow(stage: &Stage) -> Vec<Row> {
    let options = SqliteConnectOptions::new().filename(stage.database()).read_only(true);
    let mut raw = SqliteConnection::connect_with(&options).await.unwrap();
    let events = replay::events(&mut raw).await;
    if !stage.is_tampered_with {
        replay::assert_tables_follow(&events, &mut raw).await;
    }
    events
}

/// The tables tell what the events tell, under every signed head.
async fn the_log_verifies(stage: &Stage) {
    let every = Evidence { indexes: true, ..Evidence::default() };
    let report = verify(&stage.database(), every).await.unwrap();
    assert_eq!(report.sound, !stage.is_tampered_with, "the log does not verify: {:#?}", report.findings);
}

fn every_message_was_read(stage: &Stage) {
    for (text, read) in &*stage.workspace.unread.lock().unwrap() {
        assert!(read.load(Ordering::SeqCst), "nobody read: {text}");
    }
    if let Some(guild) = &stage.guild {
        assert_eq!(guild.discord.problems(), Vec::<String>::new());
        for (token, interaction) in guild.discord.interactions() {
            let thinking = interaction.callback.is_some_and(|callback| callback["type"] == 5);
            assert!(guild.read.lock().unwrap().contains(&token), "nobody read the answer to {token}");
            assert!(!thinking || interaction.edited.is_some(), "{token} is still thinking");
        }
    }
    let unread = stage.late.unread();
    assert!(unread.is_empty(), "nobody read the late answers {unread:?}");
}

async fn every_operation_has_ended(stage: &Stage) {
    for entry in stage.audit().await {
        assert_ne!(entry.outcome, OutcomeKind::Pending, "{entry:?}");
    }
}

async fn every_request_left_one_record(stage: &Stage) {
    let from_chat = stage.workspace.recorded.load(Ordering::SeqCst);
    let entries = stage.audit().await;
    let asked = entries.iter().filter(|entry| !entry.command.starts_with("(system)"));
    assert_eq!(asked.count(), stage.other_operations + from_chat, "operations");
}

fn every_call_was_written_down_first(stage: &Stage, events: &[Row]) {
    let mut calls: HashMap<_, usize> = HashMap::new();
    for call in stage.changes() {
        let room = call.room.clone().unwrap();
        let new_owner = call.new_owner.clone().unwrap();
        let attempts = events.iter().filter(|event| {
            let at: jiff::Timestamp = event.body["at"].as_str().unwrap().parse().unwrap();
            let asked = &event.body["what"]["requested"];
            asked["decision"] == "permit"
                && asked["room"] == room.as_str()
                && asked["new_owner"] == new_owner.as_str()
                && at <= call.at
        });
        let attempts = attempts.count();
        assert!(attempts > 0, "{call:?} was not written down before it was sent");
        let sent = calls.entry((room, new_owner)).or_default();
        *sent += 1;
        assert!(*sent <= attempts * stage.world.most_calls, "{sent} calls for {attempts} attempts: {call:?}");
    }
}

fn nothing_gave_a_secret_away(stage: &Stage) {
    let workspace = &stage.workspace;
    let key = stage.world_key();
    let sig_at = |at| user_sig::sign(key, SDK_APP_ID, ADMIN, at, Duration::from_secs(48 * 3_600));
    let database = stage.database();
    let beside = |suffix: &str| std::fs::read(format!("{}{suffix}", database.display())).unwrap_or_default();
    let signing_key = String::from_utf8(beside(".key")).unwrap();
    let mut secrets = vec![
        ("the signing key", signing_key.trim().splitn(5, '+').last().unwrap().to_owned()),
        ("the signing secret", workspace.signing_secret.expose_secret().to_owned()),
        ("Slack's token", workspace.token.clone()),
        ("a response_url", workspace.hook.clone()),
        ("Tencent's secret key", key.expose_secret().to_owned()),
        ("a UserSig", sig_at(NOON).expose_secret().to_owned()),
        ("a UserSig", sig_at(stage.clock.now()).expose_secret().to_owned()),
    ];
    if let Some(guild) = &stage.guild {
        secrets.push(("the bot's token", TOKEN.to_owned()));
        secrets.push(("Discord's key", hex::encode(guild.key.to_bytes())));
        secrets.push(("the token of an interaction", TOKENS.to_owned()));
    }
    if stage.socket.is_some() {
        secrets.push(("the app's token", socket::TOKEN.to_owned()));
        secrets.push(("the ticket of a connection", socket::TICKET.to_owned()));
    }
    secrets.extend(stage.more_secrets());
    let places = [
        ("the log lines and panics", logs::so_far()),
        ("the database", beside("")),
        ("the write-ahead log", beside("-wal")),
        ("the signed head", beside(".checkpoint")),
        ("the signed head before", beside(".checkpoint.before")),
        ("the replies and metrics", workspace.said.lock().unwrap().clone().into_bytes()),
    ];
    // Every world begins with this line; without it nothing is being kept.
    assert!(holds(&places[0].1, b"taking commands from Slack"), "no log lines were kept");
    for (place, bytes) in &places {
        for (what, secret) in &secrets {
            assert!(!holds(bytes, secret.as_bytes()), "{place} hold {what}");
        }
        assert!(!holds(bytes, b"usersig="), "{place} hold a URL with a UserSig");
    }
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    memchr::memmem::find(bytes, part).is_some()
}
