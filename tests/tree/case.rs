//! The case of a room, as whoever gets it sees and checks it.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use insta::assert_snapshot;
use serde_json::Value;

use super::case_night::{OTHERS, night};
use super::command_line::{Ran, run};
use super::copies::Copy;

/// The copy of a night, and a folder to write cases into.
struct Desk {
    copy: Copy,
    folder: PathBuf,
}

impl Desk {
    async fn new() -> Self {
        let copy = Copy::of(&night().await).await;
        let folder = copy.file().parent().unwrap().to_owned();
        Self { copy, folder }
    }

    /// `audit case` of `live-7` for an hour from noon, into this folder.
    fn case(&self, out: &str, more: &[&str]) -> Ran {
        let asked = ["audit", "case", "--room", "live-7", "--since", "2026-03-01T12:00:00Z"];
        let rest = ["--until", "2026-03-01T13:00:00Z", "--out", out];
        run(&self.folder, &[&asked[..], &rest, more].concat())
    }

    fn made(&self, out: &str, more: &[&str]) -> PathBuf {
        let ran = self.case(out, more);
        assert_eq!((ran.code, ran.out.as_str()), (0, ""), "{}", ran.err);
        self.folder.join(out)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The public key, as somebody kept it elsewhere.
    fn key(&self) -> &str {
        self.copy.key.as_str()
    }
}

fn python(arguments: &[&str]) -> Option<std::process::Output> {
    Command::new("python3").args(arguments).env("PYTHONDONTWRITEBYTECODE", "1").output().ok()
}

/// Whether the verifier can run here.
fn has_python() -> bool {
    static HAS: LazyLock<bool> = LazyLock::new(|| {
        let has = python(&["-c", "import cryptography"]).is_some_and(|ran| ran.status.success());
        if !has {
            println!("skipped: there is no python3 with its package cryptography");
        }
        has
    });
    *HAS
}

/// What the verifier says of a case; `None` where Python or its package is missing.
pub(crate) fn verified(case: &Path, key: Option<&str>) -> Option<Ran> {
    if !has_python() {
        return None;
    }
    let script = case.join("verify.py");
    let key: Vec<&str> = key.iter().flat_map(|key| ["--key", key]).collect();
    let ran = python(&[&[script.to_str().unwrap()][..], &key].concat()).unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Some(Ran { code: ran.status.code().unwrap(), out: text(ran.stdout), err: text(ran.stderr) })
}

/// What is different in each run.
const RUNS: [(&str, &str); 6] = [
    (r"room-owner/[0-9a-f]{8}\+[0-9a-f]{8}\+[A-Za-z0-9+/=]+", "[key]"),
    (r"room-owner/[0-9a-f]{8}", "[log]"),
    (r"\b[0-9a-f]{64}\b", "[root]"),
    (r"\d+ (events|个事件)(,|，)", "[n] $1$2"),
    (r"over \d+ events", "over [n] events"),
    (r"(Made at|生成时间)\n.*", "$1\n[now]"),
];

/// The text that a page shows, a block a line.
fn read(page: &str) -> String {
    let body = &page[page.find("<body>").unwrap()..];
    let mut text = String::new();
    let mut rest = body;
    while let Some(start) = rest.find('<') {
        text.push_str(&rest[..start]);
        let end = start + rest[start..].find('>').unwrap();
        let tag = &rest[start + 1..end];
        let name = tag.trim_start_matches('/').split([' ', '/']).next().unwrap();
        let is_inside_a_line = ["a", "b", "code", "span"].contains(&name);
        text.push_str(if is_inside_a_line { "" } else { "\n" });
        rest = &rest[end + 1..];
    }
    text.push_str(rest);
    for (escaped, plain) in [("&#60;", "<"), ("&#62;", ">"), ("&#34;", "\""), ("&#39;", "'"), ("&#38;", "&")]
    {
        text = text.replace(escaped, plain);
    }
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.map(|line| format!("{}\n", line.split_whitespace().collect::<Vec<_>>().join(" "))).collect()
}

fn page(case: &Path) -> String {
    fs::read_to_string(case.join("case.html")).unwrap()
}

#[tokio::test]
async fn the_page_reads_in_english_and_in_chinese() {
    let desk = Desk::new().await;
    let english = desk.made("en", &["--lang", "en"]);
    let chinese = desk.made("zh", &["--lang", "zh", "--zone", "Asia/Shanghai"]);
    insta::with_settings!({ prepend_module_to_snapshot => false, snapshot_path => "case", filters => RUNS }, {
        assert_snapshot!("page-en", read(&page(&english)));
        assert_snapshot!("page-zh", read(&page(&chinese)));
        let verify = |case: &Path| fs::read_to_string(case.join("VERIFY.txt")).unwrap();
        assert_snapshot!("verify-en", verify(&english));
        assert_snapshot!("verify-zh", verify(&chinese));
    });
}

#[tokio::test]
async fn the_verifier_says_what_it_checked_and_finds_what_was_altered() {
    let desk = Desk::new().await;
    let case = desk.made("case", &[]);
    let Some(ran) = verified(&case, Some(desk.key())) else { return };
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    insta::with_settings!({ filters => RUNS }, {
        assert_snapshot!(ran.out, @"
        ✅ The head of the log [log] over [n] events is signed with the key [key]
        ✅ 18 events are in that log, unchanged
        ✅ operations.jsonl: each of its 10 rows is what the proved events of its operation say
        ✅ operations.csv: each of its 10 rows is what the proved events of its operation say
        Not checked: case.html, which is made of these rows; and that nothing was left out of the case: only whoever has the log can tell
        ");
    });
    let ran = verified(&case, None).unwrap();
    assert!(ran.code == 0 && ran.out.contains("Not checked: that the key is the log's"), "{}", ran.out);

    let other = "room-owner/0fa54cd1+ec1b18b8+Ab/iXl5bAByhnfvP/f2CMnD2P7zN68t3qO20uC4lcTI6";
    let ran = verified(&case, Some("a word")).unwrap();
    assert!(ran.code == 1 && ran.out.contains("`a word` is not a public key"), "{}", ran.out);
    let ran = verified(&case, Some(other)).unwrap();
    assert!(ran.code == 1 && ran.out.contains("not signed with this key"), "{}", ran.out);
    let of = |name: &str| fs::read_to_string(case.join(name)).unwrap();
    let without_last_line = |text: &str| text.trim_end().rsplit_once('\n').unwrap().0.to_owned() + "\n";
    let proofs = of("events.tlog-proof");
    let second = proofs.rmatch_indices("c2sp.org/tlog-proof").next().unwrap().0;
    for (name, altered, says) in [
        (
            "operations.jsonl",
            of("operations.jsonl").replacen("\"new_owner\":\"bob\"", "\"new_owner\":\"eve\"", 1),
            "`new_owner`",
        ),
        (
            "operations.jsonl",
            of("operations.jsonl").replacen("\"outcome\":\"denied\"", "\"outcome\":\"succeeded\"", 1),
            "`outcome`",
        ),
        ("operations.jsonl", of("operations.jsonl").replacen("12:02:00.000Z", "12:02:00.001Z", 1), "`at`"),
        ("operations.jsonl", without_last_line(&of("operations.jsonl")), "other operations"),
        ("operations.jsonl", of("operations.jsonl").replacen("{", "{\"note\":1,", 1), "other fields"),
        ("operations.jsonl", of("operations.jsonl").replacen("{", "{\"at\":null,", 1), "twice"),
        ("operations.csv", of("operations.csv").replacen(",frank,", ",eve,", 1), "`previous_owner`"),
        ("operations.csv", of("operations.csv").trim_end().to_owned() + ",more\n", "other columns"),
        ("operations.csv", without_last_line(&of("operations.csv")), "other operations"),
        ("operations.csv", of("operations.csv").replacen("actor,", "author,", 1), "other columns"),
        ("events.tlog-proof", format!("a word before\n{proofs}"), "begin with something else"),
        ("events.tlog-proof", proofs.replacen("extra eyJ2Ijox", "extra eyJ2Ijoy", 1), "was altered"),
        ("events.tlog-proof", proofs.replacen("\nindex 4\n", "\nindex 5\n", 1), "was altered"),
        ("events.tlog-proof", proofs[..second].to_owned(), "other operations"),
        ("checkpoint.txt", of("checkpoint.txt").replacen("\n29\n", "\n28\n", 1), "the signature"),
    ] {
        let original = of(name);
        assert_ne!(altered, original, "{name}: {says}");
        fs::write(case.join(name), altered).unwrap();
        let ran = verified(&case, Some(desk.key())).unwrap();
        assert_eq!(ran.code, 1, "{name}, {says}: {}", ran.out);
        assert!(ran.out.contains("❌ The case does not hold: "), "{name}, {says}: {}{}", ran.out, ran.err);
        assert!(ran.out.contains(says), "{name}, {says}: {}", ran.out);
        fs::write(case.join(name), original).unwrap();
    }
    assert_eq!(verified(&case, Some(desk.key())).unwrap().code, 0, "all is as it was");
}

#[tokio::test]
async fn the_program_itself_takes_what_lies_beside_the_page() {
    let desk = Desk::new().await;
    desk.made("case", &[]);
    let ran = run(&desk.folder, &["audit", "verify-proof", "case/events.tlog-proof", "--key", desk.key()]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let ran =
        run(&desk.folder, &["audit", "verify", "--checkpoint", "case/checkpoint.txt", "--key", desk.key()]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    // An export has the same rows, and the same case again too.
    let export = ["audit", "export", "--room", "live-7", "--format"];
    for (format, name) in [("jsonl", "operations.jsonl"), ("csv", "operations.csv")] {
        let ran = run(&desk.folder, &[&export[..], &[format]].concat());
        assert_eq!(ran.out, fs::read_to_string(desk.path("case").join(name)).unwrap());
    }
    let again = desk.made("again", &["--lang", "zh"]);
    let rows = |case: &Path| fs::read(case.join("operations.jsonl")).unwrap();
    assert_eq!(rows(&again), rows(&desk.path("case")));
}

/// Every text of a case: its files, and the events in its proofs.
pub(crate) fn texts(case: &Path) -> Vec<(String, String)> {
    use base64::prelude::{BASE64_STANDARD, Engine as _};
    let mut texts = Vec::new();
    for entry in fs::read_dir(case).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let text = fs::read_to_string(entry.path()).unwrap();
        for line in text.lines().filter_map(|line| line.strip_prefix("extra ")) {
            let event = String::from_utf8(BASE64_STANDARD.decode(line).unwrap()).unwrap();
            texts.push((format!("an event of {name}"), event));
        }
        texts.push((name, text));
    }
    texts
}

#[tokio::test]
async fn nothing_of_other_rooms_and_no_secret_is_in_it() {
    let desk = Desk::new().await;
    let case = desk.made("case", &["--lang", "zh"]);
    let private = fs::read_to_string(desk.path("room-owner.db.key")).unwrap();
    // `PRIVATE+KEY+<name>+<id>+<key>`; the key itself may hold a `+`.
    let secret = private.trim().splitn(5, '+').nth(4).unwrap();
    let texts = texts(&case);
    assert!(texts.len() > 20, "{}", texts.len());
    for (name, text) in &texts {
        for foreign in OTHERS.iter().copied().chain([secret, "PRIVATE+KEY"]) {
            assert!(!text.contains(foreign), "{name} holds `{foreign}`: {text}");
        }
    }
}

#[tokio::test]
async fn foreign_text_is_no_markup_and_nothing_is_fetched() {
    let desk = Desk::new().await;
    let page = page(&desk.made("case", &[]));
    assert!(page.contains("&#60;img src=x onerror=alert(1)&#62; &#38; &#34;crashed&#34;"), "{page}");
    for markup in ["<img", "<script", "<b>", "javascript:", "<link", "@import", "src=\"", "<tonight"] {
        assert!(!page.contains(markup), "{markup}");
    }
    // Nothing but places on the page is named by an address; what is announced is text.
    let addresses: BTreeSet<&str> = page.split("href=\"").skip(1).map(|rest| &rest[..1]).collect();
    assert_eq!(addresses, BTreeSet::from(["#"]));
    let drawn = page.matches("url(").count();
    assert_eq!(drawn, page.matches("url(#").count());
}

#[tokio::test]
async fn every_bar_is_a_row_of_the_table() {
    let desk = Desk::new().await;
    let page = page(&desk.made("case", &[]));
    let drawing = &page[page.find("<svg class=\"picture\"").unwrap()..];
    let drawing = &drawing[..drawing.find("</svg>").unwrap()];
    let table = &page[page.find("<table class=\"owners\">").unwrap()..];
    let table = &table[..table.find("</table>").unwrap()];
    let bars = drawing.matches("<rect ").count();
    assert_eq!((bars, table.matches("<tr ").count()), (7, 7), "{drawing}");
    assert_eq!(drawing.matches("<rect class=\"gap\"").count(), table.matches("gap-row").count());
    assert!(drawing.contains("role=\"img\"") && drawing.contains("<title ") && drawing.contains("<desc "));
}

#[tokio::test]
async fn a_folder_is_private_whole_and_never_written_over() {
    let desk = Desk::new().await;
    let case = desk.made("new/case", &[]);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&case), 0o700);
    for entry in fs::read_dir(&case).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(mode(&entry.path()), 0o600, "{}", entry.path().display());
    }
    fs::create_dir(desk.path("empty")).unwrap();
    let empty = desk.made("empty", &[]);
    assert_eq!((mode(&empty), fs::read_dir(&empty).unwrap().count()), (0o700, 8));

    let count =
        || run(&desk.folder, &["audit", "list", "--readings", "--limit", "0", "--format", "jsonl"]).out;
    let before = count().lines().count();
    fs::write(desk.path("file"), "x").unwrap();
    std::os::unix::fs::symlink("nowhere", desk.path("link")).unwrap();
    for (out, says) in [
        ("new", "is not empty"),
        ("new/case", "is not empty"),
        ("file", "cannot be used"),
        ("link", "cannot be used"),
    ] {
        let ran = desk.case(out, &[]);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{out}: {}", ran.err);
        assert!(ran.err.contains(says) && ran.err.contains(&format!("`{out}`")), "{}", ran.err);
    }
    assert_eq!(count().lines().count(), before + 1, "what was refused is no reading: only the count is one");
    // A place that cannot be written leaves nothing.
    let ran = desk.case("file/case", &[]);
    assert_eq!(ran.code, 2, "{}", ran.err);
    assert_eq!(fs::read_to_string(desk.path("file")).unwrap(), "x");
}

#[tokio::test]
async fn the_reading_is_recorded_but_for_a_copys() {
    let desk = Desk::new().await;
    let newest = || -> Value {
        let listed = run(&desk.folder, &["audit", "list", "--readings", "--limit", "1", "--format", "json"]);
        serde_json::from_str::<Value>(&listed.out).unwrap()[0].clone()
    };
    desk.made("case", &[]);
    let listed = run(&desk.folder, &["audit", "list", "--readings", "--limit", "2", "--format", "json"]);
    let listed: Value = serde_json::from_str(&listed.out).unwrap();
    let said = "room-owner audit case --room live-7 --since 2026-03-01T12:00:00Z --until 2026-03-01T13:00:00Z --out case";
    assert_eq!(listed[1]["command"], said);
    let ran = desk.case("refused", &["--database", "room-owner.db"]);
    assert!(ran.code == 2 && ran.err.contains("is the log itself, not a copy"), "{}", ran.err);
    let backup = run(&desk.folder, &["backup", "copy.db"]);
    assert_eq!(backup.code, 0, "{}{}", backup.out, backup.err);
    let bytes = fs::read(desk.path("copy.db")).unwrap();
    let before = newest()["operation"].clone();
    let ran = desk.case("of-copy", &["--database", "copy.db"]);
    assert!(ran.code == 0 && ran.err.contains("reading it is not recorded"), "{}", ran.err);
    let after: i64 = newest()["operation"].as_str().unwrap().parse().unwrap();
    assert_eq!(after, before.as_str().unwrap().parse::<i64>().unwrap() + 1, "only the list was recorded");
    assert!(fs::read(desk.path("copy.db")).unwrap() == bytes, "the copy stays as it is");
    let rows = |case: &str| fs::read(desk.path(case).join("operations.jsonl")).unwrap();
    assert_eq!(rows("of-copy"), rows("case"));
}

#[tokio::test]
async fn what_is_typed_wrong_is_said_before_anything_is_read() {
    let desk = Desk::new().await;
    for (words, says) in [
        ("--room live-7 --since 2h --until 3h --out x", "lies before the start"),
        ("--room live-7 --since 2099-01-01 --out x", "is still to come"),
        ("--room live-7 --lang fr --out x", "`en` or `zh`"),
        ("--room live-7 --zone Mars --out x", "not a time zone"),
        ("--room tést --out x", "plain ASCII"),
        ("--room live-7", "--out"),
        ("--out x", "--room"),
    ] {
        let ran =
            run(&desk.folder, &["audit", "case"].into_iter().chain(words.split(' ')).collect::<Vec<_>>());
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{words}: {}", ran.err);
        assert!(ran.err.contains(says), "{words}: {}", ran.err);
    }
    assert!(!desk.path("x").exists());
    // A time in which nothing can have happened is no error.
    for words in ["case --room live-7 --out none", "history live-7"] {
        let times = ["--since", "2026-03-01T12:00:00Z", "--until", "2026-03-01T12:00:00Z"];
        let words = ["audit"].into_iter().chain(words.split(' ')).chain(times);
        let ran = run(&desk.folder, &words.collect::<Vec<_>>());
        assert_eq!(ran.code, 0, "{}", ran.err);
    }
    // Of a room that the log does not know, that is what the page says.
    let ran = run(&desk.folder, &["audit", "case", "--room", "nowhere", "--out", "nowhere"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let read = read(&page(&desk.path("nowhere")));
    assert!(read.contains("Nothing about this room was recorded in this time."), "{read}");
    if let Some(ran) = verified(&desk.path("nowhere"), Some(desk.key())) {
        assert_eq!(ran.code, 0, "{}", ran.out);
    }
}
