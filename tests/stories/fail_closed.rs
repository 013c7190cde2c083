//! What the bot cannot trust or cannot write it does not use: nothing is done, the person reads so, `/readyz` says
//! why, and when the cause goes all goes on.

use std::time::Duration;

use sqlx::Connection as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

use super::doors::{Door, assert_snapshot, at_every_door};
use super::program::Program;
use super::slack::ALICE;
use super::world::{Stage, World, run};

const LINE: &str = "/room-owner test user2";

at_every_door! {
    a_guard_that_is_taken_off_while_the_bot_runs_stops_it,
    a_trigger_of_somebody_elses_stops_the_bot,
    a_database_that_is_away_for_a_while_is_missed_and_found_again,
    a_clock_that_jumps_changes_neither_order_nor_outcome,
    a_role_ends_when_the_clock_jumps_past_its_end,
}

async fn raw(bot: &Stage, sql: &str) {
    let options = SqliteConnectOptions::new().filename(bot.database());
    let mut other = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned())).execute(&mut other).await.unwrap();
    other.close().await.unwrap();
}

/// The statement that makes a guard.
async fn made_by(bot: &Stage, guard: &str) -> String {
    let options = SqliteConnectOptions::new().filename(bot.database());
    let mut other = SqliteConnection::connect_with(&options).await.unwrap();
    let made = sqlx::query_scalar("SELECT sql FROM sqlite_schema WHERE name = ?").bind(guard);
    let made = made.fetch_one(&mut other).await.unwrap();
    other.close().await.unwrap();
    made
}

/// Nothing is done, and everybody reads so.
async fn is_closed(bot: &Stage, because: &str) {
    let calls = bot.tencent().calls().len();
    let reply = bot.chat(ALICE).says(LINE).await;
    assert_snapshot!(reply, @r"
    (only visible to you)
    ❌ Nothing was done: the audit log cannot be written right now.
    The bot never changes a room without a record. It is safe to try again; tell an admin to check the bot's disk and database if it stays like this.
    ");
    assert_eq!(bot.tencent().calls().len(), calls, "nothing reaches tencent");
    let waiting = async {
        loop {
            // An answer is good for a second.
            let (status, text) = bot.page("/readyz").await;
            if status == 503 && text.contains(because) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waiting).await.expect("`/readyz` does not say why");
}

/// All goes on by itself.
async fn is_open(bot: &Stage) {
    let reply = bot.chat(ALICE).says(LINE).await;
    assert!(reply.says("`user2`"), "{reply}");
    assert_eq!(bot.owner_of("test"), "user2");
    let ready = async {
        while bot.page("/readyz").await.0 != 200 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), ready).await.expect("it stays not ready");
}

async fn a_guard_that_is_taken_off_while_the_bot_runs_stops_it(door: Door) {
    run(World::usual().at(door), async |bot| {
        let guard = made_by(bot, "audit_events_never_deleted").await;
        raw(bot, "DROP TRIGGER audit_events_never_deleted").await;
        is_closed(bot, "lacks trigger `audit_events_never_deleted`: restore a backup").await;
        // Put back under its name, with nothing in it.
        let hollow =
            "CREATE TRIGGER audit_events_never_deleted BEFORE DELETE ON audit_events BEGIN SELECT 1; END";
        raw(bot, hollow).await;
        is_closed(bot, "trigger `audit_events_never_deleted` of the database is not as this program made it")
            .await;
        raw(bot, &format!("DROP TRIGGER audit_events_never_deleted; {guard}")).await;
        is_open(bot).await;
    })
    .await;
}

/// It would keep records out, and nobody would know.
async fn a_trigger_of_somebody_elses_stops_the_bot(door: Door) {
    run(World::usual().at(door), async |bot| {
        raw(bot, "CREATE TRIGGER silent BEFORE INSERT ON audit_events BEGIN SELECT RAISE(IGNORE); END").await;
        is_closed(bot, "holds trigger `silent`, which this program did not make: drop it").await;
        raw(bot, "DROP TRIGGER silent").await;
        is_open(bot).await;
    })
    .await;
}

async fn a_database_that_is_away_for_a_while_is_missed_and_found_again(door: Door) {
    run(World::usual().at(door), async |bot| {
        for suffix in ["", "-wal", "-shm"] {
            let name = format!("room-owner.db{suffix}");
            let (file, away) = (bot.database().with_file_name(&name), bot.database().with_extension("away"));
            std::fs::rename(&file, &away).unwrap();
            is_closed(bot, &format!("{name}` was removed or replaced while in use")).await;
            std::fs::rename(&away, &file).unwrap();
            is_open(bot).await;
        }
    })
    .await;
}

async fn a_clock_that_jumps_changes_neither_order_nor_outcome(door: Door) {
    use room_owner::tencent::simulator::{FaultKind, When};
    for jump in [-7_200, 7_200] {
        run(World::usual().at(door), async |bot| {
            bot.next_change(FaultKind::Stall { when: When::Before, millis: 100 });
            let saying = tokio::spawn(bot.chat(ALICE).says(LINE));
            bot.tencent().until(|tencent| tencent.max_concurrent_changes("test") == 1).await;
            // Between the attempt and its outcome.
            bot.clock.pass(jump);
            let reply = saying.await.unwrap();
            let reply = if reply.says("Working on") { bot.late(&reply).await } else { reply };
            assert!(reply.says("confirmed"), "{reply}");
            let entry = bot.entry(&reply).await;
            assert_eq!(entry.outcome.name(), "succeeded");
            assert_eq!(entry.duration_ms.unwrap() / 1_000, jump.max(0), "set back, no time has passed");
            // The log is in the order in which things happened, whatever the clock said.
            bot.clock.pass(-jump);
            let again = bot.chat(ALICE).says("/room-owner test user3").await;
            assert!(again.operation() > reply.operation() && again.says("was `user2`"), "{again}");
        })
        .await;
    }
}

async fn a_role_ends_when_the_clock_jumps_past_its_end(door: Door) {
    let world = World::empty().room("test", "carol").channel(super::slack::MODS, "*");
    let world = world.grant_but(ALICE, "moderator", "*", |grant| {
        grant.expires_at = Some(super::clock::NOON + jiff::SignedDuration::from_hours(1));
    });
    run(world.at(door), async |bot| {
        bot.clock.pass(3_599);
        let reply = bot.chat(ALICE).says(LINE).await;
        assert!(reply.says("now belongs to `user2`"), "{reply}");
        bot.clock.pass(1);
        let reply = bot.chat(ALICE).says("/room-owner test user3").await;
        assert_eq!(bot.entry(&reply).await.outcome.name(), "denied");
        assert!(reply.says("Nothing was done"), "{reply}");
        assert_eq!(bot.owner_of("test"), "user2");
        // Set back, the clock is believed again: it is the only one that the bot has.
        bot.clock.pass(-600);
        let reply = bot.chat(ALICE).says("/room-owner test user3").await;
        assert!(reply.says("now belongs to `user3`"), "{reply}");
    })
    .await;
}

#[tokio::test]
async fn without_its_key_the_program_does_not_start_and_with_it_again_it_does() {
    let program = Program::new().await;
    program.serves().await.ends_when_asked().await;
    let (key, away) = (program.path("room-owner.db.key"), program.path("key.away"));
    std::fs::rename(&key, &away).unwrap();
    let ran = program.runs("acl list").await;
    assert_eq!(ran.code, 1, "{}", ran.out);
    assert!(ran.err.contains("room-owner.db.key"), "{}", ran.err);
    // Something that cannot be read as a key is none.
    std::fs::create_dir(&key).unwrap();
    let ran = program.runs("acl list").await;
    assert!(ran.code == 1 && ran.err.contains("room-owner.db.key"), "{}", ran.err);
    assert!(program.tencent.calls().is_empty());
    std::fs::remove_dir(&key).unwrap();
    std::fs::rename(&away, &key).unwrap();
    program.serves().await.ends_when_asked().await;
}

#[tokio::test]
async fn on_a_damaged_database_the_program_does_not_start_and_says_where_another_one_is() {
    let program = Program::new().await;
    program.serves().await.ends_when_asked().await;
    let copied = program.runs("backup copy.db").await;
    assert_eq!(copied.code, 0, "{}{}", copied.out, copied.err);
    let file = program.path("room-owner.db");
    // The disk has kept the first two pages.
    std::fs::OpenOptions::new().write(true).open(&file).unwrap().set_len(8_192).unwrap();
    for words in ["serve", "transfer test user2"] {
        let ran = program.runs(words).await;
        assert_eq!(ran.code, 1, "{}", ran.out);
        let folder = program.path("").display().to_string();
        assert_snapshot!(ran.err.replace(&folder, ""), @r"
        error: the database `room-owner.db` is damaged (error returned from database: (code: 11) database disk image is malformed): keep it aside with the files beside it, put the newest copy that `room-owner backup` made in its place, and look at its disk
        ");
    }
    assert!(program.tencent.calls().is_empty());
    for suffix in ["-wal", "-shm"] {
        drop(std::fs::remove_file(program.path(&format!("room-owner.db{suffix}"))));
    }
    std::fs::copy(program.path("copy.db"), &file).unwrap();
    program.serves().await.ends_when_asked().await;
}
