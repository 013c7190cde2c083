//! What somebody who is signed in sends from one of our pages.

use axum::body::Body;
use axum::http::StatusCode;
use axum::response::Response;
use subtle::ConstantTimeEq as _;

use super::Web;
use super::guard::form_token;
use super::page::not_taken;
use super::visitor::Visitor;
use super::words::Words;
use crate::domain::command::DeliveryId;

/// The largest form that is read, in bytes.
const LARGEST_FORM: usize = 4 * 1_024;

/// A name for one sending of a form: what is sent twice is done once.
pub(super) fn once() -> String {
    format!("{:032x}", rand::random::<u128>())
}

/// A form that somebody who is signed in has sent from one of our pages.
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    /// Reads a form that shows the token of its session, without our secrets in what was filled in.
    ///
    /// # Errors
    /// The page that refuses it.
    pub(super) async fn read(web: &Web, body: Body, visitor: &Visitor) -> Result<Self, Response> {
        let refuse = |status| not_taken(visitor.said, status);
        let body = crate::body::read(body, LARGEST_FORM).await.map_err(refuse)?;
        let fields = form_urlencoded::parse(&body).into_owned();
        let form = Self(fields.map(|(name, value)| (name, web.redactor.text(&value).into_owned())).collect());
        let shown = form.get("token").unwrap_or_default();
        let is_right = bool::from(shown.as_bytes().ct_eq(form_token(&visitor.token).as_bytes()));
        is_right.then_some(form).ok_or_else(|| refuse(StatusCode::FORBIDDEN))
    }

    /// The value of a field.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The value of a field into which something was typed.
    pub(super) fn typed(&self, name: &str) -> Option<&str> {
        self.get(name).map(str::trim).filter(|text| !text.is_empty())
    }

    /// The id of this sending, by the name that its page gave it.
    ///
    /// # Errors
    /// When the form has no name.
    pub(super) fn delivery(&self, visitor: &Visitor) -> Result<DeliveryId, Nameless> {
        let named = |once| DeliveryId::new("web", &format!("{}-{once}", visitor.session.id));
        self.typed("once").and_then(named).ok_or(Nameless(visitor.said))
    }
}

/// A form without a name for its sending. As a response, it is the page that refuses the form.
pub(super) struct Nameless(&'static dyn Words);

impl From<Nameless> for Response {
    fn from(Nameless(said): Nameless) -> Self {
        not_taken(said, StatusCode::BAD_REQUEST)
    }
}
