"""What a task says of its release at work: what is kept of the traffic, who is told, who reviews.

Knows no table: ``whet.monitor`` reads these.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from whet.config_lines import Section

Keep = Literal["redacted", "whole", "figures"]


class Monitoring(Section):
    """What happens beside a release that serves."""

    keep: Keep = "redacted"
    """Of requests and answers. `redacted`: with stand-ins for personal data; `whole`: as they came;
    `figures`: no texts and no vectors, only lengths, labels, confidence, time and cost."""
    days: int = Field(default=90, ge=1, le=3650)
    """How long a request is kept."""
    webhook: str | None = Field(default=None, pattern=r"^https?://")
    """Address that is sent every alarm as JSON."""
    alarms_per_week: float = Field(default=0.01, gt=0, le=0.5)
    """How often all signals together may cry wolf: the chance of a false alarm in a week."""
    reviewed: float = Field(default=0.02, ge=0, le=1)
    """Share of the traffic that is looked at whatever it is, so that quality is estimated without bias."""
    double: float = Field(default=0.1, ge=0, le=1)
    """Share of review items that two people decide, to see how far they agree."""
    corrections: int = Field(default=50, ge=1)
    """Reviewed examples after which a retraining is proposed."""
    max_age_days: int = Field(default=180, ge=1)
    """Age of a release after which a retraining is proposed."""
    policy: str | None = None
    """Document that says what a right answer is; when it changes, a retraining is proposed."""
    promote: Literal["never", "gate"] = "never"
    """Whether a retrained specialist that passes the gate may go live without a person. `never`: it waits for
    approval."""
