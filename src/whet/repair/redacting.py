"""Personal data out of every text of a repair: rows, log, review and rejects, with one set of stand-ins.

All texts are learned first, in the order of the rows, so that a stand-in that depends on what came before
is the same in every file. A structured value (at least six characters, with a digit or ``@``) that was found
once is a find wherever it stands: patterns that need context, such as a bank account number, see it in one
text and miss it in the next. What finds spans, and what a stand-in looks like, come in as functions. Names of
files stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from whet.check.places import leaves, names_in, text_of
from whet.check.subject import Span

FindSpans = Callable[[Sequence[str]], list[list[Span]]]
"""Texts to the personal data and secrets in each."""
StandIn = Callable[[str, str], str]
"""Type and value to what stands for it; the same value always gets the same."""
AT_ONCE = 10_000  # texts
MIN_LENGTH = 6  # characters: a shorter value may be anything
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Redacting:
    """How to redact: what finds personal data, and a fresh set of stand-ins."""

    find_spans: FindSpans
    stand_ins: Callable[[], StandIn]
    keep: frozenset[str] = frozenset()
    """Columns that are not searched: the task's dates."""


class Redactor:
    """Replaces personal data by stand-ins, the same value by the same stand-in, in any text."""

    def __init__(self, how: Redacting):
        self.keep = how.keep
        self._find_spans = how.find_spans
        self._stand_in = how.stand_ins()
        self._found: dict[str, tuple[Span, ...]] = {}
        """Text to what was found in it."""
        self._known: dict[str, str] = {}
        """Structured value, from its first word to its last, to its type. Never to be written down."""
        self._first_words: set[str] = set()
        self._word_counts: tuple[int, ...] = ()
        """Of known values, the largest first."""

    def learn(self, values: Iterable[Any]) -> None:
        """Find personal data in all texts, long numbers and keys of nested values.

        Stand-ins are made in the order of the values, so learn the rows first.
        """
        new = dict.fromkeys(text for value in values for text in self._texts(value))
        texts = [text for text in new if text and text not in self._found]
        for start in range(0, len(texts), AT_ONCE):
            part = texts[start : start + AT_ONCE]
            for text, spans in zip(part, self._find_spans(part), strict=True):
                self._found[text] = tuple(span for span in _apart(spans) if self._is_value(text, span))
                for first, last, kind in self._found[text]:
                    self._remember(kind, text[first:last])

    def text(self, text: str) -> str:
        """The text with stand-ins."""
        return _replaced(text, self.spans(text), self._stand_in)

    def masked(self, text: str) -> str:
        """The text with types for values; unlike stand-ins, they do not depend on other texts."""
        self.learn([text])
        return _replaced(text, self._found.get(text, ()), lambda kind, value: f"<{kind}>")

    def finds(self, text: str) -> list[tuple[str, str]]:
        """(type, stand-in) of everything in the text."""
        return [(kind, self._stand_in(kind, text[first:last])) for first, last, kind in self.spans(text)]

    def spans(self, text: str) -> tuple[Span, ...]:
        """What was found in the text, and known values that stand in it."""
        if text not in self._found:
            self.learn([text])
        own = self._found.get(text, ())
        more = list(self._known_in(text))
        return _apart([*own, *more]) if more else own

    def value(self, value: Any) -> Any:
        """A nested value with stand-ins in its texts and keys; a number that is one becomes text."""
        if isinstance(value, Mapping):
            return {self.text(str(name)): self.value(part) for name, part in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.value(part) for part in value]
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            return value
        text = text_of(value)
        new = self.text(text)
        return value if new == text else new

    def left_in(self, value: Any) -> int:
        """How many texts of a nested value still hold a structured value: none, or something went wrong."""
        return sum(1 for text in self._texts(value) if any(True for _ in self._known_in(text)))

    def _texts(self, value: Any) -> Iterator[str]:
        yield from (text_of(leaf) for path, leaf in leaves(value) if not path or path[0] not in self.keep)
        yield from names_in(value)

    def _is_value(self, text: str, span: Span) -> bool:
        """Whether a find is not itself a stand-in, of a repair before this one."""
        value = text[span[0] : span[1]]
        return self._stand_in(span[2], value) != value

    def _remember(self, kind: str, value: str) -> None:
        words = list(_WORD.finditer(value))
        core = value[words[0].start() : words[-1].end()] if words else ""
        if len(core) >= MIN_LENGTH and any(c.isdigit() or c == "@" for c in core):
            self._known.setdefault(core, kind)
            self._first_words.add(words[0].group())
            self._word_counts = tuple(sorted({*self._word_counts, len(words)}, reverse=True))

    def _known_in(self, text: str) -> Iterator[Span]:
        """Known values that stand in the text as whole words."""
        words = list(_WORD.finditer(text)) if self._known else []
        for place, word in enumerate(words):
            if word.group() not in self._first_words:
                continue
            for count in self._word_counts:
                last = words[min(place + count, len(words)) - 1].end()
                if kind := self._known.get(text[word.start() : last]):
                    yield word.start(), last, kind
                    break


def _replaced(text: str, spans: Iterable[Span], stand_in: StandIn) -> str:
    parts, end = [], 0
    for first, last, kind in spans:
        parts += [text[end:first], stand_in(kind, text[first:last])]
        end = last
    return "".join([*parts, text[end:]])


def _apart(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Spans in order; those that overlap are joined, under the type of the one that starts first."""
    kept: list[Span] = []
    for first, last, kind in sorted(spans, key=lambda s: (s[0], -s[1], s[2])):
        if kept and first < kept[-1][1]:
            kept[-1] = (kept[-1][0], max(last, kept[-1][1]), kept[-1][2])
        elif first < last:
            kept.append((first, last, kind))
    return tuple(kept)
