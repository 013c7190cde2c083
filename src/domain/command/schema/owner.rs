//! `/room-owner`: rooms and their owners.

use super::{AclCommand, Example, Needs, Verb, example, help, verb};
use crate::domain::access::Role;
use crate::domain::command::parameter::{Kind, REASON, named, positional};
use crate::domain::command::values::{NewOwner, Values};
use crate::domain::command::{AskForAccess, Command, CommandGroup, HandTo, Problem, Transfer};
use crate::domain::principal::Subject;

/// What a moderator asks about rooms, beside the owner of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OwnerQuestion {
    /// Which live rooms may I hand over?
    List,
    /// How do I undo my last hand-over?
    Undo,
    /// Which account does this person have, to hand a room to? Only a menu asks.
    HandTo(Subject),
}

const MODERATOR: Needs = Needs::Role(Role::Moderator);

pub(super) const VERBS: &[Verb] = &[
    Verb {
        family: CommandGroup::Owner,
        words: &[],
        aliases: &[],
        may_be_bare: |first| first.is_some(),
        summary: "Hand a live room to a new owner, or show who owns it",
        needs: Needs::AnyRole,
        parameters: &[
            positional(
                "room",
                "<room>",
                &[],
                Kind::Room,
                "The RoomId of the live room; leave everything out for help",
            )
            .optional(),
            positional(
                "new_owner",
                "<new_owner>",
                &[],
                Kind::Account,
                "The UserID of the new owner, or @somebody linked to one; leave it out to see the owner",
            )
            .optional(),
            REASON,
            named(
                "override",
                &["override"],
                Kind::Operation,
                "Admins: override this operation, whose outcome nobody knows; needs a reason",
            ),
            named("ask", &["ask"], Kind::YesOrNo, "Ask the admins for access to the room instead"),
        ],
        examples: &[
            Example {
                needs: Some(MODERATOR),
                ..example(&[("room", "<room>"), ("new_owner", "<new_owner>")], "hands the room over")
            },
            example(&[("room", "<room>")], "shows who owns the room"),
            Example {
                needs: Some(MODERATOR),
                ..example(
                    &[("room", "<room>"), ("new_owner", "<new_owner>"), ("reason", "<why>")],
                    "hands it over, and keeps the reason with the record",
                )
            },
            Example {
                needs: Some(Needs::Role(Role::Admin)),
                ..example(
                    &[
                        ("room", "<room>"),
                        ("new_owner", "<new_owner>"),
                        ("override", "<operation>"),
                        ("reason", "<why>"),
                    ],
                    "overrides an operation on the room whose outcome nobody knows",
                )
            },
            Example {
                needs: Some(MODERATOR),
                is_about_quotes: true,
                ..example(
                    &[("room", "my room"), ("new_owner", "<new_owner>")],
                    "a room id with spaces goes in quotes",
                )
            },
        ],
        build: transfer_or_question,
    },
    // These are typed: Discord shows the hand-over alone, whose options leave no place for others.
    Verb {
        aliases: &["owner", "owner?", "owns?"],
        ..verb(
            (CommandGroup::Owner, Needs::AnyRole),
            &["show"],
            "Show who owns a room",
            &[positional("room", "<room>", &[], Kind::Room, "The RoomId of the live room")],
            &[],
            |values| Ok(Command::ShowOwner { room: values.required("room", Values::room)? }),
        )
    },
    Verb {
        aliases: &["rooms"],
        ..verb(
            (CommandGroup::Owner, MODERATOR),
            &["list"],
            "Show the live rooms that you may hand over",
            &[],
            &[example(&[], "shows the live rooms that you may hand over")],
            |_| Ok(Command::Owner(OwnerQuestion::List)),
        )
    },
    Verb {
        aliases: &["undo?"],
        ..verb(
            (CommandGroup::Owner, MODERATOR),
            &["undo"],
            "Show how to undo your last hand-over",
            &[],
            &[example(&[], "shows the line that undoes your last hand-over")],
            |_| Ok(Command::Owner(OwnerQuestion::Undo)),
        )
    },
    verb(
        (CommandGroup::Owner, Needs::Nothing),
        &["ask"],
        "Ask the admins to let you hand a room over here",
        &[positional("room", "<room>", &["room"], Kind::Room, "The RoomId of the live room"), REASON],
        &[],
        |values| {
            let room = values.required("room", Values::room)?;
            Ok(Command::Ask(AskForAccess { room, reason: values.reason()? }))
        },
    ),
    Verb {
        aliases: &["whoami?"],
        ..verb(
            (CommandGroup::Owner, Needs::Nothing),
            &["whoami"],
            "Your own id and rights, and who can help",
            &[],
            &[],
            |_| Ok(Command::Acl(AclCommand::WhoAmI)),
        )
    },
    help(CommandGroup::Owner, |_| Ok(Command::Help(CommandGroup::Owner))),
];

fn transfer_or_question(values: &mut Values) -> Result<Command, Problem> {
    for (name, what) in [("room", "a room"), ("new_owner", "an account")] {
        let is_verb = |word: &&str| *word != "?" && Verb::beginning_with(word).next().is_some();
        if let Some(word) = values.bare(name).filter(is_verb) {
            let why = format!("`{word}` is a word of the bot's commands; {what} of that name goes in quotes");
            return Err(Problem::Invalid(why));
        }
    }
    let room = values.room("room")?;
    let new_owner = values.new_owner("new_owner")?;
    let reason = values.reason()?;
    let overrides = values.parsed("override")?;
    let asks = values.yes_or_no("ask")?;
    let Some(room) = room else {
        let is_empty = new_owner.is_none() && reason.is_none() && overrides.is_none() && !asks;
        return if is_empty {
            Ok(Command::Help(CommandGroup::Owner))
        } else {
            Err(Problem::Missing("<room>"))
        };
    };
    match new_owner {
        _ if asks && overrides.is_some() => {
            Err(Problem::Invalid("asking for access overrides nothing: leave `override` out".to_owned()))
        }
        // Whoever asks says for which room; whom they would hand it to is their business later.
        _ if asks => Ok(Command::Ask(AskForAccess { room, reason })),
        Some(_) if overrides.is_some() && reason.is_none() => {
            Err(Problem::Invalid("an override needs a reason".to_owned()))
        }
        Some(NewOwner::Account(new_owner)) => {
            Ok(Command::Transfer(Transfer { room, new_owner, person: None, reason, overrides }))
        }
        Some(NewOwner::Person(person)) => Ok(Command::HandTo(HandTo { room, person, reason, overrides })),
        None if reason.is_some() || overrides.is_some() => Err(Problem::Missing("<new_owner>")),
        None => Ok(Command::ShowOwner { room }),
    }
}
