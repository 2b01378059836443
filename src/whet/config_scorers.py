"""Scorers as the task file names them: one section a family, chosen by ``score``.

A scorer without options may be written as its name alone. Knows no scoring: ``whet.evaluate.scorers`` does.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator

from whet.config_lines import Section
from whet.config_models import Model
from whet.errors import nearest


def _regex(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"is not a regex: {error}") from error
    return value


Regex = Annotated[str, BeforeValidator(_regex)]


class ExactScorer(Section):
    """The output is the approved one."""

    score: Literal["exact"] = "exact"


class NormalisedScorer(Section):
    """The same up to case, spaces and a full stop."""

    score: Literal["normalised"] = "normalised"


class FieldsScorer(Section):
    """F1 over the values of a JSON answer."""

    score: Literal["fields"] = "fields"
    dates: list[str] = []
    """Fields whose values are days, however they are written."""
    tolerance: float = Field(default=0.0, ge=0, lt=1)
    """Share by which numbers may differ."""


class SchemaScorer(Section):
    """Valid by a JSON Schema; the task's own unless one is given."""

    score: Literal["schema"] = "schema"
    json_schema: dict[str, Any] | None = None


class FormatOptions(Section):
    """Rules of form; what is left out does not count."""

    regex: Regex | None = None
    """The whole output matches."""
    min_words: int | None = Field(default=None, ge=0)
    max_words: int | None = Field(default=None, ge=1)
    max_characters: int | None = Field(default=None, ge=1)
    sections: list[str] = []
    """Headings in their order."""
    must: list[str] = []
    must_not: list[str] = []


class FormatScorer(FormatOptions):
    """The share of rules of form that hold."""

    score: Literal["format"] = "format"

    @model_validator(mode="after")
    def _some(self) -> FormatScorer:
        if not self.model_fields_set - {"score"}:
            raise ValueError("names no rule; set regex, max_words, sections, must or another")
        return self


class ChrfScorer(Section):
    """chrF2 with the approved text."""

    score: Literal["chrf"] = "chrf"


class RougeScorer(Section):
    """ROUGE-L with the approved text."""

    score: Literal["rouge_l"] = "rouge_l"


class ClosenessScorer(Section):
    """Cosine with the approved output, by the sentence encoder."""

    score: Literal["closeness"] = "closeness"


class WhenOptions(Section):
    """When a rule applies; all that is set must hold of the input."""

    has: list[str] = []
    matches: Regex | None = None
    number_over: float | None = None


class ThenOptions(FormatOptions):
    """What the output must then be."""

    matches: Regex | None = None
    """Found in the output."""


class RuleOptions(Section):
    """If the input is so, the output must be so."""

    when: WhenOptions = Field(alias="if")
    then: ThenOptions
    name: str = ""


class RulesScorer(Section):
    """The share of the conditional rules that apply and hold."""

    score: Literal["rules"] = "rules"
    rules: list[RuleOptions] = Field(min_length=1)


class GlossaryScorer(Section):
    """Terms that must be used where the input has their word, and words that must not."""

    score: Literal["glossary"] = "glossary"
    terms: dict[str, str] = {}
    """Word in the input: term in the output."""
    never: list[str] = []


class LintOptions(Section):
    """Rules for Python."""

    max_line: int | None = Field(default=None, ge=20)
    must_define: list[str] = []
    no_imports: list[str] = []
    no_calls: list[str] = []
    no_bare_except: bool = False
    docstrings: bool = False


class CodeScorer(Section):
    """Code parses, follows rules, and passes a command where that is allowed."""

    score: Literal["code"] = "code"
    language: Literal["python", "sql", "json"] = "python"
    sql_schema: str = ""
    """CREATE statements."""
    lint: LintOptions = LintOptions()
    command: list[str] = []
    """Program and arguments; `{file}` stands for the code's file."""
    allow_commands: bool = False
    """Whether code that a model wrote may be run: without network, with the limits below."""
    seconds: float = Field(default=10.0, gt=0, le=600)
    memory_mb: int = Field(default=512, ge=16)
    file_mb: int = Field(default=16, ge=1)

    @model_validator(mode="after")
    def _allowed(self) -> CodeScorer:
        if self.command and not self.allow_commands:
            raise ValueError("command runs what a model wrote; say `allow_commands: true` if it may")
        return self


class ToolCallsScorer(Section):
    """Tool calls by name and arguments."""

    score: Literal["tool_calls"] = "tool_calls"


class ConsistencyScorer(Section):
    """How often the same question gets the same answer."""

    score: Literal["consistency"] = "consistency"


class FunctionScorer(Section):
    """A Python function `(example, prediction)` of yours."""

    score: Literal["function"] = "function"
    call: str = Field(pattern=r"^[\w./-]+[:.]\w+$")
    """`package.module:function` or `file.py:function`."""


class JudgeScorer(Section):
    """A model that judges by a rubric, used only where it agrees with people."""

    score: Literal["judge"] = "judge"
    rubric: str = Field(min_length=1)
    levels: list[str] = Field(default=["bad", "good"], min_length=2)
    """Worst first."""
    model: Model
    """The judge: another model than those it judges, if you can."""
    labelled: str
    """File with the columns `input`, `output`, `approved` (if any) and `level`: what people said."""
    least_kappa: float = Field(default=0.4, ge=0, lt=1)
    """The interval of the agreement must not begin below it."""


FAMILIES: tuple[type[Section], ...] = (
    ExactScorer,
    NormalisedScorer,
    FieldsScorer,
    SchemaScorer,
    FormatScorer,
    ChrfScorer,
    RougeScorer,
    ClosenessScorer,
    RulesScorer,
    GlossaryScorer,
    CodeScorer,
    ToolCallsScorer,
    ConsistencyScorer,
    FunctionScorer,
    JudgeScorer,
)
NAMES = {str(family.model_fields["score"].default): family for family in FAMILIES}


def no_such(value: Any) -> str:
    """What to say of a scorer whose family is unknown or not named."""
    name = value.get("score") if isinstance(value, dict) else value
    if name is None:
        return f"name the scorer with `score`. {nearest('', NAMES)}"
    return f"there is no scorer {name!r}. {nearest(str(name), NAMES)}"


def _as_mapping(value: Any) -> Any:
    return {"score": value} if isinstance(value, str) and value in NAMES else value


def _family(value: Any) -> str:
    name = value.get("score") if isinstance(value, dict) else getattr(value, "score", None)
    return f"[{name}]"


# The brackets tell the error messages that a tag is no key of the file.
ScorerSpec = Annotated[
    Annotated[ExactScorer, Tag("[exact]")]
    | Annotated[NormalisedScorer, Tag("[normalised]")]
    | Annotated[FieldsScorer, Tag("[fields]")]
    | Annotated[SchemaScorer, Tag("[schema]")]
    | Annotated[FormatScorer, Tag("[format]")]
    | Annotated[ChrfScorer, Tag("[chrf]")]
    | Annotated[RougeScorer, Tag("[rouge_l]")]
    | Annotated[ClosenessScorer, Tag("[closeness]")]
    | Annotated[RulesScorer, Tag("[rules]")]
    | Annotated[GlossaryScorer, Tag("[glossary]")]
    | Annotated[CodeScorer, Tag("[code]")]
    | Annotated[ToolCallsScorer, Tag("[tool_calls]")]
    | Annotated[ConsistencyScorer, Tag("[consistency]")]
    | Annotated[FunctionScorer, Tag("[function]")]
    | Annotated[JudgeScorer, Tag("[judge]")],
    Discriminator(_family),
    BeforeValidator(_as_mapping),
]
"""One scorer; a family without options may be its name alone."""
