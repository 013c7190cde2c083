//! Whether a permitted hand-over has what it takes: a confirmation, or a second person.

use jiff::Timestamp;

use super::CommandService;
use super::admission::{Because, Decided};
use crate::app::ports::{StoreError, WhichSettings};
use crate::domain::access::{
    AclSetting, AclView, Approval, AtHand, Clearance, Decision, Needed, Permit, clear, decide,
};
use crate::domain::admission::Verdict;
use crate::domain::command::{CommandRequest, Place, Transfer};

/// What the store says of an approval that is at hand.
enum Looked {
    Found {
        asker_may: bool,
        links: Vec<AclSetting>,
    },
    /// It is of another version than the decision.
    Again,
}

impl CommandService {
    /// The part of the ACL that a request is decided by. What approves is decided about two people at one version.
    pub(super) async fn acl_of(
        &self,
        request: &CommandRequest,
        place: &Place,
    ) -> Result<AclView, StoreError> {
        match approval(request) {
            Some(_) => self.store.acl_for(&request.principal, place).await,
            None => self.store.recent_acl_for(&request.principal, place).await,
        }
    }

    /// Clears a hand-over, or says what it takes.
    pub(super) async fn cleared(
        &self,
        request: &CommandRequest,
        transfer: &Transfer,
        permit: Permit,
        acl: &AclView,
        now: Timestamp,
    ) -> Result<Decided, StoreError> {
        let is_new_account = self.confirm_new_accounts && !self.store.has_seen(&transfer.new_owner).await?;
        let looked = match approval(request) {
            Some(approval) => match self.look_at(approval, request, &permit, acl, now).await? {
                Looked::Found { asker_may, links } => Some((approval, asker_may, links)),
                Looked::Again => return Ok(Decided::Again),
            },
            None => None,
        };
        let at_hand = match &looked {
            Some((approval, asker_may, links)) => AtHand::Pressed { approval, asker_may: *asker_may, links },
            None if request.if_owner.is_some() => AtHand::Confirmed,
            None => AtHand::Nothing,
        };
        let reach = permit.reach().clone();
        let (verdict, because) =
            match clear(permit, &request.principal.subject, acl, is_new_account, &at_hand, now) {
                Clearance::Cleared(cleared) => {
                    (Verdict::Transfer(cleared, transfer.new_owner.clone()), Because::Nothing)
                }
                Clearance::Takes(permit, takes) => {
                    (Verdict::Held(permit, takes.clone()), Because::Takes(takes))
                }
                Clearance::NotSecond(why) => (Verdict::NotSecond(why.clone()), Because::NotSecond(why)),
            };
        Ok(Decided::verdict(verdict, reach, because))
    }

    /// Decides about who asked, for the place and the time of the approval, and reads the accounts of both people.
    async fn look_at(
        &self,
        approval: &Approval,
        request: &CommandRequest,
        permit: &Permit,
        acl: &AclView,
        now: Timestamp,
    ) -> Result<Looked, StoreError> {
        if approval.gives == Needed::Confirmation {
            return Ok(Looked::Found { asker_may: true, links: Vec::new() });
        }
        let asker_may = match self.directory.known().asker(&approval.asker, now) {
            None => false,
            Some(asker) => {
                let theirs = self.store.acl_for(&asker, &request.place).await?;
                if theirs.version != acl.version {
                    return Ok(Looked::Again);
                }
                let decision = decide(&asker, &request.place, permit.action().clone(), &theirs, now);
                matches!(decision, Decision::Permit(_))
            }
        };
        // Read last: a link that is changed later makes the decision one of an older version.
        let people = vec![approval.asker.subject.clone(), request.principal.subject.clone()];
        let links = self.store.settings(&WhichSettings::LinksOf(people)).await?;
        Ok(Looked::Found { asker_may, links })
    }
}

/// What the button gives that was pressed in a channel. It binds to an owner, or it gives nothing.
fn approval(request: &CommandRequest) -> Option<&Approval> {
    let pressed = request.pressed.as_ref().filter(|_| matches!(request.place, Place::Channel(_)))?;
    pressed.approval.as_deref().filter(|_| pressed.expects.is_some())
}
