//! Never lost, never twice, never unrecorded: what holds while everything goes wrong at once.
//!
//! The store is the real one, on a database of its own. Everything around it is here: a clock that nobody
//! waits for, a Tencent that loses answers and changes rooms late, a disk that fails, processes that die.

// A test that cannot go on fails; that is what `unwrap` says.
#![allow(clippy::unwrap_used)]

#[path = "../fakes/acl.rs"]
mod acl;
mod asking;
mod clock;
mod laws;
mod network;
mod panicking;
mod pipeline;
mod process;
mod schedule;
mod two_people;
mod unsteady;
mod world;
