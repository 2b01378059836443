"""An encoder with its head for other libraries: an adapter, the merged encoder, or one ONNX file with
everything.

The head stands in ``head.safetensors`` (weight [labels, dim], bias [labels]) and what turns its scores into
an answer in ``head.json``: pool the tokens' vectors, scale them to length one, multiply, divide by the
temperature. The merged folder is also one of sentence-transformers. ONNX holds all of it, from token ids to
probabilities. Source of the operators: onnx.ai, opset 17. Knows no specialist's folder.
"""

from __future__ import annotations

import shutil
import warnings
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whet.errors import InputError, WorldError
from whet.models.encoder import load_model
from whet.models.quiet import quiet_transformers
from whet.store import make_folder, read_json, write_bytes, write_json

if TYPE_CHECKING:
    from whet.release.exports.parts import ReaderParts

HEAD, HEAD_WEIGHTS, ONNX = "head.json", "head.safetensors", "model.onnx"
OPSET = 17
INPUTS, OUTPUTS = ("input_ids", "attention_mask"), ("logits", "probabilities", "embedding")
MODULES = [
    {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
    {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
    {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"},
]


def write_encoder_adapter(parts: ReaderParts, folder: Path) -> list[str]:
    """A stock adapter of an encoder, its head and its tokenizer.

    Raises:
        InputError: there is no adapter.
    """
    if parts.adapter is None:
        raise InputError(
            "there is no adapter: the encoder was not trained, or it was trained in full.",
            where=parts.encoder.source.name,
            fix="whet export ... --to merged, or --to onnx",
        )
    source = parts.encoder.source
    if source.folder.is_relative_to(parts.adapter.parent):
        what = "the encoder lies in the specialist alone: nothing else finds it by a name."
        raise InputError(what, where=source.name, fix="whet export ... --to merged, or --to onnx")
    make_folder(folder)
    for path in sorted(parts.adapter.iterdir()):
        if path.suffix in {".json", ".safetensors"}:
            shutil.copyfile(path, folder / path.name)
    base = str(source.folder.resolve()) if source.local else source.name
    config = folder / "adapter_config.json"
    write_json(config, {**read_json(config), "base_model_name_or_path": base})
    _beside(parts, folder)
    return [f"it goes onto the encoder {base}, whose weights have SHA-256 {source.sha256}", *_long(parts)]


def write_encoder(parts: ReaderParts, folder: Path) -> list[str]:
    """The encoder's weights as they answer, its head and its tokenizer."""
    with quiet_transformers():
        parts.encoder.model("fp32").save_pretrained(folder, safe_serialization=True)
    _beside(parts, folder)
    source = parts.encoder.source
    make_folder(folder / "1_Pooling")
    make_folder(folder / "2_Normalize")
    pooling = {"word_embedding_dimension": source.dim}
    for kind, name in (("mean", "pooling_mode_mean_tokens"), ("cls", "pooling_mode_cls_token")):
        pooling[name] = source.pooling == kind
    write_json(folder / "1_Pooling" / "config.json", pooling)
    write_json(folder / "modules.json", MODULES)
    write_json(
        folder / "sentence_bert_config.json", {"max_seq_length": source.context, "do_lower_case": False}
    )
    return _long(parts)


def write_onnx(parts: ReaderParts, folder: Path) -> list[str]:
    """One file from token ids to probabilities, and the tokenizer.

    Raises:
        WorldError: the package ``onnx`` is not installed.
    """
    import torch

    _need("onnx")
    make_folder(folder)
    whole = _module(parts)
    ids = torch.tensor([[1, 2, 3, 4], [4, 3, 2, 1]])
    mask = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0]])  # with holes, so that none is traced away
    axes = {name: {0: "texts", 1: "tokens"} for name in INPUTS} | {name: {0: "texts"} for name in OUTPUTS}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the tracer: shapes that do not change
        torch.onnx.export(
            whole,
            (ids, mask),
            str(folder / ONNX),
            input_names=list(INPUTS),
            output_names=list(OUTPUTS),
            dynamic_axes=axes,
            opset_version=OPSET,
            dynamo=False,  # the other way needs a package more
        )
    _beside(parts, folder)
    return _long(parts)


def _module(parts: ReaderParts) -> Any:
    """Encoder, pooling, head and decision as one module of torch."""
    import torch

    model = _eager(parts)
    pooling, decider = parts.encoder.source.pooling, parts.decider
    weight, bias = (
        torch.tensor(array, dtype=torch.float32) for array in (parts.head.weight, parts.head.bias)
    )

    class Whole(torch.nn.Module):
        """[texts, tokens] ids and mask -> logits, probabilities [texts, labels], embedding [texts, dim]."""

        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, input_ids: Any, attention_mask: Any) -> Any:
            hidden = self.model(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
            mask = attention_mask.unsqueeze(-1).to(hidden.dtype)
            pooled = hidden[:, 0] if pooling == "cls" else (hidden * mask).sum(dim=1)
            embedding = torch.nn.functional.normalize(pooled, dim=1)
            logits = embedding @ weight.T + bias
            if decider.multi_label:
                shares = torch.sigmoid((logits - decider.shift) / decider.temperature)
            else:
                shares = torch.softmax(logits / decider.temperature, dim=1)
            return logits, shares, embedding

    return Whole().eval()


def _eager(parts: ReaderParts) -> Any:
    """The encoder with plain attention, which the tracer can follow."""
    model = load_model(parts.encoder.source, "fp32", attn_implementation="eager").eval()
    model.load_state_dict(parts.encoder.model("fp32").state_dict())
    return model


def _beside(parts: ReaderParts, folder: Path) -> None:
    """The head, how its scores become an answer, and the tokenizer."""
    from safetensors.numpy import save

    source = parts.encoder.source
    arrays = {"weight": parts.head.weight, "bias": parts.head.bias}
    write_bytes(folder / HEAD_WEIGHTS, save(arrays))
    about = {"pooling": source.pooling, "normalize": True, "max_tokens": source.context}
    write_json(folder / HEAD, {**about, **asdict(parts.decider)})
    with quiet_transformers():
        parts.encoder.tokenizer.save_pretrained(folder)


def _long(parts: ReaderParts) -> list[str]:
    most = parts.encoder.source.context
    return [f"texts of more than {most:,} tokens are read in windows here, and cut off there"]


def _need(package: str) -> None:
    from importlib.util import find_spec

    if find_spec(package) is None:
        raise WorldError(f"the package {package} is not installed.", fix="pip install 'whet[onnx]'")
