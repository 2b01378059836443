"""Whether anybody changed the audit log: every edit, deletion, reordering and insertion is found.

Each line holds the hash of the line before, so that no line before the last can change; the last is signed.
Lines that were cut off at the end leave a log that is whole: that is seen only with a head that was kept
outside, and the finding says so each time. It does not know what entries mean.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whet.errors import InputError, Refused
from whet.release.audit import FILE, FIRST, Entry, entry_of, head_bytes, head_of, lines, signed_bytes
from whet.release.signing import key_name, public_key, signed, signer
from whet.store import make_folder, read_json, write_json

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

TAIL = (
    "entries that were cut off at the end can be seen only with a head that was kept outside the store: "
    "whet log verify --head FILE."
)
SIGNED = 130
"""Bytes of a signature in hex and of what ends a line: ``"}``."""
UNFINISHED = (
    "the last line is unfinished: a kill cut an entry short that nobody was told of, or it was cut off."
)


@dataclass(frozen=True, slots=True)
class Verified:
    """What was found."""

    entries: int
    ok: bool
    problems: tuple[str, ...]
    notes: tuple[str, ...]
    """What this check cannot know."""
    head: str
    """Hash of the last entry; empty where there is none."""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def verify(home: Path, *, head: Path | None = None, key: Path | None = None) -> Verified:
    """Check the whole log.

    Args:
        home: the store's folder.
        head: a head that was written to a second place.
        key: the public key, from where the store's owner cannot change it; default: the store's own.

    Raises:
        InputError: head or key cannot be read.
    """
    public = public_key(home, key)
    outside = _head(head) if head else None
    whole, rest = lines(home)
    problems = _chain(whole) + _last(whole, public, present=(home / FILE).exists())
    problems += _against(outside, whole, public) if outside else []
    notes = [*([UNFINISHED] if rest else []), *([] if outside else [TAIL])]
    last = hashlib.sha256(whole[-1]).hexdigest() if whole else ""
    return Verified(len(whole), not problems, tuple(problems), tuple(notes), last)


def entries(home: Path) -> list[Entry]:
    """Every entry of a log that nobody changed.

    Raises:
        Refused: somebody did.
    """
    found = verify(home)
    if not found.ok:
        raise Refused(
            f"the audit log was changed: {found.problems[0]}",
            where=home / FILE,
            fix="whet log verify tells all; restore the log from a backup.",
        )
    whole, _ = lines(home)
    return [entry_of(line) for line in whole[: found.entries]]


def write_head(home: Path, file: Path) -> dict[str, Any]:
    """Write the head of the log, as it stands, to a second place.

    Raises:
        Refused: the log was changed, or is empty.
        WorldError: it cannot be written.
    """
    found = entries(home)
    if not found:
        raise Refused("the log is empty and has no head.", where=home / FILE)
    head = head_of(found[-1], signer(home))
    make_folder(file.parent)
    write_json(file, head)
    return head


def _chain(whole: Sequence[bytes]) -> list[str]:
    """What does not hold between each line and the one before it. How a line is written is seen by the next
    one's hash, and of the last by its signature."""
    problems: list[str] = []
    before = FIRST
    for number, line in enumerate(whole, 1):
        if not _stands(line, number, before):
            problems += _wrong(line, number, before)
        before = hashlib.sha256(line).hexdigest()
    return problems


def _stands(line: bytes, number: int, before: str) -> bool:
    """Whether number and hash are where the one way to write a line has them: bytes are compared, as taking
    every line apart would be most of the work. What else is in the line, the next one's hash holds fast."""
    prev = b',"prev":"%b","sign":"' % before.encode()
    return line.startswith(b'{"seq":%d,' % number) and line[-len(prev) - SIGNED : -SIGNED] == prev


def _wrong(line: bytes, number: int, before: str) -> list[str]:
    """What is wrong with a line, taken apart; written in another way than entries are, it is none."""
    try:
        value = json.loads(line)
        found = _place(number, value["seq"], value["prev"], before)
    except (ValueError, TypeError, KeyError) as error:
        return [f"line {number}: is no entry ({type(error).__name__}: {error})."]
    return found or [f"line {number}: is no entry: it is not written as entries are."]


def _place(number: int, seq: object, prev: object, before: str) -> list[str]:
    """Whether an entry stands where it was written."""
    problems = []
    if seq != number:
        problems.append(f"line {number}: is entry {seq}: lines are missing, added or in another order.")
    if prev != before:
        other = f"line {number - 1} is not the one" if number > 1 else "a line is missing before it: the one"
        problems.append(f"line {number}: {other} that stood before it when it was written.")
    return problems


def _last(whole: Sequence[bytes], public: Ed25519PublicKey | None, *, present: bool) -> list[str]:
    """The signature of the last line, which covers all before it."""
    if public is None:
        return [f"the public key is gone, and {FILE} cannot be checked."] if present and whole else []
    if not whole:
        return ["there is a key, and no entry that it signed: the log was emptied or removed."]
    try:
        last = entry_of(whole[-1])
    except (ValueError, TypeError) as error:
        return [f"line {len(whole)}: was changed: {error}."]
    if not signed(public, last.sign, signed_bytes(last)):
        return [
            f"line {len(whole)}: its signature is not the key's: it was changed, or somebody else wrote it."
        ]
    return []


def _head(path: Path) -> Mapping[str, Any]:
    head = read_json(path)
    if not isinstance(head, dict) or not isinstance(head.get("entries"), int) or "sign" not in head:
        raise InputError("is no head of an audit log.", where=path, fix="name the file that --head wrote.")
    return head


def _against(head: Mapping[str, Any], whole: Sequence[bytes], public: Ed25519PublicKey | None) -> list[str]:
    """Whether the log still has all that it had when the head was written."""
    if public is None or head.get("key") != key_name(public):
        return ["the head was signed with another key than the log's."]
    try:
        ours = signed(public, str(head["sign"]), head_bytes(head))
    except ValueError:
        ours = False
    if not ours:
        return ["the head's signature is not the key's: the head was changed."]
    count = int(head["entries"])
    if count > len(whole):
        return [f"the head knows {count:,} entries and the log has {len(whole):,}: its end was cut off."]
    if hashlib.sha256(whole[count - 1]).hexdigest() != head["hash"]:
        return [f"line {count}: is not the entry that the head knows: the log was written anew."]
    return []


def shown(entry: Entry) -> str:
    """An entry as a line for people."""
    told = ", ".join(f"{name} {_short(value)}" for name, value in entry.fields.items())
    return f"{entry.seq:>6}  {entry.at}  {entry.event:<20} {entry.who:<16} {told}"


def _short(value: Any) -> str:
    if isinstance(value, str):
        return value[:12] + "…" if len(value) == 64 and set(value) <= set("0123456789abcdef") else value
    return json.dumps(value, ensure_ascii=False)
