-- The audit log, and the Merkle tree over it. All else about operations and the ACL is derived from it.
--
-- Times are milliseconds since 1970, UTC. The triggers guard against accidents, not against somebody who owns the
-- file.

-- One row an event. `body` is the event as JSON, exactly as it was recorded; `operation` repeats what it says. No
-- second unique index: `INSERT OR REPLACE` would make a row vanish through it.
CREATE TABLE audit_events (
    seq       INTEGER PRIMARY KEY,
    operation INTEGER NOT NULL,
    body      TEXT    NOT NULL CHECK (json_valid(body))
) STRICT;
CREATE INDEX audit_events_by_operation ON audit_events (operation);

-- Refuses a number that is taken, `INSERT OR REPLACE` too, or leaves a gap.
CREATE TRIGGER audit_events_in_sequence BEFORE INSERT ON audit_events
WHEN NEW.seq IS NULL OR NEW.seq <> (SELECT coalesce(max(seq), 0) + 1 FROM audit_events)
BEGIN
    SELECT RAISE(ABORT, 'audit events are numbered without gaps');
END;
CREATE TRIGGER audit_events_never_updated BEFORE UPDATE ON audit_events BEGIN
    SELECT RAISE(ABORT, 'audit events are append-only');
END;

-- The Merkle tree (RFC 6962) as C2SP tiles of height 8: the leaf of event n is its `body`, byte for byte. A tile holds
-- up to 256 hashes of 32 bytes each; the last one of a level grows.
CREATE TABLE tree_tiles (
    level  INTEGER NOT NULL,
    n      INTEGER NOT NULL,                    -- from 0, on its level
    hashes BLOB    NOT NULL,
    PRIMARY KEY (level, n)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER tree_tiles_only_added BEFORE INSERT ON tree_tiles
WHEN EXISTS (SELECT 1 FROM tree_tiles WHERE level = NEW.level AND n = NEW.n)
BEGIN
    SELECT RAISE(ABORT, 'the tree only grows');
END;
CREATE TRIGGER tree_tiles_only_grow BEFORE UPDATE ON tree_tiles
WHEN NEW.level IS NOT OLD.level OR NEW.n IS NOT OLD.n OR length(NEW.hashes) <= length(OLD.hashes)
  OR substr(NEW.hashes, 1, length(OLD.hashes)) IS NOT OLD.hashes
BEGIN
    SELECT RAISE(ABORT, 'the tree only grows');
END;
CREATE TRIGGER tree_tiles_never_deleted BEFORE DELETE ON tree_tiles BEGIN
    SELECT RAISE(ABORT, 'the tree only grows');
END;

-- The newest signed head, and with which public key it is signed. Heads of the past are computed from the tiles.
CREATE TABLE signed_head (
    one        INTEGER PRIMARY KEY CHECK (one = 1),
    size       INTEGER NOT NULL,
    checkpoint TEXT    NOT NULL,                -- a C2SP checkpoint
    key        TEXT    NOT NULL
) STRICT;
CREATE TRIGGER signed_head_only_grows BEFORE UPDATE ON signed_head WHEN NEW.size <= OLD.size BEGIN
    SELECT RAISE(ABORT, 'the tree only grows');
END;
CREATE TRIGGER signed_head_never_replaced BEFORE INSERT ON signed_head
WHEN EXISTS (SELECT 1 FROM signed_head)
BEGIN
    SELECT RAISE(ABORT, 'the tree only grows');
END;
CREATE TRIGGER signed_head_never_deleted BEFORE DELETE ON signed_head BEGIN
    SELECT RAISE(ABORT, 'the tree only grows');
END;

-- Which events were taken out of `audit_events` and into archives. Their hashes stay in the tiles.
CREATE TABLE archives (
    operation INTEGER PRIMARY KEY,              -- the one that made it, recorded in the same transaction
    first     INTEGER NOT NULL,
    last      INTEGER NOT NULL,
    root      TEXT    NOT NULL,                 -- of the tree over all events up to the last, in hexadecimal
    tables    TEXT    NOT NULL,                 -- the SHA-256 of what was derived from these events
    file      TEXT    NOT NULL                  -- where it was written
) STRICT;
CREATE TRIGGER archives_in_sequence BEFORE INSERT ON archives
WHEN NEW.first <> (SELECT coalesce(max(last), 0) + 1 FROM archives) OR NEW.last < NEW.first
  OR NEW.last >= NEW.operation OR NEW.operation IS NOT (SELECT max(seq) FROM audit_events)
  OR (SELECT body ->> '$.what.requested.archived.last' FROM audit_events WHERE seq = NEW.operation) IS NOT NEW.last
BEGIN
    SELECT RAISE(ABORT, 'archives follow one another, each with its event');
END;
CREATE TRIGGER archives_never_updated BEFORE UPDATE ON archives BEGIN
    SELECT RAISE(ABORT, 'archives are only added');
END;
CREATE TRIGGER archives_never_deleted BEFORE DELETE ON archives BEGIN
    SELECT RAISE(ABORT, 'archives are only added');
END;

-- What is in an archive goes, from the oldest on; nothing else ever does.
CREATE TRIGGER audit_events_never_deleted BEFORE DELETE ON audit_events
WHEN OLD.seq > (SELECT coalesce(max(last), 0) FROM archives)
  OR OLD.seq <> (SELECT min(seq) FROM audit_events)
BEGIN
    SELECT RAISE(ABORT, 'audit events are append-only');
END;
