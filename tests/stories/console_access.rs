//! Who may do what in the console: what is shown, and changes that are planned before they are made.

use super::console::{Browser, Page, link};
use super::slack::{ADAM, ALICE, OTTO, Person, RITA};
use super::world::{Stage, World, run};

/// Adam is an admin of every room.
pub(crate) fn world() -> World {
    World::usual().grant(ADAM, "admin", "*").with_console()
}

/// An admin's browser, and the token of its forms.
pub(crate) struct Admin {
    pub(crate) browser: Browser,
    pub(crate) token: String,
}

impl Admin {
    pub(crate) async fn of(bot: &mut Stage, person: Person) -> Self {
        let mut browser = Browser::of(bot, person).await;
        let token = browser.form_token(bot).await;
        Self { browser, token }
    }

    /// Sends a form with the token of the page, on record.
    pub(crate) async fn sends(&mut self, bot: &mut Stage, at: &str, fields: &[(&str, &str)]) -> Page {
        bot.other_operations += 1;
        let token = [("token", self.token.as_str())];
        let fields: Vec<(&str, &str)> = token.into_iter().chain(fields.iter().copied()).collect();
        self.browser.sends(self.browser.form(at, &fields)).await
    }

    /// Fills in the form of a change and sends it.
    pub(crate) async fn plans(&mut self, bot: &mut Stage, fields: &[(&str, &str)]) -> Page {
        self.sends(bot, "/access/plan", fields).await
    }

    /// Presses the button that applies the plan of this page, as the page has it.
    pub(crate) async fn applies(&mut self, bot: &mut Stage, plan: &Page) -> Page {
        let hidden = hidden(plan, "/access/apply");
        let fields: Vec<(&str, &str)> =
            hidden.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        bot.other_operations += 1;
        self.browser.sends(self.browser.form("/access/apply", &fields)).await
    }

    /// Plans a change that can be made, and makes it: both pages.
    pub(crate) async fn changes(&mut self, bot: &mut Stage, fields: &[(&str, &str)]) -> (String, String) {
        let plan = self.plans(bot, fields).await;
        assert_eq!(plan.status, 200, "{}", plan.text());
        let made = self.applies(bot, &plan).await;
        assert_eq!(made.status, 200, "{}", made.text());
        (planned(&plan), said(&made))
    }
}

/// What the fields of a form hold, as a browser sends them.
fn hidden(page: &Page, action: &str) -> Vec<(String, String)> {
    let form = page.between(&format!("action=\"{action}\">"), "</form>");
    let inputs = form.split("<input").skip(1).filter_map(|input| {
        let (_, name) = input.split_once("name=\"")?;
        let (_, value) = input.split_once("value=\"")?;
        Some((name.split('"').next()?.to_owned(), unescaped(value.split('"').next()?)))
    });
    inputs.collect()
}

fn unescaped(text: &str) -> String {
    let escapes = [("&#60;", "<"), ("&#62;", ">"), ("&#34;", "\""), ("&#39;", "'"), ("&#38;", "&")];
    escapes.into_iter().fold(text.to_owned(), |text, (escape, c)| text.replace(escape, c))
}

/// The lines of a page behind this one, up to another.
pub(crate) fn part(page: &Page, from: &str, to: &str) -> String {
    let text = page.text();
    let (_, text) = text.split_once(from).unwrap_or_else(|| panic!("no {from} in {text}"));
    text.split(to).next().unwrap().trim().to_owned()
}

/// The plan of a page.
pub(crate) fn planned(page: &Page) -> String {
    part(page, "\nWhat would change\n", "\nWhy (for the audit log)")
}

/// What the bot says on a page.
pub(crate) fn said(page: &Page) -> String {
    let text = page.between("role=\"status\">", "</div>");
    let page = Page { body: format!("<body>{text}"), status: page.status, headers: page.headers.clone() };
    page.text()
}

/// What is on record of the console, newest first.
pub(crate) async fn recorded(bot: &Stage, count: usize) -> Vec<String> {
    let entries = bot.audit().await.into_iter().filter(|entry| entry.command.starts_with("web: "));
    entries.take(count).map(|entry| format!("{} · {}", entry.command, entry.outcome)).collect()
}

const BORIS_MODERATES: &[(&str, &str)] = &[
    ("change", "grant"),
    ("who", "slack:T0TEAM:U0BORIS"),
    ("role", "moderator"),
    ("rooms", "live-*"),
    ("for", "8h"),
    ("reason", "night shift"),
];

#[tokio::test]
async fn a_grant_is_planned_then_made_and_then_in_the_list() {
    run(world(), async |bot| {
        let mut adam = Admin::of(bot, ADAM).await;
        let plan = adam.plans(bot, BORIS_MODERATES).await;
        insta::assert_snapshot!(planned(&plan), @"+ Added: slack:T0TEAM:U0BORIS gains moderator for live-* , until 2026-11-23 20:00:00.000 UTC");
        let made = adam.applies(bot, &plan).await;
        insta::assert_snapshot!(said(&made), @"
        ✅ slack:T0TEAM:U0BORIS is now moderator for live-* .
        They can now hand rooms over and see who owns them.
        Grant 4, until 2026-11-23 20:00:00.000 UTC .
        Reason given: night shift
        op 9
        ");
        assert_eq!(
            recorded(bot, 2).await,
            [
                "web: /room-acl grant slack:T0TEAM:U0BORIS moderator rooms: live-* for: 8h reason: night shift · succeeded",
                "web: plan /room-acl grant slack:T0TEAM:U0BORIS moderator rooms: live-* for: 8h reason: night shift · succeeded",
            ]
        );
        let list = adam.browser.reads(bot, "/access?who=slack:T0TEAM:U0BORIS").await;
        insta::assert_snapshot!(part(&list, "\nNo. Who", "\nTimes"), @"
        Role Rooms Channels Until By Reason Action
        4 slack:T0TEAM:U0BORIS moderator live-* every authorised one 2026-11-23 20:00:00.000 UTC adam slack:T0TEAM:U0ADAM 2026-11-23 12:00:00.000 UTC night shift
        Revoke
        ");
    })
    .await;
}

#[tokio::test]
async fn a_plan_is_applied_to_the_acl_that_it_was_made_for_or_made_anew() {
    run(world(), async |bot| {
        let mut adam = Admin::of(bot, ADAM).await;
        let plan = adam.plans(bot, &[("change", "revoke"), ("grant", "1")]).await;
        assert!(planned(&plan).contains("loses moderator"), "{}", plan.text());
        // Somebody else revokes Rita's meanwhile.
        bot.revoke(2).await;
        bot.other_operations += 1;
        let stale = adam.applies(bot, &plan).await;
        assert!(stale.text().contains("the ACL changed after this plan was made"), "{}", stale.text());
        assert_eq!(stale.status, 200);
        let all = recorded(bot, 2).await;
        assert_eq!(all, ["web: plan /room-acl revoke 1 · succeeded", "web: /room-acl revoke 1 · declined"]);
        // The new plan can be applied.
        let made = adam.applies(bot, &stale).await;
        assert!(said(&made).contains("is no longer moderator"), "{}", made.text());
        // Of what somebody else has revoked already, the plan says so.
        let gone = adam.plans(bot, &[("change", "revoke"), ("grant", "2"), ("reason", "left")]).await;
        insta::assert_snapshot!(said(&gone), @"
        ⛔ Nothing was changed: grant 2 was taken back before.
        See /room-acl list .
        op 13
        ");
        assert!(!gone.body.contains("/access/apply"), "{}", gone.text());
    })
    .await;
}

#[tokio::test]
async fn a_form_that_is_sent_twice_is_carried_out_once() {
    run(world(), async |bot| {
        let mut adam = Admin::of(bot, ADAM).await;
        let plan = adam.plans(bot, BORIS_MODERATES).await;
        adam.applies(bot, &plan).await;
        let again = adam.applies(bot, &plan).await;
        assert!(said(&again).contains("it was not done twice"), "{}", again.text());
        let list = adam.browser.reads(bot, "/access?part=all&who=slack:T0TEAM:U0BORIS").await;
        assert_eq!(list.body.matches("aria-label=\"Revoke").count(), 1, "{}", list.text());
    })
    .await;
}

#[tokio::test]
async fn what_would_lock_everybody_out_is_refused_at_the_plan() {
    run(world(), async |bot| {
        let mut adam = Admin::of(bot, ADAM).await;
        for fields in [
            vec![("change", "revoke"), ("grant", "3")],
            vec![("change", "channel-remove"), ("channel", "C0MODS")],
            vec![("change", "deny"), ("who", "U0ADAM"), ("role", "admin"), ("reason", "stepping down")],
        ] {
            let plan = adam.plans(bot, &fields).await;
            let refusal = said(&plan);
            assert!(refusal.starts_with("⛔ Nothing was changed: no "), "{refusal}");
            assert!(plan.text().contains("Taken away:"), "{}", plan.text());
            assert!(!plan.body.contains("/access/apply"), "{}", plan.text());
            // What was typed stays.
            assert!(fields.iter().all(|(_, value)| plan.body.contains(value)), "{}", plan.body);
        }
    })
    .await;
}

#[tokio::test]
async fn an_admin_of_some_rooms_gives_no_more_than_those() {
    run(world().grant(OTTO, "admin", "live-*"), async |bot| {
        let mut otto = Admin::of(bot, OTTO).await;
        let list = otto.browser.reads(bot, "/access").await;
        assert_eq!(list.body.matches("aria-label=\"Revoke").count(), 1, "{}", list.text());
        let wanted = [("change", "grant"), ("who", "U0BORIS"), ("role", "moderator"), ("rooms", "vip-1")];
        let plan = otto.plans(bot, &wanted).await;
        assert_eq!(plan.status, 403);
        insta::assert_snapshot!(said(&plan), @"
        ⛔ Not allowed: you are an admin for live-* only, and this change is about vip-1 .
        Your id is slack:T0TEAM:U0OTTO . Admins who can help: slack:T0TEAM:U0ADAM .
        Nothing was done.
        op 10
        ");
        assert!(plan.body.contains("value=\"vip-1\""), "{}", plan.body);
        assert_eq!(
            recorded(bot, 1).await,
            ["web: plan /room-acl grant U0BORIS moderator rooms: vip-1 · denied"]
        );
        // Nor do they deny anything to an admin for more rooms.
        let denial = [("change", "deny"), ("who", "U0ADAM"), ("role", "moderator"), ("rooms", "live-1")];
        let plan = otto.plans(bot, &denial).await;
        assert!(said(&plan).contains("an admin for more rooms than you"), "{}", plan.text());
        // A plan is no permission: it is decided again.
        let fields = [("version", "1"), ("once", "a"), wanted[0], wanted[1], wanted[2], wanted[3]];
        let forged = otto.sends(bot, "/access/apply", &fields).await;
        assert_eq!(forged.status, 403, "{}", forged.text());
    })
    .await;
}

#[tokio::test]
async fn whoever_may_not_see_the_acl_does_not() {
    run(world(), async |bot| {
        for person in [ALICE, RITA] {
            let mut browser = Browser::new(bot);
            let link = link(bot, person).await;
            browser.presses(bot, &link).await;
            let page = browser.reads(bot, "/sessions").await;
            assert!(!page.body.contains("href=\"/access\""), "{}", page.body);
            for (at, line) in [
                ("/access", "/room-acl list"),
                ("/access?part=channels", "/room-acl list channels"),
                ("/access/why?who=U0ADAM&room=test", "/room-acl why U0ADAM test"),
                ("/access/who-can?room=test", "/room-acl who-can test"),
            ] {
                assert_eq!(browser.reads(bot, at).await.status, 403, "{at}");
                assert_eq!(recorded(bot, 1).await, [format!("web: {line} · denied")]);
            }
            // A form without anything in it shows nothing, so that there is nothing to record.
            for at in ["/access/plan?change=grant", "/access/why", "/access/who-can"] {
                assert_eq!(browser.opens(at).await.status, 403, "{at}");
            }
            let token = browser.form_token(bot).await;
            let mut person = Admin { browser, token };
            assert_eq!(person.plans(bot, BORIS_MODERATES).await.status, 403);
        }
        // The right may end between the plan and the button.
        let mut adam = Admin::of(bot, ADAM).await;
        let plan = adam.plans(bot, BORIS_MODERATES).await;
        bot.revoke(3).await;
        let late = adam.applies(bot, &plan).await;
        assert_eq!(late.status, 403, "{}", late.text());
        assert!(late.body.contains("night shift"));
    })
    .await;
}

#[tokio::test]
async fn forms_of_other_sites_and_without_their_token_do_nothing() {
    run(world(), async |bot| {
        let mut adam = Admin::of(bot, ADAM).await;
        let plan = adam.plans(bot, BORIS_MODERATES).await;
        let before = bot.audit().await.len();
        let fields = hidden(&plan, "/access/apply");
        let with = |token: &'static str| -> Vec<(&str, &str)> {
            fields
                .iter()
                .map(|(name, value)| (name.as_str(), if name == "token" { token } else { value }))
                .collect()
        };
        for (at, fields) in [
            ("/access/apply", with("")),
            ("/access/apply", with("0000000000000000000000000000000000000000000000000000000000000000")),
            ("/access/plan", BORIS_MODERATES.to_vec()),
            ("/access/answer", vec![("operation", "1"), ("answer", "8h"), ("once", "a")]),
        ] {
            let page = adam.browser.sends(adam.browser.form(at, &fields)).await;
            assert_eq!(page.status, 403, "{at}: {}", page.text());
        }
        let own: Vec<(&str, &str)> =
            fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let other = adam.browser.form_from("cross-site", "https://evil.example", "/access/apply", &own);
        assert_eq!(adam.browser.sends(other).await.status, 403);
        assert_eq!(bot.audit().await.len(), before);
    })
    .await;
}
