//! The signals that ask the process to end.
//!
//! The first one is answered in order: what is under way is finished. A second Ctrl-C or SIGTERM ends the process at
//! once; what it cuts off is resolved at the next start. SIGHUP never cuts anything: a terminal that closes sends it
//! to everything that was started there.

use std::convert::Infallible;
use std::{io, process};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{info, warn};

use crate::stdio;

/// A request to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndSignal {
    /// Ctrl-C.
    Interrupt,
    /// SIGTERM.
    Terminate,
    /// SIGHUP.
    Hangup,
}

impl EndSignal {
    fn name(self) -> &'static str {
        match self {
            Self::Interrupt => "Ctrl-C",
            Self::Terminate => "SIGTERM",
            Self::Hangup => "SIGHUP",
        }
    }

    /// The exit code of a process that the signal ended, as a shell shows it.
    fn exit_code(self) -> i32 {
        128 + match self {
            Self::Interrupt => SignalKind::interrupt(),
            Self::Terminate => SignalKind::terminate(),
            Self::Hangup => SignalKind::hangup(),
        }
        .as_raw_value()
    }
}

/// The signals, which count from the moment at which this is made.
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
    /// `None` where it is ignored, as `nohup` has it.
    hangup: Option<Signal>,
}

impl Signals {
    /// Listens from now on.
    ///
    /// # Errors
    /// When the system does not let it.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: if is_hangup_ignored() { None } else { Some(signal(SignalKind::hangup())?) },
        })
    }

    /// The next request to end.
    pub async fn asked(&mut self) -> EndSignal {
        let hangup = async {
            match &mut self.hangup {
                Some(signal) => signal.recv().await,
                None => std::future::pending().await,
            }
        };
        let by = tokio::select! {
            _ = self.interrupt.recv() => EndSignal::Interrupt,
            _ = self.terminate.recv() => EndSignal::Terminate,
            _ = hangup => EndSignal::Hangup,
        };
        info!(signal = by.name(), "asked to end: what is under way is finished");
        by
    }

    /// After [`Self::asked`]: ends the process at once when it is asked again.
    pub async fn end_if_asked_again(&mut self) -> Infallible {
        let by = tokio::select! {
            _ = self.interrupt.recv() => EndSignal::Interrupt,
            _ = self.terminate.recv() => EndSignal::Terminate,
        };
        warn!(signal = by.name(), "asked again, so it ends at once: the next start resolves what is cut off");
        stdio::flush();
        process::exit(by.exit_code());
    }
}

/// Whether the process was started with SIGHUP ignored: bit 0 of the mask. Where there is no `/proc`, it is not.
pub fn is_hangup_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}
