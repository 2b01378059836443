"""Figures of a card, each with the way back: the artifact, its digest, the place in it, and the command.

``untrue`` follows each way again; ``recomputed`` works the deciding figure out anew from the answers where
the run is still there. Knows no page.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whet.release.made_of import VERDICT
from whet.store import file_digest, read_json, read_jsonl

if TYPE_CHECKING:
    from whet.evaluate.stats import Interval
    from whet.ladder import Measured

SCORES, MANIFEST = "05-scores.jsonl", "manifest.json"


@dataclass(frozen=True, slots=True)
class Figure:
    """One number."""

    name: str
    value: Any
    """A number, or None where it could not be told."""
    at: str
    """Where it stands in the artifact, as a JSON pointer (RFC 6901): ``/rungs/2/value``."""
    artifact: str
    sha256: str
    """Of the artifact."""
    command: str
    """What made the artifact."""


def figures(folder: Path, artifact: str, named: Iterable[tuple[str, str]], command: str) -> list[Figure]:
    """Figures of one artifact.

    Args:
        named: name and JSON pointer of each; what the artifact does not have is left out.
    """
    value, digest = read_json(folder / artifact), file_digest(folder / artifact)
    found = [(name, at, at_pointer(value, at)) for name, at in named]
    return [Figure(name, v, at, artifact, digest, command) for name, at, v in found if v is not MISSING]


MISSING = object()
"""What a pointer leads to where nothing stands."""


def at_pointer(value: Any, pointer: str) -> Any:
    """What stands at a JSON pointer, or ``MISSING``."""
    for part in pointer.split("/")[1:]:
        part = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, Mapping) and part in value:
            value = value[part]
        elif isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        else:
            return MISSING
    return value


def untrue(told: Iterable[Mapping[str, Any]], folder: Path) -> list[str]:
    """Figures that do not stand where they say they do.

    Args:
        told: figures as a card has them.
        folder: where the artifacts are.
    """
    wrong = []
    for figure in told:
        path = folder / figure["artifact"]
        if not path.is_file():
            wrong.append(f"{figure['name']}: {figure['artifact']} is not there")
        elif file_digest(path) != figure["sha256"]:
            wrong.append(f"{figure['name']}: {figure['artifact']} is not the file that it was taken from")
        elif at_pointer(read_json(path), figure["at"]) != figure["value"]:
            wrong.append(f"{figure['name']}: {figure['artifact']} says otherwise at {figure['at']}")
    return wrong


def recomputed(run: Path, rung: str) -> Interval | None:
    """The deciding metric of a rung, worked out from its held-out answers; None where that takes a scorer or
    a judge, or where the run is gone.

    Raises:
        InputError: an artifact is damaged.
    """
    if not all((run / name).is_file() for name in (SCORES, MANIFEST)):
        return None
    from whet.advising import task_of_run
    from whet.evaluate.evidence import Evidence
    from whet.measure import metric_of
    from whet.records import Output

    task, _ = task_of_run(run)
    if task.metric_name not in ("accuracy", "macro_f1", "cost"):
        return None
    _, *rows = read_jsonl(run / SCORES)
    truths: Sequence[Output] = [_output(row["truth"]) for row in rows]
    metric = metric_of(task, run, run / "cache", [], "")
    measured = [_answers(name, rows) for name in rows[0]["rungs"]]
    evidence = Evidence(measured, truths, metric, task.seed, [row["input"] for row in rows])
    return evidence.interval(next(one for one in measured if one.name == rung))


def disagrees(run: Path, rung: str) -> str:
    """What a verdict's figure is, where its answers give another; empty where they agree or none can say."""
    anew = recomputed(run, rung)
    if anew is None:
        return ""
    told = next(one for one in read_json(run / VERDICT)["rungs"] if one["name"] == rung)
    same = all(math.isclose(told[key], getattr(anew, key), abs_tol=1e-9) for key in ("value", "low", "high"))
    return "" if same else f"{rung}: the verdict says {told['value']:.6f}, its answers give {anew.value:.6f}"


def _output(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _answers(name: str, rows: Sequence[Mapping[str, Any]]) -> Measured:
    """A rung's answers; what they cost plays no part here."""
    from whet.ladder import Measured

    costs: dict[str, Any] = dict.fromkeys(
        ("dev_gain", "fit_seconds", "seconds_per_1k", "provider_usd_per_1k", "p50_ms", "p95_ms"), 0.0
    )
    costs |= {"parameters_trained": 0, "trains": False, "tokens_in": 0.0, "tokens_out": 0.0}
    outputs = tuple(_output(row["rungs"][name]["output"]) for row in rows)
    return Measured(name, outputs, (), **costs, choices={}, curve=(), notes=())
