"""What was typed after ``whet repair``, as choices; an option that means nothing is an error."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from whet.errors import InputError, nearest
from whet.repair.decisions import read_answers
from whet.repair.items import Choices
from whet.repair.rules import RULES

if TYPE_CHECKING:
    from whet.check.places import Places
    from whet.repair.redacting import Redacting

ACCEPTABLE = ("label-errors",)
BY_OPTION = {"decision": "--decisions", "relabel": "--accept", "redact": "--redact", "balance": "--balance"}


@dataclass(frozen=True, slots=True)
class Options:
    """The options of ``whet repair``, as they were typed."""

    rules: str | None = None
    """Names, separated by commas; without them, those that need no option."""
    accept: tuple[str, ...] = ()
    """``label-errors``, ``label-errors:0.9`` or ``tickets.csv:12``."""
    redact: bool = False
    balance: bool = False
    copies: bool = False
    decisions: Path | None = None
    model: bool = True
    """Whether to use the task's encoder, for the checks that need one and for names of people."""


def choices_from(options: Options, places: Places, redacting: Redacting | None = None) -> Choices:
    """The options as choices; ``redacting`` is used where they say redact.

    Raises:
        InputError: an unknown rule, proposal or score; a review file that cannot be used.
    """
    names = Choices().rules if options.rules is None else tuple(map(_rule, options.rules.split(",")))
    faults, rows = _accepted(options.accept)
    return Choices(
        rules=(*names, "balance") if options.balance and "balance" not in names else names,
        places=places,
        accept=faults,
        accept_rows=rows,
        decisions=read_answers(options.decisions) if options.decisions else (),
        redacting=redacting if options.redact else None,
        copies=options.copies,
    )


def _rule(given: str) -> str:
    name = given.strip()
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
