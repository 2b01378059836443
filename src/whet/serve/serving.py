"""From asks to replies, for every route that asks: room, deadline, streams, and what is noted afterwards.

    pick a release -> take room -> ask, all of ``n`` at once -> whole, or event by event -> traffic, figures,
    shadow

A client that leaves cancels what it asked, and its places are free. A stream that cannot go on says why and
ends with ``[DONE]``, as do those that are still open when the server must stop. Knows no route.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from whet.serve import faults
from whet.serve.asking import Ask, Chance, Reply
from whet.serve.caps import Caps
from whet.serve.catalogue import Catalogue, Served
from whet.serve.faults import Fault
from whet.serve.guard import Door
from whet.serve.limits import Room
from whet.serve.recording import Recorder
from whet.serve.replies import Chunks
from whet.serve.streaming import Stream
from whet.serve.wrapping import content_of

if TYPE_CHECKING:
    from whet.monitor.traffic import Served as Row
    from whet.release.keys import Key

CHARS = 4
"""Characters of a token, about."""
SHADOWS = 32
"""Shadow answers in work at most; the others are not asked for."""


@dataclass
class Serving:
    """A server's inside."""

    catalogue: Catalogue
    door: Door = field(default_factory=Door)
    recorder: Recorder | None = None
    """None: nothing is kept of what is asked."""
    room: Room = field(init=False)
    loop: asyncio.AbstractEventLoop | None = None
    """That of the server, once it is up: for what asks from another thread."""
    _open: set[asyncio.Timeout] = field(default_factory=set)
    _beside: set[asyncio.Task[None]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.room = self.door.room = Room(self.caps.rows)
        self.catalogue.quiet = 1.5 * self.caps.seconds
        gauge = self.door.metrics.gauge
        gauge("whet_rows", "Answers in work or waiting.", lambda: self.room.used)
        gauge("whet_requests_in_work", "Requests in work.", lambda: self.door.in_work)
        gauge(
            "whet_traffic_lost", "Requests that could not be kept.", lambda: getattr(self.recorder, "lost", 0)
        )

    @property
    def caps(self) -> Caps:
        return self.door.caps

    async def whole(self, served: Served, asks: Sequence[Ask], about: Noted) -> list[Reply]:
        """All replies.

        Raises:
            Fault: no room, too late, or what answers says no.
        """
        with self.room.take(len(asks)):
            try:
                async with self._deadline():
                    replies = await _all([served.answering.answer(ask) for ask in asks])
            except asyncio.CancelledError:
                self.left(asks, about)
                raise
            except TimeoutError:
                self.left(asks, about)
                raise faults.late(self.caps.seconds) from None
        self.note(served, asks, replies, about)
        return replies

    async def alone(self, name: str, ask: Ask) -> Reply:
        """One reply that is no traffic; errors as in ``whole``, and where nothing answers to the name."""
        served = await self.catalogue.find(name)
        with self.room.take(1):
            try:
                async with self._deadline():
                    return await served.answering.answer(ask)
            except TimeoutError:
                raise faults.late(self.caps.seconds) from None

    def stream(
        self, served: Served, asks: Sequence[Ask], chunks: Chunks, about: Noted, prompts: int
    ) -> Stream:
        """Server-sent events, which begin to come at once."""

        async def produce(put: Callable[[bytes], None]) -> None:
            sent: list[int] = []
            try:
                with self.room.take(len(asks)):
                    async with self._deadline():
                        replies = await _all(_spoken(served, asks, chunks, put, sent))
            except asyncio.CancelledError:
                self.left(asks, about, len(sent))
                raise
            except TimeoutError:
                self.left(asks, about, len(sent))
                raise faults.late(self.caps.seconds) from None
            put(chunks.end(replies, prompts))
            self.note(served, asks, replies, about)

        return Stream(produce)

    def left(self, asks: Sequence[Ask], about: Noted, sent: int = 0) -> None:
        """A request that ended without its answers has used tokens all the same: about those that it brought,
        and the pieces that it was sent."""
        if about.key is not None:
            read = sum(len(turn.text) for ask in asks for turn in ask.turns) // CHARS
            self.door.limiter.spent(about.key.id, read + sent)

    def note(self, served: Served, asks: Sequence[Ask], replies: Sequence[Reply], about: Noted) -> None:
        """Count answers, keep them as traffic, and ask the shadow."""
        metrics, release = self.door.metrics, served.about.id
        metrics.answers.labels(release, served.part).inc(len(replies))
        read, written = sum(one.tokens_in for one in replies), sum(one.tokens_out for one in replies)
        metrics.tokens.labels(release, "read").inc(read)
        metrics.tokens.labels(release, "written").inc(written)
        if about.key is not None:
            self.door.limiter.spent(about.key.id, read + written)
        for number, (ask, reply) in enumerate(zip(asks, replies, strict=True)):
            if reply.confidence is not None and reply.confidence < served.threshold:
                metrics.unsure.labels(release).inc()
            if self.recorder is None:
                continue
            row = row_of(about.row_id(number, len(asks)), served, reply, about)
            if served.shadow is None or len(self._beside) >= SHADOWS or number:
                self.recorder.put(row, served.about.keeping)
            else:
                task = asyncio.create_task(self._with_shadow(served, served.shadow, ask, row))
                self._beside.add(task)
                task.add_done_callback(self._beside.discard)

    async def _with_shadow(self, served: Served, shadow: Served, ask: Ask, row: Row) -> None:
        assert self.recorder is not None
        try:
            async with asyncio.timeout(self.caps.seconds):
                reply = await shadow.answering.answer(ask)
            self.door.metrics.answers.labels(shadow.about.id, "shadow").inc()
            row = replace(row, shadow=shadow.about.id, shadow_output=content_of(reply.output))
        except (Fault, TimeoutError):
            self.door.metrics.answers.labels(shadow.about.id, "shadow failed").inc()
        finally:
            self.recorder.put(row, served.about.keeping)

    @contextlib.asynccontextmanager
    async def _deadline(self) -> AsyncIterator[None]:
        async with asyncio.timeout(self.caps.seconds) as timeout:
            self._open.add(timeout)
            try:
                yield
            finally:
                self._open.discard(timeout)

    def end_all(self) -> None:
        """What is still in work ends now, as if its time were over."""
        now = asyncio.get_running_loop().time()
        for timeout in self._open:
            if not timeout.expired():
                timeout.reschedule(now)

    def close(self) -> None:
        """Let go of specialists, and write what waits."""
        self.catalogue.close()
        if self.recorder is not None:
            self.recorder.close()


@dataclass(frozen=True, slots=True)
class Noted:
    """What is known of a request beside what it asks."""

    id: str
    key: Key | None = None
    person: str = ""
    """The caller's own id of who asks."""
    start: float = 0.0

    def seconds(self) -> float:
        return asyncio.get_running_loop().time() - self.start

    def row_id(self, number: int, of: int) -> str:
        return self.id if of == 1 else f"{self.id}-{number}"


def row_of(id_: str, served: Served, reply: Reply, about: Noted) -> Row:
    """A request as the traffic table keeps it."""
    from whet.monitor.traffic import Served as Row

    unsure = reply.confidence is not None and reply.confidence < served.threshold
    return Row(
        id=id_,
        task=served.about.task or served.about.name,
        release=served.about.id,
        input=reply.asked,
        output=content_of(reply.output),
        confidence=reply.confidence,
        seconds=about.seconds(),
        tokens_in=reply.tokens_in,
        tokens_out=reply.tokens_out,
        usd=reply.usd,
        refused=unsure,
        person=about.person,
        embedding=reply.vector,
    )


async def _all(asked: Sequence[Coroutine[Any, Any, Reply]]) -> list[Reply]:
    """Results in order; where one fails, the others are cancelled and its error is raised."""
    tasks = [asyncio.ensure_future(one) for one in asked]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()


def _spoken(
    served: Served, asks: Sequence[Ask], chunks: Chunks, put: Callable[[bytes], None], sent: list[int]
) -> list[Coroutine[Any, Any, Reply]]:
    """Each choice with its pieces put as they come; ``sent`` gets the number of the choice of each."""

    async def one(number: int, ask: Ask) -> Reply:
        begun = False

        def emit(text: str, found: Sequence[Chance]) -> None:
            nonlocal begun
            put((b"" if begun else chunks.opening(number)) + chunks.piece(number, text, found))
            begun = True
            sent.append(number)

        reply = await served.answering.answer(ask, emit)
        put((b"" if begun else chunks.opening(number)) + chunks.last(number, reply, whole=not begun))
        return reply

    return [one(number, ask) for number, ask in enumerate(asks)]
