//! The key that signs tree heads, in the texts of C2SP's signed notes.

use std::fmt;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use rand_core::OsRng;
use secrecy::{ExposeSecret as _, SecretString};
use signed_note::{StandardSigner, StandardVerifier, generate_key, new_ed25519_verifier_key};

/// What the origin of a log begins with, where this program names it.
const ORIGIN: &str = "room-owner/";

/// A text that is not a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Of a signing key: never quoted.
    #[error(
        "this is not a signing key: it reads `PRIVATE+KEY+<name>+<id>+<key>`, as `room-owner audit key --new` prints it"
    )]
    Signing,
    /// A signing key in the place of a verifier key: never quoted.
    #[error(
        "this is a signing key, which nobody may read: give the verifier key, as `room-owner audit key` prints it"
    )]
    NotPublic,
    /// Of a verifier key.
    #[error("`{0}` is not a verifier key: it reads `<name>+<id>+<key>`, as `room-owner audit key` prints it")]
    Verifier(String),
}

/// The private key. Its name is the origin of the log's checkpoints.
pub struct SigningKey {
    pub(super) signer: StandardSigner,
    public: VerifierKey,
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.public)
    }
}

impl SigningKey {
    /// A new key's text, for a log with a name of its own.
    pub fn generate() -> SecretString {
        let name = format!("{ORIGIN}{}", hex::encode(rand::random::<[u8; 4]>()));
        SecretString::from(generate_key(&mut OsRng, &name).0)
    }

    /// The key of a text.
    ///
    /// # Errors
    /// When it is none, which is said without quoting it.
    pub fn parse(text: &SecretString) -> Result<Self, KeyError> {
        let text = text.expose_secret().trim();
        let signer = StandardSigner::new(text).map_err(|_| KeyError::Signing)?;
        let mut parts = text.strip_prefix("PRIVATE+KEY+").unwrap_or_default().splitn(3, '+');
        let (Some(name), Some(_), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(KeyError::Signing);
        };
        let key = BASE64_STANDARD.decode(key).map_err(|_| KeyError::Signing)?;
        let seed: [u8; 32] = key.get(1..).and_then(|seed| seed.try_into().ok()).ok_or(KeyError::Signing)?;
        let public = ed25519_dalek::SigningKey::from_bytes(&seed).verifying_key();
        let public = new_ed25519_verifier_key(name, &public);
        Ok(Self { signer, public: VerifierKey::parse(&public).map_err(|_| KeyError::Signing)? })
    }

    /// The public half.
    pub fn verifier_key(&self) -> &VerifierKey {
        &self.public
    }
}

/// The public key, with which anybody can check a signed head.
#[derive(Clone)]
pub struct VerifierKey {
    text: String,
    pub(super) verifier: StandardVerifier,
}

impl VerifierKey {
    /// The key of a text.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let text = text.trim();
        if text.contains("PRIVATE+KEY") {
            return Err(KeyError::NotPublic);
        }
        let verifier = StandardVerifier::new(text).map_err(|_| KeyError::Verifier(text.to_owned()))?;
        Ok(Self { text: text.to_owned(), verifier })
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The origin of the log that it is for.
    pub fn name(&self) -> &str {
        self.text.split('+').next().unwrap_or_default()
    }
}

impl PartialEq for VerifierKey {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for VerifierKey {}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_public_half_is_the_one_of_the_specification() {
        // The key of c2sp.org/signed-note's own example.
        let private = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
        let key = SigningKey::parse(&SecretString::from(private)).unwrap();
        assert_eq!(
            key.verifier_key().as_str(),
            "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
        );
        assert_eq!(key.verifier_key().name(), "PeterNeumann");
        assert!(!format!("{key:?}").contains("AYEKFALV"));
    }

    #[test]
    fn a_new_key_is_one_and_another_each_time() {
        let [one, other] = [SigningKey::generate(), SigningKey::generate()];
        assert_ne!(one.expose_secret(), other.expose_secret());
        // Many: the text of some holds a `+`.
        for _ in 0..50 {
            let key = SigningKey::parse(&SigningKey::generate()).unwrap();
            assert!(key.verifier_key().name().starts_with("room-owner/"));
            assert_eq!(&VerifierKey::parse(key.verifier_key().as_str()).unwrap(), key.verifier_key());
        }
    }

    #[test]
    fn what_is_no_key_is_refused_and_a_private_one_never_quoted() {
        let private = SigningKey::generate();
        let cut = private.expose_secret()[..private.expose_secret().len() - 3].to_owned();
        for text in ["", "PRIVATE+KEY+a+b+c", &cut] {
            let error = SigningKey::parse(&SecretString::from(text)).unwrap_err().to_string();
            assert!(error.contains("audit key --new") && !error.contains("PRIVATE+KEY+room"), "{error}");
        }
        assert!(VerifierKey::parse("room-owner/a+00000000+AAAA").is_err());
    }
}
