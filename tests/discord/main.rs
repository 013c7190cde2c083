//! The Discord door as people and Discord itself meet it: interactions go in, signed over HTTP or over the
//! gateway, calls to a fake Discord's REST API come out. The bot, its database and its client are the real ones; Tencent is
//! the simulator.

// A test that cannot go on fails; that is what `unwrap` says.
#![allow(clippy::unwrap_used)]

mod acknowledging;
mod asking;
mod authenticity;
mod conforming;
mod delivering;
#[path = "../fakes/mod.rs"]
#[allow(dead_code, reason = "the tests of the gateway alone use more of it")]
mod fakes;
mod ids;
mod logs;
mod over_the_gateway;
mod payloads;
mod registering;
mod suggesting;
mod user_menu;
mod world;
