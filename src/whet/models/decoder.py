"""A causal language model and its tokenizer, from a folder that was checked.

Any decoder that ``transformers.AutoModelForCausalLM`` knows. Before a weight is allocated, the model that
``config.json`` describes is built without memory (torch's meta device) and compared with what the files hold:
a config that asks for more would be filled with random numbers in silence. Knows no data and no training.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from whet.errors import InputError
from whet.models.finding import find_folder
from whet.models.folder import UNSET_LENGTH, check_folder, check_kind, length_limits
from whet.models.positions import turned_beyond

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from whet.models.folder import ModelFiles

MOST_BUFFERS = 1 << 30  # bytes beside the weights: masks and tables of positions, made anew at every load
DAMAGED = "fetch the model again, whole; if that fails too, choose another."


@dataclass(frozen=True, slots=True)
class DecoderSource:
    """A model's files on this machine, and the shape that its config states."""

    name: str
    folder: Path
    sha256: str
    licence: str
    parameters: int
    """As stored; a head tied to the embeddings is mostly stored once."""
    context: int
    """Tokens it reads at once; ``UNSET_LENGTH`` where no file states a limit."""
    layers: int
    dim: int
    """Width of its hidden states."""
    vocabulary: int
    """Rows of its embeddings, which may be more than its tokenizer has tokens."""
    tied: bool
    """Head and embeddings are one matrix."""
    half: bool
    """Stored in 16 bits or fewer a number."""
    local: bool
    """Named by a folder: another machine will not find it by its name."""
    turned: int = 0
    """Tokens beyond which it turns positions otherwise; 0: it never does."""

    @property
    def answering(self) -> int:
        """Tokens that it reads to answer, its answer included: what was read is kept, and must not turn."""
        return min(self.context, self.turned or self.context)


def find_decoder(name: str) -> DecoderSource:
    """Find a causal model by Hugging Face id or folder; download it only if nothing local has it.

    Raises:
        InputError: unknown name, no network, gated, not safe to load, no causal model.
    """
    folder, local = find_folder(name)
    return describe_decoder(folder, name, local=local)


def describe_decoder(folder: Path, name: str, *, local: bool) -> DecoderSource:
    """Read a folder's facts without loading its weights; errors as in ``find_decoder``."""
    files = check_folder(folder)
    check_causal(files)
    config = _config(folder)
    text = config.get_text_config()
    _check_shape(files, config)
    return DecoderSource(
        name=name,
        folder=folder,
        sha256=files.digest(),
        licence=files.licence,
        parameters=files.parameters,
        context=_context(folder, text),
        layers=int(text.num_hidden_layers),
        dim=int(text.hidden_size),
        vocabulary=int(text.vocab_size),
        tied=bool(getattr(config, "tie_word_embeddings", False)),
        half=sum(path.stat().st_size for path in files.weights) < 3 * files.parameters,
        local=local,
        turned=turned_beyond(config),
    )


def check_causal(files: ModelFiles) -> None:
    """Refuse a kind of model that transformers does not know, or that reads to the right.

    Raises:
        InputError: says which kind.
    """
    from whet.models.quiet import quiet_transformers

    kind, where = check_kind(files.folder), f"{files.folder / 'config.json'}: model_type"
    with quiet_transformers():
        from transformers.models.auto import modeling_auto as auto

        causal = kind in auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
        masked = kind in auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES
    both_ways = masked and not files.config.get("is_decoder")
    if not causal or both_ways or files.config.get("is_encoder_decoder"):
        what = f"a model of the type {kind!r} is no causal language model (decoder)."
        raise InputError(what, where=where, fix="name a decoder, such as a Llama or a Qwen.")


def load_decoder(source: DecoderSource, precision: str, *, attention: str = "eager") -> Any:
    """The model in ``fp32`` or ``bf16``, with transformers' attention of that name; in eval mode.

    Raises:
        InputError: the weights do not fit the config.
    """
    import torch

    from whet.models.quiet import quiet_transformers

    with quiet_transformers() as transformers, _understood(source.folder, "model"):
        model, found = transformers.AutoModelForCausalLM.from_pretrained(
            source.folder,
            dtype=torch.bfloat16 if precision == "bf16" else torch.float32,
            use_safetensors=True,
            local_files_only=True,
            trust_remote_code=False,
            attn_implementation=attention,
            ignore_mismatched_sizes=True,  # they are refused below, by name
            output_loading_info=True,
        )
    for what, keys in (("not in the files", "missing_keys"), ("of another shape", "mismatched_keys")):
        if names := sorted(map(str, found[keys])):
            more = f" and {len(names) - 3:,} more" if len(names) > 3 else ""
            said = f"weights that config.json asks for are {what}: {', '.join(names[:3])}{more}."
            raise InputError(said, where=source.folder, fix=DAMAGED)
    return model


def load_tokenizer(source: DecoderSource) -> Any:
    """The model's tokenizer, from its folder alone.

    Raises:
        InputError: there is none, or it cannot be read.
    """
    from whet.models.quiet import quiet_transformers

    with quiet_transformers() as transformers, _understood(source.folder, "tokenizer"):
        return transformers.AutoTokenizer.from_pretrained(
            source.folder, local_files_only=True, trust_remote_code=False
        )


@contextlib.contextmanager
def _understood(folder: Path, what: str) -> Iterator[None]:
    """Turn what transformers says of unfit files into an InputError; lack of memory stays what it is."""
    import torch

    try:
        yield
    except (MemoryError, torch.OutOfMemoryError, InputError):
        raise
    except Exception as error:  # a config can break anything in a constructor; tokenizers raises bare ones
        said = str(error).strip().split("\n")[0][:200]
        message = f"transformers cannot make a {what} of these files ({type(error).__name__}: {said})."
        raise InputError(message, where=folder, fix=DAMAGED) from error


def _config(folder: Path) -> Any:
    from whet.models.quiet import quiet_transformers

    with quiet_transformers() as transformers, _understood(folder, "model"):
        return transformers.AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)


def skeleton(folder: Path, config: Any = None) -> Any:
    """The model that a folder's config describes, without memory (on torch's meta device).

    Raises:
        InputError: transformers cannot make it.
    """
    import torch

    from whet.models.quiet import quiet_transformers

    config = _config(folder) if config is None else config
    with quiet_transformers() as transformers, _understood(folder, "model"), torch.device("meta"):
        return transformers.AutoModelForCausalLM.from_config(config, attn_implementation="eager")


def _check_shape(files: ModelFiles, config: Any) -> None:
    """The model without memory must have no more parameters than the files, and small buffers."""
    model = skeleton(files.folder, config)
    asked = sum(value.numel() for value in model.parameters())
    if asked > files.parameters:
        raise InputError(
            f"config.json describes {asked:,} parameters, and the files hold {files.parameters:,}.",
            where=files.folder / "config.json",
            fix=DAMAGED,
        )
    beside = sum(value.numel() * value.element_size() for value in model.buffers())
    if beside > MOST_BUFFERS:
        what = f"config.json describes tables of {beside:,} bytes beside the weights."
        raise InputError(what, where=files.folder / "config.json", fix=DAMAGED)


def _context(folder: Path, config: Any) -> int:
    """The shortest of the limits that the model's files state."""
    said = [getattr(config, key, None) for key in ("max_position_embeddings", "seq_length", "max_seq_len")]
    limits = [value for value in said if isinstance(value, int) and value > 0]
    limits += length_limits(folder, {"tokenizer_config.json": "model_max_length"})
    return min(limits, default=UNSET_LENGTH)
