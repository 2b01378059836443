"""Arrows point downward only: the layers of docs/design.md, read from there and held here."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "whet"
DOORS = {"__init__", "__main__"}  # the ways into the package stand above all layers


def layers() -> list[list[str]]:
    """Rows of the layer list, highest first."""
    text = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
    section = text.split("## Layers", 1)[1].split("## ", 1)[0]
    rows = [line.strip() for line in section.splitlines() if line.startswith("    ") and line.strip()]
    return [re.split(r"\s*\|\s*", row) for row in rows]


def imports(tree: ast.AST) -> set[str]:
    """First-level modules of whet that a module imports, wherever in its code."""
    found = set()
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module:
            whole = [f"whet.{a.name}" for a in node.names] if node.module == "whet" else [node.module]
            names = whole
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        found |= {name.split(".")[1] for name in names if name.startswith("whet.")}
    return found


def violations(rows: list[list[str]], files: dict[str, str]) -> list[str]:
    """``file imports module`` for every arrow that does not point downward."""
    height = {name: len(rows) - index for index, row in enumerate(rows) for name in row}
    wrong = []
    for file, text in files.items():
        own = file.split("/")[0].removesuffix(".py")
        if own in DOORS:
            continue
        for other in sorted(imports(ast.parse(text)) - {own}):
            if other not in height or own not in height or height[other] >= height[own]:
                wrong.append(f"{file} imports {other}")
    return wrong


def sources() -> dict[str, str]:
    return {
        str(path.relative_to(SOURCE)): path.read_text(encoding="utf-8")
        for path in sorted(SOURCE.rglob("*.py"))
    }


def test_every_module_has_its_layer() -> None:
    named = {name for row in layers() for name in row}
    modules = {file.split("/")[0].removesuffix(".py") for file in sources()}
    assert modules - DOORS == named


def test_arrows_point_downward_only() -> None:
    assert violations(layers(), sources()) == []


def test_an_arrow_upward_is_found() -> None:
    """The control: a data module that imports the ladder, or a sibling, is caught."""
    upward = {"data/load.py": "from whet.ladder import climb"}
    sideways = {"data/load.py": "def f():\n    from whet import models\n"}
    assert violations(layers(), upward) == ["data/load.py imports ladder"]
    assert violations(layers(), sideways) == ["data/load.py imports models"]


FORBIDDEN = (
    (r"\bpickle\b", "pickle"),
    (r"\btorch\.load\(", "torch.load"),
    (r"\bjoblib\b|\bdill\b|\bmarshal\b", "unpickling"),
    (r"shell\s*=\s*True", "shell=True"),
    (r"trust_remote_code\s*=\s*True", "trust_remote_code"),
    (r"(?<![\w.])eval\(|(?<![\w.])exec\(", "eval"),
    (r"yaml\.load\(|yaml\.unsafe_load", "yaml.load"),
    (r"jinja2\.Environment\(|(?<!Sandboxed)Environment\(", "unsandboxed template"),
)


def dangers(text: str) -> list[str]:
    """Calls that can run what a file says, in code (docstrings and comments do not count)."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            node.value.value = ""
    code = ast.unparse(tree)
    return [name for pattern, name in FORBIDDEN if re.search(pattern, code)]


def test_nothing_runs_what_a_file_says() -> None:
    found = {file: dangers(text) for file, text in sources().items()}
    assert {file: names for file, names in found.items() if names} == {}


def test_a_danger_is_found() -> None:
    assert dangers("import pickle\npickle.loads(b'')") == ["pickle"]
    assert dangers("subprocess.run('ls', shell=True)") == ["shell=True"]
    assert dangers("eval('1')") == ["eval"]
    assert dangers("model.eval()") == []
