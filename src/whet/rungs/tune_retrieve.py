"""tune+retrieve: a model trained with passages in place, and asked with passages found anew.

What it learns is to answer from what it is shown, whichever of the passages it is, and not to know the facts
by heart: documents that change afterwards (``whet index``) change its answers. How its rows are laid out is
in ``placing.py``, the training in ``taught.py``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from whet.errors import InputError
from whet.records import Example
from whet.rungs.asked import Asked, load_asked
from whet.rungs.base import LOOKS_UP, Setting
from whet.rungs.lookup import lookup_for
from whet.rungs.taught import fit_taught


@dataclass(frozen=True)
class TuneRetrieve:
    """Train with passages, look them up at every question."""

    name: ClassVar[str] = "tune+retrieve"
    kinds: ClassVar[tuple[str, ...]] = ("classify", "extract", "write")
    trains: ClassVar[bool] = True
    forms: ClassVar[tuple[str, ...]] = (LOOKS_UP,)
    reads_documents: ClassVar[bool] = True

    setting: Setting = field(default_factory=Setting)
    choices: Mapping[str, Any] = field(default_factory=dict)

    def fit(self, train: Sequence[Example], dev: Sequence[Example]) -> Asked:
        """Raises InputError where the task has no documents or no model that can be trained here."""
        lookup = lookup_for(self.setting)
        found = lookup and fit_taught(self.name, self.setting, train, dev, self.choices, lookup)
        if not found:
            raise InputError(
                f"the rung `{self.name}` needs {LOOKS_UP}.",
                where="rungs",
                fix="name documents in `knowledge` and a decoder in `models`, or leave the rung out.",
            )
        return found

    @classmethod
    def load(cls, folder: Path, card: Mapping[str, Any]) -> Asked:
        return load_asked(folder, card)
