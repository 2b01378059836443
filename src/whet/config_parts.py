"""The parts of a task file that stand under a key of their own: columns, split, options, costs.

Each is checked by itself; what only holds between them is checked in ``whet.config``.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from whet.config_lines import Section


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
    """How models are trained: the rung `tune`, and `whet tune`."""

    methods: list[Literal["full", "lora"]] = Field(default=["full", "lora"], min_length=1)
    """Of an encoder each is trained to the end, and the better one on dev is kept; of a decoder the first is,
    and LoRA unless set."""
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
    compile: bool = False
    """Let torch compile a decoder's feed-forward parts: the first step takes a minute longer, and a CPU needs
    a C++ compiler."""
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
