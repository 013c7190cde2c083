-- What Tencent's callbacks said: each change of an owner, whoever made it. The log has the same as the events
-- `confirmed` and `observed`.

CREATE TABLE callbacks (
    -- The change, as Tencent names it: a repeated callback has the same one.
    delivery_id    TEXT    PRIMARY KEY,
    -- Ours that it confirms, or the one that it was recorded as.
    operation      INTEGER NOT NULL,
    confirms       INTEGER NOT NULL CHECK (confirms IN (0, 1)),
    room           TEXT    NOT NULL,
    new_owner      TEXT    NOT NULL,
    original_owner TEXT,
    operator       TEXT,
    event_at       INTEGER NOT NULL,             -- by Tencent's clock
    received_at    INTEGER NOT NULL,
    signed         INTEGER NOT NULL CHECK (signed IN (0, 1))
) STRICT, WITHOUT ROWID;
CREATE INDEX callbacks_by_operation ON callbacks (operation);
CREATE INDEX callbacks_by_room ON callbacks (room, event_at);

-- One change is one callback, and one operation.
CREATE TRIGGER callbacks_recorded_once BEFORE INSERT ON callbacks
WHEN EXISTS (SELECT 1 FROM callbacks WHERE delivery_id = NEW.delivery_id OR operation = NEW.operation)
BEGIN
    SELECT RAISE(ABORT, 'a callback is recorded once');
END;
CREATE TRIGGER callbacks_never_updated BEFORE UPDATE ON callbacks BEGIN
    SELECT RAISE(ABORT, 'callbacks are never changed');
END;
CREATE TRIGGER callbacks_never_deleted BEFORE DELETE ON callbacks BEGIN
    SELECT RAISE(ABORT, 'callbacks are never deleted');
END;
