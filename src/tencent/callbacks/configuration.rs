//! Where Tencent sends its callbacks, shown and set over its API (trtc.io/document/64418, 64419, 69528).
//!
//! An application has one address for all of its callbacks, so a change keeps the commands that are sent
//! already, and taking the address away from somebody else has to be asked for.

use std::fmt;

use reqwest::Url;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::json;

use super::CHANGE_OF_OWNER;
use crate::app::ports::Clock;
use crate::domain::audit::Refusal;
use crate::tencent::TencentClient;
use crate::tencent::wire::Data;

/// No callbacks are configured (trtc.io/document/64418).
const NOT_CONFIGURED: i64 = 100_301;

/// What Tencent has.
#[derive(Debug, Clone, Default)]
pub struct Configuration {
    /// Where callbacks go; `None` if nothing was ever configured.
    pub url: Option<String>,
    /// Which are sent.
    pub commands: Vec<String>,
    /// Whether they are signed; `None` if Tencent does not say.
    pub is_signed: Option<bool>,
    token: Option<SecretString>,
}

/// What is to be written.
#[derive(Debug, Clone)]
pub struct Change {
    /// Whether there is something to be updated, rather than created.
    exists: bool,
    callback: Option<Callback>,
    token: Option<SecretString>,
    takes_from: Option<String>,
    lines: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Callback {
    url: String,
    #[serde(default)]
    callback_command_list: Vec<String>,
}

impl Data for Callback {}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TokenAnswer {
    #[serde(default)]
    token: Option<String>,
    #[serde(default)]
    is_token_enable: Option<bool>,
}

impl Data for TokenAnswer {
    const IS_SECRET: bool = true;
}

/// Tencent's no, for the person at the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotConfigured(Refusal);

impl fmt::Display for NotConfigured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Refusal { code, info, request_id, remedy } = &self.0;
        f.write_str("tencent's callbacks could not be read or set: ")?;
        if let Some(code) = code {
            write!(f, "{code} ")?;
        }
        write!(f, "{info}; {remedy}")?;
        request_id.as_ref().map_or(Ok(()), |id| write!(f, " RequestId {id}"))
    }
}

impl std::error::Error for NotConfigured {}

impl Configuration {
    /// What it takes to have changes of owner sent to `url`, signed with `token` if there is one. What else
    /// is sent stays as it is.
    pub fn change(&self, url: &Url, token: Option<&SecretString>) -> Change {
        let mut lines = Vec::new();
        let present = self.url.as_deref().unwrap_or_default();
        let mut commands = self.commands.clone();
        let mut is_new = false;
        if present != url.as_str() {
            if !present.is_empty() {
                lines.push(format!("- url {present}"));
            }
            lines.push(format!("+ url {url}"));
            is_new = true;
        }
        if !commands.iter().any(|command| command == CHANGE_OF_OWNER) {
            commands.push(CHANGE_OF_OWNER.to_owned());
            lines.push(format!("+ command {CHANGE_OF_OWNER}"));
            is_new = true;
        }
        let same = |token: &&SecretString| {
            self.is_signed == Some(true)
                && self.token.as_ref().is_some_and(|known| known.expose_secret() == token.expose_secret())
        };
        let token = token.filter(|token| !same(token)).cloned();
        if token.is_some() {
            lines.push(match self.is_signed {
                Some(true) => "~ signed with another token".to_owned(),
                _ => "+ signed with a token".to_owned(),
            });
        }
        Change {
            exists: self.url.is_some(),
            callback: is_new.then(|| Callback { url: url.to_string(), callback_command_list: commands }),
            token,
            takes_from: (!present.is_empty() && present != url.as_str()).then(|| present.to_owned()),
            lines,
        }
    }

    /// Whether Tencent signs with this token; `None` if it does not say.
    pub fn is_signed_with(&self, token: &SecretString) -> Option<bool> {
        let known = self.token.as_ref()?;
        Some(self.is_signed == Some(true) && known.expose_secret() == token.expose_secret())
    }
}

impl Change {
    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The difference, a line each. The token is not in it.
    pub fn difference(&self) -> String {
        self.lines.iter().map(|line| format!("{line}\n")).collect()
    }

    /// The address that gets no callbacks any more, if there is one.
    pub fn takes_from(&self) -> Option<&str> {
        self.takes_from.as_deref()
    }
}

/// Shows and sets where callbacks go.
pub struct Configurator<C> {
    client: TencentClient<C>,
}

impl<C: Clock> Configurator<C> {
    /// One that speaks as `client` does.
    pub fn new(client: TencentClient<C>) -> Self {
        Self { client }
    }

    /// What Tencent has now.
    ///
    /// # Errors
    /// When it says no, or does not answer.
    pub async fn present(&self) -> Result<Configuration, NotConfigured> {
        let callback: Option<Callback> =
            match self.client.read_configuration("get_callback", &json!({})).await {
                Ok(callback) => callback,
                Err(refusal) if refusal.code == Some(NOT_CONFIGURED) => None,
                Err(refusal) => return Err(NotConfigured(refusal)),
            };
        // Its form is not documented, and there may be none: then nothing is known of it.
        let token: Option<TokenAnswer> =
            self.client.read_configuration("get_callback_token", &json!({})).await.unwrap_or_default();
        let (token, is_signed) = token.map_or((None, None), |token| (token.token, token.is_token_enable));
        Ok(Configuration {
            url: callback.as_ref().map(|callback| callback.url.clone()),
            commands: callback.map(|callback| callback.callback_command_list).unwrap_or_default(),
            is_signed,
            token: token.map(SecretString::from),
        })
    }

    /// Writes a change. The token first: callbacks that are not signed yet would be refused.
    ///
    /// # Errors
    /// When Tencent says no, or does not answer.
    pub async fn apply(&self, change: &Change) -> Result<(), NotConfigured> {
        if let Some(token) = &change.token {
            let body = json!({ "Token": token.expose_secret(), "IsTokenEnable": true });
            self.client.write_configuration("set_callback_token", &body).await.map_err(NotConfigured)?;
        }
        if let Some(callback) = &change.callback {
            let command = if change.exists { "update_callback" } else { "set_callback" };
            let Callback { url, callback_command_list } = callback;
            let body = json!({ "Url": url, "CallbackCommandList": callback_command_list });
            self.client.write_configuration(command, &body).await.map_err(NotConfigured)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn configuration(url: &str, commands: &[&str], token: Option<&str>) -> Configuration {
        Configuration {
            url: Some(url.to_owned()),
            commands: commands.iter().map(|command| (*command).to_owned()).collect(),
            is_signed: token.map(|_| true),
            token: token.map(SecretString::from),
        }
    }

    fn ours() -> Url {
        "https://rooms.example/tencent/callbacks".parse().unwrap()
    }

    #[test]
    fn a_change_keeps_the_commands_of_others_and_says_whom_it_takes_the_address_from() {
        let present = configuration("https://other.example/", &["Live.CallbackAfterCreateRoom"], None);
        let change = present.change(&ours(), Some(&SecretString::from("hush")));
        assert_eq!(
            change.difference(),
            "- url https://other.example/\n+ url https://rooms.example/tencent/callbacks\n\
             + command Live.CallbackAfterChangeOwner\n+ signed with a token\n"
        );
        assert_eq!(change.takes_from(), Some("https://other.example/"));
        let commands = change.callback.unwrap().callback_command_list;
        assert_eq!(commands, ["Live.CallbackAfterCreateRoom", CHANGE_OF_OWNER]);
    }

    #[test]
    fn what_is_so_already_is_no_change() {
        let present = configuration(ours().as_str(), &[CHANGE_OF_OWNER], Some("hush"));
        assert!(present.change(&ours(), Some(&SecretString::from("hush"))).is_empty());
        assert!(present.change(&ours(), None).is_empty());
        let change = present.change(&ours(), Some(&SecretString::from("other")));
        assert_eq!(
            (change.difference().as_str(), change.takes_from()),
            ("~ signed with another token\n", None)
        );
        assert!(!format!("{change:?} {present:?}").contains("hush"));
    }
}
