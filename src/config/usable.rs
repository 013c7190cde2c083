//! Settings for who wants to look at them one by one, whatever is wrong with the others.

use std::net::SocketAddr;

use reqwest::Url;

use super::reader::Reader;
use super::table::{BIND_ADDR, COMMAND_PREFIX, PUBLIC_URL};
use super::{Common, Environment, discord, slack, tencent};
use crate::domain::wording::CommandName;
use crate::http::Proxy;
use crate::store::Database;

/// The settings that can be used. What is wrong with the rest, [`Config`](super::Config) says.
#[derive(Debug, Clone)]
pub struct Usable {
    /// The address to listen on.
    pub bind_addr: SocketAddr,
    /// The address at which the bot is reached.
    pub public_url: Option<Url>,
    /// The database, with the key that signs its log.
    pub database: Option<Database>,
    /// What outgoing connections go through.
    pub proxy: Option<Proxy>,
    /// What the command is called.
    pub command: CommandName,
    /// Tencent.
    pub tencent: Option<crate::tencent::Settings>,
    /// The Slack door.
    pub slack: Option<crate::slack::Settings>,
    /// The Discord door.
    pub discord: Option<crate::discord::Settings>,
}

impl Usable {
    /// From the environment.
    pub fn from(environment: &Environment) -> Self {
        let environment = &environment.without_problems();
        let mut reader = Reader::new(environment);
        let common = Common::from(environment).ok();
        Self {
            database: common.as_ref().map(Common::database),
            proxy: common.and_then(|common| common.proxy),
            bind_addr: reader.get_or_example(&BIND_ADDR),
            public_url: reader.get(&PUBLIC_URL),
            command: reader.get_or(&COMMAND_PREFIX, ""),
            tencent: part(environment, tencent),
            slack: part(environment, slack),
            discord: part(environment, discord),
        }
    }
}

/// A part of which nothing is wrong.
fn part<T>(environment: &Environment, read: fn(&mut Reader<'_>) -> Option<T>) -> Option<T> {
    let mut reader = Reader::new(environment);
    let part = read(&mut reader);
    reader.end(part).ok()
}
