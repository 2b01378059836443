"""A person's decisions on a random sample of a specialist's held-out outputs: a file out, the file back.

    whet review RUN --sample 60              -> review.csv, one output a row, the decision left empty
    whet review RUN --take review.csv --by "Ana Lima"   -> 09-review.json

Which outputs are drawn follows from the specialist's digest, so that nobody picks them. A task with a judge
asks for the rubric's level too; the judge's agreement with the person is then measured on rows that it has
not been chosen by. Knows no policy.
"""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from whet.data.formats import read_table
from whet.errors import InputError, many
from whet.evaluate.stats import wilson
from whet.repair.review import guarded, unguarded
from whet.report.shapes import answering
from whet.runs import now
from whet.store import folder_digests, read_json, read_jsonl, value_digest, write_json, write_text
from whet.trust.agreeing import agreement_of, levels_of

COLUMNS = ("id", "input", "approved", "output", "decision", "level", "comment")
DECISIONS = {"accept": True, "yes": True, "ok": True, "reject": False, "no": False}
RESULT = "09-review"
FILE = "review.csv"


def offer(run: Path, sample: int, *, rung: str | None = None, out: Path | None = None) -> tuple[Path, int]:
    """Write the file that a person fills in.

    Returns:
        the file, and how many outputs stand in it.

    Raises:
        InputError: no finished run; the file is there already.
    """
    _, rows = _drawn(run, sample, rung)
    path = out or run / FILE
    if path.exists():
        fix = "take it back with --take, or name another with --out."
        raise InputError("is already there; nothing was written.", where=path, fix=fix)
    text = io.StringIO(newline="")
    text.write("\ufeff")
    writer = csv.DictWriter(text, COLUMNS)
    writer.writeheader()
    writer.writerows({key: guarded(str(value)) for key, value in row.items()} for row in rows)
    write_text(path, text.getvalue())
    return path, len(rows)


def take(run: Path, file: Path, by: str, *, rung: str | None = None) -> dict[str, Any]:
    """Read the file back, and write 09-review.json.

    Raises:
        InputError: nobody is named; rows are undecided, unknown, or were left out.
    """
    if not by.strip():
        raise InputError("a review is by a named person.", where="--by", fix="--by NAME.")
    rows = _read(file)
    name, drawn = _drawn(run, len(rows), rung)
    _same(rows, drawn, file)
    decided = [DECISIONS[row["decision"].lower()] for row in rows]
    share = wilson(sum(decided), len(decided))
    specialist = value_digest(folder_digests(run / "04-rungs" / name))
    found = {
        "rung": name,
        "specialist": specialist,
        "reviewer": " ".join(by.split()),
        "accepted": asdict(share),
        "rejected": [
            {key: row[key] for key in ("id", "output", "comment")}
            for row, ok in zip(rows, decided, strict=True)
            if not ok
        ],
        "agreement": agreement_of(run, rows),
        "at": now(),
    }
    write_json(_result(run, name), found)
    return found


def reviewed(run: Path, rung: str) -> dict[str, Any] | None:
    """What was taken back; None: nothing yet."""
    path = _result(run, rung)
    return dict(read_json(path)) if path.is_file() else None


def _result(run: Path, rung: str) -> Path:
    named = RESULT if answering(read_json(run / "06-verdict.json")) == rung else f"{RESULT}-{rung}"
    return run / f"{named}.json"


def _drawn(run: Path, sample: int, rung: str | None) -> tuple[str, list[dict[str, str]]]:
    """The rung and its sample, drawn by the specialist's digest; each is the beginning of a larger one."""
    if not (run / "06-verdict.json").is_file():
        raise InputError("is not a finished run.", where=run, fix="name the folder that `whet run` wrote.")
    name = rung or answering(read_json(run / "06-verdict.json"))
    folder = run / "04-rungs" / name
    if not folder.is_dir():
        raise InputError(f"the run has no rung {name!r}.", where=run)
    rows = read_jsonl(run / "05-scores.jsonl")[1:]
    order = list(range(len(rows)))
    random.Random(value_digest(folder_digests(folder))).shuffle(order)
    level = "|".join(levels_of(run))
    return name, [_row(rows[at], name, level) for at in order[:sample]]


def _row(row: Mapping[str, Any], rung: str, level: str) -> dict[str, str]:
    return {
        "id": str(row["id"]),
        "input": str(row["input"]),
        "approved": _text(row["truth"]),
        "output": _text(row["rungs"][rung]["output"]),
        "decision": "",
        "level": f"({level})" if level else "",
        "comment": "",
    }


def _text(output: Any) -> str:
    return output if isinstance(output, str) else "|".join(output)


def _read(file: Path) -> list[dict[str, str]]:
    table = read_table(file)
    if absent := [name for name in ("id", "output", "decision") if name not in table.columns]:
        fix = "take back the file that `whet review --sample` wrote."
        raise InputError(f"there is no column {absent[0]!r}.", where=file, fix=fix)
    rows = [{name: unguarded(row.text(name)) for name in COLUMNS} for row in table.rows]
    errors = [
        f"{table.where(row)}: decision: {read['decision']!r} is none of accept, reject."
        for row, read in zip(table.rows, rows, strict=True)
        if read["decision"].lower() not in DECISIONS
    ]
    if errors:
        what = f"{len(errors):,} output(s) are not decided:"
        raise many(errors, what=what, where=file, fix="write accept or reject into every row.")
    return rows


def _same(rows: Sequence[Mapping[str, str]], drawn: Sequence[Mapping[str, str]], file: Path) -> None:
    """The file must hold the whole sample as it was drawn.

    Raises:
        InputError: rows were left out or put in, or outputs are not this specialist's.
    """
    given = {(row["id"], row["output"].strip()) for row in rows}
    asked = {(row["id"], row["output"].strip()) for row in drawn}
    if given != asked or len(given) != len(rows):
        raise InputError(
            "is not the sample that was drawn: rows were left out or put in, or it is of another specialist.",
            where=file,
            fix="decide every row of the file that `whet review RUN --sample N` wrote.",
        )
