//! The head of the log's Merkle tree in one line: its size and its root hash.

use std::fmt;
use std::str::FromStr;

/// How many hexadecimal digits of the root the short form shows: 48 bits, which nobody finds by trying.
const SHORT_DIGITS: usize = 12;

/// The head of the tree whose leaves are the log's events (RFC 6962).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TreeHead {
    /// How many events.
    pub size: u64,
    /// The hash over all of them.
    pub root: [u8; 32],
}

impl fmt::Display for TreeHead {
    /// The short form, which replies carry: `12:9f86d081884c`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.size, &hex::encode(self.root)[..SHORT_DIGITS])
    }
}

/// The head that somebody saw in a reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenHead {
    /// How many events.
    pub size: u64,
    /// The first digits of the root, in lower case.
    digits: String,
}

impl SeenHead {
    /// Whether `head` is the one that was seen.
    pub fn is(&self, head: &TreeHead) -> bool {
        head.size == self.size && hex::encode(head.root).starts_with(&self.digits)
    }
}

impl fmt::Display for SeenHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.size, self.digits)
    }
}

/// A text that is not the short form of a head.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not what a reply shows behind `log`: write it as `12:9f86d081884c`")]
pub struct InvalidHead(String);

impl FromStr for SeenHead {
    type Err = InvalidHead;

    fn from_str(text: &str) -> Result<Self, InvalidHead> {
        let invalid = || InvalidHead(text.to_owned());
        let (size, digits) = text.trim().split_once(':').ok_or_else(invalid)?;
        let is_root =
            matches!(digits.len(), SHORT_DIGITS..=64) && digits.bytes().all(|b| b.is_ascii_hexdigit());
        match size.parse() {
            Ok(size) if is_root && size > 0 => Ok(Self { size, digits: digits.to_ascii_lowercase() }),
            _ => Err(invalid()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_reply_shows_can_be_typed_again() {
        let head = TreeHead { size: 12, root: [0xab; 32] };
        assert_eq!(head.to_string(), "12:abababababab");
        assert!("12:abababababab".parse::<SeenHead>().unwrap().is(&head));
        assert!("12:ABABABABABABAB".parse::<SeenHead>().unwrap().is(&head));
        for other in ["13:abababababab", "12:abababababac"] {
            assert!(!other.parse::<SeenHead>().unwrap().is(&head), "{other}");
        }
        for wrong in ["", "12", "12:abab", "0:abababababab", "12:xyxyxyxyxyxy", "-1:abababababab"] {
            assert!(
                wrong.parse::<SeenHead>().unwrap_err().to_string().contains("12:9f86d081884c"),
                "{wrong}"
            );
        }
    }
}
