"""The index finds what is asked for, by words and by meaning; it is the same after its folder."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest

from whet.errors import InputError
from whet.retrieve.documents import Document, Documents
from whet.retrieve.index import Index, build_index, fused, load_index, match
from whet.rungs.vectors import default_encoder

FACTS = {
    "opening": "The shop opens at nine in the morning and closes at six.",
    "returns": "Goods can be sent back within thirty days of purchase.",
    "code": "The error code ZX-4417 means that the pump has no water.",
    "pets": "Dogs are welcome on the terrace, but not inside the building.",
    "money": "We give your money back to the card that you paid with.",
}


@pytest.fixture(scope="module")
def index() -> Index:
    return build_index(
        Documents(tuple(Document(f"{n}.txt", text) for n, text in FACTS.items())), default_encoder()
    )


def first(index: Index, asked: str, way: str = "fused") -> str:
    number = index.ranked([asked], 1, way)[0][0]
    return index.passages[number].source.removesuffix(".txt:1")


def test_words_find_codes_and_meaning_finds_what_is_said_otherwise(index: Index) -> None:
    assert first(index, "what is zx-4417?", "bm25") == "code"
    assert first(index, "may I bring my puppy?", "vectors") == "pets"
    assert index.ranked(["puppy"], 5, "bm25") == [[]]  # the control: no word is shared
    assert first(index, "what is zx-4417?") == "code"
    assert first(index, "may I bring my puppy?") == "pets"


def test_the_order_and_the_company_of_inputs_change_nothing(index: Index) -> None:
    asked = [
        "when do you open?",
        "refund to my card",
        "ZX-4417",
        "",
        "may I bring my puppy?",
        'AND OR NOT ("*',
    ]
    together = index.ranked(asked, 5)
    order = list(range(len(asked)))
    random.Random(0).shuffle(order)
    assert index.ranked([asked[n] for n in order], 5) == [together[n] for n in order]
    assert [index.ranked([one], 5)[0] for one in asked] == together
    assert index.find([], 3) == []


def test_ties_go_to_the_earlier_passage() -> None:
    same = Documents(tuple(Document(f"{n}.txt", "The same words.") for n in range(9)))
    found = build_index(same, default_encoder())
    assert found.ranked(["the same words"], 9) == [list(range(9))]
    assert fused([[2, 1], [1, 2]]) == [1, 2]
    assert fused([[5], [7]]) == [5, 7]


def test_a_question_is_words_and_never_an_order_to_the_database() -> None:
    assert match('a" OR x NEAR(b) 50% \0 \ud800') == '"a" OR "or" OR "x" OR "near" OR "b" OR "50"'
    assert match("?!") == ""
    assert len(match(" ".join(f"w{n}" for n in range(5000))).split(" OR ")) == 200


def test_it_is_the_same_after_its_folder(index: Index, tmp_path: Path) -> None:
    card = json.loads(json.dumps(index.save(tmp_path)))
    again = load_index(tmp_path, card, default_encoder())
    assert again.passages == index.passages
    assert np.array_equal(again.vectors, index.vectors)
    assert (again.digest, again.documents) == (index.digest, 5)
    assert again.find(["open"], 2) == index.find(["open"], 2)
    (tmp_path / f"passages-{card['digest'][:12]}.json").write_text("[]", encoding="utf-8")
    with pytest.raises(InputError, match="0 passages do not fit"):
        load_index(tmp_path, card, default_encoder())
    with pytest.raises(InputError, match="no SHA-256"):
        load_index(tmp_path, {**card, "digest": "../../secrets"}, default_encoder())


@pytest.mark.data
def test_the_bench_counts_hits_by_paragraph_and_answer(index: Index) -> None:
    import sys

    sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "bench"))
    from retriever import Question, hits_of

    asked = [
        Question("Are dogs welcome?", "pets.txt", ("terrace",)),
        Question("Dogs?", "pets.txt", ("cats",)),
    ]
    assert hits_of(index, asked, "fused", cut=True) == [1, 0]
    assert hits_of(index, asked, "fused", cut=False) == [1, 1]
