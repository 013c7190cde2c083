//! What is done to the log's own files: verified, proved, archived, made again.

use std::collections::HashSet;
use std::path::PathBuf;

use room_owner::app::acl::local_permit;
use room_owner::app::ports::{Clock as _, Store as _};
use room_owner::cli::archive::ArchiveArguments;
use room_owner::cli::verify::{Proof, ProveArguments, VerifyArguments};
use room_owner::cli::{self, Caller, Exit, WrongUsage};
use room_owner::clock::SystemClock;
use room_owner::merkle::VerifierKey;
use room_owner::merkle::proof::InclusionProof;
use room_owner::stdio;
use room_owner::store::archive::Order;
use room_owner::store::verify::{self as verification, Evidence};
use room_owner::store::{SqliteStore, proofs};

use super::local::chosen;

/// Makes the tables again from the log, and from the archives that it was cut into.
pub(crate) async fn rebuild(
    store: &SqliteStore,
    clock: &SystemClock,
    caller: Caller,
    archives: Vec<PathBuf>,
) -> anyhow::Result<()> {
    let permit = local_permit(store, clock, &caller.principal).await?;
    let bar = cli::audit::progress(store.log().newest_event().await?, 0, false);
    let shown = bar.clone();
    let by = (caller.principal, permit, caller.typed);
    let rebuilt =
        store.rebuild(by, archives, clock.now(), move |event| shown.set_position(event.unsigned_abs())).await;
    bar.finish_and_clear();
    stdio::print(format_args!("✅ The tables are made again from the log (operation {}).", rebuilt?))?;
    Ok(())
}

pub(crate) async fn archive(
    store: &SqliteStore,
    clock: &SystemClock,
    Caller { principal, typed }: Caller,
    arguments: ArchiveArguments,
) -> anyhow::Result<Exit> {
    let ArchiveArguments { before, zone, file, format } = arguments;
    let now = clock.now();
    let before = before.resolve(now, &zone.unwrap_or_else(jiff::tz::TimeZone::system))?;
    let permit = local_permit(store, clock, &principal).await?;
    let report = store.archive(Order { principal, permit, typed, before, file }, now).await?;
    Ok(cli::archive::report(&report, format))
}

pub(crate) async fn verify(arguments: VerifyArguments) -> anyhow::Result<Exit> {
    let VerifyArguments { checkpoint, seen, key, database, archive: archives, indexes, format } = arguments;
    let database = chosen(database)?;
    let own_key = if key.is_empty() { database.verifier_key()? } else { None };
    let checkpoints = checkpoint
        .iter()
        .map(|file| Ok((file.display().to_string(), verification::read_checkpoint(file)?)))
        .collect::<anyhow::Result<_>>()?;
    let report = verification::verify(
        &database.file()?,
        Evidence { checkpoints, seen, keys: keys(&key)?, own_key, archives, indexes },
    )
    .await?;
    cli::verify::report(&report, format)
}

pub(crate) async fn prove(arguments: ProveArguments) -> anyhow::Result<Exit> {
    let ProveArguments { operation, out, database, archive, format } = arguments;
    let proofs = proofs::prove(&chosen(database)?.file()?, operation, &archive).await?;
    let proofs: Vec<Proof> = proofs
        .into_iter()
        .map(|proof| Proof { event: proof.index + 1, text: proof.text(), leaf: proof.leaf })
        .collect();
    cli::verify::proofs(&proofs, operation, out.as_deref(), format)
}

pub(crate) fn keys(given: &[String]) -> Result<Vec<VerifierKey>, WrongUsage> {
    given.iter().map(|key| VerifierKey::parse(key).map_err(WrongUsage::of)).collect()
}

/// Checks proofs, and that events which lie beside them are the ones that they prove.
pub(crate) fn verify_proofs(files: &[PathBuf], key: &str) -> anyhow::Result<Exit> {
    let key = VerifierKey::parse(key).map_err(WrongUsage::of)?;
    let (mut all_hold, mut printed) = (true, Ok(()));
    let (mut events, mut proved) = (Vec::new(), HashSet::new());
    for file in files {
        let proofs = match std::fs::read_to_string(file) {
            Ok(text) if text.starts_with('{') => {
                events.push((file, text));
                continue;
            }
            Ok(text) => InclusionProof::parse_all(&text),
            Err(error) => {
                all_hold = false;
                cli::verify::unproved(file, None, &error);
                continue;
            }
        };
        let are_several = proofs.len() > 1;
        for (number, proof) in proofs.into_iter().enumerate() {
            let number = are_several.then_some(number + 1);
            match proof.and_then(|proof| proof.check(&key).map(|()| proof)) {
                Ok(proof) => {
                    let (size, origin) = (proof.checkpoint.head().size, proof.checkpoint.origin());
                    let shown = cli::verify::proved(&proof.leaf, proof.index + 1, size, origin);
                    printed = printed.and(shown);
                    proved.insert(proof.leaf);
                }
                Err(error) => {
                    all_hold = false;
                    cli::verify::unproved(file, number, &error);
                }
            }
        }
    }
    for (file, event) in events {
        all_hold &= cli::verify::is_proved(file, proved.contains(&event));
    }
    cli::verify::verdict(all_hold, printed)
}
