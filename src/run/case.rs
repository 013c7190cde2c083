//! Wires a case: the question to the log, the proofs, the page, the folder.

use std::path::Path;

use room_owner::app::case::choose;
use room_owner::app::ports::{AuditLog, Clock as _, Store as _};
use room_owner::cli::Exit;
use room_owner::cli::audit::case::{self as command, CaseArguments};
use room_owner::clock::SystemClock;
use room_owner::config;
use room_owner::domain::audit::{AuditEntry, AuditFilter, Event};
use room_owner::domain::case::{Case, CaseOperation, SignedLog};
use room_owner::merkle::proof::InclusionProof;
use room_owner::page::{self, files};
use room_owner::store::proofs::{Proved, prove_all};

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
    let chosen = choose(log, &arguments.room, &filter, clock.now()).await?;
    let proved = prove_all(database, chosen.operations(), &arguments.archive).await?;
    let Proved { checkpoint, key, events: proofs, archived } = proved;
    checkpoint.check(&key)?;
    let signed = SignedLog {
        origin: checkpoint.origin().to_owned(),
        head: checkpoint.head(),
        key: key.as_str().to_owned(),
    };
    let events = proofs.iter().map(|proof| Event::parse(proof.leaf.as_bytes()));
    let events = events.collect::<Result<Vec<_>, _>>().map_err(anyhow::Error::msg)?;
    let case = chosen.with_events(log, signed, events, archived).await?;
    let files = written(&case, &proofs, checkpoint.as_str(), arguments)?;
    command::write(&arguments.out, &files)?;
    let unproved = case.operations.iter().filter(|operation| operation.archived_in.is_some()).count();
    Ok(command::written(&arguments.out, case.operations.len(), proofs.len(), unproved))
}

/// The files of a case and what is in them, the page last.
fn written(
    case: &Case,
    proofs: &[InclusionProof],
    checkpoint: &str,
    arguments: &CaseArguments,
) -> anyhow::Result<Vec<(&'static str, Vec<u8>)>> {
    let words = page::sentences(arguments.lang.unwrap_or_else(config::language));
    let entries = |is_proved: bool| -> Vec<AuditEntry> {
        let is_it = |one: &&CaseOperation| one.archived_in.is_none() == is_proved;
        case.operations.iter().filter(is_it).map(|one| one.entry.clone()).collect()
    };
    let (jsonl, csv) = command::rows(&entries(true))?;
    let mut written = vec![(files::JSONL, jsonl), (files::CSV, csv)];
    if !proofs.is_empty() {
        let texts: Vec<String> = proofs.iter().map(InclusionProof::text).collect();
        written.push((files::PROOFS, texts.join("\n").into_bytes()));
    }
    let unproved = entries(false);
    if !unproved.is_empty() {
        written.push((files::UNPROVED, command::rows(&unproved)?.0));
    }
    written.extend([
        (files::CHECKPOINT, checkpoint.as_bytes().to_vec()),
        (files::KEY, format!("{}\n", case.log.key).into_bytes()),
        (files::VERIFIER, page::VERIFIER.as_bytes().to_vec()),
        (files::VERIFY, page::verify(case, words).into_bytes()),
        (files::PAGE, page::case(case, words, arguments.zone.as_ref())?.into_bytes()),
    ]);
    Ok(written)
}
