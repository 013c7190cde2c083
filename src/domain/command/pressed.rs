//! The button behind a request, if somebody pressed one instead of typing.

use crate::domain::access::Approval;
use crate::domain::audit::OperationId;
use crate::domain::room::AccountId;

/// The name of a button: 128 random bits in hexadecimal. It authorises nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Nonce(String);

impl Nonce {
    /// The nonce of random bits.
    pub fn new(bits: u128) -> Self {
        Self(format!("{bits:032x}"))
    }

    /// The nonce that a platform sent back; `None` if no button can have it.
    pub fn read(text: &str) -> Option<Self> {
        let is_hex = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
        (text.len() == 32 && text.bytes().all(is_hex)).then(|| Self(text.to_owned()))
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The button that a request comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pressed {
    /// Its name.
    pub nonce: Nonce,
    /// The operation whose reply offered it.
    pub of: OperationId,
    /// Who has to own the room for the press to change anything.
    pub expects: Option<AccountId>,
    /// What it gives to a hand-over that takes more than the right to it.
    pub approval: Option<Box<Approval>>,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_nonce_is_read_as_it_was_written_and_nothing_else_is_one(bits: u128, text in "[0-9a-fA-F]{30,34}|\\PC{0,40}") {
            let nonce = Nonce::new(bits);
            prop_assert_eq!(Nonce::read(nonce.as_str()), Some(nonce));
            let is_one = text.len() == 32 && u128::from_str_radix(&text, 16).is_ok() && text.to_lowercase() == text;
            let is_one = is_one && !text.starts_with('+');
            prop_assert_eq!(Nonce::read(&text).map(|nonce| nonce.as_str().to_owned()), is_one.then_some(text));
        }
    }
}
