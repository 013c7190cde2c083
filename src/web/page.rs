//! The frame of every page, and what is said where there is no page.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse as _, Response};
use tracing::error;

use super::kinds::{Section, Trouble};
use super::words::{Label, Words};
use crate::domain::reply::Reply;
use crate::domain::room::visible;

/// What every page has around it.
pub(super) struct Layout {
    pub(super) said: &'static dyn Words,
    /// Where the page stands in the navigation.
    pub(super) here: Option<Section>,
    /// Who is signed in, and what their forms show; `None` for nobody.
    pub(super) visitor: Option<(String, String)>,
    /// The pages that they are led to.
    pub(super) sees: Vec<Section>,
}

impl Layout {
    /// For nobody in particular.
    pub(super) fn bare(said: &'static dyn Words) -> Self {
        Self { said, here: None, visitor: None, sees: Vec::new() }
    }

    /// For somebody who is signed in.
    pub(super) fn signed_in(
        said: &'static dyn Words,
        here: Section,
        who: &str,
        form_token: String,
        sees: Vec<Section>,
    ) -> Self {
        Self { said, here: Some(here), visitor: Some((visible(who), form_token)), sees }
    }

    /// The navigation: where each page is, what it is called, and whether it is this one.
    pub(super) fn sections(&self) -> Vec<(&'static str, &'static str, bool)> {
        let section = |one: &Section| (one.path(), self.said.section(*one), self.here == Some(*one));
        self.sees.iter().map(section).collect()
    }

    /// One of our own sentences, in which backticks stand around code: its parts, and whether each is code.
    pub(super) fn prose<'s>(&self, sentence: &'s str) -> Vec<(bool, &'s str)> {
        sentence.split('`').enumerate().map(|(n, part)| (n % 2 == 1, part)).collect()
    }

    /// What the forms of this page show.
    pub(super) fn form_token(&self) -> &str {
        self.visitor.as_ref().map_or("", |(_, token)| token)
    }
}

#[derive(Template)]
#[template(path = "trouble.html", config = "src/web/askama.toml")]
struct TroublePage {
    layout: Layout,
    title: &'static str,
    sentence: String,
    quoted: Option<String>,
    /// Where one may go on from here.
    way_on: Option<&'static str>,
}

/// A page in the place of the one that was wanted.
pub(super) fn trouble(said: &'static dyn Words, status: StatusCode, why: Trouble) -> Response {
    let (title, sentence) = said.trouble(&why);
    let quoted = match &why {
        Trouble::Wrong(why) => Some(visible(why)),
        _ => None,
    };
    let way_on = match why {
        Trouble::SignedOut => Some(Label::TryAgain),
        Trouble::NoOperation | Trouble::OtherSite | Trouble::Form | Trouble::Wrong(_) => {
            Some(Label::BackToLog)
        }
        _ => None,
    };
    let way_on = way_on.map(|label| said.label(label));
    (status, html(&TroublePage { layout: Layout::bare(said), title, sentence, quoted, way_on }))
        .into_response()
}

/// The page for a reply that is not the answer.
pub(super) fn refused(said: &'static dyn Words, reply: &Reply) -> Response {
    let (status, why) = match reply {
        Reply::Denied { operation, .. } => (StatusCode::FORBIDDEN, Trouble::Denied(Some(*operation))),
        Reply::Invalid { error, .. } => (StatusCode::BAD_REQUEST, Trouble::Wrong(error.problem.to_string())),
        Reply::RateLimited { .. } => (StatusCode::TOO_MANY_REQUESTS, Trouble::TooMany),
        _ => (StatusCode::SERVICE_UNAVAILABLE, Trouble::Store),
    };
    trouble(said, status, why)
}

/// The page in the place of what a request did whose form cannot be taken.
pub(super) fn not_taken(said: &'static dyn Words, status: StatusCode) -> Response {
    let why = if status == StatusCode::FORBIDDEN { Trouble::OtherSite } else { Trouble::Form };
    trouble(said, status, why)
}

/// A page as an answer.
pub(super) fn html(page: &impl Template) -> Response {
    match page.render() {
        Ok(text) => Html(text).into_response(),
        Err(problem) => {
            error!(error = %problem, "a page of the console cannot be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
