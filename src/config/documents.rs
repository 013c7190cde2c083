//! The table of settings as documents.

use std::fmt::Write as _;

use super::names;
use super::table::{VARIABLES, Variable};

/// The widest line of `.env.example`.
const WIDTH: usize = 118;

const HEAD: &str = "\
# The settings, in the file .env in the bot's folder. `room-owner init` fills it in, `room-owner serve` says what is missing.
# A variable of the environment wins. An empty value counts as not set. A value with $, # or a space goes in 'quotes'.
# .env holds secrets: `chmod 600 .env`. What begins with # may stay as it is: take the # away to set it.
";

/// `.env.example`.
pub fn env_example() -> String {
    let secrets = VARIABLES.iter().filter(|variable| variable.is_secret());
    let files: Vec<String> = secrets.map(|variable| names::of_file(variable.name)).collect();
    let files =
        format!("Instead of a secret, the path of a file that holds it can be set: {}.", files.join(", "));
    let mut text = HEAD.to_owned() + &comment(&files);
    let mut section = "";
    for variable in VARIABLES {
        if variable.section != section {
            section = variable.section;
            write!(text, "\n# --- {section} ---\n").unwrap_or_default();
        }
        text.push('\n');
        text.push_str(&one(variable));
    }
    text
}

/// What it means, and a line that sets it. What has to be filled in is left empty, so that no example is taken for a
/// secret.
fn one(variable: &Variable) -> String {
    let Variable { name, example, unset, .. } = variable;
    let meaning = capitalised(variable.meaning);
    if variable.is_required() {
        return format!(
            "{}# For example {name}={example}\n{name}=\n",
            comment(&format!("{meaning} ({unset})."))
        );
    }
    let unset =
        if variable.is_example_default() { "Default:".to_owned() } else { format!("If not set: {unset}.") };
    format!("{}#{name}={example}\n", comment(&format!("{meaning}. {unset}")))
}

fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(|first| first.to_ascii_uppercase());
    // A value that is explained stays as it is typed.
    let is_value = text.split(' ').next().is_some_and(|word| word.ends_with(':'));
    if is_value { text.to_owned() } else { first.into_iter().chain(characters).collect() }
}

/// As lines of a comment.
fn comment(text: &str) -> String {
    let mut lines = vec![String::from("#")];
    for word in text.split_whitespace() {
        if lines.last().is_some_and(|line| line.len() + 1 + word.len() > WIDTH) {
            lines.push(String::from("#"));
        }
        lines.iter_mut().last().into_iter().for_each(|line| {
            line.push(' ');
            line.push_str(word);
        });
    }
    lines.join("\n") + "\n"
}

/// The table of settings in Markdown.
pub fn settings_table() -> String {
    let mut table = String::from("| Variable | Example | Meaning | If not set |\n|---|---|---|---|\n");
    for variable in VARIABLES {
        let Variable { name, example, meaning, unset, .. } = variable;
        let file =
            if variable.is_secret() { format!(", or `{}`", names::of_file(name)) } else { String::new() };
        writeln!(table, "| `{name}`{file} | `{example}` | {meaning} | {unset} |").unwrap_or_default();
    }
    table
}
