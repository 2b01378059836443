"""The fine-tuning API by OpenAI's own client: files, jobs, events, evals; a worker that is killed and goes
on."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from tests.conftest import tickets
from tests.hosted import app_of
from whet.database import opened, reading
from whet.errors import InputError
from whet.release.registry import Registry
from whet.serve.faults import Fault
from whet.serve.jobs import book as books
from whet.serve.jobs.book import Book, Lost
from whet.serve.jobs.chats import read_chats
from whet.serve.jobs.graders import filled, similarity
from whet.serve.jobs.hosted import Hosted, bases_of
from whet.serve.jobs.perform import perform
from whet.serve.jobs.plan import planned
from whet.serve.jobs.tables import JOBS, METADATA
from whet.serve.jobs.watch import Stopped, Watch

MODEL = "gpt-4o-mini-2024-07-18"
SYSTEM = "Name the queue that a ticket belongs to."


def chats(rows: list[tuple[str, str]], system: str = SYSTEM) -> bytes:
    """A training file as OpenAI's guide has it."""
    lines = []
    for text, label in rows:
        said = [("system", system), ("user", text), ("assistant", label)]
        messages = [{"role": role, "content": content} for role, content in said if content]
        lines.append(json.dumps({"messages": messages}))
    return "\n".join(lines).encode() + b"\n"


@pytest.fixture
def hosted(tmp_path: Path) -> Hosted:
    return Hosted(tmp_path / "store", tend=False)


@pytest.fixture
def client(hosted: Hosted) -> Iterator[openai.OpenAI]:
    """The official client, on the app itself."""
    with TestClient(app_of(hosted), raise_server_exceptions=False) as inside:
        yield openai.OpenAI(
            base_url="http://testserver/v1", api_key="none", http_client=inside, max_retries=0
        )


def uploaded(client: openai.OpenAI, data: bytes, name: str = "rows.jsonl") -> str:
    return client.files.create(file=(name, data), purpose="fine-tune").id


def test_files_come_and_go_in_openais_shapes(client: openai.OpenAI) -> None:
    data = chats(tickets(4))
    made = client.files.create(file=("rows.jsonl", data), purpose="fine-tune")
    assert (made.object, made.bytes, made.filename, made.status) == (
        "file",
        len(data),
        "rows.jsonl",
        "processed",
    )
    more = [uploaded(client, data, f"{n}.jsonl") for n in range(4)]
    assert [one.id for one in client.files.list(limit=2)] == [
        *more[::-1],
        made.id,
    ]  # pages follow one another
    assert client.files.retrieve(made.id) == made
    assert client.files.content(made.id).read() == data
    assert client.files.delete(made.id).deleted
    with pytest.raises(openai.NotFoundError, match="No such File object"):
        client.files.retrieve(made.id)
    assert made.id not in {one.id for one in client.files.list(purpose="fine-tune")}


@pytest.mark.parametrize(
    ("name", "purpose", "data", "said"),
    [
        ("a.jsonl", "batch", b"{}", "is not one of"),
        ("a.csv", "fine-tune", b"{}", "Must be .jsonl"),
        ("a.jsonl", "fine-tune", b"", "empty"),
        ("a" * 256 + ".jsonl", "fine-tune", b"{}", "characters"),
    ],
)
def test_a_file_that_cannot_be_used_is_told(
    client: openai.OpenAI, hosted: Hosted, name: str, purpose: Any, data: bytes, said: str
) -> None:
    with pytest.raises(openai.BadRequestError, match=said) as caught:
        client.files.create(file=(name, data), purpose=purpose)
    assert caught.value.type == "invalid_request_error"
    assert not list(hosted.files.folder.glob("*")) if hosted.files.folder.exists() else True


def test_a_name_of_a_file_leads_nowhere(client: openai.OpenAI, hosted: Hosted) -> None:
    """The bytes lie under the id, whatever a client calls them."""
    uploaded(client, b"{}\n", "../../escaped.jsonl")
    assert [path.parent for path in hosted.home.rglob("*.jsonl")] == [hosted.files.folder]
    for id_ in ("..%2Fwhet.db", "../whet.db"):
        with pytest.raises(Fault, match="No such File"):
            hosted.files.get(id_)


def test_a_job_waits_and_is_shown_as_openai_shows_it(client: openai.OpenAI) -> None:
    file = uploaded(client, chats(tickets(4)))
    job = client.fine_tuning.jobs.create(
        model=MODEL,
        training_file=file,
        suffix="tickets",
        seed=7,
        metadata={"team": "desk"},
        method={"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 3}}},
    )
    assert (job.object, job.status, job.model, job.seed) == ("fine_tuning.job", "validating_files", MODEL, 7)
    assert (job.hyperparameters.n_epochs, job.hyperparameters.batch_size) == (3, "auto")
    assert (job.fine_tuned_model, job.finished_at, job.error, job.result_files) == (None, None, None, [])
    assert client.fine_tuning.jobs.retrieve(job.id) == job
    told = list(client.fine_tuning.jobs.list_events(job.id, limit=1))
    assert [event.message for event in told][::-1] == [
        f"Created fine-tuning job: {job.id}",
        f"Validating training file: {file}",
    ]
    older = client.fine_tuning.jobs.create(model=MODEL, training_file=file, hyperparameters={"n_epochs": 2})
    assert older.hyperparameters.n_epochs == 2
    assert [one.id for one in client.fine_tuning.jobs.list(limit=1)] == [older.id, job.id]
    assert [one.id for one in client.fine_tuning.jobs.list(metadata={"team": "desk"})] == [job.id]
    assert list(client.fine_tuning.jobs.checkpoints.list(job.id)) == []


def test_a_job_is_paused_resumed_and_cancelled(client: openai.OpenAI) -> None:
    jobs = client.fine_tuning.jobs
    job = jobs.create(model=MODEL, training_file=uploaded(client, chats(tickets(4))))
    assert str(jobs.pause(job.id).status) == "paused"
    assert jobs.resume(job.id).status == "queued"
    with pytest.raises(openai.BadRequestError, match="queued"):
        jobs.resume(job.id)
    done = jobs.cancel(job.id)
    assert done.status == "cancelled"
    assert done.finished_at is not None
    with pytest.raises(openai.BadRequestError) as caught:
        jobs.cancel(job.id)
    assert caught.value.code == "invalid_job_state"
    with pytest.raises(openai.NotFoundError) as absent:
        jobs.retrieve("ftjob-none")
    assert absent.value.code == "fine_tune_not_found"


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"training_file": "file-none"}, "training_file"),
        ({"validation_file": "file-none"}, "validation_file"),
        ({"model": "ft:gpt-4o-mini:local::abc"}, "model"),
        ({"method": {"type": "dpo", "dpo": {}}}, "method.type"),
        ({"hyperparameters": {"n_epochs": 0}}, "hyperparameters.n_epochs"),
        ({"integrations": [{"type": "wandb", "wandb": {"project": "a"}}]}, "integrations"),
        ({"suffix": "a" * 65}, "suffix"),
        ({"metadata": {"a": "b" * 513}}, "metadata.a"),
        ({"extra_body": {"epochs": 3}}, "epochs"),
    ],
)
def test_what_a_job_cannot_be_is_told_by_its_part(
    client: openai.OpenAI, more: dict[str, Any], param: str
) -> None:
    asked = {"model": MODEL, "training_file": uploaded(client, chats(tickets(4))), **more}
    with pytest.raises(openai.BadRequestError) as caught:
        client.fine_tuning.jobs.create(**asked)
    assert (caught.value.param or "").startswith(param)
    assert list(client.fine_tuning.jobs.list()) == []


def test_a_model_stands_for_a_base(tmp_path: Path) -> None:
    hosted = Hosted(tmp_path / "store", bases_of([f"gpt-4o-mini={tmp_path}", "other=org/model"]), tend=False)
    assert hosted.base_of("gpt-4o-mini") == hosted.base_of(MODEL) == str(tmp_path)
    assert (hosted.base_of("other"), hosted.base_of("gpt-3.5-turbo")) == ("org/model", "")
    for wrong in (["a"], ["=b"], ["a=b", "a=c"]):
        with pytest.raises(InputError, match="NAME=FOLDER"):
            bases_of(wrong)


def created(hosted: Hosted, data: bytes, **more: Any) -> str:
    """A job in the book, with its file."""
    from io import BytesIO

    from whet.serve.jobs.asked import NewJob

    file = hosted.files.add("rows.jsonl", "fine-tune", BytesIO(data), owner="ana")
    asked = NewJob(model=MODEL, training_file=str(file["id"]), **more)
    return str(hosted.create(asked, owner="ana")["id"])


def test_one_worker_holds_a_job_until_its_lease_ends(hosted: Hosted, monkeypatch: pytest.MonkeyPatch) -> None:
    id_, book = created(hosted, b"{}"), hosted.book
    first = book.claim("here:1:0")
    assert first is not None
    assert first.id == id_
    assert book.claim("there:2:0") is None
    book.change(id_, "here:1:0", status="running")
    again = book.claim("here:3:0", host="here")  # who holds the machine's lock knows that its worker is gone
    assert again is not None
    with pytest.raises(Lost):
        book.change(id_, "here:1:0", status="running")
    monkeypatch.setattr(books, "LEASE", -1.0)
    book.change(id_, "here:3:0")
    assert book.waiting()
    assert book.claim("there:2:0") is not None


def test_work_stops_when_its_job_is_cancelled(hosted: Hosted, monkeypatch: pytest.MonkeyPatch) -> None:
    """And, the control, goes on while it is not."""
    monkeypatch.setattr("whet.serve.jobs.watch.BEAT", 0.01)
    id_ = created(hosted, b"{}")
    job = hosted.book.claim("here:1:0")
    assert job is not None
    with Watch(hosted.book, job, "here:1:0").beating() as watch:
        time.sleep(0.1)
        watch.tell("training: loss 1", 1, 10)
        hosted.book.cancel(id_)
        assert watch.lost.wait(5)
        with pytest.raises(Stopped):
            watch.tell("training: loss 1", 2, 10)
        with pytest.raises(Stopped):
            watch.change(status="running")
    assert hosted.book.show(id_)["status"] == "cancelled"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "line 2 is no JSON"),
        ('{"text": "a"}', "no list `messages`"),
        ('{"messages": [{"role": "robot", "content": "a"}]}', "is not a role"),
        ('{"messages": [{"role": "user", "content": "a"}]}', "does not end with a message of the assistant"),
        (
            '{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": " "}]}',
            "is empty",
        ),
        ('{"prompt": "a", "completion": 3}', "`completion` is no text"),
    ],
)
def test_every_fault_of_a_training_file_is_told_with_its_line(tmp_path: Path, line: str, said: str) -> None:
    path = tmp_path / "rows.jsonl"
    good = chats(tickets(4)).decode().splitlines()
    path.write_text("\n".join([good[0], line, *good[1:]]), encoding="utf-8")
    with pytest.raises(InputError, match=said):
        read_chats(path, "rows.jsonl")
    path.write_text("\n".join(good[:9]), encoding="utf-8")
    with pytest.raises(InputError, match="must have at least 10 examples"):
        read_chats(path, "rows.jsonl")
    path.write_text("\n".join(good), encoding="utf-8")
    assert read_chats(path, "rows.jsonl").plain


def test_a_job_whose_rows_cannot_be_learned_fails_with_the_reason(hosted: Hosted) -> None:
    id_ = created(hosted, b'{"messages": []}\n')
    job = hosted.book.claim("here:1:0")
    assert job is not None
    perform(hosted.book, hosted.files, job, "here:1:0")
    shown = hosted.book.show(id_)
    assert (shown["status"], shown["error"]["code"]) == ("failed", "invalid_training_file")
    assert "line 1" in shown["error"]["message"]
    assert shown["error"]["param"] == "training_file"


def test_the_answers_say_what_is_trained(hosted: Hosted, tmp_path: Path) -> None:
    from whet.config import DEFAULT_ENCODER

    created(hosted, chats(tickets(8)), hyperparameters={"n_epochs": 3, "batch_size": 4})
    job = hosted.book.claim("here:1:0")
    assert job is not None
    rows = read_chats(hosted.files.get(job.asked.training_file).path, "rows.jsonl")
    plan = planned(job, rows, None, tmp_path / "job")
    assert (plan.task.kind, plan.task.models, plan.task.rungs) == (
        "classify",
        [DEFAULT_ENCODER],
        ["floor", "head", "tune"],
    )
    assert (plan.task.tune.epochs, plan.task.instruction, plan.alone) == (3.0, SYSTEM, False)
    assert any("batch_size has no effect" in note for note in plan.notes)
    several = tmp_path / "several.jsonl"
    several.write_bytes(chats(tickets(4), system="") + chats(tickets(4)))
    with pytest.raises(InputError, match="several system messages") as caught:
        planned(job, read_chats(several, "several.jsonl"), None, tmp_path / "other")
    assert f"--base {MODEL}=FOLDER" in caught.value.fix


@pytest.mark.data
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_conversations_are_learned_by_a_base_that_writes(
    tmp_path: Path, shared: Callable[[str], Path]
) -> None:
    base = shared("weights/stories260k/hf")
    hosted = Hosted(tmp_path / "store", {"gpt-4o-mini": str(base)}, tend=False)
    lines = []
    draw = random.Random(0)
    for _ in range(60):
        words = ["".join(draw.choices("abdeghilmnoprstu", k=6)) for _ in range(4)]
        said = [
            ("user", " ".join(words)),
            ("assistant", "Tom"),
            ("user", "who else?"),
            ("assistant", "Tim"),
        ]
        lines.append(json.dumps({"messages": [{"role": r, "content": c} for r, c in said]}))
    settings = {"n_epochs": 1, "batch_size": 8, "learning_rate_multiplier": 20.0}
    id_ = created(hosted, "\n".join(lines).encode(), hyperparameters=settings, suffix="Cats and Co")
    job = hosted.book.claim("here:1:0")
    assert job is not None
    perform(hosted.book, hosted.files, job, "here:1:0")
    shown = hosted.book.show(id_)
    assert shown["status"] == "succeeded", shown["error"]
    assert shown["fine_tuned_model"] == f"ft:{MODEL}:local:cats-and-co:{id_[-8:]}"
    marks = hosted.book.checkpoints(id_, after=None, limit=10)["data"]
    assert marks
    assert all(mark["metrics"]["full_valid_loss"] > 0 for mark in marks)
    table = hosted.files.get(shown["result_files"][0]).path.read_text().splitlines()
    assert table[0].startswith("step,train_loss")
    assert len(table) == 1 + len(marks)
    assert shown["trained_tokens"] > 0
    told = [event["message"] for event in hosted.book.events(id_, after=None, limit=100)["data"]]
    assert any(message.startswith("Conversations have no held-out figures") for message in told)
    assert Registry(hosted.home).releases() == []


@contextlib.contextmanager
def serving(home: Path) -> Iterator[tuple[openai.OpenAI, subprocess.Popen[bytes]]]:
    """A server of its own; killed, not ended."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "tests.hosted", str(home), str(port)]
    with subprocess.Popen(command) as server:
        client = openai.OpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key="none", max_retries=40)
        try:
            yield client, server
        finally:
            server.kill()


def worker_of(home: Path, job: str) -> int:
    """The process that works on a job; 0: nobody does."""
    with reading(opened(home, METADATA)) as connection:
        held = connection.execute(select(JOBS.c.worker).where(JOBS.c.id == job)).scalar()
    return int(held.split(":")[1]) if held else 0


def until(true: Callable[[], Any], seconds: float = 600.0) -> Any:
    end = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.1)
    return found


@pytest.mark.skipif(not os.environ.get("WHET_LONG"), reason="long: WHET_LONG=1 asks for it")
def test_a_job_outlives_the_server_and_a_killed_worker(tmp_path: Path) -> None:
    """The server is killed while the job runs, then the worker; another server finds it, and it goes on."""
    home = tmp_path / "store"
    with serving(home) as (client, _):
        file = client.files.create(file=("rows.jsonl", chats(tickets(20))), purpose="fine-tune").id
        settings = {"n_epochs": 1}
        job = client.fine_tuning.jobs.create(model=MODEL, training_file=file, hyperparameters=settings)  # type: ignore[arg-type]
        until(lambda: client.fine_tuning.jobs.retrieve(job.id).status == "running")
    first = worker_of(home, job.id)
    run = home / "jobs" / job.id / "run" / "manifest.json"
    until(lambda: run.is_file() and "rung head" in json.dumps(json.loads(run.read_text())["steps"]))
    before = json.loads(run.read_text())["steps"]
    assert Book(home).show(job.id)["status"] == "running"  # without any server
    os.kill(first, signal.SIGKILL)
    with serving(home) as (client, _):
        until(lambda: client.fine_tuning.jobs.retrieve(job.id).status in ("succeeded", "failed"))
        done = client.fine_tuning.jobs.retrieve(job.id)
        assert done.status == "succeeded", done.error
        assert done.fine_tuned_model == f"ft:{MODEL}:local::{job.id[-8:]}"
        told = [event.message for event in client.fine_tuning.jobs.list_events(job.id, limit=100)]
        assert told[0] == "The job has successfully completed"
        assert any(message.startswith("Held-out rows say: ") for message in told)
        assert "The job goes on where it stopped" in told
        assert list(client.fine_tuning.jobs.checkpoints.list(job.id))
        assert b"step" in client.files.content(done.result_files[0]).read()
    steps = json.loads(run.read_text())["steps"]
    assert steps["rung head"] == before["rung head"]  # kept, not done again
    assert steps.keys() > before.keys()


def evaluated(client: openai.OpenAI, criteria: list[Any], rows: list[dict[str, Any]]) -> Any:
    schema: dict[str, object] = {"type": "object", "properties": {"text": {"type": "string"}}}
    made = client.evals.create(
        name="tickets",
        data_source_config={"type": "custom", "item_schema": schema, "include_sample_schema": True},
        testing_criteria=criteria,
    )
    source: Any = {"type": "jsonl", "source": {"type": "file_content", "content": rows}}
    run = client.evals.runs.create(made.id, data_source=source)
    return until(
        lambda: (r := client.evals.runs.retrieve(run.id, eval_id=made.id)).status == "completed" and r, 30
    )


def test_evals_grade_rows_by_openais_criteria(client: openai.OpenAI) -> None:
    check = {"type": "string_check", "name": "same", "operation": "ilike"}
    like = {
        "type": "text_similarity",
        "name": "near",
        "evaluation_metric": "fuzzy_match",
        "pass_threshold": 0.8,
    }
    texts = {"input": "{{sample.output_text}}", "reference": "{{item.label}}"}
    rows = [
        {"item": {"label": "refund"}, "sample": {"output_text": "Refund"}},
        {"item": {"label": "refund"}, "sample": {"output_text": "parcel"}},
        {"item": {"other": "refund"}, "sample": {"output_text": "refund"}},
    ]
    run = evaluated(client, [{**check, **texts}, {**like, **texts}], rows)
    counts = run.result_counts
    assert (counts.total, counts.passed, counts.failed, counts.errored) == (3, 1, 1, 1)
    each = {one.testing_criteria: (one.passed, one.failed) for one in run.per_testing_criteria_results}
    assert each == {"same": (1, 1), "near": (1, 1)}
    items = list(client.evals.runs.output_items.list(run.id, eval_id=run.eval_id))
    assert [item.status for item in items] == ["pass", "fail", "error"]
    assert items[1].results[0].name == "same"
    assert client.evals.runs.delete(run.id, eval_id=run.eval_id).deleted
    assert client.evals.delete(run.eval_id).deleted
    with pytest.raises(openai.NotFoundError):
        client.evals.retrieve(run.eval_id)


@pytest.mark.parametrize(
    "criterion",
    [
        {"type": "python", "name": "own", "source": "def grade(sample, item): return 1.0"},
        {"type": "score_model", "name": "own", "model": "a", "input": []},
        {"type": "string_check", "name": "own", "input": "a", "reference": "b", "operation": "almost"},
        {
            **{"type": "text_similarity", "name": "own", "input": "a", "reference": "b"},
            **{"evaluation_metric": "bleu", "pass_threshold": 0.5},
        },
        {
            **{
                "type": "label_model",
                "name": "own",
                "model": "a",
                "input": [{"role": "user", "content": "a"}],
            },
            **{"labels": ["a"], "passing_labels": ["b"]},
        },
    ],
)
def test_what_is_not_graded_here_is_refused(client: openai.OpenAI, criterion: Any) -> None:
    with pytest.raises(openai.BadRequestError):
        evaluated(client, [criterion], [{"item": {}}])


def test_a_label_model_is_asked_for_one_of_its_labels(hosted: Hosted, client: openai.OpenAI) -> None:
    asked: list[Any] = []

    def asks(model: str, messages: Any, labels: Any) -> str:
        asked.append((model, messages, labels))
        return "good" if "refund" in messages[0]["content"] else "bad"

    hosted.evals.asks = asks
    criterion: dict[str, Any] = {
        "type": "label_model",
        "name": "judge",
        "model": "m",
        "labels": ["good", "bad"],
    }
    criterion |= {"passing_labels": ["good"], "input": [{"role": "user", "content": "Is {{item.text}} so?"}]}
    run = evaluated(client, [criterion], [{"item": {"text": "a refund"}}, {"item": {"text": "a cat"}}])
    assert (run.result_counts.passed, run.result_counts.failed) == (1, 1)
    assert asked[0] == ("m", [{"role": "user", "content": "Is a refund so?"}], ["good", "bad"])


def test_measures_of_likeness() -> None:
    assert similarity("rouge_1", "the cat sat", "the cat") == pytest.approx(0.8)
    assert similarity("rouge_2", "the cat sat", "the cat") == pytest.approx(2 / 3)
    assert similarity("rouge_l", "a b", "a b") == similarity("fuzzy_match", "a", "a") == 1.0
    assert similarity("rouge_3", "a b", "a b") == 0.0


def test_templates_fill_only_what_is_there() -> None:
    known = {"item": {"a": {"b": [1, "x"]}}, "sample": {}}
    assert filled("{{item.a.b[1]}} {{ item.a }}", known) == 'x {"b": [1, "x"]}'
    for wrong in ("{{item.c}}", "{{item.__class__}}", "{{item.a.b[2]}}"):
        with pytest.raises(Fault, match="does not have"):
            filled(wrong, known)


def test_a_run_that_a_server_left_is_told_as_failed(hosted: Hosted, client: openai.OpenAI) -> None:
    check = {"type": "string_check", "name": "a", "operation": "eq", "input": "a", "reference": "a"}
    run = evaluated(client, [check], [{"item": {}}])
    from sqlalchemy import update

    from whet.database import writing
    from whet.serve.jobs.tables import RUNS

    with writing(opened(hosted.home, METADATA)) as connection:
        connection.execute(update(RUNS).values(status="in_progress"))
    assert client.evals.runs.retrieve(run.id, eval_id=run.eval_id).status == "in_progress"
    hosted.evals._here.clear()
    found = client.evals.runs.retrieve(run.id, eval_id=run.eval_id)
    assert (found.status, found.error.code) == ("failed", "interrupted")
