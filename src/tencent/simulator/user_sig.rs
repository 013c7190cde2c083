//! Whether a UserSig holds, as the service checks it. Two are compared by what they hold and never as strings:
//! Tencent's own generators disagree about key order, zlib level and `\u` escapes.

use std::io::Read;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use flate2::bufread::ZlibDecoder;
use hmac::Mac as _;
use jiff::Timestamp;
use secrecy::SecretString;
use serde::Deserialize;

use crate::tencent::user_sig::{VERSION, mac_over};

/// No genuine UserSig comes near this many bytes, compressed or not. A megabyte of zeros compresses to
/// about a kilobyte, so the unpacked size needs a bound of its own.
const MAX_BYTES: usize = 4096;

/// Why a UserSig does not hold, in the order in which [`verify`] looks.
///
/// The codes are documented (trtc.io/document/34348); the order of the checks is inferred.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Rejection {
    /// 70003: not a UserSig at all, or one that was cut short or escaped wrongly on its way.
    #[error("the UserSig cannot be decoded: check that it was copied whole and not escaped twice")]
    Malformed,
    /// 70014: signed for another SDKAppID.
    #[error("the UserSig was made for another SDKAppID: sign with the SDKAppID that is in the URL")]
    App,
    /// 70013: signed for another account.
    #[error("the UserSig was made for another account: sign for the identifier that is in the URL")]
    Identifier,
    /// 70009: the key that signed is not this application's.
    #[error("the UserSig was not signed with this application's secret key: check the key")]
    Signature,
    /// 70001: it was good once.
    #[error("the UserSig has expired: sign a new one, and check the clock")]
    Expired,
}

impl Rejection {
    /// The ErrorCode Tencent gives for it.
    pub(super) fn code(self) -> i64 {
        match self {
            Self::Malformed => 70003,
            Self::App => 70014,
            Self::Identifier => 70013,
            Self::Signature => 70009,
            Self::Expired => 70001,
        }
    }
}

/// Checks a UserSig as the service would at `now`.
///
/// It counts as expired from the very second `time + expire` on, and one dated in the future is accepted;
/// neither boundary is documented.
pub(super) fn verify(
    key: &SecretString,
    sdk_app_id: u32,
    identifier: &str,
    now: Timestamp,
    sig: &str,
) -> Result<(), Rejection> {
    let claims = decode(sig).ok_or(Rejection::Malformed)?;
    if claims.sdk_app_id != u64::from(sdk_app_id) {
        return Err(Rejection::App);
    }
    if claims.identifier != identifier {
        return Err(Rejection::Identifier);
    }
    let mac = BASE64.decode(&claims.sig).map_err(|_| Rejection::Signature)?;
    // `verify_slice` takes the same time wherever the difference is.
    mac_over(key, identifier, sdk_app_id, claims.time, claims.expire)
        .verify_slice(&mac)
        .map_err(|_| Rejection::Signature)?;
    if now.as_second() >= claims.time.saturating_add(claims.expire) {
        return Err(Rejection::Expired);
    }
    Ok(())
}

#[derive(Deserialize)]
struct Claims {
    #[serde(rename = "TLS.ver")]
    version: String,
    #[serde(rename = "TLS.identifier")]
    identifier: String,
    #[serde(rename = "TLS.sdkappid")]
    sdk_app_id: u64,
    #[serde(rename = "TLS.time")]
    time: i64,
    #[serde(rename = "TLS.expire")]
    expire: i64,
    #[serde(rename = "TLS.sig")]
    sig: String,
}

fn decode(sig: &str) -> Option<Claims> {
    let json = unpack(sig)?;
    let claims: Claims = serde_json::from_slice(&json).ok()?;
    (claims.version == VERSION).then_some(claims)
}

fn unpack(sig: &str) -> Option<Vec<u8>> {
    if sig.len() > MAX_BYTES || sig.contains(['+', '/', '=']) {
        return None;
    }
    let packed = BASE64.decode(sig.replace('*', "+").replace('-', "/").replace('_', "=")).ok()?;
    let mut json = Vec::new();
    let mut decoder = ZlibDecoder::new(packed.as_slice());
    decoder.by_ref().take(MAX_BYTES as u64 + 1).read_to_end(&mut json).ok()?;
    let whole = json.len() <= MAX_BYTES && decoder.total_in() == packed.len() as u64;
    whole.then_some(json)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;
    use secrecy::ExposeSecret as _;
    use serde_json::Value;

    use super::*;
    use crate::tencent::user_sig::{pack, sign};

    const APP: u32 = 1_400_000_000;

    fn key() -> SecretString {
        SecretString::from("5bd2850fff3ecb11d7c805251c51ee463a25727bddc2385f3fa8bfee1bb93b5e")
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn decoded(sig: &str) -> Value {
        serde_json::from_slice(&unpack(sig).unwrap()).unwrap()
    }

    struct Vector {
        name: String,
        key: SecretString,
        app: u32,
        identifier: String,
        time: i64,
        expire: u64,
        expected: Value,
        samples: [String; 2],
    }

    fn vectors() -> Vec<Vector> {
        let file: Value = serde_json::from_str(include_str!("../../../tests/vectors/usersig.json")).unwrap();
        let text = |v: &Value, name: &str| v[name].as_str().unwrap().to_owned();
        let vectors: Vec<_> = file["vectors"]
            .as_array()
            .unwrap()
            .iter()
            .map(|v| Vector {
                name: text(v, "name"),
                key: SecretString::from(text(v, "key")),
                app: v["sdkappid"].as_u64().unwrap().try_into().unwrap(),
                identifier: text(v, "identifier"),
                time: v["time"].as_i64().unwrap(),
                expire: v["expire"].as_u64().unwrap(),
                expected: v["expected_decoded_json"].clone(),
                samples: [text(v, "sample_usersig_python"), text(v, "sample_usersig_node")],
            })
            .collect();
        assert!(!vectors.is_empty());
        vectors
    }

    #[test]
    fn what_we_sign_holds_what_tencents_generators_put_in() {
        for v in vectors() {
            let sig = sign(&v.key, v.app, &v.identifier, at(v.time), Duration::from_secs(v.expire));
            assert_eq!(decoded(sig.expose_secret()), v.expected, "{}", v.name);
        }
    }

    #[test]
    fn what_tencents_generators_signed_decodes_and_verifies() {
        for v in vectors() {
            for sample in &v.samples {
                assert_eq!(decoded(sample), v.expected, "{}", v.name);
                let verdict = verify(&v.key, v.app, &v.identifier, at(v.time), sample);
                let expected = if v.expire == 0 { Err(Rejection::Expired) } else { Ok(()) };
                assert_eq!(verdict, expected, "{}", v.name);
            }
        }
    }

    #[test]
    fn a_sig_is_good_until_the_second_it_expires() {
        let sig = sign(&key(), APP, "admin", at(1_700_000_000), Duration::from_secs(60));
        assert_eq!(verify(&key(), APP, "admin", at(1_700_000_059), sig.expose_secret()), Ok(()));
        let late = verify(&key(), APP, "admin", at(1_700_000_060), sig.expose_secret());
        assert_eq!(late, Err(Rejection::Expired));
    }

    #[test]
    fn the_first_thing_that_is_wrong_is_the_one_that_is_named() {
        let now = at(1_700_000_000);
        let wrong_key = SecretString::from("another key");
        let expired = sign(&wrong_key, APP, "admin", now, Duration::ZERO);
        let check = |key: &SecretString, app: u32, identifier: &str, sig: &str| {
            verify(key, app, identifier, now, sig).unwrap_err().code()
        };
        assert_eq!(check(&key(), APP + 1, "other", "not a sig"), 70003);
        assert_eq!(check(&key(), APP + 1, "other", expired.expose_secret()), 70014);
        assert_eq!(check(&key(), APP, "other", expired.expose_secret()), 70013);
        assert_eq!(check(&key(), APP, "admin", expired.expose_secret()), 70009);
        assert_eq!(check(&wrong_key, APP, "admin", expired.expose_secret()), 70001);
    }

    #[test]
    fn a_small_text_that_unpacks_to_a_large_one_is_malformed() {
        let bomb = pack(&vec![b' '; 1_000_000]);
        assert!(bomb.len() < MAX_BYTES, "{} bytes", bomb.len());
        assert_eq!(verify(&key(), APP, "admin", at(0), &bomb), Err(Rejection::Malformed));
    }

    #[test]
    fn a_sig_cut_short_or_with_a_tail_is_malformed() {
        let sig = sign(&key(), APP, "admin", at(0), Duration::from_secs(60));
        let packed =
            BASE64.decode(sig.expose_secret().replace('*', "+").replace('-', "/").replace('_', "=")).unwrap();
        let cut = BASE64.encode(&packed[..packed.len() - 1]);
        let tail = BASE64.encode([packed.as_slice(), b"tail"].concat());
        for spoilt in [cut, tail] {
            let spoilt = spoilt.replace('+', "*").replace('/', "-").replace('=', "_");
            assert_eq!(verify(&key(), APP, "admin", at(0), &spoilt), Err(Rejection::Malformed));
        }
    }

    proptest! {
        #[test]
        fn whatever_is_signed_verifies_and_fits_a_query_string(
            secret in ".{0,80}", app: u32, identifier in ".{0,32}", time in 0_i64..4_000_000_000, valid in 1_u64..31_536_000,
        ) {
            let secret = SecretString::from(secret);
            let sig = sign(&secret, app, &identifier, at(time), Duration::from_secs(valid));
            prop_assert_eq!(verify(&secret, app, &identifier, at(time), sig.expose_secret()), Ok(()));
            prop_assert!(sig.expose_secret().bytes().all(|b| b.is_ascii_alphanumeric() || b"*-_".contains(&b)));
        }

        #[test]
        fn no_change_of_a_claim_goes_unnoticed(later in 1_i64..1_000_000, longer in 1_i64..1_000_000) {
            let sig = sign(&key(), APP, "admin", at(1_700_000_000), Duration::from_secs(60));
            for (claim, by) in [("TLS.time", later), ("TLS.expire", longer)] {
                let mut claims = decoded(sig.expose_secret());
                claims[claim] = Value::from(claims[claim].as_i64().unwrap() + by);
                let forged = pack(claims.to_string().as_bytes());
                prop_assert_eq!(
                    verify(&key(), APP, "admin", at(1_700_000_000), &forged),
                    Err(Rejection::Signature)
                );
            }
        }

        #[test]
        fn no_input_breaks_the_verifier(sig in ".{0,200}", packed: Vec<u8>) {
            let _ = verify(&key(), APP, "admin", at(0), &sig);
            let _ = verify(&key(), APP, "admin", at(0), &pack(&packed));
        }
    }
}
