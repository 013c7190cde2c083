//! What is handed to a third party, checked as a third party would: by the standards' texts alone.

use room_owner::app::ports::Store as _;
use room_owner::domain::audit::OperationId;
use room_owner::merkle::proof::InclusionProof;
use room_owner::merkle::{SigningKey, VerifierKey};
use room_owner::store::Database;
use room_owner::store::proofs::prove;
use tokio::task::JoinSet;

use super::copies::{Copy, night};
use super::independent::{self, checked, proves};
use super::world::{MALLORY, World, ask, raw, succeeded};

async fn bodies(world: &World) -> Vec<String> {
    let mut raw = raw(&world.file()).await;
    sqlx::query_scalar("SELECT body FROM audit_events ORDER BY seq").fetch_all(&mut raw).await.unwrap()
}

fn key(world: &World) -> String {
    Database::of_file(&world.file(), None).verifier_key().unwrap().unwrap().to_string()
}

fn beside(world: &World) -> String {
    std::fs::read_to_string(format!("{}.checkpoint", world.file().display())).unwrap()
}

#[tokio::test]
async fn the_head_beside_the_database_is_the_signed_root_of_the_rows() {
    let world = night().await;
    let bodies = bodies(&world).await;
    let head = checked(&beside(&world), &key(&world)).unwrap();
    assert_eq!(head.size, bodies.len() as u64);
    assert_eq!(head.root, independent::root(&bodies));
    assert_eq!(key(&world).split('+').next(), Some(head.origin.as_str()));
    let altered = beside(&world).replacen("\n20\n", "\n12\n", 1);
    assert_eq!(checked(&altered, &key(&world)), Err("forged"));
}

#[tokio::test]
async fn each_record_has_a_signed_head_that_covers_it() {
    let world = night().await;
    let bodies = bodies(&world).await;
    let key = key(&world);
    for entry in world.log().await {
        let text = world.store.checkpoint(entry.operation).await.unwrap().unwrap();
        let head = checked(&text, &key).unwrap();
        assert_eq!(head.root, independent::root(&bodies[..head.size as usize]));
        assert_eq!(head.size, bodies.len() as u64, "the newest one");
    }
    assert_eq!(world.store.checkpoint(OperationId::new(999)).await.unwrap(), None);
}

#[tokio::test]
async fn the_answer_to_an_outcome_is_the_head_that_covers_it() {
    let world = World::new().await;
    let attempt = ask("test bob").attempt(&world.store).await;
    let at = super::world::NOON;
    let finished = world.store.finish(attempt.operation(), &succeeded("r"), at).await.unwrap().unwrap();
    let head = finished.head.unwrap();
    let bodies = bodies(&world).await;
    assert_eq!((head.size, head.root), (bodies.len() as u64, independent::root(&bodies)));
    let again = world.store.finish(attempt.operation(), &succeeded("r"), at).await.unwrap();
    assert_eq!(again, None, "it had ended");
}

/// More events than one subtree of kept hashes holds, and commits of all sizes.
#[tokio::test]
async fn every_event_can_be_proved_to_a_third_party() {
    let world = World::new().await;
    let store = std::sync::Arc::new(world.another().await);
    let mut tasks = JoinSet::new();
    for n in 0..700 {
        let store = std::sync::Arc::clone(&store);
        tasks.spawn(async move { ask("test bob").by(MALLORY).delivered(n).admit(&store).await });
    }
    tasks.join_all().await;
    let attempt = ask("test bob").attempt(&world.store).await.operation();
    world.finish(attempt, &succeeded("r")).await;

    let (bodies, key) = (bodies(&world).await, key(&world));
    let root = independent::root(&bodies);
    for operation in [1, 2, 3, 255, 256, 257, 512, 513, 600, 701, 702, attempt.seq()] {
        let proofs = prove(&world.file(), OperationId::new(operation), &[]).await.unwrap();
        assert_eq!(proofs.len(), if operation == attempt.seq() { 2 } else { 1 }, "{operation}");
        for proof in proofs {
            let text = proof.text();
            let body = &bodies[proof.index as usize];
            let head = proves(&text, &key, body.as_bytes(), proof.index).unwrap();
            assert_eq!((head.size, head.root), (bodies.len() as u64, root));
            // What it does not prove.
            assert_eq!(proves(&text, &key, b"another", proof.index), Err("not in the log"));
            assert!(proves(&text, &key, body.as_bytes(), proof.index + 1).is_err());
            // The program's own check, on the text alone.
            let key = VerifierKey::parse(&key).unwrap();
            let read = InclusionProof::parse(&text).unwrap();
            assert_eq!((&read.leaf, read.check(&key)), (body, Ok(())));
            let mut forged = read;
            forged.leaf.push(' ');
            assert!(forged.check(&key).unwrap_err().to_string().contains("not in the log"));
        }
    }
    assert_eq!(prove(&world.file(), OperationId::new(999), &[]).await.unwrap(), []);
    store.close().await;
    let report = Copy::of(&world).await.report().await;
    assert!(report.sound, "{:?}", report.findings);
}

#[tokio::test]
async fn an_altered_event_cannot_be_proved() {
    let copy = Copy::of(&night().await).await;
    copy.tampered("UPDATE audit_events SET body = body || ' ' WHERE seq = 5").await;
    let error = prove(&copy.file(), OperationId::new(5), &[]).await.unwrap_err().to_string();
    assert!(error.contains("event 5 cannot be proved") && error.contains("audit verify"), "{error}");
    assert_eq!(prove(&copy.file(), OperationId::new(6), &[]).await.unwrap().len(), 1);
}

#[test]
fn a_text_that_is_no_proof_is_refused() {
    let text = "c2sp.org/tlog-proof@v1\nextra aGVsbG8=\nindex 0\n\nhello";
    for wrong in ["", "hello", text, &text.replace("index 0", "index 00"), &text.replace("aGV", "?")] {
        assert!(InclusionProof::parse(wrong).is_err(), "{wrong}");
    }
    let other = SigningKey::parse(&SigningKey::generate()).unwrap();
    assert_eq!(checked("a\n1\nb\n\n— a b\n", other.verifier_key().as_str()), Err("not signed by that name"));
}
