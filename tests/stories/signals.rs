//! Signals ask the bot to end. It finishes what is under way, whatever asks it; asked twice, it ends at once.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use room_owner::tencent::simulator::{Api, Fault, FaultKind, When};

use super::crash::allowed;
use super::program::{Program, exit_code, send};
use super::slack::ALICE;

/// Holds changes of owner for a moment, as a slow Tencent does.
fn slow(millis: u64) -> Fault {
    Fault::new(FaultKind::Stall { when: When::Before, millis }).on(Api::ChangeRoomOwner)
}

/// Tests that are started with nohup start programs that ignore SIGHUP, as they should.
fn is_skipped(signal: &str) -> bool {
    let is_skipped = signal == "HUP" && room_owner::bot::is_hangup_ignored();
    if is_skipped {
        println!("skipped: SIGHUP is ignored here");
    }
    is_skipped
}

fn is_changing(program: &Program) -> impl Fn(&room_owner::tencent::simulator::Simulator) -> bool {
    let before = program.changes();
    move |tencent| {
        tencent.arrived() > 0
            && tencent.calls().iter().filter(|c| c.api == Api::ChangeRoomOwner).count() > before
    }
}

#[tokio::test]
async fn after_sigterm_the_bot_is_not_ready_and_serves_on_and_a_second_one_ends_it_at_once() {
    for (second, code) in [("TERM", 143), ("INT", 130)] {
        let mut program = Program::new().await;
        program.set("SHUTDOWN_GRACE", "300");
        allowed(&program).await;
        let serving = program.serves().await;
        program.until_readiness(200, "ready").await;
        serving.gets("TERM");
        program.until_readiness(503, "not ready: ending").await;
        let address = *program.workspace.bot.lock().unwrap();
        let response = program.workspace.http.get(format!("http://{address}/healthz")).send().await.unwrap();
        assert_eq!(
            (response.status().as_u16(), &response.headers()["connection"]),
            (200, &"close".parse().unwrap())
        );
        let reply = program.slack(ALICE).says("/room-owner test user2").await;
        assert!(reply.says("now belongs to `user2`"), "{reply}");
        // It is no signal to hurry, whether or not it is ignored.
        serving.gets("HUP");
        let reply = program.slack(ALICE).says("/room-owner test user3").await;
        assert!(reply.says("now belongs to `user3`"), "{reply}");
        serving.gets(second);
        serving.has_logged("asked again, so it ends at once").await;
        assert_eq!(serving.ends().await.0.code(), Some(code));
    }
}

#[tokio::test]
async fn no_signal_cuts_a_transfer() {
    for (signal, grace) in [("HUP", "0"), ("HUP", "1"), ("TERM", "0"), ("INT", "300")] {
        if is_skipped(signal) {
            continue;
        }
        let mut program = Program::new().await;
        program.set("SHUTDOWN_GRACE", grace);
        allowed(&program).await;
        let serving = program.serves().await;
        program.tencent.inject(slow(400).once());
        let alice = program.slack(ALICE);
        let command = tokio::spawn(async move { alice.says("/room-owner test user2").await });
        program.until(is_changing(&program)).await;
        serving.gets(signal);
        let reply = command.await.unwrap();
        assert!(reply.says("now belongs to `user2`"), "{signal}: {reply}");
        assert_eq!(serving.ends().await.0.code(), Some(0), "{signal}");
        let listed = program.runs("audit list --format json").await;
        assert_eq!(listed.json()[0]["outcome"], "succeeded", "{signal}");
    }
}

#[tokio::test]
async fn what_is_started_with_nohup_outlives_its_terminal() {
    let program = Program::new().await;
    allowed(&program).await;
    let serving = program.serves_after("trap '' HUP").await;
    serving.gets("HUP");
    let reply = program.slack(ALICE).says("/room-owner test user2").await;
    assert!(reply.says("now belongs to `user2`"), "{reply}");
    let (status, _) = serving.ends_when_asked().await;
    assert_eq!(status.code(), Some(0));
}

#[tokio::test]
async fn a_transfer_of_the_command_line_ends_at_once_when_it_is_asked_twice() {
    let program = Program::new().await;
    for (signal, code) in [("HUP", 0), ("TERM", 0)] {
        if is_skipped(signal) {
            continue;
        }
        program.tencent.inject(slow(400).once());
        let child = program.starts("transfer test user2", Stdio::null(), Stdio::null());
        program.until(is_changing(&program)).await;
        send(signal, &child);
        assert_eq!(exit_code(child).await, code, "{signal}");
        program.tencent.put_room("test", "carol");
    }
    program.tencent.inject(slow(4_000).once());
    let mut child = program.starts("transfer test user2", Stdio::null(), Stdio::piped());
    program.until(is_changing(&program)).await;
    send("TERM", &child);
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
    let waits = tokio::task::spawn_blocking(move || said.any(|line| line.unwrap().contains("is waited for")));
    assert!(waits.await.unwrap());
    send("HUP", &child);
    send("TERM", &child);
    assert_eq!(exit_code(child).await, 143);
}
