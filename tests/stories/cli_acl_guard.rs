//! Nobody is locked out by accident, nobody raises themselves unseen, and of two admins at once none is lost.

use insta::assert_snapshot;

use super::cli_acl_files::edits;
use super::program::{Program, Ran};

fn went_well(ran: &Ran) {
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
}

/// The number of the operation, which a snapshot leaves out.
fn without_number(said: &str) -> String {
    let said = said.lines().filter(|line| !line.trim_start().starts_with("op "));
    said.collect::<Vec<_>>().join("\n")
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
    let mut said = String::new();
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
        said.push_str(&format!("{words}\n{}\n", without_number(&refused.err)));
        let last = edits(&program).await.pop().unwrap();
        assert_eq!((last.outcome.as_str(), last.authority.as_str()), ("declined", "local"));
    }
    assert_snapshot!(said, @"
    acl revoke 1
    ⛔ Nothing was changed: no admin would be left.
       Make somebody else an admin first. Or use --force.
    acl grant slack:T1:U1 admin --deny
    ⛔ Nothing was changed: no admin would be left.
       Make somebody else an admin first. Or use --force.
    acl grant slack:T1:U1 admin --deny --rooms vip-1
    ⛔ Nothing was changed: no admin would be left who could undo it from an authorised channel.
       Give somebody else the role, or another channel all rooms, first. Or use --force.
    acl channel remove slack:T1:C1
    ⛔ Nothing was changed: no authorised channel would be left.
       Authorise another channel first. Or use --force.
    acl channel allow slack:T1:C1 --rooms live-*
    ⛔ Nothing was changed: no admin would be left who could undo it from an authorised channel.
       Give somebody else the role, or another channel all rooms, first. Or use --force.
    ");
    went_well(&program.runs("acl grant cli:ana admin").await);
    assert_eq!(program.runs("acl revoke 1").await.code, 1, "an admin of the command line is none in chat");
    went_well(&program.runs("acl grant slack:T1:U2 admin --rooms live-*").await);
    let some = program.runs("acl revoke 1").await;
    assert!(some.err.contains("no admin for every room would be left"), "{}", some.err);
    went_well(&program.runs("acl revoke 1 --force").await);
    went_well(&program.runs("acl channel allow slack:T1:C1 --rooms live-*").await);
    went_well(&program.runs("acl channel remove slack:T1:C1 --force").await);
}

#[tokio::test]
async fn an_admin_counts_only_where_they_can_be_and_where_commands_are_taken() {
    let mut program = with_one_admin().await;
    went_well(&program.runs("acl channel allow discord:1:2").await);
    std::fs::write(
        program.path("acl.toml"),
        "[[grant]]\nsubject = \"slack:T1:U1\"\nrole = \"admin\"\nrooms = \"*\"\n\n\
         [[channel]]\nchannel = \"discord:1:2\"\nrooms = \"*\"\n",
    )
    .unwrap();
    let version = program.runs("acl export").await.out;
    let version = version.lines().find_map(|line| line.strip_prefix("version = ")).unwrap().to_owned();
    let apply = format!("acl apply acl.toml --version {version}");
    let mut said = String::new();
    for words in [
        "acl channel remove slack:T1:C1",
        "acl channel allow slack:T1:C1 --rooms live-*",
        "acl grant slack:T1:U1 admin --deny --in slack:T1:C1",
        "acl plan acl.toml",
        &apply,
    ] {
        let ran = program.runs(words).await;
        assert_eq!(ran.code, i32::from(words != "acl plan acl.toml"), "{words}: {}", ran.err);
        let shown = words.split(" --version").next().unwrap();
        said.push_str(&format!("{shown}\n{}\n", without_number(&ran.err)));
    }
    // One remains who cannot act: of a workspace that is not served, in a group that nobody has read, with a role
    // of which nobody is known.
    program.set("SLACK_TEAM_IDS", "T1");
    program.set("SLACK_BOT_TOKEN", "xoxb-any-token");
    went_well(&program.runs("acl channel allow slack:T2:C1").await);
    for (n, other) in ["slack:T2:U2", "slack:T1:group:S1", "discord:1:role:3"].iter().enumerate() {
        went_well(&program.runs(&format!("acl grant {other} admin")).await);
        let ran = program.runs("acl revoke 1").await;
        assert_eq!(ran.code, 1, "{other}: {}", ran.err);
        said.push_str(&format!("{other} remains\n{}\n", without_number(&ran.err)));
        went_well(&program.runs(&format!("acl revoke {}", n + 2)).await);
    }
    assert_snapshot!(said, @"
    acl channel remove slack:T1:C1
    ⛔ Nothing was changed: no admin would be left who could undo it from an authorised channel.
       Give somebody else the role, or another channel all rooms, first. Or use --force.
    acl channel allow slack:T1:C1 --rooms live-*
    ⛔ Nothing was changed: no admin would be left who could undo it from an authorised channel.
       Give somebody else the role, or another channel all rooms, first. Or use --force.
    acl grant slack:T1:U1 admin --deny --in slack:T1:C1
    ⛔ Nothing was changed: no admin would be left who could undo it from an authorised channel.
       Give somebody else the role, or another channel all rooms, first. Or use --force.
    acl plan acl.toml
    1 change, which `acl apply` refuses without --force: no admin would be left who could undo it from an authorised channel
    acl apply acl.toml
    ⛔ Nothing was changed: no admin would be left who could undo it from an authorised channel.
       Give somebody else the role, or another channel all rooms, first. Or use --force.
    slack:T2:U2 remains
    ⛔ Nothing was changed: no admin would be left who could undo it from an authorised channel.
       Give somebody else the role, or another channel all rooms, first. Or use --force.
    slack:T1:group:S1 remains
    ⛔ Nothing was changed: no admin would be left who could undo it from an authorised channel.
       Give somebody else the role, or another channel all rooms, first. Or use --force.
    discord:1:role:3 remains
    ⛔ Nothing was changed: no admin would be left who could undo it from an authorised channel.
       Give somebody else the role, or another channel all rooms, first. Or use --force.
    ");
    went_well(&program.runs("acl grant slack:T1:U2 admin").await);
    went_well(&program.runs("acl revoke 1").await);
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
    assert_snapshot!(without_number(&given.err).replace(&me, "cli:me"), @"
    ⚠️ `cli:me` is now admin for every room, but this has no effect.
       The command line needs no grant: whoever is on the bot's machine may do everything.
       Grant 2.
       You gave this to yourself; the audit log marks it.
    ");
    let last = edits(&program).await.pop().unwrap();
    assert_eq!(last.authority, "local, for themselves");
    let other = program.runs("acl grant slack:T1:U2 moderator").await;
    assert!(!other.err.contains("yourself"), "{}", other.err);
    went_well(&program.runs(&format!("acl grant {me} admin --deny")).await);
    assert_eq!(edits(&program).await.pop().unwrap().authority, "local", "nobody gains by being denied");
    let back = program.runs("acl revoke 4").await;
    assert!(back.err.contains("You gave this to yourself"), "{}", back.err);
    assert_eq!(edits(&program).await.pop().unwrap().authority, "local, for themselves");
}

#[tokio::test]
async fn a_grant_that_gives_nothing_says_what_is_in_its_way() {
    let program = with_one_admin().await;
    let mut said = String::new();
    for words in [
        "acl grant slack:T1:U2 admin --deny",
        "acl grant slack:T1:U2 moderator",
        "acl grant slack:T1:U3 moderator --in discord:1:2",
        "acl grant slack:T1:U3 moderator --in slack:T1:C1 --in slack:T1:C9 --in slack:T2:C1",
        "acl grant slack:T1:U3 moderator --in slack:T1:C1",
        "acl grant discord:1:5 moderator",
        "acl grant slack:T1:group:S1 moderator",
        "acl grant slack:T1:U4 moderator --deny --in discord:1:2",
    ] {
        let ran = program.runs(words).await;
        went_well(&ran);
        said.push_str(&format!("{words}\n{}\n", without_number(&ran.err)));
    }
    assert_snapshot!(said, @"
    acl grant slack:T1:U2 admin --deny
    ✅ `slack:T1:U2` is denied admin for every room.
       They can no longer edit the ACL, read the audit log or hand rooms over, whatever a grant says.
       Grant 2.
    acl grant slack:T1:U2 moderator
    ⚠️ `slack:T1:U2` is now moderator for every room, but this has no effect.
       Grant 2 denies them admin for every room, which wins over every grant until it is taken back.
       Grant 3.
    acl grant slack:T1:U3 moderator --in discord:1:2
    ⚠️ `slack:T1:U3` is now moderator for every room, but this has no effect.
       `discord:1:2` is of another workspace or server than `slack:T1:U3`, so this can never count there.
       Grant 4, only in `discord:1:2`.
    acl grant slack:T1:U3 moderator --in slack:T1:C1 --in slack:T1:C9 --in slack:T2:C1
    ✅ `slack:T1:U3` is now moderator for every room.
       They can now hand rooms over and see who owns them.
       `slack:T2:C1` is of another workspace or server than `slack:T1:U3`, so this can never count there.
       `slack:T1:C9` is not authorised, so nobody can use the bot there.
       Grant 5, only in `slack:T1:C1`, `slack:T1:C9`, `slack:T2:C1`.
    acl grant slack:T1:U3 moderator --in slack:T1:C1
    ⚠️ `slack:T1:U3` is now moderator for every room, but this has no effect.
       Grant 5 gives them that already.
       Grant 6, only in `slack:T1:C1`.
    acl grant discord:1:5 moderator
    ⚠️ `discord:1:5` is now moderator for every room, but this has no effect.
       No channel is authorised from which they could use it.
       Grant 7.
    acl grant slack:T1:group:S1 moderator
    ⚠️ `slack:T1:group:S1` is now moderator for every room, but this has no effect.
       SLACK_BOT_TOKEN is not set, so user groups of Slack are not looked up and this grant matches nobody.
       Grant 8.
    acl grant slack:T1:U4 moderator --deny --in discord:1:2
    ⚠️ `slack:T1:U4` is denied moderator for every room, but this has no effect.
       `discord:1:2` is of another workspace or server than `slack:T1:U4`, so this can never count there.
       Grant 9, only in `discord:1:2`.
    ");
}

#[tokio::test]
async fn every_end_has_its_exit_code() {
    let program = with_one_admin().await;
    for (words, code) in [
        ("acl list", 0),
        ("acl why slack:T1:U1 --in slack:T1:C1 --room test", 0),
        ("acl why slack:T1:U9 --in slack:T1:C1 --room test", 3),
        ("acl who-can test", 0),
        ("acl revoke 99", 1),
        ("acl channel remove slack:T1:C9", 1),
        ("acl revoke 1", 1),
        ("acl apply missing.toml", 1),
        ("acl revoke -1", 2),
        ("acl grant slack:T1:U1 owner", 2),
        ("acl grant slack:T1:U1 admin --for -1h", 2),
        ("acl grant slack:T1:U1 admin --to tomorrow", 2),
        ("acl apply", 2),
        ("acl who-can", 2),
    ] {
        let ran = program.runs(words).await;
        assert_eq!(ran.code, code, "{words}: {}", ran.err);
    }
    let long = format!("acl grant slack:T1:U1 admin --reason {}", "x".repeat(301));
    let ran = program.runs(&long).await;
    let said = "error: the reason has 301 characters; 300 is the limit\n";
    assert_eq!((ran.code, ran.err.as_str()), (2, said));
    for words in ["acl grant slack:T1:U1 admin", "acl revoke 1", "acl channel remove slack:T1:C1"] {
        let ran = program.runs(&format!("{words} --reason=")).await;
        let said = "error: nothing follows `--reason`: say why, or leave it out\n";
        assert_eq!((ran.code, ran.err.as_str()), (2, said), "{words}");
    }
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
