//! From a message to Slack's blocks: the one place that holds Slack's markup.
//!
//! Foreign text goes into `rich_text` elements, which Slack never parses: no mention, link or formatting
//! of it can take effect. The `text` beside the blocks (what notifications and screen readers get) is
//! escaped and marked as not to be parsed.

use serde_json::{Value, json};

use super::text::escape;
use crate::domain::announcement::Announcement;
use crate::domain::press::Button;
use crate::domain::principal::{Channel, Subject};
use crate::domain::reply::Reply;
use crate::domain::room::visible;
use crate::domain::wording::{
    CommandName, Line, Message, Span, announcement as announcement_in_words, message,
};

/// The longest line that is sent, in characters. An over-long field makes Slack refuse the message whole.
const LONGEST_LINE: usize = 2_500;

/// A reply as Slack takes it.
pub(super) fn render(reply: &Reply, name: &CommandName, all_private: bool) -> Value {
    let in_channel = reply.is_public(all_private);
    let buttons = actions(reply.buttons(), name);
    written(&message(reply, name), buttons, in_channel)
}

/// An announcement as Slack takes it.
pub(super) fn announced(announcement: &Announcement, name: &CommandName) -> Value {
    written(&announcement_in_words(announcement, name), actions(announcement.buttons(), name), true)
}

fn written(message: &Message, buttons: Option<Value>, in_channel: bool) -> Value {
    let mut blocks = vec![json!({ "type": "rich_text", "elements": lines(message, in_channel) })];
    if let Some(footer) = &message.footer {
        let text: String = footer.0.iter().map(span_text).collect();
        blocks.push(json!({
            "type": "context",
            "elements": [{ "type": "plain_text", "text": clip(&text), "emoji": false }],
        }));
    }
    blocks.extend(buttons);
    json!({
        "response_type": if in_channel { "in_channel" } else { "ephemeral" },
        "text": fallback(message, in_channel),
        "blocks": blocks,
        "mrkdwn": false,
        "parse": "none",
        "link_names": false,
        "unfurl_links": false,
        "unfurl_media": false,
    })
}

/// A row of buttons, if there are any. What one says is never parsed; what it stands for is in the store.
fn actions(buttons: &[Button], name: &CommandName) -> Option<Value> {
    let button = |(n, button): (usize, &Button)| {
        json!({
            "type": "button",
            "action_id": format!("press:{n}"),
            "text": { "type": "plain_text", "text": clip(&visible(&name.label(&button.offer))), "emoji": false },
            "value": button.nonce.as_str(),
        })
    };
    let buttons: Vec<Value> = buttons.iter().enumerate().map(button).collect();
    (!buttons.is_empty()).then(|| json!({ "type": "actions", "elements": buttons }))
}

/// A message that Slack showed with buttons, to be shown without them in its place.
pub(super) fn without_buttons(message: &Value) -> Option<Value> {
    let blocks = message["blocks"].as_array()?;
    let kept: Vec<&Value> = blocks.iter().filter(|block| block["type"] != "actions").collect();
    Some(json!({
        "replace_original": true,
        "text": message["text"].as_str().unwrap_or_default(),
        "blocks": kept,
        "parse": "none",
        "link_names": false,
        "unfurl_links": false,
        "unfurl_media": false,
    }))
}

/// The fields of the form, by which Slack names them.
pub(super) const ROOM: &str = "room";
pub(super) const NEW_OWNER: &str = "new_owner";
pub(super) const REASON: &str = "reason";
/// How many options Slack takes in a list, and how long one may be.
pub(super) const MOST_OPTIONS: usize = 100;
const LONGEST_OPTION: usize = 75;
/// The longest reason that a form takes.
const LONGEST_FORM_REASON: usize = 200;

fn plain(text: &str) -> Value {
    json!({ "type": "plain_text", "text": text, "emoji": false })
}

/// The form that hands a room over. Who fills it in is in this channel.
pub(super) fn form(channel: &Channel) -> Value {
    let Channel::Slack { channel, .. } = channel else { return Value::Null };
    let input = |field: &str, label: &str, element: Value| json!({ "type": "input", "block_id": field, "label": plain(label), "element": element });
    let select = |field: &str, hint: &str, least: u64| {
        json!({
            "type": "external_select", "action_id": field, "placeholder": plain(hint), "min_query_length": least,
        })
    };
    let mut reason = input(
        REASON,
        "Reason",
        json!({ "type": "plain_text_input", "action_id": REASON, "max_length": LONGEST_FORM_REASON }),
    );
    reason["optional"] = json!(true);
    json!({
        "type": "modal",
        "callback_id": super::manifest::FORM,
        "private_metadata": channel,
        "title": plain("Hand a room over"),
        "submit": plain("Hand over"),
        "close": plain("Cancel"),
        "blocks": [
            input(ROOM, "Room", select(ROOM, "Choose a live room", 0)),
            input(NEW_OWNER, "New owner", select(NEW_OWNER, "Choose one, or type a UserID", 0)),
            reason,
        ],
    })
}

/// What can be chosen, and what helps to choose. What Slack would not take is left out.
pub(super) fn options(options: Vec<(String, Option<String>)>) -> Value {
    let fits = |value: &str| !value.is_empty() && value.chars().count() <= LONGEST_OPTION;
    let shown = |text: &str| plain(&clip_to(&visible(text), LONGEST_OPTION));
    let option = |(value, details): &(String, Option<String>)| {
        let mut option = json!({ "text": shown(value), "value": value });
        if let Some(details) = details {
            option["description"] = shown(details);
        }
        option
    };
    let options = options.iter().filter(|(value, _)| fits(value)).take(MOST_OPTIONS);
    json!({ "options": options.map(option).collect::<Vec<_>>() })
}

/// A reply in the place of the form that was filled in. It has no buttons: what is pressed in a form is in no channel.
pub(super) fn in_form(reply: &Reply, name: &CommandName) -> Value {
    let message = render(reply.said(), name, true);
    json!({
        "response_action": "update",
        "view": {
            "type": "modal", "title": plain("Hand a room over"), "close": plain("Close"), "blocks": message["blocks"],
        },
    })
}

/// A message as a method of the Web API takes it, field by field.
pub(super) fn fields(message: &Value) -> Vec<(String, String)> {
    let fields = message.as_object().into_iter().flatten();
    // Who sees it is the method's business.
    fields
        .filter(|(name, _)| *name != "response_type")
        .map(|(name, value)| (name.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
        .collect()
}

/// All lines in one section: between sections, clients differ in whether they break the line.
fn lines(message: &Message, in_channel: bool) -> Vec<Value> {
    let mut all = vec![json!({ "type": "text", "text": format!("{} ", message.tone.sign()) })];
    all.extend(elements(&message.headline, in_channel));
    for line in &message.body {
        all.push(json!({ "type": "text", "text": "\n" }));
        all.extend(elements(line, in_channel));
    }
    vec![json!({ "type": "rich_text_section", "elements": all })]
}

fn elements(line: &Line, in_channel: bool) -> impl Iterator<Item = Value> {
    line.0.iter().filter_map(move |span| {
        // A mention in a channel would notify.
        let unmentioned = in_channel.then(|| by_name(span)).flatten();
        let span = unmentioned.as_ref().unwrap_or(span);
        let text = clip(&span_text(span));
        // Slack refuses an element without text.
        (!text.is_empty()).then(|| match span {
            Span::Text(_) => json!({ "type": "text", "text": text }),
            Span::Link(_) => json!({ "type": "link", "url": text }),
            // An id out of the ACL or of a request, never typed text. It notifies where the channel reads it: whoever asked
            // for an approval, and whoever gave it.
            Span::Subject(Subject::SlackUser { user, .. }, _) => json!({ "type": "user", "user_id": user }),
            Span::Subject(Subject::SlackGroup { group, .. }, _) => {
                json!({ "type": "usergroup", "usergroup_id": group })
            }
            Span::Channel(Channel::Slack { channel, .. }) => {
                json!({ "type": "channel", "channel_id": channel })
            }
            // Everybody reads their own clock.
            Span::Time(at) => json!({
                "type": "date", "timestamp": at.as_second(), "format": "{date_num} {time}", "fallback": text,
            }),
            Span::Code(_) | Span::Subject(..) | Span::Channel(_) => {
                json!({ "type": "text", "text": text, "style": { "code": true } })
            }
        })
    })
}

/// Somebody as text that mentions nobody: by the name that was last seen, or else by the id.
fn by_name(span: &Span) -> Option<Span> {
    match span {
        Span::Subject(_, Some(name)) => Some(Span::Code(format!("@{name}"))),
        Span::Subject(subject, None) => Some(Span::Code(subject.to_string())),
        _ => None,
    }
}

/// A span's text. In foreign text, what cannot be seen is made visible: it could hide or turn the rest.
fn span_text(span: &Span) -> String {
    match span {
        Span::Text(text) | Span::Link(text) => text.clone(),
        Span::Time(_) => span.plain(),
        // Slack puts the name there, where it shows a mention.
        Span::Subject(subject @ (Subject::SlackUser { .. } | Subject::SlackGroup { .. }), _) => {
            subject.to_string()
        }
        Span::Code(_) | Span::Subject(..) | Span::Channel(_) => visible(&span.plain()),
    }
}

fn clip(text: &str) -> String {
    clip_to(text, LONGEST_LINE)
}

/// The text, or so much of it that it has at most `longest` characters with the mark that it goes on.
fn clip_to(text: &str, longest: usize) -> String {
    if text.chars().count() <= longest {
        return text.to_owned();
    }
    let kept: String = text.chars().take(longest - 1).collect();
    format!("{kept}…")
}

fn fallback(message: &Message, in_channel: bool) -> String {
    let visible = |line: &Line| {
        let spans = line.0.iter().map(|span| match (by_name(span).filter(|_| in_channel), span) {
            (Some(named), _) => Span::Code(defuse(&span_text(&named))),
            (_, Span::Text(_) | Span::Link(_) | Span::Time(_)) => Span::Text(span_text(span)),
            (_, Span::Code(_) | Span::Subject(..) | Span::Channel(_)) => Span::Code(defuse(&span_text(span))),
        });
        clip(&Line(spans.collect()).to_string())
    };
    let mut text = format!("{} {}", message.tone.sign(), visible(&message.headline));
    for line in message.body.iter().chain(&message.footer) {
        text.push('\n');
        text.push_str(&visible(line));
    }
    escape(&text)
}

/// Slack may make a mention of a bare `@here` in a message's text: a word joiner, which nobody sees,
/// keeps it text.
fn defuse(text: &str) -> String {
    let mut defused = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        defused.push(c);
        let behind = text[at..].get(1..).unwrap_or_default().to_ascii_lowercase();
        if c == '@' && ["here", "channel", "everyone"].iter().any(|word| behind.starts_with(word)) {
            defused.push('\u{2060}');
        }
    }
    defused
}
