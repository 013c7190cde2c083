-- Requests for access.

-- Projections -------------------------------------------------------------------------------------------

-- Who asked to hand which room over, where, and whether an admin has answered.
CREATE TABLE access_requests (
    operation   INTEGER PRIMARY KEY,             -- the one that asks
    person      TEXT    NOT NULL,
    room        TEXT    NOT NULL,
    channel     TEXT    NOT NULL,
    asked_at    INTEGER NOT NULL,
    lapses_at   INTEGER NOT NULL,
    answered_in INTEGER                          -- the operation
) STRICT;
CREATE INDEX access_requests_open ON access_requests (person, room) WHERE answered_in IS NULL;
CREATE TRIGGER access_requests_never_deleted BEFORE DELETE ON access_requests BEGIN
    SELECT RAISE(ABORT, 'requests for access are never deleted');
END;
CREATE TRIGGER access_requests_only_answered BEFORE UPDATE ON access_requests
WHEN OLD.answered_in IS NOT NULL OR NEW.operation IS NOT OLD.operation OR NEW.person IS NOT OLD.person
  OR NEW.room IS NOT OLD.room OR NEW.channel IS NOT OLD.channel OR NEW.asked_at IS NOT OLD.asked_at
  OR NEW.lapses_at IS NOT OLD.lapses_at
BEGIN
    SELECT RAISE(ABORT, 'a request for access can only be answered, once');
END;
CREATE TRIGGER access_requests_never_replaced BEFORE INSERT ON access_requests
WHEN EXISTS (SELECT 1 FROM access_requests WHERE operation = NEW.operation)
BEGIN
    SELECT RAISE(ABORT, 'requests for access are never replaced');
END;

-- Working state -----------------------------------------------------------------------------------------

-- Who gets it as a direct message; null for everybody in the channel. Of a direct message, the channel is the one that
-- it is about.
ALTER TABLE announcements_due ADD COLUMN person TEXT;
DROP INDEX announcements_due_of_operations;
CREATE UNIQUE INDEX announcements_due_in_channels ON announcements_due (operation, channel)
WHERE operation IS NOT NULL AND person IS NULL;
CREATE UNIQUE INDEX announcements_due_to_people ON announcements_due (operation, person)
WHERE operation IS NOT NULL AND person IS NOT NULL;
