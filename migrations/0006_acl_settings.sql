-- Which person has which account, and which rooms are marked: a projection of the log.
CREATE TABLE acl_settings (
    id           INTEGER PRIMARY KEY,
    kind         TEXT    NOT NULL CHECK (kind IN ('link', 'mark')),
    key          TEXT    NOT NULL CHECK (key <> ''),     -- the person, or the rooms
    value        TEXT    NOT NULL CHECK (kind <> 'mark' OR value IN ('confirm', 'two-person')),  -- the account, or the mark
    set_by       TEXT    NOT NULL,
    set_at       INTEGER NOT NULL,
    set_in       INTEGER NOT NULL,               -- the operation
    removed_at   INTEGER,
    removed_by   TEXT,
    removed_in   INTEGER,                        -- the operation
    reason       TEXT,
    CHECK ((removed_at IS NULL) = (removed_by IS NULL) AND (removed_at IS NULL) = (removed_in IS NULL))
) STRICT;
-- One live setting for a person or a scope.
CREATE UNIQUE INDEX acl_settings_live ON acl_settings (kind, key) WHERE removed_at IS NULL;
CREATE INDEX acl_settings_by_key ON acl_settings (kind, key);
CREATE INDEX acl_settings_by_value ON acl_settings (kind, value) WHERE removed_at IS NULL;

CREATE TRIGGER acl_settings_count_insert AFTER INSERT ON acl_settings BEGIN
    UPDATE acl_version SET version = version + 1;
END;
CREATE TRIGGER acl_settings_count_update AFTER UPDATE ON acl_settings BEGIN
    UPDATE acl_version SET version = version + 1;
END;
CREATE TRIGGER acl_settings_never_deleted BEFORE DELETE ON acl_settings BEGIN
    SELECT RAISE(ABORT, 'settings of the acl are removed by closing them, never deleted');
END;
CREATE TRIGGER acl_settings_only_removed BEFORE UPDATE ON acl_settings
WHEN OLD.removed_at IS NOT NULL OR NEW.id IS NOT OLD.id OR NEW.kind IS NOT OLD.kind OR NEW.key IS NOT OLD.key
  OR NEW.value IS NOT OLD.value OR NEW.set_by IS NOT OLD.set_by OR NEW.set_at IS NOT OLD.set_at
  OR NEW.set_in IS NOT OLD.set_in OR NEW.reason IS NOT OLD.reason
BEGIN
    SELECT RAISE(ABORT, 'a setting of the acl can only be removed, once');
END;
CREATE TRIGGER acl_settings_never_replaced BEFORE INSERT ON acl_settings
WHEN EXISTS (SELECT 1 FROM acl_settings WHERE id = NEW.id)
  OR EXISTS (SELECT 1 FROM acl_settings WHERE kind = NEW.kind AND key = NEW.key AND removed_at IS NULL
             AND NEW.removed_at IS NULL)
BEGIN
    SELECT RAISE(ABORT, 'settings of the acl are removed by closing them, never replaced');
END;
