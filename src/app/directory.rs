//! Who is in which group, as far as it is known here.

use std::time::Duration;

use jiff::Timestamp;

use crate::domain::principal::Subject;

/// Who is in which group. Nobody is asked for an answer: what is not at hand counts as "not a member", so
/// that a platform that is slow or down makes nobody wait and lets nobody in.
pub trait Directory: Send + Sync {
    /// The groups that the subject is known to be in now.
    fn groups_of(&self, subject: &Subject) -> Vec<Subject>;

    /// What is known about a group now, so that it can be explained.
    fn standing(&self, group: &Subject) -> GroupStanding;

    /// How well the groups that the ACL names are known; `None` if none is looked up.
    fn report(&self) -> Option<DirectoryReport>;
}

/// What is known about a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupStanding {
    /// Its members are known.
    Known {
        /// How many there are.
        members: usize,
        /// As of when.
        as_of: Timestamp,
    },
    /// Its members were known once, too long ago to count: it has none now.
    Stale {
        /// As of when.
        as_of: Timestamp,
        /// Why they could not be read again, if that is known, and what to do.
        why: Option<String>,
    },
    /// Its members are not known: it has none now. The text says why, and what to do.
    Unknown(String),
    /// The platform says with each request which of these the caller is in, as Discord does.
    WithEachRequest,
    /// It is no group.
    NotAGroup,
}

/// How well the groups that the ACL names are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryReport {
    /// How many groups are looked up.
    pub groups: usize,
    /// How many of them are known and fresh enough to count.
    pub known: usize,
    /// How long ago the least fresh of the known ones was read.
    pub oldest: Option<Duration>,
    /// Why they cannot be read, and what to do.
    pub problem: Option<String>,
}

/// Knows no groups: for the command line, to which none applies.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoDirectory;

impl Directory for NoDirectory {
    fn groups_of(&self, _: &Subject) -> Vec<Subject> {
        Vec::new()
    }

    fn standing(&self, group: &Subject) -> GroupStanding {
        match group {
            Subject::SlackGroup { .. } => {
                GroupStanding::Unknown("user groups are known to the running bot only".to_owned())
            }
            Subject::DiscordRole { .. } => GroupStanding::WithEachRequest,
            Subject::SlackUser { .. } | Subject::DiscordUser { .. } | Subject::Cli { .. } => {
                GroupStanding::NotAGroup
            }
        }
    }

    fn report(&self) -> Option<DirectoryReport> {
        None
    }
}
