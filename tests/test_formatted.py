"""Guards the checks of form: a planted fault is found in its row, and what only looks like one is not."""

from __future__ import annotations

import json
import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.check_rows import REPLIES, Shared, findings, flagged, pairs_of, planted, subject, talks
from whet.check.formatted import CHECKS
from whet.check.mending import decoded, json_fault
from whet.check.subject import Broken, Tools
from whet.records import Turn

SAY = "Thank you, it is on its way."


def test_clean_rows_are_left_alone() -> None:
    assert findings(CHECKS, subject(REPLIES)) == {}


def test_every_check_looks_at_held_out_rows_too() -> None:
    assert all(check.on_test and check.standard == "well formatted" for check in CHECKS)


def test_a_record_that_cannot_be_read_blocks() -> None:
    broken = Broken("rows.jsonl:3", "", "{oops", "each line must be a JSON object.", "mend it.")
    (finding,) = findings(CHECKS, subject(REPLIES, broken=[broken]))["formatted.broken-rows"]
    assert finding.severity == "blocks"
    assert finding.what.startswith("1 record ")
    assert finding.figures["rows.jsonl:3"] == "'{oops': each line must be a JSON object. mend it."


TEXTS = [
    ("special-tokens", "Bye.<|im_end|>", "Bye."),
    ("special-tokens", "[INST] Hello there [/INST] Hi.", None),
    ("special-tokens", "<s>Hello.</s>", "Hello."),
    ("special-tokens", "Yes<|endoftext|>No", None),
    ("special-tokens", "Sure.<end_of_turn>\n<start_of_turn>user\nMore", None),
    ("special-tokens", "Done.<|eot_id|>", "Done."),
    ("control-characters", "It is\x07 here", "It is here"),
    ("control-characters", "zero\u200bwidth", "zerowidth"),
    ("control-characters", "soft\u00adhyphen", "softhyphen"),
    ("control-characters", "left\u202eright", "leftright"),
    ("control-characters", "\ufeffmark of order", "mark of order"),
    ("encoding", "the cafÃ© in ZÃ¼rich", "the café in Zürich"),
    ("encoding", "donâ€™t â€œquoteâ€\x9d", "don’t “quote”"),
    ("encoding", "â‚¬50 â€“ fine", "€50 – fine"),
    ("encoding", "ÃƒÂ© twice", "é twice"),
    ("encoding", "ðŸ˜€ glad", "😀 glad"),
    ("encoding", "it\x92s Latin-1", "it’s Latin-1"),
    ("encoding", "lost \ufffd letters", None),
    ("html-entities", "salt &amp; pepper&nbsp;&#39;", "salt & pepper\xa0'"),
    ("html-tags", "first<br />second", None),
    ("html-tags", 'see <a href="https://example.org">here</a>', None),
    ("white-space", " led by a blank", "led by a blank"),
    ("white-space", "ends with a line\n\n", "ends with a line"),
    ("white-space", "a      gap", "a gap"),
]


@pytest.mark.parametrize(("check", "text", "mended"), TEXTS)
@pytest.mark.parametrize("place", ["input", "output"])
def test_a_text_with_a_fault_is_found(check: str, text: str, mended: str | None, place: str) -> None:
    asked, said = REPLIES[7]
    rows = planted(REPLIES, {7: (text, said) if place == "input" else (asked, text)})
    found = findings(CHECKS, subject(rows))
    assert list(found) == [f"formatted.{check}"]
    (flag,) = found[f"formatted.{check}"][0].flags
    assert (flag.row, flag.field, flag.proposal) == (7, place, mended)


GENUINE = [
    "er sagte „Ä“ und ging, Spaß“",
    "voilà » dit-elle, ÉTÉ… là-bas",
    "10 Å² und 5 °C, Größe „Ö“",
    "São Paulo NÃO é aqui",
    "می‌خواهم بروم",
    "👩‍👩‍👧 and 🏴󠁧󠁢󠁥󠁮󠁧󠁿",
    "שלום\u200f עולם",
    "5 < 6 and 7 > 3, if a<b then c>d",
    "AT&T; R&D, Q&A",
    "was <s>12 €</s> now 9 €",
    "an array[s] and a list[INT]",
    "| a   | b     |",
    "def f(x):\n    return x   # indented",
    "Der Preis beträgt 5\u202f€",
]


@pytest.mark.parametrize("text", GENUINE)
def test_a_text_that_only_looks_like_one_is_not(text: str) -> None:
    rows = planted(REPLIES, {3: (text, SAY), 5: ("What is this?", text)})
    assert flagged(CHECKS, subject(rows)) == {}


def misread(text: str, encoding: str = "cp1252") -> str:
    """What a text looks like when its UTF-8 bytes are read in another encoding."""
    return "".join(bytes([byte]).decode(encoding, "ignore") or chr(byte) for byte in text.encode("utf-8"))


WORDS = st.sampled_from(
    ("café", "naïve", "Größe", "señor", "łódź", "Привет", "мир", "日本語", "שלום", "العربية", "😀")
) | st.sampled_from(("don’t", "“so”", "–", "€", "½", "№"))


@settings(deadline=None, derandomize=True, database=None, max_examples=200)
@given(st.lists(WORDS, min_size=1, max_size=8), st.integers(1, 2))
def test_what_was_misread_is_taken_back(words: list[str], times: int) -> None:
    text = wrong = " ".join(words)
    for _ in range(times):
        wrong = misread(wrong)
    assert decoded(wrong) == text
    assert decoded(text) == text


def call(name: str, arguments: object, number: str = "c1") -> dict[str, object]:
    return {"id": number, "type": "function", "function": {"name": name, "arguments": arguments}}


TOOLS = [
    {
        "type": "function",
        "function": {"name": "find_order", "parameters": {"type": "object", "required": ["number"]}},
    }
]
FOUND = call("find_order", '{"number": "4100"}')
ASKED, SAID = Turn("user", "Where is it?"), Turn("assistant", SAY)
CALLED, RESULT = (
    Turn("assistant", None, {"tool_calls": [FOUND]}),
    Turn("tool", "sent", {"tool_call_id": "c1"}),
)
SYSTEM = Turn("system", "You help.")
TALKS = [
    ("role-order", [ASKED, SYSTEM, SAID]),
    ("role-order", [SYSTEM, SYSTEM, ASKED, SAID]),
    ("role-order", [ASKED, ASKED, SAID]),
    ("role-order", [SAID, ASKED, SAID]),
    ("role-order", [SYSTEM]),
    ("role-order", [ASKED, Turn("bot", "Hi."), SAID]),
    ("last-turn", [ASKED, SAID, ASKED]),
    ("tool-arguments", [ASKED, Turn("assistant", None, {"tool_calls": [call("find_order", "{number: 1")]})]),
    ("tool-arguments", [ASKED, Turn("assistant", None, {"tool_calls": [call("find_order", "[1]")]})]),
    ("tool-arguments", [ASKED, Turn("assistant", None, {"tool_calls": [call("find_order", "{}")]})]),
    ("tool-arguments", [ASKED, Turn("assistant", None, {"tool_calls": [call("cancel", {"number": 1})]})]),
    ("tool-arguments", [ASKED, Turn("assistant", "", {"function_call": {"name": "", "arguments": "{}"}})]),
    ("tool-results", [ASKED, CALLED, Turn("tool", "sent", {"tool_call_id": "c9"}), SAID]),
    ("tool-results", [ASKED, CALLED, RESULT, RESULT, SAID]),
    ("nothing-to-learn", [ASKED, replace(SAID, more={"weight": 0})]),
]
FINE = [
    [ASKED, SAID],
    [SYSTEM, ASKED, CALLED, RESULT, SAID, ASKED, SAID],
    [Turn("developer", "You help."), ASKED, CALLED],
    [ASKED, Turn("assistant", "", {"function_call": {"name": "find_order", "arguments": '{"number": 1}'}})],
    [ASKED, Turn("assistant", None, {"tool_calls": [FOUND, call("find_order", {"number": 2}, "c2")]}),
     Turn("tool", "late", {"tool_call_id": "c2"}), RESULT, SAID],
    [ASKED, replace(SAID, more={"weight": 0}), ASKED, replace(SAID, more={"weight": 1})],
]  # fmt: skip


@pytest.mark.parametrize(("check", "turns"), TALKS)
@pytest.mark.parametrize("tools", [TOOLS, json.dumps(TOOLS)])
def test_a_conversation_out_of_form_blocks(check: str, turns: list[Turn], tools: object) -> None:
    some = [*FINE, turns]
    found = findings(CHECKS, talks(some, tools=[tools] * len(some)))
    assert found[f"formatted.{check}"][0].severity == "blocks"
    assert {flag.row for flag in found[f"formatted.{check}"][0].flags} == {len(FINE)}
    assert set(found) <= {f"formatted.{check}", "formatted.last-turn", "formatted.nothing-to-learn"}


def test_conversations_in_form_are_left_alone() -> None:
    assert findings(CHECKS, talks(FINE, tools=[TOOLS] * len(FINE))) == {}


def test_a_result_without_a_call_is_found() -> None:
    assert "formatted.tool-results" in findings(CHECKS, talks([[ASKED, RESULT, SAID]]))


def test_without_tools_no_call_is_unknown() -> None:
    assert (
        findings(CHECKS, talks([[ASKED, Turn("assistant", None, {"tool_calls": [call("x", "{}")]})]])) == {}
    )


def test_a_fault_in_a_conversation_is_found_and_not_mended_as_one_text() -> None:
    some = [*FINE, [ASKED, SAID, Turn("user", "donâ€™t <|im_end|>"), SAID]]
    found = findings(CHECKS, talks(some))
    assert set(found) == {"formatted.encoding", "formatted.special-tokens"}
    for finding in found.values():
        (flag,) = finding[0].flags
        assert (flag.row, flag.field, flag.proposal) == (len(FINE), "turns", None)


@pytest.mark.parametrize("row", [("", SAY), (" \n", SAY), ("\u200b\ufeff", SAY), ("Where is it?", "  ")])
def test_a_row_with_nothing_to_learn_blocks(row: tuple[str, str]) -> None:
    found = findings(CHECKS, subject(planted(REPLIES, {4: row})))["formatted.nothing-to-learn"]
    assert found[0].severity == "blocks"
    assert [flag.row for flag in found[0].flags] == [4]


def test_of_several_labels_none_may_be_meant() -> None:
    rows = [("some text here", "a;b"), ("some other text", "")]
    assert findings(CHECKS, subject(rows, "classify", separator=";")) == {}
    assert "formatted.nothing-to-learn" in findings(CHECKS, subject(rows, "classify"))


JSON = [
    ('{"a": 1', True, None),
    ('{"a": "x', True, None),
    ("{'a': 1}", False, None),
    ('{"a": NaN}', False, None),
    ("none found", False, None),
    ('```json\n{"a": 1}\n```', False, '{"a": 1}'),
]


@pytest.mark.parametrize(("output", "cut", "mended"), JSON)
def test_an_output_that_is_not_json_blocks(output: str, cut: bool, mended: str | None) -> None:
    rows = planted(
        [(asked, json.dumps({"said": said})) for asked, said in REPLIES], {9: (REPLIES[9][0], output)}
    )
    assert findings(CHECKS, subject(rows, "write")) == {}
    found = findings(CHECKS, subject(rows, "extract"))
    assert list(found) == ["formatted.json-outputs"]
    (flag,) = found["formatted.json-outputs"][0].flags
    assert (flag.row, flag.proposal, flag.note.startswith("ends before")) == (9, mended, cut)
    assert found["formatted.json-outputs"][0].severity == "blocks"


def test_deep_json_is_a_fault_and_no_crash() -> None:
    assert json_fault("[" * 200_000) is not None


def count_words(texts: object) -> list[int]:
    assert isinstance(texts, list)
    return [len(text.split()) for text in texts]


def test_a_row_longer_than_the_context_is_found() -> None:
    rows = planted(REPLIES, {5: ("word " * 30, "word " * 31), 6: ("word " * 29, "word " * 31)})
    tools = Tools(count_tokens=count_words, context=60)
    found = findings(CHECKS, subject(rows), tools)["formatted.too-long"]
    assert [flag.row for flag in found[0].flags] == [5]
    assert found[0].severity == "blocks"
    assert found[0].figures == {"context": 60, "longest": 61}
    assert "formatted.too-long" not in findings(
        CHECKS, subject(rows), Tools(count_tokens=count_words, context=61)
    )


def test_an_encoder_reads_long_texts_in_windows() -> None:
    rows = planted(REPLIES, {5: ("word " * 61, "label")})
    found = findings(CHECKS, subject(rows, "classify"), Tools(count_tokens=count_words, context=60))
    assert found["formatted.too-long"][0].severity == "advice"


def test_the_way_of_a_file_is_no_fault() -> None:
    """Completions that all begin with one blank are a convention; one among others is a slip."""
    assert flagged(CHECKS, subject([(asked, " " + said) for asked, said in REPLIES])) == {}
    one = planted(REPLIES, {2: (REPLIES[2][0], " " + REPLIES[2][1])})
    assert flagged(CHECKS, subject(one)) == {"formatted.white-space": [2]}


@pytest.mark.data
def test_faults_planted_in_real_data_are_found_and_the_rest_is_clean(shared: Shared) -> None:
    rows = pairs_of(shared("banking77/train.csv"), "text", "category")
    stray = {row for row, (text, _) in enumerate(rows) if text != text.strip() or "   " in text}
    rng = random.Random(0)
    places = rng.sample(sorted(set(range(len(rows))) - stray), 3 * len(TEXTS))
    faults = {
        place: (text, rows[place][1])
        for place, (check, text, _) in zip(places, TEXTS * 3, strict=True)
        if check != "white-space"
    }
    found = flagged(CHECKS, subject(planted(rows, faults), "classify"))
    assert set(found.pop("formatted.white-space")) == stray
    assert sorted(row for some in found.values() for row in some) == sorted(faults)
