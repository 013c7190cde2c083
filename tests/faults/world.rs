//! A database with an ACL, and what people ask for.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use room_owner::app::commands::Press;
use room_owner::app::ports::{AclChange, AclChanged, NewGrant, Store, WhichSettings};
use room_owner::domain::access::{ChangedEntry, Effect, Mark, Role, RoomScope, Setting, SettingKey};
use room_owner::domain::command::{CommandGroup, CommandRequest, DeliveryId, Place, Typed, parse};
use room_owner::domain::principal::{Channel, Principal, Subject};
use room_owner::store::{IfMissing, SqliteStore};
use room_owner::tencent::simulator::{Settings, Simulator};
use secrecy::SecretString;
use sqlx::Connection as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use tempfile::TempDir;

use super::acl::edit_locally;
use super::clock::VirtualClock;

/// A moderator of all rooms, in Slack.
pub(crate) const ALICE: &str = "slack:T1:U1";
/// A moderator of all rooms, in Discord.
pub(crate) const DORA: &str = "discord:1:2";
/// May do something at times only.
pub(crate) const MALLORY: &str = "slack:T1:U666";

/// Is linked to one account and then to another.
pub(crate) const LENA: &str = "slack:T1:U9";

/// A folder in memory where there is one: thousands of databases are synced thousands of times.
fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    tempfile::tempdir_in(memory).or_else(|_| tempfile::tempdir()).unwrap()
}

pub(crate) struct World {
    folder: TempDir,
    pub(crate) clock: VirtualClock,
    /// One for all copies: it is dear to make.
    pub(crate) simulator: Simulator,
}

impl World {
    /// Alice and Dora may do everything, from `slack:T1:C1` and `discord:1:9`.
    pub(crate) async fn new() -> Self {
        let settings = Settings::new(1, "administrator", SecretString::from("k"));
        let simulator = Simulator::new(settings);
        let world = Self { folder: folder(), clock: VirtualClock::at_noon(), simulator };
        let store = world.store().await;
        for channel in ["slack:T1:C1", "discord:1:9"] {
            let channel: Channel = channel.parse().unwrap();
            let change = AclChange::AllowChannel { channel, rooms: "*".parse().unwrap() };
            world.edits(&*store, "acl channel allow".to_owned(), change).await.unwrap();
        }
        for who in [ALICE, DORA] {
            world.grants(&*store, who).await.unwrap();
        }
        store.close().await;
        world
    }

    /// A copy of this world, while nobody works on it. Its rooms are those of the other copies.
    pub(crate) fn copy(&self) -> Self {
        let simulator = self.simulator.clone();
        let copy = Self { folder: folder(), clock: VirtualClock::at_noon(), simulator };
        for entry in std::fs::read_dir(self.folder.path()).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_file() {
                std::fs::copy(entry.path(), copy.folder.path().join(entry.file_name())).unwrap();
            }
        }
        copy
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join("room-owner.db")
    }

    pub(crate) async fn store(&self) -> Arc<SqliteStore> {
        let url = format!("sqlite://{}", self.file().display());
        Arc::new(SqliteStore::open(&url, IfMissing::Create).await.unwrap())
    }

    /// A connection as another program has it.
    pub(crate) async fn raw(&self) -> SqliteConnection {
        SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(self.file())).await.unwrap()
    }

    /// `None` if the store failed, which may be after the edit.
    pub(crate) async fn edits(
        &self,
        store: &dyn Store,
        typed: String,
        change: AclChange,
    ) -> Option<AclChanged> {
        let by = Principal::new("cli:ana".parse().unwrap());
        edit_locally(store, &self.clock, by, typed, change, None).await.ok()
    }

    /// Makes somebody a moderator; the grant's number, if the store did not fail.
    pub(crate) async fn grants(&self, store: &dyn Store, who: &str) -> Option<i64> {
        let grant = AclChange::Grant(NewGrant {
            subject: who.parse::<Subject>().unwrap(),
            role: Role::Moderator,
            effect: Effect::Permit,
            rooms: "*".parse().unwrap(),
            channels: Vec::new(),
            expires_at: None,
        });
        match self.edits(store, format!("acl grant {who}"), grant).await? {
            AclChanged::Changed(_, changed) => match changed.first()? {
                ChangedEntry::Grant { after, .. } => Some(after.id),
                _ => None,
            },
            _ => None,
        }
    }

    /// Links somebody to an account, or to none.
    pub(crate) async fn links(&self, store: &dyn Store, who: &str, account: Option<&str>) {
        let person: Subject = who.parse().unwrap();
        let (typed, change) = match account {
            Some(account) => {
                let setting = Setting::Link { person, account: account.parse().unwrap() };
                (format!("acl link {who} {}", account), AclChange::Set(setting))
            }
            None => (format!("acl unlink {who}"), AclChange::Unset(SettingKey::Link(person))),
        };
        self.edits(store, typed, change).await;
    }

    /// Marks a room, or takes its mark off; nothing if the store fails, or if there is none.
    pub(crate) async fn marks(&self, store: &dyn Store, room: &str, mark: Option<Mark>) {
        let rooms: RoomScope = room.parse().unwrap();
        let key = SettingKey::Mark(rooms.clone());
        let settings = store.settings(&WhichSettings::All).await.unwrap_or_default();
        let is_marked = settings.iter().any(|it| it.setting.key() == key && it.removed_at.is_none());
        let change = match mark {
            Some(mark) => AclChange::Set(Setting::Mark { rooms, mark }),
            None if is_marked => AclChange::Unset(key),
            None => return,
        };
        drop(self.edits(store, "acl room".to_owned(), change).await);
    }

    /// Takes a grant back; whether the store said so.
    pub(crate) async fn revokes(&self, store: &dyn Store, grant: i64) -> bool {
        let edited = self.edits(store, format!("acl revoke {grant}"), AclChange::Revoke(grant)).await;
        matches!(edited, Some(AclChanged::Changed(..)))
    }
}

/// Somebody presses the button of this name, and the platform delivers it as `delivery`.
pub(crate) fn press(who: &str, nonce: &str, delivery: &str) -> Press {
    let (platform, channel) = at(who);
    Press {
        principal: Principal::new(who.parse().unwrap()),
        channel: channel.parse().unwrap(),
        delivery: DeliveryId::new(platform, delivery),
        nonce: nonce.to_owned(),
    }
}

/// The platform and the channel that somebody is in.
fn at(who: &str) -> (&'static str, &'static str) {
    if who.starts_with("slack") { ("slack", "slack:T1:C1") } else { ("discord", "discord:1:9") }
}

/// Somebody types `line` behind `/room-owner`, and the platform delivers it as `delivery`.
pub(crate) fn request(who: &str, line: &str, delivery: &str) -> CommandRequest {
    let (platform, channel) = at(who);
    CommandRequest {
        principal: Principal::new(who.parse().unwrap()),
        place: Place::Channel(channel.parse().unwrap()),
        delivery: DeliveryId::new(platform, delivery),
        typed: format!("/room-owner {line}"),
        command: parse(CommandGroup::Owner, &Typed::plain(line)),
        pressed: None,
        if_owner: None,
    }
}
