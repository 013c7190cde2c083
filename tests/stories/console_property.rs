//! Whatever the ACL is, the console lets somebody do and see what the same person may do and see in the channel in which
//! they asked for the link.

use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use room_owner::domain::access::Effect;
use room_owner::domain::audit::AuditEntry;

use super::console::{Browser, Page, path_of};
use super::slack::{ADAM, ALICE, BORIS, MODS, Person, RITA};
use super::world::{Stage, World, run};

const CASES: u64 = 24;
const PEOPLE: [Person; 4] = [ALICE, BORIS, RITA, ADAM];
const ROOMS: [&str; 3] = ["test", "live-7", "live-8"];
const SCOPES: [&str; 4] = ["*", "live-*", "live-7", "test"];
/// The pages, and the line that asks for the same in chat.
const PAGES: [(&str, &str); 3] =
    [("/log", "/room-audit"), ("/overview", "/room-audit stats"), ("/access", "/room-acl list")];

/// A grant or a deny entry.
#[derive(Debug, Clone, Copy)]
struct Entry {
    person: usize,
    role: &'static str,
    rooms: &'static str,
    is_deny: bool,
}

#[derive(Debug)]
struct Acl {
    entries: Vec<Entry>,
    channel: &'static str,
}

impl Acl {
    fn of(random: &mut StdRng) -> Self {
        let entry = |random: &mut StdRng| Entry {
            person: random.random_range(0..PEOPLE.len()),
            role: ["moderator", "auditor", "admin"].choose(random).unwrap(),
            rooms: SCOPES.choose(random).unwrap(),
            is_deny: random.random_bool(0.25),
        };
        let count = random.random_range(1..8);
        let entries = (0..count).map(|_| entry(random)).collect();
        Self { entries, channel: ["*", "*", "live-*"].choose(random).unwrap() }
    }

    fn world(&self) -> World {
        let world = ROOMS.iter().fold(World::empty().with_console(), |world, room| world.room(room, "carol"));
        let world = world.channel(MODS, self.channel);
        self.entries.iter().fold(world, |world, entry| {
            world.grant_but(PEOPLE[entry.person], entry.role, entry.rooms, |grant| {
                if entry.is_deny {
                    grant.effect = Effect::Deny;
                }
            })
        })
    }

    /// Whether somebody may read about every room.
    fn reads_all(&self, person: usize) -> bool {
        let mut theirs = self.entries.iter().filter(|it| it.person == person && it.role != "moderator");
        let is_denied = theirs.clone().any(|it| it.is_deny);
        self.channel == "*" && !is_denied && theirs.any(|it| it.rooms == "*")
    }

    /// Whether somebody may read what the log says about a room, by a reading of the rules of its own.
    fn reads(&self, person: usize, room: &str) -> bool {
        let covers = |scope: &str| match scope.strip_suffix('*') {
            Some(start) => room.starts_with(start),
            None => room == scope,
        };
        let theirs = self.entries.iter().filter(|it| it.person == person && it.role != "moderator");
        let mut matching = theirs.filter(|it| covers(it.rooms)).peekable();
        covers(self.channel) && matching.peek().is_some() && matching.all(|it| !it.is_deny)
    }
}

/// Asks the console; how many records that left is counted.
async fn asks(bot: &mut Stage, asking: impl AsyncFnOnce() -> Page) -> Page {
    let before = bot.audit().await.len();
    let page = asking().await;
    bot.other_operations += bot.audit().await.len() - before;
    page
}

fn decided(entry: &AuditEntry) -> String {
    format!("{:?} {}", entry.decision, entry.authority.as_deref().unwrap_or_default())
}

/// Somebody who has a session: what they see and do against what they see and do in chat.
async fn compares(bot: &mut Stage, acl: &Acl, person: usize, link: &str) {
    let who = PEOPLE[person];
    let mut browser = Browser::new(bot);
    let signed_in = asks(bot, async || browser.sends(browser.form(link, &[])).await).await;
    assert_eq!(signed_in.status, 303);
    let sessions = asks(bot, async || browser.opens("/sessions").await).await;
    let token = sessions.between("name=\"token\" value=\"", "\"").to_owned();
    for (page, line) in PAGES {
        let may = !bot.slack(who).says(line).await.says("⛔");
        let shown = asks(bot, async || browser.opens(page).await).await;
        assert_eq!((shown.status == 200, shown.status == 403), (may, !may), "{page}: {}", shown.status);
        let is_led_to = sessions.body.contains(&format!("<li><a href=\"{page}\""));
        assert_eq!(is_led_to, may, "{page} in the navigation");
        if page == "/log" && may {
            sees_what_is_theirs(bot, acl, person, &shown).await;
        }
    }
    for (n, room) in ROOMS.into_iter().enumerate() {
        bot.slack(who).says(&format!("/room-owner {room} chat-{person}-{n}")).await.text();
        let in_chat = decided(&bot.last().await);
        let (owner, before) = (bot.owner_of(room), bot.changes().len());
        let (once, new_owner) = (format!("{n}"), format!("web-{person}-{n}"));
        let fields = [
            ("token", token.as_str()),
            ("once", &once),
            ("new_owner", &new_owner),
            ("if_owner", &owner),
            ("sure", "yes"),
        ];
        let at = format!("/room/{room}/hand-over");
        let page = asks(bot, async || browser.sends(browser.form(&at, &fields)).await).await;
        let entry = bot.last().await;
        assert_eq!(decided(&entry), in_chat, "{room}: {}", page.body);
        let is_permitted = in_chat.contains("Permit");
        assert_eq!(bot.changes().len() - before, usize::from(is_permitted), "{room}");
        assert_eq!(bot.owner_of(room) == new_owner, is_permitted, "{room}");
    }
}

/// The rows of the log's page are those of the rooms that somebody may read about, all of them.
async fn sees_what_is_theirs(bot: &Stage, acl: &Acl, person: usize, page: &Page) {
    for entry in bot.audit().await {
        let is_shown = page.body.contains(&format!("id=\"op-{}\"", entry.operation));
        let (operation, room) = (entry.operation, entry.room.as_ref().map(ToString::to_string));
        match room {
            Some(room) => assert_eq!(is_shown, acl.reads(person, &room), "op {operation} on {room}"),
            // What is about no room is for those who may read everything.
            None => assert!(!is_shown || acl.reads_all(person), "op {operation}: {}", entry.command),
        }
    }
}

/// How many sessions there were to compare.
async fn holds(seed: u64) -> usize {
    let mut random = StdRng::seed_from_u64(seed);
    let acl = Acl::of(&mut random);
    println!("seed {seed}: {acl:?}");
    let mut sessions = 0;
    run(acl.world(), async |bot| {
        for room in ROOMS {
            bot.slack(ALICE).says(&format!("/room-owner {room} user1")).await.text();
        }
        for (person, who) in PEOPLE.into_iter().enumerate() {
            let reply = bot.slack(who).says("/room-audit console").await.to_string();
            let theirs = || acl.entries.iter().filter(|entry| entry.person == person);
            let has_a_role = theirs().any(|entry| !entry.is_deny);
            let is_let_in = reply.contains("/sign-in/");
            assert!(has_a_role || !is_let_in, "a link without a role: {reply}");
            assert!(is_let_in || !has_a_role || theirs().any(|entry| entry.is_deny), "no link: {reply}");
            if is_let_in {
                sessions += 1;
                compares(bot, &acl, person, &path_of(&reply)).await;
            }
        }
    })
    .await;
    sessions
}

#[tokio::test]
async fn a_session_sees_and_does_what_the_person_may_in_chat() {
    // No setting of the program: how much of it this run is to try.
    #[expect(clippy::disallowed_methods, reason = "the test's own")]
    let (from, cases) = {
        let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
        (number("CONSOLE_FROM").unwrap_or(0), number("CONSOLE_CASES").unwrap_or(CASES))
    };
    let mut sessions = 0;
    for seed in from..from + cases {
        sessions += holds(seed).await;
    }
    assert!(sessions as u64 > cases / 2, "hardly anybody had a session: {sessions}");
}
