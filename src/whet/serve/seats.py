"""A specialist's place at an engine: requests as tokens, tokens as text, one adapter, one shared beginning.

Several seats share one engine where they stand on the same weights. A model that the engine cannot read goes
through ``DecoderWriter``, request by request in batches; it answers the same, and only whole. Knows no HTTP.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from whet.errors import InputError
from whet.models.as_tokens import TAIL, AsTokens, choice_of, too_long
from whet.models.base import Answer, Request, Tell
from whet.models.choices import tree_of
from whet.models.generate import Row, common
from whet.models.threads import computed
from whet.models.writer import DecoderWriter
from whet.serve import faults
from whet.serve.asking import Chance, Emit, unheard
from whet.serve.batches import Batches
from whet.serve.engine import Engine, Job
from whet.serve.faults import Fault
from whet.serve.speaking import Speaking
from whet.serve.tokens import Heard, Token

if TYPE_CHECKING:
    from whet.models.layout import Layout


@dataclass(frozen=True, slots=True)
class Wish:
    """What of an ask is the engine's business."""

    tools: tuple[Mapping[str, Any], ...] = ()
    top: int | None = None
    top_p: float = 1.0
    owner: str = ""


@dataclass
class Seat:
    """Where requests of one specialist are answered; a ``models.base.Writer`` that can do more."""

    writer: DecoderWriter
    engine: Engine | None
    """None: the model is not read by the engine."""
    adapter: str = ""
    left: Callable[[], None] = lambda: None
    """Called when nobody sits here any more."""
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _batches: Batches[Request, Answer] | None = None

    def __post_init__(self) -> None:
        if self.engine is None:
            self._batches = Batches(self._computed, most=16, name=self.writer.name)

    def _computed(self, requests: Sequence[Request]) -> list[Answer]:
        return computed(lambda: self.writer.answer(requests))

    @property
    def name(self) -> str:
        return self.writer.name

    @property
    def layout(self) -> Layout:
        return self.writer.layout

    def answer(self, requests: Sequence[Request], tell: Tell | None = None) -> list[Answer]:
        """As ``models.base.Writer`` says, past the engine; for those who have no loop."""
        return self.writer.answer(requests, tell)

    def too_long(self, requests: Sequence[Request]) -> list[bool]:
        """Which requests leave no room for the tokens that they ask for."""
        with self._lock:
            return too_long(self.writer.layout, self.writer.context, requests)

    def close(self) -> None:
        if self._batches is not None:
            self._batches.close()
        self.left()

    async def ask(
        self, request: Request, wish: Wish | None = None, emit: Emit = unheard
    ) -> tuple[Answer, tuple[Chance, ...]]:
        """The answer, and its tokens where they are wanted.

        Raises:
            Fault: too long, a form that cannot be read, or the engine failed.
        """
        wish = wish or Wish()
        if self._batches is not None:
            return await self._whole(request, wish)
        row, asked = await asyncio.to_thread(self._row, request, wish)
        heard: asyncio.Queue[Heard] = asyncio.Queue()
        job = Job(
            row, heard.put_nowait, asyncio.get_running_loop(), self.writer.ends, self.adapter, wish.owner
        )
        job.tree = tree_of(asked.choices) if asked.choices else None
        job.top, job.top_p = wish.top, wish.top_p
        assert self.engine is not None
        self.engine.submit(job)
        try:
            return await self._listen(job, asked, heard, emit)
        finally:
            self.engine.cancel(job)

    def keep(self, requests: Sequence[Request]) -> None:
        """Have the beginning of all these requests read once and kept."""
        if self.engine is not None:
            ids = [one.ids for one in self.writer.asked(requests)]
            if shared := common(ids):
                self.engine.keep(self.adapter, ids[0][:shared])

    def stuck(self) -> float:
        own = self._batches.stuck() if self._batches else 0.0
        return max(own, self.engine.stuck() if self.engine else 0.0)

    def _row(self, request: Request, wish: Wish) -> tuple[Row, AsTokens]:
        """On a thread: laying out, cutting into tokens and reading a form take their time."""
        with self._lock:  # a tokenizer is not asked by two at once
            try:
                (asked,) = self.writer.asked([request], wish.tools or None)
                self.writer.check_lengths([asked])
                row = Row(asked.ids, 1) if asked.choices else self.writer.row(asked)
                return row, asked
            except InputError as error:
                raise faults.of(error) from error

    async def _listen(
        self, job: Job, asked: AsTokens, heard: asyncio.Queue[Heard], emit: Emit
    ) -> tuple[Answer, tuple[Chance, ...]]:
        speaking = self._speaking(asked)
        found, before = list[Chance](), list(asked.ids[-TAIL:])
        while True:
            news = await heard.get()
            if news.ended == "failed":
                raise _failed(news.failed)
            if news.scores:
                return choice_of(asked, news.scores), ()
            text = speaking.add([token.id for token in news.tokens], last=news.ended is not None)
            new = self._chances(before, news.tokens) if job.top is not None else []
            found += new
            if text or new:
                emit(text, new)
            if news.ended is not None:
                read, written = len(asked.ids), job.told + (news.ended == "end")
                answer = Answer(speaking.text, news.ended, news.logprob, tokens_in=read, tokens_out=written)
                return answer, tuple(found)

    def _speaking(self, asked: AsTokens) -> Speaking:
        if asked.request.form is None:
            return Speaking(self.writer.decoded, asked.request.stop, asked.ids[-TAIL:])
        forms = self.writer.forms.tokens
        return Speaking(lambda ids: str(forms.decode_str(list(ids))), asked.request.stop)

    def _chances(self, before: list[int], tokens: Sequence[Token]) -> list[Chance]:
        """Tokens with their texts, as they stand behind others: alone, some lose the space before them.
        ``before``, the last of what was read, grows by them."""
        found = list[Chance]()
        for token in tokens:
            context = before[-TAIL:]
            start, say = len(self.writer.decoded(context)), self.writer.decoded
            top = tuple((say([*context, one])[start:], value) for one, value in token.top)
            found.append(Chance(say([*context, token.id])[start:], token.logprob, top))
            before.append(token.id)
        return found

    async def _whole(self, request: Request, wish: Wish) -> tuple[Answer, tuple[Chance, ...]]:
        """Through the writer: one batch at a time."""
        if wish.tools or wish.top_p < 1 or wish.top is not None:
            raise faults.unsupported("this model is served without tools, top_p and logprobs.", "tools")
        assert self._batches is not None
        try:
            answer = await self._batches.put(request)
        except InputError as error:
            raise faults.of(error) from error
        if answer.ended == "failed":
            raise _failed(answer.failed)
        return answer, ()


def _failed(why: str) -> Fault:
    if "Error" in why.partition(":")[0]:
        return Fault(500, "The model failed at this request.", code="internal_error")
    return faults.bad(f"the form of the answer could not be followed: {why[:300]}", "response_format")
