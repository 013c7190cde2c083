//! Tencent's Live REST API: how we sign for it, call it, read its answers, and simulate it.

pub mod simulator;
pub mod user_sig;
