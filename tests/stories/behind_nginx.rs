//! Behind a reverse proxy, as `deploy/nginx.conf` sets one up.

use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};

use super::crash::allowed;
use super::program::{PATIENCE, Program};
use super::slack::ALICE;

/// nginx, which is ended with the test.
struct Nginx(Child);

impl Drop for Nginx {
    fn drop(&mut self) {
        // Asked, it ends its workers too.
        drop(Command::new("kill").arg(self.0.id().to_string()).status());
        drop(self.0.wait());
    }
}

fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// nginx in front of the bot, without TLS; `None` where it is not installed.
async fn nginx(program: &Program) -> Option<(Nginx, SocketAddr)> {
    let folder = program.path("nginx");
    std::fs::create_dir(&folder).unwrap();
    let (bot, front) = (*program.workspace.bot.lock().unwrap(), free());
    let site = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/nginx.conf")).unwrap();
    let site: Vec<String> = site
        .lines()
        .filter(|line| !line.trim_start().starts_with("ssl_"))
        .map(|line| line.replace("443 ssl", &front.to_string()).replace("127.0.0.1:8080", &bot.to_string()))
        .collect();
    let site = site.join("\n");
    let paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let paths = paths.map(|name| format!("{name}_temp_path {name};")).join("\n");
    let all = format!(
        "daemon off; pid pid; error_log stderr; events {{}}\nhttp {{ access_log off;\n{paths}\n{site}\n}}"
    );
    std::fs::write(folder.join("nginx.conf"), all).unwrap();
    let mut command = Command::new("nginx");
    command.arg("-p").arg(&folder).args(["-c", "nginx.conf", "-e", "stderr"]);
    let Ok(child) = command.stdin(Stdio::null()).stderr(Stdio::inherit()).spawn() else {
        println!("skipped: nginx is not installed");
        return None;
    };
    let reaching = async {
        while tokio::net::TcpStream::connect(front).await.is_err() {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, reaching).await.expect("nginx does not start");
    Some((Nginx(child), front))
}

#[tokio::test]
async fn a_signed_command_comes_through_nginx_as_it_was_sent_and_the_bots_own_pages_do_not() {
    let mut program = Program::new().await;
    program.set("PUBLIC_URL", "http://127.0.0.1:1");
    allowed(&program).await;
    let serving = program.serves().await;
    if let Some((_nginx, front)) = nginx(&program).await {
        *program.workspace.bot.lock().unwrap() = front;
        program.tencent.put_room("my room", "erin");
        // The second holds characters that a proxy might change.
        for (line, says) in [
            ("/room-owner test user2", "now belongs to `user2`"),
            ("/room-owner 'my room' user2 reason: 100% + ü/é?", "`my room` now belongs to `user2`"),
        ] {
            let reply = program.slack(ALICE).says(line).await;
            assert!(reply.says(says), "{line}: {reply}");
        }
        for path in ["/slack/commands/", "/slack/interactions", "/slack/interactions/"] {
            assert_eq!(program.posts(path).await, 401, "{path}");
        }
        for (path, status) in [("/log", 401), ("/op/1", 401), ("/sign-in/x", 404), ("/console.js", 200)] {
            assert_eq!(program.page(path).await.0, status, "{path}");
        }
        for path in
            ["/metrics", "/readyz", "/healthz", "/slack/commands/more", "/slack/", "/logs", "/console.txt"]
        {
            assert_eq!(program.page(path).await.0, 404, "{path}");
        }
    }
    serving.ends_when_asked().await;
}
