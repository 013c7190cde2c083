//! Every sentence of the console, in each language: one that is missing in a language does not compile. What the page of
//! a case says too is in `page`.

mod access;
mod access_chinese;
mod access_english;
mod case;
mod chinese;
mod english;
mod overview;
mod rooms;

use jiff::Timestamp;

pub(super) use self::access::{AccessLabel, AccessWords};
use super::kinds::{Section, Trouble};
use crate::domain::access::EffectiveScope;
use crate::domain::language::Language;
use crate::domain::principal::{Channel, Place};
use crate::domain::session::Proof;
use crate::page::Sentences;

pub(super) use case::{CaseText, CaseWords};
pub(super) use overview::{Ended, OverviewText, OverviewWords};
pub(super) use rooms::{RoomLabel, RoomWords};

/// A short text of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Label {
    /// What the console is called.
    Name,
    /// Past the navigation.
    Skip,
    /// The navigation.
    Navigation,
    /// To sign in.
    SignIn,
    /// What the button does.
    SignInLead,
    /// As whom.
    As,
    /// Where the link was asked for.
    AskedFrom,
    /// To sign out.
    SignOut,
    /// To load the page once more.
    TryAgain,
    /// To the log.
    BackToLog,
    /// Between a heading and what it is of.
    Colon,
    /// The filters.
    Filters,
    /// Those that are seldom used.
    MoreFilters,
    /// To show what fits.
    Show,
    /// To leave every filter out.
    Clear,
    /// No choice.
    Any,
    /// What was found.
    Found,
    /// An operation.
    Operation,
    /// Its outcome.
    Outcome,
    /// That nothing fits the filters, and what to do.
    NothingFits,
    /// That there is nothing at all, and what to do.
    NothingYet,
    /// Where one leafs through pages.
    Pages,
    /// To the newest.
    Newest,
    /// To older ones.
    Older,
    /// That the page goes on by itself.
    LiveOn,
    /// That it does not at the moment.
    LiveLost,
    /// That the session is over.
    SessionOver,
    /// That the right to read is gone.
    RightOver,
    /// The sessions of the reader alone.
    OwnSessions,
    /// Those of everybody.
    EverybodysSessions,
    /// Who.
    Who,
    /// Since when.
    Since,
    /// To end a session.
    End,
    /// The session with which the page is read.
    ThisOne,
    /// Where it was announced.
    AnnouncedIn,
    /// What else is known.
    AlsoKnown,
    /// The proof.
    ProofHeading,
    /// When it was checked.
    WhatWasChecked,
    /// That nothing could be checked, and what to do.
    NotChecked,
    /// To save the proof.
    Download,
    /// How to check it without us.
    CheckYourself,
}

/// Every sentence of the console in one language. Texts that were recorded are quoted as they are.
pub(super) trait Words: AccessWords + CaseWords + OverviewWords + RoomWords + Sync {
    /// What the page of a case says too.
    fn page(&self) -> &'static dyn Sentences;
    /// A short text.
    fn label(&self, label: Label) -> &'static str;
    /// A page in the navigation, and its heading.
    fn section(&self, section: Section) -> &'static str;
    /// Why there is no page: a heading, and what to do.
    fn trouble(&self, why: &Trouble) -> (&'static str, String);
    /// A filter by its name; a test holds that each has one.
    fn filter(&self, name: &str) -> Option<&'static str>;
    /// A word that a filter takes.
    fn choice(&self, word: &'static str) -> &'static str;
    /// What is written on a button of the bot's, by what is written on it in chat.
    fn button(&self, label: &str) -> String;
    /// Where a link was asked for.
    fn place(&self, place: &Place) -> String;
    /// How far the reader sees.
    fn reach(&self, reach: &EffectiveScope) -> String;
    /// How many readings of the log are left out.
    fn left_out(&self, readings: u32) -> String;
    /// That a callback of Tencent's says the same.
    fn confirmed(&self, at: Timestamp, is_signed: bool) -> String;
    /// What was checked of an operation and its proof, and what was not; whether the log goes on from a head beside
    /// it, and whether the entry that is shown is what the events make.
    fn checks(&self, goes_on: bool, agrees: bool) -> Vec<&'static str>;
    /// That the events are in the log, under a signed head.
    fn checked(&self, proof: &Proof) -> String;

    /// A channel.
    fn place_of(&self, channel: &Channel) -> String {
        channel.to_string()
    }
}

/// The sentences of a language.
pub(super) fn words(language: Language) -> &'static dyn Words {
    match language {
        Language::English => &english::English,
        Language::Chinese => &chinese::Chinese,
    }
}

/// `1, 2, 3`
fn numbers(events: &[u64], comma: &str) -> String {
    events.iter().map(ToString::to_string).collect::<Vec<_>>().join(comma)
}

/// A time to the second.
fn seconds(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}
