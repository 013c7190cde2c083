//! One operation: all that its entry says, its steps, where it was announced, and what proves it.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use tracing::warn;

use super::Web;
use super::answer::{Pressable, pressable};
use super::kinds::{Section, Trouble};
use super::page::{Layout, html, refused, trouble};
use super::visitor::Visitor;
use super::waiting::Waits;
use super::words::{Label, RoomLabel};
use crate::app::ports::{AuditLog, StoreError};
use crate::domain::audit::{Announced, ArchivedIn, AuditEntry, OperationId};
use crate::domain::case::CaseOperation;
use crate::domain::command::{Command, CommandGroup, Invocation, Question};
use crate::domain::reply::{Answer, Reply};
use crate::domain::room::visible;
use crate::domain::session::Proof;
use crate::page::{Heading, OperationPart, Pen, Sentences};

/// What proves an operation.
enum Proved {
    /// This, checked just now.
    Checked(Proof),
    /// Nothing here: its events are in an archive.
    Archived(ArchivedIn),
    /// Nothing: the check failed.
    Failed,
}

#[derive(Template)]
#[template(path = "op.html", config = "src/web/askama.toml")]
struct OperationPage {
    layout: Layout,
    words: &'static dyn Sentences,
    part: OperationPart,
    /// The channel and the address of each announcement.
    announced: Vec<(String, String)>,
    /// What is known beside the entry: a callback, what became of the reply.
    notes: Vec<String>,
    proof: Option<Proof>,
    /// What it waits for.
    waits: Option<Waits>,
    /// What was checked, and what was not.
    checks: Vec<&'static str>,
    /// Whether what is shown is what the events make.
    agrees: bool,
    /// What can be pressed under the bot's reply.
    buttons: Vec<Pressable>,
}

/// Asks for the operation, on record; or the page that is shown instead.
async fn asked(web: &Web, visitor: &Visitor, number: &str, line: Line) -> Result<AuditEntry, Response> {
    let said = visitor.said;
    let none = || trouble(said, StatusCode::NOT_FOUND, Trouble::NoOperation);
    let operation: OperationId = number.parse().map_err(|_| none())?;
    let line = match line {
        Line::Show => {
            let show = Invocation::named(CommandGroup::Audit, &["show"]).with("operation", operation);
            format!("/{} {}", CommandGroup::Audit.name(), show.as_typed())
        }
        Line::Prove => format!("room-owner audit prove {operation}"),
    };
    let command = Command::Audit(Box::new(Question::Show(operation)));
    match visitor.asks(web, &line, Ok(command)).await {
        Reply::Audit { answer, .. } => match *answer {
            Ok(Answer::Entry(entry)) => Ok(*entry),
            _ => Err(none()),
        },
        other => Err(refused(said, &other)),
    }
}

/// What a reading of one operation is recorded as.
enum Line {
    Show,
    Prove,
}

/// `GET /op/123`
pub(super) async fn operation(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
    Path(number): Path<String>,
) -> Response {
    let entry = match asked(&web, &visitor, &number, Line::Show).await {
        Ok(entry) => entry,
        Err(page) => return page,
    };
    match page(&web, &visitor, entry).await {
        Ok(page) => html(&page),
        Err(problem) => {
            warn!(error = %problem, "an operation cannot be shown whole");
            trouble(visitor.said, StatusCode::SERVICE_UNAVAILABLE, Trouble::Store)
        }
    }
}

async fn page(web: &Web, visitor: &Visitor, entry: AuditEntry) -> Result<OperationPage, StoreError> {
    let (log, said) = (web.service.store().log(), visitor.said);
    let (operation, words) = (entry.operation, said.page());
    let archived_in = log.archived_in(operation).await?;
    let link = |one: &Announced| Some((said.place_of(&one.channel), one.link()?));
    let announced = entry.announced.iter().filter_map(link).collect();
    let notes = notes(log, visitor, operation).await?;
    let events = log.events(operation).await?;
    let (entry, proved) = agreeing(web, entry, archived_in.clone()).await?;
    let offered = web.service.store().buttons(operation, web.service.clock().now()).await?;
    let waits = Waits::of(visitor, &offered);
    let buttons = pressable(web, visitor, &offered).await?;
    let of_case = CaseOperation { entry, events, archived_in, is_in_time: true };
    let mut part = Pen::new(words, None).operation(&of_case);
    part.proof = match &proved {
        Proved::Checked(proof) => said.checked(proof),
        Proved::Archived(archive) => words.not_proved(archive),
        Proved::Failed => said.label(Label::NotChecked).to_owned(),
    };
    part.proof = visible(&part.proof);
    let proof = match proved {
        Proved::Checked(proof) => Some(proof),
        Proved::Archived(_) | Proved::Failed => None,
    };
    let agrees = proof.as_ref().is_none_or(|proof| is_made_by(&of_case.entry, proof));
    Ok(OperationPage {
        layout: visitor.layout(Section::Log),
        words,
        part,
        announced,
        notes,
        checks: proof.as_ref().map(|proof| said.checks(proof.goes_on, agrees)).unwrap_or_default(),
        agrees,
        proof,
        waits,
        buttons,
    })
}

/// Whether the proved events make this entry.
fn is_made_by(entry: &AuditEntry, proof: &Proof) -> bool {
    proof.made.as_deref() == Some(entry)
}

/// The proof, and the entry as of the same time: an operation that goes on meanwhile is looked at once more.
async fn agreeing(
    web: &Web,
    mut entry: AuditEntry,
    archived_in: Option<ArchivedIn>,
) -> Result<(AuditEntry, Proved), StoreError> {
    let proved = prove(web, entry.operation, archived_in).await;
    let Proved::Checked(proof) = &proved else { return Ok((entry, proved)) };
    if is_made_by(&entry, proof) {
        return Ok((entry, proved));
    }
    entry = web.service.store().operation(entry.operation).await?.unwrap_or(entry);
    let proved = prove(web, entry.operation, None).await;
    Ok((entry, proved))
}

async fn notes(
    log: &dyn AuditLog,
    visitor: &Visitor,
    operation: OperationId,
) -> Result<Vec<String>, StoreError> {
    let mut notes = Vec::new();
    if let Some(confirmation) = log.confirmation(operation).await? {
        notes.push(visitor.said.confirmed(confirmation.event_at, confirmation.is_signed));
    }
    Ok(notes)
}

async fn prove(web: &Web, operation: OperationId, archived_in: Option<ArchivedIn>) -> Proved {
    if let Some(archive) = archived_in {
        return Proved::Archived(archive);
    }
    match web.console.sessions.prove(operation).await {
        Ok(proof) => Proved::Checked(proof),
        Err(problem) => {
            warn!(operation = operation.seq(), error = %problem, "an operation cannot be proved");
            Proved::Failed
        }
    }
}

/// `GET /op/123/proof`: the proofs of its events, as `room-owner audit verify-proof` checks them.
pub(super) async fn proof(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
    Path(number): Path<String>,
) -> Response {
    let entry = match asked(&web, &visitor, &number, Line::Prove).await {
        Ok(entry) => entry,
        Err(page) => return page,
    };
    match prove(&web, entry.operation, None).await {
        Proved::Checked(proof) => {
            let name = format!("attachment; filename=\"op-{}.tlog-proof\"", entry.operation);
            let kind = "text/plain; charset=utf-8".to_owned();
            ([(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, name)], proof.text).into_response()
        }
        Proved::Archived(_) | Proved::Failed => {
            trouble(visitor.said, StatusCode::SERVICE_UNAVAILABLE, Trouble::Store)
        }
    }
}
