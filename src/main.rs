//! The program: parses the command line, reads the settings, wires the parts and runs.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser as _;
use room_owner::app::service::{CommandService, Timing};
use room_owner::bot::{self, Bot};
use room_owner::cli::{self, Arguments, Command, Exit, SimulatorArguments};
use room_owner::clock::SystemClock;
use room_owner::config::{self, Common, Config, ConfigError, Environment};
use room_owner::store::{IfMissing, SqliteStore};
use room_owner::tencent::simulator::{Settings, Simulator, Webhook};
use room_owner::{demo, telemetry};

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
        Err(error) => {
            eprintln!("error: {error:#}");
            let exit = if error.is::<ConfigError>() { Exit::Usage } else { Exit::Failed };
            exit.into()
        }
    }
}

async fn run(command: Command) -> anyhow::Result<Exit> {
    if let Command::Demo { once } = command {
        // The demo is the same everywhere: it reads neither the environment nor `.env`.
        telemetry::start_logging(&Common::for_the_demo(), "error");
        bot::install_cryptography();
        demo::run(once).await?;
        return Ok(Exit::Done);
    }
    let environment = Environment::read()?;
    let common = Common::from(&environment)?;
    let usual = if matches!(command, Command::Serve | Command::Simulator(_)) { "info" } else { "warn" };
    telemetry::start_logging(&common, usual);
    let url = common.database_url.as_str();
    let clock = SystemClock;
    match command {
        Command::Demo { .. } => Ok(Exit::Done),
        Command::Serve => {
            bot::serve(url, Config::from(&environment)?, clock).await?;
            Ok(Exit::Done)
        }
        Command::Transfer(arguments) => {
            let principal = cli::local_principal(environment.sudo_user())?;
            let tencent = config::tencent_settings(&environment)?;
            let bot = Bot::build(url, tencent, clock, Timing::default()).await?;
            let service: &CommandService = &bot.service;
            cli::transfer::run(service, principal, arguments).await
        }
        Command::Acl(command) => {
            let principal = cli::local_principal(environment.sudo_user())?;
            let if_missing = if command.makes_database() { IfMissing::Create } else { IfMissing::Fail };
            let store = SqliteStore::open(url, if_missing).await?;
            cli::acl::run(&store, &clock, principal, command).await
        }
        Command::Audit(command) => {
            let store = SqliteStore::open(url, IfMissing::Fail).await?;
            cli::audit::run(&store, &clock, command).await
        }
        Command::Simulator(arguments) => {
            simulate(&environment, arguments).await?;
            Ok(Exit::Done)
        }
    }
}

async fn simulate(environment: &Environment, arguments: SimulatorArguments) -> anyhow::Result<()> {
    bot::install_cryptography();
    let account = config::simulated_account(environment)?;
    let mut settings =
        Settings::new(account.sdk_app_id, account.admin_user_id.clone(), account.secret_key.clone());
    settings.webhook = arguments.callback_url.map(|url| Webhook { url, token: None });
    let simulator = Simulator::new(settings);
    for room in &arguments.rooms {
        let (id, owner) = room
            .split_once('=')
            .with_context(|| format!("`{room}` is not a room and its owner: write --room test=carol"))?;
        simulator.put_room(id, owner);
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
