//! A button that is pressed, and the buttons that a reply offers.

use std::fmt::Display;

use tracing::warn;

use super::{Handled, Work};
use crate::app::ports::StoreError;
use crate::app::service::{CommandService, not_recorded};
use crate::domain::audit::{AuditEntry, AuditFilter, OperationId, Outcome, Refusal};
use crate::domain::command::{
    Advice, CommandRequest, DeliveryId, Nonce, Place, RejectedRequest, Rejection, Unusable,
};
use crate::domain::offers::offers;
use crate::domain::press::Button;
use crate::domain::principal::{Channel, Principal};
use crate::domain::room::{AccountId, RoomId};

/// How many entries of a room are looked through for who changed its owner.
const ENTRIES: u32 = 20;

/// A press, as a platform reports it.
#[derive(Debug, Clone)]
pub struct Press {
    /// Who pressed.
    pub principal: Principal,
    /// Where.
    pub channel: Channel,
    /// The platform's id of the press.
    pub delivery: Option<DeliveryId>,
    /// What the platform sent back as the button's name.
    pub nonce: String,
}

impl CommandService {
    /// Carries a press out as the command that its button stands for, by the rights of whoever pressed. As
    /// [`handle`](Self::handle) otherwise.
    pub async fn press<A, E>(
        &self,
        press: Press,
        acknowledge: impl FnOnce(Work, OperationId) -> A,
    ) -> Handled<E>
    where
        A: Future<Output = Result<(), E>>,
        E: Display,
    {
        let place = Place::Channel(press.channel.clone());
        let handled = match self.button(&press.nonce).await {
            Ok(Some(button)) => self.handle(requested(press, &button), acknowledge).await,
            Ok(None) => Handled::AtOnce(self.reject(unknown(press)).await),
            Err(error) => Handled::AtOnce(not_recorded(&error)),
        };
        self.observer.pressed(&place, handled.reply().outcome());
        handled
    }

    async fn button(&self, nonce: &str) -> Result<Option<Button>, StoreError> {
        match Nonce::read(nonce) {
            Some(nonce) => self.store.button(&nonce).await,
            None => Ok(None),
        }
    }

    /// The result with the buttons that its reply offers, where buttons can be shown.
    pub(super) async fn offering<E>(&self, request: &CommandRequest, handled: Handled<E>) -> Handled<E> {
        let reply = handled.reply();
        let (now, needs_buttons) = (self.clock.now(), reply.needs_buttons());
        let (Some(operation), Place::Channel(channel)) = (reply.operation(), &request.place) else {
            return handled;
        };
        let offers = offers(reply, &request.principal.subject, channel, now);
        if offers.is_empty() {
            let problem = StoreError("no line asks for what has to be confirmed".to_owned());
            return if needs_buttons { handled.replaced(not_recorded(&problem)) } else { handled };
        }
        match self.store.offer(operation, offers, now).await {
            Ok(buttons) => handled.with_buttons(buttons),
            Err(error) if needs_buttons => handled.replaced(not_recorded(&error)),
            Err(error) => {
                // The reply says the same in words.
                warn!(operation = operation.seq(), %error, "the buttons of a reply could not be stored");
                handled
            }
        }
    }
}

fn requested(press: Press, button: &Button) -> CommandRequest {
    CommandRequest {
        command: button.offer.asks.command(&press.channel),
        principal: press.principal,
        place: Place::Channel(press.channel),
        delivery: press.delivery,
        typed: button.to_string(),
        pressed: Some(button.pressed()),
        if_owner: None,
    }
}

fn unknown(press: Press) -> RejectedRequest {
    let why = "the bot does not know this button any more";
    RejectedRequest {
        principal: Some(press.principal),
        channel: Some(press.channel),
        delivery: press.delivery,
        typed: "[a button]".to_owned(),
        rejection: Rejection::Unusable(Unusable::but(why, Advice::Type)),
    }
}

/// The outcome of a command that is bound to an owner of its room, if another one owns it, or somebody changed that since
/// `offered`: nothing is done, even if the room came back to the same owner.
pub(super) async fn overtaken(
    service: &CommandService,
    room: &RoomId,
    expects: Option<&AccountId>,
    offered: Option<OperationId>,
    owner: &AccountId,
) -> Option<Outcome> {
    let expected = expects?;
    let declined = |info, remedy| Some(Outcome::Declined(Refusal::own(info, remedy)));
    let newest = match newest_to(service, room, owner).await {
        Ok(newest) => newest,
        Err(error) => {
            warn!(%error, "who changed the owner since cannot be read");
            let remedy = "Try again in a moment; to change it all the same, type the command.";
            return declined("nobody can tell whether the owner was changed since".to_owned(), remedy);
        }
    };
    let is_since = |entry: &AuditEntry| offered.is_none_or(|offered| entry.operation > offered);
    let since = newest.filter(is_since);
    if expected == owner && (offered.is_none() || since.is_none()) {
        return None;
    }
    let remedy = "Agree with the other moderators. To change it all the same, type the command.";
    let now = if owner.as_str().is_empty() { "nobody" } else { owner.as_str() };
    let how = match since.as_ref().and_then(changed_by) {
        Some(by) => by,
        None if offered.is_none() => format!("not {expected}"),
        None => "the change did not go through the bot".to_owned(),
    };
    declined(format!("{now} owns it now: {how}"), remedy)
}

/// The newest change that made this account the owner.
async fn newest_to(
    service: &CommandService,
    room: &RoomId,
    owner: &AccountId,
) -> Result<Option<AuditEntry>, StoreError> {
    let of_room = AuditFilter { room: Some(room.clone()), ..AuditFilter::succeeded(ENTRIES) };
    let entries = service.store.audit(&of_room).await?;
    Ok(entries.into_iter().find(|entry| entry.new_owner.as_deref() == Some(owner.as_str())))
}

fn changed_by(entry: &AuditEntry) -> Option<String> {
    let (by, approved_by) = entry.people()?;
    let approved_by = approved_by.map(|who| format!(", approved by {who}")).unwrap_or_default();
    Some(format!("op {} by {by}{approved_by}", entry.operation))
}
