//! The environment, and `.env`, as settings. Only this module reads them.
//!
//! Every setting is a row of the table in `table`. A platform is on when its settings are there and off when none is.
//! Everything that is wrong is said at once, with the variable's name and an example.

mod documents;
mod dot_env;
pub mod env_file;
mod environment;
mod kinds;
mod language;
mod log_filter;
mod names;
mod problems;
mod reader;
mod table;
mod terminal;
#[cfg(test)]
mod tests;
mod time_zone;
mod usable;

use std::net::SocketAddr;
use std::time::Duration;

use reqwest::Url;
use secrecy::{ExposeSecret as _, SecretString};

use crate::app::limits::Limits;
use crate::app::ports::Known;
use crate::app::service::{ServiceConfig, Timing};
use crate::domain::room::Accounts;
use crate::http::Proxy;
use crate::redact::Redactor;
use crate::store::Database;
use crate::tencent::simulator;
use crate::{discord, slack, tencent};
use reader::Reader;
use table::*;

pub use documents::{env_example, settings_table};
pub use environment::Environment;
pub use language::language;
pub use problems::ConfigError;
pub use table::{VARIABLES, Variable};
pub use terminal::Terminal;
pub use usable::Usable;

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For machines.
    Json,
}

/// What every command needs. The demo's is the default: nothing of the environment, so that it is the same everywhere.
#[derive(Debug, Clone, Default)]
pub struct Common {
    /// `sqlite://<file>`
    pub database_url: String,
    /// What signs its log; the key beside the database if `None`.
    pub signing_key: Option<SecretString>,
    /// How log lines look.
    pub log_format: LogFormat,
    /// Which log lines.
    pub log_filter: Option<String>,
    /// What outgoing connections go through.
    pub proxy: Option<Proxy>,
    /// Redacts every secret that is set.
    pub redactor: Redactor,
}

/// What `serve` needs.
#[derive(Debug, Clone)]
pub struct Config {
    /// The address to listen on.
    pub bind_addr: SocketAddr,
    /// How long commands are still taken after SIGTERM.
    pub shutdown_grace: Duration,
    /// The service that holds the rooms.
    pub tencent: tencent::Settings,
    /// The load limits.
    pub limits: Limits,
    /// How long a change may still take effect after its call was cut.
    pub unclear_for: Duration,
    /// Whether a hand-over to an account that the log has never seen has to be confirmed.
    pub confirm_new_accounts: bool,
    /// The address at which browsers reach the console, without a slash at its end; `None` for no console.
    pub console: Option<String>,
    /// The Slack door, if it is on.
    pub slack: Option<slack::Settings>,
    /// The Discord door, if it is on.
    pub discord: Option<discord::Settings>,
}

impl Common {
    /// From the environment.
    ///
    /// # Errors
    /// All that is wrong.
    pub fn from(environment: &Environment) -> Result<Self, ConfigError> {
        let mut reader = Reader::new(environment);
        let common = Self::read(&mut reader, environment.redactor());
        reader.end(Some(common))
    }

    fn read(reader: &mut Reader<'_>, redactor: Redactor) -> Self {
        reader.check_open_variables();
        let no_proxy = reader.get(&NO_PROXY).unwrap_or_default();
        let (https, all) = (reader.get(&HTTPS_PROXY), reader.get(&ALL_PROXY));
        let all = all.map(|proxy| proxy.set_in(ALL_PROXY.variable.name));
        Self {
            database_url: reader.get_or_example(&DATABASE_URL),
            signing_key: reader.get(&AUDIT_SIGNING_KEY),
            log_format: reader.get_or_example(&LOG_FORMAT),
            log_filter: reader.get(&RUST_LOG),
            proxy: https.or(all).map(|proxy| proxy.but_not_to(&no_proxy)),
            redactor,
        }
    }

    /// The database, with the key that signs its log.
    pub fn database(&self) -> Database {
        Database::new(&self.database_url, self.signing_key.clone())
    }
}

impl Config {
    /// From the environment.
    ///
    /// # Errors
    /// All that is wrong.
    pub fn from(environment: &Environment) -> Result<Self, ConfigError> {
        let mut reader = Reader::new(environment);
        // All that is wrong is said at once.
        Common::read(&mut reader, Redactor::default());
        let bind_addr = reader.get_or_example(&BIND_ADDR);
        let shutdown_grace = Duration::from_secs(reader.get_or_example(&SHUTDOWN_GRACE));
        let console = console_origin(&mut reader);
        let tencent = tencent(&mut reader);
        let limits = limits(&mut reader);
        let unclear_for = unclear_for(&mut reader);
        let confirm_new_accounts = reader.get_or_example(&CONFIRM_NEW_ACCOUNTS);
        let slack = slack(&mut reader);
        let discord = discord(&mut reader);
        let is_about_chat = reader.has_problem("SLACK_") || reader.has_problem("DISCORD_");
        if slack.is_none() && discord.is_none() && !is_about_chat {
            reader.problem(
                "SLACK_SIGNING_SECRET",
                "is not set, so there is no chat to take commands from, and neither SLACK_APP_TOKEN nor DISCORD_PUBLIC_KEY is",
            );
        }
        reader.end(tencent.map(|tencent| Self {
            bind_addr,
            shutdown_grace,
            tencent,
            limits,
            unclear_for,
            confirm_new_accounts,
            console,
            slack,
            discord,
        }))
    }
}

/// The settings for Discord alone, for commands that need neither a database nor Tencent.
///
/// # Errors
/// All that is wrong.
pub fn discord_settings(environment: &Environment) -> Result<discord::Settings, ConfigError> {
    let mut reader = Reader::new(environment);
    let settings = discord(&mut reader);
    if !reader.is_set(&DISCORD_BOT_TOKEN) {
        reader.problem("DISCORD_BOT_TOKEN", "is not set, and commands are registered in the bot's name");
    }
    reader.end(settings)
}

/// What the settings say of groups and workspaces, for commands on the ACL.
pub fn known(environment: &Environment) -> Known {
    let mut reader = Reader::new(environment);
    Known {
        looks_up_groups: reader.is_set(&SLACK_BOT_TOKEN),
        served_teams: reader.list(&SLACK_TEAM_IDS),
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

/// The address at which browsers reach the console, for commands that make a link to it.
///
/// # Errors
/// When it is set to something else.
pub fn console(environment: &Environment) -> Result<Option<String>, ConfigError> {
    let mut reader = Reader::new(environment);
    let origin = console_origin(&mut reader);
    reader.end(Some(origin))
}

fn console_origin(reader: &mut Reader<'_>) -> Option<String> {
    reader.get(&PUBLIC_URL).map(|url| url.as_str().trim_end_matches('/').to_owned())
}

/// The service of one command at the command line, which has no load limits.
///
/// # Errors
/// When a variable that is set cannot be used.
pub fn local_service(environment: &Environment) -> Result<ServiceConfig, ConfigError> {
    let mut reader = Reader::new(environment);
    let timing = Timing { unclear_for: unclear_for(&mut reader), ..Timing::default() };
    let confirm_new_accounts = reader.get_or_example(&CONFIRM_NEW_ACCOUNTS);
    let console = console_origin(&mut reader);
    reader.end(Some(ServiceConfig { timing, confirm_new_accounts, console, ..ServiceConfig::default() }))
}

fn unclear_for(reader: &mut Reader<'_>) -> Duration {
    Duration::from_secs(reader.get_or_example(&TENCENT_UNCLEAR_SECONDS))
}

fn tencent(reader: &mut Reader<'_>) -> Option<tencent::Settings> {
    let sdk_app_id = reader.required(&TENCENT_SDK_APP_ID);
    let admin_user_id = reader.required(&TENCENT_ADMIN_USER_ID);
    let secret_key = reader.required(&TENCENT_SECRET_KEY);
    // A typo in the region is said even while the URL stands in for it.
    let region = reader.get(&TENCENT_REGION);
    let base_url = reader.get(&TENCENT_API_BASE_URL);
    if !reader.is_set(&TENCENT_REGION) && !reader.is_set(&TENCENT_API_BASE_URL) {
        reader.problem("TENCENT_REGION", "is not set, and neither is TENCENT_API_BASE_URL");
    }
    let rate_limit = reader.get_or_example(&TENCENT_RATE_LIMIT);
    let callback_token = reader.get(&TENCENT_CALLBACK_TOKEN);
    let accounts = reader.get_or_example(&TENCENT_ACCOUNTS);
    Some(tencent::Settings {
        base_url: base_url.or(region)?,
        sdk_app_id: sdk_app_id?,
        admin_user_id: admin_user_id?,
        secret_key: secret_key?,
        rate_limit,
        callback_token,
        accounts,
    })
}

fn limits(reader: &mut Reader<'_>) -> Limits {
    let at_once: usize = reader.get_or_example(&COMMANDS_AT_ONCE);
    Limits {
        per_person: reader.get_or_example(&COMMANDS_PER_PERSON),
        per_room: reader.get_or_example(&COMMANDS_PER_ROOM),
        at_once,
        waiting: at_once * 4,
        ..Limits::default()
    }
}

fn slack(reader: &mut Reader<'_>) -> Option<slack::Settings> {
    let is_on = reader.is_set(&SLACK_SIGNING_SECRET) || reader.is_set(&SLACK_APP_TOKEN);
    if !is_on && let Some(set) = reader.first_set("SLACK_") {
        let what = format!("is not set, and neither is SLACK_APP_TOKEN, but {set} is");
        reader.problem("SLACK_SIGNING_SECRET", what);
    }
    let app_token = reader.get(&SLACK_APP_TOKEN);
    let base_url: Url = reader.get_or(&SLACK_API_BASE_URL, slack::API);
    let token = reader.get(&SLACK_BOT_TOKEN);
    // The others are looked at without a secret too: all that is wrong is said at once.
    let settings = slack::Settings {
        socket: app_token.map(|app_token| slack::socket::Settings {
            app_token,
            api_base_url: base_url.clone(),
            timing: slack::socket::Timing::default(),
        }),
        signing_secrets: reader.list(&SLACK_SIGNING_SECRET),
        app_id: reader.get(&SLACK_APP_ID),
        team_ids: reader.list(&SLACK_TEAM_IDS),
        command: reader.get_or(&COMMAND_PREFIX, ""),
        private_replies: reader.get_or_example(&REPLY_VISIBILITY),
        response_url_hosts: reader.list(&SLACK_RESPONSE_URL_HOSTS),
        groups: token.map(|token| slack::Lookup {
            token,
            base_url,
            intervals: slack::RefreshIntervals::default(),
        }),
    };
    (settings.socket.is_some() || !settings.signing_secrets.is_empty()).then_some(settings)
}

fn discord(reader: &mut Reader<'_>) -> Option<discord::Settings> {
    let is_on = reader.is_set(&DISCORD_PUBLIC_KEY) || reader.is_set(&DISCORD_BOT_TOKEN);
    if !is_on && let Some(set) = reader.first_set("DISCORD_") {
        let what = format!("is not set, and neither is DISCORD_BOT_TOKEN, but {set} is");
        reader.problem("DISCORD_PUBLIC_KEY", what);
    }
    let settings = discord::Settings {
        public_key: reader.get(&DISCORD_PUBLIC_KEY),
        bot_token: reader.get(&DISCORD_BOT_TOKEN),
        application_id: reader.get(&DISCORD_APPLICATION_ID),
        api_base_url: reader.get_or(&DISCORD_API_BASE_URL, discord::API),
        command: reader.get_or(&COMMAND_PREFIX, ""),
        private_replies: reader.get_or_example(&REPLY_VISIBILITY),
        patience: discord::Patience::default(),
    };
    is_on.then_some(settings)
}

/// The key that is made up: it opens nothing but the simulator.
const SIMULATED_KEY: &str = "simulated-key-that-opens-nothing-else";

/// The application that the simulator plays (the configured one, or a made-up one for what is not set), and the
/// accounts that it knows.
///
/// # Errors
/// When a variable that is set cannot be used.
pub fn simulated(environment: &Environment) -> Result<(simulator::Settings, Accounts), ConfigError> {
    let mut reader = Reader::new(environment);
    let settings = simulator::Settings::new(
        reader.get_or_example(&TENCENT_SDK_APP_ID),
        reader.get_or_example(&TENCENT_ADMIN_USER_ID),
        reader.get_or(&TENCENT_SECRET_KEY, SIMULATED_KEY),
    );
    let accounts = reader.get_or_example(&TENCENT_ACCOUNTS);
    reader.end(Some((settings, accounts)))
}

/// What to set so that the bot calls the simulator at `address`. A configured key is not shown.
pub fn for_the_simulator(
    settings: &simulator::Settings,
    address: SocketAddr,
) -> [(&'static str, Option<String>); 4] {
    let is_made_up = settings.secret_key.expose_secret() == SIMULATED_KEY;
    [
        (TENCENT_API_BASE_URL.variable.name, Some(format!("http://{address}"))),
        (TENCENT_SDK_APP_ID.variable.name, Some(settings.sdk_app_id.to_string())),
        (TENCENT_ADMIN_USER_ID.variable.name, Some(settings.admin.clone())),
        (TENCENT_SECRET_KEY.variable.name, is_made_up.then(|| SIMULATED_KEY.to_owned())),
    ]
}
