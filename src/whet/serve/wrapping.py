"""A chosen or found answer in the form that a caller asks for.

An encoder's specialist answers with a label, or with JSON that it has found. Where a caller asks for JSON
under a schema, a label goes to the one place that the schema has for a text; what does not fit the schema is
told as a refusal, as OpenAI's structured outputs do. Knows no model.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from jsonschema import SchemaError
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend, validator_for
from referencing import Registry
from referencing.exceptions import Unresolvable

from whet.records import Output
from whet.serve.faults import bad, unsupported

STEPS = 2_000
"""References that are followed while one value is tried, at most: where each leads to two more, they have no
end."""
PLAIN_NAME = "label"
"""Where the label stands in an object of any form."""


REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")


class Unfit(Exception):
    """The answer has no place in the schema; the text says why, for a person."""


def content_of(output: Output, separator: str = "|") -> str:
    """An output as one text."""
    return output if isinstance(output, str) else separator.join(output)


def wrapped(output: Output, schema: Mapping[str, Any]) -> str:
    """The output as JSON under a schema.

    Raises:
        Unfit: the schema has no place for it.
        Fault: the schema is none.
    """
    check_schema(schema)
    for value in _candidates(output, schema):
        if _fits(value, schema):
            return json.dumps(value, ensure_ascii=False)
    raise Unfit(f"The answer, {content_of(output)!r}, has no place in the schema that was asked for.")


def check_schema(schema: Mapping[str, Any]) -> None:
    """Raises a ``Fault`` where it is no schema, or leads elsewhere."""
    if _has_pattern(schema):
        raise unsupported("patterns in a schema are not tried on chosen answers.", "response_format")
    try:
        validator_for(schema).check_schema(dict(schema))
    except SchemaError as error:
        raise bad(f"is no JSON Schema: {error.message[:200]}", "response_format") from None


def _has_pattern(schema: Any) -> bool:
    """A pattern of a stranger can take Python's ``re`` longer than the world lasts."""
    if isinstance(schema, Mapping):
        own = isinstance(schema.get("pattern"), str) or isinstance(schema.get("patternProperties"), Mapping)
        return own or any(map(_has_pattern, schema.values()))
    return isinstance(schema, list) and any(map(_has_pattern, schema))


def _fits(value: Any, schema: Mapping[str, Any]) -> bool:
    try:
        # An empty registry: left out, jsonschema would fetch what a ``$ref`` names from anywhere.
        _counting(validator_for(schema))(_one_dialect(schema), registry=Registry()).validate(value)
    except ValidationError:
        return False
    except (Unresolvable, RecursionError):
        raise bad("leads to a schema that is not in it.", "response_format") from None
    return True


def _counting(validator: Any) -> Any:
    """The validator, which follows so many references and no more."""
    left = [STEPS]

    def counted(name: str) -> Any:
        def check(*told: Any) -> Any:
            left[0] -= 1
            if left[0] < 0:
                raise bad("leads from one of its schemas to another too often.", "response_format")
            return validator.VALIDATORS[name](*told)

        return check

    return extend(  # type: ignore[no-untyped-call]
        validator, {name: counted(name) for name in REFERENCES if name in validator.VALIDATORS}
    )


def _one_dialect(schema: Any) -> Any:
    """Without ``$schema``, by which a part would choose another validator, that does not count."""
    if isinstance(schema, Mapping):
        given = {key: part for key, part in schema.items() if key != "$schema" or not isinstance(part, str)}
        return {key: _one_dialect(part) for key, part in given.items()}
    return [_one_dialect(part) for part in schema] if isinstance(schema, list) else schema


def _candidates(output: Output, schema: Mapping[str, Any]) -> Iterator[Any]:
    """What the output may look like in JSON, the most faithful first."""
    if isinstance(output, str):
        try:
            found = json.loads(output)
        except ValueError:
            found = None
        if isinstance(found, dict | list):
            yield found
    value = output if isinstance(output, str) else list(output)
    yield value
    properties = schema.get("properties")
    names = list(properties) if isinstance(properties, Mapping) and properties else [PLAIN_NAME]
    yield from ({name: value} for name in names)
