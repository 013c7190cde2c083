//! Slack's request signing, version 0 (docs.slack.dev/authentication/verifying-requests-from-slack).

use axum::http::HeaderMap;
use hmac::{Hmac, Mac as _};
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq as _};

use crate::body::{NotAuthentic, check_fresh, seconds, single_header};

/// Checks that Slack signed `body` just now. Returns which secret it used, so that the operator can see
/// when an old one has gone out of use.
///
/// # Errors
/// Why the bytes are not authentic.
pub fn verify(
    secrets: &[SecretString],
    headers: &HeaderMap,
    body: &[u8],
    now: Timestamp,
) -> Result<usize, NotAuthentic> {
    let timestamp = single_header(headers, "x-slack-request-timestamp")?;
    let given = single_header(headers, "x-slack-signature")?;

    let sent = seconds(timestamp)?;
    // Every secret is tried, whichever matches: the time taken says nothing.
    let mut matching = None;
    for (index, secret) in secrets.iter().enumerate() {
        let same: Choice = sign(secret, timestamp, body).as_bytes().ct_eq(given.as_bytes());
        if bool::from(same) {
            matching = Some(index);
        }
    }
    let secret = matching.ok_or(NotAuthentic::Signature)?;
    check_fresh(sent, now)?;
    Ok(secret)
}

/// The signature of `body` at `timestamp`: `v0=` and lowercase hexadecimal.
pub fn sign(secret: &SecretString, timestamp: &str, body: &[u8]) -> String {
    // The key is the secret's text as it is; it only looks like hexadecimal.
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes())
        .unwrap_or_else(|_| unreachable!("hmac takes keys of every length"));
    mac.update(b"v0:");
    mac.update(timestamp.as_bytes());
    mac.update(b":");
    mac.update(body);
    format!("v0={}", hex::encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";
    const TIMESTAMP: i64 = 1_531_420_618;
    const SIGNATURE: &str = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";

    fn body() -> Vec<u8> {
        let vectors: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/vectors/platforms.json")).unwrap();
        let vector = &vectors["slack_signature"];
        assert_eq!(vector["signing_secret"], SECRET);
        assert_eq!(vector["signature"], SIGNATURE);
        vector["body"].as_str().unwrap().as_bytes().to_vec()
    }

    fn check(timestamp: &str, signature: &str, body: &[u8], clock: i64) -> Result<usize, NotAuthentic> {
        let mut headers = HeaderMap::new();
        headers.insert("x-slack-request-timestamp", timestamp.parse().unwrap());
        headers.insert("x-slack-signature", signature.parse().unwrap());
        let secrets = [SecretString::from("old"), SecretString::from(SECRET)];
        verify(&secrets, &headers, body, Timestamp::from_second(clock).unwrap())
    }

    #[test]
    fn slacks_own_example_is_authentic_within_300_seconds_either_way() {
        for skew in [-300, 0, 300] {
            assert_eq!(check("1531420618", SIGNATURE, &body(), TIMESTAMP + skew), Ok(1));
        }
        for skew in [-301, 301] {
            assert_eq!(
                check("1531420618", SIGNATURE, &body(), TIMESTAMP + skew),
                Err(NotAuthentic::NotFresh)
            );
        }
    }

    #[test]
    fn an_old_request_speaks_of_a_clock_only_if_it_is_well_signed() {
        let forged = SIGNATURE.replace("503", "504");
        for skew in [-301, 301, 1_000_000] {
            let refused = |signature| check("1531420618", signature, &body(), TIMESTAMP + skew).unwrap_err();
            assert_eq!(
                (refused(SIGNATURE), refused(&forged)),
                (NotAuthentic::NotFresh, NotAuthentic::Signature)
            );
        }
    }

    #[test]
    fn whatever_is_altered_is_noticed() {
        let refused = |signature: &str, body: &[u8]| check("1531420618", signature, body, TIMESTAMP).is_err();
        assert!(refused(&SIGNATURE.replace("503", "504"), &body()));
        assert!(refused(&SIGNATURE.to_uppercase(), &body()));
        assert!(refused(&SIGNATURE.replace("v0=", "v1="), &body()));
        assert!(refused(&SIGNATURE[3..], &body()));
        assert!(refused(SIGNATURE, &[]));
        assert!(refused(SIGNATURE, &[body(), b"&".to_vec()].concat()));
        assert!(refused("", &body()));
    }

    #[test]
    fn an_odd_timestamp_is_refused_even_with_a_matching_signature() {
        let secret = SecretString::from(SECRET);
        for timestamp in
            ["01531420618", "1531420618.0", "+1531420618", "-1531420618", "", "99999999999999999999", "1e9"]
        {
            let signature = sign(&secret, timestamp, b"x");
            assert!(check(timestamp, &signature, b"x", TIMESTAMP).is_err(), "{timestamp}");
        }
    }

    #[test]
    fn only_the_signature_itself_counts_as_one() {
        let digits = &SIGNATURE[3..];
        for signature in [
            format!("v1={digits}"),
            format!("v0 ={digits}"),
            format!("v0= {digits}"),
            format!("V0={digits}"),
            format!(" {SIGNATURE}"),
            format!("{SIGNATURE} "),
            format!("{SIGNATURE},{SIGNATURE}"),
            format!("v1=x,{SIGNATURE}"),
            format!("{SIGNATURE}00"),
            format!("v0={}", digits.to_uppercase()),
            format!("v0=0x{digits}"),
            SIGNATURE[..SIGNATURE.len() - 2].to_owned(),
            digits.to_owned(),
            "v0".to_owned(),
        ] {
            let answer = check("1531420618", &signature, &body(), TIMESTAMP);
            assert_eq!(answer, Err(NotAuthentic::Signature), "{signature}");
        }
        for timestamp in [" 1531420618", "1531420618 ", "1531420618,1531420618", "-0", "00", "1_531_420_618"]
        {
            let signature = sign(&SecretString::from(SECRET), timestamp, b"x");
            let answer = check(timestamp, &signature, b"x", TIMESTAMP);
            assert_eq!(answer, Err(NotAuthentic::Timestamp), "{timestamp}");
        }
        // Without a secret nothing is authentic, not even what an empty one signs.
        let mut headers = HeaderMap::new();
        headers.insert("x-slack-request-timestamp", "1531420618".parse().unwrap());
        let signature = sign(&SecretString::from(""), "1531420618", b"x");
        headers.insert("x-slack-signature", signature.parse().unwrap());
        let now = Timestamp::from_second(TIMESTAMP).unwrap();
        assert_eq!(verify(&[], &headers, b"x", now), Err(NotAuthentic::Signature));
    }

    #[test]
    fn missing_and_doubled_headers_are_refused() {
        let now = Timestamp::from_second(TIMESTAMP).unwrap();
        let secrets = [SecretString::from(SECRET)];
        let mut headers = HeaderMap::new();
        assert_eq!(verify(&secrets, &headers, &body(), now), Err(NotAuthentic::Headers));
        headers.append("x-slack-request-timestamp", "1531420618".parse().unwrap());
        headers.append("x-slack-signature", SIGNATURE.parse().unwrap());
        assert_eq!(verify(&secrets, &headers, &body(), now), Ok(0));
        headers.append("x-slack-signature", SIGNATURE.parse().unwrap());
        assert_eq!(verify(&secrets, &headers, &body(), now), Err(NotAuthentic::Headers));
    }

    #[test]
    fn bytes_that_are_not_text_are_signed_as_bytes() {
        let signature = sign(&SecretString::from(SECRET), "1531420618", &[0xff, 0, 0xfe]);
        assert_eq!(check("1531420618", &signature, &[0xff, 0, 0xfe], TIMESTAMP), Ok(1));
    }
}
