"""The answer: train, not yet, or no, and what to do instead. It follows from the ten answers alone.

In the order in which one reason makes the next ones idle: no volume can ever pay; nothing can be measured;
the data are not right; something cheaper is enough; facts are missing; too few examples; not measured yet;
open questions. What none of them stops is warranted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from whet.advise.checklist import ask_all
from whet.advise.known import TUNED, Answer, Known

Advice = Literal["yes", "not yet", "no"]

INSTEAD = {
    "existing": "change nothing: what you have today is enough",
    "floor": "a rule in the workflow: always the most frequent answer",
    "prompt": "a good prompt",
    "prompt+": "a better prompt: the optimised one",
    "fewshot": "a prompt with a few examples in it",
    "template": "a prompt with a strict template",
    "retrieve": "retrieval: the nearest examples or passages beside the input",
    "head": "a small head on a frozen encoder; the model itself stays as it is",
}
DOCUMENTS = "retrieval: the passages of your documents beside the input"
TOOL = "a tool or an agent that looks the values up where they stand"
WORKFLOW = "a person with a rule or a template, as a step of the workflow"


@dataclass(frozen=True, slots=True)
class Counsel:
    """What to do, and why."""

    advice: Advice
    because: str
    instead: str
    """What to do instead of training; empty where the answer is yes or not yet."""
    missing: tuple[str, ...]
    """What is missing for a yes, the weightiest first."""
    answers: tuple[Answer, ...]

    @property
    def sentence(self) -> str:
        head = {"yes": "Yes, train.", "not yet": "Not yet.", "no": "No."}[self.advice]
        instead = f" Instead: {self.instead}." if self.instead else ""
        return f"{head} {self.because}{instead}"


def counsel(known: Known) -> Counsel:
    """Weigh the ten answers."""
    answers = tuple(ask_all(known))
    by_name = {answer.name: answer for answer in answers}
    for rule in RULES:
        if (found := rule(known, by_name)) is not None:
            advice, because, instead = found
            return Counsel(
                advice, because, instead, _missing(answers) if advice == "not yet" else (), answers
            )
    return Counsel("yes", _why(known), "", (), answers)


Found = tuple[Advice, str, str] | None
By = Mapping[str, Answer]


def _no_volume(known: Known, by: By) -> Found:
    if not by["volume"].facts.get("never"):
        return None
    best = known.winner if known.winner and known.winner not in TUNED else known.best_prompting
    helped = f", helped by `{best}`" if best else ""
    minutes = by["volume"].facts["minutes"]
    return "no", by["volume"].said, f"{WORKFLOW}{helped} (about {minutes:,} minutes a month)"


def _not_measurable(known: Known, by: By) -> Found:
    return _not_yet(by["measurable success"]) if by["measurable success"].state == "no" else None


def _dirty(known: Known, by: By) -> Found:
    return _not_yet(by["examples"]) if by["examples"].facts.get("dirty") else None


def _lower_is_enough(known: Known, by: By) -> Found:
    verdict = known.verdict
    if verdict is None or verdict["winner"] is None or verdict["winner"] in TUNED:
        return None
    if verdict["fine_tuning_warranted"] != "no" or verdict["target_met"] == "no":
        return None
    return "no", _first(verdict), INSTEAD.get(verdict["winner"], f"`{verdict['winner']}`")


def _facts(known: Known, by: By) -> Found:
    answer = by["behaviour, not knowledge"]
    if answer.state != "no":
        return None
    looked_up = answer.facts.get("elsewhere", 0) > answer.facts.get("fact", 0)
    return "no", answer.said, TOOL if looked_up else DOCUMENTS


def _template(known: Known, by: By) -> Found:
    answer = by["strict format"]
    return ("no", answer.said, INSTEAD["template"]) if answer.state == "no" else None


def _does_not_pay(known: Known, by: By) -> Found:
    if by["volume"].state != "no":
        return None
    return "no", by["volume"].said, INSTEAD.get(known.best_prompting or "", WORKFLOW)


def _open(known: Known, by: By) -> Found:
    """Everything that is left: what speaks against it, then what was not measured, then open questions."""
    first = ("examples", "privacy", "prompting is not enough", "held-out evaluation")
    order = [by[name] for name in (*first, *by)]
    weighed = sorted((one for one in order if one.state != "yes"), key=lambda one: one.state != "no")
    if weighed:
        return _not_yet(weighed[0])
    if known.winner not in TUNED:
        return "not yet", "Whether a tuned model is better was not measured, or not decided.", ""
    return None


RULES = (
    _no_volume,
    _not_measurable,
    _dirty,
    _lower_is_enough,
    _facts,
    _template,
    _does_not_pay,
    _open,
)


def _not_yet(answer: Answer) -> Found:
    return "not yet", f"{answer.said} Next: {answer.missing}", ""


def _missing(answers: Sequence[Answer]) -> tuple[str, ...]:
    return tuple(f"{answer.name}: {answer.missing}" for answer in answers if answer.missing)


def _why(known: Known) -> str:
    assert known.verdict is not None, "nobody is told to train by what was not measured"
    return f"{_first(known.verdict)} All ten questions are answered as training needs it."


def _first(verdict: Mapping[str, Any]) -> str:
    """The verdict's first sentence."""
    return str(verdict["sentence"]).split(". ")[0].rstrip(".") + "."


def as_json(found: Counsel, known: Known) -> dict[str, Any]:
    """For ``--json``."""
    lacking = known.lacking
    errors = None
    if lacking is not None:
        kinds = {what: lacking.count(what) for what in ("fact", "elsewhere", "behaviour")}
        rows = [
            {"id": r.example.id, "what": r.what, "values": r.values, "passage": r.passage}
            for r in lacking.rows
        ]
        errors = {"rung": lacking.rung, "how": lacking.how, "n": len(lacking.rows), **kinds, "rows": rows}
    return {
        "advice": found.advice,
        "sentence": found.sentence,
        "because": found.because,
        "instead": found.instead,
        "missing": list(found.missing),
        "questions": [asdict(answer) for answer in found.answers],
        "errors": errors,
    }
