"""What ``tune`` gives up to keep to its minutes, and what a verdict then no longer claims."""

from __future__ import annotations

import pytest

from tests.conftest import examples, tickets
from whet.rungs.base import Setting
from whet.rungs.budget import cost, plan
from whet.rungs.tune import Tune

BOTH = ("full", "lora")


@pytest.mark.parametrize(
    ("reading", "methods", "epochs"),
    [
        (1, BOTH, 2.0),
        (24, ("full",), 2.0),
        (40, ("full",), 1.5),
        (55, ("full",), 1.0),
        (9999, ("full",), 0.2),
    ],
)
def test_the_second_method_goes_first_then_epochs(
    reading: float, methods: tuple[str, ...], epochs: float
) -> None:
    found = plan(BOTH, 2.0, reading, 6)
    assert (found.methods, found.epochs) == (methods, epochs)
    assert found.cut_short == (epochs < 2)
    assert bool(found.note) == (methods != BOTH)


@pytest.mark.parametrize("reading", [1.0, 10.0, 30.0, 50.0, 80.0])
def test_what_is_planned_fits_or_is_the_least(reading: float) -> None:
    found = plan(BOTH, 2.0, reading, 6)
    ends = 1.0 if found.cut_short else 2.0
    assert reading * cost(len(found.methods), found.epochs, ends) <= 360 or found.epochs == 0.2


def test_without_minutes_all_is_trained() -> None:
    assert plan(BOTH, 2.0, 9999, None).methods == BOTH


def test_a_note_says_what_went_and_what_all_would_take() -> None:
    found = plan(BOTH, 2.0, 72, 6)
    assert found.note == (
        "trained by `full` only and for 0.5 of 2 epochs, to keep to `tune.minutes` (6); all of it would "
        "take about 22 minutes on this machine"
    )


def test_a_rung_that_was_cut_short_says_so() -> None:
    rows = examples(tickets(16))
    setting = Setting(tune={"methods": ["full"], "minutes": 0.00001})
    specialist = Tune(setting).fit(rows[:32], rows[32:])
    assert specialist.info.cut_short
    assert specialist.info.choices["recipe"]["epochs"] == pytest.approx(0.2)
    assert specialist.info.choices["mix"]["share"] == 1.0
    assert "trained for 0.2 of 2 epochs, to keep to `tune.minutes`" in specialist.info.notes[0]
    again = Tune(setting, specialist.info.choices).fit(rows[:32], rows[32:])
    assert not again.info.notes  # what was chosen is trained, and nothing is planned anew
