"""The result of a gate, as ``whet gate`` writes it: whether this specialist showed what the policy asks.

    {"passed": true, "specialist": "<value_digest of store.folder_digests>", "policy": "<SHA-256>",
     "evidence": {"file": "08-evidence.json", "sha256": "<SHA-256>"}, ...}

It does not know what was measured; an approval binds the file by its digest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from whet.errors import InputError, Refused
from whet.store import file_digest, read_json

if TYPE_CHECKING:
    from whet.release.policy import Policy
    from whet.release.releases import Release

GATES = "09-gate*.json"
"""Where a gate leaves its results in a run."""
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
    evidence: tuple[str, str]
    """Name and SHA-256 of what it was held against; empty where it does not say."""


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
    told = found.get("evidence") or {}
    evidence = (str(told.get("file", "")), str(told.get("sha256", "")))
    return Gate(found["passed"], found["specialist"], found["policy"], file_digest(path), path, evidence)


def passed(paths: Sequence[Path], release: Release, policy: Policy) -> dict[str, str]:
    """The digests that an approval binds, of the policy and of the gate that was passed under it.

    Args:
        paths: results, of which one has to be of this release's specialist and evidence.

    Raises:
        Refused: none was passed.
        InputError: a file is no result.
    """
    if not paths:
        raise Refused(
            "there is no result of a gate: nothing shows what it can do.", fix=f"{FIX} --gate names it."
        )
    gates = [read_gate(path) for path in paths]
    gate = next((one for one in gates if one.specialist == release.digests.specialist), gates[0])
    check_gate(gate, release, policy)
    return {"policy": policy.digest, "gate": gate.sha256}


def check_gate(gate: Gate, release: Release, policy: Policy) -> None:
    """Whether a gate was passed by this specialist, on the evidence that was released, under this policy.

    Raises:
        Refused: it was not.
    """
    if not gate.passed:
        raise Refused("the gate was not passed.", where=gate.file, fix="whet gate tells what is missing.")
    if gate.specialist != release.digests.specialist:
        raise Refused("the gate's result is of another specialist.", where=gate.file, fix=FIX)
    name, sha256 = gate.evidence
    if name and release.evaluated_by.get(name) != sha256:
        raise Refused(
            f"the gate was held on another {name} than the release has.",
            where=gate.file,
            fix="whet gate RUN, then whet release RUN: what is approved is what the gate saw.",
        )
    if gate.policy != policy.digest:
        raise Refused(
            f"the gate was passed under another policy than {policy.source}.",
            where=gate.file,
            fix="whet gate RUN --policy FILE, with the policy that holds here.",
        )
