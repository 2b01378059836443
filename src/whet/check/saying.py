"""Counts as people say them. Knows no checks."""

from __future__ import annotations

from collections.abc import Sequence


def counted(count: int, one: str, many: str = "") -> str:
    """``1 row``, ``1,234 rows``; ``many`` where an s is not enough: ``2 rows hold``."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def first(found: Sequence[str], most: int = 3) -> str:
    """The first few different ones, and how many more there are."""
    kinds = list(dict.fromkeys(found))
    more = f" and {len(kinds) - most:,} more" if len(kinds) > most else ""
    return ", ".join(kinds[:most]) + more
