"""Graders of evals: what OpenAI's string check, text similarity and label model say of one item.

    item, sample -> {{item.x}} and {{sample.output_text}} filled in -> score, passed

Similarity is measured by what whet has: BLEU-like and METEOR measures are refused by name, and the cosine is
that of the offline encoder. A label model is asked through a function. Python is refused: whet's sandbox
takes the network away but not the files, and a client must not read or write those of the server. Source:
OpenAI's guide on graders. Knows no table.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from whet.serve.faults import bad, unsupported

OPERATIONS: Mapping[str, Callable[[str, str], bool]] = {
    "eq": lambda given, wanted: given == wanted,
    "ne": lambda given, wanted: given != wanted,
    "like": lambda given, wanted: wanted in given,
    "ilike": lambda given, wanted: wanted.casefold() in given.casefold(),
}
MEASURES = ("fuzzy_match", "cosine", "rouge_l", "rouge_1", "rouge_2", "rouge_3", "rouge_4", "rouge_5")
KINDS = ("string_check", "text_similarity", "label_model")
LONGEST = 64 << 10  # characters of a template or a source
HOLE = re.compile(r"\{\{\s*([\w.\[\]]+)\s*\}\}")
Asks = Callable[[str, Sequence[Mapping[str, str]], Sequence[str]], str]
"""(model, messages, labels) -> the label that the model gives."""


@dataclass(frozen=True, slots=True)
class Graded:
    """What one criterion says of one item."""

    name: str
    type: str
    score: float
    passed: bool

    def as_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "type": self.type,
            "score": self.score,
            "passed": self.passed,
            "sample": None,
        }


def check_criterion(value: Mapping[str, Any], number: int) -> None:
    """Whether a criterion can be graded here.

    Raises:
        Fault: says which part.
    """
    at, kind = f"testing_criteria[{number}]", value.get("type")
    if kind not in KINDS:
        raise unsupported(
            f"Graders of the type {str(kind)[:40]!r} are not run here; {', '.join(KINDS)} are.", at
        )
    wanted = {
        "string_check": ("name", "input", "reference", "operation"),
        "text_similarity": ("name", "input", "reference", "evaluation_metric"),
        "label_model": ("name", "model"),
    }[kind]
    for key in wanted:
        if not isinstance(value.get(key), str) or not 0 < len(value[key]) <= LONGEST:
            raise bad(f"{at}.{key} must be a text.", f"{at}.{key}")
    {"string_check": _check_string, "text_similarity": _check_similarity}.get(kind, _check_label)(value, at)


def _check_string(value: Mapping[str, Any], at: str) -> None:
    if value["operation"] not in OPERATIONS:
        raise bad(f"{at}.operation is one of {list(OPERATIONS)}.", f"{at}.operation")


def _check_similarity(value: Mapping[str, Any], at: str) -> None:
    if value["evaluation_metric"] not in MEASURES:
        said = f"{value['evaluation_metric'][:40]!r} is not measured here; {', '.join(MEASURES)} are."
        raise unsupported(said, f"{at}.evaluation_metric")
    if not isinstance(value.get("pass_threshold"), int | float):
        raise bad(f"{at}.pass_threshold must be a number.", f"{at}.pass_threshold")


def _check_label(value: Mapping[str, Any], at: str) -> None:
    labels, passing = value.get("labels"), value.get("passing_labels")
    if not _texts(labels) or not _texts(passing) or not set(passing or ()) <= set(labels or ()):
        raise bad(f"{at}: passing_labels must be some of labels.", f"{at}.passing_labels")
    check_messages(value.get("input"), f"{at}.input")


def _texts(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, str) for one in value)


def grade(criterion: Mapping[str, Any], item: Any, sample: Any, asks: Asks | None) -> Graded:
    """What a criterion says of an item.

    Raises:
        Fault: a hole that nothing fills, a model that does not answer.
    """
    kind, known = str(criterion["type"]), {"item": item, "sample": sample}
    name = str(criterion["name"])
    if kind == "string_check":
        passed = OPERATIONS[criterion["operation"]](
            filled(criterion["input"], known), filled(criterion["reference"], known)
        )
        return Graded(name, kind, float(passed), passed)
    if kind == "text_similarity":
        texts = (filled(criterion[key], known) for key in ("input", "reference"))
        score = similarity(criterion["evaluation_metric"], *texts)
        return Graded(name, kind, score, score >= criterion["pass_threshold"])
    return _by_label(criterion, known, asks)


def filled(template: str, known: Mapping[str, Any]) -> str:
    """A template with its holes filled; ``{{item.a.b}}`` walks into objects.

    Raises:
        Fault: there is nothing of that name.
    """

    def value(found: re.Match[str]) -> str:
        inner: Any = known
        for part in re.findall(r"\w+", found[1]):
            if isinstance(inner, list) and part.isdecimal() and int(part) < len(inner):
                inner = inner[int(part)]
            elif isinstance(inner, Mapping) and part in inner:
                inner = inner[part]
            else:
                raise bad(
                    f"the template names {found[0]!r}, which this item does not have.", "testing_criteria"
                )
        return inner if isinstance(inner, str) else json.dumps(inner, ensure_ascii=False)

    return HOLE.sub(value, template)


def similarity(measure: str, text: str, reference: str) -> float:
    """Likeness in 0..1."""
    if measure == "fuzzy_match":
        from rapidfuzz.fuzz import ratio

        return float(ratio(text, reference)) / 100
    if measure == "rouge_l":
        from whet.evaluate.scorers.overlap import rouge_l_of

        return rouge_l_of(text, reference)
    if measure == "cosine":
        vectors = _encoder().encode([text, reference]).vectors
        return float(min(max(vectors[0] @ vectors[1], 0.0), 1.0))
    return _rouge_n(text, reference, int(measure[-1]))


def _rouge_n(text: str, reference: str, n: int) -> float:
    """F1 of n-grams of words (Lin 2004)."""
    given, wanted = (_grams(re.findall(r"[^\W_]+", one.lower()), n) for one in (text, reference))
    both = (given & wanted).total()
    return 2 * both / (given.total() + wanted.total()) if both else 0.0


def _grams(words: Sequence[str], n: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))


@lru_cache(maxsize=1)
def _encoder() -> Any:
    from whet.rungs.vectors import default_encoder

    return default_encoder()


def _by_label(criterion: Mapping[str, Any], known: Mapping[str, Any], asks: Asks | None) -> Graded:
    if asks is None:
        raise unsupported("No model can be asked here.", "testing_criteria")
    messages = [
        {"role": str(one.get("role", "user")), "content": filled(text_of(one.get("content")), known)}
        for one in criterion["input"]
    ]
    label = asks(str(criterion["model"]), messages, criterion["labels"])
    passed = label in criterion["passing_labels"]
    return Graded(str(criterion["name"]), "label_model", float(passed), passed)


def check_messages(given: Any, at: str) -> None:
    """Whether these are messages of texts.

    Raises:
        Fault: says where.
    """
    if not isinstance(given, list) or not given or not all(isinstance(one, Mapping) for one in given):
        raise bad(f"{at} must be a list of messages.", at)
    for one in given:
        text_of(one.get("content"), at)


def text_of(content: Any, at: str = "testing_criteria") -> str:
    """The text of a message, which may come in parts."""
    if isinstance(content, list) and content:
        return "".join(text_of(part, at) for part in content)
    if isinstance(content, Mapping):
        content = content.get("text")
    if not isinstance(content, str):
        raise bad("a message's content must be a text.", at)
    return content
