//! A hand-over that takes more than the right to it: what would happen is shown, and how it goes on.

use std::fmt::Display;

use super::corrections::transfer_meant;
use super::press::overtaken;
use super::show_owner::not_read;
use super::{Handled, Work, acl, not_recorded};
use crate::app::ports::{ReadError, StoreError, WhichSettings};
use crate::app::service::{CommandService, Held};
use crate::domain::access::{AclView, Action, Asker, Helpers, Needed, RoomScope, could_be_second, who_else};
use crate::domain::audit::{OperationId, Outcome, Refusal};
use crate::domain::command::{Command, CommandRequest, Place, Transfer};
use crate::domain::principal::Channel;
use crate::domain::reply::{Onward, Reply};

/// The answer to a hand-over that is on record as declined because it takes more. The owner is read only where it can go
/// on.
pub(super) async fn hold<A, E>(
    service: &CommandService,
    request: &CommandRequest,
    held: Held,
    acknowledge: impl FnOnce(Work, OperationId) -> A,
) -> Handled<E>
where
    A: Future<Output = Result<(), E>>,
    E: Display,
{
    let Some(transfer) = held.on_record.command.as_ref().ok().and_then(Command::transfer) else {
        return Handled::AtOnce(not_recorded(&StoreError("no hand-over was held".to_owned())));
    };
    let operation = held.on_record.operation;
    match dead_end(service, request, transfer, &held).await {
        Ok(None) => {}
        Ok(Some(onward)) => return Handled::AtOnce(reply(request, transfer, &held, onward)),
        Err(error) => return Handled::AtOnce(not_recorded(&error)),
    }
    let work = match held.takes.needed {
        Needed::Confirmation => Work::Lookup,
        Needed::SecondPerson => Work::Ask,
    };
    match acknowledge(work, operation).await {
        Ok(()) => Handled::Acknowledged(shown(service, request, transfer, &held).await),
        Err(why) => {
            let refusal = Refusal::own(format!("not acknowledged in time: {why}"), Refusal::NOT_BEGUN);
            Handled::Declined(ended(request, transfer, &held, Outcome::Declined(refusal), None), why)
        }
    }
}

/// Why it cannot go on, if it cannot.
async fn dead_end(
    service: &CommandService,
    request: &CommandRequest,
    transfer: &Transfer,
    held: &Held,
) -> Result<Option<Onward>, StoreError> {
    match (&request.place, held.takes.needed) {
        (_, Needed::Confirmation) => Ok(None),
        (Place::Local, Needed::SecondPerson) => Ok(Some(Onward::InAChannel)),
        (Place::Channel(channel), Needed::SecondPerson) => {
            let helpers = nobody_else(service, request, transfer, channel).await?;
            Ok(helpers.map(Onward::NobodyElse))
        }
    }
}

/// Whom to ask for a second person, if there is none now.
async fn nobody_else(
    service: &CommandService,
    request: &CommandRequest,
    transfer: &Transfer,
    channel: &Channel,
) -> Result<Option<Helpers>, StoreError> {
    let (asker, now) = (&request.principal.subject, service.clock.now());
    let action = match transfer.overrides {
        Some(_) => Action::Override(transfer.room.clone()),
        None => Action::Transfer(transfer.room.clone()),
    };
    let acl = AclView {
        grants: service.store.live_grants_for(&transfer.room, now).await?,
        channels: service.store.channels().await?,
        ..AclView::default()
    };
    let others = who_else(asker, &action, channel, &acl, &service.directory.known(), now);
    let people = others.iter().chain([asker]).cloned().collect();
    let links = service.store.settings(&WhichSettings::LinksOf(people)).await?;
    if others.iter().any(|other| could_be_second(asker, other, &links, now)) {
        return Ok(None);
    }
    let rooms = [RoomScope::Exact(transfer.room.clone())];
    Ok(Some(acl::helpers(service, request, &rooms).await))
}

/// What would happen, by the owner that Tencent names now.
async fn shown(
    service: &CommandService,
    request: &CommandRequest,
    transfer: &Transfer,
    held: &Held,
) -> Reply {
    let offered = request.pressed.as_ref().map(|pressed| pressed.of);
    match service.rooms.owner_of(&transfer.room).await {
        Ok(owner) if owner == transfer.new_owner => ended(request, transfer, held, Outcome::Unchanged, None),
        Ok(owner) => match overtaken(service, &transfer.room, request.expects(), offered, &owner).await {
            Some(outcome) => ended(request, transfer, held, outcome, None),
            None => {
                let viewers = service.viewers(&transfer.room).await;
                reply(request, transfer, held, Onward::WhileOwnedBy { owner, viewers })
            }
        },
        Err(error @ ReadError::NoRoom(_)) => {
            let meant = transfer_meant(service, transfer, &held.on_record.reach).await;
            ended(request, transfer, held, not_read(error), meant)
        }
        // There would be nothing to bind it to.
        Err(error) => {
            let refusal = error.refusal();
            let needs = match held.takes.needed {
                Needed::Confirmation => "it needs confirmation",
                Needed::SecondPerson => "it needs a second person",
            };
            let info = format!("{needs}, and the owner cannot be read: {}", refusal.info);
            let remedy = "Type it again in a moment.".to_owned();
            let refusal = Refusal { info, remedy, ..refusal.clone() };
            ended(request, transfer, held, Outcome::Declined(refusal), None)
        }
    }
}

fn reply(request: &CommandRequest, transfer: &Transfer, held: &Held, onward: Onward) -> Reply {
    let principal = &request.principal;
    Reply::Held {
        operation: held.on_record.operation,
        transfer: transfer.clone(),
        takes: held.takes.clone(),
        asker: Asker {
            subject: principal.subject.clone(),
            name: principal.name.clone(),
            groups: principal.groups.clone(),
            at: held.at,
        },
        onward,
    }
}

/// It ends here. The record says what it would have taken.
fn ended(
    request: &CommandRequest,
    transfer: &Transfer,
    held: &Held,
    outcome: Outcome,
    meant: Option<Transfer>,
) -> Reply {
    let onward = Onward::Ended { outcome: Box::new(outcome), meant: meant.map(Box::new) };
    reply(request, transfer, held, onward)
}
