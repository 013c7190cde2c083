use super::*;
use crate::domain::audit::DecisionKind;
use OutcomeKind::{Denied, Pending, Refused, Succeeded, Unchanged, Unknown};
use proptest::prelude::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_772_366_400 + second).unwrap()
}

/// An entry of the room, at `second`, done a second later.
fn entry(second: i64, from: Option<&str>, to: Option<&str>, outcome: OutcomeKind) -> AuditEntry {
    AuditEntry {
        operation: OperationId::new(second),
        at: at(second),
        actor: None,
        actor_name: None,
        channel: None,
        command: String::new(),
        room: Some("test".parse().unwrap()),
        new_owner: to.map(str::to_owned),
        previous_owner: from.map(str::to_owned),
        reason: None,
        decision: Some(DecisionKind::Permit),
        authority: None,
        outcome,
        error_code: None,
        error_info: None,
        request_id: None,
        delivery_id: None,
        duration_ms: (outcome != Pending).then_some(1_000),
        announced: Vec::new(),
        new_owner_person: None,
        requested_by: None,
        requested_by_name: None,
    }
}

fn ask_entries(time: Timestamp, now: Timestamp, entries: Vec<RoomEntry>) -> Ownership {
    ownership(&"test".parse().unwrap(), time, now, &RoomHistory { entries, is_cut: false })
}

fn ask(second: i64, entries: &[AuditEntry]) -> Ownership {
    let entries = entries.iter().map(|entry| RoomEntry { entry: entry.clone(), reported: None }).collect();
    ask_entries(at(second), at(1_000), entries)
}

fn short_form(found: &Ownership) -> String {
    let since = found.since.map(|since| since.as_second() - at(0).as_second());
    format!(
        "{} {:?} {:?} since {since:?} by {:?}",
        found.owner.as_deref().unwrap_or("-"),
        found.certainty,
        found.basis,
        found.operation.map(OperationId::seq)
    )
}

fn short(second: i64, entries: &[AuditEntry]) -> String {
    short_form(&ask(second, entries))
}

#[test]
fn the_last_change_says_it() {
    let log = [
        entry(10, Some("carol"), Some("bob"), Succeeded),
        entry(15, None, Some("eve"), Denied),
        entry(20, Some("bob"), Some("dave"), Succeeded),
    ];
    assert_eq!(short(5, &log), "carol Inferred Some(Next) since None by None");
    assert_eq!(short(10, &log), "- Unknown None since None by Some(10)");
    assert_eq!(short(11, &log), "bob Known Some(Accepted) since Some(11) by Some(10)");
    assert_eq!(short(19, &log), "bob Known Some(Accepted) since Some(11) by Some(10)");
    assert_eq!(short(99, &log), "dave Known Some(Accepted) since Some(21) by Some(20)");
    assert_eq!(ask(99, &log).with_confirmation().basis, Some(Basis::Confirmed));
}

#[test]
fn what_was_read_goes_back_to_who_made_it_so() {
    let log = [
        entry(10, Some("carol"), Some("bob"), Succeeded),
        entry(20, Some("bob"), None, Succeeded),
        entry(30, Some("bob"), Some("bob"), Unchanged),
        entry(40, Some("bob"), Some("dave"), Refused),
    ];
    assert_eq!(short(50, &log), "bob Known Some(Read) since Some(11) by Some(10)");
    assert_eq!(short(50, &log[1..]), "bob Known Some(Read) since Some(21) by Some(20)");
}

#[test]
fn a_change_that_the_log_does_not_hold_makes_it_unknown() {
    let log = [
        entry(10, Some("carol"), Some("bob"), Succeeded),
        entry(30, Some("mallory"), Some("carol"), Succeeded),
    ];
    let found = ask(20, &log);
    assert_eq!((found.owner.as_deref(), found.certainty), (None, Certainty::Unknown));
    assert_eq!(
        found.explanation.to_string(),
        "operation 10 handed it over, to bob's name; operation 30 found mallory at \
         2026-03-01T12:00:30.000Z: a change in between is not in the log"
    );
    assert_eq!(short(99, &log), "carol Known Some(Accepted) since Some(31) by Some(30)", "it is over");
}

#[test]
fn an_outcome_that_is_not_known_is_not_guessed() {
    let unclear = entry(10, Some("carol"), Some("bob"), Unknown);
    assert_eq!(short(20, std::slice::from_ref(&unclear)), "- Unknown None since None by Some(10)");
    let pending = entry(10, None, Some("bob"), Pending);
    assert_eq!(short(20, &[pending]), "- Unknown None since None by Some(10)");
    // A change that was found 25 s later was made some time in between.
    let log = [unclear, entry(35, Some("bob"), None, Succeeded)];
    assert_eq!(short(11, &log), "- Unknown None since None by Some(10)");
    assert_eq!(
        ask(11, &log).explanation.to_string(),
        "operation 10 tried to hand it from carol to bob, and its outcome is not known; \
         operation 35 found bob to own it at 2026-03-01T12:00:35.000Z"
    );
    assert_eq!(short(40, &log), "bob Known Some(Read) since Some(36) by Some(35)");
    // Resolved later, it is an entry that took 25 s.
    let late = AuditEntry { duration_ms: Some(25_000), ..entry(10, Some("carol"), Some("bob"), Succeeded) };
    assert_eq!(short(11, std::slice::from_ref(&late)), "- Unknown None since None by Some(10)");
    assert_eq!(short(35, &[late]), "bob Known Some(Accepted) since Some(35) by Some(10)");
    assert_eq!(short(20, &[]), "- Unknown None since None by None");
}

/// A change that Tencent reported: made at `made`, recorded as operation `number` at `recorded`.
fn reported(number: i64, made: i64, recorded: i64, from: &str, to: &str) -> RoomEntry {
    let entry = AuditEntry {
        operation: OperationId::new(number),
        decision: None,
        duration_ms: None,
        ..entry(recorded, Some(from), Some(to), Succeeded)
    };
    let reported =
        ReportedChange { event_at: at(made), original_owner: Some(from.to_owned()), is_signed: true };
    RoomEntry { entry, reported: Some(reported) }
}

fn ours(number: i64, second: i64, from: &str, to: &str) -> RoomEntry {
    let entry = entry(second, Some(from), Some(to), Succeeded);
    RoomEntry { entry: AuditEntry { operation: OperationId::new(number), ..entry }, reported: None }
}

fn short_of(second: i64, entries: &[RoomEntry]) -> String {
    short_form(&ask_entries(at(second), at(1_000), entries.to_vec()))
}

#[test]
fn a_change_counts_from_when_it_was_made_and_not_from_when_it_was_reported() {
    // In the app, then by the bot; the callback about the first comes last.
    let log = [ours(5, 20, "app1", "b1"), reported(7, 19, 23, "carol", "app1")];
    for now in [22, 23, 99] {
        assert_eq!(short_of(now, &log), "b1 Known Some(Accepted) since Some(21) by Some(5)", "{now}");
    }
    assert_eq!(short_of(19, &log), "app1 Known Some(Observed) since Some(19) by Some(7)");
    assert_eq!(short_of(18, &log), "carol Inferred Some(Next) since None by None");
    // Within the bot's own call, the owners tell which came first.
    let log = [ours(5, 20, "app1", "b1"), reported(7, 20, 23, "carol", "app1")];
    assert_eq!(short_of(99, &log), "b1 Known Some(Accepted) since Some(21) by Some(5)");

    let reversed = [reported(5, 20, 21, "dave", "erin"), reported(7, 15, 22, "carol", "dave")];
    assert_eq!(short_of(30, &reversed), "erin Known Some(Observed) since Some(20) by Some(5)");
    assert_eq!(short_of(17, &reversed), "dave Known Some(Observed) since Some(15) by Some(7)");

    // Asked about 2 s after a change that was reported 4 s later.
    let late = [ours(5, 10, "carol", "bob"), reported(7, 120, 124, "bob", "dave")];
    assert_eq!(short_of(122, &late), "dave Known Some(Observed) since Some(120) by Some(7)");
    assert_eq!(short_of(119, &late), "bob Known Some(Accepted) since Some(11) by Some(5)");
}

#[test]
fn where_the_clock_was_set_back_the_numbers_count() {
    // Set back by three seconds between the two.
    let log = [ours(5, 20, "carol", "bob"), ours(7, 18, "bob", "dave")];
    assert_eq!(short_of(25, &log), "dave Known Some(Accepted) since Some(19) by Some(7)");
    assert_eq!(short_of(19, &log), "- Unknown None since None by Some(7)");
    assert_eq!(
        ask_entries(at(19), at(1_000), log.to_vec()).explanation.to_string(),
        "operation 5 came before operation 7 and has a later time: the clock was set back, and that time came twice"
    );
    assert_eq!(short_of(10, &log), "carol Inferred Some(Next) since None by None");
    // Asked before the clock is where it was.
    let now = ask_entries(at(12), at(12), vec![ours(5, 20, "carol", "bob")]);
    assert_eq!(now.owner.as_deref(), Some("bob"));
}

#[test]
fn entries_that_contradict_each_other_are_both_named() {
    // By their times the second came last, and by what each found before it the first did.
    let log = [ours(5, 20, "carol", "b1"), reported(7, 24, 25, "carol", "app1")];
    let found = ask_entries(at(60), at(1_000), log.to_vec());
    assert_eq!(
        found.explanation.to_string(),
        "by operation 5 it was b1, by operation 7 app1: which of them came last is not known"
    );
    assert_eq!((found.owner, found.certainty), (None, Certainty::Unknown));
}

#[test]
fn somebody_elses_change_is_observed() {
    let log = [reported(10, 9, 10, "carol", "bob")];
    assert_eq!(short_of(20, &log), "bob Known Some(Observed) since Some(9) by Some(10)");
    // Nobody vouches for the time of a callback that is not signed.
    let mut unsigned = log[0].clone();
    unsigned.entry.previous_owner = None;
    unsigned.reported.as_mut().unwrap().is_signed = false;
    let log = [ours(5, 1, "dave", "carol"), unsigned];
    assert_eq!(short_of(20, &log), "bob Known Some(Observed) since Some(10) by Some(10)");
    assert_eq!(short_of(4, &log), "- Unknown None since None by Some(5)");
}

/// A history as it happened, as two clocks saw it, and as it was recorded.
mod history {
    use super::*;
    use proptest::test_runner::{RngAlgorithm, TestRng};

    /// What may go wrong.
    #[derive(Debug, Clone, Copy)]
    pub(super) struct Trouble {
        /// The bot's clock is set forwards and back.
        pub(super) clock: bool,
        /// Calls are cut, and come true later or never.
        pub(super) calls: bool,
        /// Some of the bot's own changes are not reported by a callback.
        pub(super) callbacks: bool,
    }

    /// In milliseconds of the true time.
    pub(super) struct History {
        owners: Vec<(i64, String)>,
        steps: Vec<(i64, i64)>,
        pub(super) entries: Vec<RoomEntry>,
        pub(super) end: i64,
        /// When something was under way.
        busy: Vec<(i64, i64)>,
    }

    impl std::fmt::Display for History {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            for RoomEntry { entry, reported } in &self.entries {
                let AuditEntry { operation, at, previous_owner, new_owner, outcome, .. } = entry;
                let kind = if entry.decision.is_none() { "reported" } else { "done" };
                let duration = entry.duration_ms;
                let event_at = reported.as_ref().map(|reported| reported.event_at.to_string());
                writeln!(
                    f,
                    "{operation} {kind} at {at} for {duration:?}: {previous_owner:?} -> {new_owner:?} {outcome} {event_at:?}"
                )?;
            }
            writeln!(f, "owners {:?}, clock {:?}, now {}", self.owners, self.steps, self.now())
        }
    }

    fn stamp(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(at(0).as_millisecond() + millis).unwrap()
    }

    enum Record {
        Entry { at: i64, entry: Box<AuditEntry>, made: Option<i64> },
        Confirms { of: usize, made: i64, from: String },
    }

    impl History {
        /// What the bot's clock shows.
        fn wall(&self, at: i64) -> i64 {
            at + self.steps.iter().filter(|(step, _)| *step <= at).map(|(_, by)| by).sum::<i64>()
        }

        pub(super) fn now(&self) -> Timestamp {
            stamp(self.wall(self.end))
        }

        pub(super) fn owner_at(&self, at: i64) -> &str {
            let owner = self.owners.iter().rev().find(|(since, _)| *since <= at);
            owner.map_or("carol", |(_, owner)| owner)
        }

        /// Everybody who owned the room while a clock showed this time: there is more than one clock, and a change
        /// is stamped by either.
        pub(super) fn owners_at(&self, shown: Timestamp) -> Vec<&str> {
            let shown = shown.as_millisecond() - at(0).as_millisecond();
            let apart =
                self.steps.iter().map(|(at, _)| (self.wall(*at) - at).abs()).max().unwrap_or_default();
            let changes = self.owners.iter().filter(|(at, _)| (*at - shown).abs() <= apart);
            let owners = changes.map(|(_, owner)| owner.as_str());
            owners.chain([self.owner_at(shown - apart)]).collect()
        }

        pub(super) fn is_busy(&self, shown: Timestamp) -> bool {
            let shown = shown.as_millisecond() - at(0).as_millisecond();
            self.busy.iter().any(|(from, until)| (*from..=*until).contains(&shown))
        }

        pub(super) fn at(&self, millis: i64) -> Timestamp {
            stamp(millis)
        }

        pub(super) fn of(seed: u64, trouble: Trouble) -> Self {
            let mut bytes = [0; 32];
            bytes[..8].copy_from_slice(&seed.to_le_bytes());
            let mut random = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
            let mut this =
                Self { owners: Vec::new(), steps: Vec::new(), entries: Vec::new(), end: 0, busy: Vec::new() };
            // What was recorded, by the true time of the record.
            let mut records: Vec<(i64, Record)> = Vec::new();
            // Changes of calls that were cut, by when they come true.
            let mut late: Vec<(i64, String)> = Vec::new();
            let mut free_at = 0;
            let mut time = 1_000;
            for n in 0..random.random_range(1..9) {
                let pause = if random.random_bool(0.5) { 3_000 } else { 90_000 };
                time += random.random_range(1..pause);
                if trouble.clock
                    && random.random_bool(0.3)
                    && this.busy.iter().all(|(_, until)| *until < time)
                {
                    let ahead = this.wall(time) - time;
                    this.steps.push((time, random.random_range(-5_000..5_000) - ahead));
                    time += 1;
                }
                let to = format!("user{}", if random.random_bool(0.3) { 0 } else { n });
                match random.random_range(0..4) {
                    0 => {
                        let from = this.change(&mut late, time, &to);
                        let reported = time + random.random_range(1..8_000);
                        let entry = AuditEntry {
                            decision: None,
                            duration_ms: None,
                            ..entry(0, Some(&from), Some(&to), Succeeded)
                        };
                        records.push((
                            reported,
                            Record::Entry { at: reported, entry: Box::new(entry), made: Some(time) },
                        ));
                    }
                    1 => {
                        let (read, end) = (time + 40, time + 80);
                        this.come_true(&mut late, read);
                        let owner = this.owner_at(read).to_owned();
                        let lookup = AuditEntry {
                            duration_ms: Some(end - time),
                            ..entry(0, Some(&owner), None, Succeeded)
                        };
                        this.busy.push((time, end));
                        records.push((time, Record::Entry { at: time, entry: Box::new(lookup), made: None }));
                        // Others go on meanwhile.
                        time += random.random_range(1..80);
                    }
                    _ => {
                        time = time.max(free_at + 1);
                        let (read, made) =
                            (time + random.random_range(1..300), time + random.random_range(300..900));
                        let end = made + random.random_range(1..400);
                        this.come_true(&mut late, read);
                        let owner = this.owner_at(read).to_owned();
                        let to = if owner == to { format!("other{n}") } else { to };
                        // Somebody may be quicker.
                        if random.random_bool(0.2) {
                            let by = format!("quick{n}");
                            let from = this.change(&mut late, read + 1, &by);
                            let reported = read + 1 + random.random_range(1..8_000);
                            let entry = AuditEntry {
                                decision: None,
                                duration_ms: None,
                                ..entry(0, Some(&from), Some(&by), Succeeded)
                            };
                            let made = Some(read + 1);
                            records.push((
                                reported,
                                Record::Entry { at: reported, entry: Box::new(entry), made },
                            ));
                        }
                        let (mut outcome, mut ended) = (Succeeded, end);
                        if trouble.calls && random.random_bool(0.5) {
                            match random.random_range(0..5) {
                                // Said no.
                                0 => outcome = Refused,
                                // Cut, and found to be as before for so long that it is over.
                                1 => {
                                    outcome = Refused;
                                    ended = end + 60_000;
                                }
                                // Cut, and found later.
                                2 => {
                                    let made = made + random.random_range(0..20_000);
                                    late.push((made, to.clone()));
                                    ended = made + random.random_range(1..5_000);
                                }
                                // Cut, and somebody overrides it while it may still come true.
                                other => {
                                    outcome = Unknown;
                                    ended = end + 3_600;
                                    if other == 3 {
                                        late.push((end + random.random_range(0..60_000), to.clone()));
                                    }
                                }
                            }
                        } else {
                            let from = this.change(&mut late, made, &to);
                            if !trouble.callbacks || random.random_bool(0.5) {
                                let reported = made + random.random_range(1..8_000);
                                records.push((reported, Record::Confirms { of: records.len(), made, from }));
                            }
                        }
                        let transfer = AuditEntry {
                            duration_ms: Some(ended - time),
                            ..entry(0, Some(&owner), Some(&to), outcome)
                        };
                        this.busy.push((time, ended));
                        let at = time;
                        records.push((time, Record::Entry { at, entry: Box::new(transfer), made: None }));
                        free_at = ended;
                        // Questions wait for nobody, other changes do.
                        time = if random.random_bool(0.3) { time + 100 } else { ended };
                    }
                }
            }
            let last = records.iter().map(|(at, _)| *at).chain([free_at, time]).max().unwrap_or_default();
            this.end = last + 130_000;
            let end = this.end;
            this.come_true(&mut late, end);
            this.record(records);
            this
        }

        /// Makes what is due; who owned the room before.
        fn change(&mut self, late: &mut Vec<(i64, String)>, at: i64, to: &str) -> String {
            self.come_true(late, at);
            let from = self.owner_at(at).to_owned();
            self.owners.push((at, to.to_owned()));
            self.owners.sort_by_key(|(at, _)| *at);
            from
        }

        fn come_true(&mut self, late: &mut Vec<(i64, String)>, upto: i64) {
            let (due, rest) = std::mem::take(late).into_iter().partition(|(at, _)| *at <= upto);
            *late = rest;
            self.owners.extend::<Vec<_>>(due);
            self.owners.sort_by_key(|(at, _)| *at);
        }

        fn record(&mut self, records: Vec<(i64, Record)>) {
            let mut order: Vec<usize> = (0..records.len()).collect();
            order.sort_by_key(|index| records[*index].0);
            for (number, index) in (1..).zip(order) {
                let Record::Entry { at, entry, made } = &records[index].1 else { continue };
                let confirms = records.iter().find_map(|(_, record)| match record {
                    // The confirmation was pushed just before its operation.
                    Record::Confirms { of, made, from } if of + 1 == index => Some((*made, from.clone())),
                    _ => None,
                });
                let reported = made.map(|made| (made, entry.previous_owner.clone().unwrap())).or(confirms);
                let reported = reported.map(|(made, from)| ReportedChange {
                    event_at: stamp(made),
                    original_owner: Some(from),
                    is_signed: true,
                });
                let entry = AuditEntry {
                    operation: OperationId::new(number),
                    at: stamp(self.wall(*at)),
                    ..(**entry).clone()
                };
                self.entries.push(RoomEntry { entry, reported });
            }
        }
    }
}

use history::{History, Trouble};

/// Asks about many times; what was wrong.
fn wrong_answers(history: &History, is_all_clear: bool) -> Vec<String> {
    let times = (0..50).map(|n| history.end * n / 50);
    let near = history.entries.iter().flat_map(|entry| {
        let at = entry.at().as_millisecond() - history.at(0).as_millisecond();
        [at - 1, at, at + 1, at + 500, at + 2_000]
    });
    let mut wrong = Vec::new();
    for time in times.chain(near).map(|millis| history.at(millis)).filter(|time| *time <= history.now()) {
        let found = ask_entries(time, history.now(), history.entries.clone());
        let owners = history.owners_at(time);
        match &found.owner {
            Some(owner) if !owners.contains(&owner.as_str()) => {
                wrong.push(format!("at {time} it was {owners:?}, and not {found:#?}"));
            }
            None if is_all_clear && !history.is_busy(time) => {
                wrong.push(format!("at {time} it was {owners:?}, which is not found: {found:#?}"));
            }
            _ => {}
        }
    }
    wrong
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever was late, cut, reported in another order or stamped by a clock that was set: what is said is true.
    #[test]
    fn it_is_never_wrong(seed: u64, clock: bool, calls: bool, callbacks: bool) {
        let history = History::of(seed, Trouble { clock, calls, callbacks });
        let wrong = wrong_answers(&history, false);
        prop_assert!(wrong.is_empty(), "{}\nof\n{history}", wrong[0]);
    }

    /// Where nothing is unclear it is known.
    #[test]
    fn it_is_named_where_everything_is_clear(seed: u64) {
        let history = History::of(seed, Trouble { clock: false, calls: false, callbacks: false });
        let wrong = wrong_answers(&history, true);
        prop_assert!(wrong.is_empty(), "{}\nof\n{history}", wrong[0]);
    }
}

/// The callback's time lies before the reading by Tencent's clock, and the reading saw the owner from before.
#[test]
fn a_reading_beside_a_hand_over_has_no_place_by_tencents_clock() {
    let trouble = Trouble { clock: true, calls: false, callbacks: true };
    let wrong = wrong_answers(&History::of(11_084_250_937_088_308_913, trouble), false);
    assert!(wrong.is_empty(), "{}", wrong[0]);
}
