//! What the tables say of events that are in an archive, as one hash: so that a change of these rows shows
//! without the archive.

use sha2::{Digest as _, Sha256};
use sqlx::sqlite::SqliteConnection;

/// The rows of `operations` whose numbers lie in the range, each with the operation that claimed its delivery.
const OPERATIONS: &str = "SELECT operation || char(31) ||
        coalesce((SELECT claim.operation FROM deliveries AS claim WHERE claim.delivery_id = told.delivery_id), '')
        || char(31) || json_array(at, actor, actor_name, channel, command, room, new_owner, reason, decision,
        authority, delivery_id, reading, previous_owner, outcome, error_code, error_info, request_id, duration_ms,
        is_open, held_room)
    FROM operations AS told NOT INDEXED WHERE operation BETWEEN ? AND ? ORDER BY operation";

/// How many numbers of operations are looked through at once.
const BLOCK: i64 = 4_096;

/// Grants as they were after event `?1`.
const GRANTS: &str = "SELECT json_array(id, subject, role, effect, rooms, json(channels), expires_at, granted_by,
        granted_at, granted_in, iif(revoked_in <= ?1, revoked_at, NULL), iif(revoked_in <= ?1, revoked_by, NULL),
        iif(revoked_in <= ?1, revoked_in, NULL), reason)
    FROM grants WHERE granted_in <= ?1 ORDER BY id";
const CHANNELS: &str = "SELECT json_array(id, channel, rooms, allowed_by, allowed_at, allowed_in,
        iif(removed_in <= ?1, removed_at, NULL), iif(removed_in <= ?1, removed_by, NULL),
        iif(removed_in <= ?1, removed_in, NULL), reason)
    FROM authorised_channels WHERE allowed_in <= ?1 ORDER BY id";
/// Earlier archives, whose own events may be in this one.
const ARCHIVES: &str = "SELECT json_array(operation, first, last, root, tables) FROM archives
    WHERE operation <= ?1 ORDER BY operation";

/// The hash over the operations that begin from `first` to `last`, all of which are ended, and over the ACL and
/// the archives as they were after `last`. Nothing of it ever changes. What goes in, and how it is written, is
/// fixed: the hash in an old event has to come out again in years.
pub(in crate::store) async fn digest(
    connection: &mut SqliteConnection,
    first: i64,
    last: i64,
) -> Result<String, sqlx::Error> {
    let mut hash = Sha256::new();
    let mut from = first;
    while from <= last {
        let to = last.min(from + BLOCK - 1);
        let rows: Vec<String> =
            sqlx::query_scalar(OPERATIONS).bind(from).bind(to).fetch_all(&mut *connection).await?;
        for row in rows {
            hash.update(row);
            hash.update(b"\n");
        }
        from = to + 1;
    }
    let claims: i64 = sqlx::query_scalar("SELECT count(*) FROM deliveries WHERE operation BETWEEN ? AND ?")
        .bind(first)
        .bind(last)
        .fetch_one(&mut *connection)
        .await?;
    hash.update(format!("{claims}\n"));
    for sql in [GRANTS, CHANNELS, ARCHIVES] {
        let rows: Vec<String> = sqlx::query_scalar(sql).bind(last).fetch_all(&mut *connection).await?;
        for row in rows {
            hash.update(row);
            hash.update(b"\n");
        }
        hash.update(b"\n");
    }
    Ok(hex::encode(hash.finalize()))
}
