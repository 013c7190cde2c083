//! Rooms in the console: what is live, who owned a room when, and handing it over.

use std::sync::Arc;

use room_owner::app::commands::at_once;
use room_owner::app::console::Console;
use room_owner::app::local;
use room_owner::app::ports::{Known, Unobserved};
use room_owner::case_file::CasesOf;
use room_owner::domain::command::{Command, CommandRequest};
use room_owner::domain::principal::Principal;
use room_owner::domain::reply::{ConsoleAnswer, Reply};
use room_owner::domain::session::ConsoleCommand;
use room_owner::tencent::simulator::{Api, Fault, FaultKind};

use super::console::{Browser, Page, alice_says, path_of};
use super::console_pages::pages;
use super::doors::Door;
use super::slack::{ADAM, ALICE, BORIS, OTTO, RITA};
use super::world::{Stage, World, run};

/// Boris is a moderator too.
fn world() -> World {
    World::usual().room("vip-1", "carol").grant(BORIS, "moderator", "*").with_console()
}

/// What was recorded of the console so far, oldest first.
async fn recorded(bot: &Stage) -> Vec<String> {
    let entries = bot.audit().await.into_iter().rev();
    let console = entries.filter(|entry| entry.command.starts_with("web: "));
    console.map(|entry| format!("{} · {}", entry.command, entry.outcome)).collect()
}

/// Opens a room's page, which leaves so many records.
async fn opens_room(bot: &mut Stage, browser: &mut Browser, at: &str, records: usize) -> Page {
    bot.other_operations += records;
    let page = browser.opens(at).await;
    assert_eq!(page.status, 200, "{at}: {}", page.body);
    page
}

/// The value of a hidden field of a page.
fn field(page: &Page, name: &str) -> String {
    page.between(&format!("name=\"{name}\" value=\""), "\"").to_owned()
}

/// The fields of a form that hands `vip-1` over.
fn fields<'a>(token: &'a str, once: &'a str, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    [&[("token", token), ("once", once), ("if_owner", "carol")], more].concat()
}

const HAND_OVER: &str = "/room/vip-1/hand-over";

/// Fills in the form of the page of `vip-1`: the page that shows what would happen.
async fn reviews(bot: &mut Stage, browser: &mut Browser, more: &[(&str, &str)]) -> Page {
    let page = opens_room(bot, browser, "/room/vip-1", 1).await;
    let (token, once, owner) = (field(&page, "token"), field(&page, "once"), field(&page, "if_owner"));
    let all = [&[("token", &*token), ("once", &once), ("if_owner", &owner)], more].concat();
    browser.sends(browser.form(HAND_OVER, &all)).await
}

/// Sends the page that shows what would happen.
async fn sends(bot: &mut Stage, browser: &mut Browser, review: &Page) -> Page {
    assert_eq!(review.status, 200, "{}", review.body);
    assert!(review.body.contains("name=\"sure\" value=\"yes\""), "{}", review.body);
    let names = ["token", "once", "new_owner", "reason", "override", "if_owner", "sure"];
    let there = names.iter().filter(|name| review.body.contains(&format!("name=\"{name}\"")));
    let all: Vec<(&str, String)> = there.map(|name| (*name, field(review, name))).collect();
    let all: Vec<(&str, &str)> = all.iter().map(|(name, value)| (*name, value.as_str())).collect();
    bot.other_operations += 1;
    browser.sends(browser.form(HAND_OVER, &all)).await
}

/// Presses a button of a page by what is written on it.
async fn presses(bot: &mut Stage, browser: &mut Browser, page: &Page, label: &str) -> Page {
    let forms: Vec<&str> = page.body.split("<form method=\"post\" action=\"/press\">").skip(1).collect();
    let form = forms
        .iter()
        .find(|form| form.split("</form>").next().unwrap().contains(&format!(">{label}</button>")));
    let form = form.unwrap_or_else(|| panic!("no {label} in {}", page.text()));
    let value = |name: &str| {
        let (_, rest) = form.split_once(&format!("name=\"{name}\" value=\"")).unwrap();
        rest.split_once('"').unwrap().0
    };
    let all = [("token", value("token")), ("once", value("once")), ("nonce", value("nonce"))];
    bot.other_operations += 1;
    browser.sends(browser.form("/press", &all)).await
}

#[tokio::test]
async fn the_list_shows_what_a_reader_may_see_and_is_one_reading() {
    let world = world().grant(ADAM, "auditor", "vip-*");
    run(world, async |bot| {
        let mut adam = Browser::of(bot, ADAM).await;
        let text = adam.reads(bot, "/rooms").await.text();
        assert!(text.contains("vip-1 carol") && !text.contains("test"), "{text}");
        let mut alice = Browser::of(bot, ALICE).await;
        let page = alice.reads(bot, "/rooms").await;
        assert!(page.text().contains("vip-1 carol") && page.text().contains("test carol"), "{}", page.text());
        assert!(page.body.contains("<a href=\"/room/vip-1\">"), "{}", page.body);
        assert!(!page.body.contains("href=\"/log\""), "a moderator may not read the log");
        assert_eq!(recorded(bot).await.last().unwrap(), "web: /room-owner list · succeeded");
        // It is left out of lists of the log, as other readings are.
        let mut rita = Browser::of(bot, RITA).await;
        assert!(!rita.reads(bot, "/log").await.text().contains("/room-owner list"));
    })
    .await;
}

#[tokio::test]
async fn a_room_is_opened_by_its_id() {
    run(world().room("a/b ?#%", "carol"), async |bot| {
        let mut alice = Browser::of(bot, ALICE).await;
        for (typed, at) in [("vip-1", "/room/vip-1"), ("a%2Fb+%3F%23%25", "/room/a%2Fb%20%3F%23%25")] {
            let page = alice.opens(&format!("/rooms?room={typed}")).await;
            assert_eq!((page.status, page.headers["location"].to_str().unwrap()), (303, at));
            opens_room(bot, &mut alice, at, 1).await;
        }
        for (typed, says) in
            [("%2E%2E", "has no page"), ("r%C3%A9", "plain ASCII"), (&*"x".repeat(49), "at most 48 bytes")]
        {
            let page = alice.opens(&format!("/rooms?room={typed}")).await;
            assert_eq!(page.status, 400, "{typed}");
            assert!(page.text().contains(says), "{}", page.text());
        }
        for at in ["/room/r%C3%A9", "/room/%FF", &format!("/room/{}", "x".repeat(49))] {
            assert_eq!(alice.opens(at).await.status, 404, "{at}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_room_shows_who_owned_it_when_to_whoever_may_read_the_log() {
    run(world(), async |bot| {
        alice_says(bot, "/room-owner vip-1 user2").await;
        bot.clock.pass(3 * 3_600);
        let operation = alice_says(bot, "/room-owner vip-1 user3").await;
        bot.clock.pass(3_600);
        let mut rita = Browser::of(bot, RITA).await;
        let page = opens_room(bot, &mut rita, "/room/vip-1?since=1d", 2).await;
        assert_eq!(page.body.matches("<svg class=\"picture\"").count(), 1);
        let hover = page.between("<title>user2", "</title>");
        assert!(hover.contains("\nhanded over by the bot, read back\n2026-11-23 12:00:00.000 UTC – 2026-11-23 15:00:00.000 UTC"), "{hover}");
        assert!(page.body.contains(&format!("<a href=\"/op/{operation}\">")));
        assert!(page.body.contains("href=\"/log?room=vip-1\""));
        assert!(!page.body.contains(HAND_OVER), "an auditor sees no form");
        opens_room(bot, &mut rita, "/room/vip-1", 2).await;
        let all = recorded(bot).await;
        assert_eq!(
            all[1..],
            [
                "web: /room-owner vip-1 · succeeded",
                "web: /room-audit history vip-1 since: 1d · succeeded",
                "web: /room-owner vip-1 · succeeded",
                "web: /room-audit history vip-1 · succeeded",
            ]
        );
        bot.other_operations += 2;
        let page = rita.opens("/room/vip-1?since=never").await;
        assert_eq!(page.status, 400);
        // A moderator sees the owner, and not the log.
        let mut alice = Browser::of(bot, ALICE).await;
        let page = opens_room(bot, &mut alice, "/room/vip-1", 1).await;
        assert!(!page.body.contains("<svg class=\"picture\"") && page.body.contains(HAND_OVER));
        assert!(page.text().contains("which you may not read for this room"), "{}", page.text());
    })
    .await;
}

#[tokio::test]
async fn a_hand_over_is_shown_before_it_is_done_and_done_once() {
    run(world(), async |bot| {
        let mut alice = Browser::of(bot, ALICE).await;
        let review = reviews(bot, &mut alice, &[("new_owner", "user2"), ("reason", "host crashed")]).await;
        assert!(review.text().contains("Hand vip-1 from carol to user2 ?"), "{}", review.text());
        assert_eq!((bot.changes().len(), bot.owner_of("vip-1").as_str()), (0, "carol"));
        let done = sends(bot, &mut alice, &review).await;
        assert_eq!(bot.owner_of("vip-1"), "user2");
        assert!(
            done.text().contains("vip-1 now belongs to user2 (was carol ) · confirmed"),
            "{}",
            done.text()
        );
        assert_eq!(
            recorded(bot).await.last().unwrap(),
            "web: /room-owner vip-1 user2 reason: host crashed · succeeded"
        );
        // The same page once more, as a browser does that is reloaded.
        let again = sends(bot, &mut alice, &review).await;
        assert!(again.text().contains("it was not done twice"), "{}", again.text());
        assert_eq!(bot.changes().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn an_owner_who_changed_meanwhile_keeps_the_room() {
    run(world(), async |bot| {
        let mut alice = Browser::of(bot, ALICE).await;
        let review = reviews(bot, &mut alice, &[("new_owner", "user2")]).await;
        let by_boris = bot.slack(BORIS).says("/room-owner vip-1 user3").await;
        by_boris.text();
        let declined = sends(bot, &mut alice, &review).await;
        assert_eq!(bot.owner_of("vip-1"), "user3");
        insta::assert_snapshot!(said(&declined), @"
        Rooms
        ❌ Nothing was done: vip-1 keeps its owner.
        What went wrong: user3 owns it now: op 9 by boris
        Agree with the other moderators. To change it all the same, type the command.
        op 11
        vip-1
        ");
    })
    .await;
}

/// What the bot said on a page.
fn said(page: &Page) -> String {
    let text = page.text();
    let (_, rest) = text.split_once("Sign out\n").unwrap();
    rest.to_owned()
}

#[tokio::test]
async fn two_people_hand_over_a_room_that_takes_two() {
    let world = world().mark("vip-*", "two-person").grant(BORIS, "auditor", "*").grant(ALICE, "auditor", "*");
    run(world, async |bot| {
        let mut alice = Browser::of(bot, ALICE).await;
        bot.other_operations += 1;
        let review = reviews(bot, &mut alice, &[("new_owner", "user2"), ("reason", "host crashed")]).await;
        assert!(review.text().contains("nothing is done until another person approves it, within 15 minutes"));
        let asked = sends(bot, &mut alice, &review).await;
        assert_eq!(asked.status, 303);
        let at = asked.headers["location"].to_str().unwrap().to_owned();
        let page = alice.reads(bot, &at).await;
        let text = page.text();
        assert!(text.contains("Not done yet: anybody else who may hand the room over has to approve it · until 2026-11-23 12:15:00.000 UTC"), "{text}");
        assert!(!text.contains("Approve") && text.contains("Withdraw"), "{text}");
        assert_eq!(bot.owner_of("vip-1"), "carol");

        let mut boris = Browser::of(bot, BORIS).await;
        let rooms = boris.reads(bot, "/rooms").await;
        assert!(rooms.body.contains(&format!("<a href=\"{at}\">")), "{}", rooms.text());
        let own = alice.reads(bot, "/rooms").await;
        let nonce = rooms.between("name=\"nonce\" value=\"", "\"");
        let token = field(&own, "token");
        let forged = [("token", &*token), ("once", "1"), ("nonce", nonce)];
        bot.other_operations += 1;
        let page = alice.sends(alice.form("/press", &forged)).await;
        assert!(page.text().contains("another person has to approve it"), "{}", page.text());
        assert_eq!(bot.owner_of("vip-1"), "carol");

        let done = presses(bot, &mut boris, &rooms, "Approve").await;
        assert_eq!((done.status, bot.owner_of("vip-1").as_str()), (303, "user2"));
        let rooms = boris.reads(bot, "/rooms").await.text();
        assert!(rooms.contains("Nothing waits."), "{rooms}");
    })
    .await;
}

#[tokio::test]
async fn what_waits_is_shown_to_nobody_who_may_not_see_the_room() {
    let world = world().mark("vip-*", "two-person").grant(OTTO, "moderator", "test");
    run(world, async |bot| {
        let held = bot.slack(ALICE).says("/room-owner vip-1 user2").await;
        held.text();
        let mut otto = Browser::of(bot, OTTO).await;
        let text = otto.reads(bot, "/rooms").await.text();
        assert!(text.contains("Nothing waits.") && !text.contains("vip-1"), "{text}");
        let mut rita = Browser::of(bot, RITA).await;
        let text = rita.reads(bot, "/rooms").await.text();
        assert!(text.contains("vip-1 → user2") && !text.contains("Approve"), "{text}");
    })
    .await;
}

#[tokio::test]
async fn the_review_confirms_what_has_to_be_confirmed() {
    run(world().mark("vip-*", "confirm"), async |bot| {
        let mut alice = Browser::of(bot, ALICE).await;
        let review = reviews(bot, &mut alice, &[("new_owner", "user2")]).await;
        assert!(review.text().contains("with this button you confirm it"), "{}", review.text());
        sends(bot, &mut alice, &review).await;
        assert_eq!(bot.owner_of("vip-1"), "user2");
        // What was asked for in chat is confirmed here.
        let held = bot.slack(ALICE).says("/room-owner vip-1 user3").await;
        held.text();
        let page = opens_room(bot, &mut alice, "/room/vip-1", 1).await;
        assert!(page.text().contains("whoever asked for it has to confirm it"), "{}", page.text());
        presses(bot, &mut alice, &page, "Confirm").await;
        assert_eq!(bot.owner_of("vip-1"), "user3");
    })
    .await;
}

#[tokio::test]
async fn a_hand_over_is_undone_from_its_page_and_from_the_rooms() {
    run(world().grant(ALICE, "auditor", "*"), async |bot| {
        let mut alice = Browser::of(bot, ALICE).await;
        bot.other_operations += 1;
        let review = reviews(bot, &mut alice, &[("new_owner", "user2")]).await;
        let done = sends(bot, &mut alice, &review).await;
        let page = alice.reads(bot, done.headers["location"].to_str().unwrap()).await;
        let undone = presses(bot, &mut alice, &page, "Undo").await;
        assert_eq!((undone.status, bot.owner_of("vip-1").as_str()), (303, "carol"));
        let page = opens_room(bot, &mut alice, "/room/vip-1", 2).await;
        assert!(page.text().contains("That gives the room back to user2"), "{}", page.text());
        presses(bot, &mut alice, &page, "Undo").await;
        assert_eq!(bot.owner_of("vip-1"), "user2");
    })
    .await;
}

#[tokio::test]
async fn nobody_hands_over_without_the_right_and_that_is_on_record() {
    run(world().grant(OTTO, "moderator", "test"), async |bot| {
        let mut rita = Browser::of(bot, RITA).await;
        let token = rita.form_token(bot).await;
        for (once, sure) in [("1", ""), ("2", "yes")] {
            let all = fields(&token, once, &[("new_owner", "user2"), ("sure", sure)]);
            bot.other_operations += 1;
            let page = rita.sends(rita.form(HAND_OVER, &all)).await;
            assert_eq!(page.status, 403, "{}", page.body);
            assert_eq!(recorded(bot).await.last().unwrap(), "web: /room-owner vip-1 user2 · denied");
        }
        let mut otto = Browser::of(bot, OTTO).await;
        bot.other_operations += 1;
        assert_eq!(otto.opens("/room/vip-1").await.status, 403);
        bot.revoke(2).await;
        assert_eq!(rita.reads(bot, "/rooms").await.status, 403);
        assert_eq!(bot.changes().len(), 0);
    })
    .await;
}

#[tokio::test]
async fn a_form_without_its_token_or_from_elsewhere_does_nothing() {
    run(world(), async |bot| {
        let mut alice = Browser::of(bot, ALICE).await;
        let token = alice.form_token(bot).await;
        let wrong = "0".repeat(64);
        for token in ["", &wrong] {
            let all = fields(token, "1", &[("new_owner", "user2"), ("sure", "yes")]);
            assert_eq!(alice.sends(alice.form(HAND_OVER, &all)).await.status, 403);
        }
        let all = fields(&token, "1", &[("new_owner", "user2"), ("sure", "yes")]);
        let elsewhere = alice.form_from("cross-site", "https://evil.example", HAND_OVER, &all);
        assert_eq!(alice.sends(elsewhere).await.status, 403);
        let without_owner = [("token", &*token), ("once", "1"), ("new_owner", "user2"), ("sure", "yes")];
        assert_eq!(alice.sends(alice.form(HAND_OVER, &without_owner)).await.status, 400);
        let without_name = [("token", &*token), ("if_owner", "carol"), ("new_owner", "user2")];
        assert_eq!(alice.sends(alice.form(HAND_OVER, &without_name)).await.status, 400);
        for (n, (new_owner, says)) in [
            ("", "cannot be empty"),
            ("@bob", "chat handle"),
            ("slack:T0TEAM:U0OTTO", "linked to no live account"),
        ]
        .into_iter()
        .enumerate()
        {
            let once = format!("wrong-{n}");
            bot.other_operations += 1;
            let all = fields(&token, &once, &[("new_owner", new_owner)]);
            let page = alice.sends(alice.form(HAND_OVER, &all)).await;
            assert_eq!(page.status, 400, "{new_owner}");
            assert!(page.text().contains(says), "{}", page.text());
        }
        assert_eq!(bot.changes().len(), 0);
    })
    .await;
}

#[tokio::test]
async fn a_person_is_named_in_the_place_of_their_account() {
    run(world().link(BORIS, "user2"), async |bot| {
        let mut alice = Browser::of(bot, ALICE).await;
        let review = reviews(bot, &mut alice, &[("new_owner", "slack:T0TEAM:U0BORIS")]).await;
        assert!(review.text().contains("Hand vip-1 from carol to user2 ?"), "{}", review.text());
        sends(bot, &mut alice, &review).await;
        assert_eq!(bot.owner_of("vip-1"), "user2");
    })
    .await;
}

#[tokio::test]
async fn foreign_text_is_never_markup() {
    const ROOM: &str = "<script>alert(1)</script>";
    const OWNER: &str = "\"><img src=x onerror=a(1)>";
    let world = world().room(ROOM, OWNER).grant(ALICE, "auditor", "*").with_any_account();
    run(world, async |bot| {
        let mut alice = Browser::of(bot, ALICE).await;
        let at = "/room/%3Cscript%3Ealert%281%29%3C%2Fscript%3E";
        let mut pages = vec![alice.reads(bot, "/rooms").await];
        assert!(pages[0].body.contains(&format!("href=\"{at}\"")), "{}", pages[0].body);
        let page = opens_room(bot, &mut alice, at, 2).await;
        let (token, once) = (field(&page, "token"), field(&page, "once"));
        pages.push(page);
        let all = [
            ("token", &*token),
            ("once", &once),
            ("if_owner", OWNER),
            ("new_owner", "<i>user2</i>"),
            ("reason", "<b>bold</b> `code`"),
        ];
        pages.push(alice.sends(alice.form(&format!("{at}/hand-over"), &all)).await);
        let text = pages[2].text();
        assert!(text.contains(&format!("Hand {ROOM} from {OWNER} to <i>user2</i> ?")), "{text}");
        for page in pages {
            assert_eq!(page.body.matches("<script").count(), 1, "ours alone: {}", page.body);
            for markup in ["<img", "<b>", "<i>"] {
                assert!(!page.body.contains(markup), "{markup} in {}", page.body);
            }
        }
    })
    .await;
}

#[tokio::test]
async fn without_tencent_the_pages_say_so_and_show_what_the_log_knows() {
    run(world().without_tencent(), async |bot| {
        let mut rita = Browser::of(bot, RITA).await;
        let text = rita.reads(bot, "/rooms").await.text();
        assert!(text.contains("Tencent's list of live rooms cannot be read right now."), "{text}");
        let page = opens_room(bot, &mut rita, "/room/vip-1", 2).await;
        assert!(page.text().contains("Who owned the room when") && !page.body.contains(HAND_OVER));
        let mut alice = Browser::of(bot, ALICE).await;
        let page = opens_room(bot, &mut alice, "/room/vip-1", 1).await;
        assert!(!page.body.contains(HAND_OVER), "there is no owner to bind it to: {}", page.text());
    })
    .await;
}

/// What a link from the bot's machine signs in to.
async fn locally(bot: &mut Stage) -> Browser {
    let by = Principal::new("cli:ana".parse().unwrap());
    let line = "room-owner audit console".to_owned();
    let request = CommandRequest::local(by, line, Ok(Command::Console(ConsoleCommand::Link)));
    let cases = Arc::new(CasesOf(bot.store.clone()));
    let console = Console { origin: "http://bot".to_owned(), sessions: bot.store.clone(), cases };
    let (clock, observer) = (Arc::new(bot.clock.clone()), Arc::new(Unobserved));
    let service = local::service(bot.store.clone(), clock, observer, Known::default());
    let reply = service.with_console(Some(console)).handle(request, at_once).await.into_reply();
    let Reply::Console { answer, .. } = reply else { panic!("{reply:?}") };
    let ConsoleAnswer::Link(link) = *answer else { panic!("no link") };
    bot.other_operations += 1;
    let mut browser = Browser::new(bot);
    browser.presses(bot, &path_of(&link.address)).await;
    browser
}

#[tokio::test]
async fn from_the_bots_machine_there_are_no_buttons_and_the_form_works() {
    run(world().mark("test", "two-person"), async |bot| {
        let mut ana = locally(bot).await;
        bot.other_operations += 1;
        let review = reviews(bot, &mut ana, &[("new_owner", "user2")]).await;
        let done = sends(bot, &mut ana, &review).await;
        assert_eq!((done.status, bot.owner_of("vip-1").as_str()), (303, "user2"));
        let page = opens_room(bot, &mut ana, "/room/vip-1", 2).await;
        assert!(!page.body.contains("action=\"/press\"") && page.body.contains(HAND_OVER));
        // Two people are in a channel.
        let page = opens_room(bot, &mut ana, "/room/test", 2).await;
        let token = field(&page, "token");
        let all = fields(&token, "1", &[("new_owner", "user2")]);
        let review = ana.sends(ana.form("/room/test/hand-over", &all)).await;
        assert!(review.text().contains("two people ask and approve in a channel"), "{}", review.text());
        assert!(!review.body.contains("<button class=\"main\">"), "{}", review.body);
    })
    .await;
}

#[tokio::test]
async fn from_discord_rooms_are_handed_over_by_the_form_and_by_buttons() {
    run(world().at(Door::DiscordOverHttp), async |bot| {
        let mut alice = Browser::of(bot, ALICE).await;
        let review = reviews(bot, &mut alice, &[("new_owner", "user2")]).await;
        let done = sends(bot, &mut alice, &review).await;
        assert_eq!(bot.owner_of("vip-1"), "user2");
        presses(bot, &mut alice, &done, "Undo").await;
        assert_eq!(bot.owner_of("vip-1"), "carol");
    })
    .await;
}

#[tokio::test]
async fn an_admin_overrides_what_holds_the_room() {
    run(world().grant(ADAM, "admin", "*").grant(ADAM, "auditor", "*"), async |bot| {
        bot.next_change(FaultKind::ResetAfter);
        let saying = tokio::spawn(bot.slack(ALICE).says("/room-owner vip-1 user2"));
        bot.tencent().until(|tencent| !tencent.calls().is_empty()).await;
        bot.tencent().inject(Fault::new(FaultKind::ResetBefore).on(Api::GetRoomInfo));
        let lost = saying.await.unwrap();
        assert!(lost.says("Unknown"), "{lost}");
        let operation = lost.operation().to_string();
        let mut alice = Browser::of(bot, ALICE).await;
        let page = opens_room(bot, &mut alice, "/room/vip-1", 1).await;
        assert!(!page.body.contains(HAND_OVER), "there is no owner to bind it to: {}", page.text());
        let mut adam = Browser::of(bot, ADAM).await;
        let page = opens_room(bot, &mut adam, "/room/vip-1", 2).await;
        assert!(page.text().contains(&format!("Operation {operation} holds the room")), "{}", page.text());
        let (token, once) = (field(&page, "token"), field(&page, "once"));
        let more = [("new_owner", "user3"), ("override", &*operation), ("reason", "stuck")];
        let all = [&[("token", &*token), ("once", &once)], &more[..]].concat();
        let review = adam.sends(adam.form(HAND_OVER, &all)).await;
        assert!(review.text().contains("Hand vip-1 , whose owner cannot be read, to user3 ?"));
        assert!(review.text().contains(&format!("Operation {operation} is closed")), "{}", review.text());
        sends(bot, &mut adam, &review).await;
        assert_eq!(bot.owner_of("vip-1"), "user3");
    })
    .await;
}

async fn read_everything(language: &'static str) {
    let world = world().room("vip-2", "").mark("vip-1", "two-person").grant(ALICE, "auditor", "*");
    run(world, async |bot| {
        alice_says(bot, "/room-owner test user2 reason: host crashed").await;
        bot.clock.pass(600);
        let mut alice = Browser::of(bot, ALICE).await.in_language(language);
        let mut boris = Browser::of(bot, BORIS).await.in_language(language);
        let mut read =
            vec![("a room without anything", opens_room(bot, &mut boris, "/room/vip-2", 1).await.text())];
        bot.other_operations += 1;
        let review = reviews(bot, &mut alice, &[("new_owner", "user3"), ("reason", "host crashed")]).await;
        read.push(("what two people do", review.text()));
        let asked = sends(bot, &mut alice, &review).await;
        let at = asked.headers["location"].to_str().unwrap().to_owned();
        read.push(("an operation that waits", alice.reads(bot, &at).await.text()));
        read.push(("rooms", boris.reads(bot, "/rooms").await.text()));
        read.push(("a room", opens_room(bot, &mut alice, "/room/test?since=7d", 2).await.text()));
        let page = opens_room(bot, &mut alice, "/room/nowhere", 2).await;
        read.push(("no such room", page.text()));
        pages(&format!("rooms-{language}"), read);
    })
    .await;
}

#[tokio::test]
async fn they_read_well_in_english() {
    read_everything("en").await;
}

#[tokio::test]
async fn they_read_well_in_chinese() {
    read_everything("zh-CN").await;
}
