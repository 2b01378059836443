"""Faults in how a text was written down, and the text without them.

Mojibake: UTF-8 bytes read as Windows-1252 ("Ã©" for "é"). Characters nobody sees. HTML entities. JSON that
does not parse. What is taken back here is certain: each function gives None, or the text as it was, where a
genuine text could look the same ("Ä“" ends a German quotation as well as it stands for "ē"). Knows no rows.
"""

from __future__ import annotations

import html
import json
import re
from dataclasses import dataclass
from typing import Any

# How Windows-1252 shows the bytes 80 to BF that follow a leading byte; the five bytes that it leaves
# undefined, and all of them in Latin-1, show as C1 control characters.
_BYTE_OF = {chr(byte): byte for byte in range(0x80, 0x100)}
_BYTE_OF |= {
    char: byte for byte in range(0x80, 0xA0) for char in [bytes([byte]).decode("cp1252", "ignore")] if char
}
_TAIL = "[" + re.escape("".join(char for char, byte in _BYTE_OF.items() if byte < 0xC0)) + "]"
_SEQUENCE = re.compile(f"[\u00c2-\u00df]{_TAIL}|[\u00e0-\u00ef]{_TAIL}{{2}}|[\u00f0-\u00f4]{_TAIL}{{3}}")
# Sequences that no genuine text has: by their lead, or by a C1 control in them.
_SURE = re.compile("[ÂÃ]|â..|ðŸ|ï»|.[\x80-\x9f]|..[\x80-\x9f]")
# Tails that genuine text has after a capital: quotes, ellipsis, dashes, raised signs.
_DOUBTFUL_TAIL = re.compile("[“”„‘’‚…–—«»‹›²³°®™\u00a0]")
_PLAUSIBLE = re.compile(
    "[\u0080-\u017f\u0192\u02c6\u02dc\u0370-\u045f\u05d0-\u05ea\u0620-\u06d3\u0900-\u097f\u0e00-\u0e7f"
    "\u2010-\u2027\u2030-\u203a\u20a0-\u20bf\u2100-\u213a\u2190-\u22ff\u2500-\u27bf\u3000-\u30ff"
    "\u4e00-\u9fff\uac00-\ud7af\ufe0f\ufeff\U0001f000-\U0001faff]"
)
_ROUNDS = 3  # decoded wrongly twice, and once more
# Windows-1252 read as Latin-1: a control character where a quote or a dash belongs.
_CONTROL = re.compile("(?<![\x80-\uffff])[\x80-\x9f](?![\x80-\xff])")

_INVISIBLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u2028\u2029\u2060\ufeff]"
    # Joiners and breaks have a meaning in scripts from Hebrew on and inside emoji.
    "|(?<![\u0590-\U0010ffff])[\u200b-\u200d]"
    # Tag characters spell the flags of regions after a black flag; anywhere else they hide text.
    "|(?<![\U0001f3f4\U000e0020-\U000e007f])[\U000e0000-\U000e007f]"
)
_DIRECTION = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff]")
_ENTITY = re.compile(r"&(?:#\d{2,7}|#[xX][0-9a-fA-F]{2,6}|[a-zA-Z][a-zA-Z0-9]{1,30});")
_FENCE = re.compile(r"\s*```[a-zA-Z]*\s*\n(.*?)\n?\s*```\s*", re.DOTALL)


def decoded(text: str) -> str:
    """The text with mojibake taken back; as it was where that is not certain."""
    for _ in range(_ROUNDS):
        again = text if text.isascii() else _decoded_once(text)
        if again == text:
            break
        text = again
    return text if text.isascii() else _CONTROL.sub(_sign, text)


def _sign(control: re.Match[str]) -> str:
    """What Windows-1252 has in a control character's place, if anything."""
    return bytes([ord(control[0])]).decode("cp1252", "ignore") or control[0]


def _decoded_once(text: str) -> str:
    found = [(match, _character(match[0])) for match in _SEQUENCE.finditer(text)]
    found = [(match, char) for match, char in found if char]
    if not _certain([match for match, _ in found]):
        return text
    parts, start = [], 0
    for match, char in found:
        parts += [text[start : match.start()], char]
        start = match.end()
    return "".join(parts) + text[start:]


def _character(sequence: str) -> str:
    """What the bytes of a sequence mean in UTF-8, or "" where that is nothing anyone writes."""
    try:
        char = bytes(_BYTE_OF[char] for char in sequence).decode("utf-8")
    except UnicodeDecodeError:
        return ""
    return char if _PLAUSIBLE.match(char) else ""


def _certain(found: list[re.Match[str]]) -> bool:
    """Whether any sequence cannot be genuine: by its lead, its tail, or a second one right behind it."""
    for number, match in enumerate(found):
        if _SURE.match(match[0]):
            return True
        if len(match[0]) == 2 and not _DOUBTFUL_TAIL.search(match[0]):
            return True
        if number and found[number - 1].end() == match.start():
            return True
    return False


def invisible(text: str) -> list[str]:
    """The characters of a text that nobody sees and nobody means, in order."""
    if text.isascii() and text.isprintable():
        return []
    found = _INVISIBLE.findall(text)
    if not text.isascii() and not _RIGHT_TO_LEFT.search(text):
        found += _DIRECTION.findall(text)
    return found


def visible(text: str) -> str:
    """The text without them; a line separator becomes a line end."""
    text = re.sub("[\x0b\x0c\u2028\u2029]", "\n", text)
    text = _INVISIBLE.sub("", text)
    return text if _RIGHT_TO_LEFT.search(text) else _DIRECTION.sub("", text)


def entities(text: str) -> list[str]:
    """HTML entities such as ``&amp;``, in order."""
    if "&" not in text:
        return []
    return [entity for entity in _ENTITY.findall(text) if html.unescape(entity) != entity]


def unescaped(text: str) -> str:
    """The text with the characters that its entities stand for."""
    return html.unescape(text)


@dataclass(frozen=True, slots=True)
class JsonFault:
    """Why a text is not JSON."""

    what: str
    """The parser's words and the place, without the text itself."""
    cut: bool
    """Whether it ends before it is closed."""
    mended: str | None
    """The JSON in it, where the rest is a code fence around."""


def json_fault(text: str) -> JsonFault | None:
    """What keeps a text from being JSON (RFC 8259, so without NaN), or None."""
    try:
        json.loads(text, parse_constant=_refuse)
    except json.JSONDecodeError as error:
        cut = error.pos >= len(text.rstrip()) > 0 or error.msg.startswith("Unterminated string")
        place = f"line {error.lineno}, column {error.colno}"
        return JsonFault(f"{error.msg} ({place})", cut and text.lstrip()[:1] in ("{", "["), _inside(text))
    except (ValueError, RecursionError) as error:
        return JsonFault(str(error), False, None)
    return None


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is no JSON value")


def _inside(text: str) -> str | None:
    """The JSON inside a Markdown code fence."""
    fenced = _FENCE.fullmatch(text)
    return fenced[1].strip() if fenced and json_fault(fenced[1]) is None else None
