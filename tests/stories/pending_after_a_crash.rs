//! The process dies while somebody waits for an answer; the next one says it, once.

use std::sync::Arc;
use std::time::Duration;

use room_owner::app::ports::Store as _;
use room_owner::domain::audit::OperationId;
use room_owner::store::{IfMissing, SqliteStore};
use room_owner::tencent::simulator::{Api, Fault, FaultKind, When};
use secrecy::ExposeSecret as _;

use super::doors::{Chat, Door, assert_snapshot, at_discord, at_every_door, discords};
use super::guild::{Guild, visible};
use super::pending_replies::read;
use super::program::{PATIENCE, Program, Serving};
use super::slack::{ALICE, MODS, TEAM};
use super::world::secret;
use crate::fakes::discord::direct;
use crate::fakes::slack::SlackApi;

const LINE: &str = "/room-owner test user2";
const AN_HOUR: u64 = 3_600_000;
/// The operations of these stories: a grant, a channel, and the command.
const COMMAND: i64 = 3;

at_every_door! {
    who_waits_for_a_change_that_was_made_is_answered_by_the_next_process,
    who_waits_for_a_change_that_was_not_made_is_answered_so,
    two_processes_that_start_at_once_tell_it_once,
    without_a_token_the_log_says_that_nobody_was_notified,
}

/// The program serves Alice, a moderator, in #mods of one platform.
struct Place {
    program: Program,
    slack: SlackApi,
    guild: Option<Arc<Guild>>,
}

impl Place {
    async fn at(door: Door, has_token: bool) -> Self {
        let mut program = Program::new().await;
        let token = secret("xoxb");
        let slack = SlackApi::start(token.expose_secret()).await;
        if has_token {
            program.set("SLACK_BOT_TOKEN", token.expose_secret());
            program.set("SLACK_API_BASE_URL", slack.base());
        }
        let guild = Guild::at(door, &program.workspace, false).await;
        for (name, value) in guild.iter().flat_map(|guild| guild.environment()) {
            program.set(name, &value);
        }
        let (mut person, mut channel) = (ALICE.subject(), format!("slack:{TEAM}:{MODS}"));
        if guild.is_some() {
            (person, channel) = (discords(&person), discords(&channel));
        }
        for words in [format!("acl grant {person} moderator"), format!("acl channel allow {channel}")] {
            let ran = program.runs(&words).await;
            assert_eq!(ran.code, 0, "{}", ran.err);
        }
        Self { program, slack, guild }
    }

    async fn serves(&self) -> Serving {
        let serving = self.program.serves().await;
        if let Some(guild) = &self.guild {
            guild.is_reached().await;
        }
        serving
    }

    /// The process dies while Tencent is at the change, before it or after.
    async fn dies_in_the_middle(&self, serving: Serving, when: When) {
        let stall = Fault::new(FaultKind::Stall { when, millis: AN_HOUR });
        self.program.tencent.inject(stall.on(Api::ChangeRoomOwner).once());
        match Chat::new(self.program.slack(ALICE), self.guild.as_ref(), ALICE) {
            Chat::Slack(person) => drop(tokio::spawn(person.about(LINE).signed().sent())),
            Chat::Discord(member) => member.sends_again(LINE).await,
        }
        self.program.until(|tencent| tencent.max_concurrent_changes("test") == 1).await;
        self.program
            .until(|tencent| when == When::Before || tencent.owner_of("test").unwrap() == "user2")
            .await;
        // Who may see the answer is kept a moment later, and so is who owned the room before.
        let mut raw = self.program.raw().await;
        let kept = async {
            let who = if self.guild.is_some() { "public_in" } else { "*" };
            let sql = format!(
                "SELECT (SELECT count({who}) FROM replies) + (SELECT count(previous_owner) FROM operations
                 WHERE operation = ?)"
            );
            let sql = || sqlx::query_scalar::<_, i64>(sqlx::AssertSqlSafe(sql.clone()));
            while sql().bind(COMMAND).fetch_one(&mut raw).await.unwrap() < 2 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, kept).await.expect("what is pending is not kept");
        serving.dies();
    }

    /// What the bot says by itself, to Alice alone or to the channel.
    async fn is_told(&self, is_public: bool) -> String {
        let text = match &self.guild {
            None => {
                let posted = self.slack.has_posted(1).await;
                assert_eq!(posted.len(), 1);
                let reply = read(&posted[0]);
                assert_eq!(reply.is_public(), is_public, "{reply}");
                assert_eq!(posted[0].channel, MODS);
                reply.text().to_owned()
            }
            // In Discord "thinking…" had settled that everybody sees it.
            Some(guild) => {
                let posted = guild.discord.has_posted(at_discord(MODS), 1).await;
                assert_eq!((posted.len(), guild.discord.channel(&direct(ALICE.snowflake)).len()), (1, 0));
                assert_eq!(guild.discord.problems(), Vec::<String>::new());
                visible(&posted[0])
            }
        };
        let (before, rest) = text.split_once("You asked for this at ").expect("it says why it comes late");
        let (_, after) = rest.split_once(" UTC").unwrap();
        format!("{before}You asked for this at …{after}")
    }

    /// What the bot says when it has found out what it did not know.
    async fn is_sent_the_end(&self) -> String {
        match &self.guild {
            None => read(&self.slack.has_posted(2).await[1]).text().to_owned(),
            Some(guild) => visible(&guild.discord.has_posted(&direct(ALICE.snowflake), 1).await[0]),
        }
    }

    fn said(&self) -> usize {
        self.guild
            .as_ref()
            .map_or_else(|| self.slack.posted().len(), |guild| guild.discord.channel(at_discord(MODS)).len())
    }

    /// How the reply went, by the log.
    async fn note(&self) -> String {
        let store = SqliteStore::open(&self.program.database_url(), IfMissing::Fail).await.unwrap();
        let asking = async {
            loop {
                let notes = store.reply_notes(OperationId::new(COMMAND)).await.unwrap();
                if let [(_, note)] = notes.as_slice() {
                    return note.to_string();
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, asking).await.expect("the log has no note about the reply")
    }

    /// Waits until nothing is pending any more.
    async fn is_settled(&self) {
        let mut raw = self.program.raw().await;
        let settled = async {
            let sql = "SELECT count(*) FROM replies";
            while sqlx::query_scalar::<_, i64>(sql).fetch_one(&mut raw).await.unwrap() > 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, settled).await.expect("something is pending for ever");
    }
}

async fn who_waits_for_a_change_that_was_made_is_answered_by_the_next_process(door: Door) {
    let place = Place::at(door, true).await;
    let serving = place.serves().await;
    place.dies_in_the_middle(serving, When::After).await;
    let serving = place.serves().await;
    assert_snapshot!(place.is_told(true).await, @"
    ✅ `test` now belongs to `user2` (was `carol`) · confirmed
    You asked for this at …: `/room-owner test user2`. The bot could not answer then.
    Tencent's answer was lost on the way; the new owner was read back.
    op 3 · by alice · undo: /room-owner test carol
    ");
    let note = place.note().await;
    assert!(note.starts_with("delivered later, in a message of its own (the process ended"), "{note}");
    place.is_settled().await;
    let shown = place.program.runs("audit show 3").await;
    assert!(shown.err.contains("the reply was delivered later"), "{}", shown.err);
    serving.ends_when_asked().await;
    // And nobody says it again.
    let serving = place.serves().await;
    assert_eq!(place.said(), 1);
    serving.dies();
    assert_eq!(place.program.changes(), 1);
}

async fn who_waits_for_a_change_that_was_not_made_is_answered_so(door: Door) {
    let place = Place::at(door, true).await;
    let serving = place.serves().await;
    place.dies_in_the_middle(serving, When::Before).await;
    let serving = place.serves().await;
    assert_snapshot!(place.is_told(true).await, @r"
    ⚠️ Unknown: nobody can tell yet whether `test` belongs to `user2`.
    You asked for this at …: `/room-owner test user2`. The bot could not answer then.
    Tencent's answer was lost (`the process ended before Tencent's answer was recorded`), and the change may still come true. Do not send it again.
    The bot keeps looking and records what it finds. Look with `/room-owner test` before you do anything else.
    op 3 · by alice
    ");
    let last = place.is_sent_the_end().await;
    assert!(last.contains("The owner of `test` was not changed: it still belongs to `carol`."), "{last}");
    assert!(last.contains("The outcome was not known then."), "{last}");
    place.is_settled().await;
    serving.dies();
}

async fn two_processes_that_start_at_once_tell_it_once(door: Door) {
    // The gateway has one session at a time; what is claimed in the store is the same at every door.
    let place = Place::at(if door == Door::DiscordOverTheGateway { Door::Slack } else { door }, true).await;
    let serving = place.serves().await;
    place.dies_in_the_middle(serving, When::After).await;
    let (one, other) = tokio::join!(place.serves(), place.serves());
    place.is_told(true).await;
    place.is_settled().await;
    assert!(place.note().await.starts_with("delivered later"));
    // Whoever ends has said what it had to say.
    one.ends_when_asked().await;
    other.ends_when_asked().await;
    assert_eq!(place.said(), 1);
}

async fn without_a_token_the_log_says_that_nobody_was_notified(door: Door) {
    let mut place = Place::at(door, false).await;
    // Without a token there is no gateway; the record of what was pending does not ask how it came.
    if door == Door::DiscordOverTheGateway {
        place = Place::at(Door::DiscordOverHttp, false).await;
    }
    if place.guild.is_some() {
        place.program.set("DISCORD_BOT_TOKEN", "");
    }
    let serving = place.serves().await;
    place.dies_in_the_middle(serving, When::After).await;
    let serving = place.serves().await;
    let note = place.note().await;
    assert!(
        note.starts_with("never delivered (the process ended") && note.contains("the bot has no token"),
        "{note}"
    );
    place.is_settled().await;
    assert_eq!(place.said(), 0);
    let shown = place.program.runs("audit timeline 3").await;
    assert!(shown.out.contains("never delivered"), "{}", shown.out);
    serving.dies();
}
