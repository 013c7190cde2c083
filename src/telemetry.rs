//! Log lines on stderr, and the numbers for `/metrics`.

use std::io::IsTerminal as _;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use tracing_subscriber::EnvFilter;

use crate::app::ports::Observer;
use crate::config::{Common, LogFormat};
use crate::domain::audit::OutcomeKind;
use crate::domain::command::Place;
use crate::domain::principal::Channel;

/// Starts logging. `usual` is the filter when `RUST_LOG` is not set.
pub fn start_logging(common: &Common, usual: &str) {
    let filter = EnvFilter::new(common.log_filter.as_deref().unwrap_or(usual));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match common.log_format {
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
        LogFormat::Text => lines.with_ansi(std::io::stderr().is_terminal()).try_init(),
    };
    // Fails only when a test has started it before.
    drop(started);
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
}

impl Default for Metrics {
    fn default() -> Self {
        let commands = Family::<CommandLabels, Counter>::default();
        let buckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
        let seconds = Histogram::new(buckets);
        let mut registry = Registry::with_prefix("room_owner");
        registry.register("commands", "Commands answered, by door and outcome", commands.clone());
        registry.register("command_seconds", "From a command's arrival to its final answer", seconds.clone());
        Self { registry, commands, seconds }
    }
}

impl Metrics {
    /// The numbers in the OpenMetrics text form.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        encode(&mut text, &self.registry).unwrap_or_default();
        text
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
}
