"""Which commands there are: where each stands, and what it does in a line, by the part of the way it serves.

A command's module is imported when that command is asked for, so that ``whet --help`` answers at once.
Knows no options; each command's own module does.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, NamedTuple

import typer
from typer.core import TyperGroup


class Entry(NamedTuple):
    """One command."""

    place: str
    """``module:function`` under ``whet.cli``, or ``module:app`` of a group of commands."""
    line: str


PARTS: dict[str, dict[str, Entry]] = {
    "The ladder": {
        "demo": Entry("run:demo", "The whole ladder on the tickets that come with whet."),
        "init": Entry("init:init", "Guess a task from a file of examples; write a task file."),
        "advise": Entry("advise:advise", "Should this job be trained for at all?"),
        "run": Entry("run:run", "Climb the ladder: what is enough, and how sure."),
        "predict": Entry("predict:predict", "Answer every input of a file."),
        "try": Entry("predict:try_", "Answer one input, or line by line."),
        "index": Entry("index:index", "Change the documents that a rung looks things up in."),
    },
    "Data": {
        "check": Entry("check:check", "Check examples against ten standards."),
        "repair": Entry("repair:command", "Write a repaired copy, with a log of every change."),
        "convert": Entry("convert:convert", "Write examples in another format."),
    },
    "Training": {
        "tune": Entry("tune:tune", "Train a model on the task's examples, nothing else."),
        "export": Entry("export:export", "For PEFT, transformers, ONNX, Ollama, vLLM, llama.cpp."),
    },
    "Trust": {
        "evidence": Entry("evidence:evidence", "Measure what must be shown before anyone relies on it."),
        "review": Entry("review:review", "Outputs for a named person to accept or reject."),
        "gate": Entry("gate:gate", "May this specialist be released?"),
        "card": Entry("card:card", "Model card and data sheet, filled from evidence."),
    },
    "Release": {
        "release": Entry("release:release", "Put a run's specialist forward as a candidate."),
        "approve": Entry("release:approve", "Approve a candidate; binds its files."),
        "live": Entry("release:live", "Let an approved release answer for its name."),
        "rollback": Entry("release:rollback", "The release before the live one answers again."),
        "retire": Entry("release:retire", "Serve a release no more, for good."),
        "releases": Entry("release:releases", "Every release and its state."),
        "serve": Entry("serve:serve", "Serve specialists as OpenAI's API does."),
        "key": Entry("key:app", "API keys: add, list, revoke."),
        "log": Entry("log:app", "The audit log; `whet log verify` finds what was changed."),
    },
    "Watching": {
        "watch": Entry("watch:watch", "Has the traffic of a release moved?"),
        "queue": Entry("queue:queue", "Decide what waits for a person."),
        "retrain": Entry("retrain:retrain", "Climb again on what was reviewed since."),
        "forget": Entry("forget:forget", "Erase a person everywhere; name the releases concerned."),
    },
    "This machine": {
        "ui": Entry("ui:ui", "All of it in a browser, on this machine."),
        "doctor": Entry("doctor:doctor", "Each requirement: OK, or the command that mends it."),
    },
}

ENTRIES = {name: entry for part in PARTS.values() for name, entry in part.items()}


class Commands(TyperGroup):
    """The commands of ``ENTRIES``, each built when it is asked for."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        names: dict[str, Any] = dict.fromkeys(ENTRIES)
        self.commands = names  # what a mistyped one is compared with

    def list_commands(self, ctx: Any) -> list[str]:
        return list(ENTRIES)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        entry = ENTRIES.get(cmd_name)
        return built(cmd_name, entry.place) if entry else None

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """The lines of ``PARTS``: no command is imported for them."""
        for title, part in PARTS.items():
            with formatter.section(title):
                formatter.write_dl([(f"{name:<8}", entry.line) for name, entry in part.items()])


def built(name: str, place: str) -> Any:
    """The command, from its function, or from the ``typer.Typer`` of its group."""
    module, attribute = place.split(":")
    found = getattr(import_module(f"whet.cli.{module}"), attribute)
    if isinstance(found, typer.Typer):
        command = typer.main.get_group(found)
        command.name = name
        return command
    alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    alone.command(name=name)(found)
    return typer.main.get_command(alone)
