//! The line that was probably meant by one that is refused.
//!
//! A line is read by what its words mean, not by where they stand: verbs, arrows, labels and a pasted command fall away,
//! what a phone or a chat put around a word comes off. What is left has to be one of the lines that the grammar takes.
//! Nothing here is carried out: it is shown, and somebody types it or not.

use super::build::LONGEST_LINE;
use super::grammar::read;
use super::invocation::Invocation;
use super::line::{CODE, Item, Mention, Typed, closing, one_line};
use super::rewrite;
use super::{CommandGroup, Parameter, Position, Verb};
use crate::domain::principal::{Channel, Subject};
use crate::domain::room::{AccountId, Accounts, RoomId, is_invisible};

/// The most words that are looked at.
const MOST_WORDS: usize = 60;

/// Words in front of a hand-over that say what is to be done.
const DO: &[&str] = &[
    "give",
    "hand",
    "transfer",
    "set",
    "move",
    "pass",
    "change",
    "assign",
    "make",
    "please",
    "pls",
    "over",
    "owner",
    "of",
    "the",
    "ownership",
];
/// What stands between a room and its new owner.
const TO: &[&str] = &["to", "->", "→", "=>", "⇒", "➡", "➜", "=", "-->", ">", "–>", "—>"];
/// What stands there too, or between a hand-over and its reason.
const APART: &[&str] = &["-", "–", "—", "for"];
/// Labels of a room and of its new owner.
const ROOM: &[&str] = &["room", "roomid", "room_id"];
const OWNER: &[&str] = &["new_owner", "new-owner", "newowner", "owner", "new", "to"];
/// What begins a reason.
const BECAUSE: &[&str] = &["reason", "because", "since"];

/// A word of a line that did not fit.
#[derive(Debug, Clone)]
struct Token {
    text: String,
    is_quoted: bool,
}

impl Token {
    fn is(&self, words: &[&str]) -> bool {
        !self.is_quoted && words.iter().any(|word| self.text.eq_ignore_ascii_case(word))
    }

    /// `room:`, or `room:test` with what follows.
    fn label(&self, labels: &[&str]) -> Option<Option<String>> {
        let (label, rest) = self.text.split_once(['：', ':', '='])?;
        let is_one = !self.is_quoted && labels.iter().any(|it| label.eq_ignore_ascii_case(it));
        is_one.then(|| Some(rest.to_owned()).filter(|rest| !rest.is_empty()))
    }
}

/// The lines that were probably meant by a line of `/room-owner` that did not fit, the likeliest first.
pub(super) fn hand_over(line: &Typed, here: Option<&Channel>) -> Vec<Invocation> {
    let mut tokens = tokens(&with_ids(line));
    // A whole command in quotes, as it is copied from a reply.
    if let [only] = tokens.as_slice()
        && only.is_quoted
        && only.text.starts_with('/')
    {
        tokens = self::tokens(&only.text.clone());
    }
    if tokens
        .first()
        .is_some_and(|it| CommandGroup::is_in_front_of(&it.text) || it.is(&[CommandGroup::Owner.name()]))
    {
        let first = tokens.remove(0);
        // `"/room-owner test user2"` in one pair of quotes, with more behind.
        if first.text.contains(' ') {
            let inside = self::tokens(first.text.split_once(' ').map_or("", |(_, rest)| rest));
            tokens.splice(0..0, inside);
        }
    }
    tokens.retain(|it| !it.is(&["please", "pls"]));
    if let Some(line) = own_verb(&tokens) {
        return vec![line];
    }
    let overrides = take_override(&mut tokens);
    let reason = take_reason(&mut tokens);
    let begins_with_mention = matches!(line.0.first(), Some(Item::Mention(..)));
    let first = tokens.first().map(|it| it.text.clone()).filter(|_| !begins_with_mention);
    let first_word = tokens.first().filter(|it| !it.is_quoted).map_or("", |it| &it.text);
    let mut found = rewrite::of_another_command(CommandGroup::Owner, first_word, line, here);
    if tokens.len() > 2 && !found.is_empty() {
        return found;
    }
    if overrides.is_none() && reason.is_none() {
        found.extend(verb_behind_room(&tokens));
    }
    if let (false, [room]) = (found.is_empty(), tokens.as_slice()) {
        found.push(Invocation::named(CommandGroup::Owner, &[]).with("room", &room.text));
    }
    let names_others = line.0.iter().any(|item| matches!(item, Item::Mention(..)) && person(item).is_none());
    for (room, owner, because) in if names_others { Vec::new() } else { readings(tokens) } {
        // A room is never called like somebody of the chat: `@alice live-7`.
        let (room, owner) = if is_person(&room) { (owner, room) } else { (room, owner) };
        if is_person(&room) {
            continue;
        }
        let because = match (because, &reason) {
            (Some(because), Some(reason)) => Some(format!("{because} {reason}")),
            (because, reason) => because.or_else(|| reason.clone()),
        };
        let line = written(&room, &account(&owner), overrides.as_deref(), because.as_deref());
        if let Some(line) = line
            && !found.contains(&line)
        {
            found.push(line);
        }
    }
    if found.is_empty()
        && let Some(room) = first
    {
        found.extend(written(&room, "<new_owner>", overrides.as_deref(), reason.as_deref()));
    }
    found
}

/// A question, a verb that takes nothing, whatever follows it, or one from which all is missing: it is no room of that
/// name.
fn own_verb(tokens: &[Token]) -> Option<Invocation> {
    let (first, rest) = tokens.split_first()?;
    let is_meant = |verb: &&Verb| !verb.words.is_empty() && (first.is(verb.words) || first.is(verb.aliases));
    if let (true, Some(room)) = (first.is(&["who", "whose"]), rest.last()) {
        let room = room.text.trim_end_matches('?').parse::<RoomId>().ok()?;
        return Some(Invocation::named(CommandGroup::Owner, &["show"]).with("room", room));
    }
    let verb = Verb::all(CommandGroup::Owner).iter().find(is_meant)?;
    match verb.parameters {
        [] => Some(Invocation::of(verb)),
        [parameter] if rest.is_empty() => {
            Some(Invocation::of(verb).with(parameter.name, parameter.placeholder))
        }
        _ => None,
    }
}

/// `test owner`, `test history`: what is asked about the room.
fn verb_behind_room(tokens: &[Token]) -> Option<Invocation> {
    let [room, verb] = tokens else { return None };
    let verb = Verb::beginning_with(&verb.text).next().filter(|_| !verb.is_quoted && verb.text != "?")?;
    let line = Invocation::of(verb);
    let is_form = |it: &&Parameter| it.is_required && it.place == Position::Usual;
    match verb.parameters.iter().filter(is_form).collect::<Vec<_>>().as_slice() {
        [] => Some(line),
        [first, others @ ..] if first.name == "room" && room.text.parse::<RoomId>().is_ok() => {
            let line = line.with("room", &room.text);
            Some(others.iter().fold(line, |line, it| line.with(it.name, it.placeholder)))
        }
        _ => None,
    }
}

/// A room, its new owner, and the words of a reason.
type Reading = (String, String, Option<String>);

fn text(tokens: &[Token]) -> String {
    tokens.iter().map(|it| it.text.as_str()).collect::<Vec<_>>().join(" ")
}

/// The words of a reason, without what begins it.
fn why(tokens: &[Token]) -> Option<String> {
    let reason = one_line(&text(tokens));
    let reason = reason.trim_start_matches(|c| ":：-–—= ".contains(c));
    let reason = reason.strip_prefix("for ").unwrap_or(reason).trim_start();
    Some(reason.to_owned()).filter(|why| !why.is_empty())
}

/// What the words can mean.
fn readings(mut tokens: Vec<Token>) -> Vec<Reading> {
    if let Some(labelled) = labelled(&tokens) {
        return vec![labelled];
    }
    while tokens.len() > 2 && tokens[0].is(DO) && !tokens[1].is(TO) {
        tokens.remove(0);
    }
    let between = |words| {
        tokens.iter().position(|it: &Token| it.is(words)).filter(|at| *at > 0 && at + 1 < tokens.len())
    };
    if let Some(at) = between(APART).filter(|at| between(TO).is_none_or(|to| at < &to)) {
        let (before, rest) = (&tokens[..at], &tokens[at + 1..]);
        let as_room = (text(before), rest[0].text.clone(), why(&rest[1..]));
        return match before {
            [room, owner] if room.is_quoted || rest.len() > 1 => {
                let as_reason = (room.text.clone(), owner.text.clone(), why(rest));
                if room.is_quoted { vec![as_reason] } else { vec![as_reason, as_room] }
            }
            _ => vec![as_room],
        };
    }
    if let Some(at) = between(TO) {
        let (room, rest) = (&tokens[..at], &tokens[at + 1..]);
        let fillers = room.iter().take_while(|it| it.is(&["room", "over", "ownership", "owner"])).count();
        let room = &room[fillers.min(room.len() - 1)..];
        // `test over to user2`
        let fillers = room[1..].iter().rev().take_while(|it| it.is(&["over"])).count();
        let room = &room[..room.len() - fillers];
        return vec![(text(room), rest[0].text.clone(), why(&rest[1..]))];
    }
    match tokens.as_slice() {
        [] | [_] => Vec::new(),
        [room, owner] => vec![(room.text.clone(), owner.text.clone(), None)],
        [first, owner, rest @ ..] => {
            let (last, room) = (&tokens[tokens.len() - 1], &tokens[..tokens.len() - 1]);
            let as_room = || (text(room), last.text.clone(), None);
            let as_reason = || (first.text.clone(), owner.text.clone(), why(rest));
            // Whoever put the room in quotes means the rest otherwise; and one word is hardly a reason.
            match (first.is_quoted, rest.len()) {
                (true, _) => vec![as_reason()],
                (false, 1) => vec![as_room()],
                (false, _) => vec![as_reason(), as_room()],
            }
        }
    }
}

/// `room: test new_owner: user2`, in whichever order.
fn labelled(tokens: &[Token]) -> Option<Reading> {
    let value = |labels: &[&str]| {
        let at = tokens.iter().position(|it| it.label(labels).is_some())?;
        match tokens[at].label(labels)? {
            Some(value) => Some(value),
            None => tokens.get(at + 1).map(|it| it.text.clone()),
        }
    };
    if let (Some(room), Some(owner)) = (value(ROOM), value(OWNER)) {
        return Some((room, owner, None));
    }
    // `test owner: user2`
    let at = tokens.iter().position(|it| it.label(OWNER).is_some()).filter(|at| *at == 1)?;
    let room = tokens[at - 1].text.clone();
    value(OWNER).map(|owner| (room, owner, None))
}

/// `override 17`, with or without a colon.
fn take_override(tokens: &mut Vec<Token>) -> Option<String> {
    let at = tokens.iter().position(|it| it.is(&["override"]) || it.label(&["override"]).is_some())?;
    let token = tokens.remove(at);
    match token.label(&["override"]).flatten() {
        Some(number) => Some(number),
        None if at < tokens.len() => {
            if tokens[at].is(&["op"]) && at + 1 < tokens.len() {
                tokens.remove(at);
            }
            Some(tokens.remove(at).text)
        }
        None => None,
    }
}

/// `reason host crashed`, `because he left`: the rest of the line.
fn take_reason(tokens: &mut Vec<Token>) -> Option<String> {
    // The first word may be a room of that name, but never one with the colon.
    let begins = |(at, it): (usize, &Token)| at > 0 && it.is(BECAUSE) || it.label(&["reason"]).is_some();
    let at = tokens.iter().enumerate().position(begins)?;
    let mut rest = tokens.split_off(at);
    rest[0].text = rest[0].label(&["reason"]).flatten().unwrap_or_default();
    why(&rest)
}

/// The line, if the grammar takes it and people can read it.
fn written(room: &str, owner: &str, overrides: Option<&str>, reason: Option<&str>) -> Option<Invocation> {
    let verb = Verb::with_words(CommandGroup::Owner, &[])?;
    let is_room = |room: &String| room.parse::<RoomId>().is_ok() && !room.starts_with('<');
    // A room may be called almost anything: what surrounds it comes off only where it cannot be part of it.
    let room = [room.to_owned(), cleaned(room, "<>`*«»“” ")].into_iter().find(is_room)?;
    let line = |owner: &str, reason: Option<&str>| {
        let line = Invocation::of(verb).with("room", &room).with("new_owner", owner);
        match (overrides, reason) {
            (Some(operation), reason) => {
                line.with("override", operation).with("reason", reason.unwrap_or("<why>"))
            }
            (None, Some(reason)) => line.with("reason", reason),
            (None, None) => line,
        }
    };
    let is_taken = |reason: Option<&str>| {
        // A form names no account yet.
        let owner = if owner.starts_with('<') { "user" } else { owner };
        let typed = line(owner, reason).as_typed();
        typed.chars().count() <= LONGEST_LINE
            && read(CommandGroup::Owner, &Typed::plain(&typed), None).is_ok()
    };
    // What is too long to be shown is there, above, to be put in.
    let reason = [reason, reason.map(|_| "…")].into_iter().find(|reason| is_taken(*reason))?;
    Some(line(owner, reason))
}

/// Whom a mention names, if that is a person.
fn person(item: &Item) -> Option<&Subject> {
    match item {
        Item::Mention(Mention::Subject(subject), _) if subject.is_chat_user() => Some(subject),
        Item::Mention(..) | Item::Char(_) => None,
    }
}

/// The line as text in which people have their ids.
fn with_ids(line: &Typed) -> String {
    let with_id = |item: &Item| match (person(item), item) {
        (Some(person), _) => person.to_string(),
        (None, Item::Mention(_, shown)) => shown.clone(),
        (None, Item::Char(c)) => c.to_string(),
    };
    line.0.iter().map(with_id).collect()
}

fn is_person(word: &str) -> bool {
    word.parse().is_ok_and(|subject: Subject| subject.is_chat_user())
}

/// The account or the person that was probably meant; the form of one, if none is.
fn account(word: &str) -> String {
    let whole = word.trim_end_matches(['.', ',', ';', ':', '!', '?']);
    if is_person(whole) {
        return whole.to_owned();
    }
    let plain: String = word.chars().filter_map(plain).collect();
    let account = AccountId::from_tencent(plain);
    let meant = if Accounts::Tencent.check(&account).is_ok() { Some(account) } else { account.undecorated() };
    meant.map_or_else(|| "<new_owner>".to_owned(), |account| account.to_string())
}

/// A word without what a phone or a chat puts around it or makes of it: `<user2>`, `user2.`, `ｕｓｅｒ２`, `live—7`.
fn cleaned(word: &str, around: &str) -> String {
    let plain: String = word.chars().filter_map(plain).collect();
    plain.trim_matches(|c| around.contains(c)).to_owned()
}

/// Letters of other alphabets, and below each the one of ASCII that it looks like.
const LOOK_ALIKES: &str = "аеорсхуіѕјӏոνοαıАВЕКМНОРСТХ";
const ASCII: &str = "aeopcxyisjlnvoaiABEKMHOPCTX";

/// The character of ASCII that was probably meant; `None` for what nobody sees.
fn plain(c: char) -> Option<char> {
    if is_invisible(c) {
        return None;
    }
    Some(match c {
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe58}' | '\u{fe63}' => '-',
        // Full-width forms stand in the order of ASCII.
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        // Of another alphabet.
        other => {
            LOOK_ALIKES.chars().zip(ASCII.chars()).find(|(it, _)| *it == other).map_or(other, |(_, c)| c)
        }
    })
}

/// The words of a line that does not fit the grammar: quotes count where they close, and are nothing where they do not.
fn tokens(text: &str) -> Vec<Token> {
    let mut rest = text.trim();
    let mut tokens = Vec::new();
    while !rest.is_empty() && tokens.len() < MOST_WORDS {
        let first = rest.chars().next().unwrap_or(' ');
        let close = if first == CODE { Some(&[CODE][..]) } else { closing(first) };
        let quoted = close.and_then(|close| {
            let inside = &rest[first.len_utf8()..];
            let end = inside.find(close)?;
            Some((
                &inside[..end],
                inside[end..].chars().next().map_or(0, char::len_utf8) + end + first.len_utf8(),
            ))
        });
        match quoted.filter(|(inside, _)| !inside.trim().is_empty()) {
            Some((inside, length)) => {
                tokens.push(Token { text: inside.trim().to_owned(), is_quoted: true });
                rest = rest[length..].trim_start_matches(['.', ',', ';', ':', '!', '?']).trim_start();
            }
            None => {
                let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
                let word = rest[..end].trim_start_matches(|c| c == CODE || closing(c).is_some());
                if !word.is_empty() {
                    tokens.push(Token { text: word.to_owned(), is_quoted: false });
                }
                rest = rest[end..].trim_start();
            }
        }
    }
    tokens
}

#[cfg(test)]
mod tests;
