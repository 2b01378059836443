"""Rows of plain texts: a prompt and its answer, or two answers to choose from, each under its own key.

One reader and one writer serve the whole family (Alpaca, prompt and completion, question and answer,
preferences as texts), told apart by the names of their keys. An Alpaca row keeps its instruction apart
from the input that it is about; trainers join the two with a line break, and so does ``meaning``.
Sources: LLaMA-Factory, "data/README.md"; TRL, "Dataset formats"; Axolotl, "docs/rlhf.qmd".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from whet.data.shapes.meaning import plain, weighted
from whet.data.shapes.record import Problem, Record, Turns
from whet.data.shapes.shape import Shape, only
from whet.data.shapes.values import Values, flag, given, is_text, maybe_text, rest, text, thawed
from whet.records import Turn

NONE: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Names:
    """Which key holds what. An empty name: the shape has no such key."""

    user: str
    answer: str = ""
    chosen: str = ""
    rejected: str = ""
    input: str = ""
    """What the instruction under ``user`` is about."""
    system: tuple[str, ...] = ()
    """The first is written, all are read."""
    history: str = ""
    """Earlier exchanges: ``[[user, answer], ...]``."""
    thinking: str = ""
    tag: str = ""
    """Whether the answer is one to learn from."""
    tagged: bool = False
    """Whether ``tag`` must be there."""

    def keys(self) -> dict[str, str]:
        """For a mapping that is shown: key to meaning, ``?`` where it may be absent."""
        named = {
            self.user: "user turn",
            self.answer: "assistant turn",
            self.chosen: "chosen",
            self.rejected: "rejected",
            f"{self.input}?": "user turn",
            **{f"{name}?": "system turn" for name in self.system},
            f"{self.history}?": "earlier turns",
            f"{self.thinking}?": "thinking of the assistant turn",
            self.tag + ("" if self.tagged else "?"): "desirable",
        }
        return {key: meaning for key, meaning in named.items() if key not in {"", "?"}}


def exchange(name: str, about: str, names: Names, rank: int = 2, keys: frozenset[str] = NONE) -> Shape:
    """The shape of these names; ``keys``: all that a row has, where other keys would make it another."""
    return Shape(
        name=name,
        about=about,
        keys=names.keys(),
        looks=lambda values: _looks(names, values) and (not keys or _just(keys, names.input, values)),
        reader=lambda values: _read(names, values),
        writer=lambda record: _write(names, record),
        rank=rank,
    )


def _looks(names: Names, values: Values) -> bool:
    needed = [key for key in (names.user, names.answer, names.chosen, names.rejected) if key]
    if not is_text(values, *needed) or not isinstance(values.get(names.input or names.user), str | None):
        return False
    return not names.tagged or str(values.get(names.tag)).strip().lower() in {"true", "false"}


def _just(keys: frozenset[str], needed: str, values: Values) -> bool:
    return needed in values and values.keys() <= keys


def _read(names: Names, values: Values) -> Record:
    system = next((key for key in names.system if given(values, key)), "")
    tag = names.tag if names.tagged or given(values, names.tag) else ""
    asked, about = text(values, names.user), _maybe(values, names.input)
    turns = [*_system(values, system), *_earlier(names, values), Turn("user", about or asked)]
    if names.answer:
        thinking = _maybe(values, names.thinking)
        turns.append(
            Turn("assistant", text(values, names.answer), {"thinking": thinking} if thinking else {})
        )
    return Record(
        turns=tuple(turns),
        chosen=(Turn("assistant", text(values, names.chosen)),) if names.chosen else None,
        rejected=(Turn("assistant", text(values, names.rejected)),) if names.rejected else None,
        desirable=flag(values, tag) if tag else None,
        instruction=asked if about else None,
        more=rest(values, _own(names, values, system)),
    )


def _own(names: Names, values: Values, system: str) -> set[str]:
    """The keys that are read; a second system prompt is none of them."""
    answers = {names.answer, names.chosen, names.rejected, names.thinking, names.tag}
    systems = {key for key in names.system if key == system or not given(values, key)}
    return (answers | systems | {names.user, names.input, names.history}) - {""}


def _maybe(values: Values, key: str) -> str | None:
    return maybe_text(values, key) if key else None


def _system(values: Values, key: str) -> Turns:
    found = _maybe(values, key)
    return (Turn("system", found),) if found else ()


def _earlier(names: Names, values: Values) -> list[Turn]:
    pairs = thawed(values.get(names.history)) if names.history else None
    turns: list[Turn] = []
    for index, pair in enumerate(_pairs(pairs, names.history)):
        if not isinstance(pair, list) or len(pair) != 2 or not all(isinstance(part, str) for part in pair):
            rule = "must be a pair of texts, what was asked and what was answered."
            raise Problem(f"{names.history}[{index}]", pair, rule, "mend or remove the row.")
        turns += [Turn("user", pair[0]), Turn("assistant", pair[1])]
    return turns


def _pairs(pairs: Any, key: str) -> list[Any]:
    if pairs in (None, ""):
        return []
    if not isinstance(pairs, list):
        raise Problem(key, pairs, "must be a list of pairs.", "mend or remove the row.")
    return pairs


def _write(names: Names, record: Record) -> dict[str, Any]:
    only(record, *_held(names))
    about = record.instruction if names.input else None
    turns = weighted(replace(record, instruction=None) if about else record)
    asked, values = _split(names, [plain(turn) for turn in turns])
    last = _text(asked[-1], "user", "the last turn")
    values = {**_asked(names, about, last, record), **values}
    for key, answer in ((names.chosen, record.chosen), (names.rejected, record.rejected)):
        if key:
            values[key] = _one(answer, key)
    return {**values, **_before(names, asked[:-1]), **_tag(names, record)}


def _asked(names: Names, instruction: str | None, said: str, record: Record) -> dict[str, Any]:
    """The instruction and its input; an empty input where there is none, as Alpaca has it."""
    if instruction is not None:
        return {names.user: instruction, names.input: said}
    empty = {names.input: ""} if names.input and names.input not in record.more else {}
    return {names.user: said, **empty}


def _held(names: Names) -> list[str]:
    held = ["chosen", "rejected"] if names.chosen else []
    return [*held, "desirable"] if names.tag else held


def _split(names: Names, turns: list[Turn]) -> tuple[list[Turn], dict[str, Any]]:
    """(the turns before the answer, the answer under its keys)."""
    if not names.answer:
        asked, values = turns, {}
    else:
        if not turns or turns[-1].role != "assistant":
            raise Problem("turns", None, "there is no answer at the end of the conversation.")
        thinking = turns[-1].more.get("thinking") if names.thinking else None
        values = {
            names.answer: _text(turns[-1], "assistant", "the answer", ("thinking",) if thinking else ())
        }
        values.update({names.thinking: thinking} if thinking else {})
        asked = turns[:-1]
    if not asked:
        raise Problem("turns", None, "there is nothing before the answer.")
    return asked, values


def _text(turn: Turn, role: str, which: str, allowed: tuple[str, ...] = ()) -> str:
    """The text of a turn that is nothing but text."""
    if turn.role != role:
        raise Problem("turns", turn.role, f"{which} is no {role} turn; this shape has a place for one only.")
    for key, value in turn.more.items():
        if key not in allowed:
            raise Problem(f"turns.{key}", value, f"{which} has more than text.")
    if not isinstance(turn.content, str):
        raise Problem("turns.content", turn.content, f"{which} has parts other than text.")
    return turn.content


def _one(answer: Turns | None, key: str) -> str:
    if answer is None or len(answer) != 1:
        raise Problem(key, answer, "must be one answer.")
    return _text(plain(answer[0]), "assistant", f"the {key} answer")


def _before(names: Names, turns: list[Turn]) -> dict[str, Any]:
    """System and history, where the shape has a place for them."""
    values: dict[str, Any] = {}
    if turns and turns[0].role == "system" and names.system:
        values[names.system[0]] = _text(turns.pop(0), "system", "the first turn")
    if turns and (not names.history or len(turns) % 2):
        raise Problem("turns", turns[0].role, "this shape has no place for earlier turns like these.")
    asked = [_text(turn, "user", "an earlier turn") for turn in turns[::2]]
    answered = [_text(turn, "assistant", "an earlier answer") for turn in turns[1::2]]
    if asked:
        values[names.history] = [list(pair) for pair in zip(asked, answered, strict=True)]
    return values


def _tag(names: Names, record: Record) -> Mapping[str, Any]:
    if names.tagged and record.desirable is None:
        raise Problem("desirable", None, "this shape needs to know whether the answer is a good one.")
    return {names.tag: record.desirable} if record.desirable is not None else {}
