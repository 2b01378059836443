"""One file of records to another shape and container, row by row.

A row that the new shape cannot hold, or that breaks a rule of the old one, is set aside beside the new
file with the reason and its values in full (``OUT.rejects.jsonl``): nothing is lost, and nothing is written
in place. Memory grows with what is set aside, and with the file only where a table is written, whose
columns the last row may add to.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from whet.data.formats import Broken, Row, read_rows, read_text
from whet.data.shapes import Problem, Shape, labelled, mapped, shape_named
from whet.data.shapes.detect import SAMPLE, Detected, detect, understood
from whet.data.shapes.record import cut
from whet.data.writing import write_rows
from whet.errors import InputError, Refused

if TYPE_CHECKING:
    from pathlib import Path

SHOWN_REASONS = 10
_PLACE = re.compile(r"\[\d+\]")


@dataclass(frozen=True, slots=True)
class Summary:
    """What a conversion did."""

    source: Path
    target: Path
    shape: str
    """Of the rows that were read."""
    to: str
    mapping: Mapping[str, str]
    """Key of the old rows to what it became."""
    before: Mapping[str, Any]
    """The first row that was written, as it was."""
    after: Mapping[str, Any]
    """The same row as it is now."""
    written: int
    set_aside: int
    reasons: Mapping[str, int]
    """Why rows were set aside, and how many for each; the most frequent first."""
    rejects: Path | None
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        return {
            "source": str(self.source),
            "target": str(self.target),
            "from": self.shape,
            "to": self.to,
            "mapping": dict(self.mapping),
            "example": {"before": dict(self.before), "after": dict(self.after)},
            "written": self.written,
            "set_aside": self.set_aside,
            "reasons": dict(self.reasons),
            "rejects": str(self.rejects) if self.rejects else None,
            "notes": list(self.notes),
        }


def convert(
    source: Path,
    target: Path,
    *,
    to: str,
    shape: str | None = None,
    fields: Mapping[str, str] | None = None,
    labels: Sequence[str] = (),
    force: bool = False,
) -> Summary:
    """Write the rows of ``source`` to ``target`` in the shape ``to``.

    Args:
        shape: of the rows, where it is not to be detected.
        fields: which column is what, for a table without a shape: ``{"input": "ticket", ...}``.
        labels: names of the classes, where labels are numbers.
        force: whether a file that stands there may be replaced.

    Raises:
        InputError: wrong use, no shape; nothing was written.
        Refused: not one row can be written; nothing was written.
        WorldError: the disk fails.
    """
    wanted, rejects = shape_named(to), target.with_suffix(".rejects.jsonl")
    _free(source, (target, rejects), force)
    work = _Work(source, wanted)
    rows = read_rows(source, broken=work.broken, notes=work.notes)
    head = list(islice(rows, SAMPLE))
    found = _found(source, [row.values for row in head], shape, fields or {}, labels)
    written = work.rows(found.shape, chain(head, rows))
    first = next(written, None)
    if first is None:
        raise _none(work, found.shape)
    write_rows(target, chain([first], written))
    _write_rejects(work, rejects)
    return _summary(work, found, target, rejects)


def class_names(path: Path) -> tuple[str, ...]:
    """Names of classes by number: one a line, a JSON list, or a JSON object of numbers to names.

    Raises:
        InputError: the file cannot be read, or is something else.
    """
    text = read_text(path).strip()
    if text[:1] not in {"[", "{"}:
        return tuple(line.strip() for line in text.splitlines() if line.strip())
    try:
        value = json.loads(text)
        if isinstance(value, dict):
            value = [value[str(number)] for number in range(len(value))]
    except (ValueError, KeyError, RecursionError) as error:
        raise _no_names(path) from error
    if not value or not all(isinstance(name, str) for name in value):
        raise _no_names(path)
    return tuple(value)


def _no_names(path: Path) -> InputError:
    rule = 'holds no names of classes: one a line, ["a", "b"], or {"0": "a", "1": "b"}.'
    return InputError(rule, where=path, fix="mend the file.")


@dataclass(slots=True)
class _Work:
    """What is under way: rows go through, and what cannot stays here."""

    source: Path
    wanted: Shape
    broken: list[Broken] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    refused: list[tuple[Row, Problem]] = field(default_factory=list)
    written: int = 0
    example: tuple[Mapping[str, Any], Mapping[str, Any]] = ({}, {})

    def rows(self, shape: Shape, rows: Iterator[Row]) -> Iterator[dict[str, Any]]:
        for row in rows:
            try:
                values = self.wanted.write(shape.read(row.values))
            except Problem as problem:
                self.refused.append((row, problem))
                continue
            values = row.values if shape is self.wanted and _alike(row.values, values) else values
            if not self.written:
                self.example = (row.values, values)
            self.written += 1
            yield values


def _alike(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether a row that keeps its shape can stay as it came: the order of its keys, the spacing of JSON
    inside texts. A list that came as text (from a CSV) is written as a list."""
    kinds = [type(after[key]) is type(before[key]) for key in before if key in after]
    return before.keys() == after.keys() and all(kinds)


def _free(source: Path, targets: Sequence[Path], force: bool) -> None:
    for target in targets:
        if target.exists() and source.exists() and target.samefile(source):
            raise InputError("is the file that is read.", where=target, fix="name another file to write.")
        if target.exists() and not force:
            raise InputError(
                "is already there; nothing was written.", where=target, fix="name another, or add --force."
            )


def _found(
    source: Path,
    rows: Sequence[Mapping[str, Any]],
    shape: str | None,
    fields: Mapping[str, str],
    labels: Sequence[str],
) -> Detected:
    if shape and fields:
        raise InputError("--from and --field say the same thing twice.", fix="give one of them.")
    try:
        if fields:
            return understood(mapped(fields, labels), rows)
        found = understood(shape_named(shape), rows) if shape else detect(rows)
        key = found.shape.name.removeprefix("text_")
        named = labels and found.shape.name in {"text_label", "text_labels"}
        return understood(labelled(key, labels), rows) if named else found
    except InputError as error:
        raise InputError(error.what, where=error.where or source, fix=error.fix) from error


def _none(work: _Work, shape: Shape) -> Refused:
    reasons = "".join(f"\n  {count:,} {why}" for why, count in list(_reasons(work).items())[:SHOWN_REASONS])
    fix = "choose another --to, or name the columns: --field input=COLUMN --field output=COLUMN."
    return Refused(
        f"not one `{shape.name}` row can be written as `{work.wanted.name}`:{reasons}",
        where=work.source,
        fix=fix,
    )


def _reasons(work: _Work) -> dict[str, int]:
    """Why, without the places: ``turns[3].weight`` and ``turns[5].weight`` are one reason."""
    said = [(problem.field, problem.rule) for _, problem in work.refused]
    said += [(broken.field, broken.rule) for broken in work.broken]
    places = Counter(f"{_PLACE.sub('[]', name)}: {rule}" for name, rule in said)
    return {why.removeprefix(": "): count for why, count in places.most_common()}


def _write_rejects(work: _Work, path: Path) -> None:
    """Every row that was set aside, whole; of a record that could not be read at all, where it stands."""
    lines = [_reject(work, row, problem) for row, problem in work.refused]
    lines += [
        {"source": b.source, "field": b.field, "value": b.value, "rule": b.rule, "fix": b.fix, "row": None}
        for b in work.broken
    ]
    if lines:
        write_rows(path, lines)
    else:
        path.unlink(missing_ok=True)  # from an earlier conversion to this file; --force replaces both


def _reject(work: _Work, row: Row, problem: Problem) -> dict[str, Any]:
    return {
        "source": f"{work.source.name}:{row.line}",
        "field": problem.field,
        "value": cut(problem.value),
        "rule": problem.rule,
        "fix": problem.fix,
        "row": row.values,
    }


def _summary(work: _Work, found: Detected, target: Path, rejects: Path) -> Summary:
    aside = len(work.refused) + len(work.broken)
    return Summary(
        source=work.source,
        target=target,
        shape=found.shape.name,
        to=work.wanted.name,
        mapping=found.mapping,
        before=work.example[0],
        after=work.example[1],
        written=work.written,
        set_aside=aside,
        reasons=_reasons(work),
        rejects=rejects if aside else None,
        notes=tuple(work.notes),
    )
