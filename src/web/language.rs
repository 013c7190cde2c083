//! The language of the browser.

use axum::http::{HeaderMap, header};

use super::words::{Words, words};
use crate::domain::language::Language;

/// The language that the browser likes best, of those that there are.
pub(super) fn language(headers: &HeaderMap) -> &'static dyn Words {
    let liked = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    words(best_of(liked.unwrap_or_default()))
}

fn best_of(accept: &str) -> Language {
    let mut best = (0.0, Language::English);
    for range in accept.split(',') {
        let mut parts = range.split(';').map(str::trim);
        let tag = parts.next().unwrap_or_default().split('-').next().unwrap_or_default();
        let quality = parts.find_map(|part| part.strip_prefix("q=")).map_or(Some(1.0), |q| q.parse().ok());
        let Some(language) = Language::named(&tag.to_ascii_lowercase()) else { continue };
        match quality {
            Some(quality) if quality > best.0 => best = (quality, language),
            _ => {}
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_that_is_liked_best_is_taken() {
        for (accept, language) in [
            ("", Language::English),
            ("zh-CN,zh;q=0.9,en;q=0.8", Language::Chinese),
            ("en-GB, zh;q=0.9", Language::English),
            ("de, fr;q=0.9", Language::English),
            ("de, zh;q=0.3, en;q=0.2", Language::Chinese),
            ("en;q=0, ZH-Hans", Language::Chinese),
            ("zh;q=x", Language::English),
            ("zh;q=0", Language::English),
        ] {
            assert_eq!(best_of(accept), language, "{accept}");
        }
    }
}
