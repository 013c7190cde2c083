//! Hand a Tencent RTC live room to a new owner, from chat.

pub mod app;
pub mod bench;
pub mod bot;
pub mod cli;
pub mod clock;
pub mod config;
pub mod demo;
pub mod discord;
pub mod domain;
pub mod server;
pub mod slack;
pub mod store;
pub mod telemetry;
pub mod tencent;
