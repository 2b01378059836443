"""The result of a gate, as ``whet gate`` writes it: whether this specialist showed what the policy asks.

    {"passed": true, "specialist": "<value_digest of store.folder_digests>", "policy": "<SHA-256>", ...}

It does not know what was measured; an approval binds the file by its digest.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from whet.errors import InputError, Refused
from whet.store import file_digest, read_json

if TYPE_CHECKING:
    from whet.release.policy import Policy

FIX = "whet gate RUN writes one."


@dataclass(frozen=True, slots=True)
class Gate:
    """What a gate said, of which specialist, by which policy."""

    passed: bool
    specialist: str
    policy: str
    sha256: str
    """Of the file."""
    file: Path


def read_gate(path: Path) -> Gate:
    """Read a gate's result.

    Raises:
        InputError: it is none.
    """
    found = read_json(path)
    named = ("specialist", "policy")
    if not isinstance(found, dict) or not isinstance(found.get("passed"), bool):
        raise InputError("is no result of a gate: it does not say `passed`.", where=path, fix=FIX)
    if absent := [name for name in named if not isinstance(found.get(name), str)]:
        raise InputError(f"is no result of a gate: it has no {absent[0]!r}.", where=path, fix=FIX)
    return Gate(found["passed"], found["specialist"], found["policy"], file_digest(path), path)


def check_gate(gate: Gate, specialist: str, policy: Policy) -> None:
    """Whether a gate was passed by this specialist, under this policy.

    Raises:
        Refused: it was not.
    """
    if not gate.passed:
        raise Refused("the gate was not passed.", where=gate.file, fix="whet gate tells what is missing.")
    if gate.specialist != specialist:
        raise Refused("the gate's result is of another specialist.", where=gate.file, fix=FIX)
    if gate.policy != policy.digest:
        raise Refused(
            f"the gate was passed under another policy than {policy.source}.",
            where=gate.file,
            fix="whet gate RUN --policy FILE, with the policy that holds here.",
        )
