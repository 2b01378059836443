"""Code: it parses, follows the given lint rules, and, where that is allowed, passes a command.

Python is parsed by ``ast``, JSON by ``json``, SQL by SQLite: ``EXPLAIN`` on the given schema, which compiles
a statement and does not run it. A fence of backticks around the code is taken off. Code that does not parse
scores 0; else the score is the share of what is asked that holds, parsing included.
"""

from __future__ import annotations

import ast
import json
import re
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from whet.evaluate.scorers.base import ByPair, Scored, text_of
from whet.evaluate.scorers.form import share_of
from whet.evaluate.scorers.sandbox import Limits, run_on
from whet.records import Example, Output

Language = Literal["python", "sql", "json"]
FENCE = re.compile(r"\A\s*```[\w+-]*\n(.*?)\n?```\s*\Z", re.DOTALL)
ENDINGS = {"python": ".py", "sql": ".sql", "json": ".json"}


@dataclass(frozen=True)
class Lint:
    """Rules for Python; what is left out does not count."""

    max_line: int | None = None
    must_define: Sequence[str] = ()
    """Functions or classes at the top."""
    no_imports: Sequence[str] = ()
    """Modules."""
    no_calls: Sequence[str] = ()
    """Functions, as they are written: ``eval``, ``os.system``."""
    no_bare_except: bool = False
    docstrings: bool = False
    """Every function and class has one."""


@dataclass(frozen=True)
class CodeRules:
    """What is asked of code."""

    language: Language = "python"
    sql_schema: str = ""
    """``CREATE`` statements that a query may name."""
    lint: Lint = Lint()
    command: Sequence[str] = ()
    """Program and arguments; ``{file}`` stands for the code's file. Its exit status 0 is a pass."""
    limits: Limits = field(default_factory=Limits)


def code(rules: CodeRules) -> ByPair:
    """How well code does what is asked.

    Raises:
        InputError: ``sql_schema`` is no SQL.
        WorldError: a command is given, and this machine cannot shut it in.
    """
    parse = _PARSERS[rules.language]

    def judge(example: Example, output: Output) -> Scored:
        text = unfenced(text_of(output))
        problem = parse(text, rules)
        if problem:
            return Scored(0.0, f"The code does not parse: {problem}.")
        problems = ["", *(lint(text, rules.lint) if rules.language == "python" else ())]
        if rules.command:
            problems.append(run_on(text, ENDINGS[rules.language], rules.command, rules.limits))
        return share_of(problems)

    return ByPair("code", judge)


def unfenced(text: str) -> str:
    """The code inside one fence of backticks, or the text itself."""
    match = FENCE.match(text)
    return match[1] if match else text


def _python(text: str, rules: CodeRules) -> str:
    try:
        ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", None)
        return f"{getattr(error, 'msg', error)}{f' in line {line}' if line else ''}"
    return ""


def _json(text: str, rules: CodeRules) -> str:
    try:
        json.loads(text)
    except (ValueError, RecursionError) as error:
        return str(error)
    return ""


def _sql(text: str, rules: CodeRules) -> str:
    statement = text.strip().rstrip(";").strip()
    if not statement:
        return "there is no statement"
    database = sqlite3.connect(":memory:")
    try:
        database.executescript(rules.sql_schema)
        database.execute(f"EXPLAIN {statement}")
    except (sqlite3.Error, sqlite3.Warning) as error:
        # Names are looked up after the whole was read: without a schema, an unknown one says that it parses.
        unknown = not rules.sql_schema and str(error).startswith("no such ")
        return "" if unknown else str(error)
    finally:
        database.close()
    return ""


_PARSERS: dict[str, Callable[[str, CodeRules], str]] = {"python": _python, "json": _json, "sql": _sql}


def lint(text: str, rules: Lint) -> Iterator[str]:
    """One entry for every rule that is set: what is broken, or nothing."""
    tree = ast.parse(text)
    if rules.max_line is not None:
        long = [n for n, line in enumerate(text.splitlines(), 1) if len(line) > rules.max_line]
        yield f"line {long[0]} is longer than {rules.max_line}" if long else ""
    defined = {n.name for n in tree.body if isinstance(n, _DEFINED)}
    yield from ("" if name in defined else f"{name} is not defined" for name in rules.must_define)
    imported = set(_imports(tree))
    yield from (f"{name} is imported" if name in imported else "" for name in rules.no_imports)
    called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    yield from (f"{name} is called" if name in called else "" for name in rules.no_calls)
    if rules.no_bare_except:
        bare = [n.lineno for n in ast.walk(tree) if isinstance(n, ast.ExceptHandler) and n.type is None]
        yield f"bare except in line {bare[0]}" if bare else ""
    if rules.docstrings:
        bare_names = [n.name for n in ast.walk(tree) if isinstance(n, _DEFINED) and not ast.get_docstring(n)]
        yield f"{bare_names[0]} has no docstring" if bare_names else ""


_DEFINED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def _imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
        else:
            continue
        for name in names:
            yield name
            yield name.split(".")[0]
