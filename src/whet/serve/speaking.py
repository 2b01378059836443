"""Tokens become text while they come, and never a piece that must be taken back.

A character can be several tokens, and a stop text several pieces: what may still change is held back. The
text in the end is that of all tokens, cut at the first stop. Knows no model.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

Decode = Callable[[Sequence[int]], str]
BROKEN = "\ufffd"  # half a character


class Speaking:
    """The text of one answer."""

    def __init__(self, decode: Decode, stops: Sequence[str] = (), before: Sequence[int] = ()):
        """``before``: tokens that stand before the answer, on which its first token's text may hang."""
        self._decode, self._stops = decode, stops
        self._ids = list(before)
        self._from, self._read = 0, len(before)
        self._sent = 0
        self._stopped = False
        self.text = ""

    def add(self, ids: Sequence[int], *, last: bool = False) -> str:
        """Take more tokens; the text that is certain now and was not before."""
        if self._stopped:
            return ""
        self._ids += ids
        self.text += self._new(last)
        places = [at for stop in self._stops if (at := self.text.find(stop)) >= 0]
        if places:
            self.text, self._stopped = self.text[: min(places)], True
        until = len(self.text) if last or places else len(self.text) - self._open()
        found = self.text[self._sent : until]
        self._sent = max(self._sent, until)
        return found

    def _new(self, last: bool) -> str:
        """The text of tokens that were not read: decoded with those before, as words may hang on them."""
        before = self._decode(self._ids[self._from : self._read])
        now = self._decode(self._ids[self._from :])
        if (now.endswith(BROKEN) and not last) or len(now) <= len(before):
            return ""
        self._from, self._read = self._read, len(self._ids)
        return now[len(before) :]

    def _open(self) -> int:
        """Characters at the end that may become a stop text."""
        sizes = (
            size
            for stop in self._stops
            for size in range(min(len(stop) - 1, len(self.text)), 0, -1)
            if self.text.endswith(stop[:size])
        )
        return max(sizes, default=0)
