//! Log lines on stderr, and the metrics.

mod metrics;
mod one_line;
mod refused;

use std::backtrace::{Backtrace, BacktraceStatus};
use std::borrow::Cow;
use std::io::{self, Write};

pub use metrics::{Metrics, Sample};

use tracing::{Metadata, error};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::app::UNTRUSTED;
use crate::config::{Common, LogFormat};
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
            let to = Lines { redactor, fold: with_operation, to: stdio::log };
            lines.json().flatten_event(true).with_span_list(false).with_writer(to).try_init()
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

/// A line of JSON, with the number of its operation among its own fields instead of in its span. A quote within a text
/// is escaped, so no text looks like a span.
fn with_operation(line: &str) -> Cow<'_, str> {
    let span = line.split_once(r#","span":{"op":"#).and_then(|(before, rest)| {
        let (operation, after) = rest.split_once(r#","name":"operation"}"#)?;
        operation.bytes().all(|b| b.is_ascii_digit()).then_some((before, operation, after))
    });
    match span {
        Some((before, operation, after)) => format!("{before},\"op\":{operation}{after}").into(),
        None => line.into(),
    }
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
        let log = || {
            tracing::info_span!("operation", op = 17).in_scope(|| tracing::warn!(%problem, "refused"));
        };
        if is_json {
            let lines = lines.json().flatten_event(true).with_span_list(false).with_writer(to);
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
        let line = logged(true, false, with_operation, "hush-\"77\"%0a%22hush-%2277%22");
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(line["problem"], "[redacted]%0a%22[redacted]");
    }

    #[test]
    fn a_line_of_json_has_the_number_of_its_operation() {
        let problem = r#","span":{"op":18,"name":"operation"}"#;
        let line = logged(true, false, with_operation, problem);
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(
            (&line["op"], &line["problem"], &line["span"]),
            (&17.into(), &problem.into(), &serde_json::Value::Null)
        );
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
