//! `/room-acl announce here`: what it leaves out.

use crate::app::ports::StoreError;
use crate::app::service::CommandService;
use crate::domain::access::{EffectiveScope, RoomScope, is_open};
use crate::domain::command::{CommandGroup, Edit, Invocation, Place, Problem, UsageError};
use crate::domain::principal::Channel;

/// The edit with its channel and its rooms: if none are named, those that the channel is authorised for, as far as
/// they are the admin's; or what is wrong with that.
pub(super) async fn completed(
    service: &CommandService,
    place: &Place,
    reach: &EffectiveScope,
    (channel, rooms, for_admins): (&Option<Channel>, &Option<RoomScope>, bool),
) -> Result<Result<Edit, UsageError>, StoreError> {
    let named = place.or_here(channel.as_ref());
    let channel = named.ok_or_else(|| StoreError("no channel is named".to_owned()))?;
    let rooms = match rooms {
        Some(rooms) => rooms.clone(),
        None => match usual_rooms(service, reach, &channel).await?.as_slice() {
            [only] => only.clone(),
            several => return Ok(Err(which_rooms(&channel, several))),
        },
    };
    Ok(Ok(Edit::Announce(Some(channel), Some(rooms), for_admins)))
}

async fn usual_rooms(
    service: &CommandService,
    reach: &EffectiveScope,
    channel: &Channel,
) -> Result<Vec<RoomScope>, StoreError> {
    let now = service.clock.now();
    let entries = service.store.channels().await?;
    let authorised = entries.into_iter().find(|entry| entry.channel == *channel && is_open(entry, now));
    let authorised = authorised.map_or(RoomScope::All, |entry| entry.rooms);
    Ok(reach.scopes_within(&authorised))
}

fn which_rooms(channel: &Channel, several: &[RoomScope]) -> UsageError {
    let line = Invocation::named(CommandGroup::Acl, &["announce", "here"]).with("channel", channel);
    let problem =
        Problem::Invalid("say which rooms: `rooms:` is left out, and yours are not one scope".to_owned());
    let meant = several.iter().map(|rooms| line.clone().with("rooms", rooms)).collect();
    UsageError { meant, ..UsageError::of(line.verb, problem) }
}
