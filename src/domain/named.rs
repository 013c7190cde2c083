//! Enums whose values have a name in the interface.

/// An enum with a name for each value: `ALL`, `name`, `named` and `Display`.
macro_rules! named {
    ($(#[$doc:meta])* $enum:ident $($(#[$value_doc:meta])* $value:ident => $name:literal,)*) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $enum { $($(#[$value_doc])* $value),* }

        impl $enum {
            /// Every one, in the order in which people read them.
            pub const ALL: &[Self] = &[$(Self::$value),*];

            /// Its name in the interface.
            pub fn name(self) -> &'static str {
                match self { $(Self::$value => $name),* }
            }

            /// The one of this name.
            pub fn named(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|it| it.name() == name)
            }

            /// The names of all.
            pub fn names() -> Vec<&'static str> {
                Self::ALL.iter().map(|it| it.name()).collect()
            }
        }

        impl std::fmt::Display for $enum {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}
pub(crate) use named;

/// Reads an enum with names by one of them, in upper or lower case.
macro_rules! readable {
    ($($enum:ident: $what:literal),*) => {$(
        impl std::str::FromStr for $enum {
            type Err = crate::domain::named::UnknownName;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::named(&text.to_ascii_lowercase())
                    .ok_or_else(|| crate::domain::named::UnknownName::new(text, $what, Self::names()))
            }
        }
    )*};
}
pub(crate) use readable;

/// A text that is none of the names which are possible.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{typed}` is not {what}: use {names}", names = either(.names))]
pub struct UnknownName {
    typed: String,
    what: &'static str,
    names: Vec<&'static str>,
}

impl UnknownName {
    /// That `typed` is not `what`, and the names that are, the nearest first.
    pub fn new(typed: &str, what: &'static str, mut names: Vec<&'static str>) -> Self {
        let lower = typed.to_lowercase();
        // What is further away than half of its letters is not near at all.
        names.sort_by_key(|name| {
            let distance = strsim::osa_distance(name, &lower);
            if distance * 2 <= name.len() { distance } else { usize::MAX }
        });
        Self { typed: typed.to_owned(), what, names }
    }
}

/// `a`, `b` or `c`, each in backticks.
fn either(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}
