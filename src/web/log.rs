//! The log: what was done, newest first, as far as the reader may see.

use std::sync::Arc;

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::Web;
use super::filters::{Asked, Field, Input};
use super::kinds::{Section, Trouble};
use super::page::{Layout, html, refused, trouble};
use super::visitor::Visitor;
use super::words::{CaseText, Label, Words};
use crate::domain::audit::{AuditEntry, NoAnswer};
use crate::domain::reply::{Answer, Reply};
use crate::domain::room::visible;
use crate::page::{Heading, Pen, When};

/// An operation in a row.
pub(super) struct Row {
    pub(super) number: i64,
    pub(super) at: When,
    /// The name that the actor had, and the id.
    pub(super) name: String,
    pub(super) id: String,
    pub(super) command: String,
    pub(super) outcome: &'static str,
    /// The outcome's name, for its colour.
    pub(super) class: &'static str,
    /// What helps to understand it: the owner before, a code, the reason of a denial.
    pub(super) detail: String,
}

/// The longest text in a row, in characters: its operation's own page has it whole.
const LONGEST_TEXT: usize = 120;

pub(super) fn clipped(text: &str) -> String {
    let text = visible(text);
    match text.char_indices().nth(LONGEST_TEXT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

impl Row {
    pub(super) fn of(entry: &AuditEntry, said: &dyn Words) -> Self {
        let page = said.page();
        let code = entry.error_code.map(|code| code.to_string());
        let previous = entry.previous_owner.as_ref().map(|owner| {
            let heading = if entry.new_owner.is_some() { Heading::OwnerBefore } else { Heading::Owner };
            format!("{}{}{owner}", page.heading(heading), said.label(Label::Colon))
        });
        let authority = entry.authority.clone().filter(|_| entry.outcome.name() == "denied");
        let detail: Vec<String> = [previous, code, authority].into_iter().flatten().collect();
        Self {
            number: entry.operation.seq(),
            at: Pen::new(page, None).when(entry.at),
            name: clipped(entry.actor_name.as_deref().unwrap_or_default()),
            id: entry.actor.as_ref().map(ToString::to_string).unwrap_or_default(),
            command: clipped(&entry.command),
            outcome: page.outcome(entry.outcome),
            class: entry.outcome.name(),
            detail: clipped(&detail.join(" · ")),
        }
    }
}

#[derive(Template)]
#[template(path = "log.html", config = "src/web/askama.toml")]
struct LogPage {
    layout: Layout,
    first: Vec<Field>,
    rest: Vec<Field>,
    uses_the_rest: bool,
    /// What is wrong with what was asked for.
    wrong: Option<String>,
    rows: Vec<Row>,
    /// What is said instead of rows.
    empty: &'static str,
    /// How far the reader sees, if not everything.
    reach: Option<String>,
    /// Readings that are left out.
    left_out: Option<String>,
    newest: Option<String>,
    older: Option<String>,
    /// Where the case of the room is made, if one room is looked at.
    case_file: Option<String>,
    /// Where the page goes on by itself.
    live: Option<String>,
}

/// `GET /log`
pub(super) async fn log(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
    RawQuery(query): RawQuery,
) -> Response {
    let said = visitor.said;
    let Some(asked) = Asked::read(query.as_deref(), &web.redactor) else {
        return trouble(said, StatusCode::URI_TOO_LONG, Trouble::Form);
    };
    let newest = web.service.store().log().newest_event().await;
    let reply = visitor.asks(&web, &asked.line(), asked.command()).await;
    let (first, rest) = asked.fields(said);
    let mut page = LogPage {
        layout: visitor.layout(Section::Log),
        first,
        rest,
        uses_the_rest: asked.uses_the_rest(),
        wrong: None,
        rows: Vec::new(),
        empty: "",
        reach: None,
        left_out: None,
        newest: asked.has("before").then(|| address(&asked, None)),
        older: None,
        case_file: asked.case_file(),
        live: None,
    };
    let wrong = match &reply {
        Reply::Invalid { error, .. } => error.problem.to_string(),
        Reply::Audit { operation, answer, reach, .. } => match &**answer {
            Ok(Answer::List(found)) => {
                page.rows = found.rows.iter().map(|entry| Row::of(entry, said)).collect();
                page.empty =
                    said.label(if asked.is_narrow() { Label::NothingFits } else { Label::NothingYet });
                let last = found.rows.last().filter(|_| found.is_cut);
                page.older = last.map(|last| address(&asked, Some(last.operation.seq())));
                page.left_out = (found.readings_left_out > 0).then(|| said.left_out(found.readings_left_out));
                page.reach = (!reach.is_everything()).then(|| visible(&said.reach(reach)));
                if let (true, Ok(newest)) = (asked.is_open(), newest) {
                    page.live = Some(format!("/log/live?{}&from={operation}-{newest}", asked.query(None)));
                }
                return html(&page);
            }
            Err(NoAnswer::Store(_)) | Ok(_) => {
                return trouble(said, StatusCode::SERVICE_UNAVAILABLE, Trouble::Store);
            }
            Err(wrong) => wrong.to_string(),
        },
        _ => return refused(said, &reply),
    };
    page.wrong = Some(visible(&wrong));
    let mut response = html(&page);
    *response.status_mut() = StatusCode::BAD_REQUEST;
    response
}

fn address(asked: &Asked, before: Option<i64>) -> String {
    format!("{}?{}", Section::Log.path(), asked.query(before))
}
