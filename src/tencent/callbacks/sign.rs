//! Whether a callback is Tencent's (trtc.io/document/64412).

use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::notice::Query;
use crate::app::ports::NotAuthentic;

/// How far `RequestTime` may be from our time, either way, in seconds (documented).
const FRESHNESS: u64 = 60;

/// The `Sign` of a callback: lower-case hex of SHA-256 over the token and `RequestTime` (unix seconds) in one
/// piece. It covers nothing else.
pub fn sign(token: &SecretString, request_time: &str) -> String {
    hex::encode(Sha256::digest(format!("{}{request_time}", token.expose_secret())))
}

pub(super) fn verify(token: &SecretString, query: &Query, now: Timestamp) -> Result<(), NotAuthentic> {
    let (Some(given), Some(time)) = (query.get("sign"), query.get("requesttime")) else {
        return Err(NotAuthentic::Headers);
    };
    let plain = (1..=12).contains(&time.len()) && time.bytes().all(|b| b.is_ascii_digit());
    let seconds: i64 = time.parse().ok().filter(|_| plain).ok_or(NotAuthentic::Timestamp)?;
    let expected = sign(token, time);
    if !bool::from(expected.as_bytes().ct_eq(given.as_bytes())) {
        return Err(NotAuthentic::Signature);
    }
    if now.as_second().abs_diff(seconds) > FRESHNESS {
        return Err(NotAuthentic::NotFresh);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_is_good_for_a_minute_either_way_and_for_its_token_and_time_alone() {
        // The published sample.
        let sample = "17773bc39a671d7b9aa835458704d2a6db81360a5940292b587d6d760d484061";
        let token = SecretString::from("xxxxyyyy");
        let checked = |sign: &str, time: &str, seconds: i64| {
            let query = Query::parse(&format!("Sign={sign}&RequestTime={time}")).unwrap();
            verify(&token, &query, Timestamp::from_second(seconds).unwrap())
        };
        let sent = 1_669_872_112;
        for late in [-60, 0, 60] {
            assert_eq!(checked(sample, "1669872112", sent + late), Ok(()), "{late}");
        }
        for late in [-61, 61] {
            assert_eq!(checked(sample, "1669872112", sent + late), Err(NotAuthentic::NotFresh), "{late}");
        }
        assert_eq!(checked(sample, "1669872113", sent), Err(NotAuthentic::Signature));
        assert_eq!(checked(&sample.to_uppercase(), "1669872112", sent), Err(NotAuthentic::Signature));
        assert_eq!(checked(&sample[1..], "1669872112", sent), Err(NotAuthentic::Signature));
        for time in ["-1669872112", "1669872112.0", "", " 1669872112", "99999999999999999999"] {
            assert!(
                matches!(checked(sample, time, sent), Err(NotAuthentic::Timestamp | NotAuthentic::Headers)),
                "{time}"
            );
        }
        let unsigned = Query::parse("SdkAppid=1").unwrap();
        assert_eq!(verify(&token, &unsigned, Timestamp::UNIX_EPOCH), Err(NotAuthentic::Headers));
    }
}
