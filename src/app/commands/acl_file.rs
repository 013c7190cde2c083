//! `room-owner acl export`, `plan` and `apply`: the whole ACL as a file, with captions for whoever reads it.

use crate::app::ports::{StoreError, WhichSettings};
use crate::app::service::CommandService;
use crate::domain::access::plan::{self, Step, Wanted};
use crate::domain::access::{AclChange, AclView, Author, NotEdited, obstacle};
use crate::domain::reply::AclAnswer;

/// The whole ACL.
pub(super) async fn export(service: &CommandService) -> Result<AclAnswer, StoreError> {
    whole(service).await.map(AclAnswer::Whole)
}

/// The whole ACL, as it is at one version.
pub(super) async fn whole(service: &CommandService) -> Result<AclView, StoreError> {
    // Each is read by itself: what changed in between shows in the version.
    loop {
        let version = service.store.acl_version().await?;
        let (grants, channels) = (service.store.grants().await?, service.store.channels().await?);
        let announcements = service.store.announcement_channels().await?;
        let settings = service.store.settings(&WhichSettings::All).await?;
        if service.store.acl_version().await? == version {
            return Ok(AclView { version, grants, channels, announcements, settings });
        }
    }
}

/// What would have to change for the ACL to be what is wanted.
pub(super) async fn plan(
    service: &CommandService,
    wanted: &Wanted,
    by: &Author<'_>,
) -> Result<AclAnswer, StoreError> {
    let (acl, now) = (whole(service).await?, service.clock.now());
    let steps = plan::plan(&acl, wanted, service.accounts, now);
    let known = service.directory.known();
    let refusal = steps.as_ref().ok().and_then(|steps| {
        let changes: Vec<AclChange> = steps.iter().map(|(change, _)| change.clone()).collect();
        obstacle(&acl, &changes, by, &known, now)
    });
    Ok(AclAnswer::Planned { acl, steps, refusal })
}

/// The steps that make the ACL what is wanted, if it is still at the version that it was wanted for.
pub(super) async fn steps(
    service: &CommandService,
    wanted: &Wanted,
    version: Option<i64>,
) -> Result<Result<Vec<Step>, NotEdited>, StoreError> {
    let acl = whole(service).await?;
    Ok(match (plan::plan(&acl, wanted, service.accounts, service.clock.now()), version) {
        (Err(why), _) => Err(NotEdited::InvalidPlan(why)),
        (Ok(steps), _) if steps.is_empty() => Ok(steps),
        (Ok(_), None) => Err(NotEdited::NoVersion),
        (Ok(_), Some(version)) if version != acl.version => Err(NotEdited::ChangedSince(version)),
        (Ok(steps), Some(_)) => Ok(steps),
    })
}
