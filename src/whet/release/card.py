"""The model card: what a specialist is, what was measured of it and how, told from its artifacts.

One JSON value holds all of it; ``card_page.py`` draws it as Markdown and adds nothing. Sections follow "Model
Cards for Model Reporting" (Mitchell et al., arXiv 1810.03993). Every figure names the artifact, its digest,
the place in it and the command that made it. What nobody said or measured stands as "not provided".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whet.release.about import About
from whet.release.datasheet import KEPT, datasheet
from whet.release.figures import Figure, figures
from whet.release.frameworks import lines
from whet.release.gate import GATES
from whet.release.made_of import EVALUATION, RUNGS, TRAINED, VERDICT, evidence_files, made_of
from whet.repair.card import NOT_PROVIDED
from whet.rungs.base import CARD
from whet.runs import MANIFEST
from whet.store import file_digest, read_json
from whet.version import __version__

if TYPE_CHECKING:
    from whet.release.registry import Registry
    from whet.release.releases import Release

MEASURES = "08-evidence*.json"
NAMED = (
    ("value", "{metric} on the held-out test set"),
    ("low", "lower end of its 95 % interval"),
    ("high", "upper end of its 95 % interval"),
    ("n", "held-out examples"),
    ("dev", "{metric} on dev"),
    ("p50_ms", "milliseconds of a request, median"),
    ("p95_ms", "milliseconds of a request, 95th of a hundred"),
    ("usd_per_1k", "US dollars for a thousand requests"),
    ("tokens_in", "tokens read for a request"),
    ("tokens_out", "tokens written for a request"),
    ("fit_seconds", "seconds to fit"),
    ("parameters_trained", "parameters trained"),
)
OF_ALL = ("name", "reading", "value", "low", "high", "n", "usd_per_1k", "p50_ms")
ENVIRONMENT = ("whet", "python", "platform", "cpus", "processor", "libraries")


@dataclass(frozen=True, slots=True)
class Described:
    """A specialist and its evidence, wherever they lie."""

    task: str
    rung: str
    specialist: Path
    evidence: Path
    release: Mapping[str, Any]
    """What the registry says; empty for a run."""


def of_run(run: Path, rung: str = "") -> Described:
    """A run's specialist, or a training; errors as in ``made_of``."""
    found = made_of(run, rung)
    return Described(found.task, found.rung, found.specialist, found.source, {})


def of_release(registry: Registry, id_: str) -> Described:
    """A release, with what the audit log says of it.

    Raises:
        InputError: there is none.
        Refused: the log was changed.
    """
    from whet.release.verify import entries

    found: Release = registry.find(id_)
    log = [
        {"seq": entry.seq, "at": entry.at, "event": entry.event, "who": entry.who}
        for entry in entries(registry.home)
        if found.id in (entry.fields.get("id"), entry.fields.get("to"))
    ]
    told = {name: getattr(found, name) for name in ("id", "name", "alias", "state", "since", "made_at")}
    told |= {"trained_by": found.trained_by, "approved_by": found.approved_by}
    told |= {"digests": {**asdict(found.digests), **_bound(found)}, "log": log}
    return Described(found.task, found.rung, found.folder, found.evidence, told)


def card(of: Described, about: About | None = None) -> dict[str, Any]:
    """Everything a card says, as plain JSON.

    Raises:
        InputError: an artifact is damaged.
    """
    manifest = _read(of.evidence / MANIFEST)
    told = {
        "name": of.task,
        "rung": of.rung,
        "whet": __version__,
        "release": dict(of.release),
        "about": (about or About()).model_dump(),
        **_of_task(manifest.get("task", {})),
        **_of_specialist(of.specialist),
        **_of_evaluation(of, str(manifest.get("command", ""))),
        **_of_trust(of.evidence),
        "data": datasheet(of.evidence),
        "environment": {name: manifest[name] for name in ENVIRONMENT if name in manifest},
        "command": str(manifest.get("command", "")),
        "artifacts": _artifacts(of),
    }
    return {**told, "frameworks": [asdict(line) | {"said": line.said} for line in lines(told)]}


def _bound(found: Release) -> dict[str, str]:
    """What only the approval knows."""
    return {name: str(found.bound[name]) for name in ("policy", "gate") if name in found.bound}


def _read(path: Path) -> dict[str, Any]:
    return dict(read_json(path)) if path.is_file() else {}


def _of_task(task: Mapping[str, Any]) -> dict[str, Any]:
    labels = [label["name"] for label in task.get("labels") or ()]
    purpose = {"success": task.get("success", ""), "instruction": task.get("instruction", "")}
    return {"kind": task.get("kind", ""), "purpose": {**purpose, "labels": labels}}


def _of_specialist(folder: Path) -> dict[str, Any]:
    """What the specialist's own card says: its models, and how it was fitted."""
    if not (folder / CARD).is_file():
        return _of_training(read_json(folder / TRAINED))
    found = read_json(folder / CARD)
    info = found.get("info", {})
    keys = ("choices", "parameters_trained", "seconds", "dev_score", "notes", "cut_short", "prompt")
    return {"bases": _bases(found), "training": {key: info[key] for key in keys if info.get(key)}}


def _of_training(found: Mapping[str, Any]) -> dict[str, Any]:
    keys = ("method", "adapter", "precision", "plan", "rows", "tokens", "learned", "steps", "best", "notes")
    training = {key: found[key] for key in keys if found.get(key)}
    return {
        "bases": [dict(found["base"])],
        "training": training | {"seconds": (found.get("speed") or {}).get("seconds")},
    }


def _bases(found: Any) -> list[dict[str, Any]]:
    """Models that a card names, each once, with the licence that the model's own card states."""
    every = {base["name"]: base for base in _walk(found)}
    return [every[name] for name in sorted(every)]


def _walk(found: Any) -> list[dict[str, Any]]:
    if isinstance(found, list):
        return [base for one in found for base in _walk(one)]
    if not isinstance(found, Mapping):
        return []
    name, sha256 = found.get("name") or found.get("decoder"), found.get("sha256")
    own = [{"name": name, "sha256": sha256, "licence": _licence(name)}] if name and sha256 else []
    if isinstance(asked := found.get("endpoint"), Mapping):
        own.append({"name": f"{asked.get('model')} at {asked.get('endpoint')}", "sha256": "", "licence": ""})
    return own + [base for one in found.values() for base in _walk(one)]


def _licence(name: str) -> str:
    from whet.errors import InputError
    from whet.models.finding import find_folder
    from whet.models.folder import read_licence
    from whet.models.source import PACKAGES

    try:
        return read_licence(find_folder(name, PACKAGES)[0])
    except InputError:  # the base is not on this machine: the card is written all the same
        return NOT_PROVIDED


def _of_evaluation(of: Described, command: str) -> dict[str, Any]:
    """The verdict's figures of this rung, and beside them those of the others."""
    if not (of.evidence / VERDICT).is_file():
        return {"metric": {}, "figures": _of_curve(of.specialist), "rungs": [], "limits": []}
    verdict = read_json(of.evidence / VERDICT)
    place = next(at for at, rung in enumerate(verdict["rungs"]) if rung["name"] == of.rung)
    named = [(name.format(metric=verdict["metric"]), f"/rungs/{place}/{key}") for key, name in NAMED]
    named += [("openings of the test set", "/test_openings"), ("margin of the decision", "/margin")]
    found: list[Figure] = figures(of.evidence, VERDICT, named, command)
    return {
        "metric": {name: verdict[name] for name in ("metric", "higher_is_better", "target", "target_met")},
        "figures": [asdict(figure) for figure in found if figure.value is not None],
        "rungs": [{key: rung[key] for key in OF_ALL} for rung in verdict["rungs"]],
        "sentence": verdict["sentence"],
        "limits": _limits(verdict),
    }


def _of_curve(folder: Path) -> list[dict[str, Any]]:
    """Of a training alone there is no held-out figure, only what dev said."""
    named = [("loss on dev, at its best", "/best/loss"), ("share right on dev", "/best/score")]
    named += [("training examples", "/rows/train"), ("steps", "/steps")]
    found = figures(folder, TRAINED, named, "whet tune")
    return [asdict(figure) for figure in found if figure.value is not None]


def _limits(verdict: Mapping[str, Any]) -> list[str]:
    """What the verdict knows that it does not know."""
    seen = verdict.get("smallest_detectable_difference")
    limits = [f"This test set could not have seen a difference below {seen:.4f}."] if seen else []
    if not verdict["decisive"]:
        limits.append("The verdict is not decisive: more examples could change which rung is enough.")
    if verdict["test_openings"] > 1:
        limits.append(
            f"The test set was opened {verdict['test_openings']} times; the intervals allow for that."
        )
    return [*limits, *verdict["notes"]]


def _of_trust(folder: Path) -> dict[str, Any]:
    """What ``08-evidence.json`` shows and does not show, and what the gate said."""
    found = [(path, read_json(path)) for path in evidence_files(folder, (MEASURES,))]
    measures = {one["name"]: (path, at, one) for path, value in found for at, one in _measures(value)}
    shown = {n: _measure(*told) for n, told in measures.items() if told[2]["standing"] == "shown"}
    missing = {n: told[2]["why"] for n, told in measures.items() if told[2]["standing"] != "shown"}
    gates = {path.name: read_json(path) for path in evidence_files(folder, (GATES,))}
    gate = {
        name: {"passed": value.get("passed"), "policy": value.get("policy")} for name, value in gates.items()
    }
    return {"measures": shown, "not_shown": missing, "gate": gate}


def _measures(value: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """Every measure of a file with its JSON pointer."""
    listed = value.get("measures", [])
    pairs = listed.items() if isinstance(listed, Mapping) else enumerate(listed)
    return [(f"/measures/{at}", one) for at, one in pairs]


def _measure(path: Path, at: str, one: Mapping[str, Any]) -> dict[str, Any]:
    """A measure's sentence and figures; the rows behind them stay in the evidence."""
    digest = file_digest(path)
    told = [
        asdict(
            Figure(f"{one['name']}.{f['name']}", f["value"], f"{at}/figures/{i}/value", path.name, digest, "")
        )
        | {key: f.get(key) for key in ("low", "high", "n", "of", "base_value", "judge")}
        for i, f in enumerate(one["figures"])
    ]
    return {"said": one["said"], "figures": told}


def _artifacts(of: Described) -> dict[str, str]:
    """Digests of everything that the card was told from."""
    paths = evidence_files(of.evidence, (*EVALUATION, MANIFEST, GATES, KEPT, TRAINED))
    return {path.name: file_digest(path) for path in paths} | _own(of)


def _own(of: Described) -> dict[str, str]:
    """The specialist's own card."""
    names = {CARD: f"{RUNGS}/{of.rung}/{CARD}", TRAINED: TRAINED}
    paths = {told: of.specialist / name for name, told in names.items()}
    return {told: file_digest(path) for told, path in paths.items() if path.is_file()}
