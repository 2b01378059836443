"""What vLLM needs: the adapter (or the merged model), the chat template as a file, the command, and a
request.

    vllm serve BASE --enable-lora --lora-modules NAME=FOLDER --max-lora-rank R --chat-template FILE

An answer that is held to a form here is held there by the request: JSON by ``response_format``, labels and
patterns by ``structured_outputs``. Source: vLLM's pages on LoRA adapters and structured outputs. Knows no
server.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from whet.models.adapter_folder import CONFIG
from whet.models.folder import UNSET_LENGTH
from whet.release.exports.decoders import TEMPLATE, base_name, write_adapter, write_merged
from whet.store import make_folder, read_json, write_json

if TYPE_CHECKING:
    from whet.models.base import Form
    from whet.release.exports.parts import WriterParts

WEIGHTS, REQUEST = "weights", "request.json"
RANKS = (8, 16, 32, 64, 128, 256, 320, 512)
"""Of adapters that vLLM makes room for."""


def write_vllm(parts: WriterParts, folder: Path) -> list[str]:
    """Weights and template in ``weights``, and a request as the specialist asks it."""
    make_folder(folder)
    write = write_adapter if by_adapter(parts) else write_merged
    notes = write(parts, folder / WEIGHTS)
    if parts.adapter is not None and not by_adapter(parts):
        notes = [
            *notes,
            "the adapter was merged: vLLM takes plain LoRA up to rank 512, on a base that it finds",
        ]
    write_json(folder / REQUEST, request_of(parts))
    return notes


def by_adapter(parts: WriterParts) -> bool:
    """Whether vLLM can put the adapter onto its base."""
    if parts.adapter is None or parts.copied:
        return False
    config = read_json(parts.adapter / CONFIG)
    return not config.get("use_dora") and int(config.get("r", 0)) <= RANKS[-1]


def vllm_command(parts: WriterParts, folder: Path, name: str) -> list[str]:
    """The program and its arguments, for weights in ``folder``."""
    weights = folder / WEIGHTS
    more = ["--chat-template", str(weights / TEMPLATE)]
    if parts.source.context < UNSET_LENGTH:
        more += ["--max-model-len", str(parts.source.context)]
    if not by_adapter(parts):
        return ["vllm", "serve", str(weights), "--served-model-name", name, *more]
    rank = int(read_json(weights / CONFIG)["r"])
    room = next(size for size in RANKS if size >= rank)
    lora = ["--enable-lora", "--lora-modules", f"{name}={weights}", "--max-lora-rank", str(room)]
    return ["vllm", "serve", base_name(parts), *lora, *more]


def request_of(parts: WriterParts) -> dict[str, Any]:
    """The body of a chat completion that asks as the specialist does; the input stands for INPUT."""
    request = parts.example
    messages = [{"role": turn.role, "content": turn.text} for turn in request.turns]
    body: dict[str, Any] = {"messages": messages, "temperature": 0, "max_tokens": request.tokens}
    return body | (_held(request.form) if request.form is not None else {})


def _held(form: Form) -> dict[str, Any]:
    if form.schema is not None:
        schema = {"name": "answer", "schema": dict(form.schema), "strict": True}
        return {"response_format": {"type": "json_schema", "json_schema": schema}}
    if form.choices:
        return {"structured_outputs": {"choice": list(form.choices)}}
    key = {"regex": form.regex} if form.regex is not None else {"grammar": form.grammar}
    return {"structured_outputs": key}
