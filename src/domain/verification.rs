//! The result of verifying the audit log.

use std::fmt;

/// How many findings are kept; more say nothing new.
const MOST_FINDINGS: usize = 50;

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Finding {
    /// The number of the event at which it shows; `None` if it is about no single one.
    pub event: Option<i64>,
    /// What it is.
    pub what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.event {
            Some(event) => write!(f, "event {event}: {}", self.what),
            None => f.write_str(&self.what),
        }
    }
}

/// Whom the signed heads of some events in a row name.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Signer {
    /// The public key; of one that is not known, its name and number.
    pub key: String,
    /// The first of the events.
    pub from: i64,
    /// The last.
    pub to: i64,
}

impl fmt::Display for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, from, to } = self;
        write!(f, "{key} from {from} to {to}")
    }
}

/// What was checked, against what, and what is wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Report {
    /// Whether nothing is wrong.
    pub sound: bool,
    /// How many events the log has.
    pub events: u64,
    /// The root of the tree over them, in hexadecimal.
    pub root: String,
    /// The public keys that signatures were checked with.
    pub keys: Vec<String>,
    /// Who signed, in the order of the log.
    pub signers: Vec<Signer>,
    /// What the log was compared with that is not in the database itself.
    pub compared: Vec<String>,
    /// What was not checked, and what would be needed for it.
    pub unchecked: Vec<String>,
    /// What is wrong: with the log, the first bad event first; then with the tables that are made from it.
    pub findings: Vec<Finding>,
    /// How many findings there are beyond those.
    pub more: u64,
}

impl Report {
    /// Keeps a finding.
    pub fn find(&mut self, event: impl Into<Option<i64>>, what: impl Into<String>) {
        if self.findings.len() < MOST_FINDINGS {
            self.findings.push(Finding { event: event.into(), what: what.into() });
        } else {
            self.more += 1;
        }
    }

    /// Brings it into its final form: the first bad event of the log first, behind the log's what
    /// `derived` found wrong in the tables that are made from it.
    #[must_use]
    pub fn closed(mut self, mut derived: Self) -> Self {
        for findings in [&mut self.findings, &mut derived.findings] {
            findings.sort_by_key(|finding| finding.event.unwrap_or(i64::MAX));
        }
        self.more += derived.more;
        for finding in derived.findings {
            self.find(finding.event, finding.what);
        }
        self.sound = self.findings.is_empty();
        self
    }
}
