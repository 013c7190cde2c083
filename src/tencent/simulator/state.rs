//! The world the simulator keeps: rooms, faults in waiting, the calls that came, and the rates.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use jiff::{SignedDuration, Timestamp};
use reqwest::Url;
use secrecy::SecretString;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::fault::Fault;
use super::order::Api;
use super::settings::Settings;

/// A room. What is not here is answered with a fixed value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Room {
    /// RoomId: at most 48 bytes of printable ASCII.
    pub id: String,
    /// RoomName; the id by default, as at Tencent.
    pub name: String,
    /// Owner_Account.
    pub owner: String,
    /// RoomType: `Live`, or another, whose rooms these APIs refuse with 100006.
    #[serde(rename = "type")]
    pub room_type: String,
    /// CreateTime, answered in whole seconds.
    pub created_at: Timestamp,
    /// IsPublicVisible: whether `get_room_list` shows it.
    pub public: bool,
    /// ViewCount, by which `get_room_list` sorts, the largest first.
    pub views: u64,
    /// Accounts that may not enter the room, nor be given it (100016).
    pub banned: BTreeSet<String>,
}

impl Room {
    /// A public room of type `Live`.
    pub fn new(id: impl Into<String>, owner: impl Into<String>, created_at: Timestamp) -> Self {
        let id = id.into();
        Self {
            name: id.clone(),
            id,
            owner: owner.into(),
            room_type: Self::LIVE.to_owned(),
            created_at,
            public: true,
            views: 0,
            banned: BTreeSet::new(),
        }
    }

    pub(super) const LIVE: &str = "Live";

    pub(super) fn is_live(&self) -> bool {
        self.room_type == Self::LIVE
    }
}

/// A call to one of the simulated APIs, whatever its result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Call {
    /// Counts all requests from 1 in the order of arrival; it is the number at the end of the RequestId.
    pub number: u64,
    /// The API called.
    pub api: Api,
    /// The RoomId in the body, if there is one, valid or not.
    pub room: Option<String>,
    /// The NewOwner_Account in the body, if there is one, valid or not.
    pub new_owner: Option<String>,
    /// When it arrived.
    pub at: Timestamp,
    /// Whether it has changed the room's owner; a late commit turns it on afterwards.
    pub applied: bool,
    /// The ErrorCode the caller was sent. `None` while the call is under way, and when none was sent.
    pub code: Option<i64>,
    /// The RequestId made for it, whether or not the caller was sent it.
    pub request_id: String,
}

/// A change of owner that an API call made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OwnerChange {
    /// RoomId.
    pub room: String,
    /// The owner before.
    pub from: String,
    /// The owner since.
    pub to: String,
    /// The admin identifier that called.
    pub operator: String,
    /// When it took effect.
    pub at: Timestamp,
    /// The RequestId of the call that made it.
    pub request_id: String,
}

/// A limit of so many events within any stretch of time of one length.
///
/// Refused events do not count, so that a caller who slows down gets through again. Tencent's own algorithm
/// is not documented.
pub(super) struct Window {
    limit: usize,
    length: SignedDuration,
    seen: VecDeque<Timestamp>,
}

impl Window {
    pub(super) fn new(limit: u32, length: SignedDuration) -> Self {
        Self { limit: usize::try_from(limit).unwrap_or(usize::MAX), length, seen: VecDeque::new() }
    }

    /// Counts an event if there is room for it, and says whether there was.
    pub(super) fn admit(&mut self, now: Timestamp) -> bool {
        while self.seen.front().is_some_and(|seen| now.duration_since(*seen) >= self.length) {
            self.seen.pop_front();
        }
        let admitted = self.seen.len() < self.limit;
        if admitted {
            self.seen.push_back(now);
        }
        admitted
    }

    fn clear(&mut self) {
        self.seen.clear();
    }
}

/// The configuration of callbacks: an application has one address for all of them (documented).
#[derive(Clone)]
pub(super) struct Callback {
    pub(super) url: Url,
    pub(super) commands: Vec<String>,
}

/// What `get_room_info` goes on answering for a while.
pub(super) struct StaleOwner {
    pub(super) owner: String,
    pub(super) reads: u32,
}

#[derive(Default)]
struct UnderWay {
    now: u32,
    most: u32,
}

pub(super) struct State {
    /// The last UserSig that was found to be genuine, of whom, and in which second.
    pub(super) genuine: Option<(String, String, i64)>,
    remembered: usize,
    pub(super) rooms: BTreeMap<String, Room>,
    pub(super) stale: HashMap<String, StaleOwner>,
    pub(super) faults: Vec<Fault>,
    pub(super) calls: VecDeque<Call>,
    pub(super) owner_changes: VecDeque<OwnerChange>,
    /// Where callbacks go, and which.
    pub(super) callback: Option<Callback>,
    /// What they are signed with, and whether they are.
    pub(super) callback_token: Option<(SecretString, bool)>,
    changes_under_way: HashMap<String, UnderWay>,
    pub(super) arrived: u64,
    change_rate: Window,
    info_rate: Window,
    list_rate: Window,
    config_rate: Window,
    app_rate: Option<Window>,
    signature_failures: Window,
    locked_since: Option<Timestamp>,
}

const SECOND: SignedDuration = SignedDuration::from_secs(1);
const MINUTE: SignedDuration = SignedDuration::from_secs(60);

impl State {
    pub(super) fn new(settings: &Settings) -> Self {
        // The failure that reaches the limit is the one that locks, hence one less in the window.
        let failures = settings.signature_failures_per_minute.saturating_sub(1);
        Self {
            rooms: BTreeMap::new(),
            stale: HashMap::new(),
            faults: Vec::new(),
            calls: VecDeque::new(),
            owner_changes: VecDeque::new(),
            callback: settings.webhook.as_ref().map(|webhook| Callback {
                url: webhook.url.clone(),
                commands: vec![crate::tencent::callbacks::CHANGE_OF_OWNER.to_owned()],
            }),
            callback_token: settings
                .webhook
                .as_ref()
                .and_then(|webhook| webhook.token.clone())
                .map(|token| (token, true)),
            changes_under_way: HashMap::new(),
            arrived: 0,
            change_rate: Window::new(settings.rate_limit_per_second, SECOND),
            info_rate: Window::new(settings.rate_limit_per_second, SECOND),
            config_rate: Window::new(settings.rate_limit_per_second, SECOND),
            list_rate: Window::new(settings.list_rate_limit_per_second, SECOND),
            app_rate: settings.app_rate_limit_per_second.map(|limit| Window::new(limit, SECOND)),
            signature_failures: Window::new(failures, MINUTE),
            locked_since: None,
            genuine: None,
            remembered: settings.remembered,
        }
    }

    pub(super) fn next_request_id(&mut self, seed: u64) -> String {
        self.arrived += 1;
        request_id(seed, self.arrived)
    }

    /// Puts a call on record and gives it its RequestId.
    pub(super) fn arrive(
        &mut self,
        seed: u64,
        api: Api,
        room: Option<String>,
        new_owner: Option<String>,
        at: Timestamp,
    ) -> Call {
        let request_id = self.next_request_id(seed);
        let number = self.arrived;
        let call = Call { number, api, room, new_owner, at, applied: false, code: None, request_id };
        if api == Api::ChangeRoomOwner
            && let Some(room) = &call.room
        {
            let under_way = self.changes_under_way.entry(room.clone()).or_default();
            under_way.now += 1;
            under_way.most = under_way.most.max(under_way.now);
        }
        remember(&mut self.calls, self.remembered, call.clone());
        call
    }

    /// Notes that nothing more happens to a call's connection.
    pub(super) fn leave(&mut self, call: &Call) {
        let Some(room) = call.room.as_ref().filter(|_| call.api == Api::ChangeRoomOwner) else { return };
        if let Some(under_way) = self.changes_under_way.get_mut(room) {
            under_way.now = under_way.now.saturating_sub(1);
            // Made-up room names must not pile up.
            if under_way.now == 0 && under_way.most == 1 && !self.rooms.contains_key(room) {
                self.changes_under_way.remove(room);
            }
        }
    }

    pub(super) fn most_changes_under_way(&self, room: &str) -> u32 {
        self.changes_under_way.get(room).map_or(0, |under_way| under_way.most)
    }

    pub(super) fn call_mut(&mut self, number: u64) -> Option<&mut Call> {
        self.calls.iter_mut().rev().find(|call| call.number == number)
    }

    pub(super) fn note_change(&mut self, change: OwnerChange) {
        remember(&mut self.owner_changes, self.remembered, change);
    }

    /// The fault that strikes this call, counted as used.
    pub(super) fn take_fault(&mut self, api: Api, room: Option<&str>) -> Option<Fault> {
        let index = self.faults.iter().position(|fault| fault.strikes(api, room))?;
        let fault = &mut self.faults[index];
        if let Some(times) = &mut fault.times {
            *times = times.saturating_sub(1);
            if *times == 0 {
                return Some(self.faults.remove(index));
            }
        }
        Some(fault.clone())
    }

    /// The previous owner, if this read is one that must not see the change yet.
    pub(super) fn stale_owner(&mut self, room: &str) -> Option<String> {
        let stale = self.stale.get_mut(room)?;
        if stale.reads == 0 {
            self.stale.remove(room);
            return None;
        }
        stale.reads -= 1;
        Some(stale.owner.clone())
    }

    pub(super) fn app_rate_admits(&mut self, now: Timestamp) -> bool {
        self.app_rate.as_mut().is_none_or(|rate| rate.admit(now))
    }

    pub(super) fn api_rate_admits(&mut self, api: Api, now: Timestamp) -> bool {
        match api {
            Api::ChangeRoomOwner => self.change_rate.admit(now),
            Api::GetRoomInfo => self.info_rate.admit(now),
            Api::GetRoomList => self.list_rate.admit(now),
            Api::GetCallback
            | Api::SetCallback
            | Api::UpdateCallback
            | Api::GetCallbackToken
            | Api::SetCallbackToken => self.config_rate.admit(now),
        }
    }

    pub(super) fn is_locked(&mut self, now: Timestamp) -> bool {
        self.locked_since = self.locked_since.filter(|since| now.duration_since(*since) < MINUTE);
        self.locked_since.is_some()
    }

    pub(super) fn signature_failed(&mut self, now: Timestamp) {
        if !self.signature_failures.admit(now) {
            self.signature_failures.clear();
            self.locked_since = Some(now);
        }
    }
}

fn remember<T>(log: &mut VecDeque<T>, most: usize, entry: T) {
    log.push_back(entry);
    if log.len() > most {
        log.pop_front();
    }
}

/// In the shape of every sample on Tencent's pages: `Id-<32 hex digits>-O-Seq-<number>`.
fn request_id(seed: u64, number: u64) -> String {
    // A hash and not a generator of random numbers: those may change with the version of their crate.
    let digest = Sha256::digest(format!("{seed}/{number}"));
    format!("Id-{}-O-Seq-{number}", hex::encode(&digest[..16]))
}
