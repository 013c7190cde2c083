//! Stories: people type commands in Slack or at the command line, and read what the bot says. Everything
//! between them is real: the HTTP door, the store, the client, and a simulated Tencent on loopback.
//!
//! A story describes a [`world`], speaks as somebody and shows what that person reads. When it ends, the
//! world checks what must always hold ([`closing`]).

// A test that cannot go on fails; that is what `unwrap` says.
#![allow(clippy::unwrap_used)]

mod clock;
mod closing;
mod late;
mod logs;
mod program;
mod slack;
mod world;

mod authenticity;
mod bad_days;
mod callbacks;
mod cli_acl;
mod cli_audit;
mod cli_transfer;
mod codes;
mod crash;
mod denials;
mod faults;
mod grammar;
mod groups;
mod late_answers;
mod once;
mod transfers;
