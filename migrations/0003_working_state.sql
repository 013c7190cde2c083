-- What the work needs and no event repeats. It is no evidence.

-- What `/readyz` writes, to see whether a command's record would find room on the disk.
CREATE TABLE write_probe (
    one    INTEGER PRIMARY KEY CHECK (one = 1),
    filler BLOB NOT NULL
) STRICT;
INSERT INTO write_probe (one, filler) VALUES (1, zeroblob(32768));

-- When each grant was last used. To the hour: enough to find grants that nobody needs any more, and one write in
-- thousands of commands.
CREATE TABLE grant_uses (
    grant_id INTEGER PRIMARY KEY,
    at       INTEGER NOT NULL
) STRICT;

-- What was read of user groups, for the next start and the command line.
CREATE TABLE group_readings (
    subject TEXT PRIMARY KEY,
    -- Null if it was never read.
    as_of   INTEGER,
    -- Why the last try failed, if it did.
    problem TEXT,
    -- The ids of its members, as a JSON list.
    members TEXT NOT NULL
) STRICT;

-- The answers that are pending, for a process that starts after a crash. A row holds no text and nothing that a platform
-- gave out for the answer (a `response_url` or the token of an interaction is a secret): the words are made again from
-- the outcome. It is written with the attempt, and deleted some time after the answer was delivered.

CREATE TABLE replies (
    operation    INTEGER PRIMARY KEY,
    -- The process that is to answer; another takes it over when that one is gone.
    instance     TEXT    NOT NULL,
    -- The channel or thread that may see it, by the platform's own id; without one the person alone.
    public_in    TEXT,
    -- The outcome that the person knows, if another one is to follow.
    known        TEXT,
    perhaps_said INTEGER NOT NULL CHECK (perhaps_said IN (0, 1)),
    since        INTEGER NOT NULL
) STRICT;
CREATE INDEX replies_by_instance ON replies (instance);

-- Which file the database was when it was last opened, by its number and when it was made. A copy that
-- `room-owner backup` makes has no row.
CREATE TABLE home (
    one  INTEGER PRIMARY KEY CHECK (one = 1),
    file TEXT    NOT NULL
) STRICT;
