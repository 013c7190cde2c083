//! The bot, a simulated Tencent and people in chat, as `room-owner demo` runs them; and the browsers that look at it.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;

use reqwest::Client;
use serde_json::{Value, json};

use super::chromium::{Chromium, PATIENCE, chromium};
use super::tab::Tab;

/// A running demo.
pub(crate) struct Demo {
    chromium: &'static Chromium,
    process: Process,
    http: Client,
    /// Where it is, without a slash at the end.
    pub(crate) origin: String,
    /// The links that it printed, by the name of the person, as long as nobody used them.
    links: Mutex<BTreeMap<String, String>>,
    tabs: Mutex<Vec<Tab>>,
}

struct Process(Child);

/// Runs the demo and tells a story in it. Whatever a browser's console reports fails it.
pub(crate) async fn drive(story: impl AsyncFnOnce(&Demo)) {
    let Some(chromium) = chromium().await else { return };
    room_owner::bot::install_cryptography();
    let demo = Demo::start(chromium).await;
    story(&demo).await;
    demo.ends().await;
}

impl Demo {
    async fn start(chromium: &'static Chromium) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_room-owner"));
        let mut child = command.arg("demo").stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let process = Process(child);
        let invitation = tokio::task::spawn_blocking(move || {
            let mut said = Vec::new();
            let is_last = |line: &str| line.contains("Ctrl-C");
            while let Some(line) = lines.next().filter(|line| !is_last(line)) {
                said.push(line);
            }
            // It goes on to be read, so that the demo can say that it ends.
            std::thread::spawn(move || lines.for_each(drop));
            said
        });
        let said =
            tokio::time::timeout(PATIENCE, invitation).await.expect("the demo does not start").unwrap();
        let origin = said.iter().find_map(|line| line.trim().strip_prefix("open ")).expect("it says where");
        let links = said.iter().filter_map(|line| {
            let (person, link) = line.split_once("http://").filter(|(_, rest)| rest.contains("/sign-in/"))?;
            Some((person.split_whitespace().next()?.to_owned(), format!("http://{link}")))
        });
        Self {
            chromium,
            process,
            http: Client::builder().no_proxy().build().unwrap(),
            origin: origin.trim().trim_end_matches('/').to_owned(),
            links: Mutex::new(links.collect()),
            tabs: Mutex::default(),
        }
    }

    /// A browser with cookies of its own, and nothing in it.
    pub(crate) async fn browser(&self) -> Tab {
        let tab = Tab::open(self.chromium, &self.origin).await;
        self.tabs.lock().unwrap().push(tab.clone());
        tab
    }

    /// The link that the demo printed for somebody: once.
    pub(crate) fn link(&self, person: &str) -> String {
        let link = self.links.lock().unwrap().remove(person);
        link.unwrap_or_else(|| panic!("the demo printed no link for {person}, or it is used"))
    }

    /// A browser in which somebody has signed in by that link, and looks at the log.
    pub(crate) async fn browser_of(&self, person: &str) -> Tab {
        let tab = self.browser().await;
        tab.signs_in(&self.link(person)).await;
        tab.goes("/log").await;
        tab
    }

    /// Somebody types a line in #mods, in Slack. The text of the answers.
    pub(crate) async fn says(&self, person: &str, line: &str) -> String {
        let asking =
            json!({ "person": format!("U0{}", person.to_uppercase()), "channel": "C0MODS", "text": line });
        let request = self.http.post(format!("{}/demo/say", self.origin)).json(&asking);
        let said: Value = request.send().await.unwrap().json().await.unwrap();
        let messages = said["messages"].as_array().unwrap_or_else(|| panic!("{line}: {said}"));
        messages.iter().map(|shown| shown["message"]["text"].as_str().unwrap_or_default()).collect()
    }

    /// The same of what has a record; its number.
    pub(crate) async fn does(&self, person: &str, line: &str) -> String {
        let said = self.says(person, line).await;
        let (_, after) = said.rsplit_once("\nop ").unwrap_or_else(|| panic!("{line}: {said}"));
        after.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default().to_owned()
    }

    async fn ends(self) {
        for tab in self.tabs.into_inner().unwrap() {
            tab.closes().await;
        }
        let mut process = self.process;
        process.is_asked_to_end();
        tokio::task::spawn_blocking(move || assert!(process.0.wait().unwrap().success())).await.unwrap();
    }
}

impl Process {
    /// It removes its folder then.
    fn is_asked_to_end(&self) {
        drop(Command::new("kill").arg(self.0.id().to_string()).status());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // After a story that failed; otherwise it has ended already.
        if matches!(self.0.try_wait(), Ok(None)) {
            self.is_asked_to_end();
            drop(self.0.wait());
        }
    }
}
