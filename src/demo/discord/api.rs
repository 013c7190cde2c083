//! What the bot calls ("Interaction Responses", "Edit Followup Message", "Create Message").

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{patch, post};
use axum::{Json, Router};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use super::{DiscordStandIn, Interaction, snowflake};
use crate::demo::wall::{Platform, Shown};
use crate::demo::world::{CHANNELS, PEOPLE, lock};

/// Where the REST API is, at the demo's own address.
pub(super) const BASE: &str = "/demo/discord/api";
/// What a private message is marked with ("Message Flags").
pub(super) const EPHEMERAL: u64 = 64;
/// Discord's codes ("JSON Error Codes").
const UNAUTHORIZED: (StatusCode, u64) = (StatusCode::UNAUTHORIZED, 0);
const UNKNOWN_CHANNEL: (StatusCode, u64) = (StatusCode::NOT_FOUND, 10_003);
const UNKNOWN_MESSAGE: (StatusCode, u64) = (StatusCode::NOT_FOUND, 10_008);
const UNKNOWN_WEBHOOK: (StatusCode, u64) = (StatusCode::NOT_FOUND, 10_015);
const UNKNOWN_INTERACTION: (StatusCode, u64) = (StatusCode::NOT_FOUND, 10_062);
const ALREADY_ACKNOWLEDGED: (StatusCode, u64) = (StatusCode::BAD_REQUEST, 40_060);

impl DiscordStandIn {
    /// What the bot calls.
    pub(in crate::demo) fn api(self: &Arc<Self>) -> Router {
        Router::new()
            .route(&format!("{BASE}/interactions/{{id}}/{{token}}/callback"), post(callback))
            .route(&format!("{BASE}/webhooks/{{application}}/{{token}}/messages/{{message}}"), patch(edit))
            .route(&format!("{BASE}/channels/{{channel}}/messages"), post(create))
            .route(&format!("{BASE}/channels/{{channel}}/messages/{{message}}"), patch(change))
            .route(&format!("{BASE}/users/@me/channels"), post(open))
            .with_state(Arc::clone(self))
    }

    fn is_bot(&self, headers: &HeaderMap) -> bool {
        let wanted = format!("Bot {}", self.token.expose_secret());
        headers.get("authorization").and_then(|value| value.to_str().ok()) == Some(&wanted)
    }

    /// Shows the first answer ("Interaction Callback Type").
    fn take(&self, interaction: &mut Interaction, callback: Value) {
        match (callback["type"].as_u64(), &interaction.source) {
            (Some(4), _) => interaction.original = Some(self.show(interaction, &callback, &callback["data"])),
            (Some(7), Some(source)) => {
                self.merge(source, &interaction.asking.mark, &callback["data"]);
                interaction.original = Some(source.clone());
            }
            (Some(9), _) => {
                let form = (interaction.asking.clone(), callback["data"].clone());
                lock(&self.opened).insert(interaction.id.clone(), form);
            }
            _ => {}
        }
        interaction.callback = Some(callback);
    }

    /// Posts the answer, and returns its id. Whom it is for was settled with the first answer.
    fn show(&self, interaction: &Interaction, first: &Value, message: &Value) -> String {
        let id = snowflake();
        let is_private = first["data"]["flags"].as_u64().unwrap_or_default() & EPHEMERAL != 0;
        let shown = Shown::new(Platform::Discord, id.clone(), &interaction.asking.channel, message.clone());
        self.wall.post(shown.answering(&interaction.asking, is_private));
        id
    }

    /// Puts what is in an edit in the place of what is in a message. What an edit does not name stays.
    fn merge(&self, message: &str, mark: &str, edit: &Value) -> bool {
        self.wall.change(message, mark, |shown| {
            for (name, value) in edit.as_object().into_iter().flatten() {
                shown.message[name] = value.clone();
            }
        })
    }

    /// Posts what the bot says by itself, and returns its id.
    fn create(&self, channel: &str, message: Value) -> Option<String> {
        let place = CHANNELS.iter().find(|place| place.snowflake == channel).map(|place| place.id);
        let to = PEOPLE.iter().find(|person| direct(person.snowflake) == channel).map(|person| person.id);
        let id = snowflake();
        let shown = Shown::new(Platform::Discord, id.clone(), place.or(to)?, message);
        self.wall.post(Shown { to: to.map(str::to_owned), ..shown });
        Some(id)
    }

    fn edit(&self, interaction: &mut Interaction, message: &str, edit: &Value) -> bool {
        let mark = interaction.asking.mark.clone();
        match (message, &interaction.original, &interaction.callback) {
            ("@original", Some(original), _) => self.merge(original, &mark, edit),
            ("@original", None, Some(callback)) => {
                interaction.original = Some(self.show(interaction, callback, edit));
                true
            }
            _ => self.merge(message, &mark, edit),
        }
    }
}

async fn callback(
    State(discord): State<Arc<DiscordStandIn>>,
    Path((id, token)): Path<(String, String)>,
    Json(body): Json<Value>,
) -> Response {
    let taken = match lock(&discord.interactions).get_mut(&token).filter(|known| known.id == id) {
        None => Err(UNKNOWN_INTERACTION),
        Some(Interaction { callback: Some(_), .. }) => Err(ALREADY_ACKNOWLEDGED),
        Some(interaction) => {
            discord.take(interaction, body);
            Ok(StatusCode::NO_CONTENT.into_response())
        }
    };
    discord.changed.notify_waiters();
    taken.unwrap_or_else(refused)
}

async fn edit(
    State(discord): State<Arc<DiscordStandIn>>,
    Path((_, token, message)): Path<(String, String, String)>,
    Json(body): Json<Value>,
) -> Response {
    let taken = match lock(&discord.interactions).get_mut(&token) {
        Some(interaction @ Interaction { callback: Some(_), .. }) => {
            let id = interaction.id.clone();
            let edited = discord.edit(interaction, &message, &body);
            edited.then(|| Json(json!({ "id": id })).into_response()).ok_or(UNKNOWN_MESSAGE)
        }
        _ => Err(UNKNOWN_WEBHOOK),
    };
    discord.changed.notify_waiters();
    taken.unwrap_or_else(refused)
}

async fn create(
    State(discord): State<Arc<DiscordStandIn>>,
    Path(channel): Path<String>,
    headers: HeaderMap,
    Json(message): Json<Value>,
) -> Response {
    if !discord.is_bot(&headers) {
        return refused(UNAUTHORIZED);
    }
    let posted = discord.create(&channel, message);
    posted.map_or_else(|| refused(UNKNOWN_CHANNEL), |id| Json(json!({ "id": id })).into_response())
}

/// Puts what the bot says now in the place of what it said by itself ("Edit Message").
async fn change(
    State(discord): State<Arc<DiscordStandIn>>,
    Path((_, message)): Path<(String, String)>,
    headers: HeaderMap,
    Json(edit): Json<Value>,
) -> Response {
    if !discord.is_bot(&headers) {
        return refused(UNAUTHORIZED);
    }
    let is_there = discord.merge(&message, "", &edit);
    if is_there { Json(json!({ "id": message })).into_response() } else { refused(UNKNOWN_MESSAGE) }
}

/// Opens the bot's conversation with somebody ("Create DM").
async fn open(
    State(discord): State<Arc<DiscordStandIn>>,
    headers: HeaderMap,
    Json(whom): Json<Value>,
) -> Response {
    if !discord.is_bot(&headers) {
        return refused(UNAUTHORIZED);
    }
    let id = direct(whom["recipient_id"].as_str().unwrap_or_default());
    Json(json!({ "id": id, "type": 1 })).into_response()
}

/// The channel of the bot's direct messages with somebody.
fn direct(snowflake: &str) -> String {
    format!("9{snowflake}")
}

fn refused((status, code): (StatusCode, u64)) -> Response {
    (status, Json(json!({ "code": code, "message": "refused by the demo's stand-in" }))).into_response()
}
