"""The forms of a specialist on this machine: as it was tested, loaded again, merged or beside its base,
smaller.

    as tested | loaded again | beside its base (not merged) | in 16 bits | in 8 bits | exported | served

In 8 bits means for an encoder torch's own int8: linear layers multiply integers, activations are rounded as
they come. For a decoder it means the weights of linear layers rounded to 8 bits a row, and multiplied in
fp32: what rounding does to the answers, not how fast an integer kernel is. What forms answered is kept in
the run's cache, but for a server, which may have changed. Knows no measure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whet.errors import InputError, WorldError
from whet.ladder import as_output
from whet.models.layout import Conversation, render
from whet.models.opening import Local
from whet.records import Turn
from whet.store import folder_digests
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

    Raises:
        InputError: an exported form is asked for, of a specialist that is no decoder on this machine.
    """
    specialist: Any = context.tuned.specialist
    found = [
        FormOf("as tested", lambda texts: [tested[text] for text in texts]),
        FormOf("loaded again", lambda texts: [one.output for one in context.answers(context.tuned, texts)]),
    ]
    if context.asked.endpoint:
        found.append(served(context.asked.endpoint, getattr(specialist, "read", str)))
    writer = getattr(specialist, "writer", None)
    if (own := _opened(writer)) is None and context.asked.form:
        fix = "leave --form out: `whet export` compares what it writes with the specialist itself."
        raise InputError("is compared of decoders alone.", where=context.asked.form, fix=fix)
    if own is None:
        return [*found, *(_kept(context, form) for form in _readers(specialist))]
    as_laid = _laid(specialist, own)
    found = [form if form.name == SERVED else replace(form, laid_out=as_laid) for form in found]
    for name, make in _others(writer, own).items():
        found.append(_kept(context, _form(name, specialist, make, as_laid)))
    if context.asked.form:
        form = exported(context.asked.form, specialist)
        found.append(_kept(context, form, folder_digests(context.asked.form)))
    return found


def _kept(context: Context, form: FormOf, more: Any = None) -> FormOf:
    """The form, whose answers are kept by the specialist's files and by ``more``."""

    def answers(texts: Sequence[str]) -> list[Output]:
        def ask() -> list[dict[str, Any]]:
            return [{"output": one} for one in form.answers(texts)]

        key = [context.tuned.digest, form.name, more, list(texts)]
        name = f"{context.tuned.name}-{form.name.replace(' ', '-')}"
        return [as_output(row["output"]) for row in context.kept(name, key, ask)]

    return replace(form, answers=answers)


def _readers(specialist: Any) -> list[FormOf]:
    """Smaller forms of a specialist that reads; none where its encoder is not at hand."""
    from whet.models.encoder import Encoder

    if not isinstance(getattr(specialist, "encoder", None), Encoder):
        return []
    return [reading(name, specialist, make) for name, make in (("in 16 bits", _halved), ("in 8 bits", int8))]


def reading(name: str, specialist: Any, make: Callable[[Any], Any]) -> FormOf:
    """A specialist around a changed copy of its encoder."""
    import copy

    from whet.models.encoder import Encoder

    def answers(texts: Sequence[str]) -> list[Output]:
        encoder = specialist.encoder
        model = make(copy.deepcopy(encoder.model("fp32")))
        other = replace(specialist, encoder=Encoder(encoder.source, models={"fp32": model}))
        return [one.output for one in other.predict(list(texts))]

    return FormOf(name, answers)


def int8(model: Any) -> Any:
    """Torch's dynamic quantization of every linear layer.

    Raises:
        WorldError: this build of torch has no integer kernels.
    """
    import warnings

    import torch

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its successor is another package
            quantize: Any = torch.ao.quantization.quantize_dynamic
            return quantize(model, {torch.nn.Linear}, dtype=torch.qint8)
    except RuntimeError as error:
        fix = "take the evidence on a machine whose torch has them."
        raise WorldError(
            f"torch cannot multiply in 8 bits here: {error}.", where="parity", fix=fix
        ) from error


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
