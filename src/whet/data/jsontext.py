"""JSON to rows: one object a line (JSONL), an array of objects, or objects one after the other.

JSONL is read by the line. The other two are read whole as text and parsed record by record: memory holds
the text and one record. A record that is not valid is reported; the next is looked for at the next line
that is indented alike, or, where records do not begin lines, behind the brackets of the broken one.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from whet.data.lines import text_lines, whole_text
from whet.data.rows import SHOWN_CHARACTERS, Faults, Row, kind_of

if TYPE_CHECKING:
    import io
    from collections.abc import Iterator

_SPACE = re.compile(r"[ \t\r\n]*")
_TOKEN = re.compile(r'"(?:\\.|[^"\\]++)*+"|[\[\]{},]', re.DOTALL)
_DECODER = json.JSONDecoder()


def read_jsonl(stream: io.BufferedReader, faults: Faults) -> Iterator[Row]:
    """Rows of JSON lines.

    Raises:
        InputError: another encoding.
    """
    for number, line in text_lines(stream, faults):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            faults.add(number, f"not valid JSON: {error}", "mend this line.", value=line.strip())
            continue
        if isinstance(value, dict):
            yield Row(number, value)
        else:
            rule = f"{kind_of(value)}; each line must be an object."
            faults.add(number, rule, "write it as an object.", value=line.strip())


def read_json(stream: io.BufferedReader, faults: Faults) -> Iterator[Row]:
    """Rows of a JSON array, or of objects one after the other over several lines. A row's line is the
    number of its record.

    Raises:
        InputError: another encoding.
    """
    text = whole_text(stream, faults.path)
    for number, value in _records(text, faults):
        if isinstance(value, dict):
            yield Row(number, value)
        else:
            rule = f"record {number} is {kind_of(value)}; each record must be an object."
            faults.add(number, rule, "write it as an object.", value=value)


def _records(text: str, faults: Faults) -> Iterator[tuple[int, Any]]:
    """Number and value of every record that is valid JSON."""
    place, number = _after_space(text, 0), 0
    array = text.startswith("[", place)
    place = _after_space(text, place + array)
    while place < len(text) and not (array and text.startswith("]", place)):
        number += 1
        start = place
        try:
            value, place = _DECODER.raw_decode(text, start)
        except (ValueError, RecursionError) as error:
            shown = text[start : start + SHOWN_CHARACTERS]
            faults.add(number, f"not valid JSON: {error}.", "mend this record.", value=shown)
            place = _next_record(text, start)
        else:
            yield number, value
            place = _after_space(text, place)
            _check_comma(text, place, number, array, faults)
        place = _after_space(text, place + text.startswith(",", place))
    if array:
        _check_end(text, place, number, faults)


def _after_space(text: str, place: int) -> int:
    found = _SPACE.match(text, place)
    return found.end() if found else place


def _check_comma(text: str, place: int, number: int, array: bool, faults: Faults) -> None:
    """A comma that is missing is a fault of the array, but no reason to lose a record."""
    if array and place < len(text) and text[place] not in "],":
        shown = text[place : place + SHOWN_CHARACTERS]
        faults.add(number, "a comma must follow the record.", "mend the array.", value=shown)


def _next_record(text: str, start: int) -> int:
    """Where reading goes on after the broken record at ``start``: a record, a comma, or the array's end."""
    indent = text[text.rfind("\n", 0, start) + 1 : start]
    if not indent.strip(" \t"):
        found = text.find(f"\n{indent}{{", start)
        if found >= 0:
            return found + 1 + len(indent)
    open_brackets: list[str] = []
    for token in _TOKEN.finditer(text, start):
        sign = token[0]
        if not open_brackets and sign in ",]" and token.start() > start:
            return token.start()
        if sign in "[{":
            open_brackets.append(sign)
        elif sign in "]}":
            _close(open_brackets, "[" if sign == "]" else "{")
    return len(text)


def _close(open_brackets: list[str], sign: str) -> None:
    """Close the nearest bracket of this kind, and with it what stands open inside."""
    if sign in open_brackets:
        while open_brackets.pop() != sign:
            pass


def _check_end(text: str, place: int, number: int, faults: Faults) -> None:
    if place >= len(text):
        faults.add(number, "the array is not closed: the file is cut off.", "fetch the file again.")
    elif rest := text[place + 1 :].strip():
        faults.add(number, "there is text after the array.", "remove it.", value=rest)
