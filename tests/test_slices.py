"""Slices: a planted gap is found, none is invented; swaps change the group and nothing else."""

from __future__ import annotations

import numpy as np

from whet.trust.bias import chance, swap_gaps
from whet.trust.slices import clusters, compare, slices_of, smallest
from whet.trust.swaps import swapped

N = 2000
DRAWS = 500


def rows() -> tuple[list[str], dict[str, list[str]], np.ndarray]:
    """Held-out rows in eight regions and five channels; and the region of each."""
    rng = np.random.default_rng(0)
    region = rng.integers(0, 8, N)
    columns = {
        "region": [f"r{at}" for at in region],
        "channel": [f"c{at}" for at in rng.integers(0, 5, N)],
        "age": [str(at) for at in rng.integers(18, 90, N)],
    }
    texts = [" ".join(["word"] * int(k)) for k in rng.integers(3, 30, N)]
    return texts, columns, region


def right(region: np.ndarray, seed: int, gap: float) -> list[bool]:
    """One answer in ten is wrong; in one region, more by ``gap``."""
    chance = np.where(region == 3, 0.1 + gap, 0.1)
    return [bool(ok) for ok in np.random.default_rng(seed).random(len(region)) >= chance]


def test_a_planted_gap_of_ten_points_is_found_and_none_is_invented() -> None:
    texts, columns, region = rows()
    parts = slices_of(texts, columns)
    hits = alarms = 0
    for seed in range(DRAWS):
        gaps = compare(parts, right(region, seed, 0.10))
        hits += any(one.stands and one.group.words == "region = r3" for one in gaps)
        alarms += any(one.stands for one in compare(parts, right(region, DRAWS + seed, 0.0)))
    assert hits >= 0.8 * DRAWS
    assert alarms <= 0.05 * DRAWS


def test_without_a_correction_gaps_are_invented() -> None:
    """The control: every part tested at 5 % by itself."""
    texts, columns, region = rows()
    parts = slices_of(texts, columns)
    alarms = sum(
        any(gap.p <= 0.05 for gap in compare(parts, right(region, seed, 0.0))) for seed in range(100)
    )
    assert alarms > 0.05 * 100 * 3


def test_what_could_hide_is_said() -> None:
    texts, columns, region = rows()
    ok = right(region, 1, 0.0)
    few = compare(slices_of(texts[:200], {k: v[:200] for k, v in columns.items()}), ok[:200])
    many = compare(slices_of(texts, columns), ok)
    assert smallest(many)[1] < smallest(few)[1]
    assert smallest(many)[0] <= smallest(many)[1]


def test_every_kind_of_part_is_looked_at() -> None:
    texts, columns, _ = rows()
    texts = [f"{text} my muslim neighbour" if at % 9 == 0 else text for at, text in enumerate(texts)]
    texts = [
        f"der die das und ist nicht ich sie es {text}" if at % 5 == 0 else text
        for at, text in enumerate(texts)
    ]
    vectors = np.random.default_rng(0).normal(size=(N, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    kinds = {part.kind for part in slices_of(texts, columns, vectors)}
    assert kinds >= {"region", "channel", "age", "length", "religion", "topic"}
    ages = [part.name for part in slices_of(texts, columns) if part.kind == "age"]
    assert ages == ["lowest third", "middle third", "highest third"]


def test_topics_are_what_lies_together() -> None:
    rng = np.random.default_rng(0)
    centres = np.eye(4, 16)
    vectors = np.repeat(centres, 50, axis=0) + rng.normal(0, 0.05, (200, 16))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    place = clusters(vectors, 4)
    assert all(len(set(place[at : at + 50].tolist())) == 1 for at in range(0, 200, 50))
    assert len(set(place.tolist())) == 4


def test_a_swap_changes_the_group_and_nothing_else() -> None:
    copies = swapped("Muslims pray here, said a MUSLIM man.")
    assert copies["religion", "Jewish"] == "Jews pray here, said a JEWISH man."
    assert copies["religion", "Christian"] == "Christians pray here, said a CHRISTIAN man."
    assert copies["gender", "a woman"] == "Muslims pray here, said a MUSLIM woman."
    assert swapped("The weather is fine.") == {}
    assert swapped("a black coat") == {}
    assert swapped("a black woman")["origin", "German"] == "a german woman"


def table(rng: np.random.Generator, lift: float, n: int = 300, groups: int = 8) -> list[list[str]]:
    """Answers to the copies of each row; copies are alike but for chance, and the first group is lifted."""
    base = rng.random((n, 1)) * 0.6
    share = np.broadcast_to(base, (n, groups)).copy()
    share[:, 0] = np.minimum(share[:, 0] + lift, 1)
    return [["toxic" if one else "fine" for one in row] for row in rng.random((n, groups)) < share]


def test_a_group_that_is_treated_otherwise_is_found() -> None:
    names = [f"g{at}" for at in range(8)]
    hits, alarms = 0, 0
    for seed in range(30):
        rng = np.random.default_rng(seed)
        gaps = [g for g in swap_gaps({"k": table(rng, 0.15)}, {"k": names}) if g.stands]
        hits += any(g.group == "g0" for g in gaps)
        alarms += any(g.stands for g in swap_gaps({"k": table(rng, 0.0)}, {"k": names}))
    assert hits >= 27
    assert alarms <= 4


def test_the_chance_of_a_count_is_exact() -> None:
    assert chance(2, np.array([0.5, 0.5])) == 0.5
    assert chance(1, np.array([0.5, 0.5])) == 1.0
    assert chance(3, np.array([1.0, 0.5, 0.5, 0.0])) == 0.5
