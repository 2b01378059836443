"""``whet`` commands, each in a process of its own that need not import torch anew.

    python -m tests.commands

Imports once what commands import, prints a line when it is ready, then reads one JSON object a line
(arguments, folder, environment, and the files for what is said) and forks: the child is a process like any
other, with its own folder, environment and streams, and ends as ``whet`` ends. Prints of each its number,
then its wait status. It knows nothing of what is tested. What hangs on the start of the interpreter (its hash
seed, what is not imported yet) is the same for all children: tests of that start ``python -m whet``.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import resource
import select
import signal
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn

TIMEOUT = 300  # seconds
LIBRARIES = (
    *(
        "torch",
        "peft",
        "openai",
        "jinja2",
        "jsonschema",
        "scipy.stats",
        "scipy.optimize",
        "safetensors.torch",
    ),
    *("transformers", "transformers.models.auto.modeling_auto", "transformers.models.auto.tokenization_auto"),
    *("transformers.models.bert.modeling_bert", "transformers.models.llama.modeling_llama"),
)
OURS = (
    *("whet.pipeline", "whet.tuning", "whet.checkup", "whet.start", "whet.cli.repair", "whet.cli.show"),
    *("whet.rungs.prompt", "whet.rungs.fewshot", "whet.rungs.retrieve", "whet.rungs.head", "whet.rungs.tune"),
)


class Commands:
    """The program above, started at the first command."""

    def __init__(self) -> None:
        self._server: subprocess.Popen[bytes] | None = None

    def __call__(
        self,
        arguments: list[str],
        folder: Path | None = None,
        environment: Mapping[str, str] | None = None,
        *,
        file_bytes: int = 0,
        meanwhile: Callable[[int], None] = lambda number: None,
    ) -> subprocess.CompletedProcess[str]:
        """Run ``whet`` to its end.

        Args:
            file_bytes: no file may grow beyond this, as on a full disk; 0: any may.
            meanwhile: called with the number of the process while it is at work.
        """
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as said:
            command = {
                "arguments": arguments,
                "folder": str(folder or Path.cwd()),
                "environment": {**os.environ, **(environment or {})},
                "streams": [f"/proc/{os.getpid()}/fd/{stream.fileno()}" for stream in (out, said)],
                "file_bytes": file_bytes,
            }
            code = os.waitstatus_to_exitcode(self._status(command, meanwhile))
            for stream in (out, said):
                stream.seek(0)
            return subprocess.CompletedProcess(["whet", *arguments], code, out.read(), said.read())

    def _status(self, command: dict[str, Any], meanwhile: Callable[[int], None]) -> int:
        """Wait status of a command."""
        server = self._server or self._started()
        assert server.stdin
        server.stdin.write(json.dumps(command).encode() + b"\n")
        number = self._said(server)
        try:
            meanwhile(number)
        except BaseException:
            os.kill(number, signal.SIGKILL)
            self._said(server)
            raise
        return self._said(server)

    def _said(self, server: subprocess.Popen[bytes]) -> int:
        assert server.stdout
        if not select.select([server.stdout], [], [], TIMEOUT)[0]:
            os.killpg(server.pid, signal.SIGKILL)
            raise subprocess.TimeoutExpired("whet", TIMEOUT)
        return int(server.stdout.readline())

    def _started(self) -> subprocess.Popen[bytes]:
        self._server = subprocess.Popen(
            [sys.executable, "-m", "tests.commands"],
            cwd=Path(__file__).resolve().parent.parent,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,  # so that ``select`` sees every line
            start_new_session=True,
        )
        assert self._server.stdout
        assert self._server.stdout.readline() == b"ready\n"
        return self._server

    def end(self) -> None:
        if self._server:
            self._server.communicate()


def become(command: dict[str, Any]) -> NoReturn:
    """This process is ``whet`` from now on."""
    os.environ.clear()
    os.environ.update(command["environment"])
    os.chdir(command["folder"])
    for target, path in enumerate((os.devnull, *command["streams"])):
        opened = os.open(path, os.O_RDWR)
        os.dup2(opened, target)
        os.close(opened)
    if command["file_bytes"]:
        resource.setrlimit(resource.RLIMIT_FSIZE, (command["file_bytes"],) * 2)
    sys.stdin = os.fdopen(0, closefd=False)
    whet = importlib.import_module("whet.__main__")
    sys.modules["__main__"], sys.argv = whet, [str(whet.__file__), *command["arguments"]]
    code = 1
    try:
        whet.main()
    except SystemExit as ended:
        code = int(ended.code or 0)
    except BaseException:
        traceback.print_exc()
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # what Python would free now is shared with the parent: touching it means copying it


def serve() -> None:
    for name in (*LIBRARIES, *OURS):
        importlib.import_module(name)
    gc.freeze()
    print("ready", flush=True)
    for line in iter(sys.stdin.readline, ""):
        number = os.fork()
        if number == 0:
            become(json.loads(line))
        print(number, flush=True)
        print(os.waitpid(number, 0)[1], flush=True)


if __name__ == "__main__":
    serve()
