"""One specialist on trial: it is in no registry, nobody approved it, and every reply says so.

It is served on this machine's own addresses only (``server.check_address``). Knows no HTTP.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

from whet.errors import InputError
from whet.release.checked import held
from whet.release.made_of import made_of
from whet.release.releases import Release, trial_of
from whet.release.threshold import threshold_of
from whet.serve.answers import Engines
from whet.serve.asking import Answering
from whet.serve.catalogue import About


@dataclass
class Trial:
    """A ``catalogue.Source`` of one folder: a run, ``RUN/04-rungs/NAME``, or what ``whet tune`` left.

    Raises:
        InputError, Refused: as in ``made_of``.
    """

    folder: Path
    rung: str = ""
    """Of a run; empty: the verdict's winner."""
    outside: bool = False
    """Whether it may run the command or call the address that it names."""
    engines: Engines = field(default_factory=Engines)
    about: About = field(init=False)
    _release: Release = field(init=False)

    def __post_init__(self) -> None:
        self._release = found = trial_of(made_of(self.folder, self.rung))
        digest, now = found.digests.specialist, int(time.time())
        sure = threshold_of(found)
        self.about = About(found.id, found.name, digest, found.rung, True, now, found.task, threshold=sure)

    def names(self) -> list[About]:
        return [self.about]

    def stamp(self) -> object:
        return None

    def release(self, name: str) -> About:
        if name not in (self.about.name, self.about.id):
            raise InputError("there is no such model.", where=name)
        return self.about

    def open(self, about: About) -> Answering:
        copy = held(self._release.folder, self._release.files, self._release.bases)
        try:
            answering = self.engines.answering(copy.folder, outside=self.outside, name=about.name)
            copy.check()
            return answering
        finally:
            copy.close()
