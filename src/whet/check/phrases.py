"""Phrases that an approved answer should not hold: refusals of an assistant, and placeholders.

Refusals in English, German, French, Spanish, Italian, Portuguese and Dutch, looked for at the start of an
answer, where they stand. An apology alone is none: a help desk may be sorry. It does not know other
languages, or a refusal in new words. Each pattern has a cue, a plain text that must be there first, so that
a million answers are read in seconds.
"""

from __future__ import annotations

import re

HEAD = 400
"""Characters of an answer in which a refusal stands."""

_MODEL = r"(?:ai(?: language model| model| assistant| chatbot| system)?|(?:large |ai )?language model)"
_CANNOT = r"(?:can't|cannot|can not|am unable to|am not able to|won't be able to)"
_HELP = (
    r"(?:help|assist|comply|engage|answer (?:that|this|your)|fulfil\w* (?:that|this)|do (?:that|this|so)\b"
    r"|access (?:that|this|specific|personal|real-time|your|customer)"
    r"|(?:provide|offer|give|generate|create|write|share|discuss|support) (?:you with )?"
    r"(?:that|this|such|assistance|(?:medical|legal|financial) advice|explicit|harmful|inappropriate)\b)"
)
_MODELL = r"(?:ki\b|künstliche intelligenz|(?:großes )?(?:ki-)?sprachmodell)"
_MODELE = r"(?:ia\b|intelligence artificielle|(?:grand )?modèle (?:de langage|d'ia))"
_MODELO = r"(?:ia\b|inteligencia artificial|(?:gran )?modelo de lenguaje)"
# Cue and pattern; both meet the answer in lower case, with straight apostrophes.
_REFUSALS = {
    "en": (
        ("as a", rf"\bas an? {_MODEL}(?:[,.]|-| (?:i|my|it|developed|trained)\b)"),
        ("just a", rf"\bi(?:'m| am) (?:just |only )an? {_MODEL}\b"),
        ("language model", rf"\bi(?:'m| am) an? {_MODEL}\b"),
        (" i ", rf"\b(?:sorry|afraid|apolog\w+|unfortunately)\b[^.!?]{{0,30}} i {_CANNOT} (?:\w+ )?{_HELP}"),
        ("i'm ", rf"\bi'm (?:unable|not able|not allowed) to (?:\w+ )?{_HELP}"),
        ("i ", rf"^i {_CANNOT} (?:\w+ )?{_HELP}"),
        ("against my", r"\bagainst my (?:programming|guidelines|polic\w+|principles)\b"),
        ("my ", r"\b(?:my knowledge cut-?off|as of my last (?:knowledge |training )?(?:update|cut-?off))\b"),
    ),
    "de": (
        ("als ", rf"\bals (?:ein(?:e)? )?{_MODELL}(?:,|-| (?:kann|bin|habe)\b)"),
        ("bin ", rf"\bich bin (?:nur |lediglich )?eine? {_MODELL}"),
        ("nicht", r"\b(?:dabei|damit|hierbei) kann ich (?:\w+ ){0,3}nicht (?:weiter)?helfen"),
        (
            "nicht",
            r"\bleid,?[^.!?]{0,20} (?:ich kann|kann ich) [^.!?]{0,50}nicht (?:weiter)?(?:helf|beantwort)en",
        ),
    ),
    "fr": (
        ("en tant qu", rf"\ben tant qu(?:e |'){_MODELE}"),
        ("en tant qu", r"\ben tant qu'assistant (?:ia|virtuel)\b"),
        (
            "je ne p",
            r"\bje ne (?:peux|puis) (?:\w+ )?pas (?:vous |t')?(?:aider|répondre à (?:cette|votre|ta))",
        ),
    ),
    "es": (
        ("como ", rf"\bcomo (?:una? )?{_MODELO}"),
        ("no puedo", r"^no puedo (?:ayudar|responder a|cumplir)"),
        (
            "no puedo",
            r"\b(?:lo siento|lamento|disculp\w+)\b[^.!?]{0,20}\bno puedo (?:ayudar|responder|cumplir)",
        ),
    ),
    "it": (
        ("come ", r"\bcome (?:un'|una? )?(?:ia\b|intelligenza artificiale|modello linguistico)"),
        ("non posso", r"\bmi dispiace\b[^.!?]{0,20}\bnon posso (?:aiutar|rispondere a|soddisfare)"),
    ),
    "pt": (
        ("como ", r"\bcomo (?:uma? )?(?:inteligência artificial|(?:grande )?modelo de linguagem)"),
        ("não posso", r"\b(?:desculp\w+|lamento|sinto muito)\b[^.!?]{0,20}\bnão posso (?:ajudar|responder)"),
    ),
    "nl": (
        ("als ", r"\bals (?:ai|(?:groot )?(?:ai-)?taalmodel)(?:,|-| (?:kan|ben|heb)\b)"),
        (
            "spijt",
            r"\bspijt me,?[^.!?]{0,20} (?:ik kan|kan ik) [^.!?]{0,40}niet (?:\w+ )?(?:helpen|beantwoorden)",
        ),
    ),
}
_READY = tuple((cue, re.compile(pattern)) for some in _REFUSALS.values() for cue, pattern in some)

_SLOT = (
    r"(?:insert|enter|your|(?:first |last |full )?name|date|address|company|customer|product|order|phone"
    r"|e-?mail|amount|url|link|city|placeholder)"
)
# Kind of placeholder, its cues, its pattern. Kinds are judged apart: slots that many answers share are meant.
_PLACEHOLDERS = tuple(
    (kind, cues, re.compile(pattern))
    for kind, cues, pattern in (
        ("note", ("TODO", "TBD", "FIXME"), r"\b(?:TODO|TBD|FIXME)\b"),
        ("filler", ("orem ipsum",), r"[Ll]orem ipsum"),
        ("[slot]", ("[",), rf"(?i:\[{_SLOT}(?:[ _-][\w' -]{{1,40}})?\])(?!\()"),
        ("<slot>", ("<",), r"(?i:<(?:insert|enter|your)[ _-][\w' -]{1,60}>)"),
        ("{{slot}}", ("{{",), r"\{\{[\w .'/-]{1,60}\}\}"),
    )
)
_NOTHING = re.compile(
    r"\s*(?:x{2,}|n/?a|n\.a\.|tbd|todo|fixme|null|nan|undefined|placeholder|asdf\w*"
    r"|(?:lorem ipsum|insert) .{0,40}here|[-_.…?*#]+|\[[^\[\]]{0,40}\]|<[^<>]{0,40}>)\s*\.?\s*",
    re.IGNORECASE,
)
_LONGEST_NOTHING = 80


def refusal(answer: str) -> str:
    """The words with which an answer refuses, or ""."""
    head = answer[:HEAD].lower().replace("’", "'")
    for cue, pattern in _READY:
        found = pattern.search(head) if cue in head else None
        if found:
            return found[0].strip()
    return ""


def placeholders(answer: str) -> list[tuple[str, str]]:
    """(kind, placeholder) of every kind in an answer."""
    if len(answer) <= _LONGEST_NOTHING and _NOTHING.fullmatch(answer):
        return [("nothing else", answer.strip())]
    found = []
    for kind, cues, pattern in _PLACEHOLDERS:
        match = pattern.search(answer) if any(cue in answer for cue in cues) else None
        if match:
            found.append((kind, match[0]))
    return found
