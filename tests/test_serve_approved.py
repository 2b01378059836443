"""What the registry does not allow is served by no route; shares, traffic and feedback of what it allows."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.releases import APPROVER, approved, copy_of, put_forward, small_run
from tests.spoilt import SPOILT, Spoil, good, relabel
from whet.config_monitor import Monitoring
from whet.errors import Refused
from whet.monitor.review import Queue
from whet.monitor.subject import subject_of
from whet.monitor.traffic import Traffic
from whet.release import checked
from whet.release.keys import ROLES, Keys
from whet.release.made_of import Base
from whet.release.registry import FOLDER, Registry
from whet.serve.app import app_of
from whet.serve.asking import Answering
from whet.serve.catalogue import About, place
from whet.serve.starting import Wanted, serving_of
from whet.store import file_digest, folder_digests, value_digest, write_json

NAME, TEXT = "small-tickets", "write to ana@example.com, where is my parcel?"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_run(tmp_path_factory.mktemp("small"))


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "store")


@contextmanager
def client_of(registry: Registry, **more: Any) -> Iterator[TestClient]:
    serving = serving_of(Wanted(home=registry.home, **more))
    with TestClient(app_of(serving), base_url="http://127.0.0.1", raise_server_exceptions=False) as client:
        yield client


def ways(name: str) -> list[tuple[str, str, dict[str, Any]]]:
    """Every route that names a model."""
    message = {"messages": [{"role": "user", "content": TEXT}]}
    return [
        ("POST", "/v1/chat/completions", {"model": name, **message}),
        ("POST", "/v1/chat/completions", {"model": name, **message, "stream": True}),
        ("POST", "/v1/completions", {"model": name, "prompt": TEXT}),
        ("POST", "/v1/predict", {"model": name, "input": TEXT}),
        ("POST", "/v1/embeddings", {"model": name, "input": TEXT}),
        ("GET", f"/v1/models/{name}", {}),
    ]


def statuses(client: TestClient, name: str, secret: str = "") -> set[int]:
    headers = {"authorization": f"Bearer {secret}"} if secret else {}
    found = [client.request(how, path, json=body, headers=headers) for how, path, body in ways(name)]
    return {answer.status_code for answer in found}


@pytest.mark.parametrize(("spoil", "rung"), SPOILT, ids=lambda one: getattr(one, "__name__", one))
def test_what_is_not_approved_is_served_by_no_route_and_to_no_role(
    registry: Registry, run: Path, spoil: Spoil, rung: str
) -> None:
    keys = [Keys(registry.home).add(role, role, by=APPROVER)[1] for role in ROLES]
    id_ = spoil(registry, run, rung)
    with client_of(registry) as client:
        for secret in keys:
            for name in (id_, NAME, "ft:one"):
                assert not answered(client, name, secret)


def test_what_is_good_is_served_to_who_may_ask(registry: Registry, run: Path) -> None:
    """The control of the matrix."""
    id_ = good(registry, run, "floor")
    keys = {role: Keys(registry.home).add(role, role, by=APPROVER)[1] for role in ROLES}
    with client_of(registry) as client:
        for role, secret in keys.items():
            may = [answered(client, name, secret) for name in (id_, NAME, "ft:one")]
            assert may == [4 if "ask" in ROLES[role] else 0] * 3, role


def answered(client: TestClient, name: str, secret: str) -> int:
    """By how many routes a model answers."""
    headers = {"authorization": f"Bearer {secret}"}
    asked = [way for way in ways(name) if way[0] == "POST"]
    return sum(
        client.request(m, path, json=body, headers=headers).status_code == 200 for m, path, body in asked
    )


def test_what_is_live_is_served_and_stops_at_once_when_it_is_retired(registry: Registry, run: Path) -> None:
    release = approved(registry, run)
    with client_of(registry) as client:
        for name in (NAME, release.id):
            assert statuses(client, name) == {200, 400}  # 400: it makes no embeddings
        registry.retire(release.id, by=APPROVER)
        for name in (NAME, release.id):
            assert statuses(client, name) == {404}
        second = approved(registry, run)
        assert client.post("/v1/predict", json={"input": TEXT}).json()["release"] == second.id


def test_a_server_of_one_name_serves_no_other(registry: Registry, run: Path) -> None:
    approved(registry, run)
    other = approved(registry, run, name="other")
    with client_of(registry, names=[NAME]) as client:
        assert statuses(client, other.id) == {404}
        assert [one["id"] for one in client.get("/v1/models").json()["data"]] == [NAME]


class Changed:
    """A release whose answer is told from the others'."""

    def __init__(self, inner: Answering, output: str):
        self._inner, self._output = inner, output

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def answer(self, *given: Any) -> Any:
        reply = await self._inner.answer(*given)
        return replace(reply, text=self._output, output=self._output)


def test_a_canary_takes_its_share_and_the_same_user_goes_the_same_way(registry: Registry, run: Path) -> None:
    live, other = approved(registry, run), put_forward(registry, run)
    with pytest.raises(Refused), client_of(registry, canary=f"{other.id}:0.3"):
        pass
    registry.approve(other.id, by=APPROVER)
    with client_of(registry, canary=f"{other.id}:0.3") as client:

        def answered_by(user: str) -> str:
            found = client.post("/v1/predict", json={"model": NAME, "input": TEXT, "user": user})
            assert found.headers["x-whet-release"] == found.json()["release"]
            return str(found.json()["release"])

        users = [f"user {n}" for n in range(200)]
        ids = [answered_by(user) for user in users]
        assert set(ids) == {live.id, other.id}
        # 200 draws at 0.3: 60 +- 6.5; four of these each way are missed once in 15,000 times.
        assert 34 <= ids.count(other.id) <= 86
        assert ids.count(other.id) + ids.count(live.id) == len(users)
        assert [answered_by(user) for user in users[:20]] == ids[:20]
        assert ids == [other.id if place(user) < 0.3 else live.id for user in users]


def test_a_shadow_answers_beside_and_is_kept_redacted(
    registry: Registry, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    live, other = approved(registry, run), put_forward(registry, run)
    registry.approve(other.id, by=APPROVER)
    serving = serving_of(Wanted(home=registry.home, shadow=f"{other.id}:1.0"))
    opened = serving.catalogue.source.open

    def open_changed(about: About) -> Any:
        inner = opened(about)
        return Changed(inner, "refund") if about.id == other.id else inner

    monkeypatch.setattr(serving.catalogue.source, "open", open_changed)
    with TestClient(app_of(serving), base_url="http://127.0.0.1") as client:
        found = client.post("/v1/predict", json={"input": TEXT, "user": "ana"}).json()
        assert found["release"] == live.id
        id_ = found["data"][0]["id"]
        told = {"id": id_, "good": 0, "truth": "refund"}
        until = time.monotonic() + 10  # the row is written once the shadow has answered
        while (
            said := client.post("/v1/feedback", json=told).status_code
        ) == 404 and time.monotonic() < until:
            time.sleep(0.02)
        assert said == 200
        assert client.post("/v1/feedback", json={**told, "id": "none"}).status_code == 404
    (row,) = Traffic(registry.home, Monitoring()).since()
    assert (row.id, row.release, row.shadow, row.shadow_output) == (id_, live.id, other.id, "refund")
    assert (row.feedback, row.truth) == (0.0, "refund")
    assert "ana@example.com" not in row.input
    assert "where is my parcel?" in row.input


def test_an_unsure_answer_says_so_and_is_marked_for_review(registry: Registry, run: Path) -> None:
    approved(registry, run)
    with client_of(registry, threshold=0.99) as client:
        body = {"model": NAME, "messages": [{"role": "user", "content": TEXT}]}
        told = client.post("/v1/chat/completions", json=body).json()["whet"]
        assert told["unsure"] is True
        assert "person" in told["review"]
    (row,) = Traffic(registry.home, Monitoring()).since()
    assert row.refused is True


def with_evidence(run: Path, threshold: float) -> Path:
    """The run with what `whet evidence` finds on more rows than it has: the figure that serving goes by."""
    specialist = value_digest(folder_digests(run / "04-rungs" / "floor"))
    measure = {"name": "confidence", "figures": [{"name": "threshold", "value": threshold}]}
    write_json(run / "08-evidence.json", {"specialist": specialist, "measures": [measure]})
    return run


def asked_once(client: TestClient) -> dict[str, Any]:
    body = {"model": NAME, "messages": [{"role": "user", "content": TEXT}]}
    told: dict[str, Any] = client.post("/v1/chat/completions", json=body).json()["whet"]
    return told


def test_the_threshold_is_the_specialists_own_and_what_is_under_it_is_reviewed(
    registry: Registry, run: Path, tmp_path: Path
) -> None:
    """``floor`` is a third sure. The controls: a threshold that it reaches, and one that is set by hand."""
    low, high = (with_evidence(copy_of(run, tmp_path / f"{at}"), at) for at in (0.3, 0.4))
    approved(registry, low)
    with client_of(registry) as client:
        assert client.get(f"/v1/models/{NAME}").json()["whet"]["unsure_below"] == 0.3
        assert asked_once(client)["unsure"] is False
    one = approved(registry, high)
    with client_of(registry, threshold=0.2) as client:
        assert asked_once(client)["unsure"] is False
    queue = Queue(Traffic(registry.home, Monitoring(reviewed=0.0)))
    assert queue.left("small tickets") == 0
    with client_of(registry) as client:
        assert client.get(f"/v1/models/{NAME}").json()["whet"]["unsure_below"] == 0.4
        told = asked_once(client)
        assert told["unsure"] is True
        assert "person" in told["review"]
    assert queue.left(subject_of(registry.home, NAME).task.task) == 1  # as `whet queue NAME` counts
    item = queue.next("small tickets", "Ana")
    assert item is not None
    assert item.reasons == ("uncertain",)
    assert "where is my parcel?" in item.input
    evidence = registry.home / FOLDER / one.id / "evidence" / "08-evidence.json"
    evidence.write_text(evidence.read_text().replace("0.4", "0.1"))
    with client_of(registry) as client:
        assert client.get(f"/v1/models/{NAME}").status_code == 404, "the evidence was changed"


def test_a_shadow_that_disagrees_comes_before_people(
    registry: Registry, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: one that agrees does not."""
    approved(registry, run)
    other = registry.approve(put_forward(registry, run).id, by=APPROVER)
    queue = Queue(Traffic(registry.home, Monitoring(reviewed=0.0)))
    for output, left in ((None, 0), ("refund", 1)):
        serving = serving_of(Wanted(home=registry.home, shadow=f"{other.id}:1.0", threshold=0.0))
        opened, said = serving.catalogue.source.open, output

        def open_changed(about: About, opened: Any = opened, said: str | None = said) -> Any:
            inner = opened(about)
            return Changed(inner, said) if said and about.id == other.id else inner

        monkeypatch.setattr(serving.catalogue.source, "open", open_changed)
        with TestClient(app_of(serving), base_url="http://127.0.0.1") as client:
            assert asked_once(client)["unsure"] is False
            assert "refund" not in client.post("/v1/predict", json={"input": TEXT}).text or output is None
        assert queue.left("small tickets") >= left
        assert bool(queue.left("small tickets")) is bool(left)
    item = queue.next("small tickets", "Ana")
    assert item is not None
    assert (item.reasons, item.shadow_output) == (("shadow",), "refund")


@pytest.mark.parametrize("when", ["before the load", "after the load"])
def test_what_is_swapped_between_check_and_load_is_never_answered_with(
    registry: Registry, run: Path, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    """The store's own files: what is loaded is the copy that was hashed, whatever comes in their place."""
    release = approved(registry, run)
    serving = serving_of(Wanted(home=registry.home))
    source: Any = serving.catalogue.source
    real, card = (
        source.engines.answering,
        registry.home / FOLDER / release.id / "specialist" / "specialist.json",
    )
    right = client_answer(registry)

    def answering(folder: Path, **more: Any) -> Any:
        assert folder != card.parent
        if when == "before the load":
            relabel(card)
        found = real(folder, **more)
        if when == "after the load":
            relabel(card)
        return found

    monkeypatch.setattr(source.engines, "answering", answering)
    with TestClient(app_of(serving), base_url="http://127.0.0.1") as client:
        body = {"model": NAME, "input": TEXT}
        assert client.post("/v1/predict", json=body).json()["data"][0]["output"] == right
    with client_of(registry) as client:
        assert client.post("/v1/predict", json=body).status_code == 503, "the next load sees it"


def client_answer(registry: Registry) -> str:
    with client_of(registry) as client:
        found = client.post("/v1/predict", json={"model": NAME, "input": TEXT}).json()
        return str(found["data"][0]["output"])


@pytest.mark.parametrize("swapped", [True, False])
def test_a_base_that_is_swapped_between_check_and_load_is_refused(
    registry: Registry, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, swapped: bool
) -> None:
    """A base is hashed where it lies: the same bytes written again meanwhile are a swap that was caught. The
    control: nothing is written."""
    file = tmp_path / "base.bin"
    file.write_bytes(b"weights")
    base = Base("base", file_digest(file), {"base.bin": file_digest(file)})
    monkeypatch.setattr(checked, "files_of_base", lambda name: {"base.bin": file})
    release = approved(registry, run)
    held_ = registry.hold

    def hold(name: str) -> Any:
        found, copy = held_(name)
        return found, replace(copy, fence=checked.fenced([base]))

    serving = serving_of(Wanted(home=registry.home))
    source: Any = serving.catalogue.source
    monkeypatch.setattr(source.registry, "hold", hold)
    real = source.engines.answering

    def answering(folder: Path, **more: Any) -> Any:
        if swapped:
            file.write_bytes(b"weights")
        return real(folder, **more)

    monkeypatch.setattr(source.engines, "answering", answering)
    with TestClient(app_of(serving), base_url="http://127.0.0.1") as client:
        found = client.post("/v1/predict", json={"model": release.id, "input": TEXT})
    assert found.status_code == (503 if swapped else 200), found.text


def test_nothing_is_kept_where_the_policy_says_so(registry: Registry, run: Path) -> None:
    (registry.home / "policy.yaml").write_text("retention: {traffic_days: 0}\n", encoding="utf-8")
    approved(registry, run)
    with client_of(registry) as client:
        id_ = client.post("/v1/predict", json={"input": TEXT}).json()["data"][0]["id"]
        assert client.post("/v1/feedback", json={"id": id_, "good": 1}).status_code == 409
    assert Traffic(registry.home, Monitoring()).count() == 0
