"""Rows to read next: real vectors, and labels that were planted wrong."""

from __future__ import annotations

import numpy as np

from tests.check_rows import encode, subject
from tests.conftest import tickets
from whet.check.accurate import CHECKS as FIRST
from whet.check.doubtful import CHECKS, read_next
from whet.check.findings import Finding
from whet.check.subject import Subject, Tools

TOOLS = Tools(encode=encode)
RIGHT = tickets(60, seed=1)
PLANTED = {3: "refund", 40: "login", 77: "parcel", 101: "login", 150: "refund", 160: "parcel"}


def mislabelled() -> Subject:
    return subject([(text, PLANTED.get(row, label)) for row, (text, label) in enumerate(RIGHT)], "classify")


def both(of: Subject, tools: Tools = TOOLS) -> tuple[list[Finding], list[Finding]]:
    """What looks wrong, and what comes next."""
    (first,) = (check for check in FIRST if check.name == "accurate.label-errors")
    return list(first.find(of, tools)), list(CHECKS[0].find(of, tools))


def test_as_many_rows_as_look_wrong_come_next_and_none_of_them_again() -> None:
    (wrong,), (doubtful,) = both(mislabelled())
    before, after = ({flag.row for flag in one.flags} for one in (wrong, doubtful))
    assert len(after) == len(before) > 0
    assert not before & after
    scores = [flag.score or 0.0 for flag in doubtful.flags]
    assert scores == sorted(scores, reverse=True)
    assert doubtful.severity == "advice"
    assert all(flag.proposal not in (None, mislabelled().outputs[flag.row]) for flag in doubtful.flags)


def test_nothing_comes_next_where_no_label_looks_wrong() -> None:
    assert both(subject(RIGHT, "classify")) == ([], [])


def test_the_models_are_asked_once_for_the_first_list_and_once_without_it() -> None:
    read = list[int]()

    def counting(texts: object) -> object:
        read.append(1)
        return encode(texts)  # type: ignore[arg-type]

    of = mislabelled()
    both(of, Tools(encode=counting))  # type: ignore[arg-type]
    assert len(read) == 1
    both(of, Tools(encode=counting, seed=1))  # type: ignore[arg-type]
    assert len(read) == 2, "the control: with another seed it is worked out anew"


def test_of_several_labels_a_row_there_is_no_next() -> None:
    rows = [(text, "login|refund" if n % 5 == 0 else label) for n, (text, label) in enumerate(RIGHT)]
    assert both(subject(rows, "classify", separator="|"))[1] == []


def test_the_order_goes_by_the_belief_in_the_own_label_alone() -> None:
    """A row that fits nowhere comes before one with a rival; labels with few rows are left out."""
    given = np.array([0] * 12 + [1] * 12 + [2] * 3)
    probabilities = np.full((27, 4), 0.25)
    probabilities[np.arange(27), given] = 0.9
    probabilities[3] = [0.05, 0.31, 0.32, 0.32]
    probabilities[15] = [0.85, 0.15, 0.0, 0.0]
    probabilities[25] = [0.9, 0.1, 0.0, 0.0]
    wrong = np.zeros(27, bool)
    wrong[[0, 13]] = True
    assert read_next(probabilities, given, wrong).tolist() == [3, 15]
