"""Vectors kept on disk, so that frozen encoders read every text once a run.

A shard is one safetensors file: vectors, token counts, the seconds they took, and the digests of the
texts. Hits give back the seconds that they saved, so that a rung's cost does not depend on which rung
came first. Knows no rungs.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import numpy as np

from whet.models.encoder import Encoded, native_bf16
from whet.store import make_folder, write_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from whet.models.encoder import TextEncoder
    from whet.models.source import EncoderSource

Entry = tuple[np.ndarray, int, float]  # vector [dim], tokens, seconds
Arrays = dict[str, np.ndarray]


class CachedEncoder:
    """An encoder that remembers: in memory, and in ``folder`` where there is one."""

    def __init__(self, encoder: TextEncoder, folder: Path | None = None):
        self._encoder = encoder
        self._folder = folder
        self._entries: dict[tuple[bool, str], Entry] = {}
        if folder is None:
            return
        for path in sorted(folder.glob(f"{encoder.source.sha256[:12]}-*.safetensors")):
            self._read(path)

    @property
    def source(self) -> EncoderSource:
        return self._encoder.source

    @property
    def inner(self) -> TextEncoder:
        return self._encoder

    def encode(self, texts: Sequence[str], *, precise: bool = True) -> Encoded:
        precise = precise or not native_bf16()  # without native bf16 both read alike: one reading serves both
        keys = [(precise, _digest(text)) for text in texts]
        new = {key: text for key, text in zip(keys, texts, strict=True) if key not in self._entries}
        if new:
            self._add(list(new), self._encoder.encode(list(new.values()), precise=precise))
        found = [self._entries[key] for key in keys]
        return Encoded(
            np.stack([vector for vector, _, _ in found]),
            np.array([tokens for _, tokens, _ in found]),
            float(sum(seconds for _, _, seconds in found)),
        )

    def _add(self, keys: list[tuple[bool, str]], encoded: Encoded) -> None:
        share = encoded.seconds * encoded.tokens / max(int(encoded.tokens.sum()), 1)
        arrays: Arrays = {"vectors": encoded.vectors, "tokens": encoded.tokens, "seconds": share}
        self._keep(keys, arrays)
        if self._folder is not None:
            self._write(self._folder, keys, arrays)

    def _write(self, folder: Path, keys: list[tuple[bool, str]], arrays: Arrays) -> None:
        from safetensors.numpy import save

        names = json.dumps([name for _, name in keys])
        data = save(arrays, metadata={"texts": names, "precise": str(int(keys[0][0]))})
        stem = f"{self.source.sha256[:12]}-{hashlib.sha256(names.encode()).hexdigest()[:12]}"
        make_folder(folder)
        write_bytes(folder / f"{stem}-{int(keys[0][0])}.safetensors", data)

    def _keep(self, keys: list[tuple[bool, str]], arrays: Arrays) -> None:
        for row, key in enumerate(keys):
            vector, tokens = arrays["vectors"][row], int(arrays["tokens"][row])
            self._entries[key] = (vector, tokens, float(arrays["seconds"][row]))

    def _read(self, path: Path) -> None:
        from safetensors import safe_open

        with safe_open(path, framework="numpy") as shard:
            about = shard.metadata()
            arrays = {name: shard.get_tensor(name) for name in ("vectors", "tokens", "seconds")}
        precise = about["precise"] == "1"
        self._keep([(precise, name) for name in json.loads(about["texts"])], arrays)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", errors="surrogatepass")).hexdigest()
