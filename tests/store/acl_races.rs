//! Two admins at once, at two stores on one database: each change is decided on the ACL that it changes.

use std::sync::Arc;

use room_owner::app::ports::{AclChange, AclChanged, AclEdit, Store as _};
use room_owner::domain::access::plan::{Wanted, WantedGrant, plan};
use room_owner::domain::access::{
    AclView, Action, Decision, Effect, LockOut, NewGrant, NotEdited, Role, RoomScope, decide, is_live,
};
use room_owner::domain::audit::OperationId;
use room_owner::domain::command::Place;
use room_owner::domain::principal::Principal;
use room_owner::domain::room::Accounts;
use room_owner::store::SqliteStore;
use tokio::task::JoinSet;

use super::world::{ALICE, Edit, NOON, OPS, World, allow, assert_log_tells_the_tables, grant, later, revoke};

const BOB: &str = "slack:T1:U2";

/// The result of an edit by an admin in chat.
#[derive(Debug, PartialEq)]
enum Came {
    Changed(OperationId),
    NotEdited(NotEdited),
    Denied(String),
}

/// Decides, edits, and decides again while the ACL changes in between, as the service does. How often it
/// decided is answered too.
async fn edits(store: &SqliteStore, by: &str, edit: &Edit) -> (Came, usize) {
    let principal = Principal::new(by.parse().unwrap());
    let place = Place::Channel(OPS.parse().unwrap());
    for turn in 1.. {
        let acl = store.acl_for(&principal, &place).await.unwrap();
        let action = Action::EditAcl(vec![RoomScope::All]);
        let permit = match decide(&principal, &place, action, &acl, later(1_000_000)) {
            Decision::Permit(permit) => permit,
            Decision::Deny(denial) => return (Came::Denied(denial.to_string()), turn),
        };
        // The other one gets a turn between the decision and the edit.
        tokio::task::yield_now().await;
        let edit = AclEdit {
            principal: principal.clone(),
            place: place.clone(),
            delivery: None,
            typed: edit.typed.clone(),
            pressed: None,
            permit,
            changes: edit.changes.iter().map(|change| (change.clone(), None)).collect(),
            reason: None,
            answers: None,
            force: false,
            known: std::sync::Arc::default(),
        };
        match store.edit_acl(edit, later(1_000_000)).await.unwrap() {
            AclChanged::AclChanged => {}
            AclChanged::Changed(operation, _) => return (Came::Changed(operation), turn),
            AclChanged::Declined(_, why) => return (Came::NotEdited(why), turn),
            other => panic!("nothing was delivered twice or pressed: {other:?}"),
        }
    }
    unreachable!("it goes on until something comes of it")
}

#[tokio::test]
async fn an_edit_that_was_decided_on_another_acl_is_decided_again() {
    let world = World::empty().await;
    allow(OPS, "*").apply(&world.store).await;
    grant(ALICE, "admin", "*").apply(&world.store).await;
    grant(BOB, "admin", "*").apply(&world.store).await;
    let bob = Edit {
        principal: Principal::new(BOB.parse().unwrap()),
        place: Place::Channel(OPS.parse().unwrap()),
        ..grant("slack:T1:U3", "admin", "*")
    };
    let decided = bob.decided(&world.store).await;
    revoke(2).apply(&world.store).await;
    assert_eq!(world.store.edit_acl(decided, NOON).await.unwrap(), AclChanged::AclChanged);
    assert_eq!(world.store.grants().await.unwrap().len(), 2, "nothing was given by somebody who is no admin");
    let (came, turns) = edits(&world.store, BOB, &bob).await;
    assert!(matches!(came, Came::Denied(_)) && turns == 1, "{came:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_admins_who_remove_each_other_leave_one() {
    let world = World::empty().await;
    allow(OPS, "*").apply(&world.store).await;
    let stores = [Arc::new(world.another().await), Arc::new(world.another().await)];
    for _ in 0..20 {
        let (_, alices) = grant(ALICE, "admin", "*").granted(&world.store).await;
        let (_, bobs) = grant(BOB, "admin", "*").granted(&world.store).await;
        let mut tasks = JoinSet::new();
        for (store, by, whose) in [(0, ALICE, bobs.id), (1, BOB, alices.id)] {
            let store = Arc::clone(&stores[store]);
            tasks.spawn(async move { edits(&store, by, &revoke(whose)).await.0 });
        }
        let came = tasks.join_all().await;
        let won = came.iter().filter(|came| matches!(came, Came::Changed(_))).count();
        let denied = came.iter().filter(|came| matches!(came, Came::Denied(_))).count();
        assert_eq!((won, denied), (1, 1), "whoever came second was no admin any more: {came:?}");
        let live = world.store.live_grants(later(1_000_000)).await.unwrap();
        assert_eq!(live.len(), 1);
        revoke(live[0].id).apply(&world.store).await;
    }
    assert_log_tells_the_tables(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_admins_who_step_down_at_once_leave_one() {
    let world = World::empty().await;
    allow(OPS, "*").apply(&world.store).await;
    let stores = [Arc::new(world.another().await), Arc::new(world.another().await)];
    for _ in 0..20 {
        let (_, alices) = grant(ALICE, "admin", "*").granted(&world.store).await;
        let (_, bobs) = grant(BOB, "admin", "*").granted(&world.store).await;
        let mut tasks = JoinSet::new();
        for (store, by, own) in [(0, ALICE, alices.id), (1, BOB, bobs.id)] {
            let store = Arc::clone(&stores[store]);
            tasks.spawn(async move { edits(&store, by, &revoke(own)).await.0 });
        }
        let came = tasks.join_all().await;
        let won = came.iter().filter(|came| matches!(came, Came::Changed(_))).count();
        let kept = Came::NotEdited(NotEdited::LockOut(LockOut::NoAdmin));
        assert!(won == 1 && came.contains(&kept), "{came:?}");
        let live = world.store.live_grants(later(1_000_000)).await.unwrap();
        assert_eq!(live.len(), 1);
        revoke(live[0].id).apply(&world.store).await;
    }
    assert_log_tells_the_tables(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_edits_at_two_stores_none_is_lost() {
    let world = World::empty().await;
    allow(OPS, "*").apply(&world.store).await;
    grant(ALICE, "admin", "*").apply(&world.store).await;
    for n in 0..24 {
        grant(&format!("slack:T1:UOLD{n}"), "moderator", "*").apply(&world.store).await;
    }
    let stores = [Arc::new(world.another().await), Arc::new(world.another().await)];
    let mut tasks = JoinSet::new();
    for n in 0..24 {
        for (store, edit) in [(0, grant(&format!("slack:T1:UNEW{n}"), "moderator", "*")), (1, revoke(n + 2))]
        {
            let store = Arc::clone(&stores[store]);
            tasks.spawn(async move { edits(&store, ALICE, &edit).await });
        }
    }
    let came = tasks.join_all().await;
    assert!(came.iter().all(|(came, _)| matches!(came, Came::Changed(_))), "{came:?}");
    let again = came.iter().filter(|(_, turns)| *turns > 1).count();
    assert!(again > 10, "they hardly met: {again} were decided again");
    let live = world.store.live_grants(later(1_000_000)).await.unwrap();
    let names: Vec<String> = live.iter().skip(1).map(|grant| grant.subject.to_string()).collect();
    assert!(names.len() == 24 && names.iter().all(|name| name.starts_with("slack:T1:UNEW")), "{names:?}");
    assert_log_tells_the_tables(&world).await;
}

/// A file is applied while somebody grants: what the plan did not show is not undone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_is_applied_to_the_acl_that_was_planned_on_or_not_at_all() {
    let world = World::empty().await;
    allow(OPS, "*").apply(&world.store).await;
    grant(ALICE, "admin", "*").apply(&world.store).await;
    let stores = [Arc::new(world.another().await), Arc::new(world.another().await)];
    let (mut applied, mut refused) = (0, 0);
    for round in 0..40 {
        let newcomer = format!("slack:T1:UNEW{round}");
        let version = world.store.acl_for(&Principal::new("cli:ana".parse().unwrap()), &Place::Local).await;
        let version = version.unwrap().version;
        let grants = world.store.grants().await.unwrap();
        let wanted = Wanted {
            grants: vec![
                wanted(ALICE, Role::Admin),
                wanted(&format!("slack:T1:UFILE{round}"), Role::Auditor),
            ],
            channels: vec![room_owner::domain::access::plan::WantedChannel {
                channel: OPS.parse().unwrap(),
                rooms: RoomScope::All,
                reason: None,
            }],
            ..Wanted::default()
        };
        let now = later(1_000_000 + round);
        let channels = world.store.channels().await.unwrap();
        let acl = AclView { grants: grants.clone(), channels, ..AclView::default() };
        let steps = plan(&acl, &wanted, Accounts::Tencent, now).unwrap();
        let changes: Vec<AclChange> = steps.into_iter().map(|(change, _)| change).collect();

        let (one, other) = (Arc::clone(&stores[0]), Arc::clone(&stores[1]));
        let file = tokio::spawn(async move {
            let edit = Edit { changes, ..revoke(0) };
            let decided = edit.unforced().decided(&one).await;
            if decided.permit.acl_version() != version {
                return None;
            }
            match one.edit_acl(decided, now).await.unwrap() {
                AclChanged::Changed(operation, _) => Some(operation),
                AclChanged::AclChanged => None,
                what => panic!("{what:?}"),
            }
        });
        let theirs = newcomer.clone();
        let hand = tokio::spawn(async move {
            if round % 2 == 0 {
                tokio::task::yield_now().await;
            }
            grant(&theirs, "moderator", "*").apply_at(&other, now).await
        });
        let (file, hand) = (file.await.unwrap(), hand.await.unwrap());
        let AclChanged::Changed(granted, _) = hand else { panic!("the grant by hand is lost: {hand:?}") };
        match file {
            Some(operation) => {
                assert!(operation < granted, "it was applied to an ACL that nobody had planned on");
                applied += 1;
            }
            None => refused += 1,
        }
        let live = world.store.live_grants(later(2_000_000)).await.unwrap();
        assert!(live.iter().any(|grant| grant.subject.to_string() == newcomer), "{newcomer} was taken away");
        assert!(live.iter().all(|grant| is_live(grant, later(2_000_000))));
    }
    assert_eq!(applied + refused, 40);
    assert_log_tells_the_tables(&world).await;
}

fn wanted(subject: &str, role: Role) -> WantedGrant {
    let grant = NewGrant {
        subject: subject.parse().unwrap(),
        role,
        effect: Effect::Permit,
        rooms: RoomScope::All,
        channels: Vec::new(),
        expires_at: None,
    };
    WantedGrant { grant, reason: None }
}
