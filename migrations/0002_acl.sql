-- Questions to the ACL, and when each grant was last used.

-- An admin's own list, and whom to ask for help.
CREATE INDEX grants_of_admins ON grants (id) WHERE role = 'admin' AND revoked_at IS NULL;
-- The past of a channel.
CREATE INDEX authorised_channels_by_channel ON authorised_channels (channel);

-- To the hour: enough to find grants that nobody needs any more, and one write in thousands of commands.
CREATE TABLE grant_uses (
    grant_id INTEGER PRIMARY KEY,
    at       INTEGER NOT NULL
) STRICT;
INSERT INTO grant_uses (grant_id, at)
SELECT CAST(substr(authority, 7) AS INTEGER), max(at) FROM operations
WHERE decision = 'permit' AND authority GLOB 'grant [0-9]*' GROUP BY authority;
