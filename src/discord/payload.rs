//! An authentic interaction, read leniently (docs.discord.com/developers/interactions/
//! receiving-and-responding, "Interaction Object").
//!
//! Discord adds, drops and renames fields, so only `id`, `type`, `token` and `application_id` have to be
//! there. What else is missing, unknown or of another type is handled where it is needed.

use secrecy::SecretString;
use serde_json::{Map, Value};

use super::{definition, render};
use crate::domain::command::{Advice, DeliveryId, FilledForm, Place, RejectedRequest, Rejection, Unusable};
use crate::domain::principal::{Channel, Principal, Subject};

/// How much of a name the record keeps, in characters.
pub(super) const LONGEST_NAME: usize = 80;
/// How much of an invocation the record keeps, in characters.
const LONGEST_RECORD: usize = 1_000;

/// The types of channel that are threads: announcement, public, private
/// (docs.discord.com/developers/resources/channel, "Channel Types").
pub(super) const THREADS: [u64; 3] = [10, 11, 12];
/// A command in the menu of a person ("Application Command Types").
const USER: u64 = 2;
/// The `context` of a guild ("Interaction Context Types").
const GUILD: u64 = 0;
/// The `context` of a direct message with the bot.
const BOT_DM: u64 = 1;

/// What is asked of us ("Interaction Type").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Ping,
    Command,
    /// A command in the menu of a person.
    UserMenu,
    Autocomplete,
    Press,
    Form,
    /// What Discord will think of next.
    Other(u64),
}

/// Where an answer goes.
#[derive(Clone)]
pub(super) struct ReplyTo {
    pub(super) application: String,
    pub(super) interaction: String,
    /// Authorises answers to the interaction for 15 minutes.
    pub(super) token: SecretString,
    /// The channel or thread that the person is in.
    pub(super) channel: Option<String>,
}

/// An interaction, as far as it could be read.
pub(super) struct Interaction {
    pub(super) kind: Kind,
    pub(super) reply_to: ReplyTo,
    fields: Map<String, Value>,
}

/// The message that a button is in.
pub(super) struct Source {
    pub(super) message: String,
    /// Whether the person alone sees it.
    pub(super) is_private: bool,
}

/// Who asks, and where: what a decision needs.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Caller {
    pub(super) principal: Principal,
    pub(super) place: Place,
}

/// Who pressed a button of a direct message.
pub(super) struct DirectPresser {
    pub(super) user: String,
    /// The channel of the direct message.
    pub(super) channel: String,
}

/// Bytes that are not an interaction: there is nobody to answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct NotAnInteraction(String);

impl NotAnInteraction {
    /// For the record, which keeps every authentic request.
    pub(super) fn rejected(&self) -> RejectedRequest {
        RejectedRequest {
            principal: None,
            channel: None,
            delivery: None,
            typed: String::new(),
            rejection: Rejection::Unusable(self.0.clone().into()),
        }
    }
}

impl Interaction {
    /// Reads an authentic body.
    pub(super) fn read(body: &[u8]) -> Result<Self, NotAnInteraction> {
        let fields: Map<String, Value> = serde_json::from_slice(body)
            .map_err(|_| NotAnInteraction("the request is not a JSON object".to_owned()))?;
        let missing = |name: &str| NotAnInteraction(format!("Discord did not send the field `{name}`"));
        let kind = match fields.get("type").and_then(Value::as_u64).ok_or_else(|| missing("type"))? {
            1 => Kind::Ping,
            2 if fields.get("data").is_some_and(|data| data["type"] == USER) => Kind::UserMenu,
            2 => Kind::Command,
            3 => Kind::Press,
            5 => Kind::Form,
            4 => Kind::Autocomplete,
            other => Kind::Other(other),
        };
        let id = |name: &str| fields.get(name).and_then(snowflake).ok_or_else(|| missing(name));
        let token = fields.get("token").and_then(Value::as_str).filter(|token| is_token(token));
        let reply_to = match (kind, token) {
            // Nothing but the answer itself is needed, and Discord's own examples hold nothing else.
            (Kind::Ping, _) => ReplyTo {
                application: String::new(),
                interaction: String::new(),
                token: SecretString::default(),
                channel: None,
            },
            (_, Some(token)) => ReplyTo {
                application: id("application_id")?,
                interaction: id("id")?,
                token: SecretString::from(token),
                channel: channel_id(&fields),
            },
            (_, None) => return Err(missing("token")),
        };
        Ok(Self { kind, reply_to, fields })
    }

    /// The `data` of a command.
    pub(super) fn data(&self) -> Option<&Map<String, Value>> {
        self.fields.get("data")?.as_object()
    }

    /// The person in whose menu the command was chosen.
    pub(super) fn chosen_person(&self, guild: &str) -> Option<Subject> {
        let data =
            self.data().filter(|data| data.get("name").is_some_and(|name| *name == definition::HAND_TO))?;
        let user = data.get("target_id").and_then(snowflake)?;
        Some(Subject::DiscordUser { guild: guild.to_owned(), user })
    }

    /// The same for the record.
    pub(super) fn chosen(&self) -> String {
        let text = |name: &str| self.data().and_then(|data| data.get(name)?.as_str()).unwrap_or_default();
        format!("[menu] {} <@{}>", text("name"), text("target_id"))
    }

    /// The name of the component that was used.
    pub(super) fn custom_id(&self) -> &str {
        self.data().and_then(|data| data.get("custom_id")).and_then(Value::as_str).unwrap_or_default()
    }

    /// The message that a pressed button is in.
    pub(super) fn source(&self) -> Option<Source> {
        let message = self.fields.get("message")?;
        let flags = message.get("flags").and_then(Value::as_u64).unwrap_or_default();
        Some(Source {
            message: message.get("id").and_then(snowflake)?,
            is_private: flags & render::EPHEMERAL != 0,
        })
    }

    /// Whether it is a command with nothing filled in.
    pub(super) fn is_bare(&self) -> bool {
        let options = self.data().and_then(|data| data.get("options"));
        self.kind == Kind::Command && options.and_then(Value::as_array).is_none_or(Vec::is_empty)
    }

    /// What was filled in: each field by its name ("Modal Submit Interaction").
    pub(super) fn filled(&self) -> FilledForm {
        let empty = Vec::new();
        let labels = self.data().and_then(|data| data.get("components")?.as_array()).unwrap_or(&empty);
        let value = |name: &str| {
            let fields = labels.iter().filter_map(|label| label.get("component"));
            let field = fields.into_iter().find(|field| field["custom_id"] == name)?;
            field["value"].as_str().or_else(|| field["values"][0].as_str()).map(str::to_owned)
        };
        FilledForm {
            room: value(render::ROOM).unwrap_or_default(),
            new_owner: value(render::NEW_OWNER).unwrap_or_default(),
            reason: value(render::REASON),
        }
    }

    /// The id that makes a repetition known.
    pub(super) fn delivery(&self) -> Option<DeliveryId> {
        DeliveryId::new("discord", &self.reply_to.interaction)
    }

    /// Who asks, and in which channel of which guild; or why that cannot be read.
    pub(super) fn caller(&self) -> Result<Caller, Unusable> {
        let context = self.fields.get("context").and_then(Value::as_u64);
        let elsewhere = || Unusable::but("it was not used in a server", Advice::InAServer);
        if context.is_some_and(|context| context != GUILD) {
            return Err(elsewhere());
        }
        let guild = self.guild().ok_or_else(elsewhere)?;
        // "Authorizing Integration Owners": key 0 is the installation in the guild, key 1 a user's own.
        if let Some(owners) = self.fields.get("authorizing_integration_owners").and_then(Value::as_object)
            && owners.get("0").and_then(snowflake).as_ref() != Some(&guild)
        {
            return Err(Unusable::but("the app is not installed in this server", Advice::InstallInServer));
        }
        let principal = self.principal()?.ok_or("Discord did not say who used the command")?;
        let channel = self.channel()?.ok_or("Discord did not say in which channel the command was used")?;
        Ok(Caller { principal, place: Place::Channel(channel) })
    }

    /// Who pressed a button of a direct message; `None` if it was not pressed in one.
    pub(super) fn presser_in_direct(&self) -> Option<DirectPresser> {
        let context = self.fields.get("context").and_then(Value::as_u64);
        if self.guild().is_some() || context.is_some_and(|context| context != BOT_DM) {
            return None;
        }
        let user = self.fields.get("user")?;
        Some(DirectPresser { user: user.get("id").and_then(snowflake)?, channel: channel_id(&self.fields)? })
    }

    fn guild(&self) -> Option<String> {
        let nested = || self.fields.get("guild")?.get("id").and_then(snowflake);
        self.fields.get("guild_id").and_then(snowflake).or_else(nested)
    }

    /// The member and the member's roles. Roles that cannot be read are no roles but an error: a deny
    /// entry may name one.
    fn principal(&self) -> Result<Option<Principal>, String> {
        let (Some(guild), Some(member)) = (self.guild(), self.fields.get("member")) else { return Ok(None) };
        let Some(user) = member.get("user").and_then(|user| user.get("id")).and_then(snowflake) else {
            return Ok(None);
        };
        Ok(Some(member_of(member, guild, user)?))
    }

    /// The channel, which of a thread is its parent.
    fn channel(&self) -> Result<Option<Channel>, String> {
        let channel = self.fields.get("channel");
        let kind = channel.and_then(|channel| channel.get("type")).and_then(Value::as_u64);
        let id = if kind.is_some_and(|kind| THREADS.contains(&kind)) {
            let parent = channel.and_then(|channel| channel.get("parent_id")).and_then(snowflake);
            Some(parent.ok_or("Discord did not say to which channel the thread belongs")?)
        } else {
            channel_id(&self.fields)
        };
        Ok(self.guild().zip(id).map(|(guild, channel)| Channel::Discord { guild, channel }))
    }

    /// The interaction as one that is not taken.
    pub(super) fn rejected(&self, typed: &str, rejection: Rejection) -> RejectedRequest {
        let principal = self.principal().ok().flatten();
        RejectedRequest {
            principal,
            channel: self.channel().ok().flatten(),
            delivery: self.delivery(),
            typed: record(typed),
            rejection,
        }
    }
}

/// A member of the guild, with the member's roles.
pub(super) fn member_of(member: &Value, guild: String, user: String) -> Result<Principal, String> {
    let groups = roles_of(member, &guild)?;
    // The unique name, not the display name, which anybody can set to anything.
    let name = member.get("user").and_then(|user| user.get("username")).and_then(Value::as_str);
    Ok(Principal {
        name: name.filter(|name| !name.is_empty()).map(|name| name.chars().take(LONGEST_NAME).collect()),
        ..Principal::new(Subject::DiscordUser { guild, user }).only_in(groups)
    })
}

/// The roles that a member has in the guild.
pub(super) fn roles_of(member: &Value, guild: &str) -> Result<Vec<Subject>, String> {
    let role = |role: String| Subject::DiscordRole { guild: guild.to_owned(), role };
    // Everybody in the guild has the role with the guild's id, which is not listed.
    let mut groups = vec![role(guild.to_owned())];
    match member.get("roles") {
        None | Some(Value::Null) => {}
        Some(Value::Array(roles)) => {
            for id in roles {
                let id = snowflake(id).ok_or("the field `member.roles` holds something else than ids")?;
                if id != guild {
                    groups.push(role(id));
                }
            }
        }
        Some(_) => return Err("the field `member.roles` is not a list".to_owned()),
    }
    Ok(groups)
}

/// An invocation as the record keeps it.
pub(super) fn record(typed: &str) -> String {
    match typed.char_indices().nth(LONGEST_RECORD) {
        Some((end, _)) => format!("{}…", &typed[..end]),
        None => typed.to_owned(),
    }
}

fn channel_id(fields: &Map<String, Value>) -> Option<String> {
    let nested = || fields.get("channel")?.get("id").and_then(snowflake);
    nested().or_else(|| fields.get("channel_id").and_then(snowflake))
}

/// An id: up to 20 digits, as text (docs.discord.com/developers/reference, "Snowflakes").
pub(super) fn snowflake(value: &Value) -> Option<String> {
    let id = value.as_str()?;
    (matches!(id.len(), 1..=20) && id.bytes().all(|b| b.is_ascii_digit())).then(|| id.to_owned())
}

/// A token goes into a path: it must not hold a separator.
fn is_token(token: &str) -> bool {
    matches!(token.len(), 1..=1_024)
        && token.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_=.~+:".contains(&b))
        && !token.bytes().all(|b| b == b'.')
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn full() -> Value {
        json!({
            "id": "100", "application_id": "42", "type": 2, "token": "aW50ZXJhY3Rpb24", "version": 1,
            "guild_id": "7", "guild": { "id": "7", "locale": "en-US", "features": [] }, "channel_id": "5",
            "channel": { "id": "5", "type": 0, "parent_id": "4" }, "context": 0,
            "authorizing_integration_owners": { "0": "7" },
            "member": { "user": { "id": "9", "username": "alice" }, "roles": ["11", "12"] },
            "data": { "id": "1", "name": "room-owner", "type": 1, "options": [] },
        })
    }

    fn with(change: impl FnOnce(&mut Value)) -> Interaction {
        let mut value = full();
        change(&mut value);
        Interaction::read(value.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn member_roles_and_channel_are_read() {
        let caller = with(|_| {}).caller().unwrap();
        assert_eq!(caller.principal.subject.to_string(), "discord:7:9");
        let groups: Vec<_> = caller.principal.groups.iter().map(ToString::to_string).collect();
        assert_eq!(groups, ["discord:7:role:7", "discord:7:role:11", "discord:7:role:12"]);
        assert_eq!(caller.place, Place::Channel("discord:7:5".parse().unwrap()));
    }

    #[test]
    fn a_thread_counts_as_its_parent_and_nothing_else_does() {
        for kind in THREADS {
            let interaction = with(|value| value["channel"]["type"] = json!(kind));
            assert_eq!(interaction.caller().unwrap().place, Place::Channel("discord:7:4".parse().unwrap()));
            assert_eq!(interaction.reply_to.channel.as_deref(), Some("5"));
        }
        let orphan = with(|value| value["channel"] = json!({ "id": "5", "type": 11 }));
        assert!(orphan.caller().unwrap_err().why.contains("to which channel the thread belongs"));
    }

    #[test]
    fn what_can_be_known_otherwise_may_be_missing() {
        for name in ["guild", "channel", "context", "authorizing_integration_owners", "version", "data"] {
            let interaction = with(|value| drop(value.as_object_mut().unwrap().remove(name)));
            assert!(interaction.caller().is_ok(), "{name}");
        }
        for name in ["guild_id", "channel_id"] {
            let interaction = with(|value| drop(value.as_object_mut().unwrap().remove(name)));
            assert!(interaction.caller().is_ok(), "{name}");
        }
        for name in ["id", "application_id", "type", "token"] {
            let mut value = full();
            value.as_object_mut().unwrap().remove(name);
            let error = Interaction::read(value.to_string().as_bytes()).err().unwrap();
            assert!(error.to_string().contains(name), "{name}");
        }
    }

    #[test]
    fn outside_of_a_server_nobody_is_a_caller() {
        let refused = |change: fn(&mut Value)| with(change).caller().is_err();
        assert!(refused(|value| value["context"] = json!(1)));
        assert!(refused(|value| drop(value.as_object_mut().unwrap().remove("member"))));
        assert!(refused(|value| value["member"] = json!("alice")));
        assert!(refused(|value| value["member"]["user"]["id"] = json!("role:9")));
        assert!(refused(|value| value["member"]["roles"] = json!("11")));
        assert!(refused(|value| value["member"]["roles"] = json!([11])));
        assert!(refused(|value| value["authorizing_integration_owners"] = json!({ "1": "9" })));
        assert!(refused(|value| value["authorizing_integration_owners"] = json!({ "0": "8" })));
    }

    #[test]
    fn a_token_cannot_leave_its_place_in_the_path() {
        for token in ["", "..", "a/b", "a?b", "a#b", "a%2fb", "é"] {
            let mut value = full();
            value["token"] = json!(token);
            assert!(Interaction::read(value.to_string().as_bytes()).is_err(), "{token}");
        }
    }
}
