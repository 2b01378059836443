"""An Ollama Modelfile beside the merged model: its template, where an answer stops, what the model is told.

    FROM ./model | TEMPLATE turn by turn | SYSTEM instruction | PARAMETER stop, temperature, num_ctx

``ollama create NAME -f Modelfile`` reads it. Demonstrations become MESSAGE lines. Source: Ollama's
description of the Modelfile. Knows no training.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from whet.errors import InputError
from whet.models.folder import UNSET_LENGTH
from whet.release.exports.decoders import write_merged
from whet.release.exports.turnwise import Turnwise, read_go, turnwise
from whet.store import make_folder, write_text

if TYPE_CHECKING:
    from whet.release.exports.parts import WriterParts

MODELFILE, MODEL = "Modelfile", "model"
_TEMPLATE = re.compile(r'^TEMPLATE """(.*?)"""$', re.DOTALL | re.MULTILINE)


def write_ollama(parts: WriterParts, folder: Path) -> list[str]:
    """The merged model and its Modelfile.

    Raises:
        InputError: the template, or what the model is told, cannot be said there.
    """
    pieces = turnwise(parts.layout)
    text = "\n".join([f"FROM ./{MODEL}", f'TEMPLATE """{pieces.go()}"""', *_lines(parts)]) + "\n"
    make_folder(folder)
    notes = write_merged(parts, folder / MODEL)
    write_text(folder / MODELFILE, text)
    held = ["answers that were held to a form are free there, unless a request names its `format`"]
    return [*notes, *(held if parts.example.form is not None else [])]


def read_modelfile(path: Path) -> Turnwise | None:
    """The template of a Modelfile that ``write_ollama`` wrote; None where it is another."""
    found = _TEMPLATE.search(path.read_text(encoding="utf-8"))
    return read_go(found[1]) if found else None


def _lines(parts: WriterParts) -> list[str]:
    *before, _ = parts.example.turns
    lines = []
    for turn in before:
        if '"""' in turn.text:
            raise InputError('the instruction holds """, which a Modelfile cannot.', fix="take it out.")
        kind = "SYSTEM" if turn.role == "system" else f"MESSAGE {turn.role}"
        lines.append(f'{kind} """{turn.text}"""')
    tokenizer = parts.layout.tokenizer
    stops = [tokenizer.convert_ids_to_tokens(token) for token in sorted(parts.ends)]
    lines += [f'PARAMETER stop "{stop}"' for stop in stops if stop and '"' not in stop and "\n" not in stop]
    lines += ["PARAMETER temperature 0", f"PARAMETER num_predict {parts.example.tokens}"]
    context = parts.source.context
    return [*lines, *([f"PARAMETER num_ctx {context}"] if context < UNSET_LENGTH else [])]
