-- What questions are asked of, derived from the events by one function and nothing else. It can be made again from
-- them: `room-owner audit rebuild`.

-- Access ------------------------------------------------------------------------------------------------

-- Counts the changes of the ACL. A decision is carried out only at the version at which it was made.
CREATE TABLE acl_version (
    one     INTEGER PRIMARY KEY CHECK (one = 1),
    version INTEGER NOT NULL
) STRICT;
INSERT INTO acl_version (one, version) VALUES (1, 0);

CREATE TABLE grants (
    id           INTEGER PRIMARY KEY,
    subject      TEXT    NOT NULL,
    role         TEXT    NOT NULL CHECK (role IN ('moderator', 'auditor', 'admin')),
    effect       TEXT    NOT NULL CHECK (effect IN ('permit', 'deny')),
    rooms        TEXT    NOT NULL CHECK (rooms <> ''),
    -- The channels that the grant is limited to: a JSON array of texts, empty for every authorised one.
    channels     TEXT    NOT NULL DEFAULT '[]' CHECK (json_type(channels) = 'array'),
    expires_at   INTEGER,
    granted_by   TEXT    NOT NULL,
    granted_at   INTEGER NOT NULL,
    granted_in   INTEGER NOT NULL,               -- the operation
    revoked_at   INTEGER,
    revoked_by   TEXT,
    revoked_in   INTEGER,                        -- the operation
    reason       TEXT,
    CHECK ((revoked_at IS NULL) = (revoked_by IS NULL) AND (revoked_at IS NULL) = (revoked_in IS NULL))
) STRICT;
CREATE INDEX grants_by_subject ON grants (subject);
CREATE INDEX grants_of_admins ON grants (id) WHERE role = 'admin' AND revoked_at IS NULL;
-- With every column that says whether a grant holds, so that counting reads the index alone.
CREATE INDEX grants_unrevoked ON grants (granted_at, expires_at, revoked_at) WHERE revoked_at IS NULL;
CREATE INDEX grants_unrevoked_by_rooms ON grants (rooms) WHERE revoked_at IS NULL;
-- Deny entries for groups bear on everybody who may be in the group.
CREATE INDEX grants_denied_groups ON grants (subject)
WHERE effect = 'deny' AND subject GLOB 'slack:*:group:*';

CREATE TABLE authorised_channels (
    id           INTEGER PRIMARY KEY,
    channel      TEXT    NOT NULL,
    rooms        TEXT    NOT NULL CHECK (rooms <> ''),
    allowed_by   TEXT    NOT NULL,
    allowed_at   INTEGER NOT NULL,
    allowed_in   INTEGER NOT NULL,
    removed_at   INTEGER,
    removed_by   TEXT,
    removed_in   INTEGER,
    reason       TEXT,
    CHECK ((removed_at IS NULL) = (removed_by IS NULL) AND (removed_at IS NULL) = (removed_in IS NULL))
) STRICT;
-- One live entry for a channel.
CREATE UNIQUE INDEX authorised_channels_live ON authorised_channels (channel) WHERE removed_at IS NULL;
CREATE INDEX authorised_channels_by_channel ON authorised_channels (channel);

-- Every change counts, whoever makes it: a hand at the file too.
CREATE TRIGGER grants_count_insert AFTER INSERT ON grants BEGIN
    UPDATE acl_version SET version = version + 1;
END;
CREATE TRIGGER grants_count_update AFTER UPDATE ON grants BEGIN
    UPDATE acl_version SET version = version + 1;
END;
CREATE TRIGGER authorised_channels_count_insert AFTER INSERT ON authorised_channels BEGIN
    UPDATE acl_version SET version = version + 1;
END;
CREATE TRIGGER authorised_channels_count_update AFTER UPDATE ON authorised_channels BEGIN
    UPDATE acl_version SET version = version + 1;
END;

-- History is kept: an entry is closed once, and nothing else about it ever changes.
CREATE TRIGGER grants_never_deleted BEFORE DELETE ON grants BEGIN
    SELECT RAISE(ABORT, 'grants are revoked, never deleted');
END;
CREATE TRIGGER grants_only_revoked BEFORE UPDATE ON grants
WHEN OLD.revoked_at IS NOT NULL OR NEW.id IS NOT OLD.id OR NEW.subject IS NOT OLD.subject
  OR NEW.role IS NOT OLD.role OR NEW.effect IS NOT OLD.effect OR NEW.rooms IS NOT OLD.rooms
  OR NEW.channels IS NOT OLD.channels OR NEW.expires_at IS NOT OLD.expires_at
  OR NEW.granted_by IS NOT OLD.granted_by OR NEW.granted_at IS NOT OLD.granted_at
  OR NEW.granted_in IS NOT OLD.granted_in OR NEW.reason IS NOT OLD.reason
BEGIN
    SELECT RAISE(ABORT, 'a grant can only be revoked, once');
END;
CREATE TRIGGER authorised_channels_never_deleted BEFORE DELETE ON authorised_channels BEGIN
    SELECT RAISE(ABORT, 'authorised channels are removed by closing them, never deleted');
END;
CREATE TRIGGER authorised_channels_only_removed BEFORE UPDATE ON authorised_channels
WHEN OLD.removed_at IS NOT NULL OR NEW.id IS NOT OLD.id OR NEW.channel IS NOT OLD.channel
  OR NEW.rooms IS NOT OLD.rooms OR NEW.allowed_by IS NOT OLD.allowed_by
  OR NEW.allowed_at IS NOT OLD.allowed_at OR NEW.allowed_in IS NOT OLD.allowed_in
  OR NEW.reason IS NOT OLD.reason
BEGIN
    SELECT RAISE(ABORT, 'an authorised channel can only be removed, once');
END;
-- `INSERT OR REPLACE` deletes without firing the delete triggers while `recursive_triggers` is off, as it
-- is in other tools.
CREATE TRIGGER grants_never_replaced BEFORE INSERT ON grants
WHEN EXISTS (SELECT 1 FROM grants WHERE id = NEW.id)
BEGIN
    SELECT RAISE(ABORT, 'grants are revoked, never replaced');
END;
CREATE TRIGGER authorised_channels_never_replaced BEFORE INSERT ON authorised_channels
WHEN EXISTS (SELECT 1 FROM authorised_channels WHERE id = NEW.id)
  OR EXISTS (SELECT 1 FROM authorised_channels WHERE channel = NEW.channel AND removed_at IS NULL
             AND NEW.removed_at IS NULL)
BEGIN
    SELECT RAISE(ABORT, 'authorised channels are removed by closing them, never replaced');
END;

-- Operations --------------------------------------------------------------------------------------------

CREATE TABLE operations (
    operation      INTEGER PRIMARY KEY,          -- the number of its first event
    at             INTEGER NOT NULL,
    actor          TEXT,
    actor_name     TEXT,
    channel        TEXT,
    command        TEXT    NOT NULL,
    room           TEXT,
    new_owner      TEXT,
    previous_owner TEXT,
    reason         TEXT,
    decision       TEXT CHECK (decision IN ('permit', 'deny')),
    authority      TEXT,
    outcome        TEXT    NOT NULL CHECK (outcome IN ('succeeded', 'unchanged', 'refused', 'unknown',
                                                       'pending', 'denied', 'declined', 'invalid', 'duplicate')),
    error_code     INTEGER,
    error_info     TEXT,
    request_id     TEXT,
    delivery_id    TEXT,
    duration_ms    INTEGER,
    -- Readings of the log are operations too; listings leave them out unless they are asked for.
    reading        INTEGER NOT NULL CHECK (reading IN (0, 1)),
    -- Whether it has no final outcome yet, and the process that works on it until then.
    instance       TEXT    NOT NULL,
    is_open        INTEGER NOT NULL CHECK (is_open IN (0, 1)),
    -- Set while an open transfer holds its room.
    held_room      TEXT,
    CHECK (held_room IS NULL OR is_open = 1)
) STRICT;
-- One transfer at a time for a room.
CREATE UNIQUE INDEX operations_holding ON operations (held_room) WHERE held_room IS NOT NULL;
CREATE INDEX operations_open ON operations (operation) WHERE is_open = 1;
-- Each index ends in the time and, as every index, in the number: the order in which answers are shown, so
-- that nothing is sorted and a page deep in the past costs what the first one costs. Readings are in none of
-- them but the last.
CREATE INDEX operations_by_time ON operations (at) WHERE reading = 0;
CREATE INDEX operations_by_room ON operations (room, at) WHERE reading = 0 AND room IS NOT NULL;
CREATE INDEX operations_by_actor ON operations (actor, at) WHERE reading = 0;
CREATE INDEX operations_by_channel ON operations (channel, at) WHERE reading = 0 AND channel IS NOT NULL;
CREATE INDEX operations_by_outcome ON operations (outcome, at) WHERE reading = 0;
CREATE INDEX operations_by_request_id ON operations (request_id, at) WHERE request_id IS NOT NULL;
CREATE INDEX operations_readings ON operations (at) WHERE reading = 1;

-- Finds any three characters in a row of what people typed and what went wrong, in any script. It holds no
-- text of its own, only where each trigram is; what it finds is looked at again in the row. It serves the
-- search and is no evidence.
CREATE VIRTUAL TABLE operations_text USING fts5 (
    found, content = '', contentless_delete = 1, detail = none, columnsize = 1, tokenize = 'trigram'
);

CREATE TRIGGER operations_never_deleted BEFORE DELETE ON operations BEGIN
    SELECT RAISE(ABORT, 'operations are never deleted');
END;
CREATE TRIGGER operations_never_replaced BEFORE INSERT ON operations
WHEN EXISTS (SELECT 1 FROM operations WHERE operation = NEW.operation)
  OR EXISTS (SELECT 1 FROM operations WHERE held_room = NEW.held_room)
BEGIN
    SELECT RAISE(ABORT, 'operations are never replaced');
END;

-- What Tencent's callbacks said: each change of an owner, whoever made it.
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
    signed         INTEGER NOT NULL CHECK (signed IN (0, 1)),
    event          INTEGER NOT NULL              -- the number of the event that records it
) STRICT, WITHOUT ROWID;
CREATE INDEX callbacks_by_operation ON callbacks (operation);
CREATE INDEX callbacks_by_room ON callbacks (room, event_at);
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

-- What was asked and decided stays; the outcome is written until it is final. Of one that ended as refused or unknown, a
-- callback that reports its change may show that it succeeded after all.
CREATE TRIGGER operations_only_ended BEFORE UPDATE ON operations
WHEN (OLD.is_open = 0 AND NOT (
        OLD.outcome IN ('refused', 'unknown') AND NEW.outcome = 'succeeded' AND NEW.is_open = 0
        AND EXISTS (SELECT 1 FROM callbacks WHERE operation = OLD.operation AND confirms = 1)))
  OR NEW.operation IS NOT OLD.operation OR NEW.at IS NOT OLD.at
  OR NEW.actor IS NOT OLD.actor OR NEW.actor_name IS NOT OLD.actor_name OR NEW.channel IS NOT OLD.channel
  OR NEW.command IS NOT OLD.command OR NEW.room IS NOT OLD.room OR NEW.new_owner IS NOT OLD.new_owner
  OR NEW.reason IS NOT OLD.reason OR NEW.decision IS NOT OLD.decision
  OR NEW.authority IS NOT OLD.authority OR NEW.delivery_id IS NOT OLD.delivery_id
  OR NEW.reading IS NOT OLD.reading
  OR (NEW.instance IS NOT OLD.instance AND (NEW.is_open = 1 OR NEW.instance <> ''))
  OR (NEW.held_room IS NOT NULL AND NEW.held_room IS NOT OLD.held_room)
BEGIN
    SELECT RAISE(ABORT, 'an operation can only be ended, once');
END;

-- The idempotency keys: a delivery is claimed once, in the transaction that records its first operation. One is let
-- go when the newest is a day younger and ten thousand events follow it: its signature is refused long before.
CREATE TABLE deliveries (
    delivery_id TEXT    PRIMARY KEY,
    operation   INTEGER NOT NULL,
    at          INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX deliveries_by_time ON deliveries (at, operation);
CREATE TRIGGER deliveries_claimed_once BEFORE INSERT ON deliveries
WHEN EXISTS (SELECT 1 FROM deliveries WHERE delivery_id = NEW.delivery_id)
BEGIN
    SELECT RAISE(ABORT, 'a delivery is claimed once');
END;
CREATE TRIGGER deliveries_never_updated BEFORE UPDATE ON deliveries BEGIN
    SELECT RAISE(ABORT, 'a delivery is claimed once');
END;
CREATE TRIGGER deliveries_kept_for_a_day BEFORE DELETE ON deliveries
WHEN OLD.at >= (SELECT max(at) FROM deliveries) - 86400000
BEGIN
    SELECT RAISE(ABORT, 'a delivery is kept for a day');
END;
