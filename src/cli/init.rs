//! `room-owner init`, `slack manifest` and `healthcheck`: what they take, and what is printed of them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Subcommand, ValueEnum};
use reqwest::{Method, Url};

use super::Exit;
use crate::domain::principal::{Channel, Subject};
use crate::domain::room::visible;
use crate::http::{self, Client, Limits};
use crate::redact::Redactor;
use crate::stdio;

/// `init ..`. A secret comes in a file: everybody on the machine can read the arguments of a program.
#[derive(Debug, clap::Args)]
pub struct InitArguments {
    /// Tencent's SDKAppID
    #[arg(long, value_name = "NUMBER")]
    pub tencent_sdk_app_id: Option<String>,
    /// The UserID of an app admin
    #[arg(long, value_name = "USER_ID")]
    pub tencent_admin_user_id: Option<String>,
    /// A file with the application's secret key
    #[arg(long, value_name = "FILE")]
    pub tencent_secret_key_file: Option<PathBuf>,
    /// The application's data centre, such as singapore
    #[arg(long, value_name = "REGION")]
    pub tencent_region: Option<String>,
    /// Instead of a region, such as what `room-owner simulator` says
    #[arg(long, value_name = "URL")]
    pub tencent_api_base_url: Option<String>,
    /// The https address at which Slack and Discord reach the bot
    #[arg(long, value_name = "URL")]
    pub public_url: Option<String>,
    /// A file with the Slack app's signing secret
    #[arg(long, value_name = "FILE")]
    pub slack_signing_secret_file: Option<PathBuf>,
    /// A file with the Slack app's app-level token, for Socket Mode: no public address and no signing secret is needed
    #[arg(long, value_name = "FILE")]
    pub slack_app_token_file: Option<PathBuf>,
    /// A file with the Slack app's Bot User OAuth Token
    #[arg(long, value_name = "FILE")]
    pub slack_bot_token_file: Option<PathBuf>,
    /// The Public Key of the Discord application
    #[arg(long, value_name = "KEY")]
    pub discord_public_key: Option<String>,
    /// A file with the token of the Discord bot
    #[arg(long, value_name = "FILE")]
    pub discord_bot_token_file: Option<PathBuf>,
    /// Take commands from this channel, such as slack:T0123456789:C0123456789; may be given several times
    #[arg(long = "channel", value_name = "CHANNEL", value_parser = Channel::written)]
    pub channels: Vec<Channel>,
    /// Make somebody an admin, such as slack:T0123456789:U0123456789; may be given several times
    #[arg(long = "admin", value_name = "SUBJECT", value_parser = Subject::written)]
    pub admins: Vec<Subject>,
    /// Overwrite what `.env` has already
    #[arg(long)]
    pub force: bool,
}

/// A value that was given by a flag.
#[derive(Debug, Clone, Copy)]
pub enum Given<'a> {
    /// Itself.
    Text(&'a str),
    /// In this file.
    File(&'a PathBuf),
}

impl InitArguments {
    /// What was given, by the name of the setting.
    pub fn given(&self) -> Vec<(&'static str, Given<'_>)> {
        fn text<'a>(name: &'static str, text: &'a Option<String>) -> Option<(&'static str, Given<'a>)> {
            text.as_deref().map(|text| (name, Given::Text(text)))
        }
        fn file<'a>(name: &'static str, file: &'a Option<PathBuf>) -> Option<(&'static str, Given<'a>)> {
            file.as_ref().map(|file| (name, Given::File(file)))
        }
        let all = [
            text("TENCENT_SDK_APP_ID", &self.tencent_sdk_app_id),
            text("TENCENT_ADMIN_USER_ID", &self.tencent_admin_user_id),
            file("TENCENT_SECRET_KEY", &self.tencent_secret_key_file),
            text("TENCENT_REGION", &self.tencent_region),
            text("TENCENT_API_BASE_URL", &self.tencent_api_base_url),
            text("PUBLIC_URL", &self.public_url),
            file("SLACK_SIGNING_SECRET", &self.slack_signing_secret_file),
            file("SLACK_APP_TOKEN", &self.slack_app_token_file),
            file("SLACK_BOT_TOKEN", &self.slack_bot_token_file),
            text("DISCORD_PUBLIC_KEY", &self.discord_public_key),
            file("DISCORD_BOT_TOKEN", &self.discord_bot_token_file),
        ];
        all.into_iter().flatten().collect()
    }
}

/// `slack ..`
#[derive(Debug, Subcommand)]
pub enum SlackCommand {
    /// Print the manifest from which Slack makes the app: paste it at <https://api.slack.com/apps>
    Manifest {
        /// For Socket Mode, without a public address; so it is too if `SLACK_APP_TOKEN` is set
        #[arg(long)]
        socket: bool,
        /// How to print it
        #[arg(long, value_enum, default_value = "yaml")]
        format: ManifestFormat,
    },
}

/// How a manifest is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ManifestFormat {
    /// As people paste it
    Yaml,
    /// For programs
    Json,
}

/// How long the bot may take to say whether it is ready.
const READY_WITHIN: Duration = Duration::from_secs(5);

/// Asks the bot that listens on this address whether it is ready, and says so in one line, with what is not.
///
/// # Errors
/// When nothing can be printed.
pub async fn healthcheck(address: SocketAddr, redactor: &Redactor) -> anyhow::Result<Exit> {
    let address = SocketAddr::new(reachable(address.ip()), address.port());
    let url: Url = format!("http://{address}/readyz").parse()?;
    let client = Client::new(Limits::within(READY_WITHIN, 64 * 1_024), http::USER_AGENT, "BIND_ADDR")?;
    let (is_ready, said) = match client.send(client.request(Method::GET, url), redactor).await {
        Ok(body) => (true, body),
        Err(http::Error::Refused { body, .. }) if !body.is_empty() => (false, body),
        Err(error) => (false, format!("{address} does not answer: {error}").into_bytes()),
    };
    let said = String::from_utf8_lossy(&said);
    let mut lines = said.lines();
    let verdict = lines.next().unwrap_or_default();
    let reasons = lines.filter(|line| line.contains(": not ready"));
    let said = std::iter::once(verdict).chain(reasons).collect::<Vec<_>>().join("; ");
    stdio::print(visible(&said))?;
    Ok(if is_ready { Exit::Done } else { Exit::Failed })
}

/// A bot that listens on every address listens on loopback.
fn reachable(listens: IpAddr) -> IpAddr {
    match listens {
        IpAddr::V4(any) if any.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(any) if any.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        one => one,
    }
}
