//! Discord: which application the token is of, how commands come from it, and which commands it shows.

use reqwest::Url;

use super::{out_of_reach, within};
use crate::discord::register::Registrar;
use crate::discord::{Application, Failure, Settings, application};
use crate::domain::check::Check;
use crate::redact::Redactor;

const NAME: &str = "discord";
const DELIVERY: &str = "discord delivery";
const COMMANDS: &str = "discord commands";
/// Where Discord's address is set.
const ADDRESS_IN: &str = "DISCORD_API_BASE_URL if it is set";

/// Looks at what is registered too, unless that is done already.
pub(super) async fn checks(
    settings: Option<&Settings>,
    public_url: Option<&Url>,
    with_commands: bool,
    redactor: &Redactor,
) -> Vec<Check> {
    let Some(settings) = settings else {
        let detail = "off: neither its public key nor its token is set, or they cannot be used";
        return vec![Check::skipped(NAME, detail)];
    };
    if settings.bot_token.is_none() {
        let detail = "DISCORD_BOT_TOKEN is not set: what Discord has of the application cannot be looked at";
        return vec![Check::skipped(NAME, detail)];
    }
    let checks = async {
        let (application, commands) = tokio::join!(application(settings, redactor.clone()), async {
            if with_commands { Some(commands(settings, redactor).await) } else { None }
        });
        match application {
            Ok(application) => {
                let own = [identity(&application, settings), delivery(&application, settings, public_url)];
                own.into_iter().chain(commands).collect()
            }
            Err(error) => vec![unanswered(&error, settings)],
        }
    };
    within(&[NAME], (&settings.api_base_url, ADDRESS_IN), checks).await
}

fn unanswered(failure: &Failure, settings: &Settings) -> Check {
    let out_of_reach = || out_of_reach(&settings.api_base_url, ADDRESS_IN);
    let remedy = failure.remedy().map_or_else(out_of_reach, str::to_owned);
    Check::failure(NAME, failure.to_string(), remedy)
}

fn identity(Application { id, name, .. }: &Application, settings: &Settings) -> Check {
    match &settings.application_id {
        Some(own) if own != id => Check::failure(
            NAME,
            format!("the token is of `{name}` ({id}), and DISCORD_APPLICATION_ID is {own}"),
            "copy both from the same application",
        ),
        _ => Check::ok(NAME, format!("the token is of `{name}` ({id})")),
    }
}

/// Over HTTP or over the gateway: Discord chooses by whether it has an address to post to.
fn delivery(application: &Application, settings: &Settings, public_url: Option<&Url>) -> Check {
    let Application { name, endpoint, public_key, .. } = application;
    let Some(own) = &settings.public_key else {
        return match endpoint {
            None => Check::ok(DELIVERY, "over the gateway"),
            Some(endpoint) => Check::failure(
                DELIVERY,
                format!("Discord posts commands to `{endpoint}`, so that none come over the gateway"),
                "clear the Interactions Endpoint URL (General Information), or set DISCORD_PUBLIC_KEY",
            ),
        };
    };
    if public_key.as_ref().is_some_and(|theirs| theirs != own) {
        return Check::failure(
            DELIVERY,
            format!("DISCORD_PUBLIC_KEY is not the key of `{name}`, so that every command is refused"),
            "copy the Public Key from the application's General Information",
        );
    }
    let ours = public_url.map(|url| format!("{url}discord/interactions"));
    let wanted = ours.as_deref().unwrap_or("<PUBLIC_URL>/discord/interactions");
    let enter = format!("enter `{wanted}` as Interactions Endpoint URL (General Information)");
    match endpoint {
        None => Check::failure(
            DELIVERY,
            "Discord has no address to post commands to, and the bot waits for posts",
            enter,
        ),
        Some(endpoint) if ours.as_ref().is_some_and(|ours| ours != endpoint.trim_end_matches('/')) => {
            Check::warning(DELIVERY, format!("Discord posts commands to `{endpoint}`"), enter)
        }
        Some(endpoint) => Check::ok(DELIVERY, format!("over HTTP, to `{endpoint}`")),
    }
}

async fn commands(settings: &Settings, redactor: &Redactor) -> Check {
    let check = async { anyhow::Ok(Registrar::new(settings, redactor.clone()).await?.check().await?) };
    match check.await {
        Ok(Ok(())) => Check::ok(COMMANDS, "registered as this program knows them"),
        Ok(Err((what, remedy))) => Check::warning(COMMANDS, what, remedy),
        Err(error) => Check::skipped(COMMANDS, error.to_string()),
    }
}
