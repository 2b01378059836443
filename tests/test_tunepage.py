"""The page of a training: escaped, without network, and plain about learning by heart and about failure."""

from __future__ import annotations

from typing import Any

import pytest

from whet.report.tunepage import binned, overfitting, render_tuned, sentence

NASTY = "<script>alert(1)</script>"


def card(losses: list[float], *, ok: bool = True, scores: list[float] | None = None) -> dict[str, Any]:
    looks: list[dict[str, Any]] = [{"step": 10 * n, "loss": loss} for n, loss in enumerate(losses)]
    for look, score in zip(looks, scores or [], strict=False):
        look["score"] = score
    best = min(looks, key=lambda look: (-look.get("score", 0), look["loss"]))
    return {
        "task": NASTY,
        "base": {"name": f"/models/{NASTY}", "sha256": "a" * 64, "licence": NASTY},
        "method": "lora",
        "adapter": {"rank": 4, "alpha": 8.0},
        "precision": "fp32",
        "plan": {"epochs": 2, "rates": {"lr": 1e-3, "betas": [0.9, 0.999]}},
        "template": "b" * 64,
        "rows": {"train": 80, "dev": 10, "test": 10},
        "tokens": 1_000,
        "learned": 100,
        "steps": looks[-1]["step"],
        "best": best,
        "curve": looks,
        "speed": {"seconds": 12.0, "examples_per_second": 6.7, "share_of_limit": 0.31},
        "after": [{"name": "loads", "ok": ok, "said": f"what PEFT says {NASTY}"}],
        "needs": {"memory": 1 << 30, "disk": 1 << 20, "seconds": 60.0},
        "measured": {"memory": 1 << 29, "disk": 1 << 20, "seconds": 70.0},
        "notes": [NASTY],
    }


def page(found: dict[str, Any]) -> str:
    steps = [{"step": n, "loss": 3 / n} for n in range(1, 31)]
    return render_tuned(found, steps, f"rows:1\n{NASTY} ⟦learned {NASTY}⟧", command=NASTY, date="2026-01-01")


@pytest.mark.parametrize("ok", [True, False])
def test_everything_is_there_and_escaped(ok: bool) -> None:
    text = page(card([3.0, 2.0, 1.5, 1.8], ok=ok))
    assert NASTY not in text
    assert text.count("<script>") == 1
    for section in ("verdict", "curve", "after", "example", "made"):
        assert f'id="{section}"' in text
    assert ("Do not use" in text) is not ok
    assert ">best</text>" in text
    assert "31.0" in text
    assert "512" in text


def test_learning_by_heart_is_named_where_dev_turns_up() -> None:
    assert "learn the rows by heart" in overfitting(card([3.0, 2.0, 1.5, 1.8]))
    assert "more epochs may help" in overfitting(card([3.0, 2.0, 1.5]))
    assert overfitting(card([3.0, 2.0, 1.5, 1.505])) == ""


def test_the_sentence_says_what_decided() -> None:
    assert sentence(card([3.0, 1.5])) == "The loss on dev fell from 3.000 to 1.500, best at step 10 of 10."
    assert "brought nothing" in sentence(card([1.0, 1.5]))
    scored = sentence(card([3.0, 1.5, 1.6], scores=[0.0, 0.5, 0.75])).replace("\u00a0", " ")
    assert scored == "Right answers on dev went from 0.0 % to 75.0 %, best at step 20 of 20."


def test_many_steps_become_few_points() -> None:
    points = binned([{"step": n, "loss": float(n)} for n in range(1, 1_001)])
    assert len(points) <= 60
    assert sum(point.y for point in points) / len(points) == pytest.approx(500, rel=0.02)
