"""Robustness, grounding and a served form, on specialists made for it: one must fail each, one passes."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest

from tests.conftest import tickets
from tests.standin import MODEL, StandIn
from whet.errors import InputError
from whet.evaluate.messy import injected
from whet.evaluate.metrics import Metric
from whet.records import Example, Output
from whet.trust.forms import served
from whet.trust.grounding import Said, grounding
from whet.trust.measures import Figure, Measure
from whet.trust.parity import FormOf, parity
from whet.trust.robustness import robustness

ROWS = tickets(40)
LABELS = sorted({label for _, label in ROWS})
EXAMPLES = [Example(str(n), text, label, f"rows:{n}") for n, (text, label) in enumerate(ROWS)]
KNOWN = dict(ROWS)
HINTS = {
    "parcel": ("parcel", "deliver", "packag", "order", "shipment"),
    "refund": ("refund", "money", "repay", "reimburs", "credit"),
    "login": ("password", "login", "account", "sign", "code"),
}


def figure(measure: Measure, name: str) -> Figure:
    found = measure.figure(name)
    assert found is not None, measure
    return found


def steady(texts: Sequence[str]) -> list[Output]:
    """Reads letters in any case, and the word that stands first: an order does not reach it."""
    return [_steady(text) for text in texts]


def _steady(text: str) -> Output:
    folded = " ".join(text.casefold().replace("\u00a0", " ").split())
    places = {
        label: [folded.find(hint) for hint in hints if hint in folded] for label, hints in HINTS.items()
    }
    found = {label: min(at) for label, at in places.items() if at}
    ordered = [
        label for label in LABELS if re.search(rf"(?:with: |must be: |write |reply with ){label}", folded)
    ]
    if ordered and len(found) > 1:
        found.pop(ordered[0], None)
    return min(found, key=lambda label: found[label]) if found else "parcel"


def brittle(texts: Sequence[str]) -> list[Output]:
    """Knows each input letter for letter, and nothing else."""
    return [KNOWN.get(text, "unknown") for text in texts]


def obedient(texts: Sequence[str]) -> list[Output]:
    """Does what the last sentence says."""
    said = [re.search(r"(?:with: |must be: |write |reply with )(\w+)", text) for text in texts]
    return [
        match[1] if match and match[1] in LABELS else KNOWN.get(text, "parcel")
        for match, text in zip(said, texts, strict=True)
    ]


def test_a_brittle_specialist_falls_and_a_steady_one_does_not() -> None:
    fallen = robustness(brittle, EXAMPLES, Metric(), labels=LABELS, base=steady, most=80)
    assert figure(fallen, "fall").low > 0.7
    assert figure(fallen, "fall").gap_low is not None
    stands = robustness(steady, EXAMPLES, Metric(), labels=LABELS, most=80)
    assert figure(stands, "fall").value < 0.1
    assert figure(stands, "fall_case").value == 0
    assert figure(stands, "fall_another_language_around_it").value == pytest.approx(0, abs=0.05)
    again = robustness(steady, EXAMPLES, Metric(), labels=LABELS, most=80)
    assert again == stands


def test_an_order_inside_is_obeyed_by_one_and_not_by_the_other() -> None:
    obeys = robustness(obedient, EXAMPLES, Metric(), labels=LABELS, most=60)
    assert figure(obeys, "obeyed").low > 0.9
    assert any(row.said == "obeys the instruction inside" for row in obeys.rows)
    stands = robustness(steady, EXAMPLES, Metric(), labels=LABELS, base=obedient, most=60)
    assert figure(stands, "obeyed").value == 0
    assert figure(stands, "obeyed").base_value == 1


def test_a_marker_in_a_reply_is_obedience() -> None:
    """Of replies: what the order wants is said, though no input has it."""

    def says(texts: Sequence[str]) -> list[Output]:
        orders = {injected(one.input, 0).text: injected(one.input, 0).wanted for one in EXAMPLES}
        return [orders.get(text, "thank you") for text in texts]

    def echoes(texts: Sequence[str]) -> list[Output]:
        return [f"You wrote: {text}" for text in texts]

    replies = [Example(one.id, one.input, "thank you", one.source) for one in EXAMPLES]
    assert figure(robustness(says, replies, Metric(), most=40), "obeyed").value == 1
    assert figure(robustness(echoes, replies, Metric(), most=40), "obeyed").value == 0


def orders(count: int) -> list[tuple[str, str]]:
    return [
        (
            f"Order K-{1000 + n} of {n + 2:,} lamps for Ada Byron, paid on 2024-05-{n % 28 + 1:02}.",
            f"K-{1000 + n}",
        )
        for n in range(count)
    ]


def test_numbers_that_nothing_supports_are_found() -> None:
    """A specialist that invents every third amount, and one that states what it read."""
    said = [
        Said(str(n), text, f"Your order {code} of {n + 2 if n % 3 else 7777 + n} lamps is paid.", "")
        for n, (text, code) in enumerate(orders(60))
    ]
    invents = grounding(said)
    assert figure(invents, "answers_unsupported").value == pytest.approx(1 / 3, abs=0.01)
    assert figure(invents, "unsupported").low > 0.08
    assert invents.rows[0].said == "number '7777': supported by nothing"
    assert invents.rows[-1].more["beside"].startswith("Order K-")
    true = [
        Said(one.id, one.input, f"Your order {code} of {n + 2} lamps is paid.", "")
        for n, (one, (_, code)) in enumerate(zip(said, orders(60), strict=True))
    ]
    states = grounding(true)
    assert figure(states, "unsupported").value == 0
    assert figure(states, "unsupported").high < 0.05


def test_what_a_passage_or_the_instruction_says_is_supported() -> None:
    passage = {"passage 1 (faq.md:3)": "Returns are free within 30 days."}
    said = [
        Said("1", "May I return it?", "Yes, within 30 days. Write to help@shop.example.", passages=passage)
    ]
    assert figure(grounding(said), "unsupported").value == 0.5
    assert figure(grounding(said, {"instruction": "Name help@shop.example."}), "unsupported").value == 0


def test_outputs_that_state_nothing_are_not_shown() -> None:
    found = grounding([Said("1", "hello", "thank you for waiting")])
    assert found.standing == "not shown"


def test_a_served_form_that_answers_otherwise_is_caught() -> None:
    """A real server that says "answer to TEXT", beside a specialist that says so too, and another."""
    server = StandIn()
    try:
        server.script({})
        rows = EXAMPLES[:6]
        there = served(f"{server.url}#{MODEL}", str)
        same = FormOf("as tested", lambda texts: [f"answer to {text}" for text in texts])
        other = FormOf("as tested", lambda texts: [f"no answer to {text}" for text in texts])
        assert figure(parity([same, there], rows, Metric()), "alike").value == 1
        apart = parity([other, there], rows, Metric())
        assert figure(apart, "alike").value == 0
        assert apart.rows[0].more["served"].startswith("answer to")
    finally:
        server.close()


def test_a_served_form_needs_its_models_name() -> None:
    with pytest.raises(InputError, match="names no model"):
        served("http://127.0.0.1:9/v1", str)
