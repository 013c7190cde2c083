//! stdout and stderr that nobody reads, or that take nothing: no answer and no exit code depends on the words
//! that are lost.

use std::io::{BufRead as _, BufReader, Lines, PipeReader, PipeWriter, Read as _, Write as _};
use std::process::{Child, Command, Stdio};

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use serde_json::Value;

use super::crash::allowed;
use super::program::{PATIENCE, Program, Serving, exit_code};
use super::slack::ALICE;

/// A stream, and what keeps it as it is.
struct Stream {
    what: &'static str,
    stdio: Stdio,
    reader: Option<PipeReader>,
}

impl Stream {
    /// The end that is written to.
    fn takes(&mut self) -> Stdio {
        std::mem::replace(&mut self.stdio, Stdio::null())
    }
}

/// Whoever read it is gone.
fn gone() -> Stream {
    let (_, writer) = std::io::pipe().unwrap();
    Stream { what: "its reader is gone", stdio: writer.into(), reader: None }
}

/// A full disk.
fn full() -> Stream {
    let file = std::fs::File::options().write(true).open("/dev/full").unwrap();
    Stream { what: "the disk is full", stdio: file.into(), reader: None }
}

/// A full pipe: a write to it waits for the reader, or fails if it must not block.
fn full_pipe(blocks: bool) -> Stream {
    let (reader, mut writer) = std::io::pipe().unwrap();
    let blocking = fcntl_getfl(&writer).unwrap();
    fcntl_setfl(&writer, blocking | OFlags::NONBLOCK).unwrap();
    fill(&mut writer);
    if blocks {
        fcntl_setfl(&writer, blocking).unwrap();
    }
    let what = if blocks { "its reader stands still" } else { "it is a full pipe that does not block" };
    Stream { what, stdio: writer.into(), reader: Some(reader) }
}

fn fill(writer: &mut PipeWriter) {
    while writer.write(&[b'x'; 4_096]).is_ok() {}
    while writer.write(b"x").is_ok() {}
}

fn bad_streams() -> [Stream; 4] {
    [gone(), full(), full_pipe(false), full_pipe(true)]
}

/// The log lines of a stream after what it was filled with.
struct Log(Lines<BufReader<PipeReader>>);

impl Log {
    fn of(stream: Stream) -> Self {
        Self(BufReader::new(stream.reader.unwrap()).lines())
    }

    /// Reads on to a line that says this; all lines, with it as the last one.
    async fn until(mut self, says: &'static str) -> (Self, Vec<Value>) {
        let reading = tokio::task::spawn_blocking(move || {
            let mut lines = Vec::new();
            loop {
                let line = self.0.next().expect("it does not say so").unwrap();
                lines.push(serde_json::from_str(line.trim_start_matches('x')).expect(&line));
                if line.contains(says) {
                    return (self, lines);
                }
            }
        });
        tokio::time::timeout(PATIENCE, reading).await.expect("it does not say so").unwrap()
    }
}

async fn unsigned(program: &Program) {
    let request = program.slack(ALICE).about("/room-owner test mallory").signed();
    let (status, _) = request.without_header("x-slack-signature").status_and_body().await;
    assert_eq!(status, 401);
}

async fn lines_dropped(program: &Program) -> u64 {
    let (_, metrics) = program.page("/metrics").await;
    let line = metrics.lines().find_map(|line| line.strip_prefix("room_owner_log_lines_dropped_total "));
    line.unwrap().parse().unwrap()
}

/// Serves with this log, until it is more than may wait for a reader.
async fn overflows(program: &mut Program, log: Stdio) -> Serving {
    program.set("COMMANDS_PER_PERSON", "0");
    let serving = program.serves_into(log).await;
    let long = format!("/room-owner {}", "🦀".repeat(900));
    for _ in 0..1_000 {
        if lines_dropped(program).await > 0 {
            return serving;
        }
        program.slack(ALICE).says(&long).await;
    }
    panic!("no line was dropped");
}

#[tokio::test]
async fn the_bot_serves_whatever_becomes_of_its_log() {
    for stream in bad_streams() {
        let mut program = Program::new().await;
        allowed(&program).await;
        let serving = overflows(&mut program, stream.stdio).await;
        for _ in 0..20 {
            unsigned(&program).await;
        }
        for (owner, changes) in [("user2", 1), ("user3", 2)] {
            let reply = program.slack(ALICE).says(&format!("/room-owner test {owner}")).await;
            assert!(reply.says(&format!("now belongs to `{owner}`")), "{}: {reply}", stream.what);
            assert_eq!((program.owner().as_str(), program.changes()), (owner, changes), "{}", stream.what);
        }
        assert_eq!(program.page("/healthz").await, (200, "alive\n".to_owned()), "{}", stream.what);
        let (status, _) = serving.ends_when_asked().await;
        assert_eq!(status.code(), Some(0), "{}", stream.what);
        let listed = program.runs("audit list --format json").await;
        let newest = &listed.json()[0];
        assert_eq!((&newest["new_owner"], &newest["outcome"]), (&"user3".into(), &"succeeded".into()));
    }
}

#[tokio::test]
async fn when_the_log_is_read_again_it_says_what_was_dropped_and_goes_on() {
    for blocks in [false, true] {
        let mut stream = full_pipe(blocks);
        let mut program = Program::new().await;
        let serving = overflows(&mut program, stream.takes()).await;
        let dropped = lines_dropped(&program).await;
        let (log, lines) = Log::of(stream).until("log lines were dropped").await;
        let shown = lines.last().unwrap()["lines"].as_u64().unwrap();
        assert!(shown >= dropped, "{shown} of {dropped}");
        let reading = tokio::spawn(log.until("asked to end"));
        let (status, _) = serving.ends_when_asked().await;
        assert_eq!(status.code(), Some(0));
        reading.await.unwrap();
    }
}

#[tokio::test]
async fn strangers_cannot_fill_the_log() {
    let mut stream = full_pipe(true);
    let mut program = Program::new().await;
    allowed(&program).await;
    program.set("DISCORD_PUBLIC_KEY", "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
    let serving = program.serves_into(stream.takes()).await;
    for _ in 0..100 {
        unsigned(&program).await;
        for (door, expected) in [("/discord/interactions", 401), ("/tencent/callbacks", 403)] {
            assert_eq!(program.posts(door).await, expected);
        }
    }
    let reply = program.slack(ALICE).says("/room-owner test user2").await;
    assert!(reply.says("now belongs to"), "{reply}");
    assert_eq!(lines_dropped(&program).await, 0);
    let (_, metrics) = program.page("/metrics").await;
    for from in
        ["slack\",reason=\"no_signature", "discord\",reason=\"no_signature", "tencent\",reason=\"foreign"]
    {
        let line = format!("room_owner_requests_refused_total{{from=\"{from}\"}} 100\n");
        assert!(metrics.contains(&line), "{metrics}");
    }

    // The first of each kind is logged at once, the rest in one line.
    let reading = tokio::spawn(Log::of(stream).until(r#""from":"tencent","count":99"#));
    serving.ends_when_asked().await;
    let (_, lines) = reading.await.unwrap();
    let of = |from: &str| -> Vec<u64> {
        let lines = lines.iter().filter(|line| line["from"] == from);
        lines.map(|line| line["count"].as_u64().unwrap()).collect()
    };
    for from in ["slack", "discord", "tencent"] {
        assert_eq!(of(from), [1, 99], "{from}: {lines:?}");
    }
}

#[tokio::test]
async fn a_transfer_ends_as_it_ended_whatever_becomes_of_the_words() {
    for (number, stream) in bad_streams().into_iter().chain(bad_streams()).enumerate() {
        let program = Program::new().await;
        let (words, code, outcome) = match number {
            0..4 => ("transfer test user2", 0, "succeeded"),
            _ => ("transfer gone user2", 4, "refused"),
        };
        let child = program.starts(words, Stdio::null(), stream.stdio);
        assert_eq!(exit_code(child).await, code, "{words}: {}", stream.what);
        let listed = program.runs("audit list --format json").await;
        assert_eq!(listed.json()[0]["outcome"], outcome, "{words}: {}", stream.what);
    }
}

#[tokio::test]
async fn wrong_usage_has_its_code_whatever_becomes_of_the_words() {
    for stream in bad_streams() {
        let child = Program::new().await.starts("transfer test", Stdio::null(), stream.stdio);
        assert_eq!(exit_code(child).await, 2, "{}", stream.what);
    }
}

/// The exit code, and what it said, where stdout is this.
async fn runs_into(program: &Program, words: &str, stdout: Stream) -> (i32, String) {
    let mut child = program.starts(words, stdout.stdio, Stdio::piped());
    let mut stderr = child.stderr.take().unwrap();
    let code = exit_code(child).await;
    let mut said = String::new();
    stderr.read_to_string(&mut said).unwrap();
    (code, said)
}

const LOST: &str = "error: the output could not be written";

#[tokio::test]
async fn what_cannot_be_printed_is_an_error_but_a_reader_may_have_enough() {
    let program = Program::new().await;
    allowed(&program).await;
    for words in [
        "acl list",
        "acl list --format csv",
        "acl export",
        "audit list",
        "audit list --format csv --limit 0",
        "audit list --format jsonl --limit 0",
        "audit show 1",
        "audit stats",
        "audit export",
        "audit export --format csv",
        "audit prove 1",
        "audit verify",
        "audit key",
        "owner test --format json",
        "--help",
        "--version",
    ] {
        let (code, said) = runs_into(&program, words, full()).await;
        assert!(code == 1 && said.contains(LOST), "{words}: {code} {said}");
        let (code, said) = runs_into(&program, words, gone()).await;
        assert!(code == 0 && !said.contains("error"), "{words}: {code} {said}");
    }
}

#[tokio::test]
async fn what_is_done_or_found_is_said_by_the_exit_code_whatever_is_printed() {
    let program = Program::new().await;
    for (words, expected) in [
        ("transfer test user2 --format json", 0),
        ("transfer gone user2 --format json", 4),
        ("owner gone --format json", 4),
        ("acl grant slack:T0TEAM:U0ALICE admin", 0),
        ("audit archive --before yesterday archived", 0),
        ("audit verify --seen 1:000000000000", 1),
    ] {
        let words = |n: u32| words.replace("archived", &format!("archived-{n}"));
        let (code, said) = runs_into(&program, &words(1), full()).await;
        assert!(code == expected && said.contains(LOST), "{}: {code} {said}", words(1));
        let (code, said) = runs_into(&program, &words(2), gone()).await;
        assert!(code == expected && !said.contains(LOST), "{}: {code} {said}", words(2));
    }
    assert_eq!(program.owner(), "user2");
}

#[tokio::test]
async fn an_export_into_nothing_leaves_the_cursor_where_it_was() {
    let program = Program::new().await;
    allowed(&program).await;
    let words = "audit export --cursor-file cursor";
    // What the program finds in place of a stdout that is closed.
    assert_eq!(exit_code(program.starts(words, Stdio::null(), Stdio::null())).await, 2);
    let (code, said) = runs_into(&program, words, full()).await;
    assert!(code == 1 && said.contains(LOST), "{code} {said}");
    let (code, said) = runs_into(&program, words, gone()).await;
    assert!(code == 0 && !said.contains("error"), "{code} {said}");
    assert!(!program.path("cursor").exists());
    let ran = program.runs(words).await;
    assert_eq!((ran.code, ran.out.lines().count()), (0, 2), "{}", ran.err);
    assert!(program.path("cursor").exists());
}

/// What the test below runs, with another stderr than the tests'.
#[test]
#[ignore = "it is run by another test"]
fn threads_panic() {
    room_owner::telemetry::log_panics();
    for _ in 0..3 {
        assert!(std::thread::spawn(|| panic!("as this test wants it")).join().is_err());
    }
}

#[tokio::test]
async fn a_panic_takes_no_thread_along_whatever_becomes_of_the_words() {
    let starts = |stderr: Stdio| -> Child {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--ignored", "--exact", "--nocapture", "streams::threads_panic"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(stderr).spawn().unwrap()
    };
    for stream in bad_streams() {
        assert_eq!(exit_code(starts(stream.stdio)).await, 0, "{}", stream.what);
    }
    let mut child = starts(Stdio::piped());
    let mut stderr = child.stderr.take().unwrap();
    assert_eq!(exit_code(child).await, 0);
    let mut said = String::new();
    stderr.read_to_string(&mut said).unwrap();
    assert_eq!(said.matches("as this test wants it").count(), 3, "{said}");
}
