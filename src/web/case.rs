//! The case of a room as one download: the files that `room-owner audit case` writes.

use std::io::{Cursor, Write as _};
use std::sync::Arc;

use askama::Template;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use tracing::warn;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::Web;
use super::form::Form;
use super::kinds::{Section, Trouble};
use super::page::{Layout, html, not_taken, refused, trouble};
use super::visitor::Visitor;
use super::words::{CaseText, Label};
use crate::app::console::CaseOf;
use crate::app::ports::StoreError;
use crate::domain::audit::{AuditFilter, Filter, NoAnswer};
use crate::domain::command::{Command, CommandGroup, Invocation, Question, UsageError, Values, shell_word};
use crate::domain::language::Language;
use crate::domain::reply::{Answer, Reply};
use crate::domain::room::visible;

/// The most operations of a room that one download has: they are put together in memory, some ten kilobytes each.
const MOST: u32 = 2_000;

/// What a case is asked for with.
#[derive(Deserialize, Default)]
pub(super) struct Wanted {
    #[serde(default)]
    room: String,
    #[serde(default)]
    since: String,
    #[serde(default)]
    until: String,
    #[serde(default)]
    zone: String,
}

#[derive(Template)]
#[template(path = "case.html", config = "src/web/askama.toml")]
struct CasePage {
    layout: Layout,
    room: String,
    /// Name, label and value of each text field.
    fields: [(&'static str, &'static str, String); 3],
    /// The languages, and which is chosen.
    languages: [(&'static str, &'static str, bool); 2],
    wrong: Option<String>,
}

impl Wanted {
    fn of(form: &Form) -> Self {
        let text = |name| form.typed(name).unwrap_or_default().to_owned();
        Self { room: text("room"), since: text("since"), until: text("until"), zone: text("zone") }
    }

    /// What was filled in, by the name of the option.
    fn given(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let all =
            [("room", &self.room), ("since", &self.since), ("until", &self.until), ("zone", &self.zone)];
        all.into_iter().map(|(name, text)| (name, text.trim())).filter(|(_, text)| !text.is_empty())
    }

    /// The line that asks for it on the bot's machine.
    fn line(&self, language: Language) -> String {
        let mut line = "room-owner audit case".to_owned();
        self.given().for_each(|(name, text)| line.push_str(&format!(" --{name} {}", shell_word(text))));
        line + " --lang " + language.name()
    }

    /// The same question as the line's: all operations of the room in the time.
    fn command(&self) -> Result<Command, UsageError> {
        let list = Invocation::named(CommandGroup::Audit, &["list"]).verb;
        let texts = self.given().map(|(name, text)| (name, Some(text.to_owned())));
        Ok(match Values::of_texts(list, texts)? {
            Command::Audit(question) => Command::Audit(match *question {
                Question::List(Filter { room, since, until, zone, .. }) => {
                    Box::new(Question::Export(Filter { room, since, until, zone, ..Filter::default() }, None))
                }
                other => Box::new(other),
            }),
            other => other,
        })
    }

    fn page(&self, visitor: &Visitor, language: Language, wrong: Option<String>) -> CasePage {
        let said = visitor.said;
        let field = |name, label, text: &str| (name, said.case(label), visible(text));
        let choice = |it: Language, name| (it.name(), name, it == language);
        CasePage {
            layout: visitor.layout(Section::Log),
            room: visible(&self.room),
            fields: [
                field("since", CaseText::Since, &self.since),
                field("until", CaseText::Until, &self.until),
                field("zone", CaseText::Zone, &self.zone),
            ],
            languages: [choice(Language::English, "English"), choice(Language::Chinese, "简体中文")],
            wrong: wrong.map(|wrong| visible(&wrong)),
        }
    }
}

/// `GET /case?room=live-7`: a form that reads nothing.
pub(super) async fn ask(visitor: Visitor, Query(wanted): Query<Wanted>) -> Response {
    if !visitor.sees.contains(&Section::Log) {
        return trouble(visitor.said, StatusCode::FORBIDDEN, Trouble::Denied(None));
    }
    if wanted.room.trim().is_empty() {
        return trouble(visitor.said, StatusCode::NOT_FOUND, Trouble::Form);
    }
    html(&wanted.page(&visitor, visitor.said.language(), None))
}

/// `POST /case`: one reading, and the archive.
pub(super) async fn case(State(web): State<Arc<Web>>, visitor: Visitor, body: Body) -> Response {
    let form = match Form::read(&web, body, &visitor).await {
        Ok(form) => form,
        Err(page) => return page,
    };
    let Some(language) = form.get("lang").and_then(Language::named) else {
        return not_taken(visitor.said, StatusCode::BAD_REQUEST);
    };
    let wanted = Wanted::of(&form);
    if wanted.room.is_empty() {
        return not_taken(visitor.said, StatusCode::BAD_REQUEST);
    }
    let line = web.redactor.text(&wanted.line(language)).into_owned();
    let wrong = match visitor.asks(&web, &line, wanted.command()).await {
        Reply::Audit { answer, .. } => match *answer {
            Ok(Answer::Export(filter, _)) => match made(&web, *filter, language, &wanted).await {
                Ok(Some(zip)) => return download(&wanted.room, zip),
                Ok(None) => visitor.said.too_much(MOST),
                Err(problem) => {
                    warn!(error = %problem, "a case cannot be put together");
                    return trouble(visitor.said, StatusCode::SERVICE_UNAVAILABLE, Trouble::Store);
                }
            },
            Ok(_) | Err(NoAnswer::Store(_)) => {
                return trouble(visitor.said, StatusCode::SERVICE_UNAVAILABLE, Trouble::Store);
            }
            Err(wrong) => wrong.to_string(),
        },
        Reply::Invalid { error, .. } => error.problem.to_string(),
        other => return refused(visitor.said, &other),
    };
    let mut response = html(&wanted.page(&visitor, language, Some(wrong)));
    *response.status_mut() = StatusCode::BAD_REQUEST;
    response
}

/// The archive; `None` if it would be too large.
async fn made(
    web: &Web,
    filter: AuditFilter,
    language: Language,
    wanted: &Wanted,
) -> Result<Option<Vec<u8>>, StoreError> {
    let Some(room) = filter.room.clone() else { return Err(StoreError("no room was named".to_owned())) };
    let _alone = web.cases.acquire().await.map_err(|error| StoreError(error.to_string()))?;
    let counted = AuditFilter { limit: Some(MOST + 1), ..filter.clone() };
    if web.service.store().log().entries(&counted).await?.len() > MOST as usize {
        return Ok(None);
    }
    let zone = wanted.given().find(|(name, _)| *name == "zone");
    let zone = zone.and_then(|(_, text)| crate::domain::audit::zone(text).ok());
    let of = CaseOf { room, filter, language, zone };
    let files = web.console.cases.files(&of, web.service.clock().now()).await?;
    zipped(&files).map(Some).map_err(|error| StoreError(error.to_string()))
}

fn zipped(files: &[(&'static str, Vec<u8>)]) -> zip::result::ZipResult<Vec<u8>> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        zip.start_file(*name, SimpleFileOptions::default().unix_permissions(0o600))?;
        zip.write_all(bytes)?;
    }
    Ok(zip.finish()?.into_inner())
}

fn download(room: &str, zip: Vec<u8>) -> Response {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
    let name: String = room.chars().map(plain).collect();
    let disposition = format!("attachment; filename=\"case-{name}.zip\"");
    ([(header::CONTENT_TYPE, "application/zip".to_owned()), (header::CONTENT_DISPOSITION, disposition)], zip)
        .into_response()
}
