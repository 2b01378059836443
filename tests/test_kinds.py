"""New kinds among requests: found though most of their rows are not odd one by one; none where none is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from whet.config_monitor import Monitoring
from whet.monitor.kinds import USUAL, in_turn, kinds
from whet.monitor.novelty import distances
from whet.monitor.review import Queue
from whet.monitor.traffic import Served, Traffic

DIM, TIGHT = 32, 0.14
Vectors = NDArray[np.float32]


def around(rng: np.random.Generator, middle: Vectors, many: int) -> Vectors:
    rows = middle + rng.normal(size=(many, DIM)) * TIGHT
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def requests(new: int) -> tuple[Vectors, NDArray[np.float64], float]:
    """400 requests of eight known kinds and ``new`` of one beside the first; novelty, and its bar."""
    rng = np.random.default_rng(1)
    middles = np.eye(DIM, dtype=np.float32)[:8]
    learned, before, now = (np.concatenate([around(rng, m, 50) for m in middles]) for _ in range(3))
    beside = middles[0] + np.eye(DIM, dtype=np.float32)[20] * 1.2
    rows = np.concatenate([now, around(rng, beside / np.linalg.norm(beside), new)])
    return rows, distances(rows, learned), float(np.quantile(distances(before, learned), USUAL))


def test_a_kind_beside_known_ones_is_found_with_its_rows() -> None:
    rows, novelty, usual = requests(100)
    found = kinds(rows, novelty, usual)
    assert found
    mine = np.concatenate(found)
    assert len(set(mine.tolist())) == len(mine)
    assert (found[0][:5] >= 400).all()  # the most typical
    assert (mine >= 400).mean() >= 0.9
    assert (mine >= 400).sum() >= 50
    assert sorted(in_turn(found)) == sorted(mine.tolist())


def test_where_nothing_is_new_no_kind_is_found() -> None:
    """The control: the same requests without the new kind."""
    assert kinds(*requests(0)) == []
    rows, novelty, usual = requests(100)
    assert kinds(rows, np.full(len(novelty), np.nan), usual) == []


def test_requests_of_a_new_kind_come_forward_once_a_text(tmp_path: Path) -> None:
    traffic = Traffic(tmp_path, Monitoring(keep="whole", reviewed=0.0, double=0.0))
    texts = [*(f"text {n}" for n in range(20)), "text 3"]
    traffic.log(*(Served(f"r{n:02}", "desk", "desk@1", text, "a", 0.9) for n, text in enumerate(texts)))
    queue = Queue(traffic)
    queue.add([(row, ["novel"]) for row in traffic.since()][:10])
    assert queue.forward(["r15", "r03", "r20"]) == 1  # r03 was queued, and r20 asks the same
    assert queue.forward(["r15", "r03"]) == 0
    seen = [queue.next("desk", who) for who in ("ana", "bo", "cy")]
    assert [one.request for one in seen if one] == ["r03", "r15", "r00"]
    assert seen[0]
    assert seen[0].reasons == ("kind", "novel")
