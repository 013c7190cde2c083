//! Every sentence of a page, one method each: a language in which one is missing does not compile.

use jiff::Timestamp;

use super::denial::DenialKind;
use crate::domain::access::Grant;
use crate::domain::audit::{ArchivedIn, Basis, OutcomeKind, StepKind, StepWords, Why};
use crate::domain::case::Limit;
use crate::domain::principal::Subject;

/// The heading of a field, of a column or of a part of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heading {
    /// What the page is about.
    Covers,
    /// The room.
    Room,
    /// The time that is asked about.
    Time,
    /// The log.
    Log,
    /// The signed head.
    Head,
    /// The public key.
    Key,
    /// When the page was made.
    MadeAt,
    /// What came of what was done, in numbers.
    Outcomes,
    /// Changes that were not made through the bot.
    ObservedChanges,
    /// Refused requests.
    Refusals,
    /// Requests of which nobody knows the outcome.
    Unclear,
    /// What the page cannot know.
    Limits,
    /// Who owned the room when.
    Owners,
    /// The same as a table.
    OwnersTable,
    /// What was done in the time.
    Operations,
    /// What was done outside of the time, and says who owned the room in it.
    Outside,
    /// How to check the page.
    Check,
    /// Who owned the room.
    Owner,
    /// From when.
    From,
    /// Until when.
    Until,
    /// What an answer rests on.
    Basis,
    /// Why.
    Why,
    /// When.
    At,
    /// By whom.
    By,
    /// Where.
    In,
    /// The command.
    Command,
    /// Who was to own the room.
    NewOwner,
    /// Who owned it before.
    OwnerBefore,
    /// The reason that was given.
    Reason,
    /// By what it was permitted.
    AllowedBy,
    /// For what it was denied.
    DeniedBecause,
    /// Tencent's code.
    Code,
    /// What went wrong.
    Problem,
    /// Tencent's RequestId.
    RequestId,
    /// How long it took.
    Took,
    /// A step.
    Step,
    /// What happened.
    What,
    /// How long after the step before.
    Wait,
    /// The number of an event.
    Event,
}

/// Every sentence of a page in one language. Texts that were recorded are quoted as they are.
pub trait Sentences: StepWords + Sync {
    /// The language's tag (BCP 47).
    fn tag(&self) -> &'static str;
    /// A heading.
    fn heading(&self, heading: Heading) -> &'static str;
    /// The title of the page.
    fn title(&self, room: &str) -> String;
    /// What the page is, in a sentence below the title.
    fn lead(&self) -> &'static str;
    /// The time that is asked about.
    fn time(&self, since: Option<&str>, until: &str) -> String;
    /// The head: so many events, and the root in hexadecimal.
    fn head(&self, events: u64, root: &str) -> String;
    /// So many operations with an outcome.
    fn counted(&self, count: usize, outcome: OutcomeKind) -> String;
    /// What stands between the members of a list.
    fn comma(&self) -> &'static str;
    /// None of something.
    fn none(&self) -> &'static str;
    /// What the page cannot know.
    fn limit(&self, limit: &Limit) -> String;
    /// That times are UTC, and of the zone of those beside them.
    fn times(&self, zone: Option<&str>) -> String;
    /// That texts are quoted as they were recorded.
    fn quoted(&self) -> &'static str;
    /// That the log says nothing about the owner.
    fn no_owner(&self) -> &'static str;
    /// The title of the `part`th picture of `parts`.
    fn picture(&self, room: &str, part: usize, parts: usize) -> String;
    /// What the picture shows.
    fn picture_description(&self, stretches: usize, from: &str, until: &str) -> String;
    /// An owner who, or a beginning that, is not known.
    fn not_known(&self) -> &'static str;
    /// A stretch that has not ended.
    fn not_ended(&self) -> &'static str;
    /// What an answer rests on; without a basis, it is not known.
    fn basis(&self, basis: Option<Basis>) -> &'static str;
    /// Why an answer is what it is.
    fn why(&self, why: &Why) -> String;
    /// An outcome.
    fn outcome(&self, outcome: OutcomeKind) -> &'static str;
    /// The kind of a step.
    fn step(&self, step: StepKind) -> &'static str;
    /// An operation by its number.
    fn operation(&self, number: i64) -> String;
    /// A grant: what it gives, where and until when, who gave it, and why; and the group that it names.
    fn grant(&self, grant: &Grant, member_of: Option<&Subject>) -> String;
    /// What a recorded denial stands for.
    fn denial(&self, kind: DenialKind) -> &'static str;
    /// Being on the bot's own machine.
    fn local(&self) -> &'static str;
    /// That a change was not made through the bot.
    fn not_ours(&self) -> &'static str;
    /// An operation without an actor.
    fn nobody(&self) -> &'static str;
    /// That nothing was done in the time.
    fn nothing(&self) -> &'static str;
    /// The events that prove an operation.
    fn proved(&self, events: &[i64]) -> String;
    /// That an operation is not proved: its events are in an archive.
    fn not_proved(&self, archive: &ArchivedIn) -> String;
    /// How to check the page with the files of its folder.
    fn check(&self) -> &'static str;
    /// Where to get the key from.
    fn trust(&self) -> &'static str;
    /// What each file beside the page is, in the order of its name.
    fn file(&self, file: CaseFile) -> &'static str;
    /// What a command of `VERIFY.txt` does.
    fn command(&self, command: CheckCommand) -> &'static str;
    /// That some rows are not proved, in their own file.
    fn unproved_file(&self) -> &'static str;
}

/// A file of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaseFile {
    /// The page.
    Page,
    /// The rows, for programs.
    Jsonl,
    /// The rows, for spreadsheets.
    Csv,
    /// The events and their proofs.
    Proofs,
    /// The signed head.
    Checkpoint,
    /// The public key.
    Key,
    /// The verifier.
    Verifier,
}

/// A command of `VERIFY.txt`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckCommand {
    /// The verifier in Python.
    Python,
    /// The proofs, by this program.
    Proofs,
    /// The whole log, with the head of the case.
    Log,
    /// The case once more, to compare.
    Again,
}

/// A time as pages show it: UTC, to the millisecond.
pub(super) fn utc(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S%.3f UTC").to_string()
}
