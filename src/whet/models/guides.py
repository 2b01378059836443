"""Forms that answers must have, as masks over a model's tokens: JSON Schema, regex, Lark grammar.

``llguidance`` does the parsing (MIT; github.com/guidance-ai/llguidance); here its masks are asked for. JSON
is written without space between its parts. Knows no model.

An answer that is cut off at its limit would be broken, and a model can babble in a text for ever. So where
few tokens are left, a way to the end is known at every step (``ways``); a token after which none would fit
is not taken: the way is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from whet.errors import InputError
from whet.models.bounds import moved_in
from whet.models.generate import GuideError
from whet.models.ways import Quotes, Ways

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from whet.models.base import Form

SHORT = 96
"""Tokens left from which on the way to the end is looked for; twice the shortest answer, if that is more."""
LONGEST = 1024
"""Tokens of the shortest answer, at most, for the limit to be kept."""
COMPILED = 256
"""Forms that are kept: callers bring their own, and there is no end to them."""
JSON_SIGNS = '{}[]":,-0123456789truefalsn'


class Forms:
    """Guides for one tokenizer; what was compiled once is kept."""

    def __init__(self, tokenizer: Any, vocabulary: int, ends: frozenset[int]):
        """
        Args:
            tokenizer: a fast tokenizer of ``transformers``.
            vocabulary: logits that the model gives.
            ends: tokens that end an answer.
        """
        import llguidance.hf

        self.tokens = llguidance.hf.from_tokenizer(tokenizer, n_vocab=vocabulary, eos_token=sorted(ends))
        self.ways = Ways(self.tokens, ends)
        self._compiled: dict[str, tuple[Any, int]] = {}

    def guide(self, form: Form) -> Guided:
        """A guide at the beginning of an answer.

        Raises:
            InputError: the form cannot be read, uses what is not supported, or asks for signs that the
                model's vocabulary does not have.
        """
        grammar, quoted = self._grammar(form), form.schema is not None
        if grammar not in self._compiled:
            if len(self._compiled) >= COMPILED:
                self._compiled.clear()
            matcher = self._compile(grammar)
            way = self.ways.find(matcher, LONGEST, Quotes() if quoted else None)
            self._compiled[grammar] = matcher, max(SHORT, 2 * len(way or ()))
        matcher, short = self._compiled[grammar]
        return Guided(matcher.deep_copy(), self, short, Quotes() if quoted else None)

    def _grammar(self, form: Form) -> str:
        import llguidance

        if form.schema is not None:
            self._check_signs()
            try:
                return llguidance.LLMatcher.grammar_from_json_schema(
                    json.dumps(moved_in(form.schema)), overrides={"whitespace_flexible": False}
                )
            except (TypeError, ValueError) as error:
                raise _unread("schema", str(error)) from error
        if form.regex is not None:
            return llguidance.LLMatcher.grammar_from_regex(form.regex)
        return llguidance.LLMatcher.grammar_from_lark(form.grammar or "")

    def _check_signs(self) -> None:
        """Some small vocabularies have no braces."""
        missing = [
            sign for sign in JSON_SIGNS if self.tokens.decode_str(self.tokens.tokenize_str(sign)) != sign
        ]
        if missing:
            raise InputError(
                f"the model's vocabulary cannot write {' '.join(missing)}, and JSON needs it.",
                where="form: schema",
                fix="use another model.",
            )

    def _compile(self, grammar: str) -> Any:
        import llguidance

        matcher = llguidance.LLMatcher(self.tokens, grammar, log_level=0)
        if matcher.is_error():
            raise _unread("form", matcher.get_error())
        return matcher


class Guided:
    """A place in an answer that has a form (``generate.Guide``)."""

    def __init__(self, matcher: Any, forms: Forms, short: int, quotes: Quotes | None):
        self.matcher, self._forms, self._quotes = matcher, forms, quotes
        self._short = short
        self._way: list[int] | None = None
        """From here to an end, where few tokens are left."""
        self._ended = False

    def fill(self, mask: NDArray[np.int32]) -> None:
        import llguidance.numpy

        llguidance.numpy.fill_next_token_bitmask(self.matcher, mask[None])
        self._check()

    def take(self, token: int, left: int, *, ahead: bool) -> list[int]:
        near = left <= self._short
        if near and self._way is None:
            self._way = self._find(left)
        before = self._way
        self._consume(token)
        if near and not self._keep_way(token, left - 1) and before is not None:
            self._ended = True
            return before
        tokens = [token]
        if ahead and not self.done:
            for forced in self.matcher.compute_ff_tokens()[: left - 1]:
                tokens.append(forced)
                self._consume(forced)
                self._keep_way(forced, left - len(tokens))
        return tokens

    @property
    def complete(self) -> bool:
        return self._ended or bool(self.matcher.is_accepting())

    @property
    def done(self) -> bool:
        return self._ended or bool(self.matcher.is_stopped())

    def _keep_way(self, token: int, most: int) -> bool:
        """Whether a way to the end of at most ``most`` tokens is known after the token that was taken."""
        way, self._way = self._way, None
        if most < self._short:
            if way and way[0] == token:
                self._way = way[1:]
            elif way and len(way) <= most and self._ends(way):
                self._way = way  # as in a text, which may go on or end
            else:
                self._way = self._find(most)
        return self._way is not None

    def _ends(self, way: Sequence[int]) -> bool:
        copy = self.matcher.deep_copy()
        return bool(copy.consume_tokens(way)) and bool(copy.is_accepting() or copy.is_stopped())

    def _find(self, most: int) -> list[int] | None:
        return self._forms.ways.find(self.matcher, most, self._quotes)

    def _consume(self, token: int) -> None:
        self.matcher.consume_token(token)
        self._check()
        if self._quotes is not None:
            self._quotes = self._quotes.after(self._said(token))

    def _said(self, token: int) -> str:
        text: str = self._forms.tokens.decode_str([token])
        return text

    def _check(self) -> None:
        if self.matcher.is_error():
            raise GuideError(_first(self.matcher.get_error()))


def _first(said: str) -> str:
    """The first line, and the one that says why; between them stands a drawing of the place."""
    first, *more = said.strip().split("\n")
    why = next((line.removeprefix("error:") for line in more if line.startswith("error:")), "")
    return f"{first}{why}"[:300].rstrip(":. ")


def _unread(what: str, said: str) -> InputError:
    return InputError(
        f"the form of the answer cannot be used: {_first(said)}.",
        where=f"form: {what}" if what != "form" else what,
        fix="say it with keywords and expressions that llguidance knows.",
    )


def check_form(form: Form) -> None:
    """One of its fields is set.

    Raises:
        InputError: none is, or several are.
    """
    given: Mapping[str, object] = {
        "schema": form.schema is not None,
        "regex": form.regex is not None,
        "grammar": form.grammar is not None,
        "choices": bool(form.choices),
    }
    if sum(map(bool, given.values())) != 1:
        named = ", ".join(name for name, there in given.items() if there) or "none"
        what = f"a form is one of {', '.join(given)}; set are: {named}."
        raise InputError(what, where="form", fix="set one.")
    if len(set(form.choices)) < len(form.choices):
        twice = next(choice for choice in form.choices if form.choices.count(choice) > 1)
        raise InputError(f"the choice {twice!r} is there twice.", where="form: choices", fix="name it once.")
