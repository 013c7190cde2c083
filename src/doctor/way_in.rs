//! The way in: whether `PUBLIC_URL` leads to this bot.

use reqwest::{Method, Url};

use super::{LIMIT, out_of_reach, within};
use crate::config::Usable;
use crate::domain::check::Check;
use crate::http::{self, Client, Limits};
use crate::merkle::VerifierKey;
use crate::redact::Redactor;
use crate::server::LOG_ORIGIN;
use crate::slack::manifest::INTERACTIONS;

pub(super) const NAME: &str = "public url";

/// How much of an answer is read.
const LONGEST_ANSWER: usize = 64 * 1_024;

pub(super) async fn check(usable: &Usable, origin: Option<&VerifierKey>, redactor: &Redactor) -> Vec<Check> {
    let slack_posts = usable.slack.as_ref().is_some_and(|slack| slack.socket.is_none());
    let discord_posts = usable.discord.as_ref().is_some_and(|discord| discord.public_key.is_some());
    let check = match &usable.public_url {
        Some(url) => {
            let reached = async { vec![reached(url, usable, origin, redactor).await] };
            return within(&[NAME], (url, "PUBLIC_URL"), reached).await;
        }
        None if slack_posts || discord_posts => Check::warning(
            NAME,
            "PUBLIC_URL is not set, so nobody knows whether the platforms reach the bot",
            "set it to the https address that your proxy serves: `PUBLIC_URL=https://rooms.example.com`",
        ),
        None => Check::skipped(NAME, "PUBLIC_URL is not set, and no platform posts to the bot"),
    };
    vec![check]
}

async fn reached(url: &Url, usable: &Usable, origin: Option<&VerifierKey>, redactor: &Redactor) -> Check {
    let client = match Client::new(Limits::within(LIMIT, LONGEST_ANSWER), http::USER_AGENT, "PUBLIC_URL") {
        Ok(client) => client,
        Err(error) => return Check::failure(NAME, error.to_string(), "see the message"),
    };
    // A proxy need not pass the first one on. The others refuse what is not signed.
    let slack = usable.slack.as_ref().filter(|slack| slack.socket.is_none());
    let slack = slack.map(|_| (Method::POST, "slack/commands"));
    let discord = usable.discord.as_ref().map(|_| (Method::POST, "discord/interactions"));
    let paths = [Some((Method::GET, "healthz")), slack.clone(), discord];
    let mut status = None;
    for (method, path) in paths.into_iter().flatten() {
        let answer = match answer(&client, url, method, path, redactor).await {
            Ok(answer) => answer,
            Err(failure) => return failure,
        };
        match answer.origin {
            Some(there) if origin.is_none_or(|origin| origin.name() == there) => {
                return match slack {
                    Some(_) => takes_presses(&client, url, redactor).await,
                    None => Check::ok(NAME, format!("`{url}` reaches this bot")),
                };
            }
            Some(_) => {
                let detail = format!("another bot than this one answers at `{url}`: its log has another key");
                return Check::failure(NAME, detail, "have the proxy pass it to BIND_ADDR of this one");
            }
            None => status = Some(answer.status),
        }
    }
    let status = status.map(|status| status.to_string()).unwrap_or_default();
    Check::failure(
        NAME,
        format!("`{url}` answers with status {status}, and it is not this bot that answers"),
        format!(
            "start `room-owner serve`, and have the proxy pass /slack/, /discord/ and /tencent/ to {}",
            usable.bind_addr
        ),
    )
}

/// Whether the proxy passes what people press in Slack: a path that the first versions of its configuration lack.
async fn takes_presses(client: &Client, url: &Url, redactor: &Redactor) -> Check {
    match answer(client, url, Method::POST, INTERACTIONS, redactor).await {
        Ok(Answer { origin: Some(_), .. }) => Check::ok(NAME, format!("`{url}` reaches this bot")),
        Ok(Answer { status, .. }) => Check::warning(
            NAME,
            format!(
                "`{url}` reaches this bot, but answers with status {status} at /{INTERACTIONS}: buttons in Slack do nothing"
            ),
            format!("have the proxy pass /{INTERACTIONS}, as deploy/nginx.conf does"),
        ),
        Err(failure) => failure,
    }
}

/// What answers at a path.
struct Answer {
    status: u16,
    /// The name of the log, if it is a bot that answers.
    origin: Option<String>,
}

async fn answer(
    client: &Client,
    url: &Url,
    method: Method,
    path: &str,
    redactor: &Redactor,
) -> Result<Answer, Check> {
    let unreachable = |why: &dyn std::fmt::Display| {
        let remedy = match http::proxy_for(url) {
            Some(_) => out_of_reach(url, NAME),
            None => "check its name, its certificate and what listens there".to_owned(),
        };
        Check::failure(NAME, format!("`{url}` cannot be reached: {why}"), remedy)
    };
    let to = url.join(path).map_err(|error| unreachable(&error))?;
    let answer = client.answer(client.request(method, to), redactor).await;
    let answer = answer.map_err(|error| unreachable(&error))?;
    let origin = answer.headers.get(LOG_ORIGIN).map(|origin| origin.to_str().unwrap_or_default().to_owned());
    Ok(Answer { status: answer.status.as_u16(), origin })
}
