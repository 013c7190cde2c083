//! What is known beyond the ACL: who is in which user group of Slack, and which workspaces are served.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::Asker;
use crate::domain::principal::{Outside, Principal, Subject};

/// How long it counts what a platform said of somebody's groups.
pub const LONGEST_TRUSTED: SignedDuration = SignedDuration::from_mins(10);

/// A group as it was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reading {
    /// The ids of its members.
    pub members: BTreeSet<String>,
    /// As of when; `None` if it was never read.
    pub as_of: Option<Timestamp>,
    /// Why the last try to read it failed, if it did, and what to do.
    pub problem: Option<String>,
}

impl Reading {
    /// Whether it counts at `now`. A reading of the future does not: the clock was turned back.
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        self.as_of.is_some_and(|as_of| now >= as_of && now.duration_since(as_of) <= LONGEST_TRUSTED)
    }
}

/// What is known beyond the ACL.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// Whether user groups of Slack are looked up at all.
    pub looks_up_groups: bool,
    /// Of which workspace alone, once that is known.
    pub looked_up_team: Option<String>,
    /// The user groups that were read, or tried.
    pub readings: BTreeMap<Subject, Reading>,
    /// The workspaces of Slack that are served; every one if empty.
    pub served_teams: Vec<String>,
}

impl Known {
    /// Who is in the group; `None` if that is not known.
    pub fn members(&self, group: &Subject, now: Timestamp) -> Option<&BTreeSet<String>> {
        self.readings.get(group).filter(|reading| reading.is_fresh(now)).map(|reading| &reading.members)
    }

    /// The people in the group, as far as that is known.
    pub fn people_in<'a>(&'a self, group: &'a Subject, now: Timestamp) -> impl Iterator<Item = Subject> + 'a {
        let team = match group {
            Subject::SlackGroup { team, .. } => Some(team),
            _ => None,
        };
        let members = self.members(group, now).into_iter().flatten();
        members.filter_map(move |user| Some(Subject::SlackUser { team: team?.clone(), user: user.clone() }))
    }

    /// Whether somebody reads who is in the group, so that it will be known. What Discord says with each request has
    /// not to be read.
    pub fn looks_up(&self, group: &Subject) -> bool {
        let Subject::SlackGroup { team, .. } = group else { return true };
        self.looks_up_groups && self.looked_up_team.as_ref().is_none_or(|own| own == team)
    }

    /// Somebody with what is known of their groups. What a platform did not say of a role of Discord's is not
    /// known here: such a person is taken by themselves.
    pub fn principal(&self, subject: Subject, now: Timestamp) -> Principal {
        let Subject::SlackUser { user, .. } = &subject else {
            return Principal::new(subject).only_in(Vec::new());
        };
        let (mut groups, mut outside) = (Vec::new(), Vec::new());
        for (group, reading) in self.readings.iter().filter(|(group, _)| group.is_beside(&subject)) {
            if reading.is_fresh(now) {
                let list = if reading.members.contains(user) { &mut groups } else { &mut outside };
                list.push(group.clone());
            }
        }
        Principal { groups, outside: Outside::These(outside), ..Principal::new(subject) }
    }

    /// Who asked for something, with their groups as they are known now. `None` if that was too long ago: the roles that
    /// Discord named with the request do not count any more.
    pub fn asker(&self, asker: &Asker, now: Timestamp) -> Option<Principal> {
        let is_fresh = now >= asker.at && now.duration_since(asker.at) <= LONGEST_TRUSTED;
        match &asker.subject {
            Subject::DiscordUser { .. } if !is_fresh => None,
            Subject::DiscordUser { .. } => {
                Some(Principal::new(asker.subject.clone()).only_in(asker.groups.clone()))
            }
            subject => Some(self.principal(subject.clone(), now)),
        }
    }

    /// Whether commands of the subject's workspace are taken. Which workspaces an organisation (`E…`) has is not known
    /// here.
    pub fn serves(&self, subject: &Subject) -> bool {
        match subject {
            Subject::SlackUser { team, .. } | Subject::SlackGroup { team, .. } => {
                let serves = |id: &String| id == team || id.starts_with('E');
                self.served_teams.is_empty() || self.served_teams.iter().any(serves)
            }
            _ => true,
        }
    }

    /// Whether both could name the same person. A group that is not known may hold anybody of its workspace.
    pub fn may_meet(&self, one: &Subject, other: &Subject, now: Timestamp) -> bool {
        let is_in = |group: &Subject, person: &Subject| match (self.members(group, now), person) {
            (Some(members), Subject::SlackUser { user, .. }) => members.contains(user),
            _ => true,
        };
        one == other
            || one.is_beside(other)
                && match (one.is_group(), other.is_group()) {
                    (false, false) => false,
                    (true, false) => is_in(one, other),
                    (false, true) => is_in(other, one),
                    (true, true) => match (self.members(one, now), self.members(other, now)) {
                        (Some(one), Some(other)) => !one.is_disjoint(other),
                        (Some(known), None) | (None, Some(known)) => !known.is_empty(),
                        (None, None) => true,
                    },
                }
    }
}
