//! The APIs: what an order does to the rooms, and how a fault gets in the way.

use std::mem;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::Simulator;
use super::fault::{Fault, FaultKind, When};
use super::gateway::{self, Arrival};
use super::order::Order;
use super::reply::{self, Answer, Refusal, Shape};
use super::settings::SameOwner;
use super::state::{Call, Callback, OwnerChange, Room, StaleOwner, State};

type Outcome = Result<Option<Value>, Refusal>;

/// Answers one call, from its arrival to the last byte it is worth.
pub(super) async fn answer(simulator: &Simulator, arrival: Arrival, stop: CancellationToken) -> Answer {
    let now = simulator.now();
    let call = record(simulator, &arrival);
    let _under_way = UnderWay { simulator, call: &call };
    let order = match gateway::admit(simulator, &arrival, now)
        .and_then(|()| Order::parse(arrival.api, &arrival.body))
    {
        Ok(order) => order,
        Err(refusal) => return tell(simulator, &call, &Err(refusal), Shape::Plain),
    };
    let fault = simulator.write(|state| state.take_fault(arrival.api, order.room()));
    match fault {
        None => tell(simulator, &call, &carry_out(simulator, &call, &order, 0), Shape::Plain),
        Some(fault) => {
            tracing::info!(request_id = call.request_id, ?fault, "a fault strikes");
            strike(simulator, &call, order, fault, stop).await
        }
    }
}

fn record(simulator: &Simulator, arrival: &Arrival) -> Call {
    let body: Value = serde_json::from_slice(&arrival.body).unwrap_or_default();
    let text = |name| body.get(name).and_then(Value::as_str).map(str::to_owned);
    let (room, new_owner) = (text("RoomId"), text("NewOwner_Account"));
    let (seed, now) = (simulator.settings().seed, simulator.now());
    simulator.write(|state| state.arrive(seed, arrival.api, room, new_owner, now))
}

/// Ends the call's time under way, even if its task is dropped in the middle.
struct UnderWay<'a> {
    simulator: &'a Simulator,
    call: &'a Call,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.simulator.write(|state| state.leave(self.call));
    }
}

async fn strike(
    simulator: &Simulator,
    call: &Call,
    order: Order,
    fault: Fault,
    stop: CancellationToken,
) -> Answer {
    let carry_out = |stale_reads| carry_out(simulator, call, &order, stale_reads);
    let shaped = |shape| tell(simulator, call, &carry_out(0), shape);
    let carry_out_if = |condition| {
        if condition {
            // Whatever the result, the caller does not learn it.
            let _unseen = carry_out(0);
        }
    };
    match fault.kind {
        FaultKind::Code { code, info } => tell(simulator, call, &Err(Refusal { code, info }), Shape::Plain),
        FaultKind::Http { status, body, when } => {
            carry_out_if(when == When::After);
            Answer::Reply(reply::page(status, body))
        }
        FaultKind::Garbage { when } => {
            carry_out_if(when == When::After);
            Answer::Reply(reply::garbage())
        }
        FaultKind::ResetBefore => Answer::Hangup,
        FaultKind::ResetAfter => {
            carry_out_if(true);
            Answer::Hangup
        }
        FaultKind::Stall { when: When::Before, millis } => {
            stop.run_until_cancelled(sleep(Duration::from_millis(millis))).await;
            shaped(Shape::Plain)
        }
        FaultKind::Stall { when: When::After, millis } => {
            let outcome = carry_out(0);
            stop.run_until_cancelled(sleep(Duration::from_millis(millis))).await;
            tell(simulator, call, &outcome, Shape::Plain)
        }
        FaultKind::Truncated => shaped(Shape::Truncated),
        FaultKind::MissingRequestId => shaped(Shape::MissingRequestId),
        FaultKind::MissingErrorCode => shaped(Shape::MissingErrorCode),
        FaultKind::ShuffledKeys => shaped(Shape::ShuffledKeys),
        FaultKind::NumericOwner => shaped(Shape::NumericOwner),
        FaultKind::ZeroCodeButFail => tell(simulator, call, &Ok(None), Shape::ZeroCodeButFail),
        FaultKind::StaleRead { reads } => tell(simulator, call, &carry_out(reads), Shape::Plain),
        FaultKind::LateApply { millis } => {
            let (simulator, call) = (simulator.clone(), call.clone());
            tokio::spawn(async move {
                if stop.run_until_cancelled(sleep(Duration::from_millis(millis))).await.is_some() {
                    let _unseen = self::carry_out(&simulator, &call, &order, 0);
                }
            });
            Answer::Hangup
        }
    }
}

fn tell(simulator: &Simulator, call: &Call, outcome: &Outcome, shape: Shape) -> Answer {
    let code = outcome.as_ref().map_or_else(|refusal| refusal.code, |_| 0);
    tracing::debug!(request_id = call.request_id, api = %call.api, room = call.room, code, "answered");
    if shape.tells_the_code() {
        simulator.write(|state| {
            if let Some(call) = state.call_mut(call.number) {
                call.code = Some(code);
            }
        });
    }
    Answer::Reply(reply::reply(&call.request_id, outcome, shape))
}

/// Steps 7 and 8: does what was ordered, in one go as far as anybody else can see.
fn carry_out(simulator: &Simulator, call: &Call, order: &Order, stale_reads: u32) -> Outcome {
    match order {
        Order::ChangeOwner { room, new_owner } => {
            change_owner(simulator, call, room, new_owner, stale_reads)?;
            Ok(None)
        }
        Order::RoomInfo { room } => simulator.write(|state| {
            let shown = live_room(state, room)?;
            let mut info = room_info(shown);
            if let Some(owner) = state.stale_owner(room) {
                info["Owner_Account"] = json!(owner);
            }
            Ok(Some(json!({ "RoomInfo": info })))
        }),
        Order::RoomList { skip, count } => Ok(Some(room_list(simulator, *skip, *count))),
        Order::ReadCallback => simulator.read(|state| match &state.callback {
            Some(Callback { url, commands }) => {
                Ok(Some(json!({ "Url": url.as_str(), "CallbackCommandList": commands })))
            }
            None => Err(not_configured("callback")),
        }),
        Order::WriteCallback { url, commands, must_exist } => simulator.write(|state| {
            if *must_exist && state.callback.is_none() {
                return Err(not_configured("callback"));
            }
            state.callback = Some(Callback { url: url.clone(), commands: commands.clone() });
            Ok(None)
        }),
        Order::ReadToken => simulator.read(|state| match &state.callback_token {
            // The names of the fields are inferred from those of the request that sets them.
            Some((token, enabled)) => {
                Ok(Some(json!({ "Token": token.expose_secret(), "IsTokenEnable": enabled })))
            }
            None => Err(not_configured("token")),
        }),
        Order::WriteToken { token, enable } => simulator.write(|state| {
            let (known, was_enabled) = state.callback_token.clone().unzip();
            match (token.clone().map(SecretString::from).or(known), enable.or(was_enabled)) {
                (Some(token), Some(enabled)) => {
                    state.callback_token = Some((token, enabled));
                    Ok(None)
                }
                // Both are required the first time (documented).
                _ => Err(Refusal::new(
                    100002,
                    "`Token` or `IsTokenEnable` is missing: give both the first time",
                )),
            }
        }),
    }
}

fn not_configured(what: &str) -> Refusal {
    Refusal::new(100301, format!("no {what} is configured: set one first"))
}

fn change_owner(
    simulator: &Simulator,
    call: &Call,
    room: &str,
    new_owner: &str,
    stale_reads: u32,
) -> Result<(), Refusal> {
    let settings = simulator.settings();
    let at = simulator.now();
    let announced = simulator.write(|state| {
        let shown = live_room(state, room)?;
        if settings.imported.as_ref().is_some_and(|imported| !imported.contains(new_owner)) {
            let info = format!("account `{new_owner}` is not imported: import it first");
            return Err(Refusal::new(settings.not_imported_code, info));
        }
        if shown.banned.contains(new_owner) {
            let info = format!("`{new_owner}` is banned from the room: unban it first");
            return Err(Refusal::new(100016, info));
        }
        let change = OwnerChange {
            room: room.to_owned(),
            from: shown.owner.clone(),
            to: new_owner.to_owned(),
            operator: settings.admin.clone(),
            at,
            request_id: call.request_id.clone(),
        };
        if change.from == change.to {
            return match settings.same_owner {
                SameOwner::Succeed => Ok(None),
                SameOwner::SucceedAndAnnounce => Ok(Some(change)),
                SameOwner::Refuse(code) => {
                    Err(Refusal::new(code, format!("`{new_owner}` owns the room already: nothing to do")))
                }
            };
        }
        apply(state, call, change.clone(), stale_reads);
        Ok(Some(change))
    })?;
    if let Some(change) = announced {
        simulator.announce(change);
    }
    Ok(())
}

fn apply(state: &mut State, call: &Call, change: OwnerChange, stale_reads: u32) {
    if let Some(room) = state.rooms.get_mut(&change.room) {
        let previous = mem::replace(&mut room.owner, change.to.clone());
        // A read that lags behind shows one state too few, so a new change replaces the lag of the last one.
        state.stale.insert(change.room.clone(), StaleOwner { owner: previous, reads: stale_reads });
    }
    if let Some(call) = state.call_mut(call.number) {
        call.applied = true;
    }
    state.note_change(change);
}

fn live_room<'a>(state: &'a State, id: &str) -> Result<&'a Room, Refusal> {
    let room = state.rooms.get(id).ok_or_else(|| {
        Refusal::new(100004, format!("room `{id}` does not exist or has been dissolved: check the id"))
    })?;
    if !room.is_live() {
        let info = format!("room `{id}` is of type `{}`: only `Live` rooms are served here", room.room_type);
        return Err(Refusal::new(100006, info));
    }
    Ok(room)
}

/// All documented fields (trtc.io/document/63404); those that the simulator does not keep are constant.
fn room_info(room: &Room) -> Value {
    json!({
        "RoomId": room.id,
        "RoomName": room.name,
        "RoomType": room.room_type,
        "Owner_Account": room.owner,
        "CreateTime": room.created_at.as_second(),
        "IsSeatEnabled": false,
        "TakeSeatMode": "FreeToTake",
        "MaxSeatCount": 8,
        "MaxMemberCount": 1000,
        "IsMessageDisabled": false,
        "CoverURL": "",
        "Category": [],
        "ActivityStatus": 0,
        "ViewCount": room.views,
        "IsPublicVisible": room.public,
    })
}

/// The fields documented for a list (trtc.io/document/63405). That other types than `Live` are left out is inferred.
fn room_list(simulator: &Simulator, skip: usize, count: usize) -> Value {
    let now = simulator.now();
    simulator.read(|state| {
        let mut rooms: Vec<_> = state.rooms.values().filter(|room| room.public && room.is_live()).collect();
        // The sort is stable, so rooms with the same views stay in the order of their ids.
        rooms.sort_by_key(|room| std::cmp::Reverse(room.views));
        let end = skip.saturating_add(count);
        let next = if end < rooms.len() { format!("{}-{end}", now.as_second()) } else { String::new() };
        let items: Vec<_> = rooms
            .into_iter()
            .skip(skip)
            .take(count)
            .map(|room| {
                json!({
                    "RoomId": room.id,
                    "RoomName": room.name,
                    "Owner_Account": room.owner,
                    "CoverURL": "",
                    "Category": [],
                    "CreateTime": room.created_at.as_second(),
                    "ActivityStatus": 0,
                    "ViewCount": room.views,
                })
            })
            .collect();
        json!({ "Next": next, "RoomList": items })
    })
}
