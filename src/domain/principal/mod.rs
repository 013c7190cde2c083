//! Who asks, and where: the subjects and channels that grants name.
//!
//! Always ids, never names: a name can be taken over by somebody else, an id cannot. Names are
//! captions.

mod channel;
mod id;
mod subject;
#[cfg(test)]
mod tests;

pub use channel::Channel;
pub use id::InvalidId;
pub use subject::Subject;

/// Where a request comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A channel of a chat platform.
    Channel(Channel),
    /// The machine that holds the database. Channels do not apply to it.
    Local,
}

impl Place {
    /// The channel that is named, else this one; `None` if there is neither.
    pub fn or_here(&self, named: Option<&Channel>) -> Option<Channel> {
        match self {
            Self::Channel(here) => Some(named.unwrap_or(here).clone()),
            Self::Local => named.cloned(),
        }
    }
}

/// Who asks, as the platform vouches for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The person.
    pub subject: Subject,
    /// A caption for people to read; never used to decide.
    pub name: Option<String>,
    /// Groups and roles that the person is known to be in.
    pub groups: Vec<Subject>,
    /// Groups and roles that the person is known not to be in.
    pub outside: Outside,
}

/// The groups that somebody is known not to be in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outside {
    /// These alone.
    These(Vec<Subject>),
    /// Every group that they are not known to be in: the platform named all that they are in.
    AllOthers,
}

/// Whether somebody is whom a grant names, or is in the group that it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Membership {
    /// Yes.
    In,
    /// No.
    Out,
    /// Nobody can say right now.
    Unknown,
}

impl Principal {
    /// A principal without caption, of whose groups nothing is known.
    pub fn new(subject: Subject) -> Self {
        Self { subject, name: None, groups: Vec::new(), outside: Outside::These(Vec::new()) }
    }

    /// The same, in these groups and in no others.
    #[must_use]
    pub fn only_in(self, groups: Vec<Subject>) -> Self {
        Self { groups, outside: Outside::AllOthers, ..self }
    }

    /// Every subject that a grant to this principal may name: the person first, then the groups.
    pub fn subjects(&self) -> impl Iterator<Item = &Subject> {
        std::iter::once(&self.subject).chain(&self.groups)
    }

    /// Whether a grant to `subject` names this principal.
    pub fn membership(&self, subject: &Subject) -> Membership {
        if self.subjects().any(|own| own == subject) {
            return Membership::In;
        }
        let is_outside = match &self.outside {
            Outside::AllOthers => true,
            Outside::These(groups) => groups.contains(subject),
        };
        if is_outside || !subject.is_group() || !self.subject.is_beside(subject) {
            Membership::Out
        } else {
            Membership::Unknown
        }
    }
}

macro_rules! serialize_as_text {
    ($($name:ty),*) => {$(
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}
pub(crate) use serialize_as_text;
serialize_as_text!(Subject, Channel);
