//! Rooms and accounts: parsed once, valid afterwards.

use std::fmt;
use std::str::FromStr;

use super::principal::serialize_as_text;

/// The longest RoomId, in bytes (trtc.io/document/63401).
pub const LONGEST_ROOM_ID: usize = 48;
/// The longest UserID, in bytes (trtc.io/document/34385).
pub const LONGEST_ACCOUNT_ID: usize = 32;

/// A live room's id: 1 to 48 bytes of printable ASCII, spaces and quotes included (the rule of the client
/// SDKs, error -2105 in trtc.io/document/60027). Case matters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RoomId(String);

/// The id of a user of the live application: 1 to 32 bytes as people name it, whatever Tencent names otherwise.
/// Which of them a room may be handed to, [`Accounts`] says.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct AccountId(String);

/// The accounts that a room may be handed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Accounts {
    /// Those that Tencent documents: letters, digits, `_` and `-` (trtc.io/document/34385).
    #[default]
    Tencent,
    /// All that can be seen, for an application whose accounts have other characters: Tencent's signature takes
    /// any UTF-8.
    Any,
}

/// Why a text is not the id of a room.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRoomId {
    /// Nothing between the quotes.
    #[error("a room id cannot be empty")]
    Empty,
    /// More than 48 bytes.
    #[error("a room id has at most {LONGEST_ROOM_ID} bytes, `{id}` has {bytes}")]
    TooLong {
        /// The text, as typed.
        id: String,
        /// Its length in bytes.
        bytes: usize,
    },
    /// A character outside of printable ASCII.
    #[error("a room id is plain ASCII, `{id}` holds {}", describe(*.character))]
    Character {
        /// The text, as typed.
        id: String,
        /// The first character that cannot be in a room id.
        character: char,
    },
}

/// Why a text is not the id of an account.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAccountId {
    /// Nothing between the quotes.
    #[error("an account cannot be empty")]
    Empty,
    /// More than 32 bytes.
    #[error("an account has at most {LONGEST_ACCOUNT_ID} bytes, `{id}` has {bytes}")]
    TooLong {
        /// The text, as typed.
        id: String,
        /// Its length in bytes.
        bytes: usize,
    },
    /// A character that Tencent's accounts do not have.
    #[error("an account is made of letters, digits, - and _; `{id}` holds {}", describe(*.character))]
    Character {
        /// The text, as typed.
        id: String,
        /// The first character that cannot be in an account.
        character: char,
    },
    /// A control character, or one that cannot be seen.
    #[error("an account is made of visible characters; `{id}` holds {}", describe(*.character))]
    Invisible {
        /// The text, as typed.
        id: String,
        /// The first character that cannot be seen.
        character: char,
    },
    /// `@name`: a chat handle, which is not an account of the live application.
    #[error("`{0}` is a chat handle, not an account of the live application")]
    Handle(String),
}

/// A character in words that survive being invisible: `“é” (U+00E9)`.
fn describe(character: char) -> String {
    if is_invisible(character) {
        format!("an invisible character (U+{:04X})", u32::from(character))
    } else if character == '`' {
        // Our own marks around the id must stay the only ones.
        "a backtick (U+0060)".to_owned()
    } else {
        format!("“{character}” (U+{:04X})", u32::from(character))
    }
}

/// Control characters, zero-width and direction marks: what can make two texts look alike, or one look
/// like something else.
pub fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// Text in which nothing is hidden: each invisible character becomes U+FFFD.
pub fn visible(text: &str) -> String {
    text.chars().map(|c| if is_invisible(c) { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// Like [`visible`], for text of several lines.
pub fn visible_lines(text: &str) -> String {
    text.chars().map(|c| if is_invisible(c) && c != '\n' { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

impl RoomId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RoomId {
    type Err = InvalidRoomId;

    fn from_str(text: &str) -> Result<Self, InvalidRoomId> {
        let id = text.to_owned();
        if text.is_empty() {
            return Err(InvalidRoomId::Empty);
        }
        if let Some(character) = text.chars().find(|c| !matches!(c, ' '..='~')) {
            return Err(InvalidRoomId::Character { id, character });
        }
        if text.len() > LONGEST_ROOM_ID {
            return Err(InvalidRoomId::TooLong { id, bytes: text.len() });
        }
        Ok(Self(id))
    }
}

impl AccountId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// An account as Tencent names it, taken as it is: Tencent's own ids break the rule for typed ones
    /// (`@TIM#SYSTEM`, numbers beyond 32 bytes), and what the service says must not be lost.
    pub fn from_tencent(text: String) -> Self {
        Self(text)
    }
}

impl FromStr for AccountId {
    type Err = InvalidAccountId;

    fn from_str(text: &str) -> Result<Self, InvalidAccountId> {
        let id = text.to_owned();
        if text.is_empty() {
            return Err(InvalidAccountId::Empty);
        }
        if text.len() > LONGEST_ACCOUNT_ID {
            return Err(InvalidAccountId::TooLong { id, bytes: text.len() });
        }
        if text.starts_with('@') {
            return Err(InvalidAccountId::Handle(id));
        }
        Ok(Self(id))
    }
}

/// The room among `known` that was probably meant by `typed`: the same but for case, decoration or the sign between
/// words, or one or two letters away. `None` if none is near, or several are equally so.
pub fn nearest<'a>(typed: &RoomId, known: &'a [RoomId]) -> Option<&'a RoomId> {
    let plain = |room: &RoomId| {
        let trimmed = room.as_str().trim_matches(|c: char| !c.is_ascii_alphanumeric());
        trimmed.to_ascii_lowercase().replace(['_', ' ', '.'], "-")
    };
    let wanted = plain(typed);
    let distance = |room: &RoomId| strsim::osa_distance(&wanted, &plain(room));
    // A short id is soon another one.
    let furthest = (wanted.chars().count() / 3).min(2);
    let best = known.iter().filter(|room| *room != typed).map(distance).min()?;
    let mut near = known.iter().filter(|room| *room != typed && best <= furthest && distance(room) == best);
    let first = near.next()?;
    near.all(|other| other == first).then_some(first)
}

impl Accounts {
    /// Whether a room may be handed to the account.
    ///
    /// # Errors
    /// The first character that such an account does not have.
    pub fn check(self, account: &AccountId) -> Result<(), InvalidAccountId> {
        let id = || account.0.clone();
        let first = |is_wrong: fn(char) -> bool| account.0.chars().find(|c| is_wrong(*c));
        match self {
            Self::Tencent => first(|c| !is_of_tencent(c))
                .map_or(Ok(()), |character| Err(InvalidAccountId::Character { id: id(), character })),
            Self::Any => first(is_invisible)
                .map_or(Ok(()), |character| Err(InvalidAccountId::Invisible { id: id(), character })),
        }
    }
}

fn is_of_tencent(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-')
}

impl AccountId {
    /// What is left when the marks around it are taken off: `user2` of `<user2>`, `*user2*` or `user2.`. `None`
    /// unless that is an account of Tencent's alphabet. Only ever suggested: it is another account.
    pub fn undecorated(&self) -> Option<Self> {
        const OPENING: &str = "<([{*~|«‹「『";
        const CLOSING: &str = ">)]}*~|»›」』.,;:!?…。、";
        const QUOTES: &str = "\"'`“”„‘’‚＂＇";
        let is_around = |marks: &str, c: char| c.is_whitespace() || QUOTES.contains(c) || marks.contains(c);
        let seen: String = self.0.chars().filter(|c| !is_invisible(*c)).collect();
        let inside =
            seen.trim_start_matches(|c| is_around(OPENING, c)).trim_end_matches(|c| is_around(CLOSING, c));
        let is_account =
            inside.chars().all(is_of_tencent) && inside.contains(|c: char| c.is_ascii_alphanumeric());
        // `<new_owner>` stands in every form that the bot shows.
        let is_form = inside.eq_ignore_ascii_case("new_owner");
        (is_account && !is_form && inside != self.0).then(|| Self(inside.to_owned()))
    }
}

impl fmt::Display for RoomId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

serialize_as_text!(RoomId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_id_may_hold_spaces_and_quotes() {
        for id in ["a", "my room", "say \"hi\"", "~!@#$%^&*()", &"x".repeat(48)] {
            assert_eq!(id.parse::<RoomId>().unwrap().as_str(), id);
        }
    }

    #[test]
    fn a_room_id_that_tencent_cannot_have_says_why() {
        let why = |id: &str| id.parse::<RoomId>().unwrap_err().to_string();
        assert_eq!(why(""), "a room id cannot be empty");
        assert_eq!(why("caf\u{e9}"), "a room id is plain ASCII, `café` holds “é” (U+00E9)");
        assert_eq!(
            why("a\u{200b}b"),
            "a room id is plain ASCII, `a\u{200b}b` holds an invisible character (U+200B)"
        );
        assert!(why(&"x".repeat(49)).ends_with("has 49"));
    }

    #[test]
    fn an_account_is_what_one_can_see_and_type() {
        for id in ["user2", "27149", "用户2", "O'Neil"] {
            let account: AccountId = id.parse().unwrap();
            assert_eq!((account.as_str(), Accounts::Any.check(&account)), (id, Ok(())));
            assert_eq!(
                Accounts::Tencent.check(&account).is_ok(),
                id.is_ascii() && !id.contains('\''),
                "{id}"
            );
        }
        let why = |id: &str| id.parse::<AccountId>().unwrap_err().to_string();
        assert_eq!(why("@bob"), "`@bob` is a chat handle, not an account of the live application");
        assert!(why(&"é".repeat(17)).ends_with("has 34"));
        let hidden: AccountId = "bob\u{202e}".parse().unwrap();
        for accounts in [Accounts::Tencent, Accounts::Any] {
            assert!(accounts.check(&hidden).unwrap_err().to_string().contains("U+202E"));
        }
        let why = |id: &str| Accounts::Tencent.check(&id.parse().unwrap()).unwrap_err().to_string();
        assert_eq!(
            why("user2."),
            "an account is made of letters, digits, - and _; `user2.` holds “.” (U+002E)"
        );
    }

    #[test]
    fn the_nearest_room_is_a_typing_error_away_and_the_only_one() {
        let rooms = |ids: &[&str]| ids.iter().map(|id| id.parse::<RoomId>().unwrap()).collect::<Vec<_>>();
        let known = rooms(&["test", "live-7", "my room", "vip-1", "vip-2", "live-7"]);
        for (typed, meant) in [
            ("Test", Some("test")),
            ("tset", Some("test")),
            ("`test`", Some("test")),
            ("live_7", Some("live-7")),
            ("LIVE 7", Some("live-7")),
            ("my-room", Some("my room")),
            ("lvie-7", Some("live-7")),
            ("vip-3", None),
            ("live-8", Some("live-7")),
            ("other", None),
            ("x", None),
            ("test", None),
        ] {
            let found = nearest(&typed.parse().unwrap(), &known).map(RoomId::as_str);
            assert_eq!(found, meant, "{typed}");
        }
    }

    #[test]
    fn one_account_is_suggested_for_a_decorated_one_and_none_for_what_is_no_account() {
        let meant = |id: &str| AccountId(id.to_owned()).undecorated().map(|account| account.0);
        for id in [
            "`user2`",
            "<user2>",
            "[user2]",
            "(user2)",
            "{user2}",
            "*user2*",
            "**user2**",
            "~user2~",
            "||user2||",
            "\"user2\"",
            "“user2”",
            "'user2'",
            "「user2」",
            "user2.",
            "user2,",
            "user2?",
            "user2!",
            "user2:",
            " user2",
            "user2 ",
            "user2\u{200b}",
            "us\u{ad}er2",
            "`<user2>`,",
            "user2…",
        ] {
            assert_eq!(meant(id).as_deref(), Some("user2"), "{id:?}");
        }
        for id in [
            "?",
            "🎉",
            ":tada:",
            "->",
            "→",
            "--",
            "<>",
            "",
            "user2",
            "a b",
            "a.b",
            "用户2",
            "user2🎉",
            "<@U0BORIS>",
            "#mods",
            "<new_owner>",
            "<NEW_OWNER>",
            "user2=x",
            "x".repeat(40).as_str(),
        ] {
            assert_eq!(meant(id), None, "{id:?}");
        }
    }
}
