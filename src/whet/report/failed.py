"""How wrong answers fail, by kind, for every rung; and the inputs that a rung did not answer.

From ``06-verdict.json``; which kinds there are is ``evaluate.failures``' business. Knows no outputs.
"""

from __future__ import annotations

from typing import Any

from whet.evaluate.failures import FORM
from whet.report import words
from whet.report.shapes import Verdict, answering

PLAIN = "another label"  # of one rung alone: the table of confusions says more


def kind_rows(verdict: Verdict) -> tuple[list[str], list[dict[str, Any]]]:
    """The rungs that answer wrongly, and a row a kind: how often each rung fails so, and on what."""
    failures = verdict.get("failures") or {}
    names = [rung["name"] for rung in verdict["rungs"] if failures.get(rung["name"], {}).get("kinds")]
    counts = {name: {g["kind"]: g["count"] for g in failures[name]["kinds"]} for name in names}
    kinds = sorted(
        {k for by in counts.values() for k in by}, key=lambda k: -max(c.get(k, 0) for c in counts.values())
    )
    if set(kinds) <= {PLAIN}:
        return [], []
    about = {g["kind"]: g["about"] for g in failures.get(answering(verdict), {}).get("kinds", [])}
    rows = [
        {
            "kind": kind,
            "form": kind in FORM,
            "counts": [
                words.count(counts[name][kind]) if kind in counts[name] else words.NONE for name in names
            ],
            "about": ", ".join(
                f"{words.shorten(what, 60)} ({words.count(n)})" for what, n in about.get(kind, [])
            ),
        }
        for kind in kinds
    ]
    return names, rows


def unanswered(verdict: Verdict) -> list[dict[str, Any]]:
    """For each rung that left some: the ids, by reason."""
    found = []
    for name, failed in (verdict.get("failures") or {}).items():
        by_why: dict[str, list[str]] = {}
        for one in failed["unanswered"]:
            by_why.setdefault(one["why"], []).append(one["id"])
        if by_why:
            n = words.count(len(failed["unanswered"]))
            found.append({"name": name, "n": n, "reasons": list(by_why.items())})
    return found
