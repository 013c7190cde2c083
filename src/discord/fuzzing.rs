//! Fuzz targets of the Discord door.

use axum::http::{HeaderMap, HeaderValue};
use ed25519_dalek::{Signer as _, SigningKey};
use jiff::Timestamp;
use secrecy::ExposeSecret as _;
use serde_json::Value;

use super::options::Options;
use super::payload::{self, Interaction, Kind};
use super::{gateway, render, signature};
use crate::domain::audit::OperationId;
use crate::domain::command::{Command, CommandGroup, Nonce, Rejection, Transfer, Typed, Unusable, parse};
use crate::domain::principal::{Channel, Subject};
use crate::domain::reply::Reply;
use crate::domain::wording::CommandName;

/// What a record keeps of foreign text, in characters, with room for our own words around it.
const LONGEST_KEPT: usize = 1_100;

fn length(text: &str) -> usize {
    text.chars().count()
}

/// The body of an interaction, taken as authentic.
pub fn body(bytes: &[u8]) {
    let interaction = match Interaction::read(bytes) {
        Ok(interaction) => interaction,
        Err(why) => return assert!(length(&why.to_string()) <= LONGEST_KEPT),
    };
    if interaction.kind == Kind::Ping {
        return;
    }
    let name = CommandName::slash("");
    let to = &interaction.reply_to;
    let in_path = [to.interaction.as_str(), to.application.as_str(), to.token.expose_secret()];
    for part in in_path.into_iter().chain(to.channel.as_deref()) {
        assert!(
            !part.is_empty() && !part.contains(['/', '?', '#', '%', '\\']) && part != ".." && part != "."
        );
    }
    let options = interaction.data().map(Options::read);
    let typed = match &options {
        Some(Ok(options)) => options.typed(&name),
        _ => String::new(),
    };
    let kept = payload::record(&typed);
    assert!(length(&kept) <= LONGEST_KEPT);
    let operation = OperationId::new(7);
    is_no_markup(&Reply::Working { typed: kept, result_follows: true });
    let unusable = |unusable: Unusable| {
        let why = &unusable.why;
        let rejected = interaction.rejected(&typed, Rejection::Unusable(unusable.clone()));
        assert!(length(&rejected.typed) <= LONGEST_KEPT && length(why) <= LONGEST_KEPT, "{why}");
        is_no_markup(&Reply::Unusable { operation, unusable });
    };
    let caller = match interaction.caller() {
        Ok(caller) => caller,
        Err(why) => return unusable(why),
    };
    let crate::domain::command::Place::Channel(Channel::Discord { guild, .. }) = &caller.place else {
        panic!("an interaction is outside of every server")
    };
    for subject in caller.principal.subjects() {
        let (Subject::DiscordUser { guild: its, .. } | Subject::DiscordRole { guild: its, .. }) = subject
        else {
            panic!("{subject} is none of Discord's")
        };
        assert_eq!(its, guild, "a right of another server comes along");
    }
    if interaction.kind == Kind::Press {
        return press(&interaction);
    }
    let options = match options {
        None => return,
        Some(Err(why)) => return unusable(why.into()),
        Some(Ok(options)) => options,
    };
    match options.command(&name, guild) {
        Err(why) => unusable(why),
        Ok(Err(error)) => {
            let why = error.for_the_record();
            assert!(length(&why) <= LONGEST_KEPT, "{why}");
            is_no_markup(&Reply::Invalid { operation, error, rights: Vec::new() });
        }
        Ok(Ok(command)) => {
            if let Command::Transfer(transfer) = &command {
                is_recorded_as_it_would_be_typed(transfer, &typed);
            }
        }
    }
}

/// A button of ours is named by what Discord sends back of it, and by nothing else; a message by a number.
fn press(interaction: &Interaction) {
    if let Some(nonce) = Nonce::read(render::pressed(interaction.custom_id())) {
        assert_eq!(interaction.custom_id(), format!("press:{}", nonce.as_str()));
    }
    if let Some(source) = interaction.source() {
        assert!(source.message.len() <= 20 && source.message.bytes().all(|b| b.is_ascii_digit()));
    }
}

/// The record of filled-in options says what was done, to whoever knows the typed form.
fn is_recorded_as_it_would_be_typed(transfer: &Transfer, typed: &str) {
    let arguments = typed.trim_start_matches("/room-owner");
    match parse(CommandGroup::Owner, &Typed::plain(arguments)) {
        Ok(Command::Transfer(read)) => {
            assert_eq!((&read.room, &read.new_owner), (&transfer.room, &transfer.new_owner), "{typed}");
            assert_eq!(read.reason, transfer.reason, "{typed}");
        }
        other => panic!("{typed}: {other:?}"),
    }
}

/// Nothing that somebody else wrote takes effect in the message, and Discord takes it
/// (docs.discord.com/developers/resources/message, "Embed Limits").
fn is_no_markup(reply: &Reply) {
    let message = render::message(reply, &CommandName::slash(""));
    assert_eq!(message["allowed_mentions"]["parse"], Value::Array(Vec::new()));
    let embed = &message["embeds"][0];
    let mut all = 0;
    for (name, longest) in [("title", 256), ("description", 4_096)] {
        let text = embed[name].as_str().unwrap_or_default();
        let units = text.encode_utf16().count();
        assert!(units <= longest, "the {name} has {units} units");
        all += units;
        let outside = outside_of_code(text);
        for markup in ["<@", "<#", "<:", "</", "<t:", "@everyone", "@here", "](", "**", "__", "~~", "||"] {
            assert!(!outside.contains(markup), "{markup} in {text}");
        }
    }
    assert!(all <= 6_000);
    assert_eq!(embed["fields"].as_array().map_or(0, Vec::len), 0, "no such reply has facts");
}

/// The text as Discord reads it, without what stands in inline code and without what is escaped.
pub(super) fn outside_of_code(text: &str) -> String {
    let mut outside = String::new();
    let mut inside = false;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '`' => inside = !inside,
            '\\' if !inside => drop(chars.next()),
            c if !inside => outside.push(c),
            _ => {}
        }
    }
    assert!(!inside, "code is opened and never closed: {text}");
    outside
}

/// The timestamp, the signature and the body, a line each; `{}` in the signature stands for the right one.
pub fn signature(bytes: &[u8]) {
    const NOW: i64 = 1_767_225_600;
    let signer = SigningKey::from_bytes(&[7; 32]);
    let Ok(key) = hex::encode(signer.verifying_key().as_bytes()).parse::<signature::PublicKey>() else {
        panic!("the key is one")
    };
    let mut lines = bytes.splitn(3, |byte| *byte == b'\n');
    let mut line = || lines.next().unwrap_or_default();
    let (timestamp, given, body) = (line(), line(), line());
    let right = hex::encode(signer.sign(&[timestamp, body].concat()).to_bytes());
    let given = match std::str::from_utf8(given) {
        Ok(text) => text.replace("{}", &right).into_bytes(),
        Err(_) => given.to_vec(),
    };
    let mut headers = HeaderMap::new();
    for (name, value) in [("x-signature-timestamp", timestamp), ("x-signature-ed25519", &given)] {
        let Ok(value) = HeaderValue::from_bytes(value) else { return };
        headers.insert(name, value);
    }
    let now = Timestamp::from_second(NOW).unwrap_or_default();
    let answer = signature::verify(&key, &headers, body, now);
    let is_fresh = (NOW - 300..=NOW + 300).any(|second| second.to_string().as_bytes() == timestamp);
    let is_signed = right.as_bytes().eq_ignore_ascii_case(&given);
    assert_eq!(answer.is_ok(), is_fresh && is_signed && body.starts_with(b"{"), "{answer:?}");
}

/// A frame of the gateway.
pub fn frame(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Some(interaction) = gateway::check_frame(text) {
        body(interaction.as_bytes());
    }
}
