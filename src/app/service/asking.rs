//! Requests for access: whether one can be made, and whom it is shown to.

use jiff::Timestamp;

use super::CommandService;
use super::announcing::Plan;
use crate::app::announcements::DueAnnouncement;
use crate::app::ports::StoreError;
use crate::domain::access::{AclView, Action, AnnouncementChannel, Decision, Denial, Role, decide};
use crate::domain::admission::Asking;
use crate::domain::announcement::Announcement;
use crate::domain::asking::{ANSWERED_WITHIN, AccessRequest, Addressee, Granters, MOST_ADMINS};
use crate::domain::audit::{Announced, AskedAccess, Event, OperationId, What};
use crate::domain::command::{
    AclCommand, AskForAccess, Command, CommandRequest, Edit, HandTo, Nonce, Place, Transfer,
};
use crate::domain::press::Asks;
use crate::domain::principal::{Channel, Principal};
use crate::domain::reply::AskAnswer;
use crate::domain::room::RoomId;

/// What is decided about a request for access.
pub(super) enum Asked {
    /// It can be made.
    Ask(Asking),
    /// It is pointless, and why.
    Pointless(AskAnswer),
    /// No grant would help.
    Denied(Denial, Action),
}

/// Decides about a request for access. Everybody may make one, where a grant would help and somebody can give it.
///
/// # Errors
/// When the store cannot be read.
pub(super) async fn decided(
    service: &CommandService,
    request: &CommandRequest,
    room: &RoomId,
    acl: &AclView,
) -> Result<Asked, StoreError> {
    let (now, action) = (service.clock.now(), Action::Transfer(room.clone()));
    let denial = match decide(&request.principal, &request.place, action.clone(), acl, now) {
        Decision::Permit(_) => return Ok(Asked::Pointless(AskAnswer::AlreadyMay)),
        Decision::Deny(denial) => denial,
    };
    let Place::Channel(channel) = &request.place else { return Ok(Asked::Denied(denial, action)) };
    if !denial.is_for_want_of_a_grant() || !request.principal.subject.is_of(channel) {
        return Ok(Asked::Denied(denial, action));
    }
    let granters = granters(service, &request.principal, (room, channel), acl, now).await?;
    if granters.is_empty() {
        return Ok(Asked::Pointless(AskAnswer::Nobody));
    }
    let shown_to = shown_to(service, &granters, (room, channel), now).await?;
    if shown_to.is_empty() {
        return Ok(Asked::Pointless(AskAnswer::Unreachable));
    }
    let now = Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now);
    let lapses_at = now.checked_add(ANSWERED_WITHIN).map_err(|error| StoreError(error.to_string()))?;
    Ok(Asked::Ask(Asking { access: AskedAccess { role: Role::Moderator, lapses_at }, shown_to }))
}

async fn granters(
    service: &CommandService,
    asker: &Principal,
    at: (&RoomId, &Channel),
    acl: &AclView,
    now: Timestamp,
) -> Result<Granters, StoreError> {
    let admins = service.store().admins().await?;
    let known = service.directory().known();
    Ok(Granters::of(&asker.subject, at, &admins, &acl.channels, &known, now))
}

/// The channels in which admins of the room read announcements; without one, the people who may answer.
async fn shown_to(
    service: &CommandService,
    granters: &Granters,
    (room, channel): (&RoomId, &Channel),
    now: Timestamp,
) -> Result<Vec<Addressee>, StoreError> {
    if service.can_post_to(channel) != Some(true) {
        return Ok(Vec::new());
    }
    let announced = service.store().announcement_channels().await?;
    let somebody = || granters.people.iter().chain(&granters.groups);
    let for_admins = announced.into_iter().filter(|entry| {
        entry.for_admins
            && entry.is_live(now)
            && entry.covers(room)
            && somebody().any(|granter| granter.is_of(&entry.channel))
    });
    let channels: Vec<Addressee> = for_admins.map(|entry| Addressee::Channel(entry.channel)).collect();
    if !channels.is_empty() {
        return Ok(channels);
    }
    Ok(granters.people.iter().take(MOST_ADMINS).cloned().map(Addressee::Person).collect())
}

/// The message in which whoever is to be told was shown the request, if it is known.
fn shown_in(due: &DueAnnouncement, events: &[Event]) -> Option<(Channel, String)> {
    events.iter().rev().find_map(|event| match &event.what {
        What::Announced(Announced { channel, message: Some(message), to, .. })
            if *to == due.person && (to.is_some() || *channel == due.channel) =>
        {
            Some((channel.clone(), message.clone()))
        }
        _ => None,
    })
}

/// The access that can be asked for by whoever was denied a hand-over, if that could help.
pub(in crate::app) async fn offered(
    service: &CommandService,
    request: &CommandRequest,
    acl: &AclView,
) -> Option<Box<AskForAccess>> {
    let command = request.command.as_ref().ok()?;
    let room = match command {
        Command::Transfer(Transfer { room, overrides: None, .. })
        | Command::HandTo(HandTo { room, overrides: None, .. }) => room,
        _ => return None,
    };
    match decided(service, request, room, acl).await {
        Ok(Asked::Ask(_)) => {
            Some(Box::new(AskForAccess { room: room.clone(), reason: command.reason().map(str::to_owned) }))
        }
        _ => None,
    }
}

impl CommandService {
    /// What to say of a request for access: the request, to whoever can answer it; once it was answered, that, in the
    /// place of the request, and to whoever asked.
    pub(super) async fn planned_request(
        &self,
        due: &DueAnnouncement,
        request: AccessRequest,
        events: &[Event],
    ) -> Result<Plan, StoreError> {
        let (now, perhaps_posted) = (self.clock.now(), due.perhaps_posted);
        let operation = request.operation;
        if due.person.as_ref() == Some(&request.person) {
            let request = Box::new(request);
            return Ok(Plan::Post(Box::new(Announcement::Answered { request, perhaps_posted })));
        }
        let asked = |request, buttons, perhaps_posted| {
            Box::new(Announcement::Asked { request: Box::new(request), buttons, perhaps_posted })
        };
        if request.answer.is_some() {
            let shown = shown_in(due, events);
            return Ok(shown.map_or(Plan::Drop, |(channel, message)| {
                Plan::Replace(channel, message, asked(request, Vec::new(), false))
            }));
        }
        let channels = self.store.announcement_channels().await?;
        let is_for_admins = |entry: &AnnouncementChannel| {
            entry.channel == due.channel
                && entry.for_admins
                && entry.is_live(now)
                && entry.covers(&request.room)
        };
        if now >= request.lapses_at || due.person.is_none() && !channels.iter().any(is_for_admins) {
            return Ok(Plan::Drop);
        }
        let buttons = self.store.buttons(operation, now).await?;
        Ok(Plan::Post(asked(request, buttons, perhaps_posted)))
    }

    /// Where it is decided about a request: an answer to somebody who asks for access, in the channel in which they
    /// would have it, wherever it is given.
    pub(super) async fn decided_at(&self, request: &CommandRequest) -> Result<Place, StoreError> {
        let Ok(Command::Acl(AclCommand::Edit { edit: Edit::Answer(operation, _), .. })) = &request.command
        else {
            return Ok(request.place.clone());
        };
        if request.place == Place::Local {
            return Ok(Place::Local);
        }
        let asked = self.store.access_request(*operation).await?;
        Ok(asked.map_or_else(|| request.place.clone(), |asked| Place::Channel(asked.channel)))
    }

    /// The channel for which a button in a direct message answers somebody who asks for access: who presses it is
    /// taken as a person of that channel's workspace or server. `None` for every other button.
    pub async fn channel_of_answer(&self, nonce: &str) -> Option<Channel> {
        let button = self.store.button(&Nonce::read(nonce)?).await.ok()??;
        let Asks::Line { .. } = &button.offer.asks else { return None };
        let operation: OperationId = button.of;
        Some(self.store.access_request(operation).await.ok()??.channel)
    }
}
