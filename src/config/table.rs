//! The table of settings. The program, `.env.example` and the documents read it.

use std::net::SocketAddr;

use reqwest::Url;
use secrecy::SecretString;

use super::kinds::{self, Read};
use super::{LogFormat, log_filter};
use crate::domain::room::Accounts;
use crate::domain::wording::CommandName;
use crate::http::Proxy;
use crate::tencent::callbacks::check_token;
use crate::{discord, slack};

/// What the world knows of a setting: `.env.example` and the documents show it.
#[derive(Debug, Clone, Copy)]
pub struct Variable {
    /// The heading that it stands under.
    pub section: &'static str,
    /// Its name.
    pub name: &'static str,
    /// A value that works, or shows the form.
    pub example: &'static str,
    /// What it means.
    pub meaning: &'static str,
    /// What holds when it is not set.
    pub unset: &'static str,
    pub(super) kind: Kind,
}

impl Variable {
    /// Whether nobody may read its value. `<NAME>_FILE` can name a file that holds it.
    pub fn is_secret(&self) -> bool {
        self.kind != Kind::Open
    }

    /// Whether `serve` does not start without it, or something in its place.
    pub fn is_required(&self) -> bool {
        self.unset.starts_with("required")
    }

    /// Whether its example is what holds when it is not set.
    pub fn is_example_default(&self) -> bool {
        self.unset == AS_EXAMPLE
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Open,
    /// Nobody may read it.
    Secret,
    /// A list of such, separated by commas.
    Secrets,
    /// An address that may hold a password.
    Proxy,
}

/// A row of the table.
pub(super) struct Setting<T> {
    pub(super) variable: Variable,
    pub(super) read: fn(&str) -> Read<T>,
}

/// Without it, the example is the value.
const AS_EXAMPLE: &str = "as the example";

macro_rules! settings {
    ($($section:literal { $($kind:ident $name:ident: $type:ty = $read:expr; $example:expr, $meaning:expr, $unset:expr;)* })*) => {
        $($(pub(super) const $name: Setting<$type> = Setting {
            variable: Variable {
                section: $section,
                name: stringify!($name),
                example: $example,
                meaning: $meaning,
                unset: $unset,
                kind: Kind::$kind,
            },
            read: $read,
        };)*)*

        /// Every variable that is read, section by section.
        pub const VARIABLES: &[Variable] = &[$($($name.variable),*),*];
    };
}

// Whether it is secret, its name, what it becomes and how; an example, its meaning, and what holds without it.
settings! {
"Tencent" {
    Open TENCENT_SDK_APP_ID: u32 = |text| kinds::number(text, 1..=u32::MAX, "the number of an application");
        "1400000000",
        "the application's number: console.trtc.io (or console.cloud.tencent.com/trtc), Applications, SDKAppID",
        "required";
    Open TENCENT_ADMIN_USER_ID: String = kinds::user_id;
        "administrator",
        "the UserID of an app admin: the Chat console of the same application, account management, type Admin",
        "required";
    Secret TENCENT_SECRET_KEY: SecretString =
        |text| kinds::secret(text, "a key", "copy the whole key from Tencent's console");
        "5bd2850fff3ecb11d7c805251c51ee463a25727bddc2385f3fa8bfee1bb93b5e",
        "the application's secret key, next to its SDKAppID in the console: whoever has it can do anything to every room",
        "required";
    Open TENCENT_REGION: Url = kinds::region;
        "singapore",
        "the data centre in which the application was made: china, singapore, usa, indonesia, korea, japan or germany",
        "required, or TENCENT_API_BASE_URL";
    Open TENCENT_API_BASE_URL: Url = kinds::tencent_api;
        "http://127.0.0.1:9000",
        "instead of a region: scheme, host and port, such as `room-owner simulator` prints; plain http for loopback only",
        "the region's; if both are set, this one counts";
    Secret TENCENT_CALLBACK_TOKEN: SecretString =
        |text| check_token(text).map_err(str::to_owned).map(|()| text.into());
        "kdjsgjdskgjwejsdkkjgkjfklgjdfkjh",
        "what Tencent signs its callbacks with, 8 to 128 characters of your own choice: `openssl rand -hex 32` makes one, and `room-owner tencent callbacks set <url>` tells it to Tencent",
        "callbacks count for nothing until the owner is read back";
    Open TENCENT_RATE_LIMIT: u32 =
        |text| kinds::number(text, 1..=u32::MAX, "a number of calls a second, at least 1");
        "200", "calls a second for each of Tencent's APIs, never more; Tencent documents 200", AS_EXAMPLE;
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
}
"Slack, or Discord below, or both" {
    Secrets SLACK_SIGNING_SECRET: SecretString =
        |text| kinds::secret(text, "a secret", "copy the whole secret from the app's Basic Information");
        "8f742231b10e8888abcd99yyyzzz85a5",
        "the app's signing secret: api.slack.com/apps, your app, Basic Information; while it is being changed, both, separated by a comma",
        "required, or SLACK_APP_TOKEN, DISCORD_PUBLIC_KEY or DISCORD_BOT_TOKEN";
    Secret SLACK_APP_TOKEN: SecretString = kinds::slack_app_token;
        "the-app-level-token",
        "an app-level token (xapp-...) with the scope connections:write: Basic Information, App-Level Tokens; commands then come over Socket Mode, by connections from here to Slack, and no public address or signing secret is needed",
        "commands come over HTTP, at `https://<your host>/slack/commands`";
    Open SLACK_APP_ID: String = |text| kinds::slack_id(text, &['A'], "an app: `A`");
        "A0123456789",
        "take commands of this app only: Basic Information, App ID",
        "every app that knows the secret";
    Open SLACK_TEAM_IDS: String =
        |text| kinds::slack_id(text, &['T', 'E'], "a workspace: `T`, or `E` of an organisation");
        "T0123456789",
        "take commands of these workspaces only, separated by commas: the T... in the address of Slack in a browser",
        "every workspace";
    Secret SLACK_BOT_TOKEN: SecretString = kinds::slack_token;
        "the-bot-user-oauth-token",
        "the bot's own token: OAuth & Permissions, Bot User OAuth Token (xoxb-...); with the scope usergroups:read it looks up who is in the user groups that have roles, with chat:write it says what could not be answered in time and posts announcements; it opens the form, too",
        "roles of user groups count for nobody, an answer that is lost is in the log alone, and there are no form and no announcements";
    Open SLACK_API_BASE_URL: Url = |text| kinds::api(text, "Slack", "token");
        "http://127.0.0.1:9300/api",
        "instead of Slack's own Web API: a stand-in for it; plain http for loopback only",
        "Slack's";
    Open SLACK_RESPONSE_URL_HOSTS: slack::AllowedHost = kinds::parsed;
        "127.0.0.1:9100",
        "more hosts that late answers may go to, host or host:port: a stand-in for Slack needs this",
        "Slack's alone";
}
"Discord, or Slack above, or both" {
    Open DISCORD_PUBLIC_KEY: discord::PublicKey = kinds::parsed;
        "efeacba63a238dda5383e7229b6fc6f516621e0ed0f33fbdf22243b8100ceed3",
        "the application's Public Key: discord.com/developers/applications, your application, General Information; commands then come over HTTP, at `https://<your host>/discord/interactions`",
        "commands come over the gateway, if DISCORD_BOT_TOKEN is set";
    Secret DISCORD_BOT_TOKEN: SecretString =
        |text| kinds::secret(text, "a token", "copy the whole token from the app's Bot page");
        "the-token-of-the-bot",
        "the bot's token, from the application's Bot page: registers commands, takes them over the gateway, says what could not be answered in time, and posts announcements",
        "an outcome that Discord does not take is in the log alone, and there are no announcements";
    Open DISCORD_APPLICATION_ID: String = kinds::discord_id;
        "1100000000000000000",
        "take commands of this application only: General Information, Application ID",
        "the one with that key";
    Open DISCORD_API_BASE_URL: Url = |text| kinds::api(text, "Discord", "token");
        "http://127.0.0.1:9200/api/v10",
        "instead of Discord's own API: a stand-in for it; plain http for loopback only",
        "Discord's";
}
"Commands" {
    Open COMMAND_PREFIX: CommandName = kinds::prefix;
        "staging-",
        "put before the name of the command, so that two bots can live in one workspace: /staging-room-owner",
        "no prefix";
    Open REPLY_VISIBILITY: bool = |text| kinds::one_of(text, [("channel", false), ("private", true)]);
        "channel",
        "channel: everybody in the channel sees an executed change; private: only the caller does",
        AS_EXAMPLE;
    Open CONFIRM_NEW_ACCOUNTS: bool = |text| kinds::one_of(text, [("0", false), ("1", true)]);
        "0",
        "1: a hand-over to an account that the log has never seen has to be confirmed; against mistyped ids",
        AS_EXAMPLE;
    Open COMMANDS_PER_PERSON: Option<u32> = kinds::per_minute;
        "60", "how many commands are taken in a minute from one person; 0 for any number", AS_EXAMPLE;
    Open COMMANDS_PER_ROOM: Option<u32> = kinds::per_minute;
        "60", "how many permitted commands are taken in a minute about one room; 0 for any number", AS_EXAMPLE;
    Open COMMANDS_AT_ONCE: usize =
        |text| kinds::number(text, 1..=usize::MAX / 4, "a number of commands, at least 1");
        "256", "how many commands are worked on at a time; four times as many wait, 1.5 s at the most", AS_EXAMPLE;
}
"This machine" {
    Open DATABASE_URL: String = kinds::database;
        "sqlite://room-owner.db",
        "the SQLite file with the ACL and the audit log; `room-owner serve` makes it",
        AS_EXAMPLE;
    Secret AUDIT_SIGNING_KEY: SecretString = kinds::signing_key;
        kinds::EXAMPLE_KEY,
        "the key that signs the audit log's heads, as `room-owner audit key --new` prints it",
        "the key in the file `room-owner.db.key`, which is made with the database";
    Open BIND_ADDR: SocketAddr = kinds::bind_address;
        "127.0.0.1:8080",
        "the address to listen on; a reverse proxy with TLS belongs in front of it, and in a container it is 0.0.0.0:8080",
        AS_EXAMPLE;
    Open SHUTDOWN_GRACE: u64 = |text| kinds::number(text, 0..=300, "a number of seconds from 0 to 300");
        "5",
        "for how many seconds after SIGTERM commands are still taken, while `/readyz` is 503 already",
        AS_EXAMPLE;
    Open PUBLIC_URL: Url = kinds::public_url;
        "https://rooms.example.com",
        "the https address, without a path, at which platforms and browsers reach the bot through that proxy; plain http for loopback only",
        "there is no console, `slack manifest` shows an example in its place, and `doctor` does not try the way in";
    Open LOG_FORMAT: LogFormat =
        |text| kinds::one_of(text, [("text", LogFormat::Text), ("json", LogFormat::Json)]);
        "text", "text for people or json for machines, on stderr", AS_EXAMPLE;
    Open RUST_LOG: String = log_filter::log_filter;
        "info",
        "which log lines: error, warn, info, debug, trace, off, or such as info,room_owner=debug",
        "info for `serve` and `simulator`, else warn";
    Proxy HTTPS_PROXY: Proxy = Proxy::parse;
        "http://proxy.example:3128",
        "the proxy that outgoing connections go through, by CONNECT; user:password@ before the host if it asks for them; https_proxy, ALL_PROXY and all_proxy count too",
        "outgoing connections are direct";
    Proxy ALL_PROXY: Proxy = Proxy::parse;
        "http://proxy.example:3128", "the same, if HTTPS_PROXY is not set", "outgoing connections are direct";
    Open NO_PROXY: String = |text| Ok(text.to_owned());
        "internal.example,10.0.0.0/8",
        "hosts that are reached without the proxy, separated by commas, their subdomains too; loopback addresses always are; no_proxy counts too",
        "none but loopback addresses";
}
}
