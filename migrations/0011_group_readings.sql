-- What was read of user groups, for the next start and the command line. It is working state and no evidence.

CREATE TABLE group_readings (
    subject TEXT PRIMARY KEY,
    -- Null if it was never read.
    as_of   INTEGER,
    -- Why the last try failed, if it did.
    problem TEXT,
    -- The ids of its members, as a JSON list.
    members TEXT NOT NULL
) STRICT;

-- Deny entries for groups bear on everybody who may be in the group.
CREATE INDEX grants_denied_groups ON grants (subject)
WHERE effect = 'deny' AND subject GLOB 'slack:*:group:*';
