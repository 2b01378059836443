"""Of the standard *well formatted*: what stands in a text and was not meant to.

Special tokens of chat templates, characters nobody sees, letters read in the wrong encoding, HTML left
over, stray white space. Each fault is a function of one text that gives a note, and the mended text where
that is certain. Knows no rows beyond their texts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from whet.check.findings import Finding, Flag
from whet.check.mending import decoded, entities, invisible, unescaped, visible
from whet.check.saying import counted, first
from whet.check.subject import Subject, Tools
from whet.check.tidy import tidy

Found = Iterator[Finding]
Fault = tuple[str, str | None]
"""What is wrong with a text, and the mended text where that is certain."""

CONVENTION = 0.9
"""A share of outputs that begin or end alike from which that is the file's way, not a fault."""

_SPECIAL = re.compile(
    r"[<\[](?:"
    r"\|[A-Za-z][\w ]{0,40}\|>"  # ChatML, Llama 3 and 4, Phi, harmony, Cohere
    r"|｜[^｜<>\n]{1,40}｜>"  # DeepSeek
    r"|/?INST\]|<SYS>>|</SYS>>"  # Llama 2
    r"|/?(?:AVAILABLE_TOOLS|TOOL_RESULTS|SYSTEM_PROMPT)\]|TOOL_CALLS\]"  # Mistral
    r"|(?:start|end)_of_turn>|(?:bos|eos|pad|unk)>"  # Gemma
    r"|(?:CLS|SEP|MASK|PAD|UNK)\]|extra_id_\d+>"  # BERT, T5
    r"|/?s>)"  # Llama 2; HTML's strike-through too, see `_special`
)
_STRUCK = re.compile(r"<s>[^<>]{1,200}</s>")
_TAG = re.compile(
    r"</?(?:a|b|blockquote|body|br|center|code|div|em|font|h[1-6]|head|hr|html|i|img|li|ol|p|pre|script|small"
    r"|span|strong|style|sub|sup|table|tbody|td|th|thead|tr|u|ul)(?:\s[^<>=]{1,40}=[^<>]{0,400})?\s?/?>",
    re.IGNORECASE,
)
_WIDE = re.compile(r"(?<=\S)(?: {3,}|\t[ \t]*)(?=\S)")


def texts(subject: Subject) -> Iterator[tuple[int, str, str]]:
    """(row, field, text) of inputs and outputs; of a conversation, all that was said before the answer."""
    turns = subject.turns or ()
    for row, (given, answer) in enumerate(zip(subject.inputs, subject.outputs, strict=True)):
        if row < len(turns) and turns[row]:
            yield row, "turns", "\n".join(turn.text for turn in turns[row][:-1])
        else:
            yield row, "input", given
        yield row, "output", answer


def _written(
    subject: Subject,
    name: str,
    fault: Callable[[str], Fault | None],
    *,
    what: tuple[str, str],
    why: str,
    repair: str,
) -> Found:
    """One finding over all texts; ``fault`` judges one. Several texts of a conversation have no proposal."""
    flags = []
    for row, field, text in texts(subject):
        found = fault(text)
        if found:
            note, proposal = found
            flags.append(Flag(row, field, note, proposal=None if field == "turns" else proposal))
    if flags:
        said = f"{counted(len({flag.row for flag in flags}), *what)}."
        yield Finding(f"formatted.{name}", "well formatted", "advice", said, why, repair, tuple(flags))


def special_tokens(subject: Subject, tools: Tools) -> Found:
    yield from _written(
        subject,
        "special-tokens",
        _special,
        what=("row holds special tokens of a chat template", "rows hold special tokens of a chat template"),
        why="A tokenizer reads them as the end of a turn or of the text, not as letters.",
        repair="Take them out; where several turns stand in one text, write them as a conversation.",
    )


def _special(text: str) -> Fault | None:
    if "<" not in text and "[" not in text:
        return None
    if not _SPECIAL.search(text):
        return None
    whole = text.lstrip().startswith("<s>") and text.rstrip().endswith("</s>")
    found = _SPECIAL.findall(text if whole else _STRUCK.sub("", text))
    if not found:
        return None
    inside = _SPECIAL.sub("", text)
    at_edges = inside.strip() in text
    return f"holds {first(found)}", inside.strip() if at_edges and inside.strip() else None


def control_characters(subject: Subject, tools: Tools) -> Found:
    yield from _written(
        subject,
        "control-characters",
        _unseen,
        what=("row holds control or zero-width characters", "rows hold control or zero-width characters"),
        why="Nobody sees them, the tokenizer does: the same word becomes another one.",
        repair="`whet repair` (normalise) takes them out.",
    )


def _unseen(text: str) -> Fault | None:
    # Letters read in the wrong encoding look like controls too: `encoding` has those.
    text = decoded(text)
    found = invisible(text)
    if not found:
        return None
    return f"holds {first([f'U+{ord(char):04X}' for char in found])}", tidy(visible(text))


def encoding(subject: Subject, tools: Tools) -> Found:
    yield from _written(
        subject,
        "encoding",
        _misread,
        what=("row holds letters read in the wrong encoding", "rows hold letters read in the wrong encoding"),
        why="The model learns the broken letters, and to write them.",
        repair="Read the source again as UTF-8; where a proposal stands beside the row, it is certain. "
        "What U+FFFD replaced is lost in this file.",
    )


def _misread(text: str) -> Fault | None:
    if text.isascii():
        return None
    mended = decoded(text)
    if mended != text:
        return "UTF-8 or Windows-1252, read as something else", mended
    return ("holds U+FFFD, which stands for letters that were lost", None) if "\ufffd" in text else None


def html_entities(subject: Subject, tools: Tools) -> Found:
    yield from _written(
        subject,
        "html-entities",
        _escaped,
        what=("row holds HTML entities", "rows hold HTML entities"),
        why="The model reads `&amp;` where its users will write `&`, and learns to write it.",
        repair="Write the characters themselves, as proposed; leave them where the task is about HTML.",
    )


def _escaped(text: str) -> Fault | None:
    found = entities(text)
    if not found:
        return None
    return f"holds {first(found)}", None if _TAG.search(text) else unescaped(text)


def html_tags(subject: Subject, tools: Tools) -> Found:
    yield from _written(
        subject,
        "html-tags",
        _tagged,
        what=("row holds HTML tags", "rows hold HTML tags"),
        why="Mark-up left over from a page takes room, and its users will not write it.",
        repair="Take the tags out where they were left over; leave them where the task is about HTML.",
    )


def _tagged(text: str) -> Fault | None:
    found = [match[0] for match in _TAG.finditer(text)] if "<" in text else []
    return (f"holds {first([tag[:20] for tag in found])}", None) if found else None


def white_space(subject: Subject, tools: Tools) -> Found:
    ways = _edges(subject)
    yield from _written(
        subject,
        "white-space",
        lambda text: _blank(text, ways),
        what=("row has stray white space", "rows have stray white space"),
        why="The same text with and without it is two texts to a model, and to whoever counts duplicates.",
        repair="`whet repair` (normalise) takes it out.",
    )


def _edges(subject: Subject) -> frozenset[tuple[str, str]]:
    """(start, end) white space that nearly all outputs share: the way of this file."""
    counts: dict[tuple[str, str], int] = {}
    for output in subject.outputs:
        edge = output[: len(output) - len(output.lstrip())], output[len(output.rstrip()) :]
        counts[edge] = counts.get(edge, 0) + 1
    return frozenset(edge for edge, count in counts.items() if count >= CONVENTION * len(subject))


def _blank(text: str, ways: frozenset[tuple[str, str]]) -> Fault | None:
    bare = text.strip()
    if not bare:
        return None  # nothing there at all: see `nothing_to_learn`
    if len(bare) != len(text):
        start = text[: len(text) - len(text.lstrip())]
        if (start, text[len(text.rstrip()) :]) not in ways:
            return "white space at the ends", tidy(text)
    if ("   " in bare or "\t" in bare) and "\n" not in bare and "|" not in bare and _WIDE.search(bare):
        return "a gap inside the line", tidy(text)
    return None
