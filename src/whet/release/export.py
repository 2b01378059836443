"""Export: a specialist in the form of another library, kept only if it answers there as it does here.

    specialist -> parts -> files of the form -> loaded by its own library, compared -> the folder, whole

Six forms: PEFT adapter, merged weights, ONNX (encoders), Ollama, vLLM and GGUF (decoders). Each carries its
template. What does not agree is not left behind: the export is refused with the rows that differ. Knows no
registry: which folder may leave, the caller says.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from whet.errors import InputError, Refused, nearest
from whet.release.exports import decoders, encoders, gguf, ollama, parity, vllm
from whet.release.exports.parity import Parity
from whet.release.exports.parts import ReaderParts, WriterParts, parts_of
from whet.rungs.base import load_specialist
from whet.store import read_jsonl, write_json
from whet.version import __version__

FORMS = ("peft", "merged", "onnx", "ollama", "vllm", "gguf")
OF_READERS = ("peft", "merged", "onnx")
RECORD = "export.json"
ROWS = 32
"""Rows on which an export is compared, unless more are given."""
PROBES = (
    "Where is my order? It should have come last week.",
    "Please change the address of the delivery to Oslo.",
    "The small cat saw a red ball and wanted to play.",
    "I cannot sign in any more, and the code does not arrive.",
    "Thank you, that was very helpful!",
    "2 tickets from Vienna to Graz on the 3rd of May, please",
)
"""Inputs for a specialist without rows of its own: they show that answers agree, not that they are good."""
Write = Callable[[Any, Path], list[str]]


@dataclass(frozen=True, slots=True)
class Options:
    """What the user may say."""

    name: str = "specialist"
    """As a server is to call it."""
    llama_cpp: Path | None = None
    gguf_type: str = "f16"
    python: str = sys.executable
    """Runs the checkout's converter."""


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written."""

    folder: Path
    form: str
    parity: Parity
    on: str
    """What it was compared on."""
    commands: tuple[str, ...]
    notes: tuple[str, ...] = field(default=())

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "folder": str(self.folder), "said": self.parity.said()}


def export(
    folder: Path, form: str, out: Path, *, inputs: Sequence[str] = (), options: Options | None = None
) -> Exported:
    """Write a specialist in another form.

    Args:
        folder: a specialist's folder.
        form: one of ``FORMS``.
        out: a folder that is not there yet.
        inputs: held-out inputs to compare on; empty: ``PROBES``.

    Raises:
        InputError: no such form of this specialist; ``out`` is taken. Nothing was written.
        Refused: the export does not answer as the specialist does. Nothing is left of it.
        WorldError: disk, or the converter failed.
    """
    from whet.train.checkpoint import becoming

    options = options or Options()
    write = _writer(form, options)
    if out.exists():
        raise InputError("is already there; nothing was written.", where=out, fix="name another with --out.")
    parts = parts_of(folder, load_specialist(folder))
    _check_form(form, parts)
    on = "held-out rows" if inputs else "texts of whet's own"
    with becoming(out) as made:
        notes = write(parts, made)
        found = parity.check(form, parts, made, inputs or PROBES)
        if not found.ok:
            raise _apart(form, found)
        commands = _commands(form, parts, made, out, options.name)
        done = Exported(out, form, found, on, commands, tuple(notes))
        write_json(made / RECORD, {"whet": __version__, "template": _template(parts), **done.as_dict()})
    return done


def held_out(run: Path, count: int = ROWS) -> list[str]:
    """Inputs of a run's held-out rows; none where there is no run any more."""
    path = run / "01-examples.jsonl"
    rows = read_jsonl(path) if path.is_file() else []
    return list(dict.fromkeys(row["input"] for row in rows if row.get("side") == "test"))[:count]


def _writer(form: str, options: Options) -> Write:
    """What writes a form; input that is wrong is told here, before any work."""
    if form not in FORMS:
        raise InputError(f"there is no form {form!r}. {nearest(form, FORMS)}", where="--to")
    if form == "gguf":
        script = gguf.script_of(options.llama_cpp)
        kind, python = options.gguf_type, options.python
        return lambda parts, out: gguf.write_gguf(parts, out, script, kind=kind, python=python)
    if options.llama_cpp is not None:
        raise InputError("has no effect: llama.cpp writes GGUF only.", where="--llama-cpp", fix="--to gguf")
    return {"peft": _peft, "merged": _merged, "onnx": encoders.write_onnx}.get(form) or {
        "ollama": ollama.write_ollama,
        "vllm": vllm.write_vllm,
    }[form]


def _peft(parts: Any, out: Path) -> list[str]:
    reads = isinstance(parts, ReaderParts)
    return encoders.write_encoder_adapter(parts, out) if reads else decoders.write_adapter(parts, out)


def _merged(parts: Any, out: Path) -> list[str]:
    reads = isinstance(parts, ReaderParts)
    return encoders.write_encoder(parts, out) if reads else decoders.write_merged(parts, out)


def _check_form(form: str, parts: ReaderParts | WriterParts) -> None:
    reads = isinstance(parts, ReaderParts)
    if reads and form not in OF_READERS:
        what = f"an encoder with a head has no form {form!r}: it writes no text."
        raise InputError(what, where="--to", fix=f"one of: {', '.join(OF_READERS)}.")
    if not reads and form == "onnx":
        what = "ONNX is for encoders here; this specialist writes."
        raise InputError(what, where="--to", fix="--to merged, vllm, ollama or gguf.")


def _apart(form: str, found: Parity) -> Refused:
    shown = "".join(
        f"\n  {text[:80]!r}: {ours[:60]!r}, there {theirs[:60]!r}" for text, ours, theirs in found.apart
    )
    fix = "nothing was kept; another form may do, and whet serve always does."
    return Refused(f"as {form} it is another model: {found.said()}.{shown}", fix=fix)


def _commands(
    form: str, parts: ReaderParts | WriterParts, made: Path, out: Path, name: str
) -> tuple[str, ...]:
    """What to type next, with the folder's final name."""
    if form == "vllm" and isinstance(parts, WriterParts):
        line = shlex.join(vllm.vllm_command(parts, made, name))
        return (line.replace(str(made), str(out)),)
    if form == "ollama":
        return (shlex.join(["ollama", "create", name, "-f", str(out / ollama.MODELFILE)]),)
    if form == "gguf":
        return (shlex.join(["llama-server", "-m", str(out / gguf.FILE), "--jinja"]),)
    return ()


def _template(parts: ReaderParts | WriterParts) -> str | None:
    """The digest of the layout that the specialist was trained with; None where it reads plain text."""
    return parts.layout.digest if isinstance(parts, WriterParts) else None
