"""Whether a retrained specialist may stand in: an equal one on enough rows, one that learned what is new;
never one that forgot, nor one that looks better because the live one's failures were picked."""

from __future__ import annotations

import numpy as np

from whet.monitor.compare import FAIR, NEW, PICKED, Compared, compare
from whet.monitor.retrain import held_out
from whet.monitor.reviewed import Reviewed


def beside(fair: list[tuple[int, int]], new: list[tuple[int, int]] | None = None) -> Compared:
    """Of (new, old) right or wrong, on fair rows and on those of a new kind."""
    rows = [*fair, *(new or [])]
    gains = np.array(rows, float)
    parts = [FAIR] * len(fair) + [NEW] * len(new or [])
    return compare(gains[:, 0], gains[:, 1], parts, ["card"] * len(rows), margin=0.02)


def test_one_as_good_as_the_live_one_is_put_forward_once_there_are_rows_enough() -> None:
    enough = beside([(1, 1)] * 380 + [(1, 0)] * 10 + [(0, 1)] * 10)
    assert not enough.promotes  # with so many that differ, 400 rows are not enough
    assert "more rows" in enough.sentence
    assert beside([(1, 1)] * 400).surely
    few = beside([(1, 1)] * 36)
    assert not few.promotes
    assert "Not shown yet" in few.sentence


def test_one_that_learned_what_is_new_is_put_before_a_person() -> None:
    found = beside([(1, 1)] * 36, [(1, 0)] * 12)
    assert found.promotes
    assert not found.surely
    assert "new kinds (card) +100.0 points" in found.sentence
    assert not beside([(1, 1)] * 36, [(1, 0)] * 4).promotes  # four rows are no evidence


def test_one_that_forgot_is_refused_whatever_it_learned() -> None:
    found = beside([(1, 1)] * 33 + [(0, 1)] * 3, [(1, 0)] * 30)
    assert found.new
    assert found.new.promotes
    assert not found.promotes
    assert "worse on what it knew" in found.sentence


def test_rows_picked_by_the_live_releases_failures_do_not_count() -> None:
    """Two specialists of the same kind, each right nine times in ten. Counted as fair (the control), rows
    that were picked because one fails make the other look better."""
    rng = np.random.default_rng(0)
    honest = flattered = 0
    for _ in range(60):
        old, new = (rng.random((2, 1_000)) < 0.9).astype(float)
        picked = (old == 0) & (np.arange(1_000) >= 200)
        seen = picked | (np.arange(1_000) < 200)
        parts = np.where(picked, PICKED, FAIR)[seen]
        names = ["a"] * len(parts)
        honest += compare(new[seen], old[seen], parts.tolist(), names, margin=0.0).promotes
        flattered += compare(new[seen], old[seen], [FAIR] * len(parts), names, margin=0.0).promotes
    assert honest <= 3
    assert flattered >= 55


def row(name: str, text: str, output: str = "card") -> Reviewed:
    return Reviewed(name, text, output, "parcel", False, "desk@1", (), None, ("bo",), (), "", None)


def test_near_copies_are_held_out_together_and_a_new_kind_is_always_learned() -> None:
    alike = [row(f"a{n}", f"my bank card with the number {n} was lost at the station") for n in range(20)]
    assert held_out(alike, [], []) == frozenset()  # one group: it is learned from
    words = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
    apart = [row(f"b{n}", f"{word} {word} {word} is gone", "gone") for n, word in enumerate(words)]
    held = held_out([*alike, *apart], [], [])
    assert len(held) == 3
    assert all(name.startswith("b") for name in held)
    assert held_out(list(reversed([*alike, *apart])), [], []) == held
    like_a_test_row = {"input": "My bank card with the number 7 was lost at the station."}
    assert held_out(alike, [], [like_a_test_row]) == {one.request for one in alike}
