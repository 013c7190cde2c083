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
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$value => $name),* }
            }

            /// The one of this name.
            #[must_use]
            pub fn named(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|it| it.name() == name)
            }

            /// The names of all.
            #[must_use]
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
