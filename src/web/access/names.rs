//! The names beside the ids of people: a browser shows none by itself.

use std::collections::BTreeSet;

use crate::domain::principal::Subject;
use crate::domain::reply::{AclAnswer, Names, Reply};
use crate::domain::room::visible;
use crate::web::Web;
use crate::web::kinds::Piece;

/// The reply with the names under which those whom it names were last seen.
pub(super) async fn with_names(web: &Web, reply: Reply) -> Reply {
    let buttons = reply.buttons().to_vec();
    let named = match reply.without_buttons() {
        Reply::Acl { operation, answer, absent, .. } => {
            let names = names_in(web, &answer).await;
            Reply::Acl { operation, answer, names, absent }
        }
        other => other,
    };
    named.with_buttons(buttons)
}

async fn names_in(web: &Web, answer: &AclAnswer) -> Names {
    let mut names = Names::new();
    for subject in answer.subjects().into_iter().filter(|it| !it.is_group()).collect::<BTreeSet<_>>() {
        if let Some(name) = web.service.last_seen_name(subject).await {
            names.insert(subject.clone(), name);
        }
    }
    names
}

/// Somebody, by name where it is known.
pub(super) fn who(subject: &Subject, names: &Names) -> Vec<Piece> {
    vec![match names.get(subject) {
        Some(name) => Piece::Named(visible(name), subject.to_string()),
        None => Piece::Code(subject.to_string()),
    }]
}
