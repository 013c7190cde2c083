//! One authentic interaction, from its bytes to its answer, whatever transport it came by.
//!
//! Discord drops an interaction without an answer within 3 s. So: decide, which is local; answer at once if there
//! is nothing to do; else send "thinking…", call Tencent only after Discord has accepted that, and put the outcome
//! in its place. If it is unclear whether Discord accepted it, nothing is done, and the reply says so.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;
use tracing::{debug, error, info, warn};

use super::options::{LINKED_TO, OWNED_BY, Options, without_label};
use super::payload::{self, Caller, Interaction, Kind, ReplyTo, Source};
use super::{Door, render, rest};
use crate::app::commands::{Handled, Press, Work};
use crate::app::replies::Platform;
use crate::app::suggest;
use crate::domain::command::{
    Command, CommandGroup, CommandRequest, Kind as Takes, OwnerQuestion, Place, RejectedRequest, Rejection,
    Unusable,
};
use crate::domain::principal::Channel;
use crate::domain::reply::Reply;
use crate::domain::reply_note::HowReplied;
use crate::domain::room::{AccountId, RoomId};

/// How long finding suggestions may take: a client shows none that come later.
const SUGGEST_WITHIN: Duration = Duration::from_millis(700);

/// The result for the transport that delivered an interaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answered {
    /// A ping.
    Pong,
    /// A task of its own answers it over REST.
    Taken,
    /// The bytes are not an interaction; recorded, with nobody to answer.
    Unreadable,
}

/// What an interaction asks for.
enum Asked {
    Command(Box<CommandRequest>),
    Press(Box<Press>),
}

impl Door {
    /// Takes an authentic interaction. Returns as soon as somebody works on it; that ends even through a
    /// shutdown.
    pub async fn interaction(self: Arc<Self>, body: &[u8]) -> Answered {
        let until = Instant::now() + rest::WINDOW;
        // What was typed is recorded, and somebody may have pasted one of our secrets.
        let interaction = match Interaction::read(&self.redactor.json(body)) {
            Ok(interaction) => interaction,
            Err(why) => {
                warn!(%why, "discord sent something that is not an interaction");
                self.service.reject(why.rejected()).await;
                return Answered::Unreadable;
            }
        };
        match interaction.kind {
            Kind::Ping => return Answered::Pong,
            Kind::Autocomplete => {
                let door = Arc::clone(&self);
                self.service.spawn(async move { door.suggest(&interaction, until).await });
            }
            Kind::Command | Kind::UserMenu | Kind::Press | Kind::Form | Kind::Other(_) => {
                let door = Arc::clone(&self);
                self.service.spawn(async move { door.answer(interaction, until).await });
            }
        }
        Answered::Taken
    }

    /// Carries the interaction out; if that panics, the person does not stay with an endless "thinking…".
    async fn answer(self: Arc<Self>, interaction: Interaction, until: Instant) {
        let to = interaction.reply_to.clone();
        let door = Arc::clone(&self);
        let work = tokio::spawn(async move { door.carry_out(&interaction, until).await });
        if let Err(panic) = work.await {
            error!(%panic, "a command panicked");
            self.finish(&to, &Reply::Broken).await;
        }
    }

    async fn carry_out(&self, interaction: &Interaction, until: Instant) {
        let to = &interaction.reply_to;
        let request = match self.understand(interaction).await {
            Ok(request) => request,
            Err(rejected) => {
                let reply = self.service.reject(*rejected).await;
                return self.say(to, &reply, until).await;
            }
        };
        let source = interaction.source();
        let acknowledge = |work, operation| async move {
            let private = match work {
                Work::Lookup => true,
                Work::Ask => false,
                Work::Transfer => self.settings.private_replies,
            };
            if let Some(channel) = to.channel.clone().filter(|_| !private) {
                self.service.answer_may_be_seen_in(operation, channel);
            }
            self.rest.callback(to, &render::deferral(private), until).await
        };
        let handled = match request {
            Asked::Command(request) => self.service.handle(*request, acknowledge).await,
            Asked::Press(press) => self.service.press(*press, acknowledge).await,
        };
        let source = source.filter(|_| handled.reply().ends_buttons());
        match handled {
            Handled::AtOnce(reply) if source.as_ref().is_some_and(|source| source.is_private) => {
                // In the place of the message that the button was in.
                self.first_answer(to, &reply, &render::in_its_place(&self.render(&reply)), until).await;
            }
            Handled::AtOnce(reply)
                if interaction.is_bare() && reply.is_help_for_a_moderator()
                    || reply.account_for_a_form().is_some() =>
            {
                self.show_form(interaction, &reply, until).await;
            }
            Handled::AtOnce(reply) => {
                self.say(to, &reply, until).await;
                self.tidy(to, source).await;
            }
            Handled::Acknowledged(reply) => {
                self.finish(to, &reply).await;
                self.tidy(to, source).await;
            }
            // Discord may show "thinking…" all the same. Any other failure means that there is nothing
            // to edit, or that it is somebody else's answer.
            Handled::Declined(reply, failure) if failure.is_unclear() => self.finish(to, &reply).await,
            // Nothing was done, and Discord shows that the interaction failed.
            Handled::Declined(reply, _) => self.service.answer_given(reply.operation()),
        }
    }

    /// The request that an interaction makes, or why it makes none.
    async fn understand(&self, interaction: &Interaction) -> Result<Asked, Box<RejectedRequest>> {
        let options = match interaction.kind {
            Kind::Press | Kind::Form | Kind::UserMenu => None,
            _ => interaction.data().map(Options::read),
        };
        let typed = match (interaction.kind, &options) {
            (Kind::Press, _) => "[a button]".to_owned(),
            (Kind::Form, _) => interaction.filled().to_string(),
            (Kind::UserMenu, _) => interaction.chosen(),
            (_, Some(Ok(options))) => options.typed(&self.settings.command),
            (_, Some(Err(_)) | None) => String::new(),
        };
        let reject = |rejection| Box::new(interaction.rejected(&typed, rejection));
        let unusable = |unusable: Unusable| reject(Rejection::Unusable(unusable));
        if !self.serves(interaction) {
            let origin = format!("the application {}", interaction.reply_to.application);
            return Err(reject(Rejection::Foreign(origin)));
        }
        if let Kind::Other(kind) = interaction.kind {
            return Err(unusable(format!("interactions of type {kind} are not taken").into()));
        }
        let caller = match (interaction.kind, interaction.caller()) {
            (Kind::Press, Err(why)) => self.presser_in_direct(interaction).await.ok_or(why),
            (_, caller) => caller,
        };
        let Caller { principal, place } = caller.map_err(unusable)?;
        let delivery = interaction.delivery();
        let command = match (interaction.kind, &place) {
            (Kind::Press, Place::Channel(channel)) => {
                let channel = channel.clone();
                let nonce = render::pressed(interaction.custom_id()).to_owned();
                return Ok(Asked::Press(Box::new(Press { principal, channel, delivery, nonce })));
            }
            (Kind::Form, Place::Channel(channel)) => interaction.filled().command(channel),
            (Kind::UserMenu, _) => {
                let person = interaction.chosen_person(guild(&place));
                let person = person.ok_or_else(|| unusable("Discord did not say who was chosen".into()))?;
                Ok(Command::Owner(OwnerQuestion::HandTo(person)))
            }
            _ => {
                let options = options
                    .ok_or_else(|| unusable("Discord did not send the command".into()))?
                    .map_err(|why| unusable(why.into()))?;
                options.command(&self.settings.command, guild(&place)).map_err(unusable)?
            }
        };
        let typed = payload::record(&typed);
        let request =
            CommandRequest { principal, place, delivery, typed, command, pressed: None, if_owner: None };
        Ok(Asked::Command(Box::new(request)))
    }

    /// Who pressed a button of a direct message that answers a request for access: as a member of the server that the
    /// request is about, with the roles that they have there now. Discord sends neither along.
    async fn presser_in_direct(&self, interaction: &Interaction) -> Option<Caller> {
        let presser = interaction.presser_in_direct()?;
        let about = self.service.channel_of_answer(render::pressed(interaction.custom_id())).await?;
        let Channel::Discord { guild, .. } = about else { return None };
        let member = self.rest.member(&guild, &presser.user).await;
        let member = member.inspect_err(|failure| warn!(%failure, "a member cannot be looked up")).ok()?;
        let principal = payload::member_of(&member, guild.clone(), presser.user).ok()?;
        Some(Caller {
            principal,
            place: Place::Channel(Channel::Discord { guild, channel: presser.channel }),
        })
    }

    fn serves(&self, interaction: &Interaction) -> bool {
        let ours = self.settings.application_id.as_ref();
        ours.is_none_or(|ours| *ours == interaction.reply_to.application)
    }

    /// Answers at once. A repeated delivery is not answered: its answer would take the place of the first one's
    /// acknowledgement and make that fail.
    async fn say(&self, to: &ReplyTo, reply: &Reply, until: Instant) {
        if matches!(reply, Reply::Duplicate { .. }) {
            return info!("discord delivered an interaction again");
        }
        self.first_answer(to, reply, &render::at_once(self.render(reply)), until).await;
    }

    async fn first_answer(&self, to: &ReplyTo, reply: &Reply, answer: &Value, until: Instant) {
        if let Err(failure) = self.rest.callback(to, answer, until).await {
            warn!(%failure, operation = ?reply.operation(), "an answer could not be delivered");
            self.service.note_reply(reply.operation(), HowReplied::Lost, failure).await;
        }
    }

    /// Shows a form in the place of a reply, with the account of the new owner if it is known.
    async fn show_form(&self, interaction: &Interaction, reply: &Reply, until: Instant) {
        let to = &interaction.reply_to;
        let Ok(Caller { principal, place }) = interaction.caller() else {
            return self.say(to, reply, until).await;
        };
        let most = render::MOST_CHOICES;
        let rooms = suggest::rooms(&self.service, &principal, &place, CommandGroup::Owner, "", most);
        let rooms = tokio::time::timeout(SUGGEST_WITHIN, rooms).await.unwrap_or_default();
        let form = render::form(&rooms, reply.account_for_a_form(), &self.settings.command);
        self.first_answer(to, reply, &form, until).await;
    }

    /// Takes the buttons out of a message in which nothing can be pressed any more. They only look as if.
    async fn tidy(&self, to: &ReplyTo, source: Option<Source>) {
        let Some(Source { message, .. }) = source else { return };
        if let Err(failure) = self.rest.edit(to, &message, &render::without_buttons()).await {
            debug!(%failure, "buttons that were pressed stay in a message");
        }
    }

    /// Puts an outcome in the place of "thinking…", with several tries. The outcome is in the audit log even if it
    /// cannot be delivered.
    async fn finish(&self, to: &ReplyTo, reply: &Reply) {
        let message = self.render(reply);
        let operation = reply.operation().map(|operation| operation.seq());
        let patience = &self.settings.patience;
        let mut left = patience.longest;
        let mut pauses = patience.pauses.iter();
        let mut failed_before = None;
        let failure = loop {
            let failure = match self.rest.edit_original(to, &message).await {
                Ok(()) => {
                    debug!(operation, "outcome delivered");
                    if let Some(failure) = failed_before {
                        self.service.note_reply(reply.operation(), HowReplied::Edited, failure).await;
                    }
                    return self.service.answer_given(reply.operation());
                }
                Err(failure) => failure,
            };
            warn!(%failure, operation, "discord did not take an outcome");
            let next = pauses.next().filter(|_| failure.may_pass());
            let pause = next.map(|usual| failure.retry_after().unwrap_or(*usual));
            match pause.and_then(|pause| Some((pause, left.checked_sub(pause)?))) {
                Some((pause, rest)) => {
                    left = rest;
                    failed_before = Some(failure);
                    self.clock.sleep(pause).await;
                }
                None => break failure,
            }
        };
        let private = match reply.said() {
            Reply::Owner { .. } => true,
            Reply::Held { .. } => !reply.is_public(self.settings.private_replies),
            _ => self.settings.private_replies,
        };
        let posted = match to.channel.as_ref().filter(|_| !private && self.rest.has_bot_token()) {
            Some(channel) => self.rest.post_to_channel(channel, &message).await,
            None => Err(failure.clone()),
        };
        match posted {
            Ok(_) => {
                info!(operation, "outcome posted to the channel instead");
                self.service.note_reply(reply.operation(), HowReplied::Posted, failure).await;
                self.service.answer_given(reply.operation());
            }
            Err(last) => {
                let perhaps_said = last.is_unclear() || failure.is_unclear();
                self.service.answer_failed(reply.operation(), Platform::Discord, last, perhaps_said).await;
            }
        }
    }

    fn render(&self, reply: &Reply) -> Value {
        render::message(reply, &self.settings.command)
    }

    /// Answers a keystroke, in time or with nothing. No operation: nothing is recorded.
    async fn suggest(&self, interaction: &Interaction, until: Instant) {
        let found = tokio::time::timeout(SUGGEST_WITHIN, self.suggestions(interaction)).await;
        let choices = found.ok().flatten().unwrap_or_default();
        if let Err(failure) =
            self.rest.callback(&interaction.reply_to, &render::choices(choices), until).await
        {
            debug!(%failure, "suggestions came too late");
        }
    }

    /// Labels and values.
    async fn suggestions(&self, interaction: &Interaction) -> Option<Vec<(String, String)>> {
        if !self.serves(interaction) {
            return None;
        }
        let Caller { principal, place } = interaction.caller().ok()?;
        let options = Options::read(interaction.data()?).ok()?;
        let (focused, typed) = options.focused?;
        let verb = options.verb(&self.settings.command)?;
        match verb.parameter(focused)?.kind {
            Takes::Room => {
                let most = render::MOST_CHOICES;
                let rooms = suggest::rooms(&self.service, &principal, &place, verb.family, typed, most).await;
                let shown = |room: &RoomId, owner: &AccountId| format!("{room}{OWNED_BY}{owner}");
                Some(rooms.into_iter().map(|it| (shown(&it.room, &it.owner), it.room.to_string())).collect())
            }
            Takes::Account => {
                let room: RoomId = without_label(options.text("room")?).parse().ok()?;
                let most = render::MOST_CHOICES;
                let owners = suggest::owners(&self.service, &principal, &place, &room, typed, most).await;
                let shown = |owner: &suggest::Owner| match &owner.person {
                    Some(person) => format!("{}{LINKED_TO}{person}", owner.account),
                    None => owner.account.clone(),
                };
                Some(owners.into_iter().map(|owner| (shown(&owner), owner.account)).collect())
            }
            Takes::SomeOf(words) => {
                // The last one is being typed.
                let (before, last) =
                    typed.rsplit_once(',').map_or(("", typed), |(before, last)| (before, last));
                let before = if before.is_empty() { String::new() } else { format!("{before}, ") };
                let begun = |word: &&str| word.starts_with(&last.trim_start().to_ascii_lowercase());
                let whole = |word| (format!("{before}{word}"), format!("{before}{word}"));
                Some(words().into_iter().filter(begun).map(whole).collect())
            }
            _ => None,
        }
    }
}

fn guild(place: &Place) -> &str {
    match place {
        Place::Channel(Channel::Discord { guild, .. }) => guild,
        Place::Channel(Channel::Slack { .. }) | Place::Local => "",
    }
}
