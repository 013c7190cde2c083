//! `serve` with one fault, while a signed Slack command comes to it over HTTP, and what must hold after it.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::Uri;
use axum::routing::post;
use room_owner::app::ports::{Clock as _, Store as _};
use room_owner::clock::SystemClock;
use room_owner::domain::audit::{AuditFilter, OutcomeKind};
use room_owner::slack::signature;
use room_owner::store::{IfMissing, SqliteStore};
use room_owner::tencent::simulator::FaultKind;
use secrecy::SecretString;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::bench::{Bench, Counts, left_behind, program, sound};
use super::trace::{CALLS, Cut, has_struck, strace};

const SIGNING_SECRET: &str = "signing-secret-of-the-sweep";
const DELIVERY: &str = "sweep.1";
/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a fault is waited for that has not struck before the answer: what is kept behind an answer is kept
/// within a quarter of a second.
const AFTERWARDS: Duration = Duration::from_millis(800);

/// Slack: it signs and sends, and takes late answers.
pub(crate) struct Slack {
    http: reqwest::Client,
    address: SocketAddr,
    late: watch::Receiver<Vec<(String, String)>>,
}

impl Slack {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (said, late) = watch::channel(Vec::new());
        let router = Router::new().route("/late/{run}", post(take)).with_state(said);
        tokio::spawn(axum::serve(listener, router).into_future());
        let http = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
        Self { http, address, late }
    }

    /// The command, always the same delivery; what its person reads in the end, or `None` if nobody answers.
    async fn hands_over(&self, serving: &Serving, run: &str) -> Option<String> {
        let response_url = format!("http://{}/late/{run}", self.address);
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs([
                ("team_id", "T1"),
                ("channel_id", "C1"),
                ("user_id", "U1"),
                ("user_name", "alice"),
                ("command", "/room-owner"),
                ("text", "test user2"),
                ("trigger_id", DELIVERY),
                ("response_url", &response_url),
            ])
            .finish();
        let at = SystemClock.now().as_second().to_string();
        let signed = signature::sign(&SecretString::from(SIGNING_SECRET), &at, body.as_bytes());
        let sent = self
            .http
            .post(format!("http://{}/slack/commands", serving.address))
            .header("content-type", "application/x-www-form-urlencoded")
            .header("x-slack-request-timestamp", at)
            .header("x-slack-signature", signed)
            .body(body)
            .send()
            .await;
        let answer = async { sent?.error_for_status()?.json::<Value>().await }.await.ok()?;
        let text = plain(&answer);
        if !text.contains("Working on") {
            return Some(text);
        }
        let mut late = self.late.clone();
        let path = format!("/late/{run}");
        let waiting = async {
            loop {
                let found = late.borrow_and_update().iter().find(|(to, _)| *to == path).cloned();
                if let Some((_, text)) = found {
                    return Some(text);
                }
                // A process that is gone says nothing more.
                if serving.has_ended() {
                    return None;
                }
                drop(tokio::time::timeout(Duration::from_millis(50), late.changed()).await);
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| Some("(no late answer)".to_owned()))
    }
}

async fn take(State(said): State<watch::Sender<Vec<(String, String)>>>, to: Uri, body: String) {
    let message: Value = serde_json::from_str(&body).unwrap();
    let text = plain(&message);
    said.send_modify(|said| said.push((to.path().to_owned(), text)));
}

/// The words of a message, without its marks.
fn plain(message: &Value) -> String {
    message["text"].as_str().unwrap().replace(['`', '\u{2060}'], "")
}

/// `room-owner serve`, begun.
struct Serving {
    child: Mutex<Child>,
    address: SocketAddr,
    log: Arc<Mutex<String>>,
}

/// What strace does to a process that runs already.
struct Attached(Child);

impl Serving {
    /// Begins it, or says what it said when it did not begin.
    async fn begin(mut command: Command) -> Result<Self, String> {
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let log = Arc::new(Mutex::new(String::new()));
        let (found, address) = mpsc::channel();
        let kept = Arc::clone(&log);
        let reading = std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let json: Value = serde_json::from_str(&line).unwrap_or_default();
                kept.lock().unwrap().push_str(&(line + "\n"));
                if let Some(address) = json["address"].as_str() {
                    found.send(address.parse::<SocketAddr>().unwrap()).unwrap_or_default();
                }
            }
        });
        let address = tokio::task::spawn_blocking(move || address.recv_timeout(PATIENCE)).await.unwrap();
        match address {
            Ok(address) => Ok(Self { child: child.into(), address, log }),
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("it neither serves nor ends"),
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                child.wait().unwrap();
                reading.join().unwrap();
                Err(log.lock().unwrap().clone())
            }
        }
    }

    fn has_ended(&self) -> bool {
        self.child.lock().unwrap().try_wait().unwrap().is_some()
    }

    /// Waits for its end; whether it came.
    async fn ends(&self) -> bool {
        let waiting = async {
            while !self.has_ended() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.is_ok()
    }

    fn dies(&self) {
        let mut child = self.child.lock().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Whether it ended well when it was asked to.
    async fn ends_when_asked(self) -> bool {
        let pid = self.child.lock().unwrap().id();
        Command::new("kill").args(["-TERM", &pid.to_string()]).status().unwrap();
        tokio::task::spawn_blocking(move || self.child.lock().unwrap().wait().unwrap().success())
            .await
            .unwrap()
    }

    /// Puts strace on it, and waits until it sees every thread.
    async fn watched(&self, folder: &Path, log: &Path, calls: &str, inject: Option<String>) -> Attached {
        let pid = self.child.lock().unwrap().id();
        let mut command = strace(folder, log, calls, inject);
        command.args(["-p", &pid.to_string()]);
        command.stdin(std::process::Stdio::null()).stderr(std::process::Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let said = tokio::task::spawn_blocking(move || {
            let first = lines.next();
            std::thread::spawn(move || lines.for_each(drop));
            first
        });
        let said = tokio::time::timeout(PATIENCE, said).await.unwrap().unwrap().unwrap().unwrap();
        assert!(said.contains("attached"), "{said}");
        Attached(child)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let child = self.child.get_mut().unwrap();
        drop(child.kill());
        drop(child.wait());
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        // Its process is gone by now, and so it ends by itself.
        drop(self.0.wait());
    }
}

/// When `serve` meets its fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// While it starts.
    Start,
    /// From the moment at which the command comes.
    Command,
}

impl Bench {
    fn serve(&self, mut command: Command, folder: &Path, slack: &Slack) -> Command {
        command.arg("serve");
        let mut command = self.set_up(command, folder);
        command.envs([
            ("SLACK_SIGNING_SECRET", SIGNING_SECRET),
            ("SLACK_RESPONSE_URL_HOSTS", &slack.address.to_string()),
            ("BIND_ADDR", "127.0.0.1:0"),
            ("SHUTDOWN_GRACE", "0"),
            ("LOG_FORMAT", "json"),
        ]);
        command
    }

    async fn serves(&self, folder: &Path, slack: &Slack) -> Result<Serving, String> {
        Serving::begin(self.serve(Command::new(program()), folder, slack)).await
    }

    /// The same, watched from its first moment by a strace that is not its parent.
    async fn serves_watched(
        &self,
        folder: &Path,
        slack: &Slack,
        log: &Path,
        calls: &str,
        inject: Option<String>,
    ) -> Result<Serving, String> {
        let mut command = strace(folder, log, calls, inject);
        command.args(["-qq", "-D"]).arg(program());
        Serving::begin(self.serve(command, folder, slack)).await
    }

    /// What strace saw of a start, or of a command, without a fault.
    pub(crate) async fn undisturbed_serving(&self, phase: Phase, slack: &Slack) -> String {
        let calls = &CALLS.join(",");
        let folder = self.copy();
        let log = folder.path().join("trace");
        self.begin(None);
        match phase {
            Phase::Start => {
                let serving = self.serves_watched(folder.path(), slack, &log, calls, None).await.unwrap();
                serving.dies();
            }
            Phase::Command => {
                let serving = self.serves(folder.path(), slack).await.unwrap();
                let attached = serving.watched(folder.path(), &log, calls, None).await;
                let said = slack.hands_over(&serving, "undisturbed").await.unwrap();
                assert!(said.contains("now belongs to user2"), "{said}");
                until_quiet(&log).await;
                serving.dies();
                drop(attached);
            }
        }
        std::fs::read_to_string(&log).unwrap()
    }

    /// Serves with the fault, and again without one; the same command is delivered to both.
    pub(crate) async fn tries_serving(&self, phase: Phase, cut: &Cut, slack: &Slack, counts: &mut Counts) {
        let folder = self.copy();
        let file = folder.path().join("room-owner.db");
        let log = folder.path().join("trace");
        let run = folder.path().file_name().unwrap().to_str().unwrap().trim_start_matches('.').to_owned();
        self.begin(cut.upstream.as_ref());
        let before = (self.changes(), self.calls());
        let inject = Some(format!("{}:{}:when={}", cut.point.call, cut.fault, cut.point.nth));
        let (serving, attached) = match phase {
            Phase::Start => {
                let begun = self.serves_watched(folder.path(), slack, &log, cut.point.call, inject).await;
                (begun, None)
            }
            Phase::Command => {
                let serving = self.serves(folder.path(), slack).await.unwrap();
                let attached = serving.watched(folder.path(), &log, cut.point.call, inject).await;
                (Ok(serving), Some(attached))
            }
        };
        let (said, words, killed) = match serving {
            Ok(serving) => {
                let said = slack.hands_over(&serving, &run).await;
                if said.is_some() && phase == Phase::Command {
                    until_struck(&log).await;
                }
                // Who hangs up is about to be gone.
                let killed = if said.is_none() { serving.ends().await } else { serving.has_ended() };
                // Whatever it was about to do, the machine goes down.
                serving.dies();
                let words = serving.log.lock().unwrap().clone();
                (said, words, killed)
            }
            Err(words) => (None, words, true),
        };
        drop(attached);
        let struck = has_struck(&log);
        let effects = self.changes() - before.0;
        let context = format!("{phase:?} {cut:?}: {said:?}\n{words}");
        assert!(effects <= 1 && self.calls() - before.1 <= 1, "sent more than once: {context}");
        assert!(!words.contains("panicked"), "{context}");
        if killed && cut.fault != "signal=SIGKILL" {
            assert!(phase == Phase::Start, "it ended: {context}");
            assert!(
                words.lines().any(|line| line.starts_with("error: ")),
                "it ended without a word: {context}"
            );
        }
        assert!(said.is_some() || killed, "nobody was answered: {context}");

        let left = left_behind(&file, effects, &context).await;
        let answered = Answered::by(said.as_deref(), &context);
        match answered {
            Answered::Done { recorded } => {
                assert_eq!(effects, 1, "answered as done: {context}");
                let is_recorded = left.as_ref().is_some_and(|(_, outcome)| outcome == "succeeded");
                assert!(is_recorded || !recorded, "answered as done, and recorded as {left:?}: {context}");
            }
            Answered::NothingDone => assert_eq!(effects, 0, "answered that nothing was done: {context}"),
            Answered::Unknown | Answered::Nothing => {}
        }
        sound(&file, &context).await;

        // And started again.
        let serving = self.serves(folder.path(), slack).await;
        let serving = serving.unwrap_or_else(|words| panic!("it does not start again: {words}; {context}"));
        let store =
            SqliteStore::open(&format!("sqlite://{}", file.display()), IfMissing::Fail).await.unwrap();
        let resolved = async {
            while !store.unresolved().await.unwrap().is_empty() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let is_resolved = tokio::time::timeout(PATIENCE, resolved).await;
        is_resolved.unwrap_or_else(|_| panic!("something stays open: {context}"));
        assert_eq!(self.changes() - before.0, effects, "done again after the start: {context}");
        let again = slack.hands_over(&serving, &format!("{run}-again")).await;
        let again = again.unwrap_or_else(|| panic!("nobody answers after the start: {context}"));
        let context = format!("{context}\nand then: {again}");
        let carried_out = self.changes() - before.0 - effects;
        if left.is_some() {
            let is_recognised =
                ["Already handled as op", "Already sent as op"].iter().any(|it| again.contains(it));
            assert!(is_recognised, "{context}");
            assert_eq!(carried_out, 0, "done twice: {context}");
        } else {
            // As if it had never been sent before, with the way of Tencent's that is still to come.
            let is_lost = cut.upstream == Some(FaultKind::ResetBefore);
            let expected = if is_lost { Answered::NothingDone } else { Answered::Done { recorded: true } };
            assert_eq!(Answered::by(Some(&again), &context), expected, "{context}");
            assert_eq!((effects, carried_out), (0, usize::from(!is_lost)), "{context}");
        }
        assert!(self.calls() - before.1 <= 1, "sent more than once: {context}");
        let entries = store.audit(&AuditFilter::default()).await.unwrap();
        assert!(store.unresolved().await.unwrap().is_empty(), "something stays open: {context}");
        store.close().await;
        assert!(serving.ends_when_asked().await, "it does not end well: {context}");
        let is_first = |entry: &&room_owner::domain::audit::AuditEntry| {
            entry.new_owner.as_deref() == Some("user2") && entry.outcome != OutcomeKind::Duplicate
        };
        let firsts: Vec<_> = entries.iter().filter(is_first).map(|entry| entry.outcome).collect();
        let [outcome] = firsts[..] else { panic!("recorded as {firsts:?}: {context}") };
        let open = left.as_ref().is_some_and(|(_, outcome)| outcome == "pending" || outcome == "unknown");
        match outcome {
            OutcomeKind::Succeeded => assert_eq!(effects + carried_out, 1, "{context}"),
            OutcomeKind::Refused | OutcomeKind::Declined => assert_eq!(effects + carried_out, 0, "{context}"),
            // Its process died before it had noted who owned the room before.
            OutcomeKind::Unknown => assert!(open, "{context}"),
            other => panic!("recorded as {other}: {context}"),
        }
        sound(&file, &context).await;

        counts.tried += 1;
        counts.struck += usize::from(struck);
        counts.killed += usize::from(killed);
        counts.effects += effects;
        counts.left_open += usize::from(open);
        counts.answered_done += usize::from(matches!(answered, Answered::Done { .. }));
        counts.answered_nothing_done += usize::from(answered == Answered::NothingDone);
        counts.repeated += usize::from(left.is_some());
    }
}

/// What a person was answered.
#[derive(Debug, PartialEq, Eq)]
enum Answered {
    Done {
        recorded: bool,
    },
    NothingDone,
    Unknown,
    /// Nobody answered.
    Nothing,
}

impl Answered {
    fn by(said: Option<&str>, context: &str) -> Self {
        let Some(said) = said else { return Self::Nothing };
        let says = |words: &str| said.contains(words);
        if says("test now belongs to user2") {
            Self::Done { recorded: !says("could not be written to the audit log yet") }
        } else if says("Nothing was done") || says("was not changed") {
            Self::NothingDone
        } else {
            assert!(says("Unknown") || says("Unclear"), "a reply of another kind: {context}");
            Self::Unknown
        }
    }
}

/// Waits until the fault has struck, or will not strike any more.
async fn until_struck(log: &Path) {
    let waiting = async {
        while !has_struck(log) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    drop(tokio::time::timeout(AFTERWARDS, waiting).await);
}

/// Waits until nothing more is done on the files for a while.
async fn until_quiet(log: &Path) {
    let length = |log: PathBuf| std::fs::metadata(log).map_or(0, |log| log.len());
    loop {
        let before = length(log.to_owned());
        tokio::time::sleep(AFTERWARDS).await;
        if length(log.to_owned()) == before {
            return;
        }
    }
}
