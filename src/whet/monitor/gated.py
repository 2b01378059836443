"""What a retrained specialist must show by itself: every measure taken, and held to the store's policy.

The way from ``retrain.py`` to ``whet.trust``, so that the first can be tested with a gate of its own.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from whet.release.policy import FILE, policy_of
from whet.rungs.base import silent
from whet.trust.evidence import evidence
from whet.trust.gate import gate
from whet.trust.policy import default_policy, load_policy

if TYPE_CHECKING:
    from whet.monitor.retrain import Gate
    from whet.rungs.base import Tell


def gated(home: Path, tell: Tell = silent) -> Gate:
    """Evidence, then the gate; the result stays in the run as ``09-gate.json``."""

    def passes(run: Path, rung: str) -> bool:
        evidence(run, rung=rung, tell=tell)
        own = home / FILE
        rules = load_policy(own) if own.is_file() else default_policy()
        told = gate(run, rules, policy_of(home).digest, rung=rung)
        return told.passed

    return passes
