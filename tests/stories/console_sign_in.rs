//! Signing in to the console by a link from chat, and out again.

use room_owner::domain::audit::{AuditFilter, OutcomeKind};

use super::console::{Browser, link, path_of, ritas_link};
use super::doors::{Door, assert_snapshot};
use super::logs;
use super::program::Program;
use super::slack::{ADAM, ALICE, MODS, OTTO, RANDOM, RITA};
use super::world::{Stage, World, run};

fn world() -> World {
    World::usual().with_console()
}

/// The path of a link, which no two stories have alike.
fn steady(text: &str) -> String {
    let Some(at) = text.find("http://") else { return text.to_owned() };
    let end = text[at..].find(char::is_whitespace).map_or(text.len(), |end| at + end);
    format!("{}[link]{}", &text[..at], &text[end..])
}

async fn newest(bot: &Stage) -> String {
    let newest = AuditFilter { limit: Some(1), ..AuditFilter::default() };
    let entry = room_owner::app::ports::Store::audit(&*bot.store, &newest).await.unwrap().remove(0);
    format!("{} · {} · {}", entry.command, entry.outcome, entry.authority.unwrap_or_default())
}

#[tokio::test]
async fn a_link_from_chat_signs_in_once_however_often_it_is_looked_at() {
    run(world(), async |bot| {
        let reply = bot.slack(RITA).says("/room-audit console").await;
        assert!(!reply.is_public());
        assert_snapshot!(steady(&reply.to_string()), @"
        (only visible to you)
        ✅ Sign in to the console with this link:
        [link]
        It is for you alone, works once, and lapses in five minutes (2026-11-23 12:05 UTC).
        op 4
        ");
        let link = ritas_link(bot).await;
        let mut browser = Browser::new(bot);
        for _ in 0..3 {
            let page = browser.opens(&link).await;
            assert_eq!((page.status, page.headers.get("set-cookie")), (200, None));
            assert!(page.text().contains("rita (slack:T0TEAM:U0RITA)"), "{}", page.body);
        }
        let page = browser.presses(bot, &link).await;
        assert_eq!(page.status, 303);
        let cookie = page.headers["set-cookie"].to_str().unwrap();
        let (pair, flags) = cookie.split_once("; ").unwrap();
        assert_eq!(flags, "Path=/; Max-Age=43200; HttpOnly; SameSite=Strict");
        assert_eq!(newest(bot).await, "web: sign in · succeeded · grant 2");
        assert_eq!(browser.reads(bot, "/log").await.status, 200);

        let mut other = Browser::new(bot);
        for page in [other.opens(&link).await, other.sends(other.form(&link, &[])).await] {
            assert_eq!((page.status, page.headers.get("set-cookie")), (410, None));
            assert!(page.text().contains("This link was used already."), "{}", page.body);
        }
        // Neither the link nor the cookie can be read anywhere.
        let token = pair.split_once('=').unwrap().1;
        let nonce = link.rsplit_once('/').unwrap().1;
        assert_eq!((token.len(), nonce.len()), (64, 64));
        for suffix in ["", "-wal"] {
            let bytes = std::fs::read(format!("{}{suffix}", bot.database().display())).unwrap_or_default();
            assert!(!bytes.is_empty() && !logs::so_far().is_empty());
            for secret in [token, nonce] {
                assert!(memchr::memmem::find(&bytes, secret.as_bytes()).is_none(), "{suffix}");
                assert!(memchr::memmem::find(&logs::so_far(), secret.as_bytes()).is_none());
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_link_lapses_after_five_minutes_and_a_session_after_twelve_hours() {
    run(world(), async |bot| {
        let link = ritas_link(bot).await;
        bot.clock.pass(299);
        let mut browser = Browser::new(bot);
        assert_eq!(browser.opens(&link).await.status, 200);
        bot.clock.pass(1);
        let page = browser.sends(browser.form(&link, &[])).await;
        assert_eq!(page.status, 410);
        assert!(page.text().contains("This link has lapsed"), "{}", page.body);

        let mut browser = Browser::of(bot, RITA).await;
        bot.clock.pass(12 * 3_600 - 1);
        assert_eq!(browser.reads(bot, "/log").await.status, 200);
        bot.clock.pass(1);
        let page = browser.opens("/log").await;
        assert_eq!(page.status, 401);
        assert_snapshot!(page.text(), @"
        Skip to the content
        room-owner console
        Sign in from chat
        Type /room-audit console in chat, or room-owner audit console on the bot's machine, and open the link that you get.
        I am signed in already: open the console
        ");
    })
    .await;
}

#[tokio::test]
async fn a_cookie_from_before_is_never_taken_over() {
    run(world(), async |bot| {
        let planted = format!("room-owner={}", "ab".repeat(32));
        let mut browser = Browser::new(bot);
        browser.cookie = Some(planted.clone());
        assert_eq!(browser.opens("/log").await.status, 401);
        let link = ritas_link(bot).await;
        browser.presses(bot, &link).await;
        let own = browser.cookie.clone().unwrap();
        assert_ne!(own, planted);
        for (cookie, status) in [(planted.clone(), 401), (format!("{planted}; {own}"), 401)] {
            browser.cookie = Some(cookie);
            assert_eq!(browser.opens("/log").await.status, status);
        }
        browser.cookie = Some(format!("other=1; {own}"));
        assert_eq!(browser.reads(bot, "/log").await.status, 200);
        for link in ["/sign-in/x", &format!("/sign-in/{}", "0".repeat(64)), "/sign-in/%00"] {
            let page = browser.opens(link).await;
            assert_eq!(page.status, 404, "{link}");
            assert!(page.text().contains("There is no such link"), "{}", page.body);
        }
    })
    .await;
}

#[tokio::test]
async fn only_who_has_a_role_gets_a_link_and_only_where_there_is_a_console() {
    run(world(), async |bot| {
        for (person, channel) in [(OTTO, MODS), (ALICE, RANDOM), (RITA, RANDOM)] {
            let reply = bot.slack(person).in_channel(channel).says("/room-audit console").await;
            assert!(reply.says("⛔") && !reply.says("http"), "{reply}");
        }
    })
    .await;
    run(World::usual(), async |bot| {
        let reply = bot.slack(RITA).says("/room-audit console").await;
        assert_snapshot!(reply, @"
        (only visible to you)
        ❌ There is no console here: `PUBLIC_URL` is not set.
        Whoever runs the bot sets it to the https address that leads to the bot, and starts it anew.
        op 4
        ");
        assert_eq!(bot.page("/log").await.0, 404);
    })
    .await;
}

#[tokio::test]
async fn a_form_counts_only_with_its_token_and_from_our_own_page() {
    run(world(), async |bot| {
        let mut browser = Browser::of(bot, RITA).await;
        let token = browser.form_token(bot).await;
        let other = Browser::of(bot, RITA).await.form_token(bot).await;
        let without = browser.form("/sign-out", &[]);
        let wrong = browser.form("/sign-out", &[("token", &"0".repeat(64))]);
        let of_another = browser.form("/sign-out", &[("token", &other)]);
        let long = browser.form("/sign-out", &[("token", &token), ("x", &"x".repeat(5_000))]);
        for (form, status) in [(without, 403), (wrong, 403), (of_another, 403), (long, 413)] {
            let page = browser.sends(form).await;
            assert_eq!((page.status, page.headers.get("set-cookie")), (status, None));
        }
        let link = ritas_link(bot).await;
        for (at, fields) in [("/sign-out", vec![("token", token.as_str())]), (&*link, vec![])] {
            for (site, origin) in [
                ("cross-site", "null"),
                ("same-site", "null"),
                ("cross-site", "https://evil.example"),
                ("none", "null"),
            ] {
                let page = browser.sends(browser.form_from(site, origin, at, &fields)).await;
                assert_eq!((page.status, page.headers.get("set-cookie")), (403, None), "{at} {site}");
            }
        }
        assert_eq!(browser.reads(bot, "/log").await.status, 200, "the session goes on");
        bot.other_operations += 1;
        let page = browser.sends(browser.form("/sign-out", &[("token", &token)])).await;
        assert_eq!(page.status, 200);
        assert_eq!(newest(bot).await, "web: sign out · succeeded · whoever is signed in may sign out");
        assert_eq!((browser.cookie.clone(), browser.opens("/log").await.status), (None, 401));
    })
    .await;
}

#[tokio::test]
async fn a_session_ends_with_the_grant_and_is_decided_anew_with_every_page() {
    run(world(), async |bot| {
        let mut browser = Browser::of(bot, RITA).await;
        assert_eq!(browser.reads(bot, "/log").await.status, 200);
        bot.revoke(2).await;
        for at in ["/log", "/op/1", "/op/1/proof", "/sessions"] {
            let page = browser.reads(bot, at).await;
            assert_eq!(page.status, 403, "{at}");
            assert!(page.text().contains("Not allowed") && !page.body.contains("carol"), "{}", page.body);
            assert_eq!(bot.last().await.outcome, OutcomeKind::Denied);
        }
    })
    .await;
}

#[tokio::test]
async fn one_sees_and_ends_ones_own_sessions_and_an_admin_of_every_room_everybodys() {
    run(world().grant(ADAM, "admin", "*"), async |bot| {
        let (mut rita, mut again) = (Browser::of(bot, RITA).await, Browser::of(bot, RITA).await);
        let mut adam = Browser::of(bot, ADAM).await;
        let page = rita.reads(bot, "/sessions").await;
        assert_eq!(page.body.matches("action=\"/sessions/end\"").count(), 2);
        assert!(!page.body.contains("U0ADAM"));
        let page = adam.reads(bot, "/sessions").await;
        assert_eq!(page.body.matches("action=\"/sessions/end\"").count(), 3);
        let adams = session_of(&page.body, "U0ADAM");
        let ritas = session_of(&page.body, "U0RITA");

        let token = rita.form_token(bot).await;
        let form = rita.form("/sessions/end", &[("token", &token), ("session", &adams)]);
        bot.other_operations += 1;
        assert_eq!(rita.sends(form).await.status, 403, "another's session");
        assert_eq!(adam.reads(bot, "/log").await.status, 200);

        let token = adam.form_token(bot).await;
        let form = adam.form("/sessions/end", &[("token", &token), ("session", &ritas)]);
        bot.other_operations += 1;
        assert_eq!(adam.sends(form).await.status, 303);
        assert_eq!(newest(bot).await, format!("web: end session {ritas} · succeeded · grant 3"));
        // The newest session of Rita's is over, the other goes on.
        assert_eq!(again.opens("/log").await.status, 401);
        assert_eq!(rita.reads(bot, "/log").await.status, 200);
    })
    .await;
}

fn session_of(page: &str, id: &str) -> String {
    let (_, row) = page.split_once(&format!("<code>slack:T0TEAM:{id}</code>")).unwrap();
    let (_, rest) = row.split_once("name=\"session\" value=\"").unwrap();
    rest.split_once('"').unwrap().0.to_owned()
}

#[tokio::test]
async fn too_many_sign_ins_are_turned_away_and_the_link_still_works_later() {
    run(world(), async |bot| {
        let link = ritas_link(bot).await;
        let mut browser = Browser::new(bot);
        for _ in 0..20 {
            assert_eq!(browser.opens("/sign-in/guess").await.status, 404);
        }
        let page = browser.opens(&link).await;
        assert_eq!(page.status, 429);
        assert_eq!(page.headers["retry-after"], "60");
        bot.clock.pass(61);
        assert_eq!(browser.presses(bot, &link).await.status, 303);
    })
    .await;
}

#[tokio::test]
async fn a_link_that_was_asked_for_before_the_right_was_lost_signs_nobody_in() {
    run(world(), async |bot| {
        let link = link(bot, RITA).await;
        bot.revoke(2).await;
        let mut browser = Browser::new(bot);
        let page = browser.presses(bot, &link).await;
        assert_eq!((page.status, page.headers.get("set-cookie")), (403, None));
        assert_eq!(newest(bot).await.split(" · ").nth(1), Some("denied"));
    })
    .await;
}

#[tokio::test]
async fn over_https_the_cookie_is_for_this_host_alone() {
    run(World::usual().with_console_at("https://rooms.example.com"), async |bot| {
        let reply = bot.slack(RITA).says("/room-audit console").await.to_string();
        assert!(reply.contains("\nhttps://rooms.example.com/sign-in/"), "{reply}");
        let mut browser = Browser::new(bot);
        let page = browser.presses(bot, &path_of(&reply)).await;
        let cookie = page.headers["set-cookie"].to_str().unwrap();
        assert!(cookie.starts_with("__Host-room-owner="), "{cookie}");
        assert!(cookie.ends_with("; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict; Secure"), "{cookie}");
        assert_eq!(browser.reads(bot, "/log").await.status, 200);
        browser.cookie = browser.cookie.map(|cookie| cookie.replace("__Host-", ""));
        assert_eq!(browser.opens("/log").await.status, 401, "another site of the domain could set this one");
        let form = browser.form_from("same-origin", "http://rooms.example.com", "/sign-out", &[]);
        assert_eq!(browser.sends(form).await.status, 403);
    })
    .await;
}

#[tokio::test]
async fn whoever_asks_in_discord_signs_in_as_somebody_of_discord() {
    for door in [Door::DiscordOverHttp, Door::DiscordOverTheGateway] {
        run(world().at(door), async |bot| {
            let mut browser = Browser::of(bot, RITA).await;
            let page = browser.reads(bot, "/sessions").await;
            assert!(page.body.contains("<code>discord:"), "{}", page.body);
            bot.clock.pass(3_600);
            assert_eq!(browser.reads(bot, "/log").await.status, 200, "by a grant of her own");
        })
        .await;
    }
}

#[tokio::test]
async fn the_command_line_prints_a_link_that_signs_in_with_its_rights() {
    let mut program = Program::new().await;
    let off = program.runs("audit console").await;
    assert_eq!((off.code, off.out.as_str()), (1, ""));
    assert!(off.err.contains("There is no console here: `PUBLIC_URL` is not set."), "{}", off.err);
    program.set("PUBLIC_URL", "http://127.0.0.1:1");
    let serving = program.serves().await;
    let ran = program.runs("audit console").await;
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(
        ran.out.starts_with("http://127.0.0.1:1/sign-in/") && ran.out.lines().count() == 1,
        "{}",
        ran.out
    );
    assert!(ran.err.contains("it signs you in once") && !ran.err.contains("/sign-in/"), "{}", ran.err);
    let mut browser = Browser::at(*program.workspace.bot.lock().unwrap());
    assert_eq!(browser.opens("/").await.headers["location"], "/overview");
    let form = browser.form(&path_of(&ran.out), &[]);
    assert_eq!(browser.sends(form).await.status, 303);
    let text = browser.opens("/log?readings=yes").await.text();
    assert!(text.contains("web: sign in") && text.contains("room-owner audit console"), "{text}");
    serving.ends_when_asked().await;
}
