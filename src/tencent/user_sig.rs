//! UserSig: the signature that proves to Tencent who is calling (TLSSigAPI v2).
//!
//! A UserSig is a small JSON object, compressed with zlib and written in a base64 of Tencent's own. Whoever
//! holds the application's secret key can make one for any user, an app admin included, so neither the key nor
//! a UserSig may reach a log line: both are [`SecretString`]s here.
//!
//! Sources: trtc.io/document/34385, and Tencent's own generators (github.com/tencentyun/tls-sig-api-v2-python
//! and -node). Those two disagree about key order, zlib level and `\u` escapes, and both are accepted, so two
//! UserSigs are compared by what they hold and never as strings.

use std::fmt;
use std::io::Read;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use flate2::Compression;
use flate2::bufread::{ZlibDecoder, ZlibEncoder};
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use sha2::Sha256;

/// The version that every generator writes (seen in Tencent's code).
const VERSION: &str = "2.0";

/// No genuine UserSig comes near this many bytes, compressed or not. A megabyte of zeros compresses to
/// about a kilobyte, so the unpacked size needs a bound of its own.
const MAX_BYTES: usize = 4096;

/// A signature for one account of one application, good for a limited time.
///
/// It cannot print itself; [`UserSig::expose`] is the only way to the text.
#[derive(Clone)]
pub struct UserSig(SecretString);

impl UserSig {
    /// The text that goes into the `usersig` query parameter: only `A-Z a-z 0-9 * - _`, so it needs no escaping.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for UserSig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserSig([REDACTED])")
    }
}

/// Why a UserSig does not hold, in the order in which [`verify`] looks.
///
/// The codes are documented (trtc.io/document/34348); the order of the checks is inferred.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
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
    pub fn code(self) -> i64 {
        match self {
            Self::Malformed => 70003,
            Self::App => 70014,
            Self::Identifier => 70013,
            Self::Signature => 70009,
            Self::Expired => 70001,
        }
    }
}

/// Signs for `identifier`, from `now` on and for `valid_for` (whole seconds; the rest is dropped).
///
/// The key is used as it is printed in the console: its characters are the key, it is not hex to be decoded.
/// Tencent's generators use 180 days, and its documentation advises at least 24 hours.
pub fn sign(
    key: &SecretString,
    sdk_app_id: u32,
    identifier: &str,
    now: Timestamp,
    valid_for: Duration,
) -> UserSig {
    let time = now.as_second();
    let expire = i64::try_from(valid_for.as_secs()).unwrap_or(i64::MAX);
    let mac = mac_over(key, identifier, sdk_app_id, time, expire).finalize().into_bytes();
    let claims = serde_json::json!({
        "TLS.ver": VERSION,
        "TLS.identifier": identifier,
        "TLS.sdkappid": sdk_app_id,
        "TLS.time": time,
        "TLS.expire": expire,
        "TLS.sig": BASE64.encode(mac),
    });
    UserSig(SecretString::from(pack(claims.to_string().as_bytes())))
}

/// Checks a UserSig as the service would at `now`.
///
/// It counts as expired from the very second `time + expire` on, and one dated in the future is accepted;
/// neither boundary is documented.
pub fn verify(
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

fn mac_over(key: &SecretString, identifier: &str, sdk_app_id: u32, time: i64, expire: i64) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.expose_secret().as_bytes())
        .expect("HMAC takes a key of any length");
    // Every line ends in a line feed, the last one too.
    let text = format!(
        "TLS.identifier:{identifier}\nTLS.sdkappid:{sdk_app_id}\nTLS.time:{time}\nTLS.expire:{expire}\n"
    );
    mac.update(text.as_bytes());
    mac
}

fn pack(json: &[u8]) -> String {
    let mut packed = Vec::new();
    ZlibEncoder::new(json, Compression::default())
        .read_to_end(&mut packed)
        .expect("reading from memory into memory cannot fail");
    // This is not the URL-safe alphabet of RFC 4648: there `+` becomes `-`, here it becomes `*`.
    BASE64.encode(packed).replace('+', "*").replace('/', "-").replace('=', "_")
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
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

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
        let file: Value = serde_json::from_str(include_str!("../../tests/vectors/usersig.json")).unwrap();
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
            assert_eq!(decoded(sig.expose()), v.expected, "{}", v.name);
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
        assert_eq!(verify(&key(), APP, "admin", at(1_700_000_059), sig.expose()), Ok(()));
        let late = verify(&key(), APP, "admin", at(1_700_000_060), sig.expose());
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
        assert_eq!(check(&key(), APP + 1, "other", expired.expose()), 70014);
        assert_eq!(check(&key(), APP, "other", expired.expose()), 70013);
        assert_eq!(check(&key(), APP, "admin", expired.expose()), 70009);
        assert_eq!(check(&wrong_key, APP, "admin", expired.expose()), 70001);
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
            BASE64.decode(sig.expose().replace('*', "+").replace('-', "/").replace('_', "=")).unwrap();
        let cut = BASE64.encode(&packed[..packed.len() - 1]);
        let tail = BASE64.encode([packed.as_slice(), b"tail"].concat());
        for spoilt in [cut, tail] {
            let spoilt = spoilt.replace('+', "*").replace('/', "-").replace('=', "_");
            assert_eq!(verify(&key(), APP, "admin", at(0), &spoilt), Err(Rejection::Malformed));
        }
    }

    #[test]
    fn a_sig_does_not_print_itself() {
        let sig = sign(&key(), APP, "admin", at(0), Duration::from_secs(60));
        assert_eq!(format!("{sig:?}"), "UserSig([REDACTED])");
    }

    proptest! {
        #[test]
        fn whatever_is_signed_verifies_and_fits_a_query_string(
            secret in ".{0,80}", app: u32, identifier in ".{0,32}", time in 0_i64..4_000_000_000, valid in 1_u64..31_536_000,
        ) {
            let secret = SecretString::from(secret);
            let sig = sign(&secret, app, &identifier, at(time), Duration::from_secs(valid));
            prop_assert_eq!(verify(&secret, app, &identifier, at(time), sig.expose()), Ok(()));
            prop_assert!(sig.expose().bytes().all(|b| b.is_ascii_alphanumeric() || b"*-_".contains(&b)));
        }

        #[test]
        fn no_change_of_a_claim_goes_unnoticed(later in 1_i64..1_000_000, longer in 1_i64..1_000_000) {
            let sig = sign(&key(), APP, "admin", at(1_700_000_000), Duration::from_secs(60));
            for (claim, by) in [("TLS.time", later), ("TLS.expire", longer)] {
                let mut claims = decoded(sig.expose());
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
