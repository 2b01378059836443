"""Options that several commands share, so that each is said once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
Store = Annotated[
    Path | None, typer.Option("--store", help="The store's folder; default: WHET_STORE, or whet-store here.")
]
By = Annotated[str, typer.Option("--by", help="Who does it; stands in the audit log.")]
Why = Annotated[str, typer.Option("--why", help="The reason; stands in the audit log.")]
AllowOutside = Annotated[
    bool, typer.Option("--allow-outside", help="Run the command or call the address that the folder names.")
]
InputColumns = Annotated[
    list[str] | None, typer.Option("--input", help="Input column; repeat it to join several.")
]
OutputColumn = Annotated[str | None, typer.Option("--output", help="Label or answer column.")]
TimeColumn = Annotated[str | None, typer.Option("--time", help="Column of ISO dates: test on the latest.")]
GroupColumn = Annotated[
    str | None, typer.Option("--group", help="Column whose equal values keep to one side.")
]


def print_json(value: Any) -> None:
    """One JSON value on standard output."""
    import json

    typer.echo(json.dumps(value, ensure_ascii=False, indent=1))
