//! A proxy that takes `CONNECT`, and hosts that are reached through it alone.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// The hosts of the certificate.
pub(crate) const TENCENT: &str = "tencent.example";
pub(crate) const DISCORD: &str = "discord.example";
pub(crate) const GATEWAY: &str = "gateway.discord.example";

pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    /// The head of each request.
    asked: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// Connects to these hosts, which speak TLS in front of these addresses.
    pub(crate) async fn to(hosts: &[(&str, SocketAddr)]) -> Self {
        let mut routes = BTreeMap::new();
        for (host, address) in hosts {
            routes.insert(format!("{host}:443"), tls_in_front_of(*address).await);
        }
        Self::start(move |host| routes.get(host).copied().ok_or(502)).await
    }

    /// Answers every request with this status.
    pub(crate) async fn refusing(status: u16) -> Self {
        Self::start(move |_| Err(status)).await
    }

    async fn start(route: impl Fn(&str) -> Result<SocketAddr, u16> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let (noted, route) = (Arc::clone(&asked), Arc::new(route));
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (noted, route) = (Arc::clone(&noted), Arc::clone(&route));
                tokio::spawn(async move {
                    let mut stream = stream;
                    let Some(head) = head(&mut stream).await else { return };
                    let host = head.split(' ').nth(1).unwrap_or_default().to_owned();
                    noted.lock().unwrap().push(head);
                    match route(&host) {
                        Ok(address) => {
                            let mut to = TcpStream::connect(address).await.unwrap();
                            stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.ok();
                            copy_bidirectional(&mut stream, &mut to).await.ok();
                        }
                        Err(status) => {
                            let answer = format!("HTTP/1.1 {status} No\r\ncontent-length: 0\r\n\r\n");
                            stream.write_all(answer.as_bytes()).await.ok();
                        }
                    }
                });
            }
        });
        Self { address, asked }
    }

    /// What was asked for so far.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

async fn head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    String::from_utf8(head).ok()
}

fn vector(name: &str) -> Vec<u8> {
    let vector: serde_json::Value =
        serde_json::from_str(include_str!("../vectors/proxied-hosts.json")).unwrap();
    hex::decode(vector[name].as_str().unwrap()).unwrap()
}

/// The certificate of the hosts as a file of trusted ones has it.
pub(crate) fn certificate() -> String {
    format!(
        "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
        BASE64_STANDARD.encode(vector("certificate"))
    )
}

/// Where TLS is spoken for what listens there without it.
pub(crate) async fn tls_in_front_of(address: SocketAddr) -> SocketAddr {
    let certificate = CertificateDer::from(vector("certificate"));
    let key = PrivateKeyDer::try_from(vector("key")).unwrap();
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate], key);
    let acceptor = TlsAcceptor::from(Arc::new(config.unwrap()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let own = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                let mut to = TcpStream::connect(address).await.unwrap();
                copy_bidirectional(&mut stream, &mut to).await.ok();
            });
        }
    });
    own
}
