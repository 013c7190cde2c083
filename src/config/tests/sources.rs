//! Where settings come from, and what people and other programs do to them on the way.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::*;

fn dot_env(bytes: impl AsRef<[u8]>) -> Environment {
    Environment::from_sources(Some((bytes.as_ref().to_owned(), false)), [])
}

/// What is said of settings, whichever command needs them.
fn problems(environment: &Environment) -> String {
    Common::from(environment).err().map(|error| error.to_string()).unwrap_or_default()
}

#[test]
fn dot_env_is_read_however_an_editor_saved_it_or_refused_with_what_to_do() {
    const TEXT: &str = "# ü\r\nLOG_FORMAT=json\r\nDATABASE_URL='sqlite://b.db'\r\n";
    let utf16 = |of: fn(u16) -> [u8; 2], mark: &str| {
        format!("{mark}{TEXT}").encode_utf16().flat_map(of).collect::<Vec<u8>>()
    };
    for bytes in [
        TEXT.as_bytes().to_vec(),
        format!("\u{feff}{TEXT}").into_bytes(),
        utf16(u16::to_le_bytes, "\u{feff}"),
        utf16(u16::to_be_bytes, "\u{feff}"),
    ] {
        let common = Common::from(&dot_env(&bytes)).unwrap();
        assert_eq!((&*common.database_url, common.log_format), ("sqlite://b.db", LogFormat::Json));
    }
    let odd = [utf16(u16::to_le_bytes, "\u{feff}"), vec![b'x']].concat();
    for bytes in
        [&utf16(u16::to_le_bytes, "")[..], &odd, b"# \xfc\nLOG_FORMAT=json\n", b"\x89PNG\r\n\x1a\n\0"]
    {
        let error = problems(&dot_env(bytes));
        assert!(error.contains(".env: is not text in UTF-8: save it as UTF-8"), "{error}");
    }
}

#[test]
fn a_name_in_dot_env_that_is_no_setting_is_refused_with_the_nearest_one() {
    for (name, nearest) in [
        ("SLACK_TEAM_ID", "SLACK_TEAM_IDS"),
        ("SLACK_SIGNING_SECRETS", "SLACK_SIGNING_SECRET"),
        ("slack_team_ids", "SLACK_TEAM_IDS"),
        ("DISCORD_TOKEN", "DISCORD_BOT_TOKEN"),
        ("DISCORD_APP_ID", "DISCORD_APPLICATION_ID"),
        ("TENCENT_SDKAPPID", "TENCENT_SDK_APP_ID"),
        ("TENCENT_SECRET_KEY_FILES", "TENCENT_SECRET_KEY_FILE"),
        ("COMMAND_PREFX", "COMMAND_PREFIX"),
        ("COMMANDS_PER_USER", "COMMANDS_PER_PERSON"),
        ("AUDIT_SIGNING_KEYFILE", "AUDIT_SIGNING_KEY_FILE"),
        ("ROOM_OWNER_BIND_ADDR", "BIND_ADDR"),
        ("REPLY_VISIBLITY", "REPLY_VISIBILITY"),
        ("BIND_ADDRESS", "BIND_ADDR"),
        ("DATABASE_URI", "DATABASE_URL"),
        ("LOG_FROMAT", "LOG_FORMAT"),
        ("HTTPS_PROXI", "HTTPS_PROXY"),
    ] {
        let error = problems(&dot_env(format!("{name}=hush-hush\n")));
        let said = format!("{name}: `.env` sets it, but it is not a setting: did you mean `{nearest}`?");
        assert!(error.contains(&said) && !error.contains("hush"), "{said} in {error}");
    }
    // What is wrong is said at once, and what is misspelt is not said to be missing as well.
    let error =
        Config::from(&dot_env("TENCENT_REGIO=china\nSLACK_SIGNING_SECRT=x\n")).unwrap_err().to_string();
    for part in ["TENCENT_REGIO: ", "SLACK_SIGNING_SECRT: ", "TENCENT_SDK_APP_ID: is not set"] {
        assert!(error.contains(part), "{part} in {error}");
    }
    assert!(!error.contains("no chat"), "{error}");
    // What others read from the same file.
    let of_others =
        "COMPOSE_PROJECT_NAME=x\nPOSTGRES_PASSWORD=hush\nhttp_proxy=x\nHTTP_PROXY=x\nhttps_proxy=p\n";
    assert_eq!(problems(&dot_env(of_others)), "");
}

#[test]
fn in_the_environment_a_name_is_only_said_to_be_unknown_and_only_if_it_is_close() {
    let noted = |name| Environment::of([(name, "hush-hush")]).notes().join("\n");
    for (name, nearest) in [
        ("SLACK_TEAM_ID", "SLACK_TEAM_IDS"),
        ("DATABASE_URI", "DATABASE_URL"),
        ("ROOM_OWNER_BIND_ADRESS", "BIND_ADDR"),
    ] {
        let said = format!("`{name}` is set, but it is not a setting: did you mean `{nearest}`?");
        assert_eq!(noted(name), said);
        assert_eq!(problems(&Environment::of([(name, "hush-hush")])), "");
    }
    assert_eq!(
        noted("ROOM_OWNER_PORT"),
        "`ROOM_OWNER_PORT` is set, but it is not a setting: `room-owner settings` lists them"
    );
    for name in [
        "SLACK_CLIENT_SECRET",
        "DISCORD_WEBHOOK",
        "HTTP_PROXY",
        "http_proxy",
        "ftp_proxy",
        "RUST_BACKTRACE",
        "PATH",
        "A",
    ] {
        assert_eq!(noted(name), "", "{name}");
    }
    assert!(VARIABLES.iter().all(|variable| noted(variable.name).is_empty()));
}

#[test]
fn quotes_that_another_reader_passed_on_are_not_part_of_a_value() {
    for variable in VARIABLES {
        for quoted in [format!("'{}'", variable.example), format!(" \"{}\" ", variable.example)] {
            let environment = Environment::of([(variable.name, &*quoted)]);
            assert_eq!(environment.get(variable.name), Some(variable.example), "{}", variable.name);
            assert_eq!(Environment::of([(variable.name, "''")]).get(variable.name), None);
        }
    }
    let settings = TENCENT.into_iter().chain([("SLACK_SIGNING_SECRET", "'hush-hush'")]);
    let config = Config::from(&Environment::of(settings)).unwrap();
    assert_eq!(config.slack.unwrap().signing_secrets[0].expose_secret(), "hush-hush");
    for half in ["'hush-hush", "hush-hush\"", "new-secret,'hush-hush"] {
        let settings = TENCENT.into_iter().chain([("SLACK_SIGNING_SECRET", half)]);
        let error = Config::from(&Environment::of(settings)).unwrap_err().to_string();
        assert!(error.contains("begins or ends with a quote") && !error.contains("hush"), "{error}");
    }
}

fn file(folder: &tempfile::TempDir, name: &str, text: &[u8], mode: u32) -> String {
    let path = folder.path().join(name);
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    path.display().to_string()
}

#[test]
fn every_secret_can_be_in_a_file_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let good = file(&folder, "good", b"\xef\xbb\xbf hush-hush\r\n\n", 0o640);
    let open = file(&folder, "open", b"hush-hush", 0o644);
    let empty = file(&folder, "empty", b" \n", 0o600);
    let absent = folder.path().join("absent").display().to_string();
    let here = folder.path().display().to_string();
    let secrets: Vec<_> = VARIABLES.iter().filter(|variable| variable.is_secret()).collect();
    assert!(secrets.len() >= 6, "{secrets:?}");
    for name in secrets.iter().map(|variable| variable.name) {
        let of_file = format!("{name}_FILE");
        let with = |path: &str| Environment::of([(&*of_file, path)]);
        let environment = with(&good);
        assert_eq!((environment.get(name), environment.notes()), (Some("hush-hush"), &[][..]), "{name}");
        assert_eq!(environment.problems, [], "{name}");
        assert_eq!(
            with(&open).notes(),
            [format!("{of_file}: `{open}` holds a secret and every user can read it: `chmod 600 {open}`")]
        );
        for (path, says) in [
            (&empty, format!("`{empty}` is empty: write the secret into it")),
            (&absent, format!("`{absent}` cannot be read: No such file or directory")),
            (&here, format!("`{here}` cannot be read: Is a directory")),
            (&"src/absent".to_owned(), "`src/absent` cannot be read: No such file".to_owned()),
            (&"absent".to_owned(), "`absent` cannot be read: No such file".to_owned()),
            (&"hush-hush".to_owned(), "the file that it names cannot be read: No such file".to_owned()),
        ] {
            let error = problems(&with(path));
            assert!(
                error.contains(&format!("{of_file}: {says}")) && !error.contains("hush"),
                "{says} in {error}"
            );
        }
        let error = problems(&Environment::of([(&*of_file, &*good), (name, "hush-hush")]));
        assert!(error.contains(&format!("{name}: is set, and so is {of_file}: keep one of them")), "{error}");
        assert_eq!(Environment::of([(&*of_file, &*good), (name, "")]).get(name), Some("hush-hush"));
    }
    // Its file cannot be read: that is enough to know.
    let settings = TENCENT.into_iter().filter(|(name, _)| *name != "TENCENT_SECRET_KEY");
    let settings =
        settings.chain([("TENCENT_SECRET_KEY_FILE", &*absent), ("SLACK_SIGNING_SECRET", "the-secret")]);
    let error = Config::from(&Environment::of(settings)).unwrap_err().to_string();
    assert!(!error.contains("is not set"), "{error}");
}

#[test]
fn a_dot_env_with_secrets_that_everybody_can_read_is_warned_of() {
    let notes = |text: &str, is_open| {
        let environment = Environment::from_sources(Some((text.into(), is_open)), []);
        environment.notes().join("\n")
    };
    let warning = "`.env` holds secrets and every user can read it: `chmod 600 .env`";
    assert_eq!(notes("TENCENT_SECRET_KEY=hush-hush\n", true), warning);
    assert_eq!(notes("TENCENT_SECRET_KEY=hush-hush\n", false), "");
    assert_eq!(notes("TENCENT_SECRET_KEY=\nLOG_FORMAT=json\n", true), "");
}

#[test]
fn a_log_filter_that_would_log_nothing_is_refused_with_what_was_probably_meant() {
    for good in [
        "info",
        "WARN",
        "off",
        "2",
        "info,room_owner=debug",
        "room_owner",
        "room_owner::store,warn",
        "hyper=warn, info",
        "warn,[commit{room=\"a\"}]=debug",
    ] {
        assert_eq!(kinds_of_log_filter(good), Ok(good.to_owned()));
    }
    for (wrong, says) in [
        ("warning", "did you mean `warn`?"),
        ("WARNING", "did you mean `warn`?"),
        ("err", "did you mean `error`?"),
        ("information", "did you mean `info`?"),
        ("inof", "did you mean `info`?"),
        ("verbose", "did you mean `debug`?"),
        ("none", "did you mean `off`?"),
        ("room_owner=warning", "did you mean `warn`?"),
        ("info,hyper", "or `module=level`"),
        ("true", "(error, warn, info, debug, trace, off)"),
        ("room-owner=debug", "write `room_owner`"),
        ("info;debug", "(error, warn, info"),
        ("[commit=debug", "is not a filter"),
    ] {
        let error = kinds_of_log_filter(wrong).unwrap_err();
        assert!(error.contains(says), "{wrong}: {error}");
    }
}

fn kinds_of_log_filter(text: &str) -> Result<String, String> {
    log_filter::log_filter(text)
}

#[test]
fn a_misspelt_time_zone_is_said_with_the_nearest_one() {
    let noted = |zone| Environment::of([("TZ", zone)]).notes().join("\n");
    for right in
        ["", "UTC", "Europe/Berlin", ":Europe/Berlin", "europe/berlin", "CET-1CEST,M3.5.0,M10.5.0/3", "EST5"]
    {
        assert_eq!(noted(right), "", "{right}");
    }
    for (wrong, hint) in [
        ("Europe/Berlim", "did you mean `Europe/Berlin`?"),
        ("Asia/Singapor", "did you mean `Asia/Singapore`?"),
        ("Berlin", "set it to a name such as `Europe/Berlin`"),
        ("/etc/no-such-zone", "set it to a name such as `Europe/Berlin`"),
    ] {
        assert_eq!(noted(wrong), format!("TZ is set to no time zone, so times are in UTC: {hint}"));
    }
    assert_eq!(
        dot_env("TZ=Europe/Berlin\n").notes(),
        ["TZ: `.env` cannot set it: set it in the environment"]
    );
}

#[test]
fn an_address_without_its_half_is_refused_with_both_that_may_be_meant() {
    let read = |text: &'static str| with(&[("BIND_ADDR", text)]).map(|config| config.bind_addr.to_string());
    for (right, address) in [
        ("localhost:8080", "127.0.0.1:8080"),
        ("0.0.0.0:80", "0.0.0.0:80"),
        ("[::1]:8080", "[::1]:8080"),
        ("'127.0.0.1:9'", "127.0.0.1:9"),
    ] {
        assert_eq!(read(right), Ok(address.to_owned()));
    }
    for (wrong, port) in [
        (":9090", 9090),
        ("9090", 9090),
        ("*:9090", 9090),
        ("localhost", 8080),
        ("rooms.example.com:9090", 9090),
        ("http://127.0.0.1:9090", 9090),
        ("127.0.0.1", 8080),
        ("127.0.0.1:70000", 8080),
    ] {
        let says = format!(
            "write `127.0.0.1:{port}` to be reached from this machine alone, or `0.0.0.0:{port}` from"
        );
        let error = read(wrong).unwrap_err();
        assert!(error.contains(&says), "{wrong}: {error}");
    }
}

#[test]
fn a_proxy_is_named_in_either_case_and_a_wrong_one_is_refused_without_its_password() {
    let proxy = |variables: &[(&'static str, &'static str)]| {
        let environment = Environment::of(variables.iter().copied());
        Common::from(&environment)
            .map(|common| common.proxy.map(|proxy| proxy.name()))
            .map_err(|it| it.to_string())
    };
    for (variables, name) in [
        (&[][..], None),
        (&[("HTTPS_PROXY", "")], None),
        (&[("HTTP_PROXY", "http://p:1")], None),
        (&[("HTTPS_PROXY", "http://p:1")], Some("p:1")),
        (&[("https_proxy", "p:1")], Some("p:1")),
        (&[("ALL_PROXY", "https://p")], Some("p:443")),
        (&[("all_proxy", "u:hunter2@[::1]:3128/")], Some("[::1]:3128")),
        (&[("HTTPS_PROXY", "http://a:1"), ("ALL_PROXY", "http://b:2")], Some("a:1")),
        (&[("HTTPS_PROXY", "http://a:1"), ("https_proxy", "http://b:2")], Some("b:2")),
    ] {
        assert_eq!(proxy(variables), Ok(name.map(str::to_owned)), "{variables:?}");
    }
    for (value, says) in [
        ("socks5://u:hunter2@p:1080", "is a SOCKS proxy, which is not supported"),
        ("ftp://u:hunter2@p", "is neither http nor https"),
        ("http://u:hunter2@p:port", "is not the URL of a proxy"),
        ("http://u:hunter2@", "is not the URL of a proxy"),
        ("http://u:hunter2@p/path", "says more than scheme, host and port"),
        ("direct", ""),
    ] {
        for name in ["HTTPS_PROXY", "all_proxy"] {
            match proxy(&[(name, value)]) {
                Err(error) => assert!(error.contains(says) && !error.contains("hunter2"), "{value}: {error}"),
                Ok(proxy) => assert_eq!((proxy.as_deref(), says), (Some("direct:80"), "")),
            }
        }
    }
    let redactor = Environment::of([("HTTPS_PROXY", "http://user:hunter%402x@p:1")]).redactor();
    assert_eq!(redactor.text("no: hunter@2x, hunter%402x"), "no: [redacted], [redacted]");
}
