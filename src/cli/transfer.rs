//! `room-owner transfer`: the same way as from chat, as the user of this machine.

use super::{Caller, Exit, Format, print, render};
use crate::app::commands::at_once;
use crate::app::service::CommandService;
use crate::domain::audit::{OperationId, OutcomeKind};
use crate::domain::command::{Command, CommandGroup, CommandRequest, Invocation, Values, clean_reason};
use crate::domain::room::AccountId;
use crate::domain::wording::LOCAL_TRANSFER;
use crate::stdio;

/// `transfer ..`
#[derive(Debug, clap::Args)]
pub struct TransferArguments {
    /// The room
    room: String,
    /// Who is to own it
    new_owner: String,
    /// Why, for the record
    #[arg(long, value_parser = reason)]
    reason: Option<String>,
    /// Go ahead although nobody knows the outcome of this operation, which holds the room
    #[arg(long = "override", value_name = "operation", requires = "reason")]
    overrides: Option<OperationId>,
    /// Go ahead only if this account owns the room; this also confirms what has to be confirmed
    #[arg(long, value_name = "account")]
    if_owner: Option<String>,
    /// `json` prints the audit entry to stdout
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

/// A reason in which nothing can be read is none: it must not open what asks for one.
fn reason(text: &str) -> Result<String, String> {
    match clean_reason(text) {
        Ok(None) => Err("nothing can be read in it; write why, or leave `--reason` out".to_owned()),
        // One that is too long is refused as in chat, and recorded.
        Ok(Some(_)) | Err(_) => Ok(text.to_owned()),
    }
}

/// Hands the room over and says the outcome.
///
/// # Errors
/// When the entry cannot be read back.
pub async fn run(
    service: &CommandService,
    caller: Caller,
    arguments: TransferArguments,
) -> anyhow::Result<Exit> {
    let TransferArguments { room, new_owner, reason, overrides, if_owner, format } = arguments;
    let overrides = overrides.map(|operation| operation.to_string());
    let texts =
        [("room", Some(room)), ("new_owner", Some(new_owner)), ("reason", reason), ("override", overrides)];
    let command = Values::of_texts(Invocation::named(CommandGroup::Owner, &[]).verb, texts);
    let request = caller.asks(command);
    let request = CommandRequest { if_owner: if_owner.map(AccountId::from_tencent), ..request };
    answer(service, request, LOCAL_TRANSFER, format).await
}

/// Carries a request about a room out and says the outcome: to people in words, to programs as the entry
/// that it left.
pub(super) async fn answer(
    service: &CommandService,
    request: CommandRequest,
    command: &str,
    format: Format,
) -> anyhow::Result<Exit> {
    let is_question = matches!(request.command, Ok(Command::ShowOwner { .. }));
    let reply = service.handle(request, at_once).await.into_reply();
    let exit = render::words(&reply, command);
    if format != Format::Table
        && let Some(operation) = reply.operation()
        && let Some(entry) = service.store().operation(operation).await?
    {
        match print::one(&entry, format) {
            // A change stays as it ended, whether it is printed or not; of a question the answer is all there is.
            Err(lost) if is_question && reply.outcome() == OutcomeKind::Succeeded => return Err(lost.into()),
            printed => stdio::say_if_lost(printed),
        }
    }
    Ok(exit)
}
