"""The asking itself: many requests under way at once, each tried until it is answered or given up.

An answer is on the disk before it counts as there. Whatever ends the asking (a refused key, the budget,
Ctrl-C), calls under way are still waited for, because they are paid. Knows the ``openai`` client only as
something that takes a body and gives a value.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from whet.config_models import EndpointModel
from whet.models.base import Answer, Request
from whet.models.remote.body import body_of, most_tokens_in
from whet.models.remote.faults import Fault, fault_of
from whet.models.remote.pace import Pace, Patience
from whet.models.remote.purse import Empty, Purse
from whet.models.remote.reading import read_answer

Post = Callable[[Mapping[str, Any]], Awaitable[Any]]
"""Send a body, give back the decoded answer."""
Told = Callable[[str, Answer], None]
"""Hear of an answer by its key."""

HOPELESS = 3
"""Requests in a row that no try could answer; then the server is down, not the requests wrong."""
LEAVE_SECONDS = 10.0
"""How long calls under way are waited for after Ctrl-C."""


class Stop(Exception):
    """Nothing can be answered any more."""

    def __init__(self, cause: str, step: str):
        super().__init__(cause)
        self.cause, self.step = cause, step


class TooLong(Exception):
    """A request that this model can never answer."""

    def __init__(self, fault: Fault, request: Request):
        super().__init__(fault.cause)
        self.fault, self.request = fault, request


@dataclass(frozen=True, slots=True)
class Asked:
    """One request under its key."""

    key: str
    request: Request


@dataclass
class Asker:
    """One model, asked many times."""

    spec: EndpointModel
    purse: Purse
    pace: Pace
    patience: Patience
    api_key: str = field(default="", repr=False)
    without: set[str] = field(default_factory=set)
    """What the server has refused to do."""
    uncounted: bool = False
    """Whether the server left its tokens uncounted."""
    _under_way: set[asyncio.Task[Fault | None]] = field(default_factory=set)
    _hopeless: int = 0

    async def ask(self, todo: Sequence[Asked], post: Post, told: Told) -> None:
        """Ask everything in ``todo``; ``told`` hears of each answer by its key.

        Raises:
            Stop: no more can be answered.
            TooLong: a request is longer than the model reads.
        """
        self._hopeless = 0
        queue = iter(todo)
        share = min(self.spec.concurrency, len(todo))
        workers = [asyncio.create_task(self._work(queue, post, told, share)) for _ in range(share)]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
            await self._leave()

    async def _leave(self) -> None:
        """Wait for the calls under way: their answers are paid, and are kept when they come."""
        left = set(self._under_way)
        current = asyncio.current_task()
        hurry = current is not None and current.cancelling() > 0
        if left:
            await asyncio.wait(left, timeout=LEAVE_SECONDS if hurry else None)
        for call in left:
            call.cancel()

    async def _work(self, queue: Iterator[Asked], post: Post, told: Told, share: int) -> None:
        for asked in queue:
            fault = await self._answer(asked, post, told, share)
            if fault is not None:
                told(asked.key, Answer("", "failed", failed=fault.sentence))

    async def _answer(self, asked: Asked, post: Post, told: Told, share: int) -> Fault | None:
        """Ask until there is an answer (None), or none can be had (why)."""
        tried = 0
        while True:
            outcome = await self._try(asked, post, told, share)
            if outcome is None:
                self._hopeless = 0
                return None
            if outcome.act == "less":
                self.without.add(outcome.part)
                continue
            tried += 1
            self._give_up_all(outcome, asked, last=tried >= self.patience.tries)
            if outcome.act == "one" or tried >= self.patience.tries:
                return outcome
            await self._rest(outcome, tried)

    def _give_up_all(self, fault: Fault, asked: Asked, last: bool) -> None:
        """Stop where no other request would fare better."""
        if fault.act == "long":
            raise TooLong(fault, asked.request)
        if fault.wait is not None and fault.wait > self.patience.longest:
            raise Stop(
                f"{fault.cause}; it asks us to wait {fault.wait:,.0f} s", f"wait so long, or {fault.step}"
            )
        if fault.act == "again" and last:
            self._hopeless += 1
        given_up = last and (fault.act in {"busy", "down"} or self._hopeless >= HOPELESS)
        if fault.act == "stop" or given_up:
            raise Stop(f"{fault.cause} ({fault.side})", fault.step)

    async def _rest(self, fault: Fault, tried: int) -> None:
        seconds = self.patience.wait(tried, fault.wait)
        if fault.act == "busy":  # everybody waits: more calls would only be refused too
            self.pace.hold(seconds if fault.wait is None else fault.wait)
        await asyncio.sleep(seconds)

    async def _try(self, asked: Asked, post: Post, told: Told, share: int) -> Fault | None:
        """One call. Once it is sent, nothing but the end of the process keeps its answer from the disk."""
        body = body_of(asked.request, self.spec, self.without)
        most_in = most_tokens_in(body)
        await self.pace.turn(most_in // 4 + asked.request.tokens)
        try:
            call = await self.purse.take(asked.key, self.purse.usd(most_in, asked.request.tokens))
        except Empty as reason:
            raise Stop(str(reason), "raise it in the task file") from None
        task = asyncio.create_task(self._call(call, asked, body, post, told, share))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return await asyncio.shield(task)

    async def _call(
        self, call: int, asked: Asked, body: Mapping[str, Any], post: Post, told: Told, share: int
    ) -> Fault | None:
        without = frozenset(self.without)
        start = time.perf_counter()
        try:
            async with asyncio.timeout(self.spec.timeout_seconds):
                value = await post(body)
            answer, counted = read_answer(value, asked.request)
        except BaseException as error:
            fault = fault_of(error, self.spec, body, self.api_key)
            if fault is None or fault.may_be_paid:
                self.purse.doubt(call)
            else:
                self.purse.free(call)
            if fault is None:  # broken off by us, or a bug
                raise
            return fault
        if not counted:
            answer = replace(answer, tokens_in=most_tokens_in(body), tokens_out=asked.request.tokens)
            self.uncounted = True
        seconds = (time.perf_counter() - start) / share  # so many share the wall clock
        usd = self.purse.usd(answer.tokens_in, answer.tokens_out)
        answer = replace(answer, seconds=seconds, usd=usd)
        self.purse.pay(call, asked.key, answer, without)
        told(asked.key, answer)
        return None
