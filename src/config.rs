//! The environment, and `.env`, as settings. Only this module reads them.
//!
//! A platform is on when its settings are there and off when none is. Everything that is wrong is said at
//! once, with the variable's name and an example.

mod chat;
#[cfg(test)]
mod tests;
mod variables;

use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use reqwest::Url;
use secrecy::SecretString;

use crate::app::limits::Limits;
use crate::app::ports::Known;
use crate::domain::room::Accounts;
use crate::redact::{Redactor, SHORTEST_SECRET};
use crate::store::Database;
use crate::tencent::{Region, UnknownRegion};
use crate::tree::SigningKey;
use crate::{discord, http, slack, tencent};
use chat::Chat;
use variables::EXAMPLE_KEY;

pub use variables::{VARIABLES, Variable};

/// One thing that is wrong with the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    variable: &'static str,
    what: String,
}

/// Everything that is wrong with the settings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError(Vec<Problem>);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the settings cannot be used:")?;
        for problem in &self.0 {
            let example = VARIABLES.iter().find(|variable| variable.name == problem.variable);
            write!(f, "\n  {}: {}", problem.variable, problem.what)?;
            if let Some(Variable { name, example, meaning, .. }) = example {
                write!(f, "\n      {meaning}; for example `{name}={example}`")?;
            }
        }
        Ok(())
    }
}

/// Where settings come from: the process's environment over `.env`.
#[derive(Clone, Default)]
pub struct Environment(HashMap<String, String>);

impl Environment {
    /// The real environment, and `.env` in the working directory for what it does not set.
    ///
    /// # Errors
    /// When `.env` is there and cannot be read.
    pub fn read() -> Result<Self, ConfigError> {
        let mut variables = match std::fs::read(".env") {
            Ok(text) => dot_env(&text)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => HashMap::new(),
            Err(error) => return Err(broken_dot_env(error.to_string())),
        };
        #[expect(clippy::disallowed_methods, reason = "this is the one place")]
        variables.extend(
            std::env::vars_os()
                .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))),
        );
        Ok(Self(variables))
    }

    /// These variables and no others.
    pub fn of<'a>(variables: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        Self(variables.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    /// A variable. An empty one counts as not set: that is how `.env` files leave things open.
    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    /// Every secret that is set, by the name of its variable.
    fn named_secrets(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let secret = VARIABLES.iter().filter(|variable| variable.is_secret);
        secret.flat_map(|variable| self.secrets_in(variable.name).map(|secret| (variable.name, secret)))
    }

    /// The secrets that a variable holds: one, or a list of Slack's.
    fn secrets_in(&self, name: &str) -> impl Iterator<Item = &str> {
        let is_list = name == "SLACK_SIGNING_SECRET";
        self.get(name)
            .into_iter()
            .flat_map(move |value| value.split(move |c| is_list && c == ','))
            .map(str::trim)
            .filter(|secret| !secret.is_empty())
    }

    /// Redacts every secret that is set.
    #[must_use]
    pub fn redactor(&self) -> Redactor {
        Redactor::of(&self.secrets())
    }

    /// Every secret that is set.
    #[must_use]
    pub fn secrets(&self) -> Vec<SecretString> {
        self.named_secrets().map(|(_, secret)| SecretString::from(secret)).collect()
    }

    /// Who called `sudo`, if somebody did: a caption for the record, never used to decide.
    #[must_use]
    pub fn sudo_user(&self) -> Option<String> {
        self.get("SUDO_USER").map(str::to_owned)
    }
}

fn broken_dot_env(what: String) -> ConfigError {
    ConfigError(vec![Problem { variable: ".env", what }])
}

/// What a `.env` sets. A line may hold a secret, so a broken one is named by its number and never quoted.
fn dot_env(text: &[u8]) -> Result<HashMap<String, String>, ConfigError> {
    let mut rest = Lines { rest: text, handed_out: 0 };
    let mut variables = HashMap::new();
    // Read a line at a time, it is known which ones were read when it breaks off.
    let mut lines = dotenvy::Iter::new(&mut rest);
    let broken = loop {
        match lines.next() {
            None => return Ok(variables),
            Some(Ok((name, value))) => {
                variables.insert(name, value);
            }
            Some(Err(error)) => break error,
        }
    };
    drop(lines);
    Err(broken_dot_env(match broken {
        dotenvy::Error::LineParse(line, at) => {
            // A quote that is not closed goes over lines. What is left of a single line has no line feed.
            let lines = line.trim_end_matches('\n').matches('\n').count();
            let number = rest.handed_out - lines.min(rest.handed_out.saturating_sub(1));
            let at = line.get(..at).map_or(at, |before| before.chars().count());
            let at = if lines > 0 {
                "its quote is not closed".to_owned()
            } else {
                format!("at its character {}", at + 1)
            };
            format!(
                "line {number} cannot be read ({at}): a line is `NAME=value`, a value with spaces in single quotes"
            )
        }
        other => other.to_string(),
    }))
}

/// Hands out a line at a time, and counts them.
struct Lines<'a> {
    rest: &'a [u8],
    handed_out: usize,
}

impl std::io::Read for Lines<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let end = self.rest.iter().position(|byte| *byte == b'\n').map_or(self.rest.len(), |at| at + 1);
        let end = end.min(into.len());
        let (line, rest) = self.rest.split_at(end);
        into[..end].copy_from_slice(line);
        self.rest = rest;
        // A longer line than fits is handed out in parts, and a last line may have no end.
        if line.ends_with(b"\n") || (rest.is_empty() && !line.is_empty()) {
            self.handed_out += 1;
        }
        Ok(end)
    }
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines.
    Json,
}

/// What every command needs.
#[derive(Debug, Clone)]
pub struct Common {
    /// `sqlite://<file>`
    pub database_url: String,
    /// What signs its log; the key beside the database if `None`.
    pub signing_key: Option<SecretString>,
    /// How log lines look.
    pub log_format: LogFormat,
    /// Which log lines.
    pub log_filter: Option<String>,
    /// Redacts every secret that is set.
    pub redactor: Redactor,
}

/// What `serve` needs.
#[derive(Debug, Clone)]
pub struct Config {
    /// The address to listen on.
    pub bind_addr: SocketAddr,
    /// The service that holds the rooms.
    pub tencent: tencent::Settings,
    /// The load limits.
    pub limits: Limits,
    /// How long a change may still take effect after its call was cut.
    pub unclear_for: Duration,
    /// The Slack door, if it is on.
    pub slack: Option<slack::Settings>,
    /// The Discord door, if it is on.
    pub discord: Option<discord::Settings>,
}

/// Reads variables and keeps what is wrong with them.
struct Reader<'a> {
    environment: &'a Environment,
    problems: Vec<Problem>,
}

impl<'a> Reader<'a> {
    fn new(environment: &'a Environment) -> Self {
        Self { environment, problems: Vec::new() }
    }

    fn problem(&mut self, variable: &'static str, what: impl Into<String>) {
        self.problems.push(Problem { variable, what: what.into() });
    }

    fn optional<T: FromStr>(&mut self, name: &'static str, wrong: &str) -> Option<T> {
        let value = self.environment.get(name)?;
        let parsed = value.parse().ok();
        if parsed.is_none() {
            self.problem(name, format!("{} {wrong}", self.shown(value)));
        }
        parsed
    }

    fn list(&self, name: &str) -> Vec<&'a str> {
        let items = self.environment.get(name).unwrap_or_default().split(',');
        items.map(str::trim).filter(|item| !item.is_empty()).collect()
    }

    /// A value that is wrong. Any could be a secret that went astray, except one that is too short to be one.
    fn shown(&self, value: &str) -> String {
        let is_of = |(_, secret): (_, &str)| secret.contains(value) || value.contains(secret);
        if value.len() < SHORTEST_SECRET && !self.environment.named_secrets().any(is_of) {
            format!("`{value}`")
        } else {
            "what is set".to_owned()
        }
    }

    /// A secret, unless it is so short that it can be guessed, or occurs in ordinary words.
    fn check_length(&mut self, name: &'static str, how_to_get_one: &str) {
        if self.environment.secrets_in(name).any(|secret| secret.len() < SHORTEST_SECRET) {
            self.problem(name, format!("is shorter than {SHORTEST_SECRET} characters: {how_to_get_one}"));
        }
    }

    /// What is no secret is shown: it may hold none.
    fn check_open_variables(&mut self) {
        let environment = self.environment;
        for open in VARIABLES.iter().filter(|variable| !variable.is_secret) {
            let Some(value) = environment.get(open.name) else { continue };
            let held = |(_, secret): &(_, &str)| secret.len() >= SHORTEST_SECRET && value.contains(secret);
            if let Some((secret, _)) = environment.named_secrets().find(held) {
                self.problem(open.name, format!("holds the value of {secret}, which nobody may read"));
            }
        }
    }

    /// The address of a service's API, to which `secret` is sent.
    fn api(&mut self, variable: &'static str, text: &str, service: &str, secret: &str) -> Option<Url> {
        // A URL can hold a password wherever it is broken: it is not quoted.
        let wrong = match Url::parse(text) {
            Err(error) => format!("is not a URL: {error}"),
            Ok(url) if !matches!(url.scheme(), "http" | "https") => "is neither http nor https".to_owned(),
            Ok(url) if !url.username().is_empty() || url.password().is_some() => {
                format!("holds a user name or password, which {service} does not take")
            }
            Ok(url) if url.query().is_some() || url.fragment().is_some() => {
                "says more than scheme, host, port and path".to_owned()
            }
            Ok(url) if !http::is_private(&url, "http") => format!(
                "would send the {secret} in the clear: use https (plain http is for loopback addresses)"
            ),
            Ok(url) => return Some(url),
        };
        self.problem(variable, wrong);
        None
    }

    fn end<T>(self, value: Option<T>) -> Result<T, ConfigError> {
        match value {
            Some(value) if self.problems.is_empty() => Ok(value),
            _ => Err(ConfigError(self.problems)),
        }
    }
}

impl Common {
    /// From the environment.
    ///
    /// # Errors
    /// All that is wrong.
    pub fn from(environment: &Environment) -> Result<Self, ConfigError> {
        let mut reader = Reader::new(environment);
        let common = Self::read(&mut reader);
        reader.end(Some(common))
    }

    fn read(reader: &mut Reader<'_>) -> Self {
        let environment = reader.environment;
        let database_url = environment.get("DATABASE_URL").unwrap_or("sqlite://room-owner.db").to_owned();
        reader.check_open_variables();
        if let Err(error) = crate::store::database_file(&database_url) {
            reader.problem("DATABASE_URL", error.to_string());
        }
        let log_format = match environment.get("LOG_FORMAT") {
            None | Some("text") => LogFormat::Text,
            Some("json") => LogFormat::Json,
            Some(other) => {
                reader.problem("LOG_FORMAT", format!("{} is neither `text` nor `json`", reader.shown(other)));
                LogFormat::Text
            }
        };
        let log_filter = environment.get("RUST_LOG").map(str::to_owned);
        if let Some(filter) = &log_filter
            && tracing_subscriber::EnvFilter::try_new(filter).is_err()
        {
            reader.problem("RUST_LOG", format!("{} is not a filter", reader.shown(filter)));
        }
        let signing_key = environment.get("AUDIT_SIGNING_KEY").map(SecretString::from);
        if let Some(Err(error)) = signing_key.as_ref().map(SigningKey::parse) {
            reader.problem("AUDIT_SIGNING_KEY", error.to_string());
        }
        if environment.get("AUDIT_SIGNING_KEY").is_some_and(|key| key.trim() == EXAMPLE_KEY) {
            reader.problem(
                "AUDIT_SIGNING_KEY",
                "is the example, which everybody can read: make your own with `room-owner audit key --new`",
            );
        }
        Self { database_url, signing_key, log_format, log_filter, redactor: environment.redactor() }
    }
}

impl Common {
    /// The database, with the key that signs its log.
    #[must_use]
    pub fn database(&self) -> Database {
        Database::new(&self.database_url, self.signing_key.clone())
    }

    /// The demo's: nothing of the environment, so that it is the same everywhere.
    #[must_use]
    pub fn for_the_demo() -> Self {
        Self {
            database_url: String::new(),
            signing_key: None,
            log_format: LogFormat::Text,
            log_filter: None,
            redactor: Redactor::default(),
        }
    }
}

/// The application that the simulator plays: the configured one, or a made-up one for what is not set.
#[derive(Debug, Clone)]
pub struct SimulatedAccount {
    /// The application.
    pub sdk_app_id: u32,
    /// Its admin.
    pub admin_user_id: String,
    /// Its key.
    pub secret_key: SecretString,
    /// The accounts that it knows.
    pub accounts: Accounts,
    is_made_up: bool,
}

/// The key that is made up: it opens nothing but the simulator.
const SIMULATED_KEY: &str = "simulated-key-that-opens-nothing-else";

/// The account to simulate.
///
/// # Errors
/// When a variable that is set cannot be used.
pub fn simulated_account(environment: &Environment) -> Result<SimulatedAccount, ConfigError> {
    let mut reader = Reader::new(environment);
    let sdk_app_id = reader.optional("TENCENT_SDK_APP_ID", "is not the number of an application");
    let account = SimulatedAccount {
        sdk_app_id: sdk_app_id.unwrap_or(1_400_000_000),
        admin_user_id: environment.get("TENCENT_ADMIN_USER_ID").unwrap_or("administrator").to_owned(),
        secret_key: SecretString::from(environment.get("TENCENT_SECRET_KEY").unwrap_or(SIMULATED_KEY)),
        accounts: accounts(&mut reader),
        is_made_up: environment.get("TENCENT_SECRET_KEY").is_none(),
    };
    reader.end(Some(account))
}

impl SimulatedAccount {
    /// What to set so that the bot calls the simulator at `address`. A configured key is not shown.
    #[must_use]
    pub fn instructions(&self, address: SocketAddr) -> String {
        let key = if self.is_made_up { SIMULATED_KEY } else { "(as you have set it)" };
        format!(
            "Tencent is simulated at http://{address}. For the bot:\n  \
             TENCENT_API_BASE_URL=http://{address}\n  TENCENT_SDK_APP_ID={}\n  TENCENT_ADMIN_USER_ID={}\n  \
             TENCENT_SECRET_KEY={key}\nSee its rooms: curl http://{address}/control/state",
            self.sdk_app_id, self.admin_user_id
        )
    }
}

impl Config {
    /// From the environment.
    ///
    /// # Errors
    /// All that is wrong.
    pub fn from(environment: &Environment) -> Result<Self, ConfigError> {
        let mut reader = Reader::new(environment);
        // All that is wrong is reported at once.
        Common::read(&mut reader);
        let bind_addr = reader
            .optional("BIND_ADDR", "is not an address and a port")
            .unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 8080)));
        let tencent = tencent(&mut reader);
        let limits = limits(&mut reader);
        let unclear_for = unclear_for(&mut reader);
        let chat = Chat::read(&mut reader);
        let slack = chat.slack(&mut reader);
        let discord = chat.discord(&mut reader);
        let is_about_chat = |problem: &Problem| {
            problem.variable.starts_with("SLACK_") || problem.variable.starts_with("DISCORD_")
        };
        if slack.is_none() && discord.is_none() && !reader.problems.iter().any(is_about_chat) {
            reader.problem(
                "SLACK_SIGNING_SECRET",
                "is not set, so there is no chat to take commands from, and no DISCORD_PUBLIC_KEY either",
            );
        }
        reader.end(tencent.map(|tencent| Self { bind_addr, tencent, limits, unclear_for, slack, discord }))
    }
}

/// The settings for Discord alone, for commands that need neither a database nor Tencent.
///
/// # Errors
/// All that is wrong.
pub fn discord_settings(environment: &Environment) -> Result<discord::Settings, ConfigError> {
    let mut reader = Reader::new(environment);
    let chat = Chat::read(&mut reader);
    let settings = chat.discord(&mut reader);
    if environment.get("DISCORD_BOT_TOKEN").is_none() {
        reader.problem("DISCORD_BOT_TOKEN", "is not set, and commands are registered in the bot's name");
    }
    reader.end(settings)
}

/// What the settings say of groups and workspaces, for commands on the ACL.
#[must_use]
pub fn known(environment: &Environment) -> Known {
    let reader = Reader::new(environment);
    Known {
        looks_up_groups: environment.get("SLACK_BOT_TOKEN").is_some(),
        served_teams: reader.list("SLACK_TEAM_IDS").into_iter().map(str::to_owned).collect(),
        ..Known::default()
    }
}

/// The settings for Tencent alone, for commands that need no chat.
///
/// # Errors
/// All that is wrong.
pub fn tencent_settings(environment: &Environment) -> Result<tencent::Settings, ConfigError> {
    let mut reader = Reader::new(environment);
    let settings = tencent(&mut reader);
    reader.end(settings)
}

/// How long a change may still take effect after its call was cut.
///
/// # Errors
/// When it is set to something else than a number of seconds, from 1 to 3600.
pub fn unclear_seconds(environment: &Environment) -> Result<Duration, ConfigError> {
    let mut reader = Reader::new(environment);
    let unclear_for = unclear_for(&mut reader);
    reader.end(Some(unclear_for))
}

fn unclear_for(reader: &mut Reader<'_>) -> Duration {
    const NAME: &str = "TENCENT_UNCLEAR_SECONDS";
    let seconds = reader.optional(NAME, "is not a number of seconds").unwrap_or(60_u64);
    if !(1..=3_600).contains(&seconds) {
        reader.problem(NAME, format!("`{seconds}` is not between 1 and 3600"));
    }
    Duration::from_secs(seconds)
}

fn tencent(reader: &mut Reader<'_>) -> Option<tencent::Settings> {
    let environment = reader.environment;
    let mut required = |name: &'static str| {
        let value = environment.get(name);
        if value.is_none() {
            reader.problem(name, "is not set");
        }
        value
    };
    let sdk_app_id = required("TENCENT_SDK_APP_ID");
    let admin_user_id = required("TENCENT_ADMIN_USER_ID");
    let secret_key = required("TENCENT_SECRET_KEY");

    let sdk_app_id = sdk_app_id.and_then(|text| {
        let id = text.parse().ok().filter(|id| *id > 0);
        if id.is_none() {
            reader.problem(
                "TENCENT_SDK_APP_ID",
                format!("{} is not the number of an application", reader.shown(text)),
            );
        }
        id
    });
    if let Some(id) = admin_user_id
        && (id.len() > crate::domain::room::LONGEST_ACCOUNT_ID || id.chars().any(char::is_whitespace))
    {
        let what = format!("{} is not a UserID of at most 32 bytes", reader.shown(id));
        reader.problem("TENCENT_ADMIN_USER_ID", what);
    }
    if secret_key.is_some_and(|key| key.chars().any(char::is_whitespace)) {
        reader.problem("TENCENT_SECRET_KEY", "holds a space: copy the key alone");
    }
    reader.check_length("TENCENT_SECRET_KEY", "copy the whole key from Tencent's console");
    let base_url = base_url(reader);
    let rate_limit =
        reader.optional("TENCENT_RATE_LIMIT", "is not a number of calls a second").unwrap_or(200_u32);
    if rate_limit == 0 {
        reader.problem("TENCENT_RATE_LIMIT", "`0` would let no call through");
    }
    Some(tencent::Settings {
        base_url: base_url?,
        sdk_app_id: sdk_app_id?,
        admin_user_id: admin_user_id?.to_owned(),
        secret_key: SecretString::from(secret_key?),
        rate_limit,
        callback_token: callback_token(reader),
        accounts: accounts(reader),
    })
}

/// Which accounts rooms are handed to.
fn accounts(reader: &mut Reader<'_>) -> Accounts {
    match reader.environment.get("TENCENT_ACCOUNTS") {
        None | Some("tencent") => Accounts::Tencent,
        Some("any") => Accounts::Any,
        Some(other) => {
            let what = format!("{} is neither `tencent` nor `any`", reader.shown(other));
            reader.problem("TENCENT_ACCOUNTS", what);
            Accounts::Tencent
        }
    }
}

fn limits(reader: &mut Reader<'_>) -> Limits {
    let usual = Limits::default();
    let mut per_minute = |name, usual: Option<u32>| {
        let given = reader.optional(name, "is not a number of commands");
        given.map_or(usual, |number: u32| (number > 0).then_some(number))
    };
    let per_person = per_minute("COMMANDS_PER_PERSON", usual.per_person);
    let per_room = per_minute("COMMANDS_PER_ROOM", usual.per_room);
    let at_once = reader.optional("COMMANDS_AT_ONCE", "is not a number of commands").unwrap_or(usual.at_once);
    if at_once == 0 {
        reader.problem("COMMANDS_AT_ONCE", "`0` would let no command through");
    }
    Limits { per_person, per_room, at_once, waiting: at_once.saturating_mul(4), ..usual }
}

fn callback_token(reader: &mut Reader<'_>) -> Option<SecretString> {
    let token = reader.environment.get("TENCENT_CALLBACK_TOKEN")?;
    if let Err(wrong) = tencent::callbacks::check_token(token) {
        reader.problem("TENCENT_CALLBACK_TOKEN", wrong);
    }
    Some(SecretString::from(token))
}

fn base_url(reader: &mut Reader<'_>) -> Option<Url> {
    const NAME: &str = "TENCENT_API_BASE_URL";
    // A typo in the region is said even while the URL stands in for it.
    let region = reader.environment.get("TENCENT_REGION").map(|text| {
        let unknown = |error: UnknownRegion| format!("{} {error}", reader.shown(text));
        text.parse::<Region>().map_err(unknown)
    });
    if let Some(Err(wrong)) = &region {
        reader.problem("TENCENT_REGION", wrong);
    }
    let Some(text) = reader.environment.get(NAME) else {
        if region.is_none() {
            reader.problem("TENCENT_REGION", "is not set, and neither is TENCENT_API_BASE_URL");
        }
        return Url::parse(&region?.ok()?.base_url()).ok();
    };
    let url = reader.api(NAME, text, "Tencent", "UserSig")?;
    if url.path() != "/" {
        reader.problem(NAME, "says more than scheme, host and port: the path is the bot's");
    }
    Some(url)
}
