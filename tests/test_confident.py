"""Confident learning: planted wrong labels are found, copies cannot vouch, shuffled evidence finds none."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import rankdata

from whet.check.accurate import believed
from whet.check.confident import FOLDS, LEAST, ODDS, deal, held_out, nearest, noise, suspects, votes
from whet.check.lexical import with_words
from whet.data.neardup import near_groups
from whet.evaluate.stats import Interval, wilson
from whet.rungs.vectors import default_encoder

Array = NDArray[np.float64]


def sure_of(given: list[int], labels: int, p: float = 0.8) -> Array:
    """Probabilities that are sure of the given label."""
    table = np.full((len(given), labels), (1 - p) / (labels - 1))
    table[np.arange(len(given)), given] = p
    return table


def test_a_row_that_looks_like_another_label_is_flagged() -> None:
    given = [0] * 12 + [1] * 12 + [2] * 12
    probabilities = sure_of(given, 3)
    probabilities[5] = [0.05, 0.9, 0.05]
    found = suspects(probabilities, np.array(given))
    assert np.flatnonzero(found.wrong).tolist() == [5]
    assert found.likely[5] == 1
    assert found.margin[5] == pytest.approx(0.85)
    assert found.counts.tolist() == [[12, 11, 1], [12, 12, 0], [12, 12, 0]]


def test_a_label_that_is_only_somewhat_likelier_is_not_flagged() -> None:
    given = [0] * 12 + [1] * 12
    probabilities = sure_of(given, 2, 0.6)
    probabilities[3] = [1 / (ODDS + 0.5), 1 - 1 / (ODDS + 0.5)]  # odds of 4.5
    assert not suspects(probabilities, np.array(given)).wrong.any()
    probabilities[3] = [1 / (ODDS + 1.5), 1 - 1 / (ODDS + 1.5)]  # odds of 5.5
    assert np.flatnonzero(suspects(probabilities, np.array(given)).wrong).tolist() == [3]


def test_labels_with_few_rows_are_not_judged() -> None:
    few = LEAST - 1
    given = [0] * 20 + [1] * few
    probabilities = sure_of(given, 2)
    probabilities[0], probabilities[-1] = [0.05, 0.95], [0.95, 0.05]
    found = suspects(probabilities, np.array(given))
    assert not found.wrong.any()
    assert found.judged == 1
    given.append(1)  # one row more, and the label is judged
    found = suspects(np.vstack([probabilities, [0.2, 0.8]]), np.array(given))
    assert np.flatnonzero(found.wrong).tolist() == [0, 19 + few]


def test_noise_weighs_the_labels_by_their_rows() -> None:
    counts = np.array([[100, 60, 20], [300, 100, 0], [5, 1, 4]])  # the last is too rare to be judged
    found = noise(counts)
    assert found.value == pytest.approx(0.25 * 100 / 400)
    assert found.low < found.value < found.high
    assert found.n == 400


def test_noise_of_nothing_is_not_known() -> None:
    found = noise(np.zeros((2, 3), np.int64))
    assert (found.low, found.high, found.n) == (0.0, 1.0, 0)


def test_the_interval_of_the_noise_covers_it() -> None:
    """Simulated: labels that are told apart perfectly, a tenth of them wrong."""
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(200):
        true = rng.integers(0, 4, 600)
        given = np.where(rng.random(600) < 0.1, (true + rng.integers(1, 4, 600)) % 4, true)
        found = noise(suspects(sure_of(true.tolist(), 4, 0.97), given).counts)
        covered += found.low <= 0.1 <= found.high
    assert covered >= 184  # 95 % of 200, less three standard errors


def test_groups_keep_to_one_fold_and_folds_are_even() -> None:
    groups = [i // 3 for i in range(300)] + [1000] * 40
    fold = deal(groups, np.random.default_rng(0))
    for group in set(groups):
        assert len({int(fold[i]) for i, g in enumerate(groups) if g == group}) == 1
    sizes = np.bincount(fold, minlength=FOLDS)
    assert sizes.max() - sizes.min() <= 3


def test_the_nearest_are_the_nearest() -> None:
    rng = np.random.default_rng(1)
    vectors = rng.normal(size=(1200, 8)).astype(np.float32)
    found = np.concatenate([near for near, _ in nearest(vectors, vectors[:300], 7)])
    wanted = np.argsort(-(vectors @ vectors[:300].T), axis=1)[:, :7]
    assert [sorted(row) for row in found.tolist()] == [sorted(row) for row in wanted.tolist()]


def test_votes_are_shares() -> None:
    rng = np.random.default_rng(1)
    vectors = rng.normal(size=(60, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    table = np.eye(3)[rng.integers(0, 3, 60)]
    shares = votes(vectors[:10], vectors, table)
    assert shares.sum(axis=1) == pytest.approx(np.ones(10))
    assert (shares[np.arange(10), table[:10].argmax(axis=1)] > 0.3).all()  # each stands among its own voters


def crowd(seed: int = 0) -> tuple[NDArray[np.float32], list[int]]:
    """Two clouds of 150, and eight copies of one text of the first cloud, labelled as the second."""
    rng = np.random.default_rng(seed)
    centres = np.eye(2, 16).repeat(150, axis=0)
    cloud = centres + 0.25 * rng.normal(size=(300, 16))
    vectors = np.concatenate([cloud, cloud[:1].repeat(8, axis=0)])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors.astype(np.float32), [0] * 150 + [1] * 150 + [1] * 8


def wrong_copies(groups: list[int]) -> int:
    vectors, given = crowd()
    probabilities = held_out(vectors, np.eye(2, dtype=np.float32)[given], groups, several=False)
    return int(suspects(probabilities, np.array(given)).wrong[300:].sum())


def test_a_copy_cannot_vouch_for_a_wrong_label() -> None:
    alone = list(range(300))
    assert wrong_copies(alone + [0] * 8) == 8
    # The control: dealt out singly, the copies vouch for each other.
    assert wrong_copies(alone + list(range(300, 308))) <= 4


def test_several_labels_are_judged_one_by_one() -> None:
    rng = np.random.default_rng(3)
    has = rng.integers(0, 2, (600, 2))
    vectors = np.concatenate([has * 2.0 - 1, 0.4 * rng.normal(size=(600, 10))], axis=1)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    given = has.copy()
    given[:20, 0] ^= 1
    groups = list(range(600))
    found = held_out(vectors.astype(np.float32), given.astype(np.float32), groups, several=True)
    first = suspects(np.stack([1 - found[:, 0], found[:, 0]], axis=1), given[:, 0])
    assert first.wrong[:20].sum() >= 17
    assert not first.wrong[20:].any()
    second = suspects(np.stack([1 - found[:, 1], found[:, 1]], axis=1), given[:, 1])
    assert not second.wrong.any()


def auroc(score: Array, wrong: NDArray[np.bool_]) -> float:
    positive = int(wrong.sum())
    area = rankdata(score)[wrong].sum() - positive * (positive + 1) / 2
    return float(area / (positive * (len(wrong) - positive)))


def shown(name: str, value: Interval) -> str:
    return f"{name} {value.value:.3f} ({value.low:.3f} to {value.high:.3f}, n = {value.n})"


@pytest.mark.data
def test_planted_errors_in_banking77_are_found(shared: Callable[[str], Path]) -> None:
    """Eight intents of Banking77, a tenth of labels replaced; ``bench/label_errors.py`` has them all."""
    with (shared("banking77") / "train.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    kept = [name for name, _ in Counter(row["category"] for row in rows).most_common(8)]
    rows = [row for row in rows if row["category"] in kept][::2]
    texts, true = [row["text"] for row in rows], np.array([kept.index(row["category"]) for row in rows])
    vectors = default_encoder().encode(texts, precise=False).vectors
    groups = near_groups(texts)
    rng = np.random.default_rng(0)
    wrong = rng.random(len(true)) < 0.1
    given = np.where(wrong, (true + rng.integers(1, 8, len(true))) % 8, true)

    probabilities = believed(
        with_words(vectors, texts), np.eye(8, dtype=np.float32)[given], groups, several=False
    )
    found = suspects(probabilities, given)
    hits = int((found.wrong & wrong).sum())
    precision, recall = wilson(hits, int(found.wrong.sum())), wilson(hits, int(wrong.sum()))
    area = auroc(found.margin, wrong)
    print(f"\nlabel errors: {shown('precision', precision)}, {shown('recall', recall)}, AUROC {area:.3f}")
    assert precision.value >= 0.6
    assert recall.value >= 0.5
    assert area >= 0.9
    assert abs(noise(found.counts).value - wrong.mean()) <= 0.03

    clean = believed(with_words(vectors, texts), np.eye(8, dtype=np.float32)[true], groups, several=False)
    flagged = wilson(int(suspects(clean, true).wrong.sum()), len(true))
    print(shown("flagged of the clean rows", flagged))
    assert flagged.value <= 0.04

    # The control: the same probabilities, given to other rows, tell nothing.
    shuffled = suspects(probabilities[rng.permutation(len(given))], given)
    assert abs(auroc(shuffled.margin, wrong) - 0.5) < 0.1
