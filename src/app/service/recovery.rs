//! The outcome of an operation whose end was lost: found out by reading the owner back, never by sending
//! again.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tracing::{Instrument as _, error, info};

use super::{CommandService, StoreError, span_of};
use crate::app::ports::{Clock, ReadError};
use crate::domain::audit::{OperationId, Outcome, OutcomeKind, Refusal, Unresolved};
use crate::domain::room::AccountId;

/// The admissions that the store has not answered yet. What one of them records can be read before it is
/// known here whose it is, and must not be taken for work that was abandoned.
#[derive(Default)]
pub(super) struct Admissions(Mutex<(u64, HashSet<u64>)>);

/// An admission that has not been answered, or whose answer is still being taken in.
pub(super) struct Asking<'a>(&'a Admissions, u64);

impl Admissions {
    pub(super) fn begin(&self) -> Asking<'_> {
        let mut asked = self.lock();
        asked.0 += 1;
        let number = asked.0;
        asked.1.insert(number);
        Asking(self, number)
    }

    fn unanswered(&self) -> HashSet<u64> {
        self.lock().1.clone()
    }

    fn lock(&self) -> MutexGuard<'_, (u64, HashSet<u64>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.0.lock().1.remove(&self.1);
    }
}

/// The operations that have no final outcome, as far as this process knows more about them than the store.
#[derive(Default)]
pub(super) struct Watched(Mutex<HashMap<OperationId, Watch>>);

#[derive(Default)]
struct Watch {
    /// When this process wrote it down, by the time and by the clock that never goes back.
    begun: Option<(Timestamp, Duration)>,
    /// Since when its change may come true by itself: its call was cut, or it was found.
    cut: Option<Duration>,
    /// How often it was looked at, and how many looks it is left out of.
    looks: u32,
    rests: u32,
    /// Whether the last look at it was final.
    is_over: bool,
    /// Its outcome, if the store did not take that.
    unrecorded: Option<Outcome>,
}

/// An operation that nobody can resolve is looked at more and more seldom, but once in so many looks.
const MOST_RESTS: u32 = 11;

impl Watched {
    pub(super) fn begin(&self, operation: OperationId, at: Timestamp, elapsed: Duration) {
        self.with(operation, |watch| watch.begun = Some((at, elapsed)));
    }

    pub(super) fn cut(&self, operation: OperationId, elapsed: Duration) {
        self.with(operation, |watch| watch.cut = watch.cut.or(Some(elapsed)));
    }

    /// The time by the clock by which the operation was begun, even if it was set since.
    pub(super) fn now(&self, operation: OperationId, clock: &dyn Clock) -> Timestamp {
        let begun = self.lock().get(&operation).and_then(|watch| watch.begun);
        begun.map_or_else(
            || clock.now(),
            |(at, elapsed)| {
                let took = i64::try_from(clock.elapsed().saturating_sub(elapsed).as_millis());
                let took = SignedDuration::from_millis(took.unwrap_or(i64::MAX));
                at.saturating_add(took).unwrap_or(Timestamp::MAX)
            },
        )
    }

    pub(super) fn recorded(&self, operation: OperationId) {
        self.with(operation, |watch| watch.unrecorded = None);
    }

    pub(super) fn not_recorded(&self, operation: OperationId, outcome: Outcome) {
        self.with(operation, |watch| watch.unrecorded = Some(outcome));
    }

    fn unrecorded(&self, operation: OperationId) -> Option<Outcome> {
        self.lock().get(&operation)?.unrecorded.clone()
    }

    /// Whether it was cut so long ago.
    pub(super) fn is_cut_for(&self, operation: OperationId, elapsed: Duration, so_long: Duration) -> bool {
        self.with(operation, |watch| elapsed.saturating_sub(*watch.cut.get_or_insert(elapsed)) >= so_long)
    }

    /// Whether it is looked at this time: four times at each pause, then the pause grows; and as it is over.
    fn is_due(&self, operation: OperationId, is_over: bool) -> bool {
        self.with(operation, |watch| {
            if watch.rests > 0 && watch.is_over == is_over {
                watch.rests -= 1;
                return false;
            }
            watch.looks += 1;
            watch.rests = (watch.looks / 4).min(MOST_RESTS);
            watch.is_over = is_over;
            true
        })
    }

    fn keep(&self, is_open: impl Fn(OperationId) -> bool) {
        self.lock().retain(|operation, _| is_open(*operation));
    }

    fn with<T>(&self, operation: OperationId, work: impl FnOnce(&mut Watch) -> T) -> T {
        work(self.lock().entry(operation).or_default())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<OperationId, Watch>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// When the owner was read back, which says how much the reading tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Looked {
    /// After Tencent had answered that it failed.
    AfterAnAnswer,
    /// After the call was cut, within seconds.
    AtOnce,
    /// Later, while its change may still come true.
    Early,
    /// So much later that no change comes of it any more.
    Late,
}

/// How long somebody waits for a look at the operation that holds the room: they are to read within two seconds
/// that their own is on record.
const QUICK_LOOK: Duration = Duration::from_secs(1);

impl CommandService {
    /// Looks into every operation without a final outcome that nobody is working on, if it is its turn.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn recover(&self) -> Result<(), StoreError> {
        let open = self.store.unresolved().await?;
        // Asked for after the reading: what was read and is not among them has been taken in.
        let unanswered = self.admissions.unanswered();
        let numbers: HashSet<_> = open.iter().map(|open| open.operation).collect();
        self.watched.keep(|operation| numbers.contains(&operation) || self.in_flight.contains(operation));
        let abandoned: Vec<_> = open.into_iter().filter(|open| self.is_abandoned(open)).collect();
        // Read before it was entered here, it may be this process's own work after all.
        let may_be_new = |open: &Unresolved| open.is_ours && open.outcome == OutcomeKind::Pending;
        if abandoned.iter().any(may_be_new) && !unanswered.is_empty() {
            self.clock.sleep(self.timing.record_again).await;
        }
        let is_new =
            |open: &Unresolved| may_be_new(open) && !unanswered.is_disjoint(&self.admissions.unanswered());
        let abandoned =
            abandoned.into_iter().filter(|open| !is_new(open) && self.is_abandoned(open)).collect();
        for unresolved in &self.still_open(abandoned).await? {
            if self.watched.is_due(unresolved.operation, self.is_over(unresolved)) {
                self.look_into_it(unresolved, None).instrument(span_of(unresolved.operation)).await;
            }
        }
        Ok(())
    }

    /// Those that have no final outcome even now. What is ended is not under way any more either, so what was
    /// read a moment before its end looks abandoned; it is enough to read again after that look.
    async fn still_open(&self, mut found: Vec<Unresolved>) -> Result<Vec<Unresolved>, StoreError> {
        if !found.is_empty() {
            let open: HashSet<_> = self.store.unresolved().await?.iter().map(|open| open.operation).collect();
            found.retain(|unresolved| open.contains(&unresolved.operation));
        }
        Ok(found)
    }

    /// Calls [`Self::recover`] now and again, for as long as the process runs.
    pub async fn keep_recovering(&self) {
        loop {
            let looked = async {
                self.take_over_replies().await?;
                self.look_at_waiting_replies().await?;
                self.recover().await?;
                self.look_at_waiting_replies().await?;
                self.look_for_announcements().await
            };
            if let Err(error) = looked.await {
                error!(%error, "unresolved operations could not be read");
            }
            self.clock.sleep(self.timing.recover_again).await;
        }
    }

    pub(super) fn is_abandoned(&self, unresolved: &Unresolved) -> bool {
        let mine = self.in_flight.contains(unresolved.operation);
        let others = unresolved.outcome == OutcomeKind::Pending && unresolved.is_elsewhere;
        !mine && !others
    }

    /// Looks once, and quickly, at the operation that keeps somebody else out of its room, if nobody is working
    /// on it.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(super) async fn resolve_holder(&self, unresolved: &Unresolved) -> Result<(), StoreError> {
        let may_be_new = unresolved.is_ours && unresolved.outcome == OutcomeKind::Pending;
        let is_new = may_be_new && !self.admissions.unanswered().is_empty();
        if is_new || !self.is_abandoned(unresolved) {
            return Ok(());
        }
        for unresolved in &self.still_open(vec![unresolved.clone()]).await? {
            let span = span_of(unresolved.operation);
            self.look_into_it(unresolved, Some(QUICK_LOOK)).instrument(span).await;
        }
        Ok(())
    }

    /// Whether no change comes of it any more. By this process's own watch; of what another began, also by the
    /// time at which that recorded it as unknown.
    fn is_over(&self, unresolved: &Unresolved) -> bool {
        let so_long = self.timing.unclear_for;
        let by_record =
            unresolved.unclear.as_ref().filter(|_| !unresolved.is_ours).is_some_and(|(since, _)| {
                Duration::try_from(self.clock.now().duration_since(*since)).is_ok_and(|age| age >= so_long)
            });
        let by_watch = self.watched.is_cut_for(unresolved.operation, self.clock.elapsed(), so_long);
        by_record || by_watch
    }

    /// Resolves an operation by reading the owner back. It is never sent again.
    async fn look_into_it(&self, unresolved: &Unresolved, within: Option<Duration>) {
        let operation = unresolved.operation;
        if let Some(outcome) = self.watched.unrecorded(operation) {
            self.record(operation, &outcome).await;
            return;
        }
        let problem = self.problem(unresolved);
        let Some(new_owner) = &unresolved.new_owner else {
            self.follow_up(unresolved).await;
            self.record(operation, &Outcome::Declined(problem)).await;
            return;
        };
        let reading = self.rooms.owner_of(&unresolved.room);
        let owner = match within {
            None => reading.await,
            Some(limit) => tokio::time::timeout(limit, reading)
                .await
                .unwrap_or_else(|_| Err(ReadError::Unreadable(lost("the owner could not be read in time")))),
        };
        let looked = if self.is_over(unresolved) { Looked::Late } else { Looked::Early };
        let previous = unresolved.previous_owner.clone();
        let outcome = self.settled(operation, new_owner, previous, problem, owner, looked).await;
        if outcome.kind() == unresolved.outcome && !outcome.is_final() {
            return;
        }
        info!(operation = operation.seq(), outcome = %outcome.kind(), "operation resolved by reading the owner back");
        self.follow_up(unresolved).await;
        self.record(operation, &outcome).await;
    }

    /// Why the outcome of an operation is not known: as it was recorded, or because its process broke off.
    pub(super) fn problem(&self, unresolved: &Unresolved) -> Refusal {
        match &unresolved.unclear {
            Some((_, problem)) => {
                let remedy = problem.code.map_or(Refusal::LOOK_FIRST.to_owned(), |it| self.rooms.remedy(it));
                Refusal { remedy, ..problem.clone() }
            }
            None if unresolved.is_ours => lost("the bot's work on it broke off"),
            None if unresolved.new_owner.is_none() => {
                lost("the process ended before the question was answered")
            }
            None => lost("the process ended before Tencent's answer was recorded"),
        }
    }

    /// What an unclear answer turns out to have been: what the owner says that was read back, unless
    /// a callback has reported the change.
    pub(super) async fn settled(
        &self,
        operation: OperationId,
        new_owner: &AccountId,
        previous: Option<AccountId>,
        problem: Refusal,
        read_back: Result<AccountId, ReadError>,
        looked: Looked,
    ) -> Outcome {
        let owner_now = read_back.as_ref().ok().cloned();
        let by_reading = settle(new_owner, previous.clone(), problem.clone(), read_back, looked);
        if matches!(by_reading, Outcome::Succeeded { .. }) {
            return by_reading;
        }
        self.confirmed_by_callback(operation, previous, owner_now, problem).await.unwrap_or(by_reading)
    }
}

/// What an unclear answer turns out to have been, by the owner that was read back after it.
fn settle(
    new_owner: &AccountId,
    previous: Option<AccountId>,
    problem: Refusal,
    read_back: Result<AccountId, ReadError>,
    looked: Looked,
) -> Outcome {
    let is_as_before = |owner: &AccountId| previous.as_ref() == Some(owner);
    match read_back {
        Ok(owner) if owner == *new_owner => Outcome::Succeeded {
            previous,
            confirmed: true,
            request_id: problem.request_id.clone(),
            unclear: Some(problem),
        },
        // The change may still come true.
        Ok(_) if looked == Looked::Early => Outcome::Unknown { previous, problem, owner_now: None },
        Ok(owner) if looked == Looked::AtOnce && is_as_before(&owner) => {
            Outcome::Unknown { previous, problem, owner_now: None }
        }
        // Known to be as before: it did not happen.
        Ok(owner) if is_as_before(&owner) => {
            let remedy = match problem.code {
                Some(_) => problem.remedy,
                None => "The change did not happen: it is safe to send it again.".to_owned(),
            };
            Outcome::Refused { previous: Some(owner), refusal: Refusal { remedy, ..problem } }
        }
        Ok(owner) => Outcome::Unknown { previous, problem, owner_now: Some(owner) },
        // The room is gone: there is nothing left to own, and nothing left to find out.
        Err(ReadError::NoRoom(refusal)) => Outcome::Refused {
            previous,
            refusal: Refusal {
                info: format!("{}; then: {}", problem.info, refusal.info),
                code: problem.code.or(refusal.code),
                request_id: problem.request_id.or(refusal.request_id),
                remedy: refusal.remedy,
            },
        },
        Err(ReadError::Refused(_) | ReadError::Unreadable(_)) => {
            Outcome::Unknown { previous, problem, owner_now: None }
        }
    }
}

pub(super) fn lost(info: &str) -> Refusal {
    Refusal::own(info, Refusal::LOOK_FIRST)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(id: &str) -> AccountId {
        AccountId::from_tencent(id.to_owned())
    }

    fn settled(previous: Option<&str>, now: &str, looked: Looked) -> Outcome {
        settle(&account("new"), previous.map(account), lost("no answer"), Ok(account(now)), looked)
    }

    const ALWAYS: [Looked; 4] = [Looked::AfterAnAnswer, Looked::AtOnce, Looked::Early, Looked::Late];

    #[test]
    fn the_new_owner_is_a_yes_whoever_came_before() {
        for looked in ALWAYS {
            for previous in [None, Some("old")] {
                let outcome = settled(previous, "new", looked);
                assert!(matches!(outcome, Outcome::Succeeded { confirmed: true, .. }), "{looked:?}");
            }
        }
    }

    #[test]
    fn the_known_previous_owner_is_a_no_once_no_change_can_come() {
        for looked in [Looked::AfterAnAnswer, Looked::Late] {
            assert!(matches!(settled(Some("old"), "old", looked), Outcome::Refused { .. }), "{looked:?}");
        }
        for looked in [Looked::AtOnce, Looked::Early] {
            let outcome = settled(Some("old"), "old", looked);
            assert!(matches!(outcome, Outcome::Unknown { owner_now: None, .. }), "{looked:?}: {outcome:?}");
        }
    }

    #[test]
    fn a_third_owner_is_never_explained() {
        for looked in [Looked::AfterAnAnswer, Looked::AtOnce, Looked::Late] {
            for previous in [None, Some("old")] {
                let outcome = settled(previous, "third", looked);
                assert!(
                    matches!(&outcome, Outcome::Unknown { owner_now: Some(now), .. } if now.as_str() == "third")
                );
                assert!(outcome.is_final(), "no reading can ever tell more");
                assert_eq!(outcome.previous_owner().map(AccountId::as_str), previous);
            }
        }
        assert!(!settled(Some("old"), "third", Looked::Early).is_final(), "the change may still come true");
    }

    #[test]
    fn what_tencent_said_is_kept_when_the_room_is_gone_by_then() {
        let problem = Refusal { code: Some(100_001), request_id: Some("Id-1".to_owned()), ..lost("busy") };
        let gone = Refusal { code: Some(100_004), request_id: Some("Id-2".to_owned()), ..lost("no room") };
        let outcome = settle(&account("new"), None, problem, Err(ReadError::NoRoom(gone)), Looked::Late);
        assert_eq!((outcome.request_id(), outcome.problem().unwrap().code), (Some("Id-1"), Some(100_001)));
        assert_eq!(outcome.problem().unwrap().info, "busy; then: no room");
    }

    #[test]
    fn an_operation_is_looked_at_more_and_more_seldom_and_once_more_when_it_is_over() {
        let watched = Watched::default();
        let operation = OperationId::new(7);
        let looks: Vec<u32> = (0..400).filter(|_| watched.is_due(operation, false)).collect();
        assert_eq!(looks[..8], [0, 1, 2, 3, 5, 7, 9, 11], "each time, then each other time");
        assert!(looks.windows(2).all(|pair| pair[1] - pair[0] <= MOST_RESTS + 1));
        assert_eq!(looks[looks.len() - 1] - looks[looks.len() - 2], MOST_RESTS + 1);
        assert!(!watched.is_due(operation, false));
        assert!(watched.is_due(operation, true), "as it is over it is looked at");
        assert!(!watched.is_due(operation, true));
    }

    #[test]
    fn what_was_begun_ends_later_whatever_the_clock_is_set_to() {
        struct SetBack;
        #[async_trait::async_trait]
        impl Clock for SetBack {
            fn now(&self) -> Timestamp {
                Timestamp::from_second(1_000).unwrap()
            }
            async fn sleep(&self, _: Duration) {}
            fn elapsed(&self) -> Duration {
                Duration::from_secs(53)
            }
        }
        let watched = Watched::default();
        watched.begin(OperationId::new(7), Timestamp::from_second(5_000).unwrap(), Duration::from_secs(50));
        assert_eq!(watched.now(OperationId::new(7), &SetBack).as_second(), 5_003);
        assert_eq!(watched.now(OperationId::new(8), &SetBack).as_second(), 1_000);
    }
}
