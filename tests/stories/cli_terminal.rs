//! How a person at a terminal reads it, and how a program in a pipe does.

use insta::assert_snapshot;

use super::program::Program;

/// A log of six operations, by a person whose name is known as well.
async fn a_log() -> Program {
    let program = Program::new().await;
    for (words, code) in [
        ("acl grant slack:T0123456789:U0123456789 moderator --for 8h --in slack:T0123456789:C0123456789", 0),
        (
            "acl grant slack:T0123456789:U0123456788 moderator --deny --rooms live-* --reason the+night+shift",
            0,
        ),
        ("acl channel allow slack:T0123456789:C0123456789", 0),
        ("transfer test user2 --reason the+host+left+in+the+middle+of+the+show", 0),
        ("transfer gone user2", 4),
        ("transfer tést user2", 2),
    ] {
        let ran = program.runs(words).await;
        assert_eq!(ran.code, code, "{words}: {}", ran.err);
    }
    program
}

const TIMES: &[(&str, &str)] =
    &[(r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?", "[time]"), (r"cli:\S+", "cli:[user]")];

#[tokio::test]
async fn a_list_is_a_line_a_row_on_a_terminal_and_whole_in_a_pipe() {
    let mut program = a_log().await;
    program.set("NO_COLOR", "1");
    let Some(wide) = program.runs_on_a_terminal(200, 50, "audit list").await else { return };
    let piped = program.runs("audit list").await;
    assert_eq!(wide.out.lines().count(), 7, "a heading and a line a row: {}", wide.out);
    for (columns, list) in [
        (80, "audit list"),
        (80, "acl list"),
        (60, "acl channel list"),
        (80, "audit stats"),
        (40, "audit list"),
    ] {
        let ran = program.runs_on_a_terminal(columns, 50, list).await.unwrap();
        assert_eq!(ran.code, 0);
        for line in ran.out.lines().filter(|line| !line.contains("left out")) {
            assert!(line.chars().count() <= usize::from(columns), "{columns}: {line}");
        }
        let all =
            program.runs_on_a_terminal(columns, 50, &format!("{list} --wide --no-pager")).await.unwrap();
        let piped = program.runs(list).await.out;
        assert_eq!(all.out.lines().next(), piped.lines().next(), "{list}");
    }
    assert!(piped.out.contains("transfer test user2 --reason 'the host left in the middle of the show'"));
    let listed = program.runs_on_a_terminal(80, 50, "acl list").await.unwrap();
    insta::with_settings!({ filters => TIMES.to_vec() }, {
        assert_snapshot!(listed.out, @"
        Grant  Subject            Role              Rooms   Channels    Expires (UTC)
        1      slack:T…123456789  moderator         *       slac…56789  [time]
        2      slack:T…123456788  denied moderator  live-*
        left out at this width: Granted by, Granted (UTC), Reason; --wide shows all
        ");
    });
}

#[tokio::test]
async fn on_a_narrow_terminal_what_a_row_is_about_stays() {
    let mut program = a_log().await;
    program.set("NO_COLOR", "1");
    let mut all = String::new();
    for (columns, list) in [(60, "acl list"), (40, "acl list"), (60, "acl who-can test")] {
        let Some(ran) = program.runs_on_a_terminal(columns, 50, list).await else { return };
        all += &format!("# {columns}: {list}\n{}", ran.out);
    }
    let dates = [(r"\d{4}-\d\d-\d\d", "[date]")];
    insta::with_settings!({ filters => TIMES.iter().chain(&dates).copied() }, {
        assert_snapshot!(all, @"
        # 60: acl list
        Grant  Subject                  Role              Expires
        1      slack:T01…9:U0123456789  moderator         [date]
        2      slack:T01…9:U0123456788  denied moderator
        left out at this width: Rooms, Channels, Granted by, Granted (UTC), Reason; --wide shows all
        # 40: acl list
        Grant          1
        Subject        slack:T0123456789:U0123456789
        Role           moderator
        Rooms          *
        Channels       slack:T0123456789:C0123456789
        Expires (UTC)  [time]
        Granted by     cli:[user]
        Granted (UTC)  [time]

        Grant          2
        Subject        slack:T0123456789:U0123456788
        Role           denied moderator
        Rooms          live-*
        Granted by     cli:[user]
        Granted (UTC)  [time]
        Reason         the night shift
        # 60: acl who-can test
        a deny entry for a group may still take it from one of its members
        Subject                 Grant  Until (UTC)       Channels
        slack:T01…:U0123456789  1      [time]  slac…456789
        ");
    });
    for columns in [60, 46, 30] {
        let ran = program.runs_on_a_terminal(columns, 50, "audit list --no-pager").await.unwrap();
        for part in ["transfer gone us", "refused", "invalid", "succeeded"] {
            assert!(ran.out.contains(part), "{columns}: {}", ran.out);
        }
    }
}

#[tokio::test]
async fn people_are_shown_by_the_name_that_was_last_seen_and_their_id() {
    let mut program = a_log().await;
    program.set("SUDO_USER", "ana");
    assert_eq!(program.runs("acl channel list").await.code, 0);
    for words in ["audit list --limit 1", "audit stats --by actor", "acl list", "acl channel list"] {
        let ran = program.runs(words).await;
        assert!(ran.out.contains("ana (cli:"), "{words}: {}", ran.out);
        let json = program.runs(&format!("{words} --format json")).await;
        assert!(!json.out.contains("ana (cli:"), "{words}: {}", json.out);
    }
}

#[tokio::test]
async fn an_applied_file_is_told_to_programs_too() {
    let program = a_log().await;
    let exported = program.runs("acl export").await.out;
    let fewer = exported.replace("[[channel]]\nchannel = \"slack:T0123456789:C0123456789\"\n", "");
    std::fs::write(program.path("acl.toml"), fewer).unwrap();
    let planned = program.runs("acl plan acl.toml --format json").await.json();
    let applied = program.runs("acl apply acl.toml --force --format json").await;
    assert_eq!((applied.code, applied.json()), (0, planned), "{}", applied.err);
    assert!(applied.err.starts_with("1 change"), "{}", applied.err);
}

#[tokio::test]
async fn colours_are_for_a_terminal_unless_somebody_says_otherwise() {
    let mut program = a_log().await;
    let Some(coloured) = program.runs_on_a_terminal(100, 50, "audit list").await else { return };
    for part in ["\u{1b}[32msucceeded\u{1b}[0m", "\u{1b}[31mrefused\u{1b}[0m", "\u{1b}[31minvalid\u{1b}[0m"] {
        assert!(coloured.out.contains(part), "{}", coloured.out);
    }
    assert!(!program.runs("audit list").await.out.contains('\u{1b}'));
    for (variable, value) in [("NO_COLOR", "1"), ("TERM", "dumb"), ("CLICOLOR", "0")] {
        program.set(variable, value);
        let plain = program.runs_on_a_terminal(100, 50, "audit list").await.unwrap();
        assert!(!plain.out.contains('\u{1b}'), "{variable}: {}", plain.out);
        program.set(variable, "");
    }
    program.set("CLICOLOR_FORCE", "1");
    assert!(program.runs("audit list").await.out.contains("\u{1b}[32msucceeded"));
    for format in ["json", "jsonl", "csv"] {
        let ran = program.runs(&format!("audit list --format {format}")).await;
        assert!(!ran.out.contains('\u{1b}'), "{format}");
    }
}

#[tokio::test]
async fn what_does_not_fit_goes_through_a_pager_that_works() {
    let mut program = a_log().await;
    program.set("NO_COLOR", "1");
    program.set("PAGER", "sed 's/^/paged: /'");
    let Some(paged) = program.runs_on_a_terminal(100, 6, "audit list").await else { return };
    assert_eq!(paged.out.matches("paged: ").count(), 7, "{}", paged.out);
    for (lines, words) in [(6, "audit list --no-pager"), (50, "audit list"), (6, "audit list --limit 2")] {
        let ran = program.runs_on_a_terminal(100, lines, words).await.unwrap();
        assert!(
            !ran.out.contains("paged: ") && ran.out.contains("transfer gone user2"),
            "{words}: {}",
            ran.out
        );
    }
    assert!(!program.runs("audit list").await.out.contains("paged: "), "nor in a pipe");
    for broken in ["no-such-pager", "exit 3", "kill -9 $$"] {
        program.set("PAGER", broken);
        let ran = program.runs_on_a_terminal(100, 6, "audit list").await.unwrap();
        assert_eq!(
            (ran.code, ran.out.matches("transfer gone user2").count()),
            (0, 1),
            "{broken}: {}",
            ran.out
        );
    }
    program.set("PAGER", "head -n 1");
    let early = program.runs_on_a_terminal(100, 6, "audit list --limit 0 --readings").await.unwrap();
    assert_eq!(early.code, 0, "{}", early.out);
}

#[tokio::test]
async fn shells_and_man_know_the_commands() {
    let program = Program::new().await;
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ran = program.runs(&format!("completions {shell}")).await;
        assert_eq!((ran.code, ran.err.as_str()), (0, ""));
        assert!(["who-can", "owner-at", "cursor-file"].iter().all(|word| ran.out.contains(word)), "{shell}");
    }
    assert_eq!(program.runs("completions tcsh").await.code, 2);
    let settings = program.runs("settings").await;
    assert_eq!((settings.code, settings.out), (0, include_str!("../../.env.example").to_owned()));
    let help = program.runs("--help").await.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        help.contains("`room-owner settings` shows all of them") && !help.contains(".env.example"),
        "{help}"
    );
    let page = program.runs("man").await;
    assert!(page.out.contains("room\\-owner") && page.out.contains("Exit codes"), "{}", page.out);
    let written = program.runs("man --out pages").await;
    assert_eq!((written.code, written.out.as_str()), (0, ""), "{}", written.err);
    for name in ["room-owner", "room-owner-acl-grant", "room-owner-audit-owner-at"] {
        let page = std::fs::read_to_string(program.path(&format!("pages/{name}.1"))).unwrap();
        assert!(page.contains(".SH SYNOPSIS"), "{page}");
    }
    std::fs::write(program.path("file"), "").unwrap();
    let wrong = program.runs("man --out file").await;
    assert_eq!(wrong.code, 1);
    assert!(wrong.err.contains("the pages cannot be written into `file`"), "{}", wrong.err);
}
