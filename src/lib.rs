//! Hand a Tencent RTC live room to a new owner, from chat.

pub mod tencent;
