"""tune, where answers are values that stand in the input: encoder, word shapes and tag head learn together.

The frozen heads of ``spanhead.py`` say which of several encoders serves best; it is trained by each method to
the end, and the best look at dev stands. A tagger starts from nothing, and reads its rows more often than a
head that chooses: unless the task says how long, four epochs, and at least ``LEAST_STEPS`` steps. How much of
it is done is a matter of minutes, as for labels (``budget.py``).
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from whet.data.fields import NoFields
from whet.models.encoder import Encoder
from whet.models.words import read_words, word_states
from whet.records import Example, FitInfo
from whet.rungs.budget import Plan, plan
from whet.rungs.spanhead import FrozenReader, fit_span_head, plain_encoders, specialist_from
from whet.rungs.spans import Lesson, SpanSpecialist, lesson_of
from whet.rungs.tuned import State, load_weights, save_weights, tuned_encoder
from whet.store import value_digest, write_bytes
from whet.train.encoders import Recipe
from whet.train.spans import PARTS, TagData, TrainedTagger, train_spans
from whet.train.tagger import Tagger

if TYPE_CHECKING:
    from pathlib import Path

    import torch

    from whet.models.source import EncoderSource
    from whet.models.words import Words
    from whet.rungs.base import Setting
    from whet.rungs.spans import Scores
    from whet.train.course import Look

RECIPES = {
    "full": Recipe("full", lr=3e-4, head_lr=1e-3, batch=32, smoothing=0.0),
    "lora": Recipe("lora", lr=2e-3, head_lr=5e-3, batch=32, smoothing=0.0),
}
LEAST_STEPS = 800
LEAST_EPOCHS = 4.0  # on 6,197 rows, right answers to dev went 0.81, 0.88, 0.90, 0.93
SAMPLE = 512  # texts by which the time of a reading is measured
MOST_EPOCHS = 20.0


@dataclass(frozen=True)
class TunedReader:
    """An encoder with trained weights, and its head (``spans.WordReader``)."""

    encoder: Encoder
    """As trained, fp32."""
    base: EncoderSource
    recipe: Recipe
    state: State
    head: Mapping[str, torch.Tensor]

    def scores(self, words: Words) -> Scores:
        tagger = Tagger(self.encoder.model("fp32"), *(self.head[name] for name in PARTS))
        return tagger.scores(words, self.encoder.pad_id)

    def save(self, folder: Path) -> dict[str, Any]:
        from safetensors.torch import save

        write_bytes(folder / "head.safetensors", save(dict(self.head)))
        encoder = save_weights(folder, self.base, self.recipe, self.state)
        return {"encoder": encoder, "recipe": asdict(self.recipe)}


def load_span_tuned(folder: Path, card: Mapping[str, Any]) -> SpanSpecialist:
    from safetensors.torch import load_file

    recipe = Recipe(**card["recipe"])
    base, state = load_weights(folder, card, recipe)
    encoder = tuned_encoder(base, recipe, state)
    head = load_file(folder / "head.safetensors")
    return specialist_from(card, TunedReader(encoder, base, recipe, state, head))


def fit_span_tune(
    setting: Setting,
    choices: Mapping[str, Any],
    train: Sequence[Example],
    dev: Sequence[Example],
    said: Mapping[str, Any],
) -> SpanSpecialist | None:
    """The best training on dev; None where the answers cannot be tagged.

    Args:
        said: what the task says of a training, in the recipe's words.
    """
    start = time.perf_counter()
    encoder = _encoder(setting, choices, train, dev)
    try:
        work = _Work(setting, encoder, lesson_of(encoder, train, dev))
    except NoFields:
        return None
    planned = work.plan(choices)
    recipes = [Recipe(**choices["recipe"])] if "recipe" in choices else work.recipes(planned, said)
    ends = [(recipe, work.train(recipe)) for recipe in recipes]
    recipe, trained = max(ends, key=lambda end: (end[1].best.score or 0.0, -end[1].best.loss))
    specialist = work.specialist(recipe, trained)
    spent = sum(end.seconds_before for _, end in ends)
    info = replace(
        specialist.info,
        seconds=spent + time.perf_counter() - start,
        tried=[_tried(*end) for end in ends],
        notes=[*specialist.info.notes, *filter(None, [planned.note])],
        cut_short=planned.cut_short,
    )
    return replace(specialist, info=info)


def _encoder(
    setting: Setting, choices: Mapping[str, Any], train: Sequence[Example], dev: Sequence[Example]
) -> Encoder:
    """The one that serves best frozen, where there are several."""
    encoders = plain_encoders(setting, choices)
    if len(encoders) > 1 and (frozen := fit_span_head(setting, choices, train, dev)):
        assert isinstance(frozen.reader, FrozenReader)
        return frozen.reader.encoder
    return encoders[0]


def _tried(recipe: Recipe, trained: TrainedTagger) -> dict[str, Any]:
    best = trained.best
    return {"method": recipe.method, "lr": recipe.lr, "dev": best.score, "dev_loss": best.loss}


@dataclass
class _Work:
    """One fit: the data as words, and dev scoring."""

    setting: Setting
    encoder: Encoder
    lesson: Lesson

    def plan(self, choices: Mapping[str, Any]) -> Plan:
        """Which methods, for how many epochs: all that is asked for, as far as the minutes go."""
        options = self.setting.tune
        minutes = None if "recipe" in choices else options.get("minutes")
        return plan(options.get("methods", tuple(RECIPES)), self.epochs(), self.reading(minutes), minutes)

    def epochs(self) -> float:
        """As the task says, or enough of them for a small set."""
        said = self.setting.tune.get("epochs")
        if said is not None:
            return float(said)
        steps = len(self.lesson.words.ids) / RECIPES["full"].batch
        return min(max(LEAST_EPOCHS, LEAST_STEPS / max(steps, 1)), MOST_EPOCHS)

    def recipes(self, planned: Plan, said: Mapping[str, Any]) -> list[Recipe]:
        return [replace(RECIPES[method], epochs=planned.epochs, **said) for method in planned.methods]

    def train(self, recipe: Recipe) -> TrainedTagger:
        lesson, setting = self.lesson, self.setting
        data = TagData(lesson.words, lesson.wanted, len(lesson.tags), [e.source for e in lesson.train])

        def on_eval(tagger: Tagger) -> Look:
            return lesson.look(tagger.scores(lesson.dev_words, self.encoder.pad_id), setting)

        return train_spans(
            self.encoder.source,
            data,
            recipe,
            pad_id=self.encoder.pad_id,
            seed=setting.seed,
            on_eval=on_eval,
            on_step=lambda done, total: setting.tell(f"tune ({recipe.method})", done, total),
            folder=self._unfinished(recipe),
        )

    def _unfinished(self, recipe: Recipe) -> Path | None:
        """Where a training by this recipe goes on if it is killed."""
        work = self.setting.work
        return None if work is None else work / f"{recipe.method}-{value_digest(asdict(recipe))[:8]}"

    def reading(self, minutes: float | None) -> float:
        """Seconds that one reading of the training texts takes here, by a part of them."""
        if minutes is None:
            return 0.0
        part = read_words(self.encoder, [e.input for e in self.lesson.train[:SAMPLE]])
        word_states(self.encoder, part, (-1,), precise=False)  # the first reading loads and warms up
        start = time.perf_counter()
        word_states(self.encoder, part, (-1,), precise=False)
        seconds = time.perf_counter() - start
        return seconds * sum(self.lesson.words.lengths()) / max(sum(part.lengths()), 1)

    def specialist(self, recipe: Recipe, trained: TrainedTagger) -> SpanSpecialist:
        base, state = self.encoder.source, trained.state
        if recipe.method == "lora":  # an adapter is kept in fp32, and its base read as it is
            state = {name: tensor.float() for name, tensor in state.items()}
        reader = TunedReader(tuned_encoder(base, recipe, state), base, recipe, state, trained.head)
        info = FitInfo(
            choices={"encoder": self.encoder.source.name, "spans": True, "recipe": asdict(recipe)},
            parameters_trained=trained.parameters,
            curve=trained.curve,
            notes=list(trained.notes),
        )
        scores = reader.scores(self.lesson.dev_words)
        return self.lesson.specialist("tune", reader, scores, info, self.setting)
