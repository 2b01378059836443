"""Consistency: the same input, repeated or paraphrased: how often is the answer the same?

Examples that ask the same share their ``group``, or else their input. The score of an answer is the share of
the other answers in its group that are the same after ``plain``; an input that was asked once scores 1,
because nothing contradicts it, and its feedback says so. Knows nothing of what is right.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from whet.evaluate.scorers.base import Scored, plain, shown, text_of
from whet.records import Example, Output


@dataclass(frozen=True)
class Consistency:
    """How often others who asked the same got the same answer."""

    name: str = "consistency"

    def score(self, examples: Sequence[Example], outputs: Sequence[Output]) -> list[Scored]:
        groups: dict[str, list[str]] = defaultdict(list)
        answers = [plain(text_of(output)) for output in outputs]
        names = [example.group or plain(example.input) for example in examples]
        for name, answer in zip(names, answers, strict=True):
            groups[name].append(answer)
        return [_scored(answer, groups[name]) for name, answer in zip(names, answers, strict=True)]


def _scored(answer: str, all_of_it: list[str]) -> Scored:
    others = len(all_of_it) - 1
    if not others:
        return Scored(1.0, "The input was asked once: there is nothing to compare.")
    same = all_of_it.count(answer) - 1
    if same == others:
        return Scored(1.0, f"All {others + 1} answers are the same.")
    rival = next(other for other in all_of_it if other != answer)
    return Scored(same / others, f"{same} of {others} other answers are the same; one is {shown(rival)}.")


def asked_again(
    examples: Sequence[Example], times: int, paraphrase: Callable[[str, int], str] | None = None
) -> list[Example]:
    """Every example ``times`` times, in one group each.

    ``paraphrase(text, i)``, where there is one, words all but the first anew.
    """
    return [
        replace(
            example,
            id=f"{example.id}#{i}",
            group=example.id,
            input=paraphrase(example.input, i) if paraphrase and i else example.input,
        )
        for example in examples
        for i in range(times)
    ]
