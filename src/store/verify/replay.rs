//! The tables against the log: the events are applied again to tables of a scratch file, and the two are compared.

use std::path::Path;

use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags, params};
use sha2::{Digest as _, Sha256};
use tempfile::TempPath;

use crate::app::ports::StoreError;
use crate::domain::audit::{Event, SystemChange, What};
use crate::domain::verification::{Report, Signer};
use crate::store::archive_file::Kept;
use crate::store::projections::{self, DELIVERIES_TIDIED_AT, DELIVERY_KEPT_EVENTS, DELIVERY_KEPT_MS, TABLES};
use crate::store::rows::Explain as _;
use crate::store::schema;

use crate::store::database::{open_to_read, uri};

/// The events, as far as they are applied again.
pub(super) struct Replay {
    /// Deleted when the check ends.
    file: TempPath,
    base: i64,
    /// The changes of the signing key: at which event, from which key, to which.
    key_changes: Vec<(i64, String, String)>,
}

/// The tables that events are applied to, empty and without triggers and indexes. The index of texts is looked at by
/// itself: here it takes words and keeps none.
fn make_tables(connection: &Connection) -> Result<(), StoreError> {
    let whole = schema::empty()?;
    for (table, _) in TABLES {
        let sql = "SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?";
        let sql: String = whole.query_row(sql, [table], |row| row.get(0))?;
        connection.execute_batch(&sql)?;
    }
    connection.execute_batch(
        "CREATE VIEW operations_text AS SELECT 0 AS rowid, '' AS found;
         CREATE TRIGGER operations_text_insert INSTEAD OF INSERT ON operations_text BEGIN SELECT 1; END;
         CREATE INDEX deliveries_by_time ON deliveries (at, operation)",
    )?;
    Ok(())
}

impl Replay {
    /// Makes a scratch file, which only its owner can read, beside a view of the database of one moment: the
    /// connection sees the scratch tables by their names, and the database's as `log`.
    pub(super) fn open(database: &Path) -> Result<(Self, Connection), StoreError> {
        // Says what is wrong with the file itself.
        drop(open_to_read(database)?);
        let file = tempfile::Builder::new().prefix("room-owner-verify-").tempfile();
        let file = file.explain("no scratch file can be made for the check")?.into_temp_path();
        let flags =
            OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
        let connection = Connection::open_with_flags(&file, flags)?;
        connection.execute_batch(
            "PRAGMA main.journal_mode = MEMORY; PRAGMA main.synchronous = OFF; PRAGMA main.locking_mode = EXCLUSIVE;
             PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA cache_size = -16000",
        )?;
        connection.set_prepared_statement_cache_capacity(64);
        make_tables(&connection)?;
        connection.execute("ATTACH ? AS log", [uri(database)]).explain(super::READ_FAILED)?;
        connection.execute_batch("BEGIN")?;
        let replay = Self { file, base: 0, key_changes: Vec::new() };
        Ok((replay, connection))
    }

    /// The last event that is in an archive which is not given.
    pub(super) fn base(&self) -> i64 {
        self.base
    }

    /// The scratch file, which goes when this is dropped.
    pub(super) fn into_file(self) -> TempPath {
        self.file
    }

    /// Starts behind event `base`: what comes before is in archives that are not given. Whether the tables say of it
    /// what they said when it was archived is shown by the hash in that archive's own event.
    pub(super) fn start_behind(
        &mut self,
        log: &Connection,
        base: i64,
        kept: &[Kept],
        derived: &mut Report,
    ) -> Result<(), StoreError> {
        self.base = base;
        let Some(archive) = kept.iter().find(|archive| archive.last == base) else { return Ok(()) };
        load_state(log, base)?;
        if digest(log)? != archive.tables {
            derived.find(
                base,
                "what the tables say of the events up to it is not what they said when these were archived: they were \
                 altered",
            );
        }
        Ok(())
    }

    /// Applies an event. `operation` is what its row says.
    pub(super) fn apply(
        &mut self,
        log: &Connection,
        seq: i64,
        operation: Option<i64>,
        body: &[u8],
        derived: &mut Report,
    ) {
        let event = match Event::parse(body) {
            Ok(event) => event,
            Err(why) => return derived.find(seq, format!("its text is no event: {why}")),
        };
        if event.seq != seq {
            derived.find(seq, format!("its text says that it is event {}", event.seq));
        }
        if let Some(operation) = operation.filter(|operation| *operation != event.operation.seq()) {
            derived.find(seq, format!("its row names operation {operation}, its text `{}`", event.operation));
        }
        if let Err(error) = projections::apply(log, &event) {
            derived.find(seq, format!("it does not follow from those before it: {error}"));
        }
        if let What::System(SystemChange::KeyChanged { from, to }) = event.what {
            self.key_changes.push((seq, from, to));
        }
    }

    /// The tables against what the events lead to.
    pub(super) fn compare(&self, log: &Connection, derived: &mut Report) -> Result<(), StoreError> {
        for (table, key) in TABLES {
            compare_table(log, table, key, derived).explain(super::READ_FAILED)?;
        }
        Ok(())
    }

    /// Who signed, by the events that record a change of the key; the last one is the key that the database names.
    pub(super) fn signers(&self, named: &str, events: u64) -> Vec<Signer> {
        let mut signers = Vec::new();
        let mut from = self.base + 1;
        for (seq, key, _) in &self.key_changes {
            if *seq > from {
                signers.push(Signer { key: key.clone(), from, to: seq - 1 });
            }
            from = *seq;
        }
        let last = self.key_changes.last().map_or(named, |(.., to)| to);
        if events > 0 {
            signers.push(Signer { key: last.to_owned(), from, to: events.cast_signed() });
        }
        signers
    }
}

/// A row as it is stored, each value of its own type.
type Row = Vec<(String, Value)>;

fn rows_of(log: &Connection, sql: &str, values: impl rusqlite::Params) -> rusqlite::Result<Vec<Row>> {
    let mut statement = log.prepare(sql)?;
    let names: Vec<String> = statement.column_names().into_iter().map(str::to_owned).collect();
    let row = |row: &rusqlite::Row<'_>| {
        names.iter().enumerate().map(|(n, name)| Ok((name.clone(), row.get(n)?))).collect()
    };
    statement.query_map(values, row)?.collect()
}

/// How many rows of a table are named that are wrong.
const NAMED: usize = 8;

fn compare_table(log: &Connection, table: &str, key: &str, derived: &mut Report) -> rusqlite::Result<()> {
    // The names of the columns, in one order.
    let columns = log.prepare(&format!("SELECT * FROM main.{table}"))?.column_names().join(", ");
    let here = format!("SELECT {columns} FROM log.{table} NOT INDEXED");
    let right = format!("SELECT {columns} FROM main.{table} NOT INDEXED");
    let count = |of: &str| -> rusqlite::Result<i64> {
        log.query_row(&format!("SELECT count(*) FROM ({of})"), [], |row| row.get(0))
    };
    let differ = format!("SELECT * FROM ({here} EXCEPT {right}) ORDER BY {key} LIMIT {NAMED}");
    let wrong = rows_of(log, &differ, [])?;
    if wrong.is_empty() && count(&here)? == count(&right)? {
        return Ok(());
    }
    for row in wrong {
        let value = |name: &str| row.iter().find(|(column, _)| column == name).map(|(_, value)| value);
        let id = value(key).cloned().unwrap_or(Value::Null);
        let made = rows_of(log, &format!("{right} WHERE {key} IS ?"), [&id])?;
        let (event, what) = named(table, &row, &id);
        let Some(made) = made.first() else {
            derived.find(
                event,
                format!("`{table}` has a row for {what}, and the log tells of none: it was added"),
            );
            continue;
        };
        let others = row.iter().zip(made).filter(|(here, right)| here.1 != right.1);
        let others: Vec<String> = others.map(|((name, _), _)| format!("`{name}`")).collect();
        let others = others.join(", ");
        derived.find(event, format!("`{table}` does not say of {what} what the log says: {others}"));
    }
    let gone = format!(
        "SELECT * FROM ({right}) WHERE {key} NOT IN (SELECT {key} FROM log.{table} NOT INDEXED) ORDER BY {key}
         LIMIT {NAMED}"
    );
    for row in rows_of(log, &gone, [])? {
        let id = row.iter().find(|(column, _)| column == key).map_or(Value::Null, |(_, value)| value.clone());
        let (event, what) = named(table, &row, &id);
        derived.find(event, format!("`{table}` has no row for {what}: it was taken out"));
    }
    Ok(())
}

/// The event that a row is about, and the row in words.
fn named(table: &str, row: &Row, id: &Value) -> (Option<i64>, String) {
    let column = match table {
        "grants" => "granted_in",
        "authorised_channels" => "allowed_in",
        "announcement_channels" | "acl_settings" => "set_in",
        "announcements" => "event",
        _ => "operation",
    };
    let event = row.iter().find_map(|(name, value)| match value {
        Value::Integer(event) if name == column => Some(*event),
        _ => None,
    });
    let id = match id {
        Value::Integer(id) => id.to_string(),
        Value::Text(id) => format!("`{}`", crate::domain::room::visible(id)),
        _ => "something unnamed".to_owned(),
    };
    let kind = match table {
        "operations" => "operation",
        "deliveries" => "delivery",
        "callbacks" => "callback",
        "grants" => "grant",
        "authorised_channels" => "channel entry",
        "announcement_channels" => "announcement channel",
        "announcements" => "announcement",
        "acl_settings" => "setting",
        "access_requests" => "request for access",
        "new_owner_people" => "new owner of operation",
        "approvals" => "approval",
        _ => "archive",
    };
    (event, format!("{kind} {id}"))
}

/// Fills the scratch tables with what those of `log` said after event `last`, which no operation spans: nothing of an
/// operation before it has changed since, and the entries of the ACL say when they were closed.
pub(in crate::store) fn load_state(log: &Connection, last: i64) -> Result<(), StoreError> {
    for sql in [
        "INSERT INTO main.operations SELECT * FROM log.operations NOT INDEXED WHERE operation <= ?1",
        "INSERT INTO main.callbacks SELECT * FROM log.callbacks NOT INDEXED WHERE event <= ?1",
        "INSERT INTO main.archives SELECT * FROM log.archives NOT INDEXED WHERE operation <= ?1",
        "INSERT INTO main.grants (id, subject, role, effect, rooms, channels, expires_at, granted_by, granted_at,
             granted_in, revoked_at, revoked_by, revoked_in, reason)
         SELECT id, subject, role, effect, rooms, channels, expires_at, granted_by, granted_at, granted_in,
             iif(revoked_in <= ?1, revoked_at, NULL), iif(revoked_in <= ?1, revoked_by, NULL),
             iif(revoked_in <= ?1, revoked_in, NULL), reason
         FROM log.grants NOT INDEXED WHERE granted_in <= ?1",
        "INSERT INTO main.authorised_channels (id, channel, rooms, allowed_by, allowed_at, allowed_in, removed_at,
             removed_by, removed_in, reason)
         SELECT id, channel, rooms, allowed_by, allowed_at, allowed_in,
             iif(removed_in <= ?1, removed_at, NULL), iif(removed_in <= ?1, removed_by, NULL),
             iif(removed_in <= ?1, removed_in, NULL), reason
         FROM log.authorised_channels NOT INDEXED WHERE allowed_in <= ?1",
        "INSERT INTO main.announcement_channels (id, channel, rooms, for_admins, set_by, set_at, set_in, removed_at,
             removed_by, removed_in, reason)
         SELECT id, channel, rooms, for_admins, set_by, set_at, set_in, iif(removed_in <= ?1, removed_at, NULL),
             iif(removed_in <= ?1, removed_by, NULL), iif(removed_in <= ?1, removed_in, NULL), reason
         FROM log.announcement_channels NOT INDEXED WHERE set_in <= ?1",
        "INSERT INTO main.acl_settings (id, kind, key, value, set_by, set_at, set_in, removed_at, removed_by, removed_in,
             reason)
         SELECT id, kind, key, value, set_by, set_at, set_in, iif(removed_in <= ?1, removed_at, NULL),
             iif(removed_in <= ?1, removed_by, NULL), iif(removed_in <= ?1, removed_in, NULL), reason
         FROM log.acl_settings NOT INDEXED WHERE set_in <= ?1",
        "INSERT INTO main.new_owner_people SELECT * FROM log.new_owner_people NOT INDEXED WHERE operation <= ?1",
        "INSERT INTO main.approvals SELECT * FROM log.approvals NOT INDEXED WHERE operation <= ?1",
        "INSERT INTO main.announcements SELECT * FROM log.announcements NOT INDEXED WHERE event <= ?1",
        "INSERT INTO main.access_requests (operation, person, room, channel, asked_at, lapses_at, answered_in)
         SELECT operation, person, room, channel, asked_at, lapses_at, iif(answered_in <= ?1, answered_in, NULL)
         FROM log.access_requests NOT INDEXED WHERE operation <= ?1",
    ] {
        log.execute(sql, [last]).explain(super::READ_FAILED)?;
    }
    log.execute(
        "WITH claims AS (SELECT delivery_id, operation, at FROM main.operations
                         WHERE delivery_id IS NOT NULL AND outcome <> 'duplicate'
                           AND operation NOT IN (SELECT operation FROM main.callbacks WHERE confirms = 0)),
              tidied AS (SELECT max(operation) AS at FROM claims WHERE operation % ?3 = 0)
         INSERT OR REPLACE INTO main.deliveries (delivery_id, operation, at)
         SELECT * FROM claims
         WHERE (SELECT at FROM tidied) IS NULL OR operation >= (SELECT at FROM tidied) - ?2
             OR at >= (SELECT max(at) FROM claims WHERE operation <= (SELECT at FROM tidied)) - ?1
         ORDER BY operation",
        params![DELIVERY_KEPT_MS, DELIVERY_KEPT_EVENTS, DELIVERIES_TIDIED_AT],
    )
    .explain(super::READ_FAILED)?;
    Ok(())
}

/// The tables that the first archives did not know.
const YOUNGER_TABLES: [&str; 6] = [
    "announcement_channels",
    "announcements",
    "acl_settings",
    "access_requests",
    "new_owner_people",
    "approvals",
];

/// The hash over what the scratch tables say. How it is made is fixed: the hash in an old event has to come out again
/// in years.
pub(in crate::store) fn digest(log: &Connection) -> Result<String, StoreError> {
    let mut hash = Sha256::new();
    for (table, key) in TABLES {
        if table == "deliveries" {
            continue;
        }
        let columns = log.prepare(&format!("SELECT * FROM main.{table}"))?.column_names().join(", ");
        let sql = format!("SELECT json_array({columns}) FROM main.{table} ORDER BY {key}");
        let mut statement = log.prepare(&sql)?;
        let mut rows = statement.query([])?;
        let mut is_empty = true;
        while let Some(row) = rows.next()? {
            is_empty = false;
            hash.update(row.get_ref(0)?.as_bytes().unwrap_or_default());
            hash.update(b"\n");
        }
        // Of a table that is younger than some archives nothing was hashed then.
        if !(is_empty && YOUNGER_TABLES.contains(&table)) {
            hash.update(b"\n");
        }
    }
    Ok(hex::encode(hash.finalize()))
}
