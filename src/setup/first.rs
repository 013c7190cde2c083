//! The first channel and the first admin: ordinary, recorded operations of whoever is on the machine.

use std::sync::Arc;

use crate::app::commands::at_once;
use crate::app::local;
use crate::app::ports::{Clock, Known, Store as _};
use crate::cli::init::InitArguments;
use crate::cli::{self, Exit};
use crate::config::{self, Environment};
use crate::domain::access::{AuthorisedChannel, Effect, Grant, NewGrant, Role, RoomScope, is_live, is_open};
use crate::domain::command::{AclCommand, Command, CommandRequest, Edit};
use crate::domain::principal::{Channel, Subject};
use crate::domain::wording::{CommandName, LOCAL_ACL, message};
use crate::stdio;
use crate::store::SqliteStore;
use crate::telemetry::Metrics;

/// Adds those that are not there yet, and closes the database.
pub(super) async fn entries<C: Clock + Clone + 'static>(
    store: SqliteStore,
    arguments: &InitArguments,
    environment: &Environment,
    clock: C,
) -> anyhow::Result<Exit> {
    let store = Arc::new(store);
    let now = clock.now();
    let (channels, grants) = (store.channels().await?, store.live_grants(now).await?);
    let is_open = |channel: &Channel| {
        let all = |entry: &&AuthorisedChannel| entry.channel == *channel && is_open(entry, now);
        channels.iter().filter(all).any(|entry| entry.rooms == RoomScope::All)
    };
    let is_admin = |subject: &Subject| {
        let whole = |grant: &&Grant| {
            grant.subject == *subject
                && grant.role == Role::Admin
                && grant.effect == Effect::Permit
                && grant.rooms == RoomScope::All
                && grant.channels.is_empty()
                && is_live(grant, now)
        };
        grants.iter().any(|grant| whole(&grant))
    };
    let mut edits = Vec::new();
    for channel in &arguments.channels {
        match is_open(channel) {
            true => stdio::say(format_args!("{channel} is authorised already")),
            false => edits.push(Edit::AllowChannel(Some(channel.clone()), RoomScope::All)),
        }
    }
    for subject in &arguments.admins {
        match is_admin(subject) {
            true => stdio::say(format_args!("{subject} is an admin already")),
            false => edits.push(Edit::Grant { grants: vec![admin(subject)], ends: None }),
        }
    }
    let exit = carry_out(edits, &store, environment, clock).await;
    store.close().await;
    exit
}

fn admin(subject: &Subject) -> NewGrant {
    NewGrant {
        subject: subject.clone(),
        role: Role::Admin,
        effect: Effect::Permit,
        rooms: RoomScope::All,
        channels: Vec::new(),
        expires_at: None,
    }
}

async fn carry_out<C: Clock + 'static>(
    edits: Vec<Edit>,
    store: &Arc<SqliteStore>,
    environment: &Environment,
    clock: C,
) -> anyhow::Result<Exit> {
    let mut exit = Exit::Done;
    if edits.is_empty() {
        return Ok(exit);
    }
    let principal = cli::local_principal(environment.sudo_user())?;
    let typed = cli::as_typed(std::env::args().skip(1));
    let typed = environment.redactor().text(&typed).into_owned();
    let known = Known { readings: store.group_readings().await?, ..config::known(environment) };
    let service =
        local::service(Arc::clone(store) as _, Arc::new(clock), Arc::new(Metrics::default()), known);
    for edit in edits {
        let edit = AclCommand::Edit { edit, reason: None, force: false, if_version: None };
        let request = CommandRequest::local(principal.clone(), typed.clone(), Ok(Command::Acl(edit)));
        let reply = service.handle(request, at_once).await.into_reply();
        stdio::say(cli::text(&message(&reply, &CommandName::local(LOCAL_ACL))).trim_end());
        if exit == Exit::Done {
            exit = reply.outcome().into();
        }
    }
    Ok(exit)
}
