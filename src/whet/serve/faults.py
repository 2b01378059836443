"""What goes wrong, as OpenAI's clients expect to be told: a status, and one JSON object ``error``.

    {"error": {"message", "type", "param", "code"}}

A message says what is wrong and what to do; no trace, no path and no prompt of another is in it. Source of
the shape: the OpenAPI description of OpenAI's API (``Error``). Knows no route.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from whet.errors import InputError, Refused, WhetError

BUSY_SECONDS = 1
"""Told in Retry-After where nothing better is known."""
TYPES = {
    **{401: "authentication_error", 403: "permission_error", 404: "not_found_error", 408: "timeout_error"},
    **{429: "rate_limit_error", 500: "server_error", 502: "server_error", 503: "overloaded_error"},
    504: "timeout_error",
}


class Fault(Exception):
    """An answer that is an error.

    Args:
        status: HTTP status.
        message: for a person: what, and the next step.
        code: for a program.
        param: which part of the request.
        after: seconds after which it is worth trying again.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        after: float = 0,
    ):
        super().__init__(message)
        self.status, self.message, self.code, self.param, self.after = status, message, code, param, after

    def body(self) -> dict[str, Any]:
        kind = TYPES.get(self.status, "invalid_request_error")
        about = {"message": self.message, "type": kind, "param": self.param, "code": self.code}
        return {"error": about}

    def headers(self) -> Mapping[str, str]:
        told = {"retry-after": str(max(1, round(self.after)))} if self.after else {}
        return told | ({"www-authenticate": "Bearer"} if self.status == 401 else {})


def bad(message: str, param: str | None = None, code: str | None = "invalid_value") -> Fault:
    """The request cannot be answered as it is."""
    return Fault(400, message, code=code, param=param)


def unsupported(message: str, param: str) -> Fault:
    """The request asks for what this model or server does not do."""
    return Fault(400, message, code="unsupported_parameter", param=param)


def no_model(name: str) -> Fault:
    said = (
        f"The model {name[:80]!r} does not exist, or is not served here. GET /v1/models names those that are."
    )
    return Fault(404, said, code="model_not_found", param="model")


def busy(what: str, after: float = BUSY_SECONDS) -> Fault:
    return Fault(503, f"{what} Try again in a moment.", code="overloaded", after=after)


def late(seconds: float) -> Fault:
    return Fault(504, f"There was no answer within {seconds:g} seconds.", code="deadline", after=BUSY_SECONDS)


def of(error: WhetError) -> Fault:
    """An error of whet's own; where it happened stays on this side."""
    if isinstance(error, InputError):
        code = "context_length_exceeded" if "longer than" in error.what else "invalid_value"
        return bad(error.what, code=code)
    if isinstance(error, Refused):
        return Fault(409, error.what, code="refused")
    return Fault(502, "What answers behind this server failed.", code="upstream", after=BUSY_SECONDS)
