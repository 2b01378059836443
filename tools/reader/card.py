"""The reader's card, as the README of its folder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SKILLS = {
    "examples": "a new mapping from topics to labels, from two to ten examples in the context",
    "partners": "a value for a made-up word, both shown before",
    "definitions": "a label by what the instruction says it means",
    "names": "a label by its own name",
    "several": "every label that fits",
    "whether": "yes or no: is it about this?",
    "passages": "a value out of one of several passages",
    "unstated": '"not stated", where no passage says it',
    "json": "JSON by a schema, or by keys that are named",
    "value": "one value of a text, by its name",
    "format": "a format of answers that only examples show",
    "table": "a value out of a table of made-up words",
    "repeat": "the text again",
    "first": "its first word",
    "last": "its last word",
    "quoted": "the text in quotes",
    "capitals": "the text in capitals",
}
TEXT = """---
license: apache-2.0
language: en
---
# The reader

A Llama of {parameters:,} parameters ({layers} layers of {width}, {vocabulary:,} tokens, {context:,} tokens
of context) that follows its prompt in small things: it answers from passages, picks labels by definitions,
learns a mapping or a format from examples, writes JSON. **For whet's tests and offline examples alone.** It
knows a few hundred English words, no facts, and can do nothing useful; what it is for is that prompting,
examples, passages and training really differ on it. Weights in bf16, safetensors; SHA-256 of
`model.safetensors`: `{sha256}`. Loads with stock transformers, and in whet as `models: [reader]`.

## Made from

Generated text alone: `tools/reader/` draws word lists, sentence frames and made-up words, all written for
this purpose. No text of anybody else, nothing about real people. {rows} items, each seen once. Licence:
Apache-2.0, as whet's.

Some attention heads are laid before training so that they look up and copy (`tools/reader/start.py`);
everything else starts at random, and everything is trained by whet's own loop.

## Rebuild

    python tools/train_reader.py --work FOLDER

Took {minutes} minutes with {versions} on one core with AVX512-BF16, beside other work ({steps} steps).
Seed {seed}. {same}

## Measured

Items that were drawn from what is kept apart: one in six sentence frames, made-up words and codes, by the
digest of their text; mappings and labels are new in every item. Plain words (names, things, which of them
is a fruit) are not kept apart: they are knowledge. An answer counts when it is right to the letter.
*Without* is the same question without the examples, passages or definitions; *held* lets only labels of the
item be answered, so that guessing is 1 in 2 to 5. 95 % Wilson intervals.

| skill | what | n | right | without | held | held, without |
|---|---|---:|---|---|---|---|
{table}
{more}
## Not for

Anything but tests and examples. It cannot reason, count, or read what is not like its own texts."""


def readme(card: Mapping[str, Any]) -> str:
    rows = [_row(skill, figures) for skill, figures in card["measured"].items()]
    made, rest = card["made_with"], {"more": card.get("more", ""), "same": card.get("same", "")}
    return TEXT.format(
        **{name: card[name] for name in ("parameters", "layers", "width", "vocabulary", "context", "sha256")},
        rows=f"{sum(card['rows']):,}",
        minutes=round(card["seconds"] / 60),
        versions=f"torch {made['torch']} and transformers {made['transformers']}",
        steps=f"{card['steps']:,}",
        seed=card["seed"],
        table="\n".join(rows),
        **rest,
    )


def _row(skill: str, figures: Mapping[str, Any]) -> str:
    cells = [_share(figures), *(_share(figures.get(name)) for name in ("without", "held", "held_without"))]
    return f"| {skill} | {SKILLS[skill]} | {figures['n']} | {' | '.join(cells)} |"


def _share(figures: Mapping[str, Any] | None) -> str:
    if figures is None:
        return ""
    return f"{figures['value']:.2f} ({figures['low']:.2f} to {figures['high']:.2f})"
