"""tune: the model itself is trained, by LoRA or in full, whichever dev prefers.

A model that writes learns the task's turns (``taught.py``); where the values of JSON answers stand in the
inputs, an encoder learns to tag words (``spantune.py``). What follows is how an encoder is tuned to choose.

First the frozen encoders compete with a head each; the best one is tuned, by each method to the end. (Short
trials were tried and rank recipes wrongly: the gentle one wins every short trial and loses the long run.)
The weights that a training gives compete on dev with their mixture with the base: part of the way back is
often better than either end (WiSE-FT, Wortsman and others, arXiv 2109.01903). Each gets a new head, and the
lowest dev loss wins: dev is too small to tell such near ends apart by their mistakes alone. Last, the head
learns from dev too. How much is trained is a matter of minutes (``budget.py``). The loop is
``whet.train.classifier``; here is the choice, and the specialist and its folder are ``tuned.py``.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from whet.data.spans import why_not
from whet.models.cache import CachedEncoder
from whet.models.encoder import Encoder
from whet.records import Example, FitInfo, Specialist
from whet.rungs.asked import Asked, best_of, load_asked
from whet.rungs.base import CHOOSES, FINDS, LEARNS, Setting
from whet.rungs.budget import Plan, plan
from whet.rungs.deciding import Decider, fitted, log_loss, targets
from whet.rungs.head import Head, score
from whet.rungs.spantune import fit_span_tune, load_span_tuned
from whet.rungs.taught import fit_taught
from whet.rungs.tuned import TunedSpecialist, load_tuned, mixed, tuned_encoder
from whet.rungs.vectors import VectorSpecialist, default_encoder
from whet.store import value_digest
from whet.train.classifier import Data, Trained, train_classifier
from whet.train.course import Look
from whet.train.encoders import Recipe
from whet.train.linear import LinearHead, fit_linear

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

    from whet.models.encoder import TextEncoder

RECIPES = {"full": Recipe("full", lr=3e-4), "lora": Recipe("lora", lr=2e-3)}
SAID = {
    "schedule": "schedule",
    "warmup": "warmup",
    "weight_decay": "decay",
    "clip": "clip",
    "looks": "evals_per_epoch",
    "patience": "patience",
    "top_layers": "top",
}
"""What the task may say of a training, and what the recipe calls it."""
SHARES = (0.6, 1.0)  # of the way from the base to the trained weights
NOT_ASKED = Look(0.0, 0.0)  # dev has chosen before
STRENGTHS = (3.0, 10.0, 30.0)  # of the head that is fitted to the mixture


@dataclass(frozen=True)
class Tune:
    """Fine-tune the encoder that serves best frozen."""

    name: ClassVar[str] = "tune"
    kinds: ClassVar[tuple[str, ...]] = ("classify", "extract", "write")
    trains: ClassVar[bool] = True
    forms: ClassVar[tuple[str, ...]] = (CHOOSES, FINDS, LEARNS)

    setting: Setting = field(default_factory=Setting)
    choices: Mapping[str, Any] = field(default_factory=dict)

    def fit(self, train: Sequence[Example], dev: Sequence[Example]) -> Specialist:
        own = self._with_its_share(train)
        forms = (own._by_vectors, own._by_spans, own._by_writing)
        return best_of([form(train, dev) for form in forms])

    def _with_its_share(self, train: Sequence[Example]) -> Tune:
        """Half of the minutes each where an encoder may choose among answers and find them in the inputs."""
        setting, minutes = self.setting, self.setting.tune.get("minutes")
        if not (minutes and setting.chooses and setting.finds) or self.choices:
            return self
        if why_not([e.input for e in train], [str(e.output) for e in train]):
            return self
        return replace(self, setting=replace(setting, tune={**setting.tune, "minutes": minutes / 2}))

    def _by_spans(self, train: Sequence[Example], dev: Sequence[Example]) -> Specialist | None:
        if not self.setting.finds or not self.choices.get("spans", not self.choices):
            return None
        return fit_span_tune(self.setting, self.choices, train, dev, self._said())

    def _by_writing(self, train: Sequence[Example], dev: Sequence[Example]) -> Asked | None:
        if "encoder" in self.choices:
            return None
        return fit_taught(self.name, self.setting, train, dev, self.choices)

    def _by_vectors(self, train: Sequence[Example], dev: Sequence[Example]) -> TunedSpecialist | None:
        if not self.setting.chooses or "model" in self.choices or "spans" in self.choices:
            return None
        setting = _remembering(self.setting)
        frozen = Head(setting, self._head_choices()).chosen(train, dev)
        start = time.perf_counter()
        work = _Work(setting, frozen, train, dev)
        planned = self._plan(work)
        recipes = self._recipes(planned)
        shares = SHARES[-1:] if planned.cut_short else SHARES
        ends = [end for recipe in recipes for end in self._ends(work, recipe, shares)]
        specialist = work.specialist(min(ends, key=lambda end: end.found.loss))
        info = replace(
            specialist.info,
            seconds=frozen.info.seconds + work.seconds_before + time.perf_counter() - start,
            tried=[] if "mix" in self.choices else [end.tried() for end in ends],
            notes=[*specialist.info.notes, *filter(None, [planned.note])],
            cut_short=planned.cut_short,
        )
        return replace(specialist, info=info)

    def _head_choices(self) -> dict[str, Any]:
        return {name: self.choices[name] for name in ("encoder", "C") if name in self.choices}

    def _plan(self, work: _Work) -> Plan:
        """Which methods, for how many epochs: all that the task asks for, as far as its minutes go."""
        options = self.setting.tune
        methods = options.get("methods", tuple(RECIPES))
        minutes = None if "recipe" in self.choices else options.get("minutes")
        return plan(methods, options.get("epochs", Recipe().epochs), work.reading, minutes)

    def _recipes(self, planned: Plan) -> list[Recipe]:
        """The recipe chosen before, or one for each method."""
        if "recipe" in self.choices:
            return [Recipe(**self.choices["recipe"])]
        said = self._said()
        return [replace(RECIPES[method], epochs=planned.epochs, **said) for method in planned.methods]

    def _said(self) -> dict[str, Any]:
        """What the task says of a training, in the recipe's words."""
        said = self.setting.tune
        return {own: said[key] for key, own in SAID.items() if said.get(key) is not None}

    def _ends(self, work: _Work, recipe: Recipe, shares: Sequence[float]) -> list[End]:
        """Train once; its ends are the weights as trained and mixed with the base, or those chosen before."""
        mix = self.choices.get("mix")
        trained = work.train(recipe, f"tune ({recipe.method})", blind=bool(mix))
        shares = (mix["share"],) if mix else shares
        strengths = (mix["C"],) if mix else STRENGTHS
        return [
            end
            for share in shares
            for end in work.mixtures(recipe, trained, share, strengths, compare=not mix)
        ]

    @classmethod
    def load(cls, folder: Path, card: Mapping[str, Any]) -> Specialist:
        if "spans" in card:
            return load_span_tuned(folder, card)
        return load_asked(folder, card) if "frame" in card else load_tuned(folder, card)


def _remembering(setting: Setting) -> Setting:
    """The setting with encoders that read each text once, however they were given."""
    given = setting.encoders or (default_encoder(),)
    kept = [e if isinstance(e, CachedEncoder) else CachedEncoder(e) for e in given]
    return replace(setting, encoders=kept)


@dataclass(frozen=True)
class End:
    """Weights and a head that a training may end with, and what dev says of them."""

    recipe: Recipe
    trained: Trained
    mix: Mapping[str, float]
    """``share`` of the way from the base, and ``C`` of the head fitted anew."""
    state: Mapping[str, torch.Tensor]
    head: LinearHead
    found: Look
    vectors: NDArray[np.float32]
    """Of train, as these weights read it."""

    def tried(self) -> dict[str, Any]:
        about = {"method": self.recipe.method, "lr": self.recipe.lr, **self.mix}
        return {**about, "dev": self.found.score, "dev_loss": self.found.loss}


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
        self.examples = list(train)
        self.train_texts = [example.input for example in train]
        self.table = targets([example.output for example in train], frozen.decider.labels)
        self.dev = list(dev)
        self.seconds_before = 0.0

    @property
    def reading(self) -> float:
        """Seconds that the frozen encoder took to read the training texts."""
        return self.frozen.encoder.encode(self.train_texts, precise=False).seconds

    def train(self, recipe: Recipe, what: str, *, blind: bool) -> Trained:
        """``blind``: what follows uses the last weights only, so dev need not be read on the way."""
        windows = self.reader.tokenize(self.train_texts)
        data = Data(windows, self.table, self.setting.multi_label, [e.source for e in self.examples])

        def on_eval(model: Any, head: LinearHead) -> Look:
            return self.score(Encoder(self.base, models={"fp32": model, "bf16": model}), head)

        trained = train_classifier(
            self.base,
            data,
            self.start,
            recipe,
            pad_id=self.reader.pad_id,
            seed=self.setting.seed,
            on_eval=None if blind else on_eval,
            start=None if blind else self.score(self.frozen.encoder, self.start),
            on_step=lambda done, total: self.setting.tell(what, done, total),
            folder=self._unfinished(recipe),
        )
        self.seconds_before += trained.seconds_before
        return trained

    def _unfinished(self, recipe: Recipe) -> Path | None:
        """Where a training by this recipe goes on if it is killed."""
        work = self.setting.work
        return None if work is None else work / f"{recipe.method}-{value_digest(asdict(recipe))[:8]}"

    def score(self, encoder: TextEncoder, head: LinearHead) -> Look:
        """Metric, and log loss once the confidence is fitted: a loss that only rescaling the logits
        would lower says nothing about the weights."""
        vectors = encoder.encode([example.input for example in self.dev]).vectors
        logits = score({"weight": head.weight, "bias": head.bias}, vectors)
        truths = [example.output for example in self.dev]
        decider = self.decider(logits, truths)
        gain = self.setting.metric.on(self.dev, decider.outputs(logits)[0])
        return Look(log_loss(decider, logits, truths), gain)

    def decider(self, logits: Any, truths: Sequence[Any]) -> Decider:
        blank = Decider(self.frozen.decider.labels, self.setting.multi_label)
        return fitted(blank, logits, truths, self.setting.metric)

    def mixtures(
        self, recipe: Recipe, trained: Trained, share: float, strengths: Sequence[float], *, compare: bool
    ) -> list[End]:
        """The last weights, ``share`` of the way from the base, with a head of each strength; where there is
        one end only, dev is not read to compare it."""
        self.setting.tell(f"tune ({recipe.method}): fitting heads", 0, 1)
        state = mixed(self.base, recipe, trained.last, share)
        encoder = CachedEncoder(tuned_encoder(self.base, recipe, state, precise=False))
        vectors = encoder.encode(self.train_texts).vectors
        ends = []
        head = None
        for strength in strengths:
            several = self.setting.multi_label
            head = fit_linear(vectors, self.table, strength, several=several, start=head)
            mix = {"share": share, "C": strength}
            found = self.score(encoder, head) if compare else NOT_ASKED
            ends.append(End(recipe, trained, mix, state, head, found, vectors))
        return ends

    def specialist(self, end: End) -> TunedSpecialist:
        """The specialist, its confidence fitted on dev in fp32."""
        encoder = CachedEncoder(tuned_encoder(self.base, end.recipe, end.state))
        vectors = encoder.encode([example.input for example in self.dev]).vectors
        logits = score({"weight": end.head.weight, "bias": end.head.bias}, vectors)
        truths = [example.output for example in self.dev]
        decider = self.decider(logits, truths)
        answers = decider.outputs(logits)[0]
        info = FitInfo(
            choices={**self.frozen.info.choices, "recipe": asdict(end.recipe), "mix": dict(end.mix)},
            dev_score=self.setting.metric.on(self.dev, answers),
            dev_outputs=answers,
            parameters_trained=end.trained.parameters,
            curve=end.trained.curve,
            notes=list(end.trained.notes),
        )
        head = self.with_dev(end, vectors)
        return TunedSpecialist(encoder, self.base, end.recipe, end.state, head, decider, info)

    def with_dev(self, end: End, vectors: NDArray[np.float32]) -> LinearHead:
        """The end's head fitted on train and dev; ``vectors`` are those of dev."""
        both = np.concatenate([end.vectors, vectors])
        labels = self.frozen.decider.labels
        table = np.concatenate([self.table, targets([e.output for e in self.dev], labels)])
        return fit_linear(both, table, end.mix["C"], several=self.setting.multi_label)
