"""``whet repair``: options to choices, the repaired folder, and what is said of it.

Nothing is written in place: the source is read only, and OUT is a folder of its own. Reading, checking and
writing rows come in with the material; knows no format.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whet.check.card import Repair, Source, card
from whet.check.card_page import page
from whet.check.changes import changes_page
from whet.check.decisions import read_answers
from whet.check.items import Choices
from whet.check.repair import Repaired, repair
from whet.check.review import as_csv
from whet.check.rules import RULES
from whet.cli.repair_files import CARD, REVIEW, STAGE, Material, Writing, fresh, publish, usable, way
from whet.errors import InputError, nearest
from whet.store import (
    exclusive,
    file_digest,
    make_folder,
    write_json,
    write_jsonl,
    write_text,
)

if TYPE_CHECKING:
    from whet.check.redacting import Redacting

ACCEPTABLE = ("label-errors",)
BY_OPTION = {"decision": "--decisions", "relabel": "--accept", "redact": "--redact", "balance": "--balance"}


def choices_from(
    base: Choices,
    *,
    rules: str | None = None,
    accept: Iterable[str] = (),
    balance: bool = False,
    decisions: Path | None = None,
    redacting: Redacting | None = None,
    copies: bool = False,
) -> Choices:
    """The options of the command as choices.

    Raises:
        InputError: an unknown rule, proposal or score; a review file that cannot be used.
    """
    names = base.rules if rules is None else tuple(_rule(name.strip()) for name in rules.split(","))
    faults, rows = _accepted(accept)
    return replace(
        base,
        rules=(*names, "balance") if balance and "balance" not in names else names,
        accept=faults,
        accept_rows=rows,
        decisions=read_answers(decisions) if decisions else (),
        redacting=redacting,
        copies=copies,
    )


def _rule(name: str) -> str:
    known = [rule.name for rule in RULES]
    if name in BY_OPTION and name != "balance":
        fix = f"use {BY_OPTION[name]}, which says what the rule needs."
        raise InputError(f"the rule {name!r} has an option of its own.", where="--rules", fix=fix)
    if name not in known:
        raise InputError(f"there is no rule {name!r}.", where="--rules", fix=nearest(name, known))
    return name


def _accepted(accept: Iterable[str]) -> tuple[dict[str, float], frozenset[str]]:
    """``label-errors``, ``label-errors:0.9`` (or ``=0.9``), ``tickets.csv:12`` to (fault to score, rows)."""
    faults: dict[str, float] = {}
    rows = set()
    for item in accept:
        name, *rest = re.split("[:=]", item, maxsplit=1)
        if name in ACCEPTABLE:
            faults[name] = _score(item, rest[0]) if rest else 0.0
        elif re.fullmatch(r".+:\d+", item):
            rows.add(item)
        else:
            fix = f"{nearest(name, ACCEPTABLE)} Or name a row: tickets.csv:12."
            raise InputError(f"{item!r} has no proposals.", where="--accept", fix=fix)
    return faults, frozenset(rows)


def _score(item: str, text: str) -> float:
    try:
        score = float(text)
    except ValueError:
        score = -1.0
    if not 0.0 <= score <= 1.0:
        raise InputError(f"{item!r}: a score is a number from 0 to 1.", where="--accept", fix="say 0.9.")
    return score


def repair_into(material: Material, choices: Choices, out: Path, writing: Writing) -> dict[str, Any]:
    """Repair and write the folder; what was done, as plain JSON.

    Raises:
        InputError: OUT holds other things or unread decisions; decisions that do not fit.
        Refused: personal data would have been left.
        WorldError: the disk; OUT is as it was.
    """
    usable(out, material, choices)
    done = repair(material.rows, material.subject, material.report, choices, unread=material.unread)
    made = _card(material, choices, done, writing)
    make_folder(out)
    with exclusive(out):
        stage = fresh(out / STAGE)
        write_json(stage / CARD, {**made, "repair_of": way(out, material.source)})
        write_text(stage / "data-card.md", page(made, writing.name))
        write_jsonl(stage / "changes.jsonl", (asdict(change) for change in done.log))
        write_text(stage / "changes.md", changes_page(done, material.source.name, len(material.rows)))
        write_text(stage / REVIEW, as_csv(done.review))
        write_jsonl(stage / "review.jsonl", done.review)
        write_jsonl(stage / "rejects.jsonl", done.rejects)
        writing.write(stage / writing.name, done.rows)
        publish(stage, out)
    return summary(done, material, out, writing.name)


def _card(material: Material, choices: Choices, done: Repaired, writing: Writing) -> dict[str, Any]:
    source = material.source
    files = sorted(p for p in source.rglob("*") if p.is_file()) if source.is_dir() else [source]
    sources = [Source(f.name, f.stat().st_size, file_digest(f)) for f in files if f.is_file()]
    again = writing.recheck(done.rows) if writing.recheck else None
    subject, report = again or (done.subject, material.report)
    return card(
        subject,
        report,
        material.about,
        sources,
        Repair(done.log, done.open, len(choices.decisions)),
        accepted=material.accepted,
        checked="the repaired rows" if again else "the rows before the repair",
        clean=done.clean,
    )


def summary(done: Repaired, material: Material, out: Path, name: str) -> dict[str, Any]:
    """What ``--json`` prints."""
    return {
        "folder": str(out),
        "file": str(out / name),
        "rows_before": len(material.rows),
        "rows_after": len(done.rows),
        "unreadable": len(done.rejects),
        "changes": dict(Counter(change.rule for change in done.log)),
        "open_questions": done.open,
        "review": str(out / REVIEW),
    }


def spoken(told: Mapping[str, Any]) -> list[str]:
    """The same as lines for a person."""
    changes = [f"  {rule}: {count:,}" for rule, count in told["changes"].items()] or ["  nothing"]
    before, after, unreadable = told["rows_before"], told["rows_after"], told["unreadable"]
    asked = f"{told['open_questions']:,} question(s) are yours to decide: {told['review']}"
    return [
        f"{before:,} rows read, {after:,} written, {unreadable:,} unreadable",
        "changes by rule:",
        *changes,
        *([asked] if told["open_questions"] else []),
        f"wrote {told['file']}; every change stands in {Path(told['folder']) / 'changes.md'}",
    ]
