"""Documents that change without a new fit: what a specialist looks things up in, read anew.

How many passages are shown, how they are cut and which encoder finds them stay as they were chosen; the
figures of a run speak of the documents that it was fitted with. The new passages are written beside the old
ones, and the card, written last, names them: a kill leaves the old ones or the new. Knows no task file.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whet.errors import InputError
from whet.retrieve.index import build_index, named
from whet.rungs.base import CARD
from whet.rungs.vectors import load_encoder
from whet.store import read_json, write_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from whet.retrieve.documents import Documents

RUNGS = "04-rungs"


@dataclass(frozen=True)
class Reindexed:
    """What changed in one specialist."""

    folder: Path
    rung: str
    before: str
    """Digest of the documents until now."""
    digest: str
    documents: int
    passages: int

    @property
    def changed(self) -> bool:
        return self.before != self.digest


def specialists_in(folder: Path) -> list[Path]:
    """The specialist that a folder is, or those of a run that look things up.

    Raises:
        InputError: neither, or nothing in it looks anything up.
    """
    inside = [folder] if (folder / CARD).is_file() else sorted((folder / RUNGS).glob(f"*/{CARD}"))
    folders = [path.parent if path.name == CARD else path for path in inside]
    found = [one for one in folders if "knowledge" in read_json(one / CARD)]
    if not found:
        what = "looks nothing up in documents" if folders else "is neither a specialist nor a run"
        raise InputError(
            f"{what}.",
            where=folder,
            fix="name `knowledge` in the task file and run it: `retrieve` looks things up if dev prefers it.",
        )
    return found


def reindex(folder: Path, documents: Documents) -> Reindexed:
    """Let a specialist look things up in other documents from now on.

    Raises:
        InputError: its encoder is not the one on this machine.
        WorldError: the disk fails; the old documents stand.
    """
    card: dict[str, Any] = read_json(folder / CARD)
    known = card["knowledge"]
    cut = replace(documents, words=int(known["words"]), overlap=int(known["overlap"]))
    index = build_index(cut, load_encoder(folder, known["encoder"]))
    write_json(folder / CARD, {**card, "knowledge": {**known, **index.save(folder)}})
    _forget(folder, keep=named(index.digest))
    return Reindexed(
        folder, str(card["rung"]), known["digest"], index.digest, index.documents, len(index.passages)
    )


def reindex_all(folders: Sequence[Path], documents: Documents) -> list[Reindexed]:
    """One after the other; errors as in ``reindex``."""
    return [reindex(folder, documents) for folder in folders]


def _forget(folder: Path, keep: str) -> None:
    """Remove the passages of documents that no card names any more."""
    for path in folder.glob("passages-*"):
        if path.stem != keep:
            path.unlink()
