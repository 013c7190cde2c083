//! What is signed for one host goes to no other: no client follows a redirect, and none speaks with a server whose
//! certificate nobody vouches for, or that has none.

use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use futures_util::future::join_all;
use room_owner::tencent::simulator::{Api, Fault, FaultKind, When};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection};
use tokio::net::TcpListener;

use super::crash::served;
use super::doors::assert_snapshot;
use super::program::{PATIENCE, Program};
use super::slack::ALICE;

const LINE: &str = "/room-owner test user2";
const REDIRECTS: [u16; 5] = [301, 302, 303, 307, 308];

/// A server, and what arrived at it.
#[derive(Clone, Default)]
struct Arrived(Arc<Mutex<Vec<String>>>);

impl Arrived {
    fn is_empty(&self) -> bool {
        self.0.lock().unwrap().is_empty()
    }

    fn count(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

async fn server(router: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(axum::serve(listener, router).into_future());
    address
}

/// Where nothing is to arrive.
async fn another() -> (SocketAddr, Arrived) {
    let arrived = Arrived::default();
    let noted = arrived.clone();
    let router = Router::new().fallback(move |uri: Uri, body: String| async move {
        noted.0.lock().unwrap().push(format!("{uri} {body}"));
        "{}"
    });
    (server(router).await, arrived)
}

/// Sends everybody on to another host, at the same path.
async fn redirecting(status: u16, to: SocketAddr) -> (SocketAddr, Arrived) {
    let arrived = Arrived::default();
    let noted = arrived.clone();
    let router = Router::new().fallback(move |uri: Uri| async move {
        noted.0.lock().unwrap().push(uri.path().to_owned());
        redirect(status, to, &uri)
    });
    (server(router).await, arrived)
}

fn redirect(status: u16, to: SocketAddr, uri: &Uri) -> Response {
    (StatusCode::from_u16(status).unwrap(), [("location", format!("http://{to}{uri}"))]).into_response()
}

#[tokio::test]
async fn a_change_that_is_redirected_is_not_sent_anywhere_else() {
    // At once, for each is looked into for some seconds.
    join_all([302, 307, 308].map(|status| async move {
        let mut program = Program::new().await;
        let (other, arrived) = another().await;
        // Reads reach Tencent; the change is sent on to somebody else.
        let tencent = program.setting("TENCENT_API_BASE_URL");
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let router = Router::new().fallback(move |uri: Uri, headers: HeaderMap, body: Bytes| async move {
            if uri.path().contains("change_room_owner") {
                return redirect(status, other, &uri);
            }
            let call = http.post(format!("{tencent}{uri}")).header("content-type", &headers["content-type"]);
            call.body(body).send().await.unwrap().bytes().await.unwrap().into_response()
        });
        let gateway = server(router).await;
        program.set("TENCENT_API_BASE_URL", &format!("http://{gateway}"));
        let serving = served(&program).await;
        let reply = program.slack(ALICE).says(LINE).await;
        assert!(reply.says("Working on"), "it is looked for a while whether it happened: {reply}");
        let line = serving.has_logged("command answered").await;
        assert!(line.contains("\"outcome\":\"refused\""), "{line}");
        let line = serving.has_logged("outcome unclear; reading back").await;
        assert!(line.contains(&format!("HTTP status {status}, a redirect, which is not followed")), "{line}");
        let entry = &program.runs("audit show 3 --format json").await.json();
        let info = format!("HTTP status {status}, a redirect, which is not followed");
        assert_eq!(
            (entry["outcome"].as_str(), entry["error_info"].as_str()),
            (Some("refused"), Some(&*info))
        );
        assert!(arrived.is_empty() && program.owner() == "carol", "{:?}", arrived.0);
        serving.dies();
    }))
    .await;
}

#[tokio::test]
async fn when_nothing_of_tencent_s_answers_but_redirects_nothing_is_done() {
    let mut program = Program::new().await;
    let (other, arrived) = another().await;
    let (gateway, asked) = redirecting(302, other).await;
    program.set("TENCENT_API_BASE_URL", &format!("http://{gateway}"));
    let serving = served(&program).await;
    let reply = program.slack(ALICE).says(LINE).await;
    assert_snapshot!(reply, @"
    (only visible to you)
    ❌ Nothing was done: `test` keeps its owner.
    What went wrong: `HTTP status 302, a redirect, which is not followed`
    What answers does not look like Tencent's API: an admin has to check TENCENT_API_BASE_URL.
    op 3
    ");
    assert!(asked.0.lock().unwrap().iter().all(|path| path.ends_with("/get_room_info")), "{:?}", asked.0);
    assert!(arrived.is_empty(), "{:?}", arrived.0);
    serving.dies();
}

#[tokio::test]
async fn a_late_answer_that_is_redirected_is_given_up_and_goes_nowhere_else() {
    for status in [302, 307, 308] {
        let mut program = Program::new().await;
        let (other, arrived) = another().await;
        let (slack, asked) = redirecting(status, other).await;
        program.set("SLACK_RESPONSE_URL_HOSTS", &slack.to_string());
        let serving = served(&program).await;
        let stall = Fault::new(FaultKind::Stall { when: When::Before, millis: 2_100 });
        program.tencent.inject(stall.on(Api::ChangeRoomOwner).once());
        let alice = program.slack(ALICE).with("response_url", &format!("http://{slack}/late"));
        let reply = alice.says(LINE).await;
        assert!(reply.says("Working on"), "{reply}");
        let line = serving.has_logged("a reply was given up").await;
        assert!(line.contains(&format!("slack answered {status}")), "{line}");
        let noted = async {
            while !program.runs("audit timeline 3").await.out.contains(&format!("slack answered {status}")) {}
        };
        tokio::time::timeout(PATIENCE, noted).await.expect("the log does not say that nobody was notified");
        assert_eq!((asked.count(), arrived.count()), (1, 0), "{:?}", arrived.0);
        assert_eq!(program.owner(), "user2", "what was done is done, and on record");
        serving.dies();
    }
}

#[tokio::test]
async fn the_bots_own_words_in_slack_are_not_redirected_either() {
    for status in [302, 308] {
        let mut program = Program::new().await;
        let (other, arrived) = another().await;
        let (slack, asked) = redirecting(status, other).await;
        program.set("SLACK_BOT_TOKEN", "xoxb-of-this-story-alone");
        program.set("SLACK_API_BASE_URL", &format!("http://{slack}/api"));
        let serving = served(&program).await;
        let stall = Fault::new(FaultKind::Stall { when: When::Before, millis: 2_100 });
        program.tencent.inject(stall.on(Api::ChangeRoomOwner).once());
        // Without a response_url there is the bot's own right alone.
        let reply = program.slack(ALICE).without("response_url").says(LINE).await;
        assert!(reply.says("Working on"), "{reply}");
        let line = serving.has_logged("a reply cannot be sent yet").await;
        assert!(line.contains(&format!("HTTP status {status}, a redirect, which is not followed")), "{line}");
        assert!(asked.0.lock().unwrap().contains(&"/api/chat.postMessage".to_owned()), "{:?}", asked.0);
        assert!(arrived.is_empty(), "{:?}", arrived.0);
        assert!(!serving.log().contains("xoxb-of-this-story-alone"));
        serving.dies();
    }
}

#[tokio::test]
async fn discord_s_bot_token_is_not_sent_on() {
    for status in REDIRECTS {
        let mut program = Program::new().await;
        let (other, arrived) = another().await;
        let (discord, asked) = redirecting(status, other).await;
        program.set("DISCORD_BOT_TOKEN", "discord-token-of-this-story-alone");
        program.set("DISCORD_APPLICATION_ID", "1100000000000000000");
        program.set("DISCORD_API_BASE_URL", &format!("http://{discord}/api/v10"));
        let ran = program.runs("discord register").await;
        assert_eq!(ran.code, 1, "{}", ran.err);
        assert!(
            ran.err.contains(&format!("discord answered {status}, a redirect, which is not followed")),
            "{}",
            ran.err
        );
        assert!(!ran.err.contains("of-this-story-alone"), "{}", ran.err);
        assert!(!asked.is_empty() && arrived.is_empty(), "{:?}", arrived.0);
    }
}

/// A TLS server whose certificate nobody vouches for; what arrived inside.
fn untrusted() -> (SocketAddr, Arrived) {
    let vector: serde_json::Value =
        serde_json::from_str(include_str!("../vectors/unknown-issuer.json")).unwrap();
    let bytes = |name: &str| hex::decode(vector[name].as_str().unwrap()).unwrap();
    let certificate = CertificateDer::from(bytes("certificate"));
    let key = PrivateKeyDer::try_from(bytes("key")).unwrap();
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate], key);
    let config = Arc::new(config.unwrap());
    listening(move |mut stream| {
        let mut tls = ServerConnection::new(Arc::clone(&config)).unwrap();
        let mut inside = String::new();
        drop(rustls::Stream::new(&mut tls, &mut stream).read_to_string(&mut inside));
        inside
    })
}

/// A server that speaks HTTP without TLS, whatever it is sent; what arrived.
fn without_tls() -> (SocketAddr, Arrived) {
    listening(|mut stream| {
        let mut first = vec![0; 16 * 1_024];
        let length = stream.read(&mut first).unwrap_or_default();
        let answer = "HTTP/1.1 200 OK\r\ncontent-length: 58\r\n\r\n";
        drop(stream.write_all(answer.as_bytes()));
        drop(stream.write_all(br#"{"ErrorCode":0,"Response":{"RoomInfo":{"Owner_Account":"x"}}}"#));
        String::from_utf8_lossy(&first[..length]).into_owned()
    })
}

fn listening(serve: impl Fn(std::net::TcpStream) -> String + Send + 'static) -> (SocketAddr, Arrived) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let arrived = Arrived::default();
    let noted = arrived.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let text = serve(stream.unwrap());
            noted.0.lock().unwrap().push(text);
        }
    });
    (address, arrived)
}

#[tokio::test]
async fn nothing_is_said_to_a_server_that_nobody_vouches_for() {
    let mut program = Program::new().await;
    let (server, arrived) = untrusted();
    program.set("TENCENT_API_BASE_URL", &format!("https://{server}"));
    let serving = served(&program).await;
    let reply = program.slack(ALICE).says(LINE).await;
    assert_snapshot!(reply, @"
    (only visible to you)
    ❌ Nothing was done: `test` keeps its owner.
    What went wrong: `tencent cannot be reached: invalid peer certificate: UnknownIssuer`
    Tencent may be down or out of reach: try again in a moment; if it stays, an admin has to check the bot's network and TENCENT_API_BASE_URL.
    op 3
    ");
    assert!(!arrived.is_empty(), "it was spoken to");
    assert!(arrived.0.lock().unwrap().iter().all(String::is_empty), "{:?}", arrived.0);
    let entry = program.runs("audit show 3 --format json").await.json();
    assert_eq!(entry["outcome"], "declined", "{entry}");
    serving.dies();
}

#[tokio::test]
async fn nothing_is_said_to_a_server_without_tls() {
    let mut program = Program::new().await;
    let (server, arrived) = without_tls();
    program.set("TENCENT_API_BASE_URL", &format!("https://{server}"));
    let serving = served(&program).await;
    let reply = program.slack(ALICE).says(LINE).await;
    assert_snapshot!(reply, @"
    (only visible to you)
    ❌ Nothing was done: `test` keeps its owner.
    What went wrong: `tencent cannot be reached: what answers there does not speak TLS: see TENCENT_API_BASE_URL`
    Tencent may be down or out of reach: try again in a moment; if it stays, an admin has to check the bot's network and TENCENT_API_BASE_URL.
    op 3
    ");
    for text in arrived.0.lock().unwrap().iter() {
        assert!(text.starts_with('\u{16}') && !text.contains("usersig"), "a greeting of TLS alone: {text:?}");
    }
    let entry = program.runs("audit show 3 --format json").await.json();
    assert_eq!(entry["outcome"], "declined", "{entry}");
    serving.dies();
}
