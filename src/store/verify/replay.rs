//! The tables against the events: `operations`, `deliveries`, `callbacks` and the ACL say what the log says.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};

use rusqlite::Connection;
use rusqlite::types::ValueRef;
use sqlx::sqlite::SqliteConnection;

use crate::domain::archive::Archived;
use crate::domain::verification::Report;
use crate::store::archive::{self, Kept};

use super::acl::Acl;
use super::chunks::{self, Event, Events};
use super::claims::Claims;
use super::letters::{self, Begun};
use super::row::{Column, End, Operations};
use super::told::{self, Body, CALLBACK, Told};

/// An operation that is not over yet, and what its row says of its end.
struct Open {
    told: Told,
    end: End,
    /// Whether a callback told of its change: then it may end once more.
    is_confirmed: bool,
}

/// What an event says that a callback said.
struct Callback {
    seq: i64,
    operation: i64,
    columns: [String; CALLBACK.len()],
}

/// The check, as far as it has come. It holds the operations that are open and the ACL, not the log.
#[derive(Default)]
pub(super) struct Replay {
    /// The last event that is in an archive and out of reach. What the tables say of the operations up to it
    /// is checked by its hash.
    base: i64,
    open: BTreeMap<i64, Open>,
    /// The archives that the log tells of, by operation.
    archived: BTreeMap<i64, Archived>,
    acl: Acl,
    claims: Claims,
    callbacks: i64,
    last: i64,
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

    /// The last event that is in an archive and out of reach.
    pub(super) fn base(&self) -> i64 {
        self.base
    }

    /// The next events, and the rows of the operations that they begin.
    pub(super) fn check(
        &mut self,
        connection: &Connection,
        events: &Events,
        operations: &mut Operations<'_>,
        report: &mut Report,
    ) -> rusqlite::Result<()> {
        let base = self.base;
        let mut callbacks = Vec::new();
        for event in events.iter().filter(|event| event.seq > base) {
            self.last = event.seq;
            if !self.is_literal(event, operations, report)? {
                self.event(connection, event, operations, &mut callbacks, report)?;
            }
        }
        check_callbacks(connection, &callbacks, report)
    }

    /// The usual event, which says letter for letter what the tables do. Of any other nothing is done.
    fn is_literal(
        &mut self,
        event: Event<'_>,
        operations: &mut Operations<'_>,
        report: &mut Report,
    ) -> rusqlite::Result<bool> {
        if event.operation != event.seq {
            let Entry::Occupied(open) = self.open.entry(event.operation) else { return Ok(false) };
            // Else what its first event says otherwise is still to be told.
            let is_end = open.get().told.is_as_its_row() && letters::is_end(event, &open.get().end);
            if is_end {
                open.remove();
            }
            return Ok(is_end);
        }
        let Some(row) = operations.at(event.seq, report)? else { return Ok(false) };
        let Some(begun) = letters::begun(event, row)? else { return Ok(false) };
        if let ValueRef::Text(delivery) = Column::DeliveryId.of(row)? {
            self.claims.claimed(delivery, event.operation);
        }
        if begun == Begun::Open {
            let open = Open { told: Told::pending(), end: End::of(row)?, is_confirmed: false };
            self.open.insert(event.operation, open);
        }
        operations.begun();
        Ok(true)
    }

    fn event(
        &mut self,
        connection: &Connection,
        event: Event<'_>,
        operations: &mut Operations<'_>,
        callbacks: &mut Vec<Callback>,
        report: &mut Report,
    ) -> rusqlite::Result<()> {
        let body: Body<'_> = match serde_json::from_slice(event.body) {
            Ok(body) => body,
            Err(error) => {
                report.find(event.seq, format!("its text is no event: {error}"));
                if operations.at(event.seq, report)?.is_some() {
                    operations.begun();
                }
                return Ok(());
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
            "requested" => self.requested(connection, event, &body, operations, report)?,
            "noted" | "ended" if event.operation <= self.base => {}
            "noted" | "ended" => {
                let goes_on = |open: &&mut Open| open.told.is_open() || open.is_confirmed;
                let Some(open) = self.open.get_mut(&event.operation).filter(goes_on) else {
                    let what = format!("it goes on with operation {}, which is not open", event.operation);
                    report.find(event.seq, what);
                    return Ok(());
                };
                open.told.goes_on(&body);
                if body.event == "ended" && !open.told.is_open() {
                    self.close(event.operation);
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
                if let Some(open) = self.open.get_mut(&event.operation) {
                    open.is_confirmed = body.event == "confirmed";
                }
                let columns = told::callback(&body);
                callbacks.push(Callback { seq: event.seq, operation: event.operation, columns });
            }
            other => {
                report.find(event.seq, format!("it is of a kind that this program does not know: `{other}`"))
            }
        }
        Ok(())
    }

    fn requested(
        &mut self,
        connection: &Connection,
        event: Event<'_>,
        body: &Body<'_>,
        operations: &mut Operations<'_>,
        report: &mut Report,
    ) -> rusqlite::Result<()> {
        if event.operation != event.seq {
            report.find(event.seq, "it begins an operation that does not have its number");
        }
        if let Some(delivery) = body.delivery() {
            if body.outcome() == "duplicate" {
                Claims::repeated(connection, &delivery, event.seq, report)?;
            } else {
                // By its text: its row may name another.
                self.claims.claimed(delivery.as_bytes(), body.operation.parse().unwrap_or_default());
            }
        }
        if let Some(change) = body.acl_change.or(body.acl_changes) {
            self.acl.changed(event.seq, body.at, body.actor, change, report);
        }
        match body.archived.map(|archived| serde_json::from_str(archived.get())) {
            Some(Ok(archived)) => drop(self.archived.insert(event.seq, archived)),
            Some(Err(error)) => report.find(event.seq, format!("its archive cannot be read: {error}")),
            None => {}
        }
        let Some(row) = operations.at(event.seq, report)? else {
            report.find(event.seq, "it begins an operation that `operations` has no row for");
            return Ok(());
        };
        let (told, end) = (Told::begun(body, row)?, End::of(row)?);
        operations.begun();
        if told.is_open() {
            self.open.insert(event.seq, Open { told, end, is_confirmed: false });
        } else {
            compare(event.seq, &told, &end, report);
        }
        Ok(())
    }

    /// An operation is over. If its row says otherwise, it may be corrected yet.
    fn close(&mut self, operation: i64) {
        if let Entry::Occupied(open) = self.open.entry(operation)
            && open.get().told.differences(&open.get().end).is_empty()
        {
            open.remove();
        }
    }

    /// What is left when the last event is read.
    pub(super) fn end_of_rows(
        &mut self,
        connection: &Connection,
        operations: Operations<'_>,
        report: &mut Report,
    ) -> rusqlite::Result<()> {
        operations.end(self.last, report)?;
        std::mem::take(&mut self.claims).compare(connection, (self.base, self.last), report)
    }

    pub(super) async fn end(
        mut self,
        connection: &mut SqliteConnection,
        archives: &[Kept],
        report: &mut Report,
    ) -> Result<(), sqlx::Error> {
        for (operation, Open { told, end, .. }) in std::mem::take(&mut self.open) {
            compare(operation, &told, &end, report);
        }
        let beyond: Vec<i64> = sqlx::query_scalar(
            "SELECT operation FROM operations WHERE operation < 1
             UNION ALL SELECT operation FROM operations WHERE operation > ?",
        )
        .bind(self.last)
        .fetch_all(&mut *connection)
        .await?;
        for operation in beyond {
            report.find(operation, "`operations` has a row for it, and the log has no such event");
        }
        let callbacks: i64 =
            sqlx::query_scalar("SELECT count(*) FROM callbacks WHERE operation > ? OR operation < 1")
                .bind(self.base)
                .fetch_one(&mut *connection)
                .await?;
        if callbacks != self.callbacks {
            report.find(
                None,
                format!("`callbacks` has {callbacks} rows, and the log tells of {}", self.callbacks),
            );
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
fn compare(operation: i64, told: &Told, end: &End, report: &mut Report) {
    let differs = told.differences(end);
    if !differs.is_empty() {
        let what = told::quoted(&differs);
        report.find(operation, format!("its row in `operations` does not say what the log says: {what}"));
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
        let mut differs = told::different_callback(columns, &kept.columns);
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
