//! What can be asked, and the grammar of the typed form.
//!
//! ```text
//! room-owner                                  help
//! room-owner test                             the present owner of `test`
//! room-owner test user2                       hand `test` over to `user2`
//! room-owner "my room" user2                  a room with a space; “curly” and 'single' quotes work too
//! room-owner test user2 reason: host crashed  the rest of the line is kept with the record
//! ```
//!
//! Nothing is guessed: a line that does not fit is refused, with the line that was probably meant.

use std::fmt;

use super::principal::{Channel, Principal, Subject};
use super::room::{AccountId, InvalidAccountId, InvalidRoomId, RoomId, is_invisible};

/// The longest reason, in characters: enough for two sentences and a ticket, short enough for a reply.
pub const LONGEST_REASON: usize = 300;

/// What somebody asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// What can I type here?
    Help,
    /// Who owns the room?
    ShowOwner {
        /// The room asked about.
        room: RoomId,
    },
    /// Hand the room over.
    Transfer(Transfer),
}

/// The one privileged deed: give `room` to `new_owner`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    /// The room to hand over.
    pub room: RoomId,
    /// Who is to own it.
    pub new_owner: AccountId,
    /// Why, in the words of the person who asks.
    pub reason: Option<String>,
}

impl Command {
    /// The room that the command is about, if it is about one.
    #[must_use]
    pub fn room(&self) -> Option<&RoomId> {
        match self {
            Self::Help => None,
            Self::ShowOwner { room } | Self::Transfer(Transfer { room, .. }) => Some(room),
        }
    }

    /// The transfer that is asked for, if it is one.
    #[must_use]
    pub fn transfer(&self) -> Option<&Transfer> {
        match self {
            Self::Transfer(transfer) => Some(transfer),
            Self::Help | Self::ShowOwner { .. } => None,
        }
    }
}

/// The platform's id of one invocation: the idempotency key. It carries its platform
/// (`slack:<trigger id>`), so that two platforms can never claim the same one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DeliveryId(String);

impl DeliveryId {
    /// The longest id of an invocation that is taken, in bytes.
    const LONGEST: usize = 256;

    /// The delivery `id` of `platform`. `None` if it is empty, too long or not plain visible ASCII.
    #[must_use]
    pub fn new(platform: &str, id: &str) -> Option<Self> {
        let fits = !id.is_empty() && id.len() <= Self::LONGEST && id.bytes().all(|b| b.is_ascii_graphic());
        fits.then(|| Self(format!("{platform}:{id}")))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Where a request comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A channel of a chat platform.
    Channel(Channel),
    /// The machine that holds the database. Channels do not apply to it.
    Local,
}

/// One authentic request: who asks, where, for what.
#[derive(Debug, Clone, PartialEq)]
pub struct CommandRequest {
    /// Who asks.
    pub principal: Principal,
    /// Where.
    pub place: Place,
    /// The platform's id of this invocation. The command line has none: each start is its own.
    pub delivery: Option<DeliveryId>,
    /// The command as typed, for the record.
    pub typed: String,
    /// What was understood of it.
    pub command: Result<Command, UsageError>,
}

/// An authentic request that never becomes a command: not for us, or lacking what makes it one. It is
/// recorded all the same.
#[derive(Debug, Clone, PartialEq)]
pub struct RejectedRequest {
    /// Who asks, if the request says so.
    pub principal: Option<Principal>,
    /// Where, if the request says so.
    pub channel: Option<Channel>,
    /// The platform's id of this invocation, if there is one.
    pub delivery: Option<DeliveryId>,
    /// The command as typed, as far as it can be read.
    pub typed: String,
    /// What is wrong with it.
    pub rejection: Rejection,
}

/// Why an authentic request is not taken.
#[derive(Debug, Clone, PartialEq)]
pub enum Rejection {
    /// It comes from an app or a workspace that this bot does not serve; the text names it.
    Foreign(String),
    /// It lacks something, or cannot be read; the text says what.
    Unusable(String),
}

/// Why a line is not a command. The words are in [`super::wording`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UsageError {
    /// The slash command is none of ours.
    UnknownCommand(String),
    /// More words than a room and an owner.
    TooManyWords(Vec<String>),
    /// A quote that is never closed; the text after it.
    UnclosedQuote(String),
    /// Text right behind a closing quote: the quoted text and what follows.
    TextAfterQuote(String, String),
    /// The first argument is not the id of a room.
    Room(InvalidRoomId),
    /// The first argument is a mention, shown as given.
    RoomIsMention(Mention, String),
    /// The second argument is not the id of an account.
    Account(InvalidAccountId, RoomId),
    /// The second argument is a mention, shown as given.
    AccountIsMention(Mention, String, RoomId),
    /// `reason:` before there is a room and a new owner.
    ReasonTooEarly(Option<RoomId>),
    /// `reason:` and nothing behind it.
    EmptyReason(Transfer),
    /// The reason is too long: its length in characters.
    LongReason(usize),
}

/// A mention of the platform, which the adapter has resolved to an id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mention {
    /// A user, group or role.
    Subject(Subject),
    /// A channel.
    Channel(Channel),
    /// `@here` and the like.
    Everyone,
}

/// A typed line in which the platform's mentions have been told from the text: no text that a person
/// types can become a mention by being decoded late.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Typed(Vec<Item>);

#[derive(Debug, Clone, PartialEq)]
enum Item {
    Char(char),
    Mention(Mention, String),
}

impl Typed {
    /// A line without mentions.
    #[must_use]
    pub fn plain(text: &str) -> Self {
        let mut line = Self::default();
        line.push_text(text);
        line
    }

    /// Appends text.
    pub fn push_text(&mut self, text: &str) {
        self.0.extend(text.chars().map(Item::Char));
    }

    /// Appends a mention and how it was written.
    pub fn push_mention(&mut self, mention: Mention, shown: &str) {
        self.0.push(Item::Mention(mention, shown.to_owned()));
    }
}

impl fmt::Display for Typed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for item in &self.0 {
            match item {
                Item::Char(c) => write!(f, "{c}")?,
                Item::Mention(_, shown) => f.write_str(shown)?,
            }
        }
        Ok(())
    }
}

/// Parses the arguments of `room-owner`.
///
/// ```
/// use room_owner::domain::command::{Command, Typed, parse_room_owner};
///
/// let line = Typed::plain("“my room” user2 reason: host crashed");
/// let Ok(Command::Transfer(transfer)) = parse_room_owner(&line) else { panic!("a transfer") };
/// assert_eq!(transfer.room.as_str(), "my room");
/// assert_eq!(transfer.reason.as_deref(), Some("host crashed"));
/// ```
///
/// # Errors
/// What does not fit the grammar, with what is needed to show the corrected form.
pub fn parse_room_owner(line: &Typed) -> Result<Command, UsageError> {
    let mut cursor = Cursor { items: &line.0 };

    let Some(first) = cursor.word()? else { return Ok(Command::Help) };
    let room = match first {
        Word::Reason(_) => return Err(UsageError::ReasonTooEarly(None)),
        Word::Mention(mention, shown) => return Err(UsageError::RoomIsMention(mention, shown)),
        Word::Text { text, quoted: false } if cursor.is_at_end() && text.eq_ignore_ascii_case("help") => {
            return Ok(Command::Help);
        }
        Word::Text { text, .. } => text,
    };

    let Some(second) = cursor.word()? else {
        return Ok(Command::ShowOwner { room: room.parse().map_err(UsageError::Room)? });
    };
    // Too many words come first: with one word too many, the first two are rarely what was meant.
    let rest = cursor.words()?;
    if rest.iter().any(|word| !matches!(word, Word::Reason(_))) {
        let words = std::iter::once(&second).chain(&rest).map(Word::shown);
        return Err(UsageError::TooManyWords(std::iter::once(room).chain(words).collect()));
    }
    let room: RoomId = room.parse().map_err(UsageError::Room)?;
    let new_owner = match second {
        Word::Reason(_) => return Err(UsageError::ReasonTooEarly(Some(room))),
        Word::Mention(mention, shown) => return Err(UsageError::AccountIsMention(mention, shown, room)),
        Word::Text { text, .. } => {
            text.parse::<AccountId>().map_err(|error| UsageError::Account(error, room.clone()))?
        }
    };
    let mut transfer = Transfer { room, new_owner, reason: None };
    if let Some(Word::Reason(reason)) = rest.into_iter().next() {
        transfer.reason = Some(match reason.chars().count() {
            0 => return Err(UsageError::EmptyReason(transfer)),
            n if n > LONGEST_REASON => return Err(UsageError::LongReason(n)),
            _ => reason,
        });
    }
    Ok(Command::Transfer(transfer))
}

/// A reason as it is kept: one line, no invisible characters, no quotes around it.
///
/// # Errors
/// The number of characters, if it is more than [`LONGEST_REASON`].
pub fn clean_reason(text: &str) -> Result<Option<String>, UsageError> {
    let reason = one_line(text);
    match reason.chars().count() {
        0 => Ok(None),
        n if n > LONGEST_REASON => Err(UsageError::LongReason(n)),
        _ => Ok(Some(reason)),
    }
}

fn one_line(text: &str) -> String {
    let visible: String =
        text.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).filter(|c| !is_invisible(*c)).collect();
    let mut line = visible.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    let mut chars = line.chars();
    if let (Some(first), Some(last)) = (chars.next(), chars.next_back()) {
        let inner = chars.as_str();
        let around = closing(first).is_some_and(|close| close.contains(&last));
        if around && !inner.contains([first, last]) {
            line = inner.trim().to_owned();
        }
    }
    line
}

/// An argument the way it has to be typed to be read as one: quoted if it holds spaces or quotes.
#[must_use]
pub fn quoted(argument: &str) -> String {
    let plain = !argument.is_empty()
        && !argument.contains(char::is_whitespace)
        && !argument.starts_with(|c| closing(c).is_some())
        && !argument.to_ascii_lowercase().starts_with("reason:")
        && !argument.eq_ignore_ascii_case("help");
    if plain {
        return argument.to_owned();
    }
    format!("\"{}\"", argument.replace('\\', "\\\\").replace('"', "\\\""))
}

enum Word {
    Text {
        text: String,
        quoted: bool,
    },
    Mention(Mention, String),
    /// `reason:` and the rest of the line.
    Reason(String),
}

impl Word {
    fn shown(&self) -> String {
        match self {
            Self::Text { text, .. } => text.clone(),
            Self::Mention(_, shown) => shown.clone(),
            Self::Reason(text) => format!("reason: {text}"),
        }
    }
}

/// What closes an opened quote. Phones and Slack's own clients curl straight quotes, in pairs.
fn closing(open: char) -> Option<&'static [char]> {
    match open {
        '"' => Some(&['"']),
        '\'' => Some(&['\'']),
        '“' | '”' | '„' => Some(&['”', '“', '"']),
        '‘' | '’' | '‚' => Some(&['’', '‘', '\'']),
        _ => None,
    }
}

/// Whitespace as people type it: Slack and phones put U+00A0 and U+202F where a space was meant.
fn is_space(item: &Item) -> bool {
    matches!(item, Item::Char(c) if c.is_whitespace())
}

struct Cursor<'a> {
    items: &'a [Item],
}

impl Cursor<'_> {
    fn skip_spaces(&mut self) {
        let spaces = self.items.iter().take_while(|item| is_space(item)).count();
        self.items = &self.items[spaces..];
    }

    fn is_at_end(&self) -> bool {
        self.items.iter().all(is_space)
    }

    fn words(&mut self) -> Result<Vec<Word>, UsageError> {
        std::iter::from_fn(|| self.word().transpose()).collect()
    }

    fn word(&mut self) -> Result<Option<Word>, UsageError> {
        self.skip_spaces();
        match self.items.first() {
            None => Ok(None),
            Some(Item::Char(c)) if closing(*c).is_some() => self.quoted_word(*c).map(Some),
            Some(_) => Ok(Some(self.bare_word())),
        }
    }

    fn bare_word(&mut self) -> Word {
        let length = self.items.iter().take_while(|item| !is_space(item)).count();
        let (word, rest) = self.items.split_at(length);
        let text = Typed(word.to_vec()).to_string();
        if text.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("reason:")) {
            let line = Typed(self.items.to_vec()).to_string();
            self.items = &[];
            return Word::Reason(one_line(&line[7..]));
        }
        self.items = rest;
        match word {
            [Item::Mention(mention, shown)] => Word::Mention(mention.clone(), shown.clone()),
            _ => match word.iter().find(|item| matches!(item, Item::Mention(..))) {
                // `bob<@U1>`: half a mention is as unusable as a whole one.
                Some(Item::Mention(mention, _)) => Word::Mention(mention.clone(), text),
                _ => Word::Text { text, quoted: false },
            },
        }
    }

    /// `"my \"best\" room"`: a backslash takes the quote or backslash behind it as it is.
    fn quoted_word(&mut self, open: char) -> Result<Word, UsageError> {
        let close = closing(open).unwrap_or_default();
        let inside = Typed(self.items[1..].to_vec());
        let mut word = Typed::default();
        let mut items = inside.0.iter();
        loop {
            match items.next() {
                None => return Err(UsageError::UnclosedQuote(inside.to_string().trim_end().to_owned())),
                Some(Item::Char(c)) if close.contains(c) => break,
                Some(Item::Char('\\')) => match items.clone().next() {
                    Some(Item::Char(c)) if *c == '\\' || close.contains(c) => {
                        word.0.extend(items.next().cloned());
                    }
                    _ => word.0.push(Item::Char('\\')),
                },
                Some(item) => word.0.push(item.clone()),
            }
        }
        let rest = items.as_slice();
        let behind: Vec<Item> = rest.iter().take_while(|item| !is_space(item)).cloned().collect();
        if !behind.is_empty() {
            return Err(UsageError::TextAfterQuote(word.to_string(), Typed(behind).to_string()));
        }
        self.items = &self.items[self.items.len() - rest.len()..];
        match word.0.iter().find_map(|item| match item {
            Item::Mention(mention, _) => Some(mention.clone()),
            Item::Char(_) => None,
        }) {
            Some(mention) => Ok(Word::Mention(mention, word.to_string())),
            None => Ok(Word::Text { text: word.to_string(), quoted: true }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(line: &str) -> Result<Command, UsageError> {
        parse_room_owner(&Typed::plain(line))
    }

    fn transfer(room: &str, new_owner: &str, reason: Option<&str>) -> Result<Command, UsageError> {
        Ok(Command::Transfer(Transfer {
            room: room.parse().unwrap(),
            new_owner: new_owner.parse().unwrap(),
            reason: reason.map(str::to_owned),
        }))
    }

    #[test]
    fn the_forms_of_the_grammar() {
        assert_eq!(parse(""), Ok(Command::Help));
        assert_eq!(parse(" \u{a0} "), Ok(Command::Help));
        assert_eq!(parse("help"), Ok(Command::Help));
        assert_eq!(parse("\"help\""), Ok(Command::ShowOwner { room: "help".parse().unwrap() }));
        assert_eq!(parse("test"), Ok(Command::ShowOwner { room: "test".parse().unwrap() }));
        assert_eq!(parse("test user2"), transfer("test", "user2", None));
        assert_eq!(parse("help user2"), transfer("help", "user2", None));
        assert_eq!(parse("test\u{a0}user2\u{202f}\n"), transfer("test", "user2", None));
        assert_eq!(parse("\"my room\" user2"), transfer("my room", "user2", None));
        assert_eq!(parse("“my room” user2"), transfer("my room", "user2", None));
        assert_eq!(parse("‘my room’ ’user2’"), transfer("my room", "user2", None));
        assert_eq!(parse("'say \"hi\"' u"), transfer("say \"hi\"", "u", None));
        assert_eq!(parse(r#""a \"b\" \\ \c" u"#), transfer(r#"a "b" \ \c"#, "u", None));
        assert_eq!(parse("my\"room u"), transfer("my\"room", "u", None));
    }

    #[test]
    fn the_reason_is_the_rest_of_the_line() {
        assert_eq!(parse("a b reason: host  crashed"), transfer("a", "b", Some("host crashed")));
        assert_eq!(parse("a b Reason:\"host\ncrashed\""), transfer("a", "b", Some("host crashed")));
        assert_eq!(parse("a b reason: “so it” goes”"), transfer("a", "b", Some("“so it” goes”")));
        assert_eq!(parse("\"reason:x\" b"), transfer("reason:x", "b", None));
        assert_eq!(parse("a reason: x"), Err(UsageError::ReasonTooEarly(Some("a".parse().unwrap()))));
        assert_eq!(parse("reason: x"), Err(UsageError::ReasonTooEarly(None)));
        assert!(matches!(parse("a b reason:  "), Err(UsageError::EmptyReason(_))));
        assert_eq!(parse(&format!("a b reason: {}", "x".repeat(301))), Err(UsageError::LongReason(301)));
    }

    #[test]
    fn nothing_is_guessed() {
        let words = |w: &[&str]| Err(UsageError::TooManyWords(w.iter().map(|s| (*s).to_owned()).collect()));
        assert_eq!(parse("my room user2"), words(&["my", "room", "user2"]));
        assert_eq!(parse("a b c reason: d"), words(&["a", "b", "c", "reason: d"]));
        assert_eq!(parse("\"my room user2"), Err(UsageError::UnclosedQuote("my room user2".into())));
        assert_eq!(parse("\"my room\"x u"), Err(UsageError::TextAfterQuote("my room".into(), "x".into())));
        assert!(matches!(parse("\"\" u"), Err(UsageError::Room(InvalidRoomId::Empty))));
        assert!(matches!(parse("a @bob"), Err(UsageError::Account(InvalidAccountId::Handle(_), _))));
    }

    #[test]
    fn a_mention_is_not_an_account_and_not_a_room() {
        let bob = || Mention::Subject("slack:T1:U1".parse().unwrap());
        let mut line = Typed::plain("test ");
        line.push_mention(bob(), "@bob");
        assert_eq!(
            parse_room_owner(&line),
            Err(UsageError::AccountIsMention(bob(), "@bob".into(), "test".parse().unwrap()))
        );
        let mut line = Typed::default();
        line.push_mention(bob(), "@bob");
        line.push_text(" user2");
        assert_eq!(parse_room_owner(&line), Err(UsageError::RoomIsMention(bob(), "@bob".into())));
    }

    proptest! {
        #[test]
        fn what_is_quoted_is_read_back(room in "[ -~]{1,48}", owner in "[!-?A-~][ -~]{0,31}") {
            let line = format!("{} {}", quoted(&room), quoted(&owner));
            prop_assert_eq!(parse(&line), transfer(&room, &owner, None), "{}", line);
        }

        #[test]
        fn no_line_breaks_the_parser(line in any::<String>()) {
            if let Ok(Command::Transfer(transfer)) = parse(&line) {
                prop_assert!(transfer.room.as_str().len() <= 48 && !transfer.new_owner.as_str().is_empty());
            }
        }

        #[test]
        fn spaces_around_words_mean_nothing(a in "[a-z]{1,5}", b in "[a-z]{1,5}", s in "[ \t\n\u{a0}]{1,3}") {
            prop_assert_eq!(parse(&format!("{s}{a}{s}{b}{s}")), parse(&format!("{a} {b}")));
        }
    }
}
