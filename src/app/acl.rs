//! Edits of the ACL, from whichever door.

use super::ports::{AclChange, AclChanged, AclEdit, Clock, Store, StoreError};
use crate::domain::access::Authority;
use crate::domain::command::Place;
use crate::domain::principal::Principal;

/// Edits the ACL for somebody at the machine's own command line, who could edit the file as well: it is
/// permitted as `local`, and recorded in the same transaction.
///
/// # Errors
/// When the store cannot be written; then nothing was changed.
pub async fn edit_locally(
    store: &dyn Store,
    clock: &dyn Clock,
    principal: Principal,
    typed: String,
    change: AclChange,
    reason: Option<String>,
) -> Result<AclChanged, StoreError> {
    let authority = Authority::Local.to_string();
    let edit = AclEdit { principal, place: Place::Local, delivery: None, typed, authority, change, reason };
    store.edit_acl(edit, clock.now()).await
}
