//! What is set at Discord and at Tencent.

use room_owner::cli::callbacks::Callbacks;
use room_owner::cli::register::{RegisterArguments, Written};
use room_owner::cli::{self, CallbacksCommand, Exit, Format, WrongUsage};
use room_owner::clock::SystemClock;
use room_owner::discord::register::{Plan, Registrar, Step};
use room_owner::redact::Redactor;
use room_owner::tencent::TencentClient;
use room_owner::tencent::callbacks::{CHANGE_OF_OWNER, Configuration, Configurator};
use room_owner::{discord, stdio, tencent};
use secrecy::{ExposeSecret as _, SecretString};

/// Makes Discord show the commands, and says what helps if it does not take the token.
pub(crate) async fn register(
    settings: &discord::Settings,
    arguments: RegisterArguments,
    redactor: Redactor,
) -> anyhow::Result<()> {
    show_and_write(settings, arguments, redactor).await.map_err(|error| {
        match error.downcast_ref::<discord::Failure>().and_then(discord::Failure::remedy) {
            Some(remedy) => anyhow::anyhow!("{error}: {remedy}"),
            None => error,
        }
    })
}

/// Prints the difference first, then writes it.
async fn show_and_write(
    settings: &discord::Settings,
    RegisterArguments { guild, prune, format }: RegisterArguments,
    redactor: Redactor,
) -> anyhow::Result<()> {
    let registrar = Registrar::new(settings, redactor).await?;
    let plan = registrar.plan(guild.as_deref()).await?;
    let place = plan.scope.to_string();
    let twice = match registrar.twice(guild.as_deref()).await {
        Err(error) if !prune => {
            stdio::say(format_args!("note: whether they are registered twice is not known: {error}"));
            Vec::new()
        }
        twice => twice?,
    };
    let places = twice.iter().map(|plan| plan.scope.to_string()).collect::<Vec<_>>().join(", ");
    // First what is missing: at no time is there no command.
    let plans: Vec<Plan> = std::iter::once(plan).chain(twice.into_iter().filter(|_| prune)).collect();
    let names = discord::names(&settings.command)?.join(", ");
    let is_for_people = format == Format::Table;
    if is_for_people && plans.iter().all(Plan::is_empty) {
        stdio::print(format_args!("Discord shows {names} {place} as it should: nothing was written."))?;
    } else {
        let difference: String = plans.iter().map(Plan::difference).collect();
        let written: Vec<Written> = plans.iter().flat_map(written).collect();
        stdio::say_if_lost(cli::register::show(&written, &difference, format));
        for plan in &plans {
            registrar.apply(plan).await?;
        }
        if is_for_people {
            stdio::say_if_lost(stdio::print(format_args!("Registered {names} {place}.")));
        }
    }
    if !prune && !places.is_empty() {
        stdio::say(format_args!(
            "note: they are registered {places} as well, so that each shows twice there: --prune removes them {places}"
        ));
    }
    Ok(())
}

fn written(plan: &Plan) -> impl Iterator<Item = Written> {
    plan.steps().into_iter().map(|Step { change, command, fields }| Written {
        guild: plan.scope.guild().map(str::to_owned),
        change,
        command,
        fields,
    })
}

/// Shows where callbacks go, or prints the difference and writes it.
pub(crate) async fn callbacks(
    settings: tencent::Settings,
    clock: SystemClock,
    command: CallbacksCommand,
    redactor: Redactor,
) -> anyhow::Result<Exit> {
    if let CallbacksCommand::Set { token: Some(token), .. } = &command {
        tencent::callbacks::check_token(token.expose_secret())
            .map_err(|wrong| WrongUsage(format!("the value of --token {wrong}")))?;
        redactor.learn([token]);
    }
    if let CallbacksCommand::Set { url, .. } = &command {
        tencent::callbacks::check_url(url).map_err(WrongUsage)?;
    }
    let known_token = settings.callback_token.clone();
    let configurator = Configurator::new(TencentClient::new(settings, clock, redactor)?);
    let present = configurator.present().await?;
    let (url, token, replace) = match command {
        CallbacksCommand::Show { format } => {
            cli::callbacks::show(&shown(&present, known_token.as_ref()), format)?;
            return Ok(Exit::Done);
        }
        CallbacksCommand::Set { url, token, replace } => (url, token, replace),
    };
    let change = present.change(&url, token.as_ref().or(known_token.as_ref()));
    if change.is_empty() {
        stdio::print(format_args!("Tencent sends changes of owner to {url} already: nothing was written."))?;
        return Ok(Exit::Done);
    }
    stdio::say_if_lost(stdio::print(change.difference().trim_end()));
    if let Some(other) = change.takes_from().filter(|_| !replace) {
        stdio::say(format_args!(
            "error: nothing was written: `{other}` would get no callbacks any more; --replace takes them from it"
        ));
        return Ok(Exit::Failed);
    }
    configurator.apply(&change).await?;
    stdio::say_if_lost(stdio::print("Written. A new address counts after about two minutes."));
    let known = known_token.as_ref().map(|token| token.expose_secret());
    if token.is_some_and(|token| known != Some(token.expose_secret())) {
        stdio::say(format_args!(
            "note: set TENCENT_CALLBACK_TOKEN to this token as well, or the bot refuses the callbacks"
        ));
    }
    Ok(Exit::Done)
}

pub(crate) fn shown(present: &Configuration, token: Option<&SecretString>) -> Callbacks {
    let has_changes_of_owner = present.commands.iter().any(|command| command == CHANGE_OF_OWNER);
    Callbacks {
        url: present.url.clone(),
        commands: present.commands.clone(),
        missing: (!has_changes_of_owner).then_some(CHANGE_OF_OWNER),
        signed: match (present.is_signed, token.map(|token| present.is_signed_with(token))) {
            (Some(false), _) => "no",
            (None, _) => "Tencent does not say",
            (Some(true), Some(Some(true))) => "yes, with TENCENT_CALLBACK_TOKEN",
            (Some(true), Some(Some(false))) => "yes, with another token than TENCENT_CALLBACK_TOKEN",
            (Some(true), Some(None)) => "yes; Tencent does not say with which token",
            (Some(true), None) => "yes, but TENCENT_CALLBACK_TOKEN is not set",
        },
    }
}
