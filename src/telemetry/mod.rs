//! Log lines on stderr, and the metrics.

mod one_line;

use std::backtrace::{Backtrace, BacktraceStatus};
use std::borrow::Cow;
use std::fmt;
use std::io::{self, Write};
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use tracing::{Metadata, error};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::app::UNTRUSTED;
use crate::app::ports::{CallbackEnd, DirectoryReport, Observer};
use crate::config::{Common, LogFormat};
use crate::domain::audit::OutcomeKind;
use crate::domain::command::Place;
use crate::domain::principal::Channel;
use crate::domain::reply_note::HowReplied;
use crate::redact::Redactor;
use crate::stdio::{self, Cause};

/// Starts logging. `usual` is the filter when `RUST_LOG` is not set.
pub fn start_logging(common: &Common, usual: &str) {
    let filter = EnvFilter::new(common.log_filter.as_deref().unwrap_or(usual));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).log_internal_errors(false);
    let redactor = common.redactor.clone();
    let started = match common.log_format {
        // A line of JSON escapes what could begin another one.
        LogFormat::Json => {
            let to = Lines { redactor, fold: |event| Cow::Borrowed(event), to: stdio::log };
            lines.json().flatten_event(true).with_writer(to).try_init()
        }
        LogFormat::Text => {
            let colours = stdio::stderr_is_terminal();
            let fold = if colours { one_line::coloured } else { one_line::plain };
            lines.with_ansi(colours).with_writer(Lines { redactor, fold, to: stdio::log }).try_init()
        }
    };
    // Fails only when a test has started it before.
    drop(started);
}

/// Logs panics from now on. std would write to stderr by itself, and the thread would wait for its reader.
pub fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let backtrace = Backtrace::capture();
        let backtrace = (backtrace.status() == BacktraceStatus::Captured).then_some(backtrace);
        if tracing::enabled!(tracing::Level::ERROR) {
            error!(%panic, backtrace = backtrace.map(tracing::field::display), "a thread panicked");
        } else {
            stdio::say(format_args!("{panic}"));
        }
    }));
}

/// How an event becomes a line.
type Fold = fn(&str) -> Cow<'_, str>;

/// Takes events, and hands each on as one line without secrets.
struct Lines<T> {
    redactor: Redactor,
    fold: Fold,
    to: T,
}

impl<'a, T: Fn(&[u8], Cause) + 'a> MakeWriter<'a> for Lines<T> {
    type Writer = Line<'a, T>;

    fn make_writer(&'a self) -> Self::Writer {
        Line { lines: self, cause: Cause::Trusted }
    }

    fn make_writer_for(&'a self, event: &Metadata<'_>) -> Self::Writer {
        let cause = if event.target() == UNTRUSTED { Cause::Untrusted } else { Cause::Trusted };
        Line { lines: self, cause }
    }
}

/// Takes one event a call, which is how the subscriber writes.
struct Line<'a, T> {
    lines: &'a Lines<T>,
    cause: Cause,
}

impl<T: Fn(&[u8], Cause)> Write for Line<'_, T> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let line = (self.lines.fold)(&text);
        (self.lines.to)(self.lines.redactor.text(&line).as_bytes(), self.cause);
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Labels, by name.
type Labels<const N: usize> = [(&'static str, &'static str); N];

/// What is counted. Labels are from fixed sets: nothing that a user writes becomes one.
pub struct Metrics {
    registry: Registry,
    commands: Family<Labels<2>, Counter>,
    seconds: Histogram,
    callbacks: Family<Labels<1>, Counter>,
    groups: Family<Labels<2>, Gauge>,
    groups_age: Family<Labels<1>, Gauge>,
    replies: Family<Labels<1>, Counter>,
    pending: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        let buckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
        let mut metrics = Self {
            registry: Registry::with_prefix("room_owner"),
            commands: Family::default(),
            seconds: Histogram::new(buckets),
            callbacks: Family::default(),
            groups: Family::default(),
            groups_age: Family::default(),
            replies: Family::default(),
            pending: Gauge::default(),
        };
        metrics.register();
        metrics
    }
}

impl Metrics {
    fn register(&mut self) {
        let Self { registry: all, commands, seconds, callbacks, groups, groups_age, replies, pending } = self;
        all.register("commands", "Commands answered, by door and outcome", commands.clone());
        all.register("command_seconds", "From a command's arrival to its final answer", seconds.clone());
        all.register("callbacks", "Callbacks of Tencent, by what became of them", callbacks.clone());
        all.register("groups", "User groups that the ACL names, by whether they are known", groups.clone());
        let age = "Age of the least fresh of the known user groups";
        all.register_with_unit("groups_age", age, Unit::Seconds, groups_age.clone());
        let unusual = "Replies that went another way than usual, or nowhere";
        all.register("unusual_replies", unusual, replies.clone());
        all.register("replies_pending", "Answers that the bot still has to send by itself", pending.clone());
        all.register_collector(Box::new(DroppedLines));
    }

    /// Takes over how well user groups are known at the moment.
    pub fn show_groups(&self, report: Option<&DirectoryReport>) {
        self.groups_age.clear();
        let Some(report) = report else { return };
        let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        let unknown = report.groups.saturating_sub(report.known);
        for (state, number) in [("known", report.known), ("unknown", unknown)] {
            self.groups.get_or_create(&[("platform", "slack"), ("state", state)]).set(count(number));
        }
        if let Some(age) = report.oldest {
            self.groups_age
                .get_or_create(&[("platform", "slack")])
                .set(i64::try_from(age.as_secs()).unwrap_or(i64::MAX));
        }
    }

    /// The numbers in the OpenMetrics text form.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        encode(&mut text, &self.registry).unwrap_or_default();
        text
    }
}

/// How many log lines were dropped: one number for the process, as stderr is.
#[derive(Debug)]
struct DroppedLines;

impl Collector for DroppedLines {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let lines = ConstCounter::new(stdio::lines_dropped());
        let help = "Log lines that stderr could not take, or of too many refused requests";
        lines.encode(encoder.encode_descriptor("log_lines_dropped", help, None, lines.metric_type())?)
    }
}

impl Observer for Metrics {
    fn answered(&self, place: Option<&Place>, outcome: OutcomeKind, took: Duration) {
        let door = match place {
            Some(Place::Channel(Channel::Slack { .. })) => "slack",
            Some(Place::Channel(Channel::Discord { .. })) => "discord",
            Some(Place::Local) => "cli",
            None => "unnamed",
        };
        self.commands.get_or_create(&[("door", door), ("outcome", outcome.name())]).inc();
        self.seconds.observe(took.as_secs_f64());
    }

    fn called_back(&self, end: CallbackEnd) {
        self.callbacks.get_or_create(&[("end", end.name())]).inc();
    }

    fn replied(&self, how: HowReplied) {
        self.replies.get_or_create(&[("how", how.name())]).inc();
    }

    fn owes(&self, answers: usize) {
        self.pending.set(i64::try_from(answers).unwrap_or(i64::MAX));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::domain::room::is_invisible;

    /// What is kept of a problem that was logged: one line.
    fn logged(is_json: bool, colours: bool, fold: Fold, problem: &str) -> String {
        let kept = Arc::<Mutex<Vec<u8>>>::default();
        let (to, redactor) = (Arc::clone(&kept), Redactor::of([&"hush-\"77\"".into()]));
        let to =
            Lines { redactor, fold, to: move |line: &[u8], _| to.lock().unwrap().extend_from_slice(line) };
        let lines = tracing_subscriber::fmt().with_ansi(colours).without_time();
        let log = || tracing::warn!(%problem, "refused");
        if is_json {
            let lines = lines.json().flatten_event(true).with_writer(to);
            tracing::subscriber::with_default(lines.finish(), log);
        } else {
            tracing::subscriber::with_default(lines.with_writer(to).finish(), log);
        }
        let text = String::from_utf8(kept.lock().unwrap().clone()).unwrap();
        assert!(text.ends_with('\n') && text.matches('\n').count() == 1, "{text:?}");
        text
    }

    #[test]
    fn no_line_holds_a_secret_and_a_line_of_json_stays_one() {
        let line = logged(true, false, |event| Cow::Borrowed(event), "hush-\"77\"%0a%22hush-%2277%22");
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(line["problem"], "[redacted]%0a%22[redacted]");
    }

    #[test]
    fn an_event_is_one_line_whatever_is_told_in_it() {
        let problem = "no\nINFO room_owner: op 7 succeeded\r\u{1b}[2K\u{202e}\u{85}hush-\"77\"";
        let line = logged(false, false, one_line::plain, problem);
        assert!(line.contains("no\\nINFO room_owner: op 7 succeeded\\r"), "{line:?}");
        assert!(line.contains("[redacted]") && !line.trim_end().contains(is_invisible), "{line:?}");
    }

    #[test]
    fn in_colour_too_a_terminal_is_told_to_do_nothing_else() {
        let line = logged(false, true, one_line::coloured, "red\n\u{1b}[2K\u{1b}]0;title\u{7}\u{1b}");
        assert!(line.contains("\u{1b}[33m"), "{line:?}");
        assert!(line.contains("red\\n\\u{1b}[2K\\u{1b}]0;title\\u{7}\\u{1b}"), "{line:?}");
    }
}
