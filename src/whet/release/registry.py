"""Releases: candidate -> approved -> live -> retired; what is not approved, or was changed since, is refused.

    whet release RUN -> candidate -> whet approve ID --by NAME -> whet live ID -> servable(NAME)

A candidate is a copy of the specialist in the store, with its evidence. An approval is by a named person
other than who trained it (unless the policy allows), and binds the digests of specialist, base, data,
evaluation, gate and policy, in the audit log, which also decides a release's state (``history.py``).
``servable``, ``hold`` and ``load`` are the only way to a release's files; they take no role and no key, so
that none opens another.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whet.database import opened, reading, writing
from whet.errors import InputError, Refused, nearest
from whet.release import audit, history
from whet.release.checked import Held, held
from whet.release.gate import GATES, passed
from whet.release.history import APPROVED, CANDIDATE, LIVE, RETIRED, History
from whet.release.kept import SPECIALIST, approved_copy, check_as_added, keep, loaded
from whet.release.made_of import evidence_files, made_of
from whet.release.policy import BY_POLICY, check_approver, policy_of
from whet.release.releases import (
    Release,
    checked_alias,
    checked_name,
    release_of,
    row_of,
    slug,
    trial_of,
)
from whet.release.tables import METADATA, RELEASES
from whet.release.verify import entries
from whet.rungs.base import LOOPBACK

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from whet.records import Specialist

FOLDER = "releases"


class Registry:
    """The releases of a store."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._engine = opened(home, METADATA)

    def add(
        self, folder: Path, rung: str = "", *, trained_by: str, name: str = "", alias: str | None = None
    ) -> Release:
        """Make a candidate of a run's specialist: its files are copied into the store.

        Args:
            folder: a run folder, or ``RUN/04-rungs/NAME``.
            rung: default: the verdict's winner.
            trained_by: who will not be the one to approve it.
            name: what applications ask for; default: the task's name.
            alias: another name for this one release.

        Raises:
            InputError: no finished run, no such rung, nobody named, a name or alias that cannot be.
            Refused: it was changed after it was measured; or it is a training of ``whet tune``, which was
                held to no unseen rows: there is nothing for a gate, and so nobody could approve it.
        """
        if not trained_by.strip():
            raise InputError("nobody is named who trained it.", fix="--trained-by NAME.")
        found = made_of(folder, rung)
        if found.source == found.specialist:
            raise _unmeasured(folder)
        name = checked_name(name or slug(found.task))
        alias = None if alias is None else checked_alias(alias)
        with writing(self._engine) as connection:
            past = self._history()
            if alias is not None and any(alias == one.alias for one in past.standings.values()):
                raise InputError(f"the alias {alias!r} is taken.", where="alias")
            number = self._next_number(connection, name, past)
            id_ = f"{name}@{number}"
            keep(self.home / FOLDER / id_, found)
            from sqlalchemy import insert

            connection.execute(insert(RELEASES).values(row_of(id_, name, number, found)))
            told = {"id": id_, "name": name, "alias": alias, "rung": found.rung, **asdict(found.digests)}
            audit.append(self.home, history.ADDED, trained_by.strip(), told)
        return self.find(id_)

    def approve(
        self,
        id_: str,
        *,
        by: str,
        gate: Path | None = None,
        policy: Path | None = None,
        allow_outside: bool = False,
    ) -> Release:
        """Approve a candidate, as it is now.

        Args:
            by: a person; not who trained it, unless the policy allows.
            gate: the gate's result; default: the one among its evidence.
            policy: where the store has none of its own.
            allow_outside: it may run the command or call the address that it names.

        Raises:
            Refused: not a candidate, not by this person, no passed gate, changed since it was added.
        """
        rules = policy_of(self.home, policy)
        with writing(self._engine):
            release = self.find(id_)
            _must_be(release, CANDIDATE, "approved")
            check_approver(rules, by, release.trained_by)
            found = [gate] if gate else evidence_files(release.evidence, (GATES,))
            bound = {**asdict(release.digests), **passed(found, release, rules)}
            check_as_added(release)
            if release.reaches and not allow_outside:
                raise Refused(
                    f"it {release.reaches}.",
                    where=id_,
                    fix="if that is meant, approve it with --allow-outside.",
                )
            about = {"id": release.id, **bound, "outside": bool(release.reaches)}
            audit.append(self.home, history.WAS_APPROVED, by.strip(), about)
        return self.find(id_)

    def approve_by_policy(self, id_: str, *, gate: Path | None = None) -> Release:
        """Approve a candidate without a person, where the policy says so; errors as in ``approve``."""
        return self.approve(id_, by=BY_POLICY, gate=gate)

    def go_live(self, id_: str, *, by: str, instead_of: str | None = None) -> Release:
        """Let an approved release answer for its name; the one that did until now is approved again.

        Args:
            instead_of: the release that it may replace, and no other; None: any.

        Raises:
            Refused: it is not approved, or was changed since; another is live than it may replace.
        """
        with writing(self._engine):
            release = self.find(id_)
            _must_be(release, APPROVED, "taken live")
            approved_copy(release).close()
            before = self._history().live(release.name)
            if instead_of is not None and (before is None or before.id != instead_of):
                raise Refused(f"was held to {instead_of}, which is not live.", where=id_, fix="whet live ID.")
            about = {"id": release.id, "before": before.id if before else None}
            audit.append(self.home, history.WENT_LIVE, by, about)
        return self.find(id_)

    def retire(self, id_: str, *, by: str, why: str = "") -> Release:
        """Serve a release no more, for good; its files and evidence stay.

        Raises:
            Refused: it is retired already.
        """
        with writing(self._engine):
            release = self.find(id_)
            if release.state == RETIRED:
                raise Refused("is retired already.", where=id_)
            audit.append(self.home, history.WAS_RETIRED, by, {"id": release.id, "why": why})
        return self.find(id_)

    def rollback(self, name: str, *, by: str, why: str = "") -> Release:
        """Retire a name's live release and let the one before it answer again.

        Returns:
            the release that is live now.

        Raises:
            Refused: nothing is live, or nothing was before, or that was changed since.
        """
        with writing(self._engine):
            past = self._history()
            known = {one.name for one in past.standings.values()}
            name = name if name in known else self.find(name).name
            live, before = past.live(name), past.before(name)
            if live is None or before is None:
                missing = "is live" if live is None else "was live before that can be again"
                fix = "whet releases shows what there is; whet live ID takes an approved one live."
                raise Refused(f"nothing {missing}.", where=name, fix=fix)
            approved_copy(self.find(before.id)).close()
            about = {"id": live.id, "to": before.id, "why": why}
            audit.append(self.home, history.ROLLED_BACK, by, about)
        return self.find(before.id)

    def tidy(self, *, by: str) -> list[str]:
        """Remove the files of releases that are retired longer than the policy keeps them; their records and
        evidence stay.

        Returns:
            their ids; none where the policy keeps all.
        """
        days, gone = policy_of(self.home).retention.retired_days, []
        if days is None:
            return []
        until = datetime.now(UTC) - timedelta(days=days)
        for release in self.releases():
            old = release.state == RETIRED and datetime.fromisoformat(release.since) <= until
            if old and release.folder.exists():
                audit.append(self.home, history.FILES_REMOVED, by, {"id": release.id})
                shutil.rmtree(release.folder)
                gone.append(release.id)
        return gone

    def stamp(self) -> tuple[int, int]:
        """Changes whenever a state may have changed: who serves asks ``servable`` again when it does."""
        return audit.stamp(self.home)

    def releases(self, name: str = "") -> list[Release]:
        """All releases, or those of a name, the oldest first."""
        from sqlalchemy import select

        asked = select(RELEASES).order_by(RELEASES.c.made_at, RELEASES.c.name, RELEASES.c.number)
        past = self._history()
        with reading(self._engine) as connection:
            rows = connection.execute(asked).all()
        every = [self._release(row._mapping, past) for row in rows]
        return [one for one in every if not name or one.name == name]

    def _release(self, row: Mapping[Any, Any], past: History) -> Release:
        return release_of(row, self.home / FOLDER / row["id"] / SPECIALIST, past.standings.get(row["id"]))

    def find(self, id_: str) -> Release:
        """A release by its id or alias, in whatever state.

        Raises:
            InputError: there is none.
        """
        every = self.releases()
        found = next((one for one in every if id_ and id_ in (one.id, one.alias)), None)
        if found is None:
            known = nearest(id_, [one.id for one in every]) if every else "There are none."
            raise InputError(f"there is no release {id_!r}. {known}", fix="whet releases shows them.")
        return found

    def servable(self, name_or_id: str) -> Release:
        """The release that may answer under a name, an id or an alias; a name means its live release.

        Raises:
            InputError: there is none.
            Refused: it is not approved, or retired; nothing of the name is live; the log was changed.
        """
        live = self._history().live(name_or_id)
        release = self.find(live.id if live else self._one_named(name_or_id))
        if release.state not in (APPROVED, LIVE):
            raise _not_served(release)
        return release

    def hold(self, name_or_id: str) -> tuple[Release, Held]:
        """A servable release with a private copy of its files, each checked while it was copied.

        For those who load it by themselves: load from ``Held.folder``, then call ``Held.check``.

        Raises:
            Refused: as in ``servable``; a file is not the one that was approved.
        """
        release = self.servable(name_or_id)
        return release, approved_copy(release)

    def load(self, name_or_id: str) -> tuple[Release, Specialist]:
        """A servable release, loaded from files that were checked; errors as in ``hold``."""
        release, copy = self.hold(name_or_id)
        return release, loaded(release, copy)

    def trial(self, folder: Path, rung: str = "", *, host: str) -> Release:
        """A specialist that is in no registry, to try on this machine only: ``whet serve RUN --trial``.

        Raises:
            Refused: ``host`` is another address than this machine's own.
            InputError, Refused: as in ``made_of``.
        """
        if host not in LOOPBACK:
            raise Refused(
                f"a trial is served on this machine only, not on {host}.",
                where=folder,
                fix="leave --host away; or release it, and let somebody approve it.",
            )
        return trial_of(made_of(folder, rung))

    def load_trial(self, release: Release) -> Specialist:
        """A trial's specialist, from a copy like that of any other; it reaches nothing outside."""
        return loaded(release, held(release.folder, release.files, release.bases))

    def _history(self) -> History:
        """What the log says; nothing before there is one.

        Raises:
            Refused: the log was changed.
        """
        return history.history(entries(self.home)) if self._has_log() else History()

    def _has_log(self) -> bool:
        return (self.home / audit.FILE).exists() or self._any()

    def _any(self) -> bool:
        from sqlalchemy import select

        with reading(self._engine) as connection:
            return connection.execute(select(RELEASES.c.id).limit(1)).first() is not None

    def _one_named(self, name_or_id: str) -> str:
        """The id or alias itself; of a name that has releases, of which none is live, that is the refusal."""
        if any(one.name == name_or_id for one in self.releases()):
            raise Refused("no release of this name is live.", where=name_or_id, fix="whet live ID.")
        return name_or_id

    def _next_number(self, connection: Connection, name: str, past: History) -> int:
        """One more than the last, by the table or by the log."""
        from sqlalchemy import func, select

        asked = select(func.coalesce(func.max(RELEASES.c.number), 0)).where(RELEASES.c.name == name)
        known = [int(one.id.rpartition("@")[2]) for one in past.standings.values() if one.name == name]
        return 1 + max(int(connection.execute(asked).scalar_one()), *known, 0)


def _unmeasured(folder: Path) -> Refused:
    return Refused(
        "is a training by itself: it was held to no unseen rows, and no gate can be held to it.",
        where=folder,
        fix="whet run a task with `rungs: [prompt, tune]`, which trains and measures, and release that run; "
        f"whet serve {folder} --trial tries this one on this machine.",
    )


def _must_be(release: Release, state: str, verb: str) -> None:
    if release.state != state:
        raise Refused(
            f"is {release.state}, and only {'a candidate' if state == CANDIDATE else state} can be {verb}.",
            where=release.id,
            fix="whet releases shows the state of each.",
        )


def _not_served(release: Release) -> Refused:
    if release.state == CANDIDATE:
        fix = f"whet approve {release.id} --by NAME."
        return Refused("is a candidate that nobody approved: it is not served.", where=release.id, fix=fix)
    fix = "whet releases shows what can be; a retired release comes back as a new candidate."
    return Refused(f"is {release.state}: it is not served.", where=release.id, fix=fix)
