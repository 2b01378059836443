"""What a check says: findings, each with its rows, its severity, why it matters, and the repair.

The ten standards are the ten things that good training data is. A finding that *blocks* stops a run
unless the task accepts it by name; *advice* is shown. Knows no checks and no files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from whet.check.subject import Subject, Tools

Standard = Literal[
    "accurate",
    "consistent",
    "relevant",
    "representative",
    "well labelled",
    "task aligned",
    "well formatted",
    "privacy safe",
    "reviewed for bias",
    "split",
]
STANDARDS: tuple[Standard, ...] = Standard.__args__  # type: ignore[attr-defined]
Severity = Literal["blocks", "advice"]
Need = Literal["encoder", "tokenizer", "names", "traffic", "split"]


@dataclass(frozen=True, slots=True)
class Flag:
    """One row that a finding is about."""

    row: int
    """Index into the subject's columns; the page shows its ``file:line``."""
    field: str = ""
    """``input``, ``output``, ``turns`` or a metadata column."""
    note: str = ""
    """What is wrong with this row. Personal data and secrets stand here masked, never in full."""
    others: tuple[int, ...] = ()
    """Rows it stands against: the near twin, the contradiction."""
    score: float | None = None
    """How sure, where the check ranks rows; higher is surer."""
    proposal: str | None = None
    """The value that the repair would write into ``field``."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault of the data, with every row that shows it."""

    check: str
    """Stable name, ``standard.fault``: what ``check.accept`` in a task names."""
    standard: Standard
    severity: Severity
    what: str
    """One sentence with the count: "12 pairs of near-identical inputs have different outputs"."""
    why: str
    """Why it matters for a model that learns from this."""
    repair: str
    """What to do next: a rule of ``whet repair``, or what a person must decide."""
    flags: tuple[Flag, ...] = ()
    figures: Mapping[str, float | int | str] = field(default_factory=dict)
    """What was measured: noise estimate, thresholds, intervals, by name."""


@dataclass(frozen=True, slots=True)
class Check:
    """One check: a function from the subject to findings, and what it needs to run."""

    name: str
    standard: Standard
    find: Callable[[Subject, Tools], Iterable[Finding]]
    needs: tuple[Need, ...] = ()
    """Without these in ``Tools`` the check is skipped, and the report says so."""
    kinds: tuple[str, ...] = ("classify", "extract", "write")
    on_test: bool = False
    """Whether held-out rows may be looked at: form, leaks and personal data only (rule 1)."""


@dataclass(frozen=True, slots=True)
class Report:
    """All findings on one subject, and which checks did not run."""

    rows: int
    findings: tuple[Finding, ...]
    ran: tuple[str, ...]
    """Names of the checks that ran."""
    skipped: Mapping[str, str] = field(default_factory=dict)
    """Name of a check to why it did not run."""
    seconds: Mapping[str, float] = field(default_factory=dict)
    """Name of a check to the time it took."""
    standards: Mapping[str, Standard] = field(default_factory=dict)
    """Name of a check to its standard, of those that ran or were skipped."""

    def of(self, standard: Standard) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.standard == standard)

    def blocking(self, accepted: Iterable[str] = ()) -> tuple[Finding, ...]:
        """Findings that stop a run, less those accepted by name."""
        known = set(accepted)
        return tuple(f for f in self.findings if f.severity == "blocks" and f.check not in known)
