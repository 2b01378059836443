"""What one rung gets wrong: confused labels, figures of each label, and the inputs rungs disagree on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from whet.evaluate.metrics import LabelFigures, labels_in, per_label
from whet.evaluate.stats import wilson
from whet.records import Example, Output
from whet.report import words
from whet.report.beside import marked, whole
from whet.report.charts import bar
from whet.report.markup import breakable
from whet.report.shapes import Measured

PAIRS = 12
MATRIX = 15
FOLD, WEAKEST = 30, 15
SURE = 0.8


def confused(truths: Sequence[Output], outputs: Sequence[Output]) -> list[dict[str, Any]]:
    """The most frequent confusions: what was right, what was answered, how often."""
    sizes = Counter(truths)
    pairs = Counter((t, o) for t, o in zip(truths, outputs, strict=True) if t != o)
    rows = sorted(pairs.items(), key=lambda item: (-item[1], str(item[0])))[:PAIRS]
    return [
        {
            "truth": words.output(truth),
            "answer": words.output(answer),
            "count": words.count(times),
            "share": words.percent(times / sizes[truth], 0),
            "n": words.count(sizes[truth]),
            "picture": bar(times / sizes[truth], None, None, words.percent(times / sizes[truth], 0)),
        }
        for (truth, answer), times in rows
    ]


def missed(truths: Sequence[Output], outputs: Sequence[Output]) -> list[dict[str, Any]]:
    """For several labels per input: how often each is missed, and answered without reason."""
    sizes: Counter[str] = Counter()
    misses: Counter[str] = Counter()
    alarms: Counter[str] = Counter()
    for truth, output in zip(truths, outputs, strict=True):
        true, given = set(labels_in(truth)), set(labels_in(output))
        sizes.update(true)
        misses.update(true - given)
        alarms.update(given - true)
    names = sorted(sizes.keys() | alarms.keys(), key=lambda k: (-misses[k] - alarms[k], k))
    return [
        {
            "label": name,
            "n": words.count(sizes[name]),
            "misses": words.count(misses[name]),
            "share": words.percent(misses[name] / sizes[name], 0) if sizes[name] else words.NONE,
            "alarms": words.count(alarms[name]),
        }
        for name in names[:PAIRS]
        if misses[name] + alarms[name]
    ]


@dataclass(frozen=True, slots=True)
class Cell:
    count: int
    share: float
    """Of its row."""
    right: bool
    text: str


@dataclass(frozen=True, slots=True)
class Line:
    """One true label of the matrix."""

    number: int
    label: str
    n: int
    cells: tuple[Cell, ...]


def matrix(truths: Sequence[Output], outputs: Sequence[Output]) -> list[Line]:
    """The confusion matrix; empty where there are too many labels to read one."""
    names = sorted({*truths, *outputs}, key=str)
    if len(names) > MATRIX:
        return []
    pairs, sizes = Counter(zip(truths, outputs, strict=True)), Counter(truths)
    lines = []
    for number, truth in enumerate(names, 1):
        cells = tuple(_cell(truth, answer, pairs[truth, answer], sizes[truth]) for answer in names)
        lines.append(Line(number, words.output(truth), sizes[truth], cells))
    return lines


def _cell(truth: Output, answer: Output, times: int, n: int) -> Cell:
    said = f"{words.output(truth)} answered as {words.output(answer)}: {times} of {n}"
    return Cell(times, times / n if n else 0.0, truth == answer, said)


def label_rows(
    truths: Sequence[Output], outputs: Sequence[Output]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Every label's figures, weakest first; with many labels, the rest apart."""
    figures = per_label(truths, outputs)
    figures.sort(key=lambda f: (f.n == 0, f.f1 if f.f1 is not None else 0.0, f.label))
    rows = [_label_row(f) for f in figures]
    return (rows, []) if len(rows) <= FOLD else (rows[:WEAKEST], rows[WEAKEST:])


def _label_row(f: LabelFigures) -> dict[str, Any]:
    row = {
        "label": f.label,
        "n": words.count(f.n),
        "precision": _percent(f.precision),
        "recall": _percent(f.recall),
        "f1": _percent(f.f1),
        "interval": "",
        "picture": Markup(""),
    }
    if f.recall is None:
        return row
    found = wilson(round(f.recall * f.n), f.n)
    interval = f"{words.percent(found.low, 0)} to {words.percent(found.high, 0)}"
    label = f"{f.label}: recall {_percent(f.recall)}, 95 % interval {interval}"
    return {**row, "interval": interval, "picture": bar(f.recall, found.low, found.high, label)}


def _percent(share: float | None) -> str:
    return words.NONE if share is None else words.percent(share, 0)


@dataclass(frozen=True, slots=True)
class Case:
    """One input, what is right, and what each rung answered."""

    text: str
    source: str
    truth: Markup
    answers: tuple[dict[str, Any], ...]
    """One for each different answer: ``text``, ``right``, and ``rungs`` as (name, confidence)."""


@dataclass(frozen=True, slots=True)
class Group:
    title: str
    total: int
    cases: tuple[Case, ...]


def disagreements(
    test: Sequence[Example],
    rungs: Sequence[Measured],
    answer: str,
    other: str | None,
    each: int = 10,
    *,
    beside: bool = False,
) -> list[Group]:
    """Where ``answer`` and ``other`` part, and where ``answer`` is surely wrong; most confident first.

    Args:
        beside: outputs are texts: what differs is marked, and answers that are wrong alike are shown too.
    """
    by_name = {rung.name: rung for rung in rungs}
    silent = {name for name, _ in constant(rungs, answer)} - {other}
    rungs = [rung for rung in rungs if rung.name not in silent]
    mine, theirs = by_name[answer], by_name[other or answer]
    places: dict[str, list[int]] = {"lost": [], "won": [], "neither": [], "alike": [], "sure": []}
    for index, example in enumerate(test):
        kind = _kind(example.output, mine, theirs, index, alike=beside)
        if kind:
            places[kind].append(index)
    titles = {
        "lost": f"`{answer}` is wrong and `{other}` is right",
        "won": f"`{answer}` is right and `{other}` is wrong",
        "neither": f"both are wrong, each in its own way: `{answer}` and `{other}`",
        "alike": f"`{answer}` is wrong" + (f", and `{other}` in the same way" if other else ""),
        "sure": f"`{answer}` is wrong, and at least {SURE:.0%} sure".replace("%", words.NBSP + "%"),
    }
    groups = []
    for kind, found in places.items():
        found.sort(key=lambda i: -mine.confidences[i])
        size = each
        if kind in {"neither", "alike"}:
            size = 0 if len(places["sure"]) >= each else each // 2
        cases = tuple(_case(test[i], rungs, i, beside=beside) for i in found[:size])
        if cases:
            groups.append(Group(titles[kind], len(found), cases))
    return groups


def constant(rungs: Sequence[Measured], answer: str) -> list[tuple[str, str]]:
    """Rungs other than ``answer`` that say the same to everything, with what they say."""
    others = [rung for rung in rungs if rung.name != answer]
    return [(r.name, words.output(r.outputs[0])) for r in others if len(set(r.outputs)) == 1]


def _kind(truth: Output, mine: Measured, theirs: Measured, index: int, *, alike: bool) -> str:
    right, other_right = mine.outputs[index] == truth, theirs.outputs[index] == truth
    if not right and other_right:
        return "lost"
    if right and not other_right:
        return "won"
    if not right and mine.confidences[index] >= SURE:
        return "sure"
    if right:
        return ""
    if mine.outputs[index] != theirs.outputs[index]:
        return "neither"
    return "alike" if alike else ""


def _case(example: Example, rungs: Sequence[Measured], index: int, *, beside: bool) -> Case:
    said: dict[Output, list[tuple[str, str]]] = {}
    for rung in rungs:
        sure = words.percent(rung.confidences[index], 0)
        said.setdefault(rung.outputs[index], []).append((rung.name, sure))
    answers = sorted(said.items(), key=lambda item: (item[0] != example.output, -len(item[1])))
    return Case(
        text=words.shorten(example.input),
        source=example.source,
        truth=whole(words.output(example.output)) if beside else breakable(words.output(example.output)),
        answers=tuple(
            {
                "text": _answer(example.output, out, beside=beside),
                "right": out == example.output,
                "rungs": names,
            }
            for out, names in answers
        ),
    )


def _answer(truth: Output, output: Output, *, beside: bool) -> Markup:
    if not beside:
        return breakable(words.output(output))
    return marked(words.output(truth), words.output(output) if output else "")
