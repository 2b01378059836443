"""How a conversation becomes text, and text becomes tokens, for one tokenizer.

Where the tokenizer brings a chat template, ``transformers`` renders it in its Jinja sandbox. Where it brings
none, the layout is plain: every turn's text, a newline after what is read, the end-of-text token after what
the assistant says. Special tokens are written by the layout alone; the tokenizer adds none of its own, but
for those it puts before any plain text. Whoever asks the trained model must lay out alike: ``render`` with
``prompt=True``, then ``encode``. Knows nothing of what is learned.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from whet.errors import InputError
from whet.halves import whole
from whet.models.messages import TEMPLATE_ERRORS, message, text_of, wants_text
from whet.records import Turn

PLAIN = "plain: what is read, newline, what is said, end of text"
TOGETHER = 1_000  # texts that the tokenizer takes at once
SPACE = "Ġ"  # how byte-level vocabularies write it; others leave no space out of their offsets


@dataclass(frozen=True, slots=True)
class Conversation:
    """One row to learn from."""

    turns: tuple[Turn, ...]
    source: str
    """``file:line``"""
    tools: tuple[Mapping[str, Any], ...] | None = None
    """Tool definitions, as OpenAI has them."""

    def where(self, turn: int) -> str:
        return f"{self.source}: messages[{turn}]"


@dataclass(frozen=True, slots=True)
class Layout:
    """A tokenizer and the way it wants its text."""

    tokenizer: Any
    template: str | None
    """The chat template; None: plain. Several templates of one tokenizer stand here as JSON."""
    digest: str
    """SHA-256 of the template's text, or of ``PLAIN``."""
    ends: frozenset[int]
    """Tokens that can end a turn."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Variables of the template, such as ``enable_thinking``."""
    lead: tuple[int, ...] = ()
    """What the tokenizer puts before a plain text by itself, as a rule its beginning-of-text token."""
    arguments_as_text: bool = False
    """Whether the template wants the arguments of a tool call as JSON text, not as an object."""

    @property
    def marked(self) -> bool:
        """Whether the template says by itself what the assistant generates."""
        return "endgeneration" in (self.template or "")


@dataclass(frozen=True, slots=True)
class Encoded:
    """A text as n tokens, and the characters that each stands for."""

    ids: tuple[int, ...]
    starts: tuple[int, ...]
    """Of the first character; -1 for a token before the text. Never falls."""
    stops: tuple[int, ...]
    """One past the last character."""
    kept: bool
    """Whether the tokens give the text again. Where a tokenizer drops a character that it does not know, it
    counts on without it: all later ``starts`` and ``stops`` are wrong."""


def layout_of(
    tokenizer: Any, *, options: Mapping[str, Any] | None = None, ends: Iterable[int] = ()
) -> Layout:
    """The layout that a tokenizer asks for.

    Args:
        tokenizer: a fast tokenizer of ``transformers``.
        options: variables of the chat template.
        ends: tokens that end a turn, beside the tokenizer's special tokens.

    Raises:
        InputError: the tokenizer tells no character offsets, or has no end-of-text token where it is needed.
    """
    if not getattr(tokenizer, "is_fast", False):
        raise InputError(
            f"{type(tokenizer).__name__} does not say which characters a token stands for.",
            fix="use a model that comes with a tokenizer.json.",
        )
    ending = _ends(tokenizer) | frozenset(ends)
    if (template := _template(tokenizer)) is None:
        lead = _lead(tokenizer)
        return Layout(tokenizer, None, _digest(PLAIN), ending, lead=lead)
    as_text = wants_text(tokenizer)
    digest = _digest(template)
    return Layout(tokenizer, template, digest, ending, options or {}, arguments_as_text=as_text)


def render(
    layout: Layout, conversation: Conversation, count: int | None = None, *, prompt: bool = False
) -> str:
    """The first ``count`` turns (None: all) as text, with the opening of an answer after them if ``prompt``.

    Raises:
        InputError: the template refuses the conversation, or cannot say what it holds.
    """
    turns = conversation.turns[:count]
    if layout.template is None:
        return _plain_text(layout, conversation, turns)
    try:
        text: str = _apply(layout, conversation, turns, add_generation_prompt=prompt, tokenize=False)
        return text
    except TEMPLATE_ERRORS as error:
        raise _refused(error, conversation) from error


def generated(layout: Layout, conversation: Conversation) -> Sequence[int]:
    """1 for each token of the whole conversation that the template marks as generated, else 0."""
    how = {"return_assistant_tokens_mask": True, "tokenizer_kwargs": {"verbose": False}}
    found = _apply(layout, conversation, conversation.turns, return_dict=True, **how)
    mask: list[int] = found["assistant_masks"]
    return mask


def encode(layout: Layout, texts: Iterable[str]) -> Iterator[Encoded]:
    """Rendered texts as tokens, in order."""
    left, before = map(whole, texts), len(layout.lead)
    while some := list(islice(left, TOGETHER)):
        found = layout.tokenizer(some, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
        back = layout.tokenizer.batch_decode(found["input_ids"], clean_up_tokenization_spaces=False)
        for text, same, ids, offsets in zip(
            some, back, found["input_ids"], found["offset_mapping"], strict=True
        ):
            starts, stops = zip(*offsets, strict=True) if offsets else ((), ())
            kept = text.replace(" ", "") == same.replace(" ", "")  # some put spaces around special tokens
            yield Encoded((*layout.lead, *ids), (-1,) * before + starts, (0,) * before + stops, kept)


def spaced(layout: Layout, token: int) -> bool:
    """Whether a token begins with a space, which some tokenizers leave out of its characters."""
    text: str = layout.tokenizer.convert_ids_to_tokens(token)
    return text.startswith(SPACE)


def _ends(tokenizer: Any) -> frozenset[int]:
    """Special tokens, without those that stand for something else; the end of text always counts, since
    GPT-2's one special token is all of them."""
    added = {number for number, token in tokenizer.added_tokens_decoder.items() if token.special}
    others = {tokenizer.unk_token_id, tokenizer.bos_token_id}
    return frozenset((added | set(tokenizer.all_special_ids)) - others | {tokenizer.eos_token_id}) - {None}


def _template(tokenizer: Any) -> str | None:
    template = tokenizer.chat_template
    return json.dumps(template, sort_keys=True) if isinstance(template, dict) else template


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _lead(tokenizer: Any) -> tuple[int, ...]:
    if tokenizer.eos_token is None:
        raise InputError(
            "the tokenizer has neither a chat template nor an end-of-text token, so that a model could never "
            "learn to stop.",
            fix="set `eos_token` in the model's tokenizer_config.json, or use another model.",
        )
    bare: list[int] = tokenizer("a", add_special_tokens=False)["input_ids"]
    full: list[int] = tokenizer("a")["input_ids"]
    before = next((n for n in range(len(full)) if full[n : n + len(bare)] == bare), 0)
    return tuple(full[:before])


def _plain_text(layout: Layout, conversation: Conversation, turns: Sequence[Turn]) -> str:
    if conversation.tools or any(turn.more.get("tool_calls") for turn in turns):
        raise InputError(
            "tools need a chat template, and this tokenizer has none.",
            where=conversation.source,
            fix="use a model that was trained to chat, or take the tools out.",
        )
    end = layout.tokenizer.eos_token
    texts = [text_of(turn, conversation.where(n)) or "" for n, turn in enumerate(turns)]
    return "".join(
        text + (end if turn.role == "assistant" else "\n") for turn, text in zip(turns, texts, strict=True)
    )


def _apply(layout: Layout, conversation: Conversation, turns: Sequence[Turn], **how: Any) -> Any:
    tools = [dict(tool) for tool in conversation.tools or ()] or None
    if tools and "tools" not in (layout.template or ""):
        raise InputError(
            "the model's chat template leaves the row's tools out.",
            where=conversation.source,
            fix="use a model that was trained to call tools, or take the tools out.",
        )
    as_text = layout.arguments_as_text
    messages = [message(turn, conversation.where(n), as_text=as_text) for n, turn in enumerate(turns)]
    return layout.tokenizer.apply_chat_template(messages, tools=tools, **layout.options, **how)


def _refused(error: Exception, conversation: Conversation) -> InputError:
    said = " ".join(str(error).split()) or type(error).__name__
    return InputError(
        f"the model's chat template refuses the conversation: {said}",
        where=conversation.source,
        fix="bring the turns into the form the template asks for, or use another model.",
    )
