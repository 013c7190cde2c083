//! Why the store could not do something.

/// The store could not do it. The text is for the operator: it names the database, never a secret.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct StoreError(pub String);
