"""The runner of checks: who runs, who is skipped and why, and what held-out rows are kept from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from whet.check.findings import STANDARDS, Check, Finding, Flag
from whet.check.result import as_json, status
from whet.check.run import all_checks, run_checks
from whet.check.subject import Subject, Tools

ROWS = Subject(
    kind="classify",
    inputs=["a", "b", "c", "d"],
    outputs=["x", "y", "x", "y"],
    files=["f.csv"] * 4,
    lines=[2, 3, 4, 5],
    sides=["test", "train", "test", "dev"],
)


def every_row(subject: Subject, _tools: Tools) -> Iterable[Finding]:
    """Flags each row it is shown, the first against the last."""
    flags = [Flag(row, "input", subject.inputs[row]) for row in range(len(subject))]
    flags[0] = replace(flags[0], others=(len(subject) - 1,))
    return [Finding("relevant.any", "relevant", "advice", "seen", "why", "repair", tuple(flags))]


def test_held_out_rows_are_kept_from_checks_that_learn() -> None:
    report = run_checks(ROWS, Tools(), [Check("relevant.any", "relevant", every_row)])
    (finding,) = report.findings
    assert [(flag.row, flag.note) for flag in finding.flags] == [(1, "b"), (3, "d")]
    assert finding.flags[0].others == (3,), "rows are those of the whole subject"


def test_a_check_of_form_sees_them_all() -> None:
    """The control: the same check with ``on_test`` is shown every row."""
    report = run_checks(ROWS, Tools(), [Check("relevant.any", "relevant", every_row, on_test=True)])
    assert [flag.row for flag in report.findings[0].flags] == [0, 1, 2, 3]


def test_what_cannot_run_is_named_with_the_reason() -> None:
    checks = [
        Check("a.encoder", "relevant", every_row, needs=("encoder",)),
        Check("b.kind", "relevant", every_row, kinds=("write",)),
        Check("c.skipped", "accurate", every_row),
        Check("d.ran", "split", every_row),
    ]
    report = run_checks(ROWS, Tools(), checks, skip=["accurate"])
    assert report.ran == ("d.ran",)
    assert "encoder" in report.skipped["a.encoder"]
    assert "classify" in report.skipped["b.kind"]
    assert report.skipped["c.skipped"] == "left out by the task"
    with_encoder = run_checks(ROWS, Tools(encode=lambda texts: np.zeros((len(texts), 2), np.float32)), checks)
    assert "a.encoder" in with_encoder.ran


def test_status_of_a_standard() -> None:
    blocking = Finding("split.leak", "split", "blocks", "w", "y", "r", (Flag(0),))
    advice = replace(blocking, check="accurate.a", standard="accurate", severity="advice")

    def found(subject: Subject, _tools: Tools) -> Iterable[Finding]:
        return [blocking, advice]

    report = run_checks(ROWS, Tools(), [Check("split.leak", "split", found, on_test=True)])
    assert status(report, "split") == "blocks"
    assert status(report, "split", ["split.leak"]) == "accepted"
    assert status(report, "accurate") == "advice"
    assert status(report, "relevant") == "not checked"
    assert report.blocking() == (blocking,)
    assert report.blocking(["split.leak"]) == ()


def test_the_report_masks_what_it_shows() -> None:
    report = run_checks(ROWS, Tools(), [Check("relevant.any", "relevant", every_row, on_test=True)])
    found = as_json(report, ROWS, mask=lambda text: text.replace("b", "*"))
    rows = found["findings"][0]["rows"]
    assert [row["input"] for row in rows] == ["a", "*", "c", "d"]
    assert rows[0]["others"] == ["f.csv:5"]
    assert found["passes"]


def test_every_check_has_a_name_of_its_standard_and_is_there_once() -> None:
    checks = all_checks()
    names = [check.name for check in checks]
    assert len(names) == len(set(names))
    assert {check.standard for check in checks} == set(STANDARDS), "each standard has a check"
    order = [STANDARDS.index(check.standard) for check in checks]
    assert order == sorted(order)
