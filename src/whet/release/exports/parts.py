"""What of a specialist goes along when it leaves: weights, template, and how an input is asked.

    specialist -> ReaderParts (an encoder and its head) | WriterParts (a decoder, its adapter, its requests)

What hangs on a look-up of its own for every input (passages, like examples) cannot leave: nothing outside
looks that up. Knows no format.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whet.errors import InputError
from whet.models.base import Request
from whet.models.layout import Layout
from whet.records import Turn

if TYPE_CHECKING:
    from whet.models.decoder import DecoderSource
    from whet.models.encoder import Encoder
    from whet.records import Specialist
    from whet.rungs.asked import Asked
    from whet.rungs.deciding import Decider
    from whet.rungs.written import Written
    from whet.train.linear import LinearHead

SERVE = "serve it with `whet serve`, which carries everything along."


@dataclass(frozen=True)
class ReaderParts:
    """An encoder with a head that chooses."""

    specialist: Specialist
    encoder: Encoder
    head: LinearHead
    decider: Decider
    adapter: Path | None
    """Where its LoRA adapter lies; None: it has none."""


@dataclass(frozen=True)
class WriterParts:
    """A decoder, as it is asked."""

    specialist: Specialist
    source: DecoderSource
    """The base, or the whole model."""
    layout: Layout
    """As it was trained and is asked here."""
    adapter: Path | None
    ends: frozenset[int]
    """Tokens that end an answer."""
    example: Request
    """What stands around an input, with the input ``INPUT``."""
    copied: bool = False
    """Whether the base lies in the specialist's own folder, so that nothing outside finds it by a name."""

    def requests(self, inputs: Sequence[str]) -> list[Request]:
        """Each input as it is asked."""
        return asked(self.specialist, inputs)


def parts_of(folder: Path, specialist: Specialist) -> ReaderParts | WriterParts:
    """Take a loaded specialist apart.

    Args:
        folder: where it was loaded from.

    Raises:
        InputError: nothing outside whet can run it.
    """
    from whet.rungs.asked import Asked
    from whet.rungs.tuned import TunedSpecialist
    from whet.rungs.vectors import VectorSpecialist
    from whet.rungs.written import Written

    if isinstance(specialist, Asked):
        return _of_asked(folder, specialist)
    if isinstance(specialist, Written):
        return _of_written(specialist)
    if isinstance(specialist, TunedSpecialist):
        adapter = folder / "adapter" if specialist.recipe.method == "lora" else None
        encoder: Any = specialist.encoder
        return ReaderParts(specialist, encoder, specialist.head, specialist.decider, adapter)
    if isinstance(specialist, VectorSpecialist) and specialist.arrays.keys() == {"weight", "bias"}:
        return _of_vectors(specialist)
    what = "this kind of specialist has no form outside whet: it has neither a model that writes nor a head."
    raise InputError(what, where=folder, fix=SERVE)


def _of_vectors(specialist: Any) -> ReaderParts:
    from whet.train.linear import LinearHead

    head = LinearHead(specialist.arrays["weight"], specialist.arrays["bias"])
    return ReaderParts(specialist, specialist.encoder, head, specialist.decider, None)


def _of_asked(folder: Path, specialist: Asked) -> WriterParts:
    from whet.models.decoder import load_tokenizer
    from whet.models.layout import layout_of
    from whet.models.opening import Local

    if specialist.neighbours is not None or specialist.lookup is not None:
        what = "this specialist looks something up for every input, which nothing outside whet would do."
        raise InputError(what, where=specialist.rung, fix=SERVE)
    writer = specialist.writer
    if not isinstance(writer, Local):
        what = "this specialist asks a server: there are no weights here to export."
        raise InputError(what, where=writer.name, fix=SERVE)
    layout = layout_of(load_tokenizer(writer.source))
    ends = _ends(writer.source, layout)
    example = asked(specialist, ["INPUT"])[0]
    copied = writer.source.folder.is_relative_to(folder)
    return WriterParts(specialist, writer.source, layout, writer.adapter, ends, example, copied)


def _of_written(specialist: Written) -> WriterParts:
    from whet.models.decoder import describe_decoder, find_decoder
    from whet.rungs.written import WEIGHTS
    from whet.store import read_json

    card = read_json(specialist.folder / "card.json")
    weights, name = specialist.folder / WEIGHTS, str(card["base"]["name"])
    whole = card["adapter"] is None
    source = describe_decoder(weights, name, local=True) if whole else find_decoder(name)
    writer: Any = specialist.writer
    example = asked(specialist, ["INPUT"])[0]
    adapter = None if whole else weights
    return WriterParts(specialist, source, writer.layout, adapter, frozenset(writer.ends), example)


def asked(specialist: Any, inputs: Sequence[str]) -> list[Request]:
    """Inputs as a specialist that writes asks them."""
    if hasattr(specialist, "posed"):
        return [one.request for one in specialist.posed(inputs)]
    before = [Turn("system", specialist.instruction)] if specialist.instruction else []
    return [Request((*before, Turn("user", text))) for text in inputs]


def _ends(source: DecoderSource, layout: Layout) -> frozenset[int]:
    """Tokens that end an answer, by the files alone."""
    from whet.models.decoder import skeleton
    from whet.models.writer import answer_ends

    model = skeleton(source.folder)
    model.generation_config = _generation(source.folder)
    return answer_ends(layout, model)


def _generation(folder: Path) -> Any:
    from whet.models.quiet import quiet_transformers

    with quiet_transformers() as transformers:
        if not (folder / "generation_config.json").is_file():
            return transformers.GenerationConfig()
        return transformers.GenerationConfig.from_pretrained(folder, local_files_only=True)
