//! Requests for access, held against a small model: whatever people ask and answer, in whatever order, no grant comes of
//! a request that is wider or longer than was shown, and every step is on record.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use room_owner::app::commands::at_once;
use room_owner::app::local;
use room_owner::app::ports::{AclChange, Clock as _, Known, NewGrant, Store as _, Unobserved};
use room_owner::app::replies::{Messenger, Messengers, Notification, Platform, SendError};
use room_owner::app::service::CommandService;
use room_owner::domain::access::{Effect, Role, RoomScope};
use room_owner::domain::announcement::Announcement;
use room_owner::domain::audit::{AuditFilter, OperationId, OutcomeKind};
use room_owner::domain::command::{CommandGroup, CommandRequest, Typed, parse};
use room_owner::domain::principal::{Channel, Principal, Subject};
use room_owner::domain::reply::{AclAnswer, AskAnswer, Reply};
use room_owner::store::SqliteStore;
use room_owner::store::verify::{Evidence, verify};

use super::acl::edit_locally;
use super::world::{World, press, request};

/// Adam is an admin for every room, Ada for those that begin with `live-`; the other two begin with nothing.
const ADAM: &str = "slack:T1:U7";
const ADA: &str = "slack:T1:U8";
const PEOPLE: [&str; 4] = [ADAM, ADA, "slack:T1:U2", "slack:T1:U3"];
const ROOMS: [&str; 3] = ["test", "live-1", "vip"];
const LABELS: [(&str, &str, Option<i64>); 3] =
    [("8 h", "8h", Some(8)), ("1 h", "1h", Some(1)), ("No", "no", None)];

#[derive(Debug, Clone)]
enum Step {
    /// Somebody tries to hand a room over.
    HandOver(usize, usize),
    Ask(usize, usize),
    /// Somebody answers a request, by its button or in words.
    Answer {
        by: usize,
        which: usize,
        label: usize,
        is_typed: bool,
    },
    /// Somebody is given a role, or is denied it.
    Grant(usize, Role, Effect),
    /// The newest grant is taken back.
    Revoke,
    Pass(i64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let (person, room) = (0..PEOPLE.len(), 0..ROOMS.len());
    let role = prop_oneof![Just(Role::Moderator), Just(Role::Admin), Just(Role::Auditor)];
    let effect = prop_oneof![3 => Just(Effect::Permit), 1 => Just(Effect::Deny)];
    let answer = (person.clone(), 0..4_usize, 0..LABELS.len(), any::<bool>());
    let step = prop_oneof![
        3 => (person.clone(), room.clone()).prop_map(|(who, room)| Step::HandOver(who, room)),
        5 => (2..PEOPLE.len(), room).prop_map(|(who, room)| Step::Ask(who, room)),
        6 => answer.prop_map(|(by, which, label, is_typed)| Step::Answer { by, which, label, is_typed }),
        1 => (2..PEOPLE.len(), role, effect).prop_map(|(who, role, effect)| Step::Grant(who, role, effect)),
        1 => Just(Step::Revoke),
        2 => prop_oneof![Just(30_i64), Just(60), Just(8 * 60), Just(24 * 60)].prop_map(Step::Pass),
    ];
    proptest::collection::vec(step, 1..40)
}

/// A grant as the model has it.
struct Held {
    id: i64,
    who: usize,
    role: Role,
    effect: Effect,
    rooms: RoomScope,
    until: Option<Timestamp>,
}

struct Asked {
    operation: OperationId,
    who: usize,
    room: usize,
    at: Timestamp,
    nonces: Vec<String>,
    is_answered: bool,
}

impl Asked {
    fn is_open(&self, now: Timestamp) -> bool {
        !self.is_answered && now.duration_since(self.at) < SignedDuration::from_hours(24)
    }
}

#[derive(Default)]
struct Model {
    held: Vec<Held>,
    asked: Vec<Asked>,
}

impl Model {
    fn has(&self, who: usize, roles: &[Role], effect: Effect, room: &str, now: Timestamp) -> bool {
        let room = room.parse().unwrap();
        self.held.iter().any(|it| {
            it.who == who
                && roles.contains(&it.role)
                && it.effect == effect
                && it.rooms.covers(&room)
                && it.until.is_none_or(|until| until > now)
        })
    }

    /// A deny entry takes what its role would give.
    fn may(&self, who: usize, roles: &[Role], room: &str, now: Timestamp) -> bool {
        self.has(who, roles, Effect::Permit, room, now) && !self.has(who, roles, Effect::Deny, room, now)
    }
}

const TO_HAND_OVER: [Role; 2] = [Role::Moderator, Role::Admin];

/// Nobody writes here: what is to be said is looked at elsewhere.
struct Silent;

#[async_trait]
impl Messenger for Silent {
    async fn send(&self, _: &Notification) -> Result<Option<String>, SendError> {
        Err(SendError::Permanent("silent".to_owned()))
    }
    async fn post(&self, _: &Channel, _: &Announcement, _: &str) -> Result<Option<String>, SendError> {
        Err(SendError::Permanent("silent".to_owned()))
    }
    async fn write_to(
        &self,
        _: &Subject,
        _: &Announcement,
        _: &str,
    ) -> Result<Option<(Channel, String)>, SendError> {
        Err(SendError::Permanent("silent".to_owned()))
    }
    async fn replace(&self, _: &Channel, _: &str, _: &Announcement) -> Result<(), SendError> {
        Err(SendError::Permanent("silent".to_owned()))
    }
    fn shows_replies(&self) -> bool {
        true
    }
}

struct Bench {
    world: World,
    store: Arc<SqliteStore>,
    service: CommandService,
    model: Model,
    deliveries: usize,
}

impl Bench {
    async fn on(world: World) -> Self {
        let store = world.store().await;
        let clock = Arc::new(world.clock.clone());
        let service = local::service(Arc::clone(&store) as _, clock, Arc::new(Unobserved), Known::default());
        let service = service.with_reply_book(Arc::clone(&store) as _);
        let served = vec![(Platform::Slack, Some(Arc::new(Silent) as Arc<dyn Messenger>))];
        service.begin_replies(Messengers { served }).await.unwrap();
        let mut bench = Self { world, store, service, model: Model::default(), deliveries: 0 };
        bench.grants(0, Role::Admin, Effect::Permit, "*").await;
        bench.grants(1, Role::Admin, Effect::Permit, "live-*").await;
        bench
    }

    async fn grants(&mut self, who: usize, role: Role, effect: Effect, rooms: &str) {
        let new = NewGrant {
            subject: PEOPLE[who].parse().unwrap(),
            role,
            effect,
            rooms: rooms.parse().unwrap(),
            channels: Vec::new(),
            expires_at: None,
        };
        let rooms = new.rooms.clone();
        self.edits(AclChange::Grant(new)).await;
        let id = self.store.grants().await.unwrap().last().unwrap().id;
        self.model.held.push(Held { id, who, role, effect, rooms, until: None });
    }

    async fn edits(&self, change: AclChange) {
        let by = Principal::new("cli:ana".parse().unwrap());
        edit_locally(&*self.store, &self.world.clock, by, "acl".to_owned(), change, None).await.unwrap();
    }

    fn delivery(&mut self) -> String {
        self.deliveries += 1;
        format!("d{}", self.deliveries)
    }

    async fn takes(&mut self, who: usize, family: CommandGroup, line: &str) -> Reply {
        let delivery = self.delivery();
        let request = CommandRequest {
            command: parse(family, &Typed::plain(line)),
            ..request(PEOPLE[who], line, &delivery)
        };
        self.service.handle(request, at_once).await.into_reply()
    }

    async fn operations(&self) -> usize {
        self.store.audit(&AuditFilter::default()).await.unwrap().len()
    }

    /// Takes a step. What it should come to, the model says.
    async fn takes_step(&mut self, step: &Step) -> Result<(), TestCaseError> {
        // Nobody is over a limit.
        self.world.clock.pass(61_000);
        let (before, grants) = (self.operations().await, self.store.grants().await.unwrap().len());
        match step {
            Step::HandOver(who, room) => self.hands_over(*who, ROOMS[*room]).await?,
            Step::Ask(who, room) => self.asks(*who, *room).await?,
            Step::Answer { by, which, label, is_typed } => {
                if self.model.asked.is_empty() {
                    return Ok(());
                }
                let which = self.model.asked.len() - 1 - which % self.model.asked.len();
                let is_granted = self.answers(*by, which, *label, *is_typed).await?;
                prop_assert_eq!(self.store.grants().await.unwrap().len(), grants + usize::from(is_granted));
            }
            Step::Grant(who, role, effect) => self.grants(*who, *role, *effect, "*").await,
            Step::Revoke if self.model.held.len() > 2 => {
                let newest = self.model.held.pop().unwrap();
                self.edits(AclChange::Revoke(newest.id)).await;
            }
            Step::Revoke => return Ok(()),
            Step::Pass(minutes) => {
                self.world.clock.pass(minutes * 60_000);
                return Ok(());
            }
        }
        prop_assert_eq!(self.operations().await, before + 1, "every step is on record");
        Ok(())
    }

    async fn hands_over(&mut self, who: usize, room: &str) -> Result<(), TestCaseError> {
        let now = self.world.clock.now();
        let reply = self.takes(who, CommandGroup::Owner, &format!("{room} carol reason: crashed")).await;
        let may = self.model.may(who, &TO_HAND_OVER, room, now);
        prop_assert_eq!(reply.outcome() != OutcomeKind::Denied, may, "{:?}", reply);
        let offered = reply.buttons().iter().any(|button| button.offer.label == "Ask for access");
        let is_denied = self.model.has(who, &TO_HAND_OVER, Effect::Deny, room, now);
        prop_assert_eq!(offered, !may && !is_denied, "{:?}", reply);
        Ok(())
    }

    async fn asks(&mut self, who: usize, room: usize) -> Result<(), TestCaseError> {
        let now = self.world.clock.now();
        let reply = self.takes(who, CommandGroup::Owner, &format!("ask {}", ROOMS[room])).await;
        let name = ROOMS[room];
        let open = self.model.asked.iter().find(|it| it.who == who && it.room == room && it.is_open(now));
        match &reply {
            Reply::Denied { .. } => {
                prop_assert!(self.model.has(who, &TO_HAND_OVER, Effect::Deny, name, now), "{:?}", reply);
            }
            Reply::Ask { operation, answer, .. } => {
                prop_assert!(!self.model.has(who, &TO_HAND_OVER, Effect::Deny, name, now));
                match (&**answer, open) {
                    (AskAnswer::AlreadyMay, _) => {
                        prop_assert!(self.model.may(who, &TO_HAND_OVER, name, now));
                    }
                    (AskAnswer::AskedBefore(first), Some(open)) => {
                        prop_assert_eq!(first.operation, open.operation);
                    }
                    (AskAnswer::ShownTo(addressees, lapses_at), None) => {
                        prop_assert!(
                            !self.model.may(who, &TO_HAND_OVER, name, now) && !addressees.is_empty()
                        );
                        prop_assert_eq!(lapses_at.duration_since(now), SignedDuration::from_hours(24));
                        let buttons = self.store.buttons(*operation, now).await.unwrap();
                        let nonces = buttons.iter().map(|button| button.nonce.as_str().to_owned()).collect();
                        let (operation, is_answered) = (*operation, false);
                        self.model.asked.push(Asked { operation, who, room, at: now, nonces, is_answered });
                    }
                    _ => prop_assert!(false, "{:?}", reply),
                }
            }
            _ => prop_assert!(false, "{:?}", reply),
        }
        Ok(())
    }

    /// Whether access was given.
    async fn answers(
        &mut self,
        by: usize,
        which: usize,
        label: usize,
        is_typed: bool,
    ) -> Result<bool, TestCaseError> {
        let now = self.world.clock.now();
        let (_, typed, hours) = LABELS[label];
        let asked = &self.model.asked[which];
        let (operation, who, room) = (asked.operation, asked.who, ROOMS[asked.room]);
        let (is_open, nonce) = (asked.is_open(now), asked.nonces[label].clone());
        let reply = if is_typed {
            self.takes(by, CommandGroup::Acl, &format!("answer {operation} {typed}")).await
        } else {
            let delivery = self.delivery();
            self.service.press(press(PEOPLE[by], &nonce, &delivery), at_once).await.into_reply()
        };
        let is_admin = self.model.may(by, &[Role::Admin], room, now);
        let should = is_admin && is_open && by != who;
        let Reply::Acl { answer, .. } = reply.said() else {
            prop_assert!(!should && reply.outcome() != OutcomeKind::Succeeded, "{:?}", reply);
            return Ok(false);
        };
        let AclAnswer::Answered { granted, .. } = &**answer else {
            prop_assert!(!should && matches!(**answer, AclAnswer::NotAnswered(_)), "{:?}", reply);
            return Ok(false);
        };
        prop_assert!(should, "{:?}", reply);
        prop_assert_eq!(granted.is_some(), hours.is_some());
        self.model.asked[which].is_answered = true;
        let Some(hours) = hours else { return Ok(false) };
        let grants = self.store.grants().await.unwrap();
        let grant = grants.last().unwrap();
        prop_assert_eq!(&grant.subject, &PEOPLE[who].parse::<Subject>().unwrap());
        prop_assert_eq!((grant.role, grant.effect), (Role::Moderator, Effect::Permit));
        prop_assert_eq!(&grant.rooms, &RoomScope::Exact(room.parse().unwrap()));
        prop_assert_eq!(&grant.channels, &vec!["slack:T1:C1".parse::<Channel>().unwrap()]);
        let lasts = grant.expires_at.unwrap().duration_since(grant.granted_at);
        prop_assert_eq!(lasts, SignedDuration::from_hours(hours));
        prop_assert_eq!(grant.reason.clone(), Some(format!("asked for in op {operation}")));
        let (id, rooms, until) = (grant.id, grant.rooms.clone(), grant.expires_at);
        let (role, effect) = (Role::Moderator, Effect::Permit);
        self.model.held.push(Held { id, who, role, effect, rooms, until });
        Ok(true)
    }
}

#[test]
fn no_grant_comes_of_a_request_that_is_wider_or_longer_than_was_shown() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let base = runtime.block_on(World::new());
    let mut runner = TestRunner::new(Config { cases: 48, ..Config::default() });
    let tried = runner.run(&steps(), |steps| {
        runtime.block_on(async {
            let mut bench = Bench::on(base.copy()).await;
            for step in &steps {
                bench.takes_step(step).await?;
            }
            bench.store.close().await;
            let report = verify(&bench.world.file(), Evidence::default()).await.unwrap();
            prop_assert!(report.sound, "{:?}", report.findings);
            Ok(())
        })
    });
    tried.unwrap();
}
