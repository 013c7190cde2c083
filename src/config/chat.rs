//! The chat platforms' settings. A platform is on when its settings are there.

use secrecy::SecretString;

use super::Reader;
use crate::domain::wording::CommandName;
use crate::{discord, slack};

/// What every chat platform needs.
pub(super) struct Chat {
    command: CommandName,
    private_replies: bool,
}

impl Chat {
    /// What both have in common.
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let private_replies = match reader.environment.get("REPLY_VISIBILITY") {
            None | Some("channel") => false,
            Some("private") => true,
            Some(other) => {
                let what = format!("{} is neither `channel` nor `private`", reader.shown(other));
                reader.problem("REPLY_VISIBILITY", what);
                true
            }
        };
        Self { command: command_name(reader), private_replies }
    }

    pub(super) fn slack(&self, reader: &mut Reader<'_>) -> Option<slack::Settings> {
        const ALSO: [&str; 5] = [
            "SLACK_APP_ID",
            "SLACK_TEAM_IDS",
            "SLACK_RESPONSE_URL_HOSTS",
            "SLACK_BOT_TOKEN",
            "SLACK_API_BASE_URL",
        ];
        let secrets = reader.list("SLACK_SIGNING_SECRET");
        if secrets.is_empty()
            && let Some(set) = ALSO.iter().find(|name| reader.environment.get(name).is_some())
        {
            reader.problem("SLACK_SIGNING_SECRET", format!("is not set, but {set} is"));
        }
        if secrets.iter().any(|secret| secret.chars().any(char::is_whitespace)) {
            reader.problem("SLACK_SIGNING_SECRET", "holds a space: separate secrets by commas");
        }
        reader.check_length("SLACK_SIGNING_SECRET", "copy the whole secret from the app's Basic Information");
        // The others are looked at without a secret too: all that is wrong is said at once.
        let signing_secrets: Vec<_> = secrets.into_iter().map(SecretString::from).collect();
        let app_id = reader.environment.get("SLACK_APP_ID");
        if let Some(id) = app_id
            && !is_slack_id(id, &['A'])
        {
            let form = "`A` and capital letters and digits behind it";
            reader.problem("SLACK_APP_ID", format!("{} is not the id of an app: {form}", reader.shown(id)));
        }
        let team_ids = reader.list("SLACK_TEAM_IDS");
        for (number, _) in (1..).zip(&team_ids).filter(|(_, id)| !is_slack_id(id, &['T', 'E'])) {
            let form = "`T`, or `E` of an organisation, and capital letters and digits behind it";
            let what = format!("its entry {number} is not the id of a workspace: {form}");
            reader.problem("SLACK_TEAM_IDS", what);
        }
        let mut response_url_hosts = Vec::new();
        for (number, host) in (1..).zip(reader.list("SLACK_RESPONSE_URL_HOSTS")) {
            match host.parse() {
                Ok(host) => response_url_hosts.push(host),
                Err(error) => {
                    let error: slack::InvalidHost = error;
                    reader.problem("SLACK_RESPONSE_URL_HOSTS", format!("its entry {number} {error}"));
                }
            }
        }
        let groups = slack_groups(reader)?;
        (!signing_secrets.is_empty()).then(|| slack::Settings {
            signing_secrets,
            app_id: app_id.map(str::to_owned),
            team_ids: team_ids.into_iter().map(str::to_owned).collect(),
            command: self.command.clone(),
            private_replies: self.private_replies,
            response_url_hosts,
            groups,
        })
    }

    pub(super) fn discord(&self, reader: &mut Reader<'_>) -> Option<discord::Settings> {
        let environment = reader.environment;
        let public_key = environment.get("DISCORD_PUBLIC_KEY");
        let bot_token = environment.get("DISCORD_BOT_TOKEN");
        let is_on = public_key.is_some() || bot_token.is_some();
        if !is_on {
            const ALSO: [&str; 2] = ["DISCORD_APPLICATION_ID", "DISCORD_API_BASE_URL"];
            if let Some(set) = ALSO.iter().find(|name| environment.get(name).is_some()) {
                let what = format!("is not set, and neither is DISCORD_BOT_TOKEN, but {set} is");
                reader.problem("DISCORD_PUBLIC_KEY", what);
            }
        }
        let public_key = public_key.and_then(|text| {
            let key = text.parse::<discord::PublicKey>();
            key.map_err(|error| reader.problem("DISCORD_PUBLIC_KEY", error.to_string())).ok()
        });
        if bot_token.is_some_and(|token| !token.bytes().all(|b| b.is_ascii_graphic()) || token.contains(','))
        {
            reader.problem("DISCORD_BOT_TOKEN", "holds more than a token: copy it alone, without `Bot `");
        }
        reader.check_length("DISCORD_BOT_TOKEN", "copy the whole token from the app's Bot page");
        let application_id = environment.get("DISCORD_APPLICATION_ID");
        if let Some(id) = application_id
            && !(id.len() <= 20 && id.bytes().all(|b| b.is_ascii_digit()))
        {
            let what = format!("{} is not a number of at most 20 digits", reader.shown(id));
            reader.problem("DISCORD_APPLICATION_ID", what);
        }
        let api_base_url = environment.get("DISCORD_API_BASE_URL").unwrap_or(discord::API);
        let api_base_url = reader.api("DISCORD_API_BASE_URL", api_base_url, "Discord", "token")?;
        is_on.then(|| discord::Settings {
            public_key,
            bot_token: bot_token.map(SecretString::from),
            application_id: application_id.map(str::to_owned),
            api_base_url,
            command: self.command.clone(),
            private_replies: self.private_replies,
            patience: discord::Patience::default(),
        })
    }
}

/// Slack's ids begin with a letter for what they are of; with another one, nobody would ever be served.
fn is_slack_id(id: &str, kinds: &[char]) -> bool {
    let rest = id.strip_prefix(kinds).unwrap_or_default();
    (1..=32).contains(&rest.len()) && rest.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
}

/// The outer `None` is for settings that cannot be used.
fn slack_groups(reader: &mut Reader<'_>) -> Option<Option<slack::Lookup>> {
    let base_url = reader.environment.get("SLACK_API_BASE_URL").unwrap_or(slack::API);
    let base_url = reader.api("SLACK_API_BASE_URL", base_url, "Slack", "token")?;
    let Some(token) = reader.environment.get("SLACK_BOT_TOKEN") else { return Some(None) };
    if !token.bytes().all(|b| b.is_ascii_graphic()) || token.contains(',') {
        reader.problem("SLACK_BOT_TOKEN", "holds more than a token: copy the Bot User OAuth Token alone");
    }
    if token.starts_with("xapp-") || token.starts_with("xoxp-") {
        reader.problem("SLACK_BOT_TOKEN", "is another kind of token: the bot's begins with `xoxb-`");
    }
    reader.check_length("SLACK_BOT_TOKEN", "copy the whole Bot User OAuth Token");
    Some(Some(slack::Lookup { token: SecretString::from(token), base_url, pace: slack::Pace::default() }))
}

/// Slack's names have 32 characters at most, slash included; Discord's 32 of lowercase letters, digits,
/// `-` and `_`.
fn command_name(reader: &mut Reader<'_>) -> CommandName {
    let prefix = reader.environment.get("COMMAND_PREFIX").unwrap_or_default();
    let name = CommandName::slash(prefix);
    let plain =
        prefix.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_'));
    if !plain || name.0.len() > 32 {
        let what =
            format!("{} is not at most 20 lowercase letters, digits, `-` and `_`", reader.shown(prefix));
        reader.problem("COMMAND_PREFIX", what);
    }
    name
}

#[cfg(test)]
mod tests {
    use crate::config::{Config, Environment};

    const TENCENT: [(&str, &str); 4] = [
        ("TENCENT_SDK_APP_ID", "1400000000"),
        ("TENCENT_ADMIN_USER_ID", "administrator"),
        ("TENCENT_SECRET_KEY", "key-of-the-app"),
        ("TENCENT_REGION", "singapore"),
    ];

    #[test]
    fn discord_is_on_by_its_key_or_its_token() {
        const KEY: (&str, &str) =
            ("DISCORD_PUBLIC_KEY", "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
        let only = |more: &[(&'static str, &'static str)]| {
            let environment = Environment::of(TENCENT.iter().chain(more).copied());
            Config::from(&environment).map_err(|error| error.to_string())
        };
        let config = only(&[KEY]).unwrap();
        assert!(config.slack.is_none() && config.discord.unwrap().public_key.is_some());
        let config = only(&[("DISCORD_BOT_TOKEN", "the-token"), ("COMMAND_PREFIX", "x-")]).unwrap();
        assert_eq!(config.discord.unwrap().command.0, "/x-room-owner");
        let api = ("DISCORD_API_BASE_URL", "http://127.0.0.1:9200/api/v10");
        let config = only(&[KEY, api, ("SLACK_SIGNING_SECRET", "the-secret")]).unwrap();
        assert!(config.slack.is_some() && config.discord.is_some());

        for (settings, problem) in [
            (
                &[("DISCORD_APPLICATION_ID", "1")][..],
                "neither is DISCORD_BOT_TOKEN, but DISCORD_APPLICATION_ID is",
            ),
            (
                &[("DISCORD_PUBLIC_KEY", "token.of.the.bot")],
                "DISCORD_PUBLIC_KEY: is not 64 hexadecimal digits",
            ),
            (&[("DISCORD_PUBLIC_KEY", WEAK)], "is a weak key"),
            (&[KEY, ("DISCORD_APPLICATION_ID", "room-owner")], "what is set is not a number"),
            (&[KEY, ("DISCORD_API_BASE_URL", "http://discord.example")], "in the clear"),
            (&[KEY, ("DISCORD_BOT_TOKEN", "Bot hush")], "DISCORD_BOT_TOKEN: holds more than a token"),
            (&[], "no chat to take commands from, and no DISCORD_PUBLIC_KEY either"),
        ] {
            let error = only(settings).unwrap_err();
            assert!(error.contains(problem), "{problem} in {error}");
            assert!(!error.contains("hush") && !error.contains("token.of"), "{error}");
        }
    }

    #[test]
    fn user_groups_are_looked_up_with_a_token_and_the_token_goes_to_no_other_machine_in_the_clear() {
        let with = |more: &[(&'static str, &'static str)]| {
            let slack = ("SLACK_SIGNING_SECRET", "the-secret");
            let environment = Environment::of(TENCENT.iter().chain([&slack]).chain(more).copied());
            Config::from(&environment).map_err(|error| error.to_string())
        };
        assert!(with(&[]).unwrap().slack.unwrap().groups.is_none());
        let lookup = with(&[("SLACK_BOT_TOKEN", "xoxb-1234")]).unwrap().slack.unwrap().groups.unwrap();
        assert_eq!(lookup.base_url.as_str(), "https://slack.com/api");
        for (settings, problem) in [
            (&[("SLACK_BOT_TOKEN", "xoxb-hush hush")][..], "SLACK_BOT_TOKEN: holds more than a token"),
            (&[("SLACK_BOT_TOKEN", "xapp-hush")], "SLACK_BOT_TOKEN: is another kind of token"),
            (&[("SLACK_API_BASE_URL", "http://slack.example/api")], "in the clear"),
            (&[("SLACK_API_BASE_URL", "https://u:hush@slack.example/api")], "which Slack does not take"),
            (&[("TENCENT_CALLBACK_TOKEN", "hush hush")], "TENCENT_CALLBACK_TOKEN: is not 8 to 128"),
        ] {
            let error = with(settings).unwrap_err();
            assert!(error.contains(problem), "{problem} in {error}");
            assert!(!error.contains("hush"), "{error}");
        }
        let environment = Environment::of(TENCENT.into_iter().chain([("SLACK_BOT_TOKEN", "xoxb-1234")]));
        let error = Config::from(&environment).unwrap_err().to_string();
        assert!(error.contains("SLACK_SIGNING_SECRET: is not set, but SLACK_BOT_TOKEN is"), "{error}");
    }

    #[test]
    fn ids_that_no_request_can_have_are_refused_all_at_once() {
        let with = |more: &[(&'static str, &'static str)]| {
            let environment = Environment::of(TENCENT.iter().chain(more).copied());
            Config::from(&environment).map_err(|error| error.to_string())
        };
        let good = [
            ("SLACK_SIGNING_SECRET", "the-secret"),
            ("SLACK_APP_ID", "A0123456789"),
            ("SLACK_TEAM_IDS", "T0123456789, E01ABCDEF"),
        ];
        assert_eq!(with(&good).unwrap().slack.unwrap().team_ids, ["T0123456789", "E01ABCDEF"]);
        let error = with(&[
            ("SLACK_APP_ID", "!!"),
            ("SLACK_TEAM_IDS", "foo,T0123456789,t0123456789,U0123456789"),
            ("SLACK_RESPONSE_URL_HOSTS", "a b"),
            ("DISCORD_APPLICATION_ID", "room-owner"),
        ])
        .unwrap_err();
        for part in [
            "SLACK_SIGNING_SECRET: is not set, but SLACK_APP_ID is",
            "SLACK_APP_ID: `!!` is not the id of an app",
            "SLACK_TEAM_IDS: its entry 1 is not the id of a workspace",
            "SLACK_TEAM_IDS: its entry 3 is not",
            "SLACK_TEAM_IDS: its entry 4 is not",
            "SLACK_RESPONSE_URL_HOSTS: its entry 1 is not a host",
            "DISCORD_PUBLIC_KEY: is not set, and neither is DISCORD_BOT_TOKEN, but DISCORD_APPLICATION_ID is",
            "DISCORD_APPLICATION_ID: what is set is not a number",
        ] {
            assert!(error.contains(part), "{part} in {error}");
        }
        assert!(!error.contains("its entry 2"), "{error}");
        // Next to each other on Slack's page, they are easily taken for each other.
        let error = with(&[good[0], ("SLACK_APP_ID", "8f742231b10e8888abcd99yyyzzz85a5")]).unwrap_err();
        assert!(error.contains("SLACK_APP_ID: what is set is not") && !error.contains("8f742231"), "{error}");
    }

    const WEAK: &str = "0100000000000000000000000000000000000000000000000000000000000000";
}
