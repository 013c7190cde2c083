//! The filters of the log, in an address: those of `/room-audit list`, as its schema describes them.

use super::words::Words;
use crate::domain::command::{
    Command, CommandGroup, Invocation, Kind, Parameter, Question, UsageError, Values, Verb,
};
use crate::domain::room::visible;
use crate::redact::Redactor;

/// How many rows a page has.
const ROWS: u32 = 40;
/// The longest address that is read, behind its path, in bytes.
const LONGEST: usize = 2_000;
/// What a form has no field for: where a page begins, and how long it is.
const OF_THE_PAGE: [&str; 2] = ["before", "limit"];
/// The filters that are shown first.
const FIRST: [&str; 5] = ["room", "text", "since", "until", "outcome"];

/// What is asked of the log: filters and their values.
pub(super) struct Asked(Vec<(&'static str, String)>);

/// A field of the form.
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) label: &'static str,
    pub(super) input: Input,
}

/// How a field is filled in.
pub(super) enum Input {
    /// As text.
    Text(String),
    /// By ticking some of these: the word, what it is called, whether it is ticked.
    Several(Vec<(&'static str, &'static str, bool)>),
    /// By choosing one of these, or none.
    One(Vec<(&'static str, &'static str, bool)>),
    /// By choosing exactly one of these.
    Exactly(Vec<(&'static str, &'static str, bool)>),
    /// By ticking it.
    Yes(bool),
}

fn verb() -> &'static Verb {
    Invocation::named(CommandGroup::Audit, &["list"]).verb
}

/// The parameters that a form has fields for.
pub(super) fn parameters() -> impl Iterator<Item = &'static Parameter> {
    verb().parameters.iter().filter(|parameter| !OF_THE_PAGE.contains(&parameter.name))
}

impl Asked {
    /// What an address asks for, without our secrets; what it leaves empty is not asked for. `None` if it is too long.
    pub(super) fn read(query: Option<&str>, redactor: &Redactor) -> Option<Self> {
        let query = query.unwrap_or_default();
        let pairs = form_urlencoded::parse(query.as_bytes()).filter_map(|(name, value)| {
            let parameter = verb().parameters.iter().find(|it| it.name == name && it.name != "limit")?;
            let value = redactor.text(value.trim()).into_owned();
            (!value.is_empty()).then_some((parameter.name, value))
        });
        (query.len() <= LONGEST).then(|| Self(pairs.collect()))
    }

    /// The line that asks for the same.
    pub(super) fn line(&self) -> String {
        let given = self.0.iter();
        let line = given.fold(Invocation::of(verb()), |line, (name, value)| line.with(name, value));
        format!("/{} {}", CommandGroup::Audit.name(), line.as_typed()).trim_end().to_owned()
    }

    /// What it asks for.
    ///
    /// # Errors
    /// What is wrong with a value.
    pub(super) fn command(&self) -> Result<Command, UsageError> {
        let texts = self.0.iter().map(|(name, value)| (*name, Some(value.clone())));
        match Values::of_texts(verb(), texts)? {
            Command::Audit(question) => Ok(Command::Audit(match *question {
                Question::List(mut filter) => {
                    filter.limit = Some(ROWS);
                    Box::new(Question::List(filter))
                }
                other => Box::new(other),
            })),
            other => Ok(other),
        }
    }

    /// The same as an address, from this operation on; without one, from the newest.
    pub(super) fn query(&self, before: Option<i64>) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(self.0.iter().filter(|(name, _)| *name != "before"));
        if let Some(before) = before {
            query.append_pair("before", &before.to_string());
        }
        query.finish()
    }

    /// Where the case of the room is made, with the same time; `None` if no room is asked for.
    pub(super) fn case_file(&self) -> Option<String> {
        let kept = ["room", "since", "until", "zone"];
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(self.0.iter().filter(|(name, _)| kept.contains(name)));
        self.has("room").then(|| format!("/case?{}", query.finish()))
    }

    fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(known, _)| *known == name).map(|(_, value)| value.as_str())
    }

    /// Whether it asks for this.
    pub(super) fn has(&self, name: &str) -> bool {
        self.all(name).next().is_some()
    }

    /// Whether anything is left out by it.
    pub(super) fn is_narrow(&self) -> bool {
        self.0.iter().any(|(name, _)| *name != "before" && *name != "readings" && *name != "zone")
    }

    /// Whether it goes on as the log does: it begins with the newest entry and has no end.
    pub(super) fn is_open(&self) -> bool {
        !self.has("before") && !self.has("until") && !self.has("operation")
    }

    /// The fields of the form, filled in: those that are shown first, and the rest.
    pub(super) fn fields(&self, said: &dyn Words) -> (Vec<Field>, Vec<Field>) {
        let (mut first, rest): (Vec<_>, Vec<_>) =
            parameters().map(|it| self.field(it, said)).partition(|it| FIRST.contains(&it.name));
        first.sort_by_key(|field| FIRST.iter().position(|name| *name == field.name));
        (first, rest)
    }

    /// Whether one of the fields that are not shown first is filled in.
    pub(super) fn uses_the_rest(&self) -> bool {
        parameters().any(|it| !FIRST.contains(&it.name) && self.has(it.name))
    }

    fn field(&self, parameter: &'static Parameter, said: &dyn Words) -> Field {
        let Parameter { name, kind, help, .. } = *parameter;
        let words: Vec<String> =
            self.all(name).flat_map(|value| value.split(',')).map(|word| word.trim().to_owned()).collect();
        let choice =
            |word: &'static str| (word, said.choice(word), words.iter().any(|chosen| chosen == word));
        let input = match kind {
            Kind::SomeOf(names) => Input::Several(names().into_iter().map(choice).collect()),
            Kind::OneOf(names) => Input::One(names().into_iter().map(choice).collect()),
            Kind::YesOrNo => Input::Yes(words.iter().any(|word| word == "yes")),
            _ => Input::Text(visible(self.all(name).next().unwrap_or_default())),
        };
        Field { name, label: said.filter(name).unwrap_or(help), input }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::language::Language;
    use crate::web::words::words;

    fn asked(query: &str) -> Asked {
        Asked::read(Some(query), &Redactor::default()).unwrap()
    }

    #[test]
    fn an_address_asks_what_the_line_does() {
        for (query, line) in [
            ("", "/room-audit"),
            ("room=live-7&outcome=&since=", "/room-audit room: live-7"),
            (
                "room=my+room&outcome=denied&outcome=refused",
                "/room-audit room: \"my room\" outcome: denied, refused",
            ),
            (
                "since=2026-11-23+14:03&zone=Europe/Berlin",
                "/room-audit since: 2026-11-23 14:03 zone: Europe/Berlin",
            ),
            ("limit=7&nothing=1&readings=yes&before=9", "/room-audit before: 9 readings: yes"),
        ] {
            let asked = asked(query);
            assert_eq!(asked.line(), line);
            let typed = crate::domain::command::Typed::plain(line.strip_prefix("/room-audit").unwrap());
            let Ok(Command::Audit(typed)) = crate::domain::command::parse(CommandGroup::Audit, &typed) else {
                panic!("{line}")
            };
            let (Question::List(mut filter), Ok(Command::Audit(asked))) = (*typed, asked.command()) else {
                panic!("{line}")
            };
            filter.limit = Some(ROWS);
            assert_eq!(*asked, Question::List(filter), "{query}");
        }
    }

    #[test]
    fn a_page_goes_on_with_the_same_filters() {
        let asked = asked("room=my+room&before=9&text=%26%3C");
        assert_eq!(asked.query(Some(4)), "room=my+room&text=%26%3C&before=4");
        assert_eq!(asked.query(None), "room=my+room&text=%26%3C");
        assert!(Asked::read(Some(&"x".repeat(LONGEST + 1)), &Redactor::default()).is_none());
    }

    #[test]
    fn every_filter_and_every_choice_has_its_words_in_every_language() {
        for language in Language::ALL {
            for parameter in parameters() {
                assert!(words(*language).filter(parameter.name).is_some(), "{language}: {}", parameter.name);
                if let Kind::SomeOf(names) | Kind::OneOf(names) = parameter.kind {
                    for name in names() {
                        assert!(!words(*language).choice(name).is_empty(), "{language}: {name}");
                    }
                }
            }
        }
    }
}
