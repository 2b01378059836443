"""Conditional rules and glossaries: if the input says this, the output must say that.

The score is the share of the rules that apply and hold; where none applies it is 1. Knows words and
numbers, no meaning.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from whet.data.readings import numbers
from whet.evaluate.scorers.base import ByPair, Scored, shown, text_of
from whet.evaluate.scorers.form import Format, share_of
from whet.records import Example, Output


@dataclass(frozen=True)
class If:
    """When a rule applies; all that is set must hold of the input."""

    has: Sequence[str] = ()
    """Phrases, whatever their case."""
    matches: str | None = None
    """A regex that is found in it."""
    number_over: float | None = None
    """It names a number above this one."""

    def applies(self, text: str) -> bool:
        folded = text.casefold()
        return (
            all(phrase.casefold() in folded for phrase in self.has)
            and (self.matches is None or re.search(self.matches, text) is not None)
            and (self.number_over is None or any(n > self.number_over for n in numbers(text)))
        )


@dataclass(frozen=True)
class Rule:
    """If the input is so, the output must be so."""

    when: If
    then: Format
    matches: str | None = None
    """A regex that is found in the output."""
    name: str = ""

    def broken(self, text: str) -> str:
        problems = [problem for problem in self.then.broken(text) if problem]
        if self.matches is not None and re.search(self.matches, text) is None:
            problems.append(f"nothing in it matches {shown(self.matches)}")
        return f"{self.name or 'rule'} ({problems[0]})" if problems else ""


def conditional(rules: Sequence[Rule]) -> ByPair:
    """The share of the rules that apply and hold."""

    def judge(example: Example, output: Output) -> Scored:
        applying = [rule for rule in rules if rule.when.applies(example.input)]
        if not applying:
            return Scored(1.0, "No rule applies to this input.")
        return share_of([rule.broken(text_of(output)) for rule in applying])

    return ByPair("rules", judge)


@dataclass(frozen=True)
class Glossary:
    """Terms: where the input has the word on the left, the output has the term on the right."""

    terms: Mapping[str, str]
    never: Sequence[str] = ()
    """Words that no output may have."""
    _patterns: dict[str, re.Pattern[str]] = field(default_factory=dict, compare=False)

    def has(self, word: str, text: str) -> bool:
        """Whether ``word`` stands in ``text`` as a word of its own."""
        if word not in self._patterns:
            self._patterns[word] = re.compile(rf"(?<!\w){re.escape(word)}(?!\w)", re.IGNORECASE)
        return self._patterns[word].search(text) is not None


def glossary(given: Glossary) -> ByPair:
    """The share of the terms that apply and are used, and of forbidden words that are not."""

    def judge(example: Example, output: Output) -> Scored:
        text = text_of(output)
        problems = [
            "" if given.has(term, text) else f"{shown(word)} must be called {shown(term)}"
            for word, term in given.terms.items()
            if given.has(word, example.input)
        ]
        problems += [
            f"{shown(word)} must not be used" if given.has(word, text) else "" for word in given.never
        ]
        return share_of(problems) if problems else Scored(1.0, "No term applies to this input.")

    return ByPair("glossary", judge)
