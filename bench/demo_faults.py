"""What ``whet check`` finds of the faults planted in the demo's tickets: one JSON line.

    python bench/demo_faults.py

The whole check runs as in ``whet check``, with the default encoder and the names adapter; ``planted.json``
says what was planted where. A pair is found when one of its tickets is flagged with the other named beside
it, a value when its ticket is flagged by a check of personal data and most of the value lies in told spans, a
wrong label when its ticket is flagged by ``accurate.label-errors``, or comes next in doubt
(``accurate.doubtful-labels``): how many are found so is said apart. Of the first it also says how many flags
there are, how many propose the right queue, and of the missed ones how many look more like another queue
than like their own: a lower bar would flag those, and so many rows in which nothing was planted.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import numpy as np

from whet.check.accurate import believed, labelled
from whet.check.confident import suspects
from whet.check.lexical import with_words
from whet.check.pii.patterns import find_personal
from whet.check.subject import Subject
from whet.checkup import Checked, check_task, names_of
from whet.data.formats import read_table
from whet.data.neardup import near_groups
from whet.demo.task import demo_task
from whet.evaluate.stats import wilson
from whet.models.cache import CachedEncoder
from whet.rungs.vectors import default_encoder
from whet.runs import environment

PAIRS = {
    "exact_duplicates": ("consistent.duplicates",),
    "near_duplicates": ("consistent.near-duplicates",),
    "contradictions": ("consistent.contradiction", "consistent.near-contradiction"),
}
COVERED = 0.7  # of a value's characters
Planted = dict[str, Any]


def main() -> None:
    task, folder = demo_task()
    planted: Planted = json.loads((folder / "planted.json").read_text(encoding="utf-8"))
    table = read_table(folder / "tickets.csv")
    place = {row.values["ticket_id"]: table.where(row) for row in table.rows}
    encoder = CachedEncoder(default_encoder())
    checked = check_task(task, folder, None, encoder=encoder, tell=lambda *_: None)
    line = {
        "bench": "demo_faults",
        "rows": len(checked.subject),
        "environment": environment(),
        "pairs": {kind: pairs(checked, planted[kind], place, names) for kind, names in PAIRS.items()},
        "personal_data": values(checked, planted["personal_data"], place, encoder),
        "wrong_labels": wrong_labels(checked, planted, place, encoder),
    }
    print(json.dumps(line))


def flagged(checked: Checked, *names: str) -> list[dict[str, Any]]:
    return [row for f in checked.found["findings"] if f["check"].startswith(names) for row in f["rows"]]


def share(hits: int, n: int) -> dict[str, float]:
    """Hits of n, with a 95 % Wilson interval."""
    interval = wilson(hits, n)
    return {"found": hits, "n": n, "low": round(interval.low, 4), "high": round(interval.high, 4)}


def pairs(
    checked: Checked, planted: list[list[str]], place: dict[str, str], names: tuple[str, ...]
) -> dict[str, float]:
    wanted = {frozenset((place[one], place[other])) for one, other in planted}
    told = {frozenset((r["source"], o)) for r in flagged(checked, *names) for o in r.get("others", ())}
    return {**share(len(wanted & told), len(wanted)), "pairs_told": len(told)}


def values(
    checked: Checked, planted: list[dict[str, str]], place: dict[str, str], encoder: CachedEncoder
) -> dict[str, dict[str, float]]:
    """By type, the values whose ticket is flagged and that lie in told spans."""
    rows = {row["source"] for row in flagged(checked, "private.")}
    texts = {checked.subject.source(row): text for row, text in enumerate(checked.subject.inputs)}
    sources = sorted({place[item["ticket_id"]] for item in planted})
    names = names_of(encoder.source)
    spans = dict(zip(sources, find_personal([texts[source] for source in sources], names), strict=True))
    hits, n = Counter[str](), Counter[str]()
    for item in planted:
        source = place[item["ticket_id"]]
        start = texts[source].index(item["value"])
        end = start + len(item["value"])
        inside = sum(max(0, min(b, end) - max(a, start)) for a, b, _ in spans[source])
        n[item["type"]] += 1
        hits[item["type"]] += source in rows and inside >= COVERED * (end - start)
    return {kind: share(hits[kind], n[kind]) for kind in sorted(n)}


def wrong_labels(
    checked: Checked, planted: Planted, place: dict[str, str], encoder: CachedEncoder
) -> dict[str, Any]:
    truth = {place[wrong["ticket_id"]]: wrong["true"] for wrong in planted["wrong_labels"]}
    second = {place[ticket] for _, ticket in planted["contradictions"]}  # in a wrong queue as well
    margin, likely = doubts(checked.subject, encoder)
    (finding,) = (f for f in checked.report.findings if f.check == "accurate.label-errors")
    flags = {checked.subject.source(flag.row): flag.proposal for flag in finding.flags}
    hits = truth.keys() & flags.keys()
    doubted = {source for source, value in margin.items() if value > 0}
    missed = truth.keys() - flags.keys()
    after = {row["source"] for row in flagged(checked, "accurate.doubtful-labels")}
    return {
        **share(len(hits), len(truth)),
        "flags": len(flags),
        "found_next_in_doubt": len(missed & after),
        "rows_next_in_doubt": len(after),
        "flags_on_contradictions": len(second & flags.keys()),
        "right_queue_proposed": sum(flags[source] == truth[source] for source in hits),
        "missed_that_look_like_another": len(missed & doubted),
        "missed_whose_likeliest_is_right": sum(likely[source] == truth[source] for source in missed),
        "others_that_look_like_another": len(doubted - truth.keys() - second - flags.keys()),
        "auroc": round(area(margin, set(truth)), 4),
    }


def doubts(subject: Subject, encoder: CachedEncoder) -> tuple[dict[str, float], dict[str, str]]:
    """How much each row looks like another queue than its own, and like which."""
    data = labelled(subject)
    texts = [subject.inputs[row] for row in data.rows]
    vectors = encoder.encode(texts, precise=False).vectors
    seen, groups = with_words(vectors, texts), near_groups(texts)
    found = suspects(believed(seen, data.table, groups, several=False), data.table.argmax(axis=1))
    sources = [subject.source(row) for row in data.rows]
    names = [data.names[label] for label in found.likely]
    return dict(zip(sources, map(float, found.margin), strict=True)), dict(zip(sources, names, strict=True))


def area(score: dict[str, float], wrong: set[str]) -> float:
    """Area under the ROC curve: how often a wrong label ranks above a right one."""
    bad = np.array([value for source, value in score.items() if source in wrong])
    good = np.sort([value for source, value in score.items() if source not in wrong])
    below, upto = np.searchsorted(good, bad, "left"), np.searchsorted(good, bad, "right")
    return float((below + upto).mean() / 2 / len(good))


if __name__ == "__main__":
    main()
