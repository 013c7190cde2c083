//! Where nothing leaves the network but through a proxy: everything goes through it, and what goes wrong there names it.

use std::net::SocketAddr;

use super::doors::assert_snapshot;
use super::fakes::gateway::Fake;
use super::fakes::proxy::{self, DISCORD, GATEWAY, Proxy, TENCENT};
use super::fakes::socket;
use super::program::{Program, Ran};

/// The password of the proxy, as it is meant and as it is written in a URL.
const PASSWORD: &str = "hunter2 of the proxy";
const ESCAPED: &str = "hunter2%20of%20the%20proxy";
/// `moderator:hunter2 of the proxy`
const BASIC: &str = "Basic bW9kZXJhdG9yOmh1bnRlcjIgb2YgdGhlIHByb3h5";

fn address(url: &str) -> SocketAddr {
    url.trim_start_matches("http://").trim_start_matches("ws://").split('/').next().unwrap().parse().unwrap()
}

/// A program whose Tencent is another machine, and where it is behind that.
async fn program() -> (Program, SocketAddr) {
    let mut program = Program::new().await;
    let tencent = address(&program.setting("TENCENT_API_BASE_URL"));
    let certificates = program.path("certificates.pem");
    std::fs::write(&certificates, proxy::certificate()).unwrap();
    program.set("SSL_CERT_FILE", certificates.to_str().unwrap());
    program.set("TENCENT_API_BASE_URL", &format!("https://{TENCENT}"));
    (program, tencent)
}

fn went(ran: &Ran) -> &Ran {
    assert!(!ran.err.contains("hunter2") && !ran.err.contains("bW9k"), "{}", ran.err);
    ran
}

#[tokio::test]
async fn everything_goes_through_the_proxy_with_its_password_which_nobody_reads() {
    goes_through("http").await;
}

#[tokio::test]
async fn a_proxy_may_speak_tls_itself() {
    goes_through("https").await;
}

async fn goes_through(scheme: &str) {
    let (mut program, tencent) = program().await;
    let mut discord = Fake::start().await;
    discord.entrance.lock().unwrap().url = Some(format!("wss://{GATEWAY}"));
    let hosts = [
        (TENCENT, tencent),
        (DISCORD, address(&discord.api_base_url())),
        (GATEWAY, address(&discord.general_url())),
    ];
    let proxy = Proxy::to(&hosts).await;
    let name = match scheme {
        "https" => format!("localhost:{}", proxy::tls_in_front_of(proxy.address).await.port()),
        _ => proxy.address.to_string(),
    };
    program.set("https_proxy", &format!("{scheme}://moderator:{ESCAPED}@{name}"));
    let ran = program.runs("transfer test user2").await;
    assert_eq!(went(&ran).code, 0, "{}", ran.err);
    assert_eq!(program.owner(), "user2");

    program.set("DISCORD_BOT_TOKEN", "discord-token-of-this-story-alone");
    program.set("DISCORD_API_BASE_URL", &format!("https://{DISCORD}/api/v10"));
    let serving = program.serves().await;
    let connection = discord.connection().await;
    connection.hello(std::time::Duration::from_millis(200));
    drop(connection);
    let log = serving.log();
    assert!(log.contains("outgoing connections go through a proxy") && !log.contains(PASSWORD), "{log}");
    assert!(log.contains(&format!("\"proxy\":\"{name}\"")), "{log}");
    for host in [TENCENT, DISCORD, GATEWAY] {
        let heads = proxy
            .asked()
            .into_iter()
            .filter(|head| head.starts_with(&format!("CONNECT {host}:443 HTTP/1.1\r\n")));
        let heads: Vec<String> = heads.collect();
        assert!(!heads.is_empty(), "{host}: {:?}", proxy.asked());
        for head in heads {
            assert!(
                head.to_ascii_lowercase()
                    .contains(&format!("proxy-authorization: {}\r\n", BASIC.to_lowercase())),
                "{head}"
            );
        }
    }
    serving.dies();
}

#[tokio::test]
async fn socket_mode_goes_through_the_proxy_too() {
    let (mut program, tencent) = program().await;
    let mut slack = socket::Fake::start().await;
    // The certificate of the stand-ins has these names.
    let hosts = [(TENCENT, tencent), (DISCORD, address(&slack.base)), (GATEWAY, slack.websockets())];
    let proxy = Proxy::to(&hosts).await;
    let url = format!("wss://{GATEWAY}/link/?ticket={}&app_id=A0APP", socket::TICKET);
    slack.answers([socket::Answer::Other(url)]);
    program.set("HTTPS_PROXY", &format!("http://moderator:{ESCAPED}@{}", proxy.address));
    program.set("SLACK_SIGNING_SECRET", "");
    program.set("SLACK_APP_TOKEN", socket::TOKEN);
    program.set("SLACK_API_BASE_URL", &format!("https://{DISCORD}/api"));
    let serving = program.serves().await;
    let _connection = slack.session().await;
    program.until_readiness(200, "slack: ready; socket mode: ready").await;
    for host in [DISCORD, GATEWAY] {
        let head = format!("CONNECT {host}:443 HTTP/1.1\r\n");
        assert!(proxy.asked().iter().any(|asked| asked.starts_with(&head)), "{:?}", proxy.asked());
    }
    serving.dies();

    let refusing = Proxy::refusing(407).await;
    program.set("HTTPS_PROXY", &refusing.address.to_string());
    let serving = program.serves().await;
    let line = serving.has_logged("slack cannot be connected to").await;
    assert!(
        line.contains(&format!("the proxy {} ", refusing.address)) && line.contains("set HTTPS_PROXY"),
        "{line}"
    );
    serving.dies();
}

#[tokio::test]
async fn what_a_proxy_does_wrong_is_said_with_its_name() {
    let (mut program, _) = program().await;
    let said = async |program: &Program, proxy: SocketAddr| {
        let ran = program.runs("transfer test user2").await;
        assert_eq!(went(&ran).code, 1, "{}", ran.err);
        let line = ran.err.lines().find(|line| line.contains("What went wrong")).unwrap_or(&ran.err);
        line.replace(&proxy.to_string(), "proxy.example:3128").trim().to_owned()
    };
    let refusing = Proxy::refusing(403).await;
    program.set("HTTPS_PROXY", &refusing.address.to_string());
    assert_snapshot!(said(&program, refusing.address).await, @"What went wrong: `tencent cannot be reached: the proxy proxy.example:3128 does not connect to tencent.example:443: ask whoever runs it, or set NO_PROXY`");
    let closed = Proxy::refusing(407).await;
    program.set("HTTPS_PROXY", &format!("http://{}", closed.address));
    assert_snapshot!(said(&program, closed.address).await, @"What went wrong: `tencent cannot be reached: the proxy proxy.example:3128 asks for a user name and a password: set HTTPS_PROXY to http://<user>:<password>@proxy.example:3128`");
    program.set("HTTPS_PROXY", &format!("http://moderator:{ESCAPED}@{}", closed.address));
    assert_snapshot!(said(&program, closed.address).await, @"What went wrong: `tencent cannot be reached: the proxy proxy.example:3128 does not take the user name and password in HTTPS_PROXY`");
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    program.set("HTTPS_PROXY", "");
    program.set("ALL_PROXY", &format!("http://moderator:{ESCAPED}@{nobody}"));
    assert_snapshot!(said(&program, nobody).await, @"What went wrong: `tencent cannot be reached: the proxy proxy.example:3128 cannot be reached: Connection refused (os error 111); check ALL_PROXY`");
    let ran = program.runs("transfer test user2").await;
    let remedy = ran.err.lines().find(|line| line.contains("an admin has to")).unwrap_or_default();
    assert_snapshot!(remedy.trim(), @"The bot's proxy gives no connection to Tencent: an admin has to check ALL_PROXY.");
    let checks = program.runs("doctor --format json").await.json();
    let remedies = checks.as_array().unwrap().iter().filter(|check| check["name"] == "tencent");
    let remedies: Vec<&str> = remedies.map(|check| check["remedy"].as_str().unwrap_or_default()).collect();
    assert_snapshot!(remedies.join("\n"), @"The bot's proxy gives no connection to Tencent: an admin has to check ALL_PROXY.");
}

#[tokio::test]
async fn the_gateway_says_which_proxy_refuses_it() {
    for (status, says) in [(403, "(HTTP status 403)"), (407, "asks for a user name and a password")] {
        let (mut program, _) = program().await;
        let discord = Fake::start().await;
        discord.entrance.lock().unwrap().url = Some(format!("wss://{GATEWAY}"));
        let proxy = Proxy::refusing(status).await;
        program.set("HTTPS_PROXY", &proxy.address.to_string());
        program.set("DISCORD_BOT_TOKEN", "discord-token-of-this-story-alone");
        program.set("DISCORD_API_BASE_URL", &discord.api_base_url());
        let serving = program.serves().await;
        let line = serving.has_logged("the gateway cannot be reached").await;
        assert!(line.contains(&format!("the proxy {} ", proxy.address)) && line.contains(says), "{line}");
        serving.dies();
    }
}

#[tokio::test]
async fn this_machine_and_what_no_proxy_names_is_reached_directly() {
    let mut program = Program::new().await;
    let proxy = Proxy::refusing(403).await;
    program.set("HTTPS_PROXY", &proxy.address.to_string());
    program.set("ALL_PROXY", &proxy.address.to_string());
    let ran = program.runs("transfer test user2").await;
    assert_eq!(ran.code, 0, "{}", ran.err);
    program.set("TENCENT_API_BASE_URL", &format!("https://{TENCENT}"));
    for listed in [TENCENT, ".example", "*.example", "other.example, example", "*"] {
        program.set("NO_PROXY", listed);
        let ran = program.runs("transfer test user1").await;
        assert!(!ran.err.contains("proxy"), "{listed}: {}", ran.err);
    }
    assert!(proxy.asked().is_empty(), "{:?}", proxy.asked());
    program.set("NO_PROXY", "tencent.exampl,ncent.example,10.0.0.0/8");
    assert!(program.runs("transfer test user1").await.err.contains("the proxy"));
}
