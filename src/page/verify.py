#!/usr/bin/env python3
"""Checks a case of room-owner: the signed head, every proof, and that each row is what its events say.

    python3 verify.py [--key KEY] [FOLDER]

KEY is the public key of the log, from whom you trust; if it is not given, the one in the folder is used, and that is
said. Needs Python 3.8 and its package `cryptography`. Ends with 0 if all holds, with 1 if anything does not.
Written from the public specifications: c2sp.org/signed-note, tlog-checkpoint and tlog-proof, RFC 6962.
"""
import argparse, base64, csv, hashlib, io, json, pathlib, sys
from datetime import datetime

try:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
except ImportError:
    sys.exit("this needs Python's package `cryptography`: `apt install python3-cryptography` or `pip install cryptography`")

FIELDS = ("operation at actor actor_name channel command room new_owner previous_owner reason decision authority outcome "
          "error_code error_info request_id delivery_id duration_ms announced new_owner_person requested_by "
          "requested_by_name").split()
REQUEST = ("actor actor_name channel command room new_owner reason decision authority outcome error_info "
           "delivery_id new_owner_person requested_by requested_by_name").split()


class Wrong(Exception):
    """Something that does not hold."""


def check(holds, words):
    if not holds:
        raise Wrong(words)


def head_of(note, key):
    """The name, size and root of a signed head."""
    check(key.count("+") >= 2, f"`{key}` is not a public key: it reads `<name>+<id>+<key>`")
    name, key_hash, public = key.split("+", 2)
    public = base64.b64decode(public)
    check(public[:1] == b"\x01" and len(public) == 33, "the key is not an Ed25519 key")
    key_id = hashlib.sha256(name.encode() + b"\n" + public).digest()[:4]
    check(key_id.hex() == key_hash, "the key's own id is wrong")
    text, signatures = note.rsplit("\n\n", 1)
    text += "\n"
    for line in signatures.splitlines():
        dash, signer, signature = line.split(" ")
        signature = base64.b64decode(signature)
        if (dash, signer, signature[:4]) == ("\u2014", name, key_id):
            try:
                Ed25519PublicKey.from_public_bytes(public[1:]).verify(signature[4:], text.encode())
            except InvalidSignature:
                raise Wrong("the signature of the head is not one of this key over this text")
            origin, size, root = text.split("\n")[:3]
            check(origin == name, "the head is of another log than the key")
            return origin, int(size), base64.b64decode(root)
    raise Wrong("the head is not signed with this key")


def root_from(leaf, index, size, path):
    """The root that a proof leads to (RFC 9162, 2.1.3.2)."""
    check(0 <= index < size, "the event lies behind the end of the log")
    node = hashlib.sha256(b"\x00" + leaf).digest()
    last = size - 1
    for other in path:
        check(last > 0, "the proof is too long")
        if index & 1 or index == last:
            node = hashlib.sha256(b"\x01" + other + node).digest()
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            node = hashlib.sha256(b"\x01" + node + other).digest()
        index, last = index >> 1, last >> 1
    check(last == 0, "the proof is too short")
    return node


def proved_events(text, head, key):
    """The events of the proofs, each shown to be in the log of the head."""
    header, events = "c2sp.org/tlog-proof@v1\n", {}
    before, *parts = text.split(header)
    check(before == "", "the proofs begin with something else than a proof")
    for part in parts:
        proof, note = part.split("\n\n", 1)
        extra, index, *path = proof.split("\n")
        leaf, index = base64.b64decode(extra[len("extra "):]), int(index[len("index "):])
        where = f"event {index + 1}"
        check(head_of(note.strip("\n") + "\n", key) == head, f"the proof of {where} is for another head")
        check(root_from(leaf, index, head[1], [base64.b64decode(hash) for hash in path]) == head[2],
              f"{where} is not in the log of this head: the event or its proof was altered")
        event = json.loads(leaf)
        check(event["seq"] == index + 1, f"{where} has another number in it")
        events[event["seq"]] = event
    return [events[seq] for seq in sorted(events)]


def row_of(events):
    """The row that the events of an operation make."""
    first, (kind, what) = events[0], next(iter(events[0]["what"].items()))
    row = dict.fromkeys(FIELDS)
    row.update(operation=first["operation"], at=first["at"], outcome="succeeded")
    check(first["seq"] == int(first["operation"]), f"the first event of operation {first['operation']} is missing")
    if kind == "requested":
        row.update((name, what.get(name)) for name in REQUEST)
    elif kind == "observed":
        change, said = what["change"], "who did it and who owned the room before is only said"
        row.update(command="(observed) owner change", room=what["room"], new_owner=what["new_owner"],
                   outcome=what["outcome"], delivery_id=change["delivery_id"], error_info=what.get("doubt"))
        if change["signed"]:
            row.update(actor_name=change.get("operator"), previous_owner=change.get("original_owner"))
        elif row["error_info"] is None:
            row["error_info"] = "the callback was not signed: " + said
        if what.get("probably"):
            row["reason"] = "probably the change of operation {}, recorded as {}".format(*what["probably"])
    links = []
    for event in events[1:]:
        kind, what = next(iter(event["what"].items()))
        if kind == "noted":
            row["previous_owner"] = what["previous_owner"]
        elif kind == "overridden":
            before = row["error_info"] + "; " if row["error_info"] is not None else ""
            row["error_info"] = f"{before}overridden by operation {what['by']}"
        elif kind == "announced" and what.get("message") is not None and what.get("to") is None:
            links.append(link(what["channel"].split(":"), what["message"]))
        elif kind == "ended":
            end(row, what, event["at"])
    row["announced"] = links or None
    return row


def link(channel, message):
    if channel[0] == "slack":
        return f"https://slack.com/archives/{channel[2]}/p{message.replace('.', '')}"
    return f"https://discord.com/channels/{channel[1]}/{channel[2]}/{message}"


def end(row, outcome, at):
    """Takes in an outcome."""
    kind, more = (outcome, {}) if isinstance(outcome, str) else next(iter(outcome.items()))
    problem = {"refused": "refusal", "unknown": "problem", "succeeded": "unclear", "confirmed_by_callback": "unclear"}
    previous = more if kind == "shown" else more.get("previous")
    problem = more if kind == "declined" else more.get(problem.get(kind)) if kind != "shown" else None
    row["outcome"] = {"shown": "succeeded", "confirmed_by_callback": "succeeded"}.get(kind, kind)
    if previous is not None:
        row["previous_owner"] = previous
    if kind == "unchanged":
        row["previous_owner"] = row["new_owner"]
    code = problem.get("code") if problem else None
    row["error_code"] = code if code is not None else row["error_code"] if problem else None
    row["error_info"] = problem["info"] if problem else None
    if kind == "confirmed_by_callback":
        row["error_info"] += "; tencent's callback reported the change"
        if more.get("owner_now") is not None:
            row["error_info"] += f"; {more['owner_now']} owns the room by now"
    request_id = more.get("request_id") if kind == "succeeded" else None
    request_id = request_id or (problem.get("request_id") if problem else None)
    row["request_id"] = request_id if request_id is not None else row["request_id"]
    began, ended = (datetime.fromisoformat(time.replace("Z", "+00:00")) for time in (row["at"], at))
    row["duration_ms"] = max(0, round((ended - began).total_seconds() * 1000))


def members(pairs):
    """The members of a JSON object, each there once."""
    found = dict(pairs)
    check(len(found) == len(pairs), "a row has a field twice")
    return found


def text_of(value):
    """A value as CSV has it."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def verify(folder, given):
    def read(name):
        return (folder / name).read_bytes().decode("utf-8")

    key = given or read("public-key.txt").strip()
    head = head_of(read("checkpoint.txt"), key)
    print(f"✅ The head of the log {head[0]} over {head[1]} events is signed with the key {key}")
    events = proved_events(read("events.tlog-proof"), head, key) if (folder / "events.tlog-proof").exists() else []
    print(f"✅ {len(events)} events are in that log, unchanged")
    of = {}
    for event in events:
        of.setdefault(event["operation"], []).append(event)
    expected = [row_of(part) for part in of.values()]
    known = {row["operation"]: row for row in expected}
    lines = [line for line in read("operations.jsonl").split("\n") if line]
    rows = [dict(dict.fromkeys(FIELDS), **json.loads(line, object_pairs_hook=members)) for line in lines]
    csv.field_size_limit(2**31 - 1)
    header, *cells = list(csv.reader(io.StringIO(read("operations.csv"), newline="")))
    check(header == FIELDS and all(len(line) == len(FIELDS) for line in cells), "operations.csv has other columns")
    for file, found in (("operations.jsonl", rows), ("operations.csv", [dict(zip(FIELDS, line)) for line in cells])):
        check(sorted(row["operation"] for row in found) == sorted(known),
              f"{file} holds other operations than those that are proved")
        for row in found:
            check(list(row) == FIELDS, f"{file}: operation {row['operation']} has other fields")
            for name in FIELDS:
                want, have = known[row["operation"]][name], row[name]
                if file.endswith(".csv"):
                    want, have = text_of(want), have[1:] if have.startswith("'") else have
                check(json.dumps(want) == json.dumps(have), f"{file}: `{name}` of operation {row['operation']} is `{have}`, "
                                    f"its events say `{want}`")
        print(f"✅ {file}: each of its {len(found)} rows is what the proved events of its operation say")
    if (folder / "not-proved.jsonl").exists():
        print("Not checked: not-proved.jsonl; the events of its operations are in an archive")
    if not given:
        print("Not checked: that the key is the log's; it came with the folder. Get it from whom you trust: --key")
    print("Not checked: case.html, which is made of these rows; and that nothing was left out of the case: only whoever "
          "has the log can tell")


def main():
    parser = argparse.ArgumentParser(description="Checks a case of room-owner.")
    parser.add_argument("folder", nargs="?", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parent)
    parser.add_argument("--key", help="the public key of the log, from whom you trust")
    arguments = parser.parse_args()
    sys.stdout.reconfigure(encoding="utf-8")
    try:
        verify(arguments.folder, arguments.key)
    except BrokenPipeError:
        return 1
    except (Wrong, ValueError, LookupError, TypeError, AttributeError, OSError) as error:
        print(f"❌ The case does not hold: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
