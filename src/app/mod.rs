//! The use cases, and what they need from outside.

pub mod acl;
pub mod announcements;
pub mod callbacks;
pub mod case;
pub mod commands;
pub mod console;
pub mod directory;
pub mod limits;
mod live_rooms;
pub mod local;
mod observer;
pub mod owners;
pub mod ports;
pub mod replies;
pub mod service;
pub mod suggest;
pub mod surroundings;

/// The target of log lines that anybody who reaches the port can cause, without an account anywhere.
pub const UNTRUSTED: &str = "room_owner::untrusted";
