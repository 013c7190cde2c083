-- Whom an answer is owed: what a process that starts after a crash has to know. It holds no text and nothing that
-- a platform gave out for the answer (a `response_url` or the token of an interaction is a secret): the words are
-- made again from the outcome. These tables are for the work and no evidence; how a reply went is in the log, as
-- the event `reply`.

-- What a process has answered: every operation of its own up to this number, but for those in `replies`.
CREATE TABLE answered (
    instance TEXT    PRIMARY KEY,
    upto     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE replies (
    operation    INTEGER PRIMARY KEY,
    -- The process that is to give the answer; another takes it over when that one is gone.
    instance     TEXT    NOT NULL,
    -- The channel or thread that may see it, by the platform's own id; without one the person alone.
    public_in    TEXT,
    -- The outcome that the person knows, if another one is to follow.
    known        TEXT,
    perhaps_said INTEGER NOT NULL CHECK (perhaps_said IN (0, 1)),
    since        INTEGER NOT NULL
) STRICT;
