"""What the pages stand on: a folder of runs, a store, and who is let in.

    Site -> shelf (runs), registry, traffic, queue, sessions

Nothing is remembered here that a restart would lose: runs are folders, the rest stands in the store. Knows no
route and no page.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import select

from whet.config_monitor import Monitoring
from whet.database import indexed, opened, reading
from whet.errors import WhetError
from whet.monitor.review import Queue
from whet.monitor.subject import subject_of
from whet.monitor.tables import ITEMS
from whet.monitor.tables import METADATA as MONITOR
from whet.monitor.traffic import Traffic
from whet.release.keys import Keys
from whet.release.registry import Registry
from whet.serve.hosts import LOOPBACK
from whet.web.memo import Memo
from whet.web.sessions import METADATA, Sessions
from whet.web.visitors import Visitor, local, visitor_of

if TYPE_CHECKING:
    from whet.release.keys import Key
    from whet.release.releases import Release

KNOWN_SECONDS = 60.0
"""For which keys count as known; a key that is made or revoked is known at once, by the log's stamp."""
TASK_SECONDS = 30.0
"""For which a task's wishes count as known."""


@dataclass(frozen=True)
class Site:
    """One web application."""

    folder: Path
    """Where runs are, and where new ones go."""
    home: Path
    """The store's folder."""
    name: str
    """Who works here where there are no keys."""
    hosts: frozenset[str] = LOOPBACK
    """Names under which it may be called."""
    alone: bool = True
    """Whether only this machine reaches it and no key was there at its start: it opens without one then."""
    port: int = 0
    memo: Memo = field(default_factory=Memo)
    shut: threading.Event = field(default_factory=threading.Event)
    """Set by the first key: that the last one is revoked must not let everybody in."""
    asking: threading.Lock = field(default_factory=threading.Lock)
    """One question at a time: models share the processor."""

    @cached_property
    def registry(self) -> Registry:
        return Registry(self.home)

    @cached_property
    def keys(self) -> Keys:
        return Keys(self.home)

    @cached_property
    def sessions(self) -> Sessions:
        return Sessions(opened(self.home, METADATA))

    @cached_property
    def traffic(self) -> Traffic:
        """For reading; what is written of a task goes through ``queue``, which knows what may be kept."""
        traffic = Traffic(self.home)
        indexed(traffic.engine, MONITOR)
        return traffic

    @property
    def cookie(self) -> str:
        """Cookies know no ports: two applications on one machine must not share one."""
        return f"whet-ui-{self.port}"

    def visitor(self, token: str) -> Visitor | None:
        """Who asks; None: nobody that is known."""
        keys = self.memo.get(("keys", self.keys.stamp()), KNOWN_SECONDS, self._known)
        if keys:
            self.shut.set()
        elif self.alone and not self.shut.is_set():
            return local(self.name)
        key = keys.get(self.sessions.key(token) or "")
        return visitor_of(key) if key else None

    def _known(self) -> dict[str, Key]:
        return {key.id: key for key in self.keys.all()}

    def releases(self) -> list[Release]:
        """All releases; read again when the log has changed."""
        return self.memo.get(("releases", self.registry.stamp()), 600.0, self.registry.releases)

    def queue(self, task: str) -> Queue:
        """The review queue of a task, under what the task lets be kept."""
        return Queue(self.memo.get(("kept", task), TASK_SECONDS, lambda: self._kept(task)))

    def _kept(self, task: str) -> Traffic:
        latest = select(ITEMS.c.release).where(ITEMS.c.task == task).order_by(ITEMS.c.time.desc()).limit(1)
        with reading(self.traffic.engine) as connection:
            release = connection.execute(latest).scalar()
        try:
            keeping = subject_of(self.home, release).task.monitor if release else Monitoring()
        except WhetError:
            keeping = Monitoring()  # the release is not known here: with stand-ins for personal data
        kept = Traffic(self.home, keeping)
        kept.__dict__["engine"] = self.traffic.engine  # one pool of connections for all
        return kept

    def warm(self) -> None:
        """What the first page would wait for otherwise."""
        for part in (self.traffic, self.registry, self.keys, self.sessions):
            assert part
