//! The options of an invocation: from what a person filled in straight to the values of a verb.
//!
//! What the client checks is checked again here: it proves nothing about a request. A filled-in value never becomes
//! more than one value, and Discord says along with an id what it is.

use serde_json::{Map, Value};

use super::definition::bare;
use super::payload::{LONGEST_NAME, THREADS, roles_of, snowflake};
use crate::domain::command::{
    Advice, Command, CommandGroup, Invocation, Kind, Mention, Parameter, Problem, Typed, Unusable,
    UsageError, Values, Verb, Word,
};
use crate::domain::principal::{Channel, Subject};
use crate::domain::wording::CommandName;

/// A subcommand in a group is as deep as it gets.
const DEEPEST: usize = 2;
/// A category, which holds channels and no messages ("Channel Types").
const CATEGORY: u64 = 4;

/// The options of an invocation, by name.
pub(super) struct Options<'a> {
    name: &'a str,
    /// The subcommand, in its group if it is in one.
    path: Vec<&'a str>,
    given: Vec<(&'a str, &'a Value)>,
    /// What Discord says about the ids among them ("Resolved Data Structure").
    resolved: Option<&'a Value>,
    /// The option that is being typed.
    pub(super) focused: Option<(&'a str, &'a str)>,
}

impl<'a> Options<'a> {
    /// Reads the `data` of a command ("Application Command Interaction Data Structure").
    pub(super) fn read(data: &'a Map<String, Value>) -> Result<Self, String> {
        let name =
            data.get("name").and_then(Value::as_str).ok_or("Discord did not send the name of the command")?;
        if data.get("type").is_some_and(|kind| kind.as_u64() != Some(1)) {
            return Err("it is not a slash command".to_owned());
        }
        let resolved = data.get("resolved");
        let mut options = Self { name, path: Vec::new(), given: Vec::new(), resolved, focused: None };
        let mut list = list_of(data)?;
        while let Some(sub) = list.iter().find_map(subcommand) {
            if list.len() > 1 || options.path.len() == DEEPEST {
                return Err("more than one subcommand was sent".to_owned());
            }
            options.path.push(sub.get("name").and_then(Value::as_str).ok_or("a subcommand has no name")?);
            list = list_of(sub)?;
        }
        for option in list {
            let name = option.get("name").and_then(Value::as_str).ok_or("an option has no name")?;
            let value = option.get("value").unwrap_or(&Value::Null);
            if options.given.iter().any(|(known, _)| *known == name) {
                return Err(format!("the option `{}` comes twice", short(name)));
            }
            if option.get("focused").and_then(Value::as_bool) == Some(true) {
                options.focused = value.as_str().map(|typed| (name, typed));
            }
            options.given.push((name, value));
        }
        Ok(options)
    }

    /// Which of our commands it is.
    pub(super) fn family(&self, ours: &CommandName) -> Option<CommandGroup> {
        CommandGroup::ALL.into_iter().find(|family| bare(&ours.of(*family)) == self.name)
    }

    /// The verb that was filled in.
    pub(super) fn verb(&self, ours: &CommandName) -> Option<&'static Verb> {
        Verb::with_words(self.family(ours)?, &self.path)
    }

    /// The text of an option, exactly as it was filled in.
    pub(super) fn text(&self, name: &str) -> Option<&'a str> {
        self.value(name)?.as_str()
    }

    fn value(&self, name: &str) -> Option<&'a Value> {
        self.given.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }

    /// The command. The outer error is a request that no client of Discord sends; the inner one is a person's usage
    /// error.
    pub(super) fn command(
        &self,
        ours: &CommandName,
        guild: &str,
    ) -> Result<Result<Command, UsageError>, Unusable> {
        let Some(family) = self.family(ours) else {
            let problem = Problem::UnknownCommand(format!("/{}", short(self.name)));
            return Ok(Err(UsageError::without_verb(CommandGroup::Owner, problem)));
        };
        let Some(verb) = Verb::with_words(family, &self.path) else {
            return match (self.path.as_slice(), self.given.is_empty()) {
                // No client sends a command with subcommands bare; what it would mean is clear.
                ([], true) => Ok(Ok(Command::Help(family))),
                ([], false) => {
                    Err(Unusable::but("Discord did not say which subcommand it is", Advice::Reload))
                }
                (path, _) => {
                    let problem = Problem::UnknownVerb(short(&path.join(" ")));
                    Ok(Err(UsageError::without_verb(family, problem)))
                }
            };
        };
        if let Some((name, _)) = self.given.iter().find(|(name, _)| verb.parameter(name).is_none()) {
            return Err(Unusable::but(format!("the option `{}` is unknown", short(name)), Advice::Reload));
        }
        let mut values = Values::default();
        for parameter in verb.parameters {
            let Some(value) = self.value(parameter.name) else { continue };
            let word = match self.word(parameter, value, guild)? {
                Ok(word) => word,
                Err(problem) => return Ok(Err(UsageError::of(verb, problem))),
            };
            values.groups.extend(self.groups_of(&word, guild)?);
            if let Err(problem) = values.put(parameter, word) {
                return Ok(Err(UsageError::of(verb, problem)));
            }
        }
        Ok(values.build(verb).map_err(|error| error.corrected(&Typed::plain(&self.written(verb)), None)))
    }

    /// An option's value. The outer error is for a value that no client of Discord sends.
    fn word(
        &self,
        parameter: &Parameter,
        value: &Value,
        guild: &str,
    ) -> Result<Result<Word, Problem>, String> {
        let not = |what: &str| format!("the option `{}` is not {what}", parameter.name);
        let id = || snowflake(value).ok_or_else(|| not("an id"));
        let text = || value.as_str().ok_or_else(|| not("text"));
        let exactly = |text: &str| Word::Text { text: text.to_owned(), quoted: true };
        Ok(Ok(match parameter.kind {
            Kind::Reason | Kind::Time | Kind::Text(_) | Kind::OneOf(_) | Kind::SomeOf(_) => exactly(text()?),
            Kind::Room | Kind::Account => {
                let text = without_label(text()?);
                // A room may be called almost anything, so only a mention and nothing else is one.
                match mention(text, guild)
                    .filter(|(_, shown)| matches!(parameter.kind, Kind::Account) || *shown == text)
                {
                    Some((mention, shown)) if shown == text => Word::Mention(mention, text.to_owned()),
                    Some((mention, _)) => Word::Mention(Mention::Within(Box::new(mention)), text.to_owned()),
                    None => exactly(text),
                }
            }
            Kind::Operation | Kind::Number(_) => {
                exactly(&whole_number(value).ok_or_else(|| not("a whole number"))?)
            }
            Kind::YesOrNo => exactly(yes_or_no(value).ok_or_else(|| not("yes or no"))?),
            Kind::Person | Kind::PersonOrGroup | Kind::People => {
                let id = id()?;
                let (guild_id, own) = (guild.to_owned(), id.clone());
                let (mention, name) = match self.who(&id, parameter.kind) {
                    Some(Who::Role(_)) if id == guild => (Mention::Everyone, Some("everyone")),
                    Some(Who::Role(name)) => {
                        (Mention::Subject(Subject::DiscordRole { guild: guild_id, role: own }), name)
                    }
                    Some(Who::Person(name)) => {
                        (Mention::Subject(Subject::DiscordUser { guild: guild_id, user: own }), name)
                    }
                    None => return Err(format!("Discord did not say whether `{id}` is a person or a role")),
                };
                Word::Mention(mention, shown('@', name, &id))
            }
            Kind::Channel => {
                let id = id()?;
                let known = self
                    .resolved
                    .and_then(|it| it.get("channels")?.get(&id))
                    .ok_or_else(|| format!("Discord did not say what kind of channel `{id}` is"))?;
                let shown = shown('#', known.get("name").and_then(Value::as_str), &id);
                let channel = match known.get("type").and_then(Value::as_u64) {
                    Some(CATEGORY) => {
                        let why = format!("`{shown}` is a category: choose a channel in it");
                        return Ok(Err(Problem::Invalid(why)));
                    }
                    Some(kind) if THREADS.contains(&kind) => {
                        known.get("parent_id").and_then(snowflake).ok_or_else(|| {
                            format!("Discord did not say to which channel the thread `{id}` belongs")
                        })?
                    }
                    _ => id,
                };
                Word::Mention(Mention::Channel(Channel::Discord { guild: guild.to_owned(), channel }), shown)
            }
        }))
    }

    /// A named member's roles, which Discord sends along.
    fn groups_of(&self, word: &Word, guild: &str) -> Result<Vec<Subject>, String> {
        if let Word::Mention(Mention::Subject(Subject::DiscordUser { user, .. }), _) = word
            && let Some(member) = self.resolved.and_then(|it| it.get("members")?.get(user))
        {
            return roles_of(member, guild);
        }
        Ok(Vec::new())
    }

    /// Whom an id names.
    fn who(&self, id: &str, kind: Kind) -> Option<Who<'a>> {
        let among = |kind: &str| self.resolved?.get(kind)?.get(id);
        let name = |of: &'a Value, field: &str| of.get(field).and_then(Value::as_str);
        let user = among("users").or_else(|| among("members"));
        match (user, among("roles")) {
            (Some(user), _) => Some(Who::Person(name(user, "username"))),
            (None, Some(role)) => Some(Who::Role(name(role, "name"))),
            (None, None) if matches!(kind, Kind::Person) => Some(Who::Person(None)),
            (None, None) => None,
        }
    }

    /// The invocation in the form in which it would be typed, for the record; with ids where a name could be
    /// anybody's.
    pub(super) fn typed(&self, ours: &CommandName) -> String {
        let mut parts = vec![format!("/{}", self.name)];
        let verb = self.verb(ours);
        match verb {
            Some(verb) => parts.push(self.written(verb)),
            None => parts.extend(self.path.iter().map(|word| (*word).to_owned())),
        }
        let unknown = |name: &str| verb.is_none_or(|verb| verb.parameter(name).is_none());
        for (name, value) in self.given.iter().filter(|(name, _)| unknown(name)) {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            parts.push(format!("{name}: {text}"));
        }
        parts.retain(|part| !part.is_empty());
        parts.join(" ")
    }

    /// The options as they would be typed.
    fn written(&self, verb: &'static Verb) -> String {
        let given = verb.parameters.iter().filter_map(|it| Some((it, self.value(it.name)?)));
        given
            .fold(Invocation::of(verb), |line, (it, value)| line.with(it.name, self.recorded(it, value)))
            .as_typed()
    }

    /// An option's value for the record.
    fn recorded(&self, parameter: &Parameter, value: &Value) -> String {
        match (parameter.kind, value) {
            (Kind::Person | Kind::PersonOrGroup | Kind::People, Value::String(id)) => {
                match self.who(id, parameter.kind) {
                    Some(Who::Person(_)) => format!("<@{id}>"),
                    Some(Who::Role(_)) => format!("<@&{id}>"),
                    None => id.clone(),
                }
            }
            (Kind::Channel, Value::String(id)) => format!("<#{id}>"),
            (_, Value::String(text)) => text.clone(),
            (Kind::YesOrNo, value) => yes_or_no(value).map_or_else(|| value.to_string(), str::to_owned),
            (_, value) => value.to_string(),
        }
    }
}

/// What stands between a room and its owner where a room is suggested.
pub(super) const OWNED_BY: &str = " · owner ";

/// What stands between an account and the name of the person who has it, where both are suggested.
pub(super) const LINKED_TO: &str = " · of @";

/// A value without the rest of the suggestion that shows it: some clients send what is shown instead of the value.
/// Neither a room nor an account can have this sign in its id.
pub(super) fn without_label(text: &str) -> &str {
    [OWNED_BY, LINKED_TO].iter().find_map(|sign| text.split_once(sign)).map_or(text, |(value, _)| value)
}

fn short(text: &str) -> String {
    text.chars().take(LONGEST_NAME).collect()
}

fn list_of(holder: &Map<String, Value>) -> Result<&[Value], String> {
    match holder.get("options") {
        None | Some(Value::Null) => Ok(&[]),
        Some(Value::Array(list)) => Ok(list),
        Some(_) => Err("the command's options are not a list".to_owned()),
    }
}

/// An option that is a subcommand or a group of them ("Application Command Option Type").
fn subcommand(option: &Value) -> Option<&Map<String, Value>> {
    let option = option.as_object()?;
    let is_one =
        matches!(option.get("type").and_then(Value::as_u64), Some(1 | 2)) || option.contains_key("options");
    is_one.then_some(option)
}

enum Who<'a> {
    Person(Option<&'a str>),
    Role(Option<&'a str>),
}

/// How the client shows it.
fn shown(sign: char, name: Option<&str>, id: &str) -> String {
    let name = name.filter(|name| !name.is_empty()).unwrap_or(id);
    std::iter::once(sign).chain(name.trim_start_matches(sign).chars().take(LONGEST_NAME)).collect()
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

/// The first mention in a text, and how it is written: `<@9>`, `<@!9>`, `<@&9>`, `<#9>`
/// (docs.discord.com/developers/reference, "Formats"), `@everyone`, `@here`.
fn mention<'a>(text: &'a str, guild: &str) -> Option<(Mention, &'a str)> {
    if matches!(text, "@everyone" | "@here") {
        return Some((Mention::Everyone, text));
    }
    text.match_indices('<').find_map(|(at, _)| {
        let form = text[at + 1..].split_once('>')?.0;
        let digits = form.trim_start_matches(['@', '!', '&', '#']);
        let (guild, id) = (guild.to_owned(), digits.to_owned());
        if digits.is_empty() || digits.len() > 20 || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let mention = match &form[..form.len() - digits.len()] {
            "@" | "@!" => Mention::Subject(Subject::DiscordUser { guild, user: id }),
            "@&" => Mention::Subject(Subject::DiscordRole { guild, role: id }),
            "#" => Mention::Channel(Channel::Discord { guild, channel: id }),
            _ => return None,
        };
        Some((mention, &text[at..at + form.len() + 2]))
    })
}

#[cfg(test)]
mod tests;
