"""What a client may ask of the fine-tuning API: OpenAI's request bodies, checked, with whet's limits.

A part that nothing here does (preference and reinforcement methods, integrations) is refused by name, so that
no job runs otherwise than it was asked. Source: OpenAI's API reference and the types of its Python client.
Knows no table.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from whet.serve.shapes import readable

Auto = Literal["auto"]
Metadata = dict[Annotated[str, Field(max_length=64)], Annotated[str, Field(max_length=512)]]


class Asked(BaseModel):
    """A body; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _readable(cls, value: Any) -> Any:
        return readable(value)


class Hyperparameters(Asked):
    """How long and how fast; ``auto`` leaves it to whet."""

    n_epochs: Auto | Annotated[int, Field(ge=1, le=50)] = "auto"
    batch_size: Auto | Annotated[int, Field(ge=1, le=256)] = "auto"
    learning_rate_multiplier: Auto | Annotated[float, Field(gt=0, le=100)] = "auto"


class Supervised(Asked):
    """The one method that is run here."""

    hyperparameters: Hyperparameters | None = None


class Method(Asked):
    """Which method, and its settings."""

    type: Literal["supervised", "dpo", "reinforcement"]
    supervised: Supervised | None = None
    dpo: dict[str, Any] | None = None
    reinforcement: dict[str, Any] | None = None


class NewJob(Asked):
    """``POST /v1/fine_tuning/jobs``."""

    model: str = Field(min_length=1, max_length=100, pattern=r"^[\w.:/-]+$")
    training_file: str = Field(min_length=1, max_length=64)
    validation_file: str | None = Field(default=None, max_length=64)
    hyperparameters: Hyperparameters | None = None
    method: Method | None = None
    suffix: str | None = Field(default=None, max_length=64)
    seed: int | None = Field(default=None, ge=0, le=2**31 - 1)
    metadata: Metadata | None = Field(default=None, max_length=16)
    integrations: list[Any] | None = None

    @field_validator("suffix")
    @classmethod
    def _plain(cls, value: str | None) -> str | None:
        if value is not None and not all(c.isascii() and (c.isalnum() or c in "-_. ") for c in value):
            raise ValueError("must be letters, digits, '-', '_', '.' and spaces")
        return value

    @property
    def settings(self) -> Hyperparameters:
        """Those of the method, or the older ones beside it."""
        supervised = self.method.supervised if self.method else None
        return (supervised and supervised.hyperparameters) or self.hyperparameters or Hyperparameters()


class NewEval(Asked):
    """``POST /v1/evals``; the criteria are read by ``graders.py``."""

    data_source_config: dict[str, Any]
    testing_criteria: list[dict[str, Any]] = Field(min_length=1, max_length=32)
    name: str | None = Field(default=None, max_length=256)
    metadata: Metadata | None = Field(default=None, max_length=16)


class NewRun(Asked):
    """``POST /v1/evals/ID/runs``."""

    data_source: dict[str, Any]
    name: str | None = Field(default=None, max_length=256)
    metadata: Metadata | None = Field(default=None, max_length=16)
