//! `room-owner acl export`, `plan` and `apply`: the whole ACL as a file.

use crate::app::ports::StoreError;
use crate::app::service::CommandService;
use crate::domain::access::plan::{Step, Wanted, plan, refusal};
use crate::domain::access::{AclView, NotEdited};
use crate::domain::principal::Principal;
use crate::domain::reply::AclAnswer;

impl CommandService {
    /// The whole ACL, as it is at one version.
    pub(in crate::app) async fn whole_acl(&self) -> Result<AclView, StoreError> {
        // Each is read by itself: what changed in between shows in the version.
        loop {
            let version = self.store().acl_version().await?;
            let (grants, channels) = (self.store().grants().await?, self.store().channels().await?);
            if self.store().acl_version().await? == version {
                return Ok(AclView { version, grants, channels });
            }
        }
    }

    /// What would have to change for the ACL to be what is wanted.
    pub(in crate::app) async fn plan(
        &self,
        wanted: &Wanted,
        by: &Principal,
    ) -> Result<AclAnswer, StoreError> {
        let (acl, now) = (self.whole_acl().await?, self.now());
        let steps = plan(&acl, wanted, now);
        let known = self.directory().known();
        let refusal = steps.as_ref().ok().and_then(|steps| refusal(&acl, steps, by, &known, now));
        Ok(AclAnswer::Planned { acl, steps, refusal })
    }

    /// The steps that make the ACL what is wanted, if it is still at the version that it was wanted for.
    pub(in crate::app) async fn steps_to(
        &self,
        wanted: &Wanted,
        version: Option<i64>,
    ) -> Result<Result<Vec<Step>, NotEdited>, StoreError> {
        let acl = self.whole_acl().await?;
        Ok(match (plan(&acl, wanted, self.now()), version) {
            (Err(why), _) => Err(NotEdited::Senseless(why)),
            (Ok(steps), _) if steps.is_empty() => Ok(steps),
            (Ok(_), None) => Err(NotEdited::NoVersion),
            (Ok(_), Some(version)) if version != acl.version => Err(NotEdited::ChangedSince(version)),
            (Ok(steps), Some(_)) => Ok(steps),
        })
    }
}
