//! From an address to a WebSocket, through the proxy if there is one.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt as _, future};
use reqwest::Url;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::sync::OnceCell;
use tokio_websockets::{ClientBuilder, CloseCode, Limits, MaybeTlsStream, Message, WebSocketStream};
use tracing::debug;

use crate::http;

/// TLS to the proxy, if there is one that speaks it, and in it TLS to the service.
pub type Socket = WebSocketStream<MaybeTlsStream<MaybeTlsStream<TcpStream>>>;

/// How long after one address of a host the next one is tried too ("Happy Eyeballs", RFC 8305).
const NEXT_ADDRESS_AFTER: Duration = Duration::from_millis(250);
/// How long sending the close frame may take.
const CLOSE_WITHIN: Duration = Duration::from_millis(500);

/// Opens TCP, TLS and the WebSocket. The roots of trust are read once, when they are first needed.
#[derive(Default)]
pub struct Connector {
    tls: OnceCell<tokio_websockets::Connector>,
}

impl Connector {
    /// Opens a connection over which frames of up to so many bytes are read.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn open(&self, url: &Url, longest_frame: usize) -> Result<Socket, String> {
        let in_url = url.host_str().unwrap_or_default();
        let (host, port) = (in_url.trim_matches(['[', ']']), url.port_or_known_default().unwrap_or(443));
        let stream = match http::proxy_for(url) {
            Some(proxy) => {
                let unreachable = |why: String| proxy.unreachable(&why);
                let stream = self.connect(proxy.host(), proxy.port(), proxy.is_https()).await;
                let mut stream = stream.map_err(unreachable)?;
                proxy.tunnel(&mut stream, in_url, port).await?;
                stream
            }
            None => self.connect(host, port, false).await?,
        };
        let stream = self.wrap(stream, host, url.scheme() == "wss").await?;
        let (socket, _) = ClientBuilder::new()
            .uri(url.as_str())
            .map_err(|error| error.to_string())?
            .limits(Limits::default().max_payload_len(Some(longest_frame)))
            .connect_on(stream)
            .await
            .map_err(|error| error.to_string())?;
        Ok(socket)
    }

    async fn connect(
        &self,
        host: &str,
        port: u16,
        is_tls: bool,
    ) -> Result<MaybeTlsStream<TcpStream>, String> {
        let host = host.trim_matches(['[', ']']);
        let addresses = lookup_host((host, port)).await.map_err(|error| error.to_string())?;
        let stream = connect(addresses).await.map_err(|error| error.to_string())?;
        stream.set_nodelay(true).map_err(|error| error.to_string())?;
        self.wrap(stream, host, is_tls).await
    }

    async fn wrap<S>(&self, stream: S, host: &str, is_tls: bool) -> Result<MaybeTlsStream<S>, String>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send,
    {
        let plain = tokio_websockets::Connector::Plain;
        let connector = if is_tls {
            let tls = || async { tokio_websockets::Connector::new() };
            self.tls.get_or_try_init(tls).await.map_err(|error| error.to_string())?
        } else {
            &plain
        };
        connector.wrap(host, stream).await.map_err(|error| error.to_string())
    }
}

/// Sends the close frame, without waiting for an answer.
pub async fn close(socket: &mut Socket, code: u16) {
    let Ok(code) = CloseCode::try_from(code) else { return };
    let close = async {
        if socket.send(Message::close(Some(code), "")).await.is_err() {
            // The other side closed first: the answer to its close frame is waiting to be sent.
            drop(socket.flush().await);
        }
    };
    if tokio::time::timeout(CLOSE_WITHIN, close).await.is_err() {
        debug!("the connection could not be closed in time");
    }
}

/// To the first address that answers.
async fn connect(addresses: impl Iterator<Item = SocketAddr>) -> io::Result<TcpStream> {
    let tries = (0_u32..).zip(addresses).map(|(n, address)| {
        Box::pin(async move {
            tokio::time::sleep(NEXT_ADDRESS_AFTER * n).await;
            TcpStream::connect(address).await
        })
    });
    match tries.collect::<Vec<_>>() {
        tries if tries.is_empty() => Err(io::Error::other("the host has no address")),
        tries => Ok(future::select_ok(tries).await?.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_that_does_not_answer_does_not_keep_the_next_one_waiting() {
        let silent = tokio::net::TcpSocket::new_v4().unwrap();
        silent.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let silent = silent.listen(1).unwrap();
        let address = silent.local_addr().unwrap();
        // When the queue of a listener is full, its machine answers nobody.
        let mut queue = Vec::new();
        while let Ok(stream) = std::net::TcpStream::connect_timeout(&address, Duration::from_millis(100)) {
            queue.push(stream);
        }
        let there = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let there = there.local_addr().unwrap();
        let connected = tokio::time::timeout(Duration::from_secs(20), connect([address, there].into_iter()));
        assert_eq!(connected.await.unwrap().unwrap().peer_addr().unwrap(), there);
        assert!(connect(std::iter::empty()).await.is_err());
    }
}
