//! Limits, so that one person, one room or a flood does not keep everybody else out.
//!
//! Every command first takes a slot of the `FairSemaphore`: so many are worked on at once, so many more wait, in
//! turn by room, and none longer than its patience. Then a `RateLimiter` counts the commands of a person, and
//! another the permitted ones about a room. A refusal says so, and that nothing was done.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::oneshot;

use crate::domain::reply::Overload;

/// The span over which commands are counted.
const MINUTE: SignedDuration = SignedDuration::from_mins(1);
/// How far out of order two readings of the clock may be counted.
const OUT_OF_ORDER: SignedDuration = SignedDuration::from_secs(1);
/// At so many people or rooms, those without a command in the last minute are dropped.
const SWEEP_AT: usize = 4_096;

/// How much load is accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Commands that one person may give in a minute; `None` for any number.
    pub per_person: Option<u32>,
    /// Permitted transfers of, and questions about, one room in a minute; `None` for any number.
    pub per_room: Option<u32>,
    /// Commands that are worked on at once, at least 1.
    pub at_once: usize,
    /// Commands that wait for their turn.
    pub waiting: usize,
    /// How long each of them waits: less than the 2 s after which a reply says that it takes longer.
    pub patience: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            per_person: Some(60),
            per_room: Some(60),
            at_once: 256,
            waiting: 1_024,
            patience: Duration::from_millis(1_500),
        }
    }
}

/// By how many times a full queue grows.
const GROWTH: usize = 8;

/// Counts commands by key over the last minute.
pub struct RateLimiter<K>(Mutex<HashMap<K, VecDeque<Timestamp>>>);

impl<K> Default for RateLimiter<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash + Clone> RateLimiter<K> {
    /// Counts one more, unless `limit` are counted already.
    pub fn admits(&self, key: &K, limit: u32, now: Timestamp) -> bool {
        // After the clock was set back, times in the future do not count: nobody is kept out for longer than the
        // minute. Requests of the same moment may be a little out of order.
        let is_past = |at: &Timestamp| !(-OUT_OF_ORDER..MINUTE).contains(&now.duration_since(*at));
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counted.len() >= SWEEP_AT && !counted.contains_key(key) {
            counted.retain(|_, times| times.back().is_some_and(|at| !is_past(at)));
        }
        let times = counted.entry(key.clone()).or_default();
        while times.front().is_some_and(is_past) {
            times.pop_front();
        }
        if times.len() >= limit as usize {
            return false;
        }
        if times.len() == times.capacity() {
            // By little: doubled queues would stay in memory long after the busiest minute.
            times.reserve_exact(GROWTH);
        }
        times.push_back(now);
        true
    }
}

/// A slot for one command at work; dropping it hands it to the next.
#[derive(Debug)]
pub(super) struct Slot(Option<Arc<FairSemaphore>>);

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(semaphore) = self.0.take() {
            FairSemaphore::hand_on(semaphore);
        }
    }
}

/// Bounds the commands at work. Others wait: first come, first served within a room, and round robin between rooms, so
/// that a room with a hundred commands delays another room by one command.
#[derive(Debug)]
pub(super) struct FairSemaphore {
    limits: Limits,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    inside: usize,
    waiting: usize,
    lines: HashMap<String, VecDeque<oneshot::Sender<Slot>>>,
    /// The rooms with a line, in their turn.
    turns: VecDeque<String>,
}

impl FairSemaphore {
    pub(super) fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self { limits, state: Mutex::default() })
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.limits
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a slot. `room` may be anything that commands have in common.
    pub(super) async fn enter(self: &Arc<Self>, room: &str) -> Result<Slot, Overload> {
        let mut turn = {
            let mut state = self.state();
            if state.inside < self.limits.at_once.max(1) {
                state.inside += 1;
                return Ok(Slot(Some(Arc::clone(self))));
            }
            if state.waiting >= self.limits.waiting && !state.make_way_for(room) {
                return Err(Overload::Full);
            }
            state.join(room)
        };
        match tokio::time::timeout(self.limits.patience, &mut turn).await {
            Ok(Ok(slot)) => return Ok(slot),
            // A quieter room took this place in the line.
            Ok(Err(_)) => return Err(Overload::Full),
            Err(_) => {}
        }
        let mut state = self.state();
        // The turn may have come just now.
        if let Ok(slot) = turn.try_recv() {
            return Ok(slot);
        }
        drop(turn);
        state.forget_the_gone(room);
        Err(Overload::Full)
    }

    fn hand_on(semaphore: Arc<Self>) {
        let mut slot = Slot(Some(Arc::clone(&semaphore)));
        let mut state = semaphore.state();
        while let Some(next) = state.next() {
            match next.send(slot) {
                Ok(()) => return,
                // That one has given up: the next.
                Err(back) => slot = back,
            }
        }
        state.inside -= 1;
        // Its drop must not hand it on again.
        drop(slot.0.take());
    }
}

impl State {
    fn join(&mut self, room: &str) -> oneshot::Receiver<Slot> {
        let (call, turn) = oneshot::channel();
        let line = self.lines.entry(room.to_owned()).or_default();
        if line.is_empty() {
            self.turns.push_back(room.to_owned());
        }
        line.push_back(call);
        self.waiting += 1;
        turn
    }

    /// Drops the last of the longest line, if that line is longer than the room's would become.
    fn make_way_for(&mut self, room: &str) -> bool {
        let own = self.lines.get(room).map_or(0, VecDeque::len);
        let Some(longest) = self.lines.values_mut().max_by_key(|line| line.len()) else { return false };
        if longest.len() <= own + 1 {
            return false;
        }
        // Dropping its sender tells the waiting side.
        drop(longest.pop_back());
        self.waiting -= 1;
        true
    }

    /// Takes the next one out of its line.
    fn next(&mut self) -> Option<oneshot::Sender<Slot>> {
        while let Some(room) = self.turns.pop_front() {
            let Some(line) = self.lines.get_mut(&room) else { continue };
            let next = line.pop_front();
            if line.is_empty() {
                self.lines.remove(&room);
            } else {
                self.turns.push_back(room);
            }
            if next.is_some() {
                self.waiting -= 1;
                return next;
            }
        }
        None
    }

    fn forget_the_gone(&mut self, room: &str) {
        let Some(line) = self.lines.get_mut(room) else { return };
        let before = line.len();
        line.retain(|waiting| !waiting.is_closed());
        self.waiting -= before - line.len();
        if line.is_empty() {
            self.lines.remove(room);
            self.turns.retain(|turn| turn != room);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn noon_and(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_795_000_000 + seconds).unwrap()
    }

    fn semaphore(at_once: usize, waiting: usize) -> Arc<FairSemaphore> {
        FairSemaphore::new(Limits { at_once, waiting, ..Limits::default() })
    }

    /// Lets everything that can go on go on.
    async fn settle() {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
    }

    /// Enters in a task of its own and reports the room once inside.
    fn arrive(
        semaphore: &Arc<FairSemaphore>,
        room: &'static str,
        inside: &tokio::sync::mpsc::UnboundedSender<(&'static str, Result<Slot, Overload>)>,
    ) {
        let (semaphore, inside) = (Arc::clone(semaphore), inside.clone());
        tokio::spawn(async move {
            let slot = semaphore.enter(room).await;
            drop(inside.send((room, slot)));
        });
    }

    #[tokio::test(start_paused = true)]
    async fn a_hot_room_costs_another_one_a_single_turn() {
        let semaphore = semaphore(1, 100);
        let first = semaphore.enter("hot").await.unwrap();
        let (inside, mut entered) = tokio::sync::mpsc::unbounded_channel();
        for _ in 0..20 {
            arrive(&semaphore, "hot", &inside);
        }
        settle().await;
        arrive(&semaphore, "quiet", &inside);
        settle().await;
        drop(first);
        let mut order = Vec::new();
        for _ in 0..3 {
            let (room, slot) = entered.recv().await.unwrap();
            order.push(room);
            drop(slot.unwrap());
        }
        assert_eq!(order, ["hot", "quiet", "hot"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_line_makes_way_for_a_quieter_room_and_for_no_other() {
        let semaphore = semaphore(1, 3);
        let first = semaphore.enter("hot").await.unwrap();
        let (inside, mut entered) = tokio::sync::mpsc::unbounded_channel();
        for _ in 0..3 {
            arrive(&semaphore, "hot", &inside);
        }
        settle().await;
        assert_eq!(semaphore.enter("hot").await.unwrap_err(), Overload::Full);
        arrive(&semaphore, "quiet", &inside);
        let (room, sent_away) = entered.recv().await.unwrap();
        assert_eq!((room, sent_away.unwrap_err()), ("hot", Overload::Full));
        drop(first);
        for expected in ["hot", "quiet", "hot"] {
            let (room, slot) = entered.recv().await.unwrap();
            assert_eq!(room, expected);
            drop(slot.unwrap());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_longer_than_patience_and_no_slot_is_lost() {
        let semaphore = semaphore(1, 10);
        let first = semaphore.enter("a").await.unwrap();
        let before = tokio::time::Instant::now();
        assert_eq!(semaphore.enter("b").await.unwrap_err(), Overload::Full);
        assert_eq!(before.elapsed(), semaphore.limits.patience);
        drop(first);
        let again = semaphore.enter("b").await.unwrap();
        drop(again);
        let state = semaphore.state();
        assert_eq!((state.inside, state.waiting), (0, 0));
        assert!(state.lines.is_empty() && state.turns.is_empty());
    }

    #[test]
    fn a_limit_counts_over_any_minute() {
        let pace = RateLimiter::default();
        assert!(pace.admits(&"U1", 2, noon_and(0)));
        assert!(pace.admits(&"U1", 2, noon_and(30)));
        assert!(!pace.admits(&"U1", 2, noon_and(59)));
        assert!(pace.admits(&"U2", 2, noon_and(59)), "another person's");
        assert!(pace.admits(&"U1", 2, noon_and(60)));
        assert!(!pace.admits(&"U1", 2, noon_and(89)));
        assert!(pace.admits(&"U1", 2, noon_and(-3_600)), "the clock was set back");
        // By less than the minute: nobody waits for the time that was lost, and a full minute's share is there.
        for n in 0..2 {
            assert!(pace.admits(&"U3", 2, noon_and(n)));
        }
        for n in -30..-28 {
            assert!(pace.admits(&"U3", 2, noon_and(n)), "the clock was set back a little");
        }
        assert!(!pace.admits(&"U3", 2, noon_and(-28)));
    }

    #[test]
    fn who_was_long_silent_is_forgotten() {
        let pace = RateLimiter::default();
        for n in 0..SWEEP_AT {
            assert!(pace.admits(&n, 1, noon_and(0)));
        }
        assert!(pace.admits(&SWEEP_AT, 1, noon_and(61)));
        assert_eq!(pace.0.lock().unwrap().len(), 1);
    }

    proptest! {
        #[test]
        fn no_minute_holds_more_than_the_limit(steps in prop::collection::vec(0_i64..20, 1..200), limit in 1_u32..6) {
            let pace = RateLimiter::default();
            let mut now = 0;
            let mut admitted = Vec::new();
            for step in steps {
                now += step;
                let fits = admitted.iter().filter(|at| now - **at < 60).count() < limit as usize;
                prop_assert_eq!(pace.admits(&(), limit, noon_and(now)), fits);
                if fits {
                    admitted.push(now);
                }
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn whatever_comes_and_goes_the_gate_counts_right() {
        // Arrivals that are cut off in the middle of their waiting, and slots that are given back.
        let semaphore = semaphore(3, 5);
        let mut slots: Vec<Slot> = Vec::new();
        let mut waiting = Vec::new();
        let mut dice = 12_345_u64;
        for turn in 0..3_000_u64 {
            dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(turn);
            match (dice >> 33) % 5 {
                0 | 1 => {
                    let semaphore = Arc::clone(&semaphore);
                    let room = ["a", "b", "c"][(dice >> 40) as usize % 3];
                    waiting.push(tokio::spawn(async move { semaphore.enter(room).await }));
                }
                2 if !waiting.is_empty() => {
                    let at = (dice >> 40) as usize % waiting.len();
                    let gone = waiting.swap_remove(at);
                    gone.abort();
                    if let Ok(Ok(slot)) = gone.await {
                        slots.push(slot);
                    }
                }
                3 => drop(slots.pop()),
                _ => settle().await,
            }
            let mut still = Vec::new();
            for task in waiting.drain(..) {
                if task.is_finished() {
                    slots.extend(task.await.unwrap());
                } else {
                    still.push(task);
                }
            }
            waiting = still;
            assert!(slots.len() <= 3);
            assert!(semaphore.state().inside <= 3);
        }
        for task in waiting {
            task.abort();
            slots.extend(task.await.ok().and_then(Result::ok));
        }
        slots.clear();
        assert_eq!(semaphore.state().inside, 0, "every slot was given back");
    }
}
