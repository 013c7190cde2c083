//! The manifest from which Slack makes the app: its commands, made from the schema, and what the bot needs
//! (docs.slack.dev/reference/app-manifest).

use std::fmt::Write as _;

use reqwest::Url;
use serde::ser::{Serialize, SerializeMap as _, Serializer};

use crate::domain::command::{CommandGroup, Invocation, Verb};
use crate::domain::wording::CommandName;

/// What the bot's token has to be allowed. Slash commands work without a token; late answers and announcements need
/// `chat:write`. With `chat:write.public` it could post to public channels without being in them, and to all of them.
pub const SCOPES: [&str; 3] = ["commands", "usergroups:read", "chat:write"];

/// Where Slack posts the commands.
const COMMANDS: &str = "slack/commands";
/// How Slack names the form.
pub(super) const FORM: &str = "hand-over";

/// Where Slack posts what people press.
pub const INTERACTIONS: &str = "slack/interactions";

/// How many examples of a verb without words stand in its hint.
const HINTED_EXAMPLES: usize = 2;

/// How the commands reach the bot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery<'a> {
    /// Slack posts them to this address.
    Http(&'a Url),
    /// Over connections that the bot opens: the manifest names no address.
    SocketMode,
}

/// The manifest of a bot that is called `command`.
pub fn manifest(command: &CommandName, delivery: Delivery<'_>) -> Manifest {
    let bot = command.0.trim_start_matches('/');
    let prefix =
        bot.strip_suffix(CommandGroup::Owner.name()).unwrap_or_default().trim_end_matches(['-', '_']);
    let name = if prefix.is_empty() { "Room Owner".to_owned() } else { format!("Room Owner ({prefix})") };
    let commands = CommandGroup::ALL.map(|group| slash_command(group, command, delivery));
    let scopes = SCOPES.map(|scope| Node::Text(scope.to_owned()));
    let section = |name, inside| (name, Node::Section(inside));
    Manifest(Node::Section(vec![
        section(
            "display_information",
            vec![text("name", &name), text("description", "Hands live rooms to a new owner")],
        ),
        section(
            "features",
            vec![
                section(
                    "app_home",
                    // Where people read the bot's direct messages, and press their buttons.
                    vec![
                        flag("home_tab_enabled", false),
                        flag("messages_tab_enabled", true),
                        flag("messages_tab_read_only_enabled", true),
                    ],
                ),
                section("bot_user", vec![text("display_name", bot), flag("always_online", true)]),
                ("shortcuts", Node::List(vec![shortcut()])),
                ("slash_commands", Node::List(commands.into())),
            ],
        ),
        section("oauth_config", vec![section("scopes", vec![("bot", Node::List(scopes.into()))])]),
        section(
            "settings",
            vec![
                section("interactivity", interactivity(delivery)),
                flag("org_deploy_enabled", false),
                flag("socket_mode_enabled", delivery == Delivery::SocketMode),
                flag("token_rotation_enabled", false),
            ],
        ),
    ]))
}

/// Where Slack sends what people press, fill in and choose from.
fn interactivity(delivery: Delivery<'_>) -> Vec<(&'static str, Node)> {
    let mut fields = vec![flag("is_enabled", true)];
    if let Delivery::Http(public_url) = delivery {
        let url = format!("{public_url}{INTERACTIONS}");
        fields.extend([text("request_url", &url), text("message_menu_options_url", &url)]);
    }
    fields
}

/// On every message: opens the form.
fn shortcut() -> Node {
    Node::Section(vec![
        text("name", "Hand a room over"),
        text("type", "message"),
        text("callback_id", FORM),
        text("description", "Hand a live room to a new owner"),
    ])
}

fn slash_command(group: CommandGroup, command: &CommandName, delivery: Delivery<'_>) -> Node {
    let mut fields = vec![
        text("command", &command.of(group).0),
        text("description", group.summary()),
        text("usage_hint", &usage_hint(group)),
    ];
    if let Delivery::Http(public_url) = delivery {
        fields.push(text("url", &format!("{public_url}{COMMANDS}")));
    }
    // Mentions then come as ids, which nobody can forge by taking another name.
    fields.push(flag("should_escape", true));
    Node::Section(fields)
}

/// What can be typed: the arguments of the verb without words, and the first words of the others.
fn usage_hint(group: CommandGroup) -> String {
    let mut forms: Vec<String> = Vec::new();
    for verb in Verb::all(group) {
        let shown: Vec<String> = match verb.words.first() {
            Some(word) => vec![(*word).to_owned()],
            None => {
                let examples = verb.examples.iter().take(HINTED_EXAMPLES);
                examples.map(|example| Invocation::example(verb, example).as_typed()).collect()
            }
        };
        for form in shown {
            if !forms.contains(&form) {
                forms.push(form);
            }
        }
    }
    forms.join(" | ")
}

/// A manifest, to be printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest(Node);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Node {
    Section(Vec<(&'static str, Node)>),
    List(Vec<Node>),
    Text(String),
    Flag(bool),
}

fn text(name: &'static str, text: &str) -> (&'static str, Node) {
    (name, Node::Text(text.to_owned()))
}

fn flag(name: &'static str, is_on: bool) -> (&'static str, Node) {
    (name, Node::Flag(is_on))
}

impl Manifest {
    /// As YAML.
    pub fn yaml(&self) -> String {
        let mut out = String::new();
        self.0.write_yaml(0, &mut out);
        out.trim_start_matches('\n').to_owned()
    }

    /// As JSON.
    ///
    /// # Errors
    /// Never.
    pub fn json(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(&self.0)
    }
}

impl Node {
    /// Writes it behind its name, or behind the dash of a list.
    fn write_yaml(&self, depth: usize, out: &mut String) {
        let indent = "  ".repeat(depth);
        match self {
            Self::Section(fields) => {
                for (name, value) in fields {
                    let _ = write!(out, "\n{indent}{name}:");
                    value.write_yaml(depth + 1, out);
                }
            }
            Self::List(items) => {
                for item in items {
                    let mut inside = String::new();
                    item.write_yaml(depth + 1, &mut inside);
                    let _ = write!(out, "\n{indent}- {}", inside.trim_start());
                }
            }
            Self::Text(text) => {
                let _ = write!(out, " {}", scalar(text));
            }
            Self::Flag(is_on) => {
                let _ = write!(out, " {is_on}");
            }
        }
    }
}

/// Bare where YAML takes it for a text in any case, otherwise as JSON, which YAML takes too.
fn scalar(text: &str) -> String {
    let is_bare = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b" /_.:,()-".contains(&b))
        && !text.contains(": ")
        && !text.ends_with([':', ' '])
        && !["true", "false", "null", "yes", "no", "on", "off", "y", "n"]
            .iter()
            .any(|word| text.eq_ignore_ascii_case(word));
    if is_bare { text.to_owned() } else { serde_json::Value::from(text).to_string() }
}

impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Section(fields) => {
                let mut map = serializer.serialize_map(Some(fields.len()))?;
                for (name, value) in fields {
                    map.serialize_entry(name, value)?;
                }
                map.end()
            }
            Self::List(items) => items.serialize(serializer),
            Self::Text(text) => text.serialize(serializer),
            Self::Flag(is_on) => is_on.serialize(serializer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(prefix: &str, url: &str) -> Manifest {
        manifest(&CommandName::slash(prefix), Delivery::Http(&url.parse().unwrap()))
    }

    #[test]
    fn for_socket_mode_it_is_the_same_without_an_address() {
        let http = of("", "https://rooms.example.com").yaml();
        let lines = http.lines().filter(|line| !line.contains("url: "));
        let expected =
            lines.map(|line| line.replace("socket_mode_enabled: false", "socket_mode_enabled: true"));
        let socket = manifest(&CommandName::slash(""), Delivery::SocketMode);
        assert_eq!(socket.yaml().lines().collect::<Vec<_>>(), expected.collect::<Vec<_>>());
        assert!(!socket.json().unwrap().contains("http"));
    }

    #[test]
    fn it_is_what_people_paste() {
        insta::assert_snapshot!(of("staging-", "https://rooms.example.com").yaml(), @r#"
        display_information:
          name: Room Owner (staging)
          description: Hands live rooms to a new owner
        features:
          app_home:
            home_tab_enabled: false
            messages_tab_enabled: true
            messages_tab_read_only_enabled: true
          bot_user:
            display_name: staging-room-owner
            always_online: true
          shortcuts:
            - name: Hand a room over
              type: message
              callback_id: hand-over
              description: Hand a live room to a new owner
          slash_commands:
            - command: /staging-room-owner
              description: Hand a live room to a new owner, or show who owns it
              usage_hint: "<room> <new_owner> | <room> | show | list | undo | ask | whoami | help"
              url: https://rooms.example.com/slack/commands
              should_escape: true
            - command: /staging-room-acl
              description: "Who may do what: show it, explain it, change it"
              usage_hint: "whoami | grant | deny | revoke | answer | list | why | who-can | channel | announce | link | unlink | links | room | help"
              url: https://rooms.example.com/slack/commands
              should_escape: true
            - command: /staging-room-audit
              description: What was done, by whom, by whose authority, and with what outcome
              usage_hint: "list | show | owner-at | history | timeline | stats | console | help"
              url: https://rooms.example.com/slack/commands
              should_escape: true
        oauth_config:
          scopes:
            bot:
              - commands
              - usergroups:read
              - chat:write
        settings:
          interactivity:
            is_enabled: true
            request_url: https://rooms.example.com/slack/interactions
            message_menu_options_url: https://rooms.example.com/slack/interactions
          org_deploy_enabled: false
          socket_mode_enabled: false
          token_rotation_enabled: false
        "#);
    }

    /// docs.slack.dev/reference/app-manifest, and its types in @slack/web-api.
    #[test]
    fn it_keeps_slacks_limits_whatever_the_prefix() {
        for prefix in ["", "staging-", &"x".repeat(21)] {
            let json = of(prefix, "https://[2001:db8::1]:8443").json().unwrap();
            let json: serde_json::Value = serde_json::from_str(&json).unwrap();
            let length = |value: &serde_json::Value| value.as_str().unwrap().chars().count();
            let (about, features) = (&json["display_information"], &json["features"]);
            assert!((1..=35).contains(&length(&about["name"])), "{about}");
            assert!((1..=140).contains(&length(&about["description"])), "{about}");
            let bot = features["bot_user"]["display_name"].as_str().unwrap();
            let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_.".contains(&b);
            assert!(bot.len() <= 80 && bot.bytes().all(fits), "{bot}");
            let commands = features["slash_commands"].as_array().unwrap();
            assert_eq!(commands.len(), CommandGroup::ALL.len());
            for command in commands {
                let name = command["command"].as_str().unwrap();
                assert!(name.starts_with('/') && name.len() <= 32, "{name}");
                assert!((1..=2_000).contains(&length(&command["description"])), "{command}");
                assert!((1..=1_000).contains(&length(&command["usage_hint"])), "{command}");
                assert_eq!(command["url"], "https://[2001:db8::1]:8443/slack/commands");
                assert_eq!(command["should_escape"], true);
            }
            let presses = &json["settings"]["interactivity"];
            assert_eq!(presses["request_url"], "https://[2001:db8::1]:8443/slack/interactions");
            assert_eq!(presses["is_enabled"], true);
            assert_eq!(json["oauth_config"]["scopes"]["bot"], serde_json::json!(SCOPES));
        }
    }

    #[test]
    fn a_text_that_yaml_would_take_for_something_else_is_quoted() {
        for (text, shown) in [
            ("https://rooms.example.com/slack/commands", "https://rooms.example.com/slack/commands"),
            ("Hand a room over, or (not)", "Hand a room over, or (not)"),
            ("a: b", "\"a: b\""),
            ("a:", "\"a:\""),
            ("No", "\"No\""),
            ("12", "\"12\""),
            ("<room> | list", "\"<room> | list\""),
            ("a #b", "\"a #b\""),
            ("", "\"\""),
        ] {
            assert_eq!(scalar(text), shown);
        }
    }
}
