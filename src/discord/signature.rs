//! Discord's request signing: Ed25519 over the timestamp and the raw body
//! (docs.discord.com/developers/interactions/overview, "Setting up an endpoint").

use std::fmt;
use std::str::FromStr;

use axum::http::HeaderMap;
use ed25519_dalek::{Signature, VerifyingKey};
use jiff::Timestamp;

use crate::body::{NotAuthentic, check_fresh, seconds, single_header};

/// The application's public key.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

/// Why a text is not a public key that signatures can be checked with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    /// Not 64 hexadecimal digits.
    #[error("is not 64 hexadecimal digits: copy the Public Key, not the token or the id")]
    Form,
    /// 32 bytes that are not a key.
    #[error("is not an Ed25519 key: copy the Public Key whole")]
    Point,
    /// A key for which signatures can be made up.
    #[error("is a weak key, for which anybody can sign")]
    Weak,
}

impl FromStr for PublicKey {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| InvalidKey::Form)?;
        let key = VerifyingKey::from_bytes(&bytes).map_err(|_| InvalidKey::Point)?;
        if key.is_weak() { Err(InvalidKey::Weak) } else { Ok(Self(key)) }
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", hex::encode(self.0.as_bytes()))
    }
}

/// Checks that Discord signed `body` just now.
///
/// What is signed is the timestamp with the body right behind it, so a digit could move from the one to
/// the other and the signature still hold: hence the strict forms of both. Discord signs no age: without its being
/// fresh, and the claim of the interaction's id, a signed request could be sent again for ever.
///
/// # Errors
/// Why the bytes are not authentic.
pub(super) fn verify(
    key: &PublicKey,
    headers: &HeaderMap,
    body: &[u8],
    now: Timestamp,
) -> Result<(), NotAuthentic> {
    let timestamp = single_header(headers, "x-signature-timestamp")?;
    let given = single_header(headers, "x-signature-ed25519")?;

    let sent = seconds(timestamp)?;
    if body.first() != Some(&b'{') {
        return Err(NotAuthentic::Body);
    }
    let mut signature = [0; 64];
    hex::decode_to_slice(given, &mut signature).map_err(|_| NotAuthentic::Signature)?;
    key.0
        .verify_strict(&[timestamp.as_bytes(), body].concat(), &Signature::from_bytes(&signature))
        .map_err(|_| NotAuthentic::Signature)?;
    check_fresh(sent, now)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ed25519_dalek::{Signer as _, SigningKey};

    const NOW: i64 = 1_767_225_600;
    const PING: &[u8] = br#"{"type":1}"#;

    fn signer() -> SigningKey {
        SigningKey::from_bytes(&[7; 32])
    }

    fn key() -> PublicKey {
        hex::encode(signer().verifying_key().as_bytes()).parse().unwrap()
    }

    fn sign(timestamp: &str, body: &[u8]) -> String {
        hex::encode(signer().sign(&[timestamp.as_bytes(), body].concat()).to_bytes())
    }

    fn check(timestamp: &str, signature: &str, body: &[u8]) -> Result<(), NotAuthentic> {
        let mut headers = HeaderMap::new();
        headers.insert("x-signature-timestamp", timestamp.parse().unwrap());
        headers.insert("x-signature-ed25519", signature.parse().unwrap());
        verify(&key(), &headers, body, Timestamp::from_second(NOW).unwrap())
    }

    #[test]
    fn what_the_key_signed_is_authentic_within_300_seconds_either_way() {
        for (skew, expected) in [
            (-301, Err(NotAuthentic::NotFresh)),
            (-300, Ok(())),
            (0, Ok(())),
            (300, Ok(())),
            (301, Err(NotAuthentic::NotFresh)),
        ] {
            let timestamp = (NOW + skew).to_string();
            assert_eq!(check(&timestamp, &sign(&timestamp, PING), PING), expected, "{skew}");
            // Whatever its time, what is not signed speaks of no clock.
            let forged = check(&timestamp, &sign(&timestamp, b"{}"), PING);
            assert_eq!(forged, Err(NotAuthentic::Signature), "{skew}");
        }
        let now = NOW.to_string();
        assert_eq!(check(&now, &sign(&now, PING).to_uppercase(), PING), Ok(()));
    }

    #[test]
    fn whatever_is_altered_is_noticed() {
        let now = NOW.to_string();
        let good = sign(&now, PING);
        let refused = |signature: &str, body: &[u8]| check(&now, signature, body).is_err();
        assert!(refused(&good, br#"{"type":2}"#));
        assert!(refused(&good, br#"{"type":1} "#));
        assert!(refused(&good, b""));
        assert!(refused(&good[2..], PING) && refused("", PING) && refused(&"z".repeat(128), PING));
        assert!(refused(&"0".repeat(128), PING));
        assert!(check(&(NOW + 1).to_string(), &good, PING).is_err());
        let other = hex::encode(SigningKey::from_bytes(&[8; 32]).sign(PING).to_bytes());
        assert!(refused(&other, PING));
    }

    #[test]
    fn an_odd_timestamp_is_refused_even_with_a_matching_signature() {
        for timestamp in ["", "+1767225600", "1767225600.0", "01767225600", "000001767225600", "1e9", "-1"] {
            assert_eq!(
                check(timestamp, &sign(timestamp, PING), PING),
                Err(NotAuthentic::Timestamp),
                "{timestamp}"
            );
        }
    }

    #[test]
    fn the_boundary_between_timestamp_and_body_cannot_be_moved() {
        let signature = sign("17672256001", PING);
        assert_eq!(check("1767225600", &signature, br#"1{"type":1}"#), Err(NotAuthentic::Body));
    }

    #[test]
    fn missing_and_doubled_headers_are_refused() {
        let now = Timestamp::from_second(NOW).unwrap();
        let mut headers = HeaderMap::new();
        assert_eq!(verify(&key(), &headers, PING, now), Err(NotAuthentic::Headers));
        headers.append("x-signature-timestamp", NOW.to_string().parse().unwrap());
        assert_eq!(verify(&key(), &headers, PING, now), Err(NotAuthentic::Headers));
        headers.append("x-signature-ed25519", sign(&NOW.to_string(), PING).parse().unwrap());
        assert_eq!(verify(&key(), &headers, PING, now), Ok(()));
        headers.append("x-signature-timestamp", NOW.to_string().parse().unwrap());
        assert_eq!(verify(&key(), &headers, PING, now), Err(NotAuthentic::Headers));
    }

    /// The order of Ed25519's group, little-endian (RFC 8032, section 5.1).
    const ORDER: &str = "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010";

    #[test]
    fn a_signature_has_one_form() {
        let now = NOW.to_string();
        let good = hex::decode(sign(&now, PING)).unwrap();
        let refused = |signature: &[u8]| check(&now, &hex::encode(signature), PING).is_err();
        assert!(!refused(&good));
        // S and S plus the order are the same number to a lax verifier.
        let mut shifted = good.clone();
        let mut carry = 0;
        for (byte, add) in shifted[32..].iter_mut().zip(hex::decode(ORDER).unwrap()) {
            let sum = u16::from(*byte) + u16::from(add) + carry;
            (*byte, carry) = ((sum & 0xff) as u8, sum >> 8);
        }
        assert!(carry == 0 && shifted != good && refused(&shifted));
        for at in 0..good.len() {
            for bit in 0..8 {
                let mut altered = good.clone();
                altered[at] ^= 1 << bit;
                assert!(refused(&altered), "bit {bit} of byte {at}");
            }
        }
        // Points of small order in the place of R, with nothing or the right S behind them.
        for point in SMALL_ORDER {
            let point = hex::decode(point).unwrap();
            assert!(
                refused(&[&point[..], &[0; 32]].concat()) && refused(&[&point[..], &good[32..]].concat())
            );
        }
    }

    /// Every point of small order, in every encoding that some library takes.
    const SMALL_ORDER: [&str; 14] = [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000080",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    ];

    #[test]
    fn no_key_of_small_order_is_taken_in_any_encoding() {
        for point in SMALL_ORDER {
            let refused = point.parse::<PublicKey>();
            assert!(matches!(refused, Err(InvalidKey::Weak | InvalidKey::Point)), "{point}: {refused:?}");
        }
    }

    #[test]
    fn a_key_that_anybody_can_sign_for_is_refused() {
        // The identity and another point of small order.
        for weak in [format!("01{}", "0".repeat(62)), "0".repeat(64)] {
            assert!(matches!(weak.parse::<PublicKey>(), Err(InvalidKey::Weak)), "{weak}");
        }
        for form in ["", "abc", &"g".repeat(64), &"0".repeat(66)] {
            assert!(matches!(form.parse::<PublicKey>(), Err(InvalidKey::Form)), "{form}");
        }
        let no_point = format!("02{}", "0".repeat(62));
        assert!(matches!(no_point.parse::<PublicKey>(), Err(InvalidKey::Point)));
    }
}
