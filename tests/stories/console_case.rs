//! The case of a room as a download: the form, the archive, and who gets none.

use std::io::Cursor;
use std::path::Path;
use std::process::Command;

use super::console::{Browser, alice_says};
use super::slack::{ADAM, RITA};
use super::world::{Stage, World, run};

fn world() -> World {
    World::usual().room("live-1", "dave").with_console()
}

/// The answer to the form: its status, its headers and its bytes.
async fn posted(
    bot: &mut Stage,
    browser: &mut Browser,
    fields: &[(&str, &str)],
) -> (u16, reqwest::header::HeaderMap, Vec<u8>) {
    let token = browser.form_token(bot).await;
    let fields = [&[("token", token.as_str())], fields].concat();
    bot.other_operations += 1;
    let answer = browser.form("/case", &fields).send().await.unwrap();
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    (status, headers, answer.bytes().await.unwrap().to_vec())
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

/// What the verifier of the case says; `None` where Python or its package is missing.
fn verified(case: &Path) -> Option<std::process::Output> {
    let python = |arguments: &[&str]| {
        Command::new("python3").args(arguments).env("PYTHONDONTWRITEBYTECODE", "1").output().ok()
    };
    let has = python(&["-c", "import cryptography"]).is_some_and(|ran| ran.status.success());
    if !has {
        println!("skipped: there is no python3 with its package cryptography");
        return None;
    }
    let key = std::fs::read_to_string(case.join("public-key.txt")).unwrap();
    python(&[case.join("verify.py").to_str().unwrap(), "--key", key.trim()])
}

async fn the_archive(language: &'static str, lang: &'static str, says: &'static str) {
    run(world(), async |bot| {
        let operation = alice_says(bot, "/room-owner test user2 reason: host crashed").await;
        alice_says(bot, "/room-owner live-1 user3").await;
        let mut browser = Browser::of(bot, RITA).await.in_language(language);
        let log = browser.reads(bot, "/log?room=test&since=2h&outcome=succeeded").await;
        assert!(log.body.contains("href=\"/case?room=test&#38;since=2h\""), "{}", log.body);
        let form = browser.opens("/case?room=test&since=2h").await;
        assert_eq!(form.status, 200);
        insta::with_settings!({ snapshot_path => "console", prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!(format!("case-{lang}"), form.text());
        });
        assert!(form.body.contains(&format!("<option value=\"{lang}\" selected>")), "{}", form.body);
        let fields =
            [("room", "test"), ("since", "2h"), ("until", ""), ("zone", "Asia/Shanghai"), ("lang", lang)];
        let (status, headers, zip) = posted(bot, &mut browser, &fields).await;
        assert_eq!((status, headers["content-type"].to_str().unwrap()), (200, "application/zip"));
        assert_eq!(headers["content-disposition"], "attachment; filename=\"case-test.zip\"");
        let folder = tempfile::tempdir().unwrap();
        let mut zip = zip::ZipArchive::new(Cursor::new(zip)).unwrap();
        let names: Vec<String> = zip.file_names().map(|name| name.unwrap().into_owned()).collect();
        assert_eq!(
            names,
            [
                "operations.jsonl",
                "operations.csv",
                "events.tlog-proof",
                "checkpoint.txt",
                "public-key.txt",
                "verify.py",
                "VERIFY.txt",
                "case.html"
            ]
        );
        zip.extract(folder.path()).unwrap();
        let rows = std::fs::read_to_string(folder.path().join("operations.jsonl")).unwrap();
        assert!(
            rows.contains(&format!("\"operation\":\"{operation}\"")) && !rows.contains("live-1"),
            "{rows}"
        );
        let page = std::fs::read_to_string(folder.path().join("case.html")).unwrap();
        assert!(page.contains(says) && page.contains("host crashed"), "{page}");
        if let Some(ran) = verified(folder.path()) {
            assert!(ran.status.success(), "{ran:?}");
        }
        let newest = bot.audit().await.remove(0);
        assert_eq!(
            (newest.command.as_str(), newest.outcome.name()),
            (
                format!(
                    "web: room-owner audit case --room test --since 2h --zone Asia/Shanghai --lang {lang}"
                )
                .as_str(),
                "succeeded"
            )
        );
    })
    .await;
}

#[tokio::test]
async fn the_archive_holds_what_the_command_line_writes_and_proves_itself() {
    the_archive("en", "en", "Case file: room").await;
}

#[tokio::test]
async fn the_same_in_chinese() {
    the_archive("zh-CN", "zh", "lang=\"zh").await;
}

#[tokio::test]
async fn a_room_out_of_reach_is_refused_on_record() {
    run(world().grant(ADAM, "auditor", "live-*"), async |bot| {
        alice_says(bot, "/room-owner test user2 reason: hush").await;
        alice_says(bot, "/room-owner live-1 user3").await;
        let mut browser = Browser::of(bot, ADAM).await;
        let (status, _, page) = posted(bot, &mut browser, &[("room", "test"), ("lang", "en")]).await;
        let page = text(page);
        assert_eq!(status, 400);
        assert!(page.contains("is not in your reach"), "{page}");
        assert!(!page.contains("hush") && !page.contains("carol"), "{page}");
        let newest = bot.audit().await.remove(0);
        assert_eq!(newest.command, "web: room-owner audit case --room test --lang en");
        let (status, _, zip) = posted(bot, &mut browser, &[("room", "live-1"), ("lang", "en")]).await;
        assert_eq!(status, 200);
        let mut zip = zip::ZipArchive::new(Cursor::new(zip)).unwrap();
        let rows = std::io::read_to_string(zip.by_name("operations.jsonl").unwrap()).unwrap();
        assert!(rows.contains("live-1") && !rows.contains("hush"), "{rows}");
    })
    .await;
}

#[tokio::test]
async fn nothing_is_handed_out_without_the_token_the_right_or_a_readable_time() {
    run(world(), async |bot| {
        alice_says(bot, "/room-owner test user2").await;
        let mut browser = Browser::of(bot, RITA).await;
        let good = [("room", "test"), ("lang", "en")];
        for fields in [&good[..], &[&[("token", "00")][..], &good].concat()] {
            let form = browser.form("/case", fields);
            assert_eq!(browser.sends(form).await.status, 403);
        }
        let token = browser.form_token(bot).await;
        let fields = [&[("token", token.as_str())][..], &good].concat();
        let form = browser.form_from("cross-site", "https://evil.example", "/case", &fields);
        assert_eq!(browser.sends(form).await.status, 403);
        let wrong = [("room", "test"), ("lang", "en"), ("since", "never")];
        let (status, _, page) = posted(bot, &mut browser, &wrong).await;
        let page = text(page);
        assert!(status == 400 && page.contains("never") && page.contains("role=\"alert\""), "{page}");
        for fields in [&[("room", "test"), ("lang", "fr")][..], &[("room", " "), ("lang", "en")]] {
            let token = browser.form_token(bot).await;
            let form = browser.form("/case", &[&[("token", token.as_str())][..], fields].concat());
            assert_eq!(browser.sends(form).await.status, 400);
        }
        let markup = browser.opens("/case?room=%3Cb%3E").await;
        assert!(markup.status == 200 && !markup.body.contains("<b>"), "{}", markup.body);
        let token = browser.form_token(bot).await;
        bot.revoke(2).await;
        assert_eq!(browser.opens("/case?room=test").await.status, 403);
        let form = browser.form("/case", &[&[("token", token.as_str())][..], &good].concat());
        bot.other_operations += 1;
        assert_eq!(browser.sends(form).await.status, 403);
    })
    .await;
}
