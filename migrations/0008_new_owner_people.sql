-- Who in a chat has the account that a room was to be handed to, of the operations that know it: a projection of the log.
CREATE TABLE new_owner_people (
    operation INTEGER PRIMARY KEY,
    person    TEXT    NOT NULL
) STRICT;

CREATE TRIGGER new_owner_people_never_updated BEFORE UPDATE ON new_owner_people BEGIN
    SELECT RAISE(ABORT, 'the new owner of an operation is recorded once');
END;
CREATE TRIGGER new_owner_people_never_deleted BEFORE DELETE ON new_owner_people BEGIN
    SELECT RAISE(ABORT, 'the new owner of an operation is never deleted');
END;
CREATE TRIGGER new_owner_people_never_replaced BEFORE INSERT ON new_owner_people
WHEN EXISTS (SELECT 1 FROM new_owner_people WHERE operation = NEW.operation)
BEGIN
    SELECT RAISE(ABORT, 'the new owner of an operation is recorded once');
END;
