"""The review queue with 100,000 items: how long until the next one, and until a decision is on disk.

python bench/review_queue.py
"""

from __future__ import annotations

import json
import tempfile
import time
import uuid
from pathlib import Path

import numpy as np

from whet.config_monitor import Monitoring
from whet.monitor.review import AT_ONCE, Queue
from whet.monitor.traffic import Served, Traffic

ITEMS, DECIDED = 100_000, 200


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        traffic = Traffic(Path(folder), Monitoring(keep="whole"))
        queue, start = Queue(traffic), time.perf_counter()
        for first in range(0, ITEMS, AT_ONCE):
            rows = [
                Served(f"r{n}", "desk", "desk@1", f"text {n}", "a", 0.3)
                for n in range(first, first + AT_ONCE)
            ]
            traffic.log(*rows)
            queue.add([(row, ["uncertain"]) for row in traffic.rows([one.id for one in rows])])
        filled = time.perf_counter() - start
        times = np.array([timed(queue) for _ in range(DECIDED)]) * 1000
    line: dict[str, object] = {"bench": "review_queue", "items": ITEMS, "filled_seconds": round(filled, 1)}
    for name, column in (("next_ms", times[:, 0]), ("decide_ms", times[:, 1])):
        line[name] = {
            "p50": round(float(np.median(column)), 1),
            "p99": round(float(np.quantile(column, 0.99)), 1),
        }
    print(json.dumps(line))


def timed(queue: Queue) -> tuple[float, float]:
    """Seconds of the next item, and of its decision."""
    start = time.perf_counter()
    item = queue.next("desk", "ana")
    middle = time.perf_counter()
    assert item
    queue.decide(item.seat, "ana", "accept", key=uuid.uuid4().hex)
    return middle - start, time.perf_counter() - middle


if __name__ == "__main__":
    main()
