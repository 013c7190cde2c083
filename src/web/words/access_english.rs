//! Who may do what, in English.

use super::access::{AccessLabel, AccessWords};
use super::english::English;
use super::seconds;
use crate::domain::access::{Attention, Effect, Role, RoomScope};
use crate::web::kinds::{Change, Part};

impl AccessWords for English {
    fn access(&self, label: AccessLabel) -> &'static str {
        match label {
            AccessLabel::Parts => "Parts of the ACL",
            AccessLabel::Why => "Why?",
            AccessLabel::WhoCan => "Who can?",
            AccessLabel::Person => "Person, group or role: slack:T…:U…, discord:…",
            AccessLabel::Changes => "Changes",
            AccessLabel::Number => "No.",
            AccessLabel::Who => "Who",
            AccessLabel::Role => "Role",
            AccessLabel::Rooms => "Rooms",
            AccessLabel::Channels => "Channels",
            AccessLabel::Channel => "Channel",
            AccessLabel::Until => "Until",
            AccessLabel::MadeBy => "By",
            AccessLabel::Note => "Note",
            AccessLabel::Account => "Account",
            AccessLabel::Mark => "A hand-over needs",
            AccessLabel::Grant => "By grant",
            AccessLabel::Action => "Action",
            AccessLabel::Revoke => "Revoke",
            AccessLabel::Remove => "Remove",
            AccessLabel::Stop => "Stop",
            AccessLabel::Unlink => "Unlink",
            AccessLabel::Unmark => "Unmark",
            AccessLabel::EveryChannel => "every authorised one",
            AccessLabel::NoEnd => "no end",
            AccessLabel::TakenBack => "revoked",
            AccessLabel::AdminsRead => "admins read it",
            AccessLabel::Waiting => "Requests for access",
            AccessLabel::NobodyWaits => "Nobody is waiting for an answer.",
            AccessLabel::AskedAt => "Asked",
            AccessLabel::AnswerBy => "Answer until",
            AccessLabel::OneHour => "Give 1 h",
            AccessLabel::EightHours => "Give 8 h",
            AccessLabel::No => "Refuse",
            AccessLabel::OtherLength => "Another length: 30m, 7d",
            AccessLabel::Give => "Give",
            AccessLabel::ToLookAt => "Grants to look at",
            AccessLabel::PlanIt => "Show what would change",
            AccessLabel::PlanLead => "Nothing is changed yet: the next page shows who gains and who loses.",
            AccessLabel::Plan => "What would change",
            AccessLabel::Added => "Added:",
            AccessLabel::Taken => "Taken away:",
            AccessLabel::ForOneself => "You give this to yourself: the audit log marks it.",
            AccessLabel::Stale => {
                "Nothing was changed: the ACL changed after this plan was made. Read the new plan, then apply it."
            }
            AccessLabel::Reason => "Why (for the audit log)",
            AccessLabel::Apply => "Apply",
            AccessLabel::PlanAgain => "Change the plan",
            AccessLabel::WhyLead => {
                "Whether somebody may hand a room over in a channel, and which grant decides it."
            }
            AccessLabel::WhoCanLead => "Everybody who may hand a room over from chat now.",
            AccessLabel::NobodyCan => {
                "Nobody can hand this room over from chat. Give somebody the role of a moderator."
            }
            AccessLabel::BesideGroups => {
                "A deny entry for a group may still take it from one of its members."
            }
        }
    }

    fn part(&self, part: Part) -> &'static str {
        match part {
            Part::Live => "Who has what",
            Part::All => "Ended ones too",
            Part::Attention => "To do",
            Part::Channels => "Channels",
            Part::Announcements => "Announcements",
            Part::Links => "Accounts",
            Part::Rooms => "Marked rooms",
        }
    }

    fn nothing_in(&self, part: Part, of_one: bool) -> &'static str {
        match (part, of_one) {
            (Part::Live, false) => "Nobody has a role in chat yet. Give somebody one.",
            (Part::All, false) => "There has never been a grant. Give somebody a role.",
            (Part::Live, true) => {
                "No live grant names them. Look at the ended ones too, or give them a role."
            }
            (Part::All, true) => "No grant has ever named them. Check the id, or give them a role.",
            (Part::Attention, _) => "No grant ends within 24 hours, and none was unused for 90 days.",
            (Part::Channels, _) => {
                "No channel is authorised, so nobody can use the bot in chat. Authorise one."
            }
            (Part::Announcements, _) => "Nothing is announced anywhere. Choose a channel for it.",
            (Part::Links, false) => {
                "Nobody is linked to an account. Link somebody, and rooms can be handed to them by name."
            }
            (Part::Links, true) => "They are linked to no account.",
            (Part::Rooms, _) => {
                "No rooms are marked: each hand-over takes one command. Mark the rooms that need more."
            }
        }
    }

    fn change(&self, change: Change) -> &'static str {
        match change {
            Change::Grant => "Give a role",
            Change::Deny => "Deny a role",
            Change::Revoke => "Revoke a grant",
            Change::Allow => "Authorise a channel",
            Change::Remove => "Remove a channel",
            Change::Announce => "Announce in a channel",
            Change::StopAnnouncing => "Stop announcements",
            Change::Link => "Link an account",
            Change::Unlink => "Unlink an account",
            Change::Mark => "Mark rooms",
        }
    }

    fn field_of_access(&self, name: &str) -> Option<&'static str> {
        Some(match name {
            "who" => "Person, group or role: slack:T…:U…, discord:…",
            "role" => "Role",
            "rooms" => "Rooms: vip-1, or live-* (every room if empty)",
            "announced-rooms" => "Rooms: live-* (those of the channel if empty)",
            "marked-rooms" => "Rooms: vip-1, or how they begin: live-*",
            "only-channel" => "Only in the channel: slack:T…:C… (every authorised one if empty)",
            "who-or-you" => "Person, group or role: slack:T…:U… (you if empty)",
            "room" => "Room",
            "channel" => "Channel: slack:T…:C…, discord:…",
            "for" => "For how long: 8h, 7d (no end if empty)",
            "until" => "Or until when (UTC): 18:00, tomorrow 06:00",
            "reason" => "Why (for the audit log)",
            "grant" => "Number of the grant",
            "admin" => "Admins read that channel",
            "account" => "UserID in the live app",
            "mark" => "A hand-over needs",
            _ => return None,
        })
    }

    fn choice_of_access(&self, word: &'static str) -> &'static str {
        match word {
            "moderator" => "moderator: hands rooms over",
            "auditor" => "auditor: reads the log",
            "admin" => "admin: edits the ACL too",
            "confirm" => "confirmation by the caller",
            "two-person" => "a second person",
            "off" => "neither (no mark)",
            other => other,
        }
    }

    fn role(&self, role: Role, effect: Effect) -> String {
        match effect {
            Effect::Permit => role.to_string(),
            Effect::Deny => format!("denied: {role}"),
        }
    }

    fn every_room(&self, rooms: &RoomScope) -> Option<&'static str> {
        (*rooms == RoomScope::All).then_some("every room")
    }

    fn attention(&self, why: Attention) -> String {
        match why {
            Attention::EndsSoon(_) => "ends within 24 hours".to_owned(),
            Attention::Unused(Some(last)) => format!("last used {}", seconds(last)),
            Attention::Unused(None) => "never used".to_owned(),
        }
    }

    fn ended_grants(&self, left_out: usize) -> String {
        match left_out {
            1 => "1 ended grant is not shown.".to_owned(),
            n => format!("{n} ended grants are not shown."),
        }
    }

    fn page_of(&self, page: u32, pages: u32) -> String {
        format!("Page {page} of {pages}")
    }
}
