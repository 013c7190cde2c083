//! The environment and `.env`, as one set of variables, and the files that some of them name.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use secrecy::SecretString;

use super::dot_env::BrokenLine;
use super::problems::Problem;
use super::table::{Kind, VARIABLES};
use super::{dot_env, names, time_zone};
use crate::redact::{Redactor, SHORTEST_SECRET};

/// More than any secret, or any `.env`, has.
const LONGEST_FILE: u64 = 1 << 20;

/// Where settings come from: the process's environment over `.env`.
#[derive(Clone, Default)]
pub struct Environment {
    variables: HashMap<String, String>,
    /// What is wrong already.
    pub(super) problems: Vec<Problem>,
    /// Whether `.env` could not be read: what seems to be missing may be there.
    pub(super) is_partial: bool,
    notes: Vec<String>,
}

impl Environment {
    /// The real environment, and `.env` in the working directory for what it does not set. What is wrong with them is
    /// said by whatever reads a setting.
    pub fn read() -> Self {
        #[expect(clippy::disallowed_methods, reason = "this is the one place")]
        let process = std::env::vars_os();
        match read_file(".env".as_ref()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::from_sources(None, process),
            Ok(file) => Self::from_sources(Some(file), process),
            Err(error) => {
                let mut environment = Self::from_sources(None, process);
                let what = format!("cannot be read: {error}; make it readable for the user that runs this");
                environment.problems.push(Problem::new(".env", what));
                environment.is_partial = true;
                environment
            }
        }
    }

    /// These variables and no others.
    pub fn of<'a>(variables: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        Self::from_sources(None, variables.into_iter().map(|(name, value)| (name.into(), value.into())))
    }

    /// `.env`, and whether everybody can read it; the environment.
    pub(super) fn from_sources(
        dot_env: Option<(Vec<u8>, IsOpen)>,
        process: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Self {
        let mut environment = Self::default();
        if let Some((bytes, is_open)) = dot_env {
            environment.add_dot_env(&bytes, is_open);
        }
        environment.add_process(process);
        environment.read_secret_files();
        environment.notes.extend(time_zone::wrong(environment.variables.get("TZ").map_or("", |zone| zone)));
        environment
    }

    fn add_dot_env(&mut self, bytes: &[u8], is_open: IsOpen) {
        let text = match dot_env::text(bytes) {
            Ok(text) => text,
            Err(what) => {
                self.is_partial = true;
                return self.problems.push(Problem::new(".env", what));
            }
        };
        let (mut variables, broken) = dot_env::lines(&text);
        self.problems.extend(broken.into_iter().map(|line| of_line(line, &variables)));
        if variables.remove("TZ").is_some() {
            self.notes.push("TZ: `.env` cannot set it: set it in the environment".to_owned());
        }
        let mut wrong: Vec<Problem> = variables
            .keys()
            .filter_map(|name| Some(Problem::new(name, names::wrong_in_dot_env(name)?)))
            .collect();
        wrong.sort_by(|one, other| one.of.cmp(&other.of));
        self.problems.extend(wrong);
        self.add(variables);
        if is_open && self.named_secrets().next().is_some() {
            self.notes.push("`.env` holds secrets and every user can read it: `chmod 600 .env`".to_owned());
        }
    }

    fn add_process(&mut self, process: impl IntoIterator<Item = (OsString, OsString)>) {
        let mut variables = HashMap::new();
        for (name, value) in process {
            let Ok(name) = name.into_string() else { continue };
            match value.into_string() {
                Ok(value) => drop(variables.insert(name, value)),
                Err(_) if VARIABLES.iter().any(|known| known.name == name) => {
                    self.problems.push(Problem::new(name, "is not text in UTF-8: set it anew"));
                }
                Err(_) => {}
            }
        }
        let mut notes: Vec<String> = variables.keys().filter_map(|name| names::suspicious(name)).collect();
        notes.sort();
        self.notes.extend(notes);
        self.add(variables);
    }

    /// Over those that are there.
    fn add(&mut self, variables: HashMap<String, String>) {
        self.variables.extend(variables.iter().map(|(name, value)| (name.clone(), value.clone())));
        // As with curl, the name in lower case wins.
        for name in names::IN_LOWER_CASE_TOO {
            if let Some(value) = variables.get(&name.to_ascii_lowercase()) {
                self.variables.insert(name.to_owned(), value.clone());
            }
        }
    }

    /// Takes the secrets that are in files of their own.
    fn read_secret_files(&mut self) {
        for name in VARIABLES.iter().filter(|variable| variable.is_secret()).map(|variable| variable.name) {
            let of_file = names::of_file(name);
            let Some(path) = self.get(&of_file).map(str::to_owned) else { continue };
            if self.get(name).is_some() {
                let what = format!("is set, and so is {of_file}: keep one of them");
                self.problems.push(Problem::new(name, what));
                continue;
            }
            match secret_file(&path) {
                Ok((secret, is_open)) => {
                    self.variables.insert(name.to_owned(), secret);
                    if is_open {
                        let warning = "holds a secret and every user can read it";
                        self.notes.push(format!("{of_file}: `{path}` {warning}: `chmod 600 {path}`"));
                    }
                }
                Err(what) => self.problems.push(Problem::new(of_file, what)),
            }
        }
    }

    /// The same with another value.
    pub fn with(&self, name: &str, value: &str) -> Self {
        let mut with = self.clone();
        with.variables.insert(name.to_owned(), value.to_owned());
        with
    }

    /// The same for who looks at one setting, whatever is wrong with others.
    pub(super) fn without_problems(&self) -> Self {
        Self { problems: Vec::new(), ..self.clone() }
    }

    /// Whether a variable is set.
    pub fn is_set(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// What to say once logging has started: nothing of it keeps the program from working.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// A variable. An empty one counts as not set: that is how `.env` files leave things open. `docker run --env-file`
    /// passes the quotes on that a `.env` has around a value.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(|value| unquoted(value.trim())).filter(|value| !value.is_empty())
    }

    /// Every secret that is set, by the name of its variable.
    pub(super) fn named_secrets(&self) -> impl Iterator<Item = (&'static str, String)> {
        VARIABLES.iter().flat_map(|variable| {
            let text = self.get(variable.name).unwrap_or_default();
            let secrets: Vec<String> = match variable.kind {
                Kind::Open => Vec::new(),
                Kind::Secret => vec![text.to_owned()],
                Kind::Secrets => entries(text).map(str::to_owned).collect(),
                Kind::Proxy => crate::http::Proxy::passwords(text),
            };
            secrets.into_iter().filter(|it| !it.is_empty()).map(|secret| (variable.name, secret))
        })
    }

    /// Redacts every secret that is set.
    pub fn redactor(&self) -> Redactor {
        Redactor::of(&self.secrets())
    }

    /// Every secret that is set.
    pub fn secrets(&self) -> Vec<SecretString> {
        self.named_secrets().map(|(_, secret)| SecretString::from(secret)).collect()
    }

    /// Who called `sudo`, if somebody did: a caption for the record, never used to decide.
    pub fn sudo_user(&self) -> Option<String> {
        self.get("SUDO_USER").map(str::to_owned)
    }
}

/// What is wrong with the setting in a line, if no other line sets it; else with `.env`.
fn of_line(BrokenLine { name, what }: BrokenLine, set: &HashMap<String, String>) -> Problem {
    let is_setting = |name: &String| VARIABLES.iter().any(|known| known.name == name);
    match name.filter(|name| is_setting(name) && !set.contains_key(name)) {
        Some(name) => Problem::new(name, format!("`.env`: {what}")),
        None => Problem::new(".env", what),
    }
}

/// Without one pair of quotes around it.
fn unquoted(value: &str) -> &str {
    let within = |quote: char| value.strip_prefix(quote)?.strip_suffix(quote);
    within('\'').or_else(|| within('"')).map_or(value, str::trim)
}

/// The entries of a list.
pub(super) fn entries(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|entry| !entry.is_empty())
}

/// Whether every user of the machine can read a file.
type IsOpen = bool;

fn read_file(path: &Path) -> io::Result<(Vec<u8>, IsOpen)> {
    let file = File::open(path)?;
    let is_open = file.metadata()?.permissions().mode() & 0o004 != 0;
    let mut bytes = Vec::new();
    file.take(LONGEST_FILE).read_to_end(&mut bytes)?;
    Ok((bytes, is_open))
}

/// The trimmed contents of the file.
fn secret_file(path: &str) -> Result<(String, IsOpen), String> {
    // Somebody may have put the secret here instead of the path.
    let folder = Path::new(path).parent().filter(|folder| !folder.as_os_str().is_empty());
    let is_path =
        path.len() < SHORTEST_SECRET || path.starts_with(['/', '.']) || folder.is_some_and(Path::is_dir);
    let shown = if is_path { format!("`{path}`") } else { "the file that it names".to_owned() };
    let (bytes, is_open) = read_file(path.as_ref())
        .map_err(|error| format!("{shown} cannot be read: {error}; set it to the path of a file"))?;
    let text = dot_env::text(&bytes).map_err(|what| format!("{shown} {what}"))?;
    match text.trim() {
        "" => Err(format!("{shown} is empty: write the secret into it")),
        secret => Ok((secret.to_owned(), is_open)),
    }
}
