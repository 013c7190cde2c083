//! What the program does for a verb, where it wires several parts.

pub(crate) mod case;
pub(crate) mod local;
pub(crate) mod log;
pub(crate) mod platforms;
