"""Phrase blocks and the two notations in them: `[this|that]` for a choice, `{slot}` for a blank."""

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass

_CHOICE = re.compile(r"\[([^\[\]]*)\]")
_SLOT = re.compile(r"\{([A-Za-z_0-9]+)\}")
REGISTERS = {"~": "casual", "^": "formal"}


@dataclass(frozen=True)
class Phrase:
    """One line of a block with the register it is written in."""

    text: str
    register: str


def parse_block(block: str) -> list[Phrase]:
    """Read a block of `- ` bullets; a line that does not start with one continues the last."""
    entries: list[str] = []
    for line in block.strip().splitlines():
        if line.startswith("- "):
            entries.append(line[2:].strip())
        else:
            entries[-1] += " " + line.strip()
    return [_phrase(entry) for entry in entries]


def _phrase(entry: str) -> Phrase:
    register = REGISTERS.get(entry[0])
    if register is None:
        return Phrase(entry, "neutral")
    return Phrase(entry[1:].strip(), register)


def choose(text: str, rng: random.Random) -> str:
    """Settle every `[a|b]` in the text, innermost first."""
    while match := _CHOICE.search(text):
        picked = rng.choice(match.group(1).split("|"))
        text = text[: match.start()] + picked + text[match.end() :]
    return text


def fill(text: str, slots: Mapping[str, str]) -> str:
    """Put the slot values in, also those that stand inside other slot values."""
    while _SLOT.search(text):
        text = _SLOT.sub(lambda match: slots[match.group(1)], text)
    return re.sub(r"\b([Oo]rder) order\b", r"\1", text)


def sentence_case(text: str) -> str:
    """Capital letters at the start and after a full stop, as a careful writer has them."""
    text = text[:1].upper() + text[1:]
    return re.sub(r"([a-z)][.?!] )([a-z])", lambda m: m.group(1) + m.group(2).upper(), text)
