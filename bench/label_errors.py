"""Planted label errors, found again: ``accurate.label-errors`` on real data with labels changed on purpose.

    pip install -e '.[offline]'
    python bench/label_errors.py --data banking77/train.csv --text text --label category

A share of the labels is replaced, each by any other label alike (``--kind uniform``) or by the one that a
model finds next most probable (``--kind likely``, as people err). Encoding is done once; then, for every
rate and seed, the whole of confident learning. Prints one JSON line: precision and recall of the flags with
Wilson intervals, the recall with what comes next in doubt (``accurate.doubtful-labels``), AUROC of the
ranking with Hanley and McNeil's interval (Radiology 143, 1982), the noise estimate beside the truth, and the
share flagged on the file as it is, whose own errors count as false.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from whet.check.accurate import believed
from whet.check.confident import Suspects, noise, suspects
from whet.check.doubtful import read_next
from whet.check.lexical import with_words
from whet.data.formats import read_table
from whet.data.neardup import near_groups
from whet.evaluate.stats import Interval, wilson
from whet.rungs.vectors import default_encoder

Labels = NDArray[np.int64]
RATES = (0.05, 0.1, 0.2)


def main() -> None:
    arguments = parse()
    texts, given, names = read(arguments.data, arguments.text, arguments.label)
    start = time.perf_counter()
    vectors = default_encoder().encode(texts, precise=False).vectors
    encoded = time.perf_counter() - start
    search = Search(vectors, texts, near_groups(texts), len(names))
    start = time.perf_counter()
    clean = search.probabilities(given)
    line: dict[str, Any] = {
        "bench": "label_errors",
        "data": arguments.data.name,
        "rows": len(texts),
        "labels": len(names),
        "kind": arguments.kind,
        "seconds_encoding": round(encoded, 1),
        "seconds_finding": round(time.perf_counter() - start, 1),
        "clean": as_it_is(suspects(clean, given)),
        "noise": [
            one(search, given, clean, rate, seed, arguments.kind)
            for rate in RATES
            for seed in range(arguments.seeds)
        ],
    }
    print(json.dumps(line))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--text", default="text")
    parser.add_argument("--label", default="label")
    parser.add_argument("--kind", choices=("uniform", "likely"), default="uniform")
    parser.add_argument("--seeds", type=int, default=3)
    return parser.parse_args()


def read(path: Path, text: str, label: str) -> tuple[list[str], Labels, list[str]]:
    """Texts, labels as numbers, and the labels' names."""
    rows = read_table(path).rows
    labels = [row.text(label) for row in rows]
    names, given = np.unique(labels, return_inverse=True)
    return [row.text(text) for row in rows], given.astype(np.int64), [str(name) for name in names]


class Search:
    """Confident learning on vectors that stay, with labels that change."""

    def __init__(
        self, vectors: NDArray[np.float32], texts: list[str], groups: list[int], labels: int
    ) -> None:
        self._vectors, self._groups, self._labels = with_words(vectors, texts), groups, labels

    def probabilities(self, given: Labels, but: NDArray[np.bool_] | None = None) -> NDArray[np.floating]:
        table = np.eye(self._labels, dtype=np.float32)[given]
        return believed(self._vectors, table, self._groups, several=False, but=but)


def plant(
    given: Labels, clean: NDArray[np.floating], rate: float, seed: int, kind: str
) -> tuple[Labels, NDArray[np.bool_]]:
    """Labels with a share of them changed, and which."""
    rng = np.random.default_rng(seed)
    wrong = np.zeros(len(given), bool)
    wrong[rng.choice(len(given), round(rate * len(given)), replace=False)] = True
    others = clean.copy()
    others[np.arange(len(given)), given] = -1
    anything = (given + rng.integers(1, clean.shape[1], len(given))) % clean.shape[1]
    return np.where(wrong, anything if kind == "uniform" else others.argmax(axis=1), given), wrong


def one(
    search: Search, given: Labels, clean: NDArray[np.floating], rate: float, seed: int, kind: str
) -> dict[str, Any]:
    noisy, wrong = plant(given, clean, rate, seed, kind)
    found = suspects(search.probabilities(noisy), noisy)
    hits = int((found.wrong & wrong).sum())
    estimate = noise(found.counts)
    after = read_next(search.probabilities(noisy, found.wrong), noisy, found.wrong)
    right = found.likely[found.wrong & wrong] == given[found.wrong & wrong]
    return {
        "rate": rate,
        "seed": seed,
        "precision": shown(wilson(hits, int(found.wrong.sum()))),
        "recall": shown(wilson(hits, int(wrong.sum()))),
        "recall_with_next": shown(wilson(hits + int(wrong[after].sum()), int(wrong.sum()))),
        "precision_of_next": shown(wilson(int(wrong[after].sum()), len(after))),
        "auroc": shown(auroc(found.margin, wrong)),
        "noise_estimate": shown(estimate),
        "proposals_right": shown(wilson(int(right.sum()), hits)),
    }


def as_it_is(found: Suspects) -> dict[str, Any]:
    return {
        "flagged": shown(wilson(int(found.wrong.sum()), len(found.wrong))),
        "noise_estimate": shown(noise(found.counts)),
    }


def auroc(score: NDArray[np.float64], wrong: NDArray[np.bool_]) -> Interval:
    """Area under the ROC curve, by ranks, with Hanley and McNeil's 95 % interval."""
    positive, negative = int(wrong.sum()), int((~wrong).sum())
    ranks = rankdata(score)[wrong].sum()
    area = float((ranks - positive * (positive + 1) / 2) / (positive * negative))
    both, twice = area / (2 - area), 2 * area * area / (1 + area)
    spread = area * (1 - area) + (positive - 1) * (both - area**2) + (negative - 1) * (twice - area**2)
    half = 1.96 * math.sqrt(max(spread, 0.0) / (positive * negative))
    return Interval(area, max(0.0, area - half), min(1.0, area + half), len(wrong))


def shown(interval: Interval) -> dict[str, float]:
    """Value, bounds and n."""
    return {
        "value": round(interval.value, 4),
        "low": round(interval.low, 4),
        "high": round(interval.high, 4),
        "n": interval.n,
    }


if __name__ == "__main__":
    main()
