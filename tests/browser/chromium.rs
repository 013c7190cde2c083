//! Chromium without a window, steered over a pipe in the words of the Chrome DevTools Protocol.
//!
//! One runs for all tests. Nobody has to end it: it ends when the pipe does, which is when the tests do.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::setting;

/// The browser to use, where it is not `chromium`. Whoever names one relies on it: that it does not start is a failure.
const PROGRAM: &str = "CHROMIUM";
/// How long anything may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Runs it: it reads commands from its fourth file and writes to its fifth. Its folder goes when it has ended, whatever
/// became of the tests.
const SCRIPT: &str = r#"folder=$1; shift; "$@" 3<&0 4>&1 </dev/null >/dev/null; rm -rf "$folder""#;
const ARGUMENTS: [&str; 8] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    // Containers have little of it.
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--no-first-run",
    "--remote-debugging-pipe",
    // Otherwise it asks elsewhere for what it does not need.
    "--disable-component-update",
];

/// The browser.
pub(crate) struct Chromium {
    pipe: Mutex<ChildStdin>,
    next: AtomicU64,
    shared: Arc<Shared>,
    /// What it calls itself to servers.
    pub(crate) user_agent: String,
}

#[derive(Default)]
struct Shared {
    /// Who waits for the answer to a command, by its number.
    waiting: Mutex<HashMap<u64, oneshot::Sender<Value>>>,
    /// What was reported from each page, by its session.
    reported: Mutex<HashMap<String, Vec<Value>>>,
}

/// The browser of all tests; `None`, and said, where there is none.
pub(crate) async fn chromium() -> Option<&'static Chromium> {
    static RUNNING: OnceLock<Result<Chromium, String>> = OnceLock::new();
    let found = tokio::task::spawn_blocking(|| RUNNING.get_or_init(Chromium::start)).await.unwrap();
    match found {
        Ok(chromium) => Some(chromium),
        Err(why) if setting(PROGRAM).is_some() => panic!("{why}"),
        Err(why) => {
            println!("skipped: {why}");
            None
        }
    }
}

impl Chromium {
    fn start() -> Result<Self, String> {
        let program = setting(PROGRAM).unwrap_or_else(|| "chromium".into());
        let name = program.to_string_lossy().into_owned();
        if Command::new(&program).arg("--version").output().is_err() {
            return Err(format!("`{name}`, the browser, is not installed"));
        }
        let folder = tempfile::Builder::new().prefix("room-owner-browser-").tempdir().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", SCRIPT, "browser"]).arg(folder.path()).arg(&program).args(ARGUMENTS);
        command.arg(format!("--user-data-dir={}", folder.path().display())).arg("about:blank");
        // In a group of its own, so that it is not interrupted before its folder is gone.
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let mut child = command.spawn().unwrap();
        let pipe = child.stdin.take().unwrap();
        let shared = Arc::<Shared>::default();
        let (answers, mut complaints) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let mut chromium =
            Self { pipe: Mutex::new(pipe), next: AtomicU64::new(1), shared, user_agent: String::new() };
        let shared = Arc::clone(&chromium.shared);
        std::thread::spawn(move || {
            shared.listen(answers);
            child.wait()
        });
        let complaints = std::thread::spawn(move || {
            let mut text = String::new();
            complaints.read_to_string(&mut text).map(|_| text)
        });
        let version = tokio::time::timeout(PATIENCE, chromium.send(None, "Browser.getVersion", json!({})));
        let Ok(Ok(version)) = Handle::current().block_on(version) else {
            // Without its pipe it ends, if it has not yet.
            drop(chromium);
            let complaints = complaints.join().unwrap().unwrap_or_default();
            return Err(format!("`{name}`, the browser, does not start: {}", complaints.trim()));
        };
        // Its name for itself says that it has no window; people's does not.
        let user_agent = version["result"]["userAgent"].as_str().unwrap_or_default();
        chromium.user_agent = user_agent.replace("Headless", "");
        drop(folder.keep());
        Ok(chromium)
    }

    fn send(&self, session: Option<&str>, method: &str, params: Value) -> oneshot::Receiver<Value> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let mut command = json!({ "id": id, "method": method, "params": params });
        if let Some(session) = session {
            command["sessionId"] = json!(session);
        }
        let (answered, answer) = oneshot::channel();
        self.shared.waiting.lock().unwrap().insert(id, answered);
        let mut bytes = command.to_string().into_bytes();
        bytes.push(0);
        if self.pipe.lock().unwrap().write_all(&bytes).is_err() {
            self.shared.waiting.lock().unwrap().remove(&id);
        }
        answer
    }

    /// What the browser, or the page of a session, answers to a command; or its error.
    pub(crate) async fn tries(
        &self,
        session: Option<&str>,
        method: &str,
        params: Value,
    ) -> Result<Value, String> {
        let answer = tokio::time::timeout(PATIENCE, self.send(session, method, params)).await;
        let answer = answer.unwrap_or_else(|_| panic!("the browser does not answer to {method}"));
        let mut answer = answer.unwrap_or_else(|_| panic!("the browser ended at {method}"));
        match answer.get("error") {
            Some(error) => Err(format!("{method}: {error}")),
            None => Ok(answer["result"].take()),
        }
    }

    /// The same of what cannot be refused.
    pub(crate) async fn asks(&self, session: Option<&str>, method: &str, params: Value) -> Value {
        self.tries(session, method, params).await.unwrap_or_else(|error| panic!("{error}"))
    }

    /// What was reported from the page of a session since it was asked for last.
    pub(crate) fn reported(&self, session: &str) -> Vec<Value> {
        self.shared.reported.lock().unwrap().remove(session).unwrap_or_default()
    }
}

impl Shared {
    /// Takes what the browser says, until it ends.
    fn listen(&self, answers: impl Read) {
        for message in BufReader::new(answers).split(0).map_while(Result::ok) {
            let message: Value = serde_json::from_slice(&message).unwrap();
            if let Some(id) = message["id"].as_u64() {
                let waiting = self.waiting.lock().unwrap().remove(&id);
                // Who waited may have lost patience.
                waiting.map(|answered| answered.send(message).ok());
            } else if let Some(session) = message["sessionId"].as_str() {
                let session = session.to_owned();
                self.reported.lock().unwrap().entry(session).or_default().push(message);
            }
        }
        self.waiting.lock().unwrap().clear();
    }
}
