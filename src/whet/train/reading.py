"""One conversation to tokens, and which of them are learned.

    conversation -> text, rendered once -> tokens with their characters -> weights

A learned turn counts from the first token that is wholly its own to the token that ends it: a token that
straddles the border to what is asked is read only, since answering never meets it, and without the end the
model would never learn to stop. What cannot be learned as it stands is refused by line, never mended in
silence. Knows no lengths.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from whet.errors import InputError, many
from whet.models.layout import Conversation, Encoded, Layout, encode, generated, render, spaced
from whet.train.sharing import Row
from whet.train.turns import Learn, Span, learned_turns, spans


@dataclass(frozen=True, slots=True)
class Reading:
    """One conversation as tokens."""

    row: Row
    source: str
    ends: frozenset[int]
    """The tokens that end its learned turns."""
    straddled: bool
    """Whether a token that begins an answer also holds a piece of what is asked, and so is not learned."""
    altered: bool
    """Whether the template writes a learned turn without a piece of its text."""
    unknown: bool
    """Whether the tokens do not give the text again, asked or answered."""
    empty: bool
    """Whether a learned turn is nothing but its end."""

    @property
    def length(self) -> int:
        return len(self.row.ids)

    @property
    def learned(self) -> int:
        """Tokens with a weight."""
        return self.length - self.row.weights.count(0.0)


def read(conversations: Sequence[Conversation], layout: Layout, learn: Learn) -> list[Reading]:
    """Each conversation as tokens, whatever its length.

    Raises:
        InputError: all rows with the fault of the first that has one.
    """
    drafts, errors, found = list[_Draft](), list[InputError](), list[Reading]()
    for conversation in conversations:
        try:
            drafts.append(_draft(conversation, layout, learn))
        except InputError as error:
            errors.append(error)
    for draft, encoded in zip(drafts, encode(layout, (draft.text for draft in drafts)), strict=True):
        try:
            found.append(_reading(draft, encoded, layout))
        except InputError as error:
            errors.append(error)
    if errors:
        raise _together(errors)
    return found


@dataclass(frozen=True, slots=True)
class _Draft:
    """A conversation as text, with its learned turns found."""

    conversation: Conversation
    text: str
    spans: list[Span]


def _draft(conversation: Conversation, layout: Layout, learn: Learn) -> _Draft:
    turns = learned_turns(conversation, learn)
    text = render(layout, conversation)
    return _Draft(conversation, text, spans(layout, conversation, text, turns))


def _reading(draft: _Draft, encoded: Encoded, layout: Layout) -> Reading:
    conversation = draft.conversation
    _begins_once(encoded, layout, conversation)
    found = [_found(span, draft, encoded, layout) for span in draft.spans]
    if layout.marked and encoded.kept:  # else the marks have drifted
        _agree(found, generated(layout, conversation), draft, encoded, layout)
    weights = [0.0] * len(encoded.ids)
    for turn in found:
        weights[turn.first : turn.end + 1] = [turn.span.weight] * (turn.end + 1 - turn.first)
    return Reading(
        row=Row(encoded.ids, tuple(weights)),
        source=conversation.source,
        ends=frozenset(encoded.ids[turn.end] for turn in found),
        straddled=any(turn.straddled for turn in found),
        altered=not all(_holds(span, draft) for span in draft.spans),
        unknown=not encoded.kept,
        empty=any(turn.first == turn.end for turn in found),
    )


@dataclass(frozen=True, slots=True)
class _Turn:
    """The tokens of a learned turn, from the first that is wholly its own to the one that ends it."""

    span: Span
    first: int
    end: int
    straddled: bool
    """Whether the token before the first is in part the turn's."""


def _found(span: Span, draft: _Draft, encoded: Encoded, layout: Layout) -> _Turn:
    where = draft.conversation.where(span.turn)
    if encoded.kept:
        first, stop = _first(span, encoded, layout), bisect_left(encoded.starts, span.stop)
    else:
        first, stop = (_counted(place, draft, encoded, layout, where) for place in (span.start, span.stop))
    first = max(1, first)  # nothing predicts token 0
    end = _end(range(first, stop), encoded, layout, where)
    turn = draft.conversation.turns[span.turn]
    straddled = encoded.kept and encoded.stops[first - 1] > span.start
    if first == end and (turn.text.strip() or turn.more.get("tool_calls")):
        raise _lost(straddled, where)
    return _Turn(span, first, end, straddled)


def _first(span: Span, encoded: Encoded, layout: Layout) -> int:
    """The first token that begins within the turn; a space before its characters may be its own."""
    first = bisect_left(encoded.starts, span.start)
    if 0 < first < len(encoded.ids) and encoded.stops[first - 1] < span.start:
        return first + spaced(layout, encoded.ids[first])
    return first


def _counted(place: int, draft: _Draft, encoded: Encoded, layout: Layout, where: str) -> int:
    """Tokens before a character, by making tokens of what stands before it."""
    (before,) = encode(layout, [draft.text[:place]])
    if encoded.ids[: len(before.ids)] != before.ids:
        raise InputError(
            "the tokenizer does not keep all characters, and the border of the answer cannot be found.",
            where=where,
            fix="take characters out that the model does not know, or use another model.",
        )
    return len(before.ids)


def _end(places: range, encoded: Encoded, layout: Layout, where: str) -> int:
    """The token that ends the turn at ``places``; space may follow it."""
    ids, decode = encoded.ids, layout.tokenizer.decode
    end = next((n for n in reversed(places) if ids[n] in layout.ends or decode([ids[n]]).strip()), None)
    if end is None or ids[end] not in layout.ends:
        last = decode(ids[places.start : places.stop][-8:])
        raise InputError(
            f"nothing ends the answer: the text stops at {last!r}, and a model trained on it would never "
            "learn to stop.",
            where=where,
            fix="let the chat template write {{ eos_token }} after an answer, or name the token that ends a "
            "turn (`ends`), if it is none of the special tokens.",
        )
    if end > places.start and ids[end - 1] == ids[end]:
        raise _twice(layout.tokenizer.convert_ids_to_tokens(ids[end]), where)
    return end


def _lost(straddled: bool, where: str) -> InputError:
    if straddled:
        return InputError(
            "the answer is one token together with the end of what is asked, which answering never meets.",
            where=where,
            fix="end what is asked and begin the answer without a space.",
        )
    return InputError(
        "nothing of the answer stands in the text; the chat template leaves it out.",
        where=where,
        fix="use a template that writes all that the row holds (text, tool calls), or take the row out.",
    )


def _begins_once(encoded: Encoded, layout: Layout, conversation: Conversation) -> None:
    bos = layout.tokenizer.bos_token_id
    if encoded.ids[:2] == (bos, bos):
        raise _twice(layout.tokenizer.bos_token, conversation.source)


def _twice(token: str, where: str) -> InputError:
    return InputError(
        f"{token!r} stands twice in a row: the layout writes it, and the text has its own.",
        where=where,
        fix="take it out of the row's text (or, where every row has it, out of the chat template).",
    )


def _agree(
    found: Sequence[_Turn], mask: Sequence[int], draft: _Draft, encoded: Encoded, layout: Layout
) -> None:
    """Hold the template's own marks against what rendering found. Free are tokens that straddle, and space
    after the end.

    Raises:
        InputError: a token is marked and not the turn's own, or the turn's own and not marked.
    """
    for turn in found:
        opening = [] if turn.straddled else [turn.first - 1]
        own = range(turn.first, turn.end + 1)
        wrong = [n for n in opening if mask[n]] + [n for n in own if not mask[n]]
        if wrong:
            token = layout.tokenizer.decode([encoded.ids[wrong[0]]])
            where = draft.conversation.where(turn.span.turn)
            raise _disagrees(token, "leave out" if wrong[0] in own else "take in", where)


def _disagrees(token: str, do: str, where: str) -> InputError:
    return InputError(
        f"the {{% generation %}} marks of the chat template {do} {token!r}, against what rendering finds.",
        where=where,
        fix="mend the marks: from where the opening of an answer ends to the end of the turn, that included.",
    )


def _holds(span: Span, draft: _Draft) -> bool:
    """Whether the turn's text stands in the whole, but for space, which templates trim."""
    said, text = draft.conversation.turns[span.turn].text, draft.text[span.start : span.stop]
    return "".join(said.split()) in "".join(text.split())


def _together(errors: Sequence[InputError]) -> InputError:
    """One error for all rows with the fault of the first; what other rows have is counted."""
    alike = [error for error in errors if error.fix == errors[0].fix]
    if len(errors) == 1:
        return errors[0]
    others = len(errors) - len(alike)
    rest = f" ({others:,} more with other faults)" if others else ""
    lines = [f"{error.where}: {error.what}" for error in alike]
    what = f"{len(alike):,} row(s) cannot be learned as they stand{rest}:"
    return many(lines, what=what, where="", fix=alike[0].fix)
