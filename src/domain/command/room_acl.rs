//! The grammar of `room-acl`.
//!
//! ```text
//! room-acl                                              help
//! room-acl whoami                                       the caller's own id, rights, and who can help
//! room-acl grant @bob moderator rooms: live-* for: 8h   a role; also in: #channel, reason: …
//! room-acl deny @bob moderator rooms: vip-1             takes it away, whatever else gives it
//! room-acl revoke 12 reason: left the team              takes a grant or a deny entry back
//! room-acl list [all | attention] [page: 2]             the entries
//! room-acl why @bob live-7 [in: #mods]                  what is decided, and by which grant
//! room-acl who-can live-7                               who may hand the room over
//! room-acl channel allow|remove [#mods] [rooms: …]      channels; this one if none is named
//! room-acl channel list
//! ```

use std::str::FromStr;
use std::time::Duration;

use super::line::{Arguments, Mention, Typed, Word};
use super::{Command, Family, LineProblem, UsageError};
use crate::domain::access::{Effect, GrantId, NewGrant, Role, RoomScope};
use crate::domain::period::parse_period;
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
    /// Change the ACL.
    Edit {
        /// How.
        edit: Edit,
        /// Why.
        reason: Option<String>,
    },
}

/// A part of the ACL, and which page of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listed {
    /// Which part.
    pub part: Part,
    /// Its page, from 1.
    pub page: u32,
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
}

/// Whose rights are to be explained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Why {
    /// Who; the caller if nobody is named.
    pub subject: Option<Subject>,
    /// Groups that the platform says the subject is in, as far as the question carries them.
    pub groups: Vec<Subject>,
    /// Which room.
    pub room: RoomId,
    /// Where; here if no channel is named.
    pub channel: Option<Channel>,
}

/// A change of the ACL, as it is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// Give or deny a role, for so long. `grant.expires_at` is not set yet.
    Grant {
        /// To whom, what, where.
        grant: NewGrant,
        /// For how long; for ever if not given.
        lasts: Option<Duration>,
    },
    /// Take a grant back.
    Revoke(GrantId),
    /// Authorise a channel; this one if none is named.
    AllowChannel(Option<Channel>, RoomScope),
    /// Authorise a channel no more; this one if none is named.
    RemoveChannel(Option<Channel>),
}

const OPTIONS: &[&str] = &["rooms", "room", "in", "for", "page", "reason"];

/// Parses the arguments of `room-acl`.
///
/// ```
/// use room_owner::domain::command::{AclCommand, Command, Edit, Typed, parse_room_acl};
///
/// let line = Typed::plain("grant slack:T1:U2 moderator rooms: live-* for: 8h reason: night shift");
/// let Ok(Command::Acl(AclCommand::Edit { edit: Edit::Grant { grant, .. }, reason })) = parse_room_acl(&line)
/// else { panic!("a grant") };
/// assert_eq!(grant.rooms.to_string(), "live-*");
/// assert_eq!(reason.as_deref(), Some("night shift"));
/// ```
///
/// # Errors
/// What does not fit the grammar, and the verb whose forms help.
pub fn parse_room_acl(line: &Typed) -> Result<Command, UsageError> {
    let mut arguments = Arguments::read(line, OPTIONS)
        .map_err(|problem| UsageError::Line(Family::Acl, verb_of(line), problem))?;
    let verb = arguments.next_word().map_or_else(|| "help".to_owned(), |word| word.shown());
    if verb.eq_ignore_ascii_case("help") {
        return finished(None, arguments, Command::Help(Family::Acl));
    }
    let Some(form) = FORMS.iter().find(|form| form.verb.eq_ignore_ascii_case(&verb)) else {
        return Err(UsageError::Line(Family::Acl, None, LineProblem::UnknownVerb(verb)));
    };
    let command = (form.read)(&mut arguments)
        .map_err(|problem| UsageError::Line(Family::Acl, Some(form.verb), problem))?;
    finished(Some(form.verb), arguments, Command::Acl(command))
}

/// The verb that a line begins with, if it is one.
fn verb_of(line: &Typed) -> Option<&'static str> {
    let text = line.to_string();
    let first = text.split_whitespace().next()?;
    FORMS.iter().map(|form| form.verb).find(|verb| verb.eq_ignore_ascii_case(first))
}

fn finished(
    verb: Option<&'static str>,
    arguments: Arguments,
    command: Command,
) -> Result<Command, UsageError> {
    arguments.finish().map_err(|problem| UsageError::Line(Family::Acl, verb, problem))?;
    Ok(command)
}

struct Form {
    verb: &'static str,
    read: fn(&mut Arguments) -> Result<AclCommand, LineProblem>,
}

const FORMS: &[Form] = &[
    Form { verb: "whoami", read: |_| Ok(AclCommand::WhoAmI) },
    Form { verb: "grant", read: |arguments| grant(arguments, Effect::Permit) },
    Form { verb: "deny", read: |arguments| grant(arguments, Effect::Deny) },
    Form { verb: "revoke", read: revoke },
    Form { verb: "list", read: list },
    Form { verb: "why", read: why },
    Form { verb: "who-can", read: who_can },
    Form { verb: "channel", read: channel },
];

fn grant(arguments: &mut Arguments, effect: Effect) -> Result<AclCommand, LineProblem> {
    let subject = subject(&arguments.next_word().ok_or(LineProblem::Missing("<person>"))?)?;
    let role: Role = value(&arguments.next_word().ok_or(LineProblem::Missing("<role>"))?)?;
    let rooms = rooms(arguments)?;
    let channels = arguments.option("in").map(|word| a_channel(&word)).transpose()?.into_iter().collect();
    let lasts = arguments.option("for").map(|word| period(&word)).transpose()?;
    let grant = NewGrant { subject, role, effect, rooms, channels, expires_at: None };
    Ok(AclCommand::Edit { edit: Edit::Grant { grant, lasts }, reason: arguments.reason()? })
}

fn revoke(arguments: &mut Arguments) -> Result<AclCommand, LineProblem> {
    let word = arguments.next_word().ok_or(LineProblem::Missing("<grant>"))?;
    let shown = word.shown();
    let number = shown.strip_prefix('#').unwrap_or(&shown).parse().ok().filter(|id: &GrantId| *id > 0);
    let id = number.ok_or_else(|| {
        LineProblem::Invalid(format!("`{shown}` is not the number of a grant: `list` shows them"))
    })?;
    Ok(AclCommand::Edit { edit: Edit::Revoke(id), reason: arguments.reason()? })
}

fn list(arguments: &mut Arguments) -> Result<AclCommand, LineProblem> {
    let part = if arguments.next_is("all") {
        Part::All
    } else if arguments.next_is("attention") {
        Part::Attention
    } else if arguments.next_is("channels") {
        Part::Channels
    } else {
        arguments.next_is("live");
        Part::Live
    };
    Ok(AclCommand::List(Listed { part, page: page(arguments)? }))
}

fn why(arguments: &mut Arguments) -> Result<AclCommand, LineProblem> {
    let first = arguments.next_word();
    let room = arguments.option("room");
    // `why live-7` asks about the caller; `why @bob live-7` about Bob.
    let (who, room) = match (first, room, arguments.next_word()) {
        (Some(who), None, Some(room)) | (Some(who), Some(room), None) => (Some(who), room),
        (Some(room), None, None) | (None, Some(room), None) => (None, room),
        (_, Some(_), Some(word)) => return Err(LineProblem::TooMany(word.shown())),
        (None, None, _) => return Err(LineProblem::Missing("<room>")),
    };
    let subject = match who {
        Some(Word::Text { text, quoted: false }) if text.eq_ignore_ascii_case("me") => None,
        Some(who) => Some(subject(&who)?),
        None => None,
    };
    let channel = arguments.option("in").map(|word| a_channel(&word)).transpose()?;
    Ok(AclCommand::Why(Why { subject, groups: Vec::new(), room: a_room(&room)?, channel }))
}

fn who_can(arguments: &mut Arguments) -> Result<AclCommand, LineProblem> {
    let room = arguments.next_word().or_else(|| arguments.option("room"));
    Ok(AclCommand::WhoCan(a_room(&room.ok_or(LineProblem::Missing("<room>"))?)?))
}

fn channel(arguments: &mut Arguments) -> Result<AclCommand, LineProblem> {
    let verb = arguments.next_word().ok_or(LineProblem::Missing("allow, remove or list"))?.shown();
    let named = |arguments: &mut Arguments| {
        arguments.next_word().or_else(|| arguments.option("in")).map(|word| a_channel(&word)).transpose()
    };
    let edit = match verb.to_ascii_lowercase().as_str() {
        "list" => return Ok(AclCommand::List(Listed { part: Part::Channels, page: page(arguments)? })),
        "allow" => {
            let channel = named(arguments)?;
            Edit::AllowChannel(channel, rooms(arguments)?)
        }
        "remove" => Edit::RemoveChannel(named(arguments)?),
        _ => return Err(LineProblem::UnknownVerb(verb)),
    };
    Ok(AclCommand::Edit { edit, reason: arguments.reason()? })
}

/// `rooms: live-*`, or the scope as the next word; every room if there is neither.
fn rooms(arguments: &mut Arguments) -> Result<RoomScope, LineProblem> {
    let word = arguments.option("rooms").or_else(|| arguments.option("room"));
    match word.or_else(|| arguments.next_word()) {
        Some(word) => value(&word),
        None => Ok(RoomScope::All),
    }
}

fn page(arguments: &mut Arguments) -> Result<u32, LineProblem> {
    let Some(word) = arguments.option("page") else { return Ok(1) };
    let shown = word.shown();
    let page = shown.parse().ok().filter(|page| *page > 0);
    page.ok_or_else(|| LineProblem::Invalid(format!("`{shown}` is not a page: write 2")))
}

fn period(word: &Word) -> Result<Duration, LineProblem> {
    parse_period(&word.shown()).map_err(|error| LineProblem::Invalid(error.to_string()))
}

/// A text that has to parse; a mention never does.
fn value<T: FromStr>(word: &Word) -> Result<T, LineProblem>
where
    T::Err: std::fmt::Display,
{
    word.shown().parse().map_err(|error: T::Err| LineProblem::Invalid(error.to_string()))
}

fn a_room(word: &Word) -> Result<RoomId, LineProblem> {
    match word {
        Word::Mention(_, shown) => {
            Err(LineProblem::Invalid(format!("`{shown}` is a mention: a room is named by its RoomId")))
        }
        other => value(other),
    }
}

/// The person, group or role that a word means.
pub(super) fn subject(word: &Word) -> Result<Subject, LineProblem> {
    let shown = word.shown();
    match word {
        Word::Mention(Mention::Subject(subject), _) => Ok(subject.clone()),
        Word::Mention(Mention::Channel(_), _) => {
            Err(LineProblem::Invalid(format!("`{shown}` is a channel: name a person, a group or a role")))
        }
        Word::Mention(Mention::Everyone, _) => Err(LineProblem::Invalid(format!(
            "`{shown}` is everybody: name a person, a group or a role, so that the log can say who"
        ))),
        Word::Text { text, .. } if text.starts_with('@') => Err(LineProblem::Invalid(format!(
            "`{text}` is only text here: choose the person from the list that the chat offers, or give the id"
        ))),
        Word::Text { .. } | Word::Reason(_) => shown
            .parse()
            .map_err(|error: crate::domain::principal::InvalidId| LineProblem::Invalid(error.to_string())),
    }
}

/// The channel that a word means.
fn a_channel(word: &Word) -> Result<Channel, LineProblem> {
    let shown = word.shown();
    match word {
        Word::Mention(Mention::Channel(channel), _) => Ok(channel.clone()),
        Word::Mention(..) => Err(LineProblem::Invalid(format!("`{shown}` is not a channel"))),
        Word::Text { text, .. } if text.starts_with('#') => Err(LineProblem::Invalid(format!(
            "`{text}` is only text here: choose the channel from the list that the chat offers, or give the id"
        ))),
        Word::Text { .. } | Word::Reason(_) => shown
            .parse()
            .map_err(|error: crate::domain::principal::InvalidId| LineProblem::Invalid(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn line(text: &str) -> Typed {
        // `@bob` and `#mods` stand for mentions, as a platform marks them.
        let mut line = Typed::default();
        for (n, word) in text.split(' ').enumerate() {
            if n > 0 {
                line.push_text(" ");
            }
            match word {
                "@bob" => line.push_mention(Mention::Subject("slack:T1:U2".parse().unwrap()), "@bob"),
                "@mods" => line.push_mention(Mention::Subject("slack:T1:group:S1".parse().unwrap()), "@mods"),
                "#mods" => line.push_mention(Mention::Channel("slack:T1:C1".parse().unwrap()), "#mods"),
                "@here" => line.push_mention(Mention::Everyone, "@here"),
                word => line.push_text(word),
            }
        }
        line
    }

    fn read(text: &str) -> Result<AclCommand, UsageError> {
        parse_room_acl(&line(text)).map(|command| match command {
            Command::Acl(command) => command,
            other => panic!("{other:?}"),
        })
    }

    fn given(text: &str) -> (NewGrant, Option<Duration>, Option<String>) {
        match read(text) {
            Ok(AclCommand::Edit { edit: Edit::Grant { grant, lasts }, reason }) => (grant, lasts, reason),
            other => panic!("{text}: {other:?}"),
        }
    }

    fn wrong(text: &str) -> String {
        match read(text) {
            Err(UsageError::Line(Family::Acl, verb, problem)) => {
                format!("{}: {problem:?}", verb.unwrap_or("(none)"))
            }
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn a_grant_in_all_its_forms() {
        let (grant, lasts, reason) = given("grant @bob moderator");
        assert_eq!((grant.subject.to_string(), grant.role), ("slack:T1:U2".to_owned(), Role::Moderator));
        assert_eq!((grant.rooms, lasts, reason), (RoomScope::All, None, None));
        let full =
            given("grant @bob moderator rooms: live-* in: #mods for: 8h reason: night  shift, see #42");
        assert_eq!(full.0.rooms.to_string(), "live-*");
        assert_eq!(full.0.channels, ["slack:T1:C1".parse().unwrap()]);
        assert_eq!(full.1, Some(Duration::from_secs(8 * 3_600)));
        assert_eq!(full.2.as_deref(), Some("night shift, see #42"));
        for same in [
            "grant @bob moderator live-* in: #mods for:8h reason:night shift, see #42",
            "GRANT @bob moderator --rooms live-* --in #mods --for=8h --reason night shift, see #42",
            "grant @bob moderator —rooms live-* –in #mods for: \"8h\" Reason: “night shift, see #42”",
            "grant slack:T1:U2 moderator in:slack:T1:C1 rooms:live-* for: 8h reason: night shift, see #42",
        ] {
            assert_eq!(given(same), full, "{same}");
        }
        assert_eq!(given("deny @mods admin vip-1").0.effect, Effect::Deny);
    }

    #[test]
    fn the_other_verbs() {
        for help in ["", "help", " "] {
            assert_eq!(parse_room_acl(&line(help)), Ok(Command::Help(Family::Acl)));
        }
        assert_eq!(read("whoami"), Ok(AclCommand::WhoAmI));
        let revoke = |text: &str| match read(text) {
            Ok(AclCommand::Edit { edit: Edit::Revoke(id), reason }) => (id, reason),
            other => panic!("{other:?}"),
        };
        assert_eq!(revoke("revoke 12"), (12, None));
        assert_eq!(revoke("revoke #12 reason: left"), (12, Some("left".to_owned())));
        let listed = |text: &str| match read(text) {
            Ok(AclCommand::List(listed)) => (listed.part, listed.page),
            other => panic!("{other:?}"),
        };
        assert_eq!(listed("list"), (Part::Live, 1));
        assert_eq!(listed("list attention page: 3"), (Part::Attention, 3));
        assert_eq!(listed("channel list"), (Part::Channels, 1));
        let why = |text: &str| match read(text) {
            Ok(AclCommand::Why(why)) => why,
            other => panic!("{other:?}"),
        };
        assert_eq!(why("why live-7").subject, None);
        assert_eq!(why("why me live-7"), why("why live-7"));
        assert_eq!(why("why @bob live-7").subject, Some("slack:T1:U2".parse().unwrap()));
        assert_eq!(why("why @bob --in #mods --room live-7"), why("why @bob live-7 in: #mods"));
        assert_eq!(read("who-can \"my room\""), Ok(AclCommand::WhoCan("my room".parse().unwrap())));
        let edit = |text: &str| match read(text) {
            Ok(AclCommand::Edit { edit, .. }) => edit,
            other => panic!("{other:?}"),
        };
        assert_eq!(edit("channel allow"), Edit::AllowChannel(None, RoomScope::All));
        let mods = || Some("slack:T1:C1".parse().unwrap());
        assert_eq!(
            edit("channel allow #mods rooms: live-*"),
            Edit::AllowChannel(mods(), "live-*".parse().unwrap())
        );
        assert_eq!(edit("channel remove #mods"), Edit::RemoveChannel(mods()));
    }

    #[test]
    fn what_does_not_fit_is_refused_with_its_verb() {
        insta::assert_snapshot!(
            [
                "frobnicate", "grant", "grant @bob", "grant @bob boss", "grant bob moderator", "grant @here admin",
                "grant #mods admin", "grant @bob moderator a*b", "grant @bob moderator live-* more",
                "grant @bob moderator for: ever", "grant @bob moderator --role x", "grant @bob moderator in: 5",
                "grant @bob moderator for: 1h for: 2h", "revoke", "revoke x", "revoke 0", "why", "why @bob",
                "who-can", "who-can @bob", "channel", "channel open", "list page: 0", "grant @bob moderator reason:",
                "whoami please",
            ]
            .map(|text| format!("{text} → {}", wrong(text)))
            .join("\n"),
            @r#"
            frobnicate → (none): UnknownVerb("frobnicate")
            grant → grant: Missing("<person>")
            grant @bob → grant: Missing("<role>")
            grant @bob boss → grant: Invalid("`boss` is not a role: use `moderator`, `auditor` or `admin`")
            grant bob moderator → grant: Invalid("`bob` is not a subject: write `slack:<team>:<user>`, `slack:<team>:group:<usergroup>`, `discord:<guild>:<user>`, `discord:<guild>:role:<role>` or `cli:<os user>`")
            grant @here admin → grant: Invalid("`@here` is everybody: name a person, a group or a role, so that the log can say who")
            grant #mods admin → grant: Invalid("`#mods` is a channel: name a person, a group or a role")
            grant @bob moderator a*b → grant: Invalid("`a*b` is not a room scope: use `*`, a room id, or a prefix such as `live-*` (a star may only be its last character)")
            grant @bob moderator live-* more → grant: TooMany("more")
            grant @bob moderator for: ever → grant: Invalid("`ever` is not a duration: write 8h, 30m or 7d")
            grant @bob moderator --role x → grant: UnknownOption("role")
            grant @bob moderator in: 5 → grant: Invalid("`5` is not a channel: write `slack:<team>:<channel>` or `discord:<guild>:<channel>`")
            grant @bob moderator for: 1h for: 2h → grant: Twice("for")
            revoke → revoke: Missing("<grant>")
            revoke x → revoke: Invalid("`x` is not the number of a grant: `list` shows them")
            revoke 0 → revoke: Invalid("`0` is not the number of a grant: `list` shows them")
            why → why: Missing("<room>")
            why @bob → why: Invalid("`@bob` is a mention: a room is named by its RoomId")
            who-can → who-can: Missing("<room>")
            who-can @bob → who-can: Invalid("`@bob` is a mention: a room is named by its RoomId")
            channel → channel: Missing("allow, remove or list")
            channel open → channel: UnknownVerb("open")
            list page: 0 → list: Invalid("`0` is not a page: write 2")
            grant @bob moderator reason: → grant: NoValue("reason")
            whoami please → whoami: TooMany("please")
            "#
        );
        for (line, why) in [
            ("grant \"bob", "a quote is opened and never closed"),
            ("grant \"bob\"x", "there is no space between the closing quote and `x`"),
        ] {
            let problem = LineProblem::Invalid(why.to_owned());
            assert_eq!(read(line), Err(UsageError::Line(Family::Acl, Some("grant"), problem)));
        }
        let long = format!("grant @bob moderator reason: {}", "x".repeat(301));
        let why = "the reason has 301 characters; 300 is the limit".to_owned();
        let problem = LineProblem::Invalid(why);
        assert_eq!(read(&long), Err(UsageError::Line(Family::Acl, Some("grant"), problem)));
    }

    proptest! {
        #[test]
        fn no_line_breaks_the_parser(text in "[a-z@#:\"—-]{0,8}( (rooms:|--for|@bob|#mods|[a-z0-9*\"-]{1,6})){0,6}") {
            drop(parse_room_acl(&line(&text)));
        }
    }
}
