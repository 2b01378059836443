"""Guards the near-duplicates of the check: nothing missed, nothing invented, on real and made-up texts.

The judge compares all pairs by a word edit distance of its own. Pairs planted in real data are found: recall
and precision stand beside their intervals in the output of ``pytest -s``.
"""

from __future__ import annotations

import csv
import random
import re
import string
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whet.check import near
from whet.check.near import DIFFERENT, Alike, alike, find_alike, forget
from whet.check.subject import Subject
from whet.check.words import words_of
from whet.evaluate.stats import Interval, wilson

same_every_time = settings(deadline=None, derandomize=True, database=None, max_examples=60)
Pair = tuple[int, int]


# The judge: words by a regular expression, edit distance by the textbook, all pairs.


def split(text: str) -> list[str]:
    """Words of a text in a script with spaces."""
    return re.sub(r"[\W_]+", " ", re.sub("['`´ʼ’＇]", "", text.lower())).split()


def distance(left: list[str], right: list[str]) -> int:
    """Wagner and Fischer (1974)."""
    above = list(range(len(right) + 1))
    for row, word in enumerate(left, start=1):
        here = [row]
        for column, other in enumerate(right, start=1):
            here.append(min(here[-1] + 1, above[column] + 1, above[column - 1] + (word != other)))
        above = here
    return above[-1]


def judged(texts: list[str]) -> set[Pair]:
    """Every pair within one word in five, among texts of different letters."""
    words = [split(text) for text in texts]
    letters = ["".join(part) for part in words]
    heads = [row for row, own in enumerate(letters) if own and letters.index(own) == row]
    return {
        (i, j)
        for place, i in enumerate(heads)
        for j in heads[place + 1 :]
        if 5 * abs(len(words[i]) - len(words[j])) <= max(len(words[i]), len(words[j]))
        and 5 * distance(words[i], words[j]) <= max(len(words[i]), len(words[j]))
    }


def named(found: Alike) -> set[Pair]:
    return {(int(left), int(right)) for left, right in found.near}


def test_the_judge_by_hand() -> None:
    assert split("Haven't you—seen Größe_2?") == ["havent", "you", "seen", "größe", "2"]
    assert distance(["a", "b", "c", "d"], ["b", "c", "x", "d", "e"]) == 3
    assert judged(["a b c d e", "a b x d e", "A, b; c. d! e?", "a b x y e"]) == {(0, 1), (1, 3)}


# All pairs, and no other.

VOCABULARY = ["".join(random.Random(n).choices(string.ascii_lowercase, k=2 + n % 7)) for n in range(300)]


def with_copies(count: int, seed: int, few_words: bool) -> list[str]:
    """Texts of 1 to 90 words, half of them copies with up to a third of the words edited."""
    rng = random.Random(seed)
    known = VOCABULARY[:12] if few_words else VOCABULARY
    texts = [rng.choices(known, k=rng.choice([1, 3, 4, 5, 6, 9, 10, 11, 15, 30, 44, 90]))]
    while len(texts) < count:
        if rng.random() < 0.5:
            texts.append(rng.choices(known, k=rng.randint(3, 20)))
        else:
            texts.append(edits(rng.choice(texts), rng.choice([0.05, 0.1, 0.2, 0.33]), rng, known))
    return [" ".join(text) for text in texts]


def other_word(word: str, rng: random.Random, known: list[str]) -> str:
    return next(other for other in iter(lambda: rng.choice(known), None) if split(other) != split(word))


def edits(words: list[str], share: float, rng: random.Random, known: list[str]) -> list[str]:
    """A share of the words, one at least, replaced, deleted or followed by another."""
    words = list(words)
    for _ in range(max(1, round(share * len(words)))):
        place, turn = rng.randrange(len(words)), rng.choice("rdi" if len(words) > 1 else "ri")
        if turn == "r":
            words[place] = other_word(words[place], rng, known)
        elif turn == "d":
            del words[place]
        else:
            words.insert(place + 1, rng.choice(known))
    return words


@same_every_time
@given(st.integers(0, 10_000), st.booleans())
def test_every_pair_and_no_other_is_named(seed: int, few_words: bool) -> None:
    texts = with_copies(60, seed, few_words)
    assert named(find_alike(texts)) == judged(texts)


def test_a_filter_that_is_too_sharp_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: with one edit fewer allowed for, rare grams are dropped and pairs are lost."""
    honest = near._edits
    texts = with_copies(300, 7, few_words=False)
    assert named(find_alike(texts)) == judged(texts)
    monkeypatch.setattr(near, "_edits", lambda counts: np.minimum(honest(counts), 1))
    assert named(find_alike(texts)) < judged(texts)


def test_a_threshold_that_is_too_wide_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = with_copies(300, 7, few_words=False)
    monkeypatch.setattr(near, "DIFFERENT", 0.34)
    assert named(find_alike(texts)) > judged(texts)


def test_similarity_is_the_share_of_equal_words() -> None:
    found = find_alike(
        ["one two three four five six seven eight nine ten", "one two 3 four five six 7 eight nine ten"]
    )
    assert found.similarity.tolist() == pytest.approx([0.8])


def test_the_border_is_one_word_in_five() -> None:
    five, four = "a b c d e", "a b c d"
    assert named(find_alike([five, "a b x d e"])) == {(0, 1)}
    assert named(find_alike([five, four])) == {(0, 1)}
    assert named(find_alike([four, "a b x d"])) == set()
    assert pytest.approx(1 / 5) == DIFFERENT


# Equal texts.


def test_exact_and_folded_are_told_apart() -> None:
    texts = [
        "Top-up, please",
        "top up please",
        " Top-up, please\n",
        "topup PLEASE!",
        "top up",
        "!!!",
        "???",
        "!!!",
    ]
    found = find_alike(texts)
    assert found.exact.tolist() == [0, 1, 0, 3, 4, 5, 6, 5]
    assert found.folded.tolist() == [0, 0, 0, 0, 4, 5, 6, 5]


@same_every_time
@given(st.lists(st.text(alphabet="aA b-'\n中é1", max_size=6), max_size=20))
def test_folding_is_equality_of_letters(texts: list[str]) -> None:
    def folded(text: str) -> str:
        return "".join(c for c in text.lower() if c.isalnum()) or f"\0{text.strip()}"

    keys = [folded(text) for text in texts]
    assert find_alike(texts).folded.tolist() == [keys.index(key) for key in keys]


# Words.


@same_every_time
@given(st.lists(st.text(st.characters(max_codepoint=0x24F, exclude_characters="İ"), max_size=30), max_size=8))
def test_words_are_those_of_the_judge(texts: list[str]) -> None:
    words = words_of(texts)
    expected = [split(text) for text in texts]
    assert words.counts.tolist() == [len(part) for part in expected]
    flat = [word for part in expected for word in part]
    codes: dict[str, set[int]] = {}
    for word, code in zip(flat, words.codes.tolist(), strict=True):
        codes.setdefault(word, set()).add(code)
    assert all(len(own) == 1 for own in codes.values())
    assert len({min(own) for own in codes.values()}) == len(codes)


def test_scripts_without_spaces_have_a_word_a_letter() -> None:
    assert words_of(["我想取消订单", "カード", "บัตร", "हिन्दी है", "두 단어"]).counts.tolist()[:2] == [6, 3]
    one, other = "我想取消我的订单请问", "我想取消我的账单请问"
    assert named(find_alike([one, other])) == {(0, 1)}


def test_what_is_not_a_word_breaks_nothing() -> None:
    texts = ["", " ", "\n\n", "—", "\ud800 half", "a" * 100_000, "a " * 3_000, "\0", "İstanbul ẞ ﬁ"]
    found = find_alike(texts)
    assert len(found.exact) == len(texts)
    assert find_alike([]).near.shape == (0, 2)


def test_texts_in_one_portion_or_many_are_the_same_words(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ["", *with_copies(40, 3, few_words=False), "", "x"]
    whole = words_of(texts)
    monkeypatch.setattr("whet.check.words.AT_ONCE", 50)
    parts = words_of(texts)
    assert np.array_equal(whole.codes, parts.codes)
    assert np.array_equal(whole.starts, parts.starts)
    assert np.array_equal(whole.letters, parts.letters)


# Where texts are too alike to compare all with all.


def test_each_of_many_copies_of_a_template_has_a_twin() -> None:
    rng = random.Random(0)
    texts = [f"please cancel my order number {rng.randrange(10**9)} from the shop" for _ in range(20_000)]
    found = find_alike(texts)
    assert len(found.near) <= near.PAIRS
    assert len(np.unique(found.near)) == len(np.unique(found.folded))


def test_alike_texts_stand_together_in_large_buckets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts of twelve different words share every gram with hundreds; the control has them in any order."""
    rng = random.Random(0)
    known = VOCABULARY[:20]
    texts = [rng.choices(known, k=12) for _ in range(20_000)]
    pairs = [(row, row + 10_000) for row in range(500)]
    for row, twin in pairs:
        texts[twin] = edits(texts[row], 0.1, rng, known)

    def recall() -> float:
        found = find_alike([" ".join(words) for words in texts])
        return float(np.mean([is_found(found, named(found), pair) for pair in pairs]))

    monkeypatch.setattr(near, "REACH", 8)
    ordered = recall()
    monkeypatch.setattr(near, "_least_words", lambda words, rows: np.zeros((len(rows), 4), np.uint64))
    assert ordered > recall() + 0.1


def test_pairs_end_at_the_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [f"please cancel my order number {n} from the shop" for n in range(2_000)]
    monkeypatch.setattr(near, "PAIRS", 10_000)
    assert len(find_alike(texts).near) < 40_000


# The cache.


def test_checks_that_ask_in_a_row_share_one_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    forget()
    seen, honest = list[Sequence[str]](), near.find_alike

    def counted(texts: Sequence[str]) -> Alike:
        seen.append(texts)
        return honest(texts)

    monkeypatch.setattr(near, "find_alike", counted)
    subject = Subject("classify", ["a b c d e"], ["x"], ["f"], [1])
    again = Subject("write", subject.inputs, ["y"], ["f"], [1])
    equal = Subject("classify", list(subject.inputs), ["x"], ["f"], [1])
    assert alike(subject) is alike(again)
    assert alike(equal) is not alike(subject)
    assert len(seen) == 3
    forget()


# Planted in real data.


def rows_of(path: Path, column: str) -> list[dict[str, str]]:
    """Rows with something in ``column``, each text once."""
    csv.field_size_limit(10**7)
    with path.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row.get(column)]
    return list({row[column]: row for row in rows}.values())


def replaced(words: list[str], rng: random.Random, known: list[str]) -> list[str]:
    """A hard negative: the same template, a third of the words replaced."""
    words = list(words)
    for place in rng.sample(range(len(words)), max(1, round(len(words) / 3))):
        words[place] = other_word(words[place], rng, known)
    return words


def planted(texts: list[str], each: int, seed: int) -> tuple[list[str], list[Pair], list[Pair]]:
    """The texts, ``each`` near copies (10 % of the words edited), and as many hard negatives."""
    rng = random.Random(seed)
    known = [word for text in texts for word in text.split() if len(split(word)) == 1]
    chosen = rng.sample(range(len(texts)), 2 * each)
    more = [" ".join(edits(texts[row].split(), 0.1, rng, known)) for row in chosen[:each]]
    more += [" ".join(replaced(texts[row].split(), rng, known)) for row in chosen[each:]]
    pairs = [(row, len(texts) + place) for place, row in enumerate(chosen)]
    return texts + more, pairs[:each], pairs[each:]


def is_found(found: Alike, pairs: set[Pair], pair: Pair) -> bool:
    left, right = sorted(int(found.folded[row]) for row in pair)
    return left == right or (left, right) in pairs


def shown(name: str, value: Interval) -> str:
    return f"{name} {value.value:.3f} ({value.low:.3f} to {value.high:.3f}, n = {value.n})"


SETS: list[Any] = [
    pytest.param("banking77/train.csv", "text", 500, id="short"),
    pytest.param("mts_dialog/MTS-Dialog-TrainingSet.csv", "dialogue", 400, id="dialogues"),
    pytest.param("cfpb_complaints/complaints.csv", "Consumer complaint narrative", 170, id="long"),
]


@pytest.mark.data
@pytest.mark.parametrize(("file", "column", "each"), SETS)
def test_planted_near_duplicates_are_found(
    shared: Callable[[str], Path], file: str, column: str, each: int
) -> None:
    texts = [row[column] for row in rows_of(shared(file), column)]
    hits = misses = false = total = 0
    for seed in range(3):
        everything, positives, negatives = planted(texts, each, seed)
        found = find_alike(everything)
        pairs = named(found)
        hit = sum(is_found(found, pairs, pair) for pair in positives)
        hits, misses = hits + hit, misses + len(positives) - hit
        false += sum(is_found(found, pairs, pair) for pair in negatives)
        total += len(negatives)
    recall, precision = wilson(hits, hits + misses), wilson(hits, hits + false)
    print(f"\n{file}: {shown('recall', recall)}, {shown('precision', precision)}")
    assert recall.value >= 0.95
    assert precision.value >= 0.95


@pytest.mark.data
def test_on_real_texts_no_pair_is_missed(shared: Callable[[str], Path]) -> None:
    texts = [row["text"] for row in rows_of(shared("banking77/test.csv"), "text")][:700]
    assert named(find_alike(texts)) == judged(texts)
