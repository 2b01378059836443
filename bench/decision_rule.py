"""The error rates of the decision rule, as ``tests/test_decision_rule.py`` simulates them, as one JSON line.

    python bench/decision_rule.py

Two thousand test sets of 500 examples on which two rungs disagree on 15 %; without Holm's correction, the
same draws show what it is for.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests import test_decision_rule as simulated

from whet import verdict


def main() -> None:
    line: dict[str, object] = {"bench": "decision_rule", "draws": simulated.DRAWS, "n": simulated.EXAMPLES}
    line |= {f"{name}, corrected": value for name, value in rates().items()}
    with patch.object(verdict, "holm", simulated.uncorrected):
        line |= {f"{name}, uncorrected": value for name, value in rates().items()}
    print(json.dumps(line))


def rates() -> dict[str, float]:
    """Share of the draws, by what is true and what is said."""
    share, one, six = simulated.share, ["prompt"], simulated.SIX
    return {
        "one equal rung called worse": share(simulated.any_worse, 0.0, one, seed=1),
        "six equal rungs, any called worse": share(simulated.any_worse, 0.0, six, seed=2),
        "a gap of 5 points found": share(simulated.any_worse, 0.05, one, seed=3),
        "one rung 4 points worse wins": share(simulated.lower_wins, 0.04, one, seed=4),
        "six rungs 4 points worse, one wins": share(simulated.lower_wins, 0.04, six, seed=4),
        "six rungs the margin behind, one wins": share(simulated.lower_wins, simulated.MARGIN, six, seed=5),
    }


if __name__ == "__main__":
    main()
