//! What is taken and what is refused, and with which words.

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
fn a_broken_line_of_dot_env_is_named_by_its_number_and_not_quoted() {
    let read = |text: &str| dot_env(text.as_bytes()).map_err(|error| error.to_string());
    let good = read("# a note\n\nA=1\nB='two\nlines'\n  C = \"x\" # why\n").unwrap();
    assert_eq!((&*good["A"], &*good["B"], &*good["C"]), ("1", "two\nlines", "x"));
    for (text, says) in [
        ("A=1\n# note\nTENCENT hush\nB=2\n", "  .env: line 3 cannot be read (at its character 9)"),
        ("A=1\r\n\r\nTENCENT hush", "  .env: line 3 cannot be read (at its character 9)"),
        ("A=1\nA='hush\nhush\nhush\n", "  .env: line 2 cannot be read (its quote is not closed)"),
        ("A=1\n\nA='hush", "  .env: line 3 cannot be read"),
        (&format!("A={}\nTENCENT hush\n", "x".repeat(20_000)), "  .env: line 2 cannot be read"),
    ] {
        let error = read(text).unwrap_err();
        assert!(error.contains(says) && !error.contains("hush"), "{says} in {error}");
    }
}

#[test]
fn a_platform_with_only_some_of_its_settings_is_an_error() {
    let environment = Environment::of([("SLACK_APP_ID", "A1")].into_iter().chain(GOOD[..4].iter().copied()));
    let error = Config::from(&environment).unwrap_err().to_string();
    assert!(error.contains("SLACK_SIGNING_SECRET: is not set, but SLACK_APP_ID is"), "{error}");
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
                simulated_account(&environment).map(drop),
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
        assert!(error.contains(&format!("{variable}: is")) && error.contains(says), "{error}");
        assert!(!error.contains("1234567"), "{error}");
        assert_eq!(with(&[(variable, "12345678")]).map(drop), Ok(()), "{variable}");
    }
    let error = with(&[("SLACK_SIGNING_SECRET", "a-long-one, short")]).unwrap_err();
    assert!(error.contains("SLACK_SIGNING_SECRET: is shorter than 8 characters"), "{error}");
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
