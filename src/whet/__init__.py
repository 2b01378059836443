"""whet: from a file of examples to an honest verdict.

    import whet
    outcome = whet.run("task.yaml", out="my-run")
    print(outcome.sentence)
    specialist = whet.load(outcome.folder / "04-rungs" / "head")
    specialist.predict(["where is my parcel?"])

Importing this module imports nothing heavy; the functions below do when they are called.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from whet.errors import InputError, Refused, WhetError, WorldError
from whet.version import __version__

if TYPE_CHECKING:
    from whet.pipeline import Outcome
    from whet.records import Specialist
    from whet.tuning import Tuned

__all__ = ["InputError", "Refused", "WhetError", "WorldError", "__version__", "load", "run", "tune"]


def run(task: str | Path, out: str | Path) -> Outcome:
    """Climb the ladder for a task file, or for a data file whose task is then guessed.

    Args:
        task: a task file (``.yaml``), or a CSV, TSV, JSONL or JSON file of examples.
        out: the run folder.

    Raises:
        InputError: wrong input; nothing was written.
        WorldError: the world failed; the same call goes on where it stopped.
    """
    from whet.start import run_anything

    return run_anything(Path(task), Path(out))


def load(folder: str | Path, *, allow_outside: bool = False) -> Specialist:
    """Load a fitted rung, for example ``RUN/04-rungs/head``.

    Args:
        allow_outside: whether it may run the command or call the address that the folder names.

    Raises:
        InputError: not a specialist, or made by another version; it reaches outside and may not.
    """
    from whet.rungs.base import load_specialist

    return load_specialist(Path(folder), outside=allow_outside)


def tune(task: str | Path, out: str | Path) -> Tuned:
    """Train the first model of a task file, a causal model, on its examples; nothing else.

    Args:
        task: a task file (``.yaml``).
        out: the folder for weights, checkpoints and figures; a training that was killed goes on there.

    Raises:
        InputError: wrong input; nothing was written.
        WorldError: the world failed; the same call goes on where it stopped.
    """
    from whet.config import load_task
    from whet.tuning import tune_task

    return tune_task(load_task(Path(task)), Path(task).parent, Path(out))
