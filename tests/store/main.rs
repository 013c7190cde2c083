//! The SQLite store alone, through the `Store` port, on files of its own; and the same files as another
//! program sees them, through plain connections.

// A test that cannot go on fails; that is what `unwrap` says.
#![allow(clippy::unwrap_used)]

mod acl;
mod acl_races;
mod admission;
mod announcing;
mod clock;
mod concurrency;
mod everything;
mod files;
mod frozen;
mod guards;
mod observed;
mod opening;
mod questions;
mod reading;
mod replay;
mod replies;
mod restored;
mod world;
