"""API keys: made once, shown once, kept as a digest; each with a name, a role and limits of its own.

A key is 32 random bytes, so that its plain SHA-256 can be kept: nothing is guessed from it, and a slow hash
(for passwords) would only slow requests. It does not know routes: what a role may do stands in ``ROLES``.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whet.database import opened, reading, writing
from whet.errors import InputError, nearest
from whet.release import audit
from whet.release.tables import KEYS, METADATA
from whet.runs import now

if TYPE_CHECKING:
    from sqlalchemy import Row

PREFIX = "whet-"
SHOWN = 10  # characters of a key that are kept to tell it by
LONGEST_NAME = 100

ROLES: Mapping[str, frozenset[str]] = {
    "client": frozenset({"ask"}),
    "viewer": frozenset({"view"}),
    "reviewer": frozenset({"view", "review"}),
    "approver": frozenset({"view", "approve"}),
    "trainer": frozenset({"view", "ask", "train"}),
}
"""What each role may do. ``ask``: predictions and feedback; ``view``: pages, figures, the log; ``review``:
decide on outputs; ``train``: files, jobs, propose releases; ``approve``: approve, take live, retire, roll
back."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a key may use; None: what the server allows everyone."""

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    at_once: int | None = None
    """Requests in work at the same time."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key without its secret."""

    id: str
    name: str
    """Whose it is; stands for the person or program in the log."""
    role: str
    shown: str
    """Its first characters."""
    limits: Limits
    made_at: str
    revoked_at: str | None = None

    def may(self, action: str) -> bool:
        """Whether the role allows one of the actions of ``ROLES``."""
        return self.revoked_at is None and action in ROLES[self.role]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


class Keys:
    """The keys of a store."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._engine = opened(home, METADATA)

    def add(self, name: str, role: str, limits: Limits | None = None, *, by: str) -> tuple[Key, str]:
        """Make a key.

        Returns:
            the key, and its secret, which is nowhere kept.

        Raises:
            InputError: no name, no such role, a limit below one, a name that has a key already.
        """
        limits = limits or Limits()
        _check(name, role, limits)
        secret = PREFIX + secrets.token_urlsafe(32)
        key = Key(f"key_{secrets.token_hex(6)}", name.strip(), role, secret[:SHOWN], limits, now())
        from sqlalchemy import insert, select

        with writing(self._engine) as connection:
            same = select(KEYS.c.id).where(KEYS.c.name == key.name, KEYS.c.revoked_at.is_(None))
            if connection.execute(same).first():
                raise InputError(
                    f"there is a key named {key.name!r} already.",
                    fix="revoke it first, or choose another name.",
                )
            row = {**asdict(key), "limits": json.dumps(asdict(limits)), "hash": _hashed(secret)}
            connection.execute(insert(KEYS).values(row))
            audit.append(self.home, "key.added", by, {"key": key.id, "name": key.name, "role": role})
        return key, secret

    def check(self, secret: str) -> Key | None:
        """The key that a secret belongs to; None: there is none, or it was revoked."""
        from sqlalchemy import select

        asked = select(KEYS).where(KEYS.c.hash == _hashed(secret), KEYS.c.revoked_at.is_(None))
        with reading(self._engine) as connection:
            row = connection.execute(asked).first()
        return _key(row) if row else None

    def revoke(self, name_or_id: str, *, by: str) -> Key:
        """Take a key back; it is refused from then on.

        Raises:
            InputError: there is no such key, or it was revoked before.
        """
        from sqlalchemy import update

        with writing(self._engine) as connection:
            key = next((k for k in self.all() if name_or_id in (k.id, k.name)), None)
            if key is None:
                known = nearest(name_or_id, [k.name for k in self.all()]) if self.all() else "There are none."
                raise InputError(f"there is no key {name_or_id!r}. {known}", fix="whet key list")
            connection.execute(update(KEYS).where(KEYS.c.id == key.id).values(revoked_at=now()))
            audit.append(self.home, "key.revoked", by, {"key": key.id, "name": key.name})
        return key

    def all(self, *, revoked: bool = False) -> list[Key]:
        """Keys, the oldest first."""
        from sqlalchemy import select

        asked = select(KEYS).order_by(KEYS.c.made_at, KEYS.c.id)
        if not revoked:
            asked = asked.where(KEYS.c.revoked_at.is_(None))
        with reading(self._engine) as connection:
            return [_key(row) for row in connection.execute(asked)]

    def any(self) -> bool:
        """Whether there is a key that was not revoked."""
        return bool(self.all())

    def stamp(self) -> tuple[int, int]:
        """Changes whenever a key is made or revoked, as the log tells both: who serves asks again then."""
        return audit.stamp(self.home)


def _check(name: str, role: str, limits: Limits) -> None:
    if not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
        raise InputError(f"a key's name has 1 to {LONGEST_NAME} printable characters.", where="name")
    if role not in ROLES:
        raise InputError(f"there is no role {role!r}. {nearest(role, ROLES)}", where="role")
    for limit, value in asdict(limits).items():
        if value is not None and value < 1:
            raise InputError(f"must be 1 or more, got {value}.", where=limit)


def _hashed(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _key(row: Row[Any]) -> Key:
    values = {**row._mapping, "limits": Limits(**json.loads(row.limits))}
    return Key(**{name: values[name] for name in Key.__dataclass_fields__})
