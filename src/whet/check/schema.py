"""Outputs held to the task's JSON Schema.

The rules are the ``jsonschema`` library's. Nothing is fetched for a ``$ref`` that points elsewhere, and a
note names the rule and never the value, which may be personal.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from whet.check.findings import Finding, Flag
from whet.errors import InputError

if TYPE_CHECKING:
    from whet.check.subject import Subject, Tools

SHOWN = 3  # broken rules named in a note; the rest are counted


def schema(subject: Subject, tools: Tools) -> Iterator[Finding]:
    """``accurate.schema``: outputs that are not JSON, or break the task's JSON Schema."""
    if subject.schema is None:
        return
    faults = schema_faults(dict(subject.schema))
    known: dict[str, str] = {}
    flags = []
    for row, output in enumerate(subject.outputs):
        if output not in known:
            known[output] = faults(output)
        if known[output]:
            flags.append(Flag(row, "output", known[output]))
    if flags:
        yield Finding(
            check="accurate.schema",
            standard="accurate",
            severity="blocks",
            what=f"{len(flags):,} of {len(subject):,} outputs break the schema.",
            why="A model that learns from these will answer what your program cannot read.",
            repair="Mend these outputs, or the schema where it asks too much.",
            flags=tuple(flags),
        )


def schema_faults(rules: dict[str, Any]) -> Callable[[str], str]:
    """A function from an output to the rules that it breaks, as one text; empty where it breaks none.

    Raises:
        InputError: the rules are no JSON Schema.
    """
    from jsonschema import exceptions
    from jsonschema.validators import validator_for
    from referencing import Registry

    kind = validator_for(rules)
    try:
        kind.check_schema(rules)
    except exceptions.SchemaError as error:
        place = "/".join(map(str, error.absolute_path))
        raise InputError(
            f"the schema is no JSON Schema: {error.message}", where=f"schema/{place}", fix="mend the schema."
        ) from error
    validator = kind(rules, registry=Registry(), format_checker=kind.FORMAT_CHECKER)

    def faults(output: str) -> str:
        try:
            value = json.loads(output)
        except (ValueError, RecursionError):
            return "is not JSON"
        broken = [_rule(error) for error in validator.iter_errors(value)]
        more = f"; and {len(broken) - SHOWN:,} more" if len(broken) > SHOWN else ""
        return "; ".join(broken[:SHOWN]) + more

    return faults


def _rule(error: Any) -> str:
    """Where and which rule."""
    if error.validator == "required":
        lacks = ", ".join(name for name in error.validator_value if name not in error.instance)
        return f"{error.json_path}: lacks {lacks}"
    if error.validator == "additionalProperties":
        known = error.schema.get("properties", {})
        return f"{error.json_path}: has {', '.join(name for name in error.instance if name not in known)}"
    rule = json.dumps(error.validator_value, ensure_ascii=False)
    return f"{error.json_path}: breaks {error.validator} {rule if len(rule) <= 80 else rule[:79] + '…'}"
