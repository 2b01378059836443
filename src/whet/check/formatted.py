"""The standard *well formatted*: whether each row can be read by a model the way it is meant.

Form only, so held-out rows are looked at too: records that cannot be read, the order of a conversation,
tool calls, characters that stand for something else, length, rows that teach nothing. Where the mended
text is certain, a flag proposes it. Knows no meaning: an empty-handed answer is the matter of ``aligned``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import chain

from whet.check import written
from whet.check.conversations import (
    argument_faults,
    calls,
    end_fault,
    order_fault,
    result_faults,
    teaches_nothing,
)
from whet.check.findings import Check, Finding, Flag
from whet.check.mending import json_fault
from whet.check.saying import counted
from whet.check.subject import Subject, Tools
from whet.check.tidy import tidy

Found = Iterator[Finding]

SHOWN = 20
"""Records that cannot be read that a finding names."""


def broken_rows(subject: Subject, tools: Tools) -> Found:
    if subject.broken:
        first: dict[str, str] = {}
        for broken in subject.broken[:SHOWN]:
            said = str(broken).removeprefix(f"{broken.source}: ")
            first[broken.source] = f"{first[broken.source]} {said}" if broken.source in first else said
        yield Finding(
            "formatted.broken-rows",
            "well formatted",
            "blocks",
            f"{counted(len(subject.broken), 'record')} cannot be read as an example.",
            "A model never sees a row that cannot be read, and nobody notices what it does not learn.",
            "Mend them in the file, or let `whet repair` (broken) set them aside in rejects.jsonl.",
            figures={"records": len(subject.broken), **first},
        )


def _conversations(
    subject: Subject, name: str, faults: Callable[[int], Iterable[str]], *, what: tuple[str, str], why: str
) -> Found:
    """One finding over all conversations; ``faults`` says what is wrong with a row's."""
    flags = [
        Flag(row, "turns", note)
        for row, turns in enumerate(subject.turns or ())
        if turns
        for note in faults(row)
        if note
    ]
    if flags:
        yield Finding(
            f"formatted.{name}",
            "well formatted",
            "blocks",
            f"{counted(len({flag.row for flag in flags}), *what)}.",
            why,
            "Mend the conversations in the file, or drop them by `whet repair --decisions`.",
            tuple(flags),
        )


def role_order(subject: Subject, tools: Tools) -> Found:
    turns = subject.turns or ()
    yield from _conversations(
        subject,
        "role-order",
        lambda row: [order_fault(turns[row])],
        what=("conversation has turns out of order", "conversations have turns out of order"),
        why="Chat templates refuse it, or write it in a form that the model never meets again.",
    )


def last_turn(subject: Subject, tools: Tools) -> Found:
    turns = subject.turns or ()
    yield from _conversations(
        subject,
        "last-turn",
        lambda row: [end_fault(turns[row])],
        what=(
            "conversation ends before the assistant answers",
            "conversations end before the assistant answers",
        ),
        why="The model learns what the assistant says; here it says nothing in the end.",
    )


def tool_arguments(subject: Subject, tools: Tools) -> Found:
    turns, given = subject.turns or (), subject.tools
    yield from _conversations(
        subject,
        "tool-arguments",
        lambda row: argument_faults(turns[row], given[row] if given else None),
        what=("conversation calls tools wrongly", "conversations call tools wrongly"),
        why="The model learns to write calls that no program can carry out.",
    )


def tool_results(subject: Subject, tools: Tools) -> Found:
    turns = subject.turns or ()
    yield from _conversations(
        subject,
        "tool-results",
        lambda row: result_faults(turns[row]),
        what=(
            "conversation has tool calls and results that do not match",
            "conversations have tool calls and results that do not match",
        ),
        why="The model learns to go on without the result it asked for, or with one it did not ask for.",
    )


def nothing_to_learn(subject: Subject, tools: Tools) -> Found:
    flags = tuple(chain(_empty(subject), _weightless(subject)))
    if flags:
        yield Finding(
            "formatted.nothing-to-learn",
            "well formatted",
            "blocks",
            f"{counted(len({flag.row for flag in flags}), 'row has', 'rows have')} nothing to learn from.",
            "A row without input or answer teaches the model to invent, or wastes its place.",
            "Fill the rows in, or drop them by `whet repair --decisions`.",
            flags,
        )


def _empty(subject: Subject) -> Iterator[Flag]:
    turns, none = subject.turns or (), subject.none_is_meant()
    for row, (given, answer) in enumerate(zip(subject.inputs, subject.outputs, strict=True)):
        if not given.strip() or (not given.isascii() and not tidy(given)):
            yield Flag(row, "input", "the input is empty")
        called = row < len(turns) and turns[row] and calls(turns[row][-1])  # an answer may be a call alone
        if not none and not answer.strip() and not called:
            yield Flag(row, "output", "the output is empty")


def _weightless(subject: Subject) -> Iterator[Flag]:
    for row, turns in enumerate(subject.turns or ()):
        if teaches_nothing(turns):
            yield Flag(row, "turns", "every answer has the weight 0")


def json_outputs(subject: Subject, tools: Tools) -> Found:
    flags = []
    for row, output in enumerate(subject.outputs):
        fault = json_fault(output) if output.strip() else None
        if fault:
            note = "ends before it is closed: " if fault.cut else ""
            flags.append(Flag(row, "output", note + fault.what, proposal=fault.mended))
    if flags:
        yield Finding(
            "formatted.json-outputs",
            "well formatted",
            "blocks",
            f"{counted(len(flags), 'output is', 'outputs are')} not JSON.",
            "The model learns to write what the program behind it cannot read.",
            "Mend the JSON in the file; a code fence around it goes by the proposal beside the row.",
            tuple(flags),
        )


def too_long(subject: Subject, tools: Tools) -> Found:
    """Rows whose tokens exceed the model's context, without the chat template's own few tokens."""
    if tools.count_tokens is None or tools.context is None:
        return
    whole = [
        given if subject.kind == "classify" else f"{subject.instruction}\n{given}\n{answer}"
        for given, answer in zip(subject.inputs, subject.outputs, strict=True)
    ]
    # No tokenizer makes more tokens than bytes, but for the few that it adds itself.
    rows = [row for row, text in enumerate(whole) if len(text.encode("utf-8", "replace")) > tools.context - 8]
    counts = tools.count_tokens([whole[row] for row in rows]) if rows else []
    over = [(row, count) for row, count in zip(rows, counts, strict=True) if count > tools.context]
    if over:
        windows = subject.kind == "classify"
        yield Finding(
            "formatted.too-long",
            "well formatted",
            "advice" if windows else "blocks",
            f"{counted(len(over), 'row is', 'rows are')} longer than the {tools.context:,} tokens "
            "that the model reads at once.",
            "An encoder reads them in windows and pools; detail at one place counts less."
            if windows
            else "Training would have to cut them, and the answer is what is cut.",
            "Shorten or split the texts, or choose a model with a longer context.",
            tuple(Flag(row, "input", f"{count:,} tokens") for row, count in over),
            {"context": tools.context, "longest": max(count for _, count in over)},
        )


def _form(name: str, find: Callable[[Subject, Tools], Iterable[Finding]]) -> Check:
    return Check(f"formatted.{name}", "well formatted", find, on_test=True)


CHECKS: tuple[Check, ...] = (
    _form("broken-rows", broken_rows),
    _form("role-order", role_order),
    _form("last-turn", last_turn),
    _form("tool-arguments", tool_arguments),
    _form("tool-results", tool_results),
    _form("nothing-to-learn", nothing_to_learn),
    replace(_form("json-outputs", json_outputs), kinds=("extract",)),
    replace(_form("too-long", too_long), needs=("tokenizer",)),
    _form("special-tokens", written.special_tokens),
    _form("control-characters", written.control_characters),
    _form("encoding", written.encoding),
    _form("html-entities", written.html_entities),
    _form("html-tags", written.html_tags),
    _form("white-space", written.white_space),
)
