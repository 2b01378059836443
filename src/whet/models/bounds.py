"""Exclusive bounds of numbers, moved in by what a reader's rounding could give back.

An answer may write -2.5000000000000000000001, which is less than -2.5 as it stands and not less once it is
read as a float of 64 bits. So the bound that is kept while writing lies a billionth further in. Whole numbers
and bounds at zero need none of it. Knows no tokens.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MARGIN = 1e-9
"""Share of the bound; 64-bit floats are spaced by 2e-16 of theirs."""
INWARD = {"exclusiveMaximum": ("maximum", -1), "exclusiveMinimum": ("minimum", 1)}
VALUES = frozenset({"const", "default", "enum", "examples"})
"""Keys that hold values, not schemas."""


def moved_in(schema: Any) -> Any:
    """The schema with inclusive bounds in place of exclusive ones, a little further in; the rest as it is."""
    if isinstance(schema, list):
        return [moved_in(one) for one in schema]
    if not isinstance(schema, Mapping):
        return schema
    found = {key: one if key in VALUES else moved_in(one) for key, one in schema.items()}
    if schema.get("type") == "integer":
        return found
    for key, (kept, sign) in INWARD.items():
        bound = schema.get(key)
        if isinstance(bound, int | float) and not isinstance(bound, bool) and bound:
            del found[key]
            inner = bound + sign * abs(bound) * MARGIN
            other = found.get(kept)
            found[kept] = inner if other is None else (max if sign > 0 else min)(inner, other)
    return found
