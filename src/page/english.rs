//! A page in English.

use super::denial::DenialKind;
use super::sentences::{CaseFile, CheckCommand, Heading, Sentences, utc};
use crate::domain::access::{Effect, Grant};
use crate::domain::audit::{ArchivedIn, Basis, English, OperationId, OutcomeKind, StepKind, Why};
use crate::domain::case::Limit;
use crate::domain::principal::Subject;

fn numbers(operations: &[OperationId]) -> String {
    let numbers: Vec<String> = operations.iter().map(ToString::to_string).collect();
    let word = if numbers.len() == 1 { "operation" } else { "operations" };
    format!("{word} {}", numbers.join(", "))
}

impl Sentences for English {
    fn tag(&self) -> &'static str {
        "en"
    }

    fn heading(&self, heading: Heading) -> &'static str {
        match heading {
            Heading::Covers => "What this page covers",
            Heading::Room => "Room",
            Heading::Time => "Time",
            Heading::Log => "Log",
            Heading::Head => "Signed head",
            Heading::Key => "Public key",
            Heading::MadeAt => "Made at",
            Heading::Outcomes => "Outcomes",
            Heading::ObservedChanges => "Changes outside the bot",
            Heading::Refusals => "Refused",
            Heading::Unclear => "Outcome not known",
            Heading::Limits => "What this page cannot know",
            Heading::Owners => "Who owned the room when",
            Heading::OwnersTable => "The same as a table",
            Heading::Operations => "What was done",
            Heading::Outside => "Outside this time, and used for the owners",
            Heading::Check => "How to check this page",
            Heading::Owner => "Owner",
            Heading::From => "From",
            Heading::Until => "Until",
            Heading::Basis => "Basis",
            Heading::Why => "Why",
            Heading::At => "At",
            Heading::By => "By",
            Heading::In => "In",
            Heading::Command => "Command",
            Heading::NewOwner => "New owner",
            Heading::OwnerBefore => "Owner before",
            Heading::Reason => "Reason",
            Heading::AllowedBy => "Allowed by",
            Heading::DeniedBecause => "Denied because",
            Heading::Code => "Tencent's code",
            Heading::Problem => "What went wrong",
            Heading::RequestId => "RequestId",
            Heading::Took => "Took",
            Heading::Step => "Step",
            Heading::What => "What happened",
            Heading::Wait => "After",
            Heading::Event => "Event",
        }
    }

    fn title(&self, room: &str) -> String {
        format!("Case file: room {room}")
    }

    fn lead(&self) -> &'static str {
        "All that the audit log says about this room in this time, with proofs."
    }

    fn time(&self, since: Option<&str>, until: &str) -> String {
        match since {
            Some(since) => format!("from {since} until before {until}"),
            None => format!("from the beginning of the log until before {until}"),
        }
    }

    fn head(&self, events: u64, root: &str) -> String {
        format!("{events} events, root {root}")
    }

    fn counted(&self, count: usize, outcome: OutcomeKind) -> String {
        format!("{count} {}", self.outcome(outcome))
    }

    fn comma(&self) -> &'static str {
        ", "
    }

    fn none(&self) -> &'static str {
        "none"
    }

    fn limit(&self, limit: &Limit) -> String {
        match limit {
            Limit::NoCallbacks => "Hand-overs made outside the bot: no callback of Tencent about this room was recorded \
                                   in this time. Without callbacks such a hand-over is seen only when the owner is \
                                   read the next time."
                .to_owned(),
            Limit::SomeCallbacks => "Hand-overs made outside the bot, as far as Tencent's callback did not reach it: \
                                     those are seen only when the owner is read the next time."
                .to_owned(),
            Limit::Gaps(1) => "Who owned the room in one stretch: it is drawn as a gap.".to_owned(),
            Limit::Gaps(n) => format!("Who owned the room in {n} stretches: they are drawn as gaps."),
            Limit::Unclear(operations) => {
                format!("What came of {}: nobody knows whether the owner was changed.", numbers(operations))
            }
            Limit::Unsigned(operations) => format!(
                "Who made the change of {}, and from whom: the callback was not signed, so it is only said.",
                numbers(operations)
            ),
            Limit::Archived(operations, files) => format!(
                "The steps of {}: they were archived into {}. Make the page again with --archive to have them, and \
                 their proofs.",
                numbers(operations),
                files.join(", ")
            ),
            Limit::Cut => "Owners from before the oldest entry that was read: there are older ones.".to_owned(),
            Limit::LeftOut => "Left out on purpose: other rooms, readings of the log, and changes of the access list. \
                               What permitted an operation is shown with it, as it stood then."
                .to_owned(),
            Limit::Clocks => "Times are those of the bot's machine when it wrote an event down, and Tencent's where a \
                              callback gives one. Either clock may be wrong."
                .to_owned(),
            Limit::Completeness => "The proofs show that each event here is in the log, unchanged. They do not show \
                                    that nothing was left out here: whoever has the log can check it and make this \
                                    page again."
                .to_owned(),
        }
    }

    fn times(&self, zone: Option<&str>) -> String {
        match zone {
            Some(zone) => format!("Times are UTC; beside them, those of {zone}."),
            None => "Times are UTC.".to_owned(),
        }
    }

    fn quoted(&self) -> &'static str {
        "Commands, reasons, denials and Tencent's messages are quoted as they were recorded; characters that cannot be \
         seen are shown as �."
    }

    fn no_owner(&self) -> &'static str {
        "The log says nothing about the owner of this room in this time."
    }

    fn picture(&self, room: &str, part: usize, parts: usize) -> String {
        match parts {
            1 => format!("Who owned {room} when"),
            _ => format!("Who owned {room} when, part {part} of {parts}"),
        }
    }

    fn picture_description(&self, stretches: usize, from: &str, until: &str) -> String {
        let bars = if stretches == 1 { "One bar".to_owned() } else { format!("{stretches} bars") };
        format!("{bars} between {from} and {until}, oldest first. The table below has the same data.")
    }

    fn not_known(&self) -> &'static str {
        "not known"
    }

    fn not_ended(&self) -> &'static str {
        "now"
    }

    fn basis(&self, basis: Option<Basis>) -> &'static str {
        match basis {
            Some(Basis::Confirmed) => "handed over by the bot, read back",
            Some(Basis::Accepted) => "handed over by the bot, not read back",
            Some(Basis::Observed) => "changed outside the bot, by a callback",
            Some(Basis::Read) => "the owner was read",
            Some(Basis::Next) => "inferred from what was found later",
            None => "in doubt",
        }
    }

    fn why(&self, why: &Why) -> String {
        why.to_string()
    }

    fn outcome(&self, outcome: OutcomeKind) -> &'static str {
        match outcome {
            OutcomeKind::Unknown => "outcome unknown",
            other => other.name(),
        }
    }

    fn step(&self, step: StepKind) -> &'static str {
        step.name()
    }

    fn operation(&self, number: i64) -> String {
        format!("Operation {number}")
    }

    fn grant(&self, grant: &Grant, member_of: Option<&Subject>) -> String {
        let what = match grant.effect {
            Effect::Permit => format!("gives {}", grant.subject),
            Effect::Deny => format!("denies {}", grant.subject),
        };
        let member = member_of.map(|group| format!(" (through the group {group})")).unwrap_or_default();
        let channels: Vec<String> = grant.channels.iter().map(ToString::to_string).collect();
        let channels =
            if channels.is_empty() { String::new() } else { format!(", in {} only", channels.join(", ")) };
        let until = grant.expires_at.map(|end| format!(", until {}", utc(end))).unwrap_or_default();
        let reason = grant.reason.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
        format!(
            "{what}{member} the role {} for the rooms {}{channels}{until}; given by {} at {}{reason}",
            grant.role,
            grant.rooms,
            grant.granted_by,
            utc(grant.granted_at)
        )
    }

    fn denial(&self, kind: DenialKind) -> &'static str {
        match kind {
            DenialKind::Channel => "the channel was not authorised",
            DenialKind::ChannelRooms => "the channel was authorised for other rooms only",
            DenialKind::NoGrant => "no grant named this person, or a group of theirs",
            DenialKind::DenyEntry => "a deny entry named this person, or a group of theirs",
            DenialKind::UnreadGroup => "a deny entry named a group that could not be read then",
            DenialKind::Elsewhere => "the channel was of another workspace or server than the person",
            DenialKind::Ended => "the person's last grant had ended",
            DenialKind::NotYet => "the person's grant had not begun",
            DenialKind::OtherRooms => "the person's grants were for other rooms",
            DenialKind::OtherChannels => "the person's grant was for other channels",
            DenialKind::Role => "the person's role does not allow this",
            DenialKind::NotServed => {
                "the request came from an app or a workspace that this bot does not serve"
            }
        }
    }

    fn local(&self) -> &'static str {
        "being on the bot's own machine"
    }

    fn not_ours(&self) -> &'static str {
        "not made through the bot"
    }

    fn nobody(&self) -> &'static str {
        "nobody named"
    }

    fn nothing(&self) -> &'static str {
        "Nothing about this room was recorded in this time."
    }

    fn proved(&self, events: &[i64]) -> String {
        let word = if events.len() == 1 { "event" } else { "events" };
        let numbers: Vec<String> = events.iter().map(ToString::to_string).collect();
        format!("Proved in the log: {word} {}.", numbers.join(", "))
    }

    fn not_proved(&self, archive: &ArchivedIn) -> String {
        format!(
            "Not proved: its events are in the archive that begins with event {} ({} when it was written).",
            archive.first, archive.file
        )
    }

    fn check(&self) -> &'static str {
        "Beside this page lie its rows, each event with its proof, the signed head of the log, and a verifier in \
         Python. VERIFY.txt has the commands. The page itself is signed by nobody: what counts is what the verifier \
         checks."
    }

    fn trust(&self) -> &'static str {
        "Get the public key from somebody you trust, not from this folder: whoever made the folder could have put \
         another key there."
    }

    fn file(&self, file: CaseFile) -> &'static str {
        match file {
            CaseFile::Page => "the page, to read and to print",
            CaseFile::Jsonl => "one operation a line, for programs",
            CaseFile::Csv => "the same, for spreadsheets",
            CaseFile::Proofs => "each event of these operations with its proof (c2sp.org/tlog-proof)",
            CaseFile::Checkpoint => {
                "the signed head of the log that the proofs lead to (c2sp.org/tlog-checkpoint)"
            }
            CaseFile::Key => "the public key that signed it",
            CaseFile::Verifier => "checks all of this with Python 3 and its package cryptography",
        }
    }

    fn command(&self, command: CheckCommand) -> &'static str {
        match command {
            CheckCommand::Python => "In this folder, without room-owner:",
            CheckCommand::Proofs => "The proofs alone, with room-owner:",
            CheckCommand::Log => {
                "Whoever has the database: that the head of this case is one of the log, and the log whole:"
            }
            CheckCommand::Again => {
                "Whoever has the database: make the case again and compare, so that nothing is missing here:"
            }
        }
    }

    fn unproved_file(&self) -> &'static str {
        "operations that are not proved: their events were archived, and the archive was not given"
    }
}
