//! Foreign text without our secrets: a service may echo what it was sent, and people paste what they should not.
//!
//! Each adapter redacts what it reads before anybody sees it; the log redacts every line once more.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use secrecy::{ExposeSecret as _, SecretString};

/// The replacement of a secret.
pub const REDACTED: &str = "[redacted]";

/// The shortest secret, in bytes. A shorter one would be cut out of ordinary words, so the settings refuse it.
pub const SHORTEST_SECRET: usize = 8;

/// Takes secrets out of text. Clones share what they learn.
#[derive(Clone, Default)]
pub struct Redactor {
    known: Arc<RwLock<Known>>,
    /// Of one call: a UserSig, the token of an interaction.
    also: Option<Arc<AhoCorasick>>,
}

#[derive(Default)]
struct Known {
    forms: BTreeSet<String>,
    search: Option<AhoCorasick>,
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Redactor(..)")
    }
}

impl Redactor {
    /// One that knows these secrets.
    pub fn of<'a>(secrets: impl IntoIterator<Item = &'a SecretString>) -> Self {
        let redactor = Self::default();
        redactor.learn(secrets);
        redactor
    }

    /// Redacts these secrets too from now on, for every clone.
    pub fn learn<'a>(&self, secrets: impl IntoIterator<Item = &'a SecretString>) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.forms.extend(secrets.into_iter().flat_map(forms));
        known.search = search(&known.forms);
    }

    /// The same, with a secret that counts for one call.
    pub fn with(&self, secret: &SecretString) -> Self {
        Self { known: Arc::clone(&self.known), also: search(&forms(secret)).map(Arc::new) }
    }

    /// The text with `[redacted]` for each secret.
    pub fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        match self.replace(text, &identical) {
            // Which characters are escaped differs from one encoder to the next.
            plain if plain.contains('%') => match self.replace(&plain, &unescaped) {
                Cow::Owned(redacted) => Cow::Owned(redacted),
                Cow::Borrowed(_) => plain,
            },
            plain => plain,
        }
    }

    /// JSON in which no text holds a secret, however it is escaped. Without one it stays as it is, byte for byte;
    /// so does what is no JSON.
    pub fn json<'b>(&self, body: &'b [u8]) -> Cow<'b, [u8]> {
        let text = String::from_utf8_lossy(body);
        let mut redacted = String::with_capacity(text.len());
        let mut rest = &*text;
        while let Some(open) = rest.find('"') {
            let (between, from_quote) = rest.split_at(open);
            let (literal, after) = from_quote.split_at(literal_end(from_quote));
            redacted.push_str(&self.unquoted(between));
            redacted.push_str(&self.literal(literal));
            rest = after;
        }
        redacted.push_str(&self.unquoted(rest));
        if redacted == *text { Cow::Borrowed(body) } else { Cow::Owned(redacted.into_bytes()) }
    }

    fn literal<'t>(&self, literal: &'t str) -> Cow<'t, str> {
        let Ok(text) = serde_json::from_str::<String>(literal) else { return self.text(literal) };
        match self.text(&text) {
            Cow::Owned(redacted) => Cow::Owned(serde_json::Value::from(redacted).to_string()),
            Cow::Borrowed(_) => Cow::Borrowed(literal),
        }
    }

    /// A secret of digits alone may come as a number.
    fn unquoted<'t>(&self, text: &'t str) -> Cow<'t, str> {
        match self.replace(text, &identical) {
            Cow::Owned(redacted) => Cow::Owned(redacted.replace(REDACTED, &format!("\"{REDACTED}\""))),
            unchanged => unchanged,
        }
    }

    fn replace<'t>(&self, text: &'t str, read: &dyn Fn(&str) -> Read<'_>) -> Cow<'t, str> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let mut redacted = Cow::Borrowed(text);
        for search in known.search.iter().chain(self.also.as_deref()) {
            if let Some(without) = read(&redacted).without(search, redacted.as_bytes()) {
                redacted = Cow::Owned(without);
            }
        }
        redacted
    }
}

/// A text as it is searched.
struct Read<'t> {
    bytes: Cow<'t, [u8]>,
    /// Where each byte stands in the text, if that is somewhere else.
    places: Option<Vec<usize>>,
}

fn identical(text: &str) -> Read<'_> {
    Read { bytes: Cow::Borrowed(text.as_bytes()), places: None }
}

/// Without percent escapes.
fn unescaped(text: &str) -> Read<'_> {
    let (mut bytes, mut places, mut at) = (Vec::new(), Vec::new(), 0);
    let text = text.as_bytes();
    while let Some(byte) = text.get(at) {
        let digits = text.get(at + 1..at + 3).filter(|_| *byte == b'%');
        let escaped = digits.and_then(|digits| hex::decode(digits).ok());
        places.push(at);
        at += if escaped.is_some() { 3 } else { 1 };
        bytes.push(escaped.map_or(*byte, |escaped| escaped[0]));
    }
    places.push(at);
    Read { bytes: Cow::Owned(bytes), places: Some(places) }
}

impl Read<'_> {
    /// The text with each match redacted; `None` without a match.
    fn without(&self, search: &AhoCorasick, text: &[u8]) -> Option<String> {
        let place = |at: usize| self.places.as_ref().map_or(at, |places| places[at]);
        let (mut redacted, mut end) = (Vec::new(), 0);
        for found in search.find_iter(&*self.bytes) {
            redacted.extend_from_slice(&text[end..place(found.start())]);
            redacted.extend_from_slice(REDACTED.as_bytes());
            end = place(found.end());
        }
        redacted.extend_from_slice(&text[end..]);
        (end > 0).then(|| String::from_utf8_lossy(&redacted).into_owned())
    }
}

/// Where a JSON string ends that begins with the text.
fn literal_end(text: &str) -> usize {
    let mut is_escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// Case does not count: hexadecimal digits and percent escapes come in both. Each call's UserSig makes a search of
/// its own, so what counts is the time to build one: a DFA takes much longer.
fn search(forms: &BTreeSet<String>) -> Option<AhoCorasick> {
    let builder = AhoCorasick::builder()
        .kind(Some(AhoCorasickKind::NoncontiguousNFA))
        .match_kind(MatchKind::LeftmostLongest)
        .ascii_case_insensitive(true)
        .clone();
    (!forms.is_empty()).then(|| builder.build(forms).expect("a few kilobytes of patterns are not too many"))
}

/// A secret as an echo may hold it. Percent escapes are undone in [`Redactor::text`], JSON's in [`Redactor::json`].
fn forms(secret: &SecretString) -> BTreeSet<String> {
    let whole = secret.expose_secret().trim();
    // The part of a signing key that is not public, by itself.
    let private = whole.strip_prefix("PRIVATE+KEY+").and_then(|key| key.splitn(3, '+').last());
    let secrets = [Some(whole), private].into_iter().flatten();
    secrets.filter(|secret| secret.len() >= SHORTEST_SECRET).flat_map(forms_of).collect()
}

fn forms_of(secret: &str) -> Vec<String> {
    let quoted = serde_json::Value::from(secret).to_string();
    let mut forms = vec![secret.to_owned(), quoted[1..quoted.len() - 1].to_owned(), hex::encode(secret)];
    // In base64 a text looks differently by where it begins: three bytes make four characters.
    for before in 0..3 {
        let encoded = BASE64_STANDARD_NO_PAD.encode([&[0; 3][..before], secret.as_bytes()].concat());
        let whole_characters = (before + secret.len()) * 8 / 6;
        let of_the_secret = encoded[(before * 8).div_ceil(6)..whole_characters].to_owned();
        forms.push(of_the_secret.replace('+', "-").replace('/', "_"));
        forms.push(of_the_secret);
    }
    forms
}

#[cfg(test)]
mod tests {
    use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
    use proptest::prelude::*;

    use super::*;

    fn redactor(secret: &str) -> Redactor {
        Redactor::of([&SecretString::from(secret)])
    }

    #[test]
    fn an_echo_is_found_in_every_form_that_a_service_may_give_it() {
        const KEY: &str = "5bd2850fff3ecb11d7c80525/1c51ee463+a25727b*~==";
        let redactor = redactor(KEY);
        let every: String = KEY.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let form: String = form_urlencoded::byte_serialize(KEY.as_bytes()).collect();
        for echo in [
            KEY.to_owned(),
            KEY.to_uppercase(),
            every.to_lowercase(),
            every,
            form,
            KEY.replace('/', "%2f"),
            hex::encode(KEY),
            BASE64_STANDARD.encode(KEY),
            BASE64_STANDARD.encode(format!("a{KEY}b")),
            BASE64_URL_SAFE_NO_PAD.encode(format!("ab{KEY}")),
        ] {
            let text = redactor.text(&format!("no: key={echo}&x=1")).into_owned();
            let (before, after) = text.split_once(REDACTED).unwrap_or_else(|| panic!("{echo} in {text}"));
            assert!(before.starts_with("no: key=") && after.ends_with("&x=1"), "{text}");
            assert!(before.len() + after.len() <= "no: key=&x=1".len() + 4, "{text}");
        }
    }

    #[test]
    fn what_holds_no_secret_stays_as_it_is() {
        let redactor = redactor("hush-hush");
        for text in ["", "hush-hus", "100 % of it", "%zz%68ush", "[redacted]"] {
            assert!(matches!(redactor.text(text), Cow::Borrowed(same) if same == text), "{text}");
        }
        for body in
            [&br#"{"a":"\u0068ush","a":1e30,"a":144115216631667826}"#[..], b"<html>", b"\"\xff\"", b""]
        {
            assert!(matches!(redactor.json(body), Cow::Borrowed(same) if same == body));
        }
    }

    #[test]
    fn in_json_an_echo_is_found_however_it_is_escaped_and_what_is_around_it_stays() {
        let redactor = redactor("hush-\"77\"/x");
        for echo in [r#""hush-\"77\"/x""#, r#""\u0068ush-\u002277\"\/x""#, r#""hush-%2277%22%2Fx""#] {
            let body = format!(r#"{{"A":{echo}, "A" : 1e30,"B\"":["x",{echo}]}}"#);
            let read = redactor.json(body.as_bytes());
            assert_eq!(read, br#"{"A":"[redacted]", "A" : 1e30,"B\"":["x","[redacted]"]}"#.as_slice());
        }
        let of_digits = Redactor::of([&SecretString::from("1441152166")]);
        assert_eq!(of_digits.json(b"{\"A\":1441152166}"), br#"{"A":"[redacted]"}"#.as_slice());
        assert_eq!(of_digits.json(b"{\"A\":\"1441152166"), br#"{"A":"[redacted]"#.as_slice());
    }

    #[test]
    fn a_signing_key_is_known_by_its_private_part_and_what_is_too_short_is_not_searched_for() {
        let redactor = Redactor::default();
        let clone = redactor.clone();
        redactor.learn(&["PRIVATE+KEY+room-owner/1+71f20284+AQ+AAA/BBBB".into(), "try-me".into()]);
        assert_eq!(
            clone.text("AQ+AAA/BBBB, room-owner/1+71f20284, try-me"),
            "[redacted], room-owner/1+71f20284, try-me"
        );
        let one_call = redactor.with(&"eJx-for-one-call".into());
        assert_eq!(one_call.text("eJx-for-one-call AQ+AAA/BBBB"), "[redacted] [redacted]");
        assert_eq!(redactor.text("eJx-for-one-call"), "eJx-for-one-call");
        assert!(!format!("{redactor:?}").contains("BBBB"));
    }

    proptest! {
        #[test]
        fn no_text_holds_a_secret_afterwards(secret in "[!-~]{8,40}", before: String, after: String) {
            prop_assume!(!REDACTED.contains(&secret));
            let redactor = redactor(&secret);
            let text = format!("{before}{secret}{after}");
            prop_assert!(!redactor.text(&text).contains(&secret));
            let body = serde_json::json!({ "a": [text], "b": 1 }).to_string();
            let read: serde_json::Value = serde_json::from_slice(&redactor.json(body.as_bytes())).unwrap();
            prop_assert!(!read["a"][0].as_str().unwrap().contains(&secret));
        }
    }
}
