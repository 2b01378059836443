"""Who looks at a page, and what they may do: a key's role, or the person at this machine.

Without any key the machine's own user may do all but approve: an approval is by a person whom a key names.
Which action a page needs stands in ``ACTIONS``, by path; what stands nowhere there is refused. Knows no page.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from whet.release.keys import ROLES

if TYPE_CHECKING:
    from whet.release.keys import Key

OPEN = ("/login", "/static/")
"""What needs nobody."""
LOOKING: tuple[tuple[str, str], ...] = (
    ("/new", "train"),
    ("/beside", "ask"),
    ("/review", "review"),
    ("/", "view"),
)
"""What a role must allow to look, by the beginning of the path; the first that fits."""
DOING: tuple[tuple[str, str], ...] = (
    ("/logout", "view"),
    ("/new", "train"),
    ("/work", "train"),
    ("/runs", "train"),
    ("/checks", "train"),
    ("/beside", "ask"),
    ("/review", "review"),
    ("/watch", "review"),
    ("/releases", "approve"),
)
"""What a role must allow to change something."""
NAMED = "approve"
"""The action that a person without a key may not do."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who asks."""

    name: str
    """Stands in the log and beside decisions."""
    role: str
    actions: frozenset[str]
    keyed: bool = True
    """Whether a key says who it is."""

    def may(self, action: str) -> bool:
        return action in self.actions


def visitor_of(key: Key) -> Visitor:
    return Visitor(key.name, key.role, ROLES[key.role])


def local(name: str) -> Visitor:
    """The person at a machine that has no keys."""
    every = frozenset().union(*ROLES.values()) - {NAMED}
    return Visitor(name, "this machine", every, keyed=False)


def open_to_all(path: str) -> bool:
    return any(path == one or (one.endswith("/") and path.startswith(one)) for one in OPEN)


def action_of(method: str, path: str) -> str | None:
    """The action that a request needs; None: there is no such thing to do."""
    table = LOOKING if method in ("GET", "HEAD") else DOING
    for start, action in table:
        if start == "/" or path == start or path.startswith(start + "/"):
            return action
    return None
