"""What all parts of the fine-tuning API share: ids, times, and pages of rows.

A list is a page: ``{"object": "list", "data": [...], "has_more", "first_id", "last_id"}``, the newest first
unless it says otherwise, continued with ``after``. Source: OpenAI's API reference. Knows no table by name.
"""

from __future__ import annotations

import secrets
import string
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from whet.serve.faults import Fault, bad

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection, Table

LETTERS = string.ascii_letters + string.digits
LENGTH = 24
PAGE, LONGEST_PAGE = 20, 100


def new_id(kind: str) -> str:
    """``file-``, ``ftjob-`` and so on, and random letters."""
    return f"{kind}{''.join(secrets.choice(LETTERS) for _ in range(LENGTH))}"


def now() -> str:
    """UTC, to the microsecond."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def unix(time: str) -> int:
    """Seconds since 1970."""
    return int(datetime.fromisoformat(time).timestamp())


def unix_or_none(time: str | None) -> int | None:
    return None if time is None else unix(time)


def page(
    connection: Connection,
    table: Table,
    show: Callable[[Mapping[str, Any]], dict[str, Any]],
    *where: ColumnElement[bool],
    after: str | None = None,
    limit: int = PAGE,
    order: str = "desc",
    longest: int = LONGEST_PAGE,
) -> dict[str, Any]:
    """A page of a table's rows.

    Args:
        show: a row in OpenAI's shape.
        where: which rows.
        after: the id of the last row of the page before.
        order: ``desc``, the newest first, or ``asc``.

    Raises:
        Fault: a limit or an order that there is not; ``after`` names no row of these.
    """
    from sqlalchemy import and_, or_, select

    if not 1 <= limit <= longest:
        raise bad(f"{limit} is not between 1 and {longest} - 'limit'", "limit")
    if order not in ("asc", "desc"):
        raise bad(f"'{order[:40]}' is not one of ['asc', 'desc'] - 'order'", "order")
    at, id_ = table.c.created_at, table.c.id
    asked = select(table).where(*where)
    if after is not None:
        last = connection.execute(select(at).where(id_ == after, *where)).scalar()
        if last is None:
            raise bad("`after` names nothing in this list.", "after")
        beyond = (at < last, id_ < after) if order == "desc" else (at > last, id_ > after)
        asked = asked.where(or_(beyond[0], and_(at == last, beyond[1])))
    asked = asked.order_by(at.desc(), id_.desc()) if order == "desc" else asked.order_by(at, id_)
    rows = connection.execute(asked.limit(limit + 1)).all()
    return listed([show(dict(row._mapping)) for row in rows[:limit]], more=len(rows) > limit)


def listed(data: Sequence[dict[str, Any]], *, more: bool = False) -> dict[str, Any]:
    """A page in OpenAI's shape."""
    ends = (
        {"first_id": data[0]["id"], "last_id": data[-1]["id"]}
        if data
        else {"first_id": None, "last_id": None}
    )
    return {"object": "list", "data": list(data), **ends, "has_more": more}


def found(connection: Connection, table: Table, id_: str, missing: Fault) -> Mapping[str, Any]:
    """A row by its id; ``missing`` is raised where there is none."""
    from sqlalchemy import select

    row = connection.execute(select(table).where(table.c.id == id_)).first()
    if row is None:
        raise missing
    return dict(row._mapping)
