//! The program: parses the command line, reads the settings, wires the parts and runs.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser as _;
use room_owner::app::service::Timing;
use room_owner::bench::{self, Load};
use room_owner::bot::{self, Bot};
use room_owner::cli::audit::Source;
use room_owner::cli::{self, Arguments, BenchArguments, Command, DiscordCommand, Exit, SimulatorArguments};
use room_owner::clock::SystemClock;
use room_owner::config::{self, Common, Config, ConfigError, Environment};
use room_owner::discord::register::Registrar;
use room_owner::domain::room::{AccountId, RoomId};
use room_owner::store::{IfMissing, LogCopy, SqliteStore};
use room_owner::tencent::simulator::{Settings, Simulator, Webhook};
use room_owner::{demo, discord, telemetry};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: the program cannot start its threads: {error}");
            return Exit::Failed.into();
        }
    };
    match runtime.block_on(run(arguments.command)) {
        Ok(exit) => exit.into(),
        // Whoever reads only the beginning (`| head`) has all they want.
        Err(error) if is_closed_pipe(&error) => Exit::Done.into(),
        Err(error) => {
            eprintln!("error: {error:#}");
            let exit = if error.is::<ConfigError>() { Exit::Usage } else { Exit::Failed };
            exit.into()
        }
    }
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let io = error.chain().find_map(|cause| cause.downcast_ref::<std::io::Error>());
    io.is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}

async fn run(command: Command) -> anyhow::Result<Exit> {
    bot::install_cryptography();
    let clock = SystemClock;
    let typed = cli::as_typed(std::env::args().skip(1));
    match command {
        Command::Demo { once } => {
            telemetry::start_logging(&Common::for_the_demo(), "error");
            demo::run(once).await?;
        }
        Command::Bench(BenchArguments { commands, connections, rate, folder, audit }) => {
            telemetry::start_logging(&Common::for_the_demo(), "error");
            bench::run(Load { commands, connections, rate, folder, audit }).await?;
        }
        Command::Serve => {
            let environment = Environment::read()?;
            let config = Config::from(&environment)?;
            let common = Common::from(&environment)?;
            telemetry::start_logging(&common, "info");
            bot::serve(&common.database_url, config, clock).await?;
        }
        Command::Simulator(arguments) => {
            let (environment, _) = settings("info")?;
            simulate(&environment, arguments).await?;
        }
        Command::Transfer(arguments) => {
            let (environment, common) = settings("warn")?;
            let principal = cli::local_principal(environment.sudo_user())?;
            let tencent = config::tencent_settings(&environment)?;
            let bot = Bot::build(&common.database_url, tencent, clock, Timing::default()).await?;
            let mut work = std::pin::pin!(cli::transfer::run(&bot.service, principal, typed, arguments));
            // A change that was sent is not taken back by Ctrl-C: what came of it is waited for and recorded.
            let exit = tokio::select! {
                exit = &mut work => exit,
                () = bot::end_requested() => {
                    eprintln!("the outcome is waited for, so that it is recorded; it takes some seconds at most");
                    work.await
                }
            };
            bot.store.close().await;
            return exit;
        }
        Command::Acl(command) => {
            let (environment, common) = settings("warn")?;
            let principal = cli::local_principal(environment.sudo_user())?;
            let if_missing = if command.makes_database() { IfMissing::Create } else { IfMissing::Fail };
            let store = SqliteStore::open(&common.database_url, if_missing).await?;
            let exit = cli::acl::run(&store, &clock, principal, typed, command).await;
            store.close().await;
            return exit;
        }
        Command::Discord(DiscordCommand::Register { guild }) => {
            let (environment, _) = settings("warn")?;
            register(&config::discord_settings(&environment)?, guild).await?;
        }
        Command::Audit(command) => {
            let (environment, common) = settings("warn")?;
            if let Some(file) = command.database() {
                let copy = LogCopy::open(file).await?;
                return cli::audit::run(Source::Copy(copy.log()), &clock, command).await;
            }
            let principal = cli::local_principal(environment.sudo_user())?;
            let store = SqliteStore::open(&common.database_url, IfMissing::Fail).await?;
            let exit = cli::audit::run(Source::Own(&store, principal, typed), &clock, command).await;
            store.close().await;
            return exit;
        }
    }
    Ok(Exit::Done)
}

/// The settings, with logging started; `usual` is the filter where `RUST_LOG` is not set. The demo and the
/// benchmark read none: they are the same everywhere.
fn settings(usual: &str) -> anyhow::Result<(Environment, Common)> {
    let environment = Environment::read()?;
    let common = Common::from(&environment)?;
    telemetry::start_logging(&common, usual);
    Ok((environment, common))
}

/// Prints the difference first, then writes it.
async fn register(settings: &discord::Settings, guild: Option<String>) -> anyhow::Result<()> {
    let registrar = Registrar::new(settings).await?;
    let plan = registrar.plan(guild.as_deref()).await?;
    let place = guild.map_or_else(|| "everywhere".to_owned(), |guild| format!("in guild {guild}"));
    if plan.is_empty() {
        println!("Discord shows {} {place} as it should: nothing was written.", settings.command.0);
        return Ok(());
    }
    print!("{}", plan.difference());
    registrar.apply(&plan).await?;
    println!("Registered {} {place}.", settings.command.0);
    Ok(())
}

async fn simulate(environment: &Environment, arguments: SimulatorArguments) -> anyhow::Result<()> {
    let account = config::simulated_account(environment)?;
    let mut settings =
        Settings::new(account.sdk_app_id, account.admin_user_id.clone(), account.secret_key.clone());
    settings.webhook = arguments.callback_url.map(|url| Webhook { url, token: None });
    let simulator = Simulator::new(settings);
    for room in &arguments.rooms {
        let (id, owner) = room
            .rsplit_once('=')
            .with_context(|| format!("`{room}` is not a room and its owner: write --room test=carol"))?;
        let wrong = || format!("`{room}` is not a room and its owner");
        let id: RoomId = id.parse().with_context(wrong)?;
        let owner: AccountId = owner.parse().with_context(wrong)?;
        simulator.put_room(id.as_str(), owner.as_str());
    }
    if arguments.rooms.is_empty() {
        for (id, owner) in [("test", "carol"), ("live-7", "dave"), ("my room", "erin")] {
            simulator.put_room(id, owner);
        }
    }
    let listener = tokio::net::TcpListener::bind(arguments.bind).await.with_context(|| {
        format!("cannot listen on `{}`: choose another address with --bind", arguments.bind)
    })?;
    eprintln!("{}", account.instructions(listener.local_addr()?));
    simulator.run(listener, bot::end_requested()).await?;
    Ok(())
}
