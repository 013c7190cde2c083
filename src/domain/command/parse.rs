//! A typed line -> a command, or what is wrong with it and the line that was probably meant.

use super::correct::hand_over;
use super::grammar::read;
use super::line::Typed;
use super::rewrite::rewritten;
use super::{Command, CommandGroup, Problem, UsageError};
use crate::domain::principal::Channel;

/// Parses the arguments of a command.
///
/// ```
/// use room_owner::domain::command::{Command, CommandGroup, Typed, parse};
///
/// let line = Typed::plain("“my room” user2 reason: host crashed");
/// let Ok(Command::Transfer(transfer)) = parse(CommandGroup::Owner, &line) else { panic!("a transfer") };
/// assert_eq!(transfer.room.as_str(), "my room");
/// assert_eq!(transfer.reason.as_deref(), Some("host crashed"));
/// ```
///
/// # Errors
/// What does not fit the grammar, with what is needed to show the corrected form.
pub fn parse(family: CommandGroup, line: &Typed) -> Result<Command, UsageError> {
    parse_in(family, line, None)
}

/// The same for a line that is typed `here`: an id without its workspace or server is of this one.
///
/// # Errors
/// Likewise.
pub fn parse_in(family: CommandGroup, line: &Typed, here: Option<&Channel>) -> Result<Command, UsageError> {
    read(family, line, here).map_err(|error| error.corrected(line, here))
}

impl UsageError {
    /// The same with the lines that were probably meant by `line`.
    #[must_use]
    pub fn corrected(self, line: &Typed, here: Option<&Channel>) -> Self {
        let meant = match self.family {
            _ if matches!(self.problem, Problem::UnknownCommand(_)) => Vec::new(),
            CommandGroup::Owner => hand_over(line, here),
            CommandGroup::Acl | CommandGroup::Audit => rewritten(&self, line, here),
        };
        if meant.is_empty() { self } else { Self { meant, ..self } }
    }
}

#[cfg(test)]
mod tests;
