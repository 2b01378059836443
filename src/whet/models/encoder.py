"""A sentence encoder: texts to unit vectors, fast and the same in any batch.

Any encoder that ``transformers.AutoModel`` loads. Texts run in batches of like length, so that little
is spent on padding; a text longer than the model's context is read in windows whose tokens are pooled
together, never cut. ``precise`` runs in fp32, where a text's vector does not depend on its batch
(differences under 1e-6); otherwise bf16 is used where the processor multiplies it natively, three
times as fast here and 1e-3 away. Knows no labels.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from whet.halves import whole
from whet.models.batches import length_batches

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import torch
    from numpy.typing import NDArray

    from whet.models.source import EncoderSource

BATCH_TOKENS = 1024  # larger batches fall out of the cache: 64 texts of 45 tokens take 1.3 times as long


@dataclass(frozen=True, slots=True)
class Encoded:
    """Unit vectors [n, dim] fp32, tokens read per text [n], and what that cost in seconds."""

    vectors: NDArray[np.float32]
    tokens: NDArray[np.int64]
    seconds: float


class TextEncoder(Protocol):
    """What rungs ask of an encoder."""

    @property
    def source(self) -> EncoderSource: ...

    def encode(self, texts: Sequence[str], *, precise: bool = True) -> Encoded: ...


@dataclass(frozen=True, slots=True)
class Windows:
    """Token ids of texts: one or more windows each, every one within the model's context."""

    ids: list[list[int]]
    owner: list[int]
    """The text each window belongs to."""
    count: int
    """How many texts."""

    def lengths(self) -> list[int]:
        return [len(window) for window in self.ids]

    def tokens(self) -> NDArray[np.int64]:
        """Tokens per text [count]."""
        return np.bincount(self.owner, weights=self.lengths(), minlength=self.count).astype(np.int64)


@dataclass(frozen=True, slots=True)
class TokenBatch:
    """Padded ids [rows, length], mask [rows, length] or None without padding, and the owners."""

    ids: torch.Tensor
    mask: torch.Tensor | None
    owner: torch.Tensor
    """Which of the batch's texts a row belongs to [rows], 0-based."""
    texts: list[int]
    """The texts of this batch, as indices into the whole."""


class Encoder:
    """A model of transformers with its tokenizer, loaded on first use."""

    def __init__(
        self,
        source: EncoderSource,
        *,
        models: dict[str, Any] | None = None,
        tell: Callable[[int, int], None] | None = None,
    ):
        """``models`` by precision (``fp32``, ``bf16``) replaces the source's own weights."""
        self._source = source
        self._tell = tell
        self._models: dict[str, Any] = models or {}
        self._tokenizer: Any = None

    @property
    def source(self) -> EncoderSource:
        return self._source

    def encode(self, texts: Sequence[str], *, precise: bool = True) -> Encoded:
        """Unit vectors of texts, in their order."""
        import torch

        start = time.perf_counter()
        windows = self.tokenize(texts)
        model = self.model("fp32" if precise or not native_bf16() else "bf16")
        vectors = torch.zeros(windows.count, self._source.dim)
        done = 0
        with torch.inference_mode():
            for rows in length_batches(windows.lengths(), BATCH_TOKENS):
                batch = collate(windows, rows, self.pad_id)
                hidden = model(input_ids=batch.ids, attention_mask=batch.mask).last_hidden_state
                vectors.index_add_(0, torch.tensor(batch.texts), self._sums(hidden, batch))
                done += len(rows)
                if self._tell:
                    self._tell(done, len(windows.ids))
        unit = torch.nn.functional.normalize(vectors, dim=1).numpy()
        return Encoded(unit, windows.tokens(), time.perf_counter() - start)

    def _sums(self, hidden: torch.Tensor, batch: TokenBatch) -> torch.Tensor:
        """Summed token vectors per text of the batch; normalising later makes sums into means."""
        return pooled_sums(hidden, batch, self._source.pooling)

    def tokenize(self, texts: Sequence[str]) -> Windows:
        """Token windows of texts; nothing is cut off."""
        encoded = self.tokenizer(
            list(map(whole, texts)),
            truncation=True,
            max_length=self._source.context,
            return_overflowing_tokens=True,
        )
        owner = [int(i) for i in encoded["overflow_to_sample_mapping"]]
        return Windows(list(encoded["input_ids"]), owner, len(texts))

    @property
    def tokenizer(self) -> Any:
        if self._tokenizer is None:
            from whet.models.quiet import quiet_transformers

            with quiet_transformers() as transformers:
                self._tokenizer = transformers.AutoTokenizer.from_pretrained(self._source.folder)
        return self._tokenizer

    @property
    def pad_id(self) -> int:
        return int(self.tokenizer.pad_token_id or 0)

    def model(self, precision: str) -> Any:
        """The bare model in ``fp32`` or ``bf16``."""
        if precision not in self._models:
            self._models[precision] = load_model(self._source, precision).eval()
        return self._models[precision]


def load_model(source: EncoderSource, precision: str, **config: Any) -> Any:
    """The bare model in ``fp32`` or ``bf16``; ``config`` overrides its configuration."""
    import torch

    from whet.models.quiet import quiet_transformers

    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    with quiet_transformers() as transformers:
        model = transformers.AutoModel.from_pretrained(
            source.folder, dtype=dtype, use_safetensors=True, **config
        )
    if getattr(model, "pooler", None) is not None:
        model.pooler = None  # pooling is ours; its weights would only be carried along
    return model


def collate(windows: Windows, rows: list[int], pad_id: int) -> TokenBatch:
    """The windows ``rows`` as one padded batch."""
    import torch

    longest = max(len(windows.ids[row]) for row in rows)
    ids = torch.full((len(rows), longest), pad_id, dtype=torch.long)
    mask = torch.zeros((len(rows), longest), dtype=torch.long)
    for index, row in enumerate(rows):
        window = windows.ids[row]
        ids[index, : len(window)] = torch.tensor(window)
        mask[index, : len(window)] = 1
    owners = [windows.owner[row] for row in rows]
    texts = list(dict.fromkeys(owners))
    place = {text: index for index, text in enumerate(texts)}
    full = all(len(windows.ids[row]) == longest for row in rows)
    owner = torch.tensor([place[text] for text in owners])
    return TokenBatch(ids, None if full else mask, owner, texts)


def pooled_sums(hidden: torch.Tensor, batch: TokenBatch, pooling: str) -> torch.Tensor:
    """Sum token vectors [rows, length, dim] to one vector a text [texts, dim], in fp32."""
    if pooling == "cls":
        row_sums = hidden[:, 0].float()
    elif batch.mask is None:
        row_sums = hidden.float().sum(dim=1)
    else:
        row_sums = (hidden.float() * batch.mask.unsqueeze(-1)).sum(dim=1)
    if len(batch.texts) == len(batch.owner):
        return row_sums
    sums = row_sums.new_zeros(len(batch.texts), row_sums.shape[1])
    return sums.index_add(0, batch.owner, row_sums)


def native_bf16() -> bool:
    """Whether this processor multiplies bf16 natively (AVX512-BF16 or AMX)."""
    import torch

    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
