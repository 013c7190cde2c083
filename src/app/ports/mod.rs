//! What the use cases need from outside: a store, a way to control rooms, and the time.

mod acl;
mod admission;
mod clock;
mod error;
mod log;
mod rooms;
mod store;

pub use acl::{AclChanged, AclEdit, GrantsPage, GroupSubjects, WhichSettings};
pub use admission::{Admission, Admitted};
pub use clock::Clock;
pub use error::StoreError;
pub use log::{AuditLog, ExportChunk, ExportSpan};
pub use rooms::{CallResult, ReadError, RoomControl, RoomSummary};
pub use store::{Finished, Store, StoreStats};

pub use super::callbacks::{CallbackEnd, Confirmation, Observation, OwnerChangeEvent, ReadBack};
pub use super::directory::{Directory, DirectoryReport};
pub use super::observer::{
    EnvelopeEnd, EnvelopeKind, NotAuthentic, Observer, Reconnect, Sender, Step, Unobserved,
};
pub use crate::domain::access::{AclChange, Known, NewGrant};
pub use crate::domain::principal::Subject;
