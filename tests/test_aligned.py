"""Guards the checks of whole and meant answers: planted ones are found in their rows, with controls."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from tests.check_rows import (
    REPLIES,
    Pair,
    Shared,
    encode,
    findings,
    flagged,
    pairs_of,
    planted,
    subject,
    talks,
)
from whet.check.aligned import CHECKS
from whet.check.subject import Tools
from whet.records import Turn


def answered(*answers: str) -> list[Pair]:
    """Clean rows, with these answers in rows 3, 4, and so on."""
    return planted(REPLIES, {row: (REPLIES[row][0], said) for row, said in enumerate(answers, start=3)})


def test_clean_rows_are_left_alone() -> None:
    assert findings(CHECKS, subject(REPLIES)) == {}


REFUSALS = [
    "I'm sorry, but I can't help with that.",
    "I cannot assist with this request.",
    "As an AI language model, I do not have access to orders.",
    "As an AI, I have no feelings about it.",
    "Unfortunately, I am not able to provide medical advice.",
    "I’m just an AI assistant and cannot know.",
    "As of my last knowledge update in 2021 there were two shops.",
    "Es tut mir leid, aber ich kann Ihnen dabei nicht helfen.",
    "Als KI-Sprachmodell habe ich keinen Zugriff auf Bestellungen.",
    "Dabei kann ich Ihnen leider nicht weiterhelfen.",
    "Je suis désolé, mais je ne peux pas vous aider avec cela.",
    "En tant qu'IA, je n'ai pas accès aux commandes.",
    "Lo siento, pero no puedo ayudarte con eso.",
    "Como modelo de lenguaje, no tengo acceso a los pedidos.",
    "Mi dispiace, ma non posso aiutarti con questo.",
    "Desculpe, mas não posso ajudar com isso.",
    "Het spijt me, maar ik kan u daar niet mee helpen.",
]
NO_REFUSALS = [
    "I'm sorry to hear that your lamp came broken. I can help you with a new one.",
    "We are unable to refund after 30 days, but we can offer you a voucher.",
    "I can't wait to hear how you like it.",
    "If the shop cannot help you, I will do it myself.",
    "Es tut mir leid, dass Ihr Paket zu spät kam. Ich kümmere mich darum.",
    "Je suis désolé pour ce retard, votre colis arrive demain.",
    "Lo siento mucho, su pedido llega mañana por la tarde.",
    "As an airline, we fly to Rome twice a day.",
]


@pytest.mark.parametrize("answer", REFUSALS)
def test_a_refusal_is_found(answer: str) -> None:
    assert flagged(CHECKS, subject(answered(answer)))["aligned.refusals"] == [3]


@pytest.mark.parametrize("answer", NO_REFUSALS)
def test_an_apology_is_no_refusal(answer: str) -> None:
    assert "aligned.refusals" not in flagged(CHECKS, subject(answered(answer)))


PLACEHOLDERS = [
    "TODO: write the answer for this one.",
    "Dear [Customer Name], your order is on its way to you.",
    "Please call <insert phone number> between nine and five.",
    "Lorem ipsum dolor sit amet, consectetur adipiscing elit.",
    "Your order {{order_id}} is on its way to you now.",
    "xxx",
    "N/A",
    "tbd.",
    "[your answer]",
]


@pytest.mark.parametrize("answer", PLACEHOLDERS)
def test_a_placeholder_is_found(answer: str) -> None:
    assert flagged(CHECKS, subject(answered(answer)))["aligned.placeholders"] == [3]


@pytest.mark.parametrize(
    "answer",
    [
        "See [our page](https://example.org/name) and the array [0, 1].",
        "The todo list of your order is done, and nothing is missing.",
        "Write {x} for a set, and <b> for bold text, please.",
        "None of the two parcels is late; both come today.",
    ],
)
def test_other_brackets_are_no_placeholders(answer: str) -> None:
    assert flagged(CHECKS, subject(answered(answer))) == {}


def test_a_placeholder_that_the_input_holds_is_a_quotation() -> None:
    rows = planted(REPLIES, {3: ("Play my list TODO NOVEDADES, please.", "Playing TODO NOVEDADES for you.")})
    assert flagged(CHECKS, subject(rows)) == {}


def test_slots_that_many_outputs_share_are_meant() -> None:
    """The note says so once, and flags no row; the rare kind beside them is still a leftover."""
    rows = [(asked, said + " Call {{Phone Number}} for more.") for asked, said in REPLIES]
    rows[5] = (rows[5][0], rows[5][1] + " Ask [Your Name] then.")
    left, meant = findings(CHECKS, subject(rows))["aligned.placeholders"]
    assert [flag.row for flag in left.flags] == [5]
    assert meant.flags == ()
    assert meant.figures["share"] == 1.0


def test_an_output_that_says_nothing_is_found() -> None:
    found = flagged(CHECKS, subject(answered("", "...", " - ", "👍", "42", "是")))
    assert found["aligned.empty-outputs"] == [3, 4, 5]


def test_an_answer_that_only_calls_a_tool_is_none_of_them() -> None:
    asked = Turn("user", "Where is it?")
    called = Turn("assistant", None, {"tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]})
    assert flagged(CHECKS, talks([[asked, called], [asked, Turn("assistant", "")]])) == {
        "aligned.empty-outputs": [1]
    }


CUT = [
    "Thank you for writing. We have looked into it and your parcel is now on its way to the",
    "Your parcel has left our house, and it will reach you by Thursday evening at the lat",
    "It will come on Monday, or",
    "Run this:\n```python\nprint(1)",
    '{"status": "sent", "day": "Mon',
]
WHOLE = [
    "Kind regards,\nAnna",
    "Order sent",
    "Run this:\n```python\nprint(1)\n```",
    '{"status": "sent"}',
    "Everything is on its way, and there is nothing else that you need to do now 😀",
]


@pytest.mark.parametrize("answer", CUT)
def test_an_answer_that_stops_in_the_middle_is_found(answer: str) -> None:
    assert flagged(CHECKS, subject(answered(answer))) == {"aligned.cut-off": [3]}


@pytest.mark.parametrize("answer", WHOLE)
def test_a_whole_answer_is_not(answer: str) -> None:
    assert flagged(CHECKS, subject(answered(answer))) == {}


def test_where_many_end_without_a_full_stop_none_is_cut_off() -> None:
    rows = [(asked, said.rstrip(".") if row % 4 else said) for row, (asked, said) in enumerate(REPLIES)]
    assert flagged(CHECKS, subject(rows)) == {}


def test_an_echo_is_found() -> None:
    asked = REPLIES[4][0]
    assert len(asked) >= 40
    found = flagged(CHECKS, subject(answered(REPLIES[3][0].upper(), asked + " It comes today.", "Hello.")))
    assert found == {"aligned.echoes": [3, 4]}


def test_a_short_input_inside_an_answer_is_no_echo() -> None:
    rows = planted(REPLIES, {3: ("the size", "We have changed the size; you need not do anything else.")})
    assert flagged(CHECKS, subject(rows)) == {}


GERMAN = "Vielen Dank für Ihre Nachricht. Wir haben das Paket heute verschickt, und es kommt am Montag."


def test_an_answer_in_another_language_is_found() -> None:
    found = findings(CHECKS, subject(answered(GERMAN)))
    assert list(found) == ["aligned.output-language"]
    (flag,) = found["aligned.output-language"][0].flags
    assert (flag.row, flag.note) == (3, "English in, German out")


def test_a_translation_is_no_answer_in_another_language() -> None:
    assert flagged(CHECKS, subject([(asked, GERMAN) for asked, _ in REPLIES])) == {}


def told(system: str, count: int) -> list[list[Turn]]:
    return [[Turn("system", system), Turn("user", a), Turn("assistant", s)] for a, s in REPLIES[:count]]


OPPOSED = [
    ("You help customers of a shop. Answer in English.", "You help customers of a shop. Answer in German."),
    (
        "You help customers of a shop. Reply only as JSON.",
        "You help customers of a shop. Reply in plain text.",
    ),
    ("You help customers. At most 50 words.", "You help customers. At least 80 words."),
    ("Help the customer of our shop. Be concise.", "Help the customer of our shop. Be detailed."),
    ("Help the customer of our shop, and use Markdown.", "Help the customer of our shop, and no Markdown."),
]
TOGETHER = [
    ("You help customers of a shop. Answer in English.", "You sort mails into queues. Answer in German."),
    ("You help customers. At most 50 words.", "You help customers. At most 80 words."),
    (
        "You help customers of a shop. Answer in English.",
        "You help customers of the shop. Answer in English.",
    ),
    ("You help customers of a shop. Be brief.", "You help customers of a shop. Be kind."),
]


@pytest.mark.parametrize(("often", "rarely"), OPPOSED)
def test_instructions_that_ask_for_opposites_are_found(often: str, rarely: str) -> None:
    found = flagged(CHECKS, talks([*told(often, 6), *told(rarely, 2)]))
    assert found == {"aligned.contradicting-instructions": [6, 7]}


@pytest.mark.parametrize(("often", "rarely"), TOGETHER)
def test_other_instructions_are_not(often: str, rarely: str) -> None:
    assert flagged(CHECKS, talks([*told(often, 6), *told(rarely, 2)])) == {}


def test_a_row_that_contradicts_the_task_is_found() -> None:
    rows = told("You help customers of a shop. Answer in English.", 3)
    found = flagged(CHECKS, talks(rows, instruction="You help customers of a shop. Answer in German."))
    assert found == {"aligned.contradicting-instructions": [0, 1, 2]}


@pytest.mark.data
def test_answers_exchanged_in_real_data_are_found(shared: Shared) -> None:
    """25 answers of 800 change places. Clean rows are the control: almost none is flagged."""
    path = shared("bitext_support/bitext_v_short_d5bd1d4.csv")
    rows = random.Random(0).sample(pairs_of(path, "instruction", "response"), 800)
    moved = random.Random(1).sample(range(len(rows)), 25)
    faults = {
        row: (rows[row][0], rows[other][1])
        for row, other in zip(moved, moved[1:] + moved[:1], strict=True)
        if rows[row][1] != rows[other][1]
    }
    name, tools = "aligned.other-question", Tools(encode=encode)
    clean = flagged(CHECKS, subject(rows), tools).get(name, [])
    found = set(flagged(CHECKS, subject(planted(rows, faults)), tools)[name])
    right = len(found & set(faults))
    print(f"\nexchanged answers: {right} of {len(faults)} found, {len(clean)} of 800 clean rows flagged")
    assert right >= 0.7 * len(faults)
    assert len(found - set(faults)) <= 3
    assert len(clean) <= 3


@pytest.mark.data
def test_real_notes_of_doctors_are_left_alone(shared: Shared) -> None:
    """Short, without a verb, and right: one note of 1,201 is flagged, which breaks off in a word."""
    rows = pairs_of(shared("mts_dialog/MTS-Dialog-TrainingSet.csv"), "dialogue", "section_text")
    found = flagged(CHECKS, subject(rows))
    assert set(found) == {"aligned.cut-off"}
    (row,) = found["aligned.cut-off"]
    assert rows[row][1].endswith(" she agrees. c")


@pytest.mark.data
def test_real_replies_show_their_refusals_and_placeholders(shared: Shared) -> None:
    path = shared("bitext_support/bitext_v_long_9e56c98.csv")
    rows = pairs_of(path, "instruction", "response")
    found = findings(CHECKS, subject(rows))
    said = Counter(finding.check for some in found.values() for finding in some)
    assert said == {"aligned.refusals": 1, "aligned.placeholders": 2}
    refusing = [rows[flag.row][1] for flag in found["aligned.refusals"][0].flags]
    assert len(refusing) == 5
    assert all("unable to" in text or "AI language model" in text for text in refusing)
