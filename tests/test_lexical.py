"""Guards the words beside an encoder: what texts share, however spelt, and wrong labels only words show."""

from __future__ import annotations

import numpy as np

from whet.check.accurate import label_errors
from whet.check.confident import held_out, suspects
from whet.check.lexical import DIMENSIONS, lexical, with_words
from whet.check.subject import Subject, Tools

SAID = ["please look at {} today", "is there news of {} yet", "nobody answers about {}", "what became of {}"]
ABOUT = {"stove": ["Brann", "Glød"], "tent": ["Skarv", "Hegre"]}


def test_texts_that_share_words_or_most_of_a_word_lie_together() -> None:
    texts = ["my Skarv leaks", "the Skarv is leaking", "teh Skrav leakd", "is this cotton?", "", "  "]
    found = lexical(texts)
    near = found @ found.T
    assert near[0, 1] > near[0, 2] > 0.05 > abs(near[0, 3])
    assert np.allclose(near[4:], 0, atol=1e-6)


def test_vectors_have_the_promised_shape_and_come_out_the_same_again() -> None:
    texts = [f"{SAID[n % 4].format(n)} {n * n}" for n in range(500)]
    found = lexical(texts)
    assert found.shape == (500, DIMENSIONS)
    assert found.dtype == np.float32
    assert np.array_equal(found, lexical(texts))
    joined = with_words(np.eye(500, 3, dtype=np.float32), texts)
    assert joined.shape == (500, DIMENSIONS + 3)
    assert np.allclose(np.linalg.norm(joined, axis=1), 1, atol=1e-5)


def test_wrong_labels_are_found_that_only_a_word_shows() -> None:
    rows = [
        (f"{said.format(name)}, {word}", label)
        for label, names in ABOUT.items()
        for name in names
        for said in SAID
        for word in ("thanks", "please", "Ada", "Ben", "Cleo", "hello", "bye", "urgent", "order 12", "soon")
    ]
    texts = [text for text, _ in rows]
    labels = [label for _, label in rows]
    wrong = {3, 60, 90, 140}
    for row in wrong:
        labels[row] = "tent" if labels[row] == "stove" else "stove"
    blind = np.full((len(rows), 4), 0.5, np.float32)  # an encoder that sees nothing of it
    subject = Subject("classify", texts, labels, ["t.csv"] * len(rows), range(2, len(rows) + 2))
    (finding,) = label_errors(subject, Tools(encode=lambda some: blind[: len(some)]))
    assert {flag.row for flag in finding.flags} == wrong
    # The control: without the words nothing is found.
    given = np.array([label == "tent" for label in labels], np.int64)
    alone = held_out(blind, np.eye(2, dtype=np.float32)[given], list(range(len(rows))), several=False)
    assert not suspects(alone, given).wrong.any()
