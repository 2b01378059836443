"""The word lists of ``words.txt``: names of people, places, firms, streets and jobs, and words that look
like names and are none."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path


@lru_cache(maxsize=1)
def words() -> dict[str, tuple[str, ...]]:
    """Section to its words."""
    text = (Path(__file__).resolve().parent / "words.txt").read_text(encoding="utf-8")
    parts = re.split(r"^\[(\w+)\]$", text, flags=re.MULTILINE)[1:]
    return {
        name: tuple(word for word in (w.strip() for w in " ".join(body.split()).split(";")) if word)
        for name, body in zip(parts[::2], parts[1::2], strict=True)
    }
