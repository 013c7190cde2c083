//! Changes of the ACL, at once and below the service: how a test sets its scene.

use std::sync::Arc;

use room_owner::app::acl::local_permit;
use room_owner::app::ports::{AclChange, AclChanged, AclEdit, Clock, Known, Store, StoreError};
use room_owner::domain::command::Place;
use room_owner::domain::principal::Principal;

/// Makes one change as the command line would.
pub(crate) async fn edit_locally(
    store: &dyn Store,
    clock: &dyn Clock,
    principal: Principal,
    typed: String,
    change: AclChange,
    reason: Option<String>,
) -> Result<AclChanged, StoreError> {
    edit_all(store, clock, principal, typed, vec![(change, reason)]).await
}

/// Makes changes in one operation, whomever they lock out.
pub(crate) async fn edit_all(
    store: &dyn Store,
    clock: &dyn Clock,
    principal: Principal,
    typed: String,
    changes: Vec<(AclChange, Option<String>)>,
) -> Result<AclChanged, StoreError> {
    let reason = changes.first().and_then(|(_, reason)| reason.clone());
    loop {
        let edit = AclEdit {
            permit: local_permit(store, clock, &principal).await?,
            principal: principal.clone(),
            place: Place::Local,
            delivery: None,
            typed: typed.clone(),
            pressed: None,
            changes: changes.clone(),
            reason: reason.clone(),
            answers: None,
            force: true,
            known: Arc::new(Known { looks_up_groups: true, ..Known::default() }),
        };
        match store.edit_acl(edit, clock.now()).await? {
            AclChanged::AclChanged => {}
            changed => return Ok(changed),
        }
    }
}
