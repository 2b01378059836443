"""API keys: shown once, kept as a digest, refused once revoked; roles may do what they may and no more."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import Whet
from whet.errors import InputError
from whet.release.keys import ROLES, Keys, Limits
from whet.release.verify import entries

ACTIONS = {"ask", "view", "review", "train", "approve"}


def test_a_key_opens_until_it_is_revoked(tmp_path: Path) -> None:
    keys = Keys(tmp_path)
    key, secret = keys.add("Desk", "client", Limits(60, None, 4), by="Ana")
    assert keys.check(secret) == key
    assert keys.check(secret[:-1]) is None
    assert keys.check("") is None
    keys.revoke("Desk", by="Ana")
    assert keys.check(secret) is None
    assert keys.all() == []
    assert [one.id for one in keys.all(revoked=True)] == [key.id]
    assert [entry.event for entry in entries(tmp_path)] == ["key.added", "key.revoked"]


def test_the_secret_is_nowhere_in_the_store(tmp_path: Path) -> None:
    _, secret = Keys(tmp_path).add("Desk", "client", by="Ana")
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or secret.encode() not in path.read_bytes()


def test_a_role_may_do_what_it_may_and_nothing_else(tmp_path: Path) -> None:
    keys = Keys(tmp_path)
    may = {}
    for role in ROLES:
        key, _ = keys.add(f"the {role}", role, by="Ana")
        may[role] = {action for action in ACTIONS if key.may(action)}
        gone = keys.revoke(key.id, by="Ana")
        assert not any(keys.all(revoked=True)[-1].may(action) for action in ACTIONS), gone
    assert may == {
        "client": {"ask"},
        "viewer": {"view"},
        "reviewer": {"view", "review"},
        "approver": {"view", "approve"},
        "trainer": {"view", "ask", "train"},
    }


def test_what_is_no_key_is_refused(tmp_path: Path) -> None:
    keys = Keys(tmp_path)
    keys.add("Desk", "client", by="Ana")
    for name, role, limits in (
        ("", "client", Limits()),
        ("a\nb", "client", Limits()),
        ("Other", "king", Limits()),
        ("Other", "client", Limits(0)),
        ("Desk", "viewer", Limits()),
    ):
        with pytest.raises(InputError):
            keys.add(name, role, limits, by="Ana")
    with pytest.raises(InputError, match="there is no key"):
        keys.revoke("Nobody", by="Ana")
    assert len(keys.all()) == 1


def test_the_commands(whet: Whet, tmp_path: Path) -> None:
    store = ("--store", tmp_path)
    made = whet.json("key", "add", "Desk", "--role", "client", "--requests", 60, *store)
    assert Keys(tmp_path).check(str(made["secret"]))
    shown = whet("key", "list", *store)
    assert "Desk" in shown.stdout
    assert "60 requests/min" in shown.stdout
    assert str(made["secret"]) not in shown.stdout
    whet.json("key", "revoke", "Desk", *store)
    assert json.loads(whet("key", "list", "--json", *store).stdout) == {"keys": []}
    assert whet("key", "add", "Desk", "--role", "king", *store).returncode == 2
    log = whet.json("log", *store)["entries"]
    assert isinstance(log, list)
    assert [entry["event"] for entry in log] == ["key.added", "key.revoked"]
