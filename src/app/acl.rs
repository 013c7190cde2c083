//! Edits of the ACL, from whichever door.

use super::ports::{AclChange, AclChanged, AclEdit, Clock, Store, StoreError};
use crate::domain::access::{Action, Decision, Permit, RoomScope, decide};
use crate::domain::command::Place;
use crate::domain::principal::Principal;

/// An edit at the machine's own command line, whose user could edit the file as well: it is permitted as
/// `local`, and recorded in the same transaction.
#[derive(Debug, Clone)]
pub struct LocalEdit {
    /// Who.
    pub principal: Principal,
    /// The command as typed.
    pub typed: String,
    /// What, and why each; made all together or not at all.
    pub changes: Vec<(AclChange, Option<String>)>,
    /// Why, for the record.
    pub reason: Option<String>,
    /// Whether to make it even if it locks everybody out of the chat.
    pub force: bool,
    /// Only while the ACL is at this version.
    pub at_version: Option<i64>,
}

/// Makes one change at the command line.
///
/// # Errors
/// When the store cannot be read or written; then nothing was changed.
pub async fn edit_locally(
    store: &dyn Store,
    clock: &dyn Clock,
    principal: Principal,
    typed: String,
    change: AclChange,
    reason: Option<String>,
) -> Result<AclChanged, StoreError> {
    let changes = vec![(change, reason.clone())];
    edit(store, clock, LocalEdit { principal, typed, changes, reason, force: false, at_version: None }).await
}

/// Makes an edit at the command line. [`AclChanged::AclChanged`] comes back only for an edit that is bound
/// to a version.
///
/// # Errors
/// When the store cannot be read or written; then nothing was changed.
pub async fn edit(store: &dyn Store, clock: &dyn Clock, edit: LocalEdit) -> Result<AclChanged, StoreError> {
    loop {
        let permit = local_permit(store, clock, &edit.principal).await?;
        if edit.at_version.is_some_and(|version| version != permit.acl_version()) {
            return Ok(AclChanged::AclChanged);
        }
        let made = AclEdit {
            principal: edit.principal.clone(),
            place: Place::Local,
            delivery: None,
            typed: edit.typed.clone(),
            permit,
            changes: edit.changes.clone(),
            reason: edit.reason.clone(),
            force: edit.force,
        };
        match store.edit_acl(made, clock.now()).await? {
            AclChanged::AclChanged => {}
            changed => return Ok(changed),
        }
    }
}

/// The right of the machine's own command line to do what admins do.
///
/// # Errors
/// When the principal is not of this machine, or the store cannot be read.
pub async fn local_permit(
    store: &dyn Store,
    clock: &dyn Clock,
    principal: &Principal,
) -> Result<Permit, StoreError> {
    let acl = store.acl_for(principal, &Place::Local).await?;
    match decide(principal, &Place::Local, Action::EditAcl(Some(RoomScope::All)), &acl, clock.now()) {
        Decision::Permit(permit) => Ok(permit),
        Decision::Deny(denial) => {
            Err(StoreError(format!("`{}` is not of this machine: {denial}", principal.subject)))
        }
    }
}
