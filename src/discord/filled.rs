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
                    && !text.trim().is_empty()
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
    let text = || value.as_str().ok_or_else(|| not("text"));
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
        _ => quoted(text),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::audit::Question;
    use crate::domain::command::{Edit, parse_room_acl};
    use crate::domain::wording::CommandName;
    use proptest::prelude::*;
    use serde_json::json;

    fn opt(name: &str, value: impl Into<Value>) -> Value {
        json!({ "name": name, "value": value.into() })
    }

    fn resolved() -> Value {
        json!({
            "users": { "9": { "id": "9", "username": "bob" } },
            "members": { "9": { "roles": ["31"] } },
            "roles": { "31": { "id": "31", "name": "night shift" }, "7": { "id": "7", "name": "@everyone" } },
            "channels": {
                "5": { "id": "5", "type": 0, "name": "mods" }, "6": { "id": "6", "type": 11, "parent_id": "5" },
                "8": { "id": "8", "type": 4, "name": "shows" }, "4": { "id": "4", "type": 12 },
            },
        })
    }

    type Understood = Result<Result<Command, UsageError>, String>;

    /// `path` is the command and its subcommand: `room-acl grant`.
    fn read(path: &str, options: &[Value]) -> (String, Understood) {
        let mut parts = path.split(' ').rev().collect::<Vec<_>>();
        let name = parts.pop().unwrap();
        let mut inner = json!(options);
        for (depth, part) in parts.iter().enumerate() {
            inner = json!([{ "name": part, "type": depth + 1, "options": inner }]);
        }
        let data = json!({ "name": name, "type": 1, "options": inner, "resolved": resolved() });
        let options = Options::read(data.as_object().unwrap()).unwrap();
        let ours = CommandName::slash("");
        (options.typed(&ours), options.command(&ours, "7"))
    }

    fn asked(path: &str, options: &[Value]) -> (String, Command) {
        let (typed, command) = read(path, options);
        (typed, command.unwrap().unwrap())
    }

    fn slip(path: &str, options: &[Value]) -> LineProblem {
        match read(path, options).1 {
            Ok(Err(UsageError::Line(_, _, problem))) => problem,
            other => panic!("{path}: {other:?}"),
        }
    }

    #[test]
    fn a_grant_is_the_one_that_would_be_typed() {
        let options = [
            opt("reason", "night shift"),
            opt("channel", "6"),
            opt("for", "8h"),
            opt("rooms", "live-*"),
            opt("role", "moderator"),
            opt("who", "9"),
        ];
        let (typed, command) = asked("room-acl grant", &options);
        assert_eq!(
            typed,
            "/room-acl grant <@9> moderator rooms: live-* in: <#6> for: 8h reason: night shift"
        );
        let Command::Acl(AclCommand::Edit { edit: Edit::Grant { grant, lasts }, reason }) = command else {
            panic!()
        };
        assert_eq!(grant.subject.to_string(), "discord:7:9");
        assert_eq!((grant.role.name(), grant.rooms.to_string().as_str()), ("moderator", "live-*"));
        assert_eq!(grant.channels, ["discord:7:5".parse().unwrap()], "a thread counts as its parent");
        assert_eq!((lasts.unwrap().as_secs(), reason.as_deref()), (8 * 3_600, Some("night shift")));
        let (typed, command) = asked("room-acl deny", &[opt("who", "31"), opt("role", "admin")]);
        assert_eq!(typed, "/room-acl deny <@&31> admin");
        assert!(format!("{command:?}").contains("DiscordRole { guild: \"7\", role: \"31\" }"));
    }

    #[test]
    fn every_subcommand_is_the_same_command_as_its_typed_form() {
        for (path, options, line) in [
            ("whoami", vec![], "whoami"),
            ("help", vec![], "help"),
            ("revoke", vec![opt("grant", 12), opt("reason", "left")], "revoke 12 reason: left"),
            ("revoke", vec![opt("grant", 12.0)], "revoke 12"),
            ("list", vec![], "list"),
            ("list", vec![opt("part", "live")], "list"),
            ("list", vec![opt("part", "attention"), opt("page", 2)], "list attention page: 2"),
            ("why", vec![opt("room", "my room")], "why \"my room\""),
            ("who-can", vec![opt("room", "me")], "who-can me"),
            ("channel list", vec![opt("page", 3)], "channel list page: 3"),
            ("channel allow", vec![opt("rooms", "live-*")], "channel allow rooms: live-*"),
            ("channel remove", vec![opt("reason", "over")], "channel remove reason: over"),
        ] {
            let typed = parse_room_acl(&Typed::plain(line)).unwrap();
            assert_eq!(asked(&format!("room-acl {path}"), &options).1, typed, "{path}");
        }
        for (path, options, line) in [
            ("list", vec![], ""),
            ("list", vec![opt("actor-id", "cli:ana"), opt("readings", true)], "actor: cli:ana readings: yes"),
            ("list", vec![opt("actor", "9"), opt("limit", 3)], "actor: discord:7:9 limit: 3"),
            (
                "list",
                vec![opt("channel", "6"), opt("text", "a \"b\" c")],
                "in: discord:7:5 text: \"a \\\"b\\\" c\"",
            ),
            ("show", vec![opt("operation", 17)], "17"),
            ("timeline", vec![opt("operation", 17)], "timeline 17"),
            (
                "owner-at",
                vec![opt("room", "test"), opt("time", "yesterday 14:03")],
                "owner-at test yesterday 14:03",
            ),
            ("stats", vec![opt("by", "actor"), opt("since", "7d")], "stats by: actor since: 7d"),
        ] {
            let typed = parse(Family::Audit, &Typed::plain(line)).unwrap();
            assert_eq!(asked(&format!("room-audit {path}"), &options).1, typed, "{path}");
        }
        assert_eq!(asked("room-audit", &[]).1, Command::Help(Family::Audit));
    }

    #[test]
    fn why_knows_the_members_roles() {
        let (typed, command) =
            asked("room-acl why", &[opt("room", "test"), opt("who", "9"), opt("channel", "5")]);
        assert_eq!(typed, "/room-acl why <@9> test in: <#5>");
        let Command::Acl(AclCommand::Why(why)) = command else { panic!() };
        let groups: Vec<_> = why.groups.iter().map(ToString::to_string).collect();
        assert_eq!(groups, ["discord:7:role:7", "discord:7:role:31"]);
        let (_, command) = asked("room-acl why", &[opt("room", "test"), opt("who", "31")]);
        let Command::Acl(AclCommand::Why(why)) = command else { panic!() };
        assert!(why.groups.is_empty());
    }

    #[test]
    fn slips_are_named_and_what_no_client_sends_is_not_taken() {
        assert_eq!(slip("room-acl grant", &[opt("role", "admin")]), LineProblem::Missing("<person>"));
        assert_eq!(slip("room-acl why", &[opt("who", "9")]), LineProblem::Missing("<room>"));
        assert_eq!(slip("room-audit show", &[]), LineProblem::Missing("<operation>"));
        assert_eq!(slip("room-acl dance", &[]), LineProblem::UnknownVerb("dance".to_owned()));
        assert_eq!(slip("room-acl channel", &[]), LineProblem::UnknownVerb("channel".to_owned()));
        assert_eq!(
            slip("room-audit list", &[opt("actor", "9"), opt("actor-id", "cli:ana")]),
            LineProblem::Twice("actor")
        );
        for (option, why) in [
            (opt("who", "7"), "`@everyone` is everybody"),
            (opt("channel", "8"), "`#shows` is a category"),
            (opt("role", "boss"), "`boss` is not a role"),
            (opt("rooms", "a b for: 8h"), ""),
            (opt("rooms", " "), ""),
        ] {
            let mut options = vec![opt("who", "9"), opt("role", "admin")];
            options.retain(|it| it["name"] != option["name"]);
            options.push(option);
            match read("room-acl grant", &options).1 {
                Ok(Err(UsageError::Line(_, _, LineProblem::Invalid(said)))) => {
                    assert!(said.contains(why), "{said}")
                }
                // A scope may hold spaces; what it can never hold is another option.
                Ok(Ok(Command::Acl(AclCommand::Edit { edit: Edit::Grant { lasts: None, .. }, .. })))
                    if why.is_empty() => {}
                other => panic!("{other:?}"),
            }
        }
        for (option, why) in [
            (opt("who", 9), "the option `who` is not an id"),
            (opt("who", "77"), "Discord did not say whether `77` is a person or a role"),
            (opt("role", json!(null)), "the option `role` is not text"),
            (opt("channel", "77"), "Discord did not say what kind of channel `77` is"),
            (opt("channel", "4"), "Discord did not say to which channel the thread `4` belongs"),
            (opt("force", true), "the option `force` is unknown"),
        ] {
            let mut options = vec![opt("who", "9"), opt("role", "admin")];
            options.retain(|it| it["name"] != option["name"]);
            options.push(option);
            assert_eq!(read("room-acl grant", &options).1, Err(why.to_owned()));
        }
        for number in [json!(1.5), json!("1"), json!(true)] {
            let why = "the option `grant` is not a whole number".to_owned();
            assert_eq!(read("room-acl revoke", &[opt("grant", number)]).1, Err(why));
        }
        assert!(matches!(slip("room-acl revoke", &[opt("grant", -3)]), LineProblem::Invalid(_)));
    }

    proptest! {
        #[test]
        fn a_filled_in_id_is_taken_as_it_is_or_refused(text in any::<String>(), odd in "[ \"'`\\\\<>live1?*-]{0,12}") {
            for text in [text, odd] {
                let room = [opt("room", text.as_str())];
                if let Ok(Ok(Command::Acl(AclCommand::WhoCan(room)))) = read("room-acl who-can", &room).1 {
                    prop_assert_eq!(room.as_str(), &text);
                }
                let grant = [opt("who", "9"), opt("role", "admin"), opt("rooms", text.as_str())];
                if let Ok(Ok(Command::Acl(AclCommand::Edit { edit: Edit::Grant { grant, .. }, .. }))) =
                    read("room-acl grant", &grant).1
                {
                    prop_assert_eq!(grant.rooms.to_string(), text.as_str());
                }
                let actor = [opt("actor-id", text.as_str())];
                if let Ok(Ok(Command::Audit(question))) = read("room-audit list", &actor).1
                    && let Question::List(filter) = *question
                {
                    prop_assert_eq!(filter.actor.map(|it| it.to_string()), Some(text));
                }
            }
        }

        #[test]
        fn a_filled_in_text_is_one_word_and_nothing_more(text in any::<String>(), odd in "[ \"'\\\\:“”a-z*-]{0,40}") {
            for text in [text, odd] {
                let (_, command) = read("room-audit list", &[opt("text", text.as_str()), opt("limit", 1)]);
                match command.unwrap() {
                    Ok(Command::Audit(question)) => {
                        let Question::List(filter) = *question else { panic!() };
                        prop_assert_eq!(filter.text.as_deref(), Some(text.as_str()));
                        prop_assert_eq!(filter.limit, Some(1));
                        prop_assert!(filter.room.is_none() && filter.before.is_none());
                    }
                    Err(UsageError::Line(_, _, LineProblem::Invalid(_))) => {
                        prop_assert!(text.trim().is_empty() || text.chars().count() > 300);
                    }
                    other => prop_assert!(false, "{:?}", other),
                }
            }
        }
    }
}
