"""What a task knows from documents: which files, and how they are cut into passages.

Knows no file: ``whet.retrieve.documents`` reads them.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from whet.config_lines import Section


def _listed(value: Any) -> Any:
    """One path is a list of one."""
    return [value] if isinstance(value, str) else value


class Knowledge(Section):
    """Documents whose passages a model that writes is shown."""

    documents: Annotated[list[str], BeforeValidator(_listed)] = Field(min_length=1)
    """Files and folders of `.txt`, `.md`, `.html` and `.jsonl`, relative to the task file."""
    words: int = Field(default=120, ge=8, le=2000)
    """Of one passage, at most."""
    overlap: int = Field(default=20, ge=0)
    """Words of whole sentences that a passage repeats from the one before it."""

    @model_validator(mode="after")
    def _goes_on(self) -> Knowledge:
        if self.overlap > self.words // 2:
            raise ValueError(f"overlap: at most half of `words`, {self.words // 2}")
        return self


def _documents(value: Any) -> Any:
    """A path, or a list of paths, is meant as ``documents``."""
    return {"documents": value} if isinstance(value, str | list) else value


Documents = Annotated[Knowledge, BeforeValidator(_documents)]
