"""Guards the checks of spread: labels, lengths, languages, time, and real traffic, each with a control."""

from __future__ import annotations

import csv
import random
from collections import Counter
from datetime import date, timedelta
from pathlib import Path

import pytest

from tests.check_rows import REPLIES, Pair, Shared, encode, findings, flagged, pairs_of, planted, subject
from tests.conftest import tickets
from whet.check.findings import Finding
from whet.check.language import language, languages
from whet.check.representative import CHECKS
from whet.check.subject import Subject, Tools

TICKETS = tickets(40)
DEMO = Path(__file__).resolve().parent.parent / "src" / "whet" / "demo" / "tickets.csv"


def only(name: str, of: Subject, tools: Tools | None = None) -> Finding:
    (finding,) = findings(CHECKS, of, tools)[f"representative.{name}"]
    return finding


def test_even_data_are_left_alone() -> None:
    assert findings(CHECKS, subject(TICKETS, "classify")) == {}
    assert findings(CHECKS, subject(REPLIES)) == {}


def labelled(**counts: int) -> list[Pair]:
    return [(f"{text} {label}", label) for label, n in counts.items() for text, _ in (TICKETS * 3)[:n]]


def test_labels_of_very_different_size_are_named() -> None:
    finding = only("imbalance", subject(labelled(often=300, rarely=15), "classify"))
    assert finding.figures["largest / smallest"] == 20.0
    assert finding.flags == ()
    # exp of the entropy of 300/315 and 15/315
    assert finding.figures["effective labels"] == pytest.approx(1.21, abs=0.005)
    assert "representative.imbalance" not in findings(CHECKS, subject(labelled(a=150, b=60), "classify"))


def test_a_rare_label_is_flagged_with_what_it_needs() -> None:
    finding = only("rare-labels", subject(labelled(a=60, b=7, c=10), "classify"))
    assert [flag.row for flag in finding.flags] == list(range(60, 67))
    assert dict(finding.figures) == {"b": "3 more"}
    assert finding.flags[0].note == "7 examples of 'b'; 3 more are needed"


def test_a_label_with_longer_texts_is_named() -> None:
    longer = [(text * 4 if label == "login" else text, label) for text, label in TICKETS]
    assert list(only("length-gaps", subject(longer, "classify")).figures) == ["login"]


def test_a_text_far_from_the_others_in_length_is_flagged() -> None:
    faults = {5: ("word " * 2_000, "parcel"), 9: ("hm", "login")}
    assert flagged(CHECKS, subject(planted(TICKETS, faults), "classify")) == {
        "representative.length-outliers": [5, 9]
    }
    rows = planted(REPLIES * 3, {7: (REPLIES[7][0], "Thank you. " * 500)})
    (flag,) = only("length-outliers", subject(rows)).flags
    assert (flag.row, flag.field) == (7, "output")


def test_lengths_that_vary_anyway_have_no_outliers() -> None:
    rng = random.Random(0)
    rows = [("word " * int(2 ** rng.uniform(0, 11)), label) for _, label in TICKETS]
    assert "representative.length-outliers" not in findings(CHECKS, subject(rows, "classify"))


SPOKEN = {
    "en": "I would like to know when my parcel will be here.",
    "de": "Ich möchte wissen, wann mein Paket bei mir ankommt.",
    "fr": "Je voudrais savoir quand mon colis va arriver chez moi.",
    "es": "Me gustaría saber cuándo va a llegar mi paquete.",
    "it": "Vorrei sapere quando arriva il mio pacco, grazie.",
    "pt": "Eu gostaria de saber quando a minha encomenda vai chegar.",
    "nl": "Ik wil graag weten wanneer mijn pakket wordt bezorgd.",
    "da": "Jeg vil gerne vide, hvornår min pakke kommer frem til mig.",
    "sv": "Jag skulle vilja veta när mitt paket kommer hit till mig.",
    "pl": "Chciałbym się dowiedzieć, kiedy moja paczka do mnie przyjdzie.",
    "ru": "Я хотел бы узнать, когда придёт моя посылка.",
    "el": "Θα ήθελα να μάθω πότε θα φτάσει το δέμα μου.",
    "he": "אני רוצה לדעת מתי החבילה שלי תגיע.",
    "ar": "أريد أن أعرف متى سيصل طردي.",
    "hi": "मैं जानना चाहता हूँ कि मेरा पार्सल कब आएगा।",
    "th": "ฉันอยากรู้ว่าพัสดุของฉันจะมาถึงเมื่อไหร่",
    "ko": "제 소포가 언제 도착하는지 알고 싶습니다.",
    "ja": "私の荷物がいつ届くのか知りたいです。",
    "zh": "我想知道我的包裹什么时候到。",
}


@pytest.mark.parametrize("code", SPOKEN)
def test_a_plain_sentence_shows_its_language(code: str) -> None:
    assert language(SPOKEN[code]) == code


@pytest.mark.parametrize(
    "text", ["", "ok", "HO-574515", "def f(x): return x", "Kati Wolf: Acoustic Cafe", "12.50 €"]
)
def test_what_is_not_plain_has_no_language(text: str) -> None:
    assert language(text) == ""


@pytest.mark.data
def test_english_data_are_english(shared: Shared) -> None:
    """Banking77 has 10,003 short English questions: those that get a language get English."""
    rows = pairs_of(shared("banking77/train.csv"), "text", "category")
    counts = Counter(languages(text for text, _ in rows))
    print(f"\nBanking77: {counts}")
    assert set(counts) == {"en", ""}
    assert counts["en"] > 0.9 * len(rows)


def demo() -> tuple[list[Pair], dict[str, list[str]]]:
    with DEMO.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    return [(row["text"], row["queue"]) for row in rows], {key: [row[key] for row in rows] for key in rows[0]}


def test_the_languages_of_the_demo_are_seen_as_its_column_states_them() -> None:
    rows, meta = demo()
    guessed = languages(text for text, _ in rows)
    sure = [
        (said, stated)
        for said, stated in zip(guessed, meta["language"], strict=True)
        if said and stated != "--"
    ]
    wrong = sum(said != stated for said, stated in sure)
    print(f"\ndemo: {len(sure):,} of {len(rows):,} languages said, {wrong} wrong")
    assert wrong <= 3
    assert len(sure) > 0.95 * len(rows)


def test_a_language_with_few_rows_is_flagged() -> None:
    rows, meta = demo()
    few = {code for code, count in Counter(meta["language"]).items() if count < 30 and code != "--"}
    assert few == {"da", "nl"}
    stated = only("language-gaps", subject(rows, "classify", meta=meta))
    assert {meta["language"][flag.row] for flag in stated.flags} >= few
    guessed = only("language-gaps", subject(rows, "classify"))
    assert {meta["language"][flag.row] for flag in guessed.flags} == few


def test_the_only_language_of_a_small_file_is_no_gap() -> None:
    one = [(f"{SPOKEN['en']} {number}", "ab"[number % 2]) for number in range(24)]
    assert "representative.language-gaps" not in findings(CHECKS, subject(one, "classify"))
    both = one + [(f"{SPOKEN['de']} {number}", "ab"[number % 2]) for number in range(60)]  # the control
    assert "representative.language-gaps" in findings(CHECKS, subject(both, "classify"))


def test_a_label_that_never_meets_a_language_is_named() -> None:
    both = [
        (f"{SPOKEN[code]} {number}", label) for code in ("en", "de") for label in "ab" for number in range(40)
    ]
    assert findings(CHECKS, subject(both, "classify")) == {}
    gap = [pair for pair in both if not (pair[0].startswith("Ich") and pair[1] == "b")] * 2
    assert list(only("language-gaps", subject(gap, "classify")).figures) == ["b / German"]


def dated(days: list[int]) -> Subject:
    times = [(date(2025, 1, 1) + timedelta(days=day)).isoformat() for day in days]
    rows = [(f"text number {number}", "label") for number in range(len(days))]
    return subject(rows, "classify", meta={"received": times}, columns={"time": "received"})


def test_a_long_silence_is_flagged_at_the_first_row_after_it() -> None:
    rng = random.Random(0)
    days = sorted(rng.choices([day for day in range(365) if not 120 <= day < 190], k=400))
    (flag,) = only("time-gaps", dated(days)).flags
    assert days[flag.row] >= 190 > days[flag.row - 1]
    assert flag.note.startswith(f"{days[flag.row] - days[flag.row - 1]} days from 2025-0")


@pytest.mark.parametrize("seed", range(20))
def test_chance_makes_no_silence(seed: int) -> None:
    rng = random.Random(seed)
    workdays = [day for day in range(365) if day % 7 < 5]
    for days in (rng.choices(range(365), k=60), rng.choices(workdays, k=800)):
        assert "representative.time-gaps" not in findings(CHECKS, dated(days))


@pytest.mark.data
def test_traffic_that_the_examples_do_not_cover_is_grouped(shared: Shared) -> None:
    """Half of the traffic asks for the weather or a table. Traffic like the examples is the control."""
    train = pairs_of(shared("banking77/train.csv"), "text", "category")
    asked = pairs_of(shared("banking77/test.csv"), "text", "category")
    names = sorted({label for _, label in train})
    known = set(names[::4])
    examples = subject([pair for pair in train if pair[1] in known][:600], "classify")
    seen = set(examples.outputs)
    alike = [text for text, label in asked if label in seen]
    foreign = ["What will the weather be in Rome tomorrow?", "Will it rain in Oslo on Sunday?"]
    foreign += [
        f"Book a table for {n} at a {food} place" for n in range(2, 30) for food in ("Thai", "Greek", "fish")
    ]
    foreign += [
        f"Is it going to {sky} in {city} today"
        for sky in ("snow", "rain")
        for city in ("Paris", "Bonn", "Riga")
    ]
    assert "representative.traffic" not in findings(CHECKS, examples, Tools(encode=encode, traffic=alike))
    finding = only("traffic", examples, Tools(encode=encode, traffic=alike[: len(foreign)] + foreign))
    missing = finding.figures["without a near example"]
    print(f"\n{finding.what}")
    assert isinstance(missing, int)
    assert len(foreign) <= missing <= 1.2 * len(foreign)
    groups = [str(text) for name, text in finding.figures.items() if name.startswith("group ")]
    assert "Book a table" in groups[0]
    assert any("rain" in group for group in groups)


@pytest.mark.data
def test_traffic_is_shown_masked(shared: Shared) -> None:
    rows = pairs_of(shared("banking77/train.csv"), "text", "category")[:300]
    traffic = [f"write to ann.other{n}@example.org about the weather" for n in range(60)]
    finding = only("traffic", subject(rows, "classify"), Tools(encode=encode, traffic=traffic))
    shown = " ".join(map(str, finding.figures.values()))
    assert "about the weather" in shown
    assert "ann.other" not in shown
