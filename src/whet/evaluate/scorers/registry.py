"""From the task file to a scorer: one function, ``scorer_of``, and one place that knows all families.

What a scorer needs from elsewhere comes in ``Tools``: an encoder, a writer for the judge, the task's folder.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from whet import config_scorers as spec
from whet.config_models import Model
from whet.errors import InputError
from whet.evaluate.scorers.base import Scorer
from whet.evaluate.scorers.closeness import Closeness, Encode
from whet.evaluate.scorers.code import CodeRules, Lint, code
from whet.evaluate.scorers.custom import function
from whet.evaluate.scorers.fields import fields
from whet.evaluate.scorers.form import Format, format_rules, schema
from whet.evaluate.scorers.judge import Rubric, read_labelled, trusted
from whet.evaluate.scorers.match import exact, normalised
from whet.evaluate.scorers.overlap import chrf, rouge_l
from whet.evaluate.scorers.rules import Glossary, If, Rule, conditional, glossary
from whet.evaluate.scorers.sandbox import Limits
from whet.evaluate.scorers.steady import Consistency
from whet.evaluate.scorers.tools import tool_calls
from whet.models.base import Writer


@dataclass(frozen=True)
class Tools:
    """What scorers may use; what is not there is asked for by name when a scorer needs it."""

    encode: Encode | None = None
    """Texts to vectors, for ``closeness``."""
    writer_of: Callable[[Model], Writer] | None = None
    """The model that a judge names."""
    json_schema: Mapping[str, Any] | None = None
    """The task's, where ``schema`` names none."""
    folder: Path = Path()
    """Where relative paths of the task start."""


def scorer_of(given: spec.ScorerSpec, tools: Tools = Tools()) -> Scorer:
    """The scorer that the task file asks for.

    Raises:
        InputError: it needs what is not there, or its own settings are wrong.
        Refused: a judge that does not agree with people.
    """
    return _MAKERS[type(given)](given, tools)


def _schema(given: spec.SchemaScorer, tools: Tools) -> Scorer:
    rule = given.json_schema or tools.json_schema
    if rule is None:
        raise InputError(
            "there is no schema.", where="scorer schema", fix="set `json_schema` in the task file."
        )
    return schema(rule)


def _format(given: spec.FormatOptions) -> Format:
    options = given.model_dump(include=set(spec.FormatOptions.model_fields))
    return Format(**options)


def _rules(given: spec.RulesScorer, tools: Tools) -> Scorer:
    return conditional(
        [
            Rule(If(**rule.when.model_dump()), _format(rule.then), rule.then.matches, rule.name)
            for rule in given.rules
        ]
    )


def _closeness(given: spec.ClosenessScorer, tools: Tools) -> Scorer:
    if tools.encode is None:
        raise InputError(
            "closeness needs a sentence encoder.", where="scorer closeness", fix="name one in `models`."
        )
    return Closeness(tools.encode)


def _code(given: spec.CodeScorer, tools: Tools) -> Scorer:
    limits = Limits(given.seconds, given.memory_mb, given.file_mb)
    return code(
        CodeRules(given.language, given.sql_schema, Lint(**given.lint.model_dump()), given.command, limits)
    )


def _judge(given: spec.JudgeScorer, tools: Tools) -> Scorer:
    if tools.writer_of is None:
        raise InputError("there is no model to judge.", where="scorer judge", fix="name one in `models`.")
    sample = read_labelled(tools.folder / given.labelled)
    rubric = Rubric(given.rubric, tuple(given.levels))
    return trusted(rubric, tools.writer_of(given.model), sample, given.least_kappa)


_MAKERS: dict[type[Any], Callable[[Any, Tools], Scorer]] = {
    spec.ExactScorer: lambda given, tools: exact(),
    spec.NormalisedScorer: lambda given, tools: normalised(),
    spec.FieldsScorer: lambda given, tools: fields(given.dates, given.tolerance),
    spec.SchemaScorer: _schema,
    spec.FormatScorer: lambda given, tools: format_rules(_format(given)),
    spec.ChrfScorer: lambda given, tools: chrf(),
    spec.RougeScorer: lambda given, tools: rouge_l(),
    spec.ClosenessScorer: _closeness,
    spec.RulesScorer: _rules,
    spec.GlossaryScorer: lambda given, tools: glossary(Glossary(given.terms, given.never)),
    spec.CodeScorer: _code,
    spec.ToolCallsScorer: lambda given, tools: tool_calls(),
    spec.ConsistencyScorer: lambda given, tools: Consistency(),
    spec.FunctionScorer: lambda given, tools: function(given.call, tools.folder),
    spec.JudgeScorer: _judge,
}
