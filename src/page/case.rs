//! The page of a case.

use askama::Template;
use jiff::tz::TimeZone;

use super::denial;
use super::owners::OwnersPart;
use super::pen::{Pen, When};
use super::sentences::{Heading, Sentences};
use crate::domain::audit::{AuditEntry, DecisionKind, OutcomeKind, Request, What, timeline_in};
use crate::domain::case::{Case, CaseOperation};
use crate::domain::room::visible;

/// A value below its heading.
#[derive(Debug)]
pub struct Field {
    /// What it is.
    pub heading: &'static str,
    /// As it was recorded.
    pub quoted: Option<String>,
    /// In our words.
    pub said: Option<String>,
}

/// A step of an operation.
#[derive(Debug)]
pub struct StepRow {
    /// The number of its event.
    pub event: i64,
    /// When.
    pub at: When,
    /// How long after the step before.
    pub wait: String,
    /// Its kind.
    pub kind: &'static str,
    /// What happened.
    pub what: String,
}

/// An operation of a page.
#[derive(Debug)]
pub struct OperationPart {
    /// Its number.
    pub number: i64,
    /// What it is called.
    pub name: String,
    /// What came of it.
    pub outcome: &'static str,
    /// The outcome's name, for its colour.
    pub class: &'static str,
    /// When it began.
    pub at: When,
    /// All that its entry says.
    pub fields: Vec<Field>,
    /// Its steps.
    pub steps: Vec<StepRow>,
    /// How it is proved.
    pub proof: String,
}

/// Operations of a kind, in the summary.
struct Group {
    heading: &'static str,
    operations: Vec<i64>,
}

#[derive(Template)]
#[template(path = "case.html", config = "src/page/askama.toml")]
struct CasePage<'a> {
    words: &'a dyn Sentences,
    title: String,
    facts: Vec<Field>,
    groups: Vec<Group>,
    limits: Vec<String>,
    times: String,
    owners: OwnersPart,
    in_time: Vec<OperationPart>,
    outside: Vec<OperationPart>,
}

/// The page of a case as a whole HTML file. Times are in UTC, with those of `zone` beside them.
///
/// # Errors
/// When it cannot be put together.
pub fn case(case: &Case, words: &dyn Sentences, zone: Option<&TimeZone>) -> Result<String, askama::Error> {
    let pen = Pen::new(words, zone);
    let named = |is: &dyn Fn(&CaseOperation) -> bool| -> Vec<i64> {
        let operations = case.operations.iter().filter(|operation| operation.is_in_time && is(operation));
        operations.map(|operation| operation.entry.operation.seq()).collect()
    };
    let groups = [
        (Heading::ObservedChanges, named(&CaseOperation::is_observed)),
        (Heading::Refusals, named(&CaseOperation::is_refused)),
        (Heading::Unclear, named(&CaseOperation::is_unclear)),
    ];
    let parts = |is_in_time: bool| {
        let operations = case.operations.iter().filter(|operation| operation.is_in_time == is_in_time);
        operations.map(|operation| pen.operation(operation)).collect()
    };
    let zone_name = zone.map(|zone| zone.iana_name().unwrap_or("UTC"));
    let page = CasePage {
        words,
        title: words.title(&visible(case.room.as_str())),
        facts: pen.facts(case),
        groups: groups
            .into_iter()
            .map(|(heading, operations)| Group { heading: words.heading(heading), operations })
            .collect(),
        limits: case.limits().iter().map(|limit| visible(&words.limit(limit))).collect(),
        times: words.times(zone_name),
        owners: pen.owners(&case.owners, case.since, case.until, "#op-"),
        in_time: parts(true),
        outside: parts(false),
    };
    page.render()
}

impl Pen<'_> {
    fn field(&self, heading: Heading, quoted: Option<impl ToString>, said: Option<String>) -> Option<Field> {
        let quoted = quoted.map(|text| visible(&text.to_string()));
        let said = said.map(|text| visible(&text));
        let is_there = quoted.is_some() || said.is_some();
        is_there.then(|| Field { heading: self.words.heading(heading), quoted, said })
    }

    fn facts(&self, case: &Case) -> Vec<Field> {
        let since = case.since.map(|since| self.both(since));
        let time = self.words.time(since.as_deref(), &self.both(case.until));
        let head = self.words.head(case.log.head.size, &hex::encode(case.log.head.root));
        let nothing = None::<String>;
        let fields = [
            self.field(Heading::Room, Some(&case.room), None),
            self.field(Heading::Time, nothing.clone(), Some(time)),
            self.field(Heading::Outcomes, nothing.clone(), Some(self.outcomes(case))),
            self.field(Heading::MadeAt, nothing.clone(), Some(self.both(case.made_at))),
            self.field(Heading::Log, Some(&case.log.origin), None),
            self.field(Heading::Head, nothing, Some(head)),
            self.field(Heading::Key, Some(&case.log.key), None),
        ];
        fields.into_iter().flatten().collect()
    }

    /// `3 succeeded, 1 denied`
    fn outcomes(&self, case: &Case) -> String {
        let count = |outcome: &OutcomeKind| {
            let is_it = |one: &&CaseOperation| one.is_in_time && one.entry.outcome == *outcome;
            let count = case.operations.iter().filter(is_it).count();
            (count > 0).then(|| self.words.counted(count, *outcome))
        };
        let counted: Vec<String> = OutcomeKind::ALL.iter().filter_map(count).collect();
        if counted.is_empty() { self.words.none().to_owned() } else { counted.join(self.words.comma()) }
    }

    /// An operation with its fields and its steps.
    pub fn operation(&self, operation: &CaseOperation) -> OperationPart {
        let CaseOperation { entry, events, archived_in, .. } = operation;
        let steps = timeline_in(self.words, entry.operation, events).into_iter().map(|step| StepRow {
            event: step.seq,
            at: self.when(step.at),
            wait: step.wait_ms.map(|wait| format!("{wait} ms")).unwrap_or_default(),
            kind: self.words.step(step.step),
            what: visible(&step.what),
        });
        let numbers: Vec<i64> = events.iter().map(|event| event.seq).collect();
        let proof = match archived_in {
            Some(archive) => self.words.not_proved(archive),
            None => self.words.proved(&numbers),
        };
        OperationPart {
            number: entry.operation.seq(),
            name: self.words.operation(entry.operation.seq()),
            outcome: self.words.outcome(entry.outcome),
            class: entry.outcome.name(),
            at: self.when(entry.at),
            fields: self.fields(operation),
            steps: steps.collect(),
            proof: visible(&proof),
        }
    }

    fn fields(&self, operation: &CaseOperation) -> Vec<Field> {
        let entry = &operation.entry;
        let request = operation.events.iter().find_map(|event| match &event.what {
            What::Requested(request) => Some(&**request),
            _ => None,
        });
        let said = |text: &str| Some(text.to_owned());
        let by = match (&entry.actor, &entry.actor_name) {
            _ if operation.is_observed() => {
                self.field(Heading::By, entry.actor_name.clone(), said(self.words.not_ours()))
            }
            (Some(actor), Some(name)) => self.field(Heading::By, Some(format!("{actor} ({name})")), None),
            (Some(actor), None) => self.field(Heading::By, Some(actor), None),
            (None, Some(name)) => self.field(Heading::By, Some(name), None),
            (None, None) => self.field(Heading::By, None::<String>, said(self.words.nobody())),
        };
        let previous = if entry.new_owner.is_some() { Heading::OwnerBefore } else { Heading::Owner };
        let took = entry.duration_ms.map(|took| format!("{took} ms"));
        let fields = [
            by,
            self.field(Heading::In, entry.channel.as_ref(), None),
            self.field(Heading::Command, Some(&entry.command), None),
            self.field(Heading::NewOwner, entry.new_owner.as_ref(), None),
            self.field(previous, entry.previous_owner.as_ref(), None),
            self.field(Heading::Reason, entry.reason.as_ref(), None),
            self.authority(entry, request),
            self.field(Heading::Code, entry.error_code, None),
            self.field(Heading::Problem, entry.error_info.as_ref(), None),
            self.field(Heading::RequestId, entry.request_id.as_ref(), None),
            self.field(Heading::Took, None::<String>, took),
        ];
        fields.into_iter().flatten().collect()
    }

    /// What permitted it, with the grant as it stood then; or for what it was denied.
    fn authority(&self, entry: &AuditEntry, request: Option<&Request>) -> Option<Field> {
        let heading = match entry.decision {
            Some(DecisionKind::Deny) => Heading::DeniedBecause,
            _ => Heading::AllowedBy,
        };
        let grant = request.and_then(|request| Some((request.grant.as_ref()?, request.member_of.as_ref())));
        let said = match grant {
            Some((grant, member_of)) => Some(self.words.grant(grant, member_of)),
            None if entry.authority.as_deref() == Some("local") => Some(self.words.local().to_owned()),
            None => {
                let denied =
                    entry.authority.as_deref().filter(|_| entry.decision == Some(DecisionKind::Deny));
                denied.and_then(denial::kind).map(|kind| self.words.denial(kind).to_owned())
            }
        };
        self.field(heading, entry.authority.as_ref(), said)
    }
}
