"""The standard *task aligned*: whether each output is an answer to its input, whole and meant.

Refusals, placeholders, empty and cut-off outputs, echoes of the input, answers in another language or to
another question, instructions that contradict each other. What many outputs share is taken for the way of
the task: a note in a file of labels may end without a full stop, a template may have slots. It knows no
facts: whether an answer is right is the matter of ``accurate``.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator

from whet.check.answering import other_question
from whet.check.findings import Check, Finding, Flag, Need
from whet.check.instructions import contradicting_instructions
from whet.check.language import NAMES, languages
from whet.check.mending import json_fault
from whet.check.phrases import placeholders, refusal
from whet.check.places import leaves
from whet.check.saying import counted, first
from whet.check.subject import Subject, Tools

Found = Iterator[Finding]

MEANT = 0.05
"""A kind of placeholder, or an open end, in more than this share of outputs is the task's own way."""
LAST_WORDS = 10
"""An open end counts after this many words on the last line: shorter ones may be a note."""
ECHO, LONG_ECHO = 40, 200
"""Characters of an input from which it is no chance that an output begins with it, or holds it anywhere."""
AGREE, SURE_PAIRS = 0.9, 30
"""Share of rows whose input and output agree in language, of at least so many, before others stand out."""

NOTHING_FOUND = ("[]", "{}")
"""JSON that says that there is nothing of what is asked for."""

_OPEN_END = re.compile(r"[\w,\-–—([{/&]$")
_FENCE = re.compile("^```", re.MULTILINE)
_BROKEN_OFF = re.compile(
    r"(?:[,([{]|\b(?:the|an|and|or|of|to|with|because|der|die|das|und|oder|weil|le|les|des|et|ou|el|los|las|que))$"
)


def refusals(subject: Subject, tools: Tools) -> Found:
    flags = [
        Flag(row, "output", f"says {words!r}")
        for row, output in enumerate(subject.outputs)
        if (words := refusal(output))
    ]
    if flags:
        yield Finding(
            "aligned.refusals",
            "task aligned",
            "advice",
            f"{counted(len(flags), 'output refuses', 'outputs refuse')} the task, as an AI model would.",
            "The model learns to refuse, also where it could answer: a few rows are enough.",
            "Write the answer that the task asks for, or drop the rows by `whet repair --decisions`.",
            tuple(flags),
        )


def leftovers(subject: Subject, tools: Tools) -> Found:
    """Placeholders that nobody filled in; one that the input holds too is quoted, not left."""
    kinds: dict[str, list[Flag]] = defaultdict(list)
    for row, output in enumerate(subject.outputs):
        for kind, mark in _placeholders_in(output, subject.kind):
            if mark not in subject.inputs[row]:
                kinds[kind].append(Flag(row, "output", f"holds {mark[:60]!r}"))
    meant = {kind: flags for kind, flags in kinds.items() if len(flags) > MEANT * len(subject)}
    left = [flag for kind, flags in kinds.items() if kind not in meant for flag in flags]
    if left:
        rows = len({flag.row for flag in left})
        yield _placeholders(f"{counted(rows, 'output holds', 'outputs hold')} a placeholder.", left)
    for kind, flags in meant.items():
        what = (
            f"{counted(len(flags), 'output holds', 'outputs hold')} a {kind}, so many that they look meant."
        )
        yield _placeholders(what, [], {"share": round(len(flags) / len(subject), 3), "first": flags[0].note})


def _placeholders_in(output: str, kind: str) -> list[tuple[str, str]]:
    """Those of a text; of JSON, those in its values: its brackets are no slots."""
    if kind != "extract":
        return placeholders(output)
    try:
        values = [value for _, value in leaves(json.loads(output)) if isinstance(value, str)]
    except (ValueError, RecursionError):
        return placeholders(output)
    return [found for value in values for found in placeholders(value)]


def _placeholders(what: str, flags: list[Flag], figures: dict[str, float | str] | None = None) -> Finding:
    return Finding(
        "aligned.placeholders",
        "task aligned",
        "advice",
        what,
        "The model learns to write the placeholder to its users.",
        "Fill them in, or drop the rows by `whet repair --decisions`; "
        "keep them where the program behind the model fills them.",
        tuple(sorted(flags, key=lambda flag: flag.row)),
        figures or {},
    )


def empty_outputs(subject: Subject, tools: Tools) -> Found:
    called, none = _calling(subject), subject.none_is_meant()
    flags = [
        Flag(row, "output", "is empty" if not output.strip() else "holds no word and no number")
        for row, output in enumerate(subject.outputs)
        if not output.strip() or not any(map(str.isalnum, output[:200]))
        if row not in called and not _pictures(output) and not (none and not output.strip())
        if subject.kind != "extract" or output.strip() not in NOTHING_FOUND
    ]
    if flags:
        yield Finding(
            "aligned.empty-outputs",
            "task aligned",
            "advice",
            f"{counted(len(flags), 'output says', 'outputs say')} nothing.",
            "The model learns that silence is an answer.",
            "Write the answer, or drop the rows by `whet repair --decisions`.",
            tuple(flags),
        )


def _calling(subject: Subject) -> frozenset[int]:
    """Rows whose last turn only calls tools."""
    turns = subject.turns or ()
    return frozenset(row for row, said in enumerate(turns) if said and said[-1].more.get("tool_calls"))


def _pictures(text: str) -> bool:
    """Whether a text holds emoji or other signs beyond punctuation, which may be a whole answer."""
    return any(ord(char) >= 0x2190 for char in text)


def cut_off(subject: Subject, tools: Tools) -> Found:
    flags = list(_unclosed(subject))
    if subject.kind == "write":
        flags += _open_ends(subject, {flag.row for flag in flags})
    if flags:
        yield Finding(
            "aligned.cut-off",
            "task aligned",
            "advice",
            f"{counted(len(flags), 'output stops', 'outputs stop')} in the middle.",
            "The model learns to stop there, too.",
            "Fetch the whole answer from the source, or drop the rows by `whet repair --decisions`.",
            tuple(sorted(flags, key=lambda flag: flag.row)),
        )


def _unclosed(subject: Subject) -> Iterator[Flag]:
    """JSON and code fences that are opened and not closed."""
    for row, output in enumerate(subject.outputs):
        if output.lstrip()[:2] in ('{"', "[{", '["', "{\n", "[\n"):
            fault = json_fault(output)
            if fault and fault.cut:
                yield Flag(row, "output", "JSON that ends before it is closed")
        elif "```" in output and len(_FENCE.findall(output)) % 2:
            yield Flag(row, "output", "a code fence that is not closed")


def _open_ends(subject: Subject, known: set[int]) -> Iterator[Flag]:
    """Outputs without an end, where nearly all have one."""
    open_rows = [row for row, text in enumerate(subject.outputs) if _OPEN_END.search(text[-40:].rstrip())]
    if len(open_rows) > MEANT * len(subject):
        return
    for row in open_rows:
        end = subject.outputs[row].rstrip().rsplit("\n", 1)[-1]
        if row not in known and (len(end.split()) >= LAST_WORDS or _BROKEN_OFF.search(end[-40:].lower())):
            yield Flag(row, "output", "ends without a full stop, where nearly all others have one")


def echoes(subject: Subject, tools: Tools) -> Found:
    flags = []
    for row, (given, answer) in enumerate(zip(_questions(subject), subject.outputs, strict=True)):
        asked = given.strip().lower()
        if asked and asked in (said := answer.lower()):
            begins = said.lstrip().startswith(asked)
            if asked == said.strip():
                flags.append(Flag(row, "output", "is the input, word for word"))
            elif subject.kind == "write" and len(asked) >= (ECHO if begins else LONG_ECHO):
                flags.append(Flag(row, "output", "holds the whole input"))
    if flags:
        yield Finding(
            "aligned.echoes",
            "task aligned",
            "advice",
            f"{counted(len(flags), 'output repeats its', 'outputs repeat their')} input.",
            "The model learns to copy what it reads instead of answering.",
            "Cut the input out of the answer, or drop the rows by `whet repair --decisions`; "
            "leave them where nothing had to change.",
            tuple(flags),
            {"share": round(len(flags) / len(subject), 3)},
        )


def _questions(subject: Subject) -> Iterator[str]:
    """What was asked last: the input, or the turn before the answer."""
    turns = subject.turns or ()
    for row, given in enumerate(subject.inputs):
        said = turns[row] if row < len(turns) else ()
        yield said[-2].text if len(said) > 1 else given


def output_language(subject: Subject, tools: Tools) -> Found:
    """Answers in another language than their input, where the rest answer in the same."""
    asked, said = languages(_questions(subject)), languages(subject.outputs)
    sure = [row for row in range(len(subject)) if asked[row] and said[row]]
    apart = [row for row in sure if asked[row] != said[row]]
    if len(sure) < SURE_PAIRS or not apart or len(apart) > (1 - AGREE) * len(sure):
        return
    pairs = Counter(f"{NAMES[asked[row]]} to {NAMES[said[row]]}" for row in apart)
    yield Finding(
        "aligned.output-language",
        "task aligned",
        "advice",
        f"{counted(len(apart), 'output is', 'outputs are')} in another language than the input "
        f"({first([pair for pair, _ in pairs.most_common()])}).",
        "The rest answer in the language they are asked in; these teach the model to switch.",
        "Translate the answers, or drop the rows by `whet repair --decisions`.",
        tuple(Flag(row, "output", f"{NAMES[asked[row]]} in, {NAMES[said[row]]} out") for row in apart),
        {"rows of known language": len(sure), **pairs},
    )


ANSWERS = ("extract", "write")


def _answer(
    name: str,
    find: Callable[[Subject, Tools], Iterable[Finding]],
    *needs: Need,
    kinds: tuple[str, ...] = ANSWERS,
) -> Check:
    return Check(f"aligned.{name}", "task aligned", find, needs, kinds)


CHECKS: tuple[Check, ...] = (
    _answer("refusals", refusals),
    _answer("placeholders", leftovers),
    _answer("empty-outputs", empty_outputs),
    _answer("cut-off", cut_off),
    _answer("echoes", echoes),
    _answer("output-language", output_language, kinds=("write",)),
    _answer("other-question", other_question, "encoder", kinds=("write",)),
    _answer("contradicting-instructions", contradicting_instructions, kinds=("classify", *ANSWERS)),
)
