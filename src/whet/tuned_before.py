"""The training that a folder holds: a folder goes on with that one, and with no other.

Knows what a training is known by; trains nothing.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whet.errors import InputError
from whet.given import Given, device, exactly, method, precision, recipe_of
from whet.store import read_json, value_digest

if TYPE_CHECKING:
    from whet.train.course import Plan
    from whet.train.preflight import Fit

MADE_FROM = "made-from.json"


def check_same(given: Given, fit: Fit, plan: Plan, out: Path) -> dict[str, Any]:
    """What the training is known by, to be written to ``MADE_FROM`` once it begins.

    Raises:
        InputError: it holds another.
    """
    asked, held = identity(given, plan), before(out)
    other = {name: value for name, value in asked.items() if held and held.get(name) != value}
    if other:
        told = [f"{name} {_short(held.get(name))}, now {_short(value)}" for name, value in other.items()]
        raise InputError(
            f"the folder holds another training: {'; '.join(told)}.",
            where=out,
            fix="choose another folder with --out, or remove this one.",
        )
    return {**asked, "pass_tokens": fit.way.pass_tokens, "pack": fit.way.pack}


def identity(given: Given, plan: Plan) -> dict[str, Any]:
    """What a training is known by, as JSON values."""
    shape = asdict(plan)
    rates = shape.pop("rates")
    recipe = recipe_of(given.task)
    return {
        "model": given.source.sha256,
        "examples": value_digest([[row.ids, row.weights] for row in (*given.train.rows, *given.dev.rows)]),
        "method": method(given.task),
        "precision": precision(given.task),
        "device": device(given.task),
        **({name: value for name, value in asdict(recipe).items() if name != "targets"} if recipe else {}),
        **shape,
        **{name: value for name, value in rates.items() if name not in {"betas", "parts"}},
        "top_layers": given.task.tune.top_layers,
        "compile": given.task.tune.compile,
        "score": "exact" if exactly(given.task) else "loss",
    }


def before(out: Path) -> dict[str, Any]:
    """What the folder holds already; nothing where it is new."""
    return dict(read_json(out / MADE_FROM)) if (out / MADE_FROM).exists() else {}


def _short(value: Any) -> str:
    return value[:12] + "…" if isinstance(value, str) and len(value) == 64 else str(value)
