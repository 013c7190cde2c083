//! The log in the console: filters, pages, what is recorded, and what nobody may see.

use super::console::{Browser, alice_says};
use super::slack::{ADAM, ALICE, RITA};
use super::world::{Stage, World, run};

fn world() -> World {
    World::usual().room("live-1", "dave").with_console()
}

/// What was recorded of the console so far, oldest first.
async fn recorded(bot: &Stage) -> Vec<String> {
    let entries = bot.audit().await.into_iter().rev();
    let console = entries.filter(|entry| entry.command.starts_with("web: "));
    console.map(|entry| format!("{} · {}", entry.command, entry.outcome)).collect()
}

#[tokio::test]
async fn every_view_is_one_reading_in_the_words_of_the_command() {
    run(world(), async |bot| {
        let operation = alice_says(bot, "/room-owner test user2 reason: host crashed").await;
        let mut browser = Browser::of(bot, RITA).await;
        for at in [
            "/log".to_owned(),
            "/log?room=live-1&outcome=&since=2h".to_owned(),
            "/log?text=host+crashed&outcome=failed&outcome=succeeded&limit=3&nothing=1".to_owned(),
            format!("/op/{operation}"),
            format!("/op/{operation}/proof"),
            "/sessions".to_owned(),
        ] {
            assert_eq!(browser.reads(bot, &at).await.status, 200, "{at}");
        }
        assert_eq!(browser.reads(bot, "/log?since=never").await.status, 400);
        let all = recorded(bot).await;
        assert_eq!(
            all,
            [
                "web: sign in · succeeded".to_owned(),
                "web: /room-audit · succeeded".to_owned(),
                "web: /room-audit room: live-1 since: 2h · succeeded".to_owned(),
                "web: /room-audit outcome: failed, succeeded text: \"host crashed\" · succeeded".to_owned(),
                format!("web: /room-audit {operation} · succeeded"),
                format!("web: room-owner audit prove {operation} · succeeded"),
                "web: sessions · succeeded".to_owned(),
                "web: /room-audit since: never · invalid".to_owned(),
            ]
        );
        // What was read, and by whom, is in the log as for everybody.
        let page = browser.reads(bot, "/log?readings=yes&actor=slack:T0TEAM:U0RITA").await;
        assert!(page.text().contains("web: /room-audit room: live-1 since: 2h"), "{}", page.text());
        let (_, proof) = (page, browser.reads(bot, &format!("/op/{operation}/proof")).await);
        assert_eq!(
            proof.headers["content-disposition"],
            format!("attachment; filename=\"op-{operation}.tlog-proof\"").as_str()
        );
        assert!(proof.body.starts_with("c2sp.org/tlog-proof@v1\n"), "{}", proof.body);
    })
    .await;
}

#[tokio::test]
async fn pages_go_on_where_the_last_one_ended() {
    run(world(), async |bot| {
        let reason = "<".repeat(300);
        for _ in 0..43 {
            alice_says(bot, &format!("/room-owner test carol reason: {reason}")).await;
        }
        let mut browser = Browser::of(bot, RITA).await;
        let page = browser.reads(bot, "/log?room=test").await;
        assert_eq!(page.body.matches("<tr role=\"row\" id=\"op-").count(), 40);
        let older = page.between("rel=\"next\" href=\"", "\"").replace("&#38;", "&");
        assert!(older.starts_with("/log?room=test&before="), "{older}");
        let page = browser.reads(bot, &older).await;
        assert_eq!(page.body.matches("<tr role=\"row\" id=\"op-").count(), 3);
        assert!(!page.body.contains("rel=\"next\"") && page.body.contains("href=\"/log?room=test\""));
        assert!(!page.body.contains("data-live"), "an older page stands still");
    })
    .await;
}

#[tokio::test]
async fn what_somebody_may_not_see_is_not_in_the_page() {
    run(world().grant(ADAM, "auditor", "live-*"), async |bot| {
        let hidden = alice_says(bot, "/room-owner test user2 reason: hush").await;
        let shown = alice_says(bot, "/room-owner live-1 user3").await;
        let mut browser = Browser::of(bot, ADAM).await;
        for at in ["/log", "/log?readings=yes", "/log?room=test", "/log?text=hush"] {
            let page = browser.reads(bot, at).await;
            assert_eq!(page.status, 200);
            for word in ["carol", "hush", "user2"] {
                let found = page.body.matches(word).count();
                // What was asked for stands in the form, and in the address of the tail.
                assert_eq!(found, 2 * usize::from(at.contains(word)), "{at}: {word} in {}", page.body);
            }
            assert!(page.text().contains("You see the rooms live-*; what is about no room is left out."));
        }
        for at in [format!("/op/{hidden}"), format!("/op/{hidden}/proof"), "/op/1".to_owned()] {
            let page = browser.reads(bot, &at).await;
            assert_eq!(page.status, 404, "{at}");
            assert!(page.text().contains("No such operation") && !page.body.contains("carol"), "{at}");
        }
        assert_eq!(browser.reads(bot, &format!("/op/{shown}")).await.status, 200);
        for at in ["/op/x", "/op/-1", "/op/99999999999999999999"] {
            assert_eq!(browser.opens(at).await.status, 404, "{at}");
        }
    })
    .await;
}

#[tokio::test]
async fn foreign_text_is_never_markup() {
    const HOSTILE: [&str; 6] = [
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "' onmouseover='alert(1)",
        "</code></td><b>bold</b>",
        "&lt;i&gt;&#60;u&#62;",
        "{{ 7 * 7 }}{% raw %}\u{202e}txet",
    ];
    let world = HOSTILE.iter().fold(world(), |world, room| world.room(room, "carol"));
    run(world, async |bot| {
        let mut operations = Vec::new();
        for text in HOSTILE {
            let quoted = format!("\"{}\"", text.replace('"', "\\\""));
            let line = format!("/room-owner {quoted} user2 reason: {text}");
            let reply = bot.slack(ALICE).with("user_name", text).says(&line).await;
            reply.text();
            operations.push(reply.operation());
        }
        let mut browser = Browser::of(bot, RITA).await;
        let mut pages = vec![browser.reads(bot, "/log").await];
        for (text, operation) in HOSTILE.iter().zip(operations) {
            let query = form_urlencoded::Serializer::new(String::new())
                .extend_pairs([("room", text), ("text", text), ("since", text), ("actor-id", text)])
                .finish();
            pages.push(browser.reads(bot, &format!("/op/{operation}")).await);
            pages.push(browser.reads(bot, &format!("/log?{query}")).await);
            let query =
                form_urlencoded::Serializer::new(String::new()).extend_pairs([("text", text)]).finish();
            pages.push(browser.reads(bot, &format!("/log?{query}")).await);
        }
        for page in pages {
            for markup in
                ["<script>", "<img", "<b>", "<i>", "<u>", "onmouseover='", "</code></td><b", "\u{202e}"]
            {
                assert!(!page.body.contains(markup), "{markup} in {}", page.body);
            }
            assert_eq!(page.body.matches("<script").count(), 1, "ours alone");
        }
        let mut browser = Browser::of(bot, RITA).await;
        let text = browser.reads(bot, "/log?text=alert").await.text();
        assert!(text.contains("\"><img src=x onerror=alert(1)>"), "{text}");
    })
    .await;
}

#[tokio::test]
async fn an_address_that_cannot_be_read_is_refused() {
    run(world(), async |bot| {
        let mut browser = Browser::of(bot, RITA).await;
        let page = browser.opens(&format!("/log?text={}", "x".repeat(3_000))).await;
        assert_eq!(page.status, 414);
        for (query, says) in [
            ("outcome=nonsense", "`nonsense` is not an outcome"),
            ("since=1h&until=2h", "lies before"),
            ("before=999", "there is no operation 999"),
            ("actor=slack:T0TEAM:U0RITA&actor-id=cli:ana", "twice"),
        ] {
            let page = browser.reads(bot, &format!("/log?{query}")).await;
            assert_eq!(page.status, 400, "{query}");
            let text = page.text();
            assert!(text.contains(says) && !text.contains("Live"), "{query}: {text}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_secret_of_the_bots_is_not_recorded_though_somebody_asks_for_it() {
    run(world(), async |bot| {
        use secrecy::ExposeSecret as _;
        let key = bot.world_key().expose_secret().to_owned();
        let mut browser = Browser::of(bot, RITA).await;
        let page = browser.reads(bot, &format!("/log?text={key}")).await;
        assert!(page.body.contains("[redacted]") && !page.body.contains(&key));
        assert_eq!(recorded(bot).await.last().unwrap(), "web: /room-audit text: [redacted] · succeeded");
    })
    .await;
}
