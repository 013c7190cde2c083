-- Who asked for what somebody else approved: a projection of the log. The operation is the one of who approved.
CREATE TABLE approvals (
    operation         INTEGER PRIMARY KEY,
    requested_by      TEXT    NOT NULL,
    requested_by_name TEXT
) STRICT;
CREATE TRIGGER approvals_recorded_once BEFORE INSERT ON approvals
WHEN EXISTS (SELECT 1 FROM approvals WHERE operation = NEW.operation)
BEGIN
    SELECT RAISE(ABORT, 'an approval is recorded once');
END;
CREATE TRIGGER approvals_never_updated BEFORE UPDATE ON approvals BEGIN
    SELECT RAISE(ABORT, 'approvals are never changed');
END;
CREATE TRIGGER approvals_never_deleted BEFORE DELETE ON approvals BEGIN
    SELECT RAISE(ABORT, 'approvals are never deleted');
END;

-- Whether the log has ever seen an account.
CREATE INDEX operations_by_new_owner ON operations (new_owner) WHERE new_owner IS NOT NULL;
CREATE INDEX operations_by_previous_owner ON operations (previous_owner) WHERE previous_owner IS NOT NULL;
