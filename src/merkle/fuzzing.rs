//! Fuzz targets of what proves that the log is whole.

use secrecy::SecretString;

use super::proof::InclusionProof;
use super::{Checkpoint, SigningKey};

/// The key of c2sp.org/signed-note's own example. It signed the checkpoints below `tests/corpus`, and no other.
const KEY: &str = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";

fn key() -> SigningKey {
    let Ok(key) = SigningKey::parse(&SecretString::from(KEY)) else { panic!("the key is one") };
    key
}

/// What passes for a checkpoint of the key is what the key signs.
fn is_genuine(checkpoint: &Checkpoint, key: &SigningKey) {
    assert_eq!(checkpoint.origin(), key.verifier_key().name());
    // Ed25519 signs the same text in the same way.
    let Ok(signed) = Checkpoint::sign(checkpoint.head(), key) else { panic!("it cannot be signed") };
    let body = |text: &str| text.split("\n\n").next().unwrap_or_default().to_owned();
    assert_eq!(body(checkpoint.as_str()), body(signed.as_str()), "another text is believed");
    let size = checkpoint.head().size;
    assert!([1, 3, 7].contains(&size), "the key never signed a log of {size}");
}

/// A checkpoint.
pub fn checkpoint(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(checkpoint) = Checkpoint::parse(text) else { return };
    assert_eq!(checkpoint.as_str(), text);
    let key = key();
    if checkpoint.check(key.verifier_key()).is_ok() {
        is_genuine(&checkpoint, &key);
    }
}

/// A proof of inclusion.
pub fn proof(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(proof) = InclusionProof::parse(text) {
        assert_eq!(proof.text(), text, "two files are one proof");
    }
    let key = key();
    for proof in InclusionProof::parse_all(text).into_iter().flatten() {
        if proof.check(key.verifier_key()).is_ok() {
            is_genuine(&proof.checkpoint, &key);
            assert!(proof.index < proof.checkpoint.head().size);
            let known = format!("event {}", proof.index);
            assert_eq!(proof.leaf, known, "what is not in the log is proved to be");
        }
    }
}

/// The proofs and checkpoints of the corpus: of logs of 1, 3 and 7 events, `event 0` and on.
#[cfg(test)]
#[test]
fn the_genuine_ones_of_the_corpus_are_what_the_key_signs() {
    use super::{Frontier, record_hash, root};

    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let key = key();
    for size in [1, 3, 7] {
        let mut frontier = Frontier::default();
        let leaves: Vec<_> = (0..size).map(|n| record_hash(format!("event {n}").as_bytes())).collect();
        leaves.iter().for_each(|leaf| frontier.push(*leaf, drop));
        let signed = Checkpoint::sign(frontier.head(), &key).unwrap();
        let index = size / 2;
        let node = |level: u8, n: u64| {
            let (first, count) = ((n << level) as usize, 1 << level);
            Some(root(leaves[first..first + count].iter().copied()))
        };
        let proof = InclusionProof::new(format!("event {index}"), index, node, signed.clone()).unwrap();
        for (name, text) in [("checkpoint", signed.as_str()), ("proof", &proof.text())] {
            let file = folder.join(name).join(format!("of-{size}"));
            assert_eq!(std::fs::read_to_string(&file).unwrap(), text, "{}", file.display());
        }
        assert!(proof.check(key.verifier_key()).is_ok());
    }
}
