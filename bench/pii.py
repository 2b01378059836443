"""Personal data found by whet and by Presidio on the same rows: one JSON line, one table.

    python bench/pii.py --data ../shared/data/presidio_pii/generated_large.json --presidio PYTHON

Rows are those of templates that the names adapter was not trained on (its JSON card lists them). PYTHON is
an interpreter with presidio-analyzer; with its spaCy model it runs as it comes, without on the model that
--spacy names, or on its ``no_op`` engine, patterns alone, and the line says which. --ordinary reads folders
of everyday questions, none of whose rows was trained on, and counts what is flagged there; --speed times the
patterns on as many rows.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT.parent / "shared" / "data"
TABLE = (
    ("card, IBAN, IP, e-mail, national ids", "pooled"),
    ("telephone", "PHONE_NUMBER"),
    ("URL", "DOMAIN_NAME"),
    ("date", "DATE_TIME"),
    ("person", "PERSON"),
    ("place", "LOCATION"),
    ("organisation", "ORGANIZATION"),
    ("address", "ADDRESS"),
    ("job title", "TITLE"),
    ("all", "all"),
)
ORDINARY = (
    ("banking77", "banking77/test.csv", "text"),
    ("bitext, customer", "bitext_support/bitext_v_long_9e56c98.csv", "instruction"),
    ("bitext, agent", "bitext_support/bitext_v_long_9e56c98.csv", "response"),
)
WORDS = 30


def main() -> None:
    arguments = _arguments()
    if arguments.peer:
        print(json.dumps(peer(json.load(sys.stdin), arguments.spacy)))
        return
    sys.path.insert(0, str(ROOT / "tools"))
    from names.corpus import all_spans, read_data
    from whet.check.pii.names import ADAPTER, CARD
    from whet.runs import environment

    card = json.loads((ADAPTER / CARD).read_text(encoding="utf-8"))
    tested = set(card["data"]["test_templates"])
    rows = [row for row in read_data(arguments.data) if row["template_id"] in tested]
    wanted = [all_spans(row) for row in rows]
    line: dict[str, Any] = {
        "bench": "pii",
        "rows": len(rows),
        "templates": len(tested),
        "adapter": card["weights_sha256"][:16],
        "caution": card["caution"],
        "environment": environment(),
    }
    line["whet"] = figures(rows, wanted, ours([row["full_text"] for row in rows]))
    if arguments.presidio:
        found = theirs(arguments.presidio, arguments.spacy, [row["full_text"] for row in rows])
        line["presidio"] = {
            "engine": found["engine"],
            "versions": found["versions"],
            **figures(rows, wanted, found["spans"]),
        }
    if arguments.ordinary:
        line["ordinary"] = {
            name: ordinary(DATA / path, column, arguments.ordinary) for name, path, column in ORDINARY
        }
    if arguments.speed:
        line["speed"] = speed(arguments.speed)
    print(json.dumps(line))
    print(table(line))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA / "presidio_pii" / "generated_large.json")
    parser.add_argument("--presidio", help="an interpreter that has presidio-analyzer")
    parser.add_argument("--spacy", default="", help="a spaCy model for it, by name or folder")
    parser.add_argument(
        "--ordinary", type=int, default=0, metavar="ROWS", help="count flags on as many everyday texts"
    )
    parser.add_argument("--speed", type=int, default=0, metavar="ROWS")
    parser.add_argument("--peer", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def ours(texts: Sequence[str]) -> list[list[Any]]:
    from whet.check.pii.names import names_finder
    from whet.check.pii.patterns import find_each

    return [list(spans) for spans in find_each(texts, names_finder())]


def theirs(python: str, model: str, texts: Sequence[str]) -> dict[str, Any]:
    """What Presidio finds, by an interpreter of its own."""
    done = subprocess.run(
        [python, __file__, "--peer", "--spacy", model],
        input=json.dumps(list(texts)),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def peer(texts: list[str], model: str) -> dict[str, Any]:
    """Presidio with its defaults; the best-scored of overlapping results."""
    from importlib.metadata import version

    analyzer, engine = _analyzer(model)
    versions = {name: version(name) for name in ("presidio-analyzer", "spacy")}
    spans = [_best(analyzer.analyze(text=text, language="en")) for text in texts]
    return {"engine": engine, "versions": versions, "spans": spans}


def _analyzer(model: str) -> tuple[Any, str]:
    """Presidio on the best engine at hand, and which."""
    import importlib.util

    from presidio_analyzer import AnalyzerEngine
    from presidio_analyzer.nlp_engine import NlpEngineProvider

    if importlib.util.find_spec("en_core_web_lg"):
        return AnalyzerEngine(), "default (en_core_web_lg)"
    kind = "spacy" if model else "no_op"
    models = [{"lang_code": "en", "model_name": model or "no_op"}]
    provider = NlpEngineProvider(nlp_configuration={"nlp_engine_name": kind, "models": models})
    analyzer = AnalyzerEngine(nlp_engine=provider.create_engine(), supported_languages=["en"])
    return analyzer, f"spaCy {Path(model).name}" if model else "no_op, patterns alone"


def _best(results: list[Any]) -> list[tuple[int, int, str]]:
    kept: list[Any] = []
    for result in sorted(results, key=lambda r: (-r.score, r.start - r.end)):
        if all(result.end <= other.start or other.end <= result.start for other in kept):
            kept.append(result)
    return sorted((r.start, r.end, r.entity_type) for r in kept)


def figures(rows: Sequence[Any], wanted: Sequence[Any], found: Sequence[Any]) -> dict[str, Any]:
    """Recall and precision by kind, of the structured kinds together, and of all."""
    from names.corpus import whole
    from names.measure import OTHER_NUMBERS, POOLED, count, renamed

    named = [renamed([(start, end, kind) for start, end, kind in spans]) for spans in found]
    joined = [whole(row["full_text"], spans) for row, spans in zip(rows, named, strict=True)]
    counts = count(wanted, joined)
    kinds = sorted({*counts.wanted, *counts.found})
    groups = {"pooled": [*POOLED, *OTHER_NUMBERS], "all": kinds, **{kind: [kind] for kind in kinds}}
    return {
        name: {"recall": counts.recall(group), "precision": counts.precision(group)}
        for name, group in groups.items()
    }


def ordinary(path: Path, column: str, rows: int) -> dict[str, Any]:
    """Rows with a flag per thousand, by kind, on texts that are said to hold no personal data."""
    from whet.check.pii.names import names_finder
    from whet.check.pii.patterns import find_each
    from whet.check.pii.spans import GROUP_OF, QUIET

    csv.field_size_limit(1 << 24)
    with path.open(encoding="utf-8", newline="") as stream:
        texts = sorted({row[column] for row in csv.DictReader(stream)})
    texts = random.Random(0).sample(texts, min(rows, len(texts)))
    spans = find_each(texts, names_finder())
    kinds = Counter(kind for found in spans for kind in {k for *_, k in found})
    flagged = sum(any(GROUP_OF[kind] not in QUIET for *_, kind in found) for found in spans)
    return {
        "texts": len(texts),
        "flagged_per_thousand": round(1000 * flagged / len(texts), 1),
        "per_thousand": {kind: round(1000 * n / len(texts), 1) for kind, n in kinds.most_common()},
    }


def speed(rows: int) -> dict[str, float]:
    """Seconds of the patterns over rows of 30 words: the demo's tickets, no two alike."""
    from whet.check.pii.patterns import find_each

    with (ROOT / "src/whet/demo/tickets.csv").open(encoding="utf-8", newline="") as stream:
        words = [row["text"].split() for row in csv.DictReader(stream)]
    texts = []
    for place in range(rows):
        one, other = words[place % len(words)], words[(place * 7 + place // len(words)) % len(words)]
        texts.append(" ".join([*one, *other, *one][place % 11 :][:WORDS]))
    start = time.perf_counter()
    found = find_each(texts)
    return {"rows": rows, "seconds": round(time.perf_counter() - start, 2), "spans": sum(map(len, found))}


def table(line: dict[str, Any]) -> str:
    """Markdown: recall and precision with their intervals, whet beside Presidio."""
    sides = [side for side in ("whet", "presidio") if side in line]
    heads = [f"{side} {what}" for side in sides for what in ("recall", "precision")]
    out = ["| kind | n | " + " | ".join(heads) + " |", "|---|---:|" + "---|" * len(heads)]
    for title, name in TABLE:
        cells = [_cell(line[side][name][what]) for side in sides for what in ("recall", "precision")]
        out.append(f"| {title} | {line['whet'][name]['recall']['n']} | " + " | ".join(cells) + " |")
    return "\n".join(out)


def _cell(figure: dict[str, float]) -> str:
    return (
        f"{figure['value']:.3f} ({figure['low']:.3f}–{figure['high']:.3f})" if figure["n"] else "none found"
    )


if __name__ == "__main__":
    main()
