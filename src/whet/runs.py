"""A run folder: numbered artifacts, each with what it was made from; and the ledger of test openings.

A step whose inputs have the digests they had before, and whose files are still the files it wrote, is
not done again. Knows no step by meaning: ``whet.pipeline`` names them.
"""

from __future__ import annotations

import json
import os
import platform
import shlex
import shutil
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from whet.errors import InputError
from whet.store import (
    file_digest,
    make_folder,
    read_json,
    read_jsonl,
    value_digest,
    write_json,
    write_text,
)
from whet.version import __version__

MANIFEST = "manifest.json"
LEDGER = "ledger.jsonl"
ARITHMETIC = ("amx_bf16", "avx512_bf16", "avx512f", "avx2", "avx")  # flags of /proc/cpuinfo, best first
UNFINISHED = "cache/unfinished"
ANEW = "cache/asked-anew.json"
LIBRARIES = ("torch", "transformers", "peft", "numpy", "scipy", "tokenizers")


class Run:
    """An open run folder. Hold ``whet.store.exclusive(folder)`` while you write."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.reused: list[str] = []
        path = folder / MANIFEST
        self._manifest: dict[str, Any] = read_json(path) if path.is_file() else {"steps": {}}
        known = isinstance(self._manifest, dict) and isinstance(self._manifest.get("steps"), dict)
        if not known:
            raise InputError("is not the manifest of a run.", where=path, fix="choose another --out.")

    def path(self, name: str) -> Path:
        return self.folder / name

    def fresh(self, step: str, made_from: dict[str, Any]) -> bool:
        """Whether ``step`` is done, from these inputs, and its files are as it left them."""
        entry = self._manifest["steps"].get(step)
        if not entry or entry["key"] != step_key(step, made_from):
            return False
        files = entry["files"].items()
        intact = all(_digest(self.folder / name) == digest for name, digest in files)
        if intact:
            self.reused.append(step)
        return intact

    def record(self, step: str, made_from: dict[str, Any], names: list[str], seconds: float) -> None:
        """Note that ``step`` wrote the files or folders ``names``."""
        self._manifest["steps"][step] = {
            "key": step_key(step, made_from),
            "made_from": made_from,
            "files": {name: _digest(self.folder / name) for name in _files(self.folder, names)},
            "seconds": round(seconds, 3),
            "at": now(),
        }
        self._save()
        shutil.rmtree(self.folder / UNFINISHED, ignore_errors=True)

    def unfinished(self, step: str, made_from: dict[str, Any]) -> Path:
        """Where ``step`` may keep what it has not finished; it is gone once a step is done."""
        return self.folder / UNFINISHED / step_key(step, made_from)[:12]

    def describe(self, **about: Any) -> None:
        """Facts about the whole run: the command, versions, the machine."""
        self._manifest = {**about, **environment(), "steps": self._manifest["steps"]}
        self._save()

    def asked_anew(self, *, more: bool) -> dict[str, int]:
        """How often served models were to be asked anew in this run, one time more if ``more``: part of what
        every rung is made from, so that it is done again. Empty where it never was."""
        path = self.folder / ANEW
        times = int(read_json(path)["times"]) if path.is_file() else 0
        if more:
            times += 1
            make_folder(path.parent)
            write_json(path, {"times": times})
        return {"asked_anew": times} if times else {}

    def digest(self, name: str) -> str:
        return file_digest(self.folder / name)

    def seconds(self) -> dict[str, float]:
        """What each step took when it was done."""
        return {name: entry["seconds"] for name, entry in self._manifest["steps"].items()}

    def open_test(self, test: str, key: str) -> int:
        """Count an opening of the test set with digest ``test``; the same ``key`` counts once.

        Returns:
            which opening this is, from 1.
        """
        path = self.folder / LEDGER
        rows = read_jsonl(path) if path.is_file() else []
        keys = [row["key"] for row in rows if row["test"] == test]
        if key in keys:
            return keys.index(key) + 1
        rows.append({"opening": len(keys) + 1, "test": test, "key": key, "at": now()})
        write_text(path, "".join(json.dumps(row) + "\n" for row in rows))
        return len(keys) + 1

    def _save(self) -> None:
        write_json(self.folder / MANIFEST, self._manifest)


def open_run(folder: Path) -> Run:
    """Create or reopen a run folder.

    Raises:
        InputError: a folder that holds other things.
        WorldError: it cannot be written.
    """
    if folder.is_file():
        raise InputError("is a file; a run needs a folder.", where=folder, fix="choose another --out.")
    foreign = [p.name for p in folder.iterdir()] if folder.is_dir() else []
    if foreign and MANIFEST not in foreign and not set(foreign) <= {".lock", "task.yaml"}:
        raise InputError(
            f"the folder holds other things ({', '.join(sorted(foreign)[:3])}, ...).",
            where=folder,
            fix="choose an empty or new folder with --out.",
        )
    make_folder(folder)
    return Run(folder)


def step_key(step: str, made_from: dict[str, Any]) -> str:
    return value_digest([step, made_from, __version__])


def environment() -> dict[str, Any]:
    """Versions and machine, as far as figures may depend on them."""
    return {
        "whet": __version__,
        "python": sys.version.split()[0],
        "platform": f"{platform.system()} {platform.machine()}",
        "cpus": os.cpu_count(),
        "processor": processor(),
        "libraries": {name: _version(name) for name in LIBRARIES},
    }


def processor(about: Path = Path("/proc/cpuinfo")) -> str:
    """Its name and the widest arithmetic that training gains by, as far as Linux tells: seconds mean nothing
    without it."""
    try:
        lines = about.read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown"
    told = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    flags = set(told.get("flags", "").split())
    width = next((name for name in ARITHMETIC if name in flags), "no wide arithmetic known")
    return f"{told.get('model name', 'unknown')} ({width})"


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _files(folder: Path, names: list[str]) -> list[str]:
    """Every file under ``names``, relative to ``folder``."""
    found: list[str] = []
    for name in names:
        path = folder / name
        inside = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
        found.extend(str(p.relative_to(folder)) for p in inside)
    return found


def _digest(path: Path) -> str:
    return file_digest(path) if path.is_file() else "absent"


def command_line() -> str:
    """The command that is running, as one could type it again."""
    name = Path(sys.argv[0]).name
    return shlex.join(["whet" if name == "__main__.py" else name, *sys.argv[1:]])
