//! The overview: what was asked lately and how it ended, what somebody should look at, and how things are.

mod hours;
mod state;

use std::collections::BTreeSet;
use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use tracing::warn;

use self::hours::Hours;
use self::state::StateRow;
use super::Web;
use super::kinds::{Section, Trouble};
use super::page::{Layout, html, refused, trouble};
use super::visitor::Visitor;
use super::words::{Label, OverviewText};
use crate::app::ports::StoreError;
use crate::domain::access::{Action, EffectiveScope, attention};
use crate::domain::audit::{AuditEntry, AuditFilter, OutcomeKind, Stat};
use crate::domain::command::{Command, CommandGroup, Invocation, Question, UsageError, Values};
use crate::domain::reply::{Answer, Reply};
use crate::domain::room::visible;
use crate::page::{Pen, When};

/// How far back commands are counted.
const SINCE: &str = "24h";
/// How many operations of a kind are listed.
const LISTED: usize = 10;

/// Something that somebody should look at.
struct ToLookAt {
    /// What it is.
    what: &'static str,
    /// The outcome's name, for its colour; empty for what has none.
    class: &'static str,
    /// What was recorded of it.
    quoted: String,
    at: When,
    /// The operation.
    number: i64,
}

#[derive(Template)]
#[template(path = "overview.html", config = "src/web/askama.toml")]
struct OverviewPage {
    layout: Layout,
    hours: Hours,
    to_look_at: Vec<ToLookAt>,
    /// Where the rest of those is whose outcome is not known, if not all are listed.
    more: Option<&'static str>,
    /// What is said of grants, for those who may read them, and where they are.
    grants: Option<(String, Option<&'static str>)>,
    state: Vec<StateRow>,
    /// What an operator should know, as the store says it.
    warnings: Vec<String>,
    reach: Option<String>,
}

/// `GET /overview`: one reading, of the counts by hour.
pub(super) async fn overview(State(web): State<Arc<Web>>, visitor: Visitor) -> Response {
    let (line, command) = asked();
    let reply = visitor.asks(&web, &line, command).await;
    let Reply::Audit { answer, reach, .. } = &reply else { return refused(visitor.said, &reply) };
    let unavailable = || trouble(visitor.said, StatusCode::SERVICE_UNAVAILABLE, Trouble::Store);
    let Ok(Answer::Stats(_, found)) = &**answer else { return unavailable() };
    match page(&web, &visitor, &found.rows, reach).await {
        Ok(page) => html(&page),
        Err(problem) => {
            warn!(error = %problem, "the overview cannot be shown");
            unavailable()
        }
    }
}

/// The question, and the line that asks it.
fn asked() -> (String, Result<Command, UsageError>) {
    let texts = [("by", "hour"), ("since", SINCE)];
    let stats = Invocation::named(CommandGroup::Audit, &["stats"]);
    let command = Values::of_texts(stats.verb, texts.map(|(name, text)| (name, Some(text.to_owned()))));
    let line = texts.into_iter().fold(stats, |line, (name, text)| line.with(name, text));
    let line = format!("/{} {}", CommandGroup::Audit.name(), line.as_typed());
    let every_hour = command.map(|command| match command {
        Command::Audit(question) => Command::Audit(Box::new(match *question {
            Question::Stats(by, mut filter) => {
                filter.limit = None;
                Question::Stats(by, filter)
            }
            other => other,
        })),
        other => other,
    });
    (line, every_hour)
}

async fn page(
    web: &Web,
    visitor: &Visitor,
    counted: &[Stat],
    reach: &EffectiveScope,
) -> Result<OverviewPage, StoreError> {
    let said = visitor.said;
    let (mut to_look_at, is_cut) = unclear(web, visitor, reach).await?;
    to_look_at.extend(waiting(web, visitor, reach).await?);
    Ok(OverviewPage {
        layout: visitor.layout(Section::Overview),
        hours: Hours::of(counted, web.service.clock().now(), said),
        to_look_at,
        more: is_cut.then_some("/log?outcome=unknown&outcome=pending"),
        grants: grants(web, visitor).await?,
        state: state::rows(web, said).await,
        warnings: web.service.store().warnings().await.iter().map(|warning| visible(warning)).collect(),
        reach: (!reach.is_everything()).then(|| visible(&said.reach(reach))),
    })
}

fn of_entry(what: &'static str, entry: &AuditEntry, visitor: &Visitor) -> ToLookAt {
    ToLookAt {
        what,
        class: entry.outcome.name(),
        quoted: visible(&entry.command),
        at: Pen::new(visitor.said.page(), None).when(entry.at),
        number: entry.operation.seq(),
    }
}

/// The newest operations whose outcome is not known, and whether there are more.
async fn unclear(
    web: &Web,
    visitor: &Visitor,
    reach: &EffectiveScope,
) -> Result<(Vec<ToLookAt>, bool), StoreError> {
    let filter = AuditFilter {
        outcomes: [OutcomeKind::Unknown, OutcomeKind::Pending].into_iter().collect(),
        without_readings: true,
        reach: Some(reach.clone()),
        limit: u32::try_from(LISTED + 1).ok(),
        ..AuditFilter::default()
    };
    let entries = web.service.store().log().entries(&filter).await?;
    let is_cut = entries.len() > LISTED;
    let outcome = |entry: &AuditEntry| visitor.said.page().outcome(entry.outcome);
    let shown = entries.iter().take(LISTED).map(|entry| of_entry(outcome(entry), entry, visitor));
    Ok((shown.collect(), is_cut))
}

/// What waits for somebody: requests for access, and hand-overs that take a confirmation or a second person.
async fn waiting(web: &Web, visitor: &Visitor, reach: &EffectiveScope) -> Result<Vec<ToLookAt>, StoreError> {
    let (store, now, said) = (web.service.store(), web.service.clock().now(), visitor.said);
    let held = web.console.sessions.waiting(now).await?;
    let held = held.into_iter().map(|button| (button.of, OverviewText::Held));
    let asks =
        store.open_access_requests(now).await?.into_iter().map(|ask| (ask.operation, OverviewText::Asks));
    let mut waiting = Vec::new();
    let mut listed = BTreeSet::new();
    for (operation, what) in held.chain(asks) {
        let Some(entry) = store.operation(operation).await?.filter(|_| listed.insert(operation)) else {
            continue;
        };
        if entry.room.as_ref().is_some_and(|room| reach.covers(room)) {
            waiting.push(ToLookAt { class: "", ..of_entry(said.overview(what), &entry, visitor) });
        }
    }
    Ok(waiting)
}

/// How many grants need a look, for those who may read the ACL; which they are is a reading of the ACL.
async fn grants(web: &Web, visitor: &Visitor) -> Result<Option<(String, Option<&'static str>)>, StoreError> {
    if !visitor.rights(web).await?(Action::ReadAcl(None)) {
        return Ok(None);
    }
    let (store, now) = (web.service.store(), web.service.clock().now());
    let found = attention(&store.live_grants(now).await?, &store.grant_uses().await?, now).len();
    let access = visitor.sees.contains(&Section::Access).then_some("/access?part=attention");
    Ok((found > 0).then(|| (visitor.said.grants(found), access)))
}
