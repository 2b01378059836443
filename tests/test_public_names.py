"""The public names are these, documented, and importing them imports nothing heavy."""

from __future__ import annotations

import subprocess
import sys

import whet

PUBLIC = ["InputError", "Refused", "WhetError", "WorldError", "__version__", "load", "run", "tune"]
HEAVY = ("torch", "transformers", "numpy", "pydantic", "scipy", "typer")


def test_the_public_names_are_these() -> None:
    assert whet.__all__ == PUBLIC
    assert all(hasattr(whet, name) for name in PUBLIC)


def test_every_public_function_and_class_is_documented() -> None:
    for name in PUBLIC:
        if not name.startswith("__"):
            assert getattr(whet, name).__doc__, name


def loaded_by(statement: str) -> set[str]:
    code = f"{statement}\nimport sys\nprint(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_importing_whet_is_light() -> None:
    assert not loaded_by("import whet") & set(HEAVY)


def test_a_heavy_import_would_be_seen() -> None:
    assert "numpy" in loaded_by("import whet.data.neardup")
