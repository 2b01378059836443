"""The forms of a specialist on this machine: as it was tested, loaded again, merged or beside its base,
smaller.

    as tested | loaded again | beside its base (not merged) | in 16 bits | in 8 bits | exported | served

In 8 bits means weights of linear layers rounded to 8 bits a row, and multiplied in fp32: what rounding
does, not how fast an integer kernel is. Knows no measure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whet.errors import InputError
from whet.models.layout import Conversation, render
from whet.models.opening import Local
from whet.records import Turn
from whet.trust.parity import FormOf

if TYPE_CHECKING:
    from whet.models.base import Request
    from whet.models.writer import DecoderWriter
    from whet.records import Output
    from whet.trust.context import Context

SERVED = "served"
LEVELS = 127
"""Of 8 bits, on each side of zero."""


def forms_of(context: Context, tested: Mapping[str, Output]) -> list[FormOf]:
    """What can be compared here.

    Args:
        tested: held-out answers by input, as the run has them.
    """
    specialist: Any = context.tuned.specialist
    found = [
        FormOf("as tested", lambda texts: [tested[text] for text in texts]),
        FormOf("loaded again", lambda texts: [one.output for one in context.answers(context.tuned, texts)]),
    ]
    if context.asked.endpoint:
        found.append(served(context.asked.endpoint, getattr(specialist, "read", str)))
    writer = getattr(specialist, "writer", None)
    if (own := _opened(writer)) is None:
        return found
    as_laid = _laid(specialist, own)
    found = [form if form.name == SERVED else replace(form, laid_out=as_laid) for form in found]
    for name, make in _others(writer, own).items():
        found.append(_form(name, specialist, make, as_laid))
    if context.asked.form:
        found.append(exported(context.asked.form, specialist))
    return found


def served(address: str, read: Callable[[str], Output]) -> FormOf:
    """A specialist behind a server of OpenAI's protocol, which says what stands around an input itself.

    Args:
        address: up to and with ``/v1``, then ``#`` and the model as the server names it.
        read: makes an output of what comes back.

    Raises:
        InputError: the address names no model.
    """
    from whet.config_models import EndpointModel
    from whet.models.base import Request
    from whet.models.endpoint import Endpoint

    place, _, model = address.partition("#")
    if not model:
        fix = "write http://127.0.0.1:8000/v1#NAME."
        raise InputError("the address names no model.", where=address, fix=fix)
    endpoint = Endpoint(EndpointModel(endpoint=place, model=model), None, fresh=True)

    def answers(texts: Sequence[str]) -> list[Output]:
        asked = [Request((Turn("user", text),)) for text in texts]
        return [read(answer.text) for answer in endpoint.answer(asked)]

    return FormOf(SERVED, answers)


def exported(folder: Path, specialist: Any) -> FormOf:
    """A model that was written for others to load: a folder of Hugging Face's kind.

    Raises:
        InputError: not safe to load, or no causal model.
    """
    from whet.models.writer import open_writer

    writer = open_writer(str(folder))
    return _form("exported", specialist, lambda: writer, _laid(specialist, writer))


def _opened(writer: Any) -> DecoderWriter | None:
    """The decoder that answers; None where it is no decoder of this machine."""
    found = writer.opened if isinstance(writer, Local) else writer
    return found if hasattr(found, "layout") and hasattr(found, "model") else None


def _others(writer: Any, own: DecoderWriter) -> dict[str, Callable[[], DecoderWriter]]:
    found = {"in 16 bits": lambda: _smaller(own, _halved), "in 8 bits": lambda: _smaller(own, _rounded)}
    if isinstance(writer, Local) and writer.adapter is not None:
        found["beside its base"] = lambda: _beside(writer, own)
    return found


def _form(
    name: str,
    specialist: Any,
    make: Callable[[], DecoderWriter],
    laid: Callable[[Sequence[str]], list[str]],
) -> FormOf:
    def answers(texts: Sequence[str]) -> list[Output]:
        other = replace(specialist, writer=make())
        return [one.output for one in other.predict(list(texts))]

    return FormOf(name, answers, laid)


def _laid(specialist: Any, writer: DecoderWriter) -> Callable[[Sequence[str]], list[str]]:
    """Each input as the text that a model reads."""

    def laid(texts: Sequence[str]) -> list[str]:
        requests = [_request(specialist, text) for text in texts]
        return [render(writer.layout, Conversation(one.turns, "a request"), prompt=True) for one in requests]

    return laid


def _request(specialist: Any, text: str) -> Request:
    request: Request = (
        specialist.asks(text) if hasattr(specialist, "asks") else specialist.posed([text])[0].request
    )
    return request


def _smaller(own: DecoderWriter, make: Callable[[Any], Any]) -> DecoderWriter:
    """The same writer around a changed copy of its model."""
    import copy

    return replace(own, model=make(copy.deepcopy(own.model)), notes=[], _make=None, _cuts={})


def _halved(model: Any) -> Any:
    import torch

    return model.to(torch.bfloat16)


def _rounded(model: Any) -> Any:
    """Every linear layer's weights to 8 bits, with a scale for each row."""
    import torch

    with torch.no_grad():
        for layer in model.modules():
            if isinstance(layer, torch.nn.Linear):
                scale = layer.weight.abs().amax(dim=1, keepdim=True).clamp_min(1e-12) / LEVELS
                layer.weight.copy_((layer.weight / scale).round() * scale)
    return model


def _beside(writer: Local, own: DecoderWriter) -> DecoderWriter:
    """The adapter beside its base, as PEFT runs it."""
    from whet.models.adapter_folder import with_adapter
    from whet.models.decoder import load_decoder

    assert writer.adapter is not None
    base = load_decoder(writer.source, "fp32").eval()
    model = with_adapter(base, writer.adapter, writer.name, merge=False)
    return replace(own, model=model, notes=[], _make=None, _cuts={})
