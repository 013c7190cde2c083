//! `demo --once`: a story in the terminal that checks what it tells.

use std::io;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::Value;

use super::Stage;
use super::discord::OptionValue;
use super::wall::{Said, Shown};
use super::world::{Asking, CHANNELS, PEOPLE, random_id};
use crate::app::ports::Store as _;
use crate::domain::audit::OutcomeKind::{Denied, Invalid, Refused, Succeeded, Unchanged};
use crate::domain::audit::{AuditFilter, OutcomeKind};
use crate::stdio;
use crate::tencent::simulator::{Api, Fault, FaultKind};

/// One line of the story: who types what where, and what has to come of it.
struct Scene {
    title: &'static str,
    person: &'static str,
    channel: &'static str,
    text: &'static str,
    outcome: OutcomeKind,
    /// A room and who has to own it afterwards.
    owner: (&'static str, &'static str),
}

const fn scene(
    title: &'static str,
    (person, channel): (&'static str, &'static str),
    text: &'static str,
    outcome: OutcomeKind,
    owner: (&'static str, &'static str),
) -> Scene {
    Scene { title, person, channel, text, outcome, owner }
}

const ALICE: (&str, &str) = ("U0ALICE", "C0MODS");

const SCENES: [Scene; 8] = [
    scene("A moderator asks who owns the room", ALICE, "/room-owner test", Succeeded, ("test", "carol")),
    scene(
        "and hands it over.",
        ALICE,
        "/room-owner test user2 reason: host crashed",
        Succeeded,
        ("test", "user2"),
    ),
    scene("Once more: nothing to change.", ALICE, "/room-owner test user2", Unchanged, ("test", "user2")),
    scene(
        "Somebody without a role is refused.",
        ("U0OTTO", "C0MODS"),
        "/room-owner test otto",
        Denied,
        ("test", "user2"),
    ),
    scene(
        "So is a moderator in the wrong channel.",
        ("U0ALICE", "C0RANDOM"),
        "/room-owner test user3",
        Denied,
        ("test", "user2"),
    ),
    scene("A room that does not exist.", ALICE, "/room-owner gone user2", Refused, ("test", "user2")),
    scene(
        "Forgotten quotes: nothing is guessed.",
        ALICE,
        "/room-owner my room user2",
        Invalid,
        ("my room", "erin"),
    ),
    scene(
        "Tencent's connection breaks after the change: the owner is read back.",
        ALICE,
        "/room-owner live-7 user7",
        Succeeded,
        ("live-7", "user7"),
    ),
];

/// The scene before which the next change's answer is lost.
const BROKEN: usize = 7;

/// Tells the story.
///
/// # Errors
/// When something does not come out as the story says.
pub(super) async fn tell(stage: &Stage) -> anyhow::Result<()> {
    stdio::print(format_args!(
        "room-owner, one story: the real bot against a simulated Tencent, on this machine only."
    ))?;
    let mut handed_over = None;
    for (number, scene) in SCENES.iter().enumerate() {
        if number == BROKEN {
            stage.simulator.inject(Fault::new(FaultKind::ResetAfter).on(Api::ChangeRoomOwner).once());
        }
        stdio::print(format_args!("\n{}", scene.title))?;
        stdio::print(format_args!(
            "  {} in #{}: {}",
            name(scene.person),
            channel(scene.channel),
            scene.text
        ))?;
        let said = stage.slack.say(asking((scene.person, scene.channel)), scene.text).await?;
        ensure!(said.status == 200, "the bot answered {} instead of 200", said.status);
        said.messages.iter().try_for_each(show)?;
        check(stage, &format!("slack:{}", said.delivery), scene.outcome).await?;
        let (room, owner) = scene.owner;
        let now = stage.simulator.owner_of(room);
        ensure!(now.as_deref() == Some(owner), "`{room}` should belong to `{owner}`, and belongs to {now:?}");
        if number == 1 {
            handed_over = Some(said);
        }
    }
    let handed_over = handed_over.unwrap_or_default();

    stdio::print(format_args!("\nSlack delivers the hand-over a second time: it is not done twice."))?;
    let changes = stage.simulator.owner_changes().len();
    let again = stage.slack.say_again(&handed_over.delivery, &random_id()).await?;
    again.iter().flat_map(|said| &said.messages).try_for_each(show)?;
    ensure!(stage.simulator.owner_changes().len() == changes, "a delivery was carried out twice");

    on_discord(stage).await?;
    by_a_button(stage, &handed_over).await?;
    by_name(stage).await?;
    by_asking(stage).await?;
    of_marked_rooms(stage).await?;

    stdio::print(format_args!("\nWhat the audit log kept of it, newest first (room-owner audit list):\n"))?;
    let filter = AuditFilter { limit: Some(SCENES.len() as u32 + 10), ..AuditFilter::default() };
    let entries = stage.store.audit(&filter).await?;
    ensure!(
        entries.iter().any(|entry| entry.outcome == OutcomeKind::Duplicate),
        "the repetition is not in the log"
    );
    stdio::print(format_args!("{}", crate::cli::table(&entries)))?;
    stdio::print(format_args!(
        "\nAll of it came out as expected. `room-owner demo` opens a page to play with."
    ))?;
    Ok(())
}

/// The button under the hand-over: who may not hand the room over cannot press it; who may undoes it, once.
async fn by_a_button(stage: &Stage, handed_over: &Said) -> anyhow::Result<()> {
    stdio::print(format_args!(
        "\nA button is a command of whoever presses it: the same rules hold, and it has a record of its own."
    ))?;
    let message = handed_over.messages.first().map(|shown| shown.id.as_str()).unwrap_or_default();
    let presses = [(("U0OTTO", "C0MODS"), OutcomeKind::Denied), (ALICE, OutcomeKind::Succeeded)];
    for ((person, place), outcome) in presses {
        stdio::print(format_args!(
            "  {} in #{} presses Undo under the hand-over to user2",
            name(person),
            channel(place)
        ))?;
        let pressed = stage.slack.press(asking((person, place)), message, 0).await?;
        pressed.messages.iter().filter(|shown| shown.id != message).try_for_each(show)?;
        check(stage, &format!("slack:{}", pressed.delivery), outcome).await?;
    }
    let now = stage.simulator.owner_of("test");
    ensure!(now.as_deref() == Some("carol"), "`test` should belong to `carol` again, and belongs to {now:?}");
    let tidied = || stage.wall.find(message).filter(|shown| buttons(shown).next().is_none());
    let tidied = stage.wall.until(tidied, Duration::from_secs(20)).await;
    ensure!(tidied.is_some(), "the button that was pressed is still there");
    stdio::print(format_args!("    (the button that was pressed is gone)"))?;
    Ok(())
}

/// A room is handed to somebody of the chat, whose account the ACL knows.
async fn by_name(stage: &Stage) -> anyhow::Result<()> {
    stdio::print(format_args!("\nWhose account an admin has linked can be named as in any message."))?;
    stdio::print(format_args!("  Alice in #mods: /room-owner \"my room\" @Otto"))?;
    let said = stage.slack.say(asking(ALICE), "/room-owner \"my room\" @otto").await?;
    said.messages.iter().try_for_each(show)?;
    check(stage, &format!("slack:{}", said.delivery), OutcomeKind::Succeeded).await?;
    let now = stage.simulator.owner_of("my room");
    ensure!(now.as_deref() == Some("otto"), "`my room` should belong to `otto`, and belongs to {now:?}");
    Ok(())
}

/// Who is denied for want of a role asks for it, an admin of the room gives it for an hour, and it is used.
async fn by_asking(stage: &Stage) -> anyhow::Result<()> {
    const OTTO: (&str, &str) = ("U0OTTO", "C0MODS");
    const ADAM: (&str, &str) = ("U0ADAM", "C0MODS");
    const LINE: &str = "/room-owner live-7 otto reason: host crashed";
    let say = async |outcome| {
        stdio::print(format_args!("  Otto in #mods: {LINE}"))?;
        let said = stage.slack.say(asking(OTTO), LINE).await?;
        said.messages.iter().try_for_each(show)?;
        check(stage, &format!("slack:{}", said.delivery), outcome).await?;
        Ok::<_, anyhow::Error>(said)
    };
    let press = async |who, message: &str, button, label: &str| {
        stdio::print(format_args!("  {} presses {label}", name(who)))?;
        let pressed = stage.slack.press(asking((who, ADAM.1)), message, button).await?;
        pressed.messages.iter().filter(|shown| shown.id != message || !shown.is_gone).try_for_each(show)?;
        check(stage, &format!("slack:{}", pressed.delivery), OutcomeKind::Succeeded).await
    };
    stdio::print(format_args!(
        "\nWho has no role can ask for it; an admin of the room answers with a press."
    ))?;
    let denied = say(OutcomeKind::Denied).await?;
    let denied = denied.messages.first().map(|shown| shown.id.as_str()).unwrap_or_default();
    press(OTTO.0, denied, 0, "Ask for access").await?;
    let request = direct_message(stage, ADAM.0).await?;
    show(&request)?;
    press(ADAM.0, &request.id, 1, "1 h").await?;
    show(&direct_message(stage, OTTO.0).await?)?;
    say(OutcomeKind::Succeeded).await?;
    let now = stage.simulator.owner_of("live-7");
    ensure!(now.as_deref() == Some("otto"), "`live-7` should belong to `otto`, and belongs to {now:?}");
    Ok(())
}

/// The message that the bot writes to somebody by itself.
async fn direct_message(stage: &Stage, person: &str) -> anyhow::Result<Shown> {
    let written =
        || stage.wall.all().into_iter().rfind(|shown| shown.channel == person && shown.of.is_none());
    let written = stage.wall.until(written, Duration::from_secs(20)).await;
    written.with_context(|| format!("the bot wrote nothing to {}", name(person)))
}

const ADAM: (&str, &str) = ("U0ADAM", "C0MODS");

/// A hand-over that who asks has to confirm, and one that another person has to approve.
async fn of_marked_rooms(stage: &Stage) -> anyhow::Result<()> {
    stdio::print(format_args!("\nA room that is marked `confirm`: who asks looks once more."))?;
    held_then_pressed(stage, ("live-gala", "gina"), &[(ALICE, "Confirm", OutcomeKind::Succeeded)]).await?;
    stdio::print(format_args!("\nA room that is marked `two-person`: who asks cannot approve it."))?;
    let presses = [(ALICE, "Approve", OutcomeKind::Declined), (ADAM, "Approve", OutcomeKind::Succeeded)];
    held_then_pressed(stage, ("live-final", "hugo"), &presses).await
}

/// Alice asks, and nothing is done until the last of these presses of the first button.
async fn held_then_pressed(
    stage: &Stage,
    (room, owner): (&str, &str),
    presses: &[((&str, &str), &str, OutcomeKind)],
) -> anyhow::Result<()> {
    let line = format!("/room-owner {room} user2");
    stdio::print(format_args!("  {} in #{}: {line}", name(ALICE.0), channel(ALICE.1)))?;
    let said = stage.slack.say(asking(ALICE), &line).await?;
    said.messages.iter().try_for_each(show)?;
    check(stage, &format!("slack:{}", said.delivery), OutcomeKind::Declined).await?;
    let message = said.messages.first().map(|shown| shown.id.as_str()).unwrap_or_default();
    for ((person, place), button, outcome) in presses {
        let now = stage.simulator.owner_of(room);
        ensure!(now.as_deref() == Some(owner), "`{room}` should still belong to `{owner}`, not to {now:?}");
        stdio::print(format_args!("  {} in #{} presses {button}", name(person), channel(place)))?;
        let pressed = stage.slack.press(asking((person, place)), message, 0).await?;
        // What one person saw gives way to the result.
        let is_new =
            |shown: &&Shown| shown.id != message || shown.message["text"] != said.messages[0].message["text"];
        pressed.messages.iter().filter(is_new).try_for_each(show)?;
        check(stage, &format!("slack:{}", pressed.delivery), *outcome).await?;
    }
    let now = stage.simulator.owner_of(room);
    ensure!(now.as_deref() == Some("user2"), "`{room}` should belong to `user2`, and belongs to {now:?}");
    Ok(())
}

/// The same command with Discord's options, at the same bot: a hand-over and a refusal.
async fn on_discord(stage: &Stage) -> anyhow::Result<()> {
    stdio::print(format_args!("\nThe same people in Discord, where the command has options."))?;
    let scenes =
        [(ALICE, "user9", OutcomeKind::Succeeded), (("U0OTTO", "C0MODS"), "otto", OutcomeKind::Denied)];
    for ((person, place), new_owner, outcome) in scenes {
        let options = [("room", "vip-1"), ("new_owner", new_owner)];
        let shown: Vec<_> = options.iter().map(|(name, value)| format!("{name}:{value}")).collect();
        stdio::print(format_args!(
            "  {} in #{}: /room-owner {}",
            name(person),
            channel(place),
            shown.join(" ")
        ))?;
        let options =
            options.map(|(name, value)| OptionValue { name: name.to_owned(), value: value.to_owned() });
        let said = stage.discord.say(asking((person, place)), "room-owner", &options).await?;
        ensure!(said.status == 202, "the bot answered {} instead of 202", said.status);
        ensure!(!said.messages.is_empty(), "Discord got no answer");
        said.messages.iter().try_for_each(show_embed)?;
        check(stage, &format!("discord:{}", said.delivery), outcome).await?;
    }
    let now = stage.simulator.owner_of("vip-1");
    ensure!(now.as_deref() == Some("user9"), "`vip-1` should belong to `user9`, and belongs to {now:?}");
    Ok(())
}

fn asking((person, channel): (&str, &str)) -> Asking {
    Asking { person: person.to_owned(), channel: channel.to_owned(), mark: random_id() }
}

fn name(id: &str) -> &str {
    PEOPLE.iter().find(|person| person.id == id).map_or(id, |person| person.name)
}

fn channel(id: &str) -> &str {
    CHANNELS.iter().find(|channel| channel.id == id).map_or(id, |channel| channel.name)
}

fn show(shown: &Shown) -> io::Result<()> {
    let message = &shown.message;
    let text = message["text"].as_str().unwrap_or_default();
    let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    for line in text.lines() {
        stdio::print(format_args!("    {line}"))?;
    }
    let elements = buttons(shown).filter_map(|it| it["elements"].as_array()).flatten();
    show_buttons(elements.map(|it| &it["text"]["text"]))?;
    seen_by(shown)
}

/// The rows of buttons of a message in Slack.
fn buttons(shown: &Shown) -> impl Iterator<Item = &Value> {
    let blocks = shown.message["blocks"].as_array().into_iter().flatten();
    blocks.filter(|block| block["type"] == "actions")
}

fn show_buttons<'a>(labels: impl Iterator<Item = &'a Value>) -> io::Result<()> {
    let shown: Vec<_> = labels.filter_map(Value::as_str).map(|label| format!("[ {label} ]")).collect();
    if shown.is_empty() { Ok(()) } else { stdio::print(format_args!("    {}", shown.join(" "))) }
}

fn seen_by(shown: &Shown) -> io::Result<()> {
    let seen_by = if shown.to.is_some() { "only the caller sees this" } else { "the channel sees this" };
    stdio::print(format_args!("    ({seen_by})"))
}

fn show_embed(shown: &Shown) -> io::Result<()> {
    let embed = &shown.message["embeds"][0];
    // A backslash only keeps Discord from reading our own words as markup.
    let text = |value: &Value| value.as_str().unwrap_or_default().replace('\\', "");
    for line in [&embed["title"], &embed["description"]].iter().flat_map(|value| lines(&text(value))) {
        stdio::print(format_args!("    {line}"))?;
    }
    let fields = embed["fields"].as_array().into_iter().flatten();
    let fields: Vec<_> = fields.map(|it| format!("{} {}", text(&it["name"]), text(&it["value"]))).collect();
    let footer = text(&embed["footer"]["text"]);
    for line in [fields.join(" · "), footer].iter().filter(|line| !line.is_empty()) {
        stdio::print(format_args!("    {line}"))?;
    }
    let rows = shown.message["components"].as_array().into_iter().flatten();
    show_buttons(rows.filter_map(|row| row["components"].as_array()).flatten().map(|it| &it["label"]))?;
    seen_by(shown)
}

fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}

/// The record of the delivery has to end with `outcome`; a late answer may be a moment ahead of it.
async fn check(stage: &Stage, delivery: &str, outcome: OutcomeKind) -> anyhow::Result<()> {
    let recorded = async {
        loop {
            let entries =
                stage.store.audit(&AuditFilter { limit: Some(20), ..AuditFilter::default() }).await?;
            let entry = entries.into_iter().find(|entry| entry.delivery_id.as_deref() == Some(delivery));
            match entry.map(|entry| entry.outcome) {
                Some(OutcomeKind::Pending) | None => tokio::time::sleep(Duration::from_millis(20)).await,
                Some(found) => return Ok::<_, anyhow::Error>(found),
            }
        }
    };
    let found = tokio::time::timeout(Duration::from_secs(20), recorded).await??;
    ensure!(found == outcome, "the log says {found} where the story says {outcome}");
    Ok(())
}
