-- The Merkle tree over the audit log (RFC 6962): the leaf of event n is its `body`, byte for byte.
--
-- Who owns the file can change all of this together; what cannot be changed is what was seen outside of it:
-- the checkpoint file, a checkpoint or a short form that somebody kept, the signature.

-- The tree's right edge: what appending needs. One row, written by every commit that appends events.
CREATE TABLE tree_edge (
    one   INTEGER PRIMARY KEY CHECK (one = 1),
    size  INTEGER NOT NULL,                     -- how many events are in the tree
    peaks BLOB    NOT NULL,                     -- the roots of its complete subtrees, largest first
    key   TEXT    NOT NULL                      -- the verifier key of who signed last
) STRICT;

-- One row a commit: the hashes of the leaves that it added, and the signed head after them.
CREATE TABLE tree_heads (
    size       INTEGER PRIMARY KEY,             -- how many events the tree then had
    leaves     BLOB    NOT NULL,                -- 32 bytes an event
    -- A C2SP checkpoint. Null where many events were taken in at once, except for the last of them.
    checkpoint TEXT
) STRICT;

-- The roots of complete subtrees of 2^8, 2^16, .. events, so that a proof need not hash the whole log.
CREATE TABLE tree_nodes (
    level INTEGER NOT NULL,
    n     INTEGER NOT NULL,                     -- from 0, on its level
    hash  BLOB    NOT NULL,
    PRIMARY KEY (level, n)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER tree_edge_only_grows BEFORE UPDATE ON tree_edge WHEN NEW.size <= OLD.size BEGIN
    SELECT RAISE(ABORT, 'the tree only grows');
END;
CREATE TRIGGER tree_edge_never_deleted BEFORE DELETE ON tree_edge BEGIN
    SELECT RAISE(ABORT, 'the tree only grows');
END;
CREATE TRIGGER tree_edge_never_replaced BEFORE INSERT ON tree_edge
WHEN EXISTS (SELECT 1 FROM tree_edge)
BEGIN
    SELECT RAISE(ABORT, 'the tree only grows');
END;
CREATE TRIGGER tree_heads_only_added BEFORE INSERT ON tree_heads
WHEN NEW.size <= (SELECT coalesce(max(size), 0) FROM tree_heads)
BEGIN
    SELECT RAISE(ABORT, 'signed heads are only added');
END;
CREATE TRIGGER tree_heads_never_updated BEFORE UPDATE ON tree_heads BEGIN
    SELECT RAISE(ABORT, 'signed heads are only added');
END;
CREATE TRIGGER tree_heads_never_deleted BEFORE DELETE ON tree_heads BEGIN
    SELECT RAISE(ABORT, 'signed heads are only added');
END;
CREATE TRIGGER tree_nodes_only_added BEFORE INSERT ON tree_nodes
WHEN EXISTS (SELECT 1 FROM tree_nodes WHERE level = NEW.level AND n = NEW.n)
BEGIN
    SELECT RAISE(ABORT, 'nodes of the tree are only added');
END;
CREATE TRIGGER tree_nodes_never_updated BEFORE UPDATE ON tree_nodes BEGIN
    SELECT RAISE(ABORT, 'nodes of the tree are only added');
END;
CREATE TRIGGER tree_nodes_never_deleted BEFORE DELETE ON tree_nodes BEGIN
    SELECT RAISE(ABORT, 'nodes of the tree are only added');
END;
