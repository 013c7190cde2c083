//! The console itself: links to sign in with, sessions and their end; and how far somebody may see in it now.

use super::rooms::live;
use crate::app::console::Console;
use crate::app::ports::StoreError;
use crate::app::service::{CommandService, OnRecord, not_recorded};
use crate::domain::access::{Action, Decision, EffectiveScope, RoomScope, decide};
use crate::domain::audit::OperationId;
use crate::domain::command::{CommandRequest, Place};
use crate::domain::principal::Principal;
use crate::domain::reply::{ConsoleAnswer, Reply, SignInLink};
use crate::domain::session::{ConsoleCommand, LINK_FOR, SESSION_FOR, Session, Token, TokenHash};

/// The answer to what is asked of the console, which is permitted and on record.
pub(super) async fn answer(
    service: &CommandService,
    request: &CommandRequest,
    on_record: &OnRecord,
    command: &ConsoleCommand,
) -> Reply {
    let operation = on_record.operation;
    let answer = match service.console() {
        None => Ok(ConsoleAnswer::Off),
        Some(console) => carry_out(service, console, request, on_record, command).await,
    };
    match answer {
        Ok(answer) => Reply::Console { operation, answer: Box::new(answer) },
        Err(error) => not_recorded(&error),
    }
}

async fn carry_out(
    service: &CommandService,
    console: &Console,
    request: &CommandRequest,
    on_record: &OnRecord,
    command: &ConsoleCommand,
) -> Result<ConsoleAnswer, StoreError> {
    let (sessions, now) = (&console.sessions, service.clock.now());
    Ok(match command {
        ConsoleCommand::Link => link(service, console, request, on_record.operation).await?,
        ConsoleCommand::SignIn(link, token) => sign_in(service, console, link, token).await?,
        ConsoleCommand::Rooms => {
            ConsoleAnswer::Rooms(live(service, request, on_record, Action::ShowOwner).await)
        }
        ConsoleCommand::Sessions => {
            let end_any = Action::EditAcl(vec![RoomScope::All]);
            let is_all = service.may(&request.principal, &request.place, end_any, &on_record.acl);
            let mut shown = sessions.sessions(now).await?;
            shown.retain(|session| is_all || session.subject == request.principal.subject);
            ConsoleAnswer::Sessions(shown, is_all)
        }
        ConsoleCommand::Leave(session) => {
            let all = sessions.sessions(now).await?;
            let is_own = |one: &Session| one.id == *session && one.subject == request.principal.subject;
            ConsoleAnswer::Ended(all.iter().any(is_own) && sessions.end(*session, now).await?)
        }
        ConsoleCommand::End(session) => ConsoleAnswer::Ended(sessions.end(*session, now).await?),
    })
}

async fn link(
    service: &CommandService,
    console: &Console,
    request: &CommandRequest,
    operation: OperationId,
) -> Result<ConsoleAnswer, StoreError> {
    let token = Token::new(rand::random());
    let now = service.clock.now();
    let until = now.saturating_add(LINK_FOR).map_err(|error| StoreError(error.to_string()))?;
    let whose = Session {
        id: operation,
        subject: request.principal.subject.clone(),
        name: request.principal.name.clone(),
        member_of: request.principal.groups.clone(),
        place: request.place.clone(),
        asked_at: now,
        since: None,
        until,
    };
    console.sessions.offer(&token.hash(), &whose).await?;
    let address = format!("{}/sign-in/{}", console.origin, token.expose());
    Ok(ConsoleAnswer::Link(SignInLink { address, until }))
}

async fn sign_in(
    service: &CommandService,
    console: &Console,
    link: &TokenHash,
    token: &TokenHash,
) -> Result<ConsoleAnswer, StoreError> {
    let now = service.clock.now();
    let until = now.saturating_add(SESSION_FOR).map_err(|error| StoreError(error.to_string()))?;
    Ok(match console.sessions.sign_in(link, token, now, until).await? {
        Ok(session) => ConsoleAnswer::SignedIn(Box::new(session)),
        Err(why) => ConsoleAnswer::NotSignedIn(why),
    })
}

/// How far somebody may read the log from this place now; `None` if they may not. Nothing is recorded: it is for what
/// goes on showing what was asked for on record.
///
/// # Errors
/// When the ACL cannot be read.
pub async fn reach(
    service: &CommandService,
    principal: &Principal,
    place: &Place,
) -> Result<Option<EffectiveScope>, StoreError> {
    let acl = service.store.acl_for(principal, place).await?;
    Ok(match decide(principal, place, Action::ReadAudit, &acl, service.clock.now()) {
        Decision::Permit(permit) => Some(permit.reach().clone()),
        Decision::Deny(_) => None,
    })
}
