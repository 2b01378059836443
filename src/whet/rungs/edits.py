"""Changes to a prompt that need no model: what train's own answers and words say about how to answer.

Each is a frame with a name. They are for models too small to write a better instruction themselves, and they
cost a search nothing to propose. Training examples only are looked at. Knows no model.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from whet.records import Example, Label
from whet.rungs.frame import Frame
from whet.rungs.keywords import keywords

MOST_ALIKE = 0.8
"""Share of the answers that must begin or end alike for the prompt to say so."""
SHORT = 60
"""Words; a limit above it is no help."""
LONGEST = 400
"""Characters of an answer that is shown."""


def edits(frame: Frame, train: Sequence[Example]) -> dict[str, Frame]:
    """Frames that say more than this one."""
    answers = [frame.shown(example.output) for example in train]
    said = {
        "length": _length(answers),
        "form": _form(answers),
        "example": f"An answer looks like this:\n{shown}" if (shown := _typical(answers)) else "",
    }
    lines = {name: line for name, line in said.items() if line and frame.kind != "classify"}
    found = {name: _with(frame, line) for name, line in lines.items()}
    if len(lines) > 1:
        found["all"] = _with(frame, "\n".join(lines.values()))
    if frame.kind == "classify":
        found["words"] = _marked(frame, train)
    return found


def _with(frame: Frame, line: str) -> Frame:
    told = replace(frame, list_labels=False, show_schema=False).told()
    return replace(frame, instruction=f"{told}\n{line}")


def _length(answers: Sequence[str]) -> str:
    """The words that 19 of 20 answers keep to."""
    lengths = sorted(len(answer.split()) for answer in answers)
    most = lengths[int(0.95 * (len(lengths) - 1))]
    if most > SHORT:
        return ""
    return f"Answer with at most {most} word{'' if most == 1 else 's'}, and nothing else."


def _form(answers: Sequence[str]) -> str:
    """How nearly all answers begin and end."""
    first = _shared(answers, lambda words, n: words[:n])
    last = _shared(answers, lambda words, n: words[-n:])
    lines = [f'Begin with "{first}".'] if first else []
    return " ".join([*lines, f'End with "{last}".'] if last and last != first else lines)


def _shared(answers: Sequence[str], part: Callable[[list[str], int], list[str]]) -> str:
    """The longest beginning or end, up to twelve words, that enough answers have."""
    found = ""
    for n in range(1, 13):
        ends = [" ".join(part(answer.split(), n)) for answer in answers if len(answer.split()) > n]
        if not ends:
            break
        best = max(sorted(set(ends)), key=ends.count)
        if ends.count(best) < MOST_ALIKE * len(answers):
            break
        found = best
    return found


def _typical(answers: Sequence[str]) -> str:
    """The answer of middle length."""
    fit = sorted({answer for answer in answers if 0 < len(answer) <= LONGEST}, key=lambda a: (len(a), a))
    return fit[len(fit) // 2] if fit else ""


def _marked(frame: Frame, train: Sequence[Example]) -> Frame:
    """Labels with their meaning, and the words that mark them."""
    names = [label.name for label in frame.labels]
    marks = keywords(train, names)
    labels = tuple(Label(one.name, described(one, marks[one.name])) for one in frame.labels)
    return replace(frame, labels=labels, list_labels=True)


def described(label: Label, marks: Sequence[str]) -> str:
    """What a label means, and its words."""
    words = f"words such as {', '.join(marks)}" if marks else ""
    return "; ".join(part for part in (label.description, words) if part)
