"""The reader's tokenizer: byte-level pairs over words that stand alone, so that copies have the same tokens.

A space is a token of its own, but for one before a small word that nobody copies: ``apple`` after a space and
``apple`` at the beginning of an answer are then the same, and copying needs no table. Digits stand alone too.
Knows no model.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

BEGIN, END, PAD = "<|begin|>", "<|end|>", "<|pad|>"
ROLES = ("<|system|>", "<|user|>", "<|assistant|>")
VOCABULARY = 6400
SMALL = (
    "the|of|is|a|and|to|in|for|on|at|with|by|it|if|that|was|from|or|not|no|has|as|be|do|about|an|this|there"
    "|we|my|me"
)
PATTERN = rf" (?:{SMALL})\b|\d|\p{{L}}+|\s|[^\s\p{{L}}\d]+"
TEMPLATE = (
    "{{ bos_token }}{% for m in messages %}"
    "{% if m['role'] not in ['system', 'user', 'assistant'] %}"
    "{{ raise_exception('roles are system, user and assistant') }}{% endif %}"
    "{{ '<|' + m['role'] + '|>' + m['content'] + eos_token }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)


def tokenizer_of(texts: Iterable[str], context: int) -> Any:
    """A tokenizer of ``transformers``, trained on texts."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    found = Tokenizer(models.BPE())
    found.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PATTERN), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    found.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[PAD, BEGIN, END, *ROLES],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    found.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=found,
        bos_token=BEGIN,
        eos_token=END,
        pad_token=PAD,
        additional_special_tokens=list(ROLES),
        chat_template=TEMPLATE,
        model_max_length=context,
        clean_up_tokenization_spaces=False,
    )
