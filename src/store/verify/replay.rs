//! The tables against the events: `operations`, `deliveries`, `callbacks` and the ACL say what the log says.

use std::collections::{BTreeMap, HashMap};
use std::iter::Peekable;

use rusqlite::Connection;
use sqlx::sqlite::SqliteConnection;

use crate::domain::archive::Archived;
use crate::domain::verification::Report;
use crate::store::archive::{self, Kept};

use super::acl::Acl;
use super::chunks::{self, Event, Events, OperationRow};
use super::told::{self, Body, Told};

/// An operation that goes on behind the events that are being read, and its row.
struct Open {
    told: Told,
    claimed_by: Option<i64>,
    columns: String,
}

/// What an event says that a callback said.
struct Callback {
    seq: i64,
    operation: i64,
    columns: String,
}

/// The check, as far as it has come. It holds the operations that are open and the ACL, not the log.
#[derive(Default)]
pub(super) struct Replay {
    /// The last event that is in an archive and out of reach. What the tables say of the operations up to it
    /// is checked by its hash.
    base: i64,
    open: HashMap<i64, Open>,
    /// The archives that the log tells of, by operation.
    archived: BTreeMap<i64, Archived>,
    acl: Acl,
    claims: i64,
    callbacks: i64,
    last: i64,
}

/// What is being read.
struct Chunk<'a, R: Iterator<Item = OperationRow<'a>>> {
    rows: Peekable<R>,
    open: HashMap<i64, (Told, OperationRow<'a>)>,
    callbacks: Vec<Callback>,
}

impl<'a, R: Iterator<Item = OperationRow<'a>>> Chunk<'a, R> {
    /// The row of the operation that this event begins.
    fn row(&mut self, seq: i64, report: &mut Report) -> Option<OperationRow<'a>> {
        self.skip_to(seq, report);
        self.rows.next_if(|row| row.operation == seq)
    }

    fn skip_to(&mut self, seq: i64, report: &mut Report) {
        while let Some(row) = self.rows.next_if(|row| row.operation < seq) {
            report.find(row.operation, "`operations` has a row for it, and it begins no operation");
        }
    }
}

impl Replay {
    /// Begins behind event `base`.
    pub(super) async fn behind(connection: &mut SqliteConnection, base: i64) -> Result<Self, sqlx::Error> {
        if base == 0 {
            return Ok(Self::default());
        }
        let acl = Acl::after(connection, base).await?;
        Ok(Self { base, last: base, acl, ..Self::default() })
    }

    pub(super) fn check(
        &mut self,
        connection: &Connection,
        events: &Events,
        report: &mut Report,
    ) -> rusqlite::Result<()> {
        let Some(last) = events.last().filter(|last| *last > self.base) else { return Ok(()) };
        // Rows between two chunks too: there is no event for them.
        let operations = chunks::operations(connection, self.last + 1, last)?;
        let rows = operations.iter().peekable();
        let mut chunk = Chunk { rows, open: HashMap::new(), callbacks: Vec::new() };
        self.last = last;
        let base = self.base;
        for event in events.iter().filter(|event| event.seq > base) {
            self.event(event, &mut chunk, report);
        }
        chunk.skip_to(i64::MAX, report);
        let goes_on = |(operation, (told, row)): (i64, (Told, OperationRow<'_>))| {
            let columns = row.columns.to_owned();
            (operation, Open { told, claimed_by: row.claimed_by, columns })
        };
        self.open.extend(chunk.open.into_iter().map(goes_on));
        check_callbacks(connection, &chunk.callbacks, report)
    }

    fn event<'a>(
        &mut self,
        event: Event<'_>,
        chunk: &mut Chunk<'a, impl Iterator<Item = OperationRow<'a>>>,
        report: &mut Report,
    ) {
        let body: Body<'_> = match serde_json::from_str(event.body) {
            Ok(body) => body,
            Err(error) => {
                report.find(event.seq, format!("its text is no event: {error}"));
                chunk.row(event.seq, report);
                return;
            }
        };
        if body.seq != event.seq {
            report.find(event.seq, format!("its text says that it is event {}", body.seq));
        }
        if body.operation.parse() != Ok(event.operation) {
            report.find(
                event.seq,
                format!("its row names operation {}, its text `{}`", event.operation, body.operation),
            );
        }
        match body.event {
            "requested" => {
                if event.operation != event.seq {
                    report.find(event.seq, "it begins an operation that does not have its number");
                }
                if body.delivery_id.is_some() && body.outcome() != "duplicate" {
                    self.claims += 1;
                }
                let change = body.acl_change.or(body.acl_changes);
                if let Some(change) = change {
                    self.acl.changed(event.seq, body.at, body.actor, change, report);
                }
                match body.archived.map(|archived| serde_json::from_str(archived.get())) {
                    Some(Ok(archived)) => drop(self.archived.insert(event.seq, archived)),
                    Some(Err(error)) => {
                        report.find(event.seq, format!("its archive cannot be read: {error}"))
                    }
                    None => {}
                }
                let Some(row) = chunk.row(event.seq, report) else {
                    report.find(event.seq, "it begins an operation that `operations` has no row for");
                    return;
                };
                let told = Told::begun(event.seq, &body);
                if body.leaves_open() {
                    chunk.open.insert(event.seq, (told, row));
                } else {
                    compare(&told, row, report);
                }
            }
            "noted" | "ended" if event.operation <= self.base => {}
            "noted" | "ended" => {
                let here = chunk.open.get_mut(&event.operation).map(|(told, _)| told);
                let told = here.or_else(|| self.open.get_mut(&event.operation).map(|open| &mut open.told));
                let Some(told) = told else {
                    let what = format!("it goes on with operation {}, which is not open", event.operation);
                    report.find(event.seq, what);
                    return;
                };
                told.goes_on(&body);
                if body.event == "noted" || body.leaves_open() {
                    return;
                }
                if let Some((told, row)) = chunk.open.remove(&event.operation) {
                    compare(&told, row, report);
                } else {
                    self.close(event.operation, report);
                }
            }
            // It stands beside an operation, open or ended, and no table repeats it.
            "reply" => {}
            "confirmed" | "observed" => {
                if event.operation >= event.seq {
                    report.find(event.seq, "it speaks of an operation that begins later");
                }
                if event.operation > self.base {
                    self.callbacks += 1;
                }
                let columns = told::callback(&body);
                chunk.callbacks.push(Callback { seq: event.seq, operation: event.operation, columns });
            }
            other => {
                report.find(event.seq, format!("it is of a kind that this program does not know: `{other}`"))
            }
        }
    }

    fn close(&mut self, operation: i64, report: &mut Report) {
        let Some(open) = self.open.remove(&operation) else { return };
        let row = OperationRow { operation, claimed_by: open.claimed_by, columns: &open.columns };
        compare(&open.told, row, report);
    }

    pub(super) async fn end(
        mut self,
        connection: &mut SqliteConnection,
        archives: &[Kept],
        report: &mut Report,
    ) -> Result<(), sqlx::Error> {
        let mut open: Vec<i64> = self.open.keys().copied().collect();
        open.sort_unstable();
        for operation in open {
            self.close(operation, report);
        }
        let beyond: Vec<i64> = sqlx::query_scalar(
            "SELECT operation FROM operations WHERE operation < 1 OR operation > ? ORDER BY operation LIMIT 50",
        )
        .bind(self.last)
        .fetch_all(&mut *connection)
        .await?;
        for operation in beyond {
            report.find(operation, "`operations` has a row for it, and the log has no such event");
        }
        let claims: i64 = sqlx::query_scalar("SELECT count(*) FROM deliveries WHERE operation > ?")
            .bind(self.base)
            .fetch_one(&mut *connection)
            .await?;
        let callbacks: i64 = sqlx::query_scalar("SELECT count(*) FROM callbacks WHERE operation > ?")
            .bind(self.base)
            .fetch_one(&mut *connection)
            .await?;
        if callbacks != self.callbacks {
            report.find(
                None,
                format!("`callbacks` has {callbacks} rows, and the log tells of {}", self.callbacks),
            );
        }
        if claims != self.claims {
            report.find(None, format!("`deliveries` has {claims} rows, and the log claims {}", self.claims));
        }
        check_archives(connection, archives, self.base, self.archived, report).await?;
        self.acl.compare(connection, report).await
    }
}

/// The archives that the database tells of against those that the log does. What is out of reach is compared by
/// the hash that was kept of it.
async fn check_archives(
    connection: &mut SqliteConnection,
    archives: &[Kept],
    base: i64,
    mut told: BTreeMap<i64, Archived>,
    report: &mut Report,
) -> Result<(), sqlx::Error> {
    for kept in archives {
        let Kept { operation, first, last, root, tables, file } = kept.clone();
        if last <= base && archive::digest(connection, first, last).await? != tables {
            let what = "or the acl as it was after them, is not what it was when they were archived";
            report.find(first, format!("what the tables say of the operations from here to {last}, {what}"));
        }
        // The event itself is out of reach: the hash of the archive that it is in covers this row.
        if operation <= base {
            continue;
        }
        let kept = Archived { first, last, root, tables };
        match told.remove(&operation) {
            Some(told) if told == kept => {}
            Some(_) => {
                report.find(operation, format!("its archive `{file}` is not in `archives` as it says"))
            }
            None => {
                let what = "and the log tells of no such archive: they were taken out";
                report.find(first, format!("`archives` has it and those up to {last} in `{file}`, {what}"));
            }
        }
    }
    for (operation, archived) in told {
        let Archived { first, last, .. } = archived;
        report.find(
            operation,
            format!("it archives events {first} to {last}, and `archives` has no row for that"),
        );
    }
    Ok(())
}

/// The row of an operation against its events.
fn compare(told: &Told, row: OperationRow<'_>, report: &mut Report) {
    for difference in told.differences(row) {
        report.find(row.operation, difference);
    }
}

/// The rows of `callbacks` against what the events say.
fn check_callbacks(connection: &Connection, told: &[Callback], report: &mut Report) -> rusqlite::Result<()> {
    if told.is_empty() {
        return Ok(());
    }
    let operations: Vec<i64> = told.iter().map(|callback| callback.operation).collect();
    let kept = chunks::callbacks(connection, &operations)?;
    let kept: HashMap<i64, chunks::Callback> =
        kept.into_iter().map(|callback| (callback.operation, callback)).collect();
    for Callback { seq, operation, columns } in told {
        let Some(kept) = kept.get(operation) else {
            report.find(*seq, "`callbacks` has no row for it");
            continue;
        };
        let differs = told::different_columns(&told::CALLBACK, columns, &kept.columns);
        let mut differs = differs.unwrap_or_else(|_| told::CALLBACK.to_vec());
        if !kept.is_of_operation {
            differs.extend(["room", "new_owner", "delivery_id"]);
        }
        if !differs.is_empty() {
            let what = told::quoted(&differs);
            report.find(*seq, format!("its row in `callbacks` does not say what the log says: {what}"));
        }
    }
    Ok(())
}
