//! Slack's way of writing text: `&amp; &lt; &gt;`, and `<...>` for mentions, channels and links
//! (docs.slack.dev/messaging/formatting-message-text).
//!
//! The forms in angle brackets are recognised before the entities are decoded, so that a typed
//! `&lt;@U1&gt;` can never become a mention.

use crate::domain::command::{Mention, Typed};
use crate::domain::principal::{Channel, Subject};

/// A command's text, in the two ways in which it is needed.
pub(super) struct Decoded {
    /// For the grammar.
    pub(super) line: Typed,
    /// For the record: as typed, with mentions as `<@U…>`, because ids are what counts there.
    pub(super) record: String,
}

/// Reads a command's text as a member of the workspace `team` sent it.
pub(super) fn decode(raw: &str, team: &str) -> Decoded {
    let mut decoded = Decoded { line: Typed::default(), record: String::new() };
    let mut rest = raw;
    while let Some(start) = rest.find('<') {
        let (before, from) = rest.split_at(start);
        decoded.text(before);
        match from[1..].find(['<', '>']).filter(|end| from.as_bytes()[end + 1] == b'>') {
            Some(end) => {
                decoded.form(&from[1..=end], team);
                rest = &from[end + 2..];
            }
            None => {
                decoded.text("<");
                rest = &from[1..];
            }
        }
    }
    decoded.text(rest);
    decoded
}

impl Decoded {
    fn text(&mut self, raw: &str) {
        let text = unescape(raw);
        self.line.push_text(&text);
        self.record.push_str(&text);
    }

    /// What stood between `<` and `>`.
    fn form(&mut self, form: &str, team: &str) {
        let (target, label) = match form.split_once('|') {
            Some((target, label)) => (target, Some(unescape(label)).filter(|label| !label.is_empty())),
            None => (form, None),
        };
        match mention(target, team) {
            Some((mention, shown)) => {
                let sign = &shown[..1];
                let shown = match label {
                    Some(label) if label.starts_with(sign) => label,
                    Some(label) => format!("{sign}{label}"),
                    None => shown,
                };
                self.line.push_mention(mention, &shown);
                self.record.push_str(&format!("<{}>", unescape(form)));
            }
            // Slack made a link of `test.com`: the label is what was typed.
            None if is_link(target) => {
                let text = label.unwrap_or_else(|| unescape(target));
                self.line.push_text(&text);
                self.record.push_str(&text);
            }
            None => {
                self.text("<");
                self.text(form);
                self.text(">");
            }
        }
    }
}

/// The mention, and how it is shown when it carries no label.
fn mention(target: &str, team: &str) -> Option<(Mention, String)> {
    if let Some(user) = target.strip_prefix('@') {
        let subject = Subject::slack_user(team, user)?;
        return Some((Mention::Subject(subject), format!("@{user}")));
    }
    if let Some(group) = target.strip_prefix("!subteam^") {
        let subject = Subject::slack_group(team, group)?;
        return Some((Mention::Subject(subject), format!("@{group}")));
    }
    if let Some(channel) = target.strip_prefix('#') {
        let channel_id = Channel::slack(team, channel)?;
        return Some((Mention::Channel(channel_id), format!("#{channel}")));
    }
    let everyone = target.strip_prefix('!')?;
    ["here", "channel", "everyone"].contains(&everyone).then(|| (Mention::Everyone, format!("@{everyone}")))
}

fn is_link(target: &str) -> bool {
    ["http://", "https://", "mailto:", "tel:"].iter().any(|scheme| target.starts_with(scheme))
}

/// Exactly Slack's three entities, once.
fn unescape(raw: &str) -> String {
    // `&amp;` last, so that `&amp;lt;` stays the text `&lt;`.
    raw.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

/// The opposite, for text that goes to Slack.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(raw: &str) -> String {
        decode(raw, "T1").line.to_string()
    }

    #[test]
    fn the_forms_in_angle_brackets() {
        assert_eq!(shown("test <@U1|bob>"), "test @bob");
        assert_eq!(shown("test <@U1>"), "test @U1");
        assert_eq!(shown("<!subteam^S1|@mods>"), "@mods");
        assert_eq!(shown("<#C1|general> <#C2|> <#C3>"), "#general #C2 #C3");
        assert_eq!(shown("<!here> <!channel|channel>"), "@here @channel");
        assert_eq!(
            shown("<http://test.com|test.com> <https://a.b/?x=1&amp;y=2>"),
            "test.com https://a.b/?x=1&y=2"
        );
        assert_eq!(decode("test <@U1|bob> a&amp;b", "T1").record, "test <@U1|bob> a&b");
    }

    #[test]
    fn what_a_person_typed_in_angle_brackets_stays_text() {
        let typed = decode("&lt;@U1&gt; a&amp;lt;b &amp;amp;", "T1");
        assert_eq!(typed.line, Typed::plain("<@U1> a&lt;b &amp;"));
        assert_eq!(shown("a < b <c <unknown> <!date^1^x|y> <"), "a < b <c <unknown> <!date^1^x|y> <");
    }

    #[test]
    fn a_mention_says_by_its_sign_what_it_is() {
        for form in ["<@group:S1>", "<@U1:S1>", "<@group>", "<!subteam^group:S1>", "<#C1:C2>"] {
            let line = decode(form, "T1").line;
            assert_eq!(line, Typed::plain(form), "{form}");
        }
    }

    proptest! {
        #[test]
        fn text_survives_the_way_through_slack(text in any::<String>()) {
            let decoded = decode(&escape(&text), "T1");
            prop_assert_eq!(decoded.line, Typed::plain(&text));
            prop_assert_eq!(decoded.record, text);
        }

        #[test]
        fn no_text_breaks_the_reader(raw in "[<>@#!|&a-z;^ ]{0,40}") {
            let decoded = decode(&raw, "T1");
            prop_assert!(decoded.record.len() <= raw.len());
        }
    }
}
