"""Open data in short form: Banking77's confidence, and a toxicity classifier before identity words.

The whole of both is measured by ``bench/trust.py``.
"""

from __future__ import annotations

import csv
import os
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from whet.config import task_from
from whet.evaluate.calibrate import coverage_at, ece, resplit, threshold_for
from whet.evaluate.metrics import Metric
from whet.models.cache import CachedEncoder
from whet.records import Example
from whet.rungs.base import Setting
from whet.rungs.head import Head
from whet.rungs.vectors import VectorSpecialist, default_encoder
from whet.trust.bias import bias
from whet.trust.context import Context, Side

pytestmark = pytest.mark.skipif(not os.environ.get("WHET_LONG"), reason="long: WHET_LONG=1 asks for it")

Shared = Callable[[str], Path]
LABELS, EACH = 15, 40
WORDS = 25  # of a comment: short ones are read at once


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as source:
        return list(csv.DictReader(source))


def taken(rows: list[dict[str, str]], labels: set[str], each: int) -> list[Example]:
    """The first ``each`` rows of every label."""
    counts: dict[str, int] = {}
    found = []
    for at, row in enumerate(rows):
        label = row["category"]
        counts[label] = counts.get(label, 0) + 1
        if label in labels and counts[label] <= each:
            found.append(Example(str(at), row["text"], label, f"f:{at}"))
    return found


def head(train: list[Example], dev: list[Example], encoder: CachedEncoder) -> VectorSpecialist:
    fitted = Head(Setting(encoders=[encoder])).fit(train, dev)
    assert isinstance(fitted, VectorSpecialist)
    return fitted


@pytest.fixture(scope="module")
def encoder() -> CachedEncoder:
    return CachedEncoder(default_encoder())


def test_confidence_on_banking77(shared: Shared, encoder: CachedEncoder) -> None:
    folder = shared("banking77")
    train = rows_of(folder / "train.csv")
    labels = set(sorted({row["category"] for row in train})[:LABELS])
    learned = taken(train, labels, EACH)
    dev, rest = learned[::5], [e for at, e in enumerate(learned) if at % 5]
    test = taken(rows_of(folder / "test.csv"), labels, EACH)
    made = head(rest, dev, encoder)
    logits = np.asarray(made.score(made.arrays, encoder.encode([e.input for e in test]).vectors), float)
    place = {name: at for at, name in enumerate(made.decider.labels)}
    truth = np.array([place[str(e.output)] for e in test])

    def stated(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return table.max(axis=1), (table.argmax(axis=1) == truth).astype(float)

    scaled = np.asarray(made.decider.probabilities(logits), float)
    plain = np.exp(logits - logits.max(axis=1, keepdims=True))
    before = ece(*stated(plain / plain.sum(axis=1, keepdims=True)))
    after = ece(*stated(scaled))
    assert after <= 0.05
    assert after < before
    assert coverage_at(*stated(scaled), 0.98) > 0.5
    found = threshold_for(*stated(scaled), 0.95)
    assert found is not None
    assert found.precision.value >= 0.95
    sets = resplit(scaled, truth.tolist(), times=200)
    assert sets.coverage.value == pytest.approx(0.9, abs=0.02)
    assert sets.size < 2


def test_a_toxicity_classifier_before_identity_words(
    shared: Shared, encoder: CachedEncoder, tmp_path: Path
) -> None:
    """Learned from plain comments, asked about those of other revisions with their identity words swapped."""
    folder = shared("identity_comments")
    plain = [
        r for r in rows_of(folder / "toxicity_nonfuzzed_testset.csv") if len(r["comment"].split()) <= WORDS
    ]
    swapped = {r["rev_id"]: r for r in rows_of(folder / "toxicity_fuzzed_testset.csv")}
    random.Random(0).shuffle(plain)
    cut = len(plain) // 2
    learned = [Example(r["rev_id"], r["comment"], r["toxic"], "f:1") for r in plain[:cut]]
    held = [Example(r["rev_id"], swapped[r["rev_id"]]["comment"], r["toxic"], "f:1") for r in plain[cut:]]
    assert not {e.id for e in learned} & {e.id for e in held}
    made = head(learned[::2] + learned[1::4], learned[3::4], encoder)
    side = Side("head", tmp_path, tuple(made.predict([e.input for e in held])))
    side.__dict__.update(specialist=made, digest="made", card={})
    task = task_from({"task": "t", "examples": "e.csv", "fields": {"input": "i", "output": "o"}})
    whole = Context(tmp_path, task, tmp_path, side, None, None, tuple(learned), (), tuple(held), Metric())
    measure = bias(whole)
    gap, flips = measure.figure("swap_gap"), measure.figure("swap_flips")
    assert gap is not None
    assert flips is not None
    assert gap.low > 0
    assert "comes" in gap.title
    assert flips.value > 0
