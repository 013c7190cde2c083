//! The console in English.

use jiff::Timestamp;

use super::{Label, Words, numbers, seconds};
use crate::domain::access::{EffectiveScope, RoomScope, list};
use crate::domain::audit::OutcomeKind;
use crate::domain::language::Language;
use crate::domain::principal::Place;
use crate::domain::session::{NotSignedIn, Proof};
use crate::page::{Sentences, sentences};
use crate::web::kinds::{Section, Trouble};

/// English.
pub(super) struct English;

const NEW_LINK: &str = "Type `/room-audit console` in chat, or `room-owner audit console` on the bot's machine, and \
     open the link that you get.";

impl Words for English {
    fn page(&self) -> &'static dyn Sentences {
        sentences(Language::English)
    }

    fn label(&self, label: Label) -> &'static str {
        match label {
            Label::Name => "room-owner console",
            Label::Skip => "Skip to the content",
            Label::Navigation => "Pages",
            Label::SignIn => "Sign in",
            Label::SignInLead => {
                "The link works once. The session lasts 12 hours, and what you may see is checked on every page."
            }
            Label::As => "As",
            Label::AskedFrom => "Link asked for in",
            Label::SignOut => "Sign out",
            Label::TryAgain => "I am signed in already: open the console",
            Label::BackToLog => "Back to the log",
            Label::Colon => ": ",
            Label::Filters => "Filters",
            Label::MoreFilters => "More filters",
            Label::Show => "Show",
            Label::Clear => "Clear",
            Label::Any => "any",
            Label::Found => "Operations, newest first",
            Label::Operation => "Op",
            Label::Outcome => "Outcome",
            Label::NothingFits => "Nothing in the log matches: leave a filter out, or take a longer time.",
            Label::NothingYet => {
                "There is nothing in the log that you may see yet. What moderators do in your rooms will stand here."
            }
            Label::Pages => "More operations",
            Label::Newest => "Newest",
            Label::Older => "Older",
            Label::LiveOn => "Live: new operations appear at the top.",
            Label::LiveLost => "Not live at the moment: trying again. Reload the page to see what is new.",
            Label::SessionOver => "Your session has ended. Ask for a new link with /room-audit console.",
            Label::RightOver => "You may not read the log from here any more. Ask an admin.",
            Label::OwnSessions => {
                "Your own sessions. Admins of every room see everybody's. End one that you do not know."
            }
            Label::EverybodysSessions => {
                "Everybody who is signed in. A session that you end is over at once."
            }
            Label::Who => "Who",
            Label::Since => "Signed in",
            Label::End => "End session",
            Label::ThisOne => "this one",
            Label::AnnouncedIn => "Announced in",
            Label::AlsoKnown => "Also known",
            Label::ProofHeading => "Proof",
            Label::WhatWasChecked => "When this page was made, the bot checked this:",
            Label::NotChecked => {
                "Not checked: the proof could not be made. Run room-owner audit verify on the bot's machine."
            }
            Label::Download => "Download the proof",
            Label::CheckYourself => "To check it without this bot, with a key from somebody you trust:",
        }
    }

    fn section(&self, section: Section) -> &'static str {
        match section {
            Section::Overview => "Overview",
            Section::Log => "Audit log",
            Section::Rooms => "Rooms",
            Section::Access => "Access",
            Section::Sessions => "Sessions",
        }
    }

    fn trouble(&self, why: &Trouble) -> (&'static str, String) {
        let (title, sentence) = match why {
            Trouble::SignedOut => ("Sign in from chat", NEW_LINK),
            Trouble::Left => ("You are signed out", NEW_LINK),
            Trouble::Link(NotSignedIn::Unknown) => {
                return ("Not signed in", format!("There is no such link, or no more. {NEW_LINK}"));
            }
            Trouble::Link(NotSignedIn::Used) => {
                let warning =
                    "This link was used already. If that was not you, end the session under Sessions.";
                return ("Not signed in", format!("{warning} {NEW_LINK}"));
            }
            Trouble::Link(NotSignedIn::Lapsed) => {
                return (
                    "Not signed in",
                    format!("This link has lapsed: it works for five minutes. {NEW_LINK}"),
                );
            }
            Trouble::TooManySignIns => {
                ("Too many sign-ins", "Nothing was done. Try again in a minute: your link may still work.")
            }
            Trouble::OtherSite => {
                ("Nothing was done", "The form was not sent by a page of this console. Load the page again.")
            }
            Trouble::Form => ("Nothing was done", "What was sent cannot be read. Load the page again."),
            Trouble::Denied(operation) => {
                let on_record = operation.map(|it| format!(" (op {it})")).unwrap_or_default();
                let sentence = "You may not see this from the place in which you asked for your link, or not any more. \
                     Ask an admin for the role of an auditor.";
                return ("Not allowed", format!("{sentence}{on_record}"));
            }
            Trouble::NoOperation => (
                "No such operation",
                "There is none of this number, or it is not among the rooms that you may see. The log shows the newest.",
            ),
            Trouble::TooMany => ("Too many requests", "Nothing was done. Try again in a minute."),
            Trouble::Store => (
                "Not available",
                "The log cannot be written or read right now. Try again; tell whoever runs the bot if it stays like this.",
            ),
            Trouble::Wrong(_) => ("This cannot be asked", "Change what is wrong, and ask again."),
        };
        (title, sentence.to_owned())
    }

    fn filter(&self, name: &str) -> Option<&'static str> {
        Some(match name {
            "room" => "Room",
            "actor" => "Member (id)",
            "actor-id" => "Subject: slack:T…:U…, cli:ana",
            "channel" => "Channel: slack:T…:C…",
            "outcome" => "Outcome",
            "kind" => "Kind",
            "request-id" => "Tencent's RequestId",
            "text" => "Text in command, reason or error",
            "since" => "From: 2h, yesterday, 2026-11-23 14:03",
            "until" => "Before: likewise",
            "zone" => "Zone of these times: Europe/Berlin",
            "operation" => "Operation",
            "readings" => "Also who read the log",
            _ => return None,
        })
    }

    fn choice(&self, word: &'static str) -> &'static str {
        match word {
            "failed" => "not done",
            "transfer" => "hand-overs",
            "show" => "looks at an owner",
            word => OutcomeKind::named(word).map_or(word, |outcome| self.page().outcome(outcome)),
        }
    }

    fn button(&self, label: &str) -> String {
        label.to_owned()
    }

    fn place(&self, place: &Place) -> String {
        match place {
            Place::Channel(channel) => channel.to_string(),
            Place::Local => "the bot's machine".to_owned(),
        }
    }

    fn reach(&self, reach: &EffectiveScope) -> String {
        let mut text = format!("You see the rooms {}", list(reach.granted()));
        if !reach.here().contains(&RoomScope::All) {
            text.push_str(&format!(", in this channel those of {}", list(reach.here())));
        }
        if !reach.denied().is_empty() {
            text.push_str(&format!(", without {}", list(reach.denied())));
        }
        text.push_str("; what is about no room is left out.");
        text
    }

    fn left_out(&self, readings: u32) -> String {
        match readings {
            1 => "1 reading of the log is left out.".to_owned(),
            n => format!("{n} readings of the log are left out: see More filters."),
        }
    }

    fn confirmed(&self, at: Timestamp, is_signed: bool) -> String {
        let doubt = if is_signed { "" } else { ", in a callback that is not signed" };
        format!("Tencent says that the owner changed at {}{doubt}.", seconds(at))
    }

    fn checks(&self, goes_on: bool, agrees: bool) -> Vec<&'static str> {
        vec![
            "Each event of this operation is in the log as it was written: its leaf leads to the root of this head.",
            "The head is signed with this key.",
            if goes_on {
                "The log's tree goes on from the head that lies beside the database: up to there it is the same."
            } else {
                "Not checked: whether the log's tree goes on from an earlier head, for none lies beside the database."
            },
            if agrees {
                "What this page shows of the operation is what its events say."
            } else {
                "What this page shows of the operation is NOT what its events say: run `room-owner audit verify`."
            },
            "Not checked: the other events of the log, and heads that you keep elsewhere. `room-owner audit verify \
             --checkpoint` does that.",
        ]
    }

    fn checked(&self, proof: &Proof) -> String {
        let word = if proof.events.len() == 1 { "Event" } else { "Events" };
        let numbers = numbers(&proof.events, ", ");
        format!(
            "{word} {numbers}: checked just now, in the log under the signed head of {} events.",
            proof.size
        )
    }
}
