//! From a message to Discord's embeds: the one place that holds Discord's markup.
//!
//! Foreign text stands in inline code, in which Discord parses nothing, with its backticks replaced; our
//! own words are escaped as well, because a scope such as `live-*` may be among them. No message of ours
//! can mention anybody: `allowed_mentions` says so on each.

mod form;

use serde_json::{Value, json};
use serenity::all::{CreateEmbed, CreateEmbedFooter};

use crate::domain::announcement::Announcement;
use crate::domain::audit::Outcome;
use crate::domain::press::Button;
use crate::domain::principal::{Channel, Subject};
use crate::domain::reply::{Audience, Reply};
use crate::domain::room::visible;
use crate::domain::wording::{
    CommandName, Line, Message, Span, Tone, UNDO, announcement as announcement_in_words, message as words,
};

pub(super) use form::{NEW_OWNER, REASON, ROOM, form};

/// Limits in UTF-16 units, which are never fewer than what Discord counts
/// (docs.discord.com/developers/resources/message, "Embed Limits"). Together they stay below 6000.
const LONGEST_TITLE: usize = 256;
/// Beside fields; and without, up to Discord's own limit.
const LONGEST_DESCRIPTION: usize = 3_000;
const LONGEST_BARE_DESCRIPTION: usize = 4_000;
/// How many lines a description has at most: more than any answer but the timeline of a very long operation.
const MOST_LINES: usize = 60;
const LONGEST_FIELD: usize = 300;
const LONGEST_FOOTER: usize = 500;

/// How many suggestions Discord takes, and how long one may be.
pub(super) const MOST_CHOICES: usize = 25;
const LONGEST_CHOICE: usize = 100;

/// The message is for the caller alone ("Message Flags").
pub(super) const EPHEMERAL: u64 = 1 << 6;
/// How a button's name begins where Discord keeps it.
const PRESS: &str = "press:";
/// Discord's own limit for what a button says, in UTF-16 units.
const LONGEST_LABEL: usize = 80;

/// A reply as Discord takes it in a message.
pub(super) fn message(reply: &Reply, name: &CommandName) -> Value {
    let message = words(reply, &name.clone().with_options());
    // Without a list of components, an edit would leave the ones that are there.
    json!({
        "embeds": [embed(facts(reply), &message)],
        "allowed_mentions": { "parse": [] },
        "components": components(reply.buttons(), name),
    })
}

/// A row of buttons ("Component Reference"): in grey, for nothing is the one thing to press.
fn components(buttons: &[Button], name: &CommandName) -> Vec<Value> {
    let button = |button: &Button| {
        let label = clip(&visible(&name.label(&button.offer)), LONGEST_LABEL);
        let id = format!("{PRESS}{}", button.nonce.as_str());
        json!({ "type": 2, "style": 2, "label": label, "custom_id": id })
    };
    let row = || json!({ "type": 1, "components": buttons.iter().map(button).collect::<Vec<_>>() });
    if buttons.is_empty() { Vec::new() } else { vec![row()] }
}

/// The name of a button out of what Discord sends back; what is no button of ours is nobody's name.
pub(super) fn pressed(custom_id: &str) -> &str {
    custom_id.strip_prefix(PRESS).unwrap_or_default()
}

/// The message in the place of the one that the pressed button is in.
pub(super) fn in_its_place(message: &Value) -> Value {
    json!({ "type": 7, "data": message })
}

/// A message loses its buttons.
pub(super) fn without_buttons() -> Value {
    json!({ "components": [] })
}

/// An announcement as Discord takes it in a message.
pub(super) fn announced(announcement: &Announcement, name: &CommandName) -> Value {
    let message = announcement_in_words(announcement, &name.clone().with_options());
    json!({
        "embeds": [embed(Vec::new(), &message)],
        "components": components(announcement.buttons(), name),
        "allowed_mentions": { "parse": [] },
    })
}

/// The message as the first answer, for the caller alone.
pub(super) fn at_once(mut message: Value) -> Value {
    message["flags"] = json!(EPHEMERAL);
    json!({ "type": 4, "data": message })
}

/// "Thinking…". Whether it is for the caller alone holds for what replaces it, too.
pub(super) fn deferral(private: bool) -> Value {
    if private { json!({ "type": 5, "data": { "flags": EPHEMERAL } }) } else { json!({ "type": 5 }) }
}

/// Suggestions: what to show and what it stands for. Discord takes all or none, so what it would not
/// take is left out.
pub(super) fn choices(choices: Vec<(String, String)>) -> Value {
    let fits = |value: &String| !value.is_empty() && width(value) <= LONGEST_CHOICE;
    let choices: Vec<Value> = choices
        .into_iter()
        .filter(|(_, value)| fits(value))
        .take(MOST_CHOICES)
        .map(|(name, value)| json!({ "name": clip(&visible(&name), LONGEST_CHOICE), "value": value }))
        .collect();
    json!({ "type": 8, "data": { "choices": choices } })
}

fn embed(mut facts: Vec<(&'static str, String)>, message: &Message) -> CreateEmbed {
    let sign = Span::Text(format!("{} ", message.tone.sign()));
    let headline = Line(std::iter::once(sign).chain(message.headline.0.iter().cloned()).collect());
    facts.extend(undo(message).filter(|_| !facts.is_empty()).map(|line| ("Undo", line)));
    let longest = if facts.is_empty() { LONGEST_BARE_DESCRIPTION } else { LONGEST_DESCRIPTION };
    let mut embed = CreateEmbed::new().colour(colour(message.tone));
    // Discord shows no mention and no time in a title: a headline with one is the description's first line.
    let needs_markup = |span: &Span| matches!(span, Span::Subject(..) | Span::Channel(_) | Span::Time(_));
    let is_for_the_description = headline.0.iter().any(needs_markup);
    let mut lines: Vec<&Line> = Vec::new();
    if is_for_the_description {
        lines.push(&headline);
    } else {
        embed = embed.title(markdown(&headline, LONGEST_TITLE));
    }
    lines.extend(&message.body);
    if !lines.is_empty() {
        embed = embed.description(description(&lines, longest));
    }
    for (name, value) in &facts {
        embed = embed.field(*name, inline_code(value, LONGEST_FIELD), true);
    }
    match &message.footer {
        // The fields say what the footer would.
        Some(footer) if facts.is_empty() => {
            embed.footer(CreateEmbedFooter::new(clip(&plain(footer), LONGEST_FOOTER)))
        }
        _ => embed,
    }
}

/// The line that undoes what was done, which stands behind the other numbers.
fn undo(message: &Message) -> Option<String> {
    match message.footer.as_ref()?.0.as_slice() {
        [.., Span::Text(text), Span::Code(line)] if text == UNDO => Some(line.clone()),
        _ => None,
    }
}

/// What a moderator looks for first and quotes later, of an operation on a room.
fn facts(reply: &Reply) -> Vec<(&'static str, String)> {
    let (operation, room, outcome, transfer, head) = match reply {
        Reply::Transfer { operation, transfer, by, requested_by, outcome, head, .. } => {
            let by = (if requested_by.is_some() { "Approved by" } else { "Asked by" }, by);
            (operation, &transfer.room, outcome, Some((transfer, by)), head.as_ref())
        }
        Reply::Owner { operation, room, outcome, .. } => (operation, room, outcome, None, None),
        Reply::Late { reply, .. } | Reply::WithButtons { reply, .. } => return facts(reply),
        _ => return Vec::new(),
    };
    let mut facts = vec![("Room", room.to_string())];
    match (transfer, outcome) {
        (None, Outcome::Shown(owner)) => facts.push(("Owner", owner.to_string())),
        (None, _) => {}
        (Some((transfer, (what, by))), outcome) => {
            if let Some(previous) = outcome.previous_owner() {
                facts.push(("Previous owner", previous.to_string()));
            }
            let is_owner = matches!(outcome, Outcome::Succeeded { .. } | Outcome::Unchanged);
            let label = if is_owner { "New owner" } else { "Asked for" };
            facts.push((label, transfer.new_owner.to_string()));
            facts.push((what, by.name.clone().unwrap_or_else(|| by.subject.to_string())));
        }
    }
    if let Some(id) = outcome.request_id() {
        facts.push(("RequestId", id.to_owned()));
    }
    facts.push(("Operation", operation.to_string()));
    // Of what happened to a room, or may have: somebody may want to prove it later.
    let head = head.filter(|_| reply.audience() == Audience::Channel);
    facts.extend(head.map(|head| ("Log", head.to_string())));
    facts
}

/// A colour is seen from afar; what it means is also said by the sign and the words.
fn colour(tone: Tone) -> u32 {
    match tone {
        Tone::Done => 0x2e_a0_43,
        Tone::Plain => 0x58_65_f2,
        Tone::Stop | Tone::Failed => 0xda_36_33,
        Tone::Warning => 0xe3_a0_08,
        Tone::Wait => 0x8b_94_9e,
    }
}

/// A line in Discord's markdown, of at most `longest` units. A span that does not fit is clipped inside
/// of its marks; the ones behind it are left out.
fn markdown(line: &Line, longest: usize) -> String {
    let mut text = String::new();
    for span in &line.0 {
        let left = longest.saturating_sub(width(&text));
        let piece = match span {
            Span::Text(text) => escape(text),
            // Everybody reads their own clock.
            Span::Time(at) => format!("<t:{}:f>", at.as_second()),
            Span::Link(link) => link.clone(),
            // Ids out of the ACL, never typed text; `allowed_mentions` keeps them from notifying anybody.
            Span::Subject(Subject::DiscordUser { user, .. }, _) => format!("<@{user}>"),
            Span::Subject(Subject::DiscordRole { role, .. }, _) => format!("<@&{role}>"),
            Span::Channel(Channel::Discord { channel, .. }) => format!("<#{channel}>"),
            Span::Code(_) | Span::Subject(..) | Span::Channel(_) => inline_code(&span.plain(), left),
        };
        if width(&piece) > left {
            text.push_str(&clip(&piece, left));
            break;
        }
        text.push_str(&piece);
    }
    text
}

/// The lines together, of at most `longest` units. If they are longer, the longest of them are clipped, so that
/// no line is lost; of more lines than there is room for it is said how many are missing.
fn description(lines: &[&Line], longest: usize) -> String {
    let shown = if lines.len() > MOST_LINES { &lines[..MOST_LINES - 1] } else { lines };
    let missing = lines.len() - shown.len();
    let mut texts: Vec<String> = shown.iter().map(|line| markdown(line, longest)).collect();
    if missing > 0 {
        texts.push(format!("… and {missing} more lines, for which a message has no room."));
    }
    let room = longest.saturating_sub(texts.len());
    let widths: Vec<usize> = texts.iter().map(|text| width(text)).collect();
    if widths.iter().sum::<usize>() > room {
        // The shorter ones leave what they do not need to the longer ones.
        let mut shortest_first = widths.clone();
        shortest_first.sort_unstable();
        let mut left = room;
        let mut limit = 1;
        for (n, own) in shortest_first.iter().enumerate() {
            limit = left / (shortest_first.len() - n);
            if *own > limit {
                break;
            }
            left -= own;
        }
        for ((text, own), line) in texts.iter_mut().zip(widths).zip(shown) {
            if own > limit {
                *text = markdown(line, limit);
            }
        }
    }
    texts.join("\n")
}

/// Foreign text as inline code. A backtick would end it, so another character stands for it.
fn inline_code(code: &str, longest: usize) -> String {
    let code = visible(code).replace('`', "ˋ");
    if longest < 4 {
        return String::new();
    }
    // Two backticks with nothing between them are not code but text.
    let code = if code.trim().is_empty() { "(empty)".to_owned() } else { clip(&code, longest - 2) };
    format!("`{code}`")
}

/// Our own words, with nothing in them that Discord would take for markup.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '\\' | '`' | '*' | '_' | '~' | '|' | '<' | '>' | '[' | ']' | '#' | '@') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

/// A line for the footer, in which Discord parses nothing.
fn plain(line: &Line) -> String {
    let spans = line.0.iter().map(|span| match span {
        Span::Text(text) | Span::Link(text) => text.clone(),
        Span::Time(_) => span.plain(),
        Span::Code(_) | Span::Subject(..) | Span::Channel(_) => visible(&span.plain()),
    });
    spans.collect()
}

fn width(text: &str) -> usize {
    text.encode_utf16().count()
}

/// At most `longest` units of the text; what is cut off is marked, and no escape is cut in two.
fn clip(text: &str, longest: usize) -> String {
    if width(text) <= longest {
        return text.to_owned();
    }
    if longest == 0 {
        return String::new();
    }
    let mut clipped = String::new();
    let mut units = 1;
    for c in text.chars() {
        units += c.len_utf16();
        if units > longest {
            break;
        }
        clipped.push(c);
    }
    let escapes = clipped.chars().rev().take_while(|c| *c == '\\').count();
    if escapes % 2 == 1 {
        clipped.pop();
    }
    clipped.push('…');
    clipped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discord::fuzzing::outside_of_code;
    use crate::domain::audit::{OperationId, Refusal};
    use crate::domain::command::Nonce;
    use crate::domain::press::{Asks, Offer};
    use crate::domain::principal::Principal;
    use proptest::prelude::*;

    fn shown(reply: &Reply) -> Value {
        serde_json::to_value(message(reply, &CommandName::slash(""))).unwrap()
    }

    fn refused(room: &str, info: &str, name: &str) -> Reply {
        Reply::Transfer {
            meant: None,
            operation: OperationId::new(7),
            transfer: crate::domain::command::Transfer {
                room: room.parse().unwrap(),
                new_owner: "user2".parse().unwrap(),
                person: None,
                reason: Some(info.to_owned()),
                overrides: None,
            },
            requested_by: None,
            by: Principal { name: Some(name.to_owned()), ..Principal::new("discord:7:9".parse().unwrap()) },
            outcome: Outcome::Refused {
                previous: None,
                refusal: Refusal {
                    code: Some(10_004),
                    info: info.to_owned(),
                    request_id: Some("abc".to_owned()),
                    remedy: "Try live-* rooms.".to_owned(),
                },
            },
            recorded: true,
            head: None,
        }
    }

    proptest! {
        #[test]
        fn a_button_is_known_by_its_name_and_shows_its_label(bits: u128, text in "\\PC{0,40}", room in "[ -~]{1,75}") {
            let nonce = Nonce::new(bits);
            let at = jiff::Timestamp::UNIX_EPOCH;
            let offer = Offer { label: room, asks: Asks::Cancel, for_whom: None, lapses_at: at };
            let button = Button { nonce: nonce.clone(), of: OperationId::new(7), offer: offer.clone() };
            let rows = components(&[button], &CommandName::slash(""));
            let button = &rows[0]["components"][0];
            let name = button["custom_id"].as_str().unwrap();
            prop_assert!(name.len() <= 100);
            prop_assert_eq!(pressed(name), nonce.as_str());
            prop_assert_eq!(&button["label"], &offer.label);
            // What is somebody else's names no button.
            prop_assert!(text.starts_with(PRESS) || pressed(&text).is_empty());
        }
    }

    fn check(message: &Value) {
        assert_eq!(message["allowed_mentions"], json!({ "parse": [] }));
        let embed = &message["embeds"][0];
        let mut total = 0;
        let mut texts = vec![(&embed["title"], 256)];
        if !embed["description"].is_null() {
            texts.push((&embed["description"], 4_096));
        }
        for field in embed["fields"].as_array().into_iter().flatten() {
            total += width(field["name"].as_str().unwrap());
            texts.push((&field["value"], 1_024));
        }
        for (text, longest) in texts {
            let text = text.as_str().unwrap();
            assert!((1..=longest).contains(&width(text)), "{text:?}");
            total += width(text);
            let outside = outside_of_code(text);
            assert!(
                !outside.contains(['*', '_', '~', '|', '<', '[', ']', '#', '@']),
                "{outside:?} of {text:?}"
            );
        }
        if let Some(footer) = embed["footer"]["text"].as_str() {
            assert!(width(footer) <= 2_048);
            total += width(footer);
        }
        assert!(total <= 6_000, "{total}");
    }

    #[test]
    fn foreign_text_stays_in_its_code() {
        let message = shown(&refused("a`b", "**x** `<@9>` [t](http://evil)\n\u{202e}@everyone", "_eve_"));
        check(&message);
        insta::assert_snapshot!(message["embeds"][0]["description"].as_str().unwrap(), @r"
        Tencent's error 10004: `**x** ˋ<@9>ˋ [t](http://evil)��@everyone`
        Try live-\* rooms.
        ");
    }

    #[test]
    fn a_long_answer_keeps_every_line_and_clips_the_longest() {
        let line = |text: &str| Line(vec![Span::Code(text.to_owned())]);
        let long = "x".repeat(900);
        let lines: Vec<Line> = (0..12).map(|n| line(if n % 2 == 0 { &long } else { "short" })).collect();
        let text = description(&lines.iter().collect::<Vec<_>>(), 3_000);
        assert!((2_900..=3_000).contains(&width(&text)), "{}", width(&text));
        assert_eq!((text.lines().count(), text.matches("`short`").count()), (12, 6));
        assert!(
            text.lines().step_by(2).all(|line| line.starts_with("`xxx") && line.ends_with("…`")),
            "{text}"
        );
        let many: Vec<Line> = (0..100).map(|n| line(&n.to_string())).collect();
        let text = description(&many.iter().collect::<Vec<_>>(), 3_000);
        assert!(text.ends_with("`58`\n… and 41 more lines, for which a message has no room."), "{text}");
    }

    #[test]
    fn choices_fit_what_discord_takes() {
        let many = (0..40).map(|n| (format!("{n}{}", "x".repeat(120)), n.to_string())).collect();
        let body = choices(many);
        let list = body["data"]["choices"].as_array().unwrap();
        assert_eq!(list.len(), 25);
        assert!(list.iter().all(|choice| width(choice["name"].as_str().unwrap()) <= 100));
        let long = choices(vec![("x".to_owned(), "y".repeat(101)), ("x".to_owned(), String::new())]);
        assert_eq!(long["data"]["choices"], json!([]));
    }

    proptest! {
        #[test]
        fn no_text_breaks_out_or_goes_beyond_the_limits(
            room in "[ -~]{1,48}", info in any::<String>(), long in "[`\\\\@<*é😀]{0,3000}", name in ".{0,80}",
        ) {
            check(&shown(&refused(&room, &info, &name)));
            check(&shown(&refused(&room, &long, &name)));
            let operation = OperationId::new(7);
            check(&shown(&Reply::Unusable { operation, unusable: long.clone().into() }));
            check(&shown(&Reply::Foreign { operation, origin: info }));
            check(&shown(&Reply::Working { typed: long, result_follows: true }));
        }
    }
}
