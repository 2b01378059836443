"""One way to write a text: white space, invisible characters, Unicode form; and one spelling for an output.

``tidy`` changes what no reader sees or means: line ends, blanks at the ends, invisible characters, spaces
of odd widths, mojibake where ``whet.check.mending`` is certain, and Unicode Normalization Form C (UAX #15).
It keeps what has a meaning: line breaks, the indentation of texts of many lines, and joiners inside emoji
and the scripts that need them. Tidying twice is tidying once. Knows no rows.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from whet.check.mending import decoded, visible
from whet.halves import whole

_LINE_ENDS = re.compile("\r\n|[\r\u2028\u2029]")
_SPACES = re.compile("[\u00a0\u2000-\u200a\u202f\u205f]")
_GAP = re.compile("[ \t]*\t[ \t]*| {3,}")  # two blanks end a sentence in many hands
_ROUNDS = 5  # what one step takes away may bring two others together
_APART = re.compile(r"(?<=[^\W_])[\s_\-]+(?=[^\W_])")
_QUOTES = "\"'`“”‘’«» "


def tidy(text: str) -> str:
    """The same text, written one way."""
    if text.isascii() and text.isprintable() and "   " not in text:
        return text.strip()
    for _ in range(_ROUNDS):
        again = _once(text)
        if again == text:
            break
        text = again
    return text


def _once(text: str) -> str:
    text = _LINE_ENDS.sub("\n", decoded(text))
    text = whole(_SPACES.sub(" ", visible(text)))
    text = unicodedata.normalize("NFC", text).strip()
    return text if "\n" in text or "|" in text else _GAP.sub(" ", text)


def spelling_key(output: str, kind: str) -> str:
    """Outputs with equal keys are one output written in different ways.

    A label: case, quotes around it, a stop behind it, and a blank against ``_`` and ``-`` do not count. JSON:
    the order of keys and white space do not count. A reply counts as it stands.
    """
    if kind == "classify":
        folded = unicodedata.normalize("NFKC", output).casefold()
        return _APART.sub(" ", folded.strip(_QUOTES).rstrip(".,;:! ").rstrip(_QUOTES)) or output
    if kind == "extract":
        return _canonical(output)
    return output


def _canonical(output: str) -> str:
    try:
        return json.dumps(json.loads(output), sort_keys=True, ensure_ascii=False)
    except (ValueError, RecursionError):
        return output


def one_spelling(outputs: Iterable[str], kind: str, allowed: Iterable[str] = ()) -> Mapping[str, str]:
    """Spelling to the one that wins, for those that lose.

    The most frequent of each key wins, the first of equals; a label that the task allows always wins, and
    two that it allows are two labels.
    """
    known = frozenset(allowed)
    counts = Counter(outputs)  # in the order in which they first occur
    written: dict[str, list[str]] = defaultdict(list)
    for spelling in counts:
        written[spelling_key(spelling, kind)].append(spelling)
    winners: dict[str, str] = {}
    for spellings in written.values():
        best = max(spellings, key=lambda s: (s in known, counts[s]))
        losers = [s for s in spellings if s != best and s not in known]
        winners |= dict.fromkeys(losers, best)
    return winners
