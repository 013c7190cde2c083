//! Every log line of the whole test binary, kept in memory.

use std::io::Write;
use std::sync::{Mutex, Once};

static LINES: Mutex<Vec<u8>> = Mutex::new(Vec::new());
static STARTED: Once = Once::new();

struct Memory;

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LINES.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Keeps what is logged from now on, more of it than anybody would turn on.
pub(crate) fn keep() {
    STARTED.call_once(|| {
        let lines = tracing_subscriber::fmt().with_env_filter("trace,sqlx=debug").with_ansi(false);
        lines.with_writer(|| Memory).init();
    });
}

/// What was logged so far. Secrets differ from story to story, so all of it may be searched for one.
pub(crate) fn so_far() -> Vec<u8> {
    LINES.lock().unwrap().clone()
}
