//! The sentences about who may do what.

use crate::domain::access::{Attention, Effect, Role, RoomScope};
use crate::web::kinds::{Change, Part};

/// A short text of these pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::web) enum AccessLabel {
    /// The parts of the ACL.
    Parts,
    /// To explain somebody's rights.
    Why,
    /// To name those who can hand a room over.
    WhoCan,
    /// The person or group whose entries are shown.
    Person,
    /// The changes that can be made here.
    Changes,
    /// The number of a grant.
    Number,
    /// Whom an entry names.
    Who,
    /// The role.
    Role,
    /// The rooms.
    Rooms,
    /// The channels.
    Channels,
    /// The channel.
    Channel,
    /// Until when.
    Until,
    /// Who made the entry.
    MadeBy,
    /// What else there is to know.
    Note,
    /// The account.
    Account,
    /// The mark.
    Mark,
    /// The grant that is the authority.
    Grant,
    /// What can be done about an entry.
    Action,
    /// To take a grant back.
    Revoke,
    /// To authorise a channel no more.
    Remove,
    /// To announce nothing more in a channel.
    Stop,
    /// To forget an account.
    Unlink,
    /// To take a mark away.
    Unmark,
    /// Every channel.
    EveryChannel,
    /// Without end.
    NoEnd,
    /// That it was taken back.
    TakenBack,
    /// That admins read it.
    AdminsRead,
    /// The requests for access that wait.
    Waiting,
    /// That none waits.
    NobodyWaits,
    /// When the request was made.
    AskedAt,
    /// Until when it can be answered.
    AnswerBy,
    /// To give it for an hour.
    OneHour,
    /// To give it for eight hours.
    EightHours,
    /// To refuse it.
    No,
    /// For another length of time.
    OtherLength,
    /// To give it so long.
    Give,
    /// The entries to look at.
    ToLookAt,
    /// To see what a change would do.
    PlanIt,
    /// That nothing is changed before the plan was seen.
    PlanLead,
    /// The plan.
    Plan,
    /// In front of what is added.
    Added,
    /// In front of what is taken away.
    Taken,
    /// That the plan gives the visitor something.
    ForOneself,
    /// That the ACL changed since the plan was made.
    Stale,
    /// Why the change is made.
    Reason,
    /// To make the change.
    Apply,
    /// To plan something else.
    PlanAgain,
    /// What the answer to `why` is about.
    WhyLead,
    /// What the answer to `who-can` is about.
    WhoCanLead,
    /// That nobody can hand the room over.
    NobodyCan,
    /// That deny entries for groups may take it from some.
    BesideGroups,
}

/// The sentences in one language.
pub(in crate::web) trait AccessWords {
    /// A short text.
    fn access(&self, label: AccessLabel) -> &'static str;
    /// A part of the ACL.
    fn part(&self, part: Part) -> &'static str;
    /// That a part is empty, and what to do; whether only what names one person was asked for.
    fn nothing_in(&self, part: Part, of_one: bool) -> &'static str;
    /// What a form changes: its heading, and the link to it.
    fn change(&self, change: Change) -> &'static str;
    /// A field by its name; a test holds that each has one.
    fn field_of_access(&self, name: &str) -> Option<&'static str>;
    /// A word that a field takes.
    fn choice_of_access(&self, word: &'static str) -> &'static str;
    /// A role that is given or denied.
    fn role(&self, role: Role, effect: Effect) -> String;
    /// Which rooms an entry is for, if that is no scope to be quoted.
    fn every_room(&self, rooms: &RoomScope) -> Option<&'static str>;
    /// Why somebody should look at a grant.
    fn attention(&self, why: Attention) -> String;
    /// How many ended entries are not shown.
    fn ended_grants(&self, left_out: usize) -> String;
    /// Where one is among the pages.
    fn page_of(&self, page: u32, pages: u32) -> String;
}
