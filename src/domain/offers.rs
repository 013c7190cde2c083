//! Which buttons a reply has.

use jiff::{SignedDuration, Timestamp};

use super::access::{Approval, Asker, Needed};
use super::asking::asking;
use super::audit::Outcome;
use super::command::{AskForAccess, Command, CommandGroup, Invocation, Transfer, quoted};
use super::press::{Asks, Offer, held_for};
use super::principal::{Channel, Subject};
use super::reply::{Onward, OwnerAnswer, Reply};
use super::room::{AccountId, RoomId};
use super::wording::rooms::undo_line;
use super::wording::usage::meant;

/// How long a hand-over can be undone by a button, from its outcome on.
pub const UNDO_FOR: SignedDuration = SignedDuration::from_mins(30);
/// How long access can be asked for by the button under a denial.
const ASK_FOR: SignedDuration = SignedDuration::from_mins(30);
/// What is written on that button.
pub const ASK: &str = "Ask for access";
/// How long a corrected line can be pressed.
pub const CORRECTED_FOR: SignedDuration = SignedDuration::from_mins(5);

/// The button that undoes a hand-over which was carried out. Everybody may press it who may hand over the room.
pub fn undo(room: &RoomId, new_owner: &AccountId, outcome: &Outcome, now: Timestamp) -> Option<Offer> {
    match outcome {
        Outcome::Succeeded { previous: Some(previous), .. }
        | Outcome::ConfirmedByCallback { previous: Some(previous), owner_now: None, .. } => {
            undo_to(room, new_owner, previous, now)
        }
        _ => None,
    }
}

fn undo_to(room: &RoomId, new_owner: &AccountId, previous: &AccountId, now: Timestamp) -> Option<Offer> {
    let lapses_at = now.checked_add(UNDO_FOR).ok()?;
    Some(Offer::line("Undo".to_owned(), &undo_line(room, previous)?, lapses_at)?.expecting(new_owner))
}

/// The buttons under a reply to `asker` in a channel, apart from the one that undoes what was just done.
pub fn offers(reply: &Reply, asker: &Subject, channel: &Channel, now: Timestamp) -> Vec<Offer> {
    if let Reply::Denied { ask: Some(ask), .. } = reply {
        return ask_for_access(ask, asker, channel, now).into_iter().collect();
    }
    if let Reply::Held { transfer, takes, asker, onward: Onward::WhileOwnedBy { owner, .. }, .. } = reply {
        return going_on(transfer, takes.needed, asker, owner, channel).unwrap_or_default();
    }
    let (Some(line), Ok(lapses_at)) = (likely(reply), now.checked_add(CORRECTED_FOR)) else {
        return last_undo(reply, now).into_iter().collect();
    };
    let corrected = Offer::line(label(&line), &line, lapses_at);
    let Some(corrected) = corrected.filter(|offer| offer.asks.command(channel).is_ok()) else {
        return Vec::new();
    };
    let for_whom = Some(asker.clone());
    let cancel =
        Offer { label: "Cancel".to_owned(), asks: Asks::Cancel, for_whom: for_whom.clone(), lapses_at };
    vec![Offer { for_whom, ..corrected }, cancel]
}

/// The button under a denial that asks for the role. It carries the reason of what was denied.
fn ask_for_access(ask: &AskForAccess, asker: &Subject, channel: &Channel, now: Timestamp) -> Option<Offer> {
    let lapses_at = now.checked_add(ASK_FOR).ok()?;
    let with_reason = |reason| Offer::line(ASK.to_owned(), &asking(&ask.room, reason), lapses_at);
    let is_the_same = |offer: &Offer, reason: Option<&str>| {
        let reason = reason.map(str::to_owned);
        offer.asks.command(channel) == Ok(Command::Ask(AskForAccess { room: ask.room.clone(), reason }))
    };
    let whole = with_reason(ask.reason.as_deref()).filter(|it| is_the_same(it, ask.reason.as_deref()));
    let offer = whole.or_else(|| with_reason(None).filter(|it| is_the_same(it, None)))?;
    Some(Offer { for_whom: Some(asker.clone()), ..offer })
}

/// The buttons by which a hand-over goes on, or does not. `None` if no line asks for it.
fn going_on(
    transfer: &Transfer,
    needed: Needed,
    asker: &Asker,
    owner: &AccountId,
    channel: &Channel,
) -> Option<Vec<Offer>> {
    let lapses_at = asker.at.checked_add(held_for(needed, asker)).ok()?;
    let (yes, no) = match needed {
        Needed::Confirmation => ("Confirm", "Cancel"),
        Needed::SecondPerson => ("Approve", "Withdraw"),
    };
    let whose = Some(asker.subject.clone());
    let asks = Asks::Line {
        family: CommandGroup::Owner,
        line: whole_line(transfer, channel)?,
        expects: Some(owner.clone()),
        approval: Some(Box::new(Approval { gives: needed, asker: asker.clone() })),
    };
    let for_whom = whose.clone().filter(|_| needed == Needed::Confirmation);
    let go_on = Offer { label: yes.to_owned(), asks, for_whom, lapses_at };
    Some(vec![go_on, Offer { label: no.to_owned(), asks: Asks::Cancel, for_whom: whose, lapses_at }])
}

/// The line that asks for exactly this hand-over in the channel; without its reason if that cannot be typed.
fn whole_line(transfer: &Transfer, channel: &Channel) -> Option<String> {
    let line = Invocation::named(CommandGroup::Owner, &[])
        .with("room", &transfer.room)
        .with("new_owner", &transfer.new_owner);
    let line = match transfer.overrides {
        Some(operation) => line.with("override", operation),
        None => line,
    };
    let with_reason = transfer.reason.as_ref().map(|reason| line.clone().with("reason", reason));
    let lines = with_reason.into_iter().chain([line]).map(|line| line.as_typed());
    lines.into_iter().find(|line| {
        let asks =
            Asks::Line { family: CommandGroup::Owner, line: line.clone(), expects: None, approval: None };
        let bare = |it: &Transfer| Transfer { reason: None, person: None, ..it.clone() };
        let same = |it: &Transfer| bare(it) == bare(transfer);
        matches!(asks.command(channel), Ok(Command::Transfer(read)) if same(&read))
    })
}

/// The one line that was probably meant by a request that was refused.
fn likely(reply: &Reply) -> Option<Invocation> {
    match reply {
        Reply::Invalid { error, rights, .. } => match meant(error, rights).as_slice() {
            [line] => Some((*line).clone()),
            _ => None,
        },
        Reply::Transfer { meant: Some(meant), .. }
        | Reply::Held { onward: Onward::Ended { meant: Some(meant), .. }, .. } => {
            Some(meant.written(meant.new_owner.as_str()))
        }
        Reply::Owner { meant: Some(room), .. } => {
            Some(Invocation::named(CommandGroup::Owner, &[]).with("room", room))
        }
        _ => None,
    }
}

/// The caller's last hand-over can be undone, as long as nobody changed the room since.
fn last_undo(reply: &Reply, now: Timestamp) -> Option<Offer> {
    let Reply::Rooms { answer, .. } = reply else { return None };
    let OwnerAnswer::Last(Some(last)) = &**answer else { return None };
    let account = |id: &String| AccountId::from_tencent(id.clone());
    let previous = last.entry.previous_owner.as_ref().filter(|_| last.later.is_none())?;
    let new_owner = last.entry.new_owner.as_ref()?;
    undo_to(last.entry.room.as_ref()?, &account(new_owner), &account(previous), now)
}

/// What a line does, in few words: of a hand-over, what it hands to whom; of anything else, the line.
fn label(line: &Invocation) -> String {
    match (line.verb.words, line.given("room"), line.given("new_owner"), line.given("override")) {
        ([], Some(room), Some(owner), None) => format!("Hand {} to {}", quoted(room), quoted(owner)),
        ([], Some(room), None, None) => format!("Show who owns {}", quoted(room)),
        _ => format!("/{} {}", line.verb.family.name(), line.as_typed()).trim_end().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::access::{Right, Takes};
    use crate::domain::audit::{OperationId, Refusal};
    use crate::domain::command::{Command, HandTo, Transfer, Typed, parse_in, quoted};
    use crate::domain::principal::Principal;
    use crate::domain::wording::{CommandName, message};

    const NOW: Timestamp = Timestamp::constant(1_795_435_200, 0);

    fn channel() -> Channel {
        "slack:T1:C1".parse().unwrap()
    }

    /// What somebody reads.
    fn text(reply: &Reply) -> String {
        let message = message(reply, &CommandName::slash(""));
        let lines = std::iter::once(&message.headline).chain(&message.body).chain(&message.footer);
        let spans = lines.flat_map(|line| &line.0).map(|span| span.plain().to_string());
        spans.collect()
    }

    /// Every button can be pressed where it is offered, says what it does, and does what the text says.
    fn check(reply: &Reply) -> Result<usize, TestCaseError> {
        let alice: Subject = "slack:T1:U1".parse().unwrap();
        let offers = offers(reply, &alice, &channel(), NOW);
        let text = text(reply);
        for offer in &offers {
            prop_assert!((1..=75).contains(&offer.label.encode_utf16().count()), "{:?}", offer);
            prop_assert_eq!(offer.for_whom.as_ref(), Some(&alice));
            let command = offer.asks.command(&channel());
            let Asks::Line { family, line, expects, approval } = &offer.asks else {
                prop_assert_eq!((command, offer.label.as_str()), (Ok(Command::Cancel), "Cancel"));
                continue;
            };
            prop_assert_eq!((expects, approval), (&None, &None));
            let typed = format!("/{} {line}", family.name());
            prop_assert!(text.contains(typed.trim_end()), "{:?} is not in {}", line, text);
            let says = match command.unwrap() {
                Command::Transfer(Transfer { room, new_owner, overrides: None, .. }) => {
                    format!("Hand {} to {}", quoted(room.as_str()), quoted(new_owner.as_str()))
                }
                Command::HandTo(HandTo { room, person, overrides: None, .. }) => {
                    format!("Hand {} to {person}", quoted(room.as_str()))
                }
                Command::ShowOwner { room } if !line.starts_with("show") => {
                    format!("Show who owns {}", quoted(room.as_str()))
                }
                _ => typed.trim_end().to_owned(),
            };
            prop_assert_eq!(&offer.label, &says);
        }
        Ok(offers.len())
    }

    fn refused() -> Refusal {
        Refusal { code: None, info: "no room".to_owned(), request_id: None, remedy: "Look.".to_owned() }
    }

    fn words() -> impl Strategy<Value = String> {
        let word = prop_oneof![
            4 => proptest::sample::select(vec![
                "give", "hand", "test", "to", "user2", "->", "show", "owner", "grant", "moderator", "admin",
                "slack:T1:U2", "rooms:", "live-*", "in:", "deny", "revoke", "3", "channel", "allow", "reason:",
                "room-owner", "/room-owner", "/room-acl", "list", "why", "who-can", "undo", "\"my room\"", "for:", "8h",
            ]).prop_map(str::to_owned),
            1 => "[ -~]{1,12}",
            1 => "\\PC{1,6}",
        ];
        proptest::collection::vec(word, 1..7).prop_map(|words| words.join(" "))
    }

    #[test]
    fn a_bare_command_is_a_label_without_an_end_of_nothing() {
        let error = parse_in(CommandGroup::Owner, &Typed::plain("'?"), Some(&channel())).unwrap_err();
        let reply = Reply::Invalid { operation: OperationId::new(7), error, rights: Vec::new() };
        assert_eq!(check(&reply).unwrap(), 2);
        let offers = offers(&reply, &"slack:T1:U1".parse().unwrap(), &channel(), NOW);
        assert_eq!(offers[0].label, "/room-owner");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn what_a_refused_line_offers_is_what_its_reply_says(
            line in words(),
            family in proptest::sample::select(CommandGroup::ALL.to_vec()),
        ) {
            if let Err(error) = parse_in(family, &Typed::plain(&line), Some(&channel())) {
                let is_one = meant(&error, &[]).len() == 1;
                let reply = Reply::Invalid { operation: OperationId::new(7), error, rights: Vec::<Right>::new() };
                let offered = check(&reply)?;
                prop_assert!(offered == 0 || (is_one && offered == 2));
            }
        }

        #[test]
        fn what_a_mistaken_room_offers_is_what_its_reply_says(
            room in "[ -~]{1,48}",
            new_owner in "[a-zA-Z0-9_-]{1,32}",
            reason in proptest::option::of("\\PC{1,40}"),
        ) {
            let meant = Transfer {
                room: room.parse().unwrap(),
                new_owner: new_owner.parse().unwrap(),
                person: None,
                reason: reason.clone().and_then(|reason| crate::domain::command::clean_reason(&reason).ok()?),
                overrides: None,
            };
            let outcome = Outcome::Refused { previous: None, refusal: refused() };
            let reply = Reply::Transfer {
                operation: OperationId::new(7),
                transfer: Transfer { room: "tset".parse().unwrap(), ..meant.clone() },
                by: Principal::new("slack:T1:U1".parse().unwrap()),
                requested_by: None,
                outcome: outcome.clone(),
                recorded: true,
                head: None,
                meant: Some(Box::new(meant.clone())),
            };
            check(&reply)?;
            for offer in offers(&reply, &"slack:T1:U1".parse().unwrap(), &channel(), NOW) {
                if let Ok(Command::Transfer(pressed)) = offer.asks.command(&channel()) {
                    prop_assert_eq!((&pressed.room, &pressed.new_owner), (&meant.room, &meant.new_owner));
                }
            }
            let operation = OperationId::new(7);
            check(&Reply::Owner { operation, room: "tset".parse().unwrap(), outcome, meant: Some(meant.room) })?;
        }

        #[test]
        fn a_hand_over_goes_on_by_a_line_that_asks_for_exactly_that(
            room in "[ -~]{1,48}",
            new_owner in prop_oneof!["[a-zA-Z0-9_-]{1,32}", "\\PC{1,32}"],
            owner in "\\PC{0,32}",
            reason in proptest::option::of(prop_oneof!["\\PC{1,400}", Just("<why>".to_owned())]),
            overrides in proptest::option::of(1..9_i64),
            is_second: bool,
        ) {
            let Ok(new_owner) = new_owner.parse::<AccountId>() else { return Ok(()) };
            let reason = reason.and_then(|reason| crate::domain::command::clean_reason(&reason).ok()?);
            let reason = reason.or(overrides.map(|_| "stuck".to_owned()));
            let overrides = overrides.map(OperationId::new);
            let transfer = Transfer { room: room.parse().unwrap(), new_owner, person: None, reason, overrides };
            let owner = AccountId::from_tencent(owner);
            let subject: Subject = "slack:T1:U1".parse().unwrap();
            let asker = Asker { subject: subject.clone(), name: None, groups: Vec::new(), at: NOW };
            let needed = if is_second { Needed::SecondPerson } else { Needed::Confirmation };
            let reply = Reply::Held {
                operation: OperationId::new(7),
                transfer: transfer.clone(),
                takes: Takes { needed, marked: None, is_new_account: false },
                asker: asker.clone(),
                onward: Onward::WhileOwnedBy { owner: owner.clone(), viewers: None },
            };
            let offers = offers(&reply, &subject, &channel(), NOW);
            let [go_on, not] = offers.as_slice() else { panic!("two buttons") };
            prop_assert_eq!((&not.asks, not.for_whom.as_ref()), (&Asks::Cancel, Some(&subject)));
            prop_assert_eq!(go_on.for_whom.as_ref(), Some(&subject).filter(|_| !is_second));
            let Asks::Line { expects, approval, .. } = &go_on.asks else { panic!("a line") };
            prop_assert_eq!(expects.as_ref(), Some(&owner));
            prop_assert_eq!(approval.as_deref(), Some(&Approval { gives: needed, asker }));
            let Ok(Command::Transfer(pressed)) = go_on.asks.command(&channel()) else { panic!("a hand-over") };
            let without = |it: &Transfer| Transfer { reason: None, ..it.clone() };
            prop_assert_eq!(without(&pressed), without(&transfer));
            let stored = serde_json::to_string(&go_on.asks).unwrap();
            prop_assert_eq!(&serde_json::from_str::<Asks>(&stored).unwrap(), &go_on.asks);
        }

        #[test]
        fn an_undo_gives_the_same_room_back_to_the_previous_owner(
            room in "[ -~]{1,48}",
            new_owner in "\\PC{1,32}",
            previous in prop_oneof!["[a-zA-Z0-9_-]{1,32}", "\\PC{1,40}"],
        ) {
            let (room, account): (RoomId, _) = (room.parse().unwrap(), AccountId::from_tencent);
            let (new_owner, previous) = (account(new_owner), account(previous));
            let outcome = Outcome::Succeeded {
                previous: Some(previous.clone()), confirmed: true, request_id: None, unclear: None,
            };
            if let Some(offer) = undo(&room, &new_owner, &outcome, NOW) {
                prop_assert_eq!((offer.label.as_str(), offer.for_whom.as_ref()), ("Undo", None));
                prop_assert_eq!(offer.lapses_at, NOW + UNDO_FOR);
                let transfer =
                    Transfer { room, new_owner: previous, person: None, reason: None, overrides: None };
                prop_assert_eq!(offer.asks.command(&channel()), Ok(Command::Transfer(transfer)));
                let Asks::Line { expects, .. } = offer.asks else { panic!("a line") };
                prop_assert_eq!(expects, Some(new_owner));
            }
        }
    }
}
