"""prompt+: the same question in better words, looked for on train and judged on dev.

With a sentence encoder, each label is described by its name, its description, the words that mark its
training examples, or several of these. A model that writes gets an instruction that a bounded search found
(``search.py``); the plain prompt stands among the finalists, so that dev can keep it. What changed is on the
specialist's card and in the report.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from whet.records import Example, Label, Specialist
from whet.rungs.asked import Asked, best_of, fit_asked, frame_for, load_asked
from whet.rungs.asked import Candidate as Asking
from whet.rungs.base import CHOOSES, WRITES, Setting
from whet.rungs.edits import edits
from whet.rungs.keywords import keywords
from whet.rungs.prompt import WORDINGS, plain_frames, score, spoken
from whet.rungs.search import CALLS, searched
from whet.rungs.vectors import (
    Candidate,
    VectorSpecialist,
    fit_vectors,
    label_names,
    load_vectors,
    with_choices,
)

if TYPE_CHECKING:
    from whet.models.base import Writer
    from whet.models.encoder import TextEncoder
    from whet.rungs.search import Search

FINALISTS = 3
"""Instructions that dev judges, beside the plain ones."""


@dataclass(frozen=True)
class BetterPrompt:
    """An optimised prompt."""

    name: ClassVar[str] = "prompt+"
    kinds: ClassVar[tuple[str, ...]] = ("classify", "extract", "write")
    trains: ClassVar[bool] = False
    forms: ClassVar[tuple[str, ...]] = (CHOOSES, WRITES)

    setting: Setting = field(default_factory=Setting)
    choices: Mapping[str, Any] = field(default_factory=dict)

    def fit(self, train: Sequence[Example], dev: Sequence[Example]) -> Specialist:
        return best_of([self._by_vectors(train, dev), *self._by_asking(train, dev)])

    def _by_vectors(self, train: Sequence[Example], dev: Sequence[Example]) -> VectorSpecialist | None:
        if not self.setting.chooses or "model" in self.choices:
            return None
        setting = with_choices(self.setting, self.choices)
        found = fit_vectors(self.name, setting, score, self._propose, train, dev)
        sentences = self._sentences(train, label_names(setting, train))
        chosen = found.info.choices
        texts = {"before": sentences["as they are"], "after": sentences[str(chosen["labels"])]}
        wordings = {"before": WORDINGS[0], "after": str(chosen["wording"])}
        told = {when: "\n".join(wordings[when].format(text=t) for t in texts[when]) for when in texts}
        return replace(found, info=replace(found.info, prompt=told))

    def _propose(
        self, encoder: TextEncoder, train: Sequence[Example], labels: tuple[str, ...]
    ) -> list[Candidate]:
        sentences = self._sentences(train, labels)
        names = [self.choices["labels"]] if "labels" in self.choices else list(sentences)
        wordings = [self.choices["wording"]] if "wording" in self.choices else WORDINGS
        return [
            Candidate(
                {"labels": name, "wording": wording},
                {"labels": encoder.encode([wording.format(text=text) for text in sentences[name]]).vectors},
            )
            for name in names
            for wording in wordings
        ]

    def _sentences(self, train: Sequence[Example], labels: Sequence[str]) -> dict[str, list[str]]:
        """What each label may be called, by the way it is done; none twice."""
        described_by = {label.name: label for label in self.setting.labels}
        known = [described_by.get(name, Label(name)) for name in labels]
        marks = keywords(train, labels)
        ways = {
            "as they are": [spoken(label) for label in known],
            "names": [spoken(Label(label.name)) for label in known],
            "descriptions": [label.description or spoken(label) for label in known],
            "names and words": [_joined(Label(one.name), marks[one.name]) for one in known],
            "all and words": [_joined(one, marks[one.name]) for one in known],
            "words": [", ".join(marks[one.name]) or spoken(one) for one in known],
        }
        found: dict[str, list[str]] = {}
        for name, texts in ways.items():
            if texts not in found.values() or name == self.choices.get("labels"):
                found[name] = texts
        return found

    def _by_asking(self, train: Sequence[Example], dev: Sequence[Example]) -> list[Asked | None]:
        """One search for each model that writes."""
        if "encoder" in self.choices:
            return []
        writers = [w for w in self.setting.writers if self.choices.get("model", w.name) == w.name]
        return [self._with(writer, train, dev) for writer in writers]

    def _with(self, writer: Writer, train: Sequence[Example], dev: Sequence[Example]) -> Asked | None:
        setting = replace(self.setting, writers=[writer])
        before = plain_frames(setting)[0].frame.told()
        if "instruction" in self.choices:
            candidates, notes = [_candidate(setting, str(self.choices["instruction"]))], []
        else:
            search = _search(writer, setting, train)
            finalists = sorted(search.found, key=lambda one: -one.gain)[:FINALISTS]
            plain = [one.frame.told() for one in plain_frames(setting)]
            texts = dict.fromkeys([*plain, *(one.frame.told() for one in finalists)])
            candidates, notes = [_candidate(setting, text) for text in texts], _notes(search)
        found = fit_asked(self.name, setting, lambda _: candidates, dev, {})
        assert found is not None
        told = {"before": before, "after": found.frame.told()}
        return replace(found, info=replace(found.info, prompt=told, notes=[*found.info.notes, *notes]))

    @classmethod
    def load(cls, folder: Path, card: Mapping[str, Any]) -> Specialist:
        return load_asked(folder, card) if "frame" in card else load_vectors(folder, card, score)


def _search(writer: Writer, setting: Setting, train: Sequence[Example]) -> Search:
    plain = plain_frames(setting)
    frames = {str(one.choices["wording"]): one.frame for one in plain} | edits(plain[0].frame, train)
    return searched(writer, setting, frames, train, int(setting.prompt.get("calls", CALLS)))


def _candidate(setting: Setting, text: str) -> Asking:
    """All that is told, labels and schema included, as one instruction."""
    return Asking({"instruction": text}, replace(frame_for(setting), instruction=text))


def _joined(label: Label, marks: Sequence[str]) -> str:
    return spoken(Label(label.name, "; ".join(filter(None, [label.description, ", ".join(marks)]))))


def _notes(search: Search) -> list[str]:
    """How the search went, on train."""
    if not search.found:
        return ["`prompt.calls` does not suffice to try one instruction"]
    written = sum(one.name == "written" for one in search.found)
    how = (
        f"{len(search.found)} instructions ({written} by the model itself) were tried on {len(search.rows)} "
    )
    best = f"training rows in {search.made} calls; the best got {search.best.gain:.2f}, "
    return [f"{how}{best}the plain one {search.found[0].gain:.2f}"]
