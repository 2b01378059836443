"""The bodies that clients send, as OpenAI's API describes them, each size within its cap.

Fields that change nothing here are taken and have no effect: ``user``, ``metadata``, ``store`` and their like
say who asks, not what. Fields that would change the answer and are not done are refused by name
(``refused``), unless they stand at their default. Source: the OpenAI API reference (chat, completions,
embeddings). Knows no specialist.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, model_validator

from whet.serve import caps

Name = Annotated[str, Field(min_length=1, max_length=caps.NAME)]
Count = Annotated[int, Field(strict=True)]


def _one_or_many(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def readable(value: Any) -> Any:
    """The value, without half characters, which JSON can escape and no text can hold.

    Raises:
        ValueError: it has one.
    """
    try:
        json.dumps(value, ensure_ascii=False, default=str).encode()
    except UnicodeEncodeError:
        raise ValueError("a text holds half of a surrogate pair, which is no character") from None
    return value


class Body(BaseModel):
    """What every body has in common."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, protected_namespaces=())

    @model_validator(mode="before")
    @classmethod
    def _readable(cls, value: Any) -> Any:
        return readable(value)


class Part(BaseModel):
    """A piece of a message."""

    model_config = ConfigDict(extra="forbid")
    type: Name
    text: str | None = None
    image_url: Any = None
    input_audio: Any = None
    file: Any = None
    refusal: str | None = None


class Function(BaseModel):
    """A call's name and arguments."""

    name: Name
    arguments: str = Field(max_length=caps.SCHEMA_BYTES)


class Call(BaseModel):
    """A call that an assistant made."""

    id: Name
    type: Literal["function"] = "function"
    function: Function


class Message(BaseModel):
    """One message of a conversation."""

    model_config = ConfigDict(extra="ignore")
    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | Annotated[list[Part], Field(max_length=caps.MESSAGES)] | None = None
    name: Name | None = None
    tool_calls: Annotated[list[Call], Field(max_length=caps.TOOLS)] | None = None
    tool_call_id: Name | None = None
    refusal: str | None = None


class NamedSchema(BaseModel):
    """A JSON Schema, named."""

    model_config = ConfigDict(extra="ignore")
    name: Name = "answer"
    schema_: dict[str, Any] | None = Field(default=None, alias="schema")
    strict: bool | None = None
    description: str | None = None


class Format(BaseModel):
    """What the answer must look like."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: NamedSchema | None = None


class ToolFunction(BaseModel):
    """What a tool is called, and what it takes."""

    model_config = ConfigDict(extra="ignore")
    name: Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]{1,64}$")]
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class Tool(BaseModel):
    """A tool that may be called."""

    type: Literal["function"]
    function: ToolFunction


class ChosenFunction(BaseModel):
    """The name of a tool."""

    name: Name


class Choice(BaseModel):
    """The tool that must be called."""

    type: Literal["function"]
    function: ChosenFunction


class StreamOptions(BaseModel):
    """What a stream tells."""

    include_usage: bool = False
    include_obfuscation: bool = False


class Sampling(Body):
    """What completions and chats share."""

    model: Name
    n: Annotated[Count, Field(ge=1, le=caps.N)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    seed: Annotated[Count, Field(ge=-(2**63), lt=2**63)] | None = None
    max_tokens: Annotated[Count, Field(ge=1, le=caps.TOKENS)] | None = None
    stop: (
        Annotated[
            list[Annotated[str, Field(min_length=1, max_length=caps.STOP_CHARS)]],
            Field(max_length=caps.STOPS),
            BeforeValidator(_one_or_many),
        ]
        | None
    ) = None
    stream: StrictBool | None = None
    stream_options: StreamOptions | None = None
    user: Annotated[str, Field(max_length=caps.NAME)] | None = None
    frequency_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None
    presence_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None
    logit_bias: Annotated[dict[str, float], Field(max_length=300)] | None = None

    def refused(self) -> str:
        """The first field that is set and cannot be done; empty: none."""
        unset: tuple[Any, ...] = (None, 0, 0.0, {})
        names = ("frequency_penalty", "presence_penalty", "logit_bias")
        return next((name for name in names if getattr(self, name) not in unset), "")


class ChatBody(Sampling):
    """``POST /v1/chat/completions``"""

    messages: Annotated[list[Message], Field(min_length=1, max_length=caps.MESSAGES)]
    max_completion_tokens: Annotated[Count, Field(ge=1, le=caps.TOKENS)] | None = None
    logprobs: StrictBool | None = None
    top_logprobs: Annotated[Count, Field(ge=0, le=caps.TOP_LOGPROBS)] | None = None
    response_format: Format | None = None
    tools: Annotated[list[Tool], Field(max_length=caps.TOOLS)] | None = None
    tool_choice: Literal["none", "auto", "required"] | Choice | None = None
    parallel_tool_calls: StrictBool | None = None
    # Who asks and what it is counted under, and hints that other servers use: taken, without effect.
    metadata: Annotated[dict[str, str], Field(max_length=16)] | None = None
    store: StrictBool | None = None
    service_tier: str | None = None
    reasoning_effort: str | None = None
    verbosity: str | None = None
    prompt_cache_key: str | None = None
    safety_identifier: Annotated[str, Field(max_length=caps.NAME)] | None = None
    prediction: Any = None
    modalities: list[str] | None = None
    audio: Any = None
    web_search_options: Any = None
    functions: Any = None
    function_call: Any = None

    def refused(self) -> str:
        names = ("audio", "web_search_options", "functions", "function_call")
        found = next((name for name in names if getattr(self, name) is not None), "")
        return super().refused() or found or ("modalities" if self.modalities not in (None, ["text"]) else "")


class CompletionBody(Sampling):
    """``POST /v1/completions``"""

    prompt: Annotated[str | Annotated[list[str], Field(min_length=1, max_length=caps.N)], Field()]
    logprobs: Annotated[Count, Field(ge=0, le=caps.TOP_LOGPROBS)] | None = None
    echo: StrictBool | None = None
    best_of: Count | None = None
    suffix: str | None = None

    def refused(self) -> str:
        best = "best_of" if self.best_of not in (None, 1, self.n) else ""
        return super().refused() or ("suffix" if self.suffix else "") or ("echo" if self.echo else "") or best


class EmbeddingBody(Body):
    """``POST /v1/embeddings``"""

    model: Name
    input: Annotated[list[str], Field(min_length=1, max_length=caps.INPUTS), BeforeValidator(_one_or_many)]
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: Annotated[Count, Field(ge=1)] | None = None
    user: Annotated[str, Field(max_length=caps.NAME)] | None = None


class PredictBody(Body):
    """``POST /v1/predict``"""

    input: Annotated[list[str], Field(min_length=1, max_length=caps.INPUTS), BeforeValidator(_one_or_many)]
    """One text, or several."""
    model: Name | None = None
    """Needed where several are served."""
    user: Annotated[str, Field(max_length=caps.NAME)] | None = None


class FeedbackBody(Body):
    """``POST /v1/feedback``"""

    id: Name
    """Of the answer."""
    good: Annotated[float, Field(ge=0, le=1)] | StrictBool | None = None
    """1: good, 0: bad, or between."""
    comment: Annotated[str, Field(max_length=4_000)] = ""
    truth: Annotated[str, Field(max_length=100_000)] | None = None
    """The right output, where it is known."""
