"""What goes wrong between us and a server, told as cause, whose side, next step.

Every error of the ``openai`` SDK, and every answer that cannot be read, becomes one ``Fault``, which also
says what may be done: stop, try again, leave a parameter out, give up this one request. Status codes:
RFC 9110 and OpenAI's guide "Error codes". Keys never pass through here unmasked.
"""

from __future__ import annotations

import email.utils
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from whet.config_models import EndpointModel
from whet.models.remote.body import refused_part
from whet.models.remote.reading import Unreadable

Act = Literal["stop", "again", "busy", "down", "less", "long", "one"]
"""Stop everything; try again; try again later; nobody there; leave a part out; too long; only this one."""

AGAIN = frozenset({408, 409, 425, 500, 502, 503, 504, 520, 522, 524, 529})
TOO_LONG = re.compile(
    r"context.?(length|window|size)|maximum context|too many tokens|(prompt|input) is too long"
)
NO_MODEL = re.compile(
    r"model\b.*\b(not (found|exist)|does not exist|unknown|invalid)|(unknown|invalid|no such) model"
)
LOOKS_SECRET = re.compile(r"\b(sk|pk|rk|key|gsk|xai|hf|AIza)[-_][\w*.\-]{6,}|Bearer\s+\S+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that went wrong."""

    act: Act
    cause: str
    side: str
    """Whose: yours, the server's, the network's."""
    step: str
    """What to do next."""
    wait: float | None = None
    """Seconds that the server asks us to wait."""
    part: str = ""
    """What to leave out."""
    may_be_paid: bool = False
    """Whether the server may have written an answer that did not arrive."""

    @property
    def sentence(self) -> str:
        return f"{self.cause} ({self.side}); {self.step}"


def fault_of(error: BaseException, spec: EndpointModel, body: Mapping[str, Any], key: str) -> Fault | None:
    """What ``error``, raised by the call with ``body``, means; None where it is no fault of the call."""
    status = getattr(error, "status_code", None)
    if isinstance(status, int):
        return _by_status(status, error, spec, body, key)
    if isinstance(error, Unreadable | json.JSONDecodeError):
        said = str(error) if isinstance(error, Unreadable) else "its answer is not JSON"
        return _again(f"the server at {spec.endpoint} misbehaves: {mask(said, key)}", may_be_paid=True)
    if isinstance(error, TimeoutError) or "APIConnectionError" in _behind(error)[0]:
        return _by_connection(error, spec, key)
    return None


def _again(cause: str, side: str = "the server's side", **more: Any) -> Fault:
    return Fault("again", cause, side, "try later", **more)


def _by_status(
    status: int, error: BaseException, spec: EndpointModel, body: Mapping[str, Any], key: str
) -> Fault:
    said = mask(_message(error), key)
    code = str(getattr(error, "code", "") or "")
    told = f"{status}: {said}"
    if status in {401, 402, 403} or (
        status == 429 and code in {"insufficient_quota", "billing_hard_limit_reached"}
    ):
        return _no_entry(status, told, spec)
    if status == 404 or (status == 400 and (code == "model_not_found" or NO_MODEL.search(said.lower()))):
        return _not_found(told, code, spec)
    if status == 429:
        step = "lower requests_per_minute, tokens_per_minute or concurrency in the task file"
        cause = f"the server lets no more calls through ({told})"
        return Fault("busy", cause, "the server's limit", step, retry_after(error))
    if status in AGAIN or status >= 500:
        return _again(f"the server at {spec.endpoint} fails ({told})", wait=retry_after(error))
    return _wrong_request(status, told, said, code, error, body)


def _no_entry(status: int, told: str, spec: EndpointModel) -> Fault:
    name = spec.api_key_env
    if status in {402, 429}:
        return Fault(
            "stop", f"the provider's account has no credit left ({told})", "your side", "add credit there"
        )
    if status == 403:
        cause = (
            f"the key in {name} may not use {spec.model} ({told})"
            if name
            else f"the server refuses us ({told})"
        )
        return Fault("stop", cause, "your side", "ask for access, or name another model or key")
    if name is None:
        step = "name the environment variable that holds it as `api_key_env` in the task file"
        return Fault("stop", f"the server wants a key ({told})", "your side", step)
    cause = f"the server refuses the key in {name}, wrong or expired ({told})"
    return Fault("stop", cause, "your side", f"put a valid key into {name}")


def _not_found(told: str, code: str, spec: EndpointModel) -> Fault:
    if code == "model_not_found" or "model" in told.lower():
        step = f"name one that it has as `model` in the task file; GET {spec.endpoint}/models lists them"
        return Fault("stop", f"the server has no model {spec.model!r} ({told})", "your side", step)
    cause = f"there is nothing at {spec.endpoint}/chat/completions ({told})"
    return Fault("stop", cause, "your side", "correct `endpoint` in the task file; most addresses end in /v1")


def _wrong_request(
    status: int, told: str, said: str, code: str, error: BaseException, body: Mapping[str, Any]
) -> Fault:
    if status == 413 or code == "context_length_exceeded" or TOO_LONG.search(said.lower()):
        step = "shorten it, or name a model that reads more"
        return Fault("long", f"a request is longer than {body['model']} reads ({told})", "your side", step)
    part = refused_part(f"{getattr(error, 'param', '') or ''} {said}", body)
    if part is not None:
        return Fault("less", f"the server takes no {part} ({told})", "the server's side", "", part=part)
    step = "look at the input, or at `parameters` in the task file"
    return Fault("one", f"the server refuses the request ({told})", "your side", step)


def _by_connection(error: BaseException, spec: EndpointModel, key: str) -> Fault:
    """No answer at all: read off the names of the errors behind the error, whatever the HTTP library."""
    names, reason = _behind(error)
    if names & {"ConnectError", "ConnectTimeout", "ProxyError", "UnsupportedProtocol"}:
        cause = f"nobody answers at {spec.endpoint} ({mask(reason, key)})"
        step = "start the server, or correct `endpoint` in the task file; `curl` the address to see"
        return Fault("down", cause, "the server's or the network's side", step)
    if isinstance(error, TimeoutError) or any("Timeout" in name for name in names):
        cause = f"the server at {spec.endpoint} gave no whole answer within {spec.timeout_seconds:g} s"
        step = "try later, or set timeout_seconds higher in the task file"
        return Fault("again", cause, "the server's side", step, may_be_paid=True)
    cause = f"the answer of {spec.endpoint} broke off ({mask(reason, key)})"
    return _again(cause, "the server's or the network's side", may_be_paid=True)


def _behind(error: BaseException | None) -> tuple[set[str], str]:
    """Names of all classes along the chain of causes, and what the last cause says."""
    names: set[str] = set()
    last = error
    while error is not None and len(names) < 100:
        names |= {kind.__name__ for kind in type(error).__mro__}
        last, error = error, error.__cause__
    return names, str(last) or type(last).__name__


def _message(error: BaseException) -> str:
    """What the server says, without the SDK's frame around it."""
    body = getattr(error, "body", None)
    inside = body.get("error", body) if isinstance(body, Mapping) else body
    if isinstance(inside, Mapping):
        inside = inside.get("message") or inside.get("detail") or inside
    return str(inside or error)


def retry_after(error: BaseException) -> float | None:
    """Seconds that the server asks us to wait: ``Retry-After``, seconds or a date (RFC 9110, 10.2.3)."""
    headers = getattr(getattr(error, "response", None), "headers", None) or {}
    try:
        if (milliseconds := headers.get("retry-after-ms")) is not None:
            return max(float(milliseconds) / 1000, 0.0)
        value = headers.get("retry-after")
        if value is None:
            return None
        if re.fullmatch(r"\s*\d+(\.\d+)?\s*", value):
            return float(value)
        return max(email.utils.parsedate_to_datetime(value).timestamp() - time.time(), 0.0)
    except (ValueError, TypeError):
        return None


def mask(text: str, key: str) -> str:
    """One short line without the key, and without anything that looks like one."""
    text = " ".join(text.split())
    if key:
        text = text.replace(key, "***")
    return LOOKS_SECRET.sub("***", text)[:240]
