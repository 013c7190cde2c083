//! Every standard question goes by its index, in its order: nothing is scanned, nothing is sorted.

use sqlx::AssertSqlSafe;
use sqlx::Row as _;
use sqlx::sqlite::SqlitePool;

use super::list::{Way, listing};
use super::stats::counting;
use super::{history, list};
use crate::domain::audit::{AuditFilter, OperationId, OutcomeKind, StatsBy};
use crate::store::{IfMissing, SqliteStore};

async fn plan(pool: &SqlitePool, sql: &str) -> Vec<String> {
    let rows = sqlx::query(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"))).fetch_all(pool).await.unwrap();
    rows.iter().map(|row| row.get::<String, _>("detail")).collect()
}

fn questions() -> Vec<(&'static str, AuditFilter)> {
    let all = AuditFilter { limit: Some(51), without_readings: true, ..AuditFilter::default() };
    let since = Some("2026-11-22T00:00:00Z".parse().unwrap());
    let until = Some("2026-11-23T00:00:00Z".parse().unwrap());
    let room = Some("live-7".parse().unwrap());
    let actor = Some("slack:T1:U1".parse().unwrap());
    let text = Some("host crashed".to_owned());
    vec![
        ("SCAN operations USING INDEX operations_by_time", all.clone()),
        ("operations_by_time (at>? AND at<?)", AuditFilter { since, until, ..all.clone() }),
        ("operations_by_time (at<?)", AuditFilter { before: Some(OperationId::new(9)), ..all.clone() }),
        ("operations_by_room (room=?)", AuditFilter { room: room.clone(), ..all.clone() }),
        (
            "operations_by_room (room=? AND at>? AND at<?)",
            AuditFilter { room: room.clone(), since, until, ..all.clone() },
        ),
        ("operations_by_actor (actor=?)", AuditFilter { actor: actor.clone(), ..all.clone() }),
        (
            "operations_by_actor (actor=? AND at>? AND at<?)",
            AuditFilter { actor: actor.clone(), since, until, ..all.clone() },
        ),
        (
            "operations_by_channel (channel=?)",
            AuditFilter { channel: Some("slack:T1:C1".parse().unwrap()), ..all.clone() },
        ),
        (
            "operations_by_outcome (outcome=?)",
            AuditFilter { outcomes: [OutcomeKind::Refused].into_iter().collect(), ..all.clone() },
        ),
        (
            "operations_by_request_id (request_id=?)",
            AuditFilter { request_id: Some("Id-1".to_owned()), ..all.clone() },
        ),
        (
            "SEARCH operations USING INTEGER PRIMARY KEY (rowid=?)",
            AuditFilter { operation: Some(OperationId::new(7)), ..all.clone() },
        ),
        ("SCAN operations_text VIRTUAL TABLE INDEX", AuditFilter { text: text.clone(), ..all.clone() }),
        ("operations_by_room (room=?)", AuditFilter { room, text, ..all.clone() }),
        (
            "SCAN operations_text VIRTUAL TABLE INDEX",
            AuditFilter { actor, text: Some("left".to_owned()), ..all },
        ),
    ]
}

#[tokio::test]
async fn each_question_has_its_index() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("room-owner.db").display());
    let store = SqliteStore::open(&url, IfMissing::Create).await.unwrap();
    for (expected, filter) in questions() {
        let way = Way::of(&filter);
        let query = listing(&filter, way).into_sql();
        let plan = plan(&store.readers, query.as_str()).await;
        let shown = format!("{filter:?}\n{query:?}\n{plan:#?}");
        assert!(plan[0].contains(expected), "{expected}: {shown}");
        assert!(plan.iter().all(|step| !step.contains("TEMP B-TREE")), "sorts: {shown}");
        let scans = plan.iter().filter(|step| step.starts_with("SCAN") && !step.contains("VIRTUAL"));
        // All entries in the order of time are a walk along that index.
        let walks = plan[0] == "SCAN operations USING INDEX operations_by_time";
        assert!(walks || scans.count() == 0, "scans: {shown}");
    }

    let readings = AuditFilter { limit: Some(51), ..AuditFilter::default() };
    let plan_of_history = plan(&store.readers, &history::around()).await;
    for expected in [
        "operations_by_room (room=? AND at<?)",
        "operations_by_room (room=? AND at>?)",
        "callbacks_by_room (room=? AND event_at<?)",
        "callbacks_by_room (room=? AND event_at>?)",
        "operations_holding (held_room=?)",
    ] {
        assert!(
            plan_of_history.iter().any(|step| step.contains(expected)),
            "{expected}: {plan_of_history:#?}"
        );
    }
    let scans = |step: &&String| step.contains("SCAN operations") || step.contains("SCAN callbacks");
    assert_eq!(plan_of_history.iter().find(scans), None, "{plan_of_history:#?}");
    let plan = plan(&store.readers, list::listing(&readings, Way::Readings).into_sql().as_str()).await;
    let sorts = plan.iter().any(|step| step.contains("TEMP B-TREE"));
    assert!(plan[0].contains("operations_readings") && !sorts, "{plan:?}");
}

#[tokio::test]
async fn what_is_counted_as_a_whole_is_read_once_from_end_to_end() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("room-owner.db").display());
    let store = SqliteStore::open(&url, IfMissing::Create).await.unwrap();
    for without_readings in [true, false] {
        let all = AuditFilter { without_readings, ..AuditFilter::default() };
        for by in StatsBy::ALL {
            let plan = plan(&store.readers, counting(&all, *by).into_sql().as_str()).await;
            let expected = match by {
                StatsBy::Outcome if without_readings => {
                    "SCAN operations USING COVERING INDEX operations_by_outcome"
                }
                _ => "SCAN operations",
            };
            assert_eq!(plan[0], expected, "{by}");
        }
    }
}
