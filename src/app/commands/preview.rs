//! What an edit of the ACL would do, for whoever may make it: it is planned as it would be made.

use super::acl::captioned;
use super::{acl_file, edit_acl};
use crate::app::ports::StoreError;
use crate::app::service::{CommandService, OnRecord, not_recorded};
use crate::domain::access::{AclChange, Author, is_for_oneself, obstacle, rights};
use crate::domain::command::{CommandRequest, Edit};
use crate::domain::reply::{AclAnswer, Preview, Reply};

/// The answer to somebody who may make the edit.
pub(super) async fn preview(
    service: &CommandService,
    request: &CommandRequest,
    on_record: &OnRecord,
    edit: &Edit,
) -> Reply {
    let OnRecord { operation, acl, reach, .. } = on_record;
    let place = &request.place;
    let planned = match edit_acl::meant(service, place, reach, edit).await {
        Ok(None) => planned(service, request, on_record, edit).await,
        Ok(Some(Ok(edit))) => planned(service, request, on_record, &edit).await,
        Ok(Some(Err(error))) => {
            let rights = rights(&request.principal, place, acl, service.clock.now());
            return Reply::Invalid { operation: *operation, error, rights };
        }
        Err(error) => Err(error),
    };
    match planned {
        Ok(answer) => captioned(service, *operation, answer, place, reach).await,
        Err(error) => not_recorded(&error),
    }
}

async fn planned(
    service: &CommandService,
    request: &CommandRequest,
    on_record: &OnRecord,
    edit: &Edit,
) -> Result<AclAnswer, StoreError> {
    let (now, known) = (service.clock.now(), service.directory.known());
    let steps = edit_acl::changes(edit, &request.place, now)?;
    let changes: Vec<AclChange> = steps.into_iter().map(|(change, _)| change).collect();
    let acl = acl_file::whole(service).await?;
    let by = Author { principal: &request.principal, reach: &on_record.reach, force: false };
    let refusal = obstacle(&acl, &changes, &by, &known, now);
    let entry = |change: &AclChange| change.entry(&acl, 0, &request.principal.subject, now, None);
    let entries: Vec<_> = changes.iter().filter_map(entry).collect();
    let is_for_oneself = is_for_oneself(&request.principal, &entries);
    let mut changed = Vec::with_capacity(entries.len());
    for entry in entries {
        let warnings = edit_acl::warnings(service, &entry, &known).await;
        changed.push((entry, warnings));
    }
    let version = acl.version;
    Ok(AclAnswer::Previewed(Box::new(Preview { version, changed, is_for_oneself, refusal })))
}
