"""Whether a training fits is known before a weight is loaded; where memory runs out anyway, passes shrink."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from tests import training
from whet.errors import InputError, WorldError
from whet.models.shape import Shape, shape_of
from whet.train import room
from whet.train.estimate import Load, Way, disk_of, load_of, memory_of
from whet.train.limit import Work, measured_rate, work_of
from whet.train.preflight import Question, _otherwise, check_disk, fitting
from whet.train.sharing import Row

GIB = 1 << 30
ROOT = Path(__file__).resolve().parent.parent


def skeleton(**more: Any) -> Any:
    from transformers import AutoModelForCausalLM, LlamaConfig

    with torch.device("meta"):
        return AutoModelForCausalLM.from_config(LlamaConfig(**more))


@pytest.fixture(scope="module")
def llama_8b() -> Shape:
    eight = {"hidden_size": 4096, "intermediate_size": 14_336, "num_hidden_layers": 32, "vocab_size": 128_256}
    return shape_of(skeleton(**eight, num_attention_heads=32, num_key_value_heads=8))


def question(shape: Shape, free: float) -> Question:
    """Rows of 2,000 tokens, 16 a step."""

    def load(way: Way) -> Load:
        most = min(way.context or 2_000, 2_000)
        return Load(max(most, min(way.pass_tokens, 16 * most)), 0, 100)

    return Question(shape, load, int(free * GIB))


def test_a_shape_is_counted_from_the_model(llama_8b: Shape) -> None:
    assert llama_8b.parameters == 8_030_261_248
    assert llama_8b.weights == 8_030_261_248 - 2 * llama_8b.head - 65 * 4096  # the norms are no products
    assert llama_8b.adapter(16) == 41_943_040


def test_experts_count_as_often_as_a_token_meets_them() -> None:
    from tests.architectures import tiny

    shape = shape_of(tiny("qwen3_moe"))
    assert shape.expert_weights == 2 * 2 * (2 * 16 * 32 + 32 * 16)  # layers, experts met, gate with up, down
    assert shape.parameters > shape.weights


@pytest.mark.parametrize(
    ("way", "free", "named"),
    [
        (Way(None, "bf16"), 64, "`methods: [lora]` with `rank: 16`"),
        (Way(16, "fp32"), 26, "`precision: bf16`"),
        (Way(16, "bf16"), 8, "a smaller model: one of about"),
        (Way(16, "bf16", pass_tokens=32_000), 30, "`pass_tokens: "),
    ],
)
def test_what_cannot_fit_is_refused_with_the_nearest_that_can(
    llama_8b: Shape, way: Way, free: float, named: str
) -> None:
    with pytest.raises(InputError, match="training needs about") as caught:
        fitting(question(llama_8b, free), way, fixed=True)
    assert named in caught.value.fix


def test_a_shorter_context_is_named_where_single_rows_are_too_long(llama_8b: Shape) -> None:
    one = Question(llama_8b, lambda way: Load(min(way.context or 60_000, 60_000), 0, 10), 40 * GIB)
    with pytest.raises(InputError) as caught:
        fitting(one, Way(16, "bf16"), fixed=False)
    assert "`context: " in caught.value.fix


def test_passes_shrink_by_themselves_unless_they_were_chosen(llama_8b: Shape) -> None:
    way = Way(16, "bf16", pass_tokens=32_000)
    found = fitting(question(llama_8b, 50), way, fixed=False)
    assert found == replace(way, pass_tokens=found.pass_tokens)
    assert found.pass_tokens < 32_000
    assert memory_of(llama_8b, found, question(llama_8b, 50).load(found)) < 50 * GIB
    assert fitting(question(llama_8b, 500), way, fixed=False) == way  # the control: there is room


def test_weights_stay_as_they_are_where_two_copies_do_not_fit(llama_8b: Shape) -> None:
    way = Way(16, "bf16", pass_tokens=512, pack=True)
    small, large = (question(llama_8b, free) for free in (45, 90))
    assert large.needed(way) - large.needed(replace(way, pack=False)) == 4 * llama_8b.weights
    assert fitting(large, way, fixed=False) == way
    for fixed in (True, False):  # before passes shrink, and where they may not
        found = fitting(small, way, fixed=fixed)
        assert found == replace(way, pack=False)
    assert _otherwise(way, found) == ["weights are not laid out for products, so that memory lasts"]


def test_the_disk_is_asked_first() -> None:
    check_disk(100, 100, "out")
    with pytest.raises(InputError, match=r"out: checkpoints and result need about 2\.0 KiB of disk"):
        check_disk(2_048, 2_047, "out")


def test_a_step_holds_its_beginning_and_one_pass() -> None:
    rows = [Row((*range(100), 200 + n, *[7] * 9), (0.0,) * 105 + (1.0,) * 5) for n in range(6)]
    assert load_of([rows], Way(4, "fp32")) == Load(160, 100, 30, 100**2 + 6 * 10 * 110, 110)
    assert load_of([rows], Way(4, "fp32", pass_tokens=20)) == Load(120, 100, 10, 100**2 + 2 * 10 * 110, 110)


def test_few_layers_need_little(llama_8b: Shape) -> None:
    """Four layers of an 8B model learn in full where all of them need five times as much."""
    whole, few = (question(llama_8b, 1).needed(Way(None, "bf16", top=top)) for top in (None, 4))
    assert whole > 5 * few > 5 * 2 * llama_8b.parameters
    assert disk_of(llama_8b, Way(None, "bf16", top=4), 2) < disk_of(llama_8b, Way(None, "bf16"), 2) / 7
    assert Way(16, "bf16", top=4).live(llama_8b) == llama_8b.adapter(16) / 8


def test_scores_that_are_kept_are_counted() -> None:
    from tests.architectures import tiny

    plain, capped = shape_of(tiny("llama")), shape_of(tiny("gemma2"))
    assert (plain.plain_heads(200), capped.plain_heads(200)) == (0, 8)
    windowed = shape_of(tiny("gemma3_text"))
    assert (windowed.plain_heads(9), windowed.plain_heads(10)) == (0, 4)
    way, short, long = Way(4, "fp32"), Load(100, 0, 1, 100**2, 100), Load(100, 0, 1, 1000**2, 100)
    assert memory_of(plain, way, short) == memory_of(plain, way, long)
    assert memory_of(capped, way, long) - memory_of(capped, way, short) == 8 * (1000**2 - 100**2) * 12


def test_the_least_work_of_a_step_is_what_the_formula_says() -> None:
    shape = Shape(0, layers=2, width=4, heads=4, vocabulary=10, linears={(4, 4): 6})
    one = (4 * 96 + 6 * 48) / 2  # a layer; the last is met by what is learned
    assert work_of(shape, 1) == Work(one, one + 4 * 40, 7 * 4)
    assert work_of(shape, None) == Work(3 * 96, 3 * 96 + 6 * 40, 7 * 4)
    rows = [Row((*range(100), own, own, own), (0.0,) * 102 + (1.0,)) for own in (200, 201)]
    # a hundred tokens are read once, three of each row are its own, one of each is learned
    pairs = 100**2 + 2 * 3 * (2 * 100 + 3)
    assert Work(5.0, 7.0, 1.0).of(rows) == 5 * 106 + 7 * 2 + pairs
    alone = Work(5.0, 7.0, 1.0).of(rows[:1]) + Work(5.0, 7.0, 1.0).of(rows[1:])
    assert alone == 5 * 206 + 7 * 2 + 2 * 103**2  # the control: nothing to share
    assert measured_rate({(8, 8): 2, (8, 16): 1}, "fp32", 16) > 0


def test_a_peak_of_before_is_not_counted() -> None:
    much = bytearray(b"x") * (400 << 20)
    del much
    assert room.peak_memory() - (room.memory_now() or 0) > 200 << 20  # the control: it is still there
    room.forget_peak()
    assert room.peak_memory() - (room.memory_now() or 0) < 100 << 20


def test_room_is_what_the_system_says() -> None:
    assert 0 < (room.free_memory() or 0) < 1 << 50
    assert 0 < room.free_disk(Path("/nowhere/at/all")) < 1 << 60


def out_of_memory_above(tokens: int) -> training.Telling:
    """A job whose passes of more tokens than that find no memory."""
    work = training.job()
    form = work.form

    class Form:
        def gradients(self, model: Any, rows: Any, settings: Any) -> Any:
            done = form.gradients(model, rows, settings)
            if settings.pass_tokens > tokens:
                raise MemoryError
            return done

        losses = form.losses

    work.form = Form()
    work.settings = replace(work.settings, pass_tokens=1_024)
    return work


def test_out_of_memory_halves_the_passes_and_keeps_the_step() -> None:
    notes: list[str] = []
    work, wanted = out_of_memory_above(300), training.job()
    work.note = notes.append
    wanted.settings = replace(wanted.settings, pass_tokens=256)
    for one in (work, wanted):
        torch.manual_seed(3)
        one.gradients(range(8), one.forget)
    assert notes == [
        f"memory ran out: {n} tokens at once from here on; the steps are the same" for n in (512, 256)
    ]
    for name, tensor in wanted.live.items():
        assert tensor.grad is not None
        assert torch.equal(tensor.grad, work.live[name].grad), name  # type: ignore[arg-type]


def test_without_any_memory_it_ends_and_says_where() -> None:
    work = out_of_memory_above(0)
    with pytest.raises(WorldError, match=r"memory ran out with \d+ tokens at once, on rows\.jsonl:1"):
        work.gradients(range(8), work.forget)


def test_another_failure_is_no_lack_of_memory() -> None:
    """The control: what is not out of memory is not tried again."""
    work = training.job()

    class Broken:
        def gradients(self, model: Any, rows: Any, settings: Any) -> Any:
            raise RuntimeError("size mismatch")

        losses = work.form.losses

    work.form = Broken()
    with pytest.raises(RuntimeError, match="size mismatch"):
        work.gradients(range(8), work.forget)


LIMITED = """
import json, resource, sys
import torch
from dataclasses import replace
from tests import training
from whet.train.sharing import Row
torch.set_num_threads(1)
work, notes = training.job(0.0), []
row = Row(tuple(3 + n % 90 for n in range(200)), (0.0,) * 190 + (1.0,) * 10)
work.rows = [replace(row, ids=(1, number, *row.ids[2:])) for number in range(3, 67)]
work.sources = [str(number) for number in range(64)]
work.note = notes.append
work.settings = replace(work.settings, pass_tokens=64 * 200, share=False)
work.gradients([0], work.forget)  # what is made once is made before the limit
work.forget()
if sys.argv[1] != "0":
    now = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + (int(sys.argv[1]) << 20), -1))
done = work.gradients(range(64), work.forget)
print(json.dumps([notes, done.loss, {n: float(t.grad.norm()) for n, t in work.live.items()}]))
"""


def under_a_limit(megabytes: int) -> Any:
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(megabytes)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="ulimit -v binds on Linux only")
def test_a_process_that_may_not_grow_trains_in_smaller_passes() -> None:
    """A real limit on the address space; the control has none."""
    free, tight = under_a_limit(0), under_a_limit(48)
    assert free[0] == []
    assert tight[0]
    assert tight[1] == pytest.approx(free[1], rel=1e-5)
    assert tight[2] == pytest.approx(free[2], rel=1e-3, abs=1e-7)
