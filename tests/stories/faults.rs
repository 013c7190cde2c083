//! Tencent at its worst: cut connections, nonsense, silence, and answers that come too late.

use room_owner::tencent::simulator::{Api, Fault, FaultKind, When};

use super::doors::{Door, assert_snapshot, at_every_door};
use super::slack::{ALICE, BORIS, Reply};
use super::world::{Stage, World, run};

const LINE: &str = "/room-owner test user2";

/// Alice hands `test` over while Tencent has this fault. There has to be one call, whatever it came to.
async fn hands_over(bot: &Stage, kind: FaultKind) -> Reply {
    bot.next_change(kind);
    let reply = bot.chat(ALICE).says(LINE).await;
    assert_eq!(bot.changes().len(), 1, "never sent again by itself");
    reply
}

async fn outcome(bot: &Stage, reply: &Reply) -> &'static str {
    bot.entry(reply).await.outcome.name()
}

at_every_door! {
    a_gateway_error_before_the_change_is_a_no_after_a_minute,
    a_gateway_error_after_the_change_is_a_yes_after_a_look,
    a_cut_connection_says_nothing_so_the_owner_is_read_back,
    an_answer_that_makes_no_sense_says_nothing_either,
    a_contradiction_is_a_failure,
    an_answer_may_come_in_any_order_and_owners_as_numbers,
    an_owner_who_is_not_seen_yet_is_accepted_and_not_confirmed,
    an_owner_who_is_seen_at_the_second_look_is_confirmed,
    a_change_that_comes_true_late_is_seen_all_the_same,
    a_change_that_comes_true_when_nobody_waits_any_more_is_found_and_reported,
    without_tencent_nothing_is_sent_and_the_person_is_answered,
    an_outcome_that_nobody_knows_is_said_to_be_unknown_and_found_out_later,
    a_third_owner_after_a_lost_answer_is_somebody_s_to_look_at,
    who_waits_for_a_held_room_is_on_record_before_anything_is_said,
}

/// For a minute nobody says that it did not happen, however often the owner is read; then it is over.
async fn is_over_after_a_minute(bot: &Stage, reply: &Reply) {
    for _ in 0..3 {
        let looks = bot.tencent().calls().len();
        bot.clock.tell();
        bot.tencent().until(|tencent| tencent.calls().len() > looks).await;
        bot.clock.pass(15);
        assert_eq!(outcome(bot, reply).await, "unknown");
    }
    bot.clock.pass(15);
    bot.clock.tell();
    let entry = bot.until_entry(reply, |entry| entry.outcome.name() != "unknown").await;
    assert_eq!((entry.outcome.name(), entry.previous_owner.as_deref()), ("refused", Some("carol")));
    assert_eq!(bot.changes().len(), 1, "it is never sent again");
}

async fn a_gateway_error_before_the_change_is_a_no_after_a_minute(door: Door) {
    run(World::usual().at(door), async |bot| {
        let body = "<html>502 Bad Gateway</html>".to_owned();
        let reply = hands_over(bot, FaultKind::Http { status: 502, body, when: When::Before }).await;
        assert_snapshot!(reply, @r"
        ⚠️ Unknown: nobody can tell yet whether `test` belongs to `user2`.
        Tencent's answer was lost (`HTTP status 502`), and the change may still come true. Do not send it again.
        The bot keeps looking and records what it finds. Look with `/room-owner test` before you do anything else.
        op 4 · by alice · log …
        ");
        is_over_after_a_minute(bot, &reply).await;
        assert_eq!(bot.entry(&reply).await.error_info.as_deref(), Some("HTTP status 502"));
    })
    .await;
}

async fn a_gateway_error_after_the_change_is_a_yes_after_a_look(door: Door) {
    run(World::usual().at(door), async |bot| {
        let reply =
            hands_over(bot, FaultKind::Http { status: 502, body: String::new(), when: When::After }).await;
        assert_snapshot!(reply, @"
        ✅ `test` now belongs to `user2` (was `carol`) · confirmed
        Tencent's answer was lost on the way; the new owner was read back.
        op 4 · by alice · log … · undo: /room-owner test carol
        ");
        let entry = bot.entry(&reply).await;
        assert_eq!((entry.outcome.name(), entry.request_id), ("succeeded", None));
        assert_eq!(entry.error_info.as_deref(), Some("HTTP status 502"));
    })
    .await;
}

async fn a_cut_connection_says_nothing_so_the_owner_is_read_back(door: Door) {
    for (kind, happened) in [(FaultKind::ResetBefore, false), (FaultKind::ResetAfter, true)] {
        run(World::usual().at(door), async |bot| {
            let reply = hands_over(bot, kind).await;
            assert_eq!(outcome(bot, &reply).await, if happened { "succeeded" } else { "unknown" }, "{reply}");
            assert!(reply.is_public());
            assert_eq!(bot.owner_of("test"), if happened { "user2" } else { "carol" });
            let said = if happened { "the new owner was read back" } else { "Do not send it again" };
            assert!(reply.says(said), "{reply}");
        })
        .await;
    }
}

async fn an_answer_that_makes_no_sense_says_nothing_either(door: Door) {
    let cases = [
        (FaultKind::Garbage { when: When::Before }, false),
        (FaultKind::Garbage { when: When::After }, true),
        (FaultKind::Truncated, true),
        (FaultKind::MissingErrorCode, true),
    ];
    for (kind, happened) in cases {
        run(World::usual().at(door), async |bot| {
            let reply = hands_over(bot, kind.clone()).await;
            let expected = if happened { "succeeded" } else { "unknown" };
            assert_eq!(outcome(bot, &reply).await, expected, "{kind:?}: {reply}");
            assert_eq!(bot.owner_of("test"), if happened { "user2" } else { "carol" });
            reply.text();
        })
        .await;
    }
}

async fn a_contradiction_is_a_failure(door: Door) {
    run(World::usual().at(door), async |bot| {
        let reply = hands_over(bot, FaultKind::ZeroCodeButFail).await;
        assert_snapshot!(reply, @r"
        (only visible to you)
        ❌ The owner of `test` was not changed: it still belongs to `carol`.
        Tencent's error 0: `no ErrorInfo`
        Tencent does not document this error. Nothing was sent again; quote the RequestId to Tencent's support.
        op 4 · RequestId Id-9dc6366a2003d418ace6b6c74e29980f-O-Seq-2
        ");
        assert_eq!(outcome(bot, &reply).await, "refused");
    })
    .await;
}

async fn an_answer_may_come_in_any_order_and_owners_as_numbers(door: Door) {
    run(World::usual().at(door).room("live-7", "12345678901234567890"), async |bot| {
        bot.tencent().inject(Fault::new(FaultKind::ShuffledKeys).times(2));
        let reply = bot.chat(ALICE).says(LINE).await;
        assert!(reply.says("confirmed"), "{reply}");
        bot.tencent().clear_faults();
        bot.tencent().inject(Fault::new(FaultKind::NumericOwner).on(Api::GetRoomInfo));
        let reply = bot.chat(ALICE).says("/room-owner live-7 42").await;
        assert!(
            reply.says("`live-7` now belongs to `42` (was `12345678901234567890`) · confirmed"),
            "{reply}"
        );
        bot.tencent().clear_faults();
        bot.next_change(FaultKind::MissingRequestId);
        let reply = bot.chat(ALICE).says("/room-owner live-7 43").await;
        assert!(reply.says("confirmed") && !reply.says("RequestId"), "{reply}");
    })
    .await;
}

async fn an_owner_who_is_not_seen_yet_is_accepted_and_not_confirmed(door: Door) {
    run(World::usual().at(door), async |bot| {
        let reply = hands_over(bot, FaultKind::StaleRead { reads: 10 }).await;
        assert_snapshot!(reply, @"
        ✅ `test` now belongs to `user2` (was `carol`) · accepted, not yet confirmed
        Tencent accepted the change; it was not read back yet. Check in a moment with `/room-owner test`.
        op 4 · RequestId Id-9dc6366a2003d418ace6b6c74e29980f-O-Seq-2 · by alice · log … · undo: /room-owner test carol
        ");
        assert_eq!(outcome(bot, &reply).await, "succeeded");
        assert_eq!(bot.owner_of("test"), "user2");
    })
    .await;
}

async fn an_owner_who_is_seen_at_the_second_look_is_confirmed(door: Door) {
    run(World::usual().at(door), async |bot| {
        let reply = hands_over(bot, FaultKind::StaleRead { reads: 2 }).await;
        assert!(reply.says("· confirmed"), "{reply}");
    })
    .await;
}

async fn a_change_that_comes_true_late_is_seen_all_the_same(door: Door) {
    run(World::usual().at(door).ticking(), async |bot| {
        let reply = hands_over(bot, FaultKind::LateApply { millis: 700 }).await;
        assert_eq!(outcome(bot, &reply).await, "succeeded", "{reply}");
        assert!(reply.says("`test` now belongs to `user2`"), "{reply}");
    })
    .await;
}

async fn a_change_that_comes_true_when_nobody_waits_any_more_is_found_and_reported(door: Door) {
    run(World::usual().at(door), async |bot| {
        let reply = hands_over(bot, FaultKind::ResetBefore).await;
        assert!(reply.says("nobody can tell yet"), "{reply}");
        assert_eq!(outcome(bot, &reply).await, "unknown");
        bot.clock.pass(9);
        bot.tencent().hand_over("test", "user2", "administrator");
        bot.clock.tell();
        let entry = bot.until_entry(&reply, |entry| entry.outcome.name() != "unknown").await;
        assert_eq!((entry.outcome.name(), entry.previous_owner.as_deref()), ("succeeded", Some("carol")));
        assert_eq!(
            entry.error_info.as_deref(),
            Some("the connection broke: connection closed before message completed")
        );
    })
    .await;
}

async fn without_tencent_nothing_is_sent_and_the_person_is_answered(door: Door) {
    run(World::usual().at(door).without_tencent(), async |bot| {
        let reply = bot.chat(ALICE).says(LINE).await;
        assert_snapshot!(reply, @"
        (only visible to you)
        ❌ Nothing was done: `test` keeps its owner.
        What went wrong: `tencent cannot be reached: Connection refused (os error 111)`
        Tencent may be down or out of reach: try again in a moment; if it stays, an admin has to check the bot's network and TENCENT_API_BASE_URL.
        op 4
        ");
        assert_eq!(outcome(bot, &reply).await, "declined");
        let reply = bot.chat(ALICE).says("/room-owner test").await;
        assert!(reply.says("could not be read"), "{reply}");
        assert_eq!(outcome(bot, &reply).await, "declined");
        assert!(bot.tencent().calls().is_empty());
    })
    .await;
}

async fn an_outcome_that_nobody_knows_is_said_to_be_unknown_and_found_out_later(door: Door) {
    for happened in [true, false] {
        run(World::usual().at(door), async |bot| {
            bot.next_change(if happened { FaultKind::ResetAfter } else { FaultKind::ResetBefore });
            // The owner can be read before the change, and no more after it.
            let saying = tokio::spawn(bot.chat(ALICE).says(LINE));
            bot.tencent().until(|tencent| !tencent.calls().is_empty()).await;
            bot.tencent().inject(Fault::new(FaultKind::ResetBefore).on(Api::GetRoomInfo));
            let reply = saying.await.unwrap();
            if happened {
                assert_snapshot!(reply, @r"
                ⚠️ Unknown: nobody can tell yet whether `test` belongs to `user2`.
                Tencent's answer was lost (`the connection broke: connection closed before message completed`), and the change may still come true. Do not send it again.
                The bot keeps looking and records what it finds. Look with `/room-owner test` before you do anything else.
                op 4 · by alice · log …
                ");
            } else {
                assert!(reply.says("Unknown"), "{reply}");
            }
            assert_eq!(outcome(bot, &reply).await, "unknown");

            let other = bot.chat(BORIS).says("/room-owner test").await;
            assert!(other.says("you have no role"), "{other}");
            let again = bot.chat(ALICE).says("/room-owner test user3").await;
            if happened {
                assert_snapshot!(again, @"
                (only visible to you)
                ⏳ Nothing was done: op 4 on `test` has an outcome that is not known yet.
                You are handing it to `user2`. The bot keeps asking Tencent: try again in a minute.
                An admin of this room can go ahead without knowing: behind the new owner, put `override: 4 reason: <why>` (at the command line, --override and --reason).
                op 8
                ");
            } else {
                assert!(again.says("not known yet"), "{again}");
            }

            bot.tencent().clear_faults();
            bot.clock.pass(60);
            bot.clock.tell();
            let entry = bot.until_entry(&reply, |entry| entry.outcome.name() != "unknown").await;
            assert_eq!(entry.outcome.name(), if happened { "succeeded" } else { "refused" });
            assert_eq!(entry.previous_owner.as_deref(), Some("carol"));
            assert_eq!(bot.changes().len(), 1);
            let reply = bot.chat(ALICE).says("/room-owner test user3").await;
            assert!(reply.says("`test` now belongs to `user3`"), "{reply}");
        })
        .await;
    }
}

async fn who_waits_for_a_held_room_is_on_record_before_anything_is_said(door: Door) {
    run(World::usual().at(door), async |bot| {
        let lost = hands_over(bot, FaultKind::ResetBefore).await;
        assert!(lost.says("nobody can tell yet"), "{lost}");
        // Looking into it takes longer than anybody waits.
        let stall = FaultKind::Stall { when: When::Before, millis: 4_000 };
        bot.tencent().inject(Fault::new(stall).on(Api::GetRoomInfo));
        let again = bot.chat(ALICE).says("/room-owner test user3").await;
        assert!(again.says("has an outcome that is not known yet"), "{again}");
        assert_eq!(outcome(bot, &again).await, "declined");
        bot.tencent().clear_faults();
    })
    .await;
}

async fn a_third_owner_after_a_lost_answer_is_somebody_s_to_look_at(door: Door) {
    run(World::usual().at(door), async |bot| {
        bot.next_change(FaultKind::ResetAfter);
        let reads = |kind| Fault::new(kind).on(Api::GetRoomInfo).once();
        bot.tencent().inject(reads(FaultKind::ShuffledKeys));
        bot.tencent().inject(reads(FaultKind::Stall { when: When::Before, millis: 300 }));
        let tencent = bot.tencent().clone();
        let taking = tokio::spawn(async move {
            tencent.until(|tencent| tencent.owner_of("test").unwrap() == "user2").await;
            tencent.put_room("test", "mallory");
        });
        let reply = bot.chat(ALICE).delivered("1.2.3").says(LINE).await;
        taking.await.unwrap();
        assert_snapshot!(reply, @r"
        ⚠️ Unclear: `test` now belongs to `mallory`, which is not what was asked for.
        Tencent's answer was lost (`the connection broke: connection closed before message completed`), and somebody else may have changed the owner since.
        Agree with the other moderators before you try again.
        op 4 · by alice · log …
        ");
        assert_eq!(outcome(bot, &reply).await, "unknown");
        if let Some(repeated) = bot.chat(ALICE).delivered("1.2.3").repeats(LINE).await {
            assert_snapshot!(repeated, @r"
            (only visible to you)
            ℹ️ Already sent as op 4, and its outcome is not known. It is not sent again.
            `test` to `user2`: unknown (was `carol`) · `the connection broke: connection closed before message completed`
            Look at the room's owner before you try again.
            op 7
            ");
        }
        let again = bot.chat(ALICE).says("/room-owner test user3").await;
        assert!(again.says("`test` now belongs to `user3` (was `mallory`)"), "the case is closed: {again}");
    })
    .await;
}
