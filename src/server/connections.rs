//! The connections: how many, how long each may take for a request, and which one is closed to make room.

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::http::Request;
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::{Notify, Semaphore};
use tracing::{debug, warn};

use super::open_files;
use crate::app::UNTRUSTED;

/// How long a client may take over its headers, and how long an idle connection is kept.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// How many headers, and how many bytes of them, are read.
const MOST_HEADERS: usize = 64;
const HEADER_BYTES: usize = 32 * 1_024;
/// How long open connections are waited for at the end.
const GRACE: Duration = Duration::from_secs(10);

/// Serves `router` on `listener` until `shutdown`, then lets requests under way end.
///
/// # Errors
/// When the listener breaks.
pub async fn run(
    listener: TcpListener,
    router: Router,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    run_with(listener, router, open_files::connections(), shutdown).await
}

/// The same with so many connections at a time. One more takes the place of the one that has waited for longest
/// without a request.
///
/// # Errors
/// When the listener breaks.
pub async fn run_with(
    listener: TcpListener,
    router: Router,
    connections: usize,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(connections));
    let open = Arc::new(Open::default());
    let mut shutdown = pin!(shutdown);
    loop {
        let (stream, peer) = tokio::select! {
            () = &mut shutdown => break,
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of file descriptors, or a client that went away: a pause, and on.
                    warn!(target: UNTRUSTED, %error, "a connection could not be accepted");
                    open.make_room();
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
        };
        if let Err(error) = stream.set_nodelay(true) {
            debug!(%error, "a connection was gone before it began");
            continue;
        }
        if places.available_permits() == 0 {
            open.make_room();
        }
        let place = tokio::select! {
            () = &mut shutdown => break,
            place = Arc::clone(&places).acquire_owned() => place.map_err(io::Error::other)?,
        };
        let connection = open.one_more();
        let service =
            Noticing { inner: TowerToHyperService::new(router.clone()), this: Arc::clone(&connection), peer };
        let serving = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_TIMEOUT)
            .max_headers(MOST_HEADERS)
            .max_buf_size(HEADER_BYTES)
            .serve_connection(TokioIo::new(stream), service);
        let serving = graceful.watch(serving);
        let open = Arc::clone(&open);
        tokio::spawn(async move {
            tokio::select! {
                served = serving => {
                    if let Err(error) = served {
                        debug!(%error, "a connection ended early");
                    }
                }
                () = connection.cut.notified() => debug!("a connection without a request makes room for another"),
            }
            open.lock().remove(&connection.number);
            drop(place);
        });
    }
    drop(listener);
    if tokio::time::timeout(GRACE, graceful.shutdown()).await.is_err() {
        warn!("the server ends with connections open");
    }
    Ok(())
}

/// The connections that are open, by number.
#[derive(Default)]
struct Open {
    /// Counts what happens, so that it is known who has waited for longest.
    clock: Arc<AtomicU64>,
    all: Mutex<BTreeMap<u64, Arc<Connection>>>,
}

/// A connection: whether a request of it is being worked on, and since when not.
struct Connection {
    number: u64,
    clock: Arc<AtomicU64>,
    state: AtomicU8,
    waits_since: AtomicU64,
    cut: Notify,
}

const WAITING: u8 = 0;
const BUSY: u8 = 1;
/// It will be closed, and no request of it is begun any more.
const CUT: u8 = 2;

impl Open {
    fn one_more(&self) -> Arc<Connection> {
        let number = self.clock.fetch_add(1, Ordering::Relaxed);
        let connection = Arc::new(Connection {
            number,
            clock: Arc::clone(&self.clock),
            state: AtomicU8::new(WAITING),
            waits_since: AtomicU64::new(number),
            cut: Notify::new(),
        });
        self.lock().insert(number, Arc::clone(&connection));
        connection
    }

    /// Closes the connection that has waited for longest; none if a request of each is worked on.
    fn make_room(&self) {
        let open = self.lock();
        loop {
            let waiting = open.values().filter(|it| it.state.load(Ordering::Acquire) == WAITING);
            let Some(longest) = waiting.min_by_key(|it| it.waits_since.load(Ordering::Relaxed)) else {
                return;
            };
            if longest.goes(WAITING, CUT) {
                return longest.cut.notify_one();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<Connection>>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connection {
    fn goes(&self, from: u8, to: u8) -> bool {
        self.state.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}

/// A request that is being worked on.
struct Busy(Arc<Connection>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.waits_since.store(self.0.clock.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
        self.0.goes(BUSY, WAITING);
    }
}

/// Notices when a connection has sent a request, and when that is answered.
struct Noticing<S> {
    inner: S,
    this: Arc<Connection>,
    /// Who is at the other end.
    peer: SocketAddr,
}

impl<S, B> Service<Request<B>> for Noticing<S>
where
    S: Service<Request<B>>,
    S::Future: Send + 'static,
    S::Response: 'static,
    S::Error: 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn call(&self, mut request: Request<B>) -> Self::Future {
        request.extensions_mut().insert(ConnectInfo(self.peer));
        if !self.this.goes(WAITING, BUSY) {
            // It is about to be closed.
            return Box::pin(std::future::pending());
        }
        let busy = Busy(Arc::clone(&self.this));
        let answering = self.inner.call(request);
        Box::pin(async move {
            let _busy = busy;
            answering.await
        })
    }
}
