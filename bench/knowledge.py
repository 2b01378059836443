"""Facts that change after a training: who answers with the old ones, who with the new.

    python bench/knowledge.py --model FOLDER [--facts 120] [--seed 0]

Made-up facts stand in documents, each is asked for in four wordings: two are for training, one for dev, one
for the test, so that a model can learn the facts by heart. Four rungs answer the test questions: ``prompt``
(no passages), ``retrieve``, ``tune`` and ``tune+retrieve``. Then every fact gets another value, and the
documents of the fitted specialists are changed (``whet.indexing``); nothing is fitted again, and the same
questions are asked. Prints one JSON line: the share of old and of new values among the answers, with Wilson
intervals, and exact McNemar tests. ``tune`` alone is trained for longer, so that it surely knows the facts.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from whet.config import Task, task_from
from whet.evaluate.stats import paired_right, wilson
from whet.indexing import reindex
from whet.models.decoder import find_decoder
from whet.models.finding import model_place
from whet.models.opening import Local
from whet.records import Example
from whet.retrieve.documents import Document, Documents
from whet.rungs.base import Setting, find_rung, load_specialist
from whet.tuning import teach

ABOUT = ("price", "code", "manager", "colour", "city")
STATED = ("The {a} of {e} is {v}.", "{e} has the {a} {v}.", "For {e}, the {a} is {v}.")
ASKED = (
    "What is the {a} of {e}?",
    "Tell me the {a} of {e}.",
    "For {e}, what is the {a}?",
    "I need the {a} of {e}.",
)
INSTRUCTION = "Answer the question with the value alone. Where nothing says it: not stated."
WORDS = 16
"""Of a passage: a fact, and half of the next."""
A_DOCUMENT = 6
"""Facts in one document."""
RUNGS = ("prompt", "retrieve", "tune", "tune+retrieve")
TUNE = {"methods": ["full"], "batch": 16, "precision": "fp32", "patience": 0, "looks": 1}
LONG, SHORT = {**TUNE, "epochs": 30, "lr": 1e-3}, {**TUNE, "epochs": 4, "lr": 3e-4}
Facts = dict[tuple[str, str], str]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="reader")
    parser.add_argument("--facts", type=int, default=120)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    old, new = facts(arguments.facts, arguments.seed), facts(arguments.facts, arguments.seed, again=True)
    with tempfile.TemporaryDirectory() as folder:
        answers = asked_of_all(arguments.model, old, new, Path(folder), arguments.seed)
    line = {
        "bench": "knowledge",
        "model": arguments.model,
        "facts": len(old),
        "seed": arguments.seed,
        "rungs": {name: shown(found, old, new) for name, found in answers.items()},
        "retrieve_against_prompt": against(answers, "retrieve", "prompt", "before", old),
        "tune+retrieve_against_tune_after_the_change": against(
            answers, "tune+retrieve", "tune", "after", new
        ),
    }
    print(json.dumps(line))


def facts(count: int, seed: int, *, again: bool = False) -> Facts:
    """Values of made-up names; ``again``: the same names with other values."""
    names, values = random.Random(seed), random.Random(f"{seed} {again}")
    found: Facts = {}
    while len(found) < count:
        key = made_up(names).capitalize(), names.choice(ABOUT)
        if key not in found:
            found[key] = f"{made_up(values)[:3]}{values.randrange(10, 1000)}"
    return found


def made_up(draw: random.Random) -> str:
    syllables = [draw.choice("bdfgklmnprstvz") + draw.choice("aeiou") for _ in range(3)]
    return "".join(syllables) + draw.choice("lnrs")


def documents(known: Facts, seed: int) -> Documents:
    draw = random.Random(seed)
    told = [draw.choice(STATED).format(e=e, a=a, v=v) for (e, a), v in known.items()]
    texts = [" ".join(told[n : n + A_DOCUMENT]) for n in range(0, len(told), A_DOCUMENT)]
    return Documents(tuple(Document(f"{n}.txt", text) for n, text in enumerate(texts)), WORDS, 0)


def rows(known: Facts, wording: int) -> list[Example]:
    return [
        Example(f"{e}-{a}-{wording}", ASKED[wording].format(e=e, a=a), value, f"facts:{n}")
        for n, ((e, a), value) in enumerate(known.items())
    ]


def asked_of_all(
    model: str, old: Facts, new: Facts, folder: Path, seed: int
) -> dict[str, Mapping[str, list[str]]]:
    """Answers to the test questions before and after the documents changed, of every rung."""
    train, dev = [*rows(old, 0), *rows(old, 1)], rows(old, 2)[::2]
    questions = [row.input for row in rows(old, 3)]
    found: dict[str, Mapping[str, list[str]]] = {}
    for name in RUNGS:
        rung: Any = find_rung(name)
        choices = {"k": 0} if name == "retrieve" else {}  # the nearest examples would tell the old facts
        fitted = rung(setting=setting(model, name, old, folder, seed), choices=choices).fit(train, dev)
        fitted.save(folder / name)
        before = [str(one.output) for one in load_specialist(folder / name).predict(questions)]
        if name in {"retrieve", "tune+retrieve"}:
            reindex(folder / name, documents(new, seed))
        after = [str(one.output) for one in load_specialist(folder / name).predict(questions)]
        found[name] = {"before": before, "after": after, "choices": [json.dumps(fitted.info.choices)]}
    return found


def setting(model: str, name: str, known: Facts, folder: Path, seed: int) -> Setting:
    how = partial(teach, task(model, LONG if name == "tune" else SHORT), folder / "taught", lambda *_: None)
    return Setting(
        kind="write",
        instruction=INSTRUCTION,
        writers=[Local(find_decoder(model_place(model, Path())))],
        documents=documents(known, seed),
        answer_tokens=12,
        teach=how,
        seed=seed,
    )


def task(model: str, tune: Mapping[str, Any]) -> Task:
    fields = {"input": "ask", "output": "reply"}
    about = {"task": "facts", "kind": "write", "examples": "-", "fields": fields}
    return task_from({**about, "models": [model], "tune": dict(tune)})


def shown(found: Mapping[str, list[str]], old: Facts, new: Facts) -> dict[str, Any]:
    return {
        "before": {"old": share(found["before"], old)},
        "after": {"old": share(found["after"], old), "new": share(found["after"], new)},
        "choices": json.loads(found["choices"][0]),
    }


def share(answers: Sequence[str], known: Facts) -> dict[str, float]:
    found = wilson(int(right(answers, known).sum()), len(answers))
    return {name: round(getattr(found, name), 4) for name in ("value", "low", "high")} | {"n": found.n}


def right(answers: Sequence[str], known: Facts) -> Any:
    pairs = zip(answers, known.values(), strict=True)
    return np.array([float(answer.strip() == value) for answer, value in pairs])


def against(
    answers: Mapping[str, Mapping[str, list[str]]], one: str, other: str, when: str, known: Facts
) -> dict[str, float]:
    pair = paired_right(right(answers[one][when], known), right(answers[other][when], known))
    return {"difference": round(pair.difference, 4), "p_ahead": float(f"{pair.p_ahead:.2g}")}


if __name__ == "__main__":
    main()
