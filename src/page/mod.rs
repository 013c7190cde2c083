//! Pages to read in a browser and to print: whole HTML files, made here, without a script and without a network.
//!
//! What is said stands in [`Sentences`], once for each language; what is drawn in `picture`; the markup in templates,
//! which askama checks when the program is compiled. A template escapes every value: foreign text is never markup.

mod case;
mod chinese;
mod chinese_steps;
mod denial;
mod english;
mod picture;
mod sentences;
mod verify;

use crate::domain::audit::English;
use crate::domain::language::Language;

pub use case::case;
pub use denial::DenialKind;
pub use sentences::Sentences;
pub use verify::{VERIFIER, files, verify};

/// The sentences of a language.
pub fn sentences(language: Language) -> &'static dyn Sentences {
    match language {
        Language::English => &English,
        Language::Chinese => &chinese::Chinese,
    }
}
