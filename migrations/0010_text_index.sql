-- How far `operations_text` goes: the words of operations up to this number are in it. What is newer is looked
-- through row by row, so that no command waits for the index.
CREATE TABLE text_index (
    one  INTEGER PRIMARY KEY CHECK (one = 1),
    upto INTEGER NOT NULL
) STRICT;
INSERT INTO text_index (one, upto) SELECT 1, coalesce(max(seq), 0) FROM audit_events;
