//! The signed tree over the audit log: that it is what the standards say, and that no change of the file
//! goes unnoticed.

// A test that cannot go on fails; that is what `unwrap` says.
#![allow(clippy::unwrap_used)]

mod announced;
mod approvals;
mod archives;
mod beside;
mod case;
mod case_night;
mod case_rooms;
mod command_line;
mod independent;
mod keys;
mod proofs;
mod random;
mod rebuild;
mod settings;
mod tampering;
mod vectors;
mod witness;

// The same people and databases as in the tests of the store.
#[allow(dead_code, reason = "the tests of the store alone use more of it")]
#[path = "../store/world.rs"]
mod world;

#[allow(dead_code, reason = "the tests of the store alone use more of it")]
#[path = "../store/replay.rs"]
mod replay;

mod copies;
