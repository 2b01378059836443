"""Parity: what was exported, loaded by its own library, answers as the specialist does, and asks by the same
tokens.

    the same inputs -> the specialist's answers = those of the export
                    -> the tokens that the specialist reads = those that the export's own template lays out

Models are loaded by PEFT, transformers or onnxruntime from the exported files alone; forms and stops are the
specialist's. A server's files (Modelfile, GGUF) are read back as well. Knows no format's writer.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from whet.errors import InputError
from whet.models.layout import Conversation, encode, layout_of, render
from whet.models.messages import message
from whet.models.quiet import quiet_transformers
from whet.release.exports import gguf, ollama, vllm
from whet.release.exports.encoders import HEAD, HEAD_WEIGHTS, INPUTS, ONNX
from whet.release.exports.turnwise import laid
from whet.store import read_json

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from whet.records import Output
    from whet.release.exports.parts import ReaderParts, WriterParts

LEAST = 0.99
"""Share of answers that must be the same: a near tie may turn, no more."""
SHOWN = 5


@dataclass(frozen=True, slots=True)
class Parity:
    """How an export and its specialist agree."""

    library: str
    """What loaded it."""
    rows: int
    alike: int
    """The same text, or one that parts from it at a near tie of the same model."""
    laid_otherwise: int
    """Inputs that the export's own template lays out by other tokens."""
    apart: tuple[tuple[str, str, str], ...] = ()
    """(input, the specialist's answer, the export's), the first few that differ."""

    @property
    def ok(self) -> bool:
        return self.laid_otherwise == 0 and self.alike >= LEAST * self.rows and self.rows > 0

    def said(self) -> str:
        """In one sentence."""
        told = f"loaded by {self.library}, {self.alike:,} of {self.rows:,} answers are the specialist's"
        if self.laid_otherwise:
            told += f"; its chat template lays out {self.laid_otherwise:,} of {self.rows:,} inputs otherwise"
        return told


def check(form: str, parts: ReaderParts | WriterParts, folder: Path, inputs: Sequence[str]) -> Parity:
    """Compare an export in ``folder`` with its specialist on inputs.

    Raises:
        InputError: there is nothing to compare on; the export cannot be read.
    """
    from whet.release.exports.parts import WriterParts

    if not inputs:
        raise InputError("there is no row to compare on.", fix="name a file of inputs: --rows FILE.")
    if isinstance(parts, WriterParts):
        return _of_writer(form, parts, folder, inputs)
    answer = {"onnx": _by_onnx, "merged": _by_transformers, "peft": _by_peft}[form]
    library = {"onnx": "onnxruntime", "merged": "transformers", "peft": "PEFT"}[form]
    ours = [prediction.output for prediction in parts.specialist.predict(inputs)]
    return _compared(library, inputs, ours, answer(folder, inputs), 0)


def _of_writer(form: str, parts: WriterParts, folder: Path, inputs: Sequence[str]) -> Parity:
    place = {"ollama": ollama.MODEL, "gguf": gguf.MODEL, "vllm": vllm.WEIGHTS}.get(form, "")
    weights = folder / place
    adapter = (weights / "adapter_config.json").is_file()
    model = _with_adapter(weights) if adapter else _whole(weights)
    layout = layout_of(_tokenizer(weights))
    from whet.models.writer import DecoderWriter

    writer = DecoderWriter(parts.source.name, model, layout, parts.ends, parts.source.answering)
    specialist: Any = parts.specialist
    ours = [prediction.output for prediction in specialist.predict(inputs)]
    theirs = [prediction.output for prediction in replace(specialist, writer=writer).predict(inputs)]
    otherwise = _laid_otherwise(parts, layout.tokenizer, inputs)
    otherwise = otherwise or _server_otherwise(form, parts, folder, inputs)
    if ours != theirs and not otherwise:
        theirs = _but_for_ties(parts, model, inputs, ours, theirs)
    return _compared("PEFT" if adapter else "transformers", inputs, ours, theirs, otherwise)


def _but_for_ties(
    parts: WriterParts, model: Any, inputs: Sequence[str], ours: Sequence[Output], theirs: Sequence[Output]
) -> list[Output]:
    """Answers of the export; one that parts from the specialist's at a near tie counts as the same: read
    along the specialist's own answer, both models must give the same logits (``train/after.py``)."""
    from whet.models.writer import open_writer
    from whet.train.after import SAME, difference, logits_of
    from whet.train.sharing import Row

    own = open_writer(str(parts.source.folder), adapter=parts.adapter).model
    found = list(theirs)
    for n, request in enumerate(parts.requests(inputs)):
        if ours[n] == theirs[n]:
            continue
        asked = render(parts.layout, Conversation(request.turns, "a row"), prompt=True)
        before, whole = (one.ids for one in encode(parts.layout, [asked, asked + _text(ours[n])]))
        weights = [float(place >= len(before)) for place in range(len(whole))]
        row = [Row(whole, tuple(weights))]
        if any(weights) and difference(logits_of(model, row), logits_of(own, row)) <= SAME["fp32"]:
            found[n] = ours[n]
    return found


def _compared(
    library: str, inputs: Sequence[str], ours: Sequence[Output], theirs: Sequence[Output], otherwise: int
) -> Parity:
    pairs = list(zip(inputs, map(_text, ours), map(_text, theirs), strict=True))
    apart = tuple(one for one in pairs if one[1] != one[2])
    return Parity(library, len(pairs), len(pairs) - len(apart), otherwise, apart[:SHOWN])


def _text(output: Output) -> str:
    return output if isinstance(output, str) else "|".join(output)


def _laid_otherwise(parts: WriterParts, tokenizer: Any, inputs: Sequence[str]) -> int:
    """Inputs whose tokens by the export's own template are others than those that the specialist reads."""
    rows = [Conversation(request.turns, "a row") for request in parts.requests(inputs)]
    texts = [render(parts.layout, row, prompt=True) for row in rows]
    ours = [list(encoded.ids) for encoded in encode(parts.layout, texts)]
    return sum(own != _by_template(tokenizer, row) for own, row in zip(ours, rows, strict=True))


def _by_template(tokenizer: Any, row: Conversation) -> list[int]:
    messages = [message(turn, row.where(n), as_text=False) for n, turn in enumerate(row.turns)]
    found = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=True)
    return [int(token) for token in found["input_ids"]]


def _server_otherwise(form: str, parts: WriterParts, folder: Path, inputs: Sequence[str]) -> int:
    """The same of the files that a server reads: a Modelfile's template, the one in a GGUF's header."""
    if form == "ollama":
        pieces = ollama.read_modelfile(folder / ollama.MODELFILE)
        turns = [request.turns for request in parts.requests(inputs)]
        return sum(pieces is None or pieces.text(one) != laid(parts.layout, one) for one in turns)
    if form == "gguf":
        written = gguf.template_of(folder / gguf.FILE)
        carried = _tokenizer(folder / gguf.MODEL).chat_template
        return 0 if written == carried else len(inputs)
    return 0


def _whole(folder: Path) -> Any:
    import torch

    with quiet_transformers() as transformers:
        return transformers.AutoModelForCausalLM.from_pretrained(
            folder, dtype=torch.float32, use_safetensors=True, local_files_only=True
        ).eval()


def _with_adapter(folder: Path) -> Any:
    """The base that the adapter's config names, and the adapter on it, by PEFT."""
    import torch
    from peft import PeftModel

    from whet.models.finding import find_folder

    base, _ = find_folder(str(read_json(folder / "adapter_config.json")["base_model_name_or_path"]))
    with quiet_transformers() as transformers, warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # PEFT asks transformers in an old way
        model = transformers.AutoModelForCausalLM.from_pretrained(
            base, dtype=torch.float32, use_safetensors=True, local_files_only=True
        )
        return PeftModel.from_pretrained(model, folder).eval()


def _tokenizer(folder: Path) -> Any:
    with quiet_transformers() as transformers:
        return transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)


def _by_onnx(folder: Path, inputs: Sequence[str]) -> list[Output]:
    """Answers by onnxruntime and the tokenizer's file alone."""
    import onnxruntime
    from tokenizers import Tokenizer

    about = read_json(folder / HEAD)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(about["max_tokens"])
    session = onnxruntime.InferenceSession(str(folder / ONNX), providers=["CPUExecutionProvider"])
    shares = []
    for text in inputs:
        ids = np.array([tokenizer.encode(text).ids], dtype=np.int64)
        given = dict(zip(INPUTS, (ids, np.ones_like(ids)), strict=True))
        shares.append(session.run(["probabilities"], given)[0][0])
    return _decided(about, np.stack(shares))


def _by_transformers(folder: Path, inputs: Sequence[str]) -> list[Output]:
    import torch

    with quiet_transformers() as transformers:
        model = transformers.AutoModel.from_pretrained(
            folder, dtype=torch.float32, use_safetensors=True
        ).eval()
    return _by_model(model, folder, inputs)


def _by_peft(folder: Path, inputs: Sequence[str]) -> list[Output]:
    """The encoder that the adapter's config names, and the adapter on it."""
    import torch
    from peft import PeftModel

    from whet.models.finding import find_folder
    from whet.models.source import PACKAGES

    config = read_json(folder / "adapter_config.json")
    base, _ = find_folder(str(config["base_model_name_or_path"]), PACKAGES)
    with quiet_transformers() as transformers, warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        model = transformers.AutoModel.from_pretrained(base, dtype=torch.float32, use_safetensors=True)
        if getattr(model, "pooler", None) is not None:
            model.pooler = None  # the adapter was trained without it, as whet pools by itself
        return _by_model(PeftModel.from_pretrained(model, folder).eval(), folder, inputs)


def _by_model(model: Any, folder: Path, inputs: Sequence[str]) -> list[Output]:
    """Answers by a model of transformers, its tokenizer, and the head's two files."""
    import torch
    from safetensors.torch import load_file

    about, head, tokenizer = read_json(folder / HEAD), load_file(folder / HEAD_WEIGHTS), _tokenizer(folder)
    shares = []
    with torch.no_grad():
        for text in inputs:
            given = tokenizer(text, truncation=True, max_length=about["max_tokens"], return_tensors="pt")
            hidden = model(**given).last_hidden_state[0]
            vector = hidden[0] if about["pooling"] == "cls" else hidden.sum(dim=0)
            logits = torch.nn.functional.normalize(vector, dim=0) @ head["weight"].T + head["bias"]
            shares.append(_shares(about, logits.numpy()))
    return _decided(about, np.stack(shares))


def _shares(about: Mapping[str, Any], logits: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    scaled = (logits - (about["shift"] if about["multi_label"] else 0.0)) / about["temperature"]
    if about["multi_label"]:
        return np.asarray(1.0 / (1.0 + np.exp(-scaled)))
    weights = np.exp(scaled - scaled.max())
    return np.asarray(weights / weights.sum())


def _decided(about: Mapping[str, Any], shares: NDArray[np.floating[Any]]) -> list[Output]:
    """Probabilities [n, labels] as answers, by what ``head.json`` says."""
    names: list[str] = about["labels"]
    if not about["multi_label"]:
        return [names[int(best)] for best in shares.argmax(axis=1)]
    return [
        tuple(sorted(name for name, share in zip(names, row, strict=True) if share >= about["threshold"]))
        for row in shares
    ]
