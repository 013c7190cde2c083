use proptest::prelude::*;

use super::*;

#[test]
fn a_subject_reads_back_as_it_was_written() {
    for text in ["slack:T1:U2", "slack:T1:group:S3", "discord:1:2", "discord:1:role:3", "cli:www-data"] {
        assert_eq!(text.parse::<Subject>().unwrap().to_string(), text);
    }
}

#[test]
fn the_kind_of_an_id_is_never_taken_from_its_text() {
    for id in ["group:S1", "U1:S1", "", " ", "U1 ", "<@U1>", "group"] {
        assert_eq!(Subject::slack_user("T1", id), None, "{id}");
    }
    for team in ["T1:group", "slack:T1", "T1 ", ""] {
        assert_eq!(Subject::slack_user(team, "S1"), None, "{team}");
        assert_eq!(Subject::slack_group(team, "S1"), None, "{team}");
        assert_eq!(Channel::slack(team, "C1"), None, "{team}");
    }
    for missing in
        ["slack:T1:group", "slack:group:S1", "discord:1:role", "slack:T1:group:", "slack:T1:group:S1:S2"]
    {
        assert!(missing.parse::<Subject>().is_err(), "{missing}");
    }
}

proptest! {
    #[test]
    fn an_id_is_of_its_kind_and_reads_back_or_is_none(team: String, id: String, odd in "[A-Z0-9:group ]{0,8}") {
        for id in [&id, &odd] {
            for team in [team.as_str(), "T1", odd.as_str()] {
                for subject in [Subject::slack_user(team, id), Subject::slack_group(team, id)].into_iter().flatten() {
                    prop_assert_eq!(subject.to_string().parse(), Ok(subject));
                }
                if let Some(channel) = Channel::slack(team, id) {
                    prop_assert_eq!(channel.to_string().parse(), Ok(channel));
                }
            }
            if let Ok(subject) = id.parse::<Subject>() {
                prop_assert_eq!(&subject.to_string(), id);
            }
        }
    }
}

#[test]
fn what_is_written_is_of_the_kind_that_its_id_says() {
    for (written, said) in [
        ("slack:T1:S1", "write `slack:T1:group:S1`"),
        ("slack:T1:group:U1", "write `slack:T1:U1`"),
        ("slack:T1:u1", "write `slack:T1:U1`"),
        ("slack:t1:group:s1", "write `slack:T1:group:S1`"),
        ("slack:t1:s1", "write `slack:T1:group:S1`"),
        ("slack:T1:C1", "`C1` is the id of a channel: give the id of a person or a user group"),
        ("slack:T1:group:G1", "`G1` is the id of a channel"),
        ("slack:T1:T1", "`T1` is the id of a workspace"),
        ("slack:U1:T1", "`U1` is the id of a person: give the id of a workspace"),
        ("slack:T1:bob", "write `slack:<team>:<user>`"),
        ("slack:T1:ursula", "write `slack:<team>:<user>`"),
        ("discord:7:role:7", "`7` is the id of the server itself"),
        ("discord:7:7", "`7` is the id of the server itself"),
    ] {
        let error = Subject::written(written).unwrap_err().to_string();
        assert!(error.contains(said), "{written}: {error}");
    }
    for (written, said) in [
        ("slack:T1:U1", "`U1` is the id of a person: give the id of a channel"),
        ("slack:T1:S1", "`S1` is the id of a user group"),
        ("slack:T1:c1", "write `slack:T1:C1`"),
        ("slack:t1:C1", "write `slack:T1:C1`"),
        ("slack:C1:T1", "`C1` is the id of a channel: give the id of a workspace"),
        ("slack:T1:mods", "write `slack:<team>:<channel>`"),
    ] {
        let error = Channel::written(written).unwrap_err().to_string();
        assert!(error.contains(said), "{written}: {error}");
    }
    for right in ["slack:T1:U1", "slack:E1:W1", "slack:T1:group:S1", "slack:T1:X1", "discord:7:8", "cli:ana"]
    {
        assert_eq!(Subject::written(right), right.parse(), "{right}");
    }
    for right in ["slack:T1:C1", "slack:E1:G1", "slack:T1:D1", "slack:T1:X1", "discord:7:7"] {
        assert_eq!(Channel::written(right), right.parse(), "{right}");
    }
}

#[test]
fn what_is_not_a_subject_is_refused_with_the_forms() {
    for text in
        ["", "alice", "slack:T1", "slack:T1:", "slack:T1:U 2", "discord:1:bob", "cli:", "cli:a b", "web:x"]
    {
        let error = text.parse::<Subject>().unwrap_err().to_string();
        assert!(error.contains("slack:<team>:<user>"), "{error}");
    }
}
