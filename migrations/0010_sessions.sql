-- Links with which people sign in to the console, and the sessions that they become. It is working state and no evidence:
-- asking for a link, signing in and ending a session are operations of the log. Of a link and of a session's cookie the
-- SHA-256 alone is kept, so that nobody who reads the database can sign in. A row goes a day after its time is over.
CREATE TABLE sessions (
    operation  INTEGER PRIMARY KEY,              -- the one whose reply has the link
    link       TEXT    NOT NULL UNIQUE CHECK (length(link) = 64),
    subject    TEXT    NOT NULL,
    name       TEXT,
    member_of  TEXT    NOT NULL CHECK (json_valid(member_of)), -- the groups that the platform named then
    channel    TEXT,                             -- where it was asked for; null for the machine itself
    asked_at   INTEGER NOT NULL,
    until      INTEGER NOT NULL,                 -- of the link; once somebody has signed in, of the session
    token      TEXT    UNIQUE CHECK (length(token) = 64), -- what the cookie is; null until somebody has signed in
    since      INTEGER,                          -- when somebody signed in
    ended_at   INTEGER                           -- when the session was ended before its time
) STRICT;
