//! How people come in to the console: a link that signs in once, and the session that it becomes.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest as _, Sha256};

use super::access::{Known, Reading};
use super::audit::{AuditEntry, OperationId};
use super::principal::{Outside, Place, Principal, Subject};

/// How long a link can be used.
pub const LINK_FOR: SignedDuration = SignedDuration::from_mins(5);
/// How long a session lasts.
pub const SESSION_FOR: SignedDuration = SignedDuration::from_hours(12);

/// A secret of a link or of a session: 256 random bits in hexadecimal.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// The token of random bits.
    pub fn new(bits: [u8; 32]) -> Self {
        Self(hex::encode(bits))
    }

    /// The token that a browser sent back; `None` if none can be it.
    pub fn read(text: &str) -> Option<Self> {
        let is_hex = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
        (text.len() == 64 && text.bytes().all(is_hex)).then(|| Self(text.to_owned()))
    }

    /// Its text, for the one who is to have it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What is kept of it.
    pub fn hash(&self) -> TokenHash {
        TokenHash(hex::encode(Sha256::digest(&self.0)))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

/// The SHA-256 of a token, in hexadecimal. Nobody can sign in with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenHash(String);

impl TokenHash {
    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What can be asked of the console itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConsoleCommand {
    /// A link with which I can sign in.
    Link,
    /// Sign in by this link; the session is known by this token.
    SignIn(TokenHash, TokenHash),
    /// Which live rooms may I see?
    Rooms,
    /// Who is signed in?
    Sessions,
    /// End this session, which is mine.
    Leave(OperationId),
    /// End this session, whosesoever it is.
    End(OperationId),
}

/// Somebody who is signed in, or has a link with which to do so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The operation whose reply has the link: the number of the session.
    pub id: OperationId,
    /// Who.
    pub subject: Subject,
    /// What they were called then: a caption.
    pub name: Option<String>,
    /// The groups that the platform named when the link was asked for.
    pub member_of: Vec<Subject>,
    /// Where the link was asked for.
    pub place: Place,
    /// When.
    pub asked_at: Timestamp,
    /// When they signed in; `None` as long as nobody did.
    pub since: Option<Timestamp>,
    /// When it lapses.
    pub until: Timestamp,
}

impl Session {
    /// The person, with what is known of their groups now. What Discord said of roles counts for as long as any reading
    /// does; after that nobody knows, so that no role permits anything, and a deny entry for one may apply.
    pub fn principal(&self, known: &Known, now: Timestamp) -> Principal {
        let principal = match &self.subject {
            Subject::DiscordUser { .. } => {
                let said = Reading { as_of: Some(self.asked_at), ..Reading::default() };
                let principal = Principal::new(self.subject.clone());
                if said.is_fresh(now) {
                    principal.only_in(self.member_of.clone())
                } else {
                    Principal { outside: Outside::These(Vec::new()), ..principal }
                }
            }
            _ => known.principal(self.subject.clone(), now),
        };
        Principal { name: self.name.clone(), ..principal }
    }
}

/// Why nobody can sign in by a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotSignedIn {
    /// There is no such link, or no more.
    Unknown,
    /// Somebody signed in by it.
    Used,
    /// Its time is over.
    Lapsed,
}

/// What proves an operation, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The numbers of its events.
    pub events: Vec<u64>,
    /// What they make, read from what was proved.
    pub made: Option<Box<AuditEntry>>,
    /// Whether there is a signed head beside the database, which this one goes on from.
    pub goes_on: bool,
    /// How many events the signed head covers.
    pub size: u64,
    /// Its root, in hexadecimal.
    pub root: String,
    /// The public key that signed it.
    pub key: String,
    /// The proofs as a file (c2sp.org/tlog-proof), one behind the other.
    pub text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(subject: &str) -> Session {
        Session {
            id: OperationId::new(7),
            subject: subject.parse().unwrap(),
            name: Some("rita".to_owned()),
            member_of: vec!["discord:1:role:5".parse().unwrap()],
            place: Place::Local,
            asked_at: Timestamp::UNIX_EPOCH,
            since: None,
            until: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn a_token_is_read_as_it_was_written_and_shows_in_no_log() {
        let token = Token::new([7; 32]);
        assert_eq!(Token::read(token.expose()), Some(token.clone()));
        assert_eq!(format!("{token:?}"), "Token(..)");
        assert!(!token.hash().as_str().contains(&token.expose()[..8]));
        for text in ["", &"07".repeat(31), &"0G".repeat(32), &"0A".repeat(32), &"07".repeat(33)] {
            assert_eq!(Token::read(text), None, "{text}");
        }
    }

    #[test]
    fn the_roles_of_discord_count_for_ten_minutes_and_are_not_known_after() {
        let session = session("discord:1:2");
        let role = session.member_of[0].clone();
        let at = |seconds| Timestamp::from_second(seconds).unwrap();
        let principal = |seconds| session.principal(&Known::default(), at(seconds));
        assert_eq!(principal(600).membership(&role), crate::domain::principal::Membership::In);
        let other: Subject = "discord:1:role:6".parse().unwrap();
        assert_eq!(principal(600).membership(&other), crate::domain::principal::Membership::Out);
        for role in [&role, &other] {
            assert_eq!(principal(601).membership(role), crate::domain::principal::Membership::Unknown);
        }
        assert_eq!(principal(601).name.as_deref(), Some("rita"));
    }
}
