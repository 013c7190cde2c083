//! `room-owner owner`: the question for a room's owner, the same way as from chat.

use super::transfer::answer;
use super::{Caller, Exit, Format};
use crate::app::service::CommandService;
use crate::domain::command::{CommandGroup, Invocation, Values};
use crate::domain::wording::LOCAL_QUESTION;

/// `owner ..`
#[derive(Debug, clap::Args)]
pub struct OwnerArguments {
    /// The room
    room: String,
    /// `json` prints the audit entry to stdout; its `previous_owner` is the answer
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

/// Asks Tencent for the owner and says who it is.
///
/// # Errors
/// When the entry cannot be read back.
pub async fn run(
    service: &CommandService,
    caller: Caller,
    arguments: OwnerArguments,
) -> anyhow::Result<Exit> {
    let OwnerArguments { room, format } = arguments;
    let verb = Invocation::named(CommandGroup::Owner, &[]).verb;
    let command = Values::of_texts(verb, [("room", Some(room))]);
    answer(service, caller.asks(command), LOCAL_QUESTION, format).await
}
