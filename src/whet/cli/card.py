"""``whet card``: the model card and the data sheet of a run or a release, every figure traced."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from whet.cli.options import AsJson, Debug, Store, print_json
from whet.errors import InputError, Refused

if TYPE_CHECKING:
    from whet.release.card import Described

CARD, SHEET, VALUE = "README.md", "DATASHEET.md", "card.json"


def card(
    what: Annotated[str, typer.Argument(help="A run folder, a folder of whet tune, or a release.")],
    rung: Annotated[str, typer.Option("--rung", help="Which specialist of a run; default: the winner.")] = "",
    about: Annotated[
        Path | None, typer.Option("--about", help="YAML file with what only people know.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder to write; default: whet-cards/NAME.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Only follow every figure back; exit 1 if one is not true.")
    ] = False,
    store: Store = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Write the model card and the data sheet, filled from evidence."""
    from whet.release.about import read_about
    from whet.release.card import card as told
    from whet.release.card_page import data_sheet, page
    from whet.store import make_folder, write_json, write_text

    of, run = _described(what, rung, store)
    found = told(of, read_about(about))
    if check:
        _check(of, run, found, as_json=as_json)
        return
    folder = make_folder(out or Path("whet-cards") / Path(what).name)
    write_json(folder / VALUE, found)
    write_text(folder / CARD, page(found))
    if sheet := data_sheet(found):
        write_text(folder / SHEET, sheet)
    if as_json:
        print_json({"folder": str(folder), "card": found})
    else:
        names = [CARD, *([SHEET] if sheet else []), VALUE]
        typer.echo(f"wrote {', '.join(str(folder / name) for name in names)}")


def _described(what: str, rung: str, store: Path | None) -> tuple[Described, Path]:
    """A folder, or else a release; and the run that it came from."""
    from whet.database import home
    from whet.release.card import of_release, of_run
    from whet.release.registry import Registry

    if Path(what).is_dir():
        of = of_run(Path(what), rung)
        return of, of.evidence
    if rung:
        raise InputError("--rung is for a run; a release has one.", where=what, fix="leave it away.")
    registry = Registry(home(store))
    return of_release(registry, what), registry.find(what).source


def _check(of: Described, run: Path, found: dict[str, Any], *, as_json: bool) -> None:
    from whet.release.figures import disagrees, recomputed, untrue

    every = [*found["figures"], *(f for one in found["measures"].values() for f in one["figures"])]
    folder = of.evidence if found["rungs"] else of.specialist
    wrong = untrue(every, folder)
    anew = recomputed(run, of.rung) if found["rungs"] else None
    wrong += [said for said in [disagrees(run, of.rung)] if said] if anew else []
    if as_json:
        told = {"figures": len(every), "recomputed": anew is not None, "wrong": wrong}
        print_json(told)
        if wrong:
            raise typer.Exit(1)
    elif not wrong:
        how = "worked out anew from the answers" if anew else "not worked out anew: the answers are not there"
        typer.echo(f"{len(every)} figures stand where the card says; the deciding one was {how}")
    else:
        raise Refused(f"figures are not true: {'; '.join(wrong)}.", where=run)
