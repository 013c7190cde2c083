//! The slash commands as Discord shows them, and what a person made of one
//! (docs.discord.com/developers/interactions/application-commands). `/room-owner` is here, the ones with
//! subcommands are in `forms` and `filled`.
//!
//! What the client checks is checked again here: it is a convenience of the client's, not a border.

use serde_json::{Map, Value};
use serenity::all::{
    CommandOptionType, CommandType, CreateCommand, CreateCommandOption, InstallationContext,
    InteractionContext,
};

use super::filled;
use super::forms;
use crate::domain::audit::OperationId;
use crate::domain::command::{
    Command, Family, LONGEST_REASON, LineProblem, Mention, Transfer, UsageError, clean_reason, quoted,
};
use crate::domain::principal::{Channel, Subject};
use crate::domain::room::{AccountId, LONGEST_ACCOUNT_ID, LONGEST_ROOM_ID, RoomId};
use crate::domain::wording::CommandName;

/// The options' names.
pub(super) const ROOM: &str = "room";
pub(super) const NEW_OWNER: &str = "new_owner";
pub(super) const REASON: &str = "reason";
/// The operation that an admin goes past.
const OVERRIDE: &str = "override";

/// What is registered.
pub(super) fn registered(name: &CommandName) -> [CreateCommand; 3] {
    Family::ALL.map(|family| match family {
        Family::Owner => room_owner(name),
        Family::Acl | Family::Audit => forms::command(family, name),
    })
}

fn room_owner(name: &CommandName) -> CreateCommand {
    let text = |name, description| CreateCommandOption::new(CommandOptionType::String, name, description);
    CreateCommand::new(bare(name))
        .kind(CommandType::ChatInput)
        .description("Hand a live room to a new owner, or show who owns it")
        .contexts(vec![InteractionContext::Guild])
        .integration_types(vec![InstallationContext::Guild])
        .add_option(
            text(ROOM, "The RoomId of the live room; leave everything out for help")
                .min_length(1)
                .max_length(length(LONGEST_ROOM_ID))
                .set_autocomplete(true),
        )
        .add_option(
            text(NEW_OWNER, "The UserID of the new owner; leave it out to see the present owner")
                .min_length(1)
                .max_length(length(LONGEST_ACCOUNT_ID))
                .set_autocomplete(true),
        )
        .add_option(text(REASON, "Why, for the audit log").min_length(1).max_length(length(LONGEST_REASON)))
        .add_option(
            CreateCommandOption::new(
                CommandOptionType::Integer,
                OVERRIDE,
                "Admins: go past this operation, whose outcome nobody knows; needs a reason",
            )
            .min_int_value(1),
        )
}

fn length(of: usize) -> u16 {
    u16::try_from(of).unwrap_or(u16::MAX)
}

/// The command's name without its slash.
pub(super) fn bare(name: &CommandName) -> &str {
    name.0.trim_start_matches('/')
}

/// The options of an invocation, by name: text, or what else came in its place.
pub(super) struct Options<'a> {
    name: &'a str,
    /// The subcommand, in its group if it is in one.
    pub(super) path: Vec<&'a str>,
    pub(super) given: Vec<(&'a str, &'a Value)>,
    /// What Discord says about the ids among them ("Resolved Data Structure").
    pub(super) resolved: Option<&'a Value>,
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
                let name: String = name.chars().take(80).collect();
                return Err(format!("the option `{name}` comes twice"));
            }
            if option.get("focused").and_then(Value::as_bool) == Some(true) {
                options.focused = value.as_str().map(|typed| (name, typed));
            }
            options.given.push((name, value));
        }
        Ok(options)
    }

    /// The option's text as it is: an id with a space at an end is another one. `None` if it was left out.
    pub(super) fn text(&self, name: &str) -> Result<Option<&'a str>, String> {
        match self.given.iter().find(|(known, _)| *known == name) {
            None => Ok(None),
            Some((_, Value::String(text))) => Ok(Some(text)),
            Some(_) => Err(format!("the option `{name}` is not text")),
        }
    }

    /// The invocation in the form in which it would be typed, for the record.
    pub(super) fn typed(&self, ours: &CommandName) -> String {
        let mut line = format!("/{}", self.name);
        if let Some(form) = self.family(ours).and_then(|family| filled::form(family, self)) {
            return filled::record(form, self, line);
        }
        self.path.iter().for_each(|part| line.push_str(&format!(" {part}")));
        let mut rest = self.given.clone();
        // By its place, an option is known only behind all those that come before it.
        for place in [ROOM, NEW_OWNER] {
            let Some(at) = rest.iter().position(|(name, value)| *name == place && value.is_string()) else {
                break;
            };
            let (_, value) = rest.remove(at);
            line.push_str(&format!(" {}", quoted(value.as_str().unwrap_or_default())));
        }
        // The reason takes the rest of the line.
        rest.sort_by_key(|(name, _)| *name == REASON);
        for (name, value) in rest {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            line.push_str(&format!(" {name}: {text}"));
        }
        line
    }

    /// What is asked for. The outer error is a request that no client of Discord's sends; the inner one
    /// is a person's slip.
    pub(super) fn command(
        &self,
        ours: &CommandName,
        guild: &str,
    ) -> Result<Result<Command, UsageError>, String> {
        match self.family(ours) {
            Some(Family::Owner) => self.room_owner(guild),
            Some(family) => filled::command(family, self, guild),
            None => {
                let name = self.name.chars().take(80).collect::<String>();
                Ok(Err(UsageError::UnknownCommand(format!("/{name}"))))
            }
        }
    }

    /// Which of our commands it is.
    pub(super) fn family(&self, ours: &CommandName) -> Option<Family> {
        Family::ALL.into_iter().find(|family| bare(&ours.of(*family)) == self.name)
    }

    fn room_owner(&self, guild: &str) -> Result<Result<Command, UsageError>, String> {
        if let Some(sub) = self.path.first() {
            let sub = sub.chars().take(80).collect::<String>();
            return Ok(Err(UsageError::Line(Family::Owner, None, LineProblem::UnknownVerb(sub))));
        }
        if let Some((name, _)) =
            self.given.iter().find(|(name, _)| ![ROOM, NEW_OWNER, REASON, OVERRIDE].contains(name))
        {
            return Err(format!("the option `{}` is unknown", name.chars().take(80).collect::<String>()));
        }
        let (new_owner, reason) = (self.text(NEW_OWNER)?, self.text(REASON)?);
        let overrides = match self.given.iter().find(|(name, _)| *name == OVERRIDE) {
            None => None,
            Some((_, number)) => Some(number.as_i64().ok_or("the option `override` is not a whole number")?),
        };
        let more = new_owner.or(reason).is_some() || overrides.is_some();
        Ok(match (self.text(ROOM)?, more.then_some(())) {
            (Some(room), _) => {
                understand(room, new_owner, reason, guild).and_then(|command| overriding(command, overrides))
            }
            (None, None) => Ok(Command::Help(Family::Owner)),
            (None, Some(_)) => Err(UsageError::Line(Family::Owner, None, LineProblem::Missing(ROOM))),
        })
    }
}

/// The same command, going past an operation. Only a transfer can.
fn overriding(command: Command, overrides: Option<i64>) -> Result<Command, UsageError> {
    let Some(number) = overrides else { return Ok(command) };
    match command {
        Command::Transfer(transfer) if number < 1 => {
            let error = number.to_string().parse::<OperationId>().err();
            Err(UsageError::Override(error.map(|error| error.to_string()).unwrap_or_default(), transfer))
        }
        Command::Transfer(transfer) if transfer.reason.is_none() => {
            Err(UsageError::Override("an override needs a reason".to_owned(), transfer))
        }
        Command::Transfer(transfer) => {
            Ok(Command::Transfer(Transfer { overrides: Some(OperationId::new(number)), ..transfer }))
        }
        _ => Err(UsageError::Line(Family::Owner, None, LineProblem::Missing(NEW_OWNER))),
    }
}

/// A subcommand in a group is as deep as it gets.
const DEEPEST: usize = 2;

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

fn understand(
    room: &str,
    new_owner: Option<&str>,
    reason: Option<&str>,
    guild: &str,
) -> Result<Command, UsageError> {
    // A room may be called almost anything, so only a mention and nothing else is one.
    if let Some((mention, shown)) = mention(room, guild)
        && shown == room
    {
        return Err(UsageError::RoomIsMention(mention, room.to_owned()));
    }
    let room: RoomId = room.parse().map_err(UsageError::Room)?;
    let Some(new_owner) = new_owner else {
        return match reason {
            Some(_) => Err(UsageError::ReasonTooEarly(Some(room))),
            None => Ok(Command::ShowOwner { room }),
        };
    };
    if let Some((mention, _)) = mention(new_owner, guild) {
        return Err(UsageError::AccountIsMention(mention, new_owner.to_owned(), room));
    }
    let account = new_owner.parse::<AccountId>();
    let new_owner = account.map_err(|error| UsageError::Account(error, room.clone(), None))?;
    let reason = reason.map(clean_reason).transpose()?.flatten();
    Ok(Command::Transfer(Transfer { room, new_owner, reason, overrides: None }))
}

/// The first mention in a text, and how it is written: `<@9>`, `<@!9>`, `<@&9>`, `<#9>`
/// (docs.discord.com/developers/reference, "Formats"), `@everyone`, `@here`.
pub(super) fn mention<'a>(text: &'a str, guild: &str) -> Option<(Mention, &'a str)> {
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
mod tests {
    use super::*;
    use serde_json::json;

    fn read(options: Value) -> (String, Result<Result<Command, UsageError>, String>) {
        let data = json!({ "name": "room-owner", "type": 1, "options": options });
        let options = Options::read(data.as_object().unwrap()).unwrap();
        let ours = CommandName::slash("");
        (options.typed(&ours), options.command(&ours, "7"))
    }

    fn option(name: &str, value: impl Into<Value>) -> Value {
        json!({ "name": name, "type": 3, "value": value.into() })
    }

    #[test]
    fn options_become_the_same_command_as_the_typed_form() {
        let (typed, command) = read(json!([
            option("room", "my room"),
            option("new_owner", "user2"),
            option("reason", "host\ncrashed")
        ]));
        assert_eq!(typed, "/room-owner \"my room\" user2 reason: host\ncrashed");
        let expected = Transfer {
            room: "my room".parse().unwrap(),
            new_owner: "user2".parse().unwrap(),
            reason: Some("host crashed".to_owned()),
            overrides: None,
        };
        assert_eq!(command, Ok(Ok(Command::Transfer(expected))));
        let (typed, same) =
            read(json!([option("reason", "x"), option("new_owner", "user2"), option("room", "my room")]));
        assert_eq!(typed, "/room-owner \"my room\" user2 reason: x", "in whichever order they come");
        assert!(matches!(same, Ok(Ok(Command::Transfer(_)))));
        let (typed, command) = read(json!([option("room", "test")]));
        assert_eq!(typed, "/room-owner test");
        assert_eq!(command, Ok(Ok(Command::ShowOwner { room: "test".parse().unwrap() })));
    }

    #[test]
    fn an_override_is_a_number_with_a_reason() {
        let number = |value: Value| json!({ "name": "override", "type": 4, "value": value });
        let all = |value| {
            json!([
                option("room", "test"),
                option("new_owner", "user3"),
                option("reason", "hurry"),
                number(value)
            ])
        };
        let (typed, command) = read(all(json!(17)));
        assert_eq!(typed, "/room-owner test user3 override: 17 reason: hurry");
        let Ok(Ok(Command::Transfer(transfer))) = command else { panic!("{command:?}") };
        assert_eq!(transfer.overrides, Some(OperationId::new(17)));
        let typed = crate::domain::command::Typed::plain("test user3 override: 17 reason: hurry");
        let same = crate::domain::command::parse_room_owner(&typed);
        assert_eq!(same, Ok(Command::Transfer(transfer)), "what is recorded reads the same");
        assert!(matches!(read(all(json!(-1))).1, Ok(Err(UsageError::Override(..)))));
        assert!(read(all(json!("17"))).1.unwrap_err().contains("not a whole number"));
        let without = |names: &[&str]| {
            let mut options = all(json!(17));
            options.as_array_mut().unwrap().retain(|it| !names.contains(&it["name"].as_str().unwrap()));
            read(options).1.unwrap().unwrap_err()
        };
        assert!(matches!(without(&["reason"]), UsageError::Override(..)));
        let missing = |name| UsageError::Line(Family::Owner, None, LineProblem::Missing(name));
        assert_eq!(without(&["new_owner", "reason"]), missing("new_owner"));
        assert_eq!(without(&["room", "new_owner", "reason"]), missing("room"));
    }

    #[test]
    fn without_options_it_asks_for_help_and_without_a_room_it_is_a_slip() {
        assert_eq!(read(json!([])), ("/room-owner".to_owned(), Ok(Ok(Command::Help(Family::Owner)))));
        for name in ["new_owner", "reason"] {
            let (typed, command) = read(json!([option(name, "x y")]));
            assert_eq!(typed, format!("/room-owner {name}: x y"));
            let missing = UsageError::Line(Family::Owner, None, LineProblem::Missing("room"));
            assert_eq!(command, Ok(Err(missing)));
        }
    }

    #[test]
    fn a_mention_is_neither_an_account_nor_a_room() {
        for text in ["<@9>", "<@!9>", "<@&9>", "<#9>", "@everyone", "@here", "bob<@9>"] {
            let (_, command) = read(json!([option("room", "test"), option("new_owner", text)]));
            assert!(matches!(command, Ok(Err(UsageError::AccountIsMention(..)))), "{text}");
        }
        let (_, command) = read(json!([option("room", "<@9>")]));
        assert!(matches!(command, Ok(Err(UsageError::RoomIsMention(..)))));
        let (_, command) = read(json!([option("room", "<9>"), option("new_owner", "<@x>")]));
        assert!(matches!(command, Ok(Ok(_))));
    }

    #[test]
    fn what_no_client_sends_is_not_taken() {
        let why = |options| read(options).1.unwrap_err();
        assert_eq!(why(json!([option("room", 5)])), "the option `room` is not text");
        assert_eq!(
            why(json!([option("room", "test"), option("new_owner", json!({ "id": "9" }))])),
            "the option `new_owner` is not text"
        );
        assert_eq!(
            why(json!([option("room", "test"), option("force", "yes")])),
            "the option `force` is unknown"
        );
        let refused = |data: Value| Options::read(data.as_object().unwrap()).is_err();
        assert!(refused(json!({})));
        assert!(refused(json!({ "name": "room-owner", "type": 2 })));
        assert!(refused(json!({ "name": "room-owner", "options": {} })));
        assert!(refused(json!({ "name": "room-owner", "options": [{}] })));
        assert!(refused(
            json!({ "name": "room-owner", "options": [option("room", "a"), option("room", "b")] })
        ));
    }
}
