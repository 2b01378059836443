"""In which state each release is, told from the audit log: candidate -> approved -> live -> retired.

The log decides, and the table of releases is an index: who changes the table changes no state. A release that
another takes the place of goes back to approved; one that is rolled back is retired. It knows no files.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from whet.release.audit import Entry

CANDIDATE, APPROVED, LIVE, RETIRED, TRIAL = "candidate", "approved", "live", "retired", "trial"
ADDED, WAS_APPROVED, WENT_LIVE, WAS_RETIRED, ROLLED_BACK, FILES_REMOVED = (
    "release.added",
    "release.approved",
    "release.live",
    "release.retired",
    "release.rolled_back",
    "release.files_removed",
)


@dataclass(frozen=True, slots=True)
class Standing:
    """What the log says of one release."""

    id: str
    name: str
    state: str
    since: str
    alias: str | None = None
    trained_by: str = ""
    approved_by: str = ""
    proposed: Mapping[str, Any] = field(default_factory=dict)
    """What was added, by its digests."""
    bound: Mapping[str, Any] = field(default_factory=dict)
    """What its approval binds."""


@dataclass(frozen=True, slots=True)
class History:
    """All releases, and for each name which were live, in order."""

    standings: Mapping[str, Standing] = field(default_factory=dict)
    lives: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def live(self, name: str) -> Standing | None:
        """The live release of a name."""
        found = (one for one in self.standings.values() if one.name == name and one.state == LIVE)
        return next(found, None)

    def before(self, name: str) -> Standing | None:
        """The release that was live before the one that is, and may be again."""
        live = self.live(name)
        for id_ in reversed(self.lives.get(name, ())):
            one = self.standings[id_]
            if one.state == APPROVED and (live is None or id_ != live.id):
                return one
        return None


def history(entries: Iterable[Entry]) -> History:
    """Fold the log. Entries of other things are passed over."""
    standings: dict[str, Standing] = {}
    lives: dict[str, tuple[str, ...]] = {}
    for entry in entries:
        if entry.event == ADDED:
            one = _added(entry)
            standings[one.id] = one
        elif entry.event.startswith("release.") and entry.fields.get("id") in standings:
            _apply(entry, standings, lives)
    return History(standings, lives)


def _added(entry: Entry) -> Standing:
    told = entry.fields
    return Standing(
        str(told["id"]),
        str(told["name"]),
        CANDIDATE,
        entry.at,
        alias=told.get("alias"),
        trained_by=entry.who,
        proposed=dict(told),
    )


def _apply(entry: Entry, standings: dict[str, Standing], lives: dict[str, tuple[str, ...]]) -> None:
    one = standings[str(entry.fields["id"])]
    match entry.event:
        case "release.approved":
            bound = dict(entry.fields)
            one = replace(one, state=APPROVED, since=entry.at, bound=bound, approved_by=entry.who)
            standings[one.id] = one
        case "release.retired":
            standings[one.id] = replace(one, state=RETIRED, since=entry.at)
        case "release.live":
            _take_over(one, APPROVED, entry.at, standings, lives)
        case "release.rolled_back":
            to = standings[str(entry.fields["to"])]
            standings[one.id] = replace(one, state=RETIRED, since=entry.at)
            _take_over(to, RETIRED, entry.at, standings, lives)


def _take_over(
    one: Standing,
    others: str,
    at: str,
    standings: dict[str, Standing],
    lives: dict[str, tuple[str, ...]],
) -> None:
    """One release is live; whichever was, is no more."""
    for other in list(standings.values()):
        if other.name == one.name and other.state == LIVE:
            standings[other.id] = replace(other, state=others, since=at)
    standings[one.id] = replace(one, state=LIVE, since=at)
    lives[one.name] = (*lives.get(one.name, ()), one.id)
