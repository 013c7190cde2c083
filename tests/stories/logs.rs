//! Every log line of the whole test binary, and what the bot said in a panic, kept in memory.

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
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            // A test's own panics quote what they compared.
            if panic.location().is_some_and(|place| place.file().starts_with("src/")) {
                LINES.lock().unwrap().extend_from_slice(panic.to_string().as_bytes());
            }
            usual(panic);
        }));
    });
}

/// What was logged so far. Secrets differ from story to story, so all of it may be searched for one.
pub(crate) fn so_far() -> Vec<u8> {
    LINES.lock().unwrap().clone()
}
