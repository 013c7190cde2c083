//! Roles of Slack's user groups: the bot knows who is in them, and asks Slack behind everybody's back.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use axum::{Json, Router};
use insta::assert_snapshot;
use jiff::Timestamp;
use room_owner::app::ports::{AclChange, Clock as _, NewGrant};
use room_owner::domain::access::Effect;
use room_owner::domain::principal::Principal;
use room_owner::slack::{Lookup, RefreshIntervals};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use super::clock::StoryClock;
use super::fakes::acl::edit_locally;
use super::program::Program;
use super::slack::{ADAM, ALICE, BORIS, MODS, TEAM};
use super::world::{Stage, World, run, secret};

const HOSTS: &str = "S0HOSTS";

/// How Slack answers a question about a group's members.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Answer {
    No(&'static str),
    NotBefore(u64),
    Status(u16),
}

/// Slack's Web API, as far as the bot asks it.
#[derive(Clone)]
pub(crate) struct WebApi(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    token: SecretString,
    pub(crate) clock: Mutex<Option<StoryClock>>,
    groups: Mutex<BTreeMap<String, Vec<String>>>,
    next: Mutex<VecDeque<Answer>>,
    /// Groups about which it always answers so.
    failing: Mutex<BTreeMap<String, Answer>>,
    /// Every question, with the time at which it came.
    asked: Mutex<Vec<(String, Timestamp)>>,
    /// As many answers as there are permits: none while Slack hangs.
    pub(crate) goes: Semaphore,
}

impl WebApi {
    /// Serves these groups; the settings with which the bot looks them up.
    pub(crate) async fn with(groups: &[(&str, &[&str])]) -> (Self, Lookup) {
        let token = secret("xoxb");
        let of = |(group, users): &(&str, &[&str])| {
            ((*group).to_owned(), users.iter().map(|user| (*user).to_owned()).collect())
        };
        let api = Self(Arc::new(Inner {
            token: token.clone(),
            clock: Mutex::default(),
            groups: Mutex::new(groups.iter().map(of).collect()),
            next: Mutex::default(),
            failing: Mutex::default(),
            asked: Mutex::default(),
            goes: Semaphore::new(Semaphore::MAX_PERMITS),
        }));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = format!("http://{}/api/", listener.local_addr().unwrap()).parse().unwrap();
        let router = Router::new().route("/api/{method}", post(answer)).with_state(api.clone());
        tokio::spawn(axum::serve(listener, router).into_future());
        let intervals = RefreshIntervals { look: Duration::from_millis(5), read: Duration::from_secs(120) };
        (api, Lookup { token, base_url, intervals })
    }

    /// From now on, or, without an answer, no more.
    pub(crate) fn always(&self, group: &str, answer: impl Into<Option<Answer>>) {
        let mut failing = self.0.failing.lock().unwrap();
        match answer.into() {
            Some(answer) => drop(failing.insert(group.to_owned(), answer)),
            None => drop(failing.remove(group)),
        }
    }

    pub(crate) fn has(&self, group: &str, users: &[&str]) {
        let users = users.iter().map(|user| (*user).to_owned()).collect();
        self.0.groups.lock().unwrap().insert(group.to_owned(), users);
    }

    fn answers(&self, next: Answer) {
        self.0.next.lock().unwrap().push_back(next);
    }

    /// When the bot asked for a group, and how often.
    pub(crate) fn asked_for(&self, what: &str) -> Vec<Timestamp> {
        let asked = self.0.asked.lock().unwrap();
        asked.iter().filter(|(asked, _)| asked == what).map(|(_, at)| *at).collect()
    }
}

async fn answer(
    State(api): State<WebApi>,
    Path(method): Path<String>,
    headers: HeaderMap,
    body: String,
) -> Response {
    let field = |name: &str| {
        form_urlencoded::parse(body.as_bytes())
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    };
    let group = field("usergroup");
    let at = api.0.clock.lock().unwrap().as_ref().map_or(Timestamp::MIN, |clock| clock.now());
    api.0.asked.lock().unwrap().push((group.clone().unwrap_or_else(|| method.clone()), at));
    api.0.goes.acquire().await.unwrap().forget();
    let no = |error: &str| Json(json!({"ok": false, "error": error})).into_response();
    if headers["authorization"] != format!("Bearer {}", api.0.token.expose_secret()) {
        return no("invalid_auth");
    }
    match (method.as_str(), group) {
        ("auth.test", None) => Json(json!({"ok": true, "team_id": TEAM, "user_id": "U0BOT"})).into_response(),
        ("usergroups.users.list", Some(group)) => {
            let always = api.0.failing.lock().unwrap().get(&group).copied();
            let members = match always.or_else(|| api.0.next.lock().unwrap().pop_front()) {
                Some(Answer::No(error)) => return no(error),
                Some(Answer::NotBefore(seconds)) => {
                    let after = [("retry-after", seconds.to_string())];
                    return (StatusCode::TOO_MANY_REQUESTS, after, "{\"ok\":false}").into_response();
                }
                Some(Answer::Status(status)) => return StatusCode::from_u16(status).unwrap().into_response(),
                None => api.0.groups.lock().unwrap().get(&group).cloned(),
            };
            let Some(mut members) = members else { return no("no_such_subteam") };
            // Two pages, should Slack ever begin with that.
            let second = members.split_off(members.len().min(1));
            let page: Value = match field("cursor") {
                None if !second.is_empty() => {
                    json!({"ok": true, "users": members, "response_metadata": {"next_cursor": "more"}})
                }
                None => json!({"ok": true, "users": members}),
                Some(_) => json!({"ok": true, "users": second}),
            };
            Json(page).into_response()
        }
        _ => no("unknown_method"),
    }
}

pub(crate) fn group(name: &str) -> String {
    format!("slack:{TEAM}:group:{name}")
}

pub(crate) fn grant(subject: &str) -> NewGrant {
    NewGrant {
        subject: subject.parse().unwrap(),
        role: "moderator".parse().unwrap(),
        effect: Effect::Permit,
        rooms: "*".parse().unwrap(),
        channels: Vec::new(),
        expires_at: None,
    }
}

/// Carol owns `test`; the hosts are moderators; nobody else may do anything.
fn world(lookup: Option<Lookup>) -> World {
    let world = World::empty().room("test", "carol").channel(MODS, "*").ticking();
    let world = world.grant_but(ALICE, "moderator", "*", |new| *new = grant(&group(HOSTS)));
    world.looking_up_groups(lookup)
}

async fn with(api: &WebApi, lookup: Lookup, story: impl AsyncFnOnce(&mut Stage)) {
    run(world(Some(lookup)), async |stage| {
        *api.0.clock.lock().unwrap() = Some(stage.clock.clone());
        story(stage).await;
    })
    .await;
}

/// What `/readyz` says, once it says what it should.
pub(crate) async fn until_ready(stage: &Stage, says: impl Fn(&str) -> bool) -> String {
    let asking = async {
        loop {
            let (status, text) = stage.gets("/readyz").await;
            assert_eq!(status, 200, "groups never make the bot unready: {text}");
            if says(&text) {
                return text;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), asking).await.expect("it never came to that")
}

/// The age in seconds that `/readyz` tells.
fn age(text: &str) -> Option<u64> {
    text.split(" s old").next()?.rsplit(' ').next()?.parse().ok()
}

#[tokio::test]
async fn a_member_of_a_group_with_a_role_may_and_another_may_not() {
    let (api, lookup) = WebApi::with(&[(HOSTS, &[BORIS.id, ALICE.id])]).await;
    with(&api, lookup, async |stage| {
        until_ready(stage, |text| text.contains("1 of 1 known")).await;
        let reply = stage.slack(ALICE).says("/room-owner test user2").await;
        assert!(reply.says("`test` now belongs to `user2`"), "{reply}");
        assert_eq!(stage.entry(&reply).await.authority.as_deref(), Some("grant 1"));
        api.has(HOSTS, &[BORIS.id]);
        let reply = stage.slack(super::slack::OTTO).says("/room-owner test user3").await;
        assert!(reply.says("you have no role"), "{reply}");
        let metrics = stage.gets("/metrics").await.1;
        assert!(metrics.contains("room_owner_groups{platform=\"slack\",state=\"known\"} 1"), "{metrics}");
        assert!(metrics.contains("room_owner_groups_age_seconds{platform=\"slack\"}"), "{metrics}");
    })
    .await;
}

#[tokio::test]
async fn whoever_grants_to_a_group_reads_whether_slack_knows_it() {
    let (api, lookup) = WebApi::with(&[(HOSTS, &[ALICE.id]), ("S0EMPTY", &[])]).await;
    let world = world(Some(lookup)).grant(ADAM, "admin", "*");
    run(world, async |stage| {
        until_ready(stage, |text| text.contains("1 of 1 known")).await;
        let grants = async |group: &str, role: &str| {
            let line = format!("/room-acl grant slack:{TEAM}:group:{group} {role}");
            stage.slack(ADAM).says(&line).await.to_string()
        };
        for (group, role) in [(HOSTS, "auditor"), ("S0EMPTY", "moderator")] {
            let reply = grants(group, role).await;
            assert!(reply.contains("✅") && !reply.contains("whether"), "{reply}");
        }
        assert_snapshot!(grants("S0NOBODY", "moderator").await, @"
        (only visible to you)
        ⚠️ slack:T0TEAM:group:S0NOBODY is now moderator for every room, but this has no effect.
        Slack knows no group slack:T0TEAM:group:S0NOBODY, so this names nobody: check the id.
        Grant 5.
        op 6
        ");
        api.always("S0STALLED", Answer::Status(503));
        assert_snapshot!(grants("S0STALLED", "moderator").await, @"
        (only visible to you)
        ✅ slack:T0TEAM:group:S0STALLED is now moderator for every room.
        Its members can now hand rooms over and see who owns them.
        Whether Slack knows slack:T0TEAM:group:S0STALLED could not be checked: `/readyz` says it in a minute.
        Grant 6.
        op 7
        ");
    })
    .await;
}

#[tokio::test]
async fn whoever_is_taken_out_of_the_group_may_no_more_after_the_next_reading() {
    let (api, lookup) = WebApi::with(&[(HOSTS, &[ALICE.id])]).await;
    with(&api, lookup, async |stage| {
        until_ready(stage, |text| text.contains("1 of 1 known")).await;
        let before = stage.slack(ALICE).says("/room-owner test user2").await;
        assert!(before.says("now belongs to"), "{before}");
        api.has(HOSTS, &[BORIS.id]);
        stage.clock.pass(150);
        until_ready(stage, |text| age(text).is_some_and(|age| age < 100)).await;
        let after = stage.slack(ALICE).says("/room-owner test user3").await;
        assert!(after.says("you have no role"), "{after}");
        let reply = stage.slack(BORIS).says("/room-owner test user3").await;
        assert!(reply.says("now belongs to"), "{reply}");
    })
    .await;
}

#[tokio::test]
async fn a_membership_counts_for_ten_minutes_without_slack_and_no_longer() {
    let (api, lookup) = WebApi::with(&[(HOSTS, &[ALICE.id])]).await;
    with(&api, lookup, async |stage| {
        until_ready(stage, |text| text.contains("1 of 1 known")).await;
        for _ in 0..100 {
            api.answers(Answer::Status(503));
        }
        stage.clock.pass(570);
        let reply = stage.slack(ALICE).says("/room-owner test user2").await;
        assert!(reply.says("now belongs to"), "{reply}");
        stage.clock.pass(60);
        let reply = stage.slack(ALICE).says("/room-owner test user3").await;
        assert!(reply.says("you have no role"), "{reply}");
        let text = until_ready(stage, |text| text.contains("0 of 1 known")).await;
        assert!(
            text.contains(
                "HTTP status 503: check the network of this machine, and SLACK_API_BASE_URL if it is set"
            ),
            "{text}"
        );
        assert_eq!(stage.owner_of("test"), "user2");
    })
    .await;
}

#[tokio::test]
async fn without_a_token_a_group_lets_nobody_in() {
    run(world(None), async |stage| {
        let reply = stage.slack(ALICE).says("/room-owner test user2").await;
        assert!(reply.says("you have no role"), "{reply}");
        assert_snapshot!(stage.gets("/readyz").await.1, @r"
        ready
        store: ready
        slack: ready
        ");
        assert_eq!(stage.owner_of("test"), "carol");
    })
    .await;
}

#[tokio::test]
async fn a_token_without_the_scope_lets_nobody_in_and_says_what_to_do() {
    let (api, lookup) = WebApi::with(&[(HOSTS, &[ALICE.id])]).await;
    api.answers(Answer::No("missing_scope"));
    with(&api, lookup, async |stage| {
        let text = until_ready(stage, |text| text.contains("missing_scope")).await;
        assert_snapshot!(text, @r"
        ready
        store: ready
        slack: ready
        slack's user groups: 0 of 1 known (missing_scope: add the scope `usergroups:read` to the app's bot token (OAuth & Permissions) and install the app anew)
        ");
        let reply = stage.slack(ALICE).says("/room-owner test user2").await;
        assert!(reply.says("you have no role"), "{reply}");
        stage.clock.pass(31);
        until_ready(stage, |text| text.contains("1 of 1 known") && !text.contains("scope")).await;
        let reply = stage.slack(ALICE).says("/room-owner test user2").await;
        assert!(reply.says("now belongs to"), "{reply}");
    })
    .await;
}

#[tokio::test]
async fn slack_is_left_alone_for_as_long_as_it_asks() {
    let (api, lookup) = WebApi::with(&[(HOSTS, &[ALICE.id])]).await;
    api.answers(Answer::NotBefore(90));
    with(&api, lookup, async |stage| {
        until_ready(stage, |text| text.contains("ratelimited: slack asks for a pause")).await;
        stage.clock.pass(45);
        let reply = stage.slack(ALICE).says("/room-owner test user2").await;
        assert!(reply.says("you have no role"), "{reply}");
        stage.clock.pass(46);
        until_ready(stage, |text| text.contains("1 of 1 known")).await;
        let asked = api.asked_for(HOSTS);
        let gap = asked[1].duration_since(asked[0]);
        assert!(gap.as_secs() >= 90, "asked again after {gap}");
        assert_eq!(api.asked_for("auth.test").len(), 1, "the workspace of a token stays the same");
    })
    .await;
}

#[tokio::test]
async fn nobody_waits_for_a_slack_that_hangs() {
    let (api, lookup) = WebApi::with(&[(HOSTS, &[ALICE.id])]).await;
    api.0.goes.forget_permits(Semaphore::MAX_PERMITS);
    with(&api, lookup, async |stage| {
        let reply = stage.slack(ALICE).says("/room-owner test user2").await;
        assert!(reply.says("you have no role"), "{reply}");
        api.0.goes.add_permits(1_000);
        until_ready(stage, |text| text.contains("1 of 1 known")).await;
        let reply = stage.slack(ALICE).says("/room-owner test user2").await;
        assert!(reply.says("now belongs to"), "{reply}");
    })
    .await;
}

#[tokio::test]
async fn a_group_that_gets_a_role_is_looked_up_at_once() {
    let (api, lookup) = WebApi::with(&[(HOSTS, &[ALICE.id]), ("S0NIGHT", &[BORIS.id])]).await;
    with(&api, lookup, async |stage| {
        until_ready(stage, |text| text.contains("1 of 1 known")).await;
        assert!(api.asked_for("S0NIGHT").is_empty(), "nobody asks about groups that have no role");
        let by = Principal::new("cli:ana".parse().unwrap());
        let change = AclChange::Grant(grant(&group("S0NIGHT")));
        edit_locally(&*stage.store, &stage.clock, by, "acl grant".to_owned(), change, None).await.unwrap();
        stage.other_operations += 1;
        until_ready(stage, |text| text.contains("2 of 2 known")).await;
        let reply = stage.slack(BORIS).says("/room-owner test user2").await;
        assert!(reply.says("now belongs to"), "{reply}");
        assert_eq!(api.asked_for(HOSTS).len(), 1, "the other was not due");
    })
    .await;
}

#[tokio::test]
async fn a_deny_entry_for_a_group_beats_the_role_of_a_member() {
    let (api, lookup) = WebApi::with(&[(HOSTS, &[ALICE.id])]).await;
    let world = World::usual().ticking().looking_up_groups(Some(lookup));
    let world = world.grant_but(ALICE, "moderator", "*", |new| {
        *new = NewGrant { effect: Effect::Deny, ..grant(&group(HOSTS)) };
    });
    run(world, async |stage| {
        *api.0.clock.lock().unwrap() = Some(stage.clock.clone());
        until_ready(stage, |text| text.contains("1 of 1 known")).await;
        let reply = stage.slack(ALICE).says("/room-owner test user2").await;
        assert!(reply.says("deny entry"), "{reply}");
        assert_eq!(stage.entry(&reply).await.authority.as_deref(), Some("denied by grant 3"));
    })
    .await;
}

#[tokio::test]
async fn an_admin_who_asks_why_reads_what_a_persons_groups_give() {
    let (api, lookup) = WebApi::with(&[(HOSTS, &[ALICE.id])]).await;
    let world = world(Some(lookup)).grant(ADAM, "admin", "*");
    run(world, async |stage| {
        *api.0.clock.lock().unwrap() = Some(stage.clock.clone());
        until_ready(stage, |text| text.contains("1 of 1 known")).await;
        let reply = stage.slack(ADAM).sends(&format!("/room-acl why <@{}> test", ALICE.id)).await;
        assert_snapshot!(reply, @r"
        (only visible to you)
        ✅ Yes: @alice may hand `test` over in #mods, by grant 1.
        Grant 1: moderator for every room: permits it.
        Counted as a member of slack:T0TEAM:group:S0HOSTS.
        op 4
        ");
    })
    .await;
}

#[tokio::test]
async fn a_group_of_another_workspace_or_one_that_is_gone_has_no_members() {
    let (api, lookup) = WebApi::with(&[(HOSTS, &[ALICE.id])]).await;
    let world = World::empty().room("test", "carol").channel(MODS, "*").ticking();
    let world = world
        .grant_but(ALICE, "moderator", "*", |new| *new = grant("slack:T0OTHER:group:S0HOSTS"))
        .grant_but(ALICE, "moderator", "*", |new| *new = grant(&group("S0GONE")))
        .looking_up_groups(Some(lookup));
    run(world, async |stage| {
        *api.0.clock.lock().unwrap() = Some(stage.clock.clone());
        until_ready(stage, |text| text.contains("1 of 2 known")).await;
        let reply = stage.slack(ALICE).says("/room-owner test user2").await;
        assert!(reply.says("you have no role"), "{reply}");
        assert!(api.asked_for(HOSTS).is_empty(), "Slack would answer for its own workspace");
    })
    .await;
}

#[tokio::test]
async fn the_command_line_says_when_the_roles_of_groups_count_for_nobody() {
    let mut program = Program::new().await;
    let ran = program.runs(&format!("acl grant {} moderator", group(HOSTS))).await;
    assert!(
        ran.err.contains("SLACK_BOT_TOKEN is not set, so user groups of Slack are not looked up"),
        "{}",
        ran.err
    );
    let ran = program.runs("acl list").await;
    assert_snapshot!(ran.err, @"note: SLACK_BOT_TOKEN is not set, so grants to user groups match nobody: slack:T0TEAM:group:S0HOSTS");
    program.set("SLACK_BOT_TOKEN", "xoxb-any");
    assert_eq!(program.runs("acl list").await.err, "");
}
