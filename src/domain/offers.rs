//! Which buttons a reply has.

use jiff::{SignedDuration, Timestamp};

use super::audit::Outcome;
use super::command::{CommandGroup, Invocation, quoted};
use super::press::{Asks, Offer};
use super::principal::{Channel, Subject};
use super::reply::{OwnerAnswer, Reply};
use super::room::{AccountId, RoomId};
use super::wording::rooms::undo_line;

/// How long a hand-over can be undone by a button, from its outcome on.
pub const UNDO_FOR: SignedDuration = SignedDuration::from_mins(30);
/// How long a corrected line can be pressed.
pub const CORRECTED_FOR: SignedDuration = SignedDuration::from_mins(5);

/// The button that undoes a hand-over which was carried out. Everybody may press it who may hand over the room.
#[must_use]
pub fn undo(room: &RoomId, new_owner: &AccountId, outcome: &Outcome, now: Timestamp) -> Option<Offer> {
    match outcome {
        Outcome::Succeeded { previous: Some(previous), .. }
        | Outcome::ConfirmedByCallback { previous: Some(previous), owner_now: None, .. } => {
            undo_to(room, new_owner, previous, now)
        }
        _ => None,
    }
}

fn undo_to(room: &RoomId, new_owner: &AccountId, previous: &AccountId, now: Timestamp) -> Option<Offer> {
    let lapses_at = now.checked_add(UNDO_FOR).ok()?;
    Some(Offer::line("Undo".to_owned(), &undo_line(room, previous)?, lapses_at)?.expecting(new_owner))
}

/// The buttons under a reply to `asker` in a channel, apart from the one that undoes what was just done.
#[must_use]
pub fn offers(reply: &Reply, asker: &Subject, channel: &Channel, now: Timestamp) -> Vec<Offer> {
    let (Some(line), Ok(lapses_at)) = (likely(reply), now.checked_add(CORRECTED_FOR)) else {
        return last_undo(reply, now).into_iter().collect();
    };
    let corrected = Offer::line(label(&line), &line, lapses_at);
    let Some(corrected) = corrected.filter(|offer| offer.asks.command(channel).is_ok()) else {
        return Vec::new();
    };
    let for_whom = Some(asker.clone());
    let cancel =
        Offer { label: "Cancel".to_owned(), asks: Asks::Cancel, for_whom: for_whom.clone(), lapses_at };
    vec![Offer { for_whom, ..corrected }, cancel]
}

/// The one line that was probably meant by a request that was refused.
fn likely(reply: &Reply) -> Option<Invocation> {
    match reply {
        Reply::Invalid { error, .. } => match error.meant.as_slice() {
            [line] => Some(line.clone()),
            _ => None,
        },
        Reply::Transfer { meant: Some(meant), .. } => Some(meant.written(meant.new_owner.as_str())),
        Reply::Owner { meant: Some(room), .. } => {
            Some(Invocation::named(CommandGroup::Owner, &[]).with("room", room))
        }
        _ => None,
    }
}

/// The caller's last hand-over can be undone, as long as nobody changed the room since.
fn last_undo(reply: &Reply, now: Timestamp) -> Option<Offer> {
    let Reply::Rooms { answer, .. } = reply else { return None };
    let OwnerAnswer::Last(Some(last)) = &**answer else { return None };
    let account = |id: &String| AccountId::from_tencent(id.clone());
    let previous = last.entry.previous_owner.as_ref().filter(|_| last.later.is_none())?;
    let new_owner = last.entry.new_owner.as_ref()?;
    undo_to(last.entry.room.as_ref()?, &account(new_owner), &account(previous), now)
}

/// What a line does, in few words: of a hand-over, what it hands to whom; of anything else, the line.
fn label(line: &Invocation) -> String {
    match (line.verb.words, line.given("room"), line.given("new_owner"), line.given("override")) {
        ([], Some(room), Some(owner), None) => format!("Hand {} to {}", quoted(room), quoted(owner)),
        ([], Some(room), None, None) => format!("Show who owns {}", quoted(room)),
        _ => format!("/{} {}", line.verb.family.name(), line.as_typed()),
    }
}
