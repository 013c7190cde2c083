//! Discord's door.

pub mod gateway;
