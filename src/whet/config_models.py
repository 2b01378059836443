"""Models that run elsewhere, as the task file names them: any server that speaks OpenAI's protocol.

Knows no protocol and reads no key: ``whet.models.endpoint`` does. A key stands in the environment, and
the task file says under which name.
"""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from whet.config_lines import Section

OURS = frozenset(
    {"messages", "model", "n", "stream", "stream_options", "max_tokens", "max_completion_tokens"}
    | {"temperature", "seed", "stop", "logprobs", "top_logprobs", "response_format"}
)
"""Parameters that whet sets itself."""


class Prices(Section):
    """US dollars for a million tokens."""

    read: float = Field(alias="in", ge=0)
    """Of what is sent."""
    written: float = Field(alias="out", ge=0)
    """Of what comes back."""


class Budget(Section):
    """What one run may spend at the most, its repetitions after an interruption included."""

    usd: float | None = Field(default=None, gt=0)
    """Checked before each call with the most that the call can cost; needs `usd_per_million`."""
    requests: int | None = Field(default=None, ge=1)
    """Calls that are sent; a call that is tried again counts again."""


class EndpointModel(Section):
    """A model behind a server that speaks OpenAI's protocol."""

    endpoint: str
    """The server's address up to and with `/v1`."""
    model: str = Field(min_length=1)
    """As the server names it."""
    api_key_env: str | None = None
    """The environment variable that holds the key; without one, no key is sent."""
    usd_per_million: Prices | None = None
    budget: Budget = Budget()
    requests_per_minute: float | None = Field(default=None, gt=0)
    tokens_per_minute: float | None = Field(default=None, gt=0)
    """Read and written together."""
    concurrency: int = Field(default=8, ge=1, le=256)
    """Calls under way at once."""
    timeout_seconds: float = Field(default=120.0, gt=0, le=3600)
    """Of one call, from its first byte to its last."""
    tries: int = Field(default=6, ge=1, le=20)
    """Calls for one answer, the first included, when the server is busy or fails."""
    parameters: dict[str, Any] = {}
    """What else to send with every request, such as `reasoning_effort`."""

    def asked(self) -> dict[str, Any]:
        """What answers depend on; what they cost and how fast they come changes none."""
        return self.model_dump(include={"endpoint", "model", "parameters"})

    @field_validator("endpoint")
    @classmethod
    def _address(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.username or parts.password or parts.query:
            raise ValueError("an address holds no key, name or password; use `api_key_env`")
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("must be an http(s) address such as http://127.0.0.1:8000/v1")
        return value.rstrip("/")

    @field_validator("api_key_env")
    @classmethod
    def _name_of_variable(cls, value: str | None) -> str | None:
        plain = value is None or (value.isascii() and value.replace("_", "A").isalnum() and value.isupper())
        if not plain:
            raise ValueError(
                "must be the name of an environment variable in capitals, such as OPENAI_API_KEY, "
                "never the key itself"
            )
        return value

    @model_validator(mode="after")
    def _consistent(self) -> EndpointModel:
        if self.budget.usd is not None and self.usd_per_million is None:
            raise ValueError("budget.usd needs the prices: set `usd_per_million: {in: , out: }`")
        taken = sorted(OURS & set(self.parameters))
        if taken:
            raise ValueError(f"parameters: {taken[0]!r} is set by whet")
        return self


def _kind(value: Any) -> str:
    return "[endpoint]" if isinstance(value, dict | EndpointModel) else "[name]"


# The brackets tell the error messages that a tag is no key of the file.
Model = Annotated[
    Annotated[str, Tag("[name]")] | Annotated[EndpointModel, Tag("[endpoint]")], Discriminator(_kind)
]
"""A Hugging Face id or folder, or an endpoint."""
