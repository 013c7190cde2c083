//! The environment, and `.env`, as settings. Only this module reads them.
//!
//! Every setting is a row of the table below. A platform is on when its settings are there and off when none is.
//! Everything that is wrong is said at once, with the variable's name and an example.

mod environment;
mod kinds;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::time::Duration;

use reqwest::Url;
use secrecy::{ExposeSecret as _, SecretString};

use crate::app::limits::Limits;
use crate::app::ports::Known;
use crate::domain::room::Accounts;
use crate::domain::wording::CommandName;
use crate::redact::Redactor;
use crate::store::Database;
use crate::tencent::callbacks::check_token;
use crate::tencent::simulator;
use crate::{discord, slack, tencent};
use environment::{Read, Reader};

pub use environment::{ConfigError, Environment};

/// What the world knows of a setting: `.env.example` and the README show it.
#[derive(Debug, Clone, Copy)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// A value that works, or shows the form.
    pub example: &'static str,
    /// What it means.
    pub meaning: &'static str,
    /// What holds when it is not set.
    pub unset: &'static str,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Open,
    /// Nobody may read it.
    Secret,
    /// A list of such, separated by commas.
    Secrets,
}

/// A row of the table.
struct Setting<T> {
    variable: Variable,
    read: fn(&str) -> Read<T>,
}

/// Without it, the example is the value.
const AS_EXAMPLE: &str = "as the example";

macro_rules! settings {
    ($($kind:ident $name:ident: $type:ty = $read:expr; $example:expr, $meaning:expr, $unset:expr;)*) => {
        $(const $name: Setting<$type> = Setting {
            variable: Variable {
                name: stringify!($name),
                example: $example,
                meaning: $meaning,
                unset: $unset,
                kind: Kind::$kind,
            },
            read: $read,
        };)*

        /// Every variable that is read.
        pub const VARIABLES: &[Variable] = &[$($name.variable),*];
    };
}

// Whether it is secret, its name, what it becomes and how; an example, its meaning, and what holds without it.
settings! {
    Open DATABASE_URL: String = kinds::database;
        "sqlite://room-owner.db", "the SQLite file with the ACL and the audit log", AS_EXAMPLE;
    Secret AUDIT_SIGNING_KEY: SecretString = kinds::signing_key;
        kinds::EXAMPLE_KEY,
        "the key that signs the audit log's heads, as room-owner audit key --new prints it",
        "the key in `room-owner.db.key`, which is made at the first start";
    Open BIND_ADDR: SocketAddr = |text| text.parse().map_err(|_| "is not an address and a port".to_owned());
        "127.0.0.1:8080", "the address to listen on", AS_EXAMPLE;
    Open TENCENT_SDK_APP_ID: u32 = |text| kinds::number(text, 1..=u32::MAX, "the number of an application");
        "1400000000", "the application, from Tencent's console", "required";
    Open TENCENT_ADMIN_USER_ID: String = kinds::user_id;
        "administrator", "an app admin's UserID, from Tencent's console", "required";
    Secret TENCENT_SECRET_KEY: SecretString =
        |text| kinds::secret(text, "a key", "copy the whole key from Tencent's console");
        "5bd2850fff3ecb11d7c805251c51ee463a25727bddc2385f3fa8bfee1bb93b5e",
        "the application's secret key",
        "required";
    Open TENCENT_REGION: Url = kinds::region;
        "singapore", "china, singapore, usa, indonesia, korea, japan or germany", "required, or the next";
    Open TENCENT_API_BASE_URL: Url = kinds::tencent_api;
        "http://127.0.0.1:9000",
        "instead of a region: scheme, host and port; plain http for loopback only",
        "the region's; if both are set, this one counts";
    Open TENCENT_RATE_LIMIT: u32 =
        |text| kinds::number(text, 1..=u32::MAX, "a number of calls a second, at least 1");
        "200", "calls a second for each API, never more", AS_EXAMPLE;
    Open TENCENT_ACCOUNTS: Accounts =
        |text| kinds::one_of(text, [("tencent", Accounts::Tencent), ("any", Accounts::Any)]);
        "tencent",
        "tencent: rooms go to accounts of letters, digits, - and _, as Tencent documents them; any: to all others too",
        AS_EXAMPLE;
    Open TENCENT_UNCLEAR_SECONDS: u64 =
        |text| kinds::number(text, 1..=3_600, "a number of seconds from 1 to 3600");
        "60",
        "how long after its call was cut a change may still come true: until then nobody says that it did not happen",
        AS_EXAMPLE;
    Secret TENCENT_CALLBACK_TOKEN: SecretString =
        |text| check_token(text).map_err(str::to_owned).map(|()| text.into());
        "kdjsgjdskgjwejsdkkjgkjfklgjdfkjh",
        "what Tencent signs its callbacks with: 8 to 128 characters of your own choice",
        "callbacks count for nothing until the owner is read back";
    Secrets SLACK_SIGNING_SECRET: SecretString =
        |text| kinds::secret(text, "a secret", "copy the whole secret from the app's Basic Information");
        "8f742231b10e8888abcd99yyyzzz85a5",
        "from the app's Basic Information; several, separated by commas, while it is being changed",
        "`serve` needs it, or Discord's key";
    Open SLACK_APP_ID: String = |text| kinds::slack_id(text, &['A'], "an app: `A`");
        "A0123456789", "take commands of this app only", "every app that knows the secret";
    Open SLACK_TEAM_IDS: String =
        |text| kinds::slack_id(text, &['T', 'E'], "a workspace: `T`, or `E` of an organisation");
        "T0123456789", "take commands of these workspaces only, separated by commas", "every workspace";
    Secret SLACK_BOT_TOKEN: SecretString = kinds::slack_token;
        "the-bot-user-oauth-token",
        "from the app's OAuth & Permissions, scopes usergroups:read and chat:write: looks up user groups that have roles, and says what could not be answered in time",
        "roles of user groups count for nobody, and an answer that is lost is in the log alone";
    Open SLACK_API_BASE_URL: Url = |text| kinds::api(text, "Slack", "token");
        "http://127.0.0.1:9300/api",
        "instead of Slack's own Web API; plain http for loopback only",
        "Slack's";
    Open SLACK_RESPONSE_URL_HOSTS: slack::AllowedHost = kinds::parsed;
        "127.0.0.1:9100", "more hosts that late answers may go to; Slack's own are known", "Slack's alone";
    Open DISCORD_PUBLIC_KEY: discord::PublicKey = kinds::parsed;
        "efeacba63a238dda5383e7229b6fc6f516621e0ed0f33fbdf22243b8100ceed3",
        "from the app's General Information: takes commands over HTTP, at /discord/interactions",
        "`serve` needs it, or Slack's secret";
    Secret DISCORD_BOT_TOKEN: SecretString =
        |text| kinds::secret(text, "a token", "copy the whole token from the app's Bot page");
        "the-token-of-the-bot",
        "from the app's Bot page: registers commands; without DISCORD_PUBLIC_KEY, takes them over the gateway; says what could not be answered in time",
        "an outcome that Discord does not take is in the log alone";
    Open DISCORD_APPLICATION_ID: String = kinds::discord_id;
        "1100000000000000000", "take commands of this application only", "the one with that key";
    Open DISCORD_API_BASE_URL: Url = |text| kinds::api(text, "Discord", "token");
        "http://127.0.0.1:9200/api/v10",
        "instead of Discord's own API; plain http for loopback only",
        "Discord's";
    Open COMMANDS_PER_PERSON: Option<u32> = kinds::per_minute;
        "60", "a minute, from one person; 0 for any number", AS_EXAMPLE;
    Open COMMANDS_PER_ROOM: Option<u32> = kinds::per_minute;
        "60", "a minute, about one room, permitted ones; 0 for any number", AS_EXAMPLE;
    Open COMMANDS_AT_ONCE: usize =
        |text| kinds::number(text, 1..=usize::MAX / 4, "a number of commands, at least 1");
        "256", "how many are worked on at a time; four times as many wait", AS_EXAMPLE;
    Open COMMAND_PREFIX: CommandName = kinds::prefix;
        "staging-", "put before the name of the command: /staging-room-owner", "no prefix";
    Open REPLY_VISIBILITY: bool = |text| kinds::one_of(text, [("channel", false), ("private", true)]);
        "channel", "channel: everybody sees an executed change; private: only the caller", AS_EXAMPLE;
    Open LOG_FORMAT: LogFormat =
        |text| kinds::one_of(text, [("text", LogFormat::Text), ("json", LogFormat::Json)]);
        "text", "text or json, on stderr", AS_EXAMPLE;
    Open RUST_LOG: String = kinds::log_filter;
        "info",
        "which log lines: info, debug, room_owner=debug, ...",
        "`info` for `serve` and `simulator`, else `warn`";
}

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
        Self {
            database_url: reader.get_or_example(&DATABASE_URL),
            signing_key: reader.get(&AUDIT_SIGNING_KEY),
            log_format: reader.get_or_example(&LOG_FORMAT),
            log_filter: reader.get(&RUST_LOG),
            redactor,
        }
    }

    /// The database, with the key that signs its log.
    #[must_use]
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
        let tencent = tencent(&mut reader);
        let limits = limits(&mut reader);
        let unclear_for = unclear_for(&mut reader);
        let slack = slack(&mut reader);
        let discord = discord(&mut reader);
        let is_about_chat = reader.has_problem("SLACK_") || reader.has_problem("DISCORD_");
        if slack.is_none() && discord.is_none() && !is_about_chat {
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
    let settings = discord(&mut reader);
    if !reader.is_set(&DISCORD_BOT_TOKEN) {
        reader.problem("DISCORD_BOT_TOKEN", "is not set, and commands are registered in the bot's name");
    }
    reader.end(settings)
}

/// What the settings say of groups and workspaces, for commands on the ACL.
#[must_use]
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
    if !reader.is_set(&SLACK_SIGNING_SECRET)
        && let Some(set) = reader.first_set("SLACK_")
    {
        reader.problem("SLACK_SIGNING_SECRET", format!("is not set, but {set} is"));
    }
    let base_url = reader.get_or(&SLACK_API_BASE_URL, slack::API);
    let token = reader.get(&SLACK_BOT_TOKEN);
    // The others are looked at without a secret too: all that is wrong is said at once.
    let settings = slack::Settings {
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
    (!settings.signing_secrets.is_empty()).then_some(settings)
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
#[must_use]
pub fn for_the_simulator(settings: &simulator::Settings, address: SocketAddr) -> String {
    let is_made_up = settings.secret_key.expose_secret() == SIMULATED_KEY;
    let key = if is_made_up { SIMULATED_KEY } else { "(as you have set it)" };
    format!(
        "Tencent is simulated at http://{address}. For the bot:\n  \
         TENCENT_API_BASE_URL=http://{address}\n  TENCENT_SDK_APP_ID={}\n  TENCENT_ADMIN_USER_ID={}\n  \
         TENCENT_SECRET_KEY={key}\nSee its rooms: curl http://{address}/control/state",
        settings.sdk_app_id, settings.admin
    )
}
