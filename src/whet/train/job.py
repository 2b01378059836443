"""A causal model with rows to learn from: what the loop trains.

    rows -> gradients (``step``) | dev rows -> loss, and the task's metric where one is given

Where memory runs out, a step is made again with half as many tokens at once; its gradient is the same, and
what was halved is said. Knows no task and no files but the weights it writes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import torch

from whet.errors import WorldError
from whet.train import generators, step
from whet.train.checkpoint import becoming
from whet.train.loop import Look
from whet.train.optimizer import trainable
from whet.train.step import Settings, Stepped

if TYPE_CHECKING:
    from torch import Tensor

    from whet.train.sharing import Row

LEAST_TOKENS = 64
"""Fewer at once are not tried."""
SHOWN = 5


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
    score: Callable[[Any], float] | None = None
    """The task's metric on dev, of the model as it stands; larger is better."""
    note: Callable[[str], None] = lambda line: None
    """Told of what had to be done otherwise than asked."""

    @property
    def live(self) -> Mapping[str, Tensor]:
        return trainable(self.model)

    def names(self, rows: Sequence[int]) -> str:
        shown = ", ".join(self.sources[row] for row in rows[:SHOWN])
        return shown if len(rows) <= SHOWN else f"{shown} and {len(rows) - SHOWN} more"

    def gradients(self, rows: Sequence[int], forget: Callable[[], None]) -> Stepped:
        chosen = [self.rows[row] for row in rows]
        device = next(self.model.parameters()).device
        while True:
            drawn = generators.states(device)
            try:
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
            loss = self.form.losses(self.model, self.dev, self.settings)
            return Look(loss, None if self.score is None else self.score(self.model))
        finally:
            set_dropout(self.model, on=True)

    def write(self, folder: Path) -> None:
        """The adapter as stock PEFT writes it, or the whole model; the base is not copied."""
        self.model.save_pretrained(folder, safe_serialization=True)

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
