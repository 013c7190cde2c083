//! Why an answer about a room's owner is what it is.

use std::fmt;

use jiff::Timestamp;

use crate::domain::audit::{OperationId, millis};

/// How the last that is known before a time came about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum How {
    /// Tencent's callback reported a change by somebody else.
    Observed(OperationId),
    /// The owner was read.
    Read(OperationId, Timestamp),
    /// The bot handed the room over.
    HandedOver(OperationId),
}

/// Whom an operation found to own the room, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// The operation.
    pub operation: OperationId,
    /// The owner.
    pub owner: String,
    /// When.
    pub at: Timestamp,
}

/// Why an answer about a room's owner is what it is. [`fmt::Display`] says it in English.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// Something made or found it so.
    Said {
        /// What.
        how: How,
        /// The next operation that found the same; `None` if nothing later speaks against it.
        same_later: Option<OperationId>,
        /// Whether the steps of the change are in an archive that was not read.
        is_archived: bool,
    },
    /// Nothing earlier says it; this was found later.
    FoundLater(Option<Sighting>),
    /// Nothing says it, earlier or later.
    Silence,
    /// What came next found another owner than what came last.
    ChangedBetween {
        /// What came last.
        how: How,
        /// Who owned the room by that.
        owner: String,
        /// What came next.
        then: Sighting,
    },
    /// A callback reported a change that could not be read back.
    NotReadBack {
        /// The operation that records it.
        operation: OperationId,
        /// Who owns the room by the callback.
        to: String,
        /// What was found later.
        then: Option<Sighting>,
    },
    /// The outcome of a hand-over is not known.
    OutcomeUnknown {
        /// The hand-over.
        operation: OperationId,
        /// From whom, if that was read.
        from: Option<String>,
        /// To whom.
        to: String,
        /// What was found later.
        then: Option<Sighting>,
    },
    /// A hand-over was under way.
    UnderWay {
        /// The hand-over.
        operation: OperationId,
        /// From whom, if that was read.
        from: Option<String>,
        /// To whom.
        to: String,
        /// When it began.
        begun: Timestamp,
        /// When it was known to be done.
        known: Timestamp,
    },
    /// Two operations say different things, and which came last is not known; `None` is another owner.
    EitherOrder([(OperationId, Option<String>); 2]),
    /// The clock was set back, so this time came twice: the first operation has a later time than the second.
    ClockSetBack(OperationId, OperationId),
    /// The entries contradict each other.
    Contradiction,
    /// Too much happened at once to tell in which order.
    TooMuchAtOnce,
}

impl How {
    fn operation(&self) -> OperationId {
        match self {
            Self::Observed(operation) | Self::Read(operation, _) | Self::HandedOver(operation) => *operation,
        }
    }
}

impl Why {
    /// The operations that it names.
    pub fn operations(&self) -> Vec<OperationId> {
        let then = |then: &Option<Sighting>| then.as_ref().map(|then| then.operation);
        match self {
            Self::Said { how, same_later, .. } => {
                [Some(how.operation()), *same_later].into_iter().flatten().collect()
            }
            Self::FoundLater(later) => then(later).into_iter().collect(),
            Self::ChangedBetween { how, then, .. } => vec![how.operation(), then.operation],
            Self::NotReadBack { operation, then: later, .. }
            | Self::OutcomeUnknown { operation, then: later, .. } => {
                [Some(*operation), then(later)].into_iter().flatten().collect()
            }
            Self::UnderWay { operation, .. } => vec![*operation],
            Self::EitherOrder([(first, _), (second, _)]) | Self::ClockSetBack(first, second) => {
                vec![*first, *second]
            }
            Self::Silence | Self::Contradiction | Self::TooMuchAtOnce => Vec::new(),
        }
    }
}

impl fmt::Display for How {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Observed(number) => {
                write!(f, "a change by somebody else, observed as operation {number}")
            }
            Self::Read(number, at) => write!(f, "operation {number} read the owner at {}", millis(*at)),
            Self::HandedOver(number) => write!(f, "operation {number} handed it over"),
        }
    }
}

impl fmt::Display for Sighting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { operation, owner, at } = self;
        write!(f, "operation {operation} found {owner} to own it at {}", millis(*at))
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let later = |f: &mut fmt::Formatter<'_>, then: &Option<Sighting>| match then {
            Some(then) => write!(f, "; {then}"),
            None => f.write_str(", and nothing later says who owned it"),
        };
        match self {
            Self::Said { how, same_later, is_archived } => {
                match same_later {
                    Some(next) => write!(f, "{how}; operation {next} found the same later")?,
                    None => write!(f, "{how}; nothing later speaks against it")?,
                }
                let archived = "; whether the new owner was read back is in the archive that has its steps";
                f.write_str(if *is_archived { archived } else { "" })
            }
            Self::FoundLater(then) => {
                f.write_str("no earlier entry says who owned it")?;
                then.iter().try_for_each(|then| write!(f, "; {then}"))
            }
            Self::Silence => {
                f.write_str("no earlier entry says who owned it, and nothing later says who owned it")
            }
            Self::ChangedBetween { how, owner, then: Sighting { operation, owner: found, at } } => write!(
                f,
                "{how}, to {owner}'s name; operation {operation} found {found} at {}: a change in between is not in \
                 the log",
                millis(*at)
            ),
            Self::NotReadBack { operation, to, then } => {
                write!(
                    f,
                    "operation {operation} had a callback about a change to {to} that could not be read back"
                )?;
                later(f, then)
            }
            Self::OutcomeUnknown { operation, from, to, then } => {
                let from = from.as_ref().map(|from| format!("from {from} ")).unwrap_or_default();
                write!(
                    f,
                    "operation {operation} tried to hand it {from}to {to}, and its outcome is not known"
                )?;
                later(f, then)
            }
            Self::UnderWay { operation, from, to, begun, known } => write!(
                f,
                "operation {operation} was handing it from {} to {to} at that moment: begun {}, known {}",
                from.as_deref().unwrap_or("an owner that was not read"),
                millis(*begun),
                millis(*known)
            ),
            Self::EitherOrder([(first, this), (second, that)]) => {
                let name = |owner: &Option<String>| owner.clone().unwrap_or("somebody else".to_owned());
                write!(
                    f,
                    "by operation {first} it was {}, by operation {second} {}: which of them came last is not known",
                    name(this),
                    name(that)
                )
            }
            Self::ClockSetBack(earlier, later) => write!(
                f,
                "operation {earlier} came before operation {later} and has a later time: the clock was set back, and \
                 that time came twice"
            ),
            Self::Contradiction => f.write_str("the entries around that time contradict each other"),
            Self::TooMuchAtOnce => f.write_str("too much happened at once to tell in which order"),
        }
    }
}

impl serde::Serialize for Why {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
