"""The audit log: who did what, in a file that only grows.

One JSON object a line. Each holds the SHA-256 of the line before it and an Ed25519 signature of itself, so
that the last line vouches for all before it. An entry is on the disk before ``append`` returns, and many
processes may append at once. What a chain cannot show is that its end was cut off: for that its *head* (how
many entries, and the hash of the last) is written to a second place, which ``WHET_LOG_HEAD`` names. After
Schneier and Kelsey, "Secure audit logs to support computer forensics" (1999), with public signatures in place
of MACs.

It does not know what entries mean. ``verify.py`` looks for what was changed.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from whet.errors import InputError, Refused
from whet.release.signing import key_name, signed, signer
from whet.runs import now
from whet.store import make_folder, sync_folder, world, write_text

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

FILE, LOCK = "audit.jsonl", "audit.lock"
HEAD = "WHET_LOG_HEAD"
"""The environment variable that names the second place of the head."""
FIRST = "0" * 64
"""What stands for the line before the first."""
LARGEST = 64 * 1024
"""Bytes of one line."""
EVENT = re.compile(r"[a-z]+(\.[a-z_]+)+")
MENDED = "log.mended"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the log."""

    seq: int
    """From 1, without gaps."""
    at: str
    event: str
    """``release.approved`` and its like."""
    who: str
    fields: Mapping[str, Any]
    prev: str
    """SHA-256 of the line before."""
    sign: str
    """Of the line without this field."""

    @property
    def line(self) -> bytes:
        """Its one way to be written, without the newline."""
        return _written(_body(self), self.sign)

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.line).hexdigest()


def append(
    home: Path, event: str, who: str, fields: Mapping[str, Any], *, heads: Sequence[Path] = ()
) -> Entry:
    """Add an entry; it is on the disk when this returns.

    Args:
        home: the store's folder.
        event: such as ``release.approved``.
        who: the person, or the part of whet, that did it.
        fields: JSON values; nothing secret, nothing personal that would have to be erased.
        heads: further places for the head, beside the one that ``WHET_LOG_HEAD`` names.

    Raises:
        InputError: no event's name, nobody's name, no JSON, too long.
        Refused: the end of the log was changed; nothing is built on it.
        WorldError: it cannot be written; the log is as before, or has the entry but the head is behind.
    """
    if not EVENT.fullmatch(event) or not who.strip():
        raise InputError(f"{event!r} by {who!r} is no entry: an event has a name and somebody did it.")
    make_folder(home)
    with locked(home), _opened(home / FILE) as log:
        key = signer(home, new=not log.seek(0, os.SEEK_END))
        last = _mended(log, key, _end(log, key))
        entry = _add(log, key, last, event, who, fields)
        _write_heads(entry, key, heads)
    return entry


@contextlib.contextmanager
def locked(home: Path, *, shared: bool = False) -> Iterator[None]:
    """Wait for the log's lock and hold it; the system frees it when the process ends, however it ends."""
    import fcntl  # POSIX only; imported here so that reading works elsewhere

    with world(home / LOCK):
        handle = (home / LOCK).open("a+")
    with handle:
        fcntl.flock(handle, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
        yield


def lines(home: Path) -> tuple[list[bytes], bytes]:
    """The whole lines of the log, and what stands after the last of them: the start of an entry that a kill
    cut short, or nothing."""
    path = home / FILE
    if not path.exists():
        return [], b""
    with locked(home, shared=True):
        *whole, rest = path.read_bytes().split(b"\n")
    return whole, rest


def stamp(home: Path) -> tuple[int, int]:
    """Changes whenever something is added to the log; quick."""
    try:
        found = (home / FILE).stat()
    except OSError:
        return (0, 0)
    return (found.st_size, found.st_mtime_ns)


def entry_of(line: bytes) -> Entry:
    """A line taken apart.

    Raises:
        ValueError: it is not an entry, written in the one way that entries are.
    """
    value = json.loads(line)
    if not isinstance(value, dict) or list(value) != [*Entry.__dataclass_fields__]:
        raise ValueError("its fields are not those of an entry")
    entry = Entry(**value)
    if entry.line != line:
        raise ValueError("it is written otherwise than entries are")
    return entry


def head_of(entry: Entry, key: Ed25519PrivateKey) -> dict[str, Any]:
    """What is kept in a second place: enough to see later that the log still has all that it had."""
    head = {"entries": entry.seq, "hash": entry.digest, "at": entry.at, "key": key_name(key.public_key())}
    return {**head, "sign": key.sign(head_bytes(head)).hex()}


def head_bytes(head: Mapping[str, Any]) -> bytes:
    """What a head's signature covers."""
    return b"head of an audit log\n" + _json({k: v for k, v in head.items() if k != "sign"})


def signed_bytes(entry: Entry) -> bytes:
    """What an entry's signature covers."""
    return _json(_body(entry))


def _body(entry: Entry) -> dict[str, Any]:
    names = ("seq", "at", "event", "who", "fields", "prev")
    return {name: getattr(entry, name) for name in names}


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode("ascii")


def _written(body: Mapping[str, Any], sign: str) -> bytes:
    return _json({**body, "sign": sign})


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    with world(path):
        new = not path.exists()
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        if new:
            sync_folder(path.parent)
    with os.fdopen(handle, "r+b", buffering=0) as log:
        yield log


@dataclass(frozen=True, slots=True)
class _End:
    """Where the log ends: its last entry, where that ends, and what a kill left after it."""

    last: Entry | None
    size: int
    rest: bytes


def _end(log: BinaryIO, key: Ed25519PrivateKey) -> _End:
    """Read the last entry and check that nobody changed it: what is added vouches for it."""
    size = log.seek(0, os.SEEK_END)
    start = max(0, size - 2 * LARGEST)
    log.seek(start)
    tail = log.read()
    whole, mark, rest = tail.rpartition(b"\n")
    if not mark and start:
        raise _changed("it is longer than entries are")
    if not mark:
        return _End(None, 0, tail)
    line = whole.rpartition(b"\n")[2]
    try:
        last = entry_of(line)
    except (ValueError, TypeError) as error:
        raise _changed(str(error)) from error
    if not signed(key.public_key(), last.sign, signed_bytes(last)):
        raise _changed("its signature is not this store's")
    return _End(last, size - len(rest), rest)


def _changed(why: str) -> Refused:
    return Refused(
        f"the last entry of the audit log was changed: {why}. Nothing is added to it.",
        where=FILE,
        fix="whet log verify says what it can; restore the log from a backup.",
    )


def _mended(log: BinaryIO, key: Ed25519PrivateKey, end: _End) -> Entry | None:
    """Take away what a kill left of an entry that nobody was told of, and say so in the log."""
    if not end.rest:
        return end.last
    with world(Path(FILE)):
        os.ftruncate(log.fileno(), end.size)
    about = {"bytes": len(end.rest), "sha256": hashlib.sha256(end.rest).hexdigest()}
    return _add(log, key, end.last, MENDED, "whet", about)


def _add(
    log: BinaryIO,
    key: Ed25519PrivateKey,
    last: Entry | None,
    event: str,
    who: str,
    fields: Mapping[str, Any],
) -> Entry:
    body = {
        "seq": last.seq + 1 if last else 1,
        "at": now(),
        "event": event,
        "who": who,
        "fields": json.loads(_plain(fields)),
        "prev": last.digest if last else FIRST,
    }
    entry = Entry(**body, sign=key.sign(_json(body)).hex())
    line = entry.line + b"\n"
    if len(line) > LARGEST:
        what = f"an entry of {len(line):,} bytes is too long; the log takes {LARGEST:,}."
        raise InputError(what, fix="keep the long part in a file, and its digest in the log.")
    _write(log, line)
    return entry


def _plain(fields: Mapping[str, Any]) -> bytes:
    try:
        return _json(fields)
    except (TypeError, ValueError) as error:
        raise InputError(f"the fields of an entry are no JSON: {error}.") from error


def _write(log: BinaryIO, line: bytes) -> None:
    """All of it and onto the disk, or the log as it was."""
    before = log.seek(0, os.SEEK_END)
    with world(Path(FILE)):
        try:
            if os.write(log.fileno(), line) != len(line):
                raise OSError(28, "no space left on the device")
            os.fsync(log.fileno())
        except OSError:
            os.ftruncate(log.fileno(), before)
            raise


def _write_heads(entry: Entry, key: Ed25519PrivateKey, more: Sequence[Path]) -> None:
    named = os.environ.get(HEAD)
    places = [*([Path(named)] if named else []), *more]
    if places:
        text = json.dumps(head_of(entry, key), indent=1) + "\n"
        for place in places:
            make_folder(place.parent)
            write_text(place, text)
