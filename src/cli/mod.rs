//! The command line: the clap tree, and what its commands print.
//!
//! Rows go to stdout in the asked-for format; what is meant for people goes to stderr.

/// Says a line to a person, on stderr.
macro_rules! tell {
    ($($words:tt)*) => { $crate::stdio::say(format_args!($($words)*)) };
}
use tell;

pub mod acl;
mod acl_file;
pub mod archive;
pub mod audit;
pub mod callbacks;
pub mod doctor;
pub mod init;
pub mod manual;
pub mod owner;
mod print;
pub mod register;
mod render;
mod rows;
pub mod screen;
mod table;
pub mod transfer;
pub mod verify;

use std::num::{IntErrorKind, ParseIntError};
use std::str::FromStr;

use clap::error::{ContextKind, ContextValue};
use clap::{CommandFactory as _, Parser, Subcommand, ValueEnum};
use secrecy::SecretString;

use acl::AclCommand;
pub use rows::table;

use crate::domain::audit::OutcomeKind;
use crate::domain::command::{self, CommandRequest, UsageError};
use crate::domain::principal::{Principal, Subject};
use crate::domain::room::{AccountId, RoomId};
use crate::domain::wording::shell_word as as_word;
use crate::http;

/// How a command ended, for whoever called it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// It went wrong.
    Failed = 1,
    /// Wrong usage.
    Usage = 2,
    /// Refused by the ACL.
    Denied = 3,
    /// Refused by Tencent.
    Refused = 4,
    /// The outcome is not known.
    Unknown = 5,
}

/// What was typed cannot be carried out as it is: the exit code is that of wrong usage.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct WrongUsage(pub String);

impl WrongUsage {
    /// In the words of an error.
    pub fn of(error: impl std::fmt::Display) -> Self {
        Self(error.to_string())
    }
}

impl From<OutcomeKind> for Exit {
    fn from(outcome: OutcomeKind) -> Self {
        match outcome {
            OutcomeKind::Succeeded | OutcomeKind::Unchanged | OutcomeKind::Duplicate => Self::Done,
            OutcomeKind::Pending | OutcomeKind::Declined => Self::Failed,
            OutcomeKind::Invalid => Self::Usage,
            OutcomeKind::Denied => Self::Denied,
            OutcomeKind::Refused => Self::Refused,
            OutcomeKind::Unknown => Self::Unknown,
        }
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Hand a Tencent RTC live room to a new owner, from chat.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100, after_help = EXIT_CODES)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// How its output is shown.
    #[command(flatten)]
    pub output: screen::OutputArguments,
}

const EXIT_CODES: &str = "Exit codes: 0 done, 1 it went wrong, 2 wrong usage, 3 refused by the ACL, \
                          4 refused by Tencent, 5 outcome unknown.\nSettings come from the environment and \
                          from .env: `room-owner init` fills it in, `room-owner settings` shows all of them.";

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Take commands from chat until asked to end
    Serve,
    /// Show it all on this machine: simulated Tencent, seeded ACL, a page to play with; no account needed
    Demo {
        /// Tell a scripted story in the terminal and exit
        #[arg(long)]
        once: bool,
    },
    /// Hand a room over, as the user of this machine
    Transfer(transfer::TransferArguments),
    /// Say who owns a room now, by asking Tencent; changes nothing
    Owner(owner::OwnerArguments),
    /// Edit and show who may do what
    #[command(subcommand)]
    Acl(AclCommand),
    /// Read the audit log
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// Look after the app in Slack
    #[command(subcommand)]
    Slack(init::SlackCommand),
    /// Look after the commands that Discord shows
    #[command(subcommand)]
    Discord(DiscordCommand),
    /// Look after what Tencent tells of by itself
    #[command(subcommand)]
    Tencent(TencentCommand),
    /// Set the bot up in this folder, by asking or by flags: .env, database, the first channel and admin
    Init(init::InitArguments),
    /// Print every setting with its meaning and an example, in the form of a .env file
    Settings,
    /// Look at everything that the bot depends on, and say what to do about it
    Doctor(doctor::DoctorArguments),
    /// Ask the bot that serves here whether it is ready: for containers
    Healthcheck,
    /// Make a whole copy of the database while the bot runs, and check it
    Backup {
        /// The file to make
        file: std::path::PathBuf,
        /// How to print what the check of the copy found
        #[arg(long, value_enum, default_value = "table")]
        format: Format,
    },
    /// Measure the bot on this machine, against the simulated Tencent
    Bench(BenchArguments),
    /// Simulate Tencent's service on this machine, to try a set-up against
    Simulator(SimulatorArguments),
    /// Print the script that completes commands in a shell
    Completions {
        /// Of which shell
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// Print the manual page, which `man -l -` shows
    Man {
        /// Write a page for each command into this folder instead, which is made
        #[arg(long, value_name = "FOLDER")]
        out: Option<std::path::PathBuf>,
    },
}

/// How rows are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Table,
    /// One JSON array (or object)
    Json,
    /// One JSON object a line
    Jsonl,
    /// For spreadsheets
    Csv,
}

/// `discord ..`
#[derive(Debug, Subcommand)]
pub enum DiscordCommand {
    /// Make Discord show the commands as this program knows them; writes nothing but differences
    Register(register::RegisterArguments),
}

/// `tencent ..`
#[derive(Debug, Subcommand)]
pub enum TencentCommand {
    /// Where Tencent sends its callbacks, and whether it signs them
    #[command(subcommand)]
    Callbacks(CallbacksCommand),
}

/// `tencent callbacks ..`
#[derive(Debug, Subcommand)]
pub enum CallbacksCommand {
    /// Show what is configured at Tencent
    Show {
        /// How to print it
        #[arg(long, value_enum, default_value = "table")]
        format: Format,
    },
    /// Have changes of owner sent to an address; writes nothing but differences, and shows them first
    Set {
        /// The bot's address for callbacks, such as `https://rooms.example.com/tencent/callbacks`
        #[arg(value_parser = callback_url)]
        url: reqwest::Url,
        /// Sign with this token, 8 to 128 characters; with TENCENT_CALLBACK_TOKEN if not given
        #[arg(long, value_parser = secret)]
        token: Option<SecretString>,
        /// Take the address from whoever has it now: an application has only one
        #[arg(long)]
        replace: bool,
    },
}

fn callback_url(text: &str) -> Result<reqwest::Url, String> {
    let url: reqwest::Url = text.parse().map_err(|error| format!("`{text}` is not a URL: {error}"))?;
    match url.scheme() {
        "https" | "http" if http::is_private(&url, "http") => Ok(url),
        "http" => Err(format!("`{text}` would let everybody on the way forge callbacks: use https")),
        _ => Err(format!("`{text}` is neither http nor https")),
    }
}

/// Takes any: clap would quote one that it refuses.
fn secret(text: &str) -> Result<SecretString, std::convert::Infallible> {
    Ok(SecretString::from(text))
}

fn guild_id(text: &str) -> Result<String, String> {
    let is_id = matches!(text.len(), 1..=20) && text.bytes().all(|b| b.is_ascii_digit());
    is_id.then(|| text.to_owned()).ok_or_else(|| "a guild's id is a number of at most 20 digits".to_owned())
}

fn address(text: &str) -> Result<std::net::SocketAddr, String> {
    text.parse().map_err(|_| "it is not an address and a port, such as 127.0.0.1:9000".to_owned())
}

fn room_and_owner(text: &str) -> Result<(RoomId, AccountId), String> {
    let (room, owner) =
        text.rsplit_once('=').ok_or("it is not a room and its owner: write --room test=carol")?;
    let room = room.parse().map_err(|error: crate::domain::room::InvalidRoomId| error.to_string())?;
    let owner = owner.parse().map_err(|error: crate::domain::room::InvalidAccountId| error.to_string())?;
    Ok((room, owner))
}

/// What to type instead of a command that is one of another, as `list` is of `acl` and of `audit`.
pub fn meant(wrong: &clap::Error) -> Option<String> {
    let Some(ContextValue::String(typed)) = wrong.get(ContextKind::InvalidSubcommand) else { return None };
    let mut found = Vec::new();
    find(&Arguments::command(), typed, "room-owner", &mut found);
    (!found.is_empty()).then(|| format!("tip: there is {}", found.join(", ")))
}

fn find(command: &clap::Command, name: &str, path: &str, found: &mut Vec<String>) {
    for sub in command.get_subcommands() {
        let path = format!("{path} {}", sub.get_name());
        if sub.get_name() == name {
            found.push(format!("`{path}`"));
        }
        find(sub, name, &path, found);
    }
}

/// A whole number. What is wrong with it is said in words for people.
fn number<T: FromStr<Err = ParseIntError>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: ParseIntError| match error.kind() {
        IntErrorKind::PosOverflow => "it is too large".to_owned(),
        _ => "it is not a whole number, 0 or more".to_owned(),
    })
}

fn above_zero<T: FromStr<Err = ParseIntError> + Default + PartialEq>(text: &str) -> Result<T, String> {
    match number(text) {
        Ok(number) if number == T::default() => Err("it has to be 1 or more".to_owned()),
        other => other,
    }
}

/// `simulator ..`
#[derive(Debug, clap::Args)]
pub struct SimulatorArguments {
    /// The address to listen on
    #[arg(long, default_value = "127.0.0.1:9000", value_parser = address)]
    pub bind: std::net::SocketAddr,
    /// A room and its owner, such as test=carol; may be given several times
    #[arg(long = "room", value_name = "ROOM=OWNER", value_parser = room_and_owner)]
    pub rooms: Vec<(RoomId, AccountId)>,
    /// Post owner changes to this URL, as Tencent's callbacks do
    #[arg(long, value_name = "URL")]
    pub callback_url: Option<reqwest::Url>,
    /// Write the settings with which the bot calls it into this file, such as .env; values that are there stay
    #[arg(long, value_name = "FILE")]
    pub write_env: Option<std::path::PathBuf>,
}

/// `bench ..`
#[derive(Debug, clap::Args)]
pub struct BenchArguments {
    /// Commands to send
    #[arg(long, default_value_t = 2_000, value_parser = above_zero::<usize>)]
    pub commands: usize,
    /// Connections that send them
    #[arg(long, default_value_t = 16, value_parser = above_zero::<usize>)]
    pub connections: usize,
    /// Commands a second, steadily; as fast as they are answered if not given
    #[arg(long, value_parser = above_zero::<u32>)]
    pub rate: Option<u32>,
    /// Send commands that are denied
    #[arg(long)]
    pub denials: bool,
    /// Let only the change of the owner go out to Tencent, to compare with bots that do not read it
    #[arg(long, conflicts_with = "denials")]
    pub one_call: bool,
    /// Measure the standard loads one after the other instead, and print a table
    #[arg(long, conflicts_with_all = ["commands", "connections", "rate", "denials", "one_call"])]
    pub standard: bool,
    /// Print the figures as one line of that table
    #[arg(long, conflicts_with = "standard")]
    pub line: bool,
    /// Where to make the scratch database; its disk is what is measured
    #[arg(long, value_name = "FOLDER")]
    pub folder: Option<std::path::PathBuf>,
    /// Be the process that sends the commands and plays Tencent: what `bench` starts
    #[arg(long, hide = true)]
    pub outside: bool,
    /// Measure the questions to an audit log of so many events instead
    #[arg(
        long, value_name = "EVENTS", value_parser = above_zero::<u64>,
        conflicts_with_all = ["commands", "connections", "rate", "denials", "one_call", "standard"]
    )]
    pub audit: Option<u64>,
}

/// Who gave a command on this machine, and what they typed.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Who.
    pub principal: Principal,
    /// What, for the record.
    pub typed: String,
}

impl Caller {
    /// Their request. Each start of the program is one of its own.
    fn asks(self, command: Result<command::Command, UsageError>) -> CommandRequest {
        CommandRequest::local(self.principal, self.typed, command)
    }
}

/// The user of this machine who runs the program: the actor of the command line.
///
/// # Errors
/// When the operating system's name for the user cannot be a subject.
pub fn local_principal(sudo_user: Option<String>) -> anyhow::Result<Principal> {
    let uid = nix::unistd::Uid::effective();
    // A user without an entry (as in containers) is named by its number.
    let name =
        nix::unistd::User::from_uid(uid).ok().flatten().map_or_else(|| uid.to_string(), |user| user.name);
    let subject: Subject = format!("cli:{name}").parse()?;
    // Behind `sudo`, the caption says whose hands these were.
    Ok(Principal { name: sudo_user, ..Principal::new(subject) })
}

/// The command as it was typed, quoted as a POSIX shell takes it: what the record keeps.
pub fn as_typed(arguments: impl Iterator<Item = String>) -> String {
    let mut typed = "room-owner".to_owned();
    for argument in arguments {
        typed.push(' ');
        typed.push_str(&as_word(&argument));
    }
    typed
}

/// Says a message to a person, on stderr.
fn say(message: &crate::domain::wording::Message) {
    crate::stdio::say(text(message).trim_end());
}

/// A line as plain text. No foreign text can steer the terminal.
fn one_line(line: &crate::domain::wording::Line) -> String {
    crate::domain::room::visible(&line.to_string())
}

/// A message as plain text, a line a line. No foreign text can steer the terminal.
pub fn text(message: &crate::domain::wording::Message) -> String {
    let mut text = format!("{} {}\n", message.tone.sign(), message.headline);
    for line in message.body.iter().chain(&message.footer) {
        text.push_str(&format!("   {line}\n"));
    }
    text.chars()
        .map(|c| {
            if c != '\n' && crate::domain::room::is_invisible(c) && c != '\u{fe0f}' { '\u{fffd}' } else { c }
        })
        .collect()
}
