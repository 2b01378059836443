"""Guards what people decide: it comes back as it was meant, and is refused where it does not fit."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.repair_rows import (
    ASKED,
    CONTRADICTION,
    OFF_TASK,
    PARCEL,
    REFUND,
    decide,
    finding,
    mend,
    table,
    told,
)
from whet.check.findings import Flag
from whet.errors import InputError
from whet.repair.decisions import read_answers
from whet.repair.review import as_csv, guarded, unguarded

same_every_time = settings(deadline=None, derandomize=True, database=None, max_examples=60)

# Decisions.


def test_what_a_person_must_decide_is_asked_and_taken_back(tmp_path: Path) -> None:
    first = mend(ASKED, CONTRADICTION, OFF_TASK)
    assert first.rows == ASKED
    assert [(q["finding"], q["row"], q["decision"]) for q in first.review] == [
        ("consistent.contradictions", "t.csv:2", ""),
        ("consistent.contradictions", "t.csv:3", ""),
        ("relevant.off-task", "t.csv:4", ""),
    ]
    assert first.open == 3
    path = decide(first.review, tmp_path, row2="keep", row3="relabel:parcel", row4="drop")
    done = mend(ASKED, CONTRADICTION, OFF_TASK, rules=(), decisions=read_answers(path))
    assert told(done) == [
        ("t.csv:2", "", PARCEL, PARCEL, "decision"),
        ("t.csv:3", "label", "refund", "parcel", "decision"),
        ("t.csv:4", "", "sing me a song", None, "decision"),
    ]
    assert done.log[2].why == "relevant.off-task: drop"
    assert done.open == 0
    assert [row["label"] for row in done.rows] == ["parcel", "parcel", "refund"]
    # The review that is written now has the decisions in it, and leads to the same again.
    assert [q["decision"] for q in done.review] == ["keep", "relabel:parcel", "drop"]
    path.write_text(as_csv(done.review), encoding="utf-8", newline="")
    again = mend(ASKED, CONTRADICTION, OFF_TASK, rules=(), decisions=read_answers(path))
    assert (again.rows, again.log, again.review) == (done.rows, done.log, done.review)


def test_an_edit_takes_the_texts_of_its_cells(tmp_path: Path) -> None:
    review = mend(ASKED, OFF_TASK).review
    rows = [{**review[0], "decision": "edit", "input": "=sing(a song)", "output": "music", "comment": "ours"}]
    path = tmp_path / "review.csv"
    path.write_text(as_csv(rows), encoding="utf-8", newline="")
    done = mend(ASKED, OFF_TASK, rules=(), decisions=read_answers(path))
    assert done.rows[2] == {"text": "=sing(a song)", "label": "music"}
    assert [(c.column, c.after, c.why) for c in done.log] == [
        ("label", "music", "relevant.off-task: ours"),
        ("text", "=sing(a song)", "relevant.off-task: ours"),
    ]
    path.write_text(as_csv(done.review), encoding="utf-8", newline="")
    assert mend(ASKED, OFF_TASK, rules=(), decisions=read_answers(path)).rows == done.rows


def test_what_a_person_kept_is_not_merged_or_relabelled(tmp_path: Path) -> None:
    rows = table((REFUND, "parcel"), (REFUND + " please", "parcel"), (PARCEL, "refund"))
    flagged = finding(
        "accurate.label-errors", "accurate", Flag(0, "output", "odd", score=0.9, proposal="refund")
    )
    review = mend(rows, flagged, rules=()).review
    assert mend(rows, flagged).review == []  # a row that was merged is asked about no more
    decisions = read_answers(decide(review, tmp_path, row2="keep"))
    done = mend(rows, flagged, accept={"label-errors": 0.5}, decisions=decisions)
    assert done.rows[0] == rows[0]
    # The controls: without the decision it is relabelled, and without either it is merged.
    assert mend(rows, flagged, accept={"label-errors": 0.5}).rows[0]["label"] == "refund"
    assert rows[0] not in mend(rows, flagged).rows


@pytest.mark.parametrize(
    ("decision", "message"),
    [
        ("relabel:parcle", r"review.csv:4: decision: 'parcle' is no label. Did you mean 'parcel'\?"),
        ("edit", "review.csv:4: decision: edit, but input and output are as they were"),
    ],
)
def test_a_decision_that_does_not_fit_is_an_error_with_its_line(
    tmp_path: Path, decision: str, message: str
) -> None:
    path = decide(mend(ASKED, CONTRADICTION, OFF_TASK).review, tmp_path, row4=decision)
    with pytest.raises(InputError, match=message):
        mend(ASKED, CONTRADICTION, OFF_TASK, decisions=read_answers(path))


def test_unknown_ids_and_rows_that_have_changed_are_told_apart_and_refused(tmp_path: Path) -> None:
    review = mend(ASKED, CONTRADICTION, OFF_TASK).review
    path = decide(review, tmp_path, row3="drop", row4="drop")
    changed = [{**row, "label": "login"} if n == 0 else row for n, row in enumerate(ASKED)]
    with pytest.raises(
        InputError, match=r"review.csv:3: the row, or one that it stands against, has changed"
    ):
        mend(changed, CONTRADICTION, OFF_TASK, decisions=read_answers(path))
    with pytest.raises(
        InputError, match=r"1 decision\(s\) do not fit:\n  review.csv:4: id: .* no finding has it"
    ):
        mend(ASKED, CONTRADICTION, decisions=read_answers(path))
    assert len(mend(ASKED, CONTRADICTION, OFF_TASK, decisions=read_answers(path)).rows) == 2  # the control


def test_two_decisions_about_one_row_must_agree(tmp_path: Path) -> None:
    also = finding("aligned.refusals", "task aligned", Flag(2, "output", "a refusal"))
    review = mend(ASKED, OFF_TASK, also).review
    for second, fits in (("drop", True), ("keep", True), ("relabel:parcel", False)):
        rows = [{**row, "decision": d} for row, d in zip(review, ("drop", second), strict=True)]
        path = tmp_path / "review.csv"
        path.write_text(as_csv(rows), encoding="utf-8", newline="")
        if fits:
            assert len(mend(ASKED, OFF_TASK, also, decisions=read_answers(path)).rows) == 3
        else:
            with pytest.raises(InputError, match=r"review.csv:3: decision: review.csv:2 decides otherwise"):
                mend(ASKED, OFF_TASK, also, decisions=read_answers(path))


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["id,finding", "a,b"], "there is no column 'decision'"),
        (
            ["id,decision", "a,drip"],
            r"review.csv:2: decision: 'drip': must be keep, drop, relabel:VALUE or edit",
        ),
        (["id,decision", "a,relabel:"], "review.csv:2: decision: 'relabel:': must be"),
        (["id,decision", "a,drop", "a,keep"], "review.csv:3: id: is already at line 2"),
    ],
)
def test_a_review_that_cannot_be_read_is_an_error_with_its_line(
    tmp_path: Path, lines: list[str], message: str
) -> None:
    path = tmp_path / "review.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    with pytest.raises(InputError, match=message):
        read_answers(path)


@given(st.text(st.sampled_from("'=+-@\t\rab1 ,\"\n;"), max_size=12))
@same_every_time
def test_no_cell_is_a_formula_and_every_cell_comes_back(cell: str) -> None:
    assert guarded(cell)[:1] not in {"=", "+", "-", "@", "\t", "\r"} or not cell
    assert unguarded(guarded(cell)) == cell


def test_an_empty_review_is_no_error(tmp_path: Path) -> None:
    path = tmp_path / "review.csv"
    path.write_text(as_csv([]), encoding="utf-8", newline="")
    assert read_answers(path) == ()
    (tmp_path / "review.jsonl").write_text("")
    assert read_answers(tmp_path / "review.jsonl") == ()


def test_a_spreadsheet_s_limit_is_no_silent_cut(tmp_path: Path) -> None:
    rows = table(("long " * 8000, "a"), (REFUND, "b"))
    flagged = finding("relevant.off-task", "relevant", Flag(0, "input", "far"))
    review = mend(rows, flagged).review
    cut = [{**review[0], "decision": "edit", "input": review[0]["input"][:32_767], "output": "b"}]
    path = tmp_path / "review.csv"
    path.write_text(as_csv(cut), encoding="utf-8", newline="")
    with pytest.raises(InputError, match="was cut by the spreadsheet"):
        mend(rows, flagged, decisions=read_answers(path))
