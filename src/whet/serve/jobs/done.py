"""What becomes of a trained model: evidence, gate, a release under its ``ft:`` name, and an approval if one
is due.

    run -> evidence -> gate -> candidate with the alias ft:BASE:ORG:SUFFIX:ID -> approved by the policy, or by
    a person
    training alone -> told that it is not released

The store's policy decides: where ``approval: {automatic: true}`` stands and the gate opens, the name serves
at once; else the job tells the command that a person types. Nothing here can approve by itself. Knows no
table of jobs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whet.errors import Refused, WhetError

if TYPE_CHECKING:
    from whet.release.registry import Registry
    from whet.release.releases import Release
    from whet.serve.jobs.book import Job

ORG = "local"
TRAINER = "the fine-tuning API"
UNMEASURED = (
    "Conversations have no held-out figures: the gate has nothing to hold the model to, and it is not "
    "released. Its weights are in the job's folder; whet serve FOLDER --trial tries them on that machine."
)


@dataclass(frozen=True, slots=True)
class Made:
    """What a job has made."""

    folder: Path
    """A run, or a training."""
    rung: str
    """The run's specialist that is released; empty: the folder is a training."""
    curve: tuple[Mapping[str, Any], ...]
    trained_tokens: int


def name_of(job: Job) -> str:
    """The model's name: ``ft:gpt-4o-mini:local:tickets:4F7xQ2Ab``."""
    suffix = re.sub(r"[^a-z0-9-]+", "-", (job.asked.suffix or "").lower()).strip("-")
    return f"ft:{job.asked.model}:{ORG}:{suffix}:{job.id[-8:]}"


def concluded(home: Path, job: Job, made: Made) -> Iterator[str]:
    """Hold a model to the gate and release it as far as the policy lets it go; what is told of it, line by
    line. The gate comes first: a release takes its result along."""
    from whet.release.registry import Registry

    if not made.rung:
        yield UNMEASURED
        return
    registry = Registry(home)
    release = _known(registry, name_of(job))
    if release is None:
        passed, said = _gated(home, made)
        yield said
        release = _added(registry, job, made)
    else:
        passed = True  # an earlier try of this job got so far; the registry looks at its gate again
    yield f"Released as the candidate {release.id}."
    if release.state == "candidate":
        yield _approved(registry, release) if passed else _waits(release, "the gate did not open.")


def _known(registry: Registry, alias: str) -> Release | None:
    """The release of an earlier try of this job."""
    return next((one for one in registry.releases() if one.alias == alias), None)


def _added(registry: Registry, job: Job, made: Made) -> Release:
    from whet.release.releases import slug

    name = slug(job.asked.suffix or job.asked.model)
    return registry.add(
        made.folder, made.rung, trained_by=job.owner or TRAINER, name=name, alias=name_of(job)
    )


def _gated(home: Path, made: Made) -> tuple[bool, str]:
    """Whether the gate opens for it, and what it says; evidence and result stand in the run."""
    from whet.release.policy import FILE, policy_of
    from whet.trust.evidence import evidence
    from whet.trust.gate import gate
    from whet.trust.policy import default_policy, load_policy

    own = home / FILE
    policy = load_policy(own) if own.is_file() else default_policy()
    try:
        evidence(made.folder, rung=made.rung)
        told = gate(made.folder, policy, policy_of(home).digest, rung=made.rung)
    except WhetError as error:
        return False, f"The gate could not be held: {error.what}"
    return told.passed, told.sentence


def _approved(registry: Registry, release: Release) -> str:
    try:
        registry.approve_by_policy(release.id)
    except Refused as error:
        return _waits(release, error.what)
    except WhetError as error:
        return f"{release.alias} could not be approved: {error.what}"
    return f"{release.alias} was approved by the policy and can be asked now."


def _waits(release: Release, why: str) -> str:
    return f"{release.alias} is not served yet: {why} Then: whet approve {release.id} --by NAME"
