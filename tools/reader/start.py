"""The reader's weights before it learns: random, but for some heads that are laid to look up and copy.

    words     those of one topic start near each other; what speaks of something is told from what does not
    layer 0   heads 0, 1 look one and two tokens back and write down what stands there (W1, W2);
              head 2 does nothing yet; head 3 gathers what speaks of something among the last tokens (G)
    layer 1   head 0: where what stood before is what I am               ->  copy what came then  (own, W1)
              head 1: where that is so, and for the two before as well    ->  copy  (own, W1 and W1, W2)
              head 2: where a line of a list began, shortly before        ->  write down its name  (L)
              head 3: where an answer began, after words like mine        ->  copy  (own, W1 and G, G)
    layer 2   head 0: where words like mine were gathered                 ->  copy  (G, G)
              head 1: the same                                            ->  copy the name of that line  (L)

Such heads form by themselves (Olsson and others, "In-context Learning and Induction Heads", arXiv
2209.11895), but late; on two cores, training would spend its hours waiting for them. Beginning near what will
be needed: Trockman and Kolter, "Mimetic Initialization", arXiv 2305.09828; the construction here is our own.
All of it is trained like the rest. d 256, 4 heads of 64 [dims], RoPE pairs i with i + 32.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from reader.lists import Topic

THETA = 100_000.0
SPREAD = 0.1
"""Of embeddings: what is laid on them must not be worn away by the first steps."""
COMMON = 0.05
"""In each dimension, a vector that all tokens share: what heads that know only distances ask with."""
TELLING = 0.8
"""Length of a second one, by which tokens differ that speak of something."""
SHARP = 0.9
FAST = 6
"""Pairs of dimensions that tell distances; the slow ones, from ``SLOW`` on, tell tokens."""
SLOW = 12
NEARBY = (6, 7, 8)
"""Pairs that tell whether a token is among the last dozen."""
WRITE, MATCH, COPY = 0.55, 2.2, 1.8
FAINT = 0.7
"""``COPY`` of heads that compare what was gathered: they are wrong more often."""
GATHER, LOCAL, CHOOSY = 0.6, 0.5, 1.0
BEGUN, NAMED, TOLD, DEEP = 2.5, 1.2, 1.8, 2.2
"""How surely the name on a line is seen, how loudly it is written down and said, and how sharply a deep head
looks: what was gathered is a smaller part of what stands there by then."""
NEAR = 0.75
"""How much of its topic's vector a word starts with; the rest is its own, and the whole as long as others."""
LETTERS = 4
W = 40
"""Rows of the frames that one token is written into; the others have as many as a head."""


class Meeting(NamedTuple):
    """What a head compares: what ``asked`` reads here with what ``there`` reads at other places."""

    asked: Tensor
    there: Tensor
    rows: int
    scale: float = 1.0


def lay(model: Any, topics: Mapping[int, int], telling: Tensor, marks: tuple[int, int], seed: int) -> None:
    """Lay the heads into a Llama of ``transformers``, in place.

    Args:
        topics: tokens that speak of one topic only, and which one it is.
        telling: of each token, from -1 to 1, how much it speaks of something [tokens].
        marks: the tokens before the name on a line of a list: the mark of the line, and the space after it.
    """
    rng = torch.Generator().manual_seed(seed)
    layers, width = model.model.layers, model.config.hidden_size
    head = width // model.config.num_attention_heads
    common = torch.randn(width, generator=rng).sign()
    (speaks,), w1, w2, line, own, gathered = _frames(rng, common, (1, W, W, W, head, head))
    with torch.no_grad():
        words = model.model.embed_tokens.weight
        words.copy_(SPREAD * _near(torch.randn(words.shape, generator=rng), topics, rng) + COMMON * common)
        words -= (words @ speaks)[:, None] * speaks
        words += TELLING * telling[:, None] * speaks
        for layer in layers:  # what is not laid says nothing yet: random words would drown the others
            layer.mlp.down_proj.weight.zero_()
            layer.self_attn.o_proj.weight.zero_()
        first, second, third = (layer.self_attn for layer in layers[:3])
        for back, frame in enumerate((w1, w2)):
            _look_back(first, _part(back, head), common / width**0.5, back + 1)
            _pass_on(first, _part(back, head), own, frame, WRITE)
        _gather(first, _part(3, head), common / width**0.5, speaks)
        _pass_on(first, _part(3, head), own, gathered, GATHER)
        here, before, like = Meeting(own, w1, W), Meeting(w1, w2, W // 2), Meeting(gathered, gathered, W)
        half = here._replace(rows=W // 2)
        began = here._replace(rows=12), like._replace(rows=28)
        for place, met in ((0, [here]), (1, [half, before]), (3, began)):
            _find(second, _part(place, head), met)
            _pass_on(second, _part(place, head), own, own, FAINT if met is began else COPY)
        mark, space = (own[:W] @ _unit(words[token]) for token in marks)
        _gather(second, _part(2, head), common / width**0.5, BEGUN * (w1.T @ space + w2.T @ mark))
        _pass_on(second, _part(2, head), own, line, NAMED)
        for place, read in enumerate((own, line)):
            _find(third, _part(place, head), [like._replace(scale=DEEP)])
            _pass_on(third, _part(place, head), read, own, FAINT if read is own else TOLD)


def telling_of(tokenizer: Any, topics: Mapping[int, int], plain: Sequence[str]) -> Tensor:
    """How much each token speaks of something: words of topics most, letters and digits some, marks and the
    words of ``plain`` texts not."""
    silent = {token for text in plain for token in tokenizer(text, add_special_tokens=False)["input_ids"]}
    found = torch.full((len(tokenizer),), -1.0)
    for token in range(len(tokenizer)):
        text = tokenizer.decode([token])
        if text.isalnum() and token not in silent and token not in tokenizer.all_special_ids:
            found[token] = 1.0 if token in topics else 0.4
    return found


def of_topics(tokenizer: Any, topics: Sequence[Topic]) -> dict[int, int]:
    """Tokens of at least four letters that stand in the words, names and definitions of one topic alone."""
    found = dict[int, set[int]]()
    for number, topic in enumerate(topics):
        text = " ".join((topic.name, *topic.words, *topic.said))
        for token in tokenizer(text, add_special_tokens=False)["input_ids"]:
            if len(tokenizer.decode([token]).strip()) >= LETTERS:
                found.setdefault(token, set()).add(number)
    return {token: min(of) for token, of in found.items() if len(of) == 1}


def _unit(vector: Tensor) -> Tensor:
    return torch.nn.functional.normalize(vector, dim=0)


def _part(place: int, head: int) -> slice:
    return slice(place * head, (place + 1) * head)


def _near(words: Tensor, topics: Mapping[int, int], rng: torch.Generator) -> Tensor:
    """Random vectors [tokens, d], those of one topic near each other, as word vectors are."""
    middles = torch.randn(1 + max(topics.values()), words.shape[1], generator=rng)
    rows = list(topics)
    words[rows] = (1 - NEAR**2) ** 0.5 * words[rows] + NEAR * middles[list(topics.values())]
    return words


def _look_back(attention: Any, part: slice, common: Tensor, back: int) -> None:
    """A head that looks at the token ``back`` before: its queries and keys are alike for all tokens, turned
    against each other by as much as RoPE turns them in ``back`` steps."""
    head = part.stop - part.start
    query, key = torch.zeros(head), torch.zeros(head)
    pairs = torch.arange(FAST)
    turn = back * THETA ** (-2.0 * pairs / head)
    query[pairs] = 1.0
    key[pairs], key[pairs + head // 2] = turn.cos(), turn.sin()
    attention.q_proj.weight[part] = SHARP * query[:, None] * common
    attention.k_proj.weight[part] = SHARP * key[:, None] * common


def _gather(attention: Any, part: slice, common: Tensor, speaks: Tensor) -> None:
    """A head that looks at those of the last tokens that speak of something."""
    head = part.stop - part.start
    local, still = torch.zeros(head), torch.zeros(head)
    local[list(NEARBY)] = LOCAL
    still[head // 2 - 1] = CHOOSY
    attention.q_proj.weight[part] = (local + still)[:, None] * common
    attention.k_proj.weight[part] = local[:, None] * common + still[:, None] * speaks


def _find(attention: Any, part: slice, meetings: Sequence[Meeting]) -> None:
    """A head that looks where all its meetings agree."""
    head = part.stop - part.start
    slow = [place for place in range(head) if place % (head // 2) >= SLOW]
    attention.q_proj.weight[part] = 0
    attention.k_proj.weight[part] = 0
    taken = 0
    for asked, there, rows, scale in meetings:
        places = [part.start + place for place in slow[taken : taken + rows]]
        attention.q_proj.weight[places] = MATCH * scale * asked[:rows]
        attention.k_proj.weight[places] = MATCH * scale * there[:rows]
        taken += rows


def _pass_on(attention: Any, part: slice, read: Tensor, written: Tensor, scale: float) -> None:
    """What ``read`` sees is written into ``written``; rows that one of them lacks are zero."""
    count = min(len(read), len(written))
    attention.v_proj.weight[part] = 0
    attention.o_proj.weight[:, part] = 0
    part = slice(part.start, part.start + count)
    attention.v_proj.weight[part] = scale * read[:count]
    attention.o_proj.weight[:, part] = scale * written[:count].T


def _frames(rng: torch.Generator, common: Tensor, sizes: Sequence[int]) -> list[Tensor]:
    """Orthonormal rows, [size, width] of each size, that see nothing of each other and of ``common``."""
    drawn = torch.randn(len(common), sum(sizes), generator=rng)
    basis = torch.linalg.qr(torch.cat([common[:, None], drawn], dim=1))[0].T
    return list(basis[1:].split(list(sizes)))
