//! What the program is about, without how it is reached: no async, no I/O, no clock, no wire format.
//!
//! A newcomer reads [`command`] (what can be asked), [`access`] (who may), [`admission`] (what is decided), [`audit`]
//! (what is kept) and [`reply`] (what is said back), in this order.

pub mod access;
pub mod admission;
pub mod announcement;
pub mod archive;
pub mod asking;
pub mod audit;
pub mod case;
pub mod check;
pub mod command;
pub mod duration;
pub mod language;
pub mod live;
pub(crate) mod named;
pub mod offers;
pub mod press;
pub mod principal;
pub mod reply;
pub mod reply_note;
pub mod room;
pub mod session;
pub mod time;
pub mod tree_head;
pub mod verification;
pub mod wording;
