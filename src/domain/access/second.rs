//! Who else could approve a hand-over: where nobody could, nobody is asked.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::rule::{Decision, decide};
use super::{AclView, Action, Effect, Known, is_live};
use crate::domain::principal::{Channel, Place, Subject};

/// Those other than the asker who may do the same in the channel now: people, and roles whose members nobody knows here.
/// Each answer is [`decide`]'s, by the grants and channels of `acl`.
#[must_use]
pub fn who_else(
    asker: &Subject,
    action: &Action,
    channel: &Channel,
    acl: &AclView,
    known: &Known,
    now: Timestamp,
) -> BTreeSet<Subject> {
    let gives = acl
        .grants
        .iter()
        .filter(|grant| grant.effect == Effect::Permit && is_live(grant, now) && grant.role.allows(action));
    let mut others: BTreeSet<Subject> =
        gives.flat_map(|grant| people_of(&grant.subject, known, now)).collect();
    let place = Place::Channel(channel.clone());
    others.retain(|other| {
        let principal = known.principal(other.clone(), now);
        other != asker && matches!(decide(&principal, &place, action.clone(), acl, now), Decision::Permit(_))
    });
    others
}

/// The members of a user group of Slack as far as they are known; else the subject itself.
fn people_of(subject: &Subject, known: &Known, now: Timestamp) -> Vec<Subject> {
    let Subject::SlackGroup { team, .. } = subject else { return vec![subject.clone()] };
    let members = known.members(subject, now).into_iter().flatten();
    members.filter_map(|user| Subject::slack_user(team, user)).collect()
}
