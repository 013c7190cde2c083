//! The files that pages need: ours alone, served from here.

use axum::http::header;
use axum::response::IntoResponse;

const CSS: &str = concat!(include_str!("../page/page.css"), include_str!("console.css"));
const JS: &str = include_str!("console.js");

pub(super) async fn css() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], CSS)
}

pub(super) async fn js() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/javascript; charset=utf-8")], JS)
}
