"""Names of this machine, and the name that a request gives. Knows no request and no server."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def host_of(header: str) -> str:
    """The name in a Host header, without its port."""
    if header.startswith("["):
        return header[1:].partition("]")[0].lower()
    return header.rpartition(":")[0].lower() if ":" in header else header.lower()


def urlsplit_host(origin: str) -> str:
    try:
        return (urlsplit(origin).hostname or "").lower()
    except ValueError:
        return ""


def hosts_of(host: str, more: Iterable[str] = ()) -> frozenset[str]:
    """The names of a server that listens on an address."""
    own = LOOPBACK if host in LOOPBACK else LOOPBACK | {host.lower()}
    return own | {name.lower() for name in more}
