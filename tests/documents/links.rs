//! What the documents point to is there.

use std::path::Path;

use super::markdown::{anchors, code, documents, links};
use super::{read, repository};

/// What is wrong with a link of the document at `path`, if anything is.
fn broken(path: &str, target: &str) -> Option<String> {
    if target.starts_with("https://") {
        return None;
    }
    let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
    let folder = Path::new(path).parent().unwrap();
    let file = if file.is_empty() { Path::new(path).to_owned() } else { folder.join(file) };
    let file = file.to_str().unwrap();
    if !repository(file).exists() {
        return Some(format!("{path}: `{target}` is not there"));
    }
    let known = anchor.is_empty() || anchors(&read(file)).iter().any(|known| known == anchor);
    (!known).then(|| format!("{path}: `{file}` has no heading `#{anchor}`"))
}

#[test]
fn every_link_leads_somewhere() {
    let mut seen = 0;
    let mut wrong = Vec::new();
    for (path, text) in documents() {
        for target in links(&text) {
            seen += 1;
            wrong.extend(broken(&path, &target));
        }
    }
    assert!(seen > 40, "{seen}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_document_is_reached_from_the_readme() {
    let linked = links(&read("README.md"));
    for (path, _) in documents().iter().filter(|(path, _)| path != "README.md") {
        assert!(linked.iter().any(|target| target.split('#').next() == Some(path)), "README.md: link {path}");
    }
}

#[test]
fn every_path_of_the_repository_that_is_named_is_there() {
    let mut seen = 0;
    for (path, text) in documents() {
        for name in code(&text) {
            let first = name.split('/').next().unwrap_or_default();
            if ["src", "tests", "migrations", "docs", "deploy", ".ci"].contains(&first) && name.contains('/')
                || [".env.example", "Cargo.toml", ".justfile"].contains(&&*name)
            {
                // `src/<platform>` and `tests/*` stand for several.
                assert!(
                    name.contains(['<', '*']) || repository(&name).exists(),
                    "{path}: {name} is named and is not there"
                );
                seen += 1;
            }
        }
    }
    assert!(seen >= 10, "{seen}");
}

#[test]
fn a_link_that_leads_nowhere_is_seen() {
    assert!(broken("docs/set-up.md", "nowhere.md").is_some());
    assert!(broken("docs/set-up.md", "set-up.md#nowhere").is_some());
    assert!(broken("README.md", "docs/set-up.md").is_none());
}
