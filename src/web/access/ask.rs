//! `why` and `who-can` as forms.

use std::sync::Arc;

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::filled::{Filled, pairs, value};
use super::names::{who, with_names};
use super::{Tab, Tabs};
use crate::domain::access::EligibleSubject;
use crate::domain::principal::Channel;
use crate::domain::reply::{AclAnswer, Names, Reply};
use crate::domain::wording::message;
use crate::domain::wording::why::unread_groups;
use crate::page::Pen;
use crate::web::Web;
use crate::web::answer::{self as reply_page, Said};
use crate::web::filters::{Field, Input};
use crate::web::kinds::{Piece, Section, Trouble};
use crate::web::page::{Layout, html, refused, trouble};
use crate::web::visitor::Visitor;
use crate::web::words::{AccessLabel, Label};

use super::table::{Row, Table};

#[derive(Template)]
#[template(path = "access_ask.html", config = "src/web/askama.toml")]
struct AskPage {
    layout: Layout,
    tabs: Tabs,
    action: &'static str,
    title: &'static str,
    lead: &'static str,
    fields: Vec<Field>,
    wrong: Option<String>,
    /// The answer in the bot's own words.
    answer: Option<Said>,
    /// Those who can hand the room over.
    able: Option<Able>,
}

struct Able {
    table: Table,
    /// What else there is to know, in the bot's own words.
    notes: Vec<Vec<Piece>>,
}

/// `GET /access/why?who=…&room=…&channel=…`
pub(in crate::web) async fn why(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
    RawQuery(query): RawQuery,
) -> Response {
    let here = visitor.session.place.or_here(None).map(|channel| channel.to_string());
    asked(&web, &visitor, query.as_deref(), Tab::Why, here).await
}

/// `GET /access/who-can?room=…`
pub(in crate::web) async fn who_can(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
    RawQuery(query): RawQuery,
) -> Response {
    asked(&web, &visitor, query.as_deref(), Tab::WhoCan, None).await
}

async fn asked(
    web: &Web,
    visitor: &Visitor,
    query: Option<&str>,
    tab: Tab,
    here: Option<String>,
) -> Response {
    let said = visitor.said;
    let Some(pairs) = pairs(query) else {
        return trouble(said, StatusCode::URI_TOO_LONG, Trouble::Form);
    };
    let (words, action, title, lead) = match tab {
        Tab::WhoCan => ("who-can", "/access/who-can", AccessLabel::WhoCan, AccessLabel::WhoCanLead),
        _ => ("why", "/access/why", AccessLabel::Why, AccessLabel::WhyLead),
    };
    let filled = Filled::read(&[words], |name| value(&pairs, name), &web.redactor);
    let is_form = filled.is_empty();
    if is_form && !visitor.sees.contains(&Section::Access) {
        return trouble(said, StatusCode::FORBIDDEN, Trouble::Denied(None));
    }
    let filled = if is_form { filled.or("channel", here) } else { filled };
    let page = AskPage {
        layout: visitor.layout(Section::Access),
        tabs: Tabs::new(visitor, Some(tab)),
        action,
        title: said.access(title),
        lead: said.access(lead),
        fields: filled.fields(said, &[]),
        wrong: None,
        answer: None,
        able: None,
    };
    if is_form {
        return html(&page);
    }
    let command = filled.command(&visitor.session.place, tab == Tab::Why);
    let reply = with_names(web, visitor.asks(web, &filled.line(), command).await).await;
    shown(web, visitor, page, &reply)
}

fn shown(web: &Web, visitor: &Visitor, mut page: AskPage, reply: &Reply) -> Response {
    let pen = Pen::new(visitor.said.page(), None);
    match reply {
        Reply::Acl { answer, names, .. } => match &**answer {
            AclAnswer::WhoCan { able, unread, .. } => {
                let notes = unread_groups(unread);
                let table = table(visitor, able, names, &pen);
                let notes = notes.iter().map(|line| reply_page::pieces(line, &pen)).collect();
                page.able = Some(Able { table, notes });
            }
            _ => page.answer = Some(Said::of(&message(reply, &web.command), &pen)),
        },
        Reply::Invalid { error, .. } => {
            page.wrong = Some(super::wrong(error));
            let mut response = html(&page);
            *response.status_mut() = StatusCode::BAD_REQUEST;
            return response;
        }
        other => return refused(visitor.said, other),
    }
    html(&page)
}

fn table(visitor: &Visitor, able: &[EligibleSubject], names: &Names, pen: &Pen<'_>) -> Table {
    let said = visitor.said;
    let heads = [AccessLabel::Who, AccessLabel::Grant, AccessLabel::Channels, AccessLabel::Until];
    let channel = |channel: &Channel| [Piece::Code(channel.to_string()), Piece::Text(" ".to_owned())];
    let row = |one: &EligibleSubject| {
        let until = match one.until {
            Some(end) => Piece::Time(pen.when(end)),
            None => Piece::Text(said.access(AccessLabel::NoEnd).to_owned()),
        };
        let cells = vec![
            who(&one.subject, names),
            vec![Piece::Text(one.grant.to_string())],
            one.channels.iter().flat_map(channel).collect(),
            vec![until],
        ];
        Row { cells, button: None }
    };
    Table { heads: heads.map(|head| said.access(head)).to_vec(), rows: able.iter().map(row).collect() }
}
