//! The languages in which a page can be read.

use super::named::{named, readable};

named! {
    /// A language.
    Language
    /// English.
    English => "en",
    /// Simplified Chinese.
    Chinese => "zh",
}

readable!(Language: "a language of these pages");
