//! One run of the program with one fault, and what must hold after it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use reqwest::Url;
use room_owner::app::ports::Store as _;
use room_owner::app::service::Timing;
use room_owner::bot::{Bot, install_cryptography};
use room_owner::clock::SystemClock;
use room_owner::domain::audit::{AuditFilter, OutcomeKind};
use room_owner::domain::room::Accounts;
use room_owner::store::verify::{Evidence, verify};
use room_owner::store::{IfMissing, SqliteStore};
use room_owner::tencent;
use room_owner::tencent::simulator::{Api, Fault, FaultKind, Settings, Simulator};
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::Connection as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use tempfile::TempDir;
use tokio::net::TcpListener;

use super::trace::{CALLS, Cut, has_struck, strace};

const SDK_APP_ID: u32 = 1_400_000_000;
const ADMIN: &str = "administrator";

#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) tried: usize,
    /// The fault was met.
    pub(crate) struck: usize,
    pub(super) killed: usize,
    pub(crate) effects: usize,
    /// Left open, and resolved at the next start.
    pub(super) left_open: usize,
    pub(super) answered_done: usize,
    pub(super) answered_nothing_done: usize,
    /// Recognised as a repetition when it was delivered again.
    pub(super) repeated: usize,
}

impl Counts {
    pub(crate) fn add(&mut self, other: Self) {
        self.tried += other.tried;
        self.struck += other.struck;
        self.killed += other.killed;
        self.effects += other.effects;
        self.left_open += other.left_open;
        self.answered_done += other.answered_done;
        self.answered_nothing_done += other.answered_nothing_done;
        self.repeated += other.repeated;
    }
}

/// A database with a short log, closed.
pub(crate) async fn template() -> TempDir {
    install_cryptography();
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("room-owner.db").display());
    SqliteStore::open(&url, IfMissing::Create).await.unwrap().close().await;
    let bench = Bench::on(tempfile::tempdir().unwrap()).await;
    let ran = bench.finishes(bench.transfers(Command::new(program()), folder.path(), "user1")).await;
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    for words in ["acl channel allow slack:T1:C1", "acl grant slack:T1:U1 moderator"] {
        let mut command = Command::new(program());
        command.args(words.split(' '));
        let ran = bench.finishes(bench.set_up(command, folder.path())).await;
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    }
    folder
}

pub(super) fn program() -> &'static Path {
    assert_cmd::cargo::cargo_bin!("room-owner")
}

/// A simulated Tencent, and a database to copy.
pub(crate) struct Bench {
    template: PathBuf,
    /// Keeps a template of its own alive.
    _own: Option<TempDir>,
    tencent: Simulator,
    settings: tencent::Settings,
}

impl Bench {
    pub(crate) async fn new(template: &TempDir) -> Self {
        Self { template: template.path().to_owned(), ..Self::on(tempfile::tempdir().unwrap()).await }
    }

    async fn on(own: TempDir) -> Self {
        let key = SecretString::from("key-of-the-sweep");
        let tencent = Simulator::new(Settings::new(SDK_APP_ID, ADMIN, key.clone()));
        tencent.put_room("test", "carol");
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        tokio::spawn(tencent.clone().run(listener, std::future::pending()));
        let settings = tencent::Settings {
            base_url,
            sdk_app_id: SDK_APP_ID,
            admin_user_id: ADMIN.to_owned(),
            secret_key: key,
            rate_limit: 200,
            callback_token: None,
            accounts: Accounts::default(),
        };
        Self { template: own.path().to_owned(), _own: Some(own), tencent, settings }
    }

    pub(super) fn copy(&self) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        for entry in std::fs::read_dir(&self.template).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_file() {
                std::fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
            }
        }
        folder
    }

    /// `room-owner transfer test <owner>`, run by `command`.
    fn transfers(&self, mut command: Command, folder: &Path, owner: &str) -> Command {
        command.args(["transfer", "test", owner]);
        self.set_up(command, folder)
    }

    /// With the program's settings.
    // The path of the machine, for strace; no setting of the program.
    #[allow(clippy::disallowed_methods)]
    pub(super) fn set_up(&self, mut command: Command, folder: &Path) -> Command {
        command.current_dir(folder).env_clear().envs([
            ("PATH", std::env::var("PATH").unwrap()),
            ("DATABASE_URL", format!("sqlite://{}", folder.join("room-owner.db").display())),
            ("TENCENT_API_BASE_URL", self.settings.base_url.to_string()),
            ("TENCENT_SDK_APP_ID", SDK_APP_ID.to_string()),
            ("TENCENT_ADMIN_USER_ID", ADMIN.to_owned()),
            ("TENCENT_SECRET_KEY", self.settings.secret_key.expose_secret().to_owned()),
            // Nothing comes late here, and nobody waits for it.
            ("TENCENT_UNCLEAR_SECONDS", "1".to_owned()),
        ]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    async fn finishes(&self, mut command: Command) -> Output {
        tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
    }

    /// What strace saw of a run without a fault.
    pub(crate) async fn undisturbed(&self) -> String {
        let folder = self.copy();
        let log = folder.path().join("trace");
        let mut command = strace(folder.path(), &log, &CALLS.join(","), None);
        command.arg("-qq").arg(program());
        let ran = self.finishes(self.transfers(command, folder.path(), "user2")).await;
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        std::fs::read_to_string(&log).unwrap()
    }

    /// Runs the program with the fault, then starts it again.
    pub(crate) async fn tries(&self, cut: &Cut, counts: &mut Counts) {
        let folder = self.copy();
        let file = folder.path().join("room-owner.db");
        self.begin(cut.upstream.as_ref());
        let before = (self.changes(), self.calls());
        let log = folder.path().join("trace");
        let inject = format!("{}:{}:when={}", cut.point.call, cut.fault, cut.point.nth);
        let mut command = strace(folder.path(), &log, cut.point.call, Some(inject));
        command.arg("-qq").arg(program());
        let ran = self.finishes(self.transfers(command, folder.path(), "user2")).await;
        let effects = self.changes() - before.0;
        let said = String::from_utf8_lossy(&ran.stderr).into_owned();
        let context = format!("{cut:?}: {} {said}", ran.status);
        assert!(effects <= 1 && self.calls() - before.1 <= 1, "sent more than once: {context}");

        let left = left_behind(&file, effects, &context).await;
        let answered_done = ran.status.code() == Some(0);
        if answered_done {
            assert_eq!(effects, 1, "answered as done: {context}");
            let is_recorded = left.as_ref().is_some_and(|(_, outcome)| outcome == "succeeded");
            let says_not_recorded = said.contains("could not be written to the audit log yet");
            assert!(is_recorded || says_not_recorded, "answered as done and recorded as {left:?}: {context}");
        }
        let answered_nothing_done = said.contains("Nothing was done") || ran.status.code() == Some(4);
        assert!(!answered_nothing_done || effects == 0, "answered that nothing was done: {context}");
        sound(&file, &context).await;

        // And started again.
        let open = left.as_ref().is_some_and(|(_, outcome)| outcome == "pending" || outcome == "unknown");
        let timing = Timing {
            confirm: vec![Duration::ZERO],
            // Nothing comes late here.
            settle: vec![Duration::ZERO],
            unclear_for: Duration::ZERO,
            ..Timing::default()
        };
        let url = format!("sqlite://{}", file.display());
        let bot = Bot::build(&url, self.settings.clone(), SystemClock, timing).await.unwrap();
        bot.service.recover().await.unwrap();
        assert!(bot.store.unresolved().await.unwrap().is_empty(), "something stays open: {context}");
        let entries = bot.store.audit(&AuditFilter::default()).await.unwrap();
        bot.store.close().await;
        assert_eq!(self.changes() - before.0, effects, "done again after the start: {context}");
        let entry = entries.iter().find(|entry| entry.new_owner.as_deref() == Some("user2"));
        match entry.map(|entry| entry.outcome) {
            None => assert_eq!(effects, 0, "{context}"),
            Some(OutcomeKind::Succeeded) => assert_eq!(effects, 1, "{context}"),
            Some(OutcomeKind::Refused | OutcomeKind::Declined) => assert_eq!(effects, 0, "{context}"),
            // Its process died before it had noted who owned the room before.
            Some(OutcomeKind::Unknown) => assert!(open, "{context}"),
            Some(other) => panic!("recorded as {other}: {context}"),
        }
        sound(&file, &context).await;

        counts.tried += 1;
        counts.struck += usize::from(has_struck(&log));
        counts.killed += usize::from(ran.status.code().is_none());
        counts.effects += effects;
        counts.left_open += usize::from(open);
        counts.answered_done += usize::from(answered_done);
        counts.answered_nothing_done += usize::from(answered_nothing_done);
    }

    /// Carol owns the room, and Tencent is about to do with its change what is to be tried.
    pub(super) fn begin(&self, upstream: Option<&FaultKind>) {
        self.tencent.put_room("test", "carol");
        self.tencent.clear_faults();
        if let Some(kind) = upstream {
            self.tencent.inject(Fault::new(kind.clone()).on(Api::ChangeRoomOwner).once());
        }
    }

    pub(super) fn changes(&self) -> usize {
        self.tencent.owner_changes().len()
    }

    pub(super) fn calls(&self) -> usize {
        self.tencent.calls().iter().filter(|call| call.api == Api::ChangeRoomOwner).count()
    }
}

async fn connect(file: &Path) -> SqliteConnection {
    SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(file)).await.unwrap()
}

/// What the log has of the transfer, decision and outcome, as it was left behind: in a database that is whole, and
/// not nothing if there was an effect.
pub(super) async fn left_behind(file: &Path, effects: usize, context: &str) -> Option<(String, String)> {
    let mut raw = connect(file).await;
    let integrity: String = sqlx::query_scalar("PRAGMA integrity_check").fetch_one(&mut raw).await.unwrap();
    assert_eq!(integrity, "ok", "{context}");
    let left: Option<(String, String)> =
        sqlx::query_as("SELECT decision, outcome FROM operations WHERE new_owner = 'user2'")
            .fetch_optional(&mut raw)
            .await
            .unwrap();
    raw.close().await.unwrap();
    assert!(effects == 0 || left.is_some(), "an effect without an attempt: {context}");
    left
}

pub(super) async fn sound(file: &Path, context: &str) {
    let report = verify(file, Evidence::default()).await.unwrap();
    assert!(report.findings.is_empty(), "the log does not verify: {:?}; {context}", report.findings);
}
