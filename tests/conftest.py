"""What tests share: small real data, the real encoder, and the data sets where they are at hand."""

from __future__ import annotations

import json
import os
import random
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.commands import Commands
from whet.data.outputs import canonical
from whet.records import Example

os.environ.setdefault("HF_HUB_OFFLINE", "1")
# The same cases every time, so that what fails has been changed; the long form draws new ones.
settings.register_profile("same", derandomize="WHET_FUZZ" not in os.environ, database=None)
settings.load_profile("same")
SHARED = Path(__file__).resolve().parent.parent.parent / "shared" / "data"

ABOUT = {
    "parcel": ["my parcel", "the delivery", "the package", "my order from last week", "the shipment"],
    "refund": ["my refund", "the money back", "the repayment", "my reimbursement", "the credit note"],
    "login": ["my password", "the login", "my account access", "signing in", "the two-step code"],
}
SAYING = [
    "where is {}?",
    "i have a problem with {}",
    "{} has still not come through",
    "please help me with {}",
    "what happened to {}",
    "nobody answers me about {}",
    "it is about {} again",
    "{} does not work",
    "can you check {} for me",
    "i am waiting for {} since monday",
    "any news on {}?",
    "{}!!",
]


def tickets(each: int = 40, seed: int = 0) -> list[tuple[str, str]]:
    """(text, label) pairs that a sentence encoder can tell apart, most of the time."""
    rng = random.Random(seed)
    rows = []
    for label, things in ABOUT.items():
        seen: set[str] = set()
        while len(seen) < each:
            said = rng.choice(SAYING).format(rng.choice(things))
            seen.add(f"{said} {rng.choice(['thanks', 'urgent', 'regards', ''])} {rng.randint(10, 999)}")
        rows += [(text, label) for text in sorted(seen)]
    rng.shuffle(rows)
    return rows


def examples(rows: list[tuple[str, str]], start: int = 0) -> list[Example]:
    return [
        Example(f"e{start + i}", text, label, f"rows.csv:{start + i}") for i, (text, label) in enumerate(rows)
    ]


PLACES = ["Lisbon", "Oslo", "Vienna", "Porto", "Graz", "Bergen", "Turin", "Basel", "Ghent", "Lyon"]
PEOPLE = ["Ana", "Bjorn", "Clara", "Dino", "Elif", "Farid", "Greta", "Hugo", "Ines", "Jonas"]
TRIPS = [
    "{who} flies from {a} to {b}",
    "please book {a} to {b} for {who}",
    "a ticket for {who}, {a} to {b}",
    "{who} wants to go to {b}",
    "from {a} please",
    "good morning, is anybody there?",
    "to {b} for {n} people",
    "{n} seats from {a} to {b} please",
]


def trips(count: int, seed: int = 0) -> list[tuple[str, str]]:
    """(text, JSON) pairs whose values stand in the text: from, to, who and how many (a number)."""
    rng = random.Random(seed)
    rows = []
    for _ in range(count):
        a, b = rng.sample(PLACES, 2)
        values = {"a": a, "b": b, "who": rng.choice(PEOPLE), "n": rng.randint(2, 9)}
        said = rng.choice(TRIPS)
        names = {"a": "from", "b": "to", "who": "who", "n": "seats"}
        answer = {name: values[key] for key, name in names.items() if "{" + key + "}" in said}
        rows.append((said.format(**values), canonical(answer)))
    return rows


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leaves out what takes minutes, unless it is asked for."""
    if os.environ.get("WHET_LONG"):
        return
    for item in items:
        if item.get_closest_marker("long"):
            item.add_marker(pytest.mark.skip(reason="long: WHET_LONG=1 asks for it"))


@pytest.fixture
def ticket_file(tmp_path: Path) -> Path:
    """A CSV of 180 small tickets in three labels."""
    path = tmp_path / "tickets.csv"
    lines = [f'"{text}",{label}' for text, label in tickets(60)]
    path.write_text("text,label\n" + "\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def shared() -> Callable[[str], Path]:
    """The path of a real data set, or a skip that says which one is absent."""

    def find(name: str) -> Path:
        path = SHARED / name
        if not path.exists():
            pytest.skip(f"the data set {name} is not at hand")
        return path

    return find


class Whet:
    """The command line in a process of its own, as a user has it."""

    def __init__(self) -> None:
        self.commands = Commands()

    def __call__(
        self, *arguments: object, cwd: Path | None = None, env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        return self.commands([*map(str, arguments)], cwd, env)

    def json(self, *arguments: object, code: int = 0) -> dict[str, object]:
        done = self(*arguments, "--json")
        assert done.returncode == code, done.stderr
        found = json.loads(done.stdout)
        assert isinstance(found, dict)
        return found


@pytest.fixture(scope="session")
def whet() -> Iterator[Whet]:
    whet = Whet()
    yield whet
    whet.commands.end()
