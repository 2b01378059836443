"""A command on code that a model wrote: without network, with limits on time, memory and files.

Linux namespaces (``unshare``) take the network away and end every process that the command started; limits of
the process (``setrlimit``) hold processor time, memory, size of files and their number. It runs in an empty
folder with an empty environment. Its reach into other files is not cut off: it reads and writes what the
user may. Where a machine cannot do this, nothing is run.
"""

from __future__ import annotations

import functools
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from whet.errors import WorldError

UNSHARE = ("--user", "--map-root-user", "--net", "--pid", "--fork", "--kill-child")
MIB = 1 << 20


@dataclass(frozen=True)
class Limits:
    """What the command may use."""

    seconds: float = 10.0
    memory_mb: int = 512
    """Address space of each process."""
    file_mb: int = 16
    """Size of each file that it writes."""
    files: int = 64
    """Open at once."""


@functools.cache
def missing() -> str:
    """What this machine lacks to shut a command in; nothing where it can."""
    unshare, prlimit = shutil.which("unshare"), shutil.which("prlimit")
    if unshare is None or prlimit is None:
        return "the programs unshare and prlimit (util-linux) are not both there"
    done = subprocess.run([unshare, *UNSHARE, "true"], capture_output=True, check=False, timeout=20)
    return (
        ""
        if done.returncode == 0
        else f"namespaces are refused: {done.stderr.decode(errors='replace')[:120].strip()}"
    )


def run_on(text: str, ending: str, command: Sequence[str], limits: Limits) -> str:
    """Run ``command`` on a file that holds ``text``; what is wrong, or nothing where it ends with 0.

    Raises:
        WorldError: the command cannot be shut in, or not be started.
    """
    if problem := missing():
        raise WorldError(
            f"commands cannot be run without network here: {problem}.",
            where="scorer code: command",
            fix="leave `command` out, or run on Linux with user namespaces.",
        )
    with tempfile.TemporaryDirectory(prefix="whet-code-") as name:
        file = Path(name) / f"code{ending}"
        file.write_text(text, encoding="utf-8")
        return _run([part.replace("{file}", str(file)) for part in command], Path(name), limits)


def _run(command: list[str], folder: Path, limits: Limits) -> str:
    program = shutil.which(command[0])
    if program is None:
        raise WorldError(
            f"there is no program {command[0]!r}.", where="scorer code: command", fix="install it."
        )
    held = [
        "prlimit",
        f"--cpu={max(1, round(limits.seconds))}",
        f"--as={limits.memory_mb * MIB}",
        f"--fsize={limits.file_mb * MIB}",
        f"--nofile={limits.files}",
        "--core=0",
        "--",
    ]
    try:
        done = subprocess.run(
            ["unshare", *UNSHARE, *held, program, *command[1:]],
            cwd=folder,
            env={"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(folder), "LANG": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=limits.seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"the command took longer than {limits.seconds:g} s"
    if done.returncode == 0:
        return ""
    last = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or [""]
    return f"the command ended with {done.returncode} ({last[0][:120]})"
