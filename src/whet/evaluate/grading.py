"""Checks that a program can make of an answer, the same way every time: what an item of a suite wants.

A check is a mapping of the names below to what they want; all of them must hold. Letters are compared
folded (case, kinds of quotes, space), but for ``exact``, ``regex`` and ``begin``. An answer is the whole
text that a model wrote. Knows no models and no files.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from whet.data.outputs import extracted
from whet.errors import InputError, nearest
from whet.evaluate.refusing import refuses

_NUMBER = re.compile(r"[-−]?\d+(?:,\d{3})+(?:\.\d+)?|[-−]?\d+(?:\.\d+)?")
_ENDS = " .!?;:\"'*`"
_LIST = re.compile(r"\s*[,;\n]\s*|\s+and\s+")


def holds(check: Mapping[str, Any], answer: str) -> bool:
    """Whether an answer is what the check wants."""
    return all(CHECKS[name](wanted, answer) for name, wanted in check.items())


def validated(check: Any, where: str) -> Mapping[str, Any]:
    """A check as it was read from a file.

    Raises:
        InputError: it is no mapping, is empty, names what is not known, or has a broken pattern.
    """
    known = ", ".join(CHECKS)
    if not isinstance(check, Mapping) or not check:
        fix = f'write a mapping such as {{"any": ["Paris"]}}; known are {known}.'
        raise InputError("a check is a mapping that says what the answer must be.", where=where, fix=fix)
    for name, wanted in check.items():
        if name not in CHECKS:
            raise InputError(f"unknown check {name!r}. {nearest(name, CHECKS)}", where=where)
        try:
            CHECKS[name](wanted, "")
        except (re.error, TypeError, ValueError, KeyError, AttributeError) as error:
            raise InputError(f"the check {name!r} cannot be made: {error}.", where=where) from error
    return check


def folded(text: str) -> str:
    """Unicode NFKC, small letters, one kind of quotes, single spaces."""
    same = unicodedata.normalize("NFKC", text).translate(str.maketrans("“”„’‘", '"""\'\''))
    return " ".join(same.casefold().split())


def says(text: str, phrase: str) -> bool:
    """Whether a phrase stands in a text as words of its own, folded."""
    return re.search(rf"(?<!\w){re.escape(folded(phrase))}(?!\w)", folded(text)) is not None


def _number(wanted: float, answer: str) -> bool:
    """The last number of the first line that has one: "17 + 26 = 43" is 43."""
    lines = [found for line in answer.splitlines() if (found := _NUMBER.findall(line))]
    return bool(lines) and abs(_value(lines[0][-1]) - wanted) < 1e-9


def _value(text: str) -> float:
    return float(text.replace(",", "").replace("−", "-"))


def _equals(wanted: str, answer: str) -> bool:
    return folded(answer).strip(_ENDS) == folded(wanted).strip(_ENDS)


def _json(wanted: Any, answer: str) -> bool:
    return any(found == wanted and type(found) is type(wanted) for found in _values(answer))


def _json_is_one_of(wanted: Sequence[Any], answer: str) -> bool:
    return any(_json(one, answer) for one in list(wanted))


def _values(answer: str) -> list[Any]:
    """The JSON value that an answer is or holds; none where it holds none."""
    try:
        return [json.loads(extracted(answer))]
    except ValueError:
        return []


def _list(wanted: Sequence[str], answer: str) -> bool:
    given = [part.strip(_ENDS) for part in _LIST.split(folded(answer)) if part.strip(_ENDS)]
    return given == [folded(one) for one in wanted]


def _words(wanted: Mapping[str, int], answer: str) -> bool:
    return _within(len(re.findall(r"[\w'’-]+", answer)), wanted)


def _lines(wanted: Mapping[str, Any], answer: str) -> bool:
    lines = [line for line in answer.splitlines() if line.strip()]
    begin = wanted.get("begin", "")
    counts = {name: value for name, value in wanted.items() if name != "begin"}
    return _within(len(lines), counts) and all(line.lstrip().startswith(begin) for line in lines)


def _within(count: int, wanted: Mapping[str, int]) -> bool:
    if unknown := set(wanted) - {"exactly", "min", "max"}:
        raise ValueError(f"{min(unknown)!r} is none of exactly, min, max")
    exactly = wanted.get("exactly", count)
    return count == exactly and wanted.get("min", 0) <= count <= wanted.get("max", count)


def _some(wanted: Mapping[str, Any], answer: str) -> bool:
    return sum(says(answer, one) for one in wanted["of"]) >= int(wanted["least"])


CHECKS: Mapping[str, Callable[[Any, str], bool]] = {
    "any": lambda wanted, answer: any(says(answer, one) for one in wanted),
    "none": lambda wanted, answer: not any(says(answer, one) for one in wanted),
    "some": _some,
    "lacks": lambda wanted, answer: not any(one in answer for one in wanted),
    "equals": _equals,
    "exact": lambda wanted, answer: answer.strip() == wanted.strip(),
    "number": _number,
    "begins": lambda wanted, answer: folded(answer).lstrip("\"'*").startswith(folded(wanted)),
    "ends": lambda wanted, answer: (
        folded(answer).rstrip("\"'*").rstrip("" if wanted[-1] in _ENDS else _ENDS).endswith(folded(wanted))
    ),
    "json": _json,
    "json_is_one_of": _json_is_one_of,
    "list": _list,
    "words": _words,
    "lines": _lines,
    "regex": lambda wanted, answer: re.fullmatch(wanted, answer.strip()) is not None,
    "find": lambda wanted, answer: re.search(wanted, answer) is not None,
    "refuses": lambda wanted, answer: refuses(answer) is bool(wanted),
}
"""By name: what is wanted, and the answer."""
