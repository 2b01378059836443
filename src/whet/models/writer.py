"""A causal model on this machine that answers requests: any local decoder, with an adapter or without.

    requests -> text, laid out as in training -> tokens -> generation or scores of choices -> answers

A request that leaves no room for an answer in what the model reads is refused, with its length; nothing is
cut. An answer that fills the room says so (``ended`` is ``length``). Its ``logprob`` is that of what was
chosen among what its form allows. Knows no task and no rung.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from whet.errors import InputError, many
from whet.models.as_tokens import TAIL, AsTokens, alike, choice_of, least
from whet.models.base import Answer, Request, Tell
from whet.models.decoder import describe_decoder, find_decoder, load_decoder, load_tokenizer
from whet.models.folder import UNSET_LENGTH
from whet.models.layout import Conversation, Layout, encode, layout_of, render
from whet.records import Turn

if TYPE_CHECKING:
    from whet.models.choices import Choices
    from whet.models.decoder import DecoderSource
    from whet.models.generate import Row, Written
    from whet.models.guides import Forms
    from whet.models.readers import Make

Precision = Literal["auto", "bf16", "fp32"]
LARGE = 30_000_000
"""Parameters from which on reading the weights takes longer than asking for it."""
CUTS = 4_096
"""Ends of requests whose cuts of choices are kept."""


@dataclass
class DecoderWriter:
    """``whet.models.base.Writer`` for a model of ``transformers``."""

    name: str
    model: Any
    """In eval mode, PEFT's wrapping or not."""
    layout: Layout
    ends: frozenset[int]
    """Tokens that end an answer."""
    context: int = UNSET_LENGTH
    """Tokens that it reads, its answer included."""
    notes: list[str] = field(default_factory=list)
    """What was done otherwise than fast, and why."""
    _make: Make | None = None
    """The reader that fits the model, once it was asked for."""
    _cuts: dict[tuple[tuple[int, ...], tuple[str, ...]], tuple[int, Choices]] = field(default_factory=dict)

    def answer(self, requests: Sequence[Request], tell: Tell | None = None) -> list[Answer]:
        """As ``whet.models.base.Writer`` says.

        Raises:
            InputError: a request is longer than the model reads, or its form is broken.
        """
        start = time.perf_counter()
        asked = self.asked(requests)
        self.check_lengths(asked)
        choosing = [n for n, one in enumerate(asked) if one.choices]
        writing = [n for n, one in enumerate(asked) if not one.choices]
        found = dict(zip(writing, self._written([asked[n] for n in writing], tell), strict=True))
        found |= zip(choosing, self._chosen([asked[n] for n in choosing], tell), strict=True)
        share = (time.perf_counter() - start) / max(1, len(requests))
        return [dataclasses.replace(found[n], seconds=share) for n in range(len(requests))]

    def asked(
        self, requests: Sequence[Request], tools: tuple[Mapping[str, Any], ...] | None = None
    ) -> list[AsTokens]:
        """Requests as tokens, laid out as in training; errors as in ``answer``, but for lengths."""
        from whet.models.guides import check_form

        texts = list[str]()
        for n, request in enumerate(requests):
            if request.form is not None:
                check_form(request.form)
            opening = Conversation(request.turns, f"request {n + 1}", tools)
            texts.append(render(self.layout, opening, prompt=True) + request.begun)
        found = list[AsTokens]()
        for request, text, encoded in zip(requests, texts, encode(self.layout, texts), strict=True):
            choices = request.form.choices if request.form else ()
            less, cut = self._cut(text, encoded.ids, choices) if choices else (0, ())
            found.append(AsTokens(request, text, encoded.ids[: len(encoded.ids) - less], cut))
        return found

    def _cut(self, text: str, ids: tuple[int, ...], choices: tuple[str, ...]) -> tuple[int, Choices]:
        """How many tokens at the end of what is asked a choice may change, and the choices' tokens from
        there on: those that training would read."""
        key = ids[-TAIL:], choices
        if key not in self._cuts:
            if len(self._cuts) >= CUTS:
                self._cuts.clear()
            whole = [encoded.ids for encoded in encode(self.layout, [text + choice for choice in choices])]
            kept = min(alike(ids, one) for one in whole)
            self._cuts[key] = len(ids) - kept, tuple(one[kept:] for one in whole)
        return self._cuts[key]

    def check_lengths(self, asked: Sequence[AsTokens]) -> None:
        long = [
            f"request {n + 1}: {len(one.ids):,} tokens, and {least(one):,} or more of its answer"
            for n, one in enumerate(asked)
            if len(one.ids) + least(one) > self.context
        ]
        if long:
            raise many(
                long,
                what=f"{len(long):,} of {len(asked):,} requests are longer than the {self.context:,} tokens "
                "that the model reads; nothing was cut:",
                where=self.name,
                fix="shorten them, or use a model that reads more.",
            )

    def _written(self, asked: Sequence[AsTokens], tell: Tell | None) -> list[Answer]:
        from whet.models.generate import write

        rows = [self.row(one) for one in asked]
        written = write(self.model, rows, self.ends, _telling(tell, "answering"), make=self._reader())[0]
        return [self._answer(*pair) for pair in zip(asked, written, strict=True)]

    def row(self, asked: AsTokens) -> Row:
        from whet.models.generate import Row

        request = asked.request
        return Row(
            asked.ids,
            min(request.tokens, self.context - len(asked.ids)),
            guide=None if request.form is None else self.forms.guide(request.form),
            temperature=request.temperature,
            seed=request.seed,
            stopped=self._stopping(request.stop) if request.stop else None,
        )

    def _stopping(self, stops: tuple[str, ...]) -> Callable[[Sequence[int]], bool]:
        most = max(len(stop.encode()) for stop in stops) + TAIL

        def stopped(ids: Sequence[int]) -> bool:
            text = self.decoded(ids[-most:])
            return any(stop in text for stop in stops)

        return stopped

    def _answer(self, asked: AsTokens, written: Written) -> Answer:
        if asked.request.form is None:
            tail = asked.ids[-TAIL:]
            text = self.decoded((*tail, *written.ids))[len(self.decoded(tail)) :]
        else:
            text = self.forms.tokens.decode_str(list(written.ids))
        cuts = [place for stop in asked.request.stop if (place := text.find(stop)) >= 0]
        return Answer(
            text=text[: min(cuts)] if cuts else text,
            ended=written.ended,
            logprob=written.logprob,
            tokens_in=len(asked.ids),
            tokens_out=len(written.ids) + (written.ended == "end"),
            failed=_failed(written.failed),
        )

    def logprobs(self, requests: Sequence[Request], tell: Tell | None = None) -> list[list[float]]:
        """As ``whet.models.base.Weighs`` says."""
        asked = self.asked(requests)
        self.check_lengths(asked)
        return self._weighed(asked, tell)

    def _chosen(self, asked: Sequence[AsTokens], tell: Tell | None) -> list[Answer]:
        pairs = zip(asked, self._weighed(asked, tell), strict=True)
        return [choice_of(one, logprobs) for one, logprobs in pairs]

    def _weighed(self, asked: Sequence[AsTokens], tell: Tell | None) -> list[list[float]]:
        """Of each request's choices, in their order."""
        from whet.models.choices import score

        found = dict[int, list[float]]()
        for choices in dict.fromkeys(one.choices for one in asked):
            places = [n for n, one in enumerate(asked) if one.choices == choices]
            rows = [asked[n].ids for n in places]
            told = _telling(tell, "choosing")
            scores, _ = score(self.model, rows, choices, self.ends, told, make=self._reader())
            found |= zip(places, scores, strict=True)
        return [found[n] for n in range(len(asked))]

    def decoded(self, ids: Sequence[int]) -> str:
        text: str = self.layout.tokenizer.decode(
            list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return text

    def _reader(self) -> Make:
        if self._make is None:
            from whet.models.readers import fitting

            self._make, why = fitting(self.model)
            self.notes += [f"{self.name} reads {why}"] if why else []
        return self._make

    @cached_property
    def forms(self) -> Forms:
        from whet.models.guides import Forms

        vocabulary = int(self.model.get_output_embeddings().weight.shape[0])
        return Forms(self.layout.tokenizer, vocabulary, self.ends)


def open_writer(
    name: str,
    *,
    adapter: Path | None = None,
    whole: Path | None = None,
    precision: Precision = "fp32",
    ends: Sequence[int] = (),
    sha256: str = "",
) -> DecoderWriter:
    """A model by Hugging Face id or folder, ready to answer.

    Args:
        adapter: a folder with an adapter of PEFT's kind.
        whole: a folder with other weights for the model, as full training leaves them.
        precision: in fp32 an answer does not hang on what else is asked, but for ties; ``auto`` is bf16 where
            that is faster and loses no weight: ``fast_precision``.
        ends: tokens that end an answer; empty: those that the model's files and its layout name.
        sha256: what the model's weights must have.

    Raises:
        InputError: no such model, not safe to load, no causal model; an adapter that does not fit.
    """
    from whet.models.packed import pack

    source = find_decoder(name)
    if sha256 and source.sha256 != sha256:
        what = f"the weights of {name} have SHA-256 {source.sha256[:16]}…, not {sha256[:16]}…."
        raise InputError(what, where=source.folder, fix="put the model back that was trained on.")
    layout = layout_of(load_tokenizer(source))
    if whole is not None:
        source = describe_decoder(whole, name, local=True)
    if precision == "auto":
        precision = fast_precision(source)
    model = load_decoder(source, precision).eval()
    if adapter is not None:
        from whet.models.adapter_folder import with_adapter

        model = with_adapter(model, adapter, name, merge=precision == "fp32")
    pack(model)
    found = frozenset(ends) or answer_ends(layout, model)
    return DecoderWriter(name, model, layout, found, source.answering)


def fast_precision(source: DecoderSource) -> Precision:
    """bf16 for weights that are stored in 16 bits, where the processor multiplies them natively; a small
    model gains nothing by it, and keeps fp32."""
    from whet.models.encoder import native_bf16

    return "bf16" if source.half and source.parameters >= LARGE and native_bf16() else "fp32"


def answer_ends(layout: Layout, model: Any) -> frozenset[int]:
    """Tokens that end an answer: what the model's files say, and what ends one as it is laid out."""
    said = [
        getattr(getattr(model, name, None), "eos_token_id", None) for name in ("config", "generation_config")
    ]
    said.append(layout.tokenizer.eos_token_id)
    named = [token for one in said for token in (one if isinstance(one, list) else [one])]
    return frozenset(token for token in named if token is not None) | _laid_end(layout)


def _laid_end(layout: Layout) -> frozenset[int]:
    """The token that the layout puts behind an answer."""
    answer = "yes"
    try:
        text = render(layout, Conversation((Turn("user", "no"), Turn("assistant", answer)), "an example"))
    except InputError:
        return frozenset()
    (encoded,) = encode(layout, [text])
    place = text.rfind(answer) + len(answer)
    after = [token for token, start in zip(encoded.ids, encoded.starts, strict=True) if start >= place]
    return frozenset([token for token in after if token in layout.ends][:1])


def _telling(tell: Tell | None, what: str) -> Callable[[int, int], None]:
    return (lambda done, total: None) if tell is None else (lambda done, total: tell(what, done, total))


def _failed(why: str) -> str:
    if not why:
        return ""
    return f"the form could not be followed ({why}); the request's side; use a simpler form or another model"
