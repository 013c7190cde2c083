//! Commands that are understood and cannot be carried out as they are, and the line that was probably meant.

use jiff::Timestamp;

use super::{Command, CommandGroup, Edit, HandTo, Invocation, Problem, Transfer, UsageError};
use crate::domain::access::{Effect, NewGrant, RoomScope, Setting};
use crate::domain::principal::Subject;
use crate::domain::room::{AccountId, Accounts};

/// The command, unless it hands a room, or links somebody, to an account that the application does not have.
///
/// # Errors
/// Those of the command, and that the account is none, with the one that was probably meant.
pub fn check_account(
    accounts: Accounts,
    command: Result<Command, UsageError>,
) -> Result<Command, UsageError> {
    let checked = |account: &AccountId, form: &str, line: &dyn Fn(&str) -> Invocation| {
        let Err(error) = accounts.check(account) else { return Ok(()) };
        let line = line(account.undecorated().as_ref().map_or(form, AccountId::as_str));
        let error = UsageError::of(line.verb, Problem::Invalid(error.to_string()));
        Err(UsageError { meant: vec![line], ..error })
    };
    match &command {
        Ok(Command::Transfer(transfer)) => {
            checked(&transfer.new_owner, "<new_owner>", &|meant| transfer.written(meant))?;
        }
        Ok(Command::Acl(command)) => {
            if let Some(Edit::Set(Setting::Link { person, account })) = command.edit() {
                checked(account, "<account>", &|meant| linking(person, meant, command.reason()))?;
            }
        }
        _ => {}
    }
    command
}

/// The line that links a person to an account.
pub(in crate::domain) fn linking(person: &Subject, account: &str, reason: Option<&str>) -> Invocation {
    let line = Invocation::named(CommandGroup::Acl, &["link"]).with("who", person).with("account", account);
    reason.into_iter().fold(line, |line, reason| line.with("reason", reason))
}

impl HandTo {
    /// That nobody has said which account the person has, and the line with a place for it.
    pub fn not_linked(&self) -> UsageError {
        let line = self.to(AccountId::from_tencent(String::new())).written("<new_owner>");
        UsageError {
            meant: vec![line.clone()],
            ..UsageError::of(line.verb, Problem::NotLinked(self.person.clone()))
        }
    }
}

impl Transfer {
    /// The line that asks for the same for another new owner.
    pub fn written(&self, new_owner: &str) -> Invocation {
        let mut line =
            Invocation::named(CommandGroup::Owner, &[]).with("room", &self.room).with("new_owner", new_owner);
        if let Some(operation) = self.overrides {
            line = line.with("override", operation);
        }
        match &self.reason {
            Some(reason) if reason.chars().count() > 150 => line.with("reason", "…"),
            Some(reason) => line.with("reason", reason),
            None => line,
        }
    }
}

impl Command {
    /// The command, unless it gives something that is over at `now`.
    ///
    /// # Errors
    /// That it is over, and the line without its end.
    pub fn ending_after(self, now: Timestamp) -> Result<Self, UsageError> {
        let Self::Acl(command) = &self else { return Ok(self) };
        let Some(Edit::Grant { grants, ends: Some(ends) }) = command.edit() else { return Ok(self) };
        let Err(why) = ends.resolve(now) else { return Ok(self) };
        let line = granting(grants, command.reason());
        let error = UsageError::of(line.verb, Problem::Invalid(why));
        Err(UsageError { meant: vec![line.with("until", "tomorrow 06:00")], ..error })
    }
}

/// The line that gives what these do, for ever: they differ in whom they name, and in their rooms.
pub(in crate::domain) fn granting(grants: &[NewGrant], reason: Option<&str>) -> Invocation {
    let Some(first) = grants.first() else { return Invocation::named(CommandGroup::Acl, &["grant"]) };
    let verb = if first.effect == Effect::Deny { "deny" } else { "grant" };
    let mut line = Invocation::named(CommandGroup::Acl, &[verb]).with("role", first.role);
    for grant in grants.iter().filter(|grant| grant.rooms == first.rooms) {
        line = line.with("who", &grant.subject);
    }
    for grant in grants.iter().filter(|grant| grant.subject == first.subject && grant.rooms != RoomScope::All)
    {
        line = line.with("rooms", &grant.rooms);
    }
    // A line names one.
    let line = first.channels.iter().take(1).fold(line, |line, channel| line.with("channel", channel));
    reason.into_iter().fold(line, |line, reason| line.with("reason", reason))
}
