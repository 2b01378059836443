"""The policy: who may approve, and how long what is kept is kept.

One YAML file with the gate's thresholds (``whet.trust``) beside the two sections that are read here:

    approval:
      approvers: [Ana Lima, Bo Ek]   # empty: anybody but who trained it
      trainer_may_approve: false
      automatic: false               # approve by itself once the gate has passed
    retention:
      traffic_days: 30               # requests and answers, at most
      retired_days: 365              # then the files of a retired release may go; its record stays

The store's own ``policy.yaml`` holds wherever there is one: no other can be named in its place. It does not
know what a gate measures.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from whet.config_lines import Section, line_of, read_yaml
from whet.errors import InputError, Refused, many, nearest
from whet.store import file_digest, value_digest

FILE = "policy.yaml"
BY_POLICY = "the policy"
"""Who approves where approval is automatic."""


class Approval(Section):
    """Who may approve."""

    approvers: list[str] = Field(default_factory=list)
    """Names of those who may; empty: anybody but who trained it."""
    trainer_may_approve: bool = False
    """Whether who trained it may approve it."""
    automatic: bool = False
    """Whether a passed gate is an approval, without a person."""


class Retention(Section):
    """How long what is kept is kept."""

    traffic_days: int = Field(default=30, ge=0)
    """Requests and answers, at most; a task may keep them for less. 0: none are kept."""
    retired_days: int | None = Field(default=None, ge=0)
    """After so many days `whet releases --tidy` removes the files of a retired release; None: never."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What was read, and its digest, which approvals bind."""

    approval: Approval = field(default_factory=Approval)
    retention: Retention = field(default_factory=Retention)
    digest: str = ""
    """SHA-256 of the file; of the defaults, where there is none."""
    source: str = "the defaults"


def load_policy(path: Path) -> Policy:
    """Read a policy file; its other sections are the gate's.

    Raises:
        InputError: says which line.
    """
    value, root = read_yaml(path)
    if not isinstance(value, Mapping):
        raise InputError("is no mapping.", where=path, fix="write approval: and retention: sections.")
    found: dict[str, Any] = {}
    for name, section in (("approval", Approval), ("retention", Retention)):
        try:
            found[name] = section.model_validate(value.get(name) or {})
        except ValidationError as error:
            said = [
                f"{path}{line_of(root, (name, *one['loc']))}: {name}.{'.'.join(map(str, one['loc']))}: "
                + (
                    nearest(str(one["loc"][-1]), section.model_fields)
                    if one["type"] == "extra_forbidden"
                    else one["msg"]
                )
                for one in error.errors()
            ]
            raise many(
                said, what="the policy cannot be used:", where=path, fix="see docs/release.md."
            ) from None
    return Policy(**found, digest=file_digest(path), source=str(path))


def policy_of(home: Path, named: Path | None = None) -> Policy:
    """The policy that holds in a store.

    Raises:
        Refused: another one than the store's was named.
        InputError: as in ``load_policy``.
    """
    own = home / FILE
    if own.is_file():
        if named is not None and file_digest(named) != file_digest(own):
            raise Refused(
                "the store has a policy of its own, and this is another.",
                where=named,
                fix=f"leave --policy away, or change {own}.",
            )
        return load_policy(own)
    if named is not None:
        return load_policy(named)
    defaults = Policy()
    return Policy(digest=value_digest([defaults.approval.model_dump(), defaults.retention.model_dump()]))


def check_approver(policy: Policy, by: str, trained_by: str) -> None:
    """Whether somebody may approve what somebody else trained.

    Raises:
        Refused: not by this policy.
        InputError: nobody is named.
    """
    if not by.strip():
        raise InputError("an approval is by a named person.", fix="--by NAME.")
    if same_person(by, BY_POLICY) and not policy.approval.automatic:
        raise Refused("the policy does not approve by itself.", where=policy.source, fix="--by NAME.")
    if same_person(by, trained_by) and not policy.approval.trainer_may_approve:
        raise Refused(
            f"{by} trained it, and somebody else has to approve it.",
            where=policy.source,
            fix="let another person approve, or set approval: {trainer_may_approve: true} in the policy.",
        )
    named = policy.approval.approvers
    if named and not same_person(by, BY_POLICY) and not any(same_person(by, name) for name in named):
        raise Refused(
            f"{by} is not among those who may approve: {', '.join(named)}.",
            where=policy.source,
            fix="let one of them approve, or add the name to the policy.",
        )


def same_person(one: str, other: str) -> bool:
    """Whether two names are one, however they are spaced and in whatever case."""
    return _folded(one) == _folded(other)


def _folded(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())
