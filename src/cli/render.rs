//! Replies on the command line: rows go to stdout in the asked-for format, words for people to stderr.

use std::io::Write as _;
use std::path::PathBuf;

use jiff::Timestamp;

use super::acl_file;
use super::print::{self, Row};
use super::rows::{Named, Planned, Why};
use super::screen::screen;
use super::{Exit, Format, WrongUsage, as_word, one_line, say, text};
use crate::domain::access::{Attention, ChangedEntry, Grant, GrantWarnings, Known, NotEdited, is_live, list};
use crate::domain::audit::OperationId;
use crate::domain::command::Section;
use crate::domain::principal::Subject;
use crate::domain::reply::{AclAnswer, Names, Page, Reply};
use crate::domain::wording::why::{scope_as_room, span, unread_groups};
use crate::domain::wording::{CommandName, LOCAL_ACL, message, open_request};
use crate::stdio;

/// How an answer about the ACL is printed.
pub(super) struct Asked {
    /// In which format.
    pub(super) format: Format,
    /// As of when.
    pub(super) at: Option<Timestamp>,
    /// The file that is planned or applied, and the version that it is of.
    pub(super) file: Option<(PathBuf, Option<i64>)>,
    /// Whether a difference between the two is a failure.
    pub(super) check: bool,
}

impl Asked {
    /// Of no file.
    pub(super) fn rows(format: Format) -> Self {
        Self { format, at: None, file: None, check: false }
    }
}

/// Says a reply in words.
pub(super) fn words(reply: &Reply, command: &str) -> Exit {
    say(&message(reply, &CommandName::local(command)));
    reply.outcome().into()
}

/// Prints an answer about the ACL.
pub(super) fn acl(reply: &Reply, asked: &Asked, known: &Known, now: Timestamp) -> anyhow::Result<Exit> {
    let Reply::Acl { operation, answer, names, .. } = reply else { return Ok(words(reply, LOCAL_ACL)) };
    let format = asked.format;
    match &**answer {
        AclAnswer::Grants { listed, grants, left_out, announced, asks, .. } => {
            for ask in asks {
                tell!("{}", one_line(&open_request(ask, &CommandName::local(LOCAL_ACL))));
            }
            match (listed.part, grants.is_empty(), *left_out) {
                (Section::Attention, true, _) => {
                    tell!(
                        "no grant ends within 24 hours, and none was unused for 90 days: without --attention, all are shown"
                    );
                }
                (_, true, 0) if let Some(who) = &listed.who => tell!(
                    "no live grant names {who}: `room-owner acl grant {who} <role>` gives one, --all shows ended ones"
                ),
                (_, true, 0) => tell!(
                    "nobody may do anything yet: `room-owner acl grant <subject> <role>` gives the first role"
                ),
                (_, _, 0) => {}
                (_, _, 1) => tell!("1 ended grant is left out: --all shows it"),
                (_, _, left_out) => tell!("{left_out} ended grants are left out: --all shows them"),
            }
            for (grant, why) in grants {
                if let Some(why) = why {
                    tell!("grant {} of {}: {}", grant.id, grant.subject, attention(why, now));
                }
            }
            for entry in announced {
                tell!("announced in {}: what happens to {}", entry.channel, entry.rooms);
            }
            let rows: Vec<_> = grants.iter().map(|(grant, _)| Named::of(grant, names)).collect();
            print::rows(&rows, format)?;
            say_not_looked_up(grants.iter().map(|(grant, _)| grant), known, now);
        }
        AclAnswer::Channels(page) => print_page(
            page,
            "no channel is authorised yet: `room-owner acl channel allow <channel>` authorises the first",
            names,
            format,
        )?,
        AclAnswer::Announcements(page) => print_page(
            page,
            "nothing is announced anywhere: `room-owner acl announce here <channel>` announces it in a channel",
            names,
            format,
        )?,
        AclAnswer::Settings(part, page) => {
            let first = match part {
                Section::Links => {
                    "nobody is linked to an account: `room-owner acl link <person> <account>` links somebody"
                }
                _ => "no room is marked: `room-owner acl room <rooms> two-person` marks some",
            };
            print_page(page, first, names, format)?;
        }
        AclAnswer::Explained(explained) => {
            match format {
                Format::Table => {
                    let as_of = asked.at.map(|at| format!("as of {at:.0}:\n")).unwrap_or_default();
                    let words = text(&message(reply, &CommandName::local(LOCAL_ACL)));
                    screen().show(&format!("{as_of}{}\n", words.trim_end()))?;
                }
                format => print::one(&Why::from(&**explained), format)?,
            }
            return Ok(if explained.explanation.decision.is_ok() { Exit::Done } else { Exit::Denied });
        }
        AclAnswer::WhoCan { room, able, unread } => {
            match able.as_slice() {
                [] => tell!(
                    "nobody can hand `{room}` over from chat: `room-owner acl why` says why somebody in particular cannot"
                ),
                _ => tell!("a deny entry for a group may still take it from one of its members"),
            }
            for line in unread_groups(unread).iter().chain(&scope_as_room(room)) {
                tell!("note: {}", one_line(line));
            }
            print::rows(&able.iter().map(|able| Named::of(able, names)).collect::<Vec<_>>(), format)?;
        }
        AclAnswer::Whole(acl) => {
            stdio::stdout().write_all(acl_file::write(acl, names, now).as_bytes())?;
        }
        AclAnswer::Planned { .. } => return plan(answer, asked),
        AclAnswer::Edited { changed, .. } if asked.file.is_some() => applied(changed, *operation, format),
        AclAnswer::Edited { changed, .. } => {
            words(reply, LOCAL_ACL);
            for (entry, _) in changed {
                // A change stays as it was made, whether it is printed or not.
                stdio::say_if_lost(match entry {
                    ChangedEntry::Grant { after, .. } => print::one(&Named::of(after, names), format),
                    ChangedEntry::Channel { after, .. } => print::one(&Named::of(after, names), format),
                    ChangedEntry::Announcement { after, .. } => print::one(&Named::of(after, names), format),
                    ChangedEntry::Setting { after, .. } => print::one(&Named::of(after, names), format),
                });
            }
        }
        AclAnswer::Answered { granted, .. } => {
            words(reply, LOCAL_ACL);
            if let Some((ChangedEntry::Grant { after, .. }, _)) = granted.as_deref() {
                stdio::say_if_lost(print::one(&Named::of(after, names), format));
            }
        }
        AclAnswer::NotAnswered(_) | AclAnswer::Previewed(_) => return Ok(words(reply, LOCAL_ACL)),
        AclAnswer::NotEdited(why) => return not_edited(reply, why, asked),
        AclAnswer::Unreadable => {
            words(reply, LOCAL_ACL);
            return Ok(Exit::Failed);
        }
        AclAnswer::WhoAmI { .. } => return Ok(words(reply, LOCAL_ACL)),
    }
    Ok(Exit::Done)
}

/// Prints entries, and says how many are not shown; where there is none, how to make the first.
fn print_page<'a, T>(page: &'a Page<T>, first: &str, names: &'a Names, format: Format) -> anyhow::Result<()>
where
    Named<'a, T>: Row,
{
    match (page.entries.is_empty(), page.left_out) {
        (true, 0) => tell!("{first}"),
        (_, 0) => {}
        (_, 1) => tell!("1 removed entry is left out: --all shows it"),
        (_, left_out) => tell!("{left_out} removed entries are left out: --all shows them"),
    }
    let rows: Vec<_> = page.entries.iter().map(|entry| Named::of(entry, names)).collect();
    Ok(print::rows(&rows, format)?)
}

/// Says which grants match nobody for want of a token.
fn say_not_looked_up<'a>(grants: impl Iterator<Item = &'a Grant>, known: &Known, now: Timestamp) {
    if known.looks_up_groups {
        return;
    }
    let live = grants.filter(|grant| is_live(grant, now)).map(|grant| &grant.subject);
    let mut groups: Vec<&Subject> =
        live.filter(|subject| matches!(subject, Subject::SlackGroup { .. })).collect();
    groups.sort();
    groups.dedup();
    if !groups.is_empty() {
        tell!("note: SLACK_BOT_TOKEN is not set, so grants to user groups match nobody: {}", list(&groups));
    }
}

/// Why somebody should look at a grant.
fn attention(why: &Attention, now: Timestamp) -> String {
    match why {
        Attention::EndsSoon(end) => format!("ends in {}", span(*end, now)),
        Attention::Unused(Some(last)) => format!("last used {} ago", span(*last, now)),
        Attention::Unused(None) => "never used".to_owned(),
    }
}

const NOTHING_TO_CHANGE: &str = "nothing to change: the ACL is what the file says";

/// Prints who would gain and lose what.
fn plan(answer: &AclAnswer, asked: &Asked) -> anyhow::Result<Exit> {
    let (AclAnswer::Planned { acl, steps, refusal }, Some((path, of))) = (answer, &asked.file) else {
        anyhow::bail!("a plan was made of no file");
    };
    let path = path.display().to_string();
    let steps = steps.as_ref().map_err(|why| WrongUsage(format!("`{path}` makes no sense: {why}")))?;
    if steps.is_empty() {
        tell!("{NOTHING_TO_CHANGE}");
    }
    let row = |(change, _): &(_, _)| Planned::of(change, acl);
    print::rows(&steps.iter().filter_map(row).collect::<Vec<_>>(), asked.format)?;
    if let Some(version) = of.filter(|version| *version != acl.version) {
        tell!(
            "the file is of version {version} and the ACL is at {}: it changed since the file was exported",
            acl.version
        );
    }
    match refusal {
        Some(NotEdited::LockOut(why)) => {
            tell!("{}, which `acl apply` refuses without --force: {why}", changes(steps.len()));
        }
        Some(why) => tell!("{}, which `acl apply` refuses: {why}", changes(steps.len())),
        None if steps.is_empty() => {}
        None => tell!(
            "{}; to apply exactly that: room-owner acl apply {} --version {}",
            changes(steps.len()),
            as_word(&path),
            acl.version
        ),
    }
    Ok(if asked.check && !steps.is_empty() { Exit::Failed } else { Exit::Done })
}

/// Says who gained and lost what by a file.
fn applied(changed: &[(ChangedEntry, GrantWarnings)], operation: OperationId, format: Format) {
    let planned = |(entry, _): &(ChangedEntry, GrantWarnings)| Planned::of(&entry.change(), &entry.before());
    let planned: Vec<Planned> = changed.iter().filter_map(planned).collect();
    if format == Format::Table {
        planned.iter().for_each(|planned| tell!("{} {}", planned.sign(), planned.what));
    } else {
        stdio::say_if_lost(print::rows(&planned, format));
    }
    match changed.len() {
        0 => tell!("{NOTHING_TO_CHANGE}"),
        made => tell!("{} made · op {operation}", changes(made)),
    }
}

fn changes(count: usize) -> String {
    if count == 1 { "1 change".to_owned() } else { format!("{count} changes") }
}

/// Says why nothing was changed. What is wrong with a file is wrong usage.
fn not_edited(reply: &Reply, why: &NotEdited, asked: &Asked) -> anyhow::Result<Exit> {
    let Some((path, _)) = &asked.file else { return Ok(words(reply, LOCAL_ACL)) };
    let path = path.display().to_string();
    let shown = as_word(&path);
    match why {
        NotEdited::ChangedSince(version) => {
            tell!(
                "nothing was changed: the ACL changed since version {version}; see `room-owner acl plan {shown}` again"
            );
            Ok(Exit::Failed)
        }
        NotEdited::NoVersion => Err(WrongUsage(format!(
            "`{path}` names no version: look at `room-owner acl plan {shown}` first; it says how to apply exactly that"
        ))
        .into()),
        NotEdited::InvalidPlan(why) => Err(WrongUsage(format!("`{path}` makes no sense: {why}")).into()),
        _ => Ok(words(reply, LOCAL_ACL)),
    }
}
