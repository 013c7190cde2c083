//! Who signed which heads, as the heads themselves say.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use rusqlite::{Connection, OptionalExtension as _};

use crate::domain::verification::{Report, Signer};
use crate::store::tree;
use crate::tree::{Checkpoint, CheckpointError, VerifierKey};

use super::chunks;

/// How many are named.
const NAMED: usize = 16;

/// Heads in a row that name the same signer.
struct Run {
    signer: String,
    from: i64,
    to: i64,
}

/// The signers, in the order of the log.
#[derive(Default)]
pub(super) struct Signers {
    runs: Vec<Run>,
    /// The first and the last event of heads in a row that nobody signed, and should have.
    unsigned: Option<(i64, i64)>,
}

/// The signer that a head names: as much of its text as says so, which is the same for each head of a signer.
pub(super) fn named(checkpoint: &str) -> &str {
    let Some((_, signatures)) = checkpoint.split_once("\n\n") else { return "" };
    let Some((line, "")) = signatures.split_once('\n') else { return "several" };
    let Some((name, signature)) = line.strip_prefix("— ").and_then(|line| line.split_once(' ')) else {
        return "";
    };
    // Five digits of Base64 are 30 bits of the key's number.
    let end = "— ".len() + name.len() + 1 + signature.len().min(5);
    line.get(..end).unwrap_or_default()
}

/// The name and the number of the key that signed, in the form in which a key's own text begins.
fn key_of(checkpoint: &str) -> Option<String> {
    let (_, signatures) = checkpoint.split_once("\n\n")?;
    let (name, signature) = signatures.lines().next()?.strip_prefix("— ")?.split_once(' ')?;
    let number = BASE64_STANDARD.decode(signature.get(..8)?).ok()?;
    Some(format!("{name}+{}", hex::encode(number.get(..4)?)))
}

impl Signers {
    /// A head that is signed.
    pub(super) fn signed(&mut self, size: i64, signer: &str, report: &mut Report) {
        self.told_of_unsigned(report);
        match self.runs.last_mut() {
            Some(run) if run.signer == signer => run.to = size,
            last => {
                let from = last.map_or(0, |run| run.to) + 1;
                self.runs.push(Run { signer: signer.to_owned(), from, to: size });
            }
        }
    }

    /// A head that is not. Where a log from before signed heads was taken in, only the last is.
    pub(super) fn unsigned(&mut self, size: i64, added: usize) {
        let is_taken_in = self.runs.is_empty() && added as i64 == tree::TAKEN_IN_AT_ONCE;
        if added == 0 || is_taken_in {
            return;
        }
        self.unsigned = Some((self.unsigned.map_or(size, |(first, _)| first), size));
    }

    fn told_of_unsigned(&mut self, report: &mut Report) {
        match self.unsigned.take() {
            Some((first, last)) if first == last => {
                report.find(first, "the head after it has no signature: it was taken out");
            }
            Some((first, last)) => report.find(
                first,
                format!("the heads after it and up to event {last} have no signature: they were taken out"),
            ),
            None => {}
        }
    }

    /// Names them, each by its key if it is among `keys`, and checks the last head of each.
    pub(super) fn end(
        mut self,
        connection: &Connection,
        keys: &[VerifierKey],
        report: &mut Report,
    ) -> rusqlite::Result<()> {
        self.told_of_unsigned(report);
        let newest = self.runs.last().map(|run| run.to);
        for Run { from, to, .. } in self.runs.iter().take(NAMED) {
            let text = connection
                .query_row("SELECT checkpoint FROM tree_heads WHERE size = ?", [to], |row| {
                    Ok(chunks::text(row.get_ref(0)?).into_owned())
                })
                .optional()?;
            let text = text.unwrap_or_default();
            let named = key_of(&text).unwrap_or_else(|| "nobody who can be made out".to_owned());
            let known = Checkpoint::parse(&text).map_err(Some).and_then(|head| signed_by(&head, keys));
            let key = match known {
                Ok(key) => key.to_string(),
                // The newest head is checked by itself.
                Err(_) if Some(*to) == newest => named,
                Err(Some(error)) => {
                    report.find(*to, format!("the head after it: {error}"));
                    named
                }
                Err(None) => {
                    let which = format!("the signatures of the heads from event {from} to {to}");
                    report.unchecked.push(format!("{which}: `{named}` made them; give that key (--key)"));
                    named
                }
            };
            report.signers.push(Signer { key, from: *from, to: *to });
        }
        if self.runs.len() > NAMED {
            let more = self.runs.len() - NAMED;
            report.unchecked.push(format!("who signed the rest: the signer changes {more} more times"));
        }
        Ok(())
    }
}

/// The key that signed the head; else what is wrong with the signature, if one of the keys should have made it.
fn signed_by<'a>(
    head: &Checkpoint,
    keys: &'a [VerifierKey],
) -> Result<&'a VerifierKey, Option<CheckpointError>> {
    let mut wrong = None;
    for key in keys {
        match head.check(key) {
            Ok(()) => return Ok(key),
            Err(CheckpointError::OtherKey(_)) => {}
            Err(error) => wrong = Some(error),
        }
    }
    Err(wrong)
}
