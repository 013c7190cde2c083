//! A database in a folder of its own, people who ask, and what they ask for.

use std::path::PathBuf;

use jiff::Timestamp;
use room_owner::app::ports::{AclChange, AclChanged, AclEdit, Admission, Admitted, NewGrant, Store};
use room_owner::domain::access::{
    Action, Approval, Asker, AtHand, AuthorisedChannel, ChangedEntry, Clearance, Decision, Effect, Grant,
    Known, Mark, Needed, Role, Setting, SettingKey, clear, decide,
};
use room_owner::domain::admission::{Asking, Attempt, Verdict};
use room_owner::domain::asking::Addressee;
use room_owner::domain::audit::{AskedAccess, AuditEntry, AuditFilter, OperationId, Outcome, Refusal};
use room_owner::domain::command::Question;
use room_owner::domain::command::{
    Command, CommandGroup, CommandRequest, DeliveryId, Place, Pressed, RejectedRequest, Rejection, Typed,
    parse,
};
use room_owner::domain::press::{Asks, Offer};
use room_owner::domain::principal::Principal;
use room_owner::store::{IfMissing, SqliteStore};
use serde_json::{Value, json};
use sqlx::Connection as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use tempfile::TempDir;

use super::replay::{self, Row, Table, millis};

pub(crate) const ALICE: &str = "slack:T1:U1";
const BORIS: &str = "slack:T1:U7";
pub(crate) const MALLORY: &str = "slack:T1:U666";
pub(crate) const OPS: &str = "slack:T1:C1";

/// When the tests take place, unless they say otherwise.
pub(crate) const NOON: Timestamp = Timestamp::constant(1_772_366_400, 0);

/// So many milliseconds after noon.
pub(crate) fn later(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(NOON.as_millisecond() + millis).unwrap()
}

/// A database and one store on it.
pub(crate) struct World {
    folder: TempDir,
    pub(crate) store: SqliteStore,
}

impl World {
    /// A new database: nobody may do anything.
    pub(crate) async fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder.path().join("room-owner.db")).await;
        Self { folder, store }
    }

    /// OPS is authorised for all rooms, and Alice is a moderator of all.
    pub(crate) async fn new() -> Self {
        let world = Self::empty().await;
        allow(OPS, "*").apply(&world.store).await;
        grant(ALICE, "moderator", "*").apply(&world.store).await;
        world
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join("room-owner.db")
    }

    /// Another store on the same database.
    pub(crate) async fn another(&self) -> SqliteStore {
        open(&self.file()).await
    }

    /// The same database after the store was let go and opened again.
    pub(crate) async fn reopened(self) -> Self {
        let Self { folder, store } = self;
        drop(store);
        let store = open(&folder.path().join("room-owner.db")).await;
        Self { folder, store }
    }

    /// A connection as another program has it: SQLite's own defaults, no pragma of ours.
    pub(crate) async fn raw(&self) -> SqliteConnection {
        raw(&self.file()).await
    }

    /// The whole log, in the order in which it was written.
    pub(crate) async fn log(&self) -> Vec<AuditEntry> {
        let mut entries = self.store.audit(&AuditFilter::default()).await.unwrap();
        entries.sort_by_key(|entry| entry.operation);
        entries
    }

    pub(crate) async fn events(&self) -> Vec<Row> {
        replay::events(&mut self.raw().await).await
    }

    pub(crate) async fn entry(&self, operation: OperationId) -> AuditEntry {
        self.store.operation(operation).await.unwrap().unwrap()
    }

    pub(crate) async fn finish(&self, operation: OperationId, outcome: &Outcome) -> bool {
        self.store.finish(operation, outcome, later(40)).await.unwrap().is_some()
    }

    /// The numbers of the operations without a final outcome.
    pub(crate) async fn open_operations(&self) -> Vec<OperationId> {
        self.store.unresolved().await.unwrap().iter().map(|open| open.operation).collect()
    }
}

pub(crate) fn url(file: &std::path::Path) -> String {
    format!("sqlite://{}", file.display())
}

pub(crate) async fn open(file: &std::path::Path) -> SqliteStore {
    SqliteStore::open(&url(file), IfMissing::Create).await.unwrap()
}

pub(crate) async fn raw(file: &std::path::Path) -> SqliteConnection {
    // sqlx switches foreign keys on by itself; this is what `sqlite3 room-owner.db` would see.
    let options = SqliteConnectOptions::new().filename(file).foreign_keys(false);
    SqliteConnection::connect_with(&options).await.unwrap()
}

pub(crate) async fn execute(
    connection: &mut SqliteConnection,
    sql: impl Into<String>,
) -> Result<u64, sqlx::Error> {
    let done = sqlx::raw_sql(sqlx::AssertSqlSafe(sql.into())).execute(connection).await?;
    Ok(done.rows_affected())
}

pub(crate) async fn count(connection: &mut SqliteConnection, table: &str) -> i64 {
    let sql = format!("SELECT count(*) FROM {table}");
    sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(connection).await.unwrap()
}

/// Reads all the events and compares what they tell with every row, and with what the store reads from the rows.
pub(crate) async fn assert_log_tells_the_tables(world: &World) {
    let mut raw = world.raw().await;
    let model = replay::assert_tables_follow(&world.events().await, &mut raw).await;
    assert_read(&world.log().await, model.operations, "operation");
    assert_read(&world.store.grants().await.unwrap(), model.grants, "id");
    assert_read(&world.store.channels().await.unwrap(), model.channels, "id");
    let sound: String = sqlx::query_scalar("PRAGMA integrity_check").fetch_one(&mut raw).await.unwrap();
    assert_eq!(sound, "ok");
}

/// What was read has the values of the rows, as far as it has their names.
fn assert_read(read: &impl serde::Serialize, rows: Table, key: &str) {
    let mut rows: Vec<Value> = rows.into_values().collect();
    rows.sort_by_key(|row| row[key].as_i64());
    let read = serde_json::to_value(read).unwrap();
    let read = read.as_array().unwrap();
    assert_eq!(read.len(), rows.len());
    for (read, row) in read.iter().zip(&rows) {
        for (name, value) in read.as_object().unwrap() {
            let value = match name.as_str() {
                "operation" => json!(value.as_str().unwrap().parse::<i64>().unwrap()),
                "channels" => json!(value.to_string()),
                time if time == "at" || time.ends_with("_at") => millis(value),
                _ => value.clone(),
            };
            assert_eq!(value, row[name], "`{name}` of {row}");
        }
    }
}

// Requests -------------------------------------------------------------------------------------------------

/// Somebody asks for something.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    who: String,
    channel: String,
    line: String,
    delivery: Option<String>,
    decline_if_busy: bool,
    group: Option<String>,
    is_answered_later: bool,
    pressed: Option<Pressed>,
}

/// Alice types `line` behind `/room-owner` in OPS.
pub(crate) fn ask(line: &str) -> Ask {
    Ask {
        who: ALICE.to_owned(),
        channel: OPS.to_owned(),
        line: line.to_owned(),
        delivery: None,
        decline_if_busy: true,
        group: None,
        is_answered_later: false,
        pressed: None,
    }
}

/// Boris, whom that makes a moderator, approves what Alice asked for with `line`.
pub(crate) async fn approve(line: &str, store: &SqliteStore) -> OperationId {
    grant(BORIS, "moderator", "*").apply(store).await;
    let asked = recorded(ask("gone").by("slack:T1:U404").admit(store).await);
    let asker = Asker {
        subject: ALICE.parse().unwrap(),
        name: Some("alice".to_owned()),
        groups: Vec::new(),
        at: NOON,
    };
    let approval = Some(Box::new(Approval { gives: Needed::SecondPerson, asker }));
    let (family, line) = (CommandGroup::Owner, line.to_owned());
    let asks = Asks::Line { family, line: line.clone(), expects: Some("carol".parse().unwrap()), approval };
    let lapses_at = later(1_000_000);
    let offer = Offer { label: "Approve".to_owned(), asks, for_whom: None, lapses_at };
    let button = store.offer(asked, vec![offer], NOON).await.unwrap().remove(0);
    let ask = Ask { pressed: Some(button.pressed()), ..ask(&line).by(BORIS) };
    let operation = ask.attempt(store).await.operation();
    assert!(store.finish(operation, &succeeded("req-1"), NOON).await.unwrap().is_some());
    operation
}

impl Ask {
    pub(crate) fn by(mut self, who: &str) -> Self {
        self.who = who.to_owned();
        self
    }

    pub(crate) fn delivered(mut self, id: impl ToString) -> Self {
        self.delivery = Some(id.to_string());
        self
    }

    pub(crate) fn in_channel(mut self, channel: &str) -> Self {
        self.channel = channel.to_owned();
        self
    }

    /// As a member of a group.
    pub(crate) fn member_of(mut self, group: &str) -> Self {
        self.group = Some(group.to_owned());
        self
    }

    /// The answer is pending until it is said.
    pub(crate) fn answered_later(mut self) -> Self {
        self.is_answered_later = true;
        self
    }

    /// If the room is taken, the store is only to say by whom.
    pub(crate) fn without_declining(mut self) -> Self {
        self.decline_if_busy = false;
        self
    }

    /// The admission, decided on the ACL as it is now.
    pub(crate) async fn decided(&self, store: &SqliteStore) -> Admission {
        let groups = self.group.iter().map(|group| group.parse().unwrap()).collect();
        let principal = Principal {
            name: Some("somebody".to_owned()),
            groups,
            ..Principal::new(self.who.parse().unwrap())
        };
        let place = Place::Channel(self.channel.parse().unwrap());
        let command = match parse(CommandGroup::Owner, &Typed::plain(&self.line)) {
            // As if everybody were linked to this account: which one it is, the service looks up.
            Ok(Command::HandTo(to)) => Ok(Command::Transfer(to.to("bob".parse().unwrap()))),
            command => command,
        };
        let verdict = match &command {
            Err(error) => Verdict::Invalid(format!("{error:?}")),
            Ok(Command::Help(_) | Command::Owner(_) | Command::Cancel) => Verdict::Open,
            Ok(Command::Ask(_)) => {
                let access = AskedAccess { role: Role::Moderator, lapses_at: later(86_400_000) };
                Verdict::Ask(Asking { access, shown_to: vec![Addressee::Channel(OPS.parse().unwrap())] })
            }
            Ok(Command::Acl(command)) => panic!("{command:?}"),
            Ok(Command::HandTo(to)) => panic!("{to:?}"),
            Ok(Command::ShowOwner { room }) => {
                match self.decide(store, &principal, &place, Action::ShowOwner(room.clone())).await {
                    Decision::Permit(permit) => Verdict::Lookup(permit),
                    Decision::Deny(denial) => Verdict::Denied(denial),
                }
            }
            Ok(Command::Audit(_) | Command::Console(_)) => panic!("no question to the log"),
            Ok(Command::Transfer(transfer)) => {
                let room = transfer.room.clone();
                let action = match transfer.overrides {
                    Some(_) => Action::Override(room),
                    None => Action::Transfer(room),
                };
                match self.decide(store, &principal, &place, action).await {
                    Decision::Permit(permit) => {
                        let acl = store.acl_for(&principal, &place).await.unwrap();
                        let now = later(1_000_000);
                        let approval = self.pressed.as_ref().and_then(|pressed| pressed.approval.as_deref());
                        let at_hand = match approval {
                            Some(approval) => AtHand::Pressed { approval, asker_may: true, links: &[] },
                            None => AtHand::Nothing,
                        };
                        match clear(permit, &principal.subject, &acl, false, &at_hand, now) {
                            Clearance::Cleared(cleared) => {
                                Verdict::Transfer(cleared, transfer.new_owner.clone())
                            }
                            Clearance::Takes(permit, takes) => Verdict::Held(permit, takes),
                            Clearance::NotSecond(why) => Verdict::NotSecond(why),
                        }
                    }
                    Decision::Deny(denial) => Verdict::Denied(denial),
                }
            }
        };
        let request = CommandRequest {
            principal,
            place,
            delivery: self.delivery.as_deref().map(|id| DeliveryId::new("slack", id).unwrap()),
            typed: format!("/room-owner {}", self.line),
            command,
            pressed: self.pressed.clone(),
            if_owner: None,
        };
        let decline_if_busy = self.decline_if_busy;
        Admission::Request {
            request: Box::new(request),
            verdict,
            acl_version: None,
            decline_if_busy,
            is_answered_later: self.is_answered_later,
        }
    }

    async fn decide(
        &self,
        store: &SqliteStore,
        principal: &Principal,
        place: &Place,
        action: Action,
    ) -> Decision {
        let acl = store.acl_for(principal, place).await.unwrap();
        // Far enough behind everything that a test grants.
        decide(principal, place, action, &acl, later(1_000_000))
    }

    pub(crate) async fn admit(&self, store: &SqliteStore) -> Admitted {
        self.admit_at(store, NOON).await
    }

    pub(crate) async fn admit_at(&self, store: &SqliteStore, at: Timestamp) -> Admitted {
        let admission = self.decided(store).await;
        store.admit(admission, at).await.unwrap()
    }

    pub(crate) async fn attempt(&self, store: &SqliteStore) -> Attempt {
        attempt(self.admit(store).await)
    }
}

pub(crate) fn attempt(admitted: Admitted) -> Attempt {
    match admitted {
        Admitted::Attempt(attempt) => attempt,
        other => panic!("not an attempt: {other:?}"),
    }
}

pub(crate) fn recorded(admitted: Admitted) -> OperationId {
    match admitted {
        Admitted::Recorded(operation) => operation,
        other => panic!("not just recorded: {other:?}"),
    }
}

/// An authentic request of another workspace.
pub(crate) fn foreign(delivery: &str) -> Admission {
    Admission::Rejected(RejectedRequest {
        principal: None,
        channel: None,
        delivery: DeliveryId::new("slack", delivery),
        typed: "/room-owner test bob".to_owned(),
        rejection: Rejection::Foreign("team T9".to_owned()),
    })
}

// Edits of the ACL -----------------------------------------------------------------------------------------

/// A change of the ACL by `cli:ana`, with everything that is recorded about it. It is forced: what locks
/// everybody out is a test of its own.
#[derive(Debug, Clone)]
pub(crate) struct Edit {
    pub(crate) principal: Principal,
    pub(crate) place: Place,
    pub(crate) delivery: Option<DeliveryId>,
    pub(crate) typed: String,
    pub(crate) changes: Vec<AclChange>,
    pub(crate) reason: Option<String>,
    /// The request for access that it answers.
    pub(crate) answers: Option<OperationId>,
    pub(crate) force: bool,
}

fn edit(typed: String, change: AclChange) -> Edit {
    Edit {
        principal: Principal { name: Some("Ana".to_owned()), ..Principal::new("cli:ana".parse().unwrap()) },
        place: Place::Local,
        delivery: None,
        typed,
        changes: vec![change],
        reason: None,
        answers: None,
        force: true,
    }
}

pub(crate) fn grant(subject: &str, role: &str, rooms: &str) -> Edit {
    edit(
        format!("acl grant {subject} {role} --rooms {rooms}"),
        AclChange::Grant(NewGrant {
            subject: subject.parse().unwrap(),
            role: role.parse().unwrap(),
            effect: Effect::Permit,
            rooms: rooms.parse().unwrap(),
            channels: Vec::new(),
            expires_at: None,
        }),
    )
}

pub(crate) fn revoke(id: i64) -> Edit {
    edit(format!("acl revoke {id}"), AclChange::Revoke(id))
}

pub(crate) fn allow(channel: &str, rooms: &str) -> Edit {
    edit(
        format!("acl channel allow {channel} --rooms {rooms}"),
        AclChange::AllowChannel { channel: channel.parse().unwrap(), rooms: rooms.parse().unwrap() },
    )
}

/// Announces in the channel what happens to the rooms.
pub(crate) fn announce(channel: &str, rooms: &str) -> Edit {
    let (channel, rooms) = (channel.parse().unwrap(), rooms.parse().unwrap());
    edit(format!("acl announce here {channel}"), AclChange::Announce { channel, rooms, for_admins: true })
}

/// Links somebody to an account.
pub(crate) fn link(person: &str, account: &str) -> Edit {
    let setting = Setting::Link { person: person.parse().unwrap(), account: account.parse().unwrap() };
    edit(format!("acl link {person} {account}"), AclChange::Set(setting))
}

/// Marks rooms.
pub(crate) fn mark(rooms: &str, mark: Mark) -> Edit {
    let setting = Setting::Mark { rooms: rooms.parse().unwrap(), mark };
    edit(format!("acl room {rooms} {mark}"), AclChange::Set(setting))
}

/// Takes the mark of rooms away.
pub(crate) fn unmark(rooms: &str) -> Edit {
    edit(format!("acl room {rooms} off"), AclChange::Unset(SettingKey::Mark(rooms.parse().unwrap())))
}

/// Announces nothing more there.
pub(crate) fn silence(channel: &str) -> Edit {
    edit(format!("acl announce off {channel}"), AclChange::StopAnnouncing(channel.parse().unwrap()))
}

pub(crate) fn remove(channel: &str) -> Edit {
    edit(format!("acl channel remove {channel}"), AclChange::RemoveChannel(channel.parse().unwrap()))
}

impl Edit {
    pub(crate) fn because(mut self, reason: &str) -> Self {
        self.reason = Some(reason.to_owned());
        self
    }

    pub(crate) fn delivered(mut self, id: &str) -> Self {
        self.delivery = DeliveryId::new("slack", id);
        self
    }

    pub(crate) fn answering(mut self, operation: OperationId) -> Self {
        self.answers = Some(operation);
        self
    }

    pub(crate) fn unforced(mut self) -> Self {
        self.force = false;
        self
    }

    /// Together with another one, in one transaction.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.changes.extend(other.changes);
        self
    }

    /// The new grant, but changed.
    pub(crate) fn but(mut self, change: impl FnOnce(&mut NewGrant)) -> Self {
        match self.changes.first_mut() {
            Some(AclChange::Grant(new)) => change(new),
            other => panic!("not a grant: {other:?}"),
        }
        self
    }

    /// The edit, permitted on the ACL as it is now.
    pub(crate) async fn decided(&self, store: &SqliteStore) -> AclEdit {
        let acl = store.acl_for(&self.principal, &self.place).await.unwrap();
        let now = later(1_000_000);
        let permit = match decide(&self.principal, &self.place, Action::EditAcl(Vec::new()), &acl, now) {
            Decision::Permit(permit) => permit,
            Decision::Deny(denial) => panic!("{denial}"),
        };
        AclEdit {
            principal: self.principal.clone(),
            place: self.place.clone(),
            delivery: self.delivery.clone(),
            typed: self.typed.clone(),
            pressed: None,
            permit,
            changes: self.changes.iter().map(|change| (change.clone(), self.reason.clone())).collect(),
            reason: self.reason.clone(),
            answers: self.answers,
            force: self.force,
            known: std::sync::Arc::new(Known { looks_up_groups: true, ..Known::default() }),
        }
    }

    pub(crate) async fn apply(&self, store: &SqliteStore) -> AclChanged {
        self.apply_at(store, NOON).await
    }

    pub(crate) async fn apply_at(&self, store: &SqliteStore, at: Timestamp) -> AclChanged {
        loop {
            let edit = self.decided(store).await;
            match store.edit_acl(edit, at).await.unwrap() {
                AclChanged::AclChanged => {}
                changed => return changed,
            }
        }
    }

    pub(crate) async fn granted(&self, store: &SqliteStore) -> (OperationId, Grant) {
        match self.apply(store).await {
            AclChanged::Changed(operation, mut changed) => match changed.remove(0) {
                ChangedEntry::Grant { after, .. } => (operation, after),
                other => panic!("no grant: {other:?}"),
            },
            other => panic!("no grant: {other:?}"),
        }
    }
}

/// The only channel's entry of an edit, as it is now.
pub(crate) fn channel_entry(changed: AclChanged) -> AuthorisedChannel {
    match changed {
        AclChanged::Changed(_, mut changed) => match changed.remove(0) {
            ChangedEntry::Channel { after, .. } => after,
            other => panic!("no channel: {other:?}"),
        },
        other => panic!("no channel: {other:?}"),
    }
}

// Outcomes -------------------------------------------------------------------------------------------------

pub(crate) fn succeeded(request_id: &str) -> Outcome {
    Outcome::Succeeded {
        previous: Some("carol".parse().unwrap()),
        confirmed: true,
        request_id: Some(request_id.to_owned()),
        unclear: None,
    }
}

pub(crate) fn refused(request_id: &str) -> Outcome {
    Outcome::Refused { previous: Some("carol".parse().unwrap()), refusal: problem("no", Some(request_id)) }
}

/// `owner_now` is the owner read back, when that is a third one.
pub(crate) fn unknown(owner_now: Option<&str>) -> Outcome {
    Outcome::Unknown {
        previous: Some("carol".parse().unwrap()),
        problem: problem("the connection was cut", None),
        owner_now: owner_now.map(|owner| owner.parse().unwrap()),
    }
}

pub(crate) fn problem(info: &str, request_id: Option<&str>) -> Refusal {
    Refusal {
        code: Some(100_001),
        info: info.to_owned(),
        request_id: request_id.map(str::to_owned),
        remedy: "Try again.".to_owned(),
    }
}

/// `cli:ana` reads the log.
pub(crate) async fn read(world: &World, at: Timestamp) -> OperationId {
    let principal = Principal::new("cli:ana".parse().unwrap());
    let acl = world.store.acl_for(&principal, &Place::Local).await.unwrap();
    let Decision::Permit(permit) = decide(&principal, &Place::Local, Action::ReadAudit, &acl, at) else {
        panic!("whoever is on the machine may read the log")
    };
    let question = Command::Audit(Box::new(Question::Show(OperationId::new(1))));
    let request = CommandRequest::local(principal, "room-owner audit show 1".to_owned(), Ok(question));
    let admission = Admission::Request {
        request: Box::new(request),
        verdict: Verdict::Read(permit),
        acl_version: None,
        decline_if_busy: false,
        is_answered_later: false,
    };
    match world.store.admit(admission, at).await.unwrap() {
        Admitted::Recorded(operation) => operation,
        other => panic!("{other:?}"),
    }
}
