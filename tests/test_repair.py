"""Guards repair: never in place, every change in the log, repairing twice is repairing once, and after
redaction no structured value stands anywhere in the output folder."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whet.check import rules as rules_module
from whet.check.card import About
from whet.check.decisions import read_answers
from whet.check.findings import Finding, Flag, Report, Severity, Standard
from whet.check.items import Change, Choices
from whet.check.load import load_subject
from whet.check.merging import balanced
from whet.check.places import Places, at, leaves, named, put, said, seen
from whet.check.redacting import Redacting, Redactor
from whet.check.repair import Repaired, repair
from whet.check.review import as_csv, guarded, unguarded
from whet.check.rules import RULES
from whet.check.subject import Broken, Span, Subject
from whet.check.tidy import one_spelling, spelling_key, tidy
from whet.cli.repair import choices_from, repair_into, spoken
from whet.cli.repair_files import Material, Writing, container, raw_rows, secret_of, unread_lines
from whet.config import task_from
from whet.data.formats import read_table
from whet.data.neardup import near_pairs
from whet.errors import InputError, Refused
from whet.store import file_digest

Row = dict[str, Any]
same_every_time = settings(deadline=None, derandomize=True, database=None, max_examples=60)

TABLE = Places(("text",), ("label",))
DUPLICATES = ("exact-duplicates", "near-duplicates")
PARCEL = "where is the parcel that I ordered last Monday at noon"
REFUND = "please pay the money for my last order back to me"


def subject_of(rows: Sequence[Mapping[str, Any]], kind: str = "classify", **more: Any) -> Subject:
    """Rows of ``text`` and ``label`` as examples; every other column is metadata."""
    names = dict.fromkeys(name for row in rows for name in row if name not in {"text", "label"})
    return Subject(
        kind=kind,
        inputs=[str(row["text"]) for row in rows],
        outputs=[said(row["label"], more.get("separator")) for row in rows],
        files=["t.csv"] * len(rows),
        lines=list(range(2, len(rows) + 2)),
        meta={name: [str(row.get(name, "")) for row in rows] for name in names},
        **more,
    )


def table(*pairs: tuple[str, str]) -> list[Row]:
    return [{"text": text, "label": label} for text, label in pairs]


def report_of(rows: Sequence[Any], *findings: Finding, ran: Mapping[str, Standard] | None = None) -> Report:
    checks = {finding.check: finding.standard for finding in findings} | dict(ran or {})
    return Report(len(rows), findings, tuple(checks), standards=checks)


def finding(check: str, standard: Standard, *flags: Flag, severity: Severity = "advice") -> Finding:
    return Finding(check, standard, severity, f"{len(flags)} rows", "it matters", "see it", flags)


def mend(rows: Sequence[Row], *findings: Finding, kind: str = "classify", **choices: Any) -> Repaired:
    """Repair a table; without findings, as if the search for contradictions had found none."""
    given = Choices(**{"places": TABLE, **choices})
    ran: dict[str, Standard] = {"consistent.contradictions": "consistent"}
    return repair(rows, subject_of(rows, kind), report_of(rows, *findings, ran=ran), given)


def told(done: Repaired) -> list[tuple[str, str, Any, Any, str]]:
    return [(c.row, c.column, c.before, c.after, c.rule) for c in done.log]


# One way to write a text.


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("plain", "plain"),
        ("  three   blanks\tand a tab ", "three blanks and a tab"),
        ("A sentence.  And a row of\ta table | of two", "A sentence.  And a row of\ta table | of two"),
        ("a\r\nb\rc", "a\nb\nc"),
        ("def f():\n    return  1", "def f():\n    return  1"),
        ("e\u0301tage", "étage"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("nul\x00 bell\x07", "nul bell"),
        ("100\u00a0km", "100 km"),
        ("cafÃ© crÃ¨me", "café crème"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("half \ud83d pair", "half \ufffd pair"),
    ],
)
def test_a_text_is_written_one_way(given: str, expected: str) -> None:
    assert tidy(given) == expected


texts = st.text(
    st.one_of(
        st.characters(exclude_categories=[]),
        st.sampled_from("\u200b\u200c\u200d\ufeff\u00a0\u0301\u0338\r\n\t Ã©â€™eE=K\u212a\ud800"),
    ),
    max_size=30,
)


@given(texts)
@settings(same_every_time, max_examples=1000)
def test_tidying_twice_is_tidying_once(text: str) -> None:
    assert tidy(tidy(text)) == tidy(text)


def test_spellings_of_a_label_and_of_json_are_found_and_different_outputs_are_not() -> None:
    same = ["Refund", "refund", "REFUND ", '"refund."', "re-fund"]
    assert len({spelling_key(label, "classify") for label in same[:4]}) == 1
    assert spelling_key("card_lost", "classify") == spelling_key("Card lost", "classify")
    assert spelling_key('{"a": 1, "b": [2]}', "extract") == spelling_key('{"b":[2],"a":1}', "extract")
    for one, other in (
        ("C", "C++"),
        ("1", "-1"),
        ("a b", "ab"),
        (".NET", "net"),
        ("refund", "refunds"),
        ("?", "!"),
    ):
        assert spelling_key(one, "classify") != spelling_key(other, "classify"), (one, other)
    assert spelling_key('{"a": 1}', "extract") != spelling_key('{"a": "1"}', "extract")
    assert spelling_key("Thank you.", "write") != spelling_key("thank you", "write")


def test_the_most_frequent_spelling_wins_and_the_task_s_own_labels_stay() -> None:
    assert one_spelling(["b", "A", "a", "a"], "classify") == {"A": "a"}
    assert one_spelling(["A", "a"], "classify") == {"a": "A"}
    assert one_spelling(["a", "a", "A"], "classify", ["A"]) == {"a": "A"}
    assert one_spelling(["a", "A", "a "], "classify", ["a", "A"]) == {"a ": "a"}


# Each rule, on planted rows, with its exact log.


def test_unreadable_records_leave_to_the_rejects() -> None:
    rows = table((PARCEL, "parcel"))
    broken = Broken("t.csv:3", "", '{"text": ', "each line must be a JSON object.", "mend it.")
    subject = replace(subject_of(rows), broken=[broken])
    done = repair(rows, subject, report_of(rows), Choices(), unread={"t.csv:3": '{"text": "whole line'})
    assert told(done) == [("t.csv:3", "", '{"text": ', None, "broken")]
    assert [r["text"] for r in done.rejects] == ['{"text": "whole line']
    assert done.rejects[0]["row"] == "t.csv:3"
    assert done.rows == rows


def test_texts_are_normalised_in_every_column_and_in_nested_ones() -> None:
    rows = [
        {"text": "a\u200b parcel", "label": "x", "n": 3, "more": {"who": [" Ann\r\n", True, None]}},
        {"text": "fine", "label": "y", "n": 4, "more": {}},
    ]
    done = mend(rows, rules=("normalise",))
    assert told(done) == [
        ("t.csv:2", "text", "a\u200b parcel", "a parcel", "normalise"),
        ("t.csv:2", "more.who[0]", " Ann\r\n", "Ann", "normalise"),
    ]
    assert done.rows[0] == {"text": "a parcel", "label": "x", "n": 3, "more": {"who": ["Ann", True, None]}}
    assert done.rows[1] is rows[1]


def test_blanks_that_every_text_of_a_column_has_are_the_way_of_the_file() -> None:
    rows = table(("one\n\n###\n\n", " x"), ("two\n\n###\n\n", " y"))
    assert mend(rows, rules=("normalise",)).rows == rows
    stray = [*rows, *table(("three", " x"))]
    assert [row["text"] for row in mend(stray, rules=("normalise",)).rows][:2] == ["one\n\n###", "two\n\n###"]


def test_one_spelling_for_an_output() -> None:
    rows = table(("one", "Refund"), ("two", "refund"), ("three", "refund"), ("four", "parcel"))
    done = mend(rows, rules=("normalise",))
    assert told(done) == [("t.csv:2", "label", "Refund", "refund", "normalise")]
    assert [row["label"] for row in done.rows] == ["refund", "refund", "refund", "parcel"]


def test_one_spelling_where_an_output_holds_several_labels() -> None:
    rows = [
        {"text": t, "label": labels} for t, labels in (("a", ["X", "y"]), ("b", ["x"]), ("c", ["x", "X"]))
    ]
    subject = subject_of(rows, separator="|")
    choices = Choices(rules=("normalise",), places=replace(TABLE, separator="|"))
    done = repair(rows, subject, report_of(rows), choices)
    assert [row["label"] for row in done.rows] == [["X", "y"], ["X"], ["X"]]
    assert rows[2]["label"] == ["x", "X"]


def test_of_exact_duplicates_the_first_stays_and_counts_for_all_where_asked() -> None:
    rows = [
        {"text": PARCEL, "label": "parcel", "day": "1"},
        {"text": REFUND, "label": "refund", "day": "2"},
        {"text": PARCEL, "label": "parcel", "day": "3"},
        {"text": PARCEL, "label": "refund", "day": "4"},
    ]
    done = mend(rows, rules=("exact-duplicates",))
    assert told(done) == [("t.csv:4", "", PARCEL, None, "exact-duplicates")]
    assert done.log[0].why == "same input and output as t.csv:2"
    assert done.rows == [rows[0], rows[1], rows[3]]
    assert "copies" not in done.rows[0]
    counted = mend(rows, rules=("exact-duplicates",), copies=True).rows
    assert [row["copies"] for row in counted] == [2, 1, 1]
    again = mend([{**row, "copies": str(row["copies"])} for row in counted], copies=True).rows
    assert [row["copies"] for row in again] == ["2", "1", "1"]


def test_of_near_duplicates_with_one_output_the_longest_stays() -> None:
    near = PARCEL + " please"
    rows = table((PARCEL, "parcel"), (near, "parcel"), (PARCEL.upper() + "!!", "parcel"), (REFUND, "refund"))
    done = mend(rows, rules=("near-duplicates",))
    assert told(done) == [
        ("t.csv:2", "", PARCEL, None, "near-duplicates"),
        ("t.csv:4", "", PARCEL.upper() + "!!", None, "near-duplicates"),
    ]
    assert done.log[0].why == "near-identical to t.csv:3, which has the same output"
    assert [row["text"] for row in done.rows] == [near, REFUND]


def test_near_duplicates_with_different_outputs_are_asked_about_and_never_merged() -> None:
    rows = table((PARCEL, "parcel"), (PARCEL + " please", "refund"), (REFUND, "refund"))
    done = repair(rows, subject_of(rows), report_of(rows), Choices(places=TABLE))
    assert done.rows == rows
    assert [(q["row"], q["finding"], q["why"]) for q in done.review] == [
        ("t.csv:2", "repair.near-duplicates", "against t.csv:3: 'refund'"),
        ("t.csv:3", "repair.near-duplicates", "against t.csv:2: 'parcel'"),
    ]
    # Where a check has looked for contradictions, its findings are the questions.
    assert mend(rows).review == []


def test_chains_of_near_duplicates_are_not_merged_into_one() -> None:
    words = [f"word{n:02d}" for n in range(40)]
    chain = [" ".join(words[k : k + 20]) for k in (0, 2, 4, 6, 8, 10)]
    left, right = near_pairs(chain)
    near = set(zip(left.tolist(), right.tolist(), strict=True))
    assert (0, 1) in near
    assert (0, 5) not in near  # the control: the ends of the chain are not near
    rows = table(*((text, "x") for text in chain))
    stay = [chain.index(row["text"]) for row in mend(rows, rules=("near-duplicates",)).rows]
    assert len(stay) > 1
    assert all((i, j) not in near for i in stay for j in stay)
    for gone in set(range(6)) - set(stay):
        assert any((min(gone, i), max(gone, i)) in near for i in stay)


LABEL_ERRORS = finding(
    "accurate.label-errors",
    "accurate",
    Flag(0, "output", "looks like refund", score=0.95, proposal="refund"),
    Flag(2, "output", "looks like parcel", score=0.6, proposal="parcel"),
)
MISLABELLED = table((REFUND, "parcel"), (PARCEL, "parcel"), ("is my parcel lost or late", "refund"))


@pytest.mark.parametrize(
    ("accept", "labels"),
    [
        ([], ["parcel", "parcel", "refund"]),
        (["label-errors:0.9"], ["refund", "parcel", "refund"]),
        (["label-errors"], ["refund", "parcel", "parcel"]),
        (["t.csv:4"], ["parcel", "parcel", "parcel"]),
    ],
)
def test_labels_change_only_where_accepted(accept: list[str], labels: list[str]) -> None:
    choices = choices_from(Choices(places=TABLE), accept=accept)
    report = report_of(MISLABELLED, LABEL_ERRORS)
    done = repair(MISLABELLED, subject_of(MISLABELLED), report, choices)
    assert [row["label"] for row in done.rows] == labels
    changed = [c for c in done.log if c.rule == "relabel"]
    assert [(c.row, c.before, c.after) for c in changed] == [
        (f"t.csv:{n + 2}", MISLABELLED[n]["label"], new)
        for n, new in enumerate(labels)
        if new != MISLABELLED[n]["label"]
    ]
    asked = {q["row"] for q in done.review if q["finding"] == "accurate.label-errors"}
    assert asked == {"t.csv:2", "t.csv:4"} - {c.row for c in changed}


def test_weights_are_inverse_to_frequency_capped_and_sum_to_n() -> None:
    assert balanced({"a": 3, "b": 1}, cap=10) == {"a": pytest.approx(4 / 6, abs=1e-6), "b": 2.0}
    counts = {"a": 997, "b": 2, "c": 1}
    weights = balanced(counts, cap=10)
    assert weights["b"] == weights["c"] == 10.0
    assert sum(counts[name] * weights[name] for name in counts) == pytest.approx(1000, abs=1e-3)
    uncapped = balanced(counts, cap=1e9)
    assert len({round(counts[n] * uncapped[n], 3) for n in counts}) == 1


def test_balance_adds_a_column_and_copies_no_row() -> None:
    rows = table(*((f"{PARCEL} {n * 7919}", "parcel") for n in range(3)), (REFUND, "refund"))
    done = mend(rows, rules=("balance",))
    assert [row["weight"] for row in done.rows] == [0.666667] * 3 + [2.0]
    assert [(c.column, c.before, c.after, c.rule) for c in done.log[-1:]] == [
        ("weight", None, 2.0, "balance")
    ]
    assert len(done.log) == len(rows)
    read_back = [{**row, "weight": str(row["weight"])} for row in done.rows]
    assert mend(read_back, rules=("balance",)).log == []
    with pytest.raises(InputError, match="balance needs labels"):
        mend(rows, kind="write", rules=("balance",))


# Redaction.

EMAIL, PHONE, CARD_NUMBER, KEY = "ann.lee@mail.org", "+44 20 7946 0018", "4111111111111111", "sk-a1B2c3D4e5F6"
VALUES = (EMAIL, PHONE, CARD_NUMBER, KEY)
PATTERNS = {
    "EMAIL": re.compile(r"[\w.]+@[\w.]+\w"),
    "PHONE": re.compile(r"(?<=call )\+?\d[\d ]{7,}\d"),  # needs the word before it
    "CARD": re.compile(r"\b\d{16}\b"),
    "KEY": re.compile(r"\bsk-\w{8,}"),
}


def find_spans(given: Sequence[str]) -> list[list[Span]]:
    return [
        [(m.start(), m.end(), kind) for kind, pattern in PATTERNS.items() for m in pattern.finditer(text)]
        for text in given
    ]


def stand_ins() -> Callable[[str, str], str]:
    numbers: dict[tuple[str, str], int] = {}

    def stand_in(kind: str, value: str) -> str:
        return f"<{kind}_{numbers.setdefault((kind, value), len(numbers) + 1)}>"

    return stand_in


REDACTING = Redacting(find_spans, stand_ins)


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


def write_csv(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, list(dict.fromkeys(name for row in rows for name in row)))
    writer.writeheader()
    writer.writerows(rows)
    path.write_text(out.getvalue(), encoding="utf-8", newline="")


CSV = Writing("repaired.csv", write_csv)


def holding(folder: Path, values: Iterable[str]) -> list[str]:
    """Files of a folder in which a value stands."""
    found = [p for p in sorted(folder.rglob("*")) if p.is_file()]
    return [p.name for p in found if any(value in p.read_text(encoding="utf-8") for value in values)]


def test_after_redaction_no_value_stands_anywhere_in_the_folder(tmp_path: Path) -> None:
    plain = choices_from(Choices(places=TABLE))
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
    redacted = choices_from(Choices(places=TABLE), redacting=REDACTING, balance=True)
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


# The whole: idempotence, places, order.

WORDS = [
    "parcel",
    "refund",
    "login",
    "Card",
    "lost",
    "where",
    "my",
    f"{EMAIL}",
    f"call {PHONE}",
    "\u200b",
    " ",
]
rows_of_tables = st.lists(
    st.fixed_dictionaries(
        {
            "text": st.lists(st.sampled_from(WORDS), min_size=1, max_size=8).map(" ".join),
            "label": st.sampled_from(["a", "A", "a ", "b", "b\u200b", "card_lost", "Card Lost"]),
            "from": st.sampled_from(["", EMAIL, "desk", "cafÃ©"]),
        }
    ),
    min_size=1,
    max_size=12,
)
ALL_RULES = (*Choices().rules, "balance")


@given(rows_of_tables, st.booleans(), st.booleans())
@same_every_time
def test_repairing_a_repaired_file_changes_nothing(rows: list[Row], redact: bool, copies: bool) -> None:
    choices: Row = {"rules": ALL_RULES, "redacting": REDACTING if redact else None, "copies": copies}
    before = json.dumps(rows)
    once = mend(rows, **choices)
    assert json.dumps(rows) == before
    again = mend([dict(row) for row in once.rows], **choices)
    assert again.rows == once.rows
    assert again.log == []
    assert mend(rows, **choices) == replace(once, clean=mend(rows, **choices).clean) or redact
    assert asdict_all(mend(rows, **choices).log) == asdict_all(once.log)


def asdict_all(log: Sequence[Change]) -> list[dict[str, Any]]:
    return [asdict(change) for change in log]


def test_duplicates_judged_before_texts_are_tidied_would_need_a_second_repair(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The control: with the rules in another order, repairing twice is not repairing once."""
    rows = table((PARCEL, "a"), (f"{PARCEL}\u200b", "a"), (REFUND, "b"))
    assert mend(mend(rows).rows).log == []  # type: ignore[arg-type]
    moved = sorted(RULES, key=lambda rule: rule.name != "exact-duplicates")
    monkeypatch.setattr(
        rules_module, "RULES", tuple(rule for rule in moved if rule.name not in DUPLICATES[1:])
    )
    assert mend(mend(rows).rows).log != []  # type: ignore[arg-type]


@given(rows_of_tables)
@same_every_time
def test_every_difference_stands_in_the_log(rows: list[Row]) -> None:
    """Playing the log back over the source gives the repaired rows."""
    done = mend(rows)
    assert replayed(rows, done.log) == done.rows
    unlogged = [c for c in done.log if c is not done.log[0]]
    assert not done.log or replayed(rows, unlogged) != done.rows  # the control: a record less


def replayed(rows: Sequence[Row], log: Sequence[Change]) -> list[Any]:
    now: dict[str, Any] = {f"t.csv:{n + 2}": row for n, row in enumerate(rows)}
    for change in log:
        if change.after is None:
            del now[change.row]
        else:
            path = next(p for p, _ in leaves(now[change.row]) if named(p) == change.column)
            assert at(now[change.row], path) == change.before
            now[change.row] = put(now[change.row], path, change.after)
    return list(now.values())


def test_conversations_and_tool_calls_survive_and_their_last_answer_can_be_changed() -> None:
    def chat(asked: str, answer: str) -> Row:
        turns = [
            {"role": "user", "content": asked},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"id": "c1", "function": {"arguments": "{}"}}],
            },
            {"role": "tool", "tool_call_id": "c1", "content": '{"ok": true}'},
            {"role": "assistant", "content": [{"type": "text", "text": answer}]},
        ]
        return {"messages": turns, "tools": [{"type": "function"}], "weight": 0.5}

    rows = [chat("where is it?", "Parcel"), chat("and mine?", "parcel"), chat("hers?", "parcel")]
    outputs = ["Parcel", "parcel", "parcel"]
    inputs = [row["messages"][0]["content"] for row in rows]
    subject = Subject("classify", inputs, outputs, ["c.jsonl"] * 3, [1, 2, 3])
    places = seen(rows, inputs, outputs)
    assert places.output == ("messages", -1, "content", -1, "text")
    done = repair(rows, subject, report_of(rows), Choices(rules=("normalise",), places=places))
    assert [c.column for c in done.log] == ["messages[3].content[0].text"]
    assert done.rows[0] == chat("where is it?", "parcel")
    assert done.rows[1:] == rows[1:]


def test_a_value_is_not_overwritten_that_does_not_say_what_it_was_taken_for() -> None:
    rows = table(("one", "Refund"), ("two", "refund"), ("three", "refund"))
    wrong = Places(("text",), ("text",))
    assert mend(rows, rules=("normalise",), places=wrong).rows == rows
    assert wrong.of_output(rows[0], "one") == ("text",)  # the control: there it does say so
    assert seen(rows, ["one", "two", "three"], ["Refund", "refund", "refund"]) == TABLE


# Decisions.

CONTRADICTION = finding(
    "consistent.contradictions", "consistent", Flag(0, "output", "", (1,)), Flag(1, "output", "", (0,))
)
OFF_TASK = finding("relevant.off-task", "relevant", Flag(2, "input", "far from the task", score=0.8))
ASKED = table(
    (PARCEL, "parcel"), (PARCEL + " please", "refund"), ("sing me a song", "refund"), (REFUND, "refund")
)


def decide(review: list[dict[str, str]], folder: Path, **decisions: str) -> Path:
    """The review with a decision a row (``t.csv:3`` as ``row3``), as a spreadsheet would save it."""
    rows = [{**row, "decision": decisions.get(f"row{row['row'].split(':')[1]}", "")} for row in review]
    path = folder / "review.csv"
    path.write_text(as_csv(rows), encoding="utf-8", newline="")
    return path


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


# The folder.


def ticket_material(folder: Path, name: str = "t.csv") -> Material:
    source = folder / name
    write_csv(source, ASKED)
    report = report_of(ASKED, CONTRADICTION, OFF_TASK)
    return Material(source, ASKED, subject_of(ASKED), report, About("tickets"))


def contents(folder: Path) -> dict[str, str]:
    return {p.name: file_digest(p) for p in folder.iterdir() if p.is_file() and p.name != ".lock"}


def test_the_source_is_untouched_and_two_repairs_are_byte_for_byte_one(tmp_path: Path) -> None:
    material = ticket_material(tmp_path)
    before = file_digest(material.source)
    choices = choices_from(Choices(places=TABLE), balance=True)
    made = repair_into(material, choices, tmp_path / "one", CSV)
    repair_into(material, choices, tmp_path / "two", CSV)
    first = contents(tmp_path / "one")
    repair_into(material, choices, tmp_path / "one", CSV)
    assert file_digest(material.source) == before
    assert contents(tmp_path / "one") == first == contents(tmp_path / "two")
    assert sorted(first) == [
        "changes.jsonl",
        "changes.md",
        "data-card.json",
        "data-card.md",
        "rejects.jsonl",
        "repaired.csv",
        "review.csv",
        "review.jsonl",
    ]
    assert (made["rows_before"], made["rows_after"], made["open_questions"]) == (4, 4, 3)
    assert "3 question(s) are yours to decide" in "\n".join(spoken(made))
    assert contents(tmp_path / "one") != {**first, "repaired.csv": before}  # the control: it did change


def test_decisions_that_stand_in_the_folder_are_not_lost(tmp_path: Path) -> None:
    material, out = ticket_material(tmp_path), tmp_path / "out"
    repair_into(material, choices_from(Choices(places=TABLE)), out, CSV)
    review = [json.loads(line) for line in (out / "review.jsonl").read_text().splitlines()]
    decide(review, out, row4="drop")
    with pytest.raises(InputError, match=r"holds 1 decision\(s\) that were not given"):
        repair_into(material, choices_from(Choices(places=TABLE)), out, CSV)
    given = choices_from(Choices(places=TABLE), decisions=out / "review.csv")
    made = repair_into(material, given, out, CSV)
    assert made["rows_after"] == 3
    done = contents(out)
    given = choices_from(Choices(places=TABLE), decisions=out / "review.csv")
    repair_into(material, given, out, CSV)
    assert contents(out) == done


def test_a_folder_of_other_things_is_refused_and_left_alone(tmp_path: Path) -> None:
    material, out = ticket_material(tmp_path), tmp_path / "out"
    choices = choices_from(Choices(places=TABLE))
    out.mkdir()
    (out / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match=r"holds other things \(thesis.txt"):
        repair_into(material, choices, out, CSV)
    (out / "thesis.txt").unlink()
    repair_into(material, choices, out, CSV)
    before = contents(out)
    with pytest.raises(InputError, match=r"the folder holds the repair of \.\./t\.csv"):
        repair_into(ticket_material(tmp_path, "other.csv"), choices, out, CSV)
    with pytest.raises(InputError, match="is a file"):
        repair_into(material, choices, material.source, CSV)
    assert contents(out) == before


def test_a_failure_while_writing_leaves_the_folder_as_it_was(tmp_path: Path) -> None:
    material, out = ticket_material(tmp_path), tmp_path / "out"
    choices = choices_from(Choices(places=TABLE))
    repair_into(material, choices, out, CSV)
    before = contents(out)

    def fail(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
        path.write_text("half", encoding="utf-8")
        raise OSError(28, "No space left on device")

    more = choices_from(Choices(places=TABLE), balance=True)
    with pytest.raises(OSError, match="No space"):
        repair_into(material, more, out, Writing("repaired.csv", fail))
    assert contents(out) == before
    repair_into(material, more, out, CSV)
    assert contents(out) != before  # the control: the same repair does write where nothing fails


# From real files to real files.


def material_of(source: Path, **task: Any) -> Material:
    """A file as a task reads it, with no finding."""
    told = {"task": "t", "examples": source.name, **task}
    subject = load_subject(task_from(told), source.parent)
    rows = raw_rows(source, subject)
    unread = unread_lines(source, subject.broken)
    return Material(source, rows, subject, report_of(rows), About("t"), unread)


def placed(material: Material) -> Choices:
    return Choices(places=seen(material.rows, material.subject.inputs, material.subject.outputs))


CHAT = [
    {"messages": [{"role": "user", "content": said}, {"role": "assistant", "content": answer}], "n": number}
    for number, (said, answer) in enumerate(
        [(PARCEL, "On its way."), (PARCEL, "On its way."), (f"{REFUND}\u200b", "It is   paid.")]
    )
]


@pytest.mark.parametrize("ending", [".jsonl", ".json", ".jsonl.gz"])
def test_a_file_of_conversations_is_repaired_into_a_file_of_its_kind(tmp_path: Path, ending: str) -> None:
    from whet.data.writing import write_rows

    source = tmp_path / f"chat{ending}"
    write_rows(source, CHAT)
    task = {"kind": "write", "fields": {"input": "input", "output": "output"}}
    material = material_of(source, **task)
    name = container(source)
    assert name == f"repaired{ending}"
    repair_into(material, placed(material), tmp_path / "out", Writing(name))
    rows = [row.values for row in read_table(tmp_path / "out" / name).rows]
    assert rows[0] == CHAT[0]
    assert [row["n"] for row in rows] == [0, 2]
    assert [turn["content"] for turn in rows[1]["messages"]] == [REFUND, "It is paid."]
    again = material_of(tmp_path / "out" / name, **task)
    assert repair(again.rows, again.subject, again.report, placed(again)).log == []


def test_records_that_cannot_be_read_are_kept_whole(tmp_path: Path) -> None:
    source = tmp_path / "t.jsonl"
    long = '{"text": "' + "never closed " * 20
    lines = [json.dumps({"text": PARCEL, "label": "a"}), long, json.dumps({"text": REFUND, "label": "b"})]
    source.write_text("\n".join(lines) + "\n", encoding="utf-8")
    material = material_of(source, fields={"input": "text", "output": "label"})
    assert [row["label"] for row in material.rows] == ["a", "b"]
    made = repair_into(material, placed(material), tmp_path / "out", Writing(container(source)))
    assert made["unreadable"] == 1
    rejected = json.loads((tmp_path / "out" / "rejects.jsonl").read_text())
    assert (rejected["row"], rejected["text"]) == ("t.jsonl:2", long)


def test_a_file_that_changed_after_it_was_checked_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "t.csv"
    write_csv(source, ASKED)
    subject = load_subject(
        task_from({"task": "t", "examples": "t.csv", "fields": {"input": "text", "output": "label"}}),
        tmp_path,
    )
    assert raw_rows(source, subject) == ASKED
    write_csv(source, ASKED[:2])
    with pytest.raises(InputError, match="its rows are not those that were checked"):
        raw_rows(source, subject)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.csv", "repaired.csv"),
        ("a.TSV", "repaired.tsv"),
        ("a.jsonl.gz", "repaired.jsonl.gz"),
        ("a.parquet", "repaired.parquet"),
        ("a.sqlite", "repaired.jsonl"),
        ("a.zip", "repaired.jsonl"),
    ],
)
def test_a_repair_is_written_in_the_container_of_its_source(name: str, expected: str) -> None:
    assert container(Path(name)) == expected


@pytest.mark.data
def test_a_real_file_is_repaired_once_and_for_all(shared: Callable[[str], Path], tmp_path: Path) -> None:
    source = tmp_path / "train.csv"
    source.write_bytes((shared("banking77") / "train.csv").read_bytes())
    fields = {"input": "text", "output": "category"}
    material = material_of(source, fields=fields)
    made = repair_into(material, placed(material), tmp_path / "out", Writing("repaired.csv"))
    print(made)
    assert made["rows_before"] == 10_003
    removed = sum(made["changes"].get(rule, 0) for rule in DUPLICATES)
    assert made["rows_after"] == 10_003 - removed
    again = material_of(tmp_path / "out" / "repaired.csv", fields=fields)
    assert repair(again.rows, again.subject, again.report, placed(again)).log == []


STRUCTURED = {"CREDIT_CARD", "EMAIL_ADDRESS", "IBAN_CODE", "IP_ADDRESS", "PHONE_NUMBER", "US_SSN"}


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
    choices = choices_from(Choices(places=TABLE), redacting=redacting)
    made = repair_into(material, choices, tmp_path / "out", CSV)
    print(made["changes"], f"{len(values)} values")
    assert holding(tmp_path, values) == ["t.csv"]
    again: list[Row] = [dict(row.values) for row in read_table(tmp_path / "out" / "repaired.csv").rows]
    assert repair(again, subject_of(again), report_of(again), choices).log == []


def test_the_secret_of_stand_ins_is_not_the_digest_that_is_shown(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_text("a")
    two.write_text("b")
    assert secret_of(one) == secret_of(one) != secret_of(two)
    assert secret_of(one).hex() != file_digest(one)


# Options.


def test_the_rules_are_documented_in_their_order() -> None:
    assert [rule.name for rule in RULES] == [
        "broken",
        "decision",
        "relabel",
        "normalise",
        "redact",
        "exact-duplicates",
        "near-duplicates",
        "balance",
    ]
    assert all(rule.does and rule.apply.__doc__ for rule in RULES)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rules": "normalize"}, "there is no rule 'normalize'"),
        ({"rules": "redact"}, "has an option of its own"),
        ({"accept": ["label-error"]}, "Did you mean 'label-errors'"),
        ({"accept": ["label-errors:2"]}, "a score is a number from 0 to 1"),
        ({"accept": ["label-errors:high"]}, "a score is a number from 0 to 1"),
    ],
)
def test_an_option_that_means_nothing_is_an_error(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        choices_from(Choices(), **options)


def test_options_choose_rules() -> None:
    assert choices_from(Choices()).rules == Choices().rules
    assert choices_from(Choices(), rules="normalise, exact-duplicates").rules == (
        "normalise",
        "exact-duplicates",
    )
    assert choices_from(Choices(), rules="normalise", balance=True).rules == ("normalise", "balance")
