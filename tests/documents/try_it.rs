//! The blocks of `docs/try-it.md` are pasted into a shell, one after the other, as a reader does it.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};

use room_owner::config::VARIABLES;

use super::markdown::blocks;
use super::read;

/// Whether a program that the page asks for is on this machine.
fn is_there(program: &str) -> bool {
    let asked = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    asked.is_ok()
}

/// What the reader sees, with the two addresses taken from the environment, as the page lets them.
fn pasted(script: &str) -> String {
    let program = Path::new(env!("CARGO_BIN_EXE_room-owner"));
    let free = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let [simulator, bot] = free.each_ref().map(|socket| socket.local_addr().unwrap().to_string());
    drop(free);
    let folder = program.parent().unwrap().to_str().unwrap();
    let begin = format!(
        "PATH={folder:?}:$PATH\nset -e -o pipefail\ntrap 'kill $(jobs -p) 2> /dev/null || true' EXIT"
    );
    let mut shell = Command::new("bash");
    // What is set where the tests run is not what the page is about.
    for variable in VARIABLES {
        shell.env_remove(variable.name);
    }
    let shell =
        shell.args(["-c", &format!("{begin}\n{script}")]).env("SIMULATOR", simulator).env("BIND_ADDR", bot);
    let shell = shell.output().unwrap();
    let [said, errors] = [shell.stdout, shell.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    assert!(shell.status.success(), "{said}\n{errors}");
    said + &errors
}

#[test]
fn the_blocks_can_be_pasted() {
    if let Some(missing) = ["bash", "curl", "openssl"].into_iter().find(|program| !is_there(program)) {
        println!("skipped: `{missing}` is not there");
        return;
    }
    let said = pasted(&blocks(&read("docs/try-it.md"), "bash").concat());
    for (what, wanted) in [
        ("the bot is ready", "store: ready"),
        ("Slack is answered with the hand-over", "`test` now belongs to `user2` (was `carol`)"),
        ("the log is verified", "Signed by"),
        ("the same request is a duplicate", "it was not done twice"),
        ("the command line hands over", "`test` now belongs to `user3` (was `user2`)"),
        ("a cut connection is read back", "`test` now belongs to `user4` (was `user3`)"),
        ("the log has all of them", "  transfer test user4"),
        ("the simulator shows it", "\"user4\""),
    ] {
        assert!(said.contains(wanted), "{what}: `{wanted}` is not in\n{said}");
    }
}
