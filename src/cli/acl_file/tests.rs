//! The file, read and written.

use jiff::Timestamp;
use proptest::prelude::*;

use super::write::quoted;
use super::{read, write};
use crate::domain::access::{
    AclSetting, AclView, AnnouncementChannel, AuthorisedChannel, Effect, Grant, Mark, Role, Setting,
};
use crate::domain::command::clean_reason;
use crate::domain::reply::Names;
use crate::domain::room::Accounts;

#[test]
fn what_is_wrong_is_named_with_line_and_column() {
    let wrong = |text: &str| read(text).unwrap_err();
    insta::assert_snapshot!(wrong("[[grant]]\nsubject = \"slack:T1:U1\"\nrole = \"boss\"\n"), @r#"
    TOML parse error at line 3, column 8
      |
    3 | role = "boss"
      |        ^^^^^^
    `boss` is not a role: use `moderator`, `auditor` or `admin`
    "#);
    insta::assert_snapshot!(wrong("[[grant]]\nsubject = \"bob\"\nrole = \"admin\"\n"), @r#"
    TOML parse error at line 2, column 11
      |
    2 | subject = "bob"
      |           ^^^^^
    `bob` is not a subject: write `slack:<team>:<user>`, `slack:<team>:group:<usergroup>`, `discord:<guild>:<user>`, `discord:<guild>:role:<role>` or `cli:<os user>`
    "#);
    insta::assert_snapshot!(wrong("[[grant]]\nsubject = \"slack:T1:U1\"\nrole = \"admin\"\nroms = \"*\"\n"), @r#"
    TOML parse error at line 4, column 1
      |
    4 | roms = "*"
      | ^^^^
    unknown field `roms`, expected one of `subject`, `role`, `effect`, `rooms`, `channels`, `expires_at`, `reason`
    "#);
    for (text, at) in [
        ("version = ", "line 1, column"),
        ("version = \"1\"", "line 1, column 11"),
        ("[[grant]]\nrole = \"admin\"\n", "missing field `subject`"),
        ("[[grant]]\nsubject = \"slack:T1:U1\"\nrole = \"admin\"\nrooms = \"a*b\"", "line 4, column 9"),
        (
            "[[grant]]\nsubject = \"slack:T1:U1\"\nrole = \"admin\"\nexpires_at = \"soon\"",
            "line 4, column 14",
        ),
        ("[[channel]]\nchannel = \"#mods\"", "line 2, column 11"),
        ("[[grant]]\nsubject = \"slack:T1:S1\"\nrole = \"admin\"", "write `slack:T1:group:S1`"),
        ("[[channel]]\nchannel = \"slack:T1:U1\"", "`U1` is the id of a person"),
        (
            "[[grant]]\nsubject = \"cli:ana\"\nrole = \"admin\"\nchannels = [\"slack:T1:c1\"]",
            "write `slack:T1:C1`",
        ),
        ("[[grants]]\n", "unknown field `grants`"),
        ("[[link]]\nperson = \"slack:T1:U1\"\naccount = \"@bob\"", "line 3, column 11"),
        ("[[link]]\nperson = \"slack:T1:U1\"\n", "missing field `account`"),
        ("[[room]]\nrooms = \"live-*\"\nmark = \"strict\"", "`strict` is not a mark"),
        ("[[room]]\nmark = \"confirm\"", "missing field `rooms`"),
        ("grant = 5", "line 1, column 9"),
    ] {
        assert!(wrong(text).contains(at), "{text}: {}", wrong(text));
    }
}

#[test]
fn a_time_is_read_with_and_without_quotes_in_whole_milliseconds() {
    let end = |time: &str| {
        let grant = format!("[[grant]]\nsubject = \"cli:ana\"\nrole = \"admin\"\nexpires_at = {time}\n");
        read(&grant).map(|file| file.wanted.grants[0].grant.expires_at.unwrap().to_string())
    };
    assert_eq!(end("\"2026-12-01T08:00:00Z\"").unwrap(), "2026-12-01T08:00:00Z");
    assert_eq!(end("2026-12-01T09:00:00+01:00").unwrap(), "2026-12-01T08:00:00Z");
    assert_eq!(end("\"2026-12-01T08:00:00.1239Z\"").unwrap(), "2026-12-01T08:00:00.123Z");
    for wrong in ["5", "2026-12-01", "\"tomorrow\"", "\"\""] {
        let error = end(wrong).unwrap_err();
        assert!(error.contains("line 4, column 14") && error.contains("is not a time: write"), "{error}");
    }
}

#[test]
fn a_reason_is_kept_like_one_that_is_typed() {
    let reason = |text: &str| {
        let channel = format!("[[channel]]\nchannel = \"slack:T1:C1\"\nreason = {text}\n");
        read(&channel).map(|mut file| file.wanted.channels.remove(0).reason)
    };
    assert_eq!(reason("\" the\\n show \"").unwrap().as_deref(), Some("the show"));
    assert_eq!(reason("\"  \"").unwrap(), None);
    let long = reason(&format!("\"{}\"", "x".repeat(301))).unwrap_err();
    assert!(
        long.contains("line 3, column 10")
            && long.contains("the reason has 301 characters; 300 is the limit"),
        "{long}"
    );
}

const SUBJECTS: [&str; 5] =
    ["slack:T1:U1", "slack:T1:group:S1", "discord:1:2", "discord:1:role:3", "cli:a\\b"];
const SCOPES: [&str; 5] = ["*", "live-*", "my \"best\" room", "back\\slash", "#x = [1]*"];

fn an_acl() -> impl Strategy<Value = AclView> {
    let channels = ["slack:T1:C1", "slack:T1:C2", "discord:1:9"];
    // In hours around `NOW`.
    let time = || (-3..4_i64).prop_map(|hours| NOW + jiff::SignedDuration::from_hours(hours));
    let reason = || prop::option::of(any::<String>().prop_map(|text| clean_reason(&text).ok().flatten()));
    let grant = (
        (prop::sample::select(&SUBJECTS), prop::sample::select(Role::ALL), any::<bool>()),
        prop::sample::select(&SCOPES),
        prop::sample::subsequence(channels.to_vec(), 0..=3).prop_shuffle(),
        (prop::option::of(time()), time(), prop::option::of(time())),
        reason(),
    )
        .prop_map(
            |((subject, role, denies), rooms, channels, (expires_at, granted_at, revoked_at), reason)| {
                Grant {
                    id: 0,
                    subject: subject.parse().unwrap(),
                    role,
                    effect: if denies { Effect::Deny } else { Effect::Permit },
                    rooms: rooms.parse().unwrap(),
                    channels: channels.iter().map(|channel| channel.parse().unwrap()).collect(),
                    expires_at,
                    granted_by: "cli:ana".parse().unwrap(),
                    granted_at,
                    revoked_at,
                    reason: reason.flatten(),
                }
            },
        );
    let rooms = prop::sample::select(&SCOPES);
    let entry = (rooms, time(), prop::option::of(time()), reason()).prop_map(
        |(rooms, allowed_at, removed_at, reason)| AuthorisedChannel {
            channel: "slack:T1:C1".parse().unwrap(),
            rooms: rooms.parse().unwrap(),
            allowed_by: "cli:ana".parse().unwrap(),
            allowed_at,
            removed_at,
            reason: reason.flatten(),
        },
    );
    let setting = (any::<bool>(), prop::sample::select(&SCOPES), prop::sample::select(Mark::ALL), reason());
    let settings = prop::collection::vec((setting, time(), prop::option::of(time())), 0..=3);
    (prop::collection::vec(grant, 0..8), prop::collection::vec(entry, 0..=3), settings).prop_map(
        move |(mut grants, mut entries, settings)| {
            grants.iter_mut().zip(1..).for_each(|(grant, id)| grant.id = id);
            // One channel, one entry each.
            for (entry, channel) in entries.iter_mut().zip(channels) {
                entry.channel = channel.parse().unwrap();
            }
            let announced = |(entry, for_admins): (&AuthorisedChannel, bool)| AnnouncementChannel {
                channel: entry.channel.clone(),
                rooms: entry.rooms.clone(),
                for_admins,
                set_by: entry.allowed_by.clone(),
                set_at: entry.allowed_at,
                removed_at: entry.removed_at,
                reason: entry.reason.clone(),
            };
            let announcements = entries.iter().zip([true, false, true]).map(announced).collect();
            let people = ["slack:T1:U1", "discord:1:2", "slack:T2:U1"];
            let mut settings: Vec<AclSetting> = settings
                .into_iter()
                .zip(people)
                .map(|(((is_link, rooms, mark, reason), set_at, removed_at), person)| {
                    let person = person.parse().unwrap();
                    let setting = match is_link {
                        true => Setting::Link { person, account: "al-1_ce".parse().unwrap() },
                        false => Setting::Mark { rooms: rooms.parse().unwrap(), mark },
                    };
                    let (set_by, reason) = ("cli:ana".parse().unwrap(), reason.flatten());
                    AclSetting { setting, set_by, set_at, removed_at, reason }
                })
                .collect();
            // One person or scope, one entry.
            let mut seen = Vec::new();
            settings.retain(|entry| {
                let is_first = !seen.contains(&entry.setting.key());
                seen.push(entry.setting.key());
                is_first
            });
            AclView { version: 7, grants, channels: entries, announcements, settings }
        },
    )
}

const NOW: Timestamp = Timestamp::constant(1_772_366_400, 0);

proptest! {
    #[test]
    fn an_export_is_read_back_as_the_acl_that_it_was_made_of(acl in an_acl(), name in any::<String>()) {
        // A name is somebody's own words.
        let names = Names::from_iter(SUBJECTS.iter().map(|it| (it.parse().unwrap(), name.clone())));
        let text = write(&acl, &names, NOW);
        let file = read(&text).unwrap();
        prop_assert_eq!(file.version, Some(7));
        let steps = crate::domain::access::plan::plan(&acl, &file.wanted, Accounts::Tencent, NOW).unwrap();
        prop_assert!(steps.is_empty(), "{}\n{:?}", text, steps);
    }

    #[test]
    fn an_export_depends_on_the_acl_alone(mut acl in an_acl()) {
        let names = Names::new();
        let text = write(&acl, &names, NOW);
        acl.grants.reverse();
        acl.channels.reverse();
        acl.announcements.reverse();
        acl.settings.reverse();
        prop_assert_eq!(write(&acl, &names, NOW), text);
    }

    #[test]
    fn a_text_reads_back_as_it_was_written(reason in any::<String>()) {
        let read: toml::Table = toml::from_str(&format!("x = {}", quoted(&reason))).unwrap();
        prop_assert_eq!(read["x"].as_str(), Some(reason.as_str()));
    }

    #[test]
    fn no_file_breaks_the_reader(text in "(\\[\\[(grant|channel|announcement|link|room)\\]\\]\n|(subject|role|rooms|version|person|account|mark) = [\"a-z0-9:*]{0,9}\n){0,8}") {
        drop(read(&text));
    }
}
