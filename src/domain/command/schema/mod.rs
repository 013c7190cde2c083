//! Every verb of every chat command, described once: its words, what it takes, who may use it, what it does.
//!
//! The text grammar ([`parse`](super::parse)), Discord's registration and the reading of its options, help, usage
//! hints and corrected lines are all made from these tables. A new verb is an entry in the table of its command.

mod acl;
mod audit;
mod owner;

use super::parameter::{Kind, Parameter, Position, positional};
use super::values::Values;
use super::{Command, CommandGroup, Problem};
use crate::domain::access::{Right, Role};

pub use acl::{AclCommand, Edit, Ends, Listed, Section, Why, read_answer};
pub use audit::Question;
pub use owner::OwnerQuestion;

/// One thing that can be asked with a command.
pub struct Verb {
    /// The command that it belongs to.
    pub family: CommandGroup,
    /// The words that it begins with: `channel allow`. None for the one that is meant by arguments alone.
    pub words: &'static [&'static str],
    /// Other words for the first one.
    pub aliases: &'static [&'static str],
    /// Whether the words may be left out where the command is typed, given the first argument.
    pub may_be_bare: fn(Option<&str>) -> bool,
    /// What it does, in at most 100 characters: Discord's limit for a description.
    pub summary: &'static str,
    /// Who may use it.
    pub needs: Needs,
    /// What it takes, in the order in which positional ones are typed.
    pub parameters: &'static [Parameter],
    /// How help shows it.
    pub examples: &'static [Example],
    /// Makes the command of what was given.
    pub build: fn(&mut Values) -> Result<Command, Problem>,
}

/// A line of help: arguments that show what can be given, and what they do.
pub struct Example {
    /// The parameters' names and what stands for them.
    pub given: &'static [(&'static str, &'static str)],
    /// What it does.
    pub does: &'static str,
    /// Who is shown it, if not everybody who may use the verb.
    pub needs: Option<Needs>,
    /// Whether it is about quotes, which nobody needs who fills in options.
    pub is_about_quotes: bool,
}

/// Who is shown a verb. It permits nothing: that is decided with each command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Everybody.
    Nothing,
    /// Whoever has a role, and may see who owns rooms.
    AnyRole,
    /// Whoever has this role, or is an admin.
    Role(Role),
}

impl Needs {
    /// Whether somebody with these rights is shown it.
    pub fn met_by(self, rights: &[Right]) -> bool {
        match self {
            Self::Nothing => true,
            Self::AnyRole => rights.iter().any(|right| right.lets(None)),
            Self::Role(role) => rights.iter().any(|right| right.lets(Some(role))),
        }
    }
}

impl Verb {
    /// The verbs of a command, in the order in which people read them.
    pub fn all(family: CommandGroup) -> &'static [Self] {
        match family {
            CommandGroup::Owner => owner::VERBS,
            CommandGroup::Acl => acl::VERBS,
            CommandGroup::Audit => audit::VERBS,
        }
    }

    /// The verb with these words.
    pub fn with_words(family: CommandGroup, words: &[&str]) -> Option<&'static Self> {
        Self::all(family).iter().find(|verb| verb.words == words)
    }

    /// The verbs of every command that begin with this word.
    pub fn beginning_with(word: &str) -> impl Iterator<Item = &'static Self> {
        let all = CommandGroup::ALL.into_iter().flat_map(Self::all);
        all.filter(move |verb| {
            let mut words = verb.words.iter().take(1).chain(verb.aliases);
            words.any(|known| word.eq_ignore_ascii_case(known))
        })
    }

    /// How many words of a line that starts with these name the verb; 0 if it is not named.
    pub fn length_in(&self, start: &[impl AsRef<str>]) -> usize {
        let is = |word: &str, typed: &str| typed.eq_ignore_ascii_case(word);
        let first = start.first().map_or("", AsRef::as_ref);
        let whole = || self.words.iter().zip(start).all(|(word, typed)| is(word, typed.as_ref()));
        match self.words.len() {
            length if start.len() >= length && whole() => length,
            _ => usize::from(self.aliases.iter().any(|alias| is(alias, first))),
        }
    }

    /// Whether it can only be typed: a command of Discord's has options of its own or subcommands, never both.
    pub fn is_only_typed(&self) -> bool {
        !self.words.is_empty() && Self::with_words(self.family, &[]).is_some()
    }

    /// The parameter with this name.
    pub fn parameter(&self, name: &str) -> Option<&'static Parameter> {
        self.parameters.iter().find(|parameter| parameter.name == name)
    }

    /// The key that was typed, or the one that it is a typing error away from.
    pub fn key_near(&self, typed: &str) -> Option<&'static str> {
        let typed = typed.to_ascii_lowercase();
        let keys = || self.parameters.iter().flat_map(|it| it.keys).copied();
        let near = |key: &&str| strsim::osa_distance(key, &typed) <= key.len() / 4;
        keys().find(|key| *key == typed).or_else(|| keys().find(near))
    }

    /// The parameters that their place names, in order.
    pub fn positional(&self) -> impl DoubleEndedIterator<Item = &'static Parameter> + Clone {
        self.parameters.iter().filter(|parameter| parameter.place != Position::Never)
    }

    /// The examples that somebody with these rights is shown.
    pub fn examples_for(&self, rights: &[Right]) -> impl Iterator<Item = &'static Example> {
        let met = |needs: Needs| needs.met_by(rights);
        self.examples.iter().filter(move |example| met(example.needs.unwrap_or(self.needs)))
    }
}

/// A verb whose words are always typed, and which has no others.
const fn verb(
    (family, needs): (CommandGroup, Needs),
    words: &'static [&'static str],
    summary: &'static str,
    parameters: &'static [Parameter],
    examples: &'static [Example],
    build: fn(&mut Values) -> Result<Command, Problem>,
) -> Verb {
    Verb { family, words, aliases: &[], may_be_bare: |_| false, summary, needs, parameters, examples, build }
}

impl PartialEq for Verb {
    fn eq(&self, other: &Self) -> bool {
        self.family == other.family && self.words == other.words
    }
}

impl Eq for Verb {}

impl std::fmt::Debug for Verb {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.family.name(), self.words.join(" "))
    }
}

/// The words may be left out of a line that has no arguments.
const fn alone(first: Option<&str>) -> bool {
    first.is_none()
}

const fn example(given: &'static [(&'static str, &'static str)], does: &'static str) -> Example {
    Example { given, does, needs: None, is_about_quotes: false }
}

/// The room that a question is about.
const ROOM: Parameter = positional("room", "<room>", &["room"], Kind::Room, "The RoomId of the live room");

/// `help`, which every command has.
const fn help(family: CommandGroup, build: fn(&mut Values) -> Result<Command, Problem>) -> Verb {
    Verb {
        aliases: &["--help", "—help", "-h", "?", "help?"],
        may_be_bare: alone,
        ..verb(
            (family, Needs::Nothing),
            &["help"],
            "What can be asked, and what of it you may do",
            &[],
            &[],
            build,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_fit_discords_limits_and_contradict_nothing() {
        for family in CommandGroup::ALL {
            for (n, verb) in Verb::all(family).iter().enumerate() {
                assert_eq!(verb.family, family);
                assert!(!Verb::all(family)[..n].contains(verb), "{verb:?} is there twice");
                assert!(verb.summary.chars().count() <= 100, "{verb:?}");
                for (n, parameter) in verb.parameters.iter().enumerate() {
                    let name = parameter.name;
                    assert!(parameter.help.chars().count() <= 100, "{verb:?} {name}");
                    assert!(
                        parameter.place == Position::Usual || !parameter.keys.is_empty(),
                        "{verb:?} {name}"
                    );
                    assert!(verb.parameters[..n].iter().all(|other| other.name != name), "{verb:?} {name}");
                }
                for (name, _) in verb.examples.iter().flat_map(|example| example.given) {
                    assert!(verb.parameter(name).is_some(), "{verb:?}: the example names `{name}`");
                }
            }
        }
    }
}
