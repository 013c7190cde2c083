//! Announcements: what happened to rooms, and which grants lapse, posted to the channels that admins chose.
//!
//! What is to be posted is stored with what it announces, so nothing is lost when the process ends. Nobody waits for it.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tracing::{Instrument as _, Span, info, warn};

use super::pace::Pace;
use super::pending::pause_before;
use super::{CommandService, span_of};
use crate::app::announcements::{Announcements, DueAnnouncement, NextDue};
use crate::app::ports::StoreError;
use crate::app::replies::{Messenger, Platform, SendError};
use crate::domain::access::{GrantId, admins_of, is_live};
use crate::domain::announcement::{Announcement, Topic, channels_for};
use crate::domain::audit::{Announced, AuditEntry, AuditFilter, Event, OperationId, Outcome, What};
use crate::domain::principal::{Channel, Subject};
use crate::domain::reply::Audience;
use crate::domain::reply_note::HowReplied;
use crate::domain::tree_head::TreeHead;

/// After a day an announcement is no news any more.
const LONGEST: SignedDuration = SignedDuration::from_hours(24);
/// Between two looks for grants that lapse.
const LOOK_FOR_LAPSES: Duration = Duration::from_secs(300);
/// The pause after the store failed.
const STORE_AGAIN: Duration = Duration::from_secs(1);
/// How many admins an announcement names.
const MOST_ADMINS: usize = 3;

/// What this process knows about its announcements.
#[derive(Default)]
pub(super) struct Announcing {
    book: Option<Arc<dyn Announcements>>,
    /// Whether something waits for somebody's reply to be delivered.
    waits_for_replies: AtomicBool,
    pace: Pace,
    /// When it was last looked for grants that lapse.
    looked_at: Mutex<Option<Duration>>,
}

/// What to do with an announcement.
pub(super) enum Plan {
    /// Post it.
    Post(Box<Announcement>),
    /// Put it in the place of the message that said so before.
    Replace(Channel, String, Box<Announcement>),
    /// The person's own reply, in the same channel, has said it; or nothing is left to be said.
    Drop,
}

/// What became of an announcement.
enum Ended {
    /// It was posted: where, and the platform's id of the message, if it said one.
    Posted(Channel, Option<String>),
    /// It was given up, and why.
    GivenUp(String),
    /// It is not to be posted.
    NothingToSay,
    /// It is tried again after a pause, which the platform may have asked for.
    NotYet { perhaps_posted: bool, after: Duration, is_asked_for: bool },
}

impl Announcing {
    pub(super) fn kept_in(book: Arc<dyn Announcements>) -> Self {
        Self { book: Some(book), ..Self::default() }
    }

    /// Replies were delivered.
    pub(super) fn replies_were_delivered(&self) {
        if self.waits_for_replies.load(Ordering::SeqCst)
            && let Some(book) = &self.book
        {
            book.is_due().notify_one();
        }
    }

    /// Whether it is time to look for grants that lapse.
    fn looks_now(&self, now: Duration) -> bool {
        let mut looked_at = self.looked_at.lock().unwrap_or_else(PoisonError::into_inner);
        let is_time = looked_at.is_none_or(|at| now.saturating_sub(at) >= LOOK_FOR_LAPSES);
        if is_time {
            *looked_at = Some(now);
        }
        is_time
    }
}

impl CommandService {
    /// The book of announcements, once people can be reached.
    fn announcements(&self) -> Option<&Arc<dyn Announcements>> {
        self.announcing.book.as_ref().filter(|_| self.replies.messengers().is_some())
    }

    /// Whether announcements can be posted to the channel, as far as this process knows: `None` where it serves nobody.
    pub(in crate::app) fn can_post_to(&self, channel: &Channel) -> Option<bool> {
        Some(self.replies.messengers()?.on(Platform::of(channel)).is_some())
    }

    /// Looks, at the start and every few minutes, for grants that lapse; and for what other processes left.
    pub(super) async fn look_for_announcements(&self) -> Result<(), StoreError> {
        let Some(book) = self.announcements() else { return Ok(()) };
        if self.announcing.looks_now(self.clock.elapsed()) {
            book.find_lapses(self.clock.now()).await?;
        }
        book.is_due().notify_one();
        Ok(())
    }

    /// Posts what is due, for as long as the process runs. What is being posted at its end is waited for.
    pub async fn keep_announcing(self: Arc<Self>) {
        let Some(book) = self.announcements() else { return };
        let platforms = self.replies.messengers().map(|them| them.platforms()).unwrap_or_default();
        loop {
            // Set before the look: a reply that is delivered meanwhile ends the wait.
            self.announcing.waits_for_replies.store(true, Ordering::SeqCst);
            let next = book.next_due(&platforms, self.clock.now()).await;
            let waits_for_replies = matches!(next, Ok(NextDue::AfterReplies));
            self.announcing.waits_for_replies.store(waits_for_replies, Ordering::SeqCst);
            match next {
                Ok(NextDue::Nothing | NextDue::AfterReplies) => book.is_due().notified().await,
                Ok(NextDue::NotBefore(at)) => {
                    let pause = self.clock.now().duration_until(at);
                    tokio::select! {
                        () = self.clock.sleep(Duration::try_from(pause).unwrap_or_default()) => {}
                        () = book.is_due().notified() => {}
                    }
                }
                Ok(NextDue::Post(due, head)) => {
                    let (service, book) = (Arc::clone(&self), Arc::clone(book));
                    let span = match due.topic {
                        Topic::Operation(operation, _) => span_of(operation),
                        Topic::Grant(_) => Span::none(),
                    };
                    let work = async move { service.announce(&*book, &due, head).await };
                    drop(self.spawn(work.instrument(span)).await);
                }
                Err(error) => {
                    warn!(%error, "announcements cannot be read");
                    tokio::time::sleep(STORE_AGAIN).await;
                }
            }
        }
    }

    /// Works on one: posts it, gives it up, or puts it off.
    async fn announce(&self, book: &dyn Announcements, due: &DueAnnouncement, head: TreeHead) {
        let ended = self.end_of(due, head).await;
        // Until that is stored it is not tried again.
        while let Err(error) = self.store_end(book, due, &ended).await {
            warn!(channel = %due.channel, %error, "what became of an announcement cannot be stored");
            tokio::time::sleep(STORE_AGAIN).await;
        }
    }

    async fn store_end(
        &self,
        book: &dyn Announcements,
        due: &DueAnnouncement,
        ended: &Ended,
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        let announced = |channel: &Channel, message: &Option<String>, problem: &Option<String>| Announced {
            channel: channel.clone(),
            event: due.topic.event().unwrap_or_default(),
            message: message.clone(),
            problem: problem.clone(),
            to: due.person.clone(),
        };
        match ended {
            Ended::Posted(channel, message) => {
                book.settle(due, Some(announced(channel, message, &None)), now).await
            }
            Ended::GivenUp(why) => {
                book.settle(due, Some(announced(&due.channel, &None, &Some(why.clone()))), now).await
            }
            Ended::NothingToSay => book.settle(due, None, now).await,
            Ended::NotYet { perhaps_posted, after, is_asked_for } => {
                let due = DueAnnouncement { perhaps_posted: *perhaps_posted, ..due.clone() };
                book.postpone(&due, later(now, *after), *is_asked_for, now).await
            }
        }
    }

    async fn end_of(&self, due: &DueAnnouncement, head: TreeHead) -> Ended {
        let now = self.clock.now();
        if now.duration_since(due.since) >= LONGEST {
            return given_up(due, "a day is over".to_owned());
        }
        let platform = Platform::of(&due.channel);
        let messenger = self.replies.messengers().and_then(|them| them.on(platform));
        let Some(messenger) = messenger else {
            let why = format!("the bot has no token to post with: set {}", platform.token_setting());
            return given_up(due, why);
        };
        if let Some(after) = self.announcing.pace.paused(platform, self.clock.elapsed()) {
            return Ended::NotYet { perhaps_posted: due.perhaps_posted, after, is_asked_for: true };
        }
        let planned = match due.topic {
            Topic::Operation(operation, event) => {
                self.planned(due, operation, event, head, &**messenger).await
            }
            Topic::Grant(grant) => self.planned_lapse(due, grant).await,
        };
        let planned = match planned {
            Ok(Plan::Drop) => return Ended::NothingToSay,
            Ok(planned) => planned,
            Err(error) => {
                warn!(channel = %due.channel, %error, "what is to be announced cannot be read");
                let (perhaps_posted, after) = (due.perhaps_posted, pause_before(due.tries));
                return Ended::NotYet { perhaps_posted, after, is_asked_for: false };
            }
        };
        let pause = self.announcing.pace.pause(&due.channel, self.clock.elapsed());
        if !pause.is_zero() {
            self.clock.sleep(pause).await;
        }
        let posted = carried_out(planned, due, &**messenger).await;
        self.announcing.pace.has_posted(&due.channel, self.clock.elapsed());
        match posted {
            Ok((channel, message)) => {
                info!(%channel, message = ?message, "announced");
                Ended::Posted(channel, message)
            }
            Err(SendError::Permanent(why)) => given_up(due, why),
            Err(SendError::Temporary { why, after, is_unclear }) => {
                warn!(channel = %due.channel, why, "an announcement cannot be posted yet");
                let perhaps_posted = due.perhaps_posted || is_unclear;
                let is_asked_for = after.is_some();
                if let Some(after) = after {
                    self.announcing.pace.pauses(platform, self.clock.elapsed().saturating_add(after));
                }
                let after = after.unwrap_or_else(|| pause_before(due.tries));
                Ended::NotYet { perhaps_posted, after, is_asked_for }
            }
        }
    }

    /// A reply that everybody in the channel sees said what is to be announced there.
    pub(super) async fn announced_by_reply(&self, operation: OperationId, channel: &Channel, message: &str) {
        let Some(book) = self.announcements() else { return };
        if let Err(error) = book.was_replied(operation, channel, message, self.clock.now()).await {
            warn!(operation = operation.seq(), %error, "the reply may be announced again");
        }
    }

    /// What to say of an operation, as it was after the event.
    async fn planned(
        &self,
        due: &DueAnnouncement,
        operation: OperationId,
        event: i64,
        head: TreeHead,
        messenger: &dyn Messenger,
    ) -> Result<Plan, StoreError> {
        let events = self.store.log().events(operation).await?;
        let upto: Vec<&Event> = events.iter().filter(|it| it.seq <= event).collect();
        let Some(mut entry) = upto.first().and_then(|first| AuditEntry::begun_by(first)) else {
            return Ok(Plan::Drop);
        };
        if let Some(request) = self.store.access_request(operation).await? {
            return self.planned_request(due, request, &events).await;
        }
        upto.iter().for_each(|event| entry.follow(event));
        let channels = self.store.announcement_channels().await?;
        if !channels_for(&entry, &channels).any(|channel| *channel == due.channel) {
            return Ok(Plan::Drop);
        }
        let outcomes: Vec<&Outcome> = upto.iter().filter_map(|event| outcome_of(event)).collect();
        let outcome =
            outcomes.last().map(|outcome| (*outcome).clone().with_remedies(|code| self.rooms.remedy(code)));
        let is_news = outcomes.len() > 1;
        if let Some(outcome) = outcome.as_ref().filter(|_| !is_news)
            && entry.channel.as_ref() == Some(&due.channel)
            && messenger.shows_replies()
            && outcome.audience() == Audience::Channel
            && was_answered(&events)
        {
            return Ok(Plan::Drop);
        }
        let new_owner_name = match &entry.new_owner_person {
            Some(person) => self.last_seen_name(person).await,
            None => None,
        };
        let (entry, perhaps_posted) = (Box::new(entry), due.perhaps_posted);
        let change = Announcement::Change { entry, new_owner_name, outcome, is_news, head, perhaps_posted };
        Ok(Plan::Post(Box::new(change)))
    }

    /// What to say of a grant that lapses.
    async fn planned_lapse(&self, due: &DueAnnouncement, id: GrantId) -> Result<Plan, StoreError> {
        let now = self.clock.now();
        let grant = self.store.grant(id).await?.filter(|grant| is_live(grant, now));
        let channels = self.store.announcement_channels().await?;
        let here = channels.iter().find(|entry| entry.channel == due.channel && entry.is_live(now));
        let here = here.zip(grant).filter(|(here, grant)| here.covers_end_of(grant, now));
        let Some((here, grant)) = here else { return Ok(Plan::Drop) };
        let mut admins = Vec::new();
        if here.for_admins {
            let all = self.store.admins().await?;
            let rooms = [grant.rooms.clone()];
            let subjects: BTreeSet<&Subject> =
                admins_of(&all, &rooms, now).map(|admin| &admin.subject).collect();
            for subject in subjects.into_iter().take(MOST_ADMINS) {
                admins.push(self.called(subject).await);
            }
        }
        let holder = self.called(&grant.subject).await;
        let (grant, perhaps_posted) = (Box::new(grant), due.perhaps_posted);
        Ok(Plan::Post(Box::new(Announcement::Lapse { grant, holder, admins, perhaps_posted })))
    }

    /// The name under which somebody was last seen, else their id.
    async fn called(&self, subject: &Subject) -> String {
        self.last_seen_name(subject).await.unwrap_or_else(|| subject.to_string())
    }

    /// The name under which somebody was last seen.
    pub async fn last_seen_name(&self, subject: &Subject) -> Option<String> {
        let actor = Some(subject.clone());
        let filter = AuditFilter { actor, without_readings: true, limit: Some(1), ..AuditFilter::default() };
        let seen = self.store.audit(&filter).await.unwrap_or_default();
        seen.into_iter().find_map(|entry| entry.actor_name)
    }
}

/// Posts what is planned: where it is, and the platform's id of the message.
async fn carried_out(
    plan: Plan,
    due: &DueAnnouncement,
    messenger: &dyn Messenger,
) -> Result<(Channel, Option<String>), SendError> {
    let key = due.topic.key();
    match (plan, &due.person) {
        (Plan::Replace(channel, message, announcement), _) => {
            messenger.replace(&channel, &message, &announcement).await?;
            Ok((channel, Some(message)))
        }
        (Plan::Post(announcement), Some(person)) => {
            let written = messenger.write_to(person, &announcement, &key).await?;
            let (channel, message) = written.unzip();
            Ok((channel.unwrap_or_else(|| due.channel.clone()), message))
        }
        (Plan::Post(announcement), None) => {
            Ok((due.channel.clone(), messenger.post(&due.channel, &announcement, &key).await?))
        }
        (Plan::Drop, _) => Err(SendError::Permanent("there is nothing to say".to_owned())),
    }
}

fn given_up(due: &DueAnnouncement, why: String) -> Ended {
    warn!(channel = %due.channel, why, "an announcement was given up");
    Ended::GivenUp(why)
}

fn later(now: Timestamp, pause: Duration) -> Timestamp {
    now.saturating_add(pause).unwrap_or(Timestamp::MAX)
}

fn outcome_of(event: &Event) -> Option<&Outcome> {
    match &event.what {
        What::Ended(outcome) => Some(outcome),
        _ => None,
    }
}

/// Whether the reply was delivered where it was asked: of any other way there is a note.
fn was_answered(events: &[Event]) -> bool {
    !events.iter().any(|event| match &event.what {
        What::Reply(note) => matches!(note.how, HowReplied::Sent | HowReplied::Lost),
        _ => false,
    })
}
