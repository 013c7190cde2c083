//! From the options that a person filled in to the line that somebody else would have typed: one grammar and
//! one record for all the doors.
//!
//! What was filled in can never become more than the one word that it is: text stands in quotes, and who or
//! what an id is, Discord says beside it.

use serde_json::Value;

use super::commands::{Options, REASON, mention};
use super::forms::{self, Form, Opt, Takes, Written};
use super::payload::{LONGEST_NAME, THREADS, roles_of, snowflake};
use crate::domain::command::{
    AclCommand, Command, Family, LineProblem, Mention, Typed, UsageError, parse, quoted,
};
use crate::domain::principal::{Channel, Subject};

/// A category, which holds channels and no messages ("Channel Types").
const CATEGORY: u64 = 4;

/// The form of which the options were filled in.
pub(super) fn form(family: Family, options: &Options<'_>) -> Option<&'static Form> {
    forms::of(family).iter().find(|form| form.path == options.path.as_slice())
}

/// What is asked for; the errors are as for [`Options::command`].
pub(super) fn command(
    family: Family,
    options: &Options<'_>,
    guild: &str,
) -> Result<Result<Command, UsageError>, String> {
    let short = |text: &str| text.chars().take(LONGEST_NAME).collect::<String>();
    let Some(form) = form(family, options) else {
        return match (options.path.as_slice(), options.given.is_empty()) {
            // No client sends a command with subcommands bare; what it would mean is clear.
            ([], true) => Ok(Ok(Command::Help(family))),
            ([], false) => Err("Discord did not say which subcommand it is".to_owned()),
            (path, _) => {
                Ok(Err(UsageError::Line(family, None, LineProblem::UnknownVerb(short(&path.join(" "))))))
            }
        };
    };
    if let Some((name, _)) =
        options.given.iter().find(|(name, _)| !form.options.iter().any(|it| it.name == *name))
    {
        return Err(format!("the option `{}` is unknown", short(name)));
    }
    let slip = |problem| Ok(Err(UsageError::Line(family, form.verb, problem)));
    if let Some(called) =
        form.options.iter().filter(|it| value_of(it, options).is_none()).find_map(Opt::is_missed)
    {
        return slip(LineProblem::Missing(called));
    }
    let mut line = Typed::plain(form.typed);
    for option in in_order(form) {
        let Some(value) = value_of(option, options) else { continue };
        let piece = match piece(option, value, options.resolved, guild)? {
            Ok(piece) => piece,
            Err(problem) => return slip(problem),
        };
        line.push_text(" ");
        match option.written {
            Written::Word(..) => {}
            Written::Named(REASON) => {
                if let Piece::Text(text) = piece
                    && !text.is_empty()
                {
                    line.push_text(&format!("{REASON}: {text}"));
                }
                continue;
            }
            Written::Named(name) => line.push_text(&format!("{name}: ")),
        }
        match piece {
            Piece::Mention(mention, shown) => line.push_mention(mention, &shown),
            Piece::KeyWord(word) => line.push_text(word),
            Piece::Text(text) => line.push_text(&in_quotes(&text)),
        }
    }
    Ok(match parse(family, &line) {
        Ok(command) => Ok(with_roles(command, options.resolved, guild)?),
        Err(error) => Err(error),
    })
}

/// The invocation as it would be typed, with ids where a name could be anybody's.
pub(super) fn record(form: &Form, options: &Options<'_>, mut line: String) -> String {
    let mut add = |text: &str| {
        if !text.is_empty() {
            line.push(' ');
            line.push_str(text);
        }
    };
    add(form.typed);
    // By its place, a word is known only behind all those that come before it.
    let mut misses_a_word = false;
    for option in in_order(form) {
        let Some(value) = value_of(option, options) else {
            misses_a_word |= option.is_missed().is_some();
            continue;
        };
        let shown = recorded(option, value, options.resolved);
        match option.written {
            Written::Word(..) if !misses_a_word => add(&shown),
            Written::Word(..) => add(&format!("{}: {shown}", option.name)),
            Written::Named(name) => add(&format!("{name}: {shown}")),
        }
    }
    for (name, value) in &options.given {
        if !form.options.iter().any(|option| option.name == *name) {
            add(&format!("{name}: {value}"));
        }
    }
    line
}

/// The options as they are written: words first, by their place, then names; the reason takes the rest.
fn in_order(form: &Form) -> Vec<&'static Opt> {
    let mut all: Vec<&'static Opt> = form.options.iter().collect();
    all.sort_by_key(|option| match option.written {
        Written::Word(place, _) => place,
        Written::Named(REASON) => usize::MAX,
        Written::Named(_) => usize::MAX - 1,
    });
    all
}

fn value_of<'a>(option: &Opt, options: &Options<'a>) -> Option<&'a Value> {
    options.given.iter().find(|(name, _)| *name == option.name).map(|(_, value)| *value)
}

/// A word of the line.
enum Piece {
    Mention(Mention, String),
    /// A word of the grammar.
    KeyWord(&'static str),
    Text(String),
}

/// An option's value as a word. The outer error is what no client of Discord's sends.
fn piece(
    option: &Opt,
    value: &Value,
    resolved: Option<&Value>,
    guild: &str,
) -> Result<Result<Piece, LineProblem>, String> {
    let not = |what: &str| format!("the option `{}` is not {what}", option.name);
    let text = || value.as_str().map(str::trim).ok_or_else(|| not("text"));
    let id = || snowflake(value).ok_or_else(|| not("an id"));
    Ok(Ok(match option.takes {
        Takes::Text(_) => Piece::Text(text()?.to_owned()),
        Takes::Room => {
            let text = text()?;
            match mention(text, guild).filter(|(_, shown)| *shown == text) {
                Some((mention, shown)) => Piece::Mention(mention, shown.to_owned()),
                None => Piece::Text(text.to_owned()),
            }
        }
        Takes::OneOf(words) => {
            let text = text()?;
            match words().into_iter().find(|word| *word == text) {
                Some(word) => Piece::KeyWord(word),
                None => Piece::Text(text.to_owned()),
            }
        }
        Takes::Number(_) => Piece::Text(whole_number(value).ok_or_else(|| not("a whole number"))?),
        Takes::YesOrNo => Piece::KeyWord(yes_or_no(value).ok_or_else(|| not("yes or no"))?),
        Takes::Person | Takes::PersonOrRole => {
            let id = id()?;
            let (mention, name) = match who(&id, option.takes, resolved) {
                Some(Who::Role(_)) if id == guild => (Mention::Everyone, Some("everyone")),
                Some(Who::Role(name)) => (
                    Mention::Subject(Subject::DiscordRole { guild: guild.to_owned(), role: id.clone() }),
                    name,
                ),
                Some(Who::Person(name)) => (
                    Mention::Subject(Subject::DiscordUser { guild: guild.to_owned(), user: id.clone() }),
                    name,
                ),
                None => return Err(format!("Discord did not say whether `{id}` is a person or a role")),
            };
            Piece::Mention(mention, shown('@', name, &id))
        }
        Takes::Channel => {
            let id = id()?;
            let known = resolved
                .and_then(|it| it.get("channels")?.get(&id))
                .ok_or_else(|| format!("Discord did not say what kind of channel `{id}` is"))?;
            let shown = shown('#', known.get("name").and_then(Value::as_str), &id);
            let channel = match known.get("type").and_then(Value::as_u64) {
                Some(CATEGORY) => {
                    let why = format!("`{shown}` is a category: choose a channel in it");
                    return Ok(Err(LineProblem::Invalid(why)));
                }
                Some(kind) if THREADS.contains(&kind) => {
                    known.get("parent_id").and_then(snowflake).ok_or_else(|| {
                        format!("Discord did not say to which channel the thread `{id}` belongs")
                    })?
                }
                _ => id,
            };
            Piece::Mention(Mention::Channel(Channel::Discord { guild: guild.to_owned(), channel }), shown)
        }
    }))
}

/// Whom an id names.
enum Who<'a> {
    Person(Option<&'a str>),
    Role(Option<&'a str>),
}

fn who<'a>(id: &str, takes: Takes, resolved: Option<&'a Value>) -> Option<Who<'a>> {
    let among = |kind: &str| resolved?.get(kind)?.get(id);
    let name = |of: &'a Value, field: &str| of.get(field).and_then(Value::as_str);
    let user = among("users").or_else(|| among("members"));
    match (user, among("roles")) {
        (Some(user), _) => Some(Who::Person(name(user, "username"))),
        (None, Some(role)) => Some(Who::Role(name(role, "name"))),
        (None, None) if matches!(takes, Takes::Person) => Some(Who::Person(None)),
        (None, None) => None,
    }
}

/// How the client shows it.
fn shown(sign: char, name: Option<&str>, id: &str) -> String {
    let name = name.filter(|name| !name.is_empty()).unwrap_or(id);
    std::iter::once(sign).chain(name.trim_start_matches(sign).chars().take(LONGEST_NAME)).collect()
}

/// An option's value for the record.
fn recorded(option: &Opt, value: &Value, resolved: Option<&Value>) -> String {
    let text = |text: &str| match option.written {
        Written::Named(REASON) => text.trim().to_owned(),
        _ => quoted(text.trim()),
    };
    match (option.takes, value) {
        (Takes::Person | Takes::PersonOrRole, Value::String(id)) => match who(id, option.takes, resolved) {
            Some(Who::Person(_)) => format!("<@{id}>"),
            Some(Who::Role(_)) => format!("<@&{id}>"),
            None => quoted(id),
        },
        (Takes::Channel, Value::String(id)) => format!("<#{id}>"),
        (_, Value::String(value)) => text(value),
        (Takes::YesOrNo, value) => yes_or_no(value).map_or_else(|| value.to_string(), str::to_owned),
        (_, value) => value.to_string(),
    }
}

/// As text, because Discord's numbers are JSON's, which may come as `12.0`.
fn whole_number(value: &Value) -> Option<String> {
    let number = value.as_number()?;
    match number.as_f64().filter(|it| !number.is_i64() && !number.is_u64() && it.fract() == 0.0) {
        Some(whole) => Some(format!("{whole:.0}")),
        None => (number.is_i64() || number.is_u64()).then(|| number.to_string()),
    }
}

fn yes_or_no(value: &Value) -> Option<&'static str> {
    value.as_bool().map(|is| if is { "yes" } else { "no" })
}

/// A text as one word of a line, whatever is in it.
fn in_quotes(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// A question about a member carries the member's roles with it.
fn with_roles(mut command: Command, resolved: Option<&Value>, guild: &str) -> Result<Command, String> {
    if let Command::Acl(AclCommand::Why(why)) = &mut command
        && let Some(Subject::DiscordUser { user, .. }) = &why.subject
        && let Some(member) = resolved.and_then(|it| it.get("members")?.get(user))
    {
        why.groups = roles_of(member, guild)?;
    }
    Ok(command)
}
