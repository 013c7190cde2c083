//! RFC 6962, signed notes and inclusion proofs once more, by their texts and with none of the program's
//! code.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use ed25519_dalek::{Signature, VerifyingKey};
use sha2::{Digest as _, Sha256};

pub(crate) type Hash = [u8; 32];

fn sha(parts: &[&[u8]]) -> Hash {
    let mut hasher = Sha256::new();
    parts.iter().for_each(|part| hasher.update(part));
    hasher.finalize().into()
}

/// RFC 6962, 2.1: the hash of a leaf.
pub(crate) fn leaf(data: &[u8]) -> Hash {
    sha(&[&[0], data])
}

/// RFC 6962, 2.1: the Merkle tree hash.
pub(crate) fn root(leaves: &[impl AsRef<[u8]>]) -> Hash {
    match leaves {
        [] => sha(&[]),
        [only] => leaf(only.as_ref()),
        more => {
            let k = more.len().next_power_of_two() / 2;
            sha(&[&[1], &root(&more[..k]), &root(&more[k..])])
        }
    }
}

/// RFC 9162, 2.1.3.2: the root that an inclusion path leads to.
pub(crate) fn root_of_path(index: u64, size: u64, leaf: Hash, path: &[Hash]) -> Option<Hash> {
    if index >= size {
        return None;
    }
    let (mut f, mut s, mut r) = (index, size - 1, leaf);
    for p in path {
        if s == 0 {
            return None;
        }
        if f & 1 == 1 || f == s {
            r = sha(&[&[1], p, &r]);
            while f & 1 == 0 && f != 0 {
                f >>= 1;
                s >>= 1;
            }
        } else {
            r = sha(&[&[1], &r, p]);
        }
        f >>= 1;
        s >>= 1;
    }
    (s == 0).then_some(r)
}

/// A checkpoint whose signature holds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) origin: String,
    pub(crate) size: u64,
    pub(crate) root: Hash,
}

/// c2sp.org/signed-note and c2sp.org/tlog-checkpoint: the head that `key` signed.
pub(crate) fn checked(note: &str, key: &str) -> Result<Head, &'static str> {
    let (name, rest) = key.split_once('+').ok_or("no key")?;
    let (id, public) = rest.split_once('+').ok_or("no key")?;
    let public = BASE64_STANDARD.decode(public).map_err(|_| "no key")?;
    let expected = &sha(&[name.as_bytes(), b"\n", &public])[..4];
    if hex::encode(expected) != id || public[0] != 1 {
        return Err("the id is not of the key");
    }
    let (text, signatures) = note.split_once("\n\n").ok_or("no note")?;
    let text = format!("{text}\n");
    let line = signatures
        .lines()
        .find_map(|line| line.strip_prefix("— ")?.strip_prefix(name)?.strip_prefix(' '))
        .ok_or("not signed by that name")?;
    let signed = BASE64_STANDARD.decode(line).map_err(|_| "no signature")?;
    if &signed[..4] != expected {
        return Err("signed with another key");
    }
    let public =
        VerifyingKey::from_bytes(public[1..].try_into().map_err(|_| "no key")?).map_err(|_| "no key")?;
    let signature = Signature::from_slice(&signed[4..]).map_err(|_| "no signature")?;
    public.verify_strict(text.as_bytes(), &signature).map_err(|_| "forged")?;
    let lines: Vec<&str> = text.lines().collect();
    let [origin, size, root] = lines[..] else { return Err("no checkpoint") };
    Ok(Head {
        origin: origin.to_owned(),
        size: size.parse().map_err(|_| "no size")?,
        root: BASE64_STANDARD.decode(root).ok().and_then(|r| r.try_into().ok()).ok_or("no root")?,
    })
}

/// c2sp.org/tlog-proof: whether it proves that the log of `key` holds `data` at `index`.
pub(crate) fn proves(proof: &str, key: &str, data: &[u8], index: u64) -> Result<Head, &'static str> {
    let (proof, note) = proof.split_once("\n\n").ok_or("no proof")?;
    let mut lines = proof.lines();
    if lines.next() != Some("c2sp.org/tlog-proof@v1") {
        return Err("no proof");
    }
    let lines: Vec<&str> = lines.filter(|line| !line.starts_with("extra ")).collect();
    if lines.first() != Some(&format!("index {index}").as_str()) {
        return Err("another index");
    }
    let path: Vec<Hash> =
        lines[1..].iter().map(|line| BASE64_STANDARD.decode(line).unwrap().try_into().unwrap()).collect();
    let head = checked(note, key)?;
    match root_of_path(index, head.size, leaf(data), &path) {
        Some(root) if root == head.root => Ok(head),
        _ => Err("not in the log"),
    }
}
