//! Every setting: its name, an example and its meaning.

/// A setting, as `.env.example` and the README show it.
#[derive(Debug, Clone, Copy)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// A value that works, or shows the form.
    pub example: &'static str,
    /// What it means.
    pub meaning: &'static str,
    /// Whether nobody may read it.
    pub is_secret: bool,
}

/// It has the form of a key, and signs nothing: it is refused.
pub(super) const EXAMPLE_KEY: &str =
    "PRIVATE+KEY+room-owner/example+71f20284+AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

const fn variable(name: &'static str, example: &'static str, meaning: &'static str) -> Variable {
    Variable { name, example, meaning, is_secret: false }
}

const fn secret(name: &'static str, example: &'static str, meaning: &'static str) -> Variable {
    Variable { name, example, meaning, is_secret: true }
}

/// Every variable that is read.
pub const VARIABLES: &[Variable] = &[
    variable("DATABASE_URL", "sqlite://room-owner.db", "the SQLite file with the ACL and the audit log"),
    secret(
        "AUDIT_SIGNING_KEY",
        EXAMPLE_KEY,
        "the key that signs the audit log's heads, as room-owner audit key --new prints it",
    ),
    variable("BIND_ADDR", "127.0.0.1:8080", "the address to listen on"),
    variable("TENCENT_SDK_APP_ID", "1400000000", "the application, from Tencent's console"),
    variable("TENCENT_ADMIN_USER_ID", "administrator", "an app admin's UserID, from Tencent's console"),
    secret(
        "TENCENT_SECRET_KEY",
        "5bd2850fff3ecb11d7c805251c51ee463a25727bddc2385f3fa8bfee1bb93b5e",
        "the application's secret key",
    ),
    variable("TENCENT_REGION", "singapore", "china, singapore, usa, indonesia, korea, japan or germany"),
    variable(
        "TENCENT_API_BASE_URL",
        "http://127.0.0.1:9000",
        "instead of a region: scheme, host and port; plain http for loopback only",
    ),
    variable("TENCENT_RATE_LIMIT", "200", "calls a second for each API, never more"),
    variable(
        "TENCENT_ACCOUNTS",
        "tencent",
        "tencent: rooms go to accounts of letters, digits, - and _, as Tencent documents them; any: to all others too",
    ),
    variable(
        "TENCENT_UNCLEAR_SECONDS",
        "60",
        "how long after its call was cut a change may still come true: until then nobody says that it did not happen",
    ),
    secret(
        "TENCENT_CALLBACK_TOKEN",
        "kdjsgjdskgjwejsdkkjgkjfklgjdfkjh",
        "what Tencent signs its callbacks with: 8 to 128 characters of your own choice",
    ),
    secret(
        "SLACK_SIGNING_SECRET",
        "8f742231b10e8888abcd99yyyzzz85a5",
        "from the app's Basic Information; several, separated by commas, while it is being changed",
    ),
    variable("SLACK_APP_ID", "A0123456789", "take commands of this app only"),
    variable("SLACK_TEAM_IDS", "T0123456789", "take commands of these workspaces only, separated by commas"),
    secret(
        "SLACK_BOT_TOKEN",
        "the-bot-user-oauth-token",
        "from the app's OAuth & Permissions, scopes usergroups:read and chat:write: looks up user groups that have roles, and says what could not be answered in time",
    ),
    variable(
        "SLACK_API_BASE_URL",
        "http://127.0.0.1:9300/api",
        "instead of Slack's own Web API; plain http for loopback only",
    ),
    variable(
        "SLACK_RESPONSE_URL_HOSTS",
        "127.0.0.1:9100",
        "more hosts that late answers may go to; Slack's own are known",
    ),
    variable(
        "DISCORD_PUBLIC_KEY",
        "efeacba63a238dda5383e7229b6fc6f516621e0ed0f33fbdf22243b8100ceed3",
        "from the app's General Information: takes commands over HTTP, at /discord/interactions",
    ),
    secret(
        "DISCORD_BOT_TOKEN",
        "the-token-of-the-bot",
        "from the app's Bot page: registers commands; without DISCORD_PUBLIC_KEY, takes them over the gateway; says what could not be answered in time",
    ),
    variable("DISCORD_APPLICATION_ID", "1100000000000000000", "take commands of this application only"),
    variable(
        "DISCORD_API_BASE_URL",
        "http://127.0.0.1:9200/api/v10",
        "instead of Discord's own API; plain http for loopback only",
    ),
    variable("COMMANDS_PER_PERSON", "60", "a minute, from one person; 0 for any number"),
    variable("COMMANDS_PER_ROOM", "60", "a minute, about one room, permitted ones; 0 for any number"),
    variable("COMMANDS_AT_ONCE", "256", "how many are worked on at a time; four times as many wait"),
    variable("COMMAND_PREFIX", "staging-", "put before the name of the command: /staging-room-owner"),
    variable(
        "REPLY_VISIBILITY",
        "channel",
        "channel: everybody sees an executed change; private: only the caller",
    ),
    variable("LOG_FORMAT", "text", "text or json, on stderr"),
    variable("RUST_LOG", "info", "which log lines: info, debug, room_owner=debug, ..."),
];
