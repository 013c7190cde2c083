//! Notes about replies are events beside an operation, and change nothing else.

use room_owner::app::ports::Store as _;
use room_owner::domain::audit::OperationId;
use room_owner::domain::reply_note::{HowReplied, ReplyNote};

use super::world::{World, later};

#[tokio::test]
async fn a_note_is_an_event_of_its_operation_in_a_fixed_form() {
    let world = World::new().await;
    let operation = world.log().await[0].operation;
    let before_it = world.events().await.len();
    let before = world.store.operation(operation).await.unwrap();
    assert_eq!(world.store.reply_notes(operation).await.unwrap(), []);
    let notes = [(HowReplied::Posted, "discord answered 404"), (HowReplied::Lost, "nobody \"there\"")]
        .map(|(how, why)| ReplyNote { how, why: why.to_owned() });
    for (note, at) in notes.iter().zip([later(5), later(6)]) {
        world.store.note_reply(operation, note, at).await.unwrap();
    }
    let [first, second] = notes;
    assert_eq!(world.store.reply_notes(operation).await.unwrap(), [(later(5), first), (later(6), second)]);
    assert_eq!(world.store.operation(operation).await.unwrap(), before);
    let events = world.events().await;
    assert_eq!(events.len(), before_it + 2);
    assert_eq!(events.last().unwrap().operation, operation.seq());
    let mut raw = world.raw().await;
    let last = "SELECT body FROM audit_events ORDER BY seq DESC LIMIT 1";
    let body: String = sqlx::query_scalar(last).fetch_one(&mut raw).await.unwrap();
    insta::assert_snapshot!(body, @r#"{"v":1,"seq":4,"operation":"1","at":"2026-03-01T12:00:00.006Z","what":{"reply":{"how":"lost","why":"nobody \"there\""}}}"#);
}

#[tokio::test]
async fn a_note_beside_no_operation_is_refused() {
    let world = World::empty().await;
    let note = ReplyNote { how: HowReplied::Lost, why: "x".to_owned() };
    assert!(world.store.note_reply(OperationId::new(1), &note, later(1)).await.is_err());
    assert!(world.events().await.is_empty());
}
