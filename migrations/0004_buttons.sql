-- What the buttons under replies stand for. It is working state and no evidence: each press is an operation of its own in
-- the log, which names the one whose reply offered the button. A row goes a day after its time is over.
CREATE TABLE buttons (
    nonce      TEXT    NOT NULL UNIQUE,          -- what the platform sends back: random, and no secret
    operation  INTEGER NOT NULL,                 -- the one whose reply offers it
    label      TEXT    NOT NULL,
    asks       TEXT    NOT NULL CHECK (json_valid(asks)),
    for_whom   TEXT,                             -- who alone may press it; null for everybody who may do what it does
    lapses_at  INTEGER NOT NULL,
    pressed_in INTEGER                           -- the operation that used it up
) STRICT;
CREATE INDEX buttons_by_operation ON buttons (operation);
