"""What a trained model must still do once it is on disk, tried on a few held-out rows by stock libraries.

    the trained model's logits = those of what was saved, loaded by stock PEFT (or transformers)
                               ≠ those of the base alone: training changed something
                               = those of the base with the adapter merged into it

Compared in fp32, where equal means equal to many digits; a model too large for that is compared in the
precision it was trained in, by a coarser rule. Knows no task.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from whet.errors import WhetError
from whet.models.adapter_folder import check_adapter
from whet.models.decoder import describe_decoder, load_decoder
from whet.train.adapters import quiet

if TYPE_CHECKING:
    from whet.models.decoder import DecoderSource
    from whet.train.sharing import Row

ROWS, POSITIONS = 4, 32
"""Rows that are read, and learned positions of each that are compared."""
SAME = {"fp32": 1e-4, "bf16": 0.05}
"""Largest relative difference of logits that are called equal, by the precision they are made in."""
CHANGED = 1e-6
"""Least relative difference of logits that are called changed."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was tried."""

    name: str
    """``loads``, ``changes`` or ``merges``."""
    ok: bool
    said: str
    """What was found, in one sentence."""
    difference: float | None = None
    """Of the logits, relative; None: it could not be tried."""
    allowed: float | None = None


@dataclass(frozen=True)
class Trained:
    """What the trained model says of a few rows."""

    rows: Sequence[Row]
    logits: Tensor
    """[positions, vocabulary] in fp32."""
    precision: str
    """That they were made in."""
    base: str
    """The precision that the base was trained in."""


def seen(model: Any, rows: Sequence[Row], base: str, *, wide: bool) -> Trained:
    """The trained model's logits on the shortest of some rows. The model is not fit for training afterwards.

    Args:
        base: the precision that it was trained in.
        wide: whether memory allows fp32.
    """
    model.set_attn_implementation("eager")
    for module in model.modules():  # a part that was compiled for a GPU would be compiled anew here
        module._compiled_call_impl = None
    model = (model.float() if wide else model).eval()
    chosen = sorted(rows, key=lambda row: len(row.ids))[:ROWS]
    return Trained(chosen, logits_of(model, chosen), "fp32" if wide else base, base)


def logits_of(model: Any, rows: Sequence[Row]) -> Tensor:
    """Logits [m, V] in fp32 at learned positions of rows, each read alone."""
    found = []
    with torch.no_grad():
        for row in rows:
            places = [place - 1 for place, weight in enumerate(row.weights) if weight and place][:POSITIONS]
            found.append(_logits_at(model, row.ids, places).float())
    return torch.cat(found)


def _logits_at(model: Any, ids: Sequence[int], places: Sequence[int]) -> Tensor:
    """[m, V]; those of other places are not made, where the model can leave them out."""
    plain = model.get_base_model() if hasattr(model, "get_base_model") else model
    given, wanted = torch.tensor([ids]), torch.tensor(places)
    if "logits_to_keep" in inspect.signature(plain.forward).parameters:
        made: Tensor = model(input_ids=given, use_cache=False, logits_to_keep=wanted).logits[0]
        return made
    whole: Tensor = model(input_ids=given, use_cache=False).logits[0]
    return whole[wanted]


def checked(trained: Trained, source: DecoderSource, folder: Path, *, adapter: bool) -> list[Check]:
    """Try what was saved.

    Args:
        source: the base.
        folder: the weights as they were saved.
        adapter: whether they are an adapter of PEFT's, or a whole model.
    """
    return list(_of_adapter(trained, source, folder) if adapter else _of_model(trained, source, folder))


def _of_adapter(trained: Trained, source: DecoderSource, folder: Path) -> Iterator[Check]:
    def load() -> Any:
        from peft import PeftModel

        check_adapter(folder, source.name)
        with quiet():
            return PeftModel.from_pretrained(_loaded(trained, source), folder).eval()

    model, check = _loads(trained, "PEFT", load)
    yield check
    if model is not None:
        found = logits_of(model, trained.rows)
        with model.disable_adapter():
            yield _changes(found, logits_of(model, trained.rows))
        yield _merges(trained, found, logits_of(model.merge_and_unload(), trained.rows))


def _of_model(trained: Trained, source: DecoderSource, folder: Path) -> Iterator[Check]:
    def load() -> Any:
        return _loaded(trained, describe_decoder(folder, str(folder), local=True))

    model, check = _loads(trained, "transformers", load)
    yield check
    if model is not None:
        found = logits_of(model, trained.rows)
        del model  # two models at once may be one too many
        yield _changes(found, logits_of(_loaded(trained, source), trained.rows))


def _loaded(trained: Trained, source: DecoderSource) -> Any:
    """A model as training had it: weights rounded to the base's precision, whatever is computed in."""
    model = load_decoder(source, trained.base)
    return model.float() if trained.precision == "fp32" else model


def _loads(trained: Trained, library: str, load: Callable[[], Any]) -> tuple[Any, Check]:
    """The model that a library makes of what was saved; None where it makes none."""
    try:
        model = load()
        found = logits_of(model, trained.rows)
    except (WhetError, OSError, RuntimeError, ValueError, KeyError, TypeError) as error:
        said = f"{library} cannot load what was saved ({str(error).splitlines()[0][:200]})"
        return None, Check("loads", ok=False, said=said)
    return model, _equal("loads", trained, found, trained.logits, LOADS[library])


LOADS = {
    "PEFT": (
        "stock PEFT loads the adapter and gives the same logits",
        "the adapter as saved, loaded by stock PEFT, does not answer as the trained model did",
    ),
    "transformers": (
        "transformers loads the model and gives the same logits",
        "the model as saved, loaded by transformers, does not answer as the trained model did",
    ),
}
MERGES = (
    "merged into the base, the adapter gives the same logits",
    "merged into the base, the adapter does not answer as it does beside it",
)


def _merges(trained: Trained, beside: Tensor, merged: Tensor) -> Check:
    return _equal("merges", trained, merged, beside, MERGES)


def _equal(name: str, trained: Trained, found: Tensor, wanted: Tensor, said: tuple[str, str]) -> Check:
    apart, allowed = difference(found, wanted), SAME[trained.precision]
    ok = apart <= allowed
    found_apart = f"{apart:.1e} apart" if apart else "no digit apart"
    figures = f"{found_apart}, {allowed:.0e} allowed, {trained.precision}"
    return Check(name, ok, f"{said[0] if ok else said[1]} ({figures})", apart, allowed)


def _changes(found: Tensor, base: Tensor) -> Check:
    apart = difference(found, base)
    if apart > CHANGED:
        return Check(
            "changes", True, f"training changed the answers (logits {apart:.1%} apart)", apart, CHANGED
        )
    said = "training changed nothing: the answers are those of the base"
    return Check("changes", False, said, apart, CHANGED)


def difference(found: Tensor, wanted: Tensor) -> float:
    """Relative, over all logits; not a number counts as far apart."""
    apart = float((found - wanted).norm() / wanted.norm())
    return apart if apart == apart else float("inf")
