//! `/room-acl`: who may do what.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{Needs, Verb, example, help, verb};
use crate::domain::access::plan::Wanted;
use crate::domain::access::{Action, Effect, GrantId, NewGrant, Role, RoomScope};
use crate::domain::audit::TimeExpr;
use crate::domain::command::parameter::{Kind, Parameter, REASON, SHORT, named, positional};
use crate::domain::command::values::{Values, invalid};
use crate::domain::command::{Command, CommandGroup, Problem};
use crate::domain::duration::{SHORTEST, parse_lasting};
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Which part.
    pub part: Section,
    /// Only what names this subject.
    pub who: Option<Subject>,
    /// Its page, from 1.
    pub page: u32,
    /// How many entries a page has.
    pub size: u32,
}

/// A part of the ACL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
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

impl Section {
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
        /// To whom, what, where: an entry for each person and each scope of rooms, all made or none.
        grants: Vec<NewGrant>,
        /// When they end; never if not given.
        ends: Option<Ends>,
    },
    /// Take a grant back.
    Revoke(GrantId),
    /// Take the one live entry back that names somebody.
    RevokeOf(Subject),
    /// Authorise a channel; this one if none is named.
    AllowChannel(Option<Channel>, RoomScope),
    /// Authorise a channel no more; this one if none is named.
    RemoveChannel(Option<Channel>),
    /// Make the ACL what a file says, if it is at this version or is so already. Only the command line asks for it.
    Apply(Wanted, Option<i64>),
}

/// How many entries a page shows: what fits a message on every platform.
const PAGE_SIZE: u32 = 12;

/// When a grant ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ends {
    /// After so long.
    After(Duration),
    /// The next time that it is so.
    At(TimeExpr),
}

impl Ends {
    /// At that time.
    ///
    /// # Errors
    /// When it counts back from now.
    pub fn until(moment: TimeExpr) -> Result<Self, String> {
        if moment.is_ago() {
            Err(format!("`{moment}` is how long, not until when"))
        } else {
            Ok(Self::At(moment))
        }
    }

    /// The end of what is granted at `now`.
    ///
    /// # Errors
    /// When it is not to come, or too far away.
    pub fn resolve(&self, now: Timestamp) -> Result<Timestamp, String> {
        let end = match self {
            Self::After(length) => now.checked_add(*length).map_err(|error| error.to_string())?,
            Self::At(moment) => {
                moment.resolve_next(now, &TimeZone::UTC).map_err(|error| error.to_string())?
            }
        };
        match self {
            Self::At(moment) if end.duration_since(now).unsigned_abs() < SHORTEST || end < now => {
                Err(format!(
                    "`{moment}` is {} UTC, which is over: name a time that is more than a minute away",
                    end.strftime("%Y-%m-%d %H:%M")
                ))
            }
            _ => Ok(end),
        }
    }
}

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
            positional(
                "who",
                "<person>",
                &["who"],
                Kind::PersonOrGroup,
                "Instead: whose only live entry it is",
            )
            .optional(),
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
        &["list"],
        "Show who may do what",
        &[
            positional(
                "part",
                "<part>",
                &[],
                Kind::OneOf(|| Section::ALL.map(Section::name).to_vec()),
                "Which entries (the live ones if left out)",
            )
            .optional(),
            positional(
                "who",
                "<person>",
                &["who"],
                Kind::PersonOrGroup,
                "Only those that name this member or role",
            )
            .optional(),
            PAGE,
        ],
        &[
            example(&[], "shows the live grants"),
            example(&[("who", "<person>")], "shows those that name somebody"),
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
        |values| Ok(listed(Section::Channels, None, page(values)?)),
    ),
    help(CommandGroup::Acl, |_| Ok(Command::Help(CommandGroup::Acl))),
];

fn edit(values: &mut Values, edit: Edit) -> Result<Command, Problem> {
    Ok(Command::Acl(AclCommand::Edit { edit, reason: values.reason()?, force: false }))
}

fn grant(values: &mut Values, effect: Effect) -> Result<Command, Problem> {
    let subjects = values.several("who", Values::subject)?;
    let role = values.required("role", Values::parsed)?;
    let mut scopes = values.scopes("rooms")?;
    if scopes.is_empty() {
        scopes.push(RoomScope::All);
    }
    let channels: Vec<Channel> = values.channel("channel")?.into_iter().collect();
    let ends = ends(values)?;
    let mut grants: Vec<NewGrant> = Vec::new();
    for subject in &subjects {
        grants.extend(scopes.iter().map(|rooms| NewGrant {
            subject: subject.clone(),
            role,
            effect,
            rooms: rooms.clone(),
            channels: channels.clone(),
            expires_at: None,
        }));
    }
    grants.dedup();
    if grants.len() > MOST_GRANTS {
        return Err(Problem::Invalid(format!("that is more than {MOST_GRANTS} entries at once")));
    }
    edit(values, Edit::Grant { grants, ends })
}

/// How many entries one command makes: the answer names each.
const MOST_GRANTS: usize = 10;

fn ends(values: &mut Values) -> Result<Option<Ends>, Problem> {
    if let Some(text) = values.text("for")? {
        if values.get("until").is_some() {
            return Err(Problem::Invalid("an entry ends `for:` a time or `until:` one, not both".to_owned()));
        }
        return Ok(Some(Ends::After(parse_lasting(&text).map_err(invalid)?)));
    }
    values.parsed("until")?.map(Ends::until).transpose().map_err(Problem::Invalid)
}

fn revoke(values: &mut Values) -> Result<Command, Problem> {
    let shown = match (values.text("grant")?, values.get("who").is_some()) {
        (Some(shown), false) => shown,
        (None, true) => {
            let subject = values.required("who", Values::subject)?;
            return edit(values, Edit::RevokeOf(subject));
        }
        (None, false) => return Err(Problem::Missing("<grant>")),
        (Some(_), true) => return Err(Problem::Invalid("name the grant or the person, not both".to_owned())),
    };
    let number = shown.strip_prefix('#').unwrap_or(&shown).parse().ok().filter(|id: &GrantId| *id > 0);
    let id = number.ok_or_else(|| {
        Problem::Invalid(format!("`{shown}` is not the number of a grant: `list` shows them"))
    })?;
    edit(values, Edit::Revoke(id))
}

fn list(values: &mut Values) -> Result<Command, Problem> {
    let part = match values.text("part")? {
        None => Section::Live,
        Some(word) => Section::ALL
            .into_iter()
            .find(|part| part.name().eq_ignore_ascii_case(&word))
            .ok_or(Problem::TooMany(word))?,
    };
    let who = values.subject("who")?;
    Ok(listed(part, who, page(values)?))
}

fn listed(part: Section, who: Option<Subject>, page: u32) -> Command {
    Command::Acl(AclCommand::List(Listed { part, who, page, size: PAGE_SIZE }))
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
