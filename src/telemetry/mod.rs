//! Log lines on stderr, and the metrics.

mod one_line;

use std::backtrace::{Backtrace, BacktraceStatus};
use std::fmt;
use std::io::{self, Write};
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric as _};
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

use one_line::OneLine;

/// Starts logging. `usual` is the filter when `RUST_LOG` is not set.
pub fn start_logging(common: &Common, usual: &str) {
    let filter = EnvFilter::new(common.log_filter.as_deref().unwrap_or(usual));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).log_internal_errors(false);
    let to = ToStderr { redactor: common.redactor.clone() };
    let started = match common.log_format {
        LogFormat::Json => lines.json().flatten_event(true).with_writer(to).try_init(),
        LogFormat::Text => {
            let colours = stdio::stderr_is_terminal();
            lines.with_ansi(colours).with_writer(OneLine::new(to, colours)).try_init()
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

/// Queues each event for stderr, without secrets.
struct ToStderr {
    redactor: Redactor,
}

impl MakeWriter<'_> for ToStderr {
    type Writer = Redacted<LogLine>;

    fn make_writer(&self) -> Self::Writer {
        Redacted { to: LogLine(Cause::Trusted), redactor: self.redactor.clone() }
    }

    fn make_writer_for(&self, event: &Metadata<'_>) -> Self::Writer {
        let cause = if event.target() == UNTRUSTED { Cause::Untrusted } else { Cause::Trusted };
        Redacted { to: LogLine(cause), redactor: self.redactor.clone() }
    }
}

/// Writes log lines without secrets, an event a call.
struct Redacted<W> {
    to: W,
    redactor: Redactor,
}

impl<W: Write> Write for Redacted<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        self.to.write_all(self.redactor.text(&String::from_utf8_lossy(event)).as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// Takes one event a call, which is how the subscriber writes.
struct LogLine(Cause);

impl Write for LogLine {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        stdio::log(event, self.0);
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CommandLabels {
    door: &'static str,
    outcome: &'static str,
}

/// What is counted. Labels are from fixed sets: nothing that a user writes becomes one.
pub struct Metrics {
    registry: Registry,
    commands: Family<CommandLabels, Counter>,
    seconds: Histogram,
    callbacks: Family<CallbackLabels, Counter>,
    groups: Family<GroupLabels, Gauge>,
    groups_age: Family<GroupAge, Gauge>,
    replies: Family<ReplyLabels, Counter>,
    owed: Gauge,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CallbackLabels {
    end: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReplyLabels {
    how: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct GroupLabels {
    platform: &'static str,
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct GroupAge {
    platform: &'static str,
}

impl Default for Metrics {
    fn default() -> Self {
        let commands = Family::<CommandLabels, Counter>::default();
        let buckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
        let seconds = Histogram::new(buckets);
        let mut registry = Registry::with_prefix("room_owner");
        registry.register("commands", "Commands answered, by door and outcome", commands.clone());
        registry.register("command_seconds", "From a command's arrival to its final answer", seconds.clone());
        let callbacks = Family::<CallbackLabels, Counter>::default();
        registry.register("callbacks", "Callbacks of Tencent, by what became of them", callbacks.clone());
        let groups = Family::<GroupLabels, Gauge>::default();
        registry.register(
            "groups",
            "User groups that the ACL names, by whether they are known",
            groups.clone(),
        );
        let groups_age = Family::<GroupAge, Gauge>::default();
        let help = "Age of the least fresh of the known user groups";
        registry.register_with_unit("groups_age", help, Unit::Seconds, groups_age.clone());
        let replies = Family::<ReplyLabels, Counter>::default();
        let help = "Replies that went another way than usual, or nowhere";
        registry.register("unusual_replies", help, replies.clone());
        let owed = Gauge::default();
        registry.register("replies_owed", "Answers that the bot still has to say by itself", owed.clone());
        registry.register_collector(Box::new(DroppedLines));
        Self { registry, commands, seconds, callbacks, groups, groups_age, replies, owed }
    }
}

impl Metrics {
    /// Takes over how well user groups are known at the moment.
    pub fn show_groups(&self, report: Option<&DirectoryReport>) {
        self.groups_age.clear();
        let Some(report) = report else { return };
        let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        let unknown = report.groups.saturating_sub(report.known);
        for (state, number) in [("known", report.known), ("unknown", unknown)] {
            self.groups.get_or_create(&GroupLabels { platform: "slack", state }).set(count(number));
        }
        if let Some(age) = report.oldest {
            self.groups_age
                .get_or_create(&GroupAge { platform: "slack" })
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
        self.commands.get_or_create(&CommandLabels { door, outcome: outcome.name() }).inc();
        self.seconds.observe(took.as_secs_f64());
    }

    fn called_back(&self, end: CallbackEnd) {
        self.callbacks.get_or_create(&CallbackLabels { end: end.name() }).inc();
    }

    fn replied(&self, how: HowReplied) {
        self.replies.get_or_create(&ReplyLabels { how: how.name() }).inc();
    }

    fn owes(&self, answers: usize) {
        self.owed.set(i64::try_from(answers).unwrap_or(i64::MAX));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// What was logged.
    #[derive(Clone, Default)]
    pub(super) struct Kept(pub(super) Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn no_line_holds_a_secret_and_a_line_of_json_stays_one() {
        let kept = Kept::default();
        let redactor = Redactor::of([&"hush-\"77\"".into()]);
        let to = kept.clone();
        let writer = move || Redacted { to: to.clone(), redactor: redactor.clone() };
        let lines = tracing_subscriber::fmt().json().flatten_event(true).with_writer(writer);
        let problem = "hush-\"77\"%0a%22hush-%2277%22";
        tracing::subscriber::with_default(lines.finish(), || tracing::warn!(%problem, "refused"));
        let text = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text.lines().count(), 1, "{text}");
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(line["problem"], "[redacted]%0a%22[redacted]");
    }
}
