"""relevant: strays are found in their rows, and what belongs to the task is left alone."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.conftest import tickets
from whet.check.findings import Finding
from whet.check.relevant import CHECKS, distances, sentences
from whet.check.subject import Subject, Tools
from whet.rungs.vectors import default_encoder

STRANGE = [
    "The mitochondrion is the powerhouse of the cell",
    "Play some jazz by Miles Davis in the kitchen",
    "Who painted the ceiling of the Sistine Chapel?",
]
GERMAN = [
    "Ich warte seit einer Woche auf mein Paket und habe noch keine Nachricht",
    "Bitte stornieren Sie die Bestellung, ich habe sie nicht bekommen",
    "Warum ist die Rechnung noch nicht da und wann wird sie verschickt?",
]


def subject(inputs: Sequence[str]) -> Subject:
    lines = list(range(2, len(inputs) + 2))
    return Subject("classify", list(inputs), ["x"] * len(inputs), ["rows.csv"] * len(inputs), lines)


def run(name: str, inputs: Sequence[str], tools: Tools | None = None) -> list[Finding]:
    check = next(check for check in CHECKS if check.name == name)
    found = list(check.find(subject(inputs), tools or Tools()))
    assert all(finding.check == name and finding.flags for finding in found)
    return found


def rows(findings: Sequence[Finding]) -> list[int]:
    return sorted(flag.row for finding in findings for flag in finding.flags)


def encode(texts: Sequence[str]) -> NDArray[np.float32]:
    return default_encoder().encode(texts, precise=False).vectors


def planted(into: Sequence[str], strangers: Sequence[str], seed: int = 0) -> tuple[list[str], list[int]]:
    """Texts with strangers among them, and where those stand."""
    texts = list(into)
    places = sorted(random.Random(seed).sample(range(len(into)), len(strangers)))
    for place, stranger in zip(places, strangers, strict=True):
        texts.insert(place, stranger)
    return texts, [index for index, text in enumerate(texts) if text in strangers]


def test_rows_far_from_the_task_are_found() -> None:
    texts, places = planted([text for text, _ in tickets(60, seed=4)], STRANGE)
    found = run("relevant.off-task", texts, Tools(encode))
    assert rows(found) == places
    scores = [flag.score or 0 for flag in found[0].flags]
    assert scores == sorted(scores, reverse=True)


def test_no_row_of_the_task_is_far() -> None:
    assert run("relevant.off-task", [text for text, _ in tickets(60, seed=4)], Tools(encode)) == []


def test_few_rows_have_no_middle() -> None:
    assert run("relevant.off-task", [*STRANGE, "where is my parcel?"], Tools(encode)) == []


def test_distances_leave_the_row_itself_out() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(300, 6)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = vectors.astype(np.float64) @ vectors.T.astype(np.float64)
    np.fill_diagonal(cosines, -2)
    wanted = 1 - np.sort(cosines, axis=1)[:, -5:].mean(axis=1)
    assert distances(vectors) == pytest.approx(wanted, abs=1e-5)


def test_stray_languages_are_found() -> None:
    texts, places = planted([text for text, _ in tickets(250, seed=5)], GERMAN)
    found = run("relevant.language", texts)
    assert rows(found) == places
    assert found[0].figures["German"] == 3


def test_a_minority_is_no_stray() -> None:
    english = [text for text, _ in tickets(60, seed=5)]
    assert run("relevant.language", english) == []
    assert run("relevant.language", [*english, *(f"{text} {i}" for i, text in enumerate(GERMAN * 10))]) == []


FOOTER = (
    "This e-mail and its attachments are confidential and meant for the addressee alone. "
    "If it reached you by mistake, please delete it and tell us at once."
)


def test_a_shared_end_is_boilerplate_with_a_proposal() -> None:
    texts = [text for text, _ in tickets(60, seed=6)]
    bearing = list(range(0, 180, 6))
    inputs = [f"{text}\n\n{FOOTER}" if row in bearing else text for row, text in enumerate(texts)]
    found = run("relevant.boilerplate", inputs)
    assert rows(found) == bearing
    assert all(flag.proposal == texts[flag.row] for flag in found[0].flags)
    assert found[0].figures["sentences"] == 2


def test_boilerplate_in_the_middle_has_no_proposal() -> None:
    texts = [text for text, _ in tickets(60, seed=6)]
    inputs = [
        f"Hello.\n{FOOTER}\n{text}" if row % 6 == 0 else f"Hello, {text}" for row, text in enumerate(texts)
    ]
    found = run("relevant.boilerplate", inputs)
    assert rows(found) == list(range(0, 180, 6))
    assert all(flag.proposal is None for flag in found[0].flags)


def test_what_is_no_boilerplate() -> None:
    texts = [text for text, _ in tickets(60, seed=6)]
    assert run("relevant.boilerplate", texts) == []
    # Copies of one text are copies.
    assert run("relevant.boilerplate", [*texts, *[f"My own long story. {FOOTER}"] * 40]) == []
    # What most inputs begin with is the task's own prompt, one sentence or several.
    assert run("relevant.boilerplate", [f"{FOOTER}\n{text}" for text in texts]) == []
    # A text that is one long sentence, sent by many.
    assert run("relevant.boilerplate", [*texts, *[FOOTER.split(". ")[0]] * 40]) == []


def test_sentences_make_up_the_text() -> None:
    text = "One. Two!  Three?\nfour 4.5 five\n\nsix...  "
    assert "".join(sentences(text)) == text
    assert [part.strip() for part in sentences(text) if part.strip()] == [
        "One.", "Two!", "Three?", "four 4.5 five", "six...",
    ]  # fmt: skip


def test_of_very_many_rows_a_sample_is_read_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """An encoder reads some hundred texts a second: a million would take hours."""
    monkeypatch.setattr("whet.check.subject.READ", 150)
    texts = [f"{'far' if n % 40 == 0 else 'near'} {n}" for n in range(400)]
    read: list[str] = []

    def encode(texts: Sequence[str]) -> NDArray[np.float32]:
        read.extend(texts)
        rng = np.random.default_rng(0)
        strange = rng.normal(size=(len(texts), 64))
        near = np.array([text.startswith("near") for text in texts])[:, None]
        vectors = np.where(near, np.eye(64)[0], strange)
        unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.asarray(unit, dtype=np.float32)

    (finding,) = run("relevant.off-task", texts, Tools(encode=encode))
    assert len(read) == 150
    assert read == sorted(read, key=texts.index), "in the order of the file"
    assert "of 150 rows (drawn from 400) are far" in finding.what
    assert {texts[row] for row in rows([finding])} == {text for text in read if text.startswith("far")}
