//! The demo's people, channels, rooms and rights.

use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::app::commands::at_once;
use crate::app::service::CommandService;
use crate::domain::access::{Effect, Mark, NewGrant, Role, RoomScope, Setting};
use crate::domain::audit::OutcomeKind;
use crate::domain::command::{AclCommand, Command, CommandRequest, Edit};
use crate::domain::principal::{Principal, Subject};
use crate::domain::room::{AccountId, Accounts};
use crate::tencent;
use crate::tencent::simulator::{Settings, Simulator};
use anyhow::{Context as _, ensure};
use reqwest::Url;
use secrecy::SecretString;
use serde::Deserialize;

/// The workspace, and the stand-in's own Slack app.
pub(super) const TEAM: &str = "T0DEMO";
pub(super) const APP: &str = "A0DEMO";

/// The guild, and the stand-in's own Discord application.
pub(super) const GUILD: &str = "81384788765712384";
pub(super) const APPLICATION: &str = "845027738276462632";

/// Not an account of anybody's: made for the simulator.
const SDK_APP_ID: u32 = 1_400_000_000;
const ADMIN: &str = "administrator";
const SECRET_KEY: &str = "the-demo-signs-for-a-simulated-service-only";

/// Somebody who types commands.
pub(super) struct Person {
    pub(super) id: &'static str,
    /// Their id at Discord.
    pub(super) snowflake: &'static str,
    pub(super) name: &'static str,
    pub(super) role: Option<(Role, &'static str)>,
    pub(super) about: &'static str,
}

pub(super) const PEOPLE: [Person; 4] = [
    Person {
        id: "U0ALICE",
        snowflake: "80351110224678112",
        name: "Alice",
        role: Some((Role::Moderator, "*")),
        about: "moderator for every room",
    },
    Person {
        id: "U0RITA",
        snowflake: "80351110224678212",
        name: "Rita",
        role: Some((Role::Auditor, "*")),
        about: "auditor: reads, changes nothing",
    },
    Person {
        id: "U0ADAM",
        snowflake: "80351110224678312",
        name: "Adam",
        role: Some((Role::Admin, "live-*")),
        about: "admin for live-* rooms",
    },
    Person {
        id: "U0OTTO",
        snowflake: "80351110224678412",
        name: "Otto",
        role: None,
        about: "outsider: no role at all",
    },
];

/// A place to type in.
pub(super) struct Place {
    pub(super) id: &'static str,
    /// Its id at Discord.
    pub(super) snowflake: &'static str,
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) authorised: bool,
}

pub(super) const CHANNELS: [Place; 3] = [
    Place {
        id: "C0MODS",
        snowflake: "645027906669510601",
        name: "mods",
        about: "authorised",
        authorised: true,
    },
    Place {
        id: "C0RANDOM",
        snowflake: "645027906669510602",
        name: "random",
        about: "not authorised",
        authorised: false,
    },
    Place {
        id: "C0NEWS",
        snowflake: "645027906669510603",
        name: "news",
        about: "announcements",
        authorised: false,
    },
];

/// Rooms and their owners at the start.
pub(super) const ROOMS: [(&str, &str); 6] = [
    ("test", "carol"),
    ("live-7", "dave"),
    ("my room", "erin"),
    ("vip-1", "frank"),
    ("live-gala", "gina"),
    ("live-final", "hugo"),
];

/// The rooms whose hand-over takes more than one command.
const MARKS: [(&str, Mark); 2] = [("live-gala", Mark::Confirm), ("live-final", Mark::TwoPerson)];

/// Lines worth trying.
pub(super) struct Example {
    pub(super) text: &'static str,
    pub(super) about: &'static str,
    pub(super) person: &'static str,
    pub(super) channel: &'static str,
    /// The subcommand in Discord, and the options that say the same; none for what is typed wrong.
    pub(super) filled: Option<(&'static str, &'static [(&'static str, &'static str)])>,
}

const fn example(
    text: &'static str,
    about: &'static str,
    person: &'static str,
    channel: &'static str,
) -> Example {
    Example { text, about, person, channel, filled: None }
}

impl Example {
    const fn filled(
        self,
        subcommand: &'static str,
        options: &'static [(&'static str, &'static str)],
    ) -> Self {
        Self { filled: Some((subcommand, options)), ..self }
    }
}

pub(super) const EXAMPLES: [Example; 22] = [
    example("/room-owner test user2", "hand a room over", "U0ALICE", "C0MODS")
        .filled("", &[("room", "test"), ("new_owner", "user2")]),
    example("/room-owner", "a form to fill in", "U0ALICE", "C0MODS").filled("", &[]),
    example("/room-owner tset user2", "a misspelt room", "U0ALICE", "C0MODS")
        .filled("", &[("room", "tset"), ("new_owner", "user2")]),
    example("/room-owner test", "who owns it now?", "U0ALICE", "C0MODS").filled("", &[("room", "test")]),
    example(
        "/room-owner \"my room\" user2 reason: host crashed",
        "a room with a space, and why",
        "U0ALICE",
        "C0MODS",
    )
    .filled("", &[("room", "my room"), ("new_owner", "user2"), ("reason", "host crashed")]),
    example("/room-owner test user2", "somebody without a role", "U0OTTO", "C0MODS")
        .filled("", &[("room", "test"), ("new_owner", "user2")]),
    example("/room-acl why @alice live-7", "an admin asks why somebody may", "U0ADAM", "C0MODS")
        .filled("why", &[("room", "live-7"), ("who", "80351110224678112")]),
    example(
        "/room-acl grant @otto moderator rooms: live-7 for: 8h",
        "an admin gives a role",
        "U0ADAM",
        "C0MODS",
    )
    .filled(
        "grant",
        &[("who", "80351110224678412"), ("role", "moderator"), ("rooms", "live-7"), ("for", "8h")],
    ),
    example("/room-acl announce #news", "an admin has live-* rooms announced in #news", "U0ADAM", "C0MODS")
        .filled("announce here", &[("channel", "645027906669510603")]),
    example("/room-owner live-7 user2", "a hand-over that #news then shows, too", "U0ALICE", "C0MODS")
        .filled("", &[("room", "live-7"), ("new_owner", "user2")]),
    example("/room-owner live-gala user2", "a room that has to be confirmed", "U0ALICE", "C0MODS")
        .filled("", &[("room", "live-gala"), ("new_owner", "user2")]),
    example("/room-owner live-final user2", "a room that takes two people", "U0ALICE", "C0MODS")
        .filled("", &[("room", "live-final"), ("new_owner", "user2")]),
    example("/room-acl list", "who may what", "U0ADAM", "C0MODS").filled("list", &[]),
    example("/room-acl whoami", "your own id, and who can help", "U0OTTO", "C0MODS").filled("whoami", &[]),
    example("/room-audit", "an auditor sees what was done", "U0RITA", "C0MODS").filled("list", &[]),
    example("/room-audit console", "a link to the web console", "U0RITA", "C0MODS").filled("console", &[]),
    example("/room-audit owner-at test now", "who owned the room?", "U0RITA", "C0MODS")
        .filled("owner-at", &[("room", "test"), ("time", "now")]),
    example(
        "/room-owner live-7 user2 reason: host crashed",
        "somebody without a role asks Adam for it",
        "U0OTTO",
        "C0MODS",
    )
    .filled("", &[("room", "live-7"), ("new_owner", "user2"), ("reason", "host crashed")]),
    example("/room-owner test user2", "in a channel that is not authorised", "U0ALICE", "C0RANDOM")
        .filled("", &[("room", "test"), ("new_owner", "user2")]),
    example("/room-owner vip-1 user2", "outside of an admin's rooms", "U0ADAM", "C0MODS")
        .filled("", &[("room", "vip-1"), ("new_owner", "user2")]),
    example("/room-owner gone user2", "a room that does not exist", "U0ALICE", "C0MODS")
        .filled("", &[("room", "gone"), ("new_owner", "user2")]),
    example("/room-owner my room user2", "forgotten quotes", "U0ALICE", "C0MODS"),
];

/// A Tencent with the demo's rooms.
pub(super) fn simulator() -> Simulator {
    let simulator = Simulator::new(Settings::new(SDK_APP_ID, ADMIN, SecretString::from(SECRET_KEY)));
    for (room, owner) in ROOMS {
        simulator.put_room(room, owner);
    }
    simulator
}

/// How the bot reaches it.
pub(super) fn tencent_settings(address: SocketAddr) -> anyhow::Result<tencent::Settings> {
    Ok(tencent::Settings {
        base_url: Url::parse(&format!("http://{address}"))?,
        sdk_app_id: SDK_APP_ID,
        admin_user_id: ADMIN.to_owned(),
        secret_key: SecretString::from(SECRET_KEY),
        rate_limit: 200,
        callback_token: None,
        accounts: Accounts::default(),
    })
}

/// Gives the people their roles and authorises the channel, as `acl` does on the command line.
pub(super) async fn seed(service: &CommandService) -> anyhow::Result<()> {
    let mut edits = Vec::new();
    for person in &PEOPLE {
        let Some((role, scope)) = person.role else { continue };
        for id in [format!("slack:{TEAM}:{}", person.id), format!("discord:{GUILD}:{}", person.snowflake)] {
            let subject: Subject = id.parse()?;
            let rooms: RoomScope = scope.parse()?;
            let typed = format!("room-owner acl grant {subject} {role} --rooms {rooms}");
            let grant =
                NewGrant { subject, role, effect: Effect::Permit, rooms, channels: vec![], expires_at: None };
            edits.push((typed, Edit::Grant { grants: vec![grant], ends: None }));
        }
    }
    for channel in CHANNELS.iter().filter(|channel| channel.authorised) {
        for id in [format!("slack:{TEAM}:{}", channel.id), format!("discord:{GUILD}:{}", channel.snowflake)] {
            let edit = Edit::AllowChannel(Some(id.parse()?), RoomScope::All);
            edits.push((format!("room-owner acl channel allow {id}"), edit));
        }
    }
    let [.., otto] = &PEOPLE;
    for person in [format!("slack:{TEAM}:{}", otto.id), format!("discord:{GUILD}:{}", otto.snowflake)] {
        let setting =
            Setting::Link { person: person.parse()?, account: AccountId::from_tencent("otto".to_owned()) };
        edits.push((format!("room-owner acl link {person} otto"), Edit::Set(setting)));
    }
    for (rooms, mark) in MARKS {
        let edit = Edit::Set(Setting::Mark { rooms: rooms.parse()?, mark });
        edits.push((format!("room-owner acl room {rooms} {mark}"), edit));
    }
    for (typed, edit) in edits {
        let reason = Some("seeded for the demo".to_owned());
        let command = Command::Acl(AclCommand::Edit { edit, reason, force: false, if_version: None });
        let seeder = Principal::new("cli:demo".parse()?);
        let made =
            service.handle(CommandRequest::local(seeder, typed, Ok(command)), at_once).await.into_reply();
        ensure!(made.outcome() == OutcomeKind::Succeeded, "the demo has no acl: {made:?}");
    }
    Ok(())
}

/// Who does something, and where.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Asking {
    pub(super) person: String,
    pub(super) channel: String,
    /// By which whoever asks knows its result.
    #[serde(default)]
    pub(super) mark: String,
}

impl Asking {
    pub(super) fn person(&self) -> anyhow::Result<&'static Person> {
        PEOPLE.iter().find(|known| known.id == self.person).context("no such person in the demo")
    }

    pub(super) fn place(&self) -> anyhow::Result<&'static Place> {
        CHANNELS.iter().find(|known| known.id == self.channel).context("no such channel in the demo")
    }
}

pub(super) fn random_id() -> String {
    hex::encode(rand::random::<[u8; 8]>())
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
