"""What an output is, for each kind of task, and how it is read from a cell or from what a model wrote.

Two outputs that mean the same must be equal as texts: JSON is written in one way (keys sorted, no needless
space), a reply is stripped. Knows no files, models or metrics.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from whet.halves import whole
from whet.records import Example, Label, Output

_FENCE = re.compile(r"^```[a-zA-Z]*\n(.*?)\n?```$", re.DOTALL)
_QUOTES = "\"'`“”‘’«»"
_SURE, _SEPARATORS = re.compile(r"[|\n]"), re.compile(r"[|,;\n]")


def names_of(output: Output) -> tuple[str, ...]:
    """The labels in an output, one or several."""
    return (output,) if isinstance(output, str) else output


def canonical(value: Any) -> str:
    """A JSON value as the one text that stands for it."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(", ", ": "))


def json_of(text: str) -> str | None:
    """The canonical text of the JSON value that a text is, or that stands in a code fence; None: neither."""
    if fenced := _FENCE.match(text.strip()):
        text = fenced[1]
    try:
        return canonical(json.loads(text))
    except (ValueError, RecursionError):
        return None


def written(text: str) -> str:
    """A reply: what was written, without the space around it."""
    return text.strip()


def extracted(text: str) -> str:
    """The JSON value in an answer, canonical: the whole of it, or its first object or list; else the text."""
    if (found := json_of(text)) is not None:
        return whole(found)
    decoder = json.JSONDecoder()
    for begun in re.finditer(r"[{\[]", text):
        try:
            return whole(canonical(decoder.raw_decode(text, begun.start())[0]))
        except (ValueError, RecursionError):
            continue
    return text.strip()


def label_of(text: str, labels: Sequence[str]) -> str:
    """The label that an answer names: itself, but for case and quotes, or the only one it mentions.

    Where it names none, or several, the answer stands as it is and is wrong.
    """
    if text.strip() in labels:
        return text.strip()
    plain = _plain(text)
    folded = {_plain(label): label for label in labels}
    if plain in folded:
        return folded[plain]
    mentioned = [name for name in folded if _mentions(plain, name)]
    longest = [n for n in mentioned if not any(n != other and n in other for other in mentioned)]
    return folded[longest[0]] if len(longest) == 1 else text.strip()


def labels_in_answer(text: str, labels: Sequence[str]) -> tuple[str, ...]:
    """The labels that an answer lists, as JSON or with separators between."""
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    known = set(labels)
    parts = [str(part) for part in value] if isinstance(value, list) else _parts(text, known)
    return tuple(sorted({name for part in parts if (name := label_of(part, labels)) in known}))


def _parts(text: str, known: Collection[str]) -> list[str]:
    """What stands between separators; a label may hold a comma, and is then whole."""
    parts = [part.strip() for part in _SURE.split(text)]
    return [less for part in parts for less in ([part] if part in known else _SEPARATORS.split(part))]


def read_answer(kind: str, text: str, labels: Sequence[str], *, several: bool = False) -> Output:
    """What a model wrote, as an output of the task's kind."""
    if kind == "extract":
        return extracted(text)
    if kind == "write":
        return written(text)
    return labels_in_answer(text, labels) if several else label_of(text, labels)


def _plain(text: str) -> str:
    return text.strip().strip(_QUOTES).rstrip(".!").strip().casefold()


def _mentions(text: str, name: str) -> bool:
    """Whether a folded text has the name as words of its own."""
    return bool(name) and re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) is not None


MOST_ANSWERS = 500
REPEATED = 0.9
SPARE = 32


def answers_of(train: Sequence[Example], dev: Sequence[Example]) -> tuple[Label, ...]:
    """The approved answers as a list to choose from, where a task's replies or values repeat; else nothing.

    They repeat where at most 500 different ones stand in train and nine in ten of dev's are among them.
    """
    known = {str(example.output) for example in train}
    again = sum(str(example.output) in known for example in dev)
    listed = 2 <= len(known) <= MOST_ANSWERS and again >= REPEATED * len(dev)
    return tuple(Label(name) for name in sorted(known)) if listed else ()


def room_for(outputs: Sequence[Output]) -> int:
    """Tokens that an answer as long as the longest of these may need: one for two bytes, and some more.

    A model that does not know where to end would else write on to a limit that no approved answer reaches.
    """
    longest = max(len(str(output).encode("utf-8", "surrogatepass")) for output in outputs)
    return longest // 2 + SPARE


def inferred_schema(outputs: Sequence[str]) -> dict[str, Any]:
    """The narrowest plain JSON Schema that all of these JSON values fit: types, and keys that all have."""
    return _schema([json.loads(output) for output in outputs])


def _schema(values: Sequence[Any]) -> dict[str, Any]:
    types = sorted({_type(value) for value in values})
    if types == ["integer", "number"]:
        types = ["number"]
    found: dict[str, Any] = {"type": types[0] if len(types) == 1 else types}
    if objects := [value for value in values if isinstance(value, dict)]:
        found |= _object(objects)
    if items := [item for value in values if isinstance(value, list) for item in value]:
        found["items"] = _schema(items)
    return found


def _object(objects: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    keys = dict.fromkeys(key for value in objects for key in value)
    properties = {key: _schema([value[key] for value in objects if key in value]) for key in keys}
    required = [key for key in keys if all(key in value for value in objects)]
    return {"properties": properties, "required": required, "additionalProperties": False}


def _type(value: Any) -> str:
    """A JSON value's type in the words of JSON Schema; a bool is an int to Python only."""
    names = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
    return names.get(type(value), "null")
