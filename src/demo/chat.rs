//! What the page lets people do in chat: type, press, fill in; and what they see there.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::discord::{DiscordStandIn, OptionValue};
use super::slack::SlackStandIn;
use super::wall::{Said, Shown, Wall};
use super::world::Asking;

/// How long the page waits for something new to be seen before it asks again.
const LOOK: Duration = Duration::from_secs(2);

/// The platforms, and what is seen there.
#[derive(Clone)]
pub(super) struct Chat {
    pub(super) slack: Arc<SlackStandIn>,
    pub(super) discord: Arc<DiscordStandIn>,
    pub(super) wall: Arc<Wall>,
}

impl Chat {
    pub(super) fn router(self) -> Router {
        Router::new()
            .route("/demo/seen", get(seen))
            .route("/demo/say", post(say))
            .route("/demo/say-again", post(say_again))
            .route("/demo/press", post(press))
            .route("/demo/suggest", post(suggest))
            .route("/demo/submit", post(submit))
            .route("/demo/discord/say", post(discord_say))
            .route("/demo/discord/say-again", post(discord_say_again))
            .route("/demo/discord/suggest", post(discord_suggest))
            .route("/demo/discord/press", post(discord_press))
            .route("/demo/discord/submit", post(discord_submit))
            .with_state(self)
    }
}

/// An answer that is an error, in words for the page.
pub(super) enum Failed {
    Broken(anyhow::Error),
    UnknownDelivery,
}

impl<E: Into<anyhow::Error>> From<E> for Failed {
    fn from(error: E) -> Self {
        Self::Broken(error.into())
    }
}

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        let (status, error) = match self {
            Self::Broken(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
            Self::UnknownDelivery => {
                (StatusCode::NOT_FOUND, "this delivery is not known: send the command again".to_owned())
            }
        };
        (status, Json(json!({ "error": error }))).into_response()
    }
}

pub(super) type Answer<T> = Result<Json<T>, Failed>;

#[derive(Deserialize)]
struct After {
    after: u64,
}

/// The messages that were posted or changed since a version.
async fn seen(State(chat): State<Chat>, Query(After { after }): Query<After>) -> Json<Vec<Shown>> {
    Json(chat.wall.since(after, LOOK).await)
}

#[derive(Deserialize)]
struct Saying {
    #[serde(flatten)]
    asking: Asking,
    text: String,
}

async fn say(State(chat): State<Chat>, Json(saying): Json<Saying>) -> Answer<Said> {
    Ok(Json(chat.slack.say(saying.asking, &saying.text).await?))
}

#[derive(Deserialize)]
struct Again {
    delivery: String,
    mark: String,
}

async fn say_again(State(chat): State<Chat>, Json(again): Json<Again>) -> Answer<Said> {
    let said = chat.slack.say_again(&again.delivery, &again.mark).await?;
    said.map(Json).ok_or(Failed::UnknownDelivery)
}

async fn discord_say_again(State(chat): State<Chat>, Json(again): Json<Again>) -> Answer<Said> {
    chat.discord.say_again(&again.delivery).await?.map(Json).ok_or(Failed::UnknownDelivery)
}

#[derive(Deserialize)]
struct Pressing {
    #[serde(flatten)]
    asking: Asking,
    message: String,
    /// Which button of the message, from 0 on.
    button: usize,
}

async fn press(State(chat): State<Chat>, Json(it): Json<Pressing>) -> Answer<Said> {
    Ok(Json(chat.slack.press(it.asking, &it.message, it.button).await?))
}

async fn discord_press(State(chat): State<Chat>, Json(it): Json<Pressing>) -> Answer<Said> {
    Ok(Json(chat.discord.press(it.asking, &it.message, it.button).await?))
}

#[derive(Deserialize)]
struct Choosing {
    form: String,
    field: String,
    typed: String,
    values: HashMap<String, String>,
}

async fn suggest(State(chat): State<Chat>, Json(it): Json<Choosing>) -> Answer<Value> {
    Ok(Json(chat.slack.suggest(&it.form, &it.field, &it.typed, &it.values).await?))
}

#[derive(Deserialize)]
struct Filled {
    form: String,
    values: HashMap<String, String>,
    mark: String,
}

async fn submit(State(chat): State<Chat>, Json(it): Json<Filled>) -> Answer<Said> {
    Ok(Json(chat.slack.submit(&it.form, &it.values, it.mark).await?))
}

async fn discord_submit(State(chat): State<Chat>, Json(it): Json<Filled>) -> Answer<Said> {
    Ok(Json(chat.discord.submit(&it.form, &it.values, it.mark).await?))
}

#[derive(Deserialize)]
struct Using {
    #[serde(flatten)]
    asking: Asking,
    /// The command and its subcommand: `room-acl channel allow`.
    command: String,
    options: Vec<OptionValue>,
    /// The option that is being typed.
    #[serde(default)]
    focused: String,
}

async fn discord_say(State(chat): State<Chat>, Json(using): Json<Using>) -> Answer<Said> {
    let Using { asking, command, options, .. } = using;
    Ok(Json(chat.discord.say(asking, &command, &options).await?))
}

async fn discord_suggest(State(chat): State<Chat>, Json(using): Json<Using>) -> Answer<Value> {
    let Using { asking, command, options, focused } = using;
    Ok(Json(chat.discord.suggest(&asking, (&command, &options), &focused).await?))
}
