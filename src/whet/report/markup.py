"""Markup made in Python: one function for elements, so that nothing goes unescaped."""

from __future__ import annotations

import re

from markupsafe import Markup, escape


def tag(name: str, *children: object, **attributes: object) -> Markup:
    """An element; text and attribute values are escaped.

    ``class_`` becomes ``class``, ``aria_label`` becomes ``aria-label``, and None leaves an attribute out.
    """
    given = {key: value for key, value in attributes.items() if value is not None}
    pairs = [
        Markup(' {}="{}"').format(key.rstrip("_").replace("_", "-"), value) for key, value in given.items()
    ]
    return Markup("<{}{}>{}</{}>").format(name, join(pairs), join(children), name)


def join(parts: object) -> Markup:
    """Parts one after the other, each escaped unless it is markup already."""
    return Markup("").join(parts)  # type: ignore[arg-type]


def ticked(text: str) -> Markup:
    """Escaped text whose `names` are set as code."""
    parts = re.split(r"`([^`\n]+)`", text)
    return join(tag("code", p) if i % 2 else escape(p) for i, p in enumerate(parts))


def breakable(text: str) -> Markup:
    """Escaped text that may break after an underscore, a slash, a dot or a hyphen."""
    parts = re.split(r"(?<=[_/.\-])(?=\w)", text)
    return Markup("<wbr>").join(parts)


def sentences(text: str) -> tuple[Markup, Markup]:
    """The first sentence, and the rest."""
    first, *rest = re.split(r"(?<=[.!?])\s+(?=[A-Z`])", text.strip(), maxsplit=1)
    return ticked(first), ticked(rest[0] if rest else "")
