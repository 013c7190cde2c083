//! What to do after `init`, in at most ten lines.

use std::time::Duration;

use crate::config::Usable;
use crate::discord::{self, Application};
use crate::doctor;
use crate::domain::check::{Check, State};
use crate::redact::Redactor;

/// How long Discord may take to say which application it is.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// The id of Discord's application; what stands for it if it is not known.
pub(super) async fn application(usable: &Usable, redactor: Redactor) -> String {
    let unknown = || "<application id>".to_owned();
    let Some(settings) = &usable.discord else { return unknown() };
    if let Some(id) = &settings.application_id {
        return id.clone();
    }
    if settings.bot_token.is_none() {
        return unknown();
    }
    let asked = tokio::time::timeout(ANSWER_WITHIN, discord::application(settings, redactor)).await;
    asked.ok().and_then(Result::ok).map_or_else(unknown, |application| application.id)
}

/// Whether something that was given does not work. What is not given yet is a step of its own.
pub(super) fn has_failed(checks: &[Check]) -> bool {
    checks.iter().any(|check| check.state == State::Failure && check.name != doctor::SETTINGS)
}

/// The lines, in the order in which they are to be done.
pub(super) fn lines(
    usable: &Usable,
    is_over_socket_mode: bool,
    checks: &[Check],
    application: &str,
) -> Vec<String> {
    let is_warned = |name: &str| checks.iter().any(|it| it.name == name && it.state == State::Warning);
    let url = usable.public_url.as_ref().map_or("<PUBLIC_URL>/".to_owned(), ToString::to_string);
    let command = &usable.command.0;
    let mut lines = Vec::new();
    let mut push = |line: String| lines.push(line);
    if has_failed(checks) {
        push(
            "correct what failed above: `room-owner init --force` with the right values; `room-owner doctor` looks again"
                .to_owned(),
        );
    }
    let discord_posts = usable.discord.as_ref().is_some_and(|discord| discord.public_key.is_some());
    let slack_posts = !is_over_socket_mode && (usable.slack.is_some() || usable.discord.is_none());
    let is_posted_to = discord_posts || slack_posts;
    if usable.public_url.is_none() && is_posted_to {
        push("set the https address of your proxy: `room-owner init --public-url https://...`".to_owned());
    }
    match (&usable.slack, &usable.discord) {
        (None, None) => {
            push(
                "Slack: make an app from this manifest at https://api.slack.com/apps and install it"
                    .to_owned(),
            );
            let secret = if is_over_socket_mode {
                "an app-level token with the scope `connections:write`"
            } else {
                "its Signing Secret"
            };
            push(format!(
                "run `room-owner init` again with {secret} and its bot token (or with those of Discord)"
            ));
        }
        (Some(_), _) => {
            push("Slack: compare the app's manifest with this one (App Manifest), and install it".to_owned())
        }
        (None, Some(_)) => {}
    }
    if let Some(discord) = &usable.discord {
        push(format!("Discord: add the bot to the server: {}", Application::invitation(application)));
        push("Discord: show the commands there: `room-owner discord register`".to_owned());
        if discord.public_key.is_some() {
            push(format!(
                "Discord: with `serve` running, enter {url}discord/interactions as Interactions Endpoint URL"
            ));
        }
    }
    let is_discord_alone = usable.slack.is_none() && usable.discord.is_some();
    let (channel, admin) = match is_discord_alone {
        true => ("discord:<server>:<channel>", "discord:<server>:<user>"),
        false => ("slack:T...:C...", "slack:T...:U..."),
    };
    if is_warned("channels") {
        push(format!("name the moderators' channel: `room-owner init --channel {channel}`"));
    }
    if is_warned("admins") {
        push(format!("name the first admin: `room-owner init --admin {admin}`"));
    }
    push(format!("start it, `room-owner serve`, and type {command} in that channel"));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Environment;

    #[test]
    fn ids_are_those_of_the_chat_that_is_set_up() {
        let checks = ["channels", "admins"].map(|name| Check::warning(name, "", ""));
        for (setting, value, platform) in [
            ("SLACK_SIGNING_SECRET", "a-signing-secret", "slack:"),
            ("DISCORD_BOT_TOKEN", "the-token-of-the-bot", "discord:"),
        ] {
            let usable = Usable::from(&Environment::of([(setting, value)]));
            let lines = lines(&usable, false, &checks, "1100000000000000000");
            let named = lines.iter().filter(|line| line.starts_with("name the"));
            let of_it = |line: &&String| {
                line.contains(&format!("--channel {platform}"))
                    || line.contains(&format!("--admin {platform}"))
            };
            assert_eq!(named.filter(of_it).count(), 2, "{lines:#?}");
        }
    }

    #[test]
    fn there_are_never_more_than_ten() {
        let all = [
            ("SLACK_SIGNING_SECRET", "a-signing-secret"),
            ("DISCORD_PUBLIC_KEY", "efeacba63a238dda5383e7229b6fc6f516621e0ed0f33fbdf22243b8100ceed3"),
            ("DISCORD_BOT_TOKEN", "the-token-of-the-bot"),
        ];
        let checks = ["channels", "admins"].map(|name| Check::warning(name, "", ""));
        let checks: Vec<Check> = checks.into_iter().chain([Check::failure("tencent", "", "")]).collect();
        for count in 0..=all.len() {
            let usable = Usable::from(&Environment::of(all.into_iter().take(count)));
            for is_over_socket_mode in [false, true] {
                let lines = lines(&usable, is_over_socket_mode, &checks, "1100000000000000000");
                assert!(lines.len() <= 10, "{lines:#?}");
            }
        }
    }
}
