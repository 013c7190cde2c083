//! Pages to read in a browser and to print: whole HTML files, made here, without a script and without a network.
//!
//! What is said stands in [`Sentences`], once for each language; what is drawn in `picture`; the markup in templates,
//! which askama checks when the program is compiled. A template escapes every value: foreign text is never markup.

mod case;
mod chinese;
mod chinese_steps;
mod denial;
mod english;
mod owners;
mod pen;
mod picture;
mod sentences;
mod verify;

use crate::domain::audit::English;
use crate::domain::language::Language;

pub use case::{Field, OperationPart, StepRow, case};
pub use denial::DenialKind;
pub use owners::{OwnerRow, OwnersPart};
pub use pen::{Pen, When};
pub use picture::{Bar, Picture, Tick};
pub use sentences::{Heading, Sentences};
pub use verify::{VERIFIER, files, verify};

/// The sentences of a language.
pub fn sentences(language: Language) -> &'static dyn Sentences {
    match language {
        Language::English => &English,
        Language::Chinese => &chinese::Chinese,
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn no_template_lets_a_value_be_markup() {
        let templates = ["case.html", "operation.html", "owners.html", "picture.html", "when.html"];
        let texts = [
            include_str!("case.html"),
            include_str!("operation.html"),
            include_str!("owners.html"),
            include_str!("picture.html"),
            include_str!("when.html"),
        ];
        for (name, text) in templates.into_iter().zip(texts) {
            for part in ["|", "{% filter", "autoescape", "{% call", "<script", " on"] {
                assert!(!text.contains(part), "{name} holds `{part}`");
            }
        }
    }
}
