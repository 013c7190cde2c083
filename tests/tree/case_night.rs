//! A night of the room `live-7`, with some of everything, and of other rooms beside it.

use room_owner::app::announcements::{Announcements as _, NextDue};
use room_owner::app::ports::{OwnerChangeEvent, ReadBack, Store as _};
use room_owner::app::replies::Platform;
use room_owner::domain::announcement::Topic;
use room_owner::domain::audit::{Announced, OperationId, Outcome};
use room_owner::domain::command::DeliveryId;
use room_owner::domain::reply_note::{HowReplied, ReplyNote};
use room_owner::domain::room::AccountId;

use super::world::{
    ALICE, Ask, MALLORY, OPS, World, allow, announce, ask, attempt, grant, later, recorded, refused,
    succeeded, unknown,
};

/// What must not be in the case of `live-7`: of other rooms.
pub(crate) const OTHERS: &[&str] =
    &["vip-9", "slack:T1:U2", "ivan", "a reason that is not theirs", "judy", "live-70", "req-vip"];

/// So many seconds after noon.
fn second(second: i64) -> jiff::Timestamp {
    later(second * 1_000)
}

fn account(id: &str) -> AccountId {
    AccountId::from_tencent(id.to_owned())
}

struct Night(World);

impl Night {
    async fn does(&self, line: Ask, at: i64, outcome: &Outcome) -> OperationId {
        let operation = line.admit_at(&self.0.store, second(at)).await.operation().unwrap();
        let ended = later(at * 1_000 + 140);
        self.0.store.finish(operation, outcome, ended).await.unwrap().unwrap();
        operation
    }

    async fn posts(&self, at: i64) {
        let due = self.0.store.next_due(&[Platform::Slack], second(at)).await.unwrap();
        let NextDue::Post(due, _) = due else { panic!("nothing is due") };
        let Topic::Operation(_, event) = due.topic else { panic!("{due:?}") };
        let message = Some("1772366400.000001".to_owned());
        let announced = Announced { channel: due.channel.clone(), event, message, problem: None, to: None };
        self.0.store.settle(&due, Some(announced), second(at)).await.unwrap();
    }

    async fn hears(&self, room: &str, to: &str, at: i64, is_signed: bool, seen: ReadBack) {
        let notice = OwnerChangeEvent {
            delivery: DeliveryId::new("tencent", &format!("{room}:{to}")).unwrap(),
            room: room.parse().unwrap(),
            new_owner: account(to),
            original_owner: Some(account("bob")),
            operator: Some(account("operator_7")),
            is_own_account: false,
            event_at: second(at),
            is_signed,
        };
        self.0.store.observe(&notice, Some(&seen), second(at + 2)).await.unwrap();
    }
}

/// The night. What is typed holds markup, and what cannot be seen.
pub(crate) async fn night() -> World {
    let night = Night(World::empty().await);
    let store = &night.0.store;
    allow(OPS, "*").because("night shift").apply(store).await;
    grant(ALICE, "moderator", "live-*").because("on call <tonight>").apply(store).await;
    grant("slack:T1:U2", "moderator", "vip-*").because("a reason that is not theirs").apply(store).await;
    announce(OPS, "live-7").apply(store).await;

    night.does(ask("live-7"), 60, &Outcome::Shown(account("carol"))).await;
    recorded(ask("live-7 mallory").by(MALLORY).admit_at(store, second(120)).await);
    let line = "live-7 bob reason: <img src=x onerror=alert(1)> & \"crashed\" \u{1F525}";
    let first = attempt(ask(line).delivered("1").admit_at(store, second(180)).await).operation();
    store.note_previous_owner(first, &account("carol"), later(180_900)).await.unwrap();
    store.finish(first, &succeeded("req-1"), later(181_200)).await.unwrap();
    night.posts(182).await;
    ask(line).delivered("1").admit_at(store, second(185)).await;
    let note = ReplyNote { how: HowReplied::Lost, why: "slack answered 404".to_owned() };
    store.note_reply(first, &note, second(190)).await.unwrap();

    let theirs = "vip-9 ivan reason: a reason that is not theirs";
    night.does(ask(theirs).by("slack:T1:U2"), 200, &succeeded("req-vip")).await;
    night.does(ask("live-70 judy"), 210, &succeeded("req-vip")).await;

    night.hears("live-7", "dave", 600, true, ReadBack::Owner(account("dave"))).await;
    night.hears("vip-9", "judy", 650, true, ReadBack::Owner(account("judy"))).await;
    night.hears("live-7", "erin", 900, false, ReadBack::Nothing("the room is gone".to_owned())).await;
    night.does(ask("live-7"), 1_200, &Outcome::Shown(account("frank"))).await;
    night.does(ask("live-7 grace"), 1_500, &refused("req-2")).await;
    let cut = attempt(ask("live-7 heidi").admit_at(store, second(1_800)).await).operation();
    store.finish(cut, &unknown(None), later(1_805_000)).await.unwrap();
    ask("live-7 grace").admit_at(store, second(2_100)).await;
    night.0
}
