//! `.env` as a file that is written: its lines and comments stay, and only its owner can read it.

use std::collections::HashMap;
use std::fs::{self, Permissions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use tempfile::NamedTempFile;

use super::{dot_env, env_example};

/// It holds secrets.
const MODE: u32 = 0o600;

/// Who can do what with the file; `None` if there is none.
pub fn mode(path: &Path) -> Option<u32> {
    fs::metadata(path).ok().map(|file| file.permissions().mode() & 0o777)
}

/// A file that cannot be used as it is.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct WrongFile(String);

/// A `.env`, to be changed.
#[derive(Debug)]
pub struct EnvFile {
    path: PathBuf,
    text: String,
    values: HashMap<String, String>,
    is_changed: bool,
}

impl EnvFile {
    /// The file; if there is none, one like `.env.example`.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        // A link stays one.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let wrong = |what: String| WrongFile(format!("`{}` {what}", path.display()));
        let (text, is_changed) = match fs::read(&path) {
            Ok(bytes) => (dot_env::text(&bytes).map_err(wrong)?, false),
            Err(error) if error.kind() == ErrorKind::NotFound => (env_example(), true),
            Err(error) => return Err(wrong(format!("cannot be read: {error}")).into()),
        };
        let values = dot_env::variables(text.as_bytes()).map_err(wrong)?;
        Ok(Self { path, text, values, is_changed })
    }

    /// What it sets; an empty value counts as none.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    /// Whether there is something to write.
    pub fn is_changed(&self) -> bool {
        self.is_changed
    }

    /// Sets a value: in the line that sets it, in the one that shows how (`#NAME=`), or at the end.
    ///
    /// # Errors
    /// When the file is such that the line cannot be found.
    pub fn set(&mut self, name: &str, value: &str) -> anyhow::Result<()> {
        if self.get(name) == Some(value) {
            return Ok(());
        }
        let text = with_line(&self.text, name, &format!("{name}={}", quoted(value)));
        let is_so = |values: &HashMap<String, String>| {
            let same = |(other, kept): (&String, &String)| other == name || values.get(other) == Some(kept);
            values.get(name).is_some_and(|set| set == value) && self.values.iter().all(same)
        };
        match dot_env::variables(text.as_bytes()) {
            Ok(values) if is_so(&values) => {
                (self.text, self.values, self.is_changed) = (text, values, true);
                Ok(())
            }
            _ => anyhow::bail!("`{}` cannot be changed by itself: write {name} there", self.path.display()),
        }
    }

    /// Writes what was changed, all of it or nothing, so that only its owner can read it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self) -> anyhow::Result<()> {
        self.replace().with_context(|| format!("`{}` cannot be written", self.path.display()))
    }

    fn replace(&self) -> io::Result<()> {
        if !self.is_changed {
            return fs::set_permissions(&self.path, Permissions::from_mode(MODE));
        }
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        // Made with that mode.
        let mut draft = NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))?;
        draft.write_all(self.text.as_bytes())?;
        draft.as_file().sync_all()?;
        draft.persist(&self.path).map(drop).map_err(|error| error.error)
    }
}

/// The text with this line in the place of the one that is about the variable.
fn with_line(text: &str, name: &str, line: &str) -> String {
    let of = |start: &str, shown: &str| {
        let rest = shown.trim_start().strip_prefix(start).map(str::trim_start);
        rest.and_then(|rest| rest.strip_prefix(name)).is_some_and(|rest| rest.trim_start().starts_with('='))
    };
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let find = |start| lines.iter().position(|shown| of(start, shown));
    // The last one of several would count for others, the first one does for us.
    let at = find("").or_else(|| find("export ")).or_else(|| find("#"));
    let Some(at) = at else {
        let between = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
        return format!("{text}{between}{line}\n");
    };
    let end = &lines[at][lines[at].trim_end_matches(['\r', '\n']).len()..];
    [&lines[..at].concat(), line, end, &lines[at + 1..].concat()].concat()
}

/// A value as it is read again, by a shell too.
pub fn quoted(value: &str) -> String {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"_./:@%+,-".contains(&b);
    if value.bytes().all(is_plain) {
        return value.to_owned();
    }
    if !value.contains(['\'', '\\']) {
        return format!("'{value}'");
    }
    let mut quoted = String::from("\"");
    for c in value.chars() {
        if matches!(c, '"' | '\\' | '$') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted + "\""
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn file(folder: &Path, text: &str) -> EnvFile {
        let path = folder.join(".env");
        fs::write(&path, text).unwrap();
        EnvFile::read(&path).unwrap()
    }

    #[test]
    fn lines_and_comments_stay_and_the_line_that_shows_how_becomes_the_one_that_sets() {
        let folder = tempfile::tempdir().unwrap();
        for (before, after) in [
            ("", "A=new\n"),
            ("# mine\nB=1", "# mine\nB=1\nA=new\n"),
            ("A=old # why\nB='x y'\n", "A=new\nB='x y'\n"),
            ("# A is good\n#A=example\n  B = 2\n", "# A is good\nA=new\n  B = 2\n"),
            ("#A=example\r\nB=1\r\n", "A=new\r\nB=1\r\n"),
            ("export A=old\nAA=1\n", "A=new\nAA=1\n"),
            ("A=\n#A=example\n", "A=new\n#A=example\n"),
        ] {
            let mut file = file(folder.path(), before);
            file.set("A", "new").unwrap();
            assert_eq!(file.text, after, "{before:?}");
            assert_eq!(file.get("A"), Some("new"));
        }
    }

    #[test]
    fn what_is_so_already_is_not_written_again() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = file(folder.path(), "A = 'new'\n");
        file.set("A", "new").unwrap();
        assert!(!file.is_changed());
    }

    #[test]
    fn a_line_inside_of_another_value_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = file(folder.path(), "B='\nA=no\n'\n");
        let error = file.set("A", "new").unwrap_err().to_string();
        assert!(error.ends_with(".env` cannot be changed by itself: write A there"), "{error}");
        assert_eq!(file.text, "B='\nA=no\n'\n");
    }

    #[test]
    fn a_new_one_is_the_example_and_nobody_else_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".env");
        let mut file = EnvFile::read(&path).unwrap();
        file.set("TENCENT_REGION", "singapore").unwrap();
        file.set("BIND_ADDR", "127.0.0.1:1").unwrap();
        file.write().unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains("\nTENCENT_REGION=singapore\n") && text.contains("\nBIND_ADDR=127.0.0.1:1\n"));
        assert_eq!(text.lines().count(), env_example().lines().count());
        for mode in [0o600, 0o644] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            EnvFile::read(&path).unwrap().write().unwrap();
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, MODE);
        }
    }

    proptest! {
        #[test]
        fn every_value_is_read_again_as_it_was_written(value in r#"[ -~äß😀]{1,40}"#) {
            let folder = tempfile::tempdir().unwrap();
            let mut file = file(folder.path(), "");
            // Within double quotes not everything comes back, and then nothing is written.
            if value.contains(['\'', '\\']) && file.set("A", &value).is_err() {
                prop_assert!(!file.is_changed());
            } else {
                file.set("A", &value).unwrap();
                prop_assert_eq!(&dot_env::variables(file.text.as_bytes()).unwrap()["A"], &value);
            }
        }
    }
}
