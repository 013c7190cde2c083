//! The help, made from the grammar and the caller's own rights.

use super::{CommandName, Line, Message, Tone, code, op, text};
use crate::domain::access::{Right, Role};
use crate::domain::audit::OperationId;
use crate::domain::principal::Subject;

/// One line of the grammar, as the help shows it.
struct Form {
    arguments: &'static str,
    does: &'static str,
    needs: fn(&[Right]) -> bool,
}

const FORMS: [Form; 4] = [
    Form { arguments: "<room>", does: "shows who owns the room", needs: |rights| !rights.is_empty() },
    Form { arguments: "<room> <new_owner>", does: "hands the room over", needs: may_transfer },
    Form {
        arguments: "<room> <new_owner> reason: <why>",
        does: "the same, and keeps the reason with the record",
        needs: may_transfer,
    },
    Form {
        arguments: "\"my room\" <new_owner>",
        does: "a room id with spaces goes in quotes",
        needs: may_transfer,
    },
];

fn may_transfer(rights: &[Right]) -> bool {
    rights.iter().any(|right| matches!(right.role, Role::Moderator | Role::Admin))
}

pub(super) fn help(
    operation: OperationId,
    subject: &Subject,
    rights: &[Right],
    name: &CommandName,
) -> Message {
    let mut body: Vec<Line> = FORMS
        .iter()
        .filter(|form| (form.needs)(rights))
        .map(|form| code(name.with(form.arguments)).text(" ").text(form.does))
        .collect();
    let headline = if rights.is_empty() {
        body.push(text("Ask an admin for a role, and quote your id ").code(subject).text("."));
        code(&name.0).text(" hands a live room to a new owner. You have no role in this channel yet.")
    } else {
        let mut line = text("You are: ");
        for (n, right) in rights.iter().enumerate() {
            line =
                line.text(if n == 0 { "" } else { ", " }).text(right.role).text(" for ").code(&right.rooms);
        }
        body.push(line.text("."));
        code(&name.0).text(" hands a live room to a new owner.")
    };
    Message { tone: Tone::Plain, headline, body, footer: Some(op(operation)) }
}
