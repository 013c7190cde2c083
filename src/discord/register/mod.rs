//! `room-owner discord register`: makes Discord show the commands as this program knows them.
//!
//! Only differences are written, each by itself. Commands are never overwritten as a whole: that would erase the
//! permissions that a server's admins have set for them, and other commands of the same application are not ours
//! (docs.discord.com/developers/interactions/application-commands). Ours are deleted only where somebody asks for it
//! because they are registered twice.

mod plan;

use std::time::Duration;

use reqwest::Method;
use serde_json::{Map, Value};
use tracing::warn;

use super::Settings;
use super::definition;
use super::rest::{Failure, Rest};
use crate::redact::Redactor;

pub(super) use plan::shown;
use plan::{Change, canonical, change, removal};
pub use plan::{Plan, Scope, Step};

/// How often a call is made when Discord asks to wait, and the longest such wait.
const TRIES: u32 = 4;
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// The most servers in which it is looked whether commands are registered twice.
const MOST_GUILDS: usize = 20;

/// A client that registers.
pub struct Registrar {
    rest: Rest,
    application: String,
    wanted: Vec<Map<String, Value>>,
}

impl Registrar {
    /// Learns the application's id from Discord, if the settings do not name it.
    ///
    /// # Errors
    /// When there is no bot token, or Discord does not answer.
    pub async fn new(settings: &Settings, redactor: Redactor) -> anyhow::Result<Self> {
        anyhow::ensure!(
            settings.bot_token.is_some(),
            "DISCORD_BOT_TOKEN is not set: commands are registered in the bot's name"
        );
        let rest = settings.rest(redactor)?;
        let application = match &settings.application_id {
            Some(id) => id.clone(),
            None => {
                let me = patiently(&rest, Method::GET, &["applications", "@me"], None).await?;
                let id = me["id"].as_str().filter(|id| id.bytes().all(|b| b.is_ascii_digit()));
                id.ok_or_else(|| {
                    anyhow::anyhow!("discord did not name the application; set DISCORD_APPLICATION_ID")
                })?
                .to_owned()
            }
        };
        let wanted = definition::registered(&settings.command);
        let wanted = wanted.iter().map(|command| anyhow::Ok(canonical(&serde_json::to_value(command)?)));
        Ok(Self { rest, application, wanted: wanted.collect::<Result<_, _>>()? })
    }

    /// Compares what is registered, for everybody or in one guild, with what should be.
    ///
    /// # Errors
    /// When Discord does not say what is registered.
    pub async fn plan(&self, guild: Option<&str>) -> Result<Plan, Failure> {
        let scope = Scope::from(guild);
        let present = self.present(&scope).await?;
        let changes = self.wanted.iter().filter_map(|wanted| {
            let mut wanted = wanted.clone();
            if guild.is_some() {
                // A guild's commands are in that guild and nowhere else: Discord keeps neither.
                wanted.remove("contexts");
                wanted.remove("integration_types");
            }
            change(wanted, &present)
        });
        let changes = changes.collect();
        Ok(Plan { scope, changes })
    }

    /// What has to be removed so that no command is registered twice, if they stay for everybody or in one guild: from
    /// the guilds that the bot is in, or from everywhere. Places without one are left out.
    ///
    /// # Errors
    /// When Discord does not say what is registered.
    pub async fn twice(&self, guild: Option<&str>) -> Result<Vec<Plan>, Failure> {
        let scopes = match guild {
            Some(_) => vec![Scope::Everywhere],
            None => self.guilds().await?,
        };
        let mut plans = Vec::new();
        for scope in scopes {
            let present = match self.present(&scope).await {
                // The bot is there, and its commands are not.
                Err(Failure::Refused { status: 403 | 404, .. }) => continue,
                present => present?,
            };
            let changes = self.wanted.iter().filter_map(|wanted| removal(wanted, &present));
            let plan = Plan { changes: changes.collect(), scope };
            plans.extend(Some(plan).filter(|plan| !plan.is_empty()));
        }
        Ok(plans)
    }

    /// What is wrong with what is registered, and what to do: a line.
    ///
    /// # Errors
    /// When Discord does not say what is registered.
    pub async fn check(&self) -> Result<Result<(), (String, &'static str)>, Failure> {
        const REGISTER: &str = "`room-owner discord register`";
        let everywhere = self.plan(None).await?;
        let guilds = self.twice(None).await?;
        let of = |steps: Vec<Step>, kind: &str| {
            let named = steps
                .into_iter()
                .filter(|step| step.change == kind)
                .map(|step| format!("`{}`", step.command));
            named.collect::<Vec<_>>().join(", ")
        };
        let (missing, changed) = (of(everywhere.steps(), "create"), of(everywhere.steps(), "update"));
        let is_nowhere =
            everywhere.steps().iter().filter(|step| step.change == "create").count() == self.wanted.len();
        if is_nowhere && !guilds.is_empty() {
            // For some servers alone, which is one of the two ways.
            return self.check_guilds(&guilds).await;
        }
        if let Some(first) = guilds.first() {
            let places = guilds.iter().map(|plan| plan.scope.to_string()).collect::<Vec<_>>().join(", ");
            let names = of(first.steps(), "remove");
            return Ok(Err((
                format!("registered twice, everywhere and {places}, so that each shows twice there: {names}"),
                "`room-owner discord register --prune`",
            )));
        }
        Ok(match (missing.is_empty(), changed.is_empty()) {
            (true, true) => Ok(()),
            (false, true) => Err((format!("not registered: {missing}"), REGISTER)),
            (true, false) => Err((format!("registered otherwise: {changed}"), REGISTER)),
            (false, false) => {
                Err((format!("not registered: {missing}; registered otherwise: {changed}"), REGISTER))
            }
        })
    }

    /// The same where commands are registered in these guilds alone.
    async fn check_guilds(&self, guilds: &[Plan]) -> Result<Result<(), (String, &'static str)>, Failure> {
        for Plan { scope, .. } in guilds {
            let Scope::Guild(guild) = scope else { continue };
            let plan = self.plan(Some(guild)).await?;
            let steps = plan.steps().into_iter().map(|step| format!("`{}`", step.command));
            let steps = steps.collect::<Vec<_>>().join(", ");
            if !steps.is_empty() {
                return Ok(Err((
                    format!("not registered, or otherwise, {scope}: {steps}"),
                    "`room-owner discord register --guild <guild>`",
                )));
            }
        }
        Ok(Ok(()))
    }

    /// The servers that the bot is in; not all of them if it is in many.
    async fn guilds(&self) -> Result<Vec<Scope>, Failure> {
        let guilds = patiently(&self.rest, Method::GET, &["users", "@me", "guilds"], None).await?;
        let ids = guilds.as_array().into_iter().flatten().filter_map(|guild| guild["id"].as_str());
        let ids = ids.filter(|id| id.bytes().all(|b| b.is_ascii_digit()));
        Ok(ids.take(MOST_GUILDS).map(|id| Scope::Guild(id.to_owned())).collect())
    }

    /// What is registered in one place.
    async fn present(&self, scope: &Scope) -> Result<Vec<Value>, Failure> {
        let present = patiently(&self.rest, Method::GET, &self.path(scope), None).await?;
        Ok(present.as_array().cloned().unwrap_or_default())
    }

    fn path<'a>(&'a self, scope: &'a Scope) -> Vec<&'a str> {
        let mut path = vec!["applications", self.application.as_str()];
        if let Scope::Guild(guild) = scope {
            path.extend(["guilds", guild.as_str()]);
        }
        path.push("commands");
        path
    }

    /// Writes the differences.
    ///
    /// # Errors
    /// When Discord does not take one.
    pub async fn apply(&self, plan: &Plan) -> Result<(), Failure> {
        for change in &plan.changes {
            let mut path = self.path(&plan.scope);
            let (method, body) = match change {
                Change::Create { command, .. } => (Method::POST, Some(command)),
                Change::Update { id, fields, .. } => {
                    path.push(id);
                    (Method::PATCH, Some(fields))
                }
                Change::Remove { id, .. } => {
                    path.push(id);
                    (Method::DELETE, None)
                }
            };
            let body = body.cloned().map(Value::Object);
            patiently(&self.rest, method, &path, body.as_ref()).await?;
        }
        Ok(())
    }
}

/// Logs whether the registered commands differ from this program's. Its own failure does not stop the start.
pub async fn warn_of_differences(settings: Settings, redactor: Redactor) {
    let check = async { anyhow::Ok(Registrar::new(&settings, redactor).await?.check().await?) };
    match check.await {
        Ok(Ok(())) => {}
        Ok(Err((what, remedy))) => warn!(remedy, "discord's commands are {what}"),
        Err(error) => warn!(%error, "the commands registered with Discord cannot be read"),
    }
}

/// A call, made again when Discord asks to wait.
async fn patiently(
    rest: &Rest,
    method: Method,
    path: &[&str],
    body: Option<&Value>,
) -> Result<Value, Failure> {
    for _ in 1..TRIES {
        let answered = rest.as_bot(method.clone(), path, body).await;
        let Some(pause) = answered.as_ref().err().and_then(Failure::retry_after) else { return answered };
        tokio::time::sleep(pause.min(LONGEST_PAUSE)).await;
    }
    rest.as_bot(method, path, body).await
}

#[cfg(test)]
mod tests;
