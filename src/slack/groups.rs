//! Who is in Slack's user groups: a cache of the members of every group that the ACL names.
//!
//! It is filled in the background, so that no command waits for Slack, and kept in the store for restarts and the
//! command line. A reading that is too old does not count: grants to the group then match nobody, and deny entries
//! match everybody who may be a member.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use reqwest::Url;
use secrecy::SecretString;
use tracing::{debug, info, warn};

use super::web_api::{CallError, WebApi};
use crate::app::ports::{Clock, Directory, DirectoryReport, GroupSubjects, Store};
use crate::domain::access::{Known, Reading};
use crate::domain::principal::Subject;
use crate::redact::Redactor;

/// The longest pause that Slack may ask for: beyond it nothing known would count any more.
const LONGEST_WAIT: Duration = Duration::from_secs(300);
/// After a failure: before Slack is asked again.
const AFTER_FAILURE: Duration = Duration::from_secs(30);

/// How user groups are looked up.
#[derive(Debug, Clone)]
pub struct Lookup {
    /// The bot's token, with the scope `usergroups:read`.
    pub token: SecretString,
    /// Slack's Web API.
    pub base_url: Url,
    /// How often.
    pub intervals: RefreshIntervals,
}

/// The intervals of the cache.
#[derive(Debug, Clone, Copy)]
pub struct RefreshIntervals {
    /// Between two checks whether the ACL names other groups, which cost one small query.
    pub look: Duration,
    /// Between two readings of a group; up to a fifth more.
    pub read: Duration,
}

impl Default for RefreshIntervals {
    fn default() -> Self {
        Self { look: Duration::from_secs(1), read: Duration::from_secs(120) }
    }
}

/// How long somebody who grants a role to a group waits for Slack to say whether it knows the group.
const LONGEST_CHECK: Duration = Duration::from_secs(1);

/// The cache. Without [`Self::keep_fresh`] it knows what it got by [`Self::begin`].
pub struct Groups {
    clock: Arc<dyn Clock>,
    state: RwLock<State>,
    api: OnceLock<WebApi>,
}

#[derive(Default)]
struct State {
    known: Arc<Known>,
    /// The groups that the ACL names.
    named: BTreeSet<Subject>,
    /// Why none can be read.
    problem: Option<Problem>,
}

/// Why Slack does not answer, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {remedy}")]
pub(super) struct Problem {
    pub(super) what: String,
    pub(super) remedy: &'static str,
}

impl Groups {
    /// A cache that knows nothing.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, state: RwLock::default(), api: OnceLock::new() }
    }

    /// Begins with what is known already: from a former process, and from the settings.
    pub fn begin(&self, known: Known) {
        self.write(|state| state.known = Arc::new(known));
    }

    /// Looks the groups up, for as long as the process runs.
    ///
    /// # Errors
    /// When no TLS can be set up.
    pub async fn keep_fresh(
        &self,
        lookup: Lookup,
        store: &dyn Store,
        redactor: Redactor,
    ) -> anyhow::Result<()> {
        let intervals = lookup.intervals;
        let api = WebApi::new(lookup.base_url, lookup.token, redactor)?;
        let mut reader = Reader {
            api: self.api.get_or_init(|| api),
            groups: self,
            store,
            read: intervals.read,
            named_at: None,
            due: BTreeMap::new(),
            not_before: Timestamp::MIN,
        };
        loop {
            reader.look().await;
            self.clock.sleep(intervals.look).await;
        }
    }

    fn read<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.write().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl Directory for Groups {
    async fn has(&self, group: &Subject) -> Option<bool> {
        let (Some(api), Subject::SlackGroup { team, group }) = (self.api.get(), group) else { return None };
        if self.known().looked_up_team.as_ref() != Some(team) {
            return None;
        }
        let asked = tokio::time::timeout(LONGEST_CHECK, api.has_group(group)).await.ok()?;
        asked.inspect_err(|error| debug!(group, ?error, "whether slack knows a group was not checked")).ok()
    }

    fn known(&self) -> Arc<Known> {
        self.read(|state| Arc::clone(&state.known))
    }

    fn report(&self) -> Option<DirectoryReport> {
        let now = self.clock.now();
        self.read(|state| {
            let reading = |group: &Subject| state.known.readings.get(group);
            let is_fresh = |group: &&Subject| reading(group).is_some_and(|reading| reading.is_fresh(now));
            let fresh = state.named.iter().filter(is_fresh).filter_map(|group| reading(group)?.as_of);
            let ages: Vec<Duration> = fresh.map(|as_of| now.duration_since(as_of).unsigned_abs()).collect();
            let of_one = || {
                let mut problems = state.named.iter().filter_map(|group| {
                    reading(group)?.problem.as_ref().map(|problem| format!("{group}: {problem}"))
                });
                problems.next()
            };
            state.known.looks_up_groups.then(|| DirectoryReport {
                groups: state.named.len(),
                known: ages.len(),
                oldest: ages.into_iter().max(),
                problem: state.problem.as_ref().map(ToString::to_string).or_else(of_one),
            })
        })
    }
}

fn of_another_team(own: &str) -> String {
    format!("SLACK_BOT_TOKEN is for the workspace {own} and knows no other's groups")
}

/// What fills the cache.
struct Reader<'a> {
    api: &'a WebApi,
    groups: &'a Groups,
    store: &'a dyn Store,
    read: Duration,
    /// The version of the ACL that was looked at, and when.
    named_at: Option<(i64, Timestamp)>,
    /// When each group is to be read again.
    due: BTreeMap<Subject, Timestamp>,
    not_before: Timestamp,
}

impl Reader<'_> {
    /// Reads what is due.
    async fn look(&mut self) {
        let now = self.groups.clock.now();
        self.look_at_the_acl(now).await;
        // A time that is further away than any pause was set before the clock was turned back.
        let is_paused =
            now < self.not_before && self.not_before.duration_since(now).unsigned_abs() <= LONGEST_WAIT;
        let named: Vec<Subject> = self.groups.read(|state| state.named.iter().cloned().collect());
        if is_paused || named.is_empty() {
            return;
        }
        let Some(team) = self.team(now).await else { return };
        let mut due: Vec<(Timestamp, Subject, String)> = named
            .into_iter()
            .filter_map(|subject| match &subject {
                Subject::SlackGroup { team: of, group } if *of == team => {
                    let group = group.clone();
                    let since = self.due.get(&subject).copied().unwrap_or(Timestamp::MIN);
                    let far = now.checked_add(self.read * 2).unwrap_or(Timestamp::MAX);
                    (since <= now || since > far).then_some((since, subject, group))
                }
                _ => None,
            })
            .collect();
        // The longest overdue first, for a 429 may end the round.
        due.sort();
        let mut tried = BTreeMap::new();
        for (_, subject, group) in due {
            // As of the request: somebody who leaves meanwhile may still be in the answer.
            let as_of = self.groups.clock.now();
            let reading = match self.api.members(&group).await {
                Ok(users) => self.take(&subject, users, as_of),
                Err(error) if error.is_general() => {
                    self.failed(&error);
                    break;
                }
                Err(error) => self.note(&subject, &error),
            };
            tried.insert(subject, reading);
        }
        if !tried.is_empty()
            && let Err(error) = self.store.keep_group_readings(tried).await
        {
            warn!(%error, "the members of groups could not be stored: a restart has to read them again");
        }
    }

    /// Asks the ACL which groups it names, if it changed; and now and then, because grants lapse.
    async fn look_at_the_acl(&mut self, now: Timestamp) {
        let version = match self.store.acl_version().await {
            Ok(version) => version,
            // Said by whatever else needs the store.
            Err(_) => return,
        };
        if let Some((seen, at)) = self.named_at
            && seen == version
            && now >= at
            && now.duration_since(at).unsigned_abs() < self.read
        {
            return;
        }
        let Ok(GroupSubjects { version, groups, .. }) = self.store.group_subjects(now).await else {
            return;
        };
        self.named_at = Some((version, now));
        let named: BTreeSet<Subject> = groups.into_iter().collect();
        self.due.retain(|group, _| named.contains(group));
        self.groups.write(|state| {
            if state.known.readings.keys().any(|group| !named.contains(group)) {
                Arc::make_mut(&mut state.known).readings.retain(|group, _| named.contains(group));
            }
            if let Some(own) = &state.known.looked_up_team {
                warn_of_others(own, named.difference(&state.named));
            }
            state.named = named;
        });
    }

    /// The workspace of the token, asked for once.
    async fn team(&mut self, now: Timestamp) -> Option<String> {
        if let Some(team) = self.groups.read(|state| state.known.looked_up_team.clone()) {
            return Some(team);
        }
        let team = match self.api.team().await {
            Ok(team) => team,
            Err(error) => {
                self.failed(&error);
                return None;
            }
        };
        self.not_before = now;
        self.groups.write(|state| {
            warn_of_others(&team, state.named.iter());
            Arc::make_mut(&mut state.known).looked_up_team = Some(team.clone());
        });
        Some(team)
    }

    /// Takes a reading over.
    fn take(&mut self, group: &Subject, users: Vec<String>, as_of: Timestamp) -> Reading {
        let pause = self.read + (self.read / 5).mul_f64(rand::random::<f64>());
        self.due.insert(group.clone(), as_of.checked_add(pause).unwrap_or(Timestamp::MAX));
        let reading = Reading { members: users.into_iter().collect(), as_of: Some(as_of), problem: None };
        let recovered = self.groups.write(|state| {
            let before = Arc::make_mut(&mut state.known).readings.insert(group.clone(), reading.clone());
            state.problem.take().is_some() || before.is_some_and(|before| before.problem.is_some())
        });
        if recovered {
            info!(%group, "slack's user groups can be read again");
        }
        reading
    }

    /// Notes that one group cannot be read, and says why once for each cause. The others go on.
    fn note(&mut self, group: &Subject, error: &CallError) -> Reading {
        let again = self.groups.clock.now().checked_add(AFTER_FAILURE).unwrap_or(Timestamp::MAX);
        self.due.insert(group.clone(), again);
        let problem = Problem::of(error);
        let (reading, is_new) = self.groups.write(|state| {
            // Slack can be reached again.
            state.problem = None;
            let reading = Arc::make_mut(&mut state.known).readings.entry(group.clone()).or_default();
            let before = reading.problem.replace(problem.to_string());
            (reading.clone(), before != reading.problem)
        });
        if is_new {
            warn!(%group, problem = problem.what, "one of slack's user groups cannot be read; {}", problem.remedy);
        }
        reading
    }

    /// Waits before Slack is asked again, and says why once for each cause.
    fn failed(&mut self, error: &CallError) {
        let pause = match error {
            CallError::Later(wait) => (*wait).min(LONGEST_WAIT),
            CallError::Refused(_) | CallError::Unanswered(_) | CallError::Unusable(_) => AFTER_FAILURE,
        };
        let now = self.groups.clock.now();
        self.not_before = now.checked_add(pause).unwrap_or(Timestamp::MAX);
        let problem = Problem::of(error);
        let is_new = self.groups.write(|state| {
            let is_new = state.problem.as_ref() != Some(&problem);
            state.problem = Some(problem.clone());
            is_new
        });
        if is_new {
            warn!(problem = problem.what, "slack's user groups cannot be read; {}", problem.remedy);
        }
    }
}

fn warn_of_others<'a>(own: &str, groups: impl Iterator<Item = &'a Subject>) {
    for group in groups {
        if !matches!(group, Subject::SlackGroup { team, .. } if team == own) {
            warn!(%group, "grants to this group match nobody: {}", of_another_team(own));
        }
    }
}

impl Problem {
    pub(super) fn of(error: &CallError) -> Self {
        let name = match error {
            CallError::Refused(name) => name.as_str(),
            CallError::Later(_) => "ratelimited",
            CallError::Unanswered(what) | CallError::Unusable(what) => {
                let remedy = "check the network of this machine, and SLACK_API_BASE_URL if it is set; it is tried again by itself";
                return Self { what: what.clone(), remedy };
            }
        };
        let remedy = match name {
            "ratelimited" => "slack asks for a pause; it is tried again by itself",
            "missing_scope" | "not_allowed_token_type" | "no_permission" => {
                "add the scope `usergroups:read` to the app's bot token (OAuth & Permissions) and install the app anew"
            }
            "invalid_auth" | "not_authed" | "token_revoked" | "token_expired" | "account_inactive" => {
                "copy the Bot User OAuth Token (`xoxb-...`) of the installed app to SLACK_BOT_TOKEN and start anew"
            }
            "plan_upgrade_required" | "paid_teams_only" => {
                "this workspace's plan has no user groups: give roles to people instead"
            }
            "org_login_required" | "team_access_not_granted" | "enterprise_is_restricted" => {
                "ask an admin of the Slack organisation to let the app into this workspace"
            }
            _ => "see docs.slack.dev/reference/methods/usergroups.users.list for what this error means",
        };
        Self { what: name.to_owned(), remedy }
    }
}
