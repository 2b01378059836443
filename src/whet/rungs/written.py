"""A decoder that ``whet tune`` has trained, as a specialist: asked as it was trained, it writes its answer.

The folder has ``card.json`` and ``weights``, an adapter or a whole model; the base is found by the name on
the card, and must be the one that was trained on. An answer's confidence is its probability among all that
could be written, so that long answers are never sure. Knows no training.
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whet.errors import InputError
from whet.models.base import Request
from whet.records import FitInfo, Prediction, Turn
from whet.store import make_folder, read_json

if TYPE_CHECKING:
    from whet.models.base import Answer, Writer

CARD, WEIGHTS = "card.json", "weights"
FORMAT = 1


@dataclass(frozen=True)
class Written:
    """A trained decoder that answers (``records.Specialist``)."""

    writer: Writer
    instruction: str
    """Stood before every row that was learned; may be empty."""
    folder: Path
    info: FitInfo

    def predict(self, inputs: Sequence[str]) -> list[Prediction]:
        """Greedy answers.

        Raises:
            InputError: inputs that leave no room for an answer in the model's context.
        """
        asked = [self.asks(text) for text in inputs]
        return [self.prediction(answer) for answer in self.writer.answer(asked)]

    def prediction(self, answer: Answer) -> Prediction:
        """An answer of the model as a prediction."""
        return _prediction(answer)

    def save(self, folder: Path) -> None:
        make_folder(folder)
        shutil.copytree(self.folder / WEIGHTS, folder / WEIGHTS, dirs_exist_ok=True)
        shutil.copyfile(self.folder / CARD, folder / CARD)

    def asks(self, text: str) -> Request:
        """An input as it was learned: under the instruction."""
        before = [Turn("system", self.instruction)] if self.instruction else []
        return Request((*before, Turn("user", text)))


def load_written(folder: Path, *, opened: Callable[..., Any] | None = None) -> Written:
    """What ``whet tune`` left in a folder.

    Args:
        opened: opens the model in place of ``models.writer.open_writer``.

    Raises:
        InputError: damaged; made by another version; its base is absent or another one.
    """
    from whet.models.writer import open_writer

    card = _card(folder / CARD)
    weights, base = folder / WEIGHTS, card["base"]
    which: dict[str, Any] = {"adapter" if card["adapter"] else "whole": weights}
    writer = (opened or open_writer)(base["name"], sha256=base["sha256"], ends=card["ends"], **which)
    if writer.layout.digest != card["template"]:
        raise InputError(
            "the base lays conversations out otherwise than when this was trained.",
            where=folder / CARD,
            fix="put its chat template back, or train again.",
        )
    info = FitInfo(dict(card["plan"]), seconds=float(card.get("seconds", 0)), curve=card["curve"])
    return Written(writer, card["instruction"], folder, info)


def _card(path: Path) -> Mapping[str, Any]:
    try:
        card = read_json(path)
        if card["format"] != FORMAT:
            raise InputError(
                "was made by another version of whet.", where=path, fix="train again with this version."
            )
        needed = (card["base"]["name"], card["base"]["sha256"], card["instruction"], card["template"])
        if not all(isinstance(value, str) for value in needed):
            raise TypeError("a text is none")
        return {**card, "ends": [int(token) for token in card["ends"]], "adapter": card["adapter"]}
    except (json.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"is not the card of a training ({type(error).__name__}: {error}).",
            where=path,
            fix="name the folder that `whet tune` wrote.",
        ) from error


def _prediction(answer: Answer) -> Prediction:
    return Prediction(
        answer.text,
        math.exp(min(0.0, answer.logprob or 0.0)),
        answer.tokens_in,
        answer.tokens_out,
        answer.seconds,
        answer.usd,
    )
