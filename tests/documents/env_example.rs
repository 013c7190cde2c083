//! `.env.example` is what the configuration reads.

use room_owner::config::{Config, Environment, VARIABLES};

use super::read;

fn as_the_program_reads(text: &str) -> Vec<(String, String)> {
    dotenvy::from_read_iter(text.as_bytes()).map(|line| line.unwrap()).collect()
}

fn config<'a>(settings: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Config, String> {
    Config::from(&Environment::of(settings)).map_err(|error| error.to_string())
}

#[test]
fn a_plain_copy_says_what_has_to_be_filled_in_and_nothing_else() {
    let copy = as_the_program_reads(&read(".env.example"));
    assert!(copy.iter().all(|(_, value)| value.is_empty()), "only what is required is not commented out");
    let error = config(copy.iter().map(|(name, value)| (name.as_str(), value.as_str()))).unwrap_err();
    let wrong: Vec<&str> =
        error.lines().filter(|line| line.contains("is not set")).map(|line| line.trim()).collect();
    assert_eq!(wrong.len(), copy.len(), "{error}");
    for (name, _) in &copy {
        assert!(wrong.iter().any(|line| line.starts_with(&format!("{name}:"))), "{name} in {error}");
    }
}

#[test]
fn filled_in_with_the_examples_it_works() {
    let required: Vec<String> =
        as_the_program_reads(&read(".env.example")).into_iter().map(|(name, _)| name).collect();
    let examples = VARIABLES.iter().map(|variable| (variable.name, variable.example));
    let only_required = config(examples.clone().filter(|(name, _)| required.iter().any(|r| r == name)));
    let host = only_required.unwrap().tencent.base_url;
    assert_eq!(host.scheme(), "https");

    // A region and a base URL are not a contradiction: the base URL counts.
    // The example of the signing key is refused: everybody can read it.
    for key in ["", " ", "\n"] {
        let examples = examples.clone().map(|(name, example)| match name {
            "AUDIT_SIGNING_KEY" => (name, format!("{example}{key}")),
            _ => (name, example.to_owned()),
        });
        let examples: Vec<(&str, String)> = examples.collect();
        let refused = config(examples.iter().map(|(name, example)| (*name, example.as_str())));
        let refused = refused.err().unwrap().to_string();
        assert!(refused.contains("AUDIT_SIGNING_KEY: is the example"), "{refused}");
    }
    let all = config(examples.clone().filter(|(name, _)| *name != "AUDIT_SIGNING_KEY")).unwrap();
    assert_eq!(all.tencent.base_url.port(), Some(9000));
    assert_eq!(all.slack.unwrap().command.0, "/staging-room-owner");
}
