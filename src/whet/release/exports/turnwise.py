"""A chat template said turn by turn: what stands before, between and after messages, without any logic.

    plain | system SYSTEM after_system | user text after_user | assistant text after_assistant | user text ...

Most templates are that and no more. It is found by rendering marked messages, and tried on conversations that
were not used to find it; a template that trims, numbers or dates is refused, because Ollama's language would
say it otherwise. Source: Ollama's Modelfile and Go's text/template. Knows no weights.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from whet.errors import InputError
from whet.models.layout import Conversation, render
from whet.records import Turn

if TYPE_CHECKING:
    from whet.models.layout import Layout

MARKS = ("Xsystem1X", "Xuser2X", "Xassistant3X", "Xuser4X")
ROLES = ("system", "user", "assistant", "user")
OTHERWISE = "use --to vllm or --to merged, which carry the template itself."
GO = (
    "{{ if .System }}%s{{ .System }}%s{{ else }}%s{{ end }}"
    '{{ range .Messages }}{{ if eq .Role "user" }}{{ .Content }}%s'
    '{{ else if eq .Role "assistant" }}{{ .Content }}%s{{ end }}{{ end }}'
)
"""Ollama's template: before the system message, after it, before anything without one, after user, assistant.
"""


@dataclass(frozen=True, slots=True)
class Turnwise:
    """The pieces between messages."""

    plain: str
    """Before the first message of a user, where there is no system message."""
    system: str
    """Before the system message."""
    after_system: str
    after_user: str
    """Between a user's message and the answer."""
    after_assistant: str

    def text(self, turns: Sequence[Turn]) -> str:
        """A conversation that ends with a user, as it is read up to the answer."""
        told = [turn for turn in turns if turn.role == "system"]
        start = f"{self.system}{told[0].text}{self.after_system}" if told else self.plain
        after = {"user": self.after_user, "assistant": self.after_assistant}
        return start + "".join(turn.text + after[turn.role] for turn in turns if turn.role in after)

    def go(self) -> str:
        """As Ollama's TEMPLATE has it.

        Raises:
            InputError: a piece would be taken for something else.
        """
        pieces = (self.system, self.after_system, self.plain, self.after_user, self.after_assistant)
        if any(sign in piece for piece in pieces for sign in ("{{", "}}", '"""')):
            raise InputError('the chat template holds {{, }} or """ as text.', fix=OTHERWISE)
        return GO % pieces


def read_go(text: str) -> Turnwise | None:
    """A TEMPLATE as ``Turnwise.go`` writes it; None where it is any other."""
    pattern = re.escape(GO).replace("%s", "(.*?)")
    found = re.fullmatch(pattern, text, flags=re.DOTALL)
    if found is None:
        return None
    system, after_system, plain, after_user, after_assistant = found.groups()
    return Turnwise(plain, system, after_system, after_user, after_assistant)


def turnwise(layout: Layout) -> Turnwise:
    """The pieces of a layout; its beginning-of-text token is left out where it stands at the start: engines
    that read GGUF put it there themselves.

    Raises:
        InputError: it says more than pieces can.
    """
    turns = [Turn(role, mark) for role, mark in zip(ROLES, MARKS, strict=True)]
    whole = _between(laid(layout, turns), MARKS)
    bare = _between(laid(layout, turns[1:]), MARKS[1:])
    system, after_system, after_user, after_assistant, _ = whole
    found = Turnwise(bare[0], system, after_system, after_user, after_assistant)
    for some in (
        turns,
        turns[1:],
        turns[:2],
        turns[1:2],
        [*turns, Turn("assistant", "c"), Turn("user", "d")],
    ):
        if found.text(some) != laid(layout, some):
            raise _more_than_pieces()
    return found


def laid(layout: Layout, turns: Sequence[Turn]) -> str:
    """A conversation as the layout has it, up to the answer, without a beginning-of-text token before it."""
    text = render(layout, Conversation(tuple(turns), "the export"), prompt=True)
    bos = layout.tokenizer.bos_token
    return text.removeprefix(bos) if bos else text


def _between(text: str, marks: Sequence[str]) -> list[str]:
    """What stands before, between and after marks that each come once, in order."""
    found = re.split("|".join(marks), text)
    if len(found) != len(marks) + 1 or re.findall("|".join(marks), text) != list(marks):
        raise _more_than_pieces()
    return found


def _more_than_pieces() -> InputError:
    what = "the model's chat template does more than put pieces between messages; Ollama's cannot say it."
    return InputError(what, fix=OTHERWISE)
