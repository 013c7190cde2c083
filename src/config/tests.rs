//! What is taken and what is refused, and with which words.

mod sources;

use super::*;

const GOOD: [(&str, &str); 5] = [
    ("TENCENT_SDK_APP_ID", "1400000000"),
    ("TENCENT_ADMIN_USER_ID", "administrator"),
    ("TENCENT_SECRET_KEY", "key-of-the-app"),
    ("TENCENT_REGION", "singapore"),
    ("SLACK_SIGNING_SECRET", "old-secret, new-secret"),
];

fn with(more: &[(&'static str, &'static str)]) -> Result<Config, String> {
    let environment = Environment::of(GOOD.iter().chain(more).copied());
    Config::from(&environment).map_err(|error| error.to_string())
}

#[test]
fn good_settings_are_taken() {
    let config = with(&[]).unwrap();
    assert_eq!(config.tencent.base_url.as_str(), "https://adminapisgp.im.qcloud.com/");
    assert_eq!(config.bind_addr.port(), 8080);
    assert_eq!(config.slack.unwrap().signing_secrets.len(), 2);
    let config = with(&[("TENCENT_API_BASE_URL", "http://[::1]:9000/"), ("COMMAND_PREFIX", "x-")]).unwrap();
    assert_eq!(config.tencent.base_url.as_str(), "http://[::1]:9000/");
    assert_eq!(config.slack.unwrap().command.0, "/x-room-owner");
}

#[test]
fn where_the_example_is_what_holds_it_can_be_read() {
    // `get_or_example` would panic, and the limits of the use cases are those of the table.
    let config = with(&[]).unwrap();
    assert_eq!(config.limits, Limits::default());
    let common = Common::from(&Environment::default()).unwrap();
    assert_eq!(
        (common.database_url.as_str(), common.log_format),
        ("sqlite://room-owner.db", LogFormat::default())
    );
    let (_, accounts) = simulated(&Environment::default()).unwrap();
    assert_eq!((config.tencent.accounts, accounts), Default::default());
}

#[test]
fn with_the_apps_token_slack_needs_no_signing_secret() {
    let with = |more: &[(&'static str, &'static str)]| {
        let settings = GOOD.iter().copied().filter(|(name, _)| *name != "SLACK_SIGNING_SECRET");
        let environment = Environment::of(settings.chain(more.iter().copied()));
        Config::from(&environment).map_err(|error| error.to_string())
    };
    let slack = with(&[("SLACK_APP_TOKEN", "xapp-1-A1-2-hush")]).unwrap().slack.unwrap();
    assert!(slack.signing_secrets.is_empty());
    assert!(!format!("{slack:?}").contains("hush") && slack.secrets().count() == 1);
    assert_eq!(slack.socket.unwrap().api_base_url.as_str(), "https://slack.com/api");
    for (token, problem) in [
        ("xoxb-1-hush", "SLACK_APP_TOKEN: is another kind of token: an app-level one begins with `xapp-`"),
        ("xapp-1 hush", "SLACK_APP_TOKEN: holds more than a token"),
    ] {
        let error = with(&[("SLACK_APP_TOKEN", token)]).unwrap_err();
        assert!(error.contains(problem) && !error.contains("hush"), "{error}");
    }
}

#[test]
fn what_is_wrong_is_said_all_at_once_with_an_example() {
    let error = Config::from(&Environment::of([("TENCENT_SDK_APP_ID", "my app")])).unwrap_err().to_string();
    for part in [
        "TENCENT_SDK_APP_ID: `my app` is not the number of an application",
        "for example `TENCENT_SDK_APP_ID=1400000000`",
        "TENCENT_SECRET_KEY: is not set",
        "TENCENT_REGION: is not set",
        "SLACK_SIGNING_SECRET: is not set, so there is no chat",
    ] {
        assert!(error.contains(part), "{part} in {error}");
    }
}

#[test]
fn a_wrong_value_is_shown_unless_it_may_be_a_secret() {
    for (name, value) in [
        ("PUBLIC_URL", "https://rooms.example.com/bot"),
        ("PUBLIC_URL", "http://rooms.example.com"),
        ("BIND_ADDR", "localhost:80800"),
        ("BIND_ADDR", "rooms.example.com:9090"),
        ("TENCENT_REGION", "hongkong"),
        ("TENCENT_SDK_APP_ID", "14000000001400000000"),
        ("TENCENT_API_BASE_URL", "https://adminapisgp.im.qcloud.com/v4"),
        ("DATABASE_URL", "postgres://db/rooms"),
    ] {
        let error = with(&[(name, value)]).unwrap_err();
        assert!(error.contains(&format!("{name}: `{value}` ")), "{name}: {error}");
    }
    for (name, value) in [
        ("PUBLIC_URL", "https://rooms.example.com/8f742231b10e8888abcd99"),
        ("PUBLIC_URL", "https://user:hush@rooms.example.com"),
        ("PUBLIC_URL", "https://rooms.example.com/?key=hush"),
        ("TENCENT_SDK_APP_ID", "8f742231b10e8888abcd99yyyzzz85a5"),
        ("BIND_ADDR", "hunter2hunter2:80"),
        ("DATABASE_URL", "postgres://bot:hush@db/rooms"),
    ] {
        let error = with(&[(name, value)]).unwrap_err();
        assert!(
            error.contains(&format!("{name}: what is set ")) && !error.contains(value),
            "{name}: {error}"
        );
    }
}

#[test]
fn every_broken_line_of_dot_env_is_said_at_once_and_the_others_count() {
    let text = "LOG_FORMAT=jsn\nTENCENT hush\nTENCENT_SECRET_KEY='hush hush\nTENCENT_REGION=mars\n\
                TENCENT hush\nSLACK_SIGNING_SECRET=the-secret\nTENCENT_SDK_APP_ID=1400000000";
    let environment = Environment::from_sources(Some((text.into(), false)), []);
    let error = Config::from(&environment).unwrap_err().to_string();
    for part in [
        "  .env: line 2 cannot be read (at its character 9)",
        "  TENCENT_SECRET_KEY: `.env`: line 3 cannot be read (its quote is not closed)",
        "  .env: line 5 cannot be read (at its character 9)",
        "  LOG_FORMAT: `jsn` is neither",
        "  TENCENT_REGION: `mars` is not a region",
        "  TENCENT_ADMIN_USER_ID: is not set",
    ] {
        assert!(error.contains(part), "{part} in {error}");
    }
    for wrong in ["hush", "TENCENT_SECRET_KEY: is not set", "TENCENT_SDK_APP_ID", "SLACK_SIGNING_SECRET"] {
        assert!(!error.contains(wrong), "{wrong} in {error}");
    }
    // What seems to be missing may be in a file that cannot be read.
    let environment = Environment::from_sources(
        Some((b"A=\xff\xfe\xfd".into(), false)),
        [("LOG_FORMAT".into(), "xml".into())],
    );
    let error = Config::from(&environment).unwrap_err().to_string();
    assert!(error.contains(".env: is not text in UTF-8") && error.contains("LOG_FORMAT: `xml`"), "{error}");
    assert!(!error.contains("is not set"), "{error}");
}

#[test]
fn a_broken_line_of_dot_env_is_named_by_its_number_and_not_quoted() {
    let read = |text: &str| dot_env::variables(text.as_bytes());
    let good = read("# a note\n\nA=1\nB='two\nlines'\n  C = \"x\" # why\n").unwrap();
    assert_eq!((&*good["A"], &*good["B"], &*good["C"]), ("1", "two\nlines", "x"));
    for (text, says) in [
        ("A=1\n# note\nTENCENT hush\nB=2\n", "line 3 cannot be read (at its character 9)"),
        ("A=1\r\n\r\nTENCENT hush", "line 3 cannot be read (at its character 9)"),
        ("A=1\nA='hush\nhush\nhush\n", "line 2 cannot be read (its quote is not closed)"),
        ("A=1\n\nA='hush", "line 3 cannot be read"),
        (&format!("A={}\nTENCENT hush\n", "x".repeat(20_000)), "line 2 cannot be read"),
    ] {
        let error = read(text).unwrap_err();
        assert!(error.contains(says) && !error.contains("hush"), "{says} in {error}");
    }
}

#[test]
fn a_platform_with_only_some_of_its_settings_is_an_error() {
    let environment = Environment::of([("SLACK_APP_ID", "A1")].into_iter().chain(GOOD[..4].iter().copied()));
    let error = Config::from(&environment).unwrap_err().to_string();
    assert!(
        error.contains(
            "SLACK_SIGNING_SECRET: is not set, and neither is SLACK_APP_TOKEN, but SLACK_APP_ID is"
        ),
        "{error}"
    );
}

#[test]
fn a_user_sig_never_goes_over_plain_http_to_another_machine() {
    for url in
        ["http://example.com", "http://10.0.0.1", "ftp://127.0.0.1", "https://a/b", "https://u:p@a", "x"]
    {
        let error = with(&[("TENCENT_API_BASE_URL", url)]).unwrap_err();
        assert!(error.contains("TENCENT_API_BASE_URL"), "{url}: {error}");
    }
}

#[test]
fn no_error_shows_a_value_that_is_or_holds_a_secret_whichever_variable_it_went_to() {
    let astray = [
        "6cd2850fff3ecb11d7c805251c51ee463a25727bddc2385f3fa8bfee1bb93b5e",
        "0200000000000000000000000000000000000000000000000000000000000000",
        "9f742231b10e8888abcd99yyyzzz85a5",
        "xoxb-0123-4567-hunter2",
        "hunter2x",
        "PRIVATE+KEY+room-owner/example+71f20284+AQBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB",
        "postgres://user:hunter2@db/x",
        "https://user:hunter2@host/path?a=b",
        "https://user:hunter2@ho st/",
        "http://host/?password=hunter2",
        "user:hunter2@host",
        ":hunter2@host",
        "Bot hunter2, hunter2",
    ];
    // As if it were set where it belongs, too, and as if it were not.
    let elsewhere = ["TENCENT_SECRET_KEY", "UNKNOWN"];
    for (value, own) in astray.iter().flat_map(|value| elsewhere.map(|own| (value, own))) {
        for name in VARIABLES.iter().map(|variable| variable.name) {
            let more = [(own, *value), (name, *value)];
            let environment = Environment::of(GOOD.iter().chain(&more).copied());
            let checks = [
                Config::from(&environment).map(drop),
                discord_settings(&environment).map(drop),
                simulated(&environment).map(drop),
            ];
            for error in checks.into_iter().filter_map(Result::err) {
                let error = error.to_string();
                assert!(!error.contains(value) && !error.contains("hunter2"), "{name}, {own}: {error}");
            }
        }
    }
    let secret = "5bd2850fff3ecb11d7c8";
    let error = with(&[("TENCENT_SECRET_KEY", secret), ("TENCENT_ADMIN_USER_ID", secret)]).unwrap_err();
    assert!(error.contains("TENCENT_ADMIN_USER_ID: holds the value of TENCENT_SECRET_KEY"), "{error}");
    let error = with(&[("TENCENT_REGION", "mars"), ("COMMAND_PREFIX", "Slow")]).unwrap_err();
    assert!(error.contains("`mars` is not a region: use china") && error.contains("`Slow` is"), "{error}");
}

#[test]
fn a_secret_that_can_be_guessed_is_refused_with_words_on_how_to_get_one() {
    for (variable, says) in [
        ("TENCENT_SECRET_KEY", "copy the whole key from Tencent's console"),
        ("TENCENT_CALLBACK_TOKEN", "`openssl rand -hex 32` makes a token"),
        ("SLACK_SIGNING_SECRET", "copy the whole secret from the app's Basic Information"),
        ("SLACK_BOT_TOKEN", "copy the whole Bot User OAuth Token"),
        ("DISCORD_BOT_TOKEN", "copy the whole token from the app's Bot page"),
    ] {
        let error = with(&[(variable, "1234567")]).unwrap_err();
        assert!(error.contains(&format!("{variable}: ")) && error.contains(says), "{error}");
        assert!(!error.contains("1234567"), "{error}");
        assert_eq!(with(&[(variable, "12345678")]).map(drop), Ok(()), "{variable}");
    }
    let error = with(&[("SLACK_SIGNING_SECRET", "a-long-one, short")]).unwrap_err();
    assert!(error.contains("SLACK_SIGNING_SECRET: its entry 2 is shorter than 8 characters"), "{error}");
}

#[test]
fn no_error_shows_a_secret() {
    let secrets = [("TENCENT_SECRET_KEY", "hush hush"), ("SLACK_SIGNING_SECRET", "quiet please")];
    let error = with(&secrets).unwrap_err();
    assert!(
        error.contains("TENCENT_SECRET_KEY") && !error.contains("hush") && !error.contains("quiet"),
        "{error}"
    );
    assert!(!format!("{:?}", with(&[]).unwrap()).contains("secret\""));
}

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
            "DISCORD_PUBLIC_KEY: what is set is not 64 hexadecimal digits",
        ),
        (&[("DISCORD_PUBLIC_KEY", WEAK)], "is a weak key"),
        (&[KEY, ("DISCORD_APPLICATION_ID", "room-owner")], "`room-owner` is not a number"),
        (&[KEY, ("DISCORD_API_BASE_URL", "http://discord.example")], "in the clear"),
        (&[KEY, ("DISCORD_BOT_TOKEN", "Bot hush")], "DISCORD_BOT_TOKEN: holds more than a token"),
        (&[], "no chat to take commands from, and neither SLACK_APP_TOKEN nor DISCORD_PUBLIC_KEY is"),
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
    assert!(
        error.contains(
            "SLACK_SIGNING_SECRET: is not set, and neither is SLACK_APP_TOKEN, but SLACK_BOT_TOKEN is"
        ),
        "{error}"
    );
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
        "SLACK_SIGNING_SECRET: is not set, and neither is SLACK_APP_TOKEN, but SLACK_APP_ID is",
        "SLACK_APP_ID: `!!` is not the id of an app",
        "SLACK_TEAM_IDS: its entry 1 is not the id of a workspace",
        "SLACK_TEAM_IDS: its entry 3 is not",
        "SLACK_TEAM_IDS: its entry 4 is not",
        "SLACK_RESPONSE_URL_HOSTS: its entry 1 is not a host",
        "DISCORD_PUBLIC_KEY: is not set, and neither is DISCORD_BOT_TOKEN, but DISCORD_APPLICATION_ID is",
        "DISCORD_APPLICATION_ID: `room-owner` is not a number",
    ] {
        assert!(error.contains(part), "{part} in {error}");
    }
    assert!(!error.contains("its entry 2"), "{error}");
    // Next to each other on Slack's page, they are easily taken for each other.
    let error = with(&[good[0], ("SLACK_APP_ID", "8f742231b10e8888abcd99yyyzzz85a5")]).unwrap_err();
    assert!(error.contains("SLACK_APP_ID: what is set is not") && !error.contains("8f742231"), "{error}");
}

const WEAK: &str = "0100000000000000000000000000000000000000000000000000000000000000";
