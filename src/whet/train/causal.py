"""A causal model made ready to train: its attention, its adapter or free weights, its precision.

    model -> does the flat step fit? -> adapter -> ready, with what had to be done otherwise

Knows no data and no files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from whet.errors import InputError
from whet.train import compiled, padded, probe, step, varlen
from whet.train.adapters import LoraRecipe, adapted
from whet.train.frozen import layers_of, learn_top
from whet.train.job import set_dropout
from whet.train.step import Settings

if TYPE_CHECKING:
    from whet.train.job import Form


@dataclass(frozen=True)
class Prepared:
    """A model that can be trained, and how."""

    model: Any
    form: Form
    settings: Settings
    notes: Sequence[str]
    """What is done otherwise than asked, and why."""


def prepared(
    model: Any,
    lora: LoraRecipe | None,
    settings: Settings,
    seed: int,
    *,
    fuse: bool = True,
    top: int | None = None,
    compile: bool = False,
) -> Prepared:
    """Make a model ready.

    Args:
        model: a causal model of ``transformers`` as it was loaded.
        lora: the adapter; None trains all weights.
        fuse: run LoRA's layers in one function each.
        top: layers that learn, from the top; None: all.
        compile: let torch compile the feed-forward parts.

    Raises:
        InputError: logits are made in a way that the losses do not know; fewer layers than ``top``.
    """
    model.eval().requires_grad_(False)
    if not probe.head_fits(model):
        raise InputError(
            f"the logits of {type(model).__name__} are made in a way that training does not know.",
            fix="choose another model, or say which one it was: it can be taught.",
        )
    why = probe.fitted(model)
    notes = [f"rows are read padded and one by one, without sharing their beginning: {why}"] if why else []
    if reason := _not_packed(model):
        notes.append(f"attention runs as matrix products, not as the GPU's packed kernel: {reason}")
    if lora is not None and lora.dropout and settings.share and not why:
        settings = replace(settings, share=False)
        notes.append("beginnings are not shared: dropout draws anew for every row")
    if lora is not None and lora.dora:
        notes.append("DoRA runs by PEFT's own layers: slower than plain LoRA, and in more memory")
    # torch's compiler takes weights that were laid out for plain ones, and fails
    model = _learning(model, lora, seed, fuse=fuse, pack=settings.pack and not compile, top=top)
    if compile and (reason := _compile(model)):
        notes.append(f"nothing is compiled: {reason}")
    if settings.last and not why:
        probe.trimmed(model)
    set_dropout(model, on=True)
    return Prepared(model, padded if why else step, settings, notes)


def _not_packed(model: Any) -> str:
    """Why a model on a GPU does not get the packed attention; '' on a CPU, which has another."""
    weight = model.get_input_embeddings().weight
    if weight.device.type != "cuda":
        return ""
    if weight.dtype.itemsize != 2:
        return "it takes 16 bits only"
    return varlen.distrusted(weight.device.type, weight.dtype)


def _compile(model: Any) -> str:
    """Compile what can be; why nothing was, or ''."""
    reason = compiled.missing(model.get_input_embeddings().weight.device.type)
    return reason or ("" if compiled.compiled(model) else "no layer has a part by a name that is known")


def _learning(
    model: Any, lora: LoraRecipe | None, seed: int, *, fuse: bool, pack: bool, top: int | None
) -> Any:
    """The model with what learns: an adapter or its own weights, in all layers or in the top ones."""
    layers = layers_of(model, top) if top else None
    if lora is None:
        return learn_top(model, layers) if layers else model.requires_grad_(True)
    targets = tuple(layers.linear()) if layers else lora.targets
    return adapted(model, replace(lora, targets=targets), seed, fuse=fuse, pack=pack)
