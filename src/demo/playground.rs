//! The page: pick a person and a channel, type a command, see the reply and the record it left.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};

use axum::extract::{Query, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::chat::{Answer, Chat};
use super::console;
use super::world::{CHANNELS, EXAMPLES, PEOPLE, ROOMS, lock};
use crate::app::ports::Store as _;
use crate::app::service::CommandService;
use crate::domain::audit::{AuditEntry, AuditFilter};
use crate::domain::command::CommandGroup;
use crate::store::SqliteStore;
use crate::tencent::simulator::{Api, Fault, FaultKind, Simulator, When};

const PAGE: &str = include_str!("page/playground.html");
const STYLE: &str = include_str!("page/playground.css");
const SCRIPT: &str = include_str!("page/playground.js");
const DOM: &str = include_str!("page/dom.js");
const FORM: &str = include_str!("page/form.js");
const FORM_STYLE: &str = include_str!("page/form.css");
const SLACK_SCRIPT: &str = include_str!("page/slack.js");
const DISCORD_STYLE: &str = include_str!("page/discord.css");
const DISCORD_SCRIPT: &str = include_str!("page/discord.js");

/// Nothing from elsewhere, nothing inline: text from chat can never become script.
const CONTENT_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                              img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

struct Playground {
    simulator: Simulator,
    chat: Chat,
    store: Arc<SqliteStore>,
    trouble: Mutex<Trouble>,
}

/// What Tencent does, as the page names it.
#[derive(Debug, Clone, Copy, Default, Deserialize, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
enum Trouble {
    #[default]
    None,
    Down,
    Slow,
    ResetAfter,
    Banned,
}

/// What the terminal says when the page is there.
pub(super) fn invitation(address: SocketAddr, scratch: &Path, links: &[String]) -> String {
    format!(
        "The demo runs: a simulated Tencent, the real bot, and a page to play with.\n\n  \
         open      http://{address}/\n  \
         try       /room-owner test user2        as Alice in #mods\n  \
         then      press Undo under it; or the same as Otto, or in #random: refused, and recorded\n  \
         form      /room-owner and nothing else, as Alice\n  \
         also      /room-acl list as Adam, /room-audit as Rita\n  \
         news      /room-acl announce #news as Adam: what happens to live-7 is then posted there, too\n  \
         discord   switch above the conversation: the same in Discord's form\n  \
         console   each link signs in once, within five minutes; the page makes new ones\n            {}\n  \
         database  {}\n\nNothing leaves this machine. Ctrl-C ends it and removes its scratch folder.",
        links.join("\n            "),
        scratch.join("demo.db").display()
    )
}

pub(super) fn router(
    simulator: Simulator,
    chat: Chat,
    store: Arc<SqliteStore>,
    service: Arc<CommandService>,
) -> Router {
    let api = chat.slack.api().merge(chat.discord.api());
    let playground = Playground { simulator, chat: chat.clone(), store, trouble: Mutex::default() };
    let file = |kind: &'static str, text: &'static str| {
        get(move || async move { ([(header::CONTENT_TYPE, kind)], text) })
    };
    Router::new()
        .route("/", file("text/html; charset=utf-8", PAGE))
        .route("/playground.css", file("text/css; charset=utf-8", STYLE))
        .route("/playground.js", file("text/javascript; charset=utf-8", SCRIPT))
        .route("/dom.js", file("text/javascript; charset=utf-8", DOM))
        .route("/slack.js", file("text/javascript; charset=utf-8", SLACK_SCRIPT))
        .route("/form.js", file("text/javascript; charset=utf-8", FORM))
        .route("/form.css", file("text/css; charset=utf-8", FORM_STYLE))
        .route("/discord.css", file("text/css; charset=utf-8", DISCORD_STYLE))
        .route("/discord.js", file("text/javascript; charset=utf-8", DISCORD_SCRIPT))
        .route("/demo/world", get(world))
        .route("/demo/rooms", get(rooms))
        .route("/demo/faults", post(set_trouble))
        .route("/demo/audit", get(audit))
        .with_state(Arc::new(playground))
        .merge(chat.router())
        .merge(console::router(service))
        .layer(middleware::from_fn(guard))
        .merge(api)
}

/// A page of another site may not steer the demo: neither by a name that points here, nor by a form.
async fn guard(request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    if !matches!(name, "127.0.0.1" | "localhost" | "[::1]") {
        return (StatusCode::FORBIDDEN, "open the demo at its address on this machine\n").into_response();
    }
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_POLICY));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

async fn world(State(playground): State<Arc<Playground>>) -> Json<Value> {
    let people = PEOPLE.iter().map(|person| {
        let role = person.role.map_or("outsider", |(role, _)| role.name());
        let (id, snowflake) = (person.id, person.snowflake);
        json!({ "id": id, "snowflake": snowflake, "name": person.name, "role": role, "about": person.about })
    });
    let channels = CHANNELS
        .iter()
        .map(|it| json!({ "id": it.id, "snowflake": it.snowflake, "name": it.name, "about": it.about }));
    let examples = EXAMPLES.iter().map(|it| {
        let command = it.text.split(' ').next().unwrap_or_default().trim_start_matches('/');
        let used = it.filled.map(|(subcommand, options)| {
            let option = |(name, value): &(&str, &str)| json!({ "name": name, "value": value });
            let options = options.iter().map(option).collect::<Vec<_>>();
            json!({ "command": format!("{command} {subcommand}").trim_end(), "options": options })
        });
        json!({
            "text": it.text, "used": used, "about": it.about, "person": it.person, "channel": it.channel,
        })
    });
    Json(json!({
        "people": people.collect::<Vec<_>>(),
        "channels": channels.collect::<Vec<_>>(),
        "rooms": owners(&playground.simulator),
        "examples": examples.collect::<Vec<_>>(),
        "commands": CommandGroup::ALL.map(|family| format!("/{}", family.name())),
        "forms": playground.chat.discord.forms(),
        "fault": *lock(&playground.trouble),
    }))
}

fn owners(simulator: &Simulator) -> Vec<Value> {
    ROOMS.iter().map(|(room, _)| json!({ "id": room, "owner": simulator.owner_of(room) })).collect()
}

async fn rooms(State(playground): State<Arc<Playground>>) -> Json<Vec<Value>> {
    Json(owners(&playground.simulator))
}

#[derive(Deserialize)]
struct TroubleWanted {
    kind: Trouble,
}

async fn set_trouble(
    State(playground): State<Arc<Playground>>,
    Json(wanted): Json<TroubleWanted>,
) -> StatusCode {
    playground.simulator.clear_faults();
    let fault = match wanted.kind {
        Trouble::None => None,
        Trouble::Down => {
            let body = "<html><body>502 Bad Gateway</body></html>".to_owned();
            Some(Fault::new(FaultKind::Http { status: 502, body, when: When::Before }))
        }
        Trouble::Slow => {
            Some(Fault::new(FaultKind::Stall { when: When::Before, millis: 2_600 }).on(Api::ChangeRoomOwner))
        }
        Trouble::ResetAfter => Some(Fault::new(FaultKind::ResetAfter).on(Api::ChangeRoomOwner)),
        Trouble::Banned => {
            let info = "the new owner is banned from the room".to_owned();
            Some(Fault::new(FaultKind::Code { code: 100_016, info }).on(Api::ChangeRoomOwner))
        }
    };
    if let Some(fault) = fault {
        playground.simulator.inject(fault);
    }
    *lock(&playground.trouble) = wanted.kind;
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
struct AuditQuery {
    limit: Option<u32>,
}

async fn audit(
    State(playground): State<Arc<Playground>>,
    Query(query): Query<AuditQuery>,
) -> Answer<Vec<AuditEntry>> {
    let filter = AuditFilter { limit: Some(query.limit.unwrap_or(50).min(10_000)), ..AuditFilter::default() };
    Ok(Json(playground.store.audit(&filter).await?))
}
