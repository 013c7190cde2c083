//! Rust sources, read far enough to tell code, texts and comments apart.

use std::path::Path;

use super::repository;

/// A source file.
pub(crate) struct Source {
    /// From the repository's root: `src/domain/room.rs`.
    pub(crate) path: String,
    pub(crate) lines: usize,
    /// The code, with comments and the insides of string literals left out.
    pub(crate) code: String,
    /// The string literals.
    pub(crate) texts: Vec<String>,
}

impl Source {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        let (code, texts) = split(text);
        Self { path: path.to_owned(), lines: text.lines().count(), code, texts }
    }

    /// The same without what is compiled for tests alone.
    pub(crate) fn without_tests(&self) -> String {
        if self.path.ends_with("/tests.rs") || self.path.contains("/tests/") {
            return String::new();
        }
        let mut code = self.code.clone();
        while let Some(start) = code.find("#[cfg(test)]") {
            let end = code[start..].find(['{', ';']).map_or(code.len(), |at| start + at);
            let end = if code[end..].starts_with('{') { end + block(&code[end..]) } else { end };
            code.replace_range(start..end, "");
        }
        code
    }

    /// The module of the crate that the file belongs to: `domain` of `src/domain/room.rs`.
    pub(crate) fn module(&self) -> &str {
        let inner = self.path.trim_start_matches("src/");
        inner.split('/').next().unwrap_or_default().trim_end_matches(".rs")
    }

    /// How many modules deep the file is: 2 for `src/domain/room.rs`, 1 for `src/domain/mod.rs`.
    fn depth(&self) -> usize {
        let parts = self.path.trim_start_matches("src/").split('/').count();
        if self.path.ends_with("/mod.rs") { parts - 1 } else { parts }
    }

    /// The modules of the crate that the file names, of `modules`.
    pub(crate) fn modules_named<'a>(&self, modules: &[&'a str]) -> Vec<&'a str> {
        let mut named = behind(&self.code, "crate");
        named.extend(behind(&self.code, "room_owner"));
        // As many `super` as the file is deep lead to the crate; a module inside of it has one more.
        for depth in [self.depth(), self.depth() + 1] {
            named.extend(behind(&self.code, &vec!["super"; depth].join("::")));
        }
        let known = modules.iter().copied().filter(|module| named.iter().any(|name| name == module));
        known.filter(|module| *module != self.module()).collect()
    }
}

/// Every source of the crate.
pub(crate) fn sources() -> Vec<Source> {
    let mut found = Vec::new();
    collect(&repository("src"), &mut found);
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn collect(folder: &Path, found: &mut Vec<Source>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(repository("")).unwrap().to_string_lossy().replace('\\', "/");
            found.push(Source::new(&name, &std::fs::read_to_string(&path).unwrap()));
        }
    }
}

/// The names behind `path::`, those of a group (`path::{a, b::c}`) too.
pub(crate) fn behind(code: &str, path: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (at, _) in code.match_indices(&format!("{path}::")) {
        let before = code[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':') {
            continue;
        }
        let rest = &code[at + path.len() + 2..];
        let group = if rest.starts_with('{') { &rest[1..block(rest) - 1] } else { rest };
        let mut depth = 0;
        let mut start = true;
        for (index, c) in group.char_indices() {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 0 => start = true,
                c if start && !c.is_whitespace() => {
                    names.push(word(&group[index..]).to_owned());
                    start = false;
                    if !rest.starts_with('{') {
                        break;
                    }
                }
                _ => {}
            }
        }
    }
    names
}

/// The identifier at the start.
pub(crate) fn word(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    &text[..end]
}

/// Whether `code` holds `name` as a whole word.
pub(crate) fn has_word(code: &str, name: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(name)
        .any(|(at, _)| !code[..at].ends_with(part) && !code[at + name.len()..].starts_with(part))
}

/// The length of the block in braces at the start.
fn block(text: &str) -> usize {
    let mut depth = 0;
    for (index, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return index + 1;
        }
    }
    text.len()
}

/// Code without comments and texts, and the texts.
fn split(text: &str) -> (String, Vec<String>) {
    let (mut code, mut texts) = (String::new(), Vec::new());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let in_word = code.ends_with(|c: char| c.is_alphanumeric() || c == '_');
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            comment(rest)
        } else if let Some((length, text)) = literal(rest).filter(|_| !in_word || c == '"') {
            code.push_str("\"\"");
            texts.push(text);
            length
        } else if let Some(length) = character(rest) {
            code.push_str("' '");
            length
        } else {
            code.push(c);
            c.len_utf8()
        };
        rest = &rest[length..];
    }
    (code, texts)
}

fn comment(text: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < text.len() {
        match &text.as_bytes()[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

/// A string literal at the start: its length and what it says. Escapes are left as they are, except for
/// that of a line's end.
fn literal(text: &str) -> Option<(usize, String)> {
    let body = text.trim_start_matches(['b', 'c']);
    let prefix = text.len() - body.len();
    if prefix > 1 {
        return None;
    }
    if let Some(raw) = body.strip_prefix('r') {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        let inside = raw[hashes..].strip_prefix('"')?;
        let close = format!("\"{}", "#".repeat(hashes));
        let length = inside.find(&close)?;
        return Some((prefix + 1 + hashes + 1 + length + close.len(), inside[..length].to_owned()));
    }
    let inside = body.strip_prefix('"')?;
    let mut escaped = false;
    for (index, c) in inside.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return Some((prefix + 1 + index + 1, inside[..index].to_owned())),
            _ => {}
        }
    }
    None
}

/// A character literal at the start, and not a lifetime.
fn character(text: &str) -> Option<usize> {
    let inside = text.strip_prefix('\'')?;
    if let Some(escape) = inside.strip_prefix('\\') {
        let first = escape.chars().next()?.len_utf8();
        return escape[first..].find('\'').map(|end| 2 + first + end + 1);
    }
    let c = inside.chars().next()?;
    inside[c.len_utf8()..].starts_with('\'').then(|| c.len_utf8() + 2)
}

#[test]
fn code_texts_and_comments_are_told_apart() {
    let source = Source::new(
        "src/a/b.rs",
        "use crate::{x::Y, z}; // crate::comment\n/* crate::other */ let c = '\"'; let s = \"crate::text \\\" {\";\n\
         fn f<'a>() { r#\"raw \"#; super::super::up::f(); b\"bytes\" }\n#[cfg(test)]\nmod tests { fn t() { a.unwrap() } }\nfn g() {}\n",
    );
    assert_eq!(source.texts, ["crate::text \\\" {", "raw ", "bytes"]);
    assert_eq!(behind(&source.code, "crate"), ["x", "z"]);
    assert_eq!(source.modules_named(&["a", "comment", "other", "text", "up", "x", "z"]), ["up", "x", "z"]);
    let code = source.without_tests();
    assert!(!code.contains("unwrap") && code.contains("fn g()"), "{code}");
    assert!(has_word("a async b", "async") && !has_word("async_trait", "async"));
}
