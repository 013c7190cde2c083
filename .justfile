# `just check` while you work, `just gate` before a change lands. Both are plain commands: they run without just, too.

# Formatting, lints, the unit tests and the documents: about a minute once everything is compiled.
check:
    cargo fmt --all -- --check
    cargo clippy --locked --all-targets -- -D warnings
    cargo test --locked --quiet --lib
    cargo test --locked --quiet --test documents

# Everything that must hold before a change lands.
gate:
    .ci/run

# Writes the parts of docs/ that are made from the program's own tables. Read the difference.
docs:
    UPDATE_DOCS=1 cargo test --locked --quiet --test documents generated

# Takes new snapshots where tests read other words than before. Read the difference.
snapshots test:
    INSTA_FORCE_PASS=1 INSTA_UPDATE=new cargo test --locked --test {{test}}
    cargo insta accept
