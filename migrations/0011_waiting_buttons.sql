-- The hand-overs that wait for a confirmation or a second person are found among the buttons that undo others.
CREATE INDEX buttons_waiting ON buttons (lapses_at) WHERE asks ->> '$.line.approval' IS NOT NULL;
