//! The real program in a folder of its own, against a simulated Tencent in this process.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use room_owner::bot::install_cryptography;
use room_owner::store::{IfMissing, SqliteStore};
use room_owner::tencent::simulator::{Api, Settings, Simulator};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;

use super::clock::StoryClock;
use super::slack::{Person, Slack, Workspace};
use super::world::{ADMIN, SDK_APP_ID, secret};

/// How long anything may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Program {
    pub(crate) tencent: Simulator,
    pub(crate) workspace: Arc<Workspace>,
    folder: TempDir,
    environment: Vec<(String, String)>,
    program: std::path::PathBuf,
    /// Whose rights it has; the test's own if it is not said.
    user: Option<u32>,
}

/// What a finished program said.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    /// Without the line that names the database.
    pub(crate) err: String,
    pub(crate) database: String,
}

impl Ran {
    /// All of stdout as one JSON value.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}{}", self.out, self.err))
    }
}

/// `room-owner serve`, running.
pub(crate) struct Serving {
    child: Child,
    /// What it has logged so far.
    log: Arc<Mutex<String>>,
}

impl Program {
    /// With an empty database.
    pub(crate) async fn new() -> Self {
        let program = Self::without_database().await;
        SqliteStore::open(&program.database_url(), IfMissing::Create).await.unwrap().close().await;
        program
    }

    /// In an empty folder.
    pub(crate) async fn without_database() -> Self {
        install_cryptography();
        let key: SecretString = secret("key");
        let tencent = Simulator::new(Settings::new(SDK_APP_ID, ADMIN, key.clone()));
        tencent.put_room("test", "carol");
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(tencent.clone().run(listener, std::future::pending()));
        // Nobody listens for late answers there; these stories end before they would come.
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 9));
        let workspace = Arc::new(Workspace::new(nowhere, "", StoryClock::of_this_machine()));
        let environment = [
            ("TENCENT_API_BASE_URL", url.as_str()),
            ("TENCENT_SDK_APP_ID", &SDK_APP_ID.to_string()),
            ("TENCENT_ADMIN_USER_ID", ADMIN),
            ("TENCENT_SECRET_KEY", key.expose_secret()),
            // Nothing comes late here, and nobody waits for it.
            ("TENCENT_UNCLEAR_SECONDS", "1"),
            ("SLACK_SIGNING_SECRET", workspace.signing_secret.expose_secret()),
            ("BIND_ADDR", "127.0.0.1:0"),
            ("SHUTDOWN_GRACE", "0"),
            ("LOG_FORMAT", "json"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self {
            tencent,
            workspace,
            folder: tempfile::tempdir().unwrap(),
            environment: environment.into(),
            program: assert_cmd::cargo::cargo_bin!("room-owner").to_owned(),
            user: None,
        }
    }

    /// The same with another setting; an empty one is none.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.environment.retain(|(known, _)| known != name);
        if !value.is_empty() {
            self.environment.push((name.to_owned(), value.to_owned()));
        }
    }

    /// How it is set up.
    pub(crate) fn setting(&self, name: &str) -> String {
        self.environment.iter().find(|(known, _)| known == name).unwrap().1.clone()
    }

    pub(crate) fn database_url(&self) -> String {
        format!("sqlite://{}", self.folder.path().join("room-owner.db").display())
    }

    /// A file of its folder.
    pub(crate) fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    /// A connection to its database as another program has it.
    pub(crate) async fn raw(&self) -> sqlx::SqliteConnection {
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(self.path("room-owner.db"));
        <sqlx::SqliteConnection as sqlx::Connection>::connect_with(&options).await.unwrap()
    }

    /// From now on it runs as somebody who may not write everything. Root may, so it is not run as root.
    pub(crate) fn without_privileges(&mut self) {
        const NOBODY: u32 = 65_534;
        if !nix::unistd::geteuid().is_root() {
            return;
        }
        self.user = Some(NOBODY);
        self.gives_away(self.folder.path());
        // Built where others may not look, it is run from where they may.
        if self.room_owner().arg("--version").output().is_err() {
            let copy = self.path("room-owner");
            std::fs::copy(&self.program, &copy).unwrap();
            self.program = copy;
        }
    }

    /// A file of the test's is now the program's own.
    pub(crate) fn gives_away(&self, file: &std::path::Path) {
        if let Some(user) = self.user {
            std::os::unix::fs::chown(file, Some(user), Some(user)).unwrap();
        }
    }

    fn command(&self, program: &std::path::Path) -> Command {
        use std::os::unix::process::CommandExt as _;
        let mut command = Command::new(program);
        if let Some(user) = self.user {
            command.uid(user).gid(user);
        }
        command.env_clear().current_dir(self.folder.path()).envs(self.environment.iter().cloned());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn room_owner(&self) -> Command {
        self.command(&self.program)
    }

    /// Runs it to its end. Words are separated by spaces; `+` stands for a space within one.
    pub(crate) async fn runs(&self, words: &str) -> Ran {
        let mut command = self.room_owner();
        command.args(words.split(' ').map(|word| word.replace('+', " ")));
        finish(command).await
    }

    /// The same with other settings; an empty one is none.
    pub(crate) async fn runs_with(&self, settings: &[(&str, &str)], words: &str) -> Ran {
        let mut command = self.room_owner();
        command.args(words.split(' ').map(|word| word.replace('+', " ")));
        command.envs(settings.iter().copied());
        finish(command).await
    }

    /// The same in a shell that `wrapper` starts, after a line of its script.
    pub(crate) async fn runs_in(&self, wrapper: &str, line: &str, words: &str) -> Ran {
        let program = self.program.display();
        let mut command = self.command("/usr/bin/env".as_ref());
        let shell = wrapper.split_whitespace().chain(["/bin/sh", "-c"]);
        command.args(shell).arg(format!("{line} && exec {program} {words}"));
        finish(command).await
    }

    /// The same on a terminal of so many columns and lines, which shows all that it says. None where there is no
    /// `script` to make one.
    pub(crate) async fn runs_on_a_terminal(&self, columns: u16, lines: u16, words: &str) -> Option<Ran> {
        let version = Command::new("script").arg("--version").output();
        if !version.is_ok_and(|version| version.stdout.windows(10).any(|part| part == b"util-linux")) {
            println!("skipped: there is no `script` of util-linux, which makes a terminal");
            return None;
        }
        let line = format!("stty cols {columns} rows {lines}; exec {} {words}", self.program.display());
        let mut command = self.command("/usr/bin/env".as_ref());
        command.args(["script", "-qec", &line, "/dev/null"]);
        let mut ran = finish(command).await;
        ran.out = ran.out.replace('\r', "");
        Some(ran)
    }

    /// Serves until it is ended.
    pub(crate) async fn serves(&self) -> Serving {
        let mut command = self.room_owner();
        command.arg("serve");
        self.started(command).await
    }

    /// Starts it with these streams. Words as in [`Self::runs`].
    pub(crate) fn starts(&self, words: &str, stdout: Stdio, stderr: Stdio) -> Child {
        let mut command = self.room_owner();
        command.args(words.split(' ').map(|word| word.replace('+', " ")));
        command.stdout(stdout).stderr(stderr).spawn().unwrap()
    }

    /// Serves with this stderr, which need not tell where.
    pub(crate) async fn serves_into(&mut self, stderr: Stdio) -> Serving {
        let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        self.set("BIND_ADDR", &address.to_string());
        let child = self.starts("serve", Stdio::piped(), stderr);
        *self.workspace.bot.lock().unwrap() = address;
        let reaching = async {
            while tokio::net::TcpStream::connect(address).await.is_err() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(PATIENCE, reaching).await.expect("the program does not serve");
        Serving { child, log: Arc::default() }
    }

    /// Serves where no file may grow beyond so many blocks of 512 bytes.
    pub(crate) async fn serves_on_a_full_disk(&self, blocks: u32) -> Serving {
        // Ignored, the signal becomes an error of the write, as a full disk is one.
        self.serves_after(&format!("trap '' XFSZ; ulimit -f {blocks}")).await
    }

    /// Serves in the place of a shell that ran this line.
    pub(crate) async fn serves_after(&self, line: &str) -> Serving {
        let mut command = self.command("/bin/sh".as_ref());
        command.args(["-c", &format!("{line}; exec {} serve", self.program.display())]);
        self.started(command).await
    }

    /// Simulates Tencent on a port of its own, for the same account; where that is.
    pub(crate) async fn simulates(&self, words: &str) -> (Serving, String) {
        let mut command = self.room_owner();
        command.args(["simulator", "--bind", "127.0.0.1:0"]).args(words.split(' '));
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = tokio::task::spawn_blocking(move || {
            let line = lines.find_map(|line| {
                line.unwrap().trim().strip_prefix("TENCENT_API_BASE_URL=").map(str::to_owned)
            });
            std::thread::spawn(move || lines.for_each(drop));
            line
        });
        let url = tokio::time::timeout(PATIENCE, line).await.expect("the simulator does not start");
        (Serving { child, log: Arc::default() }, url.unwrap().expect("the simulator says where it is"))
    }

    async fn started(&self, mut command: Command) -> Serving {
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let (found, address) = mpsc::channel();
        let log = Arc::new(Mutex::new(String::new()));
        let kept = Arc::clone(&log);
        std::thread::spawn(move || {
            // Reads on to the end, so that the program never waits for somebody to read its log.
            for line in lines.map_while(Result::ok) {
                kept.lock().unwrap().push_str(&format!("{line}\n"));
                let line: Value = serde_json::from_str(&line).unwrap_or_default();
                if let Some(address) = line["address"].as_str() {
                    found.send(address.parse::<SocketAddr>().unwrap()).unwrap_or_default();
                }
            }
        });
        let address = tokio::task::spawn_blocking(move || address.recv_timeout(PATIENCE));
        *self.workspace.bot.lock().unwrap() = address.await.unwrap().expect("the program does not serve");
        Serving { child, log }
    }

    /// The status and text of one of its own pages.
    pub(crate) async fn page(&self, path: &str) -> (u16, String) {
        let address = *self.workspace.bot.lock().unwrap();
        let response = self.workspace.http.get(format!("http://{address}{path}")).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    /// The status of a post that says nothing.
    pub(crate) async fn posts(&self, path: &str) -> u16 {
        let address = *self.workspace.bot.lock().unwrap();
        let response = self.workspace.http.post(format!("http://{address}{path}")).send().await.unwrap();
        response.status().as_u16()
    }

    /// Waits until `/readyz` says this.
    pub(crate) async fn until_readiness(&self, status: u16, says: &str) {
        let mut last = String::new();
        let asking = async {
            loop {
                let (now, text) = self.page("/readyz").await;
                if now == status && text.contains(says) {
                    return;
                }
                last = text;
                // An answer is good for a second.
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let asked = tokio::time::timeout(PATIENCE, asking).await;
        asked.unwrap_or_else(|_| panic!("`/readyz` does not say `{says}`, but `{last}`"));
    }

    pub(crate) fn slack(&self, person: Person) -> Slack {
        Slack::new(Arc::clone(&self.workspace), person)
    }

    /// The owner of `test` at Tencent.
    pub(crate) fn owner(&self) -> String {
        self.tencent.owner_of("test").unwrap()
    }

    pub(crate) fn changes(&self) -> usize {
        self.tencent.calls().iter().filter(|call| call.api == Api::ChangeRoomOwner).count()
    }

    /// Waits for something at Tencent.
    pub(crate) async fn until(&self, condition: impl Fn(&Simulator) -> bool) {
        tokio::time::timeout(PATIENCE, self.tencent.until(condition)).await.expect("it never came to that");
    }
}

/// Waits for a program without keeping this thread from its other work.
pub(crate) async fn finish(mut command: Command) -> Ran {
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    // Its folder has another name each time.
    let (named, err): (Vec<_>, Vec<_>) = text(output.stderr)
        .split_inclusive('\n')
        .map(str::to_owned)
        .partition(|line| line.starts_with("database: "));
    let database = named.concat().trim().to_owned();
    Ran { code: output.status.code().unwrap(), out: text(output.stdout), err: err.concat(), database }
}

/// The exit code of a program, which must not hang.
pub(crate) async fn exit_code(mut child: Child) -> i32 {
    let id = child.id().to_string();
    let waiting = tokio::task::spawn_blocking(move || child.wait().unwrap());
    let ended = tokio::time::timeout(PATIENCE, waiting).await;
    if ended.is_err() {
        Command::new("kill").args(["-KILL", &id]).status().unwrap();
    }
    ended.expect("the program does not end").unwrap().code().unwrap()
}

/// Sends a program a signal.
pub(crate) fn send(signal: &str, to: &Child) {
    let sent = Command::new("kill").args([&format!("-{signal}"), &to.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

impl Serving {
    /// Waits until it has logged this, and returns the line.
    pub(crate) async fn has_logged(&self, what: &str) -> String {
        let waiting = async {
            loop {
                let log = self.log.lock().unwrap().clone();
                if let Some(line) = log.lines().find(|line| line.contains(what)) {
                    return line.to_owned();
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, waiting).await;
        waited.unwrap_or_else(|_| panic!("it has not logged `{what}`: {}", self.log()))
    }

    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Ends it without a chance to tidy up.
    pub(crate) fn dies(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to end, as the system does at a shutdown, and waits for that.
    pub(crate) async fn ends_when_asked(self) -> (ExitStatus, String) {
        self.gets("TERM");
        self.ends().await
    }

    /// Sends it a signal.
    pub(crate) fn gets(&self, signal: &str) {
        send(signal, &self.child);
    }

    /// Waits for its end.
    pub(crate) async fn ends(mut self) -> (ExitStatus, String) {
        tokio::task::spawn_blocking(move || {
            let mut out = String::new();
            // Somebody else may read it already.
            if let Some(mut stdout) = self.child.stdout.take() {
                stdout.read_to_string(&mut out).unwrap();
            }
            (self.child.wait().unwrap(), out)
        })
        .await
        .unwrap()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // After a story that failed; otherwise it has ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
