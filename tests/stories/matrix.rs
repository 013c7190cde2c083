//! Every way of not being permitted, at every door: denied, nothing done, and the right reason on record.

use std::path::Path;

use room_owner::app::ports::{AclChange, Clock, NewGrant};
use room_owner::domain::access::Effect;
use room_owner::domain::principal::Principal;
use room_owner::store::{IfMissing, SqliteStore};
use sqlx::Connection as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

use super::clock::StoryClock;
use super::doors::{Door, at_every_door};
use super::fakes::acl::edit_locally;
use super::program::Program;
use super::slack::{MODS, Person, RANDOM, TEAM};
use super::world::{World, run};
use crate::fakes::interaction::GUILD;

/// A way of not being permitted: who tries it, where, what is on record, and what they read.
struct Case {
    person: Person,
    channel: &'static str,
    authority: &'static str,
    says: &'static str,
}

const fn case(n: usize, authority: &'static str, says: &'static str) -> Case {
    const IDS: [(&str, &str, &str); 10] = [
        ("U0M0", "unknown", "910"),
        ("U0M1", "expired", "911"),
        ("U0M2", "revoked", "912"),
        ("U0M3", "future", "913"),
        ("U0M4", "no role", "914"),
        ("U0M5", "wrong scope", "915"),
        ("U0M6", "wrong channel", "916"),
        ("U0M7", "wrong channel of the grant", "917"),
        ("U0M8", "wrong workspace", "918"),
        ("U0M9", "denied", "919"),
    ];
    let (id, name, snowflake) = IDS[n];
    Case { person: Person { id, name, snowflake }, channel: MODS, authority, says }
}

/// In the order of the grants that [`grants`] gives, from 1 on.
const CASES: [Case; 10] = [
    case(0, "no grant", "you have no role for `test`"),
    case(1, "grant 1 ended 2026-11-23T11:00:00Z", "your grant 1 ended at 2026-11-23 11:00 UTC"),
    case(2, "grant 2 ended 2026-11-23T12:00:00Z", "your grant 2 ended at 2026-11-23 12:00 UTC"),
    case(3, "grant 9 begins 2026-11-24T12:00:00Z", "your grant 9 begins at 2026-11-24 12:00 UTC"),
    case(4, "role auditor is not enough", "as auditor you cannot hand rooms over"),
    case(5, "granted for rooms live-* only", "your role covers `live-*`, not `test`"),
    Case { channel: RANDOM, ..case(6, "channel not authorised", "this channel is not authorised") },
    case(7, "grant 6 is for other channels", "your grant 6 is for other channels"),
    case(8, "no grant", "you have no role for `test`"),
    case(9, "denied by grant 8", "a deny entry (grant 8) names you"),
];

/// Ids as they are at the door: those of Slack, or of Discord.
#[derive(Clone, Copy)]
struct Ids {
    at_discord: bool,
}

impl Ids {
    fn subject(self, person: Person, elsewhere: bool) -> String {
        match (self.at_discord, elsewhere) {
            (false, false) => person.subject(),
            (false, true) => format!("slack:T0OTHER:{}", person.id),
            (true, false) => format!("discord:{GUILD}:{}", person.snowflake),
            (true, true) => format!("discord:99999:{}", person.snowflake),
        }
    }

    fn channel(self, channel: &str) -> String {
        if self.at_discord {
            format!("discord:{GUILD}:{}", super::doors::at_discord(channel))
        } else {
            format!("slack:{TEAM}:{channel}")
        }
    }
}

/// Gives everybody what is not enough; how many operations that took.
async fn grants(store: &SqliteStore, clock: &dyn Clock, file: &Path, ids: Ids) -> usize {
    let who = |n: usize| ids.subject(CASES[n].person, false);
    let new = |subject: String, role: &str, rooms: &str| NewGrant {
        subject: subject.parse().unwrap(),
        role: role.parse().unwrap(),
        effect: Effect::Permit,
        rooms: rooms.parse().unwrap(),
        channels: Vec::new(),
        expires_at: None,
    };
    let usual = |n: usize| new(who(n), "moderator", "*");
    let grants = [
        NewGrant { expires_at: Some("2026-11-23T11:00:00Z".parse().unwrap()), ..usual(1) },
        usual(2),
        new(who(4), "auditor", "*"),
        new(who(5), "moderator", "live-*"),
        usual(6),
        NewGrant { channels: vec![ids.channel(RANDOM).parse().unwrap()], ..usual(7) },
        new(ids.subject(CASES[8].person, true), "admin", "*"),
        NewGrant { effect: Effect::Deny, ..usual(9) },
    ];
    let mut changes: Vec<_> = grants.into_iter().map(AclChange::Grant).collect();
    changes.push(AclChange::Revoke(2));
    let count = changes.len();
    for change in changes {
        let ana = Principal::new("cli:ana".parse().unwrap());
        edit_locally(store, clock, ana, "acl".to_owned(), change, None).await.unwrap();
    }
    // No door gives a grant that begins later: this one was written by a clock that goes wrong.
    let mut other = raw(file).await;
    let sql = "INSERT INTO grants (subject, role, effect, rooms, granted_by, granted_at, granted_in)
               VALUES (?, 'moderator', 'permit', '*', 'cli:ana', 1795521600000, 1)";
    sqlx::query(sql).bind(who(3)).execute(&mut other).await.unwrap();
    other.close().await.unwrap();
    count
}

async fn raw(file: &Path) -> SqliteConnection {
    SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(file)).await.unwrap()
}

/// Nobody can read who may what, until it is done again the other way round.
async fn renames(file: &Path, from: &str, to: &str) {
    let mut other = raw(file).await;
    let sql = format!("ALTER TABLE {from} RENAME TO {to}");
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut other).await.unwrap();
    other.close().await.unwrap();
}

at_every_door! {
    whatever_is_not_enough_is_denied_with_its_reason,
    an_error_while_deciding_denies
}

async fn whatever_is_not_enough_is_denied_with_its_reason(door: Door) {
    run(World::empty().at(door).room("test", "carol").channel(MODS, "*"), async |bot| {
        let ids = Ids { at_discord: door != Door::Slack };
        let file = bot.database();
        bot.is_tampered_with = true;
        bot.other_operations += grants(&bot.store, &bot.clock, &file, ids).await;
        for Case { person, channel, authority, says } in CASES {
            for line in ["/room-owner test user2", "/room-owner test user2 reason: please"] {
                let case = person.name;
                let reply = bot.chat(person).in_channel(channel).says(line).await;
                assert!(reply.says(says), "{case}: {reply}");
                assert!(reply.says("Nothing was done."), "{case}: {reply}");
                let entry = bot.entry(&reply).await;
                assert_eq!(entry.outcome.name(), "denied", "{case}");
                assert_eq!(entry.authority.as_deref(), Some(authority), "{case}");
                assert_eq!(entry.actor.unwrap().to_string(), ids.subject(person, false), "{case}");
            }
        }
        assert!(bot.tencent().calls().is_empty(), "nothing is asked of Tencent");
        assert_eq!(bot.owner_of("test"), "carol");
    })
    .await;
}

async fn an_error_while_deciding_denies(door: Door) {
    run(World::usual().at(door), async |bot| {
        let file = bot.database();
        for table in ["grants", "authorised_channels", "acl_version"] {
            renames(&file, table, "gone").await;
            let reply = bot.chat(super::slack::ALICE).says("/room-owner test user2").await;
            assert!(reply.says("Nothing was done: the audit log cannot be written right now."), "{reply}");
            renames(&file, "gone", table).await;
        }
        assert!(bot.tencent().calls().is_empty());
        let reply = bot.chat(super::slack::ALICE).says("/room-owner test user2").await;
        assert!(reply.says("`test` now belongs to `user2`"), "{reply}");
    })
    .await;
}

/// Channels and grants do not apply at the command line; it explains what they are at the other doors.
#[tokio::test]
async fn the_command_line_explains_every_denial_with_the_same_reason() {
    let program = Program::new().await;
    let ids = Ids { at_discord: false };
    let clock = StoryClock::new(false);
    let store = SqliteStore::open(&program.database_url(), IfMissing::Create).await.unwrap();
    let channel = ids.channel(MODS).parse().unwrap();
    let allow = AclChange::AllowChannel { channel, rooms: "*".parse().unwrap() };
    let ana = Principal::new("cli:ana".parse().unwrap());
    edit_locally(&store, &clock, ana, "acl".to_owned(), allow, None).await.unwrap();
    grants(&store, &clock, &program.path("room-owner.db"), ids).await;
    store.close().await;
    for Case { person, channel, authority, .. } in CASES {
        let (subject, channel) = (ids.subject(person, false), ids.channel(channel));
        let line =
            format!("acl why {subject} --in {channel} --room test --at 2026-11-23T12:00:00Z --format json");
        let ran = program.runs(&line).await;
        assert_eq!(ran.code, 3, "{}", ran.err);
        let said = ran.json();
        assert_eq!(
            (&said["decision"], &said["authority"]),
            (&"deny".into(), &authority.into()),
            "{}",
            person.name
        );
    }
}

#[tokio::test]
async fn the_command_line_does_nothing_while_its_database_fails() {
    let program = Program::new().await;
    assert_eq!(program.runs("acl channel allow slack:T1:C1").await.code, 0);
    assert_eq!(program.runs("acl grant slack:T1:U1 moderator").await.code, 0);
    let file = program.path("room-owner.db");
    let why = "acl why slack:T1:U1 --in slack:T1:C1 --room test";
    renames(&file, "grants", "gone").await;
    for words in
        [why, "acl list", "acl who-can test", "acl grant slack:T1:U2 admin", "acl revoke 1", "acl export"]
    {
        let ran = program.runs(words).await;
        assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{words}: {}", ran.err);
        assert!(ran.err.starts_with("error: the database lacks "), "{words}: {}", ran.err);
        assert!(ran.err.contains("table `grants`"), "{words}: {}", ran.err);
    }
    renames(&file, "gone", "grants").await;

    let mut other = raw(&file).await;
    sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    for words in [
        why,
        "acl list",
        "acl grant slack:T1:U2 admin",
        "acl revoke 1",
        "acl channel remove slack:T1:C1",
        "transfer test user2",
    ] {
        let ran = program.runs(words).await;
        assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{words}: {}", ran.err);
        assert!(ran.err.contains("database is locked"), "{words}: {}", ran.err);
    }
    other.close().await.unwrap();
    assert!(program.tencent.calls().is_empty());
    let live = program.runs("acl list --format json").await.json();
    assert_eq!(live.as_array().unwrap().len(), 1, "{live}");
}
