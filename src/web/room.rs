//! One room: who owns it, who owned it when, what was done, and the form that hands it over.

use std::sync::Arc;

use askama::Template;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use jiff::tz::TimeZone;
use serde::Deserialize;
use tracing::warn;

use super::Web;
use super::address::address;
use super::answer::{Pressable, Said, pressable};
use super::kinds::{Piece, Section, Trouble};
use super::log::Row;
use super::page::{Layout, html, refused, trouble};
use super::visitor::Visitor;
use super::waiting::{Waiting, waiting};
use super::words::{CaseText, Label, RoomLabel};
use crate::app::ports::StoreError;
use crate::app::suggest;
use crate::domain::access::Action;
use crate::domain::audit::{AuditFilter, NoAnswer, OperationKind, Outcome};
use crate::domain::command::{Command, CommandGroup, Invocation, Question, Values};
use crate::domain::reply::{Answer, OwnerHistory, Reply};
use crate::domain::room::{AccountId, InvalidRoomId, RoomId, visible};
use crate::domain::wording::message;
use crate::page::{Heading, OwnersPart, Pen, Sentences};

/// How many hand-overs are shown.
const RECENT: u32 = 8;
/// How many entries of a room are looked through for its last hand-over.
const ENTRIES: u32 = 20;
/// How many accounts the form suggests.
const SUGGESTIONS: usize = 20;

/// How far back the picture goes: a time of the log's own grammar, and what it is called.
const TIMES: [(Option<&str>, RoomLabel); 3] =
    [(Some("1d"), RoomLabel::Day), (Some("7d"), RoomLabel::Week), (None, RoomLabel::Whole)];

/// The room's owner as the page shows it.
struct Now {
    owner: String,
    viewers: Option<u64>,
    mark: Option<&'static str>,
}

/// What the log says of the room.
struct Past {
    owners: OwnersPart,
    /// Whether there are older owners.
    is_cut: bool,
    rows: Vec<Row>,
    log_at: String,
    /// Where a case file of it is made.
    case_at: String,
}

/// The last hand-over, which can be undone.
struct Undo {
    back_to: String,
    buttons: Vec<Pressable>,
}

/// What the form needs to hand the room over.
struct HandOver {
    /// The owner that was shown, as Tencent names it; `None` if it cannot be read, which only an override takes.
    owner: Option<String>,
    /// Accounts, and what the people are called who have them.
    suggestions: Vec<(String, String)>,
    /// That an operation holds the room.
    held_by: Option<String>,
    /// The same operation, if the visitor may override it, and what to tick.
    overrides: Option<(i64, String)>,
}

#[derive(Template)]
#[template(path = "room.html", config = "src/web/askama.toml")]
struct RoomPage {
    layout: Layout,
    words: &'static dyn Sentences,
    room: String,
    at: String,
    now: Option<Now>,
    /// What the bot says if there is no owner to show, and the room that was probably meant.
    failed: Option<Said>,
    meant: Option<(String, String)>,
    waiting: Vec<Waiting>,
    undo: Option<Undo>,
    form: Option<HandOver>,
    /// The choices of time: where each leads, what it is called, whether it is this one.
    times: Vec<(String, &'static str, bool)>,
    past: Option<Past>,
}

/// From when on the picture is asked for.
#[derive(Deserialize)]
pub(super) struct Since {
    since: Option<String>,
}

/// The room that a path names.
///
/// # Errors
/// When it is none: why.
pub(super) fn named(path: Result<Path<String>, PathRejection>) -> Result<RoomId, Trouble> {
    let Path(id) = path.map_err(|rejection| Trouble::Wrong(rejection.body_text()))?;
    id.parse().map_err(|error: InvalidRoomId| Trouble::Wrong(error.to_string()))
}

/// `GET /room/vip-1`
pub(super) async fn room(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
    path: Result<Path<String>, PathRejection>,
    Query(Since { since }): Query<Since>,
) -> Response {
    let page = async {
        let room = named(path).map_err(|why| trouble(visitor.said, StatusCode::NOT_FOUND, why))?;
        let since = since.as_deref().map(str::trim).filter(|since| !since.is_empty());
        page(&web, &visitor, room, since).await
    };
    match page.await {
        Ok(page) => html(&page),
        Err(page) => page,
    }
}

/// The page in the place of what the store cannot say.
fn unreadable(visitor: &Visitor) -> impl Fn(StoreError) -> Response {
    let said = visitor.said;
    move |problem| {
        warn!(error = %problem, "a room cannot be shown whole");
        trouble(said, StatusCode::SERVICE_UNAVAILABLE, Trouble::Store)
    }
}

async fn page(web: &Web, visitor: &Visitor, room: RoomId, since: Option<&str>) -> Result<RoomPage, Response> {
    let (said, words) = (visitor.said, visitor.said.page());
    let failed = || unreadable(visitor);
    let show = Invocation::named(CommandGroup::Owner, &[]).with("room", &room);
    let line = format!("/{} {}", CommandGroup::Owner.name(), show.as_typed());
    let reply = visitor.asks(web, &line, Ok(Command::ShowOwner { room: room.clone() })).await;
    let Reply::Owner { outcome, meant, .. } = &reply else { return Err(refused(said, &reply)) };
    let owner = match outcome {
        Outcome::Shown(owner) => Some(owner),
        _ => None,
    };
    let past = match visitor.sees.contains(&Section::Log) {
        true => past(web, visitor, &room, since).await?,
        false => None,
    };
    let may = visitor.rights(web).await.map_err(failed())?;
    let hands_over = may(Action::Transfer(room.clone()));
    let at = address(&room).unwrap_or_default();
    let mut page = RoomPage {
        layout: visitor.layout(Section::Rooms),
        words,
        room: visible(room.as_str()),
        times: TIMES.iter().map(|(time, label)| choice(&at, *time, since, said.room(*label))).collect(),
        at,
        now: None,
        failed: owner.is_none().then(|| Said::of(&message(&reply, &web.command), &Pen::new(words, None))),
        meant: meant.as_ref().and_then(|meant| Some((address(meant)?, visible(meant.as_str())))),
        waiting: waiting(web, visitor, Some(&room)).await.map_err(failed())?,
        undo: None,
        form: None,
        past,
    };
    if let Some(owner) = owner {
        let mark = visitor.mark(web, &room).await.map_err(failed())?.filter(|_| hands_over);
        page.now = Some(Now {
            owner: visible(owner.as_str()),
            viewers: web.service.viewers(&room).await,
            mark: mark.map(|mark| said.mark(mark)),
        });
    }
    if hands_over {
        page.undo = undo(web, visitor, &room).await.map_err(failed())?;
        let overrides = may(Action::Override(room.clone()));
        let form = form(web, visitor, &room, owner, overrides).await.map_err(failed())?;
        page.form = Some(form).filter(|form| form.owner.is_some() || form.overrides.is_some());
    }
    Ok(page)
}

fn choice(
    at: &str,
    time: Option<&str>,
    since: Option<&str>,
    label: &'static str,
) -> (String, &'static str, bool) {
    let query = time.map(|time| format!("?since={time}")).unwrap_or_default();
    (format!("{at}{query}#owners"), label, time == since)
}

/// What the log says of the room, asked for on record; `None` if it is out of reach.
async fn past(
    web: &Web,
    visitor: &Visitor,
    room: &RoomId,
    since: Option<&str>,
) -> Result<Option<Past>, Response> {
    let said = visitor.said;
    let history = Invocation::named(CommandGroup::Audit, &["history"]);
    let texts = [("room", Some(room.to_string())), ("since", since.map(str::to_owned))];
    let command = Values::of_texts(history.verb, texts);
    let line = history.with("room", room);
    let line = since.map_or(line.clone(), |since| line.with("since", web.redactor.text(since)));
    let line = format!("/{} {}", CommandGroup::Audit.name(), line.as_typed());
    let (now, zone) = (web.service.clock().now(), TimeZone::UTC);
    let from = match &command {
        Ok(Command::Audit(question)) => match &**question {
            Question::History(_, filter) => filter.since.as_ref().and_then(|it| it.resolve(now, &zone).ok()),
            _ => None,
        },
        _ => None,
    };
    let reply = visitor.asks(web, &line, command).await;
    let Reply::Audit { answer, .. } = &reply else { return Err(refused(said, &reply)) };
    let OwnerHistory { spans, is_cut, .. } = match &**answer {
        Ok(Answer::History(history)) => &**history,
        Err(NoAnswer::OutOfReach(_)) => return Ok(None),
        Err(NoAnswer::Store(_)) | Ok(_) => {
            return Err(trouble(said, StatusCode::SERVICE_UNAVAILABLE, Trouble::Store));
        }
        Err(wrong) => {
            return Err(trouble(said, StatusCode::BAD_REQUEST, Trouble::Wrong(wrong.to_string())));
        }
    };
    let history = OwnerHistory { room: room.clone(), spans: spans.clone(), is_cut: *is_cut };
    let filter = AuditFilter {
        room: Some(room.clone()),
        kind: Some(OperationKind::Transfer),
        without_readings: true,
        limit: Some(RECENT),
        ..AuditFilter::default()
    };
    let entries = web.service.store().audit(&filter).await.map_err(unreadable(visitor))?;
    let query = form_urlencoded::Serializer::new(String::new()).append_pair("room", room.as_str()).finish();
    Ok(Some(Past {
        owners: Pen::new(said.page(), None).owners(&history, from, now, "/op/"),
        is_cut: *is_cut,
        rows: entries.iter().map(|entry| Row::of(entry, said)).collect(),
        log_at: format!("{}?{query}", Section::Log.path()),
        case_at: format!("/case?{query}"),
    }))
}

/// The button that undoes the last hand-over, if it can be pressed.
async fn undo(web: &Web, visitor: &Visitor, room: &RoomId) -> Result<Option<Undo>, StoreError> {
    let store = web.service.store();
    let filter = AuditFilter { room: Some(room.clone()), ..AuditFilter::succeeded(ENTRIES) };
    let newest = store.audit(&filter).await?.into_iter().find(|entry| entry.new_owner.is_some());
    let Some((newest, back_to)) = newest.and_then(|it| Some((it.operation, it.previous_owner?))) else {
        return Ok(None);
    };
    let buttons = store.buttons(newest, web.service.clock().now()).await?;
    let buttons = pressable(web, visitor, &buttons).await?;
    Ok((!buttons.is_empty()).then(|| Undo { back_to: visible(&back_to), buttons }))
}

async fn form(
    web: &Web,
    visitor: &Visitor,
    room: &RoomId,
    owner: Option<&AccountId>,
    overrides: bool,
) -> Result<HandOver, StoreError> {
    let (principal, place) = (visitor.principal(web), &visitor.session.place);
    let owners = suggest::owners(&web.service, &principal, place, room, "", SUGGESTIONS).await;
    let suggestion =
        |it: suggest::Owner| (visible(&it.account), visible(it.person.as_deref().unwrap_or_default()));
    let is_another = |it: &suggest::Owner| owner.is_none_or(|owner| owner.as_str() != it.account);
    let open = web.service.store().unresolved().await?;
    let holds = open.iter().find(|open| open.room == *room && open.new_owner.is_some());
    let (said, holds) = (visitor.said, holds.map(|open| open.operation.seq()));
    Ok(HandOver {
        owner: owner.map(ToString::to_string),
        suggestions: owners.into_iter().filter(is_another).map(suggestion).collect(),
        held_by: holds.map(|operation| said.held_by(operation)),
        overrides: holds.filter(|_| overrides).map(|operation| (operation, said.override_it(operation))),
    })
}
