"""What only people know of a specialist: who answers for it, what it is for, what it may do wrong.

A YAML file that ``whet card --about FILE`` reads; what it does not say stands in the card as not provided.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from whet.config_lines import Section, line_of, read_yaml
from whet.errors import many, nearest


class About(Section):
    """One text each."""

    provider: str = ""
    """Who puts it into service, and how to reach them."""
    version_of: str = ""
    """The product that it is a part of, and how the two interact."""
    intended_use: str = ""
    users: str = ""
    """Who uses it, and who is affected."""
    out_of_scope: str = ""
    risks: str = ""
    """Foreseeable harm to health, safety and fundamental rights, and what was done about it."""
    oversight: str = ""
    """How people watch over it, and how they can stop it."""
    impact: str = ""
    """Assessment of its impact on individuals and society."""
    security: str = ""
    monitoring: str = ""
    """How it is watched once it is in use."""
    incidents: str = ""
    """Whom to tell when something goes wrong."""
    standards: str = ""
    """Harmonised standards that were applied."""
    declaration: str = ""
    """The EU declaration of conformity."""
    licence: str = ""
    """Of the specialist."""
    contact: str = ""


def read_about(path: Path | None) -> About:
    """Read the file; without one, nothing is said.

    Raises:
        InputError: says which line.
    """
    if path is None:
        return About()
    value, root = read_yaml(path)
    try:
        return About.model_validate(value or {})
    except ValidationError as error:
        said = [
            f"{path}{line_of(root, one['loc'])}: {'.'.join(map(str, one['loc']))}: "
            + (
                nearest(str(one["loc"][-1]), About.model_fields)
                if one["type"] == "extra_forbidden"
                else one["msg"]
            )
            for one in error.errors()
        ]
        raise many(
            said, what="what people say cannot be read:", where=path, fix="see docs/release.md."
        ) from None
