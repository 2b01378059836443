"""``whet``: every command, its errors and its exit codes.

Exit codes: 0 done, 1 whet says no, 2 wrong use or input, 3 the world failed (nothing lost),
130 interrupted. Heavy imports happen inside the commands, so that ``whet --help`` answers at once.
"""

from __future__ import annotations

import shlex
import sys
from typing import Annotated

import typer

from whet.cli.commands import Commands
from whet.cli.options import print_json
from whet.errors import WhetError, WorldError
from whet.version import __version__

INTERRUPTED = 130  # as shells have it: 128 and the number of the signal

app = typer.Typer(
    name="whet",
    cls=Commands,
    help="From a file of examples to an honest verdict: how much customization does this job deserve?",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _version(value: bool) -> None:
    if value:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """The options of ``whet`` itself."""


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and end the process with its exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    sys.exit(_run(given))


def _run(given: list[str]) -> int:
    debug = "--debug" in given
    try:
        code = int(app(given, standalone_mode=False) or 0)
    except KeyboardInterrupt:
        code = INTERRUPTED
    except WhetError as error:
        return _tell_error(error, given, debug)
    except OSError as error:
        trouble = WorldError(f"{error.strerror or error}.", where=error.filename or "")
        return _tell_error(trouble, given, debug, error)
    except Exception as error:
        return _tell_unforeseen(error, given, debug)
    if code == INTERRUPTED:  # typer makes it of a KeyboardInterrupt
        again = shlex.join(["whet", *(word for word in given if word != "--fresh")])
        typer.echo(f"\ninterrupted; finished steps are kept. Go on with: {again}", err=True)
    return code


def _tell_error(error: WhetError, given: list[str], debug: bool, cause: BaseException | None = None) -> int:
    if debug:
        raise cause or error
    if "--json" in given:
        about = {"what": error.what, "where": error.where, "fix": error.fix}
        print_json({"error": about, "exit_code": error.exit_code})
    typer.echo(f"error: {error}", err=True)
    return error.exit_code


def _tell_unforeseen(error: Exception, given: list[str], debug: bool) -> int:
    """Usage errors of the option parser say what is wrong; anything else is a bug of ours."""
    code = getattr(error, "exit_code", None)
    show = getattr(error, "show", None)
    if code is not None and show is not None:
        show()
        return int(code)
    if code is not None:
        return int(code)
    if debug:
        raise error
    typer.echo(
        f"error: whet itself failed ({type(error).__name__}: {error}).\n"
        f"  Fix: please report it with the output of: {shlex.join(['whet', *given, '--debug'])}",
        err=True,
    )
    return 3
