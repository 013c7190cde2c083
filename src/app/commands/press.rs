//! A button that is pressed, and the buttons that a reply offers.

use std::fmt::Display;

use tracing::warn;

use super::{Handled, Work};
use crate::app::ports::StoreError;
use crate::app::service::{CommandService, not_recorded};
use crate::domain::admission::Attempt;
use crate::domain::audit::{AuditEntry, AuditFilter, OperationId, Outcome, Refusal};
use crate::domain::command::{
    Advice, CommandRequest, DeliveryId, Nonce, Place, RejectedRequest, Rejection, Unusable,
};
use crate::domain::offers::offers;
use crate::domain::press::Button;
use crate::domain::principal::{Channel, Principal};
use crate::domain::room::AccountId;

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
        let now = self.clock.now();
        let (Some(operation), Place::Channel(channel)) = (reply.operation(), &request.place) else {
            return handled;
        };
        let offers = offers(reply, &request.principal.subject, channel, now);
        if offers.is_empty() {
            return handled;
        }
        match self.store.offer(operation, offers, now).await {
            Ok(buttons) => handled.with_buttons(buttons),
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

/// The outcome of a press that takes for granted who owns the room, if somebody changed that since the button was offered:
/// nothing is done, even if the room came back to the same owner.
pub(super) async fn overtaken(
    service: &CommandService,
    attempt: &Attempt,
    owner: &AccountId,
) -> Option<Outcome> {
    let expected = attempt.pressed()?.expects.as_ref()?;
    let since = since_offered(service, attempt, owner).await;
    if expected == owner && since.is_none() {
        return None;
    }
    let by = since.as_ref().and_then(changed_by);
    let by = by.unwrap_or_else(|| "the change did not go through the bot".to_owned());
    let remedy = "Agree with the other moderators. To change it all the same, type the command.";
    Some(Outcome::Declined(Refusal::own(format!("{owner} owns it now: {by}"), remedy)))
}

/// The newest change since the button was offered that made this account the owner.
async fn since_offered(service: &CommandService, attempt: &Attempt, owner: &AccountId) -> Option<AuditEntry> {
    let pressed = attempt.pressed()?;
    let room = Some(attempt.transfer().room.clone());
    let of_room = AuditFilter { room, ..AuditFilter::succeeded(ENTRIES) };
    let entries = service.store.audit(&of_room).await.unwrap_or_else(|error| {
        warn!(%error, "who changed the owner since cannot be read");
        Vec::new()
    });
    entries
        .into_iter()
        .find(|entry| entry.operation > pressed.of && entry.new_owner.as_deref() == Some(owner.as_str()))
}

fn changed_by(entry: &AuditEntry) -> Option<String> {
    let who = entry.actor_name.clone().or_else(|| entry.actor.as_ref().map(ToString::to_string))?;
    Some(format!("op {} by {who}", entry.operation))
}
