"""A causal model with rows to learn from: what the loop trains.

    rows -> gradients (``step``) | dev rows -> loss, and how many would be answered word for word

Where memory runs out, a step is made again with half as many tokens at once; its gradient is the same, and
what was halved is said. Knows no task and no files but the weights it writes.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import torch

from whet.errors import WorldError
from whet.models.quiet import quiet_transformers
from whet.train import generators, step
from whet.train.checkpoint import becoming
from whet.train.course import Look, named
from whet.train.optimizer import trainable
from whet.train.step import Settings, Stepped
from whet.train.word_for_word import judged

if TYPE_CHECKING:
    from torch import Tensor

    from whet.train.frozen import States
    from whet.train.sharing import Row

LEAST_TOKENS = 64
"""Fewer at once are not tried."""


class Form(Protocol):
    """One of the two steps: ``step`` or ``padded``."""

    def gradients(self, model: Any, rows: Sequence[Row], settings: Settings) -> Stepped: ...

    def losses(self, model: Any, rows: Sequence[Row], settings: Settings) -> float: ...


@dataclass
class CausalJob:
    """``loop.Job`` for a causal model."""

    model: Any
    """Ready to train, as ``causal.prepared`` leaves it."""
    rows: Sequence[Row]
    sources: Sequence[str]
    """``file:line`` of each row."""
    dev: Sequence[Row]
    form: Form = step
    settings: Settings = field(default_factory=Settings)
    exact: bool = False
    """Whether dev counts rows that would be written word for word."""
    states: States | None = None
    """Of layers that do not learn; the ids of rows are then places in them."""
    note: Callable[[str], None] = lambda line: None
    """Told of what had to be done otherwise than asked."""

    @property
    def live(self) -> Mapping[str, Tensor]:
        return trainable(self.model)

    def names(self, rows: Sequence[int]) -> str:
        return named([self.sources[row] for row in rows])

    def gradients(self, rows: Sequence[int], forget: Callable[[], None]) -> Stepped:
        chosen = [self.rows[row] for row in rows]
        device = next(self.model.parameters()).device
        while True:
            drawn = generators.states(device)
            try:
                with self._around():
                    return self.form.gradients(self.model, chosen, self.settings)
            except (MemoryError, RuntimeError) as error:
                if not _out_of_memory(error):
                    raise
                self._halve(rows, error)
                forget()
                torch.cuda.empty_cache()  # does nothing where there is no GPU
                generators.set_back(drawn, device)  # the step made again draws the same dropout

    def _halve(self, rows: Sequence[int], error: Exception) -> None:
        """Fewer tokens at once, or the end of what can be done."""
        tokens = self.settings.pass_tokens // 2
        if tokens < LEAST_TOKENS:
            raise WorldError(
                f"memory ran out with {self.settings.pass_tokens} tokens at once, on {self.names(rows)}.",
                fix="choose a smaller model, shorter rows, or a machine with more memory.",
            ) from error
        self.settings = replace(self.settings, pass_tokens=tokens)
        self.note(f"memory ran out: {tokens:,} tokens at once from here on; the steps are the same")

    def look(self) -> Look:
        set_dropout(self.model, on=False)
        try:
            with self._around():
                if self.exact and self.form is step:
                    return judged(self.model, self.dev, self.settings)
                return Look(self.form.losses(self.model, self.dev, self.settings))
        finally:
            set_dropout(self.model, on=True)

    def _around(self) -> contextlib.AbstractContextManager[None]:
        return self.states.instead() if self.states else contextlib.nullcontext()

    def write(self, folder: Path) -> None:
        """The adapter as stock PEFT writes it, or the whole model; the base is not copied, nor asked for at
        the hub, as PEFT does unless it is told what to do with embeddings."""
        apart = {"save_embedding_layers": False} if hasattr(self.model, "peft_config") else {}
        with quiet_transformers():
            self.model.save_pretrained(folder, safe_serialization=True, **apart)

    def take(self, weights: Mapping[str, Tensor]) -> None:
        """Set the parameters that learn, by name."""
        with torch.no_grad():
            for name, tensor in self.live.items():
                if name in weights:
                    tensor.copy_(weights[name])

    def publish(self, folder: Path, base: str, tokenizer: Any) -> None:
        """The weights for others to load: an adapter that names its base, or a model with its tokenizer.

        Raises:
            WorldError: full disk, read-only folder; what stood there before still stands.
        """
        with becoming(folder) as made:
            if hasattr(self.model, "peft_config"):
                for config in self.model.peft_config.values():
                    config.base_model_name_or_path = base
            else:
                tokenizer.save_pretrained(made)
            self.write(made)


def set_dropout(model: Any, *, on: bool) -> None:
    """The dropout of adapters; that of the base is always off: its masks cost more than they bring here."""
    for name, module in model.named_modules():
        if isinstance(module, torch.nn.Dropout):
            module.train(on and "lora_dropout" in name)


def _out_of_memory(error: Exception) -> bool:
    """torch says it in one way on GPUs and in another on CPUs."""
    text = str(error).lower()
    return isinstance(error, MemoryError) or "out of memory" in text or "can't allocate memory" in text
