//! An admin edits the ACL at the machine's own command line.

use insta::assert_snapshot;
use serde_json::Value;

use super::program::{Program, Ran};
use super::slack::{ALICE, MODS, TEAM};

/// The field names of a JSON object in the order in which they are printed.
pub(crate) fn names(object: &str) -> String {
    let value: Value = serde_json::from_str(object).unwrap();
    let mut names: Vec<_> = value.as_object().unwrap().keys().cloned().collect();
    names.sort_by_key(|name| object.find(&format!("\"{name}\":")).unwrap());
    names.join(" ")
}

fn went_well(ran: &Ran) {
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
}

#[tokio::test]
async fn a_grant_is_printed_with_every_field_in_the_order_of_the_interface() {
    let program = Program::new().await;
    let words =
        "acl grant slack:T1:U1 moderator --rooms live-* --in slack:T1:C1 --for 8h --reason night+shift";
    let ran = program.runs(&format!("{words} --format json")).await;
    went_well(&ran);
    let fields = "id subject role effect rooms channels expires_at granted_by granted_at revoked_at reason";
    assert_eq!(names(&ran.out), fields);
    let grant = ran.json();
    assert_eq!((&grant["id"], &grant["effect"]), (&1.into(), &"permit".into()));
    assert_eq!(grant["subject"], "slack:T1:U1");
    assert_eq!(grant["rooms"], "live-*");
    assert_eq!(grant["channels"], serde_json::json!(["slack:T1:C1"]));
    assert_eq!(grant["reason"], "night shift");
    assert_eq!(grant["revoked_at"], Value::Null);
    let time = |name: &str| grant[name].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    let lasts = time("expires_at").duration_since(time("granted_at"));
    // The end is reckoned a moment before the grant is written down.
    assert_eq!(lasts.as_secs_f64().ceil(), 8.0 * 3_600.0);
    assert!(grant["granted_by"].as_str().unwrap().starts_with("cli:"));
    let words: Vec<&str> = ran.err.lines().map(str::trim_start).collect();
    assert!(words[2].starts_with("Grant 1, only in `slack:T1:C1`, until "), "words go to stderr: {words:?}");
    assert_eq!(words.last(), Some(&"op 1"));

    let entry = program.runs("audit show 1 --format json").await.json();
    assert_eq!((&entry["outcome"], &entry["authority"]), (&"succeeded".into(), &"local".into()));
    assert_eq!(entry["reason"], "night shift");
    assert!(entry["command"].as_str().unwrap().starts_with("room-owner acl grant slack:T1:U1"), "{entry}");
}

#[tokio::test]
async fn grants_are_listed_while_they_hold_and_with_all_for_ever() {
    let program = Program::new().await;
    let empty = program.runs("acl channel allow slack:T1:C1").await;
    went_well(&empty);
    let none = program.runs("acl list").await;
    assert_eq!((none.code, none.out.as_str()), (0, ""));
    assert!(none.err.contains("nobody may do anything yet"), "{}", none.err);

    went_well(&program.runs("acl grant slack:T1:U1 moderator").await);
    went_well(&program.runs("acl grant slack:T1:U2 admin --deny").await);
    let revoked = program.runs("acl revoke 1 --reason left+the+team --format json").await;
    went_well(&revoked);
    assert!(revoked.json()["revoked_at"].is_string());
    let twice = program.runs("acl revoke 1").await;
    assert_eq!(twice.code, 1);
    assert!(twice.err.contains("Nothing was changed"), "{}", twice.err);

    let live = program.runs("acl list --format json").await.json();
    assert_eq!(live.as_array().unwrap().len(), 1);
    assert_eq!(live[0]["effect"], "deny");
    let all = program.runs("acl list --all --format jsonl").await;
    assert_eq!(all.out.lines().count(), 2);
    let csv = program.runs("acl list --all --format csv").await;
    assert_eq!(csv.out.lines().next().unwrap().split(',').next(), Some("id"));
    let table = program.runs("acl list").await;
    assert!(
        table.out.contains("denied admin") && table.err.contains("1 ended grant is left out"),
        "{}{}",
        table.out,
        table.err
    );
}

#[tokio::test]
async fn a_grant_ends_at_a_time_and_the_list_is_cut_to_whom_it_names() {
    let program = Program::new().await;
    went_well(&program.runs("acl channel allow slack:T1:C1").await);
    let grant =
        program.runs("acl grant slack:T1:U1 moderator --until 2099-01-01+06:00+UTC --format json").await;
    went_well(&grant);
    assert_eq!(grant.json()["expires_at"], "2099-01-01T06:00:00.000Z");
    for (words, why) in [
        ("acl grant slack:T1:U1 moderator --until 2h", "`2h` is how long, not until when"),
        ("acl grant slack:T1:U1 moderator --until soon", "`soon` is not a time"),
        ("acl grant slack:T1:U1 moderator --until 18:00 --for 2h", "cannot be used with"),
        ("acl grant slack:T1:U1 moderator --until 2020-01-01", "which is over"),
    ] {
        let ran = program.runs(words).await;
        assert!(ran.code != 0 && ran.err.contains(why), "{words}: {}", ran.err);
    }
    went_well(&program.runs("acl grant slack:T1:U2 auditor").await);
    went_well(&program.runs("acl grant slack:T1:U2 moderator").await);
    went_well(&program.runs("acl revoke 2").await);
    let ids = async |words: &str| {
        let listed = program.runs(&format!("acl list --format json{words}")).await;
        let ids =
            listed.json().as_array().unwrap().iter().map(|grant| grant["id"].clone()).collect::<Vec<_>>();
        (ids, listed.err)
    };
    assert_eq!(ids(" slack:T1:U2").await.0, [3]);
    assert!(ids(" slack:T1:U2").await.1.contains("1 ended grant is left out"));
    assert_eq!(ids(" slack:T1:U2 --all").await.0, [2, 3]);
    assert_eq!(ids("").await.0, [1, 3]);
    let nobody = program.runs("acl list slack:T1:U9").await;
    assert_eq!((nobody.code, nobody.out.as_str()), (0, ""));
    assert!(nobody.err.contains("no live grant names slack:T1:U9"), "{}", nobody.err);
}

#[tokio::test]
async fn channels_are_allowed_listed_and_removed() {
    let program = Program::new().await;
    let allowed = program.runs("acl channel allow slack:T1:C1 --rooms live-* --format json").await;
    went_well(&allowed);
    assert_eq!(names(&allowed.out), "channel rooms allowed_by allowed_at removed_at reason");
    let listed = program.runs("acl channel list --format json").await.json();
    assert_eq!((&listed[0]["channel"], &listed[0]["rooms"]), (&"slack:T1:C1".into(), &"live-*".into()));
    went_well(&program.runs("acl channel remove slack:T1:C1 --force").await);
    assert_eq!(program.runs("acl channel list --format json").await.out, "[]\n");
    assert_eq!(program.runs("acl channel list --all --format jsonl").await.out.lines().count(), 1);
    assert_eq!(program.runs("acl channel remove slack:T1:C1 --force").await.code, 1);
}

#[tokio::test]
async fn what_cannot_be_meant_is_wrong_usage() {
    let program = Program::new().await;
    for words in [
        "acl grant alice moderator",
        "acl grant slack:T1:U1 boss",
        "acl grant slack:T1:U1 moderator --rooms a*b",
        "acl grant slack:T1:U1 moderator --for soon",
        "acl channel allow slack:T1:U1:x",
        "acl revoke one",
        "acl",
        "nonsense",
    ] {
        let ran = program.runs(words).await;
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{words}: {}", ran.err);
    }
    let wrong = program.runs("acl grant @alice moderator").await;
    assert_snapshot!(wrong.err, @r"
    error: invalid value '@alice' for '<SUBJECT>': `@alice` is not a subject: write `slack:<team>:<user>`, `slack:<team>:group:<usergroup>`, `discord:<guild>:<user>`, `discord:<guild>:role:<role>` or `cli:<os user>`

    For more information, try '--help'.
    ");
}

#[tokio::test]
async fn an_edit_counts_from_the_next_command_on_while_the_bot_runs() {
    let program = Program::new().await;
    let serving = program.serves().await;
    let says = async |line: &str| program.slack(ALICE).says(line).await;
    let reply = says("/room-owner test user1").await;
    assert!(reply.says("this channel is not authorised"), "{reply}");
    went_well(&program.runs(&format!("acl channel allow slack:{TEAM}:{MODS}")).await);
    let reply = says("/room-owner test user1").await;
    assert!(reply.says("you have no role"), "{reply}");
    went_well(&program.runs(&format!("acl grant {} moderator", ALICE.subject())).await);
    let reply = says("/room-owner test user1").await;
    assert!(reply.says("`test` now belongs to `user1`"), "{reply}");
    let listed = program.runs("acl list").await.out;
    assert!(listed.contains(&format!("alice ({})", ALICE.subject())), "{listed}");
    let exported = program.runs("acl export").await.out;
    let caption = format!("[[grant]]\n# alice\nsubject = \"{}\"\n", ALICE.subject());
    assert!(exported.contains(&caption), "{exported}");
    went_well(&program.runs("acl revoke 1").await);
    let reply = says("/room-owner test user2").await;
    assert!(reply.says("your grant 1 ended"), "{reply}");
    assert_eq!((program.changes(), program.owner().as_str()), (1, "user1"));
    serving.ends_when_asked().await;
}
