//! What admins ask of the ACL from chat: edits, lists and explanations.

use std::sync::Arc;

use tracing::warn;

use super::{CommandService, not_recorded};
use crate::app::ports::{AclChanged, AclEdit, GrantsPage, StoreError};
use crate::domain::access::plan::Step;
use crate::domain::access::{
    AclChange, AclView, Action, ChangedEntry, Effect, Hindered, Known, NewGrant, NotEdited, Permit,
    RoomScope, admins_of, attention, explain, footing, hindered, is_for_oneself, is_open, live_admins,
    unread_groups, who_can,
};
use crate::domain::command::{AclCommand, CommandRequest, Edit, Listed, Part, Place, Why};
use crate::domain::principal::{Channel, Membership, Principal, Subject};
use crate::domain::reply::{AclAnswer, Explained, Helpers, Reply};

/// How many admins are named to whoever needs one.
const HELPERS: usize = 3;

/// A change of the ACL that is permitted and not made yet.
pub(super) struct PermittedEdit {
    pub(super) permit: Permit,
    pub(super) steps: Vec<Step>,
    pub(super) reason: Option<String>,
    pub(super) force: bool,
}

impl CommandService {
    /// The rooms that an edit gives or takes, which its author has to be an admin of. None for a grant that does
    /// not exist.
    pub(super) async fn rooms_of(&self, edit: &Edit, acl: &AclView) -> Result<Vec<RoomScope>, StoreError> {
        Ok(match edit {
            Edit::Grant { grant, also, .. } => std::iter::once(&grant.rooms).chain(also).cloned().collect(),
            Edit::Revoke(id) => self.store.grant(*id).await?.map(|grant| grant.rooms).into_iter().collect(),
            Edit::AllowChannel(channel, rooms) => match self.authorised(channel.as_ref(), acl).await? {
                Some(before) if before.contains(rooms) => vec![before],
                Some(before) if !rooms.contains(&before) => vec![before, rooms.clone()],
                _ => vec![rooms.clone()],
            },
            Edit::Apply(..) => vec![RoomScope::All],
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

    /// The steps of an edit; or why it cannot be made as it is.
    pub(super) async fn steps(
        &self,
        edit: &Edit,
        reason: Option<&String>,
        place: &Place,
    ) -> Result<Result<Vec<Step>, NotEdited>, StoreError> {
        let with_reason = |(change, own): Step| (change, own.or_else(|| reason.cloned()));
        let steps = match edit {
            Edit::Apply(wanted, version) => self.steps_to(wanted, *version).await?,
            edit => {
                Ok(changes(edit.clone(), place, self.clock.now())?.into_iter().map(|it| (it, None)).collect())
            }
        };
        Ok(steps.map(|steps| steps.into_iter().map(with_reason).collect()))
    }

    /// Makes a permitted edit. `None` if the ACL changed since: decide again.
    pub(super) async fn edit(&self, request: &CommandRequest, permitted: PermittedEdit) -> Option<Reply> {
        let PermittedEdit { permit, steps, reason, force } = permitted;
        let now = self.clock.now();
        let known = self.directory().known();
        let edit = AclEdit {
            principal: request.principal.clone(),
            place: request.place.clone(),
            delivery: request.delivery.clone(),
            typed: request.typed.clone(),
            permit,
            changes: steps,
            reason,
            force,
            known: Arc::clone(&known),
        };
        let (operation, answer) = match self.store.edit_acl(edit, now).await {
            Ok(AclChanged::Changed(operation, changed)) => {
                let hindered = self.hindered(&changed, &known).await;
                let is_for_oneself = is_for_oneself(&request.principal, &changed);
                (operation, AclAnswer::Edited { changed, is_for_oneself, hindered })
            }
            Ok(AclChanged::Declined(operation, why)) => (operation, AclAnswer::NotEdited(why)),
            Ok(AclChanged::Duplicate { operation, first }) => {
                return Some(Reply::Duplicate { operation, first });
            }
            Ok(AclChanged::AclChanged) => return None,
            Err(error) => return Some(not_recorded(&error)),
        };
        Some(Reply::Acl { operation, answer: Box::new(answer) })
    }

    /// What is in the way of what was given. The edit is made, whether or not that can be told.
    async fn hindered(&self, changed: &[ChangedEntry], known: &Known) -> Hindered {
        let Some(entry) = changed.first() else { return Hindered::default() };
        self.hindered_by(entry, known).await.unwrap_or_else(|error| {
            warn!(%error, "what is in the way of a new grant cannot be told");
            Hindered::default()
        })
    }

    /// What is in the way of an entry that was just made, as far as the groups of its subject are known.
    async fn hindered_by(&self, changed: &ChangedEntry, known: &Known) -> Result<Hindered, StoreError> {
        let ChangedEntry::Grant { after, .. } = changed else { return Ok(Hindered::default()) };
        let now = self.clock.now();
        let principal = known.principal(after.subject.clone(), now);
        let channels = self.store.channels().await?;
        let mut beside = match channels.first() {
            // Which channel is the same for the grants.
            Some(entry) => self.store.acl_for(&principal, &Place::Channel(entry.channel.clone())).await?,
            // Nobody can use the bot yet, so there is not much to read.
            None => {
                let mut grants = self.store.live_grants(now).await?;
                grants.retain(|grant| principal.membership(&grant.subject) != Membership::Out);
                AclView { grants, ..AclView::default() }
            }
        };
        beside.channels = channels;
        Ok(hindered(after, &principal, &beside, known, now))
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
    async fn admins(&self, request: &CommandRequest, rooms: &[RoomScope]) -> Helpers {
        let CommandRequest { principal, place, .. } = request;
        let now = self.clock.now();
        let grants = match self.store.admins().await {
            Ok(grants) => grants,
            Err(error) => {
                warn!(%error, "the admins cannot be named");
                return Helpers { admins: Vec::new(), is_anybody_admin: true };
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
        Helpers { admins, is_anybody_admin: live_admins(&grants, now).next().is_some() }
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
            AclCommand::List(listed) => self.list(*listed).await,
            AclCommand::Why(why) => self.explain(why, request).await,
            AclCommand::WhoCan(room) => self.who_can(room).await,
            AclCommand::Export => self.whole_acl().await.map(AclAnswer::Whole),
            AclCommand::Plan(wanted) => self.plan(wanted, &request.principal).await,
            AclCommand::Edit { .. } => Err(StoreError("an edit was admitted as a question".to_owned())),
        };
        answer.unwrap_or_else(|error| {
            warn!(%error, "a question about the acl cannot be answered");
            AclAnswer::Unreadable
        })
    }

    async fn list(&self, listed: Listed) -> Result<AclAnswer, StoreError> {
        let now = self.clock.now();
        if let Part::Channels | Part::AllChannels = listed.part {
            let mut entries = self.store.channels().await?;
            let known = entries.len();
            entries.retain(|entry| listed.part == Part::AllChannels || is_open(entry, now));
            let left_out = known - entries.len();
            let (page, pages, entries) = cut(entries, listed);
            return Ok(AclAnswer::Channels { page, pages, entries, left_out });
        }
        if listed.part == Part::Attention {
            let grants = self.store.live_grants(now).await?;
            let shown = attention(&grants, &self.store.grant_uses().await?, now);
            let (page, pages, shown) = cut(shown, listed);
            let grants = shown.into_iter().map(|(grant, why)| (grant, Some(why))).collect();
            return Ok(AclAnswer::Grants { listed: Listed { page, ..listed }, pages, grants, left_out: 0 });
        }
        let live_at = (listed.part == Part::Live).then_some(now);
        let GrantsPage { page, pages, grants, left_out } =
            self.store.grants_page(live_at, listed.page, listed.size).await?;
        let grants = grants.into_iter().map(|grant| (grant, None)).collect();
        Ok(AclAnswer::Grants { listed: Listed { page, ..listed }, pages, grants, left_out })
    }

    async fn explain(&self, why: &Why, request: &CommandRequest) -> Result<AclAnswer, StoreError> {
        let channel = match (&why.channel, &request.place) {
            (Some(channel), _) | (None, Place::Channel(channel)) => channel.clone(),
            (None, Place::Local) => return Err(StoreError("no channel is named".to_owned())),
        };
        let is_caller = why.subject.as_ref().is_none_or(|subject| *subject == request.principal.subject);
        let at = why.at.unwrap_or_else(|| self.clock.now());
        let mut principal = match &why.subject {
            // Discord says which roles a chosen member has, @everyone's among them.
            Some(subject) if !is_caller && !why.groups.is_empty() => {
                Principal::new(subject.clone()).only_in(why.groups.clone())
            }
            // Which roles somebody has, Discord says with each of their own requests.
            Some(subject @ Subject::DiscordUser { .. }) if !is_caller => Principal::new(subject.clone()),
            Some(subject) if !is_caller => self.directory().known().principal(subject.clone(), at),
            _ => request.principal.clone(),
        };
        for group in &why.assumed {
            if principal.membership(group) != Membership::In {
                principal.groups.push(group.clone());
            }
        }
        let mut acl = self.store.acl_history_for(&principal, &channel).await?;
        let of_the_time = match why.at {
            Some(_) => self.store.grants().await?,
            None => self.store.live_grants_for(&why.room, at).await?,
        };
        acl.grants.extend(of_the_time.into_iter().filter(|grant| {
            grant.effect == Effect::Permit && principal.membership(&grant.subject) == Membership::Unknown
        }));
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
        Edit::Grant { mut grant, also, lasts } => {
            if let Some(lasts) = lasts {
                let end = now.checked_add(lasts);
                let end =
                    end.map_err(|error| StoreError(format!("the grant would end too late: {error}")))?;
                grant.expires_at = Some(end);
            }
            let more = also.into_iter().map(|rooms| NewGrant { rooms, ..grant.clone() });
            let more: Vec<NewGrant> = more.collect();
            std::iter::once(grant).chain(more).map(AclChange::Grant).collect()
        }
        Edit::Revoke(id) => vec![AclChange::Revoke(id)],
        Edit::AllowChannel(channel, rooms) => {
            vec![AclChange::AllowChannel { channel: here(channel)?, rooms }]
        }
        Edit::RemoveChannel(channel) => vec![AclChange::RemoveChannel(here(channel)?)],
        Edit::Apply(..) => return Err(StoreError("a file was taken for one change".to_owned())),
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
fn cut<T>(all: Vec<T>, Listed { page, size, .. }: Listed) -> (u32, u32, Vec<T>) {
    let pages = u32::try_from(all.len()).unwrap_or(u32::MAX).div_ceil(size).max(1);
    let page = page.clamp(1, pages);
    let first = (page as usize - 1) * size as usize;
    (page, pages, all.into_iter().skip(first).take(size as usize).collect())
}
