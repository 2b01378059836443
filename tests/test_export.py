"""Exports: loaded by PEFT, transformers and onnxruntime they agree with the specialist; what does not is
refused."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.conftest import Whet, tickets
from tests.test_trained import TEXT, by_transformers, tuned
from whet.config import DEFAULT_ENCODER
from whet.errors import InputError, Refused, WorldError
from whet.models.decoder import find_decoder, load_tokenizer
from whet.models.encoder import Encoder, load_model
from whet.models.layout import Layout, layout_of
from whet.models.source import find_encoder
from whet.records import FitInfo, Turn
from whet.release.export import Options, export
from whet.release.exports import encoders, parity
from whet.release.exports.decoders import plain_template
from whet.release.exports.gguf import template_of
from whet.release.exports.ollama import read_modelfile
from whet.release.exports.parts import parts_of
from whet.release.exports.turnwise import Turnwise, laid, read_go, turnwise
from whet.release.exports.vllm import request_of
from whet.rungs.base import load_specialist
from whet.rungs.deciding import Decider, targets
from whet.rungs.head import score
from whet.rungs.tuned import TunedSpecialist, tuned_encoder
from whet.rungs.vectors import VectorSpecialist
from whet.store import read_json, write_json
from whet.train.encoders import Recipe, with_adapter
from whet.train.linear import LinearHead, fit_linear

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")
ROWS = [text for text, _ in tickets(8, seed=1)]
LABELS = ("login", "parcel", "refund")


@pytest.fixture(scope="module")
def readers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two saved encoders with heads: frozen, and with an adapter that moves every vector."""
    folder = tmp_path_factory.mktemp("readers")
    source = find_encoder(DEFAULT_ENCODER)
    recipe = Recipe("lora", rank=4)
    adapted = with_adapter(load_model(source, "fp32"), recipe.rank)
    draw = torch.Generator().manual_seed(0)
    state = {
        name: value.detach() + 0.02 * torch.randn(value.shape, generator=draw)
        for name, value in adapted.named_parameters()
        if value.requires_grad
    }
    rows = tickets(12)
    for name, encoder in (("head", Encoder(source)), ("tune", tuned_encoder(source, recipe, state))):
        vectors = encoder.encode([text for text, _ in rows]).vectors
        head = fit_linear(vectors, targets([label for _, label in rows], LABELS), 30.0, several=False)
        decider, info = Decider(LABELS, temperature=0.5), FitInfo()
        made: Any = TunedSpecialist(encoder, source, recipe, state, head, decider, info)
        if name == "head":
            arrays = {"weight": head.weight, "bias": head.bias}
            made = VectorSpecialist("head", encoder, arrays, score, decider, info)
        made.save(folder / name)
    return {name: folder / name for name in ("head", "tune")}


@pytest.mark.parametrize(
    ("rung", "form", "library"),
    [
        ("head", "onnx", "onnxruntime"),
        ("tune", "onnx", "onnxruntime"),
        ("tune", "merged", "transformers"),
        ("tune", "peft", "PEFT"),
    ],
)
def test_an_encoder_agrees_in_its_own_library(
    readers: dict[str, Path], tmp_path: Path, rung: str, form: str, library: str
) -> None:
    done = export(readers[rung], form, tmp_path / "out", inputs=ROWS)
    assert (done.parity.library, done.parity.alike, done.parity.rows) == (library, len(ROWS), len(ROWS))
    assert read_json(tmp_path / "out" / "export.json")["parity"]["alike"] == len(ROWS)


def test_an_onnx_file_gives_the_specialists_probabilities(readers: dict[str, Path], tmp_path: Path) -> None:
    import onnxruntime
    from tokenizers import Tokenizer

    export(readers["tune"], "onnx", tmp_path / "out", inputs=ROWS)
    session = onnxruntime.InferenceSession(str(tmp_path / "out" / "model.onnx"))
    tokenizer = Tokenizer.from_file(str(tmp_path / "out" / "tokenizer.json"))
    tokenizer.enable_padding()
    read = tokenizer.encode_batch(ROWS)  # padded, all at once: the mask must hold
    ids, mask = (np.array([getattr(one, name) for one in read]) for name in ("ids", "attention_mask"))
    _, shares, vectors = session.run(None, {"input_ids": ids, "attention_mask": mask})
    ours = load_specialist(readers["tune"]).predict(ROWS)
    assert np.abs(shares.max(axis=1) - [one.confidence for one in ours]).max() < 1e-4
    assert np.abs(np.linalg.norm(vectors, axis=1) - 1).max() < 1e-4


def test_a_head_that_was_changed_is_caught(
    readers: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: what answers otherwise is refused, with rows, and nothing is left of it."""

    write_onnx = encoders.write_onnx

    def turned(parts: Any, out: Path) -> list[str]:
        object.__setattr__(parts, "head", LinearHead(-parts.head.weight, parts.head.bias))
        return write_onnx(parts, out)

    monkeypatch.setattr(encoders, "write_onnx", turned)
    monkeypatch.setattr(parity, "LEAST", 0.99)
    with pytest.raises(Refused, match="another model") as caught:
        export(readers["head"], "onnx", tmp_path / "out", inputs=ROWS)
    assert "there '" in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("rung", "form", "said"),
    [("head", "peft", "no adapter"), ("tune", "vllm", "no form"), ("tune", "onx", "Did you mean 'onnx'")],
)
def test_a_form_that_there_is_not_is_told(
    readers: dict[str, Path], tmp_path: Path, rung: str, form: str, said: str
) -> None:
    with pytest.raises(InputError, match=said):
        export(readers[rung], form, tmp_path / "out", inputs=ROWS)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def writer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ``whet tune`` left of a small decoder: an adapter."""
    return tuned(tmp_path_factory.mktemp("writer"), "lora")


ASKED = [TEXT, *(f"the girl saw {n} cats" for n in (70, 81, 92))]
STAND_IN = """
import argparse, json, pathlib, struct
given = argparse.ArgumentParser()
given.add_argument("model"); given.add_argument("--outfile"); given.add_argument("--outtype")
given = given.parse_args()
def text(value): return struct.pack("<Q", len(value.encode())) + value.encode()
template = (pathlib.Path(given.model) / "chat_template.jinja").read_text() + EXTRA
pairs = [("general.architecture", "llama"), ("tokenizer.chat_template", template)]
body = b"".join(text(key) + struct.pack("<I", 8) + text(value) for key, value in pairs)
tokens = text("tokenizer.ggml.tokens") + struct.pack("<IIQ", 9, 8, 2) + text("a") + text("b")
size = text("llama.block_count") + struct.pack("<II", 4, 2)
head = b"GGUF" + struct.pack("<IQQ", 3, 0, len(pairs) + 2)
pathlib.Path(given.outfile).write_bytes(head + tokens + size + body)
"""


def checkout(folder: Path, extra: str = "") -> Path:
    """A folder with a converter that writes a header as llama.cpp's does, and no tensors."""
    folder.mkdir()
    script = f"EXTRA = {extra!r}\n{STAND_IN}"
    (folder / "convert_hf_to_gguf.py").write_text(script, encoding="utf-8")
    return folder


@pytest.mark.data
@pytest.mark.parametrize(
    ("form", "library"), [("peft", "PEFT"), ("merged", "transformers"), ("vllm", "PEFT")]
)
def test_a_decoder_agrees_in_its_own_library(writer: Path, tmp_path: Path, form: str, library: str) -> None:
    done = export(writer, form, tmp_path / "out", inputs=ASKED, options=Options("names"))
    assert (done.parity.library, done.parity.alike, done.parity.laid_otherwise) == (library, len(ASKED), 0)


@pytest.mark.data
def test_stock_libraries_alone_answer_from_the_exported_folder(writer: Path, tmp_path: Path) -> None:
    """Nothing of whet: PEFT's own loader, transformers' template and its own generation."""
    from peft import AutoPeftModelForCausalLM
    from transformers import AutoTokenizer

    export(writer, "peft", tmp_path / "out", inputs=ASKED)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "out")
    model = AutoPeftModelForCausalLM.from_pretrained(tmp_path / "out", dtype=torch.float32)
    messages = [{"role": "system", "content": "Who is it?"}, {"role": "user", "content": TEXT}]
    given = tokenizer.apply_chat_template(
        messages, add_generation_prompt=True, return_tensors="pt", return_dict=True
    )
    ids = model.generate(**given, max_new_tokens=16, do_sample=False)[0, given["input_ids"].shape[1] :]
    assert tokenizer.decode(ids, skip_special_tokens=True) == by_transformers(writer)


@pytest.mark.data
def test_a_wrong_template_is_caught(writer: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: the same weights with another chat template ask another question."""
    export(writer, "peft", tmp_path / "good", inputs=ASKED)
    parts = parts_of(writer, load_specialist(writer))
    assert parity.check("peft", parts, tmp_path / "good", ASKED).ok
    path = tmp_path / "good" / "chat_template.jinja"
    path.write_text(path.read_text().replace("'\\n'", "' '"), encoding="utf-8")
    found = parity.check("peft", parts, tmp_path / "good", ASKED)
    assert not found.ok
    assert found.laid_otherwise == len(ASKED)

    monkeypatch.setattr(
        "whet.release.exports.decoders.plain_template", lambda layout: "{{ messages[-1].content }}"
    )
    with pytest.raises(Refused, match="lays out 4 of 4 inputs otherwise"):
        export(writer, "merged", tmp_path / "bad", inputs=ASKED)
    assert not (tmp_path / "bad").exists()


@pytest.mark.data
def test_vllm_gets_a_command_with_the_adapter_and_its_template(writer: Path, tmp_path: Path) -> None:
    done = export(writer, "vllm", tmp_path / "out", inputs=ASKED, options=Options("names"))
    (line,) = done.commands
    assert f"--lora-modules names={tmp_path}/out/weights --max-lora-rank 8" in line
    assert f"--chat-template {tmp_path}/out/weights/chat_template.jinja" in line
    assert (tmp_path / "out" / "weights" / "adapter_model.safetensors").is_file()
    told = read_json(tmp_path / "out" / "request.json")["messages"]
    assert told == [{"role": "system", "content": "Who is it?"}, {"role": "user", "content": "INPUT"}]


@pytest.mark.data
def test_ollama_gets_the_template_the_stop_and_the_instruction(writer: Path, tmp_path: Path) -> None:
    done = export(writer, "ollama", tmp_path / "out", inputs=ASKED, options=Options("names"))
    text = (tmp_path / "out" / "Modelfile").read_text()
    assert 'SYSTEM """Who is it?"""' in text
    assert 'PARAMETER stop "</s>"' in text
    assert done.commands == (f"ollama create names -f {tmp_path}/out/Modelfile",)
    pieces = read_modelfile(tmp_path / "out" / "Modelfile")
    assert pieces is not None
    assert pieces.text([Turn("system", "Who is it?"), Turn("user", TEXT)]) == f"Who is it?\n{TEXT}\n"

    parts = parts_of(writer, load_specialist(writer))
    (tmp_path / "out" / "Modelfile").write_text(
        text.replace("{{ .System }}\n", "{{ .System }}"), encoding="utf-8"
    )
    assert parity.check("ollama", parts, tmp_path / "out", ASKED).laid_otherwise == len(ASKED)


@pytest.mark.data
def test_gguf_is_written_by_the_named_checkout(writer: Path, tmp_path: Path) -> None:
    options = Options("names", llama_cpp=checkout(tmp_path / "llama.cpp"))
    export(writer, "gguf", tmp_path / "out", inputs=ASKED, options=options)
    carried = (tmp_path / "out" / "model" / "chat_template.jinja").read_text()
    assert template_of(tmp_path / "out" / "model.gguf") == carried
    other = Options("names", llama_cpp=checkout(tmp_path / "other", extra="!"))
    with pytest.raises(Refused, match="otherwise"):
        export(writer, "gguf", tmp_path / "bad", inputs=ASKED, options=other)
    (tmp_path / "other" / "convert_hf_to_gguf.py").write_text("raise SystemExit('no such kind of model')")
    with pytest.raises(WorldError, match="no such kind of model"):
        export(writer, "gguf", tmp_path / "bad", inputs=ASKED, options=other)
    with pytest.raises(InputError, match="name a checkout"):
        export(writer, "gguf", tmp_path / "bad", inputs=ASKED)


def test_a_damaged_gguf_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.gguf"
    for data in (b"GGML", b"GGUF" + struct.pack("<IQQ", 3, 0, 2) + b"\xff" * 8, b"GGUF"):
        path.write_bytes(data)
        with pytest.raises(InputError, match="no GGUF"):
            template_of(path)


CHATML = (
    "{% if messages[0].role != 'system' %}<|im_start|>system\nBe kind.<|im_end|>\n{% endif %}"
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


@pytest.fixture
def layout(shared: Callable[[str], Path]) -> Layout:
    tokenizer = load_tokenizer(find_decoder(str(shared("weights/stories260k/hf"))))
    tokenizer.chat_template = CHATML
    return layout_of(tokenizer)


@pytest.mark.data
def test_a_template_becomes_pieces_and_comes_back(layout: Layout) -> None:
    pieces = turnwise(layout)
    assert read_go(pieces.go()) == pieces
    turns = [Turn("system", "s"), Turn("user", "a"), Turn("assistant", "b"), Turn("user", "c")]
    assert pieces.text(turns) == laid(layout, turns)
    assert read_go("{{ .Prompt }}") is None
    with pytest.raises(InputError, match="as text"):
        Turnwise("{{ x }}", "", "", "", "").go()


@pytest.mark.data
@pytest.mark.parametrize("more", ["{{ messages | length }}", "{{ messages[-1].content | trim }}"])
def test_a_template_that_does_more_is_refused_for_ollama(layout: Layout, more: str) -> None:
    layout.tokenizer.chat_template = CHATML + more
    with pytest.raises(InputError, match="more than put pieces"):
        turnwise(layout_of(layout.tokenizer))


@pytest.mark.data
@pytest.mark.parametrize("name", ["weights/stories260k/hf", "weights/tinystories-656k"])
def test_a_base_without_a_template_gets_one_that_says_the_same(
    name: str, shared: Callable[[str], Path]
) -> None:
    layout = layout_of(load_tokenizer(find_decoder(str(shared(name)))))
    assert "eos_token" in plain_template(layout)


def test_answers_that_are_held_are_held_by_the_request() -> None:
    from types import SimpleNamespace

    from whet.models.base import Form, Request

    def asked(form: Form) -> dict[str, Any]:
        return request_of(SimpleNamespace(example=Request((Turn("user", "INPUT"),), form=form)))  # type: ignore[arg-type]

    assert asked(Form(choices=("a", "b")))["structured_outputs"] == {"choice": ["a", "b"]}
    assert asked(Form(regex="a+"))["structured_outputs"] == {"regex": "a+"}
    schema = {"type": "object"}
    assert asked(Form(schema=schema))["response_format"]["json_schema"]["schema"] == schema


def test_the_command_line_exports_a_run(readers: dict[str, Path], tmp_path: Path, whet: Whet) -> None:
    run = tmp_path / "run"
    folder = run / "04-rungs" / "head"
    load_specialist(readers["head"]).save(folder)
    write_json(run / "06-verdict.json", {"task": "Small tickets", "winner": "head"})
    rows = "".join(json.dumps({"input": text, "side": "test"}) + "\n" for text in ROWS)
    (run / "01-examples.jsonl").write_text(rows, encoding="utf-8")
    write_json(run / "manifest.json", {"steps": {"rungs": {"files": digests(run, run)}}})
    done = whet.json("export", run, "--to", "onnx", "--out", tmp_path / "out")
    assert done["on"] == "held-out rows"
    assert done["approved"] == ""
    again = whet("export", run, "--to", "onnx", "--out", tmp_path / "out")
    assert (again.returncode, "already there" in again.stderr) == (2, True)
    absent = whet(
        "export", "nothing@1", "--to", "onnx", "--out", tmp_path / "no", env={"WHET_STORE": str(tmp_path)}
    )
    assert absent.returncode == 2


def digests(run: Path, folder: Path) -> dict[str, str]:
    from whet.store import file_digest

    return {str(path.relative_to(run)): file_digest(path) for path in folder.rglob("*") if path.is_file()}
