//! Hand a Tencent RTC live room to a new owner, from chat.

pub mod app;
pub mod domain;
pub mod slack;
pub mod store;
pub mod tencent;
