"""The small model of tests and offline examples: its texts, its start, and, once it is trained, what it can.

Where the model is not there, the tests that ask it are skipped, with the command that makes it.
"""

from __future__ import annotations

import json
import random
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import whet.models
from whet.errors import InputError
from whet.evaluate.stats import wilson
from whet.models import finding
from whet.models.base import Request
from whet.models.decoder import DecoderSource, find_decoder
from whet.models.finding import READER
from whet.models.layout import Conversation, layout_of
from whet.models.writer import DecoderWriter, open_writer
from whet.store import file_digest
from whet.train.reading import read

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))

import train_reader
from reader import definitions, facts, forms, labels, measure, mix, orders
from reader.items import Item
from reader.lists import Draw, apart, topics
from reader.measure import right
from reader.tokens import tokenizer_of

LARGEST = 20_000_000
N = 120
"""Fresh held-out items of each skill."""


@pytest.fixture(scope="module")
def source() -> DecoderSource:
    if not (Path(whet.models.__file__).parent / READER).is_dir():
        pytest.skip("the reader is not trained: python tools/train_reader.py --work FOLDER")
    return find_decoder(READER)


@pytest.fixture(scope="module")
def reader(source: DecoderSource) -> DecoderWriter:
    return open_writer(READER)


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return tokenizer_of((turn.text for n in range(800) for turn in mix.item(f"t/{n}", 1.0).turns), 512)


def fresh(make: Callable[[Draw], Item]) -> list[Item]:
    """Items that neither training nor the card has seen."""
    return mix.held_out(make, N, seed=77)


def test_it_is_small_and_the_one_that_its_card_measured(source: DecoderSource) -> None:
    card = json.loads((source.folder / "reader.json").read_text(encoding="utf-8"))
    assert 5_000_000 <= source.parameters <= 20_000_000
    assert sum(path.stat().st_size for path in source.folder.iterdir()) <= LARGEST
    assert card["sha256"] == source.sha256 == file_digest(source.folder / "model.safetensors")
    readme = (source.folder / "README.md").read_text(encoding="utf-8")
    assert source.sha256 in readme
    assert source.licence == "apache-2.0"
    assert "tests and offline examples alone" in readme


def test_examples_teach_it_a_new_mapping(reader: DecoderWriter) -> None:
    """The control is the question alone: then a label is a guess."""
    asked = fresh(labels.examples)
    shown, alone = (right(reader, asked, choosing=True, control=c) for c in (False, True))
    assert wilson(sum(shown), N).low > wilson(sum(alone), N).high


def test_passages_tell_it_facts(reader: DecoderWriter) -> None:
    """About a quarter, in words that it never met; without the passages none."""
    asked = [item for item in fresh(facts.passages) if item.skill == "passages"]
    told, alone = (right(reader, asked, control=c) for c in (False, True))
    assert wilson(sum(told), len(asked)).low > wilson(sum(alone), len(asked)).high
    assert sum(alone) == 0


def test_definitions_choose_the_label(reader: DecoderWriter) -> None:
    """The control has the labels without what they mean: chance."""
    asked = fresh(definitions.full)
    defined, alone = (right(reader, asked, choosing=True, control=c) for c in (False, True))
    assert wilson(sum(defined), N).low > wilson(sum(alone), N).high


def test_it_writes_json_when_told_to(reader: DecoderWriter) -> None:
    """The control is the same text without the instruction."""
    asked = fresh(forms.objects)
    bare = [Item(item.skill, item.turns[-2:]) for item in asked]
    told, alone = (right(reader, items) for items in (asked, bare))
    assert wilson(sum(told), N).low > wilson(sum(alone), N).high


def test_stock_transformers_reads_it_alike(reader: DecoderWriter, source: DecoderSource) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    item = fresh(labels.partners)[0]
    (ours,) = reader.answer([Request(item.asked, tokens=40)])
    tokenizer = AutoTokenizer.from_pretrained(source.folder)
    model: Any = AutoModelForCausalLM.from_pretrained(source.folder, dtype=torch.float32)
    messages = [{"role": turn.role, "content": turn.text} for turn in item.asked]
    text = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
    given = tokenizer(text, add_special_tokens=False, return_tensors="pt")
    written = model.generate(**given, max_new_tokens=40, do_sample=False)[0, given["input_ids"].shape[1] :]
    assert tokenizer.decode(written, skip_special_tokens=True) == ours.text


def test_what_it_is_measured_with_is_kept_apart() -> None:
    learned = [mix.item(f"x/{n}", 1.0) for n in range(300)]
    held = [item for make in mix.SHARES for item in mix.held_out(make, 20)]
    kept = {frame for frame in facts.READ if apart(frame)}
    assert kept
    assert not kept & {turn.text for item in learned for turn in item.turns}
    assert kept & {turn.text for item in held for turn in item.turns}, "the control"
    draws = [Draw(random.Random(n), held=bool(n % 2)) for n in range(400)]
    assert all(apart(draw.nonsense()) == apart(draw.code()) == draw.held for draw in draws)


def test_rows_are_what_training_would_read(tokenizer: Any) -> None:
    layout = layout_of(tokenizer)
    made = [*(mix.item(f"x/{n}", n % 2) for n in range(60)), *(mix.last(f"x/{n}") for n in range(60))]
    theirs = read([Conversation(item.turns, "x") for item in made], layout, "assistant")
    assert [mix.row_of(item, layout) for item in made] == [reading.row for reading in theirs]


@pytest.mark.parametrize("step", definitions.STEPS)
def test_a_step_towards_definitions_can_be_answered_from_what_it_lists(step: definitions.Step) -> None:
    """A text names a word behind its label and none behind another; of topics, a word of that topic."""
    for n in range(60):
        item = definitions.of_step(Draw(random.Random(n), held=bool(n % 2)), step)
        lines = [line[2:].split(": ", 1) for line in item.turns[0].text.splitlines() if line[:2] == "- "]
        meant = {name: words_behind(said, step) for name, said in lines}
        assert list(meant) == list(item.choices)
        assert 2 <= len(meant) <= step.most
        for asked, answer in zip(item.turns[1::2], item.turns[2::2], strict=True):
            named = {name for name, words in meant.items() if any(holds(asked.text, w) for w in words)}
            assert answer.text in named
            assert named == {answer.text} or step.sentences


def words_behind(said: str, step: definitions.Step) -> list[str]:
    if step.words != "topic":
        return re.sub("^(such as|for example|one of:) ", "", said).split(", ")
    kinds = [kind for kind in topics() if said == kind.name or any(s in said for s in kind.said)]
    return [word for kind in kinds for word in kind.words]


def holds(text: str, word: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text) is not None


def test_definitions_grow_from_the_simplest_and_count_more_than_other_answers() -> None:
    def drawn(hard: float) -> list[Item]:
        return [definitions.meant(Draw(random.Random(n), held=False, hard=hard)) for n in range(80)]

    easy, hard = drawn(0.0), drawn(1.0)
    assert {item.skill for item in (*easy, *hard)} == {"definitions"}
    assert max(len(item.turns[0].text) for item in easy) < max(len(item.turns[0].text) for item in hard)
    assert all(len(item.choices) <= 3 for item in easy)
    weights = {turn.more["weight"] for item in easy for turn in item.turns if turn.role == "assistant"}
    assert weights == {definitions.WEIGHT}


def test_a_word_is_of_one_topic() -> None:
    words = [word for topic in topics() for word in topic.words]
    assert len(words) == len(set(words)) > 600


def test_the_same_seed_makes_the_same_item() -> None:
    assert mix.item("a/1", 0.5) == mix.item("a/1", 0.5)
    assert mix.item("a/1", 0.5) != mix.item("a/2", 0.5)
    assert mix.held_out(labels.examples, 3, seed=1) != mix.held_out(labels.examples, 3, seed=2)
    assert random.Random("a/1").random() == random.Random("a/1").random()


def test_its_name_is_found_in_the_package_where_it_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(finding.OWN, READER, ("whet", "models"))
    assert finding.find_folder(READER) == (Path(whet.models.__file__).parent, False)
    monkeypatch.setitem(finding.OWN, READER, ("whet", "nowhere"))
    with pytest.raises(InputError, match="reader"):  # the control: then it is a name like any other
        finding.find_folder(READER)


def test_a_copied_word_has_the_same_tokens(tokenizer: Any) -> None:
    words = [Draw(random.Random(n), held=n % 2 == 0).nonsense() for n in range(50)]
    for word in [*words, "Anna", "apple"]:
        alone = tokenizer(word, add_special_tokens=False)["input_ids"]
        for text in (f"say {word}", f"{word}: x", f'{{"a": "{word}"}}'):
            assert f" {alone} ".replace("[", "").replace("]", "").strip() in str(tokenizer(text)["input_ids"])
    text = "  the  apple of Anna\n1234 é|—"
    assert tokenizer.decode(tokenizer(text)["input_ids"]) == text


@pytest.mark.parametrize(("laid", "least", "most"), [(True, 0.5, 1.0), (False, 0.0, 0.1)])
def test_it_starts_with_heads_that_copy(tokenizer: Any, laid: bool, least: float, most: float) -> None:
    """The control is the same model at random: it copies nothing before it has learned."""
    import torch

    rows = [
        mix.row_of(orders.again(Draw(random.Random(n), held=False)), layout_of(tokenizer)) for n in range(12)
    ]
    model = at_start(tokenizer, laid=laid)
    hits = list[bool]()
    for row in rows:
        with torch.no_grad():
            said = model(torch.tensor([row.ids])).logits[0].argmax(-1).tolist()
        hits += [said[n - 1] == token for n, token in enumerate(row.ids) if row.weights[n]]
    assert least <= sum(hits) / len(hits) <= most


def test_one_command_trains_it_and_writes_its_card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A few steps of the real thing, twice: the same bytes, a card with every skill, and loadable."""
    for name, value in {"TOKENIZED": 150, "MEASURED": 1}.items():
        monkeypatch.setattr(train_reader, name, value)
    monkeypatch.setattr(measure, "TOKENS", 2)
    digests = []
    for run in ("one", "two"):
        given = ["--work", str(tmp_path / run), "--out", str(tmp_path / run / "out")]
        monkeypatch.setattr(sys, "argv", ["train_reader", *given, "--first", "48", "--second", "24"])
        train_reader.main()
        digests.append(find_decoder(str(tmp_path / run / "out")).sha256)
    assert digests[0] == digests[1]
    card = json.loads((tmp_path / "one/out/reader.json").read_text(encoding="utf-8"))
    assert card["sha256"] == digests[0]
    assert card["steps"] == 3
    readme = (tmp_path / "one/out/README.md").read_text(encoding="utf-8")
    assert all(f"| {skill} |" in readme for skill in card["measured"])
    assert digests[0] in readme
    assert find_decoder(str(tmp_path / "one/out")).licence == "apache-2.0"


def at_start(tokenizer: Any, *, laid: bool) -> Any:
    """The model as training gets it, in fp32."""
    model = train_reader.random_model(tokenizer)
    if laid:
        train_reader.lay_heads(model, tokenizer)
    return model.eval()
