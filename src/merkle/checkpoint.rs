//! Signed tree heads: C2SP's `tlog-checkpoint` in a `signed-note`.

use signed_note::{Note, NoteError, VerifierList};
use tlog_tiles::Hash;

use super::{SigningKey, VerifierKey};
use crate::domain::tree_head::TreeHead;

/// What is wrong with a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// It does not have the form.
    #[error("it is not a checkpoint: a name, a number of events, a hash, an empty line and a signature")]
    Malformed,
    /// Nobody signed it with the key.
    #[error("it is not signed with the key `{0}`")]
    OtherKey(String),
    /// The signature is not one of this text.
    #[error("its signature is not one of the key `{0}` over this text: it was altered, or forged")]
    Forged(String),
    /// The head could not be signed.
    #[error("the tree head cannot be signed")]
    Unsigned,
}

/// A signed head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    text: String,
    origin: String,
    head: TreeHead,
}

impl Checkpoint {
    /// Signs a head; the key's name is the origin.
    ///
    /// # Errors
    /// When the key cannot sign.
    pub fn sign(head: TreeHead, key: &SigningKey) -> Result<Self, CheckpointError> {
        let origin = key.verifier_key().name().to_owned();
        let body = tlog_tiles::Checkpoint::new(&origin, head.size, Hash(head.root), "")
            .map_err(|_| CheckpointError::Unsigned)?;
        let mut note = Note::new(&body.to_bytes(), &[]).map_err(|_| CheckpointError::Unsigned)?;
        note.add_sigs(&[&key.signer]).map_err(|_| CheckpointError::Unsigned)?;
        let text = String::from_utf8(note.to_bytes()).map_err(|_| CheckpointError::Unsigned)?;
        Ok(Self { text, origin, head })
    }

    /// Reads a checkpoint. It says nothing until its signature has been checked.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let note = Note::from_bytes(text.as_bytes()).map_err(|_| CheckpointError::Malformed)?;
        let body = tlog_tiles::Checkpoint::from_bytes(note.text()).map_err(|_| CheckpointError::Malformed)?;
        let head = TreeHead { size: body.size(), root: body.hash().0 };
        Ok(Self { text: text.to_owned(), origin: body.origin().to_owned(), head })
    }

    /// The signed text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The name of the log that it is of.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The head.
    pub fn head(&self) -> TreeHead {
        self.head
    }

    /// Checks that `key` signed it.
    ///
    /// # Errors
    /// When it did not, or signed another text.
    pub fn check(&self, key: &VerifierKey) -> Result<(), CheckpointError> {
        let note = Note::from_bytes(self.text.as_bytes()).map_err(|_| CheckpointError::Malformed)?;
        match note.verify(&VerifierList::new(vec![Box::new(key.verifier.clone())])) {
            Ok(_) if self.origin == key.name() => Ok(()),
            Err(NoteError::InvalidSignature { .. }) => Err(CheckpointError::Forged(key.to_string())),
            _ => Err(CheckpointError::OtherKey(key.to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> SigningKey {
        SigningKey::parse(&SigningKey::generate()).unwrap()
    }

    #[test]
    fn a_checkpoint_is_what_was_signed_and_by_whom() {
        let (key, other) = (key(), key());
        let head = TreeHead { size: 7, root: [3; 32] };
        let signed = Checkpoint::sign(head, &key).unwrap();
        let read = Checkpoint::parse(signed.as_str()).unwrap();
        assert_eq!((&read, read.head(), read.origin()), (&signed, head, key.verifier_key().name()));
        assert_eq!(read.check(key.verifier_key()), Ok(()));
        let of_another = read.check(other.verifier_key());
        assert_eq!(of_another, Err(CheckpointError::OtherKey(other.verifier_key().to_string())));
        let longer = Checkpoint::parse(&signed.as_str().replacen("\n7\n", "\n8\n", 1)).unwrap();
        assert_eq!(
            longer.check(key.verifier_key()),
            Err(CheckpointError::Forged(key.verifier_key().to_string()))
        );
    }

    #[test]
    fn what_is_no_checkpoint_is_refused() {
        for text in ["", "\n\n", "room-owner/a\n7\nabc=\n\n— x y\n", "notes"] {
            assert_eq!(Checkpoint::parse(text), Err(CheckpointError::Malformed), "{text:?}");
        }
    }
}
