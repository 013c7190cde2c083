//! Wires a case: the question to the log, the files, the folder.

use std::path::Path;

use room_owner::app::ports::{AuditLog, Clock as _, Store as _};
use room_owner::case_file::{self, Wanted};
use room_owner::cli::Exit;
use room_owner::cli::audit::case::{self as command, CaseArguments};
use room_owner::clock::SystemClock;
use room_owner::config;
use room_owner::domain::audit::AuditFilter;

use super::local::{Access, copy, local_service};

/// Writes the case of a room into a folder.
pub(crate) async fn case(clock: SystemClock, arguments: CaseArguments) -> anyhow::Result<Exit> {
    command::check(&arguments.out)?;
    if let Some(file) = &arguments.database {
        let copy = copy(file).await?;
        let filter = command::ask_copy(copy.log(), &clock, &arguments).await?;
        return make(copy.log(), file, clock, filter, &arguments).await;
    }
    let (store, service, caller) = local_service(clock, Access::Reads).await?;
    let done = match command::ask(&service, &clock, caller, &arguments).await {
        Ok(Ok(filter)) => make(store.log(), &store.file(), clock, filter, &arguments).await,
        Ok(Err(exit)) => Ok(exit),
        Err(error) => Err(error),
    };
    store.close().await;
    done
}

async fn make(
    log: &dyn AuditLog,
    database: &Path,
    clock: SystemClock,
    filter: AuditFilter,
    arguments: &CaseArguments,
) -> anyhow::Result<Exit> {
    let wanted = Wanted {
        room: &arguments.room,
        filter: &filter,
        language: arguments.lang.unwrap_or_else(config::language),
        zone: arguments.zone.as_ref(),
        archives: &arguments.archive,
    };
    let made = case_file::make(log, database, clock.now(), &wanted).await?;
    command::write(&arguments.out, &made.files)?;
    Ok(command::written(&arguments.out, made.operations, made.events, made.unproved))
}
