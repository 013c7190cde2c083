//! What is checked before anybody looks at the room: URL, application, signature, caller, rate.
//!
//! Every ErrorCode is documented (trtc.io/document/34620 and 34348). The order of the checks is inferred.

use std::collections::HashMap;
use std::net::IpAddr;

use axum::body::Bytes;
use axum::http::Method;
use jiff::Timestamp;

use super::reply::Refusal;
use super::state::State;
use super::{Api, Simulator, user_sig};

/// A request to one of the APIs, body and all.
pub(super) struct Arrival {
    pub(super) api: Api,
    pub(super) query: HashMap<String, String>,
    pub(super) host: String,
    pub(super) source: IpAddr,
    pub(super) body: Bytes,
}

/// Step 1: what is called, and with which parameters.
pub(super) fn route(
    method: &Method,
    path: &str,
    query: &str,
) -> Result<(Api, HashMap<String, String>), Refusal> {
    if method != Method::POST {
        return Err(Refusal::new(60002, format!("method `{method}` is not served: use `POST`")));
    }
    let query = parse_query(query).ok_or_else(|| {
        Refusal::new(60002, "the query is badly escaped or repeats a parameter: percent-encode its values")
    })?;
    let api = Api::from_path(path)
        .ok_or_else(|| Refusal::new(60009, format!("no such resource `{path}`: check the path")))?;
    Ok((api, query))
}

/// Steps 2 to 5: whether this caller may call now.
pub(super) fn admit(simulator: &Simulator, arrival: &Arrival, now: Timestamp) -> Result<(), Refusal> {
    let (identifier, user_sig) = check_parameters(simulator, arrival)?;
    check_signature(simulator, identifier, user_sig, now)?;
    let settings = simulator.settings();
    if identifier != settings.admin {
        return Err(Refusal::new(60010, format!("`{identifier}` is not an app admin: call as one")));
    }
    if settings.allowed_sources.as_ref().is_some_and(|allowed| !allowed.contains(&arrival.source)) {
        let source = arrival.source;
        return Err(Refusal::new(
            60021,
            format!("source address `{source}` is not allowed: call from one that is"),
        ));
    }
    simulator.write(|state| {
        if !state.app_rate_admits(now) {
            return Err(Refusal::new(60011, "too many calls for this SDKAppID: slow down"));
        }
        if !state.api_rate_admits(arrival.api, now) {
            return Err(Refusal::new(60007, format!("too many calls to `{}`: slow down", arrival.api)));
        }
        Ok(())
    })
}

/// Step 2; returns the caller and its signature.
fn check_parameters<'a>(simulator: &Simulator, arrival: &'a Arrival) -> Result<(&'a str, &'a str), Refusal> {
    let settings = simulator.settings();
    let parameter = |name| arrival.query.get(name).map(String::as_str).filter(|value| !value.is_empty());
    let Some(app) = parameter("sdkappid") else {
        return Err(Refusal::new(60012, "`sdkappid` is missing from the URL: add it"));
    };
    if app.parse() != Ok(settings.sdk_app_id) {
        let info = format!("SDKAppID `{app}` is unknown: check it, and the data centre");
        return Err(Refusal::new(settings.unknown_app_code, info));
    }
    if settings.disabled {
        return Err(Refusal::new(60016, format!("SDKAppID `{app}` is disabled: ask support")));
    }
    if let Some(domain) = &settings.domain
        && !host_name(&arrival.host).eq_ignore_ascii_case(domain)
    {
        let info = format!("`{}` does not serve SDKAppID `{app}`: call `{domain}`", arrival.host);
        return Err(Refusal::new(60026, info));
    }
    let refuse = |name| Refusal::new(60025, format!("`{name}` is missing from the URL or wrong: correct it"));
    if parameter("contenttype") != Some("json") {
        return Err(refuse("contenttype"));
    }
    let identifier = parameter("identifier").ok_or_else(|| refuse("identifier"))?;
    let user_sig = parameter("usersig").ok_or_else(|| refuse("usersig"))?;
    let random = parameter("random").and_then(|random| random.parse::<u32>().ok());
    if settings.random_required && random.is_none() {
        return Err(refuse("random"));
    }
    Ok((identifier, user_sig))
}

/// Step 3.
fn check_signature(
    simulator: &Simulator,
    identifier: &str,
    user_sig: &str,
    now: Timestamp,
) -> Result<(), Refusal> {
    // It is good or bad for a whole second: one look is enough for all calls of it.
    let is_known = |state: &State| {
        state.genuine.as_ref().is_some_and(|(known, whose, second)| {
            known == user_sig && whose == identifier && *second == now.as_second()
        })
    };
    let (is_locked, is_known) = simulator.write(|state| (state.is_locked(now), is_known(state)));
    if is_locked {
        let info =
            "too many signature failures: wait a minute, and correct the signature before calling again";
        return Err(Refusal::new(70050, info));
    }
    if is_known {
        return Ok(());
    }
    let settings = simulator.settings();
    let key = &settings.secret_key;
    let verified = user_sig::verify(key, settings.sdk_app_id, identifier, now, user_sig);
    if verified.is_ok() {
        let genuine = (user_sig.to_owned(), identifier.to_owned(), now.as_second());
        simulator.write(|state| state.genuine = Some(genuine));
    }
    verified.map_err(|rejection| {
        // An expired UserSig is a genuine one, so it says nothing about somebody guessing.
        if rejection != user_sig::Rejection::Expired {
            simulator.write(|state| state.signature_failed(now));
        }
        Refusal::new(rejection.code(), rejection.to_string())
    })
}

/// The host in a `Host` header, without port and brackets.
pub(super) fn host_name(host: &str) -> &str {
    if let Some(v6) = host.strip_prefix('[') {
        return v6.split(']').next().unwrap_or_default();
    }
    host.split(':').next().unwrap_or_default()
}

/// `None` for a wrong escape, for bytes that are not UTF-8, and for a parameter given twice: better to refuse
/// what could be read two ways than to guess.
fn parse_query(query: &str) -> Option<HashMap<String, String>> {
    let mut parameters = HashMap::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        if parameters.insert(unescape(name)?, unescape(value)?).is_some() {
            return None;
        }
    }
    Some(parameters)
}

fn unescape(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                let value = digit()? * 16 + digit()?;
                u8::try_from(value).ok()?
            }
            plain => plain,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_query_is_unescaped_once() {
        let query = parse_query("identifier=%40TIM%23SYSTEM&a=%252B+x&empty&").unwrap();
        assert_eq!(query["identifier"], "@TIM#SYSTEM");
        assert_eq!(query["a"], "%2B x");
        assert_eq!(query["empty"], "");
    }

    #[test]
    fn a_query_that_could_be_read_two_ways_is_refused() {
        for query in ["a=%", "a=%4", "a=%zz", "a=%+1", "a=%ff", "a=1&a=1"] {
            assert_eq!(parse_query(query), None, "{query}");
        }
    }

    #[test]
    fn a_host_loses_its_port_and_its_brackets() {
        for (host, name) in
            [("localhost:80", "localhost"), ("[::1]:80", "::1"), ("::", ""), ("[", ""), ("a", "a")]
        {
            assert_eq!(host_name(host), name);
        }
    }

    proptest! {
        #[test]
        fn no_query_and_no_host_breaks_us(text in ".{0,100}", escaped in "[%0-9a-f&=+]{0,60}") {
            let _ = (parse_query(&text), parse_query(&escaped), host_name(&text));
        }
    }
}
