//! The form in which a hand-over is filled in (docs.slack.dev/surfaces/modals).

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::time::timeout;
use tracing::{info, warn};

use super::answer::{Answer, INLINE, Otherwise, Outgoing, joined};
use super::interactive::{Submission, Typing};
use super::{Slack, render};
use crate::app::commands::at_once;
use crate::app::replies::{Messenger as _, Notification, Platform};
use crate::app::suggest::{self, Owner};
use crate::domain::command::{CommandGroup, CommandRequest, Place};
use crate::domain::principal::{Channel, Subject};
use crate::domain::reply::Reply;
use crate::domain::room::RoomId;

/// How long finding suggestions may take.
const SUGGEST_WITHIN: Duration = Duration::from_secs(2);
/// How long opening a form may take: later, the trigger is worth nothing.
const OPEN_WITHIN: Duration = Duration::from_secs(2);

impl Slack {
    /// Shows the form in the place of help, to somebody who can hand rooms over in this channel. `false` if it cannot be
    /// shown.
    pub(super) async fn shows_form(&self, trigger: Option<&str>, place: &Place, reply: &Reply) -> bool {
        let (Some(trigger), Place::Channel(channel), Some(messenger)) = (trigger, place, &self.messenger)
        else {
            return false;
        };
        if !reply.is_help_for_a_moderator() {
            return false;
        }
        match timeout(OPEN_WITHIN, messenger.open(trigger, &render::form(channel))).await {
            Ok(Ok(())) => {
                self.service.answer_given(reply.operation());
                true
            }
            Ok(Err(error)) => {
                warn!(?error, "slack shows no form; the person gets help instead");
                false
            }
            Err(_) => {
                warn!("slack was too slow to show a form; the person gets help instead");
                false
            }
        }
    }

    /// What can be chosen in a form; nothing that the person could not see by a command.
    pub(super) async fn suggestions(&self, typing: Typing) -> Value {
        let principal = self.with_groups(typing.principal);
        let place = Place::Channel(typing.channel);
        let (typed, most) = (typing.typed.as_str(), render::MOST_OPTIONS);
        let service = &*self.service;
        let found = async {
            match &typing.room {
                None => {
                    let rooms =
                        suggest::rooms(service, &principal, &place, CommandGroup::Owner, typed, most).await;
                    rooms.into_iter().map(|it| (it.room.to_string(), Some(it.details()))).collect()
                }
                Some(room) => {
                    let mut owners = match room.parse::<RoomId>() {
                        Ok(room) => suggest::owners(service, &principal, &place, &room, typed, most).await,
                        Err(_) => Vec::new(),
                    };
                    // Whoever was never an owner can be typed.
                    let typed = typed.trim();
                    if !typed.is_empty() && !owners.iter().any(|owner| owner.account == typed) {
                        owners.insert(0, Owner { account: typed.to_owned(), person: None });
                    }
                    owners.into_iter().map(|owner| (owner.account, owner.person)).collect()
                }
            }
        };
        render::options(timeout(SUGGEST_WITHIN, found).await.unwrap_or_default())
    }

    /// Hands over what somebody filled in. What concerns them alone takes the form's place, if it is known in time; all
    /// else is said in the channel.
    pub(super) async fn submitted(self: Arc<Self>, submission: Submission) -> Answer {
        let Submission { principal, channel, delivery, filled } = submission;
        let request = CommandRequest {
            principal: self.with_groups(principal),
            place: Place::Channel(channel.clone()),
            delivery,
            typed: filled.to_string(),
            command: filled.command(&channel),
            pressed: None,
            if_owner: None,
        };
        let to = request.principal.subject.clone();
        let service = Arc::clone(&self.service);
        let mut work = self.service.spawn(async move { service.handle(request, at_once).await.into_reply() });
        let mut in_time = timeout(INLINE, &mut work).await.ok().map(joined);
        let is_said_here = |reply: &mut Reply| {
            let is_public = reply.is_public(self.settings.private_replies);
            // Nothing is pressed in a form.
            !is_public && !reply.needs_buttons() || self.messenger.is_none()
        };
        if let Some(reply) = in_time.take_if(is_said_here) {
            let message = render::in_form(&reply, &self.settings.command);
            return Answer::Outcome(Box::new(Outgoing::new(
                self,
                reply,
                message,
                Otherwise::In(channel, to),
            )));
        }
        let slack = Arc::clone(&self);
        self.service.spawn(async move {
            let reply = match in_time {
                Some(reply) => reply,
                None => joined(work.await),
            };
            slack.say_in(channel, to, reply).await;
        });
        Answer::Nothing
    }

    /// Says the result of a form in the channel, with the bot's own token.
    pub(super) async fn say_in(&self, channel: Channel, to: Subject, reply: Reply) {
        let operation = reply.operation();
        let Some(messenger) = &self.messenger else {
            let why = "the bot has no token to answer a form with";
            return self.service.answer_failed(operation, Platform::Slack, why, false).await;
        };
        let notification = Notification { to, channel, public_in: None, reply };
        match messenger.send(&notification).await {
            Ok(_) => {
                info!(operation = operation.map(|it| it.seq()), "the answer to a form was sent");
                self.service.answer_given(operation);
            }
            Err(problem) => {
                let perhaps_said = problem.is_unclear();
                self.service.answer_failed(operation, Platform::Slack, problem, perhaps_said).await;
            }
        }
    }
}
