"""Conversations to tokens: what is learned, what is refused, and that nothing is cut in silence."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import chat_templates as templates
from tests.chat_templates import tokenizer
from whet.errors import InputError
from whet.models.layout import PLAIN, Conversation
from whet.models.messages import message
from whet.records import Turn
from whet.train.lengths import histogram, shorter
from whet.train.shown import shown
from whet.train.tokens import Tokenized, tokenize

SAID = {"s": "system", "u": "user", "a": "assistant", "t": "tool"}


def talk(*turns: str | tuple[str, float], source: str = "rows.jsonl:1", **more: Any) -> Conversation:
    """``talk("u where?", "a here", ("a there", 0.5))``"""
    made = []
    for turn in turns:
        text, weight = (turn, None) if isinstance(turn, str) else turn
        made.append(Turn(SAID[text[0]], text[2:], {} if weight is None else {"weight": weight}))
    return Conversation(tuple(made), source, **more)


def learned(found: Tokenized, used: Any, row: int = 0) -> list[tuple[str, float]]:
    """(text, weight) of each run of learned tokens."""
    runs, before = list[tuple[list[int], float]](), 0.0
    for number, weight in zip(found.rows[row].ids, found.rows[row].weights, strict=True):
        if weight and weight == before:
            runs[-1][0].append(number)
        elif weight:
            runs.append(([number], weight))
        before = weight
    return [(used.decode(ids), weight) for ids, weight in runs]


def refused(*conversations: Conversation, used: Any, **how: Any) -> str:
    with pytest.raises(InputError) as caught:
        tokenize(conversations, used, **how)
    return str(caught.value)


TWICE = talk("u where is my parcel?", "a  the answer is parcel ", "u and the refund?", "a refund!")


@pytest.mark.parametrize(
    ("template", "first", "last"),
    [
        (templates.CHATML, " the answer is parcel <|im_end|>", "refund!<|im_end|>"),
        (templates.LLAMA3, "the answer is parcel<|eot|>", "refund!<|eot|>"),
        (templates.GEMMA, "the answer is parcel<end_of_turn>", "refund!<end_of_turn>"),
        (templates.TIGHT, " the answer is parcel </s>", "refund!</s>"),
        (templates.MARKED, " the answer is parcel <|im_end|>", "refund!<|im_end|>"),
        (None, " the answer is parcel </s>", "refund!</s>"),
    ],
)
def test_answers_and_their_ends_are_learned_and_nothing_else(
    template: str | None, first: str, last: str
) -> None:
    used = tokenizer(template)
    found = tokenize([TWICE], used)
    assert learned(found, used) == [(first, 1.0), (last, 1.0)]
    assert learned(tokenize([TWICE], used, learn="last"), used) == [(last, 1.0)]
    assert used.decode(found.ends) == last.removeprefix("refund!")
    assert found.straddled == found.altered == ()


@pytest.mark.parametrize("template", [templates.CHATML, templates.LLAMA3, templates.TIGHT])
def test_tokens_are_those_of_the_library(template: str) -> None:
    used = tokenizer(template)
    messages = [{"role": turn.role, "content": turn.content} for turn in TWICE.turns]
    (row,) = tokenize([TWICE], used).rows
    assert list(row.ids) == used.apply_chat_template(messages)["input_ids"]
    asked = used.apply_chat_template(messages[:3], add_generation_prompt=True)["input_ids"]
    assert list(row.ids[: len(asked)]) == asked, "training reads what answering reads"


TEXT = st.text(st.sampled_from("ab é—\n🙂 parcel?"), max_size=12).map(str.strip)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(TEXT, TEXT, st.sampled_from([0, 0.5, 1])), min_size=1, max_size=4),
    st.sampled_from([templates.CHATML, templates.TIGHT, templates.LLAMA3, templates.MARKED, None]),
    st.booleans(),
)
def test_learned_tokens_are_exactly_the_answers_and_their_ends(
    turns: list[tuple[str, str, float]], template: str | None, trim: bool
) -> None:
    used = tokenizer(template, trim_offsets=trim)
    row = talk(*(turn for asked, said, weight in turns for turn in (f"u {asked}", (f"a {said}", weight))))
    end = {templates.TIGHT: "</s>", templates.LLAMA3: "<|eot|>", None: "</s>"}.get(template, "<|im_end|>")
    wanted = [(said + end, weight) for _, said, weight in turns if weight]
    if wanted:
        assert learned(tokenize([row], used), used) == wanted
    else:
        assert "weight 0" in refused(row, used=used)


def test_weights_of_turns_multiply() -> None:
    used = tokenizer(templates.CHATML)
    row = talk("u a", ("a b", 0), "u c", ("a d", 0.25), "u e", ("a f", 2))
    assert learned(tokenize([row], used), used) == [("d<|im_end|>", 0.25), ("f<|im_end|>", 2.0)]
    for wrong in (-1, float("nan"), float("inf"), True, "1"):
        said = refused(talk("u a", ("a b", wrong)), used=used)  # type: ignore[arg-type]
        assert "rows.jsonl:1: messages[1]: weight:" in said


def test_rows_with_nothing_to_learn_are_refused_by_line() -> None:
    used = tokenizer(templates.CHATML)
    good = talk("u a", "a b", source="rows.jsonl:1")
    bad = [talk("u a", source=f"rows.jsonl:{line}") for line in range(2, 27)]
    said = refused(good, *bad, used=used)
    assert "25 row(s) cannot be learned" in said
    assert "rows.jsonl:2: has no assistant turn." in said
    assert "rows.jsonl:21:" in said
    assert "rows.jsonl:22:" not in said
    assert "and 5 more" in said
    assert "weight 0" in refused(talk("u a", "a b", "u c", ("a d", 0)), used=used, learn="last")
    assert tokenize([good], used).learned == 2


def test_other_faults_of_other_rows_are_counted() -> None:
    used = tokenizer(templates.GEMMA)
    said = refused(talk("u a", source="r:1"), talk("u a", source="r:2"), talk("s a", "u b", "a c"), used=used)
    assert "2 row(s) cannot be learned as they stand (1 more with other faults)" in said


# Prefixes


def test_a_template_that_strips_earlier_thinking_is_told() -> None:
    used = tokenizer(templates.QWEN3)
    row = talk("u a", "a <think>\nhm\n</think>\n\nb", "u c", "a <think>\nwell\n</think>\n\nd")
    said = refused(row, used=used)
    assert "rows.jsonl:1: messages[1]: the chat template writes other text" in said
    assert "<think>\\nhm" in said
    assert "`learn: last`" in said
    found = tokenize([row], used, learn="last")
    assert learned(found, used) == [("<think>\nwell\n</think>\n\nd<|im_end|>", 1.0)]
    assert tokenize([talk("u a", ("a b", 0), "u c", "a d")], used).learned, "only learned turns must hold"


def test_the_opening_of_an_answer_must_be_what_training_reads() -> None:
    used = tokenizer(templates.QWEN3)
    row = talk("u a", "a b")
    assert learned(tokenize([row], used), used) == [("<think>\n\n</think>\n\nb<|im_end|>", 1.0)]
    found = tokenize([row], used, options={"enable_thinking": False})
    assert learned(found, used) == [("b<|im_end|>", 1.0)]
    thinking = talk("u a", "a <think>\nhm\n</think>\n\nb")
    said = refused(thinking, used=used, options={"enable_thinking": False})
    assert "before it is answered" in said
    assert "`enable_thinking`" in said


def test_a_template_that_ends_turns_otherwise_when_more_follow_is_told() -> None:
    used = tokenizer(templates.SEPARATED)
    said = refused(TWICE, used=used)
    turns = [{"role": turn.role, "content": turn.text} for turn in TWICE.turns[:2]]
    place = len(used.apply_chat_template(turns, tokenize=False)) - len("</s>")
    assert "messages[1]: the chat template writes other text where the answer ends the conv" in said
    assert f"at character {place + 1:,} 'parcel </s>' becomes 'parcel <|im_end|>" in said, "after the <"
    assert learned(tokenize([TWICE], used, learn="last"), used) == [("refund!</s>", 1.0)]


def test_marks_of_the_template_must_agree() -> None:
    without = refused(TWICE, used=tokenizer(templates.MARKED_WITHOUT_END))
    assert "marks of the chat template leave out '<|im_end|>'" in without
    opening = refused(TWICE, used=tokenizer(templates.MARKED_WITH_OPENING))
    assert "marks of the chat template take in '\\n'" in opening
    after = templates.MARKED.replace("'<|im_end|>' }}{% endgeneration %}{{ '\n' }}", "'<|im_end|>\n' }}")
    after = after.replace("'<|im_end|>\n' }}", "'<|im_end|>\n' }}{% endgeneration %}", 1)
    used = tokenizer(after)
    assert learned(tokenize([TWICE], used), used)[1] == ("refund!<|im_end|>", 1.0), "space after is free"


# Ends and beginnings


def test_a_turn_without_an_end_is_refused() -> None:
    said = refused(TWICE, used=tokenizer(templates.ENDLESS))
    assert "messages[1]: nothing ends the answer" in said
    assert "{{ eos_token }}" in said
    used = tokenizer(templates.ENDLESS)
    own = talk("u a", "a b</s>")
    assert learned(tokenize([own], used), used) == [("b</s>", 1.0)], "an end that the text has is one"
    stop = used.convert_tokens_to_ids("!")
    assert tokenize([talk("u a", "a b!")], used, ends=[stop]).ends == (stop,)


def test_an_unknown_token_is_no_end() -> None:
    used = tokenizer(templates.ENDLESS)
    assert "nothing ends the answer" in refused(talk("u a", "a b<unk>"), used=used)


def test_a_tokenizer_whose_one_special_token_is_everything_ends_turns_with_it() -> None:
    used = tokenizer(bos_token="</s>", unk_token="</s>")
    assert learned(tokenize([talk("u a", "a b")], used), used) == [("b</s>", 1.0)]


def test_an_empty_answer_is_told() -> None:
    used = tokenizer()
    found = tokenize([Conversation((Turn("user", "a"), Turn("assistant", "")), "rows.jsonl:7")], used)
    assert learned(found, used) == [("</s>", 1.0)]
    assert found.notes() == [
        "1 row(s): the answer is empty, and nothing but its end is learned (rows.jsonl:7)"
    ]
    assert tokenize([talk("u a", "a b")], used).notes() == []


def test_special_tokens_stand_once() -> None:
    doubled = refused(talk("u a", "a b"), used=tokenizer("{{ bos_token }}" + templates.LLAMA3))
    assert "'<s>' stands twice" in doubled
    assert "'</s>' stands twice" in refused(talk("u a", "a b</s>"), used=tokenizer())
    (row,) = tokenize([talk("u a", "a b")], tokenizer(templates.LLAMA3)).rows
    assert row.ids.count(1) == 1


# Borders


@pytest.mark.parametrize("trim", [True, False])
def test_a_token_that_straddles_the_border_is_read_only(trim: bool) -> None:
    used = tokenizer(templates.SPACED, trim_offsets=trim)
    found = tokenize([talk("u where is my", "a parcel refund")], used)
    assert learned(found, used) == [(" refund</s>", 1.0)]
    assert found.straddled == ("rows.jsonl:1",)
    assert "also ends what is asked" in found.notes()[0]
    said = refused(talk("u where is my", "a parcel"), used=used)
    assert "messages[1]: the answer is one token together with the end of what is asked" in said
    kept = tokenize([talk("u where is my", "a Parcel")], tokenizer(templates.TIGHT, trim_offsets=trim))
    assert kept.straddled == ()


def test_an_answer_that_the_template_leaves_out_is_refused_and_a_lost_piece_is_told() -> None:
    deaf = templates.CHATML.replace("m['content']", "(m['content'] if m['role'] == 'user' else '')")
    assert "nothing of the answer stands in the text" in refused(talk("u a", "a b"), used=tokenizer(deaf))
    assert tokenize([talk("u a", "a ")], tokenizer(templates.CHATML)).learned == 1, (
        "to say nothing is an answer"
    )
    strips = templates.CHATML.replace("m['content']", "m['content'].split('</think>')[-1]")
    found = tokenize([talk("u a", "a <think>hm</think>b"), talk("u a", "a b")], tokenizer(strips))
    assert found.altered == ("rows.jsonl:1",)
    assert "leaves out a piece of the answer" in found.notes()[0]


# Templates


def test_what_a_template_says_is_told_with_the_row() -> None:
    system = talk("s be kind", "u a", "a b", source="rows.jsonl:7")
    assert "rows.jsonl:7: the model's chat template refuses the conversation: System role not supported" in (
        refused(system, used=tokenizer(templates.GEMMA))
    )
    undefined = tokenizer("{% for m in messages %}{{ m.name.first }}{% endfor %}")
    assert "has no attribute 'name'" in refused(talk("u a", "a b"), used=undefined)
    wrong_kind = Conversation((Turn("user", None), Turn("assistant", "b")), "rows.jsonl:3")
    assert "rows.jsonl:3:" in refused(wrong_kind, used=tokenizer(templates.CHATML))
    assert "refuses" in refused(talk("u a", "a b"), used=tokenizer("{% if %}"))
    unsafe = tokenizer("{{ messages.__class__.__mro__ }}")
    assert "refuses the conversation: access to attribute" in refused(talk("u a", "a b"), used=unsafe)


def test_a_conversation_that_begins_with_the_answer_is_refused() -> None:
    said = refused(talk("a hello", "u a", "a b"), used=tokenizer(templates.CHATML))
    assert "messages[0]: begins with the answer" in said
    used = tokenizer(templates.CHATML)
    assert learned(tokenize([talk(("a hello", 0), "u a", "a b")], used), used) == [("b<|im_end|>", 1.0)]


CALL = {"id": "1", "type": "function", "function": {"name": "look", "arguments": '{"at": "home"}'}}
CALLING = Conversation(
    (Turn("user", "where is my parcel?"), Turn("assistant", None, {"tool_calls": [CALL], "content": None})),
    "rows.jsonl:1",
    tools=({"type": "function", "function": {"name": "look"}},),
)


@pytest.mark.parametrize("template", [templates.TOOLS, templates.TOOLS_AS_TEXT])
def test_calls_are_learned_with_arguments_as_the_template_wants_them(template: str) -> None:
    used = tokenizer(template)
    found = tokenize([CALLING], used)
    assert learned(found, used) == [('look {"at": "home"}<|im_end|>', 1.0)]
    assert '"name": "look"' in used.decode(found.rows[0].ids).split("<|im_end|>")[0], "tools are written"


def test_tools_that_a_template_leaves_out_are_refused() -> None:
    assert "leaves the row's tools out" in refused(CALLING, used=tokenizer(templates.GEMMA))
    assert "tools need a chat template" in refused(CALLING, used=tokenizer())
    bare = Conversation(CALLING.turns, "rows.jsonl:1")
    silent = templates.TOOLS.replace("m.tool_calls or []", "[]")
    assert "nothing of the answer stands in the text" in refused(bare, used=tokenizer(silent))


def test_a_template_never_sees_a_weight() -> None:
    turn = Turn("assistant", "a", {"weight": 0.5, "thinking": "hm"})
    seen = {"role": "assistant", "content": "a", "thinking": "hm"}
    assert message(turn, "r:1: messages[0]", as_text=False) == seen


def test_parts_are_joined_and_images_refused() -> None:
    texts = ({"type": "text", "text": "a"}, {"type": "text", "text": "b"})
    image = ({"type": "image_url", "image_url": {"url": "x"}},)
    used = tokenizer(templates.CHATML)
    (row,) = tokenize([Conversation((Turn("user", texts), Turn("assistant", "c")), "r:1")], used).rows
    assert "user\nab<|im_end|>" in used.decode(row.ids)
    said = refused(Conversation((Turn("user", image), Turn("assistant", "c")), "r:1"), used=used)
    assert "r:1: messages[0]: holds a part of type 'image_url'" in said


def test_the_hash_of_the_layout() -> None:
    rows = [talk("u a", "a b")]
    digest = hashlib.sha256(templates.CHATML.encode()).hexdigest()
    assert tokenize(rows, tokenizer(templates.CHATML)).template == digest
    assert tokenize(rows, tokenizer()).template == hashlib.sha256(PLAIN.encode()).hexdigest()


# Plain


def test_plain_layout() -> None:
    used = tokenizer()
    found = tokenize([talk("s be kind", "u where?", "a here", "u and?", "a there")], used)
    assert used.decode(found.rows[0].ids) == "be kind\nwhere?\nhere</s>and?\nthere</s>"
    assert (found.tokens, found.learned) == (len(found.rows[0].ids), sum(found.rows[0].weights))
    with pytest.raises(InputError, match="never learn to stop"):
        tokenize([TWICE], tokenizer(eos_token=None))


def test_nothing_predicts_the_first_token() -> None:
    found = tokenize([talk("a where is my parcel")], tokenizer())
    assert found.rows[0].weights[:2] == (0.0, 1.0)


def test_a_tokenizer_without_offsets_is_refused() -> None:
    class Slow:
        is_fast = False

    assert "which characters a token stands for" in refused(TWICE, used=Slow())


# Lengths


def rows_of(*lengths: int) -> list[Conversation]:
    """Rows of that many tokens in the plain layout: "!" is one token, so are newline, answer and end."""
    rows = [talk("u " + "!" * (n - 3), "a x", source=f"rows.jsonl:{row}") for row, n in enumerate(lengths, 1)]
    assert [len(row.ids) for row in tokenize(rows, tokenizer()).rows] == list(lengths)
    return rows


def test_rows_that_are_too_long_stop_with_a_histogram() -> None:
    said = refused(*rows_of(10, 20, 30, 33, 100), used=tokenizer(), context=32)
    assert "2 of 5 rows (40.0%) are longer than the context of 32 tokens; nothing was cut" in said
    assert "17-32" in said
    assert "rows.jsonl:5 (100), rows.jsonl:4 (33)\n" in said
    assert "`too_long: drop`" in said
    assert "`too_long: cut_start`" in said
    assert len(tokenize(rows_of(10, 32), tokenizer(), context=32).rows) == 2, "the limit itself fits"


def test_histogram() -> None:
    bars = histogram([1, 3, 5, 9, 16, 16, 17, 70], 16).splitlines()
    assert [line.split()[:2] for line in bars] == [
        ["1-1", "1"], ["2-2", "0"], ["3-4", "1"], ["5-8", "1"],
        ["9-16", "3"], ["17-32", "1"], ["33-64", "0"], ["65-128", "1"],
    ]  # fmt: skip
    assert [line.endswith("too long") for line in bars] == [False] * 5 + [True] * 3
    assert histogram([7, 8], 3).splitlines()[0].split()[0] == "1-1"


def test_too_long_rows_are_dropped_and_listed() -> None:
    found = tokenize(rows_of(10, 33, 32, 40), tokenizer(), context=32, too_long="drop")
    assert found.dropped == ("rows.jsonl:2", "rows.jsonl:4")
    assert found.sources == ("rows.jsonl:1", "rows.jsonl:3")
    assert found.tokens == 42
    assert found.notes() == ["2 row(s): left out: too long (rows.jsonl:2, rows.jsonl:4)"]
    assert "none is left" in refused(*rows_of(40), used=tokenizer(), context=32, too_long="drop")
    assert "too_long: 'drip' is not a choice.\n  Fix: Did you mean 'drop'?" in (
        refused(TWICE, used=tokenizer(), too_long="drip")
    )
    assert "learn: 'first' is not a choice." in refused(TWICE, used=tokenizer(), learn="first")
    assert "context: 0 is not a number of tokens" in refused(TWICE, used=tokenizer(), context=0)


def test_the_start_is_cut_by_whole_exchanges() -> None:
    used = tokenizer(templates.CHATML)
    row = talk("s be kind", "u one!", "a two!", "u three!", "a four!", "u five!", "a six!")
    short = talk("u a", "a b", source="rows.jsonl:2")
    full, least = len(tokenize([row], used).rows[0].ids), talk("s be kind", "u five!", "a six!")
    found = tokenize([row, short], used, context=full - 1, too_long="cut_start")
    text = used.decode(found.rows[0].ids)
    assert text.startswith("<|im_start|>system\nbe kind<|im_end|>\n<|im_start|>user\nthree!")
    assert [piece for piece, _ in learned(found, used)] == ["four!<|im_end|>", "six!<|im_end|>"]
    assert (found.cut, found.dropped, len(found.rows)) == (("rows.jsonl:1",), (), 2)
    assert "older turns left out" in found.notes()[0]
    (wanted,) = tokenize([least], used).rows
    assert tokenize([row], used, context=len(wanted.ids), too_long="cut_start").rows == (wanted,)
    said = refused(row, short, used=used, context=len(wanted.ids) - 1, too_long="cut_start")
    assert "1 row(s) stay longer" in said
    assert "texts are not cut" in said


def test_what_is_kept_when_the_start_is_cut() -> None:
    row = talk("s x", "u 1", "a 2", "u 3", "a 4", "t 5", "a 6", "u 7", ("a 8", 0))
    assert [[turn.text for turn in less.turns] for less in shorter(row, "assistant")] == [
        ["x", "3", "4", "5", "6", "7", "8"]
    ], "the last learned turn stays, and is asked"


# Shown


def test_shown() -> None:
    used = tokenizer(templates.CHATML)
    found = tokenize([talk("u a\x1b[2J", ("a b c", 0.5), "u d", "a é!")], used)
    head, *body = shown(found, used).splitlines()
    share = f"({found.learned / found.tokens:.1%})"
    assert head == f"rows.jsonl:1: {found.learned} of {found.tokens} tokens are learned {share}"
    assert "\n".join(body) == (
        "<|im_start|>user\na\\x1b[2J<|im_end|>\n<|im_start|>assistant\n⟦b c<|im_end|>⟧×0.5\n"
        "<|im_start|>user\nd<|im_end|>\n<|im_start|>assistant\n⟦é!<|im_end|>⟧"
    )
    coloured = shown(found, used, colour=True)
    assert "\x1b[1;32mé!<|im_end|>\x1b[0m" in coloured
    assert "\x1b[2J" not in coloured, "the data cannot steer the terminal"
    with pytest.raises(InputError, match="no row 1"):
        shown(found, used, row=1)


# Real tokenizers


REAL = ("weights/stories260k/hf", "weights/tinystories-656k")


def real(folder: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder)


@pytest.mark.data
@pytest.mark.parametrize("name", REAL)
def test_real_tokenizers(shared: Callable[[str], Path], name: str) -> None:
    used = real(shared(name))
    end = used.eos_token
    rows = [
        talk("u Tim has a red ball.", "a It is big, he likes it.", source="r:1"),
        talk("u Where is the dog?", "a In the park.", "u And the cat? ", "a At home!\nYes.", source="r:2"),
    ]
    found = tokenize(rows, used)
    assert learned(found, used) == [(f"It is big, he likes it.{end}", 1.0)]
    assert learned(found, used, 1) == [(f"In the park.{end}", 1.0), (f"At home!\nYes.{end}", 1.0)]
    assert (found.ends, found.unknown) == ((used.eos_token_id,), ())
    asked = used("Tim has a red ball.\n")["input_ids"]
    assert list(found.rows[0].ids[: len(asked)]) == asked, "training reads what answering reads"
    assert shown(found, used, 1).count("⟦") == 2


@pytest.mark.data
def test_a_tokenizer_that_drops_characters_moves_no_border(shared: Callable[[str], Path]) -> None:
    used = real(shared(REAL[1]))
    text = "Tim — who is big — likes é.\nYes, he does. "
    row = used(text, add_special_tokens=False, return_offsets_mapping=True)
    assert row["offset_mapping"][-1][1] < len(text), "control: its offsets are wrong"
    found = tokenize([talk("u Tim — who is big — likes é.", "a Yes, he does. ", source="r:1")], used)
    assert learned(found, used) == [(f"Yes, he does. {used.eos_token}", 1.0)]
    assert found.unknown == ("r:1",)
    assert "drops or changes some characters" in found.notes()[0]
    (spaces,) = learned(tokenize([talk("u Is é big?", "a Yes.   ")], used), used)
    assert spaces == (f"Yes.   {used.eos_token}", 1.0), "nor where the drift is hidden by space"
    known = tokenize([talk("u Tim — who is big — likes é.", "a Yes — é.")], real(shared(REAL[0])))
    assert known.unknown == ()
    said = refused(talk("u Is é big?", "a The park."), used=used)
    assert "messages[1]: the tokenizer does not keep all characters" in said, "newline and The are one token"
    dashed = templates.MARKED.replace("<|im_start|>", "——— ")
    used.chat_template = dashed.replace("<|im_end|>", "<|end_story|>")
    marked = tokenize([talk("u Tim — who is big — likes é.", "a Yes.", source="r:1")], used)
    assert learned(marked, used) == [(f"Yes.{used.eos_token}", 1.0)], "the template's marks drift too"
