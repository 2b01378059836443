"""The door: who may come in, and what may be asked for; every route of the app, whoever adds it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.serving import Server, Source, Stub, jobs_of, serving, stubbed
from whet.errors import Refused
from whet.release.keys import Keys, Limits
from whet.serve.app import api_of, app_of
from whet.serve.caps import Caps
from whet.serve.catalogue import Catalogue
from whet.serve.guard import OPEN, Door
from whet.serve.server import check_address
from whet.serve.serving import Serving
from whet.serve.starting import Wanted, serving_of

CHAT = {"model": "stub", "messages": [{"role": "user", "content": "hello"}]}
FUZZED = int(os.environ.get("WHET_FUZZ_CASES", "120"))
"""Cases for all routes together; 10,000 in the long form."""


def inside(door: Door | None = None, stub: Any = None) -> Serving:
    return Serving(Catalogue(Source(stub or Stub())), door or Door())


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return Keys(tmp_path)


def guarded(serving_: Serving) -> TestClient:
    return TestClient(app_of(serving_), base_url="http://127.0.0.1", raise_server_exceptions=False)


def routes(home: Path | None = None) -> list[tuple[str, str]]:
    """Every method and path of the app, as it describes itself; with a store, those of its jobs too."""
    paths = api_of(inside(), routers=jobs_of(home) if home else ()).openapi()["paths"]
    return [(how.upper(), re.sub(r"\{\w+\}", "stub", path)) for path in paths for how in paths[path]]


def test_every_route_refuses_without_a_key(keys: Keys) -> None:
    _, secret = keys.add("app", "client", by="Ana")
    every, app = routes(keys.home), app_of(inside(Door(keys.check)), routers=jobs_of(keys.home))
    with TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False) as client:
        assert len(every) >= 30
        for method, path in [*every, ("GET", "/openapi.json"), ("GET", "/nope"), ("POST", "/v1/files")]:
            answer = client.request(method, path)
            wrong = client.request(method, path, headers={"authorization": f"Bearer {secret}x"})
            expected = 200 if path in OPEN else 401
            assert (answer.status_code, wrong.status_code) == (expected, expected), path
            if expected == 401:
                assert answer.json()["error"]["code"] == "missing_api_key"
                assert wrong.json()["error"]["code"] == "invalid_api_key"
        right = client.post("/v1/chat/completions", json=CHAT, headers={"authorization": f"Bearer {secret}"})
        assert right.status_code == 200


def test_a_role_allows_what_it_says_and_a_revoked_key_nothing(keys: Keys) -> None:
    given = {role: keys.add(role, role, by="Ana")[1] for role in ("client", "viewer", "trainer")}
    door = Door(keys.check)
    with guarded(inside(door)) as client:

        def status(role: str, path: str, method: str = "POST") -> int:
            headers = {"authorization": f"Bearer {given[role]}"}
            return client.request(method, path, json=CHAT, headers=headers).status_code

        assert status("client", "/v1/chat/completions") == 200
        assert status("viewer", "/v1/chat/completions") == 403
        assert status("client", "/v1/files") == 403
        assert status("client", "/v1/fine_tuning/jobs") == 403
        assert status("trainer", "/v1/fine_tuning/jobs") == 404
        assert status("viewer", "/metrics", "GET") == 200
        keys.revoke("client", by="Ana")
        door._known.clear()
        assert status("client", "/v1/chat/completions") == 401


def test_keys_come_and_go_while_the_server_runs(keys: Keys) -> None:
    """Of a store: the first key closes the door, a revoked one is refused, and no end of keys opens it again.

    The control: a door without a desk stays as it was.
    """
    serving_ = serving_of(Wanted(home=keys.home))
    with guarded(serving_) as client, guarded(inside(Door())) as other:

        def statuses(secret: str = "") -> tuple[int, int]:
            headers = {"authorization": f"Bearer {secret}"} if secret else {}
            return tuple(one.get("/v1/models", headers=headers).status_code for one in (client, other))  # type: ignore[return-value]

        assert statuses() == (200, 200)
        _, first = keys.add("first", "client", by="Ana")
        assert (statuses(), statuses(first)) == ((401, 200), (200, 200))
        _, second = keys.add("second", "viewer", by="Ana")
        assert statuses(second) == (200, 200)
        keys.revoke("second", by="Ana")
        assert statuses(second) == (401, 200)
        keys.revoke("first", by="Ana")
        assert statuses() == statuses(first) == (401, 200)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "evil.example"}, 421),
        ({"host": "127.0.0.1.evil.example:80"}, 421),
        ({"host": ""}, 421),
        ({"host": "localhost:8080"}, 200),
        ({"host": "[::1]:8080"}, 200),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://localhost:3000"}, 200),
    ],
)
def test_foreign_hosts_and_origins_are_refused(headers: dict[str, str], status: int) -> None:
    with guarded(inside()) as client:
        for method, path in routes():
            found = client.request(method, path, headers=headers).status_code
            assert found == status if status != 200 else found not in (403, 421), path


def test_a_page_cannot_post_without_asking_first() -> None:
    """What a form of a page can send without a preflight is no JSON."""
    with guarded(inside()) as client:
        sent = json.dumps(CHAT)
        answer = client.post("/v1/chat/completions", content=sent, headers={"content-type": "text/plain"})
        assert answer.status_code in (400, 415)


def test_no_other_address_without_a_key() -> None:
    check_address("127.0.0.1", keys=False, trial=True)
    check_address("0.0.0.0", keys=True, trial=False)
    for keys_, trial in ((False, False), (True, True)):
        with pytest.raises(Refused):
            check_address("0.0.0.0", keys=keys_, trial=trial)


def test_a_key_has_its_limits(keys: Keys) -> None:
    _, secret = keys.add("app", "client", Limits(requests_per_minute=3), by="Ana")
    _, other = keys.add("other", "client", by="Ana")
    _, few = keys.add("few", "client", Limits(tokens_per_minute=5), by="Ana")
    with guarded(inside(Door(keys.check))) as client:

        def post(secret: str) -> Any:
            headers = {"authorization": f"Bearer {secret}"}
            return client.post("/v1/chat/completions", json=CHAT, headers=headers)

        assert [post(secret).status_code for _ in range(4)] == [200, 200, 200, 429]
        assert post(other).status_code == 200
        assert [post(few).status_code for _ in range(2)] == [200, 429]
        assert 1 <= int(post(secret).headers["retry-after"]) <= 60
        assert post(secret).json()["error"]["type"] == "rate_limit_error"


DEEP: Any = {}
for _ in range(40):
    DEEP = {"properties": {"a": DEEP}}


@pytest.mark.parametrize(
    "more",
    [
        {"n": 9},
        {"max_tokens": 100_000},
        {"max_tokens": 0},
        {"stop": ["a"] * 5},
        {"stop": "a" * 65},
        {"logprobs": True, "top_logprobs": 21},
        {"messages": [{"role": "user", "content": "a"}] * 600},
        {"temperature": 3},
        {"top_p": 0},
        {"seed": 2**70},
        {"response_format": {"type": "json_schema", "json_schema": {"schema": DEEP}}},
        {"response_format": {"type": "json_schema", "json_schema": {"schema": {"enum": ["a" * 40_000]}}}},
        {"tools": [{"type": "function", "function": {"name": "a" * 100}}]},
        {"messages": [{"role": "user", "content": "\ud800"}]},
        {"user": "u" * 300},
    ],
    ids=lambda more: str(more)[:40],
)
def test_every_size_has_its_limit(more: dict[str, Any]) -> None:
    with guarded(inside()) as client:
        sent = json.dumps({**CHAT, **more})
        answer = client.post(
            "/v1/chat/completions", content=sent, headers={"content-type": "application/json"}
        )
        assert answer.status_code == 400, answer.text
        assert answer.json()["error"]["message"]


def test_bodies_are_bounded() -> None:
    with guarded(inside(Door(caps=Caps(body_bytes=1000)))) as client:
        large = {**CHAT, "user": "a" * 2000}
        assert client.post("/v1/chat/completions", json=large).status_code == 413
        chunks = (b"a" * 600 for _ in range(4))
        headers = {"content-type": "application/json"}
        assert client.post("/v1/chat/completions", content=chunks, headers=headers).status_code == 413
        assert client.post("/v1/chat/completions", content=b"[" * 900, headers=headers).status_code == 400


@pytest.fixture(scope="module")
def hasty() -> Iterator[Server]:
    with stubbed(4, 0.001, head_seconds=1.0, body_seconds=1.0) as started:
        yield started


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with stubbed(4, 0.001) as started:
        yield started


def raw(server: Server, *parts: bytes, wait: float = 0.0) -> bytes:
    """What comes back for bytes on a connection, and that it is closed."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=15) as connection:
        for part in parts:
            connection.sendall(part)
            time.sleep(wait)
        found = b""
        try:
            while more := connection.recv(65536):
                found += more
        except ConnectionResetError:
            pass
        return found


def test_slow_and_large_headers_end_the_connection(hasty: Server) -> None:
    assert raw(hasty, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n") == b""
    assert raw(hasty, b"") == b""
    large = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 40_000
    assert b" 431 " in raw(hasty, large).split(b"\r\n")[0]
    assert b" 400 " in raw(hasty, b"\x00\x01\x02\r\n\r\n").split(b"\r\n")[0]
    slow = b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{"
    assert b" 408 " in raw(hasty, slow).split(b"\r\n")[0]
    assert hasty.client().models.list().data, "the server goes on"


def test_an_address_of_its_own_needs_a_key(tmp_path: Path) -> None:
    env = {"WHET_STORE": str(tmp_path)}
    with pytest.raises(RuntimeError, match="there is no key"), serving("--host", "0.0.0.0", env=env):
        pass


def test_what_is_made_up_gets_no_server_error(tmp_path: Path) -> None:
    """schemathesis makes bodies from the description: 10,000 cases with WHET_FUZZ_CASES=10000."""
    with stubbed(4, 0.001, jobs=tmp_path) as server:
        statuses = fuzzed(server, api_of(inside(), routers=jobs_of(tmp_path / "described")).openapi())
    print(f"\n{sum(statuses.values()):,} cases: {dict(sorted(statuses.items()))}")
    assert sum(statuses.values()) >= FUZZED // 4  # how many are drawn differs from run to run
    assert {200, 400} <= set(statuses), "nothing was let in, or nothing refused"


def there(server: Server) -> dict[str, str]:
    """Names of things that are there, so that what is made up meets more than "there is no such thing"."""
    client = server.client()
    rows = b"".join(json.dumps({"messages": CHAT["messages"]}).encode() + b"\n" for _ in range(12))
    file = client.files.create(file=("rows.jsonl", rows), purpose="fine-tune").id
    job = client.fine_tuning.jobs.create(training_file=file, model="gpt-4o-mini").id
    check = {"type": "string_check", "name": "a", "operation": "eq", "input": "a", "reference": "a"}
    schema = {"type": "custom", "item_schema": {"type": "object"}}
    one = client.evals.create(data_source_config=schema, testing_criteria=[check]).id
    source = {"type": "jsonl", "source": {"type": "file_content", "content": [{"item": {}}]}}
    run = client.evals.runs.create(one, data_source=source).id
    found = {"model": "stub", "file_id": file, "job_id": job, "eval_id": one, "run_id": run}
    return {**found, "training_file": file}


def placed(case: Any, known: dict[str, str]) -> None:
    """Put names of things that are there in their places."""
    for part in (case.path_parameters, case.body):
        if isinstance(part, dict):
            part.update({name: known[name] for name in part if name in known})


def fuzzed(server: Server, description: dict[str, Any]) -> dict[int, int]:
    """Statuses of made-up requests to every operation, right and wrong ones; none may be a server error."""
    import schemathesis
    from hypothesis import HealthCheck, Phase, given, settings
    from hypothesis.errors import Unsatisfiable
    from schemathesis import GenerationMode
    from schemathesis.core.result import Ok

    schema = schemathesis.openapi.from_dict(description)
    operations = [result.ok() for result in schema.get_all_operations() if isinstance(result, Ok)]
    each = max(1, FUZZED // (2 * len(operations)))
    statuses: dict[int, int] = {}
    known = there(server)
    for operation in operations:
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):

            @given(case=operation.as_strategy(generation_mode=mode))
            @settings(
                max_examples=each,
                deadline=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            def one(case: Any) -> None:
                if sum(statuses.values()) % 2:
                    placed(case, known)
                answer = case.call(base_url=server.address)
                statuses[answer.status_code] = statuses.get(answer.status_code, 0) + 1
                assert answer.status_code < 500, (case.method, case.path, case.body, answer.text)
                assert b"Traceback" not in answer.content

            with contextlib.suppress(Unsatisfiable):  # a request without any part has no wrong form
                one()
    return statuses
