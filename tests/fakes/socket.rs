//! A Slack that a test leads by the hand: `apps.connections.open`, and connections of Socket Mode that do what they are
//! asked.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use axum::{Json, Router};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_websockets::{Message, ServerBuilder, WebSocketStream};

use super::gateway::within;

/// The app-level token.
pub(crate) const TOKEN: &str = "xapp-1-A0APP-101-c2VjcmV0LXRva2Vu";
/// What every address of a connection holds.
pub(crate) const TICKET: &str = "dGlja2V0LW9mLW9uZS1jb25uZWN0aW9u";

/// What `apps.connections.open` answers.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Answer {
    /// The address of a connection.
    Address,
    /// This one.
    Other(String),
    /// Slack's no, by its name.
    No(&'static str),
    /// 429, and when to come back, in seconds.
    NotBefore(f64),
    Status(u16),
    /// Nothing is answered.
    Silence,
}

/// How connections begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Welcome {
    Upgrade,
    /// They are dropped before the handshake.
    Drop,
    /// They are reset in the handshake.
    Reset,
    /// The handshake is not answered.
    Stall,
}

#[derive(Clone)]
struct Shared {
    websockets: SocketAddr,
    /// The next answers; the last one stays.
    answers: Arc<Mutex<VecDeque<Answer>>>,
    welcome: Arc<Mutex<Welcome>>,
    asked: UnboundedSender<Instant>,
    connected: UnboundedSender<Connection>,
    acknowledged: Arc<watch::Sender<HashMap<String, Vec<Acknowledged>>>>,
    count: Arc<AtomicUsize>,
}

/// An acknowledgement as it came.
#[derive(Debug, Clone)]
pub(crate) struct Acknowledged {
    /// The number of the connection that it came by.
    pub(crate) connection: usize,
    pub(crate) at: Instant,
    pub(crate) payload: Option<Value>,
}

pub(crate) struct Fake {
    pub(crate) base: String,
    shared: Shared,
    /// When `apps.connections.open` was called.
    pub(crate) asked: UnboundedReceiver<Instant>,
    /// Those whose handshake is done.
    pub(crate) connections: UnboundedReceiver<Connection>,
}

impl Fake {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (asking, asked) = unbounded_channel();
        let (connected, connections) = unbounded_channel();
        let shared = Shared {
            websockets: listener.local_addr().unwrap(),
            answers: Arc::new(Mutex::new([Answer::Address].into())),
            welcome: Arc::new(Mutex::new(Welcome::Upgrade)),
            asked: asking,
            connected,
            acknowledged: Arc::default(),
            count: Arc::default(),
        };
        tokio::spawn(accept(listener, shared.clone()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}/api", listener.local_addr().unwrap());
        let router = Router::new().route("/api/apps.connections.open", post(open)).with_state(shared.clone());
        tokio::spawn(axum::serve(listener, router).into_future());
        Self { base, shared, asked, connections }
    }

    /// Where connections come in.
    pub(crate) fn websockets(&self) -> SocketAddr {
        self.shared.websockets
    }

    /// The next calls of `apps.connections.open` are answered so, and those after them as the last one.
    pub(crate) fn answers(&self, next: impl IntoIterator<Item = Answer>) {
        *self.shared.answers.lock().unwrap() = next.into_iter().collect();
    }

    pub(crate) fn welcomes(&self, welcome: Welcome) {
        *self.shared.welcome.lock().unwrap() = welcome;
    }

    /// The next connection whose handshake is done.
    pub(crate) async fn connection(&mut self) -> Connection {
        within(self.connections.recv(), "a connection").await.unwrap()
    }

    /// The next connection, with its hello.
    pub(crate) async fn session(&mut self) -> Connection {
        let connection = self.connection().await;
        connection.hello(1);
        connection
    }

    /// When `apps.connections.open` is called next.
    pub(crate) async fn is_asked(&mut self) -> Instant {
        within(self.asked.recv(), "a call of apps.connections.open").await.unwrap()
    }

    /// Who waits for acknowledgements, also without the rest.
    pub(crate) fn acknowledgements(&self) -> Acknowledgements {
        Acknowledgements(Arc::clone(&self.shared.acknowledged))
    }
}

/// The acknowledgements of all connections.
#[derive(Clone)]
pub(crate) struct Acknowledgements(Arc<watch::Sender<HashMap<String, Vec<Acknowledged>>>>);

impl Acknowledgements {
    /// The first one of an envelope.
    pub(crate) async fn of(&self, envelope: &str) -> Acknowledged {
        self.nth(envelope, 1).await
    }

    /// The nth one of an envelope, from 1.
    pub(crate) async fn nth(&self, envelope: &str, nth: usize) -> Acknowledged {
        let mut all = self.0.subscribe();
        let there = all.wait_for(|all| all.get(envelope).is_some_and(|of| of.len() >= nth));
        let there = within(there, &format!("acknowledgement {nth} of {envelope}")).await.unwrap();
        there[envelope][nth - 1].clone()
    }

    /// How often an envelope was acknowledged so far.
    pub(crate) fn count(&self, envelope: &str) -> usize {
        self.0.borrow().get(envelope).map_or(0, Vec::len)
    }
}

async fn open(State(shared): State<Shared>, headers: HeaderMap) -> Response {
    shared.asked.send(Instant::now()).ok();
    if headers["authorization"] != format!("Bearer {TOKEN}") {
        return Json(json!({ "ok": false, "error": "invalid_auth" })).into_response();
    }
    let answer = {
        let mut answers = shared.answers.lock().unwrap();
        if answers.len() > 1 { answers.pop_front().unwrap() } else { answers[0].clone() }
    };
    match answer {
        Answer::Address => {
            let url = format!("ws://{}/link/?ticket={TICKET}&app_id=A0APP", shared.websockets);
            Json(json!({ "ok": true, "url": url })).into_response()
        }
        Answer::Other(url) => Json(json!({ "ok": true, "url": url })).into_response(),
        Answer::No(error) => Json(json!({ "ok": false, "error": error })).into_response(),
        Answer::NotBefore(seconds) => {
            let after = [("retry-after", seconds.to_string())];
            (StatusCode::TOO_MANY_REQUESTS, after, r#"{"ok":false,"error":"ratelimited"}"#).into_response()
        }
        Answer::Status(status) => StatusCode::from_u16(status).unwrap().into_response(),
        Answer::Silence => std::future::pending().await,
    }
}

async fn accept(listener: TcpListener, shared: Shared) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        let welcome = *shared.welcome.lock().unwrap();
        let shared = shared.clone();
        tokio::spawn(async move {
            match welcome {
                Welcome::Upgrade => {}
                Welcome::Drop => return,
                Welcome::Reset => {
                    stream.set_zero_linger().unwrap();
                    return;
                }
                Welcome::Stall => std::future::pending().await,
            }
            let Ok((request, socket)) = ServerBuilder::new().accept(stream).await else { return };
            assert_eq!(request.uri().query(), Some(&*format!("ticket={TICKET}&app_id=A0APP")));
            let number = shared.count.fetch_add(1, Ordering::SeqCst) + 1;
            let (order, orders) = unbounded_channel();
            let events = Arc::new(watch::Sender::default());
            shared.connected.send(Connection { number, orders: order, events: Arc::clone(&events) }).ok();
            obey(number, socket, orders, &events, &shared).await;
            events.send_modify(|events| events.is_gone = true);
        });
    }
}

enum Order {
    Send(String),
    Close,
    /// FIN, without a close frame.
    Drop,
    /// RST.
    Reset,
    /// Nothing is read, written or closed any more.
    Freeze,
}

/// What happened on a connection.
#[derive(Debug, Default)]
struct Events {
    pings: usize,
    /// The client closed it.
    is_closed: bool,
    /// There is no connection any more.
    is_gone: bool,
}

async fn obey(
    number: usize,
    mut socket: WebSocketStream<TcpStream>,
    mut orders: UnboundedReceiver<Order>,
    events: &watch::Sender<Events>,
    shared: &Shared,
) {
    loop {
        tokio::select! {
            order = orders.recv() => match order {
                Some(Order::Send(text)) => { socket.send(Message::text(text)).await.ok(); }
                Some(Order::Close) => { socket.send(Message::close(None, "")).await.ok(); }
                Some(Order::Drop) => return,
                Some(Order::Reset) => {
                    socket.get_ref().set_zero_linger().unwrap();
                    return;
                }
                Some(Order::Freeze) => std::future::pending().await,
                // The test has let go of this connection, and it goes on by itself.
                None => orders = unbounded_channel().1,
            },
            message = socket.next() => {
                let Some(Ok(message)) = message else { return };
                if message.is_ping() {
                    events.send_modify(|events| events.pings += 1);
                } else if message.is_close() {
                    events.send_modify(|events| events.is_closed = true);
                } else if let Some(text) = message.as_text() {
                    let frame: Value = serde_json::from_str(text).unwrap();
                    let envelope = frame["envelope_id"].as_str().unwrap().to_owned();
                    let payload = frame.get("payload").cloned();
                    let one = Acknowledged { connection: number, at: Instant::now(), payload };
                    shared.acknowledged.send_modify(|all| all.entry(envelope).or_default().push(one));
                }
            }
        }
    }
}

/// One connection of the client. Its pings are answered.
pub(crate) struct Connection {
    pub(crate) number: usize,
    orders: UnboundedSender<Order>,
    events: Arc<watch::Sender<Events>>,
}

impl Connection {
    fn order(&self, order: Order) {
        self.orders.send(order).ok();
    }

    pub(crate) fn send(&self, frame: &Value) {
        self.send_text(&frame.to_string());
    }

    pub(crate) fn send_text(&self, text: &str) {
        self.order(Order::Send(text.to_owned()));
    }

    pub(crate) fn hello(&self, connections: u64) {
        let about = json!({ "host": "applink-1", "approximate_connection_time": 18060 });
        let app = json!({ "app_id": "A0APP" });
        self.send(&json!({
            "type": "hello", "num_connections": connections, "debug_info": about, "connection_info": app,
        }));
    }

    pub(crate) fn disconnect(&self, reason: &str) {
        let about = json!({ "host": "applink-1" });
        self.send(&json!({ "type": "disconnect", "reason": reason, "debug_info": about }));
    }

    /// An envelope whose acknowledgement takes an answer.
    pub(crate) fn envelope(&self, id: &str, kind: &str, payload: &Value) {
        let envelope = json!({
            "envelope_id": id, "type": kind, "accepts_response_payload": true, "payload": payload,
        });
        self.send(&envelope);
    }

    pub(crate) fn close(&self) {
        self.order(Order::Close);
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

    /// Waits until the client has closed it.
    pub(crate) async fn is_closed(&self) {
        self.until("a close", |events| events.is_closed).await;
    }

    /// Waits until it is gone.
    pub(crate) async fn is_gone(&self) {
        self.until("the end of a connection", |events| events.is_gone).await;
    }

    /// Waits for so many pings in all.
    pub(crate) async fn is_pinged(&self, times: usize) {
        self.until("a ping", |events| events.pings >= times).await;
    }

    /// Whether the client holds it.
    pub(crate) fn is_open(&self) -> bool {
        let events = self.events.borrow();
        !events.is_closed && !events.is_gone
    }

    async fn until(&self, what: &str, wanted: impl FnMut(&Events) -> bool) {
        let mut events = self.events.subscribe();
        drop(within(events.wait_for(wanted), what).await.unwrap());
    }
}
