"""A decoder for other libraries: an adapter of PEFT's kind, or the whole model with the adapter merged into
it.

Beside the weights stands a tokenizer that carries its chat template. Where the base has none, whet lays
conversations out plainly (``models/layout.py``), and the template that is written says the same in Jinja, so
that nobody has to guess. Knows no server.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from whet.errors import InputError
from whet.models.adapter_folder import CONFIG, WEIGHTS, check_adapter, with_adapter
from whet.models.decoder import load_decoder, load_tokenizer
from whet.models.layout import Conversation, encode, render
from whet.models.quiet import quiet_transformers
from whet.records import Turn
from whet.store import make_folder, read_json, write_json, write_text

if TYPE_CHECKING:
    from whet.models.layout import Layout
    from whet.release.exports.parts import WriterParts

TEMPLATE = "chat_template.jinja"
TURNS = (
    "{%- for message in messages -%}{{ message['content'] }}"
    "{{- eos_token if message['role'] == 'assistant' else '\\n' }}{%- endfor -%}"
)
"""The plain layout, after what stands before every text."""
TRIES = (
    (Turn("user", "A try."),),
    (Turn("system", "be brief"), Turn("user", " x"), Turn("assistant", "Yes"), Turn("user", "2 more\nlines")),
)


def write_adapter(parts: WriterParts, folder: Path) -> list[str]:
    """A stock adapter with its tokenizer.

    Returns:
        what the user should know.

    Raises:
        InputError: there is no adapter.
    """
    if parts.adapter is None or parts.copied:
        own = "the weights are those of the model itself"
        why = "its base lies in the specialist alone" if parts.adapter else own
        what = f"there is no adapter that another program could use: {why}."
        raise InputError(what, where=parts.source.name, fix="whet export ... --to merged")
    check_adapter(parts.adapter, parts.source.name)
    make_folder(folder)
    for name in (CONFIG, WEIGHTS):
        shutil.copyfile(parts.adapter / name, folder / name)
    base = base_name(parts)
    write_json(folder / CONFIG, {**read_json(folder / CONFIG), "base_model_name_or_path": base})
    write_tokenizer(parts, folder)
    return [f"it goes onto the base {base}, whose weights have SHA-256 {parts.source.sha256}"]


def base_name(parts: WriterParts) -> str:
    """The base as another library finds it: its id, or its folder."""
    return str(parts.source.folder.resolve()) if parts.source.local else parts.source.name


def write_merged(parts: WriterParts, folder: Path) -> list[str]:
    """The whole model in fp32, an adapter added into its weights.

    Raises:
        InputError: the adapter does not fit.
    """
    model = load_decoder(parts.source, "fp32").eval()
    if parts.adapter is not None:
        model = with_adapter(model, parts.adapter, parts.source.name, merge=True)
    with quiet_transformers():
        model.save_pretrained(folder, safe_serialization=True)
    write_tokenizer(parts, folder)
    return ["weights are in fp32, so that merging rounds nothing away"]


def write_tokenizer(parts: WriterParts, folder: Path) -> None:
    """The tokenizer's files, with a chat template whether the base has one or not."""
    tokenizer = load_tokenizer(parts.source)
    if tokenizer.chat_template is None:
        tokenizer.chat_template = plain_template(parts.layout)
    with quiet_transformers():
        tokenizer.save_pretrained(folder)
    if not (folder / TEMPLATE).is_file() and isinstance(tokenizer.chat_template, str):
        write_text(folder / TEMPLATE, tokenizer.chat_template)


def plain_template(layout: Layout) -> str:
    """The plain layout as Jinja: what stands before any text, then turn by turn.

    Raises:
        InputError: no template makes this tokenizer give the same tokens.
    """
    tokenizer = layout.tokenizer
    lead = "".join(
        "{{- bos_token -}}"
        if token == tokenizer.bos_token_id
        else _quoted(tokenizer.convert_ids_to_tokens(token))
        for token in layout.lead
    )
    # Some tokenizers put a space before a text, and none after a special token.
    for template in (lead + TURNS, lead + _quoted(" ") + TURNS):
        if _as_laid(layout, template):
            return template
    raise InputError(
        "no chat template gives the tokens that this model was trained on, and its tokenizer has none.",
        where="chat_template",
        fix="serve it with `whet serve`, or train a model that comes with a chat template.",
    )


def _as_laid(layout: Layout, template: str) -> bool:
    """Whether a template gives the layout's own tokens."""
    rows = [Conversation(turns, "a try") for turns in TRIES]
    ours = encode(layout, [render(layout, row, prompt=True) for row in rows])
    for row, own in zip(rows, ours, strict=True):
        messages = [{"role": turn.role, "content": turn.text} for turn in row.turns]
        told = layout.tokenizer.apply_chat_template(
            messages, chat_template=template, add_generation_prompt=True, return_dict=True
        )
        if list(told["input_ids"]) != list(own.ids):
            return False
    return True


def _quoted(text: str) -> str:
    return "{{- " + json.dumps(text, ensure_ascii=False) + " -}}"
