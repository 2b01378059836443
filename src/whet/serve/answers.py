"""Which way a specialist answers: in batches, or token by token on an engine; and what engines share.

    folder, checked -> specialist -> encoder, lookup, server: batches
                                  -> decoder: a seat at the engine of its weights, by its adapter

Knows of both only that they are there.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whet.models.decoder import find_decoder, load_tokenizer
from whet.models.layout import layout_of
from whet.models.opening import Local
from whet.models.threads import alone
from whet.models.writer import DecoderWriter, Precision, open_writer
from whet.rungs.asked import Asked
from whet.rungs.base import load_specialist
from whet.rungs.written import CARD, Written, load_written
from whet.serve.specialists import Batched

if TYPE_CHECKING:
    from whet.records import Specialist
    from whet.serve.asking import Answering
    from whet.serve.elsewhere import Elsewhere
    from whet.serve.engine import Engine
    from whet.serve.seats import Seat

SPECIALIST = "specialist.json"
WARM_UP = "hello"


@dataclass
class _Model:
    """Weights in memory, and the engine that reads them."""

    writer: DecoderWriter
    engine: Engine | None
    """None: they are not read by the engine."""
    seats: int = 0


@dataclass
class Engines:
    """Models in memory, each once, whoever stands on it."""

    url: str = ""
    """Of a server that writes in their place, up to ``/v1``; empty: they write here."""
    called: str = ""
    """What that server calls the model; empty: by the specialist's name."""
    precision: Precision = "auto"
    """Of what writes here."""
    _models: dict[str, _Model] = field(default_factory=dict)
    _adapters: int = 0
    """That were ever added: their names are numbers."""
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def answering(self, folder: Path, *, outside: bool = False, name: str = "") -> Answering:
        """What answers for a specialist of any rung, loaded whole: nothing is read from the folder later.

        Raises:
            InputError: no specialist, damaged, or it reaches outside and may not.
        """
        with self._lock, alone():
            try:
                return self._opened(folder, outside=outside, name=name)
            finally:
                _settle()

    def _opened(self, folder: Path, *, outside: bool, name: str) -> Answering:
        if not (folder / SPECIALIST).is_file() and (folder / CARD).is_file():
            return _decoding(load_written(folder, opened=partial(self._seat, called=name)))
        specialist = load_specialist(folder, outside=outside)
        if isinstance(specialist, Asked) and isinstance(specialist.writer, Local):
            source = specialist.writer.source
            adapter = specialist.writer.adapter
            seat = self._seat(str(source.folder), called=name, adapter=adapter, sha256=source.sha256)
            return _decoding(replace(specialist, writer=seat))
        if not (reaches := _reaches(specialist)):
            specialist.predict([WARM_UP])
        elif isinstance(specialist, Asked):
            specialist.posed([WARM_UP])  # what finds examples and passages is read now
        return Batched(specialist, name=name, reaches=reaches)

    def _seat(
        self,
        name: str,
        *,
        called: str = "",
        adapter: Path | None = None,
        ends: Sequence[int] = (),
        **which: Any,
    ) -> Seat | Elsewhere:
        """A place at the model of that name, in place of ``models.writer.open_writer``."""
        from whet.serve.seats import Seat

        if self.url:
            return self._elsewhere(name, called)
        sha256 = which.get("sha256") or find_decoder(name).sha256
        key, own = f"{sha256} {which.get('whole') or ''}", ""
        model = self._models.get(key) or self._open(key, name, which)
        if adapter is not None:
            self._adapters += 1
            own = str(self._adapters)
            if model.engine is None or not _added(model.engine, own, adapter, name):
                key, own = f"{key} {adapter}", ""
                model = self._open(key, name, {**which, "adapter": adapter})
        model.seats += 1
        writer = replace(model.writer, ends=frozenset(ends) or model.writer.ends, notes=[], _cuts={})
        return Seat(writer, model.engine, own, lambda: self._leave(key, own))

    def _elsewhere(self, name: str, called: str) -> Elsewhere:
        """A place at the server that writes; of the model only the tokenizer is read here."""
        from whet.serve.elsewhere import Elsewhere

        source = find_decoder(name)
        layout = layout_of(load_tokenizer(source))
        return Elsewhere(self.url, self.called or called.partition("@")[0], layout, source.context)

    def _open(self, key: str, name: str, which: Mapping[str, Any]) -> _Model:
        from whet.models.flat import Flat
        from whet.models.readers import fitting
        from whet.serve.engine import Engine

        writer = open_writer(name, precision=self.precision, **which)
        make, _ = fitting(writer.model)
        self._models[key] = _Model(writer, Engine(writer.model) if make is Flat else None)
        return self._models[key]

    def _leave(self, key: str, adapter: str) -> None:
        with self._lock:
            model = self._models[key]
            model.seats -= 1
            if model.engine is not None and adapter:
                engine = model.engine
                engine.between(lambda: engine.adapters.remove(adapter))
            if not model.seats:
                del self._models[key]
                if model.engine is not None:
                    model.engine.close()
                del model
                _settle()


def _settle() -> None:
    """What is loaded stays: the collector, which stops everything, need not look through it while somebody
    waits (0.25 s at a time beside torch and transformers); what is not needed any more goes now."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def _decoding(specialist: Asked | Written) -> Answering:
    from whet.serve.decoders import Decoding

    return Decoding(specialist)


def _added(engine: Engine, called: str, adapter: Path, base: str) -> bool:
    return engine.between(lambda: engine.adapters.add(called, adapter, base))


def _reaches(specialist: Specialist) -> bool:
    """Whether answering runs or asks something elsewhere, which a warm-up should not."""
    from whet.models.opening import elsewhere

    writer = getattr(specialist, "writer", None)
    return getattr(specialist, "source", None) is not None or (writer is not None and elsewhere(writer))
