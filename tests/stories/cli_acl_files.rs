//! An admin keeps the ACL in a file: export, plan, apply.

use insta::assert_snapshot;
use sqlx::Row as _;

use super::program::{Program, Ran};

fn went_well(ran: &Ran) {
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
}

/// Two admins, a moderator for a while, a deny entry, two channels.
async fn with_an_acl() -> Program {
    let program = Program::new().await;
    for words in [
        "acl channel allow slack:T1:C1 --reason the+moderators",
        "acl channel allow discord:1:9 --rooms live-*",
        "acl grant slack:T1:U1 admin",
        "acl grant slack:T1:U2 moderator --rooms live-* --in slack:T1:C1 --in discord:1:9",
        "acl grant slack:T1:U2 moderator --rooms vip-1 --deny --reason not+the+\"vip\"",
        "acl grant slack:T1:U3 auditor",
        "acl revoke 4",
        "acl grant discord:1:role:3 moderator",
    ] {
        went_well(&program.runs(words).await);
    }
    program
}

fn write(program: &Program, name: &str, text: impl AsRef<[u8]>) {
    std::fs::write(program.path(name), text).unwrap();
}

/// An operation that edited the ACL, or tried to: no reading of it.
#[derive(Debug, PartialEq)]
pub(crate) struct Recorded {
    pub(crate) command: String,
    pub(crate) reason: Option<String>,
    pub(crate) authority: String,
    pub(crate) outcome: String,
    pub(crate) error_info: Option<String>,
}

/// All of them, the newest last.
pub(crate) async fn edits(program: &Program) -> Vec<Recorded> {
    let is = |verb| format!("command GLOB 'room-owner acl {verb} *'");
    let verbs = ["grant", "revoke", "apply", "channel allow", "channel remove"].map(is).join(" OR ");
    let sql = sqlx::AssertSqlSafe(format!("SELECT * FROM operations WHERE {verbs} ORDER BY operation"));
    let mut raw = program.raw().await;
    let rows = sqlx::query(sql).fetch_all(&mut raw).await.unwrap();
    rows.iter()
        .map(|row| Recorded {
            command: row.get("command"),
            reason: row.get("reason"),
            authority: row.get("authority"),
            outcome: row.get("outcome"),
            error_info: row.get("error_info"),
        })
        .collect()
}

/// How many were made.
async fn operations(program: &Program) -> usize {
    edits(program).await.iter().filter(|edit| edit.outcome == "succeeded").count()
}

#[tokio::test]
async fn an_export_is_the_acl_and_always_the_same() {
    let program = with_an_acl().await;
    let exported = program.runs("acl export").await;
    assert_eq!((exported.code, exported.err.as_str()), (0, ""));
    assert_snapshot!(exported.out, @r#"
    # The ACL of room-owner: `room-owner acl plan` shows what an edit of this file would change,
    # `room-owner acl apply` makes it so.
    version = 8

    [[channel]]
    channel = "slack:T1:C1"
    reason = "the moderators"

    [[channel]]
    channel = "discord:1:9"
    rooms = "live-*"

    [[grant]]
    subject = "slack:T1:U1"
    role = "admin"

    [[grant]]
    subject = "slack:T1:U2"
    role = "moderator"
    effect = "deny"
    rooms = "vip-1"
    reason = "not the \"vip\""

    [[grant]]
    subject = "slack:T1:U2"
    role = "moderator"
    rooms = "live-*"
    channels = ["slack:T1:C1", "discord:1:9"]

    [[grant]]
    subject = "discord:1:role:3"
    role = "moderator"
    "#);
    assert_eq!(program.runs("acl export").await.out, exported.out);
    write(&program, "acl.toml", &exported.out);
    let planned = program.runs("acl plan acl.toml").await;
    assert_eq!((planned.code, planned.out.as_str()), (0, ""));
    assert_eq!(planned.err, "nothing to change: the ACL is what the file says\n");
    assert_eq!(program.runs("acl plan acl.toml --check").await.code, 0);
    let before = operations(&program).await;
    let applied = program.runs("acl apply acl.toml").await;
    assert_eq!(
        (applied.code, applied.err.as_str()),
        (0, "nothing to change: the ACL is what the file says\n")
    );
    assert_eq!(operations(&program).await, before + 1, "it is recorded, as everything is");
    assert!(program.runs("acl export").await.out.contains("version = 8"), "and changes nothing");
}

#[tokio::test]
async fn a_plan_says_who_gains_and_who_loses_what_and_is_applied_whole() {
    let program = with_an_acl().await;
    let text = program.runs("acl export").await.out;
    let text = text.replace(
        "\"slack:T1:U2\"\nrole = \"moderator\"\nrooms",
        "\"slack:T1:U4\"\nrole = \"moderator\"\nrooms",
    );
    let text = text.replace("\"discord:1:9\"\nrooms = \"live-*\"", "\"discord:1:9\"")
        + "
[[grant]]
subject = \"slack:T1:group:S1\"
role = \"auditor\"
expires_at = 2199-01-01T00:00:00Z
reason = \"the review\"
";
    write(&program, "new acl.toml", &text);
    let planned = program.runs("acl plan new+acl.toml").await;
    assert_eq!(planned.code, 0);
    assert_snapshot!(planned.out, @r"
       What
    +  `discord:1:9` is authorised for every room (now: `live-*`)
    -  `slack:T1:U2` loses moderator for `live-*`, only in `slack:T1:C1`, `discord:1:9` (grant 2)
    +  `slack:T1:U4` gains moderator for `live-*`, only in `slack:T1:C1`, `discord:1:9`
    +  `slack:T1:group:S1` gains auditor for every room, until 2199-01-01 00:00 UTC
    ");
    assert_snapshot!(planned.err, @"4 changes; to apply exactly that: room-owner acl apply 'new acl.toml' --version 8");
    let checked = program.runs("acl plan new+acl.toml --check").await;
    assert_eq!((checked.code, checked.out, checked.err), (1, planned.out, planned.err), "a difference");
    let json = program.runs("acl plan new+acl.toml --format json").await.json();
    assert_eq!(json[0]["change"], "allow");
    assert_eq!((&json[1]["change"], &json[1]["subject"]), (&"revoke".into(), &"slack:T1:U2".into()));

    let before = operations(&program).await;
    let applied = program.runs("acl apply new+acl.toml --version 8 --reason review").await;
    assert_eq!((applied.code, applied.out.as_str()), (0, ""));
    assert_snapshot!(applied.err, @"
    + `discord:1:9` is authorised for every room (now: `live-*`)
    - `slack:T1:U2` loses moderator for `live-*`, only in `slack:T1:C1`, `discord:1:9` (grant 2)
    + `slack:T1:U4` gains moderator for `live-*`, only in `slack:T1:C1`, `discord:1:9`
    + `slack:T1:group:S1` gains auditor for every room, until 2199-01-01 00:00 UTC
    4 changes made · op 13
    ");
    assert_eq!(operations(&program).await, before + 1, "one operation");
    let last = edits(&program).await.pop().unwrap();
    assert_eq!(last.command, "room-owner acl apply 'new acl.toml' --version 8 --reason review");
    assert_eq!((last.reason.as_deref(), last.authority.as_str()), (Some("review"), "local"));

    let body = |text: &str| text.split_once("\nversion = ").unwrap().1.split_once('\n').unwrap().1.to_owned();
    let now = program.runs("acl export").await.out;
    assert!(body(&now).contains("reason = \"the review\"") && body(&now).contains("slack:T1:U4"), "{now}");
    let again = program.runs("acl plan new+acl.toml").await;
    assert!(again.err.starts_with("nothing to change: the ACL is what the file says\n"), "{}", again.err);
}

#[tokio::test]
async fn a_plan_that_would_lock_everybody_out_says_so() {
    let program = with_an_acl().await;
    write(&program, "empty.toml", "");
    let planned = program.runs("acl plan empty.toml").await;
    assert_eq!(planned.code, 0);
    assert_snapshot!(planned.err, @"6 changes, which `acl apply` refuses without --force: no admin would be left");
    let json = program.runs("acl plan empty.toml --format json").await;
    assert_eq!(json.json().as_array().unwrap().len(), 6);
    let applied = program.runs("acl apply empty.toml --version 8").await;
    assert_eq!(applied.code, 1);
    assert!(applied.err.contains("Nothing was changed: no admin would be left."), "{}", applied.err);
    write(&program, "no channel.toml", "[[grant]]\nsubject = \"slack:T1:U1\"\nrole = \"admin\"\n");
    let planned = program.runs("acl plan no+channel.toml").await;
    assert!(
        planned.err.contains("refuses without --force: no authorised channel would be left"),
        "{}",
        planned.err
    );
    went_well(&program.runs("acl apply empty.toml --version 8 --force").await);
}

#[tokio::test]
async fn a_plan_is_applied_to_the_acl_that_it_was_made_on_or_not_at_all() {
    let program = with_an_acl().await;
    let text = program.runs("acl export").await.out;
    write(&program, "acl.toml", text.replace("\"slack:T1:U2\"", "\"slack:T1:U4\""));
    let planned = program.runs("acl plan acl.toml").await;
    assert!(
        planned.err.ends_with("to apply exactly that: room-owner acl apply acl.toml --version 8\n"),
        "{}",
        planned.err
    );
    went_well(&program.runs("acl grant slack:T1:U5 moderator").await);
    let before = (operations(&program).await, program.runs("acl export").await.out);
    for words in ["acl apply acl.toml --version 8", "acl apply acl.toml"] {
        let late = program.runs(words).await;
        assert_eq!((late.code, late.out.as_str()), (1, ""));
        let said = "nothing was changed: the ACL changed since version 8; see `room-owner acl plan acl.toml` again\n";
        assert_eq!(late.err, said);
    }
    let planned = program.runs("acl plan acl.toml").await;
    assert_snapshot!(planned.err, @r"
    the file is of version 8 and the ACL is at 9: it changed since the file was exported
    5 changes; to apply exactly that: room-owner acl apply acl.toml --version 9
    ");
    assert!(
        planned.out.contains("slack:T1:U5"),
        "what came in between would be lost, and is shown: {}",
        planned.out
    );
    write(&program, "free.toml", text.replace("version = 8\n", ""));
    let free = program.runs("acl apply free.toml").await;
    assert_eq!(free.code, 2);
    assert_snapshot!(free.err, @"error: `free.toml` names no version: look at `room-owner acl plan free.toml` first; it says how to apply exactly that");
    assert_eq!(
        (operations(&program).await, program.runs("acl export").await.out),
        before,
        "nothing was done"
    );
    went_well(&program.runs("acl apply acl.toml --version 9").await);
}

#[tokio::test]
async fn a_file_that_is_not_right_changes_nothing() {
    let program = with_an_acl().await;
    let before = (operations(&program).await, program.runs("acl export").await.out);
    let grant =
        |rest: &str| format!("version = 8\n[[grant]]\nsubject = \"slack:T1:U1\"\nrole = \"admin\"\n{rest}\n");
    let broken = [
        (grant("roms = \"*\""), "line 5, column 1", "unknown field `roms`"),
        (grant("[[grants]]"), "line 5, column 3", "unknown field `grants`"),
        (grant("rooms = \"a*b\""), "line 5, column 9", "`a*b` is not a room scope"),
        (grant("effect = \"maybe\""), "line 5, column 10", "unknown variant `maybe`"),
        (grant("channels = [\"#mods\"]"), "line 5, column 12", "`#mods` is not a channel"),
        (grant("expires_at = \"soon\""), "line 5, column 14", "`soon` is not a time"),
        (grant("role = \"admin\""), "line 5, column 1", "duplicate key"),
        (
            grant("[[grant]]\nsubject = \"bob\"\nrole = \"admin\""),
            "line 6, column 11",
            "`bob` is not a subject",
        ),
        (
            grant("[[grant]]\nsubject = \"slack:T1:U2\"\nrole = \"boss\""),
            "line 7, column 8",
            "`boss` is not a role",
        ),
        (grant("[[grant]]\nrole = \"admin\""), "line 5, column 1", "missing field `subject`"),
        ("version = 8\n[[grant]\n".to_owned(), "line 2, column", "unclosed array table"),
        ("<html>".to_owned(), "line 1, column", "TOML parse error"),
    ];
    for (text, place, what) in &broken {
        write(&program, "acl.toml", text);
        for words in ["acl plan acl.toml", "acl apply acl.toml"] {
            let ran = program.runs(words).await;
            assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{text}: {}", ran.err);
            assert!(ran.err.contains(place) && ran.err.contains(what), "{text}: {}", ran.err);
        }
    }
    write(&program, "acl.toml", &broken[8].0);
    assert_snapshot!(program.runs("acl plan acl.toml").await.err, @r#"
    error: `acl.toml` is not an ACL:
    TOML parse error at line 7, column 8
      |
    7 | role = "boss"
      |        ^^^^^^
    `boss` is not a role: use `moderator`, `auditor` or `admin`
    "#);

    let twice = grant("[[grant]]\nsubject = \"slack:T1:U1\"\nrole = \"admin\"");
    let ended = grant("expires_at = \"2025-01-01T00:00:00Z\"");
    let channels = "version = 8\n[[channel]]\nchannel = \"slack:T1:C1\"\n[[channel]]\nchannel = \"slack:T1:C1\"\nrooms = \"x\"\n";
    for (text, what) in [
        (twice.as_str(), "the grant of admin to `slack:T1:U1` comes twice: keep one entry"),
        (
            &ended,
            "the grant of admin to `slack:T1:U1` ended at 2025-01-01T00:00:00Z: remove it, or give it a later `expires_at`",
        ),
        (channels, "the channel `slack:T1:C1` comes twice: keep one entry"),
    ] {
        write(&program, "acl.toml", text);
        let ran = program.runs("acl apply acl.toml").await;
        assert_eq!((ran.code, ran.err), (2, format!("error: `acl.toml` makes no sense: {what}\n")));
    }
    assert_eq!(
        (operations(&program).await, program.runs("acl export").await.out),
        before,
        "nothing was done"
    );
}

#[tokio::test]
async fn what_is_no_file_of_words_is_refused() {
    let program = with_an_acl().await;
    let before = (operations(&program).await, program.runs("acl export").await.out);
    write(&program, "binary", [0xff, 0xfe, 0x00, 0x01]);
    write(&program, "escape.toml", "version = 8\n\u{1b}[31mgrant\n");
    let huge = std::fs::File::create(program.path("huge")).unwrap();
    huge.set_len(64 * 1_024 * 1_024 + 1).unwrap();
    std::fs::create_dir(program.path("folder")).unwrap();
    for (file, code, what) in [
        ("binary", 2, "`binary` is not UTF-8 text"),
        ("huge", 2, "`huge` is too large for an ACL: more than 64 MB"),
        ("/dev/zero", 2, "`/dev/zero` is too large for an ACL"),
        ("escape.toml", 2, "`escape.toml` is not an ACL:"),
        ("missing", 1, "`missing` cannot be read: No such file"),
        ("folder", 1, "`folder` cannot be read: Is a directory"),
    ] {
        for words in ["plan", "apply"] {
            let ran = program.runs(&format!("acl {words} {file}")).await;
            assert_eq!((ran.code, ran.out.as_str()), (code, ""), "{file}: {}", ran.err);
            assert!(ran.err.contains(what) && !ran.err.contains('\u{1b}'), "{file}: {}", ran.err);
        }
    }
    assert_eq!(
        (operations(&program).await, program.runs("acl export").await.out),
        before,
        "nothing was done"
    );
}

#[tokio::test]
async fn an_empty_file_empties_nothing_by_accident() {
    let program = with_an_acl().await;
    let before = program.runs("acl export").await.out;
    write(&program, "empty", "");
    let planned = program.runs("acl plan empty").await;
    assert_eq!(
        planned.out.lines().filter(|line| line.trim_start().starts_with('-')).count(),
        5,
        "{}",
        planned.out
    );
    assert_eq!(program.runs("acl apply empty").await.code, 2, "it names no version");
    let refused = program.runs("acl apply empty --version 8").await;
    assert_eq!((refused.code, refused.out.as_str()), (1, ""));
    assert_snapshot!(refused.err, @"
    ⛔ Nothing was changed: no admin would be left.
       Make somebody else an admin first. Or use --force.
       op 12
    ");
    assert_eq!(program.runs("acl export").await.out, before);
    let last = edits(&program).await.pop().unwrap();
    assert_eq!(
        (last.outcome.as_str(), last.error_info.as_deref()),
        ("declined", Some("no admin would be left"))
    );

    let forced = program.runs("acl apply empty --version 8 --force").await;
    went_well(&forced);
    assert_eq!(program.runs("acl list --format json").await.out, "[]\n");
    assert_eq!(program.runs("acl channel list --format json").await.out, "[]\n");
}

#[tokio::test]
async fn a_large_file_is_one_operation() {
    let program = with_an_acl().await;
    let mut text = program.runs("acl export").await.out;
    for n in 0..1_000 {
        text.push_str(&format!("\n[[grant]]\nsubject = \"slack:T1:UX{n}\"\nrole = \"moderator\"\n"));
    }
    write(&program, "acl.toml", &text);
    let before = operations(&program).await;
    let applied = program.runs("acl apply acl.toml").await;
    went_well(&applied);
    assert!(applied.err.contains("1000 changes made · op "), "{}", applied.err);
    assert_eq!(operations(&program).await, before + 1);
    assert_eq!(program.runs("acl list --format jsonl").await.out.lines().count(), 1_004);
    // One bad entry at the end keeps all of them out.
    text.push_str("\n[[grant]]\nsubject = \"slack:T1:UY\"\nrole = \"boss\"\n");
    write(&program, "acl.toml", text.replace("UX", "UZ"));
    assert_eq!(program.runs("acl apply acl.toml --version 1008").await.code, 2);
    assert_eq!(program.runs("acl list --format jsonl").await.out.lines().count(), 1_004);
}

#[tokio::test]
async fn links_and_marks_are_made_shown_and_kept_in_a_file() {
    let program = Program::new().await;
    let linked = program.runs("acl link slack:T1:U2 bob --reason hired").await;
    went_well(&linked);
    assert_snapshot!(linked.err, @"
    ✅ `slack:T1:U2` is now linked to the account `bob`.
       Rooms can be handed to them by name.
       Reason given: `hired`
       op 1
    ");
    let again = program.runs("acl link slack:T1:U2 bob").await;
    assert_eq!(again.code, 1);
    assert_snapshot!(again.err, @"
    ⛔ Nothing was changed: `slack:T1:U2` is linked to the account `bob` already.
       See `room-owner acl links`.
       op 2
    ");
    for words in ["acl link discord:1:2 bob", "acl room live-* two-person", "acl room vip confirm"] {
        went_well(&program.runs(words).await);
    }
    let off = program.runs("acl room live-7 off").await;
    assert_eq!(off.code, 1);
    assert!(off.err.contains("no mark is set for `live-7`"), "{}", off.err);
    for (words, why) in [
        ("acl link slack:T1:group:S1 bob", "not a person of a chat"),
        ("acl link cli:ana bob", "not a person of a chat"),
        ("acl link slack:T1:U3 user2.", "an account is made of letters"),
        ("acl link slack:T1:U3 @bob", "chat handle"),
        ("acl room live-* strict", "write `confirm`, `two-person` or `off`"),
    ] {
        let wrong = program.runs(words).await;
        assert_eq!(wrong.code, 2, "{words}: {}", wrong.err);
        assert!(wrong.err.to_lowercase().contains(why), "{words}: {}", wrong.err);
    }
    assert_eq!(program.runs("acl links --format jsonl").await.out.lines().count(), 2);
    let rooms = program.runs("acl rooms --format json").await.json();
    assert_eq!(rooms[0]["setting"]["mark"], serde_json::json!({ "rooms": "live-*", "mark": "two-person" }));
    let exported = program.runs("acl export").await.out;
    assert_snapshot!(exported, @r#"
    # The ACL of room-owner: `room-owner acl plan` shows what an edit of this file would change,
    # `room-owner acl apply` makes it so.
    version = 4

    [[link]]
    person = "discord:1:2"
    account = "bob"

    [[link]]
    person = "slack:T1:U2"
    account = "bob"
    reason = "hired"

    [[room]]
    rooms = "live-*"
    mark = "two-person"

    [[room]]
    rooms = "vip"
    mark = "confirm"
    "#);

    write(
        &program,
        "acl.toml",
        exported
            .replace("\"confirm\"", "\"two-person\"")
            .replace("account = \"bob\"\nreason", "account = \"rob\"\nreason"),
    );
    let plan = program.runs("acl plan acl.toml --check").await;
    assert_eq!(plan.code, 1, "{}", plan.err);
    assert_snapshot!(plan.out, @"
       What
    +  `slack:T1:U2` is linked to the account `rob`
    +  the mark of `vip` is two-person
    ");
    went_well(&program.runs("acl apply acl.toml").await);
    let plan = program.runs("acl plan acl.toml --check").await;
    assert_eq!((plan.code, plan.out.as_str()), (0, ""), "{}", plan.err);
    write(&program, "bad.toml", "[[link]]\nperson = \"slack:T1:U2\"\naccount = \"b b\"\n");
    let plan = program.runs("acl plan bad.toml").await;
    assert_eq!(plan.code, 2);
    assert!(plan.err.contains("the account of `slack:T1:U2` cannot be one"), "{}", plan.err);
    let unlinked = program.runs("acl unlink slack:T1:U2").await;
    assert_snapshot!(unlinked.err, @"
    ✅ `slack:T1:U2` is linked to no account any more.
       op 15
    ");
    // By the whole id of a person, at the command line too.
    let handed = program.runs("transfer test slack:T1:U2").await;
    assert_eq!(handed.code, 2, "{}", handed.err);
    assert_snapshot!(handed.err, @"
    ❌ `slack:T1:U2` is linked to no live account.
       Type: `room-owner transfer test <new_owner>`
       Nothing was done. An admin can link them: `room-owner acl link slack:T1:U2 <account>`
       op 16
    ");
    let handed = program.runs("transfer test discord:1:2").await;
    assert_eq!(handed.code, 0, "{}", handed.err);
    assert!(handed.err.contains("`test` now belongs to `bob`"), "{}", handed.err);
}
