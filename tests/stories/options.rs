//! A typed line as options that somebody fills in, and back: the one thing that differs between the platforms in
//! what a story says.

use room_owner::domain::command::quoted;
use serde_json::{Value, json};

use super::doors::{NAMED, PEOPLE, at_discord};

/// A command with its options.
pub(crate) struct OptionValues<'a> {
    pub(crate) command: &'a str,
    pub(crate) options: Value,
    pub(crate) resolved: Value,
}

/// What the words of a typed form are called as options, and the subcommand that they belong to.
struct Form {
    command: &'static str,
    typed: &'static str,
    path: &'static [&'static str],
    words: &'static [&'static str],
}

const fn form(
    command: &'static str,
    typed: &'static str,
    path: &'static [&'static str],
    words: &'static [&'static str],
) -> Form {
    Form { command, typed, path, words }
}

/// The longer beginnings first.
const FORMS: [Form; 27] = [
    form("room-owner", "", &[], &["room", "new_owner"]),
    form("room-acl", "whoami", &["whoami"], &[]),
    form("room-acl", "help", &["help"], &[]),
    form("room-acl", "grant", &["grant"], &["who", "role"]),
    form("room-acl", "deny", &["deny"], &["who", "role"]),
    form("room-acl", "revoke", &["revoke"], &["grant"]),
    form("room-acl", "answer", &["answer"], &["operation", "answer"]),
    form("room-acl", "list", &["list"], &["part", "who"]),
    form("room-acl", "why", &["why"], &["who", "room"]),
    form("room-acl", "who-can", &["who-can"], &["room"]),
    form("room-acl", "channel allow", &["channel", "allow"], &["channel"]),
    form("room-acl", "channel remove", &["channel", "remove"], &["channel"]),
    form("room-acl", "channel list", &["channel", "list"], &[]),
    form("room-acl", "announce here", &["announce", "here"], &["channel"]),
    form("room-acl", "announce off", &["announce", "off"], &["channel"]),
    form("room-acl", "link", &["link"], &["who", "account"]),
    form("room-acl", "unlink", &["unlink"], &["who"]),
    form("room-acl", "links", &["links"], &["who"]),
    form("room-acl", "room", &["room"], &["rooms", "mark"]),
    form("room-audit", "owner-at", &["owner-at"], &["room", "time"]),
    form("room-audit", "history", &["history"], &["room"]),
    form("room-audit", "timeline", &["timeline"], &["operation"]),
    form("room-audit", "stats", &["stats"], &[]),
    form("room-audit", "console", &["console"], &[]),
    form("room-audit", "help", &["help"], &[]),
    // These two have no word of their own: see `form_of`.
    form("room-audit", "(number)", &["show"], &["operation"]),
    form("room-audit", "", &["list"], &[]),
];

fn form_of(command: &str, arguments: &str) -> &'static Form {
    let begins = |typed: &str| {
        let number = typed == "(number)" && arguments.starts_with(|c: char| c.is_ascii_digit());
        let behind = arguments.strip_prefix(typed);
        number
            || typed.is_empty()
            || behind.is_some_and(|behind| behind.is_empty() || behind.starts_with(' '))
    };
    let found = FORMS.iter().find(|form| command.ends_with(form.command) && begins(form.typed));
    found.unwrap_or_else(|| panic!("Discord has no subcommand for `{command} {arguments}`"))
}

/// A typed line as options: its words are separated by spaces, or stand in straight quotes.
pub(crate) fn filled(line: &str) -> OptionValues<'_> {
    let (command, arguments) = line.split_once(' ').unwrap_or((line, ""));
    let command = command.trim_start_matches('/');
    // Of a command that is none of the bot's, nothing is known but that it has options.
    let known = FORMS.iter().any(|form| command.ends_with(form.command));
    let form = if known { form_of(command, arguments) } else { &FORMS[0] };
    let (arguments, reason) = match arguments.split_once("reason:") {
        Some((arguments, reason)) => (arguments.trim(), Some(reason.trim())),
        None => (arguments.trim(), None),
    };
    let mut values: Vec<(String, String)> = Vec::new();
    let mut words = Vec::new();
    let mut rest = arguments.strip_prefix(form.typed).unwrap_or(arguments).trim_start();
    while !rest.is_empty() {
        let (word, behind) = next(rest);
        rest = behind;
        let is_name = |name: &&str| {
            (!form.path.is_empty() && !name.starts_with('@')) || ["override", "ask"].contains(name)
        };
        match word.strip_suffix(':').filter(is_name) {
            Some(name) => {
                let (value, behind) = next(rest);
                rest = behind;
                values.push((option_of(name, value).to_owned(), value.to_owned()));
            }
            None => words.push(word),
        }
    }
    let mut names = form.words.to_vec();
    // `why test` asks about oneself.
    if form.typed == "why" && words.len() == 1 {
        names.remove(0);
    }
    // A time may be several words.
    if form.typed == "owner-at" && words.len() > 2 {
        let time = words.split_off(1).join(" ");
        values.push(("time".to_owned(), time));
    }
    assert!(words.len() <= names.len(), "Discord has no option for `{words:?}` of `{line}`");
    values.splice(0..0, names.iter().zip(words).map(|(name, word)| ((*name).to_owned(), word.to_owned())));
    values.extend(reason.map(|reason| ("reason".to_owned(), reason.to_owned())));

    let mut resolved = json!({});
    let mut options: Vec<Value> =
        values.iter().map(|(name, value)| option(name, value, &mut resolved)).collect();
    for (depth, part) in form.path.iter().rev().enumerate() {
        options = vec![json!({ "name": part, "type": depth + 1, "options": options })];
    }
    OptionValues { command, options: json!(options), resolved }
}

fn next(text: &str) -> (&str, &str) {
    let (word, behind) = match text.strip_prefix('"') {
        Some(quoted) => quoted.split_once('"').expect("a closed quote"),
        None => text.split_once(' ').unwrap_or((text, "")),
    };
    (word, behind.trim_start())
}

/// What a named option of the typed form is called.
fn option_of<'a>(name: &'a str, value: &str) -> &'a str {
    match name {
        "in" => "channel",
        // Only a member can be chosen; whoever else is named by an id.
        "actor" if !value.starts_with('@') => "actor-id",
        name => name,
    }
}

/// The option as the client sends it, with what Discord adds about it.
fn option(name: &str, value: &str, resolved: &mut Value) -> Value {
    let (kind, value) = match name {
        "who" | "actor" => {
            let name = value.trim_start_matches('@');
            let person = PEOPLE.iter().find(|person| person.name == name).expect("a member of the guild");
            let id = person.snowflake;
            resolved["users"][id] = json!({ "id": id, "username": person.name, "discriminator": "0" });
            resolved["members"][id] =
                json!({ "roles": [], "permissions": "0", "joined_at": "2024-01-01T00:00:00Z" });
            (9, json!(id))
        }
        "channel" => {
            let name = value.trim_start_matches('#');
            let (_, known) = NAMED.iter().find(|(known, _)| *known == name).expect("a channel of the guild");
            let id = at_discord(known);
            resolved["channels"][id] = json!({ "id": id, "type": 0, "name": name, "permissions": "0" });
            (7, json!(id))
        }
        "grant" | "page" | "operation" | "override" | "before" | "limit" => {
            (4, json!(value.parse::<i64>().unwrap()))
        }
        "readings" | "ask" => (5, json!(value == "yes")),
        // A client makes a mention of the member that is chosen while the text is typed.
        "new_owner" if value.starts_with('@') => {
            let person =
                PEOPLE.iter().find(|person| person.name == &value[1..]).expect("a member of the guild");
            (3, json!(format!("<@{}>", person.snowflake)))
        }
        // People at Slack have an id of Discord's in these stories.
        "actor-id" => (3, json!(super::doors::with_discords_ids(value))),
        _ => (3, json!(value)),
    };
    json!({ "name": name, "type": kind, "value": value })
}

/// `/room-owner room:my room new_owner:user2` as `/room-owner "my room" user2`; the same for the options of the
/// others, and for one option by itself.
pub(crate) fn as_typed(code: &str) -> String {
    match code {
        "readings:True" => return "readings: yes".to_owned(),
        _ if code.starts_with("before:") => return code.replacen(':', ": ", 1),
        _ => {}
    }
    let Some((command, rest)) = code.split_once(' ').filter(|_| code.starts_with('/') && code.contains(':'))
    else {
        return code.to_owned();
    };
    // What a person typed stands there as it was typed.
    let is_shown_as_filled = rest.split(' ').any(|word| word.contains(':') && !word.ends_with(':'));
    let form = FORMS.iter().find(|form| {
        let path = format!("{} ", form.path.join(" "));
        command.ends_with(form.command) && (form.path.is_empty() || rest.starts_with(&path))
    });
    let Some(form) = form.filter(|_| is_shown_as_filled) else { return code.to_owned() };
    let mut options: Vec<(&str, String)> = Vec::new();
    for word in rest.split(' ').skip(form.path.len()) {
        match word
            .split_once(':')
            .filter(|(name, _)| name.chars().all(|c| c.is_ascii_lowercase() || c == '-' || c == '_'))
        {
            Some((name, value)) => options.push((name, value.to_owned())),
            None => {
                let (_, value) = options.last_mut().unwrap_or_else(|| panic!("an option in {code}"));
                value.push_str(&format!(" {word}"));
            }
        }
    }
    let mut typed = vec![command.to_owned()];
    let is_form = options.iter().any(|(_, value)| value.starts_with('<'));
    let verb = if form.typed == "(number)" && is_form { "show" } else { form.typed };
    typed.extend(Some(verb.to_owned()).filter(|verb| !verb.is_empty() && verb != "(number)"));
    for word in form.words {
        let found = options.iter().position(|(name, _)| name == word);
        let value = found.map(|at| options.remove(at).1);
        // A word out of a list needs no quotes.
        typed.extend(value.map(|value| if *word == "part" { value } else { quoted(&value) }));
    }
    for (name, value) in options {
        let name = if name == "channel" { "in" } else { name };
        let value =
            if ["readings", "ask"].contains(&name) && value == "True" { "yes".to_owned() } else { value };
        let is_rest = ["reason", "since", "until"].contains(&name);
        let value = if is_rest { value } else { quoted(&value) };
        typed.push(format!("{name}: {value}"));
    }
    typed.join(" ")
}
