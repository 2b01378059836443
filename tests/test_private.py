"""The standard *privacy safe*: what the check tells, and the names adapter that comes with it."""

from __future__ import annotations

import csv
import json
import random
import re
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from whet.check.pii.names import ADAPTER, CARD, NamesFinder, decode, names_finder
from whet.check.pii.spans import GROUP_OF, QUIET
from whet.check.private import CHECKS, GROUPS, names, personal_data
from whet.check.subject import Span, Subject, Tools
from whet.errors import InputError
from whet.models.bio import transitions, viterbi
from whet.models.source import find_encoder
from whet.models.words import Words, read_words
from whet.records import Turn
from whet.store import file_digest

DEMO = Path(__file__).resolve().parent.parent / "src" / "whet" / "demo"
sys.path.insert(0, str(DEMO.parent.parent.parent / "tools"))  # the scripts that train and measure the adapter
ROWS = [
    ("Where is my parcel?", "delivery"),
    ("my card 4111 1111 1111 1111 was charged", "payment"),
    ("write to ada@example.org or +44 7700 900767", "delivery"),
    ("the password is hunter2!x", "login"),
]


def subject(rows: Sequence[tuple[str, str]], **more: object) -> Subject:
    inputs, outputs = [text for text, _ in rows], [label for _, label in rows]
    files, lines = ["a.csv"] * len(rows), list(range(2, len(rows) + 2))
    made = Subject("classify", inputs, outputs, files, lines)
    return replace(made, **more)  # type: ignore[arg-type]


def test_one_finding_a_group_and_secrets_block() -> None:
    found = {finding.check: finding for finding in personal_data(subject(ROWS), Tools())}
    assert set(found) == {"private.passwords", "private.cards", "private.contacts"}
    assert found["private.passwords"].severity == found["private.cards"].severity == "blocks"
    assert found["private.contacts"].severity == "advice"
    assert found["private.contacts"].figures == {"EMAIL_ADDRESS": 1, "PHONE_NUMBER": 1}
    assert [flag.row for flag in found["private.cards"].flags] == [1]
    assert found["private.cards"].what == "1 row holds a payment card number."


def test_clean_rows_have_no_finding() -> None:
    """The control: it is the values that make the findings."""
    assert list(personal_data(subject(ROWS[:1]), Tools())) == []


def test_no_value_is_shown_and_none_is_proposed() -> None:
    shown = [flag for finding in personal_data(subject(ROWS), Tools()) for flag in finding.flags]
    said = " ".join(flag.note for flag in shown)
    for value in ("4111", "ada@example.org", "7700", "hunter2"):
        assert value not in said.replace("**** 1111", "")
    assert all(flag.proposal is None for flag in shown)
    assert "j***" not in said
    assert "a***@e***.org" in said


def test_every_column_is_read_and_named() -> None:
    data = subject(ROWS[:1], outputs=["ada@example.org"], meta={"customer": ["bob@example.org"]})
    (finding,) = personal_data(data, Tools())
    assert [(flag.row, flag.field) for flag in finding.flags] == [(0, "customer"), (0, "output")]


def test_held_out_rows_are_read_too() -> None:
    assert all(check.on_test for check in CHECKS)
    assert [check.needs for check in CHECKS] == [(), ("names",)]


def test_every_group_that_is_told_is_known() -> None:
    assert set(GROUPS) | set(QUIET) == set(GROUP_OF.values())


def test_names_come_from_the_tool_and_places_alone_are_no_finding() -> None:
    def tool(texts: Sequence[str]) -> list[list[Span]]:
        known: dict[str, list[Span]] = {"Ada from York": [(0, 3, "PERSON"), (9, 13, "LOCATION")]}
        return [known.get(text, []) for text in texts]

    data = subject([("Ada from York", "a"), ("flights to York", "b"), ("Ada from York", "c")])
    (finding,) = names(data, Tools(names=tool))
    assert finding.check == "private.names"
    assert [(flag.row, flag.note) for flag in finding.flags] == [(0, "PERSON A***"), (2, "PERSON A***")]


def test_a_great_file_is_sampled_and_the_finding_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("whet.check.private.SAMPLE", 10)
    data = subject([(f"Ada {n}", "a") for n in range(50)])
    (finding,) = names(data, Tools(names=lambda texts: [[(0, 3, "PERSON")] for _ in texts]))
    assert len(finding.flags) == 10
    assert (finding.figures["texts read"], finding.figures["texts in all"]) == (10, 51)


def test_the_best_legal_tags_are_taken() -> None:
    tags = ("O", "B-A", "I-A", "B-B", "I-B")
    allowed = transitions(tags)
    scores = np.log(np.array([[0.1, 0.4, 0.45, 0.04, 0.01], [0.1, 0.1, 0.3, 0.1, 0.4]], np.float32))
    assert [tags[tag] for tag in viterbi(scores, allowed)] == ["B-A", "I-A"]
    assert [tags[tag] for tag in scores.argmax(axis=1)] == ["I-A", "I-B"]  # what it would be without


def test_texts_without_words_have_no_names() -> None:
    words = Words([(1, 0, 3)], [], [], [])
    scores = np.log(np.array([[0.1, 0.8, 0.1]], np.float32))
    assert decode(["", "Ada", " "], words, scores, ("O", "B-A", "I-A"), 0.0)[0] == []


def needs_adapter() -> None:
    if not (ADAPTER / CARD).is_file():
        pytest.skip("the names adapter is not built: tools/train_names.py")


@pytest.fixture(scope="module")
def finder() -> NamesFinder:
    needs_adapter()
    return names_finder()


PEOPLE = [
    ("Hello, my name is Maria Lopez and my order is late.", "Maria Lopez"),
    ("best regards,\ntobias lindqvist", "tobias lindqvist"),
    ("Please ask Dr. Okonkwo about it.", "Dr. Okonkwo"),
    ("My colleague Ngozi will call you back on Monday.", "Ngozi"),
]
NOBODY = [
    "Can I pay with Visa or Apple Pay?",
    "It should have arrived in May, at the latest in August.",
    "Will you mark it as solved?",
    "The Premium plan is too expensive.",
    "Please cancel my order.",
]


def test_people_are_found_and_ordinary_words_are_not(finder: NamesFinder) -> None:
    texts = [text for text, _ in PEOPLE]
    people = [
        [t[a:b] for a, b, k in spans if k == "PERSON"] for t, spans in zip(texts, finder(texts), strict=True)
    ]
    assert people == [[name] for _, name in PEOPLE]
    assert [span for spans in finder(NOBODY) for span in spans if span[2] in ("PERSON", "ADDRESS")] == []


def test_results_do_not_depend_on_the_batch(finder: NamesFinder) -> None:
    texts = [text for text, _ in PEOPLE] + NOBODY
    assert finder(texts) == [finder([text])[0] for text in texts]


def test_a_long_text_is_read_to_its_end(finder: NamesFinder) -> None:
    text = "The parcel is late again. " * 150 + "Best regards,\nMaria Lopez"
    assert text[slice(*finder([text])[0][-1][:2])] == "Maria Lopez"


def test_words_keep_their_places(finder: NamesFinder) -> None:
    text = "Ms. O'Neill\n12 Straße"
    words = read_words(finder.encoder, [text])
    assert [text[a:b] for _, a, b in words.places] == ["Ms", ".", "O", "'", "Neill", "12", "Straße"]


def test_another_encoder_is_refused(finder: NamesFinder) -> None:
    with pytest.raises(InputError, match="names adapter belongs to"):
        names_finder(replace(finder.encoder.source, sha256="0" * 64))


def test_the_adapter_is_small_and_what_its_card_says() -> None:
    needs_adapter()
    card = json.loads((ADAPTER / CARD).read_text(encoding="utf-8"))
    assert sum(path.stat().st_size for path in ADAPTER.iterdir()) <= 5_000_000
    assert {path.suffix for path in ADAPTER.iterdir()} == {".json", ".safetensors", ".md"}
    assert card["weights_sha256"] in (ADAPTER / "README.md").read_text(encoding="utf-8")
    assert card["base"]["sha256"] == find_encoder(card["base"]["name"]).sha256
    assert not set(card["data"]["train_templates"]) & set(card["data"]["test_templates"])


def held_out(path: Path) -> list[dict[str, Any]]:
    """The rows of the data set whose templates the adapter was not trained on."""
    card = json.loads((ADAPTER / CARD).read_text(encoding="utf-8"))
    assert file_digest(path) == card["data"]["sha256"]
    tested = set(card["data"]["test_templates"])
    return [row for row in json.loads(path.read_text(encoding="utf-8")) if row["template_id"] in tested]


@pytest.mark.data
def test_names_on_templates_that_were_not_trained_on(
    shared: Callable[[str], Path], finder: NamesFinder
) -> None:
    """The promise: of the spans of all kinds at least 0.85 are found, at overlap 0.7."""
    from names.corpus import all_spans, whole
    from names.measure import count, renamed
    from whet.check.pii.patterns import find_each

    rows = held_out(shared("presidio_pii/generated_large.json"))
    wanted, texts = [all_spans(row) for row in rows], [row["full_text"] for row in rows]
    words = read_words(finder.encoder, texts)
    scores = finder.tagger.scores(words, finder.encoder.pad_id)

    def recall(caution: float) -> float:
        names = dict(zip(texts, decode(texts, words, scores, finder.tags, caution), strict=True))
        found = find_each(texts, lambda some: [names[text] for text in some])
        counts = count(wanted, [whole(text, renamed(s)) for text, s in zip(texts, found, strict=True)])
        return float(counts.recall(list(counts.wanted))["value"])

    assert recall(finder.caution) >= 0.85
    assert recall(6.0) < 0.85  # the control: a finder that dares little


@pytest.mark.data
def test_no_sentence_of_ours_has_the_words_of_a_test_template(shared: Callable[[str], Path]) -> None:
    """Four words in a row would be a copy: the figures of the card are on what training has not read."""
    from names.corpus import PLAIN, TAGGED, chosen, templates

    rng = random.Random(0)
    theirs = set[tuple[str, ...]]()
    for template in {row["masked"] for row in held_out(shared("presidio_pii/generated_large.json"))}:
        theirs |= runs(template)
    ours = [line for line in templates(*TAGGED, *PLAIN) for _ in range(30 if "[" in line else 1)]
    copied = {line for line in ours if runs(chosen(line, rng)) & theirs}
    assert copied == set()
    copy = "They say: " + " ".join(min(theirs)) + ", {full}."
    assert runs(copy) & theirs  # the control


def runs(template: str, words: int = 4) -> set[tuple[str, ...]]:
    """The words that stand in a row in a template, between its slots."""
    found = set[tuple[str, ...]]()
    for part in re.split(r"\{+\w+\}+", template):
        said = re.findall(r"\w+", part.lower())
        found |= {tuple(said[i : i + words]) for i in range(len(said) - words + 1)}
    return found


@pytest.mark.data
def test_everyday_questions_name_hardly_anybody(shared: Callable[[str], Path], finder: NamesFinder) -> None:
    with shared("banking77/test.csv").open(encoding="utf-8", newline="") as stream:
        texts = random.Random(0).sample([row["text"] for row in csv.DictReader(stream)], 300)
    flagged = [spans for spans in finder(texts) if any(kind in ("PERSON", "ADDRESS") for *_, kind in spans)]
    assert len(flagged) <= 3


def test_what_is_planted_in_the_demo_is_found(finder: NamesFinder) -> None:
    planted = json.loads((DEMO / "planted.json").read_text(encoding="utf-8"))["personal_data"]
    with (DEMO / "tickets.csv").open(encoding="utf-8", newline="") as stream:
        tickets = {row["ticket_id"]: row["text"] for row in csv.DictReader(stream)}
    from whet.check.pii.patterns import find_personal

    ids = sorted({entry["ticket_id"] for entry in planted})
    spans = dict(zip(ids, find_personal([tickets[i] for i in ids], finder), strict=True))

    def missed(share: float) -> list[str]:
        return [e["type"] for e in planted if not _covered(e["value"], tickets, spans, e["ticket_id"], share)]

    partly = Counter(missed(0.7))
    print(f"\nof {dict(Counter(e['type'] for e in planted))}: told in part {dict(partly)}")
    assert missed(0.01) == []  # a span is told in every one of them
    assert partly.keys() <= {"name", "address"}
    assert partly.total() <= 0.1 * sum(e["type"] in ("name", "address") for e in planted)
    spans = {ticket: [] for ticket in ids}  # the control: nobody is told
    assert len(missed(0.01)) == len(planted)


def _covered(
    value: str, tickets: dict[str, str], spans: dict[str, list[Span]], ticket: str, share: float
) -> bool:
    """Whether such a share of a value lies in spans that are told."""
    start = tickets[ticket].find(value)
    inside = sum(max(0, min(b, start + len(value)) - max(a, start)) for a, b, _ in spans[ticket])
    return start >= 0 and inside >= share * len(value)


def test_what_stands_beside_input_and_output_is_read() -> None:
    """Tools, thoughts, and an instruction that all rows share."""
    key = "AKIA" + "IOSFODNN7EXAMPLQ"
    thought = Turn("assistant", "yes", {"reasoning_content": f"I use {key}"})
    tools = [{"type": "function", "function": {"name": "pay", "description": f"with {key}"}}]
    said = Turn("system", f"the key is {key}")
    for turns, given in (((thought,), None), ((Turn("user", "ask"),), tools), ((said,), None)):
        data = replace(subject([("ask", "yes")]), turns=[turns], tools=None if given is None else [given])
        (finding,) = personal_data(data, Tools())
        assert finding.check == "private.secrets"
    clean = replace(subject([("ask", "yes")]), turns=[(Turn("user", "ask"), Turn("assistant", "yes"))])
    assert not list(personal_data(clean, Tools()))
