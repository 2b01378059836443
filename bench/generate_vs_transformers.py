"""Our generation against ``transformers`` generate with a batch: same model, prompts, machine, interleaved.

    python bench/generate_vs_transformers.py [--prompt 300 --inputs 64 --input 40 --tokens 24 --layers 30]

The model is a Llama of 135M (30 layers, 576 wide, vocabulary 49,152) with random weights; ``--layers`` makes
it smaller. Every input stands behind one instruction. Three jobs, each by both arms in turn, ``--rounds``
times, after two inputs that are not counted:

- ``free``: greedy, no form. Ours runs under a form that allows everything, so that the same texts show that a
  form which does not bind changes nothing.
- ``json``: greedy under a JSON Schema. transformers gets the same masks of llguidance as a logits processor.
- ``labels``: how probable each of 20 labels is. Ours reads a tree of their tokens once; transformers searches
  with 20 beams that may only follow the labels, the way of ``generate`` to the same 20 probabilities.
- ``label``: only which of the 20. transformers decodes greedily along their tokens: less work, no
  probability, and another question (the likeliest first token need not begin the likeliest label).

The prompts are left-padded for transformers, as its documentation says. Prints one JSON line: seconds of each
arm (median of the rounds), the ratios, and the share of inputs with the same text.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import platform
import random
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import torch

from whet.models.base import Form, Request
from whet.models.layout import Conversation, encode, layout_of, render
from whet.models.packed import pack
from whet.models.writer import DecoderWriter
from whet.records import Turn

SHAPE = {
    "vocab_size": 49_152,
    "hidden_size": 576,
    "intermediate_size": 1_536,
    "num_hidden_layers": 30,
    "num_attention_heads": 9,
    "num_key_value_heads": 3,
    "tie_word_embeddings": True,
    "max_position_embeddings": 4_096,
    "bos_token_id": 0,
    "eos_token_id": 0,
    "pad_token_id": 0,
}
SCHEMA = {
    "type": "object",
    "properties": {
        "queue": {"enum": ["late_delivery", "refund", "login", "other"]},
        "city": {"type": "string", "maxLength": 8},
        "parcels": {"type": "integer", "minimum": 0, "maximum": 99},
        "urgent": {"type": "boolean"},
    },
    "required": ["queue", "city", "parcels", "urgent"],
    "additionalProperties": False,
}
LABELS = tuple(
    f"{what}_{thing}"
    for what in ("late", "lost", "wrong", "cancel")
    for thing in ("parcel", "card", "payment", "refund", "login")
)
LONGEST_JSON = 60
ROUNDING = 0.1
"""Of a label's log-probability, summed over its tokens in bf16."""
Job = Callable[[str, Sequence[tuple[Turn, ...]]], list[str]]
"""From an arm and what is asked to the texts."""


def main() -> None:
    arguments = parse()
    arms = both(arguments)
    writer = arms["whet"]
    asked = prompts(arguments, writer)
    jobs: dict[str, Job] = {
        "free": lambda arm, part: free(arguments, arms[arm], part, arm),
        "json": lambda arm, part: formed(arms[arm], part, arm),
        "labels": lambda arm, part: scored(arms[arm], part, arm, arguments.beamed),
        "label": lambda arm, part: labelled(arms[arm], part, arm),
    }
    line: dict[str, Any] = {"bench": "generate_vs_transformers", **vars(arguments), **machine(writer)}
    for name in arguments.jobs:
        line[name] = measured(jobs[name], asked, arguments.rounds)
        print(json.dumps({name: line[name]}), file=sys.stderr, flush=True)
    print(json.dumps(line))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name, value in (("prompt", 300), ("inputs", 64), ("input", 40), ("tokens", 24), ("rounds", 3)):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--layers", type=int, default=SHAPE["num_hidden_layers"])
    parser.add_argument("--jobs", nargs="+", default=["free", "json", "labels", "label"])
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32", help="of both arms")
    parser.add_argument("--beamed", type=int, default=8, help="inputs that transformers searches for at once")
    return parser.parse_args()


def machine(writer: DecoderWriter) -> dict[str, Any]:
    about = Path("/proc/cpuinfo")
    lines = about.read_text().splitlines() if about.is_file() else []
    name = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "")
    return {
        "processor": name or platform.processor(),
        "threads": torch.get_num_threads(),
        "parameters": sum(parameter.numel() for parameter in writer.model.parameters()),
        "torch": torch.__version__,
    }


def measured(job: Job, asked: Sequence[tuple[Turn, ...]], rounds: int) -> dict[str, Any]:
    """Seconds of both arms, in a random order in each round, and how many texts are the same."""
    seconds: dict[str, list[float]] = {"whet": [], "transformers": []}
    texts = dict[str, list[str]]()
    rng = random.Random(0)
    for arm in seconds:
        job(arm, asked[:2])
    for _ in range(rounds):
        for arm in rng.sample(list(seconds), 2):
            start = time.perf_counter()
            texts[arm] = job(arm, asked)
            seconds[arm].append(time.perf_counter() - start)
    medians = {arm: statistics.median(found) for arm, found in seconds.items()}
    same = [alike(one, other) for one, other in zip(texts["whet"], texts["transformers"], strict=True)]
    return {
        "seconds": medians,
        "all_seconds": seconds,
        "ratio": medians["transformers"] / medians["whet"],
        "same_texts": sum(same) / len(same),
    }


def both(arguments: argparse.Namespace) -> dict[str, DecoderWriter]:
    """The same weights twice: ours laid out as ``open_writer`` does it, theirs as transformers loads them."""
    from transformers import AutoModelForCausalLM, LlamaConfig

    torch.manual_seed(0)
    config = LlamaConfig(**{**SHAPE, "num_hidden_layers": arguments.layers})
    dtype = torch.bfloat16 if arguments.precision == "bf16" else torch.float32
    model = AutoModelForCausalLM.from_config(config, dtype=dtype, attn_implementation="sdpa").eval()
    own = copy.deepcopy(model)
    pack(own)
    writer = DecoderWriter("random", own, layout_of(tokenizer()), frozenset({0}), 4_096)
    return {"whet": writer, "transformers": replace(writer, model=model)}


@cache
def tokenizer() -> Any:
    """A byte-level BPE, trained on this repository's own text."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=8_000,
        special_tokens=[AddedToken("<end>", special=True, normalized=False)],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    root = Path(__file__).resolve().parent.parent
    files = sorted([*root.glob("src/**/*.py"), *root.glob("docs/*.md"), *root.glob("*.md")])
    made.train_from_iterator((file.read_text(encoding="utf-8") for file in files), trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=made, bos_token="<end>", eos_token="<end>", pad_token="<end>", padding_side="left"
    )


def prompts(arguments: argparse.Namespace, writer: DecoderWriter) -> list[tuple[Turn, ...]]:
    """One instruction of about ``prompt`` tokens, and inputs of ``input`` tokens, give or take a quarter."""
    rng = random.Random(0)
    begun = [word[1:] for word in tokenizer().get_vocab() if word.startswith("Ġ")]
    words = sorted(word for word in begun if word.isalpha() and word.isascii())

    def text(tokens: int) -> str:
        return " ".join(rng.choice(words) for _ in range(tokens))

    instruction = text(arguments.prompt)
    sizes = [rng.randint(3 * arguments.input // 4, 5 * arguments.input // 4) for _ in range(arguments.inputs)]
    return [(Turn("system", instruction), Turn("user", text(size))) for size in sizes]


def free(
    arguments: argparse.Namespace, writer: DecoderWriter, asked: Sequence[tuple[Turn, ...]], arm: str
) -> list[str]:
    if arm == "whet":
        form = Form(regex="(?s:.)*")
        return said(writer, [Request(turns, arguments.tokens, form) for turns in asked])
    return generated(writer, asked, arguments.tokens, allowed=(writer, Form(regex="(?s:.)*")))


def formed(writer: DecoderWriter, asked: Sequence[tuple[Turn, ...]], arm: str) -> list[str]:
    form = Form(schema=SCHEMA)
    if arm == "whet":
        found = said(writer, [Request(turns, LONGEST_JSON, form) for turns in asked])
        for text in found:
            json.loads(text)
        return found
    return generated(writer, asked, LONGEST_JSON, allowed=(writer, form))


def labelled(writer: DecoderWriter, asked: Sequence[tuple[Turn, ...]], arm: str) -> list[str]:
    if arm == "whet":
        return said(writer, [Request(turns, form=Form(choices=LABELS)) for turns in asked])
    following, most = along(LABELS)
    return generated(writer, asked, most, prefix_allowed_tokens_fn=following(asked))


def scored(writer: DecoderWriter, asked: Sequence[tuple[Turn, ...]], arm: str, beamed: int) -> list[str]:
    """The labels of each input, the likeliest first, with their log-probabilities: as a line of text."""
    if arm == "whet":
        answers = writer.answer([Request(turns, form=Form(choices=LABELS)) for turns in asked])
        return [ranked(dict(zip(LABELS, map(math.log, one.choices), strict=True))) for one in answers]
    return [
        line
        for start in range(0, len(asked), beamed)
        for line in searched(writer, asked[start : start + beamed])
    ]


def ranked(found: dict[str, float]) -> str:
    """Log-probabilities among the labels, as JSON."""
    top = max(found.values())
    total = top + math.log(sum(math.exp(value - top) for value in found.values()))
    return json.dumps({name: found[name] - total for name in sorted(found)})


def alike(one: str, other: str) -> bool:
    """The same text, or the same labels with log-probabilities that differ by rounding alone."""
    if not one.startswith('{"cancel_'):
        return one == other
    ours, theirs = json.loads(one), json.loads(other)
    same: bool = ours.keys() == theirs.keys()
    return same and bool(max(abs(ours[name] - theirs[name]) for name in ours) < ROUNDING)


def searched(writer: DecoderWriter, asked: Sequence[tuple[Turn, ...]]) -> list[str]:
    """Beams for all labels: their sums of log-probabilities, not divided by length."""
    following, most = along(LABELS)
    batch = padded(writer, asked)
    with torch.no_grad():
        found = writer.model.generate(
            **batch,
            max_new_tokens=most,
            do_sample=False,
            num_beams=len(LABELS),
            num_return_sequences=len(LABELS),
            length_penalty=0.0,
            early_stopping="never",
            prefix_allowed_tokens_fn=following(asked),
            return_dict_in_generate=True,
            output_scores=True,
        )
    own = found.sequences[:, batch["input_ids"].shape[1] :]
    texts = tokenizer().batch_decode(own, skip_special_tokens=True)
    values = found.sequences_scores.tolist()
    rows = [
        dict(zip(texts[at : at + len(LABELS)], values[at : at + len(LABELS)], strict=True))
        for at in range(0, len(texts), len(LABELS))
    ]
    return [ranked(row) for row in rows]


def along(labels: Sequence[str]) -> tuple[Callable[[Any], Callable[[int, Any], list[int]]], int]:
    """For ``prefix_allowed_tokens_fn``: what may follow along the labels, and how many tokens they have."""
    tokens = [(*tokenizer()(label, add_special_tokens=False)["input_ids"], 0) for label in labels]
    after = dict[tuple[int, ...], list[int]]()
    for label in tokens:
        for at, token in enumerate(label):
            after.setdefault(label[:at], []).append(token)

    def following(asked: Any) -> Callable[[int, Any], list[int]]:
        begun = list[int]()

        def next_ones(row: int, ids: Any) -> list[int]:
            if not begun:
                begun.append(len(ids))
            return sorted(set(after.get(tuple(ids.tolist()[begun[0] :]), [0])))

        return next_ones

    return following, max(map(len, tokens))


def said(writer: DecoderWriter, requests: list[Request]) -> list[str]:
    return [answer.text for answer in writer.answer(requests)]


def generated(
    writer: DecoderWriter,
    asked: Sequence[tuple[Turn, ...]],
    most: int,
    *,
    allowed: tuple[DecoderWriter, Form] | None = None,
    **more: Any,
) -> list[str]:
    """What transformers writes for the same tokens."""
    batch = padded(writer, asked)
    if allowed is not None:
        more["logits_processor"] = [Masked(*allowed, len(asked))]
    with torch.no_grad():
        whole = writer.model.generate(**batch, max_new_tokens=most, do_sample=False, **more)
    own = whole[:, batch["input_ids"].shape[1] :]
    return [str(text) for text in tokenizer().batch_decode(own, skip_special_tokens=True)]


def padded(writer: DecoderWriter, asked: Sequence[tuple[Turn, ...]]) -> Any:
    """The same tokens as ours, padded on the left."""
    texts = [render(writer.layout, Conversation(turns, "bench"), prompt=True) for turns in asked]
    ids = [list(encoded.ids) for encoded in encode(writer.layout, texts)]
    return tokenizer().pad({"input_ids": ids}, return_tensors="pt")


class Masked:
    """A logits processor of transformers with llguidance's masks, as its documentation shows it."""

    def __init__(self, writer: DecoderWriter, form: Form, rows: int):
        self._guides = [writer.forms.guide(form) for _ in range(rows)]
        self._matchers = [guide.matcher for guide in self._guides]
        self._started = False

    def __call__(self, ids: Any, logits: Any) -> Any:
        import llguidance.numpy

        mask = llguidance.numpy.allocate_token_bitmask(len(self._matchers), logits.shape[1])
        for row, matcher in enumerate(self._matchers):
            if self._started and not matcher.is_stopped():
                matcher.consume_token(int(ids[row, -1]))
            llguidance.numpy.fill_next_token_bitmask(matcher, mask, row)
        self._started = True
        values = logits.float().numpy()
        llguidance.numpy.apply_token_bitmask_inplace(values, mask)
        return torch.from_numpy(values)


if __name__ == "__main__":
    main()
