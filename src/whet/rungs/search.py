"""Looks for a better instruction: edits first, then revisions that the model writes itself from its failures.

    frames -> scored on a few training rows -> the best one's failures -> revisions -> scored ... -> finalists

A bounded form of GEPA (Agrawal and others, arXiv 2507.19457): one line of descent instead of a Pareto front,
and no merging. Calls are counted, those for scoring and for revising alike, and never more than allowed.
Training rows only; dev judges the finalists elsewhere. With a seed it does the same again.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from whet.models.base import Request
from whet.records import Example, FitInfo, Output, Turn
from whet.rungs.asked import Asked

if TYPE_CHECKING:
    from whet.models.base import Writer
    from whet.rungs.base import Setting
    from whet.rungs.frame import Frame

CALLS = 300
LOOKS = 12
"""Instructions that the calls should suffice for; rows to score on follow from it."""
REVISIONS = 3
"""Written in one round."""
PATIENCE = 2
"""Rounds without a better one after which the search ends."""
FAILURES = 5
"""Shown to the model in one round."""
LONGEST = 2_000
"""Characters of an instruction."""
SHOWN = 600
"""Characters of an input or answer in what the model is shown of its failures."""
HOT = 0.8
"""Temperature of revisions."""
ROLE = "You improve the instruction that a language model is given for a task."
ASK = (
    "Write a better instruction for the whole task, not for these inputs alone, in at most 150 words. Reply "
    "with the instruction alone, between <instruction> and </instruction>."
)


@dataclass(frozen=True)
class Scored:
    """A frame, and what it got on the training rows."""

    name: str
    frame: Frame
    gain: float
    failures: tuple[tuple[Example, Output], ...]
    """Rows that were not fully right, and the answers to them."""


@dataclass
class Search:
    """One search with one model."""

    writer: Writer
    setting: Setting
    rows: Sequence[Example]
    calls: int
    """That may still be made."""
    made: int = 0
    found: list[Scored] = field(default_factory=list)

    def score(self, name: str, frame: Frame) -> Scored | None:
        """None: it was scored before, or the calls do not suffice."""
        known = {_folded(one.frame.told()) for one in self.found}
        if _folded(frame.told()) in known or not self._pay(len(self.rows)):
            return None
        asked = Asked("prompt+", self.writer, frame, FitInfo())
        outputs = [answer.output for answer in asked.predict([row.input for row in self.rows])]
        truths, inputs = [row.output for row in self.rows], [row.input for row in self.rows]
        gains = self.setting.metric.per_example(truths, outputs, inputs)
        full = 1.0 if self.setting.metric.higher_is_better else 0.0  # a right answer costs nothing
        failures = tuple((self.rows[n], outputs[n]) for n, gain in enumerate(gains) if gain < full)
        self.found.append(Scored(name, frame, self.setting.metric.on(self.rows, outputs), failures))
        self.setting.tell("prompt+: instructions tried on train", self.made, self.made + self.calls)
        return self.found[-1]

    @property
    def best(self) -> Scored:
        """Of equals the earlier."""
        return max(self.found, key=lambda one: one.gain)

    def revise(self) -> bool:
        """One round: revisions of the best so far; whether one of them is better."""
        before = self.best
        for text in self._written(before):
            self.score(
                "written", replace(before.frame, instruction=text, list_labels=False, show_schema=False)
            )
        return self.best.gain > before.gain

    def _written(self, best: Scored) -> list[str]:
        """What the model proposes, without repetitions."""
        count = min(REVISIONS, self.calls)
        request = self._request(best)
        if not count or request is None or not self._pay(count):
            return []
        seeds = [self.setting.seed * 1_000 + self.made + n for n in range(count)]
        answers = self.writer.answer([replace(request, seed=seed) for seed in seeds])
        texts = [instruction_in(answer.text) for answer in answers if not answer.failed]
        return [text for text in dict.fromkeys(texts) if text]

    def _request(self, best: Scored) -> Request | None:
        """What the model is asked, with as many failures as it can read; None: it cannot read one."""
        too_long: Any = getattr(self.writer, "too_long", None)
        order = list(best.failures)
        random.Random(self.setting.seed + self.made).shuffle(order)
        for count in range(min(FAILURES, len(order)), 0, -1):
            turns = (Turn("system", ROLE), Turn("user", _told(best.frame, order[:count])))
            request = Request(turns, tokens=320, temperature=HOT)
            if too_long is None or not too_long([request])[0]:
                return request
        return None

    def _pay(self, calls: int) -> bool:
        if calls > self.calls:
            return False
        self.calls, self.made = self.calls - calls, self.made + calls
        return True


def searched(
    writer: Writer, setting: Setting, frames: dict[str, Frame], train: Sequence[Example], calls: int
) -> Search:
    """Score the frames, the first of which is the plain one, and revise the best while calls are left."""
    search = Search(writer, setting, rows_for(train, calls, setting.seed), calls)
    for name, frame in frames.items():
        search.score(name, frame)
    waited = 0
    while search.found and search.best.failures and search.calls > len(search.rows) and waited < PATIENCE:
        waited = 0 if search.revise() else waited + 1
    return search


def rows_for(train: Sequence[Example], calls: int, seed: int) -> list[Example]:
    """Training rows to score on, a seeded draw: as many as leave calls for a dozen instructions."""
    count = min(len(train), max(1, calls // LOOKS))
    return random.Random(seed).sample(list(train), count)


def instruction_in(text: str) -> str:
    """The instruction in what a model wrote; empty: there is none that could be used."""
    found = re.search(r"<instruction>(.*?)(?:</instruction>|$)", text, flags=re.DOTALL)
    said = (found[1] if found else text).strip()
    return said if len(said) <= LONGEST else ""


def _told(frame: Frame, failures: Sequence[tuple[Example, Output]]) -> str:
    now = f"The instruction now:\n<instruction>\n{frame.told()}\n</instruction>"
    return "\n\n".join([now, *_shown(frame, failures), ASK])


def _shown(frame: Frame, failures: Sequence[tuple[Example, Output]]) -> Iterator[str]:
    yield "With it the model went wrong here:"
    for example, output in failures:
        answer, right = frame.shown(output) or "(nothing)", frame.shown(example.output)
        yield f"Input: {example.input[:SHOWN]}\nIts answer: {answer[:SHOWN]}\nRight: {right[:SHOWN]}"


def _folded(text: str) -> str:
    return " ".join(text.split())
