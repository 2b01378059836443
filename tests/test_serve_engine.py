"""The engine writes for many at once what a model writes alone, and lets go of who left."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests import chat_templates
from tests.architectures import tiny
from tests.test_writer import ask, chatting
from whet.models.adapter_folder import with_adapter
from whet.models.base import Form, Request
from whet.models.readers import fitting
from whet.models.writer import DecoderWriter
from whet.records import Turn
from whet.serve.engine import Engine
from whet.serve.prefixes import BLOCK, SPLIT, Prefixes
from whet.serve.seats import Seat, Wish
from whet.serve.speaking import Speaking

SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string", "maxLength": 6}, "n": {"type": "integer", "maximum": 99}},
    "required": ["city", "n"],
    "additionalProperties": False,
}
LABELS = ("late parcel", "late", "refund", "late parcel lost")
SYSTEM = "You sort what people write to a parcel service into queues, one queue for each. " * 2


@pytest.fixture(scope="module")
def writer() -> DecoderWriter:
    return chatting(context=400)


@pytest.fixture(scope="module")
def seat(writer: DecoderWriter) -> Iterator[Seat]:
    fitting(writer.model)  # as ``Engines`` does: asked before the engine's thread reads the model its own way
    engine = Engine(writer.model)
    yield Seat(writer, engine)
    engine.close()


def requests(count: int = 14, seed: int = 0) -> list[Request]:
    """Of all kinds, of many lengths, most behind one system message."""
    rng = random.Random(seed)
    found = list[Request]()
    for number in range(count):
        text = " ".join(
            rng.choice(["where", "parcel", "money", "late", "why"]) for _ in range(1 + number % 9)
        )
        more: dict[str, Any] = {"tokens": 3 + rng.randrange(24)}
        if number % 5 == 1:
            more = {"form": Form(choices=LABELS)}
        elif number % 5 == 2:
            more = {"form": Form(schema=SCHEMA), "tokens": 60}
        elif number % 5 == 3:
            more |= {"temperature": 1.2, "seed": number}
        one = ask(text, **more)
        found.append(one if number % 4 == 0 else behind(one))
    return found


def behind(request: Request) -> Request:
    return replace(request, turns=(Turn("system", SYSTEM), *request.turns))


def emptied(engine: Engine) -> None:
    """Nothing is left in work: an answer is told within the step after which its row leaves."""
    until = time.monotonic() + 10
    while engine.rows and time.monotonic() < until:
        time.sleep(0.005)
    assert engine.rows == 0


def told(seat: Seat, asked: Sequence[Request], wish: Wish | None = None, wait: float = 0.0) -> list[Any]:
    """Answers by the engine, which all come at once, or one after another so many seconds apart."""

    async def one(number: int, request: Request) -> Any:
        await asyncio.sleep(number * wait)
        return (await seat.ask(request, wish))[0]

    async def every() -> list[Any]:
        return await asyncio.gather(*(one(n, request) for n, request in enumerate(asked)))

    return asyncio.run(every())


@pytest.mark.parametrize("wait", [0.0, 0.003])
def test_many_at_once_get_what_each_gets_alone(seat: Seat, writer: DecoderWriter, wait: float) -> None:
    asked = requests()
    alone = [writer.answer([request])[0] for request in asked]
    for _ in range(2):  # the second time, what is shared is known from the first
        found = told(seat, asked, wait=wait)
        assert [one.text for one in found] == [one.text for one in alone]
        assert [one.ended for one in found] == [one.ended for one in alone]
        assert [one.logprob for one in found] == pytest.approx([one.logprob for one in alone], abs=2e-3)
        for one, other in zip(found, alone, strict=True):
            assert one.choices == pytest.approx(other.choices, abs=1e-4)
            assert (one.tokens_in, one.tokens_out) == (other.tokens_in, other.tokens_out)
    assert seat.engine is not None
    assert any(len(prefix.ids) > 32 for prefix in seat.engine.prefixes.kept), "nothing was shared"
    emptied(seat.engine)


def test_what_is_asked_again_stays_with_the_others() -> None:
    """Behind the beginning that all share; only much more in common is worth standing apart, the control."""
    prefixes, system = Prefixes(), [*range(64)]
    asked = [[*system, *range(1000 * n, 1000 * n + 60)] for n in range(1, 9)]
    first = [prefixes.of(row, "", "ana", step, ()) for step, row in enumerate(asked)]
    assert {len(one.ids) for one in first[1:]} == {64}
    again = [prefixes.of(row, "", "ana", 9, ()) for row in asked[1:]]
    assert {id(one) for one in again} == {id(first[1])}
    long = [*system, *range(5000, 5000 + SPLIT + BLOCK)]
    apart = [prefixes.of([*long, n], "", "ana", 10, ()) for n in (1, 2)]
    assert [len(one.ids) for one in apart] == [64, 64 + SPLIT + BLOCK]


def test_what_one_caller_shares_is_not_shared_with_another(writer: DecoderWriter) -> None:
    engine = Engine(writer.model)
    seat = Seat(writer, engine)
    same = [behind(ask(text, tokens=3)) for text in ("where is it", "where are they", "give it back")]
    for number, request in enumerate(same):
        told(seat, [request], Wish(owner=f"key {number}"))
    assert not [prefix for prefix in engine.prefixes.kept if prefix.ids]
    told(seat, same, Wish(owner="key 0"))
    assert {prefix.owner for prefix in engine.prefixes.kept if prefix.ids} == {"key 0"}
    engine.close()


def test_pieces_make_the_text(seat: Seat, writer: DecoderWriter) -> None:
    for request in requests(10):
        pieces: list[str] = []
        chances: list[Any] = []

        def emit(text: str, found: Any, pieces: list[str] = pieces, chances: list[Any] = chances) -> None:
            pieces.append(text)
            chances.extend(found)

        answer, all_of_them = asyncio.run(seat.ask(request, Wish(top=2), emit))
        if not answer.choices:
            assert "".join(pieces) == answer.text
            assert tuple(chances) == all_of_them
            most = 2 if request.form is None else 1  # a form may leave one token
            assert all(most <= len(one.top) <= 2 for one in all_of_them if one.top)


def test_who_leaves_is_gone_at_the_next_step_and_nobody_notices(seat: Seat) -> None:
    engine = seat.engine
    assert engine is not None
    asked = [ask(f"where is parcel {n}", tokens=120) for n in range(6)]
    undisturbed = told(seat, asked)

    async def disturbed() -> list[Any]:
        tasks = [asyncio.create_task(seat.ask(one)) for one in asked]
        others = [asyncio.create_task(seat.ask(ask(f"leave {n}", tokens=200))) for n in range(5)]
        for other in others:
            while engine.rows < 6 and not all(task.done() for task in tasks):
                await asyncio.sleep(0)
            other.cancel()
            before = engine.steps
            while engine.steps < before + 2 and engine.rows:
                await asyncio.sleep(0.001)
        assert engine.rows <= 6
        return [(await task)[0] for task in tasks]

    found = asyncio.run(disturbed())
    assert [one.text for one in found] == [one.text for one in undisturbed]
    emptied(engine)


def test_a_fault_in_a_step_ends_who_is_in_work_and_nothing_else(writer: DecoderWriter) -> None:
    from whet.serve.faults import Fault

    engine = Engine(writer.model)
    seat = Seat(writer, engine)
    plan, engine._plan = engine._plan, lambda: 1 / 0  # type: ignore[assignment, method-assign, return-value]
    with pytest.raises(Fault) as caught:
        told(seat, [ask("where", tokens=5)])
    assert caught.value.status == 500
    engine._plan = plan  # type: ignore[method-assign]
    assert told(seat, [ask("where", tokens=5)])[0].text == writer.answer([ask("where", tokens=5)])[0].text
    engine.close()


def adapter_on(folder: Path, seed: int) -> Path:
    """A LoRA adapter of PEFT's kind with random weights, for the tiny model."""
    import torch
    from peft import LoraConfig, get_peft_model

    model = tiny("qwen3", vocab_size=len(chat_templates.tokenizer(chat_templates.CHATML)) + 5)
    targets = ["q_proj", "v_proj", "up_proj"]
    config = LoraConfig(r=4, lora_alpha=16, task_type="CAUSAL_LM", target_modules=targets)
    wrapped = get_peft_model(model, config)
    torch.manual_seed(seed)
    with torch.no_grad():
        for name, value in wrapped.named_parameters():
            if "lora_B" in name:
                value.normal_(std=0.2)
    wrapped.save_pretrained(folder)
    return folder


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_several_adapters_on_one_base_answer_as_each_merged(tmp_path: Path) -> None:
    writer = chatting(context=400)
    folders = {name: adapter_on(tmp_path / name, seed) for seed, name in enumerate(("a", "b"), start=1)}
    engine = Engine(writer.model)
    seats = {"": Seat(writer, engine)}
    for name, folder in folders.items():
        assert engine.between(partial(engine.adapters.add, name, folder))
        seats[name] = Seat(writer, engine, name)
    asked = [behind(ask(f"where is {n}", tokens=12)) for n in range(9)]

    async def mixed() -> list[Any]:
        names = list(seats) * 3
        return await asyncio.gather(*(seats[n].ask(one) for n, one in zip(names, asked, strict=True)))

    found = [answer.text for answer, _ in asyncio.run(mixed())]
    alone = {"": writer}
    for name, folder in folders.items():
        other = chatting(context=400)
        other.model = with_adapter(other.model, folder, "", merge=True)
        alone[name] = other
    wanted = [alone[n].answer([one])[0].text for n, one in zip(list(seats) * 3, asked, strict=True)]
    assert found == wanted
    assert len({alone[name].answer(asked[:1])[0].text for name in alone}) == 3, "the adapters say the same"
    engine.close()


@pytest.mark.parametrize("text", ["stop it", "a st", "ünïcödé ☃ 字", "xx stop", "st st stop"])
def test_pieces_never_have_to_be_taken_back(text: str) -> None:
    """Bytes as tokens: characters come in halves, and stops in pieces."""

    def decode(ids: Sequence[int]) -> str:
        return bytes(ids).decode("utf-8", "replace")

    for stops in ((), ("stop",), ("☃ ", "t s")):
        speaking = Speaking(decode, stops)
        ids = list(text.encode())
        pieces = [speaking.add([one], last=n == len(ids) - 1) for n, one in enumerate(ids)]
        cuts = [at for stop in stops if (at := text.find(stop)) >= 0]
        assert "".join(pieces) == (text[: min(cuts)] if cuts else text)
        assert "".join(pieces) == speaking.text
