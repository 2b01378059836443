"""Presidio as a finder, where the extra ``pii`` is installed: ``Tools(names=find_with_presidio)``.

Runs Presidio's analyzer as it comes, or, where no spaCy model is at hand, on its ``no_op`` engine: patterns
and check digits, no names. Its kinds that whet does not know are left out. On first use one of its
libraries (tldextract) asks the network for the list of public suffixes, and goes on without it.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from whet.check.pii.spans import GROUP_OF, apart
from whet.check.subject import Span
from whet.errors import InputError

MODEL = "en_core_web_lg"  # what the analyzer loads when nothing is configured
# Presidio's kinds to ours, where names differ.
KINDS = {
    "US_DRIVER_LICENSE": "DRIVER_LICENSE",
    "US_PASSPORT": "PASSPORT",
    "ES_NIE": "ES_NIF",
    "IT_DRIVER_LICENSE": "DRIVER_LICENSE",
}


def find_with_presidio(texts: Sequence[str], language: str = "en") -> list[list[Span]]:
    """What Presidio finds in each text, none overlapping.

    Raises:
        InputError: presidio-analyzer is not installed.
    """
    return [apart(_spans(analyzer().analyze(text=text, language=language))) for text in texts]


def _spans(results: Sequence[Any]) -> Iterator[Span]:
    for result in results:
        kind = KINDS.get(result.entity_type, result.entity_type)
        if kind in GROUP_OF:
            yield result.start, result.end, kind


@lru_cache(maxsize=1)
def analyzer() -> Any:
    """Presidio's analyzer: its default where the spaCy model is installed, else patterns alone."""
    try:
        from presidio_analyzer import AnalyzerEngine
        from presidio_analyzer.nlp_engine import NlpEngineProvider
    except ImportError as error:
        raise InputError("presidio-analyzer is not installed.", fix="pip install 'whet[pii]'.") from error
    if importlib.util.find_spec(MODEL):
        return AnalyzerEngine()
    nothing = {"nlp_engine_name": "no_op", "models": [{"lang_code": "en", "model_name": "no_op"}]}
    engine = NlpEngineProvider(nlp_configuration=nothing).create_engine()
    return AnalyzerEngine(nlp_engine=engine, supported_languages=["en"])
