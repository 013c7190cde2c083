//! `room-owner doctor`: looks at everything that the bot depends on, and says what to do about it.
//!
//! Nothing is changed and no lock is taken: it runs beside a bot that serves. What it looks at over the network it looks
//! at side by side, each for some seconds at the most.

mod access;
mod database;
mod discord;
mod settings;
mod slack;
mod tencent;
mod way_in;

use std::time::Duration;

use reqwest::Url;
use tracing::{debug, error, warn};

use crate::app::ports::Clock;
use crate::config::{Environment, Usable};
use crate::domain::check::{Check, State};
use crate::http;
use crate::redact::Redactor;

pub use settings::NAME as SETTINGS;

/// How long one look may take.
const LIMIT: Duration = Duration::from_secs(5);

/// Looks at everything.
pub async fn whole<C: Clock + Clone>(environment: &Environment, clock: C) -> Vec<Check> {
    examine(environment, clock, true).await
}

/// Looks at what can be right before the bot has ever served.
pub async fn before_serving<C: Clock + Clone>(environment: &Environment, clock: C) -> Vec<Check> {
    examine(environment, clock, false).await
}

async fn examine<C: Clock + Clone>(environment: &Environment, clock: C, is_serving: bool) -> Vec<Check> {
    let (usable, redactor) = (Usable::from(environment), environment.redactor());
    usable.proxy.clone().into_iter().for_each(http::go_through);
    let database = usable.database.clone();
    redactor.learn(database.as_ref().and_then(|database| database.signing_key()).iter());
    let now = clock.now();
    let origin = database.as_ref().and_then(|database| database.verifier_key().ok()?);
    let way_in = async {
        match is_serving {
            true => way_in::check(&usable, origin.as_ref(), &redactor).await,
            false => vec![Check::skipped(way_in::NAME, "the bot does not serve yet")],
        }
    };
    let (tencent, slack, discord, way_in, database) = tokio::join!(
        tencent::checks(usable.tencent.as_ref(), usable.public_url.as_ref(), clock, &redactor),
        slack::checks(usable.slack.as_ref(), true, &redactor),
        discord::checks(usable.discord.as_ref(), usable.public_url.as_ref(), true, &redactor),
        way_in,
        database::checks(database.as_ref(), environment, &usable, now),
    );
    let parts = [settings::checks(environment, &usable), tencent, slack, discord, way_in, database];
    redacted(parts.concat(), &redactor)
}

/// Looks, at the start of `serve`, at what a start does not show, and logs what is wrong. A stand-in on this machine is
/// only asked for what the bot is asked for.
pub async fn at_start<C: Clock + Clone>(environment: &Environment, clock: C) {
    let (usable, redactor) = (Usable::from(environment), environment.redactor());
    let real = usable.tencent.as_ref().filter(|tencent| tencent.base_url.scheme() == "https");
    let tencent = async {
        match real {
            Some(settings) => tencent::at_start(settings, clock, &redactor).await,
            None => Vec::new(),
        }
    };
    let (tencent, slack, discord) = tokio::join!(
        tencent,
        slack::checks(usable.slack.as_ref(), false, &redactor),
        discord::checks(usable.discord.as_ref(), usable.public_url.as_ref(), false, &redactor),
    );
    let files = usable.database.as_ref().map(database::files).unwrap_or_default();
    let checks = redacted([tencent, slack, discord, files].concat(), &redactor);
    for Check { name, state, detail, remedy } in checks {
        let remedy = remedy.unwrap_or_default();
        match state {
            State::Failure => error!(check = name, remedy, "{detail}"),
            State::Warning => warn!(check = name, remedy, "{detail}"),
            State::Ok | State::Skipped => debug!(check = name, "{detail}"),
        }
    }
}

/// What services answered, without our secrets.
fn redacted(mut checks: Vec<Check>, redactor: &Redactor) -> Vec<Check> {
    for check in &mut checks {
        check.detail = redactor.text(&check.detail).into_owned();
    }
    checks
}

/// What to look at when there is no answer from `url`, which is set in `setting`. A proxy on the way comes first.
fn out_of_reach(url: &Url, setting: &str) -> String {
    match http::proxy_for(url) {
        Some(proxy) => format!(
            "check {}, and that the proxy connects to {}; NO_PROXY names hosts that need none",
            proxy.setting(),
            url.host_str().unwrap_or_default()
        ),
        None => format!("check the network of this machine, what its firewall lets out, and {setting}"),
    }
}

/// What is not known in time is a failure; `url`, set in `setting`, did not answer.
async fn within(
    names: &[&'static str],
    (url, setting): (&Url, &str),
    checks: impl Future<Output = Vec<Check>>,
) -> Vec<Check> {
    let late = |name: &&'static str| {
        let detail = format!("no answer within {} s", LIMIT.as_secs());
        Check::failure(name, detail, out_of_reach(url, setting))
    };
    tokio::time::timeout(LIMIT, checks).await.unwrap_or_else(|_| names.iter().map(late).collect())
}
