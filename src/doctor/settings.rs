//! The settings, and the file that holds them.

use std::path::Path;

use crate::config::{Config, ConfigError, Environment, Usable, env_file};
use crate::domain::check::Check;

/// The name of the check.
pub const NAME: &str = "settings";

pub(super) fn checks(environment: &Environment, usable: &Usable) -> Vec<Check> {
    let mut checks = match Config::from(environment) {
        Ok(config) => {
            let doors = [config.slack.map(|_| "Slack"), config.discord.map(|_| "Discord")];
            let doors = doors.into_iter().flatten().collect::<Vec<_>>().join(" and ");
            vec![Check::ok(NAME, format!("`serve` takes commands from {doors}"))]
        }
        Err(error) => problems(&error),
    };
    // What is said of `.env` itself is looked at below.
    let notes = environment.notes().iter().filter(|note| !note.starts_with("`.env`"));
    checks.extend(notes.map(|note| Check::warning(NAME, note, "see docs/settings.md")));
    let proxy = usable.proxy.as_ref();
    checks.extend(proxy.map(|proxy| {
        Check::ok(
            "proxy",
            format!("outgoing connections go through {}, but for those of NO_PROXY", proxy.name()),
        )
    }));
    checks.push(file());
    checks
}

/// What is wrong, one by one.
fn problems(error: &ConfigError) -> Vec<Check> {
    let check = |(variable, what, right): (&str, &str, Option<String>)| {
        Check::failure(NAME, format!("{variable}: {what}"), right.unwrap_or_else(|| "correct it".to_owned()))
    };
    error.problems().map(check).collect()
}

/// Whether others can read the secrets.
fn file() -> Check {
    let file = Path::new(".env");
    match env_file::mode(file) {
        None => Check::skipped(".env", "there is none in this folder: only the environment counts"),
        Some(mode) if mode & 0o077 != 0 => Check::warning(
            ".env",
            format!("it holds secrets, and other users can read or write it (mode {mode:04o})"),
            "`chmod 600 .env`, and if somebody may have read it, change its secrets",
        ),
        Some(_) => Check::ok(".env", "only its owner can read it"),
    }
}
