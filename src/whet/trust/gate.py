"""The gate: a policy's lines against the evidence of one specialist. It opens, or says why not.

A line is *passed*, *failed*, *too few* (the value keeps to the limit, the interval not yet), *not shown*, or
*does not apply*. A line that failed shuts the gate, and so does one that is needed and not passed. What was
not shown is never passed; a line that does not apply to this kind of task (the measure says so) asks for
nothing. Reads 08-evidence and 09-review, and takes no measure itself.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from whet.errors import InputError
from whet.runs import command_line, now
from whet.store import file_digest, folder_digests, read_json, value_digest, write_json
from whet.trust.evidence import FILE, stem_of
from whet.trust.measures import Figure, Measure, from_json
from whet.trust.policy import Line, Policy
from whet.trust.reviewing import reviewed

State = Literal["passed", "failed", "too few", "not shown", "does not apply"]
RESULT = "09-gate"
LEAST = 30
"""Examples behind a figure, where its interval need not keep to the limit."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One line and what came of it."""

    name: str
    state: State
    needed: bool
    limit: str
    """``at most 5.0 %, surely``"""
    found: str
    """The figure with its interval and n, or why there is none."""
    more: int | None = None
    """Examples that it would take, where there are too few."""
    shuts: bool = True
    """Whether a failure shuts the gate."""

    @property
    def stops(self) -> bool:
        if self.state == "failed":
            return self.shuts
        return self.needed and self.state not in ("passed", "does not apply")


@dataclass(frozen=True, slots=True)
class Opened:
    """What the gate says."""

    passed: bool
    lines: tuple[Judged, ...]
    sentence: str
    stakes: str
    rung: str
    file: Path


def gate(run: Path, policy: Policy, digest: str, *, rung: str | None = None) -> Opened:
    """Hold a run's specialist to a policy, and write 09-gate.json.

    Args:
        digest: of the policy file, as an approval binds it.
        rung: default: the rung that the verdict names.

    Raises:
        InputError: there is no evidence, or it is of another specialist; a line names no known measure.
    """
    found, path = read_evidence(run, rung)
    name = str(found["rung"])
    own = value_digest(folder_digests(run / "04-rungs" / name))
    if own != found["specialist"]:
        fix = f"whet evidence {run} takes it anew."
        raise InputError("is of another specialist: its files have changed since.", where=path, fix=fix)
    measures = {one["name"]: from_json(one) for one in found["measures"]}
    lines = [judge(line, measures) for line in policy.lines]
    if policy.reviewed:
        lines.append(_review(run, name, own, policy))
    passed = not any(line.stops for line in lines)
    out = run / f"{stem_of(run, name, RESULT)}.json"
    told = Opened(passed, tuple(lines), _sentence(lines, name, policy), policy.stakes, name, out)
    write_json(out, _result(told, policy, digest, own, path))
    return told


def read_evidence(run: Path, rung: str | None) -> tuple[dict[str, Any], Path]:
    """08-evidence of a rung.

    Raises:
        InputError: there is none.
    """
    if not (run / "06-verdict.json").is_file():
        raise InputError("is not a finished run.", where=run, fix="name the folder that `whet run` wrote.")
    path = run / f"{stem_of(run, rung, FILE) if rung else FILE}.json"
    if not path.is_file():
        more = f" --rung {rung}" if rung else ""
        raise InputError("there is no evidence yet.", where=path, fix=f"whet evidence {run}{more}")
    return dict(read_json(path)), path


def judge(line: Line, measures: Mapping[str, Measure]) -> Judged:
    """One line against the measures."""
    name, _, figure_name = line.name.partition(".")
    measure = measures.get(name)
    if measure is None:
        return Judged(
            line.name, "not shown", line.needed, _limit(line, None), "it was not among the measures taken"
        )
    if measure.standing != "shown":
        state: State = "not shown" if measure.applies else "does not apply"
        return Judged(line.name, state, line.needed, _limit(line, None), measure.why)
    figure = measure.figure(figure_name)
    if figure is None:
        known = ", ".join(one.name for one in measure.figures) or "none"
        return Judged(
            line.name, "not shown", line.needed, _limit(line, None), f"no such figure; known: {known}"
        )
    kept, more = held(line, figure)
    return Judged(line.name, kept, line.needed, _limit(line, figure), _figure(figure, more), more, line.shuts)


def held(line: Line, figure: Figure) -> tuple[State, int | None]:
    """Whether a figure keeps to a line; where it is not sure yet, how many examples it would take in all."""
    if not line.keeps(figure.value):
        return "failed", None
    flat = figure.low == figure.value == figure.high
    if flat and figure.unit == "count":
        return "passed", None  # of things that were counted, none was sampled
    bound = figure.high if line.at_most is not None else figure.low
    if line.surely and not line.keeps(bound):
        return "too few", _needed(line, figure, bound)
    if figure.n < LEAST and (flat or not line.surely):  # of few rows that are all alike, no interval tells
        return "too few", LEAST
    return "passed", None


def _needed(line: Line, figure: Figure, bound: float) -> int | None:
    """Examples after which the interval would keep to the limit, were the value to stay: its width falls with
    the root of n. None: the value is at the limit itself."""
    room, width = abs(line.limit - figure.value), abs(bound - figure.value)
    return math.ceil(figure.n * (width / room) ** 2) if room > 1e-9 else None


def _limit(line: Line, figure: Figure | None) -> str:
    side = "at most" if line.at_most is not None else "at least"
    value = _number(line.limit, figure.unit) if figure else f"{line.limit:g}"
    return f"{side} {value}{', surely' if line.surely else ''}"


def _figure(figure: Figure, more: int | None) -> str:
    span = ""
    if figure.low != figure.high:
        span = f" ({_number(figure.low, figure.unit)} to {_number(figure.high, figure.unit)})"
    need = f"; about {more:,} {figure.of} would show it" if more else ""
    title = f"{figure.title}: " if figure.name in ("worst_gap", "swap_gap") and figure.title else ""
    return f"{title}{_number(figure.value, figure.unit)}{span}, n={figure.n:,}{need}"


def _number(value: float, unit: str) -> str:
    if unit == "share":
        return f"{100 * value:.1f} %"
    return f"{100 * value:.1f} points" if unit == "points" else f"{value:g}"


def _review(run: Path, rung: str, specialist: str, policy: Policy) -> Judged:
    """Whether a named person has decided on a random sample of this specialist's outputs."""
    line = Line("review.accepted", at_least=policy.review.accepted, surely=True)
    limit = f"{_limit(line, Figure('accepted', 0, 0, 0, 0, 'higher'))}, of {policy.review.sample} or more"
    found = reviewed(run, rung)
    how = f"whet review {run} --sample {policy.review.sample}"
    if found is None or found["specialist"] != specialist:
        why = (
            "nobody has looked at a sample of its outputs"
            if found is None
            else "the review is of another specialist"
        )
        return Judged(line.name, "not shown", True, limit, f"{why}; {how}")
    figure = Figure("accepted", **found["accepted"], better="higher")
    if figure.n < policy.review.sample:
        return Judged(
            line.name, "too few", True, limit, f"{figure.n} were decided; {how}", policy.review.sample
        )
    state, more = held(line, figure)
    return Judged(line.name, state, True, limit, f"{_figure(figure, more)}, by {found['reviewer']}", more)


def _sentence(lines: Sequence[Judged], rung: str, policy: Policy) -> str:
    stops = [line for line in lines if line.stops]
    unshown = [line for line in lines if line.state == "not shown" and not line.needed]
    more = f" Not shown, and not needed: {', '.join(line.name for line in unshown)}." if unshown else ""
    if not stops:
        passed = sum(line.state == "passed" for line in lines)
        return f"`{rung}` passes the gate ({policy.stakes} stakes): {passed} lines of {len(lines)}.{more}"
    why = ", ".join(f"{line.name} ({line.state})" for line in stops)
    return f"`{rung}` does not pass the gate ({policy.stakes} stakes): {why}.{more}"


def _result(told: Opened, policy: Policy, digest: str, specialist: str, evidence: Path) -> dict[str, Any]:
    """09-gate.json, which an approval binds."""
    return {
        "passed": told.passed,
        "specialist": specialist,
        "policy": digest,
        "policy_file": policy.source,
        "stakes": told.stakes,
        "rung": told.rung,
        "sentence": told.sentence,
        "lines": [asdict(line) for line in told.lines],
        "evidence": {"file": evidence.name, "sha256": file_digest(evidence)},
        "command": command_line(),
        "at": now(),
    }
