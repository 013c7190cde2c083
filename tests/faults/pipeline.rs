//! The process dies at each step of one command: at each point at which its work waits for something.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use room_owner::domain::audit::AuditFilter;

use super::laws::{self, Log};
use super::network::{Network, Trouble};
use super::process::Process;
use super::world::{ALICE, World, request};
use room_owner::app::commands::{Handled, at_once};

const TROUBLES: [Trouble; 7] = [
    Trouble::Nothing,
    Trouble::Refused,
    Trouble::NotSent,
    Trouble::Failed,
    Trouble::LostBefore,
    Trouble::LostAfter(0),
    Trouble::LostAfter(2_500),
];

/// The result, unless it had to wait so many times before.
async fn cut_after<T>(waits: usize, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    let mut left = waits;
    poll_fn(|context| match work.as_mut().poll(context) {
        Poll::Ready(result) => Poll::Ready(Some(result)),
        Poll::Pending if left == 0 => Poll::Ready(None),
        Poll::Pending => {
            left -= 1;
            Poll::Pending
        }
    })
    .await
}

/// Whether the command came to its end before it was cut.
async fn dies_after(template: &World, waits: usize, trouble: Trouble) -> bool {
    let world = template.copy();
    let network = Network::new(&world, waits as u64, 0).await;
    network.simulator().put_room("test", "carol");
    network.next_change(trouble);
    let mut process = Process::starts(&world, &network, 1, 0).await;
    process.finishes().await;
    let reply = cut_after(waits, process.service.handle(request(ALICE, "test user2", "d1"), at_once)).await;
    let reply = reply.map(Handled::into_reply);
    process.dies().await;
    let before = network.calls();

    let mut next = Process::starts(&world, &network, 1, 0).await;
    next.settles(&world.clock).await;
    assert_eq!(network.calls(), before, "nothing is sent again by itself");
    next.takes(0, request(ALICE, "test user2", "d1"));
    next.settles(&world.clock).await;
    let open = next.store.unresolved().await.unwrap();
    let entries = next.store.audit(&AuditFilter::default()).await.unwrap();
    let log: Log = entries.into_iter().map(|entry| (entry.operation.seq(), entry)).collect();
    next.dies().await;

    let mut broken = laws::broken(&world, &network, &log, &["slack:d1".to_owned()]).await;
    broken.extend(open.iter().map(|open| format!("op {} is left open", open.operation)));
    let effects: Vec<i64> = network.effects().iter().map(|effect| effect.operation).collect();
    broken.extend(reply.as_ref().and_then(|reply| laws::lie(reply, &log, &effects)));
    assert!(network.calls() <= 1, "sent {} times", network.calls());
    assert!(broken.is_empty(), "{trouble:?}, cut after {waits} waits:\n{}", broken.join("\n"));
    reply.is_some()
}

#[tokio::test]
async fn a_death_at_any_step_of_a_command_is_survived() {
    let template = World::new().await;
    let mut cuts = 0;
    for trouble in TROUBLES {
        let mut waits = 0;
        while !dies_after(&template, waits, trouble).await {
            waits += 1;
            assert!(waits < 500, "it never came to its end");
        }
        cuts += waits;
    }
    println!("{cuts} points at which a command was cut off");
    assert!(cuts >= 40, "only {cuts} points");
}
