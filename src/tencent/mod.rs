//! Tencent's Live REST API: how we sign for it, call it, read its answers, and simulate it.

mod answer;
pub mod callbacks;
mod client;
pub mod codes;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod limit;
mod region;
pub mod simulator;
pub mod user_sig;
mod wire;

pub use client::{Settings, TencentClient};
pub use region::{address_setting, region_url};
