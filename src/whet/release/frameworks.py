"""Which part of a card speaks to which field of three frameworks, and which fields nothing speaks to.

- EU AI Act: Annex IV of Regulation (EU) 2024/1689, points 1 to 9;
- NIST AI RMF 1.0 (NIST AI 100-1): the subcategories that documentation of one model can speak to;
- ISO/IEC 42001:2023, Annex A: controls that documentation of one model can speak to.

The table is a way to find things. That a part is named does not say that a requirement is met; that is for
people. Words are short forms of the fields, not their text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from whet.repair.card import NOT_PROVIDED

ACT, NIST, ISO = "EU AI Act, Annex IV", "NIST AI RMF 1.0", "ISO/IEC 42001, Annex A"

Field = tuple[str, str, tuple[str, ...]]
"""Its number, what it asks for, and the parts of a card that speak to it (``part`` or ``part.key``)."""

FIELDS: Mapping[str, tuple[Field, ...]] = {
    ACT: (
        ("1(a)", "intended purpose, provider, version", ("about.intended_use", "about.provider", "release")),
        ("1(b)", "interaction with other hardware and software", ("about.version_of",)),
        ("1(c)", "versions of software and update requirements", ("environment",)),
        ("1(d)", "forms in which it is placed on the market", ()),
        ("1(e)", "hardware on which it runs", ("environment",)),
        ("1(f)", "photographs of the product it is part of", ()),
        ("1(g)", "user interface for the deployer", ()),
        ("1(h)", "instructions for use", ("about.intended_use",)),
        ("2(a)", "methods and steps of development, third-party models", ("bases", "training", "command")),
        ("2(b)", "design choices, what is optimised for, trade-offs", ("purpose", "training", "rungs")),
        ("2(c)", "architecture and computational resources", ("bases", "training", "environment")),
        ("2(d)", "data: provenance, scope, labelling, cleaning", ("data",)),
        ("2(e)", "human oversight measures", ("about.oversight",)),
        ("2(f)", "pre-determined changes", ()),
        ("2(g)", "validation and testing: metrics, logs, reports", ("figures", "measures", "gate")),
        ("2(h)", "cybersecurity measures", ("about.security",)),
        (
            "3",
            "capabilities, limits, accuracy for groups, foreseeable risks",
            ("figures", "limits", "about.risks"),
        ),
        ("4", "appropriateness of the performance metrics", ("metric",)),
        ("5", "risk management system", ("about.risks",)),
        ("6", "changes through the lifecycle", ("release",)),
        ("7", "harmonised standards applied", ("about.standards",)),
        ("8", "EU declaration of conformity", ("about.declaration",)),
        ("9", "post-market monitoring", ("about.monitoring",)),
    ),
    NIST: (
        ("GOVERN 1.6", "inventory of systems", ("release",)),
        ("GOVERN 2.1", "roles and responsibilities", ("release", "about.provider")),
        ("GOVERN 6.1", "third-party models and data", ("bases", "data")),
        ("MAP 1.1", "purpose, context, users, impacts", ("purpose", "about.intended_use", "about.users")),
        ("MAP 2.1", "task and method", ("purpose", "training")),
        ("MAP 2.2", "limits of knowledge, human oversight", ("limits", "about.oversight")),
        ("MAP 2.3", "integrity of test, evaluation and validation", ("figures", "metric", "command")),
        ("MAP 4.1", "legal risks of components", ("bases", "data.uses.licence")),
        ("MAP 5.1", "likelihood and magnitude of impacts", ("about.impact",)),
        ("MEASURE 1.1", "metrics chosen for the risks", ("metric", "gate")),
        ("MEASURE 2.1", "test sets, metrics and tools", ("figures", "data", "environment")),
        ("MEASURE 2.3", "performance in conditions like deployment", ("figures",)),
        ("MEASURE 2.4", "monitoring in production", ("about.monitoring",)),
        ("MEASURE 2.5", "validity, reliability, limits of generalisation", ("figures", "limits")),
        ("MEASURE 2.6", "safety", ("measures.safety",)),
        ("MEASURE 2.7", "security and resilience", ("measures.robustness", "about.security")),
        ("MEASURE 2.8", "transparency and accountability", ("release",)),
        ("MEASURE 2.9", "explanation and interpretation", ("measures.grounding",)),
        ("MEASURE 2.10", "privacy", ("measures.memorization", "data.personal_data")),
        ("MEASURE 2.11", "fairness and bias", ("measures.slices",)),
        ("MEASURE 2.12", "environmental impact", ("training.seconds",)),
        ("MANAGE 2.4", "ways to supersede and stop it", ("release.state", "about.oversight")),
        ("MANAGE 4.1", "monitoring plans after deployment", ("about.monitoring",)),
        ("MANAGE 4.3", "incidents are communicated", ("about.incidents",)),
    ),
    ISO: (
        ("A.2.2", "AI policy", ("gate",)),
        ("A.3.2", "roles and responsibilities", ("release", "about.provider")),
        ("A.3.3", "reporting of concerns", ("about.contact",)),
        ("A.4.2", "documentation of resources", ("bases", "data", "environment")),
        ("A.4.3", "data resources", ("data",)),
        ("A.4.4", "tooling", ("environment",)),
        ("A.4.5", "system and computing resources", ("environment", "training")),
        ("A.4.6", "human resources", ()),
        ("A.5.2", "impact assessment: process", ()),
        ("A.5.3", "impact assessment: documentation", ("about.impact",)),
        ("A.5.4", "impact on individuals and groups", ("about.impact", "measures.slices")),
        ("A.5.5", "impact on society", ("about.impact",)),
        ("A.6.1.2", "objectives of responsible development", ()),
        ("A.6.1.3", "processes of responsible development", ("command", "gate")),
        ("A.6.2.2", "requirements and specification", ("purpose", "metric")),
        ("A.6.2.3", "design and development", ("training", "rungs")),
        ("A.6.2.4", "verification and validation", ("figures", "measures", "gate")),
        ("A.6.2.5", "deployment", ("release",)),
        ("A.6.2.6", "operation and monitoring", ("about.monitoring",)),
        ("A.6.2.7", "technical documentation", ("artifacts",)),
        ("A.6.2.8", "event logs", ("release",)),
        ("A.7.2", "data for development", ("data",)),
        ("A.7.3", "acquisition of data", ("data.collection.origin",)),
        ("A.7.4", "quality of data", ("data.standards",)),
        ("A.7.5", "provenance of data", ("data.collection.origin", "data.file")),
        ("A.7.6", "preparation of data", ("data.left_out",)),
        ("A.8.2", "information for users", ("about.intended_use", "limits")),
        ("A.8.3", "external reporting", ("about.contact",)),
        ("A.8.4", "communication of incidents", ("about.incidents",)),
        ("A.8.5", "information for interested parties", ()),
        ("A.9.2", "processes of responsible use", ("about.oversight",)),
        ("A.9.4", "intended use", ("about.intended_use",)),
        ("A.10.2", "allocation of responsibilities", ("about.provider",)),
        ("A.10.3", "suppliers", ("bases",)),
        ("A.10.4", "customers", ("about.users",)),
    ),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One field of a framework."""

    framework: str
    field: str
    asks: str
    parts: tuple[str, ...]
    """Parts of the card that speak to it; empty: not provided."""

    @property
    def said(self) -> str:
        return ", ".join(self.parts) or NOT_PROVIDED


def lines(card: Mapping[str, Any]) -> list[Line]:
    """Every field, with the parts of this card that have something to say to it."""
    return [
        Line(framework, number, asks, tuple(part for part in parts if says(card, part)))
        for framework, fields in FIELDS.items()
        for number, asks, parts in fields
    ]


def says(card: Mapping[str, Any], part: str) -> bool:
    """Whether a part of a card has something in it."""
    value: Any = card
    for key in part.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    return not _empty(value)


def _empty(value: Any) -> bool:
    if isinstance(value, Mapping):
        return all(_empty(inner) for inner in value.values())
    if isinstance(value, str):
        return value in ("", NOT_PROVIDED)
    return value is None or value == [] or value == ()
