"""What a model's JSON files and chat templates may say. Anything that leads to code is refused.

transformers runs no code of a model without ``trust_remote_code``, but that promise has broken before
(CVE-2026-22807), and it still follows a config to other files, to other models and to kernels on the hub.
So what leads there is refused before transformers sees it. Knows files as parsed JSON and text; what a
folder is, ``whet.models.folder`` knows.
"""

from __future__ import annotations

import json
import re
import stat
from typing import TYPE_CHECKING, Any

from whet.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MIB = 1 << 20
# What parsing may cost: in bytes, and in brackets and commas. Three bytes of JSON, `[],`, are 64 in memory.
LARGEST_FILE = 128 * MIB
MOST_PARTS = 8_000_000
LARGEST_CONFIG = 2 * MIB
LARGEST_TEMPLATE = MIB  # characters
DEEPEST = 64  # levels of JSON
# Files that list tokens: their keys are anybody's text.
VOCABULARIES = {"tokenizer.json", "vocab.json", "added_tokens.json", "tekken.json"}

CODE_OF_ITS_OWN = "choose a model that transformers knows without code of its own."
# Keys that lead transformers away from the files that were checked.
LEADS_AWAY = {
    "auto_map": ("ships code of its own (`auto_map`), which whet never runs", CODE_OF_ITS_OWN),
    "custom_pipelines": ("ships code of its own (`custom_pipelines`), never run by whet", CODE_OF_ITS_OWN),
    "configuration_files": ("sends the reader to another config.json", "remove the key."),
    "fast_tokenizer_files": ("sends the reader to another tokenizer.json", "remove the key."),
    "transformers_weights": ("sends the reader to other weights", "name the weights model.safetensors."),
    "quantization_config": ("is quantized, and whet does not train that", "name the model it was made from."),
    "init_inputs": ("hands the tokenizer arguments by position", "remove the key."),
}
PYTHON_INSIDE = re.compile(r"__[a-z]+__")  # __class__, __globals__ and their like
PYTHON_FILE = re.compile(r"\S+\.py[cdow]?")
# Largest sizes by name, far above any model in use; a size of zero is allowed where models have it.
LARGEST_SIZE = {
    **dict.fromkeys(("num_hidden_layers", "n_layer", "n_layers", "num_layers"), 1 << 10),
    **dict.fromkeys(("hidden_size", "n_embd", "d_model", "dim", "embedding_size", "head_dim"), 1 << 17),
    **dict.fromkeys(("intermediate_size", "n_inner", "ffn_dim", "d_ff", "moe_intermediate_size"), 1 << 20),
    **dict.fromkeys(("num_attention_heads", "n_head", "n_heads", "num_key_value_heads"), 1 << 12),
    **dict.fromkeys(("num_experts", "num_local_experts", "n_routed_experts", "type_vocab_size"), 1 << 14),
    "vocab_size": 1 << 23,
    **dict.fromkeys(("max_position_embeddings", "n_positions", "n_ctx"), 1 << 27),
}
MAY_BE_ZERO = {"num_experts", "num_local_experts", "n_routed_experts", "type_vocab_size"}


def read_config(path: Path) -> dict[str, Any]:
    """Parse a JSON file of a model, bounded in size and depth.

    Raises:
        InputError: absent, too large, too deep, not JSON, no object.
    """
    largest = LARGEST_CONFIG if path.name == "config.json" else LARGEST_FILE
    text = read_text(path, largest, fix="fetch the file again, or choose another model.")
    if sum(map(text.count, "[{,")) > MOST_PARTS:
        what = f"has more than {MOST_PARTS:,} parts."
        raise InputError(what, where=path, fix="fetch the file again, or choose another model.")
    try:
        value = json.loads(text)
    except RecursionError as error:
        raise _too_deep(path) from error
    except ValueError as error:
        raise InputError(f"is not valid JSON: {error}.", where=path, fix="fetch the file again.") from error
    if not isinstance(value, dict):
        raise InputError("is no JSON object.", where=path, fix="fetch the file again.")
    if path.name not in VOCABULARIES and _deeper_than(value, DEEPEST):
        raise _too_deep(path)
    return value


def read_text(path: Path, largest: int, *, fix: str) -> str:
    """UTF-8 text of at most ``largest`` bytes; errors as in ``read_config``."""
    try:
        found = path.stat()
    except OSError as error:
        fix = "name a Hugging Face model folder."
        raise InputError(f"there is no {path.name}.", where=path.parent, fix=fix) from error
    if not stat.S_ISREG(found.st_mode):
        raise InputError("is no plain file.", where=path, fix=fix)
    if found.st_size > largest:
        what = f"is {found.st_size:,} bytes long; whet reads at most {largest:,}."
        raise InputError(what, where=path, fix=fix)
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"is not UTF-8 text: {error}.", where=path, fix=fix) from error


def check_config(path: Path, value: dict[str, Any]) -> None:
    """Refuse a JSON file that leads to code or other files, or that names absurd sizes.

    Raises:
        InputError: says which key.
    """
    if path.name in VOCABULARIES:
        return
    for key, inner in _walk(value):
        where = f"{path}: {key}"
        if key in LEADS_AWAY and inner:
            what, fix = LEADS_AWAY[key]
            raise InputError(f"the model {what}.", where=where, fix=fix)
        if isinstance(inner, str) and PYTHON_FILE.fullmatch(inner):
            what = f"the model names a Python file, {inner!r}, which whet never runs."
            raise InputError(what, where=where, fix=CODE_OF_ITS_OWN)
        if key.endswith("_implementation"):
            _check_implementation(where, inner)
    if path.name == "config.json":
        _check_sizes(path, value)
    if path.name == "special_tokens_map.json":
        _check_no_files(path, value)


def _walk(value: Any) -> Iterator[tuple[str, Any]]:
    """Every key with its value, and every item of a list under its list's key, at any depth."""
    todo = [("", value)]
    while todo:
        key, inner = todo.pop()
        if isinstance(inner, dict):
            todo += [(str(name), item) for name, item in inner.items()]
        elif isinstance(inner, list):
            todo += [(key, item) for item in inner]
        yield key, inner


def _deeper_than(value: Any, levels: int) -> bool:
    layer = [value]
    for _ in range(levels):
        layer = [
            item
            for inner in layer
            if isinstance(inner, (dict, list))
            for item in (inner.values() if isinstance(inner, dict) else inner)
        ]
        if not layer:
            return False
    return True


def _too_deep(path: Path) -> InputError:
    what = f"is nested more than {DEEPEST} levels deep."
    return InputError(what, where=path, fix="fetch the file again, or choose another model.")


def _check_implementation(where: str, value: Any) -> None:
    """``owner/repository`` as an attention makes transformers fetch that kernel and run it."""
    names = value.values() if isinstance(value, dict) else [value]
    if any(isinstance(name, str) and "/" in name for name in names):
        raise InputError(
            f"the model asks for a kernel from the hub, {str(value)[:60]!r}, which is code.",
            where=where,
            fix="remove the key; whet chooses the attention itself.",
        )


def _check_no_files(path: Path, tokens: dict[str, Any]) -> None:
    """Its keys become arguments of the tokenizer, file names among them, unchecked by transformers."""
    for key in tokens:
        if key.endswith("_file"):
            what = "the list of special tokens names a file to read."
            raise InputError(what, where=f"{path}: {key}", fix="remove the key.")


def _check_sizes(path: Path, config: dict[str, Any]) -> None:
    for key, value in _walk(config):
        largest = LARGEST_SIZE.get(key)
        if largest is None or value is None or isinstance(value, (list, dict)):
            continue
        smallest = 0 if key in MAY_BE_ZERO else 1
        if type(value) is not int or not smallest <= value <= largest:
            raise InputError(
                f"{str(value)[:40]} is no size of a model; a whole number from {smallest} to {largest:,} is.",
                where=f"{path}: {key}",
                fix="fetch the file again, or choose another model.",
            )


def check_template(where: str, text: Any) -> None:
    """Refuse a chat template that is not plain Jinja text: it may not load, nor reach for Python's insides.

    This looks at the syntax tree and renders nothing. What renders is Jinja's sandbox, in transformers; names
    put together at run time stop there.

    Raises:
        InputError: no text, too long, no Jinja, loads other templates, or names private attributes.
    """
    if not isinstance(text, str) or len(text) > LARGEST_TEMPLATE:
        raise _bad_template(where, f"is no text of at most {LARGEST_TEMPLATE:,} characters")
    from jinja2 import TemplateError, nodes

    try:
        tree = _jinja().parse(text)
        loads = (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)
        if found := next(iter(tree.find_all(loads)), None):
            raise _bad_template(where, f"loads another template in line {found.lineno}")
        if hidden := next((name for name in _looked_up(tree) if PYTHON_INSIDE.fullmatch(name)), None):
            raise _bad_template(where, f"reaches for {hidden!r}")
    except TemplateError as error:
        raise _bad_template(where, f"is not Jinja: {error}") from error
    except RecursionError as error:
        raise _bad_template(where, "is nested too deep") from error


def _looked_up(tree: Any) -> Iterator[str]:
    """Attributes, and constant text, which ``x[...]``, ``attr`` and ``map(attribute=)`` look up."""
    from jinja2 import nodes

    for node in tree.find_all((nodes.Getattr, nodes.Const)):
        name = node.attr if isinstance(node, nodes.Getattr) else node.value
        if isinstance(name, str):
            yield name


def _bad_template(where: str, what: str) -> InputError:
    fix = "take the template of the model's maker, or remove it."
    return InputError(f"the chat template {what}.", where=where, fix=fix)


def _jinja() -> Any:
    """Jinja with the two extensions that transformers gives its templates."""
    from jinja2.ext import Extension, loopcontrols
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class Generation(Extension):
        """``{% generation %}``: marks what the assistant says."""

        tags = {"generation"}  # noqa: RUF012

        def parse(self, parser: Any) -> Any:
            next(parser.stream)
            return parser.parse_statements(("name:endgeneration",), drop_needle=True)

    return ImmutableSandboxedEnvironment(extensions=[loopcontrols, Generation])
