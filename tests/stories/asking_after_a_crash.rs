//! The process dies between a request for access, its answer, and the news of it: the next one says them, once. The
//! command line answers too.

use insta::assert_snapshot;
use secrecy::ExposeSecret as _;

use super::announced_after_a_crash::is_settled;
use super::pending_replies::read;
use super::program::{Program, Ran, Serving};
use super::slack::{ADAM, BORIS, MODS, RANDOM, Reply, TEAM};
use super::world::secret;
use crate::fakes::slack::{SlackApi, Taken};

/// The program serves Boris, who has no role, in #mods; Adam is an admin, who reads #random.
async fn serving() -> (Program, SlackApi, Serving) {
    let mut program = Program::new().await;
    let token = secret("xoxb");
    let slack = SlackApi::start(token.expose_secret()).await;
    program.set("SLACK_BOT_TOKEN", token.expose_secret());
    program.set("SLACK_API_BASE_URL", slack.base());
    for words in [
        format!("acl grant {} admin", ADAM.subject()),
        format!("acl channel allow slack:{TEAM}:{MODS}"),
        format!("acl announce here slack:{TEAM}:{RANDOM} --admin"),
    ] {
        went_well(&program.runs(&words).await);
    }
    let serving = program.serves().await;
    (program, slack, serving)
}

fn went_well(ran: &Ran) {
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
}

async fn asks(program: &Program) -> Reply {
    let asked = program.slack(BORIS).says("/room-owner ask test reason: host crashed").await;
    assert!(asked.says("Asked for access"), "{asked}");
    asked
}

/// What people read on stderr, without the times, which are the machine's own.
fn words(ran: &Ran) -> String {
    let is_time = |word: &str| word.starts_with(|c: char| c.is_ascii_digit()) && word.contains(['-', ':']);
    let line = |line: &str| {
        line.split(' ').map(|word| if is_time(word) { "…" } else { word }).collect::<Vec<_>>().join(" ")
    };
    ran.err.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn the_command_line_answers_while_nobody_serves_and_the_next_process_says_so() {
    let (program, slack, serving) = serving().await;
    let asked = asks(&program).await;
    slack.has_posted(1).await;
    is_settled(&program).await;
    serving.ends_when_asked().await;
    let listed = program.runs("acl list --attention").await;
    went_well(&listed);
    assert_snapshot!(words(&listed), @"
    op 4 · `slack:T0TEAM:U0BORIS` asks for `test` in `slack:T0TEAM:C0MODS` · … … UTC · `host crashed` · `room-owner acl answer 4 8h`
    no grant ends within 24 hours, and none was unused for 90 days: without --attention, all are shown
    ");
    let answered = program.runs(&format!("acl answer {} 1h --format json", asked.operation())).await;
    went_well(&answered);
    assert_snapshot!(words(&answered), @"
    ✅ `boris (slack:T0TEAM:U0BORIS)` may now hand `test` over, only in `slack:T0TEAM:C0MODS`, until … … UTC (grant 2).
       They get a message that says so.
       op 7
    ");
    let grant = answered.json();
    assert_eq!((&grant["role"], &grant["rooms"]), (&"moderator".into(), &"test".into()));
    assert_eq!(grant["channels"], serde_json::json!([format!("slack:{TEAM}:{MODS}")]));
    assert_eq!(grant["reason"], format!("asked for in op {}: host crashed", asked.operation()));
    let again = program.runs(&format!("acl answer {} no", asked.operation())).await;
    assert_ne!(again.code, 0);
    assert!(again.err.contains("was answered before"), "{}", again.err);
    for (line, why) in [("acl answer 1 8h", "op 1 asks for no access"), ("acl answer 5 ever", "or write no")]
    {
        let ran = program.runs(line).await;
        assert!(ran.code != 0 && ran.err.contains(why), "{}", ran.err);
    }
    let serving = program.serves().await;
    let posted = slack.has_posted(3).await;
    let of = |method: &str| read(posted[1..].iter().find(|it| it.method == method).unwrap());
    assert!(of("chat.postMessage").says("You may hand `test` over in #mods until "));
    assert!(of("chat.update").says("Given until "));
    let handed = program.slack(BORIS).says("/room-owner test user2").await;
    assert!(handed.says("`test` now belongs to `user2`"), "{handed}");
    serving.ends_when_asked().await;
    let verified = program.runs("audit verify").await;
    went_well(&verified);
}

#[tokio::test]
async fn who_dies_while_slack_is_silent_is_followed_by_one_that_shows_the_request() {
    let (program, slack, serving) = serving().await;
    slack.takes(&[Taken::AndSilence]);
    let asked = asks(&program).await;
    slack.has_posted(1).await;
    serving.dies();
    let serving = program.serves().await;
    let posted = slack.has_posted(2).await;
    let shown = read(&posted[1]);
    assert!(shown.says("Perhaps posted before: `boris` asks for access to `test`"), "{shown}");
    // The buttons are those of the request, whoever shows them.
    assert_eq!(shown.labels(), read(&posted[0]).labels());
    let name = shown.button("No");
    let press = program.slack(ADAM).in_channel(RANDOM).presses(&shown, &name).await;
    let said = slack.has_posted(4).await;
    assert!(read(said.iter().find(|it| it.channel == BORIS.id).unwrap()).says("You did not get access"));
    drop((press, asked));
    is_settled(&program).await;
    serving.dies();
    let serving = program.serves().await;
    serving.ends_when_asked().await;
    assert_eq!(slack.posted().len(), 4, "nothing is said twice");
}
