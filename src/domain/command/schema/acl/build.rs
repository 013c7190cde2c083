//! Values -> what is asked of the ACL.

use super::asked::{AclCommand, Edit, Ends, Listed, Section, Why, read_answer};
use crate::domain::access::{Effect, GrantId, Mark, NewGrant, RoomScope, Setting, SettingKey};
use crate::domain::command::values::{Values, invalid};
use crate::domain::command::{Command, Problem};
use crate::domain::duration::parse_lasting;
use crate::domain::named::UnknownName;
use crate::domain::principal::{Channel, Subject};

/// How many entries a page shows: what fits a message on every platform.
const PAGE_SIZE: u32 = 12;

pub(super) fn edit(values: &mut Values, edit: Edit) -> Result<Command, Problem> {
    let reason = values.reason()?;
    Ok(Command::Acl(AclCommand::Edit { edit, reason, force: false, if_version: None }))
}

/// The one scope of rooms that an entry is for, if it is named.
pub(super) fn one_scope(values: &mut Values) -> Result<Option<RoomScope>, Problem> {
    match values.scopes("rooms")?.as_slice() {
        [] => Ok(None),
        [rooms] => Ok(Some(rooms.clone())),
        _ => Err(Problem::Invalid(
            "this takes one scope of rooms: give the command again for the others".to_owned(),
        )),
    }
}

pub(super) fn grant(values: &mut Values, effect: Effect) -> Result<Command, Problem> {
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

pub(super) fn revoke(values: &mut Values) -> Result<Command, Problem> {
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
        Problem::Invalid(format!("`{shown}` is not the number of a grant: list shows them"))
    })?;
    edit(values, Edit::Revoke(id))
}

pub(super) fn answer(values: &mut Values) -> Result<Command, Problem> {
    let operation = values.required("operation", Values::parsed)?;
    let answer = values.required("answer", Values::text)?;
    let lasts = read_answer(&answer).map_err(Problem::Invalid)?;
    edit(values, Edit::Answer(operation, lasts))
}

pub(super) fn list(values: &mut Values) -> Result<Command, Problem> {
    let part = match values.text("part")? {
        None => Section::Live,
        Some(word) => Section::ALL
            .into_iter()
            .find(|part| part.name().eq_ignore_ascii_case(&word))
            .ok_or_else(|| invalid(UnknownName::new(&word, "a part of the list", Section::names())))?,
    };
    let who = values.subject("who")?;
    Ok(listed(part, who, page(values)?))
}

pub(super) fn listed(part: Section, who: Option<Subject>, page: u32) -> Command {
    Command::Acl(AclCommand::List(Listed { part, who, removed: false, page, size: PAGE_SIZE }))
}

pub(super) fn link(values: &mut Values) -> Result<Command, Problem> {
    let person = values.required("who", Values::person)?;
    let account = values.required("account", Values::account)?;
    edit(values, Edit::Set(Setting::Link { person, account }))
}

pub(super) fn unlink(values: &mut Values) -> Result<Command, Problem> {
    let person = values.required("who", Values::person)?;
    edit(values, Edit::Unset(SettingKey::Link(person)))
}

/// What takes the mark of rooms away.
const OFF: &str = "off";

/// What can be said of rooms.
pub(super) fn marks() -> Vec<&'static str> {
    Mark::names().into_iter().chain([OFF]).collect()
}

pub(super) fn room(values: &mut Values) -> Result<Command, Problem> {
    let rooms = one_scope(values)?.ok_or(Problem::Missing("<rooms>"))?;
    let word = values.required("mark", Values::text)?;
    if word.eq_ignore_ascii_case(OFF) {
        return edit(values, Edit::Unset(SettingKey::Mark(rooms)));
    }
    let mark = Mark::named(&word.to_ascii_lowercase());
    let mark = mark.ok_or_else(|| invalid(UnknownName::new(&word, "a mark of rooms", marks())))?;
    edit(values, Edit::Set(Setting::Mark { rooms, mark }))
}

pub(super) fn page(values: &mut Values) -> Result<u32, Problem> {
    let Some(shown) = values.text("page")? else { return Ok(1) };
    let page = shown.parse().ok().filter(|page| *page > 0);
    page.ok_or_else(|| Problem::Invalid(format!("`{shown}` is not a page: write 2")))
}

pub(super) fn why(values: &mut Values) -> Result<Command, Problem> {
    let subject = if values.is_word("who", "me") { None } else { values.subject("who")? };
    let groups = std::mem::take(&mut values.groups);
    let room = values.required("room", Values::room)?;
    let channel = values.channel("channel")?;
    Ok(Command::Acl(AclCommand::Why(Why { subject, groups, assumed: Vec::new(), room, channel, at: None })))
}

pub(super) fn who_can(values: &mut Values) -> Result<Command, Problem> {
    let is_somebody = values.get("room").is_some_and(|word| word.is_somebody(values.here.as_ref()));
    let person = values.bare("room").filter(|_| is_somebody).map(str::to_owned);
    let room = values.required("room", Values::room)?;
    match person {
        Some(id) => Err(Problem::Invalid(format!(
            "`{id}` names a person: `why` explains what they may do, and a room of that name goes in quotes"
        ))),
        None => Ok(Command::Acl(AclCommand::WhoCan(room))),
    }
}
