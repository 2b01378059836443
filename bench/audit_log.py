"""How fast the audit log takes entries and is verified, beside the disk's own flush and bare SHA-256.

    python bench/audit_log.py [--entries 50000] [--appends 200]

Entries have about 250 bytes of fields. They are written for the verification without a flush each, in the one
form that entries have, then verified from the file, three times; the best counts. Appends are timed one by
one, with their flush; beside them stands a bare write of as many bytes with ``fsync``. Prints one JSON line.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from whet.release import audit
from whet.release.signing import signer
from whet.release.verify import verify
from whet.runs import environment

FIELDS = {"id": "tickets@1", "specialist": "5" * 64, "base": "b" * 64, "why": "a reason of some words"}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--entries", type=int, default=50_000)
    parser.add_argument("--appends", type=int, default=200)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        appended = timed(arguments.appends, lambda: audit.append(home, "test.done", "somebody", FIELDS))
        flushed = timed(arguments.appends, lambda: flush(home / "bare", 500))
        lines = filled(home, arguments.entries)
        verified = min(seconds(lambda: verify(home)) for _ in range(3))
        hashed = min(seconds(lambda: [hashlib.sha256(line).hexdigest() for line in lines]) for _ in range(3))
    told = {
        "bench": "audit log",
        "entries": len(lines),
        "verified_per_second": round(len(lines) / verified),
        "hashed_alone_per_second": round(len(lines) / hashed),
        "append_ms": quantiles(appended),
        "bare_fsync_ms": quantiles(flushed),
        "environment": environment(),
    }
    print(json.dumps(told))


def filled(home: Path, count: int) -> list[bytes]:
    """A log of its own making, without a flush each."""
    key, lines, before = signer(home), list[bytes](), audit.FIRST
    for seq in range(1, count + 1):
        body = {"seq": seq, "at": "2026-01-01T00:00:00+00:00", "event": "test.done", "who": "somebody"}
        body |= {"fields": FIELDS, "prev": before}
        unsigned = audit.Entry(**body, sign="")  # type: ignore[arg-type]
        entry = audit.Entry(**body, sign=key.sign(audit.signed_bytes(unsigned)).hex())  # type: ignore[arg-type]
        lines.append(entry.line)
        before = entry.digest
    (home / audit.FILE).write_bytes(b"".join(line + b"\n" for line in lines))
    assert verify(home).ok
    return lines


def flush(path: Path, size: int) -> None:
    with path.open("ab") as out:
        out.write(b"x" * size)
        out.flush()
        os.fsync(out.fileno())


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def timed(times: int, work: Callable[[], object]) -> list[float]:
    return [1000 * seconds(work) for _ in range(times)]


def quantiles(values: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(values, n=100)
    return {"p50": round(cuts[49], 3), "p99": round(cuts[98], 3)}


if __name__ == "__main__":
    main()
