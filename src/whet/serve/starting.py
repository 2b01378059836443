"""From what the command line says to a server that can be run: what is served, who may ask, what is kept.

    Wanted -> source (registry or trial), door (hosts, keys), traffic -> Serving

It refuses before anything is loaded: an address that strangers could reach without a key, a trial for others.
Knows no option by its spelling.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from whet.errors import InputError, Refused
from whet.serve.answers import Engines
from whet.serve.approved import Approved
from whet.serve.caps import Caps
from whet.serve.catalogue import Catalogue, Shares, Source
from whet.serve.guard import Door
from whet.serve.hosts import hosts_of
from whet.serve.recording import Recorder
from whet.serve.server import check_address
from whet.serve.serving import Serving
from whet.serve.trial import Trial

if TYPE_CHECKING:
    from whet.models.writer import Precision
    from whet.release.keys import Keys
    from whet.release.registry import Registry


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What shall be served, and how."""

    names: Sequence[str] = ()
    """Names, ids or aliases in the registry; empty: all that it allows."""
    trial: Path | None = None
    """A folder that is in no registry, instead."""
    rung: str = ""
    outside: bool = False
    """Whether a trial may run or call what its folder names."""
    home: Path
    """The store's folder."""
    host: str = "127.0.0.1"
    hosts: Sequence[str] = ()
    """Other names that this server is called by."""
    threshold: float | None = None
    canary: str = ""
    """``ID:SHARE``"""
    shadow: str = ""
    keep: bool = True
    """Whether traffic is kept, as the policy allows."""
    engine: str = ""
    """Address of a server that writes for decoders, up to ``/v1``; empty: they write here."""
    engine_model: str = ""
    """What that server calls the model; empty: as the release is called."""
    precision: Precision = "auto"
    """In which decoders write here."""
    caps: Caps = field(default_factory=Caps)


def serving_of(wanted: Wanted) -> Serving:
    """A server's inside; nothing is loaded yet.

    Raises:
        Refused: by ``check_address``, or the registry allows nothing that is named.
        InputError: no such folder or release, a share that is none.
    """
    keys = None if wanted.trial is not None else _keys(wanted.home)
    there = keys is not None and keys.any()
    check_address(wanted.host, keys=there, trial=wanted.trial is not None)
    check = keys.check if keys and there else None
    door = Door(check, keys, hosts_of(wanted.host, wanted.hosts), wanted.caps)
    if wanted.engine and wanted.precision != "auto":
        why = "has no effect with --engine: what writes behind that address has its own."
        raise InputError(why, where="--precision", fix="leave it out.")
    engines = Engines(_address(wanted.engine), wanted.engine_model, wanted.precision)
    if wanted.trial is not None:
        source: Source = Trial(wanted.trial, wanted.rung, wanted.outside, engines)
        return Serving(Catalogue(source, wanted.threshold), door)
    from whet.release.registry import Registry

    registry = Registry(wanted.home)
    shares = _shares(wanted, registry)
    only = (*wanted.names, *(id_ for one in shares.values() for id_ in (one.canary, one.shadow) if id_))
    source = Approved(registry, only if wanted.names else (), engines)
    return Serving(Catalogue(source, wanted.threshold, shares), door, _recorder(wanted))


def _address(url: str) -> str:
    if url and not url.startswith(("http://", "https://")):
        raise InputError(f"{url!r} is no address.", where="--engine", fix="http://127.0.0.1:8000/v1")
    return url.rstrip("/")


def _keys(home: Path) -> Keys:
    from whet.release.keys import Keys

    return Keys(home)


def _recorder(wanted: Wanted) -> Recorder | None:
    """What keeps the traffic; the store's policy says how long, and 0 days are none."""
    from whet.release.policy import policy_of

    days = policy_of(wanted.home).retention.traffic_days
    if not wanted.keep or not days:
        return None
    return Recorder(wanted.home, days)


def _shares(wanted: Wanted, registry: Registry) -> Mapping[str, Shares]:
    """Canary and shadow, by the name that they belong to; both must be approved releases of it."""
    found: dict[str, Shares] = {}
    for part in ("canary", "shadow"):
        if said := getattr(wanted, part):
            id_, share = _share(said, f"--{part}")
            release = registry.servable(id_)
            if wanted.names and release.name not in wanted.names:
                raise Refused(f"{id_} is no release of {', '.join(wanted.names)}.", where=f"--{part}")
            before = found.get(release.name, Shares())
            canary = (id_, share) if part == "canary" else (before.canary, before.canary_share)
            shadow = (id_, share) if part == "shadow" else (before.shadow, before.shadow_share)
            found[release.name] = Shares(*canary, *shadow)
    return found


def _share(said: str, option: str) -> tuple[str, float]:
    id_, _, share = said.rpartition(":")
    try:
        value = float(share)
    except ValueError:
        value = -1.0
    if not id_ or not 0.0 < value <= 1.0:
        raise InputError(f"{said!r} is no release and a share.", where=option, fix="tickets@4:0.1")
    return id_, value
