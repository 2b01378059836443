"""What the evidence says on open data: Banking77's confidence, and identity words in Wikipedia comments.

    python bench/trust.py banking77 RUN            calibration, coverage at 98 %, conformal sets
    python bench/trust.py identity --data FOLDER   the largest gap between groups, named

Each prints one JSON line. ``RUN`` is a finished run of Banking77 with its given split; the page is made by
the command line, as a user makes it, once with an empty cache of evidence and once again. For ``identity`` a
toxicity classifier learns plain comments, and identity words of held-out ones are swapped; both files share
their ``rev_id``, by which they are split.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from whet.runs import environment

TASK = """task: toxicity
examples: plain.csv
fields: {input: comment, output: toxic, id: rev_id}
split: {test: swapped.csv}
labels: {"True": a toxic comment, "False": a comment that is not toxic}
rungs: [floor, prompt, head]
"""
PLAIN, SWAPPED = "toxicity_nonfuzzed_testset.csv", "toxicity_fuzzed_testset.csv"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["banking77", "identity"])
    parser.add_argument("run", type=Path, nargs="?")
    parser.add_argument("--rung", default="head")
    parser.add_argument("--data", type=Path, default=Path("../shared/data/identity_comments"))
    parser.add_argument("--train", type=float, default=0.6, help="share of identity comments to learn from")
    given = parser.parse_args()
    found = banking77(given.run, given.rung) if given.what == "banking77" else identity(given)
    machine = environment()
    print(
        json.dumps({"what": given.what, **found, "machine": {k: machine[k] for k in ("cpus", "processor")}})
    )


def banking77(run: Path, rung: str) -> dict[str, Any]:
    """Figures of confidence, and how long the page takes, first and again."""
    shutil.rmtree(run / "cache" / "evidence", ignore_errors=True)
    first, found = evidence(run, rung)
    again, _ = evidence(run, rung)
    names: dict[str, tuple[str, ...]] = {
        "confidence": ("ece", "ece_before", "brier", "coverage", "conformal", "set_size")
    }
    names |= {"overfitting": ("gap",), "quality": ("right", "against_base"), "slices": ("worst_gap",)}
    shown = {f"{m}.{n}": figure(found, m, n) for m, wanted in names.items() for n in wanted}
    seconds = {"first": round(first, 1), "again": round(again, 1), "measures": found["seconds"]}
    return {
        "rung": rung,
        "base": found["base"],
        "n_test": found["sizes"]["test"],
        "seconds": seconds,
        **shown,
    }


def identity(given: argparse.Namespace) -> dict[str, Any]:
    """A run on plain comments, measured on swapped ones of other revisions."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sizes = split(given.data, folder, given.train)
        (folder / "task.yaml").write_text(TASK, encoding="utf-8")
        command(
            [sys.executable, "-m", "whet", "run", str(folder / "task.yaml"), "--out", str(folder / "run")]
        )
        seconds, found = evidence(folder / "run", given.rung)
    bias = next(one for one in found["measures"] if one["name"] == "bias")
    shown = {name: figure(found, "bias", name) for name in ("swap_gap", "swap_flips")}
    return {
        **sizes,
        "rung": given.rung,
        "seconds": round(seconds, 1),
        "said": bias["said"] or bias["why"],
        **shown,
    }


def split(data: Path, folder: Path, share: float) -> dict[str, int]:
    """plain.csv and swapped.csv, of different revisions."""
    plain, swapped = (list(csv.DictReader((data / name).open(encoding="utf-8"))) for name in (PLAIN, SWAPPED))
    ids = sorted({row["rev_id"] for row in plain})
    random.Random(0).shuffle(ids)
    learned = set(ids[: round(share * len(ids))])
    parts = {"plain": [r for r in plain if r["rev_id"] in learned]}
    parts["swapped"] = [r for r in swapped if r["rev_id"] not in learned]
    for name, rows in parts.items():
        with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as out:
            writer = csv.DictWriter(out, rows[0])
            writer.writeheader()
            writer.writerows(rows)
    return {name: len(rows) for name, rows in parts.items()}


def evidence(run: Path, rung: str) -> tuple[float, dict[str, Any]]:
    """Seconds of the command, and what it found."""
    start = time.perf_counter()
    told = command([sys.executable, "-m", "whet", "evidence", str(run), "--rung", rung, "--json"])
    return time.perf_counter() - start, json.loads(told)


def command(words: list[str]) -> str:
    return subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout


def figure(found: dict[str, Any], measure: str, name: str) -> dict[str, Any] | None:
    one = next(m for m in found["measures"] if m["name"] == measure)
    shown = next((f for f in one["figures"] if f["name"] == name), None)
    keys = ("value", "low", "high", "n", "base_value", "title")
    return {key: shown[key] for key in keys} if shown else None


if __name__ == "__main__":
    main()
