//! How a text becomes the value of a setting. What is wrong with it is said without it: it may be a secret.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::str::FromStr;

use reqwest::Url;
use secrecy::SecretString;

use crate::domain::room::LONGEST_ACCOUNT_ID;
use crate::domain::wording::CommandName;
use crate::http;
use crate::merkle::SigningKey;
use crate::redact::SHORTEST_SECRET;

/// A value, or what is wrong with the text of it: how a sentence about it goes on.
pub(super) type Read<T> = Result<T, String>;

/// It has the form of a key, and signs nothing: it is refused.
pub(super) const EXAMPLE_KEY: &str =
    "PRIVATE+KEY+room-owner/example+71f20284+AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

fn check<T>(value: T, is_good: bool, wrong: impl Into<String>) -> Read<T> {
    if is_good { Ok(value) } else { Err(wrong.into()) }
}

/// What has words of its own for what is wrong.
pub(super) fn parsed<T: FromStr<Err: ToString>>(text: &str) -> Read<T> {
    text.parse().map_err(|error: T::Err| error.to_string())
}

/// A number; `what` says of what, and from where to where.
pub(super) fn number<T: FromStr + PartialOrd>(text: &str, range: RangeInclusive<T>, what: &str) -> Read<T> {
    text.parse().ok().filter(|number| range.contains(number)).ok_or_else(|| format!("is not {what}"))
}

/// So many commands a minute; none is any number.
pub(super) fn per_minute(text: &str) -> Read<Option<u32>> {
    number(text, 0..=u32::MAX, "a number of commands").map(|number| (number > 0).then_some(number))
}

pub(super) fn one_of<T: Copy>(text: &str, [(one, first), (other, second)]: [(&str, T); 2]) -> Read<T> {
    match text {
        _ if text == one => Ok(first),
        _ if text == other => Ok(second),
        _ => Err(format!("is neither `{one}` nor `{other}`")),
    }
}

/// A secret. A short one can be guessed, and redacting it would hit ordinary words.
pub(super) fn secret(text: &str, what: &str, how_to_get_one: &str) -> Read<SecretString> {
    let is_quoted = text.starts_with(['\'', '"']) || text.ends_with(['\'', '"']);
    check((), !is_quoted, format!("begins or ends with a quote: {how_to_get_one}, and nothing else"))?;
    let is_one = text.bytes().all(|b| b.is_ascii_graphic() && b != b',');
    check((), is_one, format!("holds more than {what}: {how_to_get_one}, and nothing else"))?;
    let is_long = text.len() >= SHORTEST_SECRET;
    check(text.into(), is_long, format!("is shorter than {SHORTEST_SECRET} characters: {how_to_get_one}"))
}

pub(super) fn slack_token(text: &str) -> Read<SecretString> {
    let is_another = text.starts_with("xapp-") || text.starts_with("xoxp-");
    check((), !is_another, "is another kind of token: the bot's begins with `xoxb-`")?;
    secret(text, "a token", "copy the whole Bot User OAuth Token")
}

pub(super) fn slack_app_token(text: &str) -> Read<SecretString> {
    let is_another = text.starts_with("xoxb-") || text.starts_with("xoxp-");
    check((), !is_another, "is another kind of token: an app-level one begins with `xapp-`")?;
    secret(text, "a token", "copy the whole app-level token from the app's Basic Information")
}

pub(super) fn signing_key(text: &str) -> Read<SecretString> {
    let makes_own =
        "is the example, which everybody can read: make your own with `room-owner audit key --new`";
    check((), text != EXAMPLE_KEY, makes_own)?;
    let key = SecretString::from(text);
    SigningKey::parse(&key).map_err(|error| error.to_string()).map(|_| key)
}

pub(super) fn database(text: &str) -> Read<String> {
    crate::store::database_file(text).map_err(|error| error.to_string()).map(|_| text.to_owned())
}

/// An address and a port. `localhost` is the loopback address; a port alone would leave open who can reach it.
pub(super) fn bind_address(text: &str) -> Read<SocketAddr> {
    let address = match text.strip_prefix("localhost:") {
        Some(port) => format!("127.0.0.1:{port}"),
        None => text.to_owned(),
    };
    let port = text.rsplit(':').next().unwrap_or_default().parse().unwrap_or(8_080_u16);
    address.parse().map_err(|_| {
        format!(
            "is not an address and a port: write `127.0.0.1:{port}` to be reached from this machine alone, or \
             `0.0.0.0:{port}` from everywhere"
        )
    })
}

pub(super) fn user_id(text: &str) -> Read<String> {
    let is_one = text.len() <= LONGEST_ACCOUNT_ID && !text.chars().any(char::is_whitespace);
    check(text.to_owned(), is_one, format!("is not a UserID of at most {LONGEST_ACCOUNT_ID} bytes"))
}

/// Slack's ids begin with a letter for what they are of; with another one, nobody would ever be served.
pub(super) fn slack_id(text: &str, kinds: &[char], what: &str) -> Read<String> {
    let rest = text.strip_prefix(kinds).unwrap_or_default();
    let is_one =
        (1..=32).contains(&rest.len()) && rest.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    check(
        text.to_owned(),
        is_one,
        format!("is not the id of {what}, and capital letters and digits behind it"),
    )
}

pub(super) fn discord_id(text: &str) -> Read<String> {
    let is_one = text.len() <= 20 && text.bytes().all(|b| b.is_ascii_digit());
    check(text.to_owned(), is_one, "is not a number of at most 20 digits")
}

/// Slack's names have 32 characters at most, slash included; Discord's 32 of lowercase letters, digits, `-` and `_`.
pub(super) fn prefix(text: &str) -> Read<CommandName> {
    let name = CommandName::slash(text);
    let plain =
        text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_'));
    let is_short = name.0.len() <= 32;
    check(name, plain && is_short, "is not at most 20 lowercase letters, digits, `-` and `_`")
}

/// The address of a service's API, to which `secret` is sent.
pub(super) fn api(text: &str, service: &str, secret: &str) -> Read<Url> {
    let url = Url::parse(text).map_err(|error| format!("is not a URL: {error}"))?;
    check((), matches!(url.scheme(), "http" | "https"), "is neither http nor https")?;
    let is_open = url.username().is_empty() && url.password().is_none();
    check((), is_open, format!("holds a user name or password, which {service} does not take"))?;
    let is_plain = url.query().is_none() && url.fragment().is_none();
    check((), is_plain, "says more than scheme, host, port and path")?;
    let in_the_clear = "in the clear: use https (plain http is for loopback addresses)";
    let is_private = http::is_private(&url, "http");
    check(url, is_private, format!("would send the {secret} {in_the_clear}"))
}

/// Where the bot itself is reached.
pub(super) fn public_url(text: &str) -> Read<Url> {
    let url = api(text, "the bot", "commands")?;
    let is_host = url.path() == "/";
    check(url, is_host, "says more than scheme, host and port: the paths are the bot's")
}

pub(super) fn region(text: &str) -> Read<Url> {
    let url = crate::tencent::region_url(text);
    url.ok_or_else(|| {
        "is not a region: use china, singapore, usa, indonesia, korea, japan or germany".to_owned()
    })
}

pub(super) fn tencent_api(text: &str) -> Read<Url> {
    let url = api(text, "Tencent", "UserSig")?;
    let is_host = url.path() == "/";
    check(url, is_host, "says more than scheme, host and port: the path is the bot's")
}
