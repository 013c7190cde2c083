//! What a form or an address asks of the ACL: the values of a verb's parameters, as its schema describes them.

use crate::domain::command::{
    Command, CommandGroup, Invocation, Kind, Parameter, Problem, Typed, UsageError, Verb, parse_in,
};
use crate::domain::principal::Place;
use crate::domain::room::visible;
use crate::redact::Redactor;
use crate::web::filters::{Field, Input};
use crate::web::words::Words;

/// The longest address that is read, behind its path, in bytes.
const LONGEST: usize = 2_000;

/// A verb with what was filled in.
pub(super) struct Filled {
    verb: &'static Verb,
    given: Vec<(&'static str, String)>,
}

/// The names and values of an address. `None` if it is too long.
pub(super) fn pairs(query: Option<&str>) -> Option<Vec<(String, String)>> {
    let query = query.unwrap_or_default();
    (query.len() <= LONGEST).then(|| form_urlencoded::parse(query.as_bytes()).into_owned().collect())
}

/// A value of an address.
pub(super) fn value<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    pairs.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

impl Filled {
    /// What is filled in for a verb of `/room-acl`, without our secrets. What is left empty is not given.
    pub(super) fn read<'a>(
        words: &[&str],
        get: impl Fn(&'static str) -> Option<&'a str>,
        redactor: &Redactor,
    ) -> Self {
        let verb = Invocation::named(CommandGroup::Acl, words).verb;
        let given = verb.parameters.iter().filter_map(|parameter| {
            let value = redactor.text(get(parameter.name)?.trim()).into_owned();
            (!value.is_empty()).then_some((parameter.name, value))
        });
        Self { verb, given: given.collect() }
    }

    /// The value of a parameter.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.given.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }

    /// Whether nothing is filled in.
    pub(super) fn is_empty(&self) -> bool {
        self.given.is_empty()
    }

    /// With a value where there is none.
    pub(super) fn or(mut self, name: &'static str, value: Option<String>) -> Self {
        if self.get(name).is_none() {
            self.given.extend(value.map(|value| (name, value)));
        }
        self
    }

    /// Without the values of these.
    pub(super) fn without(mut self, names: &[&str]) -> Self {
        self.given.retain(|(name, _)| !names.contains(name));
        self
    }

    fn invocation(&self) -> Invocation {
        let given = self.given.iter();
        given.fold(Invocation::of(self.verb), |line, (name, value)| line.with(name, value))
    }

    /// The line that asks for the same.
    pub(super) fn line(&self) -> String {
        format!("/{} {}", CommandGroup::Acl.name(), self.invocation().as_typed()).trim_end().to_owned()
    }

    /// What it asks for, where it is asked. On the bot's machine there is no channel to be meant: `needs_channel` says
    /// whether it is about one.
    ///
    /// # Errors
    /// What is wrong with a value, or that a channel is missing.
    pub(super) fn command(&self, place: &Place, needs_channel: bool) -> Result<Command, UsageError> {
        let here = place.or_here(None);
        if needs_channel && here.is_none() && self.get("channel").is_none() {
            return Err(UsageError::of(self.verb, Problem::Missing("<channel>")));
        }
        // Typed without it, the words behind it would be taken for others.
        let missing = |it: &&Parameter| it.is_required && self.get(it.name).is_none();
        if let Some(missing) = self.verb.parameters.iter().find(missing) {
            return Err(UsageError::of(self.verb, Problem::Missing(missing.placeholder)));
        }
        parse_in(CommandGroup::Acl, &Typed::plain(&self.invocation().as_typed()), here.as_ref())
    }

    /// The values, for a form that sends them unseen, without that of one.
    pub(super) fn unseen(&self, without: &str) -> Vec<(&'static str, String)> {
        self.given.iter().filter(|(name, _)| *name != without).cloned().collect()
    }

    /// The fields of the form, filled in, without some.
    pub(super) fn fields(&self, said: &dyn Words, without: &[&str]) -> Vec<Field> {
        let parameters = self.verb.parameters.iter().filter(|it| !without.contains(&it.name));
        parameters.map(|parameter| self.field(parameter, said)).collect()
    }

    fn field(&self, parameter: &'static Parameter, said: &dyn Words) -> Field {
        let Parameter { name, kind, help, .. } = *parameter;
        let given = self.get(name).unwrap_or_default();
        let choice = |word: &'static str| (word, said.choice_of_access(word), word == given);
        let input = match kind {
            Kind::OneOf(names) => Input::Exactly(names().into_iter().map(choice).collect()),
            Kind::YesOrNo => Input::Yes(given == "yes"),
            _ => Input::Text(visible(given)),
        };
        Field { name, label: said.field_of_access(self.label_of(name)).unwrap_or(help), input }
    }

    /// The name of a field's label: what it means to leave it empty differs.
    fn label_of(&self, name: &'static str) -> &'static str {
        match (self.verb.words, name) {
            (["room"], "rooms") => "marked-rooms",
            (["announce", ..], "rooms") => "announced-rooms",
            (["grant" | "deny"], "channel") => "only-channel",
            (["why"], "who") => "who-or-you",
            _ => name,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::command::AclCommand;
    use crate::domain::language::Language;
    use crate::web::kinds::Change;
    use crate::web::words::words;

    fn filled(change: Change, given: &[(&'static str, &str)]) -> Filled {
        let get = |name: &str| given.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
        Filled::read(change.words(), get, &Redactor::default())
    }

    #[test]
    fn a_form_asks_what_the_line_does() {
        for (change, given, line) in [
            (
                Change::Grant,
                vec![
                    ("who", "slack:T1:U2 slack:T1:U3"),
                    ("role", "moderator"),
                    ("rooms", "vip-1, my room"),
                    ("for", "8h"),
                ],
                "/room-acl grant slack:T1:U2 slack:T1:U3 moderator rooms: \"vip-1, my room\" for: 8h",
            ),
            (
                Change::Revoke,
                vec![("grant", "3"), ("reason", "on leave")],
                "/room-acl revoke 3 reason: on leave",
            ),
            (Change::Mark, vec![("rooms", "live-*"), ("mark", "off")], "/room-acl room live-* off"),
            (Change::StopAnnouncing, vec![("channel", "slack:T1:C1")], "/room-acl announce off slack:T1:C1"),
        ] {
            let filled = filled(change, &given);
            assert_eq!(filled.line(), line);
            let command = filled.command(&Place::Local, false);
            assert!(matches!(command, Ok(Command::Acl(AclCommand::Edit { .. }))), "{line}: {command:?}");
        }
    }

    #[test]
    fn on_the_bots_machine_no_channel_is_meant() {
        let filled = filled(Change::Allow, &[("rooms", "live-*")]);
        let error = filled.command(&Place::Local, Change::Allow.is_of_a_channel()).unwrap_err();
        assert_eq!(error.problem, Problem::Missing("<channel>"));
    }

    #[test]
    fn every_field_and_every_choice_has_its_words_in_every_language() {
        for (language, change) in Language::ALL.iter().flat_map(|it| Change::ALL.map(|change| (it, change))) {
            for parameter in filled(change, &[]).verb.parameters {
                let said = words(*language);
                let label = filled(change, &[]).label_of(parameter.name);
                assert!(said.field_of_access(label).is_some(), "{language}: {label}");
                if let Kind::OneOf(names) = parameter.kind {
                    for name in names() {
                        assert!(!said.choice_of_access(name).is_empty(), "{language}: {name}");
                    }
                }
            }
        }
    }
}
