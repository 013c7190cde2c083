//! `/room-acl`: who somebody is, what the ACL says and why, and who can help.

use std::collections::BTreeSet;

use tracing::warn;

use super::acl_file;
use super::corrections::absent_rooms;
use crate::app::ports::{GrantsPage, StoreError, WhichSettings};
use crate::app::service::{CommandService, OnRecord, asking};
use crate::domain::access::{
    AclView, Action, Author, Denial, Effect, EffectiveScope, Helpers, RoomScope, admins_of, attention,
    caller_rights, explain, is_live, is_open, live_admins, unread_groups, who_can,
};
use crate::domain::audit::OperationId;
use crate::domain::command::{AclCommand, CommandRequest, Listed, Place, Section, Why};
use crate::domain::principal::{Membership, Principal, Subject};
use crate::domain::reply::{AclAnswer, Explained, Names, Page, Reply};
use crate::domain::room::RoomId;

/// How many admins are named to whoever needs one.
const HELPERS: usize = 3;

/// The answer to a question that is permitted and on record.
pub(super) async fn answer(
    service: &CommandService,
    request: &CommandRequest,
    on_record: &OnRecord,
    command: &AclCommand,
) -> AclAnswer {
    let OnRecord { acl, reach, .. } = on_record;
    let by = Author { principal: &request.principal, reach, force: false };
    let answer = match command {
        AclCommand::WhoAmI => Ok(AclAnswer::WhoAmI {
            principal: request.principal.clone(),
            place: request.place.clone(),
            caller_rights: Box::new(caller_rights(
                &request.principal,
                &request.place,
                acl,
                service.clock.now(),
            )),
            helpers: helpers(service, request, &[]).await,
        }),
        AclCommand::List(listed) => list(service, listed).await,
        AclCommand::Why(why) => explained(service, why, request).await,
        AclCommand::WhoCan(room) => who_can_transfer(service, room).await,
        AclCommand::Export => acl_file::export(service).await,
        AclCommand::Plan(wanted) => acl_file::plan(service, wanted, &by).await,
        AclCommand::Preview(_) | AclCommand::Edit { .. } => {
            Err(StoreError("an edit was admitted as a question".to_owned()))
        }
    };
    answer.unwrap_or_else(|error| {
        warn!(%error, "a question about the acl cannot be answered");
        AclAnswer::Unreadable
    })
}

/// The answer to a request that is not permitted: why, and who can help.
pub(super) async fn denied(
    service: &CommandService,
    request: &CommandRequest,
    operation: OperationId,
    acl: &AclView,
    (denial, action): (&Denial, &Action),
) -> Reply {
    let helpers = match action {
        Action::ReadAcl(_) | Action::ReadAudit | Action::UseConsole => helpers(service, request, &[]).await,
        Action::EditAcl(rooms) => helpers(service, request, rooms).await,
        Action::ShowOwner(room) | Action::Transfer(room) | Action::Override(room) => {
            helpers(service, request, &[RoomScope::Exact(room.clone())]).await
        }
    };
    let subject = request.principal.subject.clone();
    let ask = asking::offered(service, request, acl).await;
    Reply::Denied { operation, denial: denial.clone(), subject, action: action.clone(), helpers, ask }
}

/// The admins other than the caller who could change entries for all of `rooms`, of the place's own workspace or
/// server.
pub(super) async fn helpers(
    service: &CommandService,
    request: &CommandRequest,
    rooms: &[RoomScope],
) -> Helpers {
    let in_direct_message = matches!(&request.place, Place::Channel(here) if here.is_direct_message());
    let now = service.clock.now();
    let grants = match service.store.admins().await {
        Ok(grants) => grants,
        Err(error) => {
            warn!(%error, "the admins cannot be named");
            return Helpers { is_anybody_admin: true, in_direct_message, ..Helpers::default() };
        }
    };
    let is_near = |admin: &Subject| match &request.place {
        Place::Channel(channel) => admin.is_of(channel),
        Place::Local => false,
    };
    let admins: BTreeSet<Subject> = admins_of(&grants, rooms, now)
        .map(|grant| grant.subject.clone())
        .filter(|admin| *admin != request.principal.subject && is_near(admin))
        .collect();
    let admins = admins.into_iter().take(HELPERS).collect();
    Helpers { admins, is_anybody_admin: live_admins(&grants, now).next().is_some(), in_direct_message }
}

/// The answer with the names of those whom its reader's platform does not show, as they were last seen; and with what
/// is known of its rooms in reach.
pub(super) async fn captioned(
    service: &CommandService,
    operation: OperationId,
    answer: AclAnswer,
    place: &Place,
    reach: &EffectiveScope,
) -> Reply {
    let absent = absent_rooms(service, &answer, reach).await;
    let is_shown = |subject: &Subject| matches!(place, Place::Channel(here) if here.shows(subject));
    let mut names = Names::new();
    for subject in answer.subjects().into_iter().collect::<BTreeSet<_>>() {
        if is_shown(subject) || subject.is_group() {
            continue;
        }
        if let Some(name) = service.last_seen_name(subject).await {
            names.insert(subject.clone(), name);
        }
    }
    Reply::Acl { operation, answer: Box::new(answer), names, absent }
}

async fn list(service: &CommandService, listed: &Listed) -> Result<AclAnswer, StoreError> {
    let now = service.clock.now();
    let at = |page: u32| Listed { page, ..listed.clone() };
    match listed.part {
        Section::Channels => {
            let channels = service.store.channels().await?;
            return Ok(AclAnswer::Channels(page_of(channels, |it| is_open(it, now), listed)));
        }
        Section::Announcements => {
            let channels = service.store.announcement_channels().await?;
            return Ok(AclAnswer::Announcements(page_of(channels, |it| it.is_live(now), listed)));
        }
        Section::Links | Section::Rooms => {
            let is_link = listed.part == Section::Links;
            let mut settings = service.store.settings(&WhichSettings::All).await?;
            settings.retain(|entry| entry.setting.person().is_some() == is_link);
            settings.retain(|entry| listed.who.is_none() || entry.setting.person() == listed.who.as_ref());
            let page = page_of(settings, |it| it.is_live(now), listed);
            return Ok(AclAnswer::Settings(listed.part, page));
        }
        Section::Live | Section::All | Section::Attention => {}
    }
    if listed.part == Section::Attention {
        let mut grants = service.store.live_grants(now).await?;
        grants.retain(|grant| listed.who.as_ref().is_none_or(|who| grant.subject == *who));
        let shown = attention(&grants, &service.store.grant_uses().await?, now);
        let (page, pages, shown) = cut(shown, listed);
        let grants = shown.into_iter().map(|(grant, why)| (grant, Some(why))).collect();
        let mut asks = service.store.open_access_requests(now).await?;
        asks.retain(|ask| listed.who.as_ref().is_none_or(|who| ask.person == *who));
        let (listed, announced) = (at(page), Vec::new());
        return Ok(AclAnswer::Grants { listed, pages, grants, left_out: 0, announced, asks });
    }
    if let Some(who) = &listed.who {
        let mut grants = service.store.grants().await?;
        grants.retain(|grant| grant.subject == *who);
        let (left_out, grants) = only(grants, |it| listed.part == Section::All || is_live(it, now));
        let (page, pages, grants) = cut(grants, listed);
        let grants = grants.into_iter().map(|grant| (grant, None)).collect();
        let (listed, announced, asks) = (at(page), Vec::new(), Vec::new());
        return Ok(AclAnswer::Grants { listed, pages, grants, left_out, announced, asks });
    }
    let live_at = (listed.part == Section::Live).then_some(now);
    let GrantsPage { page, pages, grants, left_out } =
        service.store.grants_page(live_at, listed.page, listed.size).await?;
    let grants = grants.into_iter().map(|grant| (grant, None)).collect();
    let (_, announced) = only(service.store.announcement_channels().await?, |it| it.is_live(now));
    Ok(AclAnswer::Grants { listed: at(page), pages, grants, left_out, announced, asks: Vec::new() })
}

/// Those that are shown, and how many are not.
fn only<T>(mut all: Vec<T>, is_shown: impl Fn(&T) -> bool) -> (usize, Vec<T>) {
    let known = all.len();
    all.retain(is_shown);
    (known - all.len(), all)
}

/// The page of those that hold, or of removed ones too.
fn page_of<T>(all: Vec<T>, holds: impl Fn(&T) -> bool, listed: &Listed) -> Page<T> {
    let (left_out, entries) = only(all, |it| listed.removed || holds(it));
    let (page, pages, entries) = cut(entries, listed);
    Page { page, pages, entries, left_out }
}

/// The page, or the last one if there are fewer; and the number of pages.
fn cut<T>(all: Vec<T>, &Listed { page, size, .. }: &Listed) -> (u32, u32, Vec<T>) {
    let pages = u32::try_from(all.len()).unwrap_or(u32::MAX).div_ceil(size).max(1);
    let page = page.clamp(1, pages);
    let first = (page as usize - 1) * size as usize;
    (page, pages, all.into_iter().skip(first).take(size as usize).collect())
}

async fn explained(
    service: &CommandService,
    why: &Why,
    request: &CommandRequest,
) -> Result<AclAnswer, StoreError> {
    let channel = request.place.or_here(why.channel.as_ref());
    let channel = channel.ok_or_else(|| StoreError("no channel is named".to_owned()))?;
    let is_caller = why.subject.as_ref().is_none_or(|subject| *subject == request.principal.subject);
    let at = why.at.unwrap_or_else(|| service.clock.now());
    let mut principal = match &why.subject {
        // Discord says which roles a chosen member has, @everyone's among them.
        Some(subject) if !is_caller && !why.groups.is_empty() => {
            Principal::new(subject.clone()).only_in(why.groups.clone())
        }
        // Which roles somebody has, Discord says with each of their own requests.
        Some(subject @ Subject::DiscordUser { .. }) if !is_caller => Principal::new(subject.clone()),
        Some(subject) if !is_caller => service.directory.known().principal(subject.clone(), at),
        _ => request.principal.clone(),
    };
    for group in &why.assumed {
        if principal.membership(group) != Membership::In {
            principal.groups.push(group.clone());
        }
    }
    let mut acl = service.store.acl_history_for(&principal, &channel).await?;
    let of_the_time = match why.at {
        Some(_) => service.store.grants().await?,
        None => service.store.live_grants_for(&why.room, at).await?,
    };
    acl.grants.extend(of_the_time.into_iter().filter(|grant| {
        grant.effect == Effect::Permit && principal.membership(&grant.subject) == Membership::Unknown
    }));
    let action = Action::Transfer(why.room.clone());
    let explanation = explain(&principal, &Place::Channel(channel.clone()), &action, &acl, at);
    let (room, mark) = (why.room.clone(), acl.mark_of(&why.room, at));
    let explained = Explained { principal, is_caller, channel, room, at, explanation, mark };
    Ok(AclAnswer::Explained(Box::new(explained)))
}

async fn who_can_transfer(service: &CommandService, room: &RoomId) -> Result<AclAnswer, StoreError> {
    let now = service.clock.now();
    let grants = service.store.live_grants_for(room, now).await?;
    let channels = service.store.channels().await?;
    let known = service.directory.known();
    let able = who_can(room, &grants, &channels, &known, now);
    let unread = unread_groups(room, &grants, &known, now);
    Ok(AclAnswer::WhoCan { room: room.clone(), able, unread })
}
