"""The data card: what is in a set of examples, where it is from, what was found and what was changed.

One JSON value holds every figure; ``repair/card_page.py`` draws it as Markdown and adds none. The sections
follow "Datasheets for Datasets" (Gebru et al., arXiv 1803.09010) and the front matter the Hugging Face
dataset card. What nobody said stands as "not provided". Personal data is counted by type and never shown.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from whet.check.findings import STANDARDS, Finding, Report
from whet.check.language import languages
from whet.check.result import status
from whet.repair.items import Change
from whet.version import __version__

if TYPE_CHECKING:
    from whet.check.subject import Subject

NOT_PROVIDED = "not provided"
FEW = 10  # examples: a label with fewer is learned badly and measured worse
OTHER_KIND = "is not for"  # how a check that has nothing to look at is skipped
STATUS = {
    "met": "met",
    "advice": "met, with advice",
    "accepted": "not met, accepted",
    "blocks": "not met",
    "not checked": "not checked",
}


@dataclass(frozen=True, slots=True)
class Source:
    """A file that the examples come from."""

    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class About:
    """What only people know about the data; empty where nobody said it."""

    name: str
    purpose: str = ""
    origin: str = ""
    collected: str = ""
    """How, by whom and with whose consent."""
    labelled_by: str = ""
    licence: str = ""
    maintainer: str = ""


@dataclass(frozen=True, slots=True)
class Repair:
    """What was done to the rows that the card describes."""

    log: Sequence[Change] = ()
    open_questions: int = 0
    answered: int = 0


def card(
    subject: Subject,
    report: Report,
    about: About,
    sources: Sequence[Source],
    repair: Repair | None = None,
    *,
    file: Source | None = None,
    accepted: Iterable[str] = (),
    checked: str = "these rows",
    clean: Callable[[str], str] = str,
) -> dict[str, Any]:
    """Everything a card says, as plain JSON.

    Args:
        subject: the rows that the card describes.
        report: what the checks found.
        about: what people said.
        sources: the files read.
        repair: the changes that led to these rows, where there were any.
        file: the file that holds these rows.
        accepted: blocking findings that the task goes on with.
        checked: which rows the checks saw, where not these.
        clean: takes personal data out of the words of findings.
    """
    return {
        "name": about.name,
        "whet": __version__,
        "file": _file(file) if file else {},
        "motivation": {"purpose": _said(about.purpose), "instruction": _said(clean(subject.instruction))},
        "composition": _composition(subject),
        "collection": {
            "origin": _said(about.origin),
            "collected": _said(about.collected),
            "labelled_by": _said(about.labelled_by),
            "time": _time(subject),
            "sources": [_file(source) for source in sources],
        },
        "processing": _processing(repair),
        "personal_data": _personal(report, repair),
        "standards": [_standard(report, name, accepted, clean) for name in STANDARDS],
        "checked": checked,
        "uses": {"task": subject.kind, "licence": _said(about.licence)},
        "maintenance": {"maintainer": _said(about.maintainer)},
        "limits": _limits(subject, report, about, repair),
    }


def _file(source: Source) -> dict[str, Any]:
    return {"name": source.name, "bytes": source.bytes, "sha256": source.sha256}


def _said(text: str) -> str:
    return text.strip() or NOT_PROVIDED


def _composition(subject: Subject) -> dict[str, Any]:
    found: dict[str, Any] = {
        "kind": subject.kind,
        "rows": len(subject),
        "unreadable_rows": len(subject.broken),
        "input_characters": _lengths(map(len, subject.inputs)),
        "output_characters": _lengths(map(len, subject.outputs)),
        "input_words": _lengths(len(text.split()) for text in subject.inputs),
        "output_words": _lengths(len(text.split()) for text in subject.outputs),
        "languages": _counts(language or "not plain" for language in languages(subject.inputs)),
        "columns": sorted(subject.meta),
    }
    if subject.kind == "classify":
        found["labels"] = _counts(name for names in subject.label_sets() for name in names)
        found["several_labels"] = subject.separator is not None
    if subject.sides is not None:
        found["sides"] = _counts(subject.sides)
    return found


def _counts(names: Iterable[str]) -> dict[str, int]:
    """Name to count, the most frequent first, then by name."""
    return dict(sorted(Counter(names).items(), key=lambda pair: (-pair[1], pair[0])))


def _lengths(lengths: Iterable[int]) -> dict[str, int]:
    """Smallest, middle, 95th of a hundred, largest and sum; the quantiles by nearest rank."""
    ordered = sorted(lengths)
    if not ordered:
        return {}
    rank = {"median": -(-len(ordered) // 2), "p95": -(-95 * len(ordered) // 100)}
    quantiles = {name: ordered[place - 1] for name, place in rank.items()}
    return {"min": ordered[0], **quantiles, "max": ordered[-1], "sum": sum(ordered)}


def _time(subject: Subject) -> dict[str, Any]:
    """The span of the task's column of dates."""
    column = subject.columns.get("time", "")
    moments = [(moment, text) for text in subject.meta.get(column, ()) if (moment := _moment(text))]
    if not moments:
        return {"column": column or NOT_PROVIDED, "dated_rows": 0}
    first, last = min(moments)[1], max(moments)[1]
    return {"column": column, "dated_rows": len(moments), "first": first, "last": last}


def _moment(text: str) -> datetime | None:
    """An ISO 8601 date or time, in UTC where it names no zone."""
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _processing(repair: Repair | None) -> dict[str, Any]:
    if repair is None:
        return {"changes": {}, "rows_removed": 0, "open_questions": 0, "answered_questions": 0}
    gone = {change.row for change in repair.log if change.after is None and change.rule != "broken"}
    return {
        "changes": _counts(change.rule for change in repair.log),
        "rows_removed": len(gone),
        "open_questions": repair.open_questions,
        "answered_questions": repair.answered,
    }


def _personal(report: Report, repair: Repair | None) -> dict[str, Any]:
    """Personal data by type (figures in capitals): what the checks found, and what stand-ins replaced."""
    found = {f.check: len({flag.row for flag in f.flags}) for f in report.of("privacy safe")}
    types: Counter[str] = Counter()
    for finding in report.of("privacy safe"):
        types.update(
            {name: n for name, n in finding.figures.items() if name.isupper() and isinstance(n, int)}
        )
    replaced = [change.before for change in (repair.log if repair else ()) if change.rule == "redact"]
    return {"rows_found": found, "found": _sorted(types), "replaced": _counts(map(str, replaced))}


def _sorted(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))


def _standard(
    report: Report, name: Any, accepted: Iterable[str], clean: Callable[[str], str]
) -> dict[str, Any]:
    """Where a standard stands, with its findings and with its checks that did not run."""
    found = STATUS[status(report, name, accepted)]
    mine = [check for check, standard in report.standards.items() if standard == name]
    missing = {check: why for check, why in _missing(report).items() if check in mine}
    return {
        "name": name,
        "status": f"{found}, as far as checked" if found == "met" and missing else found,
        "findings": [_finding(finding, clean) for finding in report.of(name)],
        "ran": [check for check in mine if check in report.ran],
        "not_run": missing,
    }


def _missing(report: Report) -> dict[str, str]:
    """Checks that would have had something to look at, and did not run."""
    return {name: why for name, why in report.skipped.items() if not why.startswith(OTHER_KIND)}


def _finding(finding: Finding, clean: Callable[[str], str]) -> dict[str, Any]:
    return {
        "check": finding.check,
        "severity": finding.severity,
        "what": clean(finding.what),
        "rows": len({flag.row for flag in finding.flags}),
        "repair": clean(finding.repair),
    }


def _limits(subject: Subject, report: Report, about: About, repair: Repair | None) -> list[str]:
    """What a user of the data must know, as far as it can be told from the data."""
    because: dict[str, list[str]] = defaultdict(list)
    for name, why in _missing(report).items():
        because[why].append(name)
    limits = [f"{', '.join(names)} did not run: {why}" for why, names in because.items()]
    if subject.broken:
        limits.append(f"{len(subject.broken)} record(s) could not be read and are not in it")
    if repair and repair.open_questions:
        limits.append(f"{repair.open_questions} question(s) of the review are open")
    if repair and any(change.rule == "redact" for change in repair.log):
        limits.append("personal data that no pattern and no tagger found is still in it")
    if subject.kind == "classify":
        counts = Counter(name for names in subject.label_sets() for name in names)
        rare = [name for name, count in counts.items() if count < FEW]
        limits += [f"{len(rare)} label(s) have fewer than {FEW} examples"] if rare else []
    unsaid = [name for name in ("purpose", "origin", "collected", "licence") if not getattr(about, name)]
    return [*limits, f"not provided: {', '.join(unsaid)}"] if unsaid else limits
