"""A release's files in the store: copied there once, looked at each time before they are loaded.

Knows no transitions: what may be loaded, ``registry.py`` says.
"""

from __future__ import annotations

import atexit
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from whet.errors import Refused
from whet.release.checked import Held, copy_checked, held
from whet.release.datasheet import KEPT, datasheet
from whet.release.made_of import MadeOf, evidence_files
from whet.release.releases import EVIDENCE, Release
from whet.rungs.base import load_specialist
from whet.store import make_folder, sync_folder, write_json

if TYPE_CHECKING:
    from whet.records import Specialist

SPECIALIST, RECORD = "specialist", "release.json"
WARM_UP = "hello"
BACKUP = "restore the store from a backup, or release the run again; whet log shows what was approved."


def keep(folder: Path, found: MadeOf) -> None:
    """Copy a specialist's files, as they were hashed, and its evidence into a folder of the store.

    Raises:
        Refused: a file changed since it was hashed.
    """
    shutil.rmtree(folder, ignore_errors=True)  # what a kill left; its number was never given out
    make_folder(folder / EVIDENCE)
    copy_checked(found.specialist, folder / SPECIALIST, found.files)
    for path in evidence_files(found.source):
        shutil.copyfile(path, folder / EVIDENCE / path.name)
    write_json(folder / EVIDENCE / KEPT, datasheet(found.source))
    write_json(folder / RECORD, {"task": found.task, "rung": found.rung, **found.as_dict()})
    sync_folder(folder.parent)


def check_as_added(release: Release) -> None:
    """Whether a candidate is still what was added.

    Raises:
        Refused: the store's copy, or what the table says of it, was changed since.
    """
    if not release.agrees_with(release.proposed):
        what = "the registry names other files than those that were added."
        raise Refused(what, where=release.id, fix=BACKUP)
    held(release.folder, release.files, release.bases).close()


def approved_copy(release: Release) -> Held:
    """A private copy of what was approved, by the digests that the approval in the log binds.

    Raises:
        Refused: the store's copy, what the table says of it, or a base model was changed since.
    """
    if not release.agrees_with(release.bound):
        what = "the registry names other files than those that were approved."
        raise Refused(what, where=release.id, fix=BACKUP)
    return held(release.folder, release.files, release.bases)


def loaded(release: Release, copy: Held) -> Specialist:
    """Load a checked copy; what is loaded late is loaded before the base's files are looked at again.

    Raises:
        Refused: a base model's file was changed since it was checked.
    """
    atexit.register(copy.close)  # what a specialist reads late, it reads from there
    specialist = load_specialist(copy.folder, outside=bool(release.bound.get("outside")))
    if copy.fence.looks:
        specialist.predict([WARM_UP])
    copy.check()
    return specialist
