//! A database of an older version, before a start of this one brings it up to date.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use flate2::read::GzDecoder;
use insta::assert_snapshot;

use super::program::Program;

/// The program with the database of the first format, and what belongs beside it.
async fn with_the_first_format() -> Program {
    let program = Program::without_database().await;
    let frozen = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/store/frozen/1");
    let mut database = GzDecoder::new(File::open(frozen.join("room-owner.db.gz")).unwrap());
    std::io::copy(&mut database, &mut File::create(program.path("room-owner.db")).unwrap()).unwrap();
    fs::copy(frozen.join("signing-key.txt"), program.path("room-owner.db.key")).unwrap();
    fs::copy(frozen.join("newest-head.txt"), program.path("room-owner.db.checkpoint")).unwrap();
    for name in ["room-owner.db", "room-owner.db.key", "room-owner.db.checkpoint"] {
        fs::set_permissions(program.path(name), fs::Permissions::from_mode(0o600)).unwrap();
    }
    program
}

#[tokio::test]
async fn whoever_only_reads_it_says_what_brings_it_up_to_date() {
    let program = with_the_first_format().await;
    let checks = program.runs("doctor --format json").await.json();
    let schema = checks.as_array().unwrap().iter().find(|check| check["name"] == "schema").unwrap();
    let text = |field: &str| schema[field].as_str().unwrap().to_owned();
    assert_snapshot!([text("state"), text("detail"), text("remedy")].join("\n"), @"
    warning
    of an older version of room-owner
    back it up with that version, then start `room-owner serve`, which brings it up to date
    ");
    let (verified, copied) = (program.runs("audit verify").await, program.runs("backup copy.db").await);
    assert_eq!((verified.code, copied.code, &copied.err), (1, 1, &verified.err));
    assert_snapshot!(verified.err, @"error: the database is of an older version of room-owner: back it up with that one, then start `room-owner serve`, which brings it up to date; of a copy, `room-owner audit list` does");
    assert!(!program.path("copy.db").exists(), "no copy that nobody has checked");

    let serving = program.serves().await;
    serving.ends_when_asked().await;
    for line in ["audit verify", "backup copy.db"] {
        let ran = program.runs(line).await;
        assert_eq!(ran.code, 0, "{line}: {}{}", ran.out, ran.err);
    }
}
