//! The language of the environment (`locale(7)`). This is no setting of the bot: `.env` has no say in it.

use crate::domain::language::Language;

/// The language of pages, as the environment of this process says.
pub fn language() -> Language {
    #[expect(clippy::disallowed_methods, reason = "only `config` does")]
    of(|name| std::env::var(name).ok())
}

fn of(get: impl Fn(&str) -> Option<String>) -> Language {
    let says = |name: &&str| get(name).filter(|value| !value.is_empty());
    let locale = ["LC_ALL", "LC_MESSAGES", "LANG"].iter().find_map(says).unwrap_or_default();
    match locale.split(['_', '-', '.', '@']).next() {
        Some("zh") => Language::Chinese,
        _ => Language::English,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_variable_that_says_something_counts() {
        use Language::{Chinese, English};
        for (variables, language) in [
            (&[][..], English),
            (&[("LANG", "zh_CN.UTF-8")], Chinese),
            (&[("LANG", "zh")], Chinese),
            (&[("LANG", "de_DE.UTF-8")], English),
            (&[("LANG", "C.UTF-8")], English),
            (&[("LANG", "zhx")], English),
            (&[("LC_ALL", ""), ("LANG", "zh_CN")], Chinese),
            (&[("LC_ALL", "C"), ("LANG", "zh_CN")], English),
            (&[("LC_MESSAGES", "zh-Hans"), ("LANG", "en_GB")], Chinese),
        ] {
            let get = |name: &str| {
                variables.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned())
            };
            assert_eq!(of(get), language, "{variables:?}");
        }
    }
}
