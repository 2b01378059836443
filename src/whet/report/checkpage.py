"""The check's page: ten standards at a glance, each finding below, its rows one click away.

Made from the JSON of ``check.result``, which holds texts short and masked. Knows no checks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from whet.report.frame import GUIDE, fill

SHOWN = 50  # rows of one finding on the page; 03-check.json has them all
ASKS = {
    "accurate": "Is the approved output true for its input?",
    "consistent": "Do like inputs have like outputs?",
    "relevant": "Does every row belong to this job?",
    "representative": "Does it look like real use?",
    "well labelled": "Are the labels distinct and complete?",
    "task aligned": "Does every output do the job?",
    "well formatted": "Can a model read every row as it is meant?",
    "privacy safe": "Is it free of personal data and secrets?",
    "reviewed for bias": "Do groups of people fare alike?",
    "split": "Is what is held out really unseen?",
}
SIGNS = {
    "met": ("✓", "met"),
    "advice": ("△", "look at it"),
    "accepted": ("△", "accepted by the task"),
    "blocks": ("✗", "blocks"),
    "not checked": ("–", "not checked"),
}


def render_check(found: Mapping[str, Any], *, name: str, command: str, date: str) -> str:
    """The page.

    Args:
        found: ``03-check.json``.
        name: what was checked.
        command: what made it.
        date: when.
    """
    return fill("check.html.j2", guide=GUIDE, name=name, command=command, date=date, **told(found))


def told(found: Mapping[str, Any]) -> dict[str, Any]:
    """What a page tells of a check, whichever page it is: the values of ``check_body.html.j2``."""
    found = {**found, "findings": _with_anchors(found["findings"])}
    return {
        "state": ("decided", "Nothing blocks") if found["passes"] else ("missed", "Blocked"),
        "sentence": sentence(found),
        "blocking": [f for f in found["findings"] if f["severity"] == "blocks" and not f["accepted"]],
        "standards": [_standard(found, standard) for standard in found["standards"]],
        "skipped": sorted(found["skipped"].items()),
        "shown": SHOWN,
    }


def _with_anchors(findings: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Findings with a short title and a place on the page each; one check may have several."""
    return [
        {**finding, "anchor": f"{finding['check']}-{n}", "title": title(finding["check"])}
        for n, finding in enumerate(findings)
    ]


def title(check: str) -> str:
    """The fault in a check's name: ``formatted.role-order`` is "role order"."""
    return check.rpartition(".")[2].replace("-", " ")


def sentence(found: Mapping[str, Any]) -> str:
    """What the check says, in one plain sentence."""
    status = [standard["status"] for standard in found["standards"]]
    parts = [f"{status.count('met')} of 10 standards are met"]
    advice = sum(f["severity"] == "advice" for f in found["findings"])
    blocks = sum(f["severity"] == "blocks" and not f["accepted"] for f in found["findings"])
    if blocks:
        parts.append(f"{blocks} {'finding blocks' if blocks == 1 else 'findings block'} a run")
    if advice:
        parts.append(f"{advice} {'finding is' if advice == 1 else 'findings are'} worth a look")
    if unchecked := status.count("not checked"):
        parts.append(f"{unchecked} {'standard' if unchecked == 1 else 'standards'} could not be checked")
    return f"{_joined(parts)}, in {found['rows']:,} examples."


def _joined(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _standard(found: Mapping[str, Any], standard: Mapping[str, Any]) -> dict[str, Any]:
    sign, word = SIGNS[standard["status"]]
    share = standard["rows"] / max(found["rows"], 1)
    mine = [f for f in found["findings"] if f["standard"] == standard["name"]]
    order = {"blocks": 0, "advice": 1}
    return {
        **standard,
        "anchor": standard["name"].replace(" ", "-"),
        "asks": ASKS[standard["name"]],
        "sign": sign,
        "word": word,
        "partly": len(standard["skipped"]) if standard["ran"] else 0,
        "share": f"{100 * share:.1f} %" if standard["rows"] else "",
        "found": sorted(mine, key=lambda f: (order[f["severity"]], -len(f["rows"]))),
    }
