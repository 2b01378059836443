"""A task's models: which kind each is, those that write made ready, and how a specialist finds its own.

A name is a folder or an id; its files say whether it writes (a decoder) or reads (an encoder). A mapping
is a server. Where a task names nothing that reads, the offline default does: it finds like examples, and
the simple rungs stand on it. A saved specialist keeps what opens the same model, and its digest.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whet.config import DEFAULT_ENCODER
from whet.config_models import EndpointModel
from whet.errors import InputError
from whet.models.decoder import DecoderSource, check_causal, describe_decoder, find_decoder, load_tokenizer
from whet.models.finding import find_folder, model_place
from whet.models.folder import check_folder
from whet.models.layout import Layout, layout_of
from whet.models.source import PACKAGES, EncoderSource, find_encoder
from whet.store import read_json, value_digest, write_json

if TYPE_CHECKING:
    from whet.config import Task
    from whet.models.base import Answer, Request, Tell, Writer
    from whet.models.writer import DecoderWriter

MODEL, ADAPTER = "model", "adapter"
UNKNOWN = 0  # a server tells neither the size of its model nor its context


@dataclass(frozen=True, slots=True)
class Served:
    """What a report can say of a model behind a server."""

    name: str
    licence: str = "its provider's terms"
    sha256: str = ""
    parameters: int = UNKNOWN
    dim: int = UNKNOWN
    context: int = UNKNOWN


@dataclass(frozen=True, slots=True)
class Models:
    """What a task may use, by kind, each in the task's order."""

    encoders: tuple[EncoderSource, ...]
    decoders: tuple[DecoderSource, ...] = ()
    endpoints: tuple[EndpointModel, ...] = ()

    @property
    def write(self) -> bool:
        """Whether any of them does."""
        return bool(self.decoders or self.endpoints)

    def digests(self) -> list[str]:
        """Of weights, and of how a server is asked; what it costs changes no answer."""
        asked = [e.asked() for e in self.endpoints]
        encoders, decoders = ([source.sha256 for source in kind] for kind in (self.encoders, self.decoders))
        return [*encoders, *decoders, *(value_digest(one) for one in asked)]

    def facts(self) -> list[EncoderSource | DecoderSource | Served]:
        """For the report: name, licence, size, context."""
        served = [Served(f"{e.model} at {e.endpoint}") for e in self.endpoints]
        return [*self.encoders, *self.decoders, *served]


def named(task: Task, folder: Path) -> Models:
    """Find the task's models; nothing is loaded.

    Raises:
        InputError: unknown, not safe to load, neither an encoder nor a decoder.
    """
    encoders, decoders = list[EncoderSource](), list[DecoderSource]()
    for name in task.local_models:
        place = model_place(name, folder)
        if writes(place):
            decoders.append(find_decoder(place))
        else:
            encoders.append(find_encoder(place))
    return Models(tuple(encoders or _default(bool(decoders))), tuple(decoders), tuple(task.endpoints))


def writes(place: str) -> bool:
    """Whether a model, by id or folder, is a causal one."""
    if place == DEFAULT_ENCODER:
        return False
    try:
        check_causal(check_folder(find_folder(place, PACKAGES)[0]))
    except InputError:
        return False  # then it must be an encoder, which says what is wrong with it
    return True


def _default(optional: bool) -> list[EncoderSource]:
    """The offline default; where a decoder is there, the task can be climbed without it."""
    try:
        return [find_encoder(DEFAULT_ENCODER)]
    except InputError:
        if optional:
            return []
        raise


@dataclass
class Local:
    """A decoder on this machine, with an adapter or without; loaded when it is first asked."""

    source: DecoderSource
    adapter: Path | None = None

    @property
    def name(self) -> str:
        return self.source.name

    @cached_property
    def _layout(self) -> Layout:
        return layout_of(load_tokenizer(self.source))

    @cached_property
    def opened(self) -> DecoderWriter:
        """The loaded model."""
        from whet.models.writer import open_writer as loaded

        return loaded(str(self.source.folder), adapter=self.adapter)

    def answer(self, requests: Sequence[Request], tell: Tell | None = None) -> list[Answer]:
        return self.opened.answer(requests, tell)

    def logprobs(self, requests: Sequence[Request], tell: Tell | None = None) -> list[list[float]]:
        return self.opened.logprobs(requests, tell)

    def too_long(self, requests: Sequence[Request]) -> list[bool]:
        """Which requests leave no room for the tokens that they ask for; no weights are read to say so."""
        from whet.models.as_tokens import too_long

        return too_long(self._layout, self.source.answering, requests)


def open_writers(
    models: Models, cache: Path | None, *, again: str = "the same command", fresh: bool = False
) -> list[Writer]:
    """The task's models that write.

    Args:
        cache: where answers that were paid for are kept.
        again: the command that goes on after a stop.
        fresh: ask servers anew, even what is kept from before.
    """
    from whet.models.endpoint import Endpoint

    local: list[Writer] = [Local(source) for source in models.decoders]
    return [*local, *(Endpoint(spec, cache, again=again, fresh=fresh) for spec in models.endpoints)]


def elsewhere(writer: Writer) -> bool:
    """Whether each answer is asked of a server."""
    from whet.models.endpoint import Endpoint

    return isinstance(writer, Endpoint)


def price_of(writer: Writer, answer: Answer) -> float:
    """What an answer costs in US dollars, whether it was paid for now or before."""
    from whet.models.endpoint import Endpoint

    if isinstance(writer, Endpoint):
        return writer.usd(answer.tokens_in, answer.tokens_out)
    return answer.usd


def save_writer(folder: Path, writer: Writer) -> dict[str, Any]:
    """What ``open_writer`` needs; what only this machine has is copied into the folder.

    Raises:
        InputError: the model is neither local nor behind a server.
    """
    from whet.models.endpoint import Endpoint

    if isinstance(writer, Endpoint):
        return {"endpoint": writer.spec.model_dump(mode="json", by_alias=True, exclude_defaults=True)}
    if not isinstance(writer, Local):
        raise InputError(f"the model {writer.name} cannot be kept in a folder.", where=folder)
    source, there = writer.source, folder / MODEL
    if source.local and source.folder != there:
        shutil.copytree(source.folder, there, dirs_exist_ok=True)
    if writer.adapter is not None and writer.adapter != folder / ADAPTER:
        shutil.copytree(writer.adapter, folder / ADAPTER, dirs_exist_ok=True)
        if source.local:
            _forget_base(folder / ADAPTER / "adapter_config.json")
    own = {"decoder": source.name, "sha256": source.sha256, "copied": source.local}
    return {**own, "adapter": writer.adapter is not None}


def _forget_base(path: Path) -> None:
    """The base lies beside the adapter now: the path that it was trained from may be anything elsewhere."""
    write_json(path, {**read_json(path), "base_model_name_or_path": None})


def open_writer(folder: Path, card: Mapping[str, Any]) -> Writer:
    """The model that a specialist was fitted with, by digest.

    Raises:
        InputError: other weights under the same name; a key that the environment lacks.
    """
    from whet.models.endpoint import Endpoint

    if "endpoint" in card:
        return Endpoint(EndpointModel.model_validate(card["endpoint"]))
    name, there = str(card["decoder"]), folder / MODEL
    source = describe_decoder(there, name, local=True) if card["copied"] else find_decoder(name)
    if source.sha256 != card["sha256"]:
        raise InputError(
            f"the model {name} on this machine has other weights than the specialist's.",
            where=folder,
            fix="fetch the same revision again, or fit the rung again.",
        )
    return Local(source, folder / ADAPTER if card["adapter"] else None)
