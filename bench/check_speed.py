"""How fast and how large the check of the data is: every check that needs no model, on made-up rows.

    python bench/check_speed.py [--rows 100000 1000000] [--kinds classify extract write]
    python bench/check_speed.py --encoder ../shared/data/banking77/train.csv

Inputs have about 30 words, drawn by Zipf's law from a made-up vocabulary; outputs are one of 20 labels, or
JSON, or a reply of about 30 words. Planted are one row in a hundred that repeats an earlier row, one in a
hundred that repeats it with one word in ten edited, one in five hundred that does so with another output, and
e-mail addresses and telephone numbers; a tenth of the rows is held out. Each size and kind runs in a fresh
process, from the file on. Prints one JSON line each: seconds to read, seconds by check, peak memory of the
process, and how many rows each check has found, so that a check that did nothing is seen.

``--encoder FILE`` times label errors and relevance with the default encoder instead, on 10,000 rows: the
file's own texts and labels, and texts of one label joined to about 30 words.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import json
import os
import platform
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SIZES = (100_000, 1_000_000)
KINDS = ("classify", "extract", "write")
WORDS = 50_000
HELD_OUT = 0.1
ENCODED, JOINED = 10_000, 30
SYLLABLES = [
    f"{first}{vowel}{last}" for first in "bdfgklmnprstv" for vowel in "aeiou" for last in ("", "n", "r", "s")
]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, nargs="+", default=SIZES)
    parser.add_argument("--kinds", choices=KINDS, nargs="+", default=KINDS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--encoder", type=Path, metavar="FILE", help="CSV with the columns text, category")
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.encoder:
        for words in (0, JOINED):
            print(json.dumps(measure_encoder(arguments.encoder, words, arguments.seed)), flush=True)
        return
    if arguments.folder:
        print(json.dumps(measure(arguments.folder)))
        return
    for size, kind in itertools.product(arguments.rows, arguments.kinds):
        with tempfile.TemporaryDirectory() as place:
            write_rows(Path(place), size, kind, arguments.seed)
            about = {"bench": "check_speed", "n": size, "kind": kind}
            print(json.dumps({**about, **fresh(Path(place))}), flush=True)


def fresh(folder: Path) -> dict[str, Any]:
    """The measurement in a process of its own, so that the peak of its memory is its own."""
    command = [sys.executable, __file__, "--folder", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def measure(folder: Path) -> dict[str, Any]:
    """Read the task in ``folder`` and run every check without a model."""
    from whet.check.load import load_subject
    from whet.check.run import run_checks
    from whet.check.subject import Tools
    from whet.config import load_task

    start = time.perf_counter()
    subject = load_subject(load_task(folder / "task.yaml"), folder)
    read = time.perf_counter() - start
    report = run_checks(subject, Tools())
    seconds = sorted(report.seconds.items(), key=lambda pair: -pair[1])
    return {
        "words": round(sum(len(text.split()) for text in subject.inputs) / len(subject), 1),
        "seconds_read": round(read, 2),
        "seconds_checks": round(sum(report.seconds.values()), 2),
        "peak_gib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 3),
        "cores": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
        "by_check": {name: round(value, 2) for name, value in seconds},
        "found": {finding.check: len(finding.flags) for finding in report.findings},
        "skipped": sorted(report.skipped),
    }


def measure_encoder(path: Path, words: int, seed: int) -> dict[str, Any]:
    """Label errors, what is next in doubt, and relevance, from texts to findings; all encode once."""
    from whet.check.accurate import label_errors
    from whet.check.doubtful import doubtful_labels
    from whet.check.relevant import off_task
    from whet.check.subject import Subject, Tools
    from whet.models.cache import CachedEncoder
    from whet.rungs.vectors import default_encoder

    rows = joined(path, words, random.Random(seed))
    texts, labels = [text for text, _ in rows], [label for _, label in rows]
    subject = Subject("classify", texts, labels, [path.name] * len(rows), range(2, len(rows) + 2))
    start = time.perf_counter()
    encoder = CachedEncoder(default_encoder())

    def encode(texts: Sequence[str]) -> NDArray[np.float32]:
        return encoder.encode(texts, precise=False).vectors

    encode(texts)
    tools = Tools(encode=encode)
    encoded = time.perf_counter()
    checks = (label_errors, doubtful_labels, off_task)
    found = [finding for check in checks for finding in check(subject, tools)]
    return {
        "bench": "check_speed",
        "encoder": encoder.source.name,
        "n": len(rows),
        "labels": len(set(labels)),
        "words": round(sum(len(text.split()) for text in texts) / len(texts), 1),
        "seconds_encoding": round(encoded - start, 1),
        "seconds_finding": round(time.perf_counter() - encoded, 1),
        "seconds": round(time.perf_counter() - start, 1),
        "peak_gib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 3),
        "cores": len(os.sched_getaffinity(0)),
        "found": {finding.check: len(finding.flags) for finding in found},
    }


def joined(path: Path, words: int, rng: random.Random) -> list[tuple[str, str]]:
    """10,000 texts with labels; where ``words`` is given, texts of one label joined to about so many."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = [(row["text"], row["category"]) for row in csv.DictReader(file)][:ENCODED]
    if not words:
        return rows
    of = {label: [text for text, other in rows if other == label] for _, label in rows}
    longer = []
    for text, label in rows:
        while len(text.split()) < words - 5:
            text = f"{text} {rng.choice(of[label])}"
        longer.append((text, label))
    return longer


def write_rows(folder: Path, size: int, kind: str, seed: int) -> None:
    """A task, its examples and its test file."""
    rows = made(size, kind, random.Random(seed))
    held = round(size * HELD_OUT)
    for name, count in (("train", size - held), ("test", held)):
        with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["text", "answer", "customer", "date"])
            writer.writerows(itertools.islice(rows, count))
    task = f"task: speed\nkind: {kind}\nexamples: train.csv\nfields: {{input: text, output: answer}}\n"
    split = "split: {test: test.csv, group_by: customer, time: date}\n"
    (folder / "task.yaml").write_text(task + split, encoding="utf-8")


def made(size: int, kind: str, rng: random.Random) -> Iterator[tuple[str, str, str, str]]:
    """Rows one by one: text, answer, customer, date."""
    known = sorted({"".join(rng.choices(SYLLABLES, k=rng.choice((1, 2, 2, 3)))) for _ in range(2 * WORDS)})
    rng.shuffle(known)
    known = known[:WORDS]
    zipf = list(itertools.accumulate(1 / rank for rank in range(1, len(known) + 1)))
    labels = [f"{known[n]}_{known[n + 1]}" for n in range(100, 140, 2)]
    earlier: list[tuple[list[str], str]] = []
    for number in range(size):
        turn = rng.random()
        if earlier and turn < 0.022:
            words, label = rng.choice(earlier)
            words = list(words) if turn < 0.01 else edited(words, rng, known)
            label = label if turn < 0.02 else rng.choice(labels)
        else:
            words, label = rng.choices(known, cum_weights=zipf, k=rng.randint(20, 40)), rng.choice(labels)
            if turn > 0.99:
                words[-1] = rng.choice(
                    (f"{words[0]}@{words[1]}.example", f"+49 30 {rng.randrange(10**7):07}")
                )
        if len(earlier) < 50_000:
            earlier.append((words, label))
        day = f"2026-{1 + 11 * number // size:02}-{rng.randint(1, 28):02}"
        text = " ".join(words).capitalize() + "."
        yield text, answer(kind, words, label), f"c{rng.randrange(size)}", day


def answer(kind: str, words: list[str], label: str) -> str:
    """The output: the label, what stands in the text as JSON, or a reply made of the label and the text."""
    if kind == "extract":
        return json.dumps({"who": words[0], "what": " ".join(words[3:5]), "how": label, "words": len(words)})
    reply = " ".join([*label.split("_"), *sorted(words)]).capitalize() + "."
    return reply if kind == "write" else label


def edited(words: list[str], rng: random.Random, known: list[str]) -> list[str]:
    """One word in ten replaced, deleted or doubled."""
    words = list(words)
    for _ in range(max(1, round(len(words) / 10))):
        place, turn = rng.randrange(len(words)), rng.randrange(3)
        words[place : place + 1] = [[rng.choice(known)], [], [words[place], rng.choice(known)]][turn]
    return words


if __name__ == "__main__":
    main()
