//! `/room-acl`: who may do what.

use std::time::Duration;

use jiff::Timestamp;

use super::{Kind, Needs, Parameter, REASON, SHORT, Verb, example, help, named, positional, verb};
use crate::domain::access::plan::Wanted;
use crate::domain::access::{Action, Effect, GrantId, NewGrant, Role, RoomScope};
use crate::domain::command::values::Values;
use crate::domain::command::{Command, Family, Problem};
use crate::domain::principal::{Channel, Subject};
use crate::domain::room::RoomId;

/// What an admin asks of the ACL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AclCommand {
    /// Who am I, what may I do, and who can help?
    WhoAmI,
    /// Show a part of the ACL.
    List(Listed),
    /// Explain what is decided about somebody.
    Why(Why),
    /// Who may hand the room over?
    WhoCan(RoomId),
    /// The whole ACL, to keep it in a file. Only the command line asks for it.
    Export,
    /// What would have to change for the ACL to be this? Only the command line asks.
    Plan(Wanted),
    /// Change the ACL.
    Edit {
        /// How.
        edit: Edit,
        /// Why.
        reason: Option<String>,
        /// Whether to make it even if it locks everybody out of the chat: only on the command line.
        force: bool,
    },
}

impl AclCommand {
    /// What it asks permission for; `None` for what everybody may ask. Which rooms an edit is about depends on the
    /// entries that are there: without them, on every room.
    #[must_use]
    pub fn action(&self) -> Option<Action> {
        match self {
            Self::WhoAmI => None,
            Self::List(_) | Self::Export | Self::Plan(_) => Some(Action::ReadAcl(None)),
            Self::Why(Why { room, .. }) | Self::WhoCan(room) => Some(Action::ReadAcl(Some(room.clone()))),
            Self::Edit { .. } => Some(Action::EditAcl(vec![RoomScope::All])),
        }
    }
}

/// A part of the ACL, and which page of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listed {
    /// Which part.
    pub part: Part,
    /// Its page, from 1.
    pub page: u32,
    /// How many entries a page has.
    pub size: u32,
}

/// A part of the ACL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The live grants.
    Live,
    /// Revoked and lapsed ones too.
    All,
    /// Those that somebody should look at: about to lapse, or long unused.
    Attention,
    /// The authorised channels.
    Channels,
    /// Removed ones too. Only the command line asks for them.
    AllChannels,
}

impl Part {
    const ALL: [Self; 4] = [Self::Live, Self::All, Self::Attention, Self::Channels];

    /// Its name in the interface.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::All => "all",
            Self::Attention => "attention",
            Self::Channels | Self::AllChannels => "channels",
        }
    }
}

/// Whose rights are to be explained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Why {
    /// Who; the caller if nobody is named.
    pub subject: Option<Subject>,
    /// Groups that the platform says the subject is in, as far as the question carries them.
    pub groups: Vec<Subject>,
    /// Groups to count the subject as a member of, beside those that are known.
    pub assumed: Vec<Subject>,
    /// Which room.
    pub room: RoomId,
    /// Where; here if no channel is named.
    pub channel: Option<Channel>,
    /// At which time; now if none is named.
    pub at: Option<Timestamp>,
}

/// A change of the ACL, as it is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// Give or deny a role, for so long. `grant.expires_at` is not set yet.
    Grant {
        /// To whom, what, where.
        grant: NewGrant,
        /// The same for these rooms too, each an entry of its own.
        also: Vec<RoomScope>,
        /// For how long; for ever if not given.
        lasts: Option<Duration>,
    },
    /// Take a grant back.
    Revoke(GrantId),
    /// Authorise a channel; this one if none is named.
    AllowChannel(Option<Channel>, RoomScope),
    /// Authorise a channel no more; this one if none is named.
    RemoveChannel(Option<Channel>),
    /// Make the ACL what a file says, if it is at this version or is so already. Only the command line asks for it.
    Apply(Wanted, Option<i64>),
}

/// How many entries a page shows: what fits a message on every platform.
const PAGE_SIZE: u32 = 12;

/// Whom its verbs are for.
const ADMIN: (Family, Needs) = (Family::Acl, Needs::Role(Role::Admin));

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
const PAGE: Parameter = named("page", &["page"], Kind::Number(Some(100_000)), "Which page");
const GRANT: &[Parameter] = &[
    positional("who", "<person>", &[], Kind::PersonOrGroup, "A member or a role"),
    positional(
        "role",
        "<role>",
        &[],
        Kind::OneOf(|| Role::ALL.map(Role::name).to_vec()),
        "Which role: moderators hand rooms over, auditors read the log",
    ),
    ROOMS,
    named("channel", &["in"], Kind::Channel, "Only in this channel"),
    named("for", &["for"], Kind::Text(SHORT), "For how long: 8h, 30m, 7d (for ever if left out)").plain(),
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
        &[example(
            &[
                ("who", "<person>"),
                ("role", "<role>"),
                ("rooms", "live-*"),
                ("for", "8h"),
                ("channel", "#channel"),
                ("reason", "<why>"),
            ],
            "gives a role: moderator, auditor or admin; only the first two are needed",
        )],
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
            ),
            REASON,
        ],
        &[example(&[("grant", "<grant>"), ("reason", "<why>")], "takes a grant or a deny entry back")],
        revoke,
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
                Kind::OneOf(|| Part::ALL.map(Part::name).to_vec()),
                "Which entries (the live ones if left out)",
            )
            .optional(),
            PAGE,
        ],
        &[
            example(&[], "shows the live grants"),
            example(&[("part", "all")], "shows ended ones too"),
            example(&[("part", "attention")], "shows those about to end, and those long unused"),
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
            positional("room", "<room>", &["room"], Kind::Room, "The RoomId of the live room"),
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
        &[positional("room", "<room>", &["room"], Kind::Room, "The RoomId of the live room")],
        &[example(&[("room", "<room>")], "shows who can hand the room over")],
        |values| Ok(Command::Acl(AclCommand::WhoCan(values.required("room", Values::room)?))),
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
            let rooms = match values.scopes("rooms")?.as_slice() {
                [] => RoomScope::All,
                [rooms] => rooms.clone(),
                _ => {
                    return Err(Problem::Invalid(
                        "a channel is authorised for one scope of rooms".to_owned(),
                    ));
                }
            };
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
        |values| Ok(listed(Part::Channels, page(values)?)),
    ),
    help(Family::Acl, |_| Ok(Command::Help(Family::Acl))),
];

fn edit(values: &mut Values, edit: Edit) -> Result<Command, Problem> {
    Ok(Command::Acl(AclCommand::Edit { edit, reason: values.reason()?, force: false }))
}

fn grant(values: &mut Values, effect: Effect) -> Result<Command, Problem> {
    let subject = values.required("who", Values::subject)?;
    let role = values.required("role", Values::parsed)?;
    let mut scopes = values.scopes("rooms")?.into_iter();
    let rooms = scopes.next().unwrap_or(RoomScope::All);
    let channels = values.channel("channel")?.into_iter().collect();
    let lasts = values.duration("for")?;
    let grant = NewGrant { subject, role, effect, rooms, channels, expires_at: None };
    edit(values, Edit::Grant { grant, also: scopes.collect(), lasts })
}

fn revoke(values: &mut Values) -> Result<Command, Problem> {
    let shown = values.required("grant", Values::text)?;
    let number = shown.strip_prefix('#').unwrap_or(&shown).parse().ok().filter(|id: &GrantId| *id > 0);
    let id = number.ok_or_else(|| {
        Problem::Invalid(format!("`{shown}` is not the number of a grant: `list` shows them"))
    })?;
    edit(values, Edit::Revoke(id))
}

fn list(values: &mut Values) -> Result<Command, Problem> {
    let part = match values.text("part")? {
        None => Part::Live,
        Some(word) => Part::ALL
            .into_iter()
            .find(|part| part.name().eq_ignore_ascii_case(&word))
            .ok_or(Problem::TooMany(word))?,
    };
    Ok(listed(part, page(values)?))
}

fn listed(part: Part, page: u32) -> Command {
    Command::Acl(AclCommand::List(Listed { part, page, size: PAGE_SIZE }))
}

fn page(values: &mut Values) -> Result<u32, Problem> {
    let Some(shown) = values.text("page")? else { return Ok(1) };
    let page = shown.parse().ok().filter(|page| *page > 0);
    page.ok_or_else(|| Problem::Invalid(format!("`{shown}` is not a page: write 2")))
}

fn why(values: &mut Values) -> Result<Command, Problem> {
    let subject = if values.is_word("who", "me") { None } else { values.subject("who")? };
    let groups = std::mem::take(&mut values.groups);
    let room = values.required("room", Values::room)?;
    let channel = values.channel("channel")?;
    Ok(Command::Acl(AclCommand::Why(Why { subject, groups, assumed: Vec::new(), room, channel, at: None })))
}
