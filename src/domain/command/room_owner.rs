//! The grammar of `room-owner`.
//!
//! ```text
//! room-owner                                  help
//! room-owner test                             the present owner of `test`
//! room-owner test user2                       hand `test` over to `user2`
//! room-owner "my room" user2                  a room with a space; “curly” and 'single' quotes work too
//! room-owner `my room` user2                  the same, copied with its code marks
//! room-owner test user2 reason: host crashed  the rest of the line is kept with the record
//! room-owner test user2 override: 17 reason: host crashed
//!                                             although nobody knows what came of operation 17; admins only
//! ```
//!
//! Nothing is guessed: a line that does not fit is refused, with the line that was probably meant.

use super::line::{Cursor, LONGEST_REASON, Typed, Word};
use super::{Command, Family, Transfer, UsageError};
use crate::domain::room::{AccountId, RoomId};

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

    let Some(first) = cursor.word()? else { return Ok(Command::Help(Family::Owner)) };
    let room = match first {
        Word::Reason(_) => return Err(UsageError::ReasonTooEarly(None)),
        Word::Mention(mention, shown) => return Err(UsageError::RoomIsMention(mention, shown)),
        Word::Text { text, quoted: false } if cursor.is_at_end() && text.eq_ignore_ascii_case("help") => {
            return Ok(Command::Help(Family::Owner));
        }
        Word::Text { text, .. } => text,
    };

    let second = match cursor.word() {
        Err(UsageError::TextAfterQuote { inside, behind, rest, .. }) => {
            return Err(UsageError::TextAfterQuote { room: Some(room), inside, behind, rest });
        }
        second => second?,
    };
    let Some(second) = second else {
        return Ok(Command::ShowOwner { room: room.parse().map_err(UsageError::Room)? });
    };
    // Too many words come first: with one word too many, the first two are rarely what was meant.
    let mut rest = cursor.words()?;
    let overridden = take_override(&mut rest);
    if rest.iter().any(|word| !matches!(word, Word::Reason(_))) {
        let words = std::iter::once(&second).chain(&rest).map(Word::shown);
        return Err(UsageError::TooManyWords(std::iter::once(room).chain(words).collect()));
    }
    let room: RoomId = room.parse().map_err(UsageError::Room)?;
    let new_owner = match second {
        Word::Reason(_) => return Err(UsageError::ReasonTooEarly(Some(room))),
        Word::Mention(mention, shown) => return Err(UsageError::AccountIsMention(mention, shown, room)),
        Word::Text { text, .. } => {
            text.parse::<AccountId>().map_err(|error| UsageError::Account(error, room.clone(), None))?
        }
    };
    let mut transfer = Transfer { room, new_owner, reason: None, overrides: None };
    if let Some(Word::Reason(reason)) = rest.into_iter().next() {
        transfer.reason = Some(match reason.chars().count() {
            0 => return Err(UsageError::EmptyReason(transfer)),
            n if n > LONGEST_REASON => return Err(UsageError::LongReason(n)),
            _ => reason,
        });
    }
    if let Some(number) = overridden {
        match number.parse() {
            Ok(operation) => transfer.overrides = Some(operation),
            Err(error) => return Err(UsageError::Override(error.to_string(), transfer)),
        }
        if transfer.reason.is_none() {
            return Err(UsageError::Override("an override needs a reason".to_owned(), transfer));
        }
    }
    Ok(Command::Transfer(transfer))
}

/// Takes `override: 17` off the words behind the new owner; what is behind the colon.
fn take_override(rest: &mut Vec<Word>) -> Option<String> {
    const KEY: &str = "override:";
    let Some(Word::Text { text, quoted: false }) = rest.first() else { return None };
    if !text.get(..KEY.len()).is_some_and(|start| start.eq_ignore_ascii_case(KEY)) {
        return None;
    }
    let number = text[KEY.len()..].to_owned();
    rest.remove(0);
    if number.is_empty()
        && let Some(Word::Text { text, .. }) = rest.first()
    {
        let number = text.clone();
        rest.remove(0);
        return Some(number);
    }
    Some(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::audit::OperationId;
    use crate::domain::command::{Mention, check_account, quoted};
    use crate::domain::room::{Accounts, InvalidAccountId, InvalidRoomId};
    use proptest::prelude::*;

    fn parse(line: &str) -> Result<Command, UsageError> {
        parse_room_owner(&Typed::plain(line))
    }

    fn transfer(room: &str, new_owner: &str, reason: Option<&str>) -> Result<Command, UsageError> {
        Ok(Command::Transfer(Transfer {
            room: room.parse().unwrap(),
            new_owner: new_owner.parse().unwrap(),
            reason: reason.map(str::to_owned),
            overrides: None,
        }))
    }

    #[test]
    fn the_forms_of_the_grammar() {
        assert_eq!(parse(""), Ok(Command::Help(Family::Owner)));
        assert_eq!(parse(" \u{a0} "), Ok(Command::Help(Family::Owner)));
        assert_eq!(parse("help"), Ok(Command::Help(Family::Owner)));
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
        assert_eq!(parse("`my room` ```user2```"), transfer("my room", "user2", None));
        assert_eq!(parse(r"`a\\b\` user2"), transfer(r"a\\b\", "user2", None));
        assert_eq!(parse("``a`b`` `user2` reason: `c`"), transfer("a`b", "user2", Some("`c`")));
        assert_eq!(parse("\"`a`\" my`room"), transfer("`a`", "my`room", None));
        assert_eq!(parse("`help`"), Ok(Command::ShowOwner { room: "help".parse().unwrap() }));
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
    fn an_override_names_an_operation_and_a_reason() {
        for line in
            ["a b override: 17 reason: x", "a b Override:17 reason: x", "a b override: op17 reason: x"]
        {
            let Ok(Command::Transfer(transfer)) = parse(line) else { panic!("{line}") };
            assert_eq!(
                (transfer.overrides.map(OperationId::seq), transfer.reason.as_deref()),
                (Some(17), Some("x"))
            );
        }
        for line in
            ["a b override: 17", "a b override: reason: x", "a b override: x reason: y", "a b override:"]
        {
            assert!(matches!(parse(line), Err(UsageError::Override(..))), "{line}: {:?}", parse(line));
        }
        assert_eq!(parse("a override: 17").map_err(drop), Err(()), "three words");
        assert!(matches!(parse("a b override: 17 18 reason: x"), Err(UsageError::TooManyWords(_))));
    }

    #[test]
    fn nothing_is_guessed() {
        let words = |w: &[&str]| Err(UsageError::TooManyWords(w.iter().map(|s| (*s).to_owned()).collect()));
        assert_eq!(parse("my room user2"), words(&["my", "room", "user2"]));
        assert_eq!(parse("a b c reason: d"), words(&["a", "b", "c", "reason: d"]));
        assert_eq!(parse("\"my room user2"), Err(UsageError::UnclosedQuote("my room user2".into())));
        for unclosed in ["`a u", "``a` u", "`a`` u", "``"] {
            assert!(matches!(parse(unclosed), Err(UsageError::UnclosedQuote(_))), "{unclosed}");
        }
        let behind = |room: Option<&str>, inside: &str, behind: &str, rest: &str| {
            let (room, inside) = (room.map(str::to_owned), inside.to_owned());
            Err(UsageError::TextAfterQuote { room, inside, behind: behind.to_owned(), rest: rest.to_owned() })
        };
        assert_eq!(parse("`a`. u"), behind(None, "a", ".", " u"));
        assert_eq!(parse("\"my room\"x u"), behind(None, "my room", "x", " u"));
        assert_eq!(parse("a `u`. reason: x"), behind(Some("a"), "u", ".", " reason: x"));
        assert!(matches!(parse("\"\" u"), Err(UsageError::Room(InvalidRoomId::Empty))));
        assert!(matches!(parse("a @bob"), Err(UsageError::Account(InvalidAccountId::Handle(_), ..))));
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

        /// Whatever is understood stands in the line, as it is, between spaces or marks.
        #[test]
        fn nothing_is_taken_off_a_word(
            line in "[a-c2`\"'“”<>*.\u{200b}\u{a0} ]{1,16}( [a-c2`\"'“”<>*.\u{200b}]{1,8})?",
        ) {
            let stands_alone = |word: &str| line.match_indices(word).any(|(at, _)| {
                let is_edge = |c: Option<char>| c.is_none_or(|c| c.is_whitespace() || "`\"'“”".contains(c));
                is_edge(line[..at].chars().next_back()) && is_edge(line[at + word.len()..].chars().next())
            });
            match check_account(Accounts::Tencent, parse(&line)) {
                Ok(Command::Transfer(transfer)) => {
                    prop_assert!(stands_alone(transfer.room.as_str()), "{:?}", transfer);
                    prop_assert!(stands_alone(transfer.new_owner.as_str()), "{:?}", transfer);
                    prop_assert!(transfer.new_owner.as_str().bytes().all(|b| b.is_ascii_alphanumeric()));
                }
                Ok(Command::ShowOwner { room }) => prop_assert!(stands_alone(room.as_str()), "{:?}", room),
                _ => {}
            }
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
