"""tune: the encoder itself is trained, by LoRA or in full, whichever dev prefers.

First the frozen encoders compete with a head each; the best one is tuned. Then each recipe runs for a
short trial, and the recipe with the lowest dev loss is trained in full. What it gives competes on dev with
its mixture with the base, whose head is fitted anew: weights part of the way back to the base are often
better than either end (WiSE-FT, Wortsman and others, arXiv 2109.01903). The loop is
``whet.train.classifier``; here are the choice and the specialist, and its folder is ``tuned.py``.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from whet.models.encoder import Encoder
from whet.records import Example, FitInfo
from whet.rungs.base import Setting
from whet.rungs.deciding import Decider, fitted, log_loss, targets
from whet.rungs.head import Head, score
from whet.rungs.tuned import TunedSpecialist, load_tuned, mixed, tuned_encoder
from whet.rungs.vectors import VectorSpecialist
from whet.train.classifier import Data, Evaluation, Recipe, Trained, train_classifier
from whet.train.linear import LinearHead, fit_linear

if TYPE_CHECKING:
    import torch

RECIPES = (
    Recipe("full", lr=3e-4),
    Recipe("full", lr=1e-4),
    Recipe("lora", lr=2e-3),
)
TRIAL_TOKENS = 16_000  # what a recipe reads in its trial
TRIAL_DEV = 300
MIX = 0.6  # share of the way from the base to the trained weights
STRENGTHS = (3.0, 10.0, 30.0)  # of the head that is fitted to the mixture


@dataclass(frozen=True)
class Tune:
    """Fine-tune the encoder that serves best frozen."""

    name: ClassVar[str] = "tune"
    kinds: ClassVar[tuple[str, ...]] = ("classify",)
    trains: ClassVar[bool] = True

    setting: Setting = field(default_factory=Setting)
    choices: Mapping[str, Any] = field(default_factory=dict)
    recipes: tuple[Recipe, ...] = RECIPES

    def fit(self, train: Sequence[Example], dev: Sequence[Example]) -> TunedSpecialist:
        frozen = Head(self.setting, self._head_choices()).fit(train, dev)
        start = time.perf_counter()
        work = _Work(self.setting, frozen, train, dev)
        recipe, tried = self._recipe(work)
        trained = work.train(recipe, range(len(train)), "tune")
        finish = work.finish(recipe, trained, self.choices.get("mix"))
        specialist = work.specialist(recipe, trained, finish)
        seconds = frozen.info.seconds + time.perf_counter() - start
        tried = [*tried, *finish.tried]
        return replace(specialist, info=replace(specialist.info, seconds=seconds, tried=tried))

    def _head_choices(self) -> dict[str, Any]:
        return {name: self.choices[name] for name in ("encoder", "C") if name in self.choices}

    def _recipe(self, work: _Work) -> tuple[Recipe, list[dict[str, Any]]]:
        """The recipe chosen before, or the one with the lowest dev loss after a short trial."""
        if "recipe" in self.choices:
            return Recipe(**self.choices["recipe"]), []
        if len(self.recipes) == 1:
            return self.recipes[0], []
        tried = []
        for number, recipe in enumerate(self.recipes):
            loss = work.trial(recipe, f"tune: trial {number + 1} of {len(self.recipes)}")
            tried.append({"method": recipe.method, "lr": recipe.lr, "dev_loss": loss})
        best = min(range(len(tried)), key=lambda i: (tried[i]["dev_loss"], i))
        return self.recipes[best], tried

    @classmethod
    def load(cls, folder: Path, card: Mapping[str, Any]) -> TunedSpecialist:
        return load_tuned(folder, card)


@dataclass(frozen=True)
class Finish:
    """The weights and head that a training ends with."""

    mix: Mapping[str, float]
    """``share`` of the way from the base, and ``C`` of the head fitted anew; empty: as trained."""
    state: Mapping[str, torch.Tensor]
    head: LinearHead
    tried: Sequence[Mapping[str, Any]]


class _Work:
    """One fit: the frozen start, the data as tokens, and dev scoring."""

    def __init__(
        self,
        setting: Setting,
        frozen: VectorSpecialist,
        train: Sequence[Example],
        dev: Sequence[Example],
    ):
        self.setting = setting
        self.base = frozen.encoder.source
        self.start = LinearHead(frozen.arrays["weight"], frozen.arrays["bias"])
        self.frozen = frozen
        self.reader = Encoder(self.base)
        self.train_texts = [example.input for example in train]
        self.table = targets([example.output for example in train], frozen.decider.labels)
        self.dev = list(dev)

    def train(self, recipe: Recipe, rows: Sequence[int], what: str, dev_rows: int = 0) -> Trained:
        """Train on ``rows``; dev is scored on its first ``dev_rows`` examples (0: all)."""
        windows = self.reader.tokenize([self.train_texts[row] for row in rows])
        data = Data(windows, self.table[list(rows)], self.setting.multi_label)
        dev = self.dev[: dev_rows or len(self.dev)]

        def on_eval(model: Any, head: LinearHead) -> Evaluation:
            return self.score(Encoder(self.base, models={"fp32": model, "bf16": model}), head, dev)

        return train_classifier(
            self.base, data, self.start, recipe, pad_id=self.reader.pad_id,
            seed=self.setting.seed, on_eval=on_eval,
            on_step=lambda done, total: self.setting.tell(what, done, total),
        )

    def trial(self, recipe: Recipe, what: str) -> float:
        """Dev loss after one epoch on a few rows; infinite if the loss was not finite."""
        rows = np.random.default_rng(self.setting.seed).permutation(len(self.train_texts))
        tokens = self.reader.tokenize([self.train_texts[row] for row in rows]).tokens()
        enough = int(np.searchsorted(np.cumsum(tokens), TRIAL_TOKENS)) + 1
        short = replace(recipe, epochs=1.0, evals_per_epoch=1, batch=32)
        trained = self.train(short, [int(row) for row in rows[:enough]], what, TRIAL_DEV)
        last = trained.curve[-1]
        return float("inf") if "failed" in last else last["dev_loss"]

    def score(self, encoder: Encoder, head: LinearHead, dev: Sequence[Example]) -> Evaluation:
        """Metric, and log loss once the confidence is fitted: a loss that only rescaling the logits
        would lower says nothing about the weights."""
        vectors = encoder.encode([example.input for example in dev]).vectors
        logits = score({"weight": head.weight, "bias": head.bias}, vectors)
        truths = [example.output for example in dev]
        decider = self.decider(logits, truths)
        gain = self.setting.metric.gain(truths, decider.outputs(logits)[0])
        return Evaluation(gain, log_loss(decider, logits, truths))

    def decider(self, logits: Any, truths: Sequence[Any]) -> Decider:
        blank = Decider(self.frozen.decider.labels, self.setting.multi_label)
        return fitted(blank, logits, truths, self.setting.metric)

    def finish(self, recipe: Recipe, trained: Trained, mix: Mapping[str, float] | None) -> Finish:
        """As trained, or mixed with the base: what was chosen before, or what dev prefers."""
        plain = Finish({}, trained.state, trained.head, ())
        if mix is not None and not mix:
            return plain
        self.setting.tell("tune: mixing with the base", 0, 1)
        state = mixed(self.base, recipe, trained.last, MIX)
        encoder = tuned_encoder(self.base, recipe, state, precise=False)
        vectors = encoder.encode(self.train_texts).vectors
        heads = {
            strength: fit_linear(vectors, self.table, strength, several=self.setting.multi_label)
            for strength in ((mix["C"],) if mix else STRENGTHS)
        }
        if mix:
            return Finish(mix, state, heads[mix["C"]], ())
        found = {strength: self.score(encoder, head, self.dev) for strength, head in heads.items()}
        best = max(found, key=lambda strength: (found[strength].gain, -found[strength].loss))
        tried = [{"share": MIX, "C": c, "dev": f.gain, "dev_loss": f.loss} for c, f in found.items()]
        if (found[best].gain, -found[best].loss) > (trained.best.gain, -trained.best.loss):
            return Finish({"share": MIX, "C": best}, state, heads[best], tried)
        return replace(plain, tried=tried)

    def specialist(self, recipe: Recipe, trained: Trained, finish: Finish) -> TunedSpecialist:
        """The specialist, its confidence fitted on dev in fp32."""
        encoder = tuned_encoder(self.base, recipe, finish.state)
        vectors = encoder.encode([example.input for example in self.dev]).vectors
        logits = score({"weight": finish.head.weight, "bias": finish.head.bias}, vectors)
        truths = [example.output for example in self.dev]
        decider = self.decider(logits, truths)
        last, notes = trained.curve[-1], []
        if "failed" in last:
            notes.append(f"the loss was not finite at step {int(last['step'])}")
        info = FitInfo(
            choices={**self.frozen.info.choices, "recipe": asdict(recipe), "mix": dict(finish.mix)},
            dev_score=self.setting.metric.gain(truths, decider.outputs(logits)[0]),
            parameters_trained=trained.parameters,
            curve=trained.curve,
            notes=notes,
        )
        return TunedSpecialist(
            encoder, self.base, recipe, finish.state, finish.head, decider, info
        )
