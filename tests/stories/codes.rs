//! Every code that Tencent documents, and how often the bot asks again.

use std::time::Duration;

use room_owner::tencent::codes::{CODES, Class};
use room_owner::tencent::simulator::{Api, Call, Fault, FaultKind};

use super::doors::{Door, assert_snapshot, at_every_door};
use super::slack::ALICE;
use super::world::{Stage, World, run};

const LINE: &str = "/room-owner test user2";

fn code(code: i64) -> FaultKind {
    FaultKind::Code { code, info: format!("as injected: {code}") }
}

/// Every change of an owner is answered with this code.
fn always(bot: &Stage, number: i64) {
    bot.tencent().inject(Fault::new(code(number)).on(Api::ChangeRoomOwner));
}

/// The calls that the last command made.
fn calls_since(bot: &Stage, before: usize) -> Vec<Call> {
    bot.changes().split_off(before)
}

at_every_door! {
    every_code_is_shown_with_what_it_means_and_what_to_quote,
    a_code_that_is_gone_at_the_next_try_is_not_even_mentioned,
    a_refusal_reads_like_this,
    an_account_that_nobody_imported_is_refused,
    a_code_on_the_first_look_ends_it_before_anything_is_sent,
    tencent_s_own_words_are_shown_as_words,
    the_rate_limit_is_never_exceeded,
}

async fn every_code_is_shown_with_what_it_means_and_what_to_quote(door: Door) {
    run(World::usual().at(door).most_calls(10), async |bot| {
        for entry in CODES {
            let before = bot.changes().len();
            let slept = bot.clock.slept().len();
            bot.tencent().clear_faults();
            always(bot, entry.number);
            let reply = bot.chat(ALICE).says(LINE).await;

            let calls = calls_since(bot, before);
            let last = calls.last().unwrap();
            if entry.class == Class::Unclear {
                assert!(reply.says("nobody can tell yet whether `test` belongs to `user2`"), "{reply}");
                bot.clock.pass(60);
                bot.clock.tell();
                let record = bot.until_entry(&reply, |record| record.outcome.name() == "refused").await;
                assert_eq!(
                    (record.error_code, record.request_id.as_ref()),
                    (Some(entry.number), Some(&last.request_id))
                );
                assert_eq!(record.error_info, Some(format!("as injected: {}", entry.number)));
                assert_eq!(calls.len(), 1, "{}", entry.number);
                continue;
            }
            let error = format!("Tencent's error {}: `as injected: {}`", entry.number, entry.number);
            assert!(reply.says(&error), "{reply}");
            assert!(reply.says(&format!("RequestId {}", last.request_id)), "{reply}");
            assert!(reply.says(entry.remedy), "{reply}");
            assert!(
                reply.says("The owner of `test` was not changed: it still belongs to `carol`."),
                "{reply}"
            );
            assert!(!reply.is_public());

            let record = bot.entry(&reply).await;
            assert_eq!(record.outcome.name(), "refused");
            assert_eq!(record.error_code, Some(entry.number));
            assert_eq!(record.error_info, Some(format!("as injected: {}", entry.number)));
            assert_eq!(record.request_id.as_ref(), Some(&last.request_id));
            assert_eq!(record.previous_owner.as_deref(), Some("carol"));

            let slept = bot.clock.slept().split_off(slept);
            match entry.class {
                Class::Final | Class::Unclear => assert_eq!(calls.len(), 1, "{}", entry.number),
                Class::SignAnew => assert_eq!(calls.len(), 2, "{}", entry.number),
                Class::TryAgain => {
                    assert_eq!(calls.len(), 3, "{}", entry.number);
                    assert!(slept[0] >= Duration::from_millis(200) && slept[1] > 2 * slept[0], "{slept:?}");
                }
                Class::SlowDown => {
                    assert!((5..=10).contains(&calls.len()), "{}: {}", entry.number, calls.len());
                    assert!(slept.iter().all(|pause| *pause >= Duration::from_secs(1)), "{slept:?}");
                    assert!(slept.iter().sum::<Duration>() <= Duration::from_secs(10), "{slept:?}");
                    let apart = calls.windows(2).map(|two| two[1].at.duration_since(two[0].at));
                    assert!(apart.min().unwrap().as_millis() >= 1_000);
                }
            }
        }
        assert_eq!(bot.owner_of("test"), "carol");
    })
    .await;
}

#[tokio::test]
async fn the_codes_that_may_be_repeated_are_these() {
    let of = |class| CODES.iter().filter(move |code| code.class == class).map(|code| code.number);
    assert_eq!(of(Class::TryAgain).collect::<Vec<_>>(), [60014, 100_001]);
    assert_eq!(of(Class::SlowDown).collect::<Vec<_>>(), [60007, 60011, 60018, 60019]);
    assert_eq!(of(Class::SignAnew).collect::<Vec<_>>(), [70001]);
}

async fn a_code_that_is_gone_at_the_next_try_is_not_even_mentioned(door: Door) {
    run(World::usual().at(door).most_calls(2), async |bot| {
        let passing = CODES.iter().filter(|code| !matches!(code.class, Class::Final | Class::Unclear));
        for (n, entry) in (1..).zip(passing) {
            let before = bot.changes().len();
            bot.next_change(code(entry.number));
            let reply = bot.chat(ALICE).says(&format!("/room-owner test next{n}")).await;
            assert!(reply.says(&format!("`test` now belongs to `next{n}`")), "{}: {reply}", entry.number);
            assert!(reply.says("confirmed") && !reply.says("error"), "{reply}");
            assert_eq!(calls_since(bot, before).len(), 2);
            let record = bot.entry(&reply).await;
            assert_eq!((record.outcome.name(), record.error_code), ("succeeded", None));
        }
    })
    .await;
}

async fn a_refusal_reads_like_this(door: Door) {
    run(World::usual().at(door), async |bot| {
        bot.tencent().ban("test", "user2");
        let reply = bot.chat(ALICE).says(LINE).await;
        assert_snapshot!(reply, @r"
        (only visible to you)
        ❌ The owner of `test` was not changed: it still belongs to `carol`.
        Tencent's error 100016: ``user2` is banned from the room: unban it first`
        The new owner is banned from this room: unban them first, or choose another owner.
        op 4 · RequestId Id-9dc6366a2003d418ace6b6c74e29980f-O-Seq-2
        ");
        bot.next_change(FaultKind::Code { code: 424_242, info: String::new() });
        let reply = bot.chat(ALICE).says("/room-owner test user3").await;
        assert_snapshot!(reply, @r"
        (only visible to you)
        ❌ The owner of `test` was not changed: it still belongs to `carol`.
        Tencent's error 424242: `no ErrorInfo`
        Tencent does not document this error. Nothing was sent again; quote the RequestId to Tencent's support.
        op 6 · RequestId Id-341a66fe9750f5ee9b016bb2a79386a2-O-Seq-4
        ");
    })
    .await;
}

async fn an_account_that_nobody_imported_is_refused(door: Door) {
    let world =
        World::usual().at(door).tencent(|tencent| tencent.imported = Some(["carol".to_owned()].into()));
    run(world, async |bot| {
        let reply = bot.chat(ALICE).says(LINE).await;
        assert!(reply.says("70107") && reply.says("check the spelling"), "{reply}");
    })
    .await;
}

async fn a_code_on_the_first_look_ends_it_before_anything_is_sent(door: Door) {
    run(World::usual().at(door), async |bot| {
        for number in [60010, 60026, 70009, 100_006] {
            bot.tencent().inject(Fault::new(code(number)).on(Api::GetRoomInfo).once());
            let reply = bot.chat(ALICE).says(LINE).await;
            assert!(reply.says(&format!("Tencent's error {number}")), "{reply}");
            assert!(reply.says("was not changed."), "{reply}");
            let record = bot.entry(&reply).await;
            assert_eq!((record.outcome.name(), record.error_code), ("refused", Some(number)));
        }
        assert!(bot.changes().is_empty());
    })
    .await;
}

async fn tencent_s_own_words_are_shown_as_words(door: Door) {
    run(World::usual().at(door), async |bot| {
        let info = "<!channel> *no* `code`\n\u{202e}@here https://evil.example".to_owned();
        bot.next_change(FaultKind::Code { code: 100_002, info });
        let reply = bot.chat(ALICE).says(LINE).await;
        assert!(reply.says("100002: `<!channel> *no* `code`"), "{reply}");
        assert!(!reply.says("\u{202e}"));
    })
    .await;
}

async fn the_rate_limit_is_never_exceeded(door: Door) {
    let mut world =
        World::usual().at(door).ticking().rate_limit(5).tencent(|tencent| tencent.rate_limit_per_second = 5);
    for n in 0..8 {
        world = world.room(&format!("live-{n}"), "carol");
    }
    run(world, async |bot| {
        let said: Vec<_> = (0..8)
            .map(|n| {
                let alice = bot.chat(ALICE);
                tokio::spawn(async move { alice.says(&format!("/room-owner live-{n} user2")).await })
            })
            .collect();
        let mut done = 0;
        for reply in said {
            let mut reply = reply.await.unwrap();
            if reply.says("Working on") {
                reply = bot.late(&reply).await;
            }
            // Who would wait too long reads that nothing was sent; nobody is ever refused by Tencent.
            assert!(reply.says("now belongs to") || reply.says("too many calls are waiting"), "{reply}");
            done += usize::from(reply.says("now belongs to"));
        }
        assert!(done >= 4, "{done}");
        assert!(bot.tencent().calls().iter().all(|call| call.code == Some(0)), "{:?}", bot.tencent().calls());
    })
    .await;
}
