//! The slash commands as they are registered with Discord, made from the schema
//! (docs.discord.com/developers/interactions/application-commands).

use serenity::all::{
    ChannelType, CommandOptionType, CommandType, CreateCommand, CreateCommandOption, InstallationContext,
    InteractionContext,
};

use crate::domain::command::{CommandGroup, Kind, LONGEST_REASON, Parameter, Verb};
use crate::domain::room::LONGEST_ROOM_ID;
use crate::domain::wording::CommandName;

/// The longest time that can be typed.
const LONGEST_TIME: u16 = 64;
/// Longer than any account, and than the whole id of a person.
const LONGEST_NEW_OWNER: usize = 64;
/// Longer than any list of words has to be.
const LONGEST_LIST: usize = 100;

/// The command in the menu of a person, which opens the form that hands a room over.
pub(super) const HAND_TO: &str = "Hand a room to…";

/// What is registered.
pub(super) fn registered(name: &CommandName) -> Vec<CreateCommand> {
    let slash = CommandGroup::ALL.iter().map(|family| command(*family, name));
    slash.chain([in_the_guild(CreateCommand::new(HAND_TO).kind(CommandType::User))]).collect()
}

fn in_the_guild(command: CreateCommand) -> CreateCommand {
    command.contexts(vec![InteractionContext::Guild]).integration_types(vec![InstallationContext::Guild])
}

/// The command's name without its slash.
pub(super) fn bare(name: &CommandName) -> &str {
    name.0.trim_start_matches('/')
}

fn command(family: CommandGroup, name: &CommandName) -> CreateCommand {
    let command = CreateCommand::new(bare(&name.of(family))).kind(CommandType::ChatInput);
    let command = in_the_guild(command.description(family.summary()));
    // A command has either options of its own or subcommands ("Subcommands and Subcommand Groups").
    if let Some(verb) = Verb::with_words(family, &[]) {
        return options_of(verb).fold(command, CreateCommand::add_option);
    }
    let verbs = Verb::all(family);
    verbs.iter().enumerate().fold(command, |command, (n, verb)| match verb.words {
        [group, _] if verbs[..n].iter().any(|before| before.words[0] == *group) => command,
        [group, _] => {
            let members = verbs.iter().filter(|member| member.words[0] == *group);
            let whole = CreateCommandOption::new(CommandOptionType::SubCommandGroup, *group, about(group));
            command.add_option(members.map(subcommand).fold(whole, CreateCommandOption::add_sub_option))
        }
        _ => command.add_option(subcommand(verb)),
    })
}

/// The description of a subcommand group.
fn about(group: &str) -> &'static str {
    match group {
        "announce" => "Where the bot posts what happens to rooms",
        _ => "Where the bot takes commands",
    }
}

fn subcommand(verb: &'static Verb) -> CreateCommandOption {
    let name = verb.words.last().copied().unwrap_or_default();
    let bare = CreateCommandOption::new(CommandOptionType::SubCommand, name, verb.summary);
    options_of(verb).fold(bare, CreateCommandOption::add_sub_option)
}

/// Required options first, as Discord requires.
fn options_of(verb: &'static Verb) -> impl Iterator<Item = CreateCommandOption> {
    let (required, others): (Vec<_>, Vec<_>) = verb.parameters.iter().partition(|it| it.is_required);
    required.into_iter().chain(others).map(option)
}

fn option(parameter: &Parameter) -> CreateCommandOption {
    let kind = match parameter.kind {
        Kind::Room
        | Kind::Account
        | Kind::Reason
        | Kind::Time
        | Kind::Text(_)
        | Kind::OneOf(_)
        | Kind::SomeOf(_) => CommandOptionType::String,
        Kind::Operation | Kind::Number(_) => CommandOptionType::Integer,
        Kind::YesOrNo => CommandOptionType::Boolean,
        Kind::Person => CommandOptionType::User,
        Kind::PersonOrGroup | Kind::People => CommandOptionType::Mentionable,
        Kind::Channel => CommandOptionType::Channel,
    };
    let option =
        CreateCommandOption::new(kind, parameter.name, parameter.help).required(parameter.is_required);
    let text = |option: CreateCommandOption, longest: usize| {
        option.min_length(1).max_length(u16::try_from(longest).unwrap_or(u16::MAX))
    };
    match parameter.kind {
        Kind::Room => text(option, LONGEST_ROOM_ID).set_autocomplete(true),
        Kind::Account => text(option, LONGEST_NEW_OWNER).set_autocomplete(true),
        Kind::Reason => text(option, LONGEST_REASON),
        Kind::Time => text(option, usize::from(LONGEST_TIME)),
        Kind::Text(longest) => text(option, usize::from(longest)),
        Kind::OneOf(words) => words().into_iter().fold(option, |it, word| it.add_string_choice(word, word)),
        Kind::SomeOf(_) => text(option, LONGEST_LIST).set_autocomplete(true),
        Kind::Operation | Kind::Number(None) => option.min_int_value(1),
        Kind::Number(Some(most)) => option.min_int_value(1).max_int_value(most),
        Kind::YesOrNo | Kind::Person | Kind::PersonOrGroup | Kind::People => option,
        // Everything that holds messages; a category or a directory does not.
        Kind::Channel => option.channel_types(vec![
            ChannelType::Text,
            ChannelType::Voice,
            ChannelType::News,
            ChannelType::NewsThread,
            ChannelType::PublicThread,
            ChannelType::PrivateThread,
            ChannelType::Stage,
            ChannelType::Forum,
        ]),
    }
}
