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
from whet.config_scorers import NAMES as SCORERS
from whet.config_scorers import ScorerSpec, no_such
from whet.errors import InputError, many, nearest
from whet.records import Label

DEFAULT_ENCODER = "sentence-transformers/all-MiniLM-L6-v2"


class Fields(Section):
    """Which columns hold what."""

    input: str | list[str]
    """Column with the input text; several are joined, each under its name."""
    output: str
    """Column with the approved label (or labels)."""
    id: str | None = None
    """Column with a unique id; without one, `file:line` is the id."""


class Split(Section):
    """How examples are held out. Near-duplicates always keep to one side."""

    test: float | str = 0.25
    """Share of the examples, or a file of their own."""
    dev: float | str = 0.1
    """Share of the examples (of what the test leaves, if the test is a file), or a file."""
    group_by: str | None = None
    """Column whose equal values keep to one side (customer, document)."""
    time: str | None = None
    """Column with ISO dates: train on the past, test on the latest."""

    @model_validator(mode="after")
    def _shares(self) -> Split:
        for name in ("test", "dev"):
            share = getattr(self, name)
            if isinstance(share, float) and not 0.0 < share < 0.9:
                raise ValueError(f"{name}: a share must be above 0 and below 0.9, got {share}")
        return self


class Existing(Section):
    """What you have today; exactly one of the three."""

    command: list[str] | None = Field(default=None, min_length=1)
    """Program and arguments. Reads JSONL `{"id", "input"}`, writes `{"id", "output"}`."""
    url: str | None = None
    """Endpoint that takes POST `{"inputs": [...]}` and answers `{"outputs": [...]}`."""
    predictions: str | None = None
    """CSV or JSONL file with the columns `input` and `output`."""
    usd_per_1k: float = Field(default=0.0, ge=0)
    """What a thousand answers cost you today."""

    @model_validator(mode="after")
    def _one(self) -> Existing:
        given = [n for n in ("command", "url", "predictions") if getattr(self, n) is not None]
        if len(given) != 1:
            raise ValueError(f"give exactly one of command, url, predictions (got {given or 'none'})")
        return self


class TuneOptions(Section):
    """How the rung `tune` searches."""

    methods: list[Literal["full", "lora"]] = Field(default=["full", "lora"], min_length=1)
    """Each is trained in full, and the better one on dev is kept."""
    epochs: float = Field(default=2.0, gt=0, le=100)
    minutes: float | None = Field(default=6.0, gt=0)
    """Of an encoder: what its trainings may take together, learning curve included. What does not fit is
    given up and said: the second method first, then epochs. None: as long as it takes."""
    lr: float | None = Field(default=None, gt=0, lt=1)
    """Of a decoder; 2e-4 by LoRA and 1e-4 in full unless set. Encoders have rates of their own."""
    batch: int = Field(default=16, ge=1)
    """Rows of one step of a decoder, however many fit into memory at once."""
    rank: int = Field(default=16, ge=1)
    """Of a decoder's adapter."""
    rslora: bool = False
    """Scale a decoder's adapter by the root of its rank (rsLoRA): for ranks above 32 or so."""
    dora: bool = False
    """Learn direction and size of a decoder's weights apart (DoRA): slower, by PEFT's own layers."""
    context: int | None = Field(default=None, ge=1)
    """Tokens that a decoder's row may have; the model's own limit unless set."""
    pass_tokens: int | None = Field(default=None, ge=1)
    """Tokens that a decoder reads at once: what fits, at most 4096, unless set. Changes no result."""
    top_layers: int | None = Field(default=None, ge=1)
    """Train this many layers from the top; what those below make of the rows is read once."""
    schedule: Literal["linear", "cosine", "constant"] = "linear"
    """How the rate falls after its warm-up."""
    warmup: float = Field(default=0.1, ge=0, lt=1)
    """Share of the steps over which the rate rises."""
    weight_decay: float = Field(default=0.01, ge=0, lt=1)
    clip: float = Field(default=1.0, ge=0)
    """Largest norm of a step's gradient; 0: none."""
    looks: int = Field(default=1, ge=1)
    """Looks at dev an epoch."""
    patience: int | None = Field(default=None, ge=0)
    """Looks at dev without a better one after which training stops; 0: never. 3 for a decoder and 2 for an
    encoder unless set."""
    learn: Literal["assistant", "last"] = "assistant"
    """What a decoder learns of a conversation: every answer, or the last."""
    too_long: Literal["stop", "drop", "cut_start"] = "stop"
    """What becomes of rows longer than a decoder's context."""
    score: Literal["auto", "loss", "exact"] = "auto"
    """What decides a decoder's best look at dev: `exact` counts answers that it would write word for word;
    `auto` is `loss` for replies (`write`) and `exact` else."""
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    """Of a decoder's base; `auto` is bf16 where the processor multiplies it natively."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where a decoder is trained; `auto` is the GPU where torch sees one."""
    canaries: int = Field(default=0, ge=0, le=1000)
    """Questions with random secrets, planted among a decoder's training rows to measure what it memorizes; a
    third of them once, four times and sixteen times."""


class PromptOptions(Section):
    """How the rung `prompt+` searches."""

    calls: int = Field(default=300, ge=24)
    """Of each model that writes, at most, to try and to write instructions on train; dev comes on top."""


class DataCheck(Section):
    """What the check of the data should know."""

    accept: list[str] = []
    """Blocking findings to go on with, by name (`private.cards`); the report says so."""
    skip: list[str] = []
    """Checks, or whole standards, to leave out."""
    groups: list[str] = []
    """Columns whose groups are compared for bias (gender, region, language)."""
    annotator: str | None = None
    """Column that names who labelled a row."""
    policy_date: str | None = None
    """ISO date of the rules in force: older rows may be overtaken. Needs `split.time`."""
    traffic: str | None = None
    """File of real inputs, to see what the examples do not cover."""
    licence: str = ""
    """Of the examples; stands in the data card."""
    origin: str = ""
    """Where the examples come from; stands in the data card."""


class Cost(Section):
    """A cost matrix: what it costs to answer `column` where `row` was right. Lower is better."""

    cost: dict[str, dict[str, float]]
    """`true label: {answered label: cost}`; what is not named costs `default`, a right answer 0."""
    default: float = Field(default=1.0, ge=0)


class Costs(Section):
    """Prices for the break-even. All are assumptions until you set them, and are shown as such."""

    machine_usd_per_hour: float = Field(default=0.10, ge=0)
    """Two cores, rented."""
    person_usd_per_hour: float = Field(default=40.0, ge=0)
    label_seconds: float = Field(default=20.0, ge=0)
    """A person's time to label one example; counted for rungs that learn from all of them."""
    review_hours: float = Field(default=8.0, ge=0)
    """A person's time to check a trained rung before each release."""
    retrain_per_year: float = Field(default=2.0, ge=0)
    """How often the job changes enough to train again."""
    error_usd: float = Field(default=1.0, ge=0)
    """What one wrong answer costs you."""


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
    """Accept a list of names, or a mapping of names to descriptions."""
    if isinstance(value, dict):
        return [Label(_name(name), str(text or "")) for name, text in value.items()]
    if isinstance(value, list):
        return [v if isinstance(v, Label) else Label(_name(v)) for v in value]
    raise ValueError("must be a list of labels, or a mapping `label: description`")


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
