"""Where things stand in a YAML file: read with line numbers, repeated keys refused.

Knows YAML and pydantic's paths, no task: ``whet.config`` says what a task is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ConfigDict

from whet.errors import InputError

SECRET = frozenset({"api_key_env", "endpoint"})
"""Keys whose value is never shown: somebody may have put the key itself there."""


class Section(BaseModel):
    """One mapping of the task file: unknown keys are errors, values stay as they are."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, use_attribute_docstrings=True, serialize_by_alias=True
    )


def read_yaml(path: Path) -> tuple[Any, yaml.Node | None]:
    """The file's value, and its composed tree, which knows the lines.

    Raises:
        InputError: missing, not UTF-8, bad YAML, a key given twice.
    """
    text = _read(path)
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "cannot be read"
        raise InputError(f"is not valid YAML: {problem}.", where=f"{path}{line}") from error
    _refuse_repeated_keys(root, path)
    return value, root


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise InputError("no such file.", where=path, fix="start with `whet init FILE`.") from error
    except UnicodeDecodeError as error:
        raise InputError("is not UTF-8.", where=path, fix="save it as UTF-8.") from error
    except OSError as error:
        raise InputError(f"cannot read: {error.strerror}.", where=path) from error


def _refuse_repeated_keys(root: yaml.Node | None, path: Path) -> None:
    """YAML keeps the last of two equal keys in silence; here that is an error."""
    nodes = [root]
    walked: set[int] = set()  # an alias may lead back
    while nodes:
        node = nodes.pop()
        if id(node) in walked:
            continue
        walked.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            nodes.extend(node.value)
        if isinstance(node, yaml.MappingNode):
            _refuse_repeats(node, path)
            nodes.extend(value for _, value in node.value)


def _refuse_repeats(node: yaml.MappingNode, path: Path) -> None:
    first: dict[str, int] = {}
    for key, _ in node.value:
        name, line = str(key.value), key.start_mark.line + 1
        if name in first:
            raise InputError(
                f"{name!r} is already at line {first[name]}.",
                where=f"{path}:{line}",
                fix="remove one of the two.",
            )
        first[name] = line


def is_tag(part: Any) -> bool:
    """Pydantic adds the branch of a union to a path; ours are in brackets: not a key."""
    return isinstance(part, str) and "[" in part


def known_keys(section: type[BaseModel], loc: Sequence[Any]) -> list[str]:
    """The keys allowed in the section at ``loc``, pydantic's path, as the file writes them."""
    inside = [section]
    for part in loc:
        if is_tag(part):  # the branch of a union that the value chose
            inside = [s for s in inside if _tag(s) == part] or inside
        elif (field := _by_key(inside[0]).get(str(part))) is not None:
            # The annotation of a union's branch stands in the metadata where the union is the whole field.
            inside = list(_sections(field.annotation)) or inside
    return list(_by_key(inside[0]))


def _tag(section: type[BaseModel]) -> str:
    chosen_by = section.model_fields.get("score")
    return f"[{chosen_by.default}]" if chosen_by is not None else ""


def _by_key(section: type[BaseModel]) -> dict[str, Any]:
    return {field.alias or name: field for name, field in section.model_fields.items()}


def _sections(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models that an annotation such as ``list[str | X] | None`` names."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _sections(part)


def line_of(root: yaml.Node | None, loc: Sequence[Any]) -> str:
    """``:12`` for the key at ``loc``, or for the innermost part of it that the file has."""
    node, line = root, None
    for part in loc:
        found = None
        if isinstance(node, yaml.MappingNode):
            pairs = {key.value: (key, val) for key, val in node.value}
            found = pairs.get(str(part))
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            item = node.value[part]
            found = (item, item)
        if found is None:
            break
        line, node = found[0].start_mark.line + 1, found[1]
    return f":{line}" if line else ""
