-- Announcement channels and announcements.

-- Projections -------------------------------------------------------------------------------------------

-- The channels to which what happens to rooms is posted.
CREATE TABLE announcement_channels (
    id           INTEGER PRIMARY KEY,
    channel      TEXT    NOT NULL,
    rooms        TEXT    NOT NULL CHECK (rooms <> ''),
    for_admins   INTEGER NOT NULL CHECK (for_admins IN (0, 1)),
    set_by       TEXT    NOT NULL,
    set_at       INTEGER NOT NULL,
    set_in       INTEGER NOT NULL,               -- the operation
    removed_at   INTEGER,
    removed_by   TEXT,
    removed_in   INTEGER,                        -- the operation
    reason       TEXT,
    CHECK ((removed_at IS NULL) = (removed_by IS NULL) AND (removed_at IS NULL) = (removed_in IS NULL))
) STRICT;
-- One live entry for a channel.
CREATE UNIQUE INDEX announcement_channels_live ON announcement_channels (channel) WHERE removed_at IS NULL;

CREATE TRIGGER announcement_channels_count_insert AFTER INSERT ON announcement_channels BEGIN
    UPDATE acl_version SET version = version + 1;
END;
CREATE TRIGGER announcement_channels_count_update AFTER UPDATE ON announcement_channels BEGIN
    UPDATE acl_version SET version = version + 1;
END;
CREATE TRIGGER announcement_channels_never_deleted BEFORE DELETE ON announcement_channels BEGIN
    SELECT RAISE(ABORT, 'announcement channels are removed by closing them, never deleted');
END;
CREATE TRIGGER announcement_channels_only_removed BEFORE UPDATE ON announcement_channels
WHEN OLD.removed_at IS NOT NULL OR NEW.id IS NOT OLD.id OR NEW.channel IS NOT OLD.channel
  OR NEW.rooms IS NOT OLD.rooms OR NEW.for_admins IS NOT OLD.for_admins OR NEW.set_by IS NOT OLD.set_by
  OR NEW.set_at IS NOT OLD.set_at OR NEW.set_in IS NOT OLD.set_in OR NEW.reason IS NOT OLD.reason
BEGIN
    SELECT RAISE(ABORT, 'an announcement channel can only be removed, once');
END;
CREATE TRIGGER announcement_channels_never_replaced BEFORE INSERT ON announcement_channels
WHEN EXISTS (SELECT 1 FROM announcement_channels WHERE id = NEW.id)
  OR EXISTS (SELECT 1 FROM announcement_channels WHERE channel = NEW.channel AND removed_at IS NULL
             AND NEW.removed_at IS NULL)
BEGIN
    SELECT RAISE(ABORT, 'announcement channels are removed by closing them, never replaced');
END;

-- Where operations were announced.
CREATE TABLE announcements (
    event     INTEGER NOT NULL,                  -- the number of the event that records it
    operation INTEGER NOT NULL,
    channel   TEXT    NOT NULL,
    announced INTEGER NOT NULL,                  -- the number of the event that was announced
    message   TEXT,                              -- the platform's id of the message
    problem   TEXT,                              -- why it was given up
    PRIMARY KEY (operation, event)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER announcements_recorded_once BEFORE INSERT ON announcements
WHEN EXISTS (SELECT 1 FROM announcements WHERE operation = NEW.operation AND event = NEW.event)
BEGIN
    SELECT RAISE(ABORT, 'an announcement is recorded once');
END;
CREATE TRIGGER announcements_never_updated BEFORE UPDATE ON announcements BEGIN
    SELECT RAISE(ABORT, 'announcements are never changed');
END;
CREATE TRIGGER announcements_never_deleted BEFORE DELETE ON announcements BEGIN
    SELECT RAISE(ABORT, 'announcements are never deleted');
END;

-- Working state -----------------------------------------------------------------------------------------

-- The announcements that are to be posted. A row is written with what it announces, and holds no text: the words are
-- made when it is posted.
CREATE TABLE announcements_due (
    id           INTEGER PRIMARY KEY,
    channel      TEXT    NOT NULL,
    -- What it is about: an operation and its newest event to be announced, or a grant that lapses.
    operation    INTEGER,
    event        INTEGER,
    grant_id     INTEGER,
    since        INTEGER NOT NULL,
    -- The process that posts it, empty for none; another takes it over when that one is gone.
    instance     TEXT    NOT NULL DEFAULT '',
    perhaps_sent INTEGER NOT NULL DEFAULT 0 CHECK (perhaps_sent IN (0, 1)),
    tries        INTEGER NOT NULL DEFAULT 0,
    -- When the last try failed, and when the next one may be made.
    failed_at    INTEGER NOT NULL DEFAULT 0,
    not_before   INTEGER NOT NULL DEFAULT 0,
    CHECK ((operation IS NULL) = (event IS NULL) AND (operation IS NULL) <> (grant_id IS NULL))
) STRICT;
CREATE UNIQUE INDEX announcements_due_of_operations ON announcements_due (operation, channel)
WHERE operation IS NOT NULL;

-- The grants whose end was announced, and where: each once.
CREATE TABLE lapses_announced (
    grant_id INTEGER NOT NULL,
    channel  TEXT    NOT NULL,
    PRIMARY KEY (grant_id, channel)
) STRICT, WITHOUT ROWID;
