"""Guards the data card: every figure can be worked out again from the rows, every figure on the page stands
in the JSON, what nobody said is said to be missing, and nothing of the data becomes markup."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from huggingface_hub import DatasetCard

from whet.check.findings import STANDARDS, Finding, Flag, Report, Standard
from whet.check.subject import Broken, Subject
from whet.data.formats import read_table
from whet.repair.card import About, Repair, Source, card
from whet.repair.card_page import front_matter, page
from whet.repair.items import Change
from whet.store import file_digest

DAYS = ["2026-03-01", "", "2025-12-31T23:00:00+00:00", "soon", "2026-01-15"]
INPUTS = [
    "where is my parcel, it should have been here",
    "wo ist mein Paket, ich warte seit Tagen",
    "refund",
    "the card that you sent me does not work at all",
    "please pay the money back to me",
]
OUTPUTS = ["parcel", "parcel", "refund", "card", "refund"]
SUBJECT = Subject(
    kind="classify",
    inputs=INPUTS,
    outputs=OUTPUTS,
    files=["t.csv"] * 5,
    lines=[2, 3, 4, 5, 7],
    meta={"day": DAYS, "desk": ["a"] * 5},
    sides=["train", "train", "train", "dev", "test"],
    broken=[Broken("t.csv:6", "", "{", "must be JSON.", "mend it.")],
    columns={"time": "day"},
    instruction="Which desk answers this?",
)
ABOUT = About("tickets", purpose="routing", origin="our desk", licence="CC-BY-4.0")
SOURCES = [Source("t.csv", 1234, "ab" * 32)]


def finding(check: str, standard: Standard, severity: Any = "advice", **figures: int) -> Finding:
    flags = (Flag(0, "input", "x"), Flag(0, "output", "y"), Flag(3, "input", "z"))
    return Finding(check, standard, severity, "2 rows are odd", "it matters", "see it", flags, figures)


PRIVATE = finding("private.contacts", "privacy safe", EMAIL_ADDRESS=7, rows=2)
SPELLING = finding("consistent.spelling", "consistent")
LEAK = finding("split.exact-leak", "split", "blocks")
REPORT = Report(
    rows=5,
    findings=(PRIVATE, SPELLING, LEAK),
    ran=("consistent.spelling", "split.exact-leak", "formatted.encoding", "private.contacts"),
    skipped={
        "relevant.off-task": "needs an encoder (--model)",
        "formatted.json-outputs": "is not for `classify`",
    },
    standards={
        "consistent.spelling": "consistent",
        "split.exact-leak": "split",
        "formatted.encoding": "well formatted",
        "formatted.json-outputs": "well formatted",
        "private.contacts": "privacy safe",
        "relevant.off-task": "relevant",
    },
)
LOG = [
    Change("t.csv:6", "", "{", None, "broken", "must be JSON."),
    Change("t.csv:8", "", "refund", None, "exact-duplicates", "same as t.csv:4"),
    Change("t.csv:9", "", "refund", None, "exact-duplicates", "same as t.csv:4"),
    Change("t.csv:2", "text", "EMAIL_ADDRESS", "<EMAIL_1>", "redact", "personal data"),
    Change("t.csv:2", "label", "Parcel", "parcel", "normalise", "spelling"),
]


def made(**more: Any) -> dict[str, Any]:
    done = Repair(LOG, open_questions=3, answered=1)
    return card(SUBJECT, REPORT, ABOUT, SOURCES, done, file=Source("repaired.csv", 99, "cd" * 32), **more)


def test_the_figures_are_those_of_the_rows() -> None:
    found = made()["composition"]
    assert (found["rows"], found["unreadable_rows"]) == (5, 1)
    assert found["labels"] == {"parcel": 2, "refund": 2, "card": 1}
    assert found["sides"] == {"train": 3, "dev": 1, "test": 1}
    assert found["languages"]["de"] == 1
    assert sum(found["languages"].values()) == sum(found["labels"].values()) == found["rows"]
    characters = sorted(map(len, INPUTS))
    assert found["input_characters"] == {
        "min": characters[0],
        "median": characters[2],
        "p95": characters[4],
        "max": characters[4],
        "sum": sum(characters),
    }
    assert found["input_words"]["sum"] == sum(len(text.split()) for text in INPUTS)
    assert found["columns"] == ["day", "desk"]


@pytest.mark.parametrize(("count", "median", "p95"), [(1, 1, 1), (2, 1, 2), (20, 10, 19), (100, 50, 95)])
def test_quantiles_are_nearest_ranks(count: int, median: int, p95: int) -> None:
    texts = ["x" * length for length in range(count, 0, -1)]
    rows = replace(SUBJECT, inputs=texts, outputs=["a"] * count, meta={}, sides=None, broken=[])
    lengths = card(rows, REPORT, ABOUT, [])["composition"]["input_characters"]
    assert (lengths["median"], lengths["p95"], lengths["max"]) == (median, p95, count)


def test_the_time_span_is_in_time_not_in_text() -> None:
    time = made()["collection"]["time"]
    assert time == {
        "column": "day",
        "dated_rows": 3,
        "first": "2025-12-31T23:00:00+00:00",
        "last": "2026-03-01",
    }
    assert made()["collection"]["sources"] == [{"name": "t.csv", "bytes": 1234, "sha256": "ab" * 32}]


def test_all_ten_standards_are_there_met_or_not_or_not_checked() -> None:
    standards = {s["name"]: s for s in made()["standards"]}
    assert tuple(standards) == STANDARDS
    assert {name: s["status"] for name, s in standards.items()} == {
        "accurate": "not checked",
        "consistent": "met, with advice",
        "relevant": "not checked",
        "representative": "not checked",
        "well labelled": "not checked",
        "task aligned": "not checked",
        "well formatted": "met",
        "privacy safe": "met, with advice",
        "reviewed for bias": "not checked",
        "split": "not met",
    }
    assert [f["rows"] for f in standards["split"]["findings"]] == [2]
    assert standards["relevant"]["not_run"] == {"relevant.off-task": "needs an encoder (--model)"}
    assert standards["well formatted"]["not_run"] == {}  # it has nothing to look at here
    some = replace(REPORT, skipped={"formatted.encoding": "left out"}, ran=("formatted.too-long",))
    some = replace(some, standards={**REPORT.standards, "formatted.too-long": "well formatted"}, findings=())
    partly = {s["name"]: s["status"] for s in card(SUBJECT, some, ABOUT, [])["standards"]}
    assert partly["well formatted"] == "met, as far as checked"
    accepted = {s["name"]: s["status"] for s in made(accepted=["split.exact-leak"])["standards"]}
    assert accepted["split"] == "not met, accepted"


def test_changes_and_personal_data_are_counted_and_not_shown() -> None:
    found = made()
    assert found["processing"] == {
        "changes": {"exact-duplicates": 2, "broken": 1, "normalise": 1, "redact": 1},
        "rows_removed": 2,
        "open_questions": 3,
        "answered_questions": 1,
    }
    assert found["personal_data"] == {
        "rows_found": {"private.contacts": 2},
        "found": {"EMAIL_ADDRESS": 7},
        "replaced": {"EMAIL_ADDRESS": 1},
    }
    assert "personal data that no pattern and no tagger found is still in it" in found["limits"]
    untouched = card(SUBJECT, REPORT, ABOUT, SOURCES)
    assert untouched["processing"]["changes"] == {}
    assert "Nothing was changed." in page(untouched)


def test_what_nobody_said_is_not_provided_and_a_known_limit() -> None:
    bare = card(replace(SUBJECT, instruction="", columns={}), REPORT, About("tickets"), [])
    assert bare["uses"]["licence"] == bare["collection"]["origin"] == "not provided"
    assert bare["motivation"] == {"purpose": "not provided", "instruction": "not provided"}
    assert bare["limits"][-1] == "not provided: purpose, origin, collected, licence"
    assert made()["limits"][-1] == "not provided: collected"
    assert [limit for limit in made()["limits"] if "fewer than 10" in limit] == [
        "3 label(s) have fewer than 10 examples"
    ]
    assert not [limit for limit in made()["limits"] if "json-outputs" in limit]


def numbers(text: str) -> Counter[str]:
    return Counter(re.findall(r"\d+", text))


def written(value: Any) -> str:
    """Every key and value of the card as text."""
    if isinstance(value, Mapping):
        return " ".join(f"{key} {written(part)}" for key, part in value.items()) + f" {len(value)}"
    if isinstance(value, list):
        return " ".join(map(written, value))
    return str(value)


def invented(found: Mapping[str, Any], shown: str) -> set[str]:
    body = shown.split("---\n", 2)[2]
    return set(numbers(body)) - set(numbers(written(found)))


def test_every_figure_on_the_page_stands_in_the_json() -> None:
    found = json.loads(json.dumps(made()))
    assert invented(found, page(found)) == set()
    other = {**found, "composition": {**found["composition"], "rows": 987}}
    assert invented(found, page(other)) == {"987"}  # the control
    for text in ("tickets", "t.csv", "ab" * 32, "cd" * 32, "2025-12-31", "split.exact-leak", "CC-BY-4.0"):
        assert text in page(found)


def test_the_front_matter_is_what_the_hub_reads() -> None:
    read: Any = DatasetCard(page(made()), ignore_metadata_errors=False).data
    assert read.license == "cc-by-4.0"
    assert read.language == ["de", "en"] or read.language == ["en", "de"]
    assert read.size_categories == ["n<1K"]
    assert read.task_categories == ["text-classification"]
    assert read.pretty_name == "tickets"
    assert read.to_dict()["configs"] == [{"config_name": "default", "data_files": "repaired.csv"}]


@pytest.mark.parametrize(
    ("licence", "expected"),
    [
        ("", {"license": "unknown"}),
        ("Apache-2.0", {"license": "apache-2.0"}),
        (
            "ours alone: ask the desk",
            {"license": "other", "license_details": "ours alone: ask the desk"},
        ),
    ],
)
def test_a_licence_is_an_identifier_or_its_own_words(licence: str, expected: dict[str, str]) -> None:
    found = yaml.safe_load(front_matter(card(SUBJECT, REPORT, replace(ABOUT, licence=licence), [])))
    assert {name: text for name, text in found.items() if name.startswith("license")} == expected


def test_nothing_of_the_data_is_markup() -> None:
    nasty = "a|b\n# title <script>*x*</script> [l](u) `c`\n---"
    rows = replace(SUBJECT, outputs=[nasty] * 5)
    about = About(nasty, licence="x: [y", origin=nasty)
    head, shown = page(card(rows, REPORT, about, SOURCES)).removeprefix("---\n").split("\n---\n")
    assert "<script>" not in shown
    assert "\n# title" not in shown
    assert r"a\|b # title &lt;script>\*x\*&lt;/script> \[l\](u) \`c\` --- | 5 |" in shown
    assert yaml.safe_load(head)["pretty_name"] == " ".join(nasty.split())
    assert yaml.safe_load(head)["license_details"] == "x: [y"
    assert "<script>" in head  # the control: it was there, and in YAML it is text


def test_words_of_findings_are_cleaned() -> None:
    named = replace(SPELLING, what="ann@mail.org is named")
    report = replace(REPORT, findings=(named,))
    clean: Callable[[str], str] = lambda text: text.replace("ann@mail.org", "<EMAIL_1>")  # noqa: E731
    for function, there in ((str, True), (clean, False)):
        found = card(SUBJECT, report, ABOUT, SOURCES, clean=function)
        assert ("ann@mail.org" in json.dumps(found)) is there
        assert ("ann@mail.org" in page(found)) is there


def test_an_empty_set_has_a_card() -> None:
    nothing = Subject("write", [], [], [], [])
    found = card(nothing, Report(0, (), ()), About("empty"), [])
    assert found["composition"]["input_characters"] == {}
    assert "| label |" not in page(found)


@pytest.mark.data
def test_a_real_set_s_card_has_its_counts(shared: Callable[[str], Path]) -> None:
    path = shared("banking77") / "train.csv"
    rows = read_table(path).rows
    texts, labels = [row.text("text") for row in rows], [row.text("category") for row in rows]
    subject = Subject("classify", texts, labels, [path.name] * len(rows), [row.line for row in rows])
    sources = [Source(path.name, path.stat().st_size, file_digest(path))]
    found = card(subject, Report(len(rows), (), ()), About("banking77"), sources)
    assert found["composition"]["rows"] == 10_003
    assert len(found["composition"]["labels"]) == 77
    assert found["composition"]["languages"]["en"] > 9_000
    assert "size_categories:\n- 10K<n<100K" in page(found)
    assert invented(found, page(found)) == {"50"}  # labels shown
