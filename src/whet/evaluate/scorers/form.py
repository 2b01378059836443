"""Form: valid by a JSON Schema, or by rules of format: regex, length, sections, phrases.

The score of format rules is the share that holds. Knows nothing of what is right.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from whet.evaluate.scorers.base import ByPair, Scored, listed, shown, text_of
from whet.records import Example, Output


def schema(rule: Mapping[str, Any]) -> ByPair:
    """1 where the output is JSON that is valid by the schema ``rule``."""
    from jsonschema.validators import validator_for

    checker = validator_for(rule)(rule)

    def judge(example: Example, output: Output) -> Scored:
        try:
            value = json.loads(text_of(output))
        except (ValueError, RecursionError) as error:
            return Scored(0.0, f"The output is not JSON: {error}.")
        problem = next(iter(sorted(checker.iter_errors(value), key=lambda e: e.json_path)), None)
        if problem is None:
            return Scored(1.0, "The output is valid by the schema.")
        return Scored(
            0.0, f"The output breaks the schema at {problem.json_path}: {shown(problem.message, 160)}."
        )

    return ByPair("schema", judge)


@dataclass(frozen=True)
class Format:
    """Rules of form; what is left out does not count."""

    regex: str | None = None
    """The whole output matches."""
    min_words: int | None = None
    max_words: int | None = None
    max_characters: int | None = None
    sections: Sequence[str] = ()
    """Headings: each on a line of its own, alone or before a colon, in this order."""
    must: Sequence[str] = ()
    """Phrases that it holds, whatever their case."""
    must_not: Sequence[str] = ()

    def broken(self, text: str) -> Iterator[str]:
        """For every rule that is set: what is broken, or nothing."""
        folded, words = text.casefold(), len(text.split())
        if self.regex is not None:
            whole = re.fullmatch(self.regex, text, re.DOTALL)
            yield "" if whole else f"it does not match {shown(self.regex)}"
        if self.min_words is not None:
            yield "" if words >= self.min_words else f"{words} words, at least {self.min_words} are needed"
        if self.max_words is not None:
            yield "" if words <= self.max_words else f"{words} words, at most {self.max_words} are allowed"
        if (most := self.max_characters) is not None:
            yield "" if len(text) <= most else f"{len(text)} characters, at most {most} are allowed"
        if self.sections:
            yield _sections(text, self.sections)
        for phrase in self.must:
            yield "" if phrase.casefold() in folded else f"{shown(phrase)} is missing"
        for phrase in self.must_not:
            yield f"{shown(phrase)} must not occur" if phrase.casefold() in folded else ""


def format_rules(rules: Format) -> ByPair:
    """The share of rules that hold."""

    def judge(example: Example, output: Output) -> Scored:
        return share_of(list(rules.broken(text_of(output))))

    return ByPair("format", judge)


def share_of(problems: Sequence[str]) -> Scored:
    """A score out of one entry a rule, empty where it holds."""
    broken = [problem for problem in problems if problem]
    if not broken:
        return Scored(1.0, "All rules hold.")
    return Scored(1 - len(broken) / len(problems), f"Broken: {listed(broken)}.")


def _sections(text: str, wanted: Sequence[str]) -> str:
    place = 0
    for name in wanted:
        heading = re.compile(rf"^[#*\s]*{re.escape(name)}[*\s]*(?::|$)", re.MULTILINE | re.IGNORECASE)
        found = heading.search(text, place)
        if found is None:
            return f"the section {shown(name)} is missing or out of order"
        place = found.end()
    return ""
