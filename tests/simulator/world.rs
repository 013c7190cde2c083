//! A running simulator and a small client for it.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use reqwest::{Client, Method, StatusCode, Url};
use room_owner::tencent::simulator::{Api, Fault, FaultKind, Settings, Simulator};
use room_owner::tencent::user_sig;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub(crate) const APP: u32 = 1_400_000_000;
pub(crate) const ADMIN: &str = "administrator";
pub(crate) const KEY: &str = "a key for tests";
pub(crate) const AN_HOUR: u64 = 3_600_000;

/// A running simulator with one room, `live-7` of `alice`, and a time that moves when asked.
pub(crate) struct Tencent {
    pub(crate) simulator: Simulator,
    pub(crate) base: String,
    pub(crate) http: Client,
    seconds: Arc<AtomicI64>,
    stop: oneshot::Sender<()>,
    server: JoinHandle<std::io::Result<()>>,
}

impl Tencent {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub(crate) async fn start_with(change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = Settings::new(APP, ADMIN, SecretString::from(KEY));
        change(&mut settings);
        let seconds = Arc::new(AtomicI64::new(1_700_000_000));
        let clock = {
            let seconds = Arc::clone(&seconds);
            Arc::new(move || Timestamp::from_second(seconds.load(Ordering::SeqCst)).unwrap())
        };
        let simulator = Simulator::with_clock(settings, clock);
        simulator.put_room("live-7", "alice");
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel();
        let server = tokio::spawn(simulator.clone().run(listener, async {
            let _ = stopped.await;
        }));
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = Client::builder().no_proxy().timeout(Duration::from_secs(20)).build().unwrap();
        Self { simulator, base, http, seconds, stop, server }
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.base.strip_prefix("http://").unwrap()).await.unwrap()
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_second(self.seconds.load(Ordering::SeqCst)).unwrap()
    }

    pub(crate) fn pass(&self, seconds: i64) {
        self.seconds.fetch_add(seconds, Ordering::SeqCst);
    }

    pub(crate) fn sig(&self) -> String {
        self.sig_of(KEY, APP, ADMIN)
    }

    pub(crate) fn sig_of(&self, key: &str, app: u32, identifier: &str) -> String {
        let day = Duration::from_secs(86_400);
        user_sig::sign(&SecretString::from(key), app, identifier, self.now(), day).expose_secret().to_owned()
    }

    /// The query of a good call; a change replaces a parameter, and an empty one takes it away.
    fn query(&self, changes: &[(&str, &str)]) -> Vec<(String, String)> {
        let good = [
            ("sdkappid", APP.to_string()),
            ("identifier", ADMIN.to_owned()),
            ("usersig", self.sig()),
            ("random", "4294967295".to_owned()),
            ("contenttype", "json".to_owned()),
        ];
        good.into_iter()
            .map(|(name, value)| match changes.iter().find(|(changed, _)| *changed == name) {
                Some((_, other)) => (name.to_owned(), (*other).to_owned()),
                None => (name.to_owned(), value),
            })
            .filter(|(_, value)| !value.is_empty())
            .collect()
    }

    pub(crate) fn request(
        &self,
        api: Api,
        changes: &[(&str, &str)],
        body: String,
    ) -> reqwest::RequestBuilder {
        let mut url = Url::parse(&format!("{}/v4/{}/{api}", self.base, api.service())).unwrap();
        url.query_pairs_mut().extend_pairs(self.query(changes));
        self.http.post(url).body(body)
    }

    pub(crate) async fn call(&self, api: Api, body: Value) -> Value {
        answer(self.request(api, &[], body.to_string())).await
    }

    pub(crate) async fn call_with(&self, changes: &[(&str, &str)]) -> Value {
        answer(self.request(Api::ChangeRoomOwner, changes, to_bob().to_string())).await
    }

    /// Hands `live-7` to `bob`; `None` if the connection ends without a whole answer.
    pub(crate) async fn hand_over(&self) -> Option<String> {
        let request = self.request(Api::ChangeRoomOwner, &[], to_bob().to_string());
        request.send().await.ok()?.text().await.ok()
    }

    pub(crate) async fn read_owner(&self) -> Value {
        let reply = self.call(Api::GetRoomInfo, json!({"RoomId": "live-7"})).await;
        reply["Response"]["RoomInfo"]["Owner_Account"].clone()
    }

    pub(crate) fn owner(&self) -> String {
        self.simulator.owner_of("live-7").unwrap()
    }

    pub(crate) async fn control(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> (StatusCode, Value) {
        let mut request = self.http.request(method, format!("{}/control/{path}", self.base));
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.unwrap();
        let status = response.status();
        let text = response.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or_default())
    }

    pub(crate) async fn end(self) {
        let _ = self.stop.send(());
        within(self.server).await.unwrap().unwrap();
    }
}

pub(crate) fn to_bob() -> Value {
    json!({"RoomId": "live-7", "NewOwner_Account": "bob"})
}

/// A reply that looks as every reply of the service does.
pub(crate) async fn answer(request: reqwest::RequestBuilder) -> Value {
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let reply: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
    let code = reply["ErrorCode"].as_i64().unwrap();
    assert_eq!(reply["ActionStatus"], if code == 0 { "OK" } else { "FAIL" });
    assert_eq!(reply["ErrorInfo"].as_str().unwrap().is_empty(), code == 0);
    let request_id = reply["RequestId"].as_str().unwrap();
    let (hex, number) = request_id.strip_prefix("Id-").unwrap().split_once("-O-Seq-").unwrap();
    assert!(hex.len() == 32 && hex.bytes().all(|b| b.is_ascii_hexdigit()), "{request_id}");
    assert!(number.parse::<u64>().is_ok(), "{request_id}");
    reply
}

pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), future).await.expect("it takes too long")
}

pub(crate) fn fault(kind: FaultKind) -> Fault {
    Fault::new(kind).once()
}
