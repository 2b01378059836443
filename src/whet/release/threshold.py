"""The confidence under which a person must look, as a specialist's own held-out answers say it.

    08-evidence.json of this specialist, as it was released -> `confidence.threshold`
    else, on trial: 05-scores.jsonl -> the same, computed anew

It is the lowest confidence above which answers are promised to have the wanted precision
(``evaluate.calibrate.threshold_for``: 95 % sure, whatever threshold was looked at). Held-out rows and not dev
decide, as the specialist has learned dev once everything was chosen. Where so few rows can promise nothing
there is none, and who serves says what holds then. Knows no server.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from whet.release.checked import altered
from whet.store import file_digest, read_json, read_jsonl

if TYPE_CHECKING:
    from whet.release.releases import Release

EVIDENCE, SCORES = "08-evidence*.json", "05-scores.jsonl"
PRECISION = 0.98
"""Wanted where no evidence was taken; as ``whet evidence`` has it."""


def threshold_of(release: Release) -> float | None:
    """A release's threshold; None: its held-out answers promise none, or there are none.

    Raises:
        Refused: its evidence is not what was released.
    """
    for path in sorted(release.evidence.glob(EVIDENCE)):
        if not release.trial and release.evaluated_by.get(path.name) != file_digest(path):
            if path.name in release.evaluated_by:
                raise altered(path)
            continue
        found = read_json(path)
        if isinstance(found, dict) and found.get("specialist") == release.digests.specialist:
            return _shown(found)
    scores = release.evidence / SCORES
    return _of_scores(scores, release.rung) if release.trial and scores.is_file() else None


def _shown(found: dict[str, Any]) -> float | None:
    """What the measure of confidence found."""
    for measure in found.get("measures", ()):
        if measure["name"] == "confidence":
            figures = (figure["value"] for figure in measure["figures"] if figure["name"] == "threshold")
            return next(map(float, figures), None)
    return None


def _of_scores(path: Path, rung: str) -> float | None:
    from whet.evaluate.calibrate import threshold_for

    rows = [row for row in read_jsonl(path) if rung in row.get("rungs", {}) and "truth" in row]
    answers = [row["rungs"][rung] for row in rows]
    right = [answer["output"] == row["truth"] for answer, row in zip(answers, rows, strict=True)]
    found = threshold_for([float(answer["confidence"]) for answer in answers], right, PRECISION)
    return found.confidence if found else None
