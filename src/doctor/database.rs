//! The database: whether it is there, whole, and has room.

use jiff::Timestamp;

use super::access;
use crate::app::ports::StoreError;
use crate::config::{self, Environment, Usable};
use crate::domain::check::Check;
use crate::domain::principal::Channel;
use crate::store::health::{self, FileHealth, Health};
use crate::store::wal::USUAL_BYTES;
use crate::store::{Database, KeyProblem, SchemaProblem};

const NAME: &str = "database";
const SCHEMA: &str = "schema";
const SERVED: &str = "served by";
const FILES: &str = "files";
const DISK: &str = "disk";
const WAL: &str = "write-ahead log";
const KEY: &str = "signing key";
const LOG: &str = "audit log";

/// How many bytes should be free: a command writes some kilobytes.
const MUCH: u64 = 1 << 30;
const LITTLE: u64 = 64 << 20;

pub(super) async fn checks(
    database: Option<&Database>,
    environment: &Environment,
    usable: &Usable,
    now: Timestamp,
) -> Vec<Check> {
    let can_post = |channel: &Channel| match channel {
        Channel::Slack { .. } => usable.slack.as_ref().is_some_and(|slack| slack.groups.is_some()),
        Channel::Discord { .. } => usable.discord.as_ref().is_some_and(|discord| discord.bot_token.is_some()),
    };
    let Some(database) = database else {
        return vec![Check::skipped(NAME, "the settings do not say which")];
    };
    match health::look(database).await {
        Ok(health) => {
            let mut checks = of_health(&health);
            checks.extend(match &health.acl {
                Ok(acl) => access::checks(acl, &config::known(environment), &can_post, now),
                Err(error) => vec![failed(access::NAME, error)],
            });
            checks
        }
        Err(error) => {
            let remedy = "go to its folder, set DATABASE_URL, or make it with `room-owner init`";
            vec![Check::failure(NAME, format!("{error}{}", folder(database)), remedy)]
        }
    }
}

/// Where a relative name was looked for.
fn folder(database: &Database) -> String {
    let is_relative = database.file().is_ok_and(|file| file.is_relative());
    let folder = std::fs::canonicalize(".").ok().filter(|_| is_relative);
    folder.map(|folder| format!(" in `{}`", folder.display())).unwrap_or_default()
}

fn of_health(health: &Health) -> Vec<Check> {
    let name = health.file.display();
    let database = match &health.sqlite {
        Ok(version) => Check::ok(NAME, format!("`{name}`, SQLite {version}")),
        Err(error) => failed(NAME, error),
    };
    let schema = match &health.schema {
        Ok(()) => Check::ok(SCHEMA, "of this version, with every trigger that guards the log"),
        Err(SchemaProblem::Older) => Check::warning(
            SCHEMA,
            "of an older version of room-owner",
            "back it up with that version, then start `room-owner serve`, which brings it up to date",
        ),
        Err(SchemaProblem::Wrong(error)) => failed(SCHEMA, error),
    };
    let key = match &health.key {
        Ok(()) => Check::ok(KEY, "it can be used, and nobody else can read it"),
        Err(KeyProblem { what, remedy }) => Check::failure(KEY, what, remedy),
    };
    let log = match &health.log {
        Ok(events) if *events > 0 && !health.has_head_beside => Check::warning(
            LOG,
            format!(
                "`{name}.checkpoint` is gone, so that nothing outside the database says how long its log is"
            ),
            "put it back; without it the next start writes a new one, and records that it was gone",
        ),
        Ok(events) => Check::ok(
            LOG,
            format!("its end is as it was signed, {events} events (`audit verify` checks all)"),
        ),
        Err(error) => failed(LOG, error),
    };
    let mut checks = vec![database, served(&health.serving), schema];
    checks.extend([owned(&health.files), disk(health.files.free), wal(health.is_wal, health.files.wal_size)]);
    checks.extend([key, log]);
    checks
}

/// Several may serve it at once: a command is taken by one of them.
fn served(by: &[String]) -> Check {
    match by {
        [] => Check::skipped(SERVED, "no process serves it now"),
        [one] => Check::ok(SERVED, format!("process {one} serves it")),
        more => Check::ok(
            SERVED,
            format!(
                "{} processes serve it, each command is taken once: end what should not run of {}",
                more.len(),
                more.join(", ")
            ),
        ),
    }
}

fn failed(name: &'static str, error: &StoreError) -> Check {
    Check::failure(name, error.to_string(), "`room-owner audit verify` tells more")
}

/// What can go wrong with its files while it works. The bot watches its write-ahead log by itself.
pub(super) fn files(database: &Database) -> Vec<Check> {
    let files = health::look_at_files(database);
    files.map(|files| vec![owned(&files), disk(files.free)]).unwrap_or_default()
}

fn owned(files: &FileHealth) -> Check {
    let FileHealth { open_to_others, writable, shared, .. } = files;
    if let Err(error) = writable {
        return Check::failure(
            FILES,
            error.to_string(),
            "run it as their owner, or hand them over (`chown`)",
        );
    }
    if let Some((why, remedy)) = shared {
        let detail = format!("the database {why}, and under another name records get lost");
        return Check::failure(FILES, detail, *remedy);
    }
    if open_to_others.is_empty() {
        return Check::ok(FILES, "only their owner can read them, and there is one name for each");
    }
    let named = open_to_others.iter().map(|(file, mode)| format!("`{}` ({mode:04o})", file.display()));
    let named = named.collect::<Vec<_>>().join(", ");
    let files =
        open_to_others.iter().map(|(file, _)| file.display().to_string()).collect::<Vec<_>>().join(" ");
    Check::warning(FILES, format!("open to other users: {named}"), format!("`chmod 600 {files}`"))
}

fn disk(free: Option<u64>) -> Check {
    let Some(free) = free else { return Check::skipped(DISK, "the system does not say how much is free") };
    let detail = format!("{} free", size(free));
    let remedy = "make room: nothing is done that cannot be recorded";
    match free {
        _ if free >= MUCH => Check::ok(DISK, detail),
        _ if free >= LITTLE => Check::warning(DISK, detail, remedy),
        _ => Check::failure(DISK, detail, remedy),
    }
}

fn wal(is_wal: bool, bytes: u64) -> Check {
    let size = size(bytes);
    if !is_wal {
        let detail = "the database is not in WAL mode: something else than this program changed that";
        return Check::failure(WAL, detail, "end whatever has it open, and start `room-owner serve` anew");
    }
    if bytes <= USUAL_BYTES {
        return Check::ok(WAL, format!("{size}; every commit is synced (FULL)"));
    }
    Check::warning(
        WAL,
        format!("{size}: somebody who reads for long keeps it from being folded in"),
        "end long exports and other programs that have the database open",
    )
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1_024 => format!("{bytes} bytes"),
        1_024..1_048_576 => format!("{} KiB", bytes >> 10),
        1_048_576..1_073_741_824 => format!("{} MiB", bytes >> 20),
        _ => format!("{} GiB", bytes >> 30),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_and_a_log_that_is_not_folded_in_are_said() {
        for (free, state) in [(MUCH, "ok"), (MUCH - 1, "warning"), (LITTLE - 1, "failure"), (0, "failure")] {
            assert_eq!(disk(Some(free)).state.name(), state, "{free}");
        }
        assert_eq!(wal(true, 0).detail, "0 bytes; every commit is synced (FULL)");
        assert_eq!(wal(true, USUAL_BYTES + 1).state.name(), "warning");
        assert_eq!(wal(false, 0).state.name(), "failure");
    }
}
