//! Stories: people use commands in Slack, in Discord or at the command line, and read what the bot says.
//! Everything between them is real: the door, the store, the client, and a simulated Tencent on loopback.
//!
//! A story describes a [`world`], speaks as somebody and shows what that person reads. When it ends, the
//! world checks what must always hold ([`closing`]).

// A test that cannot go on fails; that is what `unwrap` says.
#![allow(clippy::unwrap_used)]

mod clock;
mod closing;
mod console;
mod doors;
#[path = "../fakes/mod.rs"]
#[allow(dead_code, reason = "the tests of Discord alone use more of it")]
mod fakes;
mod guild;
mod late;
mod logs;
mod options;
mod program;
#[allow(dead_code, reason = "the tests of the store compare more with it")]
#[path = "../store/replay.rs"]
mod replay;
mod reply;
mod room_acl;
mod room_audit;
mod slack;
mod world;

mod absent_rooms;
mod announced_after_a_crash;
mod announcements;
mod asking;
mod asking_after_a_crash;
mod asking_at_discord;
mod bad_days;
mod behind_nginx;
mod callbacks;
mod cli_acl;
mod cli_acl_files;
mod cli_acl_guard;
mod cli_acl_why;
mod cli_audit;
mod cli_terminal;
mod cli_transfer;
mod codes;
mod console_access;
mod console_access_changes;
mod console_access_pages;
mod console_case;
mod console_live;
mod console_log;
mod console_overview;
mod console_pages;
mod console_property;
mod console_rooms;
mod console_sign_in;
mod crash;
mod denials;
mod doctor;
mod echoes;
mod elsewhere;
mod fail_closed;
mod faults;
mod files;
mod form;
mod groups;
mod ids;
mod init;
mod jumps;
mod limits;
mod links;
mod load;
mod marks;
mod marks_elsewhere;
mod matrix;
mod metrics;
mod older;
mod once;
mod overriding;
mod pending_after_a_crash;
mod pending_replies;
mod pressed_later;
mod presses;
mod proxies;
mod read_only;
mod settings;
mod signals;
mod slack_authenticity;
mod slack_grammar;
mod slack_late_answers;
mod slack_origins;
mod slow_clients;
mod socket_faults;
mod socket_mode;
mod socket_refresh;
mod streams;
mod supervised;
mod transfers;
mod understood;
mod unquoted;
mod unread_groups;
mod verbs;
