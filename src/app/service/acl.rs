//! What admins ask of the ACL from chat: edits, lists and explanations.

use std::sync::Arc;

use tracing::warn;

use super::{CommandService, not_recorded};
use crate::app::acl::hindered_by;
use crate::app::ports::{AclChanged, AclEdit, GrantsPage, StoreError};
use crate::domain::access::{
    AclChange, AclView, Action, ChangedEntry, Grant, GrantId, Hindered, Known, NewGrant, Permit, RoomScope,
    admins_of, attention, explain, footing, is_for_oneself, is_live, is_open, live_admins, unread_groups,
    who_can,
};
use crate::domain::audit::{Answer, AuditFilter, NoAnswer, OperationId};
use crate::domain::command::{
    AclCommand, CommandRequest, Edit, Family, Invocation, Listed, Part, Place, Problem, UsageError, Why,
};
use crate::domain::principal::{Channel, Principal, Subject};
use crate::domain::reply::{AclAnswer, Explained, Helpers, Names, Reply};

/// How many entries a page shows: what fits a message on every platform.
const PAGE: u32 = 12;

/// How many admins are named to whoever needs one.
const HELPERS: usize = 3;

/// A change of the ACL that is permitted and not made yet.
pub(super) struct PermittedEdit {
    pub(super) permit: Permit,
    pub(super) edit: Edit,
    pub(super) reason: Option<String>,
}

impl CommandService {
    /// The rooms that an edit gives or takes, which its author has to be an admin of. None for a grant that does
    /// not exist.
    pub(super) async fn rooms_of(&self, edit: &Edit, acl: &AclView) -> Result<Vec<RoomScope>, StoreError> {
        Ok(match edit {
            Edit::Grant { grants, .. } => {
                let mut rooms: Vec<RoomScope> = grants.iter().map(|grant| grant.rooms.clone()).collect();
                rooms.sort_by_key(ToString::to_string);
                rooms.dedup();
                rooms
            }
            // Which entry that is, nobody learns who may not see the list.
            Edit::RevokeOf(_) => Vec::new(),
            Edit::Revoke(id) => self.store.grant(*id).await?.map(|grant| grant.rooms).into_iter().collect(),
            Edit::AllowChannel(channel, rooms) => match self.authorised(channel.as_ref(), acl).await? {
                Some(before) if before.contains(rooms) => vec![before],
                Some(before) if !rooms.contains(&before) => vec![before, rooms.clone()],
                _ => vec![rooms.clone()],
            },
            Edit::RemoveChannel(channel) => {
                self.authorised(channel.as_ref(), acl).await?.into_iter().collect()
            }
        })
    }

    /// For which rooms the channel is authorised now: the one named, or the caller's.
    async fn authorised(
        &self,
        channel: Option<&Channel>,
        acl: &AclView,
    ) -> Result<Option<RoomScope>, StoreError> {
        let now = self.clock.now();
        let Some(channel) = channel else {
            return Ok(acl
                .channels
                .iter()
                .find(|entry| is_open(entry, now))
                .map(|entry| entry.rooms.clone()));
        };
        let entries = self.store.channels().await?;
        Ok(entries
            .into_iter()
            .find(|entry| entry.channel == *channel && is_open(entry, now))
            .map(|entry| entry.rooms))
    }

    /// Makes a permitted edit. `None` if the ACL changed since: decide again.
    pub(super) async fn edit(&self, request: &CommandRequest, permitted: PermittedEdit) -> Option<Reply> {
        let PermittedEdit { permit, edit, reason } = permitted;
        let now = self.clock.now();
        let changes = match changes(edit, &request.place, now) {
            Ok(changes) => changes,
            Err(error) => return Some(not_recorded(&error)),
        };
        let known = self.directory().known();
        let edit = AclEdit {
            principal: request.principal.clone(),
            place: request.place.clone(),
            delivery: request.delivery.clone(),
            typed: request.typed.clone(),
            permit,
            changes: changes.into_iter().map(|change| (change, reason.clone())).collect(),
            reason,
            force: false,
            known: Arc::clone(&known),
        };
        let (operation, answer) = match self.store.edit_acl(edit, now).await {
            Ok(AclChanged::Changed(operation, changed)) => {
                let is_for_oneself = is_for_oneself(&request.principal, &changed);
                let mut entries = Vec::new();
                for entry in changed {
                    let hindered = self.hindered(&entry, &known).await;
                    entries.push((entry, hindered));
                }
                (operation, AclAnswer::Edited { changed: entries, is_for_oneself })
            }
            Ok(AclChanged::Declined(operation, why)) => (operation, AclAnswer::NotEdited(why)),
            Ok(AclChanged::Duplicate { operation, first }) => {
                return Some(Reply::Duplicate { operation, first });
            }
            Ok(AclChanged::AclChanged) => return None,
            Err(error) => return Some(not_recorded(&error)),
        };
        Some(self.named(operation, answer, &request.place).await)
    }

    /// The answer with the names of those whom its reader's platform does not show: as they were last seen.
    pub(super) async fn named(&self, operation: OperationId, answer: AclAnswer, place: &Place) -> Reply {
        let is_shown = |subject: &Subject| matches!(place, Place::Channel(here) if here.shows(subject));
        let mut names = Names::new();
        for subject in answer.subjects() {
            if is_shown(subject) || subject.is_group() || names.contains_key(subject) {
                continue;
            }
            let actor = Some(subject.clone());
            let filter =
                AuditFilter { actor, without_readings: true, limit: Some(1), ..AuditFilter::default() };
            let seen = self.store.audit(&filter).await.unwrap_or_default();
            if let Some(name) = seen.into_iter().find_map(|entry| entry.actor_name) {
                names.insert(subject.clone(), name);
            }
        }
        Reply::Acl { operation, answer: Box::new(answer), names }
    }

    /// The grant by which an entry of the log was permitted or denied.
    pub(super) async fn grant_behind(&self, answer: &Result<Answer, NoAnswer>) -> Option<Grant> {
        let Ok(Answer::Entry(entry)) = answer else { return None };
        let (_, number) = entry.authority.as_ref()?.split_once("grant ")?;
        let id = number.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()?;
        self.store.grant(id).await.ok().flatten()
    }

    /// What is in the way of what was given. The edit is made, whether or not that can be told.
    async fn hindered(&self, entry: &ChangedEntry, known: &Known) -> Hindered {
        hindered_by(&*self.store, &*self.clock, entry, known).await.unwrap_or_else(|error| {
            warn!(%error, "what is in the way of a new grant cannot be told");
            Hindered::default()
        })
    }

    /// The one live entry that names the subject, or why it is not told which is meant.
    pub(super) async fn only_entry_of(
        &self,
        subject: &Subject,
    ) -> Result<Result<GrantId, UsageError>, StoreError> {
        let mut entries = self.store.live_grants(self.clock.now()).await?;
        entries.retain(|grant| grant.subject == *subject);
        if let [only] = entries.as_slice() {
            return Ok(Ok(only.id));
        }
        let revoke = Invocation::named(Family::Acl, &["revoke"]);
        let mut meant: Vec<Invocation> =
            entries.iter().map(|grant| revoke.clone().with("grant", grant.id)).collect();
        if meant.is_empty() {
            meant.push(Invocation::named(Family::Acl, &["list"]));
        }
        let error = UsageError::of(revoke.verb, Problem::WhichEntry(Box::new((subject.clone(), entries))));
        Ok(Err(UsageError { meant, ..error }))
    }

    /// The admins who can help somebody who was refused, for the commands that tell them.
    pub(super) async fn helpers(&self, action: &Action, request: &CommandRequest) -> Helpers {
        match action {
            Action::ReadAcl(_) => self.admins(request, &[]).await,
            Action::EditAcl(rooms) => self.admins(request, rooms).await,
            Action::ShowOwner(room) | Action::Transfer(room) | Action::Override(room) => {
                self.admins(request, &[RoomScope::Exact(room.clone())]).await
            }
            Action::ReadAudit => self.admins(request, &[]).await,
        }
    }

    /// The admins beside the caller who could change entries for all of `rooms`, of the place's own workspace or server.
    pub(super) async fn admins(&self, request: &CommandRequest, rooms: &[RoomScope]) -> Helpers {
        let CommandRequest { principal, place, .. } = request;
        let in_direct_message = matches!(place, Place::Channel(here) if here.is_direct_message());
        let now = self.clock.now();
        let grants = match self.store.admins().await {
            Ok(grants) => grants,
            Err(error) => {
                warn!(%error, "the admins cannot be named");
                return Helpers { is_anybody_admin: true, in_direct_message, ..Helpers::default() };
            }
        };
        let mut admins: Vec<Subject> = admins_of(&grants, rooms, now)
            .map(|grant| grant.subject.clone())
            .filter(|admin| *admin != principal.subject)
            .collect();
        admins.retain(|admin| is_near(admin, place));
        admins.sort();
        admins.dedup();
        admins.truncate(HELPERS);
        Helpers { admins, is_anybody_admin: live_admins(&grants, now).next().is_some(), in_direct_message }
    }

    /// The answer to a question about the ACL that is permitted and on record.
    pub(super) async fn acl_answer(
        &self,
        command: &AclCommand,
        request: &CommandRequest,
        acl: &AclView,
    ) -> AclAnswer {
        let answer = match command {
            AclCommand::WhoAmI => Ok(AclAnswer::WhoAmI {
                principal: request.principal.clone(),
                place: request.place.clone(),
                footing: Box::new(footing(&request.principal, &request.place, acl, self.clock.now())),
                helpers: self.admins(request, &[]).await,
            }),
            AclCommand::List(listed) => self.list(listed).await,
            AclCommand::Why(why) => self.explain(why, request).await,
            AclCommand::WhoCan(room) => self.who_can(room).await,
            AclCommand::Edit { .. } => Err(StoreError("an edit was admitted as a question".to_owned())),
        };
        answer.unwrap_or_else(|error| {
            warn!(%error, "a question about the acl cannot be answered");
            AclAnswer::Unreadable
        })
    }

    async fn list(&self, listed: &Listed) -> Result<AclAnswer, StoreError> {
        let now = self.clock.now();
        let at = |page: u32| Listed { page, ..listed.clone() };
        if listed.part == Part::Channels {
            let mut entries = self.store.channels().await?;
            entries.retain(|entry| is_open(entry, now));
            let (page, pages, entries) = cut(entries, listed.page);
            return Ok(AclAnswer::Channels { page, pages, entries });
        }
        if listed.part == Part::Attention {
            let mut grants = self.store.live_grants(now).await?;
            grants.retain(|grant| listed.who.as_ref().is_none_or(|who| grant.subject == *who));
            let shown = attention(&grants, &self.store.grant_uses().await?, now);
            let (page, pages, shown) = cut(shown, listed.page);
            let grants = shown.into_iter().map(|(grant, why)| (grant, Some(why))).collect();
            return Ok(AclAnswer::Grants { listed: at(page), pages, grants, left_out: 0 });
        }
        if let Some(who) = &listed.who {
            let mut grants = self.store.grants().await?;
            grants.retain(|grant| grant.subject == *who);
            let all = grants.len();
            grants.retain(|grant| listed.part == Part::All || is_live(grant, now));
            let left_out = all - grants.len();
            let (page, pages, grants) = cut(grants, listed.page);
            let grants = grants.into_iter().map(|grant| (grant, None)).collect();
            return Ok(AclAnswer::Grants { listed: at(page), pages, grants, left_out });
        }
        let live_at = (listed.part == Part::Live).then_some(now);
        let GrantsPage { page, pages, grants, left_out } =
            self.store.grants_page(live_at, listed.page, PAGE).await?;
        let grants = grants.into_iter().map(|grant| (grant, None)).collect();
        Ok(AclAnswer::Grants { listed: at(page), pages, grants, left_out })
    }

    async fn explain(&self, why: &Why, request: &CommandRequest) -> Result<AclAnswer, StoreError> {
        let channel = match (&why.channel, &request.place) {
            (Some(channel), _) | (None, Place::Channel(channel)) => channel.clone(),
            (None, Place::Local) => return Err(StoreError("no channel is named".to_owned())),
        };
        let is_caller = why.subject.as_ref().is_none_or(|subject| *subject == request.principal.subject);
        let at = self.clock.now();
        let principal = match &why.subject {
            // Discord says which roles a chosen member has, @everyone's among them.
            Some(subject) if !is_caller && !why.groups.is_empty() => {
                Principal::new(subject.clone()).only_in(why.groups.clone())
            }
            Some(subject) if !is_caller => self.directory().known().principal(subject.clone(), at),
            _ => request.principal.clone(),
        };
        let acl = self.store.acl_history_for(&principal, &channel).await?;
        let action = Action::Transfer(why.room.clone());
        let explanation = explain(&principal, &Place::Channel(channel.clone()), &action, &acl, at);
        let room = why.room.clone();
        Ok(AclAnswer::Explained(Box::new(Explained { principal, is_caller, channel, room, at, explanation })))
    }

    async fn who_can(&self, room: &crate::domain::room::RoomId) -> Result<AclAnswer, StoreError> {
        let now = self.clock.now();
        let grants = self.store.live_grants_for(room, now).await?;
        let channels = self.store.channels().await?;
        let known = self.directory().known();
        let able = who_can(room, &grants, &channels, &known, now);
        let unread = unread_groups(room, &grants, &known, now);
        Ok(AclAnswer::WhoCan { room: room.clone(), able, unread })
    }
}

fn changes(edit: Edit, place: &Place, now: jiff::Timestamp) -> Result<Vec<AclChange>, StoreError> {
    let here = |channel: Option<Channel>| match (channel, place) {
        (Some(channel), _) => Ok(channel),
        (None, Place::Channel(channel)) => Ok(channel.clone()),
        (None, Place::Local) => Err(StoreError("no channel is named".to_owned())),
    };
    Ok(match edit {
        Edit::Grant { grants, ends } => {
            let expires_at = ends.map(|ends| ends.resolve(now)).transpose().map_err(StoreError)?;
            grants.into_iter().map(|grant| AclChange::Grant(NewGrant { expires_at, ..grant })).collect()
        }
        Edit::RevokeOf(_) => return Err(StoreError("the entry that is meant was not looked up".to_owned())),
        Edit::Revoke(id) => vec![AclChange::Revoke(id)],
        Edit::AllowChannel(channel, rooms) => {
            vec![AclChange::AllowChannel { channel: here(channel)?, rooms }]
        }
        Edit::RemoveChannel(channel) => vec![AclChange::RemoveChannel(here(channel)?)],
    })
}

/// Whether somebody can be written to there: they are of its workspace or server.
fn is_near(subject: &Subject, place: &Place) -> bool {
    match (subject, place) {
        (
            Subject::SlackUser { team, .. } | Subject::SlackGroup { team, .. },
            Place::Channel(Channel::Slack { team: here, .. }),
        ) => team == here,
        (
            Subject::DiscordUser { guild, .. } | Subject::DiscordRole { guild, .. },
            Place::Channel(Channel::Discord { guild: here, .. }),
        ) => guild == here,
        _ => false,
    }
}

/// The page, or the last one if there are fewer, and how many there are.
fn cut<T>(all: Vec<T>, page: u32) -> (u32, u32, Vec<T>) {
    let pages = u32::try_from(all.len()).unwrap_or(u32::MAX).div_ceil(PAGE).max(1);
    let page = page.clamp(1, pages);
    let first = (page as usize - 1) * PAGE as usize;
    (page, pages, all.into_iter().skip(first).take(PAGE as usize).collect())
}
