//! Who may do what: the parts of the ACL, what waits for an answer, and where each change begins.

mod ask;
mod change;
mod filled;
mod names;
mod table;

use std::sync::Arc;

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;

use self::filled::{Filled, pairs, value};
use self::names::with_names;
use self::table::{Table, Waiting, Writer};
use super::Web;
use super::answer::Said;
use super::filters::{Field, Input};
use super::kinds::{Change, Part, Piece, Section, Trouble};
use super::page::{Layout, html, refused, trouble};
use super::visitor::Visitor;
use super::words::{AccessLabel, Label};
use crate::domain::command::{AclCommand, Command, Listed, UsageError};
use crate::domain::reply::{AclAnswer, Reply};
use crate::domain::room::visible;
use crate::page::Heading;

pub(super) use self::ask::{who_can, why};
pub(super) use self::change::{answer, apply, form, plan};

/// How many rows a page has.
const ROWS: u32 = 25;
/// The parts that only what names one person can be asked of.
const OF_PEOPLE: [Part; 4] = [Part::Live, Part::All, Part::Attention, Part::Links];

/// Where the pages of this section lead: the address of each, its name, and whether it is this one.
struct Tabs(Vec<(String, &'static str, bool)>);

/// A page of this section.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tab {
    Part(Part),
    Why,
    WhoCan,
}

impl Tabs {
    fn new(visitor: &Visitor, here: Option<Tab>) -> Self {
        let said = visitor.said;
        let parts = [
            Part::Live,
            Part::All,
            Part::Attention,
            Part::Channels,
            Part::Announcements,
            Part::Links,
            Part::Rooms,
        ];
        let part = |part: Part| (address(part, None, 1), said.part(part), here == Some(Tab::Part(part)));
        let asked = [
            ("/access/why".to_owned(), said.access(AccessLabel::Why), here == Some(Tab::Why)),
            ("/access/who-can".to_owned(), said.access(AccessLabel::WhoCan), here == Some(Tab::WhoCan)),
        ];
        Self(parts.into_iter().map(part).chain(asked).collect())
    }
}

/// Where a page of a part is.
fn address(part: Part, who: Option<&str>, page: u32) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    if part != Part::Live {
        query.append_pair("part", part.name());
    }
    who.iter().for_each(|who| {
        query.append_pair("who", who);
    });
    if page > 1 {
        query.append_pair("page", &page.to_string());
    }
    match query.finish() {
        query if query.is_empty() => Section::Access.path().to_owned(),
        query => format!("{}?{query}", Section::Access.path()),
    }
}

#[derive(Template)]
#[template(path = "access.html", config = "src/web/askama.toml")]
struct AccessPage {
    layout: Layout,
    tabs: Tabs,
    part: Part,
    /// The person whose entries are shown, where one can be named.
    person: Option<Field>,
    /// Why something was not done that a form of this page asked for.
    answer: Option<Said>,
    /// What is wrong with what was asked for.
    wrong: Option<String>,
    /// What can be changed here.
    changes: Vec<(String, &'static str)>,
    /// The requests for access that wait, on the page that has them.
    waiting: Option<Vec<Waiting>>,
    table: Table,
    /// What is said instead of rows.
    empty: &'static str,
    /// Ended grants that are not shown: how many, and where they are.
    ended: Option<(String, String)>,
    /// Where one is among several pages, and the pages before and after.
    leaf: Option<String>,
    before: Option<String>,
    after: Option<String>,
}

/// `GET /access`
pub(super) async fn list(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
    RawQuery(query): RawQuery,
) -> Response {
    let Some(pairs) = pairs(query.as_deref()) else {
        return trouble(visitor.said, StatusCode::URI_TOO_LONG, Trouble::Form);
    };
    let asked = Filled::read(&["list"], |name| value(&pairs, name), &web.redactor);
    match read(&web, &visitor, asked).await {
        Ok(page) => {
            let mut response = html(&page);
            if page.wrong.is_some() {
                *response.status_mut() = StatusCode::BAD_REQUEST;
            }
            response
        }
        Err(page) => page,
    }
}

/// The part with the requests for access, after one was not answered: why, and what was typed.
async fn not_answered(
    web: &Web,
    visitor: &Visitor,
    (why, status): (Said, StatusCode),
    (operation, typed): (i64, &str),
) -> Response {
    let attention = |name: &'static str| (name == "part").then_some(Part::Attention.name());
    let asked = Filled::read(&["list"], attention, &web.redactor);
    let mut page = match read(web, visitor, asked).await {
        Ok(page) => page,
        Err(page) => return page,
    };
    page.answer = Some(why);
    for ask in page.waiting.iter_mut().flatten().filter(|ask| ask.operation == operation) {
        ask.typed = visible(typed);
    }
    let mut response = html(&page);
    *response.status_mut() = status;
    response
}

/// Reads a part, on record.
async fn read(web: &Web, visitor: &Visitor, asked: Filled) -> Result<AccessPage, Response> {
    let part = Part::ALL.into_iter().find(|part| Some(part.name()) == asked.get("part"));
    let part = part.unwrap_or(Part::Live);
    let asked = if OF_PEOPLE.contains(&part) { asked } else { asked.without(&["who"]) };
    // Behind the part, a person is known by the place.
    let named = asked.get("who").map(|_| part.name().to_owned());
    let asked = asked.or("part", named);
    let command = asked.command(&visitor.session.place, false).map(with_rows);
    let reply = with_names(web, visitor.asks(web, &asked.line(), command).await).await;
    page(web, visitor, part, &asked, &reply).await
}

/// The question for a page of the console.
fn with_rows(command: Command) -> Command {
    match command {
        Command::Acl(AclCommand::List(listed)) => {
            Command::Acl(AclCommand::List(Listed { size: ROWS, ..listed }))
        }
        other => other,
    }
}

async fn page(
    web: &Web,
    visitor: &Visitor,
    part: Part,
    asked: &Filled,
    reply: &Reply,
) -> Result<AccessPage, Response> {
    let said = visitor.said;
    let no_store = || trouble(said, StatusCode::SERVICE_UNAVAILABLE, Trouble::Store);
    let mut page = empty_page(visitor, part, asked);
    let (answer, names) = match reply {
        Reply::Invalid { error, .. } => {
            page.wrong = Some(wrong(error));
            return Ok(page);
        }
        Reply::Acl { answer, names, .. } => (&**answer, names),
        other => return Err(refused(said, other)),
    };
    let may = visitor.rights(web).await.map_err(|_| no_store())?;
    let writer = Writer { said, names, may: &may, now: web.service.clock().now() };
    let (at, pages) = match answer {
        AclAnswer::Grants { listed, pages, grants, left_out, asks, .. } => {
            page.table = writer.grants(grants);
            let all = (said.ended_grants(*left_out), address(Part::All, asked.get("who"), 1));
            page.ended = (*left_out > 0).then_some(all);
            let waiting = || asks.iter().map(|ask| writer.waiting(ask, &visitor.session.subject));
            page.waiting = (part == Part::Attention).then(|| waiting().collect());
            (listed.page, *pages)
        }
        AclAnswer::Channels(found) => {
            page.table = writer.authorised(&found.entries);
            (found.page, found.pages)
        }
        AclAnswer::Announcements(found) => {
            page.table = writer.announcements(&found.entries);
            (found.page, found.pages)
        }
        AclAnswer::Settings(part, found) => {
            page.table = writer.settings(*part, &found.entries);
            (found.page, found.pages)
        }
        _ => return Err(no_store()),
    };
    let leaf = |to: u32| address(part, asked.get("who"), to);
    page.leaf = (pages > 1).then(|| said.page_of(at, pages));
    page.before = (at > 1).then(|| leaf(at - 1));
    page.after = (at < pages).then(|| leaf(at + 1));
    Ok(page)
}

fn empty_page(visitor: &Visitor, part: Part, asked: &Filled) -> AccessPage {
    let said = visitor.said;
    let who = asked.get("who");
    let of_person = || Field {
        name: "who",
        label: said.access(AccessLabel::Person),
        input: Input::Text(visible(who.unwrap_or_default())),
    };
    let is_here = |change: &Change| {
        // What takes an entry back is in its row.
        let begins =
            !matches!(change, Change::Revoke | Change::Remove | Change::StopAnnouncing | Change::Unlink);
        let is_of_grants = matches!(part, Part::Live | Part::All | Part::Attention);
        begins && (change.part() == part || change.part() == Part::Live && is_of_grants)
    };
    let changes = Change::ALL.into_iter().filter(is_here);
    let link = |change: Change| (format!("/access/plan?change={}", change.name()), said.change(change));
    AccessPage {
        layout: visitor.layout(Section::Access),
        tabs: Tabs::new(visitor, Some(Tab::Part(part))),
        part,
        person: OF_PEOPLE.contains(&part).then(of_person),
        answer: None,
        wrong: None,
        changes: changes.map(link).collect(),
        waiting: None,
        table: Table { heads: Vec::new(), rows: Vec::new() },
        empty: said.nothing_in(part, who.is_some()),
        ended: None,
        leaf: None,
        before: None,
        after: None,
    }
}

/// What is wrong with what was asked for.
fn wrong(error: &UsageError) -> String {
    visible(&error.problem.to_string())
}
