//! `/room-acl`: who may do what.

mod asked;
mod build;

use self::build::{
    answer, edit, grant, link, list, listed, marks, one_scope, page, revoke, room, unlink, who_can, why,
};
use super::{Needs, ROOM, Verb, example, help, verb};
use crate::domain::access::{Effect, Role, RoomScope};
use crate::domain::command::parameter::{Kind, Parameter, REASON, SHORT, named, positional};
use crate::domain::command::{Command, CommandGroup};

pub use asked::{AclCommand, Edit, Ends, Listed, Section, Why, read_answer};

/// Whom its verbs are for.
const ADMIN: (CommandGroup, Needs) = (CommandGroup::Acl, Needs::Role(Role::Admin));

const ROOMS: Parameter = positional(
    "rooms",
    "<rooms>",
    &["rooms", "room"],
    Kind::Text(SHORT),
    "A RoomId, or how it begins: live-*; several with commas (every room if left out)",
)
.optional()
.usually_named();
const CHANNEL: Parameter =
    positional("channel", "<channel>", &["in"], Kind::Channel, "Which channel (this one if left out)")
        .optional();
const ANNOUNCED_ROOMS: Parameter = Parameter {
    help: "Of which rooms: live-* (those that the channel is authorised for if left out)",
    ..ROOMS
};
const WHO: Parameter =
    positional("who", "<person>", &["who"], Kind::PersonOrGroup, "Only those that name this member or role")
        .optional();
const ACCOUNT: Parameter =
    positional("account", "<account>", &[], Kind::Text(SHORT), "The UserID of that person in the live app");
const LINKED: Parameter = positional(
    "who",
    "<person>",
    &[],
    Kind::Person,
    "A person; several people with one account are one person",
);
const PAGE: Parameter = named("page", &["page"], Kind::Number(Some(100_000)), "Which page");
const GRANT: &[Parameter] = &[
    positional("who", "<person>", &[], Kind::People, "A member or a role"),
    positional(
        "role",
        "<role>",
        &[],
        Kind::OneOf(Role::names),
        "Which role: moderators hand rooms over, auditors read the log",
    ),
    ROOMS,
    named("channel", &["in", "channel"], Kind::Channel, "Only in this channel"),
    named("for", &["for"], Kind::Text(SHORT), "For how long: 8h, 30m, 7d (for ever if left out)").plain(),
    named("until", &["until"], Kind::Time, "Until when: 18:00, tomorrow 06:00 (UTC, unless a zone is named)")
        .plain(),
    REASON,
];

pub(super) const VERBS: &[Verb] = &[
    Verb {
        needs: Needs::Nothing,
        ..verb(
            ADMIN,
            &["whoami"],
            "Your own id and rights, and who can help",
            &[],
            &[example(&[], "shows your own id, your role, and who can help")],
            |_| Ok(Command::Acl(AclCommand::WhoAmI)),
        )
    },
    verb(
        ADMIN,
        &["grant"],
        "Give somebody a role",
        GRANT,
        &[
            example(
                &[
                    ("who", "<person>"),
                    ("role", "<role>"),
                    ("rooms", "live-*"),
                    ("for", "8h"),
                    ("channel", "#channel"),
                    ("reason", "<why>"),
                ],
                "gives a role: moderator, auditor or admin; only the first two are needed",
            ),
            example(
                &[("who", "<person>"), ("role", "<role>"), ("rooms", "vip-1, live-*"), ("until", "18:00")],
                "gives it for several rooms, until that time",
            ),
        ],
        |values| grant(values, Effect::Permit),
    ),
    verb(
        ADMIN,
        &["deny"],
        "Take a role away, whatever else gives it",
        GRANT,
        &[example(
            &[("who", "<person>"), ("role", "<role>"), ("rooms", "vip-1")],
            "takes it away, whatever else gives it",
        )],
        |values| grant(values, Effect::Deny),
    ),
    verb(
        ADMIN,
        &["revoke"],
        "Take a grant or a deny entry back",
        &[
            positional(
                "grant",
                "<grant>",
                &[],
                Kind::Number(None),
                "The number of the grant, as list shows it",
            )
            .optional(),
            Parameter { help: "Instead: whose only live entry it is", ..WHO },
            REASON,
        ],
        &[
            example(&[("grant", "<grant>"), ("reason", "<why>")], "takes a grant or a deny entry back"),
            example(&[("who", "<person>")], "takes back the only live entry that names them"),
        ],
        revoke,
    ),
    verb(
        ADMIN,
        &["answer"],
        "Answer somebody who asks for access to a room",
        &[
            positional(
                "operation",
                "<operation>",
                &[],
                Kind::Operation,
                "The number of the operation that asks, as list attention shows it",
            ),
            positional("answer", "<answer>", &[], Kind::Text(SHORT), "For how long: 8h, 1h; or no"),
        ],
        &[example(
            &[("operation", "<operation>"), ("answer", "8h")],
            "gives the access that somebody asks for, for so long; no refuses it",
        )],
        answer,
    ),
    verb(
        ADMIN,
        &["list"],
        "Show who may do what",
        &[
            positional(
                "part",
                "<part>",
                &[],
                Kind::OneOf(Section::names),
                "Which entries (the live ones if left out)",
            )
            .optional(),
            WHO,
            PAGE,
        ],
        &[
            example(&[], "shows the live grants"),
            example(&[("who", "<person>")], "shows those that name somebody"),
            example(&[("part", "all")], "shows ended ones too"),
            example(
                &[("part", "attention")],
                "shows who asks for access, and the grants about to end or long unused",
            ),
        ],
        list,
    ),
    verb(
        ADMIN,
        &["why"],
        "Explain what is decided about somebody, and by which grant",
        &[
            positional("who", "<person>", &[], Kind::PersonOrGroup, "A member or a role (you if left out)")
                .optional(),
            ROOM,
            named("channel", &["in"], Kind::Channel, "In which channel (this one if left out)"),
        ],
        &[example(
            &[("who", "<person>"), ("room", "<room>"), ("channel", "#channel")],
            "explains what is decided, and by which grant",
        )],
        why,
    ),
    verb(
        ADMIN,
        &["who-can"],
        "Show who can hand a room over",
        &[ROOM],
        &[example(&[("room", "<room>")], "shows who can hand the room over")],
        who_can,
    ),
    verb(
        ADMIN,
        &["channel", "allow"],
        "Take commands from a channel",
        &[CHANNEL, ROOMS, REASON],
        &[example(
            &[("channel", "#channel"), ("rooms", "live-*")],
            "takes commands from a channel; this one if none is named",
        )],
        |values| {
            let channel = values.channel("channel")?;
            let rooms = one_scope(values)?.unwrap_or(RoomScope::All);
            edit(values, Edit::AllowChannel(channel, rooms))
        },
    ),
    verb(
        ADMIN,
        &["channel", "remove"],
        "Take no more commands from a channel",
        &[CHANNEL, REASON],
        &[example(&[("channel", "#channel")], "takes no more commands from it")],
        |values| {
            let channel = values.channel("channel")?;
            edit(values, Edit::RemoveChannel(channel))
        },
    ),
    verb(
        ADMIN,
        &["channel", "list"],
        "Show the authorised channels",
        &[PAGE],
        &[example(&[], "shows the authorised channels")],
        |values| Ok(listed(Section::Channels, None, page(values)?)),
    ),
    // `announce #channel`: the channel is here enough.
    Verb {
        aliases: &["announce"],
        ..verb(
            ADMIN,
            &["announce", "here"],
            "Post to a channel what happens to rooms, and which grants end soon",
            &[
                CHANNEL,
                ANNOUNCED_ROOMS,
                named("admin", &["admin"], Kind::YesOrNo, "Admins read it: say there what they can do")
                    .plain(),
                REASON,
            ],
            &[
                example(&[], "posts here what happens to the rooms that this channel is authorised for"),
                example(&[("channel", "#channel"), ("rooms", "live-*")], "posts it to another channel"),
            ],
            |values| {
                let channel = values.channel("channel")?;
                let rooms = one_scope(values)?;
                let for_admins = values.yes_or_no("admin")?;
                edit(values, Edit::Announce(channel, rooms, for_admins))
            },
        )
    },
    verb(
        ADMIN,
        &["announce", "off"],
        "Post nothing more to a channel",
        &[CHANNEL, REASON],
        &[example(&[], "posts nothing more here")],
        |values| {
            let channel = values.channel("channel")?;
            edit(values, Edit::StopAnnouncing(channel))
        },
    ),
    verb(
        ADMIN,
        &["announce", "list"],
        "Show the announcement channels",
        &[PAGE],
        &[example(&[], "shows the announcement channels")],
        |values| Ok(listed(Section::Announcements, None, page(values)?)),
    ),
    verb(
        ADMIN,
        &["link"],
        "Say which live account somebody has, so that rooms can be handed to them by name",
        &[LINKED, ACCOUNT, REASON],
        &[example(
            &[("who", "<person>"), ("account", "<account>")],
            "says which live account they have: rooms can be handed to them by name",
        )],
        link,
    ),
    verb(
        ADMIN,
        &["unlink"],
        "Forget which live account somebody has",
        &[LINKED, REASON],
        &[example(&[("who", "<person>")], "forgets which account they have")],
        unlink,
    ),
    verb(
        ADMIN,
        &["links"],
        "Show who has which live account",
        &[Parameter { help: "Only what this member is linked to", ..WHO }, PAGE],
        &[example(&[], "shows who has which live account")],
        |values| {
            let who = values.subject("who")?;
            Ok(listed(Section::Links, who, page(values)?))
        },
    ),
    verb(
        ADMIN,
        &["room"],
        "Mark rooms: what a hand-over of them takes",
        &[
            positional("rooms", "<rooms>", &[], Kind::Text(SHORT), "A RoomId, or how it begins: live-*"),
            positional(
                "mark",
                "<mark>",
                &[],
                Kind::OneOf(marks),
                "confirm: the caller confirms; two-person: a second person approves; off: neither",
            ),
            REASON,
        ],
        &[example(
            &[("rooms", "live-*"), ("mark", "two-person")],
            "lets nobody hand these rooms over alone; confirm asks the caller once more, off ends it",
        )],
        room,
    ),
    help(CommandGroup::Acl, |_| Ok(Command::Help(CommandGroup::Acl))),
];
