"""The model card as Markdown: a pure function of its JSON, with the front matter of a Hugging Face card.

The metadata goes through ``huggingface_hub``'s own classes, so that what they refuse is not written. Every
figure on the page stands in the JSON.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from whet.repair import card_page as data_page
from whet.repair.card import NOT_PROVIDED
from whet.repair.markdown import as_table, cell, listed

HUB_ID = re.compile(r"[\w\-][\w.\-]*(/[\w\-][\w.\-]*)?")
LICENCE = re.compile(r"[a-z0-9][a-z0-9.+-]*")
DIGITS = 12  # of a digest, on the page
MOST_LABELS = 50


def page(card: Mapping[str, Any]) -> str:
    """The card as a README.md."""
    parts = [
        f"---\n{front_matter(card)}\n---",
        f"# {cell(card['name'])} ({cell(card['rung'])})",
        _release(card["release"]),
        _purpose(card),
        _made(card),
        _figures(card),
        _trust(card),
        _limits(card),
        _data(card),
        _people(card["about"]),
        _reproduce(card),
        _frameworks(card),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def front_matter(card: Mapping[str, Any]) -> str:
    """YAML as the hub reads it."""
    from huggingface_hub import ModelCardData

    names = [base["name"] for base in card["bases"] if HUB_ID.fullmatch(base["name"])]
    data = ModelCardData(
        model_name=_plain(card["name"]),
        base_model=names[0] if len(names) == 1 else names or None,
        pipeline_tag=_pipeline(card),
        library_name="whet",
        tags=["whet", f"whet-rung:{card['rung']}"],
        language=_languages(card["data"]) or None,
        eval_results=_results(card) or None,
        license=(licence := _licence(card["about"]["licence"]))[0],
        license_name=licence[1] or None,
    )
    return data.to_yaml().strip()


def _pipeline(card: Mapping[str, Any]) -> str:
    """The hub's word for the kind; a training alone is of a model that writes."""
    return data_page.TASKS.get(card["kind"], data_page.TASKS["write"])


def _results(card: Mapping[str, Any]) -> list[Any]:
    """The deciding figure, as the hub shows results."""
    from huggingface_hub import EvalResult

    named = {figure["at"].rpartition("/")[2]: figure for figure in card["figures"]}
    if not card["metric"] or "value" not in named:
        return []
    metric = card["metric"]["metric"]
    return [
        EvalResult(
            task_type=_pipeline(card),
            dataset_type="private",
            dataset_name=f"{_plain(card['name'])}, held-out test set",
            dataset_split="test",
            metric_type="f1" if metric == "macro_f1" else metric,
            metric_name=metric,
            metric_value=named["value"]["value"],
        )
    ]


def _languages(data: Mapping[str, Any]) -> list[str]:
    known = data.get("composition", {}).get("languages", {})
    return [code for code in known if re.fullmatch("[a-z]{2,3}", code)]


def _licence(licence: str) -> tuple[str, str]:
    """An identifier as the hub writes it, or ``other`` and a name."""
    if not licence:
        return "unknown", ""
    if LICENCE.fullmatch(licence.lower()):
        return licence.lower(), ""
    return "other", re.sub(r"[^a-z0-9.+-]+", "-", licence.lower()).strip("-")


def _plain(text: str) -> str:
    return " ".join(text.split())


def _short(digest: str) -> str:
    return f"{digest[:DIGITS]}…" if digest else NOT_PROVIDED


def _release(release: Mapping[str, Any]) -> str:
    if not release:
        return "## Release\n\nnot provided: this is a run, and nobody approved it."
    keys = ("id", "state", "since", "trained_by", "approved_by")
    facts = {key.replace("_", " "): release[key] or NOT_PROVIDED for key in keys}
    log = as_table(
        ("entry", "at", "event", "who"), [[e["seq"], e["at"], e["event"], e["who"]] for e in release["log"]]
    )
    digests = as_table(("bound by the approval", "SHA-256"), sorted(release["digests"].items()))
    return f"## Release\n\n{listed(facts)}\n\n{digests}\n\n### From the audit log\n\n{log}"


def _purpose(card: Mapping[str, Any]) -> str:
    told, about = card["purpose"], card["about"]
    labels = ", ".join(told["labels"][:MOST_LABELS])
    facts = {
        "what it does": card["kind"] or NOT_PROVIDED,
        "a good output": told["success"] or NOT_PROVIDED,
        "instruction": told["instruction"] or NOT_PROVIDED,
        "labels": labels or NOT_PROVIDED,
        "intended use": about["intended_use"] or NOT_PROVIDED,
        "users and people affected": about["users"] or NOT_PROVIDED,
        "out of scope": about["out_of_scope"] or NOT_PROVIDED,
    }
    return f"## Purpose\n\n{listed(facts)}"


def _made(card: Mapping[str, Any]) -> str:
    bases = [
        [_named(base["name"]), _short(base["sha256"]), base["licence"] or NOT_PROVIDED]
        for base in card["bases"]
    ]
    table = (
        as_table(("base model", "SHA-256 of its weights", "licence"), bases) if bases else "No base model."
    )
    training = {key.replace("_", " "): value for key, value in card["training"].items() if key != "notes"}
    return f"## How it was made\n\n{table}\n\n{listed(training)}"


def _figures(card: Mapping[str, Any]) -> str:
    rows = [
        [f["name"], _number(f["value"]), f["artifact"], f["at"], _short(f["sha256"])] for f in card["figures"]
    ]
    parts = ["## Figures", str(cell(card.get("sentence", ""))), as_table(_WAY, rows)]
    if card["rungs"]:
        others = [[_number(rung[key]) for key in rung] for rung in card["rungs"]]
        parts += ["### Beside the other rungs", as_table(list(card["rungs"][0]), others)]
    return "\n\n".join(part for part in parts if part)


_WAY = ("figure", "value", "artifact", "place in it", "SHA-256")


def _named(base: str) -> str:
    """A model's name; of a folder on this machine the last part, which is all that others need to know."""
    return Path(base).name if Path(base).is_absolute() else base


def _number(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1000 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _trust(card: Mapping[str, Any]) -> str:
    parts = ["## What it showed"]
    for name, measure in card["measures"].items():
        rows = [
            [f["name"], _number(f["value"]), f"{_number(f['low'])} to {_number(f['high'])}", f["n"], f["at"]]
            for f in measure["figures"]
        ]
        parts += [f"### {cell(name)}", cell(measure["said"])]
        parts += [as_table(("figure", "value", "95 % interval", "n", "place in it"), rows)] if rows else []
    parts += [listed({f"{name}, not shown": why for name, why in card["not_shown"].items()})]
    gates = {
        f"gate ({name})": "passed" if gate["passed"] else "NOT passed" for name, gate in card["gate"].items()
    }
    parts += [listed(gates) if gates else "- gate: not provided"]
    if not card["measures"] and not card["not_shown"]:
        parts.insert(1, "not provided: no evidence was taken (`whet trust`).")
    return "\n\n".join(part for part in parts if part)


def _limits(card: Mapping[str, Any]) -> str:
    limits = [*card["limits"], *card["training"].get("notes", [])]
    told = "\n".join(f"- {cell(limit)}" for limit in limits) or "not provided"
    return f"## Limits\n\n{told}\n\n- foreseeable harm: {cell(card['about']['risks'] or NOT_PROVIDED)}"


def _data(card: Mapping[str, Any]) -> str:
    """The short form; the data sheet is a file of its own."""
    data = card["data"]
    if not data:
        return "## Data\n\nnot provided: see the data sheet of the run that it came from."
    composition = data["composition"]
    facts = {
        "examples": f"{composition['rows']:,}",
        "sides": ", ".join(f"{side} {count:,}" for side, count in composition.get("sides", {}).items()),
        "origin": data["collection"]["origin"],
        "licence": data["uses"]["licence"],
        "SHA-256": data["file"]["sha256"],
    }
    standards = as_table(("standard", "status"), [[s["name"], s["status"]] for s in data["standards"]])
    return f"## Data\n\n{listed(facts)}\n\n{standards}\n\nMore stands in the data sheet (`DATASHEET.md`)."


def _people(about: Mapping[str, str]) -> str:
    shown = ("provider", "contact", "oversight", "impact", "security", "monitoring", "incidents")
    return "## What people say\n\n" + listed({name: about[name] or NOT_PROVIDED for name in shown})


def _reproduce(card: Mapping[str, Any]) -> str:
    artifacts = as_table(("artifact", "SHA-256"), sorted(card["artifacts"].items()))
    environment = listed({key: _flat(value) for key, value in card["environment"].items()})
    command = cell(card["command"] or NOT_PROVIDED)
    return (
        f"## Where the figures are from\n\nCommand: {command}\n\n{environment}\n\n{artifacts}\n\n"
        "`whet card --check` follows every figure back to its place, and works the deciding one out anew "
        "from the answers while the run is there."
    )


def _flat(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {inner}" for name, inner in value.items())
    return str(value)


def _frameworks(card: Mapping[str, Any]) -> str:
    rows = [[line["framework"], line["field"], line["asks"], line["said"]] for line in card["frameworks"]]
    table = as_table(("framework", "field", "what it asks for", "part of this card"), rows)
    return (
        "## Fields of frameworks\n\nWhere this card has something to say to a field. It does not say that a "
        f"requirement is met.\n\n{table}"
    )


def data_sheet(card: Mapping[str, Any]) -> str:
    """``DATASHEET.md``; empty where the data are not known."""
    return data_page.page(card["data"]) if card["data"] else ""
