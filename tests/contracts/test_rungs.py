"""One contract for all rungs, ours and outsiders': what ``whet/rungs/base.py`` promises, held."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tests.conftest import SHARED, examples, tickets, trips
from tests.standin import MODEL, StandIn
from whet.config import task_from
from whet.config_models import EndpointModel
from whet.data.outputs import json_of
from whet.errors import InputError
from whet.models.decoder import find_decoder
from whet.models.endpoint import Endpoint
from whet.models.opening import Local
from whet.records import Example, FitInfo, Label, Prediction, Specialist
from whet.retrieve.documents import Document, Documents
from whet.rungs.base import LOOKS_UP, WRITES, Rung, Setting, all_rungs, load_specialist
from whet.rungs.head import Head
from whet.rungs.tune import Tune
from whet.tuning import teach

ROWS = tickets(30, seed=3)
TRAIN, DEV = examples(ROWS[:54]), examples(ROWS[54:72], 54)
INPUTS = [text for text, _ in ROWS[72:]]
TRIPS = trips(100, seed=5)
VALUES = examples(TRIPS[:60]), examples(TRIPS[60:80], 60), [text for text, _ in TRIPS[80:]]
LABELS = tuple(Label(name) for name in ("login", "parcel", "refund"))
CLOSE = 1e-5


def predictions_file(folder: Path) -> Path:
    rows = [{"input": text, "output": label} for text, label in ROWS]
    path = folder / "today.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return path


def setting(folder: Path, several: bool = False) -> Setting:
    existing = {"predictions": predictions_file(folder).name}
    return Setting(labels=LABELS, existing=existing, folder=folder, multi_label=several)


def learning(folder: Path, given: Setting) -> Setting:
    """With documents, and the smallest model that can be trained."""
    base = SHARED / "weights" / "stories260k" / "hf"
    if not base.is_dir():
        pytest.skip("the data set weights/stories260k is not at hand")
    if not os.environ.get("WHET_CONTRACT"):
        pytest.skip("three trainings take minutes: WHET_CONTRACT=all runs them")
    tune = {"epochs": 0.2, "batch": 16, "rank": 4, "precision": "fp32", "device": "cpu", "score": "loss"}
    task = task_from({"task": "t", "examples": "e", "fields": {"input": "a", "output": "b"}, "tune": tune})
    texts = [
        f"The desk for {name} is open. Ask there about {name}." for name in ("login", "parcel", "refund")
    ]
    documents = Documents(tuple(Document(f"{n}.txt", text) for n, text in enumerate(texts)))
    how = partial(teach, task, folder / "taught", given.tell)
    writers = [Local(find_decoder(str(base)))]
    return replace(given, writers=writers, documents=documents, teach=how, answer_tokens=4)


CASES = [
    *[(name, rung, {}) for name, rung in all_rungs().items()],
    ("tune by lora", Tune, {"methods": ["lora"]}),
    ("tune in full", Tune, {"methods": ["full"]}),
    ("head on words", Head, {"of": "values"}),
    ("tune on words by lora", Tune, {"of": "values", "methods": ["lora"], "epochs": 3}),
    ("tune on words in full", Tune, {"of": "values", "methods": ["full"], "epochs": 3}),
]


@dataclass(frozen=True)
class Case:
    """A rung fitted once for all the tests below."""

    rung: Rung
    specialist: Specialist
    answers: list[Prediction]
    train: list[Example] = field(default_factory=lambda: TRAIN)
    dev: list[Example] = field(default_factory=lambda: DEV)
    inputs: list[str] = field(default_factory=lambda: INPUTS)


@pytest.fixture(scope="module")
def server() -> Iterator[StandIn]:
    running = StandIn()
    running.script()
    yield running
    running.close()


@pytest.fixture(scope="module", params=CASES, ids=[name for name, _, _ in CASES])
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, server: StandIn) -> Case:
    _, rung_class, options = request.param
    given = replace(setting(tmp_path_factory.mktemp("setting")), tune=options)
    if getattr(rung_class, "forms", None) == (WRITES,):
        served = EndpointModel.model_validate({"endpoint": server.url, "model": MODEL})
        given = replace(given, writers=[Endpoint(served)])
    if getattr(rung_class, "forms", None) == (LOOKS_UP,):
        given = learning(tmp_path_factory.mktemp("learning"), given)
    train, dev, inputs = TRAIN, DEV, INPUTS
    if options.get("of") == "values":
        given = replace(given, kind="extract", labels=())
        train, dev, inputs = VALUES
    rung: Rung = rung_class(setting=given)
    specialist = rung.fit(train, dev)
    return Case(rung, specialist, specialist.predict(inputs), train, dev, inputs)


def same(first: Sequence[Prediction], second: Sequence[Prediction]) -> bool:
    """Equal outputs, and confidences that differ by rounding only."""
    return len(first) == len(second) and all(
        a.output == b.output and abs(a.confidence - b.confidence) < CLOSE
        for a, b in zip(first, second, strict=True)
    )


def test_it_is_made_without_arguments(case: Case) -> None:
    assert type(case.rung)() is not None


def test_it_names_itself(case: Case) -> None:
    assert isinstance(case.rung, Rung)
    assert case.rung.name in all_rungs()
    assert case.rung.kinds


def test_one_prediction_an_input(case: Case) -> None:
    assert len(case.answers) == len(case.inputs)
    assert case.specialist.predict([]) == []


def test_outputs_are_labels_and_confidences_are_probabilities(case: Case) -> None:
    if case.inputs is INPUTS:
        assert {a.output for a in case.answers} <= {label.name for label in LABELS}
    else:
        assert all(a.output == json_of(str(a.output)) for a in case.answers)
    assert all(0.0 <= a.confidence <= 1.0 for a in case.answers)
    assert all(a.seconds >= 0 and a.usd >= 0 for a in case.answers)


def test_fitting_twice_equals_fitting_once(case: Case) -> None:
    again = case.rung.fit(case.train, case.dev)
    assert same(again.predict(case.inputs), case.answers)
    assert again.info.choices == case.specialist.info.choices


def test_given_its_choices_it_fits_the_same(case: Case) -> None:
    """The learning curve leans on this: choices given back are not searched again."""
    chosen = replace(case.rung, choices=case.specialist.info.choices)  # type: ignore[type-var]
    assert same(chosen.fit(case.train, case.dev).predict(case.inputs), case.answers)


def test_order_and_batch_do_not_matter(case: Case, tmp_path: Path) -> None:
    """Asked of a loaded specialist: a fitted one may remember the texts it has read."""
    case.specialist.save(tmp_path / "it")
    loaded = load_specialist(tmp_path / "it")
    order = list(range(len(case.inputs)))
    random.Random(1).shuffle(order)
    assert same(loaded.predict([case.inputs[i] for i in order]), [case.answers[i] for i in order])
    alone = [loaded.predict([text])[0] for text in case.inputs[:6]]
    assert same(alone, case.answers[:6])


def test_save_then_load_predicts_the_same(case: Case, tmp_path: Path) -> None:
    case.specialist.save(tmp_path / "one")
    loaded = load_specialist(tmp_path / "one")
    assert same(loaded.predict(case.inputs), case.answers)
    assert loaded.info.choices == case.specialist.info.choices
    loaded.save(tmp_path / "two")
    assert same(load_specialist(tmp_path / "two").predict(case.inputs), case.answers)


def test_the_folder_holds_safetensors_json_and_text_only(case: Case, tmp_path: Path) -> None:
    case.specialist.save(tmp_path / "it")
    endings = {path.suffix for path in (tmp_path / "it").rglob("*") if path.is_file()}
    assert endings <= {".safetensors", ".json", ".txt", ".md"}


def test_what_it_cost_is_told(case: Case) -> None:
    info = case.specialist.info
    assert info.seconds > 0
    assert 0.0 <= info.dev_score <= 1.0
    assert (info.parameters_trained > 0) == case.rung.trains


def test_a_held_out_output_is_never_seen(case: Case) -> None:
    """Wrong outputs on the held-out inputs change nothing, for nobody gives them to the rung; and what
    it learned does not come from dev's outputs alone: the contract's ``fit`` has no test argument."""
    import inspect

    assert list(inspect.signature(case.rung.fit).parameters) == ["train", "dev"]
    assert list(inspect.signature(case.specialist.predict).parameters) == ["inputs"]


SEVERAL = ["prompt", "prompt+", "fewshot", "retrieve", "head", "floor", "tune"]


@pytest.mark.parametrize("name", SEVERAL)
def test_several_labels_per_input(name: str, tmp_path: Path) -> None:
    """Sets of labels go in and come out, and beat the empty answer where the rung reads the input."""
    rng = random.Random(5)
    rows = tickets(30, seed=4)
    both = [
        Example(str(i), f"{a} and also {b}", tuple(sorted({la, lb})), f"f:{i}")
        for i, ((a, la), (b, lb)) in enumerate((rng.choice(rows), rng.choice(rows)) for _ in range(150))
    ]
    given = replace(setting(tmp_path, several=True), tune={"methods": ["full"]})
    rung = all_rungs()[name](setting=given)  # type: ignore[call-arg]
    specialist = rung.fit(both[:90], both[90:110])
    answers = specialist.predict([e.input for e in both[110:]])
    assert all(isinstance(a.output, tuple) for a in answers)
    right = sum(a.output == e.output for a, e in zip(answers, both[110:], strict=True))
    assert right >= (4 if name in {"floor", "prompt", "prompt+"} else 18)
    specialist.save(tmp_path / "s")
    assert same(load_specialist(tmp_path / "s").predict([e.input for e in both[110:]]), answers)


@dataclass(frozen=True)
class _Counter:
    """A specialist that breaks the contract: what it answers depends on what it was asked before."""

    info: FitInfo = field(default_factory=FitInfo)
    asked: list[str] = field(default_factory=list)

    def predict(self, inputs: Sequence[str]) -> list[Prediction]:
        self.asked.extend(inputs)
        return [Prediction(LABELS[(len(self.asked) + i) % 3].name, 0.5) for i in range(len(inputs))]

    def save(self, folder: Path) -> None:
        (folder).mkdir(parents=True)
        card = {"format": 1, "rung": "floor", "output": "login", "confidence": 0.5, "info": {}}
        (folder / "specialist.json").write_text(json.dumps(card), encoding="utf-8")


@dataclass(frozen=True)
class _Breaking:
    name: ClassVar[str] = "floor"
    kinds: ClassVar[tuple[str, ...]] = ("classify",)
    trains: ClassVar[bool] = False
    choices: dict[str, Any] = field(default_factory=dict)

    def fit(self, train: Sequence[Example], dev: Sequence[Example]) -> _Counter:
        return _Counter()

    @classmethod
    def load(cls, folder: Path, card: Any) -> _Counter:
        return _Counter()


def test_a_rung_that_breaks_the_contract_is_caught(tmp_path: Path) -> None:
    rung = _Breaking()
    specialist = rung.fit(TRAIN, DEV)
    broken = Case(rung, specialist, specialist.predict(INPUTS))
    with pytest.raises(AssertionError):
        test_order_and_batch_do_not_matter(broken, tmp_path)


def test_existing_without_a_source_says_what_to_set(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"existing: .*command \| url \| predictions"):
        all_rungs()["existing"]().fit(TRAIN, DEV)


def test_a_folder_that_is_no_specialist(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not a specialist"):
        load_specialist(tmp_path)
