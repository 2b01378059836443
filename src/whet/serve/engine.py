"""One model that writes for many at once: rows join and leave between two steps.

    jobs -> waiting -> lanes -> one pass over the next tokens of all -> each row's token -> its listener

Continuous batching (Yu and others, "Orca", OSDI 2022) with what rows begin alike read once: a specialist's
own prefix, and what earlier requests of the same caller have shown to be shared. A thread of its own does
all the work; listeners are called on their event loop, once a step. A job that is cancelled leaves at the
next step. Knows no text and no HTTP.
"""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import Tensor

from whet.models.flat import attending, read_parts
from whet.models.generate import CACHE_BYTES, Going, Row, drawn, guided, take
from whet.models.threads import computed
from whet.serve import adapters
from whet.serve.adapters import Adapters
from whet.serve.lanes import Lane, Plan, Prefix, Sitting, room_of
from whet.serve.prefixes import Prefixes
from whet.serve.tokens import Heard, Token, likeliest, nucleus, scored

if TYPE_CHECKING:
    from whet.models.choices import Tree

Result = TypeVar("Result")
PASS_TOKENS = 512
"""New tokens of one pass: a longer prompt is read in several, between which others write on."""


@dataclass(eq=False)
class Job:
    """A row to write, or choices to score."""

    row: Row
    heard: Callable[[Heard], None]
    """Called on ``loop``."""
    loop: asyncio.AbstractEventLoop
    ends: frozenset[int]
    """Tokens that end an answer."""
    adapter: str = ""
    owner: str = ""
    """Whose request it is: what only one caller's requests share is not shared with others."""
    tree: Tree | None = None
    top: int | None = None
    top_p: float = 1.0
    cancelled: bool = False
    prefix: Prefix | None = None
    sitting: Sitting | None = None
    told: int = 0
    """Tokens that the listener knows of."""


@dataclass(eq=False)
class Engine:
    """A model at work."""

    model: Any
    """Causal, in eval mode, read by ``flat``; ``whet.models.readers.fitting`` says whether it can be."""
    steps: int = 0
    _waiting: deque[Job] = field(default_factory=deque)
    _inbox: deque[Job] = field(default_factory=deque)
    _jobs: dict[int, Job] = field(default_factory=dict)
    """By the identity of where they sit."""
    prefixes: Prefixes = field(default_factory=Prefixes)
    _lanes: list[Lane] = field(default_factory=list)
    _calls: deque[tuple[Callable[[], Any], Future[Any]]] = field(default_factory=deque)
    _wake: threading.Condition = field(default_factory=threading.Condition)
    _closed: bool = False
    _moved: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        config = self.model.config.get_text_config()
        heads = getattr(config, "num_attention_heads", None) or 1
        share = (getattr(config, "num_key_value_heads", None) or heads) / heads
        number = next(self.model.parameters()).element_size()
        self._token_bytes = 2 * config.num_hidden_layers * config.hidden_size * share * number
        self._device = self.model.get_input_embeddings().weight.device
        self.adapters = Adapters(self.model)
        self._thread = threading.Thread(target=self._work, name="engine", daemon=True)
        self._thread.start()

    def submit(self, job: Job) -> None:
        """Take a job; its listener is called from the next step on."""
        with self._wake:
            if self._closed:
                raise RuntimeError("the engine is closed")
            if not self.rows:
                self._moved = time.monotonic()
            self._inbox.append(job)
            self._wake.notify()

    def cancel(self, job: Job) -> None:
        """The job leaves before the next step; its listener is not called again."""
        job.cancelled = True
        with self._wake:
            self._wake.notify()

    def keep(self, adapter: str, ids: Sequence[int]) -> None:
        """All rows of a specialist begin so: read once, and kept as long as there is room."""
        self.prefixes.keep(adapter, ids)

    def between(self, work: Callable[[], Result]) -> Result:
        """Do something to the model between two steps, and wait for it."""
        done: Future[Result] = Future()
        with self._wake:
            self._calls.append((work, done))
            self._wake.notify()
        return done.result(timeout=60)

    @property
    def rows(self) -> int:
        """Jobs that wait or are in work."""
        return len(self._inbox) + len(self._waiting) + len(self._jobs)

    def stuck(self) -> float:
        """Seconds since a step ended, while there is work."""
        return time.monotonic() - self._moved if self.rows else 0.0

    def close(self) -> None:
        with self._wake:
            self._closed = True
            self._wake.notify()
        self._thread.join(timeout=30)

    def _work(self) -> None:
        with attending(self.model):
            while self._next():
                try:
                    computed(self._step)
                except Exception as error:  # memory, or a fault of ours: what was in work cannot go on
                    self._fail(error)
                self._moved = time.monotonic()

    def _next(self) -> bool:
        """Wait for work; False: there is no more."""
        with self._wake:
            while not self._closed and not self.rows and not self._calls:
                self._wake.wait()
            self._waiting.extend(self._inbox)
            self._inbox.clear()
            return not self._closed

    @torch.no_grad()
    def _step(self) -> None:
        """Let in, read, choose, tell, let go."""
        while self._calls:
            work, done = self._calls.popleft()
            try:
                done.set_result(work())
            except BaseException as error:
                done.set_exception(error)
        self._drop()
        self._enter()
        plan = self._plan()
        if plan.ids:
            self.steps += 1
            ids, last = plan.tensors()
            with adapters.under(plan.segments):
                logits = read_parts(self.model, plan.parts, ids, last)
            self._tell(self._chosen(plan, logits))
        self._drop()

    def _drop(self) -> None:
        """Take out what has ended or was cancelled."""
        if any(job.cancelled for job in self._waiting):
            self._waiting = deque(job for job in self._waiting if not job.cancelled)
        for job in self._jobs.values():
            if job.cancelled and job.sitting is not None and job.sitting.going.ended is None:
                job.sitting.going.ended = "stop"
        for lane in self._lanes:
            for row in lane.leave():
                del self._jobs[id(row)]
        self._lanes = [lane for lane in self._lanes if lane.rows]

    def _enter(self) -> None:
        """Jobs that wait take places, in their order, as long as there is memory."""
        while self._waiting:
            job = self._waiting[0]
            if job.prefix is None:
                held = [lane.prefix for lane in self._lanes]
                job.prefix = self.prefixes.of(job.row.ids, job.adapter, job.owner, self.steps, held)
            prefix = job.prefix
            need = len(job.row.ids) - len(prefix.ids) + (len(job.tree.ids) if job.tree else job.row.tokens)
            lane = self._lane(prefix, room_of(need))
            if self._jobs and not self._fits(lane):
                if not lane.rows:
                    self._lanes.remove(lane)
                return
            own = list(job.row.ids[len(prefix.ids) :])
            sitting = Sitting(Going(job.row, own, draw=random.Random(job.row.seed)), need, job.tree)
            lane.enter(sitting)
            job.sitting = sitting
            self._jobs[id(sitting)] = self._waiting.popleft()

    def _lane(self, prefix: Prefix, room: int) -> Lane:
        for lane in self._lanes:
            if lane.prefix is prefix and lane.room == room and not lane.full:
                return lane
        self._lanes.append(Lane(prefix, room))
        return self._lanes[-1]

    def _fits(self, lane: Lane) -> bool:
        """Whether one more row of a lane fits into the memory for keys and values."""
        tokens = sum(other.tokens(more=int(other is lane)) for other in self._lanes)
        tokens += self.prefixes.tokens()
        return bool(tokens * self._token_bytes <= CACHE_BYTES)

    def _plan(self) -> Plan:
        plan = Plan(self._device, PASS_TOKENS)
        ready = [lane for lane in self._lanes if lane.prefix.ready]
        for lane in ready:
            plan.steady(lane)
        for prefix in {
            id(lane.prefix): lane.prefix for lane in self._lanes if not lane.prefix.ready
        }.values():
            plan.prefix(prefix)
        for lane in ready:
            plan.reading(lane)
        return plan

    def _chosen(self, plan: Plan, logits: Tensor) -> list[tuple[Job, Heard]]:
        """What the pass brought to each row."""
        heard, writing, at = list[tuple[Job, Heard]](), list[tuple[Sitting, int]](), 0
        for row, count in plan.done:
            if row.tree is not None:
                job = self._jobs[id(row)]
                scores = scored(logits[at : at + count], row.tree, job.ends)
                row.going.ended = "end"
                heard.append((job, Heard(ended="end", scores=scores)))
            else:
                writing.append((row, at))
            at += count
        if writing:
            rows = [row for row, _ in writing]
            heard += self._written(rows, logits[[place for _, place in writing]])
        return heard

    def _written(self, rows: Sequence[Sitting], logits: Tensor) -> list[tuple[Job, Heard]]:
        """The next token of every row, from logits [n, V]."""
        logits = guided([row.going for row in rows], logits)
        totals, best = logits.logsumexp(-1), logits.argmax(-1).tolist()
        heard = []
        for number, row in enumerate(rows):
            row.steady, job, going = True, self._jobs[id(row)], row.going
            token: Token | None = None
            if going.ended is None:
                token = self._next_token(job, going, logits[number], best[number], totals[number])
            heard.append((job, _news(job, going, token)))
        return heard

    def _next_token(self, job: Job, going: Going, logits: Tensor, best: int, total: Tensor) -> Token:
        if going.row.temperature:
            best = drawn(going, nucleus(logits, going.row.temperature, job.top_p))
        found = Token(best, float(logits[best] - total), likeliest(logits - total, job.top))
        going.logprob += found.logprob
        take(going, best, job.ends, even=False)
        return found

    def _tell(self, heard: Sequence[tuple[Job, Heard]]) -> None:
        by_loop: dict[asyncio.AbstractEventLoop, list[tuple[Job, Heard]]] = {}
        for job, news in heard:
            by_loop.setdefault(job.loop, []).append((job, news))
        for loop, some in by_loop.items():
            if not loop.is_closed():
                loop.call_soon_threadsafe(_deliver, some)

    def _fail(self, error: Exception) -> None:
        """Tell everybody in work that it is over, and begin anew."""
        said = f"{type(error).__name__}: {error}"
        jobs = [*self._jobs.values(), *self._waiting]
        self._jobs, self._lanes, self._waiting = {}, [], deque()
        self.prefixes.renew()
        self._tell([(job, Heard(ended="failed", failed=said)) for job in jobs])


def _deliver(heard: Sequence[tuple[Job, Heard]]) -> None:
    for job, news in heard:
        if not job.cancelled:
            job.heard(news)


def _news(job: Job, going: Going, token: Token | None) -> Heard:
    """What the listener does not know yet; tokens that a form forces are certain."""
    new = going.ids[job.told :]
    job.told = len(going.ids)
    tokens = [Token(one, 0.0) for one in new]
    if token is not None and new and new[0] == token.id:
        tokens[0] = token
    return Heard(tuple(tokens), going.ended, going.logprob, failed=going.failed)
