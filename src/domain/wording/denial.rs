//! Why somebody may not, and whom to ask.

use super::message::{CommandName, Line, Message, Tone, op, spans, subject as who, text};
use crate::domain::access::{Action, Denial, Helpers, list};
use crate::domain::audit::OperationId;
use crate::domain::command::CommandGroup;
use crate::domain::principal::Subject;

pub(super) fn denied(
    operation: OperationId,
    denial: &Denial,
    subject: &Subject,
    action: &Action,
    whom: &Helpers,
    name: &CommandName,
) -> Message {
    let room = action.room();
    let name = name.of(match action {
        Action::ShowOwner(_) | Action::Transfer(_) | Action::Override(_) => CommandGroup::Owner,
        Action::ReadAudit | Action::UseConsole => CommandGroup::Audit,
        Action::ReadAcl(_) | Action::EditAcl(_) => CommandGroup::Acl,
    });
    let for_room = |line: Line| line.and_if(room, |line, room| line.text(" for ").code(room));
    let headline = match denial {
        Denial::ChannelNotAuthorised if whom.in_direct_message => {
            text("Not here: nobody can use ").code(&name.0).text(" in a direct message.")
        }
        Denial::ChannelNotAuthorised => {
            text("Not here: this channel is not authorised for ").code(&name.0).text(".")
        }
        Denial::ChannelNotForRoom(scope) => {
            let line = text("Not here: this channel is authorised for ").code(scope).text(" only");
            match action {
                Action::EditAcl(wanted) => {
                    line.text(", and this change is about ").code(list(wanted)).text(".")
                }
                _ if room.is_some() => for_room(line.text(", not")).text("."),
                _ => line.text("."),
            }
        }
        Denial::NoGrant | Denial::WrongRole(_) if room.is_none() || matches!(action, Action::ReadAcl(_)) => {
            text("Not allowed: ").code(&name.0).text(match action {
                Action::ReadAudit => " is for auditors and admins.",
                Action::UseConsole => " console is for whoever has a role.",
                _ => " is for admins.",
            })
        }
        Denial::NoGrant => for_room(text("Not allowed: you have no role")).text("."),
        Denial::DeniedBy(id) => {
            for_room(text("Not allowed: a deny entry (grant ").text(id).text(") names you")).text(".")
        }
        Denial::GroupUnread(id, group) => {
            let line = text("Not allowed right now: the group ").and(who(group));
            line.text(" cannot be read, and a deny entry (grant ").text(id).text(") names it.")
        }
        Denial::Elsewhere => text("Not here: this channel is of another workspace or server than you are."),
        Denial::Lapsed(id, at) => {
            text("Not allowed: your grant ").text(id).text(" ended at ").time(*at).text(".")
        }
        Denial::NotYet(id, at) => {
            text("Not allowed yet: your grant ").text(id).text(" begins at ").time(*at).text(".")
        }
        Denial::OutOfScope(scopes) if let Action::EditAcl(wanted) = action => {
            text("Not allowed: you are an admin for ")
                .code(list(scopes))
                .text(" only, and this change is about ")
                .code(list(wanted))
                .text(".")
        }
        Denial::OutOfScope(scopes) => {
            let covers = text("Not allowed: your role covers ").code(list(scopes));
            match room {
                Some(room) => covers.text(", not ").code(room).text("."),
                None => covers.text(" only."),
            }
        }
        Denial::OtherChannels(id) => text("Not here: your grant ").text(id).text(" is for other channels."),
        Denial::WrongRole(roles) => {
            let what = match action {
                Action::Override(_) => " you cannot override an operation; admins can.",
                _ => " you cannot hand rooms over.",
            };
            text("Not allowed: as ").text(list(roles)).text(what)
        }
        Denial::ForeignOrigin(origin) => return foreign_origin(operation, origin),
    };
    let quoting = |before: &str, behind: &str| {
        let line = text(before).and(an_admin(whom)).text(behind);
        line.text(", and quote your id ").code(subject).text(".")
    };
    let next = match denial {
        Denial::GroupUnread(..) => {
            let line = text("It is read again by itself. Tell whoever runs the bot if it stays like this: ");
            line.code("/readyz").text(" says why.")
        }
        Denial::Elsewhere => text("Use a moderators' channel of your own workspace or server."),
        Denial::ChannelNotAuthorised | Denial::ChannelNotForRoom(_) if whom.in_direct_message => {
            text("Use a moderators' channel.")
        }
        Denial::ChannelNotAuthorised | Denial::ChannelNotForRoom(_) => {
            text("Use a moderators' channel, or ask ").and(an_admin(whom)).text(" to authorise this one.")
        }
        Denial::OtherChannels(_) => {
            text("Use one of those, or ask ").and(an_admin(whom)).text(" for a grant that holds here.")
        }
        _ if matches!(action, Action::ReadAcl(_) | Action::EditAcl(_)) => {
            text("Your id is ").code(subject).text(". ").and(helpers(whom))
        }
        Denial::DeniedBy(_) | Denial::NotYet(..) => quoting("If that is wrong, ask ", ""),
        Denial::Lapsed(..) => quoting("Ask ", " for a new one"),
        _ => quoting("Ask ", " for the role"),
    };
    Message::new(Tone::Stop, headline, vec![next, text("Nothing was done.")]).with_footer(op(operation))
}

/// Whom to ask.
pub(super) fn helpers(whom: &Helpers) -> Line {
    let Some((first, more)) = whom.admins.split_first() else {
        return text(if whom.is_anybody_admin {
            "No other admin can help: ask whoever runs the bot."
        } else {
            "Nobody is an admin yet: whoever runs the bot gives the first role on its machine."
        });
    };
    let line = text("Admins who can help: ").and(who(first));
    more.iter().fold(line, |line, admin| line.text(", ").and(who(admin))).text(".")
}

/// Whom to ask: `@adam or @ada`, if somebody who can help is known.
pub(super) fn an_admin(whom: &Helpers) -> Line {
    let Some((last, others)) = whom.admins.split_last() else {
        return text(if whom.is_anybody_admin {
            "an admin"
        } else {
            "whoever runs the bot (nobody is an admin yet)"
        });
    };
    let Some((first, more)) = others.split_first() else { return who(last) };
    let others = more.iter().fold(who(first), |line, admin| line.text(", ").and(who(admin)));
    others.text(" or ").and(who(last))
}

pub(super) fn foreign_origin(operation: OperationId, origin: &str) -> Message {
    Message::new(
        Tone::Stop,
        {
            let mut line = text("Not served: this bot does not take commands from ");
            line.0.extend(spans(origin).0);
            line.text(".")
        },
        vec![
            text("Use the app that your own workspace installed; an admin of the bot can add this one."),
            text("Nothing was done."),
        ],
    )
    .with_footer(op(operation))
}
