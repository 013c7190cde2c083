//! Handing a room over: what is about to happen is shown first, and done when that page is sent.

use std::sync::Arc;

use askama::Template;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use tracing::warn;

use super::Web;
use super::address::address;
use super::answer::answer;
use super::form::Form;
use super::kinds::{Piece, Section, Trouble};
use super::page::{Layout, html, not_taken, refused, trouble};
use super::room::named;
use super::visitor::Visitor;
use super::words::{Label, RoomLabel, Words};
use crate::app::ports::{StoreError, WhichSettings};
use crate::domain::access::{Asker, Mark, Needed, account_of};
use crate::domain::audit::OperationId;
use crate::domain::command::{Command, CommandGroup, Invocation, Place, UsageError, Values};
use crate::domain::press::held_for;
use crate::domain::principal::Subject;
use crate::domain::reply::Reply;
use crate::domain::room::{AccountId, RoomId, visible};
use crate::page::Heading;

/// What the form asks for.
struct Asked {
    room: RoomId,
    new_owner: String,
    reason: Option<String>,
    overrides: Option<String>,
    /// The owner that was shown; `None` if it cannot be read, which only an override takes.
    if_owner: Option<AccountId>,
}

impl Asked {
    /// What a form asks for. `None` if a field is missing that every such form has.
    fn read(room: RoomId, form: &Form) -> Option<Self> {
        let typed = |name| form.typed(name).map(str::to_owned);
        let new_owner = form.get("new_owner")?;
        let if_owner = form.get("if_owner").map(|owner| AccountId::from_tencent(owner.to_owned()));
        let asked = Self {
            room,
            new_owner: new_owner.trim().to_owned(),
            reason: typed("reason"),
            overrides: typed("override"),
            if_owner,
        };
        (asked.if_owner.is_some() || asked.overrides.is_some()).then_some(asked)
    }

    fn fields(&self) -> [(&'static str, Option<String>); 4] {
        [
            ("room", Some(self.room.to_string())),
            ("new_owner", Some(self.new_owner.clone())),
            ("override", self.overrides.clone()),
            ("reason", self.reason.clone()),
        ]
    }

    /// The line that asks for the same.
    fn line(&self) -> String {
        let with = |line: Invocation, (name, value): (&'static str, Option<String>)| match value {
            Some(value) => line.with(name, value),
            None => line,
        };
        let line = self.fields().into_iter().fold(Invocation::named(CommandGroup::Owner, &[]), with);
        format!("/{} {}", CommandGroup::Owner.name(), line.as_typed())
    }

    fn command(&self) -> Result<Command, UsageError> {
        Values::of_texts(Invocation::named(CommandGroup::Owner, &[]).verb, self.fields())
    }
}

#[derive(Template)]
#[template(path = "hand_over.html", config = "src/web/askama.toml")]
struct ReviewPage {
    layout: Layout,
    question: Vec<Piece>,
    /// The person who has the new owner's account, if one was named.
    person: Option<String>,
    reason: Option<String>,
    /// What else there is to know before.
    notes: Vec<String>,
    /// What is written on the button; none if there is nothing to press.
    button: Option<&'static str>,
    at: String,
    /// What the form sends.
    fields: Vec<(&'static str, String)>,
}

/// `POST /room/vip-1/hand-over`: shows what would happen; from the page that shows it, does it.
pub(super) async fn hand_over(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
    path: Result<Path<String>, PathRejection>,
    body: Body,
) -> Response {
    let read = async {
        let form = Form::read(&web, body, &visitor).await?;
        let delivery = form.delivery(&visitor)?;
        let room = named(path).map_err(|why| trouble(visitor.said, StatusCode::NOT_FOUND, why))?;
        let missing = || not_taken(visitor.said, StatusCode::BAD_REQUEST);
        let asked = Asked::read(room, &form).ok_or_else(missing)?;
        Ok::<_, Response>((asked, delivery, form.get("sure") == Some("yes")))
    };
    let (asked, delivery, is_sure) = match read.await {
        Ok(read) => read,
        Err(page) => return page,
    };
    let command = asked.command();
    if !is_sure {
        match review(&web, &visitor, &asked, &command).await {
            Ok(Some(page)) => return html(&page),
            Ok(None) => {}
            Err(problem) => {
                warn!(error = %problem, "a hand-over cannot be shown before it is done");
                return trouble(visitor.said, StatusCode::SERVICE_UNAVAILABLE, Trouble::Store);
            }
        }
    }
    let (line, if_owner) = (asked.line(), asked.if_owner);
    let reply = visitor.sends(&web, delivery, &line, command, if_owner).await;
    match reply.said() {
        Reply::Invalid { .. } => refused(visitor.said, &reply),
        Reply::Denied { .. } => {
            let mut page = answer(&web, &visitor, Section::Rooms, &reply).await;
            *page.status_mut() = StatusCode::FORBIDDEN;
            page
        }
        _ => answer(&web, &visitor, Section::Rooms, &reply).await,
    }
}

/// The page that shows what would happen. `None` for what is refused anyway, on record.
async fn review(
    web: &Web,
    visitor: &Visitor,
    asked: &Asked,
    command: &Result<Command, UsageError>,
) -> Result<Option<ReviewPage>, StoreError> {
    let Ok(command) = command else { return Ok(None) };
    let may = visitor.rights(web).await?;
    if !command.action().is_some_and(may) {
        return Ok(None);
    }
    let Some((account, person)) = new_owner(web, command).await? else { return Ok(None) };
    let said = visitor.said;
    let mark = visitor.mark(web, &asked.room).await?;
    let is_new = !web.service.store().has_seen(&account).await?;
    let mut notes: Vec<String> = Vec::new();
    notes.extend(is_new.then(|| said.room(RoomLabel::NewAccount).to_owned()));
    notes.extend(mark.map(|mark| note_of(mark, visitor, web)));
    notes.extend(overridden(command).map(|operation| said.overrides(operation.seq())));
    let owner = asked.if_owner.as_ref().map(ToString::to_string);
    notes.extend(owner.is_some().then(|| said.room(RoomLabel::IfOwner).to_owned()));
    let fields = asked.fields().into_iter().filter(|(name, _)| *name != "room");
    let mut fields: Vec<_> = fields.filter_map(|(name, value)| Some((name, value?))).collect();
    fields.extend(owner.clone().map(|owner| ("if_owner", owner)));
    fields.push(("sure", "yes".to_owned()));
    Ok(Some(ReviewPage {
        layout: visitor.layout(Section::Rooms),
        question: said.question(
            visible(asked.room.as_str()),
            owner.as_deref().map(visible),
            visible(account.as_str()),
        ),
        person: person.map(|person| person.to_string()),
        reason: asked.reason.as_deref().map(visible),
        notes,
        button: button(mark, &visitor.session.place, said),
        at: address(&asked.room).unwrap_or_default(),
        fields,
    }))
}

/// The account that is to own the room, and the person who was named. `None` if it is no hand-over, or they have none.
async fn new_owner(web: &Web, command: &Command) -> Result<Option<(AccountId, Option<Subject>)>, StoreError> {
    Ok(match command {
        Command::Transfer(transfer) => Some((transfer.new_owner.clone(), None)),
        Command::HandTo(to) => {
            let which = WhichSettings::LinksOf(vec![to.person.clone()]);
            let links = web.service.store().settings(&which).await?;
            let account = account_of(&links, &to.person, web.service.clock().now()).cloned();
            account.map(|account| (account, Some(to.person.clone())))
        }
        _ => None,
    })
}

fn overridden(command: &Command) -> Option<OperationId> {
    match command {
        Command::Transfer(transfer) => transfer.overrides,
        Command::HandTo(to) => to.overrides,
        _ => None,
    }
}

fn note_of(mark: Mark, visitor: &Visitor, web: &Web) -> String {
    let said = visitor.said;
    match (mark, &visitor.session.place) {
        (Mark::Confirm, _) => said.room(RoomLabel::Confirms).to_owned(),
        (Mark::TwoPerson, Place::Local) => said.room(RoomLabel::InAChannel).to_owned(),
        (Mark::TwoPerson, Place::Channel(_)) => {
            let asker = Asker {
                subject: visitor.session.subject.clone(),
                name: None,
                groups: Vec::new(),
                at: web.service.clock().now(),
            };
            said.approve_within(held_for(Needed::SecondPerson, &asker).as_mins())
        }
    }
}

fn button(mark: Option<Mark>, place: &Place, said: &dyn Words) -> Option<&'static str> {
    match (mark, place) {
        (Some(Mark::TwoPerson), Place::Local) => None,
        (Some(Mark::TwoPerson), Place::Channel(_)) => Some(said.room(RoomLabel::AskForIt)),
        _ => Some(said.room(RoomLabel::DoIt)),
    }
}
