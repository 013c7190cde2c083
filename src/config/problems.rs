//! What is wrong with the settings.

use std::fmt;

use super::table::{VARIABLES, Variable};

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    /// A variable, or `.env`.
    pub(super) of: String,
    /// How a sentence about it goes on.
    pub(super) what: String,
}

impl Problem {
    pub(super) fn new(of: impl Into<String>, what: impl Into<String>) -> Self {
        Self { of: of.into(), what: what.into() }
    }
}

/// Everything that is wrong with the settings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError(pub(super) Vec<Problem>);

impl ConfigError {
    /// Both, or all that is wrong with either.
    ///
    /// # Errors
    /// When something is.
    pub fn both<A, B>(one: Result<A, Self>, other: Result<B, Self>) -> Result<(A, B), Self> {
        match (one, other) {
            (Ok(one), Ok(other)) => Ok((one, other)),
            (Err(error), Ok(_)) | (Ok(_), Err(error)) => Err(error),
            (Err(Self(mut problems)), Err(Self(more))) => {
                let known = problems.clone();
                problems.extend(more.into_iter().filter(|problem| !known.contains(problem)));
                Err(Self(problems))
            }
        }
    }

    /// Of what each is, what is wrong with it, and what would be right.
    pub fn problems(&self) -> impl Iterator<Item = (&str, &str, Option<String>)> {
        self.0.iter().map(|Problem { of, what }| {
            let known = VARIABLES.iter().find(|known| known.name == of);
            let right = known.map(|variable| match variable.is_secret() {
                true => variable.meaning.to_owned(),
                false => format!("{}; for example `{of}={}`", variable.meaning, variable.example),
            });
            (of.as_str(), what.as_str(), right)
        })
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the settings cannot be used:")?;
        for Problem { of, what } in &self.0 {
            write!(f, "\n  {of}: {what}")?;
            if let Some(Variable { name, example, meaning, .. }) =
                VARIABLES.iter().find(|known| known.name == of)
            {
                write!(f, "\n      {meaning}; for example `{name}={example}`")?;
            }
        }
        Ok(())
    }
}
