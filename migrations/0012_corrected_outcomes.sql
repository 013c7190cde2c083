-- An operation that is over as refused or unknown succeeded after all: Tencent's callback, which is recorded before,
-- tells of its change. Nothing else of it changes, and no other operation that is over.
DROP TRIGGER operations_only_ended;
CREATE TRIGGER operations_only_ended BEFORE UPDATE ON operations
WHEN (OLD.is_open = 0 AND NOT (
        OLD.outcome IN ('refused', 'unknown') AND NEW.outcome = 'succeeded' AND NEW.is_open = 0
        AND NEW.error_code IS OLD.error_code AND NEW.request_id IS OLD.request_id
        AND NEW.duration_ms IS OLD.duration_ms AND NEW.instance IS OLD.instance
        AND (OLD.previous_owner IS NULL OR NEW.previous_owner IS OLD.previous_owner)
        AND EXISTS (SELECT 1 FROM callbacks WHERE operation = OLD.operation AND confirms = 1)))
  OR NEW.operation IS NOT OLD.operation OR NEW.at IS NOT OLD.at
  OR NEW.actor IS NOT OLD.actor OR NEW.actor_name IS NOT OLD.actor_name OR NEW.channel IS NOT OLD.channel
  OR NEW.command IS NOT OLD.command OR NEW.room IS NOT OLD.room OR NEW.new_owner IS NOT OLD.new_owner
  OR NEW.reason IS NOT OLD.reason OR NEW.decision IS NOT OLD.decision
  OR NEW.authority IS NOT OLD.authority OR NEW.delivery_id IS NOT OLD.delivery_id
  OR NEW.reading IS NOT OLD.reading
  OR (NEW.held_room IS NOT NULL AND NEW.held_room IS NOT OLD.held_room)
BEGIN
    SELECT RAISE(ABORT, 'an operation can only be ended, once');
END;
