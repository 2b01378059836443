"""A server that speaks OpenAI's protocol and fails by script: a process of its own on loopback.

It answers ``answer to TEXT`` to the last message TEXT. A script says what to do instead, call by call, for
a TEXT or for all (``*``): ``429`` (or ``429:SECONDS`` to wait), ``500``, ``slow:SECONDS``, ``cut``,
``garbage``, ``html``, ``sorry`` (an error inside a 200), ``filter``, ``long``, ``ok``. It counts the calls
to each TEXT, and the answers that it wrote to their end: what a provider would put on the bill. With
``reads`` it answers from the passages that stand above a question; with ``wavers`` ({PART: SHARE}) it says,
where a temperature is asked for, something else in that share of the answers to a text that has the part;
with ``judges`` (a WORD) it judges an answer to be of the best level where it has the word, else of the worst;
with ``writer``, the model of that name answers, held to the schema that a request brings.

    python tests/standin.py    prints its port
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

KEY = "sk-test-0123456789abcdef"
MODEL = "standin-1"
JUDGED = "Answer to judge:\n"


class State:
    """What the script says, and what was counted."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.reset({})

    def reset(self, options: dict[str, Any]) -> None:
        self.script: dict[str, list[str]] = options.get("script", {})
        self.key: str | None = options.get("key")
        self.refuses: list[str] = options.get("refuses", [])
        self.plain: bool = options.get("plain", False)
        self.reads: bool = options.get("reads", False)
        self.wavers: dict[str, float] = options.get("wavers", {})
        self.judges: str = options.get("judges", "")
        self.writer: str = options.get("writer", "")
        self.usage: bool = options.get("usage", True)
        self.latency: float = options.get("latency", 0.0)
        self.calls: Counter[str] = Counter()
        self.paid: Counter[str] = Counter()
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.starts: list[float] = []
        self.now = self.most = 0

    def next(self, text: str) -> str:
        for name in (text, "*"):
            if self.script.get(name):
                return self.script[name].pop(0)
        return "ok"


STATE = State()
WRITERS: list[Any] = []


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        names = ("calls", "paid", "bodies", "headers", "starts", "most")
        self.reply(200, {name: getattr(STATE, name) for name in names})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/script":
            STATE.reset(body)
            return self.reply(200, {})
        if self.path != "/v1/chat/completions":
            return self.fail(404, "Not Found")
        text = body["messages"][-1]["content"]
        with STATE.lock:
            STATE.calls[text] += 1
            STATE.bodies.append(body)
            STATE.headers.append({name.lower(): value for name, value in self.headers.items()})
            STATE.starts.append(time.monotonic())
            STATE.now += 1
            STATE.most = max(STATE.most, STATE.now)
        try:
            time.sleep(STATE.latency)
            self.act(text, body)
        finally:
            with STATE.lock:
                STATE.now -= 1
        return None

    def act(self, text: str, body: dict[str, Any]) -> None:
        if STATE.key and self.headers.get("Authorization") != f"Bearer {STATE.key}":
            given = str(self.headers.get("Authorization"))
            return self.fail(401, f"Incorrect API key provided: {given[7:]}.", code="invalid_api_key")
        if body["model"] != MODEL:
            said = f"The model `{body['model']}` does not exist"
            return self.fail(404, said, code="model_not_found")
        for part in STATE.refuses:
            if part in body or (part == "json_schema" and part in str(body.get("response_format"))):
                return self.fail(400, f"Unsupported parameter: '{part}'", param=part)
        with STATE.lock:
            name, _, more = STATE.next(text).partition(":")
        if name == "429":
            return self.fail(429, "Rate limit reached", wait=more or None, code="rate_limit_exceeded")
        if name == "quota":
            return self.fail(429, "You exceeded your current quota", code="insufficient_quota")
        if name == "500":
            return self.fail(500, "The server had an error")
        if name == "400":
            return self.fail(400, "Invalid content")
        if name == "long":
            return self.fail(400, "maximum context length is 8", code="context_length_exceeded")
        if name == "sorry":
            return self.reply(200, {"error": {"message": "upstream is down", "code": 502}})
        if name == "garbage":
            return self.write(200, b'{"id": "x", "choices": [{"mess', "application/json")
        if name == "html":
            return self.write(200, b"<html>Welcome to the guest network</html>", "text/html")
        if name == "slow":
            time.sleep(float(more))
        data = json.dumps(completion(text, body, name)).encode()
        if name == "cut":
            return self.cut(data)
        self.write(200, data, "application/json")
        with STATE.lock:
            STATE.paid[text] += 1
        return None

    def cut(self, data: bytes) -> None:
        """Half of the answer, then the end of the connection."""
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data[: len(data) // 2])
        self.close_connection = True

    def fail(self, status: int, said: str, wait: str | None = None, **more: str) -> None:
        self.reply(status, {"error": {"message": said, "type": "error", **more}}, wait)

    def reply(self, status: int, value: Any, wait: str | None = None) -> None:
        self.write(status, json.dumps(value).encode(), "application/json", wait)

    def write(self, status: int, data: bytes, kind: str, wait: str | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        if wait is not None:
            self.send_header("Retry-After", wait)
        self.end_headers()
        self.wfile.write(data)


def completion(text: str, body: dict[str, Any], name: str) -> dict[str, Any]:
    """A chat completion; 10 tokens in, 5 out."""
    said = content(text, body)
    choice: dict[str, Any] = {
        "index": 0,
        "message": {"role": "assistant", "content": said},
        "finish_reason": "content_filter" if name == "filter" else "stop",
    }
    if body.get("logprobs"):
        choice["logprobs"] = {"content": logprobs(said, body)}
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    return {
        "id": "x",
        "object": "chat.completion",
        "model": body["model"],
        "choices": [choice],
        **({"usage": usage} if STATE.usage else {}),
    }


def content(text: str, body: dict[str, Any]) -> str:
    form = body.get("response_format") or {}
    if STATE.writer:
        return written(body, form.get("json_schema", {}).get("schema"))
    if STATE.reads:
        return read(text)
    if STATE.judges and JUDGED in text:
        levels = form["json_schema"]["schema"]["properties"]["level"]["enum"]
        best = STATE.judges in text.split(JUDGED)[1]
        return json.dumps({"reason": "So it reads.", "level": levels[-1 if best else 0]})
    if body.get("temperature") and wavering(text, body["seed"]):
        return f"answer number {body['seed']} to {text}"
    if form.get("type") != "json_schema" or STATE.plain:
        return f"answer to {text}"
    properties = form["json_schema"]["schema"]["properties"]
    return json.dumps({name: (rule.get("enum") or [text])[0] for name, rule in properties.items()})


def wavering(text: str, seed: int) -> bool:
    """Whether another answer is drawn than the likeliest."""
    share = max((share for part, share in STATE.wavers.items() if part in text), default=0.0)
    return random.Random(f"{text} {seed}").random() < share


def written(body: dict[str, Any], schema: dict[str, Any] | None) -> str:
    """What the model of that name writes."""
    from whet.models.base import Form, Request
    from whet.models.writer import open_writer
    from whet.records import Turn

    turns = tuple(Turn(message["role"], message["content"]) for message in body["messages"])
    tokens = body.get("max_completion_tokens") or body.get("max_tokens") or 64
    request = Request(turns, tokens=tokens, form=Form(schema=schema) if schema else None)
    with STATE.lock:
        if not WRITERS:
            WRITERS.append(open_writer(STATE.writer))
        (answer,) = WRITERS[0].answer([request])
    return str(answer.text)


def read(text: str) -> str:
    """A reader: the last word of the sentence above that shares most words with what is asked at the end."""
    *above, asked = text.split("\n\n")
    wanted = set(asked.lower().strip("?").split())
    told = [sentence for part in above for sentence in part.replace("\n", " ").split(". ")]
    best = max(told, key=lambda one: len(wanted & set(one.lower().split())), default="I cannot say")
    return best.strip(" .").split()[-1]


def logprobs(said: str, body: dict[str, Any]) -> list[dict[str, Any]]:
    """One token a letter, each as likely as e^-0.1; the first letter of a choice has rivals."""
    tokens: list[dict[str, Any]] = [{"token": letter, "logprob": -0.1, "top_logprobs": []} for letter in said]
    form = body.get("response_format") or {}
    if body.get("top_logprobs") and form.get("type") == "json_schema" and not STATE.plain:
        enum = form["json_schema"]["schema"]["properties"]["answer"]["enum"]
        rivals = [{"token": choice[0], "logprob": -2.0} for choice in enum[1:]]
        place = said.index('"', said.index(":")) + 1
        tokens[place]["top_logprobs"] = [{"token": said[place], "logprob": -0.1}, *rivals]
    return tokens


class StandIn:
    """The process, from outside."""

    def __init__(self, *, packages: bool = False) -> None:
        """``packages``: with what is installed, which only ``writer`` needs."""
        bare = [] if packages else ["-S"]
        self.process = subprocess.Popen(
            [sys.executable, *bare, str(Path(__file__).resolve())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())
        self.url = f"http://127.0.0.1:{self.port}/v1"

    def script(self, calls: dict[str, list[str]] | None = None, **options: Any) -> None:
        """Forget everything and follow this script."""
        self._ask("/script", json.dumps({"script": calls or {}, **options}).encode())

    def seen(self) -> dict[str, Any]:
        return dict(self._ask("/seen", None))

    def _ask(self, path: str, data: bytes | None) -> Any:
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data)
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as reply:
            return json.loads(reply.read())

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    print(server.server_address[1], flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()  # ends with the process that started it
