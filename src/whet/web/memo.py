"""What was found a moment ago, so that a page need not look again: values by name, each for its seconds.

A memo is never the only place of anything. Knows nothing of what it keeps.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

MOST = 512
Value = TypeVar("Value")


class Memo:
    """Values that are looked up again when they are too old; of many, the longest unused go."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._kept: OrderedDict[Hashable, tuple[float, Any]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, name: Hashable, seconds: float, find: Callable[[], Value]) -> Value:
        """The value, found anew where it is older than ``seconds``."""
        with self._lock:
            at, value = self._kept.get(name, (float("-inf"), None))
        if time.monotonic() - at <= seconds:
            found: Value = value
            return found
        found = find()
        with self._lock:
            self._kept[name] = time.monotonic(), found
            self._kept.move_to_end(name)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
        return found
