//! The help, made from the schema and the caller's own rights.

use super::acl::{denied, unknown};
use super::denial::an_admin;
use super::lists::MOST_GRANTS;
use super::message::{CommandName, Line, Message, Tone, code, op, several, text};
use crate::domain::access::{CallerRights, Helpers, Right};
use crate::domain::audit::OperationId;
use crate::domain::command::Style;
use crate::domain::command::{CommandGroup, Invocation, Verb};
use crate::domain::principal::Subject;

pub(super) fn help(
    operation: OperationId,
    family: CommandGroup,
    subject: &Subject,
    caller_rights: &CallerRights,
    whom: &Helpers,
    name: &CommandName,
) -> Message {
    let name = name.of(family);
    let CallerRights { rights, denials, unread, is_authorised } = caller_rights;
    let mut body: Vec<Line> = Verb::all(family)
        .iter()
        .flat_map(|verb| verb.examples_for(rights).map(move |example| (verb, example)))
        // Quotes around a room, and some verbs, are for those who type words.
        .filter(|(verb, example)| {
            name.1 != Style::Options || !(verb.is_only_typed() || example.is_about_quotes)
        })
        .map(|(verb, example)| {
            code(name.line(&Invocation::example(verb, example))).text(" ").text(example.does)
        })
        .collect();
    let does = match family {
        CommandGroup::Owner => " hands a live room to a new owner.",
        CommandGroup::Acl => " says who may do what, and changes it.",
        CommandGroup::Audit => " shows what was done.",
    };
    let headline = if rights.is_empty() {
        let ask = |before: &str, behind: &str| text(before).and(an_admin(whom)).text(behind);
        let (why, next) = match (denials.is_empty() && unread.is_empty(), is_authorised) {
            (true, true) => (" You have no role in this channel yet.", ask("Ask ", " for a role")),
            (true, false) if whom.in_direct_message => (
                " Nobody can use it in a direct message.",
                ask("Use a moderators' channel, or ask ", " for a role"),
            ),
            (true, false) => (
                " This channel is not authorised for it.",
                ask("Use a moderators' channel, or ask ", " to authorise this one"),
            ),
            (false, _) => (" You have no role in this channel.", ask("If that is wrong, ask ", "")),
        };
        body.extend(denied(denials));
        body.extend(unknown(unread));
        body.push(next.text(", and quote your id ").code(subject).text("."));
        code(&name.0).text(does).text(why)
    } else {
        let line = |right: &Right| text(right.role).text(" for ").code(&right.rooms);
        body.push(text("You are: ").and(several(rights, MOST_GRANTS, line)).text("."));
        body.extend(denied(denials));
        body.extend(unknown(unread));
        code(&name.0).text(does)
    };
    Message::new(Tone::Plain, headline, body).with_footer(op(operation))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::access::Role;
    use crate::domain::command::Place;
    use crate::domain::principal::Principal;
    use crate::domain::reply::{AclAnswer, Reply};
    use crate::domain::wording::message;

    #[test]
    fn however_many_grants_there_are_a_message_stays_short() {
        let right = |n| {
            let rooms = format!("live-{n}").parse().unwrap();
            Right { role: Role::Moderator, rooms, without: Vec::new() }
        };
        let caller_rights =
            CallerRights { rights: (0..10_000).map(right).collect(), ..CallerRights::default() };
        let subject: Subject = "slack:T1:U1".parse().unwrap();
        let operation = OperationId::new(7);
        let principal =
            Principal { groups: vec![subject.clone(); 10_000], ..Principal::new(subject.clone()) };
        let whoami = AclAnswer::WhoAmI {
            principal,
            place: Place::Local,
            caller_rights: Box::new(caller_rights.clone()),
            helpers: Helpers::default(),
        };
        let family = CommandGroup::Owner;
        let help = Reply::Help { operation, family, subject, caller_rights, helpers: Helpers::default() };
        let whoami =
            Reply::Acl { operation, answer: Box::new(whoami), names: Default::default(), absent: Vec::new() };
        for reply in [help, whoami] {
            let message = message(&reply, &CommandName::slash(""));
            let text: String = message.body.iter().map(|line| format!("{line}\n")).collect();
            assert!(text.len() < 2_000 && text.contains("`live-7` and 9992 more."), "{text}");
        }
    }
}
