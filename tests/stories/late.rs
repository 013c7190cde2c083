//! Where late answers go: a stand-in for Slack's `response_url`.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// How Slack takes the next post.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Taken {
    With(u16),
    /// 429, and when to come back, in seconds.
    NotBefore(u64),
    /// As a redirect to another path of this very server.
    Elsewhere,
    /// 200, and `"ok":false` for this reason.
    No(&'static str),
}

#[derive(Clone, Default)]
pub(crate) struct Late(Arc<Inner>);

#[derive(Default)]
struct Inner {
    next: Mutex<VecDeque<Taken>>,
    taken: Mutex<HashMap<String, VecDeque<Value>>>,
    posts: Mutex<Vec<StatusCode>>,
    changed: Notify,
}

impl Late {
    pub(crate) async fn start() -> (Self, SocketAddr, JoinHandle<()>) {
        let late = Self::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/late/{key}", post(take)).with_state(late.clone());
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        (late, address, server)
    }

    /// How the next posts are taken; those after them with 200.
    pub(crate) fn takes(&self, next: &[Taken]) {
        self.0.next.lock().unwrap().extend(next);
    }

    /// What every post so far was answered with.
    pub(crate) fn posts(&self) -> Vec<u16> {
        self.0.posts.lock().unwrap().iter().map(StatusCode::as_u16).collect()
    }

    /// Waits for a message.
    pub(crate) async fn message(&self, key: &str) -> Value {
        self.wait(|inner| inner.taken.lock().unwrap().get_mut(key).and_then(VecDeque::pop_front)).await
    }

    /// Waits until there were so many posts.
    pub(crate) async fn posted(&self, times: usize) {
        self.wait(|inner| (inner.posts.lock().unwrap().len() >= times).then_some(())).await;
    }

    async fn wait<T>(&self, look: impl Fn(&Inner) -> Option<T>) -> T {
        let waiting = async {
            loop {
                let changed = self.0.changed.notified();
                if let Some(found) = look(&self.0) {
                    return found;
                }
                changed.await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), waiting).await.expect("no late answer came")
    }

    /// Messages that nobody read.
    pub(crate) fn unread(&self) -> Vec<Value> {
        self.0.taken.lock().unwrap().values().flatten().cloned().collect()
    }
}

async fn take(
    State(late): State<Late>,
    Path(key): Path<String>,
    Json(message): Json<Value>,
) -> (StatusCode, [(&'static str, String); 1], String) {
    let next = late.0.next.lock().unwrap().pop_front();
    let (status, header) = match next {
        None | Some(Taken::No(_)) => (200, ("x-nothing", String::new())),
        Some(Taken::With(status)) => (status, ("x-nothing", String::new())),
        Some(Taken::NotBefore(seconds)) => (429, ("retry-after", seconds.to_string())),
        Some(Taken::Elsewhere) => (307, ("location", "/late/elsewhere".to_owned())),
    };
    let status = StatusCode::from_u16(status).unwrap();
    let no = match next {
        Some(Taken::No(error)) => Some(serde_json::json!({ "ok": false, "error": error }).to_string()),
        _ => None,
    };
    if status.is_success() && no.is_none() {
        late.0.taken.lock().unwrap().entry(key).or_default().push_back(message);
    }
    late.0.posts.lock().unwrap().push(status);
    late.0.changed.notify_waiters();
    (status, [header], no.unwrap_or_else(|| "ok".to_owned()))
}
