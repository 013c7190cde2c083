//! Nobody is locked out by accident, nobody raises themselves unseen, and of two admins at once none is lost.

use insta::assert_snapshot;

use super::cli_acl_files::edits;
use super::program::{Program, Ran};

fn went_well(ran: &Ran) {
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
}

/// The number of the operation, which a snapshot leaves out.
fn without_number(told: &str) -> String {
    told.lines().map(|line| line.split(" · op ").next().unwrap()).collect::<Vec<_>>().join("\n")
}

async fn with_one_admin() -> Program {
    let program = Program::new().await;
    went_well(&program.runs("acl channel allow slack:T1:C1").await);
    went_well(&program.runs("acl grant slack:T1:U1 admin").await);
    program
}

#[tokio::test]
async fn what_locks_everybody_out_needs_force() {
    let program = with_one_admin().await;
    let mut told = String::new();
    let tries = [
        "acl revoke 1",
        "acl grant slack:T1:U1 admin --deny",
        "acl grant slack:T1:U1 admin --deny --rooms vip-1",
        "acl channel remove slack:T1:C1",
        "acl channel allow slack:T1:C1 --rooms live-*",
    ];
    for words in tries {
        let refused = program.runs(words).await;
        assert_eq!((refused.code, refused.out.as_str()), (1, ""), "{words}: {}", refused.err);
        told.push_str(&format!("{words}\n{}\n", without_number(&refused.err)));
        let last = edits(&program).await.pop().unwrap();
        assert_eq!((last.outcome.as_str(), last.authority.as_str()), ("declined", "local"));
    }
    assert_snapshot!(told, @r"
    acl revoke 1
    nothing was changed: no admin would be left who could undo it from chat: make somebody else an admin first, or use --force
    acl grant slack:T1:U1 admin --deny
    nothing was changed: no admin would be left who could undo it from chat: make somebody else an admin first, or use --force
    acl grant slack:T1:U1 admin --deny --rooms vip-1
    nothing was changed: no admin would be left who could undo it from an authorised channel: give somebody else the role, or another channel all rooms, first; or use --force
    acl channel remove slack:T1:C1
    nothing was changed: no authorised channel would be left to undo it from: authorise another channel first, or use --force
    acl channel allow slack:T1:C1 --rooms live-*
    nothing was changed: no admin would be left who could undo it from an authorised channel: give somebody else the role, or another channel all rooms, first; or use --force
    ");
    went_well(&program.runs("acl grant cli:ana admin").await);
    assert_eq!(program.runs("acl revoke 1").await.code, 1, "an admin of the command line is none in chat");
    went_well(&program.runs("acl grant slack:T1:U2 admin --rooms live-*").await);
    let some = program.runs("acl revoke 1").await;
    assert!(
        some.err.starts_with("nothing was changed: no admin for every room would be left who"),
        "{}",
        some.err
    );
    went_well(&program.runs("acl revoke 1 --force").await);
    went_well(&program.runs("acl channel allow slack:T1:C1 --rooms live-*").await);
    went_well(&program.runs("acl channel remove slack:T1:C1 --force").await);
}

#[tokio::test]
async fn where_nobody_is_admin_yet_nothing_is_refused() {
    let program = Program::new().await;
    went_well(&program.runs("acl grant slack:T1:U1 moderator").await);
    went_well(&program.runs("acl revoke 1").await);
    went_well(&program.runs("acl grant slack:T1:U1 admin --deny").await);
}

#[tokio::test]
async fn a_grant_to_oneself_is_seen() {
    let program = with_one_admin().await;
    let me =
        program.runs("acl list --format json").await.json()[0]["granted_by"].as_str().unwrap().to_owned();
    let given = program.runs(&format!("acl grant {me} admin")).await;
    went_well(&given);
    assert_snapshot!(without_number(&given.err).replace(&me, "cli:me"), @r"
    grant 2 given
       `cli:me` is now admin for every room.
       Gains: edit the ACL, read the audit log, and hand rooms over.
    note: the command line needs no grant: whoever is on this machine may do everything
    note: you gave this to yourself; the audit log marks it
    ");
    let last = edits(&program).await.pop().unwrap();
    assert_eq!(last.authority, "local, for themselves");
    let other = program.runs("acl grant slack:T1:U2 moderator").await;
    assert!(!other.err.contains("yourself"), "{}", other.err);
}

#[tokio::test]
async fn every_end_has_its_exit_code() {
    let program = with_one_admin().await;
    for (words, code) in [
        ("acl list", 0),
        ("acl why slack:T1:U9 --in slack:T1:C1 --room test", 0),
        ("acl who-can test", 0),
        ("acl revoke 99", 1),
        ("acl channel remove slack:T1:C9", 1),
        ("acl revoke 1", 1),
        ("acl apply missing.toml", 1),
        ("acl revoke -1", 2),
        ("acl grant slack:T1:U1 owner", 2),
        ("acl grant slack:T1:U1 admin --for -1h", 2),
        ("acl grant slack:T1:U1 admin --until tomorrow", 2),
        ("acl apply", 2),
        ("acl who-can", 2),
    ] {
        let ran = program.runs(words).await;
        assert_eq!(ran.code, code, "{words}: {}", ran.err);
    }
    let long = format!("acl grant slack:T1:U1 admin --reason {}", "x".repeat(301));
    let ran = program.runs(&long).await;
    assert_eq!((ran.code, ran.err.as_str()), (2, "error: the reason is too long: 300 characters are kept\n"));
}

/// Two processes on one database.
#[tokio::test]
async fn two_admins_who_remove_each_other_at_once_do_not_both_succeed() {
    let program = with_one_admin().await;
    for round in 0..4 {
        let left = program.runs("acl list --format json").await.json()[0]["id"].as_i64().unwrap();
        let given = program.runs("acl grant slack:T1:U2 admin --format json").await;
        let right = given.json()["id"].as_i64().unwrap();
        let (one, other) =
            (format!("acl revoke {left} --reason {round}"), format!("acl revoke {right} --reason {round}"));
        let (one, other) = tokio::join!(program.runs(&one), program.runs(&other));
        let mut codes = [one.code, other.code];
        codes.sort_unstable();
        assert_eq!(codes, [0, 1], "{}{}", one.err, other.err);
        let refused = if one.code == 1 { one } else { other };
        assert!(refused.err.contains("no admin would be left"), "{}", refused.err);
        let live = program.runs("acl list --format json").await.json();
        assert_eq!(live.as_array().unwrap().len(), 1, "{live}");
    }
}

#[tokio::test]
async fn of_many_edits_at_once_none_is_lost() {
    let program = with_one_admin().await;
    let line = |n: usize| format!("acl grant slack:T1:UM{n} moderator");
    let lines: Vec<String> = (0..6).map(line).collect();
    let (a, b, c, d, e, f) = tokio::join!(
        program.runs(&lines[0]),
        program.runs(&lines[1]),
        program.runs(&lines[2]),
        program.runs(&lines[3]),
        program.runs(&lines[4]),
        program.runs(&lines[5])
    );
    [a, b, c, d, e, f].iter().for_each(went_well);
    assert_eq!(program.runs("acl list --format jsonl").await.out.lines().count(), 7);
    assert_eq!(edits(&program).await.len(), 8);
}
