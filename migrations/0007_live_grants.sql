-- Which grants hold: for lists, and for who can hand a room over.

CREATE INDEX grants_unrevoked ON grants (id, granted_at, expires_at) WHERE revoked_at IS NULL;
CREATE INDEX grants_unrevoked_by_rooms ON grants (rooms) WHERE revoked_at IS NULL;
