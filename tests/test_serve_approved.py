"""What the registry does not allow is served by no route; shares, traffic and feedback of what it allows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.releases import APPROVER, approved, put_forward, small_run
from tests.spoilt import SPOILT, Spoil, good
from whet.config_monitor import Monitoring
from whet.errors import Refused
from whet.monitor.traffic import Traffic
from whet.release.keys import ROLES, Keys
from whet.release.registry import Registry
from whet.serve.app import app_of
from whet.serve.asking import Answering
from whet.serve.catalogue import About, place
from whet.serve.starting import Wanted, serving_of

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
        assert 35 <= ids.count(other.id) <= 85
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
        assert client.post("/v1/feedback", json=told).status_code == 200
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


def test_nothing_is_kept_where_the_policy_says_so(registry: Registry, run: Path) -> None:
    (registry.home / "policy.yaml").write_text("retention: {traffic_days: 0}\n", encoding="utf-8")
    approved(registry, run)
    with client_of(registry) as client:
        id_ = client.post("/v1/predict", json={"input": TEXT}).json()["data"][0]["id"]
        assert client.post("/v1/feedback", json={"id": id_, "good": 1}).status_code == 409
    assert Traffic(registry.home, Monitoring()).count() == 0
