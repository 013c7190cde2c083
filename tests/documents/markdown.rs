//! What a document is made of: its fences, tables, headings and links.

use super::read;

/// Every document for people, by its path in the repository.
pub(crate) fn documents() -> Vec<(String, String)> {
    let mut paths = Vec::new();
    for folder in ["docs", "deploy"] {
        let entries = std::fs::read_dir(super::repository(folder)).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        paths.extend(names.filter(|name| name.ends_with(".md")).map(|name| format!("{folder}/{name}")));
    }
    paths.extend(["README.md", "CONTRIBUTING.md"].map(str::to_owned));
    paths.sort_unstable();
    paths.into_iter().map(|path| (path.clone(), read(&path))).collect()
}

/// The text of all of them.
pub(crate) fn all_text() -> String {
    documents().into_iter().map(|(_, text)| text + "\n").collect()
}

/// The blocks in fences of the kind `kind`, indented ones too, without their indentation.
pub(crate) fn blocks(text: &str, kind: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut block: Option<(bool, String)> = None;
    for line in text.lines() {
        let line = if is_fence(line) { line.trim_start() } else { line };
        match (&mut block, line.strip_prefix("```")) {
            (None, Some(fence)) => block = Some((fence == kind, String::new())),
            (Some((wanted, body)), Some("")) => {
                if *wanted {
                    found.push(without_indentation(body));
                }
                block = None;
            }
            (Some((_, body)), _) => {
                body.push_str(line);
                body.push('\n');
            }
            (None, None) => {}
        }
    }
    assert!(block.is_none(), "a fence is not closed");
    found
}

fn is_fence(line: &str) -> bool {
    line.trim_start().starts_with("```")
}

/// What all lines of a block have in front goes with the list that the block stands in.
fn without_indentation(block: &str) -> String {
    let depth = |line: &str| line.len() - line.trim_start().len();
    let least = block.lines().filter(|line| !line.trim().is_empty()).map(depth).min().unwrap_or(0);
    block.lines().map(|line| format!("{}\n", line.get(least..).unwrap_or_default())).collect()
}

/// The text outside of fences.
fn prose(text: &str) -> String {
    let mut inside = false;
    let outside = text.lines().filter(|line| {
        let fence = is_fence(line);
        inside ^= fence;
        !inside && !fence
    });
    outside.map(|line| format!("{line}\n")).collect()
}

/// The rows of the table whose first heading is `heading`, cell by cell, without backticks.
pub(crate) fn table(text: &str, heading: &str) -> Vec<Vec<String>> {
    let rows = text.lines().skip_while(|line| !line.starts_with(&format!("| {heading} |"))).skip(2);
    rows.take_while(|line| line.starts_with('|'))
        .map(|line| {
            let cells = line.trim_matches('|').split('|');
            cells.map(|cell| cell.trim().trim_matches('`').to_owned()).collect()
        })
        .collect()
}

/// The first column of such a table.
pub(crate) fn first_column(text: &str, heading: &str) -> Vec<String> {
    table(text, heading).into_iter().map(|mut row| row.remove(0)).collect()
}

/// The anchors of the headings, as GitHub makes them.
pub(crate) fn anchors(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for line in prose(text).lines().filter(|line| line.starts_with('#')) {
        let title = line.trim_start_matches('#').trim().to_lowercase();
        let kept = title.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        let anchor: String = kept.map(|c| if c == ' ' { '-' } else { c }).collect();
        let before = found.iter().filter(|known| **known == anchor).count();
        found.push(if before == 0 { anchor } else { format!("{anchor}-{before}") });
    }
    found
}

/// Where the links and pictures of a document lead.
pub(crate) fn links(text: &str) -> Vec<String> {
    let prose = prose(text);
    // Code is no link: `[a](b)`.
    let outside: String = prose.split('`').step_by(2).collect::<Vec<_>>().join("`");
    let targets = outside.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
    targets.map(|(target, _)| target.to_owned()).collect()
}

/// The text that is written by hand, without what is made from the program's tables.
pub(crate) fn by_hand(text: &str) -> String {
    let mut generated = false;
    let kept = text.lines().filter(|line| {
        let ends = line.starts_with("<!-- end of ");
        generated = (generated || line.contains(": made by `")) && !ends;
        !generated && !ends
    });
    kept.map(|line| format!("{line}\n")).collect()
}

/// What stands in backticks outside of fences.
pub(crate) fn code(text: &str) -> Vec<String> {
    prose(text).lines().flat_map(|line| line.split('`').skip(1).step_by(2)).map(str::to_owned).collect()
}

#[test]
fn the_parts_of_a_document_are_found() {
    assert_eq!(table("| A | B |\n|---|---|\n| `x` | y |\n\nz", "A"), [["x", "y"]]);
    assert_eq!(blocks("  ```sh\n  a\n    b\n  ```\n```text\nb\n```\n", "sh"), ["a\n  b\n"]);
    assert_eq!(anchors("# A, `b` & c_d\n## A\n```sh\n# no\n```\n## A\n"), ["a-b--c_d", "a", "a-1"]);
    assert_eq!(links("[a](b.md#c) `[d](e)` ![f](g.png)\n```\n[h](i)\n```\n"), ["b.md#c", "g.png"]);
    assert_eq!(by_hand("a\n<!-- b: made by `c` -->\nd\n<!-- end of b -->\ne\n"), "a\ne\n");
    assert_eq!(code("a `b` c `d`\n```\n`e`\n```\n"), ["b", "d"]);
}
