"""accurate: labels that look wrong, outputs that break the schema, rows that time has overtaken, values.

Label errors are found by confident learning (``confident``) on an encoder's vectors and the words behind them
(``lexical``); JSON answers are held to their schema
(``schema``), to their input (``values``) and to themselves (``unparsable``). It knows what the data say of
each other, not what is true: an error that every row shares is none here.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np

from whet.check.confident import FOLDS, LEAST, Suspects, held_out, noise, suspects
from whet.check.findings import Check, Finding, Flag
from whet.check.lexical import STRENGTH as HEAD
from whet.check.lexical import with_words
from whet.check.schema import schema
from whet.check.subject import drawn
from whet.check.unparsable import unparsable
from whet.check.values import not_in_input
from whet.data.load import is_time, moment
from whet.data.neardup import fold, near_groups
from whet.data.readings import numbers

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from whet.check.subject import Subject, Tools
    from whet.evaluate.stats import Interval

    Probabilities = NDArray[np.floating]
    Wrong = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Labelled:
    """The rows of a subject that have an input and a label."""

    rows: list[int]
    """Their places in the subject [n]."""
    names: list[str]
    """All labels, sorted [labels]."""
    table: NDArray[np.float32]
    """Given labels as 0 and 1 [n, labels]."""
    separator: str | None
    """What joins several labels of one row; None: one label."""
    filled: int
    """Rows that could have been drawn."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What models of the other rows make of each row."""

    data: Labelled
    seen: NDArray[np.float32]
    """What the models see: vectors and words [n, dim]."""
    groups: list[int]
    """Near-duplicates have equal numbers [n]."""
    probabilities: Probabilities
    """[n, labels]"""


@dataclass(frozen=True, slots=True)
class Doubts:
    """What is wrong with the labels of a subject."""

    flags: list[Flag]
    """Rows with a label that looks wrong, surest first."""
    noise: Interval
    """The share of wrong labels; of several a row, the share of wrong pairs of row and label."""
    judged: int
    """Labels with enough rows to be judged."""


def label_errors(subject: Subject, tools: Tools) -> Iterator[Finding]:
    """``accurate.label-errors``: labels that models of the other rows do not believe, surest first."""
    judged = judged_labels(subject, tools)
    if judged is None:
        return
    data, several = judged.data, judged.data.separator is not None
    doubts = (_of_several if several else _of_one)(data, judged.probabilities)
    if doubts.flags:
        yield _label_finding(doubts, data)


def judged_labels(subject: Subject, tools: Tools) -> Judged | None:
    """What models say of the labels, worked out once for a subject by the same encoder and seed; None where
    there are too few rows."""
    key = ("labels", tools.encode, tools.seed)
    if key not in subject.worked:
        subject.worked[key] = _judged(subject, tools)
    found: Judged | None = subject.worked[key]
    return found


def _judged(subject: Subject, tools: Tools) -> Judged | None:
    assert tools.encode is not None
    data = labelled(subject, tools.seed)
    inputs = [subject.inputs[row] for row in data.rows]
    groups = near_groups(inputs)
    if len(data.names) < 2 or len(set(groups)) < FOLDS:
        return None
    seen = with_words(tools.encode(inputs), inputs, tools.seed)
    several = data.separator is not None
    probabilities = believed(seen, data.table, groups, several=several, seed=tools.seed)
    return Judged(data, seen, groups, probabilities)


def believed(
    seen: NDArray[np.float32],
    table: NDArray[np.floating],
    groups: list[int],
    *,
    several: bool,
    seed: int = 0,
    but: Wrong | None = None,
) -> NDArray[np.float64]:
    """How probable each label is for each row by models of the other rows [n, labels].

    Args:
        seen: vectors with the words behind them (``lexical.with_words``) [n, dim].

    The others are those of ``held_out``.
    """
    return held_out(seen, table, groups, several=several, seed=seed, strength=HEAD, but=but)


def labelled(subject: Subject, seed: int = 0) -> Labelled:
    """The rows with an input and a label, a random sample of very many, and their labels as a table."""
    given = subject.label_sets()
    filled = [row for row, labels in enumerate(given) if labels and subject.inputs[row].strip()]
    rows = list(drawn(filled, seed))
    names = sorted({name for row in rows for name in given[row]})
    place = {name: index for index, name in enumerate(names)}
    table = np.zeros((len(rows), len(names)), np.float32)
    for index, row in enumerate(rows):
        table[index, [place[name] for name in given[row]]] = 1
    return Labelled(rows, names, table, subject.separator, len(filled))


def _of_one(data: Labelled, probabilities: Probabilities) -> Doubts:
    """One label a row."""
    given = data.table.argmax(axis=1)
    found = suspects(probabilities, given)
    flags = []
    for index in _surest(found):
        here, likely = data.names[given[index]], data.names[found.likely[index]]
        note = f"looks like {likely!r}, not {here!r}"
        flags.append(Flag(data.rows[index], "output", note, (), float(found.margin[index]), likely))
    return Doubts(flags, noise(found.counts), found.judged)


def _of_several(data: Labelled, probabilities: Probabilities) -> Doubts:
    """Several labels a row: each label is a question of yes or no, and a row's doubts make one flag."""
    doubts: dict[int, list[tuple[float, int]]] = defaultdict(list)
    counts, judged = [], 0
    for label, yes in enumerate(probabilities.T):
        found = suspects(np.stack([1 - yes, yes], axis=1), data.table[:, label].astype(np.int64))
        for index in _surest(found):
            doubts[index].append((float(found.margin[index]), label))
        counts.append(found.counts)
        judged += found.judged == 2
    flags = [_flag_of_several(data, index, against) for index, against in doubts.items()]
    flags.sort(key=lambda flag: -(flag.score or 0))
    return Doubts(flags, noise(np.concatenate(counts)), judged)


def _flag_of_several(data: Labelled, index: int, against: list[tuple[float, int]]) -> Flag:
    """One row with every label that it seems to lack, or to have for nothing."""
    has = set(np.flatnonzero(data.table[index]).tolist())
    better = has ^ {label for _, label in against}
    notes = [f"{'has' if label in has else 'lacks'} {data.names[label]!r}" for _, label in against]
    proposal = (data.separator or "").join(data.names[label] for label in sorted(better)) or None
    note = f"by its like, wrongly {'; '.join(notes)}"
    return Flag(data.rows[index], "output", note, (), max(against)[0], proposal)


def _surest(found: Suspects) -> list[int]:
    """Rows that look wrong, surest first."""
    wrong = np.flatnonzero(found.wrong)
    return [int(row) for row in wrong[np.argsort(-found.margin[wrong], kind="stable")]]


def _label_finding(doubts: Doubts, data: Labelled) -> Finding:
    share, labels, count = doubts.noise, len(data.names), len(doubts.flags)
    about = f"about {share.value:.1%} ({share.low:.1%} to {share.high:.1%})"
    of_all = (
        "of all labels are wrong" if data.separator is None else "of all pairs of row and label are wrong"
    )
    more = f" (drawn from {data.filled:,})" if data.filled > len(data.rows) else ""
    return Finding(
        check="accurate.label-errors",
        standard="accurate",
        severity="advice",
        what=f"{count:,} of {len(data.rows):,} rows{more} have a label that looks wrong; {about} {of_all}.",
        why="A model learns a wrong label as readily as a right one; in test, it calls a right answer wrong.",
        repair="Read them, surest first; `whet repair --accept label-errors:SCORE` takes the proposals.",
        flags=tuple(doubts.flags),
        figures={
            "noise": round(share.value, 4),
            "noise_low": round(share.low, 4),
            "noise_high": round(share.high, 4),
            "labels_judged": doubts.judged,
            "labels_too_rare_to_judge": labels - doubts.judged,
            "least_rows_a_label": LEAST,
            **({"rows_drawn_of": data.filled} if data.filled > len(data.rows) else {}),
        },
    )


def overtaken(subject: Subject, tools: Tools) -> Iterator[Finding]:
    """``accurate.overtaken``: rows older than the policy in force, or that a newer row contradicts."""
    times = subject.meta.get(subject.columns.get("time", ""))
    if times is None:
        return
    dated = {row: moment(time.strip()) for row, time in enumerate(times) if is_time(time.strip())}
    policy = subject.columns.get("policy_date", "")
    if is_time(policy):
        old = [Flag(row, note=f"of {times[row]}") for row, time in dated.items() if time < moment(policy)]
        if old:
            yield _overtaken(old, f"{len(old):,} rows are older than the policy of {policy}.")
    newer = list(_contradicted(subject, dated, times))
    if newer:
        yield _overtaken(newer, f"{len(newer):,} rows are contradicted by a newer row with the same input.")


def _overtaken(flags: list[Flag], what: str) -> Finding:
    return Finding(
        check="accurate.overtaken",
        standard="accurate",
        severity="advice",
        what=what,
        why="A model cannot tell what was right once from what is right now.",
        repair="Drop these rows, or write today's answer; keep those that still hold.",
        flags=tuple(flags),
    )


def _contradicted(subject: Subject, dated: dict[int, datetime], times: Sequence[str]) -> Iterator[Flag]:
    """Rows whose answer none of the newest rows with the same input gives."""
    same: dict[str, list[int]] = defaultdict(list)
    for row in dated:
        same[fold(subject.inputs[row])].append(row)
    for text, rows in same.items():
        if not text or len(rows) < 2 or len({dated[row] for row in rows}) < 2:
            continue
        latest = max(dated[row] for row in rows)
        now = [row for row in rows if dated[row] == latest]
        answers = {_meaning(subject, row) for row in now}
        for row in rows:
            if _meaning(subject, row) not in answers:
                note = f"of {times[row]}; since {times[now[0]]} the same input is answered otherwise"
                yield Flag(row, "output", note, others=tuple(now))


def _meaning(subject: Subject, row: int) -> object:
    """What two answers must share to agree: labels, values of JSON, or of a written reply its numbers.

    Replies are worded anew each time; only another number (a price, a number of days) contradicts.
    """
    output = subject.outputs[row]
    if subject.kind == "write":
        return frozenset(numbers(output))
    if subject.kind == "classify":
        parts = [output] if subject.separator is None else output.split(subject.separator)
        return frozenset(fold(part) or part for part in parts)
    try:
        return json.dumps(json.loads(output), sort_keys=True)
    except (ValueError, RecursionError):
        return fold(output)


CHECKS: tuple[Check, ...] = (
    Check("accurate.label-errors", "accurate", label_errors, needs=("encoder",), kinds=("classify",)),
    Check("accurate.schema", "accurate", schema, on_test=True),
    Check("accurate.overtaken", "accurate", overtaken),
    Check("accurate.not-in-input", "accurate", not_in_input, kinds=("extract",)),
    Check("accurate.unparsable", "accurate", unparsable, kinds=("extract",)),
)
