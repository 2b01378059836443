"""What only people know of a job, as the task file says it: the answers that `whet advise` cannot measure.

Knows no checklist: ``whet.advise`` asks these where they are not given.
"""

from __future__ import annotations

from whet.config_lines import Section


class Advice(Section):
    """What `whet advise` asks for where it cannot measure."""

    measurable: bool | None = None
    """Whether two people who know the job would call the same answers good."""
    knowledge: bool | None = None
    """Whether right answers hang on facts that stand somewhere or change (prices, dates, stock)."""
    reviewer: str = ""
    """Who looks at answers after the release, with hours set aside for it."""
    privacy_cleared: bool = False
    """Whether somebody who may has allowed what is personal in the examples to be learned."""
    affects_people: bool | None = None
    """Whether a wrong answer can treat groups of people unlike. `check.groups` then names the columns."""
