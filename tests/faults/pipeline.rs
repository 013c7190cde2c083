//! The process dies at each step of one command: at each point at which its work waits for something.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use room_owner::domain::audit::AuditFilter;

use super::laws::{self, Log};
use super::network::{Network, Trouble};
use super::process::Process;
use super::world::{ALICE, DORA, World, press, request};
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

/// What is under way when the process dies.
#[derive(Debug, Clone, Copy)]
enum Way {
    Typed,
    /// The undoing of a hand-over, by its button.
    Pressed,
}

/// Whether the command came to its end before it was cut.
async fn dies_after(template: &World, way: Way, waits: usize, trouble: Trouble) -> bool {
    let world = template.copy();
    let network = Network::new(&world, waits as u64, 0).await;
    network.simulator().put_room("test", "carol");
    let mut process = Process::starts(&world, &network, 1, 0).await;
    process.finishes().await;
    let service = std::sync::Arc::clone(&process.service);
    let nonce = match way {
        Way::Typed => String::new(),
        Way::Pressed => {
            let done = service.handle(request(ALICE, "test user0", "d0"), at_once).await.into_reply();
            done.buttons()[0].nonce.as_str().to_owned()
        }
    };
    let done_before = network.calls();
    network.next_change(trouble);
    let work = async {
        match way {
            Way::Typed => service.handle(request(ALICE, "test user2", "d1"), at_once).await,
            Way::Pressed => service.press(press(ALICE, &nonce, "d1"), at_once).await,
        }
    };
    let reply = cut_after(waits, work).await;
    let reply = reply.map(Handled::into_reply);
    drop(service);
    process.dies().await;
    let before = network.calls();

    let mut next = Process::starts(&world, &network, 1, 0).await;
    next.settles(&world.clock).await;
    assert_eq!(network.calls(), before, "nothing is sent again by itself");
    match way {
        Way::Typed => next.takes(0, request(ALICE, "test user2", "d1")),
        Way::Pressed => {
            next.takes_press(0, press(ALICE, &nonce, "d1"));
            next.takes_press(1, press(DORA, &nonce, "d2"));
        }
    }
    next.settles(&world.clock).await;
    let open = next.store.unresolved().await.unwrap();
    let entries = next.store.audit(&AuditFilter::default()).await.unwrap();
    let log: Log = entries.into_iter().map(|entry| (entry.operation.seq(), entry)).collect();
    let (badly_pressed, pressed) = laws::presses(&*next.store, &log).await;
    next.dies().await;

    let mut broken = laws::broken(&world, &network, &log, &["slack:d1".to_owned()]).await;
    broken.extend(badly_pressed);
    broken.extend((pressed > 1).then(|| format!("pressed {pressed} times")));
    broken.extend(open.iter().map(|open| format!("op {} is left open", open.operation)));
    broken.extend(reply.as_ref().and_then(|reply| laws::lie(reply, &log, &network)));
    assert!(network.calls() <= done_before + 1, "sent {} times", network.calls());
    assert!(broken.is_empty(), "{way:?}, {trouble:?}, cut after {waits} waits:\n{}", broken.join("\n"));
    reply.is_some()
}

#[tokio::test]
async fn a_death_at_any_step_of_a_command_is_survived() {
    let template = World::new().await;
    let mut cuts = 0;
    for (way, trouble) in [Way::Typed, Way::Pressed].into_iter().flat_map(|way| TROUBLES.map(|it| (way, it)))
    {
        let mut waits = 0;
        while !dies_after(&template, way, waits, trouble).await {
            waits += 1;
            assert!(waits < 500, "it never came to its end");
        }
        cuts += waits;
    }
    println!("{cuts} points at which a command was cut off");
    assert!(cuts >= 80, "only {cuts} points");
}
