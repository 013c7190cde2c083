//! The bot's own answer, as it says it in chat, with the buttons that it offers.

use std::sync::Arc;

use askama::Template;
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};

use super::Web;
use super::address::address;
use super::form::Form;
use super::kinds::{Piece, Section};
use super::page::{Layout, html, not_taken, refused};
use super::visitor::Visitor;
use super::words::Label;
use crate::app::ports::StoreError;
use crate::domain::access::Needed;
use crate::domain::press::{Asks, Button};
use crate::domain::principal::Subject;
use crate::domain::reply::Reply;
use crate::domain::room::visible;
use crate::domain::wording::{Line, Message, Span, Tone, message};
use crate::page::Pen;

/// What the bot says, as it says it in chat.
pub(super) struct Said {
    /// How it feels, for its colour.
    pub(super) tone: &'static str,
    pub(super) sign: &'static str,
    pub(super) headline: Vec<Piece>,
    pub(super) body: Vec<Vec<Piece>>,
    pub(super) footer: Vec<Piece>,
}

impl Said {
    pub(super) fn of(message: &Message, pen: &Pen<'_>) -> Self {
        let tone = match message.tone {
            Tone::Done => "succeeded",
            Tone::Plain => "plain",
            Tone::Stop | Tone::Failed => "refused",
            Tone::Warning | Tone::Wait => "unknown",
        };
        Self {
            tone,
            sign: message.tone.sign(),
            headline: pieces(&message.headline, pen),
            body: message.body.iter().map(|line| pieces(line, pen)).collect(),
            footer: message.footer.as_ref().map(|line| pieces(line, pen)).unwrap_or_default(),
        }
    }
}

pub(super) fn pieces(line: &Line, pen: &Pen<'_>) -> Vec<Piece> {
    let piece = |span: &Span| match span {
        Span::Text(text) => Piece::Text(text.clone()),
        Span::Code(text) | Span::Link(text) => Piece::Code(visible(text)),
        Span::Subject(subject, Some(name)) => Piece::Named(visible(name), subject.to_string()),
        Span::Subject(subject, None) => Piece::Code(subject.to_string()),
        Span::Channel(channel) => Piece::Code(channel.to_string()),
        Span::Time(at) => Piece::Time(pen.when(*at)),
    };
    line.0.iter().map(piece).collect()
}

/// A button as a form.
pub(super) struct Pressable {
    pub(super) nonce: String,
    pub(super) label: String,
    /// Whether it is the one to press.
    pub(super) is_first: bool,
}

/// The buttons of a reply that its reader can press: what only another person may do is not shown.
///
/// # Errors
/// When the ACL cannot be read.
pub(super) async fn pressable(
    web: &Web,
    visitor: &Visitor,
    buttons: &[Button],
) -> Result<Vec<Pressable>, StoreError> {
    let (me, now) = (&visitor.session.subject, web.service.clock().now());
    let Some(channel) = visitor.session.place.or_here(None).filter(|_| !buttons.is_empty()) else {
        return Ok(Vec::new());
    };
    let may = visitor.rights(web).await?;
    let is_permitted = |button: &Button| {
        let command = button.offer.asks.command(&channel);
        command.is_ok_and(|command| command.action().is_none_or(&may))
    };
    let can = |button: &&Button| {
        button.check(me, None, now).is_ok() && !is_for_another(button, me) && is_permitted(button)
    };
    let form = |(n, button): (usize, &Button)| Pressable {
        nonce: button.nonce.as_str().to_owned(),
        label: visible(&visitor.said.button(&button.offer.label)),
        is_first: n == 0,
    };
    Ok(buttons.iter().filter(can).enumerate().map(form).collect())
}

/// Whether it takes a second person, and this one asked.
fn is_for_another(button: &Button, who: &Subject) -> bool {
    let Asks::Line { approval: Some(approval), .. } = &button.offer.asks else { return false };
    approval.gives == Needed::SecondPerson && approval.asker.subject == *who
}

#[derive(Template)]
#[template(path = "answer.html", config = "src/web/askama.toml")]
struct AnswerPage {
    layout: Layout,
    title: &'static str,
    answer: Said,
    buttons: Vec<Pressable>,
    /// Where the operation is, if the reader may see it.
    operation: Option<i64>,
    /// Where the page of the room is that was to be handed over, and its id.
    room: Option<(String, String)>,
}

/// Shows the answer to a form: where the reader may see the log, a hand-over is shown there.
pub(super) async fn answer(web: &Web, visitor: &Visitor, here: Section, reply: &Reply) -> Response {
    let may_see = visitor.sees.contains(&Section::Log);
    let operation = reply.operation().filter(|_| may_see).map(|operation| operation.seq());
    if let (Reply::Transfer { .. } | Reply::Held { .. }, Some(operation)) = (reply.said(), operation) {
        return Redirect::to(&format!("/op/{operation}")).into_response();
    }
    if matches!(reply, Reply::RateLimited { .. } | Reply::NotRecorded) {
        return refused(visitor.said, reply);
    }
    let Ok(buttons) = pressable(web, visitor, reply.buttons()).await else {
        return refused(visitor.said, &Reply::NotRecorded);
    };
    let room = match reply.said() {
        Reply::Transfer { transfer, .. } | Reply::Held { transfer, .. } => Some(&transfer.room),
        _ => None,
    };
    let pen = Pen::new(visitor.said.page(), None);
    html(&AnswerPage {
        layout: visitor.layout(here),
        title: visitor.said.section(here),
        answer: Said::of(&message(reply, &web.command), &pen),
        buttons,
        operation,
        room: room.and_then(|room| Some((address(room)?, visible(room.as_str())))),
    })
}

/// `POST /press`: the button of a reply.
pub(super) async fn press(State(web): State<Arc<Web>>, visitor: Visitor, body: Body) -> Response {
    let pressed = async {
        let form = Form::read(&web, body, &visitor).await?;
        let delivery = form.delivery(&visitor)?;
        let missing = || not_taken(visitor.said, StatusCode::BAD_REQUEST);
        let nonce = form.get("nonce").ok_or_else(missing)?;
        visitor.presses(&web, delivery, nonce).await.ok_or_else(missing)
    };
    match pressed.await {
        Ok(reply) => answer(&web, &visitor, Section::Rooms, &reply).await,
        Err(page) => page,
    }
}
