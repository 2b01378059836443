"""Who has logged in: a cookie's digest beside the id of the key that was shown, for twelve hours.

The cookie is 32 random bytes that mean nothing elsewhere; the key itself is not in it. A form carries a token
that follows from the cookie, which another page can neither read nor guess. It does not know keys.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Column, MetaData, String, Table, delete, insert, select

from whet.database import reading, writing
from whet.monitor.tables import stamp

if TYPE_CHECKING:
    from sqlalchemy import Engine

METADATA = MetaData()
SESSIONS = Table(
    "web_sessions",
    METADATA,
    Column("hash", String(64), primary_key=True),
    Column("key", String(32), nullable=False),
    Column("until", String(32), nullable=False),
)
HOURS = 12.0


@dataclass(frozen=True)
class Sessions:
    """The sessions of a store."""

    engine: Engine

    def begin(self, key: str) -> str:
        """A new session for a key's id; its cookie."""
        token = new_token()
        with writing(self.engine) as connection:
            connection.execute(delete(SESSIONS).where(SESSIONS.c.until < stamp()))
            row = {"hash": _hashed(token), "key": key, "until": stamp(hours=HOURS)}
            connection.execute(insert(SESSIONS).values(row))
        return token

    def key(self, token: str) -> str | None:
        """The id of the key behind a cookie."""
        mine = (SESSIONS.c.hash == _hashed(token)) & (SESSIONS.c.until >= stamp())
        with reading(self.engine) as connection:
            found: str | None = connection.execute(select(SESSIONS.c.key).where(mine)).scalar()
        return found

    def end(self, token: str) -> None:
        with writing(self.engine) as connection:
            connection.execute(delete(SESSIONS).where(SESSIONS.c.hash == _hashed(token)))


def new_token() -> str:
    return secrets.token_urlsafe(32)


def form_token(token: str) -> str:
    """What a form of this cookie's holder carries."""
    return hmac.new(token.encode(), b"form", hashlib.sha256).hexdigest()


def fits(token: str, said: str) -> bool:
    """Whether a form comes from a page that this cookie was shown."""
    return bool(said) and hmac.compare_digest(form_token(token), said)


def _hashed(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
