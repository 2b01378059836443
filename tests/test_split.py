"""Guards rule 1 of ``docs/design.md``: what is held out stays unseen.

Near-duplicates, groups and time keep to one side, no row gets lost, and the same seed gives the same
split. Near-duplicates are judged here by an implementation of its own: exact sets, all pairs.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from whet.config import Task, task_from
from whet.data import split as split_module
from whet.data.load import Loaded, load_more
from whet.data.neardup import fold, near_groups, near_pairs
from whet.data.split import Splits, split_examples
from whet.errors import InputError
from whet.records import Example, Label
from whet.store import write_jsonl

same_every_time = settings(deadline=None, derandomize=True, database=None, max_examples=30)
seeds = st.integers(0, 10_000)
shares = st.sampled_from([0.15, 0.25, 0.4])

Pair = tuple[int, int]


# The judge: exact Jaccard over all pairs.


def shingles(text: str) -> set[str]:
    """All runs of five characters of the folded text, which has a space before its first word."""
    letters = "".join(c if c.isalnum() else " " for c in text.lower())
    padded = " " + " ".join(letters.split()) + " "
    return {padded[i : i + 5] for i in range(max(len(padded) - 4, 1))}


def twins(texts: list[str]) -> set[Pair]:
    """Every pair of different places whose shingles have a Jaccard similarity of 0.7 or more."""
    sets = [shingles(text) for text in texts]
    place: dict[str, int] = {}
    ends, columns = [0], list[int]()
    for members in sets:
        columns.extend(place.setdefault(member, len(place)) for member in members)
        ends.append(len(columns))
    table = csr_matrix((np.ones(len(columns)), columns, ends), shape=(len(sets), len(place)))
    shared = (table @ table.T).tocoo()
    return {
        (int(i), int(j))
        for i, j, both in zip(shared.row, shared.col, shared.data, strict=True)
        if i < j and 10 * both >= 7 * (len(sets[i]) + len(sets[j]) - both)
    }


def test_the_judge_by_hand() -> None:
    # " abcdef " has 4 shingles, " abcdeg " 4, two of them shared: 2 / 6
    assert shingles("Abc-def!") == {" abc ", "abc d", "bc de", "c def", " def "}
    assert shingles("abcdef") & shingles("abcdeg") == {" abcd", "abcde"}
    assert twins(["one two three four five", "One, two: three four FIVE", "six seven"]) == {(0, 1)}


# Texts with near-copies, as traffic has them.

WORDS = ["".join(random.Random(n).choices("abcdefghijklmnoprstuvwyz", k=3 + n % 7)) for n in range(500)]


def mutated(words: list[str], rng: random.Random) -> str:
    """The words with some of them replaced, dropped, misspelt or in other writing."""
    out = []
    for word in words:
        turn = rng.random()
        if turn < 0.02:
            continue
        if turn < 0.05:
            word = rng.choice(WORDS)
        elif turn < 0.08:
            spot = rng.randrange(len(word))
            word = word[:spot] + "x" + word[spot + 1 :]
        elif turn < 0.12:
            word = word.upper() + rng.choice([",", "!", " -"])
        out.append(word)
    return " ".join(out or words)


def texts_with_copies(count: int, rng: random.Random) -> list[str]:
    texts: list[str] = []
    while len(texts) < count:
        words = rng.choices(WORDS, k=rng.randint(4, 25))
        texts.extend(mutated(words, rng) for _ in range(rng.choice([1, 1, 1, 2, 3, 8])))
    rng.shuffle(texts)
    return texts[:count]


def table(count: int, seed: int) -> Loaded:
    """Examples with near-copies, exact repeats, groups and days."""
    rng = random.Random(seed)
    texts = texts_with_copies(count - 5, rng)
    texts += rng.choices(texts, k=5)
    examples = tuple(
        Example(
            id=f"k{n}",
            input=text,
            output=rng.choice(["ship", "ship", "bill", "chat"]),
            source=f"data.csv:{n + 2}",
            group=rng.choice([None, None, f"customer {rng.randrange(count // 3)}"]),
            time=f"2026-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}",
        )
        for n, text in enumerate(texts)
    )
    return Loaded(examples, (Label("bill"), Label("chat"), Label("ship")))


def plain(loaded: Loaded) -> Loaded:
    """The same without groups and times."""
    bare = [Example(e.id, e.input, e.output, e.source) for e in loaded.examples]
    return Loaded(tuple(bare), loaded.labels)


def task(**more: Any) -> Task:
    fields = {"input": "text", "output": "queue"}
    return task_from({"task": "t", "examples": "data.csv", "fields": fields, **more})


def cut(loaded: Loaded, folder: Path = Path(), **more: Any) -> Splits:
    return split_examples(task(**more), loaded, folder)


def sides(splits: Splits) -> dict[str, tuple[Example, ...]]:
    return {"train": splits.train, "dev": splits.dev, "test": splits.test}


# The checks; each has a test and a control.


def check_no_twins_across(splits: Splits) -> None:
    where = [(side, e) for side, examples in sides(splits).items() for e in examples]
    for i, j in twins([example.input for _, example in where]):
        assert where[i][0] == where[j][0], f"{where[i]} has a twin in {where[j]}"


def check_groups_together(splits: Splits) -> None:
    home: dict[str, str] = {}
    for side, examples in sides(splits).items():
        for example in examples:
            if example.group is not None:
                assert home.setdefault(example.group, side) == side, f"{example.group} is divided"


def check_time_order(splits: Splits) -> None:
    latest = max(e.time or "" for e in splits.train)
    assert latest <= min(e.time or "" for e in splits.dev), "dev is older than train"
    assert max(e.time or "" for e in splits.dev) <= min(e.time or "" for e in splits.test)


def check_nothing_lost(splits: Splits, ids: list[str]) -> None:
    placed = [e.id for examples in sides(splits).values() for e in examples]
    placed += [key for keys in splits.left_out.values() for key in keys]
    assert Counter(placed) == Counter(ids)


@given(seeds, shares, st.integers(80, 140))
@same_every_time
def test_twins_keep_to_one_side_and_no_row_is_lost(seed: int, share: float, count: int) -> None:
    loaded = plain(table(count, seed))
    splits = cut(loaded, split={"test": share}, seed=seed)
    check_no_twins_across(splits)
    check_nothing_lost(splits, [e.id for e in loaded.examples])


def test_without_near_groups_twins_would_leak(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(split_module, "near_groups", lambda texts: list(range(len(texts))))
    with pytest.raises(AssertionError, match="has a twin in"):
        check_no_twins_across(cut(plain(table(120, 1))))


@given(seeds, shares)
@same_every_time
def test_groups_and_twins_keep_to_one_side(seed: int, share: float) -> None:
    loaded = table(150, seed)
    splits = cut(loaded, split={"test": share, "group_by": "customer"}, seed=seed)
    check_groups_together(splits)
    check_no_twins_across(splits)
    check_nothing_lost(splits, [e.id for e in loaded.examples])


def test_without_groups_customers_would_be_divided() -> None:
    loaded = table(150, 3)
    group_of = {e.id: e for e in loaded.examples}
    splits = cut(plain(loaded))
    with_groups = replace(
        splits,
        train=tuple(group_of[e.id] for e in splits.train),
        test=tuple(group_of[e.id] for e in splits.test),
    )
    with pytest.raises(AssertionError, match="is divided"):
        check_groups_together(with_groups)


@given(seeds, st.booleans())
@same_every_time
def test_time_keeps_its_order(seed: int, grouped: bool) -> None:
    loaded = table(200, seed)
    if not grouped:
        bare = [Example(e.id, e.input, e.output, e.source, time=e.time) for e in loaded.examples]
        loaded = Loaded(tuple(bare), loaded.labels)
    try:
        splits = cut(loaded, split={"test": 0.3, "dev": 0.2, "time": "day"}, seed=seed)
    except InputError:  # few customers are new at the end: the rest stand in the past
        assume(False)
    check_time_order(splits)
    check_groups_together(splits)
    check_no_twins_across(splits)
    check_nothing_lost(splits, [e.id for e in loaded.examples])


def test_a_split_by_chance_does_not_keep_the_order_of_time() -> None:
    with pytest.raises(AssertionError, match="dev is older than train"):
        check_time_order(cut(table(200, 1)))


def test_time_is_compared_as_time_whatever_its_offset() -> None:
    """As text, 23:30+02:00 (21:30 UTC) comes after 22:00+00:00."""
    hours = ["T23:30:00+02:00", "T22:00:00+00:00"]  # the second is the later one
    days = [f"2026-03-{1 + n // 2:02}{hours[n % 2]}" for n in range(50)]
    examples = tuple(
        Example(f"k{n}", text, ["a", "b"][n % 2], f"d:{n}", time=day)
        for n, (text, day) in enumerate(zip(distinct(50), days, strict=True))
    )
    splits = cut(Loaded(examples, (Label("a"), Label("b"))), split={"test": 0.5, "time": "day"})
    assert [e.id for e in splits.test] == [f"k{n}" for n in range(25, 50)]


# Seeds, strata, repeats.


def distinct(count: int) -> list[str]:
    """Texts of which no two are alike."""
    return [" ".join(random.Random(f"text {n}").choices(WORDS, k=12)) for n in range(count)]


def labelled(counts: dict[str, int]) -> Loaded:
    names = [name for name, count in counts.items() for _ in range(count)]
    examples = tuple(
        Example(f"k{n}", text, name, f"data.csv:{n + 2}")
        for n, (text, name) in enumerate(zip(distinct(len(names)), names, strict=True))
    )
    return Loaded(examples, tuple(Label(name) for name in sorted(counts)))


@given(seeds)
@same_every_time
def test_the_same_seed_gives_the_same_split(seed: int) -> None:
    loaded = plain(table(90, 7))
    assert cut(loaded, seed=seed) == cut(loaded, seed=seed)


def test_another_seed_gives_another_split() -> None:
    loaded = plain(table(90, 7))
    held_out = {frozenset(e.id for e in cut(loaded, seed=seed).test) for seed in range(5)}
    assert len(held_out) == 5


@given(seeds, st.sampled_from([0.2, 0.25, 0.4]))
@same_every_time
def test_every_label_has_its_share_of_the_test_set(seed: int, share: float) -> None:
    counts = {"bill": 40, "chat": 9, "odd": 4, "ship": 80}
    splits = cut(labelled(counts), split={"test": share, "dev": 0.1}, seed=seed)
    held = Counter(str(e.output) for e in splits.test)
    for name, count in counts.items():
        assert abs(held[name] - share * count) <= 1.0, f"{name}: {held[name]} of {count}"


@given(seeds)
@same_every_time
def test_the_last_group_of_a_label_stays_in_training(seed: int) -> None:
    counts = {"bill": 40, "pair": 2, "ship": 40, "three": 3}
    splits = cut(labelled(counts), split={"test": 0.6, "dev": 0.3}, seed=seed)
    assert {e.output for e in splits.train} == set(counts)


def test_a_great_cluster_of_copies_does_not_fill_the_test_set() -> None:
    loaded = labelled({"bill": 60, "ship": 60})
    copies = tuple(Example(f"c{n}", loaded.examples[0].input, "bill", f"c:{n}") for n in range(100))
    splits = cut(Loaded(loaded.examples + copies, loaded.labels))
    assert not {e.id for e in (*splits.test, *splits.dev)} & {e.id for e in copies}


def test_a_repeat_inside_a_held_out_side_counts_once_and_is_said() -> None:
    loaded = labelled({"bill": 60, "ship": 60})
    again = tuple(
        Example(f"again {e.id}", e.input.upper() + "!", e.output, e.source) for e in loaded.examples
    )
    splits = cut(Loaded(loaded.examples + again, loaded.labels))
    for side in (splits.test, splits.dev):
        assert len({(fold(e.input), e.output) for e in side}) == len(side) > 0
    assert len(splits.left_out["repeats inside test"]) == len(splits.test)
    assert f"left out: {len(splits.test)} repeats inside test" in splits.notes


def test_the_same_text_with_another_label_is_no_repeat() -> None:
    loaded = labelled({"bill": 60, "ship": 60})
    other = tuple(Example(f"o{e.id}", e.input, "ship", e.source) for e in loaded.examples[:60])
    splits = cut(Loaded(loaded.examples + other, loaded.labels))
    assert "repeats inside test" not in splits.left_out
    check_nothing_lost(splits, [e.id for e in loaded.examples + other])


# Sides given as files.


def write(folder: Path, name: str, rows: list[tuple[str, str]]) -> list[str]:
    """Write a JSONL file; the ids that its rows will have."""
    write_jsonl(folder / name, [{"text": text, "queue": queue} for text, queue in rows])
    return [f"{name}:{n}" for n in range(1, len(rows) + 1)]


def test_a_given_test_file_stays_as_it_is_and_its_twins_leave_training(tmp_path: Path) -> None:
    loaded = labelled({"bill": 50, "ship": 50})
    new = distinct(130)[100:]
    near = [e.input.replace(e.input.split()[0], "xyz", 1) for e in loaded.examples[:6]]
    rows = [(text, "bill") for text in [*new, *near, new[0], new[0]]]
    ids = write(tmp_path, "held.jsonl", rows)
    splits = cut(loaded, tmp_path, split={"test": "held.jsonl"})
    given_file = load_more(task(), tmp_path / "held.jsonl", loaded.labels).examples
    assert splits.test == given_file
    assert splits.left_out["training rows like a row of the test file"] == tuple(
        e.id for e in loaded.examples[:6]
    )
    check_no_twins_across(splits)
    check_nothing_lost(splits, [e.id for e in loaded.examples] + ids)


@given(seeds)
@same_every_time
def test_with_a_given_dev_file_no_twin_stands_on_two_sides(
    tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    """The test set is drawn from the main file here: rows of the dev file like it must go."""
    folder = tmp_path_factory.mktemp("dev")
    texts = texts_with_copies(180, random.Random(seed))
    labels = ["bill", "ship"] * 90
    rows = list(zip(texts, labels, strict=True))
    ids = write(folder, "dev.jsonl", rows[140:])
    examples = tuple(Example(f"k{n}", text, label, "") for n, (text, label) in enumerate(rows[:140]))
    loaded = Loaded(examples, (Label("bill"), Label("ship")))
    splits = cut(loaded, folder, split={"dev": "dev.jsonl"}, seed=seed)
    check_no_twins_across(splits)
    check_nothing_lost(splits, [e.id for e in examples] + ids)


def test_with_both_files_given_no_twin_stands_on_two_sides(tmp_path: Path) -> None:
    texts = texts_with_copies(300, random.Random(5))
    rows = [(text, "bill" if n % 2 else "ship") for n, text in enumerate(texts)]
    ids = write(tmp_path, "test.jsonl", rows[:60]) + write(tmp_path, "dev.jsonl", rows[60:120])
    examples = tuple(Example(f"k{n}", t, label, "") for n, (t, label) in enumerate(rows[120:]))
    loaded = Loaded(examples, (Label("bill"), Label("ship")))
    splits = cut(loaded, tmp_path, split={"test": "test.jsonl", "dev": "dev.jsonl"})
    assert len(splits.test) == 60
    check_no_twins_across(splits)
    check_nothing_lost(splits, [e.id for e in examples] + ids)


def test_a_label_that_only_the_test_file_has_is_said(tmp_path: Path) -> None:
    write(tmp_path, "held.jsonl", [(text, "spam") for text in distinct(120)[100:]])
    splits = cut(labelled({"bill": 50, "ship": 50}), tmp_path, split={"test": "held.jsonl"})
    assert Label("spam") in splits.labels
    assert any(note.startswith("20 test answers carry a label") for note in splits.notes)


def test_a_side_too_small_to_say_anything_is_refused() -> None:
    with pytest.raises(InputError, match=r"test would hold \d+ example\(s\)"):
        cut(labelled({"bill": 10, "ship": 10}))


# Near-duplicates, against the judge.


def test_near_pairs_finds_nearly_all_pairs_and_no_false_one() -> None:
    folded = list(dict.fromkeys(map(fold, texts_with_copies(2_000, random.Random(11)))))
    left, right = near_pairs(folded)
    found = set(zip(left.tolist(), right.tolist(), strict=True))
    true = twins(folded)
    assert len(true) > 1_000
    assert len(found) == len(left)
    assert not found - true
    assert len(found & true) >= 0.98 * len(true)


def test_pairs_far_below_and_just_below_the_threshold_are_not_joined() -> None:
    """Three of five parts shared is not enough, however many candidates the hashing proposes."""
    parts = distinct(40)
    texts = [f"{parts[0]} {parts[1]} {parts[2]} {part}" for part in parts[3:]]
    assert not twins(texts[:5])
    assert len(set(near_groups(texts))) == len(texts)


def test_groups_join_through_a_chain_and_equal_texts_of_any_length() -> None:
    a, b, c = near_groups(["ok", "OK!", "no"])
    assert a == b != c
    assert len(set(near_groups(["?", "!", "?"]))) == 2
    old, new = (text.split() for text in distinct(2))
    chain = [" ".join(new[:n] + old[n:]) for n in range(9)]
    assert (0, len(chain) - 1) not in twins(chain)
    assert len(set(near_groups(chain))) == 1


def test_a_wide_cluster_is_one_group() -> None:
    """More members than a bucket pairs one with another."""
    words = distinct(1)[0].split() * 3
    texts = [" ".join([*words[:20], f"order{n}", *words[20:]]) for n in range(300)]
    assert len(set(near_groups(texts))) == 1


@pytest.mark.long
def test_texts_of_one_template_are_grouped_as_the_judge_says() -> None:
    """Forms and notices: all share fourteen words, a few pairs share enough of the rest as well."""
    rng = random.Random(14)
    form = rng.choices(WORDS, k=14)
    texts = [fold(" ".join(form + rng.choices(WORDS, k=5))) for _ in range(1_500)]
    group = near_groups(texts)
    pairs = twins(texts)
    assert len(pairs) > 100
    assert sum(group[i] != group[j] for i, j in pairs) <= 0.02 * len(pairs)


@pytest.mark.parametrize("texts", [["", "x"], ["日本語のテキスト", "日本語のテキスト!"], ["a"] * 3])
def test_texts_of_any_kind_have_groups(texts: list[str]) -> None:
    assert len(near_groups(texts)) == len(texts)
