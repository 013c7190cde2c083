//! Answers about the console itself.

use std::fmt;

use jiff::Timestamp;

use crate::domain::live::RoomSummary;
use crate::domain::session::{NotSignedIn, Session};

/// The answer to a [`ConsoleCommand`](crate::domain::session::ConsoleCommand).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConsoleAnswer {
    /// The link with which the caller signs in.
    Link(SignInLink),
    /// There is no console: `PUBLIC_URL` is not set.
    Off,
    /// The caller is signed in.
    SignedIn(Box<Session>),
    /// The caller is not.
    NotSignedIn(NotSignedIn),
    /// The live rooms that the caller may see, the most viewed first; `None` if Tencent could not be asked.
    Rooms(Option<Vec<RoomSummary>>),
    /// Who is signed in, as far as the caller may see; and whether that is everybody.
    Sessions(Vec<Session>, bool),
    /// Whether there was such a session to be ended.
    Ended(bool),
}

/// A link that signs in once.
#[derive(Clone, PartialEq, Eq)]
pub struct SignInLink {
    /// Its address, which is a secret.
    pub address: String,
    /// Until when it can be used.
    pub until: Timestamp,
}

impl fmt::Debug for SignInLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SignInLink(.., until {})", self.until)
    }
}
