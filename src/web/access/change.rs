//! A change of the ACL: its form, the plan that says who gains and who loses, and the change itself.

use std::sync::Arc;

use askama::Template;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::filled::{Filled, pairs, value};
use super::names::with_names;
use super::{Tabs, not_answered};
use crate::domain::access::NotEdited;
use crate::domain::asking::answering;
use crate::domain::audit::OperationId;
use crate::domain::command::{AclCommand, Command, CommandGroup, Typed, UsageError, parse_in};
use crate::domain::reply::{AclAnswer, Names, Preview, Reply};
use crate::domain::room::visible;
use crate::domain::wording::message;
use crate::domain::wording::planned::planned_entry;
use crate::page::Pen;
use crate::web::Web;
use crate::web::answer::{self as reply_page, Said};
use crate::web::filters::{Field, Input};
use crate::web::form::Form;
use crate::web::kinds::{Change, Piece, Section, Trouble};
use crate::web::page::{Layout, html, not_taken, trouble};
use crate::web::visitor::Visitor;
use crate::web::words::{AccessLabel, Label};

/// A change as it would be made, and what is in its way.
struct PlannedChange {
    gains: bool,
    line: Vec<Piece>,
    warnings: Vec<Vec<Piece>>,
}

/// A plan: what it does, and for which version of the ACL.
struct Plan {
    version: i64,
    changes: Vec<PlannedChange>,
    is_for_oneself: bool,
    /// Whether it would be made as it is.
    can_be_made: bool,
}

#[derive(Template)]
#[template(path = "access_plan.html", config = "src/web/askama.toml")]
struct PlanPage {
    layout: Layout,
    tabs: Tabs,
    change: Change,
    /// The line that asks for the same, once something was filled in.
    line: Option<String>,
    /// That the ACL changed since the last plan.
    is_stale: bool,
    /// Why the change is not made.
    answer: Option<Said>,
    plan: Option<Plan>,
    /// What the form that applies the plan sends.
    unseen: Vec<(&'static str, String)>,
    reason: String,
    fields: Vec<Field>,
}

/// What is asked of the ACL by a form.
struct Asked {
    change: Change,
    filled: Filled,
}

impl Asked {
    fn read(web: &Web, form: &Form) -> Option<Self> {
        let change = Change::named(form.get("change")?)?;
        Some(Self { change, filled: Filled::read(change.words(), |name| form.typed(name), &web.redactor) })
    }

    fn command(&self, visitor: &Visitor) -> Result<Command, UsageError> {
        self.filled.command(&visitor.session.place, self.change.is_of_a_channel())
    }

    /// The same as a question: what would it change?
    async fn plans(&self, web: &Web, visitor: &Visitor) -> Reply {
        let command = self.command(visitor).map(|command| match command {
            Command::Acl(AclCommand::Edit { edit, .. }) => Command::Acl(AclCommand::Preview(Box::new(edit))),
            other => other,
        });
        let line = format!("plan {}", self.filled.line());
        with_names(web, visitor.asks(web, &line, command).await).await
    }

    fn page(&self, visitor: &Visitor) -> PlanPage {
        let said = visitor.said;
        // A row names the grant that is revoked, never the person.
        let without: &[&str] = if self.change == Change::Revoke { &["who"] } else { &[] };
        PlanPage {
            layout: visitor.layout(Section::Access),
            tabs: Tabs::new(visitor, None),
            change: self.change,
            line: (!self.filled.is_empty()).then(|| visible(&self.filled.line())),
            is_stale: false,
            answer: None,
            plan: None,
            unseen: self.filled.unseen("reason"),
            reason: self.filled.get("reason").unwrap_or_default().to_owned(),
            fields: self.filled.fields(said, without),
        }
    }

    /// The page that shows a reply, with the form as it was filled in.
    fn shows(&self, web: &Web, visitor: &Visitor, reply: &Reply, is_stale: bool) -> Response {
        let mut page = PlanPage { is_stale, ..self.page(visitor) };
        let pen = Pen::new(visitor.said.page(), None);
        if let Reply::Acl { operation, answer, names, .. } = reply.said()
            && let AclAnswer::Previewed(preview) = &**answer
        {
            page.plan = Some(Plan::of(preview, names, &pen));
            page.answer = preview.refusal.clone().map(|why| {
                let (answer, names) = (Box::new(AclAnswer::NotEdited(why)), names.clone());
                let refusal = Reply::Acl { operation: *operation, answer, names, absent: Vec::new() };
                Said::of(&message(&refusal, &web.command), &pen)
            });
            return html(&page);
        }
        page.answer = Some(Said::of(&message(reply, &web.command), &pen));
        let mut response = html(&page);
        *response.status_mut() = status(reply);
        response
    }
}

fn status(reply: &Reply) -> StatusCode {
    match reply.said() {
        Reply::Denied { .. } => StatusCode::FORBIDDEN,
        Reply::Invalid { .. } => StatusCode::BAD_REQUEST,
        Reply::RateLimited { .. } => StatusCode::TOO_MANY_REQUESTS,
        Reply::Acl { .. } => StatusCode::CONFLICT,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    }
}

impl Plan {
    fn of(preview: &Preview, names: &Names, pen: &Pen<'_>) -> Self {
        let change = |(entry, warnings): &(_, _)| {
            let (planned, beside) = planned_entry(entry, warnings, names)?;
            Some(PlannedChange {
                gains: planned.gains,
                line: reply_page::pieces(&planned.line, pen),
                warnings: beside.iter().map(|line| reply_page::pieces(line, pen)).collect(),
            })
        };
        Self {
            version: preview.version,
            changes: preview.changed.iter().filter_map(change).collect(),
            is_for_oneself: preview.is_for_oneself,
            can_be_made: preview.refusal.is_none(),
        }
    }
}

/// `GET /access/plan?change=grant`: the form, filled in as far as the address says.
pub(in crate::web) async fn form(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
    RawQuery(query): RawQuery,
) -> Response {
    let said = visitor.said;
    if !visitor.sees.contains(&Section::Access) {
        return trouble(said, StatusCode::FORBIDDEN, Trouble::Denied(None));
    }
    let Some(pairs) = pairs(query.as_deref()) else {
        return trouble(said, StatusCode::URI_TOO_LONG, Trouble::Form);
    };
    let Some(change) = value(&pairs, "change").and_then(Change::named) else {
        return not_taken(said, StatusCode::BAD_REQUEST);
    };
    let filled = Filled::read(change.words(), |name| value(&pairs, name), &web.redactor);
    let here = visitor.session.place.or_here(None).filter(|_| change.is_of_a_channel());
    let filled = filled.or("channel", here.map(|channel| channel.to_string()));
    html(&PlanPage { line: None, ..Asked { change, filled }.page(&visitor) })
}

/// `POST /access/plan`: what a change would do. Nothing is changed.
pub(in crate::web) async fn plan(State(web): State<Arc<Web>>, visitor: Visitor, body: Body) -> Response {
    let form = match Form::read(&web, body, &visitor).await {
        Ok(form) => form,
        Err(page) => return page,
    };
    let Some(asked) = Asked::read(&web, &form) else {
        return not_taken(visitor.said, StatusCode::BAD_REQUEST);
    };
    let reply = asked.plans(&web, &visitor).await;
    asked.shows(&web, &visitor, &reply, false)
}

/// `POST /access/apply`: makes a change for the version of the ACL for which it was planned. At another, it is planned
/// anew.
pub(in crate::web) async fn apply(State(web): State<Arc<Web>>, visitor: Visitor, body: Body) -> Response {
    let sent = async {
        let form = Form::read(&web, body, &visitor).await?;
        let delivery = form.delivery(&visitor)?;
        let missing = || not_taken(visitor.said, StatusCode::BAD_REQUEST);
        let version: i64 = form.get("version").and_then(|it| it.parse().ok()).ok_or_else(missing)?;
        Ok((Asked::read(&web, &form).ok_or_else(missing)?, version, delivery))
    };
    let (asked, version, delivery) = match sent.await {
        Ok(sent) => sent,
        Err(page) => return page,
    };
    let command = asked.command(&visitor).map(|command| match command {
        Command::Acl(AclCommand::Edit { edit, reason, force, .. }) => {
            Command::Acl(AclCommand::Edit { edit, reason, force, if_version: Some(version) })
        }
        other => other,
    });
    let reply = visitor.sends(&web, delivery, &asked.filled.line(), command, None).await;
    let reply = with_names(&web, reply).await;
    match reply.said() {
        Reply::Acl { answer, .. } => match **answer {
            AclAnswer::Edited { .. } => reply_page::answer(&web, &visitor, Section::Access, &reply).await,
            AclAnswer::NotEdited(NotEdited::ChangedSince(_)) => {
                let anew = asked.plans(&web, &visitor).await;
                asked.shows(&web, &visitor, &anew, true)
            }
            _ => asked.shows(&web, &visitor, &reply, false),
        },
        Reply::Duplicate { .. } => reply_page::answer(&web, &visitor, Section::Access, &reply).await,
        _ => asked.shows(&web, &visitor, &reply, false),
    }
}

/// `POST /access/answer`: answers a request for access.
pub(in crate::web) async fn answer(State(web): State<Arc<Web>>, visitor: Visitor, body: Body) -> Response {
    let sent = async {
        let form = Form::read(&web, body, &visitor).await?;
        let delivery = form.delivery(&visitor)?;
        let missing = || not_taken(visitor.said, StatusCode::BAD_REQUEST);
        let operation: OperationId =
            form.get("operation").and_then(|it| it.parse().ok()).ok_or_else(missing)?;
        let answer = form.typed("answer").ok_or_else(missing)?.to_owned();
        Ok((operation, answer, delivery))
    };
    let (operation, answer, delivery) = match sent.await {
        Ok(sent) => sent,
        Err(page) => return page,
    };
    let here = visitor.session.place.or_here(None);
    let typed = answering(operation, &answer).as_typed();
    let command = parse_in(CommandGroup::Acl, &Typed::plain(&typed), here.as_ref());
    let line = format!("/{} {typed}", CommandGroup::Acl.name());
    let reply = with_names(&web, visitor.sends(&web, delivery, &line, command, None).await).await;
    let is_answered = match reply.said() {
        Reply::Acl { answer, .. } => matches!(**answer, AclAnswer::Answered { .. }),
        other => matches!(other, Reply::Duplicate { .. }),
    };
    if is_answered {
        return reply_page::answer(&web, &visitor, Section::Access, &reply).await;
    }
    let why = Said::of(&message(&reply, &web.command), &Pen::new(visitor.said.page(), None));
    not_answered(&web, &visitor, (why, status(&reply)), (operation.seq(), &answer)).await
}
