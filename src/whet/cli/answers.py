"""A prediction as the command line gives it: one JSON object, or a line and what it leans on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from whet.records import Prediction


def as_row(text: str, answer: Prediction, *, digits: int | None = None) -> dict[str, Any]:
    """Input, output, confidence; where documents were searched, the passages and the documents' digest."""
    sure = answer.confidence if digits is None else round(answer.confidence, digits)
    row: dict[str, Any] = {"input": text, "output": answer.output, "confidence": sure}
    if answer.failed:
        row["failed"] = answer.failed
    if answer.knowledge:
        row |= {"passages": _passages(answer), "knowledge": answer.knowledge}
    return row


def _passages(answer: Prediction) -> list[dict[str, Any]]:
    """What was shown, best first, and whether the answer leans on it."""
    from whet.rungs.lookup import cited

    return [
        {"source": one.source, "heading": one.heading, "text": one.text, "cited": leans}
        for one, leans in zip(answer.passages, cited(answer.output, answer.passages), strict=True)
    ]


def spoken(answer: Prediction) -> Iterator[str]:
    """The answer, how sure it is, and the passages that were shown; those that it leans on are marked."""
    said = answer.output if isinstance(answer.output, str) else ", ".join(answer.output)
    yield f"{said or '(none)'}  ({answer.confidence:.0%} sure)"
    for n, one in enumerate(_passages(answer), start=1):
        under = f" ({one['heading']})" if one["heading"] else ""
        yield f"  [{n}]{'*' if one['cited'] else ' '} {one['source']}{under}"
