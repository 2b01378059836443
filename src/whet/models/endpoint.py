"""A model behind a server that speaks OpenAI's protocol: OpenAI, vLLM, Ollama, llama.cpp, whet itself.

Answers are kept in the run's cache and are never paid twice; a hard budget is checked before every call;
a run that stops says why, what it has not answered, and how it goes on. ``remote/`` holds the parts: what
is sent (``body``), read (``reading``), kept (``kept``), paid (``purse``), what goes wrong (``faults``) and
when to send (``pace``, ``asking``). The key comes from the environment, and from nowhere else.

A process that is killed outright loses at most the answers to the calls under way (``concurrency``); the
budget counts them in full, and they are asked again.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from whet.config_models import EndpointModel
from whet.errors import InputError, WorldError
from whet.models.base import Answer, Request, Tell
from whet.models.remote.asking import Asked, Asker, Stop, Told, TooLong
from whet.models.remote.body import NO_FORM, REFUSED, key_of
from whet.models.remote.kept import Kept
from whet.models.remote.pace import Pace, Patience
from whet.models.remote.purse import Purse

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
OPENAI = "api.openai.com"
NAMED = 3
"""Requests without an answer that an error names; the rest are counted."""


class Unanswered(WorldError):
    """The asking ended before its end; what was answered is kept."""

    def __init__(self, what: str, *, where: str, fix: str, positions: Sequence[int]):
        super().__init__(what, where=where, fix=fix)
        self.positions = tuple(positions)
        """Of the requests that have no answer, in the order given."""


class Endpoint:
    """One model on one server, as a ``Writer``."""

    def __init__(
        self,
        spec: EndpointModel,
        folder: Path | None = None,
        *,
        fresh: bool = False,
        again: str = "the same command",
        patience: Patience | None = None,
    ):
        """Open the store of answers; nothing is sent.

        Args:
            spec: as the task file has it.
            folder: where answers are kept; without one they live as long as this object.
            fresh: ask anew even what is kept from before. What comes replaces it, so that a stopped run
                goes on without ``fresh``.
            again: the command that goes on after a stop, for the error that says so.
            patience: how often and how long to try; by default as ``spec`` says.

        Raises:
            InputError: the environment has no key under the name that the task file gives.
        """
        self.spec = spec
        self._fresh, self._again = fresh, again
        self._api_key = _api_key(spec)
        self._kept = Kept(folder)
        self._asker = Asker(
            spec,
            Purse(spec, self._kept),
            Pace(spec.requests_per_minute, spec.tokens_per_minute),
            patience or Patience(tries=spec.tries),
            api_key=self._api_key,
        )
        self._asked: set[str] = set()
        """Keys that this object has asked: even a fresh one pays for them once."""
        self._without: set[str] = set()
        self._unformed = False

    @property
    def name(self) -> str:
        return f"{self.spec.model} at {urlsplit(self.spec.endpoint).netloc}"

    @property
    def notes(self) -> tuple[str, ...]:
        """What the server could not do, as far as it has been asked."""
        said = [REFUSED[part] for part in sorted(self._without | self._asker.without) if REFUSED[part]]
        if self._unformed:
            said.append(NO_FORM)
        if self._asker.uncounted:
            said.append("the server does not count tokens: they are counted at the most that they can be")
        return tuple(said)

    def usd(self, tokens_in: int, tokens_out: int) -> float:
        """What so many tokens cost here, whether they were paid now or before."""
        return self._asker.purse.usd(tokens_in, tokens_out)

    def answer(self, requests: Sequence[Request], tell: Tell | None = None) -> list[Answer]:
        """One answer a request, in order; the same request is asked once.

        Raises:
            InputError: a request is longer than the model reads.
            Unanswered: the key, the server, the budget or the disk allows no more; what came is kept.
        """
        keys = [key_of(request, self.spec) for request in requests]
        self._unformed |= any(r.form and (r.form.regex or r.form.grammar) for r in requests)
        found = self._find(set(keys) & self._asked if self._fresh else set(keys))
        first = {key: at for at, key in reversed(list(enumerate(keys))) if key not in found}
        todo = [Asked(keys[at], requests[at]) for at in sorted(first.values())]

        def told(key: str, answer: Answer) -> None:
            found[key] = answer
            self._asked.add(key)
            if tell is not None:
                tell(f"asking {self.name}", len(found), len(set(keys)))

        if todo:
            self._ask(todo, told, keys, requests, found)
        return [_again_free(found[key], first.get(key, at) != at) for at, key in enumerate(keys)]

    def _find(self, keys: set[str]) -> dict[str, Answer]:
        kept = {key: found for key in keys if (found := self._kept.find(key)) is not None}
        for found in kept.values():
            self._without |= found.without
        return {key: found.answer for key, found in kept.items()}

    def _ask(
        self,
        todo: list[Asked],
        told: Told,
        keys: list[str],
        requests: Sequence[Request],
        found: Mapping[str, Answer],
    ) -> None:
        try:
            _run(lambda: self._asking(todo, told))
        except Stop as stop:
            raise self._unanswered(stop, keys, requests, found) from None
        except TooLong as problem:
            fault = problem.fault
            start = _start(problem.request)
            raise InputError(f"{fault.cause}: {start!r}.", where=self.name, fix=f"{fault.step}.") from None

    def _unanswered(
        self, stop: Stop, keys: list[str], requests: Sequence[Request], found: Mapping[str, Answer]
    ) -> Unanswered:
        missing = [at for at, key in enumerate(keys) if key not in found or found[key].failed]
        named = ", ".join(repr(_start(requests[at])) for at in missing[:NAMED])
        more = f" and {len(missing) - NAMED:,} more" if len(missing) > NAMED else ""
        what = f"{stop.cause}. {len(missing):,} of {len(keys):,} requests have no answer: {named}{more}."
        fix = f"{stop.step}. Then run {self._again} again: answers that came are kept and not paid again."
        return Unanswered(what, where=self.name, fix=fix, positions=missing)

    async def _asking(self, todo: list[Asked], told: Told) -> None:
        async with _client(self.spec, self._api_key) as client:

            async def post(body: Mapping[str, Any]) -> Any:
                return await client.post("/chat/completions", cast_to=object, body=dict(body))

            await self._asker.ask(todo, post, told)


def _run(asking: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run to the end, also from inside a notebook, whose thread has a loop of its own."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        inside = False
    else:
        inside = True
    if not inside:
        return asyncio.run(asking())
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(lambda: asyncio.run(asking())).result()


def _again_free(answer: Answer, repeated: bool) -> Answer:
    """A repetition of a request in one batch shares its answer, and is not paid."""
    return replace(answer, usd=0.0, cached=True) if repeated and not answer.failed else answer


def _start(request: Request) -> str:
    """The beginning of what is asked last, which is what tells requests apart."""
    text = " ".join(request.turns[-1].text.split()) if request.turns else ""
    return text if len(text) <= 60 else f"{text[:57]}..."


def _api_key(spec: EndpointModel) -> str:
    if spec.api_key_env is None:
        return ""
    key = os.environ.get(spec.api_key_env, "").strip()
    if not key or not key.isascii() or any(c.isspace() for c in key):
        problem = "is not set" if not key else "does not hold a key: it has spaces or letters beyond ASCII"
        raise InputError(
            f"the environment variable {spec.api_key_env} {problem}.",
            where=f"models: {spec.model}",
            fix=f"export {spec.api_key_env}=... in this shell; whet keeps keys nowhere.",
        )
    return key


def _client(spec: EndpointModel, key: str) -> Any:
    """The SDK's client: no retries of its own, because every call is counted."""
    import openai

    host, plain = urlsplit(spec.endpoint).hostname, spec.endpoint.startswith("http:")
    # The SDK reads OpenAI's own variables from the environment: they are for OpenAI alone.
    unsent = () if host == OPENAI else ("OpenAI-Organization", "OpenAI-Project")
    headers: Any = {name: openai.Omit() for name in unsent}
    http: Any = None
    if host in LOOPBACK:  # no proxy leads there; without certificates the client is made at once
        certificates: Any = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if plain else True
        http = openai.DefaultAsyncHttpxClient(trust_env=False, verify=certificates)
    return openai.AsyncOpenAI(
        api_key=key or "none",  # left out, the SDK would send OPENAI_API_KEY, wherever that goes
        base_url=spec.endpoint,
        max_retries=0,
        timeout=openai.Timeout(spec.timeout_seconds, connect=min(spec.timeout_seconds, 10.0)),
        http_client=http,
        default_headers=headers,
    )
