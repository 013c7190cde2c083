//! What several test programs use: the platforms' side of every conversation.

pub(crate) mod acl;
pub(crate) mod discord;
pub(crate) mod gateway;
pub(crate) mod interaction;
pub(crate) mod proxy;
pub(crate) mod schemas;
pub(crate) mod slack;
pub(crate) mod socket;
