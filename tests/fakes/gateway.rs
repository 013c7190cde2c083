//! A Discord that a test leads by the hand: `GET /gateway/bot`, and gateway connections that do what they are asked.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::routing::get;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::Instant;
use tokio_websockets::{CloseCode, Message, ServerBuilder, WebSocketStream};

/// Whatever takes longer is broken.
pub(crate) const DEADLINE: Duration = Duration::from_secs(15);

/// Which of the two addresses was connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    /// The one that `GET /gateway/bot` names.
    General,
    /// The one that READY names for resuming.
    Resume,
}

/// How connections begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Welcome {
    /// With a WebSocket handshake.
    Upgrade,
    /// They are dropped before it.
    Drop,
    /// They are dropped right after it.
    DropAfterUpgrade,
}

/// What `GET /gateway/bot` says.
#[derive(Debug, Clone)]
pub(crate) struct Entrance {
    pub(crate) status: StatusCode,
    pub(crate) remaining: u32,
    pub(crate) reset_after: Duration,
    pub(crate) url: Option<String>,
    /// It does not answer.
    pub(crate) hangs: bool,
}

pub(crate) struct Fake {
    api: SocketAddr,
    general: SocketAddr,
    resume: SocketAddr,
    pub(crate) entrance: Arc<Mutex<Entrance>>,
    pub(crate) welcome: Arc<Mutex<Welcome>>,
    /// The headers of each question to `GET /gateway/bot`.
    pub(crate) asked: UnboundedReceiver<HeaderMap>,
    /// When each TCP connection came.
    pub(crate) arrivals: UnboundedReceiver<(Door, Instant)>,
    /// Those whose handshake is done.
    pub(crate) connections: UnboundedReceiver<Connection>,
}

impl Fake {
    pub(crate) async fn start() -> Self {
        Self::beside(Router::new()).await
    }

    /// With the rest of the REST API.
    pub(crate) async fn beside(rest: Router) -> Self {
        let (arrived, arrivals) = unbounded_channel();
        let (connected, connections) = unbounded_channel();
        let welcome = Arc::new(Mutex::new(Welcome::Upgrade));
        let open = async |door| {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            tokio::spawn(accept(door, listener, Arc::clone(&welcome), arrived.clone(), connected.clone()));
            address
        };
        let (general, resume) = (open(Door::General).await, open(Door::Resume).await);
        let (question, asked) = unbounded_channel();
        let entrance = Arc::new(Mutex::new(Entrance {
            status: StatusCode::OK,
            remaining: 1_000,
            reset_after: Duration::from_secs(3_600),
            url: None,
            hangs: false,
        }));
        let answers = Arc::clone(&entrance);
        let answer = move |headers: HeaderMap| async move {
            let Entrance { status, remaining, reset_after, url, hangs } = answers.lock().unwrap().clone();
            question.send(headers).ok();
            if hangs {
                std::future::pending::<()>().await;
            }
            let limit = json!({
                "total": 1000, "remaining": remaining, "reset_after": reset_after.as_millis() as u64, "max_concurrency": 1,
            });
            let url = url.unwrap_or_else(|| format!("ws://{general}"));
            let body = json!({ "url": url, "shards": 1, "session_start_limit": limit });
            (status, axum::Json(body)).into_response()
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let api = listener.local_addr().unwrap();
        let router = rest.route("/api/v10/gateway/bot", get(answer));
        tokio::spawn(room_owner::server::run(listener, router, std::future::pending()));
        Self { api, general, resume, entrance, welcome, asked, arrivals, connections }
    }

    pub(crate) fn api_base_url(&self) -> String {
        format!("http://{}/api/v10", self.api)
    }

    pub(crate) fn resume_url(&self) -> String {
        format!("ws://{}", self.resume)
    }

    pub(crate) fn general_url(&self) -> String {
        format!("ws://{}", self.general)
    }

    /// The next connection whose handshake is done.
    pub(crate) async fn connection(&mut self) -> Connection {
        within(self.connections.recv(), "a connection").await.unwrap()
    }

    /// The next connection, as far as READY.
    pub(crate) async fn session(&mut self) -> Connection {
        let mut connection = self.connection().await;
        connection.hello(Duration::from_millis(200));
        connection.expect(2).await;
        connection.ready("session-1", &self.resume_url());
        connection
    }

    /// The next connection, as far as RESUME, which must name the session and the sequence number.
    pub(crate) async fn resumed(&mut self, session: &str, sequence: u64) -> Connection {
        let mut connection = self.connection().await;
        connection.hello(Duration::from_millis(200));
        let frame = connection.expect(6).await;
        assert_eq!(
            (frame["d"]["session_id"].as_str(), frame["d"]["seq"].as_u64()),
            (Some(session), Some(sequence))
        );
        connection.send(json!({ "op": 0, "t": "RESUMED", "s": sequence + 1, "d": {} }));
        connection
    }

    /// How many connections there were in all, for whoever wants none more.
    pub(crate) fn waiting_arrivals(&mut self) -> usize {
        std::iter::from_fn(|| self.arrivals.try_recv().ok()).count()
    }
}

pub(crate) async fn within<T>(what: impl Future<Output = T>, name: &str) -> T {
    tokio::time::timeout(DEADLINE, what)
        .await
        .unwrap_or_else(|_| panic!("{name} did not come in {DEADLINE:?}"))
}

async fn accept(
    door: Door,
    listener: TcpListener,
    welcome: Arc<Mutex<Welcome>>,
    arrived: UnboundedSender<(Door, Instant)>,
    connected: UnboundedSender<Connection>,
) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        arrived.send((door, Instant::now())).ok();
        let welcome = *welcome.lock().unwrap();
        let connected = connected.clone();
        tokio::spawn(async move {
            if welcome == Welcome::Drop {
                return;
            }
            let Ok((request, socket)) = ServerBuilder::new().accept(stream).await else { return };
            if welcome == Welcome::DropAfterUpgrade {
                return;
            }
            let (order, orders) = unbounded_channel();
            let (frame, frames) = unbounded_channel();
            let acknowledging = Arc::new(AtomicBool::new(true));
            let beats = Arc::new(AtomicUsize::new(0));
            let connection = Connection {
                door,
                query: request.uri().query().unwrap_or_default().to_owned(),
                orders: order,
                frames,
                acknowledging: Arc::clone(&acknowledging),
                beats: Arc::clone(&beats),
            };
            connected.send(connection).ok();
            obey(socket, orders, frame, &acknowledging, &beats).await;
        });
    }
}

enum Order {
    Send(String),
    Close(Option<u16>),
    /// FIN, without a close frame.
    Drop,
    /// RST.
    Reset,
    /// Nothing is read, written or closed any more.
    Freeze,
}

/// What came from the client.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Frame {
    Heartbeat(Value),
    Message(Value),
    /// With the code, if there was one.
    Closed(Option<u16>),
}

async fn obey(
    mut socket: WebSocketStream<TcpStream>,
    mut orders: UnboundedReceiver<Order>,
    frames: UnboundedSender<Frame>,
    acknowledging: &AtomicBool,
    beats: &AtomicUsize,
) {
    loop {
        tokio::select! {
            order = orders.recv() => match order {
                Some(Order::Send(text)) => { socket.send(Message::text(text)).await.ok(); }
                Some(Order::Close(code)) => {
                    let code = code.map(|code| CloseCode::try_from(code).unwrap());
                    socket.send(Message::close(code, "")).await.ok();
                }
                Some(Order::Drop) => return,
                Some(Order::Reset) => {
                    socket.get_ref().set_zero_linger().unwrap();
                    return;
                }
                Some(Order::Freeze) => std::future::pending().await,
                // The test has let go of this connection, and it goes on by itself.
                None => while socket.next().await.is_some() {},
            },
            message = socket.next() => {
                let Some(Ok(message)) = message else { return };
                if let Some((code, _)) = message.as_close() {
                    let code = Some(u16::from(code)).filter(|code| *code != 1005);
                    frames.send(Frame::Closed(code)).ok();
                    continue;
                }
                let Some(value) = message.as_text().map(|text| serde_json::from_str::<Value>(text).unwrap()) else {
                    continue;
                };
                if value["op"] != 1 {
                    frames.send(Frame::Message(value)).ok();
                    continue;
                }
                beats.fetch_add(1, Ordering::SeqCst);
                frames.send(Frame::Heartbeat(value["d"].clone())).ok();
                if acknowledging.load(Ordering::SeqCst) {
                    socket.send(Message::text(r#"{"op":11}"#)).await.ok();
                }
            }
        }
    }
}

/// One connection of the client. Heartbeats are acknowledged by themselves until asked otherwise.
pub(crate) struct Connection {
    pub(crate) door: Door,
    pub(crate) query: String,
    orders: UnboundedSender<Order>,
    frames: UnboundedReceiver<Frame>,
    acknowledging: Arc<AtomicBool>,
    beats: Arc<AtomicUsize>,
}

impl Connection {
    fn order(&self, order: Order) {
        self.orders.send(order).ok();
    }

    pub(crate) fn send(&self, frame: Value) {
        self.send_text(&frame.to_string());
    }

    pub(crate) fn send_text(&self, text: &str) {
        self.order(Order::Send(text.to_owned()));
    }

    pub(crate) fn hello(&self, interval: Duration) {
        self.send(json!({ "op": 10, "d": { "heartbeat_interval": interval.as_millis() as u64 } }));
    }

    pub(crate) fn ready(&self, session: &str, resume_url: &str) {
        let ready = json!({ "v": 10, "session_id": session, "resume_gateway_url": resume_url, "guilds": [] });
        self.send(json!({ "op": 0, "t": "READY", "s": 1, "d": ready }));
    }

    pub(crate) fn interaction(&self, sequence: u64, id: &str) {
        self.send(json!({ "op": 0, "t": "INTERACTION_CREATE", "s": sequence, "d": { "id": id } }));
    }

    pub(crate) fn close(&self, code: Option<u16>) {
        self.order(Order::Close(code));
    }

    pub(crate) fn drop_it(&self) {
        self.order(Order::Drop);
    }

    pub(crate) fn reset(&self) {
        self.order(Order::Reset);
    }

    pub(crate) fn freeze(&self) {
        self.order(Order::Freeze);
    }

    pub(crate) fn acknowledge_no_more(&self) {
        self.acknowledging.store(false, Ordering::SeqCst);
    }

    pub(crate) fn beats(&self) -> usize {
        self.beats.load(Ordering::SeqCst)
    }

    pub(crate) async fn next(&mut self) -> Frame {
        within(self.frame(), "a frame").await.unwrap()
    }

    /// The next frame, whenever it comes; `None` once the connection is gone.
    pub(crate) async fn frame(&mut self) -> Option<Frame> {
        self.frames.recv().await
    }

    /// The next message, which must have this opcode; heartbeats are passed over.
    pub(crate) async fn expect(&mut self, op: u64) -> Value {
        loop {
            match self.next().await {
                Frame::Heartbeat(_) => {}
                Frame::Message(value) if value["op"] == op => return value,
                other => panic!("op {op} was expected, not {other:?}"),
            }
        }
    }

    pub(crate) async fn next_heartbeat(&mut self) -> Value {
        loop {
            if let Frame::Heartbeat(sequence) = self.next().await {
                return sequence;
            }
        }
    }

    /// The code with which the client closes; heartbeats are passed over.
    pub(crate) async fn expect_close(&mut self) -> Option<u16> {
        loop {
            match self.next().await {
                Frame::Heartbeat(_) => {}
                Frame::Closed(code) => return code,
                other => panic!("a close was expected, not {other:?}"),
            }
        }
    }
}
