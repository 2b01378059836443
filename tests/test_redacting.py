"""Guards redaction: one stand-in for one value, in every column and file; no value is left anywhere."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.conftest import Whet
from tests.repair_rows import (
    CARD_NUMBER,
    CSV,
    EMAIL,
    KEY,
    PHONE,
    REDACTING,
    TABLE,
    VALUES,
    Row,
    find_spans,
    finding,
    holding,
    mend,
    report_of,
    subject_of,
    table,
    told,
    write_csv,
)
from whet.check.findings import Flag
from whet.check.subject import Broken
from whet.cli.repair import repair_into
from whet.cli.repair_files import Material, secret_of
from whet.cli.repair_options import Options, choices_from
from whet.data.formats import read_table
from whet.errors import Refused
from whet.repair.card import About
from whet.repair.redacting import Redacting, Redactor
from whet.repair.whole import repair
from whet.store import file_digest

# Redaction.


def test_the_same_value_gets_the_same_stand_in_in_every_column() -> None:
    rows: list[Row] = [
        {"text": f"I am {EMAIL}", "label": "a", "from": EMAIL, "card": int(CARD_NUMBER), "n": 12},
        {"text": f"call {PHONE} or {EMAIL}", "label": "b", "from": "", "card": None, "n": 13},
    ]
    done = mend(rows, rules=(), redacting=REDACTING)
    assert done.rows == [
        {"text": "I am <EMAIL_1>", "label": "a", "from": "<EMAIL_1>", "card": "<CARD_2>", "n": 12},
        {"text": "call <PHONE_3> or <EMAIL_1>", "label": "b", "from": "", "card": None, "n": 13},
    ]
    assert told(done) == [
        ("t.csv:2", "text", "EMAIL", "<EMAIL_1>", "redact"),
        ("t.csv:2", "from", "EMAIL", "<EMAIL_1>", "redact"),
        ("t.csv:2", "card", "CARD", "<CARD_2>", "redact"),
        ("t.csv:3", "text", "PHONE", "<PHONE_3>", "redact"),
        ("t.csv:3", "text", "EMAIL", "<EMAIL_1>", "redact"),
    ]


def test_a_value_found_once_is_found_wherever_it_stands() -> None:
    rows = table((f"call {PHONE} today", "a"), (f"number {PHONE}, as said", "b"), ("20 7946 001", "c"))
    assert find_spans([rows[1]["text"]]) == [[]]  # the control: the pattern alone misses it
    done = mend(rows, rules=(), redacting=REDACTING)
    assert [row["text"] for row in done.rows][:1] == ["call <PHONE_1> today"]
    assert "7946" not in done.rows[1]["text"]
    assert done.rows[2] == rows[2]


def test_keys_of_nested_values_are_redacted_and_columns_of_dates_are_left() -> None:
    rows = [{"text": "x", "label": "a", "at": "1234567890123456", "seen": {EMAIL: 2}}]
    done = mend(rows, rules=(), redacting=replace(REDACTING, keep=frozenset({"at"})))
    assert done.rows == [{"text": "x", "label": "a", "at": "1234567890123456", "seen": {"<EMAIL_1>": 2}}]


def test_redaction_that_would_leave_a_value_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = table((f"I am {EMAIL}", "a"))
    monkeypatch.setattr(Redactor, "text", lambda self, text: text)
    with pytest.raises(Refused, match="would still hold personal data"):
        mend(rows, rules=(), redacting=REDACTING)


PERSONAL: list[Row] = [
    {"text": f"my mail is {EMAIL}", "label": "contact", "from": EMAIL},
    {"text": f"my mail is {EMAIL}", "label": "contact", "from": ""},
    {"text": f"please call {PHONE} about the parcel", "label": "contact", "from": "desk"},
    {"text": f"please call {PHONE} about the parcel now", "label": "parcel", "from": "desk"},
    {"text": f"the number was {PHONE}", "label": "Contact", "from": "desk"},
    {
        "text": f"card {CARD_NUMBER[:4]}\u200b{CARD_NUMBER[4:]} was charged twice",
        "label": "card",
        "from": KEY,
    },
    {"text": "nothing about anybody in this row", "label": "card", "from": "desk"},
]


def personal_material(folder: Path) -> Material:
    source = folder / "t.csv"
    write_csv(source, PERSONAL)
    broken = Broken("t.csv:9", "", f'{{"text": "call {PHONE}', "must be JSON.", "mend it.")
    subject = replace(subject_of(PERSONAL), broken=[broken], instruction=f"answer for {EMAIL}")
    notes = finding(
        "aligned.other",
        "task aligned",
        Flag(0, "input", f"names {EMAIL}"),
        Flag(5, "output", "odd", proposal=f"write to {EMAIL}"),
    )
    report = report_of(PERSONAL, replace(notes, what=f"{EMAIL} is named"))
    unread = {"t.csv:9": f'{{"text": "call {PHONE}", "mail": "{EMAIL}'}
    return Material(source, PERSONAL, subject, report, About("tickets"), unread)


def test_after_redaction_no_value_stands_anywhere_in_the_folder(tmp_path: Path) -> None:
    plain = choices_from(Options(), TABLE)
    repair_into(personal_material(tmp_path), plain, tmp_path / "plain", CSV)
    # The control: without redaction the values stand in every kind of file that has texts.
    assert set(holding(tmp_path / "plain", VALUES)) >= {
        "changes.jsonl",
        "changes.md",
        "data-card.json",
        "data-card.md",
        "rejects.jsonl",
        "repaired.csv",
        "review.csv",
        "review.jsonl",
    }
    redacted = choices_from(Options(redact=True, balance=True), TABLE, REDACTING)
    made = repair_into(personal_material(tmp_path), redacted, tmp_path / "out", CSV)
    assert holding(tmp_path / "out", VALUES) == []
    assert made["changes"]["redact"] > 0
    log = [json.loads(line) for line in (tmp_path / "out" / "changes.jsonl").read_text().splitlines()]
    hidden = [c for c in log if c["rule"] == "normalise" and c["row"] == "t.csv:7"]
    assert [c["before"] for c in hidden] == ["(not shown: personal data)"]


def test_digests_of_redacted_questions_do_not_depend_on_what_is_hidden(tmp_path: Path) -> None:
    """Otherwise an id would let anyone test a guess at a value."""
    other = [{**row, "text": row["text"].replace(EMAIL, "bob@else.net")} for row in PERSONAL]
    note = finding("aligned.other", "task aligned", Flag(0, "input", "odd"))
    for redacting, same in ((REDACTING, True), (None, False)):
        ids = [mend(rows, note, rules=(), redacting=redacting).review[0]["id"] for rows in (PERSONAL, other)]
        assert (ids[0] == ids[1]) is same


STRUCTURED = {
    "CREDIT_CARD",
    "EMAIL_ADDRESS",
    "IBAN_CODE",
    "IP_ADDRESS",
    "PHONE_NUMBER",
    "US_DRIVER_LICENSE",
    "US_SSN",
}


@pytest.mark.data
def test_no_structured_value_of_real_texts_is_left(shared: Callable[[str], Path], tmp_path: Path) -> None:
    from whet.check.pii.patterns import find_personal
    from whet.check.pii.pseudonyms import Pseudonyms

    given = json.loads((shared("presidio_pii") / "generated_large.json").read_text(encoding="utf-8"))
    rows: list[Row] = [{"text": one["full_text"], "label": "a"} for one in given]
    spans = [span for one in given for span in one["spans"] if span["entity_type"] in STRUCTURED]
    values = {span["entity_value"] for span in spans}
    source = tmp_path / "t.csv"
    write_csv(source, rows)
    material = Material(source, rows, subject_of(rows), report_of(rows), About("t"))
    redacting = Redacting(find_personal, lambda: Pseudonyms(secret_of(source)).stand_in)
    choices = choices_from(Options(redact=True), TABLE, redacting)
    made = repair_into(material, choices, tmp_path / "out", CSV)
    print(made["changes"], f"{len(values)} values")
    assert holding(tmp_path, values) == ["t.csv"]
    again: list[Row] = [dict(row.values) for row in read_table(tmp_path / "out" / "repaired.csv").rows]
    assert repair(again, subject_of(again), report_of(again), choices).log == []


@pytest.mark.data
def test_the_command_leaves_no_structured_value_in_its_folder(
    whet: Whet, shared: Callable[[str], Path], tmp_path: Path
) -> None:
    given = json.loads((shared("presidio_pii") / "generated_large.json").read_text(encoding="utf-8"))
    some = [one for one in given if any(span["entity_type"] in STRUCTURED for span in one["spans"])][:150]
    spans = [span for one in some for span in one["spans"] if span["entity_type"] in STRUCTURED]
    values = {span["entity_value"] for span in spans}
    source = tmp_path / "t.jsonl"
    rows = [{"text": one["full_text"], "label": "ab"[one["template_id"] % 2]} for one in some]
    source.write_text("\n".join(map(json.dumps, rows)) + "\n", encoding="utf-8")
    way = ("repair", source, "--no-model", "--input", "text", "--output", "label")
    whet.json(*way, "--out", tmp_path / "plain")
    assert "repaired.jsonl" in holding(tmp_path / "plain", values)  # the control: nothing else hides them
    whet.json(*way, "--out", tmp_path / "out", "--redact")
    assert holding(tmp_path / "out", values) == []


def test_the_secret_of_stand_ins_is_not_the_digest_that_is_shown(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_text("a")
    two.write_text("b")
    assert secret_of(one) == secret_of(one) != secret_of(two)
    assert secret_of(one).hex() != file_digest(one)
