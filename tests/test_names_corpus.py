"""The rows that the names adapter is trained on: filled, cut and disturbed without losing a span."""

from __future__ import annotations

import random
import re
import sys
from pathlib import Path

import torch

from whet.train.tagger import _shuffled_some

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))

LEFT_OVER = re.compile(r"\{\w+\}|\[[^\]]*\|[^\]]*\]|[\ue000-\uf8ff]|\\[nt]")


def test_every_line_of_ours_can_be_said_and_filled() -> None:
    from names.corpus import PLAIN, TAGGED, templates, written
    from names.measure import NAMES

    rng = random.Random(0)
    for line in templates(*TAGGED, *PLAIN):
        for _ in range(5):
            text, spans = written(line, rng)
            assert not LEFT_OVER.search(text), line
            assert all(text[start:end].strip() and kind in NAMES for start, end, kind in spans), line
    assert LEFT_OVER.search("[one|other] for {full}"), "the control"


def test_what_looks_like_a_choice_can_be_written() -> None:
    from names.corpus import chosen

    assert chosen(r"\[{date}\] a \| b [c|c]", random.Random(0)) == "[{date}] a | b c"
    said = {chosen("[[a|b]c|d|]", random.Random(seed)) for seed in range(40)}
    assert said == {"ac", "bc", "d", ""}


def test_a_cut_row_keeps_whole_spans() -> None:
    from names.corpus import cropped

    text = "Ada Byron of Acme Ltd lives in York now"
    spans = [(0, 9, "PERSON"), (13, 21, "ORGANIZATION"), (31, 35, "LOCATION")]
    values = {text[start:end] for start, end, _ in spans}
    seen: set[str] = set()
    for seed in range(50):
        part, kept = cropped((text, spans), random.Random(seed))
        assert part in text
        seen |= (found := {part[start:end] for start, end, _ in kept})
        assert found <= values
        assert all(value in part for value in found)
    assert seen == values


def test_pieces_are_swapped_among_themselves_only() -> None:
    ids = torch.arange(100, 120).view(2, 10)
    real = torch.ones(2, 10, dtype=torch.bool)
    real[:, 0] = False
    assert torch.equal(_shuffled_some(ids, real, 0.0, random.Random(0)), ids)
    other = _shuffled_some(ids, real, 1.0, random.Random(0))
    assert torch.equal(other[:, 0], ids[:, 0])
    assert not torch.equal(other, ids)
    assert set(other[real].tolist()) <= set(ids[real].tolist())
