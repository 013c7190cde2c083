//! What was probably meant: by a line that is not a command, and by an id that no room has.

use std::time::Duration;

use tracing::debug;

use crate::app::ports::ReadError;
use crate::app::service::CommandService;
use crate::domain::access::{AclView, Action, EffectiveScope, Right};
use crate::domain::audit::AuditFilter;
use crate::domain::command::{CommandRequest, Invocation, Transfer, UsageError};
use crate::domain::reply::{AbsentRoom, AclAnswer};
use crate::domain::room::{AccountId, RoomId, nearest};

/// How many entries of the log are looked through for rooms.
const ENTRIES: u32 = 200;

/// How many lines a refusal suggests.
const MOST_LINES: usize = 2;

/// The error with the lines that were most probably meant, of those for somebody with these rights: where several are
/// possible, those about a live room that the caller may use, and those that only ask.
pub(super) async fn narrowed(
    service: &CommandService,
    mut error: UsageError,
    request: &CommandRequest,
    acl: &AclView,
    own: &[Right],
) -> UsageError {
    let mut lines = std::mem::take(&mut error.meant);
    lines.retain(|line| error.may_suggest(line.verb, own));
    if lines.len() > 1
        && !acl.grants.is_empty()
        && let Ok(live) = service.live_rooms.get().await
    {
        let may = |room: &RoomId| {
            service.may(&request.principal, &request.place, Action::Transfer(room.clone()), acl)
        };
        let is_known = |line: &Invocation| {
            let named = line.given("room").or(line.given("rooms"));
            live.iter().any(|it| named == Some(it.room.as_str()) && may(&it.room))
        };
        let asks = |line: &Invocation| line.verb.parameter("reason").is_none();
        let is_one_known = lines.iter().any(is_known);
        let is_one_asking = lines.iter().any(asks);
        // A hand-over of a room that is not known may be of another room than the one that was meant.
        lines.retain(|line| {
            let is_better = is_one_known || is_one_asking && line.verb.words.is_empty();
            is_known(line) || asks(line) || !is_better
        });
    }
    lines.truncate(MOST_LINES);
    UsageError { meant: lines, ..error }
}

/// The hand-over that was probably meant by one of a room that there is not: room and owner exchanged, if that is a
/// room that is known, or the nearest room.
pub(super) async fn transfer_meant(
    service: &CommandService,
    asked: &Transfer,
    reach: &EffectiveScope,
) -> Option<Transfer> {
    let known = known_rooms(service, reach).await;
    let exchanged = asked.new_owner.as_str().parse::<RoomId>().ok();
    let owner = AccountId::from_tencent(asked.room.to_string());
    if let Some(room) = exchanged.filter(|room| known.iter().flatten().any(|known| known == room))
        && service.accounts.check(&owner).is_ok()
    {
        return Some(Transfer { room, new_owner: owner, ..asked.clone() });
    }
    let room = known.iter().find_map(|rooms| nearest(&asked.room, rooms))?;
    Some(Transfer { room: room.clone(), ..asked.clone() })
}

/// The live room, or the one in the log, whose id differs from `room` by a letter or two. `None` if there is none, or if
/// the rooms cannot be read.
pub(super) async fn nearest_room(
    service: &CommandService,
    room: &RoomId,
    reach: &EffectiveScope,
) -> Option<RoomId> {
    known_rooms(service, reach).await.iter().find_map(|rooms| nearest(room, rooms)).cloned()
}

/// How long an answer waits for what is known of its rooms.
const PATIENCE: Duration = Duration::from_secs(1);

/// How many rooms of an answer are looked up.
const MOST_ROOMS: usize = 3;

/// Which rooms of an answer do not exist now. Empty if Tencent cannot say so soon: the answer stands without.
pub(super) async fn absent_rooms(
    service: &CommandService,
    answer: &AclAnswer,
    reach: &EffectiveScope,
) -> Vec<AbsentRoom> {
    let mut rooms = answer.rooms();
    rooms.dedup();
    rooms.truncate(MOST_ROOMS);
    if rooms.is_empty() {
        return Vec::new();
    }
    let looking = async {
        let live = service.live_rooms.get().await.ok()?;
        let mut absent = Vec::new();
        for room in rooms {
            let is_listed = live.iter().any(|summary| summary.room == *room);
            // A list need not name every room.
            if !is_listed && matches!(service.rooms.owner_of(room).await, Err(ReadError::NoRoom(_))) {
                let known: Vec<RoomId> = live
                    .iter()
                    .map(|summary| summary.room.clone())
                    .filter(|room| reach.covers(room))
                    .collect();
                absent.push(AbsentRoom { room: room.clone(), meant: nearest(room, &known).cloned() });
            }
        }
        Some(absent)
    };
    tokio::time::timeout(PATIENCE, looking).await.ok().flatten().unwrap_or_default()
}

/// The live rooms, and those in the log. Only rooms in reach: nobody learns of others.
async fn known_rooms(service: &CommandService, reach: &EffectiveScope) -> [Vec<RoomId>; 2] {
    let live = service.live_rooms.get().await.inspect_err(|error| {
        debug!(problem = error.refusal().info, "the live rooms cannot be listed");
    });
    let live = live.unwrap_or_default();
    let filter = AuditFilter {
        reach: Some(reach.clone()),
        without_readings: true,
        limit: Some(ENTRIES),
        ..AuditFilter::default()
    };
    let entries = service.store.audit(&filter).await.unwrap_or_default();
    // A room without a previous owner may be a mistyped id itself.
    let owned = entries.into_iter().filter(|entry| entry.previous_owner.is_some());
    let live = live.iter().map(|summary| summary.room.clone()).filter(|room| reach.covers(room));
    [live.collect(), owned.filter_map(|entry| entry.room).collect()]
}
