//! Clients that hold connections, dawdle or send far too much do not keep commands out.

use std::time::Duration;

use axum::Router;
use axum::routing::get;
use room_owner::server;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::doors::{Door, at_every_door};
use super::slack::ALICE;
use super::world::{World, run};

at_every_door! {
    hundreds_of_half_open_connections_keep_nobody_out,
}

/// A connection that has sent half of its headers.
async fn half_open(address: std::net::SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"POST /slack/commands HTTP/1.1\r\nhost: bot\r\nx-slow: ").await.unwrap();
    stream
}

async fn within<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), work).await.expect("it never came to that")
}

async fn hundreds_of_half_open_connections_keep_nobody_out(door: Door) {
    run(World::usual().at(door), async |bot| {
        let mut held = Vec::new();
        for _ in 0..300 {
            held.push(half_open(bot.address()).await);
        }
        let reply = bot.chat(ALICE).says("/room-owner test user2").await;
        assert!(reply.says("`test` now belongs to `user2`"), "{reply}");
        // Some of them send without end.
        for stream in held.iter_mut().take(50) {
            let endless = vec![b'x'; 64 * 1_024];
            drop(stream.write_all(&endless).await);
        }
        let reply = bot.chat(ALICE).says("/room-owner test user3").await;
        assert!(reply.says("`test` now belongs to `user3`"), "{reply}");
        for stream in held.iter_mut().take(50) {
            let mut answer = Vec::new();
            // Refused in HTTP's own words, or closed before that.
            drop(within(stream.read_to_end(&mut answer)).await);
            assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 431"), "{answer:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn when_all_places_are_taken_who_waits_for_longest_makes_room() {
    const PLACES: usize = 8;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().route("/", get(|| async { "here" }));
    let (end, ends) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(server::run_with(listener, router, PLACES, async { drop(ends.await) }));
    let mut held = Vec::new();
    for _ in 0..200 {
        held.push(half_open(address).await);
    }
    for _ in 0..3 {
        let mut asking = TcpStream::connect(address).await.unwrap();
        asking.write_all(b"GET / HTTP/1.1\r\nhost: bot\r\nconnection: close\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        within(asking.read_to_string(&mut answer)).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("here"), "{answer}");
    }
    // The first ones were closed.
    for stream in held.iter_mut().take(200 - PLACES) {
        let mut nothing = Vec::new();
        drop(within(stream.read_to_end(&mut nothing)).await);
        assert!(nothing.is_empty());
    }
    drop((held, end));
    within(serving).await.unwrap().unwrap();
}
