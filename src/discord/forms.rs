//! `/room-acl` and `/room-audit` as Discord shows them: the subcommands, their options, and how each option is
//! written in the typed form. One table says it all: what is registered and what is understood are made from it.

use serenity::all::{
    ChannelType, CommandOptionType, CommandType, CreateCommand, CreateCommandOption, InstallationContext,
    InteractionContext,
};

use super::commands::{REASON, ROOM, bare};
use crate::domain::access::Role;
use crate::domain::audit::{OutcomeKind, StatsBy};
use crate::domain::command::{Family, LONGEST_REASON};
use crate::domain::room::LONGEST_ROOM_ID;
use crate::domain::wording::CommandName;

/// A subcommand.
pub(super) struct Form {
    /// Its name; two for one in a group.
    pub(super) path: &'static [&'static str],
    /// What it is in the typed form, which needs no word for what is asked most.
    pub(super) typed: &'static str,
    /// The verb whose forms help after a slip.
    pub(super) verb: Option<&'static str>,
    description: &'static str,
    /// In the order in which Discord shows them: required ones first.
    pub(super) options: &'static [Opt],
}

/// An option of a subcommand.
pub(super) struct Opt {
    pub(super) name: &'static str,
    description: &'static str,
    pub(super) takes: Takes,
    pub(super) written: Written,
    is_required: bool,
}

/// What can be filled in.
#[derive(Clone, Copy)]
pub(super) enum Takes {
    /// The id of a room, completed while it is typed.
    Room,
    /// Text of so many characters at most.
    Text(u16),
    /// One of these words.
    OneOf(fn() -> Vec<&'static str>),
    /// A whole number from 1, up to the limit if there is one.
    Number(Option<u64>),
    /// Yes or no.
    YesOrNo,
    /// A member.
    Person,
    /// A member or a role.
    PersonOrRole,
    /// A channel that people write in, or a thread of one.
    Channel,
}

/// Where it stands in the typed form.
#[derive(Clone, Copy)]
pub(super) enum Written {
    /// As a word, the first, second, ...; called so in the forms.
    Word(usize, &'static str),
    /// Behind its name.
    Named(&'static str),
}

/// Longer than any scope, duration, zone or time has to be.
const SHORT: u16 = 64;
/// The longest id of a request or a subject, with room to spare.
const LONGEST_ID: u16 = 200;

const fn form(
    path: &'static [&'static str],
    typed: &'static str,
    verb: Option<&'static str>,
    description: &'static str,
    options: &'static [Opt],
) -> Form {
    Form { path, typed, verb, description, options }
}

const fn word(
    name: &'static str,
    description: &'static str,
    takes: Takes,
    at: usize,
    called: &'static str,
) -> Opt {
    Opt { name, description, takes, written: Written::Word(at, called), is_required: true }
}

const fn named(name: &'static str, description: &'static str, takes: Takes) -> Opt {
    Opt { name, description, takes, written: Written::Named(name), is_required: false }
}

impl Opt {
    const fn may_be_left_out(self) -> Self {
        Self { is_required: false, ..self }
    }

    const fn written_as(self, name: &'static str) -> Self {
        Self { written: Written::Named(name), ..self }
    }

    /// Whether nothing can be understood without it.
    pub(super) fn is_missed(&self) -> Option<&'static str> {
        match self.written {
            Written::Word(_, called) if self.is_required => Some(called),
            _ => None,
        }
    }
}

fn roles() -> Vec<&'static str> {
    Role::ALL.into_iter().map(Role::name).collect()
}

fn parts() -> Vec<&'static str> {
    vec!["live", "all", "attention", "channels"]
}

fn outcomes() -> Vec<&'static str> {
    OutcomeKind::ALL.iter().map(|kind| kind.name()).collect()
}

fn counted_by() -> Vec<&'static str> {
    StatsBy::ALL.iter().map(|by| by.name()).collect()
}

const WHY: Opt = named(REASON, "Why, for the audit log", Takes::Text(LONGEST_REASON as u16));
const SCOPE: Opt =
    named("rooms", "A RoomId, or how it begins: live-* (every room if left out)", Takes::Text(SHORT));
const PAGE: Opt = named("page", "Which page", Takes::Number(Some(100_000)));
const ONLY_IN: Opt = named("channel", "Only in this channel", Takes::Channel).written_as("in");
const GRANT: &[Opt] = &[
    word("who", "A member or a role", Takes::PersonOrRole, 0, "<person>"),
    word(
        "role",
        "Which role: moderators hand rooms over, auditors read the log",
        Takes::OneOf(roles),
        1,
        "<role>",
    ),
    SCOPE,
    ONLY_IN,
    named("for", "For how long: 8h, 30m, 7d (for ever if left out)", Takes::Text(SHORT)),
    WHY,
];
const CHANNEL: Opt = word("channel", "Which channel (this one if left out)", Takes::Channel, 0, "<channel>");
const A_ROOM: Opt = word(ROOM, "The RoomId of the live room", Takes::Room, 0, "<room>");
const AN_OPERATION: Opt = word(
    "operation",
    "Its number: every reply of the bot ends with it",
    Takes::Number(None),
    0,
    "<operation>",
);

const ACL: &[Form] = &[
    form(&["whoami"], "whoami", Some("whoami"), "Your own id and rights, and who can help", &[]),
    form(&["grant"], "grant", Some("grant"), "Give somebody a role", GRANT),
    form(&["deny"], "deny", Some("deny"), "Take a role away, whatever else gives it", GRANT),
    form(
        &["revoke"],
        "revoke",
        Some("revoke"),
        "Take a grant or a deny entry back",
        &[word("grant", "The number of the grant, as list shows it", Takes::Number(None), 0, "<grant>"), WHY],
    ),
    form(
        &["list"],
        "list",
        Some("list"),
        "Show who may do what",
        &[
            word("part", "Which entries (the live ones if left out)", Takes::OneOf(parts), 0, "<part>")
                .may_be_left_out(),
            PAGE,
        ],
    ),
    form(
        &["why"],
        "why",
        Some("why"),
        "Explain what is decided about somebody, and by which grant",
        &[
            word(ROOM, "The RoomId of the live room", Takes::Room, 1, "<room>"),
            word("who", "A member or a role (you if left out)", Takes::PersonOrRole, 0, "<person>")
                .may_be_left_out(),
            named("channel", "In which channel (this one if left out)", Takes::Channel).written_as("in"),
        ],
    ),
    form(&["who-can"], "who-can", Some("who-can"), "Show who can hand a room over", &[A_ROOM]),
    form(
        &["channel", "allow"],
        "channel allow",
        Some("channel"),
        "Take commands from a channel",
        &[CHANNEL.may_be_left_out(), SCOPE, WHY],
    ),
    form(
        &["channel", "remove"],
        "channel remove",
        Some("channel"),
        "Take no more commands from a channel",
        &[CHANNEL.may_be_left_out(), WHY],
    ),
    form(&["channel", "list"], "channel list", Some("channel"), "Show the authorised channels", &[PAGE]),
    form(&["help"], "help", None, "What can be asked, and what of it you may do", &[]),
];

const BY_ROOM: Opt = named(ROOM, "Only about this room", Takes::Room);
const BY_ACTOR: Opt = named("actor", "Only by this member", Takes::Person);
const BY_ACTOR_ID: Opt =
    named("actor-id", "Only by this subject, from wherever: slack:T…:U…, cli:ana", Takes::Text(LONGEST_ID))
        .written_as("actor");
const BY_CHANNEL: Opt = named("channel", "Only in this channel", Takes::Channel);
const BY_OUTCOME: Opt = named("outcome", "Only with this outcome", Takes::OneOf(outcomes));
const BY_REQUEST: Opt = named("request-id", "Only the one with Tencent's RequestId", Takes::Text(LONGEST_ID));
const BY_TEXT: Opt = named("text", "Only with this text in command, reason or error", Takes::Text(300));
const SINCE: Opt = named("since", "From this time on: 2h, yesterday, 2026-11-23 14:03", Takes::Text(SHORT));
const UNTIL: Opt = named("until", "Before this time", Takes::Text(SHORT));
const ZONE: Opt = named(
    "zone",
    "The zone of these times, and of those shown: Europe/Berlin (UTC if left out)",
    Takes::Text(SHORT),
);
const BEFORE: Opt = named("before", "Only operations before this number", Takes::Number(None));
const READINGS: Opt = named("readings", "Also who read the log", Takes::YesOrNo);
const LIMIT: Opt = named("limit", "How many", Takes::Number(Some(10)));

const AUDIT: &[Form] = &[
    form(
        &["list"],
        "",
        None,
        "Show what was done, newest first",
        &[
            BY_ROOM,
            BY_ACTOR,
            BY_ACTOR_ID,
            BY_CHANNEL,
            BY_OUTCOME,
            BY_REQUEST,
            BY_TEXT,
            SINCE,
            UNTIL,
            ZONE,
            BEFORE,
            READINGS,
            LIMIT,
        ],
    ),
    form(&["show"], "", None, "Show one operation whole", &[AN_OPERATION]),
    form(
        &["owner-at"],
        "owner-at",
        Some("owner-at"),
        "Show who owned a room at a time, and how that is known",
        &[
            A_ROOM,
            word("time", "When: now, 2h, yesterday 14:03, 2026-11-23 14:03", Takes::Text(SHORT), 1, "<time>"),
            ZONE,
        ],
    ),
    form(
        &["timeline"],
        "timeline",
        Some("timeline"),
        "Show the steps of one operation and the waits between them",
        &[AN_OPERATION],
    ),
    form(
        &["stats"],
        "stats",
        Some("stats"),
        "Count operations",
        &[
            named("by", "What to count by (outcome if left out)", Takes::OneOf(counted_by)),
            BY_ROOM,
            BY_ACTOR,
            BY_ACTOR_ID,
            BY_CHANNEL,
            BY_OUTCOME,
            BY_TEXT,
            SINCE,
            UNTIL,
            ZONE,
            READINGS,
            LIMIT,
        ],
    ),
    form(&["help"], "help", None, "What can be asked", &[]),
];

/// The subcommands of a command; `/room-owner` has none.
pub(super) fn of(family: Family) -> &'static [Form] {
    match family {
        Family::Owner => &[],
        Family::Acl => ACL,
        Family::Audit => AUDIT,
    }
}

/// What is registered for `/room-acl` or `/room-audit`.
pub(super) fn command(family: Family, name: &CommandName) -> CreateCommand {
    let description = match family {
        Family::Owner | Family::Acl => "Who may do what: show it, explain it, change it",
        Family::Audit => "What was done, by whom, by whose authority, and what came of it",
    };
    let mut command = CreateCommand::new(bare(&name.of(family)))
        .kind(CommandType::ChatInput)
        .description(description)
        .contexts(vec![InteractionContext::Guild])
        .integration_types(vec![InstallationContext::Guild]);
    let forms = of(family);
    for (n, form) in forms.iter().enumerate() {
        command = match form.path {
            [group, _] if forms[..n].iter().any(|before| before.path[0] == *group) => command,
            [group, _] => {
                let members = forms.iter().filter(|member| member.path[0] == *group);
                command.add_option(members.fold(
                    CreateCommandOption::new(CommandOptionType::SubCommandGroup, *group, GROUP),
                    |whole, member| whole.add_sub_option(member.registered()),
                ))
            }
            _ => command.add_option(form.registered()),
        };
    }
    command
}

/// What the one group is about.
const GROUP: &str = "Where the bot takes commands";

impl Form {
    fn registered(&self) -> CreateCommandOption {
        let name = self.path.last().copied().unwrap_or_default();
        let bare = CreateCommandOption::new(CommandOptionType::SubCommand, name, self.description);
        self.options.iter().fold(bare, |sub, option| sub.add_sub_option(option.registered()))
    }
}

impl Opt {
    fn registered(&self) -> CreateCommandOption {
        let kind = match self.takes {
            Takes::Room | Takes::Text(_) | Takes::OneOf(_) => CommandOptionType::String,
            Takes::Number(_) => CommandOptionType::Integer,
            Takes::YesOrNo => CommandOptionType::Boolean,
            Takes::Person => CommandOptionType::User,
            Takes::PersonOrRole => CommandOptionType::Mentionable,
            Takes::Channel => CommandOptionType::Channel,
        };
        let option = CreateCommandOption::new(kind, self.name, self.description).required(self.is_required);
        match self.takes {
            Takes::Room => {
                let longest = u16::try_from(LONGEST_ROOM_ID).unwrap_or(u16::MAX);
                option.min_length(1).max_length(longest).set_autocomplete(true)
            }
            Takes::Text(longest) => option.min_length(1).max_length(longest),
            Takes::OneOf(words) => {
                words().into_iter().fold(option, |it, word| it.add_string_choice(word, word))
            }
            Takes::Number(None) => option.min_int_value(1),
            Takes::Number(Some(most)) => option.min_int_value(1).max_int_value(most),
            Takes::YesOrNo | Takes::Person | Takes::PersonOrRole => option,
            // Everything that holds messages; a category or a directory does not.
            Takes::Channel => option.channel_types(vec![
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::access::{Footing, Right, RoomScope};
    use crate::domain::audit::OperationId;
    use crate::domain::reply::Reply;
    use crate::domain::wording::{Span, message};

    fn overview(family: Family) -> String {
        let line = |form: &Form| {
            let options = form
                .options
                .iter()
                .map(|it| format!(" {}{}", it.name, if it.is_required { "!" } else { "" }));
            format!("{}:{}", form.path.join(" "), options.collect::<String>())
        };
        of(family).iter().map(line).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn what_can_be_filled_in() {
        insta::assert_snapshot!(overview(Family::Acl), @r"
        whoami:
        grant: who! role! rooms channel for reason
        deny: who! role! rooms channel for reason
        revoke: grant! reason
        list: part page
        why: room! who channel
        who-can: room!
        channel allow: channel rooms reason
        channel remove: channel reason
        channel list: page
        help:
        ");
        insta::assert_snapshot!(overview(Family::Audit), @r"
        list: room actor actor-id channel outcome request-id text since until zone before readings limit
        show: operation!
        owner-at: room! time! zone
        timeline: operation!
        stats: by room actor actor-id channel outcome text since until zone readings limit
        help:
        ");
    }

    #[test]
    fn what_the_help_shows_can_be_filled_in() {
        let name = CommandName::slash("").with_options();
        let rights = vec![Right { role: Role::Admin, rooms: RoomScope::All }];
        let footing = Footing { rights, is_authorised: true, ..Footing::default() };
        for family in [Family::Acl, Family::Audit] {
            let help = Reply::Help {
                operation: OperationId::new(1),
                family,
                subject: "discord:7:9".parse().unwrap(),
                footing: footing.clone(),
            };
            let start = format!("{} ", name.of(family).0);
            let mut shown = 0;
            for line in message(&help, &name).body {
                let Some(Span::Code(code)) = line.0.first() else { continue };
                let Some(code) = code.strip_prefix(&start) else { continue };
                let words: Vec<&str> = code.split(' ').collect();
                let path: Vec<&str> = words.iter().copied().take_while(|word| !word.contains(':')).collect();
                let form = of(family).iter().find(|form| form.path == path);
                let form = form.unwrap_or_else(|| panic!("there is no subcommand for `{code}`"));
                for (option, _) in words.iter().filter_map(|word| word.split_once(':')) {
                    let is_one = form.options.iter().any(|it| it.name == option);
                    assert!(is_one || option.starts_with(|c: char| c.is_ascii_digit()), "{option} in {code}");
                }
                shown += 1;
            }
            assert!(shown >= 5, "{shown}");
        }
    }
}
