//! Whether a callback is Tencent's (trtc.io/document/64412).

use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::notice::Query;

/// How far `RequestTime` may be from our time, either way, in seconds (documented).
const FRESHNESS: u64 = 60;

/// Why a callback is not authentic. For the log; the sender learns nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotAuthentic {
    /// No `Sign` or no `RequestTime`.
    #[error("it is not signed: switch authentication on with `room-owner tencent callbacks set <url>`")]
    Unsigned,
    /// `RequestTime` is not a number of seconds.
    #[error("its RequestTime is not a number")]
    Time,
    /// Sent too long ago, or in the future.
    #[error("its RequestTime is more than 60 s away from this machine's clock")]
    NotFresh,
    /// The token did not make this sign.
    #[error("its Sign does not match TENCENT_CALLBACK_TOKEN")]
    Sign,
}

/// The `Sign` of a callback: lower-case hex of SHA-256 over the token and `RequestTime` (unix seconds) in one
/// piece. It covers nothing else.
#[must_use]
pub fn sign(token: &SecretString, request_time: &str) -> String {
    hex::encode(Sha256::digest(format!("{}{request_time}", token.expose_secret())))
}

pub(super) fn verify(token: &SecretString, query: &Query, now: Timestamp) -> Result<(), NotAuthentic> {
    let (Some(given), Some(time)) = (query.get("sign"), query.get("requesttime")) else {
        return Err(NotAuthentic::Unsigned);
    };
    let plain = (1..=12).contains(&time.len()) && time.bytes().all(|b| b.is_ascii_digit());
    let seconds: i64 = time.parse().ok().filter(|_| plain).ok_or(NotAuthentic::Time)?;
    let expected = sign(token, time);
    if !bool::from(expected.as_bytes().ct_eq(given.as_bytes())) {
        return Err(NotAuthentic::Sign);
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
        assert_eq!(checked(sample, "1669872113", sent), Err(NotAuthentic::Sign));
        assert_eq!(checked(&sample.to_uppercase(), "1669872112", sent), Err(NotAuthentic::Sign));
        assert_eq!(checked(&sample[1..], "1669872112", sent), Err(NotAuthentic::Sign));
        for time in ["-1669872112", "1669872112.0", "", " 1669872112", "99999999999999999999"] {
            assert!(
                matches!(checked(sample, time, sent), Err(NotAuthentic::Time | NotAuthentic::Unsigned)),
                "{time}"
            );
        }
        let unsigned = Query::parse("SdkAppid=1").unwrap();
        assert_eq!(verify(&token, &unsigned, Timestamp::UNIX_EPOCH), Err(NotAuthentic::Unsigned));
    }
}
