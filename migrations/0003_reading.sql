-- What the questions to the log need.

-- Readings of the log are operations too; listings leave them out unless they are asked for.
ALTER TABLE operations ADD COLUMN reading INTEGER NOT NULL DEFAULT 0 CHECK (reading IN (0, 1));

DROP TRIGGER operations_only_ended;
CREATE TRIGGER operations_only_ended BEFORE UPDATE ON operations
WHEN OLD.is_open = 0 OR NEW.operation IS NOT OLD.operation OR NEW.at IS NOT OLD.at
  OR NEW.actor IS NOT OLD.actor OR NEW.actor_name IS NOT OLD.actor_name OR NEW.channel IS NOT OLD.channel
  OR NEW.command IS NOT OLD.command OR NEW.room IS NOT OLD.room OR NEW.new_owner IS NOT OLD.new_owner
  OR NEW.reason IS NOT OLD.reason OR NEW.decision IS NOT OLD.decision
  OR NEW.authority IS NOT OLD.authority OR NEW.delivery_id IS NOT OLD.delivery_id
  OR NEW.reading IS NOT OLD.reading
  OR (NEW.held_room IS NOT NULL AND NEW.held_room IS NOT OLD.held_room)
BEGIN
    SELECT RAISE(ABORT, 'an operation can only be ended, once');
END;

-- Each index ends in the time and, as every index, in the number: the order in which answers are shown, so
-- that nothing is sorted and a page deep in the past costs what the first one costs. Readings are in none of
-- them but the last.
DROP INDEX operations_by_room;
DROP INDEX operations_by_actor;
DROP INDEX operations_by_outcome;
DROP INDEX operations_by_request_id;
DROP INDEX operations_by_time;
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
INSERT INTO operations_text (rowid, found)
SELECT operation, concat_ws(char(10), command, reason, error_info) FROM operations;
