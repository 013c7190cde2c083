//! Names that are no settings but look like ones.

use super::table::VARIABLES;

/// A variable that begins so in `.env` is meant for this program.
const OURS: [&str; 9] =
    ["AUDIT_", "BIND_", "COMMAND_", "COMMANDS_", "DISCORD_", "REPLY_", "ROOM_OWNER_", "SLACK_", "TENCENT_"];

/// What others read, and is close to a name of ours.
const OF_OTHERS: [&str; 2] = ["HTTP_PROXY", "FTP_PROXY"];

/// The proxies' names are written in lower case as well.
pub(super) const IN_LOWER_CASE_TOO: [&str; 3] = ["HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"];

/// As many letters as a typing error changes.
const TYPING_ERROR: usize = 2;

/// The variable whose value is in the file that this one names.
pub(super) fn of_file(name: &str) -> String {
    format!("{name}_FILE")
}

fn known() -> impl Iterator<Item = String> {
    let files =
        VARIABLES.iter().filter(|variable| variable.is_secret()).map(|variable| of_file(variable.name));
    VARIABLES.iter().map(|variable| variable.name.to_owned()).chain(files)
}

/// The setting whose name differs by a typing error alone.
fn typing_error(name: &str) -> Option<String> {
    let upper = name.to_ascii_uppercase();
    let near = known().map(|known| (strsim::osa_distance(&known, &upper), known)).min();
    near.filter(|(distance, _)| *distance <= TYPING_ERROR).map(|(_, known)| known)
}

/// What a name is not, and the setting that was probably meant.
fn no_setting(name: &str) -> String {
    let upper = name.to_ascii_uppercase();
    let upper = upper.strip_prefix("ROOM_OWNER_").unwrap_or(&upper);
    let hint = typing_error(upper).or_else(|| most_alike(upper));
    let hint = hint
        .map_or("`room-owner settings` lists them".to_owned(), |known| format!("did you mean `{known}`?"));
    format!("but it is not a setting: {hint}")
}

/// For a name with whole words left out or put in, but not the platform.
fn most_alike(name: &str) -> Option<String> {
    let start = OURS.iter().find(|start| name.starts_with(**start))?;
    let rest = &name[start.len()..];
    let alike = |known: &String| {
        let known = &known[start.len()..];
        let is_in_it = |word: &&str| known.split('_').any(|it| it.starts_with(word));
        rest.split('_').filter(is_in_it).count() as f64 + strsim::jaro(rest, known)
    };
    let is_file = name.contains("FILE");
    let names = known().filter(|known| known.starts_with(start) && known.ends_with("_FILE") == is_file);
    names.max_by(|one, other| alike(one).total_cmp(&alike(other)))
}

fn is_known(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    known().any(|known| known == name)
        || IN_LOWER_CASE_TOO.iter().any(|known| known.eq_ignore_ascii_case(name))
        || OF_OTHERS.contains(&&*upper)
}

fn is_ours(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    OURS.iter().any(|start| upper.starts_with(start))
}

/// What is wrong with a name in `.env`, which is there for this program.
pub(super) fn wrong_in_dot_env(name: &str) -> Option<String> {
    let is_wrong = !is_known(name) && (is_ours(name) || typing_error(name).is_some());
    is_wrong.then(|| format!("`.env` sets it, {}", no_setting(name)))
}

/// What to say of a name in the environment, where other programs have theirs.
pub(super) fn suspicious(name: &str) -> Option<String> {
    let is_suspicious = !is_known(name) && (name.starts_with("ROOM_OWNER_") || typing_error(name).is_some());
    is_suspicious.then(|| format!("`{name}` is set, {}", no_setting(name)))
}
