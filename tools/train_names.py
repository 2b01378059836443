"""Train the names adapter and write it with its data card. One command:

    python tools/train_names.py --data ../shared/data/presidio_pii/generated_large.json --start FOLDER

FOLDER holds an adapter to go on from (the card says which one); without it training begins anew. Half of the
data set's templates train, with our own sentences beside them; an eighth is held out with --dev to choose on;
a third measures, and was not looked at to choose the recipe, the mixture or ``CAUTION``. Same machine, same
versions, same start: same bytes.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from names.card import readme
from names.corpus import Row, all_spans, make_corpus, read_data, split_templates, whole
from names.measure import NAMES, Counts, count, renamed
from whet.check.pii.names import ADAPTER, CARD, HEAD, WEIGHTS, names_finder, open_tagger, save_tagger
from whet.check.pii.patterns import find_each
from whet.config import DEFAULT_ENCODER
from whet.models.encoder import Encoder
from whet.models.source import EncoderSource, find_encoder
from whet.models.words import Words, read_words
from whet.store import write_json, write_text
from whet.train.tagger import Tagger, TagRecipe, fresh_tagger, train_tagger
from whet.version import __version__

DATA = Path(__file__).resolve().parent.parent.parent / "shared/data/presidio_pii/generated_large.json"
TAGS = ("O", *(f"{place}-{kind}" for kind in NAMES for place in "BI"))
SIZES = (1700, 4400, 2200)
"""Rows of the data set, tagged and plain sentences of our own."""
RECIPE = TagRecipe(rank=16, lr=6e-4, epochs=1.0, batch=32, drop_pieces=0.08)
CAUTION = 0.0
SEED = 1


def main() -> None:
    arguments = _arguments()
    rows = read_data(arguments.data)
    train, dev, test = split_templates(rows)
    train, test = (train, dev) if arguments.dev else (sorted([*train, *dev]), test)
    began = time.perf_counter()
    tagger = fit([row for row in rows if row["template_id"] in set(train)], arguments.start)
    card = _card(arguments.data, train, test, time.perf_counter() - began)
    card["start"] = weights_digest(arguments.start) if arguments.start else None
    save_tagger(arguments.out, tagger, card, DEFAULT_ENCODER)
    measured = measure([row for row in rows if row["template_id"] in set(test)], arguments.out)
    card |= {"weights_sha256": weights_digest(arguments.out), "measured": measured}
    write_json(arguments.out / CARD, card)
    write_text(arguments.out / "README.md", readme(card))
    print(json.dumps({"digest": card["weights_sha256"], **measured}))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--out", type=Path, default=ADAPTER)
    parser.add_argument("--start", type=Path, help="an adapter to go on from")
    parser.add_argument("--dev", action="store_true", help="hold out a quarter of the training templates")
    return parser.parse_args()


def fit(rows: list[dict[str, Any]], start: Path | None) -> Tagger:
    """Train on the data set's rows and our own sentences, from an adapter or anew."""
    source = find_encoder(DEFAULT_ENCODER)
    encoder = Encoder(source)
    corpus = make_corpus(rows, SIZES, SEED)
    words = read_words(encoder, [text for text, _ in corpus])
    return train_tagger(
        _opened(source, start) if start else fresh_tagger(source, len(TAGS), RECIPE.rank, SEED),
        words,
        tags_of(words, corpus),
        RECIPE,
        pad_id=encoder.pad_id,
        seed=SEED,
        on_step=_tell,
    )


def _opened(source: EncoderSource, folder: Path) -> Tagger:
    card = json.loads((folder / CARD).read_text(encoding="utf-8"))
    return open_tagger(source, folder, card, attn_implementation="eager")


def tags_of(words: Words, corpus: Sequence[Row]) -> list[int]:
    """The tag of each word: B- where a span begins, I- within it."""
    tags, begun = [], set[tuple[int, int]]()
    for text, start, _ in words.places:
        tag = "O"
        for first, end, kind in corpus[text][1]:
            if first <= start < end and kind in NAMES:
                tag = f"I-{kind}" if (text, first) in begun else f"B-{kind}"
                begun.add((text, first))
        tags.append(TAGS.index(tag))
    return tags


def _tell(step: int, steps: int, loss: float) -> None:
    if step % 50 == 0 or step == steps:
        print(f"step {step} of {steps}, loss {loss:.4f}", flush=True)


def measure(rows: list[dict[str, Any]], folder: Path) -> dict[str, Any]:
    """Recall and precision on rows whose templates were not trained on."""
    names = names_finder(folder=folder)
    texts = [row["full_text"] for row in rows]
    found = [whole(text, renamed(spans)) for text, spans in zip(texts, find_each(texts, names), strict=True)]
    wanted = [all_spans(row) for row in rows]
    counts = count(wanted, found)
    kinds = sorted({*counts.wanted, *counts.found})
    return {
        "rows": len(rows),
        "all": _figures(counts, kinds),
        "kinds": {kind: _figures(counts, [kind]) for kind in kinds},
    }


def _figures(counts: Counts, kinds: Sequence[str]) -> dict[str, Any]:
    return {"recall": counts.recall(kinds), "precision": counts.precision(kinds)}


def _card(data: Path, train: list[int], test: list[int], seconds: float) -> dict[str, Any]:
    import torch
    import transformers

    source = find_encoder(DEFAULT_ENCODER)
    return {
        "format": 1,
        "base": {"name": source.name, "sha256": source.sha256, "licence": source.licence},
        "tags": list(TAGS),
        "caution": CAUTION,
        "recipe": asdict(RECIPE),
        "seed": SEED,
        "rows": dict(zip(("data", "tagged", "plain"), SIZES, strict=True)),
        "data": {
            "name": "presidio-research, generated_large.json",
            "sha256": hashlib.sha256(data.read_bytes()).hexdigest(),
            "licence": "MIT; some generated names from fakenamegenerator.com, CC BY-SA 3.0 US",
            "train_templates": train,
            "test_templates": test,
        },
        "made_with": {
            "whet": __version__,
            "torch": torch.__version__,
            "transformers": transformers.__version__,
            "seconds": round(seconds),
        },
    }


def weights_digest(folder: Path) -> str:
    """SHA-256 over both files of weights."""
    return hashlib.sha256((folder / WEIGHTS).read_bytes() + (folder / HEAD).read_bytes()).hexdigest()


if __name__ == "__main__":
    main()
