//! Whatever cell of whatever table is changed, whatever row is taken out: it is noticed.

use std::sync::OnceLock;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use sqlx::{Connection as _, Row as _};
use tokio::runtime::Runtime;

use super::copies::{Copy, day, findings};
use super::world::{execute, raw};

/// The tables and how their rows are named; with the columns that can have one value alone.
const TABLES: &[(&str, &str, &[&str])] = &[
    ("audit_events", "rowid", &[]),
    ("operations", "rowid", &[]),
    ("deliveries", "delivery_id", &[]),
    ("callbacks", "delivery_id", &[]),
    ("grants", "rowid", &[]),
    ("authorised_channels", "rowid", &[]),
    ("signed_head", "rowid", &["one"]),
    ("tree_tiles", "level", &[]),
];

#[derive(Debug, Clone)]
struct Cell {
    table: &'static str,
    key: String,
    column: String,
    /// As SQLite names it: `INTEGER`, `TEXT`, `BLOB`.
    kind: String,
}

struct Base {
    runtime: Runtime,
    copy: Copy,
    cells: Vec<Cell>,
}

fn base() -> &'static Base {
    static BASE: OnceLock<Base> = OnceLock::new();
    BASE.get_or_init(|| {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let (copy, cells) = runtime.block_on(async {
            let copy = Copy::of(&day().await).await;
            let cells = cells(&copy).await;
            (copy, cells)
        });
        Base { runtime, copy, cells }
    })
}

async fn cells(copy: &Copy) -> Vec<Cell> {
    let copy = copy.again();
    let mut raw = raw(&copy.file()).await;
    let mut cells = Vec::new();
    for (table, key, left_out) in TABLES {
        let columns: Vec<(String, String)> = sqlx::query_as("SELECT name, type FROM pragma_table_info(?)")
            .bind(*table)
            .fetch_all(&mut raw)
            .await
            .unwrap();
        let keys = sqlx::AssertSqlSafe(format!("SELECT quote({key}) FROM {table}"));
        for row in sqlx::query(keys).fetch_all(&mut raw).await.unwrap() {
            let key = format!("{key} = {}", row.get::<String, _>(0));
            for (column, kind) in columns.iter().filter(|(name, _)| !left_out.contains(&name.as_str())) {
                cells.push(Cell { table, key: key.clone(), column: column.clone(), kind: kind.clone() });
            }
        }
    }
    assert!(cells.len() > 400, "{}", cells.len());
    cells
}

/// The cell with one thing about it changed, as SQL.
fn another(cell: &Cell, at: usize, by: u8) -> String {
    let Cell { column, kind, .. } = cell;
    let by = u32::from(by) + 1;
    match kind.as_str() {
        "INTEGER" => format!("coalesce({column}, 0) + {by}"),
        "BLOB" => format!(
            "CASE WHEN length({column}) = 0 THEN x'00' ELSE
             CAST(substr({column}, 1, {at} % length({column})) AS BLOB) ||
             CASE WHEN substr({column}, {at} % length({column}) + 1, 1) = x'00' THEN x'01' ELSE x'00' END ||
             CAST(substr({column}, {at} % length({column}) + 2) AS BLOB) END"
        ),
        _ => {
            let letter = char::from(b'a' + (by % 26) as u8);
            format!(
                "CASE WHEN coalesce({column}, '') = '' THEN '{letter}' ELSE
                 substr({column}, 1, {at} % length({column})) ||
                 CASE WHEN substr({column}, {at} % length({column}) + 1, 1) = '{letter}' THEN '~' ELSE '{letter}' END ||
                 substr({column}, {at} % length({column}) + 2) END"
            )
        }
    }
}

/// Whether the edit could be made, and what was found then.
fn tampered(sql: &str) -> Option<String> {
    let base = base();
    base.runtime.block_on(async {
        let copy = base.copy.again();
        // Two rows of one name, a value that the column does not take: then nothing was changed.
        let mut trial = raw(&copy.file()).await;
        execute(&mut trial, "PRAGMA ignore_check_constraints = ON").await.unwrap();
        let triggers: Vec<String> =
            sqlx::query_scalar("SELECT name FROM sqlite_schema WHERE type = 'trigger'")
                .fetch_all(&mut trial)
                .await
                .unwrap();
        let off: String = triggers.iter().map(|name| format!("DROP TRIGGER {name};")).collect();
        let possible = execute(&mut trial, format!("BEGIN; {off} {sql}")).await.is_ok();
        execute(&mut trial, "ROLLBACK").await.unwrap();
        trial.close().await.unwrap();
        if !possible {
            return None;
        }
        copy.tampered(&format!("PRAGMA ignore_check_constraints = ON; {sql}")).await;
        Some(findings(&copy.report().await))
    })
}

#[test]
fn no_change_of_a_cell_goes_unnoticed() {
    let mut runner = TestRunner::new(Config { cases: 192, failure_persistence: None, ..Config::default() });
    let cells = &base().cells;
    let any = (0..cells.len(), 0..1_000_usize, any::<u8>());
    runner
        .run(&any, |(cell, at, by)| {
            let cell = &cells[cell];
            let sql = format!(
                "UPDATE {} SET {} = {} WHERE {}",
                cell.table,
                cell.column,
                another(cell, at, by),
                cell.key
            );
            let found = tampered(&sql);
            prop_assume!(found.is_some());
            prop_assert!(found != Some(String::new()), "not noticed: {}", sql);
            Ok(())
        })
        .unwrap();
}

#[test]
fn no_row_can_be_taken_out_unnoticed() {
    let rows: std::collections::BTreeSet<(&str, &str)> =
        base().cells.iter().map(|cell| (cell.table, cell.key.as_str())).collect();
    assert!(rows.len() > 50);
    for (table, key) in rows {
        let sql = format!("DELETE FROM {table} WHERE {key}");
        let found = tampered(&sql);
        assert!(found.as_ref().is_some_and(|found| !found.is_empty()), "not noticed: {sql}: {found:?}");
    }
}
