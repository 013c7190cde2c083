//! Hand-overs that wait for a confirmation or a second person.

use super::Web;
use super::address::address;
use super::answer::{Pressable, pressable};
use super::visitor::Visitor;
use crate::app::commands::console::reach;
use crate::app::ports::StoreError;
use crate::domain::access::Action;
use crate::domain::press::{Asks, Button};
use crate::domain::room::{RoomId, visible};
use crate::page::{Pen, When};

/// What an operation waits for.
pub(super) struct Waits {
    pub(super) what: &'static str,
    pub(super) until: When,
}

impl Waits {
    /// What the operation with these buttons waits for, if it does.
    pub(super) fn of(visitor: &Visitor, buttons: &[Button]) -> Option<Self> {
        buttons.iter().find_map(|button| match &button.offer.asks {
            Asks::Line { approval: Some(approval), .. } => Some(Self {
                what: visitor.said.waits(approval.gives),
                until: Pen::new(visitor.said.page(), None).when(button.offer.lapses_at),
            }),
            _ => None,
        })
    }
}

/// A hand-over that waits.
pub(super) struct Waiting {
    pub(super) number: i64,
    /// Whether the reader may see the operation.
    pub(super) is_open: bool,
    pub(super) room: String,
    pub(super) room_at: Option<String>,
    pub(super) to: String,
    /// Who asked: the name, and the id.
    pub(super) name: String,
    pub(super) id: String,
    pub(super) waits: Waits,
    pub(super) buttons: Vec<Pressable>,
}

/// Those that wait, as far as the visitor may see their rooms; of one room alone if it is named.
///
/// # Errors
/// When the store cannot be read.
pub(super) async fn waiting(
    web: &Web,
    visitor: &Visitor,
    only: Option<&RoomId>,
) -> Result<Vec<Waiting>, StoreError> {
    let (may, now) = (visitor.rights(web).await?, web.service.clock().now());
    let log = reach(&web.service, &visitor.principal(web), &visitor.session.place).await?;
    let buttons = web.console.sessions.waiting(now).await?;
    let mut found = Vec::new();
    for buttons in buttons.chunk_by(|one, next| one.of == next.of) {
        let (Some(waits), Some(entry)) =
            (Waits::of(visitor, buttons), web.service.store().operation(buttons[0].of).await?)
        else {
            continue;
        };
        let Some(room) = entry.room.filter(|room| only.is_none_or(|only| only == room)) else { continue };
        if !may(Action::ShowOwner(room.clone())) {
            continue;
        }
        found.push(Waiting {
            number: entry.operation.seq(),
            is_open: log.as_ref().is_some_and(|reach| reach.covers(&room)),
            room_at: address(&room),
            room: visible(room.as_str()),
            to: visible(entry.new_owner.as_deref().unwrap_or_default()),
            name: visible(entry.actor_name.as_deref().unwrap_or_default()),
            id: entry.actor.as_ref().map(ToString::to_string).unwrap_or_default(),
            waits,
            buttons: pressable(web, visitor, buttons).await?,
        });
    }
    Ok(found)
}
