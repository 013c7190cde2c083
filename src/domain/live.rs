//! A live room as Tencent's list shows it.

use super::room::{AccountId, RoomId};

/// A room as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomSummary {
    /// Its id.
    pub room: RoomId,
    /// Its name.
    pub name: String,
    /// Who owns it.
    pub owner: AccountId,
    /// How many watch it, if Tencent says so.
    pub viewers: Option<u64>,
}

impl RoomSummary {
    /// What helps to choose it from a list: its owner, its viewers, its name if it is another than its id.
    pub fn details(&self) -> String {
        let name = if self.name == self.room.as_str() { String::new() } else { format!(" · {}", self.name) };
        let viewers = match self.viewers {
            Some(1) => " · 1 viewer".to_owned(),
            Some(viewers) => format!(" · {viewers} viewers"),
            None => String::new(),
        };
        match self.owner.as_str() {
            "" => format!("no owner{viewers}{name}"),
            owner => format!("owner {owner}{viewers}{name}"),
        }
    }
}
