"""The kept states of a decoder's frozen layers: every token is read once, in all that stands before it.

Rows that begin alike share the places of their common beginning, as they share the pass over it: a place is a
node of the trie of all rows. Knows no task. See ``frozen.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from whet.train import step
from whet.train.frozen import UNFIT, Layers, States, blank, layers_of
from whet.train.job import CausalJob
from whet.train.plans import plan
from whet.train.probe import allowed
from whet.train.sharing import Row
from whet.train.step import Settings, grouped, hidden_states, passes, read_prefix

PROBED = 3
"""Rows that are read both ways, to see that it makes no difference."""


@dataclass(frozen=True)
class KeptRows:
    """Rows whose ids are places in ``states``, in the order of the rows they stand for."""

    states: States
    rows: Sequence[Row]


def on_kept_states(job: CausalJob, top: int, folder: Path | None) -> CausalJob:
    """The job with what the layers below the ``top`` ones make of its rows read once; where the model does
    not allow that, the job as it is, and it is said."""
    layers, count = layers_of(job.model, top), len(job.rows)
    if layers.cut == 0:
        return job
    kept, reason = None, "rows are read padded"
    if job.form is step:
        kept, reason = _tried(job, layers, folder)
    if kept is None:
        job.note(f"layers that do not learn read every row anew: {reason}")
        return job
    return replace(job, rows=kept.rows[:count], dev=kept.rows[count:], states=kept.states)


def _tried(job: CausalJob, layers: Layers, folder: Path | None) -> tuple[KeptRows | None, str]:
    """The kept rows, or why there are none."""
    given = [*job.rows, *job.dev]
    try:
        kept = kept_rows(job.model, layers, given, job.settings, folder)
        with kept.states.instead():
            found = job.form.losses(job.model, kept.rows[:PROBED], job.settings)
    except UNFIT as error:
        return None, f"{type(error).__name__}: {error}"
    wanted = job.form.losses(job.model, given[:PROBED], job.settings)
    if abs(found - wanted) > allowed(job.model) * wanted:
        return None, f"its loss on kept states is {found:.4g}, on whole rows {wanted:.4g}"
    return kept, ""


def kept_rows(
    model: Any, layers: Layers, rows: Sequence[Row], settings: Settings, folder: Path | None
) -> KeptRows:
    """Read all rows up to the cut.

    Args:
        folder: for a table that is too large for the memory.
    """
    placed = numbered(rows)
    states = blank(model, layers, 1 + max(max(row.ids) for row in placed), folder)
    for group in grouped(model, placed, settings):
        _read(states, [placed[index] for index in group.rows], group.prefix, settings)
    return KeptRows(states, placed)


def numbered(rows: Sequence[Row]) -> list[Row]:
    """The rows with places for ids; the tokens that they stand for are still what is to be predicted."""
    placed: dict[int, Row] = {}
    count, ids, before = 0, tuple[int, ...](), tuple[int, ...]()
    for index in sorted(range(len(rows)), key=lambda index: rows[index].ids):
        row = rows[index]
        common = _common(ids, row.ids)
        more = len(row.ids) - common
        before = before[:common] + tuple(range(count, count + more))
        ids, count = row.ids, count + more
        placed[index] = Row(before, row.weights, row.ids)
    return [placed[index] for index in range(len(rows))]


def _common(one: Sequence[int], other: Sequence[int]) -> int:
    """Length of the common beginning."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((place for place, (a, b) in pairs if a != b), min(len(one), len(other)))


def _read(states: States, rows: Sequence[Row], prefix: int, settings: Settings) -> None:
    """The pass over a shared beginning, and those over the rows' own parts."""
    model, ahead = states.model, None
    device = model.get_input_embeddings().weight.device
    with states.reading() as arrived:
        if prefix:
            ahead = read_prefix(model, rows[0].tokens[:prefix])
            states.keep(rows[0].ids[:prefix], arrived.pop()[0])
        for part in passes(rows, prefix, settings.pass_tokens):
            own = [row.tokens[prefix:] for row in part]
            laid = plan([len(ids) for ids in own], prefix=ahead, widths=settings.widths, device=device)
            hidden_states(model, own, laid)
            states.keep([place for row in part for place in row.ids[prefix:]], arrived.pop()[0])
