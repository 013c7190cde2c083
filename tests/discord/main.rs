//! The Discord door as people and Discord itself meet it: signed interactions over HTTP go in, calls to a
//! fake Discord's REST API come out. The bot, its database and its client are the real ones; Tencent is
//! the simulator.

// A test that cannot go on fails; that is what `unwrap` says.
#![allow(clippy::unwrap_used)]

mod acknowledging;
mod asking;
mod authenticity;
mod delivering;
mod discord;
mod logs;
mod payloads;
mod registering;
mod suggesting;
mod world;
