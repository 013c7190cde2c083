//! Which application the bot's token is for, for `room-owner doctor` and `room-owner init`.

use reqwest::Method;

use super::{Failure, PublicKey, Settings};
use crate::redact::Redactor;

/// An application as Discord knows it (docs.discord.com/developers/resources/application).
#[derive(Debug, Clone)]
pub struct Application {
    /// Its id.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// The key that Discord signs its interactions with.
    pub public_key: Option<PublicKey>,
    /// Where Discord posts interactions; with none, they come over the gateway.
    pub endpoint: Option<String>,
}

impl Application {
    /// The link with which somebody adds it to a server.
    pub fn invitation(id: &str) -> String {
        format!(
            "https://discord.com/oauth2/authorize?client_id={id}&scope=applications.commands+bot&permissions=0"
        )
    }
}

/// Asks Discord which application the bot's token is for.
///
/// # Errors
/// When Discord does not say.
pub async fn application(settings: &Settings, redactor: Redactor) -> Result<Application, Failure> {
    let rest = settings.rest(redactor).map_err(|error| Failure::NotSent(error.to_string()))?;
    let me = rest.as_bot(Method::GET, &["applications", "@me"], None).await?;
    let text = |name: &str| me[name].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    Ok(Application {
        id: text("id").unwrap_or_default(),
        name: text("name").unwrap_or_default(),
        public_key: text("verify_key").and_then(|key| key.parse().ok()),
        endpoint: text("interactions_endpoint_url"),
    })
}
