"""Model and adapter folders from anybody: what is hostile is refused before anything of it runs or is loaded.

Every case is the same small random model with one fault planted. The controls show that the model is fine
without the fault, that the planted code would have run, and that transformers alone would have gone along.
"""

from __future__ import annotations

import json
import math
import os
import pickle
import random
import re
import shutil
import struct
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.architectures import ARCHITECTURES, tiny
from whet.errors import InputError
from whet.models.adapter_folder import check_adapter
from whet.models.decoder import DecoderSource, find_decoder, load_decoder, load_tokenizer
from whet.models.distrust import check_template
from whet.models.folder import check_safetensors
from whet.models.source import find_encoder

pytestmark = pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing:FutureWarning")  # PEFT
Fault = Callable[[Path], Any]
STORY = (
    "Once upon a time, there was a little girl named Lily. She loved to play outside in the park. "
    "One day, she saw a big red ball. She was very happy."
)


# The model without a fault.


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A two-layer Llama with random weights and a tokenizer of sixteen words."""
    import torch
    import transformers
    from tokenizers import Tokenizer, models, pre_tokenizers

    folder = tmp_path_factory.mktemp("clean") / "model"
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=32,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=64,
        tie_word_embeddings=True,
    )
    transformers.LlamaForCausalLM(config).save_pretrained(folder)
    words = {"<unk>": 0, **{f"w{i}": i for i in range(1, 16)}}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>").save_pretrained(
        folder
    )
    return folder


@pytest.fixture(scope="module")
def clean_adapter(clean: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A LoRA adapter of the clean model, as PEFT saves it."""
    from peft import LoraConfig, get_peft_model

    folder = tmp_path_factory.mktemp("adapter")
    model = load_decoder(find_decoder(str(clean)), "fp32")
    recipe = LoraConfig(r=2, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM")
    adapted = get_peft_model(model, recipe)
    adapted.peft_config["default"].base_model_name_or_path = "somebody/small-model"
    adapted.save_pretrained(folder, save_embedding_layers=False)
    return folder


@pytest.fixture
def model(clean: Path, tmp_path: Path) -> Path:
    """A copy to plant a fault in."""
    return Path(shutil.copytree(clean, tmp_path / "home" / "model"))


def logits(source: DecoderSource) -> Any:
    """Next-token logits [1, 4, vocabulary] of four words."""
    import torch

    ids = load_tokenizer(source)("w1 w2 w3 w4", return_tensors="pt")["input_ids"]
    with torch.no_grad():
        return load_decoder(source, "fp32")(input_ids=ids).logits


# Signs that something ran.


class Canary:
    """Unpickling it writes a file."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.mkdir, (str(self.path),)


def marker(folder: Path) -> Path:
    return folder.parent / "ran"


def put_pickle(folder: Path, name: str) -> None:
    (folder / name).write_bytes(pickle.dumps(Canary(marker(folder))))


def put_python(folder: Path, name: str = "modeling_own.py") -> None:
    text = f"import os\nos.mkdir({str(marker(folder))!r})\nclass OwnModel: pass\nclass OwnConfig: pass\n"
    (folder / name).write_text(text)


@pytest.fixture
def unrun(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What was unpickled, or fetched as code or as a model, during the test: must stay empty."""
    import torch
    import transformers
    from transformers import dynamic_module_utils

    ran: list[str] = []

    def spy(owner: Any, name: str) -> None:
        monkeypatch.setattr(owner, name, lambda *_, **__: ran.append(name))

    spy(torch, "load")
    spy(pickle, "load")
    spy(pickle, "loads")
    spy(dynamic_module_utils, "get_class_in_module")
    spy(transformers.AutoModelForCausalLM, "from_pretrained")
    spy(transformers.AutoModel, "from_pretrained")
    yield ran
    assert not [name for name in sys.modules if name.startswith("transformers_modules")]


# Ways to plant a fault.


def edit(name: str, **changes: Any) -> Fault:
    """Set keys of a JSON file; a file that is not there is made."""

    def plant(folder: Path) -> None:
        path = folder / name
        value = json.loads(path.read_text()) if path.exists() else {}
        path.write_text(json.dumps(value | changes))

    return plant


def write(name: str, text: str | bytes) -> Fault:
    def plant(folder: Path) -> None:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(text.encode() if isinstance(text, str) else text)

    return plant


def both(*faults: Fault) -> Fault:
    def plant(folder: Path) -> None:
        for fault in faults:
            fault(folder)

    return plant


def only(pickled: str) -> Fault:
    """A pickle in place of the safetensors."""

    def plant(folder: Path) -> None:
        (folder / "model.safetensors").unlink()
        put_pickle(folder, pickled)

    return plant


def grown(name: str, size: int) -> Fault:
    """A file of ``size`` bytes that takes no place on the disk."""
    return lambda folder: os.truncate(folder / name, size)


def file_of(header: Any, data: bytes = b"\0" * 8, length: int | None = None) -> bytes:
    """A safetensors file, whose header may be anything and may lie about its length."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def weights(header: Any, data: bytes = b"\0" * 8, length: int | None = None) -> Fault:
    return write("model.safetensors", file_of(header, data, length))


def entry(begin: Any = 0, end: Any = 8, shape: Any = (2,), dtype: Any = "F32") -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def sharded(**places: Any) -> Fault:
    """An index over the one file, renamed to ``a.safetensors``; ``places`` change its map."""

    def plant(folder: Path) -> None:
        (folder / "model.safetensors").rename(folder / "a.safetensors")
        with (folder / "a.safetensors").open("rb") as stream:
            (length,) = struct.unpack("<Q", stream.read(8))
            names = json.loads(stream.read(length)).keys() - {"__metadata__"}
        index = {"metadata": {}, "weight_map": dict.fromkeys(names, "a.safetensors") | places}
        (folder / "model.safetensors.index.json").write_text(json.dumps(index))

    return plant


def linked_out(name: str) -> Fault:
    """The file moved out of the folder, and a link to it in its place."""

    def plant(folder: Path) -> None:
        outside = folder.parent / "model-evil"
        outside.mkdir()
        (folder / name).rename(outside / "moved")
        (folder / name).symlink_to(os.path.relpath(outside / "moved", (folder / name).parent))

    return plant


def loop(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()
    (folder / "tokenizer.json").symlink_to("tokenizer.json")


def template(text: Any) -> Fault:
    return edit("tokenizer_config.json", chat_template=text)


DEEP = "[" * 100_000 + "]" * 100_000
OWN = {"AutoConfig": "modeling_own.OwnConfig", "AutoModelForCausalLM": "modeling_own.OwnModel"}
SECRET = "{{ messages.__class__.__mro__ }}"

# By name: the fault, and words that its error must have.
HOSTILE: dict[str, tuple[Fault, str]] = {
    "pytorch_model.bin alone": (only("pytorch_model.bin"), "it has only pytorch_model.bin"),
    "model.pt alone": (only("model.pt"), "it has only model.pt"),
    "model.ckpt alone": (only("model.ckpt"), "it has only model.ckpt"),
    "model.pkl alone": (only("model.pkl"), "it has only model.pkl"),
    "no weights": (lambda folder: (folder / "model.safetensors").unlink(), "no safetensors weights"),
    # code
    "auto_map": (both(put_python, edit("config.json", auto_map=OWN)), "`auto_map`"),
    "auto_map of another repository": (
        edit("config.json", auto_map={"AutoConfig": "evil/repo--configuration.OwnConfig"}),
        "`auto_map`",
    ),
    "auto_map inside": (edit("config.json", text_config={"auto_map": OWN}), "`auto_map`"),
    "auto_map of the tokenizer": (
        both(put_python, edit("tokenizer_config.json", auto_map={"AutoTokenizer": ["modeling_own.T", None]})),
        "tokenizer_config.json: auto_map",
    ),
    "auto_map of a tokenizer, old form": (
        edit("tokenizer_config.json", auto_map=["modeling_own.T", None]),
        "`auto_map`",
    ),
    "auto_map of a processor": (
        edit("processor_config.json", auto_map={"AutoProcessor": "modeling_own.P"}),
        "processor_config.json: auto_map",
    ),
    "custom pipeline": (edit("config.json", custom_pipelines={"x": {"impl": "own.P"}}), "`custom_pipelines`"),
    "python file": (both(put_python, edit("config.json", model_file="./modeling_own.py")), "a Python file"),
    "kernel of the hub": (edit("config.json", _attn_implementation="evil/kernel"), "a kernel from the hub"),
    "kernel of the hub, by part": (
        edit("config.json", attn_implementation={"text_config": "evil/kernel@main:run"}),
        "a kernel from the hub",
    ),
    "quantizer": (edit("config.json", quantization_config={"quant_method": "quark"}), "is quantized"),
    # other files
    "another config": (
        both(
            edit("config.json", configuration_files=["config.1.0.0.json"]),
            edit("config.1.0.0.json", auto_map=OWN),
        ),
        "another config.json",
    ),
    "another tokenizer": (
        edit("tokenizer_config.json", fast_tokenizer_files=["tokenizer.4.0.json"]),
        "another tokenizer.json",
    ),
    "other weights": (
        both(
            lambda folder: put_pickle(folder, "adapter_model.bin"),
            edit("config.json", transformers_weights="adapter_model.bin"),
        ),
        "other weights",
    ),
    "arguments by position": (edit("tokenizer_config.json", init_inputs=["/etc/passwd"]), "by position"),
    "special token of a file": (edit("special_tokens_map.json", vocab_file="/etc/passwd"), "names a file"),
    "an adapter within": (
        both(
            edit("adapter_config.json", peft_type="LORA", base_model_name_or_path="/evil"),
            lambda folder: put_pickle(folder, "adapter_model.bin"),
        ),
        "holds an adapter too",
    ),
    # headers
    "header longer than the file": (weights({"a": entry()}, length=9_999), "9,999 bytes long; the file has"),
    "header over 100 MB": (weights({"a": entry()}, length=100_000_001), "the format allows 100,000,000"),
    "header of 2^63": (weights({"a": entry()}, length=1 << 63), "the format allows 100,000,000"),
    "no header": (write("model.safetensors", b""), "cut off"),
    "header no JSON": (weights(b"\x80\x04exec"), "is not valid JSON"),
    "header no object": (weights([1, 2]), "is no JSON object"),
    "header too deep": (weights(('{"a":' + DEEP + "}").encode()), "nested too deep"),
    "header of ten million parts": (
        weights(b'{"a":[' + b"[]," * 10_000_000 + b"[]]}"),
        "more than 3,000,000",
    ),
    "header with a key twice": (
        weights(b'{"a":%b,"a":%b}' % ((json.dumps(entry()).encode(),) * 2)),
        "'a' stands there twice",
    ),
    "header with a field twice": (
        weights(b'{"a":{"dtype":"F32","shape":[2],"shape":[9],"data_offsets":[0,8]}}'),
        "'shape' stands there twice",
    ),
    "metadata no text": (weights({"__metadata__": {"a": [1]}, "a": entry()}), "__metadata__"),
    "dtype unknown": (weights({"a": entry(dtype="F31")}), "dtype 'F31'"),
    "dtype no text": (weights({"a": entry(dtype=["F32"])}), "which the format does not have"),
    "dtype of another size": (weights({"a": entry(dtype="F64")}), "need 16"),
    "side negative": (weights({"a": entry(shape=[-1, -2])}), "negative, huge"),
    "side huge": (weights({"a": entry(0, 0, shape=[0, 1 << 62])}, b""), "negative, huge"),
    "side a fraction": (weights({"a": entry(shape=[2.0])}), "no whole numbers"),
    "side a truth": (weights({"a": entry(shape=[True, 2])}), "no whole numbers"),
    "a thousand sides": (weights({"a": entry(shape=[1] * 1000)}), "negative, huge"),
    "shape larger than its bytes": (weights({"a": entry(shape=[3])}), "need 12"),
    "overlap": (weights({"a": entry(), "b": entry(4, 12)}, b"\0" * 12), "overlap"),
    "same bytes twice": (weights({"a": entry(), "b": entry()}), "overlap"),
    "hole": (weights({"a": entry(), "b": entry(12, 20)}, b"\0" * 20), "a hole of 4 bytes before 'b'"),
    "hole at the start": (weights({"a": entry(8, 16)}, b"\0" * 16), "a hole of 8 bytes before 'a'"),
    "past the end": (weights({"a": entry(0, 16, shape=[4])}), "the file holds 8"),
    "backwards": (weights({"a": entry(8, 0)}), "not begin and end"),
    "offset negative": (weights({"a": entry(-8, 0)}), "not begin and end"),
    "offset of 2^64": (weights({"a": entry(0, (1 << 64) + 8)}), "its shape and dtype need"),
    "bytes at the end": (weights({"a": entry()}, b"\0" * 99), "91 bytes at the end"),
    "cut off": (grown("model.safetensors", 5_000), "the file holds"),
    # indexes
    "shard above": (sharded(x="../outside.safetensors"), "'../outside.safetensors', which is no safetensors"),
    "shard absolute": (sharded(x="/etc/x.safetensors"), "'/etc/x.safetensors', which is no safetensors"),
    "shard in a folder": (sharded(x="sub/x.safetensors"), "which is no safetensors file of this folder"),
    "shard hidden": (sharded(x="..safetensors"), "which is no safetensors file of this folder"),
    "shard a pickle": (
        both(sharded(x="x.bin"), lambda folder: put_pickle(folder, "x.bin")),
        "'x.bin', which is no",
    ),
    "shard absent": (sharded(x="b.safetensors"), "b.safetensors: there is no such file"),
    "shard without the tensor": (sharded(x="a.safetensors"), "says that a.safetensors holds 'x'"),
    "shard no text": (sharded(x=["a.safetensors"]), "which is no safetensors file"),
    "tensor in two shards": (
        both(
            sharded(b="b.safetensors"),
            write(
                "b.safetensors",
                file_of({"b": entry(), "model.norm.weight": entry(8, 16)}, b"\0" * 16),
            ),
        ),
        "stands in another shard too",
    ),
    "index without a map": (both(sharded(), write("model.safetensors.index.json", "{}")), "`weight_map`"),
    # links
    "config linked": (linked_out("config.json"), "config.json: is a link out of"),
    "weights linked": (linked_out("model.safetensors"), "model.safetensors: is a link out of"),
    "tokenizer linked": (linked_out("tokenizer.json"), "tokenizer.json: is a link out of"),
    "folder linked": (
        lambda folder: (folder / "1_Pooling").symlink_to("/etc"),
        "1_Pooling: is a link out of",
    ),
    "template linked": (
        both(
            write("additional_chat_templates/tool.jinja", "x"),
            linked_out("additional_chat_templates/tool.jinja"),
        ),
        "is a link out of",
    ),
    "device": (
        lambda folder: (folder / "added_tokens.json").symlink_to("/dev/zero"),
        "is a link out of",
    ),
    "link to itself": (loop, "link that leads nowhere|no tokenizer.json"),
    "pipe": (lambda folder: os.mkfifo(folder / "added_tokens.json"), "neither a file nor a folder"),
    # JSON
    "config no JSON": (write("config.json", "model_type: llama"), "config.json: is not valid JSON"),
    "config no object": (write("config.json", "[]"), "config.json: is no JSON object"),
    "config too deep": (write("config.json", '{"a":' + DEEP + "}"), "nested more than"),
    "config a little too deep": (
        write("config.json", '{"a":' + "[" * 80 + "]" * 80 + "}"),
        "nested more than",
    ),
    "config too large": (grown("config.json", 3 << 20), "reads at most 2,097,152"),
    "config no text": (write("config.json", b'{"a":"\xff"}'), "is not UTF-8 text"),
    "tokenizer no JSON": (write("tokenizer.json", "{'a': 1}"), "tokenizer.json: is not valid JSON"),
    "tokenizer too deep": (write("tokenizer.json", '{"a":' + DEEP + "}"), "nested more than"),
    "tokenizer too large": (grown("tokenizer.json", 300 << 20), "reads at most 134,217,728"),
    "tokenizer of ten million parts": (
        write("tokenizer.json", b'{"a":[' + b"0," * 10_000_000 + b"0]}"),
        "more than 8,000,000 parts",
    ),
    "added tokens too large": (
        both(write("added_tokens.json", "{}"), grown("added_tokens.json", 1 << 40)),
        "reads at most",
    ),
    # sizes
    "no layers": (edit("config.json", num_hidden_layers=0), "num_hidden_layers: 0 is no size"),
    "layers below zero": (edit("config.json", num_hidden_layers=-2), "-2 is no size"),
    "a billion layers": (edit("config.json", num_hidden_layers=10**9), "1000000000 is no size"),
    "width of 10^12": (edit("config.json", hidden_size=10**12), "hidden_size: 1000000000000 is no size"),
    "a billion tokens": (edit("config.json", vocab_size=10**9), "vocab_size: 1000000000 is no size"),
    "positions of 10^12": (edit("config.json", max_position_embeddings=10**12), "is no size"),
    "width a fraction": (edit("config.json", hidden_size=16.5), "16.5 is no size"),
    "width infinite": (edit("config.json", hidden_size=math.inf), "inf is no size"),
    "heads a truth": (edit("config.json", num_attention_heads=True), "True is no size"),
    "width a text": (edit("config.json", intermediate_size="32"), "intermediate_size: 32 is no size"),
    "a billion layers inside": (edit("config.json", text_config={"num_layers": 10**9}), "is no size"),
    "a billion experts in a list": (edit("config.json", num_experts=[8, 10**9]), "is no size"),
    # templates
    "template includes": (template("{% include '/etc/passwd' %}"), "loads another template"),
    "template imports": (template("{% import 'os' as os %}"), "loads another template"),
    "template imports from": (template("{% from 'os' import path %}"), "loads another template"),
    "template extends": (template("{% extends 'base' %}"), "loads another template"),
    "template reaches inside": (template(SECRET), "reaches for '__mro__'|reaches for '__class__'"),
    "template reaches by item": (template("{{ messages['__class__'] }}"), "reaches for '__class__'"),
    "template reaches by filter": (template("{{ messages|attr('__globals__') }}"), "'__globals__'"),
    "template no text": (template(7), "is no text"),
    "template no Jinja": (template("{% if %}"), "is not Jinja"),
    "template too long": (template("x" * (1 << 20) + "y"), "at most 1,048,576 characters"),
    "template too deep": (template("{{ " + "(" * 20_000 + ")" * 20_000 + " }}"), "too deep|is not Jinja"),
    "one template of several": (
        template([{"name": "default", "template": "x"}, {"name": "tool_use", "template": SECRET}]),
        "reaches for",
    ),
    "template file": (write("chat_template.jinja", SECRET), "chat_template.jinja: the chat template reaches"),
    "template file no text": (write("chat_template.jinja", b"\xff"), "is not UTF-8 text"),
    "additional template": (write("additional_chat_templates/tool.jinja", SECRET), "tool.jinja: the chat"),
}

# Faults of decoders only: for an encoder, they are none, or transformers finds them.
HOSTILE_DECODERS: dict[str, tuple[Fault, str]] = {
    "type unknown": (both(put_python, edit("config.json", model_type="own")), "no model of the type 'own'"),
    "type with code only": (edit("config.json", model_type="internlm"), "no model of the type 'internlm'"),
    "type no text": (edit("config.json", model_type=["llama"]), "no model of the type"),
    "type absent": (edit("config.json", model_type=None), "no model of the type 'None'"),
    "an encoder": (edit("config.json", model_type="bert"), "'bert' is no causal language model"),
    "an encoder and decoder": (edit("config.json", model_type="t5"), "'t5' is no causal language model"),
    "more layers than weights": (edit("config.json", num_hidden_layers=100), "describes .* the files hold"),
    "more tokens than weights": (edit("config.json", vocab_size=1 << 22), "describes .* the files hold"),
    "tables of a terabyte": (
        edit("config.json", model_type="gpt2", n_positions=1 << 20, n_embd=2, n_head=1),
        "describes .* the files hold|tables of",
    ),
    "heads that do not fit": (edit("config.json", num_attention_heads=3), "cannot make a model"),
    "activation unknown": (edit("config.json", hidden_act="__import__('os')"), "cannot make a model"),
}


def refusal(find: Callable[[str], Any], folder: Path) -> str:
    with pytest.raises(InputError) as caught:
        find(str(folder))
    assert caught.value.fix
    assert caught.value.where
    assert not marker(folder).exists()
    return str(caught.value)


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_folder_is_refused_by_name(case: str, model: Path, unrun: list[str]) -> None:
    fault, words = HOSTILE[case]
    fault(model)
    for find in (find_decoder, find_encoder):
        assert re.search(words, refusal(find, model))
    assert unrun == []


@pytest.mark.parametrize("case", HOSTILE_DECODERS)
def test_a_hostile_decoder_is_refused_before_memory_is_taken(
    case: str, model: Path, unrun: list[str]
) -> None:
    fault, words = HOSTILE_DECODERS[case]
    fault(model)
    assert re.search(words, refusal(find_decoder, model))
    assert unrun == []


# Controls: what is not hostile works, and the faults would have worked too.


def planted_links(model: Path) -> None:
    """A file elsewhere in the folder, and a link to it: nothing leaves the folder."""
    (model / "files").mkdir()
    (model / "config.json").rename(model / "files" / "config")
    (model / "config.json").symlink_to("files/config")


HARMLESS: dict[str, Fault] = {
    "nothing": lambda _: None,
    "a pickle beside the weights": lambda folder: put_pickle(folder, "pytorch_model.bin"),
    "a python file nobody names": put_python,
    "shards": sharded(),
    "links within": planted_links,
    "a template with a generation block": template(
        "{% for m in messages %}{% if m.role == 'x' %}{% break %}{% endif %}"
        "{% generation %}{{ m['content'] }}{% endgeneration %}{% endfor %}"
    ),
    "an auto_map of nothing": edit("config.json", auto_map={}),
    "files of other programs": both(write("trainer_log.json", DEEP), write("data_config.json", "[1]")),
    "positions for ten million tokens": edit("config.json", max_position_embeddings=10_485_760),
}


@pytest.mark.parametrize("case", HARMLESS)
def test_a_harmless_folder_gives_the_same_logits(case: str, clean: Path, model: Path) -> None:
    import torch

    HARMLESS[case](model)
    source = find_decoder(str(model))
    assert torch.equal(logits(source), logits(find_decoder(str(clean))))
    assert not marker(model).exists()
    assert find_encoder(str(model)).parameters == source.parameters


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_no_usual_architecture_is_refused(name: str, tmp_path: Path) -> None:
    import torch

    from whet.models.quiet import quiet_transformers

    built = tiny(name)
    with quiet_transformers():
        built.save_pretrained(tmp_path)
    source, ids = find_decoder(str(tmp_path)), torch.tensor([[5, 6, 7, 8]])
    assert (source.layers, source.dim, source.vocabulary) == (
        built.config.num_hidden_layers,
        built.config.hidden_size,
        built.config.vocab_size,
    )
    with torch.no_grad():
        assert torch.equal(load_decoder(source, "fp32")(input_ids=ids).logits, built(input_ids=ids).logits)


def test_the_facts_of_a_decoder(model: Path) -> None:
    import torch

    edit("tokenizer_config.json", model_max_length=48)(model)
    (model / "README.md").write_text("---\nlicense: mit\n---\n")
    source = find_decoder(str(model))
    assert (source.layers, source.dim, source.vocabulary, source.context) == (2, 16, 32, 48)
    assert (source.tied, source.local, source.licence) == (True, True, "mit")
    held = load_decoder(source, "fp32")
    assert source.parameters == sum(value.numel() for value in held.parameters())
    assert not held.training
    assert load_decoder(source, "bf16").dtype == torch.bfloat16


def hub_cache(model: Path, root: Path, *, shared: bool) -> Path:
    """The model in the layout of the hub's cache: a snapshot of links to blobs, or to a shared store."""
    repository = root / "models--somebody--small"
    snapshot = repository / "snapshots" / "0123abc"
    snapshot.mkdir(parents=True)
    (repository / "blobs").mkdir()
    for number, path in enumerate(sorted(model.iterdir())):
        blob = repository / "blobs" / f"{number:040x}"
        if shared:
            kept = root / "blobs" / "ab" / f"ab{number:062x}"
            kept.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, kept)
            blob.symlink_to(os.path.relpath(kept, blob.parent))
        else:
            shutil.copyfile(path, blob)
        (snapshot / path.name).symlink_to(f"../../blobs/{blob.name}")
    return snapshot


@pytest.mark.parametrize("shared", [False, True])
def test_the_links_of_the_hubs_cache_go_on_working(shared: bool, model: Path, tmp_path: Path) -> None:
    snapshot = hub_cache(model, tmp_path / "hub", shared=shared)
    assert find_encoder(str(snapshot)).parameters
    assert logits(find_decoder(str(snapshot))).isfinite().all()


@pytest.mark.parametrize("target", ["../../../secret", "../../../blobs/secret", "../../refs/main"])
def test_links_out_of_the_hubs_cache_are_refused(target: str, model: Path, tmp_path: Path) -> None:
    snapshot = hub_cache(model, tmp_path / "hub", shared=True)
    (snapshot / "added_tokens.json").symlink_to(target)
    assert "is a link out of" in refusal(find_decoder, snapshot)


def test_the_planted_code_would_have_run(model: Path) -> None:
    from transformers.dynamic_module_utils import get_class_from_dynamic_module

    put_pickle(model, "pytorch_model.bin")
    with (model / "pytorch_model.bin").open("rb") as stream:
        pickle.load(stream)
    assert marker(model).exists()
    marker(model).rmdir()
    put_python(model)
    try:
        get_class_from_dynamic_module("modeling_own.OwnModel", str(model))
    finally:
        for name in [name for name in sys.modules if name.startswith("transformers_modules")]:
            del sys.modules[name]
    assert marker(model).exists()


def test_transformers_alone_fills_absent_weights_with_random_numbers(model: Path) -> None:
    import transformers

    edit("config.json", num_hidden_layers=3)(model)
    grown_model = transformers.AutoModelForCausalLM.from_pretrained(model)
    assert len(grown_model.model.layers) == 3
    assert "describes" in refusal(find_decoder, model)


def test_absent_weights_are_named(model: Path) -> None:
    """As many parameters as the config asks for, under another name: only loading can tell."""
    path = model / "model.safetensors"
    path.write_bytes(path.read_bytes().replace(b"model.norm.weight", b"model.norm.weighs"))
    with pytest.raises(InputError, match=r"not in the files: model\.norm\.weight\."):
        load_decoder(find_decoder(str(model)), "fp32")


def test_weights_of_another_shape_are_named(model: Path) -> None:
    edit("config.json", intermediate_size=30)(model)
    with pytest.raises(InputError, match=r"of another shape: .*mlp"):
        load_decoder(find_decoder(str(model)), "fp32")


def test_a_tokenizer_that_is_none(model: Path) -> None:
    (model / "tokenizer.json").write_text('{"version": "1.0"}')
    with pytest.raises(InputError, match="cannot make a tokenizer"):
        load_tokenizer(find_decoder(str(model)))


def rendered(tokenizer: Any, text: str) -> str:
    """What transformers makes of a template, empty where it refuses."""
    from jinja2 import TemplateError

    said = [{"role": "user", "content": "w1"}]
    try:
        return str(tokenizer.apply_chat_template(said, chat_template=text, tokenize=False))
    except (TemplateError, TypeError):
        return ""


@pytest.mark.parametrize("text", ["{{ ''|attr('__cla' ~ 'ss__') }}", "{{ ''['__cla' ~ 'ss__'] }}"])
def test_templates_are_rendered_in_a_sandbox(text: str, clean: Path) -> None:
    """Names put together at run time pass the check. There the sandbox holds; without it, nothing does."""
    import jinja2

    check_template("here", text)
    tokenizer = load_tokenizer(find_decoder(str(clean)))
    assert rendered(tokenizer, "{{ messages[0].content }}") == "w1"
    assert rendered(tokenizer, text) == ""
    assert "str" in jinja2.Environment().from_string(text).render()


def test_templates_read_no_other_file(clean: Path) -> None:
    tokenizer = load_tokenizer(find_decoder(str(clean)))
    for text in ("{% include '/etc/passwd' %}", "{% include 'tokenizer.json' %}", "{% import 'os' as os %}"):
        assert rendered(tokenizer, text) == ""


# Safetensors of our own.


def test_check_safetensors_counts_what_the_library_reads(tmp_path: Path) -> None:
    import torch
    from safetensors.torch import save_file

    kinds = [torch.float32, torch.bfloat16, torch.int64, torch.bool, torch.uint8, torch.float8_e4m3fn]
    held = {str(kind): torch.zeros(3, 5, dtype=kind) for kind in kinds}
    held |= {"empty": torch.zeros(0, 4), "one": torch.tensor(1.0)}
    save_file(held, tmp_path / "a.safetensors", metadata={"format": "pt"})
    assert check_safetensors(tmp_path / "a.safetensors") == 15 * len(kinds) + 1


def test_a_damaged_header_is_refused_or_as_good_as_the_library_finds_it(clean: Path, tmp_path: Path) -> None:
    """1,000 random changes of the header: what passes here, the library opens, with the same count."""
    from safetensors import safe_open

    rng = random.Random(0)
    whole = (clean / "model.safetensors").read_bytes()
    (length,) = struct.unpack("<Q", whole[:8])
    path, passed = tmp_path / "a.safetensors", 0
    for _ in range(1000):
        damaged = bytearray(whole)
        for _ in range(rng.randint(1, 2)):
            damaged[rng.randrange(8 + length)] = rng.choice(b'0123456789[]{}:,"-eF\x00\xff')
        path.write_bytes(damaged)
        try:
            counted = check_safetensors(path)
        except InputError:
            continue
        passed += 1
        with safe_open(path, framework="pt") as opened:
            assert counted == sum(opened.get_tensor(name).numel() for name in opened.keys())  # noqa: SIM118
    assert 0 < passed < 500


# Adapters.


def adapter_weights(**tensors: Any) -> Fault:
    return write("adapter_model.safetensors", file_of(tensors))


def config_of_adapter(**changes: Any) -> Fault:
    return edit("adapter_config.json", **changes)


HOSTILE_ADAPTERS: dict[str, tuple[Fault, str]] = {
    "base by absolute path": (config_of_adapter(base_model_name_or_path="/evil/model"), "base by a path"),
    "base by relative path": (config_of_adapter(base_model_name_or_path="../evil"), "base by a path"),
    "base by hidden path": (config_of_adapter(base_model_name_or_path="./evil"), "base by a path"),
    "base by address": (config_of_adapter(base_model_name_or_path="http://evil/m"), "base by a path"),
    "base no text": (config_of_adapter(base_model_name_or_path=["a"]), "base by a path"),
    "whole modules": (config_of_adapter(modules_to_save=["lm_head"]), "`modules_to_save`, which replaces"),
    "library to import": (
        config_of_adapter(auto_mapping={"base_model_class": "system", "parent_library": "os"}),
        "`auto_mapping`, which names a library",
    ),
    "megatron": (config_of_adapter(megatron_config={"a": 1}), "`megatron_config`, which names a library"),
    "megatron by name": (config_of_adapter(megatron_core="os"), "`megatron_core`"),
    "layers copied": (config_of_adapter(layer_replication=[[0, 9_999_999]]), "`layer_replication`"),
    "another kind": (config_of_adapter(peft_type="PROMPT_TUNING"), "kind 'PROMPT_TUNING' is not read"),
    "kind absent": (config_of_adapter(peft_type=None), "kind 'None' is not read"),
    "endless pattern": (config_of_adapter(target_modules="(a+)+$"), "`target_modules` is no list"),
    "endless pattern in a list": (config_of_adapter(target_modules=["(a+)+$"]), "`target_modules` is no"),
    "endless pattern of ranks": (config_of_adapter(rank_pattern={"(a+)+$": 8}), "`rank_pattern` is no list"),
    "rank of a billion": (config_of_adapter(r=10**9), "a rank is a whole number"),
    "rank of a billion for one": (config_of_adapter(rank_pattern={"q_proj": 10**9}), "a rank is a whole"),
    "auto_map": (config_of_adapter(auto_map=OWN), "`auto_map`"),
    "config no JSON": (write("adapter_config.json", "r: 8"), "is not valid JSON"),
    "config absent": (lambda folder: (folder / "adapter_config.json").unlink(), "no adapter_config.json"),
    "weights a pickle": (
        both(
            lambda folder: (folder / "adapter_model.safetensors").unlink(),
            lambda folder: put_pickle(folder, "adapter_model.bin"),
        ),
        "no adapter_model.safetensors",
    ),
    "weights linked": (linked_out("adapter_model.safetensors"), "is a link out of"),
    "weights that lie": (adapter_weights(a=entry(0, 800, shape=[200])), "the file holds 8"),
    "weights of the base": (adapter_weights(**{"model.norm.weight": entry()}), "is no part of a LoRA"),
}


@pytest.mark.parametrize("case", HOSTILE_ADAPTERS)
def test_a_hostile_adapter_is_refused(
    case: str, clean_adapter: Path, tmp_path: Path, unrun: list[str]
) -> None:
    fault, words = HOSTILE_ADAPTERS[case]
    folder = Path(shutil.copytree(clean_adapter, tmp_path / "home" / "adapter"))
    fault(folder)
    assert re.search(words, refusal(lambda name: check_adapter(Path(name)), folder))
    assert unrun == []


def test_a_plain_adapter_passes_and_loads(clean: Path, clean_adapter: Path) -> None:
    import torch
    from peft import PeftModel

    source = find_decoder(str(clean))
    parameters = check_adapter(clean_adapter, source.name)
    base = load_decoder(source, "fp32")
    adapted = PeftModel.from_pretrained(base, clean_adapter)
    trained = sum(value.numel() for name, value in adapted.named_parameters() if "lora_" in name)
    assert parameters == trained == 2 * 2 * (2 * 16 + 2 * 16)
    assert torch.isfinite(adapted(input_ids=torch.tensor([[1, 2, 3]])).logits).all()


def test_an_adapter_may_name_the_folder_that_it_goes_onto(
    clean: Path, clean_adapter: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(clean_adapter, tmp_path / "adapter"))
    config_of_adapter(base_model_name_or_path=str(clean / ".." / "model"))(folder)
    assert check_adapter(folder, clean)
    with pytest.raises(InputError, match="base by a path"):
        check_adapter(folder, "somebody/small-model")


# Really pretrained models.


@pytest.mark.data
@pytest.mark.parametrize("name", ["weights/stories260k/hf", "weights/tinystories-656k"])
def test_a_pretrained_model_knows_childrens_stories(name: str, shared: Callable[[str], Path]) -> None:
    import torch

    source = find_decoder(str(shared(name)))
    ids = load_tokenizer(source)(STORY, return_tensors="pt")["input_ids"]
    with torch.no_grad():
        loss = load_decoder(source, "fp32")(input_ids=ids, labels=ids).loss.item()
    assert loss < 0.5 * math.log(source.vocabulary)
    shuffled = ids[:, torch.randperm(ids.shape[1], generator=torch.Generator().manual_seed(0))]
    with torch.no_grad():
        control = load_decoder(source, "fp32")(input_ids=shuffled, labels=shuffled).loss.item()
    assert control > loss + 1
