//! The use cases, one for each command. A request enters at [`CommandService::handle`]; `answer` has the one match.

mod acl;
mod acl_file;
mod announcing;
mod asking;
pub mod audit;
pub mod console;
mod corrections;
mod edit_acl;
mod hold;
mod press;
mod preview;
mod rooms;
mod show_owner;
mod transfer;

pub use press::Press;

use std::convert::Infallible;
use std::fmt::Display;
use std::time::Instant;

use tracing::{Instrument as _, info};

use super::ports::{Step, StoreError};
use super::service::{CommandService, Next, OnRecord, not_recorded, span};
use crate::domain::access::{caller_rights, rights};
use crate::domain::audit::OperationId;
use crate::domain::command::{AclCommand, Command, CommandRequest, check_account};
use crate::domain::press::Button;
use crate::domain::reply::{AskAnswer, Reply};

/// What an admitted request is about to ask of Tencent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// Read a room's owner.
    Lookup,
    /// Read a room's owner, to ask others in the channel.
    Ask,
    /// Hand a room over.
    Transfer,
}

/// The result of a request.
#[derive(Debug)]
pub enum Handled<E> {
    /// Answered without asking for an acknowledgement.
    AtOnce(Reply),
    /// Acknowledged, then carried out.
    Acknowledged(Reply),
    /// The acknowledgement failed, so nothing was done; recorded as declined.
    Declined(Reply, E),
}

impl<E> Handled<E> {
    /// The reply.
    pub fn reply(&self) -> &Reply {
        let (Self::AtOnce(reply) | Self::Acknowledged(reply) | Self::Declined(reply, _)) = self;
        reply
    }

    /// The reply, by value.
    pub fn into_reply(self) -> Reply {
        let (Self::AtOnce(reply) | Self::Acknowledged(reply) | Self::Declined(reply, _)) = self;
        reply
    }

    fn replaced(self, reply: Reply) -> Self {
        match self {
            Self::AtOnce(_) => Self::AtOnce(reply),
            Self::Acknowledged(_) => Self::Acknowledged(reply),
            Self::Declined(_, why) => Self::Declined(reply, why),
        }
    }

    fn with_buttons(self, buttons: Vec<Button>) -> Self {
        match self {
            Self::AtOnce(reply) => Self::AtOnce(reply.with_buttons(buttons)),
            Self::Acknowledged(reply) => Self::Acknowledged(reply.with_buttons(buttons)),
            Self::Declined(reply, why) => Self::Declined(reply.with_buttons(buttons), why),
        }
    }
}

/// The acknowledgement of a door that needs none.
///
/// # Errors
/// Never.
pub async fn at_once(_: Work, _: OperationId) -> Result<(), Infallible> {
    Ok(())
}

impl CommandService {
    /// Decides about a request, records it, carries it out and answers. On some platforms a request expires unless it
    /// is acknowledged in time: no room is read or changed before `acknowledge` has succeeded, and if it fails, the
    /// request is recorded as declined with its error. Other doors pass [`at_once`].
    pub async fn handle<A, E>(
        &self,
        request: CommandRequest,
        acknowledge: impl FnOnce(Work, OperationId) -> A,
    ) -> Handled<E>
    where
        A: Future<Output = Result<(), E>>,
        E: Display,
    {
        self.handle_in_span(request, acknowledge).instrument(span()).await
    }

    async fn handle_in_span<A, E>(
        &self,
        mut request: CommandRequest,
        acknowledge: impl FnOnce(Work, OperationId) -> A,
    ) -> Handled<E>
    where
        A: Future<Output = Result<(), E>>,
        E: Display,
    {
        let began = Instant::now();
        let entered = self.enter(&request).await;
        self.observer.took(Step::Queue, began.elapsed());
        let handled = match entered {
            Err(why) => Handled::AtOnce(self.turn_away(&request, why).await),
            Ok(_slot) => {
                // An account id is taken as it is, or refused: at every door.
                request.command = check_account(self.accounts, request.command)
                    .and_then(|command| command.ending_after(self.clock.now()));
                let handled = self.carry_out(&request, acknowledge).await;
                self.offering(&request, handled).await
            }
        };
        let reply = handled.reply();
        info!(
            operation = reply.operation().map(OperationId::seq),
            actor = %request.principal.subject, command = ?request.typed, outcome = %reply.outcome(),
            "command answered"
        );
        let command = request.command.as_ref().map_or(Command::NONE, Command::name);
        self.observer.answered(Some(&request.place), command, reply.outcome(), began.elapsed());
        handled
    }

    async fn carry_out<A, E>(
        &self,
        request: &CommandRequest,
        acknowledge: impl FnOnce(Work, OperationId) -> A,
    ) -> Handled<E>
    where
        A: Future<Output = Result<(), E>>,
        E: Display,
    {
        if let Some(reply) = audit::empty_poll(self, request).await {
            return Handled::AtOnce(reply);
        }
        let mut resolved = None;
        for _ in 0..Next::MOST_TURNS {
            let request = resolved.as_ref().unwrap_or(request);
            return match self.admit(request).await {
                Next::Answer(reply) => Handled::AtOnce(reply),
                Next::AskedBefore(operation, first) => {
                    let (room, answer) = (first.room.clone(), AskAnswer::AskedBefore(first));
                    Handled::AtOnce(asking::reply(self, request, operation, &room, answer).await)
                }
                Next::Edit(permit) => match edit_acl::resolved(self, request, &permit).await {
                    Ok(None) => match edit_acl::edit(self, request, permit).await {
                        Some(reply) => Handled::AtOnce(reply),
                        None => continue,
                    },
                    // Decided again: by the entry that is meant.
                    Ok(meant) => {
                        resolved = meant;
                        continue;
                    }
                    Err(error) => Handled::AtOnce(not_recorded(&error)),
                },
                Next::Transfer(attempt, _in_flight) => {
                    match acknowledge(Work::Transfer, attempt.operation()).await {
                        Ok(()) => Handled::Acknowledged(transfer::transfer(self, &attempt).await),
                        Err(why) => {
                            let (outcome, recorded) = self.decline(attempt.operation(), &why).await;
                            Handled::Declined(transfer::reply(&attempt, outcome, recorded, None), why)
                        }
                    }
                }
                Next::Hold(held) => hold::hold(self, request, held, acknowledge).await,
                Next::ShowOwner(room, on_record, _in_flight) => {
                    let operation = on_record.operation;
                    match acknowledge(Work::Lookup, operation).await {
                        Ok(()) => Handled::Acknowledged(show_owner::show_owner(self, room, &on_record).await),
                        Err(why) => {
                            let (outcome, _) = self.decline(operation, &why).await;
                            Handled::Declined(Reply::Owner { operation, room, outcome, meant: None }, why)
                        }
                    }
                }
                Next::Say(on_record) => Handled::AtOnce(answer(self, request, &on_record).await),
            };
        }
        Handled::AtOnce(not_recorded(&StoreError("the acl changed faster than it could be edited".into())))
    }
}

/// The answer to a request that is on record and changes nothing.
async fn answer(service: &CommandService, request: &CommandRequest, on_record: &OnRecord) -> Reply {
    let OnRecord { operation, command, acl, reach, denied, asked } = on_record;
    let operation = *operation;
    let CommandRequest { principal, place, .. } = request;
    if let Some((denial, action)) = denied.as_deref() {
        return acl::denied(service, request, operation, acl, (denial, action)).await;
    }
    let now = service.clock.now();
    match command {
        Err(error) => {
            let rights = rights(principal, place, acl, now);
            let error = corrections::narrowed(service, error.clone(), request, acl, &rights).await;
            Reply::Invalid { operation, error, rights }
        }
        Ok(Command::Help(family)) => {
            let caller_rights = caller_rights(principal, place, acl, now);
            let helpers = acl::helpers(service, request, &[]).await;
            Reply::Help {
                operation,
                family: *family,
                subject: principal.subject.clone(),
                caller_rights,
                helpers,
            }
        }
        Ok(Command::Owner(question)) => rooms::answer(service, request, on_record, question).await,
        Ok(Command::Ask(ask)) => match asked {
            Some(answer) => asking::reply(service, request, operation, &ask.room, answer.clone()).await,
            None => not_recorded(&StoreError("a request for access was not decided".into())),
        },
        Ok(Command::Acl(AclCommand::Preview(edit))) => {
            preview::preview(service, request, on_record, edit).await
        }
        Ok(Command::Acl(command)) => {
            let answer = acl::answer(service, request, on_record, command).await;
            acl::captioned(service, operation, answer, place, reach).await
        }
        Ok(Command::Audit(question)) => audit::read(service, place, operation, question, reach).await,
        Ok(Command::Console(command)) => console::answer(service, request, on_record, command).await,
        Ok(Command::Cancel) => Reply::Cancelled { operation },
        Ok(Command::ShowOwner { .. } | Command::Transfer(_) | Command::HandTo(_)) => {
            not_recorded(&StoreError("work was admitted as a question".into()))
        }
    }
}
