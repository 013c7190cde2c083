//! The program: parses the command line, reads the settings, wires the parts and runs.

#![warn(clippy::print_stderr, clippy::print_stdout)]

use std::collections::HashSet;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Parser as _;
use room_owner::app::acl::local_permit;
use room_owner::app::local;
use room_owner::app::ports::{Clock as _, Known, Store as _};
use room_owner::app::service::{CommandService, Timing};
use room_owner::bench::{self, Kind, Load, What};
use room_owner::bot::{self, Bot, Signals};
use room_owner::cli::archive::ArchiveArguments;
use room_owner::cli::audit::AuditCommand;
use room_owner::cli::callbacks::Callbacks;
use room_owner::cli::verify::{Proof, ProveArguments, VerifyArguments};
use room_owner::cli::{
    self, Arguments, BenchArguments, CallbacksCommand, Caller, Command, DiscordCommand, Exit, Format,
    TencentCommand, WrongUsage,
};
use room_owner::clock::SystemClock;
use room_owner::config::{self, Common, Config, ConfigError, Environment, Terminal, Usable};
use room_owner::discord::register::Registrar;
use room_owner::domain::command::CommandGroup;
use room_owner::merkle::proof::InclusionProof;
use room_owner::merkle::{SigningKey, VerifierKey};
use room_owner::redact::Redactor;
use room_owner::stdio::{Cause, OutputError};
use room_owner::store::archive::{self, Order};
use room_owner::store::verify::{self as verification, Evidence};
use room_owner::store::{Database, IfMissing, LogCopy, SqliteStore, backup, proofs};
use room_owner::tencent::TencentClient;
use room_owner::tencent::callbacks::{CHANGE_OF_OWNER, Configuration, Configurator};
use room_owner::{demo, discord, doctor, http, setup, stdio, telemetry, tencent};
use secrecy::{ExposeSecret as _, SecretString};
use tracing::warn;

fn main() -> ExitCode {
    telemetry::log_panics();
    let _last = Flushing;
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(answer) => return usage(&answer).into(),
    };
    let Terminal { colours, pager } = Terminal::read();
    cli::screen::set_up(arguments.output, colours, pager);
    let runtime =
        match tokio::runtime::Builder::new_multi_thread().worker_threads(workers()).enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => {
                stdio::say(format_args!("error: the program cannot start its threads: {error}"));
                return Exit::Failed.into();
            }
        };
    match runtime.block_on(run(arguments.command)) {
        Ok(exit) => exit.into(),
        // `| head` closes the pipe early: not an error.
        Err(error) if OutputError::is_closed_pipe(error.as_ref()) => Exit::Done.into(),
        Err(error) => {
            let redactor = Environment::read().redactor();
            stdio::say(format_args!("error: {}", redactor.text(&format!("{error:#}"))));
            let is_usage = error.is::<ConfigError>() || error.is::<WrongUsage>();
            let exit = if is_usage { Exit::Usage } else { Exit::Failed };
            exit.into()
        }
    }
}

/// How many threads work on requests: the database has one of its own beside them, which needs a core as much,
/// and a thread more than there are cores makes each command wait for more changes between them.
fn workers() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| cores.get().saturating_sub(1).clamp(1, 8))
}

fn to_measure(arguments: BenchArguments) -> anyhow::Result<What> {
    let BenchArguments {
        commands, connections, rate, denials, one_call, standard, line, folder, audit, ..
    } = arguments;
    let program = std::env::args().next().context("the program does not know its own name")?.into();
    let kind = match (denials, one_call) {
        (true, _) => Kind::Denials,
        (_, true) => Kind::OneCall,
        _ => Kind::Transfers,
    };
    if let Some(events) = audit.filter(|events| !bench::EVENTS.contains(events)) {
        let (least, most) = (bench::EVENTS.start(), bench::EVENTS.end());
        return Err(
            WrongUsage(format!("`--audit {events}`: from {least} to {most} events can be measured")).into()
        );
    }
    Ok(match audit {
        Some(events) => What::Audit { events, folder },
        None if standard => What::Standard { program, folder },
        None => What::Commands(Load { commands, connections, rate, kind, line, folder, program }),
    })
}

/// Says what clap has to say: help that was asked for, or what is wrong with the command line.
fn usage(answer: &clap::Error) -> Exit {
    let exit = if answer.use_stderr() { Exit::Usage } else { Exit::Done };
    if answer.use_stderr() && !stdio::stderr_is_terminal() {
        stdio::say(answer.render().to_string().trim_end());
        cli::meant(answer).into_iter().for_each(stdio::say);
        return exit;
    }
    let printed = answer.print();
    if let Some(tip) = cli::meant(answer) {
        stdio::say(tip);
    }
    match printed {
        Err(error) if exit == Exit::Done && error.kind() != std::io::ErrorKind::BrokenPipe => {
            stdio::say(format_args!("error: the output could not be written: {error}"));
            Exit::Failed
        }
        _ => exit,
    }
}

/// Waits at the end until the last lines are written, after a panic too.
struct Flushing;

impl Drop for Flushing {
    fn drop(&mut self) {
        stdio::flush();
    }
}

async fn run(command: Command) -> anyhow::Result<Exit> {
    bot::install_cryptography();
    let clock = SystemClock;
    match command {
        Command::Demo { once } => {
            telemetry::start_logging(&Common::default(), "error");
            demo::run(once).await?;
        }
        Command::Bench(arguments) => {
            telemetry::start_logging(&Common::default(), "error");
            match arguments.outside {
                true => bench::outside().await?,
                false => bench::run(to_measure(arguments)?).await?,
            }
        }
        Command::Serve => {
            let environment = Environment::read();
            let config = Config::from(&environment)?;
            let common = begun(&environment, "info")?;
            let checks = async move { doctor::at_start(&environment, clock).await };
            bot::serve(common.database(), config, clock, checks).await?;
        }
        Command::Simulator(arguments) => {
            let (environment, _) = settings("info")?;
            setup::simulate(&environment, arguments, bot::end_requested()).await?;
        }
        Command::Completions { shell } => cli::manual::completions(shell)?,
        Command::Man { out } => cli::manual::man(out.as_deref())?,
        Command::Owner(arguments) => {
            let (bot, caller) = local_bot(clock, Access::Reads).await?;
            let exit = cli::owner::run(&bot.service, caller, arguments).await;
            bot.store.close().await;
            return exit;
        }
        Command::Transfer(arguments) => {
            let (bot, caller) = local_bot(clock, Access::Writes).await?;
            let mut work = std::pin::pin!(cli::transfer::run(&bot.service, caller, arguments));
            let mut signals = Signals::listen().context("signals cannot be listened for")?;
            // A signal does not take back a change that was sent: its outcome is awaited and recorded.
            let asked = async {
                signals.asked().await;
                // Not said with patience: the answer may come at this moment.
                let words =
                    "the outcome is waited for, so that it is recorded; it takes some seconds at most\n";
                stdio::log(words.as_bytes(), Cause::Trusted);
                signals.end_if_asked_again().await
            };
            let exit = tokio::select! {
                exit = &mut work => exit,
                never = asked => match never {},
            };
            bot.store.close().await;
            return exit;
        }
        Command::Acl(command) => {
            let access = if command.is_edit() { Access::Writes } else { Access::Reads };
            let (store, service, caller) = local_service(clock, access).await?;
            let exit = cli::acl::run(&service, &clock, caller, command).await;
            store.close().await;
            return exit;
        }
        Command::Discord(DiscordCommand::Register { guild }) => {
            let (environment, common) = settings("warn")?;
            register(&config::discord_settings(&environment)?, guild, common.redactor).await?;
        }
        Command::Tencent(TencentCommand::Callbacks(command)) => {
            let (environment, common) = settings("warn")?;
            return callbacks(config::tencent_settings(&environment)?, clock, command, common.redactor).await;
        }
        Command::Init(arguments) => return setup::init(arguments, clock).await,
        Command::Slack(command) => return setup::slack(command),
        Command::Healthcheck => {
            let (environment, common) = settings("warn")?;
            return cli::init::healthcheck(Usable::from(&environment).bind_addr, &common.redactor).await;
        }
        Command::Doctor(arguments) => {
            return cli::doctor::report(&doctor::whole(&Environment::read(), clock).await, &arguments);
        }
        Command::Backup { file } => {
            let (_, common) = settings("warn")?;
            let report = backup::run(&common.database(), &file).await?;
            let exit = cli::verify::report(&report, Format::Table);
            stdio::say(format_args!("wrote `{}`", file.display()));
            return exit;
        }
        Command::Audit(AuditCommand::Verify(arguments)) => return verify(arguments).await,
        Command::Audit(AuditCommand::Prove(arguments)) => return prove(arguments).await,
        Command::Audit(AuditCommand::Archive(arguments)) => {
            let (store, _, caller) = local_service(clock, Access::Writes).await?;
            let exit = archive(&store, &clock, caller, arguments).await;
            store.close().await;
            return exit;
        }
        Command::Audit(AuditCommand::Rebuild { archive }) => {
            let (store, _, caller) = local_service(clock, Access::Writes).await?;
            let rebuilt = rebuild(&store, &clock, caller, archive).await;
            store.close().await;
            rebuilt?;
        }
        Command::Audit(AuditCommand::VerifyArchive { file, key }) => {
            let keys = keys(&key)?;
            return cli::archive::sound(&archive::check(&file, &keys)?);
        }
        Command::Audit(AuditCommand::VerifyProof { files, key }) => return verify_proofs(&files, &key),
        Command::Audit(AuditCommand::Key { new: true }) => {
            stdio::print(SigningKey::generate().expose_secret())?;
        }
        Command::Audit(AuditCommand::Key { new: false }) => {
            let (_, common) = settings("warn")?;
            // Another key than the one beside the database needs none.
            let database = if common.signing_key.is_some() { common.database() } else { existing(&common)? };
            let key = database.verifier_key()?;
            let key = key.context(
                "the database has no key yet: it is made at the first start, or set AUDIT_SIGNING_KEY",
            )?;
            stdio::print(key)?;
        }
        Command::Audit(AuditCommand::Read(command)) => {
            if let (_, Some(file)) = command.printed() {
                let (_, common) = settings("warn")?;
                // Whoever reads the log itself is recorded: it is no copy for being called one.
                if common.database().is_file(file) {
                    let name = file.display();
                    return Err(WrongUsage(format!(
                        "`{name}` is the log itself, not a copy: leave out --database, and the reading is recorded; \
                         `room-owner backup <file>` makes a copy"
                    ))
                    .into());
                }
                let copy = LogCopy::open(file).await?;
                return cli::audit::run_on_copy(copy.log(), &clock, command).await;
            }
            let (store, service, caller) = local_service(clock, Access::Reads).await?;
            let exit = cli::audit::run(&service, caller, command).await;
            store.close().await;
            return exit;
        }
    }
    Ok(Exit::Done)
}

/// Who gives the command.
fn caller(environment: &Environment, common: &Common) -> anyhow::Result<Caller> {
    check_arguments(common)?;
    let typed = cli::as_typed(std::env::args().skip(1));
    Ok(Caller { principal: cli::local_principal(environment.sudo_user())?, typed })
}

/// What a command does to the database: that it is asked is recorded in either case.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Access {
    Reads,
    Writes,
}

/// The database of the settings, which has to be there.
fn existing(common: &Common) -> anyhow::Result<Database> {
    let database = common.database();
    database.check_exists()?;
    Ok(database)
}

/// Whoever writes to the wrong one shall see it.
fn name_it(database: &Database, access: Access) -> anyhow::Result<()> {
    if access == Access::Writes {
        stdio::say(format_args!("database: {}", database.full_name()?));
    }
    Ok(())
}

/// The service for one command about the ACL or the log, and who gives it.
async fn local_service(
    clock: SystemClock,
    access: Access,
) -> anyhow::Result<(Arc<SqliteStore>, CommandService, Caller)> {
    let (environment, common) = settings("warn")?;
    let caller = caller(&environment, &common)?;
    let store = Arc::new(SqliteStore::open(common.database(), IfMissing::Fail).await?);
    name_it(&common.database(), access)?;
    let known = Known { readings: store.group_readings().await?, ..config::known(&environment) };
    let service = local::service(
        Arc::clone(&store) as _,
        Arc::new(clock),
        Arc::new(telemetry::Metrics::default()),
        known,
    );
    Ok((store, service, caller))
}

/// A bot for one command about a room, and who gives it.
async fn local_bot(clock: SystemClock, access: Access) -> anyhow::Result<(Bot, Caller)> {
    let (environment, common) = settings("warn")?;
    let caller = caller(&environment, &common)?;
    let tencent = config::tencent_settings(&environment)?;
    let timing = Timing { unclear_for: config::unclear_seconds(&environment)?, ..Timing::default() };
    let bot = Bot::build(existing(&common)?, tencent, clock, timing).await?;
    name_it(&common.database(), access)?;
    bot.redactor.learn(&environment.secrets());
    Ok((bot, caller))
}

/// What is typed is recorded, and the log is for more eyes than the settings are.
fn check_arguments(common: &Common) -> Result<(), WrongUsage> {
    if !std::env::args().any(|argument| common.redactor.text(&argument) != argument) {
        return Ok(());
    }
    Err(WrongUsage(
        "the command holds one of the bot's own secrets, and it would be recorded: leave it out".to_owned(),
    ))
}

/// The settings, with logging started; `usual` is the filter where `RUST_LOG` is not set. The demo and the
/// benchmark read none: they are the same everywhere.
fn settings(usual: &str) -> anyhow::Result<(Environment, Common)> {
    let environment = Environment::read();
    let common = begun(&environment, usual)?;
    Ok((environment, common))
}

/// What every command needs, with logging started and the proxy chosen.
fn begun(environment: &Environment, usual: &str) -> Result<Common, ConfigError> {
    let common = Common::from(environment)?;
    common.redactor.learn(&common.database().signing_key());
    telemetry::start_logging(&common, usual);
    environment.notes().iter().for_each(|note| warn!("{note}"));
    common.proxy.clone().into_iter().for_each(http::go_through);
    Ok(common)
}

/// The database that a command is about: the given file, or the one of the settings.
fn chosen(database: Option<PathBuf>) -> anyhow::Result<Database> {
    let (_, common) = settings("warn")?;
    let database = match database {
        Some(file) => Database::of_file(&file, common.signing_key),
        None => common.database(),
    };
    database.check_exists()?;
    Ok(database)
}

/// Makes the tables again from the log, and from the archives that it was cut into.
async fn rebuild(
    store: &SqliteStore,
    clock: &SystemClock,
    caller: Caller,
    archives: Vec<PathBuf>,
) -> anyhow::Result<()> {
    let permit = local_permit(store, clock, &caller.principal).await?;
    let bar = cli::audit::progress(store.log().newest_event().await?, 0, false);
    let shown = bar.clone();
    let by = (caller.principal, permit, caller.typed);
    let rebuilt =
        store.rebuild(by, archives, clock.now(), move |event| shown.set_position(event.unsigned_abs())).await;
    bar.finish_and_clear();
    stdio::print(format_args!("✅ The tables are made again from the log (operation {}).", rebuilt?))?;
    Ok(())
}

async fn archive(
    store: &SqliteStore,
    clock: &SystemClock,
    Caller { principal, typed }: Caller,
    arguments: ArchiveArguments,
) -> anyhow::Result<Exit> {
    let ArchiveArguments { before, zone, file } = arguments;
    let now = clock.now();
    let before = before.resolve(now, &zone.unwrap_or_else(jiff::tz::TimeZone::system))?;
    let permit = local_permit(store, clock, &principal).await?;
    let report = store.archive(Order { principal, permit, typed, before, file }, now).await?;
    Ok(cli::archive::report(&report))
}

async fn verify(arguments: VerifyArguments) -> anyhow::Result<Exit> {
    let VerifyArguments { checkpoint, seen, key, database, archive: archives, indexes, format } = arguments;
    let database = chosen(database)?;
    let own_key = if key.is_empty() { database.verifier_key()? } else { None };
    let checkpoints = checkpoint
        .iter()
        .map(|file| Ok((file.display().to_string(), verification::read_checkpoint(file)?)))
        .collect::<anyhow::Result<_>>()?;
    let report = verification::verify(
        &database.file()?,
        Evidence { checkpoints, seen, keys: keys(&key)?, own_key, archives, indexes },
    )
    .await?;
    cli::verify::report(&report, format)
}

async fn prove(arguments: ProveArguments) -> anyhow::Result<Exit> {
    let ProveArguments { operation, out, database, archive } = arguments;
    let proofs = proofs::prove(&chosen(database)?.file()?, operation, &archive).await?;
    let proofs: Vec<Proof> = proofs
        .into_iter()
        .map(|proof| Proof { event: proof.index + 1, text: proof.text(), leaf: proof.leaf })
        .collect();
    cli::verify::proofs(&proofs, operation, out.as_deref())
}

fn keys(given: &[String]) -> Result<Vec<VerifierKey>, WrongUsage> {
    given.iter().map(|key| VerifierKey::parse(key).map_err(WrongUsage::of)).collect()
}

/// Checks proofs, and that events which lie beside them are the ones that they prove.
fn verify_proofs(files: &[PathBuf], key: &str) -> anyhow::Result<Exit> {
    let key = VerifierKey::parse(key).map_err(WrongUsage::of)?;
    let (mut all_hold, mut printed) = (true, Ok(()));
    let (mut events, mut proved) = (Vec::new(), HashSet::new());
    for file in files {
        let proofs = match std::fs::read_to_string(file) {
            Ok(text) if text.starts_with('{') => {
                events.push((file, text));
                continue;
            }
            Ok(text) => InclusionProof::parse_all(&text),
            Err(error) => {
                all_hold = false;
                cli::verify::unproved(file, None, &error);
                continue;
            }
        };
        let are_several = proofs.len() > 1;
        for (number, proof) in proofs.into_iter().enumerate() {
            let number = are_several.then_some(number + 1);
            match proof.and_then(|proof| proof.check(&key).map(|()| proof)) {
                Ok(proof) => {
                    let (size, origin) = (proof.checkpoint.head().size, proof.checkpoint.origin());
                    let shown = cli::verify::proved(&proof.leaf, proof.index + 1, size, origin);
                    printed = printed.and(shown);
                    proved.insert(proof.leaf);
                }
                Err(error) => {
                    all_hold = false;
                    cli::verify::unproved(file, number, &error);
                }
            }
        }
    }
    for (file, event) in events {
        all_hold &= cli::verify::is_proved(file, proved.contains(&event));
    }
    cli::verify::verdict(all_hold, printed)
}

/// Prints the difference first, then writes it.
async fn register(
    settings: &discord::Settings,
    guild: Option<String>,
    redactor: Redactor,
) -> anyhow::Result<()> {
    let registrar = Registrar::new(settings, redactor).await?;
    let plan = registrar.plan(guild.as_deref()).await?;
    let place = guild.map_or_else(|| "everywhere".to_owned(), |guild| format!("in guild {guild}"));
    let names = CommandGroup::ALL.map(|family| settings.command.of(family).0).join(", ");
    if plan.is_empty() {
        stdio::print(format_args!("Discord shows {names} {place} as it should: nothing was written."))?;
        return Ok(());
    }
    stdio::say_if_lost(stdio::print(plan.difference().trim_end()));
    registrar.apply(&plan).await?;
    stdio::say_if_lost(stdio::print(format_args!("Registered {names} {place}.")));
    Ok(())
}

/// Shows where callbacks go, or prints the difference and writes it.
async fn callbacks(
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

fn shown(present: &Configuration, token: Option<&SecretString>) -> Callbacks {
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
