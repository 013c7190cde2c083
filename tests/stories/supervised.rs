//! The bot as a service: what it reports to systemd, and what the system lets the process have.

use std::os::unix::net::UnixDatagram;
use std::time::{Duration, Instant};

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::crash::allowed;
use super::fakes::gateway::Fake;
use super::program::{PATIENCE, Program};
use super::slack::ALICE;

/// What systemd receives, one message after the other.
struct Systemd(UnixDatagram);

impl Systemd {
    fn receives(&self, message: &str) {
        let until = Instant::now() + PATIENCE;
        let mut buffer = [0; 256];
        while Instant::now() < until {
            let length = self.0.recv(&mut buffer).expect("the bot says nothing");
            if std::str::from_utf8(&buffer[..length]).unwrap().trim_end() == message {
                return;
            }
        }
        panic!("the bot does not say {message}");
    }

    fn has_received(&self) -> bool {
        self.0.set_nonblocking(true).unwrap();
        let mut is_any = false;
        while self.0.recv(&mut [0; 256]).is_ok() {
            is_any = true;
        }
        self.0.set_nonblocking(false).unwrap();
        is_any
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn systemd_hears_that_the_bot_is_up_that_its_store_answers_and_that_it_ends() {
    let mut program = Program::new().await;
    let socket = program.path("notify");
    let systemd = Systemd(UnixDatagram::bind(&socket).unwrap());
    systemd.0.set_read_timeout(Some(PATIENCE)).unwrap();
    program.set("NOTIFY_SOCKET", socket.to_str().unwrap());
    program.set("WATCHDOG_USEC", "600000");
    let serving = program.serves().await;
    systemd.receives("READY=1");
    systemd.receives("WATCHDOG=1");
    systemd.receives("WATCHDOG=1");

    // While the store does not answer, the watchdog is not fed.
    let mut other = program.raw().await;
    sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    serving.has_logged("the database does not answer").await;
    systemd.has_received();
    serving.has_logged("the database does not answer").await;
    assert!(!systemd.has_received());
    sqlx::query("ROLLBACK").execute(&mut other).await.unwrap();
    systemd.receives("WATCHDOG=1");

    serving.gets("TERM");
    systemd.receives("STOPPING=1");
    assert_eq!(serving.ends().await.0.code(), Some(0));
}

#[tokio::test]
async fn more_silent_connections_than_the_process_may_have_keep_no_command_waiting() {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).unwrap();
    assert!(soft.min(hard) >= 512, "this test needs more open files");
    for (limit, connections) in [("ulimit -n 128", 200), ("ulimit -S -n 32", 200)] {
        let program = Program::new().await;
        allowed(&program).await;
        let serving = program.serves_after(limit).await;
        let address = *program.workspace.bot.lock().unwrap();
        let mut held = Vec::new();
        for _ in 0..connections {
            let mut stream = TcpStream::connect(address).await.unwrap();
            drop(stream.write_all(b"POST /slack/commands HTTP/1.1\r\nx-slow: ").await);
            held.push(stream);
        }
        let began = Instant::now();
        let reply = program.slack(ALICE).says("/room-owner test user2").await;
        assert!(reply.says("now belongs to `user2`"), "{limit}: {reply}");
        assert!(began.elapsed() < Duration::from_secs(3), "{limit}: {:?}", began.elapsed());
        assert!(!serving.log().contains("could not be accepted"), "{limit}: {}", serving.log());
        drop(held);
        assert_eq!(serving.ends_when_asked().await.0.code(), Some(0));
    }
}

#[tokio::test]
async fn a_bot_that_nobody_can_reach_ends_with_an_error_and_goes_on_beside_slack() {
    let gateway = Fake::start().await;
    gateway.entrance.lock().unwrap().status = axum::http::StatusCode::UNAUTHORIZED;
    let mut program = Program::new().await;
    program.set("DISCORD_BOT_TOKEN", "discord-token-of-this-story-alone");
    program.set("DISCORD_API_BASE_URL", &gateway.api_base_url());
    allowed(&program).await;
    let serving = program.serves().await;
    program.until_readiness(200, "discord: not ready; gateway: refused: the bot token is not accepted").await;
    serving.has_logged("the gateway is asked again after a pause").await;
    let reply = program.slack(ALICE).says("/room-owner test user2").await;
    assert!(reply.says("now belongs to `user2`"), "{reply}");
    serving.ends_when_asked().await;

    program.set("SLACK_SIGNING_SECRET", "");
    let ran = program.runs("serve").await;
    assert_eq!(ran.code, 1, "{}", ran.err);
    let last = ran.err.lines().last().unwrap_or_default();
    assert_eq!(
        last,
        "error: the bot token is not accepted: set DISCORD_BOT_TOKEN to the one from the developer portal"
    );
}
