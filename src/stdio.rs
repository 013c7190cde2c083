//! stdout and stderr. Nothing panics because one of them cannot be written, and nothing waits for the reader of
//! stderr.
//!
//! What goes to stderr, log lines and words for people, is queued, and a thread of its own writes it. A reader
//! that is gone, a full disk or a full pipe costs lines, which are counted, and nothing else.

use std::collections::VecDeque;
use std::fmt::Display;
use std::fs::File;
use std::io::{self, IsTerminal as _, StdoutLock, Write};
use std::os::fd::AsFd as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tracing::warn;

/// How much may wait for the reader of stderr, in bytes.
const MOST_WAITING: usize = 1_024 * 1_024;

/// How long words for people, and the end of the program, wait for the reader of stderr.
const PATIENCE: Duration = Duration::from_secs(2);

/// How many log lines that anybody can cause are written in a minute.
const UNTRUSTED_LINES: u32 = 100;

/// How often it is said at most that lines were dropped.
const BETWEEN_NOTICES: Duration = Duration::from_secs(10);

/// How long is waited before a full pipe that does not block is tried again.
const TRY_AGAIN: Duration = Duration::from_millis(20);

/// Who can cause a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The bot itself, and people with an account.
    Trusted,
    /// Anybody who reaches the port. Only so many of these lines are written in a minute.
    Untrusted,
}

static STDERR: Queue = Queue { state: Mutex::new(State::NEW), changed: Condvar::new() };

/// Says something to a person, on stderr, and waits a moment until it is written.
pub fn say(words: impl Display) {
    STDERR.push(format!("{words}\n").as_bytes(), Cause::Trusted);
    flush();
}

/// Asks a person something, on stderr, and leaves the cursor behind it.
pub fn ask(words: impl Display) {
    STDERR.push(words.to_string().as_bytes(), Cause::Trusted);
    flush();
}

/// Queues a log line for stderr.
pub fn log(line: &[u8], cause: Cause) {
    STDERR.push(line, cause);
}

/// Waits a moment until stderr has everything.
pub fn flush() {
    STDERR.wait_until_written();
}

/// How many lines were dropped so far.
pub fn lines_dropped() -> u64 {
    STDERR.lock().dropped
}

/// Whether stderr is shown on a terminal.
#[expect(clippy::disallowed_methods, reason = "this is the place")]
pub fn stderr_is_terminal() -> bool {
    io::stderr().is_terminal()
}

struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    lines: VecDeque<Vec<u8>>,
    /// Of `lines`, and of the one that is being written.
    bytes: usize,
    has_thread: bool,
    /// A wait timed out, and nothing was written since.
    stands_still: bool,
    dropped: u64,
    /// Since when untrusted lines are counted, and how many there were.
    untrusted: Option<(Instant, u32)>,
}

impl State {
    const NEW: Self = Self {
        lines: VecDeque::new(),
        bytes: 0,
        has_thread: false,
        stands_still: false,
        dropped: 0,
        untrusted: None,
    };

    fn has_room_for(&mut self, line: &[u8], cause: Cause) -> bool {
        if cause == Cause::Untrusted {
            let now = Instant::now();
            let minute = self.untrusted.filter(|(since, _)| now - *since < Duration::from_secs(60));
            let (since, lines) = minute.unwrap_or((now, 0));
            if lines >= UNTRUSTED_LINES {
                return false;
            }
            self.untrusted = Some((since, lines + 1));
        }
        self.bytes + line.len() <= MOST_WAITING
    }
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&'static self, line: &[u8], cause: Cause) {
        let mut state = self.lock();
        if !state.has_thread {
            state.has_thread = self.start_thread().is_ok();
        }
        if state.has_thread && state.has_room_for(line, cause) {
            state.bytes += line.len();
            state.lines.push_back(line.to_vec());
        } else {
            state.dropped += 1;
        }
        drop(state);
        self.changed.notify_all();
    }

    #[expect(clippy::disallowed_methods, reason = "this is the place")]
    fn start_thread(&'static self) -> io::Result<()> {
        // A handle without std's lock, which a write that stands still would hold.
        let stream =
            Stream { to: File::from(io::stderr().as_fd().try_clone_to_owned()?), is_mid_line: false };
        thread::Builder::new().name("stderr".to_owned()).spawn(|| self.write_to(stream)).map(drop)
    }

    fn write_to(&self, mut stream: Stream<File>) {
        let (mut reported, mut reported_at, mut is_writable) = (0, None::<Instant>, true);
        let mut state = self.lock();
        loop {
            let is_due = reported_at.is_none_or(|at| at.elapsed() >= BETWEEN_NOTICES);
            if is_writable && is_due && state.dropped > reported && state.bytes <= MOST_WAITING / 2 {
                let lines = state.dropped - reported;
                (reported, reported_at) = (state.dropped, Some(Instant::now()));
                drop(state);
                warn!(
                    lines,
                    "log lines were dropped: stderr could not take them, or too many requests were refused"
                );
                state = self.lock();
            }
            let Some(line) = state.lines.pop_front() else {
                let waited = self.changed.wait_timeout(state, BETWEEN_NOTICES);
                state = waited.unwrap_or_else(PoisonError::into_inner).0;
                continue;
            };
            drop(state);
            is_writable = stream.write(&line).is_ok();
            state = self.lock();
            state.bytes -= line.len();
            state.stands_still = false;
            state.dropped += u64::from(!is_writable);
            self.changed.notify_all();
        }
    }

    fn wait_until_written(&self) {
        let mut state = self.lock();
        if !state.stands_still {
            let waited = self.changed.wait_timeout_while(state, PATIENCE, |state| state.bytes > 0);
            let (after, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            state = after;
            state.stands_still = timeout.timed_out();
        }
    }
}

struct Stream<W> {
    to: W,
    /// A line broke off in its middle: the next one does not go on there.
    is_mid_line: bool,
}

impl<W: Write> Stream<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<()> {
        if self.is_mid_line {
            self.write_whole(b"\n")?;
            self.is_mid_line = false;
        }
        self.write_whole(line)
    }

    fn write_whole(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.to.write(bytes) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    bytes = &bytes[written..];
                    self.is_mid_line = !bytes.is_empty();
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // The parent made it non-blocking. Its reader is waited for as that of any other pipe.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::sleep(TRY_AGAIN),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Prints a line to stdout.
///
/// # Errors
/// [`OutputError`].
pub fn print(line: impl Display) -> io::Result<()> {
    writeln!(stdout(), "{line}")
}

/// stdout, locked. What cannot be written is an [`OutputError`].
#[expect(clippy::disallowed_methods, reason = "this is the place")]
pub fn stdout() -> Stdout {
    Stdout(io::stdout().lock())
}

/// Whether stdout is shown on a terminal.
#[expect(clippy::disallowed_methods, reason = "this is the place")]
pub fn stdout_is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// How many columns and lines the terminal has that stdout is, if it is one that says so.
#[expect(clippy::disallowed_methods, reason = "this is the place")]
pub fn stdout_size() -> Option<(usize, usize)> {
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
    let (columns, lines) = (usize::from(size.ws_col), usize::from(size.ws_row));
    (columns > 0 && lines > 0).then_some((columns, lines))
}

/// Whether stdout is `/dev/null`. So is one that was closed: std opens `/dev/null` in its place before `main`.
#[expect(clippy::disallowed_methods, reason = "this is the place")]
pub fn stdout_is_null() -> bool {
    let stdout = io::stdout().as_fd().try_clone_to_owned().and_then(|stdout| File::from(stdout).metadata());
    let null = std::fs::metadata("/dev/null");
    stdout.is_ok_and(|stdout| {
        let is_device = stdout.file_type().is_char_device();
        is_device && null.is_ok_and(|null| null.rdev() == stdout.rdev())
    })
}

/// See [`stdout`].
#[derive(Debug)]
pub struct Stdout(StdoutLock<'static>);

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes).map_err(OutputError::in_io)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush().map_err(OutputError::in_io)
    }
}

/// stdout could not be written.
#[derive(Debug, thiserror::Error)]
#[error("the output could not be written: {0}")]
pub struct OutputError(io::Error);

impl OutputError {
    fn in_io(error: io::Error) -> io::Error {
        io::Error::new(error.kind(), Self(error))
    }

    /// Whether this is about a reader that has read all it wants, as with `| head`. A connection that somebody
    /// closed is something else.
    pub fn is_closed_pipe(error: &(dyn std::error::Error + 'static)) -> bool {
        let mut chain = std::iter::successors(Some(error), |error| error.source());
        chain.any(|error| {
            let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
            let output = inner.and_then(|inner| inner.downcast_ref::<Self>());
            output.is_some_and(|output| output.0.kind() == io::ErrorKind::BrokenPipe)
        })
    }
}

/// Reports output that was lost, where what it is about is done already and stays done.
pub fn say_if_lost(printed: io::Result<()>) {
    if let Err(error) = printed
        && !OutputError::is_closed_pipe(&error)
    {
        say(format_args!("error: {error}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes a few bytes at a time, and fails as often as it is asked to.
    struct Disk {
        kept: Vec<u8>,
        room: usize,
        fails: Vec<io::ErrorKind>,
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.room == 0 {
                self.room = usize::MAX;
                return Err(self.fails.pop().unwrap().into());
            }
            let taken = bytes.len().min(self.room).min(3);
            self.room -= taken;
            self.kept.extend_from_slice(&bytes[..taken]);
            Ok(taken)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_that_broke_off_is_not_gone_on_with_and_a_full_pipe_breaks_none_off() {
        for (room, error, kept) in [
            (4, io::ErrorKind::StorageFull, "firs\nsecond\n"),
            (0, io::ErrorKind::StorageFull, "second\n"),
            (4, io::ErrorKind::WouldBlock, "first\nsecond\n"),
            (4, io::ErrorKind::Interrupted, "first\nsecond\n"),
        ] {
            let disk = Disk { kept: Vec::new(), room, fails: vec![error] };
            let mut stream = Stream { to: disk, is_mid_line: false };
            assert_eq!(stream.write(b"first\n").is_err(), error == io::ErrorKind::StorageFull);
            stream.write(b"second\n").unwrap();
            assert_eq!(String::from_utf8(stream.to.kept).unwrap(), kept, "{error}");
        }
    }

    #[test]
    fn only_our_own_output_is_taken_for_a_closed_pipe() {
        let broken = || io::Error::from(io::ErrorKind::BrokenPipe);
        let of = |error: io::Error| {
            OutputError::is_closed_pipe(anyhow::Error::from(error).context("why").as_ref())
        };
        assert!(of(OutputError::in_io(broken())));
        assert!(!of(broken()));
        assert!(!of(OutputError::in_io(io::ErrorKind::StorageFull.into())));
    }
}
