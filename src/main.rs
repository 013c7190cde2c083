//! The program: parses the command line, reads the settings, wires the parts and runs.

#![warn(clippy::print_stderr, clippy::print_stdout)]

mod run;

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser as _;
use room_owner::bench::{self, Kind, Load, What};
use room_owner::bot::{self, Signals};
use room_owner::cli::audit::AuditCommand;
use room_owner::cli::{
    self, Arguments, BenchArguments, Command, DiscordCommand, Exit, TencentCommand, WrongUsage,
};
use room_owner::clock::SystemClock;
use room_owner::config::{self, Common, Config, ConfigError, Environment, Terminal, Usable};
use room_owner::merkle::SigningKey;
use room_owner::stdio::{Cause, OutputError};
use room_owner::store::{archive, backup};
use room_owner::{demo, doctor, setup, stdio, telemetry};

use secrecy::ExposeSecret as _;

use run::case::case;
use run::local::{Access, copy, existing, local_bot, local_console, local_service, settings, settings_with};
use run::log::{archive as archive_log, keys, prove, rebuild, verify, verify_proofs};
use run::platforms::{callbacks, register};

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
            let (environment, common, config) = settings_with("info", Config::from)?;
            let checks = async move { doctor::at_start(&environment, clock).await };
            bot::serve(common.database(), config, clock, checks).await?;
        }
        Command::Simulator(arguments) => {
            let (_, _, simulated) = settings_with("info", config::simulated)?;
            setup::simulate(simulated, arguments, bot::end_requested()).await?;
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
        Command::Discord(DiscordCommand::Register(arguments)) => {
            let (_, common, discord) = settings_with("warn", config::discord_settings)?;
            register(&discord, arguments, common.redactor).await?;
        }
        Command::Tencent(TencentCommand::Callbacks(command)) => {
            let (_, common, tencent) = settings_with("warn", config::tencent_settings)?;
            return callbacks(tencent, clock, command, common.redactor).await;
        }
        Command::Init(arguments) => return setup::init(arguments, clock).await,
        Command::Settings => stdio::print(config::env_example().trim_end())?,
        Command::Slack(command) => return setup::slack(command),
        Command::Healthcheck => {
            let (environment, common) = settings("warn")?;
            return cli::init::healthcheck(Usable::from(&environment).bind_addr, &common.redactor).await;
        }
        Command::Doctor(arguments) => {
            return cli::doctor::report(&doctor::whole(&Environment::read(), clock).await, &arguments);
        }
        Command::Backup { file, format } => {
            let (_, common) = settings("warn")?;
            let report = backup::run(&common.database(), &file).await?;
            let exit = cli::verify::report(&report, format);
            stdio::say(format_args!("wrote `{}`", file.display()));
            return exit;
        }
        Command::Audit(AuditCommand::Verify(arguments)) => return verify(arguments).await,
        Command::Audit(AuditCommand::Prove(arguments)) => return prove(arguments).await,
        Command::Audit(AuditCommand::Case(arguments)) => return case(clock, arguments).await,
        Command::Audit(AuditCommand::Console) => {
            let (store, service, caller) = local_console(clock).await?;
            let exit = cli::audit::console(&service, caller).await;
            store.close().await;
            return exit;
        }
        Command::Audit(AuditCommand::Archive(arguments)) => {
            let (store, _, caller) = local_service(clock, Access::Writes).await?;
            let exit = archive_log(&store, &clock, caller, arguments).await;
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
                let copy = copy(file).await?;
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
