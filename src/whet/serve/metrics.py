"""Figures of a running server, as Prometheus reads them.

One registry an app, so that two apps in one process count apart. No text of a request is in them. Source: the
Prometheus text format; names follow its conventions (``_total``, ``_seconds``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)


class Metrics:
    """What is counted."""

    def __init__(self) -> None:
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

        self.registry = CollectorRegistry()
        own: dict[str, Any] = {"registry": self.registry}
        self.requests = Counter(
            "whet_requests_total", "Requests by route and status.", ["route", "status"], **own
        )
        self.seconds = Histogram(
            "whet_request_seconds",
            "From the request to the end of its answer.",
            ["route"],
            buckets=SECONDS,
            **own,
        )
        self.first = Histogram(
            "whet_first_piece_seconds", "To the first piece of a stream.", buckets=SECONDS, **own
        )
        self.answers = Counter(
            "whet_answers_total",
            "Answers by release and part (live, canary, shadow).",
            ["release", "part"],
            **own,
        )
        self.unsure = Counter("whet_unsure_total", "Answers below the threshold.", ["release"], **own)
        self.tokens = Counter("whet_tokens_total", "Tokens read and written.", ["release", "way"], **own)
        self.dropped = Counter("whet_disconnects_total", "Clients that went before the end.", **own)
        self._gauge = Gauge

    def gauge(self, name: str, about: str, value: Callable[[], float]) -> None:
        """A figure that is looked up when it is asked for."""
        self._gauge(name, about, registry=self.registry).set_function(value)

    def text(self) -> bytes:
        from prometheus_client import generate_latest

        return generate_latest(self.registry)
