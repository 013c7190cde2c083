//! The help, made from the grammar and the caller's own rights.

use super::acl::{denied, unknown};
use super::{CommandName, Line, Message, Style, Tone, code, op, text};
use crate::domain::access::{Footing, Right, Role};
use crate::domain::audit::OperationId;
use crate::domain::command::Family;
use crate::domain::principal::Subject;

/// One line of a grammar, as the help shows it.
struct Form {
    family: Family,
    arguments: &'static str,
    does: &'static str,
    needs: Needs,
}

impl Form {
    /// The word that it begins with, if that is none of the arguments.
    fn verb(&self) -> Option<&'static str> {
        let first = self.arguments.split(' ').next()?;
        first.chars().all(|c| c.is_ascii_lowercase() || c == '-').then_some(first)
    }
}

/// Who is shown a form.
#[derive(Clone, Copy)]
enum Needs {
    Nothing,
    AnyRole,
    Role(Role),
}

impl Needs {
    fn met_by(self, rights: &[Right]) -> bool {
        match self {
            Self::Nothing => true,
            Self::AnyRole => !rights.is_empty(),
            // An admin may do what the others may.
            Self::Role(role) => rights.iter().any(|right| right.role == role || right.role == Role::Admin),
        }
    }
}

const fn form(family: Family, needs: Needs, arguments: &'static str, does: &'static str) -> Form {
    Form { family, arguments, does, needs }
}

const MODERATOR: Needs = Needs::Role(Role::Moderator);
const AUDITOR: Needs = Needs::Role(Role::Auditor);
const ADMIN: Needs = Needs::Role(Role::Admin);

/// Every form of every command. The words before the first argument in angle brackets are its verb.
const FORMS: &[Form] = &[
    form(Family::Owner, Needs::AnyRole, "<room>", "shows who owns the room"),
    form(Family::Owner, MODERATOR, "<room> <new_owner>", "hands the room over"),
    form(
        Family::Owner,
        MODERATOR,
        "<room> <new_owner> reason: <why>",
        "the same, and keeps the reason with the record",
    ),
    form(
        Family::Owner,
        ADMIN,
        "<room> <new_owner> override: <operation> reason: <why>",
        "goes past an operation on the room whose outcome nobody knows",
    ),
    form(Family::Owner, MODERATOR, "\"my room\" <new_owner>", "a room id with spaces goes in quotes"),
    form(Family::Acl, Needs::Nothing, "whoami", "shows your own id, your role, and who can help"),
    form(
        Family::Acl,
        ADMIN,
        "grant <person> <role> rooms: live-* for: 8h in: #channel reason: <why>",
        "gives a role: moderator, auditor or admin; only the first two are needed",
    ),
    form(Family::Acl, ADMIN, "deny <person> <role> rooms: vip-1", "takes it away, whatever else gives it"),
    form(Family::Acl, ADMIN, "revoke <grant> reason: <why>", "takes a grant or a deny entry back"),
    form(Family::Acl, ADMIN, "list", "shows the live grants"),
    form(Family::Acl, ADMIN, "list all", "shows ended ones too"),
    form(Family::Acl, ADMIN, "list attention", "shows those about to end, and those long unused"),
    form(
        Family::Acl,
        ADMIN,
        "why <person> <room> in: #channel",
        "explains what is decided, and by which grant",
    ),
    form(Family::Acl, ADMIN, "who-can <room>", "shows who can hand the room over"),
    form(
        Family::Acl,
        ADMIN,
        "channel allow #channel rooms: live-*",
        "takes commands from a channel; this one if none is named",
    ),
    form(Family::Acl, ADMIN, "channel remove #channel", "takes no more commands from it"),
    form(Family::Acl, ADMIN, "channel list", "shows the authorised channels"),
    form(
        Family::Audit,
        AUDITOR,
        "room: <room> actor: <person> outcome: refused since: yesterday",
        "shows what was done, newest first; every filter may be left out",
    ),
    form(
        Family::Audit,
        AUDITOR,
        "text: \"host crashed\" until: \"2026-11-23 14:03\" zone: Europe/Berlin",
        "searches commands, reasons and errors; times are UTC unless a zone is named",
    ),
    form(
        Family::Audit,
        AUDITOR,
        "in: #channel request-id: <id> before: <operation> limit: 5 readings: yes",
        "more filters: in one channel, by Tencent's RequestId, on behind an operation, how many (1 to 10), who read \
         the log",
    ),
    form(Family::Audit, AUDITOR, "<operation>", "shows one operation whole"),
    form(
        Family::Audit,
        AUDITOR,
        "owner-at <room> <time>",
        "shows who owned the room then, and how that is known",
    ),
    form(Family::Audit, AUDITOR, "timeline <operation>", "shows its steps and the waits between them"),
    form(
        Family::Audit,
        AUDITOR,
        "stats by: actor since: 7d",
        "counts by actor, room, channel, outcome or hour",
    ),
];

/// The forms of a command that begin with `verb`.
pub(super) fn forms_of(family: Family, verb: &str) -> Vec<String> {
    let begins = |form: &&Form| form.arguments == verb || form.verb() == Some(verb);
    let own = FORMS.iter().filter(|form| form.family == family).filter(begins);
    own.map(|form| form.arguments.to_owned()).collect()
}

/// What somebody with these rights may have meant by `typed`: the forms of the verb that is nearest to it, or
/// else all that they may use, as their help shows them.
pub(super) fn forms_for(family: Family, typed: Option<&str>, rights: &[Right]) -> Vec<String> {
    let own: Vec<&Form> =
        FORMS.iter().filter(|form| form.family == family && form.needs.met_by(rights)).collect();
    let nearest = typed.and_then(|typed| nearest(typed, own.iter().filter_map(|form| form.verb())));
    let meant = own.iter().filter(|form| nearest.is_none() || form.verb() == nearest);
    let forms: Vec<String> = meant.map(|form| form.arguments.to_owned()).collect();
    if forms.is_empty() { vec!["help".to_owned()] } else { forms }
}

/// The verb that was probably meant: a slip or two away, and not more than half of it.
fn nearest<'a>(typed: &str, verbs: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let typed: Vec<char> = typed.chars().take(LONGEST_SLIP).flat_map(char::to_lowercase).collect();
    let near = verbs.map(|verb| (slips(&typed, &verb.chars().collect::<Vec<_>>()), verb));
    near.filter(|(slips, _)| *slips <= 2 && slips * 2 <= typed.len())
        .min_by_key(|(slips, _)| *slips)
        .map(|it| it.1)
}

/// How much of a word is compared with a verb, in characters; the longest verb has eight.
const LONGEST_SLIP: usize = 16;

/// How many letters have to be put in, left out or exchanged to make one word of the other (Levenshtein).
fn slips(one: &[char], other: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (n, a) in one.iter().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], n + 1);
        for (m, b) in other.iter().enumerate() {
            let exchanged = diagonal + usize::from(a != b);
            diagonal = row[m + 1];
            row[m + 1] = exchanged.min(diagonal + 1).min(row[m] + 1);
        }
    }
    row[other.len()]
}

pub(super) fn help(
    operation: OperationId,
    family: Family,
    subject: &Subject,
    footing: &Footing,
    name: &CommandName,
) -> Message {
    let name = name.of(family);
    let Footing { rights, denials, unread, is_authorised } = footing;
    let mut body: Vec<Line> = FORMS
        .iter()
        .filter(|form| form.family == family && form.needs.met_by(rights))
        // Quotes around a room are for those who type words.
        .filter(|form| name.1 == Style::Words || !form.arguments.contains("\"my room\""))
        .map(|form| code(name.with(form.arguments)).text(" ").text(form.does))
        .collect();
    let does = match family {
        Family::Owner => " hands a live room to a new owner.",
        Family::Acl => " says who may do what, and changes it.",
        Family::Audit => " shows what was done.",
    };
    let headline = if rights.is_empty() {
        let (why, next) = match (denials.is_empty() && unread.is_empty(), is_authorised) {
            (true, true) => (" You have no role in this channel yet.", "Ask an admin for a role"),
            (true, false) => (
                " This channel is not authorised for it.",
                "Use a moderators' channel, or ask an admin to authorise this one",
            ),
            (false, _) => (" You have no role in this channel.", "If that is wrong, ask an admin"),
        };
        body.extend(denied(denials));
        body.extend(unknown(unread));
        body.push(text(next).text(", and quote your id ").code(subject).text("."));
        code(&name.0).text(does).text(why)
    } else {
        let mut line = text("You are: ");
        for (n, right) in rights.iter().enumerate() {
            line =
                line.text(if n == 0 { "" } else { ", " }).text(right.role).text(" for ").code(&right.rooms);
        }
        body.push(line.text("."));
        body.extend(denied(denials));
        body.extend(unknown(unread));
        code(&name.0).text(does)
    };
    Message { tone: Tone::Plain, headline, body, footer: Some(op(operation)) }
}
