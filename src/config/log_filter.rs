//! `RUST_LOG`. Its grammar takes nearly every word as the name of a module, and then logs nothing.

use tracing_subscriber::EnvFilter;

use super::kinds::Read;

const LEVELS: [&str; 6] = ["error", "warn", "info", "debug", "trace", "off"];

/// A filter whose every directive can be fulfilled: a level, or `module=level`.
pub(super) fn log_filter(text: &str) -> Read<String> {
    // What is in brackets is about spans.
    let directives = if text.contains('[') { Vec::new() } else { text.split(',').map(str::trim).collect() };
    for directive in directives.into_iter().filter(|directive| !directive.is_empty()) {
        let (target, level) =
            directive.rsplit_once('=').map_or((None, directive), |(target, level)| (Some(target), level));
        if target.is_none() && is_module(level) {
            continue;
        }
        if !is_level(level) {
            let hint = likely(level).map(|level| format!("; did you mean `{level}`?")).unwrap_or_default();
            return Err(format!(
                "is not a filter: each part of it is a level ({}) or `module=level`{hint}",
                LEVELS.join(", ")
            ));
        }
        if target.is_some_and(|target| target.trim().starts_with("room-owner")) {
            return Err("names no module: write `room_owner`, with `_`".to_owned());
        }
    }
    EnvFilter::try_new(text)
        .map(|_| text.to_owned())
        .map_err(|_| "is not a filter, such as `info` or `warn,room_owner=debug`".to_owned())
}

fn is_level(text: &str) -> bool {
    LEVELS.iter().any(|level| level.eq_ignore_ascii_case(text))
        || matches!(text, "0" | "1" | "2" | "3" | "4" | "5")
}

fn is_module(text: &str) -> bool {
    text == "room_owner" || text.starts_with("room_owner::")
}

/// The level that somebody calls so.
fn likely(text: &str) -> Option<&'static str> {
    let text = text.trim().to_ascii_lowercase();
    let others =
        [("none", "off"), ("quiet", "off"), ("all", "trace"), ("verbose", "debug"), ("fatal", "error")];
    let is_it = |level: &&&str| {
        let shorter = text.len() >= 3 && (text.starts_with(**level) || level.starts_with(&text));
        shorter || strsim::osa_distance(level, &text) <= 2
    };
    others
        .iter()
        .find(|(other, _)| *other == text)
        .map(|(_, level)| *level)
        .or_else(|| LEVELS.iter().find(is_it).copied())
}
