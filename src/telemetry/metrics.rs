//! The metrics, in Prometheus' conventions: what is counted is in [`Metrics::default`], one row each.
//!
//! Labels are from fixed sets: nothing that a user writes becomes one. Counters are there from the start, at 0, so
//! that an alert sees the first event.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use prometheus::core::Collector;
#[cfg(target_os = "linux")]
use prometheus::process_collector::ProcessCollector;
use prometheus::{
    GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry, TextEncoder,
};

use super::refused::Refusals;
use crate::app::ports::{
    CallbackEnd, DirectoryReport, EnvelopeEnd, EnvelopeKind, NotAuthentic, Observer, Reconnect, Sender, Step,
    StoreStats,
};
use crate::app::surroundings::LastCalls;
use crate::domain::audit::OutcomeKind;
use crate::domain::command::{Command, Place};
use crate::domain::principal::Channel;
use crate::domain::reply_note::HowReplied;
use crate::stdio;

/// In seconds, from a commit on a fast disk to the longest wait for Tencent.
const BUCKETS: [f64; 14] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// The APIs that commands call.
const APIS: [&str; 3] = ["change_room_owner", "get_room_info", "get_room_list"];

/// What is counted and measured.
pub struct Metrics {
    all: Registry,
    refusals: Refusals,
    /// Two scrapes at once would count the same twice.
    scraping: Mutex<()>,
    commands: IntCounterVec,
    presses: IntCounterVec,
    command_seconds: Histogram,
    step_seconds: HistogramVec,
    tencent_calls: IntCounterVec,
    tencent_seconds: HistogramVec,
    callbacks: IntCounterVec,
    refused: IntCounterVec,
    unusual_replies: IntCounterVec,
    replies_pending: IntGauge,
    groups: IntGaugeVec,
    groups_age: GaugeVec,
    gateway_up: IntGaugeVec,
    gateway_silence: GaugeVec,
    slack_reconnects: IntCounterVec,
    slack_envelopes: IntCounterVec,
    commits: IntCounter,
    commit_writes: IntCounter,
    log_events: IntGauge,
    head_events: IntGauge,
    wal_bytes: IntGauge,
    lines_dropped: IntCounter,
    draining: IntGauge,
    /// How calls of Tencent ended lately.
    last_calls: Mutex<CallTimes>,
}

/// When a call of Tencent last succeeded, and when one last did not, and why.
#[derive(Default)]
struct CallTimes {
    succeeded: Option<Instant>,
    failed: Option<(Instant, String)>,
}

/// What is looked at when somebody asks.
pub struct Sample<'a> {
    /// How well user groups are known.
    pub groups: Option<DirectoryReport>,
    /// The connections over which commands come: the platform, whether they come, how long ago it was heard.
    pub connections: Vec<(&'a str, bool, Duration)>,
    /// The database.
    pub store: StoreStats,
    /// Whether the bot is about to end.
    pub is_draining: bool,
}

impl Default for Metrics {
    #[rustfmt::skip]
    fn default() -> Self {
        let all = Registry::new();
        let metrics = Self {
            commands: counters(&all, "room_owner_commands_total", "Commands answered.", &["door", "command", "outcome"]),
            presses: counters(&all, "room_owner_presses_total", "Buttons pressed; what they stand for is among the commands.", &["door", "outcome"]),
            command_seconds: histogram(&all, "room_owner_command_duration_seconds", "From a command's arrival to its answer."),
            step_seconds: histograms(&all, "room_owner_step_duration_seconds", "The steps of a command; calls of Tencent have a metric of their own.", "step"),
            tencent_calls: counters(&all, "room_owner_tencent_calls_total", "Calls of Tencent, by ErrorCode, or why there was none.", &["api", "code"]),
            tencent_seconds: histograms(&all, "room_owner_tencent_call_duration_seconds", "One call of Tencent, without waiting and repetition.", "api"),
            callbacks: counters(&all, "room_owner_callbacks_total", "Callbacks of Tencent, by how they ended.", &["end"]),
            refused: counters(&all, "room_owner_requests_refused_total", "Requests refused because nobody trusted sent them.", &["from", "reason"]),
            unusual_replies: counters(&all, "room_owner_unusual_replies_total", "Replies that went another way than usual, or nowhere.", &["how"]),
            replies_pending: gauge(&all, "room_owner_replies_pending", "Answers that the bot still has to send by itself."),
            groups: put(&all, IntGaugeVec::new(Opts::new("room_owner_groups", "User groups that the ACL names, by whether they are known."), &["platform", "state"])),
            groups_age: put(&all, GaugeVec::new(Opts::new("room_owner_groups_age_seconds", "Age of the least fresh of the known user groups."), &["platform"])),
            gateway_up: put(&all, IntGaugeVec::new(Opts::new("room_owner_gateway_up", "Whether commands come over a connection to the platform now: Discord's gateway, Slack's Socket Mode."), &["platform"])),
            gateway_silence: put(&all, GaugeVec::new(Opts::new("room_owner_gateway_silence_seconds", "Age of the last frame from a platform's gateway or Socket Mode."), &["platform"])),
            slack_reconnects: counters(&all, "room_owner_slack_reconnects_total", "Connections of Slack's Socket Mode that had to be replaced, by why.", &["reason"]),
            slack_envelopes: counters(&all, "room_owner_slack_envelopes_total", "Envelopes of Slack's Socket Mode, by how they were acknowledged.", &["type", "end"]),
            commits: counter(&all, "room_owner_commits_total", "Transactions of the database."),
            commit_writes: counter(&all, "room_owner_commit_writes_total", "Writes in them; by commits, the batch size."),
            log_events: gauge(&all, "room_owner_audit_log_events", "The number of the newest event in the audit log."),
            head_events: gauge(&all, "room_owner_audit_head_events", "How many events the signed head beside the database covers."),
            wal_bytes: gauge(&all, "room_owner_wal_size_bytes", "Size of the database's write-ahead log."),
            lines_dropped: counter(&all, "room_owner_log_lines_dropped_total", "Log lines that stderr could not take, or of too many refused requests."),
            draining: gauge(&all, "room_owner_draining", "Whether the bot was asked to end and still serves."),
            refusals: Refusals::default(),
            scraping: Mutex::default(),
            last_calls: Mutex::default(),
            all,
        };
        metrics.begin();
        metrics
    }
}

impl Metrics {
    /// Makes every counter, at 0, and what never changes.
    fn begin(&self) {
        let outcomes: Vec<&str> = OutcomeKind::ALL.iter().map(|outcome| outcome.name()).collect();
        for door in ["slack", "discord"] {
            for outcome in &outcomes {
                self.presses.with_label_values(&[door, outcome]);
            }
            for command in Command::NAMES {
                for outcome in &outcomes {
                    self.commands.with_label_values(&[door, command, outcome]);
                }
            }
        }
        for step in Step::ALL {
            self.step_seconds.with_label_values(&[step.name()]);
        }
        for api in APIS {
            for code in ["0", "not_sent", "timed_out", "cut"] {
                self.tencent_calls.with_label_values(&[api, code]);
            }
            self.tencent_seconds.with_label_values(&[api]);
        }
        for end in CallbackEnd::ALL {
            self.callbacks.with_label_values(&[end.name()]);
        }
        for sender in Sender::ALL {
            for why in NotAuthentic::ALL {
                self.refused.with_label_values(&[sender.name(), why.name()]);
            }
        }
        for why in Reconnect::ALL {
            self.slack_reconnects.with_label_values(&[why.name()]);
        }
        for kind in EnvelopeKind::ALL {
            for end in EnvelopeEnd::ALL {
                self.slack_envelopes.with_label_values(&[kind.name(), end.name()]);
            }
        }
        for how in HowReplied::ALL {
            self.unusual_replies.with_label_values(&[how.name()]);
        }
        let about = Opts::new("room_owner_build_info", "The version that runs; always 1.");
        put(&self.all, IntGauge::with_opts(about.const_label("version", env!("CARGO_PKG_VERSION")))).set(1);
        #[cfg(target_os = "linux")]
        register(&self.all, ProcessCollector::for_self());
    }

    /// Logs refused requests that were not logged yet, if it is time for that.
    pub fn sum_up(&self, is_at_end: bool) {
        self.refusals.sum_up(is_at_end);
    }

    /// How calls of Tencent ended lately.
    pub fn last_calls(&self) -> LastCalls {
        let CallTimes { succeeded, failed } =
            &*self.last_calls.lock().unwrap_or_else(PoisonError::into_inner);
        LastCalls {
            succeeded: succeeded.map(|at| at.elapsed()),
            failed: failed.as_ref().map(|(at, why)| (at.elapsed(), why.clone())),
        }
    }

    /// The numbers in Prometheus' text form.
    pub fn text(&self, sample: &Sample<'_>) -> String {
        let _one = self.scraping.lock().unwrap_or_else(PoisonError::into_inner);
        self.show_groups(sample.groups.as_ref());
        for (platform, is_up, silence) in &sample.connections {
            self.gateway_up.with_label_values(&[platform]).set((*is_up).into());
            self.gateway_silence.with_label_values(&[platform]).set(silence.as_secs_f64());
        }
        let StoreStats { commits, writes, events, head, wal_bytes } = sample.store;
        reach(&self.commits, commits);
        reach(&self.commit_writes, writes);
        reach(&self.lines_dropped, stdio::lines_dropped());
        self.log_events.set(signed(events));
        self.head_events.set(signed(head));
        self.wal_bytes.set(signed(wal_bytes));
        self.draining.set(sample.is_draining.into());
        // Fails for a family without a metric, of which there is none.
        TextEncoder::new().encode_to_string(&self.all.gather()).unwrap_or_default()
    }

    fn show_groups(&self, report: Option<&DirectoryReport>) {
        self.groups_age.reset();
        let Some(report) = report else { return };
        let unknown = report.groups.saturating_sub(report.known);
        for (state, number) in [("known", report.known), ("unknown", unknown)] {
            self.groups.with_label_values(&["slack", state]).set(i64::try_from(number).unwrap_or(i64::MAX));
        }
        if let Some(age) = report.oldest {
            self.groups_age.with_label_values(&["slack"]).set(age.as_secs_f64());
        }
    }
}

impl Observer for Metrics {
    fn answered(&self, place: Option<&Place>, command: &'static str, outcome: OutcomeKind, took: Duration) {
        let door = place.map_or("unnamed", door);
        self.commands.with_label_values(&[door, command, outcome.name()]).inc();
        self.command_seconds.observe(took.as_secs_f64());
    }

    fn pressed(&self, place: &Place, outcome: OutcomeKind) {
        self.presses.with_label_values(&[door(place), outcome.name()]).inc();
    }

    fn took(&self, step: Step, time: Duration) {
        self.step_seconds.with_label_values(&[step.name()]).observe(time.as_secs_f64());
    }

    fn called(&self, api: &str, result: &str, took: Duration) {
        self.tencent_calls.with_label_values(&[api, result]).inc();
        self.tencent_seconds.with_label_values(&[api]).observe(took.as_secs_f64());
        let CallTimes { succeeded, failed } =
            &mut *self.last_calls.lock().unwrap_or_else(PoisonError::into_inner);
        match result {
            "0" => *succeeded = Some(Instant::now()),
            why => *failed = Some((Instant::now(), why.to_owned())),
        }
    }

    fn called_back(&self, end: CallbackEnd) {
        self.callbacks.with_label_values(&[end.name()]).inc();
    }

    fn replied(&self, how: HowReplied) {
        self.unusual_replies.with_label_values(&[how.name()]).inc();
    }

    fn owes(&self, answers: usize) {
        self.replies_pending.set(i64::try_from(answers).unwrap_or(i64::MAX));
    }

    fn reconnects(&self, why: Reconnect) {
        self.slack_reconnects.with_label_values(&[why.name()]).inc();
    }

    fn took_envelope(&self, kind: EnvelopeKind, end: EnvelopeEnd) {
        self.slack_envelopes.with_label_values(&[kind.name(), end.name()]).inc();
    }

    fn refused(&self, sender: Sender, why: NotAuthentic) {
        self.refused.with_label_values(&[sender.name(), why.name()]).inc();
        self.refusals.add(sender, why);
    }
}

fn door(place: &Place) -> &'static str {
    match place {
        Place::Channel(Channel::Slack { .. }) => "slack",
        Place::Channel(Channel::Discord { .. }) => "discord",
        Place::Local => "cli",
    }
}

fn counter(all: &Registry, name: &str, help: &str) -> IntCounter {
    put(all, IntCounter::new(name, help))
}

fn counters(all: &Registry, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
    put(all, IntCounterVec::new(Opts::new(name, help), labels))
}

fn gauge(all: &Registry, name: &str, help: &str) -> IntGauge {
    put(all, IntGauge::new(name, help))
}

fn histogram(all: &Registry, name: &str, help: &str) -> Histogram {
    put(all, Histogram::with_opts(HistogramOpts::new(name, help).buckets(BUCKETS.to_vec())))
}

fn histograms(all: &Registry, name: &str, help: &str, label: &str) -> HistogramVec {
    put(all, HistogramVec::new(HistogramOpts::new(name, help).buckets(BUCKETS.to_vec()), &[label]))
}

fn put<M: Collector + Clone + 'static>(all: &Registry, made: prometheus::Result<M>) -> M {
    // Only a name that is not valid would fail. All are in this file.
    let metric = made.unwrap_or_else(|error| unreachable!("{error}"));
    register(all, metric.clone());
    metric
}

fn register(all: &Registry, metric: impl Collector + 'static) {
    // Only a name that comes twice would fail.
    all.register(Box::new(metric)).unwrap_or_else(|error| unreachable!("{error}"));
}

/// Brings a counter to what was counted elsewhere.
fn reach(counter: &IntCounter, counted: u64) {
    counter.inc_by(counted.saturating_sub(counter.get()));
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
