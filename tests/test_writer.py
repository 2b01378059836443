"""A local model as a writer: laid out as in training, exact scores of choices, nothing cut in silence."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from tests import chat_templates
from tests.architectures import tiny
from whet.errors import InputError, WorldError
from whet.models.base import Answer, Form, Request, Writer
from whet.models.decoder import find_decoder
from whet.models.layout import layout_of
from whet.models.scripted import Scripted
from whet.models.writer import LARGE, DecoderWriter, answer_ends, fast_precision, open_writer
from whet.records import Turn


def chatting(template: str | None = chat_templates.CHATML, **more: Any) -> DecoderWriter:
    """A random model with a chat template."""
    tokenizer = chat_templates.tokenizer(template)
    model = tiny("qwen3", vocab_size=len(tokenizer) + 5)
    layout = layout_of(tokenizer)
    return DecoderWriter("random", model, layout, answer_ends(layout, model), **{"context": 200, **more})


def ask(*texts: str, **more: Any) -> Request:
    return Request(tuple(Turn("user", text) for text in texts), **more)


def naive(writer: DecoderWriter, prompt: Sequence[int], answer: Sequence[int]) -> float:
    """Log-probability of an answer's tokens and of an end after them."""
    with torch.no_grad():
        logits = writer.model(torch.tensor([[*prompt, *answer]]), use_cache=False).logits[0].double()
    steps = logits.log_softmax(-1)
    own = sum(float(steps[len(prompt) - 1 + n, token]) for n, token in enumerate(answer))
    return own + float(steps[-1, sorted(writer.ends)].logsumexp(0))


def test_choices_have_the_probabilities_of_their_tokens() -> None:
    writer = chatting()
    choices = ("late parcel", "late", "refund", "late parcel lost")
    asked = ["where is it?", "money back", "where"]
    found = writer.answer([ask(text, form=Form(choices=choices)) for text in asked])
    opening = "<|im_start|>user\n{}<|im_end|>\n<|im_start|>assistant\n"
    for text, answer in zip(asked, found, strict=True):
        encode = writer.layout.tokenizer.encode
        prompt = encode(opening.format(text), add_special_tokens=False)
        scores = [naive(writer, prompt, encode(choice, add_special_tokens=False)) for choice in choices]
        total = math.log(sum(map(math.exp, scores)))
        assert answer.choices == pytest.approx([math.exp(score - total) for score in scores], abs=1e-5)
        assert answer.text == choices[scores.index(max(scores))]
        assert answer.logprob == pytest.approx(max(scores) - total, abs=1e-4)
        assert sum(answer.choices) == pytest.approx(1)


def test_without_its_end_a_choice_that_begins_another_would_win() -> None:
    """The control: p(late) cannot be less than p(late parcel) unless the end counts."""
    writer = chatting()
    (answer,) = writer.answer([ask("where?", form=Form(choices=("late", "late parcel")))])
    ends = writer.ends
    writer.ends = frozenset(range(len(writer.layout.tokenizer) + 5))  # any token ends: the end is certain
    (unfair,) = writer.answer([ask("where?", form=Form(choices=("late", "late parcel")))])
    writer.ends = ends
    assert unfair.choices[0] > unfair.choices[1]
    assert answer.choices != pytest.approx(unfair.choices, abs=1e-3)


def test_answers_come_in_the_order_of_the_requests() -> None:
    writer = chatting()
    requests = [
        ask("a", tokens=4),
        ask("b", form=Form(choices=("x", "y"))),
        ask("c", tokens=7),
        ask("d", form=Form(choices=("p", "q", "r"))),
        ask("e", form=Form(regex="[0-9]{3}")),
    ]
    found = writer.answer(requests)
    assert found[1].text in {"x", "y"}
    assert found[3].text in {"p", "q", "r"}
    assert found[4].text.isdigit()
    for request, answer in zip(requests, found, strict=True):
        (alone,) = writer.answer([request])
        assert (answer.text, answer.ended) == (alone.text, alone.ended)
        assert answer.logprob == pytest.approx(alone.logprob, abs=1e-4)
        assert answer.tokens_in > 0
        assert answer.seconds > 0


def test_what_is_too_long_is_refused_with_its_length() -> None:
    writer = chatting(context=60)
    with pytest.raises(InputError) as caught:
        writer.answer([ask("short"), ask("where is it? " * 30), ask("b", form=Form(choices=("a", "x" * 99)))])
    said = str(caught.value)
    assert "2 of 3 requests" in said
    assert "60 tokens" in said
    assert "request 2: " in said
    assert "request 3: " in said


def test_an_answer_that_fills_the_context_says_so() -> None:
    writer = chatting(context=60)
    (answer,) = writer.answer([ask("where is it?" * 2, tokens=500)])
    assert answer.ended == "length"
    assert answer.tokens_in + answer.tokens_out == 60


def test_a_stop_text_ends_the_answer_and_is_not_part_of_it(shared: Callable[[str], Path]) -> None:
    writer = open_writer(str(shared("weights/stories260k/hf")))
    (free,) = writer.answer([ask("Once upon a time", tokens=60)])
    stop = free.text[20:24]
    (stopped,) = writer.answer([ask("Once upon a time", tokens=60, stop=("nowhere", stop))])
    assert stopped.ended == "stop"
    assert stopped.text == free.text[: free.text.index(stop)]
    assert stopped.tokens_out < free.tokens_out


@pytest.mark.data
def test_a_pretrained_model_goes_on_as_in_transformers(shared: Callable[[str], Path]) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    path = shared("weights/stories260k/hf")
    (answer,) = open_writer(str(path)).answer([ask("Once upon a time, there was", tokens=40)])
    tokenizer = AutoTokenizer.from_pretrained(path)
    model: Any = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32)
    given = tokenizer("Once upon a time, there was\n", return_tensors="pt")
    whole = model.generate(**given, max_new_tokens=40, do_sample=False)[0]
    assert tokenizer.decode(whole, skip_special_tokens=True).endswith(answer.text)
    assert len(answer.text) > 60


@pytest.mark.parametrize(
    ("template", "ends"),
    [(chat_templates.CHATML, {"</s>", "<|im_end|>"}), (chat_templates.TIGHT, {"</s>"}), (None, {"</s>"})],
)
def test_an_answer_ends_where_the_layout_ends_one(template: str | None, ends: set[str]) -> None:
    writer = chatting(template)
    names = writer.layout.tokenizer.convert_ids_to_tokens(sorted(writer.ends))
    assert set(names) == ends


def test_a_fallback_is_said() -> None:
    writer = chatting(None)
    writer.model = tiny("bloom", vocab_size=413, n_layer=2, n_head=4)
    writer.answer([ask("a", tokens=3)])
    writer.answer([ask("b", tokens=3)])
    assert len(writer.notes) == 1
    assert "cache" in writer.notes[0]


def test_a_script_answers_counts_and_fails_on_purpose() -> None:
    writer: Writer = Scripted(
        ["one two three. more", Answer("kept"), WorldError("the budget is spent.")], usd=0.01
    )
    first, second = writer.answer([ask("a b", stop=(".",)), ask("c")])
    assert (first.text, first.ended, first.tokens_in, first.tokens_out) == ("one two three", "stop", 2, 3)
    assert second.text == "kept"
    assert first.usd + second.usd == pytest.approx(0.02)
    with pytest.raises(WorldError, match="budget"):
        writer.answer([ask("d")])
    echo = Scripted(lambda request: request.turns[-1].text)
    assert [answer.text for answer in echo.answer([ask("x"), ask("y", tokens=1)])] == ["x", "y"]
    assert echo.answer([ask("p q r", tokens=2)])[0].ended == "length"
    assert echo.answer([ask("q", form=Form(choices=("p", "q")))])[0].choices == (0.0, 1.0)
    with pytest.raises(ValueError, match="none of"):
        echo.answer([ask("z", form=Form(choices=("p", "q")))])


@pytest.mark.parametrize(
    ("half", "parameters", "native", "found"),
    [
        (True, LARGE, True, "bf16"),
        (True, LARGE - 1, True, "fp32"),
        (False, LARGE, True, "fp32"),
        (True, LARGE, False, "fp32"),
    ],
)
def test_bf16_is_taken_where_it_is_faster_and_loses_nothing(
    half: bool, parameters: int, native: bool, found: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("whet.models.encoder.native_bf16", lambda: native)
    source = replace(find_decoder("reader"), half=half, parameters=parameters)
    assert fast_precision(source) == found


def test_how_weights_are_stored_is_read_from_the_files() -> None:
    assert find_decoder("reader").half
