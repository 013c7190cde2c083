//! The key that signs, and what happens when it is not there.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use room_owner::domain::verification::Report;
use room_owner::merkle::SigningKey;
use room_owner::store::verify::Evidence;
use room_owner::store::{Database, IfMissing, SqliteStore};
use secrecy::{ExposeSecret as _, SecretString};

use super::copies::{Copy, check, findings, night};
use super::world::{World, allow, raw, url};

fn key_file(database: &Path) -> PathBuf {
    PathBuf::from(format!("{}.key", database.display()))
}

fn mode(file: &Path) -> u32 {
    fs::metadata(file).unwrap().permissions().mode() & 0o777
}

async fn refusal(database: impl Into<Database>) -> String {
    match SqliteStore::open(database, IfMissing::Fail).await {
        Ok(_) => panic!("it was opened"),
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn the_key_is_made_once_for_its_owner_alone_and_every_process_signs_with_it() {
    let world = World::empty().await;
    let file = key_file(&world.file());
    assert_eq!(mode(&file), 0o600);
    let before = fs::read_to_string(&file).unwrap();
    assert!(before.starts_with("PRIVATE+KEY+room-owner/"));
    let other = world.another().await;
    for (n, store) in [&world.store, &other, &world.store, &other].into_iter().enumerate() {
        allow(&format!("discord:1:{n}"), "*").apply(store).await;
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), before);
    other.close().await;
    world.store.close().await;
    let report = check(&world.file(), Evidence::default()).await;
    assert!(report.sound && report.events == 4, "{}", findings(&report));
}

#[tokio::test]
async fn a_key_that_others_can_read_is_refused() {
    let world = World::empty().await;
    let file = key_file(&world.file());
    for open in [0o640, 0o604, 0o660] {
        fs::set_permissions(&file, fs::Permissions::from_mode(open)).unwrap();
        let error = refusal(&url(&world.file())).await;
        assert!(error.contains("open to other users") && error.contains("chmod 600"), "{error}");
        assert!(!error.contains("PRIVATE"), "{error}");
    }
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    drop(world.another().await);
}

#[tokio::test]
async fn a_lost_key_is_not_replaced_in_silence() {
    let world = World::new().await;
    let file = key_file(&world.file());
    let key = fs::read_to_string(&file).unwrap();
    fs::remove_file(&file).unwrap();
    let error = refusal(&url(&world.file())).await;
    assert!(error.contains("is gone") && error.contains("audit key --new"), "{error}");
    assert!(!file.exists(), "and none was made");
    fs::write(&file, key.replace("PRIVATE", "SECRET")).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let error = refusal(&url(&world.file())).await;
    assert!(error.contains("not a signing key") && !error.contains("SECRET"), "{error}");
}

#[tokio::test]
async fn a_given_key_signs_from_then_on_and_no_file_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("room-owner.db");
    let open = async |key: &SecretString| {
        SqliteStore::open(Database::of_file(&file, Some(key.clone())), IfMissing::Create).await.unwrap()
    };
    let keys = [SigningKey::generate(), SigningKey::generate()];
    for (n, key) in keys.iter().enumerate() {
        let store = open(key).await;
        allow(&format!("discord:1:{n}"), "*").apply(&store).await;
        store.close().await;
    }
    assert!(!key_file(&file).exists());
    let public = keys.each_ref().map(|key| SigningKey::parse(key).unwrap().verifier_key().clone());
    let with = async |keys: &[_]| check(&file, Evidence { keys: keys.to_vec(), ..Evidence::default() }).await;
    let newer = with(&public[1..]).await;
    assert!(newer.sound);
    let [first, second] = &public;
    let signers = |report: &Report| report.signers.iter().map(ToString::to_string).collect::<Vec<_>>();
    // The log itself records the change, as an operation of its own.
    assert_eq!(signers(&newer), [format!("{first} from 1 to 1"), format!("{second} from 2 to 4")]);
    assert!(with(&public).await.sound, "with the older one too");
    assert!(findings(&with(&public[..1]).await).contains("is not signed with the key"));
    // The text of a key is nowhere in what the program leaves behind.
    let mut raw = raw(&file).await;
    let named: String = sqlx::query_scalar("SELECT key FROM signed_head").fetch_one(&mut raw).await.unwrap();
    assert_eq!(named, public[1].to_string());
    for entry in fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        let bytes = if path.is_file() { fs::read(&path).unwrap() } else { Vec::new() };
        for key in &keys {
            let secret = key.expose_secret().splitn(5, '+').last().unwrap().as_bytes();
            assert!(!bytes.windows(secret.len()).any(|part| part == secret), "{}", path.display());
        }
    }
    let wrong = Database::of_file(&file, Some(SecretString::from("hunter2")));
    let error = refusal(wrong).await;
    assert!(error.contains("AUDIT_SIGNING_KEY") && !error.contains("hunter2"), "{error}");
}

/// The whole log made anew, key and all: nothing in the folder shows it, and that is said.
#[tokio::test]
async fn a_log_signed_anew_with_a_replaced_key_is_whole_only_by_that_key() {
    let copy = Copy::of(&night().await).await;
    let text = SigningKey::generate();
    copy.signed_anew(&SigningKey::parse(&text).unwrap()).await;
    fs::write(copy.beside(".key"), text.expose_secret()).unwrap();
    fs::remove_file(copy.beside(".checkpoint")).unwrap();
    let own_key = Database::of_file(&copy.file(), None).verifier_key().unwrap();
    let report = check(&copy.file(), Evidence { own_key, ..Evidence::default() }).await;
    assert!(report.sound, "{}", findings(&report));
    let unchecked = report.unchecked.join("\n");
    for limit in [
        "that nothing was cut off or rewritten, and",
        "that the key is yours: it is the one that this machine signs with",
    ] {
        assert!(unchecked.contains(limit), "{limit}: {unchecked}");
    }
    assert!(
        findings(&copy.report().await).contains("is not signed with the key"),
        "by the key that was kept"
    );
}
