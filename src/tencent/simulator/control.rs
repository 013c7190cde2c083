//! The control route: the simulated world over HTTP, for people and for test suites in other processes.
//!
//! It asks for no password. It answers only requests for a loopback host, and takes only bodies that call
//! themselves JSON: a web page can send neither to another origin unless that origin agrees, and ours does not.

use std::collections::BTreeSet;
use std::net::IpAddr;

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Response, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::{get, post, put};
use axum::{Json, Router};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::Simulator;
use super::fault::{Fault, FaultKind};
use super::order::{is_account, is_room_id};
use super::state::{Call, Room};

pub(super) fn router(simulator: Simulator) -> Router {
    Router::new()
        .route("/control/state", get(show_state))
        .route("/control/rooms/{id}", put(put_room).delete(remove_room))
        .route("/control/rooms/{id}/owner", post(hand_over))
        .route("/control/calls", get(show_calls))
        .route("/control/faults", get(show_faults).post(inject).delete(clear_faults))
        .fallback(nothing_here)
        .with_state(simulator)
}

/// Whether a request's host, without its port, is this machine.
pub(super) fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

pub(super) fn refuse_host() -> Response<Body> {
    Refused(StatusCode::FORBIDDEN, "this route is for `localhost` only: call it by that name".to_owned())
        .into_response()
}

/// Why a control request was not carried out.
struct Refused(StatusCode, String);

impl IntoResponse for Refused {
    fn into_response(self) -> Response<Body> {
        (self.0, Json(json!({ "error": self.1 }))).into_response()
    }
}

async fn nothing_here() -> Refused {
    let info = "no such route: there are `/control/state`, `/control/rooms/{id}`, `/control/rooms/{id}/owner`, `/control/calls` and \
                `/control/faults`";
    Refused(StatusCode::NOT_FOUND, info.to_owned())
}

async fn show_state(State(simulator): State<Simulator>) -> Json<Value> {
    let settings = simulator.settings();
    Json(simulator.read(|state| {
        json!({
            "sdk_app_id": settings.sdk_app_id,
            "admin": settings.admin,
            "rooms": state.rooms.values().collect::<Vec<_>>(),
            "owner_changes": state.owner_changes,
        })
    }))
}

async fn show_calls(State(simulator): State<Simulator>) -> Json<Vec<Call>> {
    Json(simulator.calls())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RoomBody {
    owner: String,
    name: Option<String>,
    #[serde(rename = "type")]
    room_type: Option<String>,
    public: Option<bool>,
    #[serde(default)]
    views: u64,
    #[serde(default)]
    banned: BTreeSet<String>,
}

async fn put_room(
    State(simulator): State<Simulator>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Room>, Refused> {
    const HELP: &str = "a room is {owner, name?, type?, public?, views?, banned?}";
    let body: RoomBody = parse(&headers, &body, HELP)?;
    if !is_room_id(&id) {
        let info = format!("`{id}` is no RoomId: give 1 to 48 bytes of printable ASCII");
        return Err(Refused(StatusCode::BAD_REQUEST, info));
    }
    if let Some(account) = body.banned.iter().chain([&body.owner]).find(|account| !is_account(account)) {
        let info = format!("`{account}` is no account: give 1 to 32 bytes without control characters");
        return Err(Refused(StatusCode::BAD_REQUEST, info));
    }
    let mut room = Room::new(id, body.owner, simulator.now());
    room.name = body.name.unwrap_or(room.name);
    room.room_type = body.room_type.unwrap_or(room.room_type);
    room.public = body.public.unwrap_or(room.public);
    room.views = body.views;
    room.banned = body.banned;
    simulator.put(room.clone());
    Ok(Json(room))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HandOver {
    owner: String,
    by: String,
}

async fn hand_over(
    State(simulator): State<Simulator>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<StatusCode, Refused> {
    let HandOver { owner, by } = parse(&headers, &body, "a change in the app is {owner, by}")?;
    if let Some(account) = [&owner, &by].into_iter().find(|account| !is_account(account)) {
        let info = format!("`{account}` is no account: give 1 to 32 bytes without control characters");
        return Err(Refused(StatusCode::BAD_REQUEST, info));
    }
    if !simulator.hand_over(&id, owner, by) {
        return Err(Refused(StatusCode::NOT_FOUND, format!("there is no room `{id}`: see `/control/state`")));
    }
    Ok(StatusCode::NO_CONTENT)
}

async fn remove_room(
    State(simulator): State<Simulator>,
    Path(id): Path<String>,
) -> Result<StatusCode, Refused> {
    match simulator.remove_room(&id) {
        Some(_) => Ok(StatusCode::NO_CONTENT),
        None => Err(Refused(StatusCode::NOT_FOUND, format!("there is no room `{id}`: see `/control/state`"))),
    }
}

async fn show_faults(State(simulator): State<Simulator>) -> Json<Vec<Fault>> {
    Json(simulator.faults())
}

async fn inject(
    State(simulator): State<Simulator>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<(StatusCode, Json<Fault>), Refused> {
    let fault: Fault = parse(&headers, &body, FaultKind::HELP)?;
    fault.check().map_err(|problem| Refused(StatusCode::BAD_REQUEST, problem))?;
    simulator.inject(fault.clone());
    Ok((StatusCode::CREATED, Json(fault)))
}

async fn clear_faults(State(simulator): State<Simulator>) -> StatusCode {
    simulator.clear_faults();
    StatusCode::NO_CONTENT
}

fn parse<T: DeserializeOwned>(headers: &HeaderMap, body: &[u8], help: &str) -> Result<T, Refused> {
    let content_type =
        headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    if !media_type.eq_ignore_ascii_case("application/json") {
        let info = format!("content type `{content_type}` is not taken: send `application/json`");
        return Err(Refused(StatusCode::UNSUPPORTED_MEDIA_TYPE, info));
    }
    serde_json::from_slice(body).map_err(|error| Refused(StatusCode::BAD_REQUEST, format!("{error}; {help}")))
}
