"""The task file: one YAML that says what the job is, checked before anything is done.

One truth for three surfaces: the YAML, the Python ``Task`` and the reference in ``docs/task-file.md``
come from the models below. Unknown keys are errors that name the line and the nearest key. Knows no
data: whether a column exists is found out by ``whet.data``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    BeforeValidator,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from whet.config_advice import Advice
from whet.config_knowledge import Documents
from whet.config_lines import SECRET, Section, is_tag, known_keys, line_of, read_yaml
from whet.config_models import EndpointModel, Model
from whet.config_monitor import Monitoring
from whet.config_parts import (
    Cost,
    Costs,
    DataCheck,
    Existing,
    Fields,
    PromptOptions,
    Split,
    TuneOptions,
)
from whet.config_scorers import NAMES as SCORERS
from whet.config_scorers import ScorerSpec, no_such
from whet.errors import InputError, many, nearest
from whet.records import Label

DEFAULT_ENCODER = "sentence-transformers/all-MiniLM-L6-v2"


def _metric(value: Any) -> Any:
    """One message for a name that is no metric, not one for each form that a metric has."""
    known = ("accuracy", "macro_f1")
    if isinstance(value, (dict, Section)) or value in known or value in SCORERS:
        return value
    raise ValueError(f"must be a metric's name or a cost matrix. {nearest(str(value), known)}")


def _kind_of_metric(value: Any) -> str:
    if isinstance(value, Cost) or (isinstance(value, dict) and "score" not in value):
        return "[cost]"
    return "[name]" if isinstance(value, str) and value not in SCORERS else "[scorer]"


Metric = Annotated[
    Annotated[Literal["accuracy", "macro_f1"], Tag("[name]")]
    | Annotated[Cost, Tag("[cost]")]
    | Annotated[ScorerSpec, Tag("[scorer]")],
    Discriminator(_kind_of_metric),
    BeforeValidator(_metric),
]


def _labels(value: Any) -> Any:
    """Accept a list of names, a mapping of names to descriptions, or the list that a task is kept with."""
    if isinstance(value, dict):
        return [Label(_name(name), str(text or "")) for name, text in value.items()]
    if isinstance(value, list):
        return [v if isinstance(v, Label) else _label(v) for v in value]
    raise ValueError("must be a list of labels, or a mapping `label: description`")


def _label(value: Any) -> Label:
    """A name, or what ``model_dump`` makes of a label: a run's manifest has it."""
    if isinstance(value, dict) and value.keys() == {"name", "description"}:
        return Label(_name(value["name"]), str(value["description"] or ""))
    return Label(_name(value))


def _name(value: Any) -> str:
    if isinstance(value, (dict, list)):
        raise ValueError(f"a label must be a text, got {value!r}")
    if value is None or isinstance(value, bool):  # YAML reads yes, no, on, off, null so
        raise ValueError(f"a label must be a text, got {value!r}; put it in quotes")
    return str(value)


class Task(Section):
    """One repeated job."""

    task: str = Field(min_length=1)
    """Its name."""
    kind: Literal["classify", "extract", "write"] = "classify"
    """What an output is. `classify`: one label, or several; `extract`: JSON; `write`: a reply."""
    examples: str
    """CSV, TSV, JSONL or JSON file, relative to the task file."""
    fields: Fields
    multi_label: bool = False
    """Several labels per input (a list, or a text separated by `label_separator`)."""
    label_separator: str = "|"
    success: str = ""
    """What a good output is, in prose; shown in the report."""
    instruction: str = ""
    """What the model is told to do."""
    labels: Annotated[list[Label], BeforeValidator(_labels)] | None = None
    """The allowed labels, with descriptions if you have them; without a list, those that occur."""
    json_schema: dict[str, Any] | None = None
    """JSON Schema of an output (`extract`)."""
    pattern: str = ""
    """Regular expression that a whole reply matches (`write`); the rung `template` holds a model to it."""
    knowledge: Documents | None = None
    """Documents whose passages a model that writes is shown: a path, several, or a mapping."""
    rare_labels: Literal["refuse", "drop"] = "refuse"
    """What to do with a label that has one example only."""
    models: list[Model] = [DEFAULT_ENCODER]
    """Hugging Face ids or folders, or endpoints; with several, the choice is made on dev."""
    rungs: Literal["auto"] | list[str] = "auto"
    existing: Existing | None = None
    metric: Metric = "accuracy"
    """One of the named metrics, a cost matrix, or, for `extract` and `write`, a scorer."""
    scorers: list[ScorerSpec] = []
    """What else is measured (`extract`, `write`)."""
    target: float | None = None
    """What is needed, in the metric's unit."""
    margin: float | None = Field(default=None, ge=0)
    """The loss you would accept for a cheaper rung: 0.02 unless set; a cost matrix needs it."""
    monthly_volume: int | None = Field(default=None, ge=1)
    """Requests a month."""
    split: Split = Split()
    check: DataCheck = DataCheck()
    advice: Advice = Advice()
    """What only people know of the job, for `whet advise`."""
    monitor: Monitoring = Monitoring()
    """What is kept of a release's traffic, and who is told."""
    costs: Costs = Costs()
    prompt: PromptOptions = PromptOptions()
    tune: TuneOptions = TuneOptions()
    seed: int = Field(default=0, ge=0)

    @field_validator("target", "margin")
    @classmethod
    def _share(cls, value: float | None, info: ValidationInfo) -> float | None:
        """Of accuracy and macro-F1 both are shares; 3 is meant as 3 percent."""
        if value is not None and value > 1 and not isinstance(info.data.get("metric"), Cost):
            raise ValueError(f"must be a share, at most 1: {value:g} percent is {value / 100:g}")
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Task:
        if isinstance(self.metric, Cost) and self.margin is None:
            raise ValueError("metric: a cost matrix needs `margin`, in the matrix's unit")
        if isinstance(self.metric, Cost) and self.multi_label:
            raise ValueError("metric: a cost matrix is for one label per input, not multi_label")
        named = isinstance(self.metric, str | Cost)
        if self.kind == "classify" and (self.scorers or not named):
            raise ValueError("a `classify` task takes accuracy, macro_f1 or a cost matrix, and no scorers")
        if isinstance(self.rungs, list) and not self.rungs:
            raise ValueError("rungs: the list is empty; leave it out for `auto`")
        if self.labels is not None:
            _check_labels([label.name for label in self.labels])
        return self

    @property
    def local_models(self) -> list[str]:
        """Those of `models` that run here."""
        return [model for model in self.models if isinstance(model, str)]

    @property
    def endpoints(self) -> list[EndpointModel]:
        """Those of `models` that run elsewhere."""
        return [model for model in self.models if isinstance(model, EndpointModel)]

    @property
    def margin_value(self) -> float:
        return 0.02 if self.margin is None else self.margin

    @property
    def metric_name(self) -> str:
        if isinstance(self.metric, str):
            return self.metric
        return "cost" if isinstance(self.metric, Cost) else self.metric.score


def _check_labels(names: list[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"labels: {twice[0]!r} is listed twice")
    if len(names) < 2:
        raise ValueError(f"labels: one label only ({names}); a choice needs two")


def load_task(path: Path) -> Task:
    """Read and check a task file.

    Raises:
        InputError: missing file, bad YAML, unknown key (with line and nearest key), bad value.
    """
    value, root = read_yaml(path)
    if not isinstance(value, dict):
        raise InputError(
            "a task file is a mapping of keys to values.", where=path, fix="start with `whet init`."
        )
    if "tests" in value and {"prompts", "providers"} & value.keys():
        raise InputError(
            "is a promptfoo configuration, not a task file.",
            where=path,
            fix="write its tests as a file of rows, `vars` and `assert` (docs/formats.md), and give that.",
        )
    return task_from(value, where=str(path), root=root)


def task_from(value: dict[str, Any], *, where: str = "task", root: yaml.Node | None = None) -> Task:
    """Check a mapping. ``root``, the composed YAML, gives errors their line."""
    try:
        return Task.model_validate(value)
    except ValidationError as error:
        lines = [_explain(problem, where, root) for problem in error.errors()]
        if len(lines) == 1:
            raise InputError(lines[0]) from error
        raise many(
            lines, what=f"{len(lines)} things are wrong:", where=where, fix="see docs/task-file.md."
        ) from error


def _explain(problem: Any, where: str, root: yaml.Node | None) -> str:
    """One line for one pydantic problem: ``file:line: key: what. hint``."""
    if problem["type"] == "union_tag_invalid":
        place = f"{where}{line_of(root, problem['loc'])}: {_dotted(problem['loc'])}"
        return f"{place}: {no_such(problem['input'])}"
    unknown = problem["type"] == "extra_forbidden"  # then the last part is the user's own word
    *path, last = problem["loc"] or ("",)
    loc = [part for part in path if not _is_branch(part)]
    loc += [last] if unknown or (last and not _is_branch(last)) else []
    dotted = ".".join(str(part) for part in loc) or "task file"
    place = f"{where}{line_of(root, loc)}: {dotted}"
    if unknown:
        return f"{place}: unknown key. {nearest(str(loc[-1]), known_keys(Task, path))}"
    if problem["type"] == "missing":
        return f"{place}: is required."
    got = problem.get("input")
    hidden = isinstance(got, dict) or bool(SECRET & {str(part) for part in loc})
    shown = "" if hidden else f" Got {got!r}."
    message = problem["msg"].removeprefix("Value error, ").rstrip(".")
    end = "" if message.endswith("?") else "."
    return f"{place}: {message[:1].lower()}{message[1:]}{end}{shown}"


def _dotted(loc: Any) -> str:
    return ".".join(str(part) for part in loc if not _is_branch(part))


def _is_branch(part: Any) -> bool:
    """Pydantic adds the branch of a union to the path (`Cost`, `literal[...]`): not a key."""
    return is_tag(part) or (isinstance(part, str) and part in {"float", "str", "list"})
