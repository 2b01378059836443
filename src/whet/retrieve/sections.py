"""A document as sections: what stands under one heading, with all headings above it, and its first line.

Markdown has ATX headings (``## Refunds``) and setext ones (a line of ``===`` below); inside fenced code there
are none. HTML has h1 to h6; scripts and styles are left out. Text is one section. Knows no passages.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from whet.retrieve.documents import Document

_ATX = re.compile(r" {0,3}(#{1,6})[ \t]+(.*?)[ \t]*#*[ \t]*$")
_SETEXT = re.compile(r" {0,3}(=+|-{3,})[ \t]*$")
_FENCE = re.compile(r" {0,3}(```|~~~)")
BETWEEN = " > "
SILENT = {"script", "style", "noscript", "template", "svg", "head"}
BLOCKS = {
    "p",
    "div",
    "li",
    "tr",
    "br",
    "section",
    "article",
    "ul",
    "ol",
    "table",
    "pre",
    "blockquote",
    "dd",
    "dt",
}


@dataclass(frozen=True, slots=True)
class Part:
    """What stands under one heading."""

    heading: str
    """``Returns > Refunds``; may be empty."""
    line: int
    text: str


def parts(document: Document) -> list[Part]:
    """The document's sections that hold text, in order."""
    split = {"markdown": _markdown, "html": _html}.get(document.kind, _plain)
    return [part for part in split(document) if part.text.strip()]


def _plain(document: Document) -> Iterator[Part]:
    yield Part(document.title, document.line, document.text)


@dataclass
class _Outline:
    """The headings above the place where one reads, and the text since the last of them."""

    above: list[tuple[int, str]] = field(default_factory=list)
    text: list[str] = field(default_factory=list)
    line: int = 1

    def part(self) -> Part:
        return Part(BETWEEN.join(name for _, name in self.above if name), self.line, "".join(self.text))

    def under(self, level: int, name: str, line: int) -> None:
        """Go on under a heading; those of its level and below it are over."""
        self.above = [*(one for one in self.above if one[0] < level), (level, name)]
        self.text, self.line = [], line


def _markdown(document: Document) -> Iterator[Part]:
    lines = document.text.split("\n")
    at, fenced = _Outline([(0, document.title)]), False
    for number, line in enumerate(lines, start=document.line):
        fenced ^= bool(_FENCE.match(line))
        found = None if fenced else _ATX.match(line)
        if found:
            yield at.part()
            at.under(len(found[1]), found[2], number + 1)
        elif not fenced and _SETEXT.match(line) and at.text and at.text[-1].strip():
            name = at.text.pop().strip()
            yield at.part()
            at.under(1 if line.strip().startswith("=") else 2, name, number + 1)
        else:
            at.text.append(f"{line}\n")
    yield at.part()


def _html(document: Document) -> Iterator[Part]:
    reader = _Reader(document.title)
    reader.feed(document.text)
    reader.close()
    yield from (*reader.found, reader.at.part())


class _Reader(HTMLParser):
    """Text and headings of a page; the standard library's parser calls the methods below."""

    def __init__(self, title: str) -> None:
        super().__init__(convert_charrefs=True)
        self.at = _Outline([(0, title)])
        self.found: list[Part] = []
        self._silent = 0
        self._heading: list[str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent += tag in SILENT
        if re.fullmatch("h[1-6]", tag):
            self._heading = []
        elif tag in BLOCKS:
            self.at.text.append("\n")

    def handle_endtag(self, tag: str) -> None:
        self._silent = max(0, self._silent - (tag in SILENT))
        if re.fullmatch("h[1-6]", tag) and self._heading is not None:
            name = " ".join("".join(self._heading).split())
            self.found.append(self.at.part())
            self.at.under(int(tag[1]), name, self.getpos()[0])
            self._heading = None
        elif tag in BLOCKS:
            self.at.text.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            (self.at.text if self._heading is None else self._heading).append(data)
