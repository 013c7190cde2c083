-- Which events were taken out of `audit_events` and into archives. Their hashes stay in the tree's tables.

CREATE TABLE archives (
    operation INTEGER PRIMARY KEY,              -- the one that made it, recorded in the same transaction
    first     INTEGER NOT NULL,
    last      INTEGER NOT NULL,
    root      TEXT    NOT NULL,                 -- of the tree over all events up to the last, in hexadecimal
    tables    TEXT    NOT NULL,                 -- the SHA-256 of what the tables say of these events
    file      TEXT    NOT NULL                  -- its name when it was written
) STRICT;

-- One follows the other, and none is there without its event.
CREATE TRIGGER archives_in_sequence BEFORE INSERT ON archives
WHEN NEW.first <> (SELECT coalesce(max(last), 0) + 1 FROM archives) OR NEW.last < NEW.first
  OR NEW.last >= NEW.operation OR NEW.operation IS NOT (SELECT max(seq) FROM audit_events)
  OR (SELECT body ->> 'archived' ->> 'last' FROM audit_events WHERE seq = NEW.operation) IS NOT NEW.last
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
DROP TRIGGER audit_events_never_deleted;
CREATE TRIGGER audit_events_never_deleted BEFORE DELETE ON audit_events
WHEN OLD.seq > (SELECT coalesce(max(last), 0) FROM archives)
  OR OLD.seq <> (SELECT min(seq) FROM audit_events)
BEGIN
    SELECT RAISE(ABORT, 'audit events are append-only');
END;
