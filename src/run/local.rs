//! The settings, the database and the service for one command at the command line.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use room_owner::app::console::Console;
use room_owner::app::local;
use room_owner::app::ports::{Known, Store as _};
use room_owner::app::service::CommandService;
use room_owner::bot::Bot;
use room_owner::case_file::CasesOf;
use room_owner::cli::{self, Caller, WrongUsage};
use room_owner::clock::SystemClock;
use room_owner::config::{self, Common, ConfigError, Environment};
use room_owner::store::{Database, IfMissing, LogCopy, SqliteStore};
use room_owner::{http, stdio, telemetry};
use tracing::warn;

/// Who gives the command.
pub(crate) fn caller(environment: &Environment, common: &Common) -> anyhow::Result<Caller> {
    check_arguments(common)?;
    let typed = cli::as_typed(std::env::args().skip(1));
    Ok(Caller { principal: cli::local_principal(environment.sudo_user())?, typed })
}

/// What a command does to the database: that it is asked is recorded in either case.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Reads,
    Writes,
}

/// The database of the settings, which has to be there.
pub(crate) fn existing(common: &Common) -> anyhow::Result<Database> {
    let database = common.database();
    database.check_exists()?;
    Ok(database)
}

/// Whoever writes to the wrong one shall see it.
pub(crate) fn name_it(database: &Database, access: Access) -> anyhow::Result<()> {
    if access == Access::Writes {
        stdio::say(format_args!("database: {}", database.full_name()?));
    }
    Ok(())
}

/// The service for one command about the ACL or the log, and who gives it.
pub(crate) async fn local_service(
    clock: SystemClock,
    access: Access,
) -> anyhow::Result<(Arc<SqliteStore>, CommandService, Caller)> {
    local_service_with(clock, access, |_| Ok(None)).await
}

/// The same with the console, to make a link to it.
pub(crate) async fn local_console(
    clock: SystemClock,
) -> anyhow::Result<(Arc<SqliteStore>, CommandService, Caller)> {
    local_service_with(clock, Access::Reads, config::console).await
}

async fn local_service_with(
    clock: SystemClock,
    access: Access,
    console: impl FnOnce(&Environment) -> Result<Option<String>, ConfigError>,
) -> anyhow::Result<(Arc<SqliteStore>, CommandService, Caller)> {
    let (environment, common, origin) = settings_with("warn", console)?;
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
    let console = origin.map(|origin| Console {
        origin,
        sessions: Arc::clone(&store) as _,
        cases: Arc::new(CasesOf(Arc::clone(&store))),
    });
    Ok((store, service.with_console(console), caller))
}

/// A bot for one command about a room, and who gives it.
pub(crate) async fn local_bot(clock: SystemClock, access: Access) -> anyhow::Result<(Bot, Caller)> {
    let (environment, common, (tencent, service)) = settings_with("warn", |environment| {
        ConfigError::both(config::tencent_settings(environment), config::local_service(environment))
    })?;
    let caller = caller(&environment, &common)?;
    let bot = Bot::build(existing(&common)?, tencent, clock, service).await?;
    name_it(&common.database(), access)?;
    bot.redactor.learn(&environment.secrets());
    Ok((bot, caller))
}

/// What is typed is recorded, and the log is for more eyes than the settings are.
pub(crate) fn check_arguments(common: &Common) -> Result<(), WrongUsage> {
    if !std::env::args().any(|argument| common.redactor.text(&argument) != argument) {
        return Ok(());
    }
    Err(WrongUsage(
        "the command holds one of the bot's own secrets, and it would be recorded: leave it out".to_owned(),
    ))
}

/// The settings, with logging started; `usual` is the filter where `RUST_LOG` is not set. The demo and the
/// benchmark read none: they are the same everywhere.
pub(crate) fn settings(usual: &str) -> anyhow::Result<(Environment, Common)> {
    let (environment, common, ()) = settings_with(usual, |_| Ok(()))?;
    Ok((environment, common))
}

/// The same with more settings: all that is wrong with any of them is said at once.
pub(crate) fn settings_with<T>(
    usual: &str,
    read: impl FnOnce(&Environment) -> Result<T, ConfigError>,
) -> anyhow::Result<(Environment, Common, T)> {
    let environment = Environment::read();
    let (common, more) = ConfigError::both(Common::from(&environment), read(&environment))?;
    common.redactor.learn(&common.database().signing_key());
    telemetry::start_logging(&common, usual);
    environment.notes().iter().for_each(|note| warn!(target: "room_owner", "{note}"));
    common.proxy.clone().into_iter().for_each(http::go_through);
    Ok((environment, common, more))
}

/// The database that a command is about: the given file, or the one of the settings.
pub(crate) fn chosen(database: Option<PathBuf>) -> anyhow::Result<Database> {
    let (_, common) = settings("warn")?;
    let database = match database {
        Some(file) => Database::of_file(&file, common.signing_key),
        None => common.database(),
    };
    database.check_exists()?;
    Ok(database)
}

/// A copy of a database, which stays as it is. Whoever reads the log itself is recorded: it is no copy for being called
/// one.
pub(crate) async fn copy(file: &Path) -> anyhow::Result<LogCopy> {
    let (_, common) = settings("warn")?;
    if common.database().is_file(file) {
        let name = file.display();
        return Err(WrongUsage(format!(
            "`{name}` is the log itself, not a copy: leave out --database, and the reading is recorded; `room-owner \
             backup <file>` makes a copy"
        ))
        .into());
    }
    Ok(LogCopy::open(file).await?)
}
