//! What the store takes and returns of the ACL.

use std::sync::Arc;

use crate::domain::access::{AclChange, ChangedEntry, Grant, Known, NotEdited, Permit};
use crate::domain::asking::NotAnswered;
use crate::domain::audit::{AuditEntry, OperationId};
use crate::domain::command::{DeliveryId, Place, Pressed};
use crate::domain::press::NotPressed;
use crate::domain::principal::{Principal, Subject};
use crate::domain::room::AccountId;

/// An edit of the ACL: its changes, who makes them, and the proof that they may.
#[derive(Debug)]
pub struct AclEdit {
    /// Who.
    pub principal: Principal,
    /// Where.
    pub place: Place,
    /// The platform's id of the invocation.
    pub delivery: Option<DeliveryId>,
    /// The command as typed.
    pub typed: String,
    /// The button that was pressed; `None` if it was typed.
    pub pressed: Option<Pressed>,
    /// The right to make it, and the version of the ACL that it holds for.
    pub permit: Permit,
    /// What, and why each; made all together or not at all.
    pub changes: Vec<(AclChange, Option<String>)>,
    /// Why, for the record.
    pub reason: Option<String>,
    /// The operation whose request for access it answers: with the grant that it makes, or with no.
    pub answers: Option<OperationId>,
    /// Whether to make it even if it locks everybody out.
    pub force: bool,
    /// What is known of groups and workspaces, to tell whether it would.
    pub known: Arc<Known>,
}

/// The result of an edit of the ACL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AclChanged {
    /// Made: the entries before and after.
    Changed(OperationId, Vec<ChangedEntry>),
    /// Not made; recorded as declined.
    Declined(OperationId, NotEdited),
    /// The request for access cannot be answered; recorded as declined.
    NotAnswered(OperationId, NotAnswered),
    /// The button that was pressed cannot be pressed; recorded as declined.
    NotPressed(OperationId, NotPressed),
    /// The delivery had been taken before. The repetition has an entry of its own.
    Duplicate {
        /// The entry of the repetition.
        operation: OperationId,
        /// The first one's entry, as it is now.
        first: Box<AuditEntry>,
    },
    /// The ACL changed since the permit was given: decide again. Nothing was written.
    AclChanged,
}

/// Which settings of the ACL are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WhichSettings {
    /// All.
    All,
    /// The accounts that these people have and had.
    LinksOf(Vec<Subject>),
    /// The people who have this account now.
    LinksTo(AccountId),
}

/// A page of the grants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantsPage {
    /// Its number, from 1.
    pub page: u32,
    /// How many there are.
    pub pages: u32,
    /// What is on it.
    pub grants: Vec<Grant>,
    /// How many grants are on no page, because they do not hold.
    pub left_out: usize,
}

/// The groups of people that live grants name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GroupSubjects {
    /// The version of the ACL in which they do.
    pub version: i64,
    /// The groups that somebody has to look up: user groups of Slack.
    pub groups: Vec<Subject>,
    /// Those of them to which something is denied.
    pub denied: Vec<Subject>,
}
