"""``whet``: every command, its errors and its exit codes.

Exit codes: 0 done, 1 whet says no, 2 wrong use or input, 3 the world failed (nothing lost),
130 interrupted. Heavy imports happen inside the commands, so that ``whet --help`` answers at once.
"""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from whet.cli import card, key, log, release
from whet.cli.advise import advise
from whet.cli.check import check
from whet.cli.convert import convert
from whet.cli.evidence import evidence
from whet.cli.export import export
from whet.cli.forget import forget
from whet.cli.gate import gate
from whet.cli.index import index
from whet.cli.queue import queue
from whet.cli.retrain import retrain
from whet.cli.review import review
from whet.cli.serve import serve
from whet.cli.tune import tune
from whet.cli.watch import watch
from whet.errors import InputError, WhetError, WorldError
from whet.version import __version__

INTERRUPTED = 130  # as shells have it: 128 and the number of the signal

app = typer.Typer(
    name="whet",
    help="From a file of examples to an honest verdict: how much customization does this job deserve?",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
AllowOutside = Annotated[
    bool, typer.Option("--allow-outside", help="Run the command or call the address that the folder names.")
]
InputColumns = Annotated[
    list[str] | None, typer.Option("--input", help="Input column; repeat it to join several.")
]
OutputColumn = Annotated[str | None, typer.Option("--output", help="Label column.")]
TimeColumn = Annotated[str | None, typer.Option("--time", help="Column of ISO dates: test on the latest.")]
GroupColumn = Annotated[
    str | None, typer.Option("--group", help="Column whose equal values keep to one side.")
]


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


@app.command()
def run(
    what: Annotated[Path, typer.Argument(help="A task file, or a file of examples.")],
    out: Annotated[Path | None, typer.Option("--out", help="Run folder.")] = None,
    inputs: InputColumns = None,
    output: OutputColumn = None,
    time: TimeColumn = None,
    group: GroupColumn = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Ask served models anew, even what is kept from before.")
    ] = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Climb the ladder: check what is enough, and say how sure."""
    from whet.cli.show import show_outcome
    from whet.start import Hints, run_anything

    folder = out or Path("whet-runs") / what.stem
    hints = Hints(tuple(inputs or ()), output, time, group)
    with _progress() as progress:
        outcome = run_anything(what, folder, hints, tell=progress.tell, say=progress.say, fresh=fresh)
    if as_json:
        _print_json({"folder": str(outcome.folder), "report": str(outcome.report), **outcome.verdict})
    else:
        show_outcome(outcome)
    if outcome.verdict["target_met"] in {"no", "probably not"}:
        raise typer.Exit(1)


@app.command()
def demo(
    out: Annotated[Path, typer.Option("--out", help="Run folder.")] = Path("whet-runs/demo"),
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Run the whole ladder on a support desk's tickets that come with whet."""
    from whet.cli.show import show_outcome, show_serving
    from whet.demo.task import demo_task
    from whet.pipeline import run_task

    task, folder = demo_task()
    with _progress() as progress:
        progress.say("a support desk's tickets, written for this demo: which queue gets which?")
        outcome = run_task(task, out, folder=folder, tell=progress.tell)
    if as_json:
        _print_json({"folder": str(outcome.folder), "report": str(outcome.report), **outcome.verdict})
    else:
        show_outcome(outcome)
        show_serving(outcome, "My parcel was meant to come on Tuesday. Where is it?")


@app.command()
def init(
    file: Annotated[Path, typer.Argument(help="CSV, TSV, JSONL or JSON file of examples.")],
    out: Annotated[
        Path | None, typer.Option("--out", help="Task file to write; default: FILE's name, .yaml.")
    ] = None,
    inputs: InputColumns = None,
    output: OutputColumn = None,
    time: TimeColumn = None,
    group: GroupColumn = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Guess a task from a file of examples and write a commented task file."""
    from whet.start import Hints, draft
    from whet.store import write_text

    path = out or file.with_suffix(".yaml")
    if path.exists():
        raise InputError("is already there; nothing was written.", where=path, fix="name another with --out.")
    found = draft(file, path.parent, Hints(tuple(inputs or ()), output, time, group))
    write_text(path, found.text)
    if as_json:
        _print_json({"task_file": str(path), "task": found.task.model_dump(mode="json")})
        return
    for line in found.said:
        typer.echo(line)
    typer.echo(f"wrote {path}\nnext: {shlex.join(['whet', 'run', str(path)])}")


@app.command()
def repair(
    what: Annotated[Path, typer.Argument(help="A file of examples, or a task file.")],
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder to write; default: whet-runs/NAME-repair.")
    ] = None,
    rules: Annotated[str | None, typer.Option(help="Only these rules, with commas.")] = None,
    accept: Annotated[
        list[str] | None, typer.Option(help="label-errors[:SCORE], or FILE:LINE: take the proposed label.")
    ] = None,
    redact: Annotated[bool, typer.Option("--redact", help="Replace personal data by stand-ins.")] = False,
    balance: Annotated[bool, typer.Option("--balance", help="Add weights that even out labels.")] = False,
    decisions: Annotated[Path | None, typer.Option(help="A review file, filled in.")] = None,
    inputs: InputColumns = None,
    output: OutputColumn = None,
    time: TimeColumn = None,
    group: GroupColumn = None,
    model: Annotated[bool, typer.Option(help="Use the task's encoder.")] = True,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Write a repaired copy, a log of every change, a review file and a data card; never in place."""
    from whet.cli.repair import repair_anything, spoken
    from whet.cli.repair_options import Options
    from whet.start import Hints

    folder = out or Path("whet-runs") / f"{what.stem}-repair"
    hints = Hints(tuple(inputs or ()), output, time, group)
    options = Options(
        rules, tuple(accept or ()), redact=redact, balance=balance, decisions=decisions, model=model
    )
    with _progress() as progress:
        told = repair_anything(what, folder, hints, options, tell=progress.tell, say=progress.say)
    if as_json:
        _print_json(told)
        return
    for line in spoken(told):
        typer.echo(line)


@app.command()
def predict(
    specialist: Annotated[Path, typer.Argument(help="RUN/04-rungs/NAME, or a folder of whet tune.")],
    file: Annotated[Path, typer.Argument(help="Inputs: TXT (one a line), CSV, TSV or JSONL.")],
    column: Annotated[str | None, typer.Option("--input", help="Input column.")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="JSONL to write; default: print.")] = None,
    allow_outside: AllowOutside = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Answer every input of a file with a fitted rung or a trained model, one JSON line each."""
    from whet.cli.answers import as_row
    from whet.data.load import load_inputs
    from whet.rungs.base import load_specialist
    from whet.store import write_jsonl

    ids, texts = load_inputs(file, column)
    answers = load_specialist(specialist, outside=allow_outside).predict(texts)
    rows = [{"id": i, **as_row(text, a, digits=4)} for i, text, a in zip(ids, texts, answers, strict=True)]
    if out:
        write_jsonl(out, rows)
        summary = {"predictions": len(rows), "file": str(out)}
        if as_json:
            _print_json(summary)
        else:
            typer.echo(f"wrote {len(rows):,} predictions to {out}")
    elif as_json:
        _print_json(rows)
    else:
        for row in rows:
            typer.echo(json.dumps(row, ensure_ascii=False))


app.command()(advise)
app.command()(check)
app.command()(convert)
app.command()(export)
app.command()(index)
app.command()(serve)
app.command()(tune)
app.command()(evidence)
app.command()(gate)
app.command()(review)
app.command()(forget)
app.command()(retrain)
app.command()(queue)
app.command()(watch)
for command in (
    release.release,
    release.approve,
    release.live,
    release.retire,
    release.rollback,
    release.releases,
    card.card,
):
    app.command()(command)
app.add_typer(log.app, name="log")
app.add_typer(key.app, name="key")


@app.command(name="try")
def try_(
    specialist: Annotated[Path, typer.Argument(help="RUN/04-rungs/NAME, or a folder of whet tune.")],
    text: Annotated[str | None, typer.Argument(help="An input; without one, asks.")] = None,
    allow_outside: AllowOutside = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Ask a fitted rung or a trained model: one input, or line by line until an empty line."""
    from whet.cli.answers import as_row, spoken
    from whet.rungs.base import load_specialist

    loaded = load_specialist(specialist, outside=allow_outside)
    lines = [text] if text is not None else _lines()
    for line in lines:
        answer = loaded.predict([line])[0]
        if as_json:
            _print_json(as_row(line, answer))
        else:
            for said in spoken(answer):
                typer.echo(said)


@app.command()
def doctor(as_json: AsJson = False, debug: Debug = False) -> None:
    """Name each requirement: OK, or the command that mends it."""
    from whet.cli.doctor import examine

    findings = examine()
    if as_json:
        _print_json([finding.as_dict() for finding in findings])
    else:
        for finding in findings:
            typer.echo(finding.line())
    if not all(finding.ok for finding in findings if finding.needed):
        raise typer.Exit(1)


def _lines() -> Any:
    """Lines from standard input; an empty line or its end stops."""
    asking = sys.stdin.isatty()
    while True:
        if asking:
            typer.echo("> ", nl=False)
        line = sys.stdin.readline()
        if not line.strip():
            return
        yield line.strip()


def _progress() -> Any:
    from whet.cli.progress import progress

    return progress()


def _print_json(value: Any) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False, indent=1))


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
        _print_json({"error": about, "exit_code": error.exit_code})
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
