//! The gateway client against a Discord whose every fault the test decides: nothing waits for a fixed time.

#![allow(clippy::unwrap_used, reason = "a test may stop where it stands")]

mod bot;
mod budget;
mod deaf;
#[path = "../fakes/mod.rs"]
#[allow(dead_code, reason = "the tests of the door use more of it")]
mod fakes;
mod life;
mod recovery;
mod secrets;
