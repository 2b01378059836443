"""The audit log: whatever is changed in it is found; whatever was acknowledged is in it."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import random
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from whet.errors import InputError, Refused, WorldError
from whet.release import audit, signing
from whet.release.audit import FILE, HEAD, append
from whet.release.verify import TAIL, UNFINISHED, entries, verify

TAMPERINGS = int(os.environ.get("WHET_TAMPERINGS", "2000"))
KILLS = int(os.environ.get("WHET_KILLS", "12"))
WRITERS = 4


def filled(home: Path, count: int = 12) -> list[bytes]:
    """A log with entries; its lines."""
    for number in range(count):
        append(home, "test.done", f"person {number % 3}", {"number": number, "digest": f"{number:064x}"})
    return (home / FILE).read_bytes().splitlines(keepends=True)


def test_an_entry_says_who_did_what_and_is_there(tmp_path: Path) -> None:
    entry = append(tmp_path, "release.approved", "Ana", {"id": "tickets@1", "said": "Grüße\u2028"})
    assert [*entries(tmp_path)] == [entry]
    assert (entry.seq, entry.who, entry.fields["said"]) == (1, "Ana", "Grüße\u2028")
    found = verify(tmp_path)
    assert found.ok
    assert found.entries == 1
    assert TAIL in found.notes


def test_a_second_process_goes_on_where_the_first_stopped(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from whet.release.audit import append;"
        "append(Path(sys.argv[1]), 'test.done', 'somebody', {'n': int(sys.argv[2])})"
    )
    for number in range(2):
        subprocess.run([sys.executable, "-c", code, tmp_path, str(number)], check=True)
    assert [entry.fields["n"] for entry in entries(tmp_path)] == [0, 1]


# --- tampering ------------------------------------------------------------


def edit_a_byte(lines: list[bytes], rng: random.Random) -> list[bytes]:
    data = bytearray(b"".join(lines))
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return [bytes(data)]


def edit_a_value(lines: list[bytes], rng: random.Random) -> list[bytes]:
    at = rng.randrange(len(lines))
    value = json.loads(lines[at])
    name = rng.choice(["at", "event", "who", "seq", "prev", "sign", "fields"])
    changes = {"seq": value["seq"] + 1, "fields": {**value["fields"], "number": -1}}
    value[name] = changes.get(name, str(value[name])[:-1] + "x")
    return [*lines[:at], json.dumps(value, separators=(",", ":")).encode() + b"\n", *lines[at + 1 :]]


def write_otherwise(lines: list[bytes], rng: random.Random) -> list[bytes]:
    """The same values in other bytes."""
    at = rng.randrange(len(lines))
    return [*lines[:at], json.dumps(json.loads(lines[at])).encode() + b"\n", *lines[at + 1 :]]


def delete(lines: list[bytes], rng: random.Random) -> list[bytes]:
    """Entries from the start or the middle; the end is another matter."""
    start = rng.randrange(len(lines) - 1)
    stop = rng.randrange(start + 1, len(lines))
    return [*lines[:start], *lines[stop:]]


def swap(lines: list[bytes], rng: random.Random) -> list[bytes]:
    one, other = rng.sample(range(len(lines)), 2)
    lines = [*lines]
    lines[one], lines[other] = lines[other], lines[one]
    return lines


def insert_a_copy(lines: list[bytes], rng: random.Random) -> list[bytes]:
    at = rng.randrange(len(lines) + 1)
    return [*lines[:at], rng.choice(lines), *lines[at:]]


def insert_a_forgery(lines: list[bytes], rng: random.Random) -> list[bytes]:
    """A well-formed entry with the right hash before it, and all hashes after it made to fit."""
    at = rng.randrange(len(lines) + 1)
    forged = {**json.loads(rng.choice(lines)), "who": "Mallory"}
    kept = [json.loads(line) for line in lines]
    return rechained([*kept[:at], forged, *kept[at:]])


def edit_and_rechain(lines: list[bytes], rng: random.Random) -> list[bytes]:
    values = [json.loads(line) for line in lines]
    rng.choice(values)["who"] = "Mallory"
    return rechained(values)


def rechained(values: list[dict[str, object]]) -> list[bytes]:
    """Numbers and hashes as they should be; only the signatures cannot be made."""
    before, lines = audit.FIRST, []
    for seq, value in enumerate(values, 1):
        line = json.dumps({**value, "seq": seq, "prev": before}, separators=(",", ":")).encode()
        before = hashlib.sha256(line).hexdigest()
        lines.append(line + b"\n")
    return lines


def insert_noise(lines: list[bytes], rng: random.Random) -> list[bytes]:
    at = rng.randrange(len(lines) + 1)
    return [
        *lines[:at],
        rng.choice([b"\n", b"{}\n", b" \n", b"\x00\n", b"[1]\n", b"\xff\xfe\n"]),
        *lines[at:],
    ]


def write_the_signature_large(lines: list[bytes], rng: random.Random) -> list[bytes]:
    """The same signature in other letters, of an entry that no later one covers."""
    start, mark, sign = lines[-1].rpartition(b'"sign":')
    return [*lines[:-1], start + mark + sign.upper()]


WAYS = (
    edit_a_byte,
    edit_a_value,
    write_otherwise,
    delete,
    swap,
    insert_a_copy,
    insert_a_forgery,
    edit_and_rechain,
    insert_noise,
    write_the_signature_large,
)


def tampered(home: Path, lines: list[bytes], rng: random.Random) -> str:
    """Change the log in a random way; which."""
    way = rng.choice(WAYS)
    changed = b"".join(way(lines, rng))
    if changed == b"".join(lines):
        return ""
    (home / FILE).write_bytes(changed)
    return way.__name__


def test_every_tampering_is_found(tmp_path: Path) -> None:
    lines = filled(tmp_path)
    rng, missed, tried = random.Random(7), [], 0
    while tried < TAMPERINGS:
        if not (way := tampered(tmp_path, lines, rng)):
            continue
        tried += 1
        found = verify(tmp_path)
        if found.ok and UNFINISHED not in found.notes:  # a last line without its end is told, not judged
            missed.append(way)
    assert missed == []
    (tmp_path / FILE).write_bytes(b"".join(lines))
    assert verify(tmp_path).ok


def test_without_the_hashes_an_edit_would_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: a check of signature and form alone misses an edit in the middle."""
    lines = filled(tmp_path)
    edited = lines[4].replace(b"person", b"parson")
    (tmp_path / FILE).write_bytes(b"".join([*lines[:4], edited, *lines[5:]]))
    assert not verify(tmp_path).ok
    monkeypatch.setattr("whet.release.verify._stands", lambda *place: True)
    assert verify(tmp_path).ok


def test_a_cut_end_is_seen_only_with_the_outside_head(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, head = tmp_path / "store", tmp_path / "elsewhere" / "head.json"
    monkeypatch.setenv(HEAD, str(head))
    lines = filled(home)
    assert verify(home, head=head).ok
    for kept in (0, 1, 7, 11):
        (home / FILE).write_bytes(b"".join(lines[:kept]))
        inside, outside = verify(home), verify(home, head=head)
        assert not outside.ok
        assert any("cut off" in problem or "emptied" in problem for problem in outside.problems)
        assert inside.ok == (kept > 0)  # an empty log beside its key is seen; the rest is said to be unseen
        assert TAIL in inside.notes


def test_an_older_head_still_holds_and_a_changed_one_does_not(tmp_path: Path) -> None:
    head = tmp_path / "head.json"
    append(tmp_path, "test.done", "Ana", {}, heads=[head])
    append(tmp_path, "test.done", "Ana", {})
    assert verify(tmp_path, head=head).ok
    value = json.loads(head.read_text())
    for change in ({"entries": 2}, {"hash": "0" * 64}, {"at": "2020-01-01"}, {"sign": "00"}, {"key": "00"}):
        head.write_text(json.dumps({**value, **change}))
        assert not verify(tmp_path, head=head).ok, change


def test_a_log_written_anew_with_another_key_is_seen_from_outside(tmp_path: Path) -> None:
    home, head, key = tmp_path / "store", tmp_path / "head.json", tmp_path / "audit.pub"
    append(home, "test.done", "Ana", {}, heads=[head])
    shutil.copyfile(home / signing.FOLDER / signing.PUBLIC, key)
    shutil.rmtree(home)
    append(home, "test.done", "Mallory", {})
    assert verify(home).ok  # from the inside nothing shows, and the documentation says so
    assert not verify(home, head=head).ok
    assert not verify(home, key=key).ok


def test_nothing_is_built_on_an_end_that_was_changed(tmp_path: Path) -> None:
    lines = filled(tmp_path, 3)
    changed = lines[-1].replace(b"person", b"parson")
    (tmp_path / FILE).write_bytes(b"".join([*lines[:-1], changed]))
    with pytest.raises(Refused, match="was changed"):
        append(tmp_path, "test.done", "Ana", {})
    assert (tmp_path / FILE).read_bytes().endswith(changed)


# --- kills ------------------------------------------------------------


def append_until_killed(home: Path, name: str, told: Path) -> None:
    """Append, and note each entry once it is acknowledged."""
    with told.open("ab", buffering=0) as out:
        for number in range(1_000_000):
            entry = append(home, "test.done", name, {"number": number})
            out.write(f"{entry.seq} {entry.digest}\n".encode())


def test_no_acknowledged_entry_is_lost_to_kills(tmp_path: Path) -> None:
    """Four processes append; one after the other is killed, and another takes its place."""
    home, context, rng = tmp_path / "store", multiprocessing.get_context("fork"), random.Random(3)
    told = [tmp_path / f"told-{number}" for number in range(WRITERS)]

    def start(number: int) -> multiprocessing.process.BaseProcess:
        process = context.Process(target=append_until_killed, args=(home, f"writer {number}", told[number]))
        process.start()
        return process

    append(home, "test.done", "Ana", {})
    at_work = [start(number) for number in range(WRITERS)]
    for _ in range(KILLS):
        time.sleep(rng.uniform(0.01, 0.15))
        victim = rng.randrange(WRITERS)
        os.kill(at_work[victim].pid or 0, signal.SIGKILL)
        at_work[victim].join()
        at_work[victim] = start(victim)
    for process in at_work:
        process.kill()
        process.join()
    append(home, "test.done", "Ana", {})  # mends what the last kill may have left
    acknowledged = dict(line.split() for path in told for line in whole_lines(path))
    kept = {str(entry.seq): entry.digest for entry in entries(home)}
    assert len(acknowledged) >= KILLS
    assert acknowledged.items() <= kept.items()


def whole_lines(path: Path) -> list[str]:
    return [line.decode() for line in path.read_bytes().split(b"\n")[:-1]] if path.exists() else []


def test_a_lost_acknowledgement_would_be_seen(tmp_path: Path) -> None:
    """The control: a log from which one acknowledged entry is gone fails the same comparison."""
    filled(tmp_path, 5)
    acknowledged = {str(entry.seq): entry.digest for entry in entries(tmp_path)}
    lines = (tmp_path / FILE).read_bytes().splitlines(keepends=True)
    (tmp_path / FILE).write_bytes(b"".join(lines[:-1]))
    kept = {str(entry.seq): entry.digest for entry in entries(tmp_path)}
    assert not acknowledged.items() <= kept.items()


def test_what_a_kill_left_is_taken_away_and_told(tmp_path: Path) -> None:
    filled(tmp_path, 3)
    with (tmp_path / FILE).open("ab") as out:
        out.write(b'{"seq":4,"at":"2026')
    found = verify(tmp_path)
    assert found.ok
    assert any("unfinished" in note for note in found.notes)
    append(tmp_path, "test.done", "Ana", {})
    events = [entry.event for entry in entries(tmp_path)]
    assert events == ["test.done"] * 3 + [audit.MENDED, "test.done"]


def test_a_full_disk_leaves_the_log_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = b"".join(filled(tmp_path, 3))
    write = os.write
    monkeypatch.setattr("whet.release.audit.os.write", lambda handle, data: write(handle, data[:40]))
    with pytest.raises(WorldError, match="no space"):
        append(tmp_path, "test.done", "Ana", {})
    assert (tmp_path / FILE).read_bytes() == before


# --- keys and input ------------------------------------------------------------


def test_the_private_key_is_for_its_owner_only(tmp_path: Path) -> None:
    append(tmp_path, "test.done", "Ana", {})
    key = tmp_path / signing.FOLDER / signing.PRIVATE
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    key.chmod(0o644)
    with pytest.raises(Refused, match="others may read"):
        append(tmp_path, "test.done", "Ana", {})


def test_a_lost_key_is_not_replaced_in_silence(tmp_path: Path) -> None:
    append(tmp_path, "test.done", "Ana", {})
    (tmp_path / signing.FOLDER / signing.PRIVATE).unlink()
    with pytest.raises(Refused, match="key that signs the audit log is gone"):
        append(tmp_path, "test.done", "Ana", {})


@pytest.mark.parametrize(
    ("event", "who", "fields"),
    [
        ("approved", "Ana", {}),
        ("release.approved", " ", {}),
        ("release.approved", "Ana", {"n": float("nan")}),
        ("release.approved", "Ana", {"n": object()}),
        ("release.approved", "Ana", {"n": "x" * audit.LARGEST}),
    ],
)
def test_what_is_no_entry_is_refused(tmp_path: Path, event: str, who: str, fields: dict[str, object]) -> None:
    with pytest.raises(InputError):
        append(tmp_path, event, who, fields)
    append(tmp_path, "test.done", "Ana", {})
    assert len(entries(tmp_path)) == 1
