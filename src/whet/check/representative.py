"""The standard *representative*: whether the examples are spread as the work is.

Labels by their counts, lengths by ranks and robust scores, languages by the column that states them or by
their commonest words, time by its longest silences; real traffic, where it is given, by an encoder
(``coverage.py``). All of it is about the set, not the row: nothing here is wrong, something is missing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from whet.check.coverage import traffic
from whet.check.findings import Check, Finding, Flag, Need
from whet.check.labelled import rows_of
from whet.check.language import NAMES, languages
from whet.check.saying import counted, first
from whet.check.subject import Subject, Tools
from whet.data.load import is_time, moment

if TYPE_CHECKING:
    from numpy.typing import NDArray

Found = Iterator[Finding]

UNEVEN, EFFECTIVE = 20.0, 0.5
"""Largest label over the smallest; effective number of labels over their number."""
RARE = 10
"""Examples a label should have: fewer say little of it, and few of them are left to test on."""
LONGER, RANKED, ENOUGH = 2.0, 0.9, 20
"""A label's texts differ in length: ratio of medians, chance that one is longer than any other, rows."""
FAR, SPREADS, ODD = 10.0, 4.0, 0.02
"""An outlier in length: times the median, robust standard deviations, and at most this share of rows."""
FEW, SEEN, READ = 30, 3, 50_000
"""Rows a language should have; rows from which a guessed one is no slip; rows that are read for it."""
EXPECTED = 10.0
"""Examples that chance would give a label in a language before having none is a gap."""
SILENCE, TIMED = 0.05, 50
"""Share of the whole time that a gap takes; rows with a time."""
_STATED = ("language", "lang", "locale")
_MAD_TO_SD = 1.4826


def imbalance(subject: Subject, tools: Tools) -> Found:
    """Labels of very different size. The effective number of labels is exp(entropy): that many labels of
    equal size would be as hard to guess."""
    sizes = {label: len(rows) for label, rows in rows_of(subject).items()}
    if len(sizes) < 2:
        return
    counts = np.array(list(sizes.values()))
    shares = counts / counts.sum()
    effective = float(np.exp(-(shares * np.log(shares)).sum()))
    most, least = max(sizes, key=lambda label: sizes[label]), min(sizes, key=lambda label: sizes[label])
    ratio = sizes[most] / sizes[least]
    if ratio >= UNEVEN or effective < EFFECTIVE * len(sizes):
        yield Finding(
            "representative.imbalance",
            "representative",
            "advice",
            f"{most!r} has {sizes[most]:,} examples, {least!r} {sizes[least]:,}: "
            f"{len(sizes):,} labels count like {effective:.1f} of equal size.",
            "The model leans to the frequent labels, and accuracy hides what it does with the rare ones.",
            "Add examples of the rare labels, weigh rows by `whet repair --balance`, or measure macro-F1.",
            figures={"largest / smallest": round(ratio, 1), "effective labels": round(effective, 2)},
        )


def rare_labels(subject: Subject, tools: Tools) -> Found:
    rare = {label: rows for label, rows in rows_of(subject).items() if len(rows) < RARE}
    if rare:
        flags = [
            Flag(
                row,
                "output",
                f"{counted(len(rows), 'example')} of {label!r}; {RARE - len(rows)} more are needed",
            )
            for label, rows in rare.items()
            for row in rows
        ]
        yield Finding(
            "representative.rare-labels",
            "representative",
            "advice",
            f"{counted(len(rare), 'label has', 'labels have')} fewer than {RARE} examples: "
            f"{first([f'{label!r} ({len(rows)})' for label, rows in rare.items()])}.",
            "So few say little of the label, and hardly any are left to test on.",
            "Add as many as the figures say, or merge the label with another.",
            tuple(sorted(flags, key=lambda flag: flag.row)),
            {label: f"{RARE - len(rows)} more" for label, rows in rare.items()},
        )


def length_gaps(subject: Subject, tools: Tools) -> Found:
    """Labels whose inputs are nearly all longer, or shorter, than the others': the area under the ROC curve
    of length as a classifier (Mann and Whitney's U) and the ratio of medians."""
    from scipy.stats import rankdata

    lengths, gaps = _lengths(subject.inputs), dict[str, str]()
    ranks = rankdata(lengths)
    for label, rows in rows_of(subject).items():
        count, others = len(rows), len(lengths) - len(rows)
        if min(count, others) < ENOUGH:
            continue
        above = (ranks[rows].sum() - count * (count + 1) / 2) / (count * others)
        rest = np.ones(len(lengths), bool)
        rest[rows] = False
        own, other = float(np.median(lengths[rows])), float(np.median(lengths[rest]))
        ratio = max(own, other) / max(min(own, other), 1.0)
        if max(above, 1 - above) >= RANKED and ratio >= LONGER:
            gaps[label] = f"median {own:,.0f} characters, the others' {other:,.0f}"
    if gaps:
        yield Finding(
            "representative.length-gaps",
            "representative",
            "advice",
            f"{counted(len(gaps), 'label has', 'labels have')} inputs of another length than the rest: "
            f"{first([repr(label) for label in gaps])}.",
            "The model may learn the length instead of the meaning.",
            "Add shorter or longer examples of these labels, or see that real inputs differ in the same way.",
            figures=gaps,
        )


def length_outliers(subject: Subject, tools: Tools) -> Found:
    flags = list(_outliers(subject.inputs, "input"))
    if subject.kind == "write":
        flags += _outliers(subject.outputs, "output")
    if flags:
        yield Finding(
            "representative.length-outliers",
            "representative",
            "advice",
            f"{counted(len({flag.row for flag in flags}), 'row is', 'rows are')} far longer or "
            "shorter than the others.",
            "One text that is all others put together weighs in training, and is often a mistake of reading.",
            "Read them: a file read as one row, or a row cut short, is mended at its source.",
            tuple(sorted(flags, key=lambda flag: flag.row)),
        )


def _outliers(texts: Iterable[str], field: str) -> Iterator[Flag]:
    """Texts far from the others in length, on the scale of logarithms; none where they are many."""
    lengths = _lengths(texts)
    if len(lengths) < ENOUGH:
        return
    logs = np.log(np.maximum(lengths, 1))
    middle = float(np.median(logs))
    spread = max(_MAD_TO_SD * float(np.median(np.abs(logs - middle))), 0.1)
    far = (np.abs(logs - middle) > max(SPREADS * spread, np.log(FAR))) & (lengths > 0)
    if far.mean() <= ODD:
        for row in np.flatnonzero(far):
            yield Flag(int(row), field, f"{lengths[row]:,} characters; the median is {np.exp(middle):,.0f}")


def _lengths(texts: Iterable[str]) -> NDArray[np.int64]:
    return np.fromiter(map(len, texts), np.int64)


def language_gaps(subject: Subject, tools: Tools) -> Found:
    rows, spoken, stated = _spoken(subject, tools.seed)
    counts = Counter(code for code in spoken if code)
    several = len(counts) > 1  # few rows of the only language are few rows, and other checks say so
    few = {code: n for code, n in counts.items() if several and n < FEW and (stated or n >= SEEN)}
    missing = list(_never_together(subject, rows, spoken, counts)) if subject.kind == "classify" else []
    whole = dict(counts.most_common(20))
    if few:
        yield Finding(
            "representative.language-gaps",
            "representative",
            "advice",
            f"{counted(len(few), 'language has', 'languages have')} fewer than {FEW} rows: "
            f"{first([f'{_name(code)} ({n})' for code, n in few.items()])}.",
            "So few rows neither teach a language nor show how well it is done.",
            "Add rows in these languages, or take them out and say that the model does not serve them.",
            tuple(
                Flag(row, "input", f"in {_name(code)}")
                for row, code in zip(rows, spoken, strict=True)
                if code in few
            ),
            {"rows read": len(rows), **whole},
        )
    if missing:
        yield Finding(
            "representative.language-gaps",
            "representative",
            "advice",
            f"{counted(len(missing), 'label has', 'labels have')} no example in a language that has many: "
            f"{first([f'{label!r} in {_name(code)}' for label, code, _ in missing])}.",
            "The model learns that in this language the label does not exist.",
            "Add examples of the label in the language, translated ones if need be.",
            figures={f"{label} / {_name(code)}": f"{n:.0f} expected" for label, code, n in missing},
        )


def _spoken(subject: Subject, seed: int) -> tuple[list[int], list[str], bool]:
    """(rows, the language of each, whether a column states it); of very many rows, of a sample."""
    rows = list(range(len(subject)))
    for name in subject.meta:
        if name.lower() in _STATED:
            return rows, [value.strip().lower() for value in subject.meta[name]], True
    if len(rows) > READ:
        rows = sorted(int(row) for row in np.random.default_rng(seed).choice(len(rows), READ, replace=False))
    return rows, languages(subject.inputs[row] for row in rows), False


def _never_together(
    subject: Subject, rows: list[int], spoken: list[str], counts: Mapping[str, int]
) -> Iterator[tuple[str, str, float]]:
    """(label, language, examples that chance would give) of those that never meet."""
    language = dict(zip(rows, spoken, strict=True))
    total = sum(counts.values())
    for label, own in rows_of(subject).items():
        met = Counter(language[row] for row in own if language.get(row))
        for code, count in counts.items():
            expected = met.total() * count / max(total, 1)
            if not met[code] and expected >= EXPECTED:
                yield label, code, expected


def _name(code: str) -> str:
    return NAMES.get(code[:2], code) if len(code) in (2, 5) else code


def time_gaps(subject: Subject, tools: Tools) -> Found:
    """Silences that chance does not make: of n times spread evenly over a span, the longest gap exceeds
    span / n * (ln n + 7) once in a thousand sets (extreme values of exponential spacings)."""
    column = subject.meta.get(subject.columns.get("time", ""), ())
    timed = sorted((moment(text).timestamp(), row) for row, text in enumerate(column) if is_time(text))
    if len(timed) < TIMED:
        return
    stamps = np.array([stamp for stamp, _ in timed])
    span = float(stamps[-1] - stamps[0])
    least = max(SILENCE * span, span / len(timed) * (np.log(len(timed)) + 7))
    after = np.flatnonzero(np.diff(stamps) > least) + 1 if span else ()
    flags = [_after_gap(stamps, int(place), timed[int(place)][1]) for place in after]
    if flags:
        yield Finding(
            "representative.time-gaps",
            "representative",
            "advice",
            f"{counted(len(flags), 'long stretch has', 'long stretches have')} no rows: "
            f"{first([flag.note for flag in flags])}.",
            "What happened then is not learned: a season, a product, a new rule.",
            "Add rows of that time, or see that nothing happened.",
            tuple(flags),
            {"first": _day(stamps[0]), "last": _day(stamps[-1]), "rows with a time": len(timed)},
        )


def _after_gap(stamps: NDArray[np.float64], place: int, row: int) -> Flag:
    days = (stamps[place] - stamps[place - 1]) / 86_400
    return Flag(row, "", f"{days:,.0f} days from {_day(stamps[place - 1])} to {_day(stamps[place])}")


def _day(stamp: float) -> str:
    return datetime.fromtimestamp(stamp, UTC).date().isoformat()


def _spread(
    name: str,
    find: Callable[[Subject, Tools], Iterable[Finding]],
    *,
    needs: tuple[Need, ...] = (),
    labels: bool = False,
) -> Check:
    kinds = ("classify",) if labels else ("classify", "extract", "write")
    return Check(f"representative.{name}", "representative", find, needs, kinds)


CHECKS: tuple[Check, ...] = (
    _spread("imbalance", imbalance, labels=True),
    _spread("rare-labels", rare_labels, labels=True),
    _spread("length-gaps", length_gaps, labels=True),
    _spread("length-outliers", length_outliers),
    _spread("language-gaps", language_gaps),
    _spread("time-gaps", time_gaps),
    _spread("traffic", traffic, needs=("traffic", "encoder")),
)
