"""What the registry allows to be served, and nothing else.

    name -> servable release -> private copy of its files, each hashed -> loaded -> looked at again -> answers

A name is asked of the registry anew whenever a state may have changed (``Registry.stamp``), and the files
are checked by it at every load. Knows no HTTP, no role and no key: none opens another way.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from whet.config_monitor import Monitoring
from whet.errors import Refused
from whet.release.history import APPROVED, LIVE
from whet.release.threshold import threshold_of
from whet.runs import MANIFEST
from whet.serve.answers import Engines
from whet.serve.catalogue import About
from whet.store import read_json

if TYPE_CHECKING:
    from pathlib import Path

    from whet.release.registry import Registry
    from whet.release.releases import Release
    from whet.serve.asking import Answering


@dataclass
class Approved:
    """A ``catalogue.Source`` of a registry."""

    registry: Registry
    only: Collection[str] = ()
    """Names, ids or aliases that may be asked for; empty: all that the registry allows."""
    engines: Engines = field(default_factory=Engines)

    def names(self) -> list[About]:
        found = []
        for release in self.registry.releases():
            if release.state == LIVE and self._wanted(release):
                found.append(about_of(release, release.name))
            if release.alias and release.state in (APPROVED, LIVE) and self._wanted(release):
                found.append(about_of(release, release.alias))
        return found

    def stamp(self) -> object:
        return self.registry.stamp()

    def release(self, name: str) -> About:
        release = self.registry.servable(name)
        if not self._wanted(release):
            raise Refused("is not served by this server.", where=name)
        return replace(about_of(release, name), threshold=threshold_of(release))

    def open(self, about: About) -> Answering:
        release, copy = self.registry.hold(about.id)
        try:
            outside = bool(release.bound.get("outside"))
            answering = self.engines.answering(copy.folder, outside=outside, name=about.id)
            copy.check()
            return answering
        finally:
            copy.close()

    def _wanted(self, release: Release) -> bool:
        return not self.only or any(one in self.only for one in (release.name, release.id, release.alias))


def about_of(release: Release, name: str) -> About:
    made = int(datetime.fromisoformat(release.made_at).timestamp())
    digest, keeping = release.digests.specialist, keeping_of(release.evidence / MANIFEST)
    return About(release.id, name, digest, release.rung, False, made, release.task, keeping)


def keeping_of(manifest: Path) -> Monitoring:
    """What the task of a run allows to be kept; the defaults, redacted, where it says nothing."""
    task = read_json(manifest).get("task") if manifest.is_file() else None
    said = task.get("monitor") if isinstance(task, dict) else None
    return Monitoring.model_validate(said or {})
